"""The demo's roster: shifts with lunch, a stand-in, somebody about to go on vacation, and open
hours that nobody covers, so that the screen has something to say."""

from datetime import datetime, time, timedelta
from typing import Final

import sqlalchemy as sa

from core.clock import DEFAULT_ZONE, now, today
from core.db import db, writing
from dealership.presence import PauseReason, Presence, pause, resume
from dealership.roster import (
    Absence,
    AbsenceReason,
    Shift,
    ShiftFacts,
    WorkFacts,
    add_absence,
    set_shifts,
    set_work,
)
from dealership.staff import StaffMember, find_staff

BY: Final = "gerente@demo.example"
_WEEKDAYS: Final = range(5)
_SATURDAY: Final = 5
_HELD: Final = timedelta(hours=12)  # the demo's people stay at the desk without an open page
Hours = tuple[str, str]
# Without the owner, who works while the stores are open.
WEEKS: Final[dict[str, tuple[tuple[Hours, ...], tuple[Hours, ...]]]] = {
    "atendente@demo.example": ((("08:00", "12:00"), ("13:00", "18:30")), (("09:00", "13:00"),)),
    "atendente2@demo.example": ((("09:30", "13:30"), ("14:30", "19:00")), (("09:00", "14:00"),)),
    "atendente3@demo.example": ((("08:00", "12:30"), ("13:30", "17:00")), ()),
    "gerente@demo.example": ((("08:30", "13:30"), ("14:30", "18:30")), ()),
    "vendedor@demo.example": ((("08:30", "11:30"), ("12:30", "18:30")), (("09:00", "17:00"),)),
}
STANDS_IN: Final = {"atendente@demo.example": "gerente@demo.example"}
PAUSED: Final = "vendedor@demo.example"
AWAY: Final = "vendedor@demo.example"
_AWAY_IN_DAYS, _AWAY_DAYS = 10, 10


def fill_roster() -> None:
    """Shifts, stand-in, absence and presence of the demo's people who have none yet; of whoever is
    not there, nothing. A door of its own: call it outside `writing()`, after `hire_staff`."""
    with writing():
        for email, (weekday_hours, saturday_hours) in WEEKS.items():
            member = find_staff(email)
            if member is not None and not _has(Shift, member):
                set_shifts(member, _week(weekday_hours, saturday_hours))
                _name_stand_in(member)
                _seat(member)
        away = find_staff(AWAY)
        if away is not None and not _has(Absence, away):
            day = today() + timedelta(days=_AWAY_IN_DAYS)
            start = datetime.combine(day, time(), tzinfo=DEFAULT_ZONE)
            end = start + timedelta(days=_AWAY_DAYS)
            add_absence(away, start, end, AbsenceReason.HOLIDAY, by=BY)


def _week(weekday_hours: tuple[Hours, ...], saturday_hours: tuple[Hours, ...]) -> list[ShiftFacts]:
    days = [*((day, weekday_hours) for day in _WEEKDAYS), (_SATURDAY, saturday_hours)]
    return [
        ShiftFacts(day, time.fromisoformat(starts), time.fromisoformat(ends))
        for day, hours in days
        for starts, ends in hours
    ]


def _name_stand_in(member: StaffMember) -> None:
    stand_in = find_staff(STANDS_IN.get(member.email, ""))
    if stand_in is not None:
        set_work(member, WorkFacts(stand_in_id=stand_in.id))


def _seat(member: StaffMember) -> None:
    if member.email == PAUSED:
        pause(member.id, PauseReason.CUSTOMER)
    elif not _has(Presence, member):
        resume(member.id, held_until=now() + _HELD)


def _has(table: type[Shift] | type[Absence] | type[Presence], member: StaffMember) -> bool:
    return bool(db.session.scalar(sa.select(sa.exists().where(table.staff_id == member.id))))
