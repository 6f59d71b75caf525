"""`/admin/conta/avisos/`: one's own browsers, wishes and pause; nobody else's."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from werkzeug import Response

from core.db import db, writing
from dealership import devices, notices
from dealership.devices import PushDevice
from dealership.notices import Kind, Way, notify
from dealership.staff import deactivate, find_staff
from tests.admin.conftest import SignIn, StaffClient
from tests.push_service import Browser, PushService

HERE = "/admin/conta/avisos/"
MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # noon in São Paulo


@pytest.fixture
def service(app: Flask, httpserver, monkeypatch) -> PushService:
    config = replace(app.extensions["vitrine"], allow_private_urls=True)
    monkeypatch.setitem(app.extensions, "vitrine", config)
    return PushService(httpserver)


def switch_on(person: StaffClient, browser: Browser, **fields: str) -> Response:
    to = browser.subscription
    key = person.post(f"{HERE}chave").json["key"]
    said = {"endpoint": to.endpoint, "p256dh": to.p256dh, "auth": to.auth, "chave": key, **fields}
    answer = person.post(f"{HERE}aparelhos", said)
    db.session.rollback()
    return answer


def devices_of(person: StaffClient) -> list[PushDevice]:
    db.session.rollback()
    member = find_staff(person.email)
    assert member
    return list(devices.devices_of(member.id))


def test_a_browser_is_switched_on_tried_out_and_removed(sign_in: SignIn, service):
    seller, browser = sign_in("seller"), service.browser()
    for _click in range(2):
        assert switch_on(seller, browser).status_code == 200
    (device,) = devices_of(seller)
    page = seller.get(HERE).text
    assert f'data-device="{device.digest}"' in page
    assert browser.endpoint not in page
    assert seller.post(f"{HERE}aparelhos/{device.id}/testar").status_code == 303
    told = browser.opened(service.taken[0].data)
    assert (told["title"], told["path"]) == ("Aviso de teste", HERE)
    assert "O serviço de avisos aceitou" in seller.get(HERE).text
    service.answers = [Response(status=403), Response(status=410)]
    seller.post(f"{HERE}aparelhos/{device.id}/testar")
    assert "respondeu com 403" in seller.get(HERE).text
    seller.post(f"{HERE}aparelhos/{device.id}/testar")
    assert "não recebe mais avisos" in seller.get(HERE).text
    assert devices_of(seller) == []
    switch_on(seller, browser)
    seller.post(f"{HERE}aparelhos/{devices_of(seller)[0].id}/remover")
    assert devices_of(seller) == []


@pytest.mark.sqlite_only
def test_hostile_browsers_are_refused_and_others_devices_are_not_there(sign_in: SignIn, service):
    seller, other = sign_in("seller"), sign_in("attendant")
    browser = service.browser()
    for bad in (
        {"endpoint": "file:///etc/passwd"},
        {"endpoint": ""},
        {"p256dh": "x"},
        {"auth": "\0"},
        {"chave": "eine andere"},
    ):
        answer = switch_on(seller, browser, **bad)
        assert answer.status_code == 422
        assert answer.json["problem"]
    assert devices_of(seller) == []
    switch_on(other, service.browser())
    theirs = devices_of(other)[0].id
    for act in ("testar", "remover"):
        assert seller.post(f"{HERE}aparelhos/{theirs}/{act}").status_code == 404
    assert len(devices_of(other)) == 1
    assert service.taken == []


@pytest.mark.sqlite_only
def test_without_private_addresses_only_the_open_internet_is_pushed_to(sign_in: SignIn, httpserver):
    seller = sign_in("seller")
    for endpoint in (httpserver.url_for("/x"), "https://10.0.0.1/x", "https://localhost/x"):
        assert switch_on(seller, Browser(endpoint)).status_code == 422


def test_the_desk_says_it_while_nothing_is_switched_on(sign_in: SignIn, service):
    seller = sign_in("seller")
    assert f'href="{HERE}">' in seller.get("/admin/atendimento/").text.partition("<main")[2]
    switch_on(seller, service.browser())
    assert f'href="{HERE}">' not in seller.get("/admin/atendimento/").text.partition("<main")[2]


@pytest.mark.sqlite_only
def test_the_key_is_changed_from_the_command_line(app: Flask, sign_in: SignIn, service):
    seller = sign_in("seller")
    switch_on(seller, service.browser())
    told = app.test_cli_runner().invoke(args=["push", "rotate"])
    assert "chave nova" in told.output
    assert told.output.rstrip().endswith(": 1")
    assert "data-device-stale" in seller.get(HERE).text
    switch_on(seller, service.browser())  # as the page's script does by itself
    assert "data-device-stale" not in seller.get(HERE).text
    app.test_cli_runner().invoke(args=["push", "rotate", "--forget-devices"])
    assert devices_of(seller) == []


def test_signing_out_or_losing_the_account_ends_the_notices(sign_in: SignIn, service):
    seller, boss = sign_in("seller"), sign_in("owner")
    switch_on(seller, service.browser())
    seller.post("/admin/sair")
    assert devices_of(seller) == []
    other = sign_in("attendant")
    switch_on(other, service.browser())
    with writing():
        deactivate(find_staff(other.email), by=find_staff(boss.email))
    assert devices_of(other) == []


@pytest.mark.sqlite_only
def test_wishes_are_kept_and_only_those_of_the_role(sign_in: SignIn):
    seller = sign_in("seller")
    page = seller.get(HERE).text
    assert 'name="escalated"' not in page  # a supervisor's
    assert 'name="no-turno" value="1" checked' in page
    seller.post(HERE, {"handed": ["push", "mail", "sms"], "waiting": [], "escalated": "mail"})
    member = find_staff(seller.email)
    wishes = notices.wishes_of(member.id)
    assert wishes.ways(Kind.HANDED) == {Way.PUSH, Way.MAIL}
    assert wishes.ways(Kind.WAITING) == set()
    assert Kind.ESCALATED not in wishes.choices
    assert not wishes.only_on_shift
    assert re.search(r'name="handed" value="mail"[^>]* checked', seller.get(HERE).text)


@pytest.mark.sqlite_only
def test_a_pause_ends_at_the_next_such_time(sign_in: SignIn):
    with time_machine.travel(MONDAY, tick=False):
        seller = sign_in("seller")

        def paused_until(text: str) -> datetime | None:
            seller.post(f"{HERE}pausa", {"ate": text})
            db.session.rollback()
            return notices.wishes_of(find_staff(seller.email).id).paused_until

        assert paused_until("14:30") == datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
        assert "14:30" in seller.get(HERE).text
        assert paused_until("08:00") == datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
        for nonsense in ("25:00", "logo", "\0"):
            assert paused_until(nonsense) == datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
        assert paused_until("") is None


@pytest.mark.sqlite_only
def test_the_page_tells_what_became_of_the_last_ones(sign_in: SignIn):
    seller = sign_in("seller")
    with writing():
        member_id = find_staff(seller.email).id
        notify(Kind.VISITS, [member_id], key="1", path="/admin/atendimento/", words="2 visitas")
        row = db.session.scalars(sa.select(notices.Notice)).one()
        row.push, row.mail = "off_shift", "sent"
    page = seller.get(HERE).text
    assert "2 visitas" in page
    assert "você estava fora do turno · e-mail enviado" in page


def test_the_worker_and_the_manifest_are_there_for_everybody(app: Flask, client):
    worker = client.get("/admin/sw.js")
    assert worker.mimetype == "text/javascript"
    assert "fetch" not in worker.text  # it never stands between a page and the site
    assert client.get("/admin/app.webmanifest").json["scope"] == "/admin/"
