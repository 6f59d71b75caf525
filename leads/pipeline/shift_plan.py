"""A week of shifts that covers what the plan asks for, within the law and the store's hours.

Never more than 8 hours of work a day and 44 a week (Constituição, art. 7º XIII); an hour of lunch
inside more than 6 hours of work (CLT art. 71); 11 hours from one
working day to the next (CLT art. 66); one day of the week off (CLT art. 67). Sundays by turn and
what a collective agreement adds are for people to mind.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from leads.pipeline.capacity import Cell

MOST_A_DAY: Final = 8
MOST_A_WEEK: Final = 44
LEAST_A_DAY: Final = 4  # nobody comes for less
LUNCH_AFTER: Final = 6  # hours of work
_NOON: Final = 12
REST_HOURS: Final = 11
WORK_DAYS: Final = 6
MOST_PEOPLE: Final = 40
_SOMEBODY: Final = 3.0  # that anybody answers weighs more than the second head
_PRICE: Final = 0.2  # of an hour, so that nobody comes for nothing


@dataclass(frozen=True, slots=True)
class PlannedShift:
    """One day of one person (numbered from 1): at work from `starts` until `ends`, hours of the
    local clock, `lunch` being the hour between that is free (None: none)."""

    person: int
    weekday: int
    starts: int
    ends: int
    lunch: int | None

    @property
    def hours(self) -> list[int]:
        """The hours at work."""
        return [hour for hour in range(self.starts, self.ends) if hour != self.lunch]


@dataclass(frozen=True, slots=True)
class _Day:
    weekday: int
    starts: int
    ends: int
    lunch: int | None
    cells: tuple[Cell, ...]


def propose(need: Mapping[Cell, int], people: int) -> list[PlannedShift]:
    """Shifts for so many people by which as much of `need` (heads by open hour) is covered as can
    be, the hours with nobody first. Work lies in the hours of `need` alone."""
    days = _possible_days(list(need))
    covered: Counter[Cell] = Counter()
    weeks: dict[int, list[_Day]] = {n: [] for n in range(1, min(people, MOST_PEOPLE) + 1)}
    while True:
        ranked = sorted(days, key=lambda day: (-_gain(day, need, covered), _from_noon(day)))
        chosen = None
        for day in ranked:
            if _gain(day, need, covered) <= 0:
                break
            # Work is spread: who has least gets the next day.
            order = sorted(weeks, key=lambda one: (_hours(weeks[one]), one))
            person = next((one for one in order if _may_add(weeks[one], day)), None)
            if person is not None:
                chosen = person, day
                break
        if chosen is None:
            break
        person, day = chosen
        weeks[person].append(day)
        covered.update(day.cells)
    return [
        PlannedShift(person, day.weekday, day.starts, day.ends, day.lunch)
        for person, week in weeks.items()
        for day in sorted(week, key=lambda one: one.weekday)
    ]


def heads_of(shifts: Sequence[PlannedShift]) -> Counter[Cell]:
    """How many people are at work in each hour."""
    return Counter((one.weekday, hour) for one in shifts for hour in one.hours)


def _gain(day: _Day, need: Mapping[Cell, int], covered: Mapping[Cell, int]) -> float:
    worth = 0.0
    for cell in day.cells:
        if covered[cell] < need[cell]:
            worth += 1.0 if covered[cell] else _SOMEBODY
    return worth - _PRICE * len(day.cells)


def _from_noon(day: _Day) -> int:
    return abs((day.lunch or _NOON) - _NOON)


def _hours(week: Sequence[_Day]) -> int:
    return sum(len(day.cells) for day in week)


def _may_add(week: Sequence[_Day], day: _Day) -> bool:
    if len(week) >= WORK_DAYS or any(one.weekday == day.weekday for one in week):
        return False
    if _hours(week) + len(day.cells) > MOST_A_WEEK:
        return False
    return all(_rests(one, day) and _rests(day, one) for one in week)


def _rests(earlier: _Day, later: _Day) -> bool:
    """Whether there is rest enough if `later` is the day after `earlier`, also over Sunday."""
    is_next = (later.weekday - earlier.weekday) % 7 == 1
    return not is_next or 24 - earlier.ends + later.starts >= REST_HOURS


def _possible_days(cells: Sequence[Cell]) -> list[_Day]:
    found = []
    for weekday in range(7):
        hours = sorted(hour for day, hour in cells if day == weekday)
        is_open = set(hours)
        for starts in hours:
            for ends in range(starts + LEAST_A_DAY, starts + MOST_A_DAY + 2):
                if ends - 1 in is_open:
                    found += _with_lunch(weekday, starts, ends, is_open)
    return found


def _with_lunch(weekday: int, starts: int, ends: int, is_open: set[int]) -> list[_Day]:
    shut = [hour for hour in range(starts, ends) if hour not in is_open]
    if shut:
        if len(shut) > 1:  # two halves of a day are two shifts
            return []
        lunches: list[int | None] = [shut[0]]
    elif ends - starts > LUNCH_AFTER:
        lunches = list(range(starts + 2, ends - 2))
    else:
        lunches = [None]
    found = []
    for lunch in lunches:
        cells = tuple((weekday, hour) for hour in range(starts, ends) if hour != lunch)
        if LEAST_A_DAY <= len(cells) <= MOST_A_DAY:
            found.append(_Day(weekday, starts, ends, lunch, cells))
    return found
