"""The demo's cars, one after the other: each follows from the seed and its number alone.

A block of 240 numbers holds what a lot holds (new and used, reserved, sold, on offer) in exact
shares; longer stocks repeat the shares, not the cars. Nothing is kept between two cars, so a
stock may be of any length.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Final

from core.clock import DEFAULT_ZONE
from demo.catalogue import (
    ENTRIES,
    LATEST_MODEL_YEAR,
    MODELS,
    OLDEST_MODEL_YEAR,
    REFERENCE_YEAR,
    MarketEntry,
    MarketModel,
    table_price_cents,
)
from demo.dealership import STORES
from demo.equipment import features_of
from demo.words import describe, legal_text
from inventory.editing import VehicleFacts

BLOCK: Final = 240
NEW: Final = 60
HIGHLIGHTED: Final = 9
DRAFTS: Final = 4
RESERVED: Final = 6
SOLD: Final = 6
SOLD_LONG_AGO: Final = 4  # more than the thirty days that a sold car's page lives
PROMOTIONS: Final = 24
PRICE_CUTS: Final = 16
AUCTIONED: Final = 2
ARMORED: Final = 2

KM_A_YEAR: Final = 11_800
# How many cars in a hundred stand on the lot, by age in years: buyers ask for three to five.
_AGES: Final = (4, 9, 12, 14, 14, 12, 10, 8, 6, 3, 2, 2, 1, 1)
_BODY_USE: Final = {
    "van": 1.7, "pickup": 1.35, "pickup_cd": 1.25, "coupe": 0.55, "convertible": 0.5,
}  # fmt: skip
# Few colours where few cars are: each pair of body and colour is drawn from every side.
_COMMON: Final = {"white": 27, "black": 19, "gray": 19, "silver": 15}
_COLORS: Final = {
    "hatch": {**_COMMON, "red": 11, "blue": 7, "orange": 2},
    "sedan": {**_COMMON, "blue": 6, "burgundy": 3},
    "suv": {**_COMMON, "red": 7, "blue": 7, "brown": 3, "green": 3},
    "pickup_cd": {"white": 30, "silver": 20, "black": 18, "gray": 18, "red": 10},
    "pickup": {"white": 50, "silver": 25, "red": 15},
    "crossover": {"gray": 26, "white": 26, "red": 16, "black": 12},
    "wagon": {"silver": 30, "white": 30, "blue": 20},
    "minivan": {"silver": 40, "white": 40},
    "van": {"white": 100},
    "coupe": {"red": 40, "black": 30, "yellow": 20},
    "convertible": {"red": 40, "white": 40},
}
_TWO_LOOKS: Final = {"hatch", "sedan", "suv"}
_SERIES: Final = ("three_quarter", "side", "rear", "interior", "dashboard", "front", "wheel")
# Seen from the seats, the paint outside does not show: one picture serves every colour.
_INSIDE: Final = {"interior", "dashboard"}
_INSIDE_COLOR: Final = "gray"
_VIN_LETTERS: Final = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_VIN_YEARS: Final = "DEFGHJKLMNPRSTV"  # 2013 to 2027
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PLATES: Final = 26 * 26 * 10 * 26 * 100
_PLATE_STEP: Final = 7_368_787  # has no factor in common with _PLATES: each comes once
_RENAVAM_WEIGHTS: Final = (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawn photo: what `demo.drawing.draw_photo` is asked for."""

    body: str
    color: str
    angle: str
    look: int


@dataclass(frozen=True, slots=True)
class Slot:
    """What is special about one place in a block."""

    is_new: bool = False
    fate: str = "published"  # draft, published, reserved, sold, sold_long_ago
    offer: str = ""  # promotion, cut
    photos: str = "many"  # none, one, many
    highlight_rank: int | None = None
    is_auctioned: bool = False
    is_armored: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """When what happened to a car. `first_price_cents` is the price before it was cut; `left_to`
    is the state in which it left the market: reserved, sold or, while it is there, ''."""

    created_at: datetime
    published_at: datetime | None
    offered_at: datetime | None  # promotion or cut
    left_at: datetime | None
    left_to: str
    first_price_cents: int


@dataclass(frozen=True, slots=True)
class DemoVehicle:
    """One car: `facts` as they are in the end, and the way there."""

    source_id: str
    facts: VehicleFacts
    story: Story
    pictures: tuple[Picture, ...]


def stock(count: int, seed: int, today: date, store_ids: Sequence[int]) -> Iterator[DemoVehicle]:
    """The first `count` cars of `seed`, as of `today`; `store_ids` in the order of STORES."""
    return (demo_vehicle(number, seed, today, store_ids) for number in range(count))


