"""Figures about portals for whoever watches the machine."""

from collections.abc import Iterator

import sqlalchemy as sa

from core.db import db
from core.metrics import Reading
from integrators.models import Advertiser, Listing, PortalAccount


def readings() -> Iterator[Reading]:
    """Accounts by state, those that only look, and ads by what is wanted and what is there."""
    states = db.session.execute(
        sa.select(PortalAccount.kind, PortalAccount.state, sa.func.count()).group_by(
            PortalAccount.kind, PortalAccount.state
        )
    )
    yield (
        "portal_accounts",
        "Portal accounts by kind and state",
        {(("kind", kind), ("state", state)): float(count) for kind, state, count in states},
    )
    wary = db.session.scalar(
        sa.select(sa.func.count()).select_from(Advertiser).where(Advertiser.is_wary.is_(True))
    )
    yield "portal_accounts_wary", "Accounts that put nothing up", {(): float(wary or 0)}
    ads = db.session.execute(
        sa.select(Listing.desired, Listing.remote, sa.func.count()).group_by(
            Listing.desired, Listing.remote
        )
    )
    yield (
        "portal_ads",
        "Ads by what is wanted and what the portal was seen to show",
        {(("wanted", wanted), ("remote", seen)): float(count) for wanted, seen, count in ads},
    )
