"""`/admin/nao-contatar/`: who wants no contact. Look up a phone or e-mail, add, lift, see what the
gate refused.

A contact is only ever posted, never part of an address: the list keeps digests alone, and a log or
a browser's history should know no more than the list.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, found, local_path, may, staff
from admin.leads import own_lead
from admin.lists import Listing
from admin.stop_words import STOP_WORDS
from core.clock import now
from core.db import db
from core.text import group_thousands, row_number
from dealership.roles import Permission
from leads.models import Lead, Person
from leads.objections import (
    StopEntry,
    blocked_counts,
    digests_of,
    entries_of,
    find_person_by,
    source_words,
    why_ended_words,
    words_of,
)
from leads.stop_list import CannotStop, Channel, Purpose, Source, lift, stop

HERE: Final = "/admin/nao-contatar/"
UNDO_WITHIN: Final = timedelta(minutes=10)  # a slip of the thumb, by who made it


@dataclass(frozen=True)
class Row:
    """One entry in words."""

    entry: StopEntry
    words: str
    source: str
    ended: str


@dataclass(frozen=True)
class Found:
    """What was looked up: the contact as typed, or a lead's person."""

    contact: str
    person: Person | None
    lead: Lead | None
    is_contact: bool
    entries: list[Row]


class StopList(StaffView):
    """The stop list."""

    icon = "shield"

    @at("/", Permission.SEE_LEADS)
    def index(self) -> str:
        """The newest entries and the figures; with `lead` what its person wants."""
        number = request.args.get("lead", "")
        if not (number.isascii() and number.isdigit() and len(number) <= 9):
            return self._page(None)
        lead = own_lead(int(number))
        return self._page(Found("", lead.person, lead, True, _rows(entries_of(lead.person))))

    @at("/procurar", Permission.SEE_LEADS, methods=("POST",))
    def look_up(self) -> str:
        """What a phone or an e-mail, as typed, has in the list."""
        contact = request.form.get("contato", "").strip()[:254]
        person = find_person_by(contact) if contact else None
        lead = _own_lead_of(person)
        entries = {one.id: one for who in (contact, person) if who for one in entries_of(who)}
        rows = _rows(sorted(entries.values(), key=lambda one: -one.id))
        # Whose it is, only to whom their leads are shown anyway.
        shown = person if lead else None
        return self._page(Found(contact, shown, lead, bool(digests_of(contact)), rows))

    @at("/parar", Permission.WORK_LEADS, methods=("POST",))
    def add(self) -> Response:
        """Somebody wants no contact: a lead's person, or a contact as typed."""
        form = request.form
        number = row_number(form.get("lead", ""))
        lead = own_lead(number) if number is not None else None
        back = f"/admin/leads/{lead.id}/" if lead else HERE
        try:
            channel, purpose = Channel(form.get("canal", "")), Purpose(form.get("assunto", ""))
        except ValueError:
            return answer(CannotStop(_("Choose where and what.")), back)
        by, lead_id = staff().email, lead.id if lead else None
        try:
            with changing("stop.add", store_id=lead.store_id if lead else None) as change:
                who = own_lead(lead_id).person if lead_id else form.get("contato", "")
                entry = stop(
                    who,
                    channel,
                    purpose,
                    source=Source.STAFF,
                    actor=by,
                    reason=form.get("motivo", ""),
                )
                change.subject = f"stop:{entry.id}"
                change.after = {"channel": channel.value, "purpose": purpose.value}
                entry_id = entry.id
        except CannotStop as refusal:
            return answer(refusal, back)
        done(_("Noted. Nothing goes out to them any more."), undo=f"{HERE}{entry_id}/desfazer")
        return redirect(local_path(form.get("volta"), back), code=303)

    @at("/<int:entry_id>/desfazer", Permission.WORK_LEADS, methods=("POST",))
    def undo(self, entry_id: int) -> Response:
        """A slip of the thumb: who made the entry takes it back within ten minutes."""
        entry: StopEntry = found(db.session.get(StopEntry, entry_id))
        me = staff().email
        if entry.actor != me or entry.at < now() - UNDO_WITHIN:
            return answer(
                CannotStop(_("Too late to undo: a supervisor can lift it, with a reason.")), HERE
            )
        with changing("stop.undo", f"stop:{entry_id}"):
            lift(entry_id, by=me, why="mistake")
        done(_("Undone."))
        return redirect(HERE, code=303)

    @at("/<int:entry_id>/liberar", Permission.LIFT_STOPS, methods=("POST",))
    def lift(self, entry_id: int) -> Response:
        """The person may be contacted again, for a reason."""
        found(db.session.get(StopEntry, entry_id))
        me = staff().email
        try:
            with changing("stop.lift", f"stop:{entry_id}") as change:
                entry = lift(entry_id, by=me, why=request.form.get("motivo", ""))
                change.after = {"reason": entry.why_ended}
        except CannotStop as refusal:
            return answer(refusal, HERE)
        done(_("Lifted. They may be contacted again."))
        return redirect(HERE, code=303)

    def _page(self, shown: Found | None) -> str:
        is_ended = request.args.get("quais") == "liberadas"
        ended = StopEntry.ended_at.is_not(None) if is_ended else StopEntry.ended_at.is_(None)
        listing = Listing(
            sa.select(StopEntry).where(ended),
            {"data": StopEntry.at},
            default="-data",
            tie=StopEntry.id.desc(),
            page_size=25,
        )
        counts = blocked_counts()
        return str(
            self.render(
                "admin/stop_list.html",
                shown=shown,
                listing=listing,
                rows=_rows(list(listing.rows)),
                is_ended=is_ended,
                words=STOP_WORDS,
                figures=_figures(counts),
                may_lift=may(Permission.LIFT_STOPS),
                may_add=may(Permission.WORK_LEADS),
            )
        )


def _figures(counts: dict[tuple[Channel, bool], int]) -> list[tuple[str, str]]:
    """What the gate refused in 30 days: by channel, and calls at a wrong hour apart."""
    rows = [
        (str(STOP_WORDS.channels[channel]), counts.get((channel, True), 0))
        for channel in (Channel.MAIL, Channel.WHATSAPP, Channel.PHONE)
    ]
    rows.append((_("Calls outside the hours"), counts.get((Channel.PHONE, False), 0)))
    return [(name, group_thousands(count)) for name, count in rows]


def _rows(entries: list[StopEntry]) -> list[Row]:
    return [
        Row(entry, words_of(entry), source_words(entry), why_ended_words(entry))
        for entry in entries
    ]


def _own_lead_of(person: Person | None) -> Lead | None:
    """The newest lead of `person` that who is signed in may see."""
    if person is None:
        return None
    rows = db.session.scalars(
        sa.select(Lead).where(Lead.person_id == person.id).order_by(Lead.id.desc()).limit(20)
    )
    return next((lead for lead in rows if staff().serves(lead.store_id)), None)


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        StopList(
            name=_l("Do not contact"),
            category=groups.LEADS,
            url="/admin/nao-contatar",
            endpoint="staff_stop_list",
        )
    ]
