"""Trying once more what a portal refused, after somebody mended the cause."""

import sqlalchemy as sa

from core.db import db
from integrators.listings.overview import IS_STUCK, Cause
from integrators.listings.rules import advertiser_of, hold_advertiser
from integrators.models import Listing


def retry(account_id: int, cause: Cause | None = None) -> int:
    """Let the account's listings that are held back be sent again: those of one cause, or all of
    them. How many. Inside `writing()`."""
    hold_advertiser(account_id)  # before its listings, as passes do
    statement = (
        sa.update(Listing)
        .where(Listing.account_id == account_id, IS_STUCK)
        .values(refused_basis="", pushed_basis="", due_at=None, tries=0)
        .execution_options(synchronize_session=False)
    )
    if cause is not None:
        statement = statement.where(cause.holds)
    count = db.session.execute(statement).rowcount  # type: ignore[attr-defined]
    advertiser_of(account_id).stock_version = 0  # they may take places again
    db.session.flush()
    return int(count)