def demo_vehicle(number: int, seed: int, today: date, store_ids: Sequence[int]) -> DemoVehicle:
    """Car `number` of `seed`. Only its dates depend on `today`."""
    chance = random.Random(f"{seed}/{number}")
    slot = slots(seed)[number % BLOCK]
    entry, model_year = _pick(chance, slot)
    built_year = _built_year(chance, slot, entry, model_year)
    km = 0 if slot.is_new else _mileage(chance, entry, built_year)
    color = _weighted(chance, _COLORS[entry.body])
    price = _price_cents(chance, slot, entry, model_year, built_year, km)
    features = features_of(entry, built_year, chance)
    history = _history(chance, slot, built_year)
    store = _store_of(chance)
    dates = random.Random(f"{seed}/{number}/dates")
    story = _story(dates, slot, today, price)
    promo_price, promo_until = None, None
    if slot.offer == "promotion":
        promo_price = _rounded(price * chance.uniform(0.945, 0.975))
        promo_until = today + timedelta(days=dates.randint(5, 25))
    elif slot.offer == "cut":
        price = _rounded(price * 0.965)
    fipe_price, fipe_month = _fipe(chance, slot, entry, model_year, today)
    facts = VehicleFacts(
        store=store_ids[store],
        make=entry.model.make,
        model_name=entry.model.name,
        trim=entry.facts.trim,
        condition="new" if slot.is_new else "used",
        built_year=built_year,
        model_year=model_year,
        price_cents=price,
        promo_price_cents=promo_price,
        promo_until=promo_until,
        cost_cents=_rounded(price * chance.uniform(0.84, 0.91)),
        mileage_km=km,
        fuel=entry.facts.fuel,
        transmission=entry.facts.transmission,
        body=entry.body,
        color=color,
        doors=entry.facts.doors,
        engine=entry.facts.engine,
        power_hp=entry.facts.power_hp,
        license_plate=None if slot.is_new else _plate(number, seed),
        renavam=None if slot.is_new else _renavam(number, seed),
        vin=_vin(chance, entry.model, model_year, number),
        fipe_code=entry.fipe_code if fipe_price else None,
        fipe_price_cents=fipe_price,
        fipe_month=fipe_month,
        features=features,
        history=history,
        legal_text=legal_text(chance, promo_until),
        highlight_rank=slot.highlight_rank if number < BLOCK else None,
        state="draft" if slot.fate == "draft" else "published",
    )
    described = describe(facts, STORES[store].city, chance)
    facts = replace(facts, description=described)
    look = chance.randrange(2) if entry.body in _TWO_LOOKS and color in _COMMON else 0
    pictures = _pictures(chance, slot, entry.body, color, look)
    return DemoVehicle(
        source_id=f"{seed}-{number:06d}",
        facts=facts,
        story=story,
        pictures=pictures if number < BLOCK else pictures[:1],
    )


# --- the shares ------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def slots(seed: int) -> tuple[Slot, ...]:
    """What is special about each number of a block, mixed by the seed."""
    chance = random.Random(f"{seed}/slots")
    fates = (
        ["draft"] * DRAFTS
        + ["reserved"] * RESERVED
        + ["sold"] * SOLD
        + ["sold_long_ago"] * SOLD_LONG_AGO
    )
    fates += ["published"] * (BLOCK - len(fates))
    chance.shuffle(fates)
    new = set(chance.sample(range(BLOCK), NEW))
    listed = [place for place in range(BLOCK) if fates[place] == "published"]
    plain = chance.sample(listed, len(listed))
    take = iter(plain)
    promotions = {next(take) for _ in range(PROMOTIONS)}
    cuts = {next(take) for _ in range(PRICE_CUTS)}
    unpictured = {next(take): "none", next(take): "one"}
    used = [place for place in take if place not in new]
    auctioned, armored = set(used[:AUCTIONED]), set(used[AUCTIONED : AUCTIONED + ARMORED])
    showable = [p for p in listed if p not in unpictured and p not in auctioned]
    ranks = {place: rank for rank, place in enumerate(chance.sample(showable, HIGHLIGHTED), 1)}
    return tuple(
        Slot(
            is_new=place in new,
            fate=fates[place],
            offer="promotion" if place in promotions else "cut" if place in cuts else "",
            photos=unpictured.get(place, "many"),
            highlight_rank=ranks.get(place),
            is_auctioned=place in auctioned,
            is_armored=place in armored,
        )
        for place in range(BLOCK)
    )


