"""The media library: pictures that are not a car's, each stored once and described once.

Taking one in has the two halves of inventory.photos: `prepare_media` does the image work with no
transaction open, `record_media` writes the row. Others keep a picture as `as_photo()` says it (the
same shape as Banner.photo) and tell this module how to find theirs: see `register_use`.

DomainError
└── MediaRefused    a picture that cannot be taken, described, used or deleted so
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime, db, writing
from core.errors import DomainError
from core.storage import storage
from core.text import clean_line, row_number
from dealership.looks import set_logo
from dealership.models import Banner, Dealership, Store
from inventory.offers import OfferPhoto
from inventory.photos import rendition_path, store_picture

LONGEST_ALT: Final = 160
LONGEST_TITLE: Final = 120
ARCHIVED_KEPT: Final = timedelta(days=30)
MOST_CHOICES: Final = 60


class MediaRefused(DomainError):
    """A picture that cannot be taken, described, used or deleted so; the sentence says why."""


class MediaItem(Model):
    """One picture of the library. Without `alt` nobody can use it yet."""

    __tablename__ = "media_item"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True, index=True)  # of what was sent
    title: Mapped[str] = mapped_column(sa.String(120), default="")
    alt: Mapped[str] = mapped_column(sa.String(160), default="")
    # Renditions in the media store: stem, widths, formats, width_px, height_px, color.
    photo: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    created_by: Mapped[str] = mapped_column(sa.String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def is_usable(self) -> bool:
        return bool(self.alt) and self.archived_at is None

    def as_photo(self) -> dict[str, Any]:
        """What a row that shows the picture keeps: stem, widths, formats, width_px, height_px,
        color, alt and the picture's id here."""
        return {**self.photo, "alt": self.alt, "media_id": self.id}

    def shown(self) -> OfferPhoto:
        """As the macros of pictures want it."""
        return shown(self.as_photo())

    def thumb(self) -> str:
        """The address of a small JPEG of it."""
        return rendition_path(self.photo["stem"], self.photo["widths"][0], "jpg")

    def path(self, at_least_px: int = 1280) -> str:
        """The address of one JPEG at least so wide, or the widest there is: for Markdown."""
        widths = self.photo["widths"]
        return rendition_path(
            self.photo["stem"], next((w for w in widths if w >= at_least_px), widths[-1]), "jpg"
        )


def shown(photo: Mapping[str, Any]) -> OfferPhoto:
    """A kept photo (as `as_photo()` gave it, or a banner's) as the macros of pictures want it."""
    return OfferPhoto(
        stem=photo["stem"],
        widths=tuple(photo["widths"]),
        formats=tuple(photo["formats"]),
        width_px=photo["width_px"],
        height_px=photo["height_px"],
        color=photo.get("color", ""),
        alt=photo.get("alt", ""),
    )


# --- who uses it -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Use:
    """One place that shows a picture, in words, with the screen where it is changed."""

    words: str
    path: str


Find = Callable[[MediaItem], Iterable[Use]]
Swap = Callable[[MediaItem, dict[str, Any]], None]
_uses: list[tuple[Find, Swap]] = []


def register_use(find: Find, swap: Swap) -> None:
    """Tell the library of rows that show its pictures, once, when the module is loaded.

    `find(item)` names the places that show `item` (compare `shows(photo, item)`); `swap(item,
    photo)` puts `photo` (as `as_photo()` gives it) into them, inside `writing()`.
    """
    _uses.append((find, swap))


def shows(photo: dict[str, Any] | None, item: MediaItem) -> bool:
    """Whether a kept photo (as `as_photo()` gave it) is this picture."""
    return bool(photo and photo.get("stem") == item.photo.get("stem"))


def used_by(item: MediaItem) -> list[Use]:
    """Every place that shows `item`."""
    return [use for find, _swap in _uses for use in find(item)]


def _find_at_home(item: MediaItem) -> Iterable[Use]:
    for banner in db.session.scalars(sa.select(Banner).order_by(Banner.id)):
        if shows(banner.photo, item):
            yield Use(_("Banner: %(name)s", name=banner.title), f"/admin/banners/{banner.id}/")
    for store in db.session.scalars(sa.select(Store).order_by(Store.id)):
        if shows(store.photo, item):
            yield Use(_("Store: %(name)s", name=store.name), f"/admin/lojas/{store.id}/")
    for group in db.session.scalars(sa.select(Dealership)):
        if shows(group.logo, item):
            yield Use(_("Logo"), "/admin/identidade/")
    if any(shows(row.logo, item) for row in db.session.scalars(sa.select(Dealership))):
        yield Use(_("Logo of the site"), "/admin/identidade/")


def _swap_at_home(item: MediaItem, photo: dict[str, Any]) -> None:
    for row in (*db.session.scalars(sa.select(Banner)), *db.session.scalars(sa.select(Store))):
        if shows(row.photo, item):
            row.photo = dict(photo)
    for group in db.session.scalars(sa.select(Dealership)):
        if shows(group.logo, item):
            set_logo(group, photo)
    for house in db.session.scalars(sa.select(Dealership)):
        if shows(house.logo, item):
            set_logo(house, photo)


register_use(_find_at_home, _swap_at_home)


# --- choosing one ----------------------------------------------------------------------------


