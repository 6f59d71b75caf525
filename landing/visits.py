"""How often a landing page was opened and what came of it.

Views are counted per page and day, without a cookie and without anything of the visitor; what
came of them are the leads that name the page and the taps on WhatsApp from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import Request
from sqlalchemy.dialects import postgresql, sqlite

from core.clock import DEFAULT_ZONE, today
from core.db import db
from landing import counting
from landing.experiments import Visit
from landing.models import LandingPage, LandingVisit
from leads.models import ContactClick, Lead

DAYS: Final = 30


@dataclass(frozen=True)
class PageFigures:
    """Of the last DAYS days: views by people, and leads or taps on WhatsApp that came of them."""

    views: int = 0
    contacts: int = 0

    @property
    def percent(self) -> float | None:
        """Contacts per hundred views; None without views."""
        return self.contacts / self.views * 100 if self.views else None


def count_view(request: Request, page_id: int, visit: Visit | None) -> None:
    """Count that a person opened the page; `visit` is theirs when the page runs variants. Never
    raises for the database: see landing.counting."""
    is_by_a_person = bool(visit.visitor) if visit else counting.is_person(request)
    if is_by_a_person:
        counting.count(_one_more(page_id))


def _one_more(page_id: int) -> sa.Executable:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    return (
        insert(LandingVisit)
        .values(page_id=page_id, day=today(), views=1)
        .on_conflict_do_update(
            index_elements=["page_id", "day"], set_={"views": LandingVisit.views + 1}
        )
    )


def figures(pages: Sequence[LandingPage]) -> dict[int, PageFigures]:
    """The figures of `pages` by their ids, in three statements however many there are."""
    first = today() - timedelta(days=DAYS - 1)
    since = datetime.combine(first, time(), tzinfo=DEFAULT_ZONE)
    views = _pairs(
        sa.select(LandingVisit.page_id, sa.func.sum(LandingVisit.views))
        .where(LandingVisit.page_id.in_([page.id for page in pages]), LandingVisit.day >= first)
        .group_by(LandingVisit.page_id)
    )
    leads = _pairs(
        sa.select(Lead.source_ref, sa.func.count())
        .where(
            Lead.created_at >= since,
            Lead.source == "landing",
            Lead.source_ref.in_([page.slug for page in pages]),
            Lead.is_suspect.is_(False),
            Lead.is_test.is_(False),
        )
        .group_by(Lead.source_ref)
    )
    taps = _pairs(
        sa.select(ContactClick.page, sa.func.count())
        .where(
            ContactClick.at >= since, ContactClick.page.in_([f"/lp/{page.slug}" for page in pages])
        )
        .group_by(ContactClick.page)
    )
    return {
        page.id: PageFigures(
            int(views.get(page.id, 0)),
            int(leads.get(page.slug, 0)) + int(taps.get(f"/lp/{page.slug}", 0)),
        )
        for page in pages
    }


def _pairs(statement: sa.Select[Any, int]) -> dict[Any, int]:
    return {row[0]: row[1] for row in db.session.execute(statement)}
