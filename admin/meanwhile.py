"""When two people edit the same settings: who saved in between, and what is there now."""

from dataclasses import dataclass

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import DEFAULT_ZONE
from core.db import db
from dealership.audit import AuditEntry
from dealership.staff import find_staff


@dataclass(frozen=True)
class Meanwhile:
    """`words` say who changed it and when; `rows` are (field, what is there now)."""

    words: str
    rows: tuple[tuple[str, str], ...] = ()


def meanwhile(subject: str, rows: list[tuple[str, str]] | None = None) -> Meanwhile:
    """What to tell whoever would have saved over somebody's change of `subject`."""
    entry = db.session.scalars(
        sa.select(AuditEntry)
        .where(AuditEntry.subject == subject)
        .order_by(AuditEntry.id.desc())
        .limit(1)
    ).first()
    if entry is None:
        return Meanwhile(_("Somebody else changed this meanwhile."), tuple(rows or ()))
    member = find_staff(entry.actor)
    who = member.shown_name if member else entry.actor
    time = entry.at.astimezone(DEFAULT_ZONE).strftime("%H:%M")
    words = _("%(who)s changed this at %(time)s, after you opened it.", who=who, time=time)
    return Meanwhile(words, tuple(rows or ()))
