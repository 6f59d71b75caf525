"""What somebody is changing on a page, kept until they save it.

A draft belongs to one person and may be unfinished or wrong: only saving reads it strictly. Nobody
else sees it but by its preview. Verbs flush.

DomainError
└── NewerRevision    somebody else saved the page after the draft began
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db
from core.errors import DomainError
from landing import editing
from landing.blocks import read_content
from landing.models import LandingDraft, LandingPage, LandingRevision


class NewerRevision(DomainError):
    """Somebody else saved the page meanwhile; `revision` is theirs."""

    def __init__(self, revision: LandingRevision) -> None:
        self.revision = revision
        super().__init__(
            _(
                "%(who)s saved version %(n)s of this page while you were working on it.",
                who=revision.author,
                n=revision.number,
            )
        )


def find_draft(page: LandingPage, author: str) -> LandingDraft | None:
    """What `author` has not saved yet on `page`, or None."""
    return db.session.scalars(
        sa.select(LandingDraft).where(
            LandingDraft.page_id == page.id, LandingDraft.author == author
        )
    ).first()


def keep_draft(
    page: LandingPage,
    author: str,
    content: Mapping[str, Any],
    base_number: int,
    *,
    earlier: Mapping[str, Any] | None = None,
) -> LandingDraft:
    """Keep `content` (raw, valid or not) as what `author` is changing; `earlier` is what `undo`
    brings back."""
    draft = find_draft(page, author)
    if draft is None:
        draft = LandingDraft(page_id=page.id, author=author, content={}, base_number=base_number)
        db.session.add(draft)
    draft.content, draft.base_number, draft.at = dict(content), base_number, now()
    if earlier is not None:
        draft.earlier = dict(earlier)
    db.session.flush()
    return draft


def undo_draft(page: LandingPage, author: str) -> bool:
    """Bring back what was there before a block was removed; whether there was anything."""
    draft = find_draft(page, author)
    if draft is None or draft.earlier is None:
        return False
    draft.content, draft.earlier, draft.at = draft.earlier, None, now()
    db.session.flush()
    return True


def drop_draft(page: LandingPage, author: str) -> None:
    """Forget what `author` did not save."""
    db.session.execute(
        sa.delete(LandingDraft).where(
            LandingDraft.page_id == page.id, LandingDraft.author == author
        )
    )


def save(
    page: LandingPage,
    content: Mapping[str, Any],
    by: str,
    *,
    base_number: int,
    note: str = "",
    is_overriding: bool = False,
) -> LandingRevision:
    """`content` as the newest revision, and the draft gone. Without a change nothing is added.

    Raises BadContent; NewerRevision when somebody saved after revision `base_number`, unless
    `is_overriding`.
    """
    # Two people saving at once: the second waits here and then sees what the first one saved.
    db.session.refresh(page, with_for_update=True)
    wanted = read_content(content)
    newest = editing.revision_of(page)
    if newest.content == wanted.as_json():
        drop_draft(page, by)
        return newest
    if newest.number != base_number and newest.author != by and not is_overriding:
        raise NewerRevision(newest)
    revision = editing.save_draft(page, content, by, note)
    drop_draft(page, by)
    return revision
