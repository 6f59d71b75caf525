"""The door for other systems: who may come in, what is answered, what survives."""

import io
import json
import logging
import time
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine
from flask_migrate import upgrade

from app import create_app
from core.clock import now
from core.db import db, writing
from integrators import accounts
from integrators.incoming import door
from integrators.models import PortalAccount, RefusedPost
from leads import capture
from leads.models import Submission
from tests.integrators.events import chavesnamao_lead, olx_lead
from tests.integrators.test_chavesnamao import basic


@pytest.fixture
def olx(register):
    return register("olx", lead_token="segredo-olx")


PROOF = {"Authorization": "segredo-olx"}


@pytest.mark.parametrize("path", ["/webhooks/olx/nada", "/webhooks/nada/x", "/webhooks/olx/é"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_address_is_no_page(client, olx, path, method):
    answer = client.open(path, method=method, json={} if method == "POST" else None)
    assert answer.status_code == 404
    assert answer.mimetype == "text/plain"


def test_a_token_opens_only_the_door_of_its_kind(client, olx):
    assert client.post(f"/webhooks/generic/{olx.token}", json={}).status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_told_what_is_allowed(client, olx, method):
    answer = client.open(olx.path, method=method, headers=PROOF)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


def test_a_body_of_ten_megabytes_is_not_read(client, olx, look):
    answer = client.post(olx.path, data=b"x" * 10_000_000, headers=PROOF)
    assert answer.status_code == 413
    assert look.submissions == []


def test_a_body_without_announced_length_is_cut_off(client, olx, look):
    answer = client.post(
        olx.path,
        input_stream=io.BytesIO(b"x" * 400_000),
        headers={**PROOF, "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert answer.status_code == 413
    assert look.submissions == []


def test_the_largest_body_that_is_taken_is_taken(client, olx, look):
    body = json.dumps({"message": "x"}).encode()
    body += b" " * (door.MOST_BODY_BYTES - len(body))
    assert client.post(olx.path, data=body, headers=PROOF).status_code == 200
    assert client.post(olx.path, data=body + b" ", headers=PROOF).status_code == 413


def test_the_bytes_are_kept_as_they_came_and_the_password_is_not(client, olx, look):
    body = json.dumps(olx_lead(), indent=3)
    client.post(olx.path, data=body, headers={**PROOF, "Content-Type": "application/json"})
    (submission,) = look.submissions
    assert submission.payload["body"] == body
    assert "segredo" not in json.dumps(submission.payload)


def test_bytes_that_are_no_text_are_kept_too(client, register, look, work):
    account = register("generic")
    client.post(account.path, data=b"\xff\x00\xfe")
    assert look.submissions[0].payload["body_base64"] == "/wD+"
    work()
    assert look.submissions[0].state == "parked"
    assert look.submissions[0].error


def test_a_form_post_is_kept_whole(client, register, look, work):
    account = register("generic")
    client.post(account.path, data={"nome": "Ana", "telefone": "(16) 99999-0001"})
    assert "nome=Ana" in look.submissions[0].payload["body"]
    work()
    assert look.only.person.phone == "+5516999990001"


def test_a_hundred_thousand_form_fields_are_kept_and_parked(client, register, look, work):
    account = register("generic")
    body = "&".join(f"a{number}" for number in range(30_000))
    answer = client.post(account.path, data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    work()
    assert look.submissions[0].state == "parked"


def test_two_accounts_may_use_the_same_ids(client, register, look, work):
    for name in ("um", "dois"):
        account = register("generic", name=name)
        client.post(account.path, json={"id": "1", "nome": name})
    work()
    assert len(look.enquiries) == 2


# --- rotation --------------------------------------------------------------------------------


def test_the_address_before_a_rotation_works_for_a_week(client, olx):
    with writing():
        token = accounts.rotate(accounts.named(olx.account.name))
    accounts.forget_copies()
    for path in (olx.path, f"/webhooks/olx/{token}"):
        assert client.post(path, json=olx_lead(), headers=PROOF).status_code == 200
    with time_machine.travel(now() + timedelta(days=8), tick=True):
        assert client.post(olx.path, json=olx_lead(), headers=PROOF).status_code == 404
        assert client.post(f"/webhooks/olx/{token}", json=olx_lead(), headers=PROOF).status_code \
            == 200  # fmt: skip


def test_an_account_made_by_another_process_is_found_at_once(client, olx):
    client.post(olx.path, json=olx_lead(), headers=PROOF)  # the copy is fresh now
    with writing():
        _row, token = accounts.register("olx", "Outra", {})
    assert client.post(f"/webhooks/olx/{token}", json=olx_lead()).status_code == 200


def test_tokens_are_not_in_the_database(app, olx):
    rows = db.session.execute(sa.select(PortalAccount.__table__)).all()
    assert olx.token not in repr(rows)
    assert b"segredo-olx" not in rows[0].credentials


# --- refused ---------------------------------------------------------------------------------


def refused(app) -> int:
    db.session.rollback()
    return db.session.scalar(sa.select(sa.func.count()).select_from(RefusedPost))


def test_what_was_refused_is_accepted_once_the_secret_is_mended(app, client, register, look, work):
    portal = register("chavesnamao", access_token="velho")
    headers = basic("x", "novo")
    assert client.post(portal.path, json=chavesnamao_lead(), headers=headers).status_code == 401
    assert refused(app) == 1
    run = app.test_cli_runner().invoke
    assert "token does not match" in run(args=["portals", "refused"]).output
    assert run(args=["portals", "refused", "--retry"]).exit_code == 0
    assert (refused(app), len(look.submissions)) == (1, 0)
    name = portal.account.name
    assert run(args=["portals", "set", name, "access_token=novo"]).exit_code == 0
    run(args=["portals", "refused", "--retry"])
    work()
    assert (refused(app), look.only.external_id) == (0, "900001")


def test_a_refused_post_hides_the_secret_it_carried(app, client, register):
    portal = register("chavesnamao", access_token="velho")
    client.post(portal.path, json=chavesnamao_lead(), headers=basic("x", "senha-nova"))
    stored = db.session.scalars(sa.select(RefusedPost)).one()
    assert "senha-nova" not in json.dumps(stored.payload)


def test_only_the_newest_refused_posts_of_three_days_stay(app, client, register):
    portal = register("chavesnamao", access_token="t")
    row = {"account_id": portal.account.id, "reason": "old", "payload": {}, "at": now()}
    with writing() as session:
        session.execute(sa.insert(RefusedPost), [row] * 520)
    client.post(portal.path, json=chavesnamao_lead())
    assert refused(app) == 500
    newest = db.session.scalars(sa.select(RefusedPost).order_by(RefusedPost.id.desc())).first()
    assert newest.reason == "e-mail or token does not match"
    with time_machine.travel(now() + timedelta(hours=73), tick=True):
        client.post(portal.path, json=chavesnamao_lead())
    assert refused(app) == 1


def test_a_flood_of_wrong_posts_is_not_kept_and_real_ones_still_pass(app, client, register):
    portal = register("chavesnamao", access_token="t")
    answers = [client.post(portal.path, json={}).status_code for _ in range(70)]
    assert answers.count(429) >= 5
    assert refused(app) <= 60
    real = client.post(portal.path, json=chavesnamao_lead(), headers=basic("x", "t"))
    assert real.status_code == 200


def test_after_a_change_of_the_sites_key_posts_are_kept_and_the_accounts_sealed_anew(
    app, client, register, look, work, tmp_path
):
    portal = register("chavesnamao", access_token="t")
    usual = app.extensions["vitrine"]
    app.extensions["vitrine"] = type(usual)(**{**usual.__dict__, "secret_key": "n" * 40})
    accounts.forget_copies()
    try:
        post = {"json": chavesnamao_lead(), "headers": basic("x", "t")}
        assert client.post(portal.path, **post).status_code == 401
        key = tmp_path / "old-key"
        key.write_text(usual.secret_key + "\n")
        run = app.test_cli_runner().invoke
        assert run(args=["portals", "reseal", "--old-key-file", str(key)]).exit_code == 0
        run(args=["portals", "refused", "--retry"])
        work()
        assert look.only.external_id == "900001"
        accounts.forget_copies()
        assert client.post(portal.path, **post).status_code == 200
    finally:
        app.extensions["vitrine"] = usual


# --- the database is busy or away ------------------------------------------------------------


@pytest.mark.sqlite_only
def test_a_locked_database_delays_no_answer_and_loses_nothing(app, client, olx, look, work):
    assert client.post(olx.path, json=olx_lead(), headers=PROOF).status_code == 200
    with db.engine.connect() as other:
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN IMMEDIATE")
        answer = client.post(olx.path, json=olx_lead(externalId="2"), headers=PROOF)
        again = client.post(olx.path, json=olx_lead(externalId="2"), headers=PROOF)
        assert (answer.status_code, again.status_code) == (200, 200)
        assert answer.json == again.json
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN")
    deadline = time.monotonic() + 20
    while not capture.spool().is_empty() and time.monotonic() < deadline:
        capture.drain()
        time.sleep(0.05)
    work()
    assert {asked.external_id for asked in look.enquiries} == {"6f0e", "2"}
    assert {submission.id for submission in look.submissions} >= {answer.json["responseId"]}


@pytest.mark.sqlite_only
def test_with_the_database_away_known_accounts_are_proven_and_their_leads_spooled(tmp_path):
    path = tmp_path / "database" / "away.db"
    path.parent.mkdir()
    app = create_app(database_url=f"sqlite:///{path}", instance_dir=str(tmp_path / "instance"))
    with app.app_context():
        upgrade()
        with writing():
            _row, token = accounts.register("olx", "OLX", {"lead_token": "segredo-olx"})
        client = app.test_client()
        address = f"/webhooks/olx/{token}"
        assert client.post(address, json=olx_lead(), headers=PROOF).status_code == 200
        db.session.remove()
        db.engine.dispose()
        aside = path.parent.with_name("aside")
        path.parent.rename(aside)
        try:
            accounts.forget_copies()  # the copy is old: reading it anew fails
            kept = client.post(address, json=olx_lead(externalId="2"), headers=PROOF)
            assert kept.status_code == 200
            assert client.post(address, json=olx_lead(externalId="3")).status_code == 401
            assert client.post("/webhooks/olx/nada", json={}).status_code in {404, 503}
            # A process that never saw the accounts cannot tell: it asks to come again.
            accounts.init_accounts(app)
            answer = client.post(address, json=olx_lead(externalId="4"), headers=PROOF)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        finally:
            aside.rename(path.parent)
        db.session.remove()
        while not capture.spool().is_empty():
            capture.drain()
            time.sleep(0.05)
        stored = db.session.scalars(sa.select(Submission.id)).all()
        assert kept.json["responseId"] in stored
        assert len(stored) == 2
        db.session.remove()
        db.engine.dispose()


@pytest.mark.sqlite_only
def test_when_the_disk_refuses_too_the_sender_is_asked_to_come_again(app, client, olx, look):
    spool = capture.spool()
    folder = Path(spool.path)
    with db.engine.connect() as other:
        other.exec_driver_sql("ROLLBACK")
        other.exec_driver_sql("BEGIN IMMEDIATE")
        away = folder.with_name("spool-aside")
        folder.rename(away)
        try:
            answer = client.post(olx.path, json=olx_lead(), headers=PROOF)
        finally:
            away.rename(folder)
            other.exec_driver_sql("ROLLBACK")
            other.exec_driver_sql("BEGIN")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert spool.is_empty()


# --- what is told ----------------------------------------------------------------------------


def test_no_line_of_the_log_holds_a_token_or_a_person(client, olx, capsys):
    client.post(olx.path, json=olx_lead(), headers=PROOF)
    client.post(olx.path, json=olx_lead(), headers={"Authorization": "errado"})
    logging.getLogger("somebody").warning("asked for %s", f"http://localhost{olx.path}?a=b")
    written = capsys.readouterr().err
    assert "/webhooks/" in written or "redacted" in written
    for secret in (olx.token, "segredo-olx", "Ana Teste", "16999990001", "errado"):
        assert secret not in written


def test_the_door_asks_for_no_csrf_token_and_sets_no_cookie(client, olx):
    answer = client.post(olx.path, json=olx_lead(), headers={**PROOF, "Origin": "https://x.test"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
