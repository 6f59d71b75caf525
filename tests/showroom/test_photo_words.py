"""Alternative texts of a car's pictures: what each shows, and no two alike on the car's page."""

import re
from collections import Counter

import pytest

from core.db import db, writing
from inventory import search
from inventory.gallery import SLOT_OF, describe_photo
from inventory.models import Photo, Vehicle
from inventory.photos import add_photo
from showroom.photo_words import VIEWS, photo_alt
from tests import pictures
from tests.factories import make_vehicle


@pytest.fixture
def car(app) -> Vehicle:
    vehicle = make_vehicle()
    for _number in range(4):
        add_photo(vehicle, pictures.photo())
    db.session.rollback()
    return vehicle


def describe(vehicle: Vehicle, *described: tuple[str, str]) -> None:
    with writing():
        row = db.session.get_one(Vehicle, vehicle.id)
        for photo, (alt, slot) in zip(row.photos, described, strict=False):
            describe_photo(db.session.get_one(Photo, photo.id), alt=alt, slot=slot)


def alts(vehicle: Vehicle) -> list[str]:
    offer = search.find_offer(vehicle.public_id)
    return [photo_alt(offer, photo) for photo in offer.photos]


def test_every_view_has_words():
    assert VIEWS.keys() == SLOT_OF.keys()


def test_a_picture_says_car_and_view_and_repeats_are_numbered(car):
    describe(car, ("", "front"), ("", "rear"), ("", "rear"), ("Risco na porta", "side"))
    title = search.find_offer(car.public_id).title
    assert alts(car) == [
        f"{title}, vista dianteira",
        f"{title}, vista traseira",
        f"{title}, vista traseira, foto 2",
        "Risco na porta",
    ]


def test_pictures_nobody_described_differ_too(car):
    assert len(set(alts(car))) == 4


def test_the_page_says_each_text_once(client, car):
    describe(car, ("", "front"), ("", "rear"), ("", "rear"))
    page = client.get(f"/oferta/{car.slug}-{car.public_id}").text
    said = Counter(re.findall(r'<img[^>]* alt="([^"]+)"', page))
    assert [said[text] for text in alts(car)] == [1, 1, 1, 1]


def test_a_ready_card_follows_the_view(client, car):
    describe(car, ("", "front"))
    assert "vista dianteira" in client.get("/estoque").text
    describe(car, ("", "side"))
    page = client.get("/estoque").text
    assert "vista lateral" in page
    assert "vista dianteira" not in page
