"""The written credit offer passes the check that every advertisement passes."""

from decimal import Decimal

import pytest
from flask import Flask

from inventory.advertising import AdvertisedOffer, lint_advertisement
from inventory.credit_text import credit_text


@pytest.mark.parametrize("price", [15_000_00, 69_900_00, 123_456_78, 480_000_00])
def test_a_written_offer_is_lawful(app: Flask, price):
    text = credit_text(
        price, monthly_percent=Decimal("1.99"), fees_cents=1_300_00, agent="Banco Exemplo S.A."
    )
    assert "CET" in text
    assert lint_advertisement(text, AdvertisedOffer(price)) == []
    assert lint_advertisement(text) == []


def test_without_a_bank_there_is_no_offer(app: Flask):
    assert credit_text(50_000_00, monthly_percent=Decimal(2), fees_cents=0, agent=" ") == ""


def test_what_cannot_be_financed_makes_no_offer(app: Flask):
    assert credit_text(1_00, monthly_percent=Decimal(2), fees_cents=0, agent="Banco") == ""
