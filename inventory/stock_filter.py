"""Which vehicles of the whole stock staff ask for: drafts, sold and archived ones included.

The public's search (`inventory.search`) holds only what is listed. Here its reading of a text is
turned into SQL, so that "suv automático até 90 mil" means the same on both sides of the door.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa

from core import clock
from core.db import db
from core.text import clean_line, slugify_name
from dealership.models import Store
from inventory import vocabulary
from inventory.age import BUCKETS
from inventory.filters import LONGEST_TEXT, QueryArguments
from inventory.lifecycle import STATES
from inventory.models import CarModel, Make, Photo, Trim, Vehicle
from inventory.search.index import stock_index
from inventory.search.offer_filter import Chip, OfferFilter
from inventory.search.query import read
from inventory.search.text import words_of

PROMOTION_ENDS_DAYS: Final = 7  # what "ending" means
SHORTEST_PLATE_PART: Final = 3
_MOST_WORDS: Final = 8
_ON: Final = "1"
_LARGEST_ID: Final = 10**9


@dataclass(frozen=True)
class StockFilter:
    """What a list of the stock shows. Empty: all that is not archived.

    `states` are codes, `stores` slugs, `condition` a code, `photo` "with" or "without", `age` the
    code of an inventory.age bucket, `promotion` "running" or "ending".
    """

    text: str = ""
    states: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    condition: str = ""
    photo: str = ""
    without_price: bool = False
    highlighted: bool = False
    promotion: str = ""
    age: str = ""

    @property
    def is_empty(self) -> bool:
        return self == StockFilter()


_PHOTO: Final = {"com": "with", "sem": "without"}
_PROMOTION: Final = {"ativa": "running", "acabando": "ending"}


def read_stock_filter(arguments: QueryArguments) -> StockFilter:
    """The filter in an address of the staff's list. Never raises; what nobody knows is left out."""

    def first(name: str) -> str:
        return next((value.strip() for value in arguments.getlist(name) if value.strip()), "")

    states = (vocabulary.from_public("state", value) for value in arguments.getlist("situacao"))
    chosen = {state for state in states if state}
    age = first("idade")
    return StockFilter(
        text=clean_line(first("q"), LONGEST_TEXT),
        states=tuple(state for state in STATES if state in chosen),
        stores=tuple(sorted({clean_line(slug, 80) for slug in arguments.getlist("loja") if slug})),
        condition=vocabulary.from_public("condition", first("condicao")) or "",
        photo=_PHOTO.get(first("foto"), ""),
        without_price=first("sem-preco") == _ON,
        highlighted=first("destaque") == _ON,
        promotion=_PROMOTION.get(first("promocao"), ""),
        age=age if age in {bucket.code for bucket in BUCKETS} else "",
    )


def to_query(wanted: StockFilter) -> str:
    """The query string that `read_stock_filter` reads back; empty for the whole stock."""
    pairs = [("q", wanted.text)]
    pairs += [("situacao", vocabulary.public_value("state", state)) for state in wanted.states]
    pairs += [("loja", slug) for slug in wanted.stores]
    pairs += [
        ("condicao", wanted.condition and vocabulary.public_value("condition", wanted.condition)),
        ("foto", next((k for k, v in _PHOTO.items() if v == wanted.photo), "")),
        ("sem-preco", _ON if wanted.without_price else ""),
        ("destaque", _ON if wanted.highlighted else ""),
        ("promocao", next((k for k, v in _PROMOTION.items() if v == wanted.promotion), "")),
        ("idade", wanted.age),
    ]
    return urlencode([(name, value) for name, value in pairs if value])


@dataclass(frozen=True)
class Selection:
    """A condition for vehicles, and what of the text was understood."""

    condition: sa.ColumnElement[bool]
    chips: tuple[Chip, ...] = ()

    def statement(self) -> sa.Select[Any]:
        """The vehicles."""
        return sa.select(Vehicle).where(self.condition)

    def ids(self, limit: int) -> list[int]:
        """The ids of at most `limit` of them, in order."""
        chosen = sa.select(Vehicle.id).where(self.condition).order_by(Vehicle.id).limit(limit)
        return list(db.session.scalars(chosen))


