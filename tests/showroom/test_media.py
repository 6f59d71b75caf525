import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.storage import storage

KEY = "ab/0123-320.jpg"


@pytest.fixture
def stored(app: Flask) -> bytes:
    data = bytes(range(256)) * 20
    storage().put(KEY, data, content_type="image/jpeg", public=True)
    storage().put("ab/original.jpg", b"with a place in it", content_type="image/jpeg", public=False)
    return data


def test_a_public_file_is_served_to_be_kept_for_a_year(client: FlaskClient, stored: bytes) -> None:
    answer = client.get(f"/media/{KEY}")
    assert (answer.status_code, answer.data) == (200, stored)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Length"] == str(len(stored))
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Content-Disposition"] == "inline"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("a.avif", "image/avif"), ("a.webp", "image/webp"), ("a.png", "image/png")],
)
def test_the_type_follows_from_the_name_only(
    client: FlaskClient, name: str, content_type: str
) -> None:
    storage().put(name, b"<script>alert(1)</script>", content_type="text/html", public=True)
    assert client.get(f"/media/{name}").headers["Content-Type"] == content_type


def test_who_has_it_gets_no_bytes(client: FlaskClient, stored: bytes) -> None:
    etag = client.get(f"/media/{KEY}").headers["ETag"]
    answer = client.get(f"/media/{KEY}", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.data) == (304, b"")
    assert "immutable" in answer.headers["Cache-Control"]


def test_head_and_parts(client: FlaskClient, stored: bytes) -> None:
    head = client.head(f"/media/{KEY}")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(stored))
    part = client.get(f"/media/{KEY}", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, stored[10:20])
    beyond = client.get(f"/media/{KEY}", headers={"Range": "bytes=999999-"})
    assert beyond.status_code == 416


@pytest.mark.parametrize(
    "path",
    [
        "ab/original.jpg", "no.jpg", "../private/ab/original.jpg", "%2e%2e/private/ab/original.jpg",
        "..%2fprivate%2fab%2foriginal.jpg", "ab/../ab/0123-320.jpg", "/ab/0123-320.jpg",
        "ab//0123-320.jpg", "ab", "ab/", "", "ab/0123-320.JPG", "ab/0123-320.jpg/x.jpg",
        "ab/.unfinished-00.jpg", "a\0.jpg", "%00.jpg", "ã.jpg", "x.svg", "x.html", "x" * 5000,
        "con.jpg\r\nX: 1",
    ],
)  # fmt: skip
def test_everything_else_is_not_found(client: FlaskClient, stored: bytes, path: str) -> None:
    assert client.get(f"/media/{path}").status_code in {404, 308, 301}
    answer = client.get(f"/media/{path}", follow_redirects=True)
    assert b"with a place" not in answer.data


def test_only_reading_is_possible(client: FlaskClient, stored: bytes) -> None:
    for verb in ("post", "put", "delete"):
        assert getattr(client, verb)(f"/media/{KEY}").status_code == 405
