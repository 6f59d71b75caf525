"""What staff do with landing pages. Verbs flush; the door around them commits.

DomainError
├── landing.blocks.BadContent      content that does not fit its schema
├── landing.goals.NotPublishable   a page that may not go live, with every reason
├── BadAddress                     an address that cannot be used, or is taken
├── BadWindow                      an end that is not after the start
└── NoSuchPage                     no page at that address, or no such revision of it
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from itsdangerous import BadData, URLSafeTimedSerializer

from core.clock import now
from core.config import current
from core.db import db
from core.errors import DomainError
from core.text import clean_line, slugify_name
from landing.blocks import (
    BadContent,
    Content,
    read_content,
)
from landing.goals import Goal, NotPublishable
from landing.models import LandingDraft, LandingPage, LandingRevision
from landing.rules import advice, picked_ids, problems, refusals

PREVIEW_SECONDS: Final = 7 * 24 * 3600


class BadAddress(DomainError, ValueError):
    """An address that cannot be used, or is taken."""


class BadWindow(DomainError, ValueError):
    """An end that is not after the start."""


class NoSuchPage(DomainError, LookupError):
    """No page at that address, or no such revision of it."""


# ---- verbs ----


def create(slug: str, name: str, goal: Goal, *, store_id: int | None = None) -> LandingPage:
    """A new page at /lp/<slug> without content. Raises BadAddress."""
    page = LandingPage(
        slug=_free_slug(slug), name=clean_line(name, 120), goal=goal.value, store_id=store_id
    )
    db.session.add(page)
    db.session.flush()
    return page


def save_draft(
    page: LandingPage, content: Mapping[str, Any], by: str, note: str = ""
) -> LandingRevision:
    """Keep `content` (plain values) as the newest revision; nothing goes live. Raises
    BadContent."""
    return _add_revision(page, read_content(content), by, note)


def publish(
    page: LandingPage, *, number: int | None = None, at: datetime | None = None
) -> LandingRevision:
    """Make a revision (default: the newest) the live one, now or at the instant `at`.

    What is live until then stays. Publishing again what is live changes nothing. Raises
    NotPublishable with every reason, NoSuchPage.
    """
    revision = revision_of(page, number)
    reasons = refusals(page, read_content(revision.content))
    if reasons:
        raise NotPublishable(reasons)
    moment = max(at, now()) if at else now()
    was_live = revision.publish_at is not None and revision.publish_at <= now()
    if was_live and (at or live_revision(page) is not revision):
        # What went live once keeps its date: showing it again is a revision of its own.
        revision = _add_revision(
            page, read_content(revision.content), revision.author, revision.note
        )
        was_live = False
    if not was_live:
        revision.publish_at = moment
    page.state = "published"
    page.updated_at = now()
    db.session.flush()
    return revision


def describe(
    page: LandingPage, name: str, *, source_ref: str = "", store_id: int | None = None
) -> None:
    """What staff call the page, the campaign it belongs to and the store that answers. Raises
    BadAddress for no name."""
    wanted = clean_line(name, 120)
    if not wanted:
        raise BadAddress(_("Give the page a name, so that you find it again."))
    page.name, page.source_ref = wanted, clean_line(source_ref, 120)
    page.store_id = store_id
    page.updated_at = now()
    db.session.flush()


def schedule(page: LandingPage, starts_at: datetime | None, ends_at: datetime | None) -> None:
    """When the page comes and leaves by itself; None is "already" and "never". Raises BadWindow."""
    if starts_at and ends_at and ends_at <= starts_at:
        raise BadWindow(_("The end must come after the start."))
    page.starts_at, page.ends_at = starts_at, ends_at
    page.updated_at = now()
    db.session.flush()


def unpublish(page: LandingPage) -> None:
    """Take the page down at once; its history stays."""
    page.state = "draft"
    page.updated_at = now()
    db.session.flush()


def put_back(page: LandingPage) -> None:
    """Undo `unpublish`: what was live is live again. Raises NotPublishable."""
    revision = live_revision(page)
    if revision is None:
        raise NotPublishable([_("The page was never published.")])
    reasons = refusals(page, read_content(revision.content))
    if reasons:
        raise NotPublishable(reasons)
    page.state = "published"
    page.updated_at = now()
    db.session.flush()


def duplicate(page: LandingPage, slug: str, name: str, by: str) -> LandingPage:
    """A draft with the newest content of `page` under another address. Its window and its
    campaign are not copied: they were that page's. Raises BadAddress, NoSuchPage."""
    source = revision_of(page)
    copy = create(slug, name, Goal(page.goal), store_id=page.store_id)
    content = read_content(source.content)
    _add_revision(copy, content, by, _("Copied from %(slug)s", slug=page.slug))
    return copy


