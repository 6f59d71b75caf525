"""`/admin/replay/`: a past month of the desk under other rules, or with one head more or less.

Everything that is asked stands in the address: nothing is changed here, and a result can be sent
to a colleague.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import request
from flask_babel import format_date, format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from admin import groups
from admin.charts import row_chart
from admin.door import StaffView, at, staff
from admin.stock_scope import own_stores
from core.clock import DEFAULT_ZONE, today
from core.text import row_number
from dealership.roles import Permission
from leads.figures import Window
from leads.pipeline.replay import (
    EXTRA_HEAD,
    MOST,
    Change,
    ExtraHead,
    Past,
    differences,
    play_again,
    read_past,
)
from leads.pipeline.simulation import Played

MANAGE: Final = Permission.MANAGE_STAFF
MONTHS: Final = 12  # that the picker offers
ENOUGH: Final = 30  # leads in a month before a play of it says anything
_MONTH: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
MODES: Final = {
    "pull": _l("Whoever is free takes the next one"),
    "push": _l("The next one is handed out in turn"),
}
WEEKDAYS: Final = {
    "uteis": (_l("Monday to Friday"), frozenset(range(5))),
    "sabado": (_l("Saturdays"), frozenset({5})),
    "todos": (_l("Every day"), frozenset(range(7))),
}


@dataclass(frozen=True)
class Wish:
    """What the form asks for, as typed where it makes sense and empty where not."""

    mode: str = ""
    minutes: int | None = None
    without: int | None = None
    starts: int | None = None
    ends: int | None = None
    days: str = "uteis"

    @property
    def has_extra(self) -> bool:
        return self.starts is not None and self.ends is not None and self.starts < self.ends

    def change(self, past: Past) -> Change:
        """It, as the domain has it."""
        rules: dict[str, Any] = {}
        if self.mode:
            rules["mode"] = self.mode
        if self.minutes:
            for name in ("urgent", "priority"):
                late = max(self.minutes, getattr(past.rules, name).late)
                rules[name] = {"minutes": self.minutes, "late": late}
        extra = None
        if self.has_extra and self.starts is not None and self.ends is not None:
            extra = ExtraHead(WEEKDAYS[self.days][1], time(self.starts), time(self.ends))
        without = frozenset({self.without} if self.without is not None else ())
        return Change(rules, extra, without)


class Replay(StaffView):
    """What if."""

    icon = "history"

    @at("/", MANAGE)
    def index(self) -> str:
        """One month as it was and as it could have been."""
        months = _months()
        month = _month(request.args.get("mes", ""), months)
        past = read_past(_window(month))
        people = [(one.staff_id, past.names[one.staff_id]) for one in past.players]
        wish = _wish({str(staff_id) for staff_id, _name in people})
        shown: dict[str, Any] = {}
        if len(past.births) >= ENOUGH:
            change = wish.change(past)
            before = play_again(past)
            after = play_again(past, change) if change != Change() else before
            shown = _shown(past, wish, before, after)
            if request.args.get("conferir") == "1":
                shown["differences"] = len(differences(_window(month)))
        return str(
            self.render(
                "admin/replay.html",
                months=[(one.isoformat()[:7], format_date(one, "MMMM 'de' y")) for one in months],
                month=month.isoformat()[:7],
                people=people,
                wish=wish,
                modes=MODES,
                weekdays=WEEKDAYS,
                leads=len(past.births),
                enough=ENOUGH,
                most=MOST,
                past=past,
                handling=_minutes(past.handling.first[0]),
                **shown,
            )
        )


def _months() -> list[date]:
    """This month and those before it, the newest first."""
    first = today().replace(day=1)
    found = [first]
    while len(found) < MONTHS:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return found


def _month(text: str, months: Sequence[date]) -> date:
    """The month of the address; the last whole one for anything else."""
    asked = _MONTH.fullmatch(text)
    chosen = date(int(asked[1]), int(asked[2]), 1) if asked else months[1]
    return chosen if chosen in months else months[1]


def _window(month: date) -> Window:
    stores = own_stores()
    zone = ZoneInfo(stores[0].zone) if stores else DEFAULT_ZONE
    after = (month + timedelta(days=32)).replace(day=1)
    start, end = (datetime.combine(one, time(), tzinfo=zone) for one in (month, after))
    return Window(start, end, staff().store_ids)


def _wish(people: set[str]) -> Wish:
    asked = request.args
    who = asked.get("sem", "")
    mode, days = asked.get("modo", ""), asked.get("dias", "")
    return Wish(
        mode=mode if mode in MODES else "",
        minutes=_whole(asked.get("alvo", ""), 1, 600),
        without=row_number(who) if who in people else None,
        starts=_whole(asked.get("de", ""), 0, 23),
        ends=_whole(asked.get("ate", ""), 1, 23),
        days=days if days in WEEKDAYS else "uteis",
    )


def _whole(text: str, least: int, most: int) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        return None
    return int(text) if least <= int(text) <= most else None


def _shown(past: Past, wish: Wish, before: Played, after: Played) -> dict[str, Any]:
    columns = (_("As it was"), _("As it could have been"))
    return {
        "sentence": _sentence(past, wish, before, after),
        "columns": columns,
        "rows": _rows(before, after),
        "charts": _charts(columns, before, after),
        "load": _load(past, before, after),
        "real": _real(past),
    }


def _rows(before: Played, after: Played) -> list[tuple[str, str, str]]:
    def never(played: Played) -> int:
        return sum(1 for one in played.minutes.values() if one is None)

    figures: Sequence[tuple[str, Callable[[Played], str]]] = (
        (_("Half were answered within"), lambda one: _minutes(one.percentile(0.5))),
        (_("9 in 10 were answered within"), lambda one: _minutes(one.percentile(0.9))),
        (_("Answered within 5 min"), lambda one: _percent(one.within(5))),
        (_("Answered within their target"), lambda one: _percent(one.in_time / len(one.minutes))),
        (_("Told to the supervisors as late"), lambda one: str(one.escalated)),
        (_("Taken back from who did not begin"), lambda one: str(one.returned)),
        (_("Never answered"), lambda one: str(never(one))),
    )
    return [(words, told(before), told(after)) for words, told in figures]


def _charts(columns: tuple[str, str], before: Played, after: Played) -> list[tuple[str, Markup]]:
    quick, slow = _("Answered within 5 min"), _("9 in 10 were answered within, in minutes")
    plays = tuple(zip(columns, (before, after), strict=True))
    return [
        (quick, row_chart(quick, [(name, round(100 * one.within(5))) for name, one in plays], "%")),
        (slow, row_chart(slow, [(name, round(one.percentile(0.9) or 0)) for name, one in plays])),
    ]


def _load(past: Past, before: Played, after: Played) -> list[tuple[str, int, int]]:
    names: Mapping[int, str] = {**past.names, EXTRA_HEAD: _("One person more")}
    ids = sorted(before.load.keys() | after.load.keys(), key=lambda one: (one < 0, names[one]))
    return [(names[one], before.load[one], after.load[one]) for one in ids]


def _real(past: Past) -> str:
    """What the log itself says, beside which the play is to be believed or not."""
    ordered = sorted(past.answered)
    if not ordered:
        return _("The log knows of no proven answer in this month.")
    slow = ordered[max(0, -(-9 * len(ordered) // 10) - 1)]
    return ngettext(
        "By the log itself, %(num)s lead had a proven answer; 9 in 10 of those within %(slow)s.",
        "By the log itself, %(num)s leads had a proven answer; 9 in 10 of those within %(slow)s.",
        len(ordered),
        slow=_minutes(slow),
    )


def _sentence(past: Past, wish: Wish, before: Played, after: Played) -> str:
    asked = _asked(past, wish)
    was, would = _minutes(before.percentile(0.9)), _minutes(after.percentile(0.9))
    if not asked:
        return _("As it was, 9 in 10 had an answer within %(was)s. Change something.", was=was)
    changes = _(" and ").join(asked)
    if was == would:
        return _("With %(changes)s, 9 in 10 would have an answer within %(was)s, as before.",
                 changes=changes, was=was)  # fmt: skip
    return _("With %(changes)s, 9 in 10 would have an answer within %(would)s instead of %(was)s.",
             changes=changes, would=would, was=was)  # fmt: skip


def _asked(past: Past, wish: Wish) -> list[str]:
    found = []
    if wish.has_extra:
        found.append(
            _("one person more from %(starts)sh to %(ends)sh", starts=wish.starts, ends=wish.ends)
        )
    if wish.without is not None:
        found.append(_("%(name)s not there", name=past.names[wish.without]))
    if wish.mode and wish.mode != past.rules.mode:
        found.append(
            _("leads handed out in turn") if wish.mode == "push" else _("leads free to take")
        )
    if wish.minutes:
        found.append(_("a target of %(n)s min", n=wish.minutes))
    return found


def _minutes(minutes: float | None) -> str:
    if minutes is None:
        return _("no answer")
    if minutes < 1:
        return _("less than 1 min")
    if minutes < 120:
        return _("%(n)s min", n=round(minutes))
    return _("%(n)s h", n=format_decimal(round(minutes / 60, 1)))


def _percent(share: float) -> str:
    return f"{round(100 * share)}%"


def views() -> Sequence[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Replay(name=_l("What if…?"), category=groups.REPORTS, url="/admin/replay",
               endpoint="staff_replay")
    ]  # fmt: skip
