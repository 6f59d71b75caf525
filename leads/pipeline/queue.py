"""The queue: who waits, in which order, and whose a lead becomes.

Within a class the oldest promise comes first, so nobody starves: a promise only gets older. What
is too old goes to the supervisors (leads.pipeline.timers).

DomainError
└── AlreadyClaimed    somebody else has it, or it has ended
"""

from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.db import db
from core.errors import DomainError
from dealership.roles import Role
from dealership.staff import StaffMember
from leads.inbox import within
from leads.models import Lead, LeadEvent
from leads.pipeline.log import NotAllowed, record, take_back
from leads.pipeline.stages import TRANSITIONS, UNDOING, Stage, Turn

ORDER: Final = (Lead.urgency, Lead.due_at, Lead.id)


class AlreadyClaimed(DomainError):
    """Somebody else has the lead, or it has ended. `owner_name` is empty when nobody has it."""

    def __init__(self, owner_name: str = "") -> None:
        self.owner_name = owner_name
        super().__init__(
            _("%(name)s has this lead already.", name=owner_name)
            if owner_name
            else _("This lead does not wait any more.")
        )


def is_waiting(store_ids: Collection[int] | None) -> sa.ColumnElement[bool]:
    """Whether a lead waits in the queue of these stores (None: all). Suspicious ones wait in
    their own tray."""
    return sa.and_(
        Lead.closed_at.is_(None),
        Lead.state == Stage.WAITING,
        Lead.is_suspect.is_(False),
        within(Lead.store_id, store_ids),
    )


def waiting(store_ids: Collection[int] | None) -> sa.Select[Any]:
    """The waiting leads of these stores, the next one first."""
    return sa.select(Lead).where(is_waiting(store_ids)).order_by(*ORDER)


def is_mine(staff_id: int) -> sa.ColumnElement[bool]:
    """Whether a lead is that person's to act on or to watch: owned, or offered to them."""
    return sa.and_(
        Lead.closed_at.is_(None),
        sa.or_(
            Lead.owner_id == staff_id,
            sa.and_(Lead.state == Stage.OFFERED, Lead.seller_id == staff_id),
        ),
    )


def mine(staff_id: int) -> sa.Select[Any]:
    """Those leads, the next dated action first."""
    return sa.select(Lead).where(is_mine(staff_id)).order_by(Lead.due_at, Lead.id)


def claim(lead_id: int, by: StaffMember) -> Lead:
    """The lead, now `by`'s. Asking again changes nothing. Inside `writing()`: of any number who
    ask at once, one gets it.

    Raises AlreadyClaimed, and sqlalchemy.exc.NoResultFound for a lead that is not there.
    """
    lead = _locked(lead_id)
    if lead.owner_id == by.id and lead.closed_at is None:
        return lead
    if lead.state != Stage.WAITING:
        raise AlreadyClaimed(_name(lead.owner_id))
    record(lead, "claimed", by.email, owner_id=by.id)
    return lead


def take_over(lead: Lead, staff: StaffMember, *, by: str, reason: str = "moved") -> None:
    """Give `lead` to `staff`, whoever has it. Inside `writing()`. Raises NotAllowed."""
    if lead.owner_id != staff.id:
        record(lead, "taken_over", by, owner_id=staff.id, reason=reason)


def give_back(lead: Lead, *, by: str, reason: str) -> None:
    """Put `lead` back into the queue with its promise unchanged. Inside `writing()`; `reason` is
    one of leads.words.RETURN_REASONS. Raises NotAllowed."""
    record(lead, "returned", by, reason=reason)


def send_back(lead: Lead, *, by: str) -> None:
    """A lead whose next step was long overdue is its owner's to act on again: the escalation is as
    if it had not been, and is not repeated for that date. Inside `writing()`. Raises NotAllowed."""
    db.session.flush()
    db.session.refresh(lead, with_for_update={"of": Lead})
    newest = db.session.scalars(
        sa.select(LeadEvent)
        .where(LeadEvent.lead_id == lead.id, LeadEvent.kind.in_([*TRANSITIONS, *UNDOING]))
        .order_by(LeadEvent.id.desc())
        .limit(1)
    ).one_or_none()
    if newest is None or newest.kind != "escalated" or newest.data.get("reason") != "stuck":
        raise NotAllowed(_("This lead is not with the supervisors any more. Look at it again."))
    take_back(lead, newest, by)


def supervisors(store_id: int | None) -> list[StaffMember]:
    """Who answers for the leads of the store: active supervisors, else owners, by name."""
    people = [
        one
        for one in db.session.scalars(
            sa.select(StaffMember)
            .where(StaffMember.active, StaffMember.role.in_([Role.SUPERVISOR, Role.OWNER]))
            .order_by(StaffMember.name, StaffMember.id)
        ).unique()
        if one.serves(store_id)
    ]
    return [one for one in people if one.role == Role.SUPERVISOR] or people


def is_late(store_ids: Collection[int] | None) -> sa.ColumnElement[bool]:
    """Whether a lead stands on the supervisors' list: nobody acted in time."""
    return sa.and_(
        Lead.closed_at.is_(None),
        Lead.turn == Turn.SUPERVISOR,
        Lead.is_suspect.is_(False),
        within(Lead.store_id, store_ids),
    )


def _locked(lead_id: int) -> Lead:
    return db.session.scalars(
        sa.select(Lead)
        .where(Lead.id == lead_id)
        .with_for_update(of=Lead)
        .execution_options(populate_existing=True)
    ).one()


def _name(staff_id: int | None) -> str:
    owner = db.session.get(StaffMember, staff_id) if staff_id else None
    return owner.shown_name if owner else ""
