"""One car from plate to published, through the staff door."""

import json
import re
import uuid
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from flask import Flask

from core.clock import today
from core.db import db, writing
from dealership.audit import AuditEntry
from inventory.editing import revise_vehicle
from inventory.models import Photo, PriceChange, Vehicle
from inventory.provenance import ITEMS, provenance_of
from tests.factories import make_store, make_vehicle

CANARY = "<script>alert(1)</script>{{ 7*7 }}"


def form_of(page: str) -> dict[str, object]:
    """What a browser would send of the car's form, unchanged."""
    form = page[page.index("data-guard") :]
    form = form[: form.index("</form>")]
    values: dict[str, object] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name = re.search(r'name="([^"]*)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if not name or name[1] == "csrf_token":
            continue
        if re.search(r'type="(checkbox|radio)"', tag) and " checked" not in tag:
            continue
        text = unescape(value[1]) if value else ""
        if 'type="checkbox"' in tag:
            values.setdefault(name[1], [])
            values[name[1]].append(text)
        else:
            values[name[1]] = text
    for name, body in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"', body)
        first = re.search(r'<option value="([^"]*)"', body)
        values[name] = (chosen or first)[1]
    for name, body in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.S):
        values[name] = unescape(body).lstrip("\r\n")
    return values


def path(vehicle) -> str:
    return f"/admin/veiculo/{vehicle.id}/"


def fresh(vehicle) -> Vehicle:
    db.session.expire_all()
    return db.session.get(Vehicle, vehicle.id)


def save(client, vehicle, **changes):
    values = form_of(client.get(path(vehicle)).text)
    return client.post(path(vehicle), {**values, **changes})


@pytest.fixture
def seller(app: Flask, sign_in):
    return sign_in("seller", stores=[make_store()])


@pytest.fixture
def owner(app: Flask, sign_in):
    return sign_in("owner")


# --- starting ----------------------------------------------------------------------------------


def test_a_plate_of_the_stock_fills_the_form_in(owner):
    make_vehicle(state="sold", license_plate="ABC1234", engine="1.0", color="red")
    page = owner.post("/admin/veiculo/novo/buscar", {"placa": "abc1c34"})
    assert page.status_code == 200
    values = form_of(page.text)
    assert (values["make"], values["model_name"], values["trim"]) == ("Chevrolet", "Onix", "1.0 LT")
    assert values["license_plate"] == "ABC1C34"
    assert values["color"] == "red"
    assert values["price"] == ""


def test_a_car_that_stands_in_the_stock_is_opened_not_made_twice(owner):
    vehicle = make_vehicle(license_plate="ABC1234")
    page = owner.post("/admin/veiculo/novo/buscar", {"placa": "ABC1C34"}).text
    assert f'href="/admin/veiculo/{vehicle.id}/"' in page
    answer = owner.post("/admin/veiculo/novo/", start(license_plate="ABC1C34"))
    assert answer.status_code == 422
    assert db.session.scalar(sa.select(sa.func.count(Vehicle.id))) == 1


def test_several_versions_are_asked_and_the_answer_fills_in(owner):
    asked = {"marca": "chevrolet", "modelo": "onix", "ano": "2021"}
    page = owner.post("/admin/veiculo/novo/buscar", asked).text
    keys = re.findall(r'name="escolha" value="(ref-\d+)"', page)
    assert len(keys) > 1
    chosen = form_of(owner.post("/admin/veiculo/novo/buscar", {**asked, "escolha": keys[0]}).text)
    assert chosen["model_year"] == "2021"
    assert chosen["fuel"] == "flex"
    none = form_of(owner.post("/admin/veiculo/novo/buscar", {**asked, "escolha": "nenhuma"}).text)
    assert (none["model_name"], none["trim"]) == ("onix", "")


def test_an_unknown_plate_asks_for_the_rest(owner):
    page = owner.post("/admin/veiculo/novo/buscar", {"placa": "QQQ9K99"})
    assert form_of(page.text)["license_plate"] == "QQQ9K99"


@pytest.mark.parametrize(
    "typed",
    [{"placa": "12"}, {"fipe": "abc"}, {}, {"marca": "Fiat", "modelo": "Uno", "ano": "20x1"}],
)
def test_what_cannot_be_looked_up_is_said_beside_the_field(owner, typed):
    answer = owner.post("/admin/veiculo/novo/buscar", typed)
    assert answer.status_code == 422
    assert "error-text" in answer.text


