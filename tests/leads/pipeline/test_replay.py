"""A past time played again: to the bit with the rules of its day, and what if they were others."""

import random
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.clock import now
from core.db import db, writing
from dealership.business_time import add_working, working_seconds
from dealership.hours import Span
from dealership.presence import beat
from dealership.roster import ShiftFacts, WorkFacts, set_shifts, set_work
from dealership.staff import StaffMember
from leads.figures import Window
from leads.models import LeadEvent
from leads.pipeline.log import NotAllowed, record, undo
from leads.pipeline.queue import AlreadyClaimed, claim
from leads.pipeline.replay import Change, ExtraHead, differences, play_again, read_past
from leads.pipeline.rules import DEFAULTS, QueueRules
from leads.pipeline.simulation import Birth, Handling, Player, WorkingClock, play
from leads.pipeline.timers import tend_queue
from tests.factories import make_store
from tests.leads.pipeline.test_capacity import ZONE, hours
from tests.leads.pipeline.waiting import fresh, make_lead, make_staff, use_rules

START = datetime(2026, 6, 1, 11, tzinfo=UTC)  # Monday, 8 h in São Paulo
ALL = Window(START - timedelta(days=1), START + timedelta(days=30))


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def live(clock, dice: random.Random, people: list[StaffMember], turns: int = 60) -> None:
    """Some days of a desk: whatever comes, in any order, by the verbs that do it in life."""
    leads = []
    for _turn in range(turns):
        clock.shift(timedelta(minutes=dice.choice([1, 3, 9, 40, 200])))
        for one in dice.sample(people, dice.randint(0, len(people))):
            beat(one.id)
        if dice.random() < 0.5 or not leads:
            kind = dice.choice(["contact", "call_back"])
            leads.append(make_lead(kind=kind, store_id=people[0].stores[0].id))
        lead, who = fresh(dice.choice(leads)), dice.choice(people)
        try:
            with writing():
                step(dice, lead, who)
        except (NotAllowed, AlreadyClaimed):
            pass
        if dice.random() < 0.1:
            use_rules(mode="push", fair_days=dice.choice([1, 7]), retry_minutes=dice.randint(9, 99))
        tend_queue()


def step(dice: random.Random, lead, who: StaffMember) -> None:
    match dice.randint(0, 6):
        case 0:
            claim(lead.id, who)
        case 1:
            record(lead, "human_contact", who.email, channel="phone", evidence="call")
        case 2:
            later = (now() + timedelta(days=1)).isoformat()
            record(lead, "attempted", who.email, channel="phone", outcome="no", due_at=later)
        case 3:
            record(lead, "reply", "person")
        case 4:
            event = record(lead, "talked", who.email, channel="phone", evidence="call")
            undo(lead, event.id, who.email)
        case 5:
            record(lead, "lost", who.email, reason="price")
        case _:
            record(lead, "reopened", who.email, reason="came_back")


@pytest.mark.parametrize("seed", range(2))
def test_the_log_of_a_desk_is_what_the_rules_of_its_day_give(app, clock, seed: int):
    store = make_store()
    people = [make_staff() for _ in range(3)]
    with writing() as session:
        for one in people:
            session.merge(one).stores = [session.merge(store)]
    use_rules(mode="push")
    live(clock, random.Random(seed), people)
    kinds = set(db.session.scalars(sa.select(LeadEvent.kind).distinct()))
    assert {"assigned", "returned"} <= kinds
    assert differences(ALL) == []

    # And it would be seen if the log said something else.
    assigned = db.session.scalars(
        sa.select(LeadEvent).where(LeadEvent.kind == "assigned").order_by(LeadEvent.id)
    ).all()
    several = next(one for one in assigned if len(one.data["considered"]) > 1)
    other = next(i for i in several.data["considered"] if i != several.data["owner_id"])
    last = assigned[-1]
    with writing():
        several.data = {**several.data, "owner_id": other}
        last.data = {**last.data, "return_at": START.isoformat()}
    found = {(one.event_id, one.name) for one in differences(ALL)}
    assert {(several.id, "owner_id"), (last.id, "return_at")} <= found


