"""Signed-in browsers: one row each, so that staff see them and can end them.

The browser's signed cookie holds a random token, the table its digest: a copy of the table signs
nobody in. Verbs flush.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload

from core.clock import now
from core.db import db
from dealership.devices import forget_sessions
from dealership.staff import StaffMember, StaffRefused, StaffSession

IDLE: Final = timedelta(hours=8)  # a working day; NIST SP 800-63B-4 § 2.2.3 allows 1 h to a day
LONGEST: Final = timedelta(days=7)
SEEN_EVERY: Final = timedelta(minutes=1)
KEPT: Final = timedelta(days=90)  # ended ones, for "was that me?"
# What tells the pages of cars that this browser is of the house: it says nothing of who.
HOUSE_COOKIE: Final = "equipe"
BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def start_session(member: StaffMember, *, network: str = "", browser: str = "") -> str:
    """A new session of `member`; returns the token for its cookie. `network` is a shortened
    address, `browser` from `browser_name`. Inside `writing()`. Raises StaffRefused when the
    account was closed meanwhile."""
    if not member.active:
        raise StaffRefused(_("This account is closed."))
    token = secrets.token_urlsafe(32)
    at = now()
    db.session.add(
        StaffSession(
            digest=_digest(token),
            staff_id=member.id,
            network=network,
            browser=browser,
            created_at=at,
            seen_at=at,
        )
    )
    member.seen_at = at
    db.session.execute(
        sa.delete(StaffSession).where(
            StaffSession.staff_id == member.id, StaffSession.seen_at < at - KEPT
        )
    )
    db.session.flush()
    return token


def session_of(token: str) -> tuple[StaffMember, StaffSession] | None:
    """Whose session `token` is, with the stores of that person, in one statement; None when it
    is over, too old, or the account is closed."""
    found = (
        db.session.execute(
            sa.select(StaffMember, StaffSession)
            .join(StaffSession, StaffSession.staff_id == StaffMember.id)
            .options(joinedload(StaffMember.stores))
            .where(StaffSession.digest == _digest(token), StaffMember.active, *_is_open())
        )
        .unique()
        .first()
    )
    return None if found is None else (found[0], found[1])


def note_seen(session_id: int) -> None:
    """Remember that this session was used just now. Inside `writing()`."""
    at = now()
    db.session.execute(
        sa.update(StaffSession).where(StaffSession.id == session_id).values(seen_at=at)
    )
    owner = sa.select(StaffSession.staff_id).where(StaffSession.id == session_id).scalar_subquery()
    db.session.execute(sa.update(StaffMember).where(StaffMember.id == owner).values(seen_at=at))


def open_sessions(member: StaffMember) -> Sequence[StaffSession]:
    """The browsers in which `member` is signed in, the last used first."""
    return db.session.scalars(
        sa.select(StaffSession)
        .where(StaffSession.staff_id == member.id, *_is_open())
        .order_by(StaffSession.seen_at.desc(), StaffSession.id.desc())
    ).all()


def end_session(member: StaffMember, session_id: int) -> bool:
    """Sign `member` out of one browser; False when it is not open or somebody else's. Inside
    `writing()`."""
    return _end(StaffSession.staff_id == member.id, StaffSession.id == session_id) == 1


def end_sessions(member: StaffMember, *, except_id: int | None = None) -> int:
    """Sign `member` out everywhere, or everywhere else; how many it were. Inside `writing()`."""
    keep = () if except_id is None else (StaffSession.id != except_id,)
    return _end(StaffSession.staff_id == member.id, *keep)


def browser_name(user_agent: str) -> str:
    """ "Chrome, Android" of a browser's own long description; empty when it is none we know."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return ", ".join(part for part in (browser, system) if re.search(r"\w", part))


def _end(*conditions: sa.ColumnElement[bool]) -> int:
    ended = db.session.execute(
        sa.update(StaffSession)
        .where(*conditions, StaffSession.ended_at.is_(None))
        .values(ended_at=now())
        .returning(StaffSession.id)
    )
    ids = ended.scalars().all()
    forget_sessions(ids)
    return len(ids)


def _is_open() -> tuple[sa.ColumnElement[bool], ...]:
    return (
        StaffSession.ended_at.is_(None),
        StaffSession.seen_at > now() - IDLE,
        StaffSession.created_at > now() - LONGEST,
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
