"""The accept path: from bytes in hand to "received", whatever dies next.

One short transaction stores the submission as it came together with the job that will read it.
When the database is locked, full or gone, the submission goes to the spool on disk. Mail, dedup,
scoring and everything else that takes time happens later, in the job.

DomainError
└── leads.spool.SpoolFailed    neither took it: the door keeps the text and offers the phone
"""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from core.clock import now
from core.config import BadSetting, Config, current
from core.db import db, writing, writing_rows
from core.wakeup import current_wakeup, wake_after_commit
from jobs.queue import URGENT, FirstJob, enqueue_first
from leads.group_commit import GroupCommit
from leads.models import Submission
from leads.spool import Spool

FORM_WAIT_SECONDS: Final = 2.0  # a buyer leaves after that
WEBHOOK_WAIT_SECONDS: Final = 0.1  # a portal switches slow receivers off
DRAIN_LOOK_SECONDS: Final = 2.0
SPOOL_ALARM_SECONDS: Final = 60.0
MOST_ATTEMPTS: Final = 200  # 48 hours of tries every fifteen minutes

log = structlog.get_logger("vitrine.leads")
Also = Callable[[str], None]


@dataclass(frozen=True)
class Arrival:
    """One post, ready to be kept. `idem_key` is the same for a repeat and differs otherwise;
    `page_key` links different posts from one rendered page; `kind` is the job that reads it."""

    source: str
    idem_key: str
    payload: dict[str, Any]
    page_key: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    suspicion: int = 0
    kind: str = "process_submission"
    received_at: datetime = field(default_factory=now)

    @cached_property
    def id(self) -> str:
        """The submission's id: the same post gets the same one, in the database or the spool."""
        key = str(current().secret_key).encode()
        text = json.dumps([self.source, self.idem_key]).encode()
        return hmac.new(key, b"submission:" + text, hashlib.sha256).hexdigest()[:32]


@dataclass(frozen=True)
class Receipt:
    """What the door may answer: `id` for the thank-you address. A repeat added nothing; spooled
    means safe on disk and not yet in the database."""

    id: str
    is_repeat: bool = False
    is_spooled: bool = False


def init_capture(app: Flask, config: Config) -> None:
    """Give `app` its spool. Raises core.config.BadSetting where it cannot be."""
    try:
        app.extensions["vitrine_spool"] = Spool(Path(config.spool_dir))
    except OSError:
        raise BadSetting(f"VITRINE_SPOOL_DIR={config.spool_dir!r} cannot be made.") from None
    app.extensions["vitrine_drainer"] = _Drainer()
    app.extensions["vitrine_arrivals"] = GroupCommit(_store_all)


def spool() -> Spool:
    """The spool of the application that is running."""
    found: Spool = current_app.extensions["vitrine_spool"]
    return found


def spool_is_quick() -> bool:
    """Whether nothing waits in the spool for longer than a minute and nothing had to be put aside;
    an alarm of the probes."""
    try:
        return spool().depth()[1] <= SPOOL_ALARM_SECONDS and not spool().parked()
    except OSError:
        return False


def accept(
    arrival: Arrival, *, also: Also | None = None, wait_seconds: float = FORM_WAIT_SECONDS
) -> Receipt:
    """Keep `arrival` so that it survives anything, then say so.

    `also` gets the submission's id and writes in the same transaction (a booked time); a
    DomainError of its own leaves nothing behind. It is not called for a repeat, nor when the
    submission is spooled. Raises leads.spool.SpoolFailed.
    """
    for attempt in (1, 2):
        try:
            is_new = _store(arrival, also, wait_seconds)
        except sa.exc.SQLAlchemyError as error:
            db.session.rollback()
            # A connection lost during COMMIT leaves the outcome open; the same key settles it.
            if attempt == 1 and getattr(error, "connection_invalidated", False):
                continue
            log.error("submission_spooled", source=arrival.source, error=type(error).__name__)
            return to_spool(arrival)
        _drainer().look()
        return Receipt(arrival.id, is_repeat=not is_new)
    raise AssertionError("unreachable")


def _store(arrival: Arrival, also: Also | None, wait_seconds: float) -> bool:
    if also is None:
        db.session.rollback()  # whoever reads on sees what was kept meanwhile
        line: GroupCommit[Arrival] = current_app.extensions["vitrine_arrivals"]
        return line.keep(arrival, time.monotonic() + wait_seconds)
    with writing(wait_seconds=wait_seconds):
        is_new = insert(arrival)
        if is_new:
            also(arrival.id)
    return is_new


