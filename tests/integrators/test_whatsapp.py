"""WhatsApp: conversations that find the visit they began in, and people without a number."""

import pytest

from core.clock import now
from core.db import writing
from leads.models import ContactClick, LeadEvent, PersonKey
from tests.factories import make_vehicle
from tests.integrators.events import whatsapp_event, whatsapp_message
from tests.integrators.test_meta import SECRET, post
from tests.leads.pipeline.waiting import check, happen, make_staff


@pytest.fixture
def portal(register):
    return register("whatsapp", app_secret=SECRET, verify_token="palavra")


def test_a_message_is_a_lead_and_an_old_number_gets_its_nine(client, portal, work, look):
    assert post(client, portal, whatsapp_event(whatsapp_message())).status_code == 200
    work()
    asked = look.only
    assert (asked.source, asked.external_id, asked.message) == (
        "whatsapp", "wamid.TESTE1", "Ainda tem o Argo?")  # fmt: skip
    assert (asked.person.name, asked.person.phone) == ("Ana Teste", "+5516999990001")
    assert asked.touch == {"source": "whatsapp", "medium": "message"}


def test_deliveries_repeat_and_one_message_stays_one(client, portal, work, look):
    first, second = whatsapp_message(), whatsapp_message(id="wamid.2", text={"body": "Alô?"})
    for batch in ((first,), (first, second), (first,)):
        post(client, portal, whatsapp_event(*batch))
    work()
    assert sorted(asked.message for asked in look.enquiries) == ["Ainda tem o Argo?", "Alô?"]
    assert len(look.people) == len(look.leads) == 1


def test_who_writes_to_a_lead_in_work_answers_us(client, portal, work, look):
    """A first message asks; what comes once somebody works on it is a reply, and only once."""
    post(client, portal, whatsapp_event(whatsapp_message()))
    work()
    ana = make_staff()
    happen(look.leads[0], "claimed", ana.email, owner_id=ana.id)
    happen(look.leads[0], "human_contact", ana.email, channel="whatsapp", evidence="wa.me")
    assert look.leads[0].turn == "customer"
    for _again in range(3):
        post(client, portal, whatsapp_event(whatsapp_message(id="wamid.2", text={"body": "Sim"})))
        work()
    (lead,) = look.leads
    assert [event.kind for event in look.all_of(LeadEvent)] == [
        "enquiry", "claimed", "human_contact", "reply"]  # fmt: skip
    assert (lead.state, lead.turn, lead.next_action, lead.owner_id) == (
        "talking", "ours", "reply", ana.id)  # fmt: skip
    check(lead)


def test_somebody_without_a_number_is_known_by_the_user_id(client, portal, work, look):
    person = {"profile": {"name": "Ana"}, "user_id": "BR.0000000009"}
    for number in ("a", "b"):
        message = whatsapp_message(id=number, **{"from": None})
        post(client, portal, whatsapp_event(message, contact=person))
    work()
    assert len(look.people) == len(look.leads) == 1
    assert look.people[0].phone == ""
    keys = [(key.kind, key.value) for key in look.all_of(PersonKey)]
    assert keys == [("whatsapp", "BR.0000000009")]


def test_the_code_in_the_message_joins_the_visit(client, portal, work, look):
    car = make_vehicle()
    with writing() as session:
        click = ContactClick(
            code="KX7QPM",
            channel="whatsapp",
            vehicle_id=car.id,
            touch={"source": "google", "medium": "cpc", "gclid": "g1"},
            at=now(),
        )
        session.add(click)
    text = {"body": "Olá! Quero uma proposta do Onix: https://x/oferta/onix [KX7QPM]"}
    post(client, portal, whatsapp_event(whatsapp_message(text=text)))
    work()
    asked = look.only
    assert asked.vehicle_id == car.id
    assert asked.touch == {"source": "google", "medium": "cpc", "gclid": "g1"}
    assert look.all_of(ContactClick)[0].lead_id == asked.lead_id
    assert look.leads[0].first_touch["gclid"] == "g1"


def test_a_car_code_in_brackets_is_read_too(client, portal, work, look):
    car = make_vehicle(source_id="204")
    post(client, portal, whatsapp_event(whatsapp_message(text={"body": "Sobre o Argo [V204]"})))
    work()
    assert look.only.vehicle_id == car.id


def test_an_advertisement_is_kept_with_its_click(client, portal, work, look):
    referral = {
        "source_url": "https://fb.me/x",
        "source_type": "ad",
        "source_id": "6001",
        "headline": "Argo 2022",
        "ctwa_clid": "abc",
    }
    post(client, portal, whatsapp_event(whatsapp_message(referral=referral)))
    work()
    assert look.only.details["ctwa_clid"] == "abc"
    assert look.only.touch["content"] == "6001"
    assert look.leads[0].source_ref == "6001"


def test_what_became_of_our_own_messages_opens_no_lead(client, portal, work, look):
    event = whatsapp_event()
    event["entry"][0]["changes"][0]["value"]["statuses"] = [
        {"id": "wamid.X", "status": "read", "timestamp": "1795176000", "recipient_id": "55"}
    ]
    assert post(client, portal, event).status_code == 200
    work()
    assert look.enquiries == []
    assert look.submissions[0].state == "done"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "image", "image": {"id": "1", "caption": "Esta?"}}, "Esta?"),
        ({"type": "audio", "audio": {"id": "1"}}, "audio"),
        ({"type": "button", "button": {"text": "Quero"}}, "Quero"),
        (
            {
                "type": "interactive",
                "interactive": {"type": "list_reply", "list_reply": {"title": "SUV"}},
            },
            "SUV",
        ),
        ({"type": "location", "location": {"latitude": -22.9, "longitude": -47.1}}, "-22.9"),
        ({"type": "unsupported"}, "("),
        ({"type": "algo_novo"}, "("),
        ({"type": None, "text": None}, "("),
    ],
)
def test_messages_without_text_say_what_they_are(client, portal, work, look, message, words):
    post(client, portal, whatsapp_event(whatsapp_message(**message)))
    work()
    assert words in look.only.message


def test_a_thumb_opens_no_lead(client, portal, work, look):
    message = whatsapp_message(type="reaction", reaction={"emoji": "👍"})
    post(client, portal, whatsapp_event(message))
    work()
    assert look.enquiries == []


def test_a_bad_message_in_a_batch_holds_no_other_up(client, portal, work, look):
    batch = (whatsapp_message(id=None), whatsapp_message(id="x" * 500), whatsapp_message())
    post(client, portal, whatsapp_event(*batch, "lixo"))
    work()
    assert len(look.enquiries) == 2
    assert look.submissions[0].state == "parked"


def test_messages_are_placed_by_when_they_were_written(client, portal, work, look):
    late = whatsapp_message(id="2", timestamp="1795176060", text={"body": "dois"})
    early = whatsapp_message(id="1", timestamp="1795176000", text={"body": "um"})
    post(client, portal, whatsapp_event(late, early))
    work()
    assert [asked.message for asked in look.enquiries] == ["um", "dois"]
