"""`/admin/agenda/`: who comes to the stores on a day or in a week, and what came of it.

For the phone at the reception as for the desk: one tap says that somebody confirmed, came, or did
not come. Everything stands in the lead's own log.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import abort, redirect, request
from flask_babel import format_date, format_datetime
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.wrappers import Response

from admin import groups
from admin.agenda_rows import STANDINGS, Row, agenda_rows
from admin.desk.live import desk_version
from admin.desk.repeats import repeated
from admin.door import StaffView, answer, at, done, found, local_path, staff
from admin.stock_scope import own_stores
from core.clock import DEFAULT_ZONE, today
from core.db import db, writing
from core.errors import DomainError
from core.text import row_number
from dealership.identity import identity
from dealership.models import Store
from dealership.roles import Permission
from dealership.staff import StaffMember
from leads import agenda
from leads.agenda import ShowRate
from leads.appointments import (
    SlotTaken,
    read_slot,
    reschedule,
    slots,
)
from leads.check_in import is_today, visit_of
from leads.models import Appointment, Lead
from leads.notifications import kind_label
from leads.pipeline.log import record

HERE: Final = "/admin/agenda/"
TAPPED: Final = "tapped"
_DAY: Final = timedelta(days=1)
_FARTHEST: Final = 366


@dataclass(frozen=True)
class DayRows:
    """One day's visits."""

    day: date
    title: str
    is_today: bool
    rows: Sequence[Row]


@dataclass(frozen=True)
class Wanted:
    """What the address asks for."""

    day: date
    is_week: bool
    store: Store | None
    person: StaffMember | None

    @property
    def first(self) -> date:
        return self.day - timedelta(days=self.day.weekday()) if self.is_week else self.day

    @property
    def days(self) -> int:
        return 7 if self.is_week else 1

    def path(self, **changed: str) -> str:
        """The address of this with some of it changed."""
        pairs = {
            "dia": self.day.isoformat(),
            "ver": "semana" if self.is_week else "",
            "loja": self.store.slug if self.store else "",
            "pessoa": str(self.person.id) if self.person else "",
            **changed,
        }
        return f"{HERE}?{urlencode({name: value for name, value in pairs.items() if value})}"


class Agenda(StaffView):
    """The agenda of the stores."""

    icon = "clock"

    @at("/", Permission.WORK_LEADS)
    def index(self) -> str:
        """A day, or the week that it is in."""
        return self._page()

    def _page(self, refusal: str = "") -> str:
        stores = own_stores()
        people = _people()
        wanted = _wanted(stores, people)
        zone = _zone(stores)
        days = _days(wanted, stores, zone, people)
        rates = agenda.show_rates(_ids(wanted, stores))
        all_rows = [row for day in days for row in day.rows]
        return str(
            self.render(
                "admin/agenda.html",
                version=desk_version(),
                wanted=wanted,
                days=days,
                counts=[
                    (str(words), count)
                    for standing, words in STANDINGS.items()
                    if (count := sum(1 for row in all_rows if row.standing is standing))
                ],
                title=_title(wanted),
                before=wanted.path(dia=(wanted.first - wanted.days * _DAY).isoformat()),
                after=wanted.path(dia=(wanted.first + wanted.days * _DAY).isoformat()),
                today=wanted.path(dia=today(zone).isoformat()),
                is_now=wanted.first <= today(zone) < wanted.first + wanted.days * _DAY,
                stores=stores,
                people=people,
                show=agenda.total(list(rates.values())),
                per_store=_per_store(stores, rates),
                counted_days=agenda.COUNTED_DAYS,
                refusal=refusal,
                here=wanted.path(),
            )
        )

    @at("/<int:visit_id>/confirmou", Permission.WORK_LEADS, methods=("POST",))
    def confirm(self, visit_id: int) -> Response:
        """They said that they come."""
        return self._mark(visit_id, agenda.confirm, _("Confirmed."))

    @at("/<int:visit_id>/chegou", Permission.WORK_LEADS, methods=("POST",))
    def arrive(self, visit_id: int) -> Response:
        """They are in the store."""
        return self._mark(visit_id, agenda.arrive, _("Noted. Whoever has the lead sees it now."))

    @at("/<int:visit_id>/faltou", Permission.WORK_LEADS, methods=("POST",))
    def miss(self, visit_id: int) -> Response:
        """They did not come."""
        words = _("Noted: they did not come. Call within half an hour.")
        return self._mark(visit_id, agenda.miss, words)

    def _mark(self, visit_id: int, act: Callable[..., bool], words: str) -> Response:
        _own_visit(visit_id)
        back = local_path(request.form.get("volta"), HERE)
        try:
            with writing():
                is_news = act(db.session.get_one(Appointment, visit_id), by=staff().email)
        except DomainError as error:
            return answer(error, back)
        done(words if is_news else _("That was noted already."))
        return redirect(back, code=303)

    @at("/<int:visit_id>/toque", Permission.WORK_LEADS, methods=("POST",))
    def tap(self, visit_id: int) -> tuple[str, int]:
        """The button that opens WhatsApp with the reminder was used: it stands in the log."""
        visit = _own_visit(visit_id)
        lead = db.session.get(Lead, visit.lead_id) if visit.lead_id else None
        if lead is None:
            abort(404)
        by = staff().email
        with writing():
            if not repeated(lead, TAPPED, by, {"channel": "whatsapp"}):
                record(lead, TAPPED, by, channel="whatsapp", appointment_id=visit_id)
        return "", 204

    @at("/<int:visit_id>/remarcar", Permission.WORK_LEADS)
    def move_page(self, visit_id: int) -> str:
        """Other times for one visit."""
        return self._move_page(_own_visit(visit_id))

    def _move_page(self, visit: Appointment, refusal: str = "") -> str:
        store = next((one for one in identity().stores if one.id == visit.store_id), None)
        lead = db.session.get(Lead, visit.lead_id) if visit.lead_id else None
        zone = store.zone if store else DEFAULT_ZONE
        return str(
            self.render(
                "admin/agenda_move.html",
                visit=visit,
                who=(lead.person.name if lead else "") or _("Somebody"),
                kind=kind_label(visit.kind),
                when=format_datetime(
                    visit.starts_at.astimezone(zone), "EEEE, dd/MM, HH:mm", rebase=False
                ),
                days=slots(store, visit.kind) if store else [],
                refusal=refusal,
                back=local_path(request.values.get("volta"), HERE),
            )
        )

    @at("/<int:visit_id>/remarcar", Permission.WORK_LEADS, methods=("POST",))
    def move(self, visit_id: int) -> Response | tuple[str, int]:
        """Move it; 422 with other times when that one is taken."""
        visit = _own_visit(visit_id)
        starts_at = read_slot(request.form.get("horario", ""))
        try:
            if starts_at is None:
                raise SlotTaken(_("Choose a time."), ())
            with writing():
                reschedule(db.session.get_one(Appointment, visit_id), starts_at, by=staff().email)
        except DomainError as error:
            return self._move_page(db.session.get_one(Appointment, visit.id), str(error)), 422
        done(_("Moved. Tell them the new time."))
        return redirect(local_path(request.form.get("volta"), HERE), code=303)

    @at("/codigo", Permission.WORK_LEADS, methods=("POST",))
    def by_code(self) -> Response | tuple[str, int]:
        """The code that a buyer shows, typed: they are here."""
        visit = visit_of(request.form.get("codigo", "")[:40])
        if visit is None or not staff().serves(visit.store_id):
            return self._page(_("No visit has this code. Look for the name below.")), 422
        if not is_today(visit):
            return self._page(_("This code is for another day.")), 422
        return self._mark(visit.id, agenda.arrive, _("Noted. Whoever has the lead sees it now."))


