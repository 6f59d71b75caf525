"""The loop, mostly as real processes that are really killed."""

import signal
import threading
import time

import pytest
import sqlalchemy as sa

from core.db import db, writing
from jobs import queue
from jobs.models import Heartbeat, Job
from jobs.worker import JobSetup, Worker
from tests.jobs.stand_in import CANARIES, HANDLERS, note


def add(kind="note", payload=None, **wishes) -> int:
    with writing():
        return queue.enqueue(kind, payload, **wishes).id


def states() -> dict[int, str]:
    db.session.rollback()
    return dict(db.session.execute(sa.select(Job.id, Job.state)).all())


def stored(job_id: int) -> Job:
    db.session.rollback()
    return db.session.get(Job, job_id, populate_existing=True)


def drain(app, handlers=HANDLERS, **wishes) -> bool:
    db.session.rollback()
    return Worker(app, JobSetup(handlers), **wishes).run(drain=True)


def test_four_processes_do_every_job_exactly_once(start_worker, effects):
    with writing():
        for number in range(400):
            queue.enqueue("note", {"note": f"{number:03}"})
    workers = [start_worker(drain=True) for _ in range(4)]
    for worker in workers:
        assert worker.wait(timeout=60) == 0, worker.stderr.read()
    assert effects() == [f"{number:03}" for number in range(400)]
    assert set(states().values()) == {"done"}


def test_a_job_whose_worker_was_killed_is_done_by_the_next(start_worker, effects, until):
    job_id = add("slow", {"note": "done", "seconds": 1})
    killed = start_worker(lease_seconds=1)
    until(lambda: effects() == ["began done"])
    killed.kill()
    start_worker(lease_seconds=1)
    until(lambda: "done" in effects())
    assert effects() == ["began done", "began done", "done"]
    job = stored(job_id)
    assert (job.state, job.attempts, job.deaths) == ("done", 2, 1)


def test_a_worker_that_froze_past_its_lease_leaves_no_effect(start_worker, effects, until):
    job_id = add("slow", {"note": "done", "seconds": 1.5})
    frozen = start_worker(lease_seconds=1)
    until(lambda: effects() == ["began done"])
    frozen.send_signal(signal.SIGSTOP)
    other = start_worker(lease_seconds=1)
    until(lambda: effects().count("began done") == 2)
    frozen.send_signal(signal.SIGCONT)
    until(lambda: states()[job_id] == "done")
    for worker in (frozen, other):
        worker.terminate()
        assert worker.wait(timeout=10) == 0
    assert effects() == ["began done", "began done", "done"]
    assert '"event": "lease_lost"' in frozen.stderr.read()


def test_a_job_longer_than_its_lease_is_kept_by_renewing(start_worker, effects, until):
    job_id = add("slow", {"note": "done", "seconds": 2.5})
    for _ in range(2):
        start_worker(lease_seconds=1)
    until(lambda: states()[job_id] == "done")
    assert effects() == ["began done", "done"]
    assert stored(job_id).attempts == 1


def test_a_job_that_kills_its_workers_is_put_aside_and_others_go_on(start_worker, effects, until):
    deadly = add("die", priority=queue.URGENT)
    harmless = add(payload={"note": "after"})
    for _ in range(2):
        assert start_worker(lease_seconds=0.2).wait(timeout=10) == -signal.SIGKILL
        time.sleep(0.3)
    assert start_worker(lease_seconds=0.2, drain=True).wait(timeout=10) == 0
    assert states() == {deadly: "dead", harmless: "done"}
    assert stored(deadly).deaths == 2
    assert stored(deadly).last_error


def test_sigterm_finishes_what_runs_and_takes_nothing_new(start_worker, effects, until):
    running = add("slow", {"note": "first", "seconds": 1})
    waiting = add("slow", {"note": "second", "seconds": 1})
    worker = start_worker()
    until(lambda: effects() == ["began first"])
    worker.terminate()
    assert worker.wait(timeout=10) == 0
    assert states() == {running: "done", waiting: "ready"}
    assert db.session.scalars(sa.select(Heartbeat)).all() == []


def test_a_second_signal_ends_it_at_once(start_worker, effects, until):
    job_id = add("slow", {"note": "first", "seconds": 30})
    worker = start_worker()
    until(lambda: effects() == ["began first"])
    until(lambda: db.session.scalars(sa.select(Heartbeat.owner)).all() != [])
    worker.send_signal(signal.SIGINT)
    time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)  # a parent passing Ctrl-C on: still the same wish
    time.sleep(0.6)
    assert worker.poll() is None
    worker.send_signal(signal.SIGINT)
    assert worker.wait(timeout=5) == 128 + signal.SIGINT
    assert states() == {job_id: "running"}  # until its lease ends


def test_failures_are_written_down_without_personal_data(start_worker, effects):
    failed, refused, left = add("fail"), add("refuse"), add("exit")
    worker = start_worker(drain=True)
    assert worker.wait(timeout=20) == 0
    lines = worker.stderr.read()
    assert states() == {failed: "ready", refused: "dead", left: "ready"}
    assert stored(refused).last_error == "The address of the photo no longer exists."
    reason = stored(failed).last_error
    assert "ValueError: cannot read" in reason
    assert '"event": "job_failed"' in lines
    assert "stand_in.py" in lines  # the place is told
    for canary in CANARIES:
        assert canary not in lines
        assert canary not in reason


