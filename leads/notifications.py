"""Who hears of an enquiry: the person who asked, and the store that answers.

`after_enquiry` runs inside the transaction that enters the enquiry and only asks for jobs; each
job reads, renders with no transaction open, and keeps its mail in the transaction that ends it
(see `leads.letters`). A confirmation is about what was asked and carries no offers, so it needs
no consent; it goes only to an address typed in that very form, and never after a suspicious post:
the form must not become a way to write to strangers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import format_datetime
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload

from core import mail
from core.clock import DEFAULT_ZONE
from core.config import current
from core.db import db
from core.money import format_brl
from core.text import clean_line, format_km, format_phone
from dealership.identity import StoreProfile, identity
from inventory import search
from inventory.models import Vehicle
from inventory.offers import Offer
from jobs.queue import URGENT, enqueue
from jobs.worker import Record
from leads import letters
from leads.answer_time import typical_answer_minutes
from leads.appointments import (
    appointment_of,
    appointment_path,
    appointment_title,
    calendar_file,
)
from leads.check_in import code_of
from leads.models import Appointment, Enquiry, Lead, Submission
from leads.reach import Ways, ways_to
from leads.subscriptions import KINDS as SUBSCRIPTIONS

REPEAT_WINDOW: Final = timedelta(minutes=10)
CONFIRMATION: Final = "confirmation"
NOTICE: Final = "store_notice"
ASKED_TO_STOP: Final = "asked_to_stop"  # written by leads.leaving
LINE: Final = "line"
BOOKINGS: Final = frozenset({"test_drive", "service"})
Rows = list[tuple[str, str]]


# --- asked for, inside the transaction --------------------------------------------------------


def after_enquiry(enquiry: Enquiry) -> None:
    """Have the person and the store written to about `enquiry`. Inside `writing()`: two rows. Of a
    test that waits hidden among the others only the store hears, of other tests nobody."""
    lead = db.session.get(Lead, enquiry.lead_id) if enquiry.lead_id else None
    if lead is None or not lead.is_test or lead.closed_at is None:
        _ask(NOTICE, enquiry)
    if lead is not None and lead.is_test:
        return
    if enquiry.kind != LINE:  # that mail says the place, too (leads.line_news)
        _ask(CONFIRMATION, enquiry)


def after_details(enquiry: Enquiry, submission_id: str) -> None:
    """The person left an address only on the thank-you page, in that later submission: have the
    confirmation written now, unless it was before. Inside `writing()`."""
    if not enquiry.is_suspect:
        _ask(CONFIRMATION, enquiry, email_from=submission_id)


def after_suspect(enquiry: Enquiry) -> None:
    """Have only the store written to: who typed the address is in doubt. Inside `writing()`."""
    _ask(NOTICE, enquiry)


def _ask(kind: str, enquiry: Enquiry, **more: str) -> None:
    if enquiry.kind in SUBSCRIPTIONS or enquiry.kind == ASKED_TO_STOP:  # told by mails of their own
        return
    enqueue(
        "compose_mail",
        {"kind": kind, "enquiry_id": enquiry.id, **more},
        dedup_key=":".join([kind, str(enquiry.id), *more.values()]),
        priority=URGENT,
    )


def compose_mail(payload: dict[str, Any]) -> Record | None:
    """Handler: write the mail of `kind` about `enquiry_id`, unless it is there or not wanted."""
    key = f"{payload['kind']}:{payload['enquiry_id']}"
    enquiry = db.session.get(
        Enquiry,
        payload["enquiry_id"],
        options=[joinedload(Enquiry.person), joinedload(Enquiry.submission)],
    )
    if enquiry is None or enquiry.person.erased_at or letters.is_posted(key):
        return None
    typed_in = enquiry.submission
    if later := payload.get("email_from"):
        typed_in = db.session.get(Submission, later) or typed_in
    facts = _facts(enquiry, typed_in)
    if payload["kind"] == CONFIRMATION and not _may_confirm(enquiry, facts):
        return None
    promise = typical_answer_minutes(facts.store.id if facts.store else None)
    db.session.rollback()  # all is read; rendering holds no transaction
    write = _confirmation if payload["kind"] == CONFIRMATION else _notice
    letter = write(key, facts, promise)
    return None if letter is None else lambda: letters.post(letter, priority=URGENT)


# --- what the mails say ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Facts:
    """An enquiry as plain values, read before anything is rendered."""

    kind: str
    name: str
    phone: str
    email: str  # as typed in this very form (or on its thank-you page), if it was one
    known_email: str
    message: str
    department: str
    at: datetime
    is_suspect: bool
    source: str
    details: Mapping[str, Any]
    touch: Mapping[str, Any]
    person_id: int
    lead_id: int | None
    offer: Offer | None
    store: StoreProfile | None
    visit: "_Visit | None"
    ways: Ways  # whatever the hour is: nobody knows when the store reads it


@dataclass(frozen=True)
class _Visit:
    """A booked time in words, and as a file for the person's own calendar."""

    title: str
    when: str
    path: str
    calendar: str
    code: str  # for the door


