"""One person, one timeline, and back: what is merged can be given back whole."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import now
from core.db import db, writing
from dealership.roles import Role
from dealership.staff import create_staff
from leads import consent, merging, privacy, subscriptions
from leads.capture import Arrival, insert
from leads.intake import Asked, enter
from leads.merging import (
    SETTLED_FIRST,
    STAYS,
    NotMergeable,
    OutOfSight,
    columns_to,
    is_unique,
    merge,
)
from leads.models import Enquiry, Lead, LeadEvent, Person, PersonKey, SubjectRequest, Subscription
from leads.people import PersonTaken, find_person
from leads.pipeline.log import rebuilt, record, standing_of
from leads.sides import PersonMerge
from leads.unmerging import NotUnmergeable, unmerge
from tests.conftest import _empty_tables
from tests.factories import make_store, make_vehicle

BY = "gerente@loja.example"
ANA = {"name": "Ana Souza", "phone": "11987650001", "email": "ana@example.com"}
BIA = {"name": "Ana B. Souza", "phone": "11987650002"}
_keys = iter(range(10**9))


def ask(*, by_system: str = "olx", **values: Any) -> Enquiry:
    arrival = Arrival(source=by_system, idem_key=f"m{next(_keys)}", payload={}, kind="test")
    with writing():
        insert(arrival)
        return enter(Asked(**{"source": by_system, "kind": "interest", **values}), arrival.id)


def join(one: Enquiry | Person, other: Enquiry | Person, **options: Any) -> PersonMerge:
    keep, gone = (x.person if isinstance(x, Enquiry) else x for x in (one, other))
    with writing():
        return merge(keep, gone, BY, **options)


def undo(done: PersonMerge, **options: Any) -> None:
    with writing():
        unmerge(done, BY, **options)


# What tells of the merge itself, and when rows were last touched.
HISTORY = {"person_merge", "possible_duplicate", "job", "audit_entry"}
TOLD = {"merged", "unmerged", "absorbed"}


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All tables, byte for byte; without the history of merges and `updated_at`."""
    db.session.rollback()
    found: dict[str, list[tuple[Any, ...]]] = {}
    echoes = {
        entry["echo"]
        for recipe in db.session.scalars(sa.select(PersonMerge.recipe))
        for entry in recipe.get("leads", ())
    }
    for table in db.metadata.sorted_tables:
        if table.name in HISTORY:
            continue
        names = [f'"{one.name}"' for one in table.columns if one.name != "updated_at"]
        query = sa.text(f'SELECT {", ".join(names)} FROM "{table.name}"')
        rows = db.session.execute(query).mappings()
        if table.name == "lead_event":
            rows = [r for r in rows if r["kind"] not in TOLD and r["id"] not in echoes]
        found[table.name] = sorted(tuple(map(repr, row.values())) for row in rows)
    return found


def assert_logs_agree() -> None:
    """Every lead stands where its log says."""
    for lead in db.session.scalars(sa.select(Lead).order_by(Lead.id)):
        assert rebuilt(lead) == standing_of(lead), lead.id


# ---- nothing is forgotten ----


def test_every_column_that_points_to_a_person_or_lead_moves_or_says_why_not(app):
    """A table made tomorrow: it moves by itself, unless its column is unique. Then say in
    leads.merging what happens (STAYS, or SETTLED_FIRST and how)."""
    for target in ("person", "lead"):
        moving = columns_to(target)
        for table in db.metadata.sorted_tables:
            for column in table.columns:
                name = f"{table.name}.{column.name}"
                if not any(k.target_fullname == f"{target}.id" for k in column.foreign_keys):
                    continue
                assert name in moving or name in STAYS, f"{name}: decide in leads.merging"
                if name in moving:
                    assert len(table.primary_key.columns) == 1, name
                    assert not is_unique(column) or name in SETTLED_FIRST, name


