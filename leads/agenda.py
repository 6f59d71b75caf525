"""The agenda of the stores: who comes, who confirmed, who came, who did not; and what one does.

Where a visit stands follows from its marks and the clock. Whoever did not come is called within
half an hour, tried three times and then sleeps until a date (the cadence `no_show`); of whoever
was expected somebody says what came of it, or it stands on the red list (`rules.outcome`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db
from core.errors import DomainError
from leads.inbox import within
from leads.models import Appointment, Lead, Person
from leads.pipeline.log import may_happen, record

LATE_AFTER: Final = timedelta(minutes=10)  # traffic is no absence
MOST: Final = 400
COUNTED_DAYS: Final = 30


class Standing(StrEnum):
    """Where one visit stands."""

    TO_CONFIRM = "to_confirm"
    CONFIRMED = "confirmed"
    LATE = "late"  # its time came and nobody said that they are there
    ARRIVED = "arrived"
    MISSED = "missed"


class NotReady(DomainError):
    """The request behind the visit is just coming in."""


@dataclass(frozen=True)
class Visit:
    """One visit of the agenda with whose it is."""

    appointment: Appointment
    lead: Lead | None
    person: Person | None
    standing: Standing


@dataclass(frozen=True)
class ShowRate:
    """Of visits that somebody said what came of: how many came."""

    came: int
    missed: int

    @property
    def known(self) -> int:
        return self.came + self.missed

    @property
    def percent(self) -> int | None:
        return round(100 * self.came / self.known) if self.known else None


def standing_of(appointment: Appointment, moment: datetime) -> Standing:
    """Where the visit stands at `moment`."""
    if appointment.arrived_at is not None:
        return Standing.ARRIVED
    if appointment.missed_at is not None:
        return Standing.MISSED
    if moment >= appointment.starts_at + LATE_AFTER:
        return Standing.LATE
    return Standing.CONFIRMED if appointment.confirmed_at else Standing.TO_CONFIRM


def visits(
    since: datetime,
    until: datetime,
    *,
    store_ids: Collection[int] | None,
    staff_id: int | None = None,
) -> list[Visit]:
    """The visits booked from `since` on and before `until`, in their order; those of the leads
    that one colleague has, with `staff_id`. One statement."""
    rows = (
        sa.select(Appointment, Lead, Person)
        .outerjoin(Lead, Lead.id == Appointment.lead_id)
        .outerjoin(Person, Person.id == Lead.person_id)
        .where(Appointment.state == "booked")
        .where(Appointment.starts_at >= since, Appointment.starts_at < until)
        .where(within(Appointment.store_id, store_ids))
        .order_by(Appointment.starts_at, Appointment.id)
        .limit(MOST)
    )
    if staff_id is not None:
        rows = rows.where(
            sa.or_(
                Lead.owner_id == staff_id, Lead.attendant_id == staff_id, Lead.seller_id == staff_id
            )
        )
    moment = now()
    return [Visit(*row, standing_of(row[0], moment)) for row in db.session.execute(rows)]


def show_rates(store_ids: Collection[int] | None) -> dict[int, ShowRate]:
    """Per store, of the last thirty days. One statement."""
    moment = now()
    rows = db.session.execute(
        sa.select(
            Appointment.store_id,
            sa.func.count(Appointment.arrived_at),
            sa.func.count(Appointment.missed_at),
        )
        .select_from(Appointment)
        .outerjoin(Lead, Lead.id == Appointment.lead_id)
        .where(Appointment.state == "booked", within(Appointment.store_id, store_ids))
        .where(Lead.is_test.is_not(True))
        .where(Appointment.starts_at >= moment - timedelta(days=COUNTED_DAYS))
        .where(Appointment.starts_at < moment)
        .group_by(Appointment.store_id)
    )
    return {store_id: ShowRate(came, missed) for store_id, came, missed in rows}


def total(rates: Sequence[ShowRate]) -> ShowRate:
    """All of them together."""
    return ShowRate(sum(one.came for one in rates), sum(one.missed for one in rates))


def confirm(appointment: Appointment, *, by: str) -> bool:
    """They said that they come; whether that was news. Inside `writing()`; `by` is a staff e-mail
    or "person"."""
    lead = _lead(appointment)
    if appointment.confirmed_at is not None or appointment.state != "booked":
        return False
    appointment.confirmed_at = now()
    record(lead, "visit_confirmed", by, appointment_id=appointment.id)
    return True


def arrive(appointment: Appointment, *, by: str) -> bool:
    """They are in the store; whether that was news. Inside `writing()`. A lead that nobody has yet
    comes first in the queue: somebody stands at the door."""
    lead = _lead(appointment)
    if appointment.arrived_at is not None or appointment.state != "booked":
        return False
    if may_happen(lead, "visited"):
        record(lead, "visited", by, appointment_id=appointment.id, channel="visit")
        return True
    appointment.arrived_at, appointment.missed_at = now(), None
    record(lead, "arrived", by, appointment_id=appointment.id)
    if lead.closed_at is None:
        record(lead, "reply", by, channel="visit")
    return True


def miss(appointment: Appointment, *, by: str) -> bool:
    """They did not come; whether that was news. Inside `writing()`. The rescue begins: a call
    within half an hour. Raises AppointmentAhead."""
    lead = _lead(appointment)
    if appointment.missed_at is not None or appointment.arrived_at is not None:
        return False
    if appointment.state != "booked":
        return False
    if appointment.starts_at > now():
        raise AppointmentAhead(_("Their time has not come yet."))
    if may_happen(lead, "no_show"):
        record(lead, "no_show", by, appointment_id=appointment.id)
        return True
    appointment.missed_at = now()
    record(lead, "note", by, words=str(_("Did not come")), appointment_id=appointment.id)
    return True


class AppointmentAhead(DomainError):
    """Nobody can have missed what has not begun."""


def _lead(appointment: Appointment) -> Lead:
    """The visit's lead, the visit looked at again: of two who press at once the second sees what
    the first did. Raises NotReady."""
    if appointment.lead_id is None:
        raise NotReady(_("This request is just coming in. Try again in a moment."))
    lead = db.session.get_one(Lead, appointment.lead_id, with_for_update={"of": Lead})
    db.session.refresh(appointment, with_for_update=True)
    return lead
