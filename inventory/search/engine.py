"""The stock in memory: which vehicles have which attribute, in which order they come.

Vehicles stand in slots; every attribute value has a roaring bitmap of its slots, so a facet count
is the size of an intersection. Slots clustered by make and model make most of them a few runs:
measured against numpy codes with bincount, Python integers and bitmaps in the order of reading,
that is the fastest at 5,000, 50,000 and 500,000 vehicles (docs/decisions/0003).

A `Snapshot` never changes. `Snapshot.changed` makes the next one and shares what stayed equal, so
threads that still read the old one are not disturbed.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from inventory.search.columns import (
    MULTIPLE_KINDS,
    NO_CODE,
    NO_HIGHLIGHT,
    SINGLE_KINDS,
    UNKNOWN_MILEAGE,
    Columns,
)
from inventory.search.offer_filter import FACETS
from inventory.search.text import Key, Vocabulary

Slots = npt.NDArray[np.uint32]
Numbers = npt.NDArray[np.int64]

# The orders kept ready. "price_desc" is "price_asc" read from its end.
ORDERS: Final = ("relevance", "newest", "price_asc", "mileage", "year", "id")
_KEYS: Final = (*ORDERS, "seq")  # numbers by slot; "seq" is nobody's order
_INSTANT_BITS: Final = 41  # seconds, far beyond any stock
_INSTANT_MAX: Final = (1 << _INSTANT_BITS) - 1
_FEW_CHANGES: Final = 256  # up to here orders are patched in place of being sorted again
_MOST_STEPS: Final = 256  # ready-made "up to this value" sets of a range
_ROWS_PER_STEP: Final = 256
_MEMBERSHIP_TEST_NS: Final = 25
_GATHER_NS: Final = 6


def bitmap(slots: Slots) -> BitMap:
    """The set of `slots`; through array.array, which the library reads without Python objects."""
    return BitMap(array("I", slots.astype(np.uint32, copy=False).tobytes()))


def members(slots: BitMap) -> Slots:
    """The slots of a set as an array, in order."""
    return np.frombuffer(slots.to_array(), dtype=np.uint32)


@dataclass(frozen=True)
class Steps:
    """Sets of all slots whose value is at most `bounds[i]`: a range is a difference of two."""

    bounds: tuple[int, ...] = ()
    sets: tuple[BitMap, ...] = ()
    built_for: int = 0  # how many rows the bounds were chosen for

    @staticmethod
    def over(order: Slots, keys: Numbers) -> "Steps":
        """Steps over `order`, sorted by `keys`."""
        count = len(order)
        step = max(_ROWS_PER_STEP, -(-count // _MOST_STEPS))
        reached = BitMap()
        bounds: list[int] = []
        sets: list[BitMap] = []
        start = 0
        for end in range(step, count, step):
            bound = int(keys[order[end - 1]])
            stop = bisect_right(order, bound, key=keys.__getitem__)
            if stop <= start or bound >= UNKNOWN_MILEAGE:
                continue
            reached = reached | bitmap(order[start:stop])
            bounds.append(bound)
            sets.append(reached)
            start = stop
        return Steps(tuple(bounds), tuple(sets), count)

    def changed(self, gone: BitMap, added: Slots, keys: Numbers) -> "Steps":
        """These steps without `gone` and with `added`, whose values stand in `keys`."""
        values = keys[added]
        sets = []
        for bound, reached in zip(self.bounds, self.sets, strict=True):
            stays = reached - gone if gone.intersect(reached) else reached
            within = added[values <= bound]
            sets.append(stays | bitmap(within) if len(within) else stays)
        return Steps(self.bounds, tuple(sets), self.built_for)


class FacetSets(NamedTuple):
    """The values of one facet side by side with their sets and sizes."""

    values: tuple[str, ...]
    sets: tuple[BitMap, ...]
    sizes: tuple[int, ...]

    @staticmethod
    def of(attribute: Mapping[str, BitMap]) -> "FacetSets":
        sets = tuple(attribute.values())
        return FacetSets(tuple(attribute), sets, tuple(len(one) for one in sets))


NO_FACET: Final = FacetSets((), (), ())


@dataclass(frozen=True)
class Selection:
    """Constraints as sets: `masks` by facet (a choice that its own counts ignore; "make" stands
    for make and model together), `narrowing` for the others."""

    masks: Mapping[str, BitMap] = field(default_factory=dict)
    narrowing: Sequence[BitMap] = ()

    def result(self, live: BitMap) -> BitMap:
        """Everything that meets all constraints."""
        return _all_of([*self.masks.values(), *self.narrowing], live)

    def bases(self, live: BitMap) -> dict[str, BitMap]:
        """For each facet with a choice: what meets all constraints but that choice."""
        rest = _all_of(self.narrowing, live)
        facets = list(self.masks)
        if len(facets) == 1:
            return {facets[0]: rest}
        return {
            facet: _all_of([*(self.masks[other] for other in facets if other != facet), rest], live)
            for facet in facets
        }


def _all_of(sets: Iterable[BitMap], live: BitMap) -> BitMap:
    """The intersection of `sets`; of none, everything live (the very object)."""
    ordered = sorted((one for one in sets if one is not live), key=len)
    if not ordered:
        return live
    found = ordered[0]
    for one in ordered[1:]:
        found = found & one
    return found


class Snapshot:
    """The listed stock at one version. Immutable once made; caches inside fill by themselves."""

    def __init__(self) -> None:
        self.version = 0
        self.live = BitMap()
        self.capacity = 0
        self.attributes: dict[str, dict[str, BitMap]] = {
            kind: {} for kind in (*SINGLE_KINDS, *MULTIPLE_KINDS)
        }
        self.vocabulary = Vocabulary({})
        self.labels: dict[Key, str] = {}
        self.keys: dict[str, Numbers] = {name: np.zeros(0, np.int64) for name in _KEYS}
        self.orders: dict[str, Slots] = {name: np.zeros(0, np.uint32) for name in ORDERS}
        self.steps = {"price_asc": Steps(), "mileage": Steps()}
        self.promotions: dict[int, tuple[int, int]] = {}
        self._seal()

    def _seal(self) -> None:
        """Work out what depends on the rest, once."""
        attributes = self.attributes
        self.facets = {facet: FacetSets.of(attributes[facet]) for facet in FACETS}
        models: dict[str, dict[str, BitMap]] = {}
        for value, slots in attributes["model"].items():
            models.setdefault(value.partition("/")[0], {})[value] = slots
        self.models_of = {make: FacetSets.of(found) for make, found in models.items()}
        self.next_promotion_end = min(
            (ends for ends, _price in self.promotions.values()), default=None
        )
        self._words: dict[str, BitMap] = {}
        self._title_words: dict[str, BitMap] = {}
        self._ranks: dict[str, Slots] = {}
        self._years: dict[int, BitMap] = {}
        self._sorted_ids: Numbers | None = None
        self.memory: dict[str, Any] = {}  # for readers: what they derived from this version

    def __len__(self) -> int:
        return len(self.live)

    @property
    def ids(self) -> Numbers:
        """The vehicle's id by slot."""
        return self.keys["id"]

    # --- the next version ------------------------------------------------------------------

    @staticmethod
    def of(columns: Columns, version: int = 0) -> "Snapshot":
        """The stock of `columns`, slots clustered by make and model so that bitmaps are short."""
        return Snapshot().changed((), columns, version)

    def changed(self, gone_ids: Iterable[int], columns: Columns, version: int) -> "Snapshot":
        """This stock without the vehicles of `gone_ids` (unknown ones are ignored) and with those
        of `columns`. A vehicle that changed is in both."""
        gone = self.slots_of(gone_ids)
        added = self._free_slots(gone, columns)
        gone_set = bitmap(gone)
        after = Snapshot.__new__(Snapshot)
        after.version = version
        after.live = (self.live - gone_set) | bitmap(added)
        after.capacity = max(self.capacity, int(added.max()) + 1 if len(added) else 0)
        after.attributes = _change_attributes(self.attributes, gone_set, columns, added)
        new_texts = {key: text for key, text in columns.texts.items() if key not in self.labels}
        after.vocabulary = self.vocabulary.extended(new_texts) if new_texts else self.vocabulary
        after.labels = {**self.labels, **columns.texts, **columns.labels}
        after.keys = _change_keys(self.keys, columns, added, after.capacity)
        after.orders = {
            name: _change_order(
                self.orders[name], self.keys[name], after.keys[name], self.ids, after.ids, gone,
                added,
            )
            for name in ORDERS
        }  # fmt: skip
        after.steps = {
            name: self._change_steps(name, after, gone_set, added) for name in self.steps
        }
        vanished = set(gone.tolist())
        after.promotions = {
            slot: kept for slot, kept in self.promotions.items() if slot not in vanished
        }
        for row, promotion in columns.promotions.items():
            after.promotions[int(added[row])] = promotion
        after._seal()
        return after

    def _change_steps(self, name: str, after: "Snapshot", gone: BitMap, added: Slots) -> Steps:
        before = self.steps[name]
        count = len(after.live)
        if not before.built_for // 2 <= count <= before.built_for * 2 or len(added) > _FEW_CHANGES:
            return Steps.over(after.orders[name], after.keys[name])
        return before.changed(gone, added, after.keys[name])

    def _free_slots(self, gone: Slots, columns: Columns) -> Slots:
        """A slot for each row of `columns`: those of vanished vehicles first, then new ones."""
        count = len(columns)
        if not self.capacity:
            place = np.empty(count, np.uint32)
            place[_clustered(columns)] = np.arange(count, dtype=np.uint32)
            return place
        empty = gone
        if len(empty) < count:
            everywhere = BitMap(range(self.capacity))
            empty = np.concatenate([empty, members(everywhere - self.live)])
        fresh = np.arange(self.capacity, self.capacity + max(0, count - len(empty)))
        return np.concatenate([empty[:count], fresh.astype(np.uint32)])

    def slots_of(self, ids: Iterable[int]) -> Slots:
        """The slots of those vehicles that are here."""
        wanted = np.unique(np.fromiter(ids, dtype=np.int64))
        if not len(wanted) or not len(self.live):
            return np.zeros(0, np.uint32)
        order = self.orders["id"]
        if len(wanted) <= _FEW_CHANGES:
            places = np.array(
                [bisect_left(order, number, key=self.ids.__getitem__) for number in wanted.tolist()]
            )
        else:
            places = np.searchsorted(self.ids[order], wanted)
        inside = places < len(order)
        places, wanted = places[inside], wanted[inside]
        slots = order[places]
        here: Slots = slots[self.ids[slots] == wanted]
        return here

    def seqs_of(self, ids: Sequence[int]) -> list[int]:
        """Which version of the stock touched each of these vehicles last; -1 for one that is not
        listed here."""
        known = self._sorted_ids
        if known is None:
            known = self._sorted_ids = self.ids[self.orders["id"]]
        if not len(known):
            return [-1] * len(ids)
        places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        seqs = self.keys["seq"][self.orders["id"][places]]
        found: list[int] = np.where(known[places] == ids, seqs, -1).tolist()
        return found

    def with_ended_promotions(self, instant: int) -> "Snapshot":
        """This stock once every promotion that ended by `instant` (seconds) gave way to the price
        after it. The version stays: no row changed."""
        ended = {slot: price for slot, (ends, price) in self.promotions.items() if ends <= instant}
        slots = np.fromiter(ended, dtype=np.uint32)
        after = Snapshot.__new__(Snapshot)
        after.__dict__.update(self.__dict__)
        prices = self.keys["price_asc"].copy()
        prices[slots] = list(ended.values())
        after.keys = {**self.keys, "price_asc": prices}
        order = _change_order(
            self.orders["price_asc"], self.keys["price_asc"], prices, self.ids, self.ids, slots,
            slots,
        )  # fmt: skip
        after.orders = {**self.orders, "price_asc": order}
        steps = self._change_steps("price_asc", after, bitmap(slots), slots)
        after.steps = {**self.steps, "price_asc": steps}
        after.promotions = {
            slot: kept for slot, kept in self.promotions.items() if slot not in ended
        }
        after._seal()
        return after

    # --- sets --------------------------------------------------------------------------------

    def having(self, kind: str, values: Iterable[str]) -> BitMap:
        """Vehicles with any of `values`; unknown values have none."""
        known = self.attributes[kind]
        found = [known[value] for value in values if value in known]
        if not found:
            return BitMap()
        return found[0] if len(found) == 1 else BitMap.union(*found)

    def made(self, makes: Sequence[str], models: Sequence[str]) -> BitMap:
        """Vehicles of the chosen makes, each narrowed to its chosen models if it has any. A bare
        model slug belongs to each make that has it (to the chosen ones, if any are)."""
        full: list[str] = []
        for model in models:
            full.extend([model] if "/" in model else self.models_called(model, makes))
        narrowed = {model.partition("/")[0] for model in full}
        if any("/" not in model for model in models) and not full:
            return BitMap()
        whole = [make for make in makes if make not in narrowed]
        return self.having("make", whole) | self.having("model", full)

    def models_called(self, slug: str, makes: Sequence[str] = ()) -> list[str]:
        """The "make/model" values whose model slug is `slug`, of `makes` if any are given."""
        by_slug: dict[str, list[str]] = self.memory.get("by_slug") or {}
        if not by_slug:
            for value in self.attributes["model"]:
                by_slug.setdefault(value.partition("/")[2], []).append(value)
            self.memory["by_slug"] = by_slug
        return [
            value
            for value in by_slug.get(slug, [])
            if not makes or value.partition("/")[0] in makes
        ]

    def between(self, name: str, low: int | None, high: int | None) -> BitMap:
        """Vehicles whose `name` ("price_asc", "mileage" or "year") lies in [low, high]."""
        up_to = self._years_up_to if name == "year" else lambda bound: self._up_to(name, bound)
        if name == "mileage":
            high = min(UNKNOWN_MILEAGE - 1 if high is None else high, UNKNOWN_MILEAGE - 1)
        found = self.live if high is None else up_to(high)
        return found if low is None else found - up_to(low - 1)

    def _up_to(self, name: str, bound: int) -> BitMap:
        steps, order, keys = self.steps[name], self.orders[name], self.keys[name]
        step = bisect_right(steps.bounds, bound) - 1
        stop = bisect_right(order, bound, key=keys.__getitem__)
        if step < 0:
            return bitmap(order[:stop])
        reached = steps.sets[step]
        start = len(reached)
        return reached if start == stop else reached | bitmap(order[start:stop])

    def _years_up_to(self, bound: int) -> BitMap:
        reached = self._years.get(bound)
        if reached is None:
            years = self.attributes["year"]
            reached = self.having("year", [year for year in years if int(year) <= bound])
            if len(self._years) < 512:
                self._years[bound] = reached
        return reached

    def with_word(self, word: str) -> BitMap:
        """Vehicles found under `word`."""
        found = self._words.get(word)
        if found is None:
            found = self._words[word] = self._union(self.vocabulary.keys_of.get(word, ()))
        return found

    def with_title_word(self, word: str) -> BitMap:
        """Vehicles whose make, model or trim says `word`."""
        found = self._title_words.get(word)
        if found is None:
            keys = self.vocabulary.keys_of.get(word, ())
            titles = [key for key in keys if key[0] in {"make", "model", "trim"}]
            found = self._title_words[word] = self._union(titles)
        return found

    def _union(self, keys: Iterable[Key]) -> BitMap:
        attributes = self.attributes
        sets = [attributes[kind][value] for kind, value in keys if value in attributes[kind]]
        if not sets:
            return BitMap()
        return sets[0] if len(sets) == 1 else BitMap.union(*sets)

    # --- answers -----------------------------------------------------------------------------

    def counts(self, facet: str, base: BitMap) -> list[tuple[str, int]]:
        """How many of `base` have each value of `facet`."""
        return self._count(self.facets[facet], base)

    def model_counts(self, makes: Iterable[str], base: BitMap) -> list[tuple[str, int]]:
        """The same for the models of `makes`."""
        counted: list[tuple[str, int]] = []
        for make in makes:
            counted.extend(self._count(self.models_of.get(make, NO_FACET), base))
        return counted

    def _count(self, facet: FacetSets, base: BitMap) -> list[tuple[str, int]]:
        if base is self.live:
            return list(zip(facet.values, facet.sizes, strict=True))
        size = base.intersection_cardinality
        return list(zip(facet.values, map(size, facet.sets), strict=True))

    def page(
        self,
        found: BitMap,
        sort: str,
        offset: int,
        limit: int,
        window: tuple[int, int] | None = None,
    ) -> list[int]:
        """The ids at [offset, offset + limit) of `found` in the order `sort`. `window` bounds the
        places of that order at which members of `found` can stand, where the caller knows."""
        order = self.orders["price_asc" if sort == "price_desc" else sort]
        if window:
            order = order[slice(*window)]
        if sort == "price_desc":
            order = order[::-1]
        size = len(found)
        end = min(offset + limit, size)
        if end <= offset:
            return []
        if size == len(order):
            return self._ids_at(order[offset:end])
        expected_tests = end * len(order) // size
        if expected_tests * _MEMBERSHIP_TEST_NS < size * _GATHER_NS + 20_000:
            walked = _walk(order, found, end, 4 * expected_tests + 1024)
            if walked is not None:
                return self._ids_at(np.array(walked[offset:end]))
        return self._ids_at(self._nth(found, sort, offset, end))

    def _ids_at(self, slots: npt.NDArray[Any]) -> list[int]:
        ids: list[int] = self.ids[slots].tolist()
        return ids

    def _nth(self, found: BitMap, sort: str, offset: int, end: int) -> Slots:
        """The same by rank: cost grows with the size of `found`, not with that of the stock."""
        slots = members(found)
        ranks = self.ranks(sort)[slots]
        if sort == "price_desc":
            ranks = np.uint32(len(self.live)) - ranks
        if end * 4 < len(slots):
            nearest = np.argpartition(ranks, end - 1)[:end]
            slots, ranks = slots[nearest], ranks[nearest]
        best: Slots = slots[np.argsort(ranks)[offset:end]]
        return best

    def ranks(self, sort: str) -> Slots:
        """The place of each slot in an order."""
        name = "price_asc" if sort == "price_desc" else sort
        ranks = self._ranks.get(name)
        if ranks is None:
            ranks = np.zeros(self.capacity, np.uint32)
            order = self.orders[name]
            ranks[order] = np.arange(len(order), dtype=np.uint32)
            self._ranks[name] = ranks
        return ranks

    def places(self, name: str, low: int | None, high: int | None) -> tuple[int, int]:
        """Between which places of the order `name` the values [low, high] stand."""
        order, value = self.orders[name], self.keys[name].__getitem__
        start = 0 if low is None else bisect_left(order, low, key=value)
        stop = len(order) if high is None else bisect_right(order, high, key=value)
        return start, max(start, stop)

    def nearest(
        self, name: str, among: BitMap, low: int | None, high: int | None
    ) -> tuple[int | None, int | None]:
        """The smallest value above `high` and the largest below `low` that one of `among` has in
        the order `name` ("year" counts model years); None where there is none."""
        values = self.values(name, among)
        above = values[values > high] if high is not None else values[:0]
        below = values[values < low] if low is not None else values[:0]
        return (
            int(above.min()) if len(above) else None,
            int(below.max()) if len(below) else None,
        )

    def histogram(self, among: BitMap, bars: int) -> list[tuple[int, int]]:
        """Prices of `among` in up to `bars` steps of equal width: (lower bound, how many)."""
        prices = self.values("price_asc", among)
        if not len(prices):
            return []
        counts, edges = np.histogram(prices, bins=bars)
        return [(int(edge), int(number)) for edge, number in zip(edges, counts, strict=False)]

    def values(self, name: str, among: BitMap) -> Numbers:
        if name == "year":
            years = self.attributes["year"].items()
            present = [int(year) for year, slots in years if slots.intersect(among)]
            return np.array(present, np.int64)
        values = self.keys[name][members(among)]
        return values[values < UNKNOWN_MILEAGE]


