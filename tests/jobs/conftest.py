import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from core.config import ROOT
from core.db import db
from tests.jobs.stand_in import EFFECT


@pytest.fixture
def effects(app) -> Iterator[Callable[[], list[str]]]:
    """What the handlers of `stand_in` left behind, sorted; each call looks afresh."""
    with db.engine.begin() as connection:
        EFFECT.metadata.create_all(connection)

    def look() -> list[str]:
        with db.engine.connect() as connection:
            return sorted(connection.scalars(sa.select(EFFECT.c.note)))

    yield look
    db.session.rollback()
    with db.engine.begin() as connection:
        EFFECT.metadata.drop_all(connection)


@pytest.fixture
def start_worker(app, effects) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts real worker processes on the test's database; what is left of them is killed."""
    started = []
    config = app.extensions["vitrine"]

    def start(*, threads=1, lease_seconds=60, drain=False, every=()) -> subprocess.Popen:
        db.session.rollback()
        options = {
            "database_url": config.database_url,
            "instance_dir": config.instance_dir,
            "threads": threads,
            "lease_seconds": lease_seconds,
            "drain": drain,
            "every": every,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.stand_in", json.dumps(options)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def until(app) -> Callable[[Callable[[], bool]], None]:
    """Waits for something to become true; fails after 20 seconds."""

    def wait(is_true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while True:
            db.session.rollback()  # an open transaction would go on seeing the past
            if is_true():
                return
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.02)

    return wait
