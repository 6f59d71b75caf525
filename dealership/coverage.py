"""Open hours that nobody works, so that a roster shows them before a buyer finds them.

A lone attendant answers one lead in five too late, because of lunch and single cover: whoever has a
break while nobody else works needs a named stand-in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from dealership.attendants import Worker
from dealership.hours import Schedule, Span, spans_on
from dealership.spans import joined, shared, without

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of a store's local `day` that it is open and none of those who get leads works.
    `stand_in` is the name of who covers it; empty: nobody."""

    store_id: int
    day: date
    span: Span
    stand_in: str = ""


def holes(
    workers: Sequence[Worker], stores: Mapping[int, Schedule], days: Sequence[date]
) -> list[Hole]:
    """What is open on `days` (in order) and not covered, store by store. `workers` have their
    absences from the day before the first until the day after the last."""
    return [
        hole
        for store_id, hours in stores.items()
        for hole in _holes_of(_in_store(workers, store_id), store_id, hours, days)
    ]


def without_stand_in(workers: Sequence[Worker], found: Iterable[Hole]) -> list[Worker]:
    """Those whose break or absence leaves a store with nobody."""
    bare = [hole for hole in found if not hole.stand_in]
    if not bare:
        return []
    days = _around(sorted({hole.day for hole in bare}))
    return [
        worker
        for worker in workers
        if worker.takes_leads
        and shared(
            worker.relieved(days), [hole.span for hole in bare if worker.serves(hole.store_id)]
        )
    ]


def _holes_of(
    workers: Sequence[Worker], store_id: int, hours: Schedule, days: Sequence[date]
) -> list[Hole]:
    around = _around(days)
    at_work = joined(
        span for one in workers if one.takes_leads for span in one.working(around, store_id)
    )
    found: list[Hole] = []
    for day in days:
        bare = without(spans_on(hours, day), at_work)
        if not bare:
            continue
        covered: list[Span] = []
        for stand_in, spans in _stand_ins(workers, around):
            parts = without(shared(bare, spans), covered)
            covered += parts
            found += [Hole(store_id, day, part, stand_in.name) for part in parts]
        found += [Hole(store_id, day, part) for part in without(bare, covered)]
    return sorted(found, key=lambda one: one.span)


def _stand_ins(workers: Sequence[Worker], days: Sequence[date]) -> list[tuple[Worker, list[Span]]]:
    """Who stands in for somebody, and when they do."""
    by_id = {one.staff_id: one for one in workers}
    return [
        (stand_in, shared(one.relieved(days), stand_in.working(days)))
        for one in workers
        if one.takes_leads
        and one.work.stand_in_id is not None
        and (stand_in := by_id.get(one.work.stand_in_id)) is not None
    ]


def _in_store(workers: Sequence[Worker], store_id: int) -> list[Worker]:
    return [one for one in workers if one.serves(store_id)]


def _around(days: Sequence[date]) -> list[date]:
    """With the evening before, that may run into the first, and the day after: zones differ."""
    return [days[0] - _DAY, *days, days[-1] + _DAY] if days else []
