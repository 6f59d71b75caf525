"""What we hold on a person, why, until when; and their rights over it (LGPD art. 18).

`purposes()` is the one list of what data is used for: the public page prints it and the dossier
refers to it. Erasing lives in `leads.erasure` and is offered here too.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.config import current
from core.db import db
from core.text import clean_line, parse_phone
from inventory.importing.rows import FORMULA
from inventory.models import Vehicle
from leads import consent, holdings, objections, people
from leads.erasure import (
    anonymise,
    erase,
    external_key,
    forget,
    is_erased,
    jobs_naming,
    mails_of,
    reapply,
    spooled_of,
    submissions_of,
)
from leads.models import (
    Appointment,
    Consent,
    ContactClick,
    Enquiry,
    Lead,
    LeadEvent,
    Mail,
    Person,
    PersonKey,
    SubjectRequest,
    Subscription,
)
from leads.outreach import forgetting as outreach
from leads.people import contact_key, keys_of_person
from leads.pipeline.holds import WaitingPlace
from leads.retention import PERIODS
from leads.sides import absorbed

__all__ = [
    "ad_services",
    "anonymise",
    "contact_key",
    "correct",
    "dossier",
    "dossier_csv",
    "erase",
    "external_key",
    "find_by_contact",
    "forget",
    "held",
    "is_erased",
    "mails_to",
    "purposes",
    "reapply",
]

AUTHORITY: Final = "ANPD (Agência Nacional de Proteção de Dados)"  # Lei 15.352/2026


@dataclass(frozen=True)
class Purpose:
    """One use of personal data, in words for the person. `basis` names the item of LGPD art. 7."""

    code: str
    title: str
    data: str
    basis: str
    kept: str
    receivers: str


def purposes() -> list[Purpose]:
    """Every use of personal data that this site makes, in the order of the page."""
    portals = _("The portal on which you wrote, and our mail provider")
    mail = _("Our mail provider")
    nobody = _("Nobody")
    tags = ad_services()
    found = [
        Purpose(
            "answer",
            _("Answer your request: proposal, question, call-back, valuation, after-sales"),
            _("Name, phone or e-mail, your message, the vehicle, photos you send"),
            _("Steps before a contract, at your request (art. 7, V)"),
            _("%(time)s after our last contact", time=PERIODS["leads"].in_words()),
            portals,
        ),
        Purpose(
            "visit",
            _("Book a test drive or a visit"),
            _("Name, phone, store, vehicle, day and time"),
            _("Steps before a contract, at your request (art. 7, V)"),
            _("%(time)s after our last contact", time=PERIODS["leads"].in_words()),
            mail,
        ),
        Purpose(
            "alert",
            _("Tell you of a lower price, when you ask for it"),
            _("E-mail and the vehicle"),
            _("Your request (art. 7, V)"),
            _("Until you end it, or the vehicle is sold"),
            mail,
        ),
        Purpose(
            "line",
            _("Keep your place in the line for a reserved vehicle, and say when it is your turn"),
            _("Name, phone or e-mail, the vehicle, when you joined"),
            _("Your request (art. 7, V)"),
            _("%(time)s after our last contact", time=PERIODS["leads"].in_words()),
            mail,
        ),
        Purpose(
            "marketing",
            _("Send offers and news, when you tick the box"),
            _("Name, e-mail, phone, the text you agreed to and when"),
            _("Your consent (art. 7, I)"),
            _("Until you stop it"),
            mail,
        ),
        Purpose(
            "relationship",
            _("Look after customers and firms we know: how the car is, when the next one is due"),
            _("Name, phone or e-mail, car bought, what was talked about"),
            _("Contract and legitimate interest (art. 7, V and IX); you can object"),
            _("%(time)s after our last contact", time=PERIODS["leads"].in_words()),
            nobody,
        ),
        Purpose(
            "origin",
            _("Know which of our announcements brings visitors"),
            _("Campaign and page through which you came, sent with the form only"),
            _("Legitimate interest (art. 7, IX); you can object"),
            _("%(time)s, with your request", time=PERIODS["clicks"].in_words()),
            nobody,
        ),
        Purpose(
            "security",
            _("Keep the forms safe from robots and fraud"),
            _("Shortened network address, time, signs of a robot"),
            _("Legal duty and legitimate interest (art. 7, II and IX; Lei 12.965/2014, art. 15)"),
            _(
                "%(time)s; posts taken for robots: %(suspects)s",
                time=PERIODS["networks"].in_words(),
                suspects=PERIODS["suspects"].in_words(),
            ),
            nobody,
        ),
        Purpose(
            "proof",
            _("Prove what you sent, agreed to and asked of us"),
            _("The form as it was sent; the exact text and time of each consent"),
            _("Exercise of rights (art. 7, VI)"),
            _(
                "Forms: %(forms)s. Consents: %(proofs)s after they ended",
                forms=PERIODS["submissions"].in_words(),
                proofs=PERIODS["proofs"].in_words(),
            ),
            nobody,
        ),
    ]
    if tags:
        found.append(
            Purpose(
                "ads",
                _("Measure visits and advertisements, when you allow it"),
                _("Pages seen, an identifier of your browser"),
                _("Your consent (art. 7, I)"),
                _("Until you take it back"),
                ", ".join(tags),
            )
        )
    return found


def ad_services() -> list[str]:
    """The companies whose measuring tags stand in the settings; they load only after a yes."""
    config = current()
    named = {
        "Google Analytics": config.ga4_id,
        "Google Ads": config.google_ads_id,
        "Meta": config.meta_pixel_id,
        "TikTok": config.tiktok_pixel_id,
    }
    return [name for name, tag_id in named.items() if tag_id]


def find_by_contact(contact: str) -> Person | None:
    """Whom this e-mail or phone, as typed, identifies; None when nobody."""
    key = contact_key(contact)
    if not key[1]:
        return None
    return db.session.scalars(
        sa.select(Person)
        .join(PersonKey, PersonKey.person_id == Person.id)
        .where(PersonKey.kind == key[0], PersonKey.value == key[1])
    ).first()


# ---- what we hold ----


def mails_to(person: Person) -> list[Mail]:
    """What we wrote to the person, newest first; not what we wrote to the store about them."""
    rows = db.session.scalars(
        sa.select(Mail).where(Mail.person_id == person.id).order_by(Mail.id.desc())
    )
    own = {value for kind, value in keys_of_person(person) if kind == "email"}
    return [row for row in rows if people.email_key(row.to_address) in own]


def held(person: Person) -> dict[str, list[dict[str, Any]]]:
    """What packages above this one hold on `person`, by section of the dossier."""
    return holdings.held({holdings.contact_digest(*key) for key in keys_of_person(person)})


def dossier(person_id: int) -> dict[str, Any]:
    """Everything held on the person, as plain values: ISO instants in UTC, phones in E.164."""
    person = db.session.get_one(Person, person_id)
    leads = list(db.session.scalars(sa.select(Lead).where(Lead.person_id == person_id)))
    return {
        "made_at": _iso(now()),
        "identity": {
            "name": person.name,
            "phone": person.phone,
            "email": person.email,
            "known_since": _iso(person.created_at),
            "erased_at": _iso(person.erased_at),
            "keys": [{"kind": key.kind, "value": key.value} for key in person.keys],
            "also_known_as": [
                {"name": one.name, "phone": one.phone, "email": one.email}
                for one in absorbed(person_id)
            ],
        },
        "enquiries": [_enquiry(row) for row in _rows(Enquiry, Enquiry.person_id == person_id)],
        "requests_in_progress": [_lead(lead) for lead in leads],
        "appointments": [_appointment(row) for row in _appointments(person_id, leads)],
        "consents": [_consent(row) for row in _rows(Consent, Consent.person_id == person_id)],
        "subscriptions": [
            _subscription(row) for row in _rows(Subscription, Subscription.person_id == person_id)
        ],
        "lines": [_place(row) for row in _rows(WaitingPlace, WaitingPlace.person_id == person_id)],
        "mails": [
            {
                "at": _iso(row.created_at),
                "kind": row.kind,
                "to": row.to_address,
                "subject": row.subject,
                "text": row.text,
                "state": row.state,
            }
            for row in mails_of(person, search=False)
        ],
        "clicks": [
            {"at": _iso(row.at), "channel": row.channel, "page": row.page, "touch": row.touch}
            for row in _rows(ContactClick, ContactClick.lead_id.in_([lead.id for lead in leads]))
        ],
        "submissions": [
            {
                "at": _iso(row.received_at),
                "source": row.source,
                "payload": row.payload,
                "meta": row.meta,
            }
            # Not what others wrote that names the person: that is theirs.
            for row in submissions_of(person, search=False)
        ],
        "on_the_way": [record for _path, record in spooled_of(person)],
        "jobs": [{"kind": job.kind, "payload": job.payload} for job in jobs_naming(person)],
        "stop_list": objections.told(person),
        **outreach.told(person_id),
        **held(person),
        "cases": [
            {"number": row.id, "kind": row.kind, "at": _iso(row.created_at), "state": row.state}
            for row in _rows(SubjectRequest, SubjectRequest.person_id == person_id)
        ],
        "came_from": sorted({row.source for row in _rows(Enquiry, Enquiry.person_id == person_id)}),
        "purposes": [
            {
                "purpose": row.title,
                "data": row.data,
                "basis": row.basis,
                "kept": row.kept,
                "receivers": row.receivers,
            }
            for row in purposes()
        ],
    }


def dossier_csv(found: dict[str, Any]) -> str:
    """A dossier as CSV for a spreadsheet: section, number, field, value; one value per line."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";")
    writer.writerow([_("section"), _("number"), _("field"), _("value")])
    for section, content in found.items():
        entries = content if isinstance(content, list) else [content]
        for number, entry in enumerate(entries, 1):
            for field, value in _flat(entry):
                writer.writerow([section, number, field, _safe_cell(value)])
    return file.getvalue()


