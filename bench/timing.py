"""Fair comparison on a noisy machine: both sides in turn, medians, CPU time beside wall time."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Work = Callable[[], Any]


@dataclass(frozen=True)
class Measured:
    """One row of the table. Times in microseconds; the ratio is ours over the reference."""

    name: str
    size: int
    ours_us: float
    reference_us: float
    reference: str
    limit: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.ours_us / self.reference_us


def timed_us(work: Work, least_seconds: float = 0.05) -> float:
    """CPU microseconds of one call of `work`, from as many calls as fill `least_seconds`."""
    calls = 0
    started, cpu = time.perf_counter(), time.process_time()
    while True:
        work()
        calls += 1
        if time.perf_counter() - started >= least_seconds:
            return (time.process_time() - cpu) / calls * 1e6


def alternated(ours: Work, reference: Work, rounds: int = 7, least: float = 0.05
               ) -> tuple[float, float]:  # fmt: skip
    """Medians of both in microseconds of CPU, measured in turn so that noise meets both."""
    ours()
    reference()
    pairs = [(timed_us(ours, least), timed_us(reference, least)) for _ in range(rounds)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def cycled(works: Sequence[Work]) -> Work:
    """A work that does all of `works`; divide its time by their number."""

    def do_all() -> None:
        for work in works:
            work()

    return do_all
