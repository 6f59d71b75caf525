from datetime import date

import pytest
import sqlalchemy as sa

from core.db import db, writing
from inventory import stock_version
from inventory.editing import (
    VehicleFacts,
    VehicleRefused,
    photo_address,
    register_vehicle,
    register_vehicles,
    revise_vehicle,
    set_photo_addresses,
)
from inventory.lifecycle import NotPublishable
from inventory.models import Photo, PriceChange, Vehicle
from jobs.models import Job
from tests.factories import make_store

pytestmark = pytest.mark.usefixtures("app")


def facts(**values):
    defaults = {
        "make": "Fiat",
        "model_name": "Argo",
        "trim": "Drive 1.0",
        "built_year": 2021,
        "model_year": 2022,
        "price_cents": 64_900_00,
        "state": "published",
    }
    store = values.pop("store", None) or make_store()
    return VehicleFacts(store=store, **{**defaults, **values})


def register(source_id="1", **values):
    given = facts(**values)
    with writing():
        return register_vehicle(given, source="test", source_id=source_id, by="ana@loja")


def revise(vehicle, **changes):
    with writing():
        return revise_vehicle(vehicle, changes, by="ana@loja")


def prices(vehicle):
    rows = db.session.scalars(
        sa.select(PriceChange).where(PriceChange.vehicle_id == vehicle.id).order_by(PriceChange.id)
    )
    return [row.price_cents for row in rows]


def fetch_jobs():
    return [job.payload["photo_id"] for job in db.session.scalars(sa.select(Job))]


def test_registered_vehicle_is_whole():
    vehicle = register(features=("abs",), history={"single_owner": True})
    assert vehicle.slug == "fiat-argo-drive-1-0-2022"
    assert (vehicle.car_model.make.name, vehicle.trim.name) == ("Fiat", "Drive 1.0")
    assert vehicle.state == "published"
    assert vehicle.published_at is not None
    assert vehicle.features == ["abs"]
    assert vehicle.stock_seq == stock_version.current()
    assert prices(vehicle) == [64_900_00]


def test_public_id_follows_from_the_key():
    store = make_store()
    first = register("7", store=store).public_id
    with writing() as session:
        session.execute(sa.delete(Vehicle))
    assert register("7", store=store).public_id == first
    assert register("8", store=store).public_id != first


def test_taken_public_id_is_salted(monkeypatch):
    store = make_store()
    taken = register("1", store=store).public_id
    with writing() as session:
        session.execute(sa.update(Vehicle).values(source_id="other"))
    again = register("1", store=store).public_id
    assert again != taken
    assert len(again) == 8


def test_many_vehicles_cost_their_inserts_and_little_else(statements):
    store = make_store()
    entries = [(str(number), facts(store=store)) for number in range(50)]
    del statements[:]
    with writing():
        made = register_vehicles(entries, source="test", by="demo")
    others = [sql for sql in statements if not sql.startswith("INSERT")]
    assert len(others) < 15
    assert len({vehicle.public_id for vehicle in made}) == 50


def test_same_facts_change_nothing():
    vehicle = register(photo_addresses=("https://a.example/1.jpg",))
    version = stock_version.current()
    assert not revise(
        vehicle,
        make="FIAT",
        trim="drive 1.0",
        price_cents=64_900_00,
        photo_addresses=["https://a.example/1.jpg"],
        state="published",
    )
    assert stock_version.current() == version
    assert prices(vehicle) == [64_900_00]


def test_new_price_is_remembered_and_counted_once():
    vehicle = register()
    version = stock_version.current()
    assert revise(vehicle, price_cents=59_900_00)
    assert prices(vehicle) == [64_900_00, 59_900_00]
    assert stock_version.current() == version + 1
    assert vehicle.stock_seq == version + 1


def test_promotion_is_part_of_the_price_history():
    vehicle = register()
    assert revise(vehicle, promo_price_cents=60_000_00, promo_until=date(2026, 12, 31))
    assert prices(vehicle) == [64_900_00, 64_900_00]


def test_address_is_frozen_once_on_the_site():
    draft, live = register("1", state="draft"), register("2")
    for vehicle in (draft, live):
        assert revise(vehicle, model_name="Cronos", model_year=2021)
    assert draft.slug == "fiat-cronos-drive-1-0-2021"
    assert live.slug == "fiat-argo-drive-1-0-2022"
    assert live.car_model.name == "Cronos"
    assert live.trim.name == "Drive 1.0"


def test_state_goes_the_way_the_life_cycle_has():
    vehicle = register(state="reserved")
    assert [change.to_state for change in vehicle.state_changes] == ["published", "reserved"]
    assert revise(vehicle, state="sold")
    assert revise(vehicle, state="draft")
    assert vehicle.state_changes[-2].to_state == "archived"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price_cents", 0),
        ("price_cents", 10**12),
        ("mileage_km", -1),
        ("mileage_km", 10**9),
        ("fuel", "plasma"),
        ("engine", "x" * 41),
        ("make", "--"),
        ("built_year", 1890),
        ("model_year", 2024),
        ("price_cents", None),
    ],
)
def test_impossible_facts_are_refused_with_their_field(field, value):
    given = facts(**{field: value})
    with pytest.raises(VehicleRefused) as refusal, writing():
        register_vehicle(given, source="test", source_id="1", by="x")
    assert set(refusal.value.problems) == {field}
    assert db.session.scalar(sa.select(sa.func.count(Vehicle.id))) == 0


def test_published_vehicle_keeps_its_price():
    vehicle = register()
    with pytest.raises(VehicleRefused):
        revise(vehicle, price_cents=None)
    assert revise(vehicle, price_cents=None, state="sold")


def test_photo_gate_of_the_store_holds():
    store = make_store(requires_photo=True)
    with pytest.raises(NotPublishable):
        register("1", store=store)
    assert register("2", store=store, photo_addresses=["https://a.example/1.jpg"])


def test_unknown_field_is_a_programming_error():
    vehicle = register()
    with pytest.raises(TypeError):
        revise(vehicle, colour="red")


def test_photos_keep_what_is_known_and_fetch_what_is_new():
    vehicle = register(photo_addresses=["https://a.example/1.jpg", "https://a.example/2.jpg"])
    first, second = (photo.id for photo in vehicle.photos)
    assert sorted(fetch_jobs()) == [first, second]
    with writing():
        assert set_photo_addresses(
            vehicle, ["https://a.example/3.jpg", "https://a.example/1.jpg"] * 2
        )
    db.session.expire_all()
    assert [photo.source_url[-5:] for photo in vehicle.photos] == ["3.jpg", "1.jpg"]
    assert vehicle.photos[1].id == first
    assert db.session.get(Photo, second) is None
    assert sorted(fetch_jobs()) == [first, second, vehicle.photos[0].id]


def test_own_photo_is_known_by_its_public_address():
    vehicle = register()
    with writing():
        vehicle.photos.append(
            Photo(
                state="ready",
                renditions={"stem": "ab/abcdef", "widths": [320, 640], "formats": ["jpg"]},
            )
        )
    address = photo_address(vehicle.photos[0])
    assert address == "http://localhost/media/ab/abcdef-640.jpg"
    with writing():
        assert not set_photo_addresses(vehicle, [address])
        assert not set_photo_addresses(
            vehicle, ["https://www.loja.example/media/ab/abcdef-1600.jpg"]
        )
        assert set_photo_addresses(vehicle, ["https://a.example/1.jpg"])
