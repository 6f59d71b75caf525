"""The desk played on paper: leads come in, people with shifts answer them by the rules. Pure.

What is assumed, since no log tells it: who is on shift is at the desk; one thing at a time, and
what was begun is finished; a first contact goes before any follow-up; the answer is the moment in
which somebody begins; what came back too often goes to whoever is free next, as a supervisor would
give it. Each lead takes as long in every play of one seed, so that two plays differ by their rules
alone.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import accumulate, count
from math import ceil
from random import Random
from typing import Final

from dealership.hours import Schedule, Span, local_day, spans_on
from dealership.spans import joined
from leads.pipeline.assignment import Candidate, Given, Wanted, credits_of, decide
from leads.pipeline.rules import QueueRules

_DAY: Final = timedelta(days=1)
_TAIL: Final = timedelta(days=14)  # in which the last leads are still answered
_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Birth:
    """A lead that came in at `at`. `known_id` is who attended the person before."""

    lead_id: int
    at: datetime
    urgency: int
    store_id: int | None = None
    department: str = ""
    known_id: int | None = None


@dataclass(frozen=True, slots=True)
class Player:
    """One person with the stretches of time in which they answer, in order, none overlapping."""

    staff_id: int
    spans: tuple[Span, ...]
    store_ids: frozenset[int] | None = None
    departments: frozenset[str] = frozenset()
    capacity: float = 60.0


@dataclass(frozen=True, slots=True)
class Handling:
    """How many minutes things take: of each, one of the sample is drawn. `follows` is how often a
    lead is looked at again after the first contact."""

    first: tuple[float, ...] = (7.0,)
    follow: tuple[float, ...] = (4.0,)
    follows: int = 4


@dataclass(frozen=True)
class Played:
    """What came of it: working minutes until each lead's answer (None: never), who answered."""

    minutes: Mapping[int, float | None]
    owners: Mapping[int, int]
    in_time: int  # within the target of their class
    escalated: int
    returned: int

    @property
    def load(self) -> Counter[int]:
        """How many leads each person answered."""
        return Counter(self.owners.values())

    def within(self, minutes: float) -> float:
        """The share of all leads that were answered within so many working minutes."""
        quick = sum(1 for one in self.minutes.values() if one is not None and one <= minutes)
        return quick / len(self.minutes) if self.minutes else 0.0

    def percentile(self, share: float) -> float | None:
        """The working minutes within which that share of the answered ones was answered."""
        ordered = sorted(one for one in self.minutes.values() if one is not None)
        return ordered[max(0, ceil(len(ordered) * share) - 1)] if ordered else None


class WorkingClock:
    """`dealership.business_time` for one schedule and time, read once: thousands of questions in
    seconds since 1970. After the last opening that is known it runs on."""

    def __init__(self, schedule: Schedule, since: datetime, until: datetime) -> None:
        first, last = local_day(schedule, since) - _DAY, local_day(schedule, until + _TAIL)
        days = (first + n * _DAY for n in range((last - first).days + 1))
        spans = joined(span for day in days for span in spans_on(schedule, day))
        self._starts = [one.start.timestamp() for one in spans] or [0.0]
        ends = [one.end.timestamp() for one in spans] or [float("inf")]
        lengths = [end - start for start, end in zip(self._starts, ends, strict=True)]
        self._ends, self._done = ends, [0.0, *accumulate(lengths)]

    def worked(self, at: float) -> float:
        """Seconds of open time up to `at`."""
        place = bisect_right(self._starts, at) - 1
        if place < 0:
            return 0.0
        is_last = place == len(self._starts) - 1
        end = at if is_last else min(at, self._ends[place])
        return self._done[place] + end - self._starts[place]

    def between(self, start: float, end: float) -> float:
        """Minutes of open time."""
        return max(0.0, self.worked(end) - self.worked(start)) / _MINUTE

    def after(self, at: float, minutes: float) -> float:
        """The instant so many working minutes after `at`."""
        goal = self.worked(at) + minutes * _MINUTE
        for place, start in enumerate(self._starts[:-1]):
            if goal <= self._done[place + 1]:
                return start + goal - self._done[place]
        return self._starts[-1] + goal - self._done[-2]


@dataclass(slots=True)
class _Lead:
    birth: Birth
    clock: WorkingClock
    due: float
    late: float
    owner: int | None = None
    started: float | None = None
    returns: int = 0
    turns: int = 0  # so that a timer knows whether it is still meant
    follows: int = 0
    left_by: set[int] = field(default_factory=set)
    is_escalated: bool = False

    @property
    def order(self) -> tuple[int, float, int]:
        return self.birth.urgency, self.due, self.birth.lead_id


