"""Names, mileages and phones: what people type is understood, what is stored is clean."""

import unicodedata
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import (
    NotANumber,
    NotKilometres,
    NotPhone,
    clean_line,
    clean_text,
    fold,
    format_km,
    format_phone,
    parse_decimal,
    parse_km,
    parse_phone,
    slugify_name,
    whatsapp_link,
)

# --- fold and slug -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("CITROËN", "citroen"),
        ("Citroe\u0308n", "citroen"),
        ("câmbio AUTOMÁTICO", "cambio automatico"),
        ("  T-Cross  200_TSI ", "t cross 200 tsi"),
        ("C3/Aircross (1.6)", "c3 aircross 1 6"),
        ("São\u00a0Paulo", "sao paulo"),
        ("ﬁat ½ ª", "fiat 1 2 a"),
        ("İstanbul", "istanbul"),
        ("!!!", ""),
        ("", ""),
    ],
)
def test_fold_makes_spellings_equal(text, folded):
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text):
    once = fold(text)
    assert fold(once) == once
    assert once == " ".join(once.split())


@given(st.text(alphabet="aAeEçÇãÃéÉ ôÔüÜ-"))
def test_fold_forgets_case_and_composition(text):
    assert fold(text) == fold(text.upper()) == fold(unicodedata.normalize("NFD", text))


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Citroën C3 1.6", "citroen-c3-1-6"),
        ("Mercedes-Benz", "mercedes-benz"),
        ("São José dos Campos", "sao-jose-dos-campos"),
        ("A&amp;B", "a-amp-b"),
        ("../../etc", "etc"),
        ("!!!", ""),
    ],
)
def test_names_become_addresses(text, slug):
    assert slugify_name(text) == slug


@given(st.text())
def test_a_slug_is_always_safe_in_a_path(text):
    slug = slugify_name(text, 30)
    assert len(slug) <= 30
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert slug == slug.strip("-")


def test_slugs_are_cut_between_words():
    assert slugify_name("onix plus premier turbo", 12) == "onix-plus"


# --- clean ---------------------------------------------------------------------------------


def test_a_line_loses_what_nobody_can_see():
    assert clean_line("  Ana\x00\u202e\u200b  Maria\r\n\tSouza ", 80) == "Ana Maria Souza"


def test_a_line_is_composed():
    assert clean_line("Joa\u0303o", 80) == "João"


def test_emoji_families_stay_together():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert clean_line(family, 80) == family


def test_the_cut_keeps_accents_with_their_letters():
    assert clean_line("ab\u0323\u0301cd", 3) == "a" + unicodedata.normalize("NFC", "b\u0323\u0301")
    assert clean_line("ax\u0301", 2) == "a"
    assert clean_line("ab cd", 3) == "ab"


def test_a_text_keeps_its_paragraphs():
    messy = "\n\n Olá,\r\n\r\n\r\n\r\n quero   o carro.\u2028Obrigado \x07\n\n"
    assert clean_text(messy, 200) == "Olá,\n\nquero o carro.\nObrigado"


@given(st.text(alphabet=st.characters(), max_size=200), st.integers(0, 50))
def test_cleaning_is_bounded_stable_and_always_storable(text, limit):
    for clean in (clean_line, clean_text):
        once = clean(text, limit)
        assert len(once) <= limit
        assert clean(once, limit) == once
        assert "\x00" not in once
        once.encode()


def test_lone_surrogates_cannot_reach_the_database():
    assert clean_line("a\ud800b", 10) == "ab"