def _facts(enquiry: Enquiry, typed_in: Submission) -> _Facts:
    lead = db.session.get(Lead, enquiry.lead_id) if enquiry.lead_id else None
    offer = _offer(enquiry.vehicle_id)
    store = _store(enquiry.store_id or (offer.store.id if offer else None))
    payload = typed_in.payload
    is_form = "fields" in payload
    person = enquiry.person
    return _Facts(
        kind=enquiry.kind,
        name=clean_line(person.name, 80),
        phone=person.phone,
        email=clean_line(str(payload.get("email") or ""), 254) if is_form else "",
        known_email=person.email,
        message=enquiry.message,
        department=lead.department if lead else "sales",
        at=enquiry.at,
        is_suspect=enquiry.is_suspect,
        source=enquiry.source,
        details=dict(enquiry.details),
        touch=dict(enquiry.touch),
        person_id=person.id,
        lead_id=enquiry.lead_id,
        offer=offer,
        store=store,
        visit=_visit(appointment_of(enquiry.submission_id), store, offer),
        ways=ways_to(person, message=_answer_text(person.name, offer), is_agreed=True),
    )


def _offer(vehicle_id: int | None) -> Offer | None:
    """The car as the public may see it, also when it was sold meanwhile."""
    if vehicle_id is None:
        return None
    public_id = db.session.scalar(sa.select(Vehicle.public_id).where(Vehicle.id == vehicle_id))
    found = search.find_offer(public_id) if public_id else None
    return found if found and found.availability.has_page else None


def _store(store_id: int | None) -> StoreProfile | None:
    stores = identity().stores
    return next((store for store in stores if store.id == store_id), stores[0] if stores else None)


def _visit(
    appointment: Appointment | None, store: StoreProfile | None, offer: Offer | None
) -> _Visit | None:
    if appointment is None or appointment.state != "booked" or store is None:
        return None
    car = offer.title if offer else ""
    starts_at = appointment.starts_at.astimezone(store.zone)
    return _Visit(
        title=appointment_title(appointment, car),
        when=format_datetime(starts_at, "EEEE, dd/MM, HH:mm", rebase=False),
        path=appointment_path(appointment),
        calendar=calendar_file(appointment, store, car=car),
        code=code_of(appointment),
    )


# --- to the person -----------------------------------------------------------------------------


def _may_confirm(enquiry: Enquiry, facts: _Facts) -> bool:
    if enquiry.is_suspect or not mail.is_address(facts.email):
        return False
    return not (_is_repeat(enquiry) or letters.is_flooded(facts.email))


def _is_repeat(enquiry: Enquiry) -> bool:
    """Whether the person asked the same a moment ago. Other details (another time, other numbers)
    are another thing to confirm; another wording of the message is not."""
    earlier = db.session.scalars(
        sa.select(Enquiry)
        .where(Enquiry.person_id == enquiry.person_id, Enquiry.id < enquiry.id)
        .where(Enquiry.kind == enquiry.kind, Enquiry.vehicle_id == enquiry.vehicle_id)
        .where(Enquiry.at >= enquiry.at - REPEAT_WINDOW, Enquiry.is_suspect.is_(False))
    )
    return any(one.details == enquiry.details for one in earlier)


