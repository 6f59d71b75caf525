"""The next step of one listing, told from what we want and what we know. Pure.

Level, not edge: nothing is remembered of why we look, so that lost, doubled and reordered events do
not matter. Sources: the table of portals' states (portals' manuals, see each adapter), and the
rule that an unknown outcome is looked at before anything is created again.
"""

from datetime import datetime
from typing import Final, Protocol

from integrators.portals.portal import Remote, Verb

# What matters most to a buyer is first: what is sold, then what is false, then what is new.
ORDER: Final = {
    Verb.CLOSE: 0,
    Verb.PAUSE: 1,
    Verb.UPDATE: 2,
    Verb.RESUME: 3,
    Verb.RELIST: 4,
    Verb.CREATE: 5,
}
SOLD_FIRST: Final = {"sold", "deleted"}
THERE: Final = {
    Remote.PROCESSING,
    Remote.ONLINE,
    Remote.PAUSED,
    Remote.IN_REVIEW,
    Remote.NO_SLOTS,
    Remote.REJECTED,
}
VISIBLE: Final = {Remote.ONLINE, Remote.IN_REVIEW}


class Standing(Protocol):
    """What of a listing decides (integrators.models.Listing has it)."""

    desired: str
    reason: str
    basis: str
    pushed_basis: str
    refused_basis: str
    remote: str
    external_id: str
    is_unclear: bool
    due_at: datetime | None


def next_step(row: Standing) -> Verb | None:
    """What to do with the listing now; None when nothing, or while something is under way."""
    remote = Remote(row.remote)
    if row.is_unclear or remote is Remote.PROCESSING:
        return None
    if row.desired == "absent":
        return Verb.CLOSE if remote in THERE else None
    if row.desired == "paused":
        return Verb.PAUSE if remote in VISIBLE | {Remote.NO_SLOTS} else None
    if row.refused_basis and row.refused_basis == row.basis:
        return None  # the car, the mapping or a person must change something first
    if remote in {Remote.NONE, Remote.OFFLINE}:
        return Verb.CREATE
    if remote is Remote.EXPIRED:
        return Verb.RELIST
    if remote in {Remote.PAUSED, Remote.NO_SLOTS}:
        return Verb.RESUME
    return Verb.UPDATE if row.pushed_basis != row.basis else None


def is_settled(row: Standing) -> bool:
    """Whether the portal shows what we want, or a person has to act first."""
    return next_step(row) is None and not row.is_unclear and row.remote != Remote.PROCESSING


def urgency(verb: Verb, reason: str) -> tuple[int, int]:
    """What goes first: smaller first."""
    return ORDER[verb], reason not in SOLD_FIRST
