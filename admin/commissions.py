"""`/admin/comissoes/`: everybody's own statement by month, line by line; for supervisors all of
them, the rules, and closing a month. No payroll: amounts leave as CSV."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa
from flask import Response as FlaskResponse
from flask import abort, request
from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.charts import row_chart
from admin.commission_words import (
    EVENTS,
    KINDS,
    REASONS,
    ROLES,
    STEPS,
    RuleForm,
    rule_form,
    typed_rule,
    value_words,
)
from admin.door import StaffView, answer, at, changing, done, found, is_sure, may, staff
from admin.export_writing import workbook
from admin.reports import XLSX, attached, spreadsheet
from admin.stock_scope import own_stores
from admin.store_forms import read_day
from core.clock import DEFAULT_ZONE, read_instant, today
from core.db import db
from core.text import row_number
from dealership.roles import Permission
from dealership.staff import StaffMember
from leads.pipeline import commission_months as noun
from leads.pipeline.clocks import schedule_for
from leads.pipeline.commission_months import (
    CommissionDoubt,
    CommissionMonth,
    CommissionRule,
    PayRefused,
    first_day,
    is_month,
    month_after,
)
from leads.pipeline.commissions import Line, Statement
from leads.pipeline.outlook import outlook

HERE: Final = "/admin/comissoes/"
RULES: Final = f"{HERE}regras"
SEE: Final = Permission.WORK_LEADS
ALL: Final = Permission.SUPERVISE_LEADS
MONTHS: Final = 13  # that the picker offers


@dataclass(frozen=True)
class ShownLine:
    """One line in words, with what was said against it."""

    line: Line
    kind: str
    day: date
    role: str
    reason: str
    doubts: list[CommissionDoubt]

    @property
    def is_open(self) -> bool:
        """Whether somebody still waits for an answer."""
        return any(one.answered_at is None for one in self.doubts)


@dataclass(frozen=True)
class PersonTotal:
    """One person's month in the team's table."""

    staff_id: int
    name: str
    lines: int
    refused: int
    total_cents: int
    doubts: int


class Commissions(StaffView):
    """Statements, rules, closing."""

    icon = "scales"

    @at("/", SEE)
    def index(self) -> str:
        """The own statement of a month; for supervisors the team's table, or one person's."""
        month, people = _month(), _people()
        person = _person(people)
        statements = {one.staff_id: one for one in noun.statements_of(month)}
        doubts = noun.doubts_of(month)
        closed = db.session.get(CommissionMonth, month)
        team = [] if person else _team(statements, people, doubts)
        shown = statements.get(person.id) if person else None
        may_close = may(ALL) and not staff().stores
        total = shown.total_cents if shown else sum(one.total_cents for one in team)
        return str(
            self.render(
                "admin/commissions.html",
                month=month,
                months=_months(month),
                month_name=_month_name(month),
                person=person,
                people=_choosable(people),
                is_own=person is not None and person.id == staff().id,
                statement=shown,
                lines=_shown(shown, doubts) if shown else [],
                chart=_own_chart(shown) if shown else _team_chart(team),
                team=team,
                outlook=outlook(month, total, today(), schedule_for(None)),
                closed=closed,
                is_intact=closed is None or not may_close or noun.is_intact(closed),
                names={one.email: one.shown_name for one in people.values()},
                may_all=may(ALL),
                may_rule=may_close,
                may_close=may_close and closed is None and first_day(month_after(month)) <= today(),
                is_over=first_day(month_after(month)) <= today(),
            )
        )

    @at("/extrato.csv", SEE)
    def csv(self) -> FlaskResponse:
        """The statement, or everybody's, for a spreadsheet and the bookkeeper."""
        month, rows = _table(_reais)
        return attached(spreadsheet(rows).encode(), f"comissoes-{month}.csv", "text/csv")

    @at("/extrato.xlsx", SEE)
    def xlsx(self) -> FlaskResponse:
        """The same as a workbook, with amounts that can be summed."""
        month, rows = _table(lambda cents: Decimal(cents) / 100)
        return attached(workbook(rows, month), f"comissoes-{month}.xlsx", XLSX)

    @at("/contestar", SEE, methods=("POST",))
    def doubt(self) -> Response:
        """Say something against a line of the own statement."""
        month, me = request.form.get("mes", ""), staff()
        back = f"{HERE}?mes={month}" if is_month(month) else HERE
        try:
            if not is_month(month):
                raise PayRefused(_("This line is no longer there. Look again."))
            with changing("commission.doubt") as change:
                row = noun.doubt(
                    month, me.id, request.form.get("linha", ""), request.form.get("texto", "")
                )
                change.subject, change.label = f"lead:{row.lead_id}", month
        except PayRefused as refusal:
            return answer(refusal, back)
        done(_("Noted. Your supervisor answers here."))
        return redirect(back, code=303)

    @at("/duvidas/<int:doubt_id>/responder", ALL, methods=("POST",))
    def reply(self, doubt_id: int) -> Response:
        """Answer what somebody said."""
        row, person = _doubt(doubt_id)
        back = f"{HERE}?mes={row.month}&pessoa={person.id}"
        try:
            with changing("commission.answer", f"lead:{row.lead_id}", label=row.month):
                noun.answer_doubt(
                    _doubt(doubt_id)[0], request.form.get("texto", ""), by=staff().email
                )
        except PayRefused as refusal:
            return answer(refusal, back)
        done(_("Answered."))
        return redirect(back, code=303)

    @at("/fechar", ALL, methods=("POST",))
    def close(self) -> Response | str:
        """Close a month for good."""
        _refuse_store_people()
        month = request.form.get("mes", "")
        back = f"{HERE}?mes={month}" if is_month(month) else HERE
        if is_month(month) and not is_sure():
            return self.ask_first(
                _("Close %(month)s?", month=_month_name(month)),
                _("The statements are kept as they are. What changes later comes off or on in the "
                  "next month."),
                yes=_("Close the month"), back=back, back_words=_("Back to the statements"),
                fields={"mes": month},
            )  # fmt: skip
        try:
            with changing("commission.close", f"month:{month[:7]}") as change:
                row = noun.close_month(month, by=staff().email)
                change.after = {"digest": row.digest}
        except PayRefused as refusal:
            return answer(refusal, back)
        done(_("The month is closed."))
        return redirect(back, code=303)

    @at("/regras", ALL)
    def rules(self) -> str:
        """What is paid for, now, before and to come; a new one."""
        _refuse_store_people()
        form = rule_form(de=_first_open_day(), parte=50, prazo=7, como="fixo", evento="visited")
        return self._rules(form, [("1", ""), ("", ""), ("", "")])

    @at("/regras", ALL, methods=("POST",))
    def add(self) -> Response | tuple[str, int]:
        """A new rule from a day on."""
        _refuse_store_people()
        form = rule_form(request.form)
        steps = [
            (
                request.form.get(f"a_partir_{n}", "").strip(),
                request.form.get(f"paga_{n}", "").strip(),
            )
            for n in range(STEPS)
        ]
        typed = [pair if pair[1] else ("", "") for pair in steps]
        try:
            rule = typed_rule(form, typed)
            with changing("commission.rule", store_id=rule.store_id) as change:
                row = noun.add_rule(rule, by=staff().email)
                change.subject, change.label = f"rule:{row.id}", row.name
                change.after = noun.rule_facts(row)
        except PayRefused as refusal:
            form.form_errors = [*form.form_errors, str(refusal)]
            return self._rules(form, steps), 422
        done(_("The rule holds from its day on."))
        return redirect(RULES, code=303)

    @at("/regras/<int:rule_id>/encerrar", ALL, methods=("POST",))
    def end(self, rule_id: int) -> Response:
        """Let a rule hold until a day."""
        _refuse_store_people()
        found(db.session.get(CommissionRule, rule_id))
        last = read_day(request.form.get("ate", ""))
        try:
            if last is None:
                raise PayRefused(_("Type a date, like 25/12/2026."))
            with changing("commission.end_rule", f"rule:{rule_id}") as change:
                row = db.session.get_one(CommissionRule, rule_id)
                change.label, change.before = row.name, noun.rule_facts(row)
                noun.end_rule(row, last)
                change.after = noun.rule_facts(row)
        except PayRefused as refusal:
            return answer(refusal, RULES)
        done(_("The rule ends that day."))
        return redirect(RULES, code=303)

    def _rules(self, form: RuleForm, steps: list[tuple[str, str]]) -> str:
        day = today()
        rows = [(row, value_words(row.facts())) for row in noun.all_rules()]
        return str(
            self.render(
                "admin/commission_rules.html",
                form=form,
                steps=steps,
                current=[one for one in rows if not _has_ended(one[0], day)],
                ended=[one for one in rows if _has_ended(one[0], day)],
                events=EVENTS,
                stores={one.id: one.name for one in own_stores(closed_too=True)},
                today=day,
                last_of_month=first_day(month_after(day.strftime("%Y-%m"))) - timedelta(days=1),
            )
        )


