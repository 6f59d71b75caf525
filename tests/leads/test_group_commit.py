"""Posts that share a transaction: each is answered for itself, and one in trouble troubles no
other."""

import threading
import time

import pytest

from core.db import DatabaseBusy
from leads.group_commit import GroupCommit

WAIT = 5.0


class Store:
    """Keeps what it is given, remembers the groups, and is slow while `held`."""

    def __init__(self):
        self.groups, self.kept, self.poison = [], set(), set()
        self.held = threading.Event()
        self.held.set()
        self.begun = threading.Semaphore(0)

    def __call__(self, rows, deadline):
        self.groups.append(list(rows))
        self.begun.release()
        assert self.held.wait(WAIT)
        if bad := self.poison & set(rows):
            raise ValueError(bad)
        found = []
        for row in rows:
            found.append(row not in self.kept)
            self.kept.add(row)
        return found


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def line(store):
    return GroupCommit(store)


class Posting(threading.Thread):
    """One post in a thread of its own, and how it ended."""

    def __init__(self, line, row, wait=WAIT):
        super().__init__()
        self.line, self.row, self.wait = line, row, wait
        self.answer = self.error = None
        self.start()

    def run(self):
        try:
            self.answer = self.line.keep(self.row, time.monotonic() + self.wait)
        except Exception as error:
            self.error = error


def behind_a_slow_one(line, store, rows, wait=WAIT):
    """A post that is being stored, and those that came meanwhile."""
    store.held.clear()
    first = Posting(line, "first")
    assert store.begun.acquire(timeout=WAIT)
    others = []
    for number, row in enumerate(rows, 1):
        others.append(Posting(line, row, wait))
        until = time.monotonic() + WAIT
        while len(line._line) < number and time.monotonic() < until:
            time.sleep(0.001)
    return first, others


def ended(*postings):
    for posting in postings:
        posting.join(WAIT)
        assert not posting.is_alive()


def test_alone_it_is_stored_at_once(line, store):
    assert line.keep("a", time.monotonic() + WAIT) is True
    assert line.keep("a", time.monotonic() + WAIT) is False
    assert store.groups == [["a"], ["a"]]


def test_those_that_come_meanwhile_share_the_next_transaction(line, store):
    first, others = behind_a_slow_one(line, store, ["b", "c", "b"])
    store.held.set()
    ended(first, *others)
    assert store.groups == [["first"], ["b", "c", "b"]]
    assert [posting.answer for posting in others] == [True, True, False]


def test_one_that_cannot_be_stored_fails_alone(line, store):
    store.poison = {"bad"}
    first, others = behind_a_slow_one(line, store, ["b", "bad", "c"])
    store.held.set()
    ended(first, *others)
    assert [posting.answer for posting in others] == [True, None, True]
    assert isinstance(others[1].error, ValueError)
    assert store.kept == {"first", "b", "c"}
    assert line.keep("d", time.monotonic() + WAIT)


def test_nobody_waits_longer_than_it_may(line, store):
    first, others = behind_a_slow_one(line, store, ["impatient"], wait=0.05)
    ended(*others)
    assert isinstance(others[0].error, DatabaseBusy)
    store.held.set()
    ended(first)
    assert store.kept == {"first"}


def test_a_leader_that_dies_leaves_the_line_moving(line, store):
    class Killed(BaseException):
        pass

    def die(rows, deadline):
        line._store = store
        raise Killed

    line._store = die
    with pytest.raises(Killed):
        line.keep("a", time.monotonic() + WAIT)
    assert line.keep("b", time.monotonic() + WAIT)
