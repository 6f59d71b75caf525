"""Settings of the stores, by real requests."""

from datetime import date, time

import pytest
import sqlalchemy as sa

from content.media import MediaItem
from core.clock import today
from core.db import db, writing
from dealership.audit import AuditEntry
from dealership.models import Store
from inventory import stock_version
from inventory.gates import problems_to_publish
from inventory.models import Vehicle
from tests.factories import make_store, make_vehicle

GOOD = {
    "name": "Loja Nova",
    "phone": "(19) 3232-1010",
    "whatsapp": "19 98765-4321",
    "email": "Loja@Exemplo.com.br",
    "postal_code": "13010-000",
    "street": "Rua Um, 10",
    "district": "Centro",
    "city": "Campinas",
    "state_code": "SP",
    "place": "https://www.google.com/maps/place/X/@-22.9,-47.0,17z/data=!3d-22.905601!4d-47.060802",
    "zone": "America/Sao_Paulo",
    "reserved_stays_listed": "y",
    "provenance_valid_days": "30",
}


def mark(page: str) -> str:
    return page.partition('name="visto" value="')[2].partition('"')[0]


def again(store: Store) -> Store:
    db.session.rollback()
    return db.session.get_one(Store, store.id, populate_existing=True)


def test_a_store_is_opened_with_its_numbers_in_one_form(sign_in):
    answer = sign_in("owner").post("/admin/lojas/nova", GOOD)
    assert answer.status_code == 303
    store = db.session.scalars(sa.select(Store)).one()
    assert answer.location == f"/admin/lojas/{store.id}/horarios"
    assert (store.slug, store.phone, store.whatsapp) == (
        "loja-nova", "+551932321010", "+5519987654321"
    )  # fmt: skip
    assert (store.postal_code, store.email) == ("13010000", "Loja@exemplo.com.br")
    assert (store.latitude, store.longitude) == (-22.905601, -47.060802)
    entry = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "store.create"))
    assert entry.one().subject == f"store:{store.id}"


def test_two_stores_of_one_name_have_two_addresses(sign_in):
    owner = sign_in("owner")
    owner.post("/admin/lojas/nova", GOOD)
    owner.post("/admin/lojas/nova", GOOD)
    slugs = set(db.session.scalars(sa.select(Store.slug)))
    assert slugs == {"loja-nova", "loja-nova-2"}


def test_what_cannot_be_is_said_beside_its_field_and_what_was_typed_stays(sign_in):
    bad = {**GOOD, "name": "", "phone": "123", "postal_code": "13", "email": "x", "city": ""}
    bad |= {"place": "https://maps.app.goo.gl/abc", "provenance_valid_days": "muitos"}
    answer = sign_in("owner").post("/admin/lojas/nova", bad)
    assert answer.status_code == 422
    for words in ("oito dígitos", "DDD", "link encurtado", "Dê um nome"):
        assert words in answer.text or words.capitalize() in answer.text, words
    assert 'value="123"' in answer.text
    assert 'value="muitos"' in answer.text
    assert not db.session.scalar(sa.select(Store.id))


def test_a_changed_store_is_read_anew_by_every_list(sign_in):
    store = make_store()
    vehicle = make_vehicle(store=store)
    before, page = stock_version.current(), sign_in("supervisor")
    answer = page.post(f"/admin/lojas/{store.id}/", {**GOOD, "city": "Valinhos"})
    assert answer.status_code == 303
    assert again(store).city == "Valinhos"
    assert stock_version.current() > before
    row = db.session.get_one(Vehicle, vehicle.id, populate_existing=True)
    assert row.stock_seq == stock_version.current()


def test_the_second_save_sees_what_changed_and_then_may_replace_it(sign_in):
    store = make_store()
    first, second = sign_in("owner"), sign_in("supervisor")
    path = f"/admin/lojas/{store.id}/"
    seen = mark(first.get(path).text)
    assert mark(second.get(path).text) == seen
    assert first.post(path, {**GOOD, "visto": seen, "city": "Valinhos"}).status_code == 303
    late = second.post(path, {**GOOD, "visto": seen, "city": "Vinhedo"})
    assert late.status_code == 409
    assert "Owner" in late.text
    assert "Valinhos" in late.text
    assert again(store).city == "Valinhos"
    assert (
        second.post(path, {**GOOD, "visto": mark(late.text), "city": "Vinhedo"}).status_code == 303
    )
    assert again(store).city == "Vinhedo"


def test_a_preview_saves_nothing(sign_in):
    store = make_store(name="Antes")
    owner = sign_in("owner")
    answer = owner.post(f"/admin/lojas/{store.id}/", {**GOOD, "name": "Depois", "do": "preview"})
    assert answer.status_code == 200
    assert "Depois" in answer.text
    assert "ainda não salvo" in answer.text
    assert again(store).name == "Antes"
    new = owner.post("/admin/lojas/nova", {**GOOD, "do": "preview"})
    assert "Loja Nova" in new.text
    assert len(db.session.scalars(sa.select(Store)).all()) == 1


