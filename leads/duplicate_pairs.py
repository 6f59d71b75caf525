"""Pairs of people who may be one, why, and what a colleague decided about them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime, db
from leads.models import Person

STRONG: Final = 3
MEDIUM: Final = 2
WEAK: Final = 1
STRENGTHS: Final[Mapping[int, LazyString]] = {
    STRONG: _l("Almost certain"),
    MEDIUM: _l("Possible"),
    WEAK: _l("A hint"),
}
# Why two may be one: how strong it is, and in words.
REASONS: Final[Mapping[str, tuple[int, LazyString]]] = {
    "email_and_name": (STRONG, _l("Same e-mail and similar name")),
    "phone_and_name": (STRONG, _l("Same phone and similar name")),
    "email": (MEDIUM, _l("Same e-mail, another phone")),
    "device": (MEDIUM, _l("Similar name, same visit to the site")),
    "portal": (MEDIUM, _l("Similar name and car: the portal hides the number")),
    "shared_phone": (WEAK, _l("Same phone, which several people use")),
    "name_and_car": (WEAK, _l("Similar name and the same car")),
}


class DuplicatePair(Model):
    """Two people who may be one. Whoever decided is remembered: nobody is asked twice."""

    __tablename__ = "possible_duplicate"
    __table_args__ = (
        sa.UniqueConstraint("older_id", "newer_id"),
        sa.Index("ix_possible_duplicate_open", "state", "strength", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    older_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id", ondelete="CASCADE"))
    newer_id: Mapped[int] = mapped_column(
        sa.ForeignKey("person.id", ondelete="CASCADE"), index=True
    )
    strength: Mapped[int] = mapped_column(sa.SmallInteger)  # STRONG, MEDIUM, WEAK
    reasons: Mapped[list[str]] = mapped_column(sa.JSON, default=list)  # keys of REASONS
    state: Mapped[str] = mapped_column(sa.String(9), default="open")  # open, same, different
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    decided_by: Mapped[str] = mapped_column(sa.String(160), default="")
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    older: Mapped[Person] = relationship(foreign_keys=older_id)
    newer: Mapped[Person] = relationship(foreign_keys=newer_id)


def suggest(one_id: int, other_id: int, reasons: Collection[str]) -> int | None:
    """Ask somebody whether the two are one; the pair's id if that was not asked before. Inside
    `writing()`. A reason that comes later is added; what was decided stays decided."""
    older, newer = sorted((one_id, other_id))
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    values: dict[str, Any] = {
        "older_id": older,
        "newer_id": newer,
        "reasons": sorted(reasons),
        "strength": max(REASONS[reason][0] for reason in reasons),
        "state": "open",
        "at": now(),
        "decided_by": "",
    }
    fresh = db.session.scalar(
        insert(DuplicatePair).values(**values).on_conflict_do_nothing().returning(DuplicatePair.id)
    )
    if fresh is not None:
        return int(fresh)
    known = pair_of(older, newer)
    if known is not None and known.state == "open" and not set(reasons) <= set(known.reasons):
        known.reasons = sorted({*known.reasons, *reasons})
        known.strength = max(known.strength, values["strength"])
    return None


def pair_of(one_id: int, other_id: int) -> DuplicatePair | None:
    """The pair of these two, if it was ever suggested or decided."""
    older, newer = sorted((one_id, other_id))
    return db.session.scalars(
        sa.select(DuplicatePair).where(
            DuplicatePair.older_id == older, DuplicatePair.newer_id == newer
        )
    ).one_or_none()


def decide(one_id: int, other_id: int, state: str, by: str) -> None:
    """Remember what `by` (a staff e-mail) said of a pair: "same", "different", or "open" again.
    Inside `writing()`. A pair that nobody suggested needs no memory but for "different"."""
    pair = pair_of(one_id, other_id)
    if pair is None and state == "different":
        older, newer = sorted((one_id, other_id))
        pair = DuplicatePair(older_id=older, newer_id=newer, strength=WEAK, reasons=[])
        db.session.add(pair)
    if pair is not None:
        is_open = state == "open"
        pair.state = state
        pair.decided_by, pair.decided_at = ("", None) if is_open else (by, now())
    db.session.flush()


def suggest_again(kept_id: int, gone_id: int) -> list[int]:
    """Whoever may have been `gone_id` may be `kept_id` now; the ids of the pairs that are new."""
    db.session.flush()
    open_pairs = db.session.scalars(
        sa.select(DuplicatePair)
        .where(
            sa.or_(DuplicatePair.older_id == gone_id, DuplicatePair.newer_id == gone_id),
            DuplicatePair.state == "open",
        )
        .order_by(DuplicatePair.id)
    )
    added = []
    for pair in list(open_pairs):
        third = pair.newer_id if pair.older_id == gone_id else pair.older_id
        fresh = suggest(kept_id, third, pair.reasons) if third != kept_id else None
        if fresh is not None:
            added.append(fresh)
    return added


def drop_suggested(pair_ids: Collection[int]) -> None:
    """The pairs that a merge suggested, and nobody decided, went with it."""
    db.session.execute(
        sa.delete(DuplicatePair)
        .where(DuplicatePair.id.in_(pair_ids), DuplicatePair.state == "open")
        .execution_options(synchronize_session=False)
    )
