from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from integrators import accounts
from integrators.accounts import Account
from integrators.incoming import door
from jobs.models import Job
from jobs.worker import JobSetup, Worker
from leads.models import Enquiry, Lead, Person, Submission


@dataclass(frozen=True)
class Registered:
    """An account and the path of its webhook."""

    account: Account
    path: str
    token: str


@pytest.fixture
def register(app) -> Callable[..., Registered]:
    """Registers an account of a kind; settings as keywords."""

    def make(kind: str, *, name: str = "", base_url: str = "", store=None, **settings: Any):
        with writing():
            row, token = accounts.register(
                kind,
                name or f"Conta {kind}",
                settings,
                base_url=base_url,
                store_id=store.id if store else None,
            )
            account = accounts.seen(row)
        accounts.forget_copies()
        return Registered(account, f"/webhooks/{kind}/{token}", token)

    door.counts.reset()
    yield make
    accounts.forget_copies()


@pytest.fixture
def work(app) -> Callable[[], None]:
    """Does everything that is due, with the application's own handlers and worker; with `rounds`
    also what failed and waits for another try, so many times."""

    def run(rounds: int = 1) -> None:
        setup = app.extensions["vitrine_jobs"]
        for _ in range(rounds):
            db.session.rollback()
            with writing() as session:
                session.execute(
                    sa.update(Job)
                    .where(Job.state == "ready", Job.due_at > now())
                    .values(due_at=now()),
                    execution_options={"synchronize_session": False},
                )
            Worker(app, JobSetup(setup.handlers), threads=1).run(drain=True)
            db.session.rollback()

    return run


class Look:
    """What is in the database now."""

    @staticmethod
    def all_of(model):
        db.session.rollback()
        db.session.expire_all()
        return db.session.scalars(sa.select(model).order_by(sa.inspect(model).primary_key[0])).all()

    @property
    def submissions(self) -> list[Submission]:
        return self.all_of(Submission)

    @property
    def enquiries(self) -> list[Enquiry]:
        return self.all_of(Enquiry)

    @property
    def leads(self) -> list[Lead]:
        return self.all_of(Lead)

    @property
    def people(self) -> list[Person]:
        return self.all_of(Person)

    @property
    def webhook_jobs(self) -> list[Job]:
        return [job for job in self.all_of(Job) if job.kind == "process_webhook"]

    @property
    def only(self) -> Enquiry:
        (enquiry,) = self.enquiries
        return enquiry


@pytest.fixture
def look(app) -> Look:
    return Look()
