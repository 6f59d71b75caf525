"""The fair line for a car that is held: first come, first served, one place per person.

While a car is held others take a place. When the hold runs out or is lifted, exactly the first
gets a turn: the car is kept for them alone for some working hours of its store, and what they do
not use goes to the next. Only when nobody waits is the car for sale again. A car that is sold, or
leaves the stock, ends the line, and everybody in it is told once.

Every step locks the car first, so that of any number who act at once one comes after the other.
What has to be said to leads and people is asked for in the same transaction and done by jobs
(`leads.line_news`): a worker that dies leaves the step undone or done whole.

DomainError
└── NotHeld    the car is not held (any more): there is no line to join
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db, writing
from core.errors import DomainError
from dealership.business_time import add_working
from inventory.lifecycle import follow_steps, move
from inventory.models import Vehicle
from jobs.queue import SOON, URGENT, enqueue
from leads import consent, suspicion
from leads.holdings import contact_digest
from leads.models import Enquiry, Lead, Person, Submission
from leads.people import find_person, keys_of
from leads.pipeline.clocks import schedule_for
from leads.pipeline.holds import (
    CarHold,
    WaitingPlace,
    end_hold,
    live_hold,
    locked_car,
    put_back,
)
from leads.pipeline.log import note
from leads.pipeline.rules import rules_at

KIND: Final = "line"  # of the form, the submission and its enquiry
MOST_AT_ONCE: Final = 200
_TOKEN_BYTES: Final = 24


class NotHeld(DomainError):
    """The car is not held (any more): there is no line to join."""


@dataclass(frozen=True)
class Standing:
    """Where a place stands now. `ahead`: how many come before; `turn_until` while it is theirs."""

    ahead: int
    turn_until: datetime | None
    is_over: bool


# ---- joining and leaving ----


def join(
    vehicle_id: int, submission_id: str, *, name: str, phone: str, email: str, text_digest: str
) -> WaitingPlace:
    """A place at the end of the car's line for whoever gave this name, phone (E.164) and e-mail,
    shown the wording of that digest; the one they have if they have one. Inside `writing()`, or
    through `accept(also=…)`. Raises NotHeld."""
    car = locked_car(vehicle_id)
    if car is None or car.state != "reserved":
        raise NotHeld(_("This car is free again: ask for it right here."))
    digest = _digest(submission_id, phone, email)
    person = find_person(name=name, phone=phone, email=email)
    mine = WaitingPlace.who_digest == digest
    if person is not None:
        mine = sa.or_(mine, WaitingPlace.person_id == person.id)
    known = db.session.scalars(_live(car.id).where(mine).limit(1)).first()
    if known is not None:
        return known
    last = sa.select(sa.func.max(WaitingPlace.number)).where(WaitingPlace.vehicle_id == car.id)
    place = WaitingPlace(
        vehicle_id=car.id,
        submission_id=submission_id,
        who_digest=digest,
        token=secrets.token_urlsafe(_TOKEN_BYTES),
        number=(db.session.scalar(last) or 0) + 1,
        text_digest=text_digest,
    )
    db.session.add(place)
    db.session.flush()
    return place


def _digest(submission_id: str, phone: str, email: str) -> str:
    keys = keys_of(phone, email)
    return contact_digest(*(keys[0] if keys else ("submission", submission_id)))


def recognise_place(submission: Submission, enquiry: Enquiry) -> None:
    """The submission was read: its place belongs to that person and lead. Inside `writing()`.

    Who had a place already, under another contact, keeps the earlier one. A submission that waited
    on disk while the database was away takes its place now."""
    place = place_of_submission(submission.id)
    if place is None and _waited_on_disk(submission) and enquiry.vehicle_id:
        place = _late_place(submission, enquiry)
    if place is None or place.submission_id != submission.id:
        return
    place.person_id, place.lead_id = enquiry.person_id, enquiry.lead_id
    db.session.flush()
    _record_yes(place, enquiry, submission)
    keep_one(enquiry.person_id)
    if place.lead_id is not None and place.ended_at is None:
        note(place.lead_id, "line_joined", "site", place_id=place.id, vehicle_id=place.vehicle_id)
    if place.ended_at is None and not enquiry.is_suspect:
        enqueue("line_joined", {"place_id": place.id}, dedup_key=str(place.id), priority=URGENT)


def _waited_on_disk(submission: Submission) -> bool:
    """Whether it may have got no place for that reason: a machine's post takes none at all."""
    reasons = submission.meta.get("reasons", [])
    is_machine = suspicion.is_machine(submission.suspicion, reasons)
    return submission.payload.get("kind") == KIND and not is_machine


def _record_yes(place: WaitingPlace, enquiry: Enquiry, submission: Submission) -> None:
    """They agreed, by joining, to be written to about this car's line: with its proof."""
    wording = consent.shown_text(consent.LINE, place.text_digest)
    if wording is not None:
        meta = submission.meta
        consent.record(
            enquiry.person,
            consent.LINE,
            True,
            wording,
            submission_id=submission.id,
            channel=meta.get("channel", "site"),
            page=meta.get("page", ""),
            network=meta.get("network", ""),
        )


