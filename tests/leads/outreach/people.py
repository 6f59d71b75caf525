"""Lists, entries and sales for tests."""

from datetime import timedelta
from itertools import count
from typing import Any

from core.clock import today
from core.db import db, writing
from dealership.models import Store
from dealership.roles import Role
from dealership.staff import StaffMember, create_staff
from leads.capture import Arrival, insert
from leads.intake import Asked, enter
from leads.models import Lead
from leads.outreach.companies import CompanyFacts, find_or_create_company
from leads.outreach.entries import next_facts
from leads.outreach.lists import add_entry, make_list
from leads.outreach.models import Company, OutreachEntry, OutreachList
from leads.people import find_or_create_person
from leads.pipeline.log import record
from tests.factories import make_store

BY = "vera@loja.example"
_numbers = count(1)


def a_list(kind: str = "accounts", store: Store | None = None) -> OutreachList:
    store = store or make_store()
    with writing():
        return make_list(f"Lista {next(_numbers)}", kind, store_id=store.id, owner_id=None, by=BY)


def tomorrow() -> dict[str, str]:
    return next_facts("Ligar", today() + timedelta(days=1))


def a_company(name: str = "", cnpj: str = "") -> Company:
    company, _is_new = find_or_create_company(CompanyFacts(name or f"Frota {next(_numbers)}", cnpj))
    return company


def an_entry(row: OutreachList | None = None, **who: Any) -> OutreachEntry:
    row = row or a_list()
    with writing():
        if not who:
            who = {"company": a_company()}
        return add_entry(db.session.merge(row), tomorrow(), by=BY, **who)


def a_person(name: str = "Ana Prado", phone: str = "") -> Any:
    phone = phone or f"+55119{80_000_000 + next(_numbers)}"
    return find_or_create_person(name=name, phone=phone)


def a_seller(store: Store, role: Role = Role.SELLER) -> StaffMember:
    with writing():
        return create_staff(
            f"pessoa{next(_numbers)}@loja.example", role, stores=[db.session.merge(store)]
        )


def a_sale(store: Store, seller: StaffMember, **facts: Any) -> Lead:
    """A lead that `seller` won, on the day before yesterday or as `facts` say."""
    mark = next(_numbers)
    arrival = Arrival(source="form:contato", idem_key=f"s{mark}", payload={}, kind="test")
    with writing():
        insert(arrival)
        asked = Asked(source="form:contato", kind="contact", name="Ana Prado",
                      phone=f"119{70_000_000 + mark}", store_id=store.id)  # fmt: skip
        lead = db.session.get_one(Lead, enter(asked, arrival.id).lead_id)
        record(lead, "claimed", seller.email, owner_id=seller.id)
        record(lead, "won", seller.email, **facts)
    return lead