def _confirmation(key: str, facts: _Facts, promise: int | None) -> letters.Letter:
    headline = _headline(facts)
    title = letters.subject(f"{headline}: {facts.offer.title}" if facts.offer else headline)
    visit = facts.visit
    rows: Rows = [] if visit is None else [(_("When"), visit.when)]
    if visit and facts.store:
        rows.append((_("Where"), f"{facts.store.name}, {facts.store.address_line}"))
        rows.append((_("Code for the reception"), visit.code))
    elif facts.kind == "trade_in":
        # Numbers only: free text would carry anybody's advertising to anybody's mailbox.
        numbers = ("model_year", "mileage_km", "expected_cents")
        rows = _detail_rows({key: facts.details.get(key) for key in numbers})
    text, html = letters.render(
        "confirmation",
        subject=title,
        name=letters.greeting_name(facts.name),
        headline=headline,
        next_step=_next_step(facts),
        when="" if visit else _when(facts.store, promise),
        rows=rows,
        simulation=_simulation_rows(facts.details),
        offer=facts.offer,
        store=facts.store,
        manage_address=f"{current().base_url}{visit.path}" if visit else "",
        whatsapp_text=_whatsapp_text(facts),
    )
    return letters.Letter(
        key=key,
        kind=CONFIRMATION,
        to=facts.email,
        reply_to=_usable((facts.store.email if facts.store else "") or identity().email),
        subject=title,
        text=text,
        html=html,
        files=(mail.File("visita.ics", "calendar", visit.calendar),) if visit else (),
        person_id=facts.person_id,
        lead_id=facts.lead_id,
    )


def _headline(facts: _Facts) -> str:
    if facts.visit:
        return {
            "test_drive": _("Your test drive is booked"),
            "service": _("Your visit to the workshop is booked"),
        }.get(facts.kind, _("Your visit is booked"))
    return {
        "contact": _("We got your message"),
        "interest": _("We got your request for a proposal"),
        "call_back": _("We will call you"),
        "test_drive": _("We got your request for a test drive"),
        "service": _("We got your request to the workshop"),
        "trade_in": _("We got your car's data for the valuation"),
        "financing": _("We got your financing request"),
    }.get(facts.kind, _("We got your request"))


def _next_step(facts: _Facts) -> str:
    if facts.visit and facts.kind == "test_drive":
        return _("The car will be ready. Bring your driving licence; the drive takes half an hour.")
    if facts.visit:
        return _("We expect you. If you cannot come, give the time back to somebody else.")
    if facts.kind == "call_back" and facts.phone:
        return _("Somebody from our team calls %(phone)s.", phone=format_phone(facts.phone))
    if facts.kind == "trade_in":
        return _(
            "We compare your car with the market and answer with a price range. The final value "
            "comes after we see it."
        )
    if facts.kind == "financing":
        return _(
            "Somebody from our team checks the conditions with the bank only after talking to you."
        )
    return _("Somebody from our team reads it and answers you by WhatsApp, phone or e-mail.")


def _when(store: StoreProfile | None, promise: int | None) -> str:
    """When the answer comes, as far as that is known: measured, or by the store's hours."""
    if store and not store.is_open and store.opens_at:
        opens = format_datetime(store.opens_at, "EEEE, dd/MM, HH:mm", rebase=False)
        return _("The store is closed now and opens on %(when)s.", when=opens)
    if promise is not None:
        return _("We answer in about %(n)s min.", n=promise)
    return _("We answer during the store's opening hours.") if store else ""


def _whatsapp_text(facts: _Facts) -> str:
    if facts.offer:
        return _(
            "Hello! I asked on the site about the %(car)s: %(address)s",
            car=facts.offer.title,
            address=f"{current().base_url}{facts.offer.path}",
        )
    return _("Hello! I wrote to you on the site.")


# --- to the store ------------------------------------------------------------------------------


