"""`/admin/reservas/`: the cars that are kept for somebody, until when, and who waits for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from flask import redirect
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from admin import groups
from admin.desk.rows import Ring, car_names, ring_of
from admin.door import StaffView, answer, at, changing, done, found, staff, within_stores
from admin.leads import told_at
from core.clock import now
from core.db import db
from core.errors import DomainError
from dealership.roles import Permission
from inventory.models import Vehicle
from leads import waiting_line
from leads.models import Lead, Person
from leads.pipeline.holds import CarHold, WaitingPlace

HERE: Final = "/admin/reservas/"
MOST: Final = 60


@dataclass(frozen=True)
class Waits:
    """One place in a line."""

    place: WaitingPlace
    rank: int
    who: str
    since: str
    is_mine: bool  # the lead's store is one of who is signed in


@dataclass(frozen=True)
class Held:
    """A car that is reserved. `ring` while it is known until when."""

    car: Vehicle
    name: str
    whose: str
    lead_id: int | None
    is_turn: bool
    has_answered: bool
    ring: Ring | None
    line: Sequence[Waits]


class HeldCars(StaffView):
    """Cars that are kept."""

    icon = "flag"

    @at("/", Permission.WORK_LEADS)
    def index(self) -> str:
        """Every reserved car of one's stores, the next date first. Five statements."""
        return str(self.render("admin/held_cars.html", held=_held()))

    @at("/<int:place_id>/tirar", Permission.SUPERVISE_LEADS, methods=("POST",))
    def remove(self, place_id: int) -> Response:
        """Somebody told us that they wait no more."""
        place: WaitingPlace = found(db.session.get(WaitingPlace, place_id))
        car = db.session.get_one(Vehicle, place.vehicle_id)
        found(car, car.store_id)
        try:
            with changing("line.leave", f"vehicle:{car.id}", store_id=car.store_id) as change:
                waiting_line.leave(db.session.get_one(WaitingPlace, place_id))
                change.after = {"place": place_id}
        except DomainError as error:
            return answer(error, HERE)
        done(_("Out of the line. Everybody behind moved up."))
        return redirect(HERE, code=303)


def _held() -> list[Held]:
    cars = db.session.scalars(
        within_stores(sa.select(Vehicle), Vehicle.store_id)
        .where(Vehicle.state == "reserved")
        .order_by(Vehicle.state_changed_at, Vehicle.id)
        .limit(MOST)
    ).all()
    ids = [one.id for one in cars]
    names = car_names(ids)
    holds = {
        one.vehicle_id: one
        for one in db.session.scalars(
            sa.select(CarHold).where(CarHold.vehicle_id.in_(ids), CarHold.ended_at.is_(None))
        )
    }
    leads = {
        one.id: one
        for one in db.session.scalars(
            sa.select(Lead)
            .where(Lead.id.in_([one.lead_id for one in holds.values() if one.lead_id]))
            .options(joinedload(Lead.person))
        ).unique()
    }
    lines = _lines(ids)
    found_cars = [_row(car, names, holds.get(car.id), leads, lines.get(car.id, [])) for car in cars]
    return sorted(found_cars, key=lambda one: (one.ring is None, one.ring and one.ring.due_at))


def _row(
    car: Vehicle,
    names: dict[int, str],
    held: CarHold | None,
    leads: dict[int, Lead],
    line: list[Waits],
) -> Held:
    lead = leads.get(held.lead_id or 0) if held else None
    turn = next((one for one in line if held and one.place.id == held.place_id), None)
    whose = turn.who if turn else _who(lead) if lead else ""
    return Held(
        car=car,
        name=names.get(car.id, ""),
        whose=whose,
        lead_id=_own_lead_id(lead, turn),
        is_turn=turn is not None,
        has_answered=bool(turn and turn.place.answered_at),
        ring=ring_of(held.until, held.created_at, now()) if held else None,
        line=[one for one in line if one is not turn],
    )


def _own_lead_id(lead: Lead | None, turn: Waits | None) -> int | None:
    """The lead to open; none of another store."""
    if turn is not None and turn.is_mine:
        return turn.place.lead_id
    return lead.id if lead is not None and staff().serves(lead.store_id) else None


def _who(lead: Lead) -> str:
    if not staff().serves(lead.store_id):
        return _("A lead of another store")
    return lead.person.name or _("Lead %(n)s", n=lead.id)


def _lines(vehicle_ids: Sequence[int]) -> dict[int, list[Waits]]:
    rows = db.session.execute(
        sa.select(WaitingPlace, Person.name, Lead.store_id)
        .outerjoin(Person, Person.id == WaitingPlace.person_id)
        .outerjoin(Lead, Lead.id == WaitingPlace.lead_id)
        .where(WaitingPlace.vehicle_id.in_(vehicle_ids), WaitingPlace.ended_at.is_(None))
        .order_by(WaitingPlace.vehicle_id, WaitingPlace.number)
    )
    lines: dict[int, list[Waits]] = {}
    for place, name, store_id in rows:
        line = lines.setdefault(place.vehicle_id, [])
        is_mine = place.lead_id is not None and staff().serves(store_id)
        who = name if is_mine and name else _("Somebody")
        line.append(Waits(place, len(line) + 1, who, told_at(place.created_at), is_mine))
    return lines


def views() -> Sequence[StaffView]:
    """The screens of this module, for the menu."""
    return [
        HeldCars(
            name=_l("Reservations"),
            category=groups.LEADS,
            url="/admin/reservas",
            endpoint="staff_held_cars",
        )
    ]
