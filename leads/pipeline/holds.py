"""Cars that are kept for somebody: one hold per car, whoever races, until an instant.

A lead that reserves its car holds it in the stock in the same transaction; whatever ends the
reservation lets the car go. The other way round, what the stock says of a held car is followed by
`leads.waiting_line`, which also knows who waits for it. The lead is locked first, then the car.

DomainError
└── CarHeld    the car is kept for somebody else, or is not for sale any more
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now, read_instant
from core.db import Model, UtcDateTime, db
from core.errors import DomainError
from inventory.lifecycle import NotPublishable, move
from inventory.models import Vehicle
from leads.models import Lead, LeadEvent
from leads.pipeline.stages import Stage

HELD_DAYS: Final = 3  # when a reservation says no date that can be read
_LIVE: Final[dict[str, Any]] = {
    "sqlite_where": sa.text("ended_at IS NULL"),
    "postgresql_where": sa.text("ended_at IS NULL"),
}


class CarHeld(DomainError):
    """The car is kept for somebody else, or is not for sale any more."""


class WaitingPlace(Model):
    """One person's place in the line for a car that is held. `number` only grows, car by car; who
    is next is the lowest that has not ended."""

    __tablename__ = "waiting_place"
    __table_args__ = (
        sa.UniqueConstraint("vehicle_id", "number"),
        # One place per person, whoever races.
        sa.Index("uq_waiting_place_live", "vehicle_id", "who_digest", unique=True, **_LIVE),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vehicle_id: Mapped[int] = mapped_column(sa.ForeignKey("vehicle.id", ondelete="CASCADE"))
    submission_id: Mapped[str] = mapped_column(sa.ForeignKey("submission.id"), unique=True)
    # Known once the submission was read: the place is taken before that.
    person_id: Mapped[int | None] = mapped_column(sa.ForeignKey("person.id"), index=True)
    lead_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lead.id"), index=True)
    who_digest: Mapped[str] = mapped_column(sa.String(64))  # leads.holdings.contact_digest
    token: Mapped[str] = mapped_column(sa.String(43), unique=True)  # opens their page
    number: Mapped[int]
    text_digest: Mapped[str] = mapped_column(sa.String(64))  # of the wording they were shown
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    turn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # "I want it", in their turn
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # left, missed (the turn ran out), used, sold, gone, same (another place of theirs), erased
    end_reason: Mapped[str] = mapped_column(sa.String(10), default="")
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # that it was sold


class CarHold(Model):
    """A car kept for a lead, or for whose turn it is in the line, until an instant."""

    __tablename__ = "car_hold"
    __table_args__ = (
        sa.Index("uq_car_hold_live", "vehicle_id", unique=True, **_LIVE),
        sa.Index("ix_car_hold_until", "until", **_LIVE),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    vehicle_id: Mapped[int] = mapped_column(sa.ForeignKey("vehicle.id", ondelete="CASCADE"))
    lead_id: Mapped[int | None] = mapped_column(sa.ForeignKey("lead.id"), index=True)
    place_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("waiting_place.id", ondelete="CASCADE"), index=True
    )
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(sa.String(160))  # a staff e-mail, "system"
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # lapsed, lifted, sold, withdrawn (off the site), used, won, left
    end_reason: Mapped[str] = mapped_column(sa.String(10), default="")


def live_hold(vehicle_id: int) -> CarHold | None:
    """The hold on that car, if there is one."""
    return db.session.scalars(
        sa.select(CarHold)
        .where(CarHold.vehicle_id == vehicle_id, CarHold.ended_at.is_(None))
        .execution_options(populate_existing=True)
    ).one_or_none()


def locked_car(vehicle_id: int) -> Vehicle | None:
    """The car, which nobody else holds, frees or sells until the transaction ends."""
    return db.session.scalars(
        sa.select(Vehicle)
        .where(Vehicle.id == vehicle_id)
        .with_for_update(of=Vehicle)
        .execution_options(populate_existing=True)
    ).one_or_none()


def keep_in_step(lead: Lead, before: Stage, event: LeadEvent) -> None:
    """Hold the car of a lead that was just reserved, and let it go when that ended. Inside the
    transaction of `event`, which `leads.pipeline.log.record` is writing. Raises CarHeld."""
    if event.kind == "reserved":
        _hold(lead, event)
    elif before is Stage.RESERVED and lead.state != Stage.RESERVED:
        let_go(lead, event.kind, event.actor)


def let_go(lead: Lead, why: str, by: str) -> None:
    """End what `lead` holds because of the event `why`: one car, or two after a merge. A car is for
    sale again, unless it was sold to them: that is said in the stock."""
    if why == "merged":  # the hold goes on with the lead that lives on
        return
    mine = sa.select(CarHold).where(CarHold.lead_id == lead.id, CarHold.ended_at.is_(None))
    for held in db.session.scalars(mine.order_by(CarHold.vehicle_id)).all():
        car = locked_car(held.vehicle_id)
        is_won = why == "won" and held.vehicle_id == lead.vehicle_id
        end_hold(held, "won" if is_won else "lifted")
        if car is not None and car.state == "reserved" and not is_won:
            put_back(car, by)


def hold_again(lead: Lead, event: LeadEvent) -> None:
    """The lead stands as reserved again, since `event` took the end of it back. Raises CarHeld
    when the car is somebody else's by now."""
    _hold(lead, event)


