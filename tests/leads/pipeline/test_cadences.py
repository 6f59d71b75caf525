"""Cadences: the steps in the store's time, each taken once, and everything that ends them."""

import threading
from datetime import UTC, datetime, time, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import DEFAULT_ZONE
from core.db import db, writing
from dealership.business_time import effective_start
from dealership.hours import Interval, Schedule, is_open
from leads.models import Lead, LeadEvent
from leads.pipeline.cadence_steps import progress_of, tend_cadences, touch
from leads.pipeline.cadences import CADENCES, CadenceRun, CadenceStep, due_after
from leads.pipeline.clocks import schedule_for
from leads.pipeline.log import undo
from tests.factories import make_store
from tests.leads.pipeline.waiting import check, fresh, happen, make_lead, make_staff

MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # 9:00 at the store, open 8:00 to 18:00
FIRST = CADENCES["first_contact"]
CALL = {"channel": "phone", "outcome": "no_answer"}


@pytest.fixture
def clock(app):
    with time_machine.travel(MONDAY, tick=False) as clock:
        yield clock


@pytest.fixture
def lead(clock):
    """Claimed a minute ago."""
    store = make_store()
    lead, ana = make_lead(store_id=store.id), make_staff()
    happen(lead, "claimed", ana.email, owner_id=ana.id)
    return lead


def no_answer(lead, kind="attempted", **facts):
    with writing() as session:
        found = session.get_one(Lead, lead.id)
        event = touch(found, kind, "p1@example.com", **(facts or CALL))
        return event.id


def steps():
    db.session.rollback()
    rows = db.session.execute(
        sa.select(CadenceRun.number, CadenceStep.number)
        .join(CadenceStep, CadenceStep.run_id == CadenceRun.id)
        .order_by(CadenceRun.id, CadenceStep.number)
    )
    return [tuple(row) for row in rows]


def runs():
    db.session.rollback()
    return list(db.session.scalars(sa.select(CadenceRun).order_by(CadenceRun.id)))


def told(lead):
    """What is next, and when by the store's clock."""
    zone = schedule_for(fresh(lead).store_id).zone
    return lead.next_action, lead.due_at.astimezone(zone).strftime("%d/%m %H:%M")


def test_seven_days_at_changing_hours_then_sleep(lead, clock):
    seen = []
    for _step in FIRST.steps:
        no_answer(lead)
        seen.append(told(lead))
        clock.move_to(fresh(lead).due_at)
    assert seen == [
        ("call", "02/03 17:00"),
        ("message", "03/03 10:30"),
        ("call", "05/03 15:30"),
        ("message", "09/03 10:30"),  # the seventh day is a Sunday
        ("follow_up", "10/03 10:30"),
    ]
    for _twice in range(2):
        tend_cadences()
    (run,) = runs()
    assert (run.end_reason, fresh(lead).state, lead.owner_id) == ("slept", "nurture", None)
    assert lead.due_at == effective_start(schedule_for(lead.store_id), lead.due_at)
    assert timedelta(days=30) <= lead.due_at - run.ended_at < timedelta(days=33)
    kinds = [one.kind for one in lead.events]
    assert kinds.count("slept") == 1
    check(lead)


def test_not_a_minute_before_the_grace_is_over(lead, clock):
    for _step in FIRST.steps:
        no_answer(lead)
        clock.move_to(fresh(lead).due_at)
    clock.shift(timedelta(seconds=-1))
    tend_cadences()
    assert fresh(lead).state == "trying"


def test_a_double_click_and_a_message_after_the_call_are_one_step(lead, clock):
    no_answer(lead)
    due = fresh(lead).due_at
    no_answer(lead)
    clock.shift(timedelta(minutes=5))
    no_answer(lead, "human_contact", channel="whatsapp", evidence="whatsapp")
    assert steps() == [(1, 1)]
    assert (fresh(lead).due_at, lead.next_action) == (due, "call")
    assert progress_of(lead).number == 2
    check(lead)


ENDS = {
    "reply": {},
    "enquiry": {"is_first": False, "urgency": 1},
    "talked": {"channel": "phone", "evidence": "phone"},
    "booked": {"appointment_id": 1},
    "qualified": {"need": "x"},
    "visited": {},
    "returned": {"reason": "timer"},
    "slept": {"due_at": "2027-01-01T12:00:00+00:00"},
    "lost": {"reason": "price"},
    "won": {},
    "blocked": {},
    "marked_invalid": {"reason": "spam"},
    "merged": {"into": 1},
    "erased": {},
    "handoff_offered": {"seller_id": 1, "summary": {"need": "x"}},
}


@pytest.mark.parametrize("kind", ENDS)
def test_whatever_the_person_or_a_colleague_does_ends_it(lead, kind):
    no_answer(lead)
    facts = dict(ENDS[kind])
    if "seller_id" in facts:
        facts["seller_id"] = make_staff().id
    happen(lead, kind, **facts)
    (run,) = runs()
    assert run.end_reason == kind
    assert progress_of(fresh(lead)) is None


