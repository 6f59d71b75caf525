"""The whole demo, walked as a search engine walks it: every link leads somewhere, no two pages say
they are the same, the number of addresses is bounded, and a price is the same wherever it is."""

import html
import re
from collections import Counter
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from lxml import etree

from core.db import db, writing
from demo.loading import load_demo
from demo.stock import BLOCK
from integrators import accounts
from inventory.availability import availability
from inventory.list_paths import FACET_LISTS
from inventory.models import CarModel, Make, Photo, Vehicle
from inventory.stock_version import touch
from showroom.fragments import init_fragments
from tests.showroom.test_search_engines import (
    canonical,
    description,
    graph,
    head,
    links,
    robots,
    title,
)

PER_PAGE = 24
CLICKS = 3


@pytest.fixture
def demo(app) -> FlaskClient:
    """The demo of 240 cars. Its pictures are named, not drawn: nobody looks at them here."""
    load_demo(with_photos=False)
    with writing() as session:
        cars = session.scalars(sa.select(Vehicle)).all()
        session.add_all(
            Photo(
                vehicle_id=car.id, state="ready",
                renditions={"stem": f"ab/{car.id:06x}", "widths": [640, 1280], "formats": ["jpg"]},
            )
            for car in cars
        )  # fmt: skip
        touch(cars)
    init_fragments(app)  # as in use: pages are put together from ready pieces
    yield app.test_client()
    app.extensions["vitrine_fragments"] = None


def test_the_demo_is_one_shop_without_dead_ends_and_with_one_price_each(demo):
    pages, clicks = _walk(demo)
    _check_addresses(pages, clicks)
    _check_heads(pages)
    prices = _check_prices(pages)
    assert len(prices) == len(_listed()) > BLOCK * 0.8
    # A reserved car stays on the site, which says so; portals offer what can be had.
    for_sale = {car.public_id for car in _listed() if car.state == "published"}
    assert _prices_in_feed(demo) == {one: prices[one] for one in for_sale}


def _walk(client: FlaskClient) -> tuple[dict[str, str], dict[str, int]]:
    """Every page by its path, and how many clicks from the front door it is."""
    clicks, todo, pages = {"/": 0}, ["/"], {}
    while todo:
        path = todo.pop(0)
        answer = client.get(path)
        where = (path, answer.status_code, answer.headers.get("Location"))
        assert answer.status_code == 200, where
        pages[path] = answer.text
        for link in sorted(links(answer.text)):
            if link not in clicks:
                clicks[link] = clicks[path] + 1
                todo.append(link)
    return pages, clicks


def _check_addresses(pages: dict[str, str], clicks: dict[str, int]) -> None:
    offers = {path.rpartition("-")[2] for path in pages if path.startswith("/oferta/")}
    listed = {car.public_id for car in _listed()}
    assert listed <= offers
    assert all(clicks[path] <= CLICKS for path in pages if path.startswith("/oferta/"))
    # A list for each make, model, model and year, model and city, and a fixed set of others.
    models = db.session.scalar(sa.select(sa.func.count()).select_from(CarModel)) or 0
    makes = db.session.scalar(sa.select(sa.func.count()).select_from(Make)) or 0
    lists = [path for path in pages if path.startswith("/estoque") and "?" not in path]
    assert len(lists) <= 1 + makes + models * (1 + 8 + 3) + 3 + len(FACET_LISTS)
    numbered = [path for path in pages if re.fullmatch(r"/estoque[^?]*\?pagina=\d+", path)]
    # A banner may lead to a sorted list: its pages are read, and say themselves that no search
    # engine is to keep them.
    sorted_ = [path for path in pages if path.startswith("/estoque?") or "ordem=" in path]
    sorted_ = [path for path in sorted_ if path not in numbered]
    assert len(sorted_) <= 5
    assert all("noindex" in robots(pages[path]) for path in sorted_)
    assert len(numbered) <= len(lists) * (len(listed) // PER_PAGE)
    assert len(pages) - len(offers) - len(lists) - len(numbered) - len(sorted_) <= 60


def _check_heads(pages: dict[str, str]) -> None:
    indexed = {path: page for path, page in pages.items() if "noindex" not in robots(page)}
    assert len(indexed) > BLOCK
    for read in (title, description):
        counted = Counter(read(page) for page in indexed.values())
        assert not [text for text, count in counted.items() if count > 1]
    for path, page in indexed.items():
        assert canonical(page) == unquote(path), path
        assert 15 <= len(title(page)) <= 65, (path, title(page))
        assert 70 <= len(description(page)) <= 160, (path, description(page))
        assert len(re.findall("<h1", page)) == 1, path


def _check_prices(pages: dict[str, str]) -> dict[str, int]:
    """The price in cents by public id, the same to people and to machines, on the car's own page
    and on every card."""
    true = {car.public_id: car for car in _listed()}
    found = {}
    for path, page in pages.items():
        public_id = path.rpartition("-")[2]
        if not path.startswith("/oferta/") or public_id not in true:
            continue
        car = next(node for kind, node in graph(page).items() if "Car" in kind.split("+"))
        marked = round(float(car["offers"]["price"]) * 100)
        shared = head(page, r'property="product:price:amount" content="(.*?)"')
        shown = head(page, r'class="price[^"]*"[^>]*>(?:<[^>]*>)*\s*R\$\s*([\d.,]+)')
        assert round(float(shared) * 100) == marked, path
        assert _cents(shown) == marked, (path, shown)
        found[public_id] = marked
    for path, page in pages.items():
        for public_id, shown in _cards(page):
            if public_id in found:
                assert _cents(shown) == found[public_id], (path, public_id)
    return found


def _cards(page: str) -> list[tuple[str, str]]:
    """Public id and price of each card."""
    found = []
    for card in re.findall(r'<article class="card.*?</article>', page, re.DOTALL):
        link = re.search(r'href="/oferta/[\w-]*-(\w+)"', card)
        price = re.search(r'class="price[^"]*"[^>]*>(?:<[^>]*>)*\s*R\$\s*([\d.,]+)', card)
        if link and price:
            found.append((link[1], price[1]))
    return found


def _cents(text: str) -> int:
    """ "69.900" or "69.900,50" in cents."""
    reais, _comma, cents = html.unescape(text).partition(",")
    return int(reais.replace(".", "")) * 100 + int(cents or 0)


def _listed() -> list[Vehicle]:
    cars = db.session.scalars(sa.select(Vehicle)).all()
    return [car for car in cars if availability(car).is_listed]


def _prices_in_feed(client: FlaskClient) -> dict[str, int]:
    """What our own feed tells portals: the price that holds, by public id."""
    with writing():
        _row, token = accounts.register("generic", "Portal", {}, base_url="", store_id=None)
    accounts.forget_copies()
    with client.get(f"/feeds/{token}/estoque.xml") as answer:
        root = etree.fromstring(answer.data)
    found = {}
    for one in root.iterfind("veiculo"):
        price = one.findtext("preco_promocional") or one.findtext("preco")
        found[one.findtext("id")] = round(float(price) * 100)
    return found
