"""The raw reference of a fresh page: Flask, sqlite3 and Jinja that give the very same bytes.

The rows of a list's cards are found by make and fuel in the order of the price, in a table as long
as the stock, through the index that fits; options and the head's words are read by key. Facets are
not counted: their counts stand in rows (`bench.rows.BareEngine` is the reference for counting).
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flask import Flask

from bench.equal_markup import Markup, environment, taken_apart

DATABASE: Final = "raw.db"
PAGE_SIZE: Final = 24
NARROW, WIDE = 4, 48  # values of an option and of a card, at most


def _columns(count: int) -> str:
    return ", ".join(f"v{number}" for number in range(count))


SCHEMA: Final = f"""
CREATE TABLE car (id INTEGER PRIMARY KEY, make TEXT, fuel TEXT, price INTEGER);
CREATE TABLE page (name TEXT PRIMARY KEY, make TEXT, fuel TEXT, html TEXT,
                   words TEXT);
CREATE TABLE option (page TEXT, run INTEGER, place INTEGER, shape INTEGER, {_columns(NARROW)});
CREATE TABLE card (page TEXT, run INTEGER, place INTEGER, car_id INTEGER, shape INTEGER,
                   {_columns(WIDE)});
"""
INDEXES: Final = """
CREATE INDEX car_order ON car (make, fuel, price, id);
CREATE INDEX card_car ON card (car_id, page);
CREATE INDEX card_page ON card (page, run, place);
CREATE INDEX option_page ON option (page, run, place);
"""
_FILTERED: Final = f"""
SELECT card.run, card.shape, {_columns(WIDE)}
FROM car JOIN card ON card.car_id = car.id AND card.page = ?
WHERE car.make = ? AND car.fuel = ? ORDER BY car.price, car.id LIMIT {PAGE_SIZE}
"""
_CARDS: Final = f"""
SELECT run, shape, {_columns(WIDE)} FROM card WHERE page = ? ORDER BY run, place
"""
_OPTIONS: Final = f"""
SELECT run, shape, {_columns(NARROW)} FROM option WHERE page = ? ORDER BY run, place
"""


@dataclass(frozen=True)
class Wanted:
    """A page to be made raw: its name here, its path on the site, and what a list filters by."""

    name: str
    path: str
    make: str = ""
    fuel: str = ""


class RawPages:
    """Every page of a folder that `keep` filled."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / DATABASE
        self._own = threading.local()
        jinja = environment()
        with closing(sqlite3.connect(self._path)) as connection:
            rows = connection.execute("SELECT name, make, fuel, html FROM page").fetchall()
        self._pages = {
            name: (make, fuel, jinja.from_string(html)) for name, make, fuel, html in rows
        }

    def html(self, name: str) -> str:
        """The page, of rows read now."""
        make, fuel, template = self._pages[name]
        read = self._database().execute
        (words,) = read("SELECT words FROM page WHERE name = ?", (name,)).fetchone()
        cards = read(_FILTERED, (name, make, fuel)) if make else read(_CARDS, (name,))
        runs: dict[int, list[Any]] = {}
        for rows in (cards.fetchall(), read(_OPTIONS, (name,)).fetchall()):
            for row in rows:
                runs.setdefault(row[0], []).append(row[1:])
        return template.render(page=json.loads(words), runs=runs)

    def _database(self) -> sqlite3.Connection:
        if not hasattr(self._own, "database"):
            self._own.database = sqlite3.connect(self._path)
        found: sqlite3.Connection = self._own.database
        return found


def raw_app(folder: Path) -> Flask:
    """`/<name>`: the pages of the folder, as Flask serves them."""
    pages = RawPages(folder)
    app = Flask("raw")
    app.add_url_rule("/<name>", view_func=pages.html, endpoint="page")
    return app


def keep(
    folder: Path,
    kinds: Sequence[Sequence[Wanted]],
    get: Callable[[str], str],
    cars: Sequence[tuple[int, str, str | None, int | None]],
    ids: dict[str, int],
) -> None:
    """Fill `folder` with what `RawPages` reads.

    `get` gives the HTML of a path; `cars` are (id, make, fuel, cents) of the whole stock; `ids`
    the id by public id. A page's sibling is the next of its kind. Raises ValueError when the bytes
    come out different.
    """
    texts = {page.name: get(page.path) for wanted in kinds for page in wanted}
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        database.executescript(SCHEMA)
        database.executemany("INSERT INTO car VALUES (?, ?, ?, ?)", cars)
        for wanted in kinds:
            for page, sibling in zip(wanted, [*wanted[1:], wanted[0]], strict=True):
                markup = taken_apart(texts[page.name], texts[sibling.name])
                _keep_page(database, page, markup, texts[page.name], ids)
        database.executescript(INDEXES)
        database.execute("ANALYZE")
        database.commit()
    pages = RawPages(folder)
    for name, text in texts.items():
        if pages.html(name) != text:
            raise ValueError(f"{name}: the reference gives other bytes than our page has")


def _keep_page(
    database: sqlite3.Connection, page: Wanted, markup: Markup, text: str, ids: dict[str, int]
) -> None:
    database.execute(
        "INSERT INTO page VALUES (?, ?, ?, ?, ?)",
        (page.name, page.make, page.fuel, markup.template, json.dumps(markup.values)),
    )
    shown = iter(ids[piece.partition('"')[0]] for piece in text.split('data-offer="')[1:])
    for number, run in enumerate(markup.runs):
        is_narrow = all(len(values) <= NARROW for _shape, values in run)
        for place, (shape, values) in enumerate(run):
            row: list[Any] = [page.name, number, place]
            if is_narrow:
                row += [shape, *_filled(values, NARROW)]
            else:
                row += [next(shown) if page.make else None, shape, *_filled(values, WIDE)]
            table = "option" if is_narrow else "card"
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO {table} VALUES ({marks})", row)
            if page.make and not is_narrow:
                # Which of two equal prices comes first, and what a promotion costs, is our own
                # business: the order of the raw table is made ours.
                database.execute(
                    "INSERT OR REPLACE INTO car VALUES (?, ?, ?, ?)",
                    (row[3], page.make, page.fuel, place - PAGE_SIZE),
                )


def _filled(values: Sequence[str], width: int) -> list[str | None]:
    if len(values) > width:
        raise ValueError(f"a row of {len(values)} values")
    return [*values, *[None] * (width - len(values))]
