"""The rows of the table: one function each, against a reference built in the same run."""

import io
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image
from pyroaring import BitMap

from bench.candidates import candidates
from bench.desk import desk
from bench.feeds import feeds
from bench.leads import leads, webhook
from bench.live import live
from bench.pages import growth, pages
from bench.portals import portals
from bench.staff import staff
from bench.stocked import stocked
from bench.synthetic import columns
from bench.texts import texts
from bench.timing import Measured, alternated, cycled
from bench.web import web
from core.db import db, writing
from inventory.models import Vehicle
from inventory.renditions import FULL, make_renditions, widths_for
from inventory.search import FACETS, PAGE_SIZE, OfferFilter, StockIndex
from inventory.search.answer import answer
from inventory.search.engine import Snapshot
from inventory.stock_version import touch

FILTERS = 40  # the mix of filter sets, as a buyer's clicks make it


def filters(stock: Snapshot) -> list[OfferFilter]:
    """Make and fuel, one of them, or none, price order: what the bare engine also answers."""
    dice = random.Random(5)
    makes = [value for value, _count in stock.counts("make", stock.live)]
    fuels = [value for value, _count in stock.counts("fuel", stock.live)]
    found = []
    for number in range(FILTERS):
        make, fuel = (dice.choice(makes),), (dice.choice(fuels),)
        wanted = OfferFilter(sort="price_asc")
        if number % 4 != 0:
            wanted = replace(wanted, makes=make)
        if number % 4 in {0, 2} and number % 8:
            wanted = replace(wanted, fuels=fuel)
        found.append(wanted)
    return found


class BareEngine:
    """Bitmaps per value and one order: page, total and all counts, nothing else. No labels, no
    ranges, no text, no pages beyond the first."""

    def __init__(self, stock: Snapshot) -> None:
        self.live = stock.live
        self.values = {facet: dict(stock.attributes[facet]) for facet in FACETS}
        self.order = [int(slot) for slot in stock.orders["price_asc"]]

    def answer(self, wanted: OfferFilter) -> tuple[list[int], int, dict[str, list[int]]]:
        masks = {
            facet: BitMap.union(*(self.values[facet][value] for value in wanted.chosen(facet)))
            for facet in FACETS
            if wanted.chosen(facet)
        }
        result = self._both(masks, "")
        counts = {
            facet: [base.intersection_cardinality(bits) for bits in self._shown(facet, wanted)]
            for facet in FACETS
            for base in [self._both(masks, facet) if facet in masks else result]
        }
        page: list[int] = []
        for slot in self.order:
            if slot in result:
                page.append(slot)
                if len(page) == PAGE_SIZE:
                    break
        return page, len(result), counts

    def _both(self, masks: dict[str, BitMap], leave_out: str) -> BitMap:
        found = None
        for facet, bits in masks.items():
            if facet != leave_out:
                found = bits if found is None else found & bits
        return self.live if found is None else found

    def _shown(self, facet: str, wanted: OfferFilter) -> list[BitMap]:
        values = self.values[facet]
        if facet != "model":
            return list(values.values())
        return [bits for value, bits in values.items() if value.partition("/")[0] in wanted.makes]


def facet_engine(size: int) -> Iterator[Measured]:
    """Page, total and all facet counts."""
    stock = Snapshot.of(columns(size), 1)
    bare = BareEngine(stock)
    mix = filters(stock)
    for wanted in mix:
        ours, theirs = answer(wanted, stock), bare.answer(wanted)
        assert ours.total == theirs[1], wanted
        shown = {c.value: c.count for c in ours.facets["fuel"]}
        assert sum(shown.values()) == sum(theirs[2]["fuel"]), wanted
    ours_us, bare_us = alternated(
        cycled([lambda w=wanted: answer(w, stock) for wanted in mix]),
        cycled([lambda w=wanted: bare.answer(w) for wanted in mix]),
    )
    yield Measured(
        "page + total + facet counts", size, ours_us / FILTERS, bare_us / FILTERS,
        "bare pyroaring engine, same facets", 2.0,
    )  # fmt: skip
    texts = [OfferFilter(text=text) for text in ("onix", "gol 2019", "suv automatico ate 90 mil")]
    applied = [answer(wanted, stock).applied for wanted in texts]
    with_text, without = alternated(
        cycled([lambda w=wanted: answer(w, stock) for wanted in texts]),
        cycled([lambda w=wanted: answer(w, stock) for wanted in applied]),
    )
    yield Measured(
        "text understood + the same", size, with_text / len(texts), without / len(texts),
        "the same filters without text",
    )  # fmt: skip


