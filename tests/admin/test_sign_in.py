"""Getting in: password, second step, sessions, forgotten passwords, and who keeps trying."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask, current_app
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from admin import sign_in as views
from core.clock import now
from core.db import db, writing
from dealership import passwords, second_factor, sessions, tries
from dealership.audit import AuditEntry
from dealership.passwords import password_digest
from dealership.roles import Role
from dealership.staff import StaffMember, StaffSession, create_staff, deactivate, find_staff
from jobs.worker import JobSetup, Worker
from leads.models import Mail

PASSWORD = "um cavalo azul no telhado"
EMAIL = "ana@loja.example"


@pytest.fixture
def ana(app: Flask) -> StaffMember:
    """A seller with a password."""
    digest = password_digest(PASSWORD)
    with writing():
        return create_staff(EMAIL, Role.SELLER, name="Ana", digest=digest)


def work_off() -> None:
    """Let the worker do all that waits."""
    app = current_app._get_current_object()
    handlers = app.extensions["vitrine_jobs"].handlers
    assert Worker(app, JobSetup(handlers), threads=1).run(drain=True)
    db.session.rollback()


def token_in(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def post(client: FlaskClient, path: str, **fields: str) -> TestResponse:
    """What a browser does: read the page with the form, send it."""
    return client.post(path, data={"csrf_token": token_in(client.get(path).text), **fields})


def enter(client: FlaskClient, password: str = PASSWORD, email: str = EMAIL) -> TestResponse:
    return post(client, "/admin/login", email=email, password=password)


def cookie_of(client: FlaskClient) -> str:
    cookie = client.get_cookie("vitrine_staff", path="/admin")
    assert cookie
    return cookie.value


def test_the_right_password_opens_the_door(client: FlaskClient, ana):
    answer = enter(client)
    assert (answer.status_code, answer.location) == (303, "/admin/")
    assert client.get("/admin/conta/").status_code == 200
    actions = db.session.scalars(sa.select(AuditEntry.action)).all()
    assert actions == ["account.sign_in"]


def test_the_cookie_is_for_the_door_alone_and_out_of_reach_of_scripts(client: FlaskClient, ana):
    header = enter(client).headers["Set-Cookie"]
    for part in ("Path=/admin", "HttpOnly", "SameSite=Lax"):
        assert part in header


@pytest.mark.parametrize(
    ("email", "password"),
    [(EMAIL, "outra senha qualquer"), ("ninguem@loja.example", PASSWORD), (EMAIL, ""), ("", "")],
)
def test_every_refusal_is_the_same(client: FlaskClient, ana, email, password):
    answer = enter(client, password, email)
    assert answer.status_code == 422
    assert "E-mail e senha não combinam." in answer.text
    assert client.get("/admin/conta/").status_code == 302


def test_a_closed_account_is_refused_like_a_wrong_password(client: FlaskClient, ana):
    with writing():
        owner = create_staff("dona@loja.example", Role.OWNER)
        deactivate(ana, by=owner)
    assert "E-mail e senha não combinam." in enter(client).text


def test_an_unknown_address_costs_the_same_digest(client: FlaskClient, ana, monkeypatch):
    """Equal work, not equal milliseconds: a clock's noise would make this a test of the machine."""
    seen = []
    real = passwords.verify_password
    monkeypatch.setattr(
        passwords, "verify_password", lambda *given: seen.append(given[1]) or real(*given)
    )
    enter(client, "x" * 20)
    enter(client, "x" * 20, "ninguem@loja.example")
    assert len(seen) == 2
    costs = [digest.rpartition("$")[0].rpartition("$")[0] for digest in seen]
    assert costs[0] == costs[1]
    assert costs[0].startswith("$argon2id$")


def test_argon2_never_runs_while_the_gate_is_held(app: Flask, ana):
    with pytest.raises(RuntimeError, match="argon2"), writing():
        password_digest(PASSWORD)
    with pytest.raises(RuntimeError, match="argon2"), writing():
        passwords.password_matches(ana.password, PASSWORD)


def test_signing_in_leaves_nothing_of_the_session_before(client: FlaskClient, ana):
    before = token_in(client.get("/admin/login").text)
    with client.session_transaction("/admin/") as session:
        session["planted"] = "by somebody else"
    enter(client)
    with client.session_transaction("/admin/") as session:
        assert "planted" not in session
    page = client.get("/admin/conta/").text
    assert re.search(r'csrf-token" content="([^"]+)"', page)[1] != before
    assert client.post("/admin/conta/nome", data={"csrf_token": before}).status_code == 400


