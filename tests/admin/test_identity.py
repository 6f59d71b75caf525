"""Name, looks and terms of the group, by real requests."""

import re
from decimal import Decimal

import pytest
import sqlalchemy as sa

from content.media import MediaItem
from core.db import db, writing
from dealership import looks
from dealership.models import Dealership, IdentityVersion
from inventory.financing import HIGHEST_RATE, LOWEST_RATE
from tests.factories import make_store, make_vehicle
from tests.landing.pages import make_page

PATH = "/admin/identidade/"
GOOD = {
    "name": "Ipê Automóveis",
    "legal_name": "Ipê Comércio Ltda.",
    "cnpj": "12.ABC.345/01DE-35",
    "tagline": "Seminovos com história",
    "about": "",
    "email": "oi@ipe.example",
    "phone": "(19) 3232-1010",
    "whatsapp": "",
    "brand_color": "#B45309",
    "font_family": "Verdana, Geneva, sans-serif",
    "tone": "Curto e claro.",
    "finance_monthly_percent": "1,89",
    "finance_fees": "R$ 1.250,00",
    "finance_agent": "Banco Exemplo",
}
PHOTO = {
    "stem": "picture/ab/cd", "widths": [320, 640], "formats": ["webp", "jpg"],
    "width_px": 640, "height_px": 160, "color": "#ffffff",
}  # fmt: skip


def house() -> Dealership:
    db.session.rollback()
    return db.session.get_one(Dealership, 1, populate_existing=True)


def mark(page: str) -> str:
    return page.partition('name="visto" value="')[2].partition('"')[0]


def test_name_and_looks_are_saved_and_shown(sign_in, client):
    assert sign_in("owner").post(PATH, GOOD).status_code == 303
    row = house()
    assert (row.cnpj, row.phone, row.brand_color) == ("12ABC34501DE35", "+551932321010", "#b45309")
    assert (row.finance_monthly_percent, row.finance_fees_cents) == (Decimal("1.8900"), 125000)
    page = client.get("/")
    assert "Seminovos com história" in page.text
    style = re.search(r"/estilo-\w+\.css", page.text)[0]
    assert "Verdana" in client.get(style).text


def test_one_change_is_taken_back_and_forth(sign_in):
    owner = sign_in("owner")
    owner.post(PATH, GOOD)
    owner.post(PATH, {**GOOD, "name": "Outro nome", "brand_color": "#000000"})
    newest = db.session.scalars(sa.select(IdentityVersion).order_by(IdentityVersion.id.desc()))
    version = newest.first()
    assert f"{PATH}{version.id}/voltar" in owner.get(PATH).text
    assert owner.post(f"{PATH}{version.id}/voltar").status_code == 303
    assert (house().name, house().brand_color) == ("Ipê Automóveis", "#b45309")
    between = db.session.scalar(sa.select(sa.func.max(IdentityVersion.id)))
    owner.post(f"{PATH}{between}/voltar")
    assert house().name == "Outro nome"
    assert owner.post(f"{PATH}999/voltar").status_code == 404


def test_saving_twice_keeps_one_version(sign_in):
    owner = sign_in("owner")
    for _click in range(2):
        assert owner.post(PATH, GOOD).status_code == 303
    assert db.session.scalar(sa.select(sa.func.count(IdentityVersion.id))) == 1


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "", "Digite o nome"),
        ("cnpj", "11.222.333/0001-99", "CNPJ"),
        ("brand_color", "azul", "#1d4ed8"),
        ("brand_color", "red;}body{display:none", "#1d4ed8"),
        ("font_family", "x;}body{}", "fonte"),
        ("finance_monthly_percent", "0,0199", "por mês"),
        ("finance_monthly_percent", "19900", "por mês"),
        ("finance_fees", "muito", "muito"),
        ("email", "nada", "e-mail"),
        ("phone", "12", "DDD"),
    ],
)
def test_what_cannot_be_is_said_and_kept_on_the_screen(sign_in, field, typed, words):
    answer = sign_in("owner").post(PATH, {**GOOD, field: typed})
    assert answer.status_code == 422
    assert words in answer.text
    if field != "font_family":
        assert f'value="{typed}"' in answer.text
    assert db.session.get(Dealership, 1) is None


def test_the_second_save_sees_the_first(sign_in):
    first, second = sign_in("owner"), sign_in("supervisor")
    seen = mark(second.get(PATH).text)
    assert first.post(PATH, {**GOOD, "visto": seen}).status_code == 303
    late = second.post(PATH, {**GOOD, "name": "Meu", "visto": seen})
    assert late.status_code == 409
    assert 'value="Meu"' in late.text
    assert "Ipê Automóveis" in late.text
    assert second.post(PATH, {**GOOD, "name": "Meu", "visto": mark(late.text)}).status_code == 303
    assert house().name == "Meu"


