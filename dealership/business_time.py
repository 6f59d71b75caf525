"""Working time: a clock that runs while a store is open and stands still otherwise.

The calendar is a `dealership.hours.Schedule`: several intervals a day, special days, nights, the
store's own zone. Overlapping hours count once. Where a schedule shows no opening for
`hours.HORIZON_DAYS`, nobody ever typed the hours or the store is shut for good: from the last
closing on, or from the beginning, working time is then plain clock time. A promise with a late
deadline is better than one without any.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from core.db import db
from dealership.hours import HORIZON_DAYS, Schedule, Span, local_day, spans_on
from dealership.identity import schedule_of
from dealership.models import Store

_DAY: Final = timedelta(days=1)
_NOTHING: Final = timedelta()


def add_working(schedule: Schedule, at: datetime, minutes: float) -> datetime:
    """The first instant, in UTC, by which `minutes` (0 or more) of open time have passed since the
    instant `at` (aware). Closed at `at`, the clock starts with the next opening; none at all end
    at `at` itself. Raises ValueError for less than none.
    """
    left = timedelta(minutes=minutes)
    if left < _NOTHING:
        raise ValueError("working time is only added")
    if not left:
        return at.astimezone(UTC)
    for span in _open_from(schedule, at):
        if left <= span.end - span.start:
            return span.start + left
        left -= span.end - span.start
    raise OverflowError("a deadline beyond the calendar")


def working_seconds(schedule: Schedule, start: datetime, end: datetime) -> float:
    """Seconds of open time from `start` to `end` (aware); 0 when `end` is not later."""
    total = _NOTHING
    if start < end:
        until = end.astimezone(UTC)  # within one zone, Python counts on the wall clock
        for span in _open_from(schedule, start):
            if span.start >= until:
                break
            total += min(span.end, until) - span.start
    return total.total_seconds()


def effective_start(schedule: Schedule, at: datetime) -> datetime:
    """When the clock of something born at the instant `at` starts: `at` itself while the store is
    open, else the next opening, in UTC."""
    return next(_open_from(schedule, at)).start


def schedules(store_ids: Collection[int] | None = None) -> dict[int, Schedule]:
    """The calendar of each store by its id, in the order of the stores; None means all that are
    not closed for good. Ids that are no store's are left out. Two statements: ask once and pass
    it on."""
    statement = (
        sa.select(Store)
        .options(joinedload(Store.opening_intervals), selectinload(Store.special_days))
        .order_by(Store.position, Store.id)
    )
    if store_ids is None:
        statement = statement.where(Store.closed_at.is_(None))
    else:
        statement = statement.where(Store.id.in_(store_ids))
    return {store.id: schedule_of(store) for store in db.session.scalars(statement).unique()}


def _open_from(schedule: Schedule, at: datetime) -> Iterator[Span]:
    """Open stretches from the instant `at` on, in order, none overlapping; the last one never
    ends when no opening is in sight after it. Day by day: most questions end with the first."""
    done = at.astimezone(UTC)  # what lies before is told already
    first = local_day(schedule, at) - _DAY  # last night's hours may reach into today
    offset = closed_days = 0
    while closed_days <= HORIZON_DAYS:
        closed_days += 1
        for span in spans_on(schedule, first + offset * _DAY):
            if span.end > done:
                yield Span(max(span.start, done), span.end)
                done, closed_days = span.end, 0
        offset += 1
    yield Span(done, datetime.max.replace(tzinfo=UTC))
