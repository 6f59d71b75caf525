"""`/admin/`: what needs doing now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import abort, redirect
from flask_admin import AdminIndexView
from flask_babel import format_date, format_datetime
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin.door import StaffView, answer, at, changing, done, may, staff
from admin.stock_rows import car_name
from admin.stock_scope import own_stores
from admin.todo import todo_list, waiting_words
from admin.todo_lists import LISTS
from core.clock import DEFAULT_ZONE, now, today
from core.db import db
from core.errors import DomainError
from dealership.models import Dealership, Store
from dealership.roles import Permission
from dealership.staff import StaffMember
from inventory.attention import NAMED
from inventory.models import Vehicle
from jobs import queue
from landing.models import LandingPage
from leads.agenda import standing_of
from leads.inbox import todays
from leads.models import Appointment, Lead, Person
from leads.notifications import kind_label

MOST_VISITS: Final = 12
MOST_ROWS: Final = 50


@dataclass(frozen=True)
class Expected:
    """Somebody who comes today."""

    time: str
    what: str
    who: str
    car: str
    store: str
    path: str
    standing: str = ""  # of leads.agenda.Standing


@dataclass(frozen=True)
class Step:
    """One of the first things that a new installation needs."""

    words: str
    path: str
    is_done: bool


class Home(StaffView, AdminIndexView):  # type: ignore[misc]
    """The first page after signing in: a to-do list, not a wall of charts."""

    icon = "today"

    @at("/", Permission.SEE_HOME)
    def index(self) -> str:
        """The list of what waits for this person."""
        stores = own_stores()
        todo = todo_list(stores)
        return str(
            self.render(
                "admin/home.html",
                day=format_date(today(_zone(stores)), "EEEE, d 'de' MMMM"),
                todo=todo,
                words=waiting_words(len(todo)),
                visits=expected_today(stores) if may(Permission.SEE_LEADS) else [],
                steps=_first_steps(),
            )
        )

    @at("/pendencias/<code>", Permission.SEE_HOME)
    def rows(self, code: str) -> str:
        """The things behind one line of the list that have no screen of their own."""
        one = LISTS.get(code)
        if one is None or not may(one.permission):
            abort(404)
        if one.is_over_all and staff().store_ids is not None:
            abort(404)
        return str(
            self.render(
                "admin/home_list.html", title=one.title, one=one,
                rows=one.rows(staff().store_ids, own_stores(), MOST_ROWS), most=MOST_ROWS,
            )
        )  # fmt: skip

    @at("/pendencias/tarefas/<int:job_id>/<act>", Permission.MANAGE_STAFF, methods=("POST",))
    def decide(self, job_id: int, act: str) -> Response:
        """Try a task of the background again, or let it be."""
        verb = {"tentar": queue.retry, "descartar": queue.discard}.get(act)
        if verb is None or staff().store_ids is not None:
            abort(404)
        back = "/admin/pendencias/tarefas"
        try:
            with changing(f"job.{'retry' if act == 'tentar' else 'discard'}", f"job:{job_id}"):
                verb(job_id)
        except DomainError as error:
            return answer(error, back)
        done(_("It will be tried again now.") if act == "tentar" else _("It is left undone."))
        return redirect(back, code=303)


def _zone(stores: Sequence[Store]) -> ZoneInfo:
    return ZoneInfo(stores[0].zone) if stores else DEFAULT_ZONE


def expected_today(stores: Sequence[Store]) -> list[Expected]:
    """Who comes today to the stores of who is signed in, by the clock of each."""
    by_id = {store.id: store for store in stores}
    rows = db.session.execute(
        sa.select(Appointment, Lead.id, Person.name)
        .outerjoin(Lead, Lead.id == Appointment.lead_id)
        .outerjoin(Person, Person.id == Lead.person_id)
        .where(Appointment.state == "booked", todays(stores))
        .order_by(Appointment.starts_at, Appointment.id)
        .limit(MOST_VISITS)
    ).all()
    cars = _cars([row[0].vehicle_id for row in rows if row[0].vehicle_id])
    return [
        Expected(
            time=_clock(visit, by_id[visit.store_id]),
            what=kind_label(visit.kind),
            who=name or _("Somebody whose request is just coming in"),
            car=cars.get(visit.vehicle_id or 0, ""),
            store=by_id[visit.store_id].name if len(stores) > 1 else "",
            path=f"/admin/leads/{lead_id}/" if lead_id else "",
            standing=standing_of(visit, now()),
        )
        for visit, lead_id, name in rows
    ]


def _clock(visit: Appointment, store: Store) -> str:
    return format_datetime(visit.starts_at.astimezone(ZoneInfo(store.zone)), "HH:mm", rebase=False)


def _cars(ids: Sequence[int]) -> dict[int, str]:
    if not ids:
        return {}
    rows = db.session.scalars(sa.select(Vehicle).where(Vehicle.id.in_(ids)).options(*NAMED))
    return {vehicle.id: car_name(vehicle) for vehicle in rows}


def _has_logo() -> sa.ColumnElement[bool]:
    made = sa.cast(Dealership.logo, sa.Text).not_in(("{}", "null"))
    return sa.or_(Dealership.logo_key != "", made)


def _first_steps() -> list[Step]:
    """What a new installation still needs; empty for those who cannot do it, and once all is
    there."""
    may_all = may(Permission.MANAGE_STAFF) and may(Permission.EDIT_STORES)
    if not may_all or staff().store_ids is not None:
        return []
    has = db.session.execute(
        sa.select(
            sa.exists().where(Store.street != "", Store.city != "").label("address"),
            sa.exists().where(_has_logo()).label("logo"),
            sa.exists().select_from(Vehicle).where(Vehicle.id > 0).label("car"),
            sa.exists().select_from(LandingPage).where(LandingPage.id > 0).label("page"),
            sa.exists().where(StaffMember.id != staff().id, StaffMember.active).label("people"),
        )
    ).one()
    steps = [
        Step(_("Say where the store is and when it is open"), "/admin/lojas/", bool(has.address)),
        Step(_("Put your logo and colours on the site"), "/admin/identidade/", bool(has.logo)),
        Step(_("Add the first car"), "/admin/veiculo/novo/", bool(has.car)),
        Step(_("Make the first landing page"), "/admin/paginas/nova", bool(has.page)),
        Step(_("Invite your colleagues"), "/admin/equipe/", bool(has.people)),
    ]
    return [] if all(step.is_done for step in steps) else steps
