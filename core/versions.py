"""Reads which moment of the site it is, on a connection that does nothing else.

On SQLite `PRAGMA data_version` says first whether anybody committed anything at all.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from core import site_version

ANSWER_SECONDS: Final = 1  # a database that is slower than this is not asked on the way to a page
log = structlog.get_logger("vitrine.versions")


class Versions(NamedTuple):
    """What the site shows, and the stock that it shows."""

    site: int
    stock: int


class VersionReader:
    """Asks the database at `url`. `stock` selects the stock's version. One caller at a time."""

    def __init__(self, url: str, stock: sa.Select[Any]) -> None:
        self._engine = sa.create_engine(url, poolclass=NullPool, connect_args=_limits(url))
        self._file = self._engine.url.database if url.startswith("sqlite") else None
        self._question = sa.select(site_version.NUMBER.scalar_subquery(), stock.scalar_subquery())
        self._connection: Connection | None = None
        self._made_for: tuple[int, ...] = ()
        self._commits = -1
        self._versions: Versions | None = None
        self._lock = threading.Lock()

    def read(self) -> Versions | None:
        """The versions now. None when the database does not answer, or has none yet."""
        with self._lock:
            try:
                return self._read()
            except (sa.exc.SQLAlchemyError, OSError) as error:
                log.warning("versions_unknown", error=type(error).__name__, effect="slower pages")
                self._leave()
                return None

    def close(self) -> None:
        """Give up the connection; the next question makes a new one."""
        with self._lock:
            self._leave()

    def _read(self) -> Versions | None:
        connection = self._connected()
        if self._file is None:
            return self._ask(connection)
        commits = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        if commits != self._commits or self._versions is None:
            # In this order: a commit in between is seen at the next question, too.
            self._versions = self._ask(connection)
            self._commits = commits
        return self._versions

    def _ask(self, connection: Connection) -> Versions | None:
        site, stock = connection.execute(self._question).one()
        return None if site is None else Versions(site, stock or 0)

    def _connected(self) -> Connection:
        # A connection belongs to the process that made it, and to the file that was there then.
        made_for = (os.getpid(), *self._file_now())
        if self._connection is None or made_for != self._made_for:
            self._leave()
            self._connection = self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            )
            self._made_for = made_for
        return self._connection

    def _file_now(self) -> tuple[int, ...]:
        if self._file is None:
            return ()
        found = Path(self._file).stat()
        return found.st_dev, found.st_ino

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        self._versions, self._commits = None, -1
        if connection is not None and self._made_for[:1] == (os.getpid(),):
            with suppress(sa.exc.SQLAlchemyError):
                connection.close()


def _limits(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        # Another thread may ask next; never two at once.
        return {"timeout": ANSWER_SECONDS, "check_same_thread": False}
    return {
        "connect_timeout": 2,
        "options": f"-c statement_timeout={ANSWER_SECONDS * 1000}",
        "tcp_user_timeout": ANSWER_SECONDS * 1000,
    }