@pytest.mark.parametrize("kind", ["taken_over", "next_action", "note", "tapped"])
def test_what_changes_nothing_for_the_person_does_not_end_it(lead, kind):
    no_answer(lead)
    other = make_staff()
    facts = {"owner_id": other.id, "action": "call", "due_at": "2026-03-05T12:00:00+00:00"}
    happen(lead, kind, **facts)
    assert progress_of(fresh(lead)).number == 2


def test_an_undone_step_was_never_taken(lead, clock):
    first = no_answer(lead)
    with writing() as session:
        undo(session.get_one(Lead, lead.id), first, "p1@example.com")
    assert (steps(), runs(), fresh(lead).state) == ([], [], "assigned")
    no_answer(lead)
    clock.shift(timedelta(hours=8))
    second = no_answer(lead)
    with writing() as session:
        undo(session.get_one(Lead, lead.id), second, "p1@example.com")
    assert steps() == [(1, 1)]
    assert fresh(lead).next_action == "call"
    end = happen(lead, "talked", "p1@example.com", channel="phone", evidence="phone")
    with writing() as session:
        undo(session.get_one(Lead, lead.id), end, "p1@example.com")
    assert progress_of(fresh(lead)).number == 2
    check(lead)


def test_who_comes_back_later_is_tried_from_the_start_again(lead, clock):
    no_answer(lead)
    happen(lead, "returned", reason="timer")
    happen(lead, "claimed", owner_id=make_staff().id)
    clock.shift(timedelta(hours=8))
    no_answer(lead)
    assert steps() == [(1, 1), (2, 1)]


def test_who_did_not_come_has_a_cadence_of_their_own(lead, clock):
    happen(lead, "booked", appointment_id=1)
    happen(lead, "no_show", appointment_id=1)
    no_answer(lead)
    progress = progress_of(fresh(lead))
    assert (progress.cadence.code, progress.number, lead.state) == ("no_show", 2, "no_show")


def test_who_is_in_conversation_is_on_none(lead):
    happen(lead, "talked", channel="phone", evidence="phone")
    no_answer(lead)
    assert runs() == []


@settings(max_examples=60, deadline=None)
@given(
    minutes=st.integers(0, 400 * 24 * 60),
    step=st.sampled_from([step for one in CADENCES.values() for step in one.steps]),
)
def test_a_step_is_due_while_the_store_is_open_and_not_at_once(session_app, minutes, step):
    at = MONDAY + timedelta(minutes=minutes)
    with session_app.app_context():
        schedule = _hours()
        due = due_after(step, at, schedule)
    assert is_open(schedule, due - timedelta(microseconds=1)) or is_open(schedule, due)
    assert due >= at + timedelta(minutes=60)
    assert due - at < timedelta(days=step.days + 4)


def _hours():
    week = [Interval(day, time(8), time(12)) for day in range(6)]
    week += [Interval(day, time(14), time(18, 30)) for day in range(5)]
    return Schedule(DEFAULT_ZONE, tuple(week))


def test_a_reply_at_the_same_moment_as_the_job_leaves_no_second_way(lead, clock, app):
    """Eight workers and one reply at once: the lead either sleeps and is woken by the reply, or is
    talked with and never sleeps; never two sleeps."""
    for _step in FIRST.steps:
        no_answer(lead)
        clock.move_to(fresh(lead).due_at)
    lead_id = lead.id
    db.session.rollback()
    start, odd = threading.Barrier(9), []

    def run(act):
        with app.app_context():
            try:
                start.wait(60)
                act()
            except Exception as error:
                odd.append(error)
            db.session.remove()

    def reply():
        with writing() as session:
            touch(session.get_one(Lead, lead_id), "reply", "person")

    threads = [threading.Thread(target=run, args=(one,)) for one in [tend_cadences] * 8 + [reply]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert odd == []
    slept = sa.select(sa.func.count()).where(LeadEvent.kind == "slept")
    (run_,) = runs()
    assert db.session.scalar(slept) == (1 if run_.end_reason == "slept" else 0)
    assert fresh(lead).state in {"waiting", "talking"}
    check(lead)


def test_two_attempts_at_once_take_one_step(lead, app):
    lead_id = lead.id
    db.session.rollback()
    start, odd = threading.Barrier(6), []

    def run():
        with app.app_context():
            try:
                start.wait(60)
                with writing() as session:
                    touch(session.get_one(Lead, lead_id), "attempted", "p1@example.com", **CALL)
            except Exception as error:
                odd.append(error)
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert odd == []
    assert steps() == [(1, 1)]
    check(lead)


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


def test_killed_in_the_middle_it_never_happened_and_the_next_worker_does_it(lead, clock):
    for _step in FIRST.steps:
        no_answer(lead)
        clock.move_to(fresh(lead).due_at)

    def die(*_facts):
        raise Killed

    sa.event.listen(db.session, "before_commit", die)
    try:
        with pytest.raises(Killed):
            tend_cadences()
    finally:
        sa.event.remove(db.session, "before_commit", die)
    db.session.rollback()
    assert (fresh(lead).state, runs()[0].ended_at) == ("trying", None)
    tend_cadences()
    assert fresh(lead).state == "nurture"
    check(lead)
