"""The simulator against worked examples, and against what must hold for any numbers."""

import timeit
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.errors import DomainError
from inventory import financing
from inventory.financing import (
    AmountTooLow,
    DownPaymentTooHigh,
    FeesTooHigh,
    IofRateUnknown,
    NegativeAmount,
    NotFinanceable,
    RateOutOfRange,
    TermNotOffered,
    calendar_days,
    effective_annual_cost,
    iof_rate,
    price_payment,
    simulate,
)

DAY = date(2026, 11, 23)
RATE = Decimal("1.99")
THIRTY_DAY_MONTHS = [30 * number for number in range(1, 49)]


def percent(growth):
    return round((growth - 1) * 100, 2)


def example(due_days=None):
    """R$ 50,000.00 released, fees of 950 + 350 financed, 1.99% a month, 48 months."""
    return simulate(5_000_000, 0, 48, RATE, 130_000, DAY, due_days)


# --- worked examples ---


def test_worked_example_with_thirty_day_months():
    result = example(THIRTY_DAY_MONTHS)
    assert result.iof_cents == 166_669
    assert result.total_financed_cents == 5_296_669
    assert result.installment_cents == 172_330
    assert result.installment_cents * 48 == 8_271_840
    assert result.cet_annual == Decimal("31.51")
    assert result.annual_rate == Decimal("26.68")


def test_worked_example_splits_the_tax_in_its_two_parts():
    result = example(THIRTY_DAY_MONTHS)
    flat = result.total_financed_cents * Decimal("0.0038")
    daily = sum(
        row.principal_cents * Decimal("0.000082") * min(30 * row.number, 365)
        for row in result.schedule
    )
    assert round(flat) == 20_127
    assert round(daily) == 146_541
    assert round(flat + daily) == 166_669


def test_worked_example_with_twelve_equal_months():
    payments = [row.payment_cents for row in example(THIRTY_DAY_MONTHS).schedule]
    growth = effective_annual_cost(5_000_000, payments, range(1, 49), 12)
    assert percent(growth) == Decimal("31.02")
    assert round((growth ** (Decimal(1) / 12) - 1) * 100, 4) == Decimal("2.2769")


def test_worked_example_payments_on_calendar_due_dates():
    payments = [row.payment_cents for row in example(THIRTY_DAY_MONTHS).schedule]
    growth = effective_annual_cost(5_000_000, payments, calendar_days(DAY, 48), 365)
    assert percent(growth) == Decimal("31.02")


def test_the_product_counts_real_calendar_days():
    result = example()
    # A year of instalments is 365 days, not 360: more days of IOF, the same CET as equal months.
    assert result == example(calendar_days(DAY, 48))
    assert result.iof_cents == 166_834
    assert result.installment_cents == 172_335
    assert result.cet_annual == Decimal("31.02")
    assert result.cet_monthly == Decimal("2.28")
    assert result.schedule[0].due == date(2026, 12, 23)
    assert result.schedule[-1].due == date(2030, 11, 23)


def test_worked_example_without_fees_and_tax():
    payment = price_payment(5_000_000, RATE / 100, 48)
    assert round(payment) == 162_678
    interest = 5_000_000 * RATE / 100
    assert interest == 99_500
    assert round(payment) - interest == 63_178


def test_central_bank_style_example():
    released, payments = 100_000 - 6_000, [20_573] * 5
    by_months = effective_annual_cost(released, payments, range(1, 6), 12)
    by_days = effective_annual_cost(released, payments, range(30, 151, 30), 365)
    assert percent(by_months) == Decimal("43.93")
    assert round((by_months ** (Decimal(1) / 12) - 1) * 100, 2) == Decimal("3.08")
    assert percent(by_days) == Decimal("44.66")


def test_annual_rate_is_compound():
    assert simulate(5_000_000, 0, 12, Decimal("1"), 0, DAY).annual_rate == Decimal("12.68")


