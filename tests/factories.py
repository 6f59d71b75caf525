"""Rows with sensible defaults: a test states only what it is about."""

from datetime import UTC, datetime, time
from itertools import count
from typing import Any

import sqlalchemy as sa

from core.db import db, writing
from dealership.models import OpeningInterval, Store
from inventory.models import CarModel, Make, Trim, Vehicle
from inventory.stock_version import touch

_numbers = count(1)
SOME_DAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def make_store(**values: Any) -> Store:
    number = next(_numbers)
    defaults = {
        "slug": f"loja-{number}",
        "name": f"Loja {number}",
        "street": "Av. Exemplo, 100",
        "district": "Centro",
        "city": "Campinas",
        "state_code": "SP",
        "postal_code": "13010000",
        "latitude": -22.90556,
        "longitude": -47.06083,
        "phone": "+551133334444",
        "whatsapp": "+5511987654321",
    }
    with writing() as session:
        store = Store(**{**defaults, **values})
        store.opening_intervals = [
            OpeningInterval(weekday=day, opens=time(8), closes=time(18)) for day in range(5)
        ]
        session.add(store)
    return store


def make_vehicle(**values: Any) -> Vehicle:
    """A published used car; `make`, `model` and `trim` are names, `store` a Store."""
    number = next(_numbers)
    make_name = values.pop("make", "Chevrolet")
    model_name = values.pop("model", "Onix")
    trim_name = values.pop("trim", "1.0 LT")
    store = values.pop("store", None) or db.session.scalars(sa.select(Store)).first()
    if store is None:
        store = make_store()
    defaults = {
        "public_id": f"t{number:07d}",
        "source": "test",
        "source_id": str(number),
        "slug": f"{make_name}-{model_name}".lower().replace(" ", "-"),
        "condition": "used",
        "built_year": 2021,
        "model_year": 2022,
        "price_cents": 69_900_00,
        "mileage_km": 42_000,
        "fuel": "flex",
        "transmission": "manual",
        "body": "hatch",
        "color": "white",
        "doors": 4,
        "state": "published",
        "published_at": SOME_DAY,
    }
    with writing() as session:
        store = session.merge(store)
        vehicle = Vehicle(**{**defaults, **values})
        vehicle.store = store
        vehicle.car_model = _model(make_name, model_name)
        vehicle.trim = _trim(vehicle.car_model, trim_name) if trim_name else None
        session.add(vehicle)
        session.flush()
        touch([vehicle])
    return vehicle


def _model(make_name: str, model_name: str) -> CarModel:
    make_slug = make_name.lower().replace(" ", "-")
    make = db.session.scalars(sa.select(Make).where(Make.slug == make_slug)).first()
    if make is None:
        make = Make(name=make_name, slug=make_slug)
        db.session.add(make)
        db.session.flush()
    slug = model_name.lower().replace(" ", "-")
    model = db.session.scalars(
        sa.select(CarModel).where(CarModel.make_id == make.id, CarModel.slug == slug)
    ).first()
    if model is None:
        model = CarModel(make=make, name=model_name, slug=slug)
        db.session.add(model)
        db.session.flush()
    return model


def _trim(model: CarModel, name: str) -> Trim:
    slug = name.lower().replace(" ", "-").replace(".", "-")
    trim = db.session.scalars(
        sa.select(Trim).where(Trim.car_model_id == model.id, Trim.slug == slug)
    ).first()
    if trim is None:
        trim = Trim(car_model_id=model.id, name=name, slug=slug)
        db.session.add(trim)
        db.session.flush()
    return trim
