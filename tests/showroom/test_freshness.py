"""A price, a photo and a sale reach every process within a second, whatever each of them keeps.

Two servers of their own stand on the test's database, with Redis on the grown set-up, and are read
without a pause while the test, a third process, changes the car. A request that began a second
after the commit must be answered with what is true; so a slow machine makes the test slower, never
wrong. And what was new once is never old again.
"""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from flask import Flask

from core.db import db, writing
from inventory.editing import revise_vehicle
from inventory.lifecycle import move
from inventory.models import Vehicle
from inventory.photos import add_photo
from tests import pictures, run
from tests.conftest import PG_SERVER
from tests.factories import make_store, make_vehicle

ROOT = Path(__file__).resolve().parent.parent.parent
SERVERS = 2
DEADLINE_SECONDS = 1.0
WATCHED_SECONDS = 1.2  # beyond the deadline
STARTING_SECONDS = 180.0


@dataclass(frozen=True)
class Look:
    """One page as one server gave it. Times are monotonic seconds."""

    port: int
    page: str
    began_at: float
    text: str
    is_kept: bool  # it came out of the memory: only what is drawn anew has an id of its own


@dataclass
class Readers:
    """One thread per server, reading all pages over and over on connections of their own."""

    ports: list[int]
    pages: dict[str, str]
    looks: list[Look] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Readers":
        for port in self.ports:
            thread = threading.Thread(target=self._read, args=(port,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _read(self, port: int) -> None:
        while not self._stop.is_set():
            for name, path in self.pages.items():
                began_at = time.monotonic()
                try:
                    status, kept, text = fetch(port, path)
                except OSError as error:
                    self.errors.append(f"{path}: {error!r}")
                    continue
                if status != 200:
                    self.errors.append(f"{path}: {status}")
                self.looks.append(Look(port, name, began_at, text, kept))
                time.sleep(0.005)

    def wait_until_all_kept(self) -> None:
        """Until each server gives each page that it keeps out of its memory."""
        wanted = {(port, page) for port in self.ports for page in self.pages if page != "sitemap"}
        deadline = time.monotonic() + STARTING_SECONDS
        since = len(self.looks)
        while time.monotonic() < deadline:
            if wanted <= {(look.port, look.page) for look in self.looks[since:] if look.is_kept}:
                return
            time.sleep(0.05)
        raise AssertionError(f"pages are not kept; {self.errors[:3]}")


def fetch(port: int, path: str) -> tuple[int, bool, str]:
    """Status, whether it was ready in memory, and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers={"Accept-Encoding": "identity"})
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, answer.getheader("X-Request-ID") is None, text
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def ports(app: Flask) -> Iterator[list[int]]:
    """Where the servers listen; both hold the test's database."""
    config = app.extensions["vitrine"]
    kept = {name: text for name, text in os.environ.items() if not name.startswith("VITRINE_")}
    settings = {
        "VITRINE_DATABASE_URL": config.database_url,
        "VITRINE_INSTANCE_DIR": config.instance_dir,
        "VITRINE_MEDIA_DIR": config.media_dir,
        "VITRINE_BASE_URL": "http://localhost",
        "VITRINE_WEB_WORKERS": "1",
        "VITRINE_LOG_LEVEL": "warning",
    }
    if PG_SERVER and run.answers(run.REDIS, 6379):
        settings["VITRINE_REDIS_URL"] = run.REDIS
    found = [free_port() for _number in range(SERVERS)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "serve", "--port", str(port)],
            cwd=ROOT,
            env={**kept, **settings},
            stdout=subprocess.DEVNULL,
        )
        for port in found
    ]
    try:
        for port, process in zip(found, processes, strict=True):
            _wait_for(port, process)
        yield found
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait(90)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.1)


Truth = Callable[[str], bool]


