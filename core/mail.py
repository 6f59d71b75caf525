"""Sending one mail: over SMTP, or into a folder where no server is set.

A message is an `email.message.EmailMessage` made by `make_message`, which refuses header values
that could start a header of their own. `send` hands it over or says whether trying again helps.

DomainError
├── BadHeader       a header value holds a line end or another control character
└── NotSent
    ├── MailWaits   the server is away, busy or wrongly set up: try again later
    └── MailRefused this mail or this recipient will never be taken
"""

import hashlib
import hmac
import ipaddress
import os
import re
import smtplib
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from flask_babel import gettext as _

from core.clock import now
from core.config import Config, current
from core.errors import DomainError

TIMEOUT_SECONDS: Final = 20.0  # for connecting, and for each answer
SILENT_SECONDS: Final = 60.0
KEPT_FILES: Final = 500  # mails in the folder; the oldest go first
LONGEST_REASON_CHARS: Final = 200

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PORTS: Final = {"smtp": 25, "smtps": 465}
_SUBMISSION_PORT: Final = 587  # RFC 6409: where clients that sign in send

# Names that lead nowhere (RFC 2606), such as those of the demo's people and stores.
NOWHERE: Final = (".example", ".invalid")

log = structlog.get_logger("vitrine.mail")


class BadHeader(DomainError, ValueError):
    """A header value holds a line end or another control character: an attempt, or a mistake."""


class NotSent(DomainError):
    """The mail was not handed over; `str(error)` says why, in words for staff."""


class MailWaits(NotSent):
    """Not now: the server is away, busy, or our own settings are wrong. Trying again may help."""


class MailRefused(NotSent):
    """Never: the server refuses this recipient or this message for good."""


class _Policy(EmailPolicy):
    """Addresses in List-… headers stay as they are: the standard library would break a long one
    into encoded words, which no mail program reads as an address."""

    def fold(self, name: str, value: Any) -> str:
        if name.lower().startswith("list-") and str(value).isascii():
            return f"{name}: {value}{self.linesep}"
        return super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower().startswith("list-") and str(value).isascii():
            return self.fold(name, value).encode("ascii")
        return super().fold_binary(name, value)


# Bodies in quoted-printable or base64: no server on the way needs to know 8BITMIME.
_POLICY: Final = _Policy(linesep="\r\n", raise_on_defect=False, cte_type="7bit")


@dataclass(frozen=True)
class Server:
    """Where mail goes out, read from VITRINE_SMTP_URL."""

    host: str
    port: int
    user: str
    password: str
    is_tls: bool  # from the first byte (smtps)
    needs_starttls: bool


@dataclass(frozen=True)
class File:
    """Something attached: `kind` is a text subtype such as "calendar"."""

    name: str
    kind: str
    text: str


def read_server(url: str) -> Server:
    """The parts of `smtp://user:password@host:port?starttls=required` or `smtps://…`.

    User and password are percent-encoded. Without a port: 465 for smtps, 587 with a user, else 25.
    Raises ValueError.
    """
    parts = urlsplit(url)
    user = unquote(parts.username or "")
    default = _SUBMISSION_PORT if user and parts.scheme == "smtp" else _PORTS[parts.scheme]
    return Server(
        host=parts.hostname or "",
        port=parts.port or default,
        user=user,
        password=unquote(parts.password or ""),
        is_tls=parts.scheme == "smtps",
        needs_starttls=parse_qs(parts.query).get("starttls") == ["required"],
    )


def header_text(value: str) -> str:
    """`value` if it may stand in a header. Raises BadHeader."""
    if _CONTROL.search(value):
        raise BadHeader(_("A mail header must be one line of plain text."))
    return value


