"""Putting right what is false in public, as far as a machine can."""

from collections.abc import Collection, Sequence
from typing import Final

import sqlalchemy as sa

from core.clock import now
from core.db import db
from integrators.feeds.refreshing import TRIES
from integrators.listings.rules import hold_advertiser
from integrators.listings.syncing import ask_for_pass
from integrators.models import Advertiser, FeedPull, Listing
from integrators.own_site_reading import ask_to_read
from integrators.portals.portal import Remote
from integrators.untruth import Untruth
from inventory.models import Vehicle
from inventory.stock_version import touch
from jobs.queue import enqueue

_IDS_AT_ONCE: Final = 500


def mend(untruths: Sequence[Untruth]) -> int:
    """Do for each what its `fix` says; how many were taken on. Ads are sent whole with the next
    pass, which begins at once and looks at everything there; what the portal is working on is left
    to it. Feeds are made anew, for whenever they are fetched. Cars of our own pages are read again
    by every process. Inside `writing()`."""
    by_fix: dict[str, list[Untruth]] = {}
    for one in untruths:
        by_fix.setdefault(one.fix, []).append(one)
    _send_again(by_fix.get("pass", ()))
    _refresh_feeds({one.account_id for one in by_fix.get("feed", ()) if one.account_id})
    _read_again({one.vehicle_id for one in by_fix.get("touch", ()) if one.vehicle_id})
    return sum(len(some) for fix, some in by_fix.items() if fix)


def _send_again(untruths: Sequence[Untruth]) -> None:
    for account_id in sorted({one.account_id for one in untruths if one.account_id}):
        row = hold_advertiser(account_id)  # before its listings, as passes do
        row.observe_at = now()
        row.stock_version = 0
        ask_for_pass(account_id, urgent=True)
    ids = [one.listing_id for one in untruths if one.listing_id]
    for start in range(0, len(ids), _IDS_AT_ONCE):
        db.session.execute(
            sa.update(Listing)
            .where(
                Listing.id.in_(ids[start : start + _IDS_AT_ONCE]),
                Listing.is_unclear.is_(False),
                Listing.remote != Remote.PROCESSING.value,
            )
            .values(due_at=None, tries=0, drifts=0, refused_basis="", pushed_basis="", parts={})
            .execution_options(synchronize_session=False)
        )


def _refresh_feeds(account_ids: Collection[int]) -> None:
    statement = (
        sa.select(FeedPull.account_id, FeedPull.name)
        .where(FeedPull.account_id.in_(account_ids))
        .distinct()
    )
    for account_id, name in db.session.execute(statement).all() if account_ids else ():
        enqueue(
            "refresh_feed",
            {"account_id": account_id, "name": name},
            dedup_key=f"{account_id}/{name}",
            max_attempts=TRIES,
        )


def _read_again(vehicle_ids: Collection[int]) -> None:
    if vehicle_ids:
        touch(db.session.scalars(sa.select(Vehicle).where(Vehicle.id.in_(vehicle_ids))).all())
        ask_to_read()


def look_everywhere(account_ids: Collection[int]) -> None:
    """Have our own site read back, and everything that these accounts' portals show be looked at.
    Inside `writing()`."""
    ask_to_read()
    statement = sa.select(Advertiser).where(
        Advertiser.account_id.in_(account_ids), Advertiser.is_on.is_(True)
    )
    for row in db.session.scalars(statement).all():
        row.observe_at = now()
        ask_for_pass(row.account_id, urgent=True)
