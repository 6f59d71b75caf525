"""Where files live: a folder on this machine, or a bucket that speaks S3.

Two areas that never mix: public files, which anybody may read at `/media/<key>`, and private ones
(originals with a place and a plate in them), which no address reaches. Every verb but `url` says
which one it means. A key is a relative path in small letters; it names content, so the bytes
behind a public key never change.
"""

import errno
import io
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from urllib.parse import parse_qs, urlsplit

import obstore
from flask import Flask, current_app
from flask_babel import gettext as _
from obstore.exceptions import BaseError
from obstore.store import S3Store

from core import config as settings
from core.errors import DomainError

MEDIA_PATH: Final = "/media/"
KEY_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*", re.ASCII)
KEY_MAX_LENGTH: Final = 200
UNFINISHED: Final = ".unfinished-"
BUCKET_TIMEOUT: Final = timedelta(seconds=30)


class BadKey(DomainError):
    """The text is no key of ours; it may be an attempt to leave the media folder."""


class NoSuchFile(DomainError):
    """Nothing is stored under that key."""


class StorageFailed(DomainError):
    """The disk or the bucket did not do it; trying again later may help."""


class StorageFull(StorageFailed):
    """There is no room left."""


@dataclass(frozen=True)
class StoredFile:
    """One line of a listing."""

    key: str
    size_bytes: int
    modified_at: datetime  # when it was last put, aware UTC


class Storage(Protocol):
    """What both places can do. Every verb raises BadKey and StorageFailed."""

    def put(self, key: str, data: bytes, *, content_type: str, public: bool) -> None:
        """Store `data` whole, or not at all; durable on return. The last one wins."""

    def put_file(self, key: str, file: BinaryIO, *, content_type: str, public: bool) -> None:
        """`put` for a file too large to be held: read from where it stands to its end."""

    def open(self, key: str, *, public: bool) -> BinaryIO:
        """The file for reading; close it. Raises NoSuchFile."""

    def exists(self, key: str, *, public: bool) -> bool:
        """Whether something is stored under `key`."""

    def delete(self, key: str, *, public: bool, unless_put_since: datetime | None = None) -> bool:
        """Remove the file; True if it was there and is gone now. A file that was put at or after
        `unless_put_since` stays."""

    def url(self, key: str) -> str:
        """The address of a public file on this site."""

    def files(self, *, public: bool) -> Iterator[StoredFile]:
        """Every stored file, those of one folder together."""

    def drop_unfinished(self, before: datetime) -> int:
        """Remove what a killed process left half-written before that instant; how many."""


def checked_key(key: str) -> str:
    """`key`, if it can be one: no "..", nothing hidden or absolute. Raises BadKey."""
    if len(key) > KEY_MAX_LENGTH or not KEY_PATTERN.fullmatch(key):
        raise BadKey(_("This is not the name of a stored file."))
    return key


def _area(public: bool) -> str:
    return "public" if public else "private"


class LocalStorage:
    """Files under `root`/public and `root`/private."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def _path(self, key: str, public: bool) -> Path:
        return self.root / _area(public) / checked_key(key)

    def _make_folder(self, folder: Path, public: bool) -> None:
        if folder.is_dir():
            return
        area = self.root / _area(public)
        area.mkdir(mode=0o755 if public else 0o700, parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)

    def put(self, key: str, data: bytes, *, content_type: str, public: bool) -> None:
        """See `Storage.put`. The type follows from the key's ending when it is served."""
        self.put_file(key, io.BytesIO(data), content_type=content_type, public=public)

    def put_file(self, key: str, file: BinaryIO, *, content_type: str, public: bool) -> None:  # noqa: ARG002
        """See `Storage.put_file`."""
        path = self._path(key, public)
        with _plain_failures():
            self._make_folder(path.parent, public)
            unfinished = path.with_name(UNFINISHED + secrets.token_hex(8))
            try:
                with open(unfinished, "xb") as copy:
                    shutil.copyfileobj(file, copy)
                    copy.flush()
                    os.fsync(copy.fileno())
                unfinished.replace(path)
                _sync_folder(path.parent)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                raise

    def open(self, key: str, *, public: bool) -> BinaryIO:
        """See `Storage.open`."""
        path = self._path(key, public)
        with _plain_failures():
            return path.open("rb")

    def exists(self, key: str, *, public: bool) -> bool:
        """See `Storage.exists`."""
        return self._path(key, public).is_file()

    def delete(self, key: str, *, public: bool, unless_put_since: datetime | None = None) -> bool:
        """See `Storage.delete`."""
        path = self._path(key, public)
        with _plain_failures(), suppress(FileNotFoundError):
            if unless_put_since and _modified_at(path) >= unless_put_since:
                return False
            path.unlink()
            return True
        return False

    def url(self, key: str) -> str:
        """See `Storage.url`."""
        return MEDIA_PATH + checked_key(key)

    def files(self, *, public: bool) -> Iterator[StoredFile]:
        """See `Storage.files`."""
        area = self.root / _area(public)
        for path in _walk(area):
            if path.name.startswith(UNFINISHED):
                continue
            with suppress(FileNotFoundError):  # somebody else removed it meanwhile
                stat = path.stat()
                modified_at = datetime.fromtimestamp(stat.st_mtime, UTC)
                yield StoredFile(path.relative_to(area).as_posix(), stat.st_size, modified_at)

    def drop_unfinished(self, before: datetime) -> int:
        """See `Storage.drop_unfinished`."""
        dropped = 0
        for path in _walk(self.root):
            with suppress(FileNotFoundError):
                if path.name.startswith(UNFINISHED) and _modified_at(path) < before:
                    path.unlink()
                    dropped += 1
        return dropped