def index_build(size: int) -> Iterator[Measured]:
    """The whole index out of a database, and after one changed vehicle."""
    with stocked(size) as app, app.app_context():
        path = db.engine.url.database or ""

        def read_rows() -> list[Any]:
            with sqlite3.connect(path) as connection:
                return connection.execute("SELECT * FROM vehicle").fetchall()

        build_us, read_us = alternated(
            lambda: StockIndex(db.engine, 0).snapshot(), read_rows, rounds=3, least=0
        )
        yield Measured("index built from SQLite", size, build_us, read_us, "SELECT * of the stock")
        index = StockIndex(db.engine, 0)
        index.snapshot()
        numbers = iter(range(10**6))

        def change_one() -> None:
            with writing() as session:
                vehicle = session.get(Vehicle, 1 + next(numbers) % size)
                assert vehicle is not None
                vehicle.mileage_km = (vehicle.mileage_km or 0) + 1
                touch([vehicle])

        def change_and_see() -> None:
            change_one()
            index.snapshot()

        seen_us, change_us = alternated(change_and_see, change_one, rounds=5, least=0.2)
        yield Measured(
            "one change, stored and searchable", size, seen_us, change_us, "the change stored"
        )


def photo(_size: int) -> Iterator[Measured]:
    """All renditions of a 12-megapixel photo against a bare loop of the same encodes."""
    noise = np.random.default_rng(1).integers(0, 255, (75, 100, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((4000, 3000), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    data = out.getvalue()

    def bare() -> None:
        image = Image.open(io.BytesIO(data))
        widths = sorted(widths_for(FULL, image.width), reverse=True)
        image.draft("RGB", (widths[0], widths[0] * 3 // 4))
        for width in widths:
            image = image.resize((width, width * 3 // 4), Image.Resampling.LANCZOS)
            image.save(io.BytesIO(), "AVIF", quality=55, speed=8)
            image.save(io.BytesIO(), "WEBP", quality=75, method=2)
            image.save(io.BytesIO(), "JPEG", quality=78, progressive=True, optimize=True)

    ours_us, bare_us = alternated(lambda: make_renditions(data, FULL), bare, rounds=3, least=0)
    yield Measured(
        "12-MP photo, all renditions", 12, ours_us, bare_us, "bare loop of the encodes", 1.15
    )


ROWS: dict[str, Callable[[int], Iterator[Measured]]] = {
    "facets": facet_engine,
    "candidates": candidates,
    "index": index_build,
    "pages": pages,
    "web": lambda size: web(size, size),
    "texts": texts,
    "photo": photo,
    "leads": leads,
    "webhook": webhook,
    "staff": staff,
    "desk": desk,
    "live": live,
    "feeds": feeds,
    "portals": portals,
}
ON_REQUEST = {"candidates"}  # settled: measured when named
ONCE = {"photo", "leads", "webhook", "desk", "live"}  # rows that no stock size changes
LARGEST = {"staff", "portals"}  # compares with a small stock of its own
GROWN = {"pages": growth}  # also against the smallest of the stocks
# A larger stock says nothing new about them and takes long.
MOST_VEHICLES = {"staff": 50_000, "portals": 50_000, "feeds": 50_000, "texts": 50_000}


def run(names: Sequence[str], sizes: Sequence[int]) -> Iterator[Measured]:
    """Measure the rows `names` at each of `sizes`, the smallest first."""
    for name in names:
        fitting = [size for size in sizes if size <= MOST_VEHICLES.get(name, size)]
        measured = fitting[:1] if name in ONCE else fitting[-1:] if name in LARGEST else fitting
        for size in measured:
            if name == "web":
                yield from web(size, sizes[0])
            else:
                yield from ROWS[name](size)
            if name in GROWN and size > sizes[0]:
                yield from GROWN[name](size, sizes[0])