def _own_visit(visit_id: int) -> Appointment:
    """The visit, in a store of who is signed in; 404 otherwise."""
    visit = db.session.get(Appointment, visit_id)
    checked: Appointment = found(visit, visit.store_id if visit else None)
    return checked


def _people() -> list[StaffMember]:
    """Whose visits can be asked for: colleagues of the same stores who work leads."""
    rows = db.session.scalars(
        select(StaffMember).where(StaffMember.active).order_by(StaffMember.name, StaffMember.id)
    ).unique()
    mine = staff().store_ids
    return [
        one
        for one in rows
        if one.may(Permission.WORK_LEADS)
        and (mine is None or one.store_ids is None or set(mine) & set(one.store_ids))
    ]


def _wanted(stores: Sequence[Store], people: Sequence[StaffMember]) -> Wanted:
    args = request.args
    this_day = today(_zone(stores))
    try:
        day = date.fromisoformat(args.get("dia", ""))
    except ValueError:
        day = this_day
    if abs((day - this_day).days) > _FARTHEST:
        day = this_day
    person_id = staff().id if args.get("pessoa") == "eu" else row_number(args.get("pessoa", ""))
    return Wanted(
        day=day,
        is_week=args.get("ver") == "semana",
        store=next((one for one in stores if one.slug == args.get("loja")), None),
        person=next((one for one in people if one.id == person_id), None),
    )


def _zone(stores: Sequence[Store]) -> ZoneInfo:
    return ZoneInfo(stores[0].zone) if stores else DEFAULT_ZONE


def _ids(wanted: Wanted, stores: Sequence[Store]) -> list[int] | None:
    if wanted.store is not None:
        return [wanted.store.id]
    return None if staff().store_ids is None else [one.id for one in stores]


def _days(
    wanted: Wanted, stores: Sequence[Store], zone: ZoneInfo, people: Sequence[StaffMember]
) -> list[DayRows]:
    """The days asked for, each with its visits, in a fixed number of statements."""
    since = datetime.combine(wanted.first, time(), tzinfo=zone)
    until = datetime.combine(wanted.first + wanted.days * _DAY, time(), tzinfo=zone)
    visits = agenda.visits(
        since,
        until,
        store_ids=_ids(wanted, stores),
        staff_id=wanted.person.id if wanted.person else None,
    )
    rows = agenda_rows(visits, stores, people)
    this_day = today(zone)
    found_days = []
    for offset in range(wanted.days):
        day = wanted.first + offset * _DAY
        mine = [row for row in rows if row.visit.starts_at.astimezone(zone).date() == day]
        words = format_date(day, "EEEE, d 'de' MMMM").replace("-feira", "")
        found_days.append(DayRows(day, words[:1].upper() + words[1:], day == this_day, mine))
    return found_days


def _title(wanted: Wanted) -> str:
    if not wanted.is_week:
        words = format_date(wanted.day, "EEEE, d 'de' MMMM").replace("-feira", "")
        return words[:1].upper() + words[1:]
    last = wanted.first + 6 * _DAY
    return _(
        "%(first)s to %(last)s",
        first=format_date(wanted.first, "d/MM"),
        last=format_date(last, "d/MM/yyyy"),
    )


def _per_store(
    stores: Sequence[Store], rates: Mapping[int, ShowRate]
) -> list[tuple[str, ShowRate]]:
    found_rates = [(one.name, rates[one.id]) for one in stores if one.id in rates]
    return found_rates if len(found_rates) > 1 else []


def views() -> Sequence[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Agenda(
            name=_l("Agenda"), category=groups.LEADS, url="/admin/agenda", endpoint="staff_agenda"
        )
    ]
