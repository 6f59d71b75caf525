"""Whatever happens to a lead, in whatever order: it has an owner or waits, a next action with a
date, and its columns are what its events make of it."""

import random
from datetime import UTC, datetime, time, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from core.clock import DEFAULT_ZONE, now
from core.db import db, writing
from dealership.hours import Interval, Schedule
from dealership.roles import Role
from dealership.staff import StaffMember
from leads.erasure import anonymise
from leads.models import Lead, LeadEvent, Person
from leads.pipeline import log
from leads.pipeline.clocks import Moment, started_clocks
from leads.pipeline.log import FactsMissing, NotAllowed, rebuild, rebuilt, record, standing_of
from leads.pipeline.queue import AlreadyClaimed, claim
from leads.pipeline.rules import DEFAULTS
from leads.pipeline.stages import CLOSED, OPEN, SOLD_BY, TRANSITIONS, UNDOING, Stage, Turn
from leads.pipeline.standing import Happened, Standing, fold, is_allowed, replay
from leads.pipeline.timers import tend_queue
from tests.leads.pipeline.waiting import (
    check,
    check_standing,
    fresh,
    happen,
    make_lead,
    make_staff,
)

MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KINDS = sorted(TRANSITIONS)
SAYS_WHY = {"lost": "reason", "marked_invalid": "reason", "merged": "into"}
INBOUND = {"enquiry", "reply"}


def facts(kind, rng, at, people):
    """What an event of `kind` needs, and now and then more."""
    later = (at + timedelta(minutes=rng.randint(1, 20_000))).isoformat()
    all_facts = {
        "owner_id": rng.choice(people), "seller_id": rng.choice(people), "rule": "fair",
        "reason": rng.choice(["timer", "busy", "price", "late"]), "channel": "phone",
        "outcome": "no_answer", "evidence": "phone", "action": "follow_up", "due_at": later,
        "need": "SUV", "summary": {"need": "SUV"}, "appointment_id": 7, "price_cents": 100,
        "into": 3, "place_id": 7,
    }  # fmt: skip
    given = {name: all_facts[name] for name in TRANSITIONS[kind].needs}
    if kind == "booked" and rng.random() < 0.8:
        given["starts_at"] = later
    if kind == "enquiry":
        given["urgency"] = rng.randint(0, 3)
    if kind in {"human_contact", "talked"} and rng.random() < 0.3:
        given["grade"] = "declared"
    return given


# --- the fold alone --------------------------------------------------------------------------


def check_step(before, after, kind, data, at):
    """What one event may and must change."""
    check_standing(after)
    if kind in INBOUND:
        is_sellers = before.stage in SOLD_BY and before.seller_id
        assert after.turn is (Turn.SELLER if is_sellers else Turn.OURS)
    if kind == "enquiry" and before.stage is not Stage.NURTURE:
        assert after.urgency <= before.urgency  # asking again never costs one's place
    if kind in INBOUND and before.stage is Stage.WAITING:
        assert after.due_at <= before.due_at
    if after.stage in CLOSED and before.stage in OPEN:
        assert kind in {"won", "blocked", "erased"} or data[SAYS_WHY[kind]]
        assert after.closed_at == at
    if before.first_contact_at:
        assert after.first_contact_at == before.first_contact_at
    elif after.first_contact_at:
        assert kind in {"human_contact", "talked"}
        assert data.get("grade") != "declared"


def test_ten_thousand_lives_keep_what_must_be_true():
    """Features E11.1, on the pure fold: 10,000 sequences, mostly of events that the stage
    allows, so that lives get far."""
    rng = random.Random(2026)
    schedule = Schedule(DEFAULT_ZONE, tuple(Interval(d, time(8), time(18)) for d in range(5)))
    people = [1, 2, 3]
    possible = {stage: [k for k in KINDS if stage in TRANSITIONS[k].to] for stage in Stage}
    reached, kinds = set(), set()
    for _number in range(10_000):
        at = MONDAY
        standing, events = Standing(due_at=at), []
        for step in range(10):
            among = possible[standing.stage] if rng.random() < 0.8 else KINDS
            kind = rng.choice(among or KINDS) if step else "enquiry"
            at += timedelta(minutes=rng.choice([0, 1, 7, 90, 1500]))
            data = facts(kind, rng, at, people)
            if kind == "enquiry":
                data["is_first"] = not step
            if not is_allowed(standing, kind):
                assert fold(standing, Happened(0, kind, at, data)) == standing
                continue
            data |= started_clocks(kind, data, standing, Moment(at, DEFAULTS, schedule))
            event = Happened(len(events) + 1, kind, at, data)
            before, standing = standing, fold(standing, event)
            if step:
                check_step(before, standing, kind, data, at)
            events.append(event)
            reached.add(standing.stage)
            kinds.add(kind)
        assert replay(MONDAY, events) == standing
    assert reached == set(Stage)
    assert kinds == set(KINDS)


def test_an_undone_event_is_as_if_it_had_not_been():
    rng = random.Random(7)
    for number in range(300):
        born, events = MONDAY, []
        standing = Standing(due_at=born)
        for step in range(8):
            allowed = [kind for kind in KINDS if is_allowed(standing, kind)]
            if not allowed:
                break
            kind = "enquiry" if not step else rng.choice(allowed)
            at = born + timedelta(hours=step)
            events.append(Happened(step + 1, kind, at, facts(kind, rng, at, [1, 2])))
            before, standing = standing, fold(standing, events[-1])
        undo = Happened(99, sorted(UNDOING)[number % 2], born, {"undoes": events[-1].id})
        assert replay(born, [*events, undo]) == before
        assert replay(born, events) == standing


