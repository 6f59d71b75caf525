"""Telephone events in the style of Twilio: a call comes in, rings, is answered or not.

Every call is a lead under its CallSid. One that nobody answered is a call to give back: the lead
says so in its history, and the store is told. Events repeat and come out of order; the outcome
that says more stands. A text message (SMS) is what a person writes, under its MessageSid. Rules:
twilio.com/docs/usage/webhooks/voice-webhooks, …/messaging-webhooks and …/usage/security.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape, quoteattr

import sqlalchemy as sa
from flask import Response
from flask_babel import gettext as _

from core.db import db
from core.text import NotPhone, clean_line, parse_phone
from integrators.accounts import Account
from integrators.incoming.fields import details, instant, phone, store_for, text_of
from integrators.incoming.proofs import is_same
from integrators.incoming.source import Post, Reading, Source, Unreadable
from leads import notifications
from leads.intake import Asked
from leads.models import Enquiry, Lead, LeadEvent
from leads.pipeline.log import may_happen, note, record

MISSED: Final = "call_missed"
ANSWERED: Final = "call_answered"
RING_SECONDS: Final = 20
TALK_SECONDS: Final = 30  # who spoke less was put through to nobody, or hung up
MOST_FIELDS: Final = 200
_NOT_ANSWERED: Final = frozenset({"no-answer", "busy", "failed", "canceled"})
_OVER: Final = _NOT_ANSWERED | {"completed"}
_HIDDEN: Final = frozenset(
    {"", "anonymous", "restricted", "unavailable", "unknown", "private", "+266696687",
     "+7378742833", "+2562533", "+8656696"}  # the words spelled on a telephone's keys
)  # fmt: skip
_JSON: Final = "application/json"


class Telephony(Source):
    kind = "telephony"
    headers = ("x-twilio-signature",)

    def refusal(self, post: Post, account: Account) -> str:
        token, sent = account.get("auth_token"), post.headers.get("x-twilio-signature", "")
        if not sent:
            return "no signature"
        matches = [is_same(sent, _signature(token, url, post)) for url in _addresses(post)]
        return (
            "" if token and any(matches) and _is_body_hashed(post) else "signature does not match"
        )

    def event_key(self, post: Post) -> str:
        fields = _fields(post)
        names = ("CallSid", "CallStatus", "DialCallStatus", "SequenceNumber", "RecordingSid",
                 "RecordingStatus")  # fmt: skip
        if fields.get("MessageSid"):
            return f"sms {fields['MessageSid']}"
        return " ".join(fields.get(name, "") for name in names) if fields.get("CallSid") else ""

    def answer(self, post: Post, account: Account, receipt_id: str) -> Response:
        fields = _fields(post)
        is_call = _is_arriving(fields) and not fields.get("MessageSid")
        words = _welcome(post, account) if is_call else ""
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Response>{words}</Response>\n'
        return Response(body, content_type="text/xml; charset=utf-8")

    def read(self, post: Post, account: Account) -> Reading:
        fields = _fields(post)
        reading = Reading()
        if fields.get("MessageSid"):
            if "Body" in fields:  # what became of a message of ours has none
                reading.add(_text_message(fields, post, account))
            return reading
        if not fields.get("CallSid"):
            raise Unreadable(_("This event names no call."))
        if not fields.get("Direction", "").startswith("outbound-api"):  # our own call to somebody
            outcome = _outcome(fields, account)
            asked = _asked(fields, post, account, outcome)
            reading.add(asked, _history(fields, post, outcome), notifies=False)
        return reading


def _fields(post: Post) -> dict[str, str]:
    try:
        pairs = parse_qsl(text_of(post.body), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    return {name: value.strip() for name, value in pairs}


# --- proof -----------------------------------------------------------------------------------


def _addresses(post: Post) -> list[str]:
    """The public address as it may have been signed: with and without the port."""
    parts = urlsplit(post.address)
    query = f"?{post.query}" if post.query else ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return [f"{parts.scheme}://{netloc}{parts.path}{query}" for netloc in (host, f"{host}:{port}")]


def _signature(token: str, url: str, post: Post) -> str:
    text = url
    if post.content_type != _JSON:
        try:
            pairs = parse_qsl(text_of(post.body), keep_blank_values=True,
                              max_num_fields=MOST_FIELDS)  # fmt: skip
        except ValueError:
            return ""
        # Sorted by name, each name followed by its value; a repeated pair counts once.
        text += "".join(name + value for name, value in sorted(set(pairs)))
    digest = hmac.new(token.encode(), text.encode(errors="replace"), hashlib.sha1)
    return base64.b64encode(digest.digest()).decode()


def _is_body_hashed(post: Post) -> bool:
    """Of JSON only the address is signed, which then holds the body's digest."""
    if post.content_type != _JSON:
        return True
    hashed = dict(parse_qsl(post.query, max_num_fields=20)).get("bodySHA256", "")
    return is_same(hashed.lower(), hashlib.sha256(post.body).hexdigest())


# --- what the caller hears -------------------------------------------------------------------


def _is_arriving(fields: dict[str, str]) -> bool:
    is_outcome = fields.keys() & {"DialCallStatus", "CallbackSource", "RecordingSid"}
    return not is_outcome and fields.get("CallStatus", "ringing") in {"ringing", "queued", ""}


