"""A double click is one deed: the same by the same person within seconds is not written again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db
from leads.models import Lead, LeadEvent
from leads.pipeline.stages import Stage

WITHIN: Final = timedelta(seconds=10)
_UNCOMPARED: Final = frozenset({"grade"})  # whether a tap was noted may change between two clicks


def repeated(lead: Lead, kind: str, actor: str, facts: Mapping[str, Any]) -> LeadEvent | None:
    """What `actor` did to `lead` a moment ago, if it is this again. Inside `writing()`: the lead's
    row is locked until the end, so of two posts at once the second sees the first."""
    db.session.flush()
    db.session.refresh(lead, with_for_update={"of": Lead})
    newest = db.session.scalars(
        sa.select(LeadEvent)
        .where(LeadEvent.lead_id == lead.id, LeadEvent.actor == actor)
        .order_by(LeadEvent.id.desc())
        .limit(1)
    ).one_or_none()
    if newest is None or newest.kind != kind or newest.at < now() - WITHIN:
        return None
    compared = {name: facts[name] for name in facts.keys() - _UNCOMPARED}
    return newest if compared.items() <= newest.data.items() else None


def just_claimed(staff_id: int, actor: str) -> int | None:
    """The lead that the person took from the queue a moment ago and has not touched since."""
    return db.session.scalar(
        sa.select(LeadEvent.lead_id)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(LeadEvent.kind == "claimed", LeadEvent.actor == actor)
        .where(LeadEvent.at >= now() - WITHIN)
        .where(Lead.owner_id == staff_id, Lead.state == Stage.ASSIGNED)
        .order_by(LeadEvent.id.desc())
        .limit(1)
    )
