"""Idle workers hear of a commit at once; without a working Redis half a second later."""

import secrets
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import replace

import pytest
from redis import Redis, RedisError

from core.clock import now
from core.config import BadSetting
from core.db import writing
from core.wakeup import LONGEST_WAIT_SECONDS, Wakeup, init_wakeup, wake_after_commit
from jobs.models import Heartbeat

REDIS_URL = "redis://127.0.0.1:6379/0"


@pytest.fixture
def redis_wakeup(app):
    try:
        Redis.from_url(REDIS_URL, socket_connect_timeout=1).ping()
    except RedisError:
        pytest.skip("no Redis on 127.0.0.1:6379")
    return use(app, Wakeup(REDIS_URL, f"vitrine-test:{secrets.token_hex(8)}"))


def use(app, wakeup):
    app.extensions["vitrine_wakeup"] = wakeup
    return wakeup


@pytest.fixture(autouse=True)
def restore(app):
    before = app.extensions.get("vitrine_wakeup")
    yield
    app.extensions["vitrine_wakeup"] = before or Wakeup()


def settle(listener):
    """Hear what there is to hear, so that the next wait is about what comes next."""
    while waited(listener) < LONGEST_WAIT_SECONDS * 0.8:
        pass


def waited(listener) -> float:
    started = time.monotonic()
    listener.wait()
    return time.monotonic() - started


def change(fail=False, wake=True):
    with writing() as session:
        session.merge(Heartbeat(owner="someone", seen_at=now()))
        if wake:
            wake_after_commit(session)
        if fail:
            raise ZeroDivisionError


def heard_of(app, act) -> float:
    """Seconds from a commit in another thread to the end of the wait."""
    listener = app.extensions["vitrine_wakeup"].listener()
    settle(listener)

    def run():
        with app.app_context():
            time.sleep(0.1)
            act()

    thread = threading.Thread(target=run)
    thread.start()
    seconds = waited(listener)
    thread.join()
    listener.close()
    return seconds


@pytest.mark.sqlite_only
def test_sqlite_alone_hears_a_commit_at_once(app):
    init_wakeup(app, app.extensions["vitrine"])
    assert heard_of(app, change) < 0.4


@pytest.mark.postgres_only
def test_postgres_alone_looks_twice_a_second(app):
    init_wakeup(app, app.extensions["vitrine"])
    assert heard_of(app, change) < LONGEST_WAIT_SECONDS + 0.2


def test_redis_tells_of_a_commit_at_once(app, redis_wakeup):
    change()  # the first publisher thread is up
    assert heard_of(app, change) < 0.3


def test_what_was_announced_between_two_waits_is_not_missed(app, redis_wakeup):
    listener = redis_wakeup.listener()
    settle(listener)
    change()
    time.sleep(0.2)
    assert waited(listener) < 0.1
    listener.close()


@pytest.mark.parametrize("what", ["rolled back", "savepoint", "nothing asked"])
def test_only_a_commit_that_asked_for_it_is_announced(app, redis_wakeup, what):
    listener = redis_wakeup.listener()
    settle(listener)
    if what == "rolled back":
        with pytest.raises(ZeroDivisionError):
            change(fail=True)
        change(wake=False)
        assert waited(listener) > LONGEST_WAIT_SECONDS * 0.8
    elif what == "nothing asked":
        change(wake=False)
        assert waited(listener) > LONGEST_WAIT_SECONDS * 0.8
    else:
        with writing() as session:
            with session.begin_nested():
                wake_after_commit(session)
            assert waited(listener) > LONGEST_WAIT_SECONDS * 0.8
        assert waited(listener) < 0.3
    listener.close()


def test_a_redis_that_is_not_there_costs_half_a_second_and_no_error(app):
    wakeup = use(app, Wakeup("redis://127.0.0.1:1/0", "nowhere"))
    started = time.monotonic()
    listener = wakeup.listener()
    change()
    change()
    for _ in range(2):
        listener.wait()
    assert time.monotonic() - started < 2
    listener.close()


def test_an_address_that_is_none_stops_the_start(app):
    config = replace(app.extensions["vitrine"], redis_url="localhost:6379")
    with pytest.raises(BadSetting, match="VITRINE_REDIS_URL"):
        init_wakeup(app, config)


def test_a_redis_that_hangs_does_not_hold_up_who_commits(app):
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # accepts, never answers
        use(app, Wakeup(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0", "deaf"))
        started = time.monotonic()
        for _ in range(3):
            change()
        assert time.monotonic() - started < 0.8


@pytest.mark.skipif(not shutil.which("redis-server"), reason="no redis-server program here")
def test_a_redis_that_dies_and_returns_is_used_again(app, monkeypatch, tmp_path):
    monkeypatch.setattr("core.wakeup.REDIS_REST_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"redis://127.0.0.1:{port}/0"
    use(app, Wakeup(url, "ours"))
    server = start_redis(port, tmp_path)
    try:
        change()
        assert heard_of(app, change) < 0.3
        listener = app.extensions["vitrine_wakeup"].listener()
        settle(listener)
        server.kill()
        server.wait()
        listener.wait()
        change()
        assert waited(listener) < LONGEST_WAIT_SECONDS + 0.3
        server = start_redis(port, tmp_path)
        time.sleep(0.4)
        settle(listener)
        change()
        assert waited(listener) < 0.3
        listener.close()
    finally:
        server.kill()
        server.wait()


def start_redis(port, folder):
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    for _ in range(100):
        try:
            Redis(port=port).ping()
            return server
        except RedisError:
            time.sleep(0.05)
    raise AssertionError("redis-server did not start")
