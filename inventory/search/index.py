"""Keeps one snapshot of the stock per process and brings it up to date.

A request asks for the stock's version at most every quarter of a second. When it moved, the rows
with a newer `stock_seq` are read and a new snapshot is made beside the old one and put in its place
by one assignment. Other threads go on with the old one meanwhile, unless nobody knows it to have
been current within the last second: then they wait for the new one. An import of very many
vehicles is patched in by a thread of its own, and requests stop waiting for it after a moment.

The index holds an engine, not a session: what it reads is never older than the question.
"""

import logging
import threading
import time
from datetime import datetime
from typing import Final

from flask import current_app
from sqlalchemy.engine import Connection, Engine

from core.clock import now
from core.db import db
from inventory.search import loading
from inventory.search.engine import Snapshot

CHECK_SECONDS: Final = 0.25
# A change is seen within one second: the check above plus this bound on serving an old snapshot.
STALE_SECONDS: Final = 0.7
MANY_CHANGES: Final = 5_000  # rows; more are patched in beside the requests
LONGEST_WAIT_SECONDS: Final = 1.0  # what a request waits for such a patch

_log = logging.getLogger(__name__)


class StockIndex:
    """The listed stock of one database, as this process knows it. Safe for threads."""

    def __init__(self, engine: Engine, check_seconds: float = CHECK_SECONDS) -> None:
        self._engine = engine
        self._check_seconds = check_seconds
        self._snapshot: Snapshot | None = None
        self._stores: dict[int, loading.StoreFacts] = {}
        self._unlisted: set[int] = set()
        self._lock = threading.Lock()  # held by whoever makes the next snapshot
        self._checked_at = 0.0  # when the snapshot was last known to be current
        self._asked_at = 0.0
        self._beside: threading.Thread | None = None  # a large patch under way, and since when
        self._beside_since = 0.0

    def snapshot(self) -> Snapshot:
        """The stock as of less than a second ago."""
        snapshot = self._snapshot
        if snapshot is None:
            with self._lock:
                snapshot = self._snapshot or self._refresh()
        elif self._is_due():
            snapshot = self._checked(snapshot)
        ends = snapshot.next_promotion_end
        if ends is not None and now().timestamp() >= ends:
            snapshot = self._without_ended_promotions()
        return snapshot

    def is_at_least(self, version: int) -> bool:
        """Whether what is answered from here on is of `version` of the stock or a later one,
        after looking for it if need be."""
        snapshot = self._snapshot
        if snapshot is None or snapshot.version < version:
            self._asked_at = self._checked_at = -self._check_seconds - STALE_SECONDS
            snapshot = self.snapshot()
        return snapshot.version >= version

    def _is_due(self) -> bool:
        return time.monotonic() - self._asked_at >= self._check_seconds

    def _checked(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot after asking for the stock's version, or the old one while another thread
        does that and the old one is fresh enough."""
        if self._beside is not None and self._beside.is_alive():
            return self._waited(self._beside, snapshot)
        asked_at = time.monotonic()
        is_fresh = asked_at - self._checked_at < STALE_SECONDS
        wait = -1 if is_fresh else LONGEST_WAIT_SECONDS
        if not self._lock.acquire(blocking=not is_fresh, timeout=wait):
            return snapshot
        try:
            current = self._snapshot or snapshot
            if not self._is_due():  # another thread just did it
                return current
            with self._connect() as connection:
                version = loading.read_version(connection)
                if version == current.version:
                    self._asked_at = self._checked_at = asked_at
                    return current
                changed = loading.changed_since(connection, current.version)
                if len(changed) <= MANY_CHANGES:
                    return self._refreshed(connection, version, changed)
        finally:
            self._lock.release()
        return self._refresh_beside(current)

    def _refresh_beside(self, current: Snapshot) -> Snapshot:
        """Bring the index up to date in another thread; wait for it only so long."""

        def refresh() -> None:
            with self._lock:
                if self._snapshot is current:
                    self._refresh()

        thread = threading.Thread(target=refresh, name="stock-index", daemon=True)
        self._asked_at = self._beside_since = time.monotonic()
        thread.start()
        self._beside = thread
        return self._waited(thread, current)

    def _waited(self, thread: threading.Thread, old: Snapshot) -> Snapshot:
        """What there is once `thread` ended, or once requests have waited for it long enough:
        one moment from its start, not one for each request."""
        left = self._beside_since + LONGEST_WAIT_SECONDS - time.monotonic()
        thread.join(max(0.0, left))
        return self._snapshot or old

    def _refresh(self) -> Snapshot:
        """Make the snapshot of this moment and put it in place. The caller holds the lock."""
        with self._connect() as connection:
            version = loading.read_version(connection)
            changed: list[int] = []
            if self._snapshot is not None:
                changed = loading.changed_since(connection, self._snapshot.version)
            return self._refreshed(connection, version, changed)

    def _refreshed(self, connection: Connection, version: int, changed: list[int]) -> Snapshot:
        """The same for `version`, which `changed` vehicles lead to."""
        asked_at, moment = time.monotonic(), now()
        stores = loading.read_stores(connection)
        snapshot = None
        if self._snapshot is not None and self._snapshot.version < version:
            snapshot = self._patched(connection, stores, version, changed, moment)
        if snapshot is None:
            loaded = loading.load_all(connection, stores, moment)
            snapshot = Snapshot.of(loaded.columns, version)
            self._unlisted = loaded.unlisted
        self._stores = stores
        self._snapshot = snapshot
        self._asked_at = self._checked_at = asked_at
        _log.debug("stock index at version %s: %s vehicles", version, len(snapshot))
        return snapshot

    def _patched(
        self,
        connection: Connection,
        stores: dict[int, loading.StoreFacts],
        version: int,
        changed: list[int],
        moment: datetime,
    ) -> Snapshot | None:
        """The snapshot with the changed rows in their new form; None when only reading everything
        gives the truth: a store changed what it lists or is called, or rows were deleted."""
        before = self._snapshot
        known = self._stores
        if before is None or any(stores.get(number) != store for number, store in known.items()):
            return None
        if len(changed) > MANY_CHANGES and len(changed) * 2 > len(before):
            return None
        loaded = loading.load_some(connection, changed, stores, moment)
        unlisted = (self._unlisted - set(changed)) | loaded.unlisted
        after = before.changed(changed, loaded.columns, version)
        if len(after) + len(unlisted) != loading.count_listable(connection):
            return None
        self._unlisted = unlisted
        return after

    def _without_ended_promotions(self) -> Snapshot:
        with self._lock:
            snapshot = self._snapshot or self._refresh()
            instant = int(now().timestamp())
            if snapshot.next_promotion_end is not None and instant >= snapshot.next_promotion_end:
                snapshot = self._snapshot = snapshot.with_ended_promotions(instant)
        return snapshot

    def _connect(self) -> Connection:
        """A connection that sees one moment of the database through all its statements."""
        connection = self._engine.connect()
        if self._engine.dialect.name == "postgresql":
            return connection.execution_options(isolation_level="REPEATABLE READ")
        return connection


_EXTENSION: Final = "vitrine_stock_index"


def stock_index() -> StockIndex:
    """The index of the running application. Tests ask the version on every call, so that a test
    need not wait and a page always costs the same number of statements."""
    index: StockIndex | None = current_app.extensions.get(_EXTENSION)
    if index is None:
        check_seconds = 0.0 if current_app.testing else CHECK_SECONDS
        index = current_app.extensions.setdefault(_EXTENSION, StockIndex(db.engine, check_seconds))
    return index


def warm() -> int:
    """Build the index now rather than at the first request; the number of listed vehicles."""
    return len(stock_index().snapshot())
