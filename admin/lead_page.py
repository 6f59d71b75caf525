"""Everything about one lead, gathered for its page in a fixed number of statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import format_datetime
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload

from admin.door import may, staff
from admin.stock_rows import LOADED, car_name
from core.clock import DEFAULT_ZONE
from core.db import db
from dealership.identity import identity
from dealership.models import Store
from dealership.roles import Permission
from dealership.staff import StaffMember
from inventory.fipe import FipeRange, fipe_range
from inventory.models import Vehicle
from leads.duplicate_pairs import REASONS
from leads.duplicates import pairs_of
from leads.letters import greeting_name
from leads.models import Appointment, Consent, Enquiry, Lead, LeadEvent, Mail
from leads.notifications import kind_label, told_details, told_touch
from leads.objections import entries_of, words_of
from leads.photos import checked_photos
from leads.reach import Ways, ways_to
from leads.words import SUSPICIONS, actor_label, event_label, source_label

UNSAID: Final = frozenset({"tapped"})  # what only clocks need
_OWN_WORDS: Final = ("words", "need", "text", "problem")  # of an event, what somebody said
MOST: Final = 60  # enquiries, events and mails of one lead: the newest
MOST_VALUATIONS: Final = 3
Rows = list[tuple[str, str]]


@dataclass(frozen=True)
class EnquiryCard:
    """One thing that was asked, in words. `photos` are their numbers in its photos' addresses."""

    id: int
    kind: str
    source: str
    when: str
    car: "Car | None"
    message: str
    details: Rows
    fipe: FipeRange | None
    photos: range
    photos_waiting: int
    photos_lost: int
    visit: "Visit | None"
    is_suspect: bool
    reasons: Sequence[str]


@dataclass(frozen=True)
class Car:
    """A car of ours that somebody asked about."""

    id: int
    name: str
    price_cents: int | None
    state: str
    is_mine: bool  # in a store of who is signed in


@dataclass(frozen=True)
class Visit:
    """A booked time."""

    kind: str
    when: str
    store: str
    is_cancelled: bool


@dataclass(frozen=True)
class LeadPage:
    """What the page of one lead shows beside the lead itself."""

    store: str
    since: str
    car: Car | None
    enquiries: Sequence[EnquiryCard]
    first_touch: Rows
    last_touch: Rows
    events: Sequence[tuple[str, str, str]]  # when, what, who
    consents: Sequence[tuple[str, bool, str]]  # purpose, yes or no, when and where
    mails: Sequence[tuple[str, str, str, str]]  # when, subject, state, error
    others: Sequence[Lead]
    twins: Sequence[tuple[str, Sequence[str]]]  # who may be the same person, and why
    reasons: Sequence[str]
    ways: Ways
    stops: Sequence[str]  # what the person wants no more, in words


def page_of(lead: Lead, *, is_agreed: bool = False) -> LeadPage:
    """The page of `lead`, for who is signed in; `is_agreed` when the person named this time for
    being called."""
    stores = {store.id: store for store in db.session.scalars(sa.select(Store))}
    store = stores.get(lead.store_id or 0)
    zone = ZoneInfo(store.zone) if store else DEFAULT_ZONE
    enquiries = _enquiries(lead.id)
    cars = _cars({lead.vehicle_id, *(one.vehicle_id for one in enquiries)} - {None})
    visits = _visits([one.submission_id for one in enquiries], stores)
    cards = _cards(enquiries, cars, visits, zone)
    return LeadPage(
        store=store.name if store else "",
        since=_told(lead.created_at, zone),
        car=cars.get(lead.vehicle_id or 0),
        enquiries=cards,
        first_touch=told_touch(lead.first_touch),
        last_touch=told_touch(lead.last_touch),
        events=_events(lead.id, zone),
        consents=_consents(lead.person_id, zone),
        mails=_mails(lead, zone),
        others=_others(lead),
        twins=_twins(lead),
        reasons=list(dict.fromkeys(words for card in cards for words in card.reasons)),
        ways=ways_to(lead.person, message=_greeting(lead), is_agreed=is_agreed, zone=zone),
        stops=[words_of(entry) for entry in entries_of(lead.person)],
    )


def _told(moment: datetime, zone: ZoneInfo) -> str:
    return str(format_datetime(moment.astimezone(zone), "dd/MM/yyyy HH:mm", rebase=False))


def _greeting(lead: Lead) -> str:
    name = greeting_name(lead.person.name)
    hello = _("Hello, %(name)s!", name=name) if name else _("Hello!")
    who = _("This is %(me)s, of %(dealer)s.", me=staff().shown_name, dealer=identity().name)
    return f"{hello} {who}"


def _enquiries(lead_id: int) -> list[Enquiry]:
    newest = (
        sa.select(Enquiry)
        .where(Enquiry.lead_id == lead_id)
        .options(joinedload(Enquiry.submission))
        .order_by(Enquiry.id.desc())
        .limit(MOST)
    )
    return list(db.session.scalars(newest))


def _cars(ids: set[Any]) -> dict[int, Car]:
    rows = db.session.scalars(sa.select(Vehicle).where(Vehicle.id.in_(ids)).options(*LOADED))
    return {
        vehicle.id: Car(
            vehicle.id,
            car_name(vehicle),
            vehicle.price_cents,
            vehicle.state,
            may(Permission.SEE_STOCK, vehicle.store_id),
        )
        for vehicle in rows
    }


