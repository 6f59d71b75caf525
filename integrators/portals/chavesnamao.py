"""Chaves na Mão: one call for one ad, worked on in a queue, known by our own reference.

Manual: github.com/chavesnamao/vehicle-api-documentation. Every write is queued and done in order of
entry; the ad itself then tells how it stands. The integration token buys a token for a day, which
is shared by all threads and processes and asked for anew when it is turned away.
"""

import json as jsons
import random
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from flask_babel import gettext as _

from core.clock import now
from core.text import clean_line
from integrators.accounts import Account
from integrators.portals import chavesnamao_draft
from integrators.portals.portal import (
    Calls,
    Car,
    Draft,
    Incomplete,
    Limits,
    Locked,
    NotSent,
    Outcome,
    Portal,
    Problem,
    Remote,
    RemoteAd,
    Reply,
    Result,
    Secrets,
    Step,
    Term,
    Terms,
    Usage,
    Verb,
    Waiting,
)
from integrators.portals.wording import table

PAGE: Final = 50
FEW: Final = 20  # waiting ads that are asked for one by one; more of them by pages
LONGEST_SAID: Final = 200
RENEWALS: Final = 4
_USED_SHARE: Final = 0.8  # of a token's life, then a new one is asked for
_LIFE: Final = re.compile(r"([0-9]{1,6})\s*([smhd]?)\Z")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_SHORTEST_LIFE: Final = 60.0
_EPOCH: Final = 1_000_000_000  # larger numbers are an instant, smaller ones a wait
_REFUSED: Final = {400, 422}
_CONFLICT: Final = {409, 422}
_NUMBER: Final = re.compile(r"[0-9]{1,12}\Z")

_asking: dict[int, threading.Lock] = {}  # who asks for a token, by account


