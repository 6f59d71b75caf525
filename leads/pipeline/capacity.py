"""How many people a store needs, hour by hour, so that leads are answered in time.

The week is one line of open hours: what comes while the store is shut waits at the next opening.
Leads come at random (Poisson) and each keeps one person busy for a while (exponential); the number
of leads at the desk is then a Markov chain whose heads change by the hour: Erlang's model C, but
with the morning's backlog, the lunch hour and the closing instead of an endless steady day. Later
looks at a lead give way to first contacts, so they ask for hours and not for speed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from dealership.hours import Schedule
from leads.pipeline.simulation import Handling

Cell = tuple[int, int]  # weekday (Monday is 0), hour of the local clock
Vector = npt.NDArray[np.float64]

USUAL_A_MONTH: Final = 250  # leads that one attendant works in a month
ENOUGH_DAYS: Final = 28  # of history, and
ENOUGH_LEADS: Final = 60  # so many leads, before a plan rests on them
WEEKS_A_MONTH: Final = 365.25 / 12 / 7
OPEN_SHARE: Final = 0.62  # of leads that come in open hours, where nothing was measured
BUSY_SHARE: Final = 0.85  # of their hours people can be at work on leads; the rest is life
MOST_HEADS: Final = 40
_MINUTES: Final = 60
_STEPS: Final = 32  # of the chain in a minute
_DAY_SHAPE: Final = (0.7, 0.9, 1.2, 1.3, 0.9, 0.9, 1.1, 1.3, 1.2, 0.9)  # of open hours
_NIGHT_SHAPE: Final = (0.3,) * 6 + (0.6,) + (1.0,) * 11 + (1.2, 1.4, 1.4, 1.3, 1.0, 0.6)


@dataclass(frozen=True)
class Aim:
    """That `share` of the leads is answered within `minutes`, and of those that came while the
    store was shut within `opening_minutes` of its opening."""

    share: float = 0.9
    minutes: int = 5
    opening_minutes: int = 15


@dataclass(frozen=True)
class Hour:
    """One open hour of the week: leads that come in it and that wait at its beginning (means),
    people, share of both answered in time."""

    cell: Cell
    leads: float
    backlog: float
    heads: int
    share: float

    @property
    def late(self) -> float:
        """Leads a week that are answered too late."""
        return (self.leads + self.backlog) * (1 - self.share)


@dataclass(frozen=True)
class Plan:
    """A week, open hours in order. `work_hours` is the time that leads themselves take."""

    hours: Sequence[Hour]
    work_hours: float

    @property
    def head_hours(self) -> int:
        """Hours of people at the desk a week, lunch not counted."""
        return sum(one.heads for one in self.hours)

    @property
    def share(self) -> float:
        """Of all leads, answered in time."""
        leads = sum(one.leads + one.backlog for one in self.hours)
        return 1 - self.late / leads if leads else 1.0

    @property
    def late(self) -> float:
        """Leads a week that are answered too late."""
        return sum(one.late for one in self.hours)

    @property
    def heads(self) -> dict[Cell, int]:
        """People by cell."""
        return {one.cell: one.heads for one in self.hours}


def open_cells(schedule: Schedule) -> list[Cell]:
    """The whole hours of the ordinary week in which the store is open, in order. Hours past
    midnight belong to the next day, those of Sunday night to Monday."""
    found: set[Cell] = set()
    for interval in schedule.intervals:
        start = interval.opens.hour * 60 + interval.opens.minute
        end = interval.closes.hour * 60 + interval.closes.minute
        end += 24 * 60 if end <= start else 0
        for hour in range(ceil(start / 60), end // 60):
            found.add(((interval.weekday + hour // 24) % 7, hour % 24))
    return sorted(found)


def usual_volume(cells: Sequence[Cell], a_month: float = USUAL_A_MONTH) -> dict[Cell, float]:
    """Leads a week by cell for a store with these open hours and so many leads a month, where
    nothing was measured: 62 in 100 in open hours, late morning and afternoon before the rest."""
    a_week = a_month / WEEKS_A_MONTH
    is_open = set(cells)
    inside: dict[Cell, float] = {}
    for weekday in range(7):
        hours = [hour for day, hour in cells if day == weekday]
        for place, hour in enumerate(hours):
            inside[weekday, hour] = _DAY_SHAPE[place * len(_DAY_SHAPE) // len(hours)]
    outside = {
        (day, hour): _NIGHT_SHAPE[hour]
        for day in range(7)
        for hour in range(24)
        if (day, hour) not in is_open
    }
    shares = (
        (inside, OPEN_SHARE if outside else 1.0),
        (outside, 1 - OPEN_SHARE if inside else 1.0),
    )
    return {
        cell: a_week * part * weight / sum(weights.values())
        for weights, part in shares
        for cell, weight in weights.items()
    }


def measured_volume(counts: Mapping[Cell, int], days: int) -> dict[Cell, float]:
    """Leads a week by cell, from so many `days` of counts."""
    return {cell: count * 7 / days for cell, count in counts.items()}


def forecast(
    volume: Mapping[Cell, float],
    heads: Mapping[Cell, int],
    cells: Sequence[Cell],
    handling: Handling | None = None,
    aim: Aim | None = None,
) -> Plan:
    """What is to be expected of these `heads` in the open `cells`: shares answered in time."""
    line = _Line(volume, cells, handling or Handling(), aim or Aim())
    people = [heads.get(cell, 0) for cell in cells]
    state = line.empty()
    hours: list[Hour] = []
    for place in range(len(cells)):
        state, hour = line.hour(place, state, people[place], _next(people, place))
        hours.append(hour)
    return Plan(hours, line.work_hours)


def plan(
    volume: Mapping[Cell, float],
    cells: Sequence[Cell],
    handling: Handling | None = None,
    aim: Aim | None = None,
) -> Plan:
    """The fewest heads in each open hour with which it reaches its aim, and enough hours in the
    week for all that leads take."""
    asked = aim or Aim()
    line = _Line(volume, cells, handling or Handling(), asked)
    people: list[int] = []
    state = line.empty()
    for place in range(len(cells)):
        for heads in range(1, MOST_HEADS + 1):
            after, hour = line.hour(place, state, heads, heads)
            if hour.share >= asked.share or heads == MOST_HEADS:
                break
        state = after
        people.append(heads)
    short = line.work_hours / BUSY_SHARE
    while people and sum(people) < short and min(people) < MOST_HEADS:
        busiest = max(range(len(people)), key=lambda one: (line.arrivals[one] + 1e-9) / people[one])
        people[busiest] += 1
    heads_by_cell = dict(zip(cells, people, strict=True))
    return forecast(volume, heads_by_cell, cells, handling, asked)


def one_fewer(
    found: Plan,
    volume: Mapping[Cell, float],
    handling: Handling | None = None,
    aim: Aim | None = None,
) -> Plan:
    """The same week with one person fewer in every hour that has any."""
    heads = {cell: max(0, count - 1) for cell, count in found.heads.items()}
    return forecast(volume, heads, list(found.heads), handling, aim)


def _next(people: Sequence[int], place: int) -> int:
    return people[place + 1] if place + 1 < len(people) else people[place]


class _Line:
    """The open hours of a week, one after the other."""

    def __init__(
        self,
        volume: Mapping[Cell, float],
        cells: Sequence[Cell],
        handling: Handling,
        aim: Aim,
    ) -> None:
        self.aim, self.cells = aim, cells
        self.rate = 1 / (sum(handling.first) / len(handling.first))
        self.arrivals = [volume.get(cell, 0.0) for cell in cells]
        self.backlog = _backlog(volume, cells)
        most = max([0.0, *(a + b for a, b in zip(self.arrivals, self.backlog, strict=True))])
        self.size = int(min(200, 20 + most + 4 * sqrt(most)))
        self._minute: dict[tuple[float, int], Vector] = {}  # weekdays are alike
        each = sum(handling.first) / len(handling.first)
        each += handling.follows * sum(handling.follow) / len(handling.follow)
        self.work_hours = sum(volume.values()) * each / 60

    def empty(self) -> Vector:
        state = np.zeros(self.size)
        state[0] = 1.0
        return state

    def hour(self, place: int, state: Vector, heads: int, then: int) -> tuple[Vector, Hour]:
        """The state at the end of the hour, and what is expected of it; `then` are the heads of
        the hour after."""
        arrivals, backlog = self.arrivals[place], self.backlog[place]
        in_time = 0.0
        if backlog:
            in_time += self._of_backlog(state, backlog, heads)
            state = np.convolve(state, _poisson(backlog, self.size))[: self.size]
            state[-1] += 1 - state.sum()  # what is beyond the line waits at its end
        step = self._one_minute(arrivals / _MINUTES, heads)
        limit = self.aim.minutes
        plain = self._starts(limit, heads)
        for minute in range(_MINUTES):
            ahead = max(0, minute + limit - _MINUTES)
            chance = self._starts(limit - ahead, heads, ahead, then) if ahead else plain
            in_time += arrivals / _MINUTES * float(state @ chance)
            state = state @ step
        total = arrivals + backlog
        share = min(1.0, in_time / total) if total else 1.0
        return state, Hour(self.cells[place], arrivals, backlog, heads, share)

    def _one_minute(self, arrivals: float, heads: int) -> Vector:
        key = arrivals, heads
        if key not in self._minute:
            step = _step(arrivals, self.rate, heads, self.size)
            self._minute[key] = np.linalg.matrix_power(step, _STEPS)
        return self._minute[key]

    def _starts(self, minutes: int, heads: int, later: int = 0, then: int = 0) -> Vector:
        """How likely somebody begins in `minutes` (and in `later` ones, with `then` heads), by the
        number of leads that are there already."""
        ends = self.rate * (heads * minutes + then * later)
        most = max(heads, then) if later else heads
        if not most:
            return np.zeros(self.size)
        # So many must end before it is one's turn; none while a head is free.
        at_least = 1 - np.concatenate([[0.0], np.cumsum(_poisson(ends, self.size))])
        needed = np.clip(np.arange(self.size) - most + 1, 0, self.size)
        return np.asarray(at_least[needed])

    def _of_backlog(self, state: Vector, backlog: float, heads: int) -> float:
        """How many of those who wait at the opening are answered in time (mean)."""
        chance = self._starts(self.aim.opening_minutes, heads)
        sizes = _poisson(backlog, self.size)
        is_there = 1 - np.cumsum(sizes)  # the k-th of them is, counted from 0
        before = [float(state[: self.size - k] @ chance[k:]) for k in range(self.size)]
        return float(np.dot(np.clip(is_there, 0, 1), before))


def _backlog(volume: Mapping[Cell, float], cells: Sequence[Cell]) -> list[float]:
    """What waits at the beginning of each open hour: all that came since the open hour before."""
    numbers = [day * 24 + hour for day, hour in cells]
    found = []
    for place, number in enumerate(numbers):
        before = numbers[place - 1] if place else numbers[-1] - 7 * 24
        shut = range(before + 1, number)
        found.append(sum(volume.get((one // 24 % 7, one % 24), 0.0) for one in shut))
    return found


def _poisson(mean: float, size: int) -> Vector:
    """The chances of 0, 1, … `size` - 1 events."""
    if mean <= 0:
        chances = np.zeros(size)
        chances[0] = 1.0
        return chances
    steps = np.log(mean) - np.log(np.arange(1, size))
    return np.exp(np.concatenate([[0.0], np.cumsum(steps)]) - mean)


def _step(arrivals: float, rate: float, heads: int, size: int) -> Vector:
    """The chain's matrix for one small step; both in events a minute."""
    up = 1 - exp(-arrivals / _STEPS)
    busy = np.minimum(np.arange(size), heads)
    down = 1 - np.exp(-busy * rate / _STEPS)
    matrix = np.zeros((size, size))
    places = np.arange(size)
    matrix[places[:-1], places[1:]] = up
    matrix[places[1:], places[:-1]] = down[1:]
    matrix[places, places] = 1 - matrix.sum(axis=1)
    return matrix
