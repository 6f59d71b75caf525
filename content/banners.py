"""Banners of the home page: made, ordered, put away; they leave by themselves.

A banner is shown inside its window while its target leads somewhere: one for an offer that was
sold, or for a filter with no car, steps back until there is one again. Verbs flush.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from content.refusals import ContentRefused, check_window, fitting, needed, refuse_unlawful
from content.targets import BadTarget, Target, find_target, live_now
from core.clock import now
from core.db import db
from dealership.identity import running_banners
from dealership.models import Banner


class Standing(StrEnum):
    """Where a banner is in its life."""

    RUNNING = "running"
    STEPPED_BACK = "stepped_back"  # its target shows nothing now
    COMING = "coming"
    ENDED = "ended"
    ARCHIVED = "archived"


@dataclass(frozen=True)
class BannerFacts:
    """What staff say of a banner. `photo` as `MediaItem.as_photo()` gives it."""

    title: str
    text: str = ""
    action: str = ""
    path: str = "/estoque"
    photo: Mapping[str, Any] | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    store_id: int | None = None


def create_banner(facts: BannerFacts) -> Banner:
    """A new banner, last in its order; the same one sent twice is one. Raises ContentRefused."""
    values = _checked(facts)
    same = db.session.scalars(
        sa.select(Banner)
        .where(Banner.archived_at.is_(None), Banner.title == values["title"])
        .where(Banner.path == values["path"], Banner.store_id == values["store_id"])
        .order_by(Banner.id.desc())
    ).first()
    if same is not None and _is_same(same, values):
        return same
    last = db.session.scalar(sa.select(sa.func.max(Banner.position)))
    banner = Banner(**values, position=0 if last is None else last + 1)
    db.session.add(banner)
    db.session.flush()
    return banner


def _is_same(banner: Banner, values: Mapping[str, Any]) -> bool:
    names = ("text", "action", "photo", "ends_at")
    return all(getattr(banner, name) == values[name] for name in names)


def revise_banner(banner: Banner, facts: BannerFacts) -> None:
    """Change a banner. Raises ContentRefused."""
    for name, value in _checked(facts).items():
        setattr(banner, name, value)
    db.session.flush()


def _checked(facts: BannerFacts) -> dict[str, Any]:
    title = needed(facts.title, 80, "titulo")
    text = fitting(facts.text, 160, "texto")
    action = needed(facts.action, 40, "botao")
    try:
        path = find_target(facts.path).path
    except BadTarget as error:
        raise ContentRefused(str(error), "destino") from None
    refuse_unlawful(f"{title}\n{text}", "texto")
    starts_at = facts.starts_at or now()
    check_window(starts_at, facts.ends_at, "fim")
    if not facts.photo:
        raise ContentRefused(_("Choose the banner's picture."), "foto")
    return {
        "title": title,
        "text": text,
        "action": action,
        "path": path,
        "photo": dict(facts.photo),
        "starts_at": starts_at,
        "ends_at": facts.ends_at,
        "store_id": facts.store_id,
    }


def archive_banner(banner: Banner) -> None:
    """Take a banner off the site; `restore_banner` brings it back."""
    banner.archived_at = banner.archived_at or now()
    db.session.flush()


def restore_banner(banner: Banner) -> None:
    """Back from the archive, at the end of the order."""
    if banner.archived_at is None:
        return
    banner.archived_at = None
    banner.position = (db.session.scalar(sa.select(sa.func.max(Banner.position))) or 0) + 1
    db.session.flush()


def move_banner(banner: Banner, *, up: bool) -> None:
    """One place earlier or later among those that are not archived."""
    rows = list(
        db.session.scalars(
            sa.select(Banner)
            .where(Banner.archived_at.is_(None))
            .order_by(Banner.position, Banner.id)
            .with_for_update()
        )
    )
    if banner not in rows:
        return
    place = rows.index(banner)
    other = place - 1 if up else place + 1
    if 0 <= other < len(rows):
        rows[place], rows[other] = rows[other], rows[place]
    for position, row in enumerate(rows):
        row.position = position
    db.session.flush()


def standing(banner: Banner, target: Target | None = None) -> Standing:
    """Where the banner is now; `target` saves looking it up again."""
    moment = now()
    if banner.archived_at is not None:
        return Standing.ARCHIVED
    if banner.ends_at is not None and banner.ends_at <= moment:
        return Standing.ENDED
    if banner.starts_at > moment:
        return Standing.COMING
    target = target or live_now(banner.path)
    return Standing.STEPPED_BACK if target.problem else Standing.RUNNING


def shown_banners() -> Sequence[Banner]:
    """What the home page shows now, in order."""
    return [banner for banner in running_banners() if not live_now(banner.path).problem]
