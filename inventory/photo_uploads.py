"""Photos that arrive in pieces: a phone in the yard loses its connection, and goes on where it was.

Each piece is a private file of its own, named by upload and offset, so that a folder and a bucket
serve alike. The row counts what is here: a piece counts only at the offset that the row expects,
so a piece sent twice, or by two tabs, is taken once.

DomainError
├── UploadRefused    an upload that cannot begin or go on, with the reason
├── NoSuchUpload     finished, swept or never begun: begin again
└── WrongOffset      a piece that does not follow; `offset` says which one does
"""

import secrets
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db, writing
from core.errors import DomainError
from core.storage import NoSuchFile, storage
from core.text import clean_line
from inventory.gallery import SLOT_OF, refuse_when_full
from inventory.models import PhotoUpload, Vehicle
from inventory.renditions import BYTES_MAX

PIECE_BYTES: Final = 512 * 1024
KEPT: Final = timedelta(hours=24)
OPEN_BYTES_EACH: Final = 500_000_000  # of one person, announced and not finished
OPEN_BYTES_ALL: Final = 4_000_000_000


class UploadRefused(DomainError):
    """An upload that cannot begin or go on; the sentence says why."""


class NoSuchUpload(DomainError):
    """Finished, swept or never begun: begin again."""


class WrongOffset(DomainError):
    """The piece does not follow what is here. `offset`: the one that would."""

    def __init__(self, offset: int) -> None:
        super().__init__(_("Another piece of this photo is expected."))
        self.offset = offset


def begin(
    vehicle: Vehicle, *, file_name: str, size_bytes: int, slot: str = "", by: str
) -> PhotoUpload:
    """Announce a photo of `size_bytes`. Inside `writing()`. Raises UploadRefused, and
    inventory.gallery's GalleryRefused when the car is full."""
    refuse_when_full(vehicle)
    if size_bytes < 1:
        raise UploadRefused(_("The file is empty. Send the photo again."))
    if size_bytes > BYTES_MAX:
        raise UploadRefused(_("The photo is larger than 25 MB. Send a smaller version."))
    if _open_bytes(by) + size_bytes > OPEN_BYTES_EACH or _open_bytes() > OPEN_BYTES_ALL:
        raise UploadRefused(_("Too many photos are on their way. Wait until some have arrived."))
    upload = PhotoUpload(
        id=secrets.token_hex(16),
        vehicle_id=vehicle.id,
        slot=slot if slot in SLOT_OF else "",
        file_name=clean_line(file_name, 160),
        size_bytes=size_bytes,
        created_by=by,
    )
    db.session.add(upload)
    db.session.flush()
    return upload


def _open_bytes(by: str = "") -> int:
    query = sa.select(sa.func.sum(PhotoUpload.size_bytes)).where(
        PhotoUpload.created_at > now() - KEPT
    )
    return db.session.scalar(query.where(PhotoUpload.created_by == by) if by else query) or 0


def find_upload(upload_id: str, vehicle: Vehicle, *, by: str) -> PhotoUpload:
    """One's own upload for this car. Raises NoSuchUpload."""
    upload = db.session.get(PhotoUpload, upload_id)
    if upload is None or upload.vehicle_id != vehicle.id or upload.created_by != by:
        raise NoSuchUpload(_("This upload is over. Send the photo again."))
    return upload


def receive(upload: PhotoUpload, offset: int, piece: bytes) -> int:
    """Keep the piece that begins at `offset` and return what is here now, in bytes. A door of its
    own: call it outside `writing()`. Raises WrongOffset, UploadRefused and NoSuchUpload."""
    upload_id, size, received = upload.id, upload.size_bytes, upload.received_bytes
    if offset != received:
        raise WrongOffset(received)
    if len(piece) != min(PIECE_BYTES, size - offset):
        raise UploadRefused(_("The photo arrived incomplete or damaged. Send it again."))
    storage().put(
        _key(upload_id, offset), piece, content_type="application/octet-stream", public=False
    )
    with writing() as session:
        here = session.scalar(
            sa.update(PhotoUpload)
            .where(PhotoUpload.id == upload_id, PhotoUpload.received_bytes == offset)
            .values(received_bytes=offset + len(piece))
            .returning(PhotoUpload.received_bytes)
            .execution_options(synchronize_session=False)
        )
        if here is None:
            row = session.get(PhotoUpload, upload_id, populate_existing=True)
            if row is None:
                raise NoSuchUpload(_("This upload is over. Send the photo again."))
            raise WrongOffset(row.received_bytes)
    return int(here)


def whole(upload: PhotoUpload) -> bytes:
    """The photo, put together. Raises WrongOffset while pieces are missing, NoSuchUpload when
    they were swept."""
    if upload.received_bytes < upload.size_bytes:
        raise WrongOffset(upload.received_bytes)
    pieces = []
    for offset in range(0, upload.size_bytes, PIECE_BYTES):
        try:
            with storage().open(_key(upload.id, offset), public=False) as file:
                pieces.append(file.read())
        except NoSuchFile:
            raise NoSuchUpload(_("This upload is over. Send the photo again.")) from None
    return b"".join(pieces)


def forget(upload_id: str, size_bytes: int) -> None:
    """Remove the pieces of an upload whose row is gone. Outside `writing()`."""
    for offset in range(0, size_bytes, PIECE_BYTES):
        storage().delete(_key(upload_id, offset), public=False)


def _key(upload_id: str, offset: int) -> str:
    return f"upload/{upload_id}/{offset:09d}"


def sweep_uploads(_payload: dict[str, Any]) -> None:
    """Handler: give up uploads that did not finish within a day, pieces included."""
    rows = db.session.execute(
        sa.select(PhotoUpload.id, PhotoUpload.size_bytes).where(
            PhotoUpload.created_at < now() - KEPT
        )
    ).all()
    db.session.rollback()
    if not rows:
        return
    with writing() as session:
        session.execute(
            sa.delete(PhotoUpload).where(PhotoUpload.id.in_([row.id for row in rows])),
            execution_options={"synchronize_session": False},
        )
    for row in rows:
        forget(row.id, row.size_bytes)


JOBS = {"sweep_uploads": sweep_uploads}
