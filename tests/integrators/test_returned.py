"""Mails of ours that come back: a report counts where it names one of them."""

import base64
import hashlib
import hmac
from email.message import EmailMessage

import pytest
import sqlalchemy as sa

from core.clock import now
from core.config import current
from core.db import db, writing
from leads import letters
from leads.models import LeadEvent, Mail
from leads.objections import entries_of
from leads.people import find_or_create_person, find_person
from leads.returned import is_hard
from leads.stop_list import Channel, Purpose, check_mail, may_send
from tests.factories import make_store

pytestmark = pytest.mark.sqlite_only
TO = "ana@example.com"


@pytest.fixture
def sent(app) -> Mail:
    make_store()
    with writing() as session:
        person = find_or_create_person(name="Ana", phone="+5511987654321", email=TO)
        letters.post(
            letters.Letter(key="x", kind="desk_offer", to=TO, subject="x", text="x",
                           person_id=person.id)
        )  # fmt: skip
        mail = session.scalars(sa.select(Mail)).one()
        mail.state, mail.passed_at = "sent", now()
    return mail


@pytest.fixture
def hand_over(client, register, work):
    account = register("mailbox")

    def run(raw: bytes) -> None:
        client.post(account.path, data=raw, content_type="message/rfc822")
        work()

    return run


def bounce(
    message_id: str, *, status: str = "5.1.1", action: str = "failed", to: str = TO
) -> bytes:
    return f"""From: MAILER-DAEMON@mx.example\r
Message-ID: <dsn-{status}-{to}@mx.example>\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
We could not deliver it.\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
\r
Final-Recipient: rfc822; {to}\r
Action: {action}\r
Status: {status}\r
Diagnostic-Code: smtp; 550 no such user\r
--b\r
Content-Type: text/rfc822-headers\r
\r
From: loja@loja.example\r
Message-ID: {message_id}\r
--b--\r
""".encode()


def complaint(message_id: str, kind: str = "abuse") -> bytes:
    own = EmailMessage()
    own["Message-ID"], own["From"], own["To"] = message_id, "loja@loja.example", TO
    own.set_content("Veja o Argo")
    return (
        f"""From: fbl@mail.example\r
Message-ID: <arf-{kind}@mail.example>\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r
\r
--b\r
Content-Type: message/feedback-report\r
\r
Feedback-Type: {kind}\r
User-Agent: SomeGenerator/1.0\r
Version: 1\r
--b\r
Content-Type: message/rfc822\r
\r
""".encode()
        + bytes(own)
        + b"\r\n--b--\r\n"
    )


def again(mail: Mail) -> Mail:
    db.session.rollback()
    return db.session.get_one(Mail, mail.id, populate_existing=True)


def test_a_hard_bounce_ends_mail_to_that_address(sent, hand_over, look):
    hand_over(bounce(sent.message_id))
    mail = again(sent)
    assert (mail.state, mail.error) == ("failed", f"5.1.1 {TO}")
    assert [one.source for one in entries_of(TO)] == ["bounce"]
    assert not check_mail(TO, None, Purpose.ANSWER).allowed
    assert look.leads == []
    assert {one.state for one in look.submissions} == {"done"}


def test_a_long_id_on_a_line_of_its_own_is_read(sent, hand_over):
    hand_over(bounce(f"\r\n {sent.message_id}"))
    assert again(sent).state == "failed"


def test_it_says_nothing_of_the_persons_other_ways(sent, hand_over):
    hand_over(bounce(sent.message_id))
    with writing():
        person = find_person(email=TO)
        assert may_send(person, Channel.WHATSAPP, Purpose.MARKETING).allowed
        assert check_mail("ana@nova.example", person, Purpose.MARKETING).allowed


@pytest.mark.parametrize(
    "report",
    [
        {"status": "4.2.2", "action": "delayed"},
        {"status": "5.2.2"},
        {"status": "5.7.1"},
        {"status": "5.1.1", "action": "delayed"},
        {"status": "5.1.1", "to": "bia@example.com"},
        {"status": "5.1.1", "message_id": "<forged@loja.example>"},
        {"status": "5.1.1", "message_id": ""},
    ],
)
def test_what_is_soft_about_us_or_forged_changes_nothing(sent, hand_over, report):
    hand_over(bounce(report.pop("message_id", sent.message_id), **report))
    assert again(sent).state == "sent"
    assert entries_of(TO) == []
    assert entries_of("bia@example.com") == []


def test_a_complaint_ends_offers_by_mail(sent, hand_over):
    hand_over(complaint(sent.message_id))
    assert [one.source for one in entries_of(TO)] == ["complaint"]
    assert not may_send(TO, Channel.MAIL, Purpose.MARKETING).allowed
    assert may_send(TO, Channel.MAIL, Purpose.ANSWER).allowed


def test_not_spam_and_a_forged_complaint_say_nothing(sent, hand_over):
    hand_over(complaint(sent.message_id, "not-spam"))
    hand_over(complaint("<forged@loja.example>"))
    assert entries_of(TO) == []


def test_the_lead_tells_that_its_mail_came_back(sent, hand_over, client, register, work, look):
    account = register("generic")
    client.post(account.path, json={"name": "Ana", "email": TO, "message": "oi"})
    work()
    with writing() as session:
        session.get_one(Mail, sent.id).lead_id = look.only.lead_id
    hand_over(bounce(sent.message_id))
    hand_over(bounce(sent.message_id, status="5.0.0"))
    kinds = [event.kind for event in look.all_of(LeadEvent)]
    assert kinds.count("mail_bounced") == 1


@pytest.mark.parametrize(
    ("status", "hard"),
    [("5.1.1", True), ("5.0.0", True), ("5.2.1", True), ("5.2.2", False), ("5.7.26", False),
     ("5.2.23", True),
     ("5.3.1", False), ("5.4.7", False), ("5.4.71", True), ("5.4.1", True),
     ("4.4.1", False), ("2.0.0", False), ("", False), ("5.1.1; x", False)],
)  # fmt: skip
def test_which_status_means_that_nobody_is_there(status, hard):
    assert is_hard(status) is hard


def test_a_text_message_is_read_and_sair_is_heard(client, register, work, look):
    account = register("telephony", auth_token="segredo")
    fields = {"Body": "SAIR", "From": "+5511987654321", "MessageSid": "SM1", "To": "+551133330000"}
    text = f"{current().base_url}{account.path}" + "".join(map("".join, sorted(fields.items())))
    sign = base64.b64encode(hmac.new(b"segredo", text.encode(), hashlib.sha1).digest()).decode()
    answer = client.post(account.path, data=fields, headers={"X-Twilio-Signature": sign})
    assert answer.status_code == 200
    assert b"Dial" not in answer.data
    work()
    assert [one.channel for one in entries_of("+5511987654321")] == ["sms"]
    assert look.leads == []
