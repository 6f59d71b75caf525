"""OLX posts a lead once: whatever comes to the right address is kept and answered in time."""

import json
from datetime import UTC, datetime

import pytest

from core.clock import now
from core.db import writing
from leads import privacy
from tests.factories import make_store, make_vehicle
from tests.integrators.events import olx_chat, olx_lead


def post(client, account, event, token="segredo-olx"):
    return client.post(account.path, json=event, headers={"Authorization": token})


@pytest.fixture
def olx(register):
    return register("olx", access_token="a", lead_token="segredo-olx")


def test_a_lead_becomes_a_person_with_a_car_in_mind(client, olx, work, look):
    car = make_vehicle(source_id="lj1-v204")
    answer = post(client, olx, olx_lead())
    assert answer.status_code == 200
    assert answer.json == {"responseId": look.submissions[0].id}
    work()
    asked = look.only
    assert (asked.source, asked.external_id, asked.kind) == ("olx", "6f0e", "interest")
    assert asked.vehicle_id == car.id
    assert asked.store_id == car.store_id
    assert asked.message == "Aceita troca?"
    assert asked.at == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert asked.details["channel"] == "whatsapp"
    assert asked.touch == {"source": "olx", "medium": "portal"}
    person = asked.person
    assert (person.name, person.phone) == ("Ana Teste", "+5516999990001")
    assert look.leads[0].source == "olx"
    assert look.submissions[0].state == "done"


def test_the_same_event_twice_is_one_enquiry(client, olx, work, look):
    for _ in range(3):
        assert post(client, olx, olx_lead()).status_code == 200
    work()
    assert post(client, olx, olx_lead()).status_code == 200
    work()
    assert len(look.submissions) == len(look.enquiries) == 1


def test_without_an_id_of_its_own_the_content_tells_repeats(client, olx, work, look):
    for message in ("Aceita troca?", "Aceita troca?", "Qual o valor?"):
        post(client, olx, olx_lead(externalId=None, message=message))
    work()
    asked = {asked.message for asked in look.enquiries}
    assert asked == {"Aceita troca?", "Qual o valor?"}
    assert len(look.enquiries) == 2
    assert len(look.leads) == 1  # the same person asking again


def test_a_phone_without_area_code_gets_the_stores(client, register, work, look):
    store = make_store(phone="+556133334444")
    olx = register("olx", store=store)
    post(client, olx, olx_lead(phone="99999-0001"))
    work()
    assert look.only.person.phone == "+5561999990001"


@pytest.mark.parametrize(
    ("changes", "phone", "email"),
    [
        ({"phone": None}, "", "ana@exemplo.com.br"),
        ({"phone": "", "email": ""}, "", ""),
        ({"email": None}, "+5516999990001", ""),
        ({"name": None, "message": None, "adId": None}, "+5516999990001", "ana@exemplo.com.br"),
    ],
)
def test_half_a_lead_is_a_lead(client, olx, work, look, changes, phone, email):
    assert post(client, olx, olx_lead(**changes)).status_code == 200
    work()
    assert (look.only.person.phone, look.only.person.email) == (phone, email)
    assert len(look.leads) == 1


def test_an_unreadable_phone_is_kept_as_written(client, olx, work, look):
    post(client, olx, olx_lead(phone="liga no 0800"))
    work()
    assert look.only.details["phone_typed"] == "liga no 0800"


def test_an_unknown_car_stays_in_the_details(client, olx, work, look):
    post(client, olx, olx_lead(adId="feito-a-mao"))
    work()
    assert look.only.vehicle_id is None
    assert look.only.details["ad"] == "feito-a-mao"
    assert look.only.details["ad_title"] == "Fiat Argo Drive"


@pytest.mark.parametrize("reference", ["tabc1234", "TABC1234", "Quero este [Vtabc1234]"])
def test_the_car_is_found_by_our_public_id_too(client, olx, work, look, reference):
    car = make_vehicle(public_id="tabc1234")
    post(client, olx, olx_lead(adId="", message=reference) if " " in reference
         else olx_lead(adId=reference))  # fmt: skip
    work()
    assert look.only.vehicle_id == car.id


