"""Group commit: posts that come while another is being stored share the next transaction.

A transaction costs about the same for one row as for ten: the turn at the gate, BEGIN, COMMIT and
the disk's "it is written". So one post at a time leads; those that come meanwhile stand in line,
and the next one to lead stores the whole line at once. A post that is alone pays nothing for this.
Nobody is answered before the transaction that holds their row is committed. (DeWitt et al.,
"Implementation Techniques for Main Memory Database Systems", SIGMOD 1984.)
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.db import DatabaseBusy

Row = TypeVar("Row")
# Stores all rows in one transaction before a moment (monotonic seconds) and says of each, in
# order, whether it is new; or raises and stores none.
Store = Callable[[Sequence[Row], float], Sequence[bool]]


@dataclass(eq=False)
class _Place(Generic[Row]):
    row: Row
    is_over: bool = False
    is_new: bool | None = None


class GroupCommit(Generic[Row]):
    """The line of one process, for any number of threads."""

    def __init__(self, store: Store[Row]) -> None:
        self._store = store
        self._changed = threading.Condition(threading.Lock())
        self._line: list[_Place[Row]] = []
        self._is_led = False

    def keep(self, row: Row, deadline: float) -> bool:
        """Whether `row` is new, once it is durable. Raises what storing it raises, and
        core.db.DatabaseBusy at `deadline` (monotonic seconds), when it may become durable all the
        same."""
        place = _Place(row)
        if group := self._line_up(place, deadline):
            self._lead(group, deadline)
        if place.is_new is None:  # the group failed: alone, each meets its own trouble and no other
            return self._store([row], deadline)[0]
        return place.is_new

    def _line_up(self, place: _Place[Row], deadline: float) -> list[_Place[Row]]:
        """Whom to store, once it is our turn to; nobody, when another one took us along."""
        with self._changed:
            self._line.append(place)
            while self._is_led and not place.is_over:
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    if place in self._line:
                        self._line.remove(place)
                    raise DatabaseBusy
            if place.is_over:
                return []
            group, self._line, self._is_led = self._line, [], True
            return group

    def _lead(self, group: list[_Place[Row]], deadline: float) -> None:
        try:
            found = self._store([place.row for place in group], deadline)
            for place, is_new in zip(group, found, strict=True):
                place.is_new = is_new
        except Exception:
            if len(group) == 1:
                raise
        finally:
            with self._changed:
                for place in group:
                    place.is_over = True
                self._is_led = False
                self._changed.notify_all()
