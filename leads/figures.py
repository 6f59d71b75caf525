"""What came in and what became of it, in numbers: each answer one statement, however many leads.

Days and hours are those of the store that a lead belongs to. Instants are grouped by the hour in
UTC and turned into local time here: every zone of Brazil lies whole hours from UTC (Decreto
2.784/1913, Lei 12.876/2013), so nothing is lost. No number here names a person. What a machine
sent is not counted.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core.clock import DEFAULT_ZONE
from core.db import db
from leads.inbox import within
from leads.models import Appointment, ContactClick, Lead, LeadEvent

QUICK_MINUTES: Final = (5, 15)
ANSWER_EDGES: Final = (1, 5, 15, 60, 4 * 60, 24 * 60)  # minutes; see AnswerTimes.spread
LONGEST_WAIT_MINUTES: Final = 3 * 24 * 60  # longer waits count as this: nobody waits for them
PORTAL: Final = "portal:"
HOUR: Final = "%Y-%m-%d %H"  # in UTC


@dataclass(frozen=True)
class Window:
    """From `since` to before `until`, in `store_ids` (None: everywhere, also without a store)."""

    since: datetime
    until: datetime
    store_ids: Collection[int] | None = None

    def holds(self, at: Any, store: Any) -> sa.ColumnElement[bool]:
        """The condition for a row with its instant `at` and its `store`."""
        return sa.and_(at >= self.since, at < self.until, within(store, self.store_ids))

    def leads(self) -> sa.ColumnElement[bool]:
        """The leads that began in it, and that neither a machine nor staff for a test sent."""
        is_real = sa.and_(Lead.is_suspect.is_(False), Lead.is_test.is_(False))
        return sa.and_(self.holds(Lead.created_at, Lead.store_id), is_real)


@dataclass(frozen=True)
class Rhythm:
    """Leads per local day, and per weekday (Monday is 0) and local hour."""

    days: Mapping[date, int]
    hours: Mapping[tuple[int, int], int]


@dataclass(frozen=True)
class AnswerTimes:
    """How long people waited for a person's first answer. Minutes are rounded up; None while
    nobody was answered. `within` has the share, 0 to 1, of all leads answered within so many,
    `spread` how many waited up to each of ANSWER_EDGES and longer than the one before (None: longer
    than all)."""

    leads: int
    answered: int
    median_minutes: int | None
    slow_minutes: int | None  # nine in ten were answered sooner
    within: Mapping[int, float]
    spread: Mapping[int | None, int]


@dataclass(frozen=True)
class Funnel:
    """Leads of the window, those of them who booked a time, those who bought."""

    leads: int
    appointments: int
    won: int


def leads_by_source(window: Window) -> dict[str, int]:
    """How many came from where, most first."""
    counted = sa.func.count()
    rows = db.session.execute(
        sa.select(Lead.source, counted)
        .where(window.leads())
        .group_by(Lead.source)
        .order_by(counted.desc(), Lead.source)
    )
    return {row[0]: row[1] for row in rows}


def taps_by_channel(window: Window) -> dict[str, int]:
    """Taps on WhatsApp and telephone numbers: conversations that begin outside."""
    rows = db.session.execute(
        sa.select(ContactClick.channel, sa.func.count())
        .where(window.holds(ContactClick.at, ContactClick.store_id))
        .group_by(ContactClick.channel)
    )
    return {row[0]: row[1] for row in rows}


def rhythm(window: Window, zones: Mapping[int, ZoneInfo]) -> Rhythm:
    """When leads came; `zones` by store id, those of no store by the main zone."""
    hour = hour_of(Lead.created_at).label("utc_hour")
    rows = db.session.execute(
        sa.select(hour, Lead.store_id, sa.func.count())
        .where(window.leads())
        .group_by("utc_hour", Lead.store_id)  # by name: PostgreSQL takes bound values as unlike
    )
    days: Counter[date] = Counter()
    hours: Counter[tuple[int, int]] = Counter()
    for text, store_id, count in rows:
        zone = zones.get(store_id or 0, DEFAULT_ZONE)
        local = datetime.strptime(text, HOUR).replace(tzinfo=UTC).astimezone(zone)
        days[local.date()] += count
        hours[local.weekday(), local.hour] += count
    return Rhythm(days, hours)


def answer_times(window: Window) -> AnswerTimes:
    """From asking to the first answer of a person; robots' mails do not end the wait."""
    exact = _minutes_between(Lead.created_at, Lead.first_contact_at)
    minutes = sa.case((exact > LONGEST_WAIT_MINUTES, LONGEST_WAIT_MINUTES), else_=exact).label(
        "minutes"
    )
    rows = db.session.execute(
        sa.select(minutes, sa.func.count()).where(window.leads()).group_by("minutes")
    )
    counts: Counter[int] = Counter()
    unanswered = 0
    for wait, count in rows:
        if wait is None:
            unanswered += count
        else:
            counts[max(0, int(wait))] += count
    answered = counts.total()
    leads = answered + unanswered
    return AnswerTimes(
        leads=leads,
        answered=answered,
        median_minutes=_percentile(counts, 0.5),
        slow_minutes=_percentile(counts, 0.9),
        within={
            limit: sum(n for wait, n in counts.items() if wait <= limit) / leads if leads else 0.0
            for limit in QUICK_MINUTES
        },
        spread=_spread(counts),
    )


