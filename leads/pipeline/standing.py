"""Where a lead stands, and what one event makes of it: pure, so that a rebuild gives the same."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from core.clock import read_instant
from leads.pipeline.stages import (
    BACK_FROM_OFFER,
    CLOSED,
    SOLD_BY,
    TRANSITIONS,
    UNDOING,
    Stage,
    Turn,
    Urgency,
)

_CONTACT: Final = frozenset({"human_contact", "talked"})
_OWNING: Final = frozenset({"claimed", "assigned", "taken_over"})
_FREEING: Final = frozenset({"returned", "slept", "woke", "reopened"})
_INBOUND: Final = frozenset({"enquiry", "reply", "line_turn"})
# These say nothing of what the lead's owner did.
_LETS_IT_RUN: Final = _INBOUND | {"booked", "booking_cancelled", "cleared", "next_action"}
# What a colleague only says they did moves the stage, not the clocks: a tap that we saw does.
DECLARED: Final = "declared"


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything about a lead that follows from its events. Instants in UTC."""

    due_at: datetime  # of the next action; of the promised first answer while it waits
    stage: Stage = Stage.WAITING
    turn: Turn = Turn.OURS
    owner_id: int | None = None  # who has it; None: the queue
    attendant_id: int | None = None  # stays beside the seller after a handoff
    seller_id: int | None = None  # whom it was offered to, or who accepted
    urgency: int = Urgency.PRIORITY
    next_action: str = "answer"
    return_at: datetime | None = None  # when it is taken from who does not act
    returns: int = 0
    first_contact_at: datetime | None = None
    closed_at: datetime | None = None
    stage_before: str = ""  # where an offer came from


@dataclass(frozen=True, slots=True)
class Happened:
    """One event as the fold needs it."""

    id: int
    kind: str
    at: datetime
    data: Mapping[str, Any]


def is_allowed(standing: Standing, kind: str) -> bool:
    """Whether an event of `kind` may happen to a lead that stands so."""
    step = TRANSITIONS.get(kind)
    return step is None or standing.stage in step.to


def fold(standing: Standing, event: Happened) -> Standing:
    """What `event` makes of `standing`; itself when it changes nothing or may not happen."""
    step = TRANSITIONS.get(event.kind)
    if step is None or standing.stage not in step.to:
        return standing
    data = event.data
    stage = step.to[standing.stage]
    if event.kind in BACK_FROM_OFFER:
        stage = Stage(standing.stage_before or Stage.TALKING)
    changed = replace(
        standing,
        stage=stage,
        turn=_turn(standing, event, step.turn),
        urgency=int(data.get("urgency", standing.urgency)),
        next_action=str(data.get("action", standing.next_action)),
        due_at=_instant(data, "due_at") or standing.due_at,
        return_at=_return_at(standing, event),
        returns=standing.returns + (data.get("reason") == "timer" and event.kind == "returned"),
        stage_before=_stage_before(standing, event, stage),
    )
    changed = _owned(changed, standing, event)
    if event.kind in _CONTACT and data.get("grade") != DECLARED:
        changed = replace(changed, first_contact_at=standing.first_contact_at or event.at)
    if event.kind == "reopened":
        changed = replace(changed, returns=0, seller_id=None)
    return _ended(changed, standing, event)


def _turn(standing: Standing, event: Happened, turn: Turn | None) -> Turn:
    if event.kind in _INBOUND and standing.stage in SOLD_BY and standing.seller_id:
        return Turn.SELLER
    if event.kind == "booked" and standing.stage is Stage.WAITING:
        return standing.turn  # somebody still answers
    if event.kind == "booked" and standing.stage is Stage.NURTURE:
        return Turn.OURS  # nobody has it: somebody confirms
    if event.kind == "next_action" and standing.turn is Turn.SUPERVISOR:
        # A new date is a new promise, by whoever has the lead.
        return Turn.SELLER if standing.stage in SOLD_BY and standing.seller_id else Turn.OURS
    return turn or standing.turn


def _stage_before(standing: Standing, event: Happened, stage: Stage) -> str:
    if event.kind == "handoff_offered":
        return standing.stage
    return standing.stage_before if stage is Stage.OFFERED else ""


def _return_at(standing: Standing, event: Happened) -> datetime | None:
    """The timer stops on what its owner is known to have done, not on what is merely said."""
    given = _instant(event.data, "return_at")
    if given or event.kind in _OWNING | _FREEING or event.kind in BACK_FROM_OFFER:
        return given
    if event.kind in _LETS_IT_RUN:
        return standing.return_at
    if event.kind in _CONTACT | {"attempted"} and event.data.get("grade") == DECLARED:
        return standing.return_at
    return None


def _owned(changed: Standing, before: Standing, event: Happened) -> Standing:
    data, kind = event.data, event.kind
    if kind in _OWNING:
        owner = data.get("owner_id")
        if before.stage in SOLD_BY:
            return replace(changed, owner_id=owner, seller_id=owner)
        return replace(changed, owner_id=owner, attendant_id=owner)
    if kind in _FREEING or changed.stage is Stage.WAITING:
        return replace(changed, owner_id=None, seller_id=None)
    if kind == "handoff_offered":
        return replace(changed, seller_id=data.get("seller_id"))
    if kind == "handoff_accepted":
        return replace(changed, owner_id=before.seller_id)
    if kind in BACK_FROM_OFFER:
        return replace(changed, seller_id=None)
    if kind == "given_back":
        return replace(changed, owner_id=before.attendant_id or before.owner_id, seller_id=None)
    return changed


def _ended(changed: Standing, before: Standing, event: Happened) -> Standing:
    if changed.stage not in CLOSED:
        return replace(changed, closed_at=None)
    if before.closed_at is not None:
        return before  # what ended stays as it ended
    return replace(
        changed,
        closed_at=event.at,
        due_at=event.at,
        return_at=None,
        next_action="",
        stage_before="",
    )


def _instant(data: Mapping[str, Any], name: str) -> datetime | None:
    text = data.get(name)
    return read_instant(text) if isinstance(text, str) and text else None


def replay(born: datetime, events: Iterable[Happened]) -> Standing:
    """The standing after all `events`, in the order of their ids, of a lead made at `born`.

    An event that a later one undoes is left out, as is that later one.
    """
    listed = list(events)
    undone = {one.data.get("undoes") for one in listed if one.kind in UNDOING}
    standing = Standing(due_at=born)
    for event in listed:
        if event.kind not in UNDOING and event.id not in undone:
            standing = fold(standing, event)
    return standing
