"""By when: the promises and timers that an event starts, in the store's working time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from core.clock import DEFAULT_ZONE, read_instant
from dealership.business_time import add_working, effective_start
from dealership.hours import Schedule
from dealership.identity import identity
from leads.pipeline.rules import QueueRules
from leads.pipeline.stages import Stage, Urgency
from leads.pipeline.standing import Standing

_ALWAYS: Final = Schedule(DEFAULT_ZONE)
# Somebody waits at the telephone or in a chat.
_URGENT_KINDS: Final = frozenset({"call_back", "missed_call", "call"})
_URGENT_SOURCES: Final = frozenset({"whatsapp", "telephony"})
_RESCUE_SOURCES: Final = frozenset({"alert"})
NO_SHOW_MINUTES: Final = 30  # until the rescue call: the sooner, the more come after all


def urgency_of(kind: str, source: str) -> Urgency:
    """The class of what was asked by a form of `kind` that came from `source`."""
    if kind in _URGENT_KINDS or source in _URGENT_SOURCES:
        return Urgency.URGENT
    return Urgency.RESCUE if source in _RESCUE_SOURCES else Urgency.PRIORITY


def schedule_for(store_id: int | None) -> Schedule:
    """The hours of the store, or of the main one for a lead that belongs to none. A group whose
    stores have no hours yet works around the clock."""
    stores = identity().stores
    for store in stores:
        if store.id == store_id:
            return store.schedule
    return stores[0].schedule if stores else _ALWAYS


@dataclass(frozen=True)
class Moment:
    """When an event happens, under which rules, in whose working time."""

    at: datetime
    rules: QueueRules
    schedule: Schedule

    def after(self, minutes: int) -> str:
        """The instant so many working minutes later, as the log keeps it."""
        return add_working(self.schedule, self.at, minutes).isoformat()

    def promise(self, urgency: int) -> str:
        """Until when somebody of that class is promised the first answer."""
        return self.after(self.rules.target(urgency).minutes)


# What is to be done next after each kind of event, and in how many working minutes.
_NEXT: Final[Mapping[str, tuple[str, Callable[[QueueRules], int]]]] = {
    "attempted": ("retry", lambda rules: rules.retry_minutes),
    "human_contact": ("follow_up", lambda rules: rules.follow_minutes),
    "talked": ("follow_up", lambda rules: rules.follow_minutes),
    "qualified": ("follow_up", lambda rules: rules.follow_minutes),
    "booking_cancelled": ("follow_up", lambda rules: rules.reply.minutes),
    "no_show": ("rescue", lambda _rules: NO_SHOW_MINUTES),
    "visited": ("outcome", lambda rules: rules.outcome.minutes),
    "handoff_offered": ("accept_handoff", lambda rules: rules.handoff.minutes),
    "handoff_refused": ("follow_up", lambda rules: rules.reply.minutes),
    "handoff_expired": ("follow_up", lambda rules: rules.reply.minutes),
    "handoff_accepted": ("propose", lambda rules: rules.proposal.minutes),
    "given_back": ("follow_up", lambda rules: rules.reply.minutes),
    "proposal_sent": ("follow_proposal", lambda rules: rules.proposal.minutes),
    "reservation_ended": ("follow_proposal", lambda rules: rules.reply.minutes),
}
_ASKING: Final = frozenset({"enquiry", "cleared", "reopened", "woke"})
_ROUSING: Final = frozenset({"reply", "booked", "line_turn"})  # who slept then asks, too
_AT_ONCE: Final = frozenset({"reply", "line_turn"})
# A date that was agreed stays the next one, whatever is said until then.
_AGREED: Final = frozenset({"visit", "end_reservation"})
_WORDS: Final = frozenset({"attempted", "human_contact", "talked"})
_OWNING: Final = frozenset({"claimed", "assigned", "taken_over"})
CLOCKS: Final = frozenset({"due_at", "action", "return_at"})  # facts that may be worked out here


def started_clocks(
    kind: str, given: Mapping[str, Any], standing: Standing, moment: Moment
) -> dict[str, Any]:
    """The facts about time that an event of `kind` adds to those `given`: `due_at` and `action`
    (what is to be done next), `return_at` (when it is taken back), `urgency`. Instants are texts
    in ISO 8601."""
    added: dict[str, Any] = {}
    if kind in _ASKING or (kind in _ROUSING and standing.stage is Stage.NURTURE):
        added = _asked(kind, given, standing, moment)
    elif kind in _OWNING:
        added = _owned(standing, moment)
    elif kind in _AT_ONCE:
        added = _replied(kind, standing, moment)
    elif kind == "booked":
        added = _booked(given, standing, moment.rules)
    elif kind == "slept":
        added = {"action": "wake"}
    elif kind == "reserved":
        added = {"action": "end_reservation"}
    elif kind in _WORDS and standing.next_action in _AGREED and standing.due_at > moment.at:
        pass
    elif kind in _NEXT and standing.stage is not Stage.WAITING:
        action, minutes = _NEXT[kind]
        added = {"action": action, "due_at": moment.after(minutes(moment.rules))}
    if kind == "handoff_offered":
        added["return_at"] = moment.after(moment.rules.handoff.late)
    # What the caller says holds, but for the class, which follows from what it was before.
    return {k: value for k, value in added.items() if k not in given or k == "urgency"}


def _asked(
    kind: str, given: Mapping[str, Any], standing: Standing, moment: Moment
) -> dict[str, Any]:
    """Somebody waits for an answer: a new promise, or the older one if that ends sooner."""
    urgency = int(given.get("urgency", standing.urgency))
    is_again = kind == "enquiry" and not given.get("is_first")
    if kind == "woke":
        urgency = int(Urgency.RESCUE)
    elif kind in _AT_ONCE:
        urgency = int(Urgency.URGENT)
    elif is_again and standing.stage is not Stage.NURTURE:
        urgency = min(urgency, standing.urgency)
    action, due = "answer", moment.promise(urgency)
    if is_again and standing.stage is Stage.WAITING:
        due = _sooner(standing, due)
    elif is_again and standing.stage is not Stage.NURTURE:
        action = "reply"
    began = effective_start(moment.schedule, moment.at).isoformat()
    return {"urgency": urgency, "action": action, "due_at": due, "effective_at": began}


def _owned(standing: Standing, moment: Moment) -> dict[str, Any]:
    added: dict[str, Any] = {"urgency": standing.urgency}  # fair turns are counted by class
    if standing.stage in {Stage.WAITING, Stage.ASSIGNED}:
        minutes = moment.rules.target(standing.urgency).minutes * 2
        added |= {"action": "contact", "return_at": moment.after(minutes)}
    return added


def _replied(kind: str, standing: Standing, moment: Moment) -> dict[str, Any]:
    if standing.stage is Stage.WAITING:
        due = _sooner(standing, moment.promise(Urgency.URGENT))
        return {"urgency": int(Urgency.URGENT), "due_at": due}
    return {"action": kind, "due_at": moment.after(moment.rules.reply.minutes)}


def _sooner(standing: Standing, due: str) -> str:
    return min(standing.due_at, read_instant(due)).isoformat()


def _booked(given: Mapping[str, Any], standing: Standing, rules: QueueRules) -> dict[str, Any]:
    """The time itself is the next date; what came of it is asked once it is over."""
    if standing.stage is Stage.WAITING or not given.get("starts_at"):
        return {}
    over = read_instant(str(given["starts_at"])) + timedelta(minutes=rules.outcome.minutes)
    return {"action": "visit", "due_at": over.isoformat()}
