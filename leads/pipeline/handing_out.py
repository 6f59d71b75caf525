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
from leads.models import Lead, LeadEvent
from leads.pipeline.assignment import Candidate, Decision, Given, Wanted, credits_of, decide
from leads.pipeline.log import record
from leads.pipeline.queue import ORDER, is_waiting
from leads.pipeline.rules import QueueRules, rules_at
from leads.pipeline.stages import Turn

MOST_AT_ONCE: Final = 50  # per transaction: others write meanwhile
MOST_GIVEN: Final = 2_000  # turns longer ago change nothing
_LOCK: Final = 7_201_905  # a number of our own among PostgreSQL's advisory locks


def hand_out(_payload: Any = None) -> int:
    """Job: give what waits to who is there, if the rules say so; how many were given."""
    with writing():
        rules = rules_at()
        if rules.mode != "push":
            return 0
        _one_at_a_time()
        given = 0
        moment = now()  # one for all: a replay asks what was owed just then
        people = candidates(rules, moment)
        nobody: set[tuple[int | None, str]] = set()  # for these nobody can; nor in a moment
        for lead_id, *place in db.session.execute(_to_give(rules)).all():
            if tuple(place) in nobody:
                continue
            lead = _taken_hold(lead_id)
            if lead is None:
                continue
            wanted = wanted_of(lead)
            decision = decide(wanted, people)
            if decision.staff_id is None:
                if not wanted.left_by:
                    nobody.add((lead.store_id, lead.department))
                continue
            record(lead, "assigned", "system", at=moment, rules=rules, **told(decision))
            people = _after(people, lead.urgency, decision, moment)
            given += 1
            if given == MOST_AT_ONCE:
                break
        return given


def _to_give(rules: QueueRules) -> sa.Select[int, int | None, str]:
    """What waits, the next one first. What came back too often is the supervisors' to give."""
    given_up = sa.and_(Lead.turn == Turn.SUPERVISOR, Lead.returns >= rules.most_returns)
    return (
        sa.select(Lead.id, Lead.store_id, Lead.department)
        .where(is_waiting(None), ~given_up)
        .order_by(*ORDER)
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


def told(decision: Decision) -> dict[str, Any]:
    """A decision as the log keeps it: whoever asks why, reads it there."""
    return {
        "owner_id": decision.staff_id,
        "rule": decision.rule.value,
        "considered": list(decision.considered),
        "excluded": {str(key): value.value for key, value in decision.excluded.items()},
    }


def wanted_of(lead: Lead) -> Wanted:
    """What `lead` asks of who shall have it. One statement."""
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
        left_by=frozenset(one for one in left if one) if lead.returns else frozenset(),
    )


def candidates(rules: QueueRules, at: datetime | None = None) -> list[Candidate]:
    """Everybody to whom leads come by turn, with what they have and are owed. Nine statements."""
    moment = at or now()
    people = [one for one in attendants(moment) if one.takes_leads or one.stands_in_for]
    load = _load([one.staff_id for one in people], rules)
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
        )
        for one in people
    ]


def given_since(since: datetime) -> list[Given]:
    """What was handed out since then, the newest `MOST_GIVEN` at most, oldest first."""
    newest = (
        sa.select(LeadEvent.at, LeadEvent.data)
        .where(LeadEvent.kind == "assigned", LeadEvent.at >= since)
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
        .where(Lead.owner_id.in_(ids), Lead.closed_at.is_(None))
        .group_by(Lead.owner_id, Lead.turn)
    )
    load: defaultdict[int, float] = defaultdict(float)
    for owner_id, turn, count in rows:
        if owner_id is not None:
            load[owner_id] += count * (1.0 if turn == Turn.OURS else rules.waiting_weight)
    return load


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
