"""What one row of a file of contacts says: read cell by cell, nothing stored.

A row is of a person who can be reached, of a company, or of both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from core.errors import DomainError
from core.money import NotMoney, parse_brl
from core.text import NotPhone, clean_line, fold, parse_phone
from dealership.editing import read_email
from inventory.importing.records import Record
from inventory.importing.report import ImportRefused, Problem
from leads.outreach.companies import CATEGORIES, CompanyFacts, NotCompany, checked
from leads.people import keys_of

FACTS: Final[Mapping[str, LazyString]] = {
    "name": _l("Name of the person"),
    "phone": _l("Phone or WhatsApp"),
    "email": _l("E-mail"),
    "company": _l("Name of the company"),
    "cnpj": _l("CNPJ"),
    "category": _l("Category of direct sale"),
    "city": _l("City"),
    "fleet_size": _l("Cars in the fleet"),
    "value": _l("Value of the contract"),
    "note": _l("Note"),
}
_CPF_DIGITS: Final = 11
SEVERAL: Final = frozenset({"phone", "email"})  # the first column that holds a good one counts
# What people call the facts in their sheets, folded.
COMMON_NAMES: Final[Mapping[str, str]] = {
    "nome": "name", "nome completo": "name", "cliente": "name", "nome do cliente": "name",
    "contato": "name", "responsavel": "name", "comprador": "name", "name": "name",
    "telefone": "phone", "telefone 1": "phone", "telefone 2": "phone", "fone": "phone",
    "celular": "phone", "whatsapp": "phone", "tel": "phone", "phone": "phone",
    "e-mail": "email", "email": "email", "e mail": "email", "mail": "email",
    "empresa": "company", "razao social": "company", "nome fantasia": "company",
    "fantasia": "company", "company": "company", "cnpj": "cnpj", "cpf/cnpj": "cnpj",
    "cnpj/cpf": "cnpj", "cpf cnpj": "cnpj",
    "categoria": "category", "segmento": "category", "tipo": "category",
    "cidade": "city", "municipio": "city", "city": "city",
    "frota": "fleet_size", "veiculos": "fleet_size", "qtd veiculos": "fleet_size",
    "valor": "value", "valor do contrato": "value", "potencial": "value",
    "observacao": "note", "observacoes": "note", "obs": "note", "nota": "note",
}  # fmt: skip
_CATEGORY_WORDS: Final[Mapping[str, str]] = {
    "empresa": "company", "pj": "company", "cnpj": "company", "mei": "mei",
    "locadora": "rental", "produtor": "producer", "produtor rural": "producer",
    "taxi": "taxi", "taxista": "taxi", "app": "app_driver", "aplicativo": "app_driver",
    "motorista de aplicativo": "app_driver", "uber": "app_driver", "pcd": "pcd",
    "autoescola": "driving_school", "auto escola": "driving_school",
    "cfc": "driving_school", "governo": "government", "prefeitura": "government",
    "orgao publico": "government",
}  # fmt: skip


@dataclass(slots=True)
class ContactRow:
    """One row. `company` is None where it names none; `phone` in E.164; money in cents."""

    number: int
    name: str = ""
    phone: str = ""
    email: str = ""
    company: CompanyFacts | None = None
    value_cents: int | None = None
    note: str = ""
    problems: list[Problem] = field(default_factory=list)

    @property
    def keys(self) -> list[tuple[str, str]]:
        return keys_of(self.phone, self.email)


def checked_columns(wanted: Mapping[str, str]) -> dict[str, str]:
    """A mapping (folded path -> fact) as somebody chose it, without what is left out. Raises
    ImportRefused when a fact is named twice, or none that tells who it is."""
    chosen = {path: fact for path, fact in wanted.items() if fact}
    if set(chosen.values()) - set(FACTS):
        raise ImportRefused(_("Choose what each column holds from the list."))
    facts = list(chosen.values())
    for fact in sorted(set(facts) - SEVERAL):
        if facts.count(fact) > 1:
            raise ImportRefused(_("Two columns are said to hold %(fact)s.", fact=FACTS[fact]))
    if not {"phone", "email", "cnpj", "company"} & set(facts):
        raise ImportRefused(_("Say which column holds the phone, the e-mail or the company."))
    return chosen


def read_row(record: Record, columns: Mapping[str, str], names: Mapping[str, str]) -> ContactRow:
    """The row that `record` is. What is wrong stands in its problems, each with the column."""
    cells: dict[str, list[tuple[str, str]]] = {}
    for path, fact in columns.items():
        for text in record.values.get(path, ()):
            if text.strip():
                cells.setdefault(fact, []).append((names.get(path, path), _plain(text)))
    row = ContactRow(record.number)
    if record.problem:
        column = names.get(record.problem_path, "")
        row.problems.append(Problem(record.number, column, record.problem))
        return row
    row.name, row.note = _line(cells, "name", 120), _line(cells, "note", 300)
    _read_contacts(row, cells)
    _read_company(row, cells)
    _read_value(row, cells)
    if not row.problems and not row.keys and row.company is None:
        row.problems.append(
            Problem(row.number, "", _("Neither a phone, nor an e-mail, nor a company."))
        )
    return row


Cells = Mapping[str, list[tuple[str, str]]]


def _plain(text: str) -> str:
    """Without the mark that keeps a spreadsheet from running it."""
    return text.removeprefix("'")


def _line(cells: Cells, fact: str, limit: int) -> str:
    return clean_line(cells[fact][0][1], limit) if fact in cells else ""


def _read_contacts(row: ContactRow, cells: Cells) -> None:
    """The first good phone and e-mail. One that is none spoils the row only if nothing else tells
    who it is: a second number with a digit missing must not lose a customer."""
    bad: list[Problem] = []
    for column, text in cells.get("phone", ()):
        try:
            row.phone = row.phone or parse_phone(text)
        except NotPhone as error:
            if error.suggestion:
                row.phone = row.phone or error.suggestion
            else:
                bad.append(Problem(row.number, column, str(error)))
    for column, text in cells.get("email", ()):
        try:
            row.email = row.email or read_email(text)
        except DomainError as error:
            bad.append(Problem(row.number, column, str(error)))
    if not row.keys:
        row.problems += bad


def _read_company(row: ContactRow, cells: Cells) -> None:
    typed = CompanyFacts(
        name=_line(cells, "company", 120),
        cnpj=_cnpj(_line(cells, "cnpj", 40)),
        category=_category(_line(cells, "category", 40)),
        city=_line(cells, "city", 80),
        fleet_size=_number(_line(cells, "fleet_size", 12)),
    )
    if not typed.name and not typed.cnpj:
        return
    try:
        row.company = checked(typed)
    except NotCompany as error:
        row.problems.append(Problem(row.number, cells["cnpj"][0][0], str(error)))


def _read_value(row: ContactRow, cells: Cells) -> None:
    for column, text in cells.get("value", ())[:1]:
        try:
            row.value_cents = parse_brl(text) or None
        except NotMoney as error:
            row.problems.append(Problem(row.number, column, str(error)))


def _cnpj(text: str) -> str:
    """Without what is a person's number: columns of both are common, and we hold no CPF."""
    return "" if sum(one.isdigit() for one in text) == _CPF_DIGITS else text


def _category(text: str) -> str:
    word = fold(text)
    return word if word in CATEGORIES else _CATEGORY_WORDS.get(word, "")


def _number(text: str) -> int | None:
    digits = text.replace(".", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 6 else None