def _store_all(arrivals: Sequence[Arrival], deadline: float) -> list[bool]:
    with writing_rows(deadline) as connection:
        found = _insert_all(connection, arrivals)
    current_wakeup().announce()
    return found


def is_kept(submission_id: str) -> bool:
    """Whether there is such a submission. Raises what the database raises."""
    # The spool first: what is drained meanwhile is in the database by then.
    return spool().find(submission_id) or db.session.get(Submission, submission_id) is not None


def insert(arrival: Arrival) -> bool:
    """Add the submission and its job to the caller's transaction; False when it is there."""
    (is_new,) = _insert_all(db.session.connection(), [arrival])
    if is_new:
        wake_after_commit(db.session())
    return is_new


def _insert_all(connection: Connection, arrivals: Sequence[Arrival]) -> list[bool]:
    statement = _insert(connection.dialect.name)
    found = [connection.execute(statement, _row(arrival)).rowcount == 1 for arrival in arrivals]
    jobs: list[FirstJob] = [
        {
            "kind": arrival.kind,
            "payload": {"submission_id": arrival.id},
            "dedup_key": arrival.id,
        }
        for arrival, is_new in zip(arrivals, found, strict=True)
        if is_new
    ]
    if jobs:
        enqueue_first(connection, jobs, priority=URGENT, max_attempts=MOST_ATTEMPTS)
    return found


def _row(arrival: Arrival) -> dict[str, Any]:
    return {
        "id": arrival.id,
        "source": arrival.source,
        "idem_key": arrival.idem_key,
        "page_key": arrival.page_key,
        "payload": arrival.payload,
        "meta": arrival.meta,
        "suspicion": arrival.suspicion,
        "received_at": arrival.received_at,
        "state": "new",
        "error": "",
    }


@cache
def _insert(dialect: str) -> Any:
    """Prepared once: building it anew costs as much as running it."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    table = Submission.__table__
    statement = insert(table).on_conflict_do_nothing().inline()  # type: ignore[arg-type]
    return statement.execution_options(preserve_rowcount=True)  # else lost once the cursor closes


def to_spool(arrival: Arrival) -> Receipt:
    """Keep `arrival` on disk until the database takes it. Raises leads.spool.SpoolFailed."""
    record = asdict(arrival)
    record["received_at"] = arrival.received_at.isoformat()
    spool().put({**record, "id": arrival.id})
    _drainer().start()
    return Receipt(arrival.id, is_spooled=True)


def drain() -> int:
    """Store what the spool holds, oldest first; how many. Raises what the database raises."""
    return spool().drain(_restore)


def _restore(record: dict[str, Any]) -> bool:
    """Whether the record is stored; False when no database will ever take it."""
    try:
        received_at = datetime.fromisoformat(record["received_at"])
        facts = {key: value for key, value in record.items() if key != "id"}
        arrival = Arrival(**{**facts, "received_at": received_at})
        with writing(wait_seconds=FORM_WAIT_SECONDS):
            insert(arrival)
    except (KeyError, TypeError, ValueError, sa.exc.DataError) as error:
        log.error("spooled_submission_parked", error=type(error).__name__)
        return False
    return True


class _Drainer:
    """A thread per process that empties the spool soon after the database is back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._next_look = 0.0

    def look(self) -> None:
        """Start draining if anything waits, a crash's leavings too. Costs one folder look. A folder
        that cannot be read is an alarm, not a failure of whoever is kept already."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + DRAIN_LOOK_SECONDS
        try:
            if not spool().is_empty():
                self.start()
        except OSError as error:
            log.error("spool_unreadable", error=type(error).__name__)

    def start(self) -> None:
        """Drain in the background until nothing waits."""
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        with self._lock:
            if self._thread and self._thread.is_alive():
                return
            self._thread = threading.Thread(target=self._run, args=(app,), daemon=True)
            self._thread.start()

    def _run(self, app: Flask) -> None:
        while True:
            with app.app_context():
                try:
                    drain()
                    if spool().is_empty():
                        return
                except (sa.exc.SQLAlchemyError, OSError) as error:
                    log.warning("spool_waits", error=type(error).__name__)
                finally:
                    db.session.remove()
            time.sleep(DRAIN_LOOK_SECONDS)


def _drainer() -> _Drainer:
    found: _Drainer = current_app.extensions["vitrine_drainer"]
    return found


def drain_spool(_payload: dict[str, Any]) -> None:
    """The worker's turn at the spool: a web process that was killed drains nothing."""
    drain()


JOBS = {"drain_spool": drain_spool}