def test_two_workers_share_one_timetable(start_worker, effects, until):
    workers = [start_worker(every=[["hourly", 3600]]) for _ in range(2)]
    until(lambda: effects() == ["hourly"])
    until(lambda: len(db.session.scalars(sa.select(Heartbeat.owner)).all()) == 2)
    time.sleep(1.2)
    for worker in workers:
        worker.terminate()
        assert worker.wait(timeout=10) == 0
    assert effects() == ["hourly"]


# The same loop, inside the test's process.


def test_an_effect_that_cannot_be_recorded_leaves_the_job_to_be_tried_again(app, effects):
    def record():
        note("half")
        raise OSError("disk full")

    job_id = add("half")
    assert drain(app, {"half": lambda _payload: record}, threads=1)
    assert effects() == []
    assert stored(job_id).state == "ready"
    assert stored(job_id).attempts == 1


def test_a_handler_that_changes_something_outside_a_transaction_fails_and_changes_nothing(app):
    def stray(_payload):
        db.session.add(Heartbeat(owner="stray", seen_at=queue.database_now()))

    job_id = add("stray")
    assert drain(app, {"stray": stray}, threads=1)
    assert stored(job_id).state == "ready"
    assert "WriteOutsideTransaction" in stored(job_id).last_error
    assert db.session.get(Heartbeat, "stray") is None


def test_a_job_can_ask_for_its_own_successor(app, effects):
    def next_page(payload):
        def record():
            note(f"page {payload['page']}")
            if payload["page"] < 3:
                assert queue.enqueue("page", {"page": payload["page"] + 1}, dedup_key="pages")

        return record

    add("page", {"page": 1}, dedup_key="pages")
    assert drain(app, {"page": next_page})
    assert effects() == ["page 1", "page 2", "page 3"]


def test_kinds_nobody_here_knows_are_left_for_who_knows_them(app):
    job_id = add("from a newer release")
    assert drain(app)
    assert states() == {job_id: "ready"}


@pytest.fixture
def hold():
    """An event handlers wait for; set in any case, so that no thread is left."""
    event = threading.Event()
    yield event
    event.set()


def serve(worker: Worker) -> tuple[threading.Thread, list[bool]]:
    ended: list[bool] = []
    thread = threading.Thread(target=lambda: ended.append(worker.run()))
    thread.start()
    return thread, ended


def test_what_does_not_end_in_time_is_given_back_at_the_stop(app, hold, until):
    job_id = add("stuck")
    db.session.rollback()
    handlers = {"stuck": lambda _payload: hold.wait(20) and None}
    worker = Worker(app, JobSetup(handlers), threads=1, grace_seconds=0.3)
    thread, ended = serve(worker)
    until(lambda: states()[job_id] == "running")
    worker.stop()
    thread.join(timeout=10)
    assert ended == [False]
    assert (stored(job_id).state, stored(job_id).attempts) == ("ready", 0)


def test_a_thread_that_hangs_is_replaced_and_its_late_result_refused(app, effects, hold, until):
    def hang(_payload):
        if threading.current_thread() in hung or not hung:
            hung.append(threading.current_thread())
            hold.wait(20)
            return lambda: note("too late")
        return lambda: note("in time")

    hung: list[threading.Thread] = []
    job_id = add("hang")
    db.session.rollback()
    worker = Worker(
        app, JobSetup({"hang": hang}), threads=1, lease_seconds=0.6, longest_run_seconds=0.3
    )
    thread, ended = serve(worker)
    until(lambda: effects() == ["in time"])
    hold.set()
    hung[0].join(timeout=10)
    worker.stop()
    thread.join(timeout=10)
    assert ended == [True]
    assert effects() == ["in time"]
    assert stored(job_id).state == "done"


def test_jobs_that_take_minutes_leave_one_thread_free(app, effects, hold, until):
    def long(payload):
        hold.wait(20)

    for _ in range(3):
        add("long", priority=queue.BULK)
    db.session.rollback()
    worker = Worker(app, JobSetup({"long": long, **HANDLERS}), threads=2)
    thread, ended = serve(worker)
    until(lambda: "running" in states().values())
    add(payload={"note": "a person waits"}, priority=queue.URGENT)
    db.session.rollback()
    until(lambda: effects() == ["a person waits"])
    worker.stop()
    hold.set()
    thread.join(timeout=10)
    assert ended == [True]


def test_who_waits_for_others_machines_delays_nobody(app, effects, hold, until):
    def wait(payload):
        hold.wait(20)

    for _ in range(5):
        add("portal", priority=queue.URGENT)
    db.session.rollback()
    setup = JobSetup({"portal": wait, **HANDLERS}, apart=frozenset({"portal"}))
    worker = Worker(app, setup, threads=2)
    thread, ended = serve(worker)
    try:
        until(lambda: list(states().values()).count("running") == 5)  # all at the same time
        add(payload={"note": "a lead"})
        db.session.rollback()
        until(lambda: effects() == ["a lead"])
    finally:  # a worker that goes on would disturb whoever counts statements
        worker.stop()
        hold.set()
        thread.join(timeout=10)
    assert ended == [True]
