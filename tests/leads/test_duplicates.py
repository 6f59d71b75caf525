"""Who may be somebody we know already; phones that several people use; who enters a colleague's
customer anew."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from dealership.roles import Role
from dealership.staff import StaffMember, create_staff
from leads.duplicate_pairs import DuplicatePair, decide
from leads.duplicates import open_pairs, pairs_of
from leads.merging import merge
from leads.models import Lead, LeadEvent, Person, PersonKey
from leads.people import find_or_create_person, find_person
from leads.pipeline.log import record
from leads.sides import PersonMerge
from leads.skating import Entered, check_skating, skate_alerts
from leads.unmerging import unmerge
from tests.factories import make_store, make_vehicle
from tests.leads.test_merging import BY, ask

VISIT = {"source": "google", "landing": "/estoque", "at": "2026-11-03T10:20:30.123Z"}


def pairs() -> list[tuple[list[str], int]]:
    rows = db.session.scalars(sa.select(DuplicatePair).order_by(DuplicatePair.id))
    return [(row.reasons, row.strength) for row in rows]


@pytest.mark.parametrize(
    ("one", "other", "reason", "strength"),
    [
        (
            {"name": "Ana Souza", "phone": "11987650001", "email": "ana@example.com"},
            {"name": "Ana Souza", "phone": "11987650002", "email": "Ana+x@example.com"},
            "",  # joined at once: same e-mail and a similar name
            0,
        ),
        (
            {"name": "Ana Souza", "phone": "11987650001", "email": "casa@example.com"},
            {"name": "Rui Lima", "phone": "11987650002", "email": "casa@example.com"},
            "email",
            2,
        ),
        (
            {"name": "Ana Souza", "phone": "11987650001", "first_touch": VISIT},
            {"name": "Ana", "phone": "11987650002", "first_touch": VISIT},
            "device",
            2,
        ),
        (
            {"name": "Ana Souza", "phone": "11987650001", "car": 1},
            {"name": "Souza, Ana", "phone": "11987650002", "car": 1, "by_system": "form:contato"},
            "portal",
            2,
        ),
        (
            {"name": "Ana Souza", "phone": "11987650001", "car": 1, "by_system": "form:oferta"},
            {"name": "Anna Souza", "phone": "1187650002", "car": 1, "by_system": "form:contato"},
            "name_and_car",
            1,
        ),
        (
            {"name": "Ana Souza", "phone": "11987650001", "car": 1, "by_system": "form:oferta"},
            {"name": "Ana Souza", "phone": "11987650002", "car": 2, "by_system": "form:oferta"},
            "",  # a common name is no reason
            0,
        ),
        (
            {"name": "Ana", "phone": "11987650001", "car": 1, "by_system": "form:oferta"},
            {"name": "Ana", "phone": "11987650002", "car": 1, "by_system": "form:oferta"},
            "",  # nor is a first name alone
            0,
        ),
    ],
)
def test_why_two_may_be_one(app, one, other, reason, strength):
    cars = {1: make_vehicle().id, 2: make_vehicle().id}
    for facts in (one, other):
        facts = {**facts, "vehicle_id": cars.get(facts.get("car", 0))}
        facts.pop("car", None)
        ask(**facts)
    assert pairs() == ([([reason], strength)] if reason else [])


def test_an_email_and_a_phone_of_two_people_in_one_message(app):
    ask(name="Ana Souza", phone="11987650001")
    ask(name="Ana Souza", email="ana@example.com")
    ask(name="Ana Souza", phone="11987650001", email="ana@example.com")
    assert pairs() == [(["email_and_name"], 3)]


def test_whoever_was_told_apart_is_not_asked_about_again(app):
    one = ask(name="Ana Souza", phone="11987650001", email="casa@example.com")
    other = ask(name="Rui Lima", phone="11987650002", email="casa@example.com")
    with writing():
        decide(one.person_id, other.person_id, "different", BY)
    ask(name="Rui Lima", phone="11987650002", email="casa@example.com")
    assert not db.session.scalars(open_pairs(None)).all()
    assert not pairs_of(one.person_id, None)


def test_a_merge_takes_the_suggestions_along_and_undoing_brings_them_back(app):
    ids = [
        ask(name=name, phone=f"1198765000{n}", email="casa@example.com").person_id
        for n, name in enumerate(("Ana Souza", "Rui Lima", "Eva Reis"))
    ]
    ana, rui, eva = ids
    assert len(db.session.scalars(open_pairs(None)).all()) == 2  # each with the address's owner
    with writing():
        made = merge(db.session.get_one(Person, eva), db.session.get_one(Person, ana), BY)
    assert {(p.older_id, p.newer_id) for p in db.session.scalars(open_pairs(None))} == {(rui, eva)}
    with writing():
        unmerge(db.session.get_one(PersonMerge, made.id), BY)
    assert {(p.older_id, p.newer_id) for p in db.session.scalars(open_pairs(None))} == {(ana, rui)}


def test_people_of_one_store_see_pairs_of_their_store(app):
    mine, other = make_store(), make_store()
    for store, name, phone in ((mine, "Ana", "11987650001"), (other, "Rui", "11987650002")):
        ask(name=name, phone=phone, email="casa@example.com", store_id=store.id)
    assert not db.session.scalars(open_pairs([mine.id])).all()
    assert len(db.session.scalars(open_pairs([mine.id, other.id])).all()) == 1


# ---- shared phones ----


def come(name: str) -> int:
    with writing():
        return find_or_create_person(name=name, phone="+551133334444").id


def test_a_phone_with_other_names_again_and_again_stops_deciding_alone(app):
    ana = come("Ana Souza")
    assert come("Rui Lima") == ana  # once may be a husband, or a nickname
    assert come("Eva Reis") == ana
    rui = come("Rui Lima")
    assert rui != ana  # by now it is a switchboard
    assert come("Rui Lima") == rui
    assert come("Ana Souza") == ana
    assert come("") == ana
    assert find_person(name="Lima, Rui", phone="+551133334444").id == rui
    key = db.session.get_one(PersonKey, ("phone", "551133334444"))
    assert key.person_id == ana


def test_whoever_writes_from_a_shared_phone_is_a_hint(app):
    for name in ("Ana Souza", "Rui Lima", "Eva Reis", "Rui Lima"):
        ask(name=name, phone="1133334444")
    assert pairs() == [(["shared_phone"], 1)]


def test_a_merged_persons_name_is_no_stranger(app):
    with writing():
        ana = find_or_create_person(name="Ana Souza", phone="+5511987650001")
        bia = find_or_create_person(name="Beatriz", phone="+5511987650002")
        merge(ana, bia, BY)
        for _time in range(3):
            find_or_create_person(name="Beatriz", phone="+5511987650002")
    assert db.session.get_one(PersonKey, ("phone", "551187650002")).strangers == 0


# ---- skating ----


@pytest.fixture
def colleagues(app) -> tuple[StaffMember, StaffMember]:
    with writing():
        return (
            create_staff("bruna@loja.example", Role.ATTENDANT),
            create_staff("caio@loja.example", Role.ATTENDANT),
        )


def attended(owner: StaffMember, **facts) -> Lead:
    enquiry = ask(name="Ana Souza", phone="11987650001", email="ana@example.com", **facts)
    with writing():
        lead = db.session.get_one(Lead, enquiry.lead_id)
        record(lead, "claimed", owner.email, owner_id=owner.id)
    return lead


SIX = [
    ({"phone": "(11) 98765-0001"}, "phone"),  # 1: the same phone
    ({"phone": "1187650001"}, "phone"),  # 2: without its ninth digit
    ({"email": "ANA+2@Example.com"}, "email"),  # 3: the same e-mail, spelled otherwise
    ({"name": "Ana Sousa", "same_car": True}, "name_and_car"),  # 4: one letter changed
    ({"name": "Souza Ana", "phone": "11999990000", "same_car": True}, "name_and_car"),  # 5: turned
    ({"phone": "11987650001", "for_own_lead": True}, "phone"),  # 6: edited into an own lead
]


@pytest.mark.parametrize(("typed", "reason"), SIX)
def test_the_six_ways_of_skating_are_seen(colleagues, typed, reason):
    bruna, caio = colleagues
    car = make_vehicle().id
    lead = attended(bruna, vehicle_id=car)
    own = ask(name="Zé", phone="11900000000").lead_id if typed.get("for_own_lead") else None
    entered = Entered(
        name=typed.get("name", ""),
        phone=typed.get("phone", ""),
        email=typed.get("email", ""),
        vehicle_id=car if typed.get("same_car") else None,
        lead_id=own,
    )
    for _click in range(2):
        with writing():
            assert [one.id for one in check_skating(entered, caio)] == [lead.id]
    ((event, about),) = skate_alerts(None)
    assert (about.id, event.actor, event.data["reason"]) == (lead.id, caio.email, reason)
    assert "98765" not in repr(event.data)


@pytest.mark.parametrize("why", ["own", "nobodys", "closed", "other car", "long ago", "other name"])
def test_what_is_no_skating(colleagues, why):
    bruna, caio = colleagues
    car, other_car = make_vehicle().id, make_vehicle().id
    at = now() - timedelta(days=91) if why == "long ago" else now()
    if why == "nobodys":
        ask(name="Ana Souza", phone="11987650001", vehicle_id=car)
    else:
        lead = attended(caio if why == "own" else bruna, vehicle_id=car, at=at)
    if why == "closed":
        with writing():
            record(lead, "lost", bruna.email, reason="price")
    entered = {
        "own": Entered(phone="11987650001"),
        "nobodys": Entered(phone="11987650001"),
        "closed": Entered(phone="11987650001", email="ana@example.com"),
        "other car": Entered(name="Ana Souza", vehicle_id=other_car),
        "long ago": Entered(name="Ana Souza", vehicle_id=car),
        "other name": Entered(name="Rui Lima", vehicle_id=car),
    }[why]
    with writing():
        assert check_skating(entered, caio) == []
    assert skate_alerts(None) == []
    assert not db.session.scalars(sa.select(LeadEvent).where(LeadEvent.kind == "skate_alert")).all()