class ChavesNaMao(Portal):
    """The adapter. The reference is our key and their only id."""

    kind = "chavesnamao"
    mapping_version = 1
    limits = Limits(
        calls_per_second=10.0,
        at_once=4,
        photos=chavesnamao_draft.MOST_PHOTOS,
        description=chavesnamao_draft.MOST_TEXT,
        can_pause=True,
        shows_price=True,
        settle_seconds=60.0,
        token_seconds=3600.0,  # the queue may take three quarters of an hour
    )
    term_lists = ("make", "model", "trim", "moto_make", "moto_model", "moto_trim")
    needs_plate = True
    # A second `POST` of a reference is turned away, and is sent as an edit then.
    repeat_is_edit = True

    def draft(self, car: Car, account: Account, terms: Terms, secrets: Secrets) -> Draft:  # noqa: ARG002
        return chavesnamao_draft.draft(car, terms, secrets)

    # --- what is there ---

    def observe(self, calls: Calls) -> Iterator[RemoteAd]:
        """The list by reference, until a page is short. Nobody may slip from page to page
        meanwhile: a reference seen twice means that another was not seen."""
        seen: set[str] = set()
        for number in range(1, 100_000):
            rows, total = self._page(calls, number)
            for row in rows:
                ad = _ad(row)
                if ad.key in seen:
                    raise Incomplete("the list moved while it was read")
                seen.add(ad.key)
                yield ad
            if len(rows) < PAGE:
                break
        if total is not None and total != len(seen):
            raise Incomplete(f"{len(seen)} of {total} ads were listed")

    def _page(self, calls: Calls, number: int) -> tuple[list[dict[str, Any]], int | None]:
        params = {"limit": str(PAGE), "page": str(number), "sortBy": "reference"}
        try:
            reply = _ask(calls, "GET", "/vehicles", params=params)
        except NotSent:
            if number == 1:
                raise
            raise Incomplete("a page of the list is lost") from None
        rows = _rows(reply)
        if not reply.is_good or rows is None:
            raise Incomplete(f"a page of the list answered {reply.status}")
        return rows, _total(reply)

    def look(self, calls: Calls, key: str, external_id: str) -> list[RemoteAd]:
        reply = _ask(calls, "GET", _path(key or external_id))
        if reply.status == 202:
            return [RemoteAd(key, key, Remote.PROCESSING, substate="queued")]
        return [_ad({"reference": key, **reply.table})] if reply.is_good else []

    # --- what is done ---

    def send(self, calls: Calls, steps: Sequence[Step]) -> Iterable[Result]:
        for step in steps:
            match step.verb:
                case Verb.CREATE:
                    reply = self._create(calls, step)
                case Verb.UPDATE:
                    reply = self._replace(calls, step)
                case Verb.RELIST:  # nothing ends by itself there: what is off is put on again
                    reply = self._replace(calls, step)
                    if reply.is_good:
                        reply = _ask(calls, "POST", _path(step.key, "publications"))
                case Verb.RESUME:
                    reply = _ask(calls, "POST", _path(step.key, "publications"))
                case Verb.PAUSE:
                    reply = _ask(calls, "DELETE", _path(step.key, "publications"))
                case Verb.CLOSE:
                    reply = _ask(calls, "DELETE", _path(step.key))
            yield _sent(step, reply)

    def _create(self, calls: Calls, step: Step) -> Reply:
        """A new ad. What an earlier call made whose answer was lost is turned into an edit."""
        ad = chavesnamao_draft.body(step.key, step.parts)
        reply = _ask(calls, "POST", "/vehicles", json=ad)
        if reply.status in _CONFLICT and _ask(calls, "GET", _path(step.key)).is_good:
            return self._replace(calls, step)
        return reply

    def _replace(self, calls: Calls, step: Step) -> Reply:
        ad = chavesnamao_draft.body(step.key, step.parts)
        return _ask(calls, "PUT", _path(step.key), json=ad)

    def poll(self, calls: Calls, waiting: Sequence[Waiting]) -> Iterable[Result]:
        """The ad itself tells, and its queue. Of many, the list tells first; what it leaves open is
        asked for one by one, a few at a time. An edit counts as done once its ad is listed: that it
        shows the new price is what the next look at the list is for."""
        if len(waiting) > FEW:
            listed = {ad.key: ad for ad in self.observe(calls)}
            left: list[Waiting] = []
            for one in waiting:
                if settled := _settled(one, listed.get(one.key)):
                    yield settled
                else:
                    left.append(one)
            waiting = random.sample(left, min(FEW, len(left)))
            asked = {one.key for one in waiting}
            for one in left:
                if one.key not in asked:
                    yield Result(one.key, Outcome.QUEUED)
        for one in waiting:
            yield _stands(one, _ask(calls, "GET", _path(one.key)))

    # --- the contract and the lists ---

    def usage(self, calls: Calls) -> Usage | None:
        """The plan and what of it is left (GET /clients/plan)."""
        reply = _ask(calls, "GET", "/clients/plan")
        plan, left = (reply.table.get(name) for name in ("currentPlan", "available"))
        if not reply.is_good or not isinstance(plan, dict):
            return None
        left = left if isinstance(left, dict) else {}
        total, used = _taken(plan, left, "adsQuantity")
        high, shown = _taken(plan, left, "highlightsQuantity")
        return Usage(total, used, clean_line(str(plan.get("name") or ""), 80), high, shown)

    def terms(self, calls: Calls, list_name: str, parent: str) -> Iterable[Term]:
        """Makes, models and versions; makes of cars and of motorcycles stand in one list there.
        Raises Incomplete."""
        level, own = list_name.removeprefix("moto_"), parent.rpartition("/")[2]
        paths = {
            "make": "/vehicles/brands",
            "model": f"/vehicles/brands/{own}/models",
            "trim": f"/vehicles/models/{own}/trims",
        }
        if level not in paths or (level != "make" and not _NUMBER.match(own)):
            raise ValueError(f"no list {list_name!r} of {parent!r}")
        reply = _ask(calls, "GET", paths[level])
        rows = _rows(reply)
        if not reply.is_good or rows is None:
            raise Incomplete(f"a list of {list_name} answered {reply.status}")
        kind = "M" if list_name.startswith("moto_") else "C"
        return [
            Term(str(row["id"]), clean_line(str(row.get("name") or ""), 160))
            for row in rows
            if row.get("id") and str(row.get("vehicleType") or kind).upper()[:1] == kind
        ]


