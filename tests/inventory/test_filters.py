"""Query strings and filters: one address per filter, and nothing typed is an error."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from inventory import filters
from inventory.filters import PARAMETERS, read_filter, to_query
from inventory.search import OfferFilter
from showroom.addresses import path_of


def read(query: str) -> OfferFilter:
    return read_filter(MultiDict(parse_qsl(query, keep_blank_values=True))).filter


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("marca=fiat&marca=chevrolet", {"makes": ("chevrolet", "fiat")}),
        ("cambio=automatico&cambio=cvt", {"transmissions": ("automatic", "cvt")}),
        ("condicao=seminovo", {"conditions": ("used",)}),
        ("condicao=novo", {"conditions": ("new",)}),
        ("preco_max=80.000", {"price_max_cents": 80_000_00}),
        ("preco_max=R$ 80.000,00", {"price_max_cents": 80_000_00}),
        ("preco_min=90000&preco_max=80000",
         {"price_min_cents": 80_000_00, "price_max_cents": 90_000_00}),
        ("ano_min=2018&ano_max=2020", {"year_min": 2018, "year_max": 2020}),
        ("km_max=60.000 km", {"mileage_max_km": 60_000}),
        ("marca=fiat&modelo=argo", {"makes": ("fiat",), "models": ("fiat/argo",)}),
        ("carroceria=seda&cor=preto", {"bodies": ("sedan",), "colors": ("black",)}),
        ("q=  onix   lt ", {"text": "onix lt"}),
        ("ordem=menor-preco&pagina=3", {"sort": "price_asc", "page": 3}),
        ("marca=&cor=&preco_max=&pagina=0", {}),
    ],
)  # fmt: skip
def test_a_query_is_read(query, wanted):
    assert read(query) == OfferFilter(**wanted)


@pytest.mark.parametrize("query", ["preco_max=muito", "ano_min=dois mil", "km_max=-"])
def test_an_unreadable_number_is_left_out_with_a_notice(app, query):
    found = read_filter(MultiDict(parse_qsl(query)))
    assert found.filter == OfferFilter()
    assert len(found.notices) == 1


def test_an_unknown_value_stays_and_finds_nothing():
    assert read("cor=transparente").colors == ("transparente",)


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        (OfferFilter(), "/estoque"),
        (OfferFilter(makes=("fiat",)), "/estoque/fiat"),
        (OfferFilter(models=("fiat/argo",)), "/estoque/fiat/argo"),
        (OfferFilter(makes=("fiat",), sort="price_asc"), "/estoque/fiat?ordem=menor-preco"),
        (OfferFilter(makes=("fiat", "jeep")), "/estoque?marca=fiat&marca=jeep"),
        (OfferFilter(makes=("fiat",), colors=("black",)), "/estoque?marca=fiat&cor=preto"),
    ],
)
def test_a_filter_has_one_shortest_address(wanted, path):
    assert path_of(wanted) == path


def test_taking_a_make_out_takes_its_models_along():
    wanted = read("marca=fiat&modelo=argo&cor=preto")
    assert filters.without(wanted, "make", "fiat") == OfferFilter(colors=("black",))


def test_choices_turn_over():
    once = filters.toggled(OfferFilter(page=4), "fuel", "flex")
    assert once == OfferFilter(fuels=("flex",))
    assert filters.toggled(once, "fuel", "flex") == OfferFilter()


TEXT = st.text(max_size=40)


@given(st.lists(st.tuples(st.sampled_from(list(PARAMETERS.values())) | TEXT, TEXT), max_size=8))
@example([("modelo", "0/")])
@example([("modelo", "a/b/c")])
@example([("marca", "a"), ("modelo", "/")])
def test_any_query_string_is_read_and_its_address_reads_the_same(session_app, pairs):
    with session_app.app_context():
        wanted = read_filter(MultiDict(pairs)).filter
        assert read(to_query(wanted)) == wanted
