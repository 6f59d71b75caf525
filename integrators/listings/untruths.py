"""Where something untrue is public now: on portals, in copies of feeds, on our own site.

One list and its length; the same for a screen, a home page and a test.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from core.db import db, writing
from integrators.feeds.old_copies import old_copies
from integrators.listings.untrue_ads import untrue_ads
from integrators.models import PublicCheck, PublicRound
from integrators.own_site_reading import JOB, OWN_PLACES, read_own_places
from integrators.untruth import MOST_FOUND, Untruth
from inventory.models import Vehicle


def found(
    account_ids: Collection[int] | None = None, store_ids: Collection[int] | None = None
) -> list[Untruth]:
    """Everything that is false now, longest first: on the accounts `account_ids` and about cars of
    the stores `store_ids` on our own site; None: of all. A change younger than a minute is on its
    way. In a fixed number of statements however many cars there are, and at most `MOST_FOUND` of
    each kind of place."""
    told = [*untrue_ads(account_ids), *old_copies(account_ids), *_on_our_site(store_ids)]
    return sorted(told, key=lambda one: (one.since, one.ref))


def count(
    account_ids: Collection[int] | None = None, store_ids: Collection[int] | None = None
) -> int:
    """How many public places say something false now."""
    return len(found(account_ids, store_ids))


def last_round() -> PublicRound | None:
    """When our own site was read back last, and what came of it; None before the first time."""
    newest = sa.select(PublicRound).order_by(PublicRound.at.desc(), PublicRound.id.desc()).limit(1)
    return db.session.scalars(newest).first()


def rounds_since(start: datetime) -> list[PublicRound]:
    """The rounds since then, oldest first."""
    rows = sa.select(PublicRound).where(PublicRound.at >= start).order_by(PublicRound.at)
    return list(db.session.scalars(rows))


def _on_our_site(store_ids: Collection[int] | None) -> list[Untruth]:
    """What the last round read there."""
    statement = (
        sa.select(PublicCheck)
        .join(Vehicle, Vehicle.id == PublicCheck.vehicle_id)
        .where(PublicCheck.place.in_(OWN_PLACES))
        .order_by(PublicCheck.id)
        .limit(MOST_FOUND)
    )
    if store_ids is not None:
        statement = statement.where(Vehicle.store_id.in_(store_ids))
    return [
        Untruth(
            place=check.place,
            name=check.url,
            what=check.what,
            since=check.since,
            vehicle_id=check.vehicle_id,
            said_cents=check.said_cents,
            true_cents=check.true_cents,
            url=check.url,
            fix="touch",
        )
        for check in db.session.scalars(statement)
    ]


def _read_own_places(_payload: dict[str, Any]) -> None:
    """Read our own site back, and remember how many untruths there are now."""
    number = read_own_places()
    untrue = count()
    db.session.rollback()
    with writing() as session:
        row = session.get(PublicRound, number)
        if row is not None:
            row.untrue = untrue


JOBS = {JOB: _read_own_places}