def _late_place(submission: Submission, enquiry: Enquiry) -> WaitingPlace | None:
    asked = submission.payload
    try:
        return join(
            enquiry.vehicle_id or 0,
            submission.id,
            name=asked["name"],
            phone=asked["phone"],
            email=asked["email"],
            text_digest=str(asked["details"].get("wording", "")),
        )
    except NotHeld:
        return None


def keep_one(person_id: int) -> list[int]:
    """One place per car for that person, the earliest; the ids of those that end. Inside
    `writing()`."""
    mine = sa.select(WaitingPlace).where(
        WaitingPlace.person_id == person_id, WaitingPlace.ended_at.is_(None)
    )
    seen: set[int] = set()
    ended = []
    for place in db.session.scalars(mine.order_by(WaitingPlace.number)).all():
        if place.vehicle_id in seen:
            _end_place(place, "same")
            ended.append(place.id)
        seen.add(place.vehicle_id)
    return ended


def part_again(place_ids: Collection[int]) -> None:
    """Two were no one person after all: their places hold again, where the line still does. Inside
    `writing()`."""
    for place in db.session.scalars(sa.select(WaitingPlace).where(WaitingPlace.id.in_(place_ids))):
        twin = _live(place.vehicle_id).where(WaitingPlace.who_digest == place.who_digest)
        car = locked_car(place.vehicle_id)
        is_on = car is not None and car.state == "reserved"
        if place.end_reason == "same" and is_on and db.session.scalar(twin.limit(1)) is None:
            place.ended_at, place.end_reason = None, ""
    db.session.flush()


def leave(place: WaitingPlace) -> None:
    """Give the place back; in one's turn, the turn goes on to the next. Twice is as good as once.
    Inside `writing()`."""
    car = locked_car(place.vehicle_id)
    db.session.refresh(place)
    if place.ended_at is not None:
        return
    _end_place(place, "left")
    person = db.session.get(Person, place.person_id) if place.person_id else None
    if person is not None and not _waits_elsewhere(person.id):
        consent.withdraw(person, consent.LINE, channel="site", page="/fila")
    held = live_hold(place.vehicle_id)
    if held is not None and held.place_id == place.id:
        end_hold(held, "left")
        _free(car)


def _waits_elsewhere(person_id: int) -> bool:
    others = sa.exists().where(WaitingPlace.person_id == person_id, WaitingPlace.ended_at.is_(None))
    return bool(db.session.scalar(sa.select(others)))


def want(place: WaitingPlace) -> bool:
    """In their turn they say that they want the car; whether that was news. Inside `writing()`.

    From then on it is ours to act, so the turn's time begins anew, once: nobody loses their turn
    because the store answers late."""
    car = locked_car(place.vehicle_id)
    db.session.refresh(place)
    held = live_hold(place.vehicle_id)
    if car is None or held is None or held.place_id != place.id or place.answered_at is not None:
        return False
    place.answered_at = now()
    held.until = max(held.until, _turn_end(car))
    db.session.flush()
    enqueue("line_answered", {"place_id": place.id}, dedup_key=str(place.id), priority=URGENT)
    return True


# ---- turns ----


def tend_holds(_payload: Any = None) -> None:
    """Job: holds and turns whose time is over. Each is a transaction of its own, looked at again
    under the car's lock: a worker that dies in the middle, or a second one, does no harm."""
    due = (
        sa.select(CarHold.id)
        .where(CarHold.ended_at.is_(None), CarHold.until <= now())
        .order_by(CarHold.until, CarHold.id)
        .limit(MOST_AT_ONCE)
    )
    for hold_id in db.session.scalars(due).all():
        with writing():
            _lapse(hold_id)


def _lapse(hold_id: int) -> None:
    vehicle_id = db.session.scalar(sa.select(CarHold.vehicle_id).where(CarHold.id == hold_id))
    car = locked_car(vehicle_id) if vehicle_id else None
    held = live_hold(vehicle_id) if vehicle_id else None
    if held is None or held.id != hold_id or held.until > now():
        return  # somebody was quicker, or moved the date
    if held.place_id is not None:
        _end_place(db.session.get_one(WaitingPlace, held.place_id), "missed")
    end_hold(held, "lapsed")
    _tell_lead(held)
    _free(car)


def _free(car: Vehicle | None) -> None:
    """Nobody has the car any more: the next one's turn, or for sale."""
    if car is not None and car.state == "reserved" and give_turn(car) is None:
        put_back(car, "system")


