"""`/admin/recepcao/`: who stands at the door. By their phone the open lead is found first; a new
one beside it needs a supervisor.

What is entered here is typed by a colleague, so it is looked at for a customer whom another one
attends already (`leads.skating`).
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask import redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from admin import groups
from admin.desk.repeats import repeated
from admin.desk.rows import car_names
from admin.door import StaffView, answer, at, done, may, staff
from admin.leads import own_lead
from admin.stock_scope import own_stores
from core.clock import now
from core.db import db, writing
from core.errors import DomainError
from core.text import NotPhone, clean_line, clean_text, parse_phone
from dealership.models import Store
from dealership.roles import Permission
from dealership.staff import StaffMember
from leads.agenda import arrive
from leads.check_in import is_today
from leads.intake import Asked, enter
from leads.models import Appointment, Lead, PersonKey, Submission
from leads.people import phone_key
from leads.pipeline.log import may_happen, record
from leads.pipeline.queue import claim
from leads.pipeline.stages import Stage
from leads.skating import Entered, check_skating
from leads.words import DEPARTMENTS, department_label, state_label

HERE: Final = "/admin/recepcao/"
DESK: Final = "/admin/atendimento/"
SOURCE: Final = "desk"
MOST: Final = 20


class Refused(DomainError):
    """A new lead that cannot be entered so; the sentence says why."""


@dataclass(frozen=True)
class Known:
    """One open lead of whoever has that phone."""

    lead: Lead
    name: str
    stage: str
    department: str
    car: str
    owner: str
    is_mine: bool  # in a store of who is signed in
    visit: Appointment | None  # of today


class Reception(StaffView):
    """The reception."""

    icon = "store"

    @at("/", Permission.WORK_LEADS)
    def index(self) -> str:
        """The search, and what it found."""
        return self._page({"telefone": request.args.get("telefone", "")[:40]})

    def _page(self, typed: Mapping[str, str], refusal: str = "") -> str:
        phone, problem = _phone(typed.get("telefone", ""))
        known = _known(phone) if phone else []
        return str(
            self.render(
                "admin/reception.html",
                typed=typed,
                problem=problem,
                refusal=refusal,
                phone=phone,
                known=known,
                needs_supervisor=bool(known),
                is_supervisor=may(Permission.SUPERVISE_LEADS),
                stores=own_stores(),
                departments=DEPARTMENTS,
            )
        )

    @at("/<int:lead_id>/chegou", Permission.WORK_LEADS, methods=("POST",))
    def arrived(self, lead_id: int) -> Response:
        """Somebody with an open lead is here, with a visit or without."""
        lead = own_lead(lead_id)
        by, visit = staff().email, _visits_of([lead.id]).get(lead.id)
        try:
            with writing():
                if visit is not None:
                    arrive(db.session.get_one(Appointment, visit.id), by=by)
                else:
                    _came_by(lead, by)
        except DomainError as error:
            return answer(error, HERE)
        done(_("Noted. Whoever has the lead sees it now."))
        return redirect(f"{DESK}{lead_id}/", code=303)

    @at("/novo", Permission.WORK_LEADS, methods=("POST",))
    def enter(self) -> Response | tuple[str, int]:
        """A new lead of somebody who stands here; it is whoever's who entered it."""
        typed = {name: request.form.get(name, "")[:2000] for name in _FIELDS}
        try:
            phone, problem = _phone(typed["telefone"])
            _check(typed, phone, problem)
            store = _store(typed["loja"])
            with writing():
                lead_id = _enter(typed, phone, store)
                is_mine = db.session.get_one(Lead, lead_id).owner_id == staff().id
        except DomainError as error:
            return self._page(typed, str(error)), 422
        done(
            _("The lead is yours.") if is_mine else _("A colleague has this person's lead already.")
        )
        return redirect(f"{DESK}{lead_id}/", code=303)


_FIELDS: Final = ("nome", "telefone", "email", "loja", "setor", "mensagem", "outro")


def _phone(typed: str) -> tuple[str, str]:
    """The number in E.164, or why it is none."""
    if not typed.strip():
        return "", ""
    try:
        return parse_phone(typed), ""
    except NotPhone as error:
        return error.suggestion or "", "" if error.suggestion else str(error)


