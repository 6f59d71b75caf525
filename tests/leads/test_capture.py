"""Received means kept: whatever the database does, each post is there exactly once."""

import fcntl
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.config import ROOT, BadSetting
from core.db import BUSY_TIMEOUT_SECONDS, DatabaseBusy, db, writing
from core.errors import DomainError
from jobs.models import Job
from leads import capture
from leads.capture import Arrival, accept, drain, init_capture, insert, spool
from leads.models import Submission
from leads.spool import SpoolFailed

SHORT = 0.05


@pytest.fixture(autouse=True)
def quiet_spool(app, monkeypatch):
    """Nothing waits before or after; only the test itself drains."""
    monkeypatch.setattr(capture._Drainer, "start", lambda self: None)
    yield
    for name in ("new", "parked", "tmp"):
        for path in (spool().path / name).iterdir():
            path.unlink()


@pytest.fixture
def post(client):
    def send(**fields):
        filled = {
            "submission_id": str(uuid.uuid4()),
            "nome": "Ana Teste",
            "telefone": "(11) 98765-4321",
            **fields,
        }
        return client.post("/contato", data=filled)

    return send


def arrival(key="1", **values):
    return Arrival("test", key, {"number": key}, **values)


def stored():
    db.session.rollback()
    rows = db.session.execute(
        sa.select(Submission.idem_key).order_by(Submission.received_at)
    ).scalars()
    return list(rows)


def jobs():
    return db.session.scalar(
        sa.select(sa.func.count()).select_from(Job).where(Job.kind == "process_submission")
    )


# --- once --------------------------------------------------------------------------------------


def test_a_submission_and_its_job_are_kept_together(app):
    receipt = accept(arrival())
    assert not receipt.is_repeat
    assert not receipt.is_spooled
    assert stored() == ["1"]
    job = db.session.scalars(sa.select(Job)).one()
    assert (job.kind, job.payload) == ("process_submission", {"submission_id": receipt.id})


def test_a_repeat_gets_the_same_answer_and_adds_nothing(app):
    first, second = accept(arrival()), accept(arrival())
    assert first.id == second.id
    assert second.is_repeat
    assert (stored(), jobs()) == (["1"], 1)


def test_what_is_written_beside_it_is_kept_with_it_and_not_for_a_repeat(app):
    seen = []
    receipt = accept(arrival(), also=seen.append)
    accept(arrival(), also=seen.append)
    assert seen == [receipt.id]


def test_a_refusal_beside_it_leaves_nothing_behind(app):
    class Taken(DomainError):
        pass

    def refuse(_id):
        raise Taken

    with pytest.raises(Taken):
        accept(arrival(), also=refuse)
    assert (stored(), jobs()) == ([], 0)
    assert spool().is_empty()


def test_the_same_post_at_the_same_time_is_one(app):
    db.session.remove()
    receipts = []

    def send():
        with app.app_context():
            receipts.append(accept(arrival()))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({receipt.id for receipt in receipts}) == 1
    assert sum(not receipt.is_repeat for receipt in receipts) == 1
    assert (stored(), jobs()) == (["1"], 1)


@pytest.mark.sqlite_only
def test_posts_that_come_while_others_wait_share_one_transaction(app):
    db.session.remove()
    receipts, commits = [], []
    remember = commits.append

    def send(number):
        with app.app_context():
            receipts.append(accept(arrival(str(number))))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(12)]
    sa.event.listen(db.engine, "commit", remember)
    try:
        with gate_held(app):
            for thread in threads:
                thread.start()
            time.sleep(0.3)
        for thread in threads:
            thread.join()
    finally:
        sa.event.remove(db.engine, "commit", remember)
    assert not any(receipt.is_spooled or receipt.is_repeat for receipt in receipts)
    assert len(commits) < 6, len(commits)
    assert (len(stored()), jobs()) == (12, 12)


# --- cheap -------------------------------------------------------------------------------------


def test_a_post_costs_four_statements_at_most(post, statements):
    post()
    del statements[:]
    assert post().status_code == 303
    assert len(statements) <= 4, statements


def test_reading_the_form_writes_nothing(client, statements):
    client.get("/contato")
    del statements[:]
    assert client.get("/contato").status_code == 200
    assert [text for text in statements if not text.startswith("SELECT")] == []


# --- the database says no ----------------------------------------------------------------------


