"""Writing to the database: one way, atomic, fair."""

import threading
import time

import pytest
import sqlalchemy as sa

from core.db import (
    DatabaseBusy,
    WriteOutsideTransaction,
    db,
    prepare_engine,
    write_gate,
    writing,
)
from inventory.models import Make
from inventory.stock_version import advance, current


def test_a_change_outside_writing_is_refused(app):
    db.session.add(Make(name="Fiat", slug="fiat"))
    with pytest.raises(WriteOutsideTransaction):
        db.session.flush()
    with pytest.raises(WriteOutsideTransaction):
        db.session.execute(sa.update(Make).values(name="x"))


def test_an_error_inside_writing_leaves_nothing(app):
    with pytest.raises(ZeroDivisionError), writing() as session:
        session.add(Make(name="Fiat", slug="fiat"))
        session.flush()
        _ = 1 / 0
    assert db.session.scalars(sa.select(Make)).all() == []


def test_writing_does_not_nest(app):
    with writing(), pytest.raises(WriteOutsideTransaction), writing():
        pass


def test_writers_in_many_threads_lose_no_update(app):
    before = current()
    db.session.remove()
    errors = []

    def work():
        try:
            with app.app_context():
                for _ in range(25):
                    with writing():
                        advance()
        except Exception as error:  # the assertion below shows it
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert current() == before + 100


@pytest.mark.sqlite_only
def test_who_can_wait_only_so_long_gets_a_turn_among_busy_writers(app):
    engine, over = db.engine, threading.Event()

    def write_on_and_on():
        while not over.is_set():
            with write_gate(engine):
                time.sleep(0.01)

    busy = [threading.Thread(target=write_on_and_on) for _ in range(4)]
    for thread in busy:
        thread.start()
    try:
        for _ in range(10):
            with write_gate(engine, time.monotonic() + 5):
                pass
    finally:
        over.set()
        for thread in busy:
            thread.join()


@pytest.mark.sqlite_only
def test_a_turn_that_came_too_late_is_passed_on(app):
    engine = db.engine
    too_late = pytest.raises(DatabaseBusy)
    with write_gate(engine), too_late, write_gate(engine, time.monotonic() + 0.05):
        pass
    with write_gate(engine, time.monotonic() + 5):
        pass  # the one who gave up does not hold it


@pytest.mark.sqlite_only
def test_what_is_committed_is_on_the_disk(tmp_path):
    """Of the tests alone it is not asked: tests/conftest.py."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'own.db'}")
    prepare_engine(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    engine.dispose()
