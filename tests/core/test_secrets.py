"""Sealed credentials: opened by the right key for the right purpose, and by nothing else."""

import pytest

from core import config as settings
from core.secrets import SealBroken, reseal, seal, unseal

FACTS = {"client_secret": "sêgredo", "access_until": 1795176000}


@pytest.fixture
def keyed(app):
    """Changes the application's key until the test ends."""
    usual = app.extensions["vitrine"]

    def change(key: str) -> None:
        app.extensions["vitrine"] = settings.Config(**{**usual.__dict__, "secret_key": key})

    yield change
    app.extensions["vitrine"] = usual


def test_what_was_sealed_opens_again(app):
    sealed = seal(FACTS, "portal_account:1")
    assert unseal(sealed, "portal_account:1") == FACTS
    assert "sêgredo".encode() not in sealed
    assert b"client_secret" not in sealed


def test_nothing_sealed_is_nothing(app):
    assert unseal(b"", "portal_account:1") == {}


def test_a_value_moved_to_another_row_stays_shut(app):
    sealed = seal(FACTS, "portal_account:1")
    with pytest.raises(SealBroken):
        unseal(sealed, "portal_account:2")


@pytest.mark.parametrize("damage", [b"x", b"gAAAA", "lixo-é".encode()])
def test_damage_is_named(app, damage):
    with pytest.raises(SealBroken):
        unseal(damage, "portal_account:1")


def test_one_changed_byte_is_noticed(app):
    sealed = bytearray(seal(FACTS, "p"))
    sealed[40] ^= 1
    with pytest.raises(SealBroken):
        unseal(bytes(sealed), "p")


def test_after_a_change_of_key_the_old_one_opens_once_more(keyed):
    keyed("a" * 40)
    sealed = seal(FACTS, "p")
    keyed("b" * 40)
    with pytest.raises(SealBroken):
        unseal(sealed, "p")
    renewed = reseal(sealed, "p", "a" * 40)
    assert unseal(renewed, "p") == FACTS
    assert unseal(reseal(renewed, "p", "a" * 40), "p") == FACTS  # a second run harms nothing
