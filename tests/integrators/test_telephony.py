"""Telephone calls: answered with TwiML, kept as leads, missed ones to be given back."""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode
from xml.etree.ElementTree import fromstring

import pytest

from leads.models import LeadEvent
from tests.factories import make_store
from tests.integrators.events import call
from tests.leads.pipeline.waiting import check, happen, make_staff

TOKEN = "12345"


def signature(url: str, fields: dict[str, str], token: str = TOKEN) -> str:
    text = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def post(client, account, query: str = "", origin: str = "http://localhost", **changes: str):
    fields = call(**changes)
    path = account.path + (f"?{query}" if query else "")
    headers = {"X-Twilio-Signature": signature(origin + path, fields)}
    return client.post(path, data=fields, headers=headers)


def outcomes(look) -> list[str]:
    return [event.kind for event in look.all_of(LeadEvent) if event.kind.startswith("call_")]


@pytest.fixture
def phone(register):
    store = make_store(phone="+551633330000")
    return register(
        "telephony",
        store=store,
        auth_token=TOKEN,
        forward_to="+5516999990000",
        greeting="Olá <amigo> & bem-vindo",
        tracking="+55 16 3333-0000:placa da loja, +551633330001:google",
    )


def test_the_published_example_of_the_signature_holds():
    """The example of twilio.com/docs/usage/security, recomputed by the test's own function."""
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    url = "https://example.com/myapp.php?foo=1&bar=2"
    assert signature(url, fields) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


def test_an_incoming_call_is_greeted_and_put_through(client, phone, work, look):
    answer = post(client, phone)
    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    root = fromstring(answer.text)
    assert root.find("Say").text == "Olá <amigo> & bem-vindo"
    dial = root.find("Dial")
    assert dial.text == "+5516999990000"
    assert dial.get("action") == f"http://localhost{phone.path}"
    work()
    asked = look.only
    assert (asked.kind, asked.person.phone) == ("call", "+5516999990001")
    assert asked.touch == {"source": "placa da loja", "medium": "call"}
    assert outcomes(look) == []


def test_without_a_number_to_put_it_through_to_the_caller_is_called_back(
    client, register, work, look
):
    phone = register("telephony", auth_token=TOKEN)
    root = fromstring(post(client, phone).text)
    assert root.find("Say").text
    assert root.find("Dial") is None
    post(client, phone, CallStatus="completed", CallDuration="9", SequenceNumber="1")
    work()
    assert outcomes(look) == ["call_missed"]


@pytest.mark.parametrize("status", ["no-answer", "busy", "failed", "canceled"])
def test_a_missed_call_is_one_to_give_back(client, phone, work, look, status):
    post(client, phone)
    answer = post(client, phone, CallStatus=status, SequenceNumber="2", CallDuration="0",
                  Timestamp="Fri, 20 Nov 2026 12:00:00 +0000")  # fmt: skip
    assert list(fromstring(answer.text)) == []
    work()
    (event,) = [one for one in look.all_of(LeadEvent) if one.kind == "call_missed"]
    assert event.data["caller"] == "+5516999990001"
    assert event.data["status"] == status
    assert event.at.isoformat() == "2026-11-20T12:00:00+00:00"
    assert look.only.kind == "missed_call"


@pytest.mark.parametrize(("status", "outcome"), [("no-answer", "call_missed"),
                                                 ("completed", "call_answered")])  # fmt: skip
def test_the_result_of_the_dialling_decides(client, phone, work, look, status, outcome):
    post(client, phone)
    post(client, phone, CallStatus="in-progress", DialCallStatus=status, DialCallDuration="31")
    post(client, phone, CallStatus="completed", SequenceNumber="3", CallDuration="40")
    work()
    assert outcomes(look) == [outcome]
    assert len(look.enquiries) == 1


@pytest.mark.parametrize("seconds", ["²", "9" * 5000, "-1", "x"])
def test_a_call_of_no_known_length_is_a_lead(client, phone, work, look, seconds):
    post(client, phone, CallStatus="no-answer", CallDuration=seconds)
    work()
    assert outcomes(look) == ["call_missed"]
    assert [row.state for row in look.submissions] == ["done"]


def test_repeats_and_late_events_change_nothing(client, phone, work, look):
    post(client, phone, DialCallStatus="completed", CallStatus="in-progress")
    work()
    post(client, phone, DialCallStatus="no-answer", CallStatus="in-progress")
    post(client, phone)
    post(client, phone, DialCallStatus="completed", CallStatus="in-progress")
    work()
    assert outcomes(look) == ["call_answered"]
    assert len(look.enquiries) == 1


