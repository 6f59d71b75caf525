"""The ads that stand on a simulated portal: ours, and those that the dealer made by hand."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass
class Ad:
    """One ad that stands there, or stood. `state` is in the portal's words; `key` is "" for what
    the dealer put up by hand."""

    external_id: str
    key: str
    state: str
    price_cents: int
    data: dict[str, Any] = field(default_factory=dict)
    number: int = 0  # later ones are larger
    is_foreign: bool = False
    substate: str = ""
    made_at: float = field(default_factory=time.monotonic)
    url: str = ""


class Ads:
    """All ads ever made, by the portal's id and by key, and what a dealer does there by hand."""

    live_states: ClassVar[frozenset[str]] = frozenset()  # what buyers see
    held_states: ClassVar[frozenset[str]] = frozenset()  # not over for good
    slot_states: ClassVar[frozenset[str] | None] = None  # None: as held_states
    can_expire = True  # ads end by themselves

    def __init__(self) -> None:
        self.everything: dict[str, Ad] = {}
        self.by_key: dict[str, list[Ad]] = {}
        self.foreign_touched = 0  # the dealer's own ads are none of our business
        self.moderated: set[str] = set()  # keys of what a person there refused
        self.changes = 0  # grows with whatever happens to an ad
        self.lock = threading.RLock()
        self._numbers = 0

    def pass_time(self) -> None:
        """Does what is due by now (queues). Behind the lock."""

    def number(self) -> int:
        """The next number."""
        self._numbers += 1
        return self._numbers

    def keep(self, ad: Ad) -> Ad:
        """`ad` stands there."""
        self.changes += 1
        ad.number = self.number()
        self.everything[ad.external_id] = ad
        self.by_key.setdefault(ad.key, []).append(ad)
        return ad

    def rename(self, ad: Ad, key: str) -> None:
        """`ad` carries another key from here on."""
        if key != ad.key:
            self.by_key[ad.key].remove(ad)
            ad.key = key
            self.by_key.setdefault(key, []).append(ad)

    def standing(self, key: str) -> list[Ad]:
        """Our ads of that key that are not over, oldest first."""
        with self.lock:
            self.pass_time()
            return [
                ad
                for ad in self.by_key.get(key, ())
                if not ad.is_foreign and ad.state in self.held_states
            ]

    @property
    def ads(self) -> dict[str, Ad]:
        """Our ads that are not over, by key; of two of one key the newer."""
        with self.lock:
            self.pass_time()
            return {
                ad.key: ad
                for ad in self.everything.values()
                if not ad.is_foreign and ad.state in self.held_states
            }

    @property
    def doubles(self) -> list[str]:
        """Keys of which more than one ad stands there."""
        with self.lock:
            self.pass_time()
            found = Counter(
                ad.key
                for ad in self.everything.values()
                if not ad.is_foreign and ad.state in self.held_states
            )
        return [key for key, number in found.items() if number > 1]

    @property
    def hand_made(self) -> list[Ad]:
        """The dealer's own ads."""
        return [ad for ad in self.everything.values() if ad.is_foreign]

    def online_keys(self) -> set[str]:
        """The keys that buyers see."""
        return {key for key, ad in self.ads.items() if ad.state in self.live_states}

    def online(self) -> dict[str, int]:
        """The keys that buyers see, with their prices in cents."""
        return {key: ad.price_cents for key, ad in self.ads.items() if ad.state in self.live_states}

    def holds(self) -> int:
        """How many ads take a slot."""
        states = self.slot_states if self.slot_states is not None else self.held_states
        return sum(ad.state in states for ad in self.everything.values())

    def touch(self, ad: Ad) -> None:
        """Counts a hand laid on what is not ours."""
        self.foreign_touched += ad.is_foreign

    def add_by_hand(self, title: str, cents: int) -> Ad:
        """The dealer puts up an ad of their own there."""
        raise NotImplementedError

    def fill(self, number: int) -> None:
        """So many ads of the dealer's own."""
        with self.lock:
            for one in range(number):
                self.add_by_hand(f"Carro {one}", 1_000_000 + one)

    def change_price_by_hand(self, key: str, cents: int) -> None:
        """Somebody changes the price there."""
        self._by_hand(key).price_cents = cents

    def close_by_hand(self, key: str) -> None:
        """Somebody takes the ad down there."""
        raise NotImplementedError

    def expire(self, key: str) -> None:
        """The ad ends by itself, because its time is over, where `can_expire`."""
        raise NotImplementedError

    def _by_hand(self, key: str) -> Ad:
        self.changes += 1
        return self.standing(key)[-1]
