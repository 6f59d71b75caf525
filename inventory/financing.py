"""What a financed car costs: Tabela Price, IOF and CET, exact to the cent.

The borrower pays equal monthly instalments. Fees and IOF are financed on top of the price less the
down payment, so interest runs on them too. Due dates are real calendar dates, one month after
another from the day of the simulation, because the law's CET formula counts real days.

DomainError
└── NotFinanceable
    ├── NegativeAmount        a price, down payment or fee below zero
    ├── DownPaymentTooHigh    nothing is left to finance
    ├── AmountTooLow          too little is left to finance
    ├── FeesTooHigh           fees larger than the credit itself
    ├── TermNotOffered        a number of months nobody lends for
    ├── RateOutOfRange        no interest rate in percent a month
    └── IofRateUnknown        a day before the table of rates starts
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final, NamedTuple

from flask_babel import gettext as _

from core.errors import DomainError
from core.money import format_brl

COMMON_TERMS: Final = (12, 24, 36, 48, 60)  # months: the choices a form shows
LONGEST_TERM: Final = 72
# Below this, cents rounded each month could add up to more than an instalment.
SMALLEST_LOAN_CENTS: Final = 100_000
# In percent a month. Nobody lends between zero and the lower bound: such a number is a fraction
# (0.0199) typed where a percentage (1.99) belongs.
LOWEST_RATE: Final = Decimal("0.1")
HIGHEST_RATE: Final = Decimal(10)

DAYS_A_YEAR: Final = 365
MONTHS_A_YEAR: Final = 12
_ONE: Final = Decimal(1)
_CENT_OF_A_PERCENT: Final = Decimal("0.01")
_CLOSE_ENOUGH: Final = Decimal("1e-20")
_PRECISION: Final = Context(prec=28)


class NotFinanceable(DomainError, ValueError):
    """No financing can be worked out from these numbers."""


class NegativeAmount(NotFinanceable):
    """A price, down payment or fee below zero."""


class DownPaymentTooHigh(NotFinanceable):
    """Nothing is left to finance."""


class AmountTooLow(NotFinanceable):
    """Too little is left to finance."""


class FeesTooHigh(NotFinanceable):
    """Fees larger than the credit itself: a mistake in the settings, not an offer."""


class TermNotOffered(NotFinanceable):
    """A number of months nobody lends for."""


class RateOutOfRange(NotFinanceable):
    """No interest rate in percent a month."""


class IofRateUnknown(NotFinanceable):
    """A day before the table of IOF rates starts."""


class IofRate(NamedTuple):
    """IOF on credit to a person, in force from `since`: `daily` on each part of the principal for
    each day until it is due, `most_days` at most, plus `flat` once. Fractions, not percent."""

    since: date
    daily: Decimal
    flat: Decimal
    most_days: int


# Decreto 6.306/2007, art. 7. The decrees of 2025 left credit to persons as it was. A new decree is
# a new row, oldest first: past simulations keep their rate.
IOF_RATES: Final = (IofRate(date(2022, 1, 1), Decimal("0.000082"), Decimal("0.0038"), 365),)


class Installment(NamedTuple):
    """One row of the schedule; `balance_cents` is what is still owed after it."""

    number: int
    due: date
    payment_cents: int
    interest_cents: int
    principal_cents: int
    balance_cents: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """A worked-out financing. Rates and CET are in percent."""

    price_cents: int
    down_payment_cents: int
    financed_cents: int  # released for the car: price less down payment
    fees_cents: int
    iof_cents: int
    total_financed_cents: int  # what interest runs on: released + fees + IOF
    months: int
    installment_cents: int
    last_installment_cents: int  # absorbs what rounding left
    total_cents: int  # down payment and all instalments
    monthly_rate: Decimal
    annual_rate: Decimal  # effective, two decimals
    cet_annual: Decimal  # two decimals, Resolução CMN 4.881/2020
    cet_monthly: Decimal  # two decimals, the twelfth root of the annual one
    schedule: tuple[Installment, ...]


def simulate(
    price_cents: int,
    down_payment_cents: int,
    months: int,
    monthly_rate: Decimal,
    fees_cents: int,
    on: date,
    due_days: Sequence[int] | None = None,
) -> Simulation:
    """Finances `price_cents` less `down_payment_cents`, signed on the day `on`.

    `monthly_rate` is in percent (`Decimal("1.99")`), `fees_cents` the sum of all fees, financed.
    `due_days` counts the days from `on` to each of the `months` due dates; without it they are
    calendar months. Raises a `NotFinanceable`.
    """
    _check(price_cents, down_payment_cents, months, monthly_rate, fees_cents)
    if due_days is not None and len(due_days) != months:
        raise ValueError(f"{len(due_days)} due dates for {months} instalments")
    with localcontext(_PRECISION):
        released = price_cents - down_payment_cents
        days = due_days if due_days is not None else calendar_days(on, months)
        rate = monthly_rate / 100
        iof = _financed_iof(released + fees_cents, rate, days, iof_rate(on))
        loan = released + fees_cents + iof
        schedule = _amortise(loan, rate, on, days)
        payments = [row.payment_cents for row in schedule]
        cet = effective_annual_cost(released, payments, days, DAYS_A_YEAR)
        return Simulation(
            price_cents=price_cents,
            down_payment_cents=down_payment_cents,
            financed_cents=released,
            fees_cents=fees_cents,
            iof_cents=iof,
            total_financed_cents=loan,
            months=months,
            installment_cents=payments[0],
            last_installment_cents=payments[-1],
            total_cents=down_payment_cents + sum(payments),
            monthly_rate=monthly_rate,
            annual_rate=_percent((_ONE + rate) ** MONTHS_A_YEAR),
            cet_annual=_percent(cet),
            cet_monthly=_percent(cet ** (_ONE / MONTHS_A_YEAR)),
            schedule=schedule,
        )


def _check(
    price_cents: int, down_payment_cents: int, months: int, monthly_rate: Decimal, fees_cents: int
) -> None:
    if min(price_cents, down_payment_cents, fees_cents) < 0:
        raise NegativeAmount(_("Amounts cannot be negative."))
    if down_payment_cents >= price_cents:
        raise DownPaymentTooHigh(_("The down payment must be smaller than the price."))
    if price_cents - down_payment_cents < SMALLEST_LOAN_CENTS:
        smallest = format_brl(SMALLEST_LOAN_CENTS)
        raise AmountTooLow(_("The amount to finance must be at least %(amount)s.", amount=smallest))
    if fees_cents > price_cents - down_payment_cents:
        raise FeesTooHigh(_("The fees are higher than the amount to finance."))
    if not 1 <= months <= LONGEST_TERM:
        raise TermNotOffered(
            _("Choose between 1 and %(months)s monthly payments.", months=LONGEST_TERM)
        )
    if monthly_rate and not LOWEST_RATE <= monthly_rate <= HIGHEST_RATE:
        raise RateOutOfRange(_("The interest rate must be in percent a month, such as 1.99."))


def calendar_days(on: date, months: int) -> list[int]:
    """Days from `on` to the same day of each following month, the month's last day where it is
    shorter."""
    return [(_months_later(on, number) - on).days for number in range(1, months + 1)]


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, MONTHS_A_YEAR)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def iof_rate(on: date) -> IofRate:
    """The row of `IOF_RATES` in force on a day. Raises `IofRateUnknown`."""
    in_force = [rate for rate in IOF_RATES if rate.since <= on]
    if not in_force:
        raise IofRateUnknown(_("No tax rate is known for %(day)s.", day=on.isoformat()))
    return in_force[-1]


def price_payment(loan_cents: int, rate: Decimal, months: int) -> Decimal:
    """The equal instalment of the Tabela Price in cents, not rounded; `rate` is a fraction."""
    if not rate:
        return Decimal(loan_cents) / months
    return loan_cents * rate / (_ONE - (_ONE + rate) ** -months)


def _financed_iof(before_tax_cents: int, rate: Decimal, days: Sequence[int], tax: IofRate) -> int:
    """IOF when it is itself financed. Each instalment's share of the principal does not depend on
    the amount, so neither does the tax per real financed, and loan = before_tax / (1 - share)."""
    principal = price_payment(1, rate, len(days)) - rate
    taxed = tax.flat
    for day in days:
        taxed += principal * tax.daily * min(day, tax.most_days)
        principal *= _ONE + rate
    return _cents(before_tax_cents / (_ONE - taxed)) - before_tax_cents


def _amortise(
    loan_cents: int, rate: Decimal, on: date, days: Sequence[int]
) -> tuple[Installment, ...]:
    """The schedule in whole cents; the last instalment pays whatever is left."""
    payment = _cents(price_payment(loan_cents, rate, len(days)))
    balance = loan_cents
    rows = []
    for number, day in enumerate(days, start=1):
        interest = _cents(balance * rate)
        principal = balance if number == len(days) else payment - interest
        balance -= principal
        due = on + timedelta(days=day)
        rows.append(Installment(number, due, interest + principal, interest, principal, balance))
    return tuple(rows)


def effective_annual_cost(
    released_cents: int, payments_cents: Sequence[int], at: Sequence[int], per_year: int
) -> Decimal:
    """The yearly growth factor (1.2668 for 26.68%) at which the payments, each `at` so many units
    of time after the release, are worth `released_cents`. A year has `per_year` units: 365 days
    by the law's formula, or 12 months.

    Newton's method on the discount factor of one unit. The value of the payments is a convex,
    rising function of it, so from 1 downwards every step nears the root and none passes it.
    """
    factor = _ONE
    while True:
        value, slope = _value_and_slope(payments_cents, at, factor)
        step = (value - released_cents) / slope
        factor -= step
        if abs(step) < _CLOSE_ENOUGH:
            return factor**-per_year


def _value_and_slope(
    payments_cents: Sequence[int], at: Sequence[int], factor: Decimal
) -> tuple[Decimal, Decimal]:
    value = slope = Decimal(0)
    power, reached = _ONE, 0
    steps: dict[int, Decimal] = {}  # months have four lengths: four powers instead of forty-eight
    for payment, unit in zip(payments_cents, at, strict=True):
        gap = unit - reached
        power *= steps.get(gap) or steps.setdefault(gap, factor**gap)
        reached = unit
        present = payment * power
        value += present
        slope += present * unit
    return value, slope / factor


def _cents(amount: Decimal) -> int:
    return int(amount.quantize(_ONE, ROUND_HALF_UP))


def _percent(growth: Decimal) -> Decimal:
    """A growth factor as percent with two decimals. Ties go to the even digit: NBR 5891."""
    return ((growth - _ONE) * 100).quantize(_CENT_OF_A_PERCENT, ROUND_HALF_EVEN)
