"""How landing pages did in a span of days: views, leads, and how sure their rate is."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from core.db import db
from landing.attention import seen_by
from landing.models import LandingPage, LandingVisit
from leads.inbox import within
from leads.models import ContactClick, Lead

_Z: Final = 1.96  # 95 %


@dataclass(frozen=True)
class PageResult:
    """One page: how often it was opened, who wrote from it, who went on to WhatsApp."""

    id: int
    name: str
    slug: str
    views: int
    leads: int
    taps: int

    @property
    def contacts(self) -> int:
        return self.leads + self.taps

    @property
    def rate(self) -> float | None:
        """Contacts per view, 0 to 1; None without views."""
        return min(1.0, self.contacts / self.views) if self.views else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the true rate lies with 95 %, by Wilson's score interval (1927)."""
        if not self.views:
            return None
        return wilson(min(self.contacts, self.views), self.views)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a rate. Right for small counts, where the usual one is not."""
    share, square = successes / trials, _Z * _Z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    spread = math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    half = _Z * spread / (1 + square / trials)
    return max(0.0, middle - half), min(1.0, middle + half)


def page_results(
    first: date, last: date, since: datetime, until: datetime, store_ids: Collection[int] | None
) -> list[PageResult]:
    """The pages that these stores see and that were opened or brought somebody, most contacts
    first. Days are the dealership's. Four statements."""
    views = _counts(
        sa.select(LandingVisit.page_id, sa.func.sum(LandingVisit.views))
        .where(LandingVisit.day.between(first, last))
        .group_by(LandingVisit.page_id)
    )
    leads = _counts(
        sa.select(Lead.source_ref, sa.func.count())
        .where(Lead.created_at >= since, Lead.created_at < until)
        .where(Lead.source == "landing", Lead.is_suspect.is_(False), Lead.is_test.is_(False))
        .where(within(Lead.store_id, store_ids))
        .group_by(Lead.source_ref)
    )
    taps = _counts(
        sa.select(ContactClick.page, sa.func.count())
        .where(ContactClick.at >= since, ContactClick.at < until)
        .where(ContactClick.page.startswith("/lp/"), within(ContactClick.store_id, store_ids))
        .group_by(ContactClick.page)
    )
    pages = db.session.execute(
        sa.select(LandingPage.id, LandingPage.name, LandingPage.slug).where(seen_by(store_ids))
    )
    found = [
        PageResult(
            id=page_id,
            name=name,
            slug=slug,
            views=views.get(page_id, 0),
            leads=leads.get(slug, 0),
            taps=taps.get(f"/lp/{slug}", 0),
        )
        for page_id, name, slug in pages
    ]
    told = [one for one in found if one.views or one.contacts]
    return sorted(told, key=lambda one: (-one.contacts, -one.views, one.name))


def _counts(statement: sa.Select[Any, Any]) -> dict[Any, int]:
    return {row[0]: int(row[1] or 0) for row in db.session.execute(statement)}