@pytest.mark.parametrize("role", ["attendant", "seller", "editor"])
def test_who_edits_no_stores_finds_none(sign_in, role):
    store = make_store()
    person = sign_in(role)
    assert person.get("/admin/lojas/").status_code == 404
    for path in ("", "horarios", "feriados", "departamentos"):
        assert person.get(f"/admin/lojas/{store.id}/{path}").status_code == 404
        assert person.post(f"/admin/lojas/{store.id}/{path}", GOOD).status_code == 404


def test_people_of_one_store_see_that_one_only(sign_in):
    mine, other = make_store(name="Minha"), make_store(name="Alheia")
    person = sign_in("supervisor", stores=[mine])
    listed = person.get("/admin/lojas/").text
    assert "Minha" in listed
    assert "Alheia" not in listed
    assert person.get(f"/admin/lojas/{mine.id}/").status_code == 200
    for path in ("", "horarios", "feriados", "departamentos"):
        assert person.get(f"/admin/lojas/{other.id}/{path}").status_code == 404
        assert person.post(f"/admin/lojas/{other.id}/{path}").status_code == 404
    for path in ("nova", f"{mine.id}/fechar", f"{mine.id}/subir", f"{mine.id}/reabrir"):
        assert person.post(f"/admin/lojas/{path}", GOOD).status_code == 404
    assert person.post("/admin/lojas/999/", GOOD).status_code == 404


def week(**days: list[tuple[str, str]]) -> dict[str, list[str]]:
    sent: dict[str, list[str]] = {}
    for day, pairs in days.items():
        sent[f"abre-{day[1:]}"] = [pair[0] for pair in pairs]
        sent[f"fecha-{day[1:]}"] = [pair[1] for pair in pairs]
    return sent


def test_a_week_with_a_lunch_break_is_saved_and_shown(sign_in, client):
    store = make_store()
    owner = sign_in("owner")
    sent = week(d0=[("08:00", "12:00"), ("13:30", "18:00")], d5=[("9h", "13h"), ("", "")])
    assert owner.post(f"/admin/lojas/{store.id}/horarios", sent).status_code == 303
    rows = [(one.weekday, one.opens, one.closes) for one in again(store).opening_intervals]
    assert rows == [
        (0, time(8), time(12)), (0, time(13, 30), time(18)), (5, time(9), time(13))
    ]  # fmt: skip
    assert "08:00–12:00" in client.get(f"/lojas/{store.slug}").text


def test_one_days_hours_are_copied_to_others_and_not_yet_saved(sign_in):
    store = make_store()
    sent = {**week(d0=[("07:00", "19:00")]), "copiar": "0-todos"}
    answer = sign_in("owner").post(f"/admin/lojas/{store.id}/horarios", sent)
    assert answer.text.count('value="07:00"') == 7
    assert again(store).opening_intervals[0].opens == time(8)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("08:00", "")], "os dois horários"),
        ([("x", "y")], "os dois horários"),
        ([("08:00", "12:00"), ("11:00", "18:00")], "se sobrepõem"),
        ([("22:00", "02:00"), ("23:00", "23:30")], "se sobrepõem"),
    ],
)
def test_hours_that_cannot_be_are_refused_in_words(sign_in, pairs, words):
    store = make_store()
    answer = sign_in("owner").post(f"/admin/lojas/{store.id}/horarios", week(d2=pairs))
    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{pairs[0][0]}"' in answer.text
    assert len(again(store).opening_intervals) == 5


def test_national_holidays_are_added_once_as_closed_days(sign_in):
    store = make_store()
    owner = sign_in("owner")
    christmas = date(today().year + 1, 12, 25).isoformat()
    path = f"/admin/lojas/{store.id}/feriados"
    for _time in range(2):
        data = {"feriado": [christmas, "2020-01-01", "junk"]}
        assert owner.post(f"{path}/nacionais", data).status_code == 303
    rows = again(store).special_days
    assert [(row.day.isoformat(), row.name, row.opens) for row in rows] == [
        (christmas, "Natal", None)
    ]


def test_special_days_are_typed_removed_and_refused(sign_in):
    store = make_store()
    owner = sign_in("owner")
    path = f"/admin/lojas/{store.id}/feriados"
    year = today().year + 1
    rows = {
        "dia": [f"24/12/{year}", f"{year}-12-31", ""],
        "nome": ["Véspera de Natal", "Ano velho", ""],
        "abre": ["08:00", "", ""],
        "fecha": ["12:00", "", ""],
    }
    assert owner.post(path, rows).status_code == 303
    assert [row.opens for row in again(store).special_days] == [time(8), None]
    assert owner.post(path, {**rows, "tirar": "0"}).status_code == 303
    assert [row.name for row in again(store).special_days] == ["Ano velho"]
    bad = owner.post(path, {**rows, "dia": ["31/02/2027", "", ""]})
    assert bad.status_code == 422
    assert "Véspera de Natal" in bad.text
    twice = {**rows, "dia": [f"{year}-12-24", f"{year}-12-24", ""]}
    assert owner.post(path, twice).status_code == 422
    assert len(again(store).special_days) == 1


