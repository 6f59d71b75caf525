"""One lead on one screen: who, what, what happened, what next. A move is one tap or one short
form, and the newest can be taken back."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import abort, redirect, request
from flask_babel import gettext as _
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from admin.desk import answers
from admin.desk.ads import ad_cards, alike
from admin.desk.answers import talk_of
from admin.desk.desk import DESK
from admin.desk.live import desk_version
from admin.desk.moves import ANSWERS, MOVES, Move, MoveRefused
from admin.desk.repeats import repeated
from admin.desk.rows import ring_of
from admin.desk.texts import texts_of
from admin.door import StaffView, answer, at, done, may, staff
from admin.lead_page import page_of
from admin.leads import lead_title, note_view, own_lead
from admin.stop_words import STOP_WORDS
from core.clock import now
from core.db import db, writing
from core.errors import DomainError
from core.text import clean_text
from dealership.identity import StoreProfile, identity
from dealership.roles import ROLE_NAMES, Permission, Role
from dealership.staff import StaffMember
from leads.appointments import Day, book, read_slot, slots
from leads.models import Appointment, Lead, LeadEvent, Submission
from leads.notifications import kind_label
from leads.pipeline.cadence_steps import touch
from leads.pipeline.log import may_happen, record, undo
from leads.pipeline.queue import send_back, take_over
from leads.pipeline.stages import Stage, Turn
from leads.pipeline.standing import DECLARED
from leads.selling import sell_car, take_sale_back
from leads.words import (
    CHANNELS,
    INVALID_REASONS,
    LOSS_REASONS,
    NEXT_ACTIONS,
    OUTCOMES,
    REFUSAL_REASONS,
    RETURN_REASONS,
    department_label,
    state_label,
)

TAPPED: Final = "tapped"  # our button that opens WhatsApp, the dialler or the mail was used
TAP_COUNTS: Final = timedelta(minutes=60)
TAPS: Final = frozenset({"whatsapp", "phone", "mail"})
CONTACT: Final = frozenset({"human_contact", "talked", "attempted"})
# What a person can choose to do next; the rest follows from what happens.
CHOSEN_ACTIONS: Final = ("call", "message", "follow_up", "retry")
# What the desk books, half an hour each; the workshop's hours are the workshop's.
BOOKED_HERE: Final = ("test_drive", "visit", "video")
SUMMARY: Final = ("need", "car", "trade_in", "payment", "promise", "best_hour")


class DeskLead(StaffView):
    """The screen of one lead, and its moves."""

    in_menu = False

    @at("/<int:lead_id>/", Permission.WORK_LEADS)
    def show(self, lead_id: int) -> str:
        """The lead. Reading it is noted."""
        own_lead(lead_id)
        note_view(lead_id)
        return self._page(own_lead(lead_id))

    @at("/<int:lead_id>/agora", Permission.WORK_LEADS)
    def now_part(self, lead_id: int) -> str:
        """Where the lead stands: the part of its page that changes by itself."""
        lead = own_lead(lead_id)
        return str(self.render("admin/desk_now.html", lead=lead, **_standing(lead)))

    def _page(
        self,
        lead: Lead,
        *,
        opened: str = "",
        typed: Mapping[str, str] | None = None,
        words: str = "",
    ) -> str:
        """The page of `lead`; with the form of the move `opened` as it was typed, and `words` on
        why it was refused."""
        version = desk_version()
        page = page_of(lead, is_agreed=request.args.get("combinado") == "1")
        facts = _needs(lead.id)
        texts = texts_of(lead, request.args) if _is_mine(lead) else None
        return str(
            self.render(
                "admin/desk_lead.html",
                title=lead_title(lead),
                lead=lead,
                page=page,
                version=version,
                opened=opened,
                typed=typed or {},
                refusal=words,
                department=department_label(lead.department),
                **_standing(lead),
                is_mine=_is_mine(lead),
                can=lambda kind: may_happen(lead, kind),
                needs=facts,
                texts=texts,
                talk=talk_of(lead, texts, request.args) if texts else None,
                ads=ad_cards(lead),
                alike=alike(lead, page.car.state if page.car else ""),
                days=_days(lead),
                booked_here={kind: kind_label(kind) for kind in BOOKED_HERE},
                is_stuck=lead.turn == Turn.SUPERVISOR and lead.owner_id is not None,
                sellers=_colleagues(lead),
                role_names=ROLE_NAMES,
                stop_words=STOP_WORDS,
                channels={key: CHANNELS[key] for key in ("whatsapp", "phone", "mail")},
                outcomes=OUTCOMES,
                losses=LOSS_REASONS,
                returns={
                    key: RETURN_REASONS[key] for key in ("not_mine", "busy", "knows_somebody")
                },
                invalids=INVALID_REASONS,
                refusals=REFUSAL_REASONS,
                actions={key: NEXT_ACTIONS[key] for key in CHOSEN_ACTIONS},
            )
        )

    @at("/<int:lead_id>/<move>", Permission.WORK_LEADS, methods=("POST",))
    def move(self, lead_id: int, move: str) -> Response | tuple[str, int]:
        """One move of `admin.desk.moves`: 303 on, or 422 with the form as it was typed."""
        chosen = MOVES.get(move)
        if chosen is None:
            abort(404)
        lead = own_lead(lead_id)
        here, by = f"{DESK}{lead_id}/", staff().email
        try:
            facts = chosen.facts(request.form, lead)
            with writing():
                event = repeated(lead, chosen.kind, by, facts)
                if event is None:
                    self._check_mine(lead, is_answer=move in ANSWERS)
                    event = touch(lead, chosen.kind, by, **_graded(lead, chosen, facts))
                    if facts.get("car_sold"):
                        sell_car(lead, by=by)
        except MoveRefused as error:
            self._check_mine(lead, is_answer=move in ANSWERS)
            return self._page(lead, opened=move, typed=request.form, words=str(error)), 422
        except DomainError as error:
            return answer(error, here)
        done(str(chosen.said), undo=f"{here}desfazer/{event.id}" if chosen.kind != "note" else "")
        return redirect(DESK if chosen.leaves else here, code=303)

    @at("/<int:lead_id>/desfazer/<int:event_id>", Permission.WORK_LEADS, methods=("POST",))
    def undo(self, lead_id: int, event_id: int) -> Response:
        """The newest move was a slip."""
        lead = own_lead(lead_id)
        event = db.session.get(LeadEvent, event_id)
        if event is None or event.lead_id != lead.id:
            abort(404)
        try:
            with writing():
                take_sale_back(lead, event, by=staff().email)
                undo(lead, event_id, staff().email)
                _give_time_back(event_id)
        except DomainError as error:
            return answer(error, f"{DESK}{lead_id}/")
        done(_("Undone."))
        return redirect(f"{DESK}{lead_id}/", code=303)

    @at("/<int:lead_id>/toque", Permission.WORK_LEADS, methods=("POST",))
    def tap(self, lead_id: int) -> tuple[str, int]:
        """A button that opens WhatsApp, the dialler or the mail was used: the proof, as far as
        there can be one without the channel's own word, that somebody turned to the person."""
        lead = self._workable(lead_id)
        channel, by = request.form.get("canal", ""), staff().email
        if channel not in TAPS:
            abort(404)
        with writing():
            if not repeated(lead, TAPPED, by, {"channel": channel}):
                record(lead, TAPPED, by, channel=channel)
        return "", 204

    @at("/<int:lead_id>/agendar", Permission.WORK_LEADS, methods=("POST",))
    def schedule(self, lead_id: int) -> Response | tuple[str, int]:
        """Book a time that is free."""
        lead = self._workable(lead_id)
        here, by = f"{DESK}{lead_id}/", staff().email
        starts_at, store = read_slot(request.form.get("horario", "")), _store(lead)
        kind = request.form.get("tipo", "test_drive")
        try:
            if starts_at is None or store is None or kind not in BOOKED_HERE:
                raise MoveRefused(_("Choose a time."))
            with writing():
                event = repeated(lead, "booked", by, {"starts_at": starts_at.isoformat()})
                event = event or _book(lead, store, kind, starts_at, by)
        except DomainError as error:
            words = str(error)
            return self._page(lead, opened="agendar", typed=request.form, words=words), 422
        done(_("Booked."), undo=f"{here}desfazer/{event.id}")
        return redirect(here, code=303)

    @at("/<int:lead_id>/devolver-ao-dono", Permission.MANAGE_STAFF, methods=("POST",))
    def send_back(self, lead_id: int) -> Response:
        """The supervisor looked: whoever has it goes on."""
        lead = own_lead(lead_id)
        try:
            with writing():
                send_back(lead, by=staff().email)
        except DomainError as error:
            return answer(error, f"{DESK}{lead_id}/")
        done(_("Back to whoever has it."))
        return redirect(f"{DESK}{lead_id}/", code=303)

    @at("/<int:lead_id>/passar", Permission.WORK_LEADS, methods=("POST",))
    def hand_over(self, lead_id: int) -> Response | tuple[str, int]:
        """Offer the lead to a seller, with what they must know."""
        lead = self._workable(lead_id)
        here, by = f"{DESK}{lead_id}/", staff().email
        seller = next(
            (one for one in _colleagues(lead) if str(one.id) == request.form.get("para")), None
        )
        summary = {
            name: text for name in SUMMARY if (text := clean_text(request.form.get(name, ""), 500))
        }
        try:
            if seller is None:
                raise MoveRefused(_("Choose who gets it."))
            if "need" not in summary:
                raise MoveRefused(_("Say in one sentence what they need."))
            facts: dict[str, Any] = {"seller_id": seller.id, "summary": summary}
            with writing():
                event = repeated(lead, "handoff_offered", by, facts)
                event = event or record(lead, "handoff_offered", by, **facts)
        except MoveRefused as error:
            words = str(error)
            return self._page(lead, opened="passar", typed=request.form, words=words), 422
        except DomainError as error:
            return answer(error, here)
        words = _("Offered to %(name)s, who must accept in time.", name=seller.shown_name)
        done(words, undo=f"{here}desfazer/{event.id}")
        return redirect(here, code=303)

    def _workable(self, lead_id: int) -> Lead:
        """The lead, for who may act on it; 403 in words for a colleague's."""
        lead = own_lead(lead_id)
        self._check_mine(lead)
        return lead

    def _check_mine(self, lead: Lead, *, is_answer: bool = False) -> None:
        """Go on only for who may act: who has the lead, or answers for the team. Whom it is
        offered to accepts or refuses, and nobody else does that for them."""
        is_offered = lead.state == Stage.OFFERED
        is_theirs = lead.seller_id == staff().id if is_offered and is_answer else None
        may_act = may(Permission.MANAGE_STAFF, lead.store_id) or (
            lead.owner_id == staff().id if is_theirs is None else is_theirs
        )
        if may_act:
            return
        owner = _named(lead.owner_id)
        words = _("%(name)s has this lead.", name=owner) if owner else _("Take the lead first.")
        page = str(self.render("admin/desk_taken.html", words=words))
        abort(Response(page, 403, mimetype="text/html"))

    @at("/<int:lead_id>/entregar", Permission.MANAGE_STAFF, methods=("POST",))
    def give(self, lead_id: int) -> Response:
        """A supervisor gives the lead to somebody."""
        lead = own_lead(lead_id)
        here = f"{DESK}{lead_id}/"
        person = next(
            (one for one in _colleagues(lead) if str(one.id) == request.form.get("para")), None
        )
        try:
            if person is None:
                raise MoveRefused(_("Choose who gets it."))
            with writing():
                take_over(lead, person, by=staff().email)
        except DomainError as error:
            return answer(error, here)
        done(_("The lead is now with %(name)s.", name=person.shown_name))
        return redirect(here, code=303)


