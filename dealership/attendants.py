"""Who can be given a lead at a moment: what the assignment asks of roster and presence.

Everything is read in six statements, however many people there are; what follows from it is pure.

* Who has no shift works whenever a store is open (`dealership.work_calendar`).
* Leads come by turn to attendants; where there is no attendant, to everybody who may work leads;
  a work profile can say otherwise for one person.
* A stand-in takes over while whoever named them has a break or is away, if the stand-in works then.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core.db import db
from dealership.business_time import schedules
from dealership.hours import Schedule, Span, spans_on
from dealership.presence import Presence, PresenceFacts, facts_of
from dealership.roles import Permission, Role, allows
from dealership.roster import (
    Absence,
    ShiftWeek,
    WorkFacts,
    WorkProfile,
    facts_of_work,
    weeks_by_person,
)
from dealership.spans import joined, shared, without
from dealership.staff import StaffMember, staff_store
from dealership.work_calendar import Calendar, work_calendars

_DAY: Final = timedelta(days=1)
_STORE_HOURS: Final = ShiftWeek(None, None, ())
_ROLES: Final = tuple(role.value for role in Role if allows(role, Permission.WORK_LEADS))


@dataclass(frozen=True, slots=True)
class Away:
    """One absence; `reason` is not for colleagues."""

    id: int
    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Week:
    """What somebody works while `roster` holds: when any of `calendars` (one at least) is open,
    absences aside."""

    roster: ShiftWeek
    calendars: tuple[Calendar, ...]


@dataclass(frozen=True, slots=True)
class Worker:
    """One person who may work leads, with all that the roster holds on them. `store_ids` None
    means all stores; `weeks` are those of every day there was and will be, one at least."""

    staff_id: int
    email: str
    name: str
    role: Role
    store_ids: tuple[int, ...] | None
    work: WorkFacts
    takes_leads: bool
    weeks: tuple[Week, ...]
    absences: tuple[Away, ...]
    presence: PresenceFacts | None

    def serves(self, store_id: int | None) -> bool:
        """Whether leads of that store are this person's business; of no store, everybody's."""
        return store_id is None or self.store_ids is None or store_id in self.store_ids

    def week_on(self, day: date) -> Week:
        """The week that holds on that day."""
        return next(one for one in self.weeks if one.roster.holds(day))

    def rostered(self, days: Iterable[date], store_id: int | None = None) -> list[Span]:
        """When the roster has this person at work on these local days (for that store), absences
        not minded."""
        return joined(
            span
            for day in days
            for one in self.week_on(day).calendars
            if store_id is None or one.store_id is None or one.store_id == store_id
            for span in spans_on(one.hours, day)
        )

    def working(self, days: Iterable[date], store_id: int | None = None) -> list[Span]:
        """When they do work."""
        return without(self.rostered(days, store_id), self.away)

    @property
    def zone(self) -> ZoneInfo:
        return self.weeks[0].calendars[0].hours.zone

    @property
    def away(self) -> list[Span]:
        return [Span(one.starts_at, one.ends_at) for one in self.absences]

    def relieved(self, days: Iterable[date]) -> list[Span]:
        """When somebody has to stand in for them: between two stretches of one day's shifts, and
        while they are away from a shift. Who has no shifts has no breaks either."""
        breaks: list[Span] = []
        listed = list(days)
        for day in listed:
            if self.week_on(day).roster.shifts:
                spans = self.rostered([day])
                breaks += [Span(one.end, two.start) for one, two in pairwise(spans)]
        return joined([*breaks, *shared(self.rostered(listed), self.away)])


@dataclass(frozen=True, slots=True)
class Attendant:
    """One person as the assignment sees them at a moment.

    `store_ids` None means all of them; a shift in one store leaves that store only. `departments`
    empty means all. `shift_ends_at` (UTC) is the end of the present stretch, lunch included; None
    off shift and where it does not end within a day. `stands_in_for` are the ids of those whose
    break or absence this person covers now.
    """

    staff_id: int
    email: str
    name: str
    role: Role
    store_ids: tuple[int, ...] | None
    departments: tuple[str, ...]
    capacity: int
    takes_leads: bool
    is_on_shift: bool
    is_absent: bool
    is_present: bool
    is_paused: bool
    pause_reason: str
    shift_ends_at: datetime | None
    stand_in_id: int | None
    stands_in_for: tuple[int, ...]

    @property
    def is_ready(self) -> bool:
        """Whether a lead may come to them by turn now, load and skill aside."""
        has_turn = self.takes_leads or bool(self.stands_in_for)
        return has_turn and self.is_on_shift and self.is_present and not self.is_paused

    def serves(self, store_id: int | None, department: str = "") -> bool:
        """Whether they answer for that store (None: any) and department (empty: any)."""
        in_store = store_id is None or self.store_ids is None or store_id in self.store_ids
        has_skill = not department or not self.departments or department in self.departments
        return in_store and has_skill


def attendants(at: datetime, store_ids: Collection[int] | None = None) -> list[Attendant]:
    """Everybody who may work leads, on shift or not, as they are at the instant `at` (aware), by
    name; with `store_ids` those who serve one of them. Presence is that of now."""
    return attendants_of(read_workers(at, at + _DAY), at, store_ids)


def on_shift(at: datetime, store_ids: Collection[int] | None = None) -> list[Attendant]:
    """Those of `attendants` who are on shift at `at`."""
    return [one for one in attendants(at, store_ids) if one.is_on_shift]


def attendants_of(
    workers: Sequence[Worker], at: datetime, store_ids: Collection[int] | None = None
) -> list[Attendant]:
    """`attendants` from workers that were read before: pure, for replays and plans."""
    relieved = {
        one.staff_id: one.work.stand_in_id
        for one in workers
        if one.takes_leads and one.work.stand_in_id and _covers(one.relieved(_days(one, at)), at)
    }
    found = [_attendant(worker, at, relieved) for worker in workers]
    if store_ids is None:
        return found
    wanted = set(store_ids)
    return [one for one in found if one.store_ids is None or wanted & set(one.store_ids)]


def _attendant(worker: Worker, at: datetime, relieved: Mapping[int, int | None]) -> Attendant:
    spans = worker.working(_days(worker, at))
    span = next((one for one in spans if one.start <= at < one.end), None)
    presence = worker.presence
    is_paused = presence is not None and presence.is_paused
    stands_in_for = tuple(
        who for who, stand_in in sorted(relieved.items()) if stand_in == worker.staff_id and span
    )
    return Attendant(
        staff_id=worker.staff_id,
        email=worker.email,
        name=worker.name,
        role=worker.role,
        store_ids=_stores_at(worker, at),
        departments=worker.work.departments,
        capacity=worker.work.capacity,
        takes_leads=worker.takes_leads,
        is_on_shift=span is not None,
        is_absent=_covers(worker.away, at),
        is_present=presence is not None and presence.is_present(at),
        is_paused=is_paused,
        pause_reason=presence.pause_reason if presence and is_paused else "",
        shift_ends_at=span.end if span and span.end - at <= _DAY else None,
        stand_in_id=worker.work.stand_in_id,
        stands_in_for=stands_in_for,
    )


def _stores_at(worker: Worker, at: datetime) -> tuple[int, ...] | None:
    """The stores of the shifts that run at `at`; those of the person without one."""
    running = {
        store_id
        for day in _days(worker, at)
        for store_id, hours in worker.week_on(day).calendars
        if _covers(spans_on(hours, day), at)
    }
    if not running or None in running:
        return worker.store_ids
    return tuple(sorted(store_id for store_id in running if store_id is not None))


def _covers(spans: Iterable[Span], at: datetime) -> bool:
    return any(span.start <= at < span.end for span in spans)


def _days(worker: Worker, at: datetime) -> list[date]:
    """Yesterday (its night may run into today), today and tomorrow, where the person works."""
    today = at.astimezone(worker.zone).date()
    return [today - _DAY, today, today + _DAY]


# --- reading ---------------------------------------------------------------------------------


def read_workers(since: datetime, until: datetime) -> list[Worker]:
    """Everybody with an open account who may work leads, by name, with the absences that touch the
    time from `since` to `until`. Six statements."""
    calendars = schedules()
    members = db.session.execute(
        sa.select(
            StaffMember.id,
            StaffMember.email,
            StaffMember.name,
            StaffMember.role,
            WorkProfile,
            Presence,
        )
        .outerjoin(WorkProfile, WorkProfile.staff_id == StaffMember.id)
        .outerjoin(Presence, Presence.staff_id == StaffMember.id)
        .where(StaffMember.active, StaffMember.role.in_(_ROLES))
        .order_by(sa.func.lower(StaffMember.name), StaffMember.id)
        .execution_options(populate_existing=True)
    ).all()
    stores, weeks, absences = _stores_by_person(), weeks_by_person(), _absences(since, until)
    has_attendants = any(row.role == Role.ATTENDANT for row in members)
    return [
        _worker(
            row,
            store_ids=stores.get(row.id),
            weeks=weeks.get(row.id, [_STORE_HOURS]),
            absences=tuple(absences.get(row.id, ())),
            calendars=calendars,
            takes_leads=row.role == Role.ATTENDANT or not has_attendants,
        )
        for row in members
    ]


def _worker(
    row: Any,
    *,
    store_ids: tuple[int, ...] | None,
    weeks: Sequence[ShiftWeek],
    absences: tuple[Away, ...],
    calendars: Mapping[int, Schedule],
    takes_leads: bool,
) -> Worker:
    work = facts_of_work(row.WorkProfile)
    own = {
        store_id: hours
        for store_id, hours in calendars.items()
        if store_ids is None or store_id in store_ids
    }
    return Worker(
        staff_id=row.id,
        email=row.email,
        name=row.name or row.email.partition("@")[0],
        role=Role(row.role),
        store_ids=store_ids,
        work=work,
        takes_leads=takes_leads if work.takes_leads is None else work.takes_leads,
        weeks=tuple(Week(one, work_calendars(one.shifts, own)) for one in weeks),
        absences=absences,
        presence=facts_of(row.Presence) if row.Presence else None,
    )


def _stores_by_person() -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    rows = db.session.execute(
        sa.select(staff_store.c.staff_id, staff_store.c.store_id).order_by(*staff_store.c)
    )
    for staff_id, store_id in rows:
        found[staff_id] = (*found.get(staff_id, ()), store_id)
    return found


def _absences(since: datetime, until: datetime) -> dict[int, list[Away]]:
    found: dict[int, list[Away]] = {}
    rows = db.session.scalars(
        sa.select(Absence)
        .where(Absence.ends_at > since, Absence.starts_at <= until)
        .order_by(Absence.starts_at, Absence.id)
    )
    for row in rows:
        away = Away(row.id, row.starts_at, row.ends_at, row.reason)
        found.setdefault(row.staff_id, []).append(away)
    return found
