"""From draft to sold: one table says which step may follow which."""

from collections.abc import Callable, Sequence
from typing import Final

from core.clock import now
from core.db import db
from core.errors import DomainError
from inventory.gates import Gate, problems_to_publish
from inventory.models import StateChange, Vehicle
from inventory.stock_version import touch

TRANSITIONS: Final[dict[str, frozenset[str]]] = {
    "draft": frozenset({"published", "archived"}),
    "published": frozenset({"draft", "reserved", "sold", "archived"}),
    "reserved": frozenset({"published", "sold", "archived"}),
    # A sale can fall through: the car comes back under the same address.
    "sold": frozenset({"published", "archived"}),
    "archived": frozenset({"draft", "published"}),
}
STATES: Final = tuple(TRANSITIONS)
# Told of a step in the transaction that takes it: the car, the state before, who did it, and
# whether a copy of the stock from elsewhere says so.
Follower = Callable[[Vehicle, str, str, bool], None]
_FOLLOWERS: Final[list[Follower]] = []


def follow_steps(follower: Follower) -> None:
    """Let `follower` be told of every step of a car that is in the database. For packages above
    this one whose promises hang on where a car stands: whoever waits for a car is told by every
    screen, import and key alike."""
    _FOLLOWERS.append(follower)


class TransitionRefused(DomainError):
    """The life cycle has no such step."""


class NotPublishable(DomainError):
    """Publish gates are not met: `gates` say which, in words; `reasons` are their codes."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        self.gates = tuple(gates)
        self.reasons = [gate.code for gate in gates]
        super().__init__(" ".join(gate.words for gate in gates))


def move(
    vehicle: Vehicle, to_state: str, by: str, *, from_source: bool = False, tells: bool = True
) -> bool:
    """Take one step; True if anything changed.

    `by` names who did it; `from_source` see `inventory.gates.problems_to_publish`; `tells` is off
    for a step on the way to another one, whose end is told instead (`tell`). Raises
    TransitionRefused for a step the table lacks and NotPublishable when a gate is not met. Asking
    for the state it already has is harmless.
    """
    if vehicle.state == to_state:
        return False
    if to_state not in TRANSITIONS[vehicle.state]:
        raise TransitionRefused(f"{vehicle.state} -> {to_state}")
    if to_state == "published":
        gates = problems_to_publish(vehicle, from_source=from_source)
        if gates:
            raise NotPublishable(gates)
        vehicle.published_at = vehicle.published_at or now()
    before = vehicle.state
    vehicle.state_changes.append(
        StateChange(actor=by, from_state=before, to_state=to_state, at=now())
    )
    vehicle.state = to_state
    vehicle.state_changed_at = now()
    if vehicle.id is not None:
        touch([vehicle])
    db.session.flush()
    if tells:
        tell(vehicle, before, by, from_source=from_source)
    return True


def tell(vehicle: Vehicle, before: str, by: str, *, from_source: bool = False) -> None:
    """Tell whoever follows that `vehicle`, in the state `before`, was brought to the one it has."""
    for follower in _FOLLOWERS if vehicle.id is not None else ():
        follower(vehicle, before, by, from_source)
