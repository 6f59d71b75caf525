"""When a store is open: several intervals a day, holidays, in the store's own zone.

A closing time at or before the opening one is on the next day: 18:00-02:00 runs into the night,
00:00-00:00 is the whole day. An interval belongs to the day it opens on, also after midnight, so a
holiday does not cut off the evening before it.

DomainError
└── BadHours    a weekday that does not exist, or is not that of the special day
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from flask_babel import format_datetime
from flask_babel import gettext as _

from core.clock import today
from core.errors import DomainError

WEEKDAYS: Final = range(7)  # Monday is 0
# How far ahead the next opening or closing is looked for. A shop that is shut, or open around the
# clock, for longer has no next one worth showing.
HORIZON_DAYS: Final = 60
_DAY: Final = timedelta(days=1)
_NOT_IN_SIGHT: Final = datetime.max.replace(tzinfo=UTC)


class BadHours(DomainError, ValueError):
    """A weekday that does not exist, or is not that of the special day."""


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Open from `opens` to `closes` (that minute excluded) on every `weekday`, Monday being 0."""

    weekday: int
    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.weekday not in WEEKDAYS:
            raise BadHours(_("A weekday is a number from 0 (Monday) to 6 (Sunday)."))


@dataclass(frozen=True, slots=True)
class SpecialDay:
    """A date with hours of its own instead of its weekday's; without intervals it is closed."""

    date: date
    intervals: tuple[Interval, ...] = ()

    def __post_init__(self) -> None:
        if any(interval.weekday != self.date.weekday() for interval in self.intervals):
            raise BadHours(_("The hours of a special day are not on its weekday."))


@dataclass(frozen=True, slots=True)
class Schedule:
    """A store's hours, all of them in `zone`."""

    zone: ZoneInfo
    intervals: tuple[Interval, ...] = ()
    special_days: tuple[SpecialDay, ...] = ()


class Hours(NamedTuple):
    """One stretch of a day, without saying which day."""

    opens: time
    closes: time


class SummaryRow(NamedTuple):
    """Neighbouring weekdays (Monday is 0) that share their hours; no intervals means closed."""

    days: tuple[int, ...]
    intervals: tuple[Hours, ...]


class Span(NamedTuple):
    """An open stretch between two instants, in UTC."""

    start: datetime
    end: datetime


def hours_on(schedule: Schedule, day: date) -> tuple[Interval, ...]:
    """The intervals that open on a day, special days minded, in order."""
    for special in schedule.special_days:
        if special.date == day:
            return tuple(sorted(special.intervals))
    weekday = day.weekday()
    return tuple(sorted(each for each in schedule.intervals if each.weekday == weekday))


def is_open(schedule: Schedule, at: datetime) -> bool:
    """Whether the store is open at the instant `at` (aware)."""
    today = local_day(schedule, at)
    return any(
        span.start <= at < span.end
        for day in (today - _DAY, today)
        for span in spans_on(schedule, day)
    )


def next_opening(schedule: Schedule, at: datetime) -> datetime | None:
    """The first instant after `at` at which the closed store opens, in its zone; None when there
    is none within `HORIZON_DAYS`."""
    starts = (span.start for span in _open_stretches(schedule, at) if span.start > at)
    return _in_zone(schedule, next(starts, None))


def next_closing(schedule: Schedule, at: datetime) -> datetime | None:
    """The first instant after `at` at which the store, open by then, closes, in its zone; None
    when there is none within `HORIZON_DAYS`. Intervals that touch are one stretch."""
    end = next((span.end for span in _open_stretches(schedule, at) if span.end > at), None)
    return None if end is _NOT_IN_SIGHT else _in_zone(schedule, end)


def week_summary(schedule: Schedule) -> list[SummaryRow]:
    """The ordinary week from Monday to Sunday, neighbouring days with equal hours in one row."""
    rows: list[SummaryRow] = []
    for weekday in WEEKDAYS:
        intervals = sorted(each for each in schedule.intervals if each.weekday == weekday)
        hours = tuple(Hours(each.opens, each.closes) for each in intervals)
        if rows and rows[-1].intervals == hours:
            rows[-1] = SummaryRow((*rows[-1].days, weekday), hours)
        else:
            rows.append(SummaryRow((weekday,), hours))
    return rows


def local_day(schedule: Schedule, at: datetime) -> date:
    """The calendar day where the store is, at the instant `at` (aware)."""
    if at.tzinfo is None:
        raise ValueError("an instant needs its zone: use core.clock.now()")
    return at.astimezone(schedule.zone).date()


def _in_zone(schedule: Schedule, instant: datetime | None) -> datetime | None:
    return instant.astimezone(schedule.zone) if instant else None


def _instant(schedule: Schedule, day: date, clock: time) -> datetime:
    """A wall-clock time as an instant. Where clocks go back it is the first of the two; where they
    go forward and the time does not exist, it is as much after the jump."""
    return datetime.combine(day, clock, tzinfo=schedule.zone).astimezone(UTC)


def spans_on(schedule: Schedule, day: date) -> list[Span]:
    """The stretches that begin on a local `day`, in UTC and in order; they may overlap."""
    spans = []
    for interval in hours_on(schedule, day):
        last_day = day if interval.closes > interval.opens else day + _DAY
        start = _instant(schedule, day, interval.opens)
        end = _instant(schedule, last_day, interval.closes)
        if start < end:  # a short interval can fall into the hour that clocks skip
            spans.append(Span(start, end))
    return sorted(spans)  # that hour can also put a later clock time before an earlier one


def _open_stretches(schedule: Schedule, at: datetime) -> Iterator[Span]:
    """Stretches from the evening before `at` on, those that touch joined. The end
    of one that reaches the horizon is not in sight."""
    first = local_day(schedule, at) - _DAY
    pending: Span | None = None
    for offset in range(HORIZON_DAYS + 1):
        for span in spans_on(schedule, first + offset * _DAY):
            if pending is None:
                pending = span
            elif span.start <= pending.end:
                pending = Span(pending.start, max(pending.end, span.end))
            else:
                yield pending
                pending = span
    horizon = _instant(schedule, first + (HORIZON_DAYS + 1) * _DAY, time())
    if pending is not None:
        yield pending if pending.end < horizon else Span(pending.start, _NOT_IN_SIGHT)


def format_opening(moment: datetime) -> str:
    """When a store opens next, `moment` in its zone: "today at 13:30", "Monday at 08:00"."""
    clock = moment.strftime("%H:%M")
    gap = (moment.date() - today(moment.tzinfo)).days  # type: ignore[arg-type]
    if gap == 0:
        return _("today at %(time)s", time=clock)
    if gap == 1:
        return _("tomorrow at %(time)s", time=clock)
    if gap < 7:
        return _(
            "%(day)s at %(time)s", day=format_datetime(moment, "EEEE", rebase=False), time=clock
        )
    return _("on %(day)s", day=format_datetime(moment, "dd/MM", rebase=False))