def _standing(lead: Lead) -> dict[str, Any]:
    """Where the lead stands and with whom, in words."""
    left = None if lead.closed_at else ring_of(lead.due_at, lead.updated_at, now())
    return {
        "stage": state_label(lead.state),
        "next_action": NEXT_ACTIONS.get(lead.next_action, ""),
        "time_left": left,
        "owner": _named(lead.owner_id),
        "attendant": _named(lead.attendant_id),
        "seller": _named(lead.seller_id),
    }


def _is_mine(lead: Lead) -> bool:
    """Whether who is signed in may act: has it, was offered it, or answers for the team."""
    me = staff().id
    is_offered = lead.state == Stage.OFFERED and lead.seller_id == me
    return lead.owner_id == me or is_offered or may(Permission.MANAGE_STAFF, lead.store_id)


def _book(lead: Lead, store: StoreProfile, kind: str, starts_at: datetime, by: str) -> LeadEvent:
    """The visit, and that it was booked. Inside `writing()`. Raises SlotTaken and NotAllowed."""
    visit = book(
        kind,
        store.id,
        starts_at,
        vehicle_id=lead.vehicle_id if kind == "test_drive" else None,
        submission_id=_booking_submission(),
    )
    visit.lead_id = lead.id
    return record(
        lead, "booked", by, appointment_id=visit.id, starts_at=visit.starts_at.isoformat()
    )