def select_stock(
    wanted: StockFilter, *, store_ids: Sequence[int] | None = None, sees_plates: bool = False
) -> Selection:
    """Those that `wanted` asks for, within `store_ids` (None: every store). Plates are searched
    only for who may see them, or the search would tell them letter by letter."""
    conditions: list[sa.ColumnElement[bool]] = []
    chips: tuple[Chip, ...] = ()
    if store_ids is not None:
        conditions.append(Vehicle.store_id.in_(store_ids))
    if wanted.stores:
        slugs = sa.select(Store.id).where(Store.slug.in_(wanted.stores))
        conditions.append(Vehicle.store_id.in_(slugs))
    conditions.append(_standing(wanted.states))
    conditions += _marks(wanted)
    if wanted.text:
        meaning, chips = _text(wanted.text, sees_plates)
        conditions.append(meaning)
    return Selection(sa.and_(*conditions), chips)


def count_by_state(selection: Selection) -> dict[str, int]:
    """How many there are per state: one statement."""
    counted = (
        sa.select(Vehicle.state, sa.func.count()).where(selection.condition).group_by(Vehicle.state)
    )
    return {row[0]: row[1] for row in db.session.execute(counted)}


def in_any_state(wanted: StockFilter) -> StockFilter:
    """`wanted` with every state chosen: what the counts beside the states are taken from."""
    return replace(wanted, states=STATES)


def _standing(states: tuple[str, ...]) -> sa.ColumnElement[bool]:
    if not states:
        return Vehicle.state != "archived"
    if len(states) == len(STATES):
        return sa.true()
    # One state as an equality: the index then holds the order too.
    return Vehicle.state == states[0] if len(states) == 1 else Vehicle.state.in_(states)


