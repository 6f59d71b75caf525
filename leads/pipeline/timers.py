"""What time alone does to leads: taken back, escalated, woken, handoffs that ran out.

Everything is read from the leads' own dates, so a restart, a missed tick or a clock that jumped
changes only how late it is noticed. Each lead is a transaction of its own, looked at again under
its lock: a worker that dies in the middle, or a second one, does no harm.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog

from core.clock import now
from core.db import db, writing
from dealership.attendants import Attendant, attendants
from dealership.business_time import add_working
from dealership.identity import identity
from dealership.staff import StaffMember
from leads.models import Lead, LeadEvent
from leads.pipeline.clocks import schedule_for
from leads.pipeline.handing_out import hand_out
from leads.pipeline.log import record
from leads.pipeline.rules import QueueRules, rules_at
from leads.pipeline.stages import ATTENDED, IN_WORK, OPEN, Stage, Turn

MOST_AT_ONCE: Final = 200  # a pass; the next one, seconds later, goes on
STUCK: Final = "stuck"  # why a lead in work goes to the supervisors
log = structlog.get_logger("vitrine.queue")


def tend_queue(_payload: Any = None) -> None:
    """Job: one pass over everything that is due."""
    moment = now()
    rules = rules_at(moment)
    for condition, act in (
        (_has_no_one(), _free_for_good),
        (_timer_is_out(moment), _take_back),
        (_sleeps_until(moment), _wake),
    ):
        for lead_id in db.session.scalars(_due(sa.select(Lead.id), condition)).all():
            _one(lead_id, act, condition, rules)
    for lead_id in _late(moment, rules):
        _one(lead_id, _escalate, _is_neglected(moment), rules)
    for lead_id in _stuck(moment, rules):
        _one(lead_id, _escalate_stuck, _is_overdue(moment), rules)
    _place_leads(rules)
    _free_what_is_left(attendants(moment), rules)
    hand_out()


def _due(
    query: sa.Select[*tuple[Any, ...]], condition: sa.ColumnElement[bool]
) -> sa.Select[*tuple[Any, ...]]:
    return query.where(condition).order_by(Lead.due_at, Lead.id).limit(MOST_AT_ONCE)


def _late(moment: datetime, rules: QueueRules) -> list[int]:
    """Whom to tell the supervisors of. Between its target and "late" the queue has another
    chance; what has it must not stand before those that had theirs."""
    found: list[int] = []
    in_time: set[tuple[int | None, int]] = set()  # what is promised later there is so too
    rows = db.session.execute(
        sa.select(Lead.id, Lead.store_id, Lead.urgency, Lead.due_at)
        .where(_is_neglected(moment))
        .order_by(Lead.due_at, Lead.id)
    )
    for lead_id, store_id, urgency, due_at in rows:
        if (store_id, urgency) in in_time:
            continue
        if late_at(store_id, urgency, due_at, rules) > moment:
            in_time.add((store_id, urgency))
            continue
        found.append(lead_id)
        if len(found) == MOST_AT_ONCE:
            break
    return found


def _one(
    lead_id: int,
    act: Callable[[Lead, QueueRules], None],
    condition: sa.ColumnElement[bool],
    rules: QueueRules,
) -> None:
    with writing():
        lead = db.session.scalars(
            sa.select(Lead)
            .where(Lead.id == lead_id, condition)
            .with_for_update(of=Lead)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if lead is not None:  # somebody acted meanwhile
            act(lead, rules)


def _timer_is_out(moment: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(Lead.return_at <= moment, Lead.closed_at.is_(None))


def _take_back(lead: Lead, rules: QueueRules) -> None:
    if lead.state == Stage.OFFERED:
        record(lead, "handoff_expired", "system", rules=rules)
        return
    record(lead, "returned", "system", rules=rules, reason="timer")
    if lead.returns >= rules.most_returns:
        record(lead, "escalated", "system", rules=rules, reason="returns")


def _sleeps_until(moment: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(Lead.state == Stage.NURTURE, Lead.due_at <= moment, Lead.closed_at.is_(None))


def _wake(lead: Lead, rules: QueueRules) -> None:
    record(lead, "woke", "system", rules=rules)


def _is_neglected(moment: datetime) -> sa.ColumnElement[bool]:
    """Waits past its promise, and no supervisor has been told."""
    return sa.and_(
        Lead.state == Stage.WAITING,
        Lead.due_at <= moment,
        Lead.turn != Turn.SUPERVISOR,
        Lead.is_suspect.is_(False),
        Lead.closed_at.is_(None),
    )


def _escalate(lead: Lead, rules: QueueRules) -> None:
    record(lead, "escalated", "system", rules=rules, reason="late")


def _is_overdue(moment: datetime) -> sa.ColumnElement[bool]:
    """In somebody's hands, its next step past its date, and no supervisor was told of that date:
    once, also when a supervisor gave it back."""
    told = sa.exists().where(
        LeadEvent.lead_id == Lead.id,
        LeadEvent.kind == "escalated",
        LeadEvent.data["reason"].as_string() == STUCK,
        LeadEvent.at >= Lead.due_at,
    )
    return sa.and_(
        Lead.closed_at.is_(None),
        Lead.state.in_([stage.value for stage in IN_WORK - {Stage.ASSIGNED}]),
        Lead.turn != Turn.SUPERVISOR,
        Lead.due_at <= moment,
        Lead.is_suspect.is_(False),
        ~told,
    )


def _stuck(moment: datetime, rules: QueueRules) -> list[int]:
    """Whose next step is so long overdue, in the store's working time, that a supervisor has it.
    What is younger on the clock already cannot be: those are not looked at."""
    found: list[int] = []
    in_time: set[int | None] = set()  # what was due later there is so too
    since = moment - timedelta(minutes=rules.overdue.late)
    rows = db.session.execute(
        sa.select(Lead.id, Lead.store_id, Lead.due_at)
        .where(_is_overdue(since))
        .order_by(Lead.due_at, Lead.id)
    )
    for lead_id, store_id, due_at in rows:
        if store_id in in_time:
            continue
        if add_working(schedule_for(store_id), due_at, rules.overdue.late) > moment:
            in_time.add(store_id)
            continue
        found.append(lead_id)
        if len(found) == MOST_AT_ONCE:
            break
    return found


def _escalate_stuck(lead: Lead, rules: QueueRules) -> None:
    record(lead, "escalated", "system", rules=rules, reason=STUCK)


def _place_leads(rules: QueueRules) -> None:
    """A lead for which nobody named a store would be seen by nobody who is bound to stores: the
    first open store that has its department gets it, and its history says so."""
    homeless = sa.and_(Lead.store_id.is_(None), Lead.closed_at.is_(None))
    stores = identity().stores
    if not stores:
        return
    for lead_id in db.session.scalars(_due(sa.select(Lead.id), homeless)).all():
        _one(lead_id, _place, homeless, rules)


def _place(lead: Lead, _rules: QueueRules) -> None:
    stores = identity().stores
    able = (one for one in stores if any(dep.kind == lead.department for dep in one.departments))
    store = next(able, stores[0])
    lead.store_id = store.id
    record(lead, "placed", "system", store_id=store.id, store_rule="first_store")


def late_at(store_id: int | None, urgency: int, due_at: datetime, rules: QueueRules) -> datetime:
    """When a waiting lead that was promised for `due_at` is not only overdue but late."""
    target = rules.target(urgency)
    return add_working(schedule_for(store_id), due_at, target.late - target.minutes)


def _has_no_one() -> sa.ColumnElement[bool]:
    """In the hands of somebody whose account is closed, and no supervisor has been told."""
    gone = sa.select(StaffMember.id).where(StaffMember.active.is_(False))
    return sa.and_(
        Lead.closed_at.is_(None),
        Lead.state.in_([stage.value for stage in OPEN - {Stage.WAITING, Stage.NURTURE}]),
        Lead.turn != Turn.SUPERVISOR,
        sa.or_(Lead.owner_id.is_(None), Lead.owner_id.in_(gone)),
    )


def _free_for_good(lead: Lead, rules: QueueRules) -> None:
    """Whoever left the house leaves no lead behind: an attendant's waits for the next one, a
    seller's goes to the supervisors, who know the deal."""
    if lead.state in ATTENDED:
        record(lead, "returned", "system", rules=rules, reason="left")
    else:
        record(lead, "escalated", "system", rules=rules, reason="left")


def _free_what_is_left(people: list[Attendant], rules: QueueRules) -> None:
    """Whoever left the shift with leads they never started gives them back: to the top of the
    queue, since the promise stays the old one."""
    left = [one.staff_id for one in people if not one.is_on_shift and not one.is_present]
    condition = sa.and_(
        Lead.state == Stage.ASSIGNED,
        Lead.owner_id.in_(left),
        Lead.closed_at.is_(None),
    )
    for lead_id in db.session.scalars(
        sa.select(Lead.id).where(condition).order_by(Lead.id).limit(MOST_AT_ONCE)
    ).all():
        _one(lead_id, _free, condition, rules)


def _free(lead: Lead, rules: QueueRules) -> None:
    record(lead, "returned", "system", rules=rules, reason="shift_end")


JOBS = {"tend_queue": tend_queue}
