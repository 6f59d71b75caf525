"""Stock from the browser: mapped, tried, applied with a second click, remembered."""

import io
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from core.storage import storage
from dealership.audit import AuditEntry
from inventory import bulk, bulk_history
from inventory.bulk_history import BulkChange, BulkItem
from inventory.editing import revise_vehicle
from inventory.importing import history, running
from inventory.importing.history import ImportLayout, StockImport
from inventory.models import Vehicle
from jobs.models import Job
from tests.admin.conftest import StaffClient
from tests.factories import make_store

HEADING = "codigo;fabricante;modelo;ano;valor;kms;filial"
OWN = "id;marca;modelo;ano_modelo;preco;km"
COLUMNS = {
    "codigo": "source_id", "fabricante": "make", "modelo": "model_name", "ano": "model_year",
    "valor": "price_cents", "kms": "mileage_km", "filial": "store",
}  # fmt: skip


def table(*rows: str, heading: str = OWN) -> bytes:
    return "\r\n".join([heading, *rows, ""]).encode()


def cars(count: int) -> list[str]:
    return [f"{n};Fiat;Argo;2021;{60000 + n},00;{1000 * n}" for n in range(1, count + 1)]


def send(client: StaffClient, data: bytes, name: str = "estoque.csv") -> Any:
    return client.post(
        "/admin/importar/enviar",
        {"arquivo": (io.BytesIO(data), name)},
        content_type="multipart/form-data",
    )


def mapped(client: StaffClient, path: str, **extra: str) -> Any:
    """Post the page's own choice of columns, as a browser would."""
    one = latest()
    preview = history.preview_of(one)
    layout = history.layout_of(preview)
    guess = layout.columns if layout else preview.guess
    fields = {f"coluna-{n}": guess.get(c.path, "") for n, c in enumerate(preview.columns)}
    return client.post(f"{path}testar", {**fields, "origem": one.file_name, **extra})


def tried(client: StaffClient, data: bytes, **extra: str) -> str:
    path = send(client, data).location
    assert mapped(client, path, **extra).status_code == 303
    return path


def latest() -> StockImport:
    db.session.expire_all()
    return db.session.scalars(sa.select(StockImport).order_by(StockImport.id.desc())).first()


def work() -> None:
    """Run what waits, as the worker does."""
    waiting = db.session.execute(
        sa.select(Job.id, Job.kind, Job.payload).where(Job.state == "ready")
    ).all()
    for job_id, kind, payload in waiting:
        if kind in history.JOBS:
            record = history.JOBS[kind](payload)
            with writing() as session:
                if record:
                    record()
                session.get_one(Job, job_id).state = "done"


def imported(client: StaffClient, data: bytes, **extra: str) -> str:
    path = tried(client, data, **extra)
    assert client.post(f"{path}aplicar", {"retirar": "1"}).status_code == 303
    work()
    return path


def give_up(reason: str, kinds: Iterable[str] = history.JOBS) -> None:
    """The worker's end of a job that no attempt brought to its end."""
    with writing() as session:
        waiting = session.scalars(sa.select(Job).where(Job.state == "ready", Job.kind.in_(kinds)))
        for job in waiting:
            job.state, job.last_error = "dead", reason


def car(source_id: str) -> Vehicle:
    db.session.expire_all()
    return db.session.scalars(sa.select(Vehicle).where(Vehicle.source_id == source_id)).one()


def count_of_cars() -> int:
    db.session.expire_all()
    return db.session.scalar(
        sa.select(sa.func.count(Vehicle.id)).where(Vehicle.state != "archived")
    )


def test_a_file_is_looked_into_tried_and_only_then_imported(sign_in):
    make_store()
    owner = sign_in("owner")
    assert "Nada foi importado" in owner.get("/admin/importar/").text
    path = tried(owner, table(*cars(3)))
    page = owner.get(path).text
    assert "O que aconteceria" in page
    assert count_of_cars() == 0
    assert owner.post(f"{path}aplicar").status_code == 303
    assert latest().state == "running"
    assert owner.get(f"{path}andamento").json["busy"] is True
    work()
    assert count_of_cars() == 3
    assert latest().state == "done"
    assert "O que aconteceu" in owner.get(path).text
    actions = db.session.scalars(sa.select(AuditEntry.action)).all()
    assert "stock.import" in actions
    assert "stock.import_done" in actions


