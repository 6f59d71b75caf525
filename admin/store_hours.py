"""`/admin/lojas/<id>/…`: a store's week, its special days and its departments."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_day_names
from flask import request
from flask_babel import get_locale
from flask_babel import gettext as _
from werkzeug.utils import redirect

from admin import store_forms
from admin.door import StaffView, at, changing, done
from admin.meanwhile import Meanwhile, meanwhile
from admin.stores import EDIT, HERE, Answer, held, lacking, store_of
from core.clock import today
from core.db import db
from dealership import editing
from dealership.editing import ChangedMeanwhile, SettingRefused, check_mark, mark_of
from dealership.holidays import national_holidays
from dealership.hours import WEEKDAYS
from dealership.identity import StoreProfile, profile_of
from dealership.models import OpeningInterval, SpecialDayRow, Store


class StoreHoursView(StaffView):
    """When a store is open and who answers where."""

    in_menu = False

    # --- the week ---

    @at("/<int:store_id>/horarios", EDIT)
    def week(self, store_id: int) -> Answer:
        """The ordinary week."""
        store = store_of(store_id)
        return self._week(store, store_forms.shown_week(editing.week_of(store)))

    @at("/<int:store_id>/horarios", EDIT, methods=("POST",))
    def save_week(self, store_id: int) -> Answer:
        """Save the week, copy a day's hours to others, or show how it would look."""
        store, typed = store_of(store_id), store_forms.typed_week(request.form)
        if asked := request.form.get("copiar", ""):
            return self._week(store, store_forms.copied(typed, asked), is_dirty=True)
        subject = f"store_hours:{store_id}"
        try:
            week = store_forms.read_week(typed)
            if request.form.get("do") == "preview":
                editing.check_week(week)
                return self._week(store, typed, preview=_with_week(store, week), is_dirty=True)
            with changing("store.hours", subject, store_id=store_id) as change:
                store = held(store_id)
                before = editing.week_of(store)
                check_mark(request.form.get("visto", ""), before)
                editing.set_week(store, week)
                change.label = store.name
                change.before, change.after = _in_words(before), _in_words(week)
        except SettingRefused as refusal:
            return self._week(store_of(store_id), typed, refusal.problems, is_dirty=True), 422
        except ChangedMeanwhile:
            store = store_of(store_id)
            conflict = meanwhile(subject, list(_in_words(editing.week_of(store)).items()))
            return self._week(store, typed, conflict=conflict, is_dirty=True), 409
        done(_("The opening hours are saved."))
        return redirect(f"{HERE}{store_id}/horarios", code=303)

    # --- special days ---

    @at("/<int:store_id>/feriados", EDIT)
    def special_days(self, store_id: int) -> Answer:
        """Holidays and other exceptions from today on."""
        store = store_of(store_id)
        return self._days(store, store_forms.shown_days(_days_of(store)))

    @at("/<int:store_id>/feriados", EDIT, methods=("POST",))
    def save_special_days(self, store_id: int) -> Answer:
        """Save the list as it was typed."""
        rows, subject = store_forms.typed_days(request.form), f"store_days:{store_id}"
        store_of(store_id)
        try:
            days = store_forms.read_days(rows)
            with changing("store.special_days", subject, store_id=store_id) as change:
                store = held(store_id)
                check_mark(request.form.get("visto", ""), _days_of(store))
                change.label = store.name
                change.before = {"days": _listed(_days_of(store))}
                editing.set_special_days(store, days, since=_today_in(store))
                change.after = {"days": _listed(_days_of(store))}
        except SettingRefused as refusal:
            return self._days(store_of(store_id), rows, refusal.problems), 422
        except ChangedMeanwhile:
            store = store_of(store_id)
            conflict = meanwhile(subject, [(_("Now"), _listed(_days_of(store)))])
            return self._days(store, rows, conflict=conflict), 409
        done(_("The special days are saved."))
        return redirect(f"{HERE}{store_id}/feriados", code=303)

    @at("/<int:store_id>/feriados/nacionais", EDIT, methods=("POST",))
    def add_holidays(self, store_id: int) -> Answer:
        """Close the store on the ticked national holidays."""
        store_of(store_id)
        asked = {day for text in request.form.getlist("feriado") if (day := _iso(text))}
        years = {day.year for day in asked}
        offered = {one.day: one for year in years for one in national_holidays(year)}
        with changing("store.special_days", f"store_days:{store_id}", store_id=store_id) as change:
            store = held(store_id)
            present = _days_of(store)
            taken = {one.day for one in present}
            new = [
                editing.SpecialDayFacts(day, offered[day].name)
                for day in sorted(asked - taken)
                if day in offered and day >= _today_in(store)
            ]
            change.label = store.name
            change.before = {"days": _listed(present)}
            editing.set_special_days(store, [*present, *new], since=_today_in(store))
            change.after = {"days": _listed(_days_of(store))}
        done(_("Added. Change the hours of a day where the store opens all the same."))
        return redirect(f"{HERE}{store_id}/feriados", code=303)

    # --- departments ---

    @at("/<int:store_id>/departamentos", EDIT)
    def departments(self, store_id: int) -> Answer:
        """Which departments the store has, with their own numbers."""
        store = store_of(store_id)
        return self._departments(store, editing.departments_of(store))

    @at("/<int:store_id>/departamentos", EDIT, methods=("POST",))
    def save_departments(self, store_id: int) -> Answer:
        """Save them."""
        typed, subject = store_forms.typed_departments(request.form), f"store_parts:{store_id}"
        store_of(store_id)
        try:
            with changing("store.departments", subject, store_id=store_id) as change:
                store = held(store_id)
                before = editing.departments_of(store)
                check_mark(request.form.get("visto", ""), before)
                editing.set_departments(store, typed)
                change.label = store.name
                change.before = {"kinds": ", ".join(one.kind for one in before)}
                change.after = {"kinds": ", ".join(one.kind for one in typed)}
        except SettingRefused as refusal:
            return self._departments(store_of(store_id), typed, refusal.problems), 422
        except ChangedMeanwhile:
            page = self._departments(store_of(store_id), typed, conflict=meanwhile(subject))
            return page, 409
        done(_("The departments are saved."))
        return redirect(f"{HERE}{store_id}/departamentos", code=303)

    def _week(
        self,
        store: Store,
        typed: store_forms.TypedWeek,
        problems: Mapping[str, str] | None = None,
        *,
        conflict: Meanwhile | None = None,
        preview: StoreProfile | None = None,
        is_dirty: bool = False,
    ) -> str:
        return self._page(
            "admin/stores_week.html",
            store,
            preview or profile_of(store),
            typed=typed,
            slots={
                day: min(editing.MOST_INTERVALS, max(2, len(typed[day]) + (len(typed[day]) > 1)))
                for day in WEEKDAYS
            },
            problems=problems or {},
            conflict=conflict,
            is_dirty=is_dirty,
            day_names=day_names(),
            seen=mark_of(editing.week_of(store)),
        )

    def _days(
        self,
        store: Store,
        rows: Sequence[store_forms.TypedDay],
        problems: Mapping[str, str] | None = None,
        *,
        conflict: Meanwhile | None = None,
    ) -> str:
        this_year = _today_in(store).year
        year = this_year + 1 if request.args.get("ano") == str(this_year + 1) else this_year
        taken = {one.day for one in _days_of(store)}
        offered = [one for one in national_holidays(year) if one.day >= _today_in(store)]
        return self._page(
            "admin/stores_days.html",
            store,
            profile_of(store),
            rows=rows,
            problems=problems or {},
            conflict=conflict,
            offered=[one for one in offered if one.day not in taken],
            year=year,
            years=(this_year, this_year + 1),
            seen=mark_of(_days_of(store)),
        )

    def _departments(
        self,
        store: Store,
        typed: Sequence[editing.DepartmentFacts],
        problems: Mapping[str, str] | None = None,
        *,
        conflict: Meanwhile | None = None,
    ) -> str:
        return self._page(
            "admin/stores_departments.html",
            store,
            profile_of(store),
            typed={one.kind: one for one in typed},
            kinds=editing.DEPARTMENTS,
            problems=problems or {},
            conflict=conflict,
            seen=mark_of(editing.departments_of(store)),
        )

    def _page(self, template: str, store: Store, preview: StoreProfile, **values: Any) -> str:
        shared = {"store": store, "preview": preview, "lacks": lacking(store)}
        return str(self.render(template, **shared, **values))


