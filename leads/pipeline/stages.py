"""Stages, turns and the one table of what may happen to a lead.

A stage says where in the journey a lead is, a turn who must act next: two questions that one
status would mix up. A kind of event that is not in `TRANSITIONS` changes nothing and may always
be written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final


class Stage(StrEnum):
    """Where in the journey a lead is. The values stand in `Lead.state`."""

    WAITING = "waiting"  # in the queue, nobody's
    ASSIGNED = "assigned"  # somebody's who has not acted yet
    TRYING = "trying"  # we wrote or called, no reply yet
    TALKING = "talking"
    QUALIFIED = "qualified"  # need, car, payment, trade-in and term are known
    SCHEDULED = "scheduled"  # a visit, test drive or call has a date
    NO_SHOW = "no_show"
    VISITED = "visited"
    OFFERED = "offered"  # to a seller who has not accepted yet
    WITH_SELLER = "with_seller"
    PROPOSAL = "proposal"
    RESERVED = "reserved"
    NURTURE = "nurture"  # sleeps until a date
    WON = "won"
    LOST = "lost"
    DUPLICATE = "duplicate"  # lives on in another lead
    INVALID = "invalid"  # spam, a test, a wrong person
    BLOCKED = "blocked"  # asked not to be contacted any more
    ERASED = "erased"


class Turn(StrEnum):
    """Who must act next."""

    OURS = "ours"
    CUSTOMER = "customer"
    SELLER = "seller"
    SUPERVISOR = "supervisor"
    DATE = "date"  # nobody, until the date that was agreed


class Urgency(IntEnum):
    """The class of a lead: the queue serves a lower number first."""

    URGENT = 0  # called, or waits in a chat
    PRIORITY = 1
    TODAY = 2  # was agreed for today
    RESCUE = 3  # slept, or was lost, and may be won back


S = Stage
CLOSED: Final = frozenset({S.WON, S.LOST, S.DUPLICATE, S.INVALID, S.BLOCKED, S.ERASED})
OPEN: Final = frozenset(Stage) - CLOSED
# With an attendant who has said something or is about to.
ATTENDED: Final = frozenset(
    {S.ASSIGNED, S.TRYING, S.TALKING, S.QUALIFIED, S.SCHEDULED, S.NO_SHOW, S.VISITED}
)
# With a seller since the handoff.
SOLD_BY: Final = frozenset({S.WITH_SELLER, S.PROPOSAL, S.RESERVED})
IN_WORK: Final = ATTENDED | SOLD_BY


@dataclass(frozen=True)
class Step:
    """What one kind of event needs and does. `to` maps the stages it may happen in to the next;
    a stage that is not in it refuses the event. `needs` names the facts without which it says
    nothing."""

    to: Mapping[Stage, Stage]
    turn: Turn | None = None
    needs: tuple[str, ...] = ()


def _all(stages: frozenset[Stage] | set[Stage], to: Stage) -> dict[Stage, Stage]:
    return dict.fromkeys(stages, to)


def _stay(stages: frozenset[Stage] | set[Stage]) -> dict[Stage, Stage]:
    return {stage: stage for stage in stages}


TRANSITIONS: Final[Mapping[str, Step]] = {
    # Somebody wrote by any door; in a stage of its own only when the lead slept.
    "enquiry": Step({**_stay(OPEN), S.NURTURE: S.WAITING}, Turn.OURS),
    # An answer to us. Evidence that there is a person at the other end. Who slept is nobody's, so
    # that one waits for somebody to take it.
    "reply": Step(
        {
            **_stay(OPEN),
            **_all({S.ASSIGNED, S.TRYING, S.NO_SHOW}, S.TALKING),
            S.NURTURE: S.WAITING,
        },
        Turn.OURS,
    ),
    "cleared": Step(_stay(OPEN), Turn.OURS),
    # The car they waited for is kept for them, for some hours: somebody calls.
    "line_turn": Step({**_stay(OPEN), S.NURTURE: S.WAITING}, Turn.OURS, ("place_id",)),
    # --- who has it ---
    "claimed": Step({S.WAITING: S.ASSIGNED}, Turn.OURS, ("owner_id",)),
    "assigned": Step({S.WAITING: S.ASSIGNED}, Turn.OURS, ("owner_id", "rule")),
    "taken_over": Step({**_stay(IN_WORK), S.WAITING: S.ASSIGNED}, Turn.OURS, ("owner_id",)),
    "returned": Step(_all(ATTENDED, S.WAITING), Turn.OURS, ("reason",)),
    "escalated": Step(
        {**_stay(OPEN), S.ASSIGNED: S.WAITING, S.OFFERED: S.WAITING}, Turn.SUPERVISOR, ("reason",)
    ),
    # --- talking ---
    "attempted": Step(
        {**_stay(IN_WORK), S.ASSIGNED: S.TRYING}, Turn.CUSTOMER, ("channel", "outcome")
    ),
    "human_contact": Step(
        {**_stay(IN_WORK), S.ASSIGNED: S.TRYING}, Turn.CUSTOMER, ("channel", "evidence")
    ),
    "talked": Step(
        {**_stay(IN_WORK), **_all({S.ASSIGNED, S.TRYING, S.NO_SHOW}, S.TALKING)},
        Turn.CUSTOMER,
        ("channel", "evidence"),
    ),
    "qualified": Step(
        _all({S.ASSIGNED, S.TRYING, S.TALKING, S.QUALIFIED, S.NO_SHOW}, S.QUALIFIED),
        Turn.OURS,
        ("need",),
    ),
    "next_action": Step(_stay(OPEN - {S.WAITING, S.OFFERED}), None, ("action", "due_at")),
    # --- visits ---
    # Booked on the site while nobody has the lead: it waits on, so that somebody confirms.
    "booked": Step(
        {**_stay(OPEN), **_all(ATTENDED | {S.NURTURE}, S.SCHEDULED), S.NURTURE: S.WAITING},
        Turn.DATE,
        ("appointment_id",),
    ),
    "booking_cancelled": Step({**_stay(OPEN), S.SCHEDULED: S.TALKING}, Turn.OURS),
    "no_show": Step(_all({S.SCHEDULED, S.NO_SHOW}, S.NO_SHOW), Turn.OURS, ("appointment_id",)),
    "visited": Step({**_all(ATTENDED, S.VISITED), **_stay(SOLD_BY)}, Turn.OURS),
    # --- the handoff, in two phases ---
    "handoff_offered": Step(
        _all(ATTENDED - {S.ASSIGNED}, S.OFFERED), Turn.SELLER, ("seller_id", "summary")
    ),
    "handoff_accepted": Step({S.OFFERED: S.WITH_SELLER}, Turn.SELLER, ("seller_id",)),
    "handoff_refused": Step(_all({S.OFFERED}, S.OFFERED), Turn.OURS, ("reason",)),
    "handoff_expired": Step(_all({S.OFFERED}, S.OFFERED), Turn.OURS),
    "given_back": Step(_all(SOLD_BY, S.TALKING), Turn.OURS, ("reason",)),
    # --- the deal ---
    "proposal_sent": Step(
        _all({S.TALKING, S.QUALIFIED, S.VISITED} | SOLD_BY, S.PROPOSAL),
        Turn.CUSTOMER,
        ("price_cents",),
    ),
    "reserved": Step(_all({S.VISITED} | SOLD_BY, S.RESERVED), Turn.CUSTOMER, ("due_at",)),
    "reservation_ended": Step({S.RESERVED: S.PROPOSAL}, Turn.OURS, ("reason",)),
    "won": Step(_all(IN_WORK, S.WON), Turn.CUSTOMER),
    "lost": Step(_all(OPEN, S.LOST), Turn.CUSTOMER, ("reason",)),
    # --- rest and return ---
    "slept": Step(_all(OPEN - {S.OFFERED}, S.NURTURE), Turn.DATE, ("due_at",)),
    "woke": Step({S.NURTURE: S.WAITING}, Turn.OURS),
    "marked_invalid": Step(_all(OPEN, S.INVALID), Turn.CUSTOMER, ("reason",)),
    "blocked": Step(_all(OPEN, S.BLOCKED), Turn.CUSTOMER),
    "merged": Step(_all(OPEN, S.DUPLICATE) | _stay(CLOSED), Turn.CUSTOMER, ("into",)),
    "reopened": Step(_all(CLOSED - {S.ERASED, S.DUPLICATE}, S.WAITING), Turn.OURS, ("reason",)),
    "erased": Step({**_all(OPEN, S.ERASED), **_stay(CLOSED)}, Turn.CUSTOMER),
}
# These give the lead back to where it was before it was offered.
BACK_FROM_OFFER: Final = frozenset({"handoff_refused", "handoff_expired"})
# Events that make one before them as if it had not been; `undoes` is that one's id.
UNDOING: Final = frozenset({"undone", "unmerged"})
# What of an event is no word of or about a person, and stays when the person is erased.
FACTS: Final = frozenset(
    {"owner_id", "seller_id", "rule", "reason", "channel", "outcome", "evidence", "action",
     "due_at", "return_at", "urgency", "appointment_id", "price_cents", "into", "undoes",
     "is_first", "enquiry_id", "vehicle_id", "store_id", "excluded", "considered", "starts_at",
     "chosen", "call_seconds", "delivered_on", "grade", "effective_at", "mail_id", "attempt",
     "cadence", "step", "named_id", "special", "special_ids",
     "place_id", "store_rule"}
)  # fmt: skip
