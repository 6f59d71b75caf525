"""Times in a store that a buyer can have, and who has them.

Times follow the store's real opening hours: from each opening on, one after the other, as long as
the visit still ends by closing. A store takes several visits at once, each in a seat of its own; a
car is driven by one person at a time.

DomainError
├── SlotTaken          the time is not free, or never was; it carries the nearest free ones
└── AppointmentOver    the time has come: nothing is left to cancel
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask_babel import format_datetime
from flask_babel import gettext as _
from icalendar import Calendar, Event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import selectinload

from core.clock import now
from core.config import current
from core.db import db
from core.errors import DomainError
from core.text import format_phone
from dealership.hours import Schedule, spans_on
from dealership.identity import StoreProfile, schedule_of
from dealership.models import Store
from leads.models import Appointment, Lead, Submission
from leads.pipeline.log import may_happen, note, record

NOTICE: Final = timedelta(hours=2)  # the store gets the car out and somebody ready
DAYS_AHEAD: Final = 14
NEAREST: Final = 3
MOST_VISITS: Final = 3  # one person's, still to come
_VALUE: Final = "%Y-%m-%dT%H:%MZ"
_LONGEST: Final = timedelta(hours=4)  # no visit of any kind is longer
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Rule:
    """How one kind of visit is given out: `seats` at once in a store, each `minutes` long."""

    minutes: int
    seats: int


RULES: Final = {
    "test_drive": Rule(minutes=30, seats=2),
    "visit": Rule(minutes=30, seats=4),
    "video": Rule(minutes=30, seats=2),
    "service": Rule(minutes=60, seats=3),
}


class Slot(NamedTuple):
    """A time that can be asked for: the instant in the store's zone, and the form's value."""

    starts_at: datetime
    value: str
    is_free: bool


class Day(NamedTuple):
    """A day of the store's calendar on which there are times, free or taken."""

    date: date
    slots: tuple[Slot, ...]


class SlotTaken(DomainError):
    """That time cannot be had. `nearest` are free times close to it, in order, perhaps none."""

    def __init__(self, words: str, nearest: Sequence[Slot]) -> None:
        super().__init__(words)
        self.nearest = tuple(nearest)


class AppointmentOver(DomainError):
    """The time has come or gone: nothing is left to cancel."""


class _Booked(NamedTuple):
    starts_at: datetime
    minutes: int
    seat: int
    is_here: bool  # in this store and of this kind, not only the same car
    vehicle_id: int | None


# ---- what is free ----


def slots(
    store: StoreProfile, kind: str, *, vehicle_id: int | None = None, days: int = DAYS_AHEAD
) -> list[Day]:
    """The times of `store` for a visit of `kind` (a key of RULES) within `days` days, the days
    without any left out. With `vehicle_id` a time is free when that car is, too. One statement."""
    starts = _starts(store.schedule, RULES[kind], days)
    taken = _taken(store.id, kind, vehicle_id, starts)
    found = _slots(store.schedule, kind, vehicle_id, starts, taken)
    return [
        Day(day, tuple(group)) for day, group in groupby(found, lambda slot: slot.starts_at.date())
    ]


def slot_value(starts_at: datetime) -> str:
    """How a time stands in a form: in UTC, '2026-11-24T13:30Z'."""
    return starts_at.astimezone(UTC).strftime(_VALUE)


def read_slot(text: str) -> datetime | None:
    """The instant that a form's value names, in UTC; None when it names none."""
    try:
        moment = datetime.strptime(text.strip()[:20], _VALUE).replace(tzinfo=UTC)
    except ValueError:
        return None
    # strptime also reads other alphabets' digits and fewer of them.
    return moment if slot_value(moment) == text.strip() else None


def _slots(
    schedule: Schedule,
    kind: str,
    vehicle_id: int | None,
    starts: Sequence[datetime],
    taken: Sequence[_Booked],
) -> list[Slot]:
    return [
        Slot(
            start.astimezone(schedule.zone),
            slot_value(start),
            bool(_free_seats(start, RULES[kind], taken, vehicle_id)),
        )
        for start in starts
    ]


def _starts(schedule: Schedule, rule: Rule, days: int) -> list[datetime]:
    """The instants, in UTC and in order, at which a visit can begin."""
    length = timedelta(minutes=rule.minutes)
    earliest = now() + NOTICE
    first = now().astimezone(schedule.zone).date()
    found: set[datetime] = set()  # hours may overlap
    for offset in range(-1, days):  # a night that began yesterday is still going on
        for span in spans_on(schedule, first + offset * _DAY):
            start = span.start
            while start + length <= span.end:
                if start >= earliest:
                    found.add(start)
                start += length
    return sorted(found)


