"""Credit in an advertisement: who names an instalment or a rate names all of it."""

import re
from collections.abc import Iterator
from typing import Final

from flask_babel import gettext as _

from core.money import format_brl
from inventory.advertising.findings import CODE, DECREE, PRICE_LAW, Finding, Severity
from inventory.advertising.reading import (
    AGENT,
    AMOUNT,
    ANNUAL_RATE,
    CASH,
    CET,
    DOWN_PAYMENT,
    MONTHLY_RATE,
    PERIOD,
    TOTAL,
    VALIDITY,
    ZERO_INTEREST,
    Advertisement,
    cents_of,
)

# Prices are rounded in ads: "R$ 2 mil", "total de R$ 86.000".
TOTAL_TOLERANCE: Final = 0.01


def _missing(code: str, law: str, words: str, mend: str, *, is_warning: bool = False) -> Finding:
    return Finding(code, Severity.WARNING if is_warning else Severity.UNLAWFUL, law, words, mend)


def credit_is_whole(ad: Advertisement) -> Iterator[Finding]:
    """CDC 52 and 54-B, Decreto 5.903 art. 3: who names an instalment or a rate names all of it."""
    if ad.credit is None:
        return
    yield from _instalment_terms(ad)
    has_price = bool(ad.offer and ad.offer.price_cents)
    if not has_price and not ad.has(CASH):
        yield _missing(
            "cash_price", f"{DECREE}, art. 3; {PRICE_LAW}, art. 2",
            _("The cash price is missing."),
            _("Write it: à vista R$ 00.000,00."),
        )  # fmt: skip
    if not ad.has(TOTAL):
        yield _missing(
            "total_financed", f"{CODE}, art. 52 V; {DECREE}, art. 3",
            _("The total with financing is missing."),
            _("Write it: total a prazo R$ 00.000,00 (entrada e todas as parcelas)."),
        )  # fmt: skip
    yield from _rates(ad)
    if not ad.has(CET):
        yield _missing(
            "cet", f"{CODE}, art. 54-B",
            _("The total effective cost (CET) is missing."),
            _("Write it: CET de 00,00% a.a."),
        )  # fmt: skip
    if not ad.has(AGENT):
        yield _missing(
            "agent", f"{CODE}, art. 54-B, § 3",
            _("The bank that lends is missing."),
            _("Write it: crédito do Banco …"),
        )  # fmt: skip
    if not ad.has(VALIDITY):
        yield _missing(
            "validity", f"{CODE}, art. 54-B III",
            _("How long the offer holds is missing (two days at least)."),
            _("Write it: válido até 00/00/0000."),
            is_warning=True,
        )  # fmt: skip


def _instalment_terms(ad: Advertisement) -> Iterator[Finding]:
    if not ad.instalments:
        yield _missing(
            "instalments", f"{CODE}, art. 52 IV; {DECREE}, art. 3",
            _("Number and value of the instalments are missing."),
            _("Write both: 48 parcelas mensais de R$ 0.000,00."),
        )  # fmt: skip
    elif not ad.has(PERIOD):
        yield _missing(
            "periodicity", f"{CODE}, art. 52 IV; {DECREE}, art. 3",
            _("It does not say how often an instalment is due."),
            _("Write “mensais” beside the instalments."),
        )  # fmt: skip


def _rates(ad: Advertisement) -> Iterator[Finding]:
    if ad.has(ZERO_INTEREST):
        return
    without_cet = CET.sub(" ", ad.plain)
    stated = [bool(rate.search(without_cet)) for rate in (MONTHLY_RATE, ANNUAL_RATE)]
    if not any(stated):
        yield _missing(
            "rates", f"{CODE}, arts. 52 II e 54-B II",
            _("The interest rate is missing."),
            _("Write it: juros de 0,00% a.m. (00,00% a.a.)."),
        )  # fmt: skip
    elif not all(stated):
        yield _missing(
            "rates_both", f"{CODE}, arts. 52 II e 54-B II",
            _("Say the rate both a month and a year."),
            _("Write it: juros de 0,00% a.m. (00,00% a.a.)."),
            is_warning=True,
        )  # fmt: skip


def sums_are_right(ad: Advertisement) -> Iterator[Finding]:
    """Decreto 5.903 art. 2: correct and precise. The total is the down payment and every
    instalment; without interest it is the cash price."""
    if len(ad.instalments) != 1:
        return
    found = ad.instalments[0]
    value = cents_of(found[2] or found[4], found[3])
    paid = int(found[1]) * value
    down = DOWN_PAYMENT.search(ad.plain)
    paid_with_down = paid + (cents_of(down[1], down[2]) if down else 0)
    total = TOTAL.search(ad.plain)
    stated = cents_of(total[1], total[2]) if total else 0
    if stated and not any(_is_near(stated, one) for one in (paid, paid_with_down)):
        yield Finding(
            "total_differs", Severity.UNLAWFUL, f"{DECREE}, art. 2; {CODE}, art. 37",
            _("The total does not fit: the instalments add up to %(sum)s.",
              sum=format_brl(paid_with_down)),
            _("Correct the total or the instalments."),
            ad.excerpt(total),
        )  # fmt: skip
    zero = ZERO_INTEREST.search(ad.plain)
    price = ad.offer.price_cents if ad.offer else _cash_price_cents(ad)
    if zero and price and paid_with_down > price * (1 + TOTAL_TOLERANCE):
        yield Finding(
            "zero_interest", Severity.UNLAWFUL, f"{CODE}, art. 37, § 1",
            _("It says “without interest”, but in instalments the car costs %(more)s more.",
              more=format_brl(paid_with_down - price)),
            _("Take the claim out or show the real rate."),
            ad.excerpt(zero),
        )  # fmt: skip


def _is_near(one: int, other: int) -> bool:
    return abs(one - other) <= max(one, other) * TOTAL_TOLERANCE


def _cash_price_cents(ad: Advertisement) -> int:
    found = re.search(r"\ba vista[^r\d]{0,15}r\$\s*" + AMOUNT, ad.plain) or re.search(
        r"r\$\s*" + AMOUNT + r"[^r\d]{0,12}\ba vista", ad.plain
    )
    return cents_of(found[1], found[2]) if found else 0
