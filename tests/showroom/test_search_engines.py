"""What search engines are told: lists with addresses of their own, heads, markup, the sitemap, the
life of a sold car's page, and a site without dead ends."""

import gzip
import html
import json
import os
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from content.page_texts import OwnWords, offer_key, set_words
from content.refusals import ContentRefused
from core.db import writing
from inventory.lifecycle import move
from inventory.list_paths import FACET_LISTS
from inventory.models import PriceChange, Vehicle
from inventory.photos import add_photo
from inventory.stock_version import touch
from showroom.addresses import is_canonical
from showroom.sitemap import offer_rows
from tests import pictures
from tests.factories import make_store, make_vehicle

CARS = int(os.environ.get("CRAWLED_CARS", "64"))
MODELS = (("Chevrolet", "Onix"), ("Fiat", "Argo"), ("Fiat", "Strada"), ("Jeep", "Compass"))
COLORS = ("white", "black", "silver", "red")


def head(page: str, pattern: str) -> str:
    found = re.search(pattern, page)
    return html.unescape(found[1]) if found else ""


def title(page: str) -> str:
    return head(page, r"<title>(.*?)</title>")


def description(page: str) -> str:
    return head(page, r'name="description" content="(.*?)"')


def robots(page: str) -> str:
    return head(page, r'name="robots" content="(.*?)"')


def canonical(page: str) -> str:
    return head(page, r'rel="canonical" href="http://localhost(.*?)"')


def graph(page: str) -> dict[str, dict[str, Any]]:
    """The nodes of the page's one script, by their types."""
    scripts = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert len(scripts) == 1
    nodes = json.loads(scripts[0])["@graph"]
    return {"+".join([one["@type"]] if isinstance(one["@type"], str) else one["@type"]): one
            for one in nodes}  # fmt: skip


def defined(nodes: Any) -> tuple[set[str], set[str]]:
    """The `@id`s that nodes give themselves, and those that nodes only point at."""
    own: set[str] = set()
    pointed: set[str] = set()
    todo = [nodes]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            if "@id" in one:
                (own if "@type" in one else pointed).add(one["@id"])
            todo += list(one.values())
        elif isinstance(one, list):
            todo += one
    return own, pointed


def some_stock() -> None:
    """Five Onix in Campinas, one of them of 2019; four Argo in Sumaré, cheap."""
    campinas, sumare = make_store(city="Campinas"), make_store(city="Sumaré")
    for number in range(5):
        make_vehicle(
            store=campinas, mileage_km=10_000 * (number + 1), model_year=2022 if number else 2019,
            fipe_price_cents=75_000_00 if number else None, fipe_month=date.today().replace(day=1),
            color=COLORS[number % 4],
        )  # fmt: skip
    for number in range(4):
        make_vehicle(
            store=sumare, make="Fiat", model="Argo", trim="Drive", price_cents=45_000_00 + number,
            mileage_km=50_000 + number, transmission="automatic",
        )  # fmt: skip


def test_lists_that_people_search_for_have_addresses_of_their_own(client):
    some_stock()
    indexed = {
        "/estoque": 9, "/estoque/chevrolet": 5, "/estoque/chevrolet/onix": 5,
        "/estoque/chevrolet/onix/2022": 4, "/estoque/em-sumare": 4, "/estoque/ate-50-mil": 4,
        "/estoque/automaticos": 4,
    }  # fmt: skip
    seen: Counter[str] = Counter()
    for path, count in indexed.items():
        answer = client.get(path)
        page = answer.text
        assert answer.status_code == 200, path
        assert (robots(page), canonical(page)) == ("", path)
        assert page.count("data-offer=") == count, path
        assert page.count("<h1") == 1
        assert 15 <= len(title(page)) <= 65
        assert 70 <= len(description(page)) <= 160, description(page)
        own, pointed = defined(graph(page))
        assert pointed <= own
        seen.update((title(page), description(page)))
    assert set(seen.values()) == {1}
    page = client.get("/estoque/chevrolet/onix").text
    assert "R$\xa069.900" in page
    assert "10.000\xa0km a 50.000\xa0km" in page
    assert "4 custam menos do que diz a tabela FIPE." in page
    # How many and for how much stand above the cards; the rest waits below them.
    assert page.index("5 ofertas na") < page.index("data-offer=") < page.index("4 custam menos")
    assert 'href="/estoque/chevrolet/onix/2022"' in page
    few = client.get("/estoque/chevrolet/onix/2019").text
    assert (robots(few), canonical(few)) == ("noindex, follow", "/estoque/chevrolet/onix")
    same = client.get("/estoque/chevrolet/onix/em-campinas").text
    assert (robots(same), canonical(same)) == ("noindex, follow", "/estoque/chevrolet/onix")


