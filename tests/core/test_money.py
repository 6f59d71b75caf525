"""Prices as people type them, and as pages show them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DomainError
from core.money import NotMoney, format_brl, parse_brl


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("R$ 89.900,00", 8_990_000),
        ("R$\u00a089.900,00", 8_990_000),
        ("R$\u202f89.900", 8_990_000),
        ("r$89.900", 8_990_000),
        ("R$1.234", 123_400),
        ("BRL 1234.50", 123_450),
        ("89900.00", 8_990_000),
        ("89900,00", 8_990_000),
        ("89900.0", 8_990_000),
        ("89900", 8_990_000),
        ("89.900", 8_990_000),
        ("1,234.56", 123_456),
        ("1.234,56", 123_456),
        ("1.234,5", 123_450),
        ("1.234.567", 123_456_700),
        ("1,234,567", 123_456_700),
        ("12.34", 1_234),
        ("12,34", 1_234),
        ("12,3", 1_230),
        ("0", 0),
        ("0,99", 99),
        ("007", 700),
        ("  89900\n", 8_990_000),
        ("999999999999999,99", 99_999_999_999_999_999),
    ],
)
def test_usual_notations_are_read(text, cents):
    assert parse_brl(text) == cents


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "R$",
        "consulte",
        "-89900",
        "R$ -1",
        "(89.900)",
        "+5",
        "1,234",  # a thousand to one reader, three decimals to another
        "89,900",
        "0.123",
        "89900.000",
        "1.23.456",
        "12.3456",
        "1.234.56",
        "1,234,56",
        "1.234,567",
        "1,234.567",
        "1.234,5,6",
        "12.",
        ",50",
        "1e5",
        "1_000",
        "0x10",
        "NaN",
        "inf",
        "R$ R$ 5",
        "89 mil",
        "89 900",
        "89.900 / 90.000",
        "٨٩٩٠٠",
        "１２",
        "1" * 16,
        "9" * 5000,
        "89900\x00",
    ],
)
def test_ambiguity_garbage_and_negatives_are_refused_by_name(text):
    with pytest.raises(NotMoney) as refusal:
        parse_brl(text)
    assert isinstance(refusal.value, ValueError)
    assert isinstance(refusal.value, DomainError)
    assert len(str(refusal.value)) < 100


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (6_990_000, "R$\u00a069.900"),
        (6_990_050, "R$\u00a069.900,50"),
        (6_990_005, "R$\u00a069.900,05"),
        (0, "R$\u00a00"),
        (7, "R$\u00a00,07"),
        (123_456_789_00, "R$\u00a0123.456.789"),
        (-150_000, "-R$\u00a01.500"),
    ],
)
def test_cents_show_only_when_there_are_any(cents, text):
    assert format_brl(cents) == text


def test_cents_show_when_asked():
    assert format_brl(6_990_000, with_cents=True) == "R$\u00a069.900,00"
    assert format_brl(172_330, with_cents=True) == "R$\u00a01.723,30"


def test_cents_left_out_are_rounded_half_up():
    assert format_brl(6_990_049, with_cents=False) == "R$\u00a069.900"
    assert format_brl(6_990_050, with_cents=False) == "R$\u00a069.901"
    assert format_brl(99, with_cents=False) == "R$\u00a01"


@given(st.integers(0, 10**17 - 1), st.sampled_from([None, True]))
def test_what_is_written_is_read_back(cents, with_cents):
    assert parse_brl(format_brl(cents, with_cents)) == cents


@given(st.integers(0, 10**14))
def test_machine_notation_is_read_back(cents):
    assert parse_brl(f"{cents // 100}.{cents % 100:02d}") == cents


@given(st.text(alphabet="0123456789.,R$ -\u00a0", max_size=20))
def test_any_text_is_a_price_or_a_named_refusal(text):
    try:
        cents = parse_brl(text)
    except NotMoney:
        return
    assert cents >= 0
    assert parse_brl(format_brl(cents)) == cents
