"""What the demo dealership promises: the same cars for the same seed, believable and lawful."""

import random
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import phonenumbers
import pytest
import sqlalchemy as sa
from flask import g
from validate_docbr import CNPJ, RENAVAM

from core import clock
from core.db import db, writing
from dealership.identity import identity, running_banners
from dealership.models import Dealership, Store
from demo.angles import draw_demo_angles
from demo.catalogue import ENTRIES, MODELS, table_price_cents
from demo.cli import load_command
from demo.dealership import DEALERSHIP, HOLIDAYS, SHORT_DAYS, STORES, found_dealership
from demo.loading import BANNERS, _load_vehicles, load_demo, load_stock
from demo.stock import BLOCK, demo_vehicle, stock
from demo.words import describe
from inventory import vocabulary
from inventory.advertising import AdvertisedOffer, lint_advertisement
from inventory.availability import Availability, availability
from inventory.editing import problems_of
from inventory.identifiers import fipe_digit_fits, normalise_plate, normalise_vin
from inventory.models import Photo, PriceChange, StateChange, Vehicle
from inventory.offers import offer_of, promotion_runs
from inventory.photos import PreparedPhoto
from inventory.stock_version import current
from jobs.models import Job
from showroom.photo_words import photo_alt

DAY = date(2026, 11, 23)
STORE_IDS = (1, 2, 3)


@pytest.fixture(scope="module")
def cars():
    return list(stock(BLOCK, 1, DAY, STORE_IDS))


def _facts(cars, **wanted):
    return [
        car.facts
        for car in cars
        if all(getattr(car.facts, name) == value for name, value in wanted.items())
    ]


# --- the catalogue ---------------------------------------------------------------------------


def test_the_catalogue_is_as_broad_as_a_market():
    assert len({model.make for model in MODELS}) >= 14
    assert len(MODELS) >= 60
    assert len({(e.model.make, e.model.name, e.facts.trim) for e in ENTRIES}) == len(ENTRIES)


def test_the_catalogue_speaks_the_vocabulary():
    for entry in ENTRIES:
        assert entry.body in vocabulary.codes("body")
        assert entry.facts.fuel in vocabulary.codes("fuel")
        assert entry.facts.transmission in vocabulary.codes("transmission")
        assert 2013 <= entry.facts.first_year <= entry.facts.last_year <= 2027


def test_price_codes_are_our_own_and_have_their_digit():
    codes = [entry.fipe_code for entry in ENTRIES]
    assert len(set(codes)) == len(codes)
    assert all(code.startswith("90") and fipe_digit_fits(code) for code in codes)


def test_a_car_loses_value_every_year():
    for entry in ENTRIES:
        years = range(max(entry.facts.first_year, 2014), min(entry.facts.last_year, 2026) + 1)
        prices = [table_price_cents(entry, year) for year in years]
        assert prices == sorted(prices), entry
        assert all(price < entry.trim.new_price * 100_000 for price in prices)


# --- the stock -------------------------------------------------------------------------------


def test_same_seed_same_cars(cars):
    assert cars == list(stock(BLOCK, 1, DAY, STORE_IDS))
    assert demo_vehicle(117, 1, DAY, STORE_IDS) == cars[117]  # nothing hangs on the ones before


def test_another_seed_is_another_stock(cars):
    other = list(stock(40, 2, DAY, STORE_IDS))
    assert all(one.facts != two.facts for one, two in zip(cars, other, strict=False))


def test_another_day_changes_dates_only(cars):
    later = list(stock(BLOCK, 1, DAY + timedelta(days=9), STORE_IDS))
    for one, two in zip(cars, later, strict=True):
        assert one.facts.price_cents == two.facts.price_cents
        assert one.facts.description == two.facts.description
        assert one.facts.mileage_km == two.facts.mileage_km
        assert one.pictures == two.pictures


def test_the_shares_of_a_lot(cars):
    conditions = Counter(car.facts.condition for car in cars)
    assert conditions == {"used": 180, "new": 60}
    leaving = Counter(car.story.left_to for car in cars)
    assert leaving["reserved"] == 6
    assert leaving["sold"] == 10
    assert len(_facts(cars, state="draft")) == 4
    assert sum(1 for car in cars if car.facts.promo_price_cents) == 24
    ranks = sorted(car.facts.highlight_rank for car in cars if car.facts.highlight_rank)
    assert ranks == list(range(1, 10))
    photos = Counter(len(car.pictures) for car in cars)
    assert (photos[0], photos[1]) == (1, 1)
    assert set(photos) == {0, 1, 5, 6, 7}