def test_departments_have_numbers_of_their_own(sign_in):
    store = make_store()
    owner, path = sign_in("owner"), f"/admin/lojas/{store.id}/departamentos"
    good = {"tem": ["sales", "service"], "service-phone": "(19) 3232-1011", "parts-phone": "1"}
    assert owner.post(path, good).status_code == 303
    assert [(one.kind, one.phone) for one in again(store).departments] == [
        ("sales", ""), ("service", "+551932321011")
    ]  # fmt: skip
    bad = owner.post(path, {"tem": ["sales"], "sales-email": "nada"})
    assert bad.status_code == 422
    assert 'value="nada"' in bad.text
    assert len(again(store).departments) == 2


def test_a_store_with_cars_does_not_close_and_says_how_many(sign_in):
    store = make_store()
    make_vehicle(store=store)
    make_vehicle(store=store, state="sold")
    owner = sign_in("owner")
    answer = owner.post(f"/admin/lojas/{store.id}/fechar", {"confirmado": "1"})
    assert answer.location == f"/admin/lojas/{store.id}/"
    assert "1 carro" in owner.get(f"/admin/lojas/{store.id}/").text
    assert again(store).closed_at is None


def test_a_closed_store_leaves_the_site_and_comes_back(sign_in, client):
    store = make_store()
    owner = sign_in("owner")
    asked = owner.post(f"/admin/lojas/{store.id}/fechar")
    assert asked.status_code == 200  # asked once more
    assert again(store).closed_at is None
    assert owner.post(f"/admin/lojas/{store.id}/fechar", {"confirmado": "1"}).status_code == 303
    assert client.get(f"/lojas/{store.slug}").status_code == 404
    assert owner.post(f"/admin/lojas/{store.id}/reabrir").status_code == 303
    assert client.get(f"/lojas/{store.slug}").status_code == 200


def test_the_order_is_the_sites(sign_in):
    one, two = make_store(position=0), make_store(position=1)
    assert sign_in("owner").post(f"/admin/lojas/{two.id}/subir").status_code == 303
    db.session.rollback()
    order = db.session.scalars(sa.select(Store.id).order_by(Store.position)).all()
    assert order == [two.id, one.id]


def test_hostile_words_come_out_as_words(sign_in, client):
    store = make_store()
    evil = "<script>alert(1)</script>\"'{{7*7}}"
    owner = sign_in("owner")
    answer = owner.post(f"/admin/lojas/{store.id}/", {**GOOD, "name": evil, "about": evil})
    assert answer.status_code == 303
    for page in (
        owner.get(f"/admin/lojas/{store.id}/"), owner.get("/admin/lojas/"),
        client.get(f"/lojas/{store.slug}"),
    ):  # fmt: skip
        assert "<script>alert" not in page.text
        assert "{{7*7}}" in page.text


def test_without_stores_the_page_says_what_will_be_here(sign_in):
    page = sign_in("owner").get("/admin/lojas/").text
    assert "Nenhuma loja ainda" in page


def test_two_clicks_on_save_change_once(sign_in):
    store = make_store()
    owner = sign_in("owner")
    for _click in range(2):
        assert owner.post(f"/admin/lojas/{store.id}/", GOOD).status_code == 303
    with writing():
        entries = db.session.scalars(
            sa.select(AuditEntry).where(AuditEntry.action == "store.change").order_by(AuditEntry.id)
        ).all()
    assert entries[1].before == {}


def test_a_photo_of_the_library_stands_on_the_stores_page(sign_in, client):
    photo = {
        "stem": "picture/ab/cd", "widths": [320, 640], "formats": ["webp", "jpg"],
        "width_px": 640, "height_px": 480, "color": "#ffffff",
    }  # fmt: skip
    store = make_store()
    with writing() as session:
        item = MediaItem(digest="d", title="t", alt="A fachada", photo=photo, created_by="x")
        session.add(item)
        session.flush()
        number = item.id
    owner = sign_in("owner")
    answer = owner.post(f"/admin/lojas/{store.id}/", {**GOOD, "photo": str(number)})
    assert answer.status_code == 303
    assert 'alt="A fachada"' in client.get(f"/lojas/{store.slug}").text
    gone = owner.post(f"/admin/lojas/{store.id}/", {**GOOD, "photo": "999"})
    assert gone.status_code == 422
    assert again(store).photo["media_id"] == number


def test_no_car_goes_on_the_site_in_a_closed_store(sign_in):
    store = make_store()
    vehicle = make_vehicle(store=store, state="archived")
    sign_in("owner").post(f"/admin/lojas/{store.id}/fechar", {"confirmado": "1"})
    db.session.rollback()
    row = db.session.get_one(Vehicle, vehicle.id, populate_existing=True)
    assert "store_closed" in [gate.code for gate in problems_to_publish(row)]
