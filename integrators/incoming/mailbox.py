"""A mailbox that portals write to: ADF where there is some, else the text as it stands.

Messages come by POP3 (RFC 1939) every fifteen minutes, from the mail server's own delivery
(`flask portals receive-mail`) or by post. POP3's UIDL names a message for good, so one that stays
in the mailbox is read once.
"""

import email
import html
import poplib
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from ipaddress import ip_address
from typing import Any, Final

import nh3
import sqlalchemy as sa
from flask_babel import gettext as _

from core.config import current
from core.db import db
from core.fetch import is_public
from integrators.accounts import PUBLIC_ONLY, Account, turn_off
from integrators.calling import TryLater
from integrators.incoming.fields import (
    details,
    find_vehicle,
    fingerprint,
    instant,
    phone,
    portal_touch,
    store_for,
    text_of,
)
from integrators.incoming.keeping import arrival_of
from integrators.incoming.prospects import find_adf, prospects
from integrators.incoming.returned import REPORT, effects_of
from integrators.incoming.source import Post, Reading, Source, Unreadable
from leads.intake import Asked
from leads.models import Submission

POP3_SECONDS: Final = 20
MOST_MESSAGE_BYTES: Final = 2 * 1024 * 1024
TOP_LINES: Final = 400  # of a message larger than that
MOST_MESSAGES: Final = 200  # a round; the rest waits for the next
MOST_TEXT: Final = 20_000
_CHUNK: Final = 200
_BLOCK_ENDS: Final = re.compile(r"(?i)</?(?:br|p|div|tr|li|h[1-6]|table)\b[^<>]{0,500}>")
_LABELS: Final = {
    "name": re.compile(
        r"(?im)^[^\w\n]{0,20}(?:nome|name|cliente)[^\S\n]{0,9}:[^\S\n]{0,20}(\S[^\n]{0,119})$"
    ),
    "phone": re.compile(
        r"(?im)^[^\w\n]{0,20}(?:telefone|celular|fone|tel|phone|whatsapp)[^\S\n]{0,9}:[^\S\n]{0,20}(\S[^\n]{0,39})$"
    ),
    "email": re.compile(r"(?im)^[^\w\n]{0,20}e-?mail[^\S\n]{0,9}:[^\S\n]{0,20}(\S+@\S+)"),
}
_NOBODY: Final = re.compile(r"(?i)^(?:no-?reply|nao-?responda|donotreply|mailer-daemon|postmaster)")

# The library's limit of 2048 bytes a line is RFC 2821's; portals send HTML in one line.
poplib._MAXLINE = MOST_MESSAGE_BYTES  # type: ignore[attr-defined]


class Mailbox(Source):
    kind = "mailbox"

    def event_key(self, post: Post) -> str:
        uid = post.headers.get("x-uidl", "")
        if uid:
            return f"uidl:{uid}"
        try:
            own = _header(_message(post), "Message-ID").strip()
        except Unreadable:
            return ""
        return f"message:{own}" if own else ""

    def read(self, post: Post, account: Account) -> Reading:
        return read_message(post, account, source=self.kind)

    def poll(self, account: Account) -> Iterator[Post]:
        if not account.get("host"):
            return
        try:
            server = _signed_in(account)
        except (OSError, poplib.error_proto) as error:
            raise TryLater(f"no mailbox: {type(error).__name__}") from None
        try:
            yield from self._unseen(server, account)
            server.quit()
        except (OSError, poplib.error_proto) as error:
            raise TryLater(f"the mailbox broke off: {type(error).__name__}") from None
        finally:
            with suppress(OSError, AttributeError):
                server.close()

    def _unseen(self, server: poplib.POP3, account: Account) -> Iterator[Post]:
        listed = _listed(server)
        posts = {
            number: Post(b"", {"content-type": "message/rfc822", "x-uidl": uid})
            for number, uid in listed
        }
        ids = {number: arrival_of(self, post, account).id for number, post in posts.items()}
        known = _known(list(ids.values()))
        is_deleting = account.get("delete") == "1"
        fetched = 0
        for number, post in posts.items():
            if ids[number] not in known:
                if fetched == MOST_MESSAGES:
                    return
                fetched += 1
                yield Post(_fetch(server, number), post.headers)
            if is_deleting:  # it is kept by now, or was before
                server.dele(number)


def _signed_in(account: Account) -> poplib.POP3:
    port = account.get("port")
    host, number = account.get("host"), int(port) if port.isdecimal() else 995
    _refuse_private(account, _addresses_of(host, number))
    server: poplib.POP3
    if account.get("security") == "none":
        server = poplib.POP3(host, number, timeout=POP3_SECONDS)
    else:
        context = ssl.create_default_context()
        server = poplib.POP3_SSL(host, number, timeout=POP3_SECONDS, context=context)
    # A name may lead elsewhere the second time it is asked.
    _refuse_private(account, [str(server.sock.getpeername()[0])])
    try:
        server.user(account.get("username"))
        server.pass_(account.secret("password"))
    except poplib.error_proto as error:
        with suppress(OSError):
            server.close()
        said = text_of(error.args[0]) if error.args and isinstance(error.args[0], bytes) else ""
        if "[IN-USE]" in said or "[SYS/TEMP]" in said or "[LOGIN-DELAY]" in said:
            raise
        turn_off(
            account.id,
            _("The mailbox %(name)s refuses the user name or password.",
              name=account.get("username")),
        )  # fmt: skip
    return server


