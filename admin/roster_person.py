"""`/admin/escala/<id>/…`: one person's shifts, absences and work settings."""

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import redirect, request
from flask_babel import gettext as _
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from admin import roster_forms
from admin.door import StaffView, answer, at, changing, done, found, staff
from admin.meanwhile import Meanwhile, meanwhile
from admin.roster import HERE
from admin.roster_forms import TypedShifts
from admin.roster_words import clock_words, day_names
from core.clock import DEFAULT_ZONE, now, today
from core.db import db
from core.errors import DomainError
from dealership.editing import (
    DEPARTMENTS,
    MOST_INTERVALS,
    ChangedMeanwhile,
    SettingRefused,
    check_mark,
    mark_of,
)
from dealership.models import Store
from dealership.roles import Permission, Role, allows
from dealership.roster import (
    MOST_CAPACITY,
    REASON_NAMES,
    Absence,
    AbsenceReason,
    RosterRefused,
    ShiftFacts,
    ShiftWeek,
    absences_of,
    add_absence,
    remove_absence,
    set_shifts,
    set_work,
    weeks_by_person,
    work_of,
)
from dealership.staff import StaffMember, lock_account

EDIT: Final = Permission.MANAGE_STAFF
WEEKS_SHOWN: Final = 12  # earlier ones that the page lists
Answer = str | Response | tuple[str, int]
_WORKING_ROLES: Final = [role.value for role in Role if allows(role, Permission.WORK_LEADS)]


class RosterPerson(StaffView):
    """When one person works, and what."""

    in_menu = False

    @at("/<int:staff_id>/", EDIT)
    def show(self, staff_id: int) -> Answer:
        """The forms."""
        return self._page(_found(staff_id))

    @at("/<int:staff_id>/turnos", EDIT, methods=("POST",))
    def save_shifts(self, staff_id: int) -> Answer:
        """Keep the week, or copy a day to others and show the form again."""
        member, typed = _found(staff_id), roster_forms.typed_shifts(request.form)
        if asked := request.form.get("copiar", ""):
            return self._page(member, typed=roster_forms.copied(typed, asked), is_dirty=True)
        try:
            wanted = roster_forms.read_shifts(typed)
            since = roster_forms.read_since(request.form.get("desde", ""))
            with _changing("roster.shifts", member) as change:
                lock_account(member)
                before = list(_newest(member).shifts)
                check_mark(request.form.get("visto", ""), before)
                set_shifts(member, wanted, since=None if since == today() else since)
                change.before = _in_words(before)
                change.after = {**_in_words(wanted), "since": since.isoformat()}
        except SettingRefused as refusal:
            member = _found(staff_id)
            return self._page(member, typed=typed, problems=refusal.problems, is_dirty=True), 422
        except ChangedMeanwhile:
            member = _found(staff_id)
            kept = _in_words(list(_newest(member).shifts))
            conflict = meanwhile(f"staff:{staff_id}", list(kept.items()))
            return self._page(member, typed=typed, conflict=conflict, is_dirty=True), 409
        done(_("The shifts of %(name)s are saved.", name=member.shown_name))
        return redirect(f"{HERE}{staff_id}/", code=303)

    @at("/<int:staff_id>/ausencias", EDIT, methods=("POST",))
    def add_absence(self, staff_id: int) -> Answer:
        """Put down an absence. The audit log keeps when, not why: that can be health."""
        member = _found(staff_id)
        try:
            starts_at, ends_at, reason = roster_forms.read_absence(request.form, _zone(member))
            with _changing("roster.absence_add", member) as change:
                add_absence(member, starts_at, ends_at, reason, by=staff().email)
                change.after = {"from": starts_at.isoformat(), "until": ends_at.isoformat()}
        except RosterRefused as refusal:
            member = _found(staff_id)
            return self._page(member, absence_problem=str(refusal), sent=request.form), 422
        done(_("The absence of %(name)s is on the roster.", name=member.shown_name))
        return redirect(f"{HERE}{staff_id}/#ausencias", code=303)

    @at("/<int:staff_id>/ausencias/<int:absence_id>/tirar", EDIT, methods=("POST",))
    def take_absence_off(self, staff_id: int, absence_id: int) -> Answer:
        """It was a mistake, or was called off."""
        member = _found(staff_id)
        row = db.session.get(Absence, absence_id)
        found(row if row is not None and row.staff_id == staff_id else None)
        with _changing("roster.absence_remove", member) as change:
            lock_account(member)
            row = db.session.get(Absence, absence_id, populate_existing=True)
            if row is not None:  # else a second click
                change.before = {
                    "from": row.starts_at.isoformat(),
                    "until": row.ends_at.isoformat(),
                }
                remove_absence(row)
        done(_("The absence is off the roster."))
        return redirect(f"{HERE}{staff_id}/#ausencias", code=303)

    @at("/<int:staff_id>/trabalho", EDIT, methods=("POST",))
    def save_work(self, staff_id: int) -> Answer:
        """Departments, limit, turn, stand-in."""
        member = _found(staff_id)
        try:
            facts = roster_forms.read_work(request.form)
            known = {colleague.id for colleague in _colleagues(member)}
            if facts.stand_in_id is not None and facts.stand_in_id not in known:
                raise RosterRefused(_("Choose a colleague as stand-in."))
            with _changing("roster.work", member) as change:
                change.before = _work_in_words(member)
                set_work(member, facts)
                change.after = _work_in_words(member)
        except DomainError as refusal:
            return answer(refusal, f"{HERE}{staff_id}/#trabalho")
        done(_("Saved."))
        return redirect(f"{HERE}{staff_id}/", code=303)

    def _page(
        self,
        member: StaffMember,
        *,
        typed: TypedShifts | None = None,
        problems: Mapping[str, str] | None = None,
        conflict: Meanwhile | None = None,
        is_dirty: bool = False,
        absence_problem: str = "",
        sent: Mapping[str, str] | None = None,
    ) -> str:
        weeks = weeks_by_person([member.id])[member.id]
        newest = weeks[-1]
        kept = list(newest.shifts)
        shown = roster_forms.shown_shifts(kept) if typed is None else typed
        stores = member.stores or _open_stores()
        zone = _zone(member)
        return str(
            self.render(
                "admin/roster_person.html",
                person=member,
                typed=shown,
                most_shifts=MOST_INTERVALS,
                problems=problems or {},
                conflict=conflict,
                is_dirty=is_dirty,
                day_names=day_names(),
                seen=mark_of(kept),
                since=request.form.get("desde")
                or max(newest.since or today(), today()).isoformat(),
                weeks=[_week_words(one) for one in reversed(weeks[:-1])][:WEEKS_SHOWN],
                planned=newest.since if newest.since and newest.since > today() else None,
                stores=stores if len(stores) > 1 else [],
                absences=[(row, _absence_words(row, zone)) for row in absences_of(member, now())],
                absence_problem=absence_problem,
                sent=sent or {},
                reason_names={reason.value: REASON_NAMES[reason] for reason in AbsenceReason},
                work=work_of(member),
                departments=DEPARTMENTS,
                most_capacity=MOST_CAPACITY,
                colleagues=_colleagues(member),
            )
        )


