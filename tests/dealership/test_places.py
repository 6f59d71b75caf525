"""Points on a map as people paste them, holidays by rule."""

from datetime import date

import pytest

from dealership.holidays import easter, national_holidays
from dealership.places import NoCoordinates, parse_coordinates


@pytest.mark.parametrize(
    "text",
    [
        "-22.9056, -47.0608",
        "-22.9056 -47.0608",
        "-22,9056 -47,0608",
        "https://www.google.com/maps/place/A/@-1.0,-2.0,17z/data=!4m6!3d-22.9056!4d-47.0608",
        "https://www.google.com/maps/@-22.9056,-47.0608,17z",
        "https://www.google.com/maps/search/?api=1&query=-22.9056%2C-47.0608",
        "https://maps.google.com/?q=-22.9056,-47.0608",
        "https://www.openstreetmap.org/?mlat=-22.9056&mlon=-47.0608#map=17/-22.9/-47.0",
        "https://www.openstreetmap.org/#map=17/-22.9056/-47.0608",
        "https://waze.com/ul?ll=-22.9056%2C-47.0608",
        "geo:-22.9056,-47.0608",
    ],
)
def test_a_point_is_found_where_people_paste_one(app, text):
    assert parse_coordinates(text) == (-22.9056, -47.0608)


@pytest.mark.parametrize(
    "text", ["", "Rua Um, 10", "-91.0, 10.0", "https://maps.app.goo.gl/x", "1" * 5000]
)
def test_what_holds_no_point_is_refused(app, text):
    with pytest.raises(NoCoordinates):
        parse_coordinates(text)


@pytest.mark.parametrize(
    ("year", "day"),
    [(2024, date(2024, 3, 31)), (2026, date(2026, 4, 5)), (2038, date(2038, 4, 25))],
)
def test_easter_is_where_the_church_has_it(year, day):
    assert easter(year) == day


def test_the_years_holidays_are_those_of_the_law(app):
    with app.test_request_context():
        days = {one.day: one for one in national_holidays(2026)}
    assert {day.isoformat()[5:] for day, one in days.items() if not one.is_custom} == {
        "01-01", "04-03", "04-21", "05-01", "09-07", "10-12", "11-02", "11-15", "11-20", "12-25"
    }  # fmt: skip
    assert [day for day, one in days.items() if one.is_custom] == [
        date(2026, 2, 16), date(2026, 2, 17), date(2026, 6, 4)
    ]  # fmt: skip