# --- asking ----------------------------------------------------------------------------------


def _ask(calls: Calls, method: str, path: str, **options: Any) -> Reply:
    """One request with a token that works. A worn one is renewed, and again when it ended
    meanwhile; new ones that are turned away one after the other are somebody's to look at. Raises
    Locked."""
    token = ""
    for _try in range(RENEWALS + 1):
        token = _token(calls, worn=token)
        reply = calls.ask(method, path, headers={"Authorization": f"Bearer {token}"}, **options)
        if reply.status != 401:
            break
    _let_in(reply)
    _heed(calls, reply)
    return reply


def _token(calls: Calls, worn: str = "") -> str:
    """The token of the day, other than `worn`. One thread asks for it, the others wait."""
    with _asking.setdefault(calls.account.id, threading.Lock()):
        account = calls.account
        token = account.get("issued_token")
        until = float(account.get("issued_until") or 0)
        if token and token != worn and until > now().timestamp():
            return token
        reply = calls.ask("GET", "/clients/jwt", headers={"token": account.get("access_token")})
        _let_in(reply)
        token = str(reply.table.get("token") or "")
        if not reply.is_good or not token:
            raise NotSent(f"no token: answered {reply.status}")
        life = _life(reply.table.get("expiration")) * _USED_SHARE
        calls.keep(issued_token=token, issued_until=now().timestamp() + life)
        return token


def _life(told: Any) -> float:
    """ "1d" in seconds."""
    found = _LIFE.match(str(told).strip().lower())
    return max(_SHORTEST_LIFE, float(found[1]) * _UNITS[found[2]]) if found else _SHORTEST_LIFE


def _let_in(reply: Reply) -> None:
    if reply.status in {401, 403}:
        raise Locked(str(_("Chaves na Mão does not let us in: check the integration token.")))


def _heed(calls: Calls, reply: Reply) -> None:
    """Every answer says how many requests are left until when."""
    left, reset = (reply.headers.get(f"x-ratelimit-{n}", "") for n in ("remaining", "reset"))
    if left.strip() == "0" and reset.strip().isdigit():
        seconds = float(reset)
        calls.rest(seconds - now().timestamp() if seconds > _EPOCH else seconds)


def _path(reference: str, place: str = "vehicles") -> str:
    return f"/{place}/{quote(reference, safe='')}"


# --- reading ---------------------------------------------------------------------------------


def _rows(reply: Reply) -> list[dict[str, Any]] | None:
    """The rows of a list, bare or in an envelope; None where there is none."""
    data = reply.data
    if isinstance(data, dict):
        data = next((value for value in data.values() if isinstance(value, list)), None)
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        return None
    return data


def _total(reply: Reply) -> int | None:
    """How many there are in all, where it is told."""
    meta = reply.table.get("meta")
    told = {**reply.table, **(meta if isinstance(meta, dict) else {})}
    for name in ("totalItems", "total", "totalCount"):
        value = told.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _ad(row: Mapping[str, Any]) -> RemoteAd:
    """One ad as they show it. `publication` null: buyers do not see it."""
    reference = str(row.get("reference") or "")
    shown = row["publication"] is not None if "publication" in row else row.get("active") is True
    return RemoteAd(
        external_id=reference,
        key=reference,
        remote=Remote.ONLINE if shown else Remote.PAUSED,
        substate="published" if shown else "unpublished",
        url=str(row.get("url") or ""),
        price_cents=_cents(row.get("value")),
        age=str(row.get("updatedAt") or ""),
    )


