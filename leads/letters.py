"""Mails as rows: what we write to people, kept with its cause and sent by a job.

A job that writes a mail reads what it needs, renders with no transaction open, and returns a
function that adds the row and the sending job in the transaction that ends the writing job
(`post`). Sending asks the stop list in a transaction of its own, hands the mail over, and marks it
sent in the transaction that ends the sending job. A worker killed in between asks again and sends
the mail once more, under the same Message-ID: at least once, and recognisable. Nothing else in
the application hands a mail over, so nothing passes by the stop list.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from typing import Any, Final

import mrml
import sqlalchemy as sa
import structlog
from flask import current_app
from flask_babel import gettext as _
from jinja2 import Environment
from sqlalchemy.dialects import postgresql, sqlite

from core import mail
from core.clock import now
from core.config import current
from core.db import db, writing
from core.logging import redact_text
from core.text import clean_line
from dealership.branding import palette
from dealership.identity import identity
from jobs.queue import SOON, enqueue
from jobs.worker import Record
from leads import stop_list
from leads.models import Lead, LeadEvent, Mail, Person, Subscription
from leads.people import email_key
from leads.pipeline.cadence_steps import touch
from leads.pipeline.log import NotAllowed
from leads.stop_list import Channel, Purpose, Verdict

MOST_ATTEMPTS: Final = 200  # two days of tries every quarter of an hour
MOST_AN_HOUR: Final = 5  # to one address, of the kinds that a form alone brings about
ASKED_BY_FORM: Final = ("confirmation", "alert_set", "newsletter_confirm", "line_joined")
# Mails with a link that opens an account: once sent, the table keeps that they were, not the link.
OPENS_AN_ACCOUNT: Final = ("staff_invitation", "staff_reset", "testimonial_invitation")
# What each kind of mail is to the stop list. A kind that is not here is taken for an offer.
PURPOSES: Final[Mapping[str, Purpose | None]] = {
    "confirmation": Purpose.ANSWER,
    "alert_set": Purpose.ANSWER,
    "newsletter_confirm": Purpose.ANSWER,
    # Asked for, car by car; what its reader ended is stopped by that.
    "price_drop": Purpose.ANSWER,
    "car_sold": Purpose.ANSWER,
    # Whoever waits in the line for a car asked to be told of that one, and of no other.
    "line_joined": Purpose.ANSWER,
    "line_turn": Purpose.ANSWER,
    "line_over": Purpose.ANSWER,
    "testimonial_invitation": Purpose.MARKETING,
    "desk": Purpose.ANSWER,
    "desk_offer": Purpose.MARKETING,
    # Not to the people that the list protects: our own staff and stores.
    "store_notice": None,
    "staff_invitation": None,
    "staff_reset": None,
    "staff_password_changed": None,
    "shopper": None,  # to our own mailbox, to see that it arrives
    "door_alarm": None,
    "staff_notice": None,
    # What the law makes us answer (LGPD art. 18 and 19), asked for a minute ago.
    "privacy_code": None,
    # That they will be written to no more: once, and it offers nothing.
    "stop_confirmed": Purpose.ANSWER,
}
WRITTEN_AT_THE_DESK: Final = ("desk", "desk_offer")
MAIL_WRITTEN: Final = "mail_written"  # the event, with who wrote it and the mail's id
# Written by a colleague to somebody who wrote: after a stop of everything, the answer to what the
# person asked since then goes out. What a form alone brings about does not: anybody fills in forms.
_BY_STAFF: Final = ("desk",)
_LEFT: Final = ("person", "erased")  # why a subscription ended by its reader's will
LONGEST_SUBJECT: Final = 150
LONGEST_FIRST_NAME: Final = 30
_ACTOR: Final = "site"
_LINK_PARTS: Final = re.compile(r"(?<=://)|(?<=[^\W\d_]\.)(?=[^\W\d_])|(?<=@)")

log = structlog.get_logger("vitrine.mail")


@dataclass(frozen=True)
class Letter:
    """One mail, rendered. `key` says what it is about: the same key is sent once."""

    key: str
    kind: str
    to: str
    subject: str
    text: str
    html: str = ""
    reply_to: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    files: tuple[mail.File, ...] = ()
    person_id: int | None = None
    lead_id: int | None = None
    subscription_id: int | None = None


def render(name: str, /, **values: Any) -> tuple[str, str]:
    """The text and the HTML of the mail `templates/emails/<name>`, with `values`.

    The HTML comes from MJML. Where that cannot be compiled the mail goes out as text alone: a
    strange character in a lead must not keep it from the store.
    """
    values |= {
        "dealer": identity(),
        "colors": palette(identity().brand_color),
        "site": current().base_url,
    }
    text = _templates().get_template(f"emails/{name}.txt").render(values)
    source = _templates().get_template(f"emails/{name}.mjml").render(values)
    try:
        html = mrml.to_html(source).content
    except OSError as error:
        log.error("mail_has_no_html", template=name, error=str(error))
        html = ""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n", html


def _templates() -> Environment:
    """The application's templates, with MJML escaped like HTML and text not at all."""
    found: Environment | None = current_app.extensions.get("vitrine_letters")
    if found is None:
        found = current_app.jinja_env.overlay(
            autoescape=lambda name: name is not None and name.endswith((".mjml", ".html"))
        )
        current_app.extensions["vitrine_letters"] = found
    return found


