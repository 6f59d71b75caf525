"""The index follows the database: what staff or imports change is found, and nothing else."""

import json
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from core.config import ROOT
from core.db import db, writing
from inventory import lifecycle, search
from inventory.models import Photo, PriceChange, Vehicle
from inventory.search import OfferFilter
from inventory.search import index as index_module
from inventory.search.index import StockIndex
from inventory.stock_version import advance, touch
from tests.factories import make_store, make_vehicle


def found(**wanted: Any) -> list[int]:
    return list(search.search(OfferFilter(**wanted), 1000).ids)


def change(vehicle: Vehicle, **values: Any) -> None:
    with writing():
        for name, value in values.items():
            setattr(vehicle, name, value)
        touch([vehicle])


def test_an_empty_stock_is_answered(app: Flask) -> None:
    result = search.search(OfferFilter())
    assert (result.ids, result.total, result.pages) == ((), 0, 1)
    assert result.relaxations == ()


def test_only_what_availability_lists_is_found(app: Flask) -> None:
    keeps, hides = make_store(), make_store(reserved_stays_listed=False)
    listed = make_vehicle(store=keeps)
    reserved = make_vehicle(store=keeps, state="reserved")
    make_vehicle(store=hides, state="reserved")
    for state in ("draft", "sold", "archived"):
        make_vehicle(store=keeps, state=state)
    make_vehicle(store=keeps, price_cents=None)
    assert set(found()) == {listed.id, reserved.id}
    assert found() == [listed.id, reserved.id]  # what can still be bought comes first


def test_every_column_is_searchable(app: Flask) -> None:
    store = make_store(name="Vitrine Praia", slug="praia", city="São Vicente")
    car = make_vehicle(
        store=store, make="Volkswagen", model="T-Cross", trim="200 TSI Comfortline",
        condition="used", model_year=2021, price_cents=99_900_00, mileage_km=30_000, fuel="flex",
        transmission="automatic", body="suv", color="red", engine="1.0 Turbo",
        features=["sunroof", "Som da marca Exemplo"], history={"single_owner": True},
    )  # fmt: skip
    make_vehicle(price_cents=10_000_00, store=make_store())
    for wanted in (
        {"makes": ("volkswagen",)}, {"models": ("volkswagen/t-cross",)}, {"models": ("t-cross",)},
        {"bodies": ("suv",)}, {"fuels": ("flex",), "colors": ("red",)},
        {"transmissions": ("automatic",)}, {"features": ("sunroof",)}, {"stores": ("praia",)},
        {"cities": ("sao-vicente",)}, {"year_max": 2021}, {"price_min_cents": 99_900_00},
        {"mileage_max_km": 30_000}, {"text": "tcross"}, {"text": "comfortline"},
        {"text": "unico dono"}, {"text": "som exemplo"}, {"text": "são vicente"},
        {"text": "vitrine praia"}, {"text": "1.0 turbo"}, {"text": "200 tsi"},
    ):  # fmt: skip
        assert found(**wanted) == [car.id], wanted


def test_a_change_is_found_and_the_old_form_is_not(app: Flask) -> None:
    car, other = make_vehicle(color="white"), make_vehicle(color="white")
    assert set(found(colors=("white",))) == {car.id, other.id}
    change(car, color="red", price_cents=55_000_00)
    assert found(colors=("white",)) == [other.id]
    assert found(colors=("red",), price_max_cents=55_000_00) == [car.id]


def test_sold_vehicles_leave_and_fallen_sales_come_back(app: Flask) -> None:
    car = make_vehicle()
    assert found() == [car.id]
    with writing():
        lifecycle.move(car, "sold", by="test")
    assert found() == []
    with writing():
        lifecycle.move(car, "published", by="test")
    assert found() == [car.id]


def test_deleted_rows_leave_even_if_nobody_marked_them(app: Flask) -> None:
    cars = [make_vehicle() for _ in range(3)]
    assert len(found()) == 3
    with writing() as session:
        session.execute(sa.delete(Vehicle).where(Vehicle.id == cars[0].id))
        advance()
    make_vehicle()
    assert cars[0].id not in found()
    assert len(found()) == 3


