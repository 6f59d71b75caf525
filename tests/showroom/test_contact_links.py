"""From a page to WhatsApp or the telephone: counted once, and nothing stops the jump."""

import re
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
import time_machine
from flask import g

from core.db import db, writing
from dealership.models import Dealership, Department, Store
from inventory.lifecycle import move
from inventory.models import Vehicle
from leads import clicks
from leads.clicks import find_click
from leads.models import ContactClick
from showroom import contact_links
from tests.factories import make_store, make_vehicle

PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
NOON = datetime(2026, 3, 2, 15, 0, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_known():
    contact_links._known._contacts.clear()


@pytest.fixture
def tap(client):
    """GET as a phone does, and the answer."""

    def get(path: str, agent: str = PHONE, **headers: str):
        sent = {"User-Agent": agent, **{k.replace("_", "-"): v for k, v in headers.items()}}
        return client.get(path, headers=sent)

    return get


def message_of(answer) -> str:
    return parse_qs(urlsplit(answer.headers["Location"]).query)["text"][0]


def rows() -> list[ContactClick]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(ContactClick).order_by(ContactClick.id)))


def test_an_offers_link_opens_its_stores_whatsapp_with_car_price_address_and_code(tap):
    car = make_vehicle(price_cents=69_900_00)
    answer = tap(f"/w/oferta-{car.public_id}")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("https://wa.me/5511987654321?text=")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    message = message_of(answer)
    assert "Chevrolet Onix 1.0 LT 2022" in message
    assert "R$ 69.900" in message
    assert f"http://localhost/oferta/{car.slug}-{car.public_id}" in message
    row = rows()[0]
    assert message.endswith(f"[{row.code}]")
    assert (row.channel, row.vehicle_id, row.number) == ("whatsapp", car.id, "+5511987654321")


def test_a_code_in_a_conversation_finds_its_tap(tap):
    car = make_vehicle()
    message = message_of(tap(f"/w/oferta-{car.public_id}"))
    assert find_click(message).vehicle_id == car.id
    assert find_click(message.lower().replace("[", "( ").replace("]", " )")).vehicle_id == car.id
    for text in ("", "Olá!", "[AAAAAA]", "[V7K2Q]", "[" * 5000, message.replace("[", "")):
        assert find_click(text) is None


def test_a_phone_link_dials_and_says_the_number_and_the_hours(tap):
    store = make_store(phone="+551133334444")
    answer = tap(f"/ligar/loja-{store.slug}")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "tel:+551133334444"
    assert 'href="tel:+551133334444"' in answer.text
    assert "08:00–18:00" in answer.text
    assert rows()[0].channel == "phone"


def test_a_department_is_reached_at_its_own_number_else_at_the_stores(tap):
    store = make_store(phone="+551133334444")
    with writing() as session:
        session.add(Department(store_id=store.id, kind="service", phone="+551133335555"))
    slug = store.slug
    assert tap(f"/ligar/oficina-{slug}").headers["Location"] == "tel:+551133335555"
    assert tap(f"/ligar/pecas-{slug}").headers["Location"] == "tel:+551133334444"
    assert "/5511987654321?" in tap(f"/w/oficina-{slug}").headers["Location"]


def test_the_number_falls_back_to_the_sales_team_and_the_group(tap):
    store = make_store(whatsapp="", phone="")
    car = make_vehicle(store=store)
    path, slug = f"/w/oferta-{car.public_id}", store.slug
    assert tap(path).status_code == 404
    with writing() as session:
        session.add(Dealership(id=1, name="Grupo", whatsapp="+5511911112222"))
    g.pop("dealer", None)  # read once per context, which the tests share
    with_group = tap(path)
    assert "/5511911112222?" in with_group.headers["Location"]
    with writing() as session:
        store_id = session.scalars(sa.select(Store.id).where(Store.slug == slug)).one()
        session.add(Department(store_id=store_id, kind="sales", whatsapp="+5511933334444"))
    g.pop("dealer", None)
    assert "/5511933334444?" in tap(path).headers["Location"]


def test_the_group_is_reached_without_naming_a_store(tap):
    store = make_store()
    assert f"/{store.whatsapp[1:]}?" in tap("/w/geral").headers["Location"]
    assert tap("/ligar/geral").headers["Location"] == f"tel:{store.phone}"


