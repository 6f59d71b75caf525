"""Articles, stories and pages: written as revisions, shown from an hour on, found by address.

What the public sees of a document is the newest revision whose hour has come, while the document
is published and its window open; a story also needs its person's permission. Verbs flush.

DomainError
└── ContentRefused    content, an address or a step that cannot be
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from itsdangerous import BadData, URLSafeTimedSerializer

from content.articles import article_lacks, read_article
from content.models import Document, DocumentTag, Revision
from content.pages import page_lacks, read_page
from content.redirects import moved
from content.refusals import ContentRefused, check_window, fitting
from content.stories import read_story, story_lacks
from core.clock import now
from core.config import current
from core.db import db
from core.text import clean_line, slugify_name

ARTICLE, STORY, PAGE = "article", "story", "page"
PREFIXES: Final[Mapping[str, str]] = {ARTICLE: "/blog/", STORY: "/blog/historia/", PAGE: "/p/"}
ADMIN: Final[Mapping[str, str]] = {
    ARTICLE: "/admin/blog/", STORY: "/admin/historias/", PAGE: "/admin/paginas-do-site/"
}  # fmt: skip
READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    ARTICLE: read_article, STORY: read_story, PAGE: read_page
}  # fmt: skip
RESERVED: Final = frozenset({"tag", "historia"})  # words of the blog's own addresses
PREVIEW_SECONDS: Final = 7 * 24 * 3600
PAGE_SIZE: Final = 12
MOST_TAGS: Final = 8


def path_of(document: Document) -> str:
    """Its public address."""
    return f"{PREFIXES[document.kind]}{document.slug}"


# ---- writing ----


def create_document(
    kind: str, values: Mapping[str, Any], *, slug: str = "", author: str = "", by: str
) -> Document:
    """A new draft at `slug` (default: from its title). The same draft sent twice is one. Raises
    ContentRefused."""
    content = READERS[kind](values)
    wanted = _wanted_slug(kind, slug or slugify_name(content["title"]))
    known = of_slug(kind, wanted)
    if known is not None:
        if known.created_by == by and _newest(known).content == content:
            return known
        raise ContentRefused(
            _("There is something at %(path)s already.", path=PREFIXES[kind] + wanted), "endereco"
        )
    document = Document(
        kind=kind,
        slug=wanted,
        title=content["title"],
        author=fitting(author, 80, "autor"),
        created_by=by,
        newest=0,
    )
    db.session.add(document)
    db.session.flush()
    _add_revision(document, content, by, "")
    return document


def save_document(
    document: Document, values: Mapping[str, Any], *, by: str, note: str = ""
) -> Revision:
    """Keep what was typed as the newest revision; nothing goes live. The same as the newest adds
    none. Raises ContentRefused."""
    content = READERS[document.kind](values)
    newest = _newest(document)
    if newest.content == content:
        return newest
    return _add_revision(document, content, by, note)


def _add_revision(document: Document, content: dict[str, Any], by: str, note: str) -> Revision:
    document.newest += 1
    document.title = content["title"]
    document.updated_at = now()
    revision = Revision(
        document_id=document.id,
        number=document.newest,
        content=content,
        by=by,
        note=clean_line(note, 200),
        at=now(),
    )
    db.session.add(revision)
    db.session.flush()
    return revision


def sign(document: Document, author: str) -> None:
    """Whose name readers see. Raises ContentRefused."""
    document.author = fitting(author, 80, "autor")
    db.session.flush()


def set_tags(document: Document, text: str) -> None:
    """File it under subjects, written with commas between. Raises ContentRefused."""
    names = [clean_line(name, 1000) for name in text.split(",")]
    wanted = {slugify_name(name, 40): name for name in names if slugify_name(name, 40)}
    if len(wanted) > MOST_TAGS:
        raise ContentRefused(_("At most %(n)s subjects.", n=MOST_TAGS), "assuntos")
    if any(len(name) > 40 for name in wanted.values()):
        raise ContentRefused(_("A subject has at most 40 characters."), "assuntos")
    kept = {tag.slug: tag for tag in document.tags}
    document.tags = [
        kept.get(slug) or DocumentTag(slug=slug, name=name) for slug, name in wanted.items()
    ]
    for tag in document.tags:
        tag.name = wanted[tag.slug]
    db.session.flush()


def set_end(document: Document, ends_at: datetime | None) -> None:
    """When it leaves by itself; None: never. Raises ContentRefused."""
    check_window(document.first_published_at, ends_at, "fim")
    document.ends_at = ends_at
    db.session.flush()


def rename_document(document: Document, slug: str, *, by: str) -> None:
    """Another address; the old one leads there if it was ever public. Raises ContentRefused."""
    wanted = _wanted_slug(document.kind, slug.strip())
    if wanted == document.slug:
        return
    if of_slug(document.kind, wanted) is not None:
        raise ContentRefused(
            _("There is something at %(path)s already.", path=PREFIXES[document.kind] + wanted),
            "endereco",
        )
    old = path_of(document)
    document.slug = wanted
    if document.first_published_at is not None:
        moved(old, path_of(document), by=by)
    db.session.flush()


def _wanted_slug(kind: str, slug: str) -> str:
    wanted = slugify_name(slug)
    if not wanted or wanted != slug or (kind == ARTICLE and wanted in RESERVED):
        raise ContentRefused(
            _("Use small letters, digits and hyphens, such as “%(better)s”.",
              better=wanted if wanted and wanted not in RESERVED else "como-escolher"),
            "endereco",
        )  # fmt: skip
    return wanted


def of_slug(kind: str, slug: str) -> Document | None:
    """The document of that kind and address, whatever its state."""
    return db.session.scalars(
        sa.select(Document).where(Document.kind == kind, Document.slug == slug)
    ).first()


# ---- states ----


def publish_document(
    document: Document, *, at: datetime | None = None, number: int | None = None
) -> Revision:
    """Make a revision (default: the newest) the public's, now or from `at` on; what is live until
    then stays. Raises ContentRefused with what is missing."""
    revision = _numbered(document, number)
    _check_whole(document, revision.content)
    moment = max(at, now()) if at else now()
    check_window(moment, document.ends_at, "fim")
    is_live = revision.publish_at is not None and revision.publish_at <= now()
    if is_live and live_revision(document) is not revision:
        # What was live once keeps its date: showing it again is a revision of its own.
        revision = _add_revision(document, revision.content, revision.by, revision.note)
        is_live = False
    if not is_live:
        revision.publish_at = moment
    if document.state != "published" or document.first_published_at is None:
        document.first_published_at = document.first_published_at or moment
    if document.first_published_at > moment:
        document.first_published_at = moment
    document.state = "published"
    document.updated_at = now()
    db.session.flush()
    return revision


def _check_whole(document: Document, content: Mapping[str, Any]) -> None:
    if document.kind == ARTICLE:
        article_lacks(content)
    elif document.kind == STORY:
        story_lacks(content, document.consent)
    else:
        page_lacks(content)


def unpublish_document(document: Document) -> None:
    """Off the site at once, also what was planned; the history stays."""
    _set_state(document, "draft")
    db.session.execute(
        sa.update(Revision)
        .where(Revision.document_id == document.id, Revision.publish_at > now())
        .values(publish_at=None),
        execution_options={"synchronize_session": "fetch"},
    )


def archive_document(document: Document) -> None:
    """Put it away; `unpublish_document` brings it back as a draft."""
    _set_state(document, "archived")


def _set_state(document: Document, state: str) -> None:
    document.state = state
    document.updated_at = now()
    db.session.flush()


def restore_revision(document: Document, number: int, *, by: str) -> Revision:
    """The content of revision `number` as the newest one. Raises ContentRefused."""
    old = _numbered(document, number)
    return _add_revision(document, old.content, by, _("Back to version %(n)s", n=number))


# ---- reading ----


def _newest(document: Document) -> Revision:
    return _numbered(document, None)


def newest_revision(document: Document) -> Revision:
    """What was saved last."""
    return _newest(document)


def _numbered(document: Document, number: int | None) -> Revision:
    wanted = document.newest if number is None else number
    found = db.session.scalars(
        sa.select(Revision).where(Revision.document_id == document.id, Revision.number == wanted)
    ).first()
    if found is None:
        raise ContentRefused(_("There is no such version."))
    return found


def revisions(document: Document) -> Sequence[Revision]:
    """Every revision, the newest first."""
    return db.session.scalars(
        sa.select(Revision)
        .where(Revision.document_id == document.id)
        .order_by(Revision.number.desc())
    ).all()


def live_revision(document: Document) -> Revision | None:
    """The revision that is its face now, whatever the document's state."""
    return db.session.scalars(
        sa.select(Revision)
        .where(Revision.document_id == document.id, Revision.publish_at <= now())
        .order_by(Revision.publish_at.desc(), Revision.number.desc())
        .limit(1)
    ).first()


def planned_revision(document: Document) -> Revision | None:
    """The revision whose hour is still to come."""
    return db.session.scalars(
        sa.select(Revision)
        .where(Revision.document_id == document.id, Revision.publish_at > now())
        .order_by(Revision.publish_at)
        .limit(1)
    ).first()


# ---- previews ----


def preview_token(document: Document, number: int | None = None) -> str:
    """Opens a revision (default: the newest) to whoever holds it, for a week."""
    return str(_signer().dumps([document.id, number or document.newest]))


def read_preview(token: str) -> tuple[Document, Revision] | None:
    """What a preview's link opens, or None."""
    try:
        document_id, number = _signer().loads(token, max_age=PREVIEW_SECONDS)
    except (BadData, ValueError):
        return None
    document = db.session.get(Document, document_id)
    if document is None:
        return None
    try:
        return document, _numbered(document, number)
    except ContentRefused:
        return None


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current().secret_key, salt="document-preview")
