"""Mercado Livre: hints without a signature, leads read with a token that must never be lost."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from core.db import db, writing
from integrators import accounts, polling
from integrators.mercadolivre_token import access_token
from jobs.queue import PermanentFailure
from leads import privacy
from tests.factories import make_vehicle
from tests.integrators import events
from tests.simulators.ads import Ad
from tests.simulators.mercadolivre import MercadoLivre

APP, USER = "5503910054141466", "468424240"


@pytest.fixture
def service() -> Iterator[MercadoLivre]:
    with MercadoLivre() as portal:
        yield portal


@pytest.fixture
def portal(register, service):
    return register(
        "mercadolivre",
        base_url=service.url,
        client_id=APP,
        client_secret="s",
        refresh_token="r0",
        user_id=USER,
    )


def state(portal) -> accounts.PortalAccount:
    db.session.rollback()
    db.session.expire_all()
    return accounts.named(portal.account.name)


def test_a_hint_becomes_the_lead_it_names(client, portal, service, work, look):
    car = make_vehicle(source_id="lj1-v204")
    item = {"title": "Fiat Argo", "seller_custom_field": "lj1-v204"}
    service.keep(Ad("MLB123456", "lj1-v204", "active", 6_490_000, item))
    answer = client.post(portal.path, json=events.mercadolivre_note())
    assert answer.status_code == 200
    assert service.asked.total() == 0  # nothing is asked while they wait
    work()
    asked = look.only
    assert (asked.source, asked.external_id, asked.vehicle_id) == (
        "mercadolivre", "0b1c2d3e", car.id)  # fmt: skip
    assert asked.person.phone == "+5516999990001"
    assert asked.details == {"channel": "whatsapp", "ad": "MLB123456", "ad_title": "Fiat Argo"}
    assert asked.at == datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_notices_repeated_with_another_count_are_one(client, portal, service, work, look):
    for attempt in (1, 2, 3):
        client.post(portal.path, json=events.mercadolivre_note(attempts=attempt))
    client.post(portal.path, json=events.mercadolivre_note(_id="another"))
    work()
    assert len(look.submissions) == 2
    assert len(look.enquiries) == 1


@pytest.mark.parametrize(
    "changes", [{"application_id": 1}, {"user_id": 1}, {"user_id": None}, {"application_id": "x"}]
)
def test_hints_for_somebody_else_are_refused(client, portal, look, changes):
    answer = client.post(portal.path, json=events.mercadolivre_note(**changes))
    assert answer.status_code == 401
    assert look.submissions == []


@pytest.mark.parametrize(
    "resource",
    [
        "http://169.254.169.254/latest",
        "//evil.example/x",
        "/vis/leads/../../oauth/token",
        "/vis/leads/a?b=c",
        "/vis/leads/a/b",
        "/vis/leads/",
        "@evil.example",
        "",
        None,
        {"a": 1},
        "/vis/leads/" + "a" * 65,
        "/vis/leads/a\nb",
    ],
)
def test_only_paths_of_leads_are_ever_asked_for(client, portal, service, work, look, resource):
    answer = client.post(portal.path, json=events.mercadolivre_note(resource=resource))
    assert answer.status_code == 200
    work()
    assert service.asked.total() == 0
    assert look.submissions[0].state == "parked"


def test_news_of_ads_ask_for_nothing(client, portal, service, work, look):
    note = events.mercadolivre_note(topic="items", resource="/items/MLB1")
    client.post(portal.path, json=note)
    work()
    assert service.asked.total() == 0
    assert look.submissions[0].state == "done"


def test_a_question_that_comes_both_ways_is_one(client, portal, service, work, look):
    service.questions["55"] = {
        "text": "Aceita troca?",
        "item_id": "MLB1",
        "from": {"id": 777},
        "date_created": "2026-11-20T12:00:00.000Z",
    }
    service.leads["q"] = events.mercadolivre_lead(
        id="q", contact_type="question", external_id="55", phone=None, email=None, name=None
    )
    for note in ({"_id": "1", "resource": "/vis/leads/q"},
                 {"_id": "2", "resource": "/questions/55", "topic": "questions"}):  # fmt: skip
        client.post(portal.path, json=events.mercadolivre_note(**note))
    work()
    assert look.only.message == "Aceita troca?"
    assert (look.only.person.phone, look.only.person.email) == ("", "")
    assert len(look.leads) == 1


def test_one_token_serves_many_leads_and_the_new_refresh_token_is_kept(
    client, portal, service, work, look
):
    for number in range(3):
        service.leads[f"n{number}"] = events.mercadolivre_lead(id=f"n{number}", item_id="")
        client.post(
            portal.path,
            json=events.mercadolivre_note(_id=str(number), resource=f"/vis/leads/n{number}"),
        )
    work()
    assert len(look.enquiries) == 3
    assert service.used == ["r0"]
    assert accounts.seen(state(portal)).get("refresh_token") == "r1"


def test_a_token_turned_away_is_replaced_once(client, portal, service, work, look):
    assert access_token(portal.account.id) == "a1"
    service.issued.access = "revoked"
    client.post(portal.path, json=events.mercadolivre_note())
    work()
    assert service.used == ["r0", "r1"]
    assert len(look.enquiries) == 1


def test_a_token_is_replaced_before_its_life_ends(portal, service):
    service.life_seconds = 100
    first = access_token(portal.account.id)
    assert access_token(portal.account.id) == first
    with writing():
        accounts.keep_secrets(accounts.locked(portal.account.id), issued_until=0)
    assert access_token(portal.account.id) == "a2"


def test_many_threads_ask_for_one_token(app, portal, service):
    service.slow_seconds = 0.3
    tokens = []

    def ask():
        with app.app_context():
            tokens.append(access_token(portal.account.id))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tokens == ["a1"] * 6
    assert service.used == ["r0"]


def test_too_many_calls_and_trouble_are_waited_out(client, portal, service, work, look):
    client.post(portal.path, json=events.mercadolivre_note())
    service.trouble = [429, 503, 200]  # the last one answers without a token
    work(rounds=5)
    assert len(look.enquiries) == 1
    assert {job.state for job in look.webhook_jobs} == {"done"}


def test_a_lost_answer_to_a_refresh_asks_for_a_person_after_one_more_try(
    client, portal, service, work, look
):
    client.post(portal.path, json=events.mercadolivre_note())
    service.trouble = ["lost"]  # the refresh token is used up, and we never saw the next
    work(rounds=3)
    assert service.used == ["r0", "r0"]
    assert state(portal).state == "needs_reauth"
    assert "invalid_grant" in state(portal).problem
    (submission,) = look.submissions
    assert (submission.state, submission.error) == ("parked", state(portal).problem)
    asked_before = service.asked.total()
    client.post(portal.path, json=events.mercadolivre_note(_id="2"))
    work()
    assert service.asked.total() == asked_before  # a dead connection is not hammered


def test_once_connected_again_what_waited_is_read(app, client, portal, service, work, look):
    service.issued.refresh = "outro"
    client.post(portal.path, json=events.mercadolivre_note())
    work()
    assert look.enquiries == []
    listed = app.test_cli_runner().invoke(args=["portals", "list"]).output
    assert "needs_reauth" in listed
    name = portal.account.name
    done = app.test_cli_runner().invoke(args=["portals", "set", name, "refresh_token=outro"])
    assert done.exit_code == 0
    work()
    assert len(look.enquiries) == 1
    assert look.submissions[0].state == "done"
    assert state(portal).state == "active"


def test_a_lead_that_is_gone_is_told_in_words(client, portal, service, work, look):
    service.leads.clear()
    client.post(portal.path, json=events.mercadolivre_note())
    work()
    assert look.submissions[0].state == "parked"
    assert "404" in look.submissions[0].error


# --- what was missed -------------------------------------------------------------------------


def buyer(number: int, **changes) -> dict:
    lead = {
        "id": f"lead-{number}",
        "contact_type": "whatsapp",
        "created_at": "2026-11-20T12:00:00.000Z",
        "item_id": "",
        "status": "new",
        **changes,
    }
    return {
        "id": number,
        "item_id": "",
        "name": f"Comprador {number}",
        "phone": f"1699999{number:04d}",
        "email": "",
        "leads": [lead],
    }


def test_polling_brings_what_was_not_posted_page_after_page_and_once(portal, service, work, look):
    service.buyers = [buyer(number) for number in range(1, 26)]
    assert polling.poll_account(portal.account.id) == 25
    assert service.asked["/vis/users/468424240/leads/buyers"] == 4
    assert polling.poll_account(portal.account.id) == 0
    work()
    assert len(look.enquiries) == len(look.people) == 25
    assert state(portal).polled_at is not None


def test_a_lead_posted_and_polled_is_one(client, portal, service, work, look):
    service.buyers = [buyer(777, id="0b1c2d3e")]
    client.post(portal.path, json=events.mercadolivre_note())
    work()
    polling.poll_account(portal.account.id)
    work()
    assert len(look.enquiries) == 1


def test_missed_notifications_are_fetched_and_strangers_left_out(portal, service, work, look):
    service.missed = [events.mercadolivre_note(), events.mercadolivre_note(user_id=1)]
    polling.poll_account(portal.account.id)
    work()
    assert look.only.external_id == "0b1c2d3e"
    assert len(look.submissions) == 1


def test_the_round_asks_every_account_and_none_waits_for_another(
    app, register, portal, service, work, look
):
    register("mercadolivre", name="Fora do ar", base_url="http://127.0.0.1:1", client_id="1",
             client_secret="s", refresh_token="r", user_id="1")  # fmt: skip
    service.buyers = [buyer(1)]
    with writing():
        polling.enqueue("poll_lead_sources")
    work(rounds=2)
    assert len(look.enquiries) == 1
    result = app.test_cli_runner().invoke(args=["portals", "poll"])
    assert result.exit_code == 1
    assert "Fora do ar" in result.output
    only = app.test_cli_runner().invoke(args=["portals", "poll", "--portal", portal.account.name])
    assert only.exit_code == 0


def test_an_account_with_a_dead_token_says_so_to_whoever_polls(portal, service):
    service.issued.refresh = "outro"
    with pytest.raises(PermanentFailure):
        polling.poll_account(portal.account.id)
    assert json.dumps(state(portal).problem)


def test_whoever_was_erased_stays_erased_when_the_lead_is_polled_again(
    client, portal, service, work, look
):
    client.post(portal.path, json=events.mercadolivre_note())
    work()
    with writing():
        privacy.erase(look.only.person_id, reason="asked")
    service.buyers = [buyer(777, id="0b1c2d3e")]
    polling.poll_account(portal.account.id)
    work()
    assert {(person.name, person.phone) for person in look.people} == {("", "")}
    assert "Comprador" not in json.dumps([row.payload for row in look.submissions])


def test_with_the_sites_key_changed_nobody_is_asked_and_nothing_is_given_up(
    app, client, portal, service, work, look
):
    client.post(portal.path, json=events.mercadolivre_note())
    usual = app.extensions["vitrine"]
    app.extensions["vitrine"] = type(usual)(**{**usual.__dict__, "secret_key": "n" * 40})
    try:
        work()
        assert service.asked.total() == 0
    finally:
        app.extensions["vitrine"] = usual
    assert state(portal).state == "active"
    work()
    assert len(look.enquiries) == 1
