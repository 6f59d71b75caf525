"""The small print of a credit offer, written from a worked-out financing: all that CDC 52 and 54-B
ask for, in the words that `inventory.advertising` reads."""

from datetime import timedelta
from decimal import Decimal
from typing import Final

from core.clock import today
from core.money import format_brl
from inventory.financing import NotFinanceable, simulate

MONTHS: Final = 48
DOWN_PAYMENT_PERCENT: Final = 30
VALID_DAYS: Final = 7  # the law asks for two at least


def credit_text(price_cents: int, *, monthly_percent: Decimal, fees_cents: int, agent: str) -> str:
    """An example financing of `price_cents` with 30 % down in 48 months, as a text to publish;
    in Portuguese, being the store's own words. Empty without an agent or where the sum cannot be
    financed."""
    down = price_cents * DOWN_PAYMENT_PERCENT // 100 // 100_00 * 100_00
    if not agent.strip():
        return ""
    try:
        plan = simulate(price_cents, down, MONTHS, monthly_percent, fees_cents, today())
    except NotFinanceable:
        return ""
    until = today() + timedelta(days=VALID_DAYS)
    return (
        f"Exemplo de financiamento: preço à vista {_reais(price_cents)}. "
        f"Entrada de {_reais(down)} e {plan.months} parcelas mensais de "
        f"{_reais(plan.installment_cents)}. Total a prazo {_reais(plan.total_cents)}. "
        f"Juros de {_percent(plan.monthly_rate)} a.m. ({_percent(plan.annual_rate)} a.a.), "
        f"CET de {_percent(plan.cet_annual)} a.a., com IOF de {_reais(plan.iof_cents)} e tarifas "
        f"de {_reais(plan.fees_cents)} incluídos. Agente financeiro: {agent.strip()}. Sujeito a "
        f"análise de crédito. Válido até {until:%d/%m/%Y}."
    )


def _reais(cents: int) -> str:
    return format_brl(cents, with_cents=True).replace("\u00a0", " ")


def _percent(rate: Decimal) -> str:
    return f"{rate:.2f}%".replace(".", ",")
