"""A vehicle's photos: taken in, completed in the background, put in order, removed.

Taking one in has two halves. `prepare_photo` does everything slow with no transaction open: it
stores the private original and a first pair of renditions. `record_photo` then writes the row,
inside the caller's `writing()`. Files come first, so a process killed at any point leaves at most
files without a row, which `sweep_orphan_media` removes a day later; never a row without files.
Names follow from content: the same photo sent twice is stored once and worked on once.

PhotoRefused (inventory.renditions)  the bytes are no photo we take
OrderMismatch                        the new order does not name the vehicle's photos
LenderGone                           the photo whose files were to be shared was removed meanwhile
"""

import hashlib
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core import config as settings
from core.clock import now
from core.db import db, writing
from core.errors import DomainError
from core.fetch import AddressRefused, FetchFailed, TooLarge, fetch
from core.storage import MEDIA_PATH, NoSuchFile, storage
from inventory import renditions
from inventory.models import Photo, RemovedPhoto, Vehicle
from inventory.renditions import (
    BYTES_MAX,
    CONTENT_TYPES,
    FULL,
    QUICK,
    PhotoRefused,
    Recipe,
    Rendered,
    RenderInterrupted,
    TooManyBytes,
    make_renditions,
    stem_of,
    widths_for,
)
from inventory.stock_version import advance, touch
from jobs.queue import HEAVY, enqueue

# What a page can show at once of pictures drawn by the thousand: no AVIF, two widths.
DRAWN: Final = Recipe((480, 960), ("webp", "jpg"), is_urgent=True)
FETCH_SECONDS: Final = 60
ACCEPT: Final = "image/avif,image/webp,image/png,image/jpeg;q=0.9,*/*;q=0.1"
ORPHAN_AGE: Final = timedelta(hours=24)
# Answers that another try may change: timed out, too early, too many requests.
PASSING_STATUS: Final = {408, 425, 429}
ERROR_LENGTH: Final = 300
# Photos' files lie under two digits of their digest; nothing else is ever swept.
PHOTO_FOLDER: Final = re.compile("[0-9a-f]{2}")
# Pieces of uploads, files made for one person, share cards that are drawn again when asked for:
# private, and gone after a day.
PASSING_FOLDERS: Final = frozenset({"upload", "export", "card"})
REMOVED_KEPT: Final = timedelta(days=30)

Record = Callable[[], object]


class OrderMismatch(DomainError):
    """The new order names other photos than the vehicle has."""


class LenderGone(DomainError):
    """Another row's files were to be shared, but that row is gone: prepare the photo again."""


@dataclass(frozen=True)
class PreparedPhoto:
    """A photo whose files are stored, ready to be recorded. Sizes in pixels."""

    digest: str  # SHA-256 of the original
    original_key: str
    width_px: int
    height_px: int
    color: str
    renditions: dict[str, Any]
    quality: dict[str, int] = field(default_factory=dict)  # light and detail, see renditions
    is_shared: bool = False  # the files belong to a row that was there before

    @property
    def is_complete(self) -> bool:
        """Whether every rendition exists, so that nothing is left to do."""
        return bool(
            self.renditions["widths"] == widths_for(FULL, self.width_px)
            and self.renditions["formats"] == list(FULL.formats)
        )

    @property
    def is_small(self) -> bool:
        """Worth a warning: it will look poor."""
        return self.width_px < renditions.SMALL_PX


# --- addresses -------------------------------------------------------------------------------


def rendition_path(stem: str, width_px: int, name: str) -> str:
    """The address on this site of one rendition; `name` is its format: avif, webp or jpg."""
    return f"{MEDIA_PATH}{stem}-{width_px}.{name}"


def srcset(stem: str, widths_px: Iterable[int], name: str) -> str:
    """All of `widths_px` in one format, as the `srcset` of an <img> or <source>."""
    return ", ".join(f"{rendition_path(stem, width, name)} {width}w" for width in widths_px)


