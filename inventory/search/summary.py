"""What a list of offers has to say of itself: how many, at which prices, of which years."""

from dataclasses import dataclass

from pyroaring import BitMap

from inventory.search import answer
from inventory.search.engine import Snapshot
from inventory.search.offer_filter import OfferFilter

Span = tuple[int, int]


@dataclass(frozen=True)
class Summary:
    """True of all offers of a list. Spans are (lowest, highest), None when nobody knows; prices in
    cents, mileage in km. The counts are by code or slug, most first, those with offers only."""

    total: int
    prices_cents: Span | None = None
    years: Span | None = None
    mileages_km: Span | None = None
    gearboxes: tuple[tuple[str, int], ...] = ()
    conditions: tuple[tuple[str, int], ...] = ()
    makes: tuple[tuple[str, int], ...] = ()
    models: tuple[tuple[str, int], ...] = ()
    cities: tuple[tuple[str, int], ...] = ()
    by_year: tuple[tuple[int, int], ...] = ()  # newest first


def summarize(wanted: OfferFilter, stock: Snapshot) -> Summary:
    """The summary of what meets `wanted`; no SQL."""
    found = answer.find(wanted, stock).result
    if not found:
        return Summary(0)
    years = _by_year(found, stock)

    def span(name: str) -> Span | None:
        values = stock.values(name, found)
        return (int(values.min()), int(values.max())) if len(values) else None

    return Summary(
        total=len(found),
        prices_cents=span("price_asc"),
        years=(years[-1][0], years[0][0]) if years else None,
        mileages_km=span("mileage"),
        gearboxes=_counted("transmission", found, stock),
        conditions=_counted("condition", found, stock),
        makes=_counted("make", found, stock),
        models=_counted("model", found, stock),
        cities=_counted("city", found, stock),
        by_year=years,
    )


def years_and_cities(
    wanted: OfferFilter, stock: Snapshot
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[str, int], ...]]:
    """Of what meets `wanted`: how many per model year, newest first, and per city, most first."""
    found = answer.find(wanted, stock).result
    return _by_year(found, stock), _counted("city", found, stock)


def _by_year(found: BitMap, stock: Snapshot) -> tuple[tuple[int, int], ...]:
    years = [
        (int(year), count)
        for year, slots in stock.attributes["year"].items()
        if (count := slots.intersection_cardinality(found))
    ]
    return tuple(sorted(years, reverse=True))


def _counted(facet: str, found: BitMap, stock: Snapshot) -> tuple[tuple[str, int], ...]:
    rows = [(value, count) for value, count in stock.counts(facet, found) if count]
    return tuple(sorted(rows, key=lambda row: (-row[1], row[0])))
