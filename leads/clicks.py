"""Taps on WhatsApp and phone numbers, counted on our side before the jump: nobody calls us back.

A tap gets a short code. It stands in the prefilled message, so that the conversation finds the
visit it began in. The code is a keyed digest of what was tapped, by what kind of browser, from
which shortened address, in which ten seconds: a double tap gets the same code from any process and
is counted once, and nothing that tells a person is kept, since thirty bits cannot be turned back.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from core.clock import now
from core.config import current
from core.db import db, writing
from core.text import clean_line
from leads.models import ContactClick
from leads.reception import network

WAIT_SECONDS: Final = 0.25  # a person with a finger on the screen
DOUBLE_SECONDS: Final = 10
CODE_LENGTH: Final = 6
# No letter or digit that is read as another one: no 0 O, 1 I L, 2 Z, 5 S, 8 B, U V.
ALPHABET: Final = "ACDEFGHJKMNPQRTWXY34679"
_TRIES: Final = 3
_CODE: Final = re.compile(rf"[\[(]\s*([{ALPHABET}]{{{CODE_LENGTH}}})\s*[\])]", re.IGNORECASE)
_MOST_CODES: Final = 5

log = structlog.get_logger("vitrine.clicks")


@dataclass(frozen=True)
class Tap:
    """What was tapped. `where` is the link's own name, `number` ours in E.164."""

    channel: str  # whatsapp, phone
    where: str
    number: str
    store_id: int | None = None
    vehicle_id: int | None = None
    page: str = ""
    touch: Mapping[str, Any] = field(default_factory=dict)


def count(tap: Tap, agent: str, address: str) -> str:
    """Count `tap` by a browser that calls itself `agent` at the IP `address`; its code, or empty
    text when the database is not to be had at once. Opens `writing()`."""
    at = now()
    try:
        with writing(wait_seconds=WAIT_SECONDS):
            return _count(tap, agent, address, at)
    except sa.exc.SQLAlchemyError as error:
        log.warning("click_not_counted", error=type(error).__name__)
        return ""


def find_click(text: str) -> ContactClick | None:
    """The tap that a message began with: the newest of the codes in brackets in `text`."""
    codes = [code.upper() for code in _CODE.findall(text[:2000])][:_MOST_CODES]
    if not codes:
        return None
    return db.session.scalars(
        sa.select(ContactClick)
        .where(ContactClick.code.in_(codes))
        .order_by(ContactClick.at.desc(), ContactClick.id.desc())
        .limit(1)
    ).one_or_none()


def _count(tap: Tap, agent: str, address: str, at: datetime) -> str:
    window = int(at.timestamp()) // DOUBLE_SECONDS
    for salt in range(_TRIES):
        code, before = (_code(tap, agent, address, number, salt) for number in (window, window - 1))
        # Asked again after a clash: the twin of a double tap may have come in between.
        found = _recent(code, before, at) or _insert(tap, code, at) or _recent(code, code, at)
        if found:
            return found
        # Some older tap has this code by chance: another one.
    return ""


def _recent(code: str, before: str, at: datetime) -> str:
    return (
        db.session.scalars(
            sa.select(ContactClick.code)
            .where(ContactClick.code.in_([code, before]))
            .where(ContactClick.at > at - timedelta(seconds=DOUBLE_SECONDS))
        ).first()
        or ""
    )


def _insert(tap: Tap, code: str, at: datetime) -> str:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    statement = insert(ContactClick).values(
        code=code,
        channel=tap.channel,
        number=tap.number,
        store_id=tap.store_id,
        vehicle_id=tap.vehicle_id,
        page=clean_line(tap.page, 300),
        touch=dict(tap.touch),
        at=at,
    )
    return (
        db.session.scalars(
            statement.on_conflict_do_nothing().returning(ContactClick.code)
        ).one_or_none()
        or ""
    )


def _code(tap: Tap, agent: str, address: str, window: int, salt: int) -> str:
    facts = [tap.channel, tap.where, agent[:400], network(address), window, salt]
    key = f"click:{current().secret_key}".encode()
    number = int.from_bytes(hmac.new(key, json.dumps(facts).encode(), hashlib.sha256).digest())
    letters = []
    for _place in range(CODE_LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return "".join(letters)
