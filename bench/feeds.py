"""Feeds that portals fetch, against a bare join of the same pieces, ready, written to a file.

Each row is CPU time: the whole feed made of nothing, made anew after one car changed, and fetched
unchanged through the application, plain, packed and as a 304. The peak of memory is measured in a
process of its own, and so is what that process needs before it begins.
"""

import multiprocessing
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

from flask import Flask

from app import create_app
from bench.stocked import hang_up_photos, stocked
from bench.timing import KIB, Measured, alternated, timed_us
from core.db import db, writing
from integrators import accounts
from integrators.feeds.addresses import of_account
from integrators.feeds.building import current_file
from integrators.feeds.feed import Feed
from integrators.feeds.names import DIALECTS
from inventory.models import Vehicle
from inventory.stock_version import touch

NAME: Final = "estoque.xml"
LIMIT: Final = 3.0
SMALLEST: Final = 50_000  # cars; with fewer the transaction of the change costs more than the file
MIB: Final = 1024


def feeds(size: int) -> Iterator[Measured]:
    """Every way to a feed of `size` cars."""
    with stocked(size) as app, app.app_context():
        hang_up_photos()
        with writing():
            row, token = accounts.register("generic", "Portal", {})
            account_id = row.id
        accounts.forget_copies()
        yield from _measured(app, size, account_id, f"/feeds/{token}/{NAME}")


def _measured(app: Flask, size: int, account_id: int, path: str) -> Iterator[Measured]:
    peak_kb, least_kb = _in_a_fresh_process(app, account_id)
    pieces = _pieces(account_id)
    joined = Path(app.extensions["vitrine"].instance_dir) / "joined"
    numbers = iter(range(10**6))

    def join() -> None:
        joined.write_bytes(b"".join(pieces))

    def change_and_make() -> None:
        with writing() as session:
            vehicle = session.get(Vehicle, 1 + (next(numbers) * 7919) % size)
            assert vehicle is not None
            vehicle.mileage_km = (vehicle.mileage_km or 0) + 1
            touch([vehicle])
        _make(account_id)

    def make_of_nothing() -> None:
        _feed(account_id).path.unlink()
        _make(account_id)

    join_us = timed_us(join, 0.5)
    against = "join of ready pieces, written"
    whole_us = timed_us(make_of_nothing, 0)
    note = f"{len(pieces):,} cars, {sum(map(len, pieces)) / MIB**2:.0f} MiB"
    yield Measured(f"{NAME} made of nothing", size, whole_us, join_us, against, note=note)
    anew_us, join_us = alternated(change_and_make, join, rounds=5, least=0)
    limit = LIMIT if size >= SMALLEST else None
    yield Measured(f"{NAME} after one change", size, anew_us, join_us, against, limit)
    tag = app.test_client().get(path).headers["ETag"]
    for name, headers in (
        ("fetched unchanged", {}),
        ("fetched unchanged, packed", {"Accept-Encoding": "gzip"}),
        ("fetched unchanged, 304", {"If-None-Match": tag}),
    ):
        ours_us, join_us = alternated(_pull(app, path, headers), join, rounds=5, least=0.2)
        yield Measured(f"{NAME} {name}", size, ours_us, join_us, against, LIMIT)
    yield Measured(
        f"{NAME} made: peak memory", size, peak_kb, least_kb,
        "the same process before",
        note=f"{(peak_kb - least_kb) / MIB:+.0f} MiB for {size:,} cars", unit=KIB,
    )  # fmt: skip


def _pull(app: Flask, path: str, headers: dict[str, str]) -> Callable[[], int]:
    client = app.test_client()

    def pull() -> int:
        """As a server does it: piece by piece, none kept."""
        with client.get(path, headers=headers) as answer:
            return sum(len(piece) for piece in answer.iter_encoded())

    return pull


def _feed(account_id: int) -> Feed:
    opened = of_account(account_id)
    assert opened is not None
    db.session.rollback()
    return Feed.of(opened, DIALECTS[NAME])


def _make(account_id: int) -> None:
    current_file(_feed(account_id)).close()


def _pieces(account_id: int) -> list[bytes]:
    with current_file(_feed(account_id)) as file:
        return [
            piece
            for block in file.blocks.values()
            for _entry, piece in file.pieces(block, b"").values()
        ]


def _in_a_fresh_process(app: Flask, account_id: int) -> tuple[int, int]:
    """(peak of memory, what there was before the feed was made), in KB."""
    config = app.extensions["vitrine"]
    where = {name: getattr(config, name) for name in ("instance_dir", "database_url", "media_dir")}
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(_peak, where, account_id).result()


def _peak(where: dict[str, Any], account_id: int) -> tuple[int, int]:
    app = create_app(**where, log_level="error")
    with app.app_context():
        least = _high_water_kb()
        _make(account_id)
        return _high_water_kb(), least


def _high_water_kb() -> int:
    # Not getrusage: its peak is also that of the process which started this one.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])
