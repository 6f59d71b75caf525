"""The stock and a portal, brought in line: by the Mercado Livre that is not there."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from integrators.models import Advertiser, Listing, ListingEvent
from inventory.models import Vehicle
from tests.integrators.listings.conftest import reprice, sell
from tests.simulators.mercadolivre import MercadoLivre


@pytest.fixture
def portal():
    with MercadoLivre() as simulator:
        yield simulator


def listings(account) -> list[Listing]:
    db.session.rollback()
    statement = sa.select(Listing).where(Listing.account_id == account.id).order_by(Listing.id)
    return list(db.session.scalars(statement).unique())


def test_put_up_changed_sold(portal, advertise, stock, sync):
    cars = stock(3)
    account = advertise(portal)
    sync(account)
    assert len(portal.online_keys()) == 3
    assert {row.remote for row in listings(account)} == {"online"}

    writes = portal.writes
    sync(account, looks=True)
    assert portal.writes == writes  # nothing changed, nothing is written

    reprice(cars[0], 61_000_00)
    sync(account)
    assert portal.writes == writes + 1
    assert sorted(portal.online().values()) == [61_000_00, 69_900_00, 69_900_00]

    sell(cars[1])
    sell(cars[2], "reserved")
    sync(account)
    assert len(portal.online_keys()) == 1
    assert [row.remote for row in listings(account)] == ["online", "offline", "paused"]
    sell(cars[2], "published")
    sync(account)
    assert len(portal.online_keys()) == 2
    assert not portal.doubles
    assert portal.foreign_touched == 0
    assert len(portal.hand_made) == 2


def test_what_is_changed_there_by_hand_is_put_right(portal, advertise, stock, sync):
    stock(2)
    account = advertise(portal)
    sync(account)
    first, second = (row.key for row in listings(account))
    portal.change_price_by_hand(first, 10_000_00)
    portal.close_by_hand(second)
    sync(account, looks=True)
    assert sorted(portal.online().values()) == [69_900_00, 69_900_00]
    said = db.session.scalars(sa.select(ListingEvent.what)).all()
    assert said.count("drift") == 2


def test_a_lost_answer_makes_no_second_ad(portal, advertise, stock, sync):
    account = advertise(portal)
    sync(account)  # a token is there, the contract is known
    stock(1)
    portal.trouble = ["lost"]  # the ad is made, its answer never arrives
    sync(account)
    assert len(portal.online_keys()) == 1
    assert not portal.doubles
    assert portal.counts["POST /items"] == 1


def test_a_deleted_car_is_taken_down(portal, advertise, stock, sync):
    (car,) = stock(1)
    account = advertise(portal)
    sync(account)
    with writing() as session:
        session.delete(session.get(Vehicle, car.id))
    db.session.rollback()
    with writing() as session:
        session.get(Advertiser, account.id).stock_version = 0
    sync(account)
    assert not portal.online_keys()


def test_a_portal_that_was_down_for_hours_catches_up(portal, advertise, stock, sync):
    cars = stock(6)
    account = advertise(portal)
    sync(account)
    portal.faults.is_down = True
    sell(cars[0])
    reprice(cars[1], 50_000_00)
    assert sync(account, most=12)[-1].is_held
    assert len(portal.online_keys()) == 6
    portal.faults.is_down = False
    sync(account)
    assert sorted(portal.online().values()) == [50_000_00, *[69_900_00] * 4]
