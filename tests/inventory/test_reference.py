"""A car from its plate, FIPE code or name: what is known is offered, nothing is guessed."""

import json
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from flask import Flask

from inventory import vocabulary
from inventory.fipe_source import FipeUnavailable, HttpFipe, StockFipe
from inventory.identifiers import both_plates, fipe_digit_fits
from inventory.reference import (
    known_makes,
    known_models,
    matches_of_fipe,
    matches_of_name,
    matches_of_plate,
    matches_of_table,
    reference_trims,
)
from tests.factories import make_store, make_vehicle


def names(matches) -> list[str]:
    return [match.title for match in matches]


def test_every_row_of_the_catalogue_holds_words_that_exist():
    rows = reference_trims()
    assert len(rows) > 400
    assert len({(row.make, row.model_name, row.trim, row.first_year) for row in rows}) == len(rows)
    for row in rows:
        assert 1990 < row.first_year <= row.last_year <= 2030, row
        for kind in ("fuel", "transmission", "body"):
            assert getattr(row, kind) in {None, *vocabulary.codes(kind)}, row
        assert row.fipe_code is None or fipe_digit_fits(row.fipe_code), row
        assert row.power_hp is None or 4 < row.power_hp < 900, row


def test_both_spellings_of_a_plate_are_one_car():
    assert set(both_plates("abc-1234")) == {"ABC1234", "ABC1C34"}
    assert set(both_plates("ABC1C34")) == {"ABC1234", "ABC1C34"}
    assert both_plates("ABC1K34") == ("ABC1K34",)


@pytest.mark.parametrize("state", ["draft", "published", "sold", "archived"])
@pytest.mark.parametrize("typed", ["ABC1234", "abc1c34"])
def test_a_plate_of_the_stock_is_found_in_any_state_and_spelling(app: Flask, state, typed):
    vehicle = make_vehicle(state=state, license_plate="ABC1234", engine="1.0", renavam="639884962")
    (match,) = matches_of_plate(typed, None)
    assert match.vehicle_id == vehicle.id
    assert match.is_certain
    assert match.is_in_stock == (state in {"draft", "published"})
    assert match.facts["model_name"] == "Onix"
    assert match.facts["renavam"] == "639884962"
    assert "price_cents" not in match.facts


def test_a_car_of_another_store_tells_its_version_only(app: Flask):
    mine, other = make_store(), make_store()
    make_vehicle(store=other, license_plate="ABC1234", renavam="00639884962", features=["abs"])
    (match,) = matches_of_plate("ABC1234", [mine.id])
    assert match.vehicle_id is None
    assert match.facts["model_name"] == "Onix"
    assert not {"renavam", "vin", "features", "license_plate"} & set(match.facts)


def test_an_unknown_plate_finds_nothing(app: Flask):
    assert matches_of_plate("XYZ9K99", None) == []


def test_a_name_and_year_offer_the_versions_of_that_year(app: Flask):
    found = matches_of_name("gm", "onix", 2015)
    assert "Chevrolet Onix 1.4 LTZ Automático 2015" in names(found)
    assert not any("Turbo" in title for title in names(found))
    assert not any("Onix Plus" in title for title in names(matches_of_name("gm", "onix", 2022)))


def test_words_of_a_version_narrow_the_list(app: Flask):
    wide, narrow = (matches_of_name("VW", text, 2020) for text in ("polo", "polo highline"))
    assert 0 < len(narrow) < len(wide)


def test_the_stock_knows_versions_that_the_catalogue_does_not(app: Flask):
    make_vehicle(make="Fiat", model="Argo", trim="1.0 Edição da Casa", model_year=2021)
    assert "Fiat Argo 1.0 Edição da Casa 2021" in names(matches_of_name("fiat", "argo", 2021))


def test_facts_on_which_cars_of_a_version_differ_are_left_open(app: Flask):
    for gearbox in ("manual", "automatic"):
        make_vehicle(make="Fiat", model="Argo", trim="Casa", transmission=gearbox, engine="1.3")
    (match,) = [
        m for m in matches_of_name("fiat", "argo", 2022) if m.title.startswith("Fiat Argo Casa")
    ]
    assert "transmission" not in match.facts
    assert match.facts["engine"] == "1.3"


