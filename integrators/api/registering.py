"""A lead of another system: kept first, read by a job, like one from a form."""

import hashlib
import json
from typing import Any, Final

import sqlalchemy as sa

from core.clock import today
from core.db import db, writing
from core.text import clean_line
from dealership.models import Store
from integrators.api.schemas import NewLead
from inventory.models import Vehicle
from leads import notifications, privacy
from leads.capture import Arrival, Receipt, accept
from leads.intake import Asked, enter
from leads.models import Submission
from leads.people import keys_of

SOURCE: Final = "api"
JOB: Final = "process_api_lead"


def register(new: NewLead, store: str, by: str, key: str) -> Receipt:
    """Keep `new`, sent with a key of the member of staff `by` (e-mail), for the store with that
    slug. The same content under the same `key` is a repeat; other content under it is not: no lead
    is dropped for another program's mistake. Outside `writing()`. Raises leads.spool.SpoolFailed.
    """
    content = {**new.model_dump(), "store": store}
    text = json.dumps([by, content], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    own = hashlib.sha256((key or new.external_id or str(today())).encode()).hexdigest()[:32]
    return accept(
        Arrival(
            source=SOURCE,
            idem_key=f"{own}:{digest}",
            payload={**content, "by": by},
            kind=JOB,
        )
    )


def process_api_lead(payload: dict[str, Any]) -> None:
    """The job behind it. A second run finds everything there."""
    with writing():
        submission = db.session.get(Submission, payload["submission_id"])
        if submission is None or submission.state != "new":
            return
        asked = _asked(submission)
        enquiry = enter(asked, submission.id)
        submission.state = "done"
        keys = keys_of(enquiry.person.phone, enquiry.person.email)
        external = [privacy.external_key(SOURCE, asked.external_id)] if asked.external_id else []
        if privacy.is_erased([*keys, *external], submission.received_at):
            privacy.forget(enquiry)
        elif enquiry.submission_id == submission.id:
            notifications.after_enquiry(enquiry)


def _asked(submission: Submission) -> Asked:
    sent = submission.payload
    vehicle = db.session.scalars(
        sa.select(Vehicle).where(Vehicle.public_id == clean_line(sent["vehicle"], 12))
    ).first()
    store_id = db.session.scalar(sa.select(Store.id).where(Store.slug == sent["store"]))
    return Asked(
        source=SOURCE,
        kind="interest" if vehicle else "contact",
        name=sent["name"],
        phone=sent["phone"],
        email=sent["email"],
        message=sent["message"],
        department=sent["department"],
        vehicle_id=vehicle.id if vehicle else None,
        store_id=store_id or (vehicle.store_id if vehicle else None),
        source_ref=sent["origin"],
        external_id=sent["external_id"],
        at=submission.received_at,
        actor=f"api:{sent['by']}",
    )


JOBS = {JOB: process_api_lead}
