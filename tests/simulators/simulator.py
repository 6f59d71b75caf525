"""What the simulated portals share: requests find their method, faults befall them, all is counted.

A subclass declares routes with `@route`; its methods run one at a time behind one lock.
"""

import dataclasses
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.simulators.ads import Ads
from tests.simulators.faults import NOTHING_DONE, Fault, Faults
from tests.simulators.routes import Refusal, Route, given, routes_of
from tests.simulators.server import Answer, Request, Server, said

POISON = "VENENO"  # an ad that holds this word is refused for ever
GRACE_SECONDS = 0.25  # what was under way when we said "wait" may still arrive


def is_clean(text: Any) -> bool:
    """Whether a text holds no control characters but line breaks and tabs."""
    return all(one >= " " or one in "\n\r\t" for one in str(text))


class Simulator(Ads):
    """One portal with one dealer."""

    kind: ClassVar[str] = ""
    has_expiry = True  # its tokens die and can be renewed
    settings: ClassVar[Mapping[str, str]] = {}  # what `portals add … --set` is given

    def __init__(self, faults: Faults | None = None, *, port: int = 0) -> None:
        super().__init__()
        self.faults = faults or Faults()
        self.slots: int | None = None  # ads the contract allows; None: any number
        self.counts: Counter[str] = Counter()  # "POST /items" → how often
        self.asked: Counter[str] = Counter()  # by path
        self.requests = 0
        self.writes = 0
        self.impatient = 0  # requests sent while they were told to wait
        self.impatient_calls: Counter[str] = Counter()  # which these were
        self.trouble: list[int | str] = []  # statuses that answer the next requests; "lost"
        self._wait_until = 0.0
        self._told_at = 0.0
        self._routes = [
            (one, one.pattern)
            for one in sorted(routes_of(type(self)), key=lambda one: one.shape.count("<"))
        ]
        self.seed()
        self._server = Server(self.serve, port)

    # --- serving ---------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return self._server.url

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> "Simulator":
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def serve(self, request: Request) -> Answer:
        """The answer to `request`, with whatever befalls it."""
        return self._play(request) if request.path == "/_sim" else self.dress(self._serve(request))

    def _serve(self, request: Request) -> Answer:
        found, place = self._find(request)
        with self.lock:
            self._count(request, found)
        if self.faults.is_down:
            return Answer(mishap="reset")
        if self.faults.latency:
            time.sleep(self.faults.latency)
        if (wait := self.faults.over_rate()) is not None:
            return self._wait_please(429, wait)
        if self.trouble:
            return self._in_trouble(request, found, place)
        possible = found.can - (frozenset() if self.has_expiry else {Fault.EXPIRED})
        fault = self.faults.draw(request.method, found.shape, possible)
        if fault in NOTHING_DONE:
            return self._nothing_done(fault, request)
        answer = self._work(request, found, place, fault)
        if fault is Fault.TWICE:
            answer = self._work(request, found, place, None)
        return self._on_its_way(answer, fault)

    def _find(self, request: Request) -> tuple[Route, dict[str, str]]:
        for one, pattern in self._routes:
            if one.method == request.method and (found := pattern.fullmatch(request.path)):
                return one, found.groupdict()
        return Route(request.method, "?", "nowhere", request.method != "GET", frozenset()), {}

    def _count(self, request: Request, found: Route) -> None:
        self.requests += 1
        self.writes += found.writes
        self.counts[f"{request.method} {found.shape}"] += 1
        self.asked[request.path] += 1
        heard_by = self._told_at + GRACE_SECONDS + self.faults.latency
        if heard_by < time.monotonic() < self._wait_until:
            self.impatient += 1
            self.impatient_calls[f"{request.method} {found.shape}"] += 1

    def _work(
        self, request: Request, found: Route, place: dict[str, str], fault: Fault | None
    ) -> Answer:
        with self.lock:
            self.pass_time()
            try:
                return getattr(self, found.name)(request, **place, **given(found, fault))
            except Refusal as refusal:
                return refusal.answer

    def nowhere(self, request: Request) -> Answer:
        """No such call."""
        return said({"message": "resource not found", "error": "not_found", "status": 404}, 404)

    def _wait_please(self, status: int, seconds: int | None) -> Answer:
        body = said({"message": "too many requests", "error": "local_rate_limited",
                     "status": status}, status)  # fmt: skip
        if seconds is None:
            return body
        with self.lock:
            instant = time.monotonic()
            if instant > self._wait_until:  # else they were told already
                self._told_at = instant
            self._wait_until = max(self._wait_until, instant + seconds - 0.05)
        return dataclasses.replace(body, headers={**body.headers, "Retry-After": str(seconds)})

    def _nothing_done(self, fault: Fault | None, request: Request) -> Answer:
        if fault is Fault.RESET:
            return Answer(mishap="reset")
        if fault is Fault.EXPIRED:
            with self.lock:
                self.expire_token(request)
            return said({"message": "invalid access token", "error": "unauthorized",
                         "status": 401}, 401)  # fmt: skip
        if fault is Fault.BROKEN:
            return said({"message": "internal error", "status": 500}, 500)
        if fault is Fault.BUSY_SILENT:
            return self._wait_please(429, None)
        return self._wait_please(429 if fault is Fault.BUSY else 503, self.faults.retry_after)

    def _on_its_way(self, answer: Answer, fault: Fault | None) -> Answer:
        if fault is Fault.SILENT:
            return dataclasses.replace(answer, mishap="silent", wait=self.faults.hold)
        if fault is Fault.RESET_AFTER:
            return dataclasses.replace(answer, mishap="reset")
        if fault is Fault.CUT:
            # What has no body cannot be cut: the connection breaks instead.
            return dataclasses.replace(answer, mishap="cut" if answer.body else "reset")
        if fault is Fault.BROKEN_AFTER:
            return said({"message": "internal error", "status": 500}, 500)
        if fault is Fault.HTML:
            return Answer(200, b"<!doctype html><title>Volte mais tarde</title>", kind="text/html")
        if fault is Fault.SLOW:
            return dataclasses.replace(answer, wait=self.faults.slow)
        return answer

    def _in_trouble(self, request: Request, found: Route, place: dict[str, str]) -> Answer:
        trouble = self.trouble.pop(0)
        if isinstance(trouble, int):
            return said({"message": "trouble", "error": "local_rate_limited"}, trouble)
        self._work(request, found, place, None)
        return Answer(200, b'{"cut": ')

    # --- what subclasses say ----------------------------------------------------------------

    def seed(self) -> None:
        """What stands there from the start: the dealer's own ads."""

    def dress(self, answer: Answer) -> Answer:
        """`answer` with what this portal adds to every one."""
        return answer

    def expire_token(self, request: Request) -> None:
        """The token of `request` is dead from here on."""

    def lock_out(self) -> None:
        """What we know of the account no longer lets us in."""
        raise NotImplementedError

    def end_tokens(self) -> None:
        """All tokens have lived; new ones can be asked for, where the portal has such."""

    # --- for whoever plays with it ----------------------------------------------------------

    def counters(self) -> dict[str, Any]:
        """What was asked and done so far."""
        with self.lock:
            return {
                "requests": self.requests,
                "writes": self.writes,
                "impatient": self.impatient,
                "impatient_calls": dict(self.impatient_calls),
                "foreign_touched": self.foreign_touched,
                "doubles": self.doubles,
                "by_call": dict(sorted(self.counts.items())),
                "faults": dict(sorted(self.faults.drawn.items())),
            }

    def forget_counts(self) -> None:
        """Counts from nought again."""
        with self.lock:
            self.requests = self.writes = self.impatient = 0
            self.counts.clear()
            self.asked.clear()

    def _play(self, request: Request) -> Answer:
        """`GET /_sim` shows; `POST /_sim` takes faults, latency, rate, slots, seed; close, expire
        (a key); price ([key, cents])."""
        for name, value in request.table.items() if request.method == "POST" else ():
            try:
                self._do(name, value)
            except (KeyError, TypeError, ValueError) as error:
                return said({"error": f"{name}: {type(error).__name__} {error}"}, 400)
        return said(
            {
                "kind": self.kind,
                "online": sorted(self.online_keys()),
                "ads": {
                    key: {"id": ad.external_id, "state": ad.state, "price_cents": ad.price_cents,
                          "url": ad.url}
                    for key, ad in sorted(self.ads.items())
                },
                "by_hand": {ad.external_id: ad.state for ad in self.hand_made},
                "weather": {"faults": self.faults.share, "latency": self.faults.latency,
                            "rate": self.faults.rate, "is_down": self.faults.is_down,
                            "slots": self.slots},
                **self.counters(),
            }
        )  # fmt: skip

    def _do(self, name: str, value: Any) -> None:
        if name == "faults":
            self.faults.share = min(1.0, max(0.0, float(value)))
        elif name == "kinds":
            self.faults.kinds = frozenset(Fault(one) for one in value)
        elif name == "latency":
            self.faults.latency = max(0.0, float(value))
        elif name == "rate":
            self.faults.rate = float(value) if value else None
        elif name == "down":
            self.faults.is_down = bool(value)
        elif name == "slots":
            self.slots = int(value) if value is not None else None
        elif name == "close":
            self.close_by_hand(value)
        elif name == "expire":
            self.expire(value)
        elif name == "price":
            self.change_price_by_hand(value[0], int(value[1]))
        else:
            raise ValueError("unknown")
