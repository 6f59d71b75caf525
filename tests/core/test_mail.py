"""Mail against a real SMTP server on the loopback, and into the folder where there is none."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core import mail
from core.clock import now
from core.config import BadSetting, load
from tests.post_office import Inbox, post_office

pytestmark = pytest.mark.sqlite_only


Start = Callable[..., tuple[Inbox, str]]


@pytest.fixture
def start_server() -> Iterator[Start]:
    """Starts real servers; gives their inbox and `host:port`."""
    with ExitStack() as started:
        yield lambda **options: started.enter_context(post_office(**options))


@pytest.fixture
def smtp(app, monkeypatch) -> Callable[[str], None]:
    """Points the application to an SMTP server."""

    def point(url: str) -> None:
        config = replace(app.extensions["vitrine"], smtp_url=url)
        monkeypatch.setitem(app.extensions, "vitrine", config)

    return point


def a_message(**values: Any) -> EmailMessage:
    defaults = {
        "to": "ana@example.com",
        "sender": "loja@example.com",
        "sender_name": "Loja São João",
        "subject": "Recebemos seu pedido",
        "text": "Olá, Ana.\n",
        "html": "<p>Olá, Ana.</p>",
        "message_id": mail.message_id("test:1"),
    }
    return mail.make_message(**{**defaults, **values})


def test_a_mail_arrives_whole(smtp, start_server):
    inbox, host = start_server()
    smtp(f"smtp://{host}")
    calendar = mail.File("visita.ics", "calendar", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
    mail.send(a_message(files=[calendar], reply_to="bia@example.com", headers={"X-Kind": "teste"}))
    (message,) = inbox.messages
    assert inbox.recipients == ["ana@example.com"]
    assert message["From"] == "Loja São João <loja@example.com>"
    assert message["Reply-To"] == "bia@example.com"
    assert message["X-Kind"] == "teste"
    assert message.get_body(("plain",)).get_content().strip() == "Olá, Ana."
    assert "<p>Olá, Ana.</p>" in message.get_body(("html",)).get_content()
    (attachment,) = message.iter_attachments()
    assert attachment.get_content_type() == "text/calendar"
    assert attachment.get_filename() == "visita.ics"


def test_every_line_is_ascii_so_that_any_server_takes_it(app):
    assert a_message(text="ação 🚗 " * 300).as_bytes().isascii()


@pytest.mark.parametrize(
    "name",
    ["Ana\r\nBcc: x@example.com", "Ana\nX", "Ana\x00", "Ana\x1b[2J", "Ana\u2028Bcc: x"],
)
def test_a_name_cannot_start_a_header(app, name):
    for values in ({"sender_name": name}, {"subject": name}, {"headers": {"X-Lead": name}}):
        with pytest.raises(mail.BadHeader):
            a_message(**values)


def test_an_address_cannot_start_a_header(app):
    for field_name in ("to", "reply_to"):
        with pytest.raises(mail.BadHeader):
            a_message(**{field_name: "ana@example.com\r\nBcc: x@example.com"})


@pytest.mark.parametrize(
    "name", ["Ana 🚗 Lima", 'Ana "a chefe" Lima', "Lima, Ana", "<Ana>", "安娜"]
)
def test_unusual_names_are_quoted_and_come_back(app, name):
    sent = a_message(sender_name=name).as_bytes()
    assert b"Bcc" not in sent
    (sender,) = message_from_bytes(sent, policy=policy.default)["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "loja@example.com")


@pytest.mark.parametrize(
    "text", ["", "ana", "ana@", "@example.com", "a b@example.com", "a@b@c", "<>"]
)
def test_what_is_no_address_is_refused(app, text):
    with pytest.raises(mail.MailRefused):
        a_message(to=text)


def test_an_international_domain_is_sent_in_ascii(app):
    assert a_message(to="ana@são-joão.com.br")["To"] == "ana@xn--so-joo-3tae.com.br"


def test_a_long_address_in_a_header_stays_whole(smtp, start_server):
    inbox, host = start_server()
    smtp(f"smtp://{host}")
    link = f"<https://www.{'concessionaria-' * 5}exemplo.com.br/descadastrar/{'a_b-' * 10}>"
    message = a_message(headers={"List-Unsubscribe": link})
    assert f"List-Unsubscribe: {link}\r\n".encode() in message.as_bytes()
    mail.send(message)
    assert inbox.messages[0]["List-Unsubscribe"] == link


def test_the_message_id_is_the_same_for_a_repeat(app):
    assert mail.message_id("confirmation:1") == mail.message_id("confirmation:1")
    assert mail.message_id("confirmation:1") != mail.message_id("confirmation:2")
    assert mail.message_id("x").endswith("@localhost>")


def test_a_refused_recipient_is_final(smtp, start_server):
    inbox, host = start_server()
    inbox.refuse["ana@example.com"] = "550 5.1.1 no such user"
    smtp(f"smtp://{host}")
    with pytest.raises(mail.MailRefused, match="no such user"):
        mail.send(a_message())


def test_a_full_mailbox_is_worth_another_try(smtp, start_server):
    inbox, host = start_server()
    inbox.refuse["ana@example.com"] = "452 4.2.2 mailbox full"
    smtp(f"smtp://{host}")
    with pytest.raises(mail.MailWaits):
        mail.send(a_message())


def test_a_busy_server_is_worth_another_try(smtp, start_server):
    inbox, host = start_server()
    inbox.answers = ["451 4.3.0 try later"]
    smtp(f"smtp://{host}")
    with pytest.raises(mail.MailWaits):
        mail.send(a_message())
    mail.send(a_message())
    assert len(inbox.messages) == 1


def test_a_refused_message_is_final(smtp, start_server):
    inbox, host = start_server()
    inbox.answers = ["554 5.7.1 looks like spam"]
    smtp(f"smtp://{host}")
    with pytest.raises(mail.MailRefused, match="spam"):
        mail.send(a_message())


def test_a_server_that_is_away_is_worth_another_try(smtp):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        smtp(f"smtp://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(mail.MailWaits):
            mail.send(a_message())


def test_a_server_that_hangs_up_in_the_middle_is_worth_another_try(smtp):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            connection, _peer = listener.accept()
            with connection, connection.makefile("rwb") as lines:
                lines.write(b"220 hello\r\n")
                lines.flush()
                for line in lines:
                    is_data = line.startswith(b"DATA")
                    lines.write(b"354 go on\r\n" if is_data else b"250 OK\r\n")
                    lines.flush()
                    if is_data:
                        lines.readline()
                        return

        thread = threading.Thread(target=hang_up)
        thread.start()
        smtp(f"smtp://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(mail.MailWaits):
            mail.send(a_message())
        thread.join()


def test_a_server_that_never_answers_is_given_up(smtp, monkeypatch):
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        smtp(f"smtp://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(mail.MailWaits):
            mail.send(a_message())


def _anybody(_server, _session, _envelope, _mechanism, data) -> AuthResult:
    is_right = data.password == b"p@ss:word/1"
    return AuthResult(success=is_right, handled=False, auth_data=data.login.decode())


@pytest.fixture
def certificate(tmp_path, monkeypatch) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that this process trusts, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    pem.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    return pem, private


@pytest.fixture
def tls(certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_encryption_is_used_when_offered_and_the_password_goes_through_it(smtp, start_server, tls):
    inbox, host = start_server(
        tls_context=tls, authenticator=_anybody, auth_required=True, auth_require_tls=True
    )
    smtp(f"smtp://bia:p%40ss%3Aword%2F1@{host}?starttls=required")
    mail.send(a_message())
    assert inbox.signed_in == ["bia"]


def test_smtps_is_encrypted_from_the_first_byte(smtp, start_server, tls):
    inbox, host = start_server(ssl_context=tls)
    smtp(f"smtps://{host}")
    mail.send(a_message())
    assert len(inbox.messages) == 1


def test_a_certificate_nobody_vouches_for_is_not_trusted(smtp, start_server, tls, monkeypatch):
    inbox, host = start_server(tls_context=tls)
    monkeypatch.delenv("SSL_CERT_FILE")
    smtp(f"smtp://{host}")
    with pytest.raises(mail.MailWaits):
        mail.send(a_message())
    assert inbox.messages == []


def test_required_encryption_that_is_not_offered_stops_the_mail(smtp, start_server):
    inbox, host = start_server()
    smtp(f"smtp://{host}?starttls=required")
    with pytest.raises(mail.MailWaits):
        mail.send(a_message())
    assert inbox.messages == []


def test_a_server_that_takes_passwords_only_encrypted_leaves_the_mail_waiting(smtp, start_server):
    inbox, host = start_server(authenticator=_anybody, auth_required=True, auth_require_tls=True)
    smtp(f"smtp://bia:secret@{host}")
    with pytest.raises(mail.MailWaits):
        mail.send(a_message())
    assert inbox.messages == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
def test_a_wrong_password_is_a_setting_to_mend_not_the_recipients_fault(smtp, start_server):
    _inbox, host = start_server(
        authenticator=_anybody,
        auth_required=True,
        auth_require_tls=False,
        auth_exclude_mechanism=["LOGIN"],
    )
    smtp(f"smtp://bia:wrong@{host}")
    with pytest.raises(mail.MailWaits) as caught:
        mail.send(a_message())
    assert "wrong" not in str(caught.value)


def test_without_a_server_the_mail_is_a_file_and_a_repeat_replaces_it(app):
    folder = Path(app.extensions["vitrine"].instance_dir) / "mail"
    before = set(folder.glob("*.eml")) if folder.exists() else set()
    for _time in range(2):
        mail.send(a_message(message_id=mail.message_id("file:1")))
    (written,) = set(folder.glob("*.eml")) - before
    found = message_from_bytes(written.read_bytes(), policy=policy.default)
    assert found["Subject"] == "Recebemos seu pedido"
    assert not list(folder.glob(".*"))


def test_a_server_that_says_nothing_keeps_only_the_first_mail_waiting(app, smtp, monkeypatch):
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        smtp(f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        for number in range(3):
            with pytest.raises(mail.MailWaits):
                mail.send(a_message(message_id=mail.message_id(f"silent:{number}")))
        silent.settimeout(0.2)
        silent.accept()
        with pytest.raises(TimeoutError):
            silent.accept()  # nobody came again


def test_mail_to_names_that_lead_nowhere_stays_here(smtp, start_server):
    inbox, host = start_server()
    smtp(f"smtp://{host}")
    for to in ("bia@loja.example", "bia@localhost.invalid"):
        mail.send(a_message(to=to))
    mail.send(a_message(to="bia@example.com"))
    assert inbox.recipients == ["bia@example.com"]


def test_the_folder_keeps_the_newest_mails_only(app, monkeypatch):
    monkeypatch.setattr(mail, "KEPT_FILES", 3)
    for number in range(5):
        mail.send(a_message(message_id=mail.message_id(f"many:{number}")))
    folder = Path(app.extensions["vitrine"].instance_dir) / "mail"
    assert len(list(folder.glob("*.eml"))) == 3


def test_a_mail_is_kept_while_another_worker_tidies_the_folder(app):
    folder = Path(app.extensions["vitrine"].instance_dir) / "mail"
    folder.mkdir(exist_ok=True)
    gone = folder / "gone.eml"
    gone.symlink_to(folder / "removed-meanwhile")
    before = set(folder.glob("*.eml"))
    mail.send(a_message(message_id=mail.message_id("tidied")))
    assert len(set(folder.glob("*.eml")) - before) == 1
    gone.unlink()


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("", ("", "loja@example.com")),
        ("vendas@example.com", ("", "vendas@example.com")),
        ("Vendas <vendas@example.com>", ("Vendas", "vendas@example.com")),
    ],
)
def test_mail_comes_from_the_setting_else_from_the_dealership(app, setting, expected):
    config = replace(app.extensions["vitrine"], mail_from=setting)
    assert mail.sender_of(config, "loja@example.com") == expected


def test_without_any_address_mail_comes_from_nobody_to_be_answered(app):
    assert mail.sender_of(app.extensions["vitrine"], "") == ("", "nao-responda@localhost.invalid")


def test_ports_follow_the_habit_of_the_scheme():
    assert mail.read_server("smtp://mx.example.com").port == 25
    assert mail.read_server("smtp://u:p@mx.example.com").port == 587
    assert mail.read_server("smtps://u:p@mx.example.com").port == 465
    assert mail.read_server("smtp://mx.example.com:2525").port == 2525


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("VITRINE_MAIL_FROM", "loja"),
        ("VITRINE_MAIL_FROM", "Loja <loja@example.com>\nBcc: x@example.com"),
        ("VITRINE_MAIL_FROM", "loja@example"),
        ("VITRINE_SMTP_URL", "http://mx.example.com"),
        ("VITRINE_SMTP_URL", "smtp://u:secret@mx.example.com:port"),
        ("VITRINE_SMTP_URL", "smtp://mx.example.com?tls=1"),
    ],
)
def test_unusable_settings_stop_the_start_and_show_no_password(tmp_path, variable, value):
    with pytest.raises(BadSetting) as caught:
        load({variable: value}, instance_dir=str(tmp_path))
    assert variable in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("typed", [".@[", "@", "a@", "@b", "a b@c", "a@b,c@d", "x" * 400])
def test_what_trips_over_the_library_is_no_address(typed):
    assert not mail.is_address(typed)
