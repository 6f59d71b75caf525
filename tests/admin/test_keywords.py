"""The keyword table: brought as an export, mapped to pages, warned about."""

import io
import re
from typing import Any

import pytest
import sqlalchemy as sa

from content import keywords
from content.keywords import Keyword
from core.db import db, writing
from tests.factories import make_vehicle
from tests.landing.pages import make_page

PLANNER = (
    "Keyword Stats 2026-11-27 at 10_00_00\r\n1 de nov de 2025 - 31 de out de 2026\r\n"
    "Keyword\tCurrency\tAvg. monthly searches\tCompetition\tCompetition (indexed value)\r\n"
    "fiat pulse usado\tBRL\t1300\tBaixo\t12\r\nsuv automatico\tBRL\t10 mil – 100 mil\tAlto\t80\r\n"
).encode("utf-16")
SEMRUSH = (
    b'Keyword,Intent,Volume,Keyword Difficulty,CPC (USD)\n"fiat pulse usado",T,"1,300",45,0.3\n'
    b"suv automatico,I,10000,80.5,0.9\n"
)
KWFINDER = "Keyword;Search Volume;KD\nfiat pulse usado;1300;45\nsuv automático;10000;80\n".encode()


def send(client: Any, data: bytes, name: str = "palavras.csv") -> Any:
    return client.post(
        "/admin/palavras/importar",
        {"arquivo": (io.BytesIO(data), name)},
        content_type="multipart/form-data",
    )


def go_on(client: Any, page: Any, **changes: str) -> Any:
    table = re.search(r'name="tabela" value="([^"]*)"', page.text)[1]
    for code, sign in (
        ("&#34;", '"'),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ):
        table = table.replace(code, sign)
    chosen = {}
    for name in keywords.FIELDS:
        options = re.search(rf'<select[^>]*name="{name}">(.*?)</select>', page.text, re.DOTALL)[1]
        found = re.search(r'value="(\d+)" selected', options)
        chosen[name] = found[1] if found else ""
    return client.post(
        "/admin/palavras/importar/colunas", {"tabela": table, "arquivo": "x", **chosen, **changes}
    )


def table() -> dict[str, tuple[Any, Any, str]]:
    db.session.expire_all()
    return {row.text: (row.volume, row.difficulty, row.path) for row in keywords.all_keywords()}


def give(client: Any, text: str, path: str) -> Any:
    row = db.session.scalars(sa.select(Keyword).where(Keyword.text == text)).one()
    return client.post(f"/admin/palavras/{row.id}/pagina", {"pagina": path})


def add(*texts: str) -> None:
    with writing():
        keywords.take_in([[text] for text in texts], {"text": 0}, "teste")


@pytest.mark.parametrize(
    ("data", "first", "second"),
    [
        (PLANNER, (1300, 12), (10_000, 80)),
        (SEMRUSH, (1300, 45), (10_000, 80)),
        (KWFINDER, (1300, 45), (10_000, 80)),
    ],
    ids=["planner", "semrush", "kwfinder"],
)
def test_the_exports_people_have_are_read_as_guessed(sign_in, data, first, second):
    client = sign_in("editor")
    answer = go_on(client, send(client, data))
    assert answer.status_code == 303
    assert [values[:2] for values in table().values()] == [second, first]


def test_a_second_import_updates_and_keeps_the_pages(sign_in):
    client = sign_in()
    go_on(client, send(client, KWFINDER))
    give(client, "fiat pulse usado", "/estoque")
    again = KWFINDER.replace(b"1300", b"2400")
    go_on(client, send(client, again))
    assert table()["fiat pulse usado"] == (2400, 45, "/estoque")
    assert len(table()) == 2


def test_columns_with_unknown_names_are_asked(sign_in):
    client = sign_in()
    page = send(client, b"termo;quantas\nfiat uno;90\n")
    assert go_on(client, page).status_code == 422  # no guess which column holds the words
    assert go_on(client, page, text="0", volume="1").status_code == 303
    assert table() == {"fiat uno": (90, None, "")}


@pytest.mark.parametrize("data", [b"", b"\x00\xff\xfe", b"Keyword;Volume\n", b"x" * (6 << 20)])
def test_what_is_no_table_is_refused_in_words(sign_in, data):
    answer = send(sign_in(), data)
    assert answer.status_code in {422, 200}
    assert table() == {}


