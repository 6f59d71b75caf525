"""The filter column of a list: choices with live counts, ranges with number fields.

A column has a hundred choices and more, and of each only the count is new: their markup is made
once by the macros and split where the count stands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import current_app
from flask_babel import gettext as _
from markupsafe import Markup

from core.language import locale_name
from core.money import format_brl
from core.text import format_km
from inventory import filters, search
from inventory.search import FacetCount, OfferFilter, SearchResult
from showroom import fragments

OPTIONS_SHOWN: Final = 8
# Facets whose group stands open before anything is chosen.
OPEN_FACETS: Final = frozenset({"make", "price", "body", "transmission"})
_ORDER: Final = (
    "make", "model", "price", "year", "mileage",
    "body", "transmission", "fuel", "condition", "color", "feature", "city", "store",
)  # fmt: skip
_RANGES: Final = frozenset({"price", "year", "mileage"})
SLOT: Final = Markup("\0")  # where a number or a list goes in


@dataclass(frozen=True)
class RangeField:
    name: str
    label: str
    value: str
    placeholder: str


@dataclass(frozen=True)
class RangeGroup:
    """A range with one or two number fields."""

    name: str
    label: str
    fields: tuple[RangeField, ...]
    is_open: bool


def filter_column(result: SearchResult) -> fragments.Ready:
    """The groups of `result`, those without any choice left out."""
    macros = current_app.jinja_env.get_template("macros/filters.html").module
    column = _Column(macros, result.applied, _ready())
    labels = facet_labels()
    parts: list[bytes] = []
    for name in _ORDER:
        if name in _RANGES:
            parts.append(_range(column, name))
        elif choices := result.facets.get(name):
            parts += _facet(column, name, labels[name], choices)
    return fragments.Ready(b"".join(parts))


@dataclass(frozen=True)
class _Column:
    """A column that is being drawn for the filter `applied`: its macros, and what they made."""

    macros: Any
    applied: OfferFilter
    ready: dict[Any, dict[Any, Any]]

    def kept(self, *key: str) -> dict[Any, Any]:
        """Where pieces of one kind are kept."""
        found = self.ready.get(key)
        return self.ready.setdefault(key, {}) if found is None else found


def _ready() -> dict[Any, dict[Any, Any]]:
    """All that is kept in the reader's language: as many pieces as the stock has values."""
    kept: dict[str, dict[Any, Any]] = current_app.extensions.setdefault("vitrine_choices", {})
    return kept.setdefault(locale_name(), {})


# ---- choices ----


def _facet(column: _Column, name: str, label: str, choices: Sequence[FacetCount]) -> list[bytes]:
    """One group: how many choices stand before "show all" never hides just one or two."""
    rows = _choices(column, name, choices)
    if not rows:
        return []
    field = filters.PARAMETERS[name]
    is_open = name in OPEN_FACETS or bool(column.applied.chosen(name))
    if len(rows) <= OPTIONS_SHOWN + 2:
        before, after = _group(column, field, label, is_open, SLOT)
        return [before, *rows, after]
    before, number, rest, after = _group(column, field, label, is_open, SLOT, SLOT, SLOT)
    total = str(len(rows)).encode()
    return [before, *rows[:OPTIONS_SHOWN], number, total, rest, *rows[OPTIONS_SHOWN:], after]


def _choices(column: _Column, name: str, choices: Sequence[FacetCount]) -> list[bytes]:
    macros, applied = column.macros, column.applied
    # With one make chosen its models are called without it (`filters.public_value`).
    is_one_makes = name == "model" and len(applied.makes) == 1
    make = applied.makes[0] if is_one_makes and search.is_known("make", applied.makes[0]) else ""
    ready = column.kept("choices", name, make)
    field = filters.PARAMETERS[name]
    rows = []
    for value, label, count, is_chosen in choices:
        if is_chosen:  # those come from addresses and may be anything
            public = filters.public_value(name, value, applied)
            rows.append(macros.choice(field, public, label, True, count).encode())
            continue
        if not count:
            continue
        known = ready.get(value)
        if known is None or known[0] != label:
            public = filters.public_value(name, value, applied)
            html = macros.choice(field, public, label, False, SLOT)
            ready[value] = known = (label, *html.encode().split(b"\0"))
        rows.append(b"%b%d%b" % (known[1], count, known[2]))
    return rows


def _group(column: _Column, *arguments: Any) -> list[bytes]:
    """What the macro of a group makes of `arguments`, split where they say SLOT."""
    ready = column.kept("groups")
    found: list[bytes] | None = ready.get(arguments)
    if found is None:
        html = column.macros.facet_group(*arguments)
        found = ready[arguments] = html.encode().split(b"\0")
    return found


def facet_labels() -> dict[str, str]:
    """How each facet's group is called."""
    kept = _ready()
    if "labels" not in kept:
        kept["labels"] = {
            "make": _("Make"),
            "model": _("Model"),
            "condition": _("Condition"),
            "body": _("Body type"),
            "transmission": _("Gearbox"),
            "fuel": _("Fuel"),
            "color": _("Colour"),
            "feature": _("Equipment"),
            "store": _("Store"),
            "city": _("City"),
        }
    return kept["labels"]


# ---- ranges ----


def _range(column: _Column, name: str) -> bytes:
    group = _RANGE_VALUES[name](column.applied)
    if any(group):
        return bytes(column.macros.range_group(_range_group(name, group)).encode())
    ready = column.kept("ranges")
    if name not in ready:
        ready[name] = column.macros.range_group(_range_group(name, group)).encode()
    html: bytes = ready[name]
    return html


_RANGE_VALUES: Final[dict[str, Callable[[OfferFilter], tuple[str, ...]]]] = {
    "price": lambda one: (_money(one.price_min_cents), _money(one.price_max_cents)),
    "year": lambda one: (str(one.year_min or ""), str(one.year_max or "")),
    "mileage": lambda one: (
        "" if one.mileage_max_km is None else format_km(one.mileage_max_km).partition("\xa0")[0],
    ),
}


def _range_group(name: str, values: tuple[str, ...]) -> RangeGroup:
    fields: tuple[RangeField, ...]
    if name == "price":
        fields = (
            RangeField("preco_min", _("From"), values[0], "30.000"),
            RangeField("preco_max", _("Up to"), values[1], "120.000"),
        )
        label = _("Price (R$)")
    elif name == "year":
        fields = (
            RangeField("ano_min", _("From"), values[0], "2018"),
            RangeField("ano_max", _("Up to"), values[1], "2026"),
        )
        label = _("Model year")
    else:
        fields = (RangeField("km_max", _("Up to"), values[0], "60.000"),)
        label = _("Mileage (km)")
    return RangeGroup(name, label, fields, name in OPEN_FACETS or any(values))


def _money(cents: int | None) -> str:
    return "" if cents is None else format_brl(cents).removeprefix("R$\xa0")
