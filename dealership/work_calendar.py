"""When one person is at work, as schedules: their shifts, the holidays of their stores.

Somebody without any shift works whenever one of their stores is open (small shops fill in no
roster), and always while no store has hours. On a special day of a store a shift counts only within
that day's hours: nobody is on shift at a holiday by mistake.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import time
from typing import Final, NamedTuple

from core.clock import DEFAULT_ZONE
from dealership.hours import WEEKDAYS, Interval, Schedule, SpecialDay
from dealership.roster import ShiftFacts

_DAY_MINUTES: Final = 24 * 60
_ALWAYS: Final = tuple(Interval(day, time(), time()) for day in WEEKDAYS)


class Calendar(NamedTuple):
    """Hours of work: in one store, or (None) for all of the person's."""

    store_id: int | None
    hours: Schedule


def work_calendars(
    shifts: Sequence[ShiftFacts], stores: Mapping[int, Schedule]
) -> tuple[Calendar, ...]:
    """The hours of somebody with these shifts who serves these stores; one calendar at least."""
    zone = next(iter(stores.values())).zone if stores else DEFAULT_ZONE
    if not shifts:
        with_hours = tuple(Calendar(None, one) for one in stores.values() if one.intervals)
        return with_hours or (Calendar(None, Schedule(zone, _ALWAYS)),)
    found: list[Calendar] = []
    for store_id in {one.store_id: None for one in shifts}:
        intervals = tuple(
            Interval(one.weekday, one.starts, one.ends)
            for one in shifts
            if one.store_id == store_id
        )
        if store_id is None:
            places = [replace(one, zone=zone) for one in stores.values()] or [Schedule(zone)]
            found += [Calendar(None, _within(one, intervals)) for one in places]
        elif store_id in stores:
            found.append(Calendar(store_id, _within(stores[store_id], intervals)))
    return tuple(found) or (Calendar(None, Schedule(zone)),)


def _within(store: Schedule, intervals: tuple[Interval, ...]) -> Schedule:
    """These hours of work, cut to the store's own on its special days."""
    special_days = tuple(
        SpecialDay(
            special.date,
            tuple(
                part
                for own in intervals
                if own.weekday == special.date.weekday()
                for hours in special.intervals
                if (part := _common(own, hours)) is not None
            ),
        )
        for special in store.special_days
    )
    return Schedule(store.zone, intervals, special_days)


def _common(one: Interval, other: Interval) -> Interval | None:
    """What two intervals of one day share on the clock, None where nothing."""
    start = max(_minute(one.opens), _minute(other.opens))
    end = min(_end_minute(one), _end_minute(other))
    return Interval(one.weekday, _clock(start), _clock(end)) if start < end else None


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def _end_minute(interval: Interval) -> int:
    next_day = interval.closes <= interval.opens
    return _minute(interval.closes) + (_DAY_MINUTES if next_day else 0)


def _clock(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)