# --- taking photos in ------------------------------------------------------------------------


def add_photo(vehicle: Vehicle, data: bytes, *, alt: str = "", source_url: str = "") -> Photo:
    """Store `data` as the last photo of `vehicle`, with a quick rendition; the rest follows in
    the background. A door of its own: call it outside `writing()`.

    Raises a PhotoRefused with a sentence, and core.storage.StorageFailed.
    """
    vehicle_id = vehicle.id
    for is_last_try in (False, True):
        prepared = prepare_photo(data)
        try:
            with writing() as session:
                owner = session.get_one(Vehicle, vehicle_id)
                return record_photo(owner, prepared, alt=alt, source_url=source_url)
        except LenderGone:
            if is_last_try:
                raise
    raise AssertionError("the loop returns or raises")


def prepare_photo(data: bytes, *, recipe: Recipe = QUICK, isolate: bool = True) -> PreparedPhoto:
    """Store the original and the renditions of `recipe`, or find that they are stored already.

    Call it with no transaction open. `isolate=False` saves the child process, for pictures that
    the program drew itself. Raises a PhotoRefused with a sentence, and core.storage.StorageFailed.
    """
    _refuse_transaction()
    if len(data) > BYTES_MAX:
        raise _in_words(TooManyBytes())
    digest = hashlib.sha256(data).hexdigest()
    known = _shared(digest)
    if known is not None:
        return known
    return _stored(data, digest, _render(data, recipe, isolate))


def prepare_drawings(drawings: Iterable[bytes], recipe: Recipe = DRAWN) -> Iterator[PreparedPhoto]:
    """`prepare_photo` for many pictures that the program drew itself, on all processors, in order
    and holding only a few at a time."""
    _refuse_transaction()
    waiting: deque[tuple[bytes, Future[Rendered]]] = deque()
    processors = os.cpu_count() or 1
    with ThreadPoolExecutor(processors) as pool:
        for data in drawings:
            waiting.append((data, pool.submit(make_renditions, data, recipe)))
            if len(waiting) > 2 * processors:
                yield _finished(*waiting.popleft())
        while waiting:
            yield _finished(*waiting.popleft())


def _finished(data: bytes, made: Future[Rendered]) -> PreparedPhoto:
    return _stored(data, hashlib.sha256(data).hexdigest(), made.result())


def record_photo(
    vehicle: Vehicle,
    prepared: PreparedPhoto,
    *,
    alt: str = "",
    source_url: str = "",
    slot: str = "",
) -> Photo:
    """Append a prepared photo to `vehicle`, inside the caller's `writing()`. Raises LenderGone."""
    photo = Photo(alt=alt, source_url=source_url, slot=slot)
    record_photos(vehicle, [(photo, prepared)])
    return photo


def record_photos(
    vehicle: Vehicle, photos: Sequence[tuple[Photo, PreparedPhoto]], *, render: bool = True
) -> None:
    """Append several at once, inside the caller's `writing()`. Raises LenderGone.

    With `render=False` nobody is asked for what is missing: for a picture used a thousand times
    asking once is enough, since the job completes every row that shows the picture.
    """
    position = max((photo.position for photo in vehicle.photos), default=-1)
    for photo, prepared in photos:
        position += 1
        photo.position = position
        vehicle.photos.append(photo)
        _fill(photo, prepared)
        if render:
            _ask_for_the_rest(prepared)
    touch([vehicle])


def _fill(photo: Photo, prepared: PreparedPhoto) -> None:
    if prepared.is_shared:
        _hold_lender(prepared.digest)
    photo.state = "ready" if prepared.is_complete else "stored"
    photo.error = ""
    photo.digest = prepared.digest
    photo.original_key = prepared.original_key
    photo.width_px = prepared.width_px
    photo.height_px = prepared.height_px
    photo.color = prepared.color
    photo.renditions = prepared.renditions
    photo.quality = prepared.quality


