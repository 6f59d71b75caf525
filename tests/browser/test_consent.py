"""Before a yes nothing of another company is asked for; after one, only its own loader."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.conftest import DESK, PHONE, serving

# What the browser does here does not depend on the database.
pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

IDS = {
    "VITRINE_GA4_ID": "G-TEST1",
    "VITRINE_GOOGLE_ADS_ID": "AW-1",
    "VITRINE_META_PIXEL_ID": "42",
    "VITRINE_TIKTOK_PIXEL_ID": "CTEST",
}
LOADERS = (
    "https://www.googletagmanager.com/gtag/js?id=G-TEST1",
    "https://connect.facebook.net/pt_BR/fbevents.js",
    "https://analytics.tiktok.com/i18n/pixel/events.js?sdkid=CTEST&lib=ttq",
)


@pytest.fixture(scope="module")
def measured_site(site: str, site_environment: dict[str, str]) -> Iterator[str]:
    """The demo site with every tag set; it shares the other one's database."""
    with serving({**site_environment, **IDS}) as origin:
        yield origin


@pytest.fixture
def visitor(browser: Browser, measured_site: str) -> Iterator[Page]:
    """A phone whose requests to other hosts are noted in `page.foreign` and go nowhere."""
    context = browser.new_context(**PHONE, base_url=measured_site)
    yield watched(context)
    context.close()


def watched(context: BrowserContext) -> Page:
    foreign: list[str] = []

    def decide(route: Route) -> None:
        if route.request.url.startswith("http://127.0.0.1"):
            route.continue_()
        else:
            foreign.append(route.request.url)
            route.abort()

    context.route("**/*", decide)
    page = context.new_page()
    page.foreign = foreign
    return page


def offer_path(page: Page) -> str:
    page.goto("/estoque")
    return page.locator(".card-title a").first.get_attribute("href")


def told(page: Page) -> list[list]:
    """What the Google loader would find, each as a plain list."""
    return json.loads(
        page.evaluate("JSON.stringify((window.dataLayer || []).map((one) => [...one]))")
    )


def events(page: Page) -> list[str]:
    return [one[1] for one in told(page) if one[0] == "event"]


def test_nothing_leaves_before_an_answer_nor_after_a_no(visitor: Page):
    path = offer_path(visitor)
    visitor.goto(path)
    box = visitor.locator("[data-consent]")
    expect(box).to_be_visible()
    buttons = box.locator("button")
    sizes = [buttons.nth(number).bounding_box() for number in (0, 1)]
    assert abs(sizes[0]["width"] - sizes[1]["width"]) < 2
    assert min(size["height"] for size in sizes) >= 44
    box.get_by_role("button", name=re.compile("Recusar|Refuse")).click()
    expect(box).to_be_hidden()
    for again in (path, "/", "/contato"):
        visitor.goto(again)
        visitor.wait_for_load_state("networkidle")
        expect(visitor.locator("[data-consent]")).to_be_hidden()
    assert visitor.foreign == []
    assert visitor.evaluate("[typeof gtag, typeof fbq, typeof ttq]") == ["undefined"] * 3


def test_a_yes_loads_the_tags_with_their_consent_and_tells_facts_without_a_person(visitor: Page):
    path = offer_path(visitor)
    visitor.goto(path + "?utm_source=google&q=maria@exemplo.com.br")
    visitor.get_by_role("button", name=re.compile("^(Aceitar|Accept)$")).click()
    visitor.wait_for_load_state("networkidle")
    assert set(visitor.foreign) == set(LOADERS)
    first, second, *_rest = told(visitor)
    assert first[:2] == ["consent", "default"]
    assert set(first[2].values()) >= {"denied"}
    assert second[:2] == ["consent", "update"]
    assert second[2]["ad_user_data"] == "granted"
    assert "view_item" in events(visitor)
    everything = json.dumps(told(visitor)) + visitor.evaluate("JSON.stringify(fbq.queue)")
    assert "utm_source=google" in everything
    assert "maria" not in everything
    assert visitor.evaluate("fbq.queue.map((one) => one[0] + ' ' + one[1]).join()").startswith(
        "set autoConfig"
    )
    # Kept: the next page asks nothing and loads at once.
    visitor.foreign.clear()
    visitor.goto("/")
    visitor.wait_for_load_state("networkidle")
    expect(visitor.locator("[data-consent]")).to_be_hidden()
    assert set(visitor.foreign) == set(LOADERS)


