"""Which of the demo's leads came by which of its ads, and a question that waits at Mercado Livre.

Real ones are tied when they arrive; these were told before their accounts were there.
"""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from core.db import db, writing
from demo.desk import MARK
from demo.portals import NOWHERE
from integrators.models import Listing, PortalAccount
from inventory.models import Vehicle
from leads.models import Enquiry, Lead, Submission
from leads.pipeline.stages import Stage

FIRST_QUESTION: Final = 13_000_000_000  # about where Mercado Livre's own numbers are


def tie_portal_leads() -> None:
    """Let each lead that a portal brought have come by the demo's account there, and by the ad of
    its car. What is tied stays as it is. Outside `writing()`, after `load_portals`."""
    with writing():
        for row in _accounts():
            for enquiry in _untied(row):
                _tie(enquiry, row)


def _accounts() -> Sequence[PortalAccount]:
    rows = sa.select(PortalAccount).where(PortalAccount.base_url == NOWHERE)
    return db.session.scalars(rows.order_by(PortalAccount.id)).all()


def _untied(row: PortalAccount) -> Sequence[Enquiry]:
    statement = (
        sa.select(Enquiry)
        .join(Submission, Submission.id == Enquiry.submission_id)
        .where(Submission.source == row.kind, Submission.idem_key.startswith(f"{MARK}:"))
        .order_by(Enquiry.id)
    )
    return db.session.scalars(statement).all()


def _tie(enquiry: Enquiry, row: PortalAccount) -> None:
    post = enquiry.submission
    post.idem_key = f"{row.id}:{post.idem_key}"
    post.payload = {**post.payload, "account_id": row.id}
    lead = db.session.get_one(Lead, enquiry.lead_id)
    is_unreachable = not (lead.person.phone or lead.person.email)
    if row.kind == "mercadolivre" and lead.state == Stage.WAITING and is_unreachable:
        _make_question(enquiry, lead, row)
    ad = _ad_number(row, enquiry.vehicle_id)
    if ad:
        lead.source_ref = ad
        enquiry.details = {**enquiry.details, "ad": ad}


def _make_question(enquiry: Enquiry, lead: Lead, row: PortalAccount) -> None:
    """Nobody asks there but under an ad: it is about a car of the same store that has one."""
    enquiry.external_id = f"question:{FIRST_QUESTION + enquiry.id}"
    enquiry.details = {**enquiry.details, "channel": "question"}
    car = (
        sa.select(Vehicle.id)
        .join(Listing, Listing.vehicle_id == Vehicle.id)
        .where(Listing.account_id == row.id, Listing.remote == "online")
        .order_by(Vehicle.store_id != lead.store_id, Vehicle.id)
        .limit(1)
    )
    lead.vehicle_id = enquiry.vehicle_id = db.session.scalar(car) or enquiry.vehicle_id


def _ad_number(row: PortalAccount, vehicle_id: int | None) -> str:
    statement = sa.select(Listing.external_id).where(
        Listing.account_id == row.id, Listing.vehicle_id == vehicle_id
    )
    return db.session.scalar(statement) or ""
