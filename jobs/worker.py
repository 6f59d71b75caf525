"""The loop that drains the queue: a few threads that run handlers, one that keeps their leases.

Nothing here remembers anything: what is waiting, running and done is in the database, so a
worker may be killed at any instruction and the next one goes on. A handler

* takes the job's payload, works with no transaction open, and opens `writing()` where it must;
* may return a function: it is called in the same transaction that marks the job done, so its
  effect and the end of the job happen together or not at all (the lease lost: not at all);
* raises `jobs.queue.PermanentFailure` when trying again is no use; any other error is tried again;
* may run twice, and must be harmless the second time.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
import structlog
from flask import Flask
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite
from structlog.contextvars import bound_contextvars

from core.db import db, writing
from core.errors import DomainError
from core.logging import escape_control, redact_text
from core.wakeup import Listener, current_wakeup
from jobs import queue
from jobs.models import Heartbeat
from jobs.queue import ClaimedJob, LeaseLost, PermanentFailure
from jobs.schedule import Periodic, enqueue_due

Record = Callable[[], object]
Handler = Callable[[dict[str, Any]], Record | None]

LOOK_SECONDS = 0.1
TIMETABLE_SECONDS = 1.0
HEARTBEAT_SECONDS = 10.0
GRACE_SECONDS = 25.0  # supervisors send SIGKILL after 30
LONGEST_RUN_SECONDS = 3600.0  # then the thread is given up, and the job to somebody else
PAUSE_AFTER_ERROR_SECONDS = 1.0
MOST_APART = 12  # threads for kinds that run apart

log = structlog.get_logger("vitrine.jobs")


@dataclass(frozen=True)
class JobSetup:
    """What this application can do later, and what it does regularly."""

    handlers: Mapping[str, Handler]
    timetable: Sequence[Periodic] = ()
    # Kinds that wait for machines of others most of the time: they run in threads of their own, as
    # many as there are such jobs, so that somebody else's trouble delays none of our work.
    apart: frozenset[str] = frozenset()


@dataclass
class _Runner:
    """One thread and the job in its hands. Times are monotonic."""

    number: int
    below_priority: int | None
    kinds: frozenset[str]
    thread: threading.Thread = field(init=False)
    job: ClaimedJob | None = None
    started_at: float = 0.0
    renewed_at: float = 0.0
    given_up: bool = False


class Worker:
    """Drains the queue of `app` until told to stop."""

    def __init__(
        self,
        app: Flask,
        setup: JobSetup,
        *,
        threads: int = 2,
        lease_seconds: float = queue.LEASE_SECONDS,
        grace_seconds: float = GRACE_SECONDS,
        longest_run_seconds: float = LONGEST_RUN_SECONDS,
    ) -> None:
        self._app = app
        self._setup = setup
        self._threads = threads
        self._lease_seconds = lease_seconds
        self._grace_seconds = grace_seconds
        self._longest_run_seconds = longest_run_seconds
        self._stopping = False
        self._draining = False
        self._runners: list[_Runner] = []
        self._crowd = threading.Lock()
        self._next_at: dict[str, float] = {}
        self.owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"

    def stop(self) -> None:
        """Take nothing new; `run` returns when what is running has ended. Safe in a signal."""
        # A plain flag: an Event's lock could be held by the very code the signal interrupted.
        self._stopping = True

    def run(self, *, drain: bool = False) -> bool:
        """Work until `stop()`, or with `drain` until nothing is due any more.

        Returns False when a job did not end within the grace time: it was given back to the
        queue, and the process must now end without waiting for its thread.
        """
        self._draining = drain
        log.info("worker_started", owner=self.owner, threads=self._threads)
        for number in range(self._threads):
            # With two threads or more the first stays free of jobs that take minutes.
            reserved = number == 0 and self._threads > 1 and not drain
            kinds = self._kinds(with_apart=self._threads == 1 or drain)
            self._start(_Runner(number, queue.BULK if reserved else None, kinds))
        if self._threads > 1 and not drain and self._apart:
            self._start(_Runner(self._threads, None, self._apart))
        while not self._stopping and any(one.thread.is_alive() for one in list(self._runners)):
            self._keep()
            time.sleep(LOOK_SECONDS)
        ended = self._wait_for_the_running()
        self._guarded(self._say_goodbye)
        log.info("worker_stopped", owner=self.owner, clean=ended)
        return ended

    @property
    def _apart(self) -> frozenset[str]:
        return self._setup.apart & self._setup.handlers.keys()

    def _kinds(self, *, with_apart: bool) -> frozenset[str]:
        kinds = frozenset(self._setup.handlers)
        return kinds if with_apart else kinds - self._apart

    # The keeper: leases, sign of life, timetable.

    def _keep(self) -> None:
        for runner in list(self._runners):
            self._keep_lease(runner)
        if self._is_time("heartbeat", HEARTBEAT_SECONDS):
            self._guarded(self._say_alive)
        if not self._draining and self._is_time("timetable", TIMETABLE_SECONDS):
            self._guarded(lambda: enqueue_due(self._setup.timetable))

    def _is_time(self, task: str, every_seconds: float) -> bool:
        instant = time.monotonic()
        if instant < self._next_at.get(task, 0.0):
            return False
        self._next_at[task] = instant + every_seconds
        return True

    def _keep_lease(self, runner: _Runner) -> None:
        job, instant = runner.job, time.monotonic()
        if job is None or runner.given_up or instant - runner.renewed_at < self._lease_seconds / 3:
            return
        if instant - runner.started_at > self._longest_run_seconds:
            # A thread cannot be stopped from outside. Its lease runs out, the fence shuts it out.
            runner.given_up = True
            log.error("job_runs_too_long", job_id=job.id, kind=job.kind)
            self._runners.remove(runner)
            self._start(_Runner(runner.number, runner.below_priority, runner.kinds))
            return
        runner.renewed_at = instant
        self._guarded(lambda: self._renew(job, runner))

    def _renew(self, job: ClaimedJob, runner: _Runner) -> None:
        try:
            with writing():
                queue.renew(job, self._lease_seconds)
        except LeaseLost:
            if runner.job is job:  # else it ended while we were on our way
                log.warning("lease_lost", job_id=job.id, kind=job.kind)

    def _say_alive(self) -> None:
        insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
        statement = insert(Heartbeat).values(owner=self.owner, seen_at=queue.database_now())
        with writing() as session:
            session.execute(
                statement.on_conflict_do_update(
                    index_elements=["owner"], set_={"seen_at": statement.excluded.seen_at}
                )
            )

    def _say_goodbye(self) -> None:
        with writing() as session:
            session.execute(sa.delete(Heartbeat).where(Heartbeat.owner == self.owner))

    def _guarded(self, step: Callable[[], object]) -> None:
        """One step of the keeper. A database that is away must not end the worker."""
        try:
            with self._app.app_context():
                step()
        except Exception:
            log.exception("worker_step_failed")

    def _wait_for_the_running(self) -> bool:
        deadline = time.monotonic() + self._grace_seconds
        while any(one.thread.is_alive() for one in list(self._runners)):
            if time.monotonic() > deadline:
                self._give_back()
                return False
            for runner in list(self._runners):
                self._keep_lease(runner)
            time.sleep(LOOK_SECONDS)
        return True

    def _give_back(self) -> None:
        for runner in list(self._runners):
            if job := runner.job:
                self._guarded(lambda job=job: self._release(job))  # type: ignore[misc]

    def _release(self, job: ClaimedJob) -> None:
        try:
            with writing():
                queue.release(job)
        except LeaseLost:
            return  # it ended just now
        log.warning("job_given_back", job_id=job.id, kind=job.kind)

    # The runners.

    def _start(self, runner: _Runner) -> None:
        runner.thread = threading.Thread(
            target=self._serve, args=(runner,), name=f"jobs-{runner.number}", daemon=True
        )
        self._runners.append(runner)
        runner.thread.start()

    def _serve(self, runner: _Runner) -> None:
        listener: Listener | None = None
        while not self._stopping and not runner.given_up:
            try:
                if listener is None:
                    with self._app.app_context():
                        listener = current_wakeup().listener()
                if self._run_next(runner):
                    continue
                if self._draining or self._is_one_too_many(runner):
                    break
                self._idle(runner, listener)
            except Exception:  # the database is away, or full; the queue will still be there
                log.exception("worker_step_failed")
                time.sleep(PAUSE_AFTER_ERROR_SECONDS)
        if listener is not None:
            listener.close()

    def _idle(self, runner: _Runner, listener: Listener) -> None:
        """Return when there is something to take. Only reads: idle workers delay no writer."""
        while not self._stopping and not runner.given_up:
            listener.wait()
            with self._app.app_context():
                if queue.anything_due(runner.kinds, runner.below_priority):
                    return

    # Of the runners for kinds that run apart one at least is idle, up to a limit, and at most one
    # stays so.

    def _help_out(self, runner: _Runner) -> None:
        """Somebody else looks for the next job meanwhile."""
        with self._crowd:
            alike = [one for one in self._runners if one.kinds == runner.kinds]
            is_needed = not any(one.job is None for one in alike) and len(alike) < MOST_APART
            if is_needed and not self._stopping:
                self._start(_Runner(runner.number, None, runner.kinds))

    def _is_one_too_many(self, runner: _Runner) -> bool:
        """Whether another one waits already; this one is then off the list."""
        if not self._apart or runner.kinds != self._apart:
            return False
        with self._crowd:
            alike = [one for one in self._runners if one.kinds == runner.kinds]
            if not any(one.job is None for one in alike if one is not runner):
                return False
            self._runners.remove(runner)
            return True

    def _run_next(self, runner: _Runner) -> bool:
        """Take one job and see it through. False when there was none."""
        with self._app.app_context(), writing():
            job = queue.claim_next(
                self.owner, runner.kinds, self._lease_seconds, runner.below_priority
            )
        if job is None:
            return False
        runner.started_at = runner.renewed_at = time.monotonic()
        runner.job = job
        if self._apart and runner.kinds == self._apart and not self._draining:
            self._help_out(runner)
        try:
            with bound_contextvars(job_id=job.id, kind=job.kind, attempt=job.attempts):
                self._perform(job)
        finally:
            runner.job = None
        return True

    def _perform(self, job: ClaimedJob) -> None:
        started = time.perf_counter()
        try:
            with self._app.app_context():
                record = self._setup.handlers[job.kind](job.payload)
                with writing():
                    # First the lease, which also locks the row; then the effect that needs it.
                    queue.finish(job)
                    if record is not None:
                        record()
        except LeaseLost:
            log.warning("lease_lost")
        except PermanentFailure as error:
            log.warning("job_refused", error=type(error).__name__)
            self._settle(queue.park, job, error)
        except (Exception, SystemExit) as error:
            log.exception("job_failed")
            self._settle(queue.fail, job, error)
        else:
            log.info("job_done", ms=round((time.perf_counter() - started) * 1000, 1))

    def _settle(
        self, verb: Callable[[ClaimedJob, str], None], job: ClaimedJob, error: BaseException
    ) -> None:
        """Write down how the job ended, in a session that the handler has not touched."""
        try:
            with self._app.app_context(), writing():
                verb(job, reason_in_words(error))
        except LeaseLost:
            log.warning("lease_lost")


def reason_in_words(error: BaseException) -> str:
    """What staff read about a job that failed: our own sentence, or the bare facts, redacted."""
    if isinstance(error, DomainError):
        return escape_control(str(error))
    if isinstance(error, sa.exc.DBAPIError):
        error = error.orig or error  # without the statement and its parameters
    facts = (str(error).splitlines() or [""])[0]
    return str(
        _(
            "Unexpected error: %(error)s",
            error=escape_control(redact_text(f"{type(error).__name__}: {facts}")),
        )
    )
