"""Prices in an advertisement: one, in reais, provable."""

import re
from collections.abc import Iterator
from typing import Final

from flask_babel import gettext as _

from core.money import format_brl
from inventory.advertising.findings import CODE, DECREE, PRICE_LAW, Finding, Severity
from inventory.advertising.reading import MONEY, Advertisement, cents_of

_FOREIGN: Final = re.compile(
    r"(?:us\$|u\$s?|€|£|\busd|\beur)\s*\d[\d.,]*|\b\d[\d.,]*\s*(?:mil\s+)?(?:dolares|euros|libras|"
    r"usd|bitcoins?|btc)\b"
)
# What a sum in reais is, when it is not the car's price.
_OTHER_SUM: Final = re.compile(
    r"(?:\bx|vezes|parcelas?|prestac\w+|mensalidades?|entrada|sinal|total|totalizando|fipe|tabela|"
    r"economi\w+|desconto|bonus|abaixo|acima|troca|seguro|ipva|franquia|revis\w+|blindagem|nota|"
    r"frete|taxas?|tarifas?|iof|cet|financiad\w+|saldo|juros|custo|pneus|multas?|acessorios|gasto|"
    r"investid\w+|baixou|menos|reserva|mais|multimidia|kit)\b[^.;!\n\d]{0,40}$"
)
_AFTER_OTHER: Final = re.compile(
    r"^\s*(?:de\s+)?(?:entrada|desconto|bonus|abaixo|acima|na troca|mensais|por mes|/\s*mes|ao mes|"
    r"em\s+(?:acessorios|revis|multas|pneus)|de\s+(?:economia|sinal))"
)
_CASH_BEFORE: Final = re.compile(
    r"(?:\bpor|preco|valor|a vista|apenas|somente|\bso|oferta|promocao|vendo|saindo)"
    r"(?:\s+(?:apenas|somente|so|de|a vista|e|hoje))*\s*:?\s*$"
)
_FORMER_BEFORE: Final = re.compile(r"\b(?:de|era|antes|custava)\s*:?\s*$")
_CASH_AFTER: Final = re.compile(r"^\s*,?\s*(?:a\s+vista|no\s+pix|em\s+dinheiro)")
_FROM_BEFORE: Final = re.compile(r"\ba\s+partir\s+de\s*$")


def price_is_one(ad: Advertisement) -> Iterator[Finding]:
    """Lei 10.962 art. 5: of two prices the lower one holds. CDC 37: a former price is provable."""
    price = ad.offer.price_cents if ad.offer else None
    for found in MONEY.finditer(ad.plain):
        value = cents_of(found[1], found[2])
        before, after = (
            ad.plain[max(0, found.start() - 60) : found.start()],
            ad.plain[found.end() :],
        )
        if _OTHER_SUM.search(before) or _AFTER_OTHER.search(after) or not value:
            continue
        if price and _FROM_BEFORE.search(before):
            yield Finding(
                "from_price", Severity.UNLAWFUL, f"{DECREE}, art. 2; {CODE}, art. 31",
                _("One car has one price, not a price “from”."),
                _("Write the cash price: %(price)s.", price=format_brl(price)),
                ad.excerpt(found),
            )  # fmt: skip
        elif price and value != price:
            yield from _other_price(ad, found, value, before, after)


def _other_price(
    ad: Advertisement, found: re.Match[str], value: int, before: str, after: str
) -> Iterator[Finding]:
    assert ad.offer is not None
    assert ad.offer.price_cents
    price, former = ad.offer.price_cents, ad.offer.former_price_cents
    is_former = _FORMER_BEFORE.search(before) and re.match(r"[^\d\n]{0,25}\bpor\b", after)
    if is_former or (_FORMER_BEFORE.search(before) and value > price):
        if value != former:
            yield Finding(
                "former_price", Severity.UNLAWFUL, f"{CODE}, arts. 36 e 37",
                _("The former price in the text is not one that this page can prove."),
                _("Use the promotional price: the page shows the former price by itself."),
                ad.excerpt(found),
            )  # fmt: skip
        return
    if value == former:
        return
    is_cash = bool(_CASH_BEFORE.search(before) or _CASH_AFTER.search(after))
    if is_cash or price * 0.5 <= value <= price * 1.5:
        yield Finding(
            "price_differs",
            Severity.UNLAWFUL if is_cash else Severity.WARNING,
            f"{PRICE_LAW}, art. 5; {CODE}, art. 30",
            _("The text says %(one)s, the offer %(other)s: the lower one binds you.",
              one=format_brl(value), other=format_brl(price)),
            _("Take the price out of the text: the page shows it, always the current one."),
            ad.excerpt(found),
        )  # fmt: skip


def national_currency(ad: Advertisement) -> Iterator[Finding]:
    """Decreto 5.903 art. 9 V: a foreign price never stands without its value in reais."""
    found = _FOREIGN.search(ad.plain)
    if found and not MONEY.search(ad.plain):
        yield Finding(
            "foreign_currency", Severity.UNLAWFUL, f"{DECREE}, art. 9",
            _("A price in foreign money alone is forbidden."),
            _("Write it in reais."),
            ad.excerpt(found),
        )  # fmt: skip
