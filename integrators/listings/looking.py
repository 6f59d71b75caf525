"""What is there: complete looks, queued steps, lost answers, notices."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from core.clock import now
from core.db import db, writing
from integrators.listings import doubles, observing, planning, recording, sending
from integrators.listings.recording import Change
from integrators.listings.steps import THERE, next_step
from integrators.listings.turn import Turn, apart
from integrators.models import Listing
from integrators.portals.portal import (
    CallFailed,
    HoldOn,
    Incomplete,
    Locked,
    NotSent,
    Outcome,
    Remote,
    RemoteAd,
    Result,
    Step,
    Unclear,
    Verb,
    Waiting,
)

OBSERVE_SECONDS: Final = 6 * 3600.0
LATE_SECONDS: Final = 900.0
SURPLUS_SECONDS: Final = 30.0
GLANCE_SECONDS: Final = 3.0
QUESTIONS: Final = 12  # times what may be under way at once

log = structlog.get_logger("vitrine.portals")


def take_up(turn: Turn) -> None:
    """What a killed process was about to do: whether it did is looked at first."""
    rows = db.session.scalars(
        sa.select(Listing).where(
            Listing.account_id == turn.account_id,
            Listing.intent != "",
            Listing.is_unclear.is_(False),
            Listing.remote != Remote.PROCESSING.value,
        )
    ).all()
    found = apart(rows)
    turn.has_made |= any(Verb(row.intent) in {Verb.CREATE, Verb.RELIST} for row in found)
    turn.record([recording.lost(row, Verb(row.intent), turn.portal, now()) for row in found])


def observe(turn: Turn) -> None:
    """A complete look, or none: half a list decides nothing."""
    ads: list[RemoteAd] = []
    looked_up, began = time.monotonic(), now()
    try:
        for ad in turn.portal.observe(turn.calls):
            ads.append(ad)
            if time.monotonic() - looked_up > GLANCE_SECONDS:
                _glance(turn)
                looked_up = time.monotonic()
    except (Incomplete, NotSent, Unclear) as error:
        # The list alone may be what is broken: that is no reason to leave a sold car up.
        log.info("portal_list_incomplete", account=turn.account_id, error=str(error))
        turn.look_failed()
        return
    except CallFailed as error:
        turn.meet(error)
        return
    turn.failures, turn.has_looked = 0, True
    seen = _seen(turn, ads, began)
    turn.record(seen.changes)
    with writing():
        turn.lease.renew()
        row = turn.advertiser()
        row.observed_at, row.looks_failed = now(), 0
        row.observe_at = now() + timedelta(seconds=OBSERVE_SECONDS * (0.9 + 0.2 * random.random()))
        if turn.portal.repeat_is_edit and _has_just_ended(turn.account_id):
            row.observe_at = now() + timedelta(seconds=LATE_SECONDS)
    left = []
    for ad in seen.surplus:
        try:
            if not _take_down(turn, ad):
                left.append(ad)
        except CallFailed as error:
            turn.look_again_in(SURPLUS_SECONDS)
            turn.meet(error)
    doubles.note(turn.account_id, left)
    if left:
        turn.look_again_in(SURPLUS_SECONDS)


def _seen(turn: Turn, ads: Sequence[RemoteAd], began: datetime) -> observing.Seen:
    """Judged apart from any transaction that writes: a large stock takes its time."""
    seen = observing.judge(turn.account_id, ads, turn.prefix, turn.portal, began)
    db.session.rollback()
    if seen.orphans:
        with writing():
            turn.lease.renew()
            for key in seen.orphans:
                observing.adopt(turn.account_id, key, turn.prefix)
        seen = observing.judge(turn.account_id, ads, turn.prefix, turn.portal, began)
        db.session.rollback()
    return seen


def _has_just_ended(account_id: int) -> bool:
    """Whether an ad ended so lately that an older write of it may still land there."""
    since = now() - timedelta(seconds=LATE_SECONDS)
    ended = sa.select(Listing.id).where(Listing.account_id == account_id, Listing.gone_at > since)
    return db.session.scalar(ended.limit(1)) is not None


def _glance(turn: Turn) -> None:
    """A long list is no reason to leave a sold car up."""
    if planning.stock_moved(turn):
        planning.plan(turn)
        sending.take_down(turn)


def _take_down(turn: Turn, ad: RemoteAd) -> bool:
    """Close an ad that nobody's row stands for. False: the next look will find it again."""
    step = Step(Verb.CLOSE, ad.key, ad.external_id)
    try:
        results = list(turn.portal.send(turn.calls, [step]))
    except (HoldOn, Locked):
        raise
    except CallFailed as error:
        turn.meet_one(error)
        return False
    good = {Outcome.DONE, Outcome.GONE, Outcome.QUEUED}
    return bool(results) and all(one.outcome in good for one in results)