def test_two_clicks_import_once(sign_in):
    make_store()
    owner = sign_in("owner")
    path = tried(owner, table(*cars(2)))
    for _click in range(2):
        assert owner.post(f"{path}aplicar").status_code == 303
    jobs = db.session.scalars(sa.select(Job).where(Job.kind == "apply_import")).all()
    assert len(jobs) == 1
    work()
    assert history.apply_import({"import_id": latest().id}) is None


def test_columns_of_ones_own_are_guessed_mapped_and_remembered(sign_in):
    store = make_store(name="Loja Centro")
    owner = sign_in("owner")
    data = table("7;Fiat;Argo;2021;R$ 61.500,00;12.000;Loja Centro;x", heading=f"{HEADING};meu")
    path = send(owner, data).location
    page = owner.get(path).text
    assert "Não importar" in page
    assert history.preview_of(latest()).guess == COLUMNS
    mapped(owner, path)
    owner.post(f"{path}aplicar")
    work()
    car = db.session.scalars(sa.select(Vehicle)).one()
    assert (car.price_cents, car.mileage_km, car.store_id) == (61_500_00, 12_000, store.id)
    assert db.session.scalars(sa.select(ImportLayout)).one().columns == COLUMNS
    again = send(owner, data).location
    assert "já veio antes" in owner.get(again).text


def test_a_wrong_mapping_is_said_and_the_choice_kept(sign_in):
    owner = sign_in("owner")
    path = send(owner, table("7;Fiat;Argo;2021;1;2;L", heading=HEADING)).location
    fields = {"coluna-0": "source_id", "coluna-1": "make", "coluna-2": "make"}
    answer = owner.post(f"{path}testar", {**fields, "origem": "Meu <sistema>"})
    assert answer.status_code == 422
    assert "Duas colunas" in answer.text
    assert "Meu &lt;sistema&gt;" in answer.text
    assert 'value="make" selected' in answer.text
    none = owner.post(f"{path}testar", {})
    assert none.status_code == 422
    assert owner.post(f"{path}testar", {"coluna-0": "hack"}).status_code == 422
    assert latest().state == "new"


def test_bad_rows_are_named_and_come_back_as_csv_to_mend(sign_in):
    make_store()
    owner = sign_in("owner")
    path = tried(owner, table(*cars(2), "9;Fiat;Argo;2021;=CMD();10", "10;Fiat;Argo;1500;5;1"))
    page = owner.get(path).text
    assert "Linhas recusadas" in page
    answer = owner.get(f"{path}recusadas.csv")
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert lines[0] == f"{OWN};motivo"
    assert len(lines) == 3
    assert ";'=CMD();" in lines[1]
    assert "preco" in lines[1]
    mended = answer.data.decode("utf-8-sig").replace("'=CMD()", "50000").replace("1500", "2019")
    owner.post(f"{path}aplicar")
    work()
    second = send(owner, mended.encode()).location
    mapped(owner, second, parte="1")
    owner.post(f"{second}aplicar")
    work()
    assert count_of_cars() == 4


def test_a_file_that_would_empty_the_site_asks_first(sign_in):
    make_store()
    owner = sign_in("owner")
    path = tried(owner, table(*cars(20)))
    owner.post(f"{path}aplicar")
    work()
    path = tried(owner, table(*cars(4)))
    page = owner.get(path).text
    assert "16 de 20 carros" in page
    answer = owner.post(f"{path}aplicar")
    assert answer.status_code == 422
    assert count_of_cars() == 20
    assert owner.post(f"{path}aplicar", {"retirar": "1"}).status_code == 303
    work()
    assert count_of_cars() == 4


def test_a_part_of_the_stock_withdraws_nothing(sign_in):
    make_store()
    owner = sign_in("owner")
    path = tried(owner, table(*cars(20)))
    owner.post(f"{path}aplicar")
    work()
    path = tried(owner, table(*cars(4)), parte="1")
    owner.post(f"{path}aplicar")
    work()
    assert count_of_cars() == 20


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "vazio"),
        (b"\xd0\xcf\x11\xe0 old excel", ".xls"),
        (b"PK\x03\x04 no zip at all", "danificado"),
        (b"\x00\x01\x02" * 50, "não"),
        (b'id;marca\r\n1;"Fiat', "termina"),
    ],
)
def test_files_that_cannot_be_read_are_refused_in_words(sign_in, data, words):
    answer = send(sign_in("owner"), data)
    assert answer.status_code == 422
    assert words in answer.text


