"""Which filters have an address of their own, and which filter an address means.

Only lists that people search for have one: a make, a model, its year or city, a city, a body, a few
fuels, gearboxes and price bands. The set is closed: what else a filter says stands in the query
string, so that the number of addresses grows with the catalogue and never with its combinations.
A make's slug wins over a list of the same name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final

from inventory import search, vocabulary
from inventory.catalogue import name_of_make, name_of_model
from inventory.filters import canonical
from inventory.search.offer_filter import DEFAULT_SORT, FACETS, FIELD_OF_FACET, OfferFilter

STOCK: Final = "/estoque"
IN_CITY: Final = "em-"
# Round sums that buyers type; in thousands of reais.
PRICE_BANDS_THOUSAND: Final = (30, 40, 50, 60, 70, 80, 90, 100, 120, 150, 200)
_THOUSAND_REAIS_CENTS: Final = 1000_00
_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")

# The lists that need no catalogue, by the last part of their address.
FACET_LISTS: Final[Mapping[str, OfferFilter]] = {
    **{
        vocabulary.public_value("body", code): OfferFilter(bodies=(code,))
        for code in vocabulary.codes("body")
    },
    "hibridos": OfferFilter(fuels=("hybrid", "hybrid_flex", "mild_hybrid", "plugin_hybrid")),
    "eletricos": OfferFilter(fuels=("electric",)),
    "diesel": OfferFilter(fuels=("diesel",)),
    "gnv": OfferFilter(fuels=("cng", "cng_flex")),
    "automaticos": OfferFilter(transmissions=("automatic", "cvt")),
    "zero-km": OfferFilter(conditions=("new",)),
    **{
        f"ate-{band}-mil": OfferFilter(price_max_cents=band * _THOUSAND_REAIS_CENTS)
        for band in PRICE_BANDS_THOUSAND
    },
}
_IN_ADDRESSES: Final = frozenset({"makes", "models", "cities", "year_min", "year_max"})
_IN_QUERIES_ONLY: Final = tuple(
    one.name
    for one in fields(OfferFilter)
    if one.name not in _IN_ADDRESSES and one.name not in {"sort", "page"}
)
_NOTHING: Final = (None, (), "")
_SLUG_OF: Final = {wanted: slug for slug, wanted in FACET_LISTS.items()}


def list_path(wanted: OfferFilter) -> str:
    """The address of its own that `wanted` (canonical) has; else empty. Sort and page aside; the
    whole stock has none but `/estoque`."""
    makes, models = wanted.makes, wanted.models
    if not makes:  # no list of a facet has one
        slug = _SLUG_OF.get(replace(wanted, sort=DEFAULT_SORT, page=1))
        if slug is not None:
            return "" if _is_make(slug) else f"{STOCK}/{slug}"
    if len(wanted.cities) > 1 or len(makes) > 1 or len(models) > 1:
        return ""
    if any(getattr(wanted, name) not in _NOTHING for name in _IN_QUERIES_ONLY):
        return ""
    narrow = _narrow(wanted)
    if narrow is None or (narrow and not models and (makes or not wanted.cities)):
        return ""
    parts = [*(models[0].split("/") if models else makes), *narrow]
    is_whole = not models or len(parts) == 2 + len(narrow)
    if not parts or not is_whole or not all(_SLUG.fullmatch(part) for part in parts):
        return ""
    return "/".join((STOCK, *parts))


def _narrow(wanted: OfferFilter) -> tuple[str, ...] | None:
    """The part of an address for a year or a city; None for both, or for a range of years."""
    if wanted.year_min != wanted.year_max:
        return None
    year = (str(wanted.year_min),) if wanted.year_min is not None else ()
    city = tuple(IN_CITY + slug for slug in wanted.cities)
    return None if year and city else (year or city)


def filter_at(parts: Sequence[str]) -> OfferFilter | None:
    """The filter that the parts of an address after `/estoque` mean, canonical; None when one of
    them is no make, model, year, city or list. Where `list_path` of it is another address, that
    is the right one."""
    left = list(parts)
    wanted = OfferFilter()
    if left and (_is_make(left[0]) or name_of_make(left[0]) is not None):
        make = left.pop(0)
        wanted = OfferFilter(makes=(make,))
        model = f"{make}/{left[0]}" if left else ""
        if left and (search.is_known("model", model) or name_of_model(make, left[0]) is not None):
            wanted = OfferFilter(makes=(make,), models=(model,))
            left.pop(0)
    for part in left:
        narrower = _facet_of(part)
        if narrower is None:
            return None
        wanted = _both(wanted, narrower)
    return canonical(wanted)


def both(asked: OfferFilter, path_says: OfferFilter) -> OfferFilter:
    """What a query string asks for within the list of a path: where both say something of the
    same, the path is right."""
    plain = OfferFilter()
    said = {
        name: value
        for name, value in vars(path_says).items()
        if value != getattr(plain, name) and name not in {"sort", "page"}
    }
    return canonical(replace(asked, **said))


def _facet_of(part: str) -> OfferFilter | None:
    if part in FACET_LISTS:
        return FACET_LISTS[part]
    if _YEAR.fullmatch(part):
        return OfferFilter(year_min=int(part), year_max=int(part))
    city = part.removeprefix(IN_CITY)
    if city != part and search.is_known("city", city):
        return OfferFilter(cities=(city,))
    return None


def _both(one: OfferFilter, other: OfferFilter) -> OfferFilter:
    """Two filters in one: choices side by side, the later bound where both have one."""
    choices: dict[str, Any] = {
        FIELD_OF_FACET[facet]: one.chosen(facet) + other.chosen(facet) for facet in FACETS
    }
    return replace(
        one,
        **choices,
        year_min=one.year_min if other.year_min is None else other.year_min,
        year_max=one.year_max if other.year_max is None else other.year_max,
        price_max_cents=(
            one.price_max_cents if other.price_max_cents is None else other.price_max_cents
        ),
    )


def _is_make(slug: str) -> bool:
    return search.is_known("make", slug)
