"""What the accounts have brought in, for staff and for the programs that watch them."""

from typing import Any

import sqlalchemy as sa

from core.db import db
from integrators.kinds import KINDS
from integrators.models import PortalAccount
from leads.models import Submission


def of_every_account() -> list[dict[str, Any]]:
    """Per account: name, kind, state, the problem in words, and its posts: received, waiting to be
    read, put aside. What it advertises is nothing yet: no car of ours is sent anywhere."""
    counts = _posts()
    return [
        {
            "name": row.name,
            "kind": row.kind,
            "state": row.state,
            "problem": row.problem,
            "received": sum(counts.get(row.id, {}).values()),
            "waiting": counts.get(row.id, {}).get("new", 0),
            "parked": counts.get(row.id, {}).get("parked", 0),
            "wanted": 0,
            "live": 0,
            "pending": 0,
            "failed": 0,
            "listings": [],
        }
        for row in db.session.scalars(sa.select(PortalAccount).order_by(PortalAccount.name))
    ]


def _posts() -> dict[int, dict[str, int]]:
    account = Submission.payload["account_id"].as_integer()
    found: dict[int, dict[str, int]] = {}
    for account_id, state, number in db.session.execute(
        sa.select(account, Submission.state, sa.func.count())
        .where(Submission.source.in_(KINDS))
        .group_by(account, Submission.state)
    ):
        found.setdefault(account_id, {})[state] = number
    return found