def _taken(
    store_id: int, kind: str, vehicle_id: int | None, starts: Sequence[datetime]
) -> list[_Booked]:
    if not starts:
        return []
    is_here = sa.and_(Appointment.store_id == store_id, Appointment.kind == kind)
    rows = db.session.execute(
        sa.select(
            Appointment.starts_at,
            Appointment.minutes,
            Appointment.seat,
            is_here.label("is_here"),
            Appointment.vehicle_id,
        )
        .where(Appointment.state == "booked")
        .where(Appointment.starts_at.between(starts[0] - _LONGEST, starts[-1] + _LONGEST))
        .where(is_here if vehicle_id is None else is_here | (Appointment.vehicle_id == vehicle_id))
    )
    return [_Booked(*row) for row in rows]


def _free_seats(
    start: datetime, rule: Rule, taken: Sequence[_Booked], vehicle_id: int | None
) -> list[int]:
    """The seats left from `start` on; none when the car is out then."""
    end = start + timedelta(minutes=rule.minutes)
    clashing = [
        one
        for one in taken
        if one.starts_at < end and start < one.starts_at + timedelta(minutes=one.minutes)
    ]
    if vehicle_id is not None and any(one.vehicle_id == vehicle_id for one in clashing):
        return []
    used = {one.seat for one in clashing if one.is_here}
    return [seat for seat in range(rule.seats) if seat not in used]


# ---- booking ----


def book(
    kind: str,
    store_id: int,
    starts_at: datetime,
    vehicle_id: int | None,
    submission_id: str,
) -> Appointment:
    """Take the time `starts_at` (aware) for the submission. Inside `writing()`; through
    `accept(also=…)` a refusal leaves nothing behind.

    Everything is looked at again under a lock of the store's row, and the unique indexes have the
    last word without spoiling the caller's transaction. Raises SlotTaken.
    """
    rule = RULES[kind]
    schedule = _locked_schedule(store_id)
    starts = _starts(schedule, rule, DAYS_AHEAD) if schedule else []
    taken = _taken(store_id, kind, vehicle_id, starts)
    times = _slots(schedule, kind, vehicle_id, starts, taken) if schedule else []
    if starts_at not in starts:
        raise _refusal(_("We do not receive visits at that time."), starts_at, times)
    for seat in _free_seats(starts_at, rule, taken, vehicle_id):
        appointment = _insert(
            kind=kind,
            store_id=store_id,
            starts_at=starts_at,
            minutes=rule.minutes,
            vehicle_id=vehicle_id,
            submission_id=submission_id,
            seat=seat,
        )
        if appointment is not None:
            return appointment
    others = [slot for slot in times if slot.starts_at != starts_at]
    raise _refusal(_("Somebody has just taken that time."), starts_at, others)


def reschedule(appointment: Appointment, starts_at: datetime, *, by: str) -> None:
    """Move the visit to the time `starts_at` (aware), keeping count of how often it was moved; its
    code and its pages stay the same. Inside `writing()`; by is the actor of the lead's history.

    Raises SlotTaken and AppointmentOver (for one that was cancelled, or to which they came)."""
    if appointment.state != "booked" or appointment.arrived_at is not None:
        raise AppointmentOver(_("This visit is over: book a new one."))
    rule, schedule = RULES[appointment.kind], _locked_schedule(appointment.store_id)
    db.session.refresh(appointment)
    starts = _starts(schedule, rule, DAYS_AHEAD) if schedule else []
    own = appointment.starts_at, appointment.seat, appointment.vehicle_id
    taken = _taken(appointment.store_id, appointment.kind, appointment.vehicle_id, starts)
    taken = [one for one in taken if not _is_own(one, own)]
    if appointment.starts_at == starts_at:
        return
    seats = _free_seats(starts_at, rule, taken, appointment.vehicle_id)
    if starts_at not in starts or not seats:
        times = (
            _slots(schedule, appointment.kind, appointment.vehicle_id, starts, taken)
            if schedule
            else []
        )
        raise _refusal(_("That time is not free."), starts_at, times)
    appointment.starts_at, appointment.seat = starts_at, seats[0]
    appointment.moves += 1
    appointment.confirmed_at = appointment.missed_at = None
    db.session.flush()
    if appointment.lead_id is not None:
        facts: dict[str, Any] = {
            "appointment_id": appointment.id,
            "starts_at": starts_at.isoformat(),
            "moves": appointment.moves,
        }
        lead = db.session.get_one(Lead, appointment.lead_id)
        kind = "booked" if may_happen(lead, "booked") else "visit_moved"
        record(lead, kind, by, **facts)


def _is_own(one: _Booked, own: tuple[datetime, int, int | None]) -> bool:
    return one.is_here and (one.starts_at, one.seat, one.vehicle_id) == own


def holds_enough(phone: str, email: str) -> bool:
    """Whether whoever has this phone (E.164) or e-mail holds as many coming visits as one person
    may take: further wishes are kept without a time, and the store answers them."""
    given = Submission.payload["phone"].as_string(), Submission.payload["email"].as_string()
    same = [column == text for column, text in zip(given, (phone, email), strict=True) if text]
    if not same:
        return False
    held = db.session.scalar(
        sa.select(sa.func.count(Appointment.id))
        .join(Submission, Submission.id == Appointment.submission_id)
        .where(Appointment.state == "booked", Appointment.starts_at > now(), sa.or_(*same))
    )
    return (held or 0) >= MOST_VISITS