def _walk(order: Slots, found: BitMap, count: int, budget: int) -> list[int] | None:
    """The first `count` of `order` that are in `found`; None when `budget` tests were too few."""
    hits: list[int] = []
    start, step = 0, 64
    while start < len(order):
        hits += [slot for slot in order[start : start + step].tolist() if slot in found]
        if len(hits) >= count:
            return hits[:count]
        start += step
        if start > budget:
            return None
        step = min(step * 2, 4096)
    return hits


def _clustered(columns: Columns) -> npt.NDArray[np.intp]:
    """Rows in the order of make, model, trim: equal values side by side."""
    names = ("trim", "model", "make")  # lexsort's last key is the first to count
    return np.lexsort([np.frombuffer(columns.single[name].codes, np.int32) for name in names])


def _change_attributes(
    before: dict[str, dict[str, BitMap]], gone: BitMap, columns: Columns, added: Slots
) -> dict[str, dict[str, BitMap]]:
    after = {}
    for kind, known in before.items():
        sets = dict(known)
        if gone:
            for value, slots in known.items():
                if gone.intersect(slots):
                    sets[value] = slots - gone
        for value, rows in _rows_by_value(kind, columns):
            slots = bitmap(np.sort(added[rows]))
            if sets.get(value):
                sets[value] = sets[value] | slots
            else:
                slots.run_optimize()
                sets[value] = slots
        after[kind] = {value: slots for value, slots in sets.items() if slots}
    return after


