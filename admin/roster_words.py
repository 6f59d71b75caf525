"""The roster in words and bars: hours as people say them, holes, the week's grid."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import get_day_names
from flask_babel import format_decimal, get_locale
from flask_babel import gettext as _

from core.clock import now
from dealership.attendants import Worker
from dealership.coverage import Hole
from dealership.hours import WEEKDAYS, Span, spans_on
from dealership.presence import PAUSE_NAMES, PauseReason
from dealership.roles import ROLE_NAMES
from dealership.roster import REASON_NAMES, AbsenceReason
from dealership.spans import without

_DAY_MINUTES: Final = 24 * 60
_STALE: Final = timedelta(hours=12)  # a pause that nobody ended is not today's news
_AXIS: Final = (8 * 60, 18 * 60)  # minutes of the day that the bars show at least


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch on a day's axis, in hundredths of its width."""

    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One person's day: `lines` as text, `bars` to look at, `note` where the day is not as usual
    (away, holiday). `is_open_hours`: nobody gave them shifts, they follow the store."""

    lines: tuple[str, ...]
    bars: tuple[Bar, ...]
    note: str = ""
    is_open_hours: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One person's week. `state` is "", "present" or "paused"."""

    worker: Worker
    cells: tuple[Cell, ...]
    role: str
    state: str
    state_words: str
    hours: str


def day_names(width: str = "wide") -> dict[int, str]:
    """Monday (0) to Sunday as people say them; `width` "abbreviated" is short."""
    names = get_day_names(width, locale=get_locale() or "pt_BR")  # type: ignore[arg-type]
    return {day: names[day].removesuffix("-feira").rstrip(".").capitalize() for day in WEEKDAYS}


def clock_words(moment: datetime | time) -> str:
    """'12h', '13h30'."""
    return f"{moment.hour}h{moment.minute:02}" if moment.minute else f"{moment.hour}h"


def span_words(span: Span, zone: ZoneInfo) -> str:
    """'8h–12h' on the clock of `zone`."""
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    if end - start >= timedelta(days=1):
        return _("the whole day")
    return f"{clock_words(start)}–{clock_words(end)}"


def days_words(days: Sequence[int]) -> str:
    """'Segunda', 'Terça, quinta', 'Segunda a sexta' for weekdays in order."""
    names = day_names()
    if len(days) > 2 and list(days) == list(range(days[0], days[-1] + 1)):
        return _("%(first)s to %(last)s", first=names[days[0]], last=names[days[-1]].lower())
    first, *rest = (names[day] for day in days)
    return ", ".join([first, *(name.lower() for name in rest)])


def hole_lines(found: Iterable[Hole], zones: Mapping[int, ZoneInfo]) -> list[tuple[str, str, int]]:
    """What is not covered, the same hours of several days in one line: (days and hours, who stands
    in or nothing, id of the store), from Monday on."""
    grouped: dict[tuple[int, str, str], list[int]] = {}
    for hole in found:
        words = span_words(hole.span, zones[hole.store_id])
        grouped.setdefault((hole.store_id, words, hole.stand_in), []).append(hole.day.weekday())
    return [
        (f"{days_words(sorted(set(days)))} {words}", stand_in, store_id)
        for (store_id, words, stand_in), days in sorted(
            grouped.items(), key=lambda item: (item[0][0], bool(item[0][2]), item[1][0])
        )
    ]


def week_rows(
    workers: Sequence[Worker],
    days: Sequence[date],
    store_names: Mapping[int, str],
    *,
    sees_reasons: bool,
) -> tuple[list[Row], tuple[int, int]]:
    """The grid of these days and the axis of its bars (minutes of the day)."""
    axis = _axis(workers, days)
    return [_row(one, days, axis, store_names, sees_reasons) for one in workers], axis


