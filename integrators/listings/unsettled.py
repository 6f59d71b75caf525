"""Which listings are not as they should be: a sieve in SQL, and what is left of an account.

The sieve lets pass whatever `steps.next_step` may have a step for; a test holds the two together.
"""

from datetime import datetime

import sqlalchemy as sa

from core.db import db
from integrators.listings.steps import THERE, is_settled
from integrators.models import Listing
from integrators.portals.portal import Remote


def unsettled(account_id: int) -> tuple[int, datetime | None]:
    """How many listings are not as they should be though nobody has to act, and when the first of
    them is due (None: now, or none is left)."""
    rows = db.session.scalars(
        sa.select(Listing).where(
            Listing.account_id == account_id, sa.or_(may_move(), is_under_way())
        )
    ).all()
    open_rows = [row for row in rows if not is_settled(row)]
    waits = [row for row in open_rows if row.error_code != "no_slot" or row.desired != "live"]
    times = [row.due_at for row in waits]
    at = min((t for t in times if t is not None), default=None) if all(times) else None
    return len(waits), at


def may_move() -> sa.ColumnElement[bool]:
    """What `next_step` may have a step for: a first sieve, so that a settled stock is not read."""
    there = [one.value for one in THERE if one is not Remote.PROCESSING]
    absent = sa.and_(Listing.desired == "absent", Listing.remote.in_(there))
    paused = sa.and_(
        Listing.desired == "paused", Listing.remote.in_(("online", "in_review", "no_slots"))
    )
    live = sa.and_(
        Listing.desired == "live",
        Listing.refused_basis != Listing.basis,
        sa.or_(
            Listing.remote.in_(("none", "offline", "expired", "paused", "no_slots")),
            Listing.pushed_basis != Listing.basis,
        ),
    )
    return sa.or_(absent, paused, live)


def is_under_way() -> sa.ColumnElement[bool]:
    """What was sent and not answered, and what the portal is working on."""
    return sa.or_(Listing.is_unclear.is_(True), Listing.remote == Remote.PROCESSING.value)