# --- what a buyer sees ---


def test_the_parts_add_up():
    result = simulate(8_990_000, 2_000_000, 36, RATE, 130_000, DAY)
    assert result.financed_cents == 6_990_000
    assert result.total_financed_cents == 6_990_000 + 130_000 + result.iof_cents
    instalments = 35 * result.installment_cents + result.last_installment_cents
    assert result.total_cents == 2_000_000 + instalments
    assert len(result.schedule) == result.months == 36


def test_a_single_instalment_is_the_last_one():
    result = simulate(1_000_000, 0, 1, Decimal("2"), 0, DAY)
    assert result.installment_cents == result.last_installment_cents
    assert result.last_installment_cents == round(result.total_financed_cents * Decimal("1.02"))


def test_without_interest_only_the_tax_is_added():
    result = simulate(1_200_000, 0, 12, Decimal(0), 0, DAY)
    assert result.total_cents == 1_200_000 + result.iof_cents
    assert result.annual_rate == 0
    assert result.cet_annual > 0


def test_without_interest_and_tax_money_costs_nothing(monkeypatch):
    no_tax(monkeypatch)
    result = simulate(1_200_000, 0, 12, Decimal(0), 0, DAY)
    assert result.installment_cents == 100_000
    assert result.cet_annual == result.cet_monthly == 0


def test_due_dates_keep_to_the_end_of_short_months():
    due = [row.due for row in simulate(1_000_000, 0, 4, RATE, 0, date(2027, 10, 31)).schedule]
    assert due == [
        date(2027, 11, 30),
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
    ]


def test_tax_stops_after_a_year():
    long = iof_rate(DAY)
    most = long.daily * long.most_days + long.flat
    result = simulate(10_000_000, 0, 72, RATE, 0, DAY)
    assert result.iof_cents < result.total_financed_cents * most
    assert most == Decimal("0.03373")


# --- the dated table of taxes ---


def no_tax(monkeypatch):
    free = financing.IofRate(date(2000, 1, 1), Decimal(0), Decimal(0), 365)
    monkeypatch.setattr(financing, "IOF_RATES", (free,))


def test_a_new_decree_is_a_new_row_and_leaves_the_past_alone(monkeypatch):
    before = example()
    decree = financing.IofRate(date(2027, 1, 1), Decimal("0.000041"), Decimal("0.0038"), 365)
    monkeypatch.setattr(financing, "IOF_RATES", (*financing.IOF_RATES, decree))
    assert example() == before
    after = simulate(5_000_000, 0, 48, RATE, 130_000, date(2027, 1, 1))
    assert after.iof_cents < before.iof_cents
    assert iof_rate(date(2026, 12, 31)) != iof_rate(date(2027, 1, 1)) == decree


def test_the_table_is_in_order():
    assert list(financing.IOF_RATES) == sorted(financing.IOF_RATES)


def test_a_day_before_the_table_is_refused():
    with pytest.raises(IofRateUnknown):
        simulate(5_000_000, 0, 48, RATE, 0, date(2021, 12, 31))


# --- refusals ---


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"price_cents": -1}, NegativeAmount),
        ({"down_payment_cents": -1}, NegativeAmount),
        ({"fees_cents": -1}, NegativeAmount),
        ({"price_cents": 0}, DownPaymentTooHigh),
        ({"down_payment_cents": 5_000_000}, DownPaymentTooHigh),
        ({"down_payment_cents": 9_000_000}, DownPaymentTooHigh),
        ({"down_payment_cents": 4_950_000}, AmountTooLow),
        ({"fees_cents": 5_000_001}, FeesTooHigh),
        ({"months": 0}, TermNotOffered),
        ({"months": -12}, TermNotOffered),
        ({"months": 73}, TermNotOffered),
        ({"monthly_rate": Decimal("-1")}, RateOutOfRange),
        ({"monthly_rate": Decimal("0.0199")}, RateOutOfRange),
        ({"monthly_rate": Decimal("199")}, RateOutOfRange),
    ],
)
def test_impossible_wishes_are_refused_by_name(changes, refusal):
    wish = {
        "price_cents": 5_000_000,
        "down_payment_cents": 0,
        "months": 48,
        "monthly_rate": RATE,
        "fees_cents": 0,
        "on": DAY,
    }
    with pytest.raises(refusal) as error:
        simulate(**{**wish, **changes})
    assert isinstance(error.value, NotFinanceable)
    assert isinstance(error.value, DomainError)
    assert str(error.value)


