"""What a lead's log says of a visit, kept at the visit too: that they came, or did not.

A mark carries the instant of its event, so that an event that is taken back takes its mark along.
"""

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from core.db import db
from leads.models import Appointment, LeadEvent
from leads.pipeline.stages import UNDOING

MARKS: Final = {"visited": "arrived_at", "no_show": "missed_at"}
EARLY: Final = timedelta(hours=12)  # whoever comes today comes for today's visit
_FETCH: Final = {"synchronize_session": "fetch"}


def follow(event: LeadEvent) -> None:
    """Mark the visit that `event` is about, or take the mark of an undone one away. Inside the
    event's transaction; nothing for other events."""
    if event.kind in MARKS:
        _mark(event)
    elif event.kind in UNDOING and event.data.get("undoes"):
        _unmark(event)


def _mark(event: LeadEvent) -> None:
    visit = _named(event) or _next_of(event)
    if visit is None:
        return
    visit.arrived_at = visit.missed_at = None
    setattr(visit, MARKS[event.kind], event.at)
    db.session.flush()


def _named(event: LeadEvent) -> Appointment | None:
    number = event.data.get("appointment_id")
    visit = db.session.get(Appointment, number) if isinstance(number, int) else None
    return visit if visit is not None and visit.lead_id == event.lead_id else None


def _next_of(event: LeadEvent) -> Appointment | None:
    """The newest visit that has begun, or begins today, and is not marked yet."""
    return db.session.scalars(
        sa.select(Appointment)
        .where(Appointment.lead_id == event.lead_id, Appointment.state == "booked")
        .where(Appointment.starts_at <= event.at + EARLY, Appointment.arrived_at.is_(None))
        .order_by(Appointment.starts_at.desc(), Appointment.id.desc())
        .limit(1)
    ).first()


def _unmark(event: LeadEvent) -> None:
    undone = db.session.get(LeadEvent, event.data["undoes"])
    if undone is None or undone.kind not in MARKS:
        return
    column = getattr(Appointment, MARKS[undone.kind])
    db.session.execute(
        sa.update(Appointment)
        .where(Appointment.lead_id == event.lead_id, column == undone.at)
        .values({MARKS[undone.kind]: None}),
        execution_options=_FETCH,
    )