def test_a_plate_of_another_store_opens_nothing_there(app: Flask, sign_in):
    mine, other = make_store(), make_store()
    vehicle = make_vehicle(store=other, license_plate="ABC1234", renavam="00639884962")
    page = sign_in("seller", stores=[mine]).post("/admin/veiculo/novo/buscar", {"placa": "ABC1234"})
    assert f"/admin/veiculo/{vehicle.id}/" not in page.text
    assert "00639884962" not in page.text


def start(**changes) -> dict[str, str]:
    store = db.session.scalars(sa.select(Vehicle.store_id)).first()
    if store is None:
        from dealership.models import Store

        store = db.session.scalars(sa.select(Store.id)).first() or make_store().id
    return {
        "pedido": str(uuid.uuid4()), "store": str(store), "make": "fiat", "model_name": "Argo",
        "trim": "1.0 Drive", "model_year": "2022", "built_year": "2021", "price": "R$ 69.900,00",
        "mileage": "42.000", "color": "white", "condition": "used", **changes,
    }  # fmt: skip


def test_a_draft_is_made_and_its_photos_come_next(seller):
    answer = seller.post("/admin/veiculo/novo/", start(license_plate="abc-1d23"))
    vehicle = db.session.scalars(sa.select(Vehicle)).one()
    assert answer.status_code == 303
    assert answer.location == f"/admin/fotos/{vehicle.id}/"
    assert vehicle.state == "draft"
    assert vehicle.car_model.make.name == "Fiat"
    assert vehicle.license_plate == "ABC1D23"
    assert (vehicle.price_cents, vehicle.mileage_km) == (69_900_00, 42_000)
    entry = db.session.scalars(sa.select(AuditEntry)).one()
    assert (entry.action, entry.subject) == ("stock.create", f"vehicle:{vehicle.id}")


