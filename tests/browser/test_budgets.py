"""What browsers are given: few bytes, whole markup, one picture before all others, the next page
before it is asked for."""

import gzip
import re
import urllib.error
import urllib.request
from collections import Counter

import pytest
from lxml import html as markup
from playwright.sync_api import Browser, Page

from tests.browser.conftest import DESK, QUIET

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

PAGES = {
    "home": "/",
    "list": "/estoque",
    "offer": "{offer}",
    "stores": "/lojas",
    "financing": "/financiamento",
    "trade-in": "/avaliacao",
    "article": "/blog/como-funciona-o-financiamento-de-um-carro",
    "testimonials": "/depoimentos",
    "landing": "/lp/seminovos-ate-70-mil",
}
# Compressed, as sent: what is far below a target is kept there.
MOST_SCRIPT, MOST_STYLE, MOST_PAGE = 8_000, 12_000, 25_000


def read(address: str) -> str:
    with urllib.request.urlopen(address) as answer:
        return str(answer.read().decode())


@pytest.fixture(scope="module")
def pages(site: str) -> dict[str, str]:
    """The text of the pages above, by name."""
    offer = re.search(r"/oferta/[\w-]+", read(f"{site}/estoque"))
    assert offer
    return {name: read(site + path.format(offer=offer[0])) for name, path in PAGES.items()}


@pytest.mark.parametrize("name", PAGES)
def test_page_is_light(name: str, site: str, pages: dict[str, str]):
    def weigh(text: str) -> int:
        return len(gzip.compress(text.encode()))

    tree = markup.fromstring(pages[name])
    scripts = tree.xpath("//script/@src")
    sheets = tree.xpath("//head/link[@rel='stylesheet']/@href")
    assert len(scripts) == 1
    assert len(sheets) == 1, "one sheet, kept for ever"
    assert weigh(read(site + scripts[0])) <= MOST_SCRIPT
    assert weigh(read(site + sheets[0])) <= MOST_STYLE
    assert weigh(pages[name]) <= MOST_PAGE


@pytest.mark.parametrize("name", PAGES)
def test_pictures_have_their_place_before_they_come(name: str, pages: dict[str, str]):
    tree = markup.fromstring(pages[name])
    for noscript in tree.xpath("//noscript"):
        noscript.drop_tree()
    images = tree.xpath("//img")
    first = [one for one in images if one.get("fetchpriority") == "high"]
    assert len(first) <= 1
    if name in {"home", "list", "offer"}:
        assert len(first) == 1
    assert all(one.get("loading") != "lazy" for one in first)
    for image in images:
        told = markup.tostring(image, encoding="unicode")[:200]
        assert image.get("alt") is not None, told
        assert image.get("width"), told
        assert image.get("height"), told
        sources = image.getparent().findall("source")
        if "/media/" in image.get("src", "") and image.getparent().tag == "picture":
            assert {"image/avif", "image/webp"} <= {one.get("type") for one in sources}, told
        assert all(one.get("sizes") and " " in one.get("srcset") for one in sources), told


@pytest.mark.parametrize("name", PAGES)
def test_ids_are_one_element_each_and_are_there(name: str, pages: dict[str, str]):
    tree = markup.fromstring(pages[name])
    ids = Counter(tree.xpath("//@id"))
    assert [one for one, times in ids.items() if times > 1] == []
    wanted = {
        part
        for attribute in ("for", "form", "aria-labelledby", "aria-describedby", "aria-controls")
        for value in tree.xpath(f"//@{attribute}")
        for part in value.split()
    }
    assert wanted - set(ids) == set()


def test_nothing_blocks_and_nothing_comes_from_elsewhere(pages: dict[str, str], site: str):
    for name, text in pages.items():
        tree = markup.fromstring(text)
        assert tree.xpath("//script[@src][not(@defer)]") == [], name
        assert tree.xpath("//@style | //style | //*[@onclick or @onload]") == [], name
        loaded = tree.xpath("//img/@src | //script/@src | //link[@rel='stylesheet']/@href")
        assert [one for one in loaded if not one.startswith("/")] == [], name


def test_next_page_is_there_when_it_is_pressed_and_counts_once(desk: Page, site: str):
    told: list[str] = []
    desk.on("request", lambda asked: told.append(f"{asked.method} {asked.url.removeprefix(site)}"))
    desk.goto("/estoque")
    link = desk.locator(".card-title a").first
    path = str(link.get_attribute("href"))
    with desk.expect_request(lambda asked: asked.headers.get("sec-purpose") == "prefetch"):
        link.hover()
    with desk.expect_request(lambda asked: asked.method == "POST"):
        link.click()
    came = desk.evaluate("performance.getEntriesByType('navigation')[0].deliveryType")
    assert came == "navigational-prefetch"
    assert told.count(f"POST /vistos/{path.rpartition('-')[2]}") == 1


def test_rules_name_no_address_with_a_consequence(site: str):
    with urllib.request.urlopen(f"{site}/estoque") as answer:
        rules = answer.headers["Speculation-Rules"].strip('"')
    with urllib.request.urlopen(site + rules) as answer:
        assert answer.headers["Content-Type"] == "application/speculationrules+json"
        text = answer.read().decode()
    for place in ("/admin", "/w/", "/ligar", "/agenda", "/vistos", "/lp/", "/favoritos"):
        assert place not in text
    for path in ("/favoritos", "/lp/seminovos-ate-70-mil", "/nada"):
        try:
            headers = urllib.request.urlopen(site + path).headers
        except urllib.error.HTTPError as error:
            headers = error.headers
        assert "Speculation-Rules" not in headers, path


def test_back_is_at_once_and_keeps_what_was_typed(chromium: str, browser: Browser, site: str):
    """The browser's own memory of pages, which the test driver switches off by default."""
    own = browser.browser_type.launch(
        executable_path=chromium,
        args=QUIET,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    page = own.new_context(**DESK, base_url=site).new_page()
    page.goto("/contato")
    page.fill("[name=nome]", "Ana Lima")
    page.evaluate("addEventListener('pageshow', (event) => { window.isKept = event.persisted; })")
    page.locator("footer a[href='/estoque'], header a[href='/estoque']").first.click()
    page.wait_for_url("**/estoque")
    page.evaluate("history.back()")
    page.wait_for_function("window.isKept === true")
    assert page.input_value("[name=nome]") == "Ana Lima"
    own.close()
