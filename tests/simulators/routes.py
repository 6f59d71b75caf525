"""How a portal's calls are written down: which method of a simulator answers what."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from tests.simulators.faults import ANSWER_LOST, NOTHING_DONE, Fault
from tests.simulators.server import Answer


@dataclass(frozen=True)
class Route:
    """One call a portal knows. `can` are the faults that may befall it beyond the usual."""

    method: str
    shape: str  # "/items/<id>"
    name: str
    writes: bool
    can: frozenset[Fault]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", self.shape))


def route(
    method: str,
    shape: str,
    *,
    writes: bool | None = None,
    can: tuple[Fault, ...] = (),
    never_lost: bool = False,
) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Makes a method answer `method` at `shape`. `never_lost`: no answer of it gets lost, because
    nobody could mend that (a token that works once)."""
    is_write = method != "GET" if writes is None else writes
    usual = set(NOTHING_DONE | ANSWER_LOST | {Fault.SLOW})
    if never_lost:
        usual = {Fault.BUSY, Fault.AWAY, Fault.BROKEN, Fault.SLOW}
    elif not is_write:
        usual -= {Fault.BROKEN_AFTER, Fault.RESET_AFTER}
    possible = frozenset(usual | set(can))

    def mark(work: Callable[..., Answer]) -> Callable[..., Answer]:
        routes = getattr(work, "routes", ())
        work.routes = (*routes, Route(method, shape, work.__name__, is_write, possible))  # type: ignore[attr-defined]
        return work

    return mark


class Refusal(Exception):
    """Ends a call with `answer`."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def given(found: Route, fault: Fault | None) -> dict[str, bool]:
    """Which of the route's own faults its method is told of."""
    own = found.can & {Fault.MODERATED, Fault.SHORT, Fault.LOST_TOKEN, Fault.REORDERED}
    return {one.value: fault is one for one in own}


def routes_of(portal: type) -> Iterator[Route]:
    for name in dir(portal):
        yield from getattr(getattr(portal, name), "routes", ())
