"""The leads through the API: read, claim, note, register."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from flask import Response
from flask_babel import gettext as _
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload

from core.clock import now
from core.config import current
from core.db import db, writing
from core.text import clean_line, clean_text
from dealership import audit
from dealership.models import Store
from dealership.staff import StaffMember
from integrators import adf
from integrators.api import registering, schemas
from integrators.api.operations import Call, operation
from integrators.api.problems import ApiProblem, not_found
from integrators.api.reading import since_of
from integrators.api.tokens import Scope
from inventory.models import Vehicle
from leads import consent
from leads.models import Enquiry, Lead
from leads.pipeline import queue
from leads.pipeline.log import note
from leads.shopper import is_known_test

SEEN: Final = "lead.api_view"  # not the word for a person's look: a program reads what nobody saw
SEEN_AGAIN_MINUTES: Final = 10  # read twice in a row is one access
NOBODY: Final = "none"

log = structlog.get_logger("vitrine.api")


@operation(
    "GET", "/leads", Scope.READ_LEADS, query=schemas.LeadQuery, answer=schemas.LeadPage
)  # fmt: skip
def list_leads(call: Call) -> schemas.LeadPage:
    """Leads, oldest number first, a page at a time, without personal data.

    Ask again with `since` the moment you last asked: what changed meanwhile is all that comes.
    """
    asked: schemas.LeadQuery = call.query
    real = (Lead.is_suspect.is_(False), Lead.is_test.is_(False))
    statement = _own(call.staff).where(*real, *_conditions(asked))
    rows = db.session.scalars(statement.order_by(Lead.id).limit(asked.limit + 1)).all()
    shown = rows[: asked.limit]
    names = _Names(shown)
    return schemas.LeadPage(
        items=[schemas.LeadBrief(**_brief(lead, names)) for lead in shown],
        next_cursor=str(shown[-1].id) if len(rows) > len(shown) else None,
    )


def _conditions(asked: schemas.LeadQuery) -> list[sa.ColumnElement[bool]]:
    found = [Lead.id > int(asked.cursor or 0)]
    if asked.since:
        found.append(Lead.updated_at >= since_of(asked.since))
    if asked.state:
        found.append(Lead.state == clean_line(asked.state, 20))
    if asked.owner == NOBODY:
        found.append(Lead.owner_id.is_(None))
    elif asked.owner:
        email = clean_line(asked.owner, 254).lower()
        found.append(Lead.owner_id.in_(sa.select(StaffMember.id).where(StaffMember.email == email)))
    if asked.store:
        slug = clean_line(asked.store, 80)
        found.append(Lead.store_id.in_(sa.select(Store.id).where(Store.slug == slug)))
    if asked.submission:
        wanted = Enquiry.submission_id == clean_line(asked.submission, 32)
        found.append(Lead.id.in_(sa.select(Enquiry.lead_id).where(wanted)))
    return found


@operation(
    "GET", "/leads/{lead_id}", Scope.READ_LEADS, answer=schemas.Lead, problems=(404,)
)  # fmt: skip
def get_lead(call: Call, lead_id: int) -> schemas.Lead:
    """One lead with its person, what was asked, its history and consents.

    Reading it is noted in the audit log under the name of the key's person.
    """
    own_lead(call.staff, lead_id)
    _note_view(call, lead_id)
    return _told(own_lead(call.staff, lead_id))


@operation(
    "GET", "/leads/{lead_id}.adf", Scope.READ_LEADS, media=adf.MEDIA_TYPE, problems=(404,)
)  # fmt: skip
def get_lead_as_adf(call: Call, lead_id: int) -> Response:
    """One lead as ADF/XML 1.0, for systems that take leads so. Noted like any reading."""
    own_lead(call.staff, lead_id)
    _note_view(call, lead_id)
    return Response(adf.document(own_lead(call.staff, lead_id)), mimetype=adf.MEDIA_TYPE)


@operation(
    "POST",
    "/leads",
    Scope.WRITE_LEADS,
    body=schemas.NewLead,
    answer=schemas.LeadReceipt,
    status=202,
    takes_key=True,
)
def create_lead(call: Call) -> schemas.LeadReceipt:
    """Register a lead of another system. Once this is answered it cannot be lost.

    The same content under the same Idempotency-Key (without one: on the same day) adds nothing.
    """
    new: schemas.NewLead = call.body
    receipt = registering.register(new, _store_slug(call.staff, new), call.staff.email, call.key)
    return schemas.LeadReceipt(submission_id=receipt.id, is_repeat=receipt.is_repeat)


@operation(
    "POST",
    "/leads/{lead_id}/claim",
    Scope.WRITE_LEADS,
    answer=schemas.LeadBrief,
    problems=(404, 409),
)
def claim_lead(call: Call, lead_id: int) -> schemas.LeadBrief:
    """Take a lead out of the queue for the key's person. Of any number who ask, one gets it.

    Who has it already is answered the same again; everybody else gets 409.
    """
    own_lead(call.staff, lead_id)
    staff_id = call.staff.id
    try:
        with writing():
            by = db.session.get_one(StaffMember, staff_id)
            had = own_lead(by, lead_id).owner_id
            lead = queue.claim(lead_id, by)
            if had != staff_id:
                audit.record(
                    by.email, "lead.claim", f"lead:{lead_id}", network=call.network,
                    store_id=lead.store_id,
                )  # fmt: skip
    except queue.AlreadyClaimed as error:
        raise ApiProblem(409, str(error)) from None
    lead = own_lead(call.staff, lead_id)
    return schemas.LeadBrief(**_brief(lead, _Names([lead])))


@operation(
    "POST",
    "/leads/{lead_id}/notes",
    Scope.WRITE_LEADS,
    body=schemas.NewNote,
    answer=schemas.EventTold,
    status=201,
    problems=(404,),
)
def add_note(call: Call, lead_id: int) -> schemas.EventTold:
    """Write a note into the lead's history."""
    text = clean_text(call.body.text, 2000)
    own_lead(call.staff, lead_id)
    with writing():
        lead = own_lead(call.staff, lead_id)
        note(lead.id, "note", call.staff.email, text=text)
        audit.record(
            call.staff.email, "lead.note", f"lead:{lead_id}", network=call.network,
            store_id=lead.store_id,
        )  # fmt: skip
    newest = max(own_lead(call.staff, lead_id).events, key=lambda event: event.id)
    return _event(newest)


