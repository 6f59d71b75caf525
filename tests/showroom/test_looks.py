"""How pages draw: icons, the grounds of photos, and how many photos a card has."""

import re

import pytest

from core.config import ROOT
from core.db import db
from inventory.photos import add_photo
from showroom.theme import current_stylesheet, ground_class
from tests import pictures
from tests.factories import make_vehicle


def test_every_icon_that_a_template_names_is_drawn(app):
    texts = [file.read_text() for file in (ROOT / "templates").rglob("*.html")]
    names = {name for text in texts for name in re.findall(r'\bicon\("([\w-]+)"\)', text)}
    assert len(names) > 10
    icon = app.jinja_env.get_template("macros/parts.html").module.icon
    drawn = {name for name in names if re.search("<(path|circle|rect) ", icon(name))}
    assert names - drawn == set()


@pytest.mark.parametrize(
    ("color", "name", "middle"),
    [
        ("#000000", "g000", "#202020"),
        ("#c5c4c2", "g333", "#e0e0e0"),
        ("#bf40ff", "g213", "#a090b0"),
        ("", "g221", "#8f8f7f"),
    ],
)
def test_a_photo_waits_on_the_nearest_of_64_grounds(app, color, name, middle):
    with app.test_request_context():
        assert ground_class(color) == name
        assert f".{name}{{background:{middle}}}" in current_stylesheet()[1]


def test_a_list_is_swiped_and_a_suggestion_shows_one_photo(client):
    one, other = make_vehicle(), make_vehicle()
    for car in (one, other):
        for _number in range(4):
            add_photo(car, pictures.photo())
    db.session.rollback()
    cards = re.findall(r'<article class="card".*?</article>', client.get("/estoque").text, re.S)
    assert [card.count("<picture>") for card in cards] == [3, 3]
    assert all('data-strip-count data-total="3"' in card for card in cards)
    page = client.get(f"/oferta/{one.slug}-{one.public_id}").text
    (card,) = re.findall(r'<article class="card".*?</article>', page, re.S)
    assert card.count("<picture>") == 1
    assert "4 fotos" in card
    assert "data-strip" not in card
