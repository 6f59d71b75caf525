"""`/admin/capacidade/`: leads by hour of the week, people there and needed, a week of shifts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from babel.dates import get_day_names
from flask import request
from flask_babel import format_decimal, get_locale
from flask_babel import lazy_gettext as _l

from admin import groups
from admin.door import StaffView, at, staff
from admin.stock_scope import own_stores
from core.clock import DEFAULT_ZONE, now, today
from core.db import db
from core.text import row_number
from dealership.attendants import read_workers
from dealership.models import Store
from dealership.roles import Permission
from leads.figures import Window, rhythm
from leads.models import Lead
from leads.pipeline.capacity import (
    ENOUGH_DAYS,
    ENOUGH_LEADS,
    USUAL_A_MONTH,
    WEEKS_A_MONTH,
    Aim,
    Cell,
    Plan,
    forecast,
    measured_volume,
    one_fewer,
    open_cells,
    plan,
    usual_volume,
)
from leads.pipeline.clocks import schedule_for
from leads.pipeline.replay import measured_handling, players_of
from leads.pipeline.shift_plan import MOST_A_WEEK, PlannedShift, heads_of, propose

SHARES: Final = (80, 90, 95)
MINUTES: Final = (5, 15, 30)
_DAYS: Final = 91  # of history: thirteen weeks
_DAY: Final = timedelta(days=1)
_STEPS: Final = 5  # shades
_MOST_LEADS: Final = 5_000  # a month, that the form takes
_MOST_PEOPLE: Final = 20


@dataclass(frozen=True)
class Slot:
    """One hour of the heat map."""

    leads: str
    step: int
    there: int
    needed: int


@dataclass(frozen=True)
class History:
    """What there is to plan with."""

    counts: Mapping[Cell, int]
    days: int

    @property
    def leads(self) -> int:
        return sum(self.counts.values())

    @property
    def is_enough(self) -> bool:
        return self.days >= ENOUGH_DAYS and self.leads >= ENOUGH_LEADS


class Capacity(StaffView):
    """How many people are needed when."""

    icon = "people"

    @at("/", Permission.MANAGE_STAFF)
    def index(self) -> str:
        """The plan of one store."""
        stores = own_stores()
        asked = row_number(request.args.get("loja", ""))
        store = next((one for one in stores if one.id == asked), stores[0] if stores else None)
        window = _window(store)
        history = _history(window, store)
        a_month = _number("leads", 10, _MOST_LEADS)
        cells = open_cells(schedule_for(store.id if store else None))
        aim = Aim((_choice("alvo", SHARES, 90)) / 100, _choice("minutos", MINUTES, 5))
        shown = _planned(window, store, history, a_month, cells, aim) if cells else {}
        return str(
            self.render(
                "admin/capacity.html",
                stores=stores,
                store=store,
                history=history,
                missing_days=max(0, ENOUGH_DAYS - history.days),
                missing_leads=max(0, ENOUGH_LEADS - history.leads),
                a_month=a_month,
                usual=USUAL_A_MONTH,
                aim=aim,
                shares=SHARES,
                minutes=MINUTES,
                days=get_day_names("abbreviated", locale=get_locale()),
                day_names=get_day_names(locale=get_locale()),
                **shown,
            )
        )


def _planned(
    window: Window,
    store: Store | None,
    history: History,
    a_month: int | None,
    cells: Sequence[Cell],
    aim: Aim,
) -> dict[str, Any]:
    handling, is_measured = measured_handling(window)
    if history.is_enough and a_month is None:
        volume = measured_volume(history.counts, history.days)
    else:
        volume = usual_volume(cells, a_month or USUAL_A_MONTH)
    found = plan(volume, cells, handling, aim)
    fewer = one_fewer(found, volume, handling, aim)
    people = _number("pessoas", 1, _MOST_PEOPLE)
    people = people or min(_MOST_PEOPLE, ceil(found.head_hours / MOST_A_WEEK))
    shifts = propose(found.heads, people)
    covered = heads_of(shifts)
    expected = forecast(volume, covered, cells, handling, aim)
    there = _there(store)
    now_expected = forecast(volume, there, cells, handling, aim)
    return {
        "plan": found,
        "volume_a_month": round(sum(volume.values()) * WEEKS_A_MONTH),
        "least": ceil(found.head_hours / MOST_A_WEEK),
        "fewer": round(fewer.late - found.late),
        "hours": sorted({hour for _day, hour in cells}),
        "heat": _heat(found, there),
        "people": people,
        "shifts": _by_person(shifts),
        "paid": sum(len(one.hours) for one in shifts),
        "bare": sum(1 for cell in cells if not covered[cell]),
        "expected": round(100 * expected.share),
        "expected_now": round(100 * now_expected.share),
        "is_measured": is_measured,
        "minutes_each": round(handling.first[0]),
        "follows": handling.follows,
    }


def _window(store: Store | None) -> Window:
    zone = ZoneInfo(store.zone) if store else DEFAULT_ZONE
    end = datetime.combine(today(zone), time(), tzinfo=zone)
    start = datetime.combine(today(zone) - _DAYS * _DAY, time(), tzinfo=zone)
    return Window(start, end, [store.id] if store else staff().store_ids)


def _history(window: Window, store: Store | None) -> History:
    zone = ZoneInfo(store.zone) if store else DEFAULT_ZONE
    first = db.session.scalar(sa.select(sa.func.min(Lead.created_at)).where(window.leads()))
    if first is None:
        return History({}, 0)
    since: date = first.astimezone(zone).date()
    days = (window.until.astimezone(zone).date() - since).days
    counts = rhythm(window, {store.id: zone} if store else {}).hours
    return History(counts, min(_DAYS, max(1, days)))


def _there(store: Store | None) -> Counter[Cell]:
    """How many people the roster of this week has in each hour."""
    zone = ZoneInfo(store.zone) if store else DEFAULT_ZONE
    monday = today(zone) - today(zone).weekday() * _DAY
    days = [monday + n * _DAY for n in range(7)]
    workers = read_workers(now() - 7 * _DAY, now() + 7 * _DAY)
    serving = [one for one in workers if store is None or one.serves(store.id)]
    found: Counter[Cell] = Counter()
    for player in players_of(serving, days):
        for day in days:
            for hour in range(24):
                middle = datetime.combine(day, time(hour, 30), tzinfo=zone)
                if any(span.start <= middle < span.end for span in player.spans):
                    found[day.weekday(), hour] += 1
    return found


def _heat(found: Plan, there: Mapping[Cell, int]) -> dict[Cell, Slot]:
    # What waited at the opening is work of that hour, too.
    leads = {one.cell: one.leads + one.backlog for one in found.hours}
    most = max(leads.values(), default=0.0)
    return {
        one.cell: Slot(
            leads=format_decimal(round(leads[one.cell], 1)),
            step=ceil(_STEPS * leads[one.cell] / most) if most else 0,
            there=there.get(one.cell, 0),
            needed=one.heads,
        )
        for one in found.hours
    }


def _by_person(shifts: Sequence[PlannedShift]) -> dict[int, dict[int, PlannedShift]]:
    found: dict[int, dict[int, PlannedShift]] = {}
    for one in shifts:
        found.setdefault(one.person, {})[one.weekday] = one
    return found


def _number(name: str, least: int, most: int) -> int | None:
    text = request.args.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        return None
    return min(most, max(least, int(text)))


def _choice(name: str, offered: Sequence[int], usual: int) -> int:
    text = request.args.get(name, "")
    return int(text) if text in {str(one) for one in offered} else usual


def views() -> Sequence[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Capacity(name=_l("Capacity"), category=groups.REPORTS, url="/admin/capacidade",
                 endpoint="staff_capacity")
    ]  # fmt: skip
