"""What portals tell us of ads by themselves. A notice is a hint: the next pass decides by looking.

Notices repeat and come late, so one that is older than the last look says nothing.
"""

from datetime import datetime

import sqlalchemy as sa

from core.clock import now
from core.db import db
from integrators.listings import observing, recording
from integrators.models import Listing
from integrators.portals.portal import Remote, RemoteAd


def noticed(account_id: int, ad: RemoteAd, at: datetime | None = None) -> None:
    """Write down how the ad stands by a notice of `at` (default: now). Of ads that are not ours
    nothing is kept. Inside `writing()`."""
    at = at or now()
    row = _listing(account_id, ad.key, ad.external_id)
    if row is None or (row.checked_at is not None and row.checked_at >= at):
        return
    if row.external_id and ad.external_id and row.external_id != ad.external_id:
        return  # of an ad that was there before this one
    is_under_way = row.is_unclear or row.remote == Remote.PROCESSING
    if not is_under_way:
        change = recording.observed(row, ad, at)
        if change is not None:
            observing.write(account_id, [change])
        row.checked_at = at
    row.due_at = now()  # the next pass, within seconds, asks or acts
    db.session.flush()


def noticed_change(account_id: int, external_id: str) -> None:
    """Something about the ad changed, and the notice does not say what: its listing is looked at
    next, unless something is under way with it. Inside `writing()`."""
    row = _listing(account_id, "", external_id)
    if row is not None and row.due_at is None:
        row.due_at = now()
        db.session.flush()


def _listing(account_id: int, key: str, external_id: str) -> Listing | None:
    """Ours by key, which is never given to another car; else by the portal's number."""
    for column, value in ((Listing.key, key), (Listing.external_id, external_id)):
        if value:
            statement = sa.select(Listing).where(Listing.account_id == account_id, column == value)
            found = db.session.scalars(statement.order_by(Listing.id)).first()
            if found is not None:
                return found
    return None