def test_excel_json_and_xml_come_in_too(sign_in):
    make_store()
    owner = sign_in("owner")
    book = openpyxl.Workbook()
    book.active.append(OWN.split(";"))
    book.active.append([1, "Fiat", "Argo", 2021, 60000, 1000])
    sheet = io.BytesIO()
    book.save(sheet)
    json_file = b'[{"id": 2, "marca": "Fiat", "modelo": "Argo", "ano_modelo": 2021, "preco": 5000}]'
    xml = (
        b"<estoque><veiculo><id>3</id><marca>Fiat</marca><modelo>Argo</modelo>"
        b"<ano_modelo>2021</ano_modelo><preco>50000</preco></veiculo></estoque>"
    )
    for name, data in (("a.xlsx", sheet.getvalue()), ("a.json", json_file), ("a.xml", xml)):
        path = send(owner, data, name).location
        assert mapped(owner, path).status_code == 303, name
        assert latest().report["created"] == 1, name
        owner.post(f"{path}aplicar")
        work()
    assert count_of_cars() == 3


def test_a_large_file_is_tried_in_the_background(sign_in, monkeypatch):
    make_store()
    monkeypatch.setattr(history, "QUICK_BYTES", 100)
    owner = sign_in("owner")
    path = tried(owner, table(*cars(600)))
    assert latest().state == "trying"
    assert "Em andamento" in owner.get(path).text
    work()
    assert (latest().state, latest().rows_done) == ("tried", 600)


def test_hostile_cells_and_names_come_out_as_text(sign_in):
    make_store()
    owner = sign_in("owner")
    canary = "<script>alert(1)</script>"
    data = table(f"1;{canary};Argo;2021;x{canary};1;", heading=f"{OWN};{canary}")
    path = send(owner, data, "<img src=x>.csv").location
    assert "<script>alert" not in owner.get(path).text
    mapped(owner, path)
    for address in (path, "/admin/importar/"):
        page = owner.get(address).text
        assert "<script>alert" not in page
        assert "<img src=x>" not in page


def test_who_works_for_one_store_touches_no_other(sign_in):
    mine, theirs = make_store(name="Minha"), make_store(name="Deles")
    owner = sign_in("owner")
    heading = f"{OWN};loja"
    path = tried(owner, table("1;Fiat;Argo;2021;5000;1;Minha", "2;Fiat;Uno;2010;5000;1;Deles",
                              heading=heading))  # fmt: skip
    owner.post(f"{path}aplicar")
    work()
    mine_id, theirs_id = mine.id, theirs.id
    supervisor = sign_in("supervisor", stores=[mine])
    assert supervisor.get(path).status_code == 404
    assert "estoque.csv" not in supervisor.get("/admin/importar/").text
    path = tried(supervisor, table("1;Fiat;Argo;2021;4000;1;Minha", "2;Fiat;Uno;2010;1;1;Deles",
                                   "3;Fiat;Mobi;2020;3000;1;Nova", "4;Fiat;Toro;2020;3000;1;",
                                   heading=heading))  # fmt: skip
    supervisor.post(f"{path}aplicar")
    work()
    rows = db.session.execute(
        sa.select(Vehicle.source_id, Vehicle.store_id, Vehicle.price_cents).order_by(
            Vehicle.source_id
        )
    ).all()
    assert [tuple(row) for row in rows] == [
        ("1", mine_id, 4000_00), ("2", theirs_id, 5000_00), ("4", mine_id, 3000_00),
    ]  # fmt: skip
    assert latest().report["rejected_count"] == 2
    assert latest().report["withdrawn"] == 0


@pytest.mark.parametrize("role", ["seller", "attendant", "editor"])
def test_others_reach_no_import(sign_in, role):
    send(sign_in("owner"), table(*cars(1)))
    other = sign_in(role)
    assert other.get("/admin/importar/").status_code == 404
    assert other.get(f"/admin/importar/{latest().id}/").status_code == 404
    assert other.post(f"/admin/importar/{latest().id}/aplicar").status_code == 404


