"""Query string <-> OfferFilter, with the parameters and values of the public address.

Reading never fails: a value nobody knows stays in the filter and finds nothing, so that the page
can say so; a number nobody can read is left out with a notice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Protocol
from urllib.parse import quote_plus

from flask_babel import gettext as _

from core.errors import DomainError
from core.money import parse_brl
from core.text import clean_line, parse_decimal, parse_km
from inventory import vocabulary
from inventory.search.offer_filter import (
    CODED_FACETS,
    DEFAULT_SORT,
    FACETS,
    FIELD_OF_FACET,
    RANGES,
    SORTS,
    OfferFilter,
)

# In the order in which they stand in an address.
PARAMETERS: Final[Mapping[str, str]] = {
    "make": "marca",
    "model": "modelo",
    "condition": "condicao",
    "year_min": "ano_min",
    "year_max": "ano_max",
    "price_min_cents": "preco_min",
    "price_max_cents": "preco_max",
    "mileage_max_km": "km_max",
    "fuel": "combustivel",
    "transmission": "cambio",
    "body": "carroceria",
    "color": "cor",
    "feature": "opcional",
    "store": "loja",
    "city": "cidade",
    "text": "q",
    "sort": "ordem",
    "page": "pagina",
}
SORT_VALUES: Final[Mapping[str, str]] = {
    "relevance": "relevancia",
    "newest": "recentes",
    "price_asc": "menor-preco",
    "price_desc": "maior-preco",
    "mileage": "menor-km",
    "year": "mais-novo",
}
# Each part with its field and what stands there in the filter of the whole stock.
_PLAIN: Final = tuple(
    (part, FIELD_OF_FACET.get(part, part), getattr(OfferFilter(), FIELD_OF_FACET.get(part, part)))
    for part in PARAMETERS
)
_SORT_OF: Final = {value: sort for sort, value in SORT_VALUES.items()}

MOST_CHOICES: Final = 50  # of one facet; an address with more was not made by our pages
LONGEST_VALUE: Final = 80
LONGEST_TEXT: Final = 200
LAST_PAGE: Final = 1_000_000
_MOST: Final = 10**12  # cents, km and years beyond are no bounds of anything


class QueryArguments(Protocol):
    """What a request's arguments (werkzeug's MultiDict) can do."""

    def getlist(self, key: str) -> list[str]: ...


@dataclass(frozen=True)
class ReadFilter:
    """A filter and what of the address could not be read, in sentences for the buyer."""

    filter: OfferFilter
    notices: tuple[str, ...] = ()


def read_filter(arguments: QueryArguments) -> ReadFilter:
    """The filter that a query string asks for. Never raises."""
    notices: list[str] = []
    changes: dict[str, Any] = {}
    for facet in FACETS:
        values = _choices(facet, arguments.getlist(PARAMETERS[facet]))
        if values:
            changes[FIELD_OF_FACET[facet]] = values
    for bound in RANGES:
        number = _bound(bound, arguments.getlist(PARAMETERS[bound]), notices)
        if number is not None:
            changes[bound] = number
    changes["text"] = clean_line(_first(arguments.getlist("q")), LONGEST_TEXT)
    changes["sort"] = _SORT_OF.get(_first(arguments.getlist("ordem")), DEFAULT_SORT)
    changes["page"] = _page(_first(arguments.getlist("pagina")))
    return ReadFilter(canonical(OfferFilter(**changes)), tuple(notices))


@lru_cache(maxsize=1024)  # a page asks twenty times for the same few
def canonical(wanted: OfferFilter) -> OfferFilter:
    """The same filter in its one form: choices sorted without doubles, bounds the right way round,
    models with their make where it is plain."""
    makes = _sorted({*wanted.makes, *(_make_of(model) for model in wanted.models)} - {""})
    models = _sorted(
        f"{makes[0]}/{model}" if len(makes) == 1 and "/" not in model else model
        for model in wanted.models
    )
    changes: dict[str, Any] = {
        FIELD_OF_FACET[facet]: _sorted(wanted.chosen(facet)) for facet in FACETS
    }
    changes |= {"makes": makes, "models": models}
    for low_name, high_name in (("year_min", "year_max"), ("price_min_cents", "price_max_cents")):
        low, high = getattr(wanted, low_name), getattr(wanted, high_name)
        if low is not None and high is not None and low > high:
            changes |= {low_name: high, high_name: low}
    changes["sort"] = wanted.sort if wanted.sort in SORTS else DEFAULT_SORT
    return replace(wanted, **changes)


def to_query(wanted: OfferFilter) -> str:
    """The query string of `wanted`, without the question mark; the same for the same filter.
    Empty for the whole stock."""
    wanted = canonical(wanted)
    return "&".join(
        f"{PARAMETERS[part]}={quote_plus(value, safe='/')}"
        for part, field, plain in _PLAIN
        if getattr(wanted, field) != plain
        for value in public_values(wanted, part)
    )


def public_values(wanted: OfferFilter, part: str) -> tuple[str, ...]:
    """What `wanted` holds in `part` (a key of PARAMETERS), as addresses and form fields say it.
    Empty where it is as everybody's: first page, default order."""
    if part in FIELD_OF_FACET:
        return tuple(public_value(part, value, wanted) for value in wanted.chosen(part))
    value = getattr(wanted, part)
    if part == "sort":
        return () if value == DEFAULT_SORT else (SORT_VALUES[value],)
    if part == "page":
        return () if value <= 1 else (str(value),)
    if value is None or value == "":
        return ()
    if part in {"price_min_cents", "price_max_cents"}:
        reais, cents = divmod(value, 100)
        return (f"{reais}.{cents:02d}" if cents else str(reais),)
    return (str(value),)


