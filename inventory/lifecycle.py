"""From draft to sold: one table says which step may follow which."""

from collections.abc import Sequence
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


class TransitionRefused(DomainError):
    """The life cycle has no such step."""


class NotPublishable(DomainError):
    """Publish gates are not met: `gates` say which, in words; `reasons` are their codes."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        self.gates = tuple(gates)
        self.reasons = [gate.code for gate in gates]
        super().__init__(" ".join(gate.words for gate in gates))


def move(vehicle: Vehicle, to_state: str, by: str, *, from_source: bool = False) -> bool:
    """Take one step; True if anything changed.

    `by` names who did it; `from_source` see `inventory.gates.problems_to_publish`. Raises
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
    vehicle.state_changes.append(
        StateChange(actor=by, from_state=vehicle.state, to_state=to_state, at=now())
    )
    vehicle.state = to_state
    vehicle.state_changed_at = now()
    if vehicle.id is not None:
        touch([vehicle])
    db.session.flush()
    return True
