"""Every list with an address of its own that has offers today, and which of them search engines
are to know."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from inventory import search
from inventory.list_paths import FACET_LISTS, STOCK, list_path
from inventory.search import PAGE_SIZE, OfferFilter
from showroom import list_names

# Fewer offers than this are no list: their own pages say all there is to say.
LEAST_INDEXED: Final = 3
# A make or model is searched for by name, so one offer is an answer.
LEAST_OF_A_NAME: Final = 1
NAMES: Final = frozenset({"stock", "make", "model"})


@dataclass(frozen=True)
class ListEntry:
    """A list: what it is ("make", "model", "year", "model_city", "city", "facet"), its address,
    what it is about, its offers, and those of the list around it."""

    kind: str
    path: str
    name: str
    total: int
    around: int

    @property
    def is_indexed(self) -> bool:
        return is_indexed(self.kind, self.total, self.around)

    @property
    def page_paths(self) -> list[str]:
        """The address of each of its pages."""
        pages = range(2, -(-self.total // PAGE_SIZE) + 1)
        return [self.path, *(f"{self.path}?pagina={number}" for number in pages)]


def kind_of(wanted: OfferFilter) -> str:
    """Which kind of list `wanted`, which has an address of its own, is."""
    if wanted.models:
        if wanted.cities:
            return "model_city"
        return "model" if wanted.year_min is None else "year"
    if wanted.makes:
        return "make"
    if wanted.cities:
        return "city"
    return "stock" if wanted.is_empty else "facet"


def list_around(wanted: OfferFilter) -> OfferFilter:
    """The next wider list with an address: of a model's year the model, of others the stock."""
    if wanted.models and (wanted.cities or wanted.year_min is not None):
        return replace(OfferFilter(), makes=wanted.makes, models=wanted.models)
    return OfferFilter()


def is_indexed(kind: str, total: int, around: int) -> bool:
    """Whether a list has enough to be found by, and is not the wider list once more."""
    if kind in NAMES:
        return total >= LEAST_OF_A_NAME
    return LEAST_INDEXED <= total < around


def all_lists() -> list[ListEntry]:
    """Every list with offers: makes by name, each followed by its models with their years and
    cities, then cities, then bodies, fuels, gearboxes and prices. No SQL."""
    return [*_makes(), *_cities(), *_facets()]


def hub() -> list[tuple[ListEntry, list[ListEntry]]]:
    """Makes by name, each with its models."""
    groups: list[tuple[ListEntry, list[ListEntry]]] = []
    for entry in _makes(with_narrow=False):
        if entry.kind == "make":
            groups.append((entry, []))
        else:
            groups[-1][1].append(entry)
    return groups


def _makes(*, with_narrow: bool = True) -> Iterator[ListEntry]:
    counts = search.count_by("make")
    models: dict[str, list[tuple[str, int]]] = {}
    for model, count in search.count_by("model").items():
        models.setdefault(model.partition("/")[0], []).append((model, count))
    total = sum(counts.values())
    for make in sorted((slug for slug in counts if counts[slug]), key=_make_name):
        wanted = OfferFilter(makes=(make,))
        yield _entry(wanted, counts[make], total)
        for model, count in sorted(models.get(make, ()), key=lambda row: row[0]):
            whole = replace(wanted, models=(model,))
            yield _entry(whole, count, total)
            if with_narrow and count >= LEAST_INDEXED:
                yield from narrower(whole, count)


def models_of(make: str, total: int) -> list[ListEntry]:
    """The models of a make, which has `total` offers, most first."""
    wanted = OfferFilter(makes=(make,))
    models = search.summary(wanted).models
    return [_entry(replace(wanted, models=(model,)), count, total) for model, count in models]


def narrower(whole: OfferFilter, total: int) -> Iterator[ListEntry]:
    """The years and cities of a model, which has `total` offers."""
    years, cities = search.years_and_cities(whole)
    for year, count in years:
        yield _entry(replace(whole, year_min=year, year_max=year), count, total)
    for city, count in cities:
        yield _entry(replace(whole, cities=(city,)), count, total)


def _cities() -> Iterator[ListEntry]:
    total = search.count(OfferFilter())
    for city, count in search.count_by("city").items():
        if count:
            yield _entry(OfferFilter(cities=(city,)), count, total)


def _facets() -> Iterator[ListEntry]:
    total = search.count(OfferFilter())
    for wanted in FACET_LISTS.values():
        count = search.count(wanted)
        if count and list_path(wanted):
            yield _entry(wanted, count, total)


def _entry(wanted: OfferFilter, total: int, around: int) -> ListEntry:
    path = list_path(wanted) or STOCK
    kind = kind_of(wanted)
    name = list_names.subject(wanted, path)
    if wanted.cities:
        name = f"{name} {list_names.in_city(wanted, search.Summary(total))}"
    return ListEntry(kind, path, name, total, around)


def _make_name(slug: str) -> str:
    return search.label("make", slug).lower()
