"""Who gets a lead: a pure function of the lead, the people and what they received before.

Turns are fair by credit: each lead that is handed out is worth one, split as credit among all who
could have had it; who gets it pays the whole. Who is away earns nothing and owes nothing, so
nobody comes back from a holiday to a flood, and of people who are there equally no one ever gets
two more than another.

The ladder: who knows the person already, who was named (a link, a code, a profile), a special
rule, the fair turn, and if nobody can, the queue with its clock. Every decision tells who was
considered and why the others were not.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class Rule(StrEnum):
    """The step of the ladder that decided."""

    KNOWN = "known"
    NAMED = "named"
    SPECIAL = "special"
    FAIR = "fair"
    QUEUE = "queue"


class Excluded(StrEnum):
    """Why somebody could not have it."""

    OFF_SHIFT = "off_shift"
    ABSENT = "absent"  # on shift, and not at the desk
    PAUSED = "paused"
    FULL = "full"
    DEPARTMENT = "department"
    STORE = "store"
    OVERDUE = "overdue"  # owes the outcome of visits
    LEFT_IT = "left_it"  # had this lead and let the timer run out


@dataclass(frozen=True)
class Candidate:
    """One person who may get leads. `load` weighs their open ones; `credit` is what they are owed
    of each class of leads; who has no turn gets only leads that name them."""

    staff_id: int
    store_ids: frozenset[int] | None = None  # None: every store
    departments: frozenset[str] = frozenset()  # none named: every one
    capacity: float = 60.0
    load: float = 0.0
    credit: Mapping[int, float] = field(default_factory=dict)
    last_received_at: datetime | None = None
    is_on_shift: bool = True
    is_present: bool = True
    is_paused: bool = False
    is_overdue: bool = False
    has_turn: bool = True


@dataclass(frozen=True)
class Wanted:
    """What a lead asks of who shall have it."""

    department: str
    store_id: int | None
    urgency: int
    known_id: int | None = None  # who attended the person before
    named_id: int | None = None  # whose link or code it came by
    special_ids: Sequence[int] = ()  # whom a special rule names, and `special` which
    special: str = ""
    left_by: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Decision:
    """Who gets it, by which rule, and why not the others; nobody means the queue."""

    staff_id: int | None
    rule: Rule
    excluded: Mapping[int, Excluded]
    considered: Sequence[int] = ()


_NEVER: Final = float("-inf")


def decide(wanted: Wanted, people: Sequence[Candidate]) -> Decision:
    """Who gets the lead. The same question gets the same answer."""
    meant = {wanted.named_id, *wanted.special_ids}
    people = [one for one in people if one.has_turn or one.staff_id in meant]
    excluded = {
        one.staff_id: reason for one in people if (reason := why_not(wanted, one)) is not None
    }
    eligible = [one for one in people if one.staff_id not in excluded]
    ids = {one.staff_id for one in eligible}
    considered = sorted(ids)
    for rule, wish in (
        (Rule.KNOWN, [wanted.known_id]),
        (Rule.NAMED, [wanted.named_id]),
        (Rule.SPECIAL, wanted.special_ids),
    ):
        able = [one for one in eligible if one.staff_id in wish]
        if able:
            return Decision(_turn(able, wanted.urgency), rule, excluded, considered)
    if eligible:
        return Decision(_turn(eligible, wanted.urgency), Rule.FAIR, excluded, considered)
    return Decision(None, Rule.QUEUE, excluded)


def why_not(wanted: Wanted, person: Candidate) -> Excluded | None:
    """Why `person` cannot have the lead; None when they can."""
    if person.store_ids is not None and wanted.store_id not in person.store_ids:
        return Excluded.STORE
    if person.departments and wanted.department not in person.departments:
        return Excluded.DEPARTMENT
    if not person.is_on_shift:
        return Excluded.OFF_SHIFT
    if person.is_paused:
        return Excluded.PAUSED
    if not person.is_present:
        return Excluded.ABSENT
    if person.is_overdue:
        return Excluded.OVERDUE
    if person.load >= person.capacity:
        return Excluded.FULL
    if person.staff_id in wanted.left_by:
        return Excluded.LEFT_IT
    return None


def _turn(people: Sequence[Candidate], urgency: int) -> int:
    """Who is owed most of this class; then who has waited longest, then the lowest id."""

    def turn(one: Candidate) -> tuple[float, float, int]:
        since = one.last_received_at.timestamp() if one.last_received_at else _NEVER
        # Rounded: a third three times is a whole.
        return -round(one.credit.get(urgency, 0.0), 6), since, one.staff_id

    return min(people, key=turn).staff_id


def told(decision: Decision, wanted: Wanted) -> dict[str, Any]:
    """A decision as the log keeps it, with what it rested on: whoever asks why reads it there, and
    a replay needs nothing else."""
    facts = {
        "owner_id": decision.staff_id,
        "rule": decision.rule.value,
        "considered": list(decision.considered),
        "excluded": {str(key): value.value for key, value in decision.excluded.items()},
    }
    if wanted.named_id is not None:
        facts["named_id"] = wanted.named_id
    if wanted.special_ids:
        facts |= {"special": wanted.special, "special_ids": list(wanted.special_ids)}
    return facts


@dataclass(frozen=True)
class Given:
    """One lead that was handed out: of which class, to whom, who could have had it, when."""

    urgency: int
    staff_id: int
    considered: Sequence[int]
    at: datetime


def credits_of(given: Iterable[Given]) -> dict[int, dict[int, float]]:
    """What everybody is owed after `given`: per person, per class."""
    owed: defaultdict[int, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
    for one in given:
        for staff_id in one.considered:
            owed[staff_id][one.urgency] += 1 / len(one.considered)
        owed[one.staff_id][one.urgency] -= 1
    return {staff_id: dict(classes) for staff_id, classes in owed.items()}