@cache
def _used_choices(model: MarketModel) -> tuple[tuple[tuple[MarketEntry, int], ...], list[int]]:
    """Every trim and model year of `model` that can stand on the lot used, with its weight."""
    choices = [
        (entry, year)
        for entry in ENTRIES
        if entry.model is model
        for year in range(
            max(entry.facts.first_year, OLDEST_MODEL_YEAR),
            min(entry.facts.last_year, REFERENCE_YEAR) + 1,
        )
    ]
    return tuple(choices), [_AGES[REFERENCE_YEAR - year] for _, year in choices]


@cache
def _models(is_new: bool, best_only: bool) -> tuple[tuple[MarketModel, ...], list[int]]:
    models = [
        model
        for model in MODELS
        if (not is_new or any(trim.facts.last_year == LATEST_MODEL_YEAR for trim in model.trims))
        and (not best_only or any(trim.level >= 4 for trim in model.trims))
    ]
    return tuple(models), [model.share for model in models]


def _pick(chance: random.Random, slot: Slot) -> tuple[MarketEntry, int]:
    """Trim and model year. Highlighted cars come well equipped."""
    best_only = slot.highlight_rank is not None
    models, shares = _models(slot.is_new, best_only)
    while True:
        model = chance.choices(models, shares)[0]
        if slot.is_new:
            entry = chance.choice([e for e in ENTRIES if e.model is model and e.is_sold_new])
            year = LATEST_MODEL_YEAR if chance.random() < 0.7 else REFERENCE_YEAR
        else:
            choices, weights = _used_choices(model)
            if not choices:
                continue
            entry, year = chance.choices(choices, weights)[0]
        if not best_only or (entry.trim.level >= 4 and year >= REFERENCE_YEAR - 6):
            return entry, max(year, entry.facts.first_year) if slot.is_new else year


def _store_of(chance: random.Random) -> int:
    return chance.choices(range(len(STORES)), [store.share for store in STORES])[0]


