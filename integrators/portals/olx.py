"""OLX: imports of many ads at once, worked on in the background and asked for by their token.

Manual: developers.olx.com.br/anuncio/api/import.html and its neighbours. An insert with a key that
is there edits that ad, so an insert whose answer was lost is simply sent again. One spoilt ad
cancels its whole import: those that are named are turned away, and where none is named the import
is halved until it is known which. The token stands in the body of imports and lists of makes, and
in a header everywhere else.
"""

import json as jsons
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from flask_babel import gettext as _

from core.text import clean_line
from integrators.accounts import Account
from integrators.portals import olx_answers as answers
from integrators.portals import olx_draft
from integrators.portals.portal import (
    Calls,
    Car,
    Draft,
    HoldOn,
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
    Unclear,
    Usage,
    Verb,
    Waiting,
)

MOST_BYTES: Final = 1_000_000  # of one import: they take 1 MB
PAGE: Final = 200
RENEWALS: Final = 100
BLOCKED_SECONDS: Final = 600.0  # how long too many requests shut us out
DOWN_SECONDS: Final = 60.0
_TOO_MUCH: Final = {400, 413, 422}  # it was read, and not taken
_INSERTS: Final = {Verb.CREATE, Verb.UPDATE, Verb.RELIST, Verb.RESUME}
_WORD: Final = re.compile(r"[A-Za-z0-9_{}-]+")
_NUMBERS: Final = re.compile(r"[0-9]{1,12}(?:/[0-9]{1,12})?\Z")
_LISTS: Final = {"make": 0, "model": 1, "trim": 2}  # how many numbers lead there