def _cents(value: Any) -> int | None:
    """Their value, text or number, in cents."""
    try:
        return round(float(value) * 100)
    except (TypeError, ValueError, OverflowError):
        return None


def _sent(step: Step, reply: Reply) -> Result:
    """What became of a write."""
    if reply.is_good:
        return Result(step.key, Outcome.QUEUED, step.key)
    if reply.status == 404:
        if step.verb is Verb.CLOSE:
            return Result(step.key, Outcome.DONE, remote=Remote.OFFLINE)
        return Result(step.key, Outcome.GONE)
    if step.verb is Verb.RESUME and reply.status in _REFUSED:
        return Result(step.key, Outcome.NO_SLOT, step.key, remote=Remote.NO_SLOTS)
    return Result(step.key, Outcome.REFUSED, problem=_problem(reply))


def _problem(reply: Reply) -> Problem:
    """Why they turn an ad away, in their words, and the field they name."""
    said = reply.table.get("message") or reply.table.get("errors") or reply.status
    text = said if isinstance(said, str) else jsons.dumps(said, ensure_ascii=False)
    text = clean_line(re.sub(r"[\[\]{}\"]+", " ", text), LONGEST_SAID)
    whole = jsons.dumps(reply.table, ensure_ascii=False)
    fields: dict[str, str] = table("chavesnamao")["fields"]
    named = next((name for name in fields if re.search(rf"\b{name}\b", whole)), "")
    words = _("Chaves na Mão refuses this ad: %(said)s", said=text)
    return Problem(f"{reply.status}_{named or 'ad'}", str(words), fields.get(named, ""))


def _settled(one: Waiting, ad: RemoteAd | None) -> Result | None:
    """What the list alone can tell of a queued step."""
    if ad is None:
        is_gone = one.verb is Verb.CLOSE
        return Result(one.key, Outcome.DONE, remote=Remote.OFFLINE) if is_gone else None
    wanted = {Verb.CLOSE: None, Verb.PAUSE: Remote.PAUSED}.get(one.verb, Remote.ONLINE)
    if ad.remote is not wanted:
        return None
    return Result(one.key, Outcome.DONE, one.key, ad.url, ad.remote, ad.substate)


def _stands(one: Waiting, reply: Reply) -> Result:
    """How a queued step stands by the ad's own answer: 202 on its way, 404 not there. What is not
    as it should be while nothing is queued for it was lost, or waits for a place in the plan."""
    if reply.status == 202:
        return Result(one.key, Outcome.QUEUED)
    if reply.status == 404:
        if one.verb is Verb.CLOSE:
            return Result(one.key, Outcome.DONE, remote=Remote.OFFLINE)
        return Result(one.key, Outcome.UNCLEAR if one.verb is Verb.CREATE else Outcome.GONE)
    queue = reply.headers.get("x-status-queue")
    if not reply.is_good or _is_pending(queue):
        return Result(one.key, Outcome.QUEUED)
    ad = _ad({"reference": one.key, **reply.table})
    if settled := _settled(one, ad):
        return settled
    if one.verb in {Verb.CLOSE, Verb.PAUSE}:
        return Result(one.key, Outcome.QUEUED if queue is None else Outcome.UNCLEAR)
    return Result(one.key, Outcome.NO_SLOT, one.key, ad.url, Remote.NO_SLOTS, ad.substate)


def _is_pending(queue: str | None) -> bool:
    """Whether the header names a job: "[]" and "" are an empty queue."""
    return bool(queue) and bool(re.search(r"[A-Za-z0-9]", queue or ""))


def _taken(
    plan: Mapping[str, Any], left: Mapping[str, Any], name: str
) -> tuple[int | None, int | None]:
    """(all places, taken places) of one kind in the plan."""
    total, free = plan.get(name), left.get(name)
    if not isinstance(total, int):
        return None, None
    return total, total - free if isinstance(free, int) else None
