"""Money: whole cents inside, Brazilian reais on screen.

DomainError
└── NotMoney    text that is no price
"""

import re
from typing import Final

from flask_babel import gettext as _

from core.errors import DomainError
from core.text import NotANumber, clean_line, group_thousands, parse_decimal

NBSP: Final = "\u00a0"
_SIGN: Final = re.compile(r"(?:R\$|BRL)\s*", re.IGNORECASE)


class NotMoney(DomainError, ValueError):
    """Text that is no price, or could be two different ones."""


def parse_brl(text: str) -> int:
    """Cents of a price typed in Brazilian or plain notation: 'R$ 89.900,00', '89900.00', '89900'.

    '1.234' is a thousand and more, '12.34' and '12,34' are reais and cents, '1,234' alone is
    refused as ambiguous: the rules are those of `core.text.parse_decimal`. Raises `NotMoney`, also
    for negative amounts.
    """
    amount = text.strip()
    try:
        reais = parse_decimal(_SIGN.sub("", amount, count=1) if _SIGN.match(amount) else amount)
    except NotANumber:
        message = _(
            "This is not a price: %(text)s. Write it like 89.900 or 89.900,00.",
            text=clean_line(text, 40),
        )
        raise NotMoney(message) from None
    return int(reais * 100)


def format_brl(cents: int, with_cents: bool | None = None) -> str:
    """'R$ 69.900' with a no-break space after the sign. The cents show when there are any;
    `with_cents=True` always shows them, `False` rounds half up to whole reais."""
    sign = "-" if cents < 0 else ""
    reais, rest = divmod(abs(cents), 100)
    if with_cents is False:
        reais, rest = reais + (rest >= 50), 0
    decimals = f",{rest:02d}" if with_cents or rest else ""
    return f"{sign}R${NBSP}{group_thousands(reais)}{decimals}"