# --- whose they are --------------------------------------------------------------------------


def own_lead(staff: StaffMember, lead_id: int) -> Lead:
    """The lead with that number. Raises a 404 also for one of a store that is not theirs; one
    without a store is for people of all stores only."""
    lead = db.session.get(Lead, lead_id)
    if lead is None or not staff.serves(lead.store_id):
        raise not_found()
    return lead


def _own(staff: StaffMember) -> sa.Select[Any]:
    ids = staff.store_ids
    statement = sa.select(Lead)
    return statement if ids is None else statement.where(Lead.store_id.in_(ids))


def _store_slug(staff: StaffMember, new: schemas.NewLead) -> str:
    """The store that the lead is for. Whoever serves some stores only registers for those. A name
    that no store has is no reason to lose a lead."""
    row = db.session.scalars(
        sa.select(Store).where(Store.slug == clean_line(new.store, 80))
    ).first()
    if row is not None:
        if not staff.serves(row.id):
            raise ApiProblem(403, _("This store is not one of the key's person."))
        return row.slug
    if not staff.stores:
        return ""
    vehicle_id = clean_line(new.vehicle, 12)
    car = db.session.scalars(sa.select(Vehicle).where(Vehicle.public_id == vehicle_id)).first()
    is_theirs = car is not None and staff.serves(car.store_id)
    return car.store.slug if car is not None and is_theirs else staff.stores[0].slug


