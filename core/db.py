"""The database: SQLite in WAL mode by default, PostgreSQL when grown, one way to write.

Three facts, all measured, shape this module:
* the standard SQLite driver opens no transaction before a SELECT, so read-then-write loses
  updates without an error: we switch its own transaction handling off and send BEGIN ourselves;
* a deferred transaction that has read cannot start writing once somebody else wrote: every
  writing transaction is BEGIN IMMEDIATE;
* SQLite's busy handler polls and is unfair: writers queue in the kernel at a file lock (the gate)
  before they BEGIN, and the system frees it when a process is killed.
"""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session

from core.config import ROOT, Config
from core.errors import DomainError

BUSY_TIMEOUT_SECONDS = 30
LOG_WAIT_SECONDS = 1  # writers stand still meanwhile


class Base(DeclarativeBase):
    # Unnamed constraints cannot be dropped in SQLite's batch migrations.
    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)
migrate = Migrate()

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware instant. SQLite keeps no zone, so UTC goes in and UTC comes out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class DatabaseUnreachable(sa.exc.OperationalError, DomainError, click.ClickException):
    """No connection to the database. Commands end with the sentence alone; to pages and the
    worker it is what it was, an OperationalError."""

    def __init__(self, original: BaseException) -> None:
        sa.exc.OperationalError.__init__(self, None, None, original)
        reason = str(original).strip().partition("\n")[0]
        click.ClickException.__init__(
            self, f"The database cannot be reached (see VITRINE_DATABASE_URL): {reason}"
        )

    def __str__(self) -> str:
        return self.message


class DatabaseBusy(sa.exc.OperationalError, DomainError):
    """Other writers held the database for longer than the caller can wait."""

    def __init__(self) -> None:
        sa.exc.OperationalError.__init__(self, None, None, TimeoutError("writers are waiting"))


class WriteOutsideTransaction(RuntimeError):
    """A programming error: a change was sent without `writing()` around it."""


def init_db(app: Flask, config: Config) -> None:
    """Bind the database and its migrations to `app`."""
    app.config["SQLALCHEMY_DATABASE_URI"] = config.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = (
        {"connect_args": {"timeout": BUSY_TIMEOUT_SECONDS}}
        if config.is_sqlite
        else {"pool_pre_ping": True, "pool_timeout": 5, "connect_args": {"connect_timeout": 3}}
    )
    db.init_app(app)
    migrate.init_app(
        app, db, directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True
    )
    with app.app_context():
        prepare_engine(db.engine)


def prepare_engine(engine: Engine) -> None:
    """Give an SQLite engine our pragmas and transactions; name failed connections on all."""
    event.listen(engine, "handle_error", _name_failed_connection)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    else:
        event.listen(engine, "begin", _begin_with_limit)


def _name_failed_connection(context: sa.engine.ExceptionContext) -> None:
    if context.is_pre_ping:
        return  # a dead connection of the pool: SQLAlchemy is about to replace it
    failure = context.original_exception
    if context.connection is None and isinstance(
        context.sqlalchemy_exception, sa.exc.OperationalError
    ):
        raise DatabaseUnreachable(failure) from None


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # an answer "saved" must survive a power cut
        "foreign_keys=ON",
        "journal_size_limit=67108864",
        "temp_store=MEMORY",
        "secure_delete=ON",  # what is erased is overwritten, not only forgotten
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    immediate = options.get("sqlite_begin") == "IMMEDIATE"
    statement = "BEGIN IMMEDIATE" if immediate else "BEGIN DEFERRED"
    deadline = options.get("deadline")
    if deadline is None:
        connection.exec_driver_sql(statement)
        return
    # Who holds the lock may be somebody that knows no gate: a backup, a shell.
    _wait_for_lock(connection, max(0.0, deadline - time.monotonic()))
    try:
        connection.exec_driver_sql(statement)
    finally:
        _wait_for_lock(connection, BUSY_TIMEOUT_SECONDS)


