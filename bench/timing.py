"""Fair comparison on a noisy machine: both sides in turn, medians, CPU time beside wall time."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

Work = Callable[[], Any]

CPU_US: Final = "us CPU"
WALL_US: Final = "us wall"
KIB: Final = "KiB"
PER_SECOND: Final = "req/s"
COUNT: Final = "count"
MORE_IS_BETTER: Final = frozenset({PER_SECOND})


@dataclass(frozen=True)
class Measured:
    """One row of the table; the ratio is ours over the reference.

    `unit` says what both figures are: microseconds of CPU unless told. `limit` is the most that the
    ratio may be, or, for rates (`MORE_IS_BETTER`), the least.
    """

    name: str
    size: int
    ours: float
    theirs: float
    reference: str
    limit: float | None = None
    note: str = ""
    unit: str = CPU_US

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs if self.theirs else float("inf")

    @property
    def verdict(self) -> str:
        """PASS, OVER (the limit), UNDER (the floor), or nothing where no limit is set."""
        if self.limit is None:
            return ""
        if self.unit in MORE_IS_BETTER:
            return "PASS" if self.ratio >= self.limit else "UNDER"
        return "PASS" if self.ratio <= self.limit else "OVER"


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