@pytest.mark.parametrize(
    ("path", "status", "where"),
    [
        ("/estoque/hatch/ate-50-mil", 301, "/estoque?preco_max=50000&carroceria=hatch"),
        ("/estoque/fiat/hatch", 301, "/estoque?marca=fiat&carroceria=hatch"),
        ("/estoque/ate-50-mil/fiat", 404, None),
        ("/estoque/fiat/argo/argo", 404, None),
        ("/estoque/em-recife", 404, None),
        ("/estoque/diesel", 404, None),
        ("/estoque/fiat/argo/1999", 404, None),
        ("/estoque?pagina=1&cor=white&utm_source=x", 301, "/estoque?cor=white&utm_source=x"),
        ("/estoque/fiat?pagina=1", 301, "/estoque/fiat"),
        ("/estoque/fiat?pagina=2", 404, None),
        ("/estoque?marca=nunca-houve", 200, None),
    ],
)
def test_what_is_no_list_leads_to_the_nearest_or_is_not_there(client, path, status, where):
    make_vehicle(make="Fiat", model="Argo", fuel="flex")
    answer = client.get(path)
    assert (answer.status_code, answer.headers.get("Location")) == (status, where)
    if status != 301:
        assert "<h1" in answer.text
        assert 'content="noindex' in answer.text


def test_filters_sort_and_campaigns_point_at_the_list_they_narrow(client):
    some_stock()
    for query, is_kept in (
        ("?marca=fiat", "/estoque/fiat"),
        ("?marca=fiat&cor=preto", "/estoque"),
        ("?ordem=menor-preco", "/estoque"),
        ("?q=argo", "/estoque/fiat/argo"),
    ):
        page = client.get(f"/estoque{query}").text
        assert (robots(page), canonical(page)) == ("noindex, follow", is_kept), query
    page = client.get("/estoque/fiat?utm_source=google&gclid=x").text
    assert (robots(page), canonical(page)) == ("", "/estoque/fiat")
    assert is_canonical("/estoque/fiat", "")
    assert is_canonical("/estoque", "cor=preto&ordem=menor-preco")
    for path, query in (
        ("/estoque", "marca=fiat"), ("/estoque", "ordem=menor-preco&cor=preto"),
        ("/estoque", "cor=preto&utm_source=x"), ("/estoque/fiat", "pagina=1"), ("/lojas", ""),
    ):  # fmt: skip
        assert not is_canonical(path, query)


def test_a_make_wins_over_a_list_of_the_same_name(client):
    for number in range(3):
        make_vehicle(make="SUV", model="Um", body="suv", mileage_km=number)
    make_vehicle(make="Fiat", model="Pulse", body="suv")
    page = client.get("/estoque/suv").text
    assert page.count("data-offer=") == 3
    assert "Fiat Pulse" not in head(page, r"<h1>(.*?)</h1>")


def test_the_store_writes_its_own_words_for_a_list_and_a_car(client):
    car = make_vehicle()
    key = "/estoque/chevrolet/onix"
    words = OwnWords(
        "Onix usado com garantia em Campinas", "O que olhar num Onix usado. " * 4,
        "Onix, o nosso mais vendido", "Primeiro.\n\nSegundo <b>texto</b>.",
    )  # fmt: skip
    with writing():
        set_words(key, words, by="x@y.example")
        set_words(
            offer_key(car.public_id), OwnWords("O Onix da professora, único"), by="x@y.example"
        )
    page = client.get(key).text
    assert title(page) == words.title
    assert description(page) == words.description.strip()
    assert head(page, r"<h1>(.*?)</h1>") == words.heading
    assert "<p>Primeiro.</p>" in page
    assert "Segundo &lt;b&gt;texto" in page
    assert title(client.get(f"/oferta/{car.slug}-{car.public_id}").text).startswith(
        "O Onix da prof"
    )
    for wrong in (OwnWords("curto"), OwnWords(description="curta"), OwnWords(heading="x" * 91)):
        with pytest.raises(ContentRefused):
            set_words("/estoque/fiat", wrong, by="x@y.example")
    with pytest.raises(ContentRefused, match="/estoque/chevrolet/onix"):
        set_words("/estoque/chevrolet", OwnWords(words.title), by="x@y.example")
    # Sold out, the page stays for who comes by its text, and asks what they look for.
    with writing() as session:
        move(session.get(Vehicle, car.id), "sold", by="x@y.example")
    answer = client.get(key)
    assert (answer.status_code, robots(answer.text)) == (200, "")
    assert 'action="/contato"' in answer.text
    with writing():
        set_words(key, OwnWords(), by="x@y.example")
    assert client.get(key).status_code == 404