def _welcome(post: Post, account: Account) -> str:
    """TwiML: a greeting and the call put through, or the promise to call back."""
    greeting = account.get("greeting")
    target = _number(account.get("forward_to"))
    if not target:
        return _say(greeting or _("Hello! Nobody can answer now. We will call you back."))
    seconds = account.get("ring_seconds")
    ring = seconds if seconds.isdecimal() and 5 <= int(seconds) <= 120 else str(RING_SECONDS)
    dial = (
        f'<Dial timeout="{ring}" answerOnBridge="true" method="POST"'
        f" action={quoteattr(post.address)}>{escape(target)}</Dial>"
    )
    return (_say(greeting) if greeting else "") + dial


def _say(words: str) -> str:
    return f'<Say language="pt-BR">{escape(words)}</Say>'


def _number(written: str) -> str:
    try:
        return parse_phone(written) if written else ""
    except NotPhone:
        return ""


# --- what happened ---------------------------------------------------------------------------


def _outcome(fields: dict[str, str], account: Account) -> str:
    """call_missed, call_answered, or "" while nobody can tell."""
    dialled = fields.get("DialCallStatus", "")
    if dialled:
        return ANSWERED if dialled in {"completed", "answered"} else MISSED
    status = fields.get("CallStatus", "")
    if status in _NOT_ANSWERED:
        return MISSED
    if status == "completed":
        if fields.get("Direction", "") == "outbound-dial":
            return ANSWERED  # the leg to the store was taken up
        # The caller heard us; whether the store did is told by the result of the dialling.
        return "" if _number(account.get("forward_to")) else MISSED
    return ""


def _asked(fields: dict[str, str], post: Post, account: Account, outcome: str) -> Asked:
    # The leg from us to the store belongs to the call that came in.
    is_leg = fields.get("Direction") == "outbound-dial" and fields.get("ParentCallSid")
    sid = fields["ParentCallSid"] if is_leg else fields["CallSid"]
    caller = "" if fields.get("From", "").lower() in _HIDDEN else fields.get("From", "")
    called = fields.get("To", "")
    store = store_for(account)
    tracked = _tracked(called, account)
    return Asked(
        source="telephony",
        kind="missed_call" if outcome == MISSED else "call",
        name="" if is_leg else fields.get("CallerName", ""),
        phone="" if is_leg else phone(caller, store),
        store_id=store.id if store else None,
        source_ref=tracked or called,
        external_id=sid[:150],
        details=details(
            called=called,
            caller="" if caller else "anonymous",
            call=sid,
            city=fields.get("FromCity"),
            state=fields.get("FromState"),
        ),
        touch={"source": tracked or "phone", "medium": "call"},
        at=instant(fields.get("Timestamp")) or post.received_at,
        actor="portal:telephony",
    )


def _text_message(fields: dict[str, str], post: Post, account: Account) -> Asked:
    called = fields.get("To", "")
    store = store_for(account)
    return Asked(
        source="telephony",
        kind="contact",
        phone=phone(fields.get("From", ""), store),
        message=fields["Body"],
        store_id=store.id if store else None,
        source_ref=_tracked(called, account) or called,
        external_id=fields["MessageSid"][:150],
        details=details(called=called, type="sms"),
        touch={"source": "phone", "medium": "sms"},
        at=post.received_at,
        is_message=True,
        channel="sms",
        actor="portal:telephony",
    )


def _tracked(called: str, account: Account) -> str:
    """The source that the number called was given to: one number per store and source."""
    for pair in account.get("tracking").split(","):
        number, _colon, source = pair.partition(":")
        if source and re.sub(r"\D", "", number) == re.sub(r"\D", "", called) != "":
            return clean_line(source, 60)
    return ""


def _history(fields: dict[str, str], post: Post, outcome: str) -> Callable[[Enquiry], None]:
    """Write the outcome into the lead's history, once, and tell the store of a missed call."""
    sid = fields["CallSid"]
    seconds = fields.get("DialCallDuration") or fields.get("CallDuration") or ""
    at = instant(fields.get("Timestamp")) or post.received_at

    def write(enquiry: Enquiry) -> None:
        if not outcome or enquiry.lead_id is None:
            return
        known = set(
            db.session.scalars(
                sa.select(LeadEvent.kind)
                .where(LeadEvent.lead_id == enquiry.lead_id)
                .where(LeadEvent.kind.in_([MISSED, ANSWERED]))
                .where(LeadEvent.data["call"].as_string() == enquiry.external_id)
            )
        )
        if outcome in known or ANSWERED in known:
            return  # a repeat, or one that came after what says more
        lasted = int(seconds) if re.fullmatch(r"[0-9]{1,6}", seconds) else 0
        note(
            enquiry.lead_id,
            outcome,
            "portal:telephony",
            at=at,
            call=enquiry.external_id,
            caller=enquiry.person.phone,
            called=fields.get("To", ""),
            status=fields.get("DialCallStatus") or fields.get("CallStatus", ""),
            seconds=lasted,
            leg=sid if sid != enquiry.external_id else "",
        )
        enquiry.kind = "missed_call" if outcome == MISSED else "call"
        db.session.flush()
        if outcome == MISSED:
            notifications.after_enquiry(enquiry)
        elif lasted >= TALK_SECONDS:
            _talked(db.session.get_one(Lead, enquiry.lead_id), at, enquiry.external_id, lasted)

    return write


def _talked(lead: Lead, at: datetime, call: str, seconds: int) -> None:
    """Evidence of a talk, where somebody has the lead; where nobody has, somebody takes it and
    says what it was about."""
    if may_happen(lead, "talked"):
        record(
            lead, "talked", "portal:telephony", at=at, channel="phone", evidence="call", call=call,
            call_seconds=seconds,
        )  # fmt: skip


SOURCE: Final = Telephony()
