"""What a listing's row becomes after a step, a look or a lost answer. Pure: rows in, values out.

The rules are those of crash-safe creation: what was sent and not answered is looked at before it
is sent again, unless the portal takes a repetition under our key as an edit.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from flask_babel import gettext as _

from integrators.listings.steps import VISIBLE
from integrators.models import Listing
from integrators.portals.portal import (
    CallFailed,
    Draft,
    NotSent,
    Outcome,
    Portal,
    Problem,
    Remote,
    RemoteAd,
    Result,
    Verb,
    part_digest,
)

LOOKS: Final = (0.1, 0.4, 1.0)  # when to look for a lost one, in shares of the settling time
NO_SLOT_SECONDS: Final = 900.0
RETRY_SECONDS: Final = 2.0
DRIFTS_ALLOWED: Final = 3
LONGEST_RETRY_SECONDS: Final = 600.0
_MAKES: Final = {Verb.CREATE, Verb.RELIST}
_LONGEST: Final = {
    "error": 500,
    "error_code": 80,
    "error_field": 40,
    "substate": 60,
    "url": 500,
    "external_id": 64,
    "job_token": 80,
}


@dataclass
class Change:
    """New values of one listing, and what happened to it for those who look later."""

    listing: Listing
    values: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[str, str, float | None]] = field(default_factory=list)  # what, words, s

    def set(self, **values: Any) -> "Change":
        self.values.update(
            {name: value[: _LONGEST[name]] if name in _LONGEST and value else value
             for name, value in values.items()}
        )  # fmt: skip
        return self

    def say(self, what: str, words: str = "", seconds: float | None = None) -> "Change":
        self.events.append((what, words[:300], seconds))
        return self


DONE_WITH: Final[dict[str, Any]] = {
    "intent": "",
    "is_unclear": False,
    "looks": 0,
    "job_token": "",
    "due_at": None,
    "tries": 0,
}
NO_ERROR: Final[dict[str, Any]] = {
    "error": "", "error_code": "", "error_field": "", "refused_basis": "",
}  # fmt: skip


def digests(draft: Draft) -> dict[str, str]:
    """The draft's parts by digest."""
    return {name: part_digest(value) for name, value in draft.parts.items()}


def intended(row: Listing, verb: Verb, draft: Draft | None, instant: datetime) -> Change:
    """Committed before the call: a crash from here on leaves something to be looked at."""
    change = Change(row).set(intent=verb.value, intent_at=instant)
    if verb in _MAKES and draft is not None:
        change.set(parts=digests(draft), price_cents=draft.price_cents)
    return change.say(verb.value)


def held_back(row: Listing, problem: Problem) -> Change:
    """The car cannot be told to that portal as it stands."""
    return (
        Change(row)
        .set(**DONE_WITH)
        .set(
            refused_basis=row.basis,
            error_code=problem.code,
            error=problem.words,
            error_field=problem.field,
        )
        .say("refused", problem.words)
    )


def unchanged(row: Listing) -> Change:
    """The ad would be the same: nothing to send."""
    return Change(row).set(pushed_basis=row.basis, **NO_ERROR)


def after(
    row: Listing, verb: Verb, draft: Draft | None, result: Result, portal: Portal, instant: datetime
) -> Change:
    """After an answer to one step."""
    if result.outcome is Outcome.DONE:
        return _done(row, verb, draft, result, instant)
    if result.outcome is Outcome.QUEUED:
        return _queued(row, verb, draft, result, portal, instant)
    if result.outcome is Outcome.REFUSED:
        return _refused(row, verb, result, instant)
    if result.outcome is Outcome.NO_SLOT:
        return _no_slot(row, result, instant)
    if result.outcome is Outcome.NOT_YET:
        due_at = instant + wait(row.tries) if row.tries else None
        return Change(row).set(intent="", tries=row.tries + 1, due_at=due_at)
    if result.outcome is Outcome.GONE:
        return _gone(row, verb, instant)
    return lost(row, verb, portal, instant)


def failed(
    row: Listing, verb: Verb, error: CallFailed, portal: Portal, instant: datetime
) -> Change:
    """After a call that did not do what it was for."""
    if isinstance(error, NotSent):
        return Change(row).set(intent="", tries=row.tries + 1, due_at=instant + wait(row.tries))
    return lost(row, verb, portal, instant)


