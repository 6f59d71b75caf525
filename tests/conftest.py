"""One migrated database per test process, emptied after each test, on SQLite or PostgreSQL.

`VITRINE_TEST_DATABASE_URL` (a PostgreSQL server's address) moves the whole suite to PostgreSQL.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade

import jobs.worker
from app import create_app
from core.db import db
from core.site_memory import remember_nothing
from inventory.visits import init_visits
from leads.flood import init_flood

PG_SERVER = os.environ.get("VITRINE_TEST_DATABASE_URL", "")


@sa.event.listens_for(sa.Engine, "connect")
def _reverse_what_has_no_order(connection: object, _record: object) -> None:
    """A SELECT without ORDER BY answers in the order of its table by luck alone. Here it answers
    backwards, so that who trusts that luck fails at home and not on another database."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA reverse_unordered_selects=ON")


VERSIONS = ("stock_version", "site_version")
# Whoever asks for none of these touches no database: on PostgreSQL it would only run once more.
DATABASES = frozenset({"database_url", "session_app", "app", "site_environment"})
# The doors stand on nouns, whose every statement runs on both databases. Of the doors themselves
# there run on PostgreSQL, too: a walk over all pages, and what sends statements of its own.
ON_BOTH = {
    "admin": {
        "agenda", "attacks", "audit_log", "bulk", "desk", "desk_ads", "desk_answers", "door",
        "duplicates", "goals", "home", "imports", "keywords", "leads", "live", "outreach",
        "permissions", "portal_ads", "portal_terms", "portal_truth", "privacy", "quality",
        "queue_planning", "reports", "shopper", "statements", "stock",
    },
    "demo": {"demo", "desk", "leads"},
    "landing": {"cli", "editing", "experiments"},
    "portals": set(),  # adapters send no SQL
    "showroom": {"forms", "freshness", "pages", "privacy"},
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests about one database's own behaviour run on that database only, and tests about none
    run once."""
    unwanted = "sqlite_only" if PG_SERVER else "postgres_only"
    items[:] = [item for item in items if item.get_closest_marker(unwanted) is None]
    if PG_SERVER:
        items[:] = [
            item
            for item in items
            if item.get_closest_marker("postgres_only")
            or (DATABASES & set(item.fixturenames) and _is_for_both(item.path))
        ]


def _is_for_both(path: Path) -> bool:
    folder = path.parent.name
    return folder not in ON_BOTH or path.stem.removeprefix("test_") in ON_BOTH[folder]


@pytest.fixture(scope="session")
def database_url(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    """A fresh database of this test process's own."""
    if not PG_SERVER:
        yield f"sqlite:///{tmp_path_factory.mktemp('database') / 'test.db'}"
        return
    server = sa.create_engine(PG_SERVER, isolation_level="AUTOCOMMIT")
    name = f"vitrine_test_{worker_id}_{os.getpid()}"
    with server.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
        # No test outlives a power cut, so none waits for the disk.
        connection.execute(sa.text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    yield server.url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    server.dispose()


@pytest.fixture(scope="session")
def session_app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    instance = tmp_path_factory.mktemp("instance")
    app = create_app(
        database_url=database_url,
        instance_dir=str(instance),
        media_dir=str(instance / "media"),
        base_url="http://localhost",
        page_cache_mb=0,  # what pages do is seen each time; the cache has tests of its own
    )
    app.testing = True
    # Nothing that was read or drawn outlives its request here: a page costs the same statements
    # whenever it is asked for. tests/showroom/test_fragments.py is about what is kept.
    remember_nothing(app)
    app.extensions["vitrine_fragments"] = None
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            sa.event.listen(db.engine, "connect", _forgo_the_disk)
            db.engine.dispose()
    # As cheap as argon2 can be: what it costs is the library's affair, and tests sign in often.
    cheap = {"argon2__rounds": 1, "argon2__memory_cost": 8, "argon2__parallelism": 1}
    app.extensions["security"].pwd_context.update(**cheap)
    # The keeper of a worker that is to end when all is done looks ten times a second if it is.
    jobs.worker.LOOK_SECONDS = 0.01
    with app.app_context():
        upgrade()
    return app


def _forgo_the_disk(connection: sqlite3.Connection, _record: object) -> None:
    """No test outlives a power cut, so none waits for the disk."""
    connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture
def app(session_app: Flask) -> Iterator[Flask]:
    """The application inside its context, with empty tables and an empty media folder."""
    init_flood(session_app, session_app.extensions["vitrine"])
    init_visits(session_app, None)
    with session_app.app_context():
        yield session_app
        db.session.rollback()
        db.session.remove()
        _empty_tables()
    media = Path(session_app.extensions["vitrine"].media_dir)
    shutil.rmtree(media, ignore_errors=True)


def _empty_tables() -> None:
    """In one piece, straight to the driver: a statement per table by way of SQLAlchemy costs more
    than most tests do."""
    with db.engine.begin() as connection:
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            driver.executescript(f"BEGIN IMMEDIATE; {_emptying()}")
        else:
            connection.exec_driver_sql(_emptying())


@cache
def _emptying() -> str:
    tables = [one.name for one in reversed(db.metadata.sorted_tables) if one.name not in VERSIONS]
    # Versions only grow: an index that outlives a test must see that the stock changed.
    grown = [f"UPDATE {name} SET number = number + 1" for name in VERSIONS]
    return "; ".join([*(f'DELETE FROM "{name}"' for name in tables), *grown])


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """Every SQL statement sent from here on, transaction control aside."""
    seen: list[str] = []

    def remember(_conn, _cursor, statement, *_rest) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", remember)
    yield seen
    sa.event.remove(db.engine, "before_cursor_execute", remember)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where nothing may be missing (CI), a skipped test is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if skipped and os.environ.get("VITRINE_TEST_REQUIRE_ALL"):
        reporter.write_line(f"{len(skipped)} tests were skipped, and none may be here.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