def _newest(member: StaffMember) -> ShiftWeek:
    """The week that holds until further notice: that of today, or the next one that is planned."""
    return weeks_by_person([member.id])[member.id][-1]


def _week_words(week: ShiftWeek) -> tuple[str, str]:
    """(until when it holds, its days in one line)."""
    days = [
        f"{name}: {hours}"
        for name, hours in _in_words(list(week.shifts)).items()
        if hours != _("off")
    ]
    last = f"{week.until - roster_forms.ONE_DAY:%d/%m/%Y}" if week.until else ""
    return last, " · ".join(days) or _("store hours")


def _found(staff_id: int) -> StaffMember:
    """Somebody who answers leads and whose account is this person's to change, or oneself."""
    me, row = staff(), db.session.get(StaffMember, staff_id)
    is_theirs = row is not None and (row.id == me.id or me.oversees(row))
    is_worker = row is not None and row.active and row.may(Permission.WORK_LEADS)
    member: StaffMember = found(row if is_theirs and is_worker else None)
    return member


def _colleagues(member: StaffMember) -> list[StaffMember]:
    """Who may stand in: whoever answers leads in one of the same stores."""
    rows = db.session.scalars(
        sa.select(StaffMember)
        .options(selectinload(StaffMember.stores))
        .where(StaffMember.active, StaffMember.role.in_(_WORKING_ROLES))
        .where(StaffMember.id != member.id)
        .order_by(sa.func.lower(StaffMember.name), StaffMember.id)
    )
    own = set(member.store_ids or ())
    return [
        one for one in rows if not own or one.store_ids is None or own.intersection(one.store_ids)
    ]


def _open_stores() -> list[Store]:
    statement = sa.select(Store).where(Store.closed_at.is_(None))
    return list(db.session.scalars(statement.order_by(Store.position, Store.id)))


def _zone(member: StaffMember) -> ZoneInfo:
    stores = member.stores or _open_stores()
    return ZoneInfo(stores[0].zone) if stores else DEFAULT_ZONE


def _changing(action: str, member: StaffMember) -> Any:
    return changing(action, f"staff:{member.id}", label=member.shown_name)


def _in_words(shifts: list[ShiftFacts]) -> dict[str, str]:
    return {
        name: ", ".join(
            f"{clock_words(one.starts)}–{clock_words(one.ends)}"
            for one in shifts
            if one.weekday == day
        )
        or _("off")
        for day, name in day_names().items()
    }


def _work_in_words(member: StaffMember) -> dict[str, Any]:
    facts = work_of(member)
    return {
        "departments": ", ".join(facts.departments),
        "capacity": facts.capacity,
        "takes_leads": facts.takes_leads,
        "stand_in": facts.stand_in_id,
        "started_on": facts.started_on.isoformat() if facts.started_on else "",
    }


def _absence_words(row: Absence, zone: ZoneInfo) -> str:
    """ "20/11/2026 – 24/11/2026", with times where the days are not whole."""
    starts, ends = row.starts_at.astimezone(zone), row.ends_at.astimezone(zone)
    is_whole = starts.time() == ends.time() == starts.min.time()
    if not is_whole:
        return f"{starts:%d/%m/%Y %H:%M} – {ends:%d/%m/%Y %H:%M}"
    last = ends.date() - roster_forms.ONE_DAY
    first_words, last_words = f"{starts:%d/%m/%Y}", f"{last:%d/%m/%Y}"
    return first_words if first_words == last_words else f"{first_words} – {last_words}"


def views() -> list[StaffView]:
    """The screens of this module, reached from the roster."""
    return [RosterPerson(url="/admin/escala", endpoint="roster_person")]
