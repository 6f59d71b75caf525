"""The engine against the same question answered row by row: every filter, order, page and count."""

import random
from dataclasses import replace

import pytest
from flask import Flask

from bench.synthetic import CATALOGUE, columns, describe, slug, vehicle
from inventory.search import answer
from inventory.search.columns import SINGLE_KINDS, UNKNOWN_MILEAGE, Columns, Facts
from inventory.search.engine import Snapshot
from inventory.search.offer_filter import FACETS, FIELD_OF_FACET, OfferFilter

AT = {kind: place for place, kind in enumerate(SINGLE_KINDS)}


def rows(count: int, seed: int, first_id: int = 1) -> list[Facts]:
    dice = random.Random(seed)
    makes = list(CATALOGUE)
    return [vehicle(first_id + i, dice.choice(makes), dice) for i in range(count)]


def columns_of(stock: list[Facts]) -> Columns:
    made = Columns()
    for facts in stock:
        made.append(facts)
    describe(made)
    return made


def values(facts: Facts, facet: str) -> tuple[str, ...]:
    if facet == "feature":
        return facts.multiple[0]
    value = facts.single[AT[facet]]
    return (value,) if value else ()


def meets(facts: Facts, wanted: OfferFilter, but: str = "") -> bool:
    """Whether one vehicle meets `wanted`, the choice of the facet `but` set aside."""
    if but not in {"make", "model"} and (wanted.makes or wanted.models):
        make, model = values(facts, "make")[0], values(facts, "model")[0]
        chosen = set(wanted.models)
        narrowed = {one.partition("/")[0] for one in chosen}
        if model not in chosen and not (make in wanted.makes and make not in narrowed):
            return False
    for facet in FACETS[2:]:
        chosen_values = wanted.chosen(facet)
        if not chosen_values or facet == but:
            continue
        combine = all if facet == "feature" else any
        if not combine(value in values(facts, facet) for value in chosen_values):
            return False
    km = facts.mileage_km
    return (
        (wanted.year_min is None or facts.model_year >= wanted.year_min)
        and (wanted.year_max is None or facts.model_year <= wanted.year_max)
        and (wanted.price_min_cents is None or facts.price_cents >= wanted.price_min_cents)
        and (wanted.price_max_cents is None or facts.price_cents <= wanted.price_max_cents)
        and (wanted.mileage_max_km is None or (km is not None and km <= wanted.mileage_max_km))
    )


def spelled_out(wanted: OfferFilter, stock: list[Facts]) -> OfferFilter:
    """Bare model slugs as the "make/model" they mean; slugs of nobody alone find nothing."""
    full = {one for one in wanted.models if "/" in one}
    for facts in stock:
        make, model = values(facts, "make")[0], values(facts, "model")[0]
        if model.partition("/")[2] in wanted.models and make in (wanted.makes or (make,)):
            full.add(model)
    if wanted.models and not full:
        return replace(wanted, makes=(), models=("nobody/nothing",))
    return replace(wanted, models=tuple(full))


def sort_key(facts: Facts, sort: str) -> tuple[int, ...]:
    newest = -facts.published
    key: tuple[int, ...] = {
        "relevance": (
            facts.is_reserved,
            10**9 if facts.highlight_rank is None else facts.highlight_rank,
            newest,
        ),
        "newest": (newest,),
        "price_asc": (facts.price_cents,),
        "price_desc": (facts.price_cents,),
        "mileage": (UNKNOWN_MILEAGE if facts.mileage_km is None else facts.mileage_km,),
        "year": (-facts.model_year, newest),
    }[sort]
    return (*key, -facts.id)


def in_order(stock: list[Facts], sort: str) -> list[int]:
    ordered = sorted(stock, key=lambda facts: sort_key(facts, sort))
    if sort == "price_desc":
        ordered.reverse()
    return [facts.id for facts in ordered]


def some_filter(dice: random.Random, stock: list[Facts]) -> OfferFilter:
    """A filter made mostly of what one vehicle has, so that many filters find something."""
    wanted = OfferFilter(sort=dice.choice(("relevance", "newest", "price_asc", "price_desc",
                                           "mileage", "year")))  # fmt: skip
    like, other = dice.choice(stock), dice.choice(stock)
    for facet in FACETS:
        if dice.random() < 0.25:
            pool = [*values(like, facet), *values(other, facet), "nobody-has-this"]
            chosen = tuple(dict.fromkeys(dice.choices(pool, k=dice.randrange(1, 3))))
            if facet == "model" and dice.random() < 0.3:
                chosen = tuple(value.partition("/")[2] or value for value in chosen)
            wanted = replace(wanted, **{FIELD_OF_FACET[facet]: chosen})
    if dice.random() < 0.3:
        wanted = replace(wanted, price_max_cents=like.price_cents + dice.choice((-1, 0, 1)))
    if dice.random() < 0.2:
        wanted = replace(wanted, price_min_cents=other.price_cents)
    if dice.random() < 0.3:
        wanted = replace(wanted, year_min=like.model_year)
    if dice.random() < 0.2:
        wanted = replace(wanted, year_max=other.model_year)
    if dice.random() < 0.2:
        wanted = replace(wanted, mileage_max_km=dice.randrange(0, 200_000))
    return wanted


