"""What comes back of our mails: addresses that do not exist, and readers who call them unwanted.

A report counts only where it names a mail that we sent, by the Message-ID that nobody can guess
(`core.mail.message_id`); whoever forges one without it changes nothing. A bounce is about the
address alone and says nothing of what its person wants; a complaint is the person's will.
"""

import re
from typing import Final

import sqlalchemy as sa
import structlog

from core.db import db
from core.text import clean_line
from leads import stop_list
from leads.models import Mail
from leads.objections import Channel, Purpose, Source
from leads.people import email_key
from leads.pipeline.log import note

BOUNCED: Final = "mail_bounced"
COMPLAINED: Final = "mail_complained"
# RFC 3463. A full or slow mailbox or system, a message that is too large and a policy against us
# say nothing of the address: somebody reads there, or will again.
_HARD: Final = re.compile(r"5\.(?!2\.2$|2\.3$|3\.1$|3\.4$|4\.5$|4\.7$|6\.|7\.)\d{1,3}\.\d{1,3}\Z")
log = structlog.get_logger("vitrine.mail")


def is_hard(status: str) -> bool:
    """Whether an enhanced status code (RFC 3463) means that the address takes no mail at all."""
    return _HARD.match(status.strip()) is not None


def bounced(message_id: str, address: str, status: str) -> bool:
    """The mail `message_id` did not reach `address`, for good: no more mail goes there. Whether it
    is one of ours to that very address. Inside `writing()`; twice is as once."""
    sent = _sent(message_id)
    if sent is None or not is_hard(status) or email_key(address) != email_key(sent.to_address):
        return False
    stop_list.stop_address(sent.to_address)
    if sent.state == "sent":
        sent.state, sent.error = "failed", clean_line(f"{status.strip()} {address}", 300)
        _tell(sent, BOUNCED)
    log.info("mail_bounced", mail_id=sent.id, status=status.strip())
    return True


def complained(message_id: str) -> bool:
    """Its reader marked the mail `message_id` as unwanted: no more offers by mail. Whether it is
    one of ours. Inside `writing()`; twice is as once."""
    sent = _sent(message_id)
    if sent is None:
        return False
    stop_list.stop(
        sent.to_address, Channel.MAIL, Purpose.MARKETING, source=Source.COMPLAINT, actor="person"
    )
    _tell(sent, COMPLAINED)
    return True


def _sent(message_id: str) -> Mail | None:
    """The mail that went out under this id, while it is kept."""
    own = message_id.strip()
    if not own.startswith("<") or len(own) > 200:
        return None
    return db.session.scalars(
        sa.select(Mail).where(Mail.message_id == own, Mail.passed_at.is_not(None))
    ).first()


def _tell(sent: Mail, kind: str) -> None:
    if sent.lead_id is not None:
        note(sent.lead_id, kind, "system", mail_id=sent.id)
    db.session.flush()
