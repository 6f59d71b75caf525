"""What other rules would do is told before they are kept, and as a pass will judge it."""

from dataclasses import replace

import sqlalchemy as sa

from core.db import db, writing
from integrators import accounts
from integrators.listings.preview import fields_of, plan
from integrators.listings.rules import Rules, advertiser_of
from integrators.listings.terms import terms_version
from integrators.listings.wanted import record, salt_of, wishes
from integrators.models import Advertiser, Listing, PortalAccount
from integrators.portals.every import PORTALS
from inventory.models import Vehicle
from inventory.stock_version import touch
from tests.factories import make_vehicle

RULES = Rules()


def advertise(count: int) -> tuple[PortalAccount, list[int]]:
    """An account on which so many cars stand as they should, and their ids."""
    ids = [make_vehicle(price_cents=50_000_00 + number).id for number in range(count)]
    with writing():
        row, _token = accounts.register("olx", "OLX", {})
        portal, advertiser = PORTALS["olx"], advertiser_of(row.id)
        salt = salt_of(advertiser, portal.mapping_version, terms_version("olx"))
        record(row.id, wishes(accounts.seen(row), RULES, salt=salt), "v1-")
        db.session.execute(sa.update(Listing).values(remote="online", pushed_basis=Listing.basis))
    return row, ids


def planned(row: PortalAccount, rules: Rules = RULES):
    db.session.expire_all()
    return plan(row, db.session.get_one(Advertiser, row.id), rules)


def test_what_is_as_wanted_stays(app):
    row, ids = advertise(3)
    told = planned(row)
    assert told.does_nothing
    assert told.stay == len(ids)


def test_sold_cars_come_down_before_those_that_rules_leave_out(app):
    row, ids = advertise(3)
    with writing():
        db.session.get_one(Vehicle, ids[2]).state = "sold"
    told = planned(row, replace(RULES, price_min_cents=50_000_01))
    assert told.down == (ids[2], ids[0])
    assert told.stay == 1
    assert planned(row, replace(RULES, takes_all_down=True)).down == (ids[2], ids[0], ids[1])


def test_a_changed_car_is_changed_and_a_text_for_all_changes_all(app):
    row, ids = advertise(3)
    with writing():
        touch([db.session.get_one(Vehicle, ids[1])])
    assert planned(row).change == (ids[1],)
    assert planned(row, replace(RULES, extra_text="Feirão!")).change == tuple(ids)


def test_what_was_refused_is_held_and_takes_nobodys_place(app):
    row, ids = advertise(3)
    with writing() as session:
        session.execute(
            sa.update(Listing)
            .where(Listing.vehicle_id == ids[0])
            .values(remote="none", refused_basis=Listing.basis)
        )
        session.execute(
            sa.update(Listing).where(Listing.vehicle_id == ids[1]).values(remote="none")
        )
    told = planned(row, replace(RULES, slots=1))
    assert (told.held, told.stay, told.waiting, told.up) == (1, 1, 1, ())
    assert planned(row, replace(RULES, slots=2)).up == (ids[1],)


def test_fields_are_told_by_the_place_where_they_stand():
    value = {"a": {"b": 1, "c": ""}, "photos": ["x", "y"], "list": [{"n": None, "m": False}]}
    assert fields_of(value) == [("a.b", "1"), ("photos", "x, y"), ("list.1.m", "false")]
    assert fields_of(37900, "price") == [("price", "37900")]