def check(stock: list[Facts], snapshot: Snapshot, wanted: OfferFilter, dice: random.Random) -> None:
    plain = spelled_out(wanted, stock)
    expected = in_order([facts for facts in stock if meets(facts, plain)], wanted.sort)
    page_size = dice.choice((1, 7, 24, 100))
    pages = max(1, -(-len(expected) // page_size))
    page = dice.choice((1, 1, 2, pages, pages + 3))
    result = answer.answer(replace(wanted, page=page), snapshot, page_size)
    assert result.total == len(expected)
    assert result.page == min(page, pages)
    start = (result.page - 1) * page_size
    assert list(result.ids) == expected[start : start + page_size]
    for facet in FACETS:
        counts = {row.value: row.count for row in result.facets[facet] if row.count}
        aside = "" if facet == "feature" else facet
        base = [facts for facts in stock if meets(facts, plain, but=aside)]
        truth: dict[str, int] = {}
        for facts in base:
            for value in values(facts, facet):
                truth[value] = truth.get(value, 0) + 1
        if facet == "model":
            shown = {make for row in result.facets["make"] if row.is_chosen for make in [row.value]}
            shown |= {
                row.value.partition("/")[0] for row in result.facets["model"] if row.is_chosen
            }
            truth = {key: n for key, n in truth.items() if key.partition("/")[0] in shown}
        assert counts == truth, facet
        assert {row.value for row in result.facets[facet] if row.is_chosen} >= (
            set(wanted.chosen(facet)) if facet != "model" else set()
        )


@pytest.mark.parametrize("seed", range(4))
def test_any_filter_gives_what_looking_at_each_vehicle_gives(app: Flask, seed: int) -> None:
    dice = random.Random(seed)
    stock = rows((0, 40, 700, 1500)[seed], seed)
    snapshot = Snapshot.of(columns_of(stock), 1)
    for _ in range(60):
        check(stock, snapshot, some_filter(dice, stock) if stock else OfferFilter(), dice)


@pytest.mark.parametrize(("seed", "most"), [(1, 3), (2, 30), (3, 600)])
def test_a_patched_stock_equals_one_built_new(app: Flask, seed: int, most: int) -> None:
    dice = random.Random(seed)
    stock = {facts.id: facts for facts in rows(900, seed)}
    snapshot = Snapshot.of(columns_of(list(stock.values())), 1)
    before = answer.answer(OfferFilter(), snapshot)
    first = snapshot
    for round_number in range(6):
        gone = dice.sample(sorted(stock), min(len(stock), dice.randrange(most)))
        for number in gone:
            del stock[number]
        new = rows(
            dice.randrange(most), seed * 100 + round_number, first_id=dice.randrange(1, 5000)
        )
        changed = [*gone, *(facts.id for facts in new)]
        stock |= {facts.id: facts for facts in new}
        snapshot = snapshot.changed(changed, columns_of(new), round_number + 2)
        assert len(snapshot) == len(stock)
        for _ in range(10):
            check(list(stock.values()), snapshot, some_filter(dice, list(stock.values())), dice)
    assert answer.answer(OfferFilter(), first) == before  # readers of the old one saw no change


def test_everything_can_leave_and_come_back(app: Flask) -> None:
    stock = rows(20, 5)
    snapshot = Snapshot.of(columns_of(stock), 1).changed([f.id for f in stock], Columns(), 2)
    assert len(snapshot) == 0
    assert answer.answer(OfferFilter(), snapshot).ids == ()
    snapshot = snapshot.changed([], columns_of(stock), 3)
    assert list(answer.answer(OfferFilter(), snapshot).ids) == in_order(stock, "relevance")[:24]


def test_an_ended_promotion_gives_way_to_the_price_after_it(app: Flask) -> None:
    stock = rows(300, 6)
    stock[7] = replace(
        stock[7], price_cents=10_000_00, promo_ends=1000, price_after_cents=77_000_00
    )
    stock[8] = replace(
        stock[8], price_cents=11_000_00, promo_ends=2000, price_after_cents=78_000_00
    )
    snapshot = Snapshot.of(columns_of(stock), 1)
    assert snapshot.next_promotion_end == 1000
    after = snapshot.with_ended_promotions(1500)
    stock[7] = replace(stock[7], price_cents=77_000_00, promo_ends=None)
    assert after.next_promotion_end == 2000
    dice = random.Random(1)
    for _ in range(20):
        check(stock, after, some_filter(dice, stock), dice)
    again = snapshot.with_ended_promotions(3000)
    stock[8] = replace(stock[8], price_cents=78_000_00, promo_ends=None)
    assert again.next_promotion_end is None
    for sort in ("price_asc", "price_desc"):
        check(stock, again, OfferFilter(sort=sort, price_min_cents=20_000_00), dice)


def test_models_are_counted_for_chosen_makes_only(app: Flask) -> None:
    snapshot = Snapshot.of(columns(500), 1)
    assert answer.answer(OfferFilter(), snapshot).facets["model"] == ()
    models = answer.answer(OfferFilter(makes=("fiat",)), snapshot).facets["model"]
    assert {row.value for row in models} <= {f"fiat/{slug(name)}" for name in CATALOGUE["Fiat"]}
    both = answer.answer(OfferFilter(makes=("fiat", "jeep"), models=("fiat/uno",)), snapshot)
    fiat_uno = answer.answer(OfferFilter(models=("fiat/uno",)), snapshot).total
    assert both.total == fiat_uno + answer.answer(OfferFilter(makes=("jeep",)), snapshot).total


def test_histogram_counts_every_offer_once(app: Flask) -> None:
    snapshot = Snapshot.of(columns(500), 1)
    bars = snapshot.histogram(snapshot.live, 12)
    assert len(bars) == 12
    assert sum(count for _low, count in bars) == 500