def _addresses_of(host: str, port: int) -> list[str]:
    try:
        return [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []  # connecting says so


def _refuse_private(account: Account, addresses: list[str]) -> None:
    """A server that staff named must not be one of our own network: connecting would let them
    look around in it."""
    if not account.get(PUBLIC_ONLY) or current().allow_private_urls:
        return
    if not all(is_public(ip_address(one)) for one in addresses):
        turn_off(account.id, _("This mail server is in a private network, which is not allowed."))


def _listed(server: poplib.POP3) -> list[tuple[int, str]]:
    """(number, unique id) of every message."""
    found = []
    for line in server.uidl()[1]:
        number, _space, uid = text_of(line).strip().partition(" ")
        if number.isdecimal() and uid:
            found.append((int(number), uid[:200]))
    return found


def _known(ids: list[str]) -> set[str]:
    known: set[str] = set()
    for start in range(0, len(ids), _CHUNK):
        chunk = ids[start : start + _CHUNK]
        known.update(db.session.scalars(sa.select(Submission.id).where(Submission.id.in_(chunk))))
    db.session.rollback()  # only read: the network follows
    return known


def _fetch(server: poplib.POP3, number: int) -> bytes:
    listed: Any = server.list(number)  # of one message it gives the answer's line alone
    size = listed.split()[-1] if isinstance(listed, bytes) and listed.split() else b""
    is_large = size.isdigit() and int(size) > MOST_MESSAGE_BYTES
    lines = server.top(number, TOP_LINES)[1] if is_large else server.retr(number)[1]
    return b"\r\n".join(lines)[:MOST_MESSAGE_BYTES]


# --- reading ---------------------------------------------------------------------------------


def read_message(post: Post, account: Account, source: str) -> Reading:
    """What a mail asks: the ADF inside it, or its own text. Raises Unreadable."""
    try:
        return _read(_message(post), post, account, source)
    except RecursionError:
        raise Unreadable(_("This is not a message.")) from None


def _read(message: EmailMessage, post: Post, account: Account, source: str) -> Reading:
    if message.get_content_type() == REPORT:
        return Reading(effects=effects_of(message))  # about a mail of ours: no lead
    for text in _texts(message):
        if document := find_adf(text):
            return prospects(document, account, source)
    reading = Reading()
    reading.add(_asked(message, post, account, source))
    return reading


def _message(post: Post) -> EmailMessage:
    try:
        message = email.message_from_bytes(post.body, policy=default)
    except RecursionError:  # parts within parts, without end
        message = None
    if not isinstance(message, EmailMessage):
        raise Unreadable(_("This is not a message."))
    return message


def _texts(message: EmailMessage) -> Iterator[str]:
    """Every text of the message, attachments too: plain ones first, then XML, then HTML."""
    parts = [part for part in message.walk() if not part.is_multipart()]
    order = ("text/plain", "application/x-adf+xml", "application/xml", "text/xml", "text/html")
    for kind in order:
        for part in parts:
            if part.get_content_type() == kind:
                yield _content(part)
    for part in parts:
        name = _header(part, "Content-Disposition").lower()
        if part.get_content_type() not in order and (".xml" in name or ".adf" in name):
            yield _content(part)


def _content(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_content_charset() or ""
    try:
        return payload.decode(charset) if charset else text_of(payload)
    except (LookupError, UnicodeDecodeError):
        return text_of(payload)


def _header(message: EmailMessage, name: str) -> str:
    """A header as text; a broken one is none."""
    try:
        return str(message.get(name) or "")
    except Exception:  # the library fails in many ways on headers that break its grammar
        return ""


def _body(message: EmailMessage) -> str:
    parts = [part for part in message.walk() if not part.is_multipart()]
    for part in parts:
        if part.get_content_type() == "text/plain" and _content(part).strip():
            return _content(part)[:MOST_TEXT]
    for part in parts:
        if part.get_content_type() == "text/html":
            broken = _BLOCK_ENDS.sub("\n", _content(part)[: MOST_TEXT * 10])
            plain = html.unescape(nh3.clean(broken, tags=set()))
            return "\n".join(line.strip() for line in plain.splitlines() if line.strip())[
                :MOST_TEXT
            ]
    return ""


def _writer(message: EmailMessage) -> tuple[str, str]:
    """(name, address) of whom to answer: Reply-To, else From unless that is a machine."""
    for header in ("Reply-To", "From"):
        for name, address in getaddresses([_header(message, header)]):
            if "@" in address and not _NOBODY.match(address):
                return name, address
    return "", ""


def _asked(message: EmailMessage, post: Post, account: Account, source: str) -> Asked:
    body, subject = _body(message), _header(message, "Subject")
    labelled = {
        name: match[1].strip() for name, label in _LABELS.items() if (match := label.search(body))
    }
    name, address = _writer(message)
    if "email" in labelled:
        address = labelled["email"].strip("<>,;")
    if not (body.strip() or subject.strip() or address):
        raise Unreadable(_("This message is empty."))
    vehicle = find_vehicle(subject, body)
    store = store_for(account, vehicle)
    own = _header(message, "Message-ID").strip()
    sender = getaddresses([_header(message, "From")])
    host = sender[0][1].rpartition("@")[2].lower() if sender else ""
    return Asked(
        source=source,
        kind="contact" if vehicle is None else "interest",
        name=labelled.get("name") or name,
        phone=phone(labelled.get("phone", ""), store),
        email=address,
        message=body or subject,
        vehicle_id=vehicle.id if vehicle else None,
        store_id=store.id if store else None,
        source_ref=host or account.name,
        external_id=f"{account.id}:{fingerprint(own or post.headers.get('x-uidl', ''))}"
        if own or post.headers.get("x-uidl")
        else "",
        details=details(subject=subject, sender=host),
        touch=portal_touch(host or "mail"),
        at=instant(_header(message, "Date")),
        channel="mail",
        actor=f"portal:{account.name}",
    )


SOURCE: Final = Mailbox()
