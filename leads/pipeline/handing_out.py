"""Handing out: in "push" mode the waiting leads go to who is there, one after the other.

Read, decided and written in one transaction: two workers cannot give a turn twice.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from dealership.attendants import attendants
from dealership.business_time import add_working
from dealership.personal_link import staff_id_of
from leads.models import Lead, LeadEvent
from leads.pipeline.assignment import (
    Candidate,
    Decision,
    Given,
    Rule,
    Wanted,
    credits_of,
    decide,
    told,
    why_not,
)
from leads.pipeline.clocks import schedule_for
from leads.pipeline.log import record
from leads.pipeline.queue import ORDER, is_waiting
from leads.pipeline.rules import QueueRules, rules_at
from leads.pipeline.special import special_for
from leads.pipeline.stages import Turn

MOST_AT_ONCE: Final = 50  # per transaction: others write meanwhile
MOST_GIVEN: Final = 2_000  # turns longer ago change nothing
_OWED: Final = ("visit", "outcome")  # next actions that ask what came of a visit
_LOCK: Final = 7_201_905  # a number of our own among PostgreSQL's advisory locks


def hand_out(_payload: Any = None) -> int:
    """Job: give what waits to who is there, if the rules say so; how many were given."""
    with writing():
        rules = rules_at()
        waiting = _to_give(rules)
        if rules.mode != "push":
            # Whoever is free takes the next one; whom somebody asked for by name need not look.
            waiting = waiting.where(is_named())
            if db.session.execute(waiting.limit(1)).first() is None:
                return 0
        _one_at_a_time()
        given = 0
        moment = now()  # one for all: a replay asks what was owed just then
        people = candidates(rules, moment)
        nobody: set[tuple[int | None, str]] = set()  # for these nobody can; nor in a moment
        for lead_id, store_id, department, by_link in db.session.execute(waiting).all():
            if (store_id, department) in nobody and not _may_be_meant(
                store_id, department, people, rules, is_named=by_link
            ):
                continue
            lead = _taken_hold(lead_id)
            if lead is None:
                continue
            wanted = wanted_of(lead, rules)
            decision = decide(wanted, people)
            if rules.mode != "push" and decision.rule is not Rule.NAMED:
                continue
            if decision.staff_id is None:
                if not wanted.left_by:
                    nobody.add((lead.store_id, lead.department))
                continue
            record(lead, "assigned", "system", at=moment, rules=rules, **told(decision, wanted))
            if not lead.is_test:  # one of ours takes nobody's turn
                people = _after(people, lead.urgency, decision, moment)
            given += 1
            if given == MOST_AT_ONCE:
                break
        return given


def _to_give(rules: QueueRules) -> sa.Select[int, int | None, str, bool]:
    """What waits, the next one first. What came back too often is the supervisors' to give."""
    given_up = sa.and_(Lead.turn == Turn.SUPERVISOR, Lead.returns >= rules.most_returns)
    return (
        sa.select(Lead.id, Lead.store_id, Lead.department, is_named())
        .where(is_waiting(None), ~given_up)
        .order_by(*ORDER)
    )


def _may_be_meant(
    store_id: int | None,
    department: str,
    people: Sequence[Candidate],
    rules: QueueRules,
    *,
    is_named: bool,
) -> bool:
    """Whether somebody to whom leads come only by name could have such a lead, though nobody whose
    turn it is can."""
    special = {who for rule in rules.special for who in rule.people}
    is_anybody = is_named or any(rule.kind == "captor" for rule in rules.special)
    wanted = Wanted(department, store_id, 0)
    return any(
        why_not(wanted, one) is None
        for one in people
        if not one.has_turn and (is_anybody or one.staff_id in special)
    )


