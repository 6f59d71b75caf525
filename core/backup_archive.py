"""The file that a backup is: a zip with plain names and a manifest as its last entry.

An archive is read as if a stranger had made it. Only names of the few shapes below are taken, each
once, with the size and the SHA-256 that the manifest tells; nothing is unpacked by the names' own
will. The sums find damage, not forgery: whoever can write a backup can write its sums too, so only
backups of one's own are restored.
"""

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import click

from core.errors import DomainError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
DATABASES: Final = {"sqlite": "database/vitrine.db", "postgresql": "database/vitrine.dump"}
CHUNK_BYTES: Final = 1024 * 1024
MOST_MANIFEST_BYTES: Final = 512 * 1024 * 1024
_NAMES: Final = re.compile(
    r"database/vitrine\.(db|dump)"
    r"|journal/[a-z]{1,40}\.jsonl"
    r"|spool/(new|parked)/[0-9-]{1,80}\.json"
    r"|media/(public|private)/[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*",
    re.ASCII,
)


class BackupFailed(DomainError, click.ClickException):
    """The backup was not made, or cannot be used; nothing was changed. Commands end with the
    sentence alone, and with 1."""


@dataclass
class Manifest:
    """What is in an archive. `files` tells size in bytes and SHA-256 by name."""

    made_at: str  # ISO 8601, UTC
    database: str  # "sqlite" or "postgresql"
    head: str  # the migration that the tables are at
    key_mark: str  # tells, without naming it, which secret key sealed what is sealed
    has_media: bool
    counts: dict[str, int]  # rows by table
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    format: int = FORMAT


class ArchiveWriter:
    """Writes entries to `file`, then the manifest."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)
        self.files: dict[str, tuple[int, str]] = {}
        self.bytes = 0

    def add(self, name: str, source: BinaryIO) -> None:
        """Copy what `source` holds. Photos are packed already, so nothing else is packed anew but
        the database and texts."""
        if not _NAMES.fullmatch(name):
            raise BackupFailed(f"{name!r} is no name that a backup can hold.")
        entry = zipfile.ZipInfo(name)
        if not name.startswith("media/"):
            entry.compress_type = zipfile.ZIP_DEFLATED
        digest, size = hashlib.sha256(), 0
        with self._zip.open(entry, "w", force_zip64=True) as target:
            while piece := source.read(CHUNK_BYTES):
                digest.update(piece)
                size += len(piece)
                target.write(piece)
        self.files[name] = (size, digest.hexdigest())
        self.bytes += size

    def give_up(self) -> None:
        """Write nothing more: left alone, the library would still try to, when it is cleared."""
        self._zip.fp = None

    def finish(self, manifest: Manifest) -> None:
        """Write `manifest` and the table of contents. Without them a file is no archive."""
        manifest.files = self.files
        self._zip.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1), zipfile.ZIP_DEFLATED)
        self._zip.close()


class ArchiveReader:
    """An archive whose names, sizes and manifest agree. Its bytes are checked while unpacked."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._zip = archive
        self.manifest = _manifest(archive)
        _compare(archive, self.manifest)

    @property
    def bytes(self) -> int:
        """What all entries take on a disk."""
        return sum(size for size, _digest in self.manifest.files.values())

    def unpack(self, folder: Path) -> Iterator[str]:
        """Write every entry below `folder`, which is new and ours; their names, one by one.

        Raises BackupFailed at the first entry that is not what the manifest says.
        """
        for name, (size, digest) in self.manifest.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with self._zip.open(name) as source, target.open("xb") as copy:
                    found = _copy(source, copy, size)
            except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
                raise _damaged(name) from error
            if found != digest:
                raise _damaged(name)
            yield name


@contextmanager
def opened(path: Path) -> Iterator[ArchiveReader]:
    """The archive at `path`. Raises BackupFailed where it is none, or a part of one."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield ArchiveReader(archive)
    except zipfile.BadZipFile:
        raise BackupFailed(f"{path} is not a whole backup of Vitrine.") from None
    except FileNotFoundError:
        raise BackupFailed(f"{path} is not there.") from None


def _copy(source: Any, copy: BinaryIO, size: int) -> str:
    """The SHA-256 of what was copied: `size` bytes, or "" where there are more or fewer."""
    digest, left = hashlib.sha256(), size
    while piece := source.read(CHUNK_BYTES):
        left -= len(piece)
        if left < 0:  # packed small, it would fill the disk
            return ""
        digest.update(piece)
        copy.write(piece)
    return "" if left else digest.hexdigest()


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        entry = archive.getinfo(MANIFEST)
        if entry.file_size > MOST_MANIFEST_BYTES:
            raise BackupFailed("The backup's manifest is too large to be one.")
        found = json.loads(archive.read(entry))
        if found["format"] != FORMAT:
            raise BackupFailed("The backup was made by another release: its format is unknown.")
        manifest = Manifest(**found)
        manifest.files = {
            str(name): (int(size), str(digest)) for name, (size, digest) in found["files"].items()
        }
        _check_types(manifest)
    except BackupFailed:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile, EOFError):
        raise BackupFailed("The backup's manifest is missing or damaged.") from None
    return manifest


def _check_types(manifest: Manifest) -> None:
    texts = (manifest.made_at, manifest.database, manifest.head, manifest.key_mark)
    if not all(isinstance(text, str) for text in texts) or not isinstance(manifest.counts, dict):
        raise TypeError
    if any(size < 0 for size, _digest in manifest.files.values()):
        raise ValueError


def _compare(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    held = [entry for entry in archive.infolist() if entry.filename != MANIFEST]
    names = [entry.filename for entry in held]
    if len(archive.infolist()) != len(held) + 1 or len(set(names)) != len(names):
        raise BackupFailed("The backup holds a file twice.")
    for entry in held:
        if not _NAMES.fullmatch(entry.filename):
            raise BackupFailed(f"The backup holds {entry.filename[:100]!r}, which is not ours.")
        if manifest.files.get(entry.filename, (-1, ""))[0] != entry.file_size:
            raise _damaged(entry.filename)
    if missing := manifest.files.keys() - set(names):
        raise _damaged(min(missing))
    if DATABASES.get(manifest.database) not in manifest.files:
        raise BackupFailed("The backup holds no database.")


def _damaged(name: str) -> BackupFailed:
    return BackupFailed(f"The backup is damaged: {name} is not what was put into it.")
