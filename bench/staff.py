"""What the staff door's pages cost with much in the tables, against the same pages with little.

Both applications live in this process and are asked in turn. Lists are compared where both fill
their page: a page of 50 rows against one of 8 would measure the rows.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from lxml import html

from bench.exports import exports
from bench.people import RARE
from bench.stocked import stocked
from bench.timing import Measured, alternated
from core.db import db, writing
from dealership.roles import Role
from dealership.sessions import start_session
from dealership.staff import create_staff
from inventory.models import Vehicle
from leads.models import Lead, Person

FEW: Final = (500, 1_000)  # vehicles, leads
LEADS_PER_VEHICLE: Final = 2
LIMIT: Final = 5.0
ROUNDS: Final = 5
PAGE_SIZE: Final = 50
AGAINST: Final = f"the same with {FEW[0]} cars, {FEW[1]:,} leads"
EMAIL: Final = "medida@loja.example"
# Not pages: what they send is as long as the tables.
FILES: Final = re.compile(r"\.csv$|/exportar$|/sair$|/logout$|/modelo$")


@dataclass(frozen=True)
class Numbers:
    """What stands in the addresses of one database."""

    vehicle_id: int
    lead_id: int
    plate: str
    phone: str
    last_page: int  # of the published cars
    last_lead_page: int


PAGES: Final = {
    "stock: published, by price": "estoque/?situacao=publicado&ordem=preco",
    "stock: the last full page": "estoque/?situacao=publicado&ordem=preco&pagina={n.last_page}",
    "stock: several states, by km": "estoque/?situacao=publicado&situacao=rascunho&ordem=-km",
    "stock: by leads": "estoque/?ordem=-leads",
    "stock: age, with photos": "estoque/?idade=31-60&foto=com",
    "stock: a make": "estoque/?q=chevrolet",
    "stock: part of a word": "estoque/?q=chev",
    "stock: a sentence": "estoque/?q=suv+automatico+ate+150+mil",
    "stock: a word of no car": "estoque/?q=xyzzy",
    "stock: a plate": "estoque/?q={n.plate}",
    "stock: half a plate": "estoque/?q={n.plate:.4}",
    "palette: a model": "busca/?parte=1&q=onix",
    "palette: a model misspelled": "busca/?parte=1&q=onxi",
    "palette: a common name": "busca/?parte=1&q=silva",
    "palette: a rare name": "busca/?parte=1&q=Xisto+Quaresma",
    "palette: a telephone": "busca/?parte=1&q={n.phone}",
    "a car": "veiculo/{n.vehicle_id}/",
    "a car's photos": "fotos/{n.vehicle_id}/",
    "leads: new ones": "leads/?novos=1",
    "leads: state and source": "leads/?situacao=lost&origem=olx",
    "leads: the last full page": "leads/?pagina={n.last_lead_page}",
    "leads: by change": "leads/?ordem=mudou",
    "leads: of a week": "leads/?dias=7",
    "leads: a common name": "leads/?q=silva",
    "leads: two names": "leads/?q=joao+santos",
    "leads: a rare name": "leads/?q=Xisto+Quaresma",
    "leads: a name misspelled": "leads/?q=quarezma",
    "leads: a telephone": "leads/?q={n.phone}",
    "leads: part of an e-mail": "leads/?q=pessoa7%40",
    "a lead": "leads/{n.lead_id}/",
    "report: answers": "relatorios/resposta?periodo=90",
    "report: funnel": "relatorios/funil?periodo=90",
    "report: landing pages": "relatorios/paginas?periodo=90",
    "report: portals": "relatorios/portais?periodo=90",
    "report: stock": "relatorios/estoque",
    "report: leads": "relatorios/leads?periodo=90",
    "audit: a person's": "auditoria/?pessoa=atendente3%40loja.example",
    "audit: about a car": "auditoria/?sobre=vehicle%3A{n.vehicle_id}",
}


def staff(size: int) -> Iterator[Measured]:
    """Every page of the door that needs no id, the ones above, saving a car, and exports."""
    few_cars, few_leads = FEW
    with stocked(size, size * LEADS_PER_VEHICLE) as much, stocked(few_cars, few_leads) as little:
        many, few = Door(much), Door(little)
        for path in many.menu():
            yield compared(path, size, many, few, path, path)
        for name, path in PAGES.items():
            yield compared(
                name, size, many, few,
                f"/admin/{path.format(n=many.numbers)}", f"/admin/{path.format(n=few.numbers)}",
            )  # fmt: skip
        yield _row("a car saved", size, many, few, many.save, few.save)
        yield from exports(size, much, little)


def compared(
    name: str,
    size: int,
    many: "Door",
    few: "Door",
    path: str,
    few_path: str,
    *,
    against: str = AGAINST,
) -> Measured:
    """One page of two applications: CPU of each, their ratio and how many statements they ask."""
    return _row(name, size, many, few, lambda: many.get(path), lambda: few.get(few_path), against)


def _row(
    name: str,
    size: int,
    many: "Door",
    few: "Door",
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    against: str = AGAINST,
) -> Measured:
    ours_us, few_us = alternated(ours, theirs, rounds=ROUNDS)
    # Twice: what is due every minute is due once.
    asked = min(many.statements(ours) for _ in range(2))
    few_asked = min(few.statements(theirs) for _ in range(2))
    return Measured(
        name, size, ours_us, few_us, against, LIMIT,
        f"{asked} statements against {few_asked}",
    )  # fmt: skip


class Door:
    """An owner's browser at the staff door of one application."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            self.client = _signed_in(app)
            self.numbers = _numbers()
        self._saved = 0
        self.get("/admin/estoque/?q=onix")  # the index of the stock is built

    def get(self, path: str) -> str:
        """The page, which must be there."""
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def menu(self) -> list[str]:
        """Every address under /admin/ that answers to reading with a page and holds no id."""
        rules = sorted(
            rule.rule
            for rule in self.app.url_map.iter_rules()
            if rule.rule.startswith("/admin/")
            and "GET" in (rule.methods or ())
            and not rule.arguments
        )
        asked = [rule for rule in rules if not FILES.search(rule)]
        pages = [(rule, self.client.get(rule)) for rule in asked]
        return [
            rule for rule, page in pages if page.status_code == 200 and page.mimetype == "text/html"
        ]

    def save(self) -> None:
        """Change one car's mileage on its form."""
        path = f"/admin/veiculo/{self.numbers.vehicle_id}/"
        form = html.fromstring(self.get(path)).find(".//form[@data-guard]")
        self._saved += 1
        fields = {**_fields(form), "mileage_km": [str(10_000 + self._saved)]}
        answer = self.client.post(path, data=fields)
        assert answer.status_code == 303, answer.status_code

    def statements(self, work: Callable[[], Any]) -> int:
        """How many statements `work` sends; the index looks now and then for news, not counted."""
        seen: list[str] = []

        def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if not statement.startswith(("BEGIN", "PRAGMA")) and "stock_version" not in statement:
                seen.append(statement)

        with self.app.app_context():
            engine = db.engine
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            work()
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)
        return len(seen)


