"""`/admin/conta/`: one's own name, password, second factor and browsers."""

import re

import pytest
import sqlalchemy as sa
from flask import Flask

from core.db import db, writing
from dealership import second_factor
from dealership.audit import AuditEntry
from dealership.invitations import find_reset, reset_token
from dealership.passwords import password_digest, password_matches
from dealership.staff import StaffMember, find_staff, set_password
from tests.admin.conftest import StaffClient, open_session
from tests.admin.test_sign_in import app_code

PASSWORD = "um cavalo azul no telhado"
FRESH = "dois cavalos verdes na lua"


@pytest.fixture
def seller(sign_in) -> StaffClient:
    """Signed in, with a password."""
    client = sign_in("seller")
    digest = password_digest(PASSWORD)
    with writing():
        member = find_staff(client.email)
        member.password = digest
    return client


def member_of(client: StaffClient) -> StaffMember:
    db.session.rollback()
    found = find_staff(client.email)
    assert found
    return found


def test_a_name_is_changed_and_shown_as_text(seller):
    assert seller.post("/admin/conta/nome", {"name": "<i>Zé</i>"}).status_code == 303
    page = seller.get("/admin/conta/").text
    assert "&lt;i&gt;Zé&lt;/i&gt;" in page
    assert "<i>Zé" not in page