def test_a_store_that_stops_listing_reserved_cars_hides_them(app: Flask) -> None:
    store = make_store()
    car = make_vehicle(store=store, state="reserved")
    assert found() == [car.id]
    with writing() as session:
        session.merge(store).reserved_stays_listed = False
        advance()
    assert found() == []


def test_a_patch_asks_a_constant_number_of_statements(app: Flask, statements: list[str]) -> None:
    cars = [make_vehicle(model=f"Model {number}", trim=f"Trim {number}") for number in range(12)]
    found()
    seen = []
    for count in (1, 12):
        with writing():
            touch(cars[:count])
        statements.clear()
        found()
        seen.append(len(statements))
    assert seen == [7, 7]
    statements.clear()
    found()
    assert len(statements) == 1  # only the version


def test_promotions_end_by_the_stores_clock(app: Flask) -> None:
    # UTC-4: the day of the promotion ends an hour later than in São Paulo.
    store = make_store(zone="America/Manaus")
    with time_machine.travel(datetime(2026, 5, 10, 12, tzinfo=UTC), tick=False) as clock:
        car = make_vehicle(
            store=store, price_cents=80_000_00, promo_price_cents=70_000_00,
            promo_until=date(2026, 5, 10),
        )  # fmt: skip
        cheaper = OfferFilter(price_max_cents=75_000_00)
        assert search.search(cheaper).ids == (car.id,)
        clock.move_to(datetime(2026, 5, 11, 3, 59, 59, tzinfo=UTC))
        assert search.search(cheaper).ids == (car.id,)
        clock.move_to(datetime(2026, 5, 11, 4, 0, 0, tzinfo=UTC))
        assert search.search(cheaper).ids == ()
        assert search.search(OfferFilter(price_min_cents=80_000_00)).ids == (car.id,)


def test_offers_come_in_the_asked_order_in_a_constant_number_of_statements(
    app: Flask, statements: list[str]
) -> None:
    cars = [make_vehicle() for _ in range(9)]
    sold = make_vehicle(state="sold")
    with writing() as session:
        for car in cars:
            made = {"stem": "ab/cd", "widths": [320], "formats": ["webp"]}
            session.add(Photo(vehicle_id=car.id, renditions=made, width_px=4, height_px=3))
    ids = [car.id for car in reversed(cars)]
    sold_id = sold.id
    for asked in (ids[:2], ids):
        db.session.expunge_all()
        statements.clear()
        offers = search.find_offers([*asked, sold_id, 10**9])
        assert [offer.id for offer in offers] == asked
        assert all(offer.photos and offer.store.name and offer.make for offer in offers)
        assert len(statements) == 2


def test_one_offer_is_found_in_any_standing_with_its_price_drop(app: Flask) -> None:
    car = make_vehicle(state="sold", price_cents=60_000_00)
    with writing() as session:
        for cents in (70_000_00, 65_000_00, 60_000_00):
            session.add(PriceChange(vehicle_id=car.id, actor="test", price_cents=cents))
    public_id = car.public_id
    db.session.expunge_all()
    offer = search.find_offer(public_id)
    assert offer is not None
    assert offer.is_sold
    assert offer.price_drop_cents == 5_000_00
    for nobody in ("nosuchid", "no-such-id", "\x00", "", "ônix"):
        assert search.find_offer(nobody) is None
        assert search.ids_of([nobody]) == []


def test_similar_cars_are_listed_and_near(app: Flask) -> None:
    car = make_vehicle(price_cents=70_000_00)
    same_model = make_vehicle(price_cents=72_000_00)
    same_body = make_vehicle(make="Fiat", model="Argo", price_cents=71_000_00)
    far = make_vehicle(make="BMW", model="X1", body="suv", price_cents=400_000_00)
    make_vehicle(state="sold")
    assert search.similar(car.id, 8) == [same_model.id, same_body.id]
    assert far.id not in search.similar(car.id)
    with writing():
        lifecycle.move(car, "sold", by="test")
    assert search.similar(car.id, 1) == [same_model.id]
    assert search.similar(10**9) == []