def _notice(key: str, facts: _Facts, _promise: int | None) -> letters.Letter | None:
    address = _store_address(facts)
    if not address:
        return None
    what = kind_label(facts.kind)
    who = facts.name or (format_phone(facts.phone) if facts.phone else facts.known_email)
    car = facts.offer.title if facts.offer else ""
    headline = " · ".join(part for part in (what, car, who) if part)
    if facts.is_suspect:
        headline = _("[Suspicious] %(subject)s", subject=headline)
    email = facts.email or facts.known_email
    received = facts.at.astimezone(facts.store.zone if facts.store else DEFAULT_ZONE)
    rows: Rows = [
        (_("Name"), letters.unlinked(facts.name)),
        (_("Phone"), format_phone(facts.phone) if facts.phone else ""),
        (_("E-mail"), email),
        (_("When"), facts.visit.when if facts.visit else ""),
        (_("Received"), format_datetime(received, "dd/MM/yyyy HH:mm", rebase=False)),
        (_("Store"), facts.store.name if facts.store else ""),
    ]
    text, html = letters.render(
        "store_notice",
        subject=letters.unlinked(letters.subject(headline)),
        headline=letters.unlinked(letters.subject(headline)),
        preview=letters.unlinked(clean_line(facts.message, 120)) or what,
        is_suspect=facts.is_suspect,
        rows=[row for row in rows if row[1]],
        phone=facts.phone,
        ways=facts.ways,
        message=letters.unlinked(facts.message),
        offer=facts.offer,
        details=told_details(facts.details),
        origin=_origin_rows(facts),
    )
    return letters.Letter(
        key=key,
        kind=NOTICE,
        to=address,
        reply_to=_usable(email),
        subject=letters.subject(headline),
        text=text,
        html=html,
        person_id=facts.person_id,
        lead_id=facts.lead_id,
    )


def _store_address(facts: _Facts) -> str:
    """Where the store reads its mail: its own address, else its department's, else the group's."""
    store = facts.store
    candidates = [store.email if store else ""]
    if store:
        candidates += [one.email for one in store.departments if one.kind == facts.department]
    candidates.append(identity().email)
    return next((one for one in candidates if mail.is_address(one)), "")


def _usable(email: str) -> str:
    return email if mail.is_address(email) else ""


def _answer_text(called: str, offer: Offer | None) -> str:
    dealer = identity().name
    name = letters.greeting_name(called)
    hello = _("Hello, %(name)s!", name=name) if name else _("Hello!")
    if offer:
        who = _("This is %(dealer)s, about the %(car)s.", dealer=dealer, car=offer.title)
    else:
        who = _("This is %(dealer)s.", dealer=dealer)
    return f"{hello} {who}"


def kind_label(kind: str) -> str:
    """What an enquiry of `kind` wants, as staff read it."""
    return {
        "contact": _("Contact"),
        "interest": _("Wants a proposal"),
        "call_back": _("Wants to be called"),
        "test_drive": _("Test drive"),
        "service": _("Workshop"),
        "visit": _("Visit"),
        "video": _("Video call"),
        "line": _("Waits for a held car"),
        "trade_in": _("Trade-in valuation"),
        "financing": _("Financing"),
        "missed_call": _("Call back: a missed call"),
        "asked_to_stop": _("Wants no more offers"),
        "price_alert": _("Price alert"),
        "newsletter": _("Newsletter"),
        "referral": _("Named by a customer"),
    }.get(kind, kind)


def _origin_rows(facts: _Facts) -> Rows:
    """The form or portal, and the last touch."""
    return [(_("Form or portal"), source_name(facts.source)), *told_touch(facts.touch)]


def told_touch(touch: Mapping[str, Any]) -> Rows:
    """Where a visit came from, as pairs of a name and a value, without the click ids: they say
    nothing to a person."""
    names = {
        "source": _("Campaign source"),
        "medium": _("Medium"),
        "campaign": _("Campaign"),
        "content": _("Advert"),
        "term": _("Search term"),
        "referrer": _("Came from"),
        "landing": _("First page"),
    }
    rows = [(name, str(touch.get(key) or "")) for key, name in names.items()]
    return [(name, letters.unlinked(clean_line(value, 120))) for name, value in rows if value]


def source_name(source: str) -> str:
    """Where a lead came in, in words: our own pages by one name, portals by theirs."""
    if source.startswith("form:") or source in {"landing", "alert"}:
        return _("our site")
    return {
        "mercadolivre": "Mercado Livre",
        "olx": "OLX",
        "chavesnamao": "Chaves na Mão",
        "webmotors": "Webmotors",
        "meta": "Facebook / Instagram",
        "whatsapp": "WhatsApp",
        "telephony": _("Phone"),
    }.get(source.partition(":")[0], source)