@pytest.mark.parametrize("model", [Enquiry, Lead, Subscription, SubjectRequest, PersonKey])
def test_all_of_the_other_is_the_survivors(app, model):
    one, other = ask(**ANA), ask(**BIA)
    furnish(other.person)
    gone_id = other.person_id
    join(one, other)
    assert not db.session.scalars(sa.select(model).where(model.person_id == gone_id)).all()
    assert find_person(phone="+5511987650002").id == one.person_id


def furnish(person: Person) -> None:
    """A bit of everything that a person may have."""
    with writing() as session:
        text = consent.current_text("marketing")
        consent.record(person, "marketing", True, text, channel="site")
        subscriptions.subscribe(person, "newsletter")
        session.add(
            SubjectRequest(
                token=f"t{person.id}", kind="access", contact=person.phone,
                person_id=person.id, due_at=person.created_at,
            )
        )  # fmt: skip


def test_nothing_known_is_lost(app):
    one, other = ask(phone=ANA["phone"]), ask(**BIA, email="bia@example.com")
    join(one, other)
    keep = db.session.get_one(Person, one.person_id)
    assert (keep.name, keep.email) == (BIA["name"], "bia@example.com")
    assert keep.phone == "+5511987650001"
    told = privacy.dossier(keep.id)["identity"]
    assert told["also_known_as"] == [
        {"name": BIA["name"], "phone": "+5511987650002", "email": "bia@example.com"}
    ]


def test_of_two_open_leads_one_stays_and_the_other_says_where_it_went(app):
    one, other = ask(**ANA, vehicle_id=None), ask(**BIA, vehicle_id=make_vehicle().id)
    lead_id, twin_id = one.lead_id, other.lead_id
    join(one, other)
    twin, lead = db.session.get_one(Lead, twin_id), db.session.get_one(Lead, lead_id)
    assert twin.state == "duplicate"
    assert lead.state == "waiting"
    assert lead.vehicle_id is not None
    assert {e.id for e in lead.enquiries} == {one.id, other.id}
    assert [e.data["into"] for e in twin.events if e.kind == "merged"] == [lead_id]
    assert_logs_agree()


def test_the_lead_in_somebodys_hands_stays_even_if_it_is_newer(app, attendant):
    one, other = ask(**ANA), ask(**BIA)
    older_id, newer_id = one.lead_id, other.lead_id
    with writing():
        record(db.session.get_one(Lead, newer_id), "claimed", BY, owner_id=attendant)
    join(one, other)
    assert db.session.get_one(Lead, newer_id).owner_id == attendant
    assert db.session.get_one(Lead, older_id).state == "duplicate"


@pytest.fixture
def attendant(app) -> int:
    with writing():
        return create_staff("bruna@loja.example", Role.ATTENDANT).id


# ---- and back ----


def test_undone_at_once_it_is_as_if_nothing_had_been(app):
    one = ask(**ANA, vehicle_id=make_vehicle().id)
    other = ask(**BIA, email="bia@example.com")
    for person in (one.person, other.person):
        furnish(person)
    before = everything()
    undo(join(one, other))
    assert everything() == before
    assert_logs_agree()


def test_what_came_since_goes_to_the_side_of_its_key(app):
    one, other = ask(**ANA), ask(**BIA)
    bias_lead = other.lead_id
    done = join(one, other)
    later = ask(phone=BIA["phone"], email="nova@example.com", message="E aí?")
    own = ask(phone=ANA["phone"], message="Oi")
    assert later.person_id == own.person_id == one.person_id
    assert later.lead_id == own.lead_id == one.lead_id
    with writing() as session:
        session.add(
            SubjectRequest(
                token="x", kind="access", contact="(11) 98765-0002", person_id=one.person_id,
                due_at=later.at,
            )
        )  # fmt: skip
    undo(done)
    ana, bia = (db.session.get_one(Person, x) for x in (done.kept_id, done.gone_id))
    assert later.person_id == bia.id
    assert later.lead_id == other.lead_id == bias_lead
    assert own.lead_id == one.lead_id
    assert bia.email == "nova@example.com"
    assert ana.email == ANA["email"]
    assert find_person(email="nova@example.com").id == bia.id
    assert db.session.scalars(sa.select(SubjectRequest)).one().person_id == bia.id
    ids = {
        lead_id: [e.data.get("enquiry_id") for e in db.session.get_one(Lead, lead_id).events
                  if e.kind == "enquiry"]
        for lead_id in (one.lead_id, other.lead_id)
    }  # fmt: skip
    assert ids[other.lead_id] == [other.id, later.id]
    assert_logs_agree()