def test_listed_ids_counts_and_labels(app: Flask) -> None:
    first = make_vehicle(published_at=datetime(2026, 1, 1, tzinfo=UTC))
    second = make_vehicle(make="Fiat", model="Argo", published_at=datetime(2026, 2, 1, tzinfo=UTC))
    assert search.listed_ids() == [second.id, first.id]
    assert search.listed_ids("id") == [first.id, second.id]
    assert search.count_by("make") == {"chevrolet": 1, "fiat": 1}
    assert search.count(OfferFilter(makes=("fiat",))) == 1
    assert search.label("make", "fiat") == "Fiat"
    assert sum(count for _low, count in search.price_histogram(OfferFilter())) == 2
    assert search.ids_of([second.public_id, "nobody", first.public_id]) == [second.id, first.id]


def test_an_import_of_very_many_rows_is_patched_in_beside_the_requests(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    cars = [make_vehicle(color="white") for _ in range(8)]
    stock = StockIndex(db.engine, check_seconds=0)
    assert len(stock.snapshot().attributes["color"]["white"]) == 8
    monkeypatch.setattr(index_module, "MANY_CHANGES", 2)
    for car in cars:
        change(car, color="black")
    assert len(stock.snapshot().attributes["color"]["black"]) == 8


def test_threads_share_one_index_while_the_stock_changes(app: Flask) -> None:
    car = make_vehicle(price_cents=50_000_00)
    stock = StockIndex(db.engine, check_seconds=0.01)
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            snapshot = stock.snapshot()
            totals = {len(snapshot), sum(map(len, snapshot.attributes["color"].values()))}
            if len(totals) != 1:
                wrong.append(totals)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(12):
        change(car, price_cents=50_000_00 + number, color=("red", "blue")[number % 2])
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong
    time.sleep(0.02)
    assert stock.snapshot().keys["price_asc"][stock.snapshot().slots_of([car.id])[0]] == 5_000_011


READER = """
import json, sys, time
from app import create_app
from inventory import search
app = create_app()
app.testing = False
with app.app_context():
    search.warm()
    print("ready", flush=True)
    for line in sys.stdin:
        wanted = search.OfferFilter(colors=("purple",))
        until = time.monotonic() + 5
        while not search.search(wanted).total and time.monotonic() < until:
            time.sleep(0.005)
        print(json.dumps({"at": time.time(), "total": search.search(wanted).total}), flush=True)
"""


def test_a_change_is_seen_by_another_process_within_a_second(
    app: Flask, database_url: str, tmp_path: Any
) -> None:
    car = make_vehicle(color="white")
    environ = {"VITRINE_DATABASE_URL": database_url, "VITRINE_INSTANCE_DIR": str(tmp_path)}
    readers = [_reader(environ) for _ in range(2)]
    try:
        for reader in readers:
            assert reader.stdout is not None
            assert reader.stdout.readline().strip() == "ready"
            _tell(reader)
        time.sleep(0.4)
        change(car, color="purple")
        changed_at = time.time()
        for reader in readers:
            assert reader.stdout is not None
            seen = json.loads(reader.stdout.readline())
            assert seen["total"] == 1
            assert seen["at"] - changed_at < 1.0
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()


def _reader(environ: dict[str, str]) -> "subprocess.Popen[str]":
    import os

    return subprocess.Popen(
        [sys.executable, "-c", READER], cwd=ROOT, env={**os.environ, **environ}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _tell(reader: "subprocess.Popen[str]") -> None:
    assert reader.stdin is not None
    reader.stdin.write("look\n")
    reader.stdin.flush()


def test_an_idle_process_is_not_stale_at_its_first_question(app: Flask) -> None:
    car = make_vehicle(color="white")
    stock = StockIndex(db.engine, check_seconds=0.25)
    stock.snapshot()
    time.sleep(0.3)
    change(car, color="green")
    assert "green" in stock.snapshot().attributes["color"]