def _locked_schedule(store_id: int) -> Schedule | None:
    """The store's hours as they are now. Who books there next waits until we are done; on SQLite
    every writer does so anyway."""
    store = db.session.scalars(
        sa.select(Store)
        .where(Store.id == store_id)
        .options(selectinload(Store.opening_intervals), selectinload(Store.special_days))
        .with_for_update(key_share=True, of=Store)
        .execution_options(populate_existing=True)
    ).one_or_none()
    return schedule_of(store) if store and store.is_complete else None


def _insert(**values: object) -> Appointment | None:
    """The new row; None when somebody else was quicker."""
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    statement = insert(Appointment).values(state="booked", created_at=now(), **values)
    return db.session.scalars(
        statement.on_conflict_do_nothing().returning(Appointment)
    ).one_or_none()


def _refusal(words: str, wished: datetime, times: Sequence[Slot]) -> SlotTaken:
    free = [slot for slot in times if slot.is_free]
    nearest = sorted(
        sorted(free, key=lambda slot: abs(slot.starts_at - wished))[:NEAREST],
        key=lambda slot: slot.starts_at,
    )
    if nearest:
        listed = "; ".join(slot_text(slot.starts_at) for slot in nearest)
        what_now = _("Free near it: %(times)s.", times=listed)
    else:
        what_now = _("Call the store and we find one.")
    return SlotTaken(f"{words} {what_now}", nearest)


def slot_text(starts_at: datetime) -> str:
    """A time in words, `starts_at` in the store's zone: 'ter., 24/11, 10:30'."""
    return format_datetime(starts_at, "EEE dd/MM, HH:mm", rebase=False)


def appointment_of(submission_id: str) -> Appointment | None:
    """The booking that came with a submission."""
    return db.session.scalars(
        sa.select(Appointment).where(Appointment.submission_id == submission_id)
    ).one_or_none()


def cancel(appointment: Appointment, *, by: str = "site") -> None:
    """Give the time back; a second time changes nothing. Inside `writing()`; `by` is the actor
    of the lead's history. Raises AppointmentOver."""
    if appointment.state == "cancelled":
        return
    if appointment.starts_at <= now():
        raise AppointmentOver(_("This time has come already. Call the store to change it."))
    appointment.state = "cancelled"
    if appointment.lead_id is not None:
        note(
            appointment.lead_id,
            "booking_cancelled",
            by,
            appointment_id=appointment.id,
            starts_at=slot_value(appointment.starts_at),
        )
    db.session.flush()


# ---- calendar ----


def appointment_path(appointment: Appointment) -> str:
    """Where the person sees and cancels it."""
    return f"/agenda/{appointment.submission_id}"


def appointment_title(appointment: Appointment, car: str = "") -> str:
    """What it is, in words; `car` is the vehicle's title."""
    if appointment.kind == "service":
        return _("Workshop visit")
    if appointment.kind == "video":
        return _("Video call: %(car)s", car=car) if car else _("Video call")
    if appointment.kind == "visit":
        return _("Visit: %(car)s", car=car) if car else _("Visit")
    return _("Test drive: %(car)s", car=car) if car else _("Test drive")


def calendar_file(appointment: Appointment, store: StoreProfile, *, car: str = "") -> str:
    """The visit as an iCalendar file (RFC 5545) for the person's own calendar: the same UID every
    time, times in UTC, a cancelled one says so. `car` is the vehicle's title."""
    base_url = current().base_url
    is_cancelled = appointment.state == "cancelled"
    event = Event()
    event.add("uid", f"agenda-{appointment.id}@{urlsplit(base_url).hostname}")
    event.add("dtstamp", now().replace(microsecond=0))
    event.add("dtstart", appointment.starts_at.astimezone(UTC))
    event.add("dtend", (appointment.starts_at + _length(appointment)).astimezone(UTC))
    event.add("summary", f"{appointment_title(appointment, car)}, {store.name}")
    event.add("location", store.address_line)
    if store.latitude is not None and store.longitude is not None:
        event.add("geo", (store.latitude, store.longitude))
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    event.add("sequence", appointment.moves + is_cancelled)
    event.add("url", f"{base_url}{appointment_path(appointment)}")
    lines = [
        format_phone(store.phone) if store.phone else "",
        _("Bring your driving licence.") if appointment.kind == "test_drive" else "",
        _("See or cancel: %(address)s", address=f"{base_url}{appointment_path(appointment)}"),
    ]
    event.add("description", "\n".join(line for line in lines if line))
    calendar = Calendar()
    calendar.add("prodid", "-//Vitrine//Agenda//PT")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return calendar.to_ical().decode("utf-8")


def _length(appointment: Appointment) -> timedelta:
    return timedelta(minutes=appointment.minutes)
