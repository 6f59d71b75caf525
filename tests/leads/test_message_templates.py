"""Texts: slots filled from the lead as it is, and which text suits when."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import now
from core.db import db, writing
from inventory.editing import revise_vehicle
from inventory.lifecycle import move
from inventory.models import Vehicle
from leads.message_templates import (
    SLOT,
    MessageTemplate,
    archive_template,
    create_template,
    filled,
    open_slots,
    ship_texts,
    slots_of,
    templates,
)
from leads.message_templates import TemplateFacts as Facts
from leads.models import Lead, Person
from leads.pipeline.cadence_steps import touch
from leads.suggestions import choices, suggested
from leads.template_defaults import DEFAULTS
from leads.template_slots import SLOTS
from tests.factories import make_store, make_vehicle
from tests.leads.pipeline.waiting import fresh, happen, make_lead, make_staff


@pytest.fixture(autouse=True)
def _texts(app):
    ship_texts()


@pytest.fixture
def ana(app):
    return make_staff(name="Ana Prado")


@pytest.fixture
def lead(ana):
    store = make_store()
    car = make_vehicle(store=store)
    person = Person(name="BIA souza", phone="+5511987654321")
    lead = make_lead(person=person, store_id=store.id, vehicle_id=car.id)
    happen(lead, "claimed", ana.email, owner_id=ana.id)
    return lead


def codes(found):
    return [one.template.code for one in found]


def texts(lead, ana):
    return {one.template.code: one.filled for one in choices(fresh(lead), ana)}


def test_what_we_ship_is_there_once_and_sound(app):
    for _twice in range(2):
        assert {one.code for one in templates()} == {one["code"] for one in DEFAULTS}
    for one in templates():
        assert slots_of(one) <= SLOTS.keys()
        facts = Facts(name=one.name, channel=one.channel, situation=one.situation, body=one.body,
                      subject=one.subject)  # fmt: skip
        with writing():
            create_template(facts, by="x")
    assert "{nome|" in DEFAULTS[0]["body"], "an unknown name keeps no text from being sent"


def test_what_was_archived_does_not_come_back(app):
    for one in templates():
        with writing() as session:
            session.get_one(MessageTemplate, one.id).archived_at = now()
    assert templates() == []
    assert len(templates(archived=True)) == len(DEFAULTS)


@settings(max_examples=80, deadline=None)
@given(
    body=st.text(alphabet="ab {}|\n", max_size=40),
    facts=st.dictionaries(st.sampled_from("ab"), st.text(alphabet="a{}|b", max_size=6)),
)
def test_a_text_is_sendable_exactly_when_every_slot_has_something(body, facts):
    said = filled("", body, facts)
    lacks = [found[1] for found in SLOT.finditer(body) if not (facts.get(found[1]) or found[2])]
    assert said.can_be_sent == (not lacks)
    assert set(said.missing) == set(lacks)
    if not facts and not lacks and not open_slots(body):
        assert said.text == body


def test_a_value_is_never_read_as_a_slot():
    said = filled("", "Oi, {nome}", {"nome": "{preco}", "preco": "R$ 1"})
    assert said.text == "Oi, {preco}"


def test_a_price_is_the_one_of_now(lead, ana):
    assert "R$ 69.900" in texts(lead, ana)["first_car"].text
    with writing() as session:
        car = session.get_one(Vehicle, lead.vehicle_id)
        revise_vehicle(car, {"price_cents": 67_500_00}, by="x")
    assert "R$ 67.500" in texts(lead, ana)["first_car"].text


def test_a_name_that_is_none_greets_without_one(lead, ana):
    assert texts(lead, ana)["first_car"].text.startswith("Oi, BIA! Aqui é Ana")
    with writing() as session:
        session.get_one(Person, lead.person_id).name = "http://x.example ganhe"
    said = texts(lead, ana)["first_car"]
    assert said.text.startswith("Oi, tudo bem! ")
    assert said.can_be_sent


def test_a_sold_car_is_said_to_be_sold_and_never_offered(lead, ana):
    make_vehicle(model="Argo", make="Fiat")
    assert "car_sold" not in texts(lead, ana)
    with writing() as session:
        move(session.get_one(Vehicle, lead.vehicle_id), "sold", "x")
    found = choices(fresh(lead), ana)
    assert found[0].template.code == "car_sold"
    assert "Fiat Argo" in found[0].filled.text
    for one in found[1:]:
        assert not slots_of(one.template) & {"carro", "preco", "link"}
        assert "Onix" not in one.filled.text


def test_a_reserved_car_is_neither_offered_nor_said_to_be_sold(lead, ana):
    with writing() as session:
        move(session.get_one(Vehicle, lead.vehicle_id), "reserved", "x")
    found = texts(lead, ana)
    assert not {"car_sold", "first_car", "no_answer_car", "invite"} & found.keys()


def test_the_best_first(lead, ana):
    assert codes(suggested(lead, ana))[0] == "first_car"
    with writing() as session:
        touch(session.get_one(Lead, lead.id), "attempted", ana.email, channel="phone",
              outcome="no_answer")  # fmt: skip
    assert codes(suggested(fresh(lead), ana))[0] == "no_answer_car"
    happen(lead, "talked", ana.email, channel="phone", evidence="phone")
    happen(lead, "proposal_sent", ana.email, price_cents=68_000_00)
    best = suggested(fresh(lead), ana)[0]
    assert best.template.code == "proposal"
    assert "R$ 68.000" in best.filled.text


def test_the_goodbye_comes_with_the_last_step(lead, ana):
    at = now()
    for day in range(4):
        with writing() as session:
            touch(session.get_one(Lead, lead.id), "attempted", ana.email, channel="phone",
                  outcome="no_answer", at=at + timedelta(days=day))  # fmt: skip
    assert codes(suggested(fresh(lead), ana))[0] == "goodbye"


def test_another_department_has_texts_of_its_own(lead, ana):
    facts = Facts(name="x", channel="whatsapp", situation="first_answer", body="y",
                  department="service")  # fmt: skip
    with writing():
        row = create_template(facts, by="x")
        row_id = row.id
    assert row_id not in [one.template.id for one in choices(fresh(lead), ana)]
    with writing() as session:
        session.get_one(Lead, lead.id).department = "service"
    assert row_id in [one.template.id for one in choices(fresh(lead), ana)]


def test_a_fixed_number_of_statements(lead, ana, statements):
    choices(fresh(lead), ana)
    db.session.rollback()
    statements.clear()
    choices(db.session.get_one(Lead, lead.id), ana)
    first = len(statements)
    for number in range(30):
        with writing():
            create_template(Facts(name=f"t{number}", channel="whatsapp", situation="visit",
                                  body="Oi {carro}"), by="x")  # fmt: skip
    db.session.rollback()
    statements.clear()
    choices(db.session.get_one(Lead, lead.id), ana)
    assert len(statements) <= first
    assert db.session.scalar(sa.select(sa.func.count()).select_from(MessageTemplate)) > 30


def test_a_newer_version_brings_its_texts_and_leaves_ours_alone(app):
    ours, theirs = DEFAULTS[0]["code"], DEFAULTS[1]["code"]
    of = sa.select(MessageTemplate).where(MessageTemplate.code == ours)
    with writing() as session:
        archive_template(session.scalars(of).one())
        session.execute(sa.delete(MessageTemplate).where(MessageTemplate.code == theirs))
    ship_texts()
    codes = db.session.scalars(sa.select(MessageTemplate.code)).all()
    assert sorted(codes) == sorted(one["code"] for one in DEFAULTS)
    assert db.session.scalars(of).one().archived_at is not None