def test_who_had_no_lead_gets_one_for_what_they_asked_since(app):
    one, other = ask(**ANA), ask(**BIA, opens_lead=False)
    done = join(one, other)
    later = ask(phone=BIA["phone"])
    assert later.lead_id == one.lead_id
    undo(done)
    lead = db.session.get_one(Lead, later.lead_id)
    assert lead.person_id == done.gone_id
    assert lead.state == "waiting"
    assert_logs_agree()


def test_both_have_an_open_lead_meanwhile(app):
    """The survivor's lead was lost, then the other wrote again: their new lead goes with them, and
    the old duplicate stays one, of that lead."""
    one, other = ask(**ANA), ask(**BIA)
    done = join(one, other)
    lead_id, twin_id = (
        one.lead_id,
        db.session.scalars(sa.select(Lead.id).where(Lead.state == "duplicate")).one(),
    )
    with writing():
        record(db.session.get_one(Lead, lead_id), "lost", BY, reason="price", at=long_ago())
    later = ask(phone=BIA["phone"])
    assert later.lead_id not in {lead_id, twin_id}
    undo(done)
    lead, twin = (db.session.get_one(Lead, x) for x in (later.lead_id, twin_id))
    assert (lead.person_id, lead.closed_at) == (done.gone_id, None)
    assert twin.state == "duplicate"
    assert [e.data["into"] for e in twin.events if e.kind == "merged"][-1] == lead.id
    assert {e.id for e in lead.enquiries} == {other.id, later.id}
    assert_logs_agree()


def long_ago() -> datetime:
    return now() - timedelta(days=200)


def test_a_no_said_meanwhile_is_not_taken_back(app):
    one, other = ask(**ANA), ask(**BIA, email="bia@example.com")
    for person in (one.person, other.person):
        furnish(person)
    done = join(one, other)
    with writing():
        for row in db.session.scalars(
            sa.select(Subscription).where(Subscription.ended_at.is_(None))
        ):
            row.ended_at, row.end_reason = row.created_at, "person"
    undo(done)
    assert not db.session.scalars(
        sa.select(Subscription).where(Subscription.ended_at.is_(None))
    ).all()


# ---- chains, races, refusals ----