class Olx(Portal):
    """The adapter. Ads are known by our key; `external_id` is OLX's list_id."""

    kind = "olx"
    mapping_version = 1
    # Half of the 5,000 requests a minute that one address may send.
    limits = Limits(calls_per_second=40.0, at_once=4, batch=300, photos=olx_draft.MOST_PHOTOS,
                    description=olx_draft.MOST_TEXT, settle_seconds=60.0)  # fmt: skip
    term_lists = ("make", "model", "trim", "moto_make", "moto_model", "moto_trim",
                  olx_draft.CC_LIST)  # fmt: skip
    needs_plate = True
    repeat_is_edit = True

    def draft(self, car: Car, account: Account, terms: Terms, secrets: Secrets) -> Draft:  # noqa: ARG002
        return olx_draft.draft(car, terms, secrets)

    # --- what is there ---

    def observe(self, calls: Calls) -> Iterator[RemoteAd]:
        """The list of published ads, page by page; `next_token` null is its end. Of ads with one
        key the one that stands is told: a delete by that key would not spare it."""
        by_key: dict[str, RemoteAd] = {}
        for ad in self._listed(calls):
            if not ad.key:
                yield ad
            elif ad.key not in by_key or _standing(ad) > _standing(by_key[ad.key]):
                by_key[ad.key] = ad
        yield from by_key.values()

    def _listed(self, calls: Calls) -> Iterator[RemoteAd]:
        token, seen = "", set[str]()
        while True:
            page = self._page(calls, token)
            rows, following = page.get("data"), page.get("next_token", "")
            if not isinstance(rows, list) or following == "":
                raise Incomplete("a page of the list that is none")
            for row in rows:
                if not isinstance(row, dict):
                    raise Incomplete("a row of the list that is none")
                ad = answers.remote_ad(row, answers.STATES, Remote.IN_REVIEW)
                if ad is not None:
                    yield ad
            if following is None:
                return
            token = str(following)
            if token in seen:
                raise Incomplete("the list goes in circles")
            seen.add(token)

    def _page(self, calls: Calls, token: str) -> dict[str, Any]:
        params = {"fetch_size": str(PAGE), **({"page_token": token} if token else {})}
        try:
            reply = _bearer(calls, "GET", "/autoupload/v1/published", params=params)
        except NotSent:
            if not token:
                raise
            raise Incomplete("a page of the list is lost") from None
        if not reply.is_good:
            raise Incomplete(f"a page of the list answered {reply.status}")
        return reply.table

    def look(self, calls: Calls, key: str, external_id: str) -> list[RemoteAd]:
        """By its number the ad itself, which does not expire; by our key the whole list."""
        if not external_id:
            return [ad for ad in self.observe(calls) if ad.key == key]
        reply = _bearer(calls, "GET", f"/autoupload/ads/{quote(external_id, safe='')}")
        if not reply.is_good:
            return []
        ad = answers.remote_ad(
            {"list_id": external_id, "id": key, **reply.table},
            answers.LOOKED_AT, Remote.IN_REVIEW,
        )  # fmt: skip
        return [ad] if ad else []

    # --- what is done ---

    def send(self, calls: Calls, steps: Sequence[Step]) -> Iterable[Result]:
        """Ads are taken down by imports of their own, so that no spoilt ad keeps a sold one up."""
        closes = [step for step in steps if step.verb not in _INSERTS]
        relists = [step for step in steps if step.verb is Verb.RELIST and step.external_id]
        # An ad that waits for room is put up again as a whole; without its content it waits on.
        bare = [s for s in steps if s.verb in _INSERTS and not s.parts and s not in relists]
        inserts = [s for s in steps if s.verb in _INSERTS and s.parts and s not in relists]
        for step in bare:
            yield Result(step.key, Outcome.NO_SLOT, remote=Remote.NO_SLOTS)
        yield from self._import_all(calls, closes)
        yield from self._renew(calls, relists)
        yield from self._import_all(calls, inserts)

    def _import_all(self, calls: Calls, steps: Sequence[Step]) -> Iterator[Result]:
        for part in _portions(steps):
            yield from self._import(calls, part)

    def _import(self, calls: Calls, ads: Mapping[str, dict[str, Any]]) -> Iterator[Result]:
        reply = calls.ask(
            "PUT",
            "/autoupload/import",
            json={"access_token": calls.account.get("access_token"), "ad_list": [*ads.values()]},
        )
        _let_in(reply)
        said = reply.table
        match said.get("statusCode"):
            case 0 if said.get("token"):
                yield from _queued(ads, str(said["token"]))
            case -8 if said.get("token"):
                ignored = _named_in(said, ads)
                yield from _queued([key for key in ads if key not in ignored], str(said["token"]))
                yield from _no_slot(key for key in ads if key in ignored)
            case -3:
                for key, ad in ads.items():
                    gone = Remote.OFFLINE if ad["operation"] == "delete" else None
                    yield Result(key, Outcome.DONE, remote=gone)
            case -7:
                yield from _no_slot(ads)
            case -4:
                yield from self._spoilt(calls, ads, said)
            case -2:
                raise HoldOn("OLX counts too many requests", BLOCKED_SECONDS)
            case -1 | -5:
                raise HoldOn("OLX is down", DOWN_SECONDS, "down")
            case -6:
                raise Locked(_no_plan(), needs_person=False)
            case _ if reply.status in _TOO_MUCH:
                yield from self._spoilt(calls, ads, said)
            case _:
                raise Unclear(f"an import answered {reply.status} without a code that is known")

    def _spoilt(
        self, calls: Calls, ads: Mapping[str, dict[str, Any]], said: Mapping[str, Any]
    ) -> Iterator[Result]:
        """Nothing of the import was taken. Those named are at fault, the others go again; where
        nobody is named, its halves are tried, which finds one culprit in log2 imports."""
        named = _errors(said, ads)
        if not named and len(ads) == 1:
            key = next(iter(ads))
            named = {key: answers.refusal([clean_line(str(said.get("statusMessage") or ""), 200)])}
        if named:
            for key, ad in ads.items():
                yield _turned_away(key, ad, named[key]) if key in named else _again(key)
            return
        keys = list(ads)
        middle = len(keys) // 2
        for half in (keys[:middle], keys[middle:]):
            yield from self._import(calls, {key: ads[key] for key in half})

    def _renew(self, calls: Calls, steps: Sequence[Step]) -> Iterator[Result]:
        """Put expired ads on again under their own numbers; what changed meanwhile is sent after.
        PATCH …/ads/renewals takes a hundred numbers at most."""
        for start in range(0, len(steps), RENEWALS):
            part = {step.external_id: step for step in steps[start : start + RENEWALS]}
            ids: list[int | str] = [int(n) if n.isdigit() else n for n in part]
            reply = _bearer(calls, "PATCH", "/autoupload/ads/renewals", json={"ids": ids})
            results = reply.table.get("results")
            if not reply.is_good or not isinstance(results, dict):
                raise Unclear("a renewal without results")
            stale: list[Step] = []
            for number, step in part.items():
                told = results.get(number)
                if not isinstance(told, dict) or not told.get("renewed"):
                    yield Result(step.key, Outcome.GONE)
                elif step.changed and step.parts:
                    stale.append(step)
                else:
                    yield Result(step.key, Outcome.DONE, number, remote=Remote.ONLINE)
            yield from self._import_all(calls, stale)

    def poll(self, calls: Calls, waiting: Sequence[Waiting]) -> Iterable[Result]:
        """One question for each import. It is answered for seven days."""
        imports: dict[str, list[Waiting]] = {}
        for one in waiting:
            imports.setdefault(one.token, []).append(one)
        for token, ads in imports.items():
            reply = _by_body(calls, f"/autoupload/import/{quote(token, safe='')}")
            known = reply.table.get("ads")
            is_done = reply.table.get("autoupload_status") == "done"
            for one in ads:
                if not reply.is_good:  # an import that OLX forgot
                    yield Result(one.key, Outcome.UNCLEAR)
                else:
                    row = known.get(one.key) if isinstance(known, dict) else None
                    yield _outcome(one, row, is_done=is_done)

    # --- the contract and the lists ---

    def usage(self, calls: Calls) -> Usage | None:
        """The contract's places (GET /autoupload/balance)."""
        reply = _bearer(calls, "GET", "/autoupload/balance")
        ads = reply.table.get("ads")
        if not reply.is_good or not isinstance(ads, dict):
            return None
        total, used = _whole(ads.get("total")), _whole(ads.get("performed"))
        available = _whole(ads.get("available"))
        if used is None and total is not None and available is not None:
            used = total - available
        return Usage(total, used, clean_line(str(reply.table.get("name") or ""), 80))

    def terms(self, calls: Calls, list_name: str, parent: str) -> Iterable[Term]:
        """Makes, models and versions: names are keys, numbers are values. Raises Incomplete."""
        if list_name == olx_draft.CC_LIST:
            path = "/autoupload/moto_cubiccms_info"
        else:
            base, level = "car_info", list_name
            if list_name.startswith("moto_"):
                base, level = "moto_info", list_name.removeprefix("moto_")
            is_there = level in _LISTS and parent.count("/") == _LISTS[level] - bool(parent)
            if not is_there or (parent and not _NUMBERS.match(parent)):
                raise ValueError(f"no list {list_name!r} of {parent!r}")
            path = f"/autoupload/{base}{'/' if parent else ''}{parent}"
        reply = _by_body(calls, path)
        data = reply.table.get("data")
        if not reply.is_good or not isinstance(data, dict):
            raise Incomplete(f"a list of {list_name} answered {reply.status}")
        return [Term(str(number), clean_line(str(name), 160)) for name, number in data.items()]


