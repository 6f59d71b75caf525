"""A landing page built from nothing on a phone: previewed, published, tested."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

PASSWORD = "vitrine-de-demonstracao"


def sign_in(page: Page, email: str = "redacao@demo.example") -> None:
    page.goto("/admin/login")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.locator("main button[type=submit]").first.click()
    page.wait_for_url("**/admin/")


def press(page: Page, do: str) -> None:
    """Press a button of the builder and wait for the page that comes."""
    with page.expect_navigation():
        page.locator(f"button[name=do][value='{do}']").last.click()


def open_block(page: Page, number: int) -> None:
    block = page.locator(f"#bloco-{number} details")
    if block.get_attribute("open") is None:
        block.locator("summary").click()


def test_a_page_is_built_previewed_published_and_tested_on_a_phone(phone: Page):
    slug = f"campanha-{'com' if phone.has_script else 'sem'}-script"
    sign_in(phone)
    phone.goto("/admin/paginas/nova/troca")
    phone.fill("#f-nome", "Campanha de teste")
    phone.fill("#f-endereco", slug)
    phone.locator("main form.panel button[type=submit]").click()
    phone.wait_for_selector("[data-builder]")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360

    # Another promise, and a button that says nothing.
    open_block(phone, 0)
    phone.fill("#f-b0-headline", "Seu usado vale mais aqui")
    open_block(phone, 1)
    phone.fill("#f-b1-action", "Clique aqui")
    if phone.has_script:
        suggestion = phone.locator("#bloco-1 [data-suggestion]")
        expect(suggestion).to_be_visible()
        suggestion.click()
        expect(phone.locator("#f-b1-action")).to_have_value("Avalie meu carro")
        expect(suggestion).to_have_count(0)
    else:
        phone.fill("#f-b1-action", "Avalie meu carro")

    # One more block, moved up.
    phone.locator(".add-block summary").click()
    press(phone, "add:text")
    place = phone.locator("[data-block]").count() - 2
    phone.fill(f"#f-b{place}-markdown", "Trazemos **o valor por escrito**.")
    press(phone, f"up:{place}")
    assert phone.locator(f"#f-b{place - 1}-markdown").input_value().startswith("Trazemos")

    # The preview shows what is not saved.
    press(phone, "preview")
    inside = phone.frame_locator("iframe.preview-whole")
    expect(inside.locator("h1")).to_have_text("Seu usado vale mais aqui")
    assert phone.goto(f"/lp/{slug}").status == 404

    phone.goto("/admin/paginas/?q=" + slug)
    phone.locator("table tbody a").first.click()
    press(phone, "publish")
    phone.goto(f"/lp/{slug}")
    assert phone.locator("h1").inner_text() == "Seu usado vale mais aqui"

    # A second face of it.
    phone.goto("/admin/paginas/?q=" + slug)
    phone.locator("table tbody a").first.click()
    press(phone, "variant")
    phone.fill("#f-v-b-headline", "Troque com o valor por escrito")
    press(phone, "publish")
    phone.goto(f"/lp/{slug}")
    assert phone.locator("h1").inner_text() in {
        "Seu usado vale mais aqui",
        "Troque com o valor por escrito",
    }
    phone.goto("/admin/paginas/?q=" + slug)
    phone.locator("table a[href$='/teste']").click()
    expect(phone.locator(".notice")).to_contain_text("Não conclusivo")


def test_the_preview_follows_what_is_typed(desk: Page):
    sign_in(desk)
    desk.goto("/admin/paginas/1/")
    inside = desk.frame_locator("[data-preview]")
    expect(inside.locator("h1")).to_be_visible()
    open_block(desk, 0)
    desk.fill("#f-b0-headline", "Uma promessa nova, escrita agora")
    expect(inside.locator("h1")).to_have_text("Uma promessa nova, escrita agora")
    desk.fill("#f-title", "Um título novo")
    expect(desk.locator(".seo-title")).to_have_text("Um título novo")
    desk.reload()
    desk.locator("button[value=drop]").click()
    desk.locator("[data-confirm-yes]").click()
    desk.wait_for_load_state()
    expect(desk.locator("[data-builder-state]")).to_contain_text("no ar")