def _note_view(call: Call, lead_id: int) -> None:
    """Keep who read whose data through which door (LGPD art. 37)."""
    email, subject, entry = call.staff.email, f"lead:{lead_id}", audit.AuditEntry
    seen = sa.select(entry.id).where(
        entry.subject == subject, entry.action == SEEN, entry.actor == email,
        entry.at > now() - timedelta(minutes=SEEN_AGAIN_MINUTES),
    )  # fmt: skip
    if db.session.scalar(seen.limit(1)):
        return
    label, place = call.token.name, call.network
    try:
        with writing(wait_seconds=1):
            audit.record(email, SEEN, subject, label=label, network=place)
    except OperationalError:
        db.session.rollback()
        # Unlike a person with a customer on the line, a program can wait and ask again.
        words = _("The reading could not be noted. Try again in a few seconds.")
        raise ApiProblem(503, words, headers={"Retry-After": "5"}) from None


# --- what is told ----------------------------------------------------------------------------


class _Names:
    """What the rows of a page are called outside: cars by their public id, stores by their slug,
    people by their e-mail. Three statements, however long the page."""

    def __init__(self, leads: Sequence[Lead]) -> None:
        self.vehicles = _map(Vehicle.id, Vehicle.public_id, (lead.vehicle_id for lead in leads))
        self.stores = _map(Store.id, Store.slug, (lead.store_id for lead in leads))
        self.owners = _map(StaffMember.id, StaffMember.email, (lead.owner_id for lead in leads))


def _map(key: Any, value: Any, ids: Iterable[int | None]) -> dict[int | None, str]:
    wanted = {one for one in ids if one is not None}
    if not wanted:
        return {}
    rows = db.session.execute(sa.select(key, value).where(key.in_(wanted)))
    return {row[0]: row[1] for row in rows}


def _brief(lead: Lead, names: _Names) -> dict[str, Any]:
    return {
        "id": lead.id,
        "url": f"{current().base_url}/admin/leads/{lead.id}/",
        "state": lead.state,
        "turn": lead.turn or "",
        "department": lead.department,
        "owner": names.owners.get(lead.owner_id),
        "source": lead.source,
        "source_ref": lead.source_ref,
        "vehicle": names.vehicles.get(lead.vehicle_id),
        "store": names.stores.get(lead.store_id),
        "due_at": lead.due_at,
        "is_test": is_known_test(lead),
        "created_at": lead.created_at,
        "updated_at": lead.updated_at,
        "closed_at": lead.closed_at,
    }


def _told(lead: Lead) -> schemas.Lead:
    person = lead.person
    enquiries = db.session.scalars(
        sa.select(Enquiry).where(Enquiry.lead_id == lead.id).order_by(Enquiry.id)
        .options(joinedload(Enquiry.person))
    ).all()  # fmt: skip
    cars = _map(Vehicle.id, Vehicle.public_id, (one.vehicle_id for one in enquiries))
    return schemas.Lead(
        **_brief(lead, _Names([lead])),
        message=lead.message,
        person=schemas.PersonTold(
            id=person.id, name=person.name, phone=person.phone, email=person.email
        ),
        enquiries=[
            schemas.EnquiryTold(
                id=one.id,
                submission_id=one.submission_id,
                kind=one.kind,
                source=one.source,
                external_id=one.external_id,
                vehicle=cars.get(one.vehicle_id),
                message=one.message,
                at=one.at,
            )
            for one in enquiries
        ],
        events=[_event(event) for event in lead.events],
        consents=[
            schemas.ConsentTold(
                purpose=purpose,
                is_given=one.is_given,
                channel=one.channel,
                text_version=one.text_version,
                at=one.at,
            )
            for purpose, one in sorted(consent.standing(person.id).items())
        ],
    )


def _event(event: Any) -> schemas.EventTold:
    return schemas.EventTold(
        id=event.id, at=event.at, kind=event.kind, actor=event.actor, data=dict(event.data)
    )
