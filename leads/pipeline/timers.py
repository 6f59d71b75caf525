"""What time alone does to leads: taken back, escalated, woken, handoffs that ran out.

Everything is read from the leads' own dates, so a restart, a missed tick or a clock that jumped
changes only how late it is noticed. Each lead is a transaction of its own, looked at again under
its lock: a worker that dies in the middle, or a second one, does no harm.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
import structlog

from core.clock import now
from core.db import db, writing
from dealership.attendants import Attendant, attendants
from dealership.business_time import add_working
from leads.models import Lead
from leads.pipeline.clocks import schedule_for
from leads.pipeline.handing_out import hand_out
from leads.pipeline.log import record
from leads.pipeline.rules import QueueRules, rules_at
from leads.pipeline.stages import Stage, Turn

MOST_AT_ONCE: Final = 200  # a pass; the next one, seconds later, goes on
log = structlog.get_logger("vitrine.queue")


def tend_queue(_payload: Any = None) -> None:
    """Job: one pass over everything that is due."""
    moment = now()
    rules = rules_at(moment)
    for condition, act in (
        (_timer_is_out(moment), _take_back),
        (_sleeps_until(moment), _wake),
        (_is_neglected(moment), _escalate),
    ):
        found = db.session.scalars(
            sa.select(Lead).where(condition).order_by(Lead.due_at, Lead.id).limit(MOST_AT_ONCE)
        ).all()
        # Between its target and "late" the queue has another chance.
        due = [one.id for one in found if act is not _escalate or late_at(one, rules) <= moment]
        for lead_id in due:
            _one(lead_id, act, condition, rules)
    _free_what_is_left(attendants(moment), rules)
    hand_out()


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


def late_at(lead: Lead, rules: QueueRules) -> datetime:
    """When a waiting lead whose promise is `lead.due_at` is not only overdue but late."""
    target = rules.target(lead.urgency)
    return add_working(schedule_for(lead.store_id), lead.due_at, target.late - target.minutes)


def _free_what_is_left(people: list[Attendant], rules: QueueRules) -> None:
    """Whoever left the shift with leads they never started gives them back: to the top of the
    queue, since the promise stays the old one."""
    left = [one.staff_id for one in people if not one.is_on_shift and not one.is_present]
    condition = sa.and_(
        Lead.state == Stage.ASSIGNED,
        Lead.owner_id.in_(left),
        Lead.first_contact_at.is_(None),
        Lead.closed_at.is_(None),
    )
    for lead_id in db.session.scalars(
        sa.select(Lead.id).where(condition).order_by(Lead.id).limit(MOST_AT_ONCE)
    ).all():
        _one(lead_id, _free, condition, rules)


def _free(lead: Lead, rules: QueueRules) -> None:
    record(lead, "returned", "system", rules=rules, reason="shift_end")


JOBS = {"tend_queue": tend_queue}