def test_a_past_is_read_and_one_person_more_or_fewer_changes_it(app, clock, statements):
    store = make_store()
    ana, rui = make_staff(name="Ana"), make_staff(name="Rui")
    week = [ShiftFacts(day, time(8), time(12)) for day in range(5)]
    week += [ShiftFacts(day, time(13), time(18)) for day in range(5)]
    with writing() as session:
        set_shifts(session.merge(ana), week)
        set_shifts(session.merge(rui), [])
        set_work(session.merge(rui), WorkFacts(takes_leads=False))
        set_work(session.merge(ana), WorkFacts(stand_in_id=rui.id))
    dice = random.Random(1)
    for _ in range(40):
        clock.shift(timedelta(minutes=dice.randint(5, 200)))
        make_lead(store_id=store.id)
    statements.clear()
    past = read_past(ALL)
    few = len(statements)
    assert {one.staff_id for one in past.players} == {ana.id, rui.id}
    lunch = next(one for one in past.players if one.staff_id == rui.id).spans[0]
    assert lunch == Span(START + timedelta(hours=4), START + timedelta(hours=5))

    before = play_again(past)
    assert before == play_again(past) == play_again(read_past(ALL))
    assert None not in before.minutes.values()
    alone = play_again(past, Change(without=frozenset({rui.id})))
    assert set(alone.owners.values()) == {ana.id}
    assert alone.within(5) <= before.within(5)
    more = play_again(past, Change(extra=ExtraHead(frozenset(range(5)), time(8), time(18))))
    assert more.within(5) >= before.within(5)
    nobody = play_again(past, Change(without=frozenset({ana.id, rui.id})))
    assert set(nobody.minutes.values()) == {None}
    assert nobody.escalated == len(past.births)
    with pytest.raises(ValidationError):
        play_again(past, Change(rules={"mode": "shove"}))

    for _ in range(10):
        make_lead(store_id=store.id)
    statements.clear()
    assert len(read_past(ALL).births) == 50
    assert len(statements) == few


def test_nothing_happened_is_played_too(app, clock):
    past = read_past(ALL)
    assert (past.births, past.answered, past.is_measured) == ([], [], False)
    assert play_again(past).minutes == {}
    assert differences(ALL) == []


# --- the play itself -------------------------------------------------------------------------

SCHEDULE = hours(8, 18)
_MINUTE = timedelta(minutes=1)
LEADS = st.lists(
    st.tuples(st.integers(0, 4 * 24 * 60), st.integers(0, 3)), min_size=1, max_size=40
).map(
    lambda rows: [
        Birth(n, START - timedelta(hours=8) + minute * _MINUTE, urgency, 1)
        for n, (minute, urgency) in enumerate(sorted(rows), 1)
    ]
)


def team(size: int) -> list[Player]:
    spans = [
        Span(START + day * timedelta(days=1), START + day * timedelta(days=1) + 600 * _MINUTE)
        for day in range(20)
    ]
    return [Player(number, tuple(spans)) for number in range(1, size + 1)]


@settings(max_examples=40, deadline=None)
@given(LEADS, st.integers(1, 3), st.sampled_from(["pull", "push"]), st.integers(0, 9))
def test_a_rule_changes_only_what_depends_on_it(leads, size: int, mode, seed: int):
    rules = QueueRules(mode=mode)
    people, schedules = team(size), {1: SCHEDULE}
    handling = Handling(first=(3.0, 7.0, 30.0))

    def again(**changed):
        asked = QueueRules.model_validate({**rules.model_dump(), **changed})
        return play(leads, people, asked, schedules, handling, seed=seed)

    usual = again()
    # Everybody gets an answer, by one person, after they came.
    assert set(usual.owners) == set(usual.minutes) == {one.lead_id for one in leads}
    assert min(one for one in usual.minutes.values() if one is not None) >= 0
    # What is about visits, offers and old leads has no say in first answers.
    assert again(outcome={"minutes": 1, "late": 1}, reopen_days=1, proposal={"minutes": 1,
                 "late": 9}, handoff={"minutes": 1, "late": 1}) == usual  # fmt: skip
    # When a lead is called late changes what is called late, and in the queue nothing else.
    strict = {"minutes": 5, "late": 5}
    if mode == "pull":
        hard = again(urgent=strict, priority=strict)
        assert hard.minutes == usual.minutes
        assert (hard.owners, hard.in_time) == (usual.owners, usual.in_time)
        assert hard.escalated >= usual.escalated
        assert again(fair_days=1, waiting_weight=1.0, most_returns=1) == usual
        assert usual.returned == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(-3000, 20_000), st.integers(0, 3000))
def test_the_clock_of_the_play_is_that_of_the_store(minute: int, minutes: int):
    clock = WorkingClock(SCHEDULE, START - timedelta(days=3), START + timedelta(days=14))
    at = START + minute * _MINUTE
    end = add_working(SCHEDULE, at, minutes)
    if minutes:
        assert clock.after(at.timestamp(), minutes) == end.timestamp()
    assert clock.between(at.timestamp(), end.timestamp()) == pytest.approx(
        working_seconds(SCHEDULE, at, end) / 60
    )


def test_in_push_mode_a_lead_goes_on_from_who_does_not_come_to_it():
    at = datetime(2026, 6, 1, 9, tzinfo=ZONE)
    slow = Handling(first=(55.0,), follows=0)
    leads = [Birth(n, at, 1, 1) for n in range(1, 5)]
    played = play(leads, team(2), replace_mode("push"), {1: SCHEDULE}, slow)
    assert played.returned > 0
    assert None not in played.minutes.values()
    assert played.load.total() == 4
    full = [replace(one, capacity=0.0) for one in team(2)]
    assert set(play(leads, full, replace_mode("push"), {1: SCHEDULE}, slow).minutes.values()) == {
        None
    }


def replace_mode(mode: str) -> QueueRules:
    return QueueRules.model_validate({**DEFAULTS.model_dump(), "mode": mode})
