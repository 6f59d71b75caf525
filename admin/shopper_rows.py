"""The mystery shopper's rounds as its page shows them: a row for each door, its last month in
little bars, the answers of people to be judged."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from admin.shopper_doors import Door, kind_words
from core.clock import DEFAULT_ZONE, now, today
from core.db import db
from dealership.staff import StaffMember
from leads import shopper
from leads.models import Lead
from leads.shopper import ShopperDoor, ShopperRound

DAYS: Final = 30
SHOWN: Final = 20
BAR: Final = 6  # px of a day in the drawing
HEIGHT: Final = 28
_LOWEST: Final = 5
_TALLEST: Final = 22  # of a day without a failure
CHECK_WORDS: Final = {
    "named": _l("Called the customer by name"),
    "car": _l("Spoke of the right car"),
    "question": _l("Answered the question"),
    "next_step": _l("Proposed a next step"),
}
STATE_WORDS: Final = {
    shopper.PLANNED: _l("About to be sent"),
    shopper.SENDING: _l("Being sent"),
    shopper.SENT: _l("Taken, on its way"),
    shopper.GOOD: _l("Arrived"),
    shopper.FAILED: _l("Did not arrive"),
    shopper.HIDDEN: _l("Waits for an answer"),
    shopper.ANSWERED: _l("Answered"),
    shopper.SILENT: _l("Nobody answered"),
}


@dataclass(frozen=True)
class Bar:
    """One day of a door: where it stands in the drawing, how tall, and what it says."""

    x: int
    height: int
    kind: str  # good, bad, none
    words: str


@dataclass(frozen=True)
class DoorRow:
    """One door with its newest round and its month."""

    door: Door
    kind: str
    state: str  # good, failing, shaky, running, new, blocked
    since: datetime | None
    last: ShopperRound | None
    bars: Sequence[Bar]
    usual_seconds: float | None
    tries: int
    failed: int

    @property
    def bars_words(self) -> str:
        """The drawing for who cannot see it."""
        if not self.tries:
            return _("No try in 30 days.")
        tries = ngettext("%(num)s try in 30 days", "%(num)s tries in 30 days", self.tries)
        failed = ngettext("%(num)s did not arrive", "%(num)s did not arrive", self.failed)
        return f"{tries}, {failed}"


@dataclass(frozen=True)
class PersonRound:
    """A human round that is over: who answered, how soon, and what came of the check."""

    round: ShopperRound
    attendant: str
    minutes: int | None
    score: int | None  # of four; None while nobody judged it


def door_rows(found: Sequence[Door]) -> list[DoorRow]:
    """A row for each door, what fails first. Four statements."""
    states = {row.door: row for row in db.session.scalars(sa.select(ShopperDoor))}
    newest = _newest([one.key for one in found])
    past = _past()
    rows = [_row(one, states.get(one.key), newest.get(one.key), past[one.key]) for one in found]
    order = ("failing", "shaky", "running", "good", "new", "blocked")
    return sorted(rows, key=lambda row: order.index(row.state))


def _row(
    one: Door, known: ShopperDoor | None, last: ShopperRound | None, past: list[ShopperRound]
) -> DoorRow:
    times = [row.seconds_to_queue for row in past if row.seconds_to_queue is not None]
    failing_since = known.failing_since if known else None
    return DoorRow(
        door=one,
        kind=kind_words(one),
        state=_state(one, failing_since, last),
        since=failing_since,
        last=last,
        bars=_bars(past),
        usual_seconds=median(times) if times else None,
        tries=len(past),
        failed=sum(row.state == shopper.FAILED for row in past),
    )


def _state(one: Door, failing_since: datetime | None, last: ShopperRound | None) -> str:
    if one.why_not:
        return "blocked"
    if last is not None and last.state in (shopper.PLANNED, *shopper.ON_ITS_WAY):
        return "running"
    if failing_since is not None:
        return "failing"
    if last is None:
        return "new"
    return "shaky" if last.state == shopper.FAILED else "good"


def _newest(keys: Sequence[str]) -> dict[str, ShopperRound]:
    latest = (
        sa.select(sa.func.max(ShopperRound.id))
        .where(ShopperRound.door.in_(keys), ShopperRound.is_human.is_(False))
        .group_by(ShopperRound.door)
    )
    rows = db.session.scalars(sa.select(ShopperRound).where(ShopperRound.id.in_(latest)))
    return {row.door: row for row in rows}


def _past() -> defaultdict[str, list[ShopperRound]]:
    since = now() - timedelta(days=DAYS)
    rows = db.session.scalars(
        sa.select(ShopperRound).where(
            ShopperRound.created_at >= since,
            ShopperRound.is_human.is_(False),
            ShopperRound.state.in_([shopper.GOOD, shopper.FAILED]),
        )
    )
    past: defaultdict[str, list[ShopperRound]] = defaultdict(list)
    for row in rows:
        past[row.door].append(row)
    return past


def _bars(past: Sequence[ShopperRound]) -> list[Bar]:
    """A bar a day, the taller the slower, beside the slowest day of that very door."""
    by_day: defaultdict[date, list[ShopperRound]] = defaultdict(list)
    for row in past:
        by_day[row.created_at.astimezone(DEFAULT_ZONE).date()].append(row)
    usual = {day: _usual(rounds) for day, rounds in by_day.items()}
    slowest = max(usual.values(), default=0.0) or 1.0
    first = today() - timedelta(days=DAYS - 1)
    days = [first + timedelta(days=place) for place in range(DAYS)]
    return [
        _bar(place, day, by_day.get(day, []), usual.get(day, 0.0) / slowest)
        for place, day in enumerate(days)
    ]


def _usual(rounds: Sequence[ShopperRound]) -> float:
    times = [row.seconds_to_queue for row in rounds if row.seconds_to_queue is not None]
    return median(times) if times else 0.0


def _bar(place: int, day: date, rounds: Sequence[ShopperRound], share: float) -> Bar:
    if not rounds:
        words = _("no try")
        return Bar(place * BAR, 2, "none", f"{day:%d/%m}: {words}")
    failed = sum(row.state == shopper.FAILED for row in rounds)
    if failed:
        words = ngettext("%(num)s did not arrive", "%(num)s did not arrive", failed)
        return Bar(place * BAR, HEIGHT, "bad", f"{day:%d/%m}: {words}")
    height = _LOWEST + round(share * (_TALLEST - _LOWEST))
    return Bar(place * BAR, height, "good", f"{day:%d/%m}: {took(_usual(rounds))}")


def took(seconds: float | None) -> str:
    """A span in words, as short as it can be: "0,4 s", "12 s", "3 min", "2 h"."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".", ",")
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def history() -> list[ShopperRound]:
    """The newest rounds that may be told of: no human one that waits among the others."""
    return list(
        db.session.scalars(
            sa.select(ShopperRound)
            .where(ShopperRound.state.not_in([shopper.HIDDEN]), ~_is_secret())
            .order_by(ShopperRound.created_at.desc(), ShopperRound.id.desc())
            .limit(SHOWN)
        )
    )


