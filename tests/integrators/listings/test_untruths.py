"""What is false in public is found, all of it and nothing else, and put right."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from werkzeug.serving import make_server

from core.clock import now, today
from core.db import db, writing
from integrators.listings import doubles, passes, untruths
from integrators.listings.mending import mend
from integrators.listings.rules import Rules, change_rules
from integrators.models import FeedPull, Listing, PortalAccount, PublicCheck, PublicRound
from integrators.portals.portal import Remote, RemoteAd
from integrators.untruth import Untruth
from inventory import stock_version
from inventory.models import Photo, PriceChange, Vehicle
from inventory.stock_version import touch
from tests.integrators.listings.conftest import sell
from tests.simulators.faults import Fault
from tests.simulators.mercadolivre import MercadoLivre

FULL = 69_900_00


@pytest.fixture
def portal():
    with MercadoLivre() as simulator:
        yield simulator


def found(minutes: int = 2) -> list[Untruth]:
    """What is false once changes had their time."""
    db.session.rollback()
    with time_machine.travel(now() + timedelta(minutes=minutes)):
        told = untruths.found()
    db.session.rollback()
    return told


def kinds(told: list[Untruth]) -> set[tuple[str, int | None, str]]:
    return {(one.place, one.vehicle_id, one.what) for one in told}


def price(vehicle: Vehicle, **values) -> None:
    with writing() as session:
        row = session.get_one(Vehicle, vehicle.id)
        for name, value in values.items():
            setattr(row, name, value)
        touch([row])
        session.add(
            PriceChange(
                vehicle_id=row.id,
                actor="test",
                price_cents=row.price_cents,
                promo_price_cents=row.promo_price_cents,
                promo_until=row.promo_until,
            )
        )


def day_goes_by(vehicle: Vehicle) -> None:
    """The promotion ended yesterday, and nobody saved anything."""
    with writing() as session:
        session.execute(
            sa.update(Vehicle)
            .where(Vehicle.id == vehicle.id)
            .values(promo_until=today() - timedelta(days=1))
        )


def fetch(account_id: int) -> None:
    with writing() as session:
        version = stock_version.current()
        session.add(
            FeedPull(account_id=account_id, name="estoque.xml", status=200, stock_version=version)
        )


def test_every_fault_on_portals_is_found_in_one_round_and_mended(portal, advertise, stock, sync):
    cars = stock(9)
    sold, reserved, deleted, draft, dearer, cheaper, ended, other_photo, double = cars
    price(ended, promo_price_cents=60_000_00, promo_until=today())
    account = advertise(portal)
    sync(account)
    assert found() == []

    sell(sold)
    sell(reserved, "reserved")
    sell(draft, "draft")
    price(dearer, price_cents=75_000_00)
    price(cheaper, price_cents=61_000_00)
    day_goes_by(ended)
    gone = deleted.id
    with writing() as session:
        session.delete(session.get_one(Vehicle, gone))
        photo = session.scalars(sa.select(Photo).where(Photo.vehicle_id == other_photo.id)).first()
        photo.renditions = {**photo.renditions, "stem": "ff/outra"}
        touch([session.get_one(Vehicle, other_photo.id)])
    key = db.session.scalar(sa.select(Listing.key).where(Listing.vehicle_id == double.id))
    doubles.note(account.id, [RemoteAd("MLB1", key, Remote.ONLINE, url="https://ml.example/1")])
    assert kinds(found(minutes=0)) == {("portal", ended.id, "promo")}  # the rest is on its way

    told = found()
    assert kinds(told) == {
        ("portal", sold.id, "sold"),
        ("portal", reserved.id, "reserved"),
        ("portal", None, "gone"),
        ("portal", draft.id, "gone"),
        ("portal", dearer.id, "price"),
        ("portal", cheaper.id, "price"),
        ("portal", ended.id, "promo"),
        ("portal", other_photo.id, "photo"),
        ("portal", double.id, "twice"),
    }
    assert len(told) == 9
    said = {one.vehicle_id: (one.said_cents, one.true_cents) for one in told}
    assert said[dearer.id] == (FULL, 75_000_00)
    assert said[ended.id] == (60_000_00, FULL)

    with writing():
        assert mend(told) == 9
    sync(account)
    assert found() == []
    assert sorted(portal.online().values()) == [61_000_00, FULL, FULL, FULL, 75_000_00]
    assert not portal.doubles


def test_a_second_ad_is_false_while_the_portal_keeps_it(portal, advertise, stock, sync):
    account = advertise(portal)
    (car,) = stock(1)
    portal.faults.force(Fault.TWICE, "POST", "/items")
    sync(account)
    assert portal.doubles
    portal.faults.force(Fault.BROKEN, "PUT", times=3)
    passes.sync(account.id, 20, looks=True)
    (one,) = found()
    assert (one.what, one.vehicle_id) == ("twice", car.id)
    assert one.url.startswith("https://")
    portal.faults.quiet()
    with writing():
        mend([one])
    sync(account)
    assert not portal.doubles
    assert found() == []


def test_what_somebody_changed_there_is_false_and_what_the_rules_allow_is_not(
    portal, advertise, stock, sync
):
    cheap, kept = stock(2)
    account = advertise(portal)
    with writing() as session:
        change_rules(session.get_one(PortalAccount, account.id), Rules(keeps_reserved=True))
    sync(account)
    sell(kept, "reserved")
    sync(account)
    with writing() as session:
        row = session.scalars(sa.select(Listing).where(Listing.vehicle_id == cheap.id)).one()
        row.seen_price_cents = 10_000_00
    assert kinds(found()) == {("portal", cheap.id, "price")}
    with writing() as session:
        session.get_one(PortalAccount, account.id).state = "paused"
    assert [one.fix for one in found()] == [""]  # nobody looks after it: a person must


def test_the_copy_that_a_portal_took_shows_what_was_true_then(register, stock):
    sold, dearer, ended, same, unsold = stock(5)
    price(ended, promo_price_cents=60_000_00, promo_until=today())
    price(dearer, price_cents=FULL)
    account = register("generic").account
    fetch(account.id)
    assert found() == []
    sell(sold)
    price(dearer, price_cents=75_000_00)
    price(same, mileage_km=1)
    sell(unsold)
    sell(unsold, "published")
    told = found(minutes=24 * 60)
    assert kinds(told) == {
        ("feed", sold.id, "sold"),
        ("feed", dearer.id, "price"),
        ("feed", ended.id, "promo"),
    }
    assert {one.vehicle_id: one.said_cents for one in told}[dearer.id] == FULL
    with writing():
        mend(told)
    assert found()  # whoever fetches has to come
    fetch(account.id)
    assert found() == []


def test_it_asks_the_database_as_often_for_many(portal, advertise, stock, sync, statements):
    account = advertise(portal)
    cars = stock(2)
    sync(account)
    fetch(account.id)

    def cost() -> int:
        statements.clear()
        assert {one.what for one in found()} == {"price", "text"}
        return len(statements)

    def change() -> None:
        for number, car in enumerate(cars):
            price(car, **({"price_cents": 61_000_00} if number % 2 else {"description": "Outro."}))

    change()
    few = cost()
    cars += stock(4)
    sync(account)
    with time_machine.travel(now() + timedelta(minutes=1)):
        for car in cars:
            price(car, price_cents=FULL, description="Revisado.")
        sync(account)
        change()
        assert cost() == few


# --- our own site ------------------------------------------------------------------------------


class Cache:
    """The site, behind something that may keep what it once had."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.instead: dict[str, str] = {}  # in every page: what stands there now, what stands then

    def __call__(self, environ, start):
        kept: list = []
        body = b"".join(self.app.wsgi_app(environ, lambda *told: kept.append(told)))
        for true, old in self.instead.items():
            body = body.replace(true.encode(), old.encode())
        status, headers = kept[0][:2]
        start(status, [one for one in headers if one[0].lower() != "content-length"])
        return [body]


