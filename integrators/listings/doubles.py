"""Second ads of one car that a look found and that could not be taken down at once."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from integrators.models import Listing, PublicCheck
from integrators.portals.portal import RemoteAd

PLACE: Final = "portal"
LONGEST_URL: Final = 500


def note(account_id: int, left: Sequence[RemoteAd]) -> None:
    """Remember those that are still there after a complete look at the account, and only those.
    Writes nothing where nothing changed."""
    known = {row.url: row for row in db.session.scalars(_known(account_id))}
    if not known and not left:
        db.session.rollback()
        return
    since = {url: row.since for url, row in known.items()}
    db.session.rollback()
    with writing() as session:
        session.execute(
            sa.delete(PublicCheck).where(
                PublicCheck.place == PLACE, PublicCheck.account_id == account_id
            ),
            execution_options={"synchronize_session": False},
        )
        cars = _cars(account_id, [ad.key for ad in left])
        for ad in left:
            url = (ad.url or ad.external_id)[:LONGEST_URL]
            row = PublicCheck(
                place=PLACE,
                account_id=account_id,
                vehicle_id=cars.get(ad.key),
                what="twice",
                said_cents=ad.price_cents,
                url=url,
                since=since.get(url, now()),
            )
            session.add(row)


def _known(account_id: int) -> sa.Select[Any]:
    return sa.select(PublicCheck).where(
        PublicCheck.place == PLACE, PublicCheck.account_id == account_id
    )


def _cars(account_id: int, keys: Sequence[str]) -> dict[str, int]:
    rows = db.session.execute(
        sa.select(Listing.key, Listing.vehicle_id).where(
            Listing.account_id == account_id, Listing.key.in_(keys)
        )
    )
    return {key: car for key, car in rows if car is not None}