def test_a_yes_can_be_taken_back_from_the_footer(visitor: Page):
    visitor.goto("/")
    visitor.get_by_role("button", name=re.compile("^(Aceitar|Accept)$")).click()
    visitor.evaluate("document.cookie = '_ga=GA1.1; Path=/'")
    visitor.locator("[data-consent-open]").click()
    expect(visitor.locator("[data-consent]")).to_be_visible()
    with visitor.expect_navigation():
        visitor.get_by_role("button", name=re.compile("Recusar|Refuse")).click()
    visitor.wait_for_load_state("networkidle")
    visitor.foreign.clear()
    visitor.reload()
    visitor.wait_for_load_state("networkidle")
    assert visitor.foreign == []
    assert "_ga=" not in visitor.evaluate("document.cookie")


def test_taps_and_forms_are_told(visitor: Page):
    path = offer_path(visitor)
    visitor.goto(path)
    visitor.get_by_role("button", name=re.compile("^(Aceitar|Accept)$")).click()
    # The jump itself would leave the page: only what is told before it matters here.
    visitor.evaluate(
        "document.addEventListener('click', (e) => e.target.closest('a') && e.preventDefault())"
    )
    visitor.locator(".dock a[href^='/w/']").click()
    visitor.locator(".dock a[href^='/ligar/']").click()
    assert {"whatsapp_click", "phone_click"} <= set(events(visitor))
    visitor.goto("/contato")
    visitor.get_by_label(re.compile("^(Seu nome|Your name)")).fill("Maria da Silva")
    assert events(visitor).count("form_start") == 1
    assert "Maria" not in json.dumps(told(visitor))


def test_a_lead_is_told_once_and_its_key_to_nobody(visitor: Page):
    visitor.goto("/contato")
    visitor.get_by_role("button", name=re.compile("^(Aceitar|Accept)$")).click()
    form = visitor.locator("[data-lead-form]").first
    form.locator("[name=nome]").fill("Maria da Silva")
    form.locator("[name=telefone]").fill("(11) 98765-4321")
    form.locator("[name=mensagem]").fill("Quero uma proposta")
    form.locator("button[type=submit]").click()
    expect(visitor).to_have_url(re.compile("/obrigado"))
    visitor.wait_for_load_state("load")
    visitor.locator("[name=troca]").dispatch_event("input")
    everything = json.dumps(told(visitor)) + visitor.evaluate("JSON.stringify(fbq.queue)")
    assert events(visitor).count("generate_lead") == 1
    assert events(visitor).count("form_start") == 1
    assert not re.search("[0-9a-f]{32}|Maria|98765", everything)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [PHONE, DESK], ids=["phone", "desk"])
def test_the_question_leaves_the_pages_own_action_in_reach(
    browser: Browser, measured_site: str, device: dict, scheme: str
):
    context = browser.new_context(**device, color_scheme=scheme, base_url=measured_site)
    page = watched(context)
    page.goto(offer_path(page))
    expect(page.locator("[data-consent]")).to_be_visible()
    action = page.locator("a[href^='/w/oferta-']:visible").last
    action.click(trial=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= device["viewport"]["width"]
    context.close()


def test_without_script_there_is_nothing_to_ask(browser: Browser, measured_site: str):
    context = browser.new_context(**PHONE, base_url=measured_site, java_script_enabled=False)
    page = watched(context)
    page.goto("/")
    expect(page.locator("[data-consent]")).to_be_hidden()
    assert page.foreign == []
    context.close()