def address(email: str, name: str = "") -> Address:
    """A mailbox; `name` is quoted as needed, an international domain becomes ASCII (IDNA).

    Raises BadHeader for control characters and MailRefused for what is no address.
    """
    header_text(email + name)
    local, at, host = email.strip().rpartition("@")
    try:
        if not (at and local and host):
            raise ValueError(email)
        found = Address(name, addr_spec=f"{local}@{host.encode('idna').decode()}")
    # The library's parser also trips over itself: ".@[" is an AttributeError.
    except (ValueError, IndexError, AttributeError, TypeError, HeaderParseError):
        raise MailRefused(_("This is no e-mail address.")) from None
    return found


def make_message(
    *,
    to: str,
    sender: str,
    sender_name: str,
    subject: str,
    text: str,
    html: str = "",
    message_id: str,
    reply_to: str = "",
    headers: Mapping[str, str] | None = None,
    files: Iterable[File] = (),
) -> EmailMessage:
    """The message, ready to send. Raises BadHeader and MailRefused (an address that is none)."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = address(sender, sender_name)
    message["To"] = address(to)
    if reply_to:
        message["Reply-To"] = address(reply_to)
    message["Subject"] = header_text(subject)
    message["Date"] = format_datetime(now())
    message["Message-ID"] = header_text(message_id)
    # RFC 3834: out-of-office replies do not answer machines.
    message["Auto-Submitted"] = "auto-generated"
    for name, value in (headers or {}).items():
        message[header_text(name)] = header_text(value)
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    for file in files:
        message.add_attachment(file.text, subtype=file.kind, filename=header_text(file.name))
    return message


def message_id(key: str) -> str:
    """The Message-ID of the mail that `key` names: the same one each time it is sent, so that a
    repeat can be recognised, and one that nobody can guess."""
    digest = hmac.new(current().secret_key.encode(), b"mail:" + key.encode(), hashlib.sha256)
    return f"<{digest.hexdigest()[:32]}@{public_host()}>"


def public_host() -> str:
    """The host name of this site: "www.loja.com.br"."""
    return urlsplit(current().base_url).hostname or "localhost"


def sender_of(config: Config, fallback: str) -> tuple[str, str]:
    """Name and address that mail comes from: the setting's, else `fallback` if that is an address,
    else a no-reply address of this host. The name is empty when the setting has none."""
    name, found = parseaddr(config.mail_from)
    if found or is_address(fallback):
        return name, found or fallback
    return name, f"nao-responda@{_mail_domain()}"


def is_address(text: str) -> bool:
    """Whether mail can be addressed to `text`."""
    try:
        address(text)
    except (BadHeader, MailRefused):
        return False
    return True


def _mail_domain() -> str:
    host = public_host()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.removeprefix("www.") if "." in host else f"{host}.invalid"
    return "localhost.invalid"  # a demo on an address alone


def send(message: EmailMessage) -> None:
    """Hand `message` to the server of VITRINE_SMTP_URL, or write it into `<instance>/mail/` when
    none is set. Raises MailWaits or MailRefused. Takes seconds: never inside `writing()`.

    Mail to names that lead nowhere is written too, whatever is set."""
    config = current()
    to = str(message["To"] or "").rstrip("> ").lower()
    if config.smtp_url and not to.endswith(NOWHERE):
        _send_smtp(message, read_server(config.smtp_url))
    else:
        _write(message, Path(config.instance_dir) / "mail")


# --- SMTP ------------------------------------------------------------------------------------


_silent: dict[Server, tuple[float, str]] = {}  # until when not to ask it again, and what it said


def _send_smtp(message: EmailMessage, server: Server) -> None:
    """A server that kept us waiting is left alone a while: a hundred mails, each waiting for it in
    turn, would keep the worker from everything else."""
    until, words = _silent.get(server, (0.0, ""))
    begun = time.monotonic()
    if begun < until:
        raise MailWaits(words)
    try:
        _hand_over(message, server)
    except MailWaits as failure:
        if time.monotonic() - begun >= TIMEOUT_SECONDS:
            _silent[server] = (time.monotonic() + SILENT_SECONDS, str(failure))
        raise


def _hand_over(message: EmailMessage, server: Server) -> None:
    try:
        with _connect(server) as connection:
            connection.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()))
        raise _failure(code, reason, is_ours=False) from None
    except smtplib.SMTPDataError as error:
        raise _failure(error.smtp_code, error.smtp_error, is_ours=False) from None
    except smtplib.SMTPResponseException as error:  # greeting, sign-in, sender
        raise _failure(error.smtp_code, error.smtp_error, is_ours=True) from None
    except smtplib.SMTPNotSupportedError as error:
        if message["To"] and not str(message["To"]).isascii():
            raise MailRefused(_("The mail server takes no addresses with accents.")) from None
        raise MailWaits(_words(str(error))) from None
    except (OSError, smtplib.SMTPException) as error:
        raise MailWaits(_words(f"{type(error).__name__}: {error}")) from None


def _connect(server: Server) -> smtplib.SMTP:
    """A connection ready to send: encrypted as far as the server can, signed in if we have to."""
    context = ssl.create_default_context()
    host = _greeting_name()
    connection: smtplib.SMTP
    if server.is_tls:
        connection = smtplib.SMTP_SSL(
            server.host, server.port, host, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, host, timeout=TIMEOUT_SECONDS)
    try:
        connection.ehlo_or_helo_if_needed()
        is_safe = server.is_tls
        if not is_safe and connection.has_extn("starttls"):
            connection.starttls(context=context)
            connection.ehlo()
            is_safe = True
        if server.needs_starttls and not is_safe:
            raise MailWaits(_("The mail server offers no encryption, and the settings ask for it."))
        if server.user:
            if not is_safe and not _is_this_machine(connection):
                raise MailWaits(
                    _("The mail server offers no encryption: the password was not sent.")
                )
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_this_machine(connection: smtplib.SMTP) -> bool:
    assert connection.sock is not None
    return ipaddress.ip_address(connection.sock.getpeername()[0]).is_loopback


def _greeting_name() -> str:
    """What we call ourselves in EHLO. Never looked up: that can take a slow resolver's seconds."""
    host = public_host()
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return host
    return f"[IPv6:{host}]" if version == 6 else f"[{host}]"


