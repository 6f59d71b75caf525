"""What buyers type, and what is read from it."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.synthetic import columns
from inventory.search import answer, query
from inventory.search.engine import Snapshot
from inventory.search.offer_filter import FACETS, FIELD_OF_FACET, RANGES, OfferFilter
from inventory.search.text import index_words, nearest_word, words_of

# A seed whose stock has a car for every reading below.
STOCK = Snapshot.of(columns(9000, seed=5), 1)
AUTOMATIC = ("automatic", "cvt", "dct")
HYBRID = ("hybrid", "hybrid_flex", "plugin_hybrid", "mild_hybrid")
PICKUPS = ("pickup", "pickup_cd")


def onix(**more: Any) -> dict[str, Any]:
    return {"makes": ("chevrolet",), "models": ("chevrolet/onix",), **more}


def gol(**more: Any) -> dict[str, Any]:
    return {"makes": ("volkswagen",), "models": ("volkswagen/gol",), **more}


def hb20(**more: Any) -> dict[str, Any]:
    return {"makes": ("hyundai",), "models": ("hyundai/hb20",), **more}


def priced(high: int | None = None, low: int | None = None, **more: Any) -> dict[str, Any]:
    bounds = {"price_max_cents": high and high * 100, "price_min_cents": low and low * 100}
    return {name: value for name, value in bounds.items() if value is not None} | more


def years(low: int | None = None, high: int | None = None, **more: Any) -> dict[str, Any]:
    bounds = {"year_min": low, "year_max": high}
    return {name: value for name, value in bounds.items() if value is not None} | more


READINGS: dict[str, dict[str, Any]] = {
    # the issue's own examples
    "onix lt automatico": onix(text="lt", transmissions=AUTOMATIC),
    "hb 20": hb20(),
    "volksvagem": {"makes": ("volkswagen",)},
    "carro automático até 80 mil": priced(80_000, transmissions=AUTOMATIC),
    "suv automático até 90 mil": priced(90_000, bodies=("suv",), transmissions=AUTOMATIC),
    # makes and models in every spelling
    "ÔNIX": onix(),
    "onyx": onix(),
    "HB20": hb20(),
    "hb-20": hb20(),
    "hb20s": {"makes": ("hyundai",), "models": ("hyundai/hb20s",)},
    "t cross": {"makes": ("volkswagen",), "models": ("volkswagen/t-cross",)},
    "tcross": {"makes": ("volkswagen",), "models": ("volkswagen/t-cross",)},
    "T-Cross": {"makes": ("volkswagen",), "models": ("volkswagen/t-cross",)},
    "hrv": {"makes": ("honda",), "models": ("honda/hr-v",)},
    "corola": {"makes": ("toyota",), "models": ("toyota/corolla",)},
    "corolla cross": {"makes": ("toyota",), "models": ("toyota/corolla-cross",)},
    "vw": {"makes": ("volkswagen",)},
    "volks": {"makes": ("volkswagen",)},
    "vw gol": gol(),
    "gm onix": onix(),
    "chevy": {"makes": ("chevrolet",)},
    "mercedes": {"makes": ("mercedes-benz",)},
    "mercedes benz": {"makes": ("mercedes-benz",)},
    "citroen c3": {"makes": ("citroen",), "models": ("citroen/c3",)},
    "chevrolet ou fiat": {"makes": ("chevrolet", "fiat")},
    "onix plus": {"makes": ("chevrolet",), "models": ("chevrolet/onix-plus",)},
    "fiat 500": {"makes": ("fiat",), "models": ("fiat/500",)},
    "gol e onix": {"makes": ("volkswagen", "chevrolet"),
                   "models": ("volkswagen/gol", "chevrolet/onix")},
    "gollf": {"makes": ("volkswagen",), "models": ("volkswagen/golf",)},
    "hyunday hb20": hb20(),
    "toiota": {"makes": ("toyota",)},
    # years, and a model that looks like one
    "gol 2015 a 2018": gol(**years(2015, 2018)),
    "gol 2015": gol(**years(2015, 2015)),
    "gol 2015/2016": gol(**years(2016, 2016)),
    "gol 2015 até 2018": gol(**years(2015, 2018)),
    "gol 2015 2018": gol(**years(2015, 2018)),
    "onix a partir de 2020": onix(**years(2020)),
    "onix 2020 em diante": onix(**years(2020)),
    "onix 2020+": onix(**years(2020)),
    "sedan até 2019": years(None, 2019, bodies=("sedan",)),
    "peugeot 2008": {"makes": ("peugeot",), "models": ("peugeot/2008",)},
    "peugeot 2008 2019": {"makes": ("peugeot",), "models": ("peugeot/2008",), **years(2019, 2019)},
    "gol 2008": gol(**years(2008, 2008)),
    "2008": {"text": "2008"},
    "onix2020": onix(**years(2020, 2020)),
    # prices
    "acima de 50 mil": priced(None, 50_000),
    "até R$ 80.000,00": priced(80_000),
    "ate 80k": priced(80_000),
    "até 80": priced(80_000),
    "menos de 120.000": priced(120_000),
    "entre 50 e 80 mil": priced(80_000, 50_000),
    "de 50 mil a 80 mil": priced(80_000, 50_000),
    "50 a 80 mil reais": priced(80_000, 50_000),
    "onix 60 mil": onix(**priced(60_000)),
    "por R$ 45.500": priced(45_500),
    "até 1,5 milhão": priced(1_500_000),
    "até 79,9 mil": priced(79_900),
    "a partir de 100 mil até 150 mil": priced(150_000, 100_000),
    # distances
    "menos de 60.000 km": {"mileage_max_km": 60_000},
    "até 30 mil km": {"mileage_max_km": 30_000},
    "gol 50mil km": gol(mileage_max_km=50_000),
    "km até 40.000": {"mileage_max_km": 40_000},
    "até 80 mil com até 30 mil km": priced(80_000, mileage_max_km=30_000),
    "0 km": {"conditions": ("new",)},
    "zero km": {"conditions": ("new",)},
    "0km suv": {"conditions": ("new",), "bodies": ("suv",)},
    # words of the trade
    "prata": {"colors": ("silver",)},
    "carro prata ou preto": {"colors": ("silver", "black")},
    "em campinas": {"cities": ("campinas",)},
    "suv em são paulo": {"bodies": ("suv",), "cities": ("sao-paulo",)},
    "diesel 4x4": {"fuels": ("diesel",), "text": "4x4"},
    "seda": {"bodies": ("sedan",)},
    "sedã manual": {"bodies": ("sedan",), "transmissions": ("manual",)},
    "sedans automáticos": {"bodies": ("sedan",), "transmissions": AUTOMATIC},
    "caminhonete diesel": {"bodies": PICKUPS, "fuels": ("diesel",)},
    "pick-up": {"bodies": PICKUPS},
    "picape cabine dupla": {"bodies": ("pickup_cd",)},
    "onix aut": onix(transmissions=AUTOMATIC),
    "gol mec": gol(transmissions=("manual",)),
    "câmbio manual": {"transmissions": ("manual",)},
    "híbrido": {"fuels": HYBRID},
    "carro elétrico": {"fuels": ("electric",)},
    "seminovo": {"conditions": ("used",)},
    "teto solar": {"features": ("sunroof",)},
    "com teto solar e bancos de couro": {"features": ("sunroof", "leather_seats")},
    "vidro elétrico": {"features": ("power_windows",)},
    "air bag": {"features": ("airbag",)},
    "único dono": {"text": "unico dono"},
    "automatco": {"transmissions": AUTOMATIC},
    "vermelo": {"colors": ("red",)},
    # orders, leftovers, politeness
    "gol mais barato": gol(sort="price_asc"),
    "pouco rodado": {"sort": "mileage"},
    "procuro um carro para comprar": {},
    "civic touring": {"makes": ("honda",), "models": ("honda/civic",), "text": "touring"},
    "onix 1.0 turbo": onix(text="1.0 turbo"),
    "até 1500 por mês": {},
    "suv parcelas de 1.200": {"bodies": ("suv",)},
    "onix entrada de 10 mil": onix(),
    "": {},
}  # fmt: skip


def fields(found: OfferFilter) -> dict[str, Any]:
    """What differs from an empty filter."""
    names = [FIELD_OF_FACET[facet] for facet in FACETS] + [*RANGES, "text", "sort"]
    return {
        name: getattr(found, name)
        for name in names
        if getattr(found, name) != getattr(OfferFilter(), name)
    }


@pytest.mark.parametrize("text", READINGS)
def test_a_query_is_read_as(app: Flask, text: str) -> None:
    assert fields(query.read(OfferFilter(text=text), STOCK).filter) == READINGS[text]


@pytest.mark.parametrize("text", READINGS)
def test_what_was_read_finds_cars_and_reads_the_same_again(app: Flask, text: str) -> None:
    result = answer.answer(OfferFilter(text=text), STOCK)
    assert result.total > 0
    again = answer.answer(result.applied, STOCK)
    assert (again.applied, again.ids) == (result.applied, result.ids)


def test_every_reading_is_a_chip_in_words(app: Flask) -> None:
    text = "suv automático até 90 mil prata 2018 em diante até 60 mil km em campinas"
    result = answer.answer(OfferFilter(text=text), STOCK)
    assert {chip.part for chip in result.understood} == {
        "body", "transmission", "price_max_cents", "color", "year_min", "mileage_max_km", "city"
    }  # fmt: skip
    assert all(chip.label and chip.words for chip in result.understood)


def test_corrections_are_told(app: Flask) -> None:
    result = answer.answer(OfferFilter(text="volksvagem gol"), STOCK)
    assert result.corrected == {"volksvagem": "volkswagen"}


def test_monthly_amounts_are_left_out_and_told(app: Flask) -> None:
    result = answer.answer(OfferFilter(text="suv até 1500 por mês"), STOCK)
    assert result.ignored == ("ate 1500 por mes",)
    assert result.applied.price_max_cents is None


def test_a_word_nobody_knows_is_ignored_beside_others_but_not_alone(app: Flask) -> None:
    beside = answer.answer(OfferFilter(text="onix xyzzy"), STOCK)
    assert beside.ignored == ("xyzzy",)
    assert beside.total == answer.answer(OfferFilter(text="onix"), STOCK).total
    alone = answer.answer(OfferFilter(text="xyzzy"), STOCK)
    assert alone.total == 0


def test_the_last_word_may_be_unfinished(app: Flask) -> None:
    found = answer.answer(OfferFilter(text="fiat trek"), STOCK)
    assert found.total == answer.answer(OfferFilter(text="fiat trekking"), STOCK).total > 0


def test_words_find_all_cars_that_have_them_and_no_others(app: Flask) -> None:
    found = answer.answer(OfferFilter(text="highline"), STOCK)
    trims = STOCK.attributes["trim"].items()
    expected = sum(len(slots) for value, slots in trims if value.endswith("Highline"))
    assert found.total == expected > 0


def test_cars_whose_name_says_it_come_first(app: Flask) -> None:
    found = answer.answer(OfferFilter(text="1.0 turbo"), STOCK, page_size=5000)
    named = {
        number
        for value, slots in STOCK.attributes["trim"].items()
        if {"1.0", "turbo"} <= set(words_of(value))
        for number in STOCK.ids[list(slots)].tolist()
    }
    assert 0 < len(named) < found.total
    assert set(found.ids[: len(named)]) == named
    assert len(set(found.ids)) == found.total
    paged = [
        number
        for page in range(1, found.total // 50 + 2)
        for number in answer.answer(
            OfferFilter(text="1.0 turbo", page=page), STOCK, page_size=50
        ).ids
    ]
    assert paged == list(found.ids)


def test_a_reading_narrows_what_was_chosen_by_hand(app: Flask) -> None:
    chosen = OfferFilter(transmissions=("automatic", "manual"), price_max_cents=70_000_00)
    result = answer.answer(replace(chosen, text="automático até 90 mil"), STOCK)
    assert result.applied.transmissions == ("automatic",)
    assert result.applied.price_max_cents == 70_000_00
    narrowed = answer.answer(OfferFilter(makes=("volkswagen",), text="gol"), STOCK)
    assert narrowed.applied.models == ("volkswagen/gol",)


def test_a_reading_never_widens_what_was_chosen_by_hand(app: Flask) -> None:
    for chosen, text in (
        (OfferFilter(makes=("fiat",)), "onix"),
        (OfferFilter(makes=("fiat",)), "chevrolet"),
        (OfferFilter(colors=("black",)), "prata"),
        (OfferFilter(models=("chevrolet/onix",), makes=("chevrolet",)), "tracker"),
    ):
        by_hand = set(answer.answer(chosen, STOCK, 5000).ids)
        found = set(answer.answer(replace(chosen, text=text), STOCK, 5000).ids)
        assert found < by_hand, text


def test_refused_features_are_not_asked_for(app: Flask) -> None:
    result = answer.answer(OfferFilter(text="gol sem teto solar"), STOCK)
    assert result.applied.features == ()
    assert result.ignored == ("sem teto solar",)


# --- nothing found ---------------------------------------------------------------------------


def test_an_empty_result_offers_the_nearest_price(app: Flask) -> None:
    result = answer.answer(OfferFilter(bodies=("suv",), price_max_cents=5_000_00), STOCK)
    assert result.total == 0
    first = result.relaxations[0]
    assert first.part == "price_max_cents"
    cheapest = answer.answer(OfferFilter(bodies=("suv",), sort="price_asc"), STOCK, 1).ids[0]
    slot = STOCK.slots_of([cheapest])[0]
    bound = first.filter.price_max_cents
    assert bound is not None
    assert 0 <= bound - STOCK.keys["price_asc"][slot] < 1_000_00


@pytest.mark.parametrize(
    "wanted",
    [
        OfferFilter(makes=("byd",), fuels=("diesel",)),
        OfferFilter(fuels=("kerosene",)),
        OfferFilter(text="xyzzy", bodies=("suv",)),
        OfferFilter(year_min=2300),
        OfferFilter(mileage_max_km=0, conditions=("used",)),
        OfferFilter(makes=("fiat",), models=("fiat/onix",)),
        OfferFilter(features=("sunroof", "no-such-thing")),
        OfferFilter(makes=("byd",), fuels=("diesel",), bodies=("buggy",), price_max_cents=100),
    ],
)
def test_every_way_out_of_an_empty_result_finds_what_it_says(
    app: Flask, wanted: OfferFilter
) -> None:
    result = answer.answer(wanted, STOCK)
    assert result.total == 0
    assert result.relaxations
    for step in result.relaxations:
        assert step.count > 0
        assert step.label
        assert answer.answer(step.filter, STOCK).total == step.count


# --- never breaks ----------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        *("onix", "gol", "automático", "até", "80", "mil", "km", "2015", "a", "entre", "e", "r$"),
        *("1.0", "por", "mês", "sem", "teto", "solar", "hb", "20", "|", "de"),
    ]
)


@settings(max_examples=150, deadline=None)
@given(text=st.one_of(st.text(max_size=80), st.lists(WORDS, max_size=12).map(" ".join)))
def test_any_text_is_answered(text: str) -> None:
    from flask_babel import Babel

    app = Flask("any")
    Babel(app)
    with app.app_context():
        result = answer.answer(OfferFilter(text=text), STOCK)
    assert result.total >= 0
    low, high = result.applied.price_min_cents, result.applied.price_max_cents
    assert low is None or high is None or low <= high or result.total == 0


def test_words_keep_decimals_and_join_neighbours() -> None:
    assert words_of("Ônix 1,0 T-Cross") == ["onix", "1.0", "t", "cross"]
    assert set(index_words("HB20S 1.0")) == {"hb20s", "hb", "20", "s", "1.0"}
    assert "tcross" in index_words("T-Cross")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("corola", "corolla"), ("volksvagem", "volkswagen"), ("gol", None), ("onyx", "onix"),
     ("xyzzy", None), ("abcd", None), ("celta", None)],
)  # fmt: skip
def test_slips_are_mended_within_reason(typed: str, meant: str | None) -> None:
    known = {"corolla": 5, "volkswagen": 9, "golf": 3, "onix": 9, "creta": 2}
    assert nearest_word(typed, known) == meant
