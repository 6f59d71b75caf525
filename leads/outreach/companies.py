"""Companies: recognised by their CNPJ, else by their name.

DomainError
└── NotCompany      no name, or a CNPJ that is none
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from sqlalchemy.dialects import postgresql, sqlite

from core.db import db
from core.errors import DomainError
from core.text import clean_line, fold
from dealership.editing import SettingRefused
from dealership.looks import read_cnpj
from leads.outreach.models import Company

# Who buys from the factory through us (venda direta); the makers' rules differ for each.
CATEGORIES: Final[Mapping[str, LazyString]] = {
    "company": _l("Company"),
    "mei": _l("Sole trader (MEI)"),
    "rental": _l("Rental firm"),
    "producer": _l("Rural producer"),
    "taxi": _l("Taxi driver"),
    "app_driver": _l("App driver"),
    "pcd": _l("Person with a disability (PcD)"),
    "driving_school": _l("Driving school"),
    "government": _l("Public body"),
}
MOST_CARS: Final = 100_000


class NotCompany(DomainError):
    """No name, or a CNPJ that is none; the sentence says which."""


@dataclass(frozen=True)
class CompanyFacts:
    """A company as somebody typed it; the CNPJ with or without its mask, or empty."""

    name: str = ""
    cnpj: str = ""
    category: str = ""
    city: str = ""
    fleet_size: int | None = None


def checked(facts: CompanyFacts) -> CompanyFacts:
    """`facts` fit to store: a CNPJ of 14 characters or none. Raises NotCompany."""
    cnpj = ""
    if facts.cnpj.strip():
        try:
            cnpj = read_cnpj(facts.cnpj)
        except SettingRefused:
            raise NotCompany(_("This CNPJ is not right. Check its digits.")) from None
    name = clean_line(facts.name, 120) or cnpj
    if not name:
        raise NotCompany(_("Say what the company is called, or its CNPJ."))
    cars = facts.fleet_size if facts.fleet_size and 0 < facts.fleet_size <= MOST_CARS else None
    category = facts.category if facts.category in CATEGORIES else ""
    return CompanyFacts(name, cnpj, category, clean_line(facts.city, 80), cars)


def find_company(facts: CompanyFacts) -> Company | None:
    """Who `facts`, checked, are: by the CNPJ alone; without one by the name, unless it is that of
    several companies with a CNPJ each."""
    where = Company.cnpj == facts.cnpj if facts.cnpj else Company.folded == fold(facts.name)
    rows = db.session.scalars(
        sa.select(Company).where(where).order_by(Company.cnpj.is_not(None), Company.id).limit(2)
    ).all()
    is_told = len(rows) == 1 or (rows and rows[0].cnpj is None)
    return rows[0] if is_told else None


def revise_company(company: Company, facts: CompanyFacts) -> None:
    """Correct what is known of `company`. Inside `writing()`. Raises NotCompany, also for the CNPJ
    of another one."""
    facts = checked(facts)
    other = sa.select(Company.id).where(Company.id != company.id)
    is_taken = (
        other.where(Company.cnpj == facts.cnpj)
        if facts.cnpj
        else other.where(Company.cnpj.is_(None), Company.folded == fold(facts.name))
    )
    if db.session.scalar(is_taken.limit(1)) is not None:
        raise NotCompany(_("Another company has this CNPJ, or this name, already."))
    company.name, company.folded = facts.name, fold(facts.name)
    company.cnpj, company.category = facts.cnpj or None, facts.category
    company.city, company.fleet_size = facts.city, facts.fleet_size
    db.session.flush()


def find_or_create_company(facts: CompanyFacts) -> tuple[Company, bool]:
    """The company, and whether it is new. What was known is not overwritten, what was not known is
    filled in. Inside `writing()`. Raises NotCompany."""
    facts = checked(facts)
    found = find_company(facts)
    if found is not None:
        found.category = found.category or facts.category
        found.city = found.city or facts.city
        found.fleet_size = found.fleet_size or facts.fleet_size
        return found, False
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    new_id = db.session.scalar(
        insert(Company)
        .values(
            name=facts.name,
            folded=fold(facts.name),
            cnpj=facts.cnpj or None,
            category=facts.category,
            city=facts.city,
            fleet_size=facts.fleet_size,
        )
        .on_conflict_do_nothing()
        .returning(Company.id)
    )
    company = db.session.get(Company, new_id) if new_id else find_company(facts)
    if company is None:  # made and taken back by somebody at this very moment
        raise NotCompany(_("Somebody changed this company just now. Try again."))
    return company, new_id is not None
