"""From the ad to the thank-you on a phone, with and without a script."""

import pytest
from playwright.sync_api import Page

# What the browser does here does not depend on the database.
pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

AD = "?utm_source=google&utm_medium=cpc&utm_campaign=seminovos&utm_term=carro+automatico"


def test_ad_to_landing_page_to_thank_you(phone: Page):
    phone.goto(f"/lp/seminovos-ate-70-mil{AD}")
    assert phone.locator("h1").inner_text().replace("\xa0", " ") == (
        "Seminovos automáticos até R$ 70 mil"
    )
    name = phone.locator("#f-nome")
    assert name.bounding_box()["y"] < phone.viewport_size["height"]
    car = phone.locator("article[data-offer]").first
    title = car.locator("h3").inner_text().split("\n")[0]
    car.locator("a.button").click()
    phone.wait_for_url("**carro=**")
    assert title in phone.locator(".lp-about").inner_text()
    assert "automáticos" in phone.locator("h1").inner_text()  # the ad is not forgotten
    name.fill("Ana Souza")
    phone.locator("#f-telefone").fill("19 98765-4321")
    phone.locator("#pedido button[type=submit]").click()
    phone.wait_for_url("**/obrigado?pedido=*")
    assert title in phone.locator("article[data-offer]").first.inner_text()
    assert phone.locator("a[href^='/w/oferta-']").first.is_visible()


def test_a_refused_form_keeps_what_was_typed(phone: Page):
    phone.goto("/lp/troca-com-troco")
    phone.locator("#f-nome").fill("Ana Souza")
    phone.locator("#f-telefone").fill("123")
    phone.locator("#pedido button[type=submit]").click()
    phone.wait_for_selector("#f-telefone-error")
    assert phone.locator("#f-nome").input_value() == "Ana Souza"
    assert phone.locator("#f-telefone").input_value() == "123"


def test_the_fixed_button_covers_neither_the_form_nor_the_end(phone: Page):
    phone.goto("/lp/seminovos-ate-70-mil")
    dock = phone.locator(".lp-dock")
    height = phone.viewport_size["height"]
    assert dock.bounding_box()["y"] >= height or not _overlaps(phone, ".lp-dock", "#pedido")
    phone.evaluate("scrollTo({top: document.body.scrollHeight / 2, behavior: 'instant'})")
    box = dock.bounding_box()
    assert box["y"] + box["height"] <= height + 1
    phone.evaluate("scrollTo({top: document.body.scrollHeight, behavior: 'instant'})")
    assert not _overlaps(phone, ".lp-dock", ".lp-foot")
    assert not _overlaps(phone, ".lp-dock", ".lp-last-words")


def _overlaps(page: Page, one: str, other: str) -> bool:
    first, second = page.locator(one).bounding_box(), page.locator(other).bounding_box()
    return (
        first["y"] < second["y"] + second["height"] and second["y"] < first["y"] + first["height"]
    )


def test_the_countdown_names_a_day_and_ticks_only_with_a_script(phone: Page):
    phone.goto("/lp/oferta-da-semana")
    assert phone.locator(".lp-countdown time").inner_text()
    ticking = phone.locator("[data-countdown]").inner_text()
    assert bool(ticking) is phone.has_script


def test_the_first_view_is_light(desk: Page, site: str):
    weights = []
    desk.on("response", lambda answer: weights.append((answer.url, answer)))
    desk.goto("/lp/seminovos-ate-70-mil", wait_until="networkidle")
    sizes = {
        url: answer.request.sizes()["responseBodySize"]
        for url, answer in weights
        if "/media/" not in url
    }
    assert sum(sizes.values()) <= 60 * 1024, sizes