def test_a_new_car_sent_twice_is_one_car(seller):
    values = start()
    first, second = (seller.post("/admin/veiculo/novo/", values) for _time in range(2))
    assert first.location == second.location
    assert db.session.scalar(sa.select(sa.func.count(Vehicle.id))) == 1


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("price", "muito"), ("mileage", "-5"), ("model_year", "abcd"), ("model_year", ""),
        ("make", ""), ("model_name", "---"), ("license_plate", "XX"), ("renavam", "12"),
        ("model_year", "1800"), ("fuel", "water"), ("store", "999999"), ("price", "0"),
        ("doors", "44"), ("video_url", "javascript:alert(1)"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_beside_its_field_and_kept(seller, field, text):
    answer = seller.post("/admin/veiculo/novo/", start(**{field: text}))
    assert answer.status_code == 422
    assert "error-text" in answer.text or "notice bad" in answer.text
    assert 'value="Argo"' in answer.text or field == "model_name"
    assert db.session.scalar(sa.select(sa.func.count(Vehicle.id))) == 0


# --- who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["attendant"])
def test_who_does_not_edit_the_stock_finds_nothing(app: Flask, sign_in, role):
    vehicle = make_vehicle()
    client = sign_in(role)
    for address in ("/admin/veiculo/novo/", path(vehicle), path(vehicle) + "previa"):
        assert client.get(address).status_code == 404
    assert client.post(path(vehicle), {}).status_code == 404
    assert client.post("/admin/veiculo/novo/", {}).status_code == 404


def test_a_car_of_another_store_is_not_there(seller):
    other = make_vehicle(store=make_store())
    assert seller.get(path(other)).status_code == 404
    assert seller.post(path(other), {}).status_code == 404
    assert seller.get(path(other) + "previa").status_code == 404
    assert seller.post(path(other) + "previa", {}).status_code == 404


def test_a_car_cannot_be_sent_to_a_store_that_is_not_ones_own(app: Flask, sign_in):
    mine, other = make_store(), make_store()
    vehicle = make_vehicle(store=mine)
    client = sign_in("seller", stores=[mine])
    answer = save(client, vehicle, store=str(other.id))
    assert answer.status_code == 422
    assert fresh(vehicle).store_id == mine.id


def test_an_editor_sees_and_changes_neither_price_nor_documents_nor_cost(app: Flask, sign_in):
    vehicle = make_vehicle(license_plate="ABC1D23", renavam="00639884962", cost_cents=50_000_00)
    client = sign_in("editor")
    page = client.get(path(vehicle)).text
    for hidden in ("ABC1D23", "00639884962", "50.000"):
        assert hidden not in page
    for name in ("price", "promo_price", "promo_until", "cost", "license_plate", "renavam", "vin"):
        assert f'name="{name}"' not in page
    answer = save(
        client, vehicle, price="1,00", cost="1,00", license_plate="XYZ1A11", promo_price="5,00",
        description="Texto novo.", depois="publicar",
    )  # fmt: skip
    assert answer.status_code == 303
    row = fresh(vehicle)
    assert (row.price_cents, row.cost_cents, row.license_plate) == (
        69_900_00, 50_000_00, "ABC1D23",
    )  # fmt: skip
    assert row.promo_price_cents is None
    assert row.description == "Texto novo."


def test_a_seller_never_sees_what_a_car_cost(seller):
    vehicle = make_vehicle(cost_cents=51_234_00)
    with writing():
        revise_vehicle(vehicle, {"cost_cents": 51_235_00}, by="dona@loja.example")
    page = seller.get(path(vehicle)).text
    assert "51.23" not in page
    assert 'name="cost"' not in page
    save(seller, vehicle, cost="1,00")
    assert fresh(vehicle).cost_cents == 51_235_00


def test_an_editor_publishes_nothing(app: Flask, sign_in):
    vehicle = make_vehicle(state="draft")
    client = sign_in("editor")
    assert 'value="publicar"' not in client.get(path(vehicle)).text
    save(client, vehicle, depois="publicar")
    assert fresh(vehicle).state == "draft"


# --- editing -----------------------------------------------------------------------------------


def test_saving_an_unchanged_form_changes_nothing_and_leaves_no_trace(owner):
    vehicle = make_vehicle(
        features=["alarm", "abs", "Palavra própria"],
        history={"auction": False, "single_owner": True},
        description="Uma linha.\n\nOutra.", promo_price_cents=60_000_00, promo_until=today(),
        license_plate="ABC1D23", fipe_month=today().replace(day=1), fipe_price_cents=70_000_50,
    )  # fmt: skip
    seq = vehicle.stock_seq
    assert save(owner, vehicle).status_code == 303
    assert fresh(vehicle).stock_seq == seq
    assert db.session.scalars(sa.select(AuditEntry)).all() == []


def test_what_is_typed_is_saved_and_told_in_the_log(owner):
    vehicle = make_vehicle()
    answer = save(
        owner, vehicle, price="70.900", mileage="43.100 km", color="blue", engine="1.0",
        features=["abs", "airbag"], more_features="Som da casa, teto solar",
        history_single_owner="1", history_auction="0", description="Carro de família.",
        fipe_code="0053406", highlight_rank="2", video_url="youtu.be/x",
    )  # fmt: skip
    assert answer.status_code == 303
    row = fresh(vehicle)
    assert row.price_cents == 70_900_00
    assert row.features == ["sunroof", "abs", "airbag", "Som da casa"]
    assert row.history == {"single_owner": True, "auction": False}
    assert (row.fipe_code, row.highlight_rank) == ("005340-6", 2)
    assert row.video_url == "https://youtu.be/x"
    entry = db.session.scalars(sa.select(AuditEntry)).one()
    assert entry.before["price_cents"] == 69_900_00
    assert entry.after["price_cents"] == 70_900_00
    assert db.session.scalars(sa.select(PriceChange)).one().actor == owner.email


def test_bad_input_is_shown_beside_the_field_and_what_was_typed_stays(owner):
    vehicle = make_vehicle()
    answer = save(owner, vehicle, price="setenta mil", description="Texto que não se perde")
    assert answer.status_code == 422
    assert 'id="f-price-error"' in answer.text
    assert "setenta mil" in answer.text
    assert "Texto que não se perde" in answer.text
    assert fresh(vehicle).description == ""


def test_a_script_in_any_field_comes_out_as_text(owner):
    vehicle = make_vehicle()
    answer = save(
        owner, vehicle, trim=CANARY, engine=CANARY[:40], description=CANARY, legal_text=CANARY,
        more_features=CANARY, theft_note=CANARY, theft_answer="clear", theft_source=CANARY,
        theft_checked_on=today().isoformat(),
    )  # fmt: skip
    assert answer.status_code == 303
    for address in (path(vehicle), path(vehicle) + "previa"):
        page = owner.get(address).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
        assert ">49<" not in page


def test_a_price_far_from_the_old_one_is_asked_twice(owner):
    vehicle = make_vehicle()
    first = save(owner, vehicle, price="6.990")
    assert first.status_code == 422
    assert fresh(vehicle).price_cents == 69_900_00
    key = re.search(r'name="preco_confirmado" value="([^"]+)"', first.text)[1]
    other = save(owner, vehicle, price="7.990", preco_confirmado=key)
    assert other.status_code == 422  # a yes to one price is no yes to another
    assert save(owner, vehicle, price="6.990", preco_confirmado=key).status_code == 303
    assert fresh(vehicle).price_cents == 6_990_00


def test_a_promotion_far_below_is_asked_twice_too(owner):
    vehicle = make_vehicle()
    assert save(owner, vehicle, promo_price="6.490").status_code == 422
    assert fresh(vehicle).promo_price_cents is None


def test_a_plate_that_another_car_of_the_stock_carries_is_refused(owner):
    make_vehicle(license_plate="ABC1234")
    vehicle = make_vehicle()
    answer = save(owner, vehicle, license_plate="ABC1C34")
    assert answer.status_code == 422
    assert fresh(vehicle).license_plate is None


def test_a_form_sent_twice_is_saved_once(owner):
    vehicle = make_vehicle()
    values = {**form_of(owner.get(path(vehicle)).text), "price": "70.900", "color": "blue"}
    answers = [owner.post(path(vehicle), values).status_code for _time in range(2)]
    assert answers == [303, 303]
    assert len(db.session.scalars(sa.select(PriceChange)).all()) == 1
    assert len(db.session.scalars(sa.select(AuditEntry)).all()) == 1


def test_who_may_not_price_makes_a_draft_without_a_price(app: Flask, sign_in):
    make_store()
    answer = sign_in("editor").post("/admin/veiculo/novo/", start(license_plate="ABC1D23"))
    assert answer.status_code == 303
    vehicle = db.session.scalars(sa.select(Vehicle)).one()
    assert (vehicle.price_cents, vehicle.license_plate) == (None, None)


def test_a_plate_says_nothing_to_who_may_not_see_documents(app: Flask, sign_in):
    make_vehicle(license_plate="ABC1D23", state="sold")
    editor = sign_in("editor")
    assert 'name="placa" value="" placeholder' not in editor.get("/admin/veiculo/novo/").text
    answer = editor.post("/admin/veiculo/novo/buscar", {"placa": "ABC1D23"})
    assert answer.status_code == 422
    assert "pick-row" not in answer.text


# --- publishing --------------------------------------------------------------------------------


def test_save_and_publish_puts_the_car_on_the_site(seller):
    vehicle = make_vehicle(state="draft", published_at=None)
    answer = save(seller, vehicle, depois="publicar")
    assert answer.status_code == 303
    assert fresh(vehicle).state == "published"
    row = fresh(vehicle)
    assert seller.client.get(f"/oferta/{row.slug}-{row.public_id}").status_code == 200
    actions = db.session.scalars(sa.select(AuditEntry.action)).all()
    assert actions == ["stock.publish"]


def test_a_gate_keeps_the_car_back_says_why_and_links_to_the_field(app: Flask, sign_in):
    store = make_store(requires_photo=True, requires_provenance=True)
    vehicle = make_vehicle(state="draft", store=store, price_cents=None)
    client = sign_in("seller", stores=[store])
    answer = save(client, vehicle, description="R$ 1.000 + frete", depois="publicar")
    assert answer.status_code == 303
    assert answer.location.endswith("#prontidao")
    assert fresh(vehicle).state == "draft"
    assert fresh(vehicle).description == "R$ 1.000 + frete"
    page = client.get(path(vehicle)).text
    for anchor in ("#f-price", f"/admin/fotos/{vehicle.id}/", "#f-description", "#p-lien"):
        assert f'<a href="{anchor}">' in page, anchor


def test_what_is_on_the_site_never_becomes_unlawful_by_a_save(owner):
    vehicle = make_vehicle()
    answer = save(owner, vehicle, description="Financio sem consulta ao SPC.")
    assert answer.status_code == 422
    assert "54-C" in answer.text
    assert fresh(vehicle).description == ""
    draft = make_vehicle(state="draft")
    assert save(owner, draft, description="Financio sem consulta ao SPC.").status_code == 303
    assert "54-C" in owner.get(path(draft)).text


def test_a_provenance_answer_is_kept_shown_and_put_into_the_clause(owner):
    vehicle = make_vehicle()
    answer = save(
        owner, vehicle, lien_answer="present", lien_source="Detran-SP",
        lien_checked_on=today().isoformat(), lien_note="Banco Azul, quita na venda",
    )  # fmt: skip
    assert answer.status_code == 303
    assert provenance_of(vehicle.id)["lien"].source == "Detran-SP"
    page = owner.get(path(vehicle)).text
    assert "Banco Azul, quita na venda" in page[page.index('id="clause"') :]
    row = fresh(vehicle)
    public = owner.client.get(f"/oferta/{row.slug}-{row.public_id}").text
    assert "Detran-SP" in public
    assert "Banco Azul" not in public


@pytest.mark.parametrize(
    ("field", "text"),
    [("lien_source", ""), ("lien_checked_on", ""), ("lien_checked_on", "amanhã")],
)
def test_half_an_answer_about_provenance_is_refused(owner, field, text):
    vehicle = make_vehicle()
    answers = {
        "lien_answer": "clear", "lien_source": "Detran", "lien_checked_on": today().isoformat(),
    }  # fmt: skip
    assert save(owner, vehicle, **{**answers, field: text}).status_code == 422
    assert provenance_of(vehicle.id) == {}


def test_a_day_that_has_not_come_is_no_source(owner):
    vehicle = make_vehicle()
    tomorrow = (today() + timedelta(days=1)).isoformat()
    answer = save(
        owner, vehicle, lien_answer="clear", lien_source="Detran", lien_checked_on=tomorrow
    )
    assert answer.status_code == 422


# --- two people --------------------------------------------------------------------------------


def meanwhile(vehicle, **changes) -> None:
    with writing():
        revise_vehicle(fresh(vehicle), changes, by="bia@loja.example")


def test_fields_that_do_not_collide_merge(owner):
    vehicle = make_vehicle()
    values = form_of(owner.get(path(vehicle)).text)
    meanwhile(vehicle, mileage_km=50_000)
    answer = owner.post(path(vehicle), {**values, "color": "blue"})
    assert answer.status_code == 303
    row = fresh(vehicle)
    assert (row.mileage_km, row.color) == (50_000, "blue")
    assert "Quilometragem" in owner.get(path(vehicle)).text


def test_the_second_save_of_one_field_sees_both_values_and_who(owner):
    vehicle = make_vehicle()
    values = form_of(owner.get(path(vehicle)).text)
    meanwhile(vehicle, price_cents=68_000_00)
    mine = {**values, "price": "71.000", "color": "blue"}
    answer = owner.post(path(vehicle), mine)
    assert answer.status_code == 409
    for shown in ("68.000", "71.000", "bia@loja.example"):
        assert shown in answer.text
    assert fresh(vehicle).price_cents == 68_000_00
    again = form_of(answer.text)
    undecided = owner.post(path(vehicle), again)
    assert undecided.status_code == 409
    kept = owner.post(path(vehicle), {**again, "decisao_price_cents": "minha"})
    assert kept.status_code == 303
    assert (fresh(vehicle).price_cents, fresh(vehicle).color) == (71_000_00, "blue")


def test_theirs_is_taken_and_the_rest_of_mine_saved(owner):
    vehicle = make_vehicle()
    values = form_of(owner.get(path(vehicle)).text)
    meanwhile(vehicle, price_cents=68_000_00)
    answer = owner.post(path(vehicle), {**values, "price": "71.000", "color": "blue"})
    again = form_of(answer.text)
    owner.post(path(vehicle), {**again, "decisao_price_cents": "deles"})
    assert (fresh(vehicle).price_cents, fresh(vehicle).color) == (68_000_00, "blue")


def test_a_third_change_while_deciding_is_asked_again(owner):
    vehicle = make_vehicle()
    values = form_of(owner.get(path(vehicle)).text)
    meanwhile(vehicle, price_cents=68_000_00)
    again = form_of(owner.post(path(vehicle), {**values, "price": "71.000"}).text)
    meanwhile(vehicle, price_cents=67_000_00)
    answer = owner.post(path(vehicle), {**again, "decisao_price_cents": "minha"})
    assert answer.status_code == 409
    assert "67.000" in answer.text


def test_provenance_answered_by_two_people_is_asked(owner):
    vehicle = make_vehicle()
    day = today().isoformat()
    first = form_of(owner.get(path(vehicle)).text)
    save(owner, vehicle, lien_answer="clear", lien_source="Detran-RJ", lien_checked_on=day)
    mine = {"lien_answer": "clear", "lien_source": "Detran-SP", "lien_checked_on": day}
    answer = owner.post(path(vehicle), {**first, **mine})
    assert answer.status_code == 409
    assert provenance_of(vehicle.id)["lien"].source == "Detran-RJ"
    assert owner.post(path(vehicle), form_of(answer.text)).status_code == 303
    assert provenance_of(vehicle.id)["lien"].source == "Detran-SP"


@pytest.mark.parametrize("mark", ["", "{", "[]", '{"price_cents": 5}', "[" * 9000, "null"])
def test_a_broken_mark_loses_nobodys_work(owner, mark):
    vehicle = make_vehicle()
    values = form_of(owner.get(path(vehicle)).text)
    answer = owner.post(path(vehicle), {**values, "visto": mark, "visto_procedencia": mark})
    assert answer.status_code in {303, 409}
    assert fresh(vehicle).price_cents == 69_900_00


# --- page, preview, history --------------------------------------------------------------------


def test_the_preview_shows_what_is_typed_and_saves_nothing(owner):
    vehicle = make_vehicle(state="draft", published_at=None)
    values = form_of(owner.get(path(vehicle)).text)
    answer = owner.post(
        path(vehicle) + "previa",
        {**values, "description": "Só na prévia.", "price": "66.600", "doors": "x"},
    )
    assert answer.status_code == 200
    assert "Só na prévia." in answer.text
    assert "66.600" in answer.text
    assert fresh(vehicle).description == ""
    assert "noindex" in answer.text
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert "/vistos/" not in answer.text


@pytest.mark.parametrize("state", ["draft", "published", "reserved", "sold", "archived"])
def test_every_state_has_its_page_and_preview(owner, state):
    vehicle = make_vehicle(state=state, price_cents=None if state == "draft" else 5_000_00)
    assert owner.get(path(vehicle)).status_code == 200
    assert owner.get(path(vehicle) + "previa").status_code == 200


def test_strangers_see_no_preview(app: Flask, client):
    vehicle = make_vehicle(state="draft")
    assert client.get(path(vehicle) + "previa").status_code == 302


def test_history_tells_prices_steps_and_changes_with_who(owner):
    vehicle = make_vehicle(state="draft")
    save(owner, vehicle, price="70.900", color="blue")
    save(owner, vehicle, depois="publicar")
    page = owner.get(path(vehicle)).text
    past = page[page.index('id="passado"') :]
    assert "70.900" in past
    assert "Owner" in past
    assert "Rascunho → Publicado" in past
    assert "Cor" in past


def test_the_page_asks_as_many_statements_for_a_full_car_as_for_a_bare_one(owner, statements):
    bare = make_vehicle()
    full = make_vehicle(
        features=["abs", "alarm"], history={"auction": False}, description="Longa. " * 60
    )
    with writing() as session:
        for number in range(20):
            session.add(Photo(vehicle_id=full.id, position=number, state="waiting"))
    for price in range(20):
        meanwhile(full, price_cents=60_000_00 + price * 100)
    owner.get(path(bare))
    counts = []
    for vehicle in (bare, full):
        db.session.expire_all()
        statements.clear()
        owner.get(path(vehicle))
        counts.append(len(statements))
    assert counts[1] <= counts[0] + 1
    assert counts[1] < 40


def test_completeness_names_what_is_missing_with_its_link(owner):
    vehicle = make_vehicle(color=None)
    page = owner.get(path(vehicle)).text
    assert 'href="#f-color"' in page
    assert "<progress" in page


def test_all_questions_of_the_law_are_on_the_page(owner):
    page = owner.get(path(make_vehicle())).text
    for item in ITEMS:
        assert f'name="{item}_answer"' in page
    assert json.loads(unescape(re.search(r'name="visto" value="([^"]*)"', page)[1]))
