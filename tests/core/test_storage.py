import os
import resource
import signal
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from core.config import BadSetting
from core.storage import (
    BadKey,
    BucketStorage,
    LocalStorage,
    NoSuchFile,
    Storage,
    StorageFailed,
    StorageFull,
)
from tests.bucket import Bucket, BucketServer

JPEG = {"content_type": "image/jpeg"}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    with BucketServer() as served:
        yield served


@pytest.fixture(params=["disk", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path, app: Flask) -> Storage:
    if request.param == "disk":
        return LocalStorage(tmp_path)
    return BucketStorage(request.getfixturevalue("bucket").url)


def test_what_was_put_can_be_read(store: Storage) -> None:
    store.put("ab/one.jpg", b"bytes", public=True, **JPEG)
    with store.open("ab/one.jpg", public=True) as file:
        assert file.read() == b"bytes"
    assert store.exists("ab/one.jpg", public=True)
    assert store.url("ab/one.jpg") == "/media/ab/one.jpg"


def test_the_last_put_wins(store: Storage) -> None:
    store.put("a.jpg", b"first", public=True, **JPEG)
    store.put("a.jpg", b"second", public=True, **JPEG)
    with store.open("a.jpg", public=True) as file:
        assert file.read() == b"second"


def test_private_files_are_not_found_among_the_public_ones(store: Storage) -> None:
    store.put("ab/one.jpg", b"with a place in it", public=False, **JPEG)
    assert not store.exists("ab/one.jpg", public=True)
    with pytest.raises(NoSuchFile):
        store.open("ab/one.jpg", public=True)
    assert list(store.files(public=True)) == []


def test_a_missing_file_is_named_so(store: Storage) -> None:
    with pytest.raises(NoSuchFile):
        store.open("no.jpg", public=True)
    assert not store.exists("no.jpg", public=True)
    assert not store.delete("no.jpg", public=True)


def test_deleting_removes_once(store: Storage) -> None:
    store.put("a.jpg", b"x", public=True, **JPEG)
    assert store.delete("a.jpg", public=True)
    assert not store.delete("a.jpg", public=True)
    assert not store.exists("a.jpg", public=True)


def test_a_file_put_since_is_spared(store: Storage) -> None:
    store.put("a.jpg", b"x", public=True, **JPEG)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    assert not store.delete("a.jpg", public=True, unless_put_since=an_hour_ago)
    assert store.delete(
        "a.jpg", public=True, unless_put_since=datetime.now(UTC) + timedelta(hours=1)
    )


def test_files_are_listed(store: Storage) -> None:
    for key in ("ab/one.jpg", "ab/cd/two.jpg", "abc/three.jpg", "four.jpg"):
        store.put(key, b"1234", public=True, **JPEG)
    listed = list(store.files(public=True))
    assert {file.key for file in listed} == {
        "ab/one.jpg", "ab/cd/two.jpg", "abc/three.jpg", "four.jpg",
    }  # fmt: skip
    assert {file.size_bytes for file in listed} == {4}
    assert all(datetime.now(UTC) - file.modified_at < timedelta(minutes=1) for file in listed)


@pytest.mark.parametrize(
    "key",
    [
        "", "/", "..", "../secret", "a/../b", "a/..", "/etc/passwd", "a//b", "a/", ".hidden",
        "a/.hidden", "a\\b", "a\0b", "A.jpg", "a b", "ã.jpg", "a\n", "%2e%2e/x", "a" * 201,
    ],
)  # fmt: skip
def test_odd_keys_are_refused_by_every_verb(store: Storage, key: str) -> None:
    with pytest.raises(BadKey):
        store.put(key, b"x", public=True, **JPEG)
    with pytest.raises(BadKey):
        store.open(key, public=True)
    with pytest.raises(BadKey):
        store.exists(key, public=True)
    with pytest.raises(BadKey):
        store.delete(key, public=True)
    with pytest.raises(BadKey):
        store.url(key)


# --- disk ------------------------------------------------------------------------------------


def test_strangers_on_the_machine_cannot_enter_the_private_folder(tmp_path: Path) -> None:
    LocalStorage(tmp_path).put("a.jpg", b"x", public=False, **JPEG)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) & 0o077 == 0


def test_a_full_disk_is_said_in_words_and_leaves_nothing(app: Flask, tmp_path: Path) -> None:
    store = LocalStorage(tmp_path)
    child = os.fork()  # the limit cannot be raised again in this process
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            store.put("ab/big.jpg", b"x" * 5000, public=True, **JPEG)
        except StorageFull as error:
            code = 0 if str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_is_a_file_is_a_failure_in_words(app: Flask, tmp_path: Path) -> None:
    store = LocalStorage(tmp_path)
    store.put("a", b"x", public=True, **JPEG)
    with pytest.raises((StorageFailed, NoSuchFile)):
        store.put("a/b.jpg", b"x", public=True, **JPEG)
    with pytest.raises(NoSuchFile):
        store.open("a/b.jpg", public=True)


def test_leftovers_of_killed_processes_are_not_listed_and_go_after_a_while(tmp_path: Path) -> None:
    store = LocalStorage(tmp_path)
    store.put("ab/one.jpg", b"x", public=True, **JPEG)
    (tmp_path / "public" / "ab" / ".unfinished-0123").write_bytes(b"half")
    assert [file.key for file in store.files(public=True)] == ["ab/one.jpg"]
    assert store.drop_unfinished(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert store.drop_unfinished(datetime.now(UTC) + timedelta(hours=1)) == 1
    assert store.exists("ab/one.jpg", public=True)


# --- bucket ----------------------------------------------------------------------------------


def test_the_bucket_gets_signed_requests_with_the_type(bucket: Bucket) -> None:
    BucketStorage(bucket.url).put("ab/one.jpg", b"bytes", public=True, **JPEG)
    body, content_type, _when = bucket.objects["loja/public/ab/one.jpg"]
    assert (body, content_type) == (b"bytes", "image/jpeg")
    [(verb, path, signature)] = bucket.requests
    assert (verb, path) == ("PUT", "/vitrine-test/loja/public/ab/one.jpg")
    assert signature.startswith("AWS4-HMAC-SHA256 Credential=test-key/")
    assert "/sa-east-1/s3/" in signature


def test_a_refusing_bucket_is_said_in_words(app: Flask, bucket: Bucket) -> None:
    store = BucketStorage(bucket.url)
    bucket.broken = True
    with pytest.raises(StorageFailed) as put:
        store.put("a.jpg", b"x", public=True, **JPEG)
    with pytest.raises(StorageFailed):
        store.open("a.jpg", public=True)
    assert "127.0.0.1" not in str(put.value)
    assert "test-key" not in str(put.value)


def test_a_bucket_that_is_away_is_said_in_words(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    store = BucketStorage("s3://loja?endpoint=http://127.0.0.1:1&region=sa-east-1")
    with pytest.raises(StorageFailed):
        store.put("a.jpg", b"x", public=True, **JPEG)


@pytest.mark.parametrize(
    "address",
    [
        "s3://", "http://bucket/x", "bucket", "s3://bucket?acess_key=x", "s3://key:secret@bucket",
        "file:///etc", "memory:///",
    ],
)  # fmt: skip
def test_a_mistyped_address_stops_the_start(address: str) -> None:
    with pytest.raises(BadSetting, match="VITRINE_MEDIA_URL"):
        BucketStorage(address)