def lost(row: Listing, verb: Verb, portal: Portal, instant: datetime) -> Change:
    """It may have happened. Edits and endings are repeated; what makes an ad is looked for."""
    change = Change(row).set(tries=row.tries + 1, job_token="").say("unclear")
    if verb in _MAKES and not portal.repeat_is_edit:
        settle = timedelta(seconds=portal.limits.settle_seconds * LOOKS[0])
        return change.set(is_unclear=True, looks=0, due_at=instant + settle)
    remote = row.remote
    if verb in _MAKES:
        # It may stand there: an edit makes it, if it does not, and a sale takes it down.
        remote = Remote.ONLINE.value
    elif remote == Remote.PROCESSING:  # the portal forgot what it was working on
        remote = Remote.ONLINE.value
    return change.set(
        remote=remote, intent="", pushed_basis="", parts={}, due_at=instant + wait(row.tries)
    )


def _done(
    row: Listing, verb: Verb, draft: Draft | None, result: Result, instant: datetime
) -> Change:
    change = Change(row).set(**DONE_WITH).set(checked_at=instant)
    remote = result.remote
    if verb is Verb.CLOSE:
        remote = Remote.OFFLINE
        change.set(parts={}, pushed_basis="", gone_at=instant, **NO_ERROR)
        change.say("gone", seconds=_since(row.desired_at, instant))
    elif verb is Verb.PAUSE:
        remote = remote or Remote.PAUSED
        change.set(**NO_ERROR).say("gone", seconds=_since(row.desired_at, instant))
    else:
        remote = remote or (Remote(row.remote) if verb is Verb.UPDATE else Remote.ONLINE)
        if draft is not None:
            known = {n: d for n, d in digests(draft).items() if n not in result.missing}
            if draft.price_cents != row.price_cents:
                change.set(drifts=0)
            change.set(parts=known, price_cents=draft.price_cents, pushed_at=instant)
            change.set(seen_price_cents=draft.price_cents)
            change.set(pushed_basis="" if result.missing else row.basis)
        change.set(**NO_ERROR).say("accepted")
        _seen(change, row, remote, instant)
    if remote is Remote.REJECTED and result.problem is not None:
        _mark(change, row, result.problem)
    change.set(remote=remote.value, substate=result.substate)
    if result.external_id:
        change.set(external_id=result.external_id)
    if result.url:
        change.set(url=result.url)
    return change


def _queued(
    row: Listing, verb: Verb, draft: Draft | None, result: Result, portal: Portal, instant: datetime
) -> Change:
    first = timedelta(seconds=portal.limits.poll_seconds[0])
    change = Change(row).set(
        remote=Remote.PROCESSING.value,
        intent=verb.value,
        intent_at=instant,
        job_token=result.token,
        is_unclear=False,
        looks=0,
        tries=0,
        due_at=instant + first,
        pushed_at=instant,
    )
    if draft is not None:
        change.set(parts=digests(draft), price_cents=draft.price_cents, pushed_basis=row.basis)
    if result.external_id:
        change.set(external_id=result.external_id)
    return change


def still_working(row: Listing, portal: Portal, instant: datetime) -> Change:
    """The portal has not finished: ask again later, or give the token up."""
    since = row.intent_at or instant
    if instant - since > timedelta(seconds=portal.limits.token_seconds):
        return lost(row, Verb(row.intent or Verb.UPDATE), portal, instant)
    times = portal.limits.poll_seconds
    seconds = times[min(row.looks + 1, len(times) - 1)]
    return Change(row).set(looks=row.looks + 1, due_at=instant + timedelta(seconds=seconds))


def _refused(row: Listing, verb: Verb, result: Result, instant: datetime) -> Change:
    problem = result.problem or Problem("refused", "")
    change = Change(row).set(**DONE_WITH).say("refused", problem.words)
    if verb in {Verb.CLOSE, Verb.PAUSE}:  # it has to go whatever they say: tried again, and shown
        change.set(tries=row.tries + 1, due_at=instant + wait(row.tries))
        change.set(error_code=problem.code, error=problem.words, error_field=problem.field)
        if row.remote == Remote.PROCESSING:
            change.set(remote=Remote.ONLINE.value)
        return change
    change.set(parts={}, pushed_basis="", substate=result.substate)
    if result.remote is not None:
        change.set(remote=result.remote.value)
    elif row.remote == Remote.PROCESSING:
        change.set(remote=(Remote.NONE if verb in _MAKES else Remote.ONLINE).value)
    return _mark(change, row, problem)


def _mark(change: Change, row: Listing, problem: Problem) -> Change:
    return change.set(
        refused_basis=row.basis,
        error_code=problem.code,
        error=problem.words,
        error_field=problem.field,
    )


def _no_slot(row: Listing, result: Result, instant: datetime) -> Change:
    change = Change(row).set(**DONE_WITH)
    if row.remote == Remote.PROCESSING:
        change.set(remote=Remote.NONE.value)
    if result.remote is not None:
        change.set(remote=result.remote.value)
    if result.external_id:
        change.set(external_id=result.external_id)
    problem = result.problem or Problem("no_slot", "")
    return change.set(
        error_code="no_slot",
        error=problem.words,
        error_field=problem.field,
        pushed_basis="" if result.remote is None else row.basis,
        due_at=instant + timedelta(seconds=NO_SLOT_SECONDS),
    )