def _known(phone: str) -> list[Known]:
    """The open leads of whoever has `phone`, those of the stores of who is signed in first. What
    is another store's shows that it is there, and no more."""
    rows = (
        db.session.scalars(
            sa.select(Lead)
            .join(PersonKey, PersonKey.person_id == Lead.person_id)
            .where(PersonKey.kind == "phone", PersonKey.value == phone_key(phone))
            .where(Lead.closed_at.is_(None), Lead.is_suspect.is_(False))
            .options(joinedload(Lead.person))
            .order_by(Lead.updated_at.desc(), Lead.id)
            .limit(MOST)
        )
        .unique()
        .all()
    )
    cars = car_names({one.vehicle_id for one in rows if one.vehicle_id})
    names = _names({one.owner_id for one in rows if one.owner_id})
    visits = _visits_of([one.id for one in rows])
    found = [
        Known(
            lead=one,
            name=one.person.name or _("Lead %(n)s", n=one.id),
            stage=state_label(one.state),
            department=department_label(one.department),
            car=cars.get(one.vehicle_id or 0, ""),
            owner=names.get(one.owner_id or 0, ""),
            is_mine=staff().serves(one.store_id),
            visit=visits.get(one.id),
        )
        for one in rows
    ]
    return sorted(found, key=lambda one: (not one.is_mine, one.visit is None))


def _visits_of(lead_ids: Sequence[int]) -> dict[int, Appointment]:
    """Today's visit of each of these leads."""
    rows = db.session.scalars(
        sa.select(Appointment)
        .where(Appointment.lead_id.in_(lead_ids), Appointment.state == "booked")
        .order_by(Appointment.starts_at.desc())
    )
    return {one.lead_id: one for one in rows if one.lead_id and is_today(one)}


def _names(ids: set[int]) -> dict[int, str]:
    rows = db.session.scalars(sa.select(StaffMember).where(StaffMember.id.in_(ids)))
    return {one.id: one.shown_name for one in rows.unique()}


def _came_by(lead: Lead, by: str) -> None:
    """Here without an appointment: a lead that nobody has is whoever's who receives them."""
    facts: dict[str, Any] = {"channel": "visit"}
    is_at_rest = lead.state in {Stage.OFFERED, Stage.NURTURE}
    if is_at_rest and not repeated(lead, "reply", by, facts):
        record(lead, "arrived", by, **facts)
        record(lead, "reply", by, **facts)
    if lead.state == Stage.WAITING:
        claim(lead.id, staff())
    if may_happen(lead, "visited") and not repeated(lead, "visited", by, facts):
        record(lead, "visited", by, **facts)


def _check(typed: Mapping[str, str], phone: str, problem: str) -> None:
    if problem:
        raise Refused(problem)
    if not clean_line(typed["nome"], 120):
        raise Refused(_("Type the name."))
    if not phone and "@" not in typed["email"]:
        raise Refused(_("Type a phone with area code, or an e-mail."))
    if typed["setor"] not in DEPARTMENTS:
        raise Refused(_("Choose the department."))
    if phone and _known(phone) and not (may(Permission.SUPERVISE_LEADS) and typed["outro"] == "1"):
        raise Refused(_("This phone has an open lead. Go on with that one, or ask a supervisor."))


def _store(slug: str) -> Store:
    store = next((one for one in own_stores() if one.slug == slug), None)
    if store is None:
        raise Refused(_("Choose the store."))
    return store


def _enter(typed: Mapping[str, str], phone: str, store: Store) -> int:
    """The lead, claimed by who entered it, and the colleagues whose it may be told. Inside
    `writing()`."""
    me = staff()
    row = Submission(
        id=secrets.token_hex(16), source=SOURCE, idem_key=secrets.token_hex(16), payload={},
        state="done",
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    name, email = clean_line(typed["nome"], 120), clean_line(typed["email"], 254)
    asked = Asked(
        source=SOURCE, kind="contact", name=name, phone=phone, email=email,
        message=clean_text(typed["mensagem"], 2000), department=typed["setor"],
        store_id=store.id, at=now(), actor=me.email,
    )  # fmt: skip
    enquiry = enter(asked, row.id)
    assert enquiry.lead_id is not None
    check_skating(Entered(name=name, phone=phone, email=email, lead_id=enquiry.lead_id), me)
    lead = db.session.get_one(Lead, enquiry.lead_id)
    if lead.state == Stage.WAITING:
        claim(lead.id, me)
    return lead.id


def views() -> Sequence[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Reception(
            name=_l("Reception"),
            category=groups.LEADS,
            url="/admin/recepcao",
            endpoint="staff_reception",
        )
    ]
