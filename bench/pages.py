"""Fresh pages in one process, no finished page kept: CPU against the same bytes made raw.

Both sides are whole WSGI applications, asked without a client in between. Neither is asked to
compress. Ready parts of pages (cards, filter columns) are allowed, since production has them; the
pages are taken in turn, so that no single one is measured.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import EnvironBuilder

from bench import raw_pages
from bench.raw_pages import Wanted, raw_app
from bench.references import hello_app
from bench.stocked import stocked
from bench.timing import Measured, Work, alternated, cycled
from core.db import db
from inventory import search
from inventory.models import CarModel, Make, Vehicle
from inventory.search import PAGE_SIZE, OfferFilter

MAKES: Final = 6  # lists of so many makes in turn
LIST_PAGES: Final = 2
OFFERS: Final = 12
FUEL: Final = "flex"
LIMIT: Final = 1.5
LARGEST: Final = 50_000  # stock that `LIMIT` is promised for; beyond it `GROWTH` is
GROWTH: Final = 2.0
AGAINST: Final = "raw SQLite + Jinja, the same bytes"
WHAT: Final = {"list": "list page, fresh", "offer": "offer page, fresh"}


@dataclass(frozen=True)
class Pages:
    """An application with a stock, and raw pages of the same bytes in `folder`."""

    app: Flask
    folder: Path
    wanted: dict[str, Sequence[Wanted]]


def pages(size: int) -> Iterator[Measured]:
    """List and offer pages against their raw twins, and the list against Flask's hello."""
    with stocked(size, photos=True) as app, raw_twins(app) as made:
        raw = raw_app(made.folder)
        for kind, wanted in made.wanted.items():
            ours = cycled([caller(app, page.path) for page in wanted])
            theirs = cycled([caller(raw, f"/{page.name}") for page in wanted])
            ours_us, raw_us = alternated(ours, theirs, rounds=5, least=0.3)
            size_kb = sum(len(caller(app, page.path)()) for page in wanted) / len(wanted) / 1000
            yield Measured(
                WHAT[kind], size, ours_us / len(wanted), raw_us / len(wanted), AGAINST,
                limit_at(size), f"{size_kb:.0f} kB a page",
            )  # fmt: skip
        first = made.wanted["list"][0].path
        ours_us, hello_us = alternated(caller(app, first), caller(hello_app(), "/"), rounds=5)
        yield Measured(WHAT["list"], size, ours_us, hello_us, "Flask hello")
        home_us, hello_us = alternated(caller(app, "/"), caller(hello_app(), "/"), rounds=5)
        yield Measured("home page, fresh", size, home_us, hello_us, "Flask hello")


def growth(size: int, smallest: int) -> Iterator[Measured]:
    """The list of the largest stock against that of the smallest."""
    with (
        stocked(size, photos=True) as many, stocked(smallest, photos=True) as few,
        many.app_context(),
    ):  # fmt: skip
        paths = [page.path for page in wanted_pages()["list"]]
        ours_us, few_us = alternated(
            cycled([caller(many, path) for path in paths]),
            cycled([caller(few, path) for path in paths]),
            rounds=5,
        )
        yield Measured(
            WHAT["list"], size, ours_us / len(paths), few_us / len(paths),
            f"the same at {smallest:,}", GROWTH,
        )  # fmt: skip


def limit_at(size: int) -> float | None:
    """The most that a fresh page may cost of its raw reference, with so many vehicles."""
    return LIMIT if size <= LARGEST else None


def caller(app: Flask, path: str) -> Work:
    """Ask `app` for `path`, as a server would; the body."""
    path, _, query = path.partition("?")
    environ = EnvironBuilder(path=path, query_string=query).get_environ()

    def call() -> bytes:
        said: list[str] = []

        def start(status: str, *_rest: object) -> Callable[[bytes], None]:
            said.append(status)
            return lambda _piece: None

        answer = app.wsgi_app(dict(environ), start)
        body = b"".join(answer)
        close: Callable[[], Any] | None = getattr(answer, "close", None)
        if close:
            close()
        if said[0] != "200 OK":
            raise RuntimeError(f"{path}?{query} answered {said[0]}")
        return body

    return call


@contextmanager
def raw_twins(app: Flask) -> Iterator[Pages]:
    """Raw pages of the same bytes as the lists and offers of `app`, which keeps no pages."""
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as name, app.app_context():
        wanted = wanted_pages()
        cars = db.session.execute(
            sa.select(Vehicle.id, Make.slug, Vehicle.fuel, Vehicle.price_cents)
            .join(CarModel, CarModel.id == Vehicle.car_model_id)
            .join(Make, Make.id == CarModel.make_id)
            .where(Vehicle.state == "published", Vehicle.price_cents.is_not(None))
        ).all()
        known = db.session.execute(sa.select(Vehicle.public_id, Vehicle.id))
        ids = {row.public_id: row.id for row in known}
        db.session.rollback()
        folder = Path(name)
        raw_pages.keep(
            folder,
            list(wanted.values()),
            lambda path: caller(app, path)().decode(),
            [(number, make, fuel, cents) for number, make, fuel, cents in cars],
            ids,
        )
        yield Pages(app, folder, wanted)


def wanted_pages() -> dict[str, Sequence[Wanted]]:
    """Lists with two filters in the order of the price, and offers with photos."""
    makes = sorted(search.count_by("make").items(), key=lambda pair: (-pair[1], pair[0]))
    lists = [
        Wanted(
            f"list-{make}-{page}",
            f"/estoque/{make}?combustivel={FUEL}&ordem=menor-preco"
            + (f"&pagina={page}" if page > 1 else ""),
            make,
            FUEL,
        )
        for page in range(1, LIST_PAGES + 1)
        for make, _count in makes[:MAKES]
        if search.count(OfferFilter(makes=(make,), fuels=(FUEL,))) > (page - 1) * PAGE_SIZE
    ]
    offers = search.find_offers(search.listed_ids()[: 2 * OFFERS])
    shown = [offer for offer in offers if offer.photos][:OFFERS]
    return {
        "list": lists,
        "offer": [Wanted(f"offer-{offer.public_id}", offer.path) for offer in shown],
    }
