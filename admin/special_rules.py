"""`/admin/regras/especiais/`: who gets leads of some kinds: fleet, adapted cars, dear ones, a make,
a campaign, the car of whoever brought it in. Dated like the other rules of the queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from pydantic import ValidationError
from sqlalchemy.orm import selectinload
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin.door import StaffView, answer, at, changing, done, found, staff
from core.db import db
from core.errors import DomainError
from core.money import parse_brl
from core.text import clean_line, group_thousands, row_number
from dealership.roles import Permission
from dealership.staff import StaffMember
from inventory.models import Make
from leads.pipeline.rules import QueueRules, SpecialRule, rules_at, set_rules
from leads.words import SPECIAL_RULES

HERE: Final = "/admin/regras/especiais/"
MANAGE: Final = Permission.MANAGE_STAFF
MOST: Final = 20
CENTS: Final = 100


class BadRule(DomainError):
    """A rule that says nothing, in words."""


@dataclass(frozen=True)
class Row:
    """One rule in words."""

    what: str
    people: str


class SpecialRules(StaffView):
    """The rules, in the order in which they are asked."""

    in_menu = False

    @at("/", MANAGE)
    def index(self) -> str:
        """The rules that hold, and a form for one more."""
        return self._page({})

    @at("/", MANAGE, methods=("POST",))
    def add(self) -> Response | tuple[str, int]:
        """One more, after the others."""
        _everywhere()
        try:
            rule = _typed()
            with _changing() as change:
                kept = rules_at().special
                if rule in kept:
                    raise BadRule(_("This rule is there already."))
                if len(kept) >= MOST:
                    raise BadRule(_("At most %(n)s rules. Take one away first.", n=MOST))
                _keep(change, [*kept, rule])
        except BadRule as refusal:
            return self._page(request.form, str(refusal)), 422
        done(_("The rule holds from now on."))
        return redirect(HERE, code=303)

    @at("/mover", MANAGE, methods=("POST",))
    def move(self) -> Response:
        """Take one away, or let it be asked first. What was seen must still stand there."""
        _everywhere()
        try:
            with _changing() as change:
                kept = list(rules_at().special)
                place = row_number(request.form.get("lugar", ""))
                if place is None or place >= len(kept) or _mark(kept[place]) != _seen():
                    raise BadRule(_("The rules were changed meanwhile. Look again."))
                rule = kept.pop(place)
                if request.form.get("para") == "primeira":
                    kept.insert(0, rule)
                _keep(change, kept)
        except BadRule as refusal:
            return answer(refusal, HERE)
        done(_("Saved. The new rules hold from now on."))
        return redirect(HERE, code=303)

    def _page(self, typed: Mapping[str, str], problem: str = "") -> str:
        people = _people()
        makes = {one.slug: one.name for one in db.session.scalars(sa.select(Make))}
        rules = rules_at()
        chosen = request.form.getlist("pessoa")
        return str(
            self.render(
                "admin/special_rules.html",
                rows=[(_row(one, people, makes), _mark(one)) for one in rules.special],
                kinds=SPECIAL_RULES,
                makes=sorted(makes.items(), key=lambda pair: pair[1].casefold()),
                people=people,
                typed=typed,
                chosen=chosen,
                problem=problem,
                may_change=staff().store_ids is None,
                is_push=rules.mode == "push",
            )
        )


def _everywhere() -> None:
    found(True if staff().store_ids is None else None)


def _changing() -> Any:
    return changing("queue.rules", label=_("Special rules"))


def _keep(change: Any, kept: Sequence[SpecialRule]) -> None:
    change.before = _told(rules_at())
    plain = [one.model_dump(mode="json") for one in kept]
    change.after = _told(set_rules({"special": plain}, by=staff().email))


def _told(rules: QueueRules) -> dict[str, str]:
    people = _people()
    makes: dict[str, str] = {}
    rows = [_row(one, people, makes) for one in rules.special]
    return {"rules": "; ".join(f"{one.what} → {one.people}" for one in rows)}


def _mark(rule: SpecialRule) -> str:
    return rule.model_dump_json()


def _seen() -> str:
    return request.form.get("regra", "")


def _typed() -> SpecialRule:
    """The form as a rule. Raises BadRule."""
    kind = request.form.get("tipo", "")
    if kind not in SPECIAL_RULES:
        raise BadRule(_("Choose what kind of leads."))
    value = ""
    if kind == "price":
        cents = _cents(request.form.get("valor", ""))
        value = str(cents // CENTS)
    elif kind == "make":
        value = clean_line(request.form.get("marca", ""), 60)
        if not db.session.scalar(sa.select(Make.id).where(Make.slug == value)):
            raise BadRule(_("Choose a make."))
    elif kind == "campaign":
        value = clean_line(request.form.get("campanha", ""), 120)
        if not value:
            raise BadRule(_("Name the campaign."))
    known = _people()
    people = [number for one in request.form.getlist("pessoa") if (number := row_number(one))]
    if kind != "captor" and (not people or not set(people) <= known.keys()):
        raise BadRule(_("Choose who gets them."))
    try:
        return SpecialRule.model_validate(
            {"kind": kind, "value": value, "people": [] if kind == "captor" else people}
        )
    except ValidationError as error:
        raise BadRule(_("This rule makes no sense.")) from error


def _cents(text: str) -> int:
    try:
        cents = parse_brl(text)
    except ValueError:
        cents = None
    if cents is None or not CENTS <= cents <= 10**11:
        raise BadRule(_("Type the price from which the rule holds."))
    return cents


def _people() -> dict[int, str]:
    """Who may work leads, by name."""
    rows = db.session.scalars(
        sa.select(StaffMember)
        .where(StaffMember.active)
        .order_by(StaffMember.name, StaffMember.id)
        .options(selectinload(StaffMember.stores))
    )
    return {one.id: one.shown_name for one in rows if one.may(Permission.WORK_LEADS)}


def _row(rule: SpecialRule, people: Mapping[int, str], makes: Mapping[str, str]) -> Row:
    value = rule.value
    if rule.kind == "price":
        value = f"R$ {group_thousands(int(rule.value))}"
    elif rule.kind == "make":
        value = makes.get(rule.value, rule.value)
    names = [people.get(one, _("Somebody who left")) for one in rule.people]
    return Row(
        what=" ".join(filter(None, (str(SPECIAL_RULES[rule.kind]), value))),
        people=", ".join(names) or _("whoever it was"),
    )


def views() -> Sequence[StaffView]:
    """The screen of this module, reached from the rules of the queue."""
    return [
        SpecialRules(name="Special rules", url="/admin/regras/especiais",
                     endpoint="staff_special_rules")
    ]  # fmt: skip