# --- against the database --------------------------------------------------------------------


class Desk(RuleBasedStateMachine):
    """A house of three people and the leads that come, wander and end."""

    leads = Bundle("leads")

    def __init__(self):
        super().__init__()
        self.clock = time_machine.travel(MONDAY, tick=False)
        self.traveller = self.clock.start()
        self.moment = MONDAY

    @initialize()
    def open_house(self):
        self.people = [make_staff(), make_staff(), make_staff(Role.SUPERVISOR)]
        self.ids = [one.id for one in self.people]
        self.made = []

    def teardown(self):
        self.clock.stop()
        db.session.rollback()
        with writing():
            for model in (LeadEvent, Lead):
                db.session.execute(sa.delete(model))
            db.session.execute(
                sa.update(StaffMember).values(active=False),
                execution_options={"synchronize_session": False},
            )
        db.session.expire_all()

    @rule(target=leads, kind=st.sampled_from(["contact", "call_back"]))
    def comes(self, kind):
        lead = make_lead(kind=kind)
        self.made.append(lead)
        return lead

    @rule(minutes=st.sampled_from([-60, 3, 11, 45, 600, 5000]))
    def time_passes(self, minutes):
        self.moment += timedelta(minutes=minutes)
        self.traveller.move_to(self.moment, tick=False)

    @rule(lead=leads, kind=st.sampled_from(KINDS), seed=st.integers(0, 999))
    def anything(self, lead, kind, seed):
        self.try_event(lead, kind, seed)

    @rule(lead=leads, seed=st.integers(0, 999))
    def something_allowed(self, lead, seed):
        allowed = [kind for kind in KINDS if is_allowed(standing_of(fresh(lead)), kind)]
        self.try_event(lead, random.Random(seed).choice(allowed), seed)

    def try_event(self, lead, kind, seed):
        before = standing_of(fresh(lead))
        data = facts(kind, random.Random(seed), now(), self.ids)
        try:
            event_id = happen(lead, kind, **data)
        except NotAllowed:
            assert not is_allowed(before, kind) or kind == "reopened"
            assert standing_of(fresh(lead)) == before
            return
        assert is_allowed(before, kind)
        event = db.session.get_one(LeadEvent, event_id)
        check_step(before, standing_of(fresh(lead)), kind, event.data, event.at)

    @rule(lead=leads, kind=st.sampled_from([k for k in KINDS if TRANSITIONS[k].needs]))
    def says_too_little(self, lead, kind):
        before = standing_of(fresh(lead))
        with pytest.raises((FactsMissing, NotAllowed)):
            happen(lead, kind)
        assert standing_of(fresh(lead)) == before

    @rule(lead=leads, who=st.integers(0, 2))
    def claims(self, lead, who):
        before = standing_of(fresh(lead))
        try:
            with writing():
                claim(lead.id, self.people[who])
        except AlreadyClaimed:
            assert before.stage is not Stage.WAITING
        else:
            assert fresh(lead).owner_id == self.ids[who]

    @rule(lead=leads)
    def undoes_the_last(self, lead):
        newest = db.session.scalars(
            sa.select(LeadEvent).where(LeadEvent.lead_id == lead.id).order_by(LeadEvent.id.desc())
        ).first()
        with writing():
            try:
                log.undo(lead, newest.id, "p@example.com")
            except NotAllowed:
                return

    @rule(lead=leads)
    def is_unmerged(self, lead):
        fresh(lead)
        merges = sa.select(LeadEvent.id).where(
            LeadEvent.lead_id == lead.id, LeadEvent.kind == "merged"
        )
        newest = db.session.scalars(merges.order_by(LeadEvent.id.desc())).first()
        if newest is None or lead.state != Stage.DUPLICATE:
            return
        with writing():
            record(lead, "unmerged", "p@example.com", undoes=newest)
            rebuild(lead)

    @rule(lead=leads)
    def is_noted(self, lead):
        before = standing_of(fresh(lead))
        happen(lead, "note", words="Gosta de azul")
        assert standing_of(fresh(lead)) == before

    @rule(lead=leads)
    def is_erased(self, lead):
        with writing():
            anonymise(lead.person_id, "erased", search=False)
        assert fresh(lead).closed_at is not None

    @rule()
    def time_does_its_work(self):
        tend_queue()

    @invariant()
    def everything_is_in_order(self):
        db.session.rollback()
        for lead in getattr(self, "made", ()):
            check(fresh(lead))


def test_what_the_columns_say_is_what_the_events_say(app):
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_rebuild_mends_columns_that_were_written_past_the_log(app):
    lead, ana = make_lead(), make_staff()
    happen(lead, "claimed", owner_id=ana.id)
    truth = standing_of(fresh(lead))
    with writing() as session:
        session.execute(sa.update(Lead).values(state="won", owner_id=None, due_at=now()))
    assert rebuilt(fresh(lead)) == truth
    with writing():
        rebuild(lead)
    assert standing_of(fresh(lead)) == truth


def test_no_second_open_lead_by_reopening_or_undoing(app):
    person = Person(name="Rui")
    old = make_lead(person=person)
    happen(old, "lost", reason="price")
    undoable = db.session.scalars(sa.select(LeadEvent.id).where(LeadEvent.kind == "lost")).one()
    make_lead(person=person)
    before = standing_of(fresh(old))
    with pytest.raises(NotAllowed):
        happen(old, "reopened", reason="by_hand")
    with pytest.raises(NotAllowed), writing():
        log.undo(old, undoable, "p@example.com")
    assert standing_of(fresh(old)) == before == rebuilt(old)
