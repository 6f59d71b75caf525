"""What keeps a car from the site: said in words, with the field that mends it, for everybody."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from core.clock import today
from core.db import writing
from inventory.editing import VehicleFacts, register_vehicles
from inventory.gates import problems_to_publish, text_findings
from inventory.lifecycle import NotPublishable, move
from inventory.provenance import (
    ITEMS,
    Answer,
    ProvenanceRefused,
    contract_clause,
    provenance_of,
    public_answers,
    record_provenance,
)
from tests.factories import make_store, make_vehicle

CLEAR = Answer(answer="clear", source="Detran-SP", checked_on=today())


def gates(vehicle) -> dict[str, str]:
    return {gate.code: gate.field for gate in problems_to_publish(vehicle)}


def test_a_plain_car_with_a_price_has_no_gate(app: Flask):
    assert gates(make_vehicle(state="draft")) == {}


def test_no_price_no_offer(app: Flask):
    assert gates(make_vehicle(state="draft", price_cents=None)) == {"price": "price"}


def test_photos_are_asked_where_the_store_wants_them(app: Flask):
    store = make_store(requires_photo=True)
    assert gates(make_vehicle(state="draft", store=store)) == {"photo": "photos"}


def test_a_promotion_that_ended_is_mended_before_publishing(app: Flask):
    ended = today() - timedelta(days=2)
    vehicle = make_vehicle(state="draft", promo_price_cents=60_000_00, promo_until=ended)
    assert gates(vehicle) == {"promotion": "promo_until"}
    vehicle = make_vehicle(state="draft", promo_price_cents=60_000_00, promo_until=today())
    assert gates(vehicle) == {}


def test_a_credit_offer_without_its_terms_stays_inside(app: Flask):
    vehicle = make_vehicle(state="draft", description="Leve em 48x mensais de R$ 1.499,00.")
    assert set(gates(vehicle)) == {
        "text.total_financed", "text.rates", "text.cet", "text.agent",
    }  # fmt: skip
    assert set(gates(vehicle).values()) == {"legal_text"}
    with pytest.raises(NotPublishable) as caught, writing():
        move(vehicle, "published", "ana@loja.example")
    assert "CET" in str(caught.value)


def test_terms_in_the_legal_text_count_for_the_description(app: Flask):
    vehicle = make_vehicle(
        state="draft",
        description="Leve em 48x mensais de R$ 1.499,00.",
        legal_text="Total a prazo R$ 71.952,00, juros de 1,2% a.m. (15,39% a.a.), CET 21% a.a., "
        "Banco Exemplo. Válido até 30/12/2026.",
    )
    assert text_findings(vehicle) == []


def test_wrong_words_are_mended_where_they_stand(app: Flask):
    vehicle = make_vehicle(state="draft", description="Financio sem consulta ao SPC.")
    assert gates(vehicle) == {"text.no_credit_check": "description"}


def test_an_import_publishes_what_its_source_advertises_already(app: Flask):
    store = make_store()
    facts = VehicleFacts(
        store=store, make="Fiat", model_name="Uno", model_year=2020, price_cents=30_000_00,
        description="R$ 30.000 + frete", state="published",
    )  # fmt: skip
    with writing():
        made = register_vehicles([("1", facts)], source="a.csv", by="import", from_source=True)
    assert made[0].state == "published"
    assert [one.finding.code for one in text_findings(made[0])] == ["plus_costs"]


# --- provenance --------------------------------------------------------------------------------


def test_without_the_gate_provenance_keeps_nobody_back(app: Flask):
    assert gates(make_vehicle(state="draft")) == {}


def test_with_the_gate_every_item_is_asked_and_links_to_its_field(app: Flask):
    vehicle = make_vehicle(state="draft", store=make_store(requires_provenance=True))
    assert gates(vehicle) == {f"provenance.{item}": f"{item}_answer" for item in ITEMS}
    with writing():
        record_provenance(vehicle, dict.fromkeys(ITEMS, CLEAR), by="ana@loja.example")
    assert gates(vehicle) == {}


def test_an_old_answer_is_asked_again(app: Flask):
    store = make_store(requires_provenance=True, provenance_valid_days=10)
    vehicle = make_vehicle(state="draft", store=store)
    old = Answer(answer="clear", source="Detran", checked_on=today() - timedelta(days=11))
    with writing():
        record_provenance(vehicle, {**dict.fromkeys(ITEMS, CLEAR), "lien": old}, by="ana")
    assert list(gates(vehicle)) == ["provenance.lien"]


# Days from today, counted when the test runs: a suite may begin on one day and end on the next.
@pytest.mark.parametrize(
    ("answer", "days", "field"),
    [
        (Answer(answer="clear", source=""), 0, "source"),
        (Answer(answer="clear", source="Detran"), None, "checked_on"),
        (Answer(answer="clear", source="Detran"), 1, "checked_on"),
        (Answer(answer="present", source="Detran"), 0, "note"),
        (Answer(answer="perhaps", source="Detran"), 0, "answer"),
    ],
)
def test_an_answer_without_source_day_or_explanation_is_refused(
    app: Flask, answer: Answer, days: int | None, field: str
):
    if days is not None:
        answer = replace(answer, checked_on=today() + timedelta(days))
    vehicle = make_vehicle()
    with pytest.raises(ProvenanceRefused) as caught, writing():
        record_provenance(vehicle, {"lien": answer}, by="ana")
    assert list(caught.value.problems) == [f"lien.{field}"]
    assert provenance_of(vehicle.id) == {}


def test_saying_the_same_again_changes_nothing_and_an_empty_answer_takes_it_back(app: Flask):
    vehicle = make_vehicle()
    with writing():
        assert record_provenance(vehicle, {"lien": CLEAR}, by="ana") == ["lien"]
    with writing():
        assert record_provenance(vehicle, {"lien": CLEAR}, by="bia") == []
    with writing():
        assert record_provenance(vehicle, {"lien": Answer(answer="")}, by="bia") == ["lien"]
    assert provenance_of(vehicle.id) == {}


def test_the_public_sheet_has_source_and_day_but_not_the_note(app: Flask):
    vehicle = make_vehicle()
    lien = Answer(
        answer="present", source="Detran-SP", checked_on=today(), note="Banco X, quita na venda"
    )
    with writing():
        record_provenance(vehicle, {"lien": lien}, by="ana")
    (shown,) = public_answers(vehicle.id)
    assert shown.is_warning
    assert shown.source == "Detran-SP"
    assert "Banco X" not in repr(shown)


def test_the_clause_names_every_item_known_or_not(app: Flask):
    vehicle = make_vehicle()
    with writing():
        record_provenance(vehicle, {"lien": CLEAR}, by="ana")
    clause = contract_clause("Chevrolet Onix 2022", provenance_of(vehicle.id))
    for letter in "abcde":
        assert f"\n{letter}) " in clause
    assert "Detran-SP" in clause
    assert "13.111" in clause
