"""How the accounts stand, for programs that watch them: what they advertise and what they brought.

`of_every_account` is what `portals status --json` prints. Words for `desired` and `remote` are the
same where they mean the same: online, paused, offline.
"""

from typing import Any, Final

import sqlalchemy as sa

from core.db import db
from integrators.kinds import KINDS
from integrators.listings.steps import VISIBLE, is_settled
from integrators.models import Advertiser, Listing, PortalAccount
from leads.models import Submission
from leads.shopper import TEST_KEY

_DESIRED: Final = {"live": "online", "paused": "paused", "absent": "offline"}


def of_every_account() -> list[dict[str, Any]]:
    """Per account: name, kind, state, the problem in words; its ads: wanted, live, pending (on the
    way by themselves), failed (a person has to act), and each listing; its posts: received, waiting
    to be read, put aside."""
    posts = _posts()
    listings: dict[int, list[Listing]] = {}
    for row in db.session.scalars(sa.select(Listing).order_by(Listing.account_id, Listing.id)):
        listings.setdefault(row.account_id, []).append(row)
    advertisers = {row.account_id: row for row in db.session.scalars(sa.select(Advertiser))}
    return [
        {
            "name": row.name,
            "kind": row.kind,
            "state": row.state,
            "problem": row.problem or _problem(advertisers.get(row.id)),
            "received": sum(posts.get(row.id, {}).values()),
            "waiting": posts.get(row.id, {}).get("new", 0),
            "parked": posts.get(row.id, {}).get("parked", 0),
            **_counts(listings.get(row.id, [])),
            "listings": [_listing(one) for one in listings.get(row.id, [])],
        }
        for row in db.session.scalars(sa.select(PortalAccount).order_by(PortalAccount.name))
    ]


def _problem(advertiser: Advertiser | None) -> str:
    return advertiser.problem if advertiser is not None else ""


def _counts(rows: list[Listing]) -> dict[str, int]:
    seen = {one.value for one in VISIBLE}
    return {
        "wanted": sum(row.desired == "live" for row in rows),
        "live": sum(row.remote in seen and row.visible_at is not None for row in rows),
        "pending": sum(not is_failed(row) and not is_settled(row) for row in rows),
        "failed": sum(is_failed(row) for row in rows),
    }


def is_failed(row: Listing) -> bool:
    """Whether the ad will not be as it should without a person."""
    if row.desired == "live":
        return bool(row.refused_basis) and row.refused_basis == row.basis
    return False


def failed_of(account_id: int) -> int:
    """How many of the account's ads will not be as they should without a person."""
    held = sa.and_(Listing.refused_basis != "", Listing.refused_basis == Listing.basis)
    statement = sa.select(sa.func.count()).where(
        Listing.account_id == account_id, Listing.desired == "live", held
    )
    return db.session.scalar(statement) or 0


def _listing(row: Listing) -> dict[str, Any]:
    return {
        "vehicle": row.source_id,
        "key": row.key,
        "desired": _DESIRED[row.desired],
        "reason": row.reason,
        "remote": "offline" if row.remote == "none" else row.remote,
        "external_id": row.external_id or None,
        "url": row.url or None,
        "price_cents": row.price_cents,
        "error": row.error or None,
    }


def _posts() -> dict[int, dict[str, int]]:
    account = Submission.payload["account_id"].as_integer()
    found: dict[int, dict[str, int]] = {}
    for account_id, state, number in db.session.execute(
        sa.select(account, Submission.state, sa.func.count())
        .where(Submission.source.in_(KINDS), ~Submission.idem_key.contains(TEST_KEY))
        .group_by(account, Submission.state)
    ):
        found.setdefault(account_id, {})[state] = number
    return found
