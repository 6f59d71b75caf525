"""A mailbox that portals write to, over POP3, from the mail server or by post."""

import time
from email.message import EmailMessage

import pytest

from core.db import db
from integrators import accounts, polling
from integrators.calling import TryLater
from jobs.queue import PermanentFailure
from tests.factories import make_vehicle
from tests.integrators.events import adf
from tests.integrators.simulators import Pop3

PLAIN = """Você recebeu um novo contato!

Nome: Ana Teste
Telefone: (16) 99999-0001
E-mail: ana@exemplo.com.br

Mensagem: Aceita troca no Argo [V204]?
"""


def message(text: str = PLAIN, **headers: str) -> EmailMessage:
    mail = EmailMessage()
    given = {
        "From": "Portal Exemplo <nao-responda@portal.com.br>",
        "To": "leads@loja.com.br",
        "Subject": "Novo contato",
        "Date": "Fri, 20 Nov 2026 09:00:00 -0300",
        "Message-ID": "<1@portal.com.br>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in given.items():
        mail[name] = value
    mail.set_content(text)
    return mail


@pytest.fixture
def box():
    with Pop3() as running:
        yield running


@pytest.fixture
def mailbox(register, box):
    return register(
        "mailbox",
        host="127.0.0.1",
        port=str(box.port),
        security="none",
        username="leads",
        password="segredo",
    )


@pytest.mark.parametrize("broken", ["<", "<@>", "<a@[>", "<(>", "(" * 3000, "<" * 2000])
def test_a_message_with_a_broken_id_is_a_lead(register, client, work, look, broken):
    path = register("mailbox").path
    body = f"Message-ID: {broken}\r\nSubject: Oi\r\n\r\nNome: Ana Teste\r\n"
    assert client.post(path, data=body, content_type="message/rfc822").status_code == 200
    work()
    assert [lead.person.name for lead in look.leads] == ["Ana Teste"]


@pytest.mark.parametrize("depth", [300, 1000, 3000])
def test_a_message_of_endless_parts_waits_for_a_person(register, client, work, look, depth):
    body = "Content-Type: message/rfc822\r\n\r\n" * depth + "Nome: Ana Teste\r\n"
    for kind in ("mailbox", "adf"):
        path = register(kind).path
        assert client.post(path, data=body, content_type="message/rfc822").status_code == 200
    work()
    assert {row.state for row in look.submissions} <= {"done", "parked"}


def test_a_plain_mail_is_a_lead_with_what_its_lines_say(mailbox, box, work, look):
    car = make_vehicle(source_id="204")
    box.messages.append(("u1", bytes(message())))
    assert polling.poll_account(mailbox.account.id) == 1
    work()
    asked = look.only
    assert (asked.person.name, asked.person.phone, asked.person.email) == (
        "Ana Teste", "+5516999990001", "ana@exemplo.com.br")  # fmt: skip
    assert asked.vehicle_id == car.id
    assert "Aceita troca" in asked.message
    assert look.leads[0].source_ref == "portal.com.br"
    assert asked.at.isoformat() == "2026-11-20T12:00:00+00:00"


def test_a_message_that_stays_is_fetched_once(mailbox, box, work, look):
    box.messages += [("u1", bytes(message())), ("u2", bytes(message(Message_ID="<2@x>")))]
    assert polling.poll_account(mailbox.account.id) == 2
    assert polling.poll_account(mailbox.account.id) == 0
    work()
    assert box.retrieved == ["RETR u1", "RETR u2"]
    assert len(look.enquiries) == 2


def test_messages_go_only_once_they_are_kept_and_only_if_asked_for(register, box, look):
    account = register("mailbox", host="127.0.0.1", port=str(box.port), security="none",
                       username="u", password="segredo", delete="1")  # fmt: skip
    box.messages += [("u1", bytes(message())), ("u2", bytes(message(Message_ID="<2@x>")))]
    box.breaks_after = 1
    with pytest.raises(TryLater):
        polling.poll_account(account.account.id)
    assert len(look.submissions) == 1
    assert len(box.messages) == 2  # cut off before QUIT: nothing is gone
    polling.poll_account(account.account.id)
    assert (len(look.submissions), box.messages) == (2, [])


def test_a_huge_message_is_read_from_its_beginning(mailbox, box, work, look):
    huge = bytes(message()) + b"\n" + b"x" * 900 + (b"\n" + b"y" * 900) * 3000
    box.messages.append(("u1", huge))
    polling.poll_account(mailbox.account.id)
    work()
    assert box.retrieved == ["TOP u1"]
    assert look.only.person.phone == "+5516999990001"


def test_a_line_longer_than_the_standard_allows_is_read(mailbox, box, work, look):
    html = "<p>Nome: Ana</p>" + "<span>x</span>" * 5000 + "<p>Telefone: (16) 99999-0001</p>"
    raw = b"From: a@b.com\nContent-Type: text/html\n\n" + html.encode()
    box.messages.append(("u1", raw))
    polling.poll_account(mailbox.account.id)
    work()
    assert (look.only.person.name, look.only.person.phone) == ("Ana", "+5516999990001")


def test_a_wrong_password_asks_for_a_person(register, box):
    account = register("mailbox", host="127.0.0.1", port=str(box.port), security="none",
                       username="u", password="errada")  # fmt: skip
    with pytest.raises(PermanentFailure):
        polling.poll_account(account.account.id)
    db.session.rollback()
    assert accounts.named(account.account.name).state == "needs_reauth"


def test_a_server_that_is_away_is_tried_later(register):
    account = register("mailbox", host="127.0.0.1", port="1", security="none")
    with pytest.raises(TryLater):
        polling.poll_account(account.account.id)


def test_adf_in_the_text_is_read_as_adf(client, register, work, look):
    account = register("mailbox")
    for number, mail in enumerate(
        (
            message(adf()),
            message("Olá,\n\n" + adf().replace("L-1", "L-2") + "\n"),
            message(adf().replace("L-1", "L-3").replace("<", "&lt;").replace(">", "&gt;")),
        )
    ):
        mail.replace_header("Message-ID", f"<{number}@x>")
        answer = client.post(account.path, data=bytes(mail), content_type="message/rfc822")
        assert answer.status_code == 200
    work()
    ids = [asked.external_id.rpartition(":")[2] for asked in look.enquiries]
    assert sorted(ids) == ["L-1", "L-2", "L-3"]


def test_adf_as_an_attachment_is_read_as_adf(client, register, work, look):
    account = register("mailbox")
    mail = message("Segue o lead em anexo.")
    mail.add_attachment(adf().encode(), "application", "octet-stream", filename="lead.xml")
    client.post(account.path, data=bytes(mail), content_type="message/rfc822")
    work()
    assert look.only.external_id.endswith(":L-1")


def test_a_mail_posted_to_the_door_of_adf_is_read_too(client, register, work, look):
    account = register("adf")
    client.post(account.path, data=bytes(message(adf())), content_type="message/rfc822")
    work()
    assert look.only.source == "adf"


def test_the_address_to_answer_is_that_of_the_person(client, register, work, look):
    account = register("mailbox")
    mail = message("Tenho interesse.", Reply_To="Bia Souza <bia@exemplo.com.br>")
    client.post(account.path, data=bytes(mail), content_type="message/rfc822")
    machine = message("Tenho interesse.", Message_ID="<2@x>")
    client.post(account.path, data=bytes(machine), content_type="message/rfc822")
    work()
    people = [(person.name, person.email) for person in look.people]
    assert people == [("Bia Souza", "bia@exemplo.com.br"), ("", "")]


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe\x00 lixo",
        b"Subject: =?x-unknown?Q?=E9?=\nContent-Type: text/plain; charset=nada\n\n\xe9 isto",
        b"Content-Type: multipart/mixed\n\nsem fronteira",
        b"From: a@b\nFrom: c@d\nSubject: \n\n texto",
        b"Message-ID: <" + b"x" * 5000 + b">\n\ntexto",
        b"Subject: a\r\n b\r\nBcc: x@y.z\r\n\r\ntexto",
        b"To: " + b"a@b, " * 3000 + b"\n\ntexto",
        b"",
    ],
    ids=range(8),
)
def test_broken_messages_break_nothing(client, register, work, look, raw):
    account = register("mailbox")
    answer = client.post(account.path, data=raw, content_type="message/rfc822")
    assert answer.status_code == 200
    work()
    assert {job.state for job in look.webhook_jobs} == {"done"}
    assert look.submissions[0].state in {"done", "parked"}


