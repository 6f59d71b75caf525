"""What a buyer does, on a phone, with and without JavaScript."""

import re

import pytest
from playwright.sync_api import Page, expect

# What the browser does here does not depend on the database.
pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

COUNT = re.compile(r"\d+ veículos?")


def count_on(page: Page) -> int:
    return int(re.search(r"\d+", page.locator("#count").inner_text().replace(".", ""))[0])


def test_search_filter_offer_and_back(phone: Page):
    phone.goto("/")
    phone.get_by_label("Marca, modelo ou o que você precisa").fill("carro automático até 150 mil")
    phone.get_by_role("button", name="Buscar").click()
    expect(phone.locator("#count")).to_contain_text(COUNT)
    found = count_on(phone)
    assert 0 < found < 40
    expect(phone.get_by_role("group", name="Filtros ativos")).to_contain_text("150.000")

    phone.get_by_role("link", name="Filtrar").click()
    filters = phone.locator("#filtros")
    expect(filters).to_be_visible()
    group = filters.locator("[data-group=condicao]")
    if group.get_attribute("open") is None:
        group.locator("summary").first.click()
    group.get_by_label(re.compile("^(Seminovo|Usado)")).check()
    filters.locator(".filters-foot button").click()
    expect(phone).to_have_url(re.compile("condicao=seminovo"))
    expect(filters).to_be_hidden()
    assert count_on(phone) <= found
    listed = phone.url

    first = phone.locator(".card-title a").first
    title = first.inner_text().split("\n")[0].strip()
    first.click()
    expect(phone).to_have_url(re.compile("/oferta/"))
    expect(phone.locator("h1")).to_contain_text(title.split()[0])
    phone.go_back()
    assert phone.url == listed
    expect(phone.locator("#count")).to_contain_text(COUNT)


def test_a_chip_takes_its_filter_out(phone: Page):
    phone.goto("/estoque?carroceria=suv&cambio=automatico")
    before = count_on(phone)
    phone.get_by_role("group", name="Filtros ativos").get_by_role(
        "link", name=re.compile("Autom")
    ).click()
    expect(phone).to_have_url(re.compile(r"/estoque/suv$"))
    assert count_on(phone) >= before


def test_sorting_by_price(phone: Page):
    phone.goto("/estoque")
    phone.get_by_label("Ordenar por").select_option("menor-preco")
    if not phone.has_script:
        phone.get_by_role("button", name="Ordenar").click()
    expect(phone).to_have_url(re.compile("ordem=menor-preco"))
    # Not the inner texts: a card that is not drawn yet (content-visibility) has none.
    texts = phone.locator(".card .price").all_text_contents()
    prices = [int(re.sub(r"\D", "", text)) for text in texts]
    assert prices == sorted(prices)


def test_gallery(phone: Page):
    phone.goto("/estoque")
    phone.locator(".card-title a").first.click()
    phone.locator("[data-photo='0']").click()
    if not phone.has_script:
        expect(phone).to_have_url(re.compile(r"/media/.*\.jpg"))
        return
    viewer = phone.locator("[data-viewer]")
    expect(viewer).to_be_visible()
    expect(phone.locator("[data-viewer-count]")).to_have_text(re.compile("^1/"))
    phone.keyboard.press("ArrowRight")
    expect(phone.locator("[data-viewer-count]")).to_have_text(re.compile("^2/"))
    phone.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    pictures = viewer.locator("picture")
    many = pictures.count()
    phone.locator("[data-photo='1']").click()
    expect(phone.locator("[data-viewer-count]")).to_have_text(f"2/{many}")
    expect(pictures).to_have_count(many)


def test_favourites_without_an_account(phone: Page):
    phone.goto("/estoque")
    card = phone.locator(".card").first
    title = card.locator(".card-title").inner_text().split("\n")[0].strip()
    card.locator("[data-favourite]").click()
    phone.goto("/favoritos")
    expect(phone.locator("main")).to_contain_text(title)
    if phone.has_script:
        phone.locator("[data-favourite]").first.click()
        phone.reload()
    else:
        phone.get_by_role("button", name=re.compile("^Remover")).click()
    expect(phone.get_by_text("Nada salvo ainda")).to_be_visible()


def test_compare_two(phone: Page):
    phone.goto("/estoque")
    for number in (0, 1):
        phone.locator(".card [data-compare]").nth(number).click()
        if not phone.has_script:
            expect(phone).to_have_url(re.compile("/comparar"))
            if number == 0:
                phone.goto("/estoque")
    if phone.has_script:
        phone.locator("[data-compare-link]").click()
    expect(phone).to_have_url(re.compile(r"/comparar\?ids=\w+(,|%2C)\w+"))
    expect(phone.locator(".compare thead th")).to_have_count(2)
    expect(phone.locator(".compare")).to_contain_text("Preço à vista")


def test_simulate(phone: Page):
    phone.goto("/estoque?ordem=maior-preco")
    phone.locator(".card-title a").first.click()
    form = phone.locator("[data-simulate]")
    before = phone.locator(".sim-main").inner_text()
    form.get_by_label("Entrada (R$)").first.fill("40.000")
    form.get_by_label("Prazo").select_option("24")
    form.get_by_role("button", name="Calcular").click()
    expect(phone.locator(".sim-main")).not_to_have_text(before)
    expect(phone.locator("[data-result]")).to_contain_text("CET")
    form = phone.locator("[data-simulate]")
    form.get_by_label("Entrada (R$)").first.fill("muito")
    form.get_by_role("button", name="Calcular").click()
    expect(phone.locator(".error-text")).to_contain_text("20.000")
    assert form.get_by_label("Entrada (R$)").first.input_value() == "muito"


def test_nothing_found_offers_a_way_on(phone: Page):
    phone.goto("/estoque?carroceria=suv&preco_max=5000")
    expect(phone.get_by_text("Nenhum veículo atende a tudo isso")).to_be_visible()
    phone.locator(".empty .chips a").first.click()
    expect(phone.locator(".card").first).to_be_visible()


def test_recently_seen(phone: Page):
    phone.goto("/estoque")
    title = phone.locator(".card-title").first.inner_text().split("\n")[0].strip()
    phone.locator(".card-title a").first.click()
    expect(phone).to_have_url(re.compile("/oferta/"))
    phone.wait_for_load_state("networkidle")
    phone.goto("/favoritos")
    expect(phone.get_by_role("heading", name="Vistos recentemente")).to_be_visible()
    expect(phone.locator("main")).to_contain_text(title)