@pytest.mark.parametrize(
    ("onward", "lands"),
    [
        ("/admin/conta/", "/admin/conta/"),
        ("https://example.com/", "/admin/"),
        ("//example.com/admin/", "/admin/"),
        ("/admin/\\example.com", "/admin/"),
    ],
)
def test_onward_goes_to_our_own_pages_only(client: FlaskClient, ana, onward, lands):
    page = client.get("/admin/login", query_string={"next": onward}).text
    fields = {"csrf_token": token_in(page), "email": EMAIL, "password": PASSWORD, "next": onward}
    assert client.post("/admin/login", data=fields).location == lands


# --- who keeps trying ------------------------------------------------------------------------


def test_five_wrong_passwords_make_an_account_wait(client: FlaskClient, ana):
    for _try in range(5):
        assert enter(client, "errada errada errada").status_code == 422
    answer = enter(client)
    assert answer.status_code == 429
    assert "Espere 15 minutos" in answer.text
    assert EMAIL in answer.text


def test_an_unknown_account_waits_too(client: FlaskClient, app: Flask):
    for _try in range(5):
        enter(client, "errada errada errada", "ninguem@loja.example")
    assert enter(client, PASSWORD, "ninguem@loja.example").status_code == 429


def test_the_wait_ends_by_itself(client: FlaskClient, ana, monkeypatch):
    for _try in range(6):
        enter(client, "errada errada errada")
    # Who keeps trying meanwhile does not wait longer for it.
    wait_on(monkeypatch, minutes=14)
    assert enter(client).status_code == 429
    wait_on(monkeypatch, minutes=2)
    assert enter(client).status_code == 303


def wait_on(monkeypatch, *, minutes: int) -> None:
    """Let time pass for those who count tries."""
    later = tries.now() + timedelta(minutes=minutes)
    monkeypatch.setattr(tries, "now", lambda: later)


def test_who_gets_in_is_not_counted(client: FlaskClient, app: Flask, ana):
    for _time in range(8):
        assert enter(app.test_client()).status_code == 303


def test_processes_count_together_and_many_tries_at_once_pass_no_limit(app: Flask):
    """Each thread has its own connection, as each process has."""
    rate = (tries.Rate(5, 60),)

    def one(_number: int) -> int:
        with app.app_context(), writing():
            return tries.count(rate, "password", "account", EMAIL)

    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(one, range(20)))
    assert (waits.count(0), {wait > 0 for wait in waits}) == (5, {False, True})


def test_counting_costs_the_same_however_many_tried(client: FlaskClient, statements):
    def cost(email: str) -> int:
        enter(client, "errada errada errada", email)
        statements.clear()
        enter(client, "errada errada errada", email)
        return len(statements)

    first = cost("um@loja.example")
    with writing():
        row = {"moments": [1.0], "at": now() - timedelta(days=2)}
        db.session.add_all([tries.Tries(whose=str(number), **row) for number in range(500)])
    assert cost("dois@loja.example") == first
    kept = db.session.scalars(sa.select(tries.Tries)).all()
    assert len(kept) == 3  # two accounts and one address; what is old is gone
    assert "loja.example" not in str([one.whose for one in kept])


def test_an_address_that_tries_many_accounts_waits_and_the_wait_grows(
    client: FlaskClient, ana, monkeypatch
):
    for number in range(20):
        enter(client, "errada errada errada", f"pessoa{number}@loja.example")
    assert enter(client).status_code == 429
    wait_on(monkeypatch, minutes=16)
    for number in range(20):
        enter(client, "errada errada errada", f"outra{number}@loja.example")
    wait_on(monkeypatch, minutes=16)
    answer = enter(client)
    assert answer.status_code == 429
    assert "Espere 28 minutos" in answer.text


# --- sessions --------------------------------------------------------------------------------


def the_session() -> StaffSession:
    db.session.rollback()
    return db.session.scalars(sa.select(StaffSession)).one()


def set_session(**values) -> None:
    with writing():
        db.session.execute(sa.update(StaffSession).values(**values))