def _gone(row: Listing, verb: Verb, instant: datetime) -> Change:
    change = Change(row).set(**DONE_WITH).set(
        remote=Remote.OFFLINE.value, external_id="", parts={}, pushed_basis="", gone_at=instant
    )  # fmt: skip
    if verb in {Verb.CLOSE, Verb.PAUSE}:
        return change.set(**NO_ERROR).say("gone", seconds=_since(row.desired_at, instant))
    if verb in _MAKES:  # what does not exist cannot be gone: not the same again at once
        change.set(tries=row.tries + 1, due_at=instant + wait(row.tries))
    return change.say("drift")


# --- looking ---------------------------------------------------------------------------------


def found(row: Listing, ad: RemoteAd, portal: Portal, instant: datetime) -> Change:
    """One that was lost is there: it is ours, and what it may lack is sent as an edit."""
    kept = {name: d for name, d in row.parts.items() if name not in portal.later_parts}
    if row.intent == Verb.RELIST:
        kept = {}  # it came back as it was when it ended
    change = Change(row).set(**DONE_WITH).set(parts=kept, pushed_basis="").say("adopted")
    return _as_seen(change, row, ad, instant)


def not_found(row: Listing, portal: Portal, instant: datetime) -> Change:
    """Looked for and not there. After the last look it was never made."""
    looks = row.looks + 1
    if looks >= len(LOOKS) and row.intent == Verb.RELIST:
        return Change(row).set(**DONE_WITH).set(remote=Remote.EXPIRED.value)
    if looks >= len(LOOKS):
        return Change(row).set(**DONE_WITH).set(remote=Remote.NONE.value, external_id="", parts={})
    share = LOOKS[looks] - LOOKS[looks - 1]
    wait_for = timedelta(seconds=portal.limits.settle_seconds * share)
    return Change(row).set(looks=looks, due_at=instant + wait_for)


def observed(row: Listing, ad: RemoteAd, instant: datetime) -> Change | None:
    """What a complete look tells of a listing that nothing is under way with; None: nothing new."""
    change = _as_seen(Change(row), row, ad, instant)
    drifted = (
        ad.price_cents is not None
        and row.price_cents is not None
        and ad.price_cents != row.price_cents
        and row.pushed_basis != ""
    )
    if drifted and row.drifts >= DRIFTS_ALLOWED:
        words = _("The portal shows another price each time we put it right. Look at the ad there.")
        change.set(error_code="drift", error=str(words), error_field="price")
    elif drifted:
        change.set(drifts=row.drifts + 1)
        parts = {name: digest for name, digest in row.parts.items() if name != "price"}
        change.set(parts=parts, pushed_basis="").say("drift", f"{ad.price_cents}")
    if ad.remote is Remote.REJECTED and row.remote != Remote.REJECTED:
        _mark(change, row, Problem("moderation", ad.words))
        change.say("refused", ad.words)
    news = {name: value for name, value in change.values.items() if getattr(row, name) != value}
    news.pop("checked_at", None)
    return change if news else None


def vanished(row: Listing, instant: datetime) -> Change:
    """A complete look does not show it."""
    change = Change(row).set(
        remote=Remote.OFFLINE.value, external_id="", parts={}, pushed_basis="", checked_at=instant,
        gone_at=instant,
    )  # fmt: skip
    return change.say("gone" if row.desired == "absent" else "drift")


def _as_seen(change: Change, row: Listing, ad: RemoteAd, instant: datetime) -> Change:
    change.set(
        external_id=ad.external_id,
        remote=ad.remote.value,
        substate=ad.substate,
        checked_at=instant,
    )
    if ad.url:
        change.set(url=ad.url)
    if ad.price_cents is not None:
        change.set(seen_price_cents=ad.price_cents)
    _seen(change, row, ad.remote, instant)
    return change


def _seen(change: Change, row: Listing, remote: Remote, instant: datetime) -> None:
    """An ad that buyers see now and did not before, or not as it is now."""
    is_news = row.visible_at is None or row.visible_at < row.desired_at
    if remote in VISIBLE and row.desired == "live" and is_news:
        change.set(visible_at=instant)
        change.say("visible", seconds=_since(row.desired_at, instant))


def wait(tries: int) -> timedelta:
    """Until the next try: doubling, capped, at random."""
    ceiling = min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2 ** min(tries, 12))
    return timedelta(seconds=ceiling * (1 - random.random()))


def _since(start: datetime, end: datetime) -> float:
    return round(max(0.0, (end - start).total_seconds()), 1)