def _marks(wanted: StockFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.condition:
        conditions.append(Vehicle.condition == wanted.condition)
    if wanted.photo:
        has_photo = sa.exists().where(Photo.vehicle_id == Vehicle.id)
        conditions.append(has_photo if wanted.photo == "with" else ~has_photo)
    if wanted.without_price:
        conditions.append(Vehicle.price_cents.is_(None))
    if wanted.highlighted:
        conditions.append(Vehicle.highlight_rank.is_not(None))
    if wanted.promotion:
        conditions.append(_promotion(wanted.promotion))
    if wanted.age:
        bucket = next(bucket for bucket in BUCKETS if bucket.code == wanted.age)
        oldest, newest = bucket.bounds(clock.now())
        conditions.append(Vehicle.created_at <= newest)
        if oldest is not None:
            conditions.append(Vehicle.created_at > oldest)
    return conditions


def _promotion(which: str) -> sa.ColumnElement[bool]:
    today = clock.today()
    if which == "ending":
        last = today + timedelta(days=PROMOTION_ENDS_DAYS)
        return sa.and_(
            Vehicle.promo_price_cents.is_not(None), Vehicle.promo_until.between(today, last)
        )
    return sa.and_(
        Vehicle.promo_price_cents < Vehicle.price_cents,
        sa.or_(Vehicle.promo_until.is_(None), Vehicle.promo_until >= today),
    )


# --- text --------------------------------------------------------------------------------------


def _text(text: str, sees_plates: bool) -> tuple[sa.ColumnElement[bool], tuple[Chip, ...]]:
    """A key, or every word as it is written, or what the text means.

    Each of these finds its cars by an index of its own. As one condition with OR between them
    every car of the stock would be read.
    """
    literal = [_word(word, sees_plates) for word in words_of(text)[:_MOST_WORDS]]
    ways = _keys(text, sees_plates)
    if literal:
        ways.append(sa.and_(*literal))
    reading = read(OfferFilter(text=text), stock_index().snapshot())
    if reading.chips:
        rest = [_word(word, sees_plates) for word in reading.words[:_MOST_WORDS]]
        ways.append(sa.and_(*_understood(reading.filter), *rest))
    return Vehicle.id.in_(sa.union(*map(_ids, ways))), tuple(reading.chips)


def _ids(condition: sa.ColumnElement[bool]) -> sa.Select[int]:
    return sa.select(Vehicle.id).where(condition).correlate(None)


def _keys(text: str, sees_plates: bool) -> list[sa.ColumnElement[bool]]:
    """What names one car: its public id, its source's key, its number, its plate or a part."""
    key = text.strip().lstrip("#")
    ways = [Vehicle.public_id == key.lower(), Vehicle.source_id == key]
    if key.isascii() and key.isdigit() and int(key) < _LARGEST_ID:
        ways.append(Vehicle.id == int(key))
    plate = "".join(char for char in key.upper() if char.isascii() and char.isalnum())
    if sees_plates and len(plate) >= SHORTEST_PLATE_PART:
        ways.append(_plate_holds(plate))
    return ways


def _plate_holds(part: str) -> sa.ColumnElement[bool]:
    """Looked for in the index of the plates alone: it is a tenth of the cars' rows."""
    return Vehicle.id.in_(_ids(Vehicle.license_plate.like(f"%{part}%")))


def _word(word: str, sees_plates: bool) -> sa.ColumnElement[bool]:
    """One word, somewhere in the names of the car or in its years. Words are folded: letters,
    digits and dots, nothing that LIKE reads as a sign."""
    part = f"%{word.replace('.', '-')}%"
    models = (
        sa.select(CarModel.id)
        .join(Make, Make.id == CarModel.make_id)
        .where(sa.or_(Make.slug.like(part), CarModel.slug.like(part)))
    )
    trims = sa.select(Trim.id).where(Trim.slug.like(part))
    ways: list[sa.ColumnElement[bool]] = [
        Vehicle.car_model_id.in_(models),
        Vehicle.trim_id.in_(trims),
    ]
    if word.isdigit() and len(word) == 4:
        ways += [Vehicle.model_year == int(word), Vehicle.built_year == int(word)]
    if sees_plates and len(word) >= SHORTEST_PLATE_PART and not word.isalpha():
        ways.append(_plate_holds(word.upper()))
    return sa.or_(*ways)


def _understood(wanted: OfferFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    coded: tuple[tuple[Any, tuple[str, ...]], ...] = (
        (Vehicle.condition, wanted.conditions),
        (Vehicle.fuel, wanted.fuels),
        (Vehicle.transmission, wanted.transmissions),
        (Vehicle.body, wanted.bodies),
        (Vehicle.color, wanted.colors),
    )
    conditions += [column.in_(values) for column, values in coded if values]
    bounds: tuple[tuple[Any, Any, int | None], ...] = (
        (Vehicle.model_year, operator.ge, wanted.year_min),
        (Vehicle.model_year, operator.le, wanted.year_max),
        (Vehicle.price_cents, operator.ge, wanted.price_min_cents),
        (Vehicle.price_cents, operator.le, wanted.price_max_cents),
        (Vehicle.mileage_km, operator.le, wanted.mileage_max_km),
    )
    conditions += [holds(column, bound) for column, holds, bound in bounds if bound is not None]
    if wanted.makes or wanted.models:
        conditions.append(_named(wanted))
    has = sa.cast(Vehicle.features, sa.Text)
    conditions += [has.contains(f'"{code}"', autoescape=True) for code in wanted.features]
    if wanted.stores:
        named = sa.select(Store.id).where(Store.slug.in_(wanted.stores))
        conditions.append(Vehicle.store_id.in_(named))
    if wanted.cities:
        towns = db.session.execute(sa.select(Store.id, Store.city)).all()
        here = [number for number, city in towns if slugify_name(city) in wanted.cities]
        conditions.append(Vehicle.store_id.in_(here))
    return conditions


def _named(wanted: OfferFilter) -> sa.ColumnElement[bool]:
    """A chosen model narrows its own make; other chosen makes stay whole."""
    ways: list[sa.ColumnElement[bool]] = []
    narrowed = set()
    for name in wanted.models:
        make, slash, model = name.partition("/")
        narrowed.add(make)
        ways.append(
            sa.and_(Make.slug == make, CarModel.slug == model) if slash else CarModel.slug == make
        )
    whole = [make for make in wanted.makes if make not in narrowed]
    if whole:
        ways.append(Make.slug.in_(whole))
    models = sa.select(CarModel.id).join(Make, Make.id == CarModel.make_id).where(sa.or_(*ways))
    return Vehicle.car_model_id.in_(models)
