"""Banners: made by staff, true to the stock, gone by themselves."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from content import media
from core.clock import now
from core.db import db, writing
from dealership.models import Banner
from tests.factories import make_store, make_vehicle
from tests.pictures import photo

HERE = "/admin/banners/"


@pytest.fixture
def picture(app) -> int:
    prepared = media.prepare_media(photo(1))
    with writing():
        return media.record_media(
            prepared, title="suv", by="a@b.example", alt="SUV prata na serra"
        ).id


def typed(picture: int, **changes: str) -> dict[str, Any]:
    words = {"titulo": "SUVs da semana", "texto": "Para cidade e estrada.", "botao": "Ver os SUVs",
             "destino": "/estoque", "foto": str(picture), "loja": ""}  # fmt: skip
    return {**words, **changes}


def rows() -> list[Banner]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(Banner).order_by(Banner.position)))


def test_a_banner_is_made_and_stands_on_the_home_page(sign_in, client, picture):
    make_vehicle()
    editor = sign_in("editor")
    assert editor.get(f"{HERE}novo").status_code == 200
    answer = editor.post(f"{HERE}novo", typed(picture))
    assert answer.status_code == 303
    page = client.get("/").text
    assert "SUVs da semana" in page
    assert 'alt="SUV prata na serra"' in page
    assert "1 carro lá agora" in editor.get(HERE).text


def test_the_same_form_posted_twice_makes_one(sign_in, picture):
    make_vehicle()
    editor = sign_in("editor")
    for _time in range(2):
        editor.post(f"{HERE}novo", typed(picture))
    assert len(rows()) == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("destino", "https://example.com/", "Só endereços deste site"),
        ("destino", "//example.com", "Só endereços deste site"),
        ("destino", "/nada-aqui", "Não há página em"),
        ("destino", "/admin/", "não é uma página para todos"),
        ("destino", "/oferta/nada-x1", "Não há página em"),
        ("titulo", "", "Preencha"),
        ("titulo", "x" * 81, "Longo demais"),
        ("fim", "amanhã", "31/12/2026 18:00"),
        ("fim", "2020-01-01T10:00", "fim precisa vir depois do início"),
        ("texto", "Parcelas a partir de R$ 599", "Decreto 5.903/2006"),
        ("foto", "", "Escolha a foto do banner"),
        ("foto", "999999", "Imagem"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_typed_is_lost(
    sign_in, picture, field, value, words
):
    make_vehicle()
    answer = sign_in("editor").post(f"{HERE}novo", typed(picture, **{field: value}))
    assert answer.status_code == 422
    assert words in answer.text
    assert "Ver os SUVs" in answer.text
    assert rows() == []


def test_a_banner_steps_back_when_its_car_is_sold_and_comes_again(sign_in, client, picture):
    vehicle = make_vehicle()
    path = f"/oferta/{vehicle.slug}-{vehicle.public_id}"
    editor = sign_in("editor")
    editor.post(f"{HERE}novo", typed(picture, destino=path))
    assert "SUVs da semana" in client.get("/").text
    with writing() as session:
        session.get(type(vehicle), vehicle.id).state = "sold"
    assert "SUVs da semana" not in client.get("/").text
    assert "O carro foi vendido" in editor.get(HERE).text


def test_a_filter_without_a_car_is_not_promised(sign_in, client, picture):
    make_vehicle(body="hatch")
    editor = sign_in("editor")
    editor.post(f"{HERE}novo", typed(picture, destino="/estoque?carroceria=suv"))
    assert "SUVs da semana" not in client.get("/").text
    assert "Fora do site por enquanto" in editor.get(HERE).text


def test_a_banner_leaves_at_its_end(sign_in, client, picture):
    make_vehicle()
    sign_in("editor").post(f"{HERE}novo", typed(picture))
    with writing():
        rows()[0].starts_at = now() - timedelta(days=2)
        rows()[0].ends_at = now() - timedelta(minutes=1)
    assert "SUVs da semana" not in client.get("/").text


def test_archiving_can_be_undone(sign_in, client, picture):
    make_vehicle()
    editor = sign_in("editor")
    editor.post(f"{HERE}novo", typed(picture))
    banner = rows()[0]
    editor.post(f"{HERE}{banner.id}/arquivar")
    assert "SUVs da semana" not in client.get("/").text
    editor.post(f"{HERE}{banner.id}/restaurar")
    assert "SUVs da semana" in client.get("/").text


def test_order_is_what_staff_say(sign_in, picture):
    make_vehicle()
    editor = sign_in("editor")
    for title in ("Um", "Dois", "Três"):
        editor.post(f"{HERE}novo", typed(picture, titulo=title))
    editor.post(f"{HERE}{rows()[2].id}/mover", {"para": "cima"})
    assert [row.title for row in rows()] == ["Um", "Três", "Dois"]


def test_the_second_of_two_savers_is_told(sign_in, picture):
    make_vehicle()
    editor = sign_in("editor")
    editor.post(f"{HERE}novo", typed(picture))
    banner = rows()[0]
    page = editor.get(f"{HERE}{banner.id}/").text
    mark = page.partition('name="marca"')[2].partition('value="')[2].partition('"')[0]
    editor.post(f"{HERE}{banner.id}/", typed(picture, titulo="Do primeiro", marca=mark))
    second = editor.post(f"{HERE}{banner.id}/", typed(picture, titulo="Do segundo", marca=mark))
    assert second.status_code == 409
    assert "Do segundo" in second.text
    assert rows()[0].title == "Do primeiro"
    mark = second.text.partition('name="marca"')[2].partition('value="')[2].partition('"')[0]
    again = editor.post(f"{HERE}{banner.id}/", typed(picture, titulo="Do segundo", marca=mark))
    assert again.status_code == 303
    assert rows()[0].title == "Do segundo"


def test_hostile_words_come_out_as_text(sign_in, client, picture):
    make_vehicle()
    canary = '"><script>alert(1)</script>{{7*7}}'
    editor = sign_in("editor")
    editor.post(f"{HERE}novo", typed(picture, titulo=canary, texto=canary, botao="Ver <b>"))
    for page in (client.get("/").text, editor.get(HERE).text,
                 editor.get(f"{HERE}{rows()[0].id}/").text):  # fmt: skip
        assert "<script>alert" not in page
        assert "{{7*7}}" in page


def test_roles_and_other_stores_do_not_reach(sign_in, picture):
    make_vehicle()
    mine, other = make_store(), make_store()
    owner = sign_in("owner")
    owner.post(f"{HERE}novo", typed(picture, loja=str(other.id)))
    owner.post(f"{HERE}novo", typed(picture, titulo="Do grupo"))
    for role in ("seller", "attendant"):
        assert sign_in(role).get(HERE).status_code == 404
    editor = sign_in("editor", stores=[mine])
    page = editor.get(HERE)
    assert "SUVs da semana" not in page.text
    for banner in rows():
        assert editor.get(f"{HERE}{banner.id}/").status_code == 404
        assert editor.post(f"{HERE}{banner.id}/arquivar").status_code == 404
    refused = editor.post(f"{HERE}novo", typed(picture, loja=str(other.id)))
    assert refused.status_code == 404
    assert editor.post(f"{HERE}novo", typed(picture)).status_code == 404


def test_an_empty_list_says_what_to_do(sign_in):
    assert "Criar o primeiro banner" in sign_in("editor").get(HERE).text
