"""Photos of the car that somebody wants valued: kept in private, before the lead itself is.

They come from strangers' phones, with the place where they were taken. As they came they are
stored under `leads/<submission id>/<number>`, which no address reaches; a job then draws each one
anew in the confined child process, without metadata, as `….jpg`, and deletes the original. What
is no photo is deleted and noted at the lead, which stays a lead. Files that no lead names (the
process died before the submission was kept) are swept a day later.
"""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
import structlog
from werkzeug.datastructures import FileStorage

from core.clock import now
from core.config import current
from core.db import db
from core.health import disk_has_room
from core.storage import NoSuchFile, StorageFailed, storage
from inventory.renditions import PhotoRefused, Recipe, render
from jobs.queue import HEAVY, enqueue
from leads.capture import spool
from leads.forms import MOST_PHOTOS, PHOTO_BYTES_MAX
from leads.models import Enquiry, Submission

FOLDER: Final = "leads"
CHECKED: Final = ".jpg"
ORPHAN_AGE: Final = timedelta(hours=24)
READABLE: Final = Recipe((1280,), ("jpg",))  # enough to see a scratch
_ID: Final = re.compile(r"[0-9a-f]{32}")

log = structlog.get_logger("vitrine.leads")


def keep_uploads(submission_id: str, uploads: Sequence[FileStorage]) -> dict[str, Any]:
    """Store the photos of a submission that is about to be kept, and say so in its details:
    `photos` are keys, `photos_lost` counts those that did not come in (too many, too large,
    empty, or the store of files refused). A disk that is nearly full takes none: strangers' files
    must not cost the leads after them. Call it with no transaction open; it never raises for
    a photo's sake."""
    if not uploads:
        return {}
    keys = []
    has_room = bool(current().media_url) or disk_has_room(current().media_dir)()
    for number, file in enumerate(uploads[:MOST_PHOTOS] if has_room else (), 1):
        key = f"{FOLDER}/{submission_id}/{number}"
        data = file.stream.read(PHOTO_BYTES_MAX + 1)
        if not 0 < len(data) <= PHOTO_BYTES_MAX:
            continue
        try:
            storage().put(key, data, content_type="application/octet-stream", public=False)
        except StorageFailed as error:
            log.error("lead_photo_not_stored", error=type(error).__name__)
            continue
        keys.append(key)
    lost = len(uploads) - len(keys)
    return {
        **({"photos": keys} if keys else {}),
        **({"photos_lost": lost} if lost else {}),
    }


def ask_for_check(enquiry: Enquiry) -> None:
    """Have the photos of `enquiry` drawn anew, if it brought any. Inside `writing()`."""
    if enquiry.details.get("photos"):
        enqueue(
            "check_lead_photos",
            {"enquiry_id": enquiry.id},
            dedup_key=str(enquiry.id),
            priority=HEAVY,
        )


def check_lead_photos(payload: dict[str, Any]) -> Callable[[], None] | None:
    """Handler: draw the photos of `enquiry_id` anew, without their metadata, and put aside what
    is no photo."""
    enquiry = db.session.get(Enquiry, int(payload["enquiry_id"]))
    keys = list(enquiry.details.get("photos", [])) if enquiry else []
    db.session.rollback()
    waiting = [key for key in keys if _is_ours(key) and not key.endswith(CHECKED)]
    if not waiting:
        return None
    refused = {key: reason for key in waiting if (reason := _refusal(key))}
    return partial(_record, int(payload["enquiry_id"]), waiting, refused)


def _is_ours(key: Any) -> bool:
    return isinstance(key, str) and key.startswith(f"{FOLDER}/")


def _refusal(key: str) -> str:
    """Redraw the photo at `key`; the name of what is wrong with it, or empty. The original goes
    last, so that a second run finds either it or what was made of it."""
    store = storage()
    try:
        with store.open(key, public=False) as file:
            made = render(file.read(), READABLE)
    except NoSuchFile:
        return "" if store.exists(key + CHECKED, public=False) else "NoSuchFile"
    except PhotoRefused as refusal:
        store.delete(key, public=False)
        return type(refusal).__name__
    (picture,) = made.files.values()
    store.put(key + CHECKED, picture, content_type="image/jpeg", public=False)
    store.delete(key, public=False)
    return ""


def _record(enquiry_id: int, waiting: Sequence[str], refused: dict[str, str]) -> None:
    enquiry = db.session.get(Enquiry, enquiry_id, with_for_update=True, populate_existing=True)
    if enquiry is None:
        return
    photos = [
        key + CHECKED if key in waiting else key
        for key in enquiry.details.get("photos", [])
        if key not in refused
    ]
    noted = {**enquiry.details.get("photos_refused", {}), **_by_number(refused)}
    enquiry.details = {
        **enquiry.details,
        "photos": photos,
        **({"photos_refused": noted} if noted else {}),
    }


def _by_number(refused: dict[str, str]) -> dict[str, str]:
    return {key.rpartition("/")[2]: reason for key, reason in refused.items()}


def checked_photos(enquiry: Enquiry) -> list[str]:
    """Keys of the photos of `enquiry` that were drawn anew and may be looked at, in order."""
    keys = enquiry.details.get("photos")
    return [key for key in keys if _is_ours(key) and key.endswith(CHECKED)] if keys else []


def read_photo(enquiry: Enquiry, number: int) -> bytes | None:
    """The checked photo `number` (from 1) of `enquiry` as a JPEG; None when there is none."""
    keys = checked_photos(enquiry)
    if not 1 <= number <= len(keys):
        return None
    try:
        with storage().open(keys[number - 1], public=False) as file:
            return file.read()
    except NoSuchFile:
        return None


def sweep_lead_photos(_payload: dict[str, Any]) -> None:
    """Handler: delete photos stored a day ago that no lead names: their submission never arrived,
    or the same form was sent again after they had been drawn anew."""
    cutoff = now() - ORPHAN_AGE
    store = storage()
    for folder, group in groupby(
        store.files(public=False), key=lambda file: file.key.rpartition("/")[0]
    ):
        top, _slash, submission_id = folder.partition("/")
        if top != FOLDER or not _ID.fullmatch(submission_id):
            continue
        old = [file.key for file in group if file.modified_at < cutoff]
        for key in _unnamed(submission_id, old) if old else ():
            store.delete(key, public=False, unless_put_since=cutoff)


def _unnamed(submission_id: str, keys: Sequence[str]) -> list[str]:
    # The spool first: what is drained meanwhile is in the database by then.
    if spool().find(submission_id):
        return []
    row = db.session.execute(
        sa.select(Submission.id, Enquiry.details)
        .outerjoin(Enquiry, Enquiry.submission_id == Submission.id)
        .where(Submission.id == submission_id)
    ).first()
    db.session.rollback()
    if row is None:
        return list(keys)
    if row.details is None:
        return []  # kept, and not read yet
    named = set(row.details.get("photos", []))
    # What was drawn and is not recorded yet goes by the name of its original.
    return [key for key in keys if key not in named and key.removesuffix(CHECKED) not in named]


JOBS = {"check_lead_photos": check_lead_photos, "sweep_lead_photos": sweep_lead_photos}
