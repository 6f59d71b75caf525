"""Counting posts: a wall against floods per address, and how busy an address or person is.

Counters live in Redis when there is one, else in the process: they are hints and a wall, never
the only guard, and losing them costs nothing.
"""

import time
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import limits
import structlog
from flask import Flask, current_app
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import MovingWindowRateLimiter, RateLimiter
from redis import RedisError

from core.config import Config, current

HOUR: Final = limits.parse("1 per hour")  # only counts: the amount is not looked at
CLEAN_EVERY_SECONDS: Final = 60.0
log = structlog.get_logger("vitrine.flood")


class _Rest:
    """Stands where the library keeps its clean-up timer, as one that is running."""

    def __init__(self) -> None:
        self._until = time.monotonic() + CLEAN_EVERY_SECONDS

    def is_alive(self) -> bool:
        return time.monotonic() < self._until


class _Memory(MemoryStorage):
    """Counters of this process. Left alone, the library starts a thread at nearly every count to
    clean up; that cost more than all the rest of the counting."""

    def incr(self, *arguments: Any, **options: Any) -> int:
        try:
            return super().incr(*arguments, **options)
        finally:
            self._rest()

    def acquire_entry(self, *arguments: Any, **options: Any) -> bool:
        try:
            return super().acquire_entry(*arguments, **options)
        finally:
            self._rest()

    def _rest(self) -> None:
        if not isinstance(self.timer, _Rest):  # just started: it cleans up once, then a pause
            self.timer = _Rest()  # type: ignore[assignment]


class Flood:
    """Counters of one installation."""

    def __init__(self, redis_url: str) -> None:
        memory = _Memory()
        store: Storage = RedisStorage(redis_url, socket_timeout=0.2) if redis_url else memory
        self._walls = (MovingWindowRateLimiter(store), MovingWindowRateLimiter(memory))
        self._stores = (store, memory)

    def allows(self, rate: str, *key: str) -> bool:
        """Count one for `key` and say whether it is within `rate` ("600 per minute")."""
        return bool(_ask(self._walls, "hit", limits.parse(rate), *key))

    def count(self, *key: str) -> int:
        """Count one for `key` and return how many there were in this hour."""
        return int(_ask(self._stores, "incr", HOUR.key_for(*key), HOUR.get_expiry()))


def _ask(
    limiters: tuple[RateLimiter | Storage, RateLimiter | Storage], what: str, *arguments: Any
) -> Any:
    """Ask the shared counters; the process's own when Redis is away."""
    shared, own = limiters
    try:
        return getattr(shared, what)(*arguments)
    except RedisError as error:
        log.warning("counters_without_redis", error=type(error).__name__)
        return getattr(own, what)(*arguments)


def init_flood(app: Flask, config: Config) -> None:
    """Give `app` its counters."""
    app.extensions["vitrine_flood"] = Flood(config.redis_url)


def flood() -> Flood:
    """The counters of the application that is running."""
    found: Flood = current_app.extensions["vitrine_flood"]
    return found


@lru_cache(1024)
def client_of(address: str) -> str:
    """Who counts as one: an IPv4 address, or the /64 of an IPv6 one, which a single line holds
    whole and could post from without end."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:  # how a server that listens on both writes it
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))


def is_flooding(address: str) -> bool:
    """Whether this address posts faster than VITRINE_LEAD_RATE_LIMIT. Counts one."""
    return not flood().allows(current().lead_rate_limit, "wall", client_of(address))
