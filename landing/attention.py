"""Landing pages that somebody should look at: over, or without a car of their own."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db
from inventory import search
from inventory.models import Vehicle
from landing import editing
from landing.blocks import BadContent, Content, read_content
from landing.models import LandingPage

OVER_DAYS: Final = 14  # an older end is no news
MOST_PAGES: Final = 200  # live pages that are looked into
STOCKED: Final = frozenset({"offer", "grid"})
FOR_SALE: Final = ("published", "reserved")


def over_pages(store_ids: Collection[int] | None) -> sa.ColumnElement[bool]:
    """Published, and over for up to two weeks: visitors of the advertisement meet its end."""
    moment = now()
    return sa.and_(
        seen_by(store_ids),
        LandingPage.state == "published",
        LandingPage.ends_at <= moment,
        LandingPage.ends_at > moment - timedelta(days=OVER_DAYS),
    )


def seen_by(store_ids: Collection[int] | None) -> sa.ColumnElement[bool]:
    """Pages of these stores, and those of no store in particular."""
    if store_ids is None:
        return sa.true()
    return sa.or_(LandingPage.store_id.is_(None), LandingPage.store_id.in_(store_ids))


def pages_without_cars(store_ids: Collection[int] | None) -> list[LandingPage]:
    """Live pages that are to show cars and have none of their own left: all picked ones are gone,
    or their filter finds nothing. Three statements however many there are."""
    moment = now()
    pages = db.session.scalars(
        sa.select(LandingPage)
        .where(
            seen_by(store_ids),
            LandingPage.state == "published",
            sa.func.coalesce(LandingPage.starts_at, moment) <= moment,
            sa.or_(LandingPage.ends_at.is_(None), LandingPage.ends_at > moment),
        )
        .order_by(LandingPage.updated_at.desc(), LandingPage.id)
        .limit(MOST_PAGES)
    ).all()
    contents = _contents(pages)
    picked = {one for content in contents.values() for one in editing.picked_ids(content)}
    for_sale = _for_sale(picked)
    return [page for page in pages if page.id in contents and _is_bare(contents[page.id], for_sale)]


def _contents(pages: Collection[LandingPage]) -> Mapping[int, Content]:
    found = {}
    for page_id, revision in editing.live_revisions([page.id for page in pages]).items():
        try:
            found[page_id] = read_content(revision.content)
        except BadContent:
            continue  # the page's own screen tells what is wrong with it
    return found


def _for_sale(public_ids: Collection[str]) -> set[str]:
    rows = sa.select(Vehicle.public_id).where(
        Vehicle.public_id.in_(public_ids), Vehicle.state.in_(FOR_SALE)
    )
    return set(db.session.scalars(rows))


def _is_bare(content: Content, for_sale: set[str]) -> bool:
    blocks: list[Any] = [block for block in content.blocks if block.kind in STOCKED]
    return bool(blocks) and not any(_shows_a_car(block, for_sale) for block in blocks)


def _shows_a_car(block: Any, for_sale: set[str]) -> bool:
    wanted = block.wanted()
    return search.count(wanted) > 0 if wanted else not for_sale.isdisjoint(block.vehicles)