# --- asking ----------------------------------------------------------------------------------


def _bearer(calls: Calls, method: str, path: str, **options: Any) -> Reply:
    token = calls.account.get("access_token")
    reply = calls.ask(method, path, headers={"Authorization": f"Bearer {token}"}, **options)
    return _let_in(reply)


def _by_body(calls: Calls, path: str) -> Reply:
    """A question that is a POST, because the token stands in its body."""
    body = {"access_token": calls.account.get("access_token")}
    return _let_in(calls.ask("POST", path, json=body, is_write=False))


def _let_in(reply: Reply) -> Reply:
    """OLX's token has no end of its own and cannot be renewed: once it is turned away, somebody
    has to let us in again."""
    if reply.status == 401:
        raise Locked(str(_("OLX no longer lets us in: connect the account again.")))
    if reply.status == 403:
        raise Locked(_no_plan(), needs_person=False)
    return reply


def _no_plan() -> str:
    return str(_("OLX takes ads from us only under a company plan (Essencial, Plus or Premium "
                 "Empresa). Talk to OLX about the plan."))  # fmt: skip


def _standing(ad: RemoteAd) -> tuple[bool, bool, str]:
    """Of two ads the larger one is the one that stands."""
    return ad.remote is not Remote.OFFLINE, ad.remote is not Remote.REJECTED, ad.age