@contextmanager
def locked_by_a_stranger(app):
    """A shell or a backup that knows nothing of the gate."""
    stranger = sqlite3.connect(db.engine.url.database, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        stranger.execute("ROLLBACK")
        stranger.close()


@contextmanager
def gate_held(app):
    with open(f"{db.engine.url.database}.gate", "a") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield


@pytest.mark.sqlite_only
@pytest.mark.parametrize("trouble", [locked_by_a_stranger, gate_held])
def test_a_held_database_sends_posts_to_the_spool_in_order_and_once(app, trouble):
    with trouble(app):
        receipts = [accept(arrival(str(n)), wait_seconds=SHORT) for n in (1, 2, 3)]
        again = accept(arrival("2"), wait_seconds=SHORT)
    assert all(receipt.is_spooled for receipt in receipts)
    assert again.id == receipts[1].id
    assert stored() == []
    assert drain() == 4
    assert stored() == ["1", "2", "3"]
    assert jobs() == 3
    assert spool().is_empty()


@pytest.mark.sqlite_only
def test_a_post_waits_as_long_as_it_may_and_no_longer(app):
    with gate_held(app), pytest.raises(DatabaseBusy), writing(wait_seconds=SHORT):
        pass
    refused = pytest.raises(sa.exc.OperationalError)
    with locked_by_a_stranger(app), refused, writing(wait_seconds=SHORT):
        pass
    with writing():
        timeout = db.session.execute(sa.text("PRAGMA busy_timeout")).scalar_one()
    assert timeout == BUSY_TIMEOUT_SECONDS * 1000


@pytest.mark.sqlite_only
def test_a_gate_that_cannot_be_opened_sends_posts_to_the_spool(app):
    """A full disk without the gate's file, a folder that became read-only."""
    path = Path(f"{db.engine.url.database}.gate")
    aside = path.rename(f"{path}.aside")
    path.mkdir()
    try:
        assert accept(arrival(), wait_seconds=SHORT).is_spooled
    finally:
        path.rmdir()
        aside.rename(path)
    drain()
    assert stored() == ["1"]


@pytest.mark.sqlite_only
def test_a_full_disk_sends_posts_to_the_spool_and_none_is_lost(app):
    """The kernel refuses to let any file grow beyond the database's size (RLIMIT_FSIZE)."""
    found = _with_no_room_for_the_database(app, "spool")
    assert found == "spooled", found
    assert drain() == 1
    assert stored() == ["1"]


@pytest.mark.sqlite_only
def test_when_nothing_takes_it_the_door_says_so(app):
    assert _with_no_room_for_the_database(app, "nothing") == "SpoolFailed"
    assert stored() == []
    assert spool().is_empty()


def _with_no_room_for_the_database(app, room: str) -> str:
    """What accepting a post says in a process that may not write beyond a size."""
    config = app.extensions["vitrine"]
    db.session.rollback()
    program = """
import sys, resource
from app import create_app
from leads import capture
from leads.capture import Arrival, accept
app = create_app(database_url=sys.argv[1], instance_dir=sys.argv[2], log_level="error")
capture._Drainer.start = lambda self: None
with app.app_context():
    limit = 4000 if sys.argv[3] == "spool" else 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        receipt = accept(Arrival("test", "1", {"number": "1"}))
        print("spooled" if receipt.is_spooled else "stored")
    except Exception as error:
        print(type(error).__name__)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, config.database_url, config.instance_dir, room],
        cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return (done.stdout.strip().splitlines() or [done.stderr[-500:]])[-1]


@pytest.mark.postgres_only
@pytest.mark.parametrize("when", ["before", "during"])
def test_a_connection_killed_in_the_transaction_is_tried_again_and_kept_once(app, when):
    killed = []

    def kill(_id):
        if not killed:
            killed.append(_kill(db.session.scalar(sa.text("SELECT pg_backend_pid()"))))

    if when == "before":
        own = db.session.scalar(sa.text("SELECT pg_backend_pid()"))
        db.session.rollback()
        _kill(own)
    receipt = accept(arrival(), also=kill if when == "during" else None)
    assert not receipt.is_spooled
    assert (stored(), jobs()) == (["1"], 1)


@pytest.mark.postgres_only
def test_a_connection_lost_during_commit_is_settled_by_the_key(app):
    """The server has committed, the answer never came: the second try finds it there."""
    lost = []

    def lose_the_answer(connection):
        if not lost:
            lost.append(1)
            driver = connection.connection.dbapi_connection
            driver.execute("COMMIT")
            driver.execute("BEGIN")  # so that the driver sends another COMMIT, which fails
            _kill(driver.info.backend_pid)

    sa.event.listen(db.engine, "commit", lose_the_answer)
    try:
        receipt = accept(arrival())
    finally:
        sa.event.remove(db.engine, "commit", lose_the_answer)
    assert lost
    assert receipt.is_repeat
    assert (stored(), jobs()) == (["1"], 1)


@pytest.mark.postgres_only
def test_a_locked_table_sends_posts_to_the_spool(app):
    with db.engine.connect() as stranger:
        stranger.execute(sa.text("LOCK TABLE submission IN ACCESS EXCLUSIVE MODE"))
        receipt = accept(arrival(), wait_seconds=SHORT)
        stranger.rollback()
    assert receipt.is_spooled
    drain()
    assert (stored(), jobs()) == (["1"], 1)


def _kill(pid):
    """End that connection's server process, from outside the pool."""
    other = sa.create_engine(db.engine.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with other.connect() as connection:
        connection.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        alive = sa.text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
        while connection.scalar(alive, {"pid": pid}):
            time.sleep(0.01)
    return pid


# --- the spool ---------------------------------------------------------------------------------


def test_what_was_stored_before_a_crash_is_not_stored_again_from_the_spool(app):
    capture.to_spool(arrival())
    with writing():
        insert(arrival())
    drain()
    assert (stored(), jobs()) == (["1"], 1)


def test_two_that_drain_at_once_store_each_post_once(app):
    for number in range(30):
        capture.to_spool(arrival(f"{number:02d}"))
    db.session.remove()
    counts = []

    def work():
        with app.app_context():
            counts.append(drain())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) >= 30
    assert stored() == [f"{number:02d}" for number in range(30)]
    assert jobs() == 30


def test_everything_about_a_post_survives_the_spool(app):
    sent = arrival(page_key="p", meta={"text": "é 🚗"}, suspicion=3, kind="read_olx")
    capture.to_spool(sent)
    drain()
    row = db.session.scalars(sa.select(Submission)).one()
    assert (row.id, row.page_key, row.meta, row.suspicion) == (sent.id, "p", {"text": "é 🚗"}, 3)
    assert row.payload == sent.payload
    assert isinstance(row.received_at, datetime)
    assert abs(row.received_at - sent.received_at).total_seconds() < 0.001
    assert db.session.scalars(sa.select(Job.kind)).one() == "read_olx"


def test_a_spooled_record_of_another_shape_is_put_aside_and_raises_the_alarm(app):
    assert capture.spool_is_quick()
    spool().put({"source": "test", "nonsense": 1})
    capture.to_spool(arrival())
    assert drain() == 1
    assert spool().parked() == 1
    assert stored() == ["1"]
    assert not capture.spool_is_quick()


def test_a_post_that_waits_for_more_than_a_minute_raises_the_alarm_and_the_site_stays_ready(
    app, client
):
    old = spool().path / "new" / f"{time.time_ns() - 61 * 10**9:020d}-1-0.json"
    old.write_text("{}")
    assert not capture.spool_is_quick()
    answer = client.get("/readyz")
    assert answer.status_code == 200


def test_a_spool_that_cannot_be_made_stops_the_start_with_a_sentence(app, tmp_path):
    (tmp_path / "file").write_text("")
    config = app.extensions["vitrine"]
    with pytest.raises(BadSetting, match="VITRINE_SPOOL_DIR"):
        init_capture(app, type(config)(spool_dir=str(tmp_path / "file" / "spool")))


# --- the door ----------------------------------------------------------------------------------


@pytest.mark.sqlite_only
def test_a_buyer_is_thanked_for_a_spooled_post_and_the_page_works(app, client, post, monkeypatch):
    monkeypatch.setattr("leads.reception.accept", _impatient)
    with gate_held(app):
        answer = post(mensagem="Ainda tem?")
        assert answer.status_code == 303
        assert client.get(answer.location).status_code == 200
    assert client.get(answer.location).status_code == 200
    drain()
    assert client.get(answer.location).status_code == 200
    assert answer.location == f"/obrigado/{db.session.scalars(sa.select(Submission.id)).one()}"


@pytest.mark.sqlite_only
def test_a_post_that_nothing_takes_is_given_back_with_other_ways(app, client, post, monkeypatch):
    client.get("/contato")  # the dealership's numbers are known from then on
    monkeypatch.setattr("leads.reception.accept", _impatient)
    spool().path.joinpath("new").rename(spool().path / "away")
    try:
        with gate_held(app):
            answer = post(mensagem="Ainda tem o <b>Onix</b>?\nEspero.")
    finally:
        spool().path.joinpath("away").rename(spool().path / "new")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "no-store" in answer.headers["Cache-Control"]
    assert re.search(r"<textarea[^>]+>Ainda tem o &lt;b&gt;Onix&lt;/b&gt;\?\s+Espero", answer.text)
    assert 'value="Ana Teste"' in answer.text
    assert 'name="submission_id"' in answer.text
    assert stored() == []


def test_a_post_that_is_kept_is_thanked_for_whatever_became_of_the_spool(app, post):
    app.extensions["vitrine_drainer"] = capture._Drainer()
    spool().path.joinpath("new").rename(spool().path / "away")
    try:
        answer = post()
    finally:
        spool().path.joinpath("away").rename(spool().path / "new")
    assert answer.status_code == 303
    assert len(stored()) == 1


def _impatient(arrival, **options):
    return accept(arrival, **{**options, "wait_seconds": SHORT})


def test_spool_failed_is_not_an_answer(app):
    spool().path.joinpath("new").rename(spool().path / "away")
    try:
        with pytest.raises(SpoolFailed):
            capture.to_spool(arrival())
    finally:
        spool().path.joinpath("away").rename(spool().path / "new")
