"""Files named by their content: packed once, given from memory, and only at the right address."""

import brotli
import pytest

from core.headers import IMMUTABLE
from core.immutable import ImmutableFiles, asset_digest
from showroom.theme import stylesheet_path


@pytest.fixture
def addresses(app) -> dict[str, str]:
    with app.app_context():
        return {
            "script": f"/static/site.js?v={asset_digest('site.js')}",
            "style": stylesheet_path(),
            "picture": f"/static/icon-192.png?v={asset_digest('icon-192.png')}",
        }


def test_a_file_is_the_same_bytes_in_every_encoding_and_asked_of_the_site_once(
    app, client, addresses, monkeypatch
):
    for address in (addresses["script"], addresses["style"]):
        plain = client.get(address)
        monkeypatch.setattr(app, "full_dispatch_request", pytest.fail)
        packed = client.get(address, headers={"Accept-Encoding": "gzip;q=0.5, br, zstd"})
        monkeypatch.undo()
        assert packed.headers["Content-Encoding"] == "br"
        assert brotli.decompress(packed.data) == plain.data
        assert len(packed.data) * 2 < len(plain.data)
        for answer in (plain, packed):
            assert answer.headers["Cache-Control"] == IMMUTABLE
            assert "Accept-Encoding" in answer.headers["Vary"]
            assert int(answer.headers["Content-Length"]) == len(answer.data)
            assert "Content-Security-Policy" in answer.headers
            assert "Set-Cookie" not in answer.headers
        assert plain.headers["ETag"] != packed.headers["ETag"]
        known = {"If-None-Match": packed.headers["ETag"], "Accept-Encoding": "br"}
        unchanged = client.get(address, headers=known)
        assert (unchanged.status_code, unchanged.data) == (304, b"")
        assert client.get(address, headers={"If-None-Match": '"else"'}).status_code == 200
        head = client.head(address, headers={"Accept-Encoding": "br"})
        assert (head.data, head.headers["Content-Length"]) == (b"", str(len(packed.data)))
    picture = client.get(addresses["picture"], headers={"Accept-Encoding": "br"})
    assert "Content-Encoding" not in picture.headers


def test_other_addresses_of_a_file_are_answered_and_not_kept(app, client, addresses):
    right = addresses["script"]
    for wrong in ("/static/site.js", "/static/site.js?v=1", f"{right}&x=1", f"{right}0"):
        answer = client.get(wrong)
        assert answer.status_code == 200
        assert answer.headers.get("Cache-Control") != IMMUTABLE
    for missing in ("/static/nothing.js?v=1", "/static/../app.py", "/estilo-000.css"):
        assert client.get(missing).status_code == 404
    assert client.post(right).status_code == 405
    assert client.get(right, headers={"Range": "bytes=0-3"}).status_code in {200, 206}
    layer = app.wsgi_app
    while not isinstance(layer, ImmutableFiles):
        layer = getattr(layer, "_wrapped", None) or layer._app
    path, query = right.split("?")
    assert not [key for key in layer._files if key[0] == path and key[1] != query]


@pytest.mark.parametrize(
    ("asked_by", "is_packed"),
    [
        ("same-origin", True),
        ("none", True),
        ("cross-site", False),
        ("same-site", False),
        (None, False),
    ],
)
def test_a_staff_page_that_another_site_asked_for_is_not_packed(client, asked_by, is_packed):
    """Its length would tell, guess by guess, what stands in it beside what the address says."""
    headers = {"Accept-Encoding": "br"} | ({"Sec-Fetch-Site": asked_by} if asked_by else {})
    answer = client.get("/admin/login", base_url="https://localhost", headers=headers)
    assert answer.status_code == 200
    assert (answer.headers.get("Content-Encoding") == "br") is is_packed
    refused = client.post("/admin/carros/", base_url="https://localhost", headers=headers)
    assert refused.status_code == 400
    assert (refused.headers.get("Content-Encoding") == "br") is is_packed
