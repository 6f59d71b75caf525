"""Stickers behind the staff door: chosen by a search, printed many at once, found out of date."""

import re

import pytest
import sqlalchemy as sa

from core.db import db, writing
from dealership.audit import AuditEntry
from landing import stickers
from landing.stickers import Sticker
from tests.factories import make_store, make_vehicle
from tests.landing.pages import make_page


def in_use() -> list[Sticker]:
    db.session.expire_all()
    return list(stickers.in_use())


def sheets_of(document: bytes) -> tuple[int, tuple[int, int]]:
    """How many pages there are, and their width and height in points."""
    count = re.search(rb"/Count (\d+)", document)
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", document)
    assert count
    assert box
    return int(count[1]), (round(float(box[1])), round(float(box[2])))


def test_without_stickers_the_list_says_how_to_begin(sign_in):
    assert "/admin/etiquetas/imprimir" in sign_in("seller").get("/admin/etiquetas/").text


def test_who_may_not_edit_the_stock_prints_nothing(sign_in):
    client = sign_in("attendant")
    assert client.get("/admin/etiquetas/").status_code == 200
    assert client.get("/admin/etiquetas/imprimir").status_code == 404
    assert client.post("/admin/etiquetas/imprimir", {"carro": "x"}).status_code == 404


def test_nine_cars_of_a_search_fill_three_sheets(sign_in):
    made = [make_vehicle(model="Pulse", make="Fiat") for _n in range(9)]
    make_vehicle(model="Onix")
    client = sign_in("seller")
    shown = client.get("/admin/etiquetas/imprimir?q=pulse").text
    assert len(re.findall(r'name="carro"', shown)) == 9
    answer = client.post(
        "/admin/etiquetas/imprimir",
        {"carro": [car.public_id for car in made], "tamanho": "a6", "formato": "folhas"},
    )
    assert answer.mimetype == "application/pdf"
    assert sheets_of(answer.data) == (3, (595, 842))
    assert len(in_use()) == 9


def test_eight_small_ones_stand_on_one_sheet(sign_in):
    made = [make_vehicle() for _n in range(8)]
    answer = sign_in("seller").post(
        "/admin/etiquetas/imprimir",
        {"carro": [car.public_id for car in made], "tamanho": "a7", "formato": "folhas"},
    )
    assert sheets_of(answer.data) == (1, (842, 595))


def test_a_print_shop_gets_a_page_each_with_bleed(sign_in):
    made = [make_vehicle() for _n in range(2)]
    answer = sign_in("seller").post(
        "/admin/etiquetas/imprimir",
        {"carro": [c.public_id for c in made], "formato": "pdf", "sangria": "1"},
    )
    assert sheets_of(answer.data)[0] == 2
    assert answer.data.count(b"/TrimBox") == 2


def test_one_sticker_as_svg_and_never_several(sign_in):
    car, other = make_vehicle(), make_vehicle()
    client = sign_in("seller")
    answer = client.post("/admin/etiquetas/imprimir", {"carro": car.public_id, "formato": "svg"})
    assert answer.mimetype == "image/svg+xml"
    assert "attachment" in answer.headers["Content-Disposition"]
    several = {"carro": [car.public_id, other.public_id], "formato": "svg"}
    assert client.post("/admin/etiquetas/imprimir", several).status_code == 303
    assert len(in_use()) == 1


def test_a_landing_page_gets_its_sticker(sign_in):
    page = make_page()
    client = sign_in("editor")
    assert f'value="{page.slug}"' in client.get("/admin/etiquetas/imprimir").text
    client.post("/admin/etiquetas/imprimir", {"pagina": page.slug})
    assert in_use()[0].page_id == page.id


def test_nothing_chosen_prints_nothing(sign_in):
    assert sign_in("seller").post("/admin/etiquetas/imprimir", {}).status_code == 303
    assert in_use() == []


@pytest.mark.parametrize("field", ["carro", "pagina"])
def test_what_is_not_there_prints_nothing(sign_in, field):
    answer = sign_in().post("/admin/etiquetas/imprimir", {field: "nao-existe"})
    assert answer.status_code == 404
    assert in_use() == []


def test_cars_and_stickers_of_another_store_are_not_there(sign_in):
    mine, other = make_store(), make_store()
    car = make_vehicle(store=other)
    owner = sign_in()
    owner.post("/admin/etiquetas/imprimir", {"carro": car.public_id})
    code = in_use()[0].code
    client = sign_in("seller", stores=[db.session.merge(mine)])
    assert code not in client.get("/admin/etiquetas/").text
    assert client.post("/admin/etiquetas/imprimir", {"carro": car.public_id}).status_code == 404
    assert client.post("/admin/etiquetas/retirar", {"ids": code}).status_code == 404
    assert len(in_use()) == 1


def test_a_changed_price_makes_the_paper_stale_until_it_is_replaced(sign_in):
    car = make_vehicle()
    client = sign_in("seller")
    client.post("/admin/etiquetas/imprimir", {"carro": car.public_id})
    assert "imprimir?q=" not in client.get("/admin/etiquetas/vencidas").text
    with writing():
        db.session.merge(car).price_cents = 65_000_00
    text = client.get("/admin/etiquetas/vencidas").text
    assert "R$\xa065.000" in text or "65.000" in text
    assert f"carro={car.public_id}" in text
    client.post("/admin/etiquetas/imprimir", {"carro": car.public_id, "trocar": "1"})
    assert [one.price_cents for one in in_use()] == [65_000_00]
    assert "imprimir?q=" not in client.get("/admin/etiquetas/vencidas").text


def test_taking_off_is_undone_and_audited(sign_in):
    car = make_vehicle()
    client = sign_in("seller")
    client.post("/admin/etiquetas/imprimir", {"carro": car.public_id})
    code = in_use()[0].code
    for _twice in range(2):
        assert client.post("/admin/etiquetas/retirar", {"ids": code}).status_code == 303
    assert in_use() == []
    assert client.post(f"/admin/etiquetas/de-volta?ids={code}").status_code == 303
    assert [one.code for one in in_use()] == [code]
    actions = set(db.session.scalars(sa.select(AuditEntry.action)))
    assert actions >= {"sticker.print", "sticker.retire", "sticker.put_back"}


def test_the_list_costs_the_same_with_many_stickers(sign_in, statements):
    client = sign_in("seller")
    client.post("/admin/etiquetas/imprimir", {"carro": make_vehicle().public_id})
    client.get("/admin/etiquetas/")
    statements.clear()
    client.get("/admin/etiquetas/")
    few = len(statements)
    made = [make_vehicle() for _n in range(15)]
    client.post("/admin/etiquetas/imprimir", {"carro": [car.public_id for car in made]})
    statements.clear()
    client.get("/admin/etiquetas/")
    assert len(statements) == few


def test_a_hostile_trim_is_words_on_paper_and_screen(sign_in):
    car = make_vehicle(trim="<script>alert(1)</script>")
    client = sign_in("seller")
    answer = client.post("/admin/etiquetas/imprimir", {"carro": car.public_id, "formato": "svg"})
    assert b"<script>" not in answer.data
    assert "<script>alert" not in client.get("/admin/etiquetas/").text
