"""Whoever enters a customer whom a colleague attends already is seen doing so.

"Skating" is the trade's word for it: writing a colleague's customer down anew, one digit of the
phone or one letter of the name changed, to have the sale. Nothing is stopped, since two people may
look alike; the colleague's lead and the supervisors hear of it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy.orm import joinedload

from core.clock import now
from core.db import db
from core.text import NotPhone, parse_phone
from dealership.staff import StaffMember
from leads.duplicates import is_nearly, near_leads
from leads.models import Lead, LeadEvent, PersonKey
from leads.people import email_key, phone_key
from leads.pipeline.log import record

KIND: Final = "skate_alert"
SHOWN_DAYS: Final = 30
MOST: Final = 50
SAID_AGAIN: Final = timedelta(days=1)  # a second click says nothing new
REASONS: Final[Mapping[str, LazyString]] = {
    "phone": _l("the same phone"),
    "email": _l("the same e-mail"),
    "name_and_car": _l("almost the same name and the same car"),
}


@dataclass(frozen=True)
class Entered:
    """What a colleague enters or changes. `phone` as typed; `lead_id` is the lead it is for."""

    name: str = ""
    phone: str = ""
    email: str = ""
    vehicle_id: int | None = None
    lead_id: int | None = None


def check_skating(entered: Entered, by: StaffMember) -> list[Lead]:
    """The open leads of other colleagues that `entered` comes near to; each gets an event, once a
    day. Inside `writing()`. The desk calls it whenever staff type who somebody is."""
    found = {**_by_name(entered), **_by_key(entered)}
    return [
        lead
        for lead_id, reason in sorted(found.items())
        if lead_id != entered.lead_id
        and (lead := db.session.get_one(Lead, lead_id))
        and _is_of_others(lead, by)
        and _say(lead, reason, by, entered.lead_id)
    ]


def _by_key(entered: Entered) -> dict[int, str]:
    keys = [("phone", _phone(entered.phone)), ("email", email_key(entered.email))]
    rows = db.session.execute(
        sa.select(Lead.id, PersonKey.kind)
        .join(PersonKey, PersonKey.person_id == Lead.person_id)
        .where(
            sa.tuple_(PersonKey.kind, PersonKey.value).in_([key for key in keys if key[1]]),
            Lead.closed_at.is_(None),
        )
        # Where both tell, the phone is said.
        .order_by(PersonKey.kind, Lead.id)
    )
    return {row[0]: row[1] for row in rows}


def _by_name(entered: Entered) -> dict[int, str]:
    if entered.vehicle_id is None or not entered.name:
        return {}
    rows = db.session.execute(near_leads(entered.vehicle_id, now()).where(Lead.closed_at.is_(None)))
    return {lead.id: "name_and_car" for lead, known in rows if is_nearly(entered.name, known)}


def _phone(typed: str) -> str:
    try:
        return phone_key(parse_phone(typed)) if typed else ""
    except NotPhone as error:
        return phone_key(error.suggestion) if error.suggestion else ""


def _is_of_others(lead: Lead, by: StaffMember) -> bool:
    """Whether it is in somebody's hands, and not in theirs."""
    hands = {lead.owner_id, lead.attendant_id, lead.seller_id} - {None}
    return bool(hands) and by.id not in hands


def _say(lead: Lead, reason: str, by: StaffMember, lead_id: int | None) -> bool:
    record_of = sa.select(LeadEvent.data).where(
        LeadEvent.lead_id == lead.id,
        LeadEvent.kind == KIND,
        LeadEvent.actor == by.email,
        LeadEvent.at >= now() - SAID_AGAIN,
    )
    if not any(data.get("reason") == reason for data in db.session.scalars(record_of)):
        record(lead, KIND, by.email, reason=reason, by_lead=lead_id)
    return True


def skate_alerts(store_ids: Collection[int] | None) -> list[tuple[LeadEvent, Lead]]:
    """The alerts of late on leads of those stores (None: all), newest first. One statement."""
    rows = (
        sa.select(LeadEvent, Lead)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(LeadEvent.kind == KIND, LeadEvent.at >= now() - timedelta(days=SHOWN_DAYS))
        .options(joinedload(Lead.person))
        .order_by(LeadEvent.at.desc(), LeadEvent.id.desc())
        .limit(MOST)
    )
    if store_ids is not None:
        rows = rows.where(Lead.store_id.in_(store_ids))
    return [(event, lead) for event, lead in db.session.execute(rows)]
