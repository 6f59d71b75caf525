"""The demo's attendants at work: most invented people were answered, one comes today."""

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from core.clock import now, today
from core.db import db, writing
from dealership.models import Store
from dealership.staff import StaffMember
from demo.leads import SOURCE_MARK
from leads.answer_time import ANSWERED
from leads.models import Appointment, Enquiry, Lead, Submission
from leads.pipeline.log import note, record

BY: Final = "atendente@demo.example"
STILL_NEW: Final = timedelta(hours=4)  # who wrote later was not answered yet
WAITS_MINUTES: Final = (4, 11, 38, 7, 95, 14, 3, 210)
VISIT_AT: Final = time(17)
VISIT_MINUTES: Final = 30


def attend_leads() -> None:
    """Answer the demo's older leads and book a test drive for today, unless that was done. A door
    of its own: call it outside `writing()`."""
    with writing():
        leads = db.session.scalars(_of_the_demo()).unique().all()
        if any(event.kind == ANSWERED for lead in leads for event in lead.events):
            return
        attendant = db.session.scalars(
            sa.select(StaffMember).where(StaffMember.email == BY)
        ).one_or_none()
        if attendant is None:
            return
        answered = [lead for lead in leads if lead.created_at < now() - STILL_NEW]
        for number, lead in enumerate(answered):
            wait = timedelta(minutes=WAITS_MINUTES[number % len(WAITS_MINUTES)])
            _answer(lead, attendant, lead.created_at + wait)
        _book_for_today()


def _answer(lead: Lead, by: StaffMember, at: datetime) -> None:
    record(lead, "claimed", by.email, at=at - timedelta(minutes=1), owner_id=by.id)
    record(lead, ANSWERED, by.email, at=at, channel="whatsapp", evidence="whatsapp")


def _of_the_demo() -> sa.Select[Lead]:
    return (
        sa.select(Lead)
        .join(Enquiry, Enquiry.lead_id == Lead.id)
        .join(Submission, Submission.id == Enquiry.submission_id)
        .where(Submission.page_key == SOURCE_MARK, Lead.is_suspect.is_(False))
        .order_by(Lead.id)
        .options(selectinload(Lead.events))
    )


def _book_for_today() -> None:
    """The newest test drive that was asked for and has a store."""
    wish = db.session.scalars(
        sa.select(Enquiry)
        .join(Submission, Submission.id == Enquiry.submission_id)
        .where(Submission.page_key == SOURCE_MARK, Enquiry.kind == "test_drive")
        .where(Enquiry.store_id.is_not(None), Enquiry.lead_id.is_not(None))
        .order_by(Enquiry.at.desc())
    ).first()
    if wish is None or wish.lead_id is None or wish.store_id is None:
        return
    store = db.session.get_one(Store, wish.store_id)
    zone = ZoneInfo(store.zone)
    visit = Appointment(
        kind="test_drive",
        store_id=store.id,
        vehicle_id=wish.vehicle_id,
        submission_id=wish.submission_id,
        lead_id=wish.lead_id,
        starts_at=datetime.combine(today(zone), VISIT_AT, tzinfo=zone),
        minutes=VISIT_MINUTES,
    )
    db.session.add(visit)
    db.session.flush()
    starts_at = visit.starts_at.isoformat()
    note(wish.lead_id, "booked", "site", appointment_id=visit.id, starts_at=starts_at)