def told_details(details: Mapping[str, Any]) -> Rows:
    """What an enquiry's form asked beyond name and phone and the simulation it carried, as pairs
    of a name and a value in the visitor's words."""
    return _detail_rows(details) + _simulation_rows(details)


def _detail_rows(details: Mapping[str, Any]) -> Rows:
    """What the form asked beyond name and phone, in words; what has no words is left out."""
    shown: dict[str, tuple[str, Callable[[Any], str]]] = {
        "make": (_("Make"), str),
        "model": (_("Model"), str),
        "model_year": (_("Model year"), str),
        "mileage_km": (_("Mileage"), lambda km: format_km(int(km))),
        "color": (_("Colour"), str),
        "expected_cents": (_("Expects"), lambda cents: format_brl(int(cents))),
        "car": (_("Car"), str),
        "plate": (_("Plate"), str),
        "service": (_("Service"), _service_label),
        "trade_in": (_("Has to trade in"), str),
        "when": (_("When to buy or call"), _moment_label),
        "payment": (_("Wants to pay"), _payment_label),
        "phone_typed": (_("Phone as typed"), str),
        "email_typed": (_("E-mail as typed"), str),
    }
    rows = []
    for key, (name, words) in shown.items():
        value = details.get(key)
        if value not in (None, "", 0):
            rows.append((name, letters.unlinked(clean_line(words(value), 120))))
    return rows


def _service_label(code: str) -> str:
    return {
        "inspection": _("Periodic inspection"),
        "repair": _("Repair or noise"),
        "tyres": _("Tyres and alignment"),
        "recall": _("Recall"),
        "parts": _("Parts and accessories"),
        "other": _("Something else"),
    }.get(code, code)


def _moment_label(code: str) -> str:
    return {
        "week": _("This week"),
        "month": _("This month"),
        "later": _("Later"),
        "morning": _("In the morning"),
        "afternoon": _("In the afternoon"),
        "evening": _("In the early evening"),
    }.get(code, code)


def _payment_label(code: str) -> str:
    return {
        "cash": _("Cash"),
        "financing": _("Financing"),
        "consortium": _("Consortium letter"),
    }.get(code, code)


def _simulation_rows(details: Mapping[str, Any]) -> Rows:
    """The numbers the person saw, as they were kept: what CDC 52 and 54-B ask for, together."""
    kept = details.get("simulation")
    if not isinstance(kept, Mapping):
        return []
    months = kept.get("months")
    instalment = kept.get("installment_cents")
    rows: Rows = [
        (_("Cash price"), _cents(kept.get("price_cents"))),
        (_("Down payment"), _cents(kept.get("down_payment_cents"))),
        (_("Instalments"), f"{months}x {_cents(instalment)}" if months and instalment else ""),
        (_("IOF and fees, financed"), _cents(_sum(kept, "iof_cents", "fees_cents"))),
        (_("Total with financing"), _cents(kept.get("total_cents"))),
        (_("Interest a month"), _percent(kept.get("monthly_rate"))),
        (_("Interest a year"), _percent(kept.get("annual_rate"))),
        (_("CET a year"), _percent(kept.get("cet_annual"))),
        (_("Financing agent"), clean_line(str(kept.get("agent") or ""), 120)),
        (_("Simulated on"), _day(kept.get("day"))),
    ]
    return [row for row in rows if row[1]]


def _cents(value: Any) -> str:
    return format_brl(value, with_cents=True) if isinstance(value, int) else ""


def _sum(kept: Mapping[str, Any], *keys: str) -> int | None:
    amounts = [kept[key] for key in keys if isinstance(kept.get(key), int)]
    return sum(amounts) if amounts else None


def _percent(value: Any) -> str:
    try:
        return f"{Decimal(str(value)):.2f}%".replace(".", ",")
    except InvalidOperation:
        return ""


def _day(value: Any) -> str:
    try:
        return f"{date.fromisoformat(str(value)):%d/%m/%Y}"
    except ValueError:
        return ""


JOBS = {"compose_mail": compose_mail}
