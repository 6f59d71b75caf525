"""How every account is doing, in three statements however many leads there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db
from integrators.incoming import trial
from integrators.models import PortalAccount, RefusedPost
from leads.models import Submission

SEEN_DAYS: Final = 90  # further back nobody looks for "the last one"


@dataclass(frozen=True)
class Doing:
    """`last_post_at`: the last thing it sent, within 90 days; `parked`: what could not be read;
    `refused`: what did not prove its sender."""

    last_post_at: datetime | None = None
    parked: int = 0
    refused: int = 0


def doing(rows: Sequence[PortalAccount]) -> dict[int, Doing]:
    """How the accounts are doing, by id."""
    if not rows:
        return {}
    is_its = {row.id: _is_from(row) for row in rows}
    since = now() - timedelta(days=SEEN_DAYS)
    last = _one_row(
        [sa.func.max(sa.case((its, Submission.received_at))) for its in is_its.values()],
        ~Submission.idem_key.contains(trial.MARK),
        Submission.source.in_({row.kind for row in rows}),
        Submission.received_at > since,
    )
    parked = _one_row(
        [sa.func.count(sa.case((its, 1))) for its in is_its.values()],
        Submission.state == "parked",
    )
    refused: dict[int, int] = {
        row[0]: row[1]
        for row in db.session.execute(
            sa.select(RefusedPost.account_id, sa.func.count()).group_by(RefusedPost.account_id)
        )
    }
    return {
        row.id: Doing(last[number], parked[number], refused.get(row.id, 0))
        for number, row in enumerate(rows)
    }


def _is_from(row: PortalAccount) -> Any:
    """Whether a submission came by the account: its key begins with the account's number."""
    return sa.and_(Submission.source == row.kind, Submission.idem_key.startswith(f"{row.id}:"))


def _one_row(columns: Sequence[Any], *conditions: Any) -> Sequence[Any]:
    return db.session.execute(sa.select(*columns).where(*conditions)).one()