def give_turn(car: Vehicle) -> WaitingPlace | None:
    """Keep `car`, which is locked and held by nobody, for the first in its line; None when nobody
    waits."""
    place = db.session.scalars(_live(car.id).order_by(WaitingPlace.number).limit(1)).first()
    if place is None:
        return None
    place.turn_at = now()
    db.session.add(CarHold(vehicle_id=car.id, place_id=place.id, until=_turn_end(car), by="system"))
    db.session.flush()
    move(car, "reserved", "system", tells=False)
    enqueue("line_turn", {"place_id": place.id}, dedup_key=str(place.id), priority=URGENT)
    return place


def _turn_end(car: Vehicle) -> datetime:
    return add_working(schedule_for(car.store_id), now(), rules_at().turn_minutes)


def follow_car(car: Vehicle, before: str, _by: str, from_source: bool) -> None:
    """A held car was put back on sale, sold or taken off the site, by whatever screen or import
    (`inventory.lifecycle.follow_steps`). A copy of the stock from elsewhere does not know our
    promises, whoever hands it in: it lifts none of them."""
    if before != "reserved" or car.state == "reserved":
        return
    held = live_hold(car.id)
    if car.state == "published":
        if held is not None and (held.place_id is not None or from_source):
            move(car, "reserved", "system", tells=False)  # somebody's turn, or a feed that is late
            return
        if held is not None:
            end_hold(held, "lifted")
            _tell_lead(held)
        give_turn(car)
        return
    reason = "sold" if car.state == "sold" else "withdrawn"
    if held is not None:
        end_hold(held, reason)
        _tell_lead(held)
    _end_line(car.id, "sold" if reason == "sold" else "gone")


def _end_line(vehicle_id: int, reason: str) -> None:
    """Nobody waits any more; everybody who did is told, once."""
    for place in db.session.scalars(_live(vehicle_id).order_by(WaitingPlace.number)).all():
        _end_place(place, reason)
        enqueue("line_over", {"place_id": place.id}, dedup_key=str(place.id), priority=SOON)


def _tell_lead(held: CarHold) -> None:
    if held.lead_id is not None:
        enqueue("hold_ended", {"hold_id": held.id}, dedup_key=str(held.id), priority=URGENT)


def _end_place(place: WaitingPlace, reason: str) -> None:
    place.ended_at, place.end_reason = now(), reason
    db.session.flush()


def _live(vehicle_id: int) -> sa.Select[WaitingPlace]:
    return (
        sa.select(WaitingPlace)
        .where(WaitingPlace.vehicle_id == vehicle_id, WaitingPlace.ended_at.is_(None))
        .execution_options(populate_existing=True)
    )


# ---- reading ----


def place_of_submission(submission_id: str) -> WaitingPlace | None:
    """The place that came with a submission."""
    return db.session.scalars(
        sa.select(WaitingPlace).where(WaitingPlace.submission_id == submission_id)
    ).one_or_none()


def place_of_token(token: str) -> WaitingPlace | None:
    """The place whose page has that key."""
    if not token.isascii() or not 1 <= len(token) <= 43:
        return None
    return db.session.scalars(
        sa.select(WaitingPlace).where(WaitingPlace.token == token)
    ).one_or_none()


def line_path(place: WaitingPlace) -> str:
    """Where its person sees the place and leaves it."""
    return f"/fila/{place.token}"


def standing_of(place: WaitingPlace) -> Standing:
    """Where `place` stands. Two statements."""
    held = live_hold(place.vehicle_id)
    is_turn = held is not None and held.place_id == place.id
    before = sa.select(sa.func.count()).where(
        WaitingPlace.vehicle_id == place.vehicle_id,
        WaitingPlace.ended_at.is_(None),
        WaitingPlace.number < place.number,
    )
    return Standing(
        ahead=0 if is_turn else db.session.scalar(before) or 0,
        turn_until=held.until if held is not None and is_turn else None,
        is_over=place.ended_at is not None,
    )


def count_waiting(vehicle_id: int) -> int:
    """How many wait for that car."""
    waits = sa.select(sa.func.count()).where(
        WaitingPlace.vehicle_id == vehicle_id, WaitingPlace.ended_at.is_(None)
    )
    return db.session.scalar(waits) or 0


def forget_places(person_id: int) -> None:
    """Somebody is erased: their links lead nowhere, their places are free. Inside `writing()`."""
    _forget(WaitingPlace.person_id == person_id)


def forget_place_of(submission_id: str) -> None:
    """The same for who was erased before their submission was read. Inside `writing()`."""
    _forget(WaitingPlace.submission_id == submission_id)


def _forget(which: sa.ColumnElement[bool]) -> None:
    for place in db.session.scalars(sa.select(WaitingPlace).where(which)).all():
        leave(place)
        place.token = secrets.token_urlsafe(_TOKEN_BYTES)
        place.who_digest = f"erased:{place.id}"
    db.session.flush()


def lead_of(place: WaitingPlace) -> Lead | None:
    """The lead that the place came with."""
    return db.session.get(Lead, place.lead_id) if place.lead_id else None


follow_steps(follow_car)
JOBS = {"tend_holds": tend_holds}
