"""Speaking to a portal: paced, bounded, counted, and with every way to fail named.

The address is the real service's or what the operator typed with `--base-url`. Redirects are not
followed: a token would travel with them. Nothing of an answer is logged, nor what was sent.

A write whose answer is lost may have happened (`Unclear`); a read can simply be asked again
(`NotSent`). The classes are those of integrators.portals.portal.
"""

import json as jsons
import random
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, Final

import httpx2
import structlog
from flask import Flask, current_app
from flask_babel import gettext as _

from core.clock import now
from core.db import db, writing
from core.fetch import USER_AGENT
from integrators import accounts
from integrators.accounts import Account
from integrators.portals.portal import HoldOn, NotSent, Reply, Unclear

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 20.0
CALL_SECONDS: Final = 60.0  # from the first byte to the last
MOST_BYTES: Final = 16 * 1024 * 1024
CATCH_UP_SECONDS: Final = 0.5
HOLD_SECONDS: Final = 30.0  # where the portal does not say how long
SHORTEST_HOLD: Final = 1.0
LONGEST_HOLD: Final = 3600.0
LONGEST_REST: Final = 60.0  # within a pass; more than that is a hold
_TOO_MANY: Final = 429
_AWAY: Final = 503

log = structlog.get_logger("vitrine.portals")


class Pace:
    """At most so many requests a second, shared by the threads of one pass. It slows down when the
    portal complains and comes back slowly. What a moment of our own work took is caught up with."""

    def __init__(self, per_second: float, most: float) -> None:
        self.most = most
        self.per_second = min(per_second, most)
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when it is the caller's turn."""
        with self._lock:
            mine = max(self._next, time.monotonic() - CATCH_UP_SECONDS)
            self._next = mine + 1 / self.per_second
        if (left := mine - time.monotonic()) > 0:
            time.sleep(left)

    def rest(self, seconds: float) -> None:
        """Nobody's turn comes before `seconds` have passed."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def slower(self) -> None:
        """The portal complained."""
        with self._lock:
            self.per_second = max(self.most / 32, self.per_second / 2)

    def faster(self) -> None:
        """A request went well."""
        with self._lock:
            self.per_second = min(self.most, self.per_second + self.most / 20)


class PortalCalls:
    """One account's way to its portal (integrators.portals.portal.Calls). Safe for several threads;
    each request runs inside an application context of its own, so that a token can be renewed."""

    def __init__(self, account: Account, pace: Pace) -> None:
        self.account = account
        self.pace = pace
        self.count = 0
        self.writes = 0
        self.held: HoldOn | None = None  # once the portal asked for patience, nobody asks more
        self._lock = threading.Lock()
        self._app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
            verify=_certificates(),
        )

    def __enter__(self) -> "PortalCalls":
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def hold(self, error: HoldOn) -> HoldOn:
        """See `Calls.hold`."""
        with self._lock:
            self.held = error
        return error

    def inside(self, work: Callable[[], Any]) -> Any:
        """`work` in this application's context, for threads of a pool."""
        with self._app.app_context():
            return work()

    def keep(self, **secrets: Any) -> None:
        """See `Calls.keep`."""
        db.session.rollback()
        with writing():
            row = accounts.locked(self.account.id)
            accounts.keep_secrets(row, **secrets)
            self.account = accounts.seen(row)

    def rest(self, seconds: float) -> None:
        """See `Calls.rest`."""
        self.pace.rest(min(seconds, LONGEST_REST))

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        is_write: bool | None = None,
        base_url: str | None = None,
        accept: str = "application/json",
    ) -> Reply:
        """See `Calls.ask`."""
        writes = method != "GET" if is_write is None else is_write
        if self.held is not None:
            raise self.held
        db.session.rollback()  # no transaction stays open while we wait
        self.pace.wait()
        if self.held is not None:  # while we waited for our turn
            raise self.held
        with self._lock:
            self.count += 1
            self.writes += writes
        content = body if json is None else jsons.dumps(json, ensure_ascii=False).encode()
        started = time.perf_counter()
        status, data, answered = self._exchange(
            method,
            f"{base_url or self.account.base_url}{path}",
            params=params,
            content=content,
            data=form,
            headers={
                "User-Agent": USER_AGENT,
                "Accept": accept,
                **({"Content-Type": "application/json"} if json is not None else {}),
                **(headers or {}),
            },
            writes=writes,
        )
        log.debug(
            "portal_call",
            account=self.account.id,
            portal=self.account.kind,
            method=method,
            status=status,
            ms=round((time.perf_counter() - started) * 1000),
        )
        return self._judge(status, data, answered, writes, is_json="json" in accept)

    def _exchange(
        self, method: str, url: str, *, writes: bool, **options: Any
    ) -> tuple[int, bytes, Mapping[str, str]]:
        deadline = time.monotonic() + CALL_SECONDS
        try:
            with self._client.stream(method, url, **options) as response:
                pieces, size = [], 0
                for piece in response.iter_bytes():
                    size += len(piece)
                    if size > MOST_BYTES or time.monotonic() > deadline:
                        raise _lost(writes, "an answer without end")
                    pieces.append(piece)
                return response.status_code, b"".join(pieces), dict(response.headers)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise NotSent(f"not reached: {type(error).__name__}") from None
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise NotSent(f"no address: {type(error).__name__}") from None
        except httpx2.HTTPError as error:
            raise _lost(writes, f"no answer: {type(error).__name__}") from None

    def _judge(
        self, status: int, body: bytes, headers: Mapping[str, str], writes: bool, *, is_json: bool
    ) -> Reply:
        if status in {_TOO_MANY, _AWAY}:
            if status == _TOO_MANY:
                self.pace.slower()
            reason = "limit" if status == _TOO_MANY else "down"
            raise self.hold(HoldOn(f"answered {status}", hold_seconds(headers), reason))
        if status >= 500 or 300 <= status < 400:
            raise _lost(writes, f"answered {status}")
        data: Any = body
        if is_json:
            try:
                data = jsons.loads(body, parse_constant=_no_number) if body.strip() else {}
                data = _without_nul(data) if b"\\u0000" in body else data
            except (ValueError, RecursionError):
                if 200 <= status < 300:
                    raise _lost(writes, "the answer was cut short, or is none") from None
                data = {}
        self.pace.faster()
        return Reply(status, data, {name.lower(): value for name, value in headers.items()})


