"""`flask worker` and `flask jobs …`: run the background work and look after it."""

import os
import signal
import sys
import time
from types import FrameType
from typing import cast

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from flask_babel import gettext as _

from core.db import writing
from core.errors import DomainError
from jobs import queue
from jobs.worker import JobSetup, Worker

ONE_WISH_SECONDS = 0.5

job_commands = AppGroup("jobs", help="Look at the background work and decide about dead jobs.")


@click.command("worker")
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    help="How many jobs run at the same time.",
)
@with_appcontext
def worker(threads: int) -> None:
    """Run the background worker until Ctrl-C or SIGTERM.

    It then finishes what is running (25 seconds at most). A second signal ends it at once; what
    was running is done again by the next worker.
    """
    loop = Worker(_app(), _setup(), threads=threads)
    stop_on_signals(loop)
    if not loop.run():
        # A handler still runs in its thread. Its job is back in the queue; do not wait for it.
        sys.stderr.flush()
        os._exit(0)


def stop_on_signals(loop: Worker) -> None:
    """SIGTERM and SIGINT: the first stops `loop` gently, a second ends the process."""
    first_at: list[float] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        # Ctrl-C reaches the whole group, and a parent often passes it on: that is one wish.
        if first_at and time.monotonic() - first_at[0] > ONE_WISH_SECONDS:
            os._exit(128 + number)
        first_at.append(time.monotonic())
        loop.stop()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)


@job_commands.command("list")
@click.option(
    "--state",
    type=click.Choice(["ready", "running", "done", "dead"]),
    help="Show the jobs in this state one by one.",
)
def list_jobs(state: str | None) -> None:
    """Count the jobs by kind and state, or show those in one state."""
    if state:
        _show_jobs(state)
    else:
        _show_depth()


@job_commands.command("retry")
@click.argument("job_id", type=int)
def retry_job(job_id: int) -> None:
    """Try a dead job again."""
    try:
        with writing():
            queue.retry(job_id)
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_("Job %(id)s will be tried again.", id=job_id))


@job_commands.command("discard")
@click.argument("job_id", type=int)
def discard_job(job_id: int) -> None:
    """Put a dead or waiting job away for good."""
    try:
        with writing():
            queue.discard(job_id)
    except DomainError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_("Job %(id)s was discarded.", id=job_id))


@job_commands.command("run-due")
def run_due() -> None:
    """Run everything that is due, then stop. What fails is tried again later."""
    loop = Worker(_app(), _setup(), threads=1)
    stop_on_signals(loop)
    if not loop.run(drain=True):
        sys.stderr.flush()
        os._exit(0)


def _app() -> Flask:
    # The worker's threads need the application itself, not the proxy of this thread.
    return cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]


def _setup() -> JobSetup:
    setup: JobSetup = current_app.extensions["vitrine_jobs"]
    return setup


def _show_depth() -> None:
    rows = queue.depth()
    if not rows:
        click.echo(_("Nothing waits, runs or is dead."))
    for row in rows:
        click.echo(
            _(
                "%(count)6d  %(state)-8s %(kind)-30s oldest: %(age)s",
                count=row.count,
                state=row.state,
                kind=row.kind,
                age=age_in_words(row.oldest_seconds),
            )
        )


def _show_jobs(state: str) -> None:
    jobs = queue.jobs_in(state)
    if not jobs:
        click.echo(_("No job is %(state)s.", state=state))
    instant = queue.database_now()
    for job in jobs:
        age = age_in_words((instant - job.created_at).total_seconds())
        click.echo(
            _(
                "%(id)s  %(kind)s  attempts: %(attempts)s of %(most)s  age: %(age)s",
                id=job.id,
                kind=job.kind,
                attempts=job.attempts,
                most=job.max_attempts,
                age=age,
            )
        )
        if job.last_error:
            click.echo(f"    {job.last_error}")


def age_in_words(seconds: float) -> str:
    """`90061` is `1 d 1 h`: the two largest units, which is all a person needs."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
