"""What a change of many does to one of them: pure plans, from a rule and the vehicle as it stands.

DomainError
└── BulkRefused    a rule that makes no sense, or what keeps one car out of it, in words
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from flask_babel import gettext as _

from core import clock
from core.errors import DomainError
from inventory.conflicts import value_of
from inventory.editing import photo_address
from inventory.gates import problems_to_publish, unlawful_texts
from inventory.lifecycle import TRANSITIONS
from inventory.models import Vehicle
from inventory.offers import promotion_runs
from inventory.pricing import ASK_TWICE_ABOVE, PriceRule, PriceRuleRefused

KINDS: Final = ("price", "promotion", "highlight", "store", "state")
TARGET_STATES: Final = ("published", "reserved", "sold", "draft", "archived")
# Where a car stands that staff highlight without saying a place: behind those with one.
HIGHLIGHT_PLACE: Final = 1000
_PROMO: Final = ("promo_price_cents", "promo_until")
_DATES: Final = frozenset({"promo_until", "fipe_month"})


class BulkRefused(DomainError):
    """A change of many that cannot be made or undone, or one car that it cannot touch."""


@dataclass(frozen=True)
class BulkRule:
    """One change: `kind` of KINDS and what it needs.

    price: `pricing`. promotion: `pricing` (a percentage off) with `until`, or `is_off` to end it.
    highlight: `is_off` or not. store: `store_id`. state: `to_state`.
    """

    kind: str
    pricing: PriceRule | None = None
    until: date | None = None
    is_off: bool = False
    store_id: int | None = None
    to_state: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BulkRefused(_("Choose what to change."))
        if self.kind == "price" and self.pricing is None:
            raise BulkRefused(_("Say by how much the prices change."))
        if self.kind == "promotion" and not self.is_off:
            self._check_promotion()
        if self.kind == "store" and self.store_id is None:
            raise BulkRefused(_("Choose the store."))
        if self.kind == "state" and self.to_state not in TARGET_STATES:
            raise BulkRefused(_("Choose the new state."))

    def _check_promotion(self) -> None:
        if self.pricing is None or self.pricing.percent >= 0:
            raise BulkRefused(_("Say how many percent off the promotion gives."))
        if self.until is None:
            raise BulkRefused(_("Say the last day of the promotion."))
        if self.until < clock.today():
            raise BulkRefused(_("This day is over. Choose a last day from today on."))

    @property
    def fields(self) -> tuple[str, ...]:
        """Which fields of a vehicle it may change."""
        return {
            "price": ("price_cents",),
            "promotion": _PROMO,
            "highlight": ("highlight_rank",),
            "store": ("store",),
            "state": ("state",),
        }[self.kind]

    def changes(self, vehicle: Vehicle) -> dict[str, Any]:
        """What to revise of `vehicle`; empty when it is so already. Raises BulkRefused."""
        if self.kind in {"price", "promotion"}:
            prices = self._new_price if self.kind == "price" else self._new_promotion
            return _lawful(vehicle, prices(vehicle))
        if self.kind == "highlight":
            return self._new_highlight(vehicle)
        if self.kind == "store":
            return {} if vehicle.store_id == self.store_id else {"store": self.store_id}
        return self._new_state(vehicle)

    def _new_price(self, vehicle: Vehicle) -> dict[str, Any]:
        if not vehicle.price_cents:
            raise BulkRefused(_("It has no price yet."))
        price = self._priced(vehicle.price_cents)
        if promotion_runs(vehicle) and price <= (vehicle.promo_price_cents or 0):
            raise BulkRefused(_("The new price would be below its promotional price."))
        return {} if price == vehicle.price_cents else {"price_cents": price}

    def _new_promotion(self, vehicle: Vehicle) -> dict[str, Any]:
        if self.is_off:
            has_promotion = vehicle.promo_price_cents or vehicle.promo_until
            return {"promo_price_cents": None, "promo_until": None} if has_promotion else {}
        if not vehicle.price_cents:
            raise BulkRefused(_("It has no price yet."))
        promo_cents = self._priced(vehicle.price_cents)
        if promo_cents >= vehicle.price_cents:
            raise BulkRefused(_("Rounded, the promotion would not be cheaper."))
        wanted = {"promo_price_cents": promo_cents, "promo_until": self.until}
        standing = {name: getattr(vehicle, name) for name in _PROMO}
        return {} if wanted == standing else wanted

    def _priced(self, old_cents: int) -> int:
        assert self.pricing is not None
        try:
            return self.pricing.new_price(old_cents)
        except PriceRuleRefused as error:
            raise BulkRefused(str(error)) from None

    def _new_highlight(self, vehicle: Vehicle) -> dict[str, Any]:
        is_on = vehicle.highlight_rank is not None
        if is_on == (not self.is_off):
            return {}
        return {"highlight_rank": None if self.is_off else HIGHLIGHT_PLACE}

    def _new_state(self, vehicle: Vehicle) -> dict[str, Any]:
        if vehicle.state == self.to_state:
            return {}
        if self.to_state not in TRANSITIONS[vehicle.state]:
            raise BulkRefused(_("This step is not possible from where the car stands."))
        gates = problems_to_publish(vehicle) if self.to_state == "published" else ()
        if gates:
            raise BulkRefused(" ".join(gate.words for gate in gates))
        return {"state": self.to_state}

    @property
    def asks_twice(self) -> bool:
        """Whether the rule alone moves every price far."""
        return self.pricing is not None and abs(self.pricing.percent) > ASK_TWICE_ABOVE * 100

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the table of bulk changes."""
        return {
            "kind": self.kind,
            "pricing": self.pricing.as_json() if self.pricing else None,
            "until": self.until.isoformat() if self.until else None,
            "is_off": self.is_off,
            "store_id": self.store_id,
            "to_state": self.to_state,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "BulkRule":
        """The rule that `as_json` wrote: it was right then, so it is not judged again."""
        rule = object.__new__(cls)
        read = {
            **values,
            "pricing": PriceRule.from_json(values["pricing"]) if values["pricing"] else None,
            "until": date.fromisoformat(values["until"]) if values["until"] else None,
        }
        for name, value in read.items():
            object.__setattr__(rule, name, value)
        return rule


def _lawful(vehicle: Vehicle, prices: dict[str, Any]) -> dict[str, Any]:
    """`prices`, if the car's own texts do not contradict them. Raises BulkRefused."""
    problems = unlawful_texts(vehicle, prices) if prices else {}
    if problems:
        raise BulkRefused(" ".join(problems.values()))
    return prices


def standing(vehicle: Vehicle, fields: tuple[str, ...]) -> dict[str, Any]:
    """The plain values of `fields` as they are now."""
    return {name: plain(_value(vehicle, name)) for name in fields}


def plain(value: Any) -> Any:
    """`value` as JSON keeps it."""
    return value.isoformat() if isinstance(value, date) else value


def from_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Changes for `revise_vehicle` from what `standing` wrote down."""
    return {
        name: date.fromisoformat(value) if name in _DATES and value else value
        for name, value in values.items()
    }


def _value(vehicle: Vehicle, name: str) -> Any:
    if name == "photo_addresses":
        return [photo_address(photo) for photo in vehicle.photos]
    return value_of(vehicle, name)
