"""Passkeys: made with the password, good for both factors, and for nobody else."""

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.db import db, writing
from dealership import second_factor
from dealership.audit import AuditEntry
from dealership.staff import Passkey, StaffSession
from tests.admin.conftest import StaffClient
from tests.admin.device import PRESENT, Device
from tests.admin.test_account import PASSWORD, member_of, required, seller
from tests.admin.test_sign_in import enter, post, token_in

__all__ = ["required", "seller"]


def make(client: StaffClient, device: Device, **fields: str) -> TestResponse:
    """Make a passkey as the page's script does."""
    asked = client.post("/admin/conta/chaves/pedido", {"current": PASSWORD})
    assert asked.status_code == 200, asked.text
    answer = device.create(asked.get_json()["options"])
    return client.post("/admin/conta/chaves", {"credential": answer, "name": "Celular"} | fields)


def challenged(client: FlaskClient) -> dict:
    """Ask for a sign-in by passkey, from the sign-in page."""
    token = token_in(client.get("/admin/login").text)
    return client.post("/admin/login/chave/pedido", headers={"X-CSRF-Token": token}).get_json()


def go_in(client: FlaskClient, device: Device, **fields: str) -> TestResponse:
    """Sign in by passkey."""
    said = device.get(challenged(client)["options"])
    token = token_in(client.get("/admin/login").text)
    data = {"credential": said, "csrf_token": token, **fields}
    return client.post("/admin/login/chave", data=data)


@pytest.fixture
def device(seller) -> Device:
    """With a passkey of the seller's."""
    device = Device()
    assert make(seller, device).status_code == 200
    return device


def test_a_passkey_signs_in_alone_and_is_a_session_like_any_other(app: Flask, seller, device):
    browser = app.test_client()
    answer = go_in(browser, device, next="/admin/estoque/")
    assert (answer.status_code, answer.location) == (303, "/admin/estoque/")
    assert browser.get("/admin/conta/").status_code == 200
    actions = db.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["account.passkey_add", "account.sign_in_passkey"]
    seller.post("/admin/conta/sessoes/sair")
    assert browser.get("/admin/conta/").status_code == 302
    assert go_in(browser, device).status_code == 303  # the counter of the device went on


def test_the_first_one_brings_recovery_codes_and_the_password_alone_opens_nothing(
    app: Flask, seller, device
):
    member = member_of(seller)
    assert len(member.mf_recovery_codes) == 10
    browser = app.test_client()
    page = browser.get(enter(browser, email=seller.email).location).text
    assert "Entrar com chave de acesso" in page
    assert post(browser, "/admin/login/codigo", code="000000").status_code == 422
    with writing():
        code = second_factor.renew_recovery_codes(member_of(seller))[0]
    assert post(browser, "/admin/login/codigo", code=code).status_code == 303


def test_who_has_to_have_a_second_factor_has_one(app: Flask, seller, required):
    assert seller.get("/admin/").location == "/admin/conta/segundo-fator"
    device = Device()
    assert re.search(r"<code>[a-z0-9-]{14}</code>", make(seller, device).text)
    assert seller.get("/admin/").status_code == 200
    key = db.session.scalars(sa.select(Passkey.id)).one()
    answer = seller.post(f"/admin/conta/chaves/{key}/remover", {"current": PASSWORD})
    assert answer.status_code == 422
    assert go_in(app.test_client(), device).status_code == 303


def test_it_is_listed_as_text_and_removed_with_the_password_only(app: Flask, seller):
    device = Device()
    make(seller, device, name="<i>Celular</i>")
    page = seller.get("/admin/conta/").text
    assert "&lt;i&gt;Celular&lt;/i&gt;" in page
    key = db.session.scalars(sa.select(Passkey.id)).one()
    address = f"/admin/conta/chaves/{key}/remover"
    assert seller.post(address, {"current": "errada"}).status_code == 422
    assert member_of(seller).has_passkeys
    assert seller.post(address, {"current": PASSWORD}).status_code == 303
    assert not member_of(seller).has_second_factor
    assert member_of(seller).mf_recovery_codes == []
    assert go_in(app.test_client(), device).status_code == 422