def test_due_dates_must_match_the_term():
    with pytest.raises(ValueError, match="2 due dates for 3"):
        simulate(5_000_000, 0, 3, RATE, 0, DAY, [30, 60])


# --- for any numbers ---

prices = st.integers(100_000, 10**11)
months_offered = st.integers(1, 72)
rates = st.just(Decimal(0)) | st.decimals("0.1", "10", places=4)
days = st.dates(date(2022, 1, 1), date(2060, 12, 31))
fees = st.integers(0, 100_000)


@given(prices, months_offered, rates, fees, days)
def test_the_schedule_pays_the_loan_to_the_cent(price, months, rate, fee, on):
    result = simulate(price, 0, months, rate, fee, on)
    assert sum(row.principal_cents for row in result.schedule) == result.total_financed_cents
    assert result.schedule[-1].balance_cents == 0
    assert {row.payment_cents for row in result.schedule[:-1]} <= {result.installment_cents}
    assert result.last_installment_cents > 0
    assert all(row.interest_cents >= 0 for row in result.schedule)
    assert all(row.principal_cents > 0 for row in result.schedule)
    balances = [row.balance_cents for row in result.schedule]
    assert balances == sorted(balances, reverse=True)
    assert result.cet_annual >= 0


@given(prices, months_offered, rates, rates, fees)
def test_a_higher_rate_never_costs_less(price, months, one, other, fee):
    low, high = (simulate(price, 0, months, rate, fee, DAY) for rate in sorted((one, other)))
    assert low.installment_cents <= high.installment_cents
    assert low.total_cents <= high.total_cents + months  # cents rounded each month
    assert low.annual_rate <= high.annual_rate


@given(prices, fees, months_offered, rates)
def test_fees_and_tax_only_raise_the_cost(price, fee, months, rate):
    plain, charged = (simulate(price, 0, months, rate, cost, DAY) for cost in (0, fee))
    assert charged.cet_annual >= plain.cet_annual - Decimal("0.02")
    assert charged.iof_cents >= plain.iof_cents


@given(st.integers(10**6, 10**10), months_offered, rates)
def test_without_fees_and_tax_the_cost_is_the_interest(loan, months, rate):
    assume(months > 1)
    payment = price_payment(loan, rate / 100, months)
    growth = effective_annual_cost(loan, [payment] * months, range(1, months + 1), 12)
    effective = (1 + rate / 100) ** 12
    assert abs(growth - effective) < Decimal("1e-12")


@given(prices, st.integers(0, 10**11), months_offered, rates)
def test_the_cost_discounts_the_payments_to_the_credit_released(price, down, months, rate):
    assume(price - down >= 100_000)
    result = simulate(price, down, months, rate, 50_000, DAY)
    payments = [row.payment_cents for row in result.schedule]
    counted = calendar_days(DAY, months)
    growth = effective_annual_cost(price - down, payments, counted, 365)
    present = sum(
        payment / growth ** (Decimal(day) / 365)
        for payment, day in zip(payments, counted, strict=True)
    )
    assert abs(present - (price - down)) < Decimal("0.001")
    assert percent(growth) == result.cet_annual


def test_a_simulation_takes_less_than_two_milliseconds():
    fastest = min(timeit.repeat(example, number=5, repeat=5)) / 5
    assert fastest < 0.002