def _ask_for_the_rest(prepared: PreparedPhoto) -> None:
    if not prepared.is_complete:
        ask_for_renditions(prepared.digest)


def ask_for_renditions(digest: str) -> None:
    """Have every rendition of the photo with `digest` made in the background."""
    enqueue("render_photo", {"digest": digest}, dedup_key=digest, priority=HEAVY)


def _shared(digest: str) -> PreparedPhoto | None:
    """The files of the same photo, if another row has them in today's recipe, fullest first."""
    query = (
        sa.select(Photo)
        .where(Photo.digest == digest, Photo.state.in_(["ready", "stored"]))
        .order_by(Photo.state, Photo.id)
        .limit(1)
    )
    row = db.session.scalars(query).first()
    found = None
    if row is not None and row.renditions.get("stem") == stem_of(digest):
        found = PreparedPhoto(
            digest=digest,
            original_key=row.original_key,
            width_px=row.width_px or 0,
            height_px=row.height_px or 0,
            color=row.color,
            renditions=dict(row.renditions),
            quality=dict(row.quality),
            is_shared=True,
        )
    db.session.rollback()  # only read: leave no transaction open during what follows
    return found


def _hold_lender(digest: str) -> None:
    """Make sure that some row kept the shared files from the sweeper until this one does."""
    query = (
        sa.select(Photo.id)
        .where(Photo.digest == digest, Photo.state.in_(["ready", "stored"]))
        .limit(1)
        .with_for_update(read=True)
    )
    with db.session.no_autoflush:
        if db.session.scalar(query) is None:
            raise LenderGone(_("The photo was changed meanwhile. Send it again."))


def _stored(data: bytes, digest: str, made: Rendered) -> PreparedPhoto:
    original_key = f"{digest[:2]}/{digest}.{made.suffix}"
    content_type = CONTENT_TYPES[made.suffix]
    storage().put(original_key, data, content_type=content_type, public=False)
    stem = stem_of(digest)
    _put_files(stem, made)
    return PreparedPhoto(
        digest=digest,
        original_key=original_key,
        width_px=made.width_px,
        height_px=made.height_px,
        color=made.color,
        renditions=_listing(stem, made),
        quality={"light": made.light, "detail": made.detail},
    )


def _put_files(stem: str, made: Rendered) -> None:
    store = storage()
    for (width, name), file in made.files.items():
        store.put(f"{stem}-{width}.{name}", file, content_type=CONTENT_TYPES[name], public=True)


def _listing(stem: str, made: Rendered) -> dict[str, Any]:
    """What exists: every one of the widths in every one of the formats."""
    return {"stem": stem, "widths": made.widths_px, "formats": made.formats}


def _render(data: bytes, recipe: Recipe, isolate: bool = True) -> Rendered:
    try:
        return renditions.render(data, recipe) if isolate else make_renditions(data, recipe)
    except PhotoRefused as refusal:
        raise _in_words(refusal) from None
    except RenderInterrupted:
        raise RenderInterrupted(_("Work on the photo was interrupted.")) from None


def _in_words(refusal: PhotoRefused) -> PhotoRefused:
    return type(refusal)(str(_(refusal.sentence)))


def _refuse_transaction() -> None:
    if db.session.info.get("writing"):
        raise RuntimeError("no image work inside writing(): everybody else's writes would wait")


# --- pictures that belong to no vehicle ------------------------------------------------------


def store_picture(data: bytes, *, recipe: Recipe = FULL, isolate: bool = True) -> dict[str, Any]:
    """Store a picture for a banner or a store and return what its `photo` column holds: stem,
    widths, formats, width_px, height_px, color. Call it with no transaction open.

    Raises a PhotoRefused with a sentence, and core.storage.StorageFailed.
    """
    _refuse_transaction()
    made = _render(data, recipe, isolate)
    # A folder of its own: the sweeper knows only the vehicles' photos.
    stem = f"picture/{stem_of(hashlib.sha256(data).hexdigest())}"
    _put_files(stem, made)
    return {
        **_listing(stem, made),
        "width_px": made.width_px,
        "height_px": made.height_px,
        "color": made.color,
    }