def _fields(form: Any) -> dict[str, list[str]]:
    """What a browser would send of `form`, unchanged. (lxml's own reading takes a checked value of
    "" for "on".)"""
    fields: dict[str, list[str]] = {}
    for field in form.xpath(".//input[@name] | .//select[@name] | .//textarea[@name]"):
        if field.get("type") in {"checkbox", "radio"}:
            if "checked" not in field.attrib:
                continue
            value = field.get("value", "on")
        else:
            value = field.value or ""
        fields.setdefault(field.get("name"), []).append(value)
    return fields


def _signed_in(app: Flask) -> FlaskClient:
    with writing():
        member = create_staff(EMAIL, Role.OWNER, name="Medida")
        db.session.flush()
        token = start_session(member)
    client = app.test_client()
    with client.session_transaction("/admin/") as session:
        session["_user_id"] = token
        session["_fresh"] = True
    return client


def _numbers() -> Numbers:
    car = db.session.scalars(
        sa.select(Vehicle)
        .where(Vehicle.state == "published", Vehicle.license_plate.is_not(None))
        .order_by(Vehicle.created_at)
    ).first()
    assert car is not None
    assert car.license_plate
    lead = db.session.scalars(
        sa.select(Lead)
        .where(Lead.vehicle_id.is_not(None), Lead.is_suspect.is_(False), Lead.source == "olx")
        .order_by(Lead.id.desc())
    ).first()
    assert lead is not None
    published = sa.select(sa.func.count()).where(Vehicle.state == "published")
    ordinary = sa.select(sa.func.count()).where(Lead.is_suspect.is_(False))
    phone = db.session.scalar(sa.select(Person.phone).where(Person.name == RARE))
    return Numbers(
        vehicle_id=car.id,
        lead_id=lead.id,
        plate=car.license_plate,
        phone=(phone or "").removeprefix("+55"),
        last_page=(db.session.scalar(published) or 0) // PAGE_SIZE,
        last_lead_page=(db.session.scalar(ordinary) or 0) // PAGE_SIZE,
    )
