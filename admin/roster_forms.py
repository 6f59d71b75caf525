"""What is typed about one person's work: the week's shifts, an absence, the settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from admin.store_forms import COPY_TO, read_day, read_time
from core.clock import today
from core.text import row_number
from dealership.editing import MOST_INTERVALS, SettingRefused
from dealership.hours import WEEKDAYS
from dealership.roster import AbsenceReason, RosterRefused, ShiftFacts, WorkFacts

ONE_DAY: Final = timedelta(days=1)
FARTHEST: Final = timedelta(days=366)
# What the form calls "as the role has it", "yes" and "no".
TURNS: Final[Mapping[str, bool | None]] = {"": None, "sim": True, "nao": False}


@dataclass(frozen=True, slots=True)
class TypedShift:
    """One stretch as it was typed; `loja` is a store's id, or empty for all."""

    comeca: str = ""
    termina: str = ""
    loja: str = ""


TypedShifts = dict[int, list[TypedShift]]


def typed_shifts(sent: MultiDict[str, str]) -> TypedShifts:
    """Stretches by weekday, without the empty ones."""
    week: TypedShifts = {}
    for day in WEEKDAYS:
        starts, ends = sent.getlist(f"comeca-{day}"), sent.getlist(f"termina-{day}")
        places = sent.getlist(f"loja-{day}")
        places += [""] * (len(starts) - len(places))
        week[day] = [
            TypedShift(start.strip()[:8], end.strip()[:8], place.strip()[:9])
            for start, end, place in zip(starts, ends, places, strict=False)
            if start.strip() or end.strip()
        ][: MOST_INTERVALS + 1]
    return week


def shown_shifts(shifts: Sequence[ShiftFacts]) -> TypedShifts:
    """Kept shifts as the form shows them."""
    week: TypedShifts = {day: [] for day in WEEKDAYS}
    for one in shifts:
        place = str(one.store_id or "")
        week[one.weekday].append(TypedShift(f"{one.starts:%H:%M}", f"{one.ends:%H:%M}", place))
    return week


def copied(week: TypedShifts, asked: str) -> TypedShifts:
    """`week` with one day's shifts on other days too; `asked` is "0-uteis" or "0-todos"."""
    number, _dash, to = asked.partition("-")
    if number not in {str(day) for day in WEEKDAYS} or to not in COPY_TO:
        return week
    return {**week, **{day: list(week[int(number)]) for day in COPY_TO[to]}}


def read_shifts(week: TypedShifts) -> list[ShiftFacts]:
    """`week` as shifts. Raises SettingRefused with a sentence per weekday."""
    problems: dict[str, str] = {}
    found: list[ShiftFacts] = []
    for day, typed in week.items():
        for one in typed:
            starts, ends = read_time(one.comeca), read_time(one.termina)
            if starts is None or ends is None:
                problems[str(day)] = _(
                    "Type both times, like 08:00 and 18:00, or leave both empty."
                )
            else:
                # A store that is none stays one that is refused: 0 has no row.
                place = (row_number(one.loja) or 0) if one.loja else None
                found.append(ShiftFacts(day, starts, ends, place))
    if problems:
        raise SettingRefused(problems)
    return found


def read_since(text: str) -> date:
    """From which day a week holds: today when nothing is said. Raises SettingRefused for what is no
    date, or one more than a year away."""
    if not text.strip():
        return today()
    day = read_day(text)
    if day is None or abs(day - today()) > FARTHEST:
        raise SettingRefused({"": _("From which day? Type a date within a year of today.")})
    return day


def read_absence(
    sent: Mapping[str, str], zone: ZoneInfo
) -> tuple[datetime, datetime, AbsenceReason]:
    """From when until when (aware) and why. Without times the days are whole ones, the last one
    included. Raises RosterRefused."""
    first = read_day(sent.get("de", ""))
    last = read_day(sent["ate"]) if sent.get("ate", "").strip() else first
    if first is None or last is None:
        raise RosterRefused(_("Type the first and the last day, like 25/12/2026."))
    if not (2000 <= first.year <= 2100 and 2000 <= last.year <= 2100):
        raise RosterRefused(_("Check the year of the dates."))
    try:
        reason = AbsenceReason(sent.get("motivo", ""))
    except ValueError:
        raise RosterRefused(_("Choose a reason.")) from None
    starts = datetime.combine(first, _time(sent.get("das", "")) or time(), tzinfo=zone)
    until = _time(sent.get("as", ""))
    if until is None:
        return starts, datetime.combine(last + ONE_DAY, time(), tzinfo=zone), reason
    return starts, datetime.combine(last, until, tzinfo=zone), reason


def _time(text: str) -> time | None:
    """None for no time at all. Raises RosterRefused for what is none."""
    if not text.strip():
        return None
    found = read_time(text)
    if found is None:
        raise RosterRefused(_("Type a time like 14:30, or leave it empty for the whole day."))
    return found


def read_work(sent: MultiDict[str, str]) -> WorkFacts:
    """The settings. Raises RosterRefused where a number or a choice is none."""
    turn, stand_in = sent.get("rodizio", ""), sent.get("cobertura", "")
    if turn not in TURNS or (stand_in and row_number(stand_in) is None):
        raise RosterRefused(_("Choose from the list."))
    return WorkFacts(
        departments=tuple(sent.getlist("departamento")),
        capacity=row_number(sent.get("limite", "").strip()) or 0,
        takes_leads=TURNS[turn],
        stand_in_id=row_number(stand_in) if stand_in else None,
        started_on=_first_day(sent.get("inicio", "")),
    )


def _first_day(text: str) -> date | None:
    day = read_day(text) if text.strip() else None
    if text.strip() and (day is None or not 1950 <= day.year <= 2100):
        raise RosterRefused(_("Type a date, like 25/12/2026."))
    return day