# --- order and removal -----------------------------------------------------------------------


def reorder(vehicle: Vehicle, photo_ids: Sequence[int]) -> bool:
    """Put the photos of `vehicle` in this order, the first being the cover; True if it changed.

    Raises OrderMismatch unless each of its photos is named once.
    """
    by_id = {photo.id: photo for photo in vehicle.photos}
    if sorted(by_id) != sorted(photo_ids):
        raise OrderMismatch(_("The photos changed meanwhile. Load the page again."))
    return set_order(vehicle, [by_id[photo_id] for photo_id in photo_ids])


def set_order(vehicle: Vehicle, photos: Sequence[Photo]) -> bool:
    """Make `photos` those of `vehicle`, in this order; True if anything changed."""
    if list(vehicle.photos) == list(photos):
        return False
    for position, photo in enumerate(photos):
        photo.position = position
    vehicle.photos[:] = photos
    touch([vehicle])
    return True


def remove_photo(photo: Photo) -> None:
    """Take `photo` off its vehicle for good. The files stay for other rows that show the same
    picture; the sweeper removes them when there is none."""
    vehicle = photo.vehicle
    set_order(vehicle, [other for other in vehicle.photos if other is not photo])


# --- in the background -----------------------------------------------------------------------


def fetch_photo(payload: dict[str, Any]) -> Record | None:
    """Handler: read the photo `photo_id` from its address. What cannot be read or used is noted
    at the photo in words; what may pass (a server that is down) is tried again."""
    photo_id = int(payload["photo_id"])
    photo = db.session.get(Photo, photo_id)
    url = photo.source_url if photo is not None and photo.state == "waiting" else ""
    db.session.rollback()
    if not url:
        return None
    try:
        prepared = prepare_photo(_fetched(url))
    except (PhotoRefused, AddressRefused, TooLarge) as refusal:
        return partial(_give_up, [photo_id], str(refusal))
    except FetchFailed as failure:
        if failure.status is not None and _is_final(failure.status):
            return partial(_give_up, [photo_id], str(failure))
        _note(photo_id, str(failure))
        raise
    return partial(_arrive, photo_id, prepared)


def _fetched(url: str) -> bytes:
    answer = fetch(
        url,
        max_bytes=BYTES_MAX,
        accept=ACCEPT,
        allow_private=settings.current().allow_private_urls,
        timeout_seconds=FETCH_SECONDS,
    )
    with answer.file:
        if answer.size_bytes > BYTES_MAX:  # packed it was smaller
            raise _in_words(TooManyBytes())
        return answer.read()


def _is_final(status: int) -> bool:
    return 400 <= status < 500 and status not in PASSING_STATUS


def _arrive(photo_id: int, prepared: PreparedPhoto) -> None:
    photo = db.session.get(Photo, photo_id, with_for_update=True)
    if photo is None or photo.state != "waiting":
        return  # removed, or another run was first
    _fill(photo, prepared)
    _ask_for_the_rest(prepared)
    touch([photo.vehicle])


def _note(photo_id: int, reason: str) -> None:
    """Say at the photo why it is not there yet."""
    with writing() as session:
        photo = session.get(Photo, photo_id)
        if photo is not None and photo.state == "waiting":
            photo.error = reason[:ERROR_LENGTH]


def _give_up(photo_ids: Sequence[int], reason: str) -> None:
    """Park photos with the reason. A quick rendition that exists goes on being shown."""
    photos = db.session.scalars(
        sa.select(Photo).where(Photo.id.in_(photo_ids), Photo.state.in_(["waiting", "stored"]))
    )
    for photo in photos:
        photo.state = "failed"
        photo.error = reason[:ERROR_LENGTH]
    db.session.flush()


