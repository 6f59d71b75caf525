"""The one search field: what is found, how it may be typed, and for whom."""

import re

import pytest

from core.clock import now
from core.db import db, writing
from dealership.roles import Role
from dealership.staff import create_staff
from landing import editing
from landing.goals import Goal
from tests.admin.test_leads import ask
from tests.factories import make_store, make_vehicle

SEARCH = "/admin/busca/"
CANARY = "<script>alert('canario')</script>{{7*7}}"


def found(client, text: str, **more) -> dict[str, list[str]]:
    """The answers by their group: addresses."""
    answer = client.get(SEARCH, query_string={"q": text, "parte": "1", **more})
    assert answer.status_code == 200
    groups = {}
    for part in answer.text.split('<section aria-label="')[1:]:
        addresses = re.findall(r'<li><a href="([^"]+)"', part)
        groups[part.split('"')[0]] = [one.replace("&amp;", "&") for one in addresses]
    return groups


def flat(groups: dict[str, list[str]]) -> set[str]:
    return {address for addresses in groups.values() for address in addresses}


@pytest.mark.parametrize("typed", ["argo", "ARGO drive", "fiat argo", "fíat", "agro", "fiatt argo",
                                   "ABC1D23", "abc1d", "1d23", "{id}", "argo 2022"])  # fmt: skip
def test_a_car_is_found_however_it_is_typed(sign_in, typed):
    car = make_vehicle(make="Fiat", model="Argo", trim="Drive", license_plate="ABC1D23")
    make_vehicle(make="Volkswagen", model="Polo", trim="Highline", license_plate="XYZ9K87")
    text = typed.format(id=car.public_id)
    seller = sign_in("seller")
    assert found(seller, text)["Carros"][0] == f"/admin/veiculo/{car.id}/"
    assert len(found(seller, text)["Carros"]) == 1


@pytest.mark.parametrize("state", ["draft", "reserved", "sold", "archived"])
def test_cars_that_the_public_does_not_see_are_found_too(sign_in, state):
    car = make_vehicle(make="Fiat", model="Argo", state=state)
    assert f"/admin/veiculo/{car.id}/" in flat(found(sign_in("seller"), "argo"))


def test_a_plate_is_found_only_by_who_may_see_plates(sign_in):
    car = make_vehicle(license_plate="ABC1D23")
    assert f"/admin/veiculo/{car.id}/" in flat(found(sign_in("seller"), "abc1d23"))
    editor = sign_in("editor")
    assert "Carros" not in found(editor, "abc1d23")
    assert "ABC1D23" not in editor.get(SEARCH, query_string={"q": "onix"}).text


def test_nothing_of_other_stores_is_found(sign_in):
    mine, other = make_store(), make_store()
    make_vehicle(store=other, make="Fiat", model="Argo")
    ask("1", name="João Souza", phone="11987654321", store_id=other.id)
    with writing():
        page = editing.create("feirao-joao", "Feirão do João Argo", Goal.PROPOSAL)
        page.store_id = other.id
    seller = sign_in("seller", stores=[mine])
    supervisor = sign_in("supervisor", stores=[mine])
    for client in (seller, supervisor):
        for text in ("argo", "joao", "98765-4321", "feirao", "#1"):
            groups = found(client, text)
            assert not {"Carros", "Pessoas e leads", "Landing pages"} & set(groups), text


@pytest.mark.parametrize("typed", ["joao", "João Sousa", "souza", "(11) 98765-4321", "987654321",
                                   "4321", "joao@exemplo.com", "#{id}"])  # fmt: skip
def test_a_person_is_found_by_name_number_or_mail(sign_in, typed):
    lead = ask("1", name="João Souza", phone="11987654321", email="joao@exemplo.com")
    ask("2", name="Pedro Lima", phone="21955556666")
    groups = found(sign_in("attendant"), typed.format(id=lead.id))
    assert groups["Pessoas e leads"][0] == f"/admin/leads/{lead.id}/"


def test_people_are_found_only_by_who_sees_leads(sign_in):
    ask("1", name="João Souza", phone="11987654321")
    assert "Pessoas e leads" not in found(sign_in("editor"), "joao souza")


@pytest.mark.parametrize(
    ("typed", "path"),
    [("preço", "/admin/estoque/"), ("preco", "/admin/estoque/lotes/"), ("senha", "/admin/conta/"),
     ("horário", "/admin/lojas/"), ("horarios", "/admin/lojas/"), ("feriado", "/admin/lojas/"),
     ("planilha", "/admin/importar/"), ("robô", "/admin/leads/?suspeitos=1"),
     ("lgpd", "/admin/textos-legais/"), ("logotipo", "/admin/identidade/"),
     ("relatorio", "/admin/relatorios/"), ("usuário", "/admin/equipe/"),
     ("etiqueta", "/admin/etiquetas/"), ("campanha", "/admin/paginas/")],
)  # fmt: skip
def test_screens_answer_to_the_words_that_people_use(sign_in, typed, path):
    assert path in flat(found(sign_in("owner"), typed))


def test_screens_beyond_the_role_are_not_offered_and_those_offered_are_there(sign_in):
    for role in ("seller", "attendant", "editor", "owner"):
        client = sign_in(role)
        screens = found(client, "")["Telas"]
        for path in screens:
            assert client.get(path).status_code == 200, (role, path)
        assert ("/admin/equipe/" in screens) == (role == "owner")


def test_pages_and_colleagues_are_found_by_name(sign_in):
    with writing():
        page = editing.create("feirao-de-outubro", "Feirão de outubro", Goal.PROPOSAL)
    sign_in("attendant", email="fernanda@loja.example")
    owner = sign_in("owner")
    for text in ("feirao", "Feirão outubro", "outubro", "feirrão"):
        assert f"/admin/paginas/{page.id}/" in flat(found(owner, text)), text
    assert any(one.startswith("/admin/equipe/") for one in flat(found(owner, "fernanda")))
    assert "Colegas" not in found(sign_in("editor"), "fernanda")


@pytest.mark.parametrize("text", [CANARY, "%", "_", "'", "\\", "🚗", "zzzzqqqq", " ", "a" * 500])
def test_odd_text_is_only_text(sign_in, text):
    make_vehicle()
    ask("1", name=CANARY, phone="11987654321")
    owner = sign_in("owner")
    for part in ("1", ""):
        answer = owner.get(SEARCH, query_string={"q": text, "parte": part})
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text


def test_what_is_not_there_is_said_with_a_way_on(sign_in):
    page = sign_in("seller").get(SEARCH, query_string={"q": "xyzxyz"}).text
    assert "Nada encontrado" in page


def test_the_answers_cost_the_same_however_much_there_is(sign_in, statements):
    owner = sign_in("owner")

    def fill(first: int, count: int) -> None:
        for number in range(first, first + count):
            store = make_store()
            with writing():
                create_staff(f"argo{number}@loja.example", Role.SELLER, stores=[store])
            ask(f"k{number}", name="Ana Argo", phone=f"1198765{number:04d}", at=now())
            make_vehicle(make="Fiat", model="Argo", trim=f"T{number}")
            with writing():
                editing.create(f"argo-{number}", f"Argo {number}", Goal.PROPOSAL)

    def cost(text: str) -> int:
        found(owner, text)  # the search index of the stock is warm
        db.session.remove()
        statements.clear()
        found(owner, text)
        return len(statements)

    fill(1000, 1)
    few = [cost("argo"), cost("agro")]
    fill(2000, 12)
    assert [cost("argo"), cost("agro")] == few
    assert max(few) <= 16
