"""The whole stock out and in again, and the commands around it."""

import csv
import io
import json
from datetime import date

import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from core.db import db, writing
from core.text import clean_line
from inventory.cli import stock_commands
from inventory.exporting import columns_of, export_csv, export_jsonl
from inventory.importing import ImportOptions, import_stock
from inventory.models import Photo, Trim, Vehicle
from tests.factories import make_store, make_vehicle
from tests.inventory.stock_files import as_csv, good


@pytest.fixture(autouse=True)
def english(app):
    with force_locale("en"):
        yield


def whole_database():
    db.session.rollback()
    return {
        table.name: db.session.execute(sa.select(table)).all()
        for table in db.metadata.sorted_tables
    }


def rows_of(pieces):
    return list(csv.DictReader(io.StringIO("".join(pieces), newline="")))


def run(app, *words):
    db.session.rollback()
    return app.test_cli_runner().invoke(stock_commands, words)


NASTY = [
    "=1+1", "'=1+1", "''@x", "-5", "+55 11", "@x", "\uff1d1", "plain 'quoted'", '"a", b; c',
    "line\nbreak", "- list\n\n- of lines", "'", "' =x", "&amp; <b>bold</b>", "R$ 1,5 | pipe",
    "é ção ñ 日本 🚗", "sep=;", "null", "-", "  ", "a  b",
]  # fmt: skip


def a_mixed_stock():
    """Every state, every odd text, several sources and stores."""
    stores = [make_store(name="Centro"), make_store(name="Centro"), make_store(name="-Norte")]
    states = ["published", "reserved", "sold", "draft", "archived"]
    for number, text in enumerate(NASTY):
        make_vehicle(
            store=stores[number % 3],
            source=["test", "=feed.csv", "https://dms.example/?l=1&v=2"][number % 3],
            source_id=f"{clean_line(text, 9)}-{number}",
            description=text,
            engine=text[:30],
            features=["abs", text, "Banco|duplo"],
            history={"single_owner": True, "auction": False},
            state=states[number % 5],
            price_cents=None if states[number % 5] == "draft" else 64_900_99,
            promo_price_cents=61_000_00,
            promo_until=date(2025, 1, 31),
            license_plate="ABC1D23",
            renavam="00639884962",
            vin="9BWZZZ377VT004251",
            fipe_code="005340-6",
            trim=["", "1.0 LT", "Drive + Plus", "Édition Ñ"][number % 4],
            video_url="https://video.example/a b" if number % 2 else "",
            built_year=None if number % 3 else 2021,
            color=None if number % 4 else "white",
            mileage_km=None if number % 2 else 0,
            model_year=2022,
        )
    with writing() as session:
        for number, vehicle in enumerate(session.scalars(sa.select(Vehicle))):
            vehicle.photos = [
                Photo(position=0, source_url=f"https://i.example/{number}|a b.jpg"),
                Photo(position=1, state="ready",
                      renditions={"stem": f"ab/{number}", "widths": [320], "formats": ["jpg"]}),
                Photo(position=2, state="stored", original_key="private/key"),
            ]  # fmt: skip


@pytest.mark.parametrize("is_private", [False, True])
@pytest.mark.parametrize("export", [export_csv, export_jsonl])
def test_export_imports_back_without_a_change(app, tmp_path, export, is_private):
    a_mixed_stock()
    path = tmp_path / "export"
    path.write_bytes("".join(export(is_private=is_private)).encode())
    before = whole_database()
    report = import_stock(str(path))
    assert report.rejected == []
    kept = sum(1 for row in before["vehicle"] if row.state != "archived")
    assert (report.created, report.updated, report.unchanged, report.withdrawn) == (0, 0, kept, 0)
    assert report.unknown_columns == []
    assert whole_database() == before


def test_export_of_an_import_says_what_came_in(app, tmp_path):
    make_store(name="Centro")
    path = tmp_path / "estoque.csv"
    path.write_text(as_csv([good(1, loja="Centro", descricao="=2+2", preco_promocional="60000")]))
    import_stock(str(path))
    db.session.rollback()
    (row,) = rows_of(export_csv(is_private=True))
    assert row == {
        **good(1),
        "loja": "Centro",
        "preco": "64900.00",
        "preco_promocional": "60000.00",
        "km": "38500",
        "combustivel": "flex",
        "cambio": "manual",
        "carroceria": "hatch",
        "cor": "branco",
        "opcionais": "ar-condicionado|freios-abs",
        "descricao": "'=2+2",
        "origem": "estoque.csv",
    }
    report = import_stock(str(path))
    assert report.unchanged == 1


def test_private_columns_are_written_only_when_asked_for(app):
    make_vehicle(license_plate="ABC1D23")
    assert set(columns_of(True)) - set(columns_of(False)) == {"placa", "renavam", "chassi"}
    assert "ABC1D23" not in "".join(export_csv())
    assert "ABC1D23" not in "".join(export_jsonl())
    assert "ABC1D23" in "".join(export_csv(is_private=True))


