"""Writing to the database: one way, atomic, fair."""

import threading

import pytest
import sqlalchemy as sa

from core.db import WriteOutsideTransaction, db, writing
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
