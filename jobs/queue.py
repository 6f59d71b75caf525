"""The queue's verbs: ask for work, take it, and say how it ended.

They run inside the caller's `core.db.writing()`, so a job appears or ends in the same
transaction as its cause or its effect. Delivery is at least once: a handler may run twice.

A claim is a lease with an end and a fence, a number that grows with each claim. Whoever says how
a job ended must still hold it (owner, fence and state are in every WHERE); otherwise `LeaseLost`
is raised and rolls back everything done in that transaction. Leases that ran out are taken by the
query that takes new work: there is no separate rescuer that could be down.

LeaseLost            another worker took the job over
PermanentFailure     raised by handlers: no use in trying again
NoSuchJob            no job has that number
NotWaiting           the job is not in a state in which a person can retry or discard it
AlreadyQueued        the same work is waiting or running already
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypedDict

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.orm import aliased

from core.clock import now
from core.db import db, writing
from core.errors import DomainError
from core.wakeup import wake_after_commit
from jobs.models import Heartbeat, Job

# Lanes: what is due in a lower one is taken first.
URGENT = 10  # a person is waiting for it
SOON = 50
ORDINARY = 100
HEAVY = 200  # seconds of work each
BULK = 300  # minutes of work each; a worker keeps one thread free of it

LEASE_SECONDS = 60
BACKOFF_BASE_SECONDS = 5
BACKOFF_CAP_SECONDS = 15 * 60
DEATHS_ALLOWED = 2
KEEP_DONE_DAYS = 7
KEEP_HEARTBEAT_DAYS = 1
PURGE_BATCH = 500
LONGEST_REASON_CHARS = 1000

# Rows are changed behind the back of the session, which holds no jobs while workers work.
UNSYNCED = {"synchronize_session": False}
LIVE = sa.text(
    "state IN ('ready', 'running') AND dedup_key IS NOT NULL"
)  # word for word as in the index


class LeaseLost(DomainError):
    """Another worker took the job over; what this one did must not count."""


class PermanentFailure(DomainError):
    """Trying again cannot help. `str(error)` says why, for a person who can do something."""


class NoSuchJob(DomainError):
    """No job has that number."""


class NotWaiting(DomainError):
    """The job is in a state in which nobody needs to decide about it."""


class AlreadyQueued(DomainError):
    """The same work is waiting or running already."""


@dataclass(frozen=True)
class ClaimedJob:
    """A job in the hands of one worker, until its lease ends."""

    id: int
    kind: str
    payload: dict[str, Any]
    owner: str
    fence: int
    attempts: int
    max_attempts: int


class FirstJob(TypedDict):
    """What `enqueue_first` needs to know of a job."""

    kind: str
    payload: dict[str, Any]
    dedup_key: str


@dataclass(frozen=True)
class Depth:
    """How many jobs of one kind are in one state, and how long ago the oldest was asked for."""

    kind: str
    state: str
    count: int
    oldest_seconds: float


def enqueue(
    kind: str,
    payload: dict[str, Any] | None = None,
    *,
    dedup_key: str | None = None,
    due_at: datetime | None = None,
    priority: int = ORDINARY,
    max_attempts: int = 8,
) -> Job | None:
    """Ask for `kind` to be done with `payload` (ids and plain values), at `due_at` or at once.

    Returns None when the same work (kind and `dedup_key`) waits already. If it is running at this
    moment it may have read too early to notice what changed, so it is run once more afterwards.
    """
    insert = postgresql.insert if _is_postgres() else sqlite.insert
    statement = insert(Job).values(
        kind=kind,
        payload=payload or {},
        dedup_key=dedup_key,
        due_at=due_at or _instant(),
        priority=priority,
        max_attempts=max_attempts,
        created_at=_instant(),
    )
    # Never an error on a clash: on PostgreSQL it would spoil the caller's transaction.
    statement = statement.on_conflict_do_update(
        index_elements=["kind", "dedup_key"],
        index_where=LIVE,
        set_={"rerun": True, "payload": statement.excluded.payload},
        where=Job.state == "running",
    )
    job = db.session.scalars(
        statement.returning(Job), execution_options={"populate_existing": True}
    ).one_or_none()
    if job is None or job.rerun:
        return None
    if due_at is None:
        wake_after_commit(db.session())
    return job


def enqueue_first(
    connection: Connection, jobs: Sequence[FirstJob], *, priority: int, max_attempts: int
) -> None:
    """`enqueue` for work that nobody can have asked for before, because its cause is born in this
    very transaction: one plain INSERT, prepared once, where somebody waits for every millisecond.
    Who commits wakes the workers (core.wakeup).
    """
    instant = None if connection.dialect.name == "postgresql" else now()
    times = {} if instant is None else {"due_at": instant, "created_at": instant}
    common = {"priority": priority, "max_attempts": max_attempts, **times}
    connection.execute(_first_insert(instant is None), [{**job, **common} for job in jobs])


@cache
def _first_insert(is_by_server_clock: bool) -> sa.Insert:
    statement = sa.insert(Job.__table__)  # type: ignore[arg-type]
    if is_by_server_clock:
        instant = sa.literal_column("statement_timestamp()", sa.DateTime(timezone=True))
        statement = statement.values(due_at=instant, created_at=instant)
    return statement.inline()


def claim_next(
    owner: str,
    kinds: Collection[str] | None = None,
    lease_seconds: float = LEASE_SECONDS,
    below_priority: int | None = None,
) -> ClaimedJob | None:
    """Take the next job that is due or whose worker's lease ran out; None when there is none.

    `kinds` limits what is taken; `below_priority` leaves slower lanes to others. A job that two
    workers did not survive is put aside instead of being given to a third.
    """
    is_rescue = Job.state == "running"
    poisoned = sa.and_(is_rescue, Job.deaths + 1 >= DEATHS_ALLOWED)
    statement = (
        sa.update(Job)
        .where(Job.id == _next_id(kinds, below_priority, lock=True))
        .values(
            state=sa.case((poisoned, "dead"), else_="running"),
            last_error=sa.case((poisoned, died_twice()), else_=Job.last_error),
            finished_at=sa.case((poisoned, _instant()), else_=None),
            deaths=Job.deaths + sa.case((is_rescue, 1), else_=0),
            attempts=Job.attempts + sa.case((poisoned, 0), else_=1),
            owner=owner,
            lease_until=_instant(lease_seconds),
            fence=Job.fence + 1,
        )
        .returning(*CLAIMED)
        .execution_options(synchronize_session=False)
    )
    while row := db.session.execute(statement).one_or_none():
        if row.state == "running":
            return ClaimedJob(
                row.id, row.kind, row.payload, owner, row.fence, row.attempts, row.max_attempts
            )
        _ask_again(row)
    return None


def anything_due(kinds: Collection[str] | None = None, below_priority: int | None = None) -> bool:
    """Whether `claim_next` would find something. Only reads, so idle workers disturb nobody."""
    return db.session.scalar(sa.select(_next_id(kinds, below_priority))) is not None


def renew(job: ClaimedJob, lease_seconds: float = LEASE_SECONDS) -> None:
    """Hold `job` for `lease_seconds` more. Raises LeaseLost."""
    _change_mine(job, lease_until=_instant(lease_seconds))


def finish(job: ClaimedJob) -> None:
    """`job` is done. Raises LeaseLost, so call it in the transaction that records the effect."""
    row = _change_mine(
        job,
        state=sa.case((Job.rerun, "ready"), else_="done"),
        attempts=sa.case((Job.rerun, 0), else_=Job.attempts),
        deaths=sa.case((Job.rerun, 0), else_=Job.deaths),
        due_at=sa.case((Job.rerun, _instant()), else_=Job.due_at),
        finished_at=sa.case((Job.rerun, None), else_=_instant()),
        last_error=None,
        rerun=False,
        **UNOWNED,
    )
    if row.state == "ready":
        wake_after_commit(db.session())


def fail(job: ClaimedJob, reason: str) -> None:
    """This attempt went wrong: try again later, or put aside after the last. Raises LeaseLost."""
    if job.attempts >= job.max_attempts:
        park(job, reason)
        return
    _change_mine(
        job,
        state="ready",
        due_at=_instant(backoff_seconds(job.attempts)),
        last_error=reason[:LONGEST_REASON_CHARS],
        rerun=False,  # it runs again anyway
        **UNOWNED,
    )


def park(job: ClaimedJob, reason: str) -> None:
    """Put `job` aside for a person to decide, with `reason` in words. Raises LeaseLost."""
    row = _change_mine(
        job,
        state="dead",
        finished_at=_instant(),
        last_error=reason[:LONGEST_REASON_CHARS],
        **UNOWNED,
    )
    _ask_again(row)


def release(job: ClaimedJob) -> None:
    """Give `job` back untouched, for another worker to start at once. Raises LeaseLost."""
    _change_mine(
        job, state="ready", due_at=_instant(), attempts=Job.attempts - 1, rerun=False, **UNOWNED
    )
    wake_after_commit(db.session())


def backoff_seconds(attempts: int) -> float:
    """How long to wait after failed attempt number `attempts`: doubling, capped, full jitter."""
    ceiling = min(BACKOFF_CAP_SECONDS, BACKOFF_BASE_SECONDS * 2 ** min(attempts - 1, 20))
    return float(ceiling * (1 - random.random()))


def retry(job_id: int) -> None:
    """A person wants a dead job tried again, with all its attempts.

    Raises NoSuchJob, NotWaiting, or AlreadyQueued when the same work was asked for anew.
    """
    statement = (
        sa.update(Job)
        .where(Job.id == job_id, Job.state == "dead")
        .values(
            state="ready",
            due_at=_instant(),
            attempts=0,
            deaths=0,
            rerun=False,
            finished_at=None,
            **UNOWNED,
        )
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    try:
        with db.session.begin_nested():
            changed = db.session.execute(statement).one_or_none()
    except sa.exc.IntegrityError:
        raise AlreadyQueued(
            _("The same work is already in the queue: job %(id)s can be discarded.", id=job_id)
        ) from None
    if changed is None:
        _refuse(job_id)
    wake_after_commit(db.session())


def discard(job_id: int) -> None:
    """A person decided that a dead or waiting job need not run. Raises NoSuchJob, NotWaiting."""
    changed = db.session.execute(
        sa.update(Job)
        .where(Job.id == job_id, Job.state.in_(["dead", "ready"]))
        .values(state="done", finished_at=_instant(), rerun=False, **UNOWNED)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if changed is None:
        _refuse(job_id)


def dead_jobs(limit: int = 200) -> Sequence[Job]:
    """The jobs that wait for a person, latest first."""
    return jobs_in("dead", limit)


def jobs_in(state: str, limit: int = 200) -> Sequence[Job]:
    """Up to `limit` jobs in `state` (ready, running, done, dead), latest first."""
    query = sa.select(Job).where(Job.state == state).order_by(Job.id.desc()).limit(limit)
    return db.session.scalars(query).all()


def depth() -> list[Depth]:
    """What waits, runs or is dead, by kind. Ages count from when the work was asked for."""
    rows = db.session.execute(
        sa.select(Job.kind, Job.state, sa.func.count(), sa.func.min(Job.created_at))
        .where(Job.state.in_(["ready", "running", "dead"]))
        .group_by(Job.kind, Job.state)
        .order_by(Job.kind, Job.state)
    )
    instant = database_now()
    return [
        Depth(kind, state, count, max(0.0, (instant - oldest).total_seconds()))
        for kind, state, count, oldest in rows
    ]


def purge_done_jobs(_payload: dict[str, Any]) -> None:
    """Handler: forget jobs done a week ago, and workers not heard of for a day."""
    instant = database_now()
    old = sa.select(Job.id).where(
        Job.state == "done", Job.finished_at < instant - timedelta(days=KEEP_DONE_DAYS)
    )
    while job_ids := db.session.scalars(old.limit(PURGE_BATCH)).all():
        with writing() as session:  # in batches, so that nobody waits long for the database
            session.execute(
                sa.delete(Job).where(Job.id.in_(job_ids), Job.state == "done"),
                execution_options=UNSYNCED,
            )
    with writing() as session:
        silent = Heartbeat.seen_at < instant - timedelta(days=KEEP_HEARTBEAT_DAYS)
        session.execute(sa.delete(Heartbeat).where(silent), execution_options=UNSYNCED)


JOBS = {"purge_done_jobs": purge_done_jobs}


def database_now() -> datetime:
    """This instant by the clock all workers share: the server's, or this machine's for SQLite."""
    if not _is_postgres():
        return now()
    instant: datetime = db.session.execute(sa.select(_instant())).scalar_one()
    return instant.astimezone(UTC)


def died_twice() -> str:
    """Why a poisoned job was put aside, in words."""
    return str(_("Its worker stopped twice while running it. It may need too much memory or time."))


UNOWNED: dict[str, Any] = {"owner": None, "lease_until": None}
CLAIMED = (
    Job.id,
    Job.kind,
    Job.payload,
    Job.dedup_key,
    Job.state,
    Job.priority,
    Job.fence,
    Job.attempts,
    Job.max_attempts,
    Job.rerun,
)


def _is_postgres() -> bool:
    return db.engine.dialect.name == "postgresql"


def _instant(after_seconds: float = 0) -> sa.ColumnElement[datetime]:
    """Now plus `after_seconds`, by the database's clock: workers' machines may disagree."""
    if _is_postgres():
        server_now = sa.literal_column("statement_timestamp()", sa.DateTime(timezone=True))
        return server_now + sa.literal(timedelta(seconds=after_seconds), sa.Interval())
    return sa.literal(now() + timedelta(seconds=after_seconds), Job.due_at.type)


def _next_id(
    kinds: Collection[str] | None, below_priority: int | None, lock: bool = False
) -> sa.ColumnElement[int]:
    """The job to take next: an abandoned one, else the first due one in the lowest lane.

    Two ordered searches, each answered from the index at its first row. One search with OR would
    sort everything that waits, at each claim.
    """
    job = aliased(Job)
    abandoned = sa.select(job.id).where(job.state == "running", job.lease_until < _instant())
    due = sa.select(job.id).where(job.state == "ready", job.due_at <= _instant())
    found = []
    for search in (abandoned, due):
        if kinds is not None:
            search = search.where(job.kind.in_(sorted(kinds)))  # noqa: PLW2901
        if below_priority is not None:
            search = search.where(job.priority < below_priority)  # noqa: PLW2901
        search = search.order_by(job.priority, job.due_at).limit(1)  # noqa: PLW2901
        if lock:
            search = search.with_for_update(skip_locked=True)  # noqa: PLW2901
        found.append(search.scalar_subquery())
    return sa.func.coalesce(*found)


def _change_mine(job: ClaimedJob, **changes: Any) -> sa.Row[Any]:
    """Change the row if `job` is still held as claimed. Raises LeaseLost."""
    row = db.session.execute(
        sa.update(Job)
        .where(
            Job.id == job.id,
            Job.owner == job.owner,
            Job.fence == job.fence,
            Job.state == "running",
        )
        .values(**changes)
        .returning(*CLAIMED)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        raise LeaseLost(f"job {job.id} ({job.kind}) is no longer held by {job.owner}")
    return row


def _ask_again(row: sa.Row[Any]) -> None:
    """A job died that had been asked for anew while it ran: the new request gets its own row."""
    if row.rerun:
        enqueue(
            row.kind,
            row.payload,
            dedup_key=row.dedup_key,
            priority=row.priority,
            max_attempts=row.max_attempts,
        )


def _refuse(job_id: int) -> None:
    state = db.session.scalar(sa.select(Job.state).where(Job.id == job_id))
    if state is None:
        raise NoSuchJob(_("There is no job %(id)s.", id=job_id))
    raise NotWaiting(_("Job %(id)s is %(state)s: nothing to decide.", id=job_id, state=state))