def test_several_versions_of_one_fipe_code_are_all_offered(app: Flask):
    make_vehicle(trim="1.0 LT", fipe_code="004498-0")
    make_vehicle(trim="1.0 LTZ", fipe_code="004498-0")
    found = matches_of_fipe("004498-0", 2022)
    assert len(found) == 2
    assert all(match.facts["fipe_code"] == "004498-0" for match in found)
    assert not any(match.is_certain for match in found)
    assert matches_of_fipe("000000-0", None) == []


def test_lists_to_pick_from_hold_the_catalogue_and_the_stock(app: Flask):
    make_vehicle(make="Gurgel", model="BR-800")
    assert {"Gurgel", "Fiat", "Chevrolet"} <= set(known_makes())
    assert "BR-800" in known_models("Gurgel")
    assert "Argo" in known_models("fiat")
    assert "Onix" not in known_models("Fiat")


# --- the FIPE table ----------------------------------------------------------------------------


class Table(BaseHTTPRequestHandler):
    """A small machine that answers as BrasilAPI does."""

    answers: dict[str, tuple[int, bytes]] = {}

    def do_GET(self) -> None:
        status, body = self.answers.get(self.path.rpartition("/")[2], (404, b"{}"))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        pass


LINES = [
    {
        "valor": "R$ 72.318,00", "marca": "GM - Chevrolet", "anoModelo": 2022, "siglaCombustivel":
        "G", "modelo": "ONIX HATCH LT 1.0 12V Flex 5p Mec.", "combustivel": "Gasolina",
        "codigoFipe": "004498-0", "mesReferencia": "novembro de 2026 ", "tipoVeiculo": 1,
    },
    {
        "valor": "R$ 90.000,00", "marca": "GM - Chevrolet", "anoModelo": 32000, "combustivel":
        "Gasolina", "modelo": "ONIX HATCH LT 1.0 12V Flex 5p Mec.", "mesReferencia": "?",
    },
]  # fmt: skip


@pytest.fixture
def table() -> Iterator[HttpFipe]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Table)
    Thread(target=server.serve_forever, daemon=True).start()
    Table.answers = {"004498-0": (200, json.dumps(LINES).encode())}
    yield HttpFipe(f"http://127.0.0.1:{server.server_port}", allow_private=True)
    server.shutdown()


def test_the_table_of_another_machine_is_read(app: Flask, table: HttpFipe):
    used, new = table.look_up("004498-0")
    assert (used.make, used.model_year, used.price_cents) == ("Chevrolet", 2022, 72_318_00)
    assert used.month == date(2026, 11, 1)
    assert (new.model_year, new.month) == (None, None)
    (match,) = matches_of_table([used, new], 2022)
    assert match.facts["model_name"] == "Onix"
    assert match.facts["trim"].startswith("HATCH LT")
    assert match.facts["fipe_price_cents"] == 72_318_00
    assert not match.is_certain


def test_a_code_that_nobody_knows_is_no_failure(app: Flask, table: HttpFipe):
    assert table.look_up("999999-9") == []


@pytest.mark.parametrize(
    "answer", [(500, b""), (200, b"<html>"), (200, b"{}"), (200, b"[" * 5000), (302, b"")]
)
def test_a_table_that_does_not_answer_is_said_in_words(app: Flask, table: HttpFipe, answer):
    Table.answers = {"1": answer}
    with pytest.raises(FipeUnavailable):
        table.look_up("1")


def test_nobody_there_is_said_in_words(app: Flask):
    with pytest.raises(FipeUnavailable):
        HttpFipe("http://127.0.0.1:9", allow_private=True).look_up("1")


def test_without_a_machine_the_stock_itself_knows(app: Flask):
    make_vehicle(fipe_code="004498-0", fipe_price_cents=70_000_00, fipe_month=date(2026, 10, 1))
    make_vehicle(fipe_code="004498-0", fipe_price_cents=71_000_00, fipe_month=date(2026, 11, 1))
    (entry,) = StockFipe().look_up("004498-0")
    assert entry.price_cents == 71_000_00