def _wait_for_lock(connection: Connection, seconds: float) -> None:
    """Straight to the driver: a result that nobody reads costs more than this statement."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")


def _begin_with_limit(connection: Connection) -> None:
    """PostgreSQL: no statement of this transaction outlasts what the caller can wait."""
    if deadline := connection.get_execution_options().get("deadline"):
        left = max(1, int((deadline - time.monotonic()) * 1000))
        connection.exec_driver_sql(f"SET LOCAL statement_timeout={left}")


@contextmanager
def writing(*, wait_seconds: float | None = None) -> Iterator[Session]:
    """One unit of work that writes: committed whole at the end, or not at all.

    Only doors open it (a view, a command, a job's handler); verbs below them flush. Keep network,
    image work and sleeping out of it: on SQLite everybody else's writes wait meanwhile. Who cannot
    wait for others (a buyer, a portal with a deadline) says how long: then DatabaseBusy or another
    OperationalError is raised.
    """
    session: Session = db.session()
    if session.info.get("writing"):
        raise WriteOutsideTransaction("writing() does not nest: the outer door commits")
    if session.new or session.dirty or session.deleted:
        raise WriteOutsideTransaction("something changed before writing() began")
    session.rollback()  # a read transaction left open cannot be upgraded
    session.info["writing"] = True
    deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
    try:
        with write_gate(db.engine, deadline):
            session.connection(
                execution_options={"sqlite_begin": "IMMEDIATE", "deadline": deadline}
            )
            yield session
            session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["writing"] = False


@contextmanager
def writing_rows(deadline: float) -> Iterator[Connection]:
    """`writing()` without a session, for rows that nobody needs as objects and a caller that cannot
    wait beyond `deadline` (monotonic seconds)."""
    with write_gate(db.engine, deadline), db.engine.connect() as connection:
        connection.execution_options(sqlite_begin="IMMEDIATE", deadline=deadline)
        with connection.begin():
            yield connection


@contextmanager
def write_gate(engine: Engine, deadline: float | None = None) -> Iterator[None]:
    """Queue SQLite's writers fairly, across processes and threads. Other databases pass through.
    Raises DatabaseBusy at `deadline` (monotonic seconds), and DatabaseUnreachable."""
    if engine.dialect.name != "sqlite":
        yield
        return
    try:
        # A bare descriptor: a file object costs three times as much.
        gate = os.open(f"{engine.url.database}.gate", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:  # the folder is gone, or may not be written to
        raise DatabaseUnreachable(error) from None
    try:
        _lock(gate, deadline)
        yield
    finally:
        os.close(gate)  # lets the next one in


def _lock(gate: int, deadline: float | None) -> None:
    if deadline is None:
        fcntl.flock(gate, fcntl.LOCK_EX)
        return
    try:
        fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not _Turn(gate).came_by(deadline):
            raise DatabaseBusy from None


class _Turn:
    """A place in the kernel's queue that can be given up.

    A wait in flock() has no end, and looking again and again loses against those who stand in the
    queue: beside three busy writers half of the looks for 100 ms found nothing. So a thread of
    its own stands there, on the same open file, and steps back at once if it comes too late.
    """

    def __init__(self, gate: int) -> None:
        self._gate = os.dup(gate)
        self._decided = threading.Lock()
        self._ready = threading.Event()
        self._is_ours = self._is_given_up = False

    def came_by(self, deadline: float) -> bool:
        """Whether the lock was taken before `deadline` (monotonic seconds)."""
        try:
            threading.Thread(target=self._stand, name="gate", daemon=True).start()
        except RuntimeError:  # no more threads to be had
            os.close(self._gate)
            return False
        self._ready.wait(max(0.0, deadline - time.monotonic()))
        with self._decided:
            self._is_given_up = not self._is_ours
            return self._is_ours

    def _stand(self) -> None:
        try:
            fcntl.flock(self._gate, fcntl.LOCK_EX)
            with self._decided:
                if self._is_given_up:
                    fcntl.flock(self._gate, fcntl.LOCK_UN)
                self._is_ours = not self._is_given_up
        finally:
            os.close(self._gate)  # the caller's own handle keeps the lock
            self._ready.set()


def _refuse_stray_flush(session: Session, _context: object, _instances: object) -> None:
    if (session.new or session.dirty or session.deleted) and not session.info.get("writing"):
        raise WriteOutsideTransaction("wrap this change in core.db.writing()")


def _refuse_stray_statement(state: ORMExecuteState) -> None:
    changes = state.is_insert or state.is_update or state.is_delete
    if changes and not state.session.info.get("writing"):
        raise WriteOutsideTransaction("wrap this change in core.db.writing()")


event.listen(Session, "before_flush", _refuse_stray_flush)
event.listen(Session, "do_orm_execute", _refuse_stray_statement)


def empty_log() -> None:
    """SQLite: write its log into the database and empty it, so that what was erased is not left
    in there. As far as readers let it; what they still see goes another time."""
    if db.engine.dialect.name != "sqlite":
        return
    db.session.rollback()
    with (
        write_gate(db.engine),
        closing(sqlite3.connect(str(db.engine.url.database), timeout=LOG_WAIT_SECONDS)) as own,
    ):
        own.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def is_migrated() -> bool:
    """Whether the tables are those that this release works with."""
    wanted = ScriptDirectory(str(ROOT / "migrations")).get_heads()
    return {current_head()} == set(wanted)


def current_head() -> str:
    """The migration that the tables are at; "" before the first."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def is_reachable() -> bool:
    """Whether the database answers; used by the readiness probe."""
    try:
        db.session.execute(sa.text("SELECT 1"))
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        return False
    return True