@pytest.fixture
def site(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cache]:
    """The site on a port, at the address that it is told to be its own."""
    cache = Cache(app)
    server = make_server("127.0.0.1", 0, cache, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setitem(
        app.extensions, "vitrine", replace(app.extensions["vitrine"], base_url=address)
    )
    yield cache
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def read(app: Flask) -> Callable[[], PublicRound]:
    def run() -> PublicRound:
        db.session.rollback()
        with time_machine.travel(now() + timedelta(minutes=2)):
            untruths.JOBS["read_own_places"]({})
        db.session.rollback()
        made = untruths.last_round()
        assert made is not None
        return made

    return run


@pytest.mark.sqlite_only
def test_our_own_site_is_read_back(site, stock, read):
    free, held, sold = stock(3)
    sell(held, "reserved")
    sell(sold)
    made = read()
    assert (made.problem, made.untrue) == ("", 0)
    assert made.pages >= 8  # three cars, two lists, the sitemap's index and files
    assert found() == []

    site.instead = {"69.900": "59.900", "69900.00": "59900.00"}
    made = read()
    told = found()
    assert {(one.place, one.what, one.vehicle_id) for one in told} >= {
        ("page", "price", free.id),
        ("page", "price", held.id),
        ("landing", "price", free.id),
    }
    assert {(one.said_cents, one.true_cents) for one in told} == {(59_900_00, FULL)}
    assert made.untrue == len(told)

    site.instead = {"schema.org/SoldOut": "schema.org/InStock"}
    read()
    assert kinds(found()) == {("page", sold.id, "sold")}

    site.instead = {free.public_id: sold.public_id}
    read()
    assert ("sitemap", sold.id, "sold") in kinds(found())

    site.instead = {}
    with writing():
        mend(found())
    assert read().untrue == 0
    assert found() == []


def test_a_site_that_does_not_answer_keeps_what_was_known(app, monkeypatch, stock, read):
    (car,) = stock(1)
    with writing() as session:
        session.add(PublicCheck(place="page", vehicle_id=car.id, what="price", url="/oferta/x"))
    nobody = replace(app.extensions["vitrine"], base_url="http://127.0.0.1:9")
    monkeypatch.setitem(app.extensions, "vitrine", nobody)
    made = read()
    assert made.problem
    assert len(found()) == 1
