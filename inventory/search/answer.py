"""From a filter to its answer: the page, the total, the facets, and ways out of an empty result."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from flask_babel import gettext as _
from pyroaring import BitMap

from core.language import locale_name
from core.text import format_km
from inventory.search import query
from inventory.search.engine import Selection, Snapshot
from inventory.search.labels import coded_labels, sort_label, value_label
from inventory.search.offer_filter import (
    CODED_FACETS,
    DEFAULT_SORT,
    FACETS,
    FIELD_OF_FACET,
    PAGE_SIZE,
    SORTS,
    Chip,
    FacetCount,
    OfferFilter,
    Relaxation,
    SearchResult,
)
from inventory.vocabulary import codes

MOST_RELAXATIONS: Final = 6
# Shown in the vocabulary's order; the others by how many offers they have.
_FIXED_ORDER: Final = {"condition": {code: i for i, code in enumerate(codes("condition"))}}
_KEYS_OF_FACET: Final = {"model": "make"}  # whose choice a facet's counts set aside


@dataclass(frozen=True)
class Found:
    """What meets a filter, before any page of it is cut."""

    reading: query.Reading
    selection: Selection
    text: query.TextMask | None
    result: BitMap

    @property
    def applied(self) -> OfferFilter:
        return self.reading.filter


def find(wanted: OfferFilter, stock: Snapshot) -> Found:
    """Read the filter's text and intersect all constraints."""
    reading = query.read(wanted, stock) if wanted.text else query.Reading(wanted)
    text = query.mask_of(reading.words, stock, reading) if reading.words else None
    selection = select(reading.filter, stock, text)
    return Found(reading, selection, text, selection.result(stock.live))


def select(wanted: OfferFilter, stock: Snapshot, text: query.TextMask | None) -> Selection:
    """The sets of vehicles that the fields of `wanted` ask for; its text is `text`."""
    masks: dict[str, BitMap] = {}
    if wanted.makes or wanted.models:
        masks["make"] = stock.made(wanted.makes, wanted.models)
    for facet in FACETS[2:]:
        chosen = wanted.chosen(facet)
        if not chosen:
            continue
        if facet != "feature" or len(chosen) == 1:
            masks[facet] = stock.having(facet, chosen)
        else:
            masks[facet] = query.every_of(stock.having(facet, (value,)) for value in chosen)
    narrowing = [] if text is None else [text.found]
    for name, low, high in _ranges(wanted):
        if low is not None or high is not None:
            narrowing.append(stock.between(name, low, high))
    return Selection(masks, narrowing)


def _ranges(wanted: OfferFilter) -> Iterator[tuple[str, int | None, int | None]]:
    yield "year", wanted.year_min, wanted.year_max
    yield "price_asc", wanted.price_min_cents, wanted.price_max_cents
    yield "mileage", None, wanted.mileage_max_km


