"""A sale starts the catch-ups; whatever takes the sale back cancels them.

`follow` is called with every event of a lead, in its transaction.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from core.db import db
from dealership.business_time import effective_start
from dealership.hours import local_day
from leads.models import Lead, LeadEvent
from leads.outreach.models import CatchUp, Delivery
from leads.pipeline.clocks import schedule_for
from leads.pipeline.stages import UNDOING


@dataclass(frozen=True)
class Talk:
    """One talk of the plan: so many days after the delivery, about what."""

    days: int
    about: LazyString


# Four good talks earn the question for names of others.
PLAN: Final = (
    Talk(3, _l("Is all well with the car?")),
    Talk(30, _l("How was the first month?")),
    Talk(180, _l("Is the first service booked?")),
    Talk(365, _l("A year with the car: what comes next?")),
)
_ENDS: Final = frozenset({"reopened", "erased"})


def follow(event: LeadEvent, lead: Lead) -> None:
    """Plan the catch-ups of a sale, or cancel them. Inside `writing()`."""
    if event.kind == "won" and not lead.is_test:
        _plan(event, lead)
    elif event.kind in UNDOING:
        _cancel(Delivery.won_event_id == event.data.get("undoes"), event.at)
    elif event.kind in _ENDS:
        _cancel(Delivery.lead_id == lead.id, event.at)


def _plan(event: LeadEvent, lead: Lead) -> None:
    told = event.data.get("delivered_on")
    schedule = schedule_for(lead.store_id)
    day = date.fromisoformat(told) if told else local_day(schedule, event.at)
    delivery = Delivery(
        lead_id=lead.id,
        won_event_id=event.id,
        staff_id=lead.seller_id or lead.owner_id or lead.attendant_id,
        delivered_on=day,
        created_at=event.at,
    )
    delivery.catch_ups = [
        CatchUp(number=number, due_on=due_day(day, talk, lead.store_id))
        for number, talk in enumerate(PLAN, 1)
    ]
    db.session.add(delivery)


def due_day(delivered_on: date, talk: Talk, store_id: int | None) -> date:
    """The day of `talk`, or the next one on which the store is open."""
    schedule = schedule_for(store_id)
    midnight = datetime.combine(
        delivered_on + timedelta(days=talk.days), time(), tzinfo=schedule.zone
    )
    return local_day(schedule, effective_start(schedule, midnight))


def _cancel(which: sa.ColumnElement[bool], at: datetime) -> None:
    db.session.execute(
        sa.update(Delivery).where(which, Delivery.cancelled_at.is_(None)).values(cancelled_at=at),
        execution_options={"synchronize_session": "fetch"},
    )