# --- reading and writing imports -------------------------------------------------------------


def _portions(steps: Sequence[Step]) -> Iterator[dict[str, dict[str, Any]]]:
    """The ads of `steps` by key, as many at a time as one import may hold."""
    part: dict[str, dict[str, Any]] = {}
    size = 0
    for step in steps:
        is_insert = step.verb in _INSERTS
        ad = olx_draft.insert(step.key, step.parts) if is_insert else olx_draft.delete(step.key)
        length = len(jsons.dumps(ad, ensure_ascii=False).encode()) + 2
        if part and size + length > MOST_BYTES - 1_000:
            yield part
            part, size = {}, 0
        part[step.key] = ad
        size += length
    if part:
        yield part


def _turned_away(key: str, ad: Mapping[str, Any], problem: Problem) -> Result:
    """An ad that spoilt its import. What cannot be taken down because nobody knows it is gone."""
    if ad["operation"] == "delete" and problem.code == answers.UNKNOWN_AD:
        return Result(key, Outcome.GONE)
    return Result(key, Outcome.REFUSED, problem=problem)


def _again(key: str) -> Result:
    return Result(key, Outcome.NOT_YET)


def _queued(keys: Iterable[str], token: str) -> Iterator[Result]:
    return (Result(key, Outcome.QUEUED, token=token) for key in keys)


def _no_slot(keys: Iterable[str]) -> Iterator[Result]:
    return (Result(key, Outcome.NO_SLOT) for key in keys)


def _errors(said: Mapping[str, Any], ads: Mapping[str, Any]) -> dict[str, Problem]:
    """The ads of ours that `errors` names, and why."""
    rows = said.get("errors")
    found: dict[str, Problem] = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("id") in ads:
            found[row["id"]] = answers.refusal(answers.codes_of(row.get("messages")))
    return found


def _named_in(said: Mapping[str, Any], ads: Mapping[str, Any]) -> set[str]:
    """The ads that an import left out: the message lists them in words."""
    words = set(_WORD.findall(f"{said.get('statusMessage')}"))
    return {key for key in ads if key in words} | set(_errors(said, ads))


def _outcome(one: Waiting, row: Any, *, is_done: bool) -> Result:
    """How one ad of an import stands."""
    if not isinstance(row, dict):
        return Result(one.key, Outcome.UNCLEAR if is_done else Outcome.QUEUED, token=one.token)
    status = str(row.get("status") or "").lower()
    number = str(row.get("list_id") or one.external_id or "")
    url = str(row.get("url") or "")
    operation = str(row.get("operation") or "").lower()
    is_delete = operation == "delete" or one.verb not in _INSERTS
    if status in {"accepted", "accept"}:
        # While an edit is looked at, buyers see the ad as it was.
        remote = Remote.ONLINE if url or operation == "edit" else Remote.IN_REVIEW
        return Result(one.key, Outcome.DONE, number, url, Remote.OFFLINE if is_delete else remote)
    if status not in {"refused", "error"}:
        return Result(one.key, Outcome.QUEUED, number, token=one.token)
    codes = answers.codes_of(row.get("message"))
    if is_delete:  # whether it was still there is not said
        is_unknown = answers.UNKNOWN_AD in codes
        return Result(one.key, Outcome.GONE if is_unknown else Outcome.UNCLEAR, number)
    if answers.NO_SLOTS in codes:
        return Result(one.key, Outcome.NO_SLOT, number)
    is_rejected = status == "refused" and operation != "edit"
    return Result(
        one.key, Outcome.REFUSED, number, url, Remote.REJECTED if is_rejected else None,
        substate=status, problem=answers.refusal(codes),
    )  # fmt: skip


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
