"""Stories: shown with permission, gone without it, ending in one call to action."""

from typing import Any

import pytest
import sqlalchemy as sa

from content import consents, models
from core.db import db, writing
from tests.factories import make_vehicle

HERE = "/admin/historias/"
WORDS = {
    "titulo": "O carro que coube na vaga e no orçamento",
    "resumo": "Renata trocou dois ônibus por um hatch.",
    "pessoa": "Renata M.",
    "cidade": "Campinas",
    "frase": "Ganhei duas horas por dia.",
    "antes": "Dois ônibus.",
    "virada": "Um test drive no caminho de sempre.",
    "depois": "Chega antes da chuva.",
    "carros": "",
    "objetivo": "test_drive",
    "botao": "Agendar um test drive",
    "endereco": "renata",
}
PATH = "/blog/historia/renata"


def story() -> models.Document:
    db.session.expire_all()
    return db.session.scalars(sa.select(models.Document)).one()


def write(staff: Any, **changes: str) -> models.Document:
    answer = staff.post(f"{HERE}novo", {**WORDS, **changes})
    assert answer.status_code == 303, answer.text
    return story()


def publish(staff: Any, document: models.Document, **changes: str) -> Any:
    staff.post(f"{HERE}{document.id}/autorizacao", {"prova": "Pasta 12"})
    return staff.post(f"{HERE}{document.id}/", {**WORDS, **changes, "publicar": "1"})


def test_without_permission_a_story_is_not_published(sign_in, client):
    editor = sign_in("editor")
    document = write(editor, publicar="1")
    assert document.state == "draft"
    assert client.get(PATH).status_code == 404
    publish(editor, document)
    page = client.get(PATH).text
    assert "Ganhei duas horas por dia." in page
    assert 'href="/test-drive"' in page
    assert "O carro que coube" in client.get("/blog").text


def test_taking_back_unpublishes_the_story_the_testimonial_and_the_list(sign_in, client):
    with writing() as session:
        consent = consents.give("Renata", covers_image=True, channel="link")
        testimonial = models.Testimonial(
            text="Muito bom.", name="Renata", city="Campinas", month="2026-09",
            state="published", consent=consent, created_by="convite",
        )  # fmt: skip
        session.add(testimonial)
        session.flush()
        number = testimonial.id
    editor = sign_in("editor")
    document = write(editor)
    editor.post(f"{HERE}{document.id}/autorizacao", {"depoimento": str(number)})
    editor.post(f"{HERE}{document.id}/", {**WORDS, "publicar": "1"})
    assert client.get(PATH).status_code == 200
    editor.post(f"/admin/depoimentos/{number}/revogar", {"confirmado": "1"})
    assert client.get(PATH).status_code == 404
    assert "O carro que coube" not in client.get("/blog").text
    assert PATH not in client.get("/sitemap-paginas.xml").text
    assert "Muito bom." not in client.get("/depoimentos").text
    assert story().state == "draft"


@pytest.mark.parametrize("words", ["Saiba mais", "Clique aqui", "Simular parcelas"])
def test_the_button_says_what_happens(sign_in, client, words):
    editor = sign_in("editor")
    publish(editor, write(editor), botao=words)
    assert client.get(PATH).status_code == 404


def test_the_cars_of_the_story_stand_below_it(sign_in, client):
    vehicle = make_vehicle()
    editor = sign_in("editor")
    address = f"http://localhost/oferta/{vehicle.slug}-{vehicle.public_id}"
    document = write(editor, carros=address)
    publish(editor, document, carros=address)
    page = client.get(PATH).text
    assert f"{vehicle.slug}-{vehicle.public_id}" in page
    assert f"/test-drive?oferta={vehicle.public_id}" in page


def test_a_car_that_is_none_is_refused_and_the_rest_kept(sign_in):
    answer = sign_in("editor").post(f"{HERE}novo", {**WORDS, "carros": "nada123"})
    assert answer.status_code == 422
    assert "Não há carro com o código" in answer.text
    assert "Dois ônibus." in answer.text


def test_hostile_words_come_out_as_text(sign_in, client):
    canary = "<script>alert(1)</script>{{7*7}}"
    editor = sign_in("editor")
    changes = dict.fromkeys(("titulo", "resumo", "frase", "antes", "virada", "depois"), canary)
    document = write(editor, **changes)
    publish(editor, document, **changes)
    for page in (client.get(PATH).text, editor.get(f"{HERE}{document.id}/").text):
        assert "<script>alert(1)" not in page
        assert "{{7*7}}" in page


def test_roles_do_not_reach(sign_in):
    document = write(sign_in("editor"))
    seller = sign_in("seller")
    assert seller.get(HERE).status_code == 404
    assert seller.post(f"{HERE}{document.id}/autorizacao", {"prova": "x"}).status_code == 404


def test_an_empty_list_says_what_to_do(sign_in):
    assert "Nova história" in sign_in("editor").get(HERE).text
