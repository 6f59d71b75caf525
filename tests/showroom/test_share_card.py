"""The picture of an offer that messengers show: whole, small, and never with an old price."""

import io
import os
import re
import string
import threading
from dataclasses import replace

import pytest
from flask import g
from PIL import Image, ImageChops, ImageDraw

from core.db import db, writing
from core.storage import StorageFull, storage
from dealership.identity import dealership_row, identity
from inventory import search
from inventory.editing import revise_vehicle
from inventory.lifecycle import move
from inventory.models import Vehicle
from inventory.photos import add_photo
from showroom import share_card
from showroom.share_card import MOST_BYTES, card_of, draw, font_of
from tests import pictures
from tests.factories import make_vehicle

LETTERS = "áàâãçéêíóôõúüñÁÀÂÃÇÉÊÍÓÔÕÚÜ" + string.ascii_letters + string.digits + "R$.,·–…&'()/+-%ºª"


@pytest.fixture
def car(app) -> Vehicle:
    vehicle = make_vehicle(price_cents=69_900_00)
    add_photo(vehicle, pictures.photo())
    db.session.rollback()
    return vehicle


def address(client, vehicle: Vehicle) -> str:
    page = client.get(f"/oferta/{vehicle.slug}-{vehicle.public_id}").text
    return re.search(r'property="og:image" content="http://localhost(.*?)"', page)[1]


def row(vehicle: Vehicle) -> Vehicle:
    return db.session.get_one(Vehicle, vehicle.id)


def test_the_card_is_as_open_graph_readers_want_it(client, car):
    path = address(client, car)
    page = client.get(f"/oferta/{car.slug}-{car.public_id}").text
    assert 'property="og:image:width" content="1200"' in page
    assert 'property="og:image:height" content="630"' in page
    assert 'property="og:image:type" content="image/jpeg"' in page
    answer = client.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert len(answer.data) <= MOST_BYTES
    assert "immutable" in answer.headers["Cache-Control"]
    with Image.open(io.BytesIO(answer.data)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (1200, 630))
    again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert client.head(path).status_code == 200


def test_a_new_price_is_a_new_card_and_the_old_address_leads_to_it(client, car):
    old = address(client, car)
    before = client.get(old).data
    with writing():
        revise_vehicle(row(car), {"price_cents": 65_000_00}, by="test")
    new = address(client, car)
    assert new != old
    answer = client.get(old)
    assert (answer.status_code, answer.location) == (302, new)
    assert answer.headers["Cache-Control"] == "no-cache"
    assert client.get(new).data != before


def test_a_sold_car_shows_no_price(client, car):
    with writing():
        move(row(car), "sold", by="test")
    offer = search.find_offer(car.public_id)
    assert card_of(offer, identity()).price == "Vendido"
    assert client.get(address(client, car)).status_code == 200


def test_the_house_and_its_colour_are_part_of_it(client, car):
    old = address(client, car)
    with writing() as session:
        house = dealership_row()
        house.id, house.brand_color = 1, "#0a7d33"
        session.add(house)
    for name in list(g):  # the test's context outlives a request
        g.pop(name)
    green = address(client, car)
    assert green != old
    with Image.open(io.BytesIO(client.get(green).data)) as picture:
        red, high, blue = picture.getpixel((1190, 300))
    assert high > red + 60
    assert high > blue + 40


def test_a_car_without_a_photo_has_the_houses_card(client, app):
    bare = make_vehicle()
    assert address(client, bare) == "/static/card.jpg"
    assert client.get(f"/cartao/{bare.public_id}-000000000000.jpg").status_code == 404


@pytest.mark.parametrize(
    "name", ["x", "-.jpg", "../../etc/passwd.jpg", "%00-1.jpg", "a" * 400 + "-1.jpg", "é-1.jpg"]
)
def test_what_is_no_card_is_not_found(client, name):
    assert client.get(f"/cartao/{name}").status_code == 404


def test_a_hidden_car_has_no_card(client, car):
    path = address(client, car)
    with writing():
        row(car).state, row(car).published_at = "draft", None
    assert client.get(path).status_code == 404


def test_two_at_once_get_the_same_whole_card_drawn_once(app, car, monkeypatch):
    drawn = []

    def counted(*given):
        drawn.append(given)
        return draw(*given)

    monkeypatch.setattr(share_card, "draw", counted)
    path, answers = address(app.test_client(), car), []

    def ask() -> None:
        answers.append(app.test_client().get(path).data)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
    assert len(answers) == 4
    assert len(drawn) == 1


def test_a_full_disk_costs_the_keeping_not_the_card(client, car, monkeypatch):
    path = address(client, car)

    def full(*_given, **_words):
        raise StorageFull

    monkeypatch.setattr(type(storage()), "put", full)
    assert client.get(path).status_code == 200


def test_every_letter_we_write_is_in_the_typeface():
    for weight in ("Medium", "SemiBold", "Bold", "ExtraBold"):
        font = font_of(weight, 40)
        missing = bytes(font.getmask("\uffff"))
        for letter in LETTERS:
            assert bytes(font.getmask(letter)) != missing, (weight, letter)


def test_the_longest_word_of_a_usual_name_is_whole(client, car, monkeypatch):
    card = card_of(search.find_offer(car.public_id), identity())
    card = replace(card, name="Mercedes-Benz C 180")
    written = []
    text = ImageDraw.ImageDraw.text

    def heard(pen, at_px, line, **look):
        written.append(line)
        text(pen, at_px, line, **look)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", heard)
    draw(card, pictures.photo())
    assert "Mercedes-Benz" in " ".join(written)


def test_a_renamed_house_has_other_cards(car):
    offer, house = search.find_offer(car.public_id), identity()
    renamed = replace(house, name="Outra Casa de Automóveis")
    assert share_card.card_path(offer, renamed) != share_card.card_path(offer, house)


def test_long_names_stay_in_their_place_and_rich_photos_below_the_limit(client, car):
    card = card_of(search.find_offer(car.public_id), identity())
    longest = replace(
        card,
        dealer="Concessionária Interestadual de Automóveis e Comerciais Leves do Brasil",
        name="Mercedes-Benz Classe-Extraordinariamente-Comprida-Sem-Espaço Sprinter",
        trim="2.0 CGI Avantgarde 9G-Tronic Edição Especial de Lançamento Numerada",
        price="R$ 1.234.567.890,00",
        note="Reservado",
    )
    noise = io.BytesIO()
    Image.frombytes("RGB", (840, 630), os.urandom(840 * 630 * 3)).save(noise, "JPEG", quality=95)
    made = draw(longest, noise.getvalue())
    assert len(made) <= MOST_BYTES * 1.05  # pure noise is the worst there can be
    with Image.open(io.BytesIO(made)) as picture:
        # The margin beside the panel's words is the ground alone.
        edge = picture.convert("RGB").crop((1172, 0, 1200, 630))
        ground = Image.new("RGB", edge.size, longest.ground)
        worst = max(high for _low, high in ImageChops.difference(edge, ground).getextrema())
    assert worst < 40
