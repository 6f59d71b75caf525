"""Stock and leads out of the browser: safe to open, whole, small in memory, for who asked alone."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa

from admin import export_writing, exports
from core.clock import now
from core.db import db, writing
from core.storage import storage
from dealership import export_files
from dealership.audit import AuditEntry
from dealership.export_files import ExportFile
from dealership.passwords import password_digest
from dealership.staff import StaffMember
from inventory.importing import ImportOptions, import_stock
from jobs.models import Job
from leads.models import Lead, Person
from tests.admin.conftest import StaffClient
from tests.factories import make_store, make_vehicle

PASSWORD = "uma senha bem comprida"


def with_password(client: StaffClient) -> StaffClient:
    digest = password_digest(PASSWORD)
    with writing() as session:
        member = session.scalars(
            sa.select(StaffMember).where(StaffMember.email == client.email)
        ).one()
        member.password = digest
    return client


def make_lead(name: str = "Ana", store_id: int | None = None) -> None:
    with writing() as session:
        person = Person(name=name, phone="+5511987654321", email="ana@cliente.example")
        session.add(person)
        session.flush()
        session.add(
            Lead(
                person_id=person.id,
                department="sales",
                source="site",
                message="=HYPERLINK(1)",
                store_id=store_id,
            )
        )


def table(answer: Any) -> list[dict[str, str]]:
    text = answer.data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))


def sheet(answer: Any) -> list[tuple[Any, ...]]:
    return list(openpyxl.load_workbook(io.BytesIO(answer.data)).active.iter_rows(values_only=True))


def audit(action: str) -> AuditEntry:
    return db.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == action)).one()


def work() -> None:
    for job_id, payload in db.session.execute(
        sa.select(Job.id, Job.payload).where(Job.kind == "write_export", Job.state == "ready")
    ).all():
        record = export_writing.write_export(payload)
        with writing() as session:
            if record:
                record()
            session.get_one(Job, job_id).state = "done"


def test_the_stock_as_csv_opens_in_a_brazilian_spreadsheet(sign_in):
    make_vehicle(promo_price_cents=65_000_50, promo_until=date(2027, 1, 31), description="=1+1")
    answer = sign_in("owner").post("/admin/exportar/estoque", {"formato": "csv"})
    assert answer.status_code == 200
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["Content-Disposition"]
    row = table(answer)[0]
    assert (row["preco"], row["preco_promocional"]) == ("69900,00", "65000,50")
    assert row["promocao_ate"] == "31/01/2027"
    assert row["descricao"] == "'=1+1"
    assert "placa" not in row
    assert audit("stock.export").after["rows"] == 1


def test_plain_numbers_for_programs(sign_in):
    make_vehicle()
    answer = sign_in("owner").post(
        "/admin/exportar/estoque", {"formato": "csv", "numeros": "plano"}
    )
    assert table(answer)[0]["preco"] == "69900.00"


def test_numbers_stay_numbers_in_excel_and_no_cell_is_a_formula(sign_in):
    make_vehicle(description='=CMD|"/c calc"!A0\x07', promo_until=date(2027, 1, 31))
    answer = sign_in("owner").post("/admin/exportar/estoque", {"formato": "xlsx"})
    heading, row = sheet(answer)
    cells = dict(zip(heading, row, strict=True))
    assert float(cells["preco"]) == 69_900.0
    assert cells["km"] == 42_000
    assert cells["descricao"].startswith("'=CMD")
    assert cells["promocao_ate"].date() == date(2027, 1, 31)


@pytest.mark.parametrize("fields", [{"formato": "csv"}, {"formato": "xlsx"}])
def test_what_is_exported_imports_back_without_a_change(sign_in, tmp_path, fields):
    make_vehicle(promo_price_cents=65_000_00, promo_until=date(2027, 1, 31), description="-5% já")
    make_vehicle(license_plate="ABC1D23", model="Tracker")
    answer = sign_in("owner").post("/admin/exportar/estoque", {**fields, "documentos": "1"})
    file = tmp_path / f"estoque.{fields['formato']}"
    file.write_bytes(answer.data)
    report = import_stock(str(file), ImportOptions(is_partial=True))
    assert (report.unchanged, report.updated, report.created) == (2, 0, 0)
    assert not report.rejected


def test_documents_only_for_who_may_see_them(sign_in):
    make_vehicle(license_plate="ABC1D23")
    editor = sign_in("editor")
    assert "documentos" not in editor.get("/admin/exportar/").text
    assert editor.post("/admin/exportar/estoque", {"documentos": "1"}).status_code == 404
    assert b"ABC1D23" not in editor.post("/admin/exportar/estoque").data
    owner = sign_in("owner")
    assert b"ABC1D23" in owner.post("/admin/exportar/estoque", {"documentos": "1"}).data


def test_only_the_own_stores_cars_and_leads_come_out(sign_in):
    mine, theirs = make_store(), make_store()
    make_vehicle(store=mine, model="Onix")
    make_vehicle(store=theirs, model="Tracker")
    make_lead("Minha Ana", mine.id)
    make_lead("Outro Beto", theirs.id)
    supervisor = with_password(sign_in("supervisor", stores=[mine]))
    cars = table(supervisor.post("/admin/exportar/estoque"))
    assert [row["modelo"] for row in cars] == ["Onix"]
    people = table(supervisor.post("/admin/exportar/leads", {"current": PASSWORD}))
    assert [row["nome"] for row in people] == ["Minha Ana"]


def test_leads_ask_the_password_again(sign_in):
    make_lead()
    owner = with_password(sign_in("owner"))
    refused = owner.post("/admin/exportar/leads", {"current": "errada", "desde": "2020-01-01"})
    assert refused.status_code == 422
    assert "2020-01-01" in refused.text
    assert "errada" not in refused.text
    row = table(owner.post("/admin/exportar/leads", {"current": PASSWORD}))[0]
    assert row["telefone"] == "+5511987654321"
    assert row["mensagem"] == "'=HYPERLINK(1)"
    assert audit("leads.export").after["rows"] == 1


def test_leads_since_a_day(sign_in):
    make_lead()
    owner = with_password(sign_in("owner"))
    later = {"current": PASSWORD, "desde": (now() + timedelta(days=2)).date().isoformat()}
    assert owner.post("/admin/exportar/leads", later).status_code == 422
    bad = owner.post("/admin/exportar/leads", {"current": PASSWORD, "desde": "amanhã"})
    assert bad.status_code == 422
    assert "amanhã" in bad.text


@pytest.mark.parametrize("fields", [{"formato": "exe"}, {"formato": "../csv"}])
def test_an_unknown_format_is_refused(sign_in, fields):
    make_vehicle()
    assert sign_in("owner").post("/admin/exportar/estoque", fields).status_code == 422


def test_nothing_to_export_is_said(sign_in):
    answer = sign_in("owner").post("/admin/exportar/estoque")
    assert answer.status_code == 422
    assert "Não há nada" in answer.text


def test_a_large_export_is_written_in_the_background_for_its_owner_alone(sign_in, monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE_ROWS", 2)
    for _n in range(3):
        make_vehicle()
    owner = sign_in("owner")
    for _click in range(2):
        assert owner.post("/admin/exportar/estoque", {"formato": "csv"}).status_code == 303
    asked = db.session.scalars(sa.select(ExportFile)).one()
    path = f"/admin/exportar/arquivo/{asked.id}"
    assert owner.get(path).status_code == 404
    assert owner.get(f"{path}/andamento").json["busy"] is True
    work()
    answer = owner.get(path)
    assert len(table(answer)) == 3
    assert path in owner.get("/admin/exportar/").text
    assert sign_in("supervisor").get(path).status_code == 404
    assert audit("stock.export").after["rows"] == 3


def test_the_file_is_gone_after_a_day(sign_in, monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE_ROWS", 0)
    make_vehicle()
    owner = sign_in("owner")
    owner.post("/admin/exportar/estoque")
    work()
    asked = db.session.scalars(sa.select(ExportFile)).one()
    with writing() as session:
        session.get_one(ExportFile, asked.id).expires_at = now() - timedelta(minutes=1)
    assert owner.get(f"/admin/exportar/arquivo/{asked.id}").status_code == 404
    export_files.sweep_exports({})
    assert not list(storage().files(public=False))
    assert "Nenhum arquivo" in owner.get("/admin/exportar/").text


def test_who_lost_the_permission_cannot_fetch_the_leads_any_more(sign_in, monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE_ROWS", 0)
    make_lead()
    owner = with_password(sign_in("owner"))
    owner.post("/admin/exportar/leads", {"current": PASSWORD})
    work()
    asked = db.session.scalars(sa.select(ExportFile)).one()
    with writing() as session:
        session.scalars(sa.select(StaffMember)).one().role = "editor"
    assert owner.get(f"/admin/exportar/arquivo/{asked.id}").status_code == 404


@pytest.mark.parametrize("role", ["seller", "attendant"])
def test_others_export_nothing(sign_in, role):
    other = sign_in(role)
    assert other.get("/admin/exportar/").status_code == 404
    assert other.post("/admin/exportar/estoque").status_code == 404


def test_the_editor_exports_no_leads(sign_in):
    editor = sign_in("editor")
    assert "exportar/leads" not in editor.get("/admin/exportar/").text
    assert editor.post("/admin/exportar/leads").status_code == 404