def public_value(facet: str, value: str, wanted: OfferFilter | None = None) -> str:
    """A value of a filter as addresses and form fields say it: 'automatic' -> 'automatico'. With
    one make chosen in `wanted`, its models need not repeat it."""
    if facet == "model" and wanted is not None and len(wanted.makes) == 1:
        return value.removeprefix(f"{wanted.makes[0]}/")
    return vocabulary.public_value(facet, value) if facet in CODED_FACETS else value


def with_choice(wanted: OfferFilter, facet: str, value: str) -> OfferFilter:
    """`wanted` with `value` chosen too, from its first page."""
    chosen = (*wanted.chosen(facet), value)
    return canonical(replace(wanted, page=1, **dict[str, Any]({FIELD_OF_FACET[facet]: chosen})))


def without(wanted: OfferFilter, part: str, value: str = "") -> OfferFilter:
    """`wanted` without `value` in `part`, or without all of `part` when no value is given, from
    its first page. A make takes its models along, a range both its bounds."""
    changes: dict[str, Any] = {"page": 1}
    if part in {"year_min", "year_max"}:
        changes |= {"year_min": None, "year_max": None}
    elif part in {"price_min_cents", "price_max_cents"}:
        changes |= {"price_min_cents": None, "price_max_cents": None}
    elif part == "mileage_max_km":
        changes["mileage_max_km"] = None
    elif part == "text":
        changes["text"] = ""
    elif part == "sort":
        changes["sort"] = DEFAULT_SORT
    elif part in FIELD_OF_FACET:
        kept = tuple(one for one in wanted.chosen(part) if value and one != value)
        changes[FIELD_OF_FACET[part]] = kept
        if part == "make":
            changes["models"] = tuple(
                model for model in wanted.models if value and _make_of(model) != value
            )
    return canonical(replace(wanted, **changes))


def toggled(wanted: OfferFilter, facet: str, value: str) -> OfferFilter:
    """`wanted` with the choice of `value` turned over: what a link on a facet value leads to."""
    if value in wanted.chosen(facet):
        return without(wanted, facet, value)
    return with_choice(wanted, facet, value)


def on_page(wanted: OfferFilter, page: int) -> OfferFilter:
    """`wanted` at another page."""
    page = max(1, page)
    return wanted if wanted.page == page else replace(wanted, page=page)


def sorted_by(wanted: OfferFilter, sort: str) -> OfferFilter:
    """`wanted` in another order (one of SORTS), from its first page."""
    return canonical(replace(wanted, sort=sort, page=1))


def _choices(facet: str, raw: Iterable[str]) -> tuple[str, ...]:
    values = []
    for text in list(raw)[:MOST_CHOICES]:
        value = clean_line(text, LONGEST_VALUE).lower()
        if facet in CODED_FACETS:
            value = vocabulary.from_public(facet, value) or value
        elif facet in {"make", "model"}:
            value = _slug(facet, value)
        if value:
            values.append(value)
    return tuple(values)


def _slug(facet: str, value: str) -> str:
    """A make without, a model with at most one slash: more would be read anew differently."""
    parts = [part for part in map(str.strip, value.split("/")) if part]
    if facet == "make":
        return "-".join(parts)
    return "/".join((parts[0], "-".join(parts[1:]))) if len(parts) > 1 else "".join(parts)


def _bound(name: str, raw: Iterable[str], notices: list[str]) -> int | None:
    text = _first(raw)
    if not text:
        return None
    try:
        if name == "mileage_max_km":
            number = parse_km(text)
        elif name.startswith("price"):
            number = parse_brl(text)
        else:
            number = int(parse_decimal(text))
    except DomainError:
        shown = clean_line(text, 40)
        notices.append(
            _("We could not read “%(text)s” as a number, so it was left out.", text=shown)
        )
        return None
    return min(number, _MOST)


def _page(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 1
    return min(max(1, number), LAST_PAGE)


def _first(values: Iterable[str]) -> str:
    return next((value.strip() for value in values if value.strip()), "")


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def _make_of(model: str) -> str:
    return model.partition("/")[0] if "/" in model else ""
