"""When accounts are reconciled: at once after a car is sold or held, within seconds of any other
change, and from time to time in any case.

A step of a car asks for a pass of every advertising account in the transaction that takes it, in
the most urgent lane. Everything else is found by a look every few seconds: the stock's version, the
next thing that is due.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import current_app
from sqlalchemy import event
from sqlalchemy.orm import Session

from core.clock import now
from core.db import db, writing
from integrators.accounts import NoSuchAccount
from integrators.listings.passes import PLAN_SECONDS, Progress, sync
from integrators.models import Advertiser, Listing, ListingEvent, PortalAccount
from inventory import stock_version
from inventory.lifecycle import follow_steps
from inventory.models import Vehicle
from jobs.queue import SOON, URGENT, enqueue

JOB: Final = "sync_portal"
KEEP_EVENTS_DAYS: Final = 90
_PURGE_BATCH: Final = 1000
_ASKED: Final = "vitrine_portals_asked"
TRIES: Final = 3
PASS_SECONDS: Final = 120.0
MOMENT_SECONDS: Final = 0.2


def ask_for_pass(account_id: int, *, urgent: bool = False) -> None:
    """Have the account reconciled soon. Inside `writing()`."""
    enqueue(
        JOB,
        {"account_id": account_id},
        dedup_key=str(account_id),
        priority=URGENT if urgent else SOON,
        max_attempts=TRIES,
    )


def _follow(vehicle: Vehicle, before: str, _by: str, _from_source: bool) -> None:
    """A car that leaves the site leaves the portals: asked for once in a transaction."""
    if "published" not in {before, vehicle.state} or db.session.info.get(_ASKED):
        return
    db.session.info[_ASKED] = True
    for account_id in db.session.scalars(_advertising()).all():
        ask_for_pass(account_id, urgent=True)


def _forget(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_ASKED, None)


follow_steps(_follow)
event.listen(Session, "after_commit", _forget)
event.listen(Session, "after_rollback", _forget)


def _advertising() -> Any:
    return (
        sa.select(Advertiser.account_id)
        .join(PortalAccount, PortalAccount.id == Advertiser.account_id)
        .where(Advertiser.is_on, PortalAccount.state == "active")
        .order_by(Advertiser.account_id)
    )


def due_accounts() -> list[int]:
    """The accounts with something to do now."""
    instant = now()
    version = stock_version.current()
    has_due = (
        sa.select(Listing.id)
        .where(Listing.account_id == Advertiser.account_id, Listing.due_at <= instant)
        .exists()
    )
    statement = _advertising().where(
        sa.or_(Advertiser.hold_until.is_(None), Advertiser.hold_until <= instant),
        sa.or_(
            Advertiser.stock_version != version,
            Advertiser.hold_until.is_not(None),  # it is over: a good pass takes it away
            Advertiser.observe_at.is_(None),
            Advertiser.observe_at <= instant,
            sa.and_(
                Advertiser.looks_failed == 0,
                sa.or_(
                    Advertiser.good_at.is_(None),
                    Advertiser.good_at <= instant - timedelta(seconds=PLAN_SECONDS),
                ),
            ),
            # A wary account only looks: what is due waits for a person.
            sa.and_(has_due, Advertiser.is_wary.is_(False)),
        ),
    )
    found = list(db.session.scalars(statement))
    db.session.rollback()
    return found


def _tend_portals(_payload: dict[str, Any]) -> None:
    waiting = due_accounts()
    if waiting:
        with writing():
            for account_id in waiting:
                ask_for_pass(account_id)


def _sync_portal(payload: dict[str, Any]) -> None:
    account_id = payload["account_id"]
    try:
        progress = sync(account_id)
    except NoSuchAccount:
        return  # deleted meanwhile
    if goes_on(progress):
        with writing():
            ask_for_pass(account_id)


def advertising_accounts() -> list[int]:
    """Every account that sends our cars now."""
    found = list(db.session.scalars(_advertising()))
    db.session.rollback()
    return found


def sync_all(
    account_ids: Sequence[int], seconds: float, *, looks: bool = True
) -> list[tuple[int, Progress]]:
    """Bring these accounts in line, all at the same time, for as long as there are steps to take;
    in between, wait for a portal up to `seconds`. How each of them stands then. `looks`: begin with
    a complete look at each portal."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def one(account_id: int) -> Progress:
        with app.app_context():
            return _until_settled(account_id, seconds, looks)

    db.session.rollback()
    with ThreadPoolExecutor(max(1, len(account_ids))) as pool:
        return list(zip(account_ids, pool.map(one, account_ids), strict=True))


def _until_settled(account_id: int, patience: float, looks: bool) -> Progress:
    """As long as there are steps to take, and `patience` seconds of waiting in between."""
    total, waited = 0, 0.0
    while True:
        progress = sync(account_id, PASS_SECONDS, looks=looks)
        total, looks = total + progress.steps, looks and not progress.has_looked
        waited = 0.0 if progress.steps else waited
        pause = MOMENT_SECONDS
        if progress.again_at is not None:
            pause = max(MOMENT_SECONDS, (progress.again_at - now()).total_seconds())
        is_stuck = progress.is_held and progress.again_at is None
        is_done = not progress.left and not progress.is_held
        if is_done or is_stuck or waited + pause > patience:
            return replace(progress, steps=total)
        time.sleep(pause)
        waited += pause


def goes_on(progress: Progress) -> bool:
    """Whether there is more to do at once."""
    is_due = progress.again_at is None or progress.again_at <= now()
    return bool(progress.left) and not progress.is_held and is_due and progress.steps > 0


def _purge_listing_events(_payload: dict[str, Any]) -> None:
    old = ListingEvent.at < now() - timedelta(days=KEEP_EVENTS_DAYS)
    some = sa.select(ListingEvent.id).where(old).limit(_PURGE_BATCH)
    while ids := db.session.scalars(some).all():
        with writing() as session:  # in batches, so that nobody waits long for the database
            session.execute(
                sa.delete(ListingEvent).where(ListingEvent.id.in_(ids)),
                execution_options={"synchronize_session": False},
            )


JOBS = {
    JOB: _sync_portal,
    "tend_portals": _tend_portals,
    "purge_listing_events": _purge_listing_events,
}
