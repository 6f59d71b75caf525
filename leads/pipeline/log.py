"""The log of a lead: the one way in which anything happens to it.

DomainError
├── NotAllowed      the lead stands where this cannot happen
└── FactsMissing    a fact is missing without which the event says nothing
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db
from core.errors import DomainError
from core.wakeup import wake_after_commit
from leads.models import Lead, LeadEvent
from leads.outreach import after_sale
from leads.pipeline import cadences, holds, visit_marks
from leads.pipeline.clocks import CLOCKS, Moment, schedule_for, started_clocks
from leads.pipeline.rules import QueueRules, rules_at
from leads.pipeline.stages import TRANSITIONS, UNDOING, Stage, Turn
from leads.pipeline.standing import Happened, Standing, fold, is_allowed, replay

UNDO_WITHIN: Final = timedelta(minutes=10)


class NotAllowed(DomainError):
    """The lead stands where this cannot happen."""


class FactsMissing(DomainError):
    """A fact is missing without which the event says nothing."""


def record(
    lead: Lead,
    kind: str,
    actor: str,
    *,
    at: datetime | None = None,
    rules: QueueRules | None = None,
    **data: Any,
) -> LeadEvent:
    """Let `kind` happen to `lead`, done by `actor` (a staff e-mail, "site", "person", "system",
    "portal:…") at `at` (now), with its facts. Inside `writing()`: the lead's row is locked until
    the end. Instants among the facts are texts in ISO 8601.

    Raises NotAllowed, FactsMissing and leads.pipeline.holds.CarHeld; then nothing happened.
    """
    db.session.flush()
    db.session.refresh(lead, with_for_update={"of": Lead})
    moment = at or now()
    before = standing_of(lead)
    if kind in TRANSITIONS:
        _check(before, kind, data)
        when = Moment(moment, rules or rules_at(moment), schedule_for(lead.store_id))
        chosen = sorted(CLOCKS & data.keys())
        data = {**data, **started_clocks(kind, data, before, when)}
        if chosen:
            data["chosen"] = chosen  # by hand: a replay must not work it out again
    event = LeadEvent(lead_id=lead.id, kind=kind, actor=actor, at=moment, data=data)
    _stand(lead, fold(before, Happened(0, kind, moment, data)))
    db.session.add(event)
    db.session.flush()
    cadences.follow(event, lead.state)
    visit_marks.follow(event)
    after_sale.follow(event, lead)
    holds.keep_in_step(lead, before.stage, event)
    wake_after_commit(db.session())
    return event


def undo(lead: Lead, event_id: int, actor: str) -> None:
    """Let the newest step of `lead`, that `actor` took a moment ago, be as if it had not been. Both
    stay in the log. Inside `writing()`. Raises NotAllowed when something came after it."""
    db.session.flush()
    db.session.refresh(lead, with_for_update={"of": Lead})
    newest = db.session.scalars(
        sa.select(LeadEvent)
        .where(LeadEvent.lead_id == lead.id, LeadEvent.kind.in_([*TRANSITIONS, *UNDOING]))
        .order_by(LeadEvent.id.desc())
        .limit(1)
    ).one_or_none()
    if (
        newest is None
        or newest.id != event_id
        or newest.actor != actor
        or newest.kind in UNDOING
        or now() - newest.at > UNDO_WITHIN
    ):
        raise NotAllowed(_("This cannot be undone any more: something happened since."))
    take_back(lead, newest, actor)


def take_back(lead: Lead, event: LeadEvent, actor: str) -> None:
    """Let `event`, the newest step of `lead`, be as if it had not been: its car stands as the lead
    does then. Inside `writing()`."""
    was_reserved = lead.state == Stage.RESERVED
    undone = record(lead, "undone", actor, undoes=event.id)
    rebuild(lead)
    if was_reserved and lead.state != Stage.RESERVED:
        holds.let_go(lead, "undone", actor)
    elif lead.state == Stage.RESERVED and not was_reserved:
        holds.hold_again(lead, undone)


def may_happen(lead: Lead, kind: str) -> bool:
    """Whether `kind` may happen to `lead` as it stands; for buttons."""
    return is_allowed(standing_of(lead), kind)


def _check(before: Standing, kind: str, data: dict[str, Any]) -> None:
    if not is_allowed(before, kind):
        raise NotAllowed(
            _("That cannot be done with this lead any more: somebody moved it. Look at it again.")
        )
    missing = [name for name in TRANSITIONS[kind].needs if data.get(name) in (None, "", {})]
    if missing:
        raise FactsMissing(_("Something is missing: %(what)s.", what=", ".join(missing)))


def note(lead_id: int, kind: str, actor: str, *, at: datetime | None = None, **data: Any) -> None:
    """As `record`, for who knows only the lead's id."""
    record(db.session.get_one(Lead, lead_id), kind, actor, at=at, **data)


def standing_of(lead: Lead) -> Standing:
    """Where `lead` stands, as its columns keep it."""
    return Standing(
        stage=Stage(lead.state),
        turn=Turn(lead.turn),
        owner_id=lead.owner_id,
        attendant_id=lead.attendant_id,
        seller_id=lead.seller_id,
        urgency=lead.urgency,
        next_action=lead.next_action,
        due_at=lead.due_at,
        return_at=lead.return_at,
        returns=lead.returns,
        first_contact_at=lead.first_contact_at,
        closed_at=lead.closed_at,
        stage_before=lead.stage_before,
    )


def _stand(lead: Lead, standing: Standing) -> None:
    if lead.closed_at is not None and standing.closed_at is None:
        _refuse_second(lead)
    facts = asdict(standing)
    lead.state = facts.pop("stage").value
    lead.turn = facts.pop("turn").value
    for name, value in facts.items():
        setattr(lead, name, value)
    lead.updated_at = now()


def _refuse_second(lead: Lead) -> None:
    """One person has one open lead per department: it is not opened again beside another one."""
    other = sa.select(Lead.id).where(
        Lead.person_id == lead.person_id,
        Lead.department == lead.department,
        Lead.closed_at.is_(None),
    )
    if db.session.scalar(other.limit(1)) is not None:
        raise NotAllowed(_("This person has a newer open lead: go on there."))


def rebuilt(lead: Lead) -> Standing:
    """Where `lead` stands by its events alone. One statement."""
    rows = db.session.execute(
        sa.select(LeadEvent.id, LeadEvent.kind, LeadEvent.at, LeadEvent.data)
        .where(LeadEvent.lead_id == lead.id)
        .order_by(LeadEvent.id)
    )
    return replay(lead.created_at, (Happened(*row) for row in rows))


def rebuild(lead: Lead) -> None:
    """Let `lead` stand where its events say. Inside `writing()`."""
    db.session.flush()
    db.session.refresh(lead, with_for_update={"of": Lead})
    _stand(lead, rebuilt(lead))
    db.session.flush()
