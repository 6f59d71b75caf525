"""Reads listed vehicles out of the database into columns: columns only, streamed, few statements.

Whether a row is listed and what it costs is asked of `availability` and `price_now_cents`, with a
row that has just the columns they look at.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.text import slugify_name
from dealership.models import Store
from inventory import vocabulary
from inventory.availability import Availability, availability
from inventory.lifecycle import STATES
from inventory.models import CarModel, Make, Trim, Vehicle
from inventory.offers import price_now_cents, promotion_runs
from inventory.search.columns import SINGLE_KINDS, Columns, Facts
from inventory.search.text import Key

_ROWS_AT_ONCE: Final = 2_000
_IDS_AT_ONCE: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_COLUMNS: Final = (
    Vehicle.id,
    Vehicle.store_id,
    Vehicle.car_model_id,
    Vehicle.trim_id,
    Vehicle.condition,
    Vehicle.model_year,
    Vehicle.price_cents,
    Vehicle.promo_price_cents,
    Vehicle.promo_until,
    Vehicle.mileage_km,
    Vehicle.fuel,
    Vehicle.transmission,
    Vehicle.body,
    Vehicle.color,
    Vehicle.engine,
    sa.cast(Vehicle.features, sa.Text).label("features"),
    sa.cast(Vehicle.history, sa.Text).label("history"),
    Vehicle.state,
    Vehicle.state_changed_at,
    Vehicle.published_at,
    Vehicle.highlight_rank,
)


@dataclass(frozen=True)
class StoreFacts:
    """What of a store decides where its vehicles are listed and found."""

    id: int
    slug: str
    name: str
    city: str
    zone: str
    reserved_stays_listed: bool


class _Row:
    """A vehicle with only the columns that the index needs."""

    __slots__ = ("__dict__", "store")

    def __init__(self, values: Mapping[str, Any], store: StoreFacts) -> None:
        self.__dict__.update(values)
        self.store = store


def _probe(state: str) -> bool:
    """Whether a vehicle in `state` could be listed at all, all else being favourable."""
    store = StoreFacts(0, "", "", "", "UTC", reserved_stays_listed=True)
    values = {"state": state, "price_cents": 1, "published_at": _EPOCH, "state_changed_at": _EPOCH}
    return availability(cast(Vehicle, _Row(values, store)), _EPOCH).is_listed


# Rows in other states need not be read; `availability` says which those are.
LISTABLE_STATES: Final = tuple(state for state in STATES if _probe(state))


def read_stores(connection: Connection) -> dict[int, StoreFacts]:
    """Every store, by id."""
    rows = connection.execute(
        sa.select(
            Store.id, Store.slug, Store.name, Store.city, Store.zone, Store.reserved_stays_listed
        )
    )
    return {row.id: StoreFacts(*row) for row in rows}


def count_listable(connection: Connection) -> int:
    """How many rows the index reads when it reads all: tells that some were deleted."""
    statement = sa.select(sa.func.count()).where(Vehicle.state.in_(LISTABLE_STATES))
    return connection.scalar(statement) or 0


@dataclass
class Loaded:
    """What was read: the listed vehicles, and the ids of those read that are not listed."""

    columns: Columns
    unlisted: set[int]


def load_all(connection: Connection, stores: Mapping[int, StoreFacts], at: datetime) -> Loaded:
    """Every listed vehicle as of `at`. Five statements with the stores', memory a few bytes a
    value."""
    names = _Names(connection, stores, everything=True)
    statement = sa.select(*_COLUMNS).where(Vehicle.state.in_(LISTABLE_STATES)).order_by(Vehicle.id)
    return _collect(_streamed(connection, statement), names, at)


def changed_since(connection: Connection, version: int) -> list[int]:
    """Ids of vehicles that a later version than `version` touched, in any state."""
    statement = sa.select(Vehicle.id).where(Vehicle.stock_seq > version)
    return list(connection.scalars(statement))


def load_some(
    connection: Connection, ids: Iterable[int], stores: Mapping[int, StoreFacts], at: datetime
) -> Loaded:
    """The listed ones among `ids`, as of `at`. Those in a state that is never listed are in
    neither part of the answer."""
    wanted = list(ids)
    names = _Names(connection, stores, everything=len(wanted) > _IDS_AT_ONCE)

    def rows() -> Iterator[Any]:
        for start in range(0, len(wanted), _IDS_AT_ONCE):
            part = wanted[start : start + _IDS_AT_ONCE]
            found = connection.execute(
                sa.select(*_COLUMNS).where(Vehicle.id.in_(part), Vehicle.state.in_(LISTABLE_STATES))
            )
            yield from found.mappings()

    return _collect(rows(), names, at)


def _streamed(connection: Connection, statement: Any) -> Iterator[Any]:
    result = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement)
    yield from result.mappings()


def _collect(rows: Iterable[Any], names: "_Names", at: datetime) -> Loaded:
    loaded = Loaded(Columns(), set())
    for values in rows:
        row = cast(Vehicle, _Row(values, names.stores[values["store_id"]]))
        standing = availability(row, at)
        if not standing.is_listed:
            loaded.unlisted.add(row.id)
            continue
        loaded.columns.append(_facts(row, standing, names, at))
    _describe(loaded.columns, names)
    return loaded


def _facts(row: Vehicle, standing: Availability, names: "_Names", at: datetime) -> Facts:
    store = names.stores[row.store_id]
    make, model = names.model(row.car_model_id)
    trim = names.trim(row.trim_id)
    features, remarks = _features(cast(str, row.features))
    facts = _known_facts(cast(str, row.history))
    promo_ends = None
    if row.promo_until is not None and promotion_runs(row, at):
        promo_ends = _end_of(row.promo_until, store.zone)
    published = row.published_at
    return Facts(
        id=row.id,
        price_cents=price_now_cents(row, at) or 0,
        model_year=row.model_year,
        mileage_km=row.mileage_km,
        published=int(published.timestamp()) if published else 0,
        highlight_rank=row.highlight_rank,
        is_reserved=standing is Availability.RESERVED,
        single=(
            make,
            model,
            f"{model}/{trim}" if trim else None,
            row.condition,
            row.body,
            row.transmission,
            row.fuel,
            row.color,
            store.slug,
            _city_slug(store.city),
            str(row.model_year),
            row.engine,
        ),
        multiple=((*features, *facts), remarks, facts),
        promo_ends=promo_ends,
        price_after_cents=row.price_cents or 0,
    )


class _Names:
    """Slugs and names of stores, makes, models and trims by id: read whole for a whole stock, one
    by one for a few rows."""

    def __init__(
        self, connection: Connection, stores: Mapping[int, StoreFacts], *, everything: bool
    ) -> None:
        self.stores = stores
        self.models: dict[int, tuple[str, str]] = {}
        self.labels: dict[Key, str] = {}
        self._trims: dict[int, str] = {}
        self._connection = connection
        if everything:
            self._read_models(sa.true())
            self._read_trims(sa.true())

    def model(self, number: int) -> tuple[str, str]:
        """Values of the make and the model with that id."""
        if number not in self.models:
            self._read_models(CarModel.id == number)
        return self.models[number]

    def trim(self, number: int | None) -> str:
        """The name of a trim; empty for none."""
        if number is None:
            return ""
        if number not in self._trims:
            self._read_trims(Trim.id == number)
        return self._trims[number]

    def _read_models(self, condition: sa.ColumnElement[bool]) -> None:
        rows = self._connection.execute(
            sa.select(CarModel.id, CarModel.slug, CarModel.name, Make.slug, Make.name)
            .join(Make, Make.id == CarModel.make_id)
            .where(condition)
        )
        for number, slug, name, make_slug, make_name in rows:
            self.models[number] = (make_slug, f"{make_slug}/{slug}")
            self.labels["make", make_slug] = make_name
            self.labels["model", f"{make_slug}/{slug}"] = name

    def _read_trims(self, condition: sa.ColumnElement[bool]) -> None:
        rows = self._connection.execute(sa.select(Trim.id, Trim.name).where(condition))
        self._trims.update((number, name) for number, name in rows)


def _describe(columns: Columns, names: _Names) -> None:
    """Note the words under which each attribute value is found, and how facets show it."""
    for store in names.stores.values():
        names.labels["store", store.slug] = store.name
        names.labels["city", _city_slug(store.city)] = store.city
    for kind in SINGLE_KINDS:
        for value in columns.single[kind].values:
            key = (kind, value)
            shown = names.labels.get(key)
            if shown is not None:
                columns.labels[key] = shown
            columns.texts[key] = shown if shown is not None else _text(kind, value)
    for kind, rows_of in columns.multiple.items():
        for value in rows_of:
            columns.texts[kind, value] = _text(kind, value)


def _text(kind: str, value: str) -> str:
    if kind == "trim":
        return value.split("/", 2)[2]
    if kind == "fact":
        return vocabulary.public_value("history", value)
    if kind in vocabulary.KINDS:
        return vocabulary.public_value(kind, value)
    return value


@lru_cache(maxsize=4096)
def _city_slug(city: str) -> str:
    return slugify_name(city)


@lru_cache(maxsize=20_000)
def _features(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Features that have a code, and those in the source's own words."""
    listed = dict.fromkeys(json.loads(text) or ())
    codes = vocabulary.codes("feature")
    coded = tuple(feature for feature in listed if feature in codes)
    return coded, tuple(feature for feature in listed if feature not in codes)


@lru_cache(maxsize=20_000)
def _known_facts(text: str) -> tuple[str, ...]:
    """The provenance facts that hold."""
    return tuple(code for code, holds in (json.loads(text) or {}).items() if holds is True)


def _end_of(day: date, zone: str) -> int:
    """The instant `day` ends in `zone`, in seconds since 1970."""
    return int(datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)).timestamp())