@pytest.mark.sqlite_only
def test_every_fact_is_possible(app, cars):
    for car in cars:
        assert problems_of(car.facts.__dict__) == {}
        assert 6 <= len(car.facts.features) <= 22
        assert set(car.facts.features) <= set(vocabulary.codes("feature"))
        assert set(car.facts.history) <= set(vocabulary.codes("history"))
        assert len(set(car.facts.features)) == len(car.facts.features)


def test_papers_are_well_formed_and_nobody_elses():
    cars = list(stock(1500, 1, DAY, STORE_IDS))
    used = _facts(cars, condition="used")
    plates = [facts.license_plate for facts in used]
    assert len(set(plates)) == len(plates)
    assert all(normalise_plate(plate) == plate and plate[0] == "Z" for plate in plates)
    assert all(RENAVAM().validate(facts.renavam) for facts in used)
    assert len({facts.renavam for facts in used}) == len(used)
    vins = [car.facts.vin for car in cars]
    assert all(normalise_vin(vin) == vin for vin in vins)
    assert len(set(vins)) == len(vins)


def test_a_new_car_has_no_past(cars):
    for facts in _facts(cars, condition="new"):
        assert facts.mileage_km == 0
        assert facts.license_plate is None
        assert facts.renavam is None
        assert "single_owner" not in facts.history


def test_mileage_grows_with_age(cars):
    used = _facts(cars, condition="used")
    young = [f.mileage_km for f in used if f.built_year >= 2024]
    old = [f.mileage_km for f in used if f.built_year <= 2019]
    assert sum(young) / len(young) * 2 < sum(old) / len(old)


def test_prices_stand_around_the_table(cars):
    shares = {
        car.facts.price_cents / car.facts.fipe_price_cents - 1
        for car in cars
        if car.facts.fipe_price_cents and not car.facts.history.get("auction")
    }
    assert -0.13 < min(shares) < -0.03
    assert 0.03 < max(shares) < 0.14
    assert any(car.facts.fipe_price_cents is None for car in cars)
    months = {car.facts.fipe_month for car in cars if car.facts.fipe_month}
    assert months == {date(2026, 11, 1), date(2026, 10, 1), date(2026, 7, 1)}


def test_prices_end_as_dealers_write_them(cars):
    prices = [car.facts.price_cents for car in cars]
    prices += [car.facts.promo_price_cents for car in cars if car.facts.promo_price_cents]
    assert {price % 100_000 for price in prices} == {90_000, 99_000}


def test_what_is_not_known_is_not_said(cars):
    used = _facts(cars, condition="used")
    assert any("auction" not in facts.history for facts in used)
    assert any(facts.history.get("auction") is True for facts in used)
    assert any(facts.history.get("single_owner") is False for facts in used)


# --- the words -------------------------------------------------------------------------------


def test_descriptions_are_short_and_differ(cars):
    texts = [car.facts.description for car in cars]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert 2 <= len(text.rstrip(".").split(". ")) <= 4, text
        assert "  " not in text
        assert not any(word.isupper() and len(word) > 6 for word in text.split()), text


def test_descriptions_tell_only_what_is_known(cars):
    for car in cars:
        text, history = car.facts.description.lower(), car.facts.history
        assert ("único dono" in text) <= (history.get("single_owner") is True)
        assert ("todas as revisões" in text) <= (history.get("service_history") is True)
        assert ("ipva pago" in text) <= (history.get("ipva_paid") is True)
        assert ("seu usado" in text) <= (history.get("accepts_trade") is True)
        assert ("leilão" in text) == (history.get("auction") is True)
        assert ("o carro é blindado" in text) == (history.get("armored") is True)
        assert ("bancos de couro" in text) <= ("leather_seats" in car.facts.features)
        assert ("zero km" in text) == (car.facts.condition == "new")


def test_the_small_print_is_what_the_law_allows(cars):
    """No rate or instalment without everything that CDC 54-B wants beside it."""
    printed = [car.facts for car in cars if car.facts.legal_text]
    assert len(printed) > BLOCK / 3
    for facts in printed:
        offer = AdvertisedOffer(facts.promo_price_cents or facts.price_cents, facts.price_cents)
        found = lint_advertisement(facts.legal_text, offer)
        assert not [finding for finding in found if finding.is_unlawful], facts.legal_text
        if facts.promo_until:
            assert f"{facts.promo_until:%d/%m/%Y}" in facts.legal_text


def test_a_bare_car_can_be_described(cars):
    facts = replace(cars[3].facts, features=("air_conditioning",), history={})
    text = describe(facts, "Campinas", random.Random(1))
    assert "ar-condicionado." in text


