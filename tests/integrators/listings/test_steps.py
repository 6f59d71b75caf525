"""The next step, told by one pure rule, and a sieve in SQL that must not hold anything back."""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product

import sqlalchemy as sa

from core.db import db, writing
from integrators.listings.steps import is_settled, next_step, urgency
from integrators.listings.unsettled import may_move
from integrators.models import Listing
from integrators.portals.portal import Remote, Verb


@dataclass(frozen=True)
class Row:
    desired: str = "live"
    reason: str = ""
    basis: str = "2"
    pushed_basis: str = "2"
    refused_basis: str = ""
    remote: str = "online"
    external_id: str = "MLB1"
    is_unclear: bool = False
    due_at: datetime | None = None


def test_what_follows_from_what():
    told = {
        ("live", "none"): Verb.CREATE,
        ("live", "offline"): Verb.CREATE,
        ("live", "expired"): Verb.RELIST,
        ("live", "paused"): Verb.RESUME,
        ("live", "no_slots"): Verb.RESUME,
        ("live", "online"): None,
        ("live", "processing"): None,
        ("paused", "online"): Verb.PAUSE,
        ("paused", "none"): None,
        ("paused", "paused"): None,
        ("absent", "online"): Verb.CLOSE,
        ("absent", "paused"): Verb.CLOSE,
        ("absent", "rejected"): Verb.CLOSE,
        ("absent", "in_review"): Verb.CLOSE,
        ("absent", "offline"): None,
        ("absent", "expired"): None,
        ("absent", "none"): None,
    }
    for (desired, remote), verb in told.items():
        assert next_step(Row(desired=desired, remote=remote)) is verb, (desired, remote)
    changed = Row(basis="3")
    assert next_step(changed) is Verb.UPDATE
    assert next_step(replace(changed, refused_basis="3")) is None  # a person has to act
    assert next_step(replace(changed, refused_basis="2")) is Verb.UPDATE
    assert next_step(replace(changed, is_unclear=True)) is None
    # What was refused comes down all the same.
    assert next_step(Row(desired="absent", refused_basis="2")) is Verb.CLOSE


def test_sold_goes_before_everything():
    order = sorted(
        [(Verb.CREATE, ""), (Verb.UPDATE, ""), (Verb.CLOSE, "price"), (Verb.CLOSE, "sold")],
        key=lambda one: urgency(*one),
    )
    assert order[0] == (Verb.CLOSE, "sold")
    assert order[-1] == (Verb.CREATE, "")


def test_the_sieve_holds_nothing_back(register):
    account = register("olx").account
    bases = [("2", "2", ""), ("2", "1", ""), ("2", "2", "2"), ("2", "1", "2"), ("2", "1", "1"),
             ("2", "", "")]  # fmt: skip
    with writing() as session:
        session.execute(
            sa.insert(Listing),
            [
                {
                    "account_id": account.id, "key": f"k{number}", "desired": desired,
                    "remote": remote.value, "basis": basis, "pushed_basis": pushed,
                    "refused_basis": refused, "is_unclear": unclear,
                }
                for number, (desired, remote, (basis, pushed, refused), unclear) in enumerate(
                    product(("live", "paused", "absent"), Remote, bases, (False, True))
                )
            ],
        )  # fmt: skip
    rows = db.session.scalars(sa.select(Listing)).all()
    passed = set(db.session.scalars(sa.select(Listing.id).where(may_move())))
    moving = {row.id for row in rows if next_step(row) is not None}
    assert moving
    assert moving <= passed
    assert {row.id for row in rows if row.is_unclear}.isdisjoint(moving)
    assert all(not is_settled(row) for row in rows if row.id in moving)