def test_files_go_after_a_month_and_the_history_stays(sign_in):
    owner = sign_in("owner")
    path = send(owner, table(*cars(1))).location
    with writing() as session:
        session.get_one(StockImport, latest().id).created_at = now() - timedelta(days=31)
    history.sweep_imports({})
    assert not list(storage().files(public=False))
    assert "30 dias" in owner.get(path).text


# --- undoing -------------------------------------------------------------------------------------

FULL = f"{OWN};versao;cor;opcionais;descricao;fotos;situacao"


def full(number: int, price: str, **other: str) -> str:
    facts = {
        "versao": "Drive",
        "cor": "preto",
        "opcionais": "Airbag|Rodas de liga",
        "descricao": "Boa.",
        "fotos": "http://127.0.0.1:9/a.jpg|http://127.0.0.1:9/b.jpg",
        "situacao": "",
        **other,
    }
    return f"{number};Fiat;Argo;2021;{price};1000;" + ";".join(facts.values())


def stock_as_it_stands() -> list[tuple[Any, ...]]:
    """What a person would see of every car that is not archived."""
    db.session.expire_all()
    cars = db.session.scalars(sa.select(Vehicle).order_by(Vehicle.source_id))
    return [
        (one.source_id, one.state, one.price_cents, one.color, one.trim and one.trim.name,
         one.car_model.name, one.features, one.description, one.store_id,
         [photo.source_url for photo in one.photos])
        for one in cars if one.state != "archived"
    ]  # fmt: skip


def test_an_import_is_undone_whole(sign_in):
    make_store(name="Centro")
    make_store(name="Norte")
    owner = sign_in("owner")
    imported(owner, table(full(1, "50000"), full(2, "60000"), full(3, "70000"), heading=FULL))
    before = stock_as_it_stands()
    changed = full(1, "55000", versao="Trekking", cor="branco", opcionais="ABS", descricao="Ótima.",
                   fotos="http://127.0.0.1:9/c.jpg")  # fmt: skip
    path = imported(
        owner,
        table(f"{changed};Norte", f"{full(2, '60000', situacao='vendido')};",
              f"{full(4, '9000')};Norte", heading=f"{FULL};loja"),
    )  # fmt: skip
    assert [row[0] for row in stock_as_it_stands()] == ["1", "2", "4"]
    assert stock_as_it_stands() != before
    page = owner.get(path).text
    assert "Desfazer a importação" in page
    for _click in range(2):
        assert owner.post(f"{path}desfazer").status_code == 303
    assert stock_as_it_stands() == before
    assert (car("4").state, latest().state) == ("archived", "undone")
    assert "estão como antes" in owner.get(path).text
    assert "Desfeita" in owner.get("/admin/importar/").text
    actions = db.session.scalars(sa.select(AuditEntry.action)).all()
    assert actions.count("stock.import_undo") == 1
    # What an import did is its page's matter: the screens of bulk changes neither show nor undo it.
    lots = "/admin/estoque/lotes/"
    assert "Nenhuma alteração em lote" in owner.get(lots).text
    assert owner.get(f"{lots}{latest().bulk_id}/").status_code == 404


def test_undoing_overwrites_nothing_that_somebody_changed_since(sign_in):
    make_store()
    owner = sign_in("owner")
    imported(owner, table(*cars(3)))
    path = imported(owner, table(*[f"{n};Fiat;Argo;2021;4{n}000;{n}" for n in range(1, 5)]))
    with writing():
        revise_vehicle(car("2"), {"price_cents": 39_900_00}, by="ana@loja.example")
        revise_vehicle(car("3"), {"description": "Novo texto."}, by="ana@loja.example")
        revise_vehicle(car("4"), {"state": "sold"}, by="ana@loja.example")
    owner.post(f"{path}desfazer")
    assert [car(n).price_cents for n in "123"] == [60_001_00, 39_900_00, 60_003_00]
    assert (car("3").description, car("4").state) == ("Novo texto.", "sold")
    page = owner.get(path).text
    assert "2 carros ficam como estão agora" in page
    assert page.count("ana@loja.example") == 2


