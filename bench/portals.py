"""The stock on portals: how close to what their limits allow, and what a look at nothing new costs.

Against the simulated portals (tests.simulators) in a process of their own, with 50 ms before every
answer and a limit of requests a second. The reference of the first rows is arithmetic: the fewest
requests that can do it, and the time that the limit gives to them; they are seconds and counts, not
CPU.
"""

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.request import Request, urlopen

import sqlalchemy as sa
from flask import Flask

from bench.stocked import hang_up_photos, stocked
from bench.timing import COUNT, WALL_US, Measured
from core.clock import now
from core.config import ROOT
from core.db import db, writing
from integrators import accounts
from integrators.listings import passes, syncing
from integrators.listings.planning import plan
from integrators.listings.rules import switch_on
from integrators.listings.turn import Turn, adapted
from integrators.models import Advertiser, Listing, ListingEvent
from integrators.portals.every import PORTALS
from inventory.lifecycle import move
from inventory.models import Vehicle
from inventory.stock_version import touch
from jobs.worker import Worker
from tests.integrators.portal_stock import make_stock
from tests.simulators.every import SIMULATORS

CARS: Final = 1_000
RATE: Final = 40.0  # requests a second that each simulated portal bears
LATENCY: Final = 0.05
FAULTS: Final = 0.2
PATIENCE_SECONDS: Final = 1800.0
PACE: Final = {"calls_per_second": str(RATE), "settle_seconds": "1", "down_seconds": "0.5"}
# Mercado Livre and Webmotors take a request a car; Chaves na Mão, too, and a page of its list for
# every fifty; OLX an import for three hundred, and a question what became of it.
ADS_IN_AN_IMPORT: Final = 300
ADS_ON_A_PAGE: Final = 50


@dataclass(frozen=True)
class Simulated:
    """One portal in another process."""

    kind: str
    url: str

    def tell(self, **weather: Any) -> None:
        body = json.dumps(weather).encode()
        urlopen(Request(f"{self.url}/_sim", body, method="POST")).close()

    def counters(self) -> dict[str, Any]:
        with urlopen(f"{self.url}/_sim") as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def portals(size: int) -> Iterator[Measured]:
    """Changes over four portals, with and without faults; a second look; a large stock at rest."""
    with stocked(0) as app, app.app_context(), _simulators("all") as made:
        yield from _changes(app, made)
    yield from _at_rest(size)