@dataclass(slots=True)
class _Desk:
    player: Player
    is_on: bool = False
    is_busy: bool = False
    idle_since: float = 0.0
    open_follows: int = 0  # leads in conversation
    follow_ups: list[tuple[float, int]] = field(default_factory=list)

    def serves(self, birth: Birth) -> bool:
        own = self.player
        in_store = own.store_ids is None or birth.store_id in own.store_ids
        return in_store and (not own.departments or birth.department in own.departments)


def play(
    births: Sequence[Birth],
    players: Sequence[Player],
    rules: QueueRules,
    schedules: Mapping[int | None, Schedule],
    handling: Handling | None = None,
    *,
    seed: int = 0,
) -> Played:
    """Play these leads with these people. `schedules` holds the hours of each store that `births`
    name. The same arguments give the same result."""
    if not births:
        return Played({}, {}, 0, 0, 0)
    game = _Game(births, players, rules, schedules, handling or Handling(), seed)
    game.run()
    return game.result()


class _Game:
    def __init__(
        self,
        births: Sequence[Birth],
        players: Sequence[Player],
        rules: QueueRules,
        schedules: Mapping[int | None, Schedule],
        handling: Handling,
        seed: int,
    ) -> None:
        since, until = min(one.at for one in births), max(one.at for one in births)
        clocks = {key: WorkingClock(one, since, until) for key, one in schedules.items()}
        self.rules, self.handling, self.seed = rules, handling, seed
        self.leads = {one.lead_id: self._lead(one, clocks[one.store_id]) for one in births}
        self.desks = {one.staff_id: _Desk(one) for one in players}
        self.waiting: set[int] = set()  # in the queue, nobody's
        self.pending: dict[int, set[int]] = {one: set() for one in self.desks}  # given, not begun
        self.given: list[Given] = []
        self.escalated = self.returned = 0
        self._order = count()
        self._events: list[tuple[float, int, str, int, int]] = []
        end = (until + _TAIL).timestamp()
        for one in births:
            self._plan(one.at.timestamp(), "born", one.lead_id)
        for player in players:
            for span in player.spans:
                if span.end > since and span.start.timestamp() < end:
                    self._plan(max(span.start, since).timestamp(), "on", player.staff_id)
                    self._plan(span.end.timestamp(), "off", player.staff_id)

    def _lead(self, birth: Birth, clock: WorkingClock) -> _Lead:
        born, target = birth.at.timestamp(), self.rules.target(birth.urgency)
        return _Lead(
            birth, clock, clock.after(born, target.minutes), clock.after(born, target.late)
        )

    def _plan(self, at: float, what: str, who: int, turn: int = 0) -> None:
        heappush(self._events, (at, next(self._order), what, who, turn))

    def run(self) -> None:
        while self._events:
            at, _order, what, who, turn = heappop(self._events)
            getattr(self, f"_{what}")(at, who, turn)
            if self._events and self._events[0][0] == at:
                continue  # all that happens at once, before anybody decides
            if self.rules.mode == "push":
                self._hand_out(at)
            self._begin(at)

    # --- what happens ---

    def _born(self, _at: float, lead_id: int, _turn: int) -> None:
        self.waiting.add(lead_id)
        self._plan(self.leads[lead_id].late, "late", lead_id)

    def _on(self, at: float, staff_id: int, _turn: int) -> None:
        self.desks[staff_id].is_on, self.desks[staff_id].idle_since = True, at

    def _off(self, at: float, staff_id: int, _turn: int) -> None:
        self.desks[staff_id].is_on = False
        for lead_id in sorted(self.pending[staff_id]):
            self._free(at, self.leads[lead_id])

    def _done(self, at: float, staff_id: int, _turn: int) -> None:
        self.desks[staff_id].is_busy, self.desks[staff_id].idle_since = False, at

    def _follow(self, at: float, lead_id: int, _turn: int) -> None:
        owner = self.leads[lead_id].owner
        if owner is not None:
            heappush(self.desks[owner].follow_ups, (at, lead_id))

    def _late(self, at: float, lead_id: int, _turn: int) -> None:
        lead = self.leads[lead_id]
        if lead_id in self.waiting and not lead.is_escalated and at >= lead.late:
            lead.is_escalated = True
            self.escalated += 1

    def _return(self, at: float, lead_id: int, turn: int) -> None:
        lead = self.leads[lead_id]
        if lead.started is not None or lead.owner is None or lead.turns != turn:
            return
        lead.returns += 1
        lead.left_by.add(lead.owner)
        self.returned += 1
        self._free(at, lead)

    def _free(self, at: float, lead: _Lead) -> None:
        if lead.owner is not None:
            self.pending[lead.owner].discard(lead.birth.lead_id)
        lead.owner = None
        self.waiting.add(lead.birth.lead_id)
        self._late(at, lead.birth.lead_id, 0)

    # --- what is decided ---

    def _hand_out(self, at: float) -> None:
        if not any(one.is_on for one in self.desks.values()):
            return
        moment = datetime.fromtimestamp(at, UTC)
        people = self._candidates(moment) if self.waiting else []
        nobody: set[tuple[int | None, str]] = set()
        for lead_id in sorted(self.waiting, key=lambda one: self.leads[one].order):
            lead = self.leads[lead_id]
            birth = lead.birth
            place = birth.store_id, birth.department
            if self._is_for_anybody(lead) or place in nobody:
                continue
            wanted = Wanted(
                birth.department,
                birth.store_id,
                birth.urgency,
                known_id=birth.known_id if not lead.returns else None,
                left_by=frozenset(lead.left_by),
            )
            decision = decide(wanted, people)
            if decision.staff_id is None:
                if not lead.left_by:
                    nobody.add(place)
                continue
            owner = decision.staff_id
            self.given.append(Given(birth.urgency, owner, decision.considered, moment))
            lead.owner, lead.turns = owner, lead.turns + 1
            self.waiting.discard(lead_id)
            self.pending[owner].add(lead_id)
            minutes = self.rules.target(birth.urgency).minutes * 2
            self._plan(lead.clock.after(at, minutes), "return", lead_id, lead.turns)
            people = self._candidates(moment)

    def _is_for_anybody(self, lead: _Lead) -> bool:
        """Whether a supervisor has it, who gives it to whoever is free."""
        return lead.returns >= self.rules.most_returns or (lead.is_escalated and lead.returns > 0)

    def _candidates(self, at: datetime) -> list[Candidate]:
        since = at - timedelta(days=self.rules.fair_days)
        self.given = [one for one in self.given if one.at >= since]
        owed = credits_of(self.given)
        latest = {one.staff_id: one.at for one in self.given}
        return [
            Candidate(
                staff_id=staff_id,
                store_ids=desk.player.store_ids,
                departments=desk.player.departments,
                capacity=desk.player.capacity,
                load=len(self.pending[staff_id]) + desk.open_follows * self.rules.waiting_weight,
                credit=owed.get(staff_id, {}),
                last_received_at=latest.get(staff_id),
                is_on_shift=desk.is_on,
            )
            for staff_id, desk in self.desks.items()
        ]

    def _begin(self, at: float) -> None:
        """Everybody who is free takes the next thing; who has been free longest is first."""
        free = [one for one in self.desks.values() if one.is_on and not one.is_busy]
        for desk in sorted(free, key=lambda one: (one.idle_since, one.player.staff_id)):
            lead = self._next_for(desk)
            if lead is not None:
                self._answer(at, desk, lead)
            elif desk.follow_ups:
                _due, lead_id = heappop(desk.follow_ups)
                self._look_again(at, desk, self.leads[lead_id])

    def _next_for(self, desk: _Desk) -> _Lead | None:
        open_to = [self.leads[one] for one in self.pending[desk.player.staff_id]]
        for lead_id in self.waiting:
            lead = self.leads[lead_id]
            is_free = self.rules.mode == "pull" or self._is_for_anybody(lead)
            if is_free and desk.serves(lead.birth):
                open_to.append(lead)
        return min(open_to, key=lambda one: one.order, default=None)

    def _answer(self, at: float, desk: _Desk, lead: _Lead) -> None:
        lead_id, staff_id = lead.birth.lead_id, desk.player.staff_id
        self.waiting.discard(lead_id)
        self.pending[staff_id].discard(lead_id)
        lead.started, lead.owner = at, staff_id
        desk.open_follows += self.handling.follows > 0
        self._work(at, desk, lead, self.handling.first)

    def _look_again(self, at: float, desk: _Desk, lead: _Lead) -> None:
        lead.follows += 1
        desk.open_follows -= lead.follows == self.handling.follows
        self._work(at, desk, lead, self.handling.follow)

    def _work(self, at: float, desk: _Desk, lead: _Lead, sample: Sequence[float]) -> None:
        desk.is_busy = True
        draw = Random(f"{self.seed}:{lead.birth.lead_id}:{lead.follows}")
        end = at + draw.choice(sample) * _MINUTE
        self._plan(end, "done", desk.player.staff_id)
        if lead.follows < self.handling.follows:
            rules = self.rules
            minutes = rules.follow_minutes if lead.follows else rules.retry_minutes
            self._plan(lead.clock.after(end, minutes), "follow", lead.birth.lead_id)

    def result(self) -> Played:
        minutes: dict[int, float | None] = {}
        in_time = 0
        for lead_id, lead in sorted(self.leads.items()):
            minutes[lead_id] = None
            if lead.started is not None:
                waited = lead.clock.between(lead.birth.at.timestamp(), lead.started)
                minutes[lead_id] = waited
                in_time += waited <= self.rules.target(lead.birth.urgency).minutes
        owners = {
            lead_id: lead.owner
            for lead_id, lead in sorted(self.leads.items())
            if lead.owner is not None and lead.started is not None
        }
        return Played(minutes, owners, in_time, self.escalated, self.returned)