def _row(
    worker: Worker,
    days: Sequence[date],
    axis: tuple[int, int],
    store_names: Mapping[int, str],
    sees_reasons: bool,
) -> Row:
    worked = [span for day in days for span in worker.working([day])]
    hours = sum((span.end - span.start).total_seconds() for span in worked) / 3600
    presence = worker.presence
    is_present = presence is not None and presence.is_present(now())
    is_paused = presence is not None and presence.is_paused and presence.since > now() - _STALE
    return Row(
        worker=worker,
        cells=tuple(_cell(worker, day, axis, store_names, sees_reasons) for day in days),
        role=str(ROLE_NAMES[worker.role]),
        state="paused" if is_paused else "present" if is_present else "",
        state_words=_pause_words(worker) if is_paused else _("At the desk"),
        hours=_("%(hours)s h this week", hours=format_decimal(round(hours, 1))),
    )


def _pause_words(worker: Worker) -> str:
    assert worker.presence is not None
    since = worker.presence.since.astimezone(worker.zone)
    reason = PAUSE_NAMES[PauseReason(worker.presence.pause_reason)]
    return _("%(reason)s since %(time)s", reason=reason, time=f"{since:%H:%M}")


def _cell(
    worker: Worker,
    day: date,
    axis: tuple[int, int],
    store_names: Mapping[int, str],
    sees_reasons: bool,
) -> Cell:
    stretches = _stretches(worker, day)
    return Cell(
        lines=tuple(_line(span, worker.zone, place, store_names) for span, place in stretches),
        bars=tuple(_bar(span, worker.zone, day, axis) for span, _place in stretches),
        note=_away_words(worker, day, sees_reasons),
        is_open_hours=not worker.week_on(day).roster.shifts and bool(stretches),
    )


def _stretches(worker: Worker, day: date) -> list[tuple[Span, int | None]]:
    """What begins on `day`, each with its store, where the shift has one."""
    found: list[tuple[Span, int | None]] = []
    calendars = worker.week_on(day).calendars
    for place in dict.fromkeys(one.store_id for one in calendars):
        hours = [one.hours for one in calendars if one.store_id == place]
        spans = without((span for one in hours for span in spans_on(one, day)), worker.away)
        found += [(span, place) for span in spans]
    return sorted(found, key=lambda one: one[0])


def _line(span: Span, zone: ZoneInfo, place: int | None, store_names: Mapping[int, str]) -> str:
    store = store_names.get(place, "") if place else ""
    return " ".join(filter(None, (span_words(span, zone), store)))


def _axis(workers: Sequence[Worker], days: Sequence[date]) -> tuple[int, int]:
    """From the first hour anybody begins to the last that somebody ends, whole hours."""
    sides = [
        _minutes(span, worker.zone, day)
        for worker in workers
        for day in days
        for span, _place in _stretches(worker, day)
    ]
    first = min([_AXIS[0], *(start for start, _end in sides)])
    last = max([_AXIS[1], *(end for _start, end in sides)])
    return first // 60 * 60, -(-last // 60) * 60


def _minutes(span: Span, zone: ZoneInfo, day: date) -> tuple[int, int]:
    """The minutes of `day` on the wall clock; what runs into the next one ends at midnight."""
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    first = start.hour * 60 + start.minute if start.date() == day else 0
    return first, end.hour * 60 + end.minute if end.date() == day else _DAY_MINUTES


def _bar(span: Span, zone: ZoneInfo, day: date, axis: tuple[int, int]) -> Bar:
    start, end = _minutes(span, zone, day)
    length = axis[1] - axis[0]
    return Bar(round(100 * (start - axis[0]) / length, 1), round(100 * (end - start) / length, 1))


def _away_words(worker: Worker, day: date, sees_reasons: bool) -> str:
    """Why the day is not as usual: part of an absence lies in it."""
    start = datetime.combine(day, time(), tzinfo=worker.zone)
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=worker.zone)
    for away in worker.absences:
        if away.starts_at < end and away.ends_at > start:
            return str(REASON_NAMES[AbsenceReason(away.reason)]) if sees_reasons else _("Away")
    return ""
