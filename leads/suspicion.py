"""How much a post looks like a machine's. Suspicion marks; it never drops and never answers
differently: a wrong guess must cost a tick in the queue, not a customer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SUSPECT_FROM: Final = 3  # points
MACHINE_FROM: Final = 5
QUICKEST_SECONDS: Final = 2.0  # nobody reads and fills a form faster
_LINK: Final = re.compile(r"https?://|www\.|\[url|<a ", re.IGNORECASE)
_FOREIGN: Final = re.compile("[\u0400-\u04ff\u3040-\u30ff\u4e00-\u9fff\u0600-\u06ff]")


@dataclass(frozen=True)
class Signals:
    """What a post shows. `filled_in_seconds` is None when the page's stamp is missing or forged;
    counts are of the last hour, this post included."""

    honeypot: str = ""
    filled_in_seconds: float | None = None
    message: str = ""
    name: str = ""
    is_cross_site: bool = False
    unknown_fields: Sequence[str] = ()
    from_address: int = 1
    from_identity: int = 1
    proof_is_missing: bool = False


def judge(signals: Signals) -> tuple[int, list[str]]:
    """Points and the reasons for them, as short codes that staff see translated."""
    found = [(points, reason) for points, reason, holds in _rules(signals) if holds]
    return sum(points for points, _ in found), [reason for _, reason in found]


def is_machine(points: int, reasons: Sequence[str]) -> bool:
    """Whether it is so plain that the post may take nothing from people, such as a time. A person
    in a hurry, on a busy network, sending again and again, is not one."""
    return points >= MACHINE_FROM or "honeypot" in reasons


def _rules(signals: Signals) -> list[tuple[int, str, bool]]:
    seconds = signals.filled_in_seconds
    links = len(_LINK.findall(signals.message))
    return [
        (3, "honeypot", bool(signals.honeypot)),
        (1, "too_quick", seconds is not None and seconds < QUICKEST_SECONDS),
        (1, "no_stamp", seconds is None),
        (2, "cross_site", signals.is_cross_site),
        (2, "links", links >= 2),
        (2, "link_in_name", bool(_LINK.search(signals.name))),
        (2, "foreign_script", len(_FOREIGN.findall(signals.message)) > 10),
        (1, "unknown_fields", bool(signals.unknown_fields)),
        # Whole mobile networks share an address: many from one prove little.
        (1, "busy_address", signals.from_address > 30),
        (2, "busy_identity", signals.from_identity > 10),
        (2, "no_proof", signals.proof_is_missing),
    ]
