"""Reads listed vehicles out of the database into columns: columns only, streamed, few statements.

Whether a row is listed and what it costs is asked of `availability` and `price_now_cents`, with a
row that has just the columns they look at.
"""

import json
from collections import namedtuple
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from core.text import slugify_name
from dealership.models import Store
from inventory import vocabulary
from inventory.availability import Availability, availability
from inventory.lifecycle import STATES
from inventory.models import CarModel, Make, StockVersion, Trim, Vehicle
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
    Vehicle.published_at,
    Vehicle.highlight_rank,
    Vehicle.stock_seq,
)
# Made once: putting a statement together costs more than running it.
_ALL: Final = sa.select(*_COLUMNS).order_by(Vehicle.id)
_SOME: Final = sa.select(*_COLUMNS).where(Vehicle.id.in_(sa.bindparam("ids", expanding=True)))
_STORES: Final = sa.select(
    Store.id, Store.slug, Store.name, Store.city, Store.zone, Store.reserved_stays_listed
)
_MODELS: Final = sa.select(
    CarModel.id, CarModel.slug, CarModel.name, Make.slug.label("make_slug"), Make.name
).join(Make, Make.id == CarModel.make_id)
_TRIMS: Final = sa.select(Trim.id, Trim.name)
_CHANGED: Final = sa.select(Vehicle.id).where(Vehicle.stock_seq > sa.bindparam("version"))
_VERSION: Final = sa.select(StockVersion.number).where(StockVersion.id == 1)


@dataclass(frozen=True)
class StoreFacts:
    """What of a store decides where its vehicles are listed and found."""

    id: int
    slug: str
    name: str
    city: str
    zone: str
    reserved_stays_listed: bool


# A vehicle with only the columns that the index needs, and its store.
_Row = namedtuple("_Row", (*(column.key for column in _COLUMNS), "store"))  # type: ignore[misc]


def _probe(state: str) -> bool:
    """Whether a vehicle in `state` could be listed at all, all else being favourable."""
    store = StoreFacts(0, "", "", "", "UTC", reserved_stays_listed=True)
    vehicle = SimpleNamespace(
        state=state, price_cents=1, published_at=_EPOCH, state_changed_at=_EPOCH, store=store
    )
    return availability(cast(Vehicle, vehicle), _EPOCH).is_listed


# Rows in other states need not be read; `availability` says which those are.
LISTABLE_STATES: Final = tuple(state for state in STATES if _probe(state))
_LISTABLE: Final = Vehicle.state.in_(LISTABLE_STATES)
_COUNT: Final = sa.select(sa.func.count()).where(_LISTABLE)


def read_version(connection: Connection) -> int:
    """The stock's version; 0 for a stock nobody touched yet."""
    return connection.scalar(_VERSION) or 0


def read_stores(connection: Connection) -> dict[int, StoreFacts]:
    """Every store, by id."""
    return {row.id: StoreFacts(*row) for row in connection.execute(_STORES)}


def count_listable(connection: Connection) -> int:
    """How many rows the index reads when it reads all: tells that some were deleted."""
    return connection.scalar(_COUNT) or 0


@dataclass
class Loaded:
    """What was read: the listed vehicles, and the ids of those read that are not listed."""

    columns: Columns
    unlisted: set[int]


def load_all(connection: Connection, stores: Mapping[int, StoreFacts], at: datetime) -> Loaded:
    """Every listed vehicle as of `at`. Five statements with the stores', memory a few bytes a
    value."""
    names = _Names(stores)
    names.read(connection, _MODELS, _TRIMS)
    streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(_ALL.where(_LISTABLE))
    return _collect(streamed, names, at)


def changed_since(connection: Connection, version: int) -> list[int]:
    """Ids of vehicles that a later version than `version` touched, in any state."""
    return list(connection.scalars(_CHANGED, {"version": version}))


def load_some(
    connection: Connection, ids: Iterable[int], stores: Mapping[int, StoreFacts], at: datetime
) -> Loaded:
    """The listed ones among `ids`, as of `at`. Those in a state that is never listed are in
    neither part of the answer."""
    wanted = list(ids)
    names = _Names(stores)
    rows: list[Any] = []
    for start in range(0, len(wanted), _IDS_AT_ONCE):
        part = wanted[start : start + _IDS_AT_ONCE]
        rows += connection.execute(_SOME.where(_LISTABLE), {"ids": part})
    if len(wanted) > _IDS_AT_ONCE:
        names.read(connection, _MODELS, _TRIMS)
    elif rows:
        models, trims = {row.car_model_id for row in rows}, {row.trim_id for row in rows} - {None}
        names.read(
            connection, _MODELS.where(CarModel.id.in_(models)), _TRIMS.where(Trim.id.in_(trims))
        )
    return _collect(rows, names, at)


def _collect(rows: Iterable[Any], names: "_Names", at: datetime) -> Loaded:
    loaded = Loaded(Columns(), set())
    for values in rows:
        row = cast(Vehicle, _Row._make((*values, names.stores[values.store_id])))
        standing = availability(row, at)
        if not standing.is_listed:
            loaded.unlisted.add(row.id)
            continue
        loaded.columns.append(_facts(row, standing, names, at))
    _describe(loaded.columns, names)
    return loaded


def _facts(row: Vehicle, standing: Availability, names: "_Names", at: datetime) -> Facts:
    store = names.stores[row.store_id]
    make, model = names.models[row.car_model_id]
    trim = names.trims[row.trim_id] if row.trim_id is not None else ""
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
        stock_seq=row.stock_seq,
    )


class _Names:
    """Slugs and names of stores, makes, models and trims by id."""

    def __init__(self, stores: Mapping[int, StoreFacts]) -> None:
        self.stores = stores
        self.models: dict[int, tuple[str, str]] = {}  # values of make and model
        self.trims: dict[int, str] = {}
        self.labels: dict[Key, str] = {}

    def read(self, connection: Connection, models: Any, trims: Any) -> None:
        """Take in what the two statements find."""
        for number, slug, name, make_slug, make_name in connection.execute(models):
            self.models[number] = (make_slug, f"{make_slug}/{slug}")
            self.labels["make", make_slug] = make_name
            self.labels["model", f"{make_slug}/{slug}"] = name
        self.trims.update((number, name) for number, name in connection.execute(trims))


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


_FEATURE_CODES: Final = frozenset(vocabulary.codes("feature"))


@lru_cache(maxsize=512)
def _features(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Features that have a code, and those in the source's own words."""
    listed = dict.fromkeys(json.loads(text) or ())
    if listed.keys() <= _FEATURE_CODES:
        return tuple(listed), ()
    coded = tuple(feature for feature in listed if feature in _FEATURE_CODES)
    return coded, tuple(feature for feature in listed if feature not in _FEATURE_CODES)


@lru_cache(maxsize=4096)
def _known_facts(text: str) -> tuple[str, ...]:
    """The provenance facts that hold."""
    return tuple(code for code, holds in (json.loads(text) or {}).items() if holds is True)


def _end_of(day: date, zone: str) -> int:
    """The instant `day` ends in `zone`, in seconds since 1970."""
    return int(datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone)).timestamp())