def restore(page: LandingPage, number: int, by: str) -> LandingRevision:
    """The content of revision `number` as the newest revision. Raises NoSuchPage."""
    content = read_content(revision_of(page, number).content)
    return _add_revision(page, content, by, _("Back to revision %(n)s", n=number))


# ---- reading ----


def find(slug: str) -> LandingPage:
    """The page at /lp/<slug>, whatever its state. Raises NoSuchPage."""
    page = db.session.scalars(sa.select(LandingPage).where(LandingPage.slug == slug)).first()
    if page is None:
        raise NoSuchPage(_("There is no landing page at /lp/%(slug)s.", slug=slug))
    return page


def all_pages() -> list[LandingPage]:
    """Every page, those published first."""
    return list(
        db.session.scalars(
            sa.select(LandingPage).order_by(LandingPage.state.desc(), LandingPage.slug)
        )
    )


def revisions(page: LandingPage) -> list[LandingRevision]:
    """Every revision of `page`, newest first."""
    return list(
        db.session.scalars(
            sa.select(LandingRevision)
            .where(LandingRevision.page_id == page.id)
            .order_by(LandingRevision.number.desc())
        )
    )


def live_revision(page: LandingPage, at: datetime | None = None) -> LandingRevision | None:
    """The revision that is the page's face at `at` (default: now), or None."""
    return db.session.scalars(
        sa.select(LandingRevision)
        .where(LandingRevision.page_id == page.id, LandingRevision.publish_at <= (at or now()))
        .order_by(LandingRevision.publish_at.desc(), LandingRevision.number.desc())
        .limit(1)
    ).first()


def live_revisions(page_ids: Collection[int]) -> dict[int, LandingRevision]:
    """The live revision of each page by its id, in one statement; pages without one are not in
    it."""
    place = sa.func.row_number().over(
        partition_by=LandingRevision.page_id,
        order_by=(LandingRevision.publish_at.desc(), LandingRevision.number.desc()),
    )
    ranked = (
        sa.select(LandingRevision.id, place.label("place"))
        .where(LandingRevision.page_id.in_(page_ids), LandingRevision.publish_at <= now())
        .subquery()
    )
    found = db.session.scalars(
        sa.select(LandingRevision)
        .join(ranked, ranked.c.id == LandingRevision.id)
        .where(ranked.c.place == 1)
    )
    return {revision.page_id: revision for revision in found}


def newest_numbers(page_ids: Collection[int]) -> dict[int, int]:
    """The number of each page's newest revision by the page's id, in one statement."""
    rows = db.session.execute(
        sa.select(LandingRevision.page_id, sa.func.max(LandingRevision.number))
        .where(LandingRevision.page_id.in_(page_ids))
        .group_by(LandingRevision.page_id)
    )
    return {row[0]: row[1] for row in rows}


def newest_revisions(page_ids: Collection[int]) -> dict[int, LandingRevision]:
    """Each page's newest revision by the page's id, in two statements."""
    pairs = list(newest_numbers(page_ids).items())
    found = db.session.scalars(
        sa.select(LandingRevision).where(
            sa.tuple_(LandingRevision.page_id, LandingRevision.number).in_(pairs)
        )
    )
    return {revision.page_id: revision for revision in found}


def free_slug_like(slug: str) -> str:
    """An address like `slug` that no page has yet: "feirao", "feirao-2" …"""
    wanted = slugify_name(slug) or "pagina"
    taken = set(
        db.session.scalars(
            sa.select(LandingPage.slug).where(LandingPage.slug.startswith(wanted, autoescape=True))
        )
    )
    return next(
        one
        for one in (wanted, *(f"{wanted[:74]}-{number}" for number in range(2, len(taken) + 3)))
        if one not in taken
    )


def find_live(slug: str, at: datetime) -> tuple[LandingPage, LandingRevision] | None:
    """The page at /lp/<slug> with its face at `at`, in one statement. None when it never had one
    by then; ask the page whether its window is open."""
    row = db.session.execute(
        sa.select(LandingPage, LandingRevision)
        .join(LandingRevision, LandingRevision.page_id == LandingPage.id)
        .where(LandingPage.slug == slug, LandingRevision.publish_at <= at)
        .order_by(LandingRevision.publish_at.desc(), LandingRevision.number.desc())
        .limit(1)
    ).one_or_none()
    return (row[0], row[1]) if row else None


