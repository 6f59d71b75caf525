"""What people write to be left alone: SAIR, PARAR, CANCELAR, STOP, DESCADASTRAR.

Only a message that says nothing else counts: "quero sair de casa às 10" is about a visit. It stops
offers on the channel it came by (LGPD art. 8 § 5: as easily as the yes was given), stands in the
lead's history, and is acknowledged once. What else they asked us is still answered.
"""

import re
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core import mail
from core.db import db
from core.text import fold
from dealership.identity import identity
from leads import letters, stop_list
from leads.models import Enquiry, Lead
from leads.objections import Channel, Purpose, Source
from leads.pipeline.log import note

ACKNOWLEDGED: Final = "stop_confirmed"
ASKED: Final = "asked_to_stop"  # the event
_WORDS: Final = frozenset(
    {"sair", "parar", "pare", "cancelar", "stop", "descadastrar", "unsubscribe"}
)
_MOST_LINES: Final = 40
_LONGEST: Final = 4_000
# Where the person's own words end in an answered mail, and what telephones add below them.
_QUOTED: Final = re.compile(
    r"^\s*(>|-- ?$|-{3,}|_{5,}|(em|on)\b.{0,200}\b(escreveu|wrote)\b|(de|from):)", re.IGNORECASE
)
_ADDED: Final = re.compile(r"^\s*(enviad[oa] (do|da|de|pelo)|sent from|obtenha o outlook)\b", re.I)


def asks_to_stop(message: str) -> bool:
    """Whether `message` is one of these words and nothing else, however it is spelled."""
    own: list[str] = []
    for line in message[:_LONGEST].splitlines()[:_MOST_LINES]:
        if _QUOTED.match(line):
            break
        if not _ADDED.match(line):
            own.append(line)
    return fold(" ".join(own)) in _WORDS


def is_to_join(person_id: int, department: str) -> bool:
    """Whether there is an open lead whose people should read it: it may cancel a visit. Otherwise
    nobody has to act, and no lead is opened for it."""
    open_one = sa.select(Lead.id).where(
        Lead.person_id == person_id, Lead.department == department, Lead.closed_at.is_(None)
    )
    return db.session.scalar(open_one.limit(1)) is not None


def obey(enquiry: Enquiry, channel: str, *, address: str = "") -> None:
    """Stop offers to the person of `enquiry` on `channel` (a `Channel`), note it with the lead and,
    where they wrote by mail from `address`, say so once. Inside `writing()`."""
    person = enquiry.person
    try:
        entry = stop_list.stop(
            person, Channel(channel), Purpose.MARKETING, source=Source.REPLY, actor="person"
        )
    except stop_list.CannotStop:  # known by a portal's number alone: nothing of ours reaches them
        return
    lead_id = enquiry.lead_id or _newest_lead(person.id)
    if lead_id is not None:
        note(lead_id, ASKED, "person", at=enquiry.at, channel=channel)
    if channel == Channel.MAIL and mail.is_address(address):
        letters.post(_letter(entry.id, address, person.id))


def _newest_lead(person_id: int) -> int | None:
    newest = sa.select(sa.func.max(Lead.id)).where(Lead.person_id == person_id)
    return db.session.scalar(newest)


def _letter(entry_id: int, address: str, person_id: int) -> letters.Letter:
    """Plain text: it is read by somebody who wanted less of us."""
    subject = letters.subject(_("You will get no more offers"))
    text = "\n\n".join(
        (
            _("You asked us to stop: offers and news of %(dealer)s end here.",
              dealer=identity().name),
            _("If you asked us something else, that is still answered."),
        )
    )  # fmt: skip
    return letters.Letter(
        key=f"{ACKNOWLEDGED}:{entry_id}",
        kind=ACKNOWLEDGED,
        to=address,
        subject=subject,
        text=f"{text}\n",
        person_id=person_id,
    )