def funnel(window: Window) -> Funnel:
    """What became of the window's leads until now."""
    booked = sa.exists().where(Appointment.lead_id == Lead.id, Appointment.state == "booked")
    row = db.session.execute(
        sa.select(
            sa.func.count(),
            sa.func.sum(sa.case((booked, 1), else_=0)),
            sa.func.sum(sa.case((Lead.state == "won", 1), else_=0)),
        )
        .select_from(Lead)
        .where(window.leads())
    ).one()
    return Funnel(row[0] or 0, row[1] or 0, row[2] or 0)


def leads_by_account(window: Window) -> dict[str, int]:
    """Leads that a portal's account brought, by the account's name, most first."""
    people = sa.func.count(sa.distinct(Lead.id))
    rows = db.session.execute(
        sa.select(LeadEvent.actor, people)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(window.leads(), LeadEvent.kind.in_(["enquiry", "reply"]))
        .where(LeadEvent.actor.startswith(PORTAL))
        .group_by(LeadEvent.actor)
        .order_by(people.desc(), LeadEvent.actor)
    )
    return {actor.removeprefix(PORTAL): count for actor, count in rows}


def _spread(counts: Counter[int]) -> dict[int | None, int]:
    spread: Counter[int | None] = Counter()
    for wait, count in counts.items():
        spread[next((edge for edge in ANSWER_EDGES if wait <= edge), None)] += count
    return {edge: spread[edge] for edge in (*ANSWER_EDGES, None)}


def _percentile(counts: Counter[int], share: float) -> int | None:
    """The shortest wait that at least `share` of all did not exceed; at least a minute."""
    reached = 0
    for wait in sorted(counts):
        reached += counts[wait]
        if reached >= share * counts.total():
            return max(1, wait)
    return None


def _is_postgres() -> bool:
    return db.engine.dialect.name == "postgresql"


def hour_of(column: Any) -> Any:
    """The hour in UTC of an instant, as text by `HOUR`: "2026-11-27 14"."""
    if _is_postgres():
        return sa.func.to_char(sa.func.timezone("UTC", column), "YYYY-MM-DD HH24")
    return sa.func.strftime(HOUR, column)


def _minutes_between(began: Any, ended: Any) -> Any:
    """Whole minutes, rounded up; NULL when it has not ended."""
    if _is_postgres():
        seconds = sa.extract("epoch", ended) - sa.extract("epoch", began)
    else:
        # julianday counts in doubles: to a tenth of a millisecond in this century.
        seconds = (sa.func.julianday(ended) - sa.func.julianday(began)) * 86400
    whole = sa.cast(sa.func.round(seconds), sa.Integer)
    return (whole + 59) / 60 if _is_postgres() else sa.cast((whole + 59) / 60.0, sa.Integer)