def _safe_cell(value: str) -> str:
    """Spreadsheets run what begins like a formula."""
    return f"'{value}" if FORMULA.match(value) else value


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _flat(inner, f"{path}.{number}" if path else str(number))
    elif value not in (None, ""):
        yield path, value if isinstance(value, str) else json.dumps(value)


def _rows(model: type[Any], where: sa.ColumnElement[bool]) -> list[Any]:
    return list(db.session.scalars(sa.select(model).where(where).order_by(model.id)))


def _enquiry(row: Enquiry) -> dict[str, Any]:
    return {
        "at": _iso(row.at),
        "kind": row.kind,
        "source": row.source,
        "vehicle": _vehicle_id(row.vehicle_id),
        "message": row.message,
        "details": row.details,
        "touch": row.touch,
    }


def _lead(row: Lead) -> dict[str, Any]:
    events = _rows(LeadEvent, LeadEvent.lead_id == row.id)
    return {
        "number": row.id,
        "since": _iso(row.created_at),
        "department": row.department,
        "state": row.state,
        "closed_at": _iso(row.closed_at),
        "vehicle": _vehicle_id(row.vehicle_id),
        "message": row.message,
        "first_touch": row.first_touch,
        "last_touch": row.last_touch,
        # Who of the staff did it is the staff's own data.
        "history": [
            {"at": _iso(event.at), "kind": event.kind, "data": event.data} for event in events
        ],
    }


