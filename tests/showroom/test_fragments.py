"""Ready pieces: the same page as without them, and never an old one."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from core.clock import now
from core.db import db, writing
from core.site_memory import remember_at_once, remember_nothing
from dealership.models import Dealership
from inventory.lifecycle import move
from inventory.models import Vehicle
from inventory.stock_version import touch
from leads.consent import MARKETING, publish_text
from leads.forms import InterestForm
from showroom import fragments
from showroom.fragments import MOST_BYTES, Shelf
from tests.factories import make_vehicle


@pytest.fixture(autouse=True)
def as_in_use(app: Flask) -> Iterator[None]:
    """What the rest of the suite does without: memory of the house, and ready pieces."""
    remember_at_once(app)
    app.extensions["vitrine_fragments"] = Shelf(MOST_BYTES)
    yield
    remember_nothing(app)
    app.extensions["vitrine_fragments"] = None


def read(client, path: str) -> str:
    """The page, without what each form is given anew."""
    text = client.get(path).text
    text = re.sub(r'(name="(?:submission_id|carimbo)" type="hidden" value=)"[^"]*"', r"\1", text)
    assert fragments._MARK not in text
    return text


def path_of(vehicle: Vehicle) -> str:
    return f"/oferta/{vehicle.slug}-{vehicle.public_id}"


def test_pages_are_the_same_with_and_without_ready_pieces(app, client):
    cars = [
        make_vehicle(),
        make_vehicle(promo_price_cents=60_000_00, promo_until=now().date()),
        make_vehicle(condition="new", mileage_km=0, published_at=now() - timedelta(days=8)),
        make_vehicle(history={"single_owner": True, "auction": False}, trim=None, color=None),
        make_vehicle(description='"Um" <b>só</b> & dono\nCarro do mês', features=["air_bag"]),
        make_vehicle(mileage_km=None, transmission=None),
    ]
    with writing() as session:
        move(session.get(Vehicle, cars[0].id), "reserved", by="test")
        move(session.get(Vehicle, cars[2].id), "sold", by="test")
    paths = ["/", "/estoque", "/estoque?condicao=novo&condicao=nada", *map(path_of, cars)]
    shelf = app.extensions["vitrine_fragments"]
    for path in paths:
        first, again = read(client, path), read(client, path)
        app.extensions["vitrine_fragments"] = None
        try:
            plain = read(client, path)
        finally:
            app.extensions["vitrine_fragments"] = shelf
        assert first == again == plain, path


def test_a_change_reaches_every_piece_at_once(client):
    car = make_vehicle(price_cents=80_000_00)
    other = make_vehicle(price_cents=81_000_00)
    paths = ("/", "/estoque", path_of(other))
    for path in paths:
        assert "R$\xa080.000" in read(client, path)
    with writing() as session:
        row = session.get(Vehicle, car.id)
        row.price_cents = 77_700_00
        touch([row])
    for path in paths:
        text = read(client, path)
        assert "R$\xa077.700" in text, path
        assert "R$\xa080.000" not in text, path
    with writing() as session:
        session.add(Dealership(id=1, name="Casa Nova Veículos"))
    for path in paths:
        assert "<h2>Casa Nova Veículos</h2>" in read(client, path)
    with writing() as session:
        move(session.get(Vehicle, car.id), "sold", by="test")
    for path in paths:
        assert path_of(car) not in read(client, path)


def test_ready_cards_cost_no_statement(client, statements):
    for _ in range(3):
        make_vehicle()
    read(client, "/estoque?ordem=menor-preco")
    statements.clear()
    read(client, "/estoque?ordem=menor-preco")
    # The versions of the site and of the stock: in a test they are asked for on each page.
    assert [one for one in statements if "version" not in one] == []


def test_a_card_ends_before_it_says_what_is_no_longer_so(app, monkeypatch):
    moment = now()
    make_vehicle(published_at=moment - timedelta(days=7) + timedelta(seconds=30))
    with app.test_request_context():
        offer = fragments.search.newest(1)[0]
        ends = fragments.ends_of(offer)
        assert moment.timestamp() < ends <= moment.timestamp() + 31
        monkeypatch.setattr(fragments, "now", lambda: moment + timedelta(minutes=1))
        assert 0 < fragments.ends_of(offer) - moment.timestamp() <= 960
        assert fragments.ends_of(offer) % 900 == 0
    db.session.rollback()


@pytest.mark.parametrize("used", [True, False])
def test_a_shelf_keeps_to_its_size_and_what_is_used(used):
    shelf = Shelf(10_000)
    shelf.put("hot", "h", 100)
    for number in range(1_000):
        shelf.put(number, "x", 100)
        if used:
            shelf.get("hot")
        assert shelf.size_bytes <= 10_000
    assert (shelf.get("hot") == "h") is used
    shelf.put("huge", "x", 6_000)
    assert shelf.get("huge") is None


def test_each_form_has_marks_of_its_own_however_ready_the_rest_is(client):
    path = path_of(make_vehicle())
    pages = "".join(client.get(path).text for _ in range(3))
    ids = re.findall(r'name="submission_id" type="hidden" value="([^"]{36})"', pages)
    assert len(ids) == len(set(ids)) == 9
    assert len(re.findall(r'name="carimbo" type="hidden" value="([^"]+)"', pages)) == 9


def test_what_somebody_typed_is_kept_for_nobody(client):
    path = path_of(make_vehicle())
    plain = read(client, path)
    typed = {"nome": "Zuleica", "telefone": "12", "submission_id": "a" * 32}
    refused = client.post(path, data=typed)
    assert refused.status_code == 422
    assert 'value="Zuleica"' in refused.text
    assert f'value="{"a" * 32}"' in refused.text
    assert read(client, path) == plain


def test_a_form_inside_of_a_piece_is_refused(app):
    with app.test_request_context():
        form = InterestForm.blank()
        with pytest.raises(RuntimeError):
            fragments.kept("wrong", lambda: fragments.form_marks(form))
        assert "submission_id" in fragments.form_marks(form)
    db.session.rollback()


def test_a_new_wording_reaches_ready_forms_at_once(client):
    path = path_of(make_vehicle())
    read(client, path)
    with writing():
        publish_text(MARKETING, "Quero novidades da casa, palavra nova.")
    assert "palavra nova" in read(client, path)
    later = now() + timedelta(days=2)
    with writing():
        publish_text(MARKETING, "Só depois de amanhã.", since=later)
    assert "palavra nova" in read(client, path)
