"""Fifty attendants at one queue while their processes are killed: each lead is taken once.

Attendants look at the first few waiting leads and claim one of them, as fast as they can, so most
claims have rivals. Each notes what it was told after the commit. At the end the notes are held
against the database: every lead has one owner, one `claimed` event, and nobody was told of a lead
that is another's.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.context import ForkProcess
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from app import create_app
from bench.chaos.processes import Kept, flask, free_port, postgres_programs, start_postgres
from core import config as settings
from core.clock import now
from core.db import db, writing
from dealership.roles import Role
from dealership.staff import StaffMember, create_staff
from leads.models import Lead, LeadEvent, Person
from leads.pipeline.log import rebuilt, standing_of
from leads.pipeline.queue import AlreadyClaimed, claim, waiting
from leads.pipeline.stages import Stage

PROCESSES = 5
SEEN = 5  # among so many leads on top an attendant chooses
LEADS_PER_KILL = 50
STALL_SECONDS = 120.0  # without one more claim
AFTER_AN_ERROR_SECONDS = 0.05


@dataclass
class Storm:
    """What came of it."""

    leads: int = 0
    killed: int = 0
    seconds: float = 0.0
    told: Counter[str] = field(default_factory=Counter)  # claimed, late, error
    unheard: int = 0  # claimed by somebody who was killed before they could say so
    wrong: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.wrong and self.leads > 0


def run(chosen: argparse.Namespace, database: str) -> int:
    """The storm on a throw-away database, printed; 0 when each lead was claimed exactly once."""
    if database == "postgres" and postgres_programs() is None:
        print("postgres: left out, there is no initdb here that this user can run.")
        return 0
    folder = Path(tempfile.mkdtemp(prefix=f"claims-{database}-"))
    folder.chmod(0o711)  # the server's own user walks through
    server: Kept | None = None
    try:
        url = f"sqlite:///{folder / 'vitrine.db'}"
        if database == "postgres":
            (folder / "server").mkdir()
            port = free_port()
            server = start_postgres(folder / "server", port, folder / "postgres.log")
            url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        found = _under(url, folder, chosen)
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    _print(database, chosen, found)
    return 0 if found.is_good else 1


def _under(url: str, folder: Path, chosen: argparse.Namespace) -> Storm:
    own = {name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")}
    env = {
        **own,
        "VITRINE_INSTANCE_DIR": str(folder),
        "VITRINE_DATABASE_URL": url,
        "VITRINE_LOG_LEVEL": "error",
    }
    flask("db", "upgrade", env=env)
    app = create_app(settings.load(env))
    with app.app_context():
        staff_ids = _fill(chosen.attendants, chosen.leads)
        db.session.remove()
        db.engine.dispose()  # no connection is shared with the processes to come
    found = Storm(leads=chosen.leads)
    started = time.monotonic()
    notes = folder / "notes.jsonl"
    notes.touch()
    _rage(app, staff_ids, notes, chosen.seed, found)
    found.seconds = time.monotonic() - started
    with app.app_context():
        _judge(notes, found)
        db.session.remove()
        db.engine.dispose()
    return found


def _fill(attendants: int, leads: int) -> list[int]:
    """Attendants, and leads that wait since a minute, as their first enquiry leaves them."""
    with writing() as session:
        staff = [
            create_staff(f"a{number}@example.com", Role.ATTENDANT, name=f"Atendente {number}")
            for number in range(attendants)
        ]
        ids = [one.id for one in staff]
        people = [Person(name=f"Pessoa {number}") for number in range(leads)]
        session.add_all(people)
        session.flush()
        born = now() - timedelta(minutes=1)
        due = born + timedelta(minutes=5)
        rows = [
            Lead(person_id=one.id, department="sales", source="form:contato", created_at=born,
                 due_at=due)
            for one in people
        ]  # fmt: skip
        session.add_all(rows)
        session.flush()
        facts = {"is_first": True, "urgency": 1, "action": "answer", "due_at": due.isoformat()}
        session.add_all(
            LeadEvent(lead_id=one.id, kind="enquiry", actor="site", at=born, data=facts)
            for one in rows
        )
        session.flush()
    return ids


# --- the storm -------------------------------------------------------------------------------


def _rage(app: Flask, staff_ids: list[int], notes: Path, seed: int, found: Storm) -> None:
    """Until nothing waits: processes that claim, of which one after the other is killed."""
    context = multiprocessing.get_context("fork")
    random_ = random.Random(seed)
    starts = 0

    def start(number: int) -> ForkProcess:
        nonlocal starts
        starts += 1
        own = staff_ids[number::PROCESSES]
        process = context.Process(target=_attend, args=(app, own, notes, seed + starts))
        process.start()
        return process

    running = [start(number) for number in range(min(PROCESSES, len(staff_ids)))]
    most = 5 + found.leads // LEADS_PER_KILL
    size, deadline = 0, time.monotonic() + STALL_SECONDS
    while any(one.is_alive() for one in running) and time.monotonic() < deadline:
        time.sleep(random_.uniform(0.2, 0.8))
        if notes.stat().st_size != size:
            size, deadline = notes.stat().st_size, time.monotonic() + STALL_SECONDS
        victim = random_.randrange(len(running))
        if found.killed == most:
            continue
        if running[victim].is_alive() and size:  # once the first one has begun
            running[victim].kill()
            running[victim].join()
            if running[victim].exitcode == -signal.SIGKILL:
                found.killed += 1
                running[victim] = start(victim)
    for process in running:
        process.kill()  # all are over, or stuck
        process.join()


def _attend(app: Flask, staff_ids: list[int], notes: Path, seed: int) -> None:
    """One process: a thread for each of its attendants, until nothing waits."""
    threads = [
        threading.Thread(target=_claim_all, args=(app, staff_id, notes, seed * 1000 + staff_id))
        for staff_id in staff_ids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)


def _claim_all(app: Flask, staff_id: int, notes: Path, seed: int) -> None:
    random_ = random.Random(seed)
    descriptor = os.open(notes, os.O_WRONLY | os.O_APPEND)
    with app.app_context():
        while True:
            try:
                top = db.session.scalars(waiting(None).with_only_columns(Lead.id).limit(SEEN)).all()
                if not top:
                    break
                lead_id = random_.choice(top)
                with writing():
                    claim(lead_id, db.session.get_one(StaffMember, staff_id))
                said = "claimed"
            except AlreadyClaimed:
                said = "late"
            except sa.exc.SQLAlchemyError as error:
                said, lead_id = f"error {type(error).__name__}", 0
                db.session.rollback()
                time.sleep(AFTER_AN_ERROR_SECONDS)
            line = json.dumps([said, lead_id, staff_id]) + "\n"
            os.write(descriptor, line.encode())  # whole, or not at all
        db.session.remove()
    os.close(descriptor)


# --- the verdict -----------------------------------------------------------------------------


def _judge(notes: Path, found: Storm) -> None:
    said = [json.loads(line) for line in notes.read_text().splitlines()]
    found.told = Counter(word for word, _lead, _staff in said)
    told = {(lead_id, staff_id) for word, lead_id, staff_id in said if word == "claimed"}
    events = Counter(
        db.session.scalars(sa.select(LeadEvent.lead_id).where(LeadEvent.kind == "claimed"))
    )
    owners: dict[int, int | None] = {}
    for lead in db.session.scalars(sa.select(Lead).order_by(Lead.id)):
        owners[lead.id] = lead.owner_id
        if lead.state == Stage.WAITING or lead.owner_id is None:
            found.wrong.append(f"lead {lead.id} still waits")
        elif events[lead.id] != 1:
            found.wrong.append(f"lead {lead.id} was claimed {events[lead.id]} times")
        elif rebuilt(lead) != standing_of(lead):
            found.wrong.append(f"lead {lead.id} is not what its events say")
    found.wrong += [
        f"{staff_id} was told of lead {lead_id}, which is {owners[lead_id]}'s"
        for lead_id, staff_id in sorted(told)
        if owners[lead_id] != staff_id
    ]
    found.wrong += [
        f"{count} × {word}" for word, count in found.told.items() if word.startswith("error")
    ]
    found.unheard = len(owners) - len(told)


def _print(database: str, chosen: argparse.Namespace, found: Storm) -> None:
    claimed = found.told["claimed"] + found.unheard
    lines = [
        f"{database}: {chosen.attendants} attendants, {found.leads} leads, seed {chosen.seed}, "
        f"{found.seconds:.0f} s",
        f"  claimed {claimed}   of them unheard {found.unheard}   too late "
        f"{found.told['late']}   processes killed {found.killed}   wrong {len(found.wrong)}",
        *(f"  WRONG {row}" for row in found.wrong[:20]),
    ]
    print("\n".join(lines), flush=True)
    sys.stdout.flush()
