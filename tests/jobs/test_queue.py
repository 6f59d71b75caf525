"""Asking for work, taking it, and saying how it ended."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import WriteOutsideTransaction, db, writing
from jobs import queue
from jobs.models import Heartbeat, Job
from jobs.queue import AlreadyQueued, LeaseLost, NoSuchJob, NotWaiting
from tests.jobs.stand_in import note


def add(kind="note", payload=None, **wishes) -> int | None:
    with writing():
        job = queue.enqueue(kind, payload, **wishes)
        return job.id if job else None


def claim(owner="me", **wishes) -> queue.ClaimedJob | None:
    with writing():
        return queue.claim_next(owner, **wishes)


def end(verb, *args) -> None:
    with writing():
        verb(*args)


def stored(job_id: int) -> Job:
    db.session.rollback()
    job = db.session.get(Job, job_id, populate_existing=True)
    assert job is not None
    return job


def let_lease_run_out(job_id: int) -> None:
    with writing() as session:
        session.execute(
            sa.update(Job).where(Job.id == job_id).values(lease_until=now() - timedelta(seconds=1))
        )


def count() -> int:
    return db.session.scalar(sa.select(sa.func.count(Job.id)))


# Asking


def test_a_job_disappears_with_the_change_that_asked_for_it(app):
    def change_and_ask() -> None:
        queue.enqueue("note")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        end(change_and_ask)
    assert count() == 0


def test_asking_outside_a_transaction_is_refused(app):
    with pytest.raises(WriteOutsideTransaction):
        queue.enqueue("note")


def test_the_same_work_is_queued_once(app):
    assert add(dedup_key="vehicle:5")
    assert add(dedup_key="vehicle:5") is None
    assert add("other", dedup_key="vehicle:5")
    assert add()
    assert add()
    assert count() == 4


def test_work_that_was_done_can_be_asked_for_again(app):
    first = add(dedup_key="vehicle:5")
    end(queue.finish, claim())
    assert add(dedup_key="vehicle:5") not in (None, first)


def test_work_asked_for_while_it_runs_runs_once_more_with_what_is_new(app):
    job_id = add(payload={"round": 1}, dedup_key="vehicle:5")
    running = claim()
    assert add(payload={"round": 2}, dedup_key="vehicle:5") is None
    assert add(payload={"round": 3}, dedup_key="vehicle:5") is None
    assert claim() is None  # never twice at the same time
    end(queue.finish, running)
    again = claim()
    assert (again.id, again.payload, again.attempts) == (job_id, {"round": 3}, 1)
    end(queue.finish, again)
    assert stored(job_id).state == "done"
    assert claim() is None


def test_work_asked_for_while_it_was_dying_gets_its_own_row(app):
    first = add(dedup_key="vehicle:5")
    running = claim()
    add(payload={"round": 2}, dedup_key="vehicle:5")
    end(queue.park, running, "The photo is gone.")
    assert stored(first).state == "dead"
    fresh = claim()
    assert fresh.id != first
    assert fresh.payload == {"round": 2}


def test_a_race_for_the_same_work_leaves_one_job_and_spoils_no_transaction(app, effects):
    db.session.remove()
    gate = threading.Barrier(4)
    made, errors = [], []

    def ask(number: int) -> None:
        try:
            with app.app_context():
                for turn in range(10):
                    gate.wait(timeout=20)
                    with writing():
                        note(f"{turn}/{number} before")
                        if queue.enqueue("note", dedup_key=f"turn:{turn}"):
                            made.append(turn)
                        note(f"{turn}/{number} after")
        except Exception as error:  # the assertion below shows it
            errors.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(made) == list(range(10))
    assert count() == 10
    assert len(effects()) == 80


# Taking


def test_lower_lanes_first_then_the_one_that_waits_longest(app):
    late = add()
    early = add(due_at=now() - timedelta(minutes=1))
    urgent = add(priority=queue.URGENT)
    add(due_at=now() + timedelta(minutes=1), priority=queue.URGENT)
    taken = [claim() for _ in range(4)]
    assert [job and job.id for job in taken] == [urgent, early, late, None]


def test_only_what_the_worker_can_and_may_do_is_taken(app):
    add("unknown")
    add("import", priority=queue.BULK)
    photo = add("photo", priority=queue.HEAVY)
    wishes = {"kinds": {"import", "photo"}, "below_priority": queue.BULK}
    assert queue.anything_due(**wishes)
    assert claim(**wishes).id == photo
    assert claim(**wishes) is None
    assert not queue.anything_due(**wishes)
    assert queue.anything_due()


def test_a_job_whose_lease_ran_out_is_given_to_the_next_worker(app):
    job_id = add()
    first = claim("first")
    assert claim("second") is None
    let_lease_run_out(job_id)
    second = claim("second")
    assert (second.id, second.attempts) == (job_id, 2)
    assert second.fence > first.fence


@pytest.mark.parametrize(
    "verb",
    [
        queue.finish,
        queue.renew,
        queue.release,
        lambda job: queue.fail(job, "x"),
        lambda job: queue.park(job, "x"),
    ],
)
def test_who_lost_the_lease_is_refused_and_its_effects_roll_back(app, effects, verb):
    job_id = add()
    first = claim("first")
    let_lease_run_out(job_id)
    second = claim("second")

    def record_and_end() -> None:
        note("from the first worker")
        verb(first)

    with pytest.raises(LeaseLost):
        end(record_and_end)
    assert effects() == []
    end(queue.finish, second)
    with pytest.raises(LeaseLost):
        end(verb, first)
    assert stored(job_id).state == "done"


def test_the_same_worker_is_refused_too_when_its_lease_was_given_out_anew(app):
    job_id = add()
    before = claim("me")
    let_lease_run_out(job_id)
    claim("me")
    with pytest.raises(LeaseLost):
        end(queue.finish, before)


def test_renewing_keeps_a_job_from_others(app):
    job_id = add()
    job = claim(lease_seconds=60)
    let_lease_run_out(job_id)
    end(queue.renew, job, 60)
    assert claim("other") is None
    end(queue.finish, job)
    assert stored(job_id).state == "done"


def test_a_job_that_two_workers_did_not_survive_is_put_aside(app):
    job_id = add(dedup_key="vehicle:5")
    for _ in range(2):
        assert claim().id == job_id
        let_lease_run_out(job_id)
    healthy = add()
    assert claim().id == healthy
    assert claim() is None
    job = stored(job_id)
    assert (job.state, job.attempts, job.last_error) == ("dead", 2, queue.died_twice())
    assert job.finished_at is not None


@pytest.mark.postgres_only
def test_claims_do_not_wait_for_each_other(app):
    first, second = add(), add()
    db.session.rollback()
    with writing():
        assert queue.claim_next("me").id == first
        found = []

        def take() -> None:
            with app.app_context():
                found.append(claim("other").id)

        thread = threading.Thread(target=take)
        thread.start()
        thread.join(timeout=5)
        assert found == [second]


@pytest.mark.sqlite_only
def test_a_claim_reads_one_row_from_the_index_however_many_wait(app):
    with writing() as session:
        session.execute(sa.insert(Job), [{"kind": "note"} for _ in range(500)])
    with db.engine.connect() as connection:
        statement = sa.select(queue._next_id({"note"}, queue.BULK))
        compiled = statement.compile(connection, compile_kwargs={"render_postcompile": True})
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {compiled}", tuple(compiled.params.values())
        ).fetchall()
    steps = " / ".join(row[-1] for row in plan)
    assert steps.count("USING INDEX ix_job_due (state=?") == 2
    assert "TEMP B-TREE" not in steps


# Ending


def test_a_failed_job_waits_longer_each_time_and_keeps_the_reason(app):
    job_id = add(max_attempts=3)
    end(queue.fail, claim(), "The portal did not answer.")
    job = stored(job_id)
    assert (job.state, job.owner) == ("ready", None)
    assert job.last_error == "The portal did not answer."
    wait = (job.due_at - now()).total_seconds()
    assert -1 < wait <= queue.BACKOFF_BASE_SECONDS


def test_backoff_doubles_up_to_a_cap_with_full_jitter():
    for attempts, ceiling in [(1, 5), (2, 10), (5, 80), (8, 640), (9, 900), (5000, 900)]:
        delays = [queue.backoff_seconds(attempts) for _ in range(300)]
        assert 0 < min(delays) < ceiling / 4
        assert ceiling * 3 / 4 < max(delays) <= ceiling


def make_due(job_id: int) -> None:
    with writing() as session:
        session.execute(sa.update(Job).where(Job.id == job_id).values(due_at=now()))


def test_the_last_failure_waits_for_a_person_and_can_be_tried_again(app):
    job_id = add(max_attempts=2)
    for turn in range(2):
        make_due(job_id)
        end(queue.fail, claim(), f"Failure {turn + 1}.")
    assert [job.id for job in queue.dead_jobs()] == [job_id]
    job = stored(job_id)
    assert (job.state, job.attempts, job.last_error) == ("dead", 2, "Failure 2.")
    assert claim() is None
    end(queue.retry, job_id)
    again = claim()
    assert (again.id, again.attempts) == (job_id, 1)


def test_a_parked_job_keeps_its_reason_and_can_be_discarded(app):
    job_id = add()
    end(queue.park, claim(), "The photo is gone.")
    end(queue.discard, job_id)
    assert stored(job_id).state == "done"
    assert stored(job_id).last_error == "The photo is gone."


def test_nothing_to_decide_is_said_in_words(app):
    job_id = add()
    claim()
    for verb in (queue.retry, queue.discard):
        with pytest.raises(NotWaiting):
            end(verb, job_id)
        with pytest.raises(NoSuchJob):
            end(verb, job_id + 1000)


def test_retrying_what_was_asked_for_anew_is_refused_and_spoils_nothing(app):
    dead = add(dedup_key="vehicle:5")
    end(queue.park, claim(), "The photo is gone.")
    live = add(dedup_key="vehicle:5")
    with writing():
        other = queue.enqueue("other").id
        with pytest.raises(AlreadyQueued):
            queue.retry(dead)
    assert [stored(number).state for number in (dead, live, other)] == ["dead", "ready", "ready"]


def test_a_job_given_back_costs_no_attempt(app):
    job_id = add()
    end(queue.release, claim())
    again = claim("other")
    assert (again.id, again.attempts) == (job_id, 1)


def test_depth_counts_what_is_not_done_with_its_age(app):
    for _ in range(3):
        add()
    add("photo")
    end(queue.finish, claim())
    with writing() as session:
        hour_ago = now() - timedelta(hours=1)
        session.execute(sa.update(Job).where(Job.kind == "photo").values(created_at=hour_ago))
    found = {(row.kind, row.state): row for row in queue.depth()}
    assert {key: row.count for key, row in found.items()} == {
        ("note", "ready"): 2,
        ("photo", "ready"): 1,
    }
    assert 3595 < found["photo", "ready"].oldest_seconds < 3700


def test_what_was_done_a_week_ago_is_forgotten(app):
    old, recent, dead = (add() for _ in range(3))
    for _ in range(2):
        end(queue.finish, claim())
    end(queue.park, claim(), "The photo is gone.")
    with writing() as session:
        week_ago = now() - timedelta(days=7, minutes=1)
        session.execute(sa.update(Job).where(Job.id.in_([old, dead])).values(finished_at=week_ago))
        session.add(Heartbeat(owner="gone", seen_at=week_ago))
        session.add(Heartbeat(owner="here", seen_at=now()))
    queue.purge_done_jobs({})
    assert set(db.session.scalars(sa.select(Job.id))) == {recent, dead}
    assert db.session.scalars(sa.select(Heartbeat.owner)).all() == ["here"]