# --- numbers and mileage ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.6", "1.6"), ("1,0", "1.0"), ("2.000", "2000"), ("1.234,56", "1234.56"), ("007", "7")],
)
def test_numbers_are_read_in_both_notations(text, number):
    assert parse_decimal(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "1,234", "-1", "1 2", "turbo", "1.0 turbo"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(NotANumber):
        parse_decimal(text)


@pytest.mark.parametrize(
    ("text", "km"),
    [
        ("12.500 km", 12_500),
        ("12.500km", 12_500),
        ("12.500\u00a0KM", 12_500),
        ("58200", 58_200),
        ("58.200,0", 58_200),
        ("58200.0", 58_200),
        ("58,200.00", 58_200),
        ("1.234.567 km", 1_234_567),
        ("0", 0),
        ("0 km", 0),
        ("0.000", 0),
        ("0,000 km", 0),
        ("500 quilômetros", 500),
    ],
)
def test_mileages_are_read(text, km):
    assert parse_km(text) == km


@pytest.mark.parametrize(
    "text", ["", "km", "-5 km", "12,5", "12.5 km", "58,200", "muitos km", "58 mil", "km 58200"]
)
def test_what_is_no_mileage_is_refused(text):
    with pytest.raises(NotKilometres):
        parse_km(text)


def test_mileage_is_written_in_groups():
    assert format_km(58_200) == "58.200\u00a0km"
    assert format_km(0) == "0\u00a0km"


@given(st.integers(0, 10**12))
def test_a_written_mileage_is_read_back(km):
    assert parse_km(format_km(km)) == km


# --- phones ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "e164"),
    [
        ("11987654321", "+5511987654321"),
        ("011 98765-4321", "+5511987654321"),
        ("+55 (11) 98765 4321", "+5511987654321"),
        ("55 11 98765-4321", "+5511987654321"),
        ("(11) 9 8765-4321", "+5511987654321"),
        ("tel:+55-11-98765-4321", "+5511987654321"),
        ("(11)\u00a098765.4321", "+5511987654321"),
        ("(11) 98765\u20114321", "+5511987654321"),  # as our own pages print it
        ("11 98765\u20134321", "+5511987654321"),
        ("\uff11\uff11\uff19\uff18\uff17\uff16\uff15\uff14\uff13\uff12\uff11", "+5511987654321"),
        ("0xx11 98765-4321", "+5511987654321"),
        ("(0xx11) 98765-4321", "+5511987654321"),
        ("0 XX (11) 98765-4321", "+5511987654321"),
        ("11 3333-4444", "+551133334444"),
        ("(55) 99999-1234", "+5555999991234"),  # area 55 is not the country
        ("0800 123 4567", "+558001234567"),
        ("+1 650 253 0000", "+16502530000"),
    ],
)
def test_phones_are_read_as_people_type_them(typed, e164):
    assert parse_phone(typed) == e164


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "98765-4321",
        "20 98765-4321",
        "+5520987654321",
        "190",
        "abc",
        "não tenho",
        "11 98765-4321 ramal 5",
        "1" * 300,
        "(((",
        "+",
        "11 98765-4321; drop",
    ],
)
def test_what_is_no_phone_is_refused_in_words(typed):
    with pytest.raises(NotPhone) as refusal:
        parse_phone(typed)
    assert refusal.value.suggestion is None
    assert "(11) 98765-4321" in str(refusal.value)


@pytest.mark.parametrize(
    "typed", ["1187654321", "(11) 8765-4321", "+55 11 8765-4321", "011 8765-4321"]
)
def test_a_mobile_number_without_its_nine_is_offered_with_it(typed):
    with pytest.raises(NotPhone) as refusal:
        parse_phone(typed)
    assert refusal.value.suggestion == "+5511987654321"
    assert "(11) 98765-4321" in str(refusal.value)


def test_no_nine_is_offered_for_an_area_that_does_not_exist():
    with pytest.raises(NotPhone) as refusal:
        parse_phone("2087654321")
    assert refusal.value.suggestion is None


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("+5511987654321", "(11) 98765-4321"),
        ("+551133334444", "(11) 3333-4444"),
        ("+558001234567", "0800 123 4567"),
        ("+16502530000", "+1 650-253-0000"),
        ("", ""),
        ("ligue já", "ligue já"),
    ],
)
def test_phones_are_shown_as_they_are_read(stored, shown):
    assert format_phone(stored) == shown


@given(st.text(max_size=40))
def test_any_text_is_a_phone_or_a_named_refusal(text):
    try:
        e164 = parse_phone(text)
    except NotPhone:
        return
    assert parse_phone(e164) == e164


def test_the_whatsapp_link_carries_the_message():
    message = "Olá! Vi o Onix & quero saber: está à venda? 100%"
    link = whatsapp_link("+5511987654321", message)
    assert link.startswith("https://wa.me/5511987654321?text=")
    assert link.isascii()
    assert parse_qs(urlsplit(link).query)["text"] == [message]


def test_a_whatsapp_link_needs_no_message():
    assert whatsapp_link("+5511987654321") == "https://wa.me/5511987654321"


@pytest.mark.parametrize("number", ["", "11987654321", "+55 11 98765-4321", "+5511x?text=a"])
def test_no_whatsapp_link_without_a_whole_number(number):
    with pytest.raises(NotPhone):
        whatsapp_link(number, "oi")
