"""The demo group: an invented dealer with three stores, down to its holidays.

Nobody real is meant. Streets and register numbers are made up, and the telephone numbers lie in
ranges that no operator was given.
"""

from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from core.db import db
from dealership.models import Dealership, Department, OpeningInterval, SpecialDayRow, Store

WEEKDAYS: Final = range(5)
SATURDAY: Final = 5
SUNDAY: Final = 6
# The register has not come near this root; the two check digits are right (modulus 11).
CNPJ: Final = "99400001000190"
MONTHLY_PERCENT: Final = Decimal("1.99")

Hours = tuple[int, time, time]


@dataclass(frozen=True)
class DemoDepartment:
    """A department's numbers, in E.164."""

    kind: str
    phone: str
    whatsapp: str
    email: str


@dataclass(frozen=True)
class DemoStore:
    """One store. `hours` are (weekday, opens, closes) with Monday as 0; `share` is its part of
    the stock in percent."""

    slug: str
    name: str
    about: str
    street: str
    district: str
    city: str
    state_code: str
    postal_code: str
    latitude: float
    longitude: float
    email: str
    phone: str
    whatsapp: str
    hours: tuple[Hours, ...]
    departments: tuple[DemoDepartment, ...]
    share: int
    reserved_stays_listed: bool = True


def _days(days: range, *intervals: tuple[str, str]) -> tuple[Hours, ...]:
    return tuple(
        (day, time.fromisoformat(opens), time.fromisoformat(closes))
        for day in days
        for opens, closes in intervals
    )


def _day(day: int, *intervals: tuple[str, str]) -> tuple[Hours, ...]:
    return _days(range(day, day + 1), *intervals)


DEALERSHIP: Final = {
    "name": "Quatro Ipês Automóveis",
    "legal_name": "Quatro Ipês Comércio de Automóveis Ltda. (empresa fictícia)",
    "cnpj": CNPJ,
    "tagline": "Seminovos revisados e carros zero km",
    "about": (
        "A Quatro Ipês é um grupo fictício, criado para mostrar como funciona esta vitrine. "
        "As três lojas, os carros, os preços e os telefones são inventados: nada do que aparece "
        "aqui está à venda."
    ),
    "email": "contato@quatroipes.example",
    "phone": "+551920000010",
    "whatsapp": "+5519900000010",
    "brand_color": "#0b6e4f",
    "finance_monthly_percent": MONTHLY_PERCENT,
    "finance_fees_cents": 1_300_00,
    "finance_agent": "Banco Exemplo S.A. (fictício)",
}

STORES: Final = (
    DemoStore(
        slug="campinas",
        name="Quatro Ipês Campinas",
        about=(
            "A primeira loja do grupo, com o maior estoque e oficina própria. Há área para "
            "crianças, café e vagas cobertas para quem vem avaliar o carro na troca."
        ),
        street="Avenida dos Ipês-Amarelos, 1200",
        district="Parque das Veredas",
        city="Campinas",
        state_code="SP",
        postal_code="13087900",
        latitude=-22.9053,
        longitude=-47.0659,
        email="campinas@quatroipes.example",
        phone="+551920000010",
        whatsapp="+5519900000010",
        hours=(
            *_days(WEEKDAYS, ("08:30", "18:30")),
            *_day(SATURDAY, ("09:00", "17:00")),
            *_day(SUNDAY, ("09:00", "13:00")),
        ),
        departments=(
            DemoDepartment(
                "sales", "+551920000011", "+5519900000011", "vendas.campinas@quatroipes.example"
            ),
            DemoDepartment(
                "service", "+551920000012", "+5519900000012", "oficina.campinas@quatroipes.example"
            ),
            DemoDepartment("parts", "+551920000013", "", "pecas.campinas@quatroipes.example"),
            DemoDepartment("fleet", "+551920000014", "", "frotistas@quatroipes.example"),
        ),
        share=45,
    ),
    DemoStore(
        slug="ribeirao-preto",
        name="Quatro Ipês Ribeirão Preto",
        about=(
            "Especializada em picapes e utilitários. A equipe avalia o seu usado em cerca de "
            "quarenta minutos e explica cada item do laudo."
        ),
        street="Rua Jacarandá-Mimoso, 455",
        district="Jardim das Paineiras",
        city="Ribeirão Preto",
        state_code="SP",
        postal_code="14021900",
        latitude=-21.1699,
        longitude=-47.8099,
        email="ribeirao@quatroipes.example",
        phone="+551620000020",
        whatsapp="+5516900000020",
        hours=(
            *_days(WEEKDAYS, ("08:00", "12:00"), ("13:30", "18:30")),
            *_day(SATURDAY, ("09:00", "15:00")),
        ),
        departments=(
            DemoDepartment(
                "sales", "+551620000021", "+5516900000021", "vendas.ribeirao@quatroipes.example"
            ),
            DemoDepartment("service", "+551620000022", "", "oficina.ribeirao@quatroipes.example"),
        ),
        share=30,
    ),
    DemoStore(
        slug="belo-horizonte",
        name="Quatro Ipês Belo Horizonte",
        about=(
            "A loja mais nova do grupo, voltada a SUVs, elétricos e híbridos, com carregador "
            "para quem chega de carro elétrico."
        ),
        street="Avenida Serra dos Ipês, 2890",
        district="Mirante do Cerrado",
        city="Belo Horizonte",
        state_code="MG",
        postal_code="30494900",
        latitude=-19.9102,
        longitude=-43.9266,
        email="bh@quatroipes.example",
        phone="+553120000030",
        whatsapp="+5531900000030",
        hours=(
            *_days(range(4), ("09:00", "19:00")),
            *_day(4, ("09:00", "12:00"), ("13:00", "19:00")),
            *_day(SATURDAY, ("09:00", "14:00")),
        ),
        departments=(
            DemoDepartment(
                "sales", "+553120000031", "+5531900000031", "vendas.bh@quatroipes.example"
            ),
            DemoDepartment(
                "service", "+553120000032", "+5531900000032", "oficina.bh@quatroipes.example"
            ),
        ),
        share=25,
        reserved_stays_listed=False,
    ),
)

