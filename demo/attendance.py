"""The demo's attendants at work: the invented people were answered, one comes today."""

from collections.abc import Iterable
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

TEAM: Final = ("atendente@demo.example", "atendente2@demo.example", "atendente3@demo.example")
STILL_NEW: Final = timedelta(minutes=20)  # who wrote later was not answered yet
NEXT_IN_HOURS: Final = (2, 26, 5, 49, 1, 30)  # when they are called again
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
        team = list(_team())
        if not team:
            return
        answered = [lead for lead in leads if lead.created_at < now() - STILL_NEW]
        for number, lead in enumerate(answered):
            wait = timedelta(minutes=WAITS_MINUTES[number % len(WAITS_MINUTES)])
            by = team[number % len(team)]
            _answer(lead, by, min(lead.created_at + wait, now()))
            due = now() + timedelta(hours=NEXT_IN_HOURS[number % len(NEXT_IN_HOURS)])
            record(lead, "next_action", by.email, action="follow_up", due_at=due.isoformat())
        _book_for_today()


def _answer(lead: Lead, by: StaffMember, at: datetime) -> None:
    record(lead, "claimed", by.email, at=at - timedelta(minutes=1), owner_id=by.id)
    record(lead, ANSWERED, by.email, at=at, channel="whatsapp", evidence="whatsapp")


def _team() -> Iterable[StaffMember]:
    return db.session.scalars(
        sa.select(StaffMember).where(StaffMember.email.in_(TEAM)).order_by(StaffMember.id)
    ).unique()


def _of_the_demo() -> sa.Select[Lead]:
    return (
        sa.select(Lead)
        .join(Enquiry, Enquiry.lead_id == Lead.id)
        .join(Submission, Submission.id == Enquiry.submission_id)
        .where(Submission.idem_key.startswith(f"{SOURCE_MARK}:"), Lead.is_suspect.is_(False))
        .order_by(Lead.id)
        .options(selectinload(Lead.events))
    )


def _book_for_today() -> None:
    """The newest test drive that was asked for and has a store."""
    wish = db.session.scalars(
        sa.select(Enquiry)
        .join(Submission, Submission.id == Enquiry.submission_id)
        .where(Submission.idem_key.startswith(f"{SOURCE_MARK}:"), Enquiry.kind == "test_drive")
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
