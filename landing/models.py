"""A landing page and its revisions.

A revision's content never changes. What is live at an instant is the revision whose `publish_at`
passed last, so a planned one comes by itself and what stood there when is never lost (CDC art. 36:
the advertiser keeps what supports the ad).
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime


class LandingPage(Model):
    """One address, one goal. `published` pages are live inside their window."""

    __tablename__ = "landing_page"
    __table_args__ = (sa.CheckConstraint("state IN ('draft', 'published')", name="state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(80), unique=True)
    name: Mapped[str] = mapped_column(sa.String(120))  # staff only
    goal: Mapped[str] = mapped_column(sa.String(12))  # landing.goals.Goal
    state: Mapped[str] = mapped_column(sa.String(9), default="draft")
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    store_id: Mapped[int | None] = mapped_column(sa.ForeignKey("store.id", ondelete="SET NULL"))
    source_ref: Mapped[str] = mapped_column(sa.String(120), default="")  # the campaign's name
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    revisions: Mapped[list["LandingRevision"]] = relationship(
        back_populates="page", order_by="LandingRevision.number"
    )

    def is_open(self, at: datetime) -> bool:
        """Whether visitors may see it at `at`, given a revision to show."""
        return self.state == "published" and not self.is_early(at) and not self.is_over(at)

    def is_early(self, at: datetime) -> bool:
        return self.starts_at is not None and at < self.starts_at

    def is_over(self, at: datetime) -> bool:
        return self.ends_at is not None and at >= self.ends_at


class LandingRevision(Model):
    """The content as somebody saved it once. Only `publish_at` is set later, and only once."""

    __tablename__ = "landing_revision"
    __table_args__ = (sa.UniqueConstraint("page_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    page_id: Mapped[int] = mapped_column(sa.ForeignKey("landing_page.id", ondelete="CASCADE"))
    number: Mapped[int]
    content: Mapped[dict[str, Any]] = mapped_column(sa.JSON)  # landing.blocks.Content
    author: Mapped[str] = mapped_column(sa.String(160))
    note: Mapped[str] = mapped_column(sa.String(200), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    publish_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    page: Mapped[LandingPage] = relationship(back_populates="revisions")


class LandingDraft(Model):
    """What one person has changed on a page and not saved yet: kept raw, valid or not, so that
    nothing typed is ever lost. `earlier` is the content before a block was removed; `base_number`
    the revision that the changes began from."""

    __tablename__ = "landing_draft"
    __table_args__ = (sa.UniqueConstraint("page_id", "author"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    page_id: Mapped[int] = mapped_column(sa.ForeignKey("landing_page.id", ondelete="CASCADE"))
    author: Mapped[str] = mapped_column(sa.String(254))  # a staff e-mail
    content: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    earlier: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    base_number: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class LandingVisit(Model):
    """How often people opened a page on one day (the dealership's). Nothing of who they were."""

    __tablename__ = "landing_visit"

    page_id: Mapped[int] = mapped_column(
        sa.ForeignKey("landing_page.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    views: Mapped[int] = mapped_column(default=0)
