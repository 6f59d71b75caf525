"""The contract's CSV into the stock: what goes in, what stays out, and what the report says."""

import json
import signal
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask_babel import force_locale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db import db, writing
from dealership.models import Store
from inventory import stock_version
from inventory.editing import revise_vehicle
from inventory.importing import ImportOptions, ImportRefused, import_stock
from inventory.models import CarModel, Photo, PriceChange, Vehicle
from jobs.models import Job
from tests.factories import make_store
from tests.inventory.stock_files import GOOD, as_csv, good


@pytest.fixture(autouse=True)
def english(app):
    with force_locale("en"):
        yield


@pytest.fixture
def bring(tmp_path):
    """Imports rows or a text as the file `estoque.csv`; the report."""

    def bring(content, encoding="utf-8", name="estoque.csv", **options):
        path = tmp_path / name
        text = content if isinstance(content, str | bytes) else as_csv(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        db.session.rollback()
        return import_stock(str(path), ImportOptions(**options))

    return bring


def vehicles():
    db.session.expire_all()
    return {
        row.source_id: row for row in db.session.scalars(sa.select(Vehicle).order_by(Vehicle.id))
    }


def only():
    (vehicle,) = vehicles().values()
    return vehicle


def counts(report):
    return (
        report.created,
        report.updated,
        report.unchanged,
        report.withdrawn,
        len(report.rejected),
    )


def rejection(report):
    (row,) = report.rejected
    return row.as_json()


def whole_database():
    return {
        table.name: db.session.execute(sa.select(table)).all()
        for table in db.metadata.sorted_tables
        if table.name not in {"worker_heartbeat"}
    }


# --- what goes in ----------------------------------------------------------------------------


def test_every_column_arrives(bring):
    store = make_store(name="Loja Centro")
    report = bring(
        [good(7, loja="LOJA CENTRO", preco_promocional="61.990", promocao_ate="31/12/2026")]
    )
    assert counts(report) == (1, 0, 0, 0, 0)
    assert report.warnings == []
    car = only()
    assert (car.source, car.source_id, car.store_id) == ("estoque.csv", "7", store.id)
    assert (car.condition, car.built_year, car.model_year) == ("used", 2021, 2022)
    assert (car.car_model.make.name, car.car_model.name, car.trim.name) == (
        "Fiat", "Argo", "Drive 1.0",
    )  # fmt: skip
    assert (car.price_cents, car.promo_price_cents) == (64_900_00, 61_990_00)
    assert car.promo_until == date(2026, 12, 31)
    assert (car.mileage_km, car.doors, car.engine) == (38_500, 4, "1.0")
    assert (car.fuel, car.transmission, car.body, car.color) == ("flex", "manual", "hatch", "white")
    assert (car.license_plate, car.renavam, car.vin) == (
        "ABC1D23", "00639884962", "9BWZZZ377VT004251",
    )  # fmt: skip
    assert car.fipe_code == "005340-6"
    assert car.features == ["air_conditioning", "abs"]
    assert car.description == "Revisado, com manual."
    assert car.video_url == "https://www.youtube.com/watch?v=abc"
    assert car.state == "published"
    assert [photo.source_url[-5:] for photo in car.photos] == ["1.jpg", "2.jpg"]
    jobs = db.session.scalars(sa.select(Job).where(Job.kind == "fetch_photo")).all()
    assert sorted(job.payload["photo_id"] for job in jobs) == [photo.id for photo in car.photos]


def test_second_run_changes_nothing(bring):
    make_store()
    rows = [good(number) for number in range(20)]
    bring(rows)
    before = whole_database()
    report = bring(rows)
    assert counts(report) == (0, 0, 20, 0, 0)
    assert whole_database() == before


def test_unchanged_rows_cost_no_statement_of_their_own(bring, statements):
    make_store()

    def statements_of(count):
        rows = [good(number) for number in range(count)]
        bring(rows, source=f"of {count}")
        del statements[:]
        bring(rows, source=f"of {count}")
        return len(statements)

    assert statements_of(300) == statements_of(30)


@pytest.mark.parametrize(
    ("written", "cents"),
    [
        ("R$ 89.900,00", 89_900_00),
        ("89900.00", 89_900_00),
        ("89900", 89_900_00),
        ("89.900", 89_900_00),
        ("R$\u00a089.900", 89_900_00),
        ("89900,5", 89_900_50),
        ("1.250.000,00", 1_250_000_00),
    ],
)
def test_prices_are_read_in_both_notations(bring, written, cents):
    make_store()
    bring([good(1, preco=written)])
    assert only().price_cents == cents


def test_thousands_with_comma_are_told_by_the_column(bring):
    make_store()
    report = bring([good(1, preco="89,900.00"), good(2, preco="64,900")])
    assert [car.price_cents for car in vehicles().values()] == [89_900_00, 64_900_00]
    assert counts(report) == (2, 0, 0, 0, 0)
    report = bring([good(3, preco="89.900,00"), good(4, preco="64,900")], name="outra.csv")
    assert rejection(report)["column"] == "preco"


def test_labels_and_codes_are_read_in_any_case_and_accent(bring):
    make_store()
    bring(
        [
            good(1, combustivel="ELÉTRICO", cambio="automatico", carroceria="sedã", cor="PRETO"),
            good(2, combustivel="electric", cambio="automatic", carroceria="sedan", cor="black",
                 condicao="new", status="published"),
        ]
    )  # fmt: skip
    for car in vehicles().values():
        assert (car.fuel, car.transmission, car.body, car.color) == (
            "electric", "automatic", "sedan", "black",
        )  # fmt: skip


def test_columns_come_in_any_order_and_unknown_ones_are_reported(bring):
    make_store()
    columns = [*reversed(GOOD), "Vendedor"]
    report = bring(as_csv([good(1, Vendedor="Ana")], delimiter=";", columns=columns))
    assert counts(report) == (1, 0, 0, 0, 0)
    assert report.unknown_columns == ["Vendedor"]


def test_heading_may_be_written_like_prose(bring):
    make_store()
    text = "ID;Marca;Modelo;Ano Modelo;PREÇO;Câmbio\n1;Fiat;Argo;2022;64900;Manual\n"
    assert counts(bring(text)) == (1, 0, 0, 0, 0)
    assert only().transmission == "manual"


def test_absent_column_is_left_alone_and_empty_cell_clears(bring):
    make_store()
    bring([good(1)])
    report = bring("id,preco,km,opcionais,fotos,versao,cor\n1,59900,,,,,\n")
    assert counts(report) == (0, 1, 0, 0, 0)
    car = only()
    assert (car.price_cents, car.mileage_km, car.features, car.trim, car.color) == (
        59_900_00, None, [], None, None,
    )  # fmt: skip
    assert car.photos == []
    assert (car.fuel, car.description) == ("flex", "Revisado, com manual.")
    assert (car.license_plate, car.condition) == ("ABC1D23", "used")


def test_price_history_names_the_import(bring):
    make_store()
    bring([good(1)])
    bring([good(1, preco="59900")])
    changes = db.session.scalars(sa.select(PriceChange).order_by(PriceChange.id)).all()
    assert [(row.actor, row.price_cents) for row in changes] == [
        ("import:estoque.csv", 64_900_00),
        ("import:estoque.csv", 59_900_00),
    ]


def test_facts_of_the_past_among_the_options_become_history(bring):
    make_store()
    bring([good(1, opcionais="ABS|Único dono|Suporte de prancha")])
    assert only().features == ["abs", "Suporte de prancha"]
    assert only().history == {"single_owner": True}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
def test_encodings_are_understood(bring, encoding):
    make_store()
    report = bring([good(1, descricao="Câmbio ótimo, não há igual")], encoding=encoding)
    assert counts(report) == (1, 0, 0, 0, 0)
    assert only().description == "Câmbio ótimo, não há igual"
    assert report.warnings == []


def test_broken_accents_are_pointed_out(bring):
    make_store()
    report = bring([good(1, descricao="CÃ¢mbio")])
    assert report.warnings[0].row == 0


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_told_by_the_heading(bring, delimiter):
    make_store()
    assert counts(bring(as_csv([good(1, fotos="")], delimiter))) == (1, 0, 0, 0, 0)


def test_excel_may_name_its_delimiter(bring):
    make_store()
    report = bring(
        "sep=;\r\n" + as_csv([good(1, preco="x")], ";") + as_csv([good(2)], ";").splitlines()[1]
    )
    assert (report.created, rejection(report)["row"]) == (1, 3)


def test_cells_may_hold_line_breaks_and_rows_are_counted_as_a_sheet_does(bring):
    make_store()
    text = as_csv([good(1, descricao="um\ndois\n\ntrês"), good(2, preco="grátis")])
    report = bring(text)
    assert vehicles()["1"].description == "um\ndois\n\ntrês"
    assert rejection(report)["row"] == 3


def test_control_and_direction_characters_are_taken_out(bring):
    make_store()
    bring([good(1, versao="Dri\u202eve\x07 1.0", descricao="a\x00b")])
    assert (only().trim.name, only().description) == ("Drive 1.0", "ab")


def test_formula_is_kept_as_text(bring):
    make_store()
    bring([good(1, descricao="=HYPERLINK(1)", versao="'+Plus")])
    assert (only().description, only().trim.name) == ("=HYPERLINK(1)", "+Plus")


# --- stores ----------------------------------------------------------------------------------


def test_row_without_store_goes_to_the_main_one_with_one_warning(bring):
    make_store(position=5)
    main = make_store(position=1)
    report = bring([good(1), good(2)])
    assert {car.store_id for car in vehicles().values()} == {main.id}
    assert [warning.column for warning in report.warnings] == ["loja"]


def test_store_is_known_by_its_address_too(bring):
    store = make_store(slug="filial-sul", name="Filial Zona Sul")
    make_store()
    bring([good(1, loja="filial-sul"), good(2, loja="Filial zona sul")])
    assert {car.store_id for car in vehicles().values()} == {store.id}


def test_unknown_store_is_added_with_its_name(bring):
    make_store(name="Centro")
    report = bring([good(1, loja="Filial Norte"), good(2, loja="filial norte")])
    added = db.session.scalars(sa.select(Store).where(Store.name == "Filial Norte")).one()
    assert not added.is_complete
    assert {car.store_id for car in vehicles().values()} == {added.id}
    assert len(report.warnings) == 1


def test_slip_in_a_store_name_is_refused_with_the_name_meant(bring):
    make_store(name="Filial Norte")
    make_store(name="Loja 1")
    report = bring([good(1, loja="Filial Nortte"), good(2, loja="Loja 2")])
    assert "Filial Norte" in rejection(report)["reason"]
    assert vehicles()["2"].store.name == "Loja 2"


def test_first_import_of_an_empty_installation_makes_a_store(bring):
    bring([good(1)])
    assert only().store.name


def test_store_that_wants_photos_keeps_a_bare_car_as_draft(bring):
    make_store(requires_photo=True)
    report = bring([good(1, fotos=""), good(2)])
    assert {key: car.state for key, car in vehicles().items()} == {"1": "draft", "2": "published"}
    assert [warning.column for warning in report.warnings] == ["fotos"]
    assert counts(bring([good(1, fotos=""), good(2)])) == (0, 0, 2, 0, 0)
    assert counts(bring([good(1), good(2)])) == (0, 1, 1, 0, 0)
    assert vehicles()["1"].state == "published"


def test_store_that_wants_provenance_keeps_an_imported_car_as_draft(bring):
    make_store(requires_provenance=True)
    report = bring([good(1)])
    assert only().state == "draft"
    assert [warning.column for warning in report.warnings] == ["status"]
    assert counts(bring([good(1)])) == (0, 0, 1, 0, 0)


# --- what stays out --------------------------------------------------------------------------

BAD_CELLS = [
    ("id", ""),
    ("id", "x" * 121),
    ("marca", ""),
    ("marca", "---"),
    ("marca", "x" * 61),
    ("modelo", ""),
    ("versao", "x" * 121),
    ("ano_fabricacao", "dois mil"),
    ("ano_fabricacao", "1850"),
    ("ano_modelo", ""),
    ("ano_modelo", "2035"),
    ("ano_modelo", "2024"),
    ("preco", ""),
    ("preco", "0"),
    ("preco", "-5000"),
    ("preco", "sob consulta"),
    ("preco", "100.000.001,00"),
    ("preco", "9" * 30),
    ("preco_promocional", "barato"),
    ("promocao_ate", "31/02/2026"),
    ("promocao_ate", "amanhã"),
    ("km", "muitos"),
    ("km", "9.999.999"),
    ("combustivel", "plutônio"),
    ("cambio", "telepático"),
    ("carroceria", "nave"),
    ("condicao", "mais ou menos"),
    ("status", "talvez"),
    ("portas", "quatro"),
    ("portas", "12"),
    ("motor", "x" * 41),
    ("placa", "ABCD123"),
    ("renavam", "00639884963"),
    ("chassi", "IOQ"),
    ("fipe", "12"),
    ("fotos", "C:\\fotos\\1.jpg"),
    ("fotos", "javascript:alert(1)"),
    ("video", "no canal"),
    ("loja", "***"),
]


def test_three_hundred_rows_with_forty_bad_ones(bring):
    make_store()
    rows = [good(number, loja="") for number in range(300)]
    expected = {}
    for place, (column, cell) in enumerate(BAD_CELLS):
        at = place * 7 + 3
        rows[at] = {**rows[at], column: cell}
        expected[at + 2] = column
    rows[299]["id"] = rows[298]["id"]
    expected |= {300: "id", 301: "id"}
    report = bring(rows)
    assert {row.row: row.problems[0].column for row in report.rejected} == expected
    assert len(report.rejected) == 41
    assert counts(report) == (259, 0, 0, 0, 41)
    assert report.exit_code == 1
    assert all(row.problems[0].reason for row in report.rejected)
    assert len(vehicles()) == 259
    before = whole_database()
    assert counts(bring(rows)) == (0, 0, 259, 0, 41)
    assert whole_database() == before


def test_unknown_word_names_the_nearest_ones(bring):
    make_store()
    report = bring([good(1, combustivel="Gasolna"), good(2)])
    assert "Gasolna" in rejection(report)["reason"]
    assert "Gasoline" in rejection(report)["reason"]


def test_all_problems_of_a_row_are_told(bring):
    make_store()
    report = bring([good(1, preco="x", km="y"), good(2)])
    assert [problem["column"] for problem in rejection(report)["problems"]] == ["preco", "km"]


def test_odd_colour_does_not_keep_a_car_off_the_site(bring):
    make_store()
    report = bring([good(1, cor="Flamingo elétrico")])
    assert counts(report) == (1, 0, 0, 0, 0)
    assert only().color is None
    assert report.warnings[0].column == "cor"


def test_unlikely_prices_go_in_with_a_warning(bring):
    make_store()
    assert bring([good(1, preco="900")]).warnings[0].column == "preco"
    report = bring([good(1, preco="64900")])
    assert (counts(report), report.warnings[0].column) == ((0, 1, 0, 0, 0), "preco")


def test_row_with_too_many_cells_stays_out(bring):
    make_store()
    text = as_csv([good(1), good(2)])
    lines = text.splitlines()
    report = bring("\n".join([lines[0], lines[1] + ",mais", lines[2]]))
    assert rejection(report)["row"] == 2


def test_both_rows_of_one_key_stay_out_and_are_not_missing(bring):
    make_store()
    bring([good(1), good(2)])
    report = bring([good(1, preco="1"), good(1, preco="2"), good(2)])
    assert counts(report) == (0, 0, 1, 0, 2)
    assert vehicles()["1"].state == "published"
    assert vehicles()["1"].price_cents == 64_900_00


def test_rejected_row_keeps_its_vehicle(bring):
    make_store()
    bring([good(1), good(2)])
    report = bring([good(1, preco="x"), good(2)])
    assert counts(report) == (0, 0, 1, 0, 1)
    assert vehicles()["1"].state == "published"


def test_endless_text_before_the_id_names_its_column_and_keeps_the_vehicle(bring):
    make_store()
    columns = ["descricao", *(name for name in good() if name != "descricao")]
    bring(as_csv([good(1), good(2)], columns=columns))
    report = bring(as_csv([good(1, descricao="x" * 70_000), good(2)], columns=columns))
    assert counts(report) == (0, 0, 1, 0, 1)
    assert rejection(report)["id"] == "1"
    assert rejection(report)["column"] == "descricao"
    assert vehicles()["1"].state == "published"


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n \n", b"sep=;\n"])
def test_empty_file_is_called_empty(bring, content):
    with pytest.raises(ImportRefused, match="empty"):
        bring(content)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n",
        "id,marca\n",
        "marca,modelo\nFiat,Argo\n",
        "nada\n",
        b"\x00\x01\x02\x03" * 99,
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 99,
        b"PK\x03\x04 not a sheet",
        b"\xd0\xcf\x11\xe0 old excel",
        "id,preco,preco\n1,2,3\n",
        'id,marca,modelo,ano_modelo,preco\n1,"Fiat,Argo,2022,64900\n2,Fiat,Argo,2022,64900\n',
        "{",
        "[",
        "[1, 2]",
        '{"veiculos": []}',
        "[" * 100_000,
        "<a>",
        "<estoque/>",
        as_csv([good(1, preco="x"), good(2, preco="y")]),
    ],
)
def test_hopeless_file_is_refused_whole(bring, content):
    make_store()
    before = whole_database()
    with pytest.raises(ImportRefused) as refusal:
        bring(content)
    assert str(refusal.value)
    assert whole_database() == before


