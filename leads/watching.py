"""Figures about leads and mail for whoever watches the machine."""

from collections.abc import Iterator

import sqlalchemy as sa

from core.db import db
from core.metrics import Reading
from leads.capture import spool
from leads.models import Mail


def readings() -> Iterator[Reading]:
    """What waits: in the spool (no database needed, so first), then in the outbox."""
    waiting, oldest = spool().depth()
    yield "spool_waiting", "Submissions on disk", {(): float(waiting)}
    yield "spool_oldest_seconds", "Age of the oldest submission on disk", {(): oldest}
    yield "spool_parked", "Submissions put aside for a person", {(): float(spool().parked())}
    counts = db.session.execute(
        sa.select(Mail.state, sa.func.count())
        .where(Mail.state.in_(("waiting", "failed")))
        .group_by(Mail.state)
    )
    known = {"waiting": 0, "failed": 0} | {row[0]: row[1] for row in counts}
    yield (
        "mail",
        "Mails that wait, and those that could not be sent",
        {(("state", state),): float(count) for state, count in known.items()},
    )
