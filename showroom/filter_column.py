"""The filter column of a list: choices with live counts, ranges with number fields.

A column has a hundred choices and more, and of each only the count is new: their markup is made
once by the macros and split where the count stands.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import current_app, g
from flask_babel import gettext as _
from markupsafe import Markup

from core.money import format_brl
from core.text import format_km
from inventory import filters
from inventory.search import FacetCount, OfferFilter, SearchResult
from inventory.search.labels import locale_name
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
    labels = facet_labels()
    parts: list[bytes] = []
    for name in _ORDER:
        if name in _RANGES:
            parts.append(_range(macros, name, result.applied))
        elif choices := result.facets.get(name):
            parts += _facet(macros, name, labels[name], choices, result.applied)
    return fragments.Ready(b"".join(parts))


# ---- choices ----


def _facet(
    macros: Any, name: str, label: str, choices: Sequence[FacetCount], applied: OfferFilter
) -> list[bytes]:
    """One group: how many choices stand before "show all" never hides just one or two."""
    rows = _choices(macros, name, choices, applied)
    if not rows:
        return []
    field = filters.PARAMETERS[name]
    is_open = name in OPEN_FACETS or bool(applied.chosen(name))
    if len(rows) <= OPTIONS_SHOWN + 2:
        before, after = _split(macros.facet_group, field, label, is_open, SLOT)
        return [before, *rows, after]
    before, number, rest, after = _split(
        macros.facet_group, field, label, is_open, SLOT, SLOT, SLOT
    )
    total = str(len(rows)).encode()
    return [before, *rows[:OPTIONS_SHOWN], number, total, rest, *rows[OPTIONS_SHOWN:], after]


def _choices(
    macros: Any, name: str, choices: Sequence[FacetCount], applied: OfferFilter
) -> list[bytes]:
    # With one make chosen its models are called without it (`filters.public_value`).
    make = applied.makes[0] if name == "model" and len(applied.makes) == 1 else ""
    ready = _ready("choices", name, make)
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


def _ready(*key: str) -> dict[str, Any]:
    """Where pieces of these choices are kept: as many as the stock has values, per language."""
    if "ready_choices" not in g:
        kept: dict[str, dict[Any, Any]] = current_app.extensions.setdefault("vitrine_choices", {})
        g.ready_choices = kept.setdefault(locale_name(), {})
    found: dict[str, Any] = g.ready_choices.setdefault(key, {})
    return found


def _split(macro: Callable[..., Markup], *arguments: Any) -> list[bytes]:
    """What `macro` makes of `arguments`, split where they say SLOT."""
    ready = _ready("groups", macro.name)  # type: ignore[attr-defined]
    found: list[bytes] | None = ready.get(arguments)  # type: ignore[call-overload]
    if found is None:
        html = macro(*arguments)
        found = ready[arguments] = html.encode().split(b"\0")  # type: ignore[index]
    return found


def facet_labels() -> dict[str, str]:
    """How each facet's group is called."""
    ready = _ready("labels")
    if not ready:
        ready.update(
            make=_("Make"),
            model=_("Model"),
            condition=_("Condition"),
            body=_("Body type"),
            transmission=_("Gearbox"),
            fuel=_("Fuel"),
            color=_("Colour"),
            feature=_("Equipment"),
            store=_("Store"),
            city=_("City"),
        )
    return ready


# ---- ranges ----


def _range(macros: Any, name: str, applied: OfferFilter) -> bytes:
    group = _RANGE_VALUES[name](applied)
    if any(group):
        return bytes(macros.range_group(_range_group(name, group)).encode())
    ready = _ready("ranges")
    if name not in ready:
        ready[name] = macros.range_group(_range_group(name, group)).encode()
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
