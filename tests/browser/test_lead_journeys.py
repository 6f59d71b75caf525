"""What a buyer asks for, on a phone, with and without JavaScript: each journey to its thank-you."""

import re
import uuid
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, Response, Route, expect

from tests.browser.conftest import PHONE
from tests.pictures import turned_photo

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

THANKS = re.compile(r"/obrigado/[0-9a-f]{32}")


def introduce(page: Page, form: str, name: str = "Ana Teste") -> None:
    """Name and phone; everybody a number of her own, so that nobody is somebody else."""
    page.locator(f"{form} [name=nome]").fill(name)
    number = f"119{uuid.uuid4().int % 10**8:08d}"
    page.locator(f"{form} [name=telefone]").fill(number)


def send(page: Page, form: str) -> None:
    page.locator(f"{form} button[type=submit]").click()


def first_offer(page: Page) -> str:
    page.goto("/estoque?ordem=maior-preco")
    return page.locator(".card-title a").first.get_attribute("href")


def test_offer_to_proposal_to_thanks_to_further_answers(phone: Page):
    path = first_offer(phone)
    phone.goto(path)
    phone.locator(".dock a[href='#proposta']").click()
    expect(phone.locator("#pedido")).to_be_in_viewport()
    send(phone, "#pedido")
    expect(phone.locator("#pedido [name=nome]")).to_be_focused()
    expect(phone.locator("#pedido .error-text").first).to_be_visible()
    introduce(phone, "#pedido")
    phone.locator("#pedido [name=mensagem]").fill("Aceita troca? 🚗")
    send(phone, "#pedido")
    expect(phone).to_have_url(THANKS)
    expect(phone.locator(f"main a[href='{path}']").first).to_be_attached()
    expect(phone.locator("main a[href^='/w/oferta-']").first).to_be_visible()
    phone.locator("#detalhes [name=prazo][value=week]").check()
    phone.locator("#detalhes [name=troca]").fill("Uno 2010")
    send(phone, "#detalhes")
    expect(phone).to_have_url(re.compile(r"respostas=salvas"))
    expect(phone.locator("#detalhes")).to_have_count(0)
    phone.reload()
    expect(phone.locator("h1")).to_be_visible()


def test_trade_in_with_photos_from_a_phone(phone: Page, tmp_path: Path):
    photos = []
    for number in (1, 2):
        file = tmp_path / f"IMG_{number}.jpg"
        file.write_bytes(turned_photo(6))
        photos.append(file)
    phone.goto("/avaliacao")
    introduce(phone, "#form")
    for name, value in {
        "marca": "Fiat",
        "modelo": "Argo Drive",
        "ano": "20",
        "km": "42.000",
    }.items():
        phone.locator(f"#form [name={name}]").fill(value)
    phone.locator("#form [name=fotos]").set_input_files(photos)
    send(phone, "#form")
    expect(phone.locator("#form [name=ano]")).to_be_focused()
    assert phone.locator("#form [name=modelo]").input_value() == "Argo Drive"
    phone.locator("#form [name=ano]").fill("2021")
    phone.locator("#form [name=fotos]").set_input_files(photos)
    send(phone, "#form")
    expect(phone).to_have_url(THANKS)
    expect(phone.locator("main .notice")).to_have_count(0)


