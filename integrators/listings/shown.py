"""Which ads of ours buyers see on a portal, whatever became of the account."""

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from core.db import db
from integrators.listings.steps import VISIBLE
from integrators.models import Listing
from integrators.portals.portal import Remote, Verb

# What the portal still works on was there before, unless it is new.
_WAS_THERE: Final = (Verb.UPDATE.value, Verb.CLOSE.value, Verb.PAUSE.value)
IS_SHOWN: Final = sa.or_(
    Listing.remote.in_([one.value for one in VISIBLE]),
    sa.and_(Listing.remote == Remote.PROCESSING.value, Listing.intent.in_(_WAS_THERE)),
)


def shown_counts(account_ids: Collection[int]) -> dict[int, int]:
    """How many ads of each account buyers see, as far as we know."""
    statement = (
        sa.select(Listing.account_id, sa.func.count())
        .where(Listing.account_id.in_(account_ids), IS_SHOWN)
        .group_by(Listing.account_id)
    )
    counted = {row[0]: row[1] for row in db.session.execute(statement)}
    return {number: counted.get(number, 0) for number in account_ids}


def shown_count(account_id: int) -> int:
    """How many ads of the account buyers see, as far as we know."""
    return shown_counts([account_id])[account_id]