def test_missing_file_is_a_sentence():
    with pytest.raises(ImportRefused, match="no file"):
        import_stock("/nowhere/estoque.csv")
    with pytest.raises(ImportRefused):
        import_stock("/tmp")
    with pytest.raises(ImportRefused):
        import_stock("\x00")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": st.integers(0, 5).map(str)},
            optional={
                column: st.one_of(
                    st.just(GOOD[column]), st.text(max_size=20), st.from_regex(r"[\d.,/R$ -]{0,12}")
                )
                for column in GOOD
                if column != "id"
            },
        ),
        max_size=6,
    )
)
def test_no_row_raises_and_none_goes_in_half(bring, rows):
    make_store()
    rows = [*({**GOOD, **row} for row in rows), good("sure")]
    try:
        report = bring(as_csv(rows).encode("utf-8", "replace"))
    except ImportRefused:
        return
    db.session.expire_all()
    known = set(db.session.scalars(sa.select(Vehicle.source_id)))
    assert "sure" in known
    for car in db.session.scalars(sa.select(Vehicle)):
        assert car.state_changes or car.state == "draft"
        assert car.price_changes
        assert len(car.public_id) == 8
    assert len(report.rejected) + report.created + report.updated + report.unchanged == len(rows)


# --- leaving and coming back -----------------------------------------------------------------


