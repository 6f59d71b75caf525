"""A real worker process for the tests, with handlers whose effects can be counted.

`python -m tests.jobs.stand_in '{"database_url": …, "instance_dir": …, "threads": …}'`
"""

import json
import os
import signal
import sys
import time

import sqlalchemy as sa
from flask import Flask
from flask_babel import Babel

from core import config as settings
from core.db import db, init_db, writing
from core.logging import init_logging
from core.wakeup import init_wakeup
from jobs.cli import stop_on_signals
from jobs.queue import PermanentFailure
from jobs.schedule import Periodic
from jobs.worker import JobSetup, Worker

EFFECT = sa.Table(
    "job_test_effect",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("note", sa.String(80), nullable=False),
)
CANARIES = ("maria.souza@example.com", "(11) 98765-4321", "123.456.789-09")


def note(text: str) -> None:
    """Leave an effect; inside the caller's transaction."""
    db.session.execute(EFFECT.insert().values(note=text))


def do_note(payload):
    return lambda: note(payload["note"])


def do_slowly(payload):
    with writing():
        note(f"began {payload['note']}")
    time.sleep(payload["seconds"])
    return lambda: note(payload["note"])


def do_die(_payload):
    os.kill(os.getpid(), signal.SIGKILL)


def do_fail(_payload):
    raise ValueError("cannot read " + " ".join(CANARIES))


def do_refuse(_payload):
    raise PermanentFailure("The address of the photo no longer exists.")


def do_exit(_payload):
    sys.exit(3)


HANDLERS = {
    "note": do_note,
    "slow": do_slowly,
    "die": do_die,
    "fail": do_fail,
    "refuse": do_refuse,
    "exit": do_exit,
}


def main(options: dict) -> None:
    config = settings.load(
        {}, **{name: options[name] for name in ("database_url", "instance_dir")}, env="production"
    )
    app = Flask("stand_in", instance_path=config.instance_dir)
    app.extensions["vitrine"] = config
    init_logging(app, config)
    init_db(app, config)
    init_wakeup(app, config)
    Babel(app)
    timetable = [Periodic(name, every, "note", {"note": name}) for name, every in options["every"]]
    worker = Worker(
        app,
        JobSetup(HANDLERS, timetable),
        threads=options["threads"],
        lease_seconds=options["lease_seconds"],
    )
    stop_on_signals(worker)
    if not worker.run(drain=options["drain"]):
        os._exit(0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
