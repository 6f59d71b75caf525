"""The number behind every finished page: it grows with what the public sees, and only with it."""

import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing, writing_rows
from core.site_version import NUMBER
from core.versions import VersionReader
from dealership.models import Dealership, Store
from inventory import stock_version
from inventory.models import Make
from inventory.visits import VehicleVisit
from jobs.models import Job
from showroom.shown_tables import HIDDEN, SHOWN
from tests.factories import make_store, make_vehicle


def number() -> int:
    db.session.rollback()
    return db.session.scalar(NUMBER)


def grown(before: list[int]) -> int:
    """By how much since the last question."""
    before.append(number())
    return before[-1] - before[-2]


def test_each_table_is_shown_or_hidden():
    assert set(db.metadata.tables) == SHOWN | HIDDEN, "showroom/shown_tables.py: place it there"
    assert not SHOWN & HIDDEN


def test_it_grows_once_with_each_transaction_that_changes_what_is_shown(app):
    vehicle = make_vehicle()
    seen = [number()]
    with writing() as session:  # rows as objects
        session.add(Make(name="Fiat", slug="fiat"))
        session.flush()
        session.add(Make(name="Ford", slug="ford"))
    assert grown(seen) == 1
    with writing() as session:  # many rows at once, by the ORM
        session.execute(sa.update(Store).values(about="x"))
        session.execute(sa.insert(Make), [{"name": "A", "slug": "a"}, {"name": "B", "slug": "b"}])
    assert grown(seen) == 1
    with writing() as session:  # by the table
        session.execute(sa.delete(Make.__table__).where(Make.__table__.c.slug == "a"))
    assert grown(seen) == 1
    with writing_rows(time.monotonic() + 30) as connection:  # without a session
        connection.execute(sa.delete(Make.__table__).where(Make.__table__.c.slug == "b"))
    assert grown(seen) == 1
    with writing() as session:  # what names no table that we could read
        session.execute(sa.text("update store set about = 'y'"))
    assert grown(seen) == 1
    with writing() as session:  # a savepoint more or less
        with session.begin_nested():
            session.add(Dealership(id=1, name="Loja"))
        session.flush()
    assert grown(seen) == 1

    with writing() as session:
        session.add(VehicleVisit(vehicle_id=vehicle.id, day=now().date(), views=1))
        session.add(Job(kind="x", payload={}, due_at=now() + timedelta(days=1)))
        session.flush()
        session.execute(sa.text("SELECT 1"))
        session.execute(sa.delete(Job))
    assert grown(seen) == 0
    with pytest.raises(ZeroDivisionError), writing() as session:
        session.add(Make(name="C", slug="c"))
        session.flush()
        raise ZeroDivisionError
    with writing() as session:
        session.execute(sa.delete(Job))  # nothing of the broken one is left on the connection
    assert grown(seen) == 0


def test_a_reader_sees_every_change_and_knows_when_it_knows_nothing(app, tmp_path):
    make_store()
    url = app.extensions["vitrine"].database_url
    reader = VersionReader(url, stock_version.NUMBER)
    try:
        first = reader.read()
        assert first is not None
        assert reader.read() == first
        make_vehicle()
        second = reader.read()
        assert second.stock > first.stock
        assert second.site > first.site
        with writing() as session:
            session.execute(sa.update(Store).values(about="z"))
        third = reader.read()
        assert (third.site, third.stock) == (second.site + 1, second.stock)
        reader.close()
        assert reader.read() == third
    finally:
        reader.close()
    nowhere = "sqlite:///%s" % (tmp_path / "none" / "x.db")
    for away in (nowhere, "postgresql+psycopg://nobody@127.0.0.1:1/none"):
        assert VersionReader(away, stock_version.NUMBER).read() is None
    assert not (tmp_path / "none").exists()