def test_missing_vehicle_is_withdrawn_and_comes_back(bring):
    make_store()
    rows = [good(number) for number in range(4)]
    bring(rows)
    report = bring(rows[1:])
    assert counts(report) == (0, 0, 3, 1, 0)
    assert vehicles()["0"].state == "archived"
    assert counts(bring(rows[1:])) == (0, 0, 3, 0, 0)
    assert counts(bring(rows)) == (0, 1, 3, 0, 0)
    assert vehicles()["0"].state == "published"


def test_sold_vehicle_stays_when_it_is_missing(bring):
    make_store()
    bring([good(1, status="vendido"), good(2)])
    assert vehicles()["1"].state == "sold"
    assert counts(bring([good(2)])) == (0, 0, 1, 0, 0)
    assert vehicles()["1"].state == "sold"


def test_other_sources_are_not_touched(bring):
    make_store()
    bring([good(1)], name="a.csv")
    bring([good(2)], name="b.csv")
    assert {car.state for car in vehicles().values()} == {"published"}
    bring([good(3)], source="a.csv", name="c.csv")
    assert {key: car.state for key, car in vehicles().items()} == {
        "1": "archived", "2": "published", "3": "published",
    }  # fmt: skip


def test_long_names_of_sources_stay_apart(bring):
    make_store()
    bring([good(1)], source="s" * 300 + "a")
    bring([good(2)], source="s" * 300 + "b")
    assert {car.state for car in vehicles().values()} == {"published"}
    assert all(len(car.source) <= 200 for car in vehicles().values())


