"""One pass over one account: look, plan, act, until nothing is left that can be done now.

A pass may be killed at any instruction: what it was about to do stands in the rows before it does
it, and the next pass goes on from there. It holds no transaction while it waits for the portal, and
stops after a while, so that many accounts share few threads. A portal that does not answer holds up
its own account only.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from core.clock import now
from core.db import db, writing
from integrators import accounts
from integrators.listings import looking, planning, sending, tombstones
from integrators.listings.calls import Pace, PortalCalls
from integrators.listings.lease import TakenOver
from integrators.listings.terms import TermBook
from integrators.listings.turn import Stop, Turn, adapted
from integrators.listings.unsettled import unsettled
from integrators.models import PortalAccount
from integrators.portals.every import PORTALS

SLICE_SECONDS: Final = 40.0
LONGEST_HOLD: Final = timedelta(hours=2)  # more is a clock that was wrong
TERMS_AGAIN: Final = timedelta(seconds=10)
ASK_SECONDS: Final = 60.0
OBSERVE_AFTER_END_SECONDS: Final = 120.0
OBSERVE_AFTER_NEW_SECONDS: Final = 900.0  # whether the portal made two of one shows only in a list
PLAN_SECONDS: Final = 300.0  # promotions end and days change without a word from the stock

log = structlog.get_logger("vitrine.portals")


@dataclass(frozen=True)
class Progress:
    """How a pass ended: steps taken, listings that are not as they should be and will be without
    anybody's help, and when to go on (None: at once)."""

    steps: int = 0
    left: int = 0
    again_at: datetime | None = None
    is_held: bool = False  # by the portal, or by somebody else's pass
    problem: str = ""  # in words
    has_looked: bool = False  # at everything that the portal holds


def sync(account_id: int, seconds: float = SLICE_SECONDS, *, looks: bool = False) -> Progress:
    """Do what can be done for the account now, for at most `seconds`; `looks`: begin with a
    complete look at the portal. Raises NoSuchAccount. Opens its own transactions."""
    turn = Turn(account_id, seconds)
    if not turn.lease.take():
        return Progress(is_held=True, again_at=now() + timedelta(seconds=5))
    try:
        return _run(turn, looks)
    except TakenOver:
        log.warning("portal_pass_taken_over", account=account_id)
        return Progress(turn.steps, is_held=True, again_at=now() + timedelta(seconds=5))
    finally:
        db.session.rollback()
        turn.lease.give_back()


def _run(turn: Turn, looks: bool) -> Progress:
    tombstones.judge(turn.account_id)
    row = turn.advertiser()
    turn.account = accounts.loaded(turn.account_id)
    if not row.is_on or not turn.account.is_active:
        return Progress(is_held=True, problem=_problem(turn))
    if row.hold_until is not None and now() < row.hold_until < now() + LONGEST_HOLD:
        return Progress(left=1, again_at=row.hold_until, is_held=True, problem=_problem(turn))
    turn.portal = adapted(PORTALS[turn.account.kind], turn.account)
    turn.failures = row.failures
    turn.book = TermBook(turn.account.kind)
    pace = Pace(row.calls_per_second or turn.rate, turn.rate)
    looks = looks or row.observe_at is None or row.observe_at <= now()
    db.session.rollback()
    is_good = False  # until the pass has ended by itself
    with PortalCalls(turn.account, pace) as turn.calls:
        try:
            _work(turn, looks)
            is_good = True
        except Stop:
            is_good = True
        finally:
            _account_for(turn, pace, is_good=is_good)
    return _progress(turn, looks and not turn.has_looked)


def _work(turn: Turn, looks: bool) -> None:
    looking.take_up(turn)
    planning.plan(turn)
    sending.take_down(turn)
    planning.learn_usage(turn)
    if looks:
        looking.observe(turn)
        planning.plan(turn)  # of ads that came to light now, too
    asked_at = time.monotonic()
    while time.monotonic() < turn.deadline:
        # Asking what became of steps costs requests: not while there are steps to take.
        did = sending.step(turn)
        if not did or time.monotonic() - asked_at > ASK_SECONDS:
            did += looking.poll(turn) + looking.look(turn) + looking.check(turn)
            asked_at = time.monotonic()
        if not did and not planning.learn_terms(turn):
            break
        if planning.stock_moved(turn):
            planning.plan(turn)


def _account_for(turn: Turn, pace: Pace, *, is_good: bool) -> None:
    db.session.rollback()
    with writing():
        account = accounts.locked(turn.account_id)
        turn.lease.renew()
        row = turn.advertiser()
        row.calls += turn.calls.count
        row.writes += turn.calls.writes
        row.failures = turn.failures
        row.calls_per_second = pace.per_second
        if turn.has_made or turn.has_ended:
            row.slots_at = None  # the contract's count is another one now
        if turn.has_made and row.observe_at is not None:
            soon = now() + timedelta(seconds=OBSERVE_AFTER_NEW_SECONDS)
            row.observe_at = min(row.observe_at, soon)
        if turn.has_ended and turn.portal.repeat_is_edit and row.observe_at is not None:
            # A write that was on its way may land after the end of an ad (reliability: two looks).
            soon = now() + timedelta(seconds=OBSERVE_AFTER_END_SECONDS)
            row.observe_at = min(row.observe_at, soon)
        if turn.owes_terms and row.hold_until is None:
            row.hold_until, row.hold_reason = now() + TERMS_AGAIN, "terms"
        is_held = row.hold_until is not None and row.hold_until > now()
        if is_good and not is_held and account.state == "active":
            row.hold_until, row.hold_reason = None, ""
            if not row.looks_failed:
                row.good_at, row.problem = now(), ""
        writes, mark = row.writes, tombstones.mark_of(account)
    tombstones.mark(mark, writes)


def _progress(turn: Turn, owes_look: bool) -> Progress:
    row = turn.advertiser()
    is_held = row.hold_until is not None and row.hold_until > now()
    left, at = unsettled(turn.account_id)
    if owes_look:
        left, at = max(left, 1), at or row.observe_at
    again_at = row.hold_until if is_held else at
    problem = _problem(turn)
    is_off = accounts.loaded(turn.account_id).is_active is False
    db.session.rollback()
    return Progress(
        turn.steps,
        left,
        again_at,
        is_held=is_held or is_off,
        problem=problem,
        has_looked=turn.has_looked,
    )


def _problem(turn: Turn) -> str:
    """What keeps the account, in words; what a person has to do goes first."""
    account = db.session.get(PortalAccount, turn.account_id, populate_existing=True)
    return (account.problem if account else "") or turn.advertiser().problem
