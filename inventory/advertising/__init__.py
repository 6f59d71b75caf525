"""Reads an advertisement as consumer law does: what is unlawful in it, by which law, what to do.

A pure function of the words and of what stands beside them on the page: `lint_advertisement`. It
knows the usual ways of saying things, not every way; a clean answer is no legal opinion. Sources:
Decreto 5.903/2006 arts. 2, 3, 5, 9; Lei 10.962/2004 arts. 2, 5; CDC (Lei 8.078/1990) arts. 24, 25,
30, 31, 37, 52, 54-B, 54-C.
"""

from collections.abc import Callable, Iterator
from typing import Final

from inventory.advertising.credit import credit_is_whole, sums_are_right
from inventory.advertising.findings import AdvertisedOffer, Finding, Severity
from inventory.advertising.letters import letters_are_even
from inventory.advertising.phrases import forbidden_words
from inventory.advertising.prices import national_currency, price_is_one
from inventory.advertising.reading import Advertisement

RULES: Final[tuple[Callable[[Advertisement], Iterator[Finding]], ...]] = (
    forbidden_words,
    credit_is_whole,
    sums_are_right,
    price_is_one,
    national_currency,
    letters_are_even,
)


def lint_advertisement(text: str, offer: AdvertisedOffer | None = None) -> list[Finding]:
    """What is wrong with `text` as an advertisement, in the order of the rules below; empty when
    nothing is. `offer` is the car it stands beside, None for a banner, a page or a mail of its
    own: its cash price counts as shown."""
    ad = Advertisement(text, offer)
    findings = [finding for rule in RULES for finding in rule(ad)]
    return list({finding.code: finding for finding in reversed(findings)}.values())[::-1]


__all__ = [
    "AdvertisedOffer",
    "Advertisement",
    "Finding",
    "Severity",
    "lint_advertisement",
]
