"""Leads by the hundred thousand, as the real capture leaves them, written in bulk.

Every lead has its submission, person with keys, enquiry and history; most were opened and answered
by somebody. The same share is found at any size: what is measured differs in number only.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from dealership.audit import AuditEntry
from inventory.models import Vehicle
from leads.answer_time import ANSWERED
from leads.inbox import VIEW
from leads.models import (
    Appointment,
    Consent,
    ContactClick,
    Enquiry,
    Lead,
    LeadEvent,
    Mail,
    Person,
    PersonKey,
    Submission,
)
from leads.people import keys_of

BATCH: Final = 2_000
DAYS: Final = 730  # that the leads came in
OPEN_DAYS: Final = 60  # older ones are closed
PEOPLE_SHARE: Final = 0.8  # people per lead: some come again
ATTENDANTS: Final = tuple(f"atendente{n}@loja.example" for n in range(12))
KINDS: Final = (
    ("interest", "form:oferta"), ("interest", "landing"), ("contact", "form:contato"),
    ("financing", "form:financiamento"), ("trade_in", "form:avaliacao"),
    ("call_back", "form:ligacao"), ("test_drive", "form:test-drive"), ("interest", "olx"),
    ("interest", "webmotors"),
)  # fmt: skip
FIRST_NAMES: Final = (
    "Ana", "João", "Maria", "José", "Antônio", "Francisca", "Carlos", "Paulo", "Adriana", "Juliana",
    "Márcia", "Fernanda", "Patrícia", "Marcos", "Luís", "Gabriel", "Rafael", "Daniel", "Marcelo",
    "Bruno", "Eduardo", "Felipe", "Raimundo", "Rodrigo", "Sebastião", "Cláudia", "Vanessa", "Sônia",
    "Letícia", "Camila", "Renata", "Vinícius", "Thiago", "Érica", "Inês", "Otávio", "Débora",
)  # fmt: skip
SURNAMES: Final = (
    "Silva", "Santos", "Oliveira", "Souza", "Lima", "Pereira", "Ferreira", "Costa", "Rodrigues",
    "Almeida", "Nascimento", "Alves", "Carvalho", "Araújo", "Ribeiro", "Gonçalves", "Barbosa",
    "Rocha", "Dias", "Moreira", "Nunes", "Mendes", "Freitas", "Cardoso", "Teixeira", "Vieira",
    "Correia", "Batista", "Moura", "Campos", "Pinto", "Fonseca", "Machado", "Guimarães", "Assis",
)  # fmt: skip
RARE: Final = "Xisto Quaresma"  # once at any size
MESSAGE: Final = "Bom dia! Ainda está disponível? Aceita o meu carro na troca e parcela o resto?"


def fill_leads(count: int, seed: int = 1) -> None:
    """Add `count` leads, the oldest first, about the cars that are there."""
    dice = random.Random(seed)
    cars = db.session.execute(sa.select(Vehicle.id, Vehicle.store_id).order_by(Vehicle.id)).all()
    first_person = (db.session.scalar(sa.select(sa.func.max(Person.id))) or 0) + 1
    first_lead = (db.session.scalar(sa.select(sa.func.max(Lead.id))) or 0) + 1
    people = int(count * PEOPLE_SHARE)
    for start in range(0, people, BATCH):
        numbers = range(start, min(start + BATCH, people))
        _write(_people(numbers, first_person, dice))
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        _write(_leads(numbers, count, dice, cars, first_lead, first_person, people))


Rows = dict[Any, list[dict[str, Any]]]


def _write(rows: Rows) -> None:
    with writing() as session:
        for model, batch in rows.items():
            if batch:
                session.execute(sa.insert(model), batch)


def _people(numbers: Sequence[int], first: int, dice: random.Random) -> Rows:
    rows: Rows = {Person: [], PersonKey: []}
    for number in numbers:
        name = f"{dice.choice(FIRST_NAMES)} {dice.choice(SURNAMES)} {dice.choice(SURNAMES)}"
        name = RARE if number == 7 else name
        phone = f"+55119{60_000_000 + number * 37 % 39_999_999:08d}"
        email = f"pessoa{number}@clientes.example" if dice.random() < 0.7 else ""
        rows[Person].append({"id": first + number, "name": name, "phone": phone, "email": email})
        rows[PersonKey] += [
            {"kind": kind, "value": value, "person_id": first + number}
            for kind, value in keys_of(phone, email)
        ]
    return rows


def _leads(
    numbers: Sequence[int],
    count: int,
    dice: random.Random,
    cars: Sequence[Any],
    first_lead: int,
    first_person: int,
    people: int,
) -> Rows:
    rows: Rows = {
        model: []
        for model in (Submission, Lead, Enquiry, LeadEvent, Mail, Appointment, Consent,
                      ContactClick, AuditEntry)
    }  # fmt: skip
    for number in numbers:
        age = timedelta(days=DAYS) * ((count - number) / count)
        lead = _Lead(number, now() - age, age, dice, dice.choice(cars))
        lead.id, lead.person_id = first_lead + number, first_person + number % people
        for model, row in lead.rows():
            rows[model].append(row)
    return rows


class _Lead:
    """One lead and what belongs to it; `age` is the time since it came in."""

    id: int
    person_id: int

    def __init__(
        self, number: int, at: datetime, age: timedelta, dice: random.Random, car: Any
    ) -> None:
        self.number, self.at, self.age, self.dice = number, at, age, dice
        self.kind, self.source = dice.choice(KINDS)
        has_car = dice.random() < 0.85
        self.vehicle_id = car.id if has_car else None
        self.store_id = car.store_id if has_car or dice.random() < 0.9 else None
        self.is_suspect = dice.random() < 0.02
        self.is_closed = age > timedelta(days=OPEN_DAYS)
        self.is_answered = not self.is_suspect and dice.random() < 0.95
        self.wait = dice.expovariate(1 / 40)  # minutes
        self.submission_id = f"{number:032x}"

    def rows(self) -> Iterator[tuple[Any, dict[str, Any]]]:
        """What stands in the tables, as (model, row)."""
        yield Submission, self._submission()
        yield Lead, self._lead()
        yield Enquiry, self._enquiry()
        yield LeadEvent, self._event("enquiry", "site", 0, {"is_first": True})
        if self.is_answered:
            who = self.dice.choice(ATTENDANTS)
            yield LeadEvent, self._event(ANSWERED, who, self.wait, {})
            yield AuditEntry, self._viewed(who, self.wait)
        if self.dice.random() < 0.6:
            yield Mail, self._mail()
        if self.kind == "test_drive" and self.store_id:
            yield Appointment, self._appointment()
        if self.dice.random() < 0.3:
            yield Consent, self._consent()
        if self.dice.random() < 0.5:
            yield ContactClick, self._click()

    def _submission(self) -> dict[str, Any]:
        return {
            "id": self.submission_id, "source": self.source, "idem_key": f"bench:{self.number}",
            "payload": {"kind": self.kind, "fields": {"mensagem": MESSAGE}},
            "meta": {"page": "/contato", "channel": "site"},
            "suspicion": 6 if self.is_suspect else 0, "received_at": self.at, "state": "done",
        }  # fmt: skip

    def _lead(self) -> dict[str, Any]:
        state = "waiting" if not self.is_answered else "talking"
        if self.is_closed:
            state = self.dice.choice(("won", "lost", "lost", "lost"))
        answered = self.at + timedelta(minutes=self.wait) if self.is_answered else None
        return {
            "id": self.id, "person_id": self.person_id, "department": "sales",
            "source": self.source, "vehicle_id": self.vehicle_id, "store_id": self.store_id,
            "message": MESSAGE, "state": state, "is_suspect": self.is_suspect,
            "first_touch": {"source": "google"}, "last_touch": {"source": "google"},
            "created_at": self.at, "updated_at": self.at, "first_contact_at": answered,
            "urgency": self.dice.choice((0, 1, 1, 3)),
            "turn": "ours" if state == "waiting" else "customer",
            "due_at": self.at + timedelta(minutes=5 if state == "waiting" else 6000),
            "closed_at": self.at + timedelta(days=20) if self.is_closed else None,
        }  # fmt: skip

    def _enquiry(self) -> dict[str, Any]:
        return {
            "submission_id": self.submission_id, "source": self.source, "kind": self.kind,
            "person_id": self.person_id, "lead_id": self.id, "vehicle_id": self.vehicle_id,
            "store_id": self.store_id, "message": MESSAGE, "is_suspect": self.is_suspect,
            "at": self.at,
        }  # fmt: skip

    def _event(self, kind: str, actor: str, minutes: float, data: dict[str, Any]) -> dict[str, Any]:
        at = self.at + timedelta(minutes=minutes)
        return {"lead_id": self.id, "at": at, "kind": kind, "actor": actor, "data": data}

    def _viewed(self, who: str, minutes: float) -> dict[str, Any]:
        at = self.at + timedelta(minutes=minutes / 2)
        return {"at": at, "actor": who, "action": VIEW, "subject": f"lead:{self.id}"}

    def _mail(self) -> dict[str, Any]:
        return {
            "dedup_key": f"confirmation:bench:{self.number}", "message_id": f"<{self.number}@b>",
            "kind": "confirmation", "to_address": f"pessoa{self.number}@clientes.example",
            "subject": "Recebemos o seu pedido", "text": MESSAGE, "html": f"<p>{MESSAGE}</p>",
            "person_id": self.person_id, "lead_id": self.id,
            "state": "failed" if self.dice.random() < 0.02 else "sent", "created_at": self.at,
            "sent_at": self.at,
        }  # fmt: skip

    def _appointment(self) -> dict[str, Any]:
        # One seat each: no two of them can meet, however many there are.
        return {
            "kind": "test_drive", "store_id": self.store_id, "submission_id": self.submission_id,
            "lead_id": self.id, "starts_at": self.at + timedelta(days=1), "minutes": 30,
            "seat": self.number, "created_at": self.at,
        }  # fmt: skip

    def _consent(self) -> dict[str, Any]:
        return {
            "person_id": self.person_id, "submission_id": self.submission_id,
            "purpose": "marketing", "is_given": True, "text_version": 1, "text_digest": "0" * 64,
            "channel": "site", "page": "/contato", "at": self.at,
        }  # fmt: skip

    def _click(self) -> dict[str, Any]:
        return {
            "code": f"{self.number:08x}", "channel": "whatsapp", "store_id": self.store_id,
            "vehicle_id": self.vehicle_id, "page": "/estoque", "at": self.at,
        }  # fmt: skip
