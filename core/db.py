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
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
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


class WriteOutsideTransaction(RuntimeError):
    """A programming error: a change was sent without `writing()` around it."""


def init_db(app: Flask, config: Config) -> None:
    """Bind the database and its migrations to `app`."""
    app.config["SQLALCHEMY_DATABASE_URI"] = config.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = (
        {"connect_args": {"timeout": BUSY_TIMEOUT_SECONDS}}
        if config.is_sqlite
        else {"pool_pre_ping": True}
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


def _name_failed_connection(context: sa.engine.ExceptionContext) -> None:
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
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("sqlite_begin") == "IMMEDIATE"
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN DEFERRED")


@contextmanager
def writing() -> Iterator[Session]:
    """One unit of work that writes: committed whole at the end, or not at all.

    Only doors open it (a view, a command, a job's handler); verbs below them flush. Keep network,
    image work and sleeping out of it: on SQLite everybody else's writes wait meanwhile.
    """
    session: Session = db.session()
    if session.info.get("writing"):
        raise WriteOutsideTransaction("writing() does not nest: the outer door commits")
    if session.new or session.dirty or session.deleted:
        raise WriteOutsideTransaction("something changed before writing() began")
    session.rollback()  # a read transaction left open cannot be upgraded
    session.info["writing"] = True
    try:
        with write_gate(db.engine):
            session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
            yield session
            session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["writing"] = False


@contextmanager
def write_gate(engine: Engine) -> Iterator[None]:
    """Queue SQLite's writers fairly, across processes and threads. Other databases pass through."""
    if engine.dialect.name != "sqlite":
        yield
        return
    with open(f"{engine.url.database}.gate", "a") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield  # closing the file lets the next one in


def _refuse_stray_flush(session: Session, _context: object, _instances: object) -> None:
    if (session.new or session.dirty or session.deleted) and not session.info.get("writing"):
        raise WriteOutsideTransaction("wrap this change in core.db.writing()")


def _refuse_stray_statement(state: ORMExecuteState) -> None:
    changes = state.is_insert or state.is_update or state.is_delete
    if changes and not state.session.info.get("writing"):
        raise WriteOutsideTransaction("wrap this change in core.db.writing()")


event.listen(Session, "before_flush", _refuse_stray_flush)
event.listen(Session, "do_orm_execute", _refuse_stray_statement)


def is_migrated() -> bool:
    """Whether the tables are those that this release works with."""
    wanted = ScriptDirectory(str(ROOT / "migrations")).get_heads()
    with db.engine.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads()) == set(wanted)


def is_reachable() -> bool:
    """Whether the database answers; used by the readiness probe."""
    try:
        db.session.execute(sa.text("SELECT 1"))
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        return False
    return True
