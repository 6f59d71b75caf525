"""From an offer to WhatsApp, and what the script adds to forms: where the visit came from, what
was typed kept, one post per press."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import PHONE

# What the browser does here does not depend on the database.
pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

ARRIVAL = "/?utm_source=google&utm_campaign=verao&gclid=abc123"


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
def test_an_offer_leads_to_whatsapp_with_the_car_and_a_code(
    browser: Browser, site: str, has_script: bool
):
    context = browser.new_context(**PHONE, base_url=site, java_script_enabled=has_script)
    asked: list[str] = []

    def stay(route: Route) -> None:
        asked.append(route.fetch(max_redirects=0).headers["location"])
        route.fulfill(status=204)

    context.route("**/w/*", stay)
    page = context.new_page()
    page.goto("/estoque")
    page.locator(".card-title a").first.click()
    expect(page).to_have_url(re.compile("/oferta/"))
    car = page.locator("h1").inner_text().split("\n")[0].split()[0]
    with page.expect_response("**/w/*"):
        page.locator(".dock a[href^='/w/oferta-']").click()
    assert asked[0].startswith("https://wa.me/55")
    text = parse_qs(urlsplit(asked[0]).query)["text"][0]
    assert car in text
    assert re.search(r"R\$ [\d.]+", text)
    assert re.search(r"\[[A-Z0-9]{6}\]$", text)
    context.close()


def fill(page: Page) -> None:
    form = page.locator("[data-lead-form]").first
    form.locator("[name=nome]").fill("Maria da Silva")
    form.locator("[name=telefone]").fill("(11) 98765-4321")
    form.locator("[name=mensagem]").fill("Tem outra cor?")


def button(page: Page):
    return page.locator("[data-lead-form] button[type=submit]").first


def sent_origin(page: Page) -> dict:
    """The hidden field of the next post, which then goes through."""
    fill(page)
    with page.expect_request(lambda request: request.method == "POST") as posted:
        button(page).click()
    expect(page).to_have_url(re.compile("/obrigado"))
    return json.loads(parse_qs(posted.value.post_data)["origem"][0])


def test_a_form_says_where_the_visit_came_from(scripted_phone: Page):
    scripted_phone.goto(ARRIVAL)
    scripted_phone.goto("/estoque")
    scripted_phone.goto("/contato")
    origin = sent_origin(scripted_phone)
    assert origin["first"] == origin["last"]
    assert {key: origin["first"][key] for key in ("source", "campaign", "gclid", "landing")} == {
        "source": "google", "campaign": "verao", "gclid": "abc123", "landing": "/"
    }  # fmt: skip


def test_a_later_campaign_is_the_last_touch_and_the_first_stays(scripted_phone: Page):
    scripted_phone.goto(ARRIVAL)
    scripted_phone.goto("/contato?utm_source=instagram&fbclid=x&nada=1")
    origin = sent_origin(scripted_phone)
    assert origin["first"]["source"] == "google"
    assert origin["last"]["source"] == "instagram"
    assert "nada" not in origin["last"]


def test_a_touch_older_than_ninety_days_is_forgotten(scripted_phone: Page):
    old = {"source": "antigo", "landing": "/", "at": "2020-01-01T00:00:00.000Z"}
    scripted_phone.goto("/contato")
    scripted_phone.evaluate(
        "(old) => localStorage.setItem('origem', JSON.stringify({first: old, last: old}))", old
    )
    scripted_phone.reload()
    assert scripted_phone.evaluate("localStorage.getItem('origem')") is None


@pytest.mark.parametrize("rubbish", ["{", "[]", "null", '{"first": 1, "last": {"at": 5}}', '"x"'])
def test_a_damaged_memory_breaks_nothing(scripted_phone: Page, rubbish: str):
    scripted_phone.goto("/contato")
    scripted_phone.evaluate(
        "(text) => { localStorage.setItem('origem', text);"
        " sessionStorage.setItem('rascunho:/contato', text); }",
        rubbish,
    )
    scripted_phone.goto("/contato?utm_source=google")
    assert sent_origin(scripted_phone)["last"]["source"] == "google"


def test_what_was_typed_survives_a_reload_until_it_is_sent(scripted_phone: Page):
    scripted_phone.goto("/contato")
    fill(scripted_phone)
    scripted_phone.reload()
    field = scripted_phone.locator("[data-lead-form] [name=mensagem]").first
    expect(field).to_have_value("Tem outra cor?")
    button(scripted_phone).click()
    expect(scripted_phone).to_have_url(re.compile("/obrigado"))
    scripted_phone.goto("/contato")
    expect(scripted_phone.locator("[data-lead-form] [name=mensagem]").first).to_have_value("")


def test_without_a_connection_the_form_says_so_and_keeps_the_text(scripted_phone: Page):
    scripted_phone.goto("/contato")
    fill(scripted_phone)
    scripted_phone.context.set_offline(True)
    button(scripted_phone).click()
    expect(scripted_phone.locator("p[data-unsent]")).to_be_visible()
    expect(button(scripted_phone)).to_be_enabled()
    scripted_phone.context.set_offline(False)
    button(scripted_phone).click()
    expect(scripted_phone).to_have_url(re.compile("/obrigado"))


def test_a_form_is_sent_once_and_can_be_sent_again_later(scripted_phone: Page):
    posts: list[str] = []
    scripted_phone.clock.install()
    scripted_phone.goto("/contato")

    def swallow(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        posts.append("post")
        return route.fulfill(status=204)  # the page stays, as while a slow answer is on its way

    scripted_phone.route("**/contato", swallow)
    fill(scripted_phone)
    button(scripted_phone).click()
    scripted_phone.clock.fast_forward(500)
    expect(button(scripted_phone)).to_be_disabled()
    scripted_phone.clock.fast_forward(10_000)
    expect(button(scripted_phone)).to_be_enabled()
    assert posts == ["post"]


def test_the_first_wrong_field_has_the_focus(scripted_phone: Page):
    scripted_phone.goto("/contato")
    form = scripted_phone.locator("[data-lead-form]").first
    form.locator("[name=nome]").fill("Maria")
    form.locator("[name=telefone]").fill("123")
    form.locator("button[type=submit]").click()
    expect(scripted_phone.locator("[name=telefone]").first).to_be_focused()
    expect(scripted_phone.locator("[name=nome]").first).to_have_value("Maria")