@settings(max_examples=8, database=None, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(st.data())
def test_chains_are_undone_in_any_order_or_refused(app, data):
    """Four people with leads in some departments, merged at random, undone at random: whoever is
    refused is told so, later ones first always works, and in the end everything is as before."""
    db.session.rollback()
    db.session.remove()
    _empty_tables()
    people = []
    for number in range(4):
        phone = f"1198765100{number}"
        for department in data.draw(
            st.lists(st.sampled_from(["sales", "service"]), unique=True, max_size=2)
        ) or [""]:
            enquiry = ask(
                name=data.draw(st.sampled_from(["", f"Pessoa {number}"])), phone=phone,
                department=department or "sales", opens_lead=bool(department),
            )  # fmt: skip
        people.append(enquiry.person_id)
    before = everything()
    done = []
    for _round in range(data.draw(st.integers(1, 3))):
        roots = [p for p in people if not db.session.get_one(Person, p).merged_into_id]
        if len(roots) < 2:
            break
        keep, gone = data.draw(st.permutations(roots))[:2]
        done.append(join(db.session.get_one(Person, keep), db.session.get_one(Person, gone)).id)
        known = {name for name in ("name", "phone")
                 for p in (keep, gone) if getattr(db.session.get_one(Person, p), name)}  # fmt: skip
        assert all(getattr(db.session.get_one(Person, keep), name) for name in known)
        assert_logs_agree()
    waiting = data.draw(st.permutations(done))
    while waiting:
        refused = []
        for merge_id in waiting:
            try:
                undo(db.session.get_one(PersonMerge, merge_id))
            except NotUnmergeable:
                db.session.rollback()
                refused.append(merge_id)
            assert_logs_agree()
        assert max(waiting) not in refused
        waiting = refused
    assert everything() == before


@settings(max_examples=6, database=None, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(st.data())
def test_whatever_comes_meanwhile_ends_with_its_own(app, data):
    """Three people write, are merged, worked on, lost and undone in any order that is allowed:
    each enquiry ends on a lead of whose phone it came by, and no open lead is there twice."""
    db.session.rollback()
    db.session.remove()
    _empty_tables()
    phones = [f"1198765200{number}" for number in range(3)]
    people = [ask(phone=phone).person_id for phone in phones]
    owner = dict(zip(phones, people, strict=True))
    sent = {one.id: one.person_id for one in db.session.scalars(sa.select(Enquiry))}
    steps = data.draw(
        st.lists(
            st.one_of(
                st.tuples(st.just("merge"), st.permutations(people)),
                st.tuples(st.just("write"), st.sampled_from(phones)),
                st.tuples(st.just("lose"), st.integers(0, 9)),
                st.tuples(st.just("undo"), st.integers(0, 9)),
            ),
            min_size=3,
            max_size=10,
        )
    )
    for step, choice in steps:
        db.session.rollback()
        if step == "write":
            enquiry = ask(phone=choice, email=f"{choice}@example.com")
            sent[enquiry.id] = owner[choice]
        elif step == "merge":
            keep, gone = (db.session.get_one(Person, one) for one in choice[:2])
            if not keep.merged_into_id and not gone.merged_into_id:
                join(keep, gone)
        elif step == "lose":
            open_leads = db.session.scalars(
                sa.select(Lead).where(Lead.closed_at.is_(None)).order_by(Lead.id)
            ).all()
            if open_leads:
                with writing():
                    lead = db.session.get_one(Lead, open_leads[choice % len(open_leads)].id)
                    record(lead, "lost", BY, reason="price")
        else:
            try_undo(choice)
        assert_logs_agree()
    while standing_merges():
        undo(standing_merges()[-1])
        assert_logs_agree()
    for enquiry in db.session.scalars(sa.select(Enquiry)):
        assert enquiry.person_id == sent[enquiry.id]
        assert enquiry.side_id is None
        assert db.session.get_one(Lead, enquiry.lead_id).person_id == enquiry.person_id
    for key in db.session.scalars(sa.select(PersonKey)):
        assert (key.side_id, key.person_id) == (None, owner[phone_of(key.value)])


def phone_of(value: str) -> str:
    """The phone of the three that a key belongs to."""
    digits = value.partition("@")[0]
    return f"1198765200{digits[-1]}"


def standing_merges() -> list[PersonMerge]:
    rows = sa.select(PersonMerge).where(PersonMerge.undone_at.is_(None)).order_by(PersonMerge.id)
    return list(db.session.scalars(rows))


def try_undo(choice: int) -> None:
    merges = standing_merges()
    if merges:
        try:
            undo(merges[choice % len(merges)])
        except NotUnmergeable:
            db.session.rollback()


def test_two_who_merge_the_same_pair_at_once_do_it_once(app):
    one, other = ask(**ANA).person_id, ask(**BIA).person_id
    db.session.rollback()
    results: list[str] = []
    barrier = threading.Barrier(2)

    def go(keep: int, gone: int) -> None:
        with app.app_context():
            barrier.wait()
            try:
                with writing():
                    merge(db.session.get_one(Person, keep), db.session.get_one(Person, gone), BY)
                results.append("done")
            except NotMergeable:
                results.append("refused")
            db.session.remove()

    threads = [threading.Thread(target=go, args=pair) for pair in ((one, other), (other, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["done", "refused"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PersonMerge)) == 1


def test_what_arrives_while_two_are_merged_is_nobodys_who_is_gone(app):
    """Forms come in by both phones while the two become one: each ends with the survivor, or is
    tried again as the job would."""
    one, other = ask(**ANA).person_id, ask(**BIA).person_id
    db.session.rollback()
    barrier = threading.Barrier(3)
    failures: list[BaseException] = []

    def write(facts: dict[str, str]) -> None:
        with app.app_context():
            barrier.wait()
            for _form in range(4):
                for _try in range(20):
                    try:
                        ask(**facts)
                        break
                    except PersonTaken:
                        db.session.rollback()
                    except BaseException as error:
                        failures.append(error)
                        return
                db.session.remove()

    def go() -> None:
        with app.app_context():
            barrier.wait()
            with writing():
                merge(db.session.get_one(Person, one), db.session.get_one(Person, other), BY)
            db.session.remove()

    threads = [threading.Thread(target=write, args=(facts,)) for facts in (ANA, BIA)]
    threads.append(threading.Thread(target=go))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Enquiry)) == 10
    assert set(db.session.scalars(sa.select(Enquiry.person_id))) == {one}
    assert set(db.session.scalars(sa.select(PersonKey.person_id))) == {one}
    assert_logs_agree()
    undo(db.session.scalars(sa.select(PersonMerge)).one())
    assert set(db.session.scalars(sa.select(Enquiry.person_id))) == {one, other}
    assert_logs_agree()


def test_undone_twice_is_undone_once(app):
    done = join(ask(**ANA), ask(**BIA))
    undo(done)
    with pytest.raises(NotUnmergeable):
        undo(done)


def test_nobody_merges_what_they_do_not_see(app):
    mine, theirs = make_store(), make_store()
    one, other = ask(**ANA, store_id=mine.id), ask(**BIA, store_id=theirs.id)
    with pytest.raises(OutOfSight):
        join(one, other, store_ids=[mine.id])
    done = join(one, other, store_ids=[mine.id, theirs.id])
    with pytest.raises(OutOfSight):
        undo(done, store_ids=[mine.id])


def test_oneself_and_who_is_gone_are_refused(app):
    one, other, third = ask(**ANA), ask(**BIA), ask(phone="11987650003")
    with pytest.raises(NotMergeable):
        join(one, one)
    gone = other.person
    join(one, other)
    with pytest.raises(NotMergeable):
        join(third.person, gone)


# ---- erasing reaches both, and the recipe ----


def test_erasing_the_survivor_erases_both_and_the_way_back(app):
    one, other = ask(**ANA), ask(**BIA, email="bia@example.com", message="Sou a Bia")
    done = join(one, other)
    with writing():
        privacy.erase(one.person_id, "asked by the person")
    for person_id in (done.kept_id, done.gone_id):
        person = db.session.get_one(Person, person_id)
        assert (person.name, person.phone, person.email) == ("", "", "")
        assert person.erased_at is not None
    assert db.session.get_one(PersonMerge, done.id).recipe == {}
    assert not db.session.scalars(sa.select(PersonKey)).all()
    whole = repr(everything())
    for word in ("98765", "bia@example", "Souza", "Sou a Bia"):
        assert word not in whole
    with pytest.raises(NotUnmergeable):
        undo(done)


def test_a_recipe_holds_ids_alone(app):
    one, other = ask(**ANA, message="Oi"), ask(**BIA, email="bia@example.com", message="Olá")
    furnish(other.person)
    text = repr(join(one, other).recipe)
    for word in ("98765", "example", "Souza", "Olá"):
        assert word not in text


def test_the_way_back_knows_all_that_moved(app):
    """The same columns move as come back: none by name in one place alone."""
    assert set(merging.columns_to("person")) >= {
        "enquiry.person_id", "lead.person_id", "consent.person_id", "mail.person_id",
        "subscription.person_id", "subject_request.person_id",
    }  # fmt: skip
    assert set(merging.columns_to("lead")) >= {
        "enquiry.lead_id", "appointment.lead_id", "mail.lead_id", "contact_click.lead_id",
    }  # fmt: skip
    assert LeadEvent.__table__.c.lead_id not in merging.columns_to("lead").values()
