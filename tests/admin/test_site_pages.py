"""Pages, the menu and old addresses."""

import io
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from content.models import Document, MenuEntry, Redirect
from core.clock import DEFAULT_ZONE, now
from core.db import db, writing
from tests.factories import make_store, make_vehicle

PAGES, MENU, OLD = "/admin/paginas-do-site/", "/admin/menu/", "/admin/redirecionamentos/"
WORDS = {"titulo": "Garantia", "texto": "Noventa dias, por lei (CDC, art. 26).",
         "endereco": "garantia", "publicar": "1"}  # fmt: skip


def page_of(staff: Any, **changes: str) -> None:
    answer = staff.post(f"{PAGES}novo", {**WORDS, **changes})
    assert answer.status_code == 303, answer.text


def lines(*rows: tuple[str, str]) -> dict[str, str]:
    form = {}
    for number, (path, label) in enumerate(rows, 1):
        form |= {f"caminho-{number}": path, f"nome-{number}": label, f"visivel-{number}": "1",
                 f"ordem-{number}": str(number)}  # fmt: skip
    return form


def add(staff: Any, old: str, new: str) -> Any:
    return staff.post(OLD, {"de": old, "para": new})


def redirects() -> dict[str, str]:
    db.session.expire_all()
    return {row.from_path: row.to_path for row in db.session.scalars(sa.select(Redirect))}


def test_a_page_is_written_and_leaves_at_its_end(sign_in, client):
    editor = sign_in("editor")
    soon = (now() + timedelta(days=2)).astimezone(DEFAULT_ZONE).strftime("%Y-%m-%dT%H:%M")
    page_of(editor, fim=soon)
    answer = client.get("/p/garantia")
    assert "Noventa dias" in answer.text
    assert "/p/garantia" in client.get("/sitemap-paginas.xml").text
    with writing() as session:
        document = session.scalars(sa.select(Document)).one()
        document.ends_at = now() - timedelta(seconds=1)
    assert client.get("/p/garantia").status_code == 404


def test_the_menu_is_the_products_until_somebody_arranges_it(sign_in, client):
    editor = sign_in("editor")
    page_of(editor)
    before = client.get("/contato").text
    assert ">Estoque</a>" in before
    answer = editor.post(f"{MENU}head", lines(("/estoque", "Carros"), ("/p/garantia", "Garantia")))
    assert answer.status_code == 303
    after = client.get("/contato").text
    head = after.partition("</header>")[0]
    assert '<a href="/p/garantia">Garantia</a>' in head
    assert "Financiamento" not in head
    assert "Agendar test drive" in after or "test drive" in after  # the foot stayed
    editor.post(f"{MENU}padrao")
    assert db.session.scalar(sa.select(sa.func.count(MenuEntry.id))) == 0


def test_the_order_and_hiding_are_what_staff_say(sign_in, client):
    editor = sign_in("editor")
    form = lines(("/estoque", "Um"), ("/lojas", "Dois"), ("/financiamento", "Três"))
    form |= {"ordem-1": "3", "ordem-3": "1"}
    del form["visivel-2"]
    editor.post(f"{MENU}head", form)
    head = client.get("/contato").text.partition("</header>")[0]
    assert head.index(">Três</a>") < head.index(">Um</a>")
    assert ">Dois</a>" not in head
    assert 'value="Dois"' in editor.get(MENU).text


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("https://example.com", "Fora")], "Só endereços deste site"),
        ([("/nada", "Nada")], "Não há página"),
        ([("/estoque", "x" * 41)], "Longo demais"),
        ([("/estoque", "")], "Preencha"),
        ([("/estoque", str(number)) for number in range(5)], "No máximo 4 links"),
    ],
)
def test_a_menu_that_leads_nowhere_is_refused_and_kept_as_typed(sign_in, rows, words):
    answer = sign_in("editor").post(f"{MENU}head", lines(*rows))
    assert answer.status_code == 422
    assert words in answer.text
    assert rows[0][0] in answer.text
    assert db.session.scalar(sa.select(sa.func.count(MenuEntry.id))) == 0


def test_the_privacy_notice_stays_on_every_page(sign_in, client):
    answer = sign_in("editor").post(f"{MENU}legal", lines(("/lojas", "Lojas")))
    assert answer.status_code == 422
    assert "/privacidade" in client.get("/contato").text


