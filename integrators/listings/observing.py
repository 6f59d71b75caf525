"""What a complete look at a portal means for our listings.

Only ads whose key begins with the account's own prefix are ours, and ads we have stored the number
of; all others are the dealer's own and nobody touches them. An ad of ours that no listing stands
for (a backup was restored, or a car deleted) gets one, so that it is looked after or taken down.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db
from integrators.listings import recording
from integrators.listings.recording import Change
from integrators.listings.steps import THERE, VISIBLE
from integrators.listings.turn import apart
from integrators.models import Listing, ListingEvent
from integrators.portals.portal import Portal, Remote, RemoteAd
from inventory.models import Vehicle

_LIVE: Final = {*THERE, Remote.EXPIRED}
_ROWS_AT_ONCE: Final = 500
# As much of a listing as tells whether there is news: a stock at rest is read, not loaded.
_COLUMNS: Final = (
    Listing.id, Listing.key, Listing.external_id, Listing.remote, Listing.substate, Listing.url,
    Listing.price_cents, Listing.seen_price_cents, Listing.desired, Listing.desired_at,
    Listing.visible_at, Listing.pushed_basis, Listing.is_unclear, Listing.checked_at,
)  # fmt: skip


@dataclass
class Seen:
    """What a complete look tells: changes of listings, surplus ads (a second one of one car) to
    take down, keys of ours that no listing stands for."""

    changes: list[Change] = field(default_factory=list)
    surplus: list[RemoteAd] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)


def judge(
    account_id: int, ads: Sequence[RemoteAd], prefix: str, portal: Portal, began: datetime
) -> Seen:
    """What `ads`, a complete list whose reading began at `began`, means. Only reads."""
    rows = db.session.execute(sa.select(*_COLUMNS).where(Listing.account_id == account_id)).all()
    key_of = {row.external_id: row.key for row in rows if row.external_id}
    by_key: dict[str, list[RemoteAd]] = {}
    for ad in ads:
        key = key_of.get(ad.external_id, ad.key)
        if ad.external_id in key_of or key.startswith(prefix):
            by_key.setdefault(key, []).append(ad)
    known = {row.key for row in rows}
    seen = Seen(
        orphans=[
            key
            for key, found in by_key.items()
            if key not in known and any(ad.remote in _LIVE for ad in found)
        ]
    )
    news = [row.id for row in rows if _is_news(row, by_key.get(row.key, []), began)]
    for start in range(0, len(news), _ROWS_AT_ONCE):
        part = sa.select(Listing).where(Listing.id.in_(news[start : start + _ROWS_AT_ONCE]))
        for row in apart(db.session.scalars(part)):
            change, extra = _judge(row, by_key.get(row.key, []), portal)
            seen.surplus += extra
            if change is not None:
                seen.changes.append(change)
    return seen


def _sorted(external_id: str, ads: Sequence[RemoteAd]) -> tuple[list[RemoteAd], RemoteAd | None]:
    """The ads that stand there, the one we know or the oldest first, and the best of all."""
    live = [ad for ad in ads if ad.remote in THERE]
    live.sort(key=lambda ad: (ad.external_id != external_id, ad.age, ad.external_id))
    expired = [ad for ad in ads if ad.remote is Remote.EXPIRED]
    return live, (live[0] if live else expired[0] if expired else None)


def _is_news(row: Any, ads: Sequence[RemoteAd], began: datetime) -> bool:
    """A sieve for `_judge`, in what it takes of a row."""
    if row.checked_at is not None and row.checked_at > began:
        return False  # we know something newer
    live, best = _sorted(row.external_id, ads)
    if row.is_unclear or len(live) > 1:
        return bool(live)
    if best is None:
        return row.remote in {one.value for one in _LIVE}
    is_unseen = row.visible_at is None or row.visible_at < row.desired_at
    return (
        (row.external_id, row.remote) != (best.external_id, best.remote.value)
        or (best.substate[:60], best.url[:500] or row.url) != (row.substate, row.url)
        or (best.price_cents is not None and best.price_cents != row.seen_price_cents)
        or (best.price_cents is not None and best.price_cents != row.price_cents)
        or (best.remote in VISIBLE and row.desired == "live" and is_unseen)
    )


def _judge(
    row: Listing, ads: Sequence[RemoteAd], portal: Portal
) -> tuple[Change | None, list[RemoteAd]]:
    live, best = _sorted(row.external_id, ads)
    instant = now()
    if row.is_unclear:
        return (recording.found(row, live[0], portal, instant), live[1:]) if live else (None, [])
    if row.remote == Remote.PROCESSING:
        return None, live[1:]
    if best is not None:
        return recording.observed(row, best, instant), live[1:]
    settle = timedelta(seconds=portal.limits.settle_seconds)
    is_fresh = row.pushed_at is not None and instant - row.pushed_at < settle
    if row.remote in {one.value for one in _LIVE} and not is_fresh:
        return recording.vanished(row, instant), []
    return None, []


def adopt(account_id: int, key: str, prefix: str) -> Listing:
    """A listing for an ad of ours that nothing here stands for. Its car, if it is in the stock
    still, is judged with the next plan; without a car it is to go. Inside `writing()`."""
    public_id = key.removeprefix(prefix)
    car = db.session.scalars(sa.select(Vehicle).where(Vehicle.public_id == public_id)).first()
    if car is not None and db.session.scalar(
        sa.select(Listing.id).where(Listing.account_id == account_id, Listing.vehicle_id == car.id)
    ):
        car = None  # it stands under another key by now
    row = Listing(
        account_id=account_id,
        key=key,
        vehicle_id=car.id if car else None,
        source_id=car.source_id if car else "",
        desired="absent",
        reason="deleted" if car is None else "",
        # What the columns begin with is needed before the row is written.
        remote=Remote.NONE.value, parts={}, tries=0, looks=0, is_unclear=False, basis="",
        pushed_basis="", refused_basis="", external_id="", desired_at=now(),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    return row


def write(account_id: int, changes: Iterable[Change]) -> None:
    """Record what was seen of these listings. Inside `writing()`."""
    instant = now()
    events: list[dict[str, Any]] = []
    for change in changes:
        for name, value in change.values.items():
            setattr(change.listing, name, value)
        events += [
            {"account_id": account_id, "listing_id": change.listing.id, "at": instant,
             "what": what, "words": words, "seconds": seconds}
            for what, words, seconds in change.events
        ]  # fmt: skip
    db.session.flush()
    if events:
        db.session.execute(sa.insert(ListingEvent), events)
