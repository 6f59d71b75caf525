"""Every advertisement of the corpus gets what the law says of it, and nothing else."""

import time

import pytest
from flask import Flask

from inventory.advertising import AdvertisedOffer, lint_advertisement
from tests.inventory.advertisements import RIGHT, WRONG


def offer(price: int | None, former: int | None) -> AdvertisedOffer | None:
    if price is None:
        return None
    return AdvertisedOffer(price * 100, former * 100 if former else None)


def codes(text: str, price: int | None, former: int | None) -> set[str]:
    findings = lint_advertisement(text, offer(price, former))
    return {one.code if one.is_unlawful else f"{one.code}?" for one in findings}


@pytest.mark.parametrize(("text", "price", "former"), RIGHT)
def test_a_lawful_text_passes(app: Flask, text, price, former):
    assert codes(text, price, former) == set()


@pytest.mark.parametrize(("text", "price", "former", "expected"), WRONG)
def test_an_unlawful_text_is_named(app: Flask, text, price, former, expected):
    assert codes(text, price, former) == set(expected.split())


def test_the_corpus_is_large_enough_to_mean_something():
    assert len(RIGHT) + len(WRONG) >= 60


def test_every_finding_says_what_by_which_law_and_how_to_mend_it(app: Flask):
    for text, price, former, _expected in WRONG:
        for finding in lint_advertisement(text, offer(price, former)):
            assert finding.words
            assert finding.mend
            assert finding.law


@pytest.mark.parametrize(
    "text",
    [
        "R$" * 5000,
        "x" * 20_000,
        "48x " * 3000,
        "a " * 8000,
        "\n" * 9000,
        "total " * 4000,
        "9" * 9999,
    ],
)
def test_hostile_text_takes_no_time(app: Flask, text):
    start = time.perf_counter()
    lint_advertisement(text, AdvertisedOffer(1_00))
    assert time.perf_counter() - start < 3
