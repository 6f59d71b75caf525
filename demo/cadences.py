"""Some of the demo's people who did not answer, on the steps of a cadence that were due so far."""

from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from dealership.staff import StaffMember
from leads.models import Lead, LeadEvent
from leads.pipeline.cadence_steps import touch
from leads.pipeline.cadences import CadenceRun
from leads.pipeline.stages import Stage

FEW: Final = 4
MOST_STEPS: Final = 4  # the goodbye is left to who looks around
_AFTER: Final = timedelta(minutes=40)


def try_again() -> int:
    """Let the demo's attendants have tried a few again, unless they have; how many. A door of its
    own: call it outside `writing()`."""
    with writing():
        if db.session.scalar(sa.select(CadenceRun.id).limit(1)) is not None:
            return 0
        silent = (
            sa.select(Lead, StaffMember.email)
            .join(StaffMember, StaffMember.id == Lead.owner_id)
            .where(Lead.state == Stage.TRYING, StaffMember.email.endswith("@demo.example"))
            .order_by(Lead.id)
            .limit(FEW)
        )
        rows = db.session.execute(silent).all()
        return sum(_try(lead, email) for lead, email in rows)


def _try(lead: Lead, by: str) -> bool:
    """Every step that was due until now, on its time; whether there was one."""
    last = db.session.scalar(
        sa.select(sa.func.max(LeadEvent.at, type_=LeadEvent.at.type)).where(
            LeadEvent.lead_id == lead.id
        )
    )
    at: datetime = (last or lead.created_at) + _AFTER
    taken = 0
    while at < now() and taken < MOST_STEPS:
        touch(lead, "attempted", by, at=at, channel="phone", outcome="no_answer")
        taken += 1
        at = lead.due_at
    return taken > 0
