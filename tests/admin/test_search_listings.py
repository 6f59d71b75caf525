"""`/admin/buscadores/`: how lists and cars stand in searches, words of the store's own, and whether
search engines are told of changes."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from dealership.audit import AuditEntry
from integrators.models import SearchNotice
from tests.factories import make_vehicle

HERE = "/admin/buscadores/"
WORDS = f"{HERE}palavras?pagina=/estoque/chevrolet/onix"
TYPED = {
    "titulo": "Onix usado com garantia em Campinas",
    "descricao": "O que olhar num Onix usado antes de comprar: revisões, pneus e procedência.",
    "cabecalho": "Onix, o nosso mais vendido",
    "texto": "Primeiro.\n\nSegundo.",
}


@pytest.fixture
def editor(sign_in):
    make_vehicle()
    return sign_in("editor")


def test_lists_are_found_by_name_and_by_how_they_stand(editor):
    page = editor.get(HERE).text
    assert "/estoque/chevrolet/onix" in page
    assert "Lists come" not in page
    assert "/estoque/chevrolet/onix" not in editor.get(f"{HERE}?q=civic").text
    assert "/estoque/chevrolet/onix" in editor.get(f"{HERE}?q=ÔNIX").text
    assert "/estoque/chevrolet/onix" not in editor.get(f"{HERE}?ver=com-texto").text
    assert "/estoque/chevrolet/onix" in editor.get(f"{HERE}?ver=sem-texto").text


def test_own_words_are_shown_at_once_and_written_down(editor, client):
    answer = editor.post(WORDS, TYPED)
    assert (answer.status_code, answer.location) == (303, WORDS)
    page = client.get("/estoque/chevrolet/onix").text
    assert f"<h1>{TYPED['cabecalho']}</h1>" in page
    assert "/estoque/chevrolet/onix" in editor.get(f"{HERE}?ver=com-texto").text
    entry = db.session.scalars(
        sa.select(AuditEntry).where(AuditEntry.action == "search_listing.change")
    ).one()
    assert entry.subject == "search_listing:/estoque/chevrolet/onix"
    assert editor.post(WORDS, {}).status_code == 303  # emptied: made by the program again
    assert f"<h1>{TYPED['cabecalho']}</h1>" not in client.get("/estoque/chevrolet/onix").text


def test_what_is_refused_stays_typed(editor, client):
    answer = editor.post(WORDS, {**TYPED, "titulo": "curto"})
    assert answer.status_code == 422
    assert TYPED["descricao"] in answer.text
    assert TYPED["cabecalho"] not in client.get("/estoque/chevrolet/onix").text


@pytest.mark.parametrize(
    "page", ["/contato", "https://outra.example/estoque", "/estoque/nada", "/oferta/x-aaaaaaaa", ""]
)
def test_other_pages_have_no_words_here(editor, page):
    assert editor.get(f"{HERE}palavras?pagina={page}").status_code == 404


def test_who_may_not_write_the_site_is_turned_away(sign_in):
    assert sign_in("seller").get(HERE).status_code == 404


def test_staff_see_whether_search_engines_are_told(app, editor, monkeypatch):
    def told() -> str:
        return editor.get(HERE).text

    assert "descobrem sozinhos" in told()
    config = replace(
        app.extensions["vitrine"],
        indexnow_url="https://engine.example/indexnow",
        base_url="https://loja.example",
    )
    monkeypatch.setitem(app.extensions, "vitrine", config)
    assert "As primeiras ofertas são avisadas em até cinco minutos" in told()
    with writing() as session:
        session.add(SearchNotice(id=1, problem="403", rests_until=now() + timedelta(hours=1)))
    assert "O IndexNow recusou o último aviso (403)" in told()
    with writing() as session:
        session.get(SearchNotice, 1).problem = "unreachable"
    assert "O IndexNow não respondeu" in told()
    with writing() as session:
        row = session.get(SearchNotice, 1)
        row.problem, row.addresses, row.told_at = "", 1, now()
    assert "avisados de 1 oferta em" in told()
