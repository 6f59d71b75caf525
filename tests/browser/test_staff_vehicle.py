"""A seller in the yard: a car from its plate to the site, on a phone, in under two minutes."""

import re
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESK, PHONE, _watched

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

PASSWORD = "vitrine-de-demonstracao"
MOST_TAPS = 20
CARS = "main a[href^='/admin/veiculo/']:not([href*=novo])"
MOST_SECONDS = 120


@pytest.fixture
def seller(browser: Browser, site: str) -> Iterator[Page]:
    for page in _watched(browser.new_context(**PHONE, base_url=site), has_script=True):
        sign_in(page, "vendedor@demo.example")
        yield page


@pytest.fixture
def desk_owner(browser: Browser, site: str) -> Iterator[Page]:
    for page in _watched(browser.new_context(**DESK, base_url=site), has_script=True):
        sign_in(page, "dona@demo.example")
        yield page


def sign_in(page: Page, email: str) -> None:
    page.goto("/admin/login")
    page.fill("[name=email]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(re.compile("/admin/(?!login)"))


class Finger:
    """Counts what a person would touch: a tap for each button, field and picture."""

    def __init__(self, page: Page) -> None:
        self.page, self.taps = page, 0
        self.began = time.monotonic()

    def tap(self, selector: str) -> None:
        self.taps += 1
        self.page.locator(selector).first.tap()

    def type(self, selector: str, text: str) -> None:
        self.taps += 1
        self.page.locator(selector).first.fill(text)

    def choose(self, selector: str, value: str) -> None:
        self.taps += 2
        self.page.locator(selector).first.select_option(value)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


def photos(folder: Path, count: int) -> list[str]:
    paths = []
    for number in range(count):
        picture = Image.effect_noise((900, 675), 30 + number).convert("RGB")
        body = BytesIO()
        picture.save(body, "JPEG", quality=80)
        path = folder / f"foto-{number}.jpg"
        path.write_bytes(body.getvalue())
        paths.append(str(path))
    return paths


def test_a_car_comes_from_its_plate_to_the_site_in_under_two_minutes(
    seller: Page, tmp_path: Path
) -> None:
    page, finger = seller, Finger(seller)
    page.goto("/admin/veiculo/novo/")
    finger.type("#n-placa", "qrs4e56")
    finger.tap("text=Começar pela placa")
    # Nothing is known of this plate: make and model are typed, the version is chosen.
    expect(page.locator("#f-make")).to_be_visible()
    finger.type("#f-price", "74.900")
    finger.type("#f-mileage", "38.500")
    finger.choose("#f-color", "silver")
    finger.type("#f-make", "Fiat")
    finger.type("#f-model_name", "Argo")
    finger.type("#f-trim", "1.0 Drive")
    finger.type("#f-model_year", "2022")
    finger.tap("text=Criar e tirar fotos")
    page.wait_for_url(re.compile(r"/admin/fotos/\d+/"))
    finger.taps += 2  # the camera's button, and its shutter
    page.locator("[data-photo-input][multiple]").set_input_files(photos(tmp_path, 8))
    expect(page.locator("[data-shots] > li")).to_have_count(8, timeout=60_000)
    number = re.search(r"/fotos/(\d+)/", page.url)[1]
    finger.tap(f"a[href='/admin/veiculo/{number}/']")
    finger.tap("text=Salvar e publicar")
    expect(page.locator(".flash")).to_contain_text("no site")
    print(f"plate to published: {finger.taps} taps, {finger.seconds:.1f} s of script")
    assert finger.taps <= MOST_TAPS
    assert finger.seconds < MOST_SECONDS
    link = page.locator(".page-acts a[href^='/oferta/']").get_attribute("href")
    answer = page.goto(link)
    assert answer.status == 200
    expect(page.locator("h1")).to_contain_text("Fiat Argo")
    expect(page.locator(".price").first).to_contain_text("74.900")


def test_a_car_sold_before_comes_filled_in_from_its_plate(desk_owner: Page) -> None:
    page = desk_owner
    page.goto("/admin/veiculo/novo/")
    page.fill("#n-placa", "TUV1B23")
    page.click("text=Começar pela placa")
    for name, text in (
        ("make", "Honda"), ("model_name", "Fit"), ("trim", "1.5 EXL CVT"), ("model_year", "2020"),
        ("price", "89.900"),
    ):  # fmt: skip
        page.fill(f"#f-{name}", text)
    page.select_option("#f-color", "red")
    page.click("text=Criar e tirar fotos")
    number = re.search(r"/fotos/(\d+)/", page.url)[1]
    page.goto(f"/admin/veiculo/{number}/")
    page.click("text=Arquivar este carro")
    page.click("[data-confirm-yes]")
    page.wait_for_url(re.compile("/admin/estoque/"))
    page.goto("/admin/veiculo/novo/")
    page.fill("#n-placa", "tuv-1123")  # the same car, by its old plate
    page.click("text=Começar pela placa")
    expect(page.locator("#f-model_name")).to_have_value("Fit")
    expect(page.locator("#f-trim")).to_have_value("1.5 EXL CVT")
    expect(page.locator("#f-color")).to_have_value("red")
    expect(page.locator("#f-price")).to_have_value("")


def test_the_preview_beside_the_form_shows_what_is_typed(desk_owner: Page) -> None:
    page = desk_owner
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/admin/estoque/?situacao=publicado")
    page.goto(page.locator(CARS).first.get_attribute("href"))
    frame = page.frame_locator("[data-preview]")
    expect(frame.locator("h1")).to_be_visible()
    page.fill("#f-description", "Texto que só existe na prévia.")
    expect(frame.locator("#about ~ p")).to_have_text("Texto que só existe na prévia.")
    expect(page.locator("[data-save-state]")).to_contain_text("não")
    page.once("dialog", lambda dialog: dialog.accept())
    page.goto("/admin/")


def test_two_people_saving_one_car_lose_nothing(
    browser: Browser, site: str, desk_owner: Page
) -> None:
    first = desk_owner
    first.goto("/admin/estoque/?situacao=publicado")
    address = first.locator(CARS).last.get_attribute("href")
    for second in _watched(browser.new_context(**DESK, base_url=site), has_script=True):
        sign_in(second, "gerente@demo.example")
        first.goto(address)
        second.goto(address)
        second.fill("#f-mileage", "12.345")
        second.fill("#f-engine", "1.0 deles")
        second.click(".save-bar .primary")
        expect(second.locator(".flash")).to_contain_text("Salvo")
        first.fill("#f-engine", "1.0 meu")
        first.fill("#f-doors", "5")
        first.click(".save-bar .primary")
        expect(first.locator(".clash")).to_contain_text("1.0 deles")
        expect(first.locator(".clash")).to_contain_text("1.0 meu")
        first.check("input[name=decisao_engine][value=deles]")
        first.click("text=Salvar com estas escolhas")
        expect(first.locator(".flash")).to_contain_text("Salvo")
        expect(first.locator("#f-engine")).to_have_value("1.0 deles")
        expect(first.locator("#f-doors")).to_have_value("5")
        expect(first.locator("#f-mileage")).to_have_value("12.345")


def test_options_are_found_by_typing_and_links_open_their_fold(seller: Page) -> None:
    page = seller
    page.goto("/admin/estoque/")
    page.goto(page.locator(CARS).first.get_attribute("href"))
    page.fill("#o-search", "couro")
    expect(page.locator("[data-options] .chip:visible")).to_have_count(1)
    page.fill("#o-search", "")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    small = page.evaluate(
        """() => [...document.querySelectorAll('main button, main a.button, main summary')]
        .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 43)
        .map((one) => one.textContent.trim())"""
    )
    assert small == []
