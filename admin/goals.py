"""`/admin/metas/`: goals, how far they are by working days, who reaches them. Supervisors set them,
everybody who works leads sees the team's and the own ones."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import abort, request
from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from werkzeug.utils import redirect
from werkzeug.wrappers import Response
from wtforms import DateField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from admin import groups
from admin.charts import row_chart
from admin.content_forms import ContentForm
from admin.door import StaffView, at, changing, done, found, is_sure, may, staff
from admin.stock_scope import own_stores
from core.clock import today
from core.db import db
from core.text import row_number
from dealership.roles import ROLE_NAMES, Permission, Role
from dealership.roster import first_days
from dealership.staff import StaffMember
from leads.pipeline import goals as noun
from leads.pipeline.clocks import schedule_for
from leads.pipeline.goals import (
    SHARES,
    Aim,
    Birth,
    Feat,
    Goal,
    GoalRefused,
    Measure,
    Progress,
    Scope,
)

HERE: Final = "/admin/metas/"
SEE: Final = Permission.WORK_LEADS
EDIT: Final = Permission.SUPERVISE_LEADS
MEASURES: Final = {
    Measure.ANSWERED: _l("First answers on time"),
    Measure.CONTACT: _l("Leads with a conversation"),
    Measure.VISITS: _l("Visits to the store"),
    Measure.HANDOFFS: _l("Handoffs that a seller accepted"),
    Measure.SALES: _l("Sales of own leads"),
}
TEAMS: Final = (Role.ATTENDANT, Role.SELLER)
PEOPLE_SHOWN: Final = 12


@dataclass(frozen=True)
class Row:
    """One goal as its card shows it."""

    goal: Goal
    name: str
    whose: str
    span: str
    progress: Progress
    unit: str
    chart: Markup
    people: list[tuple[str, int | None]]
    has_begun: bool
    has_ended: bool


class GoalForm(ContentForm):
    """What is measured, how much of it, until when, for whom."""

    medida = SelectField(
        _l("What is measured"), choices=[SelectChoice(one.value, MEASURES[one]) for one in Measure]
    )
    alvo = IntegerField(
        _l("Target"),
        description=_l("A number; percent for answers on time and for conversations."),
        render_kw={"type": "number", "min": 1, "required": True},
    )
    de = DateField(_l("From"), render_kw={"required": True})
    ate = DateField(_l("Last day"), render_kw={"required": True})
    para = SelectField(_l("For whom"), coerce=str)
    campanha = StringField(
        _l("Campaign"),
        description=_l(
            "For a campaign only: the address of its page, or its number at the portal."
        ),
    )
    loja = SelectField(_l("Store"), coerce=str)
    rampa = StringField(
        _l("Newcomer's months, in percent"),
        description=_l(
            "For one person's goal: what is asked in their first month, second … such as 50, 75;"
            " then all of it. Their first day stands in the roster."
        ),
    )


class Goals(StaffView):
    """Goals: look, set, change, remove."""

    icon = "star"

    @at("/", SEE)
    def index(self) -> str:
        """Those that run, come or ended in the last month."""
        day, me = today(), staff()
        listed = [one for one in noun.goals_around(day, me.store_ids) if _may_see(one)]
        first = min((one.first_day for one in listed), default=day)
        last = max((one.last_day for one in listed), default=day)
        births = noun.read_births(first, min(last, day)) if listed else []
        feats = noun.read_feats(first, min(last, day)) if listed else []
        people, started = _people(), first_days()
        stores = {one.id: one.name for one in own_stores(closed_too=True)}
        rows = [_row(one, births, feats, people, stores, day, started) for one in listed]
        month = day.replace(day=1)
        return str(
            self.render(
                "admin/goals.html",
                running=[one for one in rows if not one.has_ended],
                ended=[one for one in rows if one.has_ended],
                may_edit=_editable,
                can_set=may(EDIT),
                efforts=_efforts(people, month, day) if may(EDIT) else [],
                people_shown=PEOPLE_SHOWN,
            )
        )

    @at("/nova", EDIT, methods=("GET", "POST"))
    def new(self) -> str | Response | tuple[str, int]:
        """Set a goal."""
        form = _form(request.form or None)
        if request.method == "GET":
            first = today().replace(day=1)
            last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
            form.process(
                de=first, ate=last, medida=Measure.VISITS.value, para=Scope.HOUSE.value,
                loja=str(next(iter(staff().store_ids or []), "")),
            )  # fmt: skip
            return self._page(form, None)
        try:
            aim = _aim(form)
            with changing("goal.create", store_id=aim.store_id) as change:
                goal = noun.set_goal(aim, by=staff().email)
                change.subject = f"goal:{goal.id}"
                change.after = _told(goal)
        except GoalRefused as refusal:
            return self._refused(form, refusal, None)
        done(_("The goal is set."))
        return redirect(HERE, code=303)

    @at("/<int:goal_id>/", EDIT)
    def show(self, goal_id: int) -> str:
        """One goal to change."""
        goal = _own(goal_id)
        form = _form(
            medida=goal.measure, alvo=goal.target, de=goal.first_day, ate=goal.last_day,
            para=_whom(goal), campanha=goal.campaign, loja=str(goal.store_id or ""),
            rampa=", ".join(map(str, goal.ramp)),
        )  # fmt: skip
        return self._page(form, goal)

    @at("/<int:goal_id>/", EDIT, methods=("POST",))
    def save(self, goal_id: int) -> Response | tuple[str, int]:
        """Change it. Of two who do, the later one counts; both stand in the audit log."""
        goal, form = _own(goal_id), _form(request.form)
        try:
            with changing("goal.change", f"goal:{goal_id}", store_id=goal.store_id) as change:
                goal = _own(goal_id)
                change.before = _told(goal)
                change.after = _told(noun.set_goal(_aim(form), by=staff().email, goal=goal))
        except GoalRefused as refusal:
            return self._refused(form, refusal, _own(goal_id))
        done(_("Saved."))
        return redirect(HERE, code=303)

    @at("/<int:goal_id>/apagar", EDIT, methods=("POST",))
    def remove(self, goal_id: int) -> Response | str:
        """Take it away."""
        goal = _own(goal_id)
        if not is_sure():
            return self.ask_first(
                _("Remove this goal?"), _("What was reached stays in the reports."),
                yes=_("Remove it"), back=f"{HERE}{goal_id}/", back_words=_("Back to the goal"),
            )  # fmt: skip
        with changing("goal.remove", f"goal:{goal_id}", store_id=goal.store_id) as change:
            goal = _own(goal_id)
            change.before = _told(goal)
            db.session.delete(goal)
        done(_("The goal is gone."))
        return redirect(HERE, code=303)

    def _page(self, form: GoalForm, goal: Goal | None) -> str:
        return str(self.render("admin/goals_form.html", form=form, goal=goal))

    def _refused(self, form: GoalForm, why: GoalRefused, goal: Goal | None) -> tuple[str, int]:
        form.form_errors = [*form.form_errors, str(why)]
        return self._page(form, goal), 422


# --- who may -------------------------------------------------------------------------------------


def _may_see(goal: Goal) -> bool:
    """Everybody the team's; a person's that person and who supervises them."""
    me = staff()
    if goal.scope != Scope.PERSON or goal.staff_id == me.id:
        return True
    return may(EDIT) and (not me.stores or me.serves(goal.store_id))


def _editable(goal: Goal) -> bool:
    """A store's supervisor sets that store's goals; only who has all stores sets the house's."""
    me = staff()
    return may(EDIT) and (not me.stores or (goal.store_id is not None and me.serves(goal.store_id)))


