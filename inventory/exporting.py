"""The whole stock as text that imports back without a change."""

import csv
import io
import json
from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from core.db import db
from inventory import vocabulary
from inventory.availability import Availability, availability
from inventory.editing import photo_address
from inventory.importing.checking import Stores
from inventory.importing.mapping import COLUMNS, PRIVATE_COLUMNS
from inventory.importing.rows import FORMULA, escaped
from inventory.models import Photo, Vehicle
from inventory.offers import price_now_cents

BATCH_ROWS: Final = 500
FORMATS: Final = ("csv", "jsonl")
_CODED: Final = frozenset({"condition", "fuel", "transmission", "body", "color", "state"})


def export_csv(*, is_private: bool = False) -> Iterator[str]:
    """The stock as CSV in UTF-8, a piece per vehicle; archived vehicles are not in it.

    With `is_private` also plate, RENAVAM and chassis. Cells that a spreadsheet would run as a
    formula get a `'` in front, which the import takes off again.
    """
    columns = columns_of(is_private)
    yield _line(columns)
    for vehicle, row in _rows(columns):
        del vehicle
        yield _line([_cell(row[column]) for column in columns])


def export_jsonl(*, is_private: bool = False) -> Iterator[str]:
    """The stock as JSON lines: the columns of the CSV, and `public_id`, `slug`, `price_cents`
    (what the vehicle costs now, in cents) and `available`."""
    for vehicle, row in _rows(columns_of(is_private)):
        extras = {
            "public_id": vehicle.public_id,
            "slug": vehicle.slug,
            "price_cents": price_now_cents(vehicle),
            "available": availability(vehicle) is Availability.AVAILABLE,
        }
        yield json.dumps({**row, **extras}, ensure_ascii=False) + "\n"


def export_rows(
    *, is_private: bool = False, store_ids: Collection[int] | None = None
) -> Iterator[list[Any]]:
    """The stock as typed rows, the headings first: money as Decimal (R$), days as date, the rest
    as text and whole numbers, None where unknown. `store_ids`: those stores' vehicles only."""
    columns = columns_of(is_private)
    yield list(columns)
    stores = Stores()
    for vehicle in _vehicles(store_ids):
        yield [_typed(vehicle, COLUMNS[column], stores) for column in columns]


def count_rows(store_ids: Collection[int] | None = None) -> int:
    """How many vehicles `export_rows` would give."""
    return db.session.scalar(_wanted(sa.select(sa.func.count(Vehicle.id)), store_ids)) or 0


def columns_of(is_private: bool) -> list[str]:
    """The published columns, in their order."""
    return [column for column in COLUMNS if is_private or column not in PRIVATE_COLUMNS]


def _rows(columns: list[str]) -> Iterator[tuple[Vehicle, dict[str, Any]]]:
    stores = Stores()
    for vehicle in _vehicles(None):
        yield vehicle, {column: _value(vehicle, COLUMNS[column], stores) for column in columns}


def _vehicles(store_ids: Collection[int] | None) -> Iterator[Vehicle]:
    return iter(
        db.session.scalars(
            _wanted(sa.select(Vehicle), store_ids)
            .order_by(Vehicle.id)
            .options(
                joinedload(Vehicle.car_model),
                joinedload(Vehicle.trim),
                joinedload(Vehicle.store),
                selectinload(Vehicle.photos).load_only(
                    Photo.vehicle_id, Photo.position, Photo.source_url, Photo.renditions
                ),
            )
            .execution_options(yield_per=BATCH_ROWS)
        )
    )


def _wanted(statement: sa.Select[Any], store_ids: Collection[int] | None) -> sa.Select[Any]:
    there = statement.where(Vehicle.state != "archived")
    return there if store_ids is None else there.where(Vehicle.store_id.in_(store_ids))


def _value(vehicle: Vehicle, fact: str, stores: Stores) -> Any:
    """As `_typed`, in what JSON and CSV can say."""
    value = _typed(vehicle, fact, stores)
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    return value.isoformat() if isinstance(value, date) else value


def _typed(vehicle: Vehicle, fact: str, stores: Stores) -> Any:
    if fact in _JOINED:
        return _JOINED[fact](vehicle)
    if fact == "store":
        return stores.name_of(vehicle.store)
    value = getattr(vehicle, fact)
    if value is None:
        return None
    if fact.endswith("_cents"):
        return Decimal(value) / 100
    if fact in _CODED:
        return vocabulary.public_value(fact, value)
    return value


def _features(vehicle: Vehicle) -> str:
    """Options and then what is true of the past: both are words that the import tells apart."""
    features = [vocabulary.public_value("feature", feature) for feature in vehicle.features]
    history = [
        vocabulary.public_value("history", flag)
        for flag, is_true in vehicle.history.items()
        if is_true
    ]
    return "|".join([*features, *history])


def _photos(vehicle: Vehicle) -> str:
    addresses = (photo_address(photo) for photo in vehicle.photos)
    return "|".join(escaped(address) for address in addresses if address)


_JOINED: Final = {
    "make": lambda vehicle: vehicle.car_model.make.name,
    "model_name": lambda vehicle: vehicle.car_model.name,
    "trim": lambda vehicle: vehicle.trim.name if vehicle.trim else "",
    "features": _features,
    "photo_addresses": _photos,
}


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if FORMULA.match(text) else text


def _line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