def test_an_offer_tells_machines_what_it_shows(client):
    store = make_store(city="Campinas")
    promo = make_vehicle(
        store=store, price_cents=80_000_00, promo_price_cents=75_500_50,
        promo_until=date.today() + timedelta(days=5), engine="1.0 Turbo", power_hp=116,
        features=["air_conditioning"], history={"single_owner": True, "auction": False},
        license_plate="ABC1D23", vin="9BWZZZ377VT004251",
    )  # fmt: skip
    path = f"/oferta/{promo.slug}-{promo.public_id}"
    page = client.get(path).text
    nodes = graph(page)
    car = nodes["Product+Car"]
    offer = car["offers"]
    assert offer["price"] == "75500.50"
    assert "R$\xa075.500,50" in page
    assert 'property="product:price:amount" content="75500.50"' in page
    assert offer["priceValidUntil"] == promo.promo_until.isoformat()
    assert offer["seller"]["@id"] == nodes["AutoDealer"]["@id"]
    assert "priceSpecification" not in offer  # nobody ever asked for the crossed-out price
    assert car["vehicleEngine"]["engineDisplacement"]["value"] == 1.0
    assert car["numberOfPreviousOwners"] == 1
    assert nodes["ItemPage"]["mainEntity"]["@id"] == car["@id"]
    assert not re.search("ABC1D23|9BWZZZ377VT004251", page)
    own, pointed = defined(nodes)
    assert pointed <= own
    for retired in ("FAQPage", "HowTo", "SearchAction", "Review", "AggregateRating"):
        assert retired not in json.dumps(nodes)
    with writing() as session:
        session.add(PriceChange(vehicle_id=promo.id, actor="x", price_cents=80_000_00))
    offer = graph(client.get(path).text)["Product+Car"]["offers"]
    assert offer["priceSpecification"]["price"] == "80000.00"
    assert offer["priceSpecification"]["priceType"].endswith("StrikethroughPrice")


def test_twins_are_told_apart(client):
    store = make_store(city="Campinas")
    twins = [
        make_vehicle(store=store, color=color, mileage_km=km, condition="used" if km else "new")
        for color in ("white", "black")
        for km in (0, 0, 31_000, 32_000)
    ]
    pages = [client.get(f"/oferta/{one.slug}-{one.public_id}").text for one in twins]
    for read in (title, description):
        assert len({read(page) for page in pages}) == len(twins)
    assert all(15 <= len(title(page)) <= 65 for page in pages)
    assert all(70 <= len(description(page)) <= 160 for page in pages)


def test_the_page_of_a_sold_car_ends_in_its_models_list_or_is_gone(client):
    car = make_vehicle()
    path = f"/oferta/{car.slug}-{car.public_id}"
    other = make_vehicle(make="Fiat", model="Argo", body="hatch")

    def age(days: int) -> None:
        with writing() as session:
            row = session.get(Vehicle, car.id)
            row.state_changed_at = datetime.now(UTC) - timedelta(days=days)
            touch([row])

    with writing() as session:
        move(session.get(Vehicle, car.id), "sold", by="x@y.example")
    age(29)
    answer = client.get(path)
    assert answer.status_code == 200
    assert robots(answer.text).startswith("unavailable_after: ")
    sold = graph(answer.text)["Product+Car"]
    assert sold["offers"]["availability"] == "https://schema.org/SoldOut"
    assert sold["isSimilarTo"][0]["url"].endswith(other.public_id)
    assert "product:price" not in answer.text
    age(31)
    assert client.get(path).status_code == 410
    make_vehicle()
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (301, "/estoque/chevrolet/onix")
    with writing() as session:
        move(session.get(Vehicle, car.id), "published", by="x@y.example")
    answer = client.get(path)
    assert (answer.status_code, robots(answer.text)) == (200, "")


def addresses(body: bytes) -> list[str]:
    root = ElementTree.fromstring(body)  # our own
    return [one.text or "" for one in root.iterfind("{*}*/{*}loc")]


def test_the_sitemap_is_patched_car_by_car(client, statements):
    some_stock()
    index = client.get("/sitemap.xml").data
    names = [one.rpartition("/")[2] for one in addresses(index)]
    assert names == ["sitemap-paginas.xml", "sitemap-categorias.xml", "sitemap-ofertas-1.xml"]
    assert index.count(b"<lastmod>") == 2
    for name in names:
        for address in addresses(client.get(f"/{name}").data):
            answer = client.get(address.removeprefix("http://localhost"))
            assert answer.status_code == 200, address
            assert "noindex" not in robots(answer.text), address
            assert canonical(answer.text) == address.removeprefix("http://localhost")
    path = "/sitemap-ofertas-1.xml"
    before = client.get(path)
    tag = before.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.data) == before.data
    with writing() as session:
        move(session.get(Vehicle, 1), "sold", by="x@y.example")
        touch([session.get(Vehicle, 2)])
    made: list[int] = []
    rows = offer_rows()
    real = rows._made
    rows._made = lambda ids: made.extend(ids) or real(ids)  # type: ignore[method-assign]
    try:
        after = client.get(path, headers={"If-None-Match": tag})
    finally:
        del rows._made
    assert made == [2]
    assert after.status_code == 200
    assert after.headers["ETag"] != tag
    assert len(addresses(after.data)) == 8
    assert client.get("/sitemap-blog.xml").status_code == 404
    assert client.get("/sitemap-ofertas-01.xml").status_code == 404