def find_media(text: str = "", *, is_described: bool | None = None) -> sa.Select[Any]:
    """The library's pictures whose title or description holds `text`, newest first."""
    query = sa.select(MediaItem).where(MediaItem.archived_at.is_(None))
    for word in clean_line(text, 80).split():
        pattern = f"%{_escaped(word)}%"
        query = query.where(
            MediaItem.title.ilike(pattern, escape="\\") | MediaItem.alt.ilike(pattern, escape="\\")
        )
    if is_described is not None:
        query = query.where(MediaItem.alt != "" if is_described else MediaItem.alt == "")
    return query


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def choices(text: str = "", *, also: int | None = None) -> Sequence[MediaItem]:
    """The pictures that a picker offers: described ones, newest first, at most MOST_CHOICES; the
    one with the id `also` is always among them."""
    query = find_media(text, is_described=True).order_by(MediaItem.id.desc()).limit(MOST_CHOICES)
    found = list(db.session.scalars(query))
    if row_number(str(also or "")) and all(item.id != also for item in found):
        chosen = db.session.get(MediaItem, also)
        found = [*([chosen] if chosen else []), *found]
    return found


def picked(value: str | None) -> MediaItem | None:
    """The picture that a picker's field names; None for none. Raises MediaRefused."""
    text = (value or "").strip()
    if not text:
        return None
    number = row_number(text)
    item = db.session.get(MediaItem, number) if number else None
    if item is None or item.archived_at is not None:
        raise MediaRefused(_("This picture is no longer in the library. Choose another one."))
    if not item.alt:
        raise MediaRefused(_("Describe the picture in the library before you use it."))
    return item


# --- taking in, changing, deleting -----------------------------------------------------------


@dataclass(frozen=True)
class PreparedMedia:
    """A picture whose files are stored, ready to be recorded."""

    digest: str
    photo: dict[str, Any]


def prepare_media(data: bytes) -> PreparedMedia:
    """Store the renditions of `data`. Call it with no transaction open. Raises a PhotoRefused with
    a sentence, and core.storage.StorageFailed."""
    return PreparedMedia(hashlib.sha256(data).hexdigest(), store_picture(data))


def record_media(prepared: PreparedMedia, *, title: str, by: str, alt: str = "") -> MediaItem:
    """Put a prepared picture into the library; the same picture sent again is the one that is
    there, back from the archive if it was deleted. Inside `writing()`."""
    known = _of_digest(prepared.digest)
    if known is not None:
        known.archived_at = None
        known.photo = dict(prepared.photo)
        known.alt = known.alt or clean_line(alt, LONGEST_ALT)
        db.session.flush()
        return known
    item = MediaItem(
        digest=prepared.digest,
        title=clean_line(title, LONGEST_TITLE),
        alt=clean_line(alt, LONGEST_ALT),
        photo=dict(prepared.photo),
        created_by=by,
    )
    db.session.add(item)
    db.session.flush()
    return item


def _of_digest(digest: str) -> MediaItem | None:
    return db.session.scalars(sa.select(MediaItem).where(MediaItem.digest == digest)).first()


def describe_media(item: MediaItem, *, title: str, alt: str) -> None:
    """Say what the picture is called and what it shows (WCAG 1.1.1); places that show it say so
    too. Raises MediaRefused."""
    words = clean_line(alt, 1000)
    if len(words) > LONGEST_ALT:
        raise MediaRefused(
            _("The description is too long: at most %(n)s characters.", n=LONGEST_ALT)
        )
    if not words:
        raise MediaRefused(_("Say in a few words what the picture shows."))
    if _is_file_name(words):
        raise MediaRefused(_("Describe what the picture shows, not what its file is called."))
    item.title = clean_line(title, LONGEST_TITLE) or words[:LONGEST_TITLE]
    item.alt = words
    _swap(item, item.as_photo())
    db.session.flush()


def _is_file_name(words: str) -> bool:
    return " " not in words and words.lower().endswith((".jpg", ".jpeg", ".png", ".webp", ".avif"))


def replace_media(item: MediaItem, prepared: PreparedMedia) -> None:
    """Show another picture under the same entry, everywhere. Raises MediaRefused."""
    known = _of_digest(prepared.digest)
    if known is not None and known is not item:
        raise MediaRefused(_("This picture is in the library already."))
    after = {**prepared.photo, "alt": item.alt, "media_id": item.id}
    _swap(item, after)  # while `item` is still what they show
    item.digest, item.photo = prepared.digest, dict(prepared.photo)
    db.session.flush()


def _swap(item: MediaItem, photo: dict[str, Any]) -> None:
    for _find, swap in _uses:
        swap(item, photo)


def delete_media(item: MediaItem) -> None:
    """Put the picture away; `restore_media` brings it back within 30 days. Raises MediaRefused
    while something shows it."""
    uses = used_by(item)
    if uses:
        raise MediaRefused(
            _("This picture is in use: %(place)s. Choose another one there first.",
              place=uses[0].words)
        )  # fmt: skip
    item.archived_at = now()
    db.session.flush()


def restore_media(item: MediaItem) -> None:
    """Take back a deletion."""
    item.archived_at = None
    db.session.flush()


def sweep_media(_payload: dict[str, Any]) -> None:
    """Handler: forget what was deleted a month ago, with its files if nothing else shows them."""
    cutoff = now() - ARCHIVED_KEPT
    old = db.session.scalars(sa.select(MediaItem).where(MediaItem.archived_at < cutoff)).all()
    unused = [item for item in old if not used_by(item)]
    listings, ids = [item.photo for item in unused], [item.id for item in unused]
    if not ids:
        return
    with writing() as session:
        session.execute(
            sa.delete(MediaItem).where(MediaItem.id.in_(ids)),
            execution_options={"synchronize_session": False},
        )
    for photo in listings:
        for width in photo["widths"]:
            for name in photo["formats"]:
                key = f"{photo['stem']}-{width}.{name}"
                storage().delete(key, public=True, unless_put_since=cutoff)


JOBS = {"sweep_media": sweep_media}
