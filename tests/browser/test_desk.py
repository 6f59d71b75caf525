"""The desk by two people at once: taken, answered, booked, handed over, won; late ones come back;
without a script, too. Nothing leaves the machine: WhatsApp's address is stopped and read."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect

from app import create_app
from core.clock import now
from core.db import db, writing
from dealership.models import Store
from dealership.staff import find_staff
from demo.staff import PASSWORD
from leads.duplicate_pairs import suggest
from leads.models import Lead, Person
from leads.pipeline import timers
from leads.pipeline.stages import Stage
from tests.browser.conftest import DESK, PHONE
from tests.leads.pipeline.waiting import happen, make_lead

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]

PATIENCE_MS = 30_000  # a failure, not a measure
HOME = "/admin/atendimento/"
MOST_STEPS = 6


@pytest.fixture(scope="module")
def behind(site: str, site_environment: dict[str, str]) -> Iterator[Flask]:
    """The running site's application, to make leads with and to move dates."""
    app = create_app(instance_dir=site_environment["VITRINE_INSTANCE_DIR"], base_url=site)
    with app.app_context():
        yield app


@pytest.fixture
def enter(browser: Browser, site: str) -> Iterator[object]:
    """`enter("atendente")`: a signed-in browser of that person; `.chats` is where WhatsApp's
    addresses go."""
    contexts = []

    def open_as(name: str, *, device: dict = DESK, has_script: bool = True) -> Page:
        context = browser.new_context(**device, base_url=site, java_script_enabled=has_script)
        contexts.append(context)
        page, chats = context.new_page(), []

        def stop(route: Route) -> None:
            chats.append(route.request.url)
            route.abort()

        context.route(lambda url: not url.startswith(site), stop)
        page.chats = chats
        page.goto("/admin/login")
        page.fill("[name=email]", f"{name}@demo.example")
        page.fill("[name=password]", PASSWORD)
        with page.expect_navigation():
            page.click("main button[type=submit]")
        return page

    yield open_as
    for context in contexts:
        context.close()


def new_lead(name: str) -> int:
    """Somebody who called just now: nobody stands before them in the queue."""
    with writing():
        store = db.session.scalars(sa.select(Store).order_by(Store.position)).first()
    person = Person(name=name, phone=f"+5519{900_000_000 + len(name) * 7919}")
    at = now() - timedelta(days=30)  # the oldest promise comes first
    return int(make_lead(person=person, store_id=store.id, kind="call_back", at=at).id)


def fresh(lead_id: int) -> Lead:
    db.session.rollback()
    return db.session.get_one(Lead, lead_id)