def _taken_hold(lead_id: int) -> Lead | None:
    """The lead under its lock; None when somebody takes it just now."""
    return db.session.scalars(
        sa.select(Lead)
        .where(Lead.id == lead_id, is_waiting(None))
        .with_for_update(of=Lead, skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


def _one_at_a_time() -> None:
    """Wait until another worker has handed out: turns are counted from what it gave."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def is_named() -> sa.ColumnElement[bool]:
    """Whether a lead came by somebody's own link (whose, `named_in` says)."""
    return sa.or_(
        Lead.last_touch["seller"].as_string().is_not(None),
        Lead.first_touch["seller"].as_string().is_not(None),
    )


def named_in(lead: Lead) -> int | None:
    """The id of whose link `lead` came by last: their code is signed, so nobody makes one up."""
    for touch in (lead.last_touch, lead.first_touch):
        if (staff_id := staff_id_of(str(touch.get("seller", "")))) is not None:
            return staff_id
    return None


def wanted_of(lead: Lead, rules: QueueRules) -> Wanted:
    """What `lead` asks of who shall have it. One statement, and two for special rules."""
    special, special_ids = special_for(lead, rules)
    left = db.session.scalars(
        sa.select(LeadEvent.data["owner_id"].as_integer()).where(
            LeadEvent.lead_id == lead.id, LeadEvent.kind.in_(["assigned", "claimed"])
        )
    )
    return Wanted(
        department=lead.department,
        store_id=lead.store_id,
        urgency=lead.urgency,
        known_id=lead.attendant_id if not lead.returns else None,
        named_id=named_in(lead),
        special_ids=special_ids,
        special=special,
        left_by=frozenset(one for one in left if one) if lead.returns else frozenset(),
    )


def candidates(rules: QueueRules, at: datetime | None = None) -> list[Candidate]:
    """Everybody to whom leads can come, by turn or by name, with what they have and are owed. Ten
    statements."""
    moment = at or now()
    people = attendants(moment)
    ids = [one.staff_id for one in people]
    load, overdue = _load(ids, rules), _overdue(ids, rules, moment)
    given = given_since(moment - timedelta(days=rules.fair_days))
    owed = credits_of(given)
    latest = {one.staff_id: one.at for one in given}
    return [
        Candidate(
            staff_id=one.staff_id,
            store_ids=frozenset(one.store_ids) if one.store_ids is not None else None,
            departments=frozenset(one.departments),
            capacity=one.capacity,
            load=load[one.staff_id],
            credit=owed.get(one.staff_id, {}),
            last_received_at=latest.get(one.staff_id),
            is_on_shift=one.is_on_shift,
            is_present=one.is_present,
            is_paused=one.is_paused,
            is_overdue=one.staff_id in overdue,
            has_turn=one.takes_leads or bool(one.stands_in_for),
        )
        for one in people
    ]


def given_since(since: datetime) -> list[Given]:
    """What was handed out since then, the newest `MOST_GIVEN` at most, oldest first."""
    newest = (
        sa.select(LeadEvent.at, LeadEvent.data)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(LeadEvent.kind == "assigned", LeadEvent.at >= since, Lead.is_test.is_(False))
        .order_by(LeadEvent.at.desc(), LeadEvent.id.desc())
        .limit(MOST_GIVEN)
    )
    return [
        Given(data["urgency"], data["owner_id"], data["considered"], at)
        for at, data in reversed(db.session.execute(newest).all())
        if data.get("considered") and data.get("owner_id")
    ]


def _load(ids: Sequence[int], rules: QueueRules) -> defaultdict[int, float]:
    """The weight of everybody's open leads: whole when the turn is ours."""
    rows = db.session.execute(
        sa.select(Lead.owner_id, Lead.turn, sa.func.count())
        .where(Lead.owner_id.in_(ids), Lead.closed_at.is_(None), Lead.is_test.is_(False))
        .group_by(Lead.owner_id, Lead.turn)
    )
    load: defaultdict[int, float] = defaultdict(float)
    for owner_id, turn, count in rows:
        if owner_id is not None:
            load[owner_id] += count * (1.0 if turn == Turn.OURS else rules.waiting_weight)
    return load


def _overdue(ids: Sequence[int], rules: QueueRules, moment: datetime) -> set[int]:
    """Who has not said what came of a visit that is long over: first that, then new leads."""
    rows = db.session.execute(
        sa.select(Lead.owner_id, Lead.store_id, sa.func.min(Lead.due_at, type_=Lead.due_at.type))
        .where(Lead.owner_id.in_(ids), Lead.closed_at.is_(None), Lead.due_at <= moment)
        .where(Lead.next_action.in_(_OWED))
        .group_by(Lead.owner_id, Lead.store_id)
    )
    more = rules.outcome.late - rules.outcome.minutes  # the due date holds the first minutes
    return {
        owner_id
        for owner_id, store_id, due_at in rows
        if owner_id is not None and add_working(schedule_for(store_id), due_at, more) <= moment
    }


def _after(
    people: Sequence[Candidate], urgency: int, decision: Decision, at: datetime
) -> list[Candidate]:
    """The same people once that decision is taken."""
    share = 1 / len(decision.considered)
    return [
        replace(
            one,
            credit={
                **one.credit,
                urgency: one.credit.get(urgency, 0.0) + share - (one.staff_id == decision.staff_id),
            },
            load=one.load + (one.staff_id == decision.staff_id),
            last_received_at=at if one.staff_id == decision.staff_id else one.last_received_at,
        )
        if one.staff_id in decision.considered
        else one
        for one in people
    ]


JOBS = {"hand_out": hand_out}