def indexable_paths(at: datetime | None = None) -> list[str]:
    """Addresses of the pages that are open at `at` (default: now) and want to be found, in one
    statement."""
    moment = at or now()
    rows = db.session.execute(
        sa.select(LandingPage, LandingRevision)
        .join(LandingRevision, LandingRevision.page_id == LandingPage.id)
        .where(LandingPage.state == "published", LandingRevision.publish_at <= moment)
        .order_by(LandingPage.slug, LandingRevision.publish_at, LandingRevision.number)
    )
    faces = {page.id: (page, revision) for page, revision in rows}  # the last one stays
    return [
        f"/lp/{page.slug}"
        for page, revision in faces.values()
        if page.is_open(moment) and revision.content.get("is_indexable", True)
    ]


def preview_token(revision: LandingRevision) -> str:
    """What opens `revision` at its page's address for a week: signed, kept nowhere."""
    token = _signer().dumps([revision.page_id, revision.number])
    return token if isinstance(token, str) else token.decode()


def draft_preview_token(page: LandingPage, author: str) -> str:
    """What opens at the page's address for a week whatever `author` has not saved yet, as it then
    is; the newest revision when there is nothing or it cannot be drawn."""
    token = _signer().dumps([page.id, author])
    return token if isinstance(token, str) else token.decode()


def read_preview(slug: str, token: str) -> tuple[LandingPage, LandingRevision] | None:
    """The page and revision that `token` opens, or None when it does not open /lp/<slug>. What is
    not saved yet comes as revision 0, which no table holds."""
    try:
        page_id, number = _signer().loads(token, max_age=PREVIEW_SECONDS)
    except (BadData, ValueError, TypeError):
        return None
    if isinstance(number, str):
        return _unsaved(slug, page_id, number)
    row = db.session.execute(
        sa.select(LandingPage, LandingRevision)
        .join(LandingRevision, LandingRevision.page_id == LandingPage.id)
        .where(
            LandingPage.slug == slug,
            LandingPage.id == page_id,
            LandingRevision.number == number,
        )
    ).one_or_none()
    return (row[0], row[1]) if row else None


def _unsaved(slug: str, page_id: int, author: str) -> tuple[LandingPage, LandingRevision] | None:
    page = db.session.get(LandingPage, page_id)
    if page is None or page.slug != slug:
        return None
    draft = db.session.scalars(
        sa.select(LandingDraft).where(
            LandingDraft.page_id == page_id, LandingDraft.author == author
        )
    ).first()
    if draft is not None and _can_be_drawn(draft.content):
        return page, LandingRevision(page_id=page_id, number=0, content=draft.content)
    try:
        return page, revision_of(page)
    except NoSuchPage:
        return None


def _can_be_drawn(content: Mapping[str, Any]) -> bool:
    try:
        return read_content(content).hero is not None
    except BadContent:
        return False


def revision_of(page: LandingPage, number: int | None = None) -> LandingRevision:
    """Revision `number` of `page`, default: the newest. Raises NoSuchPage."""
    statement = sa.select(LandingRevision).where(LandingRevision.page_id == page.id)
    if number is not None:
        statement = statement.where(LandingRevision.number == number)
    found = db.session.scalars(statement.order_by(LandingRevision.number.desc()).limit(1)).first()
    if found is None:
        raise NoSuchPage(_("The page has no such revision."))
    return found


def _add_revision(page: LandingPage, content: Content, by: str, note: str) -> LandingRevision:
    last = db.session.scalar(
        sa.select(sa.func.max(LandingRevision.number)).where(LandingRevision.page_id == page.id)
    )
    revision = LandingRevision(
        page_id=page.id,
        number=(last or 0) + 1,
        content=content.as_json(),
        author=clean_line(by, 160),
        note=clean_line(note, 200),
        at=now(),
    )
    db.session.add(revision)
    page.updated_at = now()
    db.session.flush()
    return revision


def _free_slug(slug: str) -> str:
    wanted = slugify_name(slug)
    if not wanted or wanted != slug:
        raise BadAddress(
            _("Use small letters, digits and hyphens, such as “%(better)s”.",
              better=wanted or "seminovos-ate-70-mil")
        )  # fmt: skip
    taken = db.session.scalar(sa.select(LandingPage.id).where(LandingPage.slug == wanted))
    if taken is not None:
        raise BadAddress(_("There is a page at /lp/%(slug)s already.", slug=wanted))
    return wanted


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current().secret_key, salt="landing-preview")


__all__ = [
    "BadAddress",
    "BadContent",
    "BadWindow",
    "NoSuchPage",
    "NotPublishable",
    "advice",
    "all_pages",
    "create",
    "draft_preview_token",
    "duplicate",
    "find",
    "find_live",
    "free_slug_like",
    "live_revision",
    "live_revisions",
    "newest_numbers",
    "newest_revisions",
    "picked_ids",
    "preview_token",
    "problems",
    "publish",
    "put_back",
    "read_preview",
    "refusals",
    "restore",
    "revision_of",
    "revisions",
    "save_draft",
    "schedule",
    "unpublish",
]