def end_hold(held: CarHold, reason: str) -> None:
    """The hold is over; where the car stands is the caller's to say."""
    held.ended_at, held.end_reason = now(), reason
    db.session.flush()


def put_back(car: Vehicle, by: str) -> bool:
    """For sale again. A car that may not be published stays reserved: the stock's own list of
    long reservations tells of it."""
    with suppress(NotPublishable):
        return move(car, "published", by)
    return False


def _hold(lead: Lead, event: LeadEvent) -> None:
    """Keep the lead's car until the reservation's date; a second time only moves the date."""
    car = locked_car(lead.vehicle_id) if lead.vehicle_id else None
    if car is None:  # they agreed on no car of ours yet: there is nothing to keep
        return
    until = _until(lead, event)
    held = live_hold(car.id)
    if held is not None and held.lead_id == lead.id and held.place_id is None:
        held.until = until
        return
    if held is not None and not is_turn_of(held, lead):
        raise CarHeld(_("This car is kept for somebody else. They can join its line on the site."))
    if held is not None:
        end_hold(held, "used")
    elif car.state not in {"published", "reserved"}:
        raise CarHeld(_("This car is not for sale any more."))
    db.session.add(CarHold(vehicle_id=car.id, lead_id=lead.id, until=until, by=event.actor))
    db.session.flush()
    use_place(lead, car.id)
    move(car, "reserved", event.actor)


def _until(lead: Lead, event: LeadEvent) -> datetime:
    text = event.data.get("due_at")
    if isinstance(text, str):
        return read_instant(text)
    return lead.due_at if lead.due_at > event.at else event.at + timedelta(days=HELD_DAYS)


def is_turn_of(held: CarHold, lead: Lead) -> bool:
    """Whether the car is kept for the person of `lead`, whose turn it is in the line."""
    place = db.session.get(WaitingPlace, held.place_id) if held.place_id else None
    return place is not None and lead.person_id == place.person_id


def use_place(lead: Lead, vehicle_id: int) -> None:
    """Who has the car does not wait for it any more."""
    db.session.execute(
        sa.update(WaitingPlace)
        .where(WaitingPlace.vehicle_id == vehicle_id, WaitingPlace.person_id == lead.person_id)
        .where(WaitingPlace.ended_at.is_(None))
        .values(ended_at=now(), end_reason="used"),
        execution_options={"synchronize_session": "fetch"},
    )