def test_the_message_is_true_of_a_reserved_and_of_a_sold_car(tap):
    car = make_vehicle()
    for state in ("reserved", "sold"):
        with writing() as session:
            move(session.get(Vehicle, car.id), state, by="test")
        message = message_of(tap(f"/w/oferta-{car.public_id}"))
        assert "Onix" in message
        assert ("R$" in message) is (state == "reserved")


def test_a_draft_is_not_named(tap):
    car = make_vehicle(state="draft", published_at=None)
    message = message_of(tap(f"/w/oferta-{car.public_id}"))
    assert "Onix" not in message
    assert rows()[0].vehicle_id is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X_Moz": "prefetch"},
        {"X_Purpose": "preview"},
        {"agent": "WhatsApp/2.24.1 A"},
        {"agent": "facebookexternalhit/1.1"},
        {"agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"agent": "Mozilla/5.0 Chrome-Lighthouse"},
        {"agent": ""},
    ],
)
def test_what_no_person_tapped_is_not_counted_and_still_goes_on(tap, headers):
    car = make_vehicle()
    answer = tap(f"/w/oferta-{car.public_id}", **headers)
    assert answer.status_code == 302
    assert "[" not in message_of(answer)
    assert rows() == []


@pytest.mark.parametrize("kind", ["w", "ligar"])
def test_who_only_fetches_the_address_is_shown_the_number_and_not_counted(tap, kind):
    """Link checkers follow each redirect and call an address broken that is no page."""
    car = make_vehicle()
    path = f"/{kind}/oferta-{car.public_id}"
    answer = tap(path, Sec_Fetch_Mode="cors")
    assert (answer.status_code, "Location" in answer.headers) == (200, False)
    assert re.search(r'<h1><a [^>]*href="(https://wa\.me/5511|tel:\+5511)', answer.text)
    assert rows() == []
    assert tap(path, Sec_Fetch_Mode="navigate").status_code == 302
    assert len(rows()) == 1


def test_head_is_not_counted(client):
    car = make_vehicle()
    answer = client.head(f"/w/oferta-{car.public_id}", headers={"User-Agent": PHONE})
    assert answer.status_code == 302
    assert rows() == []


def test_a_double_tap_counts_once_and_a_later_one_again(tap):
    car, other = make_vehicle(), make_vehicle()
    path = f"/w/oferta-{car.public_id}"
    with time_machine.travel(NOON, tick=False) as clock:
        first = message_of(tap(path))
        clock.shift(timedelta(seconds=9))  # over the edge of a ten-second window
        assert message_of(tap(path)) == first
        tap(f"/w/oferta-{other.public_id}")
        tap(path, agent=PHONE.replace("Android 14", "iPhone"))
        tap(f"{path}?lp=campanha")
        clock.shift(timedelta(seconds=11))
        assert message_of(tap(path)) != first
    assert len(rows()) == 5


def test_taps_at_once_from_many_processes_count_once(app):
    store = make_store()
    tapped = clicks.Tap("whatsapp", "geral ", "+5511987654321", store_id=store.id)
    db.session.rollback()
    codes, barrier = [], threading.Barrier(4)

    def send() -> None:
        with app.app_context():
            barrier.wait()
            codes.append(clicks.count(tapped, PHONE, "203.0.113.7"))
            db.session.remove()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows()) == 1
    assert set(codes) <= {rows()[0].code, ""}  # empty for who could not wait


def test_a_code_used_long_ago_by_chance_is_not_used_again(app):
    tapped = clicks.Tap("whatsapp", "geral ", "+5511987654321")
    with time_machine.travel(NOON, tick=False):
        taken = clicks.count(tapped, PHONE, "203.0.113.7")
        with writing() as session:
            session.execute(sa.update(ContactClick).values(at=NOON - timedelta(days=30)))
        assert clicks.count(tapped, PHONE, "203.0.113.7") not in {taken, ""}
    assert len(rows()) == 2


def test_where_the_visit_came_from_stands_with_the_tap(tap):
    car = make_vehicle()
    page = f"/oferta/{car.slug}-{car.public_id}"
    tap(
        f"/w/oferta-{car.public_id}",
        Referer=f"http://localhost{page}?utm_source=google&utm_campaign=verao&gclid=abc",
    )
    row = rows()[0]
    assert row.page == page
    assert row.touch == {
        "source": "google", "campaign": "verao", "gclid": "abc", "landing": page
    }  # fmt: skip
    tap(f"/w/oferta-{car.public_id}?lp=verao", Referer="http://localhost/lp/verao")
    assert rows()[1].page == "/lp/verao"


