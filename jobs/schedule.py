"""Keeps time: work that recurs, each tick enqueued by exactly one worker.

The table holds when each task runs next. A worker that finds one due moves it on with a
conditional UPDATE and enqueues the job in the same transaction; whoever comes second finds it
moved. Ticks missed while nothing ran are made up for once, not one by one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from core.db import db, writing
from jobs.models import Timetable
from jobs.queue import ORDINARY, database_now, enqueue


@dataclass(frozen=True)
class Periodic:
    """`kind` with `payload`, every `every_seconds`. The name is what the table remembers."""

    name: str
    every_seconds: float
    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    priority: int = ORDINARY


def enqueue_due(tasks: Iterable[Periodic]) -> list[str]:
    """Enqueue what is due, opening `writing()` for each; the names of what this call enqueued."""
    planned = {row.name: row.next_run_at for row in db.session.scalars(sa.select(Timetable))}
    instant = database_now()
    db.session.rollback()  # only read: leave no transaction open
    enqueued = []
    for task in tasks:
        seen = planned.get(task.name)
        if seen is not None and not _is_due(task, seen, instant):
            continue
        with writing():
            if not _take_tick(task, seen, instant):
                continue
            # The key keeps a slow task from piling up behind itself.
            enqueue(
                task.kind,
                dict(task.payload),
                dedup_key=f"timetable:{task.name}",
                priority=task.priority,
            )
        enqueued.append(task.name)
    return enqueued


def _is_due(task: Periodic, next_run_at: datetime, instant: datetime) -> bool:
    # Further away than one period: the clock was set back or the period was shortened. Waiting
    # for that moment could take years.
    too_far = instant + timedelta(seconds=task.every_seconds)
    return next_run_at <= instant or next_run_at > too_far


def _next_run(task: Periodic, seen: datetime | None, instant: datetime) -> datetime:
    """The first moment after `instant` in step with `seen`."""
    every = timedelta(seconds=task.every_seconds)
    if seen is None or seen > instant:
        return instant + every
    return seen + every * ((instant - seen) // every + 1)


def _take_tick(task: Periodic, seen: datetime | None, instant: datetime) -> bool:
    """Move the task on; False when another worker did it first."""
    next_run_at = _next_run(task, seen, instant)
    if seen is None:
        insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
        first = insert(Timetable).values(name=task.name, next_run_at=next_run_at)
        taken = db.session.scalar(first.on_conflict_do_nothing().returning(Timetable.name))
    else:
        taken = db.session.scalar(
            sa.update(Timetable)
            .where(Timetable.name == task.name, Timetable.next_run_at == seen)
            .values(next_run_at=next_run_at)
            .returning(Timetable.name)
            .execution_options(synchronize_session=False)
        )
    return taken is not None
