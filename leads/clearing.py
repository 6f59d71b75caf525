"""A suspicious post turns out to be somebody's: the mark comes off, the lead joins the others. And
a test lead has done its work."""

import sqlalchemy as sa

from core.clock import now
from core.db import db
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
    Submission,
)
from leads.pipeline.holds import CarHold, WaitingPlace, let_go
from leads.pipeline.log import record
from leads.sides import PersonMerge
from leads.waiting_line import leave


def clear_suspicion(lead: Lead, *, by: str) -> bool:
    """`lead` came from a person, says `by` (a staff e-mail); whether that was news. Inside
    `writing()`: two colleagues who say so at once leave one event."""
    changed = db.session.execute(
        sa.update(Lead)
        .where(Lead.id == lead.id, Lead.is_suspect.is_(True))
        .values(is_suspect=False, updated_at=now())
        .returning(Lead.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if changed is None:
        return False
    db.session.execute(
        sa.update(Enquiry)
        .where(Enquiry.lead_id == lead.id, Enquiry.is_suspect.is_(True))
        .values(is_suspect=False)
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(lead)
    record(lead, "cleared", by)
    return True


def delete_test(lead: Lead) -> None:
    """Delete a lead with `is_test` and all it made; somebody who can be reached is a real person
    and stays. Inside `writing()`."""
    nobody = sa.and_(
        Person.id == lead.person_id,
        ~sa.exists().where(PersonKey.person_id == Person.id),
        ~sa.exists().where(Enquiry.person_id == Person.id),
        ~sa.exists().where(
            sa.or_(PersonMerge.kept_id == Person.id, PersonMerge.gone_id == Person.id)
        ),
    )
    let_go(lead, "deleted", "system")  # a car that was kept in the trial is for sale again
    places = sa.select(WaitingPlace).where(WaitingPlace.lead_id == lead.id)
    for place in db.session.scalars(places).all():
        leave(place)
    sent = sa.select(Enquiry.submission_id).where(Enquiry.lead_id == lead.id)
    submission_ids = list(db.session.scalars(sent))
    for rows in (
        sa.delete(Mail).where(Mail.lead_id == lead.id),
        sa.delete(CarHold).where(CarHold.lead_id == lead.id),
        sa.delete(WaitingPlace).where(WaitingPlace.lead_id == lead.id),
        sa.delete(Appointment).where(Appointment.lead_id == lead.id),
        sa.update(ContactClick).where(ContactClick.lead_id == lead.id).values(lead_id=None),
        sa.delete(LeadEvent).where(LeadEvent.lead_id == lead.id),
        sa.delete(Enquiry).where(Enquiry.lead_id == lead.id),
        sa.update(Consent)
        .where(Consent.submission_id.in_(submission_ids))
        .values(submission_id=None),
        sa.delete(Submission).where(Submission.id.in_(submission_ids)),
        sa.delete(Lead).where(Lead.id == lead.id),
        sa.delete(Person).where(nobody),
    ):
        db.session.execute(rows.execution_options(synchronize_session=False))
    db.session.expire_all()
