"""How long the cars have been here: numbers that add up, advice in words, a CSV."""

from datetime import timedelta

import pytest

from admin.charts import bar_chart
from core.clock import now, today
from core.db import db, writing
from inventory.age import BUCKETS, AgeFacts, advice, bucket_of
from inventory.models import Photo, PriceChange
from inventory.visits import VehicleVisit, visits_of
from leads.models import ContactClick, Lead, Person
from tests.factories import make_store, make_vehicle

REPORT = "/admin/estoque/idade/"


def aged(days: int, **values):
    return make_vehicle(created_at=now() - timedelta(days=days, hours=1), **values)


def facts(**values) -> AgeFacts:
    usual = {"state": "published", "days": 40, "photos": 5, "has_price": True, "price_changes": 0,
             "leads": 1, "silent_days": 3, "fipe_percent": None}  # fmt: skip
    return AgeFacts(**{**usual, **values})


@pytest.mark.parametrize(
    ("days", "code"), [(0, "0-15"), (15, "0-15"), (16, "16-30"), (31, "31-60"), (90, "61-90"),
                       (91, "91"), (4000, "91")],
)  # fmt: skip
def test_every_age_has_its_bucket(days, code):
    assert bucket_of(days).code == code


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, ""),
        ({"silent_days": 30}, "sem lead há 30 dias"),
        ({"photos": 0}, "sem fotos"),
        ({"fipe_percent": 12}, "12% acima da FIPE"),
        ({"days": 120}, "mais de 90 dias"),
        ({"days": 70, "leads": 6}, "muitos leads"),
        ({"state": "draft", "days": 9}, "rascunho há 9 dias"),
        ({"state": "draft", "days": 3}, ""),
        ({"state": "reserved", "days": 300, "photos": 0}, ""),
    ],
)
def test_the_advice_names_the_next_thing_to_do(app, values, words):
    with app.test_request_context():
        given = advice(facts(**values))
    assert given.startswith(words)
    assert bool(given) == bool(words)


def test_the_report_counts_and_lists_what_stands_in_stock(sign_in):
    old, new = aged(100, make="Fiat", model="Uno"), aged(3)
    aged(50, state="sold", make="BYD", model="Dolphin")
    with writing() as session:
        session.add(Photo(vehicle_id=old.id))
        person = Person(name="Ana")
        session.add(person)
        session.flush()
        session.add(
            Lead(person_id=person.id, department="sales", source="site", vehicle_id=old.id,
                 created_at=now() - timedelta(days=45))
        )  # fmt: skip
        session.add(ContactClick(code="abc", channel="whatsapp", vehicle_id=old.id))
        session.add(VehicleVisit(vehicle_id=old.id, day=today(), views=83))
        for cents in (75_000_00, 72_000_00, 69_900_00):
            session.add(PriceChange(vehicle_id=old.id, actor="x", price_cents=cents))
    editor = sign_in("editor")
    page = editor.get(REPORT).text
    assert "2 carros em estoque" in page
    assert page.index("Fiat Uno") < page.index("Chevrolet Onix")
    assert "BYD" not in page
    assert "sem lead há 45 dias" in page
    assert "5.100" in page
    assert '<td class="n" data-label="Visitas em 30 dias">83</td>' in page
    assert ";83;1;1;" in editor.get(f"{REPORT}idade.csv").text
    assert "83 visitas em 30 dias" in editor.get(f"/admin/veiculo/{old.id}/").text
    assert 'role="img"' in page
    only_old = sign_in().get(f"{REPORT}?idade=91").text
    assert "Fiat Uno" in only_old
    assert f"/admin/veiculo/{new.id}/" not in only_old


def test_staff_who_look_at_the_cars_are_no_visits(app, sign_in):
    car = aged(3)
    owner = sign_in()
    reader = {"User-Agent": "Mozilla/5.0 Firefox/140", "Accept-Language": "pt-BR"}
    for browser in (owner.client, app.test_client()):
        browser.get("/admin/")
        browser.get(f"/oferta/{car.slug}-{car.public_id}", headers=reader)
    app.extensions["vitrine_visits"].write()
    db.session.rollback()
    assert visits_of([car.id]) == {car.id: 1}


def test_the_csv_holds_the_same_and_no_formula(sign_in):
    aged(40, trim='=HYPERLINK("http://mal.example")', make="-1+1", model="x")
    answer = sign_in().get(f"{REPORT}idade.csv")
    assert answer.mimetype == "text/csv"
    lines = answer.text.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("\"'-1+1") or lines[1].startswith("'-1+1")
    assert "69900,00" in lines[1]


def test_an_empty_stock_says_what_will_be_here(sign_in):
    assert "Nenhum carro em estoque" in sign_in().get(REPORT).text


def test_only_who_sees_reports_and_only_own_stores(sign_in):
    mine, other = make_store(), make_store()
    aged(5, store=other, make="Fiat", model="Uno")
    assert sign_in("seller").get(REPORT).status_code == 404
    assert sign_in("attendant").get(f"{REPORT}idade.csv").status_code == 404
    supervisor = sign_in("supervisor", stores=[mine])
    for query in ("", f"?loja={other.slug}", "?idade=%3Cscript%3E"):
        assert "Fiat Uno" not in supervisor.get(f"{REPORT}{query}").text
        assert "Fiat" not in supervisor.get(f"{REPORT}idade.csv{query}").text


def test_a_chart_is_shapes_and_words_only():
    drawn = bar_chart("Carros <b>", [(bucket.words, 3) for bucket in BUCKETS])
    for forbidden in ("<script", "<style", "style=", "onload", "<b>", "http://www.w3.org/1999"):
        assert forbidden not in drawn
    assert 'role="img"' in drawn
    assert "Carros &lt;b&gt;" in drawn
    assert bar_chart("x", []) == ""
