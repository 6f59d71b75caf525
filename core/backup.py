"""Backups taken while the site serves: one file with the database, the media and what lies beside.

The order makes it whole:

1. **The spool.** A lead that waits there is copied, or it is in the database by the time of 3.
2. **The media**, all that are there.
3. **The database**, of one instant. The backup is of this instant.
4. **The media again**, those that came meanwhile: a file is there before a row names it. What was
   deleted since 2 is in the archive already.
5. **The journals**, lines about sales and erasures. One too many does no harm.

The secret key is not in it: who finds a backup should not be able to open what is sealed in it.
"""

import fcntl
import hashlib
import hmac
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Flask, current_app

from core import backup_database as database
from core.backup_archive import DATABASES, ArchiveWriter, BackupFailed, Manifest
from core.clock import now
from core.config import Config, current
from core.db import current_head, db
from core.storage import NoSuchFile, StorageFailed, storage

SCRATCH: Final = ".vitrine-backup-"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class BackupPlan:
    """What a backup takes besides database and media, and what a restored site needs.

    journals: files of the instance folder that only grow, a line at a time.
    derived: folders of the instance folder that are made anew from the database.
    afterwards: called in the restored application, each with a sentence about what it did.
    """

    journals: Sequence[str] = ()
    derived: Sequence[str] = ()
    afterwards: Sequence[Callable[[], str]] = ()


@dataclass(frozen=True)
class Taken:
    """What a backup holds."""

    rows: int
    files: int
    bytes: int
    has_media: bool


def init_backup(app: Flask, plan: BackupPlan) -> None:
    """Tell `app` what belongs to a backup of it."""
    app.extensions["vitrine_backup"] = plan


def backup_plan() -> BackupPlan:
    plan: BackupPlan = current_app.extensions["vitrine_backup"]
    return plan


def create(path: Path, tell: Tell) -> Taken:
    """Write a backup to `path`, which must not exist. It appears there whole or not at all.

    `tell` hears what is being done. Raises core.backup_archive.BackupFailed.
    """
    if path.exists():
        raise BackupFailed(f"{path} exists already; a backup never replaces another one.")
    if not path.parent.is_dir():
        raise BackupFailed(f"The folder {path.parent} is not there.")
    with plain_failures(), scratch(path.parent) as folder:
        unfinished = folder / "archive"
        with open(unfinished, "xb", opener=_private) as file:
            archive = ArchiveWriter(file)
            try:
                taken = _write(archive, folder, tell)
            finally:
                archive.give_up()
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: it does not replace what somebody else put there meanwhile.
        os.link(unfinished, path)
        sync_folder(path.parent)
    return taken


def key_mark(config: Config) -> str:
    """Tells two secret keys apart without giving one away."""
    return hmac.new(config.secret_key.encode(), b"vitrine backup", hashlib.sha256).hexdigest()[:16]


def _write(archive: ArchiveWriter, folder: Path, tell: Tell) -> Taken:
    config = current()
    for name, path in _spooled(Path(config.spool_dir)):
        with suppress(FileNotFoundError), path.open("rb") as source:  # drained: see 3
            archive.add(name, source)
    has_media = not config.media_url
    if has_media:
        _add_media(archive, tell)
    copy = folder / "database"
    made_at = now()
    head = current_head()
    counts = database.snapshot(copy, tell)
    dialect = db.engine.dialect.name
    with copy.open("rb") as source:
        archive.add(DATABASES[dialect], source)
    copy.unlink()
    if has_media:
        _add_media(archive, tell)
    for name in backup_plan().journals:
        with suppress(FileNotFoundError), Path(config.instance_dir, name).open("rb") as source:
            archive.add(f"journal/{name}", source)
    files = sum(1 for name in archive.files if name.startswith("media/"))
    archive.finish(
        Manifest(made_at.isoformat(), dialect, head, key_mark(config), has_media, counts)
    )
    return Taken(sum(counts.values()), files, archive.bytes, has_media)


def _spooled(spool: Path) -> Iterator[tuple[str, Path]]:
    for state in ("new", "parked"):
        for path in sorted((spool / state).glob("*.json")):
            yield f"spool/{state}/{path.name}", path


def _add_media(archive: ArchiveWriter, tell: Tell) -> None:
    added = 0
    for is_public in (True, False):
        area = "public" if is_public else "private"
        for stored in storage().files(public=is_public):
            name = f"media/{area}/{stored.key}"
            if name in archive.files:
                continue
            with suppress(NoSuchFile), storage().open(stored.key, public=is_public) as source:
                archive.add(name, source)
                added += 1
                if added % 1000 == 0:
                    tell(f"media: {added} files")


# ---- files that are not finished ----


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A folder of our own in `parent`, gone afterwards. What killed runs left there goes, too: a
    run holds a lock on its folder as long as it lives."""
    for left in parent.glob(f"{SCRATCH}*"):
        _drop_unless_held(left)
    folder = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=parent))
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _drop_unless_held(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(handle)


@contextmanager
def plain_failures() -> Iterator[None]:
    """Say in a sentence what the disk said."""
    try:
        yield
    except StorageFailed as error:
        raise BackupFailed(str(error)) from None
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise BackupFailed(f"The disk refused: {error.strerror}{where}.") from error


def sync_folder(folder: Path) -> None:
    """Make a new name in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