def _weighted(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


# --- years, kilometres, money ----------------------------------------------------------------


def _built_year(chance: random.Random, slot: Slot, entry: MarketEntry, model_year: int) -> int:
    if slot.is_new or model_year > REFERENCE_YEAR:
        return REFERENCE_YEAR
    starts_here = model_year == entry.facts.first_year
    return model_year - 1 if starts_here or chance.random() < 0.55 else model_year


def _mileage(chance: random.Random, entry: MarketEntry, built_year: int) -> int:
    km = _expected_km(entry, built_year) * chance.lognormvariate(-0.04, 0.34)
    return min(max(round(km), 700), 290_000)


def _expected_km(entry: MarketEntry, built_year: int) -> float:
    years = max(REFERENCE_YEAR + 0.9 - (built_year + 0.5), 0.35)
    # Cars are driven less as they grow old.
    return KM_A_YEAR * years * _BODY_USE.get(entry.body, 1.0) * (1.08 - 0.018 * years)


def _price_cents(
    chance: random.Random,
    slot: Slot,
    entry: MarketEntry,
    model_year: int,
    built_year: int,
    km: int,
) -> int:
    """The asking price: around the table's, less for many kilometres, more for few."""
    table = table_price_cents(entry, model_year, is_new=slot.is_new)
    if slot.is_new:
        return _rounded(table * chance.uniform(0.965, 1.0))
    surplus = (km - _expected_km(entry, built_year)) / 30_000
    share = 1.0 + chance.gauss(-0.005, 0.032) - 0.035 * min(max(surplus, -1.4), 1.4)
    share = min(max(share, 0.92), 1.07)
    if slot.is_auctioned:
        share *= 0.8
    if slot.is_armored:
        share *= 1.05
    return _rounded(table * share)


def _rounded(cents: float) -> int:
    """As dealers write prices: R$ 89.900, seldom R$ 89.990."""
    thousands = max(round(cents / 100_000), 1)
    return thousands * 100_000 - (10_00 if thousands % 7 == 0 else 100_00)


def _fipe(
    chance: random.Random, slot: Slot, entry: MarketEntry, model_year: int, today: date
) -> tuple[int | None, date | None]:
    """Table price and month: mostly this month's, some older, some not known."""
    kind = _weighted(chance, {"current": 80, "previous": 8, "stale": 4, "unknown": 8})
    if kind == "unknown":
        return None, None
    months = {"current": 0, "previous": 1, "stale": 4}[kind]
    table = table_price_cents(entry, model_year, is_new=slot.is_new)
    month = today.year * 12 + today.month - 1 - months
    return round(table * (1 + 0.006 * months) / 100) * 100, date(month // 12, month % 12 + 1, 1)


def _history(chance: random.Random, slot: Slot, built_year: int) -> dict[str, bool]:
    """What the store knows of the car. What it does not know is absent, not false."""
    if slot.is_new:
        return {"manufacturer_warranty": True, "accepts_trade": True}
    age = REFERENCE_YEAR - built_year
    known: dict[str, bool] = {}
    likely = {
        # flag: chance that it is known, chance that it is true
        "single_owner": (0.7, 0.75 - 0.05 * age),
        "service_history": (0.6, 0.85 - 0.04 * age),
        "manufacturer_warranty": (0.8, 0.95 if age <= 2 else 0.3 if age <= 4 else 0.0),
        "ipva_paid": (0.75, 0.9),
        "licensed": (0.7, 0.93),
        "armored": (0.4, 0.0),
        "auction": (0.6, 0.0),
        "insurance_recovered": (0.5, 0.0),
        "pcd": (0.2, 0.04),
        "financed": (0.5, 0.03),
        "accepts_trade": (0.8, 1.0),
    }
    for flag, (is_known, is_true) in likely.items():
        if chance.random() < is_known:
            known[flag] = chance.random() < is_true
    if slot.is_auctioned:
        known["auction"] = True
    if slot.is_armored:
        known["armored"] = True
    return known


# --- numbers on paper ------------------------------------------------------------------------


def _plate(number: int, seed: int) -> str:
    """A Mercosul plate that no other number of this seed has. Brazil's series are far from Z."""
    rest = (number * _PLATE_STEP + seed * 104_729) % _PLATES
    signs = []
    for alphabet in ("0123456789", "0123456789", _LETTERS, "0123456789", _LETTERS, _LETTERS):
        rest, place = divmod(rest, len(alphabet))
        signs.append(alphabet[place])
    return "Z" + "".join(reversed(signs))


def _renavam(number: int, seed: int) -> str:
    """A register number with its check digit; real ones have not come near a leading 9."""
    digits = f"9{(number * 7919 + seed * 15_485_863) % 10**9:09d}"
    total = sum(int(d) * weight for d, weight in zip(digits, _RENAVAM_WEIGHTS, strict=True))
    return f"{digits}{total * 10 % 11 % 10}"


def _vin(chance: random.Random, model: MarketModel, model_year: int, number: int) -> str:
    described = "".join(chance.choices(_VIN_LETTERS, k=6))
    year = _VIN_YEARS[model_year - OLDEST_MODEL_YEAR]
    plant = chance.choice("ABCGPRST")
    return f"{model.wmi}{described}{year}{plant}{number % 10**6:06d}"


# --- dates -----------------------------------------------------------------------------------


def _story(chance: random.Random, slot: Slot, today: date, price_cents: int) -> Story:
    """Dates in the ninety days before `today`; arrivals thin out towards the past."""

    def moment(days_ago: int) -> datetime:
        at = time(chance.randint(9, 17), chance.randrange(60), chance.randrange(60))
        day = today - timedelta(days=days_ago)
        return datetime.combine(day, at, DEFAULT_ZONE).astimezone(UTC)

    offered = left = 0
    published = 1 + int(89 * chance.random() ** 1.35)
    if slot.fate == "reserved":
        left, published = chance.randint(1, 4), chance.randint(10, 60)
    elif slot.fate == "sold":
        left, published = chance.randint(2, 25), chance.randint(35, 85)
    elif slot.fate == "sold_long_ago":
        left, published = chance.randint(33, 55), chance.randint(70, 120)
    elif slot.offer:
        offered, published = chance.randint(1, 9), chance.randint(14, 80)
    is_draft = slot.fate == "draft"
    return Story(
        created_at=moment(chance.randint(1, 5) if is_draft else published + chance.randint(1, 3)),
        published_at=None if is_draft else moment(published),
        offered_at=moment(offered) if offered else None,
        left_at=moment(left) if left else None,
        left_to=slot.fate.removesuffix("_long_ago") if left else "",
        first_price_cents=price_cents,
    )


# --- pictures --------------------------------------------------------------------------------


def _pictures(
    chance: random.Random, slot: Slot, body: str, color: str, look: int
) -> tuple[Picture, ...]:
    count = {"none": 0, "one": 1}.get(slot.photos, chance.choice((5, 5, 6, 6, 7)))
    return tuple(
        Picture(body, _INSIDE_COLOR if angle in _INSIDE else color, angle, look)
        for angle in _SERIES[:count]
    )