def subject(text: str) -> str:
    """`text` as a subject: one line, however it was typed."""
    return clean_line(text, LONGEST_SUBJECT)


def greeting_name(name: str) -> str:
    """The first name, if it looks like one: a form takes anything for a name, and a greeting must
    not carry an address to a stranger."""
    first = clean_line(name, 120).partition(" ")[0]
    is_name = len(first) <= LONGEST_FIRST_NAME and re.fullmatch(
        r"[^\W\d_]+(['’-][^\W\d_]+)*", first
    )
    return first if is_name else ""


def unlinked(text: str) -> str:
    """`text` with the addresses in it broken by unseen marks, so that no mail program makes them
    something to click: staff should not follow what a stranger typed."""
    return _LINK_PARTS.sub("\u200b", text)


def post(letter: Letter, *, priority: int = SOON) -> None:
    """Keep `letter` and have it sent; nothing when its key is known. Inside `writing()`."""
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    mail_id = db.session.scalar(
        insert(Mail)
        .values(
            dedup_key=letter.key,
            message_id=mail.message_id(letter.key),
            kind=letter.kind,
            to_address=letter.to[:254],
            reply_to=letter.reply_to[:254],
            subject=letter.subject,
            text=letter.text,
            html=letter.html,
            headers=dict(letter.headers),
            attachments=[
                {"name": file.name, "type": f"text/{file.kind}", "text": file.text}
                for file in letter.files
            ],
            person_id=letter.person_id,
            lead_id=letter.lead_id,
            subscription_id=letter.subscription_id,
            state="waiting",
            error="",
            created_at=now(),
        )
        .on_conflict_do_nothing()
        .returning(Mail.id)
    )
    if mail_id is not None:
        enqueue(
            "send_mail",
            {"mail_id": mail_id},
            dedup_key=str(mail_id),
            priority=priority,
            max_attempts=MOST_ATTEMPTS,
        )


def is_flooded(address: str, kinds: Sequence[str] = ASKED_BY_FORM) -> bool:
    """Whether mails of `kinds`, which anybody can bring about, were written to `address` often
    enough this hour: nobody's mailbox is to be filled, whoever does it. Spellings that reach one
    mailbox (capitals, +tags, Gmail's dots) count as one."""
    local, _at, host = email_key(address).replace(".", "").rpartition("@")
    to = sa.func.lower(sa.func.replace(Mail.to_address, ".", ""))
    tagged = sa.and_(
        to.startswith(f"{local}+", autoescape=True), to.endswith(f"@{host}", autoescape=True)
    )
    written = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(Mail)
        .where(sa.or_(to == f"{local}@{host}", tagged), Mail.kind.in_(kinds))
        .where(Mail.created_at >= now() - timedelta(hours=1))
    )
    return (written or 0) >= MOST_AN_HOUR


def is_posted(key: str) -> bool:
    """Whether a mail with that key was written already."""
    return db.session.scalar(sa.select(Mail.id).where(Mail.dedup_key == key)) is not None


