"""What identifies a vehicle is read as typed and kept in one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from validate_docbr import RENAVAM

from core.errors import DomainError
from inventory.identifiers import (
    NotFipeCode,
    NotPlate,
    NotRenavam,
    NotVin,
    canonical_plate,
    fipe_digit_fits,
    normalise_fipe_code,
    normalise_plate,
    normalise_renavam,
    normalise_vin,
    plate_final_digit,
)


@pytest.mark.parametrize(
    ("typed", "plate"),
    [
        ("ABC1234", "ABC1234"),
        ("ABC-1234", "ABC1234"),
        (" abc 1234 ", "ABC1234"),
        ("abc1d23", "ABC1D23"),
        ("ABC1C34", "ABC1C34"),
    ],
)
def test_plates_are_read_as_typed(typed, plate):
    assert normalise_plate(typed) == plate


@pytest.mark.parametrize(
    "typed",
    ["ABCD123", "AB12345", "ABC12345", "ABC1D2E", "AB123CD", "", "ABC123", "ABÇ1234", "ABC123４"],
)
def test_what_is_no_plate_is_refused(typed):
    with pytest.raises(NotPlate):
        normalise_plate(typed)


@pytest.mark.parametrize(
    ("old", "mercosul"),
    [("ABC1234", "ABC1C34"), ("QUA1960", "QUA1J60"), ("BMW0000", "BMW0A00")]
    + [(f"XYZ1{digit}99", f"XYZ1{letter}99") for digit, letter in enumerate("ABCDEFGHIJ")],
)
def test_both_plates_of_one_car_are_equal(old, mercosul):
    assert canonical_plate(old) == mercosul
    assert canonical_plate(mercosul) == mercosul


def test_plates_born_mercosul_stay_as_they_are():
    assert canonical_plate("abc-1z34") == "ABC1Z34"


@pytest.mark.parametrize(
    ("plate", "digit"), [("ABC1234", "4"), ("ABC1D20", "0"), (None, None), ("", None)]
)
def test_only_the_last_digit_of_a_plate_is_public(plate, digit):
    assert plate_final_digit(plate) == digit


@pytest.mark.parametrize(
    ("typed", "renavam"),
    [
        ("00639884962", "00639884962"),
        ("639884962", "00639884962"),
        ("0639884962", "00639884962"),
        ("12345678900", "12345678900"),
        ("0063988496-2", "00639884962"),
        (" 0063 9884 962 ", "00639884962"),
    ],
)
def test_renavam_is_kept_with_eleven_digits(typed, renavam):
    assert normalise_renavam(typed) == renavam


@pytest.mark.parametrize(
    "typed",
    ["00639884963", "63988496", "", "0063988496A", "000639884962", "00000000000", "٠٠٦٣٩٨٨٤٩٦٢"],
)
def test_what_is_no_renavam_is_refused(typed):
    with pytest.raises(NotRenavam):
        normalise_renavam(typed)


@given(st.from_regex(r"\A[0-9]{11}\Z").filter(lambda number: int(number) > 9))
def test_renavam_agrees_with_an_independent_check(number):
    try:
        accepted = normalise_renavam(number) == number
    except NotRenavam:
        accepted = False
    assert accepted == RENAVAM().validate(number)


@pytest.mark.parametrize(
    ("typed", "vin"),
    [
        ("9BWZZZ377VT004251", "9BWZZZ377VT004251"),  # its ninth digit is no check digit
        ("1M8GDM9AXKP042788", "1M8GDM9AXKP042788"),
        (" 9bwzzz377vt004251 ", "9BWZZZ377VT004251"),
        ("9BW ZZZ377 VT004251", "9BWZZZ377VT004251"),
    ],
)
def test_chassis_numbers_are_read(typed, vin):
    assert normalise_vin(typed) == vin


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "9BWZZZ377VT00425",
        "9BWZZZ377VT0042511",
        "9BWZZZ377VTO04251",
        "IBWZZZ377VT004251",
        "QBWZZZ377VT004251",
        "9BWZZZ377VT00425é",
        "00000000000000000",
    ],
)
def test_what_is_no_chassis_is_refused(typed):
    with pytest.raises(NotVin):
        normalise_vin(typed)


@pytest.mark.parametrize("code", ["005340-6", "005520-4", "003310-3", "015069-0", "001004-9"])
def test_published_fipe_codes_are_read_and_fit(code):
    assert normalise_fipe_code(code) == code
    assert normalise_fipe_code(code.replace("-", "")) == code
    assert fipe_digit_fits(code)


def test_an_unusual_fipe_digit_is_flagged_not_refused():
    assert normalise_fipe_code("005340-7") == "005340-7"
    assert not fipe_digit_fits("005340-7")


@pytest.mark.parametrize("typed", ["", "5340-6", "005340", "005340-66", "005340-X", "abcdef-g"])
def test_what_is_no_fipe_code_is_refused(typed):
    with pytest.raises(NotFipeCode):
        normalise_fipe_code(typed)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_by_name(text):
    for normalise in (normalise_plate, normalise_renavam, normalise_vin, normalise_fipe_code):
        try:
            normal = normalise(text)
        except DomainError:
            continue
        assert normalise(normal) == normal
