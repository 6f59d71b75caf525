"""From draft to sold: one table says which step may follow which."""

from typing import Final

from core.clock import now
from core.db import db
from core.errors import DomainError
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
    """A publish gate is not met; `reasons` are codes, one per missing point."""

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__(", ".join(reasons))


def missing_to_publish(vehicle: Vehicle) -> list[str]:
    """Codes of what keeps `vehicle` from the site: an offer without a cash price is unlawful
    (Decreto 5.903/2006), the photo gate is the store's own."""
    reasons = []
    if not vehicle.price_cents:
        reasons.append("price")
    if vehicle.store.requires_photo and not vehicle.photos:
        reasons.append("photo")
    return reasons


def move(vehicle: Vehicle, to_state: str, by: str) -> bool:
    """Take one step; True if anything changed.

    `by` names who did it. Raises TransitionRefused for a step the table lacks and NotPublishable
    when a gate is not met. Asking for the state it already has is harmless.
    """
    if vehicle.state == to_state:
        return False
    if to_state not in TRANSITIONS[vehicle.state]:
        raise TransitionRefused(f"{vehicle.state} -> {to_state}")
    if to_state == "published":
        reasons = missing_to_publish(vehicle)
        if reasons:
            raise NotPublishable(reasons)
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
