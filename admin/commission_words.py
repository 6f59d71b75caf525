"""Commissions in words, and their rules as they are typed."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, IntegerField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from admin.content_forms import ContentForm
from admin.stock_scope import own_stores
from core.money import format_brl, parse_brl
from core.text import parse_decimal
from leads.pipeline.commission_months import PayRefused
from leads.pipeline.commissions import Rule

EVENTS: Final = {
    "visited": _l("Visit"),
    "handoff_accepted": _l("Accepted handoff"),
    "won": _l("Sale"),
}
KINDS: Final = {
    "earned": _l("Earned"),
    "taken_back": _l("Undone sale"),
    "refused": _l("Not paid"),
    "correction": _l("Correction of a closed month"),
}
ROLES: Final = {"attendant": _l("as attendant"), "seller": _l("as seller")}
REASONS: Final = {
    "cap": _l("The cap of the month is reached."),
    "sale_undone": _l("The sale was undone in time."),
    "undone": _l("It was undone: a slip of the thumb."),
    "test": _l("A test lead."),
    "suspect": _l("The lead looks like a robot's."),
    "duplicate": _l("The lead is a duplicate."),
    "invalid": _l("The lead was marked as no lead."),
    "repeated": _l("Counted already: once a lead."),
    "no_own_booking": _l("No appointment of your own stood before it."),
    "no_contact": _l("No proven conversation in the seven working days before it."),
    "no_price": _l("Nobody noted the price of the sale."),
}
VALUES: Final = {
    "fixo": _l("The same for each"),
    "percentual": _l("A share of the price (sales)"),
    "degraus": _l("Steps by how many in the month"),
}
STEPS: Final = 3


class RuleForm(ContentForm):
    """A rule to come."""

    nome = StringField(_l("Name"), render_kw={"required": True, "maxlength": 80})
    evento = SelectField(_l("Pays for"), choices=[SelectChoice(*one) for one in EVENTS.items()])
    de = DateField(_l("Holds from"), render_kw={"required": True})
    loja = SelectField(_l("Store"), coerce=str)
    como = SelectField(_l("How much"), choices=[SelectChoice(*one) for one in VALUES.items()])
    valor = StringField(
        _l("Value in reais"), description=_l("For the same for each, such as 50,00.")
    )
    percentual = StringField(_l("Percent of the price"), description=_l("Such as 0,5."))
    parte = IntegerField(
        _l("Attendant's part, in percent"),
        description=_l("The seller gets the rest. Who did both alone gets all."),
        render_kw={"type": "number", "min": 0, "max": 100},
    )
    teto = StringField(_l("Most per person and month"), description=_l("In reais; empty: no cap."))
    prazo = IntegerField(
        _l("Days in which an undone sale is taken back"),
        render_kw={"type": "number", "min": 0, "max": 90},
    )
    agenda = BooleanField(_l("Only with an own appointment before it"))
    conversa = BooleanField(_l("Only with a proven conversation in the seven working days before"))


def rule_form(data: Any = None, **values: Any) -> RuleForm:
    """The form, with the stores of who is signed in."""
    form = RuleForm(data, **values)
    stores = [SelectChoice(str(one.id), one.name) for one in own_stores()]
    form.loja.choices = [SelectChoice("", _("All stores")), *stores]
    return form


def typed_rule(form: RuleForm, steps: list[tuple[str, str]]) -> Rule:
    """What was typed; `steps` are pairs of (from, reais). Raises PayRefused, also in the words of
    what is wrong with a number."""
    if not form.validate() or form.de.data is None:
        raise PayRefused(_("Fill in name and day."))
    try:
        return _rule(form, form.de.data, steps)
    except ValueError as error:
        raise PayRefused(str(error)) from None


def _rule(form: RuleForm, first: date, steps: list[tuple[str, str]]) -> Rule:
    how = form.como.data
    value, percent = form.valor.data or "", form.percentual.data or ""
    cap = (form.teto.data or "").strip()
    if (how == "fixo" and not value.strip()) or (how == "percentual" and not percent.strip()):
        raise PayRefused(_("Say how much."))
    return Rule(
        id=0, name=form.nome.data or "", event=form.evento.data, valid_from=first,
        store_id=int(form.loja.data) if form.loja.data else None,
        fixed_cents=parse_brl(value) if how == "fixo" else None,
        basis_points=_basis_points(percent) if how == "percentual" else None,
        tiers=tuple(_step(*one) for one in steps if any(one)) if how == "degraus" else (),
        attendant_percent=100 if form.parte.data is None else form.parte.data,
        cap_cents=parse_brl(cap) if cap else None,
        clawback_days=7 if form.prazo.data is None else form.prazo.data,
        needs_own_booking=form.agenda.data, needs_contact=form.conversa.data,
    )  # fmt: skip


def _basis_points(text: str) -> int:
    points = parse_decimal(text.strip().removesuffix("%").strip()) * 100
    if points != int(points):
        raise PayRefused(_("A share has two decimals at most."))
    return int(points)


def _step(start: str, value: str) -> tuple[int, int]:
    if not (start.isascii() and start.isdigit() and len(start) <= 6):
        raise PayRefused(_("Steps begin with the first one and go up."))
    return int(start), parse_brl(value)


def value_words(rule: Rule) -> str:
    """How much a rule pays: "R$ 50,00", "0,5 % of the price", "from 1: …"."""
    if rule.basis_points is not None:
        share = f"{(Decimal(rule.basis_points) / 100).normalize():f}".replace(".", ",")
        return _("%(share)s%% of the price", share=share)
    if rule.tiers:
        steps = [
            _("from no. %(n)s %(value)s", n=start, value=format_brl(cents, with_cents=True))
            for start, cents in rule.tiers
        ]
        return ", ".join(steps)
    return format_brl(rule.fixed_cents or 0, with_cents=True)
