"""What goes wrong, at random: killed processes, a locked file, a full disk, a restarted server."""

import contextlib
import http.client
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.chaos.processes import Kept

FILL_BYTES = 1024 * 1024
PATIENT_SHARE = 0.8  # of attacks that let the site come back first
START_SECONDS = 30.0
Deed = Callable[[], None]


@dataclass
class Saboteur:
    """Attacks until `stop` is set: every deed once in a random order, then whichever comes."""

    port: int
    web: Kept
    worker: Kept
    postgres: Kept | None
    sqlite_path: Path | None
    full_disk: Path | None  # a file system that may be filled to the brim
    seed: int
    lock_seconds: float = 10.0
    full_seconds: float = 4.0
    pause_seconds: float = 1.5
    done: Counter[str] = field(default_factory=Counter)

    def deeds(self) -> dict[str, Deed]:
        found: dict[str, Deed] = {
            "web worker killed": self.kill_a_web_worker,
            "web master killed": self.web.kill_alone,
            "web killed whole": self.web.kill_group,
            "worker killed": self.worker.kill_group,
        }
        if self.sqlite_path:
            found["SQLite locked"] = self.lock_sqlite
        if self.full_disk:
            found["disk full"] = self.fill_the_disk
        if self.postgres:
            found["PostgreSQL restarted"] = lambda: self.postgres.ask(signal.SIGINT)  # type: ignore[union-attr]
            found["PostgreSQL killed"] = self.postgres.kill_group
        return found

    def run(self, stop: threading.Event) -> None:
        dice = random.Random(f"{self.seed}:deeds")
        deeds = self.deeds()
        deck: list[str] = []
        # Kills are many, long outages few: each round of the deck has one of those.
        while not stop.is_set():
            if not deck:
                kills = [name for name in deeds if "killed" in name]
                deck = [*deeds, *(dice.choice(kills) for _ in range(len(deeds)))]
                dice.shuffle(deck)
            name = deck.pop()
            deeds[name]()
            self.done[name] += 1
            if dice.random() < PATIENT_SHARE:
                self._wait_until_it_answers(stop)
            stop.wait(self.pause_seconds * (0.5 + dice.random()))

    def _wait_until_it_answers(self, stop: threading.Event) -> None:
        """On a busy machine a site that is always killed while it starts takes no post at all."""
        deadline = time.monotonic() + START_SECONDS
        while not stop.is_set() and time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", "/healthz")
                if connection.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException):
                stop.wait(0.2)
            finally:
                connection.close()

    def kill_a_web_worker(self) -> None:
        for pid in self.web.children()[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def lock_sqlite(self) -> None:
        """A shell or a backup that knows nothing of the gate."""
        connection = sqlite3.connect(str(self.sqlite_path), timeout=30, isolation_level=None)
        try:
            connection.execute("BEGIN EXCLUSIVE")
            time.sleep(self.lock_seconds)
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            pass
        finally:
            connection.close()

    def fill_the_disk(self) -> None:
        """Every free byte, and those freed meanwhile, for a while."""
        assert self.full_disk
        filler = self.full_disk / "filler"
        until = time.monotonic() + self.full_seconds
        with filler.open("wb", buffering=0) as file:
            while time.monotonic() < until:
                for size in (FILL_BYTES, 4096, 1):
                    try:
                        while file.write(b"x" * size):
                            pass
                    except OSError:
                        continue
                time.sleep(0.05)
        filler.unlink()
