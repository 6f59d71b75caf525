"""Where one car is advertised: what its page says of each account."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from admin.door import staff
from admin.portal_ad_words import STATE_TAGS, ad_path, ad_words, mend_path, shown_state
from admin.portal_scope import is_pushed
from core.db import db
from integrators.feeds.names import has_feeds
from integrators.listings import overview
from integrators.listings.lists_read import has_lists
from integrators.models import Listing, PortalAccount
from inventory.models import Vehicle


@dataclass(frozen=True)
class CarOnPortal:
    """The car on one account. `is_own`: the account is one of who is signed in."""

    row: PortalAccount
    listing: Listing | None
    state: str
    is_own: bool

    @property
    def is_pushed(self) -> bool:
        return is_pushed(self.row.kind)

    @property
    def switch(self) -> str:
        return self.listing.switch if self.listing else "rules"

    @property
    def words(self) -> str:
        return ad_words(self.listing or Listing(reason="", remote="none"), self.state)

    @property
    def tag(self) -> str:
        return STATE_TAGS.get(self.state, "")

    @property
    def error(self) -> str:
        is_told = self.listing is not None and self.state in {"problem", "sending", "waiting"}
        return self.listing.error if self.listing and is_told else ""

    @property
    def mend(self) -> str:
        ad = self.listing
        return mend_path(self.row.kind, ad.vehicle_id, ad.error_field) if ad else ""

    @property
    def url(self) -> str:
        return ad_path(self.listing, self.state) if self.listing else ""


def portals_of(vehicle: Vehicle) -> list[CarOnPortal]:
    """The accounts on which the car could be: the group's and its store's, feeds only where
    somebody fetches them. Three statements, and one for each on which it has a problem."""
    rows = [row for row in db.session.scalars(_accounts(vehicle.store_id)) if _shows_cars(row)]
    if not rows:
        return []
    known = overview.of_vehicle(vehicle.id, [row.id for row in rows])
    fetched = overview.fetched_accounts()
    return [
        _on(row, known.get(row.id))
        for row in rows
        if is_pushed(row.kind) or row.id in known or row.id in fetched
    ]


def _on(row: PortalAccount, known: tuple[Listing, str] | None) -> CarOnPortal:
    listing, state = known or (None, "off")
    if listing and state == "problem":
        state = shown_state(listing, state, is_read=has_lists(row.kind))
    ids = staff().store_ids
    return CarOnPortal(row, listing, state, is_own=ids is None or row.store_id in ids)


def _accounts(store_id: int) -> Any:
    return (
        sa.select(PortalAccount)
        .where(
            PortalAccount.state != "archived",
            sa.or_(PortalAccount.store_id.is_(None), PortalAccount.store_id == store_id),
        )
        .order_by(PortalAccount.name)
    )


def _shows_cars(row: PortalAccount) -> bool:
    return is_pushed(row.kind) or has_feeds(row.kind)
