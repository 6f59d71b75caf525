"""Invented people who wrote to the demo group, through the very path that real ones take.

Their numbers lie in a range that no operator was given; their addresses end in .example, which
leads nowhere (RFC 2606): mail to it is written and never sent.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from inventory.models import Vehicle
from leads.capture import Arrival, insert
from leads.intake import process_submission
from leads.models import Submission

SOURCE_MARK: Final = "demo"


@dataclass(frozen=True)
class DemoEnquiry:
    """One post: who, with which form, how many hours ago, about which of the newest cars."""

    name: str
    kind: str
    source: str
    hours_ago: float
    message: str = ""
    car: int | None = None
    department: str = "sales"
    email: bool = True
    touch: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    suspicion: int = 0
    consent: bool = False
    page: str = ""  # the landing page's address, for source "landing"


TWIN: Final = "Moreira Tainá"
GOOGLE: Final = {"source": "google", "medium": "cpc", "campaign": "seminovos-agosto"}
META: Final = {"source": "meta", "medium": "social", "campaign": "suv-familia"}
ENQUIRIES: Final = (
    DemoEnquiry("Ana Beatriz Nogueira", "interest", "form:oferta", 0.4,
                "Aceita um Onix 2019 na troca?", car=0, touch=GOOGLE),
    DemoEnquiry("Carlos Eduardo Prates", "test_drive", "form:test-drive", 1.2, car=1,
                details={"car": "o mesmo do anúncio"}),
    DemoEnquiry("Daniela Furtado", "financing", "form:financiamento", 2.5,
                "Consigo 20% de entrada.", car=2, touch=META, consent=True),
    DemoEnquiry("Everton Sales", "contact", "form:contato", 3.1,
                "Vocês abrem no feriado?", email=False),
    DemoEnquiry("Fabiana Queiroz", "trade_in", "form:avaliacao", 5.0,
                details={"make": "Fiat", "model": "Argo Drive 1.0", "model_year": 2021,
                         "mileage_km": 48_000, "color": "prata", "expected_cents": None}),
    DemoEnquiry("Gilberto Antunes", "call_back", "form:ligacao", 6.5, email=False,
                details={"when": "afternoon"}),
    DemoEnquiry("Ana Beatriz Nogueira", "interest", "form:oferta", 8.0,
                "E este aqui, ainda tem?", car=3, touch={"source": "instagram"}),
    DemoEnquiry("Helena Barroso", "service", "form:pos-venda", 20.0,
                "Barulho na suspensão dianteira.", department="service",
                details={"service": "repair", "car": "HB20 2020", "plate": ""}),
    DemoEnquiry("Igor Vasconcelos", "interest", "form:oferta", 26.0, car=4, touch=GOOGLE,
                consent=True),
    DemoEnquiry("best price seo", "contact", "form:contato", 27.0,
                "http://seo.example http://links.example", suspicion=6, email=False),
    DemoEnquiry("Juliana Campelo", "interest", "form:oferta", 30.0,
                "Qual o valor com IPVA pago?", car=5),
    DemoEnquiry("Kleber Mota", "contact", "form:contato", 52.0,
                "Procuro picape a diesel até 150 mil."),
    DemoEnquiry("Larissa Pontes", "financing", "form:financiamento", 75.0, car=6, touch=META),
    DemoEnquiry("Marcelo Rangel", "interest", "form:oferta", 101.0, "Tem laudo?", car=7),
    DemoEnquiry("Natália Brandão", "interest", "landing", 30.0, car=2, touch=GOOGLE,
                page="seminovos-ate-70-mil"),
    DemoEnquiry("Otávio Serra", "test_drive", "landing", 55.0, car=4, touch=META,
                page="test-drive-suv"),
    DemoEnquiry("Priscila Maia", "interest", "landing", 80.0, touch=GOOGLE,
                page="seminovos-ate-70-mil"),
    # Two who may be one, by name and car; and two whom the demo's supervisor joined.
    DemoEnquiry("Wagner Luís Peçanha", "interest", "form:oferta", 9.0,
                "Ainda está à venda?", car=1),
    DemoEnquiry("Wagner Luiz Peçanha", "financing", "form:financiamento", 28.0, car=1,
                email=False),
    DemoEnquiry("Tainá Moreira", "interest", "form:oferta", 60.0, "Tem garantia?", car=5),
    DemoEnquiry(TWIN, "contact", "form:contato", 33.0,
                "Mudei de número, é este agora.", car=5, email=False),
)  # fmt: skip


def load_leads(seed: int = 1) -> int:
    """Enter the demo's enquiries that are not there yet; how many. A door of its own."""
    if db.session.scalar(
        sa.select(Submission.id).where(Submission.idem_key.startswith(f"{SOURCE_MARK}:")).limit(1)
    ):
        return 0
    cars = db.session.scalars(
        sa.select(Vehicle.public_id)
        .where(Vehicle.state == "published")
        .order_by(Vehicle.published_at.desc(), Vehicle.id)
        .limit(10)
    ).all()
    people = _numbers(seed)
    arrivals = [_arrival(one, people[one.name], cars) for one in ENQUIRIES]
    with writing():
        added = [arrival for arrival in arrivals if insert(arrival)]
    for arrival in sorted(added, key=lambda each: each.received_at):
        process_submission({"submission_id": arrival.id})
    return len(added)


def _numbers(seed: int) -> dict[str, str]:
    rng = random.Random(seed)
    names = list(dict.fromkeys(one.name for one in ENQUIRIES))
    return {name: f"+55119000{rng.randrange(10**5):05d}"[:14] for name in names}


def _arrival(one: DemoEnquiry, phone: str, cars: Sequence[str]) -> Arrival:
    car = cars[one.car] if one.car is not None and one.car < len(cars) else ""
    email = f"{one.name.split()[0].lower()}@clientes.example" if one.email else ""
    at: datetime = now() - timedelta(hours=one.hours_ago)
    return Arrival(
        source=one.source,
        idem_key=f"{SOURCE_MARK}:{one.name}:{one.kind}:{one.hours_ago}",
        payload={
            "kind": one.kind,
            "department": one.department,
            "opens_lead": True,
            "vehicle": car,
            "store": "",
            "source_ref": one.page,
            "fields": {"nome": one.name, "telefone": phone, "mensagem": one.message},
            "name": one.name,
            "phone": phone,
            "email": email,
            "message": one.message,
            "details": one.details,
        },
        meta={
            "page": "/contato",
            "channel": "site",
            "first_touch": one.touch,
            "last_touch": one.touch,
            "reasons": ["links"] if one.suspicion else [],
            "consent": one.consent,
        },
        suspicion=one.suspicion,
        received_at=at,
    )
