"""What a buyer may ask of the stock, and what the stock answers.

A filter holds codes of `inventory.vocabulary` and the slugs of makes, models, stores and cities.
Within one facet several choices mean "any of these"; features mean "all of these"; a chosen model
narrows its own make and leaves the other chosen makes whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

# In the order in which pages show them.
FACETS: Final = (
    "make",
    "model",
    "condition",
    "body",
    "transmission",
    "fuel",
    "color",
    "feature",
    "store",
    "city",
)
# The facets whose values are codes of `inventory.vocabulary`, under the same name.
CODED_FACETS: Final = frozenset({"condition", "body", "transmission", "fuel", "color", "feature"})
# Where a filter keeps the choices of each facet.
FIELD_OF_FACET: Final[Mapping[str, str]] = {
    "make": "makes",
    "model": "models",
    "condition": "conditions",
    "body": "bodies",
    "transmission": "transmissions",
    "fuel": "fuels",
    "color": "colors",
    "feature": "features",
    "store": "stores",
    "city": "cities",
}
RANGES: Final = ("year_min", "year_max", "price_min_cents", "price_max_cents", "mileage_max_km")
SORTS: Final = ("relevance", "newest", "price_asc", "price_desc", "mileage", "year")
DEFAULT_SORT: Final = "relevance"
PAGE_SIZE: Final = 24


@dataclass(frozen=True)
class OfferFilter:
    """Which offers, in which order, which page. Empty: all of the stock.

    `models` holds "make/model" slugs, or a bare model slug that means that model of any make.
    Prices in cents, mileage in km; all bounds belong to the range.
    """

    makes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    year_min: int | None = None
    year_max: int | None = None
    price_min_cents: int | None = None
    price_max_cents: int | None = None
    mileage_max_km: int | None = None
    fuels: tuple[str, ...] = ()
    transmissions: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    text: str = ""
    sort: str = DEFAULT_SORT
    page: int = 1

    def chosen(self, facet: str) -> tuple[str, ...]:
        """The choices in `facet` (one of FACETS)."""
        choices: tuple[str, ...] = getattr(self, FIELD_OF_FACET[facet])
        return choices

    @property
    def is_empty(self) -> bool:
        """No constraint at all; sort and page are none."""
        return (
            not self.text
            and not any(self.chosen(facet) for facet in FACETS)
            and all(getattr(self, name) is None for name in RANGES)
        )


class FacetCount(NamedTuple):
    """One value of a facet and how many offers it would show. `value` is what a filter holds."""

    value: str
    label: str
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody calls here
    is_chosen: bool


@dataclass(frozen=True)
class Chip:
    """One constraint in words. `part` is a facet, a range, "text" or "sort"; `value` what the
    filter holds there (`filters.without(filter, chip.part, chip.value)` takes it out). `words` are
    what the buyer typed, when the constraint was read from the text."""

    part: str
    value: str
    label: str
    words: str = ""


@dataclass(frozen=True)
class Relaxation:
    """A filter a little wider than one that found nothing: `count` offers wait there."""

    filter: OfferFilter
    label: str  # "Without Automatic", "Up to R$ 95.000"
    count: int
    part: str


@dataclass(frozen=True)
class SearchResult:
    """One page of vehicle ids and what belongs around it.

    `applied` is the filter as understood: what was read from the text stands in its fields, and its
    `text` holds the words that stayed text. Links and forms of the page build on it.
    """

    filter: OfferFilter
    applied: OfferFilter
    ids: tuple[int, ...]
    total: int
    page: int  # the page shown: the last one when the filter asks for more
    pages: int  # at least 1
    facets: Mapping[str, tuple[FacetCount, ...]] = field(default_factory=dict)
    understood: tuple[Chip, ...] = ()
    corrected: Mapping[str, str] = field(default_factory=dict)  # typed -> read as
    ignored: tuple[str, ...] = ()  # words that played no part
    relaxations: tuple[Relaxation, ...] = ()  # only when nothing was found, best first
    version: int = 0  # of the stock this answer was made from
