"""`/admin/carteiras/entrada/…`: one company or person on one screen: who, what happened, what
comes next."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import abort, redirect, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from admin.door import StaffView, answer, at, changing, done, found, staff
from admin.leads import told_at
from admin.outreach.lists import HERE, WORK, own_list, typed_company, typed_person
from admin.outreach.words import (
    CHANNELS,
    HAPPENINGS,
    MEDDIC,
    STAGES,
    choice,
    entry_name,
    event_detail,
    event_words,
    read_day,
)
from core.clock import today
from core.db import db
from core.errors import DomainError
from core.money import parse_brl
from core.text import clean_text
from leads.objections import entries_of, words_of
from leads.outreach import lists as noun
from leads.outreach.bases import BASES, bases_of
from leads.outreach.companies import CATEGORIES, revise_company
from leads.outreach.entries import (
    EntryRefused,
    events_of,
    meddic_facts,
    next_facts,
    record,
    undo,
)
from leads.outreach.models import Company, OutreachEntry
from leads.outreach.stages import TRANSITIONS, Stage, weighted_cents
from leads.outreach.texts import facts_of, text_for
from leads.pipeline.clocks import schedule_for
from leads.reach import Ways, ways_to
from leads.stop_list import Purpose

ENTRY: Final = f"{HERE}entrada/"
TAPS: Final = frozenset({"whatsapp", "phone", "mail"})
NEXT_DAYS: Final[Mapping[str, int]] = {
    Stage.COLD: 14, Stage.ENGAGED: 10, Stage.WARM: 5, Stage.CONVERSATION: 3, Stage.VISIT: 3,
    Stage.CUSTOMER: 30, Stage.FAN: 60,
}  # fmt: skip
MOST_CENTS: Final = 1_000_000_000_00


class Entry(StaffView):
    """One entry and what is done with it."""

    in_menu = False

    @at("/<int:entry_id>/", WORK)
    def show(self, entry_id: int) -> str:
        """The entry."""
        return self._page(own_entry(entry_id))

    @at("/<int:entry_id>/registrar", WORK, methods=("POST",))
    def record(self, entry_id: int) -> Response | tuple[str, int]:
        """What happened, and what comes next: neither without the other."""
        entry, form = own_entry(entry_id), request.form
        try:
            kind = choice(HAPPENINGS, form.get("o_que"))
            if not kind:
                raise EntryRefused(_("Say what happened."))
            facts: dict[str, Any] = next_facts(
                form.get("proximo", ""), read_day(form.get("quando"))
            )
            if channel := choice(CHANNELS, form.get("canal")):
                facts["channel"] = channel
            if words := clean_text(form.get("nota", ""), 2000):
                facts["words"] = words
            with _changing(entry, f"entry.{kind}"):
                event = record(entry, kind, staff().email, **facts)
                event_id = event.id
        except DomainError as refusal:
            return self._page(own_entry(entry_id), form, str(refusal), "registrar"), 422
        done(_("Noted."), undo=f"{ENTRY}{entry_id}/desfazer/{event_id}")
        goes_on = form.get("depois") == "proxima"
        return redirect(
            f"{HERE}{entry.list_id}/proxima" if goes_on else f"{ENTRY}{entry_id}/", code=303
        )

    @at("/<int:entry_id>/nota", WORK, methods=("POST",))
    def note(self, entry_id: int) -> Response | tuple[str, int]:
        """A note."""
        entry = own_entry(entry_id)
        words = clean_text(request.form.get("nota", ""), 4000)
        try:
            if not words:
                raise EntryRefused(_("The note is empty."))
            with _changing(entry, "entry.note"):
                record(entry, "note", staff().email, words=words)
        except DomainError as refusal:
            return self._page(own_entry(entry_id), request.form, str(refusal), "nota"), 422
        done(_("Note saved."))
        return redirect(f"{ENTRY}{entry_id}/", code=303)

    @at("/<int:entry_id>/proximo", WORK, methods=("POST",))
    def next_step(self, entry_id: int) -> Response | tuple[str, int]:
        """Another next step, though nothing happened."""
        entry, form = own_entry(entry_id), request.form
        try:
            facts: dict[str, Any] = next_facts(
                form.get("proximo", ""), read_day(form.get("quando"))
            )
            with _changing(entry, "entry.next_step"):
                event = record(entry, "next_step", staff().email, **facts)
                event_id = event.id
        except DomainError as refusal:
            return self._page(own_entry(entry_id), form, str(refusal), "proximo"), 422
        done(_("Next step saved."), undo=f"{ENTRY}{entry_id}/desfazer/{event_id}")
        return redirect(f"{ENTRY}{entry_id}/", code=303)

    @at("/<int:entry_id>/valor", WORK, methods=("POST",))
    def value(self, entry_id: int) -> Response | tuple[str, int]:
        """What the contract is worth, and when it is expected."""
        entry, form = own_entry(entry_id), request.form
        try:
            typed = form.get("valor", "").strip()
            cents = parse_brl(typed) if typed else None
            if cents is not None and cents > MOST_CENTS:
                raise EntryRefused(_("This value is too high to be true."))
            day = read_day(form.get("previsto"))
            with _changing(entry, "entry.valued") as change:
                change.before = {"price_cents": entry.value_cents}
                event = record(
                    entry, "valued", staff().email, value_cents=cents,
                    expected_on=day.isoformat() if day else None,
                )  # fmt: skip
                change.after = {"price_cents": cents}
                event_id = event.id
        except DomainError as refusal:
            return self._page(own_entry(entry_id), form, str(refusal), "valor"), 422
        done(_("Saved."), undo=f"{ENTRY}{entry_id}/desfazer/{event_id}")
        return redirect(f"{ENTRY}{entry_id}/", code=303)

    @at("/<int:entry_id>/meddic", WORK, methods=("POST",))
    def meddic(self, entry_id: int) -> Response:
        """What is known of the deal, each with its evidence."""
        entry = own_entry(entry_id)
        facts: dict[str, Any] = meddic_facts(request.form.to_dict())
        try:
            with _changing(entry, "entry.qualified"):
                event = record(entry, "qualified", staff().email, **facts)
                event_id = event.id
        except DomainError as refusal:
            return answer(refusal, f"{ENTRY}{entry_id}/")
        done(_("Saved."), undo=f"{ENTRY}{entry_id}/desfazer/{event_id}")
        return redirect(f"{ENTRY}{entry_id}/#meddic", code=303)

    @at("/<int:entry_id>/empresa", WORK, methods=("POST",))
    def revise(self, entry_id: int) -> Response | tuple[str, int]:
        """What is known of the company was wrong or too little."""
        entry, form = own_entry(entry_id), request.form
        company = found(entry.company)
        try:
            with _changing(entry, "entry.company") as change:
                change.before = _company_facts(company)
                revise_company(company, typed_company(form))
                change.after = _company_facts(company)
        except DomainError as refusal:
            return self._page(own_entry(entry_id), form, str(refusal), "empresa"), 422
        done(_("Saved."))
        return redirect(f"{ENTRY}{entry_id}/", code=303)

    @at("/<int:entry_id>/pessoa", WORK, methods=("POST",))
    def contact(self, entry_id: int) -> Response | tuple[str, int]:
        """Whom to talk to in the company."""
        entry, form = own_entry(entry_id), request.form
        found(entry.company)
        try:
            with _changing(entry, "entry.contact"):
                person = typed_person(form)
                if person is None:
                    raise EntryRefused(_("Type a phone or an e-mail."))
                record(entry, "contact", staff().email)
                entry.person = person
        except DomainError as refusal:
            return self._page(own_entry(entry_id), form, str(refusal), "pessoa"), 422
        done(_("Saved."))
        return redirect(f"{ENTRY}{entry_id}/", code=303)

    @at("/<int:entry_id>/tirar", WORK, methods=("POST",))
    def remove(self, entry_id: int) -> Response:
        """Off the list: the place is free for another."""
        entry = own_entry(entry_id)
        try:
            with _changing(entry, "entry.removed"):
                record(entry, "removed", staff().email)
        except DomainError as refusal:
            return answer(refusal, f"{ENTRY}{entry_id}/")
        done(_("Off the list."), undo=f"{ENTRY}{entry_id}/voltar")
        return redirect(f"{HERE}{entry.list_id}/", code=303)

    @at("/<int:entry_id>/voltar", WORK, methods=("POST",))
    def put_back(self, entry_id: int) -> Response:
        """Back onto the list, if there is room."""
        entry = own_entry(entry_id)
        step = request.form.get("proximo") or entry.next_step or _("Get in touch again")
        day = read_day(request.form.get("quando")) or max(entry.next_on, today())
        try:
            facts = next_facts(step, day)
            with _changing(entry, "entry.returned"):
                noun.put_back(entry, facts, by=staff().email)
        except DomainError as refusal:
            return answer(refusal, f"{ENTRY}{entry_id}/")
        done(_("Back on the list."))
        return redirect(f"{ENTRY}{entry_id}/", code=303)

    @at("/<int:entry_id>/desfazer/<int:event_id>", WORK, methods=("POST",))
    def undo(self, entry_id: int, event_id: int) -> Response:
        """The newest step was a slip."""
        entry = own_entry(entry_id)
        if event_id not in {one.id for one in events_of(entry)}:
            abort(404)
        try:
            with _changing(entry, "entry.undone"):
                undo(entry, event_id, staff().email)
        except DomainError as refusal:
            return answer(refusal, f"{ENTRY}{entry_id}/")
        done(_("Undone."))
        return redirect(f"{ENTRY}{entry_id}/", code=303)

    @at("/<int:entry_id>/toque", WORK, methods=("POST",))
    def tap(self, entry_id: int) -> tuple[str, int]:
        """A button that opens WhatsApp, the dialler or the mail was used."""
        entry = own_entry(entry_id)
        channel = request.form.get("canal", "")
        if channel not in TAPS:
            abort(404)
        if entry.ended_at is None:
            with _changing(entry, "entry.tapped"):
                record(entry, "tapped", staff().email, channel=channel)
        return "", 204

    def _page(
        self,
        entry: OutreachEntry,
        typed: Mapping[str, str] | None = None,
        problem: str = "",
        opened: str = "",
    ) -> str:
        zone = schedule_for(entry.list.store_id).zone
        person, is_live = entry.person, entry.ended_at is None
        text = None
        if person is not None:
            text = text_for("outreach", facts_of(person, staff(), entry.list.store_id))
        running = noun.live_round(entry.list_id)
        summary = noun.summaries([entry.list_id])[entry.list_id] if running else None
        day = today() + timedelta(days=NEXT_DAYS[entry.stage])
        return str(
            self.render(
                "admin/outreach_entry.html",
                entry=entry,
                title=entry_name(entry),
                typed=typed or {},
                problem=problem,
                opened=opened,
                is_live=is_live,
                stage=STAGES[entry.stage],
                stages=STAGES,
                categories=CATEGORIES,
                happenings=_possible(entry),
                channels=CHANNELS,
                meddic=MEDDIC,
                known=len(entry.meddic),
                all_bases=BASES,
                text=text,
                ways=_ways(entry, text.text if text else "", zone) if is_live else None,
                stops=[words_of(one) for one in entries_of(person) if not one.ended_at]
                if person
                else [],
                bases=[(BASES.get(one.basis, one.basis), one.source) for one in bases_of(person)]
                if person
                else [],
                events=[
                    (told_at(one.at, zone.key), event_words(one), event_detail(one), one.actor)
                    for one in sorted(
                        events_of(entry), key=lambda one: (one.at, one.id), reverse=True
                    )
                ],
                weighted=weighted_cents(entry.value_cents, entry.stage),
                round=running,
                summary=summary,
                next_day=day.isoformat(),
                today=today(),
                late=_late(entry),
            )
        )


def own_entry(entry_id: int) -> OutreachEntry:
    """The entry with that id, of a list that one may work; 404 otherwise."""
    entry: OutreachEntry = found(db.session.get(OutreachEntry, entry_id))
    own_list(entry.list_id)
    return entry


def _company_facts(company: Company) -> dict[str, Any]:
    names = ("name", "cnpj", "category", "city", "fleet_size")
    return {name: getattr(company, name) for name in names}


def _changing(entry: OutreachEntry, action: str) -> Any:
    return changing(
        action, f"entry:{entry.id}", label=entry_name(entry), store_id=entry.list.store_id
    )


def _possible(entry: OutreachEntry) -> dict[str, Any]:
    """What may happen to the entry as it stands."""
    return {
        kind: words
        for kind, words in HAPPENINGS.items()
        if Stage(entry.stage) in TRANSITIONS[kind].to
    }


def _ways(entry: OutreachEntry, message: str, zone: ZoneInfo) -> Ways | None:
    """How to reach the person of the entry; an offer, for nobody asked us."""
    if entry.person is None:
        return None
    is_agreed = request.args.get("combinado") == "1"
    return ways_to(entry.person, Purpose.MARKETING, message=message, is_agreed=is_agreed, zone=zone)


def _late(entry: OutreachEntry) -> str:
    days = (today() - entry.next_on).days
    if entry.ended_at is not None or days <= 0:
        return ""
    return str(ngettext("one day late", "%(num)s days late", days))


def views() -> Sequence[StaffView]:
    return [Entry(name="Entry", url="/admin/carteiras/entrada", endpoint="staff_outreach_entry")]
