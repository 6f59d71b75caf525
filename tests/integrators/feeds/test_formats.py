"""Each format against what its reader publishes of it."""

import csv
import io
import random
import re

import pytest
from lxml import etree

from core.db import db, writing
from integrators.feeds import generic, planning
from integrators.feeds.dialect import check_xml, element, words_of
from integrators.feeds.feed import opened_file
from integrators.feeds.names import DIALECTS
from integrators.listings.rules import Rules, change_rules
from integrators.models import PortalAccount
from inventory import vocabulary
from inventory.importing import ImportOptions, import_stock
from inventory.models import Vehicle
from tests.factories import make_store
from tests.integrators.feeds.conftest import public_ids

G = "{http://base.google.com/ns/1.0}"
VINS = ("9BWZZZ377VT004251", "9BGRD08X04G117974", "93HFA66407Z108123")
HOSTILE = "]]> <script>alert(1)</script> & \x08\x1b\ufffe 'a' \"b\" 🚗 https://spam.example/x"
PRICE = re.compile(r"[1-9][0-9]*(\.[0-9]{2})? BRL")

# https://developers.facebook.com/documentation/ads-commerce/marketing-api/auto-ads/reference
META_NEEDED = ("vehicle_id", "title", "description", "url", "make", "model", "year", "price",
               "mileage/value", "mileage/unit", "image/url", "body_style", "state_of_vehicle",
               "exterior_color", "address", "latitude", "longitude")  # fmt: skip
META_WORDS = {
    "availability": "AVAILABLE NOT_AVAILABLE PENDING UNKNOWN",
    "body_style": "CONVERTIBLE COUPE CROSSOVER ESTATE GRANDTOURER HATCHBACK MINIBUS MINIVAN MPV "
    "NONE OTHER PICKUP ROADSTER SALOON SEDAN SMALL_CAR SPORTSCAR SUPERCAR SUPERMINI SUV TRUCK VAN "
    "WAGON",
    "fuel_type": "DIESEL ELECTRIC FLEX GASOLINE HYBRID PETROL PLUGIN_HYBRID OTHER NONE",
    "state_of_vehicle": "NEW USED CPO",
    "transmission": "AUTOMATIC MANUAL OTHER NONE",
    "vehicle_type": "BOAT CAR_TRUCK COMMERCIAL MOTORCYCLE OTHER POWERSPORT RV_CAMPER TRAILER",
    "mileage/unit": "KM MI",
}


def check_meta(text: str) -> list[etree._Element]:
    listings = etree.fromstring(text.encode()).findall("listing")
    assert len({one.findtext("vehicle_id") for one in listings}) == len(listings)
    for one in listings:
        for path in META_NEEDED:
            found = one.find(path)
            assert found is not None, path
            assert found.text or len(found), path
        for path, words in META_WORDS.items():
            assert one.findtext(path, words.split()[0]) in words.split(), path
        assert len(one.findtext("title")) <= 500
        assert len(one.findtext("description")) <= 5000
        assert "://" not in one.findtext("description")
        assert len(one.findall("image")) <= 20
        assert all(PRICE.fullmatch(one.findtext(name, "1 BRL")) for name in ("price", "sale_price"))
        assert one.findtext("year").isdigit()
        assert one.findtext("mileage/value").isdigit()
        parts = {part.get("name"): part.text for part in one.findall("address/component")}
        assert {"addr1", "city", "region", "country"} <= parts.keys()
        assert abs(float(one.findtext("latitude"))) <= 90
    return listings