def send_mail(payload: dict[str, Any]) -> Record | None:
    """Handler: hand the mail `mail_id` over, unless the stop list keeps it. Raises
    core.mail.MailWaits: the queue tries again, and so the stop list is asked again."""
    mail_id = payload["mail_id"]
    with writing():
        if not _is_let_out(mail_id):
            return None
    row = db.session.get_one(Mail, mail_id)
    try:
        message = message_of(row)
        db.session.rollback()  # no transaction stays open while a server takes its time
        mail.send(message)
    except (mail.MailRefused, mail.BadHeader) as error:
        reason = redact_text(str(error))[:300]
        log.warning("mail_refused", mail_id=mail_id)
        return lambda: _settle(mail_id, "failed", reason)
    return lambda: _settle(mail_id, "sent")


def _is_let_out(mail_id: int) -> bool:
    """The last gate: whether the mail goes out now. Inside `writing()`, which marks the instant:
    whoever stops it before this commits wins, whoever stops it later comes later."""
    row = db.session.get(Mail, mail_id, with_for_update=True, populate_existing=True)
    if row is None or row.state != "waiting":
        return False
    purpose = PURPOSES.get(row.kind, Purpose.MARKETING)
    verdict = _verdict(row, purpose) if purpose else stop_list.OPEN
    if verdict.allowed:
        row.passed_at = now()
        return True
    stop_list.note_stopped(Channel.MAIL, purpose or Purpose.ANSWER, verdict)
    _end(row, "stopped", verdict.words)
    return False


def _verdict(row: Mail, purpose: Purpose) -> Verdict:
    if row.subscription_id is not None:
        # Locked: its reader may be ending it at this instant.
        behind = db.session.get(
            Subscription, row.subscription_id, with_for_update=True, populate_existing=True
        )
        if behind is None or behind.end_reason in _LEFT:
            return Verdict(False, _("Its reader ended what this mail is about."))
    person = db.session.get(Person, row.person_id) if row.person_id else None
    wrote_at = stop_list.wrote_at([person.id]) if person and row.kind in _BY_STAFF else {}
    return stop_list.check_mail(
        row.to_address, person, purpose, asked_at=wrote_at.get(row.person_id or 0)
    )


def message_of(row: Mail) -> EmailMessage:
    """The mail as it goes out. Raises core.mail.MailRefused and BadHeader."""
    dealer = identity()
    name, sender = mail.sender_of(current(), dealer.email)
    return mail.make_message(
        to=row.to_address,
        sender=sender,
        sender_name=name or clean_line(dealer.name, 80),
        subject=row.subject,
        text=row.text,
        html=row.html,
        message_id=row.message_id,
        reply_to=row.reply_to,
        headers=row.headers,
        files=[
            mail.File(part["name"], part["type"].removeprefix("text/"), part["text"])
            for part in row.attachments
        ],
    )


def _settle(mail_id: int, state: str, reason: str = "") -> None:
    """Mark how it ended, and say so in the lead's history. Inside `writing()`."""
    row = db.session.get(Mail, mail_id, with_for_update=True)
    if row is not None and row.state == "waiting":
        _end(row, state, reason)


def _end(row: Mail, state: str, reason: str) -> None:
    row.state, row.error = state, reason[:300]
    row.sent_at = now() if state == "sent" else None
    if row.kind in OPENS_AN_ACCOUNT and current().is_production:  # elsewhere /_emails shows them
        row.text = row.html = ""
    if row.lead_id is not None:
        event = LeadEvent(
            lead_id=row.lead_id,
            kind=f"mail_{state}",
            actor=_ACTOR,
            at=now(),
            data={"mail_id": row.id, "mail": row.kind},
        )
        db.session.add(event)
        if state == "sent" and row.kind in WRITTEN_AT_THE_DESK:
            _is_a_contact(row)
    db.session.flush()


def _is_a_contact(row: Mail) -> None:
    """A mail of the desk that a server took is what stops the clock of the first answer, for the
    colleague who wrote it. Where the lead stands so that it cannot be, it is only a mail."""
    lead = db.session.get(Lead, row.lead_id)
    written = db.session.scalars(
        sa.select(LeadEvent)
        .where(LeadEvent.lead_id == row.lead_id, LeadEvent.kind == MAIL_WRITTEN)
        .where(LeadEvent.data["mail_id"].as_integer() == row.id)
    ).first()
    if lead is None or written is None:
        return
    facts: dict[str, Any] = {"channel": "mail", "evidence": "mail", "mail_id": row.id}
    with suppress(NotAllowed):
        touch(lead, "human_contact", written.actor, **facts)


JOBS = {"send_mail": send_mail}
