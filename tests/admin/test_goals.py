"""`/admin/metas/` and `/admin/comissoes/`: who sees whose, setting, closing, doubting."""

import io
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest
import sqlalchemy as sa
import time_machine

from core.db import db, writing
from dealership.staff import find_staff
from leads.models import Lead
from leads.pipeline.commission_months import CommissionDoubt, CommissionMonth, CommissionRule
from leads.pipeline.goals import Goal
from leads.pipeline.log import record
from tests.factories import make_store
from tests.leads.pipeline.waiting import make_lead

GOALS, PAY = "/admin/metas/", "/admin/comissoes/"
VISITS = {"medida": "visits", "alvo": "10", "de": "2026-11-01", "ate": "2026-11-30",
          "para": "house", "campanha": "", "loja": ""}  # fmt: skip
RULE = {"nome": "Venda", "evento": "won", "de": "2026-10-01", "loja": "", "como": "percentual",
        "valor": "", "percentual": "0,5", "parte": "40", "teto": "", "prazo": "7"}  # fmt: skip


@pytest.fixture(autouse=True)
def _november():
    with time_machine.travel(datetime(2026, 11, 10, 15, 0, tzinfo=UTC), tick=True):
        yield


def sold(person, month=10, price=80_000_00):
    """A visit and a sale of theirs."""
    at = datetime(2026, month, 6, 15, 0, tzinfo=UTC)
    member = find_staff(person.email)
    lead = make_lead(at=at - timedelta(hours=1))
    with writing() as session:
        row = session.get_one(Lead, lead.id)
        record(row, "claimed", member.email, at=at, owner_id=member.id)
        record(row, "visited", member.email, at=at)
        record(row, "won", member.email, at=at, price_cents=price)
    return lead.id


def test_goals_are_set_by_supervisors_and_seen_by_whom_they_concern(sign_in):
    owner, ana, bia = (sign_in(r, email=f"{r}{n}@loja.example") for n, r in
                       enumerate(["owner", "attendant", "attendant"]))  # fmt: skip
    assert "Nenhuma meta" in ana.get(GOALS).text
    sold(ana, month=11)
    own = f"person:{find_staff(ana.email).id}"
    assert owner.post(f"{GOALS}nova", data={**VISITS, "para": "house"}).status_code == 303
    assert owner.post(f"{GOALS}nova", data={**VISITS, "para": own, "alvo": "7"}).status_code == 303
    assert (
        owner.post(f"{GOALS}nova", data={**VISITS, "para": "house", "alvo": "0"}).status_code == 422
    )
    assert owner.post(f"{GOALS}nova", data={**VISITS, "medida": "attempted"}).status_code == 422
    ids = list(db.session.scalars(sa.select(Goal.id).order_by(Goal.id)))
    assert len(ids) == 2
    for person, seen in ((owner, True), (ana, True), (bia, False)):
        text = person.get(GOALS).text
        assert "de 10" in text
        assert ("de 7" in text) == seen
        assert "<svg" in text
    assert "/nova" not in ana.get(GOALS).text
    ramp = {**VISITS, "para": own, "alvo": "7", "rampa": "50, 75%"}
    assert owner.post(f"{GOALS}{ids[1]}/", data={**ramp, "rampa": "metade"}).status_code == 422
    assert owner.post(f"{GOALS}{ids[1]}/", data={**ramp, "rampa": "500"}).status_code == 422
    assert owner.post(f"{GOALS}{ids[1]}/", data=ramp).status_code == 303
    assert 'value="50, 75"' in owner.get(f"{GOALS}{ids[1]}/").text
    assert ana.get(f"{GOALS}{ids[0]}/").status_code == 404
    changed = {**VISITS, "para": "house", "alvo": "25"}
    assert owner.post(f"{GOALS}{ids[0]}/", data=changed).status_code == 303
    assert "de 25" in bia.get(GOALS).text
    assert "confirmado" in owner.post(f"{GOALS}{ids[0]}/apagar").text
    owner.post(f"{GOALS}{ids[0]}/apagar", data={"confirmado": "1"})
    assert owner.post(f"{GOALS}{ids[0]}/apagar", data={"confirmado": "1"}).status_code == 404
    assert db.session.scalar(sa.select(sa.func.count(Goal.id))) == 1


def test_a_stores_supervisor_sets_that_stores_goals_only(sign_in):
    here, there = make_store(), make_store()
    boss = sign_in("supervisor", stores=[here])
    for store_id, status in ((here.id, 303), (there.id, 422), ("", 422)):
        data = {**VISITS, "para": "house", "loja": str(store_id)}
        assert boss.post(f"{GOALS}nova", data=data).status_code == status
    assert boss.get(f"{PAY}regras").status_code == 404
    assert boss.post(f"{PAY}fechar", data={"mes": "2026-10", "confirmado": "1"}).status_code == 404


