"""Taking the steps of a cadence: each attempt to reach somebody says when the next one is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from dealership.business_time import effective_start
from leads.models import Lead, LeadEvent
from leads.pipeline.cadences import (
    CADENCES,
    SAME_SITTING,
    Cadence,
    CadenceRun,
    CadenceStep,
    Step,
    due_after,
)
from leads.pipeline.clocks import schedule_for
from leads.pipeline.log import record
from leads.pipeline.stages import TRANSITIONS, Stage

# What we do to reach somebody who has not answered yet.
TOUCHES: Final = frozenset({"attempted", "human_contact"})
MOST_AT_ONCE: Final = 200


@dataclass(frozen=True)
class Progress:
    """Where a lead is on its cadence: `taken` steps of `cadence`, the last one at `last_at`."""

    run: CadenceRun
    cadence: Cadence
    taken: int
    last_at: datetime

    @property
    def next(self) -> Step | None:
        """The step that is due next; None when all are taken."""
        steps = self.cadence.steps
        return steps[self.taken] if self.taken < len(steps) else None

    @property
    def number(self) -> int:
        """The step that is due next, from 1; the last one when all are taken."""
        return min(self.taken + 1, len(self.cadence.steps))


def progress_of(lead: Lead) -> Progress | None:
    """Where `lead` is on the cadence that holds for it. One statement."""
    row = db.session.execute(
        sa.select(
            CadenceRun,
            sa.func.max(CadenceStep.number),
            sa.func.max(CadenceStep.at, type_=CadenceStep.at.type),
        )
        .join(CadenceStep, CadenceStep.run_id == CadenceRun.id)
        .where(
            CadenceRun.lead_id == lead.id,
            CadenceRun.ended_at.is_(None),
            CadenceRun.stage == lead.state,
            CadenceRun.cadence.in_(CADENCES),
        )
        .group_by(CadenceRun.id)
    ).one_or_none()
    return Progress(row[0], CADENCES[row[0].cadence], row[1], row[2]) if row else None


def touch(
    lead: Lead, kind: str, actor: str, *, at: datetime | None = None, **facts: Any
) -> LeadEvent:
    """As `leads.pipeline.log.record`, and for an attempt to reach who has not answered yet, the
    next step of the cadence becomes the lead's next action. Inside `writing()`; a second touch in
    the same half an hour belongs to the same step. Raises what `record` does."""
    db.session.flush()
    db.session.refresh(lead, with_for_update=True)
    cadence = _cadence_for(lead, kind)
    if cadence is None:
        return record(lead, kind, actor, at=at, **facts)
    moment = at or now()
    progress = progress_of(lead)
    if progress is None:
        return _begin(lead, cadence, kind, actor, moment, facts)
    return _go_on(lead, progress, kind, actor, moment, facts)


def _cadence_for(lead: Lead, kind: str) -> Cadence | None:
    """The cadence of the stage at which `kind` leaves the lead."""
    if kind not in TOUCHES:
        return None
    stage = TRANSITIONS[kind].to.get(Stage(lead.state))
    return next((one for one in CADENCES.values() if one.stage == stage), None)


def _begin(
    lead: Lead, cadence: Cadence, kind: str, actor: str, at: datetime, facts: dict[str, Any]
) -> LeadEvent:
    event = _record_step(lead, cadence, 1, kind, actor, at, facts)
    last = sa.select(sa.func.max(CadenceRun.number)).where(
        CadenceRun.lead_id == lead.id, CadenceRun.cadence == cadence.code
    )
    run = CadenceRun(
        lead_id=lead.id,
        cadence=cadence.code,
        number=(db.session.scalar(last) or 0) + 1,
        stage=cadence.stage,
        started_at=at,
    )
    db.session.add(run)
    db.session.flush()
    _keep_step(lead, run, cadence, 1, event)
    return event


def _go_on(
    lead: Lead, progress: Progress, kind: str, actor: str, at: datetime, facts: dict[str, Any]
) -> LeadEvent:
    cadence, taken = progress.cadence, progress.taken
    if progress.next is None or at - progress.last_at < SAME_SITTING:
        same = {"action": lead.next_action, "due_at": lead.due_at.isoformat()}
        told = {**same, **facts, "cadence": cadence.code, "step": taken}
        return record(lead, kind, actor, at=at, **told)
    event = _record_step(lead, cadence, taken + 1, kind, actor, at, facts)
    _keep_step(lead, progress.run, cadence, taken + 1, event)
    return event


def _record_step(
    lead: Lead,
    cadence: Cadence,
    number: int,
    kind: str,
    actor: str,
    at: datetime,
    facts: dict[str, Any],
) -> LeadEvent:
    """The event that takes step `number`, with the date of the one after it."""
    if number < len(cadence.steps):
        following = cadence.steps[number]
        action, due = following.action, due_after(following, at, schedule_for(lead.store_id))
    else:
        action, due = "follow_up", _after_grace(lead, cadence, at)
    told = {"action": action, "due_at": due.isoformat(), **facts}
    return record(lead, kind, actor, at=at, **{**told, "cadence": cadence.code, "step": number})


def _keep_step(
    lead: Lead, run: CadenceRun, cadence: Cadence, number: int, event: LeadEvent
) -> None:
    db.session.add(CadenceStep(run_id=run.id, number=number, event_id=event.id, at=event.at))
    if number == len(cadence.steps):
        run.sleeps_at = _after_grace(lead, cadence, event.at)
    db.session.flush()


def _after_grace(lead: Lead, cadence: Cadence, at: datetime) -> datetime:
    """Until when an answer to the last step is waited for."""
    return effective_start(schedule_for(lead.store_id), at + timedelta(days=cadence.grace_days))


def tend_cadences(_payload: Any = None) -> None:
    """Job: who did not answer to any step of a cadence rests until a date. Each lead is a
    transaction of its own and looked at again under its lock: a worker that dies, or a second one,
    does no harm."""
    due = sa.select(CadenceRun.lead_id).where(_is_used_up(now()))
    for lead_id in db.session.scalars(due.order_by(CadenceRun.sleeps_at).limit(MOST_AT_ONCE)).all():
        with writing():
            _let_rest(lead_id)


def _is_used_up(moment: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(CadenceRun.ended_at.is_(None), CadenceRun.sleeps_at <= moment)


def _let_rest(lead_id: int) -> None:
    lead = db.session.get(Lead, lead_id, with_for_update=True, populate_existing=True)
    run = db.session.scalars(
        sa.select(CadenceRun)
        .where(CadenceRun.lead_id == lead_id, _is_used_up(now()))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if lead is None or run is None:  # somebody was quicker
        return
    cadence = CADENCES.get(run.cadence)
    if cadence is None or lead.state != run.stage:
        run.ended_at, run.end_reason = now(), "unknown"
        return
    wakes = effective_start(schedule_for(lead.store_id), now() + timedelta(days=cadence.rest_days))
    record(lead, "slept", "system", due_at=wakes.isoformat(), cadence=cadence.code)


JOBS = {"tend_cadences": tend_cadences}
