"""`/admin/escala/`: who works when this week, and the open hours that nobody covers."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, at, changing, done, local_path, may, staff
from admin.roster_words import day_names, hole_lines, week_rows
from admin.stock_scope import own_stores
from admin.store_forms import read_day
from core.clock import DEFAULT_ZONE, now, today
from core.db import db
from core.text import row_number
from dealership import presence
from dealership.attendants import Worker, attendants, read_workers
from dealership.business_time import schedules
from dealership.coverage import holes, without_stand_in
from dealership.hours import Schedule
from dealership.models import SpecialDayRow, Store
from dealership.presence import PAUSE_NAMES, PauseReason
from dealership.roles import Permission

HERE: Final = "/admin/escala/"
_DAY: Final = timedelta(days=1)
_HELD: Final = timedelta(hours=4)  # "available" by hand, for who has no end of a shift
_FARTHEST: Final = timedelta(days=366 * 2)


class Roster(StaffView):
    """The week of everybody who answers leads."""

    icon = "today"

    @at("/", Permission.WORK_LEADS)
    def index(self) -> str:
        """One week of the stores of who is signed in, or of one of them."""
        stores = own_stores()
        asked = row_number(request.args.get("loja", ""))
        chosen = [store for store in stores if store.id == asked] or stores
        zone = ZoneInfo(chosen[0].zone) if chosen else DEFAULT_ZONE
        days = _week(request.args.get("semana", ""), today(zone))
        start = datetime.combine(days[0], time(), tzinfo=zone)
        everybody = read_workers(start - _DAY, start + 9 * _DAY)
        workers = [one for one in everybody if any(one.serves(store.id) for store in chosen)]
        hours = schedules([store.id for store in chosen])
        found = holes(workers, hours, days)
        rows, axis = week_rows(
            sorted(workers, key=lambda one: not one.takes_leads),
            days,
            {store.id: store.name for store in stores} if len(stores) > 1 else {},
            sees_reasons=may(Permission.MANAGE_STAFF),
        )
        zones = {store_id: one.zone for store_id, one in hours.items()}
        lines = hole_lines(found, zones)
        return str(
            self.render(
                "admin/roster.html",
                rows=rows,
                axis=[minute // 60 for minute in axis],
                days=days,
                short_names=day_names("abbreviated"),
                names=day_names(),
                holidays=_holidays(chosen, days),
                bare=[(words, store_id) for words, who, store_id in lines if not who],
                covered=[(words, who, store_id) for words, who, store_id in lines if who],
                lonely=without_stand_in(workers, found),
                editable={one.staff_id for one in workers if _may_edit(one)},
                stores=stores,
                store_names={store.id: store.name for store in stores},
                chosen=chosen[0] if len(chosen) == 1 and len(stores) > 1 else None,
                has_hours=_has_hours(hours),
                today=today(zone),
                own=presence.presence_of(staff().id),
                now=now(),
                pauses=PAUSE_NAMES,
                week_path=_week_path,
            )
        )

    @at("/presenca", Permission.WORK_LEADS, methods=("POST",))
    def say(self) -> Response:
        """Available, available without an open page, or paused with a reason: for oneself."""
        me, said = staff(), request.form.get("estado", "")
        back = local_path(request.form.get("volta"), HERE)
        reasons = {reason.value: reason for reason in PauseReason}
        if said in reasons:
            with changing("roster.pause", f"staff:{me.id}", label=me.shown_name):
                presence.pause(me.id, reasons[said])
            done(_("Paused. New leads go to your colleagues until you are back."))
        elif said in {"available", "held"}:
            until = _end_of_shift(me.id) if said == "held" else None
            with changing("roster.resume", f"staff:{me.id}", label=me.shown_name):
                presence.resume(me.id, held_until=until)
            done(_("You are available for leads."))
        return redirect(back, code=303)


def _week(text: str, otherwise: date) -> list[date]:
    """Monday to Sunday around the day in the address; this week for anything else."""
    day = read_day(text)
    if day is None or abs(day - otherwise) > _FARTHEST:
        day = otherwise
    monday = day - day.weekday() * _DAY
    return [monday + n * _DAY for n in range(7)]


def _week_path(monday: date, weeks: int, store: Store | None) -> str:
    """The address of the week so many weeks from `monday`; 0 is this one."""
    asked = [f"semana={(monday + 7 * weeks * _DAY).isoformat()}"] if weeks else []
    asked += [f"loja={store.id}"] if store else []
    return f"{HERE}?{'&'.join(asked)}" if asked else HERE


def _may_edit(worker: Worker) -> bool:
    """As `oversees`, without reading every account."""
    me = staff()
    if not me.may(Permission.MANAGE_STAFF):
        return False
    if worker.staff_id == me.id or (me.role == "owner" and not me.stores):
        return True
    return worker.role != "owner" and me.covers(worker.store_ids)


def _has_hours(hours: Mapping[int, Schedule]) -> bool:
    return any(one.intervals for one in hours.values())


def _holidays(stores: Sequence[Store], days: Sequence[date]) -> dict[date, str]:
    """What days are called that are special in one of these stores."""
    rows = db.session.execute(
        sa.select(SpecialDayRow.day, SpecialDayRow.name)
        .where(SpecialDayRow.store_id.in_([store.id for store in stores]))
        .where(SpecialDayRow.day.between(days[0], days[-1]))
        .order_by(SpecialDayRow.day, SpecialDayRow.id.desc())
    )
    return {row.day: row.name or _("Special day") for row in rows}


def _end_of_shift(staff_id: int) -> datetime:
    at_work: Any = next((one for one in attendants(now()) if one.staff_id == staff_id), None)
    return (at_work and at_work.shift_ends_at) or now() + _HELD


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [Roster(name=_l("Roster"), category=groups.TEAM, url="/admin/escala", endpoint="roster")]
