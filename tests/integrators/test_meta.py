"""Meta Lead Ads: a handshake, signatures over raw bytes, batches, leads fetched by number."""

import hashlib
import hmac
import json

import pytest

from core.db import db
from integrators import accounts, polling
from tests.factories import make_vehicle
from tests.integrators import events, simulators

SECRET = "segredo-do-app"
VECTOR = "d7a58d22b5421b9fbed35a9d1c236fb5a9cc658130eab71ee50561ca1ead65d1"


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": "application/json"}


def post(client, account, event, secret: str = SECRET):
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    return client.post(account.path, data=body, headers=signed(body, secret))


@pytest.fixture
def service(httpserver) -> simulators.Meta:
    return simulators.Meta(httpserver)


@pytest.fixture
def portal(register, service):
    return register(
        "meta",
        base_url=service.url,
        app_secret=SECRET,
        verify_token="palavra",
        page_token="pagina",
        form_ids="200, 201",
    )


@pytest.mark.parametrize("kind", ["meta", "whatsapp"])
def test_the_handshake_gives_the_challenge_back_as_plain_text(client, register, kind):
    extra = {"page_token": "p"} if kind == "meta" else {}
    account = register(kind, app_secret=SECRET, verify_token="palavra", **extra)
    good = {"hub.mode": "subscribe", "hub.verify_token": "palavra", "hub.challenge": "1158201444"}
    answer = client.get(account.path, query_string=good)
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "1158201444", "text/plain")
    for wrong in (
        {"hub.verify_token": "outra"},
        {"hub.verify_token": ""},
        {"hub.mode": "unsubscribe"},
        {"hub.challenge": "<script>alert(1)</script>"},
        {"hub.challenge": ""},
        {str(number): "too many" for number in range(30)},
    ):
        answer = client.get(account.path, query_string={**good, **wrong})
        assert answer.status_code == 403, wrong
        assert "script" not in answer.text
    assert client.get(account.path).status_code == 403
    assert client.put(account.path).headers["Allow"] == "GET, POST"


def test_a_signature_made_elsewhere_is_accepted(client, portal):
    # HMAC-SHA256 of these bytes under "segredo-do-app", computed with OpenSSL.
    body = b'{"object":"page","entry":[]}'
    answer = client.post(
        portal.path,
        data=body,
        headers={"X-Hub-Signature-256": "sha256=" + VECTOR},
    )
    assert answer.status_code == 200


def test_the_bytes_count_not_what_they_mean(client, portal, look):
    event = events.meta_event("1")
    escaped = json.dumps(event | {"note": "é"}).encode()  # as Meta writes: \\u00e9
    plain = json.dumps(event | {"note": "é"}, ensure_ascii=False).encode()
    assert client.post(portal.path, data=plain, headers=signed(escaped)).status_code == 401
    assert client.post(portal.path, data=escaped, headers=signed(escaped)).status_code == 200
    assert len(look.submissions) == 1


@pytest.mark.parametrize(
    "signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=abc", "é", "sha256=" + "A" * 5000]
)
def test_without_the_right_signature_nothing_is_kept_as_a_lead(client, portal, look, signature):
    body = json.dumps(events.meta_event("1")).encode()
    headers = {"X-Hub-Signature-256": signature.encode().decode("latin-1")}
    assert client.post(portal.path, data=body, headers=headers).status_code == 401
    assert look.submissions == []


def test_a_lead_is_fetched_with_everything_it_says(client, portal, service, work, look):
    car = make_vehicle(source_id="lj1-v204")
    service.leads["1"] = events.meta_lead("1", retailer_item_id="lj1-v204")
    post(client, portal, events.meta_event("1"))
    work()
    asked = look.only
    assert (asked.external_id, asked.vehicle_id) == ("1", car.id)
    assert asked.person.phone == "+5516999990001"
    assert asked.details["field_quando_pretende_comprar?"] == "este mês"
    assert asked.touch == {
        "source": "instagram",
        "medium": "lead_ad",
        "campaign": "Seminovos",
        "content": "Argo novembro",
    }


def test_a_batch_with_a_bad_part_gives_the_others(client, portal, service, work, look):
    service.leads.update({"2": 100, "3": events.meta_lead("3", field_data=[])})
    event = events.meta_event("1", "2", "nada", "3")
    event["entry"].append("lixo")
    event["entry"].append({"changes": [{"field": "feed", "value": {}}, 7, None]})
    post(client, portal, event)
    work()
    assert [asked.external_id for asked in look.enquiries] == ["1", "3"]
    (submission,) = look.submissions
    assert submission.state == "parked"
    assert "2" in submission.error


def test_a_part_that_fails_for_a_while_does_not_hold_the_others_up(
    client, portal, service, work, look
):
    name = [
        {"name": "first_name", "values": ["Bia"]},
        {"name": "last_name", "values": ["Souza"]},
    ]
    service.leads["2"] = events.meta_lead("2", field_data=name)
    # Until it is given: the second attempt may be due at once (full jitter), in the same run.
    first, service.leads["1"] = service.leads["1"], 4
    post(client, portal, events.meta_event("1", "2"))
    work()
    assert [asked.external_id for asked in look.enquiries] == ["2"]
    assert look.submissions[0].state == "new"
    service.leads["1"] = first
    work()
    assert sorted(asked.external_id for asked in look.enquiries) == ["1", "2"]
    assert {asked.person.name for asked in look.enquiries} == {"Ana Teste", "Bia Souza"}
    assert look.submissions[0].state == "done"


def test_leads_repeated_in_other_batches_are_one_each(client, portal, service, work, look):
    service.leads["2"] = events.meta_lead("2")
    for batch in (("1",), ("1", "2"), ("2", "1"), ("1",)):
        post(client, portal, events.meta_event(*batch))
    work()
    assert sorted(asked.external_id for asked in look.enquiries) == ["1", "2"]
    assert len(look.submissions) == 2  # the same leads in another order are the same event


def test_a_dead_token_asks_for_a_person_and_the_lead_waits(
    app, client, portal, service, work, look
):
    service.token = "nova"
    post(client, portal, events.meta_event("1"))
    work()
    db.session.rollback()
    assert accounts.named(portal.account.name).state == "needs_reauth"
    app.test_cli_runner().invoke(args=["portals", "set", portal.account.name, "page_token=nova"])
    work()
    assert len(look.enquiries) == 1


def test_too_many_calls_are_waited_out(client, portal, service, work, look):
    service.leads["1"] = 4
    post(client, portal, events.meta_event("1"))
    work()
    service.leads["1"] = events.meta_lead("1")
    work()
    assert len(look.enquiries) == 1


def test_the_leads_of_the_forms_are_read_again(client, portal, service, work, look):
    service.form = [events.meta_lead(str(number)) for number in range(1, 6)]
    post(client, portal, events.meta_event("1"))
    assert polling.poll_account(portal.account.id) == 5
    assert polling.poll_account(portal.account.id) == 0
    work()
    assert sorted(asked.external_id for asked in look.enquiries) == list("12345")