# --- the group -------------------------------------------------------------------------------


def test_register_number_and_phones_are_well_formed():
    assert CNPJ().validate(DEALERSHIP["cnpj"])
    numbers = [DEALERSHIP["phone"], DEALERSHIP["whatsapp"]]
    for store in STORES:
        numbers += [store.phone, store.whatsapp]
        numbers += [n for d in store.departments for n in (d.phone, d.whatsapp) if n]
    for number in numbers:
        assert phonenumbers.is_valid_number(phonenumbers.parse(number)), number
    assert sum(store.share for store in STORES) == 100


def test_every_national_holiday_of_both_years_is_there():
    for year in (2026, 2027):
        fixed = [(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (11, 20), (12, 25)]
        assert all(date(year, *day) in HOLIDAYS for day in fixed)
        assert date(year, 12, 24) in SHORT_DAYS


# --- loading ---------------------------------------------------------------------------------


def _rows():
    columns = (Vehicle.public_id, Vehicle.slug, Vehicle.price_cents, Vehicle.promo_price_cents)
    query = sa.select(*columns, Vehicle.published_at, Vehicle.state).order_by(Vehicle.source_id)
    return [tuple(row) for row in db.session.execute(query)]


def test_loading_twice_adds_nothing(app):
    first = load_demo(40, with_photos=False)
    assert (first.added, first.present) == (40, 0)
    rows, version = _rows(), current()
    second = load_demo(40, with_photos=False)
    assert (second.added, second.present) == (0, 40)
    assert _rows() == rows
    assert current() == version
    assert db.session.scalar(sa.select(sa.func.count(Store.id))) == 3


@pytest.mark.sqlite_only
def test_a_load_that_was_cut_short_goes_on(app):
    load_stock(25, with_photos=False)
    rows = _rows()
    assert load_stock(40, with_photos=False).added == 15
    assert _rows()[:25] == rows


@pytest.mark.sqlite_only
def test_same_seed_same_addresses_and_prices(app):
    load_stock(40, seed=7, with_photos=False)
    rows = _rows()
    db.session.rollback()
    with db.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM vehicle"))
    db.session.remove()
    load_stock(40, seed=7, with_photos=False)
    assert _rows() == rows


@pytest.mark.sqlite_only
def test_what_an_operator_changed_stays(app):
    load_stock(1, with_photos=False)
    with db.engine.begin() as connection:
        connection.execute(sa.update(Dealership).values(name="Minha loja"))
        connection.execute(sa.update(Store).where(Store.slug == "campinas").values(name="Centro"))
    load_stock(2, with_photos=False)
    g.pop("dealer", None)
    assert db.session.get(Dealership, 1).name == "Minha loja"
    assert "Centro" in [store.name for store in identity().stores]


@pytest.mark.sqlite_only
def test_the_past_is_in_order_and_provable(app):
    load_stock(BLOCK, with_photos=False)
    moment = clock.now()
    vehicles = db.session.scalars(sa.select(Vehicle)).all()
    for vehicle in vehicles:
        prices, steps = vehicle.price_changes, vehicle.state_changes
        moments = [prices[0].at, *(step.at for step in steps), vehicle.state_changed_at]
        assert moments == sorted(moments)
        assert vehicle.created_at == prices[0].at
        assert vehicle.updated_at <= moment
        if promotion_runs(vehicle):
            assert [change.promo_price_cents for change in prices] == [
                None,
                vehicle.promo_price_cents,
            ]
            assert prices[0].price_cents == vehicle.price_cents > vehicle.promo_price_cents
            assert vehicle.published_at < prices[1].at < moment
            assert vehicle.promo_until > clock.today()
            assert offer_of(vehicle).previous_price_cents == vehicle.price_cents
    cheaper = [
        v for v in vehicles if v.price_changes[-1].price_cents < v.price_changes[0].price_cents
    ]
    assert len(cheaper) == 16
    arrivals = [v for v in vehicles if v.published_at and (moment - v.published_at).days < 14]
    assert 15 < len(arrivals) < 100
    assert db.session.scalar(sa.select(sa.func.count(PriceChange.id))) == BLOCK + 24 + 16
    assert db.session.scalar(sa.select(sa.func.count(StateChange.id))) == BLOCK - 4 + 16


def test_the_public_sees_every_kind_of_offer(app):
    load_stock(BLOCK, with_photos=False)
    seen = Counter(availability(vehicle) for vehicle in db.session.scalars(sa.select(Vehicle)))
    assert seen[Availability.HIDDEN] == 4
    assert seen[Availability.GONE] == 4
    assert seen[Availability.SOLD] == 6
    assert seen[Availability.RESERVED] + seen[Availability.RESERVED_UNLISTED] == 6
    assert seen[Availability.AVAILABLE] == 220


@pytest.mark.sqlite_only
def test_photos_are_shared_and_shown_at_once(app):
    told = []
    result = load_stock(3, photo_size_px=(64, 48), say=told.append)
    photos = db.session.scalars(sa.select(Photo)).all()
    assert len({photo.digest for photo in photos}) == result.drawn > 10
    assert all(photo.renditions["widths"] and (photo.alt or photo.slot) for photo in photos)
    for vehicle in db.session.scalars(sa.select(Vehicle)):
        offer = offer_of(vehicle)
        assert [photo.position for photo in vehicle.photos] == list(range(len(offer.photos)))
        if offer.photos:
            assert offer.photos[0].slot == "front"
            assert photo_alt(offer, offer.photos[0]) == f"{offer.title}, vista dianteira"
    assert len(told) > 1


def test_few_drawings_serve_the_whole_lot(cars):
    shown = [picture for car in cars for picture in car.pictures]
    assert len(shown) > 1200
    assert len(set(shown)) < 300
    assert {car.pictures[0].angle for car in cars if car.pictures} == {"three_quarter"}


@pytest.mark.sqlite_only
def test_cars_beyond_the_first_block_borrow_a_cover(app):
    listing = {"stem": "ab/cdef", "widths": [64], "formats": ["jpg"]}
    pictures = {
        picture: PreparedPhoto(str(number), f"{number}.jpg", 64, 48, "#808080", listing)
        for number, picture in enumerate(
            {picture: None for car in stock(BLOCK, 1, DAY, STORE_IDS) for picture in car.pictures}
        )
    }
    with writing():
        store_ids = found_dealership()
    _load_vehicles(BLOCK + 60, 1, store_ids, pictures, say=lambda _line: None)
    later = sa.select(Vehicle).where(Vehicle.source_id >= f"1-{BLOCK:06d}")
    vehicles = db.session.scalars(later).all()
    assert len(vehicles) == 60
    with_cover = [vehicle for vehicle in vehicles if vehicle.photos]
    assert len(with_cover) > 50
    for vehicle in with_cover:
        (cover,) = vehicle.photos
        assert (cover.state, cover.position) == ("stored", 0)
        assert offer_of(vehicle).photos[0].slot == "front"


@pytest.mark.sqlite_only
def test_covers_first_leaves_the_rest_to_the_worker(app):
    load_stock(2, covers_first=True, photo_size_px=(64, 48))
    photos = sa.select(sa.func.count(Photo.id))
    assert db.session.scalar(photos) == 2
    jobs = db.session.scalars(sa.select(Job).where(Job.kind == "draw_demo_angles")).all()
    payloads = [job.payload for job in jobs]
    assert len(payloads) == 2
    for payload in [*payloads, payloads[0]]:  # the second time nothing is left to do
        draw_demo_angles(payload)
    wanted = sum(len(car.pictures) for car in stock(2, 1, clock.today(), STORE_IDS))
    assert db.session.scalar(photos) == wanted


@pytest.mark.sqlite_only
def test_banners_lead_to_pages_that_exist(app, client):
    load_stock(1, photo_size_px=(64, 48))
    load_stock(1, photo_size_px=(64, 48))
    banners = running_banners()
    paths = [banner.path for banner in banners]
    assert paths == [path for *_words, path in BANNERS]
    assert all(banner.photo["stem"] for banner in banners)
    for path in paths:
        assert client.get(path).status_code == 200


@pytest.mark.sqlite_only
def test_if_empty_leaves_a_stock_alone(app):
    runner = app.test_cli_runner()
    options = ["--vehicles", "3", "--no-photos", "--if-empty"]
    assert runner.invoke(load_command, options).exit_code == 0
    rows = _rows()
    assert len(rows) == 3
    again = runner.invoke(load_command, [*options, "--seed", "2"])
    assert again.exit_code == 0
    assert _rows() == rows


@pytest.mark.sqlite_only
def test_a_long_stock_keeps_nothing_in_memory(app):
    load_stock(1100, with_photos=False)  # three batches
    assert len(list(db.session.identity_map.values())) == 0
    assert db.session.scalar(sa.select(sa.func.count(Vehicle.id))) == 1100
    ranks = db.session.scalars(sa.select(Vehicle.id).where(Vehicle.highlight_rank.is_not(None)))
    assert len(ranks.all()) == 9
