"""The second save of one car sees what changed meanwhile, and by whom."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from inventory.conflicts import ChangedMeanwhile, FactChange, mark_of, purge_fact_changes
from inventory.editing import revise_vehicle
from inventory.lifecycle import move
from inventory.models import Vehicle
from tests.factories import make_store, make_vehicle

FIELDS = ("price_cents", "mileage_km", "color", "description", "store", "make", "trim", "features",
          "promo_until", "state")  # fmt: skip


@pytest.fixture
def vehicle(app) -> Vehicle:
    return make_vehicle()


def opened(vehicle: Vehicle) -> str:
    return mark_of(vehicle, FIELDS)


def save(vehicle: Vehicle, changes, by="bia@loja.example", **options) -> bool:
    with writing():
        return revise_vehicle(vehicle, changes, by=by, **options)


def test_a_save_that_nobody_crossed_goes_through(vehicle):
    assert save(vehicle, {"price_cents": 68_000_00}, seen=opened(vehicle))
    assert vehicle.price_cents == 68_000_00


def test_the_second_save_of_the_same_field_sees_the_first_and_who_made_it(vehicle):
    seen = opened(vehicle)
    save(vehicle, {"price_cents": 68_000_00}, by="ana@loja.example")
    with pytest.raises(ChangedMeanwhile) as raised:
        save(vehicle, {"price_cents": 71_000_00}, seen=seen)
    (clash,) = raised.value.clashes
    assert (clash.field, clash.theirs, clash.mine) == ("price_cents", 68_000_00, 71_000_00)
    assert clash.actor == "ana@loja.example"
    assert clash.at is not None
    assert "ana@loja.example" in str(raised.value)
    assert vehicle.price_cents == 68_000_00


def test_it_may_overwrite_when_told_so(vehicle):
    seen = opened(vehicle)
    save(vehicle, {"price_cents": 68_000_00}, by="ana@loja.example")
    assert save(vehicle, {"price_cents": 71_000_00}, seen=seen, overwrite=True)
    assert vehicle.price_cents == 71_000_00


def test_different_fields_merge(vehicle):
    seen = opened(vehicle)
    save(vehicle, {"price_cents": 68_000_00}, by="ana@loja.example")
    # The form sends all of its fields, the price as it was when the page was opened.
    assert save(vehicle, {"price_cents": 69_900_00, "mileage_km": 43_000}, seen=seen)
    assert (vehicle.price_cents, vehicle.mileage_km) == (68_000_00, 43_000)


def test_the_same_value_twice_is_no_clash(vehicle):
    seen = opened(vehicle)
    save(vehicle, {"price_cents": 68_000_00}, by="ana@loja.example")
    assert not save(vehicle, {"price_cents": 68_000_00}, seen=seen)


def test_an_overwrite_still_leaves_alone_what_was_not_touched(vehicle):
    seen = opened(vehicle)
    save(vehicle, {"price_cents": 68_000_00, "color": "black"}, by="ana@loja.example")
    changes = {"price_cents": 71_000_00, "color": "white"}
    save(vehicle, changes, seen=seen, overwrite=True)
    assert (vehicle.price_cents, vehicle.color) == (71_000_00, "black")


def test_a_moved_car_and_a_renamed_one_clash_too(vehicle):
    seen, other = opened(vehicle), make_store()
    save(vehicle, {"store": other.id, "trim": "1.4 LTZ"}, by="ana@loja.example")
    db.session.expire_all()
    with pytest.raises(ChangedMeanwhile) as raised:
        save(vehicle, {"trim": "1.0 RS"}, seen=seen)
    assert [(clash.field, clash.actor) for clash in raised.value.clashes] == [
        ("trim", "ana@loja.example")
    ]


def test_a_state_names_who_moved_it(vehicle):
    seen = opened(vehicle)
    with writing():
        move(vehicle, "reserved", "ana@loja.example")
    with pytest.raises(ChangedMeanwhile) as raised:
        save(vehicle, {"state": "sold"}, seen=seen)
    assert raised.value.clashes[0].actor == "ana@loja.example"


@pytest.mark.parametrize("seen", ["", "[]", "{", "null", '{"price_cents": 5}', "<script>"])
def test_a_mark_that_nobody_can_read_is_asked_about(vehicle, seen):
    with pytest.raises(ChangedMeanwhile):
        save(vehicle, {"price_cents": 71_000_00}, seen=seen)


def test_empty_text_and_unknown_are_the_same_to_a_form(vehicle):
    seen = opened(vehicle)
    save(vehicle, {"description": "Novo texto"}, by="ana@loja.example")
    save(vehicle, {"description": None, "mileage_km": 1}, seen=seen)
    assert vehicle.description == "Novo texto"


def test_old_notes_of_who_changed_what_are_forgotten(vehicle):
    save(vehicle, {"price_cents": 68_000_00})
    save(vehicle, {"price_cents": 67_000_00})
    with writing() as session:
        first = session.scalars(sa.select(FactChange).order_by(FactChange.id)).first()
        first.at = now() - timedelta(days=61)
    purge_fact_changes({})
    assert db.session.scalar(sa.select(sa.func.count()).select_from(FactChange)) == 1
