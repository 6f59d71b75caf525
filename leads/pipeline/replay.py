"""A past time of the desk, played again: as it was, to the bit, or under other rules or heads.

`differences` works out every promise, timer and turn once more from the facts in the log and the
rules of that day, and tells where the log says something else: nowhere, as long as the hours of
the stores are still those of that time (they carry no dates). `play_again` asks what would have
been: the same leads, other rules or people (leads.pipeline.simulation).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby
from statistics import median
from typing import Any, Final

import sqlalchemy as sa

from core.db import db
from dealership.attendants import Worker, read_workers
from dealership.business_time import working_seconds
from dealership.hours import Schedule, Span
from dealership.spans import joined, shared
from leads.figures import Window
from leads.models import Lead, LeadEvent
from leads.pipeline.assignment import Candidate, Excluded, Given, Wanted, credits_of, decide
from leads.pipeline.clocks import CLOCKS, Moment, schedule_for, started_clocks
from leads.pipeline.handing_out import MOST_GIVEN
from leads.pipeline.rules import QueueRules, QueueRulesRow, rules_history, rules_of
from leads.pipeline.simulation import Birth, Handling, Played, Player, play
from leads.pipeline.stages import TRANSITIONS, UNDOING, Urgency
from leads.pipeline.standing import Happened, Standing, fold
from leads.pipeline.standing import replay as standing_after

MOST: Final = 1_000  # of a time's leads, the newest: a page is waited for meanwhile
ENOUGH: Final = 20  # things measured before the measure beats the usual figure
_DAY: Final = timedelta(days=1)
_TOUCHES: Final = frozenset({"attempted", "human_contact", "talked"})
_TAKEN: Final = frozenset({"claimed", "assigned"})
_LONGEST_MINUTES: Final = 60.0  # who takes longer went for lunch, or forgot to say
EXTRA_HEAD: Final = -1  # the id of who is only imagined


@dataclass(frozen=True)
class Difference:
    """An event that says `logged` of `name`, where the rules of its day give `replayed`."""

    lead_id: int
    event_id: int
    kind: str
    name: str
    logged: Any
    replayed: Any


@dataclass(frozen=True)
class ExtraHead:
    """One person more, on these weekdays (Monday is 0), from `starts` to `ends` of the same day."""

    weekdays: frozenset[int]
    starts: time
    ends: time


@dataclass(frozen=True)
class Change:
    """What is to be otherwise: fields of QueueRules, one person more, people fewer."""

    rules: Mapping[str, Any] = field(default_factory=dict)
    extra: ExtraHead | None = None
    without: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Past:
    """Everything about a time that a play needs. `answered` are the working minutes that its
    people really waited, of those who were answered; `is_measured` tells whether `handling` is."""

    births: Sequence[Birth]
    players: Sequence[Player]
    names: Mapping[int, str]
    rules: QueueRules
    schedules: Mapping[int | None, Schedule]
    handling: Handling
    is_measured: bool
    answered: Sequence[float]
    days: Sequence[date]


# --- as it was -------------------------------------------------------------------------------


def differences(window: Window) -> list[Difference]:
    """Where the log of the leads that began in `window` says something else than its rules.
    Four statements."""
    history = rules_history()
    rows = db.session.execute(
        sa.select(LeadEvent, Lead.created_at, Lead.store_id, Lead.department)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(window.leads(), LeadEvent.kind.in_([*TRANSITIONS, *UNDOING]))
        .order_by(LeadEvent.lead_id, LeadEvent.id)
    ).all()
    turns = _Turns(rows, history)
    found: list[Difference] = []
    for _lead_id, lines in groupby(rows, key=lambda row: row.LeadEvent.lead_id):
        listed = list(lines)
        born, store_id, department = listed[0][1:]
        standing, seen = Standing(due_at=born), list[Happened]()
        for event, *_lead in listed:
            happened = Happened(event.id, event.kind, event.at, event.data)
            seen.append(happened)
            if event.kind in UNDOING:
                standing = standing_after(born, seen)
                continue
            again = _clocks_again(event, standing, rules_of(history, event.at), store_id)
            if event.kind == "assigned" and event.data.get("considered"):
                again |= turns.decided(event, standing, store_id, department)
            found += [
                Difference(event.lead_id, event.id, event.kind, name, event.data.get(name), value)
                for name, value in again.items()
                if event.data.get(name) != value
            ]
            # On with what the replay says: an error would show in everything after it.
            standing = fold(standing, replace(happened, data={**event.data, **again}))
    return found


def _clocks_again(
    event: LeadEvent, standing: Standing, rules: QueueRules, store_id: int | None
) -> dict[str, Any]:
    chosen = set(event.data.get("chosen", ()))
    given = {
        name: value for name, value in event.data.items() if name not in CLOCKS or name in chosen
    }
    moment = Moment(event.at, rules, schedule_for(store_id))
    again = started_clocks(event.kind, given, standing, moment)
    gone = {name: None for name in CLOCKS - chosen - again.keys() if name in event.data}
    return {**gone, **again}


class _Turns:
    """What everybody was owed before each handing out, from the log alone."""

    def __init__(self, rows: Sequence[Any], history: Sequence[QueueRulesRow]) -> None:
        self._history = history
        at = [row.LeadEvent.at for row in rows if row.LeadEvent.kind == "assigned"]
        self._given: list[tuple[int, Given]] = []
        if at:
            longest = max([rules_of(history, one).fair_days for one in (min(at), max(at))])
            longest = max([longest, *(row.rules.get("fair_days", 0) for row in history)])
            self._given = _all_given(min(at) - timedelta(days=longest), max(at))

    def decided(
        self, event: LeadEvent, standing: Standing, store_id: int | None, department: str
    ) -> dict[str, Any]:
        """Who gets it by the facts of that moment, as `handing_out.told` says it."""
        given = self._before(event)
        owed = credits_of(given)
        latest = {one.staff_id: one.at for one in given}
        excluded = {int(who): Excluded(why) for who, why in event.data["excluded"].items()}
        people = [
            Candidate(who, credit=owed.get(who, {}), last_received_at=latest.get(who))
            for who in event.data["considered"]
        ]
        people += [_kept_out(who, why) for who, why in excluded.items()]
        wanted = Wanted(
            department,
            store_id,
            standing.urgency,
            known_id=standing.attendant_id if not standing.returns else None,
            named_id=event.data.get("named_id"),
            special_ids=tuple(event.data.get("special_ids", ())),
            left_by=frozenset(who for who, why in excluded.items() if why is Excluded.LEFT_IT),
        )
        decision = decide(wanted, people)
        return {"owner_id": decision.staff_id, "rule": decision.rule.value}

    def _before(self, event: LeadEvent) -> list[Given]:
        since = event.at - timedelta(days=rules_of(self._history, event.at).fair_days)
        earlier = [one for _id, one in self._given if since <= one.at < event.at]
        same_pass = [one for number, one in self._given if one.at == event.at and number < event.id]
        return [*earlier[-MOST_GIVEN:], *same_pass]


def _all_given(since: datetime, until: datetime) -> list[tuple[int, Given]]:
    rows = db.session.execute(
        sa.select(LeadEvent.id, LeadEvent.at, LeadEvent.data)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(LeadEvent.kind == "assigned", LeadEvent.at >= since, LeadEvent.at <= until)
        .where(Lead.is_test.is_(False))
        .order_by(LeadEvent.at, LeadEvent.id)
    )
    return [
        (number, Given(data["urgency"], data["owner_id"], data["considered"], at))
        for number, at, data in rows
        if data.get("considered") and data.get("owner_id")
    ]


def _kept_out(staff_id: int, why: Excluded) -> Candidate:
    """Somebody who cannot have a lead for that reason."""
    one = Candidate(staff_id)
    return {
        Excluded.STORE: replace(one, store_ids=frozenset()),
        Excluded.DEPARTMENT: replace(one, departments=frozenset({"\0"})),
        Excluded.OFF_SHIFT: replace(one, is_on_shift=False),
        Excluded.PAUSED: replace(one, is_paused=True),
        Excluded.ABSENT: replace(one, is_present=False),
        Excluded.OVERDUE: replace(one, is_overdue=True),
        Excluded.FULL: replace(one, capacity=0.0),
        Excluded.LEFT_IT: one,
    }[why]


# --- as it could have been -------------------------------------------------------------------


def read_past(window: Window) -> Past:
    """What happened in `window`, for plays, with the shifts and absences of that time (limits and
    stand-ins are today's: they carry no dates). A constant number of statements."""
    leads = db.session.execute(
        sa.select(Lead.id, Lead.created_at, Lead.store_id, Lead.department, Lead.first_contact_at)
        .where(window.leads())
        .order_by(Lead.created_at.desc(), Lead.id.desc())
        .limit(MOST)
    ).all()
    events = _events_of(window)
    schedules = {store_id: schedule_for(store_id) for store_id in {row.store_id for row in leads}}
    births = [
        Birth(row.id, row.created_at, _urgency(events.get(row.id, ())), row.store_id,
              row.department or "")
        for row in reversed(leads)
    ]  # fmt: skip
    zone = schedule_for(None).zone
    first, last = window.since.astimezone(zone).date(), window.until.astimezone(zone).date()
    days = [first + n * _DAY for n in range((last - first).days + 15)]
    workers = [one for one in read_workers(window.since, window.until + 15 * _DAY)
               if _in_stores(one, window)]  # fmt: skip
    handling, is_measured = _handling(events)
    return Past(
        births=births,
        players=players_of(workers, days),
        names={one.staff_id: one.name for one in workers},
        rules=rules_of(rules_history(), window.until),
        schedules=schedules,
        handling=handling,
        is_measured=is_measured,
        answered=[
            working_seconds(schedules[row.store_id], row.created_at, row.first_contact_at) / 60
            for row in leads
            if row.first_contact_at is not None
        ],
        days=days,
    )


def measured_handling(window: Window) -> tuple[Handling, bool]:
    """How long things took in `window`, and whether that was measured. One statement."""
    return _handling(_events_of(window))


def play_again(past: Past, change: Change | None = None, *, seed: int = 0) -> Played:
    """What would have come of `past` under `change`. Raises pydantic.ValidationError when a rule
    makes no sense."""
    asked = change or Change()
    rules = QueueRules.model_validate({**past.rules.model_dump(), **asked.rules})
    players = [one for one in past.players if one.staff_id not in asked.without]
    if asked.extra:
        zone = next(iter(past.schedules.values())).zone if past.schedules else None
        spans = joined(
            Span(
                datetime.combine(day, asked.extra.starts, tzinfo=zone),
                datetime.combine(day, asked.extra.ends, tzinfo=zone),
            )
            for day in past.days
            if day.weekday() in asked.extra.weekdays
        )
        players.append(Player(EXTRA_HEAD, tuple(spans)))
    return play(past.births, players, rules, past.schedules, past.handling, seed=seed)


def players_of(workers: Sequence[Worker], days: Sequence[date]) -> list[Player]:
    """Who answers when on these local days: everybody to whom leads come by turn, and stand-ins
    during the breaks and absences of those they stand in for."""
    by_id = {one.staff_id: one for one in workers}
    covering: dict[int, list[Span]] = {}
    for one in workers:
        stand_in = by_id.get(one.work.stand_in_id or 0)
        if one.takes_leads and stand_in:
            spans = shared(one.relieved(days), stand_in.working(days))
            covering.setdefault(stand_in.staff_id, []).extend(spans)
    found = []
    for one in workers:
        spans = one.working(days) if one.takes_leads else joined(covering.get(one.staff_id, ()))
        if spans:
            stores = frozenset(one.store_ids) if one.store_ids is not None else None
            found.append(
                Player(one.staff_id, tuple(spans), stores, frozenset(one.work.departments),
                       one.work.capacity)
            )  # fmt: skip
    return found


def _in_stores(worker: Worker, window: Window) -> bool:
    return window.store_ids is None or any(worker.serves(one) for one in window.store_ids)


_Line = tuple[str, datetime, Mapping[str, Any]]


def _events_of(window: Window) -> dict[int, list[_Line]]:
    kinds = ["enquiry", *_TAKEN, *_TOUCHES]
    rows = db.session.execute(
        sa.select(LeadEvent.lead_id, LeadEvent.kind, LeadEvent.at, LeadEvent.data)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(window.leads(), LeadEvent.kind.in_(kinds))
        .order_by(LeadEvent.lead_id, LeadEvent.id)
    )
    found: dict[int, list[_Line]] = {}
    for lead_id, kind, at, data in rows:
        found.setdefault(lead_id, []).append((kind, at, data))
    return found


def _urgency(events: Sequence[_Line]) -> int:
    asked = next((data for kind, _at, data in events if kind == "enquiry"), {})
    return int(asked.get("urgency", Urgency.PRIORITY))


def _handling(events: Mapping[int, Sequence[_Line]]) -> tuple[Handling, bool]:
    """How long things took: minutes from taking a lead to the first word, and how often it was
    looked at again. The usual figures where too little was measured."""
    usual = Handling()
    first: list[float] = []
    touches: list[int] = []
    for lines in events.values():
        words = [at for kind, at, _data in lines if kind in _TOUCHES]
        taken = [at for kind, at, _data in lines if kind in _TAKEN]
        if words:
            touches.append(len(words) - 1)
        started = [at for at in taken if words and at <= words[0]]
        if started:
            first.append((words[0] - started[-1]).total_seconds() / 60)
    first = [one for one in first if 0 < one <= _LONGEST_MINUTES]
    if len(first) < ENOUGH:
        return usual, False
    follows = min(8, round(sum(touches) / len(touches)))
    return Handling((max(1.0, median(first)),), usual.follow, follows), True