def test_part_of_the_stock_withdraws_nothing(bring):
    make_store()
    bring([good(number) for number in range(9)])
    assert counts(bring([good(1)], is_partial=True)) == (0, 0, 1, 0, 0)


def test_brake_stops_a_file_that_would_empty_the_site(bring):
    make_store()
    rows = [good(number) for number in range(20)]
    bring(rows)
    before = whole_database()
    with pytest.raises(ImportRefused, match="--accept-withdrawals"):
        bring([*rows[7:], good("new")])
    assert whole_database() == before
    assert counts(bring(rows[6:])) == (0, 0, 14, 6, 0)  # 30 % and no more
    assert counts(bring(rows[16:], accepts_withdrawals=True)) == (0, 0, 4, 10, 0)


def test_few_cars_are_not_held_by_the_brake(bring):
    make_store()
    bring([good(number) for number in range(6)])
    assert bring([good(0)]).withdrawn == 5


def test_status_is_kept_where_the_file_has_none(bring):
    make_store()
    bring([good(1), good(2)])
    with writing():
        revise_vehicle(vehicles()["1"], {"state": "sold"}, by="ana")
    text = "id,preco\n1,60000\n2,60000\n"
    assert counts(bring(text)) == (0, 2, 0, 0, 0)
    assert vehicles()["1"].state == "sold"


