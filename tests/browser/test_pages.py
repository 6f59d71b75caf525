"""What every page owes everybody: accessible, whole at every width, true in its markup."""

import json
import re
import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import DESK, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

PAGES = {
    "home": "/",
    "list": "/estoque",
    "make": "/estoque/{make}",
    "many filters": "/estoque?q=carro+automatico+ate+150+mil&km_max=90000&ano_min=2016",
    "nothing found": "/estoque?carroceria=suv&preco_max=5000",
    "offer": "{offer}",
    "compare": "/comparar?ids={ids}",
    "compare nothing": "/comparar",
    "favourites": "/favoritos",
    "stores": "/lojas",
    "store": "{store}",
    "financing": "/financiamento?entrada=x",
    "contact": "/contato",
    "call back": "/ligamos-para-voce",
    "trade-in": "/avaliacao?oferta={id}",
    "test drive": "/test-drive?oferta={id}",
    "workshop": "/pos-venda",
    "newsletter": "/novidades",
    "blog": "/blog",
    "blog subject": "/blog/tag/compra",
    "article": "/blog/como-funciona-o-financiamento-de-um-carro",
    "story": "/blog/historia/renata-ganhou-duas-horas-por-dia",
    "site page": "/p/garantia-e-vistoria",
    "testimonials": "/depoimentos",
    "not found": "/nada",
    "components": "/_componentes",
    "landing": "/lp/seminovos-ate-70-mil",
    "landing trade-in": "/lp/troca-com-troco",
    "landing countdown": "/lp/oferta-da-semana",
    "landing whatsapp": "/lp/eletricos-e-hibridos",
    "landing thanks": "/lp/seminovos-ate-70-mil/obrigado",
}


@pytest.fixture(scope="module")
def addresses(site: str) -> dict[str, str]:
    """The pages above with what the demo holds filled in."""

    def read(path: str) -> str:
        with urllib.request.urlopen(site + path) as answer:
            return answer.read().decode()

    listing = read("/estoque")
    offers = list(dict.fromkeys(re.findall(r"/oferta/[\w-]+", listing)))
    values = {
        "offer": offers[0],
        "id": offers[0].rpartition("-")[2],
        "ids": ",".join(path.rpartition("-")[2] for path in offers[:3]),
        "store": re.search(r"/lojas/[\w-]+", read("/lojas"))[0],
        "make": re.search(r'"item": "[^"]*/estoque/([\w-]+)"', read(offers[0]))[1],
    }
    return {name: path.format(**values) for name, path in PAGES.items()}


@pytest.mark.parametrize("device", ["phone", "desk"])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible_and_fits(
    name: str, device: str, browser: Browser, site: str, addresses: dict[str, str]
):
    shape = PHONE if device == "phone" else DESK
    context = browser.new_context(**shape, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    page.goto(site + addresses[name])
    found = Axe().run(page).response["violations"]
    # A phone widens its layout to what overflows: compare with the screen, not with innerWidth.
    wide = page.evaluate("document.documentElement.scrollWidth") - shape["viewport"]["width"]
    small = page.evaluate(SMALL_TARGETS)
    # In the dark only the colours are others.
    page.emulate_media(color_scheme="dark")
    found += Axe().run(page, options={"runOnly": ["color-contrast"]}).response["violations"]
    context.close()
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found] == []
    assert wide <= 0, "the page scrolls sideways"
    assert small == []


# WCAG 2.2, 2.5.8: targets of at least 24 CSS pixels; links inside sentences are exempt.
SMALL_TARGETS = """
[...document.querySelectorAll('a, button, input:not([type=hidden]), select, summary')]
  .filter((e) => e.checkVisibility({visibilityProperty: true}))
  .filter((e) => !e.closest('p, td, th, dialog, .sr, .skip, address, [aria-hidden]'))
  .map((e) => [e, (e.closest('label') || e).getBoundingClientRect()])
  .filter(([e, box]) => box.width && !e.matches('.skip') && (box.height < 23.5 || box.width < 23.5))
  .map(([e, box]) => e.outerHTML.slice(0, 120) + ` ${box.width}x${box.height}`)
"""


@pytest.mark.parametrize("name", ["home", "list", "offer"])
def test_nothing_moves_while_the_page_loads(name: str, scripted_phone: Page, addresses):
    scripted_phone.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => { for (const e of list.getEntries())"
        " if (!e.hadRecentInput) window.shift += e.value; }).observe("
        "{type: 'layout-shift', buffered: true});"
    )
    scripted_phone.goto(addresses[name])
    scripted_phone.wait_for_load_state("networkidle")
    assert scripted_phone.evaluate("window.shift") <= 0.01


@pytest.mark.parametrize("name", ["home", "list", "offer", "store"])
def test_json_ld_tells_what_the_page_shows(name: str, site: str, addresses: dict[str, str]):
    with urllib.request.urlopen(site + addresses[name]) as answer:
        html = answer.read().decode()
    graph = json.loads(re.search(r"ld\+json\">(.*?)</script>", html, re.S)[1])["@graph"]
    types = [node["@type"] for node in graph]
    # A trail has two steps at least (Google, breadcrumb), and home is the first.
    assert ("BreadcrumbList" in types) == (name != "home")
    if name == "offer":
        car = next(node for node in graph if "Product" in node["@type"])
        price = int(re.search(r'class="price">R\$\s*([\d.]+)', html)[1].replace(".", ""))
        assert float(car["offers"]["price"]) == price
        assert not {"vehicleIdentificationNumber"} & set(car)
