"""Finds offers: filters, facets and text over the listed stock, held in memory per process.

The rest of the program calls the functions of this file; the others in this package are its parts:
`engine` (sets and orders), `loading` and `index` (from the database, kept current), `query` (what
a text means), `answer` (the page around a result).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import sqlalchemy as sa
from flask import has_request_context, request
from sqlalchemy.orm import joinedload, selectinload

from core.db import db
from inventory.availability import availability
from inventory.models import CarModel, Vehicle
from inventory.offers import Offer, offer_of
from inventory.search import answer as _answer
from inventory.search.engine import Snapshot, bitmap
from inventory.search.index import StockIndex, stock_index, warm
from inventory.search.labels import sort_label, sort_labels, value_label
from inventory.search.offer_filter import (
    DEFAULT_SORT,
    FACETS,
    FIELD_OF_FACET,
    PAGE_SIZE,
    RANGES,
    SORTS,
    Chip,
    FacetCount,
    OfferFilter,
    Relaxation,
    SearchResult,
)
from inventory.search.summary import Summary, summarize
from inventory.search.summary import years_and_cities as _years_and_cities

PRICE_BAND: Final = 0.25  # what "a similar price" means, as a share of the price
_IDS_AT_ONCE: Final = 500
_VEHICLE: Final = sa.inspect(Vehicle).local_table.c
_SEQ: Final = sa.select(_VEHICLE.stock_seq).where(_VEHICLE.public_id == sa.bindparam("public_id"))
_STOCK: Final = "vitrine.stock"


def _stock() -> Snapshot:
    """The stock that this request answers from: one version of it, however often a page asks."""
    if not has_request_context():
        return stock_index().snapshot()
    # Not in `g`: that lives as long as the application's context, which may outlive a request.
    found: Snapshot | None = request.environ.get(_STOCK)
    if found is None:
        found = request.environ[_STOCK] = stock_index().snapshot()
    return found


def version() -> int:
    """The version of the stock that this request answers from."""
    return _stock().version


def search(wanted: OfferFilter, page_size: int = PAGE_SIZE, *, with_facets: bool = True
           ) -> SearchResult:  # fmt: skip
    """The page of vehicle ids that `wanted` asks for, with total, facet counts, what was read from
    its text and, for an empty result, the nearest filters that find something. No SQL but the
    occasional check that the stock did not change."""
    return _answer.answer(wanted, _stock(), page_size, with_facets=with_facets)


def count(wanted: OfferFilter) -> int:
    """How many offers meet `wanted`."""
    return len(_answer.find(wanted, _stock()).result)


def count_by(facet: str) -> dict[str, int]:
    """Listed vehicles per value of `facet` (one of FACETS), most first."""
    stock = _stock()
    counted = stock.counts(facet, stock.live)
    return dict(sorted(counted, key=lambda item: (-item[1], item[0])))


def is_at_least(version: int) -> bool:
    """Whether this process finds nothing older than `version` of the stock from here on."""
    return stock_index().is_at_least(version)


def summary(wanted: OfferFilter) -> Summary:
    """What is true of all offers that meet `wanted`. No SQL."""
    return summarize(wanted, _stock())


def years_and_cities(
    wanted: OfferFilter,
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[str, int], ...]]:
    """How many offers of `wanted` each model year has, newest first, and each city. No SQL."""
    return _years_and_cities(wanted, stock_index().snapshot())


def is_known(facet: str, value: str) -> bool:
    """Whether some offer of today's stock has `value` in `facet`, which is no code."""
    return value in _stock().attributes[facet]


def listed_ids(order: str = "newest") -> list[int]:
    """Ids of all listed vehicles in `order` (one of SORTS, or "id")."""
    stock = _stock()
    return stock.page(stock.live, order, 0, len(stock))


def seqs_of(ids: Sequence[int]) -> list[int]:
    """Which version of the stock touched each of these vehicles last, -1 for unlisted ones. No
    SQL."""
    return _stock().seqs_of(ids)


def describe(wanted: OfferFilter) -> tuple[Chip, ...]:
    """Every constraint of `wanted` in words, to show and to take out one by one."""
    return _answer.describe(wanted, _stock())


def label(facet: str, value: str) -> str:
    """How `value` of `facet` is shown: "volkswagen" -> "Volkswagen", "flex" -> "Flex"."""
    return value_label(facet, value, _stock().labels)


def similar(vehicle_id: int, limit: int = 8) -> list[int]:
    """Ids of listed vehicles that a buyer of this one may like, best first: same model, then same
    body at a similar price, then same make, then similar price. The vehicle itself may be sold."""
    row = db.session.execute(
        sa.select(Vehicle.body, Vehicle.price_cents, CarModel)
        .join(CarModel, CarModel.id == Vehicle.car_model_id)
        .where(Vehicle.id == vehicle_id)
    ).one_or_none()
    if row is None:
        return []
    body, price_cents, model = row
    return _similar(vehicle_id, body, price_cents, model.make.slug, model.slug, limit)


def similar_to(offer: Offer, limit: int = 8) -> list[int]:
    """`similar` for a vehicle that was read already. No SQL."""
    list_price_cents = offer.previous_price_cents or offer.price_cents
    return _similar(
        offer.id, offer.body, list_price_cents, offer.make_slug, offer.model_slug, limit
    )


