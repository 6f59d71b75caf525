"""How an advertisement is read: the usual ways to write sums, instalments and rates."""

import re
import unicodedata
from functools import cached_property
from typing import Final

from core.money import NotMoney, parse_brl
from core.text import clean_line
from inventory.advertising.findings import AdvertisedOffer

_EXCERPT: Final = 80

AMOUNT: Final = r"(\d{1,3}(?:\.\d{3})+(?:,\d{2})?|\d{1,9}(?:,\d{1,2})?)(\s*mil\b)?"
MONEY: Final = re.compile(r"r\$\s*" + AMOUNT)
PER_INSTALMENT: Final = r"(?:(?:parcelas?|prestacoes|prestacao|vezes|mensalidades?|x)\b)"
FIXED: Final = r"(?:\s*(?:fixas?|iguais|mensais|e|sem juros|,))*"
INSTALMENTS: Final = re.compile(
    r"\b(\d{1,3})\s*" + PER_INSTALMENT + FIXED + r"\s*(?:de|por|a)?\s*(?:apenas\s*|so\s*)?"
    r"(?:r\$\s*" + AMOUNT + r"|(\d{1,3}(?:\.\d{3})*,\d{2}))"
)
INSTALMENT_VALUE: Final = re.compile(
    r"\b(?:parcelas?|prestac(?:ao|oes)|mensalidades?)"
    + FIXED
    + r"\s*(?:de|por|a partir de|desde|a|:)?\s*(?:apenas\s*|so\s*)?r\$\s*\d"
    r"|r\$\s*[\d.,]+\s*(?:/\s*mes|por mes|ao mes|mensais|mensal)"
)
COUNT_ONLY: Final = re.compile(
    r"\b(?:em|ate)\s+(?:ate\s+)?\d{1,3}\s*(?:x|vezes|parcelas|prestacoes|meses)\b"
)
RATE: Final = r"(?<![\d.,])\d{1,3}(?:[.,]\d{1,4})?\s*%\s*"
MONTHLY_RATE: Final = re.compile(RATE + r"(?:a\.?\s*m\b|ao mes|por mes|mensa)")
ANNUAL_RATE: Final = re.compile(RATE + r"(?:a\.?\s*a\b|ao ano|por ano|anua)")
CET: Final = re.compile(r"\b(?:cet|custo efetivo total)\b[^%]{0,40}?\d+(?:[.,]\d+)?\s*%")
ZERO_INTEREST: Final = re.compile(
    r"\b(?:taxa|juros?)\s*(?:de\s*)?(?:zero|0(?:[.,]0+)?\s*%?)(?![\d,.])|\bsem (?:nenhum )?juros?\b"
    r"|\b0(?:[.,]0+)?\s*%\s*(?:de\s*)?(?:juros?|taxa|a\.?\s*m\b|ao mes)|\bzero (?:de )?juros?\b"
)
DOWN_PAYMENT: Final = re.compile(r"\bentrada\s*(?:de|:|\+)?\s*r\$\s*" + AMOUNT)
TOTAL: Final = re.compile(
    r"\b(?:(?:preco|valor)\s+total|total\s+(?:a prazo|financiado|parcelado|com (?:o )?"
    r"financiamento|do financiamento|a pagar|final|geral|com juros)|totalizando|total(?:\s+de|:)?"
    r"(?=\s*r\$))[^r\d]{0,40}(?:r\$\s*" + AMOUNT + r")"
)
PERIOD: Final = re.compile(
    r"mensa(?:l|is)\b|/\s*mes|(?:por|ao|todo) mes|quinzena|semana|semestra|anuais|meses\b"
)
AGENT: Final = re.compile(
    r"\bagente financ|\bbanco\s+\w|\bfinanceira\s+\w|\binstituicao financeira:?\s*\w"
    r"|\bfinanciad[oa]\s+(?:por|pel[oa])\b|\bcredito d[oa]\s+\w|\bcooperativa\s+\w"
    r"|\b(?:santander|itau|bradesco|caixa economica|sicredi|sicoob|banrisul|safra|omni|votorantim"
    r"|banco bv|daycoval|rci|c6)\b"
)
CASH: Final = re.compile(r"\ba\s+vista\b")
VALIDITY: Final = re.compile(
    r"\bvalid[oa]s?\b|\bvalidade\b|\bate\s+(?:o dia\s+)?\d{1,2}(?:/|\s+de\s+)|\bvigencia\b"
)
# Credit terms of something else than the car.
OTHER_CREDIT: Final = re.compile(
    r"\b(?:ipva|seguro|multas?|licenciamento|revisao|revisoes|documentacao|transferencia|cartao)\b"
)


class Advertisement:
    """A text with what the rules ask of it: without accents, in lower case, with its line ends."""

    def __init__(self, text: str, offer: AdvertisedOffer | None) -> None:
        self.text, self.offer = text, offer
        composed = unicodedata.normalize("NFKD", text.replace("\u00a0", " "))
        kept = (one for one in composed if not unicodedata.combining(one))
        self.plain = "".join(kept).replace("\u200b", "").lower()

    def excerpt(self, found: re.Match[str] | None) -> str:
        """The words meant, as they read without accents."""
        return clean_line(found.group(0), _EXCERPT) if found else ""

    def has(self, pattern: re.Pattern[str]) -> bool:
        return pattern.search(self.plain) is not None

    @cached_property
    def instalments(self) -> list[re.Match[str]]:
        """Every "48x de R$ 1.499" that is about the car."""
        return [one for one in INSTALMENTS.finditer(self.plain) if not self.is_other(one)]

    @cached_property
    def credit(self) -> re.Match[str] | None:
        """What makes this an offer of credit: an instalment, a rate, a down payment with a value.
        "Financiamos" alone promises nothing (CDC 30)."""
        patterns = (
            INSTALMENT_VALUE, DOWN_PAYMENT, MONTHLY_RATE, ANNUAL_RATE, ZERO_INTEREST,
            COUNT_ONLY,
        )  # fmt: skip
        if self.instalments:
            return self.instalments[0]
        found = (one for pattern in patterns for one in pattern.finditer(self.plain))
        return next((one for one in found if not self.is_other(one)), None)

    def is_other(self, found: re.Match[str]) -> bool:
        """Whether the sentence up to there speaks of a tax or an insurance."""
        before = re.split(r"[.;!\n](?!\d)", self.plain[: found.start()])[-1]
        after = re.split(r"[.;!,\n](?!\d)", self.plain[found.end() : found.end() + 40])[0]
        return bool(OTHER_CREDIT.search(before[-60:]) or OTHER_CREDIT.search(after))


def cents_of(amount: str | None, thousands: str | None = None) -> int:
    try:
        return parse_brl(amount or "") * (1000 if thousands else 1)
    except NotMoney:
        return 0
