"""Filters of the stock list that people keep under a name, for themselves or for everybody.

DomainError
└── FilterRefused    a filter that cannot be kept, with the reason
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime, db
from core.errors import DomainError
from core.text import clean_line
from dealership.staff import StaffMember

MOST_FILTERS: Final = 30  # of one person: a longer row of them is no help
LONGEST_QUERY: Final = 1000


class FilterRefused(DomainError):
    """A filter that cannot be kept."""


class SavedFilter(Model):
    """The query string of a list under a name."""

    __tablename__ = "saved_filter"
    __table_args__ = (sa.UniqueConstraint("staff_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(sa.String(40))
    query: Mapped[str] = mapped_column(sa.String(1000))
    is_shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


def filters_of(member: StaffMember) -> Sequence[SavedFilter]:
    """Those of `member` and those that others share, by name."""
    return db.session.scalars(
        sa.select(SavedFilter)
        .where(sa.or_(SavedFilter.staff_id == member.id, SavedFilter.is_shared))
        .order_by(SavedFilter.name, SavedFilter.id)
    ).all()


def save_filter(member: StaffMember, name: str, query: str, *, is_shared: bool) -> SavedFilter:
    """Keep `query` under `name`; the same name again replaces it. Raises FilterRefused."""
    called = clean_line(name, 40)
    if not called:
        raise FilterRefused(_("Give the filter a name."))
    if not query or len(query) > LONGEST_QUERY:
        raise FilterRefused(_("Choose at least one filter first, then save it."))
    own = db.session.scalars(sa.select(SavedFilter).where(SavedFilter.staff_id == member.id)).all()
    kept = next((one for one in own if one.name == called), None)
    if kept is None:
        if len(own) >= MOST_FILTERS:
            raise FilterRefused(_("You have %(n)s filters. Remove one first.", n=len(own)))
        kept = SavedFilter(staff_id=member.id, name=called)
        db.session.add(kept)
    kept.query, kept.is_shared = query, is_shared
    db.session.flush()
    return kept


def drop_filter(kept: SavedFilter) -> None:
    """Forget it."""
    db.session.delete(kept)
    db.session.flush()
