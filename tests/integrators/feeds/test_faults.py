"""What goes wrong: the last good feed stays, without what is no longer true."""

import multiprocessing
import os
import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from core.db import db, writing
from integrators.feeds import building, faults, generic, names, refreshing
from integrators.feeds.building import Held, NotMade, current_file
from integrators.feeds.feed_file import FeedFile
from integrators.models import PortalAccount
from inventory.models import Photo
from tests.integrators.feeds.conftest import public_ids

BIG = "muito texto " * 800


@contextmanager
def full_disk(most_bytes: int):
    """No file may grow beyond `most_bytes`: a write fails as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.fixture
def hostile(monkeypatch):
    """Makes the pieces of our XML fail for the cars with these ids."""

    def spoil(ids: set[int]) -> None:
        def piece(car, secrets):
            if car.offer.id in ids:
                raise KeyError("nobody thought of this")
            return generic.XML.piece(car, secrets)

        spoiled = replace(generic.XML, piece=piece)
        monkeypatch.setitem(names.DIALECTS, "estoque.xml", spoiled)

    return spoil


@pytest.mark.sqlite_only
def test_a_full_disk_leaves_the_last_good_feed_without_what_was_sold(
    reader, stock, change, monkeypatch
):
    kept, sold, dearer, *_more = stock(12, description=BIG)
    before = reader.ids()
    monkeypatch.setattr(building.faults, "AGAIN_SECONDS", 0.0)
    change(sold, state="sold")
    change(dearer, price_cents=71_000_00)
    gone = set(public_ids(sold, dearer))
    with full_disk(60_000):
        answer = reader.get("estoque.xml", Accept_Encoding="gzip")
    assert answer.status_code == 200
    assert "ETag" not in answer.headers
    assert answer.content_length == len(answer.data)
    assert "<total>10</total>" in answer.text
    assert not any(one in answer.text for one in gone)
    assert public_ids(kept)[0] in answer.text
    db.session.rollback()
    # As soon as there is room again the feed is whole, with the new price.
    assert reader.ids() == [one for one in before if one not in public_ids(sold)]
    assert "71000.00" in reader.text("estoque.xml")
    assert not list(reader.feed().path.parent.glob("*.part"))


def test_one_car_that_cannot_be_written_stops_no_other(reader, stock, change, hostile):
    bad, *good = stock(4)
    hostile({bad})
    assert reader.ids() == public_ids(*good)
    row = db.session.scalars(sa.select(PortalAccount)).first()
    (standing,) = [one for one in refreshing.standings(row) if one.name == "estoque.xml"]
    assert set(standing.left_out) == {bad}
    hostile(set())
    change(good[0], mileage_km=1)
    assert reader.ids() == public_ids(bad, *good)


def test_a_feed_never_loses_cars_that_nobody_sold(reader, stock, change, hostile):
    ids = stock(6)
    before = reader.ids()
    hostile(set(ids))
    for one in ids:
        change(one, mileage_km=1)
    assert reader.ids() == before  # the last good one, its cars all still for sale
    with pytest.raises(NotMade):
        current_file(reader.feed())
    change(ids[1], state="sold")
    assert reader.ids() == [one for one in before if one not in public_ids(ids[1])]


def test_a_great_loss_is_held_until_a_person_looked(reader, stock, change, monkeypatch):
    monkeypatch.setattr(building, "MOST_LOST", 2)
    ids = stock(6)
    before = reader.get("meta-automotive.xml").text
    with writing() as session:
        session.execute(sa.delete(Photo).where(Photo.vehicle_id.in_(ids[:4])))
    for one in ids[:4]:
        change(one, mileage_km=7)
    feed = reader.feed("meta-automotive.xml")
    with pytest.raises(Held):
        current_file(feed)
    held = reader.text("meta-automotive.xml")
    assert all(one in held for one in public_ids(*ids))
    assert held == before
    row = db.session.scalars(sa.select(PortalAccount)).first()
    (standing,) = [one for one in refreshing.standings(row) if one.name == feed.dialect.name]
    assert "4 de 6" in standing.problem or "4 of 6" in standing.problem
    refreshing.publish_anyway(reader.account_id, feed.dialect.name)
    assert reader.text("meta-automotive.xml").count("<listing>") == 2
    assert faults.known(feed.path) is None


def test_selling_everything_empties_the_feed(reader, stock, change):
    ids = stock(13)
    assert len(reader.ids()) == 13
    for one in ids:
        change(one, state="sold")
    assert reader.ids() == []
    assert reader.json()["veiculos"] == []
    assert reader.json()["total"] == 0


def test_nothing_good_at_all_is_said_so(reader, stock, hostile):
    hostile(set(stock(2)))
    answer = reader.get("estoque.xml")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")


def test_a_damaged_file_is_made_anew(reader, stock):
    stock(2)
    before = reader.ids()
    path = reader.feed().path
    path.write_bytes(path.read_bytes()[:-100])
    assert reader.ids() == before
    path.write_bytes(b"")
    assert reader.ids() == before


def test_several_pulls_at_once_make_the_feed_once(app, reader, stock, monkeypatch):
    stock(3)
    made = []
    real = building._write

    def counted(*args, **options):
        made.append(threading.get_ident())
        return real(*args, **options)

    monkeypatch.setattr(building, "_write", counted)

    def pull(_number: int) -> bytes:
        with app.app_context():
            client = app.test_client()
            return client.get(f"/feeds/{reader.token}/estoque.xml").data

    db.session.rollback()
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(pull, range(4)))
    assert len(set(answers)) == 1
    assert len(made) == 1


def test_who_reads_while_the_feed_is_replaced_reads_to_the_end(reader, stock, change):
    ids = stock(3)
    whole = reader.text("estoque.xml")
    with FeedFile(reader.feed().path) as open_before:
        change(ids[0], state="sold")
        assert len(reader.ids()) == 2
        assert b"".join(open_before.plain()).decode() == whole


@pytest.mark.sqlite_only
def test_killed_in_the_middle_the_last_good_one_stays(reader, stock, change, monkeypatch):
    ids = stock(3)
    path, before = reader.feed().path, reader.ids()
    state = path.read_bytes()
    change(ids[0], state="sold")
    feed = reader.feed()

    def make_and_die() -> None:
        db.engine.dispose(close=False)  # the connections are the parent's
        monkeypatch.setattr(os, "fsync", lambda _file: os.kill(os.getpid(), signal.SIGKILL))
        current_file(feed)

    child = multiprocessing.get_context("fork").Process(target=make_and_die)
    child.start()
    child.join(20)
    assert child.exitcode == -signal.SIGKILL
    assert path.read_bytes() == state
    assert list(path.parent.glob("*.part"))
    assert reader.ids() == before[1:]
    assert sorted(one.name for one in path.parent.iterdir()) == ["estoque.xml", "estoque.xml.lock"]