def _own(goal_id: int) -> Goal:
    goal: Goal = found(db.session.get(Goal, goal_id))
    if not _editable(goal):
        abort(404)
    return goal


# --- forms ---------------------------------------------------------------------------------------


def _form(data: Any = None, **values: Any) -> GoalForm:
    form = GoalForm(data, **values)
    people = [
        (f"{Scope.PERSON}:{one.id}", one.shown_name)
        for one in _people().values()
        if one.active and staff().covers(one.store_ids)
    ]
    teams = [(f"{Scope.TEAM}:{one}", _("Team: %(role)s", role=ROLE_NAMES[one])) for one in TEAMS]
    everybody, campaign = (
        (Scope.HOUSE.value, _("Everybody")),
        (Scope.CAMPAIGN.value, _("A campaign")),
    )
    whole = [] if staff().stores else [("", _("All stores"))]
    stores = [(str(one.id), one.name) for one in own_stores()]
    form.para.choices = [SelectChoice(*one) for one in (everybody, *teams, campaign, *people)]
    form.loja.choices = [SelectChoice(*one) for one in (*whole, *stores)]
    return form


def _aim(form: GoalForm) -> Aim:
    if not form.validate() or form.alvo.data is None or not form.de.data or not form.ate.data:
        raise GoalRefused(_("Fill in target and days."))
    scope, _colon, whose = form.para.data.partition(":")
    store_id = int(form.loja.data) if form.loja.data else None
    return Aim(
        measure=form.medida.data, target=form.alvo.data, first_day=form.de.data,
        last_day=form.ate.data, scope=scope, store_id=store_id,
        staff_id=int(whose) if scope == Scope.PERSON else None,
        role=whose if scope == Scope.TEAM else "", campaign=form.campanha.data or "",
        ramp=_ramp(form.rampa.data or ""),
    )  # fmt: skip


def _ramp(text: str) -> tuple[int, ...]:
    """'50, 75%' as numbers. Raises GoalRefused."""
    parts = text.replace(";", ",").replace("%", "").replace(",", " ").split()
    numbers = [row_number(one) for one in parts]
    if None in numbers:
        raise GoalRefused(_("Type a newcomer's months as percents, such as 50, 75."))
    return tuple(number for number in numbers if number is not None)