def _give_time_back(event_id: int) -> None:
    """A booking that was undone keeps no seat."""
    event = db.session.get_one(LeadEvent, event_id)
    if event.kind == "booked":
        db.session.get_one(Appointment, event.data["appointment_id"]).state = "cancelled"


def _graded(lead: Lead, move: Move, facts: dict[str, Any]) -> dict[str, Any]:
    """A contact without a tap on our button before it is only somebody's word (`DECLARED`): it
    moves the stage and stops no clock."""
    if move.kind not in CONTACT or facts.get("channel") == "visit":
        return facts
    tapped = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(LeadEvent)
        .where(
            LeadEvent.lead_id == lead.id,
            LeadEvent.kind == TAPPED,
            LeadEvent.actor == staff().email,
            LeadEvent.at >= now() - TAP_COUNTS,
            LeadEvent.data["channel"].as_string() == facts["channel"],
        )
    )
    return facts if tapped else {**facts, "grade": DECLARED}


def _needs(lead_id: int) -> dict[str, str]:
    """What was found out, from the newest qualification or handoff."""
    found: dict[str, str] = {}
    rows = db.session.scalars(
        sa.select(LeadEvent.data)
        .where(LeadEvent.lead_id == lead_id)
        .where(LeadEvent.kind.in_(["qualified", "handoff_offered"]))
        .order_by(LeadEvent.id)
    )
    for data in rows:
        facts = data.get("summary") or data
        found |= {
            name: str(facts[name]) for name in (*SUMMARY, "term", "deciders") if facts.get(name)
        }
    return found


