"""Reports about our own mails: that one could not be delivered (RFC 3464), or was called unwanted
(RFC 5965). Everything else that calls itself a report says nothing to us."""

from collections.abc import Callable, Iterator
from email import policy
from email.message import EmailMessage, Message
from email.parser import HeaderParser
from typing import Final

from integrators.incoming.fields import text_of
from leads import returned

REPORT: Final = "multipart/report"
_MOST_RECIPIENTS: Final = 50
_SAID: Final = frozenset({"abuse", "fraud", "virus", "opt-out"})  # RFC 5965 § 7.3, 2369 by some


def effects_of(message: EmailMessage) -> list[Callable[[], object]]:
    """What to write for the report `message`, inside `writing()`; nothing for one that names no
    mail."""
    about = _about(message)
    if not about:
        return []
    found: list[Callable[[], object]] = []
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            for address, status in _failures(part):
                found.append(_bounce(about, address, status))
        elif part.get_content_type() == "message/feedback-report" and _is_complaint(part):
            found.append(lambda: returned.complained(about))
    return found[:_MOST_RECIPIENTS]


def _bounce(about: str, address: str, status: str) -> Callable[[], object]:
    return lambda: returned.bounced(about, address, status)


def _about(message: EmailMessage) -> str:
    """The Message-ID of the mail that the report holds, whole or its head alone."""
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            inner = part.get_payload()
            if isinstance(inner, list) and inner and (own := _header(inner[0], "Message-ID")):
                return own
        elif kind == "text/rfc822-headers":
            # Long ids stand on a line of their own below the name (RFC 5322 § 2.2.3).
            head = HeaderParser(policy=policy.default).parsestr(_text(part))
            if own := _header(head, "Message-ID"):
                return own
    return ""


def _failures(part: Message) -> Iterator[tuple[str, str]]:
    """(address, status) of every recipient who was given up; delayed ones are tried on."""
    for block in _blocks(part):
        if _header(block, "Action").lower() != "failed":
            continue
        for name in ("Final-Recipient", "Original-Recipient"):
            kind, _semicolon, address = _header(block, name).partition(";")
            if kind.strip().lower() == "rfc822" and address.strip():
                yield address.strip().strip("<>"), _header(block, "Status").partition(" ")[0]


def _is_complaint(part: Message) -> bool:
    payload = part.get_payload()
    heads = [*_blocks(part)] if isinstance(payload, list) else []
    kinds = [_header(head, "Feedback-Type").lower() for head in heads]
    for line in _text(part).splitlines() if not heads else []:
        name, _colon, value = line.partition(":")
        if name.strip().lower() == "feedback-type":
            kinds.append(value.strip().lower())
    return any(kind in _SAID for kind in kinds)


def _blocks(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    for block in payload if isinstance(payload, list) else []:
        if isinstance(block, Message):
            yield block


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return text_of(payload) if isinstance(payload, bytes) else ""


def _header(message: object, name: str) -> str:
    """A header as text; a broken one is none."""
    if not isinstance(message, Message):
        return ""
    try:
        return str(message.get(name) or "").strip()
    except Exception:  # the library fails in many ways on headers that break its grammar
        return ""
