"""A mail that a colleague writes to a lead's person, and sends from the desk.

It passes the stop list twice, when it is written and when it leaves. It answers for the house: the
clock of the first answer stops once a mail server took it (`leads.letters`), not before.

DomainError
└── NotMailable    there is nothing to send, or nowhere to send it; the sentence says which
"""

import re
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.db import db
from core.errors import DomainError
from core.text import clean_text
from dealership.identity import identity
from dealership.staff import StaffMember
from leads import letters
from leads.letters import MAIL_WRITTEN, Letter
from leads.message_templates import open_slots
from leads.models import Lead, Mail
from leads.pipeline.log import record
from leads.stop_list import Channel, Purpose, gate
from leads.template_slots import SLOTS

LONGEST_TEXT: Final = 8000
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")


class NotMailable(DomainError):
    """There is nothing to send, or nowhere to send it."""


@dataclass(frozen=True)
class Written:
    """A mail as typed. `token` is the form's: the same one again is the same mail."""

    subject: str
    text: str
    token: str
    purpose: Purpose = Purpose.ANSWER


def prepare(lead: Lead, written: Written, writer: StaffMember) -> Letter:
    """The mail, rendered: to be sent with `send`. Raises NotMailable."""
    subject, text = letters.subject(written.subject), clean_text(written.text, LONGEST_TEXT + 1)
    _check(lead, subject, text, written.token)
    store = next((one for one in identity().stores if one.id == lead.store_id), None)
    reply_to = (store.email if store else "") or identity().email or writer.email
    plain, html = letters.render("desk", subject=subject, words=text, store=store)
    return Letter(
        key=f"desk:{lead.id}:{written.token}",
        kind="desk" if written.purpose is Purpose.ANSWER else "desk_offer",
        to=lead.person.email,
        subject=subject,
        text=plain,
        html=html,
        reply_to=reply_to,
        person_id=lead.person_id,
        lead_id=lead.id,
    )


def send(lead: Lead, letter: Letter, writer: StaffMember, purpose: Purpose) -> bool:
    """Keep the mail and have it sent; whether it is new. Inside `writing()`: of two posts of one
    form at once, one mail comes. Raises leads.stop_list.Stopped."""
    db.session.refresh(lead, with_for_update=True)
    if letters.is_posted(letter.key):
        return False
    gate(lead.person, Channel.MAIL, purpose)
    letters.post(letter)
    mail_id = db.session.scalar(sa.select(Mail.id).where(Mail.dedup_key == letter.key))
    record(lead, MAIL_WRITTEN, writer.email, mail_id=mail_id)
    return True


def _check(lead: Lead, subject: str, text: str, token: str) -> None:
    if not lead.person.email:
        raise NotMailable(_("We have no e-mail address of this person."))
    if not subject:
        raise NotMailable(_("A mail needs a subject."))
    if not text:
        raise NotMailable(_("The text is empty."))
    if len(text) > LONGEST_TEXT:
        raise NotMailable(_("That is too long: %(most)s characters at most.", most=LONGEST_TEXT))
    if not _TOKEN.fullmatch(token):
        raise NotMailable(_("Open the lead again and send it from there."))
    unfilled = [name for name in open_slots(subject, text) if name in SLOTS]
    if unfilled:
        what = ", ".join("{" + name + "}" for name in unfilled)
        raise NotMailable(_("Fill in %(what)s first, or take it out.", what=what))