def test_taken_answered_booked_handed_over_and_won_by_two_at_once(behind: Flask, enter):
    bia, boss = enter("atendente"), enter("gerente")
    for page in (bia, boss):
        page.goto(HOME)
    lead_id = new_lead("Quirino Palhares")
    row = f"[data-live-item='{lead_id}']"
    for page in (bia, boss):  # both see it come, without a reload
        expect(page.locator(row)).to_be_visible(timeout=PATIENCE_MS)
    assert "Quirino" not in bia.content()

    steps = 0
    bia.keyboard.press("c")
    steps += 1
    bia.wait_for_url(f"**{HOME}{lead_id}/")
    expect(boss.locator(row)).to_have_count(0, timeout=PATIENCE_MS)
    with bia.expect_popup(), bia.expect_response(re.compile("/toque$")):
        bia.keyboard.press("w")
    steps += 1
    bia.wait_for_timeout(200)
    (chat,) = bia.chats
    parts = urlsplit(chat)
    assert (parts.netloc, parts.path[:3]) == ("wa.me", "/55")
    text = parse_qs(parts.query)["text"][0]
    assert "Quirino" in text
    assert "Bia" in text
    assert "{" not in text
    bia.bring_to_front()
    with bia.expect_navigation():
        bia.keyboard.press("m")
    steps += 1
    expect(bia.locator("[role=status]", has_text="Anotado").first).to_be_visible()
    assert steps <= MOST_STEPS
    assert fresh(lead_id).first_contact_at is not None  # proven, by the tap

    with bia.expect_navigation():
        bia.keyboard.press("f")
    expect(bia.locator(".desk-now")).to_contain_text("Em conversa")
    bia.keyboard.press("a")
    expect(bia.locator("#a-when")).to_be_focused()
    bia.locator("#a-when").select_option(index=4)
    bia.keyboard.press("Tab")  # over what is booked: a test drive
    bia.keyboard.press("Tab")
    with bia.expect_navigation():
        bia.keyboard.press("Enter")
    expect(bia.locator(".desk-now")).to_contain_text("Agendado")
    bia.keyboard.press("p")
    bia.locator("#p-who").select_option(label="Caio Torres (Vendedor)")
    bia.fill("#p-need", "SUV automático")
    with bia.expect_navigation():
        bia.locator("#m-passar button[type=submit]").click()
    expect(bia.locator(".desk-now")).to_contain_text("Caio Torres")

    caio = enter("vendedor", device=PHONE)
    caio.goto(HOME)
    caio.locator(f"#mine-{lead_id}").tap()
    expect(caio.locator("main")).to_contain_text("SUV automático")
    caio.locator(f"form[action$='/{lead_id}/aceitar'] button").tap()
    expect(caio.locator(".desk-now")).to_contain_text("Com o vendedor")
    expect(bia.locator(".desk-now")).to_contain_text("Com o vendedor", timeout=PATIENCE_MS)
    caio.locator("#m-ganhou summary").tap()
    caio.fill("#w-price", "uns noventa")
    caio.locator("#m-ganhou button[type=submit]").tap()
    expect(caio.locator("#m-ganhou .error-text")).to_be_visible()
    assert caio.input_value("#w-price") == "uns noventa"
    caio.fill("#w-price", "89.900,00")
    caio.locator("#m-ganhou button[type=submit]").tap()
    caio.wait_for_url(f"**{HOME}")
    lead = fresh(lead_id)
    assert (lead.state, lead.seller_id) == (Stage.WON, find_staff("vendedor@demo.example").id)


def test_who_does_not_act_loses_it_and_the_supervisor_sees_it(behind: Flask, enter):
    boss, lead_id = enter("gerente"), new_lead("Zuleica Amoroso")
    bia = find_staff("atendente@demo.example")
    boss.goto(HOME)
    for turn in range(1, 4):
        happen(fresh(lead_id), "claimed", bia.email, owner_id=bia.id)
        with writing():  # instead of waiting for it
            fresh(lead_id).return_at = now() - timedelta(minutes=1)
        timers.tend_queue()
        assert fresh(lead_id).returns == turn
    late = boss.locator(f".desk-late [data-live-item='{lead_id}']")
    expect(late).to_be_visible(timeout=PATIENCE_MS)
    expect(late).to_contain_text("voltou à fila 3 vezes")
    late.get_by_role("button", name="Assumir").click()
    boss.wait_for_url(f"**{HOME}{lead_id}/")
    with boss.expect_navigation():
        boss.locator("#v-who").select_option(label="Nara Lopes (Atendente)")
        boss.locator("form[action$='entregar'] button").click()
    assert fresh(lead_id).owner_id == find_staff("atendente3@demo.example").id