def test_the_leg_to_the_store_belongs_to_the_call_that_came_in(client, phone, work, look):
    post(client, phone)
    post(
        client,
        phone,
        CallSid="CA" + "9" * 32,
        ParentCallSid="CA" + "1" * 32,
        From="+551633330000",
        To="+5516999990000",
        Direction="outbound-dial",
        CallStatus="completed",
        SequenceNumber="4",
    )
    work()
    assert outcomes(look) == ["call_answered"]
    assert len(look.enquiries) == len(look.people) == 1


@pytest.mark.parametrize("caller", ["anonymous", "", "+266696687", "Restricted"])
def test_an_anonymous_caller_is_recorded(client, phone, work, look, caller):
    post(client, phone, From=caller, CallStatus="no-answer")
    work()
    assert look.only.person.phone == ""
    assert look.only.details["caller"] == "anonymous"
    assert outcomes(look) == ["call_missed"]


def test_two_calls_of_one_person_are_one_lead(client, phone, work, look):
    post(client, phone, CallStatus="busy")
    post(client, phone, CallSid="CA" + "3" * 32, CallStatus="no-answer")
    work()
    assert len(look.enquiries) == 2
    assert len(look.leads) == 1
    assert outcomes(look) == ["call_missed", "call_missed"]


@pytest.mark.parametrize(("seconds", "stage", "is_contact"), [("3", "assigned", False),
                                                              ("31", "talking", True)])  # fmt: skip
def test_an_answered_call_of_some_length_is_a_talk_where_somebody_has_the_lead(
    client, phone, work, look, seconds, stage, is_contact
):
    """Three seconds are no contact, nor is a call that is told five times more than one."""
    post(client, phone, CallStatus="no-answer")
    work()
    ana = make_staff()
    happen(look.leads[0], "claimed", ana.email, owner_id=ana.id)
    for _again in range(5):
        post(client, phone, CallSid="CA" + "3" * 32, DialCallStatus="completed",
             CallStatus="in-progress", DialCallDuration=seconds)  # fmt: skip
        work()
    (lead,) = look.leads
    assert (lead.state, lead.owner_id, lead.first_contact_at is not None) == (
        stage, ana.id, is_contact)  # fmt: skip
    talks = [event for event in look.all_of(LeadEvent) if event.kind == "talked"]
    assert [event.data["call_seconds"] for event in talks] == ([31] if is_contact else [])
    check(lead)


def test_an_answered_call_of_a_lead_that_waits_leaves_it_waiting(client, phone, work, look):
    post(client, phone, DialCallStatus="completed", CallStatus="in-progress", DialCallDuration="90")
    work()
    (lead,) = look.leads
    assert (lead.state, lead.urgency, lead.first_contact_at) == ("waiting", 0, None)
    check(lead)


@pytest.mark.parametrize("origin", ["http://localhost", "http://localhost:80"])
@pytest.mark.parametrize("query", ["", "a=1&b=%C3%A9"])
def test_the_signature_is_over_the_public_address_with_or_without_port(
    client, phone, origin, query
):
    assert post(client, phone, query, origin).status_code == 200


@pytest.mark.parametrize("origin", ["https://localhost", "http://localhost:8080", "http://evil"])
def test_another_address_is_not_proven(client, phone, look, origin):
    assert post(client, phone, origin=origin).status_code == 401
    assert look.submissions == []


def test_a_changed_or_missing_signature_is_refused(client, phone):
    fields = call()
    good = signature(f"http://localhost{phone.path}", fields)
    for headers, body in (
        ({}, fields),
        ({"X-Twilio-Signature": good}, {**fields, "From": "+5511900000000"}),
        ({"X-Twilio-Signature": ("B" if good[0] == "A" else "A") + good[1:]}, fields),
        ({"X-Twilio-Signature": signature("x", fields, "outro")}, fields),
    ):
        assert client.post(phone.path, data=body, headers=headers).status_code == 401


def test_json_is_signed_by_the_digest_in_the_address(client, phone, look):
    body = json.dumps({"a": 1}).encode()
    query = urlencode({"bodySHA256": hashlib.sha256(body).hexdigest()})
    headers = {
        "X-Twilio-Signature": signature(f"http://localhost{phone.path}?{query}", {}),
        "Content-Type": "application/json",
    }
    assert client.post(f"{phone.path}?{query}", data=body, headers=headers).status_code == 200
    assert client.post(f"{phone.path}?{query}", data=b"{}", headers=headers).status_code == 401


def test_our_own_call_to_somebody_is_no_lead(client, phone, work, look):
    post(client, phone, Direction="outbound-api", CallStatus="completed")
    work()
    assert look.enquiries == []
