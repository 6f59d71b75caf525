"""One person however a number is spelled; strangers stay strangers."""

import threading

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from core.db import db, writing
from core.text import parse_phone
from leads.models import Person
from leads.people import (
    PersonTaken,
    _claim_keys,
    contact_key,
    email_key,
    find_or_create_person,
    find_person,
    phone_key,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [("+5511987654321", "+551187654321"), ("+5562991234567", "+556291234567")],
)
def test_the_ninth_digit_makes_no_other_person(one, other):
    assert phone_key(one) == phone_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+551133334444", "+5511933334444"),  # a land line and a mobile born with nine digits
        ("+5511987654321", "+5521987654321"),
        ("+5511987654321", "+5511987654322"),
        ("+351912345678", "+35112345678"),
    ],
)
def test_different_numbers_stay_different(one, other):
    assert phone_key(one) != phone_key(other)


# The area codes of Brazil (Anatel, Plano Geral de Códigos Nacionais).
AREAS = [
    first + second
    for first, seconds in {
        "1": "123456789",
        "2": "12478",
        "3": "1234578",
        "4": "123456789",
        "5": "1345",
        "6": "123456789",
        "7": "134579",
        "8": "123456789",
        "9": "123456789",
    }.items()
    for second in seconds
]


def test_the_ninth_digit_in_every_area():
    """All 67: each spelling of a mobile is one key, and no land line becomes a mobile."""
    assert len(set(AREAS)) == 67
    for area in AREAS:
        key = f"55{area}87654321"
        for typed in (
            f"({area}) 98765-4321", f"{area}87654321", f"0{area}987654321",
            f"+55 {area} 9 8765 4321", f"55{area}87654321",
        ):  # fmt: skip
            assert contact_key(typed) == ("phone", key), typed
        assert phone_key(parse_phone(f"({area}) 3333-4444")) == f"55{area}33334444"
        assert phone_key(f"+55{area}933334444") != f"55{area}33334444"


@given(st.sampled_from(AREAS), st.integers(60_000_000, 99_999_999))
def test_every_old_mobile_meets_its_new_spelling(area, eight):
    assert phone_key(f"+55{area}9{eight}") == phone_key(f"+55{area}{eight}")
    assert phone_key(parse_phone(f"({area}) 9{eight}")) == f"55{area}{eight}"


def test_an_address_is_compared_without_case_and_tag():
    assert email_key(" Ana.Silva+carros@Gmail.com ") == "ana.silva@gmail.com"
    assert email_key("no address") == email_key("") == ""


def test_a_shared_address_joins_only_similar_names(app):
    with writing():
        ana = find_or_create_person(name="Ana Souza", email="familia@exemplo.com")
        same = find_or_create_person(name="ANA SOUZA", email="familia@exemplo.com")
        joao = find_or_create_person(name="João Lima", email="familia@exemplo.com")
    assert ana.id == same.id != joao.id


def test_a_phone_decides_over_an_address(app):
    with writing():
        ana = find_or_create_person(name="Ana", phone="+5511987654321")
        bia = find_or_create_person(name="Bia", email="bia@exemplo.com")
        found = find_or_create_person(name="Bia", phone="+551187654321", email="bia@exemplo.com")
    assert found.id == ana.id != bia.id
    assert ana.email == "bia@exemplo.com"
    assert ana.name == "Ana"


def test_somebody_without_a_phone_is_known_by_the_id_elsewhere(app):
    with writing():
        first = find_or_create_person(name="", keys=(("whatsapp", "BR.1"),))
        again = find_or_create_person(
            name="Ana", phone="+5511987654321", keys=(("whatsapp", "BR.1"),)
        )
    assert first.id == again.id
    assert find_person(phone="+551187654321") is not None


def test_two_doors_at_once_make_one_person(app):
    """Whoever comes second either finds the first one's person or is told to try again."""
    start = threading.Barrier(4)

    def enter() -> None:
        with app.app_context():
            start.wait()
            for _ in range(5):
                try:
                    with writing():
                        find_or_create_person(name="Ana", phone="+5511987654321")
                    return
                except (RuntimeError, sa.exc.SQLAlchemyError):
                    continue

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Person)) == 1


def test_who_comes_second_with_an_email_tries_again_unless_the_name_is_another(app):
    """Two workers that meet the same new person both find nobody and create one."""
    with writing():
        find_or_create_person(name="Ana Lima", email="ana@example.com")
    with pytest.raises(PersonTaken), writing() as session:
        second = Person(name="Ana Lima")
        session.add(second)
        session.flush()
        _claim_keys(second, [("email", "ana@example.com")])
    with writing():
        find_or_create_person(name="Pedro Souza", email="ana@example.com")
    names = db.session.scalars(sa.select(Person.name).order_by(Person.id)).all()
    assert names == ["Ana Lima", "Pedro Souza"]
