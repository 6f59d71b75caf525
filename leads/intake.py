"""From a submission to a person and a lead. Runs later, may run twice, loses nothing.

One person has one open lead per department: asking again is a touch on it, with the new car as a
second interest. Suspicious posts are leads too, marked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog

from core.clock import now
from core.db import db, writing
from core.text import NotPhone, clean_line, clean_text, parse_phone
from dealership.models import Store
from inventory.models import Vehicle
from leads import (
    consent,
    duplicates,
    leaving,
    notifications,
    photos,
    privacy,
    shopper,
    subscriptions,
    waiting_line,
)
from leads.models import Appointment, Enquiry, Lead, Person, Submission
from leads.people import PersonTaken, Recognised, find_or_create_person, keys_of, recognise
from leads.pipeline.clocks import urgency_of
from leads.pipeline.log import note, record
from leads.pipeline.rules import rules_at
from leads.pipeline.stages import IN_WORK, Stage
from leads.suspicion import SUSPECT_FROM

log = structlog.get_logger("vitrine.leads")
DEPARTMENTS: Final = frozenset({"sales", "service", "parts", "fleet"})
IN_TOUCH: Final = IN_WORK | {Stage.OFFERED}
REOPENED: Final = (Stage.LOST, Stage.INVALID, Stage.BLOCKED)


@dataclass(frozen=True)
class Asked:
    """What one person asked, whatever the door. Only `source` and `kind` are certain: a lead
    without a phone, without an e-mail or without a name is still a lead."""

    source: str
    kind: str
    name: str = ""
    phone: str = ""  # as given; unreadable ones are kept in the details
    email: str = ""
    message: str = ""
    department: str = "sales"
    vehicle_id: int | None = None
    store_id: int | None = None
    source_ref: str = ""
    external_id: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    touch: Mapping[str, str] = field(default_factory=dict)
    first_touch: Mapping[str, str] = field(default_factory=dict)
    keys: Sequence[tuple[str, str]] = ()
    is_suspect: bool = False
    is_test: bool = False
    at: datetime | None = None
    part: int = 0
    opens_lead: bool = True
    is_message: bool = False  # of a conversation: to a lead in work it is the person's answer
    # Where the person wrote it with their own hand and can be answered: mail, whatsapp, sms.
    channel: str = ""
    actor: str = "site"


def enter(asked: Asked, submission_id: str) -> Enquiry:
    """The enquiry for `asked`, its person and its lead. Inside `writing()`.

    Entering the same part of a submission again, or the same external id of a source for the same
    person, returns what is there. Two workers that race end with one of them trying again.
    """
    asked = _readable(asked)
    known = _known(asked, submission_id)
    if known and known.submission_id != submission_id and _is_of_another(known, asked):
        # An id that came with two people names neither: nobody's lead is dropped for it.
        asked = replace(asked, external_id="")
        known = _known(asked, submission_id)
    if known:
        return known
    own = shopper.expected(asked.message, asked.external_id, asked.source)
    if own is not None:
        asked = _of_shopper(asked, own)
    known_as = _who(asked, own)
    person = known_as.person
    at = asked.at or now()
    is_leaving = _is_leaving(asked)
    if is_leaving:
        is_to_join = leaving.is_to_join(person.id, asked.department)
        asked = replace(asked, opens_lead=is_to_join, kind=leaving.ASKED)
    enquiry = Enquiry(
        submission_id=submission_id,
        part=asked.part,
        source=asked.source,
        external_id=asked.external_id,
        kind=asked.kind,
        person=person,
        side_id=known_as.side_id,
        vehicle_id=asked.vehicle_id,
        store_id=asked.store_id,
        message=asked.message,
        details=dict(asked.details),
        touch=dict(asked.touch),
        is_suspect=asked.is_suspect,
        at=at,
    )
    db.session.add(enquiry)
    db.session.flush()
    # From here on a merge waits for us. Who was merged since they were found is found again.
    if db.session.scalar(sa.select(Person.merged_into_id).where(Person.id == person.id)):
        raise PersonTaken(f"person {person.id} was merged a moment ago")
    if asked.opens_lead:
        _join_or_open(asked, enquiry, at)
    if own is not None and enquiry.lead_id is not None:
        shopper.arrive(own, db.session.get_one(Lead, enquiry.lead_id), submission_id)
    if is_leaving:
        leaving.obey(enquiry, asked.channel, address=asked.email)
    if not asked.is_suspect and not asked.is_test:
        who = {"name": asked.name, "phone": asked.phone, "email": asked.email}
        duplicates.look(enquiry, is_new=known_as.is_new, **who)
    return enquiry


def _of_shopper(asked: Asked, own: shopper.ShopperRound) -> Asked:
    """What a lead that we sent ourselves says: a test, from nobody. Only who shall be answered by a
    person can be reached."""
    return replace(
        asked,
        phone=asked.phone if own.is_human else "",
        email=asked.email if own.is_human else "",
        message=shopper.without_mark(asked.message),
        details=asked.details if own.is_human else {},
        external_id="",
        keys=(),
        is_suspect=False,
        is_test=True,
        is_message=False,
        opens_lead=True,
        channel="",
    )


def _who(asked: Asked, own: shopper.ShopperRound | None) -> Recognised:
    if own is not None:
        person = shopper.somebody(asked.name, asked.phone, asked.email)
        return Recognised(person, is_new=True)
    return recognise(name=asked.name, phone=asked.phone, email=asked.email, keys=asked.keys)


def _is_leaving(asked: Asked) -> bool:
    """Whether all that a person says is that they want no more of us."""
    return bool(asked.channel) and not asked.is_suspect and leaving.asks_to_stop(asked.message)


def _readable(asked: Asked) -> Asked:
    """`asked` with a phone in E.164 or none, and texts fit to store."""
    details = dict(asked.details)
    phone = ""
    if asked.phone:
        try:
            phone = parse_phone(asked.phone)
        except NotPhone as error:
            phone = error.suggestion or ""
            details["phone_typed"] = clean_line(asked.phone, 60)
    email = clean_line(asked.email, 254)
    if email and "@" not in email:
        details["email_typed"], email = email, ""
    return replace(
        asked,
        name=clean_line(asked.name, 120),
        phone=phone,
        email=email,
        message=clean_text(asked.message, 8000),
        department=asked.department if asked.department in DEPARTMENTS else "sales",
        source_ref=clean_line(asked.source_ref, 120),
        external_id=clean_line(asked.external_id, 160),
        details=details,
        keys=[(kind, clean_line(value, 254)) for kind, value in asked.keys],
    )


def _known(asked: Asked, submission_id: str) -> Enquiry | None:
    own = sa.and_(Enquiry.submission_id == submission_id, Enquiry.part == asked.part)
    if asked.external_id:
        same = sa.and_(Enquiry.source == asked.source, Enquiry.external_id == asked.external_id)
        own = sa.or_(own, same)
    return db.session.scalars(sa.select(Enquiry).where(own).order_by(Enquiry.id)).first()


def _is_of_another(known: Enquiry, asked: Asked) -> bool:
    """Whether `known` was asked by somebody who shares no phone, e-mail or id with `asked`."""
    person = known.person
    theirs = {*keys_of(person.phone, person.email), *((k.kind, k.value) for k in person.keys)}
    ours = set(keys_of(asked.phone, asked.email, asked.keys))
    return bool(theirs and ours) and not theirs & ours


def _join_or_open(asked: Asked, enquiry: Enquiry, at: datetime) -> None:
    lead = _open_lead(asked, enquiry, at)
    is_new = lead is None
    if lead is None:
        lead = Lead(
            person_id=enquiry.person_id,
            department=asked.department,
            source=asked.source,
            source_ref=asked.source_ref,
            message=asked.message,
            is_suspect=asked.is_suspect,
            is_test=asked.is_test,
            first_touch=dict(asked.first_touch or asked.touch),
            created_at=at,
        )
        db.session.add(lead)
    lead.vehicle_id = lead.vehicle_id or asked.vehicle_id
    lead.store_id = lead.store_id or asked.store_id
    lead.message = lead.message or asked.message
    lead.last_touch = dict(asked.touch)
    lead.is_suspect = lead.is_suspect and asked.is_suspect
    lead.updated_at = now()
    db.session.flush()
    enquiry.lead_id = lead.id
    if asked.is_message and not asked.is_suspect and lead.state in IN_TOUCH:
        record(lead, "reply", asked.actor, at=at, enquiry_id=enquiry.id)
        return
    record(
        lead,
        "enquiry",
        asked.actor,
        at=at,
        enquiry_id=enquiry.id,
        is_first=is_new,
        urgency=int(urgency_of(asked.kind, asked.source)),
    )


def _open_lead(asked: Asked, enquiry: Enquiry, at: datetime) -> Lead | None:
    """The person's open lead in the department; else the one that ended not long ago, open again:
    who comes back is not a stranger. A sale is over, and a machine opens nothing again."""
    mine = sa.select(Lead).where(
        Lead.person_id == enquiry.person_id, Lead.department == asked.department
    )
    lead = db.session.scalars(mine.where(Lead.closed_at.is_(None))).first()
    if lead is not None or asked.is_suspect:
        return lead
    since = at - timedelta(days=rules_at(at).reopen_days)
    lead = db.session.scalars(
        mine.where(Lead.state.in_(REOPENED), Lead.closed_at >= since, Lead.is_test.is_(False))
        .order_by(Lead.id.desc())
        .limit(1)
    ).first()
    if lead is not None:
        record(lead, "reopened", asked.actor, at=at, reason="came_back")
    return lead


# --- forms -----------------------------------------------------------------------------------


def process_submission(payload: Mapping[str, Any]) -> None:
    """The job behind every form: reads the submission and enters what it asks."""
    with writing():
        submission = db.session.get(Submission, payload["submission_id"])
        if submission is not None and submission.state == "new":
            _process(submission)


def _process(submission: Submission) -> None:
    if submission.payload["kind"] == "details":
        _add_details(submission)
    else:
        _enter_form(submission)
    submission.state = "done"


def _enter_form(submission: Submission) -> None:
    form, meta = submission.payload, submission.meta
    vehicle = _vehicle(form.get("vehicle", ""))
    booking = db.session.scalars(
        sa.select(Appointment).where(Appointment.submission_id == submission.id)
    ).first()
    store_id = booking.store_id if booking else _store_id(form, vehicle)
    asked = Asked(
        source=submission.source,
        kind=form["kind"],
        name=form["name"],
        phone=form["phone"],
        email=form["email"],
        message=form["message"],
        department=form["department"],
        vehicle_id=vehicle.id if vehicle else (booking.vehicle_id if booking else None),
        store_id=store_id,
        source_ref=form.get("source_ref", ""),
        details=form["details"],
        touch=meta.get("last_touch", {}),
        first_touch=meta.get("first_touch", {}),
        is_suspect=submission.suspicion >= SUSPECT_FROM,
        at=submission.received_at,
        opens_lead=form["opens_lead"],
    )
    enquiry = enter(asked, submission.id)
    keys = keys_of(asked.phone, asked.email, asked.keys)
    if privacy.is_erased(keys, submission.received_at):
        privacy.forget(enquiry)
        return
    if booking and enquiry.lead_id:
        booking.lead_id = enquiry.lead_id
        starts_at = booking.starts_at.isoformat()
        note(enquiry.lead_id, "booked", "site", appointment_id=booking.id, starts_at=starts_at)
    waiting_line.recognise_place(submission, enquiry)
    _record_consent(submission, enquiry)
    photos.ask_for_check(enquiry)
    if form["kind"] in subscriptions.KINDS:
        subscriptions.subscribe(enquiry.person, form["kind"], vehicle=vehicle)
    if not enquiry.is_suspect:
        notifications.after_enquiry(enquiry)
    else:
        notifications.after_suspect(enquiry)


def _record_consent(submission: Submission, enquiry: Enquiry) -> None:
    meta = submission.meta
    text = consent.shown_text("marketing", meta.get("text", "")) if meta.get("consent") else None
    if text is None:
        return
    consent.record(
        enquiry.person,
        "marketing",
        True,
        text,
        submission_id=submission.id,
        channel=meta.get("channel", "site"),
        page=meta.get("page", ""),
        network=meta.get("network", ""),
    )


def _add_details(submission: Submission) -> None:
    """What somebody added on the thank-you page, put to the enquiry that it is about."""
    about = submission.meta.get("about", "")
    first = db.session.get(Submission, about)
    if first is not None and first.state == "new":
        _process(first)
    # Locked: its photos, drawn anew meanwhile, are recorded in the same details.
    enquiry = db.session.scalars(
        sa.select(Enquiry)
        .where(Enquiry.submission_id == about)
        .order_by(Enquiry.part)
        .with_for_update(of=Enquiry)
        .execution_options(populate_existing=True)
    ).first()
    if enquiry is None:
        # The first post may still wait in the spool: tried again until it is there.
        raise NotYet(f"submission {about} is not stored yet")
    if enquiry.person.erased_at:  # nobody is left to whom it could belong
        submission.payload, submission.meta = {}, {}
        return
    form = submission.payload
    added = {**form["details"], **({"message": form["message"]} if form["message"] else {})}
    enquiry.details = {**enquiry.details, **added}
    person = enquiry.person
    person.email = person.email or clean_line(form["email"], 254)
    if form["email"] and not enquiry.is_suspect:
        find_or_create_person(name=person.name, phone=person.phone, email=form["email"])
    _record_consent(submission, enquiry)
    if enquiry.lead_id:
        note(enquiry.lead_id, "details", "site", at=submission.received_at, **added)
    if form["email"] and submission.suspicion < SUSPECT_FROM:
        notifications.after_details(enquiry, submission.id)


class NotYet(RuntimeError):
    """What this is about is still on its way: try again later."""


def _vehicle(public_id: str) -> Vehicle | None:
    if not public_id:
        return None
    return db.session.scalars(sa.select(Vehicle).where(Vehicle.public_id == public_id)).first()


def _store_id(form: Mapping[str, Any], vehicle: Vehicle | None) -> int | None:
    slug = form.get("store") or form["details"].get("store") or ""
    if slug:
        found = db.session.scalar(sa.select(Store.id).where(Store.slug == slug))
        if found:
            return int(found)
    return vehicle.store_id if vehicle else None


JOBS = {"process_submission": process_submission}
