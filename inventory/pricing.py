"""Rules about changing prices, for one car and for many.

DomainError
└── PriceRuleRefused    a rule that makes no price, with the reason
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from flask_babel import gettext as _

from core.errors import DomainError

# A typed digit too many or too few: beyond this share of the old price a person is asked twice.
ASK_TWICE_ABOVE: Final = Decimal("0.15")
MOST_PERCENT: Final = Decimal(90)
ROUNDINGS: Final = ("", "100", "990")  # none; whole hundreds; the thousand's last 990 reais
_HUNDRED: Final = 100_00  # cents
_THOUSAND: Final = 1_000_00
_LAST_990: Final = 990_00


class PriceRuleRefused(DomainError):
    """A rule that makes no price."""


def is_big_change(old_cents: int | None, new_cents: int | None) -> bool:
    """Whether somebody should look twice before `old_cents` becomes `new_cents`."""
    if not old_cents or not new_cents:
        return False
    return abs(new_cents - old_cents) > old_cents * ASK_TWICE_ABOVE


@dataclass(frozen=True)
class PriceRule:
    """Prices by a rule: an amount in cents or a percentage on top (negative: off), then rounded
    to the nearest R$ 100 or the nearest price that ends in 990, never below `floor_cents`."""

    amount_cents: int = 0
    percent: Decimal = Decimal(0)
    rounding: str = ""
    floor_cents: int = 0

    def __post_init__(self) -> None:
        if self.rounding not in ROUNDINGS:
            raise PriceRuleRefused(_("This way of rounding is unknown."))
        if abs(self.percent) > MOST_PERCENT:
            raise PriceRuleRefused(_("A percentage goes up to %(n)s.", n=MOST_PERCENT))
        if not self.amount_cents and not self.percent and not self.rounding:
            raise PriceRuleRefused(_("Say by how much the prices change."))

    def new_price(self, old_cents: int) -> int:
        """What `old_cents` becomes. Raises PriceRuleRefused when nothing above zero is left or the
        floor would raise a price that the rule lowers."""
        share = (old_cents * self.percent / 100).quantize(Decimal(1), ROUND_HALF_UP)
        price = _rounded(old_cents + self.amount_cents + int(share), self.rounding)
        if price < self.floor_cents:
            if self.floor_cents > old_cents:
                raise PriceRuleRefused(_("The price is below the floor already."))
            price = self.floor_cents
        if price <= 0:
            raise PriceRuleRefused(_("Nothing would be left of the price."))
        return price

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the table of bulk changes."""
        return {
            "amount_cents": self.amount_cents,
            "percent": str(self.percent),
            "rounding": self.rounding,
            "floor_cents": self.floor_cents,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "PriceRule":
        """The rule that `as_json` wrote."""
        return cls(**{**values, "percent": Decimal(values["percent"])})


def _rounded(cents: int, rounding: str) -> int:
    if rounding == "100":
        return _nearest(cents, _HUNDRED, 0)
    if rounding == "990":
        return _nearest(cents, _THOUSAND, _LAST_990)
    return cents


def _nearest(cents: int, step: int, offset: int) -> int:
    return (cents - offset + step // 2) // step * step + offset
