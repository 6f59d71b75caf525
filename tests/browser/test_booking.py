"""Two people want one car at one time: the first has it, the other hears so and gets another."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE

pytestmark = pytest.mark.browser


def fill(page: Page, name: str, wish: str) -> None:
    """Everything but the press of the button; `wish` is the time's value."""
    form = page.locator("form[data-lead-form]").first
    form.locator("[name=nome]").fill(name)
    form.locator("[name=telefone]").fill("(11) 98765-4321")
    choose(page, wish)


def choose(page: Page, value: str) -> None:
    radio = page.locator(f"[name=horario][value='{value}']").first
    folded = page.locator("details.day:not([open])", has=radio)
    if folded.count():
        folded.first.locator("summary").click()
    radio.check()


def first_time(page: Page) -> str:
    return page.locator("details.day [name=horario]").first.get_attribute("value")


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
def test_one_car_one_time_one_driver(browser: Browser, site: str, has_script: bool):
    contexts = [
        browser.new_context(**PHONE, base_url=site, java_script_enabled=has_script)
        for _person in range(2)
    ]
    ana, bia = (context.new_page() for context in contexts)
    # Each run of this test takes another car: the last one's times stay taken.
    ana.goto("/estoque?ordem=menor-preco" if has_script else "/estoque?ordem=maior-preco")
    offer = ana.locator(".card").first.get_attribute("data-offer")
    for page in (ana, bia):
        page.goto(f"/test-drive?oferta={offer}")
    wish = first_time(ana)
    assert wish == first_time(bia)
    fill(ana, "Ana Souza", wish)
    fill(bia, "Bia Lima", wish)
    for page in (ana, bia):
        page.locator("form[data-lead-form] button[type=submit]").first.click()
    expect(ana).to_have_url(re.compile("/obrigado/"))

    problem = bia.locator("#f-horario-error")
    expect(problem).to_be_visible()
    expect(bia.locator("[name=nome]").first).to_have_value("Bia Lima")
    other = bia.locator(".slots > .chips [name=horario]").first.get_attribute("value")
    assert other != wish
    bia.locator(f".slots > .chips [name=horario][value='{other}']").check()
    bia.locator("form[data-lead-form] button[type=submit]").first.click()
    expect(bia).to_have_url(re.compile("/obrigado/"))

    # What was taken is offered to nobody else, and given back when its person cancels.
    bia.goto(f"/test-drive?oferta={offer}")
    assert bia.locator(f"[name=horario][value='{wish}']").count() == 0
    ana.goto(re.sub("/obrigado/", "/agenda/", ana.url).partition("?")[0])
    ana.get_by_role("button", name=re.compile("Cancelar|Cancel")).click()
    expect(ana.locator("h1")).to_have_text(re.compile("cancel", re.IGNORECASE))
    bia.reload()
    assert bia.locator(f"[name=horario][value='{wish}']").count() == 1
    for context in contexts:
        context.close()