def test_hostile_words_in_the_menu_come_out_as_text(sign_in, client):
    sign_in("editor").post(f"{MENU}head", lines(("/estoque", "<script>a()</script>{{7*7}}")))
    page = client.get("/contato").text
    assert "<script>a()" not in page
    assert "{{7*7}}" in page


def test_the_menu_is_read_once(client, statements):
    client.get("/contato")
    statements.clear()
    client.get("/contato")
    assert len([one for one in statements if "menu_entry" in one]) == 1


def test_an_old_address_leads_on_and_is_counted(sign_in, client):
    editor = sign_in("editor")
    assert add(editor, "/seminovos-antigo", "/estoque?condicao=seminovo").status_code == 303
    answer = client.get("/seminovos-antigo/")
    assert answer.status_code == 301
    assert answer.location.endswith("/estoque?condicao=seminovo")
    client.get("/seminovos-antigo")
    db.session.expire_all()
    assert db.session.scalars(sa.select(Redirect)).one().hits == 2


def test_what_is_gone_says_so(sign_in, client):
    add(sign_in("editor"), "/feirao-2019", "")
    answer = client.get("/feirao-2019")
    assert answer.status_code == 410
    assert "saiu do ar" in answer.text


def test_chains_are_shortened_and_circles_refused(sign_in):
    editor = sign_in("editor")
    add(editor, "/b", "/estoque")
    add(editor, "/a", "/b")
    assert redirects() == {"/a": "/estoque", "/b": "/estoque"}
    page_of(editor)
    add(editor, "/c", "/p/garantia")
    assert add(editor, "/d", "/d").status_code == 422
    with writing() as session:
        session.add(Redirect(from_path="/x", to_path="/y", created_by="a"))
    assert add(editor, "/y", "/x").status_code == 422


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/contato", "/estoque"),
        ("/estoque", "/lojas"),
        ("/admin/", "/estoque"),
        ("/velho", "/nada"),
        ("/velho", "https://example.com/"),
        ("/velho", "//example.com/"),
        ("/velho", "/\\example.com"),
        ("https://example.com/velho", "/estoque"),
        ("", "/estoque"),
    ],
)
def test_never_over_a_page_and_never_away(sign_in, old, new):
    answer = add(sign_in("editor"), old, new)
    assert answer.status_code == 422
    assert redirects() == {}


def test_a_live_car_or_store_is_not_led_away_from(sign_in):
    vehicle, store = make_vehicle(), make_store()
    editor = sign_in("editor")
    for path in (f"/oferta/{vehicle.slug}-{vehicle.public_id}", f"/lojas/{store.slug}"):
        assert add(editor, path, "/estoque").status_code == 422
    assert add(editor, "/oferta/antiga-x9", "/estoque").status_code == 303


def test_a_file_is_taken_in_row_by_row(sign_in, client):
    rows = "de;para\n/um;/estoque\n/dois;410\n/contato;/estoque\n/três;/lojas\n"
    answer = sign_in("editor").post(
        f"{OLD}importar",
        {"arquivo": (io.BytesIO(rows.encode("cp1252")), "velhos.csv")},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 422
    assert "Linha 4" in answer.text
    assert redirects() == {"/um": "/estoque", "/dois": "", "/três": "/lojas"}
    assert client.get("/três").status_code == 301


def test_an_empty_file_is_refused_in_words(sign_in):
    answer = sign_in("editor").post(f"{OLD}importar", {})
    assert answer.status_code == 422
    assert "CSV" in answer.text


def test_roles_do_not_reach(sign_in):
    seller = sign_in("seller")
    for path in (PAGES, MENU, OLD):
        assert seller.get(path).status_code == 404
    assert seller.post(f"{MENU}head", lines(("/estoque", "A"))).status_code == 404
    assert add(seller, "/velho", "/estoque").status_code == 404
    assert sign_in("owner").post(f"{MENU}nada", {}).status_code == 404


def test_empty_lists_help(sign_in):
    editor = sign_in("editor")
    assert "Nova página" in editor.get(PAGES).text
    assert "Nenhum endereço antigo" in editor.get(OLD).text