def test_none_is_made_without_the_password_or_what_was_asked(seller):
    asked = seller.post("/admin/conta/chaves/pedido", {"current": "errada"})
    assert (asked.status_code, "senha" in asked.get_json()["problem"]) == (422, True)
    asked = seller.post("/admin/conta/chaves/pedido", {"current": PASSWORD}).get_json()["options"]
    unverified = Device(flags=PRESENT).create(asked)
    for said in (unverified, "", "[]", "{}", '{"id": 1}'):
        answer = seller.post("/admin/conta/chaves", {"credential": said})
        assert answer.status_code == 422, said
    # One challenge, one answer: it was given away above.
    assert (
        seller.post("/admin/conta/chaves", {"credential": Device().create(asked)}).status_code
        == 422
    )
    assert not member_of(seller).has_passkeys


def test_anothers_passkey_is_out_of_reach(sign_in, seller, device):
    key = db.session.scalars(sa.select(Passkey.id)).one()
    answer = sign_in("owner").post(f"/admin/conta/chaves/{key}/remover", {"current": PASSWORD})
    assert answer.status_code == 404


def refused_devices(device: Device) -> dict[str, Device]:
    """The same passkey, gone wrong."""
    own = {"id": device.id, "key": device.key, "handle": device.handle, "rp_id": device.rp_id}
    return {
        "a false page": Device(**own, count=5, origin="https://vitrine.example.evil"),
        "for another site": Device(**own | {"rp_id": "other.example"}, count=5),
        "nobody checked who holds it": Device(**own, count=5, flags=PRESENT),
        "another key": Device(**own | {"key": Device().key}, count=5),
        "another person": Device(**own | {"handle": b"somebody"}, count=5),
        "unknown": Device(handle=device.handle, rp_id=device.rp_id),
    }


def test_what_proves_nothing_opens_nothing_in_one_sentence(app: Flask, device):
    pages = set()
    for name, false in refused_devices(device).items():
        answer = go_in(app.test_client(), false)
        assert answer.status_code == 422, name
        pages.add(re.search(r'role="alert"[^>]*><p>([^<]+)', answer.text)[1])
    assert len(pages) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(StaffSession)) == 1


@pytest.mark.parametrize("said", ["", "null", "[]", "{}", '{"id": "a", "rawId": 1}', "\0"])
def test_a_made_up_answer_is_refused(app: Flask, device, said):
    browser = app.test_client()
    challenged(browser)
    token = token_in(browser.get("/admin/login").text)
    data = {"credential": said, "csrf_token": token}
    assert browser.post("/admin/login/chave", data=data).status_code == 422


def test_an_answer_opens_once(app: Flask, device):
    """Also for who copied the cookie with the challenge and the answer."""
    first, second = app.test_client(), app.test_client()
    said = device.get(challenged(first)["options"])
    cookie = first.get_cookie("vitrine_staff", path="/admin").value
    second.set_cookie("vitrine_staff", cookie, path="/admin")
    device.count = 0  # as phones do that keep no count: only the challenge tells
    with writing():
        db.session.execute(sa.update(Passkey).values(sign_count=0))
    token = token_in(first.get("/admin/login").text)
    data = {"credential": said, "csrf_token": token}
    codes = [one.post("/admin/login/chave", data=data).status_code for one in (first, second)]
    assert codes == [303, 422]


def test_a_closed_account_stays_closed_and_a_colleague_removes_all(
    app: Flask, sign_in, seller, device
):
    owner = sign_in("owner")
    member = member_of(seller)
    owner.post(f"/admin/equipe/{member.id}/desativar")
    assert go_in(app.test_client(), device).status_code == 422
    owner.post(f"/admin/equipe/{member.id}/reativar")
    assert go_in(app.test_client(), device).status_code == 303
    owner.post(f"/admin/equipe/{member.id}/segundo-fator/remover")
    assert not member_of(seller).has_second_factor
    assert go_in(app.test_client(), device).status_code == 422


def test_who_keeps_trying_waits(app: Flask, seller):
    false = Device(handle=b"somebody", rp_id="localhost")
    browser = app.test_client()
    codes = [go_in(browser, false).status_code for _try in range(21)]
    assert codes == [422] * 20 + [429]


def test_a_site_without_a_name_has_none(app: Flask, monkeypatch):
    assert "/admin/login/chave" in app.test_client().get("/admin/login").text
    numbers = "http://127.0.0.1:8000"
    named = replace(app.extensions["vitrine"], base_url=numbers)
    monkeypatch.setitem(app.extensions, "vitrine", named)
    assert "/admin/login/chave" not in app.test_client().get("/admin/login", base_url=numbers).text
    here = app.test_client().get("/admin/login", base_url="http://localhost:8000").text
    assert "/admin/login/chave" in here
