"""The offers' part of the sitemap, kept ready: a row of bytes per car, made anew when it changes.

A file holds the cars of one range of ids, so that a car stays in its file and what leaves one file
moves nothing in the others. Its tag comes from the database (the last stock version that touched
the range, and how many are listed), so it is the same in every process and after a restart.
"""

import gzip
import json
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from xml.sax.saxutils import escape

import sqlalchemy as sa
from flask import current_app

from core.clock import now
from core.config import current
from core.db import db
from inventory import search
from inventory.models import Photo, Vehicle

# A sitemap file may hold 50,000 addresses (sitemaps.org); a fifth of that keeps files light.
IDS_PER_FILE: Final = 10_000
BATCH: Final = 500
IMAGES_EACH: Final = 10
IMAGE_PX: Final = 1200  # wide enough for what search engines show large
GZIP_LEVEL: Final = 5
HEAD: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    b' xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">\n'
)
TAIL: Final = b"</urlset>\n"


@dataclass
class OfferFile:
    """One file of offers: the range of ids it is about, the listed ones among them in order, the
    tag of what it says, and when that last changed."""

    range_number: int
    ids: list[int]
    tag: str
    changed_at: datetime
    rows: list[bytes] | None = None  # of `ids`, once they are all made
    packed: bytes = b""  # in gzip, once somebody asked for it


@dataclass(frozen=True)
class _Range:
    seq: int
    changed_at: datetime