def test_a_new_password_signs_the_others_out_and_not_this_browser(app: Flask, seller):
    other = app.test_client()
    open_session(other, member_of(seller))
    answer = seller.post(
        "/admin/conta/senha", {"current": PASSWORD, "password": FRESH, "again": FRESH}
    )
    assert answer.status_code == 303
    assert seller.get("/admin/conta/").status_code == 200
    assert other.get("/admin/conta/").status_code == 302
    assert password_matches(member_of(seller).password, FRESH)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"current": "errada", "password": FRESH, "again": FRESH}, "não é a sua senha atual"),
        ({"current": PASSWORD, "password": "curta", "again": "curta"}, "pelo menos 12"),
        ({"current": PASSWORD, "password": FRESH, "again": FRESH + "!"}, "não são iguais"),
        ({}, "não é a sua senha atual"),
    ],
)
def test_a_password_is_not_changed_by_mistake_or_by_a_passer_by(seller, fields, words):
    answer = seller.post("/admin/conta/senha", fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert password_matches(member_of(seller).password, PASSWORD)


def test_guessing_the_present_password_is_slow(seller):
    for _try in range(5):
        seller.post("/admin/conta/senha", {"current": "errada"})
    answer = seller.post(
        "/admin/conta/senha", {"current": PASSWORD, "password": FRESH, "again": FRESH}
    )
    assert "Espere" in answer.text


# --- second factor ---------------------------------------------------------------------------


def set_up(client: StaffClient) -> str:
    """Go through the set-up as a person does; returns the page with the recovery codes."""
    page = client.get("/admin/conta/segundo-fator").text
    assert "<svg" in page
    with client.client.session_transaction("/admin/") as session:
        secret = session["new_factor"]
    answer = client.post("/admin/conta/segundo-fator", {"code": app_code(secret)})
    assert answer.status_code == 200
    return answer.text


def test_the_second_factor_is_set_up_with_an_app(seller):
    codes = re.findall(r"<li><code>([a-z0-9-]+)</code>", set_up(seller))
    assert len(set(codes)) == 10
    member = member_of(seller)
    assert member.has_second_factor
    assert codes[0] not in str(member.mf_recovery_codes)
    page = seller.get("/admin/conta/").text
    assert codes[0] not in page
    assert "Restam 10 códigos" in page


def test_the_codes_can_be_downloaded_without_another_request(seller):
    page = set_up(seller)
    code = re.search(r"<li><code>([a-z0-9-]+)</code>", page)[1]
    link = re.search(r'href="(data:text/plain[^"]+)" download=', page)[1]
    assert code in link


def test_a_wrong_first_code_switches_nothing_on(seller):
    seller.get("/admin/conta/segundo-fator")
    answer = seller.post("/admin/conta/segundo-fator", {"code": "000000"})
    assert answer.status_code == 422
    assert not member_of(seller).has_second_factor


def test_a_code_without_a_set_up_switches_nothing_on(seller):
    assert seller.post("/admin/conta/segundo-fator", {"code": "123456"}).status_code == 422


def test_it_goes_off_with_the_password_only(seller):
    set_up(seller)
    address = "/admin/conta/segundo-fator/desligar"
    assert seller.post(address, {"current": "errada"}).status_code == 422
    assert member_of(seller).has_second_factor
    assert seller.post(address, {"current": PASSWORD}).status_code == 303
    assert not member_of(seller).has_second_factor


def test_new_codes_kill_the_old_ones(seller):
    old = re.search(r"<li><code>([a-z0-9-]+)</code>", set_up(seller))[1]
    answer = seller.post("/admin/conta/segundo-fator/codigos", {"current": PASSWORD})
    assert answer.status_code == 200
    assert old not in answer.text
    with writing():
        assert not second_factor.use_recovery_code(find_staff(seller.email), old)


@pytest.fixture
def required(app: Flask):
    """Sellers have to have a second factor."""
    config = app.extensions["vitrine"]
    object.__setattr__(config, "require_totp", ("seller",))
    yield
    object.__setattr__(config, "require_totp", ())


def test_who_has_to_sets_it_up_before_anything_else(seller, required):
    for path in ("/admin/", "/admin/conta/", "/admin/estoque/"):
        answer = seller.get(path)
        assert answer.location == "/admin/conta/segundo-fator", path
    assert seller.post("/admin/conta/nome", {"name": "X"}).status_code == 303
    assert member_of(seller).name != "X"
    set_up(seller)
    assert seller.get("/admin/").status_code == 200
    answer = seller.post("/admin/conta/segundo-fator/desligar", {"current": PASSWORD})
    assert answer.status_code == 422


def test_others_are_left_alone(required, sign_in):
    assert sign_in("editor").get("/admin/").status_code == 200


# --- browsers --------------------------------------------------------------------------------


def test_every_browser_is_listed_and_can_be_ended(app: Flask, seller):
    other = app.test_client()
    open_session(other, member_of(seller))
    page = seller.get("/admin/conta/").text
    assert page.count("Chrome, Android") == 2
    ends = re.findall(r'action="(/admin/conta/sessoes/\d+/sair)"', page)
    assert len(ends) == 2
    for path in ends:
        seller.post(path)
    assert other.get("/admin/conta/").status_code == 302
    assert seller.get("/admin/conta/").status_code == 302


def test_anothers_browser_is_out_of_reach(sign_in, seller):
    owner = sign_in("owner")
    ends = re.search(r"/admin/conta/sessoes/\d+/sair", seller.get("/admin/conta/").text)[0]
    assert owner.post(ends).status_code == 404
    assert seller.get("/admin/conta/").status_code == 200


def test_signing_out_everywhere_means_everywhere(app: Flask, seller):
    other = app.test_client()
    open_session(other, member_of(seller))
    assert seller.post("/admin/conta/sessoes/sair").status_code == 303
    for client in (seller.client, other):
        assert client.get("/admin/conta/").status_code == 302
    db.session.rollback()
    entry = db.session.scalars(sa.select(AuditEntry)).all()[-1]
    assert (entry.action, entry.after) == ("account.sign_out_everywhere", {"browsers": 2})


def test_a_changed_password_ends_a_reset_that_was_under_way(app: Flask, seller):
    member = member_of(seller)
    token = reset_token(member)
    assert find_reset(token)
    digest = password_digest(FRESH)
    with writing():
        set_password(find_staff(seller.email), digest)
    assert find_reset(token) is None
