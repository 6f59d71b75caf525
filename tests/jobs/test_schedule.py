"""Work that recurs: each tick once, whatever clocks and workers do."""

import threading
from datetime import timedelta

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from jobs import queue
from jobs.models import Job, Timetable
from jobs.schedule import Periodic, enqueue_due

HOURLY = Periodic("hourly", 3600, "note", {"note": "tick"})


def plan(next_run_at) -> None:
    with writing() as session:
        session.merge(Timetable(name="hourly", next_run_at=next_run_at))


def next_run():
    db.session.rollback()
    return db.session.get(Timetable, "hourly", populate_existing=True).next_run_at


def finish_all() -> None:
    with writing():
        while job := queue.claim_next("me"):
            queue.finish(job)


def test_a_new_task_runs_at_once_then_after_its_period(app):
    assert enqueue_due([HOURLY]) == ["hourly"]
    job = db.session.scalars(sa.select(Job)).one()
    assert (job.kind, job.payload) == ("note", {"note": "tick"})
    finish_all()
    assert enqueue_due([HOURLY]) == []
    assert timedelta(minutes=59) < next_run() - now() <= timedelta(hours=1)


def test_missed_ticks_run_once_and_keep_step(app):
    missed = now() - timedelta(hours=5, minutes=20)
    plan(missed)
    assert enqueue_due([HOURLY]) == ["hourly"]
    assert enqueue_due([HOURLY]) == []
    assert next_run() == missed + timedelta(hours=6)


def test_a_clock_that_was_ahead_does_not_stop_the_task(app):
    plan(now() + timedelta(days=400))
    assert enqueue_due([HOURLY]) == ["hourly"]
    assert next_run() <= now() + timedelta(hours=1)


def test_a_tick_still_waiting_is_not_queued_twice(app):
    enqueue_due([HOURLY])
    plan(now() - timedelta(seconds=1))
    enqueue_due([HOURLY])
    assert db.session.scalar(sa.select(sa.func.count(Job.id))) == 1


def test_workers_that_look_at_the_same_moment_enqueue_a_tick_once(app):
    tasks = [Periodic(f"task {number}", 3600, f"kind {number}") for number in range(8)]
    with writing() as session:  # four are new, four are due
        for task in tasks[:4]:
            session.add(Timetable(name=task.name, next_run_at=now() - timedelta(minutes=1)))
    db.session.remove()
    gate = threading.Barrier(4)
    enqueued, errors = [], []

    def look() -> None:
        try:
            with app.app_context():
                gate.wait(timeout=20)
                enqueued.extend(enqueue_due(tasks))
        except Exception as error:  # the assertion below shows it
            errors.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(enqueued) == [task.name for task in tasks]
    assert db.session.scalar(sa.select(sa.func.count(Job.id))) == len(tasks)
