"""When accounts are reconciled, and by which command."""

import json

import pytest
import sqlalchemy as sa

from core.db import db, writing
from integrators.listings import passes, syncing
from integrators.listings.lease import Lease
from integrators.models import Advertiser
from jobs.models import Job
from tests.integrators.listings.conftest import reprice, sell
from tests.simulators.chavesnamao import ChavesNaMao
from tests.simulators.mercadolivre import MercadoLivre


@pytest.fixture
def portal():
    with ChavesNaMao() as simulator:
        yield simulator


def jobs() -> list[Job]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(Job).where(Job.kind == syncing.JOB)).unique())


def test_a_sale_asks_at_once_and_everything_else_within_seconds(portal, advertise, stock, sync):
    cars = stock(2)
    account = advertise(portal)
    sync(account)
    assert syncing.due_accounts() == []
    reprice(cars[0], 10_000_00)
    assert not jobs()
    assert syncing.due_accounts() == [account.id]
    sell(cars[1])
    (job,) = jobs()
    assert (job.priority, job.payload) == (10, {"account_id": account.id})


def test_one_at_a_time(portal, advertise, stock):
    stock(1)
    account = advertise(portal)
    other = Lease(account.id)
    assert other.take()
    assert passes.sync(account.id).is_held
    assert portal.requests == 0
    other.give_back()
    assert passes.sync(account.id).steps == 1


def test_commands(app, stock):
    with MercadoLivre() as portal:
        _commands(portal, app, stock)


def _commands(portal, app, stock):
    stock(2)
    run = app.test_cli_runner().invoke
    told = {**portal.settings, "down_seconds": "1000"}
    pairs = [f"--set={name}={value}" for name, value in told.items()]
    added = run(args=["portals", "add", "mercadolivre", "--name", "ML", "--base-url", portal.url,
                      *pairs])  # fmt: skip
    assert added.exit_code == 0, added.output
    assert run(args=["portals", "sync", "--once"]).exit_code == 0
    (told,) = json.loads(run(args=["portals", "status", "--json"]).output)
    assert (told["wanted"], told["live"], told["pending"], told["failed"]) == (2, 2, 0, 0)
    assert {one["remote"] for one in told["listings"]} == {"online"}
    assert {one["desired"] for one in told["listings"]} == {"online"}
    assert told["listings"][0]["price_cents"] == 69_900_00
    portal.faults.is_down = True
    with writing() as session:
        session.execute(sa.update(Advertiser).values(observe_at=None))
    assert run(args=["portals", "sync", "--once", "--portal", "ML"]).exit_code == 1
    assert run(args=["portals", "advertise", "ML", "--off"]).exit_code == 0
    assert syncing.due_accounts() == []
