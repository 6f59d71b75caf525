"""The demo's ads: every state is there to be looked at, nothing leaves the machine, loaded once."""

import sqlalchemy as sa

from core.db import db
from demo.portals import NOWHERE, load_portals
from integrators.listings import overview
from integrators.listings.syncing import due_accounts
from integrators.models import FeedPull, Listing, ListingEvent, PortalAccount
from tests.factories import make_vehicle


def count() -> list[int]:
    tables = (PortalAccount, Listing, ListingEvent, FeedPull)
    return [db.session.scalar(sa.select(sa.func.count()).select_from(one)) for one in tables]


def test_the_demo_shows_every_state_once_and_asks_nobody(app):
    for _turn in range(30):
        make_vehicle()
    for _turn in range(3):
        make_vehicle(state="sold")
    load_portals()
    first = count()
    load_portals()
    assert count() == first
    rows = db.session.scalars(sa.select(PortalAccount)).all()
    assert {row.base_url for row in rows} == {NOWHERE}
    assert due_accounts() == []
    counts = overview.counts_of([row.id for row in rows if row.kind == "olx"])
    (olx,) = counts.values()
    assert min(olx.live, olx.sending, olx.waiting, olx.problem, olx.off) >= 1