def check_google(text: str) -> list[etree._Element]:
    """https://support.google.com/merchants/answer/11192663"""
    root = etree.fromstring(text.encode())
    assert (root.tag, root.get("version")) == ("rss", "2.0")
    items = root.findall("channel/item")
    assert len({one.findtext(f"{G}vin") for one in items}) == len(items)
    for one in items:
        say = {child.tag.removeprefix(G): child.text for child in one}
        assert all(say[name] for name in ("brand", "model", "color", "image_link", "link"))
        assert 0 < len(say["id"]) <= 50
        assert re.fullmatch("[A-HJ-NPR-Z0-9]{17}", say["vin"])
        assert re.fullmatch("[0-9]{4}", say["year"])
        assert say["condition"] in {"new", "used"}
        assert re.fullmatch("[0-9]+ km", say["mileage"])
        assert PRICE.fullmatch(say["price"])
        assert say["google_product_category"] == "916"
        assert one.findtext(f"{G}vehicle_fulfillment/{G}store_code")
        assert one.findtext(f"{G}vehicle_fulfillment/{G}option") == "in_store"
        assert len(one.findall(f"{G}additional_image_link")) <= 10
    return items


@pytest.fixture
def mixed(stock):
    """Cars of every body, fuel and gearbox, some with much missing."""
    fuels, gears = vocabulary.codes("fuel"), vocabulary.codes("transmission")
    return [
        stock(
            1, body=body, fuel=fuels[number % len(fuels)], transmission=gears[number % len(gears)],
            description=HOSTILE if number % 2 else "", condition="new" if number == 3 else "used",
            mileage_km=None if number == 3 else 10, vin=VINS[number % 3] if number < 3 else None,
            features=["air_conditioning", "Rodas <pretas>"], history={"single_owner": True},
            promo_price_cents=None if number % 3 else 60_000_50, trim="" if number == 4 else "A",
        )[0]
        for number, body in enumerate((*vocabulary.codes("body"), None))
    ]  # fmt: skip


def test_meta_takes_every_car(reader, mixed):
    listings = check_meta(reader.text("meta-automotive.xml"))
    assert [one.findtext("vehicle_id") for one in listings] == public_ids(*mixed)
    assert listings[0].findtext("sale_price") == "60000.50 BRL"
    assert listings[0].findtext("price") == "69900 BRL"
    assert listings[0].findtext("exterior_color") == "Branco"
    assert listings[3].findtext("mileage/value") == "0"


def test_google_takes_cars_with_a_whole_chassis(reader, mixed, register, client):
    token = register("generic", name="Google", chassis="1").token
    items = check_google(client.get(f"/feeds/{token}/google-vehicles.xml").text)
    assert [one.findtext(f"{G}id") for one in items] == public_ids(*mixed[:3])
    assert items[0].findtext(f"{G}price") == "60000.50 BRL"


def test_a_reserved_car_stays_only_where_the_rules_say_so(reader, stock, register, client):
    (car,) = stock(1, state="reserved", vin=VINS[0])
    assert reader.ids() == []
    token = register("generic", name="Google", chassis="1")
    with writing() as session:
        for row in session.query(PortalAccount):
            change_rules(row, Rules(keeps_reserved=True))
    assert reader.ids() == public_ids(car)
    assert reader.json()["veiculos"][0]["status"] == "reservado"
    (listing,) = check_meta(reader.text("meta-automotive.xml"))
    assert listing.findtext("availability") == "PENDING"
    assert check_google(client.get(f"/feeds/{token.token}/google-vehicles.xml").text) == []


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ({"color": None}, "color"),
        ({"mileage_km": None}, "mileage"),
        ({"latitude": None}, "place"),
        ({"street": ""}, "address"),
    ],
)
def test_what_keeps_a_car_from_meta_is_said(reader, stock, missing, code):
    place = {name: value for name, value in missing.items() if name in {"latitude", "street"}}
    car = {name: value for name, value in missing.items() if name not in place}
    (left,) = stock(1, store=make_store(**place), **car)
    (fine,) = stock(1, store=make_store())
    assert len(check_meta(reader.text("meta-automotive.xml"))) == 1
    with opened_file(reader.feed("meta-automotive.xml")) as file:
        assert file.index.left_out == [(left, code)]
    assert words_of(code) != code
    assert fine