def _failure(code: int, reason: bytes | str, *, is_ours: bool) -> NotSent:
    """5xx about a recipient or a message is final. About our sign-in or sender it is a setting
    that somebody will mend, and the mails wait for that."""
    said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
    words = _words(f"{code} {said}")
    return MailRefused(words) if code >= 500 and not is_ours else MailWaits(words)


def _words(said: str) -> str:
    said = _CONTROL.sub(" ", said)[:LONGEST_REASON_CHARS]
    return str(_("The mail server said: %(answer)s", answer=said))


# --- the folder ------------------------------------------------------------------------------

_said: set[str] = set()
_said_lock = threading.Lock()


def _write(message: EmailMessage, folder: Path) -> None:
    """Keep `message` as a file that any mail program opens; the same mail again replaces it."""
    with _said_lock:
        if str(folder) not in _said:
            _said.add(str(folder))
            log.warning("mail_is_written_to_a_folder", folder=str(folder), setting="SMTP_URL")
    # Only our own characters: a name from outside never becomes a path.
    stem = re.sub(r"[^a-z0-9]", "", str(message["Message-ID"]).partition("@")[0])
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        part = folder / f".{stem}.{os.getpid()}.{threading.get_ident()}.part"
        part.write_bytes(message.as_bytes())
        part.replace(folder / f"{stem}.eml")
        _forget_oldest(folder)
    except OSError as error:
        raise MailWaits(
            _("The mail could not be written: %(error)s", error=error.strerror)
        ) from error


def _forget_oldest(folder: Path) -> None:
    ages = []
    for entry in os.scandir(folder):
        if entry.name.endswith(".eml"):
            with suppress(FileNotFoundError):  # somebody else is at the same work
                ages.append((entry.stat().st_mtime, entry.path))
    for _age, path in sorted(ages)[: max(0, len(ages) - KEPT_FILES)]:
        Path(path).unlink(missing_ok=True)