def poll(turn: Turn) -> int:
    """Ask for what the portal is working on."""
    rows = turn.due(Listing.remote == Remote.PROCESSING.value, Listing.is_unclear.is_(False))
    if not rows:
        return 0
    by_key = {row.key: row for row in rows}
    asked = [
        Waiting(row.key, row.external_id, Verb(row.intent or Verb.UPDATE), row.job_token)
        for row in rows
    ]
    changes: list[Change] = []
    try:
        for result in turn.portal.poll(turn.calls, asked):
            row = by_key.pop(result.key, None)
            if row is not None:
                changes.append(_polled(turn, row, result))
    except CallFailed as error:
        turn.record(changes)
        turn.meet(error)
        return len(changes)
    turn.failures = 0
    changes += [recording.still_working(row, turn.portal, now()) for row in by_key.values()]
    turn.record(changes)
    return sum(len(change.events) > 0 for change in changes)


def _polled(turn: Turn, row: Listing, result: Result) -> Change:
    verb = Verb(row.intent or Verb.UPDATE)
    if result.outcome is Outcome.QUEUED:
        return recording.still_working(row, turn.portal, now())
    return recording.after(row, verb, None, result, turn.portal, now())


def look(turn: Turn) -> int:
    """Look for what was sent and never answered."""
    rows = turn.due(Listing.is_unclear.is_(True))
    if not rows:
        return 0

    def one(row: Listing) -> Change:
        ads = [
            ad
            for ad in turn.portal.look(turn.calls, row.key, row.external_id)
            if ad.remote in THERE  # one that ended is not the one that was lost
        ]
        if not ads:
            return recording.not_found(row, turn.portal, now())
        ads.sort(key=lambda ad: (ad.external_id != row.external_id, ad.age, ad.external_id))
        for ad in ads[1:]:
            _take_down(turn, ad)
        return recording.found(row, ads[0], turn.portal, now())

    return sum(len(change.values) > 0 for change in _each(turn, rows, one))


def check(turn: Turn) -> int:
    """Look at what a notice says has changed."""
    rows = turn.due(
        Listing.due_at.is_not(None),
        Listing.is_unclear.is_(False),
        Listing.remote != Remote.PROCESSING.value,
    )
    rows = [row for row in rows if next_step(row) is None]

    def one(row: Listing) -> Change:
        change = None
        if row.external_id:
            ads = turn.portal.look(turn.calls, row.key, row.external_id)
            mine = [ad for ad in ads if ad.external_id == row.external_id]
            change = recording.observed(row, mine[0], now()) if mine else None
        return (change or Change(row)).set(due_at=None, tries=0)

    return sum(bool(change.events) for change in _each(turn, rows, one))


def _each(turn: Turn, rows: list[Listing], one: Callable[[Listing], Change]) -> list[Change]:
    """`one` for some of the rows, several at the same time; what became of them, recorded. Not for
    all: a sold car does not wait for hundreds of questions."""
    changes: list[Change] = []
    trouble: list[CallFailed] = []
    for row, answer in turn.at_once(rows[: turn.portal.limits.at_once * QUESTIONS], one):
        if isinstance(answer, CallFailed):
            trouble.append(answer)
            seconds = recording.wait(row.tries)
            changes.append(Change(row).set(tries=row.tries + 1, due_at=now() + seconds))
        else:
            turn.failures = 0
            changes.append(answer)
    turn.record(changes)
    turn.heed(trouble)
    return changes
