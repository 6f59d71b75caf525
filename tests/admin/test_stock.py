"""The stock as a list: who sees which car, what is found, what a row can do."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now, today
from core.db import db, writing
from dealership.audit import AuditEntry
from inventory.conflicts import mark_of
from inventory.editing import revise_vehicle
from inventory.models import Photo, StateChange, Vehicle
from tests.factories import make_store, make_vehicle

LIST = "/admin/estoque/"
CANARY = "<script>alert('canario')</script>\"'{{7*7}}"


def names(page: str) -> list[str]:
    return [part.split('"')[0] for part in page.split('data-row="')[1:]]


def shown(answer) -> set[int]:
    assert answer.status_code == 200
    return {int(number) for number in names(answer.text)}


def reread(vehicle: Vehicle) -> Vehicle:
    db.session.rollback()
    return db.session.get_one(Vehicle, vehicle.id)


def mark(vehicle: Vehicle) -> str:
    return mark_of(reread(vehicle), ("price_cents", "mileage_km"))


# --- finding -----------------------------------------------------------------------------------


def test_an_empty_stock_says_how_to_begin(sign_in):
    page = sign_in("seller").get(LIST).text
    assert "Nenhum carro ainda" in page
    assert "/admin/veiculo/novo" in page


def test_drafts_and_sold_cars_are_in_the_list_archived_ones_under_their_own(sign_in):
    cars = {state: make_vehicle(state=state).id for state in
            ("draft", "published", "reserved", "sold", "archived")}  # fmt: skip
    seller = sign_in("seller")
    assert shown(seller.get(LIST)) == set(cars.values()) - {cars["archived"]}
    assert shown(seller.get(f"{LIST}?situacao=arquivado")) == {cars["archived"]}
    assert shown(seller.get(f"{LIST}?situacao=vendido")) == {cars["sold"]}


def test_a_person_of_one_store_sees_no_other_stores_cars(sign_in):
    mine, other = make_store(), make_store()
    own, foreign = make_vehicle(store=mine), make_vehicle(store=other)
    seller = sign_in("seller", stores=[mine])
    assert shown(seller.get(LIST)) == {own.id}
    assert shown(seller.get(f"{LIST}?loja={other.slug}")) == set()
    for path in ("valores", "situacao", "arquivar", "restaurar", "situacao/desfazer/1"):
        answer = seller.post(f"{LIST}{foreign.id}/{path}", {"preco": "1", "para": "sold"})
        assert answer.status_code == 404, path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("argo", {"argo"}),
        ("fiat", {"argo", "toro"}),
        ("FIAT toro", {"toro"}),
        ("byd", {"draft"}),
        ("toro até 100 mil", set()),
        ("automático até 130 mil", {"toro"}),
        ("2019", {"toro"}),
        ("nada disso", set()),
        ("%", set()),
        ("_", set()),
    ],
)
def test_a_text_finds_what_it_means_in_all_states(sign_in, text, found):
    cars = {
        "argo": make_vehicle(make="Fiat", model="Argo"),
        "toro": make_vehicle(
            make="Fiat", model="Toro", transmission="automatic", price_cents=120_000_00,
            built_year=2019, model_year=2019, state="published",
        ),
        "draft": make_vehicle(make="BYD", model="Dolphin", trim="GS", state="draft"),
    }  # fmt: skip
    answer = sign_in("seller").get(LIST, query_string={"q": text})
    assert shown(answer) == {cars[name].id for name in found}


def test_what_was_understood_is_said(sign_in):
    make_vehicle(transmission="automatic")
    page = sign_in("seller").get(LIST, query_string={"q": "automático até 130 mil"}).text
    said = page.split("Entendi:")[1].split("</p>")[0]
    assert "Automático" in said
    assert "130.000" in said


def test_keys_find_their_car(sign_in):
    car, _other = make_vehicle(source_id="EST-77"), make_vehicle()
    seller = sign_in("seller")
    for key in (car.public_id, "EST-77", f"#{car.id}"):
        assert shown(seller.get(LIST, query_string={"q": key})) >= {car.id}, key


def test_plates_are_found_only_by_who_may_see_them(sign_in):
    car = make_vehicle(license_plate="QWE4R56")
    make_vehicle()
    assert shown(sign_in("seller").get(f"{LIST}?q=qwe-4r56")) == {car.id}
    assert shown(sign_in("seller", email="b@loja.example").get(f"{LIST}?q=4R56")) == {car.id}
    assert shown(sign_in("editor").get(f"{LIST}?q=QWE4R56")) == set()


def test_filters_narrow(sign_in):
    plain = make_vehicle()
    priceless = make_vehicle(price_cents=None, state="draft")
    high = make_vehicle(highlight_rank=1, condition="new")
    promo = make_vehicle(promo_price_cents=60_000_00, promo_until=today() + timedelta(days=2))
    old = make_vehicle(created_at=now() - timedelta(days=40))
    pictured = make_vehicle()
    with writing() as session:
        session.add(Photo(vehicle_id=pictured.id))
    owner = sign_in()
    every = {plain.id, priceless.id, high.id, promo.id, old.id, pictured.id}
    expected = {
        "sem-preco=1": {priceless.id},
        "destaque=1": {high.id},
        "condicao=novo": {high.id},
        "promocao=acabando": {promo.id},
        "promocao=ativa": {promo.id},
        "idade=31-60": {old.id},
        "idade=0-15": every - {old.id},
        "foto=com": {pictured.id},
        "foto=sem": every - {pictured.id},
        "idade=abc&condicao=%3Cb%3E&promocao=x&situacao=y": every,
    }
    for query, ids in expected.items():
        assert shown(owner.get(f"{LIST}?{query}")) == ids, query


def test_the_list_sorts(sign_in):
    first = make_vehicle(price_cents=10_000_00, created_at=now() - timedelta(days=9))
    second = make_vehicle(price_cents=20_000_00, created_at=now() - timedelta(days=2))
    owner = sign_in()
    for order in ("preco", "chegada", "-leads", "km"):
        assert shown(owner.get(f"{LIST}?ordem={order}")) == {first.id, second.id}
    assert names(owner.get(f"{LIST}?ordem=-preco").text) == [str(second.id), str(first.id)]
    assert names(owner.get(LIST).text) == [str(second.id), str(first.id)]


def test_the_number_of_statements_does_not_grow(sign_in, statements):
    owner = sign_in()
    make_vehicle()
    counts = []
    for more in (0, 25):
        for number in range(more):
            make_vehicle(model=f"Modelo {number}", trim=f"Versão {number}")
        owner.get(f"{LIST}?q=x")  # the search index learns of the new cars
        statements.clear()
        for query in ("", "q=onix+2022", "idade=0-15&foto=sem", "ordem=-leads"):
            assert owner.get(f"{LIST}?{query}").status_code == 200
        # The search index looks now and then whether the stock changed.
        counts.append(len([one for one in statements if "stock_version" not in one]))
    assert counts[0] == counts[1]


def test_typed_text_comes_out_as_text(sign_in):
    make_vehicle(trim=CANARY[:60])
    page = sign_in().get(LIST, query_string={"q": CANARY}).text
    listed = sign_in("owner", email="o2@loja.example").get(LIST).text
    assert "<script>alert" not in page + listed
    assert "canario" in page


# --- filters under a name ------------------------------------------------------------------------


def test_a_filter_is_kept_shared_and_removed_by_its_owner(sign_in):
    make_vehicle()
    ana, bia = sign_in("seller", email="ana@loja.example"), sign_in("owner")
    values = {"nome": "Sem foto", "foto": "sem"}
    assert ana.post(f"{LIST}filtros", values).status_code == 303
    assert "Sem foto" in ana.get(LIST).text
    assert "Sem foto</a>" not in bia.get(LIST).text
    ana.post(f"{LIST}filtros", {**values, "de-todos": "1"})
    ana.post(f"{LIST}filtros", {**values, "de-todos": "1"})
    assert bia.get(LIST).text.count('href="/admin/estoque/?foto=sem"') == 1
    number = db.session.scalar(sa.text("SELECT id FROM saved_filter"))
    db.session.rollback()
    assert bia.post(f"{LIST}filtros/{number}/apagar").status_code == 404
    assert ana.post(f"{LIST}filtros/{number}/apagar").status_code == 303
    assert 'href="/admin/estoque/?foto=sem"' not in ana.get(LIST).text


def test_a_filter_without_name_or_content_is_refused_in_words(sign_in):
    make_vehicle()
    seller = sign_in("seller")
    for values in ({"nome": " ", "foto": "sem"}, {"nome": "Tudo"}):
        answer = seller.post(f"{LIST}filtros", values)
        assert answer.status_code == 303
        assert 'role="alert"' in seller.get(LIST).text


# --- price and mileage ---------------------------------------------------------------------------


def save(person, vehicle: Vehicle, **values):
    data = {"visto": mark(vehicle), "volta": f"{LIST}?q=onix", **values}
    return person.post(f"{LIST}{vehicle.id}/valores", data)


def test_price_and_mileage_are_saved_in_the_row(sign_in):
    car = make_vehicle()
    seller = sign_in("seller")
    answer = save(seller, car, preco="R$ 68.500", km="43.210 km")
    assert (answer.status_code, answer.location) == (303, f"{LIST}?q=onix")
    car = reread(car)
    assert (car.price_cents, car.mileage_km) == (68_500_00, 43_210)
    entry = db.session.scalars(sa.select(AuditEntry)).one()
    assert entry.before["price_cents"] == 69_900_00
    assert entry.after["price_cents"] == 68_500_00


def test_the_script_gets_the_values_and_a_new_mark(sign_in):
    car = make_vehicle()
    seller = sign_in("seller")
    answer = seller.post(
        f"{LIST}{car.id}/valores",
        {"visto": mark(car), "preco": "68500"},
        headers={"Accept": "application/json"},
    )
    assert answer.json["preco"] == "68.500"
    assert answer.json["mark"] == mark(car)
    assert seller.post(answer.json["undo"]).status_code == 303
    assert reread(car).price_cents == 69_900_00


def test_a_far_price_asks_twice(sign_in):
    car = make_vehicle()
    seller = sign_in("seller")
    answer = save(seller, car, preco="6.990")
    assert answer.status_code == 409
    assert "69.900" in answer.text
    assert "6.990" in answer.text
    assert reread(car).price_cents == 69_900_00
    assert save(seller, car, preco="6.990", confirmado="1").status_code == 303
    assert reread(car).price_cents == 6_990_00


def test_a_price_that_the_cars_own_text_contradicts_is_refused_as_in_its_form(sign_in):
    car = make_vehicle(description="Por R$ 69.900 à vista.")
    seller = sign_in("seller")
    answer = save(seller, car, preco="71.900", km="50000")
    assert answer.status_code == 422
    for words in (
        "Descrição",
        "R$\xa069.900",
        "Lei 10.962",
        f"/admin/veiculo/{car.id}/#f-description",
    ):
        assert words in answer.text
    assert reread(car).price_cents == 69_900_00
    # A draft is not advertised yet: its price is taken and the text pointed out.
    with writing():
        revise_vehicle(reread(car), {"state": "draft"}, by="ana@loja.example")
    assert save(seller, car, preco="71.900").status_code == 303
    page = seller.get(LIST).text
    assert reread(car).price_cents == 71_900_00
    assert "Lei 10.962" in page
    told = seller.post(
        f"{LIST}{car.id}/valores",
        {"visto": mark(car), "preco": "72.900"},
        headers={"Accept": "application/json"},
    ).json
    assert "Lei 10.962" in told["warning"]
    assert told["mend"] == f"/admin/veiculo/{car.id}/#f-description"


def test_a_near_price_does_not(sign_in):
    car = make_vehicle(price_cents=100_000_00)
    assert save(sign_in("seller"), car, preco="85.000").status_code == 303


@pytest.mark.parametrize(
    "values", [{"preco": "caro"}, {"km": "muitos"}, {"preco": "0"}, {"km": "9999999"},
               {"preco": ""}, {"preco": "1,234"}, {"preco": CANARY}],
)  # fmt: skip
def test_bad_values_are_422_and_kept(sign_in, values):
    car = make_vehicle()
    answer = save(sign_in("seller"), car, **values)
    assert answer.status_code == 422
    assert "error-text" in answer.text
    assert "<script>alert" not in answer.text
    assert reread(car).price_cents == 69_900_00


def test_a_stale_save_shows_what_changed_and_may_overwrite(sign_in):
    car = make_vehicle()
    seen = mark(car)
    with writing():
        revise_vehicle(reread(car), {"price_cents": 68_000_00}, by="ana@loja.example")
    seller = sign_in("seller")
    answer = save(seller, car, preco="70.500", visto=seen)
    assert answer.status_code == 409
    for words in ("ana@loja.example", "68.000", "70.500"):
        assert words in answer.text
    assert reread(car).price_cents == 68_000_00
    assert save(seller, car, preco="70.500", visto=seen, sobrepor="1").status_code == 303
    assert reread(car).price_cents == 70_500_00


def test_a_stale_row_merges_what_it_did_not_touch(sign_in):
    car = make_vehicle()
    seen = mark(car)
    with writing():
        revise_vehicle(reread(car), {"price_cents": 68_000_00}, by="ana@loja.example")
    assert save(sign_in("seller"), car, preco="69.900", km="50000", visto=seen).status_code == 303
    car = reread(car)
    assert (car.price_cents, car.mileage_km) == (68_000_00, 50_000)


def test_undo_puts_the_price_back_once(sign_in):
    car = make_vehicle()
    seller = sign_in("seller")
    save(seller, car, preco="68.500")
    page = seller.get(LIST).text
    path = page.split('action="/admin/estoque/')[1:]
    undo = next(p.split('"')[0] for p in path if "desfazer" in p.split('"')[0])
    undo = f"/admin/estoque/{undo.replace('&amp;', '&')}"
    assert seller.post(undo).status_code == 303
    assert reread(car).price_cents == 69_900_00
    with writing():
        revise_vehicle(reread(car), {"price_cents": 66_000_00}, by="ana@loja.example")
    seller.post(undo)
    assert reread(car).price_cents == 66_000_00
    assert "ana@loja.example" in seller.get(LIST).text


def test_an_editor_changes_mileage_but_no_price_and_an_attendant_neither(sign_in):
    car = make_vehicle()
    editor, attendant = sign_in("editor"), sign_in("attendant")
    assert save(editor, car, km="43000").status_code == 303
    assert save(editor, car, preco="60000").status_code == 404
    assert save(attendant, car, km="43000").status_code == 404
    assert 'name="preco"' not in editor.get(LIST).text
    assert 'name="km"' not in attendant.get(LIST).text


def test_saving_twice_is_saving_once(sign_in):
    car = make_vehicle()
    seller = sign_in("seller")
    seen = mark(car)
    for _again in range(2):
        assert save(seller, car, preco="68.500", visto=seen).status_code == 303
    db.session.refresh(reread(car))
    assert len(reread(car).price_changes) == 1


# --- states --------------------------------------------------------------------------------------


def undo_path(person) -> str:
    page = person.get(LIST).text
    return next(
        part.split('"')[0].replace("&amp;", "&")
        for part in page.split('action="')[1:]
        if "situacao/desfazer" in part.split('"')[0]
    )


@pytest.mark.parametrize(
    ("state", "address", "to_state"),
    [
        ("draft", "situacao", "published"),
        ("published", "situacao", "reserved"),
        ("published", "situacao", "sold"),
        ("published", "situacao", "draft"),
        ("reserved", "situacao", "published"),
        ("sold", "situacao", "published"),
        ("sold", "arquivar", "archived"),
        ("reserved", "arquivar", "archived"),
        ("archived", "restaurar", "draft"),
    ],
)
def test_each_step_is_one_tap_and_can_be_undone(sign_in, state, address, to_state):
    car = make_vehicle(state=state)
    seller = sign_in("seller")
    answer = seller.post(f"{LIST}{car.id}/{address}", {"para": to_state})
    assert answer.status_code == 303
    assert reread(car).state == to_state
    path = undo_path(seller)
    for _again in range(2):
        assert seller.post(path).status_code == 303
        assert reread(car).state == state


def test_a_step_twice_is_one_step(sign_in):
    car = make_vehicle()
    seller = sign_in("seller")
    for _again in range(2):
        assert seller.post(f"{LIST}{car.id}/situacao", {"para": "sold"}).status_code == 303
    count = db.session.scalar(sa.select(sa.func.count()).select_from(StateChange))
    assert count == 1


def test_what_cannot_be_published_says_why(sign_in):
    car = make_vehicle(state="draft", price_cents=None)
    seller = sign_in("seller")
    seller.post(f"{LIST}{car.id}/situacao", {"para": "published"})
    assert reread(car).state == "draft"
    page = seller.get(LIST).text
    assert 'role="alert"' in page
    assert "preço" in page


def test_an_impossible_step_is_refused_in_words(sign_in):
    car = make_vehicle(state="draft")
    seller = sign_in("seller")
    assert seller.post(f"{LIST}{car.id}/situacao", {"para": "sold"}).status_code == 303
    assert reread(car).state == "draft"
    assert 'role="alert"' in seller.get(LIST).text
    assert seller.post(f"{LIST}{car.id}/situacao", {"para": "archived"}).status_code == 404
    assert seller.post(f"{LIST}{car.id}/situacao", {"para": CANARY}).status_code == 404


def test_nobody_undoes_anothers_step(sign_in):
    car = make_vehicle()
    ana, bia = sign_in("seller", email="ana@loja.example"), sign_in("owner")
    ana.post(f"{LIST}{car.id}/situacao", {"para": "sold"})
    path = undo_path(ana)
    bia.post(path)
    assert reread(car).state == "sold"


def test_roles_that_do_not_publish_do_not(sign_in):
    car = make_vehicle()
    editor, attendant = sign_in("editor"), sign_in("attendant")
    assert editor.post(f"{LIST}{car.id}/situacao", {"para": "sold"}).status_code == 404
    assert attendant.post(f"{LIST}{car.id}/arquivar").status_code == 404
    assert editor.post(f"{LIST}{car.id}/arquivar").status_code == 303
    assert reread(car).state == "archived"


@pytest.mark.parametrize(
    "volta", ["https://mal.example/", "//mal.example", "/\\mal", "javascript:1"]
)
def test_going_back_never_leads_away(sign_in, volta):
    car = make_vehicle()
    answer = sign_in("seller").post(f"{LIST}{car.id}/arquivar", {"volta": volta})
    assert answer.location == LIST