def test_no_file_is_said(sign_in):
    assert "Escolha o arquivo" in sign_in().post("/admin/palavras/importar", {}).text


def test_a_keyword_without_a_page_gets_one_offered(sign_in):
    make_vehicle(make="Fiat", model="Pulse")
    add("fiat pulse usado", "carro elétrico")
    text = sign_in().get("/admin/palavras/?aviso=sem-pagina").text
    assert "Usar /estoque/fiat/pulse" in text


def test_two_pages_for_one_search_compete(sign_in):
    add("SUV automático", "suvs automáticos", "hatch")
    client = sign_in()
    give(client, "SUV automático", "/estoque")
    give(client, "suvs automáticos", "/lojas")
    text = client.get("/admin/palavras/?aviso=duas-paginas").text
    assert "suvs automáticos" in text
    assert "hatch" not in text
    give(client, "suvs automáticos", "/estoque")
    assert "suvs automáticos" not in client.get("/admin/palavras/?aviso=duas-paginas").text


def test_a_page_without_cars_and_a_page_that_is_down_are_told(sign_in):
    make_page(slug="fora", is_published=False)
    add("gol usado", "feirão")
    client = sign_in()
    give(client, "gol usado", "/estoque/volkswagen/gol")
    give(client, "feirão", "/lp/fora")
    assert "gol usado" in client.get("/admin/palavras/?aviso=sem-estoque").text
    assert "feirão" in client.get("/admin/palavras/?aviso=fora-do-ar").text


@pytest.mark.parametrize("path", ["https://example.com", "//example.com", "javascript:alert(1)"])
def test_only_addresses_of_this_site_answer(sign_in, path):
    add("gol")
    give(sign_in(), "gol", path)
    assert table()["gol"][2] == ""


def test_the_table_leaves_as_csv_without_formulas(sign_in):
    add("=HYPERLINK(1)", "gol")
    answer = sign_in().get("/admin/palavras/exportar")
    assert answer.mimetype == "text/csv"
    assert "'=HYPERLINK(1);" in answer.text
    assert answer.data.startswith("\ufeff".encode())


def test_keywords_are_sorted_filtered_and_paged_in_a_fixed_number_of_statements(
    sign_in, statements
):
    client = sign_in()
    add("um")
    client.get("/admin/palavras/")
    statements.clear()
    client.get("/admin/palavras/")
    few = len(statements)
    add(*(f"palavra {number}" for number in range(120)))
    statements.clear()
    text = client.get("/admin/palavras/?ordem=palavra&pagina=2").text
    assert len(statements) == few
    assert "51–100 de 121" in text
    assert "palavra 7" in client.get("/admin/palavras/?q=palavra+7").text


def test_chosen_keywords_are_taken_out(sign_in):
    add("um", "dois")
    first = db.session.scalars(sa.select(Keyword.id).where(Keyword.text == "um")).one()
    client = sign_in()
    for _twice in range(2):
        assert client.post("/admin/palavras/apagar", {"ids": first}).status_code == 303
    assert list(table()) == ["dois"]


def test_who_sells_sees_no_keywords(sign_in):
    client = sign_in("seller")
    for path in ("/admin/palavras/", "/admin/palavras/importar", "/admin/palavras/exportar"):
        assert client.get(path).status_code == 404


def test_hostile_words_are_words(sign_in):
    add('"><script>alert(1)</script>')
    client = sign_in()
    assert "<script>alert" not in client.get("/admin/palavras/").text
    page = send(client, b'Keyword;Volume\n"<script>alert(2)</script>";1\n')
    assert "<script>alert" not in page.text


def test_the_empty_table_says_where_keywords_come_from(sign_in):
    assert "Keyword Planner" in sign_in().get("/admin/palavras/").text


@pytest.mark.parametrize(
    ("text", "volume"),
    [("1300", 1300), ("1.300", 1300), ("1,300", 1300), ("10K", 10_000), ("1 mil – 10 mil", 1000),
     ("100 - 1 mil", 100), ("1,5 mil", 1500), ("0", 0), ("", None), ("muito", None)],
)  # fmt: skip
def test_volumes_are_read_as_tools_write_them(text, volume):
    assert keywords.parse_volume(text) == volume