def test_another_sites_page_is_not_taken_for_ours(tap):
    car = make_vehicle()
    tap(f"/w/oferta-{car.public_id}", Referer="https://outro.example/pagina?utm_source=x")
    assert rows()[0].page == ""
    assert rows()[0].touch["referrer"] == "outro.example"


@pytest.mark.parametrize(
    "where",
    ["", "x", "oferta-", "oferta-zzzzzzzz", "loja-nada", "oficina-", "https:%2F%2Fevil.example",
     "%2F%2Fevil.example", "geral-x", "loja-..%2F..", "%00", "oferta-%0d%0aLocation:%20x",
     "é", "a" * 3000],
)  # fmt: skip
def test_no_other_address_is_ever_opened(tap, where):
    make_store()
    for door in ("w", "ligar"):
        answer = tap(f"/{door}/{where}?lp=//evil.example&next=https://evil.example")
        assert answer.status_code in {301, 308, 404}
        assert re.match(r"(http://localhost)?(/[^/]|/?$)", answer.headers.get("Location", ""))


def test_a_number_that_is_none_opens_nothing(tap):
    store = make_store(whatsapp="evil.example", phone="javascript:x")
    assert tap(f"/w/loja-{store.slug}").status_code == 404
    assert tap(f"/ligar/loja-{store.slug}").status_code == 404


@pytest.mark.sqlite_only
def test_a_locked_database_does_not_hold_the_jump_up(app, tap):
    car = make_vehicle()
    path = f"/w/oferta-{car.public_id}"
    db.session.rollback()
    blocker = sqlite3.connect(db.engine.url.database, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        answer = tap(path)
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()
    assert answer.status_code == 302
    assert "[" not in message_of(answer)
    assert "Onix" in message_of(answer)


def test_a_database_that_is_gone_does_not_stop_the_jump(app, tap):
    car, other = make_vehicle(), make_vehicle()
    path, unseen = (f"/w/oferta-{one.public_id}" for one in (car, other))
    store = f"/ligar/loja-{car.store.slug}"
    tap(path)
    db.session.remove()

    def refuse(*_arguments):
        raise sa.exc.OperationalError("", {}, Exception("gone"))

    sa.event.listen(db.engine, "before_cursor_execute", refuse)
    try:
        with app.app_context():
            known, others = tap(path), [tap(unseen), tap("/w/geral"), tap(store)]
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", refuse)
    assert known.status_code == 302
    assert "Onix" in message_of(known)
    for answer in others:
        assert answer.status_code == 302
        assert re.match(r"(https://wa\.me/|tel:\+)\d+", answer.headers["Location"])


def test_robots_are_asked_to_stay_away(client):
    text = client.get("/robots.txt").text
    assert "Disallow: /w/" in text
    assert "Disallow: /ligar/" in text


def test_pages_link_to_the_counted_addresses_only(client):
    store = make_store()
    with writing() as session:
        session.add(
            Dealership(id=1, name="Grupo", whatsapp="+5511911112222", phone="+551122223333")
        )
        session.add(Department(store_id=store.id, kind="service", phone="+551133335555"))
    car = make_vehicle(store=store)
    slug = store.slug
    pages = ("/", "/lojas", f"/lojas/{slug}", f"/oferta/{car.slug}-{car.public_id}", "/contato")
    for path in pages:
        text = client.get(path).text
        links = re.findall(
            r'<a [^>]*href="((?:https://wa\.me/\d|tel:|/w/|/ligar/)[^"]*)"([^>]*)', text
        )
        assert links, path
        for address, rest in links:
            assert address.startswith(("/w/", "/ligar/")), (path, address)
            assert 'rel="nofollow"' in rest
    assert f"/ligar/oficina-{slug}" in client.get(f"/lojas/{slug}").text
    assert f"/w/oferta-{car.public_id}" in client.get(pages[3]).text


def test_a_jump_costs_a_bounded_number_of_statements(tap, statements):
    for _ in range(5):
        car = make_vehicle(store=make_store())
    path = f"/w/oferta-{car.public_id}"
    db.session.remove()
    statements.clear()
    tap(path)
    assert len(statements) <= 12, "\n".join(statements)