def test_trial_run_writes_nothing_and_tells_the_same(bring):
    make_store()
    rows = [good(number) for number in range(4)]
    bring(rows)
    changed = [good(1, preco="1500"), *rows[2:], good(9, marca="Nova Marca", loja="Outra")]
    before = whole_database()
    trial = bring(changed, is_dry_run=True)
    assert whole_database() == before
    real = bring(changed)
    assert counts(trial) == counts(real) == (1, 1, 2, 1, 0)
    assert trial.warnings == real.warnings


# --- many ------------------------------------------------------------------------------------


def test_many_rows_go_in_by_parts(bring):
    make_store()
    rows = [good(number, modelo=f"M{number % 7}", fotos="") for number in range(2_300)]
    version = stock_version.current()
    report = bring(rows)
    assert counts(report) == (2_300, 0, 0, 0, 0)
    assert len(vehicles()) == 2_300
    assert db.session.scalar(sa.select(sa.func.count(CarModel.id))) == 7
    assert stock_version.current() <= version + 10
    assert counts(bring(rows[:2_200])) == (0, 0, 2_200, 100, 0)


@pytest.mark.parametrize("count", [600, 2_400])
def test_killed_import_leaves_whole_vehicles_and_is_finished_by_the_next(
    bring, tmp_path, app, count
):
    make_store()
    rows = [good(number) for number in range(count)]
    path = tmp_path / "estoque.csv"
    path.write_text(as_csv(rows))
    database = app.extensions["vitrine"].database_url
    db.session.rollback()
    code = (
        "import sys; from app import create_app; from inventory.importing import import_stock\n"
        f"app = create_app(database_url={database!r}, instance_dir={str(tmp_path)!r})\n"
        f"with app.app_context(): print('go', flush=True); import_stock({str(path)!r})"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path.cwd(), text=True
    )
    assert child.stdout.readline() == "go\n"
    deadline = time.monotonic() + 60
    while count > 2_000 and time.monotonic() < deadline and not _count():
        time.sleep(0.05)
    if count <= 2_000:
        time.sleep(0.6)
    child.send_signal(signal.SIGKILL)
    child.wait()
    there = _count()
    assert there % 500 == 0 or there == count
    photos = db.session.scalar(sa.select(sa.func.count(Photo.id)))
    assert photos == 2 * there
    db.session.rollback()
    report = bring(rows)
    assert (report.created, report.unchanged) == (count - there, there)


def _count():
    db.session.rollback()
    count = db.session.scalar(sa.select(sa.func.count(Vehicle.id)))
    db.session.rollback()
    return count


def test_two_imports_at_once_make_each_vehicle_once(app, tmp_path):
    make_store()
    path = tmp_path / "estoque.csv"
    path.write_text(as_csv([good(number, modelo=f"M{number}") for number in range(40)]))
    db.session.rollback()
    reports = []

    def run():
        with app.app_context():
            reports.append(import_stock(str(path)))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts(report)[:3] for report in reports) == [(0, 0, 40), (0, 0, 40), (40, 0, 0)]


def test_report_is_plain_json(bring):
    make_store()
    report = json.loads(json.dumps(bring([good(1, preco="x"), good(2, cor="x")]).as_json()))
    assert report["rejected"] == [
        {"row": 2, "column": "preco", "reason": report["rejected"][0]["reason"], "id": "1"}
    ]
    assert (report["created"], report["sources"]) == (1, ["estoque.csv"])
    assert report["warnings"][0]["column"] == "cor"
