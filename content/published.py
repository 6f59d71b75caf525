"""Documents as the public sees them: found by address, listed, led to, showing their pictures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import selectinload

from content.documents import ADMIN, ARTICLE, PAGE, PREFIXES, STORY, of_slug
from content.markdown import swapped
from content.media import MediaItem, Use, register_use, shows
from content.models import Document, DocumentTag, ImageConsent, Revision
from content.targets import Target, register_target
from core.clock import now
from core.db import db

PAGE_SIZE: Final = 12


def live_query(kinds: Iterable[str]) -> Any:
    """(Document, Revision) that the public may see now, of these kinds."""
    moment = now()
    face = (
        sa.select(Revision.id)
        .where(Revision.document_id == Document.id, Revision.publish_at <= moment)
        .order_by(Revision.publish_at.desc(), Revision.number.desc())
        .limit(1)
        .correlate(Document)
        .scalar_subquery()
    )
    allowed = (
        sa.select(ImageConsent.id)
        .where(ImageConsent.id == Document.consent_id)
        .where(ImageConsent.revoked_at.is_(None), ImageConsent.covers_image)
        .correlate(Document)
        .exists()
    )
    return (
        sa.select(Document, Revision)
        .join(Revision, Revision.id == face)
        .where(Document.kind.in_(list(kinds)), Document.state == "published")
        .where(sa.or_(Document.ends_at.is_(None), Document.ends_at > moment))
        .where(sa.or_(Document.kind != STORY, allowed))
    )


def find_live(kind: str, slug: str) -> tuple[Document, dict[str, Any]] | None:
    """The public's document at that address with its content."""
    row = db.session.execute(
        live_query([kind]).where(Document.slug == slug).options(selectinload(Document.tags))
    ).first()
    return (row[0], row[1].content) if row else None


def live_list(
    kinds: Sequence[str], *, tag: str = "", page: int = 1, size: int = PAGE_SIZE
) -> tuple[list[tuple[Document, dict[str, Any]]], int]:
    """One page of the public's documents, the newest first, and how many there are."""
    query = live_query(kinds)
    if tag:
        query = query.where(Document.tags.any(DocumentTag.slug == tag))
    counted = query.with_only_columns(sa.func.count(), maintain_column_froms=True)
    total = db.session.scalar(counted) or 0
    rows = db.session.execute(
        query.options(selectinload(Document.tags))
        .order_by(Document.first_published_at.desc(), Document.id.desc())
        .limit(size)
        .offset((page - 1) * size)
    )
    return [(row[0], row[1].content) for row in rows], total


def live_tags() -> list[tuple[str, str, int]]:
    """Subjects of what is public: slug, name, how many."""
    live = live_query([ARTICLE, STORY]).with_only_columns(Document.id)
    rows = db.session.execute(
        sa.select(DocumentTag.slug, sa.func.min(DocumentTag.name), sa.func.count())
        .where(DocumentTag.document_id.in_(live))
        .group_by(DocumentTag.slug)
        .order_by(sa.func.count().desc(), DocumentTag.slug)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def dated_paths(kinds: Sequence[str]) -> list[tuple[str, datetime | None]]:
    """Addresses of what is public of these kinds, for the sitemap, each with the hour from which
    it says what it says."""
    rows = db.session.execute(
        live_query(kinds)
        .with_only_columns(Document.kind, Document.slug, Revision.publish_at)
        .order_by(Document.id)
    ).all()
    return [(f"{PREFIXES[row.kind]}{row.slug}", row.publish_at) for row in rows]


# ---- who shows a picture, where a link leads ----


def _showing(item: MediaItem) -> list[tuple[Document, Revision]]:
    """Newest and once published revisions whose content names the picture."""
    stem = str(item.photo.get("stem", "")).replace("\\", "").replace("%", "").replace("_", "\\_")
    rows = db.session.execute(
        sa.select(Document, Revision)
        .join(Revision, Revision.document_id == Document.id)
        .where(Document.state != "archived")
        .where(sa.or_(Revision.number == Document.newest, Revision.publish_at.is_not(None)))
        .where(sa.cast(Revision.content, sa.Text).like(f"%{stem}%", escape="\\"))
        .order_by(Document.id)
    )
    return [(row[0], row[1]) for row in rows]


def _find(item: MediaItem) -> Iterable[Use]:
    found = {document.id: document for document, _revision in _showing(item)}
    return [
        Use(document.title, f"{ADMIN[document.kind]}{document.id}/") for document in found.values()
    ]


def _swap(item: MediaItem, photo: dict[str, Any]) -> None:
    for _document, revision in _showing(item):
        content = dict(revision.content)
        if shows(content.get("cover"), item):
            content["cover"] = dict(photo)
        for name in ("markdown", "before", "turn", "after"):
            if name in content:
                content[name] = swapped(content[name], item.photo, photo)
        pictures = {}
        for source, size in (content.get("pictures") or {}).items():
            other = swapped(source, item.photo, photo)
            width_px = int(other.rpartition("-")[2].partition(".")[0]) if other != source else 0
            ratio = photo["height_px"] / photo["width_px"]
            pictures[other] = [width_px, round(width_px * ratio)] if width_px else size
        content["pictures"] = pictures
        revision.content = content


register_use(_find, _swap)


def _target_of(kind: str) -> Callable[[Mapping[str, Any], str], Target | None]:
    def find(arguments: Mapping[str, Any], path: str) -> Target | None:
        slug = str(arguments["slug"])
        if find_live(kind, slug) is not None:
            return Target(path)
        is_known = of_slug(kind, slug) is not None
        return Target(path, None, _("This page is not on the site now.")) if is_known else None

    return find


def _tag_target(arguments: Mapping[str, Any], path: str) -> Target | None:
    return Target(path) if live_list([ARTICLE, STORY], tag=str(arguments["tag"]))[1] else None


register_target("showroom.article_page", _target_of(ARTICLE))
register_target("showroom.story_page", _target_of(STORY))
register_target("showroom.site_page", _target_of(PAGE))
register_target("showroom.tag_page", _tag_target)
