"""What goes wrong between us and a portal, on demand and at random with a seed.

`share` of the requests suffer one of `kinds`, as far as it can befall them; `force` makes the next
request of a route suffer a certain one. Everything may change while requests are served.
"""

import math
import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """One way to fail."""

    # Nothing was done.
    BUSY = "busy"  # 429 that says how long to wait
    BUSY_SILENT = "busy_silent"  # 429 that does not
    AWAY = "away"  # 503 that says how long
    BROKEN = "broken"  # 500
    RESET = "reset"  # the connection is reset
    EXPIRED = "expired"  # 401: the token is dead from here on
    # It was done.
    SILENT = "silent"  # the answer never comes
    BROKEN_AFTER = "broken_after"  # 500
    RESET_AFTER = "reset_after"
    CUT = "cut"  # half an answer
    HTML = "html"  # a page with 200 where JSON belongs
    SLOW = "slow"  # the answer comes late
    TWICE = "twice"  # it was done twice over and answered once
    # The portal's own ways.
    MODERATED = "moderated"  # a new ad is refused by a person there
    SHORT = "short"  # a list that lacks some of what it announces
    LOST_TOKEN = "lost_token"  # the token of an import is not known when asked
    REORDERED = "reordered"  # an older insert lands once more after a newer delete


NOTHING_DONE: Final = frozenset(
    {Fault.BUSY, Fault.BUSY_SILENT, Fault.AWAY, Fault.BROKEN, Fault.RESET, Fault.EXPIRED}
)
ANSWER_LOST: Final = frozenset(
    {Fault.SILENT, Fault.BROKEN_AFTER, Fault.RESET_AFTER, Fault.CUT, Fault.HTML}
)
# At random only what a client can notice and survive: the wait of a silent 429 is anybody's guess,
# and an insert that lands late is turned on by who wants to see it.
USUAL: Final = frozenset(Fault) - {Fault.BUSY_SILENT, Fault.REORDERED}


@dataclass
class _Forced:
    fault: Fault
    method: str
    shape: str


@dataclass
class Faults:
    """The weather. Times in seconds."""

    seed: int = 1
    share: float = 0.0  # of the requests, 0–1
    kinds: frozenset[Fault] = USUAL
    latency: float = 0.0  # before every answer
    rate: float | None = None  # requests a second that are borne
    retry_after: int = 1  # what BUSY and AWAY ask for
    hold: float = 0.05  # how long SILENT keeps the socket before it closes it
    slow: float = 0.2
    is_down: bool = False  # every connection is reset
    drawn: dict[str, int] = field(default_factory=dict)  # how often each befell

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._forced: list[_Forced] = []
        self._lock = threading.Lock()
        self._tokens = float(self.rate or 0)
        self._filled = time.monotonic()

    def force(self, fault: Fault, method: str = "", shape: str = "", times: int = 1) -> None:
        """The next `times` requests of that method and route ("/items/<id>") suffer `fault`."""
        with self._lock:
            self._forced.extend(_Forced(fault, method, shape) for _ in range(times))

    def quiet(self) -> None:
        """Nothing goes wrong from here on. Latency and rate stay."""
        with self._lock:
            self._forced.clear()
            self.share = 0.0
            self.is_down = False

    def draw(self, method: str, shape: str, possible: Iterable[Fault]) -> Fault | None:
        """What befalls this request, of what can."""
        with self._lock:
            fault = self._wanted(method, shape) or self._at_random(possible)
            if fault:
                self.drawn[fault] = self.drawn.get(fault, 0) + 1
            return fault

    def _wanted(self, method: str, shape: str) -> Fault | None:
        for forced in self._forced:
            if forced.method in {"", method} and forced.shape in {"", shape}:
                self._forced.remove(forced)
                return forced.fault
        return None

    def _at_random(self, possible: Iterable[Fault]) -> Fault | None:
        if not self.share or self._random.random() >= self.share:
            return None
        found = sorted(self.kinds & frozenset(possible))
        return self._random.choice(found) if found else None

    def chance(self, share: float) -> bool:
        """True in `share` of the cases."""
        with self._lock:
            return self._random.random() < share

    @property
    def left(self) -> int:
        """How many requests the rate bears at once now."""
        return int(self._tokens) if self.rate else 1000

    def over_rate(self) -> int | None:
        """None when this request is within the rate, else the whole seconds to wait. A second's
        worth may come at once."""
        if not self.rate:
            return None
        with self._lock:
            instant = time.monotonic()
            filled = self._tokens + (instant - self._filled) * self.rate
            self._tokens = min(max(1.0, self.rate), filled)
            self._filled = instant
            if self._tokens >= 1:
                self._tokens -= 1
                return None
            return max(1, math.ceil((1 - self._tokens) / self.rate))
