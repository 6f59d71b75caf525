"""What the demo's people were told lately, so that their page of notices has something to show. No
browser of theirs is made up: what would be pushed there would leave the machine."""

from typing import Final

import sqlalchemy as sa

from core.db import db, writing
from dealership.notices import Kind, Notice, notify
from dealership.staff import find_staff
from leads.models import Lead
from leads.pipeline.queue import is_late, mine

ATTENDANT: Final = "atendente@demo.example"
SUPERVISOR: Final = "gerente@demo.example"
EACH: Final = 2


def tell_people() -> None:
    """Notices of leads that are there, unless somebody was told something already. A door of its
    own: call it outside `writing()`, after `fill_desk`."""
    if db.session.scalar(sa.select(Notice.id).limit(1)) is not None:
        return
    attendant, supervisor = find_staff(ATTENDANT), find_staff(SUPERVISOR)
    if attendant is None or supervisor is None:
        return
    late = sa.select(Lead).where(is_late(None)).order_by(Lead.due_at, Lead.id)
    with writing():
        for kind, who, leads in (
            (Kind.HANDED, attendant, mine(attendant.id)),
            (Kind.ESCALATED, supervisor, late),
        ):
            for lead in db.session.scalars(leads.limit(EACH)).all():
                notify(
                    kind,
                    [who.id],
                    key=f"demo:{lead.id}",
                    path=f"/admin/atendimento/{lead.id}/",
                    subject=f"lead:{lead.id}",
                    store_id=lead.store_id,
                    since=lead.updated_at,
                )