# --- who and when --------------------------------------------------------------------------------


def _refuse_store_people() -> None:
    """Rules and closing are the whole house's."""
    if staff().stores:
        abort(404)


def _people() -> dict[int, StaffMember]:
    rows = db.session.scalars(
        sa.select(StaffMember)
        .order_by(StaffMember.name, StaffMember.id)
        .options(sa.orm.selectinload(StaffMember.stores))
    )
    return {one.id: one for one in rows}


def _choosable(people: dict[int, StaffMember]) -> dict[int, str]:
    """Whose statements who is signed in may read."""
    me = staff()
    if not may(ALL):
        return {me.id: me.shown_name}
    return {
        one.id: one.shown_name
        for one in people.values()
        if one.id == me.id or me.covers(one.store_ids)
    }


def _person(people: dict[int, StaffMember]) -> StaffMember | None:
    """Whose statement is asked for: the own one for who has no team; None: the team's table."""
    asked = row_number(request.args.get("pessoa", ""))
    if not may(ALL):
        return staff()
    if asked is None:
        return None
    if asked not in _choosable(people):
        abort(404)
    return people[asked]


def _doubt(doubt_id: int) -> tuple[CommissionDoubt, StaffMember]:
    row: CommissionDoubt = found(db.session.get(CommissionDoubt, doubt_id))
    person = db.session.get_one(StaffMember, row.staff_id)
    if not staff().covers(person.store_ids):
        abort(404)
    return row, person