def test_an_id_that_two_sources_use_means_no_car(client, olx, work, look):
    make_vehicle(source="a", source_id="7")
    make_vehicle(source="b", source_id="7")
    post(client, olx, olx_lead(adId="7"))
    work()
    assert look.only.vehicle_id is None


def test_chat_messages_of_one_conversation_are_one_person(client, olx, work, look):
    post(client, olx, olx_chat(email="", name=""))
    post(client, olx, olx_chat(messageId="m-2", message="Alô?", email="", name=""))
    work()
    assert sorted(asked.message for asked in look.enquiries) == ["Ainda está à venda?", "Alô?"]
    assert len(look.people) == len(look.leads) == 1


def test_what_the_seller_writes_opens_no_lead(client, olx, work, look):
    assert post(client, olx, olx_chat(origin="seller")).status_code == 200
    work()
    assert look.enquiries == []
    assert look.submissions[0].state == "done"


def test_news_of_an_ad_open_no_lead(client, olx, work, look):
    event = {"id": "n-1", "topic": "AD_STATUS", "data": {"ad": {"status": "refused"}}}
    assert post(client, olx, event).status_code == 200
    work()
    assert look.enquiries == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe\x00",
        b'{"name": "\\ud800"}',
        b"[" * 100_000,
        b'{"a":' * 30_000,
        b'{"phone": ' + b"9" * 10_000 + b"}",
        b'{"name": {"a": 1}, "phone": [1], "createdAt": {}, "adsInfo": 3, "externalId": []}',
        json.dumps({"name": "x" * 200_000, "createdAt": "99999-99-99"}).encode(),
        b'{"name": "a\\u0000b", "message": "\\u0000", "createdAt": 1e400}',
    ],
)
def test_nothing_authentic_is_turned_away_and_nothing_breaks(client, olx, work, look, body):
    answer = client.post(olx.path, data=body, headers={"Authorization": "segredo-olx"})
    assert answer.status_code == 200
    assert answer.json["responseId"]
    work()
    (submission,) = look.submissions
    assert submission.state in {"done", "parked"}
    assert bool(submission.error) == (submission.state == "parked")
    assert {job.state for job in look.webhook_jobs} == {"done"}


def test_windows_letters_are_read(client, olx, work, look):
    body = json.dumps(olx_lead(name="José Conceição"), ensure_ascii=False).encode("windows-1252")
    client.post(olx.path, data=body, headers={"Authorization": "segredo-olx"})
    work()
    assert look.only.person.name == "José Conceição"


@pytest.mark.parametrize("sent", ["", "errado", "Bearer errado", "segredo-olx2"])
def test_a_wrong_token_is_refused(client, olx, look, sent):
    assert post(client, olx, olx_lead(), token=sent).status_code == 401
    assert look.submissions == []


def test_the_token_may_come_with_the_word_bearer(client, olx):
    assert post(client, olx, olx_lead(), token="Bearer segredo-olx").status_code == 200


def test_without_a_token_the_address_is_the_proof(client, register):
    olx = register("olx", access_token="a")
    assert client.post(olx.path, json=olx_lead()).status_code == 200


def test_what_an_erased_person_sent_before_is_forgotten_again(client, olx, work, look):
    post(client, olx, olx_lead())
    work()
    with writing():
        privacy.erase(look.only.person_id, reason="asked")
    # Another event of theirs from before, which was still on its way.
    post(client, olx, olx_lead(externalId="antes", createdAt="2026-11-20T11:00:00Z"))
    work()
    assert {(person.name, person.phone) for person in look.people} == {("", "")}
    assert "Ana" not in json.dumps([row.payload for row in look.submissions])
    # What they ask from now on is new.
    post(client, olx, olx_lead(externalId="depois", createdAt=now().isoformat()))
    work()
    assert "Ana Teste" in {person.name for person in look.people}