def page_of(
    found: Found, stock: Snapshot, page: int, page_size: int = PAGE_SIZE
) -> tuple[list[int], int, int]:
    """Ids of one page, its number (the last one when `page` lies beyond) and how many there are."""
    total = len(found.result)
    pages = max(1, -(-total // page_size))
    page = min(max(1, page), pages)
    return ids_of(found, stock, (page - 1) * page_size, page_size), page, pages


def ids_of(found: Found, stock: Snapshot, offset: int, limit: int) -> list[int]:
    """Ids at [offset, offset + limit). By relevance, vehicles named by the text come first."""
    sort = found.applied.sort if found.applied.sort in SORTS else DEFAULT_SORT
    if sort == "relevance" and found.text is not None:
        named = found.result & found.text.titled
        if named and len(named) < len(found.result):
            first = stock.page(named, sort, offset, limit)
            others = found.result - named
            rest = max(0, offset - len(named))
            return first + stock.page(others, sort, rest, limit - len(first))
    return stock.page(found.result, sort, offset, limit, _window(found.applied, sort, stock))


def _window(applied: OfferFilter, sort: str, stock: Snapshot) -> tuple[int, int] | None:
    """Where in the page's order the filter's own range lies."""
    low, high = applied.price_min_cents, applied.price_max_cents
    if sort in {"price_asc", "price_desc"} and (low is not None or high is not None):
        return stock.places("price_asc", low, high)
    if sort == "mileage" and applied.mileage_max_km is not None:
        return stock.places("mileage", None, applied.mileage_max_km)
    return None


# --- facets --------------------------------------------------------------------------------


def facets_of(found: Found, stock: Snapshot) -> dict[str, tuple[FacetCount, ...]]:
    """Each facet's values with the offers they would show. A facet's own choice is set aside
    (features excepted: they add up, so each counts beside the chosen ones). Values without any
    offer are left out unless they are chosen."""
    bases = found.selection.bases(stock.live)
    bases["feature"] = found.result
    facets: dict[str, tuple[FacetCount, ...]] = {}
    locale = locale_name()
    for facet in FACETS:
        base = bases.get(_KEYS_OF_FACET.get(facet, facet), found.result)
        chosen = found.applied.chosen(facet)
        if facet == "model":
            makes = _makes_shown(found.applied, stock)
            chosen = _qualified(found.applied, stock)
            counted = stock.model_counts(makes, base) if makes else []
        else:
            counted = stock.counts(facet, base)
        facets[facet] = _shown(facet, counted, chosen, stock, locale)
    return facets


def _makes_shown(applied: OfferFilter, stock: Snapshot) -> tuple[str, ...]:
    """Makes whose models are counted: the chosen ones and those of chosen models."""
    makes = dict.fromkeys(applied.makes)
    makes.update((model.partition("/")[0], None) for model in _qualified(applied, stock))
    return tuple(makes)


def _qualified(applied: OfferFilter, stock: Snapshot) -> tuple[str, ...]:
    """The chosen models as "make/model"; bare slugs nobody has stay as they are."""
    full: dict[str, None] = {}
    for model in applied.models:
        called = [model] if "/" in model else stock.models_called(model, applied.makes)
        full.update(dict.fromkeys(called or [model]))
    return tuple(full)


def _shown(
    facet: str,
    counted: list[tuple[str, int]],
    chosen: tuple[str, ...],
    stock: Snapshot,
    locale: str,
) -> tuple[FacetCount, ...]:
    if facet in CODED_FACETS:
        labels = coded_labels(facet, locale)
        rows = [
            FacetCount(value, labels.get(value, value), count, value in chosen)
            for value, count in counted
            if count or value in chosen
        ]
    else:
        names = stock.labels
        rows = [
            FacetCount(value, names.get((facet, value), value), count, value in chosen)
            for value, count in counted
            if count or value in chosen
        ]
    if len(chosen):
        known = {value for value, _count in counted}
        rows += [
            FacetCount(value, value_label(facet, value, stock.labels), 0, True)
            for value in chosen
            if value not in known
        ]
    fixed = _FIXED_ORDER.get(facet)
    if fixed:
        rows.sort(key=lambda row: fixed.get(row.value, len(fixed)))
    else:
        rows.sort(key=_by_count)
    return tuple(rows)


def _by_count(row: FacetCount) -> tuple[int, str]:
    return -row.count, row.label


# --- chips ---------------------------------------------------------------------------------


def describe(wanted: OfferFilter, stock: Snapshot) -> tuple[Chip, ...]:
    """Every constraint of `wanted` in words, in the order of the page, one chip each."""
    chips = [
        Chip(facet, value, value_label(facet, value, stock.labels))
        for facet in FACETS
        for value in wanted.chosen(facet)
        if not (facet == "make" and _is_said_by_model(value, wanted))
    ]
    if wanted.year_min is not None or wanted.year_max is not None:
        part = "year_max" if wanted.year_min is None else "year_min"
        chips.append(Chip(part, "", query.year_label(wanted.year_min, wanted.year_max)))
    low, high = wanted.price_min_cents, wanted.price_max_cents
    if low is not None or high is not None:
        part = "price_min_cents" if high is None else "price_max_cents"
        chips.append(Chip(part, "", query.price_label(low, high)))
    if wanted.mileage_max_km is not None:
        label = _("Up to %(km)s", km=format_km(wanted.mileage_max_km))
        chips.append(Chip("mileage_max_km", "", label))
    if wanted.text:
        chips.append(Chip("text", wanted.text, f"“{wanted.text}”"))
    if wanted.sort != DEFAULT_SORT and wanted.sort in SORTS:
        chips.append(Chip("sort", wanted.sort, sort_label(wanted.sort)))
    return tuple(chips)


def _is_said_by_model(make: str, wanted: OfferFilter) -> bool:
    return any(model.startswith(f"{make}/") for model in wanted.models)


# --- nothing found -------------------------------------------------------------------------


def relax(found: Found, stock: Snapshot) -> tuple[Relaxation, ...]:
    """The smallest steps from an empty result to offers: ranges widened just enough, then single
    constraints left out, those that show most first. If no single step helps, what remains of
    each constraint alone."""
    applied = found.applied
    widened = [_counted(step, stock) for step in _widenings(found, stock)]
    dropped = [_counted(step, stock) for step in _drops(found, stock)]
    dropped.sort(key=lambda step: (step.part == "make", -step.count))
    steps = [step for step in (*widened, *dropped) if step.count]
    if not steps:
        alone = [_counted(step, stock) for step in _alone(applied, stock)]
        steps = sorted((step for step in alone if step.count), key=lambda step: step.count)
    return tuple(steps[:MOST_RELAXATIONS])


def _counted(step: Relaxation, stock: Snapshot) -> Relaxation:
    found = find(step.filter, stock)
    return replace(step, count=len(found.result))


def _widenings(found: Found, stock: Snapshot) -> Iterator[Relaxation]:
    """For each range, the bound moved to the nearest vehicle that meets the rest."""
    applied = replace(found.applied, page=1)
    ranges = (
        ("price_asc", "price_min_cents", "price_max_cents", 1_000_00, query.price_label),
        ("year", "year_min", "year_max", 1, query.year_label),
        ("mileage", None, "mileage_max_km", 1_000, _km_label),
    )
    for name, low_name, high_name, step, label in ranges:
        low = getattr(applied, low_name) if low_name else None
        high = getattr(applied, high_name)
        if low is None and high is None:
            continue
        cleared: dict[str, Any] = {field: None for field in (low_name, high_name) if field}
        others = find(replace(applied, **cleared), stock).result
        above, below = stock.nearest(name, others, low, high)
        if above is not None and high is not None:
            bound = -(-above // step) * step
            wider = dict[str, Any]({high_name: bound})
            yield Relaxation(replace(applied, **wider), label(low, bound), 0, high_name)
        if below is not None and low is not None and low_name:
            bound = below // step * step
            wider = dict[str, Any]({low_name: bound})
            yield Relaxation(replace(applied, **wider), label(bound, high), 0, low_name)


def _km_label(_low: int | None, high: int | None) -> str:
    return str(_("Up to %(km)s", km=format_km(high or 0)))


def _drops(found: Found, stock: Snapshot) -> Iterator[Relaxation]:
    """The filter without one of its choices."""
    applied = replace(found.applied, page=1)
    for facet in FACETS:
        chosen = applied.chosen(facet)
        if not chosen:
            continue
        names = ", ".join(value_label(facet, value, stock.labels) for value in chosen)
        changes: dict[str, Any] = {FIELD_OF_FACET[facet]: ()}
        if facet == "make":
            changes["models"] = ()
        yield Relaxation(replace(applied, **changes), _without(names), 0, facet)
        if facet == "feature" and len(chosen) > 1:
            for value in chosen:
                rest = tuple(other for other in chosen if other != value)
                label = _without(value_label(facet, value, stock.labels))
                yield Relaxation(replace(applied, features=rest), label, 0, facet)
    words = found.reading.words
    for place, word in enumerate(words):
        rest_text = " ".join(words[:place] + words[place + 1 :])
        yield Relaxation(replace(applied, text=rest_text), _without(f"“{word}”"), 0, "text")
    for chip in describe(applied, stock):
        if chip.part in {"year_min", "year_max", "price_min_cents", "price_max_cents"}:
            continue  # widened instead
        if chip.part == "text" and len(words) > 1:
            yield Relaxation(replace(applied, text=""), _without(chip.label), 0, "text")


def _without(what: str) -> str:
    return str(_("Without %(what)s", what=what))


def _alone(applied: OfferFilter, stock: Snapshot) -> Iterator[Relaxation]:
    """Each constraint of the filter by itself."""
    kept = OfferFilter(sort=applied.sort)
    for facet in FACETS:
        chosen = applied.chosen(facet)
        if chosen:
            names = ", ".join(value_label(facet, value, stock.labels) for value in chosen)
            name = FIELD_OF_FACET[facet]
            alone = replace(kept, **dict[str, Any]({name: chosen}))
            yield Relaxation(alone, _("Only %(what)s", what=names), 0, facet)
    low, high = applied.price_min_cents, applied.price_max_cents
    if low is not None or high is not None:
        alone = replace(kept, price_min_cents=low, price_max_cents=high)
        label = _("Only %(what)s", what=query.price_label(low, high))
        yield Relaxation(alone, label, 0, "price_max_cents")
    low, high = applied.year_min, applied.year_max
    if low is not None or high is not None:
        alone = replace(kept, year_min=low, year_max=high)
        label = _("Only %(what)s", what=query.year_label(low, high))
        yield Relaxation(alone, label, 0, "year_min")
    if applied.text:
        label = _("Only %(what)s", what=f"“{applied.text}”")
        yield Relaxation(replace(kept, text=applied.text), label, 0, "text")


# --- all together --------------------------------------------------------------------------


def answer(
    wanted: OfferFilter, stock: Snapshot, page_size: int = PAGE_SIZE, *, with_facets: bool = True
) -> SearchResult:
    """The whole answer to `wanted` from one version of the stock."""
    found = find(wanted, stock)
    ids, page, pages = page_of(found, stock, wanted.page, page_size)
    total = len(found.result)
    reading = found.reading
    return SearchResult(
        filter=wanted,
        applied=found.applied,
        ids=tuple(ids),
        total=total,
        page=page,
        pages=pages,
        facets=facets_of(found, stock) if with_facets else {},
        understood=tuple(reading.chips),
        corrected=dict(reading.corrected),
        ignored=tuple(dict.fromkeys(reading.ignored)),
        relaxations=() if total else relax(found, stock),
        version=stock.version,
    )
