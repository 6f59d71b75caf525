"""Who fetched which feed, when, and with which stock in it: a note after the answer went out."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
import structlog
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from core.clock import now
from core.db import db, writing
from core.text import clean_line
from integrators.models import FeedPull

KEPT: Final = 500  # of each account
WAIT_SECONDS: Final = 2.0  # for other writers
LONGEST_AGENT: Final = 160
# A leaked address may be fetched without end: that costs bytes, but no rows.
MOST_NOTES: Final[RateLimitItem] = parse("60 per minute")

log = structlog.get_logger("vitrine.feeds")
_limiter = FixedWindowRateLimiter(MemoryStorage())


def note(pull: FeedPull) -> None:
    """Keep `pull`: one statement, in a thread that nobody waits for. Never raises for the
    database: a note is not worth an error."""
    if not _limiter.hit(MOST_NOTES, "pulls", str(pull.account_id)):
        return
    pull.agent = clean_line(pull.agent, LONGEST_AGENT)
    try:
        with writing(wait_seconds=WAIT_SECONDS) as session:
            session.add(pull)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        log.warning("pull_not_noted", account=pull.account_id, error=type(error).__name__)


def newest(account_ids: Collection[int]) -> dict[tuple[int, str], FeedPull]:
    """The last pull by account and feed. One statement."""
    last = (
        sa.select(sa.func.max(FeedPull.id))
        .where(FeedPull.account_id.in_(account_ids))
        .group_by(FeedPull.account_id, FeedPull.name)
    )
    rows = db.session.scalars(sa.select(FeedPull).where(FeedPull.id.in_(last)))
    return {(row.account_id, row.name): row for row in rows}


def fetched_since(age: timedelta) -> list[tuple[int, str]]:
    """(account id, name) of the feeds that somebody fetched in that time."""
    since: datetime = now() - age
    statement = sa.select(FeedPull.account_id, FeedPull.name).where(FeedPull.at >= since).distinct()
    return sorted((row[0], row[1]) for row in db.session.execute(statement))


def purge() -> None:
    """Keep the newest of each account. Inside `writing()`."""
    place = sa.func.row_number().over(
        partition_by=FeedPull.account_id, order_by=FeedPull.id.desc()
    )  # fmt: skip
    placed = sa.select(FeedPull.id, place.label("place")).subquery()
    db.session.execute(
        sa.delete(FeedPull).where(
            FeedPull.id.in_(sa.select(placed.c.id).where(placed.c.place > KEPT))
        ),
        execution_options={"synchronize_session": False},
    )
