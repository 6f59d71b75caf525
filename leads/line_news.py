"""What is said to whoever waits in the line for a car, and to the leads that it concerns.

Jobs, asked for by `leads.waiting_line` in the transaction that brings them about. Each mail has a
key of its own, so that a job that runs twice says nothing twice. Who gave no e-mail is somebody's
next step at the desk.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import format_datetime
from flask_babel import gettext as _

from core import mail
from core.clock import now
from core.config import current
from core.db import db
from core.errors import DomainError
from dealership.business_time import add_working
from dealership.identity import StoreProfile, identity
from inventory import search
from inventory.models import Vehicle
from inventory.offers import Offer
from jobs.queue import URGENT
from jobs.worker import Record
from leads import letters
from leads.models import Lead, Person
from leads.pipeline.clocks import schedule_for
from leads.pipeline.holds import CarHold, WaitingPlace, live_hold
from leads.pipeline.log import NotAllowed, record
from leads.pipeline.rules import rules_at
from leads.pipeline.stages import Stage
from leads.waiting_line import line_path, standing_of

SIMILAR: Final = 3
_ACTOR: Final = "site"


class NotYet(RuntimeError):
    """The submission behind the place was not read yet: try again later."""


@dataclass(frozen=True)
class _News:
    """A place as plain values, read before anything is rendered."""

    place_id: int
    path: str
    name: str
    email: str
    person_id: int
    lead_id: int | None
    offer: Offer
    store: StoreProfile | None
    zone: ZoneInfo


def line_joined(payload: dict[str, Any]) -> Record | None:
    """Handler: the first mail, with the place and the link to see and leave it."""
    place = db.session.get(WaitingPlace, payload["place_id"])
    news = _news(place)
    if place is None or news is None or place.ended_at is not None or not _writable(news):
        return None
    ahead = standing_of(place).ahead
    key = f"line_joined:{place.id}"
    if letters.is_posted(key) or letters.is_flooded(news.email):
        return None
    db.session.rollback()
    subject = _("You are number %(n)s in the line for the %(car)s", n=ahead + 1,
                car=news.offer.title)  # fmt: skip
    letter = _letter("line_joined", key, subject, news, number=ahead + 1)
    return lambda: letters.post(letter, priority=URGENT)


def line_turn(payload: dict[str, Any]) -> Record | None:
    """Handler: their turn came. The lead stands in the queue, or is its owner's next step; who
    gave an e-mail is written to as well."""
    place = db.session.get(WaitingPlace, payload["place_id"])
    if place is None or place.ended_at is not None:
        return None
    if place.person_id is None:
        raise NotYet(f"place {place.id} is nobody's yet")
    news, until = _news(place), standing_of(place).turn_until
    if until is None:
        return None
    place_id, lead_id, vehicle_id = place.id, place.lead_id, place.vehicle_id
    letter = None
    if news is not None and _writable(news):
        ends = format_datetime(until.astimezone(news.zone), "EEEE, dd/MM, HH:mm", rebase=False)
        subject = _("It is your turn: the %(car)s is kept for you", car=news.offer.title)
        db.session.rollback()
        letter = _letter("line_turn", f"line_turn:{place_id}", subject, news, ends=ends)

    def tell() -> None:
        if letter is not None:
            letters.post(letter, priority=URGENT)
        facts = {"place_id": place_id, "vehicle_id": vehicle_id, "turn_until": until.isoformat()}
        _touch(lead_id, "line_turn", **facts)

    return tell


def line_answered(payload: dict[str, Any]) -> Record | None:
    """Handler: in their turn they say that they want the car. It is ours to act."""
    place = db.session.get(WaitingPlace, payload["place_id"])
    if place is None or place.lead_id is None:
        return None
    place_id, lead_id = place.id, place.lead_id

    def tell() -> None:
        lead = db.session.get(Lead, lead_id)
        if lead is not None and lead.closed_at is None:
            record(lead, "line_answered", "person", place_id=place_id)
            record(lead, "reply", "person", place_id=place_id)

    return tell


def line_over(payload: dict[str, Any]) -> Record | None:
    """Handler: the car they waited for is sold or gone. Once, with cars like it."""
    place = db.session.get(WaitingPlace, payload["place_id"])
    if place is None or place.told_at is not None:
        return None
    if place.person_id is None:
        raise NotYet(f"place {place.id} is nobody's yet")
    place_id, lead_id, vehicle_id = place.id, place.lead_id, place.vehicle_id
    if _bought_it(lead_id, vehicle_id):
        return lambda: _told(place_id)
    is_sold, news, letter = place.end_reason == "sold", _news(place), None
    if news is not None and _writable(news):
        others = search.find_offers(search.similar(vehicle_id, SIMILAR))
        subject = (
            _("The %(car)s has been sold", car=news.offer.title)
            if is_sold
            else _("The %(car)s has left our stock", car=news.offer.title)
        )
        db.session.rollback()
        letter = _letter("line_over", f"line_over:{place_id}", subject, news, others=others,
                         is_sold=is_sold)  # fmt: skip

    def tell() -> None:
        _told(place_id)
        if letter is not None:
            letters.post(letter)
        _note_over(lead_id, place_id, needs_word=letter is None)

    return tell


def hold_ended(payload: dict[str, Any]) -> Record | None:
    """Handler: the car of a reserved lead is not kept for it any more; its history says why."""
    held = db.session.get(CarHold, payload["hold_id"])
    if held is None or held.lead_id is None:
        return None
    hold_id, lead_id, reason = held.id, held.lead_id, held.end_reason

    def tell() -> None:
        lead = db.session.get(Lead, lead_id, with_for_update={"of": Lead}, populate_existing=True)
        if lead is None or lead.state != Stage.RESERVED or _is_held_again(lead, hold_id):
            return
        if reason == "sold":  # to them, most likely: whoever has the lead says so
            record(lead, "car_sold", "system", vehicle_id=lead.vehicle_id)
        else:
            record(lead, "reservation_ended", "system", reason=reason)

    return tell


def _is_held_again(lead: Lead, hold_id: int) -> bool:
    live = live_hold(lead.vehicle_id) if lead.vehicle_id else None
    return live is not None and live.id != hold_id and live.lead_id == lead.id


def _touch(lead_id: int | None, kind: str, **facts: Any) -> None:
    """Let `kind` happen to the lead; one that has ended is opened again for it."""
    lead = db.session.get(Lead, lead_id) if lead_id else None
    if lead is None:
        return
    with suppress(DomainError):  # sold to them, or they want no contact: it stays closed
        if lead.closed_at is not None and lead.state in {Stage.LOST, Stage.INVALID}:
            record(lead, "reopened", _ACTOR, reason="came_back")
    with suppress(NotAllowed):
        record(lead, kind, _ACTOR, **facts)


def _note_over(lead_id: int | None, place_id: int, *, needs_word: bool) -> None:
    lead = db.session.get(Lead, lead_id) if lead_id else None
    if lead is None or lead.closed_at is not None:
        return
    record(lead, "line_over", _ACTOR, place_id=place_id)
    if needs_word:
        due = add_working(schedule_for(lead.store_id), now(), rules_at().reply.minutes)
        with suppress(NotAllowed):
            record(lead, "next_action", "system", action="message", due_at=due.isoformat())


def _bought_it(lead_id: int | None, vehicle_id: int) -> bool:
    lead = db.session.get(Lead, lead_id) if lead_id else None
    return lead is not None and lead.state == Stage.WON and lead.vehicle_id == vehicle_id


def _told(place_id: int) -> None:
    place = db.session.get_one(WaitingPlace, place_id)
    place.told_at = place.told_at or now()
    db.session.flush()


def _news(place: WaitingPlace | None) -> _News | None:
    person = db.session.get(Person, place.person_id) if place and place.person_id else None
    if place is None or person is None or person.erased_at is not None:
        return None
    row = db.session.execute(
        sa.select(Vehicle.public_id, Vehicle.store_id).where(Vehicle.id == place.vehicle_id)
    ).one()
    offer = search.find_offer(row[0])
    if offer is None:
        return None
    store = next((one for one in identity().stores if one.id == row[1]), None)
    return _News(
        place_id=place.id,
        path=line_path(place),
        name=person.name,
        email=person.email,
        person_id=person.id,
        lead_id=place.lead_id,
        offer=offer,
        store=store,
        zone=schedule_for(row[1]).zone,
    )


def _writable(news: _News) -> bool:
    return mail.is_address(news.email)


def _letter(kind: str, key: str, subject: str, news: _News, **values: Any) -> letters.Letter:
    subject = letters.subject(subject)
    text, html = letters.render(
        kind,
        subject=subject,
        name=letters.greeting_name(news.name),
        offer=news.offer,
        store=news.store,
        address=f"{current().base_url}{news.path}",
        **values,
    )
    reply_to = (news.store.email if news.store else "") or identity().email
    return letters.Letter(
        key=key,
        kind=kind,
        to=news.email,
        reply_to=reply_to if mail.is_address(reply_to) else "",
        subject=subject,
        text=text,
        html=html,
        person_id=news.person_id,
        lead_id=news.lead_id,
    )


JOBS = {
    "line_joined": line_joined,
    "line_turn": line_turn,
    "line_answered": line_answered,
    "line_over": line_over,
    "hold_ended": hold_ended,
}
