"""The threads that answer requests: a few that compute, and those that only wait beside them."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any

Task = Callable[[], None]


class Pool(Executor):
    """Always `at_once` threads that take tasks in the order they came.

    A task that will only wait (a live stream) leaves: another thread takes its place at once, and
    its own ends with it. So waiting costs nobody a turn, and no more compute at once than before,
    who would wait for each other and for database connections.
    """

    def __init__(self, at_once: int) -> None:
        self.is_stopping = False  # tasks that wait for something shall end
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._at_once = at_once
        self._away: set[threading.Thread] = set()
        for _ in range(at_once):
            self._start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See concurrent.futures.Executor."""
        future: Future[Any] = Future()

        def task() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # whoever asked is told
                future.set_exception(error)
            else:
                future.set_result(result)

        self._tasks.put(task)
        return future

    def leave(self) -> None:
        """The calling task only waits from here on. Raises RuntimeError when there are no more
        threads to be had."""
        thread = threading.current_thread()
        if thread not in self._away:
            self._start()
            self._away.add(thread)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Let the threads end after what they do now; nobody waits for them, and a process that
        ends does not either."""
        self.is_stopping = True
        for _ in range(self._at_once):
            self._tasks.put(None)

    def _start(self) -> None:
        threading.Thread(target=self._work, name="request", daemon=True).start()

    def _work(self) -> None:
        thread = threading.current_thread()
        while task := self._tasks.get():
            task()
            del task  # what it holds is not kept until the next one comes
            if thread in self._away:
                self._away.discard(thread)
                return


_current: Pool | None = None


def use_pool(pool: Pool) -> Pool:
    """Make `pool` the one that answers this process's requests."""
    global _current  # one per process, as its signal handlers
    _current = pool
    return pool


def current_pool() -> Pool | None:
    """The one that answers this process's requests; None where another server's threads do."""
    return _current
