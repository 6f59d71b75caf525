"""Who is at the desk now: a heartbeat from their open page, or their own word.

A page beats; the row is written once in `BEAT_SECONDS` at most, however many pages are open. A
pause has a reason and a beginning, and ends when the person says so: a beat does not end it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime, db, writing

BEAT_SECONDS: Final = 20
PRESENT_SECONDS: Final = 60  # who was seen within is there
_WAIT_SECONDS: Final = 2.0  # a beat that does not get its turn is left to the next one


class Status(StrEnum):
    """What somebody says of themselves."""

    AVAILABLE = "available"
    PAUSED = "paused"


class PauseReason(StrEnum):
    """Why no new lead shall come now."""

    LUNCH = "lunch"
    BREAK = "break"
    CUSTOMER = "customer"  # with somebody in the store
    MEETING = "meeting"
    OTHER = "other"


PAUSE_NAMES: Final = {
    PauseReason.LUNCH: _l("Lunch"),
    PauseReason.BREAK: _l("Short break"),
    PauseReason.CUSTOMER: _l("With a customer"),
    PauseReason.MEETING: _l("Meeting"),
    PauseReason.OTHER: _l("Other reason"),
}


class Presence(Model):
    """When one person was last seen, and what they said."""

    __tablename__ = "presence"

    staff_id: Mapped[int] = mapped_column(
        sa.ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True
    )
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(sa.String(10), default=Status.AVAILABLE.value)
    pause_reason: Mapped[str] = mapped_column(sa.String(10), default="")
    since: Mapped[datetime] = mapped_column(UtcDateTime)  # the status
    # Available by their own word until then, also without an open page (a telephone asleep).
    held_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class PresenceFacts:
    """One row of `Presence`."""

    seen_at: datetime
    status: Status
    pause_reason: str
    since: datetime
    held_until: datetime | None

    @property
    def is_paused(self) -> bool:
        return self.status is Status.PAUSED

    def is_present(self, at: datetime) -> bool:
        """Seen within 60 seconds before `at`, or available by their own word."""
        is_held = self.held_until is not None and self.held_until > at
        return is_held or self.seen_at >= at - timedelta(seconds=PRESENT_SECONDS)


def facts_of(row: Presence) -> PresenceFacts:
    """`row` as it is now."""
    return PresenceFacts(
        row.seen_at, Status(row.status), row.pause_reason, row.since, row.held_until
    )


def presence_of(staff_id: int) -> PresenceFacts | None:
    """What is known of this person, or None while they were never seen."""
    row = db.session.get(Presence, staff_id, populate_existing=True)
    return facts_of(row) if row else None


def beat(staff_id: int) -> bool:
    """This person's page is open; whether it was written down. A door of its own: call it outside
    `writing()`. One statement that reads, and every 20 seconds one that writes."""
    at = now()
    due = at - timedelta(seconds=BEAT_SECONDS)
    seen_at = db.session.scalar(sa.select(Presence.seen_at).where(Presence.staff_id == staff_id))
    if seen_at is not None and due < seen_at <= at:  # a clock that was set back shall not hold it
        return False
    try:
        with writing(wait_seconds=_WAIT_SECONDS):
            _put(staff_id, at, {"seen_at": at})
    except sa.exc.OperationalError:  # DatabaseBusy, or PostgreSQL's own
        return False
    return True


def pause(staff_id: int, reason: PauseReason) -> None:
    """No new leads until `resume`. Inside `writing()`. Saying it twice keeps the first moment."""
    known = presence_of(staff_id)
    at = now()
    is_same = known is not None and known.is_paused
    _put(
        staff_id,
        at,
        {
            "seen_at": at,
            "status": Status.PAUSED.value,
            "pause_reason": reason.value,
            "since": known.since if known and is_same else at,
            "held_until": None,
        },
    )


def resume(staff_id: int, *, held_until: datetime | None = None) -> None:
    """Available again; until `held_until` also without an open page. Inside `writing()`."""
    known = presence_of(staff_id)
    at = now()
    is_same = known is not None and not known.is_paused
    _put(
        staff_id,
        at,
        {
            "seen_at": at,
            "status": Status.AVAILABLE.value,
            "pause_reason": "",
            "since": known.since if known and is_same else at,
            "held_until": held_until,
        },
    )


def _put(staff_id: int, at: datetime, values: dict[str, object]) -> None:
    """Write `values`, whether or not there is a row yet: two first pages open at once."""
    fresh = {"seen_at": at, "since": at, "status": Status.AVAILABLE.value, "pause_reason": ""}
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    statement = insert(Presence).values(staff_id=staff_id, **{**fresh, **values})
    db.session.execute(
        statement.on_conflict_do_update(index_elements=["staff_id"], set_=values),
        execution_options={"synchronize_session": False},
    )