def _without_nul(value: Any) -> Any:
    """PostgreSQL keeps no NUL, and no text of a portal needs one."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(one) for name, one in value.items()}
    return value


def _no_number(name: str) -> float:
    raise ValueError(name)  # NaN and the infinities are no JSON (RFC 8259 § 6)


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes longer than most answers."""
    return ssl.create_default_context()


def _lost(writes: bool, words: str) -> NotSent | Unclear:
    return Unclear(words) if writes else NotSent(words)


def hold_seconds(headers: Mapping[str, str]) -> float:
    """How long a portal asks us to wait: `Retry-After` in seconds or as a date (RFC 9110 § 10.2.3);
    where it does not say, half a minute at random."""
    said = {name.lower(): value for name, value in headers.items()}.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return min(LONGEST_HOLD, max(SHORTEST_HOLD, float(said)))
    if said:
        try:
            until = parsedate_to_datetime(said)
            return min(LONGEST_HOLD, max(SHORTEST_HOLD, (until - now()).total_seconds()))
        except (ValueError, TypeError):
            pass
    return HOLD_SECONDS * (1 - random.random())


def in_words(error: Exception) -> str:
    """What staff read of a portal that does not answer."""
    if isinstance(error, HoldOn) and error.reason == "limit":
        return str(_("The portal asked us to wait a little."))
    return str(_("The portal does not answer at the moment."))