@contextmanager
def _simulators(which: str) -> Iterator[list[Simulated]]:
    command = [sys.executable, "-m", "tests.simulators", which, "--port", "0", "--small"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    wanted = len(SIMULATORS) if which == "all" else 1
    made: list[Simulated] = []
    try:
        while len(made) < wanted:
            if found := re.match(r"(\w+): (http://\S+)", process.stdout.readline()):
                made.append(Simulated(found[1], found[2]))
        yield made
    finally:
        process.kill()
        process.wait()


def _changes(app: Flask, made: list[Simulated]) -> Iterator[Measured]:
    make_stock(CARS)
    ids = _connect(made, {"calls_per_second": "2000", "settle_seconds": "1"})
    syncing.sync_all(list(ids.values()), PATIENCE_SECONDS)
    for portal in made:
        portal.tell(latency=LATENCY, rate=RATE)
        with writing() as session:
            accounts.change_settings(accounts.locked(ids[portal.kind]), PACE)
            session.get_one(Advertiser, ids[portal.kind]).calls_per_second = None
    fewest = sum(_fewest(portal.kind) for portal in made)
    longest = max(_fewest(portal.kind) for portal in made) / RATE
    seconds, requests = _change_all(app, made, ids)
    name = f"{CARS:,} new prices on {len(made)} portals"
    yield Measured(
        name, CARS, max(seconds.values()) * 1e6, longest * 1e6, "the limits' own time", 1.3,
        note=", ".join(f"{kind} {one:.1f} s" for kind, one in seconds.items()), unit=WALL_US,
    )  # fmt: skip
    yield Measured(
        f"{name}: requests", CARS, sum(requests.values()), fewest, "fewest requests", 1.05,
        note=", ".join(f"{kind} {one:,}" for kind, one in requests.items()), unit=COUNT,
    )  # fmt: skip
    before = _count(made, "writes")
    syncing.sync_all(list(ids.values()), PATIENCE_SECONDS)
    written = sum(_count(made, "writes").values()) - sum(before.values())
    yield Measured("a second look writes", CARS, written, 1, "one (the target is none)", 0,
                   unit=COUNT)  # fmt: skip
    yield _sale(app, ids)
    for portal in made:
        portal.tell(faults=FAULTS)
    _seconds, requests = _change_all(app, made, ids)
    name = f"{name}, {FAULTS:.0%} failing: requests"
    yield Measured(
        name, CARS, sum(requests.values()), fewest, "fewest requests", 2,
        note=", ".join(f"{kind} {one:,}" for kind, one in requests.items()), unit=COUNT,
    )  # fmt: skip


def _sale(app: Flask, ids: dict[str, int]) -> Measured:
    """A tenth of the stock is sold at once, with the worker as the site runs it."""
    began = now()
    worker = Worker(app, app.extensions["vitrine_jobs"], threads=2)
    thread = threading.Thread(target=worker.run)
    thread.start()
    cars = list(db.session.scalars(sa.select(Vehicle.id).limit(CARS // 10)))
    db.session.rollback()
    for number in cars:
        with writing() as session:
            move(session.get_one(Vehicle, number), "sold", "bench")
    wanted = len(cars) * len(ids)
    gone: list[float] = []
    while len(gone) < wanted and now() - began < timedelta(minutes=5):
        time.sleep(0.5)
        gone = list(
            db.session.scalars(
                sa.select(ListingEvent.seconds).where(
                    ListingEvent.what == "gone", ListingEvent.at > began
                )
            )
        )
        db.session.rollback()
    worker.stop()
    thread.join()
    gone.sort()
    slowest = gone[int(len(gone) * 0.95) - 1] if len(gone) == wanted else 300.0
    return Measured(
        f"{len(cars)} sold: gone from {len(ids)} portals", CARS, slowest * 1e6, 60e6,
        "a minute (95th percentile)", 1, unit=WALL_US,
        note=f"{len(gone)} of {wanted} gone, median {gone[len(gone) // 2] if gone else 0:.1f} s",
    )  # fmt: skip


def _fewest(kind: str) -> float:
    if kind == "olx":
        return 2 * -(-CARS // ADS_IN_AN_IMPORT)
    return CARS + (CARS / ADS_ON_A_PAGE if kind == "chavesnamao" else 0)


def _connect(made: list[Simulated], pace: dict[str, str]) -> dict[str, int]:
    ids = {}
    for portal in made:
        with writing():
            row, _token = accounts.register(
                portal.kind,
                portal.kind,
                {**SIMULATORS[portal.kind].settings, **pace},
                base_url=portal.url,
            )
            switch_on(row.id, on=True)
            ids[portal.kind] = row.id
    return ids


def _change_all(
    app: Flask, made: list[Simulated], ids: dict[str, int]
) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds and requests, by portal, until each shows a new price of every car."""
    with writing() as session:
        cars = list(session.scalars(sa.select(Vehicle)))
        for car in cars:
            car.price_cents = (car.price_cents or 0) + 100_00
        touch(cars)
        # What the contract allows was asked a moment ago: the change alone is measured.
        session.execute(sa.update(Advertiser).values(slots_at=now()))
    db.session.rollback()
    before = _count(made, "requests")
    started = time.monotonic()
    seconds: dict[str, float] = {}

    def one(kind: str) -> None:
        with app.app_context():
            ((_id, progress),) = syncing.sync_all([ids[kind]], PATIENCE_SECONDS, looks=False)
        seconds[kind] = time.monotonic() - started
        if progress.left or progress.is_held:
            raise RuntimeError(f"{kind}: {progress}")

    threads = [threading.Thread(target=one, args=(kind,)) for kind in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = _count(made, "requests")
    return seconds, {kind: after[kind] - before[kind] for kind in ids}


def _count(made: list[Simulated], name: str) -> dict[str, int]:
    return {portal.kind: portal.counters()[name] for portal in made}


# --- a large stock at rest -------------------------------------------------------------------


def _at_rest(size: int) -> Iterator[Measured]:
    small = max(1_000, size // 10)
    small_us, _requests = _rest(small)
    large_us, requests = _rest(size)
    yield Measured(
        "unchanged stock judged again", size, large_us / size, small_us / small,
        f"the same for {small:,} (a car)", 1.3, note=f"{large_us / 1e6:.2f} s in all",
    )  # fmt: skip
    yield Measured("unchanged stock: requests", size, requests, 1, "one (the target is none)", 1,
                   unit=COUNT)  # fmt: skip


def _rest(size: int) -> tuple[float, int]:
    """CPU microseconds and requests of a pass over `size` ads of which none changed."""
    kind = "mercadolivre"
    with stocked(size) as app, app.app_context(), _simulators(kind) as made:
        hang_up_photos()
        account_id = _connect(made, {})[kind]
        _as_if_up(account_id)
        before = made[0].counters()["requests"]
        cpu_us = _cpu_us(lambda: passes.sync(account_id))
        return cpu_us, made[0].counters()["requests"] - before


def _as_if_up(account_id: int) -> None:
    """Every ad stands there as it should: a pass plans them, and we say that it was done."""
    turn = Turn(account_id, 60)
    turn.account = accounts.loaded(account_id)
    turn.portal = adapted(PORTALS[turn.account.kind], turn.account)
    assert turn.lease.take()
    plan(turn)
    turn.lease.give_back()
    with writing() as session:
        session.execute(
            sa.update(Listing).values(
                remote="online", pushed_basis=Listing.basis, external_id=Listing.key
            ),
            execution_options={"synchronize_session": False},
        )
        row = session.get_one(Advertiser, account_id)
        row.observe_at, row.slots_at = now().replace(year=now().year + 1), now()
    db.session.rollback()


def _cpu_us(work: Callable[[], object]) -> float:
    work()
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e6
