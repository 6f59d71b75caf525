"""The stock on several portals that fail, while whoever reconciles it is killed at random.

Real passes in processes of their own against the simulated portals (tests.simulators), which fail
in a share of all requests in every way they know. Three times the stock changes: a fifth is sold,
as many prices change, new cars come, one in a hundred is an ad no portal takes. At the end every
portal must show exactly what is wanted: nothing sold, nothing twice, nothing missing but the
poison, the right prices, and the dealer's own ads untouched.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from app import create_app
from bench.chaos.processes import Kept, flask, free_port, postgres_programs, start_postgres
from core import config as settings
from core.clock import now
from core.db import db, writing
from integrators import accounts
from integrators.listings import lease, turn
from integrators.listings.looking import SURPLUS_SECONDS
from integrators.listings.passes import sync
from integrators.listings.rules import switch_on
from integrators.listings.syncing import due_accounts
from integrators.listings.unsettled import unsettled
from integrators.models import Advertiser, Listing
from inventory.lifecycle import move
from inventory.models import Vehicle
from inventory.stock_version import touch
from tests.integrators.portal_stock import POISONED, make_stock
from tests.simulators.every import SIMULATORS
from tests.simulators.faults import Faults
from tests.simulators.simulator import Simulator

PROCESSES = 3
REVISIONS = 3
SOLD_SHARE, PRICED_SHARE = 0.2, 0.2
KILL_EVERY_SECONDS = (0.5, 3.0)
LOST_LEASE_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 1.0
STALL_SECONDS = 240.0  # until it counts as never converging
PACE = {"settle_seconds": "0.5", "down_seconds": "0.1", "calls_per_second": "200"}


@dataclass
class Found:
    """What came of one seed."""

    seed: int
    cars: int = 0
    killed: int = 0
    seconds: float = 0.0
    requests: int = 0
    drawn: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def run(chosen: argparse.Namespace, database: str) -> int:
    """Every seed on a throw-away database, printed; 0 when all portals were right in the end."""
    if database == "postgres" and postgres_programs() is None:
        print("postgres: left out, there is no initdb here that this user can run.")
        return 0
    is_good = True
    for seed in range(chosen.seed, chosen.seed + chosen.seeds):
        folder = Path(tempfile.mkdtemp(prefix=f"portals-{database}-"))
        folder.chmod(0o711)  # the server's own user walks through
        server: Kept | None = None
        try:
            url = f"sqlite:///{folder / 'vitrine.db'}"
            if database == "postgres":
                (folder / "server").mkdir()
                port = free_port()
                server = start_postgres(folder / "server", port, folder / "postgres.log")
                url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
            found = _under(url, folder, chosen, seed)
        finally:
            if server:
                server.stop()
            shutil.rmtree(folder, ignore_errors=True)
        _print(database, found)
        is_good = is_good and not found.wrong
    return 0 if is_good else 1


def _print(database: str, found: Found) -> None:
    faults = sum(found.drawn.values())
    print(
        f"{database}: seed {found.seed}, {found.cars} cars ever, {found.requests} requests, "
        f"{faults} of them failed in {len(found.drawn)} ways, {found.killed} processes killed, "
        f"{found.seconds:.0f} s, wrong {len(found.wrong)}"
    )
    for line in found.wrong[:20]:
        print(f"  {line}")


def _under(url: str, folder: Path, chosen: argparse.Namespace, seed: int) -> Found:
    own = {name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")}
    env = {
        **own,
        "VITRINE_INSTANCE_DIR": str(folder),
        "VITRINE_DATABASE_URL": url,
        "VITRINE_LOG_LEVEL": "error",
    }
    flask("db", "upgrade", env=env)
    app = create_app(settings.load(env))
    lease.LEASE_SECONDS = LOST_LEASE_SECONDS
    turn.LOOK_AGAIN_SECONDS = LOOK_AGAIN_SECONDS
    portals = {
        kind: SIMULATORS[kind](Faults(seed=seed, share=chosen.faults)) for kind in chosen.portals
    }
    found = Found(seed)
    started = time.monotonic()
    try:
        _rage(app, portals, chosen, found)
    finally:
        for portal in portals.values():
            portal.stop()
    found.seconds = time.monotonic() - started
    for portal in portals.values():
        found.requests += portal.requests
        for fault, number in portal.faults.drawn.items():
            found.drawn[fault] = found.drawn.get(fault, 0) + number
    return found


def _rage(
    app: Flask, portals: dict[str, Simulator], chosen: argparse.Namespace, found: Found
) -> None:
    random_ = random.Random(found.seed)
    with app.app_context():
        make_stock(chosen.cars, poison_every=100 if chosen.cars >= 100 else 10)
        ids = _connect(portals)
        _let_go()
    for revision in range(REVISIONS + 1):
        if revision:
            with app.app_context():
                _change_stock(random_, chosen.cars // 10)
                _let_go()
        if not _converge(app, ids, random_, found):
            found.wrong.append(f"revision {revision}: not converged in {STALL_SECONDS:.0f} s")
            break
    with app.app_context():
        with writing() as session:  # what only a list shows is looked for in time; here it is now
            session.execute(sa.update(Advertiser).values(observe_at=None))
        _let_go()
    if not _converge(app, ids, random_, found):
        found.wrong.append(f"the last look: not converged in {STALL_SECONDS:.0f} s")
    with app.app_context():
        found.cars = db.session.scalar(sa.select(sa.func.count()).select_from(Vehicle)) or 0
        for kind, portal in portals.items():
            _judge(kind, ids[kind], portal, found)
        _let_go()


def _let_go() -> None:
    """No connection is shared with the processes to come."""
    db.session.remove()
    db.engine.dispose()


def _connect(portals: dict[str, Simulator]) -> dict[str, int]:
    ids = {}
    for kind, portal in portals.items():
        with writing():
            row, _token = accounts.register(
                kind, kind, {**portal.settings, **PACE}, base_url=portal.url
            )
            switch_on(row.id, on=True)
            ids[kind] = row.id
    return ids


def _change_stock(random_: random.Random, arriving: int) -> None:
    rows = sorted(
        db.session.execute(
            sa.select(Vehicle.id, Vehicle.state).where(Vehicle.state.in_(("published", "reserved")))
        ).all()
    )
    db.session.rollback()
    for number, state in rows:
        draw = random_.random()
        with writing() as session:
            car = session.get(Vehicle, number)
            if draw < SOLD_SHARE:
                move(car, "sold", "chaos")
            elif draw < SOLD_SHARE + PRICED_SHARE:
                car.price_cents += random_.randrange(1, 90) * 100_00
                touch([car])
            elif draw < SOLD_SHARE + PRICED_SHARE + 0.05:
                move(car, "reserved" if state == "published" else "published", "chaos")
    make_stock(arriving)


# --- the storm -------------------------------------------------------------------------------


def _converge(app: Flask, ids: dict[str, int], random_: random.Random, found: Found) -> bool:
    """Passes until no account has anything left, of which one after the other is killed."""
    context = multiprocessing.get_context("fork")
    workers = [_start(context, app) for _ in range(PROCESSES)]
    deadline = time.monotonic() + STALL_SECONDS
    try:
        while time.monotonic() < deadline:
            time.sleep(random_.uniform(*KILL_EVERY_SECONDS))
            with app.app_context():
                is_done = not due_accounts() and all(
                    not unsettled(account_id)[0] and not _is_held(account_id)
                    for account_id in ids.values()
                )
                _let_go()
            if is_done:
                return True
            place = random_.randrange(PROCESSES)
            os.kill(workers[place].pid or 0, signal.SIGKILL)
            workers[place].join()
            found.killed += 1
            workers[place] = _start(context, app)
        return False
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _is_held(account_id: int) -> bool:
    row = db.session.get(Advertiser, account_id)
    if row is None or row.observe_at is None or row.hold_until is not None or row.looks_failed:
        return True
    return row.observe_at < now() + timedelta(seconds=SURPLUS_SECONDS)  # looks again soon


def _start(context: Any, app: Flask) -> ForkProcess:
    process: ForkProcess = context.Process(target=_work, args=(app,), daemon=True)
    process.start()
    return process


def _work(app: Flask) -> None:
    """Passes over whatever is due, for ever."""
    with app.app_context():
        while True:
            for account_id in due_accounts() or _all():
                sync(account_id, 20)
            db.session.rollback()
            time.sleep(0.1)


def _all() -> list[int]:
    return list(db.session.scalars(sa.select(Advertiser.account_id)))


# --- the verdict -----------------------------------------------------------------------------


def _judge(kind: str, account_id: int, portal: Simulator, found: Found) -> None:
    wanted = {
        row.key: row.price_cents
        for row in db.session.execute(
            sa.select(Listing.key, Vehicle.price_cents)
            .join(Vehicle, Vehicle.id == Listing.vehicle_id)
            .where(
                Listing.account_id == account_id,
                Vehicle.state == "published",
                ~Vehicle.description.contains(POISONED),
            )
        )
    }
    cars = db.session.scalar(
        sa.select(sa.func.count()).select_from(Vehicle).where(
            Vehicle.state == "published", ~Vehicle.description.contains(POISONED)
        )
    )  # fmt: skip
    poisoned = set(
        db.session.scalars(
            sa.select(Listing.key)
            .join(Vehicle, Vehicle.id == Listing.vehicle_id)
            .where(Vehicle.state == "published", Vehicle.description.contains(POISONED))
        )
    )
    # A portal that takes the text in a call of its own shows the car without it.
    shown = {key: price for key, price in portal.online().items() if key not in poisoned}
    moderated = portal.moderated
    if cars != len(wanted):
        found.wrong.append(f"{kind}: {cars} cars, {len(wanted)} listings")
    for key, price in wanted.items():
        if key not in shown and key not in moderated:
            found.wrong.append(f"{kind}: {key} is missing")
        elif key in shown and shown[key] != price:
            found.wrong.append(f"{kind}: {key} costs {shown[key]} there and {price} here")
    found.wrong += [f"{kind}: {key} should not be there" for key in shown.keys() - wanted.keys()]
    found.wrong += [f"{kind}: {key} is there twice" for key in portal.doubles]
    if portal.foreign_touched:
        found.wrong.append(f"{kind}: {portal.foreign_touched} times an ad of the dealer's own")
