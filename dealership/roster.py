"""Who works when: weekly shifts, absences on the calendar, and what somebody's work is.

A shift that ends at or before it starts ends on the next day; two shifts on one day have a break
between them. An absence is a fact of the calendar and never a capacity of zero, which would echo
in every sum long after. A week that was changed stays where it was, with the days on which it held:
a past month is played again with the shifts of that month. Verbs flush, inside `writing()`.

DomainError
├── SettingRefused    shifts that cannot be, with a sentence per weekday ("0" to "6")
└── RosterRefused     an absence or a setting that cannot be, with the reason
"""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now, today
from core.db import Model, UtcDateTime, db, writing
from core.errors import DomainError
from dealership.editing import DEPARTMENTS, MOST_INTERVALS, SettingRefused
from dealership.hours import WEEKDAYS
from dealership.models import Store
from dealership.staff import StaffMember, lock_account

CAPACITY: Final = 60  # open weight at which somebody gets no further lead by turn
MOST_CAPACITY: Final = 1000
LONGEST_ABSENCE: Final = timedelta(days=731)  # a leave of two years has a last day too
REASON_KEPT: Final = timedelta(days=365)
_DAY_MINUTES: Final = 24 * 60
_WEEK_MINUTES: Final = 7 * _DAY_MINUTES


class RosterRefused(DomainError):
    """An absence or a setting that cannot be; the sentence says why."""


class AbsenceReason(StrEnum):
    """Why somebody is away. Which one is theirs and their supervisors' business (health: LGPD art.
    11); colleagues see that they are."""

    HOLIDAY = "holiday"
    SICK = "sick"
    TRAINING = "training"
    DAY_OFF = "day_off"
    OTHER = "other"


REASON_NAMES: Final[Mapping[AbsenceReason, str]] = {
    AbsenceReason.HOLIDAY: _l("Vacation"),
    AbsenceReason.SICK: _l("Sick leave"),
    AbsenceReason.TRAINING: _l("Training"),
    AbsenceReason.DAY_OFF: _l("Day off"),
    AbsenceReason.OTHER: _l("Other reason"),
}


class Shift(Model):
    """One stretch of work on every `weekday` (Monday is 0), in the clock of its store; without a
    store in that of the person's first one, and for all of theirs. It holds from the day
    `valid_from` (None: since ever) until before `valid_until` (None: until further notice)."""

    __tablename__ = "shift"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    store_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("store.id", ondelete="CASCADE"), index=True
    )
    weekday: Mapped[int]
    starts: Mapped[time] = mapped_column(sa.Time)
    ends: Mapped[time] = mapped_column(sa.Time)
    valid_from: Mapped[date | None] = mapped_column(sa.Date)
    valid_until: Mapped[date | None] = mapped_column(sa.Date)


class Absence(Model):
    """Away from `starts_at` until `ends_at` (that instant excluded)."""

    __tablename__ = "absence"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    reason: Mapped[str] = mapped_column(sa.String(10))
    created_by: Mapped[str] = mapped_column(sa.String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class WorkProfile(Model):
    """What somebody's work is, where it is not the usual (`WorkFacts`)."""

    __tablename__ = "work_profile"

    staff_id: Mapped[int] = mapped_column(
        sa.ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True
    )
    departments: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    capacity: Mapped[int] = mapped_column(default=CAPACITY)
    takes_leads: Mapped[bool | None]
    stand_in_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("staff.id", ondelete="SET NULL"), index=True
    )
    started_on: Mapped[date | None] = mapped_column(sa.Date)


@dataclass(frozen=True, slots=True)
class ShiftFacts:
    """One stretch of the week; see `Shift`."""

    weekday: int
    starts: time
    ends: time
    store_id: int | None = None

    @property
    def minutes(self) -> tuple[int, int]:
        """From which minute of the week to which; the end may lie in the next week."""
        day = self.weekday * _DAY_MINUTES
        start, end = _minute(self.starts), _minute(self.ends)
        return day + start, day + end + (_DAY_MINUTES if end <= start else 0)


@dataclass(frozen=True, slots=True)
class WorkFacts:
    """`departments` somebody serves (none named: all), how much open weight they carry at most,
    whether leads come to them by turn (None: as their role has it), who stands in during their
    breaks and absences, and their first day (None: nobody said; they count as experienced)."""

    departments: tuple[str, ...] = ()
    capacity: int = CAPACITY
    takes_leads: bool | None = None
    stand_in_id: int | None = None
    started_on: date | None = None