def _named(staff_id: int | None) -> str:
    person = db.session.get(StaffMember, staff_id) if staff_id else None
    return person.shown_name if person else ""


def _store(lead: Lead) -> StoreProfile | None:
    stores = identity().stores
    return next((one for one in stores if one.id == lead.store_id), stores[0] if stores else None)


def _days(lead: Lead) -> list[Day]:
    """The times that can be booked for the lead's car in its store."""
    store = _store(lead)
    if store is None or lead.closed_at is not None or not _is_mine(lead):
        return []
    return slots(store, "test_drive", vehicle_id=lead.vehicle_id)


def _colleagues(lead: Lead) -> list[StaffMember]:
    """Who else could have the lead, sellers first."""
    people = db.session.scalars(
        sa.select(StaffMember)
        .where(StaffMember.active)
        .order_by(StaffMember.name, StaffMember.id)
        .options(selectinload(StaffMember.stores))
    ).unique()
    able = [one for one in people if one.may(Permission.WORK_LEADS, lead.store_id)]
    others = [one for one in able if one.id != lead.owner_id]
    return sorted(others, key=lambda one: one.role != Role.SELLER)


def _booking_submission() -> str:
    """A time booked at the desk came with no post: this row stands for one."""
    row = Submission(
        id=secrets.token_hex(16),
        source="desk",
        idem_key=secrets.token_hex(16),
        payload={},
        state="done",
    )
    db.session.add(row)
    db.session.flush()
    return row.id


def views() -> Sequence[StaffView]:
    """The screen, and the one that its form for portals leads to."""
    screen = DeskLead(name="Lead", url="/admin/atendimento", endpoint="staff_desk_lead")
    return [screen, *answers.views()]
