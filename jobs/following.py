"""Following one piece of work from outside: is it on its way, did it give up, once more.

Work is named as for `jobs.queue.enqueue`: by its kind and its deduplication key.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask_babel import gettext as _

from core.db import db
from jobs.models import Job
from jobs.queue import LIVE, AlreadyQueued, NotWaiting, enqueue, retry


@dataclass(frozen=True)
class Halt:
    """Work that will not end by itself: why, in words, and the dead job if one is left."""

    reason: str
    job_id: int | None


def halted(kind: str, dedup_key: str) -> Halt | None:
    """Why the work will not end unless somebody asks again; None while it waits or runs.

    Meant for work whose end shows elsewhere: work that was done looks halted too."""
    live = sa.select(Job.id).where(Job.kind == kind, Job.dedup_key == dedup_key, LIVE)
    if db.session.scalar(live) is not None:
        return None
    dead = sa.select(Job).where(Job.state == "dead", Job.kind == kind, Job.dedup_key == dedup_key)
    job = db.session.scalars(dead.order_by(Job.id.desc()).limit(1)).one_or_none()
    if job is None:
        return Halt(_("It was called off, or its process stopped."), None)
    return Halt(job.last_error or "", job.id)


def once_more(kind: str, payload: dict[str, Any], *, dedup_key: str, max_attempts: int = 8) -> bool:
    """Have halted work done again; False when it is on its way already. Inside `writing()`."""
    halt = halted(kind, dedup_key)
    if halt is None:
        return False
    if halt.job_id is None:
        return enqueue(kind, payload, dedup_key=dedup_key, max_attempts=max_attempts) is not None
    try:
        retry(halt.job_id)
    except (AlreadyQueued, NotWaiting):  # somebody else was faster
        return False
    return True
