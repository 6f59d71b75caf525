"""Every door answers in the demo, and what was posted becomes a lead."""

import threading
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from core.db import db
from demo.webhooks import knock_at_every_door
from integrators.kinds import KINDS
from jobs.worker import JobSetup, Worker
from leads.models import Enquiry, Submission


@pytest.fixture
def origin(app) -> Iterator[str]:
    """The site on a port, and a worker beside it."""
    db.session.rollback()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    worker = Worker(app, JobSetup(app.extensions["vitrine_jobs"].handlers))
    threads = [threading.Thread(target=run) for run in (server.serve_forever, worker.run)]
    for thread in threads:
        thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    worker.stop()
    for thread in threads:
        thread.join()
    server.server_close()


def _sources_read() -> set[str]:
    db.session.rollback()
    return set(db.session.scalars(sa.select(Enquiry.source)))


@pytest.mark.parametrize("rounds", [1, 2])
def test_every_door_answers_and_every_sample_is_a_lead(origin, rounds):
    for _ in range(rounds):
        knocks = list(knock_at_every_door(origin))
        assert {knock.kind: knock.status for knock in knocks} == dict.fromkeys(KINDS, 200)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and _sources_read() != set(KINDS):
        time.sleep(0.1)  # what the busy database did not take at once comes from the disk
    assert set(db.session.scalars(sa.select(Submission.error))) == {""}
    assert _sources_read() == set(KINDS)
    db.session.rollback()
