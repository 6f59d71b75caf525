"""A copy of the database as of one instant, and its way back, for SQLite and PostgreSQL.

Neither stops the site: SQLite's own backup reads one snapshot while others write, `pg_dump` does
the same. The way back is one transaction, so that whatever is killed meanwhile leaves the old
database or the new one.
"""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import URL

from core.backup_archive import BackupFailed
from core.db import db, write_gate

STEP_PAGES: Final = 16384
LOCK_SECONDS: Final = 5.0
Tell = Callable[[str], None]


def snapshot(target: Path, tell: Tell) -> dict[str, int]:
    """Copy the database to `target`, which does not exist yet; rows by table, of that instant.

    Raises BackupFailed.
    """
    db.session.rollback()
    if _is_sqlite():
        return _snapshot_sqlite(target, tell)
    return _snapshot_postgres(target, tell)


def put_back(source: Path) -> None:
    """Replace the database by the copy at `source`, or raise BackupFailed and change nothing."""
    db.session.remove()
    db.engine.dispose()
    if _is_sqlite():
        _put_back_sqlite(source)
    else:
        _put_back_postgres(source)


def is_empty() -> bool:
    """Whether no table is there."""
    found = not sa.inspect(db.engine).get_table_names()
    db.engine.dispose()
    return found


def is_in_use() -> bool:
    """Whether another process has the database open: the site, or a worker."""
    db.session.remove()
    db.engine.dispose()
    if not _is_sqlite():
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"  # fmt: skip  # noqa: E501
        with db.engine.connect() as connection:
            return bool(connection.execute(sa.text(query)).scalar_one())
    if not Path(_sqlite_path()).exists():
        return False
    with closing(sqlite3.connect(_sqlite_path(), timeout=0.5, isolation_level=None)) as own:
        # Whoever has a database in WAL mode open holds a shared lock on it for as long.
        own.execute("PRAGMA locking_mode=EXCLUSIVE")
        try:
            own.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return True
        own.execute("ROLLBACK")
        return False


def check_copy(source: Path) -> None:
    """Raise BackupFailed where the copy at `source` is no sound database."""
    if not _is_sqlite():
        _run([_tool("pg_restore"), "--list", str(source)], "The backup's dump cannot be read")
        return
    try:
        with closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as own:
            _refuse_unsound(own)
    except sqlite3.DatabaseError as error:
        raise BackupFailed(f"The backup's database is damaged: {error}.") from None


def _is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"


def _sqlite_path() -> str:
    return str(db.engine.url.database)


def _refuse_unsound(own: sqlite3.Connection) -> None:
    found = own.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise BackupFailed(f"The database is damaged: {str(found)[:200]}.")
    if broken := own.execute("PRAGMA foreign_key_check").fetchone():
        raise BackupFailed(f"The database has broken references in {broken[0]}.")


# ---- SQLite ----


def _snapshot_sqlite(target: Path, tell: Tell) -> dict[str, int]:
    def progress(_status: int, left: int, total: int) -> None:
        tell(f"database: {100 * (total - left) // max(1, total)} %")

    try:
        with (
            closing(sqlite3.connect(_sqlite_path(), isolation_level=None)) as live,
            closing(sqlite3.connect(target, isolation_level=None)) as copy,
        ):
            # One reader's view for all steps: without it each commit of others would begin anew.
            live.execute("BEGIN")
            live.execute("SELECT count(*) FROM sqlite_master").fetchone()
            live.backup(copy, pages=STEP_PAGES, progress=progress, sleep=0)
            live.execute("ROLLBACK")
            copy.execute("PRAGMA journal_mode=DELETE")  # the copy is one file
            _refuse_unsound(copy)
            return _counts_sqlite(copy)
    except sqlite3.Error as error:
        raise BackupFailed(f"The database could not be copied: {error}.") from None


def _counts_sqlite(own: sqlite3.Connection) -> dict[str, int]:
    names = own.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    names = [name for (name,) in names if re.fullmatch(r"[a-z][a-z0-9_]*", name)]
    return {name: own.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608


def _put_back_sqlite(source: Path) -> None:
    try:
        with (
            write_gate(db.engine),
            closing(sqlite3.connect(source)) as copy,
            closing(sqlite3.connect(_sqlite_path(), timeout=LOCK_SECONDS)) as live,
        ):
            # All pages at once are one transaction of `live`: killed within it, nothing happened.
            copy.backup(live, pages=-1)
    except sqlite3.Error as error:
        raise BackupFailed(f"The database was left as it was: {error}.") from None
    with closing(sqlite3.connect(_sqlite_path())) as live:
        live.execute("PRAGMA journal_mode=WAL")


# ---- PostgreSQL ----


def _snapshot_postgres(target: Path, tell: Tell) -> dict[str, int]:
    dump = _tool("pg_dump")
    with db.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        _refuse_older(dump, connection)
        name = connection.execute(sa.text("SELECT pg_export_snapshot()")).scalar_one()
        tell("database: pg_dump")
        arguments = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={name}"]
        _run(
            [dump, *arguments, f"--file={target}", f"--dbname={_address()}"],
            "The database could not be copied",
        )
        # Within the same snapshot, so that they are true of the dump.
        tables = sa.inspect(connection).get_table_names()
        quote = connection.dialect.identifier_preparer.quote
        return {
            table: connection.execute(sa.text(f"SELECT count(*) FROM {quote(table)}")).scalar_one()  # noqa: S608
            for table in tables
        }


def _refuse_older(dump: str, connection: sa.Connection) -> None:
    told = _run([dump, "--version"], "pg_dump does not start")
    version = int((re.search(r"(\d+)(\.|beta|rc|devel)", told) or ["", "0"])[1])
    server = connection.execute(sa.text("SHOW server_version_num")).scalar_one()
    if version < int(server) // 10000:
        raise BackupFailed(
            f"pg_dump is of version {version}, the server of {int(server) // 10000}: install "
            f"postgresql-client-{int(server) // 10000}."
        )


def _put_back_postgres(source: Path) -> None:
    script = source.with_suffix(".sql")
    arguments = ["--no-owner", "--no-privileges", f"--file={script}", str(source)]
    _run([_tool("pg_restore"), *arguments], "The backup's dump cannot be read")
    schema = source.with_suffix(".schema.sql")
    # Tables that a newer release made would be in the way of its migrations.
    schema.write_text("DROP SCHEMA IF EXISTS public CASCADE;\nCREATE SCHEMA public;\n")
    _run(
        [_tool("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--output=/dev/null",
         "--set=ON_ERROR_STOP=1", f"--dbname={_address()}", f"--file={schema}",
         f"--file={script}"],
        "The database was left as it was",
    )  # fmt: skip


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BackupFailed(f"{name} is not on this machine: install PostgreSQL's client programs.")
    return found


def _address() -> str:
    """The database for PostgreSQL's own programs. Without the password: others on this machine can
    read a command line."""
    url: URL = db.engine.url.set(drivername="postgresql", password=None)
    return url.render_as_string(hide_password=False)


def _run(command: list[str], failure: str) -> str:
    """What `command` said. Raises BackupFailed, one sentence with its first complaint."""
    password = db.engine.url.password
    secret = {"PGPASSWORD": str(password)} if password else {}
    ended = subprocess.run(
        command, env={**os.environ, **secret}, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        complaint = (ended.stderr.strip().splitlines() or ["no reason given"])[0]
        raise BackupFailed(f"{failure}: {complaint[:300]}.")
    return ended.stdout