# National holidays: Leis 662/1949, 6.802/1980, 10.607/2002, 14.759/2023 and, for Good Friday,
# Lei 9.093/1995; Carnival is no holiday by law, but dealers close.
HOLIDAYS: Final = {
    date(2026, 1, 1): "Confraternização Universal",
    date(2026, 2, 17): "Carnaval",
    date(2026, 4, 3): "Sexta-feira Santa",
    date(2026, 4, 21): "Tiradentes",
    date(2026, 5, 1): "Dia do Trabalho",
    date(2026, 9, 7): "Independência do Brasil",
    date(2026, 10, 12): "Nossa Senhora Aparecida",
    date(2026, 11, 2): "Finados",
    date(2026, 11, 15): "Proclamação da República",
    date(2026, 11, 20): "Dia da Consciência Negra",
    date(2026, 12, 25): "Natal",
    date(2027, 1, 1): "Confraternização Universal",
    date(2027, 2, 9): "Carnaval",
    date(2027, 3, 26): "Sexta-feira Santa",
    date(2027, 4, 21): "Tiradentes",
    date(2027, 5, 1): "Dia do Trabalho",
    date(2027, 9, 7): "Independência do Brasil",
    date(2027, 10, 12): "Nossa Senhora Aparecida",
    date(2027, 11, 2): "Finados",
    date(2027, 11, 15): "Proclamação da República",
    date(2027, 11, 20): "Dia da Consciência Negra",
    date(2027, 12, 25): "Natal",
}
SHORT_DAYS: Final = {
    date(2026, 12, 24): "Véspera de Natal",
    date(2026, 12, 31): "Véspera de Ano-Novo",
    date(2027, 12, 24): "Véspera de Natal",
    date(2027, 12, 31): "Véspera de Ano-Novo",
}


def found_dealership() -> list[int]:
    """Write the group and its stores where they are missing, and return the stores' ids in order.

    What is there already stays as somebody may have changed it. Call it inside `writing()`.
    """
    session = db.session
    if session.get(Dealership, 1) is None:
        session.add(Dealership(id=1, **DEALERSHIP))
    ids = []
    for position, facts in enumerate(STORES):
        store = session.scalars(sa.select(Store).where(Store.slug == facts.slug)).first()
        if store is None:
            store = _new_store(facts, position)
            session.add(store)
            session.flush()
        ids.append(store.id)
    return ids


def _new_store(facts: DemoStore, position: int) -> Store:
    names = ("slug", "name", "about", "street", "district", "city", "state_code", "postal_code")
    more = ("latitude", "longitude", "email", "phone", "whatsapp", "reserved_stays_listed")
    store = Store(position=position, **{name: getattr(facts, name) for name in (*names, *more)})
    store.opening_intervals = [
        OpeningInterval(weekday=weekday, opens=opens, closes=closes)
        for weekday, opens, closes in facts.hours
    ]
    store.special_days = [
        *(SpecialDayRow(day=day, name=name) for day, name in HOLIDAYS.items()),
        *(
            SpecialDayRow(day=day, name=name, opens=time(9), closes=time(13))
            for day, name in SHORT_DAYS.items()
        ),
    ]
    store.departments = [
        Department(position=place, **department.__dict__)
        for place, department in enumerate(facts.departments)
    ]
    return store
