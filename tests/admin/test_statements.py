"""No page of the staff door asks the database more often because there is more in it.

Every address that answers to reading is opened with little of everything, then with much. A new
screen is walked without a word here.
"""

import re
from collections import Counter
from itertools import product

import sqlalchemy as sa
from flask import Flask

from core.db import db, writing
from dealership.audit import AuditEntry
from dealership.staff import find_staff
from inventory.models import Photo, PriceChange, StateChange, Vehicle
from leads.capture import Arrival, insert
from leads.intake import Asked as Wish
from leads.intake import enter
from leads.models import Enquiry, Lead, LeadEvent
from tests.admin.addresses import Address, every_address
from tests.admin.conftest import SignIn
from tests.admin.rows import NEEDS_MORE, Asked, make_row, number
from tests.factories import make_store, make_vehicle

FEW, MORE = 1, 8
# Files are as long as what is in them.
FILES = frozenset(
    {"staff_stock_age.csv", "staff_reports.csv", "staff_reports.xlsx", "audit_log.export"}
)
Values = dict[str, object]


def test_pages_ask_the_database_as_often_with_much_in_it_as_with_little(
    app: Flask, sign_in: SignIn, statements
):
    owner = sign_in("owner")
    walked = [one for one in every_address() if one.method == "GET"]
    walked = [one for one in walked if one.endpoint not in FILES | NEEDS_MORE.keys()]

    def cost(path: str) -> list[str]:
        db.session.remove()
        statements.clear()
        answer = owner.get(path)
        answer.get_data()
        assert answer.status_code < 400, path
        # The index of the stock looks now and then whether there is news.
        return [one for one in statements if "stock_version" not in one]

    first = fill(FEW, walked, owner.email)
    paths = {str(one): one.path(first[place_of(one)]) for one in walked}
    few = {name: cost(path) for name, path in paths.items()}
    fill(MORE, walked, owner.email)
    add_to_the_first(first)
    grown = []
    for name, path in paths.items():
        asked = cost(path)
        if len(asked) > len(few[name]):
            asked = cost(path)  # once more: what is due every minute is due no more
        if len(asked) > len(few[name]):
            more = "\n  ".join(more_often(few[name], asked))
            grown.append(f"{name}: {len(few[name])}, then {len(asked)}\n  {more}")
    assert not grown, "\n".join(grown)


def more_often(few: list[str], many: list[str]) -> list[str]:
    """The statements that came more often, however long their lists of values."""
    before, now = Counter(map(_outline, few)), Counter(map(_outline, many))
    return [outline[:300] for outline in now if now[outline] > before[outline]]


def _outline(statement: str) -> str:
    return re.sub(r"IN \([^()]*\)", "IN (…)", " ".join(statement.split()))


def place_of(address: Address) -> tuple[str, str]:
    """Addresses of one screen whose first name is the same are about the same row."""
    return address.endpoint.partition(".")[0], address.names[0] if address.names else ""


def fill(count: int, walked: list[Address], email: str) -> dict[tuple[str, str], Values]:
    """Add `count` of everything, each in a store of its own; the values of the first of each."""
    member = find_staff(email)
    assert member
    first: dict[tuple[str, str], Values] = {}
    names: dict[tuple[str, str], dict[str, Address]] = {}
    for address in walked:
        names.setdefault(place_of(address), {}).update(dict.fromkeys(address.names, address))
    stores = [make_store() for _turn in range(count)]
    for (place, of_names), store in product(names.items(), stores):
        rule = next(iter(of_names.values())).rule if of_names else ""
        asked = Asked(rule, f"{place[0]}.", tuple(of_names), member)
        first.setdefault(place, make_row(store, asked))
    for store in stores:
        mark = number()
        add_to_car(make_vehicle(make=f"Marca {mark}", model=f"Modelo {mark}", store=store))
    return first


def add_to_the_first(first: dict[tuple[str, str], Values]) -> None:
    """To the cars and leads that stand in the addresses, more of what hangs on them."""
    for values in first.values():
        for _turn in range(MORE):
            if "vehicle_id" in values:
                add_to_car(db.session.get_one(Vehicle, values["vehicle_id"]))
            if "lead_id" in values:
                add_to_lead(db.session.get_one(Lead, values["lead_id"]))


def add_to_car(car: Vehicle) -> None:
    """A picture, a price, a step, an entry of the log and a lead of somebody new."""
    mark = f"{number()}"
    facts = {"stem": f"{int(mark):064x}", "widths": [320], "formats": ["jpg"]}
    with writing() as session:
        session.add_all(
            [
                Photo(vehicle_id=car.id, state="ready", position=int(mark), renditions=facts,
                      width_px=320, height_px=240),
                PriceChange(vehicle_id=car.id, price_cents=60_000_00, actor=f"{mark}@loja.example"),
                StateChange(vehicle_id=car.id, actor=f"{mark}@loja.example", from_state="draft",
                            to_state="published"),
                AuditEntry(actor=f"{mark}@loja.example", action=f"stock.{mark}",
                           subject=f"vehicle:{car.id}"),
            ]
        )  # fmt: skip
        arrival = Arrival(source=f"form:{mark}", idem_key=mark, payload={}, kind="test")
        insert(arrival)
        enter(
            Wish(source=arrival.source, kind="trade_in", name=f"Ana {mark}", vehicle_id=car.id,
                 phone=f"119{int(mark):08d}", store_id=car.store_id),
            arrival.id,
        )  # fmt: skip


def add_to_lead(lead: Lead) -> None:
    """Another enquiry about another car, and an answer."""
    mark = f"{number()}"
    car = db.session.scalars(sa.select(Vehicle).order_by(Vehicle.id.desc()).limit(1)).one()
    with writing() as session:
        arrival = Arrival(source="form:contato", idem_key=mark, payload={}, kind="test")
        insert(arrival)
        session.add_all(
            [
                Enquiry(submission_id=arrival.id, source="form:contato", kind="interest",
                        person_id=lead.person_id, lead_id=lead.id, vehicle_id=car.id),
                LeadEvent(lead_id=lead.id, kind="human_contact", actor=f"{mark}@loja.example"),
            ]
        )  # fmt: skip