def check(readers: Readers, change: Callable[[], None], truths: dict[str, Truth]) -> float:
    """Make `change` under the readers' eyes; the age in seconds of the oldest answer that did not
    know of it yet, by the moment it was asked for."""
    readers.wait_until_all_kept()
    first = len(readers.looks)
    change()
    changed_at = time.monotonic()
    time.sleep(DEADLINE_SECONDS + WATCHED_SECONDS)
    for port in readers.ports:  # asked once more now, however slow the readers are
        for name, path in readers.pages.items():
            assert truths[name](fetch(port, path)[2]), (port, name)
    looks = readers.looks[first:]
    assert not readers.errors, readers.errors[:3]
    ages = [0.0]
    knew: set[tuple[int, str]] = set()
    for look in sorted(looks, key=lambda one: one.began_at):
        where, age = (look.port, look.page), look.began_at - changed_at
        if truths[look.page](look.text):
            knew.add(where)
            continue
        assert where not in knew, f"{look.page}: old again after {age:.2f} s"
        assert age < DEADLINE_SECONDS, f"{look.page}: still old after {age:.2f} s"
        ages.append(age)
    assert any(look.is_kept for look in looks if look.began_at > changed_at)
    return max(ages)


def test_a_price_a_photo_and_a_sale_reach_all_processes_in_a_second(ports, app):
    store = make_store()
    vehicle = make_vehicle(price_cents=89_900_00, store=store)
    for number in range(3):
        make_vehicle(make="Fiat", model="Argo", price_cents=60_000_00 + number, store=store)
    address = f"/oferta/{vehicle.slug}-{vehicle.public_id}"
    number = vehicle.id
    sitemap = _sitemap_of_offers(ports[0])
    pages = {"offer": address, "list": "/estoque", "home": "/", "sitemap": sitemap}
    ages = {}

    def row() -> Vehicle:
        return db.session.get_one(Vehicle, number)

    def reprice() -> None:
        with writing():
            revise_vehicle(row(), {"price_cents": 81_500_00}, by="test")

    with Readers(ports, pages) as readers:
        before = _lastmod(fetch(ports[0], sitemap)[2], address)
        time.sleep(1.0)  # lastmod has whole seconds
        ages["price"] = check(
            readers,
            reprice,
            {
                "offer": lambda text: (
                    "R$\xa081.500" in text
                    and re.search(r'"price":\s*"?81500\b', text) is not None
                    and "89.900" not in text
                    and "89900" not in text
                ),
                "list": lambda text: "81.500" in text and "89.900" not in text,
                "home": lambda text: "81.500" in text and "89.900" not in text,
                "sitemap": lambda text: _lastmod(text, address) > before,
            },
        )
        photo = pictures.photo()
        ages["photo"] = check(
            readers,
            lambda: add_photo(row(), photo) and None,
            {
                "offer": lambda text: (
                    "/media/" in text
                    and re.search(r'property="og:image" content="[^"]*/(media|cartao)', text)
                    is not None
                    and re.search(r'"image":\s*\[?\s*"[^"]*/media/', text) is not None
                ),
                "list": lambda text: "/media/" in text,
                "home": lambda text: "/media/" in text,
                "sitemap": lambda text: "<image:loc>" in text,
            },
        )

        def sell() -> None:
            with writing():
                move(row(), "sold", by="test")

        ages["sale"] = check(
            readers,
            sell,
            {
                "offer": lambda text: "schema.org/SoldOut" in text,
                "list": lambda text: address not in text,
                "home": lambda text: address not in text,
                "sitemap": lambda text: f"{address}<" not in text,
            },
        )
    print({name: round(age, 2) for name, age in ages.items()})
    shutil.rmtree(app.extensions["vitrine"].media_dir, ignore_errors=True)


def _sitemap_of_offers(port: int) -> str:
    index = fetch(port, "/sitemap.xml")[2]
    (path,) = re.findall(r"<loc>http://localhost(/sitemap-ofertas-1\.xml)</loc>", index)
    return path


def _lastmod(text: str, address: str) -> str:
    found = re.search(rf"<loc>[^<]*{re.escape(address)}</loc><lastmod>([^<]*)<", text)
    return found[1] if found else ""
