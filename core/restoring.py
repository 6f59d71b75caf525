"""A backup's way back. All of it is unpacked and checked beside its place before anything moves.

Then the database is replaced in one transaction, the media folders by renaming, and journals grow
by the lines that they lack: this machine's own know of sales and erasures since the backup.
Killed before the first of these, nothing has changed; killed between them, the same command goes
on to the end.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alembic.script import ScriptDirectory
from flask_migrate import upgrade

from core import backup_database as database
from core.backup import Tell, backup_plan, key_mark, plain_failures, scratch, sync_folder
from core.backup_archive import DATABASES, ArchiveReader, BackupFailed, Manifest, opened
from core.config import ROOT, Config, current
from core.db import db

AREAS: Final = ("public", "private")
ROOM_LEFT_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class Restored:
    """What came back, and the sentences that whoever restored it has to read."""

    manifest: Manifest
    notes: list[str]


def restore(path: Path, tell: Tell, *, replaces: bool) -> Restored:
    """Put the backup at `path` in place. `replaces` allows it where something is already.

    Raises core.backup_archive.BackupFailed; nothing was changed then, unless it says so.
    """
    config = current()
    instance = Path(config.instance_dir)
    with plain_failures(), opened(path) as archive:
        _refuse_unfit(archive.manifest, config)
        _refuse_full_target(config, replaces)
        _refuse_without_room(archive, config)
        with scratch(instance) as folder, scratch(_media_root(config)) as beside_media:
            _unpack(archive, folder, tell)
            copy = folder / DATABASES[archive.manifest.database]
            tell("checking the database")
            database.check_copy(copy)
            if archive.manifest.has_media:
                _stage_media(folder / "media", beside_media)
            tell("replacing")
            database.put_back(copy)
            if archive.manifest.has_media:
                _swap_media(beside_media, Path(config.media_dir))
            _merge_journals(folder / "journal", instance)
            _return_spooled(folder / "spool", Path(config.spool_dir))
    for name in backup_plan().derived:
        shutil.rmtree(instance / name, ignore_errors=True)
    return Restored(archive.manifest, _finish(archive.manifest, config, tell))


def _refuse_unfit(manifest: Manifest, config: Config) -> None:
    wanted = db.engine.dialect.name
    if manifest.database != wanted:
        raise BackupFailed(
            f"The backup is of {manifest.database}, VITRINE_DATABASE_URL names {wanted}. A backup "
            "comes back to the kind of database that it was made from."
        )
    scripts = ScriptDirectory(str(ROOT / "migrations"))
    if manifest.head not in {script.revision for script in scripts.walk_revisions()}:
        raise BackupFailed(
            f"The backup is of a newer release (its tables are at {manifest.head!r}). Install that "
            "release and restore with it."
        )
    if manifest.has_media and config.media_url:
        raise BackupFailed(
            "The backup holds media, but VITRINE_MEDIA_URL names a bucket. Restore without it."
        )


def _refuse_full_target(config: Config, replaces: bool) -> None:
    if database.is_in_use():
        raise BackupFailed("The site or a worker still runs on this database. Stop them first.")
    media = Path(config.media_dir)
    has_media = any(any((media / area).glob("*")) for area in AREAS)
    if not replaces and (has_media or not database.is_empty()):
        raise BackupFailed(
            "There is a site already: its database or its media are not empty. "
            "--replace puts the backup in their place; take a backup of them first."
        )


def _refuse_without_room(archive: ArchiveReader, config: Config) -> None:
    for folder in {Path(config.instance_dir), _media_root(config)}:
        needed = archive.bytes + ROOM_LEFT_BYTES
        if shutil.disk_usage(folder).free < needed:
            raise BackupFailed(f"{folder} has no room: {needed // 1024 // 1024} MiB are needed.")


def _media_root(config: Config) -> Path:
    root = Path(config.instance_dir if config.media_url else config.media_dir)
    root.mkdir(parents=True, exist_ok=True)
    return root


def _unpack(archive: ArchiveReader, folder: Path, tell: Tell) -> None:
    for count, _name in enumerate(archive.unpack(folder), 1):
        if count % 1000 == 0:
            tell(f"unpacked and checked: {count} files")


def _stage_media(unpacked: Path, beside: Path) -> None:
    """Bring the media to the disk where they belong, so that the last step is a rename."""
    for area in AREAS:
        target = beside / area
        if (unpacked / area).is_dir():
            shutil.move(unpacked / area, target)
        target.mkdir(exist_ok=True)
        target.chmod(0o755 if area == "public" else 0o700)
    for area in AREAS:
        for parent, _folders, _names in os.walk(beside / area):
            sync_folder(Path(parent))


def _swap_media(beside: Path, media: Path) -> None:
    for area in AREAS:
        if (media / area).exists():
            (media / area).rename(beside / f"{area}-before")
        (beside / area).rename(media / area)
    sync_folder(media)


def _merge_journals(unpacked: Path, instance: Path) -> None:
    for name in backup_plan().journals:
        try:
            lines = (unpacked / name).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            continue
        own = instance / name
        known = set(own.read_text(encoding="utf-8").splitlines()) if own.exists() else set()
        with own.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines if line not in known)
            file.flush()
            os.fsync(file.fileno())


def _return_spooled(unpacked: Path, spool: Path) -> None:
    for state in ("new", "parked"):
        for path in sorted((unpacked / state).glob("*.json")):
            (spool / state).mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.move(path, spool / state / path.name)


def _finish(manifest: Manifest, config: Config, tell: Tell) -> list[str]:
    """What a restored database needs before it serves; sentences about it."""
    tell("migrations")
    upgrade()
    notes = _notes(manifest, config)
    for step in backup_plan().afterwards:
        notes.append(_guarded(step))
    return [note for note in notes if note]


def _guarded(step: Callable[[], str]) -> str:
    try:
        return step()
    except Exception as error:
        db.session.rollback()
        # The rest is in place: the other steps matter all the more.
        return f"{step.__name__} failed ({type(error).__name__}). Run this command again."


def _notes(manifest: Manifest, config: Config) -> list[str]:
    notes = []
    if manifest.key_mark != key_mark(config):
        notes.append(
            "VITRINE_SECRET_KEY is not the one of the backup: portal accounts, second factors and "
            "notices to browsers stay sealed. Put the old key in place, or run "
            "`flask --app wsgi portals reseal --old-key-file FILE`."
        )
    if not manifest.has_media:
        notes.append("Media are in a bucket and were not in the backup: look after the bucket.")
    return notes
