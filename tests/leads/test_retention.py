"""Data goes when its published time is over, and not before."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from leads.models import (
    Consent,
    ContactClick,
    Enquiry,
    ErasedKey,
    Lead,
    LeadEvent,
    Person,
    SubjectRequest,
    Submission,
    Subscription,
)
from leads.people import find_or_create_person
from leads.retention import PERIODS, Period, apply_retention, apply_rules

MONTH = timedelta(days=31)


def make_enquiry(
    key: str, age: timedelta, *, is_suspect: bool = False, source: str = "form:contato", **values
) -> int:
    """A person who asked `age` ago; the person's id."""
    at = now() - age
    with writing() as session:
        person = find_or_create_person(name=f"Ana {key}", email=f"{key}@example.com")
        person.created_at = person.updated_at = at
        session.add(
            Submission(
                id=key.ljust(32, "-"),
                source=source,
                idem_key=key,
                payload={"nome": "Ana"},
                meta={"network": "203.0.113.0/24", "page": "/contato"},
                received_at=at,
                state=values.get("state", "done"),
            )
        )
        lead = Lead(
            person_id=person.id,
            department="sales",
            source=source,
            message="Oi",
            is_suspect=is_suspect,
            created_at=at,
            updated_at=at,
        )
        session.add(lead)
        session.flush()
        session.add(
            Enquiry(
                submission_id=key.ljust(32, "-"),
                source=source,
                kind="contact",
                person_id=person.id,
                lead_id=lead.id,
                message="Oi",
                is_suspect=is_suspect,
                at=at,
            )
        )
        session.flush()
        return person.id


def is_forgotten(person_id: int) -> bool:
    db.session.rollback()
    person = db.session.get_one(Person, person_id)
    assert bool(person.erased_at) == (not person.name) == (not person.keys)
    return person.erased_at is not None


def payload_of(key: str) -> dict[str, object]:
    db.session.rollback()
    return db.session.get_one(Submission, key.ljust(32, "-")).payload


def test_who_has_not_been_in_contact_for_two_years_is_forgotten(app):
    old, young = make_enquiry("a", 25 * MONTH), make_enquiry("b", 23 * MONTH)
    apply_retention({})
    assert is_forgotten(old)
    assert not is_forgotten(young)
    lead = db.session.scalars(sa.select(Lead).where(Lead.person_id == old)).one()
    assert (lead.message, lead.source, lead.state) == ("", "form:contato", "erased")
    # Nobody asked for it: a later contact of theirs, however old the copy, is welcome.
    assert db.session.scalars(sa.select(ErasedKey)).all() == []


def test_a_word_of_staff_or_a_live_alert_is_contact(app):
    called, alerted, asking = (make_enquiry(key, 25 * MONTH) for key in "abc")
    with writing() as session:
        lead_id = session.scalars(sa.select(Lead.id).where(Lead.person_id == called)).one()
        session.add(LeadEvent(lead_id=lead_id, kind="call", actor="ana@loja", at=now()))
        session.add(Subscription(token="t", kind="price_alert", person_id=alerted))
        session.add(
            SubjectRequest(token="u", kind="access", contact="c", person_id=asking, due_at=now())
        )
    apply_rules()
    assert not any(is_forgotten(person_id) for person_id in (called, alerted, asking))


def test_robots_are_forgotten_after_a_month_unless_staff_took_them_up(app):
    robot = make_enquiry("a", timedelta(days=31), is_suspect=True)
    fresh = make_enquiry("b", timedelta(days=29), is_suspect=True)
    freed = make_enquiry("c", timedelta(days=31), is_suspect=True)
    with writing() as session:
        session.scalars(sa.select(Lead).where(Lead.person_id == freed)).one().is_suspect = False
    apply_rules()
    assert is_forgotten(robot)
    assert not is_forgotten(fresh)
    assert not is_forgotten(freed)


