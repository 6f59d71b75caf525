"""Cadences: when whom we did not reach is tried again, and how often until we let them rest.

A cadence holds while a lead stands at its stage and nothing comes from the person: a reply, a
booking, a talk, a stop, an end, whoever takes the lead back, all of them end it in the transaction
in which they happen (`follow`, called by `leads.pipeline.log.record`). Nothing is sent by itself:
a step is the lead's next dated action, and a person takes it.

The days and shifts of the first one follow the trade's playbook in Brazil: the first day twice,
then every other day at another time of day, and a goodbye on the seventh.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Literal

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Model, UtcDateTime, db
from dealership.business_time import add_working, effective_start
from dealership.hours import Schedule, local_day, spans_on
from leads.models import LeadEvent
from leads.pipeline.stages import UNDOING, Stage

Shift = Literal["end", "other"]  # before the store closes; at the other time of day than last time
SOON_MINUTES: Final = 60  # never sooner than that after the step before; and before closing
SAME_SITTING: Final = timedelta(minutes=30)  # a call and the message after it are one step
INBOUND: Final = frozenset({"enquiry", "reply", "booked"})
# Hours of a day at a store that never said when it is open.
_USUAL: Final = (time(9), time(18))


@dataclass(frozen=True)
class Step:
    """One touch: `days` calendar days after the one before, at `shift` of the day; `situation`
    says which texts suit it (leads.message_templates.SITUATIONS)."""

    action: str  # of leads.words.NEXT_ACTIONS
    situation: str
    days: int = 0
    shift: Shift = "end"


@dataclass(frozen=True)
class Cadence:
    """Steps for a lead at `stage`; the first one is whatever opens it. Then `grace_days` for an
    answer, and sleep for `rest_days`."""

    code: str
    name: LazyString
    stage: Stage
    steps: tuple[Step, ...]
    rest_days: int
    grace_days: int = 1


CADENCES: Final[Mapping[str, Cadence]] = {
    one.code: one
    for one in (
        Cadence(
            "first_contact",
            _l("First contact, seven days"),
            Stage.TRYING,
            (
                Step("call", "first_answer"),
                Step("call", "no_answer"),
                Step("message", "no_answer", days=1, shift="other"),
                Step("call", "no_answer", days=2, shift="other"),
                Step("message", "goodbye", days=3, shift="other"),
            ),
            rest_days=30,
        ),
        Cadence(
            "no_show",
            _l("Did not come, two days"),
            Stage.NO_SHOW,
            (
                Step("call", "no_show"),
                Step("message", "no_show"),
                Step("call", "no_show", days=1, shift="other"),
            ),
            rest_days=14,
        ),
    )
}


class CadenceRun(Model):
    """A lead on a cadence, for the `number`th time."""

    __tablename__ = "cadence_run"
    __table_args__ = (
        sa.UniqueConstraint("lead_id", "cadence", "number"),
        # One at a time, whoever races.
        sa.Index(
            "uq_cadence_run_live",
            "lead_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index(
            "ix_cadence_run_sleeps_at",
            "sleeps_at",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("lead.id", ondelete="CASCADE"))
    cadence: Mapped[str] = mapped_column(sa.String(20))
    number: Mapped[int] = mapped_column(sa.SmallInteger)
    stage: Mapped[str] = mapped_column(sa.String(12))  # at which it holds
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sleeps_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # once all steps are taken
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[str] = mapped_column(sa.String(30), default="")  # the kind of that event
    ended_by_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("lead_event.id", ondelete="SET NULL"), index=True
    )


class CadenceStep(Model):
    """A step that was taken: each once, whoever races."""

    __tablename__ = "cadence_step"

    run_id: Mapped[int] = mapped_column(
        sa.ForeignKey("cadence_run.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)  # from 1
    event_id: Mapped[int] = mapped_column(
        sa.ForeignKey("lead_event.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)


def due_after(step: Step, at: datetime, schedule: Schedule) -> datetime:
    """When `step` is due if the one before it was taken at `at`: an instant in UTC at which the
    store is open, an hour of working time later at the earliest."""
    soonest = add_working(schedule, at, SOON_MINUTES)
    opens, closes = _open_day(schedule, at, step.days)
    if step.shift == "end":
        due = closes - timedelta(minutes=SOON_MINUTES)
    else:
        first, last = _open_day(schedule, at, 0)
        was_early = at < first + (last - first) / 2
        due = opens + (closes - opens) * (0.75 if was_early else 0.25)
    return max(soonest, effective_start(schedule, due))


def _open_day(schedule: Schedule, at: datetime, days: int) -> tuple[datetime, datetime]:
    """When the store opens and closes on the first open day from `days` days after `at` on."""
    day = local_day(schedule, at) + timedelta(days=days)
    midnight = datetime.combine(day, time(), tzinfo=schedule.zone)
    day = max(day, local_day(schedule, effective_start(schedule, midnight)))
    spans = list(spans_on(schedule, day))
    if spans:
        return spans[0].start, max(span.end for span in spans)
    opens, closes = (datetime.combine(day, one, tzinfo=schedule.zone) for one in _USUAL)
    return opens, closes


def follow(event: LeadEvent, stage: str) -> None:
    """End the run of the lead that `event` put at `stage`, if the run does not hold there or the
    person came back; undo with the event what it did. Inside the transaction of the event."""
    if event.kind in UNDOING:
        _take_back(event.data.get("undoes"))
        return
    live = sa.and_(CadenceRun.lead_id == event.lead_id, CadenceRun.ended_at.is_(None))
    db.session.execute(
        sa.update(CadenceRun)
        .where(live, sa.true() if event.kind in INBOUND else CadenceRun.stage != stage)
        .values(ended_at=event.at, end_reason=event.kind, ended_by_id=event.id),
        execution_options={"synchronize_session": "fetch"},
    )


def _take_back(event_id: int | None) -> None:
    fetch = {"synchronize_session": "fetch"}
    taken = db.session.execute(
        sa.delete(CadenceStep).where(CadenceStep.event_id == event_id).returning(CadenceStep.run_id)
    ).scalars()
    for run_id in taken.all():
        is_empty = ~sa.exists().where(CadenceStep.run_id == run_id)
        mine = CadenceRun.id == run_id
        db.session.execute(sa.delete(CadenceRun).where(mine, is_empty), execution_options=fetch)
        db.session.execute(
            sa.update(CadenceRun).where(mine).values(sleeps_at=None), execution_options=fetch
        )
    db.session.execute(
        sa.update(CadenceRun)
        .where(CadenceRun.ended_by_id == event_id)
        .values(ended_at=None, end_reason="", ended_by_id=None),
        execution_options=fetch,
    )
