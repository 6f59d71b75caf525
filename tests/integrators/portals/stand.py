"""An adapter before its simulated portal: what a test says to it and asks of it."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from integrators.accounts import Account
from integrators.listings.calls import Pace, PortalCalls
from integrators.portals.portal import (
    Car,
    Outcome,
    Portal,
    Remote,
    RemoteAd,
    Result,
    Step,
    Verb,
    Waiting,
    part_digest,
)
from tests.integrators.portals.cars import PLATE, Matched, car
from tests.simulators.simulator import Simulator

# The Argo of the tests in each portal's codes. Mercado Livre takes names.
CODES: dict[str, dict[tuple[str, ...], str]] = {
    "mercadolivre": {},
    "olx": {("make", "fiat"): "21", ("model", "fiat", "argo"): "55",
            ("trim", "fiat", "argo", "drive-1-0"): "7"},
    "chavesnamao": {("trim", "fiat", "argo", "drive-1-0"): "1111"},
    "webmotors": {("make", "fiat"): "3", ("model", "fiat", "argo"): "31",
                  ("trim", "fiat", "argo", "drive-1-0"): "311", ("color", "white"): "1",
                  ("transmission", "manual"): "1", ("fuel", "flex"): "4"},
}  # fmt: skip
# The call that makes an ad, and the lists of ads.
CREATE = {
    "mercadolivre": ("POST", "/items"),
    "olx": ("PUT", "/autoupload/import"),
    "chavesnamao": ("POST", "/vehicles"),
    "webmotors": ("POST", "IncluirCarro"),
}
LISTS = {
    "mercadolivre": ("/users/<user>/items/search", "/items"),
    "olx": ("/autoupload/v1/published",),
    "chavesnamao": ("/vehicles",),
    "webmotors": ("ObterEstoqueAtualPaginado",),
}
LISTED_BY = {"webmotors": "POST"}  # the others: GET
GOOD = {Remote.ONLINE, Remote.IN_REVIEW}


@dataclass
class Stand:
    """One account at one portal."""

    portal: Portal
    sim: Simulator
    account: Account
    _calls: PortalCalls | None = None

    @property
    def kind(self) -> str:
        return self.portal.kind

    @contextmanager
    def calls(self) -> Iterator[PortalCalls]:
        """A way there, as fast as it goes: the same one until it is told to wait."""
        if self._calls is None or self._calls.held:
            self.close()
            self._calls = PortalCalls(self.account, Pace(5000.0, 5000.0))
        yield self._calls

    def close(self) -> None:
        if self._calls is not None:
            self._calls.__exit__()

    def draft(self, wanted: Car) -> Any:
        terms = Matched(CODES[self.kind])
        return self.portal.draft(wanted, self.account, terms, PLATE)

    def parts(self, **offer: Any) -> dict[str, Any]:
        """The parts of the Argo as it is advertised. Nothing may keep it back."""
        made = self.draft(car(**offer))
        assert made.problems == ()
        return dict(made.parts)

    def digests(self, **offer: Any) -> dict[str, str]:
        return {name: part_digest(value) for name, value in self.parts(**offer).items()}

    def create(self, key: str, **offer: Any) -> Step:
        parts = self.parts(**offer)
        return Step(Verb.CREATE, key, parts=parts, changed=frozenset(parts))

    def send(self, *steps: Step) -> dict[str, Result]:
        """What became of `steps`, as the reconciliation would go on: what was not looked at is
        sent again, what is queued is asked for until it is known."""
        results: dict[str, Result] = {}
        left = list(steps)
        for _round in range(6):
            if not left:
                break
            with self.calls() as calls:
                sent = list(self.portal.send(calls, left))
            assert {one.key for one in sent} <= {one.key for one in left}
            results |= {one.key: one for one in sent}
            left = [step for step in left if results[step.key].outcome is Outcome.NOT_YET]
        verbs = {step.key: step for step in steps}
        queued = [one for one in results.values() if one.outcome is Outcome.QUEUED]
        return results | self.poll([
            Waiting(one.key, verbs[one.key].external_id, verbs[one.key].verb, one.token)
            for one in queued
        ])  # fmt: skip

    def poll(self, waiting: Sequence[Waiting]) -> dict[str, Result]:
        """What becomes of queued steps, within a few seconds."""
        results: dict[str, Result] = {}
        deadline = time.monotonic() + 5
        while waiting and time.monotonic() < deadline:
            with self.calls() as calls:
                results |= {one.key: one for one in self.portal.poll(calls, waiting)}
            waiting = [one for one in waiting if results[one.key].outcome is Outcome.QUEUED]
            time.sleep(0.02 if waiting else 0)
        return results

    def one(self, step: Step) -> Result:
        (result,) = self.send(step).values()
        return result

    def put_up(self, key: str = "v1-k3p9", **offer: Any) -> Result:
        """The Argo online there under `key`, whatever its manual wants done for that."""
        result = self.one(self.create(key, **offer))
        assert (result.outcome, result.problem) == (Outcome.DONE, None), result
        if result.missing:
            step = Step(Verb.UPDATE, key, result.external_id, self.parts(**offer), result.missing)
            assert self.one(step).outcome is Outcome.DONE
        return result

    def observe(self) -> list[RemoteAd]:
        with self.calls() as calls:
            return list(self.portal.observe(calls))

    def look(self, key: str, external_id: str = "") -> list[RemoteAd]:
        with self.calls() as calls:
            return list(self.portal.look(calls, key, external_id))


def text_of(parts: Any) -> str:
    """All that is told, as it is told."""
    return json.dumps(parts, ensure_ascii=False)


def plain(data: Any) -> Any:
    """What a portal keeps of an ad, without what tells two ads of one car apart and in an order of
    its own."""
    if isinstance(data, dict):
        return {
            name: plain(value)
            for name, value in data.items()
            if value is not None and name not in {"id", "CodigoAnuncio"}
        } | ({"id": data["id"]} if "value_name" in data else {})
    if isinstance(data, list):
        # A photo of Webmotors has a number before its address.
        rows = [plain(one[1] if isinstance(one, tuple) else one) for one in data]
        return sorted(rows, key=text_of) if rows and "value_name" in rows[0] else rows
    return re.sub(r"v\d-k3p9", "<key>", data) if isinstance(data, str) else data