def test_a_session_is_a_row_whose_token_the_table_does_not_hold(client: FlaskClient, ana):
    enter(client)
    with client.session_transaction("/admin/") as session:
        token = session["_user_id"]
    row = the_session()
    assert token not in row.digest
    assert (row.staff_id, row.network) == (ana.id, "127.0.0.0/24")


@pytest.mark.parametrize(
    "values",
    [
        {"ended_at": now()},
        {"seen_at": now() - sessions.IDLE - timedelta(seconds=1)},
        {"created_at": now() - sessions.LONGEST - timedelta(seconds=1)},
    ],
    ids=["ended", "idle for eight hours", "seven days old"],
)
def test_a_session_that_is_over_opens_nothing(client: FlaskClient, ana, values):
    enter(client)
    set_session(**values)
    assert client.get("/admin/conta/").status_code == 302


def test_a_stolen_cookie_is_worth_nothing_after_signing_out(app: Flask, client: FlaskClient, ana):
    enter(client)
    stolen = cookie_of(client)
    page = client.get("/admin/conta/").text
    assert client.post("/admin/sair", data={"csrf_token": token_in(page)}).status_code == 303
    thief = app.test_client()
    thief.set_cookie("vitrine_staff", stolen, path="/admin")
    assert thief.get("/admin/conta/").status_code == 302


def test_who_is_asking_costs_one_statement(client: FlaskClient, ana, statements):
    enter(client)
    client.get("/admin/conta/")
    statements.clear()
    client.get("/admin/conta/")
    about_sessions = [one for one in statements if "staff_session" in one and "JOIN staff" in one]
    assert len(about_sessions) == 1
    assert not [one for one in statements if one.startswith("UPDATE")]


def test_use_is_noted_once_a_minute(client: FlaskClient, ana, statements):
    enter(client)
    set_session(seen_at=now() - timedelta(minutes=2))
    statements.clear()
    client.get("/admin/conta/")
    client.get("/admin/conta/")
    assert len([one for one in statements if one.startswith("UPDATE staff_session")]) == 1
    assert the_session().seen_at > now() - timedelta(seconds=30)


def test_an_old_token_in_an_address_or_header_opens_nothing(client: FlaskClient, ana):
    token = ana.get_auth_token()
    assert client.get("/admin/conta/", query_string={"auth_token": token}).status_code == 302
    answer = client.get("/admin/conta/", headers={"Authentication-Token": token})
    assert answer.status_code == 302


# --- second step -----------------------------------------------------------------------------


@pytest.fixture
def secret(ana: StaffMember) -> str:
    """Ana's authenticator app, switched on long ago."""
    made = second_factor.new_secret()
    with writing():
        second_factor.switch_on(ana, made, 0)
    return made


def app_code(secret: str) -> str:
    return second_factor._ours().generate_totp_password(secret)


def test_with_a_second_factor_the_password_alone_opens_nothing(client: FlaskClient, secret):
    answer = enter(client)
    assert answer.location == "/admin/login/codigo"
    assert client.get("/admin/conta/").status_code == 302
    assert db.session.scalar(sa.select(sa.func.count(StaffSession.id))) == 0
    assert post(client, "/admin/login/codigo", code=app_code(secret)).location == "/admin/"
    assert client.get("/admin/conta/").status_code == 200


def test_a_code_opens_once(app: Flask, client: FlaskClient, secret):
    enter(client)
    used = app_code(secret)
    assert post(client, "/admin/login/codigo", code=used).status_code == 303
    other = app.test_client()
    enter(other)
    assert post(other, "/admin/login/codigo", code=used).status_code == 422


def test_of_two_posts_of_one_code_one_gets_in(app: Flask, ana, secret):
    step = second_factor.step_of(secret, app_code(secret))
    with writing():
        taken = [second_factor.use_step(ana, step), second_factor.use_step(ana, step)]
    assert taken == [True, False]


def test_wrong_codes_make_the_account_wait(client: FlaskClient, secret):
    enter(client)
    for _try in range(5):
        assert post(client, "/admin/login/codigo", code="000000").status_code == 422
    assert post(client, "/admin/login/codigo", code=app_code(secret)).status_code == 429


def test_a_recovery_code_opens_once(app: Flask, client: FlaskClient, ana):
    with writing():
        codes = second_factor.switch_on(ana, second_factor.new_secret(), 0)
    assert codes[0] not in "".join(ana.mf_recovery_codes)
    enter(client)
    assert post(client, "/admin/login/codigo", code=codes[0].upper()).status_code == 303
    assert "9" in client.get("/admin/conta/").text
    other = app.test_client()
    enter(other)
    assert post(other, "/admin/login/codigo", code=codes[0]).status_code == 422