def _whom(goal: Goal) -> str:
    if goal.scope == Scope.PERSON:
        return f"{Scope.PERSON}:{goal.staff_id}"
    return f"{Scope.TEAM}:{goal.role}" if goal.scope == Scope.TEAM else goal.scope


def _told(goal: Goal) -> dict[str, Any]:
    return {
        "measure": goal.measure, "target": goal.target, "first_day": goal.first_day.isoformat(),
        "last_day": goal.last_day.isoformat(), "scope": _whom(goal), "store_id": goal.store_id,
        "ramp": ", ".join(map(str, goal.ramp)),
    }  # fmt: skip


# --- rows ----------------------------------------------------------------------------------------


def _people() -> dict[int, StaffMember]:
    """Everybody who works leads, by name."""
    rows = db.session.scalars(
        sa.select(StaffMember)
        .where(StaffMember.role.in_(TEAMS))
        .order_by(StaffMember.name, StaffMember.id)
        .options(sa.orm.selectinload(StaffMember.stores))
    )
    return {one.id: one for one in rows}


def _row(
    goal: Goal,
    births: list[Birth],
    feats: list[Feat],
    people: dict[int, StaffMember],
    stores: dict[int, str],
    day: date,
    started: dict[int, date],
) -> Row:
    team = _team(goal, people)
    progress = noun.progress(
        goal, births, feats, schedule_for(goal.store_id), day, None if team is None else set(team),
        started_on=started.get(goal.staff_id or 0),
    )  # fmt: skip
    unit = "%" if goal.measure in SHARES else ""
    name = str(MEASURES[Measure(goal.measure)])
    has_begun, has_ended = goal.first_day <= day, goal.last_day < day
    return Row(
        goal=goal, name=name, whose=_whose(goal, people, stores), progress=progress, unit=unit,
        span=f"{format_date(goal.first_day, 'dd/MM')} – {format_date(goal.last_day, 'dd/MM/yyyy')}",
        chart=_chart(name, progress, unit, is_share=goal.measure in SHARES, has_ended=has_ended),
        people=_ranking(goal, births, feats, people, team) if has_begun else [],
        has_begun=has_begun, has_ended=has_ended,
    )  # fmt: skip


def _team(goal: Goal, people: dict[int, StaffMember]) -> list[int] | None:
    """Whose work counts; None: anybody's."""
    if goal.scope == Scope.PERSON:
        return [goal.staff_id] if goal.staff_id else []
    if goal.scope == Scope.TEAM:
        return [one.id for one in people.values() if one.role == goal.role]
    return None


def _chart(name: str, one: Progress, unit: str, *, is_share: bool, has_ended: bool) -> Markup:
    """Where it is, where it should be, where it will end, where it should end."""
    values: list[tuple[str, float]] = [(_("So far"), one.value or 0)]
    if not has_ended and not is_share:
        values.append((_("Pace today"), one.pace))
        values += [(_("Projection"), one.projection)] if one.projection is not None else []
    return row_chart(name, [*values, (_("Target"), one.target)], unit)


def _ranking(
    goal: Goal,
    births: list[Birth],
    feats: list[Feat],
    people: dict[int, StaffMember],
    team: list[int] | None,
) -> list[tuple[str, int | None]]:
    """Who brought how much, most first: all of them for supervisors, oneself for the others."""
    me = staff()
    seen = [one for one in (people if team is None else team) if one in people]
    if not may(EDIT):
        seen = [one for one in seen if one == me.id]
    else:
        seen = [one for one in seen if me.covers(people[one].store_ids)]
    counts = noun.by_person(goal, births, feats, seen)
    named = [(people[one].shown_name, value) for one, value in counts.items() if value is not None]
    return sorted(named, key=lambda pair: (-(pair[1] or 0), pair[0]))


def _whose(goal: Goal, people: dict[int, StaffMember], stores: dict[int, str]) -> str:
    if goal.scope == Scope.PERSON:
        person = people.get(goal.staff_id or 0)
        words = person.shown_name if person else _("Somebody who left")
    elif goal.scope == Scope.TEAM:
        words = _("Team: %(role)s", role=ROLE_NAMES[Role(goal.role)])
    elif goal.scope == Scope.CAMPAIGN:
        words = _("Campaign %(name)s", name=goal.campaign)
    else:
        words = _("Everybody")
    store = stores.get(goal.store_id or 0)
    return f"{words} · {store}" if store else words


def _efforts(people: dict[int, StaffMember], first: date, last: date) -> list[tuple[str, int, int]]:
    """(name, tries, notes) of the month."""
    counts = noun.efforts(first, last, staff().store_ids)
    rows = [
        (one.shown_name, counts[one.email, "attempted"], counts[one.email, "note"])
        for one in people.values()
        if staff().covers(one.store_ids)
    ]
    return sorted((one for one in rows if one[1] or one[2]), key=lambda one: (-one[1], one[0]))


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Goals(name=_l("Goals"), category=groups.LEADS, url="/admin/metas", endpoint="staff_goals")
    ]