def test_raw_posts_go_but_never_one_that_nobody_read(app):
    make_enquiry("a", 13 * MONTH)
    make_enquiry("b", 11 * MONTH)
    make_enquiry("c", 13 * MONTH, state="new")
    make_enquiry("d", timedelta(days=31), source="olx")
    make_enquiry("e", timedelta(days=29), source="olx")
    make_enquiry("f", timedelta(days=31), source="olx", state="parked")
    apply_rules()
    assert [bool(payload_of(key)) for key in "abcdef"] == [False, True, True, False, True, True]


def test_network_addresses_go_after_six_months(app):
    person_id = make_enquiry("a", 7 * MONTH)
    make_enquiry("b", 5 * MONTH)
    with writing() as session:
        session.add(
            Consent(
                person_id=person_id,
                purpose="marketing",
                is_given=True,
                text_version=1,
                text_digest="x",
                channel="site",
                network="203.0.113.0/24",
                at=now() - 7 * MONTH,
            )
        )
    apply_rules()
    db.session.rollback()
    metas = db.session.scalars(sa.select(Submission.meta).order_by(Submission.id)).all()
    assert [sorted(meta) for meta in metas] == [["page"], ["network", "page"]]
    consent = db.session.scalars(sa.select(Consent)).one()
    assert (consent.network, consent.is_given) == ("", True)


def test_clicks_and_the_proofs_of_the_long_erased_go(app):
    person_id = make_enquiry("a", 70 * MONTH)
    with writing() as session:
        session.add(ContactClick(code="1", channel="phone", at=now() - 25 * MONTH))
        session.add(ContactClick(code="2", channel="phone", at=now() - 23 * MONTH))
        session.get(Person, person_id).erased_at = now() - 61 * MONTH
        old = {
            "person_id": person_id,
            "purpose": "marketing",
            "text_version": 1,
            "text_digest": "x",
            "channel": "site",
            "is_given": True,
        }
        session.add(Consent(at=now() - 62 * MONTH, **old))
        for token, age in (("a", 62), ("b", 10)):
            session.add(
                SubjectRequest(
                    token=token,
                    kind="access",
                    contact="x",
                    due_at=now(),
                    state="done",
                    done_at=now() - age * MONTH,
                )
            )
    apply_rules()
    assert db.session.scalars(sa.select(ContactClick.code)).all() == ["2"]
    assert db.session.scalars(sa.select(Consent)).all() == []
    assert db.session.scalars(sa.select(SubjectRequest.token)).all() == ["b"]


def test_a_trial_counts_and_changes_nothing(app):
    old = make_enquiry("a", 25 * MONTH)
    make_enquiry("b", timedelta(days=31), is_suspect=True)
    trial = apply_rules(is_trial=True)
    assert (trial["leads"], trial["suspects"], trial["submissions"]) == (1, 1, 1)
    assert not is_forgotten(old)
    assert payload_of("a")
    assert (
        "leads" in app.test_cli_runner().invoke(args=["privacy", "retention", "--dry-run"]).output
    )
    assert not is_forgotten(old)
    assert apply_rules()["leads"] == 1
    assert not any(apply_rules().values())


def test_many_go_in_several_batches(app):
    for number in range(45):
        make_enquiry(f"k{number}", 25 * MONTH)
    assert apply_rules()["leads"] == 45
    assert not any(apply_rules().values())


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "moment", "before"),
    [
        (Period(1, "month", ""), "2026-03-31", "2026-02-28"),
        (Period(24, "month", ""), "2028-02-29", "2026-02-28"),
        (Period(6, "month", ""), "2026-01-05", "2025-07-05"),
        (Period(30, "day", ""), "2026-03-01", "2026-01-30"),
    ],
)
def test_months_are_calendar_months(period, moment, before):
    assert period.before(day(moment)) == day(before)


def test_every_period_says_where_it_comes_from():
    for period in PERIODS.values():
        assert period.source


def test_a_form_of_a_landing_page_is_kept_as_long_as_any_form(app):
    for source in ("landing", "form:contato", "olx"):
        make_enquiry(source.replace(":", ""), timedelta(days=40), source=source)
    apply_rules()
    db.session.rollback()
    full = [row.source for row in db.session.scalars(sa.select(Submission)) if row.payload]
    assert sorted(full) == ["form:contato", "landing"]