def test_a_bounce_is_no_lead(client, register, work, look):
    account = register("mailbox")
    raw = (
        b"From: MAILER-DAEMON@x\nContent-Type: multipart/report; report-type=delivery-status; "
        b'boundary="b"\n\n--b\n\nnot delivered\n--b--\n'
    )
    client.post(account.path, data=raw, content_type="message/rfc822")
    work()
    assert look.enquiries == []


def test_the_mail_server_may_hand_messages_over(app, register, work, look):
    register("mailbox", name="Correio")
    run = app.test_cli_runner().invoke
    for _ in range(2):
        result = run(args=["portals", "receive-mail", "Correio"], input=bytes(message()))
        assert result.exit_code == 0, result.output
    work()
    assert look.only.person.name == "Ana Teste"
    assert run(args=["portals", "receive-mail", "Nada"], input=b"").exit_code == 2


def test_a_hostile_body_takes_no_time(client, register, work, look):
    account = register("mailbox")
    body = "Nome" + " " * 60_000 + ":\n" + "<br" * 20_000 + "&lt;adf" * 10_000
    started = time.monotonic()
    mail = b"From: a@b.com\nContent-Type: text/html\n\n" + body.encode()
    assert client.post(account.path, data=mail).status_code == 200
    work()
    assert time.monotonic() - started < 10
    assert len(look.submissions) == 1
