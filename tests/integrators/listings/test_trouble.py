"""What a hostile world may do to an account, and what must come of it all the same."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from integrators import accounts
from integrators.listings import passes, syncing
from integrators.listings.calls import hold_seconds
from integrators.models import Advertiser, Listing, PortalAccount
from inventory.models import Photo, Vehicle
from tests.integrators.listings.conftest import hurry, sell
from tests.integrators.portal_stock import make_stock
from tests.simulators.chavesnamao import ChavesNaMao
from tests.simulators.faults import Fault
from tests.simulators.mercadolivre import MercadoLivre
from tests.simulators.olx import Olx


@pytest.fixture
def ml():
    with MercadoLivre() as simulator:
        yield simulator


def only() -> Listing:
    db.session.rollback()
    return db.session.scalars(sa.select(Listing)).one()


def test_a_lost_relist_makes_no_double_and_keeps_the_new_ad(ml, advertise, stock, sync):
    stock(1)
    account = advertise(ml)
    sync(account)
    ml.expire(only().key)
    ml.faults.force(Fault.SILENT, "POST", "/items/<item>/relist")
    sync(account, looks=True)
    assert ml.counts["POST /items/<item>/relist"] == 1
    assert not ml.doubles
    assert len(ml.online_keys()) == 1


@pytest.mark.parametrize(
    ("kind", "method", "shape"),
    [(Olx, "PUT", "/autoupload/import"), (ChavesNaMao, "POST", "/vehicles")],
)
def test_sold_while_the_answer_was_lost(kind, method, shape, advertise, stock, sync):
    with kind() as portal:
        account = advertise(portal)
        sync(account)
        (car,) = stock(1)
        portal.faults.force(Fault.SILENT, method, shape)
        passes.sync(account.id, 20)
        sell(car)
        sync(account)
        assert not portal.online_keys()


def test_a_car_that_comes_back_takes_up_its_key(ml, advertise, stock, sync):
    cars = stock(2)
    account = advertise(ml)
    sync(account)
    public_id = cars[0].public_id
    with writing() as session:
        session.delete(session.get(Vehicle, cars[0].id))
    (again,) = stock(1)
    with writing() as session:
        session.get(Vehicle, again.id).public_id = public_id
    sell(cars[1])
    sync(account)
    assert len(ml.online_keys()) == 1


def test_a_list_that_is_broken_holds_no_sold_car_up(ml, advertise, stock, sync):
    cars = stock(2)
    account = advertise(ml)
    sync(account)
    ml.faults.force(Fault.BROKEN, "GET", "/users/<user>/items/search", times=50)
    for _ in range(7):
        passes.sync(account.id, 20, looks=True)
    sell(cars[0])
    passes.sync(account.id, 20)
    assert len(ml.online_keys()) == 1
    row = db.session.get(Advertiser, account.id, populate_existing=True)
    assert row.problem  # and somebody is told
    assert row.observe_at > now() + timedelta(minutes=20)  # later each time


def test_a_broken_car_stops_no_other(ml, advertise, stock, sync):
    cars = stock(2)
    with writing() as session:
        photo = session.scalars(sa.select(Photo).where(Photo.vehicle_id == cars[0].id)).first()
        photo.renditions = {**photo.renditions, "widths": []}
    account = advertise(ml)
    sync(account)
    assert len(ml.online_keys()) == 1
    db.session.rollback()
    codes = db.session.scalars(sa.select(Listing.error_code)).all()
    assert sum(code.startswith("broken:") for code in codes) == 1


def test_a_correction_that_never_holds_is_left_to_a_person(ml, advertise, stock, sync):
    stock(1)
    account = advertise(ml)
    sync(account)
    for _ in range(6):
        ml.change_price_by_hand(only().key, 50_000_00)
        sync(account, looks=True)
    assert ml.counts["PUT /items/<item>"] == 3
    assert only().error_code == "drift"


def test_who_was_removed_meanwhile_stays_removed(register):
    account = register("olx").account
    with writing() as session:
        accounts.archive(session.get(PortalAccount, account.id))
        accounts.needs_person(account.id, "connect again")
    assert db.session.get(PortalAccount, account.id).state == "archived"


def test_a_wary_account_waits_for_a_person_without_working(ml, advertise, stock, sync):
    stock(1)
    account = advertise(ml)
    sync(account)
    with writing() as session:
        session.get(Advertiser, account.id).is_wary = True
        session.execute(sa.update(Listing).values(due_at=now() - timedelta(hours=1)))
    assert syncing.due_accounts() == []


@pytest.mark.parametrize(("said", "seconds"), [("0", 1.0), ("7", 7.0), ("99999", 3600.0)])
def test_how_long_to_wait(said, seconds):
    assert hold_seconds({"Retry-After": said}) == seconds


def test_how_long_to_wait_by_what_is_no_number():
    assert 0 <= hold_seconds({"retry-after": "²"}) <= 30
    assert 0 <= hold_seconds({}) <= 30


def test_places_that_are_short_go_to_the_same_cars(advertise, sync):
    with Olx() as portal:
        portal.slots = 6  # the dealer's own take two of them
        make_stock(8)
        account = advertise(portal)
        sync(account)
        first = portal.online_keys()
        assert len(first) == 4
        hurry(account)
        sync(account, looks=True)
        assert portal.online_keys() == first
        assert portal.foreign_touched == 0


def test_when_a_hold_is_over_the_worker_goes_on(ml, advertise, stock):
    """By what the worker itself looks at, not by who calls passes by hand."""
    stock(1)
    account = advertise(ml)
    ml.faults.force(Fault.AWAY, "POST", "/items")
    passes.sync(account.id, 20)
    with writing() as session:
        row = session.get(Advertiser, account.id)
        assert row.hold_until is not None
        row.hold_until = now() - timedelta(seconds=1)
        row.good_at = now()  # not for its age
    assert syncing.due_accounts() == [account.id]
    passes.sync(account.id, 20)
    assert len(ml.online_keys()) == 1
    assert syncing.due_accounts() == []


def test_a_list_of_names_that_did_not_come_is_asked_for_again(advertise, stock):
    with ChavesNaMao() as portal:
        stock(1)
        account = advertise(portal)
        portal.faults.force(Fault.BROKEN, "GET", "/vehicles/brands", times=2)
        passes.sync(account.id, 20)
        assert only().error_code == "unknown_term"
        with writing() as session:
            session.get(Advertiser, account.id).hold_until = now() - timedelta(seconds=1)
        assert syncing.due_accounts() == [account.id]
        passes.sync(account.id, 20)
        assert only().remote == "processing"
