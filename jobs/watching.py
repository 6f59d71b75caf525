"""Figures about the queue and its workers for whoever watches the machine."""

from collections import Counter
from collections.abc import Iterator

import sqlalchemy as sa

from core.db import db
from core.metrics import Reading
from jobs.models import Heartbeat
from jobs.queue import database_now, depth


def readings() -> Iterator[Reading]:
    """Jobs by state, the age of the oldest that waits, and how long no worker was heard of."""
    rows = depth()
    counts: Counter[str] = Counter({"ready": 0, "running": 0, "dead": 0})
    for row in rows:
        counts[row.state] += row.count
    yield "jobs", "Jobs by state", {(("state", one),): float(n) for one, n in counts.items()}
    oldest = max((row.oldest_seconds for row in rows if row.state == "ready"), default=0.0)
    yield "job_oldest_seconds", "Age of the oldest job that waits", {(): oldest}
    seen = db.session.scalar(sa.select(sa.func.max(Heartbeat.seen_at)))
    if seen is not None:
        silent = max(0.0, (database_now() - seen).total_seconds())
        yield "worker_silent_seconds", "Since a worker gave a sign of life", {(): silent}