def render_photo(payload: dict[str, Any]) -> Record | None:
    """Handler: make every rendition of the photo with `digest`, for all rows that show it."""
    digest = str(payload["digest"])
    rows = db.session.execute(
        sa.select(Photo.id, Photo.original_key).where(
            Photo.digest == digest, Photo.state == "stored"
        )
    ).all()
    db.session.rollback()
    if not rows:
        return None
    photo_ids = [row.id for row in rows]
    try:
        with storage().open(rows[0].original_key, public=False) as file:
            made = _render(file.read(), FULL)
    except (PhotoRefused, NoSuchFile) as refusal:
        return partial(_give_up, photo_ids, str(refusal))
    stem = stem_of(digest)
    _put_files(stem, made)
    return partial(_complete, digest, _listing(stem, made))


def _complete(digest: str, listing: dict[str, Any]) -> None:
    """In two statements however many rows show the picture. The vehicles' `updated_at` stays: it
    tells of content, and these are the same pictures in more sizes."""
    waiting = sa.and_(Photo.digest == digest, Photo.state == "stored")
    db.session.execute(
        sa.update(Vehicle)
        .where(Vehicle.id.in_(sa.select(Photo.vehicle_id).where(waiting)))
        .values(stock_seq=advance()),
        execution_options={"synchronize_session": False},
    )
    db.session.execute(
        sa.update(Photo).where(waiting).values(renditions=listing, state="ready", error=""),
        execution_options={"synchronize_session": False},
    )


def sweep_orphan_media(_payload: dict[str, Any]) -> None:
    """Handler: remove photo files that no row names and that nobody stored for a day."""
    cutoff = now() - ORPHAN_AGE
    with writing() as session:
        session.execute(
            sa.delete(RemovedPhoto).where(RemovedPhoto.removed_at < now() - REMOVED_KEPT),
            execution_options={"synchronize_session": False},
        )
    for is_public in (True, False):
        # Folder by folder: a large stock has millions of files.
        files = storage().files(public=is_public)
        for folder, group in groupby(files, key=lambda file: file.key.partition("/")[0]):
            old = [file.key for file in group if file.modified_at < cutoff]
            if PHOTO_FOLDER.fullmatch(folder):
                _sweep(folder, old, is_public, cutoff)
            elif folder in PASSING_FOLDERS and not is_public:
                for key in old:
                    storage().delete(key, public=False, unless_put_since=cutoff)
    storage().drop_unfinished(cutoff)


def _sweep(folder: str, old: Sequence[str], is_public: bool, cutoff: datetime) -> None:
    if not old:
        return
    # Asked after listing: a row written since then put its files anew, or shares those of a row
    # that this query sees (LenderGone otherwise).
    used = _names_in_use(folder)
    for key in old:
        name = key.rpartition("-")[0] if is_public else key
        if name not in used:
            storage().delete(key, public=is_public, unless_put_since=cutoff)


def _names_in_use(folder: str) -> set[str]:
    """Stems and originals of the rows whose digest begins with `folder`."""
    rows = db.session.execute(
        sa.select(Photo.original_key, Photo.renditions).where(
            Photo.digest >= folder, Photo.digest < folder + "g"
        )
    )
    removed = db.session.scalars(
        sa.select(RemovedPhoto.facts).where(
            RemovedPhoto.digest >= folder, RemovedPhoto.digest < folder + "g"
        )
    )
    used = set()
    for original_key, listing in rows:
        used.update({original_key, listing.get("stem", "")})
    for facts in removed:
        used.update({facts["original_key"], facts["renditions"].get("stem", "")})
    db.session.rollback()
    return used


JOBS = {
    "fetch_photo": fetch_photo,
    "render_photo": render_photo,
    "sweep_orphan_media": sweep_orphan_media,
}
