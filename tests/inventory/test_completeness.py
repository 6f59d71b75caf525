"""The score follows from the data alone and names what is missing, with its field."""

from flask import Flask

from inventory.completeness import completeness, is_text_unique
from tests.factories import make_vehicle

WHOLE = {
    "description": "x" * 200, "features": ["abs", "airbag", "alarm", "usb", "esc", "isofix"],
    "history": {"single_owner": True, "auction": False, "licensed": True},
    "license_plate": "ABC1C34", "engine": "1.0", "power_hp": 82, "fipe_code": "004498-0",
    "video_url": "https://video.example/1",
}  # fmt: skip


def fields(vehicle, **options) -> list[str]:
    return [point.field for point in completeness(vehicle, **options).missing]


def test_only_photos_are_missing_of_a_car_that_has_all_else(app: Flask):
    assert fields(make_vehicle(**WHOLE)) == ["photos"] * 4


def test_the_score_is_the_same_each_time_and_grows_with_the_data(app: Flask):
    bare = make_vehicle(price_cents=None, mileage_km=None, trim="", state="draft")
    whole = make_vehicle(**WHOLE)
    assert completeness(bare).percent < completeness(whole).percent < 100
    assert completeness(whole) == completeness(whole)
    assert completeness(bare).missing[0].percent >= completeness(bare).missing[-1].percent


def test_a_new_car_is_not_asked_for_mileage_plate_or_history(app: Flask):
    new = make_vehicle(condition="new", mileage_km=None)
    assert not {"mileage", "license_plate", "history"} & set(fields(new))


def test_a_motorcycle_has_no_doors(app: Flask):
    assert "doors" not in fields(make_vehicle(body="motorcycle", doors=None))


def test_what_the_advertisement_check_found_costs_points_in_its_field(app: Flask):
    vehicle = make_vehicle(**WHOLE)
    assert "description" in fields(vehicle, unlawful_field="description")


def test_a_text_that_another_car_has_is_not_unique(app: Flask):
    one = make_vehicle(description="Carro bonito.")
    assert is_text_unique(one)
    make_vehicle(description="Carro bonito.")
    assert not is_text_unique(one)
    assert "description" in fields(one, has_unique_text=False)
