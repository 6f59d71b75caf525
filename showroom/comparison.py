"""Two to four offers side by side: rows of facts, marked where they differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flask_babel import gettext as _

from core.money import format_brl
from core.text import format_km
from inventory.offers import Offer
from inventory.vocabulary import codes, label

MOST_OFFERS: Final = 4


@dataclass(frozen=True)
class Row:
    """One fact of each offer, in order. None means "not informed", which is never "no"."""

    label: str
    values: tuple[str | None, ...]
    is_price: bool = False

    @property
    def differs(self) -> bool:
        """Whether two offers are known to differ here; an unknown fact proves nothing."""
        return len({value for value in self.values if value is not None}) > 1


def compare(offers: Sequence[Offer]) -> list[Row]:
    """The rows of a comparison of `offers`, without those that say nothing about any of them."""
    rows = [Row(_("Cash price"), tuple(format_brl(o.price_cents) for o in offers), is_price=True)]
    rows += [Row(text, tuple(read(offer) for offer in offers)) for text, read in _facts()]
    rows += _feature_rows(offers)
    return [row for row in rows if any(value is not None for value in row.values)]


def _facts() -> list[tuple[str, Callable[[Offer], str | None]]]:
    return [
        (_("Year"), lambda o: o.years),
        (_("Mileage"), lambda o: format_km(o.mileage_km) if o.mileage_km is not None else None),
        (_("Condition"), lambda o: str(label("condition", o.condition))),
        (_("Against FIPE"), _fipe),
        (_("Gearbox"), _coded("transmission")),
        (_("Fuel"), _coded("fuel")),
        (_("Engine"), lambda o: o.engine or None),
        (_("Power"), lambda o: _("%(n)s hp", n=o.power_hp) if o.power_hp else None),
        (_("Body"), _coded("body")),
        (_("Doors"), lambda o: str(o.doors) if o.doors else None),
        (_("Colour"), _coded("color")),
        (_("Store"), _store),
        *((str(label("history", code)), _history(code)) for code in codes("history")),
    ]


def _store(offer: Offer) -> str:
    name, city = offer.store.name, offer.store.city
    return name if city in name else f"{name}, {city}"


def _coded(kind: str) -> Callable[[Offer], str | None]:
    def read(offer: Offer) -> str | None:
        code = getattr(offer, kind)
        return str(label(kind, code)) if code else None

    return read


def _history(code: str) -> Callable[[Offer], str | None]:
    def read(offer: Offer) -> str | None:
        known = offer.history.get(code)
        return None if known is None else (_("yes") if known else _("no"))

    return read


def _fipe(offer: Offer) -> str | None:
    percent = offer.fipe_difference_percent
    if percent is None:
        return None
    return f"{percent:+d}%".replace("-", "−")


def _feature_rows(offers: Sequence[Offer]) -> list[Row]:
    """One row per option that any of them lists. A list without it does not say "no"."""
    named = list(dict.fromkeys(code for offer in offers for code in offer.features))
    return [
        Row(
            str(label("feature", code)),
            tuple(_("yes") if code in offer.features else None for offer in offers),
        )
        for code in named
    ]
