"""What is wanted, and what the portal allows: the first half of a pass."""

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from integrators import accounts
from integrators.listings.rules import Rules, places
from integrators.listings.steps import THERE
from integrators.listings.term_sync import sync_terms
from integrators.listings.terms import TermBook, terms_version, want
from integrators.listings.turn import Turn
from integrators.listings.wanted import key_prefix, record, salt_of, wishes
from integrators.models import Listing
from integrators.portals.portal import NOBODY_KNOWS, CallFailed, Remote
from inventory import stock_version

USAGE_SECONDS: Final = 3600.0


def stock_moved(turn: Turn) -> bool:
    moved = stock_version.current() != turn.planned
    db.session.rollback()
    return moved


def plan(turn: Turn) -> None:
    """What is wanted now, of every car."""
    version = stock_version.current()
    row = turn.advertiser()
    rules = Rules.of(row.rules)
    known = db.session.execute(
        sa.select(Listing.vehicle_id, Listing.switch, Listing.remote, Listing.refused_basis).where(
            Listing.account_id == turn.account_id, Listing.vehicle_id.is_not(None)
        )
    ).all()
    told = wishes(
        turn.account,
        rules,
        can_pause=turn.portal.limits.can_pause,
        slots=places(row, rules),
        salt=salt_of(row, turn.portal.mapping_version, terms_version(turn.account.kind)),
        switches={one.vehicle_id: one.switch for one in known if one.switch != "rules"},
        placed=frozenset(one.vehicle_id for one in known if Remote(one.remote) in THERE),
        blocked={one.vehicle_id: one.refused_basis for one in known if one.refused_basis},
    )
    db.session.rollback()
    with writing():
        prefix = key_prefix(accounts.locked(turn.account_id))  # before what the lease locks
        turn.lease.renew()
        turn.prefix = prefix
        record(turn.account_id, told, turn.prefix)
        turn.advertiser().stock_version = version
    turn.planned = version


def learn_usage(turn: Turn) -> None:
    row = turn.advertiser()
    is_known = row.slots_at is not None and now() - row.slots_at < timedelta(seconds=USAGE_SECONDS)
    db.session.rollback()
    if is_known:
        return
    try:
        usage = turn.portal.usage(turn.calls)
    except CallFailed as error:
        turn.meet(error)
        return
    turn.failures = 0
    with writing():
        turn.lease.renew()
        row = turn.advertiser()
        row.slots_at = now()
        if usage is not None:
            row.slots_total, row.slots_used = usage.total, usage.used
            row.slots_foreign = max(0, (usage.used or 0) - _ours(turn.account_id))
            row.plan_name = usage.plan_name[:80]
    if usage is not None and usage.total is not None:
        plan(turn)


def learn_terms(turn: Turn) -> bool:
    """Read the portal's lists for the words that cars wait for; True when that helped, so that
    they are drafted anew."""
    _want(turn)
    if not turn.lacks_terms and (turn.has_asked_terms or not _waits_for_terms(turn.account_id)):
        return False
    turn.lacks_terms, turn.has_asked_terms = False, True
    try:
        synced = sync_terms(turn.account_id, turn.calls)
    except CallFailed as error:
        turn.meet(error)
        return False
    matched, turn.owes_terms = synced.matched, synced.failed > 0
    if matched:
        turn.book = TermBook(turn.account.kind)
        plan(turn)
    return bool(matched)


def _waits_for_terms(account_id: int) -> bool:
    """Whether cars are held for a word: the list it stands in may never have come."""
    held = sa.select(Listing.id).where(
        Listing.account_id == account_id,
        Listing.desired == "live",
        Listing.error_code == NOBODY_KNOWS,
    )
    found = db.session.scalar(held.limit(1)) is not None
    db.session.rollback()
    return found


def _want(turn: Turn) -> None:
    wanted, turn.book.wanted = turn.book.wanted, set()
    if wanted:
        db.session.rollback()
        with writing():
            want(turn.account.kind, wanted)


def _ours(account_id: int) -> int:
    """How many ads of ours the portal counts."""
    there = [one.value for one in THERE]
    return (
        db.session.scalar(
            sa.select(sa.func.count()).where(
                Listing.account_id == account_id, Listing.remote.in_(there)
            )
        )
        or 0
    )