def test_samples_show_what_is_not_saved(sign_in):
    make_vehicle(store=make_store())
    owner = sign_in("owner")
    page = owner.post(PATH, {**GOOD, "tagline": "Frase de teste", "do": "preview"})
    assert page.status_code == 200
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    frames = re.findall(r'<iframe[^>]* src="([^"]+)"', page.text)
    assert len(frames) == 5
    home = owner.get(frames[0])
    assert "Frase de teste" in home.text
    assert "frame-ancestors 'self'" in home.headers["Content-Security-Policy"]
    style = re.search(r'href="(/admin/identidade/amostra/[^"]+\.css)"', home.text)[1]
    assert "#b45309" in owner.get(style).text
    assert owner.get(frames[2]).status_code == 200
    mail = owner.get(frames[4])
    assert "Ipê Automóveis" in mail.text
    assert "sandbox" in mail.headers["Content-Security-Policy"]
    assert db.session.get(Dealership, 1) is None


def test_a_sample_that_was_tampered_with_is_none(sign_in):
    owner = sign_in("owner")
    frame = re.findall(r'<iframe[^>]* src="([^"]+)"', owner.get(PATH).text)[0]
    token = frame.split("/")[4]
    assert owner.get(frame.replace(token, token[:-2] + "xx")).status_code == 404
    assert owner.get(f"{PATH}amostra/{token}/outra/claro").status_code == 404
    assert owner.get(f"{PATH}amostra/{token}/inicio/roxo").status_code == 404
    assert owner.get(f"{PATH}amostra/{token}/roxo.css").status_code == 404


def test_a_logo_of_the_library_stands_on_the_site(sign_in, client):
    with writing() as session:
        item = MediaItem(digest="d", title="Logo", alt="Ipê", photo=PHOTO, created_by="x")
        session.add(item)
        session.flush()
        number = item.id
    owner = sign_in("owner")
    assert owner.post(PATH, {**GOOD, "logo": str(number)}).status_code == 303
    assert house().logo_key == "picture/ab/cd-640.webp"
    assert "/media/picture/ab/cd-640.webp" in client.get("/").text
    assert "Logo do site" in owner.get(f"/admin/midia/{number}/").text
    assert owner.post(PATH, {**GOOD, "logo": ""}).status_code == 303
    assert house().logo_key == ""
    assert owner.post(PATH, {**GOOD, "logo": "999"}).status_code == 422


@pytest.mark.parametrize("role", ["attendant", "seller", "editor"])
def test_who_may_not_finds_nothing(sign_in, role):
    person = sign_in(role)
    assert person.get(PATH).status_code == 404
    assert person.post(PATH, GOOD).status_code == 404
    assert person.post(f"{PATH}1/voltar").status_code == 404


def test_people_of_one_store_have_no_part_in_the_groups_identity(sign_in):
    person = sign_in("supervisor", stores=[make_store()])
    assert person.get(PATH).status_code == 404
    assert person.post(PATH, GOOD).status_code == 404
    assert PATH not in person.get("/admin/").text


def test_hostile_words_come_out_as_words(sign_in, client):
    evil = "<script>alert(1)</script>{{7*7}}"
    owner = sign_in("owner")
    fields = ("name", "tagline", "about", "legal_name", "tone", "finance_agent")
    sent = {**GOOD, **dict.fromkeys(fields, evil)}
    preview = owner.post(PATH, {**sent, "do": "preview"})
    frames = re.findall(r'<iframe[^>]* src="([^"]+)"', preview.text)
    assert owner.post(PATH, sent).status_code == 303
    for page in (
        preview,
        owner.get(PATH),
        *(owner.get(frame) for frame in frames),
        client.get("/"),
    ):
        assert "<script>alert" not in page.text


def test_the_rates_that_are_taken_are_those_the_simulator_computes_with():
    assert (looks.LOWEST_RATE, looks.HIGHEST_RATE) == (LOWEST_RATE, HIGHEST_RATE)


def test_how_the_house_writes_stands_beside_editors(sign_in):
    owner = sign_in("owner")
    editors = (
        "/admin/blog/novo",
        f"/admin/veiculo/{make_vehicle().id}/",
        f"/admin/paginas/{make_page().id}/",
    )
    assert not any("Curto e claro." in owner.get(path).text for path in editors)
    owner.post(PATH, GOOD)
    for path in editors:
        assert "Curto e claro." in owner.get(path).text, path
