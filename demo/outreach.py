"""The demo's lists: forty accounts being worked, dreams, customers of the workshop; and the talks
after its sales, one of them unhappy, one happy enough to name a friend."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now, today
from core.db import db, writing
from dealership.models import Store
from dealership.staff import StaffMember, find_staff
from leads.models import Person
from leads.outreach.after_sale import PLAN, due_day
from leads.outreach.bases import Basis, note_basis
from leads.outreach.catch_ups import GOOD, answer, next_of, set_delivery
from leads.outreach.companies import CompanyFacts, find_or_create_company
from leads.outreach.entries import meddic_facts, record
from leads.outreach.lists import Kind, add_entry, make_list, start_round
from leads.outreach.models import (
    CatchUp,
    Delivery,
    OutreachEntry,
    OutreachList,
)
from leads.outreach.referrals import Named, ask, refer
from leads.people import find_or_create_person

SELLER: Final = "vendedor@demo.example"
ATTENDANT: Final = "atendente@demo.example"
MANAGER: Final = "gerente@demo.example"
COMPANIES: Final = (
    ("Transportes Vale do Atibaia", "company", 38), ("Locadora Rota Livre", "rental", 120),
    ("Distribuidora Boa Safra", "company", 24), ("Agropecuária Três Irmãos", "producer", 9),
    ("Clínica Bem Perto", "company", 6), ("Autoescola Mão Certa", "driving_school", 14),
    ("Prefeitura de Águas Claras", "government", 55), ("Construtora Pedra Firme", "company", 31),
    ("Gás e Água Entrega Rápida", "company", 12), ("Laboratório Exato", "company", 8),
    ("Telecom Interior", "company", 47), ("Segurança Sentinela", "company", 29),
    ("Sítio Recanto do Ipê", "producer", 3), ("Padarias Pão Nosso", "company", 11),
    ("Cooperativa Rádio Táxi Central", "taxi", 64), ("Energia Solar Bandeirante", "company", 17),
    ("Faculdade do Planalto", "company", 10), ("Rede de Farmácias Vida Boa", "company", 22),
    ("Mineração Serra Alta", "company", 41), ("Metalúrgica Forja Nova", "company", 19),
    ("Escola Semente", "company", 4), ("Gráfica Tinta Fresca", "company", 5),
    ("Hotel Portal da Serra", "company", 7), ("Locadora Chave na Hora", "rental", 85),
    ("Frigorífico Campo Belo", "company", 26), ("Laticínios Manhã Clara", "company", 18),
)  # fmt: skip
CONTACTS: Final = (
    "Sônia Braga Lima", "Otávio Mendes", "Cláudia Reis", "Wagner Pinto", "Íris Melo",
    "Benedito Salles", "Rosana Farias", "Túlio Marques", "Neide Camargo", "Evandro Luz",
    "Simara Teles", "Joel Batista", "Ivone Rangel", "Caetano Dias", "Odete Moura",
)  # fmt: skip
# How far each of the first accounts has come, and what their contract is worth.
COURSES: Final = (
    (("signal", "replied", "talked", "visited", "bought", "recommended"), 2_340_000_00),
    (("signal", "replied", "talked", "visited", "bought"), 4_180_000_00),
    (("signal", "talked", "visited"), 1_960_000_00),
    (("signal", "replied", "visited"), 760_000_00),
    (("replied", "talked"), 540_000_00),
    (("touched", "talked"), 1_120_000_00),
    (("touched", "signal", "talked"), 890_000_00),
    (("signal", "replied"), 1_480_000_00),
    (("touched", "replied"), 310_000_00),
    (("replied",), 270_000_00),
    (("touched", "signal"), None),
    (("signal",), None),
    (("touched", "signal"), 640_000_00),
    (("touched",), None),
    (("touched",), None),
)
SAID: Final = {
    "touched": "Mandei o comparativo de custo por quilômetro da frota deles.",
    "signal": "Abriu a proposta duas vezes e perguntou do prazo no LinkedIn.",
    "replied": "Respondeu: a renovação da frota entra no orçamento do semestre.",
    "talked": "Trocam um terço da frota por ano; hoje compram em outra cidade.",
    "visited": "Fui até lá: pátio cheio, oficina própria, gostaram da recompra garantida.",
    "bought": "Assinado. Primeiro lote entregue.",
    "recommended": "Indicou a empresa do irmão.",
}
STEPS: Final = (
    "Ligar para o financeiro",
    "Mandar a tabela de venda direta",
    "Marcar visita",
    "Enviar proposta revisada",
    "Tomar um café lá",
    "Mostrar o custo total",
)
DREAMS: Final = (
    "Grupo Horizonte Azul",
    "Usina Nova Esperança",
    "Rede Supermercados Bom Dia",
    "Universidade do Vale",
    "Consórcio Rodovias Unidas",
    "Hospital Santa Clara",
)
CARD: Final = {
    "metrics": "R$ 0,11 a menos por km em 38 carros",
    "buyer": "Sônia, diretora financeira; conhecida na visita",
    "criteria": "Custo total, carro reserva, entrega em lote",
    "process": "Cotação, comitê no dia 20, assinatura",
    "pain": "Carros parados 4 dias por mês na oficina",
    "champion": "Otávio, gerente de frota",
}
BASIS: Final = Basis(
    "legitimate", "Visita à empresa", "Empresa da região; o contato nos deu o cartão na visita."
)
WORKSHOP: Final = Basis("contract", "Sistema da oficina", "Fizeram revisão aqui em 2025 e 2026.")
UNHAPPY: Final = "Barulho na porta do motorista desde o primeiro dia. Já ligou duas vezes."


def fill_outreach() -> None:
    """Lists and talks, unless there are lists. A door of its own: call it outside `writing()`,
    after the desk was filled."""
    with writing():
        people = [find_staff(email) for email in (SELLER, ATTENDANT, MANAGER)]
        store = db.session.scalars(sa.select(Store).order_by(Store.position).limit(1)).first()
        is_done = db.session.scalar(sa.select(OutreachList.id).limit(1)) is not None
        if is_done or store is None or None in people:
            return
        rng = random.Random(28)  # the same each time
        seller, attendant = [one for one in people if one][:2]
        _work_accounts(store, seller, rng)
        _dream(store, seller, rng)
        _keep_customers(store, attendant, rng)
        _catch_up(rng)


def _list(name: str, kind: Kind, store: Store, owner: StaffMember) -> OutreachList:
    row = make_list(name, kind, store_id=store.id, owner_id=owner.id, by=MANAGER)
    row.created_at = now() - timedelta(days=75)
    return row


def _work_accounts(store: Store, seller: StaffMember, rng: random.Random) -> None:
    row = _list("Frotas da região", Kind.ACCOUNTS, store, seller)
    entries = []
    for number, (name, category, cars) in enumerate(COMPANIES):
        company, _is_new = find_or_create_company(
            CompanyFacts(name, _cnpj(number), category, "Campinas", cars)
        )
        person = _contact(number) if number < len(COURSES) else None
        begun = now() - timedelta(days=70 - number)
        entry = add_entry(
            row, _next(rng, number), by=seller.email, company=company, person=person, at=begun
        )
        entries.append(entry)
        if number < len(COURSES):
            _live_through(entry, *COURSES[number], begun=begun, by=seller.email, rng=rng)
    for entry, known in ((entries[2], 6), (entries[3], 4), (entries[5], 3), (entries[7], 2)):
        card: dict[str, Any] = meddic_facts(dict(list(CARD.items())[:known]))
        record(entry, "qualified", seller.email, at=now() - timedelta(days=2), **card)
    _begin_round(row, entries, seller.email)


def _live_through(
    entry: OutreachEntry,
    kinds: Sequence[str],
    value_cents: int | None,
    *,
    begun: datetime,
    by: str,
    rng: random.Random,
) -> None:
    at = begun
    for kind in kinds:
        at = min(at + timedelta(days=rng.randint(5, 11), hours=rng.randint(0, 5)), now())
        channel = rng.choice(("whatsapp", "phone", "visit") if kind != "visited" else ("visit",))
        record(entry, kind, by, at=at, channel=channel, words=SAID[kind])
    if value_cents:
        day = (today() + timedelta(days=rng.randint(10, 60))).isoformat()
        record(entry, "valued", by, at=at, value_cents=value_cents, expected_on=day)


def _begin_round(row: OutreachList, entries: Sequence[OutreachEntry], by: str) -> None:
    """The second round: it began a week ago, and about half had their turn."""
    for number in (1, 2):
        running = start_round(row, today() + timedelta(days=7))
        running.started_at = now() - timedelta(days=7 if number == 2 else 30)
        db.session.flush()
    for number, entry in enumerate(entries[: len(entries) * 11 // 20]):
        at = now() - timedelta(days=number % 6, hours=1)
        record(entry, "touched", by, at=at, channel="whatsapp", words=SAID["touched"])


def _dream(store: Store, seller: StaffMember, rng: random.Random) -> None:
    row = _list("Sonhos do ano", Kind.DREAMS, store, seller)
    for number, name in enumerate(DREAMS):
        company, _is_new = find_or_create_company(CompanyFacts(name, city="Campinas"))
        entry = add_entry(row, _next(rng, number + 9), by=seller.email, company=company)
        if number < 3:
            kinds = (("touched", "signal"), ("touched",), ("signal", "replied"))[number]
            begun = now() - timedelta(days=40)
            _live_through(entry, kinds, None, begun=begun, by=seller.email, rng=rng)


def _keep_customers(store: Store, attendant: StaffMember, rng: random.Random) -> None:
    row = _list("Clientes da oficina", Kind.CUSTOMERS, store, attendant)
    names = ("Marta Vilela", "Elias Fontes", "Jussara Prado", "Nilton Barros", "Tereza Amaral",
             "Hugo Siqueira", "Paula Xavier", "Ademir Rocha", "Lúcia Franco", "Renato Telles",
             "Vânia Couto", "Gilberto Nunes", "Célia Arruda", "Murilo Dantas")  # fmt: skip
    for number, name in enumerate(names):
        person = find_or_create_person(name=name, phone=f"+551997{number:03d}4410")
        note_basis(person, WORKSHOP, by=MANAGER)
        entry = add_entry(row, _next(rng, number), by=MANAGER, person=person,
                          at=now() - timedelta(days=45))  # fmt: skip
        kinds = ((), ("touched",), ("touched", "replied"), ("signal",), ("replied", "talked"))
        _live_through(
            entry, kinds[number % 5], None, begun=now() - timedelta(days=28), by=attendant.email,
            rng=rng,
        )  # fmt: skip


def _contact(number: int) -> Person:
    person = find_or_create_person(
        name=CONTACTS[number],
        phone=f"+551998{number:03d}7720",
    )
    note_basis(person, BASIS, by=MANAGER)
    return person


def _next(rng: random.Random, number: int) -> dict[str, Any]:
    """A next step; a few are late."""
    day = today() + timedelta(days=rng.randint(-3, 1) if number % 6 == 1 else rng.randint(1, 16))
    return {"next_step": STEPS[number % len(STEPS)], "next_on": day.isoformat()}


def _cnpj(number: int) -> str:
    """A CNPJ of the form that companies get since July 2026, its check digits right."""
    bare = f"{10 + number:02d}DEM{number:03d}0001"
    digits = ""
    for weights in ("543298765432", "6543298765432"):
        values = [ord(one) - 48 for one in bare + digits]
        rest = sum(v * int(w) for v, w in zip(values, weights, strict=True)) % 11
        digits += str(0 if rest < 2 else 11 - rest)
    return bare + digits


def _catch_up(rng: random.Random) -> None:
    """What was due before today was asked, but for the last few; one buyer is unhappy, and one had
    all four talks."""
    deliveries = db.session.scalars(
        sa.select(Delivery).where(Delivery.cancelled_at.is_(None)).order_by(Delivery.created_at)
    ).all()
    for number, delivery in enumerate(deliveries):
        by = delivery.staff.email if delivery.staff else MANAGER
        talk = next_of(delivery)
        while talk is not None and talk.due_on < today() - timedelta(days=3):
            is_bad = number == len(deliveries) // 2 and talk.number == 1
            grade = 2 if is_bad else rng.choice((3, 4, 5, 5, 5))
            _had(talk, grade, UNHAPPY if is_bad else "", by)
            talk = next_of(delivery)
    if deliveries:
        _make_a_fan(deliveries[0], rng)


def _had(talk: CatchUp, grade: int, words: str, by: str) -> None:
    answer(talk, grade, words, by=by)
    talk.done_at = datetime.combine(talk.due_on, now().timetz())


def _make_a_fan(delivery: Delivery, rng: random.Random) -> None:
    by = delivery.staff.email if delivery.staff else MANAGER
    set_delivery(delivery, today() - timedelta(days=370))
    for talk, plan in zip(delivery.catch_ups, PLAN, strict=True):
        if talk.done_at is None:
            answer(talk, rng.choice((4, 5)), "Está adorando o carro.", by=by)
        talk.grade = max(talk.grade or GOOD, GOOD)
        talk.due_on = due_day(delivery.delivered_on, plan, delivery.lead.store_id)
        talk.done_at = min(datetime.combine(talk.due_on, now().timetz()), now())
    db.session.flush()
    ask(delivery)
    named = Named(
        "Fernanda Quintela", "(19) 99811-2040", "Falou com ela no domingo; espera ligação"
    )
    refer(delivery, named, by=by)
