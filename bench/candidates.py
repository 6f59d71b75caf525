"""The ways to count facets in memory that were weighed against each other, bare, on equal rows."""

from array import array
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from pyroaring import BitMap

from bench.synthetic import columns
from bench.timing import Measured, alternated, cycled
from inventory.search.columns import Columns
from inventory.search.engine import Snapshot
from inventory.search.offer_filter import FACETS

Wanted = list[tuple[str, str]]
Answer = tuple[int, int]  # total, sum of all counts: enough to see that all count alike
_SINGLE = [facet for facet in FACETS if facet not in {"feature", "model"}]


def _mix(stock: Columns) -> list[Wanted]:
    """Nothing, a make, a make and a fuel, a make and a body and a colour."""
    makes, fuels = stock.single["make"].values[:5], stock.single["fuel"].values[:3]
    bodies, colors = stock.single["body"].values[:3], stock.single["color"].values[:3]
    mix: list[Wanted] = [[]]
    for make in makes:
        mix.append([("make", make)])
        mix += [[("make", make), ("fuel", fuel)] for fuel in fuels]
        mix += [
            [("make", make), ("body", body), ("color", color)]
            for body, color in zip(bodies, colors, strict=False)
        ]
    return mix


def _with_sets(values: dict[str, dict[str, Any]], live: Any, size_of_both: Any, size: Any
               ) -> Callable[[Wanted], Answer]:  # fmt: skip
    """Counting by intersections: for bitmaps and for integers alike."""

    def answer(wanted: Wanted) -> Answer:
        found = live
        for facet, value in wanted:
            found = found & values[facet][value]
        counted = 0
        for facet in values:
            base = live if any(facet == chosen for chosen, _value in wanted) else found
            if base is not found:
                for chosen, value in wanted:
                    if chosen != facet:
                        base = base & values[chosen][value]
            counted += sum([size_of_both(base, bits) for bits in values[facet].values()])
        return size(found), counted

    return answer


def _roaring(stock: Columns) -> Callable[[Wanted], Answer]:
    """Bitmaps whose rows stand as they were read."""
    values = {facet: _rows(stock, facet) for facet in (*_SINGLE, "feature")}
    sets = {
        facet: {value: BitMap(array("I", rows.tolist())) for value, rows in found.items()}
        for facet, found in values.items()
    }
    return _with_sets(sets, BitMap(range(len(stock))), BitMap.intersection_cardinality, len)


def _clustered(stock: Columns) -> Callable[[Wanted], Answer]:
    """Bitmaps whose rows stand by make and model: what the engine keeps."""
    made = Snapshot.of(stock)
    sets = {facet: made.attributes[facet] for facet in (*_SINGLE, "feature")}
    return _with_sets(sets, made.live, BitMap.intersection_cardinality, len)


def _integers(stock: Columns) -> Callable[[Wanted], Answer]:
    """One big Python integer per value."""
    sets = {
        facet: {value: _integer(rows, len(stock)) for value, rows in _rows(stock, facet).items()}
        for facet in (*_SINGLE, "feature")
    }
    return _with_sets(sets, (1 << len(stock)) - 1, lambda a, b: (a & b).bit_count(), int.bit_count)


def _integer(rows: Any, count: int) -> int:
    bits = np.zeros(count, np.uint8)
    bits[rows] = 1
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def _numpy(stock: Columns) -> Callable[[Wanted], Answer]:
    """A code per row and facet, counted by bincount; features as a matrix of bytes."""
    codes = {facet: np.frombuffer(stock.single[facet].codes, np.int32) for facet in _SINGLE}
    codes = {facet: column.astype(np.uint8) for facet, column in codes.items()}
    features = np.stack(
        [np.isin(np.arange(len(stock)), rows) for rows in _rows(stock, "feature").values()]
    )

    def both(wanted: Wanted, but: str = "") -> Any:
        found = np.ones(len(stock), bool)
        for facet, value in wanted:
            if facet != but:
                found &= codes[facet] == stock.single[facet].values.index(value)
        return np.flatnonzero(found)

    def answer(wanted: Wanted) -> Answer:
        found = both(wanted)
        chosen = {facet for facet, _value in wanted}
        counted = sum(
            int(np.bincount(column[both(wanted, facet) if facet in chosen else found]).sum())
            for facet, column in codes.items()
        )
        return len(found), counted + int(features[:, found].sum(axis=1).sum())

    return answer


def _rows(stock: Columns, facet: str) -> dict[str, Any]:
    if facet == "feature":
        return {
            value: np.frombuffer(rows, np.uint32)
            for value, rows in stock.multiple["feature"].items()
        }
    codes = np.frombuffer(stock.single[facet].codes, np.int32)
    return {
        value: np.flatnonzero(codes == number)
        for number, value in enumerate(stock.single[facet].values)
    }


def candidates(size: int) -> Iterator[Measured]:
    """Each way against bitmaps in the order of reading."""
    stock = columns(size)
    mix = _mix(stock)
    plain = _roaring(stock)
    for name, way in (
        ("bitmaps clustered by make and model", _clustered(stock)),
        ("Python integers", _integers(stock)),
        ("numpy codes and bincount", _numpy(stock)),
    ):
        for wanted in mix:
            assert way(wanted) == plain(wanted), (name, wanted)
        ours_us, plain_us = alternated(
            cycled([lambda w=wanted, way=way: way(w) for wanted in mix]),  # type: ignore[misc]
            cycled([lambda w=wanted: plain(w) for wanted in mix]),  # type: ignore[misc]
            rounds=5,
        )
        yield Measured(
            name, size, ours_us / len(mix), plain_us / len(mix), "bitmaps as rows were read"
        )
