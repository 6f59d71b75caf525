"""Pictures of the media library on landing pages: where they stand, and putting another in their
place.

A revision never changes, so a replaced picture is a revision of its own, live where the old one
was.
"""

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext as _

from content.media import MediaItem, Use, register_use
from core.clock import now
from landing import editing
from landing.blocks import Picture
from landing.models import LandingPage, LandingRevision

AUTHOR = "media"


def picture_of(item: MediaItem) -> dict[str, Any]:
    """A picture of the library as content keeps it."""
    return _as_content(item.as_photo())


def _as_content(photo: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in photo.items() if name in Picture.model_fields}


def _faces(item: MediaItem) -> Iterator[tuple[LandingPage, LandingRevision, bool]]:
    """Page, revision and whether it is live: the live and the newest ones that show `item`."""
    pages = editing.all_pages()
    live = editing.live_revisions([page.id for page in pages])
    newest = editing.newest_revisions([page.id for page in pages])
    for page in pages:
        faces = {each.number: each for each in (live.get(page.id), newest.get(page.id)) if each}
        for _number, revision in sorted(faces.items()):
            if _shows(revision.content, item.photo.get("stem")):
                yield page, revision, revision is live.get(page.id)


def _shows(value: Any, stem: Any) -> bool:
    if isinstance(value, dict):
        return value.get("stem") == stem or any(_shows(part, stem) for part in value.values())
    return isinstance(value, list) and any(_shows(part, stem) for part in value)


def _replaced(value: Any, stem: Any, picture: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        if value.get("stem") == stem:
            return {**picture, "alt": value.get("alt") or picture["alt"]}
        return {name: _replaced(part, stem, picture) for name, part in value.items()}
    if isinstance(value, list):
        return [_replaced(part, stem, picture) for part in value]
    return value


def _find(item: MediaItem) -> Iterator[Use]:
    for page in {page.id: page for page, _revision, _is_live in _faces(item)}.values():
        yield Use(_("Landing page: %(name)s", name=page.name), f"/admin/paginas/{page.id}/")


def _swap(item: MediaItem, photo: dict[str, Any]) -> None:
    picture = _as_content(photo)
    for page, revision, is_live in list(_faces(item)):
        content = _replaced(revision.content, item.photo.get("stem"), picture)
        added = editing.save_draft(page, content, AUTHOR, _("Picture replaced in the library"))
        if is_live:
            added.publish_at = now()


register_use(_find, _swap)
