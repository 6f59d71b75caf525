"""`/admin/pos-venda/`: the talks after each delivery that are due, who is unhappy, whom to ask for
names, and whom to thank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import abort, redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import joinedload, selectinload
from werkzeug.wrappers import Response

from admin import groups
from admin.desk.rows import car_names
from admin.door import StaffView, answer, at, changing, done, found, may, staff
from admin.leads import lead_title, own_lead
from admin.outreach.words import read_day
from core.clock import today
from core.db import db
from core.errors import DomainError
from core.text import row_number
from dealership.roles import Permission
from leads.models import Lead
from leads.outreach import catch_ups as noun
from leads.outreach import referrals
from leads.outreach.after_sale import PLAN
from leads.outreach.lists import steps_due
from leads.outreach.models import CatchUp, Delivery, Referral
from leads.outreach.referrals import Named
from leads.outreach.texts import facts_of, text_for
from leads.pipeline.clocks import schedule_for
from leads.reach import ways_to
from leads.stop_list import Purpose

HERE: Final = "/admin/pos-venda/"
WORK: Final = Permission.WORK_LEADS
SUPERVISE: Final = Permission.SUPERVISE_LEADS
MOST: Final = 60
SOON_DAYS: Final = 7
GRADE_WORDS: Final = {
    1: _l("Very unhappy"), 2: _l("Unhappy"), 3: _l("So-so"), 4: _l("Happy"), 5: _l("Very happy"),
}  # fmt: skip
_LOADS: Final = (
    joinedload(CatchUp.delivery).joinedload(Delivery.lead).joinedload(Lead.person),
    joinedload(CatchUp.delivery).joinedload(Delivery.staff),
)


@dataclass(frozen=True)
class Row:
    """One talk in a list."""

    one: CatchUp
    name: str
    car: str
    about: Any
    who: str
    when: str
    is_late: bool


class AfterSale(StaffView):
    """Deliveries and the talks after them."""

    icon = "quote"

    @at("/", WORK)
    def index(self) -> str:
        """What is due now and in a week; for supervisors who is unhappy."""
        me, sees_all = staff(), may(SUPERVISE)
        until = today() + timedelta(days=SOON_DAYS)
        due = noun.due(me.id, me.store_ids, sees_all=sees_all, until=until)
        talks = db.session.scalars(due.options(*_LOADS).limit(MOST)).unique().all()
        unhappy: Sequence[CatchUp] = []
        if sees_all:
            found_ = noun.unhappy(me.store_ids).options(*_LOADS).limit(MOST)
            unhappy = db.session.scalars(found_).unique().all()
        asking = noun.to_ask(me.id, me.store_ids, sees_all=sees_all)
        loads = joinedload(Delivery.lead).joinedload(Lead.person), joinedload(Delivery.staff)
        to_ask = db.session.scalars(asking.options(*loads).limit(MOST)).unique().all()
        deliveries = [one.delivery for one in (*talks, *unhappy)] + list(to_ask)
        cars = car_names([one.lead.vehicle_id for one in deliveries if one.lead.vehicle_id])
        rows = [_row(one, cars) for one in talks]
        return str(
            self.render(
                "admin/after_sale.html",
                due=[one for one in rows if one.one.due_on <= today()],
                coming=[one for one in rows if one.one.due_on > today()],
                unhappy=[_row(one, cars) for one in unhappy],
                to_ask=[(one, lead_title(one.lead)) for one in to_ask],
                sees_all=sees_all,
                grades=GRADE_WORDS,
            )
        )

    @at("/<int:delivery_id>/", WORK)
    def show(self, delivery_id: int) -> str:
        """One delivery: its talks, whom the buyer named."""
        return self._page(own_delivery(delivery_id))

    @at("/<int:delivery_id>/entrega", WORK, methods=("POST",))
    def deliver(self, delivery_id: int) -> Response:
        """The day on which the car was, or will be, handed over."""
        delivery = own_delivery(delivery_id)
        try:
            with _changing(delivery, "delivery.day") as change:
                change.before = {"day": delivery.delivered_on.isoformat()}
                noun.set_delivery(delivery, read_day(request.form.get("dia")))
                change.after = {"day": delivery.delivered_on.isoformat()}
        except DomainError as refusal:
            return answer(refusal, f"{HERE}{delivery_id}/")
        done(_("Saved. The talks that are still to come moved along."))
        return redirect(f"{HERE}{delivery_id}/", code=303)

    @at("/<int:delivery_id>/conversa/<int:catch_up_id>", WORK, methods=("POST",))
    def talk(self, delivery_id: int, catch_up_id: int) -> Response | tuple[str, int]:
        """The talk was had, or nobody answered."""
        delivery, form = own_delivery(delivery_id), request.form
        one = _own_talk(delivery, catch_up_id)
        try:
            if form.get("atendeu") == "nao":
                with _changing(delivery, "delivery.not_reached"):
                    noun.not_reached(one, by=staff().email)
                done(_("Noted. It comes back in two days."))
                return redirect(HERE, code=303)
            grade = row_number(form.get("nota", ""))
            with _changing(delivery, "delivery.talk") as change:
                noun.answer(one, grade, form.get("texto", ""), by=staff().email)
                change.after = {"grade": grade}
        except DomainError as refusal:
            return self._page(own_delivery(delivery_id), form, str(refusal)), 422
        if one.care_state == "open":
            done(_("Noted. The supervisor sees it now."))
        else:
            done(_("Noted. Thank you for asking."))
        return redirect(f"{HERE}{delivery_id}/", code=303)

    @at("/<int:delivery_id>/cuidado/<int:catch_up_id>", SUPERVISE, methods=("POST",))
    def care(self, delivery_id: int, catch_up_id: int) -> Response:
        """A supervisor put right what was wrong."""
        delivery = own_delivery(delivery_id)
        one = _own_talk(delivery, catch_up_id)
        try:
            with _changing(delivery, "delivery.care"):
                noun.put_right(one, request.form.get("texto", ""), by=staff().email)
        except DomainError as refusal:
            return answer(refusal, f"{HERE}{delivery_id}/")
        done(_("Noted. Thank you for putting it right."))
        return redirect(f"{HERE}{delivery_id}/", code=303)

    @at("/<int:delivery_id>/pedir", WORK, methods=("POST",))
    def ask(self, delivery_id: int) -> Response:
        """The buyer was asked for names."""
        delivery = own_delivery(delivery_id)
        try:
            with _changing(delivery, "delivery.ask"):
                referrals.ask(delivery)
        except DomainError as refusal:
            return answer(refusal, f"{HERE}{delivery_id}/")
        done(_("Noted. Write down whom they name."))
        return redirect(f"{HERE}{delivery_id}/#indicacoes", code=303)

    @at("/<int:delivery_id>/indicar", WORK, methods=("POST",))
    def refer(self, delivery_id: int) -> Response | tuple[str, int]:
        """Somebody the buyer named: a new lead."""
        delivery, form = own_delivery(delivery_id), request.form
        named = Named(form.get("nome", ""), form.get("telefone", ""), form.get("combinado", ""))
        try:
            with _changing(delivery, "delivery.refer") as change:
                row = referrals.refer(delivery, named, by=staff().email)
                change.after = {"lead": row.lead_id}
        except DomainError as refusal:
            return self._page(own_delivery(delivery_id), form, str(refusal), "indicar"), 422
        done(_("The lead is in the queue, with the name of who sent it."))
        return redirect(f"{HERE}{delivery_id}/#indicacoes", code=303)

    @at("/<int:delivery_id>/premio/<int:referral_id>", SUPERVISE, methods=("POST",))
    def reward(self, delivery_id: int, referral_id: int) -> Response:
        """The customer was thanked: once for each who bought."""
        delivery = own_delivery(delivery_id)
        row = db.session.get(Referral, referral_id)
        if row is None or row.referrer_id != delivery.lead.person_id:
            abort(404)
        try:
            with _changing(delivery, "delivery.reward"):
                referrals.reward(row, request.form.get("premio", ""), by=staff().email)
        except DomainError as refusal:
            return answer(refusal, f"{HERE}{delivery_id}/")
        done(_("Noted: they were thanked."))
        return redirect(f"{HERE}{delivery_id}/#indicacoes", code=303)

    def _page(
        self,
        delivery: Delivery,
        typed: Mapping[str, str] | None = None,
        problem: str = "",
        opened: str = "conversa",
    ) -> str:
        lead = delivery.lead
        person, following = lead.person, noun.next_of(delivery)
        is_earned = noun.is_earned(delivery)
        situation = "referral" if is_earned else "catch_up"
        text = text_for(situation, facts_of(person, staff(), lead.store_id))
        named = referrals.referrals_of(person.id)
        due = referrals.due_among(named)
        return str(
            self.render(
                "admin/after_sale_one.html",
                delivery=delivery,
                lead=lead,
                title=lead_title(lead),
                car=car_names([lead.vehicle_id]).get(lead.vehicle_id or 0, "")
                if lead.vehicle_id
                else "",
                plan=PLAN,
                following=following,
                grades=GRADE_WORDS,
                is_earned=is_earned,
                named=[(one, one.id in due) for one in named],
                named_by=referrals.named_by(person.id),
                text=text,
                ways=ways_to(
                    person,
                    Purpose.MARKETING if is_earned else Purpose.ANSWER,
                    message=text.text if text else "",
                    is_agreed=request.args.get("combinado") == "1",
                    zone=schedule_for(lead.store_id).zone,
                ),
                typed=typed or {},
                problem=problem,
                opened=opened,
                may_care=may(SUPERVISE, lead.store_id),
                today=today(),
            )
        )


def own_delivery(delivery_id: int) -> Delivery:
    """The delivery with that id, or 404 when it is neither one's own nor of a store that one
    supervises."""
    found_: Delivery = found(
        db.session.get(Delivery, delivery_id, options=[selectinload(Delivery.catch_ups)])
    )
    own_lead(found_.lead_id)
    if found_.staff_id != staff().id and not may(SUPERVISE, found_.lead.store_id):
        abort(404)
    return found_


def _own_talk(delivery: Delivery, catch_up_id: int) -> CatchUp:
    talk = next((one for one in delivery.catch_ups if one.id == catch_up_id), None)
    checked: CatchUp = found(talk)
    return checked


def _changing(delivery: Delivery, action: str) -> Any:
    return changing(action, f"delivery:{delivery.id}", store_id=delivery.lead.store_id)


def _row(one: CatchUp, cars: Mapping[int, str]) -> Row:
    delivery, late = one.delivery, (today() - one.due_on).days
    if late > 0:
        when = ngettext("one day late", "%(num)s days late", late)
    elif late == 0:
        when = _("today")
    else:
        when = ngettext("in one day", "in %(num)s days", -late)
    return Row(
        one, lead_title(delivery.lead), cars.get(delivery.lead.vehicle_id or 0, ""),
        PLAN[one.number - 1].about, delivery.staff.shown_name if delivery.staff else "",
        str(when), late > 0,
    )  # fmt: skip


def due_counts(ids: Any) -> dict[str, sa.ScalarSelect[Any]]:
    """For the first page: talks that are due, who is unhappy, whom to ask, list steps."""
    sees_all, me = may(SUPERVISE), staff()
    found_ = {
        "talks": noun.due(me.id, ids, sees_all=sees_all),
        "asks": noun.to_ask(me.id, ids, sees_all=sees_all),
        "steps": steps_due(me.id, ids, sees_all=sees_all),
    }
    if sees_all:
        found_["unhappy"] = noun.unhappy(ids)
    return {
        name: sa.select(sa.func.count())
        .select_from(one.order_by(None).subquery())
        .scalar_subquery()
        for name, one in found_.items()
    }


def views() -> Sequence[StaffView]:
    return [
        AfterSale(
            name=_l("After the sale"), category=groups.LEADS, url="/admin/pos-venda",
            endpoint="staff_after_sale",
        )
    ]  # fmt: skip