def _walk(folder: Path) -> Iterator[Path]:
    for parent, _folders, names in os.walk(folder):
        for name in names:
            yield Path(parent, name)


def _modified_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut: the name is the folder's data, not the file's."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _plain_failures() -> Iterator[None]:
    """Turn what the disk says into one of this module's errors."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise NoSuchFile(_("This file is not stored here.")) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise StorageFull(
                _("There is no room left to store files. Free some space and try again.")
            ) from error
        raise StorageFailed(_("The file could not be stored or read.")) from error


class BucketStorage:
    """Files in a bucket, under `public/` and `private/`; the bucket itself stays closed to all.

    `address` is `s3://bucket/prefix?endpoint=https://…&region=…`; the credentials come from the
    usual AWS_* variables.
    """

    def __init__(self, address: str) -> None:
        bucket, prefix, options = _bucket_address(address)
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            config={
                "region": options.get("region", "us-east-1"),
                "disable_bulk_delete": True,  # not every S3-like store has it
                **({"endpoint": options["endpoint"]} if "endpoint" in options else {}),
            },
            client_options={
                "timeout": BUCKET_TIMEOUT,
                "allow_http": options.get("endpoint", "").startswith("http://"),
            },
            retry_config={"max_retries": 2, "retry_timeout": BUCKET_TIMEOUT},
        )

    @staticmethod
    def _path(key: str, public: bool) -> str:
        return f"{_area(public)}/{checked_key(key)}"

    def put(self, key: str, data: bytes, *, content_type: str, public: bool) -> None:
        """See `Storage.put`."""
        self._put(key, data, content_type, public)

    def put_file(self, key: str, file: BinaryIO, *, content_type: str, public: bool) -> None:
        """See `Storage.put_file`."""
        self._put(key, file, content_type, public)

    def _put(self, key: str, data: bytes | BinaryIO, content_type: str, public: bool) -> None:
        path = self._path(key, public)
        with _plain_bucket_failures():
            # One request: a multipart upload that dies half-way goes on costing money unseen.
            obstore.put(
                self._store,
                path,
                data,
                attributes={"Content-Type": content_type},
                use_multipart=False,
            )

    def open(self, key: str, *, public: bool) -> BinaryIO:
        """See `Storage.open`. Whole in memory: our files are photos of at most some MB."""
        path = self._path(key, public)
        with _plain_bucket_failures():
            return io.BytesIO(bytes(obstore.get(self._store, path).bytes()))

    def exists(self, key: str, *, public: bool) -> bool:
        """See `Storage.exists`."""
        return self._modified_at(key, public) is not None

    def delete(self, key: str, *, public: bool, unless_put_since: datetime | None = None) -> bool:
        """See `Storage.delete`."""
        modified_at = self._modified_at(key, public)
        if modified_at is None or (unless_put_since and modified_at >= unless_put_since):
            return False
        with _plain_bucket_failures():
            obstore.delete(self._store, self._path(key, public))
        return True

    def url(self, key: str) -> str:
        """See `Storage.url`. Our own address too: the site passes the bytes on, so the bucket
        needs no public policy, pages need no other origin, and a CDN in front keeps them."""
        return MEDIA_PATH + checked_key(key)

    def files(self, *, public: bool) -> Iterator[StoredFile]:
        """See `Storage.files`."""
        area = _area(public)
        with _plain_bucket_failures():
            for batch in obstore.list(self._store, area, chunk_size=1000):
                for entry in batch:
                    key = entry["path"].removeprefix(f"{area}/")
                    yield StoredFile(key, entry["size"], entry["last_modified"])

    def drop_unfinished(self, before: datetime) -> int:  # noqa: ARG002
        """See `Storage.drop_unfinished`. A bucket shows an object whole or not at all."""
        return 0

    def _modified_at(self, key: str, public: bool) -> datetime | None:
        path = self._path(key, public)
        try:
            with _plain_bucket_failures():
                return obstore.head(self._store, path)["last_modified"]
        except NoSuchFile:
            return None


def _bucket_address(address: str) -> tuple[str, str, dict[str, str]]:
    """Bucket, prefix and options of an `s3://` address. Raises BadSetting with a sentence."""
    parts = urlsplit(address)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    unknown = sorted(options.keys() - {"endpoint", "region"})
    if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc or unknown:
        raise settings.BadSetting(
            "VITRINE_MEDIA_URL must look like s3://bucket/prefix?endpoint=https://…&region=…, "
            "with the credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return parts.netloc, parts.path.strip("/"), options


@contextmanager
def _plain_bucket_failures() -> Iterator[None]:
    """Turn what the bucket says into one of this module's errors."""
    try:
        yield
    except FileNotFoundError as error:  # how obstore says "no such key"
        raise NoSuchFile(_("This file is not stored here.")) from error
    except (BaseError, OSError) as error:
        raise StorageFailed(_("The file store does not answer or refused.")) from error


def init_storage(app: Flask, config: settings.Config) -> None:
    """Give `app` the place that `config` names. Raises BadSetting for an unusable address."""
    app.extensions["vitrine_storage"] = (os.getpid(), _make_storage(config))


def storage() -> Storage:
    """The file store of the application that is running, one per process."""
    process, store = current_app.extensions["vitrine_storage"]
    if process != os.getpid():  # a bucket's connections do not survive a fork
        store = _make_storage(settings.current())
        current_app.extensions["vitrine_storage"] = (os.getpid(), store)
    made: Storage = store
    return made


def _make_storage(config: settings.Config) -> Storage:
    if config.media_url:
        return BucketStorage(config.media_url)
    return LocalStorage(config.media_dir)