def _similar(
    vehicle_id: int, body: str | None, price_cents: int | None, make: str, model: str, limit: int
) -> list[int]:
    stock = _stock()
    banded = stock.live
    if price_cents:
        margin = int(price_cents * PRICE_BAND)
        banded = stock.between("price_asc", price_cents - margin, price_cents + margin)
    same_body = stock.having("body", [body] if body else [])
    same_make = stock.having("make", [make])
    same_model = stock.having("model", [f"{make}/{model}"])
    left = stock.live - bitmap(stock.slots_of([vehicle_id]))
    ids: list[int] = []
    for circle in (same_model & banded, same_body & banded, same_model, same_make & banded, banded,
                   same_body):  # fmt: skip
        wanted = circle & left
        ids += stock.page(wanted, "relevance", 0, limit - len(ids))
        left = left - wanted
        if len(ids) >= limit:
            break
    return ids


def price_histogram(wanted: OfferFilter, bars: int = 24) -> list[tuple[int, int]]:
    """How prices spread under `wanted`, its own price range set aside: (lower bound in cents,
    offers) for up to `bars` bars of equal width, from the lowest price to the highest."""
    stock = _stock()
    found = _answer.find(
        replace(wanted, price_min_cents=None, price_max_cents=None, sort=DEFAULT_SORT), stock
    )
    applied = replace(found.applied, price_min_cents=None, price_max_cents=None)
    return stock.histogram(_answer.select(applied, stock, found.text).result(stock.live), bars)


def find_offers(ids: Sequence[int]) -> list[Offer]:
    """The listed offers among `ids`, in that order, photos included. Two statements for up to 500
    ids, however many there are."""
    offers: dict[int, Offer] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        for vehicle in _with_everything(Vehicle.id.in_(ids[start : start + _IDS_AT_ONCE])):
            if availability(vehicle).is_listed:
                offers[vehicle.id] = offer_of(vehicle)
    return [offers[number] for number in ids if number in offers]


def newest(limit: int) -> list[Offer]:
    """The `limit` offers that arrived last."""
    return find_offers(search(OfferFilter(sort="newest"), limit, with_facets=False).ids)


def find_offer(public_id: str) -> Offer | None:
    """The offer with that public id in whatever standing (see its `availability`: sold, gone and
    hidden ones are found too), or None. Two statements and one for an earlier price."""
    vehicles = _with_everything(Vehicle.public_id == public_id) if _is_id(public_id) else []
    if not vehicles:
        return None
    vehicle = vehicles[0]
    return replace(
        offer_of(vehicle),
        price_drop_cents=price_drop_cents(vehicle),
        is_former_price_proven=_was_asked(vehicle),
    )


def seq_of(public_id: str) -> int:
    """Which version of the stock touched the vehicle with that public id last, listed or not; 0
    for none. One small statement."""
    return (db.session.scalar(_SEQ, {"public_id": public_id}) or 0) if _is_id(public_id) else 0


def _was_asked(vehicle: Vehicle) -> bool:
    """Whether the list price was once the price to pay, before any promotion."""
    return any(
        change.price_cents == vehicle.price_cents and not change.promo_price_cents
        for change in vehicle.price_changes
    )


def price_drop_cents(vehicle: Vehicle) -> int:
    """How much cheaper the list price is than the last other one it had, if it got cheaper."""
    if not vehicle.price_cents:
        return 0
    earlier = [
        change.price_cents
        for change in vehicle.price_changes
        if change.price_cents and change.price_cents != vehicle.price_cents
    ]
    return max(0, earlier[-1] - vehicle.price_cents) if earlier else 0


def _with_everything(condition: sa.ColumnElement[bool]) -> Sequence[Vehicle]:
    """Vehicles with all that an offer shows, in two statements."""
    statement = (
        sa.select(Vehicle)
        .where(condition)
        .options(
            joinedload(Vehicle.store),
            joinedload(Vehicle.car_model).joinedload(CarModel.make),
            joinedload(Vehicle.trim),
            selectinload(Vehicle.photos),
        )
    )
    return db.session.scalars(statement).unique().all()


def ids_of(public_ids: Iterable[str]) -> list[int]:
    """Ids of the vehicles with these public ids, in that order; unknown ones are left out."""
    wanted = [public_id for public_id in public_ids if _is_id(public_id)][:_IDS_AT_ONCE]
    rows = db.session.execute(
        sa.select(Vehicle.public_id, Vehicle.id).where(Vehicle.public_id.in_(wanted))
    )
    known: dict[str, int] = {row.public_id: row.id for row in rows}
    return [known[public_id] for public_id in wanted if public_id in known]


def _is_id(text: str) -> bool:
    """Whether `text` could be a public id at all: PostgreSQL refuses some characters outright."""
    return text.isascii() and text.isalnum()


__all__ = [
    "DEFAULT_SORT",
    "FACETS",
    "FIELD_OF_FACET",
    "PAGE_SIZE",
    "RANGES",
    "SORTS",
    "Chip",
    "FacetCount",
    "OfferFilter",
    "Relaxation",
    "SearchResult",
    "StockIndex",
    "Summary",
    "count",
    "count_by",
    "describe",
    "find_offer",
    "find_offers",
    "ids_of",
    "is_known",
    "label",
    "listed_ids",
    "newest",
    "price_histogram",
    "search",
    "seq_of",
    "seqs_of",
    "similar",
    "similar_to",
    "sort_label",
    "sort_labels",
    "stock_index",
    "summary",
    "version",
    "warm",
    "years_and_cities",
]