def test_the_second_step_waits_ten_minutes_and_not_for_a_changed_account(
    client: FlaskClient, secret, ana, monkeypatch
):
    enter(client)
    with client.session_transaction("/admin/") as session:
        half = session["half"]
        session["half"] = [half[0], half[1], half[2] - views.SECOND_STEP_SECONDS - 1, half[3]]
    assert client.get("/admin/login/codigo").status_code == 303
    with client.session_transaction("/admin/") as session:
        session["half"] = [half[0], "0" * 16, half[2], half[3]]
    assert client.get("/admin/login/codigo").status_code == 303


def test_without_a_password_there_is_no_second_step(client: FlaskClient, secret):
    assert client.get("/admin/login/codigo").location == "/admin/login"


def test_the_secret_is_sealed_in_the_table(ana, secret):
    assert "enckey" in ana.tf_totp_secret
    assert second_factor.typed_key(secret).replace("-", "") not in ana.tf_totp_secret


# --- forgotten -------------------------------------------------------------------------------


def ask_reset(client: FlaskClient, email: str) -> TestResponse:
    return post(client, "/admin/senha", email=email)


def test_asking_looks_the_same_for_every_address(client: FlaskClient, ana):
    known = ask_reset(client, EMAIL).text
    unknown = ask_reset(client, "bea@loja.example").text
    assert known.replace(EMAIL, "bea@loja.example") == unknown
    work_off()
    assert db.session.scalars(sa.select(Mail.to_address)).all() == [EMAIL]


def reset_path() -> str:
    work_off()
    db.session.rollback()
    text = db.session.scalars(sa.select(Mail.text).where(Mail.kind == "staff_reset")).one()
    return re.search(r"http://localhost(/admin/senha/nova/\S+)", text)[1]


def test_the_link_changes_the_password_once_and_ends_every_session(
    app: Flask, client: FlaskClient, ana
):
    enter(client)
    stranger = app.test_client()
    ask_reset(stranger, EMAIL)
    path = reset_path()
    fresh = "dois cavalos verdes na lua"
    assert post(stranger, path, password=fresh, again=fresh).status_code == 303
    assert client.get("/admin/conta/").status_code == 302
    assert enter(app.test_client()).status_code == 422
    assert enter(app.test_client(), fresh).status_code == 303
    assert stranger.get(path).status_code == 410
    work_off()
    kinds = db.session.scalars(sa.select(Mail.kind)).all()
    assert "staff_password_changed" in kinds


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("curta", "curta", "pelo menos 12"),
        ("senha 123 456 789", "senha 123 456 789", "todo mundo tenta primeiro"),
        ("aaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaa", "todo mundo tenta primeiro"),
        ("dois cavalos verdes", "dois cavalos azuis", "não são iguais"),
        ("x" * 5000, "x" * 5000, "no máximo 200"),
    ],
)
def test_a_poor_password_is_refused_in_words(client, ana, password, again, words):
    ask_reset(client, EMAIL)
    answer = post(client, reset_path(), password=password, again=again)
    assert answer.status_code == 422
    assert words in answer.text


@pytest.mark.parametrize("token", ["x", "WzEsImEiXQ.aaaa.bbbb", "..", "%01"])
def test_a_made_up_link_says_that_it_no_longer_works(client: FlaskClient, token):
    for path in ("/admin/senha/nova/", "/admin/convite/"):
        answer = client.get(path + token)
        assert answer.status_code == 410
        assert "não funciona mais" in answer.text


def test_a_link_is_too_old_after_an_hour(client: FlaskClient, ana, monkeypatch):
    ask_reset(client, EMAIL)
    path = reset_path()
    later = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: later)
    assert client.get(path).status_code == 410


def test_nobody_fills_a_mailbox_by_asking(client: FlaskClient, ana):
    for _time in range(5):
        assert ask_reset(client, EMAIL).status_code == 200
    assert ask_reset(client, EMAIL).status_code == 429


def test_no_account_is_made_by_asking(client: FlaskClient, app: Flask):
    ask_reset(client, "bea@loja.example")
    work_off()
    assert find_staff("bea@loja.example") is None