def test_our_own_feeds_say_the_same(reader, mixed):
    root = etree.fromstring(reader.text("estoque.xml").encode())
    rows = list(csv.DictReader(io.StringIO(reader.text("estoque.csv"), newline="")))
    told = reader.json()
    assert root.findtext("total") == str(told["total"]) == str(len(rows)) == str(len(mixed))
    assert tuple(rows[0]) == generic.CSV_COLUMNS
    for one, car, row in zip(root.findall("veiculo"), told["veiculos"], rows, strict=True):
        for name in ("id", "marca", "preco", "preco_promocional", "km", "url", "combustivel"):
            assert one.findtext(name) == (None if car[name] is None else str(car[name]))
            assert row[name] == ("" if car[name] is None else str(car[name]))
        assert [photo.text for photo in one.findall("fotos/foto")] == car["fotos"]
    assert "Rodas <pretas>" in told["veiculos"][0]["opcionais"]


@pytest.mark.parametrize("name", ["estoque.csv", "estoque.xml", "estoque.json"])
def test_another_installation_imports_it_as_it_is(reader, mixed, tmp_path, name):
    file = tmp_path / name
    file.write_text(reader.text(name), newline="")
    known = {car["id"]: car for car in reader.json()["veiculos"]}
    report = import_stock(str(file), ImportOptions(source="outra", is_partial=True))
    assert report.rejected == []
    assert report.created == len(mixed)
    db.session.rollback()
    copies = db.session.query(Vehicle).filter_by(source="outra").all()
    for copy in copies:
        told = known[copy.source_id]
        assert copy.car_model.make.name == told["marca"]
        assert generic.reais(copy.price_cents) == told["preco"]
        assert (copy.fuel, copy.state) == (vocabulary.read_code("fuel", told["combustivel"]),
                                           "published")  # fmt: skip


def test_no_character_breaks_xml():
    every = "".join(map(chr, [*range(0x300), 0xD800, 0xDFFF, 0xFFFE, 0xFFFF, 0x1F697])) + "]]>"
    check_xml(element("a", every).encode().decode())
    assert etree.fromstring(element("a", "\0<b>&]]>").encode()).text == "<b>&]]>"


def test_carrosp_gets_its_own_words_for_fuels(reader, mixed):
    root = etree.fromstring(reader.text("carrosp.xml").encode())
    known = {"Alcool", "Bateria", "Diesel", "Flex", "Gasolina", "Gasolina e GNV",
             "Gasolina e Híbrido", "GNV", "GNV e Flex"}  # fmt: skip
    assert {one.text for one in root.iterfind("veiculo/combustivel")} <= known
    assert root.findtext("veiculo/fotos/foto").startswith("http://localhost/")


def test_every_format_is_whole_without_cars(reader, app):
    for name in sorted(set(DIALECTS) - {"google-vehicles.xml"}):
        text = reader.text(name)
        if name.endswith(".xml"):
            etree.fromstring(text.encode())
    assert reader.json()["veiculos"] == []


def test_a_feed_made_in_parts_is_the_one_made_at_once(reader, stock, change, monkeypatch):
    """Whatever happens to the stock, and wherever blocks begin and end."""
    monkeypatch.setattr(planning, "BLOCK", 3)
    ids, dice = stock(12), random.Random(4)
    for _ in range(8):
        for one in dice.sample(ids, dice.choice((1, 2, 6))):
            state = dice.choice(("sold", "published", "published"))
            change(one, state=state, mileage_km=dice.randrange(10**5))
        ids += stock(dice.choice((0, 1)))
        for name in ("estoque.json", "estoque.csv"):
            plain, packed = reader.get(name), reader.get(name, Accept_Encoding="gzip")
            assert reader.unpacked(packed) == plain.text
            path = reader.feed(name).path
            in_parts = path.rename(path.with_name("in_parts"))
            at_once = reader.text(name)
            in_parts.replace(path)
            assert _untimed(plain.text) == _untimed(at_once)


def _untimed(text: str) -> str:
    return re.sub(r'"gerado_em": "[^"]+"', "", text)