def _appointments(person_id: int, leads: list[Lead]) -> list[Appointment]:
    sent = sa.select(Enquiry.submission_id).where(Enquiry.person_id == person_id)
    mine = sa.or_(
        Appointment.lead_id.in_([lead.id for lead in leads]), Appointment.submission_id.in_(sent)
    )
    return _rows(Appointment, mine)


def _appointment(row: Appointment) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "starts_at": _iso(row.starts_at),
        "minutes": row.minutes,
        "state": row.state,
        "confirmed_at": _iso(row.confirmed_at),
        "arrived_at": _iso(row.arrived_at),
        "missed_at": _iso(row.missed_at),
        "vehicle": _vehicle_id(row.vehicle_id),
    }


def _consent(row: Consent) -> dict[str, Any]:
    return {
        "at": _iso(row.at),
        "purpose": row.purpose,
        "is_given": row.is_given,
        "text_version": row.text_version,
        "text": consent.wording_of(row),
        "channel": row.channel,
        "page": row.page,
        "network": row.network,
    }


def _subscription(row: Subscription) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "about": row.about,
        "since": _iso(row.created_at),
        "ended_at": _iso(row.ended_at),
    }


def _place(row: WaitingPlace) -> dict[str, Any]:
    return {
        "vehicle": _vehicle_id(row.vehicle_id),
        "since": _iso(row.created_at),
        "turn_at": _iso(row.turn_at),
        "answered_at": _iso(row.answered_at),
        "ended_at": _iso(row.ended_at),
        "end_reason": row.end_reason,
    }


def _vehicle_id(vehicle_id: int | None) -> str | None:
    """How the public knows the vehicle."""
    if vehicle_id is None:
        return None
    return db.session.scalar(sa.select(Vehicle.public_id).where(Vehicle.id == vehicle_id))


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


# ---- correcting ----


def correct(
    person: Person, *, name: str | None = None, phone: str | None = None, email: str | None = None
) -> list[str]:
    """Put right what the person says is wrong, inside `writing()`; the names of what changed.

    None leaves a fact as it is, empty text takes it away. The old phone or e-mail no longer
    identifies the person. One that belongs to somebody else is noted, but identifies only them.
    Raises core.text.NotPhone.
    """
    changed = []
    if name is not None and (words := clean_line(name, 120)) != person.name:
        person.name = words
        changed.append("name")
    if phone is not None:
        number = parse_phone(phone) if phone.strip() else ""
        if number != person.phone:
            _change_key(person, "phone", people.phone_key(person.phone), people.phone_key(number))
            person.phone = number
            changed.append("phone")
    if email is not None and (address := clean_line(email, 254)) != person.email:
        _change_key(person, "email", people.email_key(person.email), people.email_key(address))
        person.email = address
        changed.append("email")
    if changed:
        person.updated_at = now()
        _note_correction(person, changed)
        db.session.flush()
    return changed


def _change_key(person: Person, kind: str, old: str, new: str) -> None:
    if old == new:
        return
    for key in [key for key in person.keys if (key.kind, key.value) == (kind, old)]:
        person.keys.remove(key)
    db.session.flush()
    if new and db.session.get(PersonKey, (kind, new)) is None:
        person.keys.append(PersonKey(kind=kind, value=new))


def _note_correction(person: Person, changed: list[str]) -> None:
    for lead_id in db.session.scalars(sa.select(Lead.id).where(Lead.person_id == person.id)):
        db.session.add(
            LeadEvent(lead_id=lead_id, kind="corrected", actor="person", data={"fields": changed})
        )
