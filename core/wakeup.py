"""Wakes idle workers after a commit, so that work starts at once instead of at the next look.

A wake-up is only ever a hint. A worker looks at the database every half second whatever happens
here, so a lost hint, or a Redis that is gone, costs that half second and nothing else.

* With Redis: the committing process publishes, waiting workers are subscribed.
* SQLite without Redis: waiting workers watch `PRAGMA data_version`, which changes when any other
  connection commits and costs no lock.
* PostgreSQL without Redis: the half second.
"""

import hashlib
import os
import sqlite3
import threading
import time
from typing import Any, Protocol

import structlog
from flask import Flask, current_app, has_app_context
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from core.config import BadSetting, Config

LONGEST_WAIT_SECONDS = 0.5
SQLITE_LOOK_SECONDS = 0.05
REDIS_TIMEOUT_SECONDS = 1.0
REDIS_REST_SECONDS = 5.0  # how long a Redis that failed is left alone

_FLAG = "wake_after_commit"
log = structlog.get_logger("vitrine.wakeup")


class Listener(Protocol):
    """One idle thread's ear. Made, used and closed by that thread."""

    def wait(self) -> None:
        """Return when something may have been committed, after half a second at the latest."""

    def close(self) -> None:
        """Give up connections."""


class Wakeup:
    """How the processes of one installation wake each other."""

    def __init__(self, redis_url: str = "", channel: str = "", sqlite_path: str = "") -> None:
        self._redis_url = redis_url
        self._channel = channel
        self._sqlite_path = sqlite_path
        self._lock = threading.Lock()
        self._publisher: _Publisher | None = None

    def announce(self) -> None:
        """Wake whoever waits. Neither blocks nor raises."""
        if not self._redis_url:
            return
        with self._lock:
            # A thread does not survive a fork: each process starts its own.
            if self._publisher is None or self._publisher.pid != os.getpid():
                try:
                    self._publisher = _Publisher(self._redis_url, self._channel)
                except RuntimeError as error:  # no more threads to be had; the commit stands
                    _complain(error)
                    return
            self._publisher.send_soon()

    def listener(self) -> Listener:
        """An ear for the calling thread; what is announced from here on is not missed."""
        if self._redis_url:
            return _RedisListener(self._redis_url, self._channel)
        if self._sqlite_path:
            return _SqliteListener(self._sqlite_path)
        return _Sleeper()


def init_wakeup(app: Flask, config: Config) -> None:
    """Prepare `app` to wake workers and to listen as one. Raises BadSetting."""
    if config.redis_url:
        try:
            _connect(config.redis_url)  # reads the address; connects later
        except ValueError:
            raise BadSetting(
                "VITRINE_REDIS_URL must look like redis://host:6379/0 (or rediss://, unix://)."
            ) from None
    # Installations that share a Redis do not disturb each other.
    digest = hashlib.sha256(config.database_url.encode()).hexdigest()[:16]
    path = make_url(config.database_url).database if config.is_sqlite else ""
    app.extensions["vitrine_wakeup"] = Wakeup(
        config.redis_url, f"vitrine:{digest}:wake", path or ""
    )


def current_wakeup() -> Wakeup:
    """The running application's; without `init_wakeup` one that only looks twice a second."""
    wakeup: Wakeup = current_app.extensions.get("vitrine_wakeup") or Wakeup()
    return wakeup


def wake_after_commit(session: Session) -> None:
    """Announce once, after the transaction of `session` is safely committed; never if it is not."""
    session.info[_FLAG] = True


def _after_commit(session: Session) -> None:
    if session.in_nested_transaction():  # a savepoint: nothing is visible to others yet
        return
    if session.info.pop(_FLAG, False) and has_app_context():
        current_wakeup().announce()


def _after_rollback(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_FLAG, None)


event.listen(Session, "after_commit", _after_commit)
event.listen(Session, "after_rollback", _after_rollback)


def _connect(url: str) -> Redis:
    return Redis.from_url(
        url,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        # The client's own retries sleep for seconds; we have something better to do.
        retry=Retry(NoBackoff(), 0),
    )


class _Publisher:
    """Publishes from a thread of its own: a Redis that hangs must not hold up who committed."""

    def __init__(self, url: str, channel: str) -> None:
        self.pid = os.getpid()
        self._client = _connect(url)
        self._channel = channel
        self._wanted = threading.Event()
        threading.Thread(target=self._run, name="wakeup", daemon=True).start()

    def send_soon(self) -> None:
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            try:
                self._client.publish(self._channel, b"1")
            except (RedisError, OSError) as error:
                _complain(error)
                time.sleep(REDIS_REST_SECONDS)


class _Sleeper:
    def wait(self) -> None:
        time.sleep(LONGEST_WAIT_SECONDS)

    def close(self) -> None:
        pass


class _SqliteListener:
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, timeout=SQLITE_LOOK_SECONDS)
        self._seen = self._version()

    def wait(self) -> None:
        # Compared with what the last wait saw, not with now: a commit in between counts.
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while time.monotonic() < deadline:
            version = self._version()
            if version != self._seen:
                self._seen = version
                return
            time.sleep(SQLITE_LOOK_SECONDS)

    def _version(self) -> int:
        try:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return -1

    def close(self) -> None:
        self._connection.close()


class _RedisListener:
    def __init__(self, url: str, channel: str) -> None:
        self._client = _connect(url)
        self._channel = channel
        self._subscription: Any = None
        self._rest_until = 0.0
        self._subscribe()

    def wait(self) -> None:
        if self._subscription is None and not self._subscribe():
            time.sleep(LONGEST_WAIT_SECONDS)
            return
        try:
            self._subscription.get_message(
                ignore_subscribe_messages=True, timeout=LONGEST_WAIT_SECONDS
            )
            while self._subscription.get_message(ignore_subscribe_messages=True, timeout=0):
                pass  # several announcements, one look
        except (RedisError, OSError) as error:
            self._rest(error)

    def _subscribe(self) -> bool:
        if time.monotonic() < self._rest_until:
            return False
        try:
            self._subscription = self._client.pubsub()  # type: ignore[no-untyped-call]
            self._subscription.subscribe(self._channel)
        except (RedisError, OSError) as error:
            self._rest(error)
            return False
        return True

    def _rest(self, error: Exception) -> None:
        _complain(error)
        self._rest_until = time.monotonic() + REDIS_REST_SECONDS
        self.close()

    def close(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None
        self._client.close()


def _complain(error: Exception) -> None:
    # The type alone: the text can quote the address, and with it the password.
    log.warning("redis_unavailable", error=type(error).__name__, effect="slower, nothing lost")
