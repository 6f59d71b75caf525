"""Articles: written as versions, planned, compared, brought back, found by address."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from content import documents, media
from content.markdown import rendered
from content.models import Document, Redirect, Revision
from core.clock import DEFAULT_ZONE, now
from core.db import db, writing
from tests.pictures import photo

HERE = "/admin/blog/"
WORDS = {
    "titulo": "Como escolher um seminovo",
    "resumo": "Cinco pontos que valem uma visita.",
    "texto": "## Antes de ir\n\nVeja o **laudo** e o [estoque](/estoque).\n\n- placa\n- chassi",
    "autor": "Marina",
    "assuntos": "Compra, Seminovos",
    "endereco": "",
}


def write(staff: Any, **changes: str) -> Document:
    answer = staff.post(f"{HERE}novo", {**WORDS, **changes})
    assert answer.status_code == 303, answer.text
    return article()


def article() -> Document:
    db.session.expire_all()
    return db.session.scalars(sa.select(Document).order_by(Document.id.desc())).first()


def mark(page: str) -> str:
    return re.search(r'name="marca"[^>]*value="([^"]*)"', page)[1]


def test_a_draft_is_nobodys_and_published_it_is_everybodys(sign_in, client):
    editor = sign_in("editor")
    document = write(editor)
    assert client.get("/blog/como-escolher-um-seminovo").status_code == 404
    editor.post(f"{HERE}{document.id}/", {**WORDS, "publicar": "1"})
    page = client.get("/blog/como-escolher-um-seminovo").text
    assert "<h2>Antes de ir</h2>" in page
    assert "<strong>laudo</strong>" in page
    assert '<a href="/estoque">estoque</a>' in page
    graph = json.loads(re.search(r'ld\+json">(.*?)</script>', page, re.S)[1])
    posting = next(node for node in graph["@graph"] if node["@type"] == "BlogPosting")
    assert posting["author"]["name"] == "Marina"
    assert posting["datePublished"].endswith("+00:00")
    assert "Como escolher um seminovo" in client.get("/blog").text
    assert "Como escolher um seminovo" in client.get("/blog/tag/seminovos").text
    assert "/blog/como-escolher-um-seminovo" in client.get("/sitemap-blog.xml").text


def test_saving_changes_nothing_on_the_site_until_published(sign_in, client):
    editor = sign_in("editor")
    document = write(editor, publicar="1")
    editor.post(f"{HERE}{document.id}/", {**WORDS, "texto": "Outro texto."})
    assert "Outro texto." not in client.get("/blog/como-escolher-um-seminovo").text
    editor.post(f"{HERE}{document.id}/", {**WORDS, "texto": "Outro texto.", "publicar": "1"})
    assert "Outro texto." in client.get("/blog/como-escolher-um-seminovo").text


def test_an_article_appears_at_its_hour(sign_in, client):
    editor = sign_in("editor")
    later = (now() + timedelta(hours=2)).astimezone(DEFAULT_ZONE).strftime("%Y-%m-%dT%H:%M")
    document = write(editor, publicar="1", quando=later)
    assert client.get("/blog/como-escolher-um-seminovo").status_code == 404
    assert "Como escolher" not in client.get("/blog").text
    assert "Programado" in editor.get(HERE).text
    with writing() as session:
        session.execute(
            sa.update(Revision).values(publish_at=now() - timedelta(seconds=1)),
            execution_options={"synchronize_session": False},
        )
        session.get(Document, document.id).first_published_at = now() - timedelta(seconds=1)
    assert client.get("/blog/como-escolher-um-seminovo").status_code == 200


def test_versions_are_compared_and_brought_back(sign_in, client):
    editor = sign_in("editor")
    document = write(editor, publicar="1")
    editor.post(f"{HERE}{document.id}/", {**WORDS, "resumo": "Sete pontos que valem uma visita."})
    page = editor.get(f"{HERE}{document.id}/versoes").text
    assert "<del>Cinco</del><ins>Sete</ins>" in page
    editor.post(f"{HERE}{document.id}/versoes/1/voltar")
    assert article().newest == 3
    assert documents.newest_revision(article()).content["excerpt"] == WORDS["resumo"]


def test_a_changed_address_leaves_the_old_one_leading_there(sign_in, client):
    editor = sign_in("editor")
    document = write(editor, publicar="1")
    editor.post(f"{HERE}{document.id}/", {**WORDS, "endereco": "guia-do-seminovo"})
    answer = client.get("/blog/como-escolher-um-seminovo")
    assert answer.status_code == 301
    assert answer.location.endswith("/blog/guia-do-seminovo")
    editor.post(f"{HERE}{document.id}/", {**WORDS, "endereco": "como-escolher-um-seminovo"})
    assert client.get("/blog/como-escolher-um-seminovo").status_code == 200
    assert client.get("/blog/guia-do-seminovo").status_code == 301
    assert db.session.scalar(sa.select(sa.func.count(Redirect.id))) == 1


def test_a_preview_opens_to_whoever_holds_the_link_and_to_no_index(sign_in, client):
    document = write(sign_in("editor"))
    answer = client.get(f"/previa/{documents.preview_token(document)}")
    assert answer.status_code == 200
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert client.get("/previa/feito-a-mao").status_code == 404


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("titulo", "", "Preencha"),
        ("titulo", "x" * 91, "Longo demais"),
        ("endereco", "Com Espaço", "letras minúsculas"),
        ("endereco", "tag", "letras minúsculas"),
        ("texto", "![carro](/media/picture/nada-640.jpg)", "não está na biblioteca"),
        ("texto", "![x](https://example.com/a.jpg)", "não está na biblioteca"),
        ("assuntos", ",".join("abcdefghij"), "No máximo 8 assuntos"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_is_kept(sign_in, field, value, words):
    answer = sign_in("editor").post(f"{HERE}novo", {**WORDS, field: value})
    assert answer.status_code == 422
    assert words in answer.text
    assert "Cinco pontos" in answer.text
    assert article() is None


def test_an_unlawful_text_is_kept_as_draft_and_not_published(sign_in, client):
    document = write(sign_in("editor"), texto="Onix com parcelas a partir de R$ 599!", publicar="1")
    assert document.state == "draft"
    assert client.get("/blog/como-escolher-um-seminovo").status_code == 404


def test_the_same_form_posted_twice_makes_one(sign_in):
    editor = sign_in("editor")
    write(editor)
    write(editor)
    assert db.session.scalar(sa.select(sa.func.count(Document.id))) == 1


def test_the_second_of_two_savers_is_told(sign_in):
    editor = sign_in("editor")
    document = write(editor)
    token = mark(editor.get(f"{HERE}{document.id}/").text)
    editor.post(f"{HERE}{document.id}/", {**WORDS, "resumo": "Do primeiro.", "marca": token})
    typed = {**WORDS, "resumo": "Do segundo.", "marca": token}
    second = editor.post(f"{HERE}{document.id}/", typed)
    assert second.status_code == 409
    assert "Do segundo." in second.text
    again = editor.post(f"{HERE}{document.id}/", {**typed, "marca": mark(second.text)})
    assert again.status_code == 303


def test_hostile_words_come_out_as_text(sign_in, client):
    canary = "<script>alert(1)</script>{{7*7}}"
    text = f'{canary}\n\n[a](javascript:alert(1)) [b](//example.com) <img src=x onerror="a()">'
    editor = sign_in("editor")
    document = write(editor, titulo=canary, resumo=canary, texto=text, autor=canary,
                     assuntos="<b>um</b>", publicar="1", endereco="canario")  # fmt: skip
    pages = [client.get(path).text for path in ("/blog", "/blog/canario")]
    pages += [editor.get(f"{HERE}{document.id}/{part}").text for part in ("", "versoes")]
    for page in pages:
        assert "<script>alert(1)" not in page
        assert "javascript:" not in page.replace("javascript:alert(1))", "")
        assert "<img src=x" not in page
        assert "{{7*7}}" in page


def test_markdown_lets_our_own_links_and_pictures_through_alone(app):
    sizes = {"/media/picture/a-640.jpg": [640, 480]}
    with app.test_request_context():
        html = rendered(
            "[ours](/estoque?q=a) [same](http://localhost/lojas) [theirs](https://example.com/)"
            "\n\n![Frente](/media/picture/a-640.jpg) ![Fora](/media/picture/b-640.jpg)",
            sizes,
        )
    assert '<a href="/estoque?q=a">ours</a>' in html
    assert '<a href="/lojas">same</a>' in html
    assert "example.com" not in html
    assert 'alt="Frente"' in html
    assert 'width="640" height="480"' in html
    assert "Fora" not in html


def test_a_picture_of_the_library_is_named_where_it_is_used(sign_in, client):
    prepared = media.prepare_media(photo(1))
    with writing():
        item = media.record_media(prepared, title="suv", by="a@b.example", alt="SUV prata")
    editor = sign_in("editor")
    write(editor, texto=f"![SUV prata]({item.path()})", foto=str(item.id), publicar="1")
    page = client.get("/blog/como-escolher-um-seminovo").text
    assert page.count('alt="SUV prata"') == 2
    assert [use.words for use in media.used_by(item)] == [WORDS["titulo"]]
    other = media.prepare_media(photo(2))
    with writing():
        media.replace_media(db.session.get(media.MediaItem, item.id), other)
    page = client.get("/blog/como-escolher-um-seminovo").text
    assert page.count(other.photo["stem"]) >= 2
    assert prepared.photo["stem"] not in page


def test_roles_do_not_reach(sign_in):
    document = write(sign_in("editor"))
    for role in ("seller", "attendant"):
        staff = sign_in(role)
        assert staff.get(HERE).status_code == 404
        assert staff.post(f"{HERE}{document.id}/despublicar").status_code == 404
    assert sign_in("owner").get(f"/admin/historias/{document.id}/").status_code == 404


def test_archiving_can_be_undone(sign_in, client):
    editor = sign_in("editor")
    document = write(editor, publicar="1")
    editor.post(f"{HERE}{document.id}/arquivar")
    assert client.get("/blog/como-escolher-um-seminovo").status_code == 404
    editor.post(f"{HERE}{document.id}/despublicar")
    assert article().state == "draft"


def test_lists_ask_the_same_however_long(sign_in, client, statements):
    editor = sign_in("editor")
    write(editor, publicar="1")
    editor.get(HERE)

    def asked() -> tuple[int, int]:
        statements.clear()
        editor.get(HERE)
        first = len(statements)
        statements.clear()
        client.get("/blog")
        return first, len(statements)

    few = asked()
    for number in range(9):
        write(editor, titulo=f"Artigo {number}", publicar="1")
    assert asked() == few


def test_empty_pages_help(sign_in, client):
    assert "Novo artigo" in sign_in("editor").get(HERE).text
    assert "noindex" in client.get("/blog").text
    assert client.get("/blog/tag/nada").status_code == 404