def test_a_month_from_the_rule_to_the_closed_statement_and_a_doubt(sign_in):
    owner, ana, bia = (sign_in(r, email=f"{r}{n}@loja.example") for n, r in
                       enumerate(["owner", "attendant", "attendant"]))  # fmt: skip
    lead_id = sold(ana)
    october = f"{PAY}?mes=2026-10"
    assert "R$" not in ana.get(october).text
    bad = {**RULE, "percentual": "muito"}
    assert owner.post(f"{PAY}regras", data=bad).status_code == 422
    assert owner.post(f"{PAY}regras", data=RULE).status_code == 303
    steps = {**RULE, "nome": "Visita", "evento": "visited", "como": "degraus",
             "a_partir_0": "1", "paga_0": "20", "a_partir_1": "2", "paga_1": "30,50"}  # fmt: skip
    assert owner.post(f"{PAY}regras", data=steps).status_code == 303
    rules = db.session.scalars(sa.select(CommissionRule).order_by(CommissionRule.id)).all()
    assert [(one.basis_points, one.tiers) for one in rules] == [
        (50, []),
        (None, [[1, 2000], [2, 3050]]),
    ]
    assert "0,5%" in owner.get(f"{PAY}regras").text
    text = ana.get(october).text
    assert "R$\u00a0420,00" in text  # 0.5 % of 80,000, and 20
    assert f"/admin/leads/{lead_id}/" in text
    assert "R$\u00a0420,00" not in bia.get(october).text
    team = owner.get(october).text
    assert f"pessoa={find_staff(ana.email).id}" in team
    ana_id = find_staff(ana.email).id
    assert "R$\u00a0420,00" not in bia.get(f"{october}&pessoa={ana_id}").text

    book = openpyxl.load_workbook(io.BytesIO(ana.get(f"{PAY}extrato.xlsx?mes=2026-10").data))
    head, *lines = list(book.active.iter_rows(values_only=True))
    amount = head.index("Valor")
    assert sum(row[amount] for row in lines) == 420  # a number that can be summed

    key = text.split('name="linha" value="')[1].split('"')[0]
    said = {"mes": "2026-10", "linha": key, "texto": "O preço era outro"}
    for _double in range(2):
        assert ana.post(f"{PAY}contestar", data=said).status_code == 303
    bia.post(f"{PAY}contestar", data=said)  # no line of hers
    (row,) = db.session.scalars(sa.select(CommissionDoubt)).all()
    assert bia.post(f"{PAY}duvidas/{row.id}/responder", data={"texto": "x"}).status_code == 404
    assert "O preço era outro" in owner.get(f"{october}&pessoa={ana_id}").text
    owner.post(f"{PAY}duvidas/{row.id}/responder", data={"texto": "Conferido no contrato"})
    assert "Conferido no contrato" in ana.get(october).text

    assert ana.post(f"{PAY}fechar", data={"mes": "2026-10", "confirmado": "1"}).status_code == 404
    assert "confirmado" in owner.post(f"{PAY}fechar", data={"mes": "2026-10"}).text
    for month in ("2026-10", "2026-10", "2026-11", "x\r\n"):
        owner.post(f"{PAY}fechar", data={"mes": month, "confirmado": "1"})
    db.session.rollback()
    assert list(db.session.scalars(sa.select(CommissionMonth.month))) == ["2026-10"]
    owner.post(f"{PAY}regras/{rules[0].id}/encerrar", data={"ate": "2026-10-15"})
    db.session.rollback()
    assert db.session.get(CommissionRule, rules[0].id).valid_until is None
    owner.post(f"{PAY}regras/{rules[0].id}/encerrar", data={"ate": "2026-11-30"})
    db.session.rollback()
    assert db.session.get(CommissionRule, rules[0].id).valid_until is not None

    with writing() as session:
        record(session.get_one(Lead, lead_id), "reopened", owner.email, reason="by_hand",
               at=datetime(2026, 10, 9, 15, 0, tzinfo=UTC))  # fmt: skip
    assert "R$\u00a0420,00" in ana.get(october).text
    table = ana.get(f"{PAY}extrato.csv?mes=2026-11").text
    assert "-400,00" in table
    assert "'-400,00" not in table
    assert "400,00" in owner.get(f"{PAY}extrato.csv?mes=2026-10").text
    assert "400,00" not in bia.get(f"{PAY}extrato.csv?mes=2026-10&pessoa={ana_id}").text
    owner.get(f"{PAY}?mes=' OR 1=1&pessoa=99999999999999999999").status_code  # noqa: B018
