"""Where a submission waits on disk while the database refuses it.

One file per submission: written under `tmp/`, flushed to the disk, renamed into `new/`, the
folder flushed too. After that the buyer may be told "received", whatever dies next. Files are
read back in the order they arrived and go once they are stored; a crash in between stores the
same key again, which changes nothing.

A file of ballast is given up when the disk is full, so that the last kilobytes belong to leads.

DomainError
└── SpoolFailed    not even the disk takes it
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

from core.errors import DomainError

BALLAST_BYTES: Final = 8 * 1024 * 1024
_serial = count()


class SpoolFailed(DomainError):
    """The disk refused too: the caller must say so and keep what was typed."""


class Spool:
    """The folder `path`, shared by every process of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in ("tmp", "new", "parked"):
            (path / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, record: dict[str, Any]) -> None:
        """Keep `record` (plain values) safely. Raises SpoolFailed."""
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(_serial)}.json"
        body = json.dumps(record, ensure_ascii=True).encode()
        try:
            self._write(name, body)
        except OSError:
            if not self._drop_ballast():
                raise SpoolFailed("the disk takes nothing more") from None
            try:
                self._write(name, body)
            except OSError as error:
                raise SpoolFailed(str(error)) from error

    def _write(self, name: str, body: bytes) -> None:
        draft = self.path / "tmp" / name
        try:
            with open(draft, "xb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self.path / "new" / name)
            _sync_folder(self.path / "new")
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise

    def drain(self, store: Callable[[dict[str, Any]], bool]) -> int:
        """Give each record to `store`, oldest first, and forget it afterwards; how many.

        One process drains at a time; another returns 0 at once. What `store` raises ends the
        round and keeps that file and those after it. A file that makes no sense, or that `store`
        says (False) will never fit, is put aside in `parked/`. One that the disk does not give
        back now stays, and holds up nobody.
        """
        with self._alone() as mine:
            if not mine:
                return 0
            done = 0
            for path in self._waiting():
                try:
                    record = self._read(path)
                except OSError:
                    continue
                if record is not None and store(record):
                    done += 1
                    path.unlink()
                else:
                    path.rename(self.path / "parked" / path.name)
            self._restore_ballast()
            return done

    def find(self, submission_id: str) -> bool:
        """Whether the submission with this id waits here."""
        needle = json.dumps(submission_id).encode()
        for path in self._waiting():
            with suppress(FileNotFoundError):  # drained at this very moment
                if needle in path.read_bytes():
                    return True
        return False

    def is_empty(self) -> bool:
        """Whether nothing waits."""
        with os.scandir(self.path / "new") as entries:
            return next(entries, None) is None

    def depth(self) -> tuple[int, float]:
        """How many wait, and the age of the oldest in seconds (0 when none)."""
        waiting = self._waiting()
        if not waiting:
            return 0, 0.0
        return len(waiting), max(0.0, time.time() - int(waiting[0].name.split("-")[0]) / 1e9)

    def parked(self) -> int:
        """How many were put aside."""
        with os.scandir(self.path / "parked") as entries:
            return sum(1 for _ in entries)

    def _waiting(self) -> list[Path]:
        return sorted((self.path / "new").glob("*.json"))

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            record = json.loads(path.read_bytes())
        except ValueError:
            return None
        return record if isinstance(record, dict) else None

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        with open(self.path / "lock", "a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _drop_ballast(self) -> bool:
        try:
            (self.path / "ballast").unlink()
        except OSError:
            return False
        return True

    def _restore_ballast(self) -> None:
        """Take the reserve back, but only while the disk has plenty."""
        ballast = self.path / "ballast"
        if ballast.exists():
            return
        usage = os.statvfs(self.path)
        if usage.f_bavail * usage.f_frsize < 8 * BALLAST_BYTES:
            return
        with suppress(OSError), open(ballast, "xb") as file:
            os.posix_fallocate(file.fileno(), 0, BALLAST_BYTES)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