def _month() -> str:
    asked = request.args.get("mes", "")
    this = today().strftime("%Y-%m")
    return asked if is_month(asked) and asked <= this else this


def _months(chosen: str) -> list[tuple[str, str]]:
    this = today().strftime("%Y-%m")
    codes = [month_after(this, -n) for n in range(MONTHS)]
    if chosen not in codes:
        codes.append(chosen)
    return [(code, _month_name(code)) for code in codes]


def _month_name(month: str) -> str:
    return str(format_date(first_day(month), "MMMM 'de' yyyy"))


def _first_open_day() -> date:
    months = noun.closed_months()
    this = today().replace(day=1)
    return max(this, first_day(month_after(months[0].month))) if months else this


def _has_ended(row: CommissionRule, day: date) -> bool:
    return row.valid_until is not None and row.valid_until < day


# --- rows ----------------------------------------------------------------------------------------


def _table(amount: Callable[[int], Any]) -> tuple[str, list[list[Any]]]:
    """(the month, headings and lines of whose statements are asked for)."""
    month, people = _month(), _people()
    person = _person(people)
    wanted = {person.id} if person else set(_choosable(people))
    head = [_("Who"), _("Month"), _("Day"), _("What"), _("Rule"), _("Role"), _("Lead"),
            _("Events"), _("Whole"), _("Part"), _("Amount"), _("Reason")]  # fmt: skip
    rows = [
        [people[one.staff_id].shown_name, month, shown.day.isoformat(), shown.kind,
         shown.line.rule, shown.role, shown.line.lead_id,
         " ".join(map(str, shown.line.event_ids)), amount(shown.line.whole_cents),
         amount(shown.line.share_cents), amount(shown.line.cents), shown.reason]
        for one in noun.statements_of(month)
        if one.staff_id in wanted
        for shown in _shown(one, [])
    ]  # fmt: skip
    return month, [head, *rows]


def _shown(statement: Statement, doubts: list[CommissionDoubt]) -> list[ShownLine]:
    mine = [one for one in doubts if one.staff_id == statement.staff_id]
    return [
        ShownLine(
            line=line,
            kind=str(KINDS[line.kind]),
            day=read_instant(line.at).astimezone(DEFAULT_ZONE).date(),
            role=str(ROLES[line.role]),
            reason=str(REASONS.get(line.reason, line.reason)),
            doubts=[one for one in mine if one.line_key == line.key],
        )
        for line in statement.lines
    ]


def _team(
    statements: dict[int, Statement],
    people: dict[int, StaffMember],
    doubts: list[CommissionDoubt],
) -> list[PersonTotal]:
    rows = []
    for staff_id, name in _choosable(people).items():
        one = statements.get(staff_id)
        waiting = sum(d.staff_id == staff_id and d.answered_at is None for d in doubts)
        if one is None and not waiting:
            continue
        lines = one.lines if one else ()
        refused = sum(line.kind == "refused" for line in lines)
        total = one.total_cents if one else 0
        rows.append(PersonTotal(staff_id, name, len(lines) - refused, refused, total, waiting))
    return sorted(rows, key=lambda row: (-row.total_cents, row.name))


def _own_chart(statement: Statement) -> str:
    """Reais by rule; what was taken back is taken off."""
    sums: dict[str, int] = {}
    for line in statement.lines:
        sums[line.rule] = sums.get(line.rule, 0) + line.cents
    values = [(name, cents / 100) for name, cents in sums.items() if cents > 0]
    return row_chart(_("Reais by rule"), values)


def _team_chart(team: list[PersonTotal]) -> str:
    values = [(one.name, one.total_cents / 100) for one in team[:12] if one.total_cents > 0]
    return row_chart(_("Reais by person"), values)


def _reais(cents: int) -> str:
    """'-1234,56', as Brazilian spreadsheets read a number."""
    reais, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{reais},{rest:02d}"


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Commissions(
            name=_l("Commissions"),
            category=groups.LEADS,
            url="/admin/comissoes",
            endpoint="staff_commissions",
        )
    ]