def test_without_a_script_a_lead_is_taken_and_answered(behind: Flask, enter):
    lead_id = new_lead("Ubirajara Pimentel")
    davi = enter("atendente2", device=PHONE, has_script=False)
    davi.goto(HOME)
    davi.locator(f"#claim-{lead_id}").tap()
    davi.wait_for_url(f"**{HOME}{lead_id}/")
    assert davi.locator(".desk-reach a[href^='https://wa.me/']").count() == 1
    davi.locator("form[action$='/mandei'] button").tap()
    expect(davi.locator(".desk-now")).to_contain_text("Em tentativa")
    davi.locator("form[action*='/desfazer/'] button").tap()
    expect(davi.locator(".desk-now")).not_to_contain_text("Em tentativa")
    lead = fresh(lead_id)
    assert (lead.state, lead.owner_id) == (
        Stage.ASSIGNED,
        find_staff("atendente2@demo.example").id,
    )


def test_two_records_are_joined_by_one_and_given_back_by_another(behind: Flask, enter):
    bia, boss = enter("atendente", device=PHONE), enter("gerente")
    older, newer = new_lead("Valdomira Sertã"), new_lead("Valdomira Serta Nunes")
    with writing():
        pair_id = suggest(fresh(older).person_id, fresh(newer).person_id, ["name_and_car"])
    pairs = "/admin/duplicados/"
    for page in (bia, boss):
        page.goto(pairs)
        expect(page.locator("main")).to_contain_text("Valdomira Serta Nunes")
    join = f"form[action$='/{pair_id}/mesma'] button"
    with bia.expect_navigation():
        bia.locator(join).tap()
    expect(bia.locator("[role=status]", has_text="uma pessoa").first).to_be_visible()
    with boss.expect_navigation():  # the other one's page still shows the pair
        boss.locator(join).click()
    assert fresh(newer).person_id == fresh(older).person_id
    assert fresh(newer).state == Stage.DUPLICATE
    bia.goto(f"{HOME}{older}/")
    expect(bia.locator("main")).to_contain_text("Valdomira")

    boss.goto(f"{pairs}?quais=unidas")
    boss.get_by_role("link", name="Desfazer").first.click()
    with boss.expect_navigation():
        boss.locator("main button[type=submit]").click()
    expect(boss.locator("[role=status]", has_text="duas pessoas").first).to_be_visible()
    assert fresh(newer).person_id != fresh(older).person_id
    assert {fresh(older).state, fresh(newer).state} == {Stage.WAITING}
    bia.goto(HOME)
    for lead_id in (older, newer):
        expect(bia.locator(f"[data-live-item='{lead_id}']")).to_be_visible()


def test_who_is_erased_is_gone_from_the_desk_of_whoever_attends_them(behind: Flask, enter):
    bia, boss = enter("atendente"), enter("gerente")
    lead_id = new_lead("Wanderleia Quaresma")
    bia.goto(HOME)
    with bia.expect_navigation():
        bia.locator(f"#claim-{lead_id}").click()
    expect(bia.locator("main")).to_contain_text("Wanderleia")

    boss.goto(f"/admin/leads/{lead_id}/")
    boss.locator("a[href*='/privacidade/pessoa/']").click()
    card = boss.locator("form[action$='/apagar']")
    with boss.expect_download() as file:
        boss.locator("form[action$='/dados'] select").select_option("at_counter")
        boss.locator("form[action$='/dados'] button").click()
    assert "Wanderleia" in Path(file.value.path()).read_text(encoding="utf-8")
    card.locator("select").select_option("at_counter")
    card.locator("button").click()
    with boss.expect_navigation():
        boss.locator("[data-confirm-yes]").click()
    expect(boss.locator("[role=status]", has_text="Apagada").first).to_be_visible()

    lead = fresh(lead_id)
    assert (lead.state, lead.person.name, lead.person.phone) == (Stage.ERASED, "", "")
    with bia.expect_navigation():  # what is still on the attendant's screen reaches nobody
        bia.locator("form[action$='/mandei'] button").click()
    assert "Wanderleia" not in bia.content()
    assert fresh(lead_id).state == Stage.ERASED
    for page, path in ((bia, HOME), (boss, f"/admin/leads/{lead_id}/"), (boss, "/admin/leads/")):
        page.goto(path)
        assert "Wanderleia" not in page.content()
