from collections.abc import Callable

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from integrators.accounts import Account
from integrators.listings import passes
from integrators.listings.rules import switch_on
from integrators.models import Advertiser, Listing
from inventory.lifecycle import move
from inventory.models import Vehicle
from inventory.stock_version import touch
from tests.integrators.portal_stock import make_stock


@pytest.fixture
def stock(app) -> Callable[[int], list[Vehicle]]:
    """So many published cars with plates and photos."""

    return make_stock


@pytest.fixture
def advertise(register) -> Callable[..., Account]:
    """An account that sends the stock to a simulator."""

    def make(portal, **settings) -> Account:
        told = {**portal.settings, "settle_seconds": "0.2", "down_seconds": "0.05", **settings}
        account = register(portal.kind, base_url=portal.url, **told).account
        with writing():
            switch_on(account.id, on=True)
        return account

    return make


@pytest.fixture
def sync(app) -> Callable[..., list]:
    """Passes over an account until nothing is left, as the worker would make them."""

    def run(account: Account, *, looks: bool = False, most: int = 60) -> list:
        made = []
        for _ in range(most):
            made.append(passes.sync(account.id, 20, looks=looks and not made))
            if not made[-1].left and not made[-1].is_held:
                break
            hurry(account)
        db.session.rollback()
        return made

    return run


def hurry(account: Account) -> None:
    """Whatever waits for a moment to come: it has come."""
    with writing() as session:
        row = session.get(Advertiser, account.id)
        row.hold_until = None
        session.execute(
            sa.update(Listing)
            .where(Listing.account_id == account.id, Listing.due_at.is_not(None))
            .values(due_at=now()),
            execution_options={"synchronize_session": False},
        )


def sell(vehicle: Vehicle, to_state: str = "sold") -> None:
    with writing() as session:
        move(session.get(Vehicle, vehicle.id), to_state, "test")


def reprice(vehicle: Vehicle, cents: int) -> None:
    with writing() as session:
        row = session.get(Vehicle, vehicle.id)
        row.price_cents = cents
        touch([row])