class OfferRows:
    """The rows of all listed offers, as this process knows them. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._version = -1
        self._rows: dict[int, bytes] = {}
        self._ranges: dict[int, _Range] = {}
        self._files: list[OfferFile] = []

    def files(self) -> list[OfferFile]:
        """The files of this moment, in order."""
        version = search.version()
        if version != self._version:
            with self._lock:
                if version != self._version:
                    self._catch_up(version)
        return self._files

    def _catch_up(self, version: int) -> None:
        """Forget the rows of cars that changed and share out the listed ones anew."""
        changed: Sequence[int] = ()
        if self._version >= 0:
            changed = db.session.scalars(
                sa.select(Vehicle.id).where(Vehicle.stock_seq > self._version)
            ).all()
        for number in changed:
            self._rows.pop(number, None)
        touched = {_range_of(number) for number in changed} if self._version >= 0 else None
        self._ranges.update(_read_ranges(touched))
        known = {file.range_number: file for file in self._files}
        files = []
        for number, ids in _shared_out(search.listed_ids("id")):
            range_ = self._ranges.get(number) or _Range(0, now())
            tag = f"{number}-{range_.seq}-{len(ids)}"
            file = known.get(number)
            if file is None or file.tag != tag or file.ids != ids:
                file = OfferFile(number, ids, tag, range_.changed_at)
            files.append(file)
        self._files, self._version = files, version

    def whole(self, file: OfferFile) -> bytes:
        """The XML of `file` in one piece."""
        rows = file.rows
        if rows is None:
            missing = [number for number in file.ids if number not in self._rows]
            made = self._made(missing) if missing else {}
            with self._lock:
                found = self._rows
                rows = [found.get(number) or made.get(number, b"") for number in file.ids]
            file.rows = rows
        return b"".join((HEAD, *rows, TAIL))

    def pieces(self, file: OfferFile) -> Iterator[bytes]:
        """The XML of `file`, piece by piece as its rows are made."""
        yield HEAD
        for start in range(0, len(file.ids), BATCH):
            ids = file.ids[start : start + BATCH]
            ready = {number: self._rows.get(number) for number in ids}
            made = self._made([number for number in ids if ready[number] is None])
            yield b"".join(ready[number] or made.get(number, b"") for number in ids)
        yield TAIL

    def _made(self, ids: Sequence[int]) -> dict[int, bytes]:
        """Rows for `ids`, kept unless the stock moved on meanwhile."""
        version, made = self._version, {}
        for start in range(0, len(ids), BATCH):
            made.update(_rows_of(ids[start : start + BATCH]))
        with self._lock:
            if version == self._version:
                self._rows.update(made)
        return made

    def packed(self, file: OfferFile) -> bytes:
        """`whole`, in gzip, made once for each state of the file."""
        if not file.packed:
            file.packed = gzip.compress(self.whole(file), GZIP_LEVEL, mtime=0)
        return file.packed

    def is_ready(self, file: OfferFile) -> bool:
        """Whether hardly any row of `file` has to be made first."""
        return file.rows is not None or (
            sum(1 for number in file.ids if number not in self._rows) <= BATCH
        )


def offer_rows() -> OfferRows:
    """The rows of the running application."""
    rows: OfferRows = current_app.extensions.setdefault("vitrine_sitemap_rows", OfferRows())
    return rows


def offers_xml(number: int) -> bytes:
    """What `/sitemap-ofertas-<number>.xml` says, in one piece."""
    rows = offer_rows()
    return rows.whole(rows.files()[number - 1])


def instant(moment: datetime) -> str:
    """`moment` as `lastmod` says it; never in the future."""
    return min(moment, now()).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _range_of(vehicle_id: int) -> int:
    return (vehicle_id - 1) // IDS_PER_FILE


def _shared_out(ids: list[int]) -> Iterator[tuple[int, list[int]]]:
    """`ids`, which are sorted, by the range they are in."""
    start = 0
    while start < len(ids):
        number = _range_of(ids[start])
        end = bisect_right(ids, (number + 1) * IDS_PER_FILE, lo=start)
        yield number, ids[start:end]
        start = end


def _read_ranges(numbers: Iterable[int] | None) -> dict[int, _Range]:
    """What last changed in these ranges of ids, sold cars and all; None: in every range."""
    place = (Vehicle.id - 1) // IDS_PER_FILE
    query = (
        sa.select(
            place.label("place"),
            sa.func.max(Vehicle.stock_seq),
            sa.func.max(Vehicle.updated_at),
            sa.func.max(Vehicle.state_changed_at),
        )
        .where(Vehicle.published_at.is_not(None))
        .group_by(place)
    )
    if numbers is not None:
        bounds = [(n * IDS_PER_FILE + 1, (n + 1) * IDS_PER_FILE) for n in sorted(numbers)]
        if not bounds:
            return {}
        query = query.where(sa.or_(*(Vehicle.id.between(low, high) for low, high in bounds)))
    return {row[0]: _Range(row[1], max(row[2], row[3])) for row in db.session.execute(query).all()}


_FACTS: Final = sa.select(Vehicle.id, Vehicle.slug, Vehicle.public_id, Vehicle.updated_at).where(
    Vehicle.id.in_(sa.bindparam("ids", expanding=True))
)
_PHOTOS: Final = (
    sa.select(Photo.vehicle_id, sa.cast(Photo.renditions, sa.Text))
    .where(Photo.vehicle_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(Photo.vehicle_id, Photo.position, Photo.id)
)


def _rows_of(ids: Sequence[int]) -> dict[int, bytes]:
    """The rows of cars as the database has them. Two statements."""
    base = escape(current().base_url)
    images: dict[int, list[str]] = {}
    for vehicle_id, text in db.session.execute(_PHOTOS, {"ids": list(ids)}):
        kept = images.setdefault(vehicle_id, [])
        renditions = json.loads(text) if text and len(kept) < IMAGES_EACH else None
        if renditions:
            kept.append(f"{base}/media/{escape(_picture(renditions))}")
    rows = {}
    for number, slug, public_id, updated_at in db.session.execute(_FACTS, {"ids": list(ids)}):
        pictures = "".join(
            f"<image:image><image:loc>{address}</image:loc></image:image>"
            for address in images.get(number, ())
        )
        rows[number] = (
            f"<url><loc>{base}/oferta/{escape(slug)}-{public_id}</loc>"
            f"<lastmod>{instant(updated_at)}</lastmod>{pictures}</url>\n"
        ).encode()
    return rows


def _picture(renditions: dict[str, Any]) -> str:
    width = next((w for w in renditions["widths"] if w >= IMAGE_PX), renditions["widths"][-1])
    return f"{renditions['stem']}-{width}.jpg"
