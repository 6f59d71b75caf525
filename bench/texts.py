"""The sitemap, and the export that staff take, against a bare join of the same bytes.

The join has every row ready in memory, as bytes; ours goes the whole way through the application.
The list that portals take again and again is the feed (`bench.feeds`), made of ready pieces. Staff
take an export now and then, read from the database row by row so that it needs no memory: its cost
is told and has no limit.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from flask import Flask

from bench.pages import caller
from bench.stocked import stocked
from bench.timing import Measured, alternated, timed_us
from core.db import db, writing
from inventory import exporting
from inventory.models import Vehicle
from inventory.stock_version import touch

LIMIT: Final = 3.0
SMALLEST: Final = 50_000  # cars; the join of a few is as quick as the request for them
AGAINST: Final = "join of the ready rows"
MIB: Final = 1024 * 1024


def texts(size: int) -> Iterator[Measured]:
    """Sitemap and exports of `size` cars."""
    with stocked(size, photos=True) as app:
        yield from _sitemap(app, size)
        with app.app_context():
            for name, export in (
                ("staff export, CSV", exporting.export_csv),
                ("staff export, JSON lines", exporting.export_jsonl),
            ):
                yield _exported(name, size, export)


def _sitemap(app: Flask, size: int) -> Iterator[Measured]:
    files = re.findall(r"/sitemap-ofertas-\d+\.xml", caller(app, "/sitemap.xml")().decode())
    calls = [caller(app, path) for path in files]
    first_us = timed_us(lambda: [call() for call in calls], 0)
    rows = [call().splitlines(keepends=True) for call in calls]

    def ours() -> None:
        for call in calls:
            call()

    def join() -> None:
        for file in rows:
            b"".join(file)

    numbers = iter(range(10**6))

    def change_one() -> None:
        with app.app_context(), writing() as session:
            touch([session.get_one(Vehicle, 1 + (next(numbers) * 7919) % size)])

    def change_and_make() -> None:
        change_one()
        ours()

    ours_us, join_us = alternated(ours, join, rounds=5)
    weight = sum(len(row) for file in rows for row in file) / MIB
    note = f"{len(files)} files, {weight:.1f} MiB; the first time {first_us / 1e6:.2f} s"
    limit = LIMIT if size >= SMALLEST else None
    yield Measured("sitemap of the offers", size, ours_us, join_us, AGAINST, limit, note)
    changed_us, join_us = alternated(change_and_make, join, rounds=5)
    yield Measured("sitemap after one change", size, changed_us, join_us, AGAINST)


def _exported(name: str, size: int, export: Callable[[], Iterator[str]]) -> Measured:
    pieces = [piece.encode() for piece in export()]
    db.session.rollback()

    def ours() -> None:
        for piece in export():
            piece.encode()
        db.session.rollback()

    ours_us, join_us = alternated(ours, lambda: b"".join(pieces), rounds=3, least=0.02)
    note = f"{sum(map(len, pieces)) / MIB:.1f} MiB, {ours_us / size:.0f} us a car"
    return Measured(name, size, ours_us, join_us, AGAINST, note=note)
