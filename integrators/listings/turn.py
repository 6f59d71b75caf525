"""What the parts of one pass share: the account and its portal, the rows, and trouble.

Trouble of the account as a whole ends the pass (`Stop`): the portal asks for patience, does not
answer, or turns the account away.
"""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeVar

import sqlalchemy as sa
import structlog
from flask_babel import gettext as _

from core.clock import now
from core.db import db, writing
from integrators import accounts
from integrators.accounts import Account
from integrators.listings.calls import PortalCalls, in_words
from integrators.listings.lease import Lease
from integrators.listings.recording import Change
from integrators.listings.terms import TermBook
from integrators.models import Advertiser, Listing, ListingEvent
from integrators.portals.portal import CallFailed, HoldOn, Limits, Locked, NotSent, Portal, Unclear

DOWN_AFTER: Final = 5  # calls without an answer in a row
DOWN_SECONDS: Final = 5.0
LOOK_AGAIN_SECONDS = 60.0  # doubling, to about an hour
LOOKS_UNTOLD: Final = 3
LONGEST_DOWN_SECONDS: Final = 1800.0
PLAN_HOLD_SECONDS: Final = 900.0

log = structlog.get_logger("vitrine.portals")

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Stop(Exception):
    """The account has to wait."""


class Turn:
    """One pass over one account, while it lasts."""

    portal: Portal
    account: Account
    calls: PortalCalls
    book: TermBook
    prefix: str  # of the keys of this account's own ads
    planned: int  # the stock's version that was planned last

    def __init__(self, account_id: int, seconds: float) -> None:
        self.account_id = account_id
        self.deadline = time.monotonic() + seconds
        self.lease = Lease(account_id, seconds)
        self.steps = 0
        self.failures = 0
        self.has_made = False  # new ads
        self.has_ended = False  # ads
        self.has_looked = False  # at a complete list
        self.has_asked_terms = False
        self.owes_terms = False  # a list of the portal did not come
        self.lacks_terms = False  # a car was held because the portal's word for it is not known

    def advertiser(self) -> Advertiser:
        row = db.session.get(Advertiser, self.account_id, populate_existing=True)
        if row is None:
            raise accounts.NoSuchAccount(str(self.account_id))
        return row

    def at_once(
        self, items: Sequence[Item], work: Callable[[Item], Answer]
    ) -> Iterable[tuple[Item, Answer | CallFailed]]:
        """`work` on every item, as many at once as the portal bears; an error is an answer."""

        def safely(item: Item) -> Answer | CallFailed:
            try:
                answer: Answer = self.calls.inside(lambda: work(item))
            except CallFailed as error:
                return error
            except Exception as error:  # one item must not stop the others
                log.exception("portal_item_failed", account=self.account_id)
                return Unclear(type(error).__name__)
            return answer

        if len(items) <= 1 or self.portal.limits.at_once == 1:
            return [(item, safely(item)) for item in items]
        with ThreadPoolExecutor(min(len(items), self.portal.limits.at_once)) as pool:
            return list(zip(items, pool.map(safely, items), strict=True))

    def due(self, *conditions: sa.ColumnElement[bool]) -> list[Listing]:
        is_due = sa.or_(Listing.due_at.is_(None), Listing.due_at <= now())
        found = db.session.scalars(
            sa.select(Listing).where(Listing.account_id == self.account_id, is_due, *conditions)
        ).all()
        return apart(found)

    def rows(self, ids: Sequence[int]) -> list[Listing]:
        found = {row.id: row for row in db.session.scalars(
            sa.select(Listing).where(Listing.id.in_(ids)))}  # fmt: skip
        return apart([found[number] for number in ids if number in found])

    def record(self, changes: Sequence[Change]) -> None:
        """Write what became of listings, all or nothing, while the turn is ours."""
        if not changes:
            return
        db.session.rollback()
        instant = now()
        with writing() as session:
            self.lease.renew()
            _update([{"id": change.listing.id, **change.values} for change in changes])
            events = [
                {
                    "account_id": self.account_id,
                    "listing_id": change.listing.id,
                    "at": instant,
                    "what": what,
                    "words": words,
                    "seconds": seconds,
                }
                for change in changes
                for what, words, seconds in change.events
            ]
            if events:
                session.execute(sa.insert(ListingEvent), events)
        for change in changes:
            for name, value in change.values.items():
                setattr(change.listing, name, value)

    def meet_one(self, error: CallFailed) -> None:
        if not isinstance(error, HoldOn | Locked):
            self.failures += 1

    def meet(self, error: CallFailed) -> None:
        """A call for the account as a whole failed. Raises Stop where the account has to wait."""
        self.meet_one(error)
        if isinstance(error, Locked):
            self.turn_away(error)
        elif isinstance(error, HoldOn):
            self.hold(error.seconds, error.reason, in_words(error))
        self.stop_if_down()

    def stop_if_down(self) -> None:
        if self.failures >= DOWN_AFTER:
            over = min(self.failures - DOWN_AFTER, 12)
            seconds = min(LONGEST_DOWN_SECONDS, self.down_seconds * 2**over)
            self.hold(seconds * (0.5 + random.random() / 2), "down", in_words(NotSent("")))

    @property
    def down_seconds(self) -> float:
        return _number(self.account, "down_seconds") or DOWN_SECONDS

    def turn_away(self, error: Locked) -> None:
        with writing():
            if error.needs_person:  # the account's row first, as staff's screens take them
                accounts.needs_person(self.account_id, error.words)
            self.lease.renew()
            row = self.advertiser()
            row.problem = error.words[:300]
            if not error.needs_person:
                row.hold_until = now() + timedelta(seconds=PLAN_HOLD_SECONDS)
                row.hold_reason = "plan"
        raise Stop

    def hold(self, seconds: float, reason: str, words: str) -> None:
        with writing():
            self.lease.renew()
            row = self.advertiser()
            row.hold_until = now() + timedelta(seconds=seconds)
            row.hold_reason = reason
            row.failures = self.failures
            row.problem = words[:300] if reason != "limit" else row.problem
        raise Stop

    def heed(self, errors: Sequence[CallFailed]) -> None:
        """What several calls met. Raises Stop where the account has to wait."""
        for error in errors:
            self.meet_one(error)
        for error in errors:
            if isinstance(error, HoldOn | Locked):
                self.meet(error)
        self.stop_if_down()

    def look_failed(self) -> None:
        """A list that is not whole: look again, later each time, and say so before long."""
        with writing():
            self.lease.renew()
            row = self.advertiser()
            row.looks_failed += 1
            seconds = LOOK_AGAIN_SECONDS * 2 ** min(row.looks_failed - 1, 6)
            row.observe_at = now() + timedelta(seconds=seconds)
            if row.looks_failed >= LOOKS_UNTOLD:
                row.problem = str(_("The portal's list of ads does not come whole."))

    def look_again_in(self, seconds: float) -> None:
        with writing():
            self.lease.renew()
            self.advertiser().observe_at = now() + timedelta(seconds=seconds)

    @property
    def rate(self) -> float:
        return self.portal.limits.calls_per_second


def apart(rows: Iterable[Listing]) -> list[Listing]:
    """Rows that outlive their transaction."""
    found = list(rows)
    for row in found:
        db.session.expunge(row)
    return found


def adapted(portal: Portal, account: Account) -> Portal:
    """The adapter with what the operator told the account of the portal's limits."""
    told = {
        name: number
        for name in ("calls_per_second", "settle_seconds")
        if (number := _number(account, name))
    }
    if not told:
        return portal
    limits: Limits = replace(portal.limits, **told)  # type: ignore[arg-type]
    mine = type(portal)()
    mine.limits = limits
    return mine


def _number(account: Account, name: str) -> float:
    try:
        return max(0.0, float(account.get(name) or 0))
    except ValueError:
        return 0.0


def _update(values: Sequence[dict[str, Any]]) -> None:
    """One statement for rows that change the same columns."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for one in values:
        if len(one) > 1:
            groups.setdefault(tuple(sorted(one)), []).append(one)
    for group in groups.values():
        db.session.execute(sa.update(Listing), group)