@dataclass(frozen=True, slots=True)
class ShiftWeek:
    """The week that somebody works from the day `since` (None: since ever) until before `until`
    (None: until further notice). Without shifts they work whenever their stores are open."""

    since: date | None
    until: date | None
    shifts: tuple[ShiftFacts, ...]

    def holds(self, day: date) -> bool:
        """Whether `day` is one of its days."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day < self.until
        )


# --- shifts ----------------------------------------------------------------------------------


def shifts_of(member: StaffMember, day: date | None = None) -> list[ShiftFacts]:
    """The week of `member` as it holds on `day` (today), from Monday on."""
    held = day or today()
    week = next(one for one in weeks_by_person([member.id])[member.id] if one.holds(held))
    return list(week.shifts)


def weeks_by_person(staff_ids: Collection[int] | None = None) -> dict[int, list[ShiftWeek]]:
    """Every week of these people (None: everybody who ever had shifts), the oldest first, without
    gaps. One statement."""
    statement = sa.select(Shift).order_by(Shift.weekday, Shift.starts, Shift.id)
    if staff_ids is not None:
        statement = statement.where(Shift.staff_id.in_(staff_ids))
    rows: dict[int, list[Shift]] = {one: [] for one in staff_ids or ()}
    for row in db.session.scalars(statement):
        rows.setdefault(row.staff_id, []).append(row)
    return {staff_id: _weeks(own) for staff_id, own in rows.items()}


def _weeks(rows: Sequence[Shift]) -> list[ShiftWeek]:
    """Between two days on which something changes lies one week."""
    changes = sorted(
        {day for row in rows for day in (row.valid_from, row.valid_until) if day is not None}
    )
    return [
        ShiftWeek(
            since,
            until,
            tuple(
                ShiftFacts(row.weekday, row.starts, row.ends, row.store_id)
                for row in rows
                if (row.valid_from is None or (since is not None and row.valid_from <= since))
                and (row.valid_until is None or (until is not None and until <= row.valid_until))
            ),
        )
        for since, until in itertools.pairwise([None, *changes, None])
    ]


def set_shifts(
    member: StaffMember, shifts: Iterable[ShiftFacts], *, since: date | None = None
) -> None:
    """The week of `member` from the day `since` (today) on; without shifts they work whenever their
    stores are open. What held before stays on record; the first week that somebody gets tells how
    it has been, and holds since ever. Raises SettingRefused."""
    wanted = sorted(shifts, key=lambda one: one.minutes)
    _check_shifts(member, wanted)
    lock_account(member)  # or two who save at once leave both weeks
    own = Shift.staff_id == member.id
    is_first = db.session.scalar(sa.select(sa.func.count()).where(own)) == 0
    first = since or today()
    db.session.execute(sa.delete(Shift).where(own, Shift.valid_from >= first))
    db.session.execute(
        sa.update(Shift)
        .where(own, sa.or_(Shift.valid_until.is_(None), Shift.valid_until > first))
        .values(valid_until=first)
    )
    db.session.add_all(
        Shift(
            staff_id=member.id,
            store_id=one.store_id,
            weekday=one.weekday,
            starts=one.starts,
            ends=one.ends,
            valid_from=None if is_first and since is None else first,
        )
        for one in wanted
    )
    db.session.flush()


def _check_shifts(member: StaffMember, ordered: Sequence[ShiftFacts]) -> None:
    problems: dict[str, str] = {}
    if any(one.weekday not in WEEKDAYS for one in ordered):
        raise SettingRefused({"": _("A weekday is a number from 0 (Monday) to 6 (Sunday).")})
    for day, of_day in itertools.groupby(ordered, key=lambda one: one.weekday):
        if len(list(of_day)) > MOST_INTERVALS:
            problems[str(day)] = _("At most %(n)s stretches a day.", n=MOST_INTERVALS)
    following = [(one.weekday, *one.minutes) for one in ordered]
    if following:  # Sunday night's shift runs into Monday
        weekday, start, end = following[0]
        following.append((weekday, start + _WEEK_MINUTES, end + _WEEK_MINUTES))
    for (_day, _start, end), (weekday, start, _end) in itertools.pairwise(following):
        if start < end:
            problems.setdefault(str(weekday), _("These hours overlap."))
    for one in ordered:
        if one.store_id is not None and not _is_served(member, one.store_id):
            problems.setdefault(str(one.weekday), _("Choose one of this person's stores."))
    if problems:
        raise SettingRefused(problems)


def _is_served(member: StaffMember, store_id: int) -> bool:
    return member.serves(store_id) and db.session.get(Store, store_id) is not None


def _minute(clock: time) -> int:
    return clock.hour * 60 + clock.minute


# --- absences --------------------------------------------------------------------------------


def absences_of(member: StaffMember, since: datetime) -> list[Absence]:
    """Those of `member` that are not over at `since`, the next one first."""
    return list(
        db.session.scalars(
            sa.select(Absence)
            .where(Absence.staff_id == member.id, Absence.ends_at > since)
            .order_by(Absence.starts_at, Absence.id)
        )
    )


def add_absence(
    member: StaffMember, starts_at: datetime, ends_at: datetime, reason: AbsenceReason, *, by: str
) -> Absence:
    """Put down that `member` is away. Raises RosterRefused for a time that does not end after it
    starts, is longer than two years or overlaps one that is there (a second click too)."""
    if ends_at <= starts_at:
        raise RosterRefused(_("The absence has to end after it begins."))
    if ends_at - starts_at > LONGEST_ABSENCE:
        raise RosterRefused(_("An absence is two years at most. Check the dates."))
    lock_account(member)
    overlaps = sa.select(Absence.id).where(
        Absence.staff_id == member.id, Absence.starts_at < ends_at, Absence.ends_at > starts_at
    )
    if db.session.scalar(overlaps.limit(1)) is not None:
        raise RosterRefused(_("An absence in that time is there already."))
    row = Absence(
        staff_id=member.id, starts_at=starts_at, ends_at=ends_at, reason=reason.value, created_by=by
    )
    db.session.add(row)
    db.session.flush()
    return row


def forget_absence_reasons() -> int:
    """Absences that ended 12 months ago keep when, not why: a reason can be health, and planning
    needs it no longer (LGPD art. 15 and 16; the period is our rule). Inside `writing()`; how many
    there were."""
    ended = Absence.ends_at < now() - REASON_KEPT
    old = sa.update(Absence).where(ended, Absence.reason != AbsenceReason.OTHER.value)
    result = db.session.execute(old.values(reason=AbsenceReason.OTHER.value))
    return int(getattr(result, "rowcount", 0))


def _forget_absence_reasons(_payload: dict[str, Any]) -> None:
    with writing():
        forget_absence_reasons()


JOBS = {"forget_absence_reasons": _forget_absence_reasons}


def remove_absence(absence: Absence) -> None:
    """It was a mistake, or was called off."""
    db.session.delete(absence)
    db.session.flush()


# --- what somebody's work is -----------------------------------------------------------------


def work_of(member: StaffMember) -> WorkFacts:
    """The work settings of `member`; the usual ones where nothing was set."""
    return facts_of_work(db.session.get(WorkProfile, member.id))


def first_days() -> dict[int, date]:
    """The first day at work of everybody for whom somebody typed it. One statement."""
    rows = db.session.execute(
        sa.select(WorkProfile.staff_id, WorkProfile.started_on).where(
            WorkProfile.started_on.is_not(None)
        )
    )
    return {staff_id: day for staff_id, day in rows if day is not None}


def facts_of_work(row: WorkProfile | None) -> WorkFacts:
    """`row` as it is now; the usual settings without one."""
    if row is None:
        return WorkFacts()
    return WorkFacts(
        tuple(row.departments), row.capacity, row.takes_leads, row.stand_in_id, row.started_on
    )


def set_work(member: StaffMember, facts: WorkFacts) -> None:
    """Change them. Raises RosterRefused."""
    unknown = set(facts.departments) - set(DEPARTMENTS)
    if unknown:
        raise RosterRefused(_("Choose departments from the list."))
    if not 1 <= facts.capacity <= MOST_CAPACITY:
        raise RosterRefused(
            _(
                "The limit of open leads is a number from 1 to %(most)s. Who is away has an"
                " absence, not a limit of zero.",
                most=MOST_CAPACITY,
            )
        )
    if facts.stand_in_id is not None:
        stand_in = db.session.get(StaffMember, facts.stand_in_id)
        if stand_in is None or not stand_in.active or stand_in.id == member.id:
            raise RosterRefused(_("Choose a colleague as stand-in."))
    lock_account(member)
    row = db.session.get(WorkProfile, member.id)
    if row is None:
        row = WorkProfile(staff_id=member.id)
        db.session.add(row)
    row.departments = [kind for kind in DEPARTMENTS if kind in facts.departments]
    row.capacity = facts.capacity
    row.takes_leads = facts.takes_leads
    row.stand_in_id = facts.stand_in_id
    row.started_on = facts.started_on
    db.session.flush()
