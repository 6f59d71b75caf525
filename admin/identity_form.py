"""The group's identity as it is typed."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import Form, RadioField, StringField, TextAreaField

from core.money import format_brl, parse_brl
from core.text import format_phone
from dealership.identity import format_cnpj
from dealership.looks import FONTS, IdentityFacts


class IdentityForm(Form):
    """The names are those of IdentityFacts; the logo is read by the library's picker."""

    name = StringField(_l("Name that buyers know"), render_kw={"maxlength": 80})
    tagline = StringField(
        _l("In one sentence"),
        description=_l("It opens the home page."),
        render_kw={"maxlength": 160},
    )
    about = TextAreaField(_l("About the group"), render_kw={"rows": 4, "maxlength": 2000})
    legal_name = StringField(
        _l("Registered name"),
        description=_l("Stands at the foot of every page and mail (Decreto 7.962/2013, art. 2)."),
        render_kw={"maxlength": 160},
    )
    cnpj = StringField(
        _l("CNPJ"),
        description=_l("With or without marks; letters are fine."),
        render_kw={"maxlength": 24, "autocapitalize": "characters"},
    )
    email = StringField(_l("E-mail"), render_kw={"type": "email", "inputmode": "email"})
    phone = StringField(_l("Telephone"), render_kw={"type": "tel", "inputmode": "tel"})
    whatsapp = StringField(_l("WhatsApp"), render_kw={"type": "tel", "inputmode": "tel"})
    brand_color = StringField(
        _l("Colour of the brand"),
        description=_l("Only the main button wears it. Like #1d4ed8."),
        render_kw={"maxlength": 20, "spellcheck": "false"},
    )
    font_family = RadioField(_l("Typeface"), choices=[])
    tone = TextAreaField(
        _l("How we write"),
        description=_l(
            "Three or four rules for whoever writes texts: what we say, what we never say."
        ),
        render_kw={"rows": 5, "maxlength": 2000},
    )
    finance_monthly_percent = StringField(
        _l("Interest in percent a month"),
        description=_l(
            "The simulator computes with it. CDC art. 52 wants the rate told wherever instalments "
            "are shown."
        ),
        render_kw={"inputmode": "decimal", "maxlength": 10},
    )
    finance_fees = StringField(
        _l("Fees financed along"),
        description=_l(
            "Registration, valuation and the like. They count in the total cost (CET) that CDC "
            "art. 54-B wants shown."
        ),
        render_kw={"inputmode": "decimal", "maxlength": 20},
    )
    finance_agent = StringField(
        _l("Who lends"),
        description=_l("CDC art. 54-B wants the lender named in every offer of credit."),
        render_kw={"maxlength": 120},
    )

    def __init__(self, *arguments: Any, known_font: str = "", **values: Any) -> None:
        super().__init__(*arguments, **values)
        fonts = dict(FONTS) if known_font in FONTS else {**FONTS, known_font: _("The present one")}
        self.font_family.choices = list(fonts.items())
        if self.font_family.data is None:
            self.font_family.data = known_font

    def facts(self, logo: Mapping[str, Any]) -> IdentityFacts:
        """What was typed, with the chosen logo."""
        values = {name: field.data or "" for name, field in self._fields.items()}
        return IdentityFacts(**values, logo=logo)

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Put the sentences of a refusal beside their fields."""
        for name, words in problems.items():
            self._fields[name].errors = [words]


def form_of(facts: IdentityFacts) -> IdentityForm:
    """The form filled with what is kept, as people read it."""
    values = {name: getattr(facts, name) for name in IdentityFacts.__dataclass_fields__}
    values |= {name: format_phone(values[name]) for name in ("phone", "whatsapp")}
    values["cnpj"] = format_cnpj(facts.cnpj)
    values["finance_monthly_percent"] = facts.finance_monthly_percent.replace(".", ",")
    values["finance_fees"] = format_brl(parse_brl(facts.finance_fees)).replace("\u00a0", " ")
    return IdentityForm(data=values, known_font=facts.font_family)


def differing(form: IdentityForm, now: IdentityFacts) -> list[tuple[str, str]]:
    """(field, what is there now) where what was typed is not what is there."""
    there = form_of(now)
    return [
        (str(field.label.text), str(there[name].data or _("empty")))
        for name, field in form._fields.items()
        if str(field.data or "").strip() != str(there[name].data or "").strip()
    ]
