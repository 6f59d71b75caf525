"""A restored backup brings nothing back that was sold, and puts nothing up by itself."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from integrators.listings import tombstones
from integrators.models import Advertiser, Listing
from inventory.lifecycle import move
from inventory.models import StateChange, Vehicle
from tests.integrators.listings.conftest import sell
from tests.simulators.olx import Olx


@pytest.fixture
def portal():
    with Olx() as simulator:
        yield simulator


def roll_back(rows: dict[int, dict], account_id: int, vehicle_id: int) -> None:
    """What a backup from before the sale holds."""
    with writing() as session:
        car = session.get(Vehicle, vehicle_id)
        session.execute(sa.delete(StateChange).where(StateChange.vehicle_id == vehicle_id))
        car.state, car.state_changed_at = "published", rows["car"]
        session.get(Advertiser, account_id).writes = rows["writes"]
        for row in session.scalars(sa.select(Listing).where(Listing.vehicle_id == vehicle_id)):
            row.desired, row.reason, row.remote = "live", "", "online"


def test_sold_stays_sold_and_nothing_new_is_put_up(portal, advertise, stock, sync):
    cars = stock(2)
    account = advertise(portal)
    sync(account)
    first, changed_at = cars[0].id, cars[0].state_changed_at
    before = {"car": changed_at, "writes": db.session.get(Advertiser, account.id).writes}
    sell(cars[0])
    sync(account)
    assert len(portal.online_keys()) == 1

    roll_back(before, account.id, first)
    stock(1)  # came after the backup; whether the portal has it, a person looks at first
    sync(account, most=2)
    assert db.session.get(Vehicle, first).state == "sold"  # on our own site, too
    assert db.session.get(Advertiser, account.id).is_wary
    assert len(portal.online_keys()) == 1

    with writing() as session:
        session.get(Advertiser, account.id).is_wary = False
    sync(account)
    assert len(portal.online_keys()) == 2


def test_what_is_rolled_back_leaves_no_line(stock, app):
    (car,) = stock(1)
    with pytest.raises(RuntimeError), writing() as session:
        move(session.get(Vehicle, car.id), "sold", "test")
        raise RuntimeError
    assert tombstones.reapply() == 0
    assert db.session.get(Vehicle, car.id).state == "published"
    sell(car)
    sell(car, "published")  # the sale fell through
    assert tombstones.reapply() == 0
