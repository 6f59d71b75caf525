"""A list as a table for spreadsheets."""

import csv
import io
from collections.abc import Sequence
from datetime import date

from flask_babel import gettext as _

from admin.outreach.words import STAGES
from core.money import format_brl
from core.text import format_phone
from dealership.identity import format_cnpj
from inventory.importing.rows import FORMULA
from leads.outreach.models import OutreachEntry


def as_csv(entries: Sequence[OutreachEntry]) -> str:
    """A row for each entry, as Excel in Brazil opens it; a cell that a spreadsheet would run as a
    formula gets a `'` in front."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(
        [_("Company"), _("CNPJ"), _("Person"), _("Phone"), _("E-mail"), _("Stage"),
         _("Value of the contract"), _("Next step"), _("When")]
    )  # fmt: skip
    for one in entries:
        company, person = one.company, one.person
        cells = [
            company.name if company else "", format_cnpj(company.cnpj or "") if company else "",
            person.name if person else "", format_phone(person.phone) if person else "",
            person.email if person else "", str(STAGES[one.stage]),
            format_brl(one.value_cents).replace("\xa0", " ") if one.value_cents else "",
            one.next_step, _iso(one.next_on),
        ]  # fmt: skip
        writer.writerow([f"'{text}" if FORMULA.match(text) else text for text in cells])
    return out.getvalue()


def _iso(day: date) -> str:
    return day.strftime("%d/%m/%Y")