# --- what the views share --------------------------------------------------------------------


def _today_in(store: Store) -> date:
    return today(ZoneInfo(store.zone))


def _days_of(store: Store) -> list[editing.SpecialDayFacts]:
    return editing.special_days_of(store, _today_in(store))


def _listed(days: Sequence[editing.SpecialDayFacts]) -> str:
    return "; ".join(f"{one.day:%d/%m/%Y} {one.name}".strip() for one in days)


def _iso(text: str) -> date | None:
    return store_forms.read_day(text)


def day_names() -> dict[int, str]:
    """Monday (0) to Sunday as people say them."""
    names = get_day_names("wide", locale=get_locale() or "pt_BR")
    return {day: names[day].removesuffix("-feira").capitalize() for day in WEEKDAYS}


def _in_words(week: editing.Week) -> dict[str, str]:
    return {
        name: ", ".join(f"{o:%H:%M}–{c:%H:%M}" for o, c in week.get(day, ())) or _("closed")
        for day, name in day_names().items()
    }


def _with_week(store: Store, week: editing.Week) -> StoreProfile:
    """The store as it would look with these hours."""
    with db.session.no_autoflush:
        draft = editing.draft_store(editing.facts_of(store), store)
        draft.opening_intervals = [
            OpeningInterval(weekday=day, opens=opens, closes=closes)
            for day, hours in week.items()
            for opens, closes in hours
        ]
        draft.special_days = [
            SpecialDayRow(day=row.day, name=row.name, opens=row.opens, closes=row.closes)
            for row in store.special_days
        ]
        return profile_of(draft)


def views() -> list[StaffView]:
    """The screens of this module, reached from the stores."""
    return [StoreHoursView(url="/admin/lojas", endpoint="staff_store_hours")]
