"""The operator's commands. Words may be translated; numbers, kinds and reasons are not."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from jobs import queue
from jobs.cli import age_in_words, job_commands
from jobs.models import Job
from jobs.worker import JobSetup
from tests.jobs.stand_in import HANDLERS


@pytest.fixture
def jobs(app):
    """Runs `flask jobs …`; returns the exit status and what was printed."""
    runner = app.test_cli_runner()

    def run(*args: str) -> tuple[int, str]:
        db.session.rollback()
        result = runner.invoke(job_commands, list(args))
        db.session.rollback()
        return result.exit_code, result.output

    return run


def add_dead() -> int:
    with writing():
        queue.enqueue("photo", {"photo_id": 7}, priority=queue.URGENT)
        job = queue.claim_next("me")
        queue.park(job, "The photo is gone.")
    return job.id


def state_of(job_id: int) -> str:
    return db.session.scalar(sa.select(Job.state).where(Job.id == job_id))


def test_dead_jobs_show_kind_attempts_age_and_reason(jobs):
    job_id = add_dead()
    status, text = jobs("list", "--state", "dead")
    assert status == 0
    for part in (str(job_id), "photo", "1", "8", "0 s", "The photo is gone."):
        assert part in text


def test_the_list_counts_by_kind(jobs):
    assert jobs("list")[0] == 0
    add_dead()
    with writing():
        for _ in range(3):
            queue.enqueue("note")
    _, text = jobs("list")
    lines = [line.split()[:3] for line in text.splitlines()]
    assert lines == [["3", "ready", "note"], ["1", "dead", "photo"]]


def test_retry_and_discard(jobs):
    first, second = add_dead(), add_dead()
    assert jobs("retry", str(first))[0] == 0
    assert jobs("discard", str(second))[0] == 0
    assert (state_of(first), state_of(second)) == ("ready", "done")


def test_a_wrong_number_is_an_error_in_words(jobs):
    for verb in ("retry", "discard"):
        status, text = jobs(verb, "4711")
        assert status == 1
        assert "4711" in text


def test_run_due_does_what_is_due_and_stops(app, jobs, effects):
    before = app.extensions.get("vitrine_jobs")
    app.extensions["vitrine_jobs"] = JobSetup(HANDLERS)
    try:
        with writing():
            queue.enqueue("note", {"note": "done"})
        assert jobs("run-due")[0] == 0
    finally:
        app.extensions["vitrine_jobs"] = before
    assert effects() == ["done"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h")],
)
def test_ages_read_well(seconds, words):
    assert age_in_words(seconds) == words