def _rows_by_value(
    kind: str, columns: Columns
) -> Iterable[tuple[str, npt.NDArray[np.intp] | npt.NDArray[np.uint32]]]:
    if kind in MULTIPLE_KINDS:
        for value, listed in columns.multiple[kind].items():
            yield value, np.frombuffer(listed, np.uint32)
        return
    column = columns.single[kind]
    codes = np.frombuffer(column.codes, np.int32)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(NO_CODE + 1, len(column.values) + 1))
    for number, value in enumerate(column.values):
        yield value, order[starts[number] : starts[number + 1]]


def _change_keys(
    before: dict[str, Numbers], columns: Columns, added: Slots, capacity: int
) -> dict[str, Numbers]:
    rows = {
        name: np.frombuffer(getattr(columns, name), np.int64)
        for name in (
            "ids", "price_cents", "mileage_km", "model_year", "published", "highlight", "reserved",
            "stock_seq",
        )
    }  # fmt: skip
    age = _INSTANT_MAX - np.clip(rows["published"], 0, _INSTANT_MAX)
    values = {
        # What a buyer can still buy, the highlighted area in its order, then the newest.
        "relevance": (
            (rows["reserved"] << (_INSTANT_BITS + 20))
            | np.minimum(rows["highlight"], NO_HIGHLIGHT) << _INSTANT_BITS
            | age
        ),
        "newest": age,
        "price_asc": rows["price_cents"],
        "mileage": rows["mileage_km"],
        "year": (-rows["model_year"] << _INSTANT_BITS) + age,
        "id": rows["ids"],
        "seq": rows["stock_seq"],
    }
    after = {}
    for name, new in values.items():
        keys = np.zeros(capacity, np.int64)
        keys[: len(before[name])] = before[name]
        keys[added] = new
        after[name] = keys
    return after


def _change_order(
    order: Slots,
    keys_before: Numbers,
    keys: Numbers,
    ids_before: Numbers,
    ids: Numbers,
    gone: Slots,
    added: Slots,
) -> Slots:
    """`order` (by key, then the newer id first) without `gone` and with `added`."""
    if len(gone) > _FEW_CHANGES or len(added) > _FEW_CHANGES:
        stays = np.ones(max(len(keys), len(keys_before)), bool)
        stays[gone] = False
        slots = np.concatenate([order[stays[order]], added])
        return slots[np.lexsort((-ids[slots], keys[slots]))]

    def place_before(slot: Any) -> tuple[int, int]:
        return int(keys_before[slot]), -int(ids_before[slot])

    def place(slot: Any) -> tuple[int, int]:
        return int(keys[slot]), -int(ids[slot])

    vanished = [bisect_left(order, place_before(slot), key=place_before) for slot in gone]
    kept = np.delete(order, vanished) if vanished else order
    arriving = sorted(added.tolist(), key=place)
    places = [bisect_left(kept, place(slot), key=place) for slot in arriving]
    return np.insert(kept, places, np.array(arriving, np.uint32)) if arriving else kept
