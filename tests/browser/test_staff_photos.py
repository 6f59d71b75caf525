"""A seller in the yard: eight photos from a phone, one refused, in order, a cover, back again."""

import io
import re
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from demo.drawing import SHOTS, draw_photo_jpeg
from tests.browser.conftest import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

SELLER, PASSWORD = "vendedor@demo.example", "vitrine-de-demonstracao"


def pictures(count: int) -> list[dict[str, object]]:
    """Different photos, as a phone's gallery hands them over."""
    drawn = []
    for number in range(count):
        shot = SHOTS[number % len(SHOTS)].angle
        data = draw_photo_jpeg("suv", "blue", shot, seed=number, size=(1000, 750))
        if number >= len(SHOTS):
            turned = io.BytesIO()
            Image.open(io.BytesIO(data)).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
                turned, "JPEG"
            )
            data = turned.getvalue()
        drawn.append({"name": f"IMG_{number}.jpg", "mimeType": "image/jpeg", "buffer": data})
    return drawn


def sign_in(page: Page) -> None:
    page.goto("/admin/login")
    page.fill("[name=email]", SELLER)
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(re.compile(r"/admin/(?!login)"))


def barest_car(page: Page) -> Page:
    """The page of the photos of the car that has the fewest."""
    sign_in(page)
    page.goto("/admin/fotos/")
    page.locator("tbody a").first.click()
    page.wait_for_selector("[data-scripted]:not([hidden])")
    return page


@pytest.fixture
def car(scripted_phone: Page) -> Page:
    return barest_car(scripted_phone)


@pytest.fixture
def car_far_away(browser: Browser, site: str) -> Iterator[Page]:
    """The same without the watch over errors: a lost connection is one, for the browser."""
    context = browser.new_context(**PHONE, base_url=site)
    yield barest_car(context.new_page())
    context.close()


def order(page: Page) -> list[str]:
    return [shot.get_attribute("data-photo") or "" for shot in page.locator("[data-photo]").all()]


def saved_order(page: Page) -> list[str]:
    page.reload()
    return order(page)


def test_eight_photos_from_a_phone_in_order_with_a_cover_and_one_refused(car: Page):
    before = len(order(car))
    files = pictures(8)
    files.insert(3, {"name": "notas.jpg", "mimeType": "image/jpeg", "buffer": b"not a photo"})
    files.append({"name": "IMG_9.HEIC", "mimeType": "image/heic", "buffer": b"ftypheic"})
    car.set_input_files("[data-photo-input][multiple]", files)
    expect(car.locator("[data-photo]")).to_have_count(before + 8, timeout=90_000)

    refused = car.locator("[data-queue] li.is-bad")
    expect(refused).to_have_count(2)
    expect(car.locator("[data-queue]")).to_contain_text("não é uma foto")
    expect(car.locator("[data-queue]")).to_contain_text("HEIC")
    assert car.evaluate("document.documentElement.scrollWidth") == 360

    # by button, by key, by finger: each is there after loading the page again
    ids = order(car)
    with car.expect_response(re.compile("/ordem$")):
        car.locator(f"#foto-{ids[-1]} .shot-before button").click()
    ids[-1], ids[-2] = ids[-2], ids[-1]
    with car.expect_response(re.compile("/ordem$")):
        car.locator(f"#foto-{ids[0]} [data-drag]").press("ArrowDown")
    ids[0], ids[1] = ids[1], ids[0]
    assert saved_order(car) == ids

    handle = car.locator(f"#foto-{ids[0]} [data-drag]")
    handle.scroll_into_view_if_needed()
    start, end = handle.bounding_box(), car.locator(f"#foto-{ids[2]}").bounding_box()
    assert start
    assert end
    car.mouse.move(start["x"] + 20, start["y"] + 20)
    car.mouse.down()
    with car.expect_response(re.compile("/ordem$")):
        car.mouse.move(end["x"] + 40, end["y"] + 40, steps=8)
        car.mouse.up()
    moved = saved_order(car)
    assert moved.index(ids[0]) > 0
    assert sorted(moved) == sorted(ids)

    last = moved[-1]
    car.locator(f"#foto-{last} .shot-star button").click()
    expect(car.locator("[data-photo]").first).to_have_attribute("data-photo", last)

    car.locator(f"#foto-{last}").get_by_role("button", name="Apagar").click()
    expect(car.locator(f"#foto-{last}")).to_have_count(0)
    car.get_by_role("button", name="Desfazer").click()
    expect(car.locator("[data-photo]")).to_have_count(before + 8)


def test_a_lost_connection_is_waited_for_and_the_photo_goes_on(car_far_away: Page):
    car = car_far_away
    before = len(order(car))
    lost = {"count": 0}

    def lose(route) -> None:
        lost["count"] += 1
        if lost["count"] <= 2:
            route.abort()
        else:
            route.continue_()

    car.route(re.compile(r"envios/[0-9a-f]+\?de="), lose)
    data = Image.effect_noise((900, 700), 90).convert("RGB")
    buffer = io.BytesIO()
    data.save(buffer, "JPEG", quality=90)
    car.set_input_files(
        "[data-photo-input][multiple]",
        [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": buffer.getvalue()}],
    )
    expect(car.locator("[data-queue]")).to_contain_text("Sem conexão")
    expect(car.locator("[data-photo]")).to_have_count(before + 1, timeout=60_000)
    assert lost["count"] >= 3


def test_a_photo_for_a_missing_view_fills_its_place(car: Page):
    slot = car.locator("[data-slot=wheel]")
    slot.set_input_files(pictures(7)[6])
    expect(car.locator("[data-guide] .is-there").filter(has_text="Roda")).to_have_count(
        1, timeout=60_000
    )