def test_an_import_of_long_ago_or_of_other_stores_is_not_undone(sign_in):
    mine, theirs = make_store(name="Minha"), make_store(name="Deles")
    owner, supervisor = sign_in("owner"), sign_in("supervisor", stores=[mine])
    path = imported(supervisor, table(*cars(2)))
    with writing() as session:
        session.scalars(sa.select(Vehicle)).first().store_id = theirs.id
    supervisor.post(f"{path}desfazer")
    assert "não são suas" in supervisor.get(path).text
    with writing() as session:
        session.scalars(sa.select(BulkChange)).one().finished_at -= timedelta(days=8)
    assert "Desfazer a importação" not in owner.get(path).text
    owner.post(f"{path}desfazer")
    assert "7 dias" in owner.get(path).text
    assert (count_of_cars(), latest().state) == (2, "done")


def test_undoing_many_is_a_job(sign_in, monkeypatch):
    monkeypatch.setattr(bulk, "STEP", 2)
    make_store()
    owner = sign_in("owner")
    path = imported(owner, table(*cars(3)))
    owner.post(f"{path}desfazer")
    assert "Desfazendo" in owner.get(path).text
    give_up("O processo parou.", bulk.JOBS)
    assert "Tentar de novo" in owner.get(path).text
    assert owner.post(f"{path}retomar").status_code == 303
    assert "Tentar de novo" not in owner.get(path).text
    bulk.apply_bulk_change({"bulk_id": latest().bulk_id})
    assert count_of_cars() == 0
    assert "Desfazendo" not in owner.get(path).text


# --- a worker that died --------------------------------------------------------------------------


def test_an_import_whose_work_died_says_so_and_is_tried_again(sign_in):
    make_store()
    owner = sign_in("owner")
    path = tried(owner, table(*cars(3)))
    assert owner.post(f"{path}retomar").status_code == 303  # nothing to take up again
    owner.post(f"{path}aplicar")
    give_up("O processo parou duas vezes.")
    page = owner.get(path).text
    assert "O processo parou duas vezes." in page
    assert "Tentar de novo" in page
    assert owner.get(f"{path}andamento").json["busy"] is False
    for _click in range(2):
        assert owner.post(f"{path}retomar").status_code == 303
    assert "Tentar de novo" not in owner.get(path).text
    work()
    assert (count_of_cars(), latest().state) == (3, "done")


def test_an_import_killed_half_way_counts_and_undoes_all_of_it(sign_in, monkeypatch):
    make_store()
    monkeypatch.setattr(running, "ONE_TRANSACTION_ROWS", 1)
    monkeypatch.setattr(running, "BATCH_ROWS", 2)
    owner = sign_in("owner")
    imported(owner, table(*cars(1)))
    path = tried(owner, table("1;Fiat;Argo;2021;41000;1", *cars(5)[1:]))
    owner.post(f"{path}aplicar")

    def die(_import_id: int, done: int, _total: int) -> None:
        if done == 4:
            raise SystemExit

    monkeypatch.setattr(history, "_tell", die)
    with pytest.raises(SystemExit):
        history.apply_import({"import_id": latest().id})
    monkeypatch.undo()
    db.session.rollback()
    assert count_of_cars() == 4
    give_up("O processo parou.")
    assert "Desfazer a importação" in owner.get(path).text
    owner.post(f"{path}retomar")
    work()
    report = latest().report
    assert [report[n] for n in ("created", "updated", "unchanged")] == [4, 1, 0]
    owner.post(f"{path}desfazer")
    assert (count_of_cars(), car("1").price_cents) == (1, 60_001_00)


def test_what_imports_did_is_forgotten_after_three_months(sign_in):
    make_store()
    owner = sign_in("owner")
    imported(owner, table(*cars(2)))
    bulk_history.purge_bulk_changes({})
    assert db.session.scalar(sa.select(sa.func.count()).select_from(BulkItem)) == 2
    with writing() as session:
        session.scalars(sa.select(BulkChange)).one().at -= timedelta(days=91)
        session.scalars(sa.select(StockImport)).one().created_at -= timedelta(days=91)
    bulk_history.purge_bulk_changes({})
    assert latest().bulk_id is None
    assert db.session.scalar(sa.select(sa.func.count()).select_from(BulkItem)) == 0
    history.sweep_imports({})
    assert latest() is None
    assert count_of_cars() == 2
    assert db.session.scalars(sa.select(ImportLayout)).one()