def test_robots_that_train_are_asked_out_only_when_the_store_says_so(app, client):
    assert "GPTBot" not in client.get("/robots.txt").text
    config = app.extensions["vitrine"]
    app.extensions["vitrine"] = replace(config, ai_training=False)
    try:
        text = client.get("/robots.txt").text
    finally:
        app.extensions["vitrine"] = config
    group = text[text.index("User-agent: GPTBot") :]
    assert "User-agent: CCBot" in group
    assert "Disallow: /\n" in group
    assert "OAI-SearchBot" not in text
    assert all(f"Disallow: {path}" in text for path in ("/admin", "/api/", "/w/"))


def test_robots_let_everybody_to_what_is_shown_and_nobody_to_what_is_private(client):
    vehicle = make_vehicle(price_cents=69_900_00)
    add_photo(vehicle, pictures.photo())
    page = client.get(f"/oferta/{vehicle.slug}-{vehicle.public_id}").text
    card = head(page, r'property="og:image" content="http://localhost(.*?)"')
    photo = head(page, r'src="(/media/.*?)"')
    assert card.startswith("/cartao/")
    assert photo
    rules = RobotFileParser()
    rules.parse(client.get("/robots.txt").text.splitlines())
    shown = ["/", "/estoque", f"/oferta/{vehicle.slug}-{vehicle.public_id}", card, photo]
    for robot in ("Googlebot", "facebookexternalhit", "WhatsApp", "bingbot"):
        assert all(rules.can_fetch(robot, path) for path in [*shown, "/sitemap.xml"]), robot
        assert not any(rules.can_fetch(robot, path) for path in ("/admin/", "/api/x", "/favoritos"))


def links(page: str) -> set[str]:
    """Where plain links of a page lead that recommend their target."""
    found = set()
    for tag in re.findall(r"<a\s[^>]*>", page):
        href = re.search(r'href="(/[^"#]*)', tag)
        if href and "nofollow" not in tag and not href[1].startswith("/media/"):
            found.add(html.unescape(href[1]))
    return found


def test_every_offer_is_three_clicks_away_and_no_link_is_dead(client: FlaskClient):
    stores = [make_store(city="Campinas"), make_store(city="Sumaré")]
    for number in range(CARS):
        make, model = MODELS[0] if number % 2 else MODELS[number // 2 % 4]
        make_vehicle(
            store=stores[number % 2], make=make, model=model, color=COLORS[number % 4],
            mileage_km=1000 * number, model_year=2016 + number % 8,
            price_cents=(30 + number) * 100_000, body=("hatch", "suv", "sedan")[number % 3],
        )  # fmt: skip
    distance = {"/": 0}
    todo, pages = ["/"], {}
    while todo:
        path = todo.pop(0)
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("Location"))
        pages[path] = answer.text
        for link in sorted(links(answer.text)):
            if link not in distance:
                distance[link] = distance[path] + 1
                todo.append(link)
    offers = {path: steps for path, steps in distance.items() if path.startswith("/oferta/")}
    assert len(offers) == CARS
    assert max(offers.values()) <= 3
    # Whatever the stock combines to: cars, the lists of the catalogue, a page for each 24 cars of
    # each list, and a fixed rest.
    lists = [path for path in distance if path.startswith("/estoque") and "?" not in path]
    assert len(lists) <= 1 + 3 + 4 * (1 + 8 + 2) + 2 + len(FACET_LISTS)
    numbered = [path for path in distance if re.fullmatch(r"/estoque[^?]*\?pagina=\d+", path)]
    assert len(numbered) <= len(lists) * (CARS // 24)
    assert len(distance) - len(offers) - len(lists) - len(numbered) <= 30, distance
    indexed = [path for path, page in pages.items() if "noindex" not in robots(page)]
    for read in (title, description):
        counted = Counter(read(pages[path]) for path in indexed)
        assert not [text for text, count in counted.items() if count > 1]
    for path in indexed:
        assert canonical(pages[path]) == unquote(path), path
        assert 15 <= len(title(pages[path])) <= 65, (path, title(pages[path]))
        assert 70 <= len(description(pages[path])) <= 160, (path, description(pages[path]))
        assert len(re.findall("<h1", pages[path])) == 1, path
