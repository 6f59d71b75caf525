"""The stages of an entry and the one table of what may happen to it.

Nobody is moved by hand: a stage follows from something that happened. A kind that is not in
`TRANSITIONS` changes no stage and may always be written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Stage(StrEnum):
    """How close somebody is to us. The values stand in `OutreachEntry.stage`."""

    COLD = "cold"
    ENGAGED = "engaged"  # gave a sign: opened a quote, came to the workshop, answered a post
    WARM = "warm"  # answered us
    CONVERSATION = "conversation"
    VISIT = "visit"  # we met, there or here
    CUSTOMER = "customer"
    FAN = "fan"  # brings others


S = Stage
ORDER: Final = tuple(Stage)
BEFORE_SALE: Final = ORDER[:5]


@dataclass(frozen=True)
class Step:
    """What one kind of event does: from which stages to which; others refuse it. `is_touch`: we
    turned to them, so their turn in a round is had."""

    to: Mapping[Stage, Stage]
    is_touch: bool = False


def _at_least(stage: Stage) -> dict[Stage, Stage]:
    """Forward to `stage`; who is further stays."""
    return {one: max(one, stage, key=ORDER.index) for one in ORDER}


_STAY: Final = {stage: stage for stage in ORDER}
TRANSITIONS: Final[Mapping[str, Step]] = {
    "touched": Step(_STAY, is_touch=True),  # something useful was sent, or nobody answered
    "signal": Step(_at_least(S.ENGAGED)),
    "replied": Step(_at_least(S.WARM)),
    "talked": Step(_at_least(S.CONVERSATION), is_touch=True),
    "visited": Step(_at_least(S.VISIT), is_touch=True),
    "bought": Step(_at_least(S.CUSTOMER)),
    "recommended": Step({S.CUSTOMER: S.FAN, S.FAN: S.FAN}),
    "cooled": Step(dict.fromkeys(BEFORE_SALE[1:], S.COLD)),
}
# What a stage is worth of a contract, in percent: our starting point, until a store has a history.
PROBABILITY_PERCENT: Final[Mapping[Stage, int]] = {
    S.COLD: 2, S.ENGAGED: 5, S.WARM: 10, S.CONVERSATION: 25, S.VISIT: 50, S.CUSTOMER: 100,
    S.FAN: 100,
}  # fmt: skip
# The six questions of MEDDIC: nothing is known without evidence.
MEDDIC: Final = ("metrics", "buyer", "criteria", "process", "pain", "champion")
# What of an event is no word of or about a person, and stays when the person is erased.
FACTS: Final = frozenset(
    {"stage", "next_on", "value_cents", "expected_on", "channel", "undoes", "round"}
)


def weighted_cents(value_cents: int | None, stage: str) -> int:
    """What a contract of that value counts at that stage, in whole cents."""
    return (value_cents or 0) * PROBABILITY_PERCENT[Stage(stage)] // 100