def _visits(submission_ids: Sequence[str], stores: dict[int, Store]) -> dict[str, Visit]:
    rows = db.session.scalars(
        sa.select(Appointment).where(Appointment.submission_id.in_(submission_ids))
    )
    return {
        row.submission_id: Visit(
            kind=kind_label(row.kind),
            when=_told(row.starts_at, ZoneInfo(stores[row.store_id].zone)),
            store=stores[row.store_id].name,
            is_cancelled=row.state != "booked",
        )
        for row in rows
    }


def _cards(
    enquiries: Sequence[Enquiry],
    cars: dict[int, Car],
    visits: dict[str, Visit],
    zone: ZoneInfo,
) -> list[EnquiryCard]:
    valuations = _valuations(enquiries)
    return [
        EnquiryCard(
            id=one.id,
            kind=kind_label(one.kind),
            source=source_label(one.source),
            when=_told(one.at, zone),
            car=cars.get(one.vehicle_id or 0),
            message=one.message,
            details=told_details(one.details),
            fipe=valuations.get(one.id),
            photos=range(1, len(checked_photos(one)) + 1),
            photos_waiting=len(one.details.get("photos") or ()) - len(checked_photos(one)),
            photos_lost=_lost(one),
            visit=visits.get(one.submission_id),
            is_suspect=one.is_suspect,
            reasons=_reasons(one),
        )
        for one in enquiries
    ]


def _valuations(enquiries: Sequence[Enquiry]) -> dict[int, FipeRange]:
    """What the FIPE table says of the newest cars offered in exchange."""
    found = {}
    for one in [one for one in enquiries if one.kind == "trade_in"][:MOST_VALUATIONS]:
        make, model, year = (one.details.get(name) for name in ("make", "model", "model_year"))
        if isinstance(make, str) and isinstance(model, str) and isinstance(year, int):
            value = fipe_range(make, model, year)
            if value:
                found[one.id] = value
    return found


def _lost(enquiry: Enquiry) -> int:
    lost, refused = enquiry.details.get("photos_lost"), enquiry.details.get("photos_refused")
    return (lost if isinstance(lost, int) else 0) + len(refused or ())


def _reasons(enquiry: Enquiry) -> list[str]:
    if not enquiry.is_suspect:
        return []
    codes = enquiry.submission.meta.get("reasons") or ()
    return [str(SUSPICIONS[code]) for code in codes if code in SUSPICIONS]


def _events(lead_id: int, zone: ZoneInfo) -> list[tuple[str, str, str]]:
    newest = (
        sa.select(LeadEvent)
        .where(LeadEvent.lead_id == lead_id)
        .order_by(LeadEvent.at.desc(), LeadEvent.id.desc())
        .limit(MOST)
    )
    events = [one for one in db.session.scalars(newest) if one.kind not in UNSAID]
    names = _names({one.actor for one in events})
    return [
        (_told(one.at, zone), _said(one), names.get(one.actor) or actor_label(one.actor, one.kind))
        for one in events
    ]


def _names(actors: set[str]) -> dict[str, str]:
    """Colleagues by the address that the log knows them by."""
    rows = db.session.execute(
        sa.select(StaffMember.email, StaffMember.name).where(StaffMember.email.in_(actors))
    )
    return {email: name for email, name in rows if name}


def _said(event: LeadEvent) -> str:
    """The event in words, with the colleague's own after them."""
    label = event_label(event.kind, event.data)
    own = next((event.data[name] for name in _OWN_WORDS if event.data.get(name)), "")
    return f"{label}: {own}" if isinstance(own, str) and own else label


def _consents(person_id: int, zone: ZoneInfo) -> list[tuple[str, bool, str]]:
    """The newest word on each purpose, which is the one that counts."""
    purposes = {
        "marketing": _("Offers and news"),
        "newsletter": _("Newsletter"),
        "price_alert": _("Price alert"),
        "line": _("Line for a held car"),
    }
    rows = db.session.scalars(
        sa.select(Consent).where(Consent.person_id == person_id).order_by(Consent.id)
    )
    newest = {row.purpose: row for row in rows}
    return [
        (purposes.get(row.purpose, row.purpose), row.is_given, _told(row.at, zone))
        for row in newest.values()
    ]


def _mails(lead: Lead, zone: ZoneInfo) -> list[tuple[str, str, str, str]]:
    states = {
        "waiting": _("on its way"),
        "sent": _("was sent"),
        "failed": _("not delivered"),
        "stopped": _("not sent"),
    }
    newest = (
        sa.select(Mail.created_at, Mail.subject, Mail.state, Mail.error)
        .where(sa.or_(Mail.lead_id == lead.id, Mail.person_id == lead.person_id))
        .order_by(Mail.id.desc())
        .limit(MOST)
    )
    return [
        (_told(at, zone), subject, states.get(state, state), error)
        for at, subject, state, error in db.session.execute(newest)
    ]


def _others(lead: Lead) -> Sequence[Lead]:
    """The person's other leads that who is signed in may see."""
    rows = db.session.scalars(
        sa.select(Lead)
        .where(Lead.person_id == lead.person_id, Lead.id != lead.id)
        .order_by(Lead.id.desc())
        .limit(MOST)
    )
    return [row for row in rows if staff().serves(row.store_id)]


def _twins(lead: Lead) -> list[tuple[str, list[str]]]:
    """Who may be the same person as the lead's: their name, and why. For who may decide it."""
    if not may(Permission.WORK_LEADS, lead.store_id):
        return []
    found = []
    for pair in pairs_of(lead.person_id, staff().store_ids):
        other = pair.newer if pair.older_id == lead.person_id else pair.older
        words = [str(REASONS[reason][1]) for reason in pair.reasons if reason in REASONS]
        found.append((other.name or _("Somebody without a name"), words))
    return found