def test_row_taken_out_of_an_export_is_withdrawn_from_its_source_only(app, tmp_path):
    make_vehicle(source="a", source_id="1")
    make_vehicle(source="a", source_id="2")
    make_vehicle(source="b", source_id="1")
    rows = [row for row in rows_of(export_csv()) if (row["origem"], row["id"]) != ("a", "2")]
    rows = [row for row in rows if row["origem"] != "b"]
    path = tmp_path / "export.csv"
    path.write_text(as_csv(rows))
    db.session.rollback()
    report = import_stock(str(path))
    assert (report.unchanged, report.withdrawn, report.sources) == (1, 1, ["a"])


def test_word_taken_out_of_an_export_is_taken_back(app, tmp_path):
    make_vehicle(history={"single_owner": True, "auction": False}, features=["abs"])
    text = "".join(export_csv())
    path = tmp_path / "export.csv"
    path.write_text(text.replace("|unico-dono", ""))
    db.session.rollback()
    assert import_stock(str(path)).updated == 1
    assert db.session.scalars(sa.select(Vehicle)).one().history == {"auction": False}


def test_json_lines_tell_what_a_program_needs(app):
    make_vehicle(state="published", price_cents=70_000_00, promo_price_cents=65_000_00)
    make_vehicle(state="sold", source_id="sold")
    here, sold = (json.loads(line) for line in export_jsonl())
    assert (here["price_cents"], here["available"], here["preco"]) == (65_000_00, True, "70000.00")
    assert (here["public_id"][0], here["slug"]) == ("t", "chevrolet-onix")
    assert (sold["available"], sold["status"]) == (False, "vendido")
    assert here["ano_modelo"] == 2022


def test_export_costs_the_same_statements_for_any_stock(app, statements):
    store = make_store()

    def statements_of(count):
        for _ in range(count):
            make_vehicle(store=store)
        db.session.rollback()
        db.session.expunge_all()
        del statements[:]
        "".join(export_csv())
        return len(statements)

    assert statements_of(3) == statements_of(30)


def test_unusual_catalogue_rows_survive_the_round_trip(app, tmp_path):
    vehicle = make_vehicle(trim="1.0 LT")
    with writing() as session:
        trim = session.get(Trim, vehicle.trim_id)
        trim.slug = "written-by-another-rule"
    path = tmp_path / "export.csv"
    path.write_text("".join(export_csv()))
    db.session.rollback()
    assert import_stock(str(path)).unchanged == 1


# --- commands --------------------------------------------------------------------------------


def test_import_command_answers_with_its_status(app, tmp_path):
    make_store()
    path, told = tmp_path / "estoque.csv", tmp_path / "report.json"
    path.write_text(as_csv([good(1), good(2)]))
    done = run(app, "import", str(path), "--report", str(told))
    assert done.exit_code == 0, done.output
    assert json.loads(told.read_text())["created"] == 2
    path.write_text(as_csv([good(1), good(2, preco="x", km="y")]))
    done = run(app, "import", str(path), "--report", str(told), "--dry-run")
    assert done.exit_code == 1
    assert json.loads(told.read_text())["dry_run"] is True
    assert "preco" in done.output
    assert "km" in done.output
    path.write_text("nothing")
    done = run(app, "import", str(path), "--report", str(told))
    assert done.exit_code == 2
    assert json.loads(told.read_text())["refused"]


def test_import_command_takes_its_options(app, tmp_path):
    make_store()
    path = tmp_path / "estoque.csv"
    path.write_text(as_csv([good(number) for number in range(9)]))
    assert run(app, "import", str(path), "--source", "dms", "--format", "csv").exit_code == 0
    path.write_text(as_csv([good(1)]))
    assert run(app, "import", str(path), "--source", "dms").exit_code == 2
    assert run(app, "import", str(path), "--source", "dms", "--partial").exit_code == 0
    assert run(app, "import", str(path), "--source", "dms", "--accept-withdrawals").exit_code == 0
    states = db.session.scalars(sa.select(Vehicle.state).order_by(Vehicle.id)).all()
    assert states.count("archived") == 8
    assert set(db.session.scalars(sa.select(Vehicle.source))) == {"dms"}


def test_export_command_writes_utf8(app):
    make_vehicle(description="Câmbio")
    csv_text = run(app, "export")
    assert csv_text.exit_code == 0
    assert "Câmbio" in csv_text.stdout_bytes.decode("utf-8")
    assert run(app, "export", "--format", "jsonl", "--private").stdout.startswith("{")


def test_partial_option_has_a_program_side(app, tmp_path):
    make_store()
    path = tmp_path / "estoque.csv"
    path.write_text(as_csv([good(1)]))
    report = import_stock(str(path), ImportOptions(is_partial=True, by="ana@loja"))
    assert report.created == 1
    change = db.session.scalars(sa.select(Vehicle)).one().price_changes[0]
    assert change.actor == "ana@loja"


def test_report_that_cannot_be_written_stops_before_the_stock_changes(app, tmp_path):
    make_store()
    path = tmp_path / "estoque.csv"
    path.write_text(as_csv([good()]))
    result = run(app, "import", str(path), "--report", str(tmp_path / "nowhere" / "report.json"))
    assert result.exit_code == 2
    assert "nowhere" in result.output
    assert not db.session.scalar(sa.select(sa.func.count(Vehicle.id)))