def _is_secret() -> sa.ColumnElement[bool]:
    return sa.and_(ShopperRound.is_human, ShopperRound.ended_at.is_(None))


def answered_rounds() -> list[PersonRound]:
    """Human rounds that are over, newest first. Two statements."""
    rows = db.session.execute(
        sa.select(ShopperRound, StaffMember.name, StaffMember.email)
        .outerjoin(Lead, Lead.id == ShopperRound.lead_id)
        .outerjoin(StaffMember, StaffMember.id == Lead.attendant_id)
        .where(ShopperRound.state.in_([shopper.ANSWERED, shopper.SILENT]))
        .order_by(ShopperRound.created_at.desc(), ShopperRound.id.desc())
        .limit(SHOWN)
    ).all()
    return [
        PersonRound(
            round=row[0],
            attendant=row[1] or row[2] or "",
            minutes=_minutes(row[0]),
            score=sum(map(bool, row[0].answers.values())) if row[0].checked_by else None,
        )
        for row in rows
    ]


def _minutes(row: ShopperRound) -> int | None:
    if row.answered_at is None or row.queued_at is None:
        return None
    return max(1, round((row.answered_at - row.queued_at).total_seconds() / 60))


def is_running(rows: Sequence[DoorRow]) -> bool:
    """Whether something moves that is worth looking again for in a moment."""
    since = now() - timedelta(minutes=3)
    return any(row.state == "running" and row.last and row.last.created_at > since for row in rows)