def test_the_last_seat_is_had_by_one_of_two_and_the_other_finds_a_time(
    phone: Page, browser: Browser, site: str
):
    """A car is driven by one person at a time: two phones, one car, one time."""
    phone.goto("/estoque")
    path = phone.locator(".card-title a").nth(3 if phone.has_script else 4).get_attribute("href")
    address = f"/test-drive?oferta={path.rpartition('-')[2]}"
    context = browser.new_context(**PHONE, base_url=site, java_script_enabled=phone.has_script)
    other = context.new_page()
    for page, name in ((phone, "Ana Teste"), (other, "Bia Teste")):
        page.goto(address)
        introduce(page, "#form", name)
        page.locator("#form .day[open] [name=horario]").first.check()
    chosen = phone.locator("#form [name=horario]:checked").input_value()
    assert other.locator("#form [name=horario]:checked").input_value() == chosen
    # Both are on their way before either has an answer.
    for page in (phone, other):
        page.locator("#form button[type=submit]").click(no_wait_after=True)
    for page in (phone, other):  # the old page is idle too: only its answer tells that one came
        has_time = page.locator("a[href$='.ics']")
        expect(has_time.or_(page.locator("#f-horario-error"))).to_be_visible()
    winners = [page for page in (phone, other) if THANKS.search(page.url)]
    assert len(winners) == 1
    expect(winners[0].locator("a[href$='.ics']")).to_be_visible()
    loser = other if winners[0] is phone else phone
    expect(loser.locator("#f-horario-error")).to_be_visible()
    assert loser.locator("#form [name=nome]").input_value().endswith("Teste")
    nearest = loser.locator("#form .slots > .chips [name=horario]")
    assert nearest.count() > 0
    assert chosen not in [field.input_value() for field in nearest.all()]
    nearest.first.check()
    send(loser, "#form")
    expect(loser).to_have_url(THANKS)
    expect(loser.locator("a[href$='.ics']")).to_be_visible()
    context.close()


@pytest.mark.parametrize("has_script", [True, False])
def test_offer_to_whatsapp(browser: Browser, site: str, has_script: bool):
    """The tap is counted here and ends at WhatsApp's door, which is not opened: the answer from
    there is ours."""
    jumps: list[str] = []

    def stop(route: Route) -> None:
        jumps.append(route.request.url)
        route.fulfill(status=200, content_type="text/html", body="<title>WhatsApp</title>")

    context = browser.new_context(**PHONE, base_url=site, java_script_enabled=has_script)
    context.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), stop)
    page = context.new_page()
    path = first_offer(page)
    page.goto(path)
    page.locator(".buy-actions a[href^='/w/']").click()
    expect(page).to_have_title("WhatsApp")
    (address,) = jumps
    context.close()
    assert address.startswith("https://wa.me/55")
    message = unquote(address)
    assert path in message
    assert re.search(r"\[[A-Z0-9]{6}\]$", message)  # joins the conversation to this visit


def test_a_double_click_is_one_submission(phone: Page):
    """Two taps on the button, as people do when nothing seems to happen: with the script one post
    leaves the phone, without it two, and both are answered as the one that they are."""
    answers: list[str] = []

    def note(answer: Response) -> None:
        if answer.request.method == "POST":
            answers.append(answer.headers.get("location", str(answer.status)))

    phone.on("response", note)
    phone.goto("/contato")
    introduce(phone, "#form")
    phone.locator("#form button[type=submit]").dblclick()
    expect(phone).to_have_url(THANKS)
    assert len(set(answers)) == 1
    assert THANKS.search(answers[0])


@pytest.mark.parametrize("path", ["/ligamos-para-voce", "/pos-venda", "/novidades"])
def test_the_other_forms_reach_their_thanks(phone: Page, path: str):
    phone.goto(path)
    if path == "/novidades":
        phone.locator("#form [name=email]").fill(f"{uuid.uuid4().hex[:8]}@exemplo.com.br")
    else:
        introduce(phone, "#form")
    send(phone, "#form")
    expect(phone).to_have_url(THANKS)


def test_a_simulation_is_asked_for_as_it_is_shown(phone: Page):
    phone.goto(first_offer(phone))
    form = phone.locator("[data-simulate]")
    form.get_by_label("Entrada (R$)").first.fill("40.000")
    form.get_by_label("Prazo").select_option("24")
    form.get_by_role("button", name="Calcular").click()
    expect(phone.locator("#simulacao [name=prazo]")).to_have_value("24")
    shown = phone.locator(".sim-main").inner_text()
    phone.locator(".sim .wish > summary").click()
    introduce(phone, "#simulacao")
    send(phone, "#simulacao")
    expect(phone).to_have_url(THANKS)
    expect(phone.locator("main")).to_contain_text(shown)
