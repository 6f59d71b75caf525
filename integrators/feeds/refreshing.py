"""Feeds made ready before they are fetched, and how they stand, for staff."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import structlog

from core.config import current
from core.db import db, writing
from integrators import accounts
from integrators.feeds import faults, pulls
from integrators.feeds.addresses import feed_addresses, of_account
from integrators.feeds.building import NotMade, current_file
from integrators.feeds.dialect import words_of
from integrators.feeds.feed import FOLDER, Feed, is_current, opened_file
from integrators.feeds.names import DIALECTS, may_open, names_for
from integrators.models import FeedPull, PortalAccount
from jobs.queue import HEAVY, enqueue

IN_USE: Final = timedelta(days=7)  # a feed that nobody fetched for longer is made when it is
TRIES: Final = 3  # the next round comes anyway

log = structlog.get_logger("vitrine.feeds")


@dataclass(frozen=True)
class Standing:
    """How one feed of an account stands. `left_out` says why, by vehicle id; `problem` what is
    wrong with the whole feed, or ""; `is_true` that the file is what a pull would get now."""

    name: str
    address: str
    made_at: datetime | None
    vehicles: int
    left_out: Mapping[int, str]
    problem: str
    is_true: bool
    last_pull: FeedPull | None
    is_fetched: bool  # whoever fetched last has all that is in the file


def standings(row: PortalAccount) -> list[Standing]:
    """Every feed of the account, read from the disk; nothing is made."""
    last = pulls.newest([row.id])
    opened = of_account(row.id)
    if opened is None:
        return []
    return [
        _standing(Feed.of(opened, DIALECTS[name]), address, last.get((row.id, name)))
        for name, address in feed_addresses(row).items()
    ]


def _standing(feed: Feed, address: str, pull: FeedPull | None) -> Standing:
    fault = faults.known(feed.path)
    problem = fault.words if fault else ""
    file = opened_file(feed)
    if file is None:
        return Standing(feed.dialect.name, address, None, 0, {}, problem, False, pull, False)
    with file:
        left_out = file.index.left_out
        words = {code: words_of(code) for code in {code for _id, code in left_out}}
        return Standing(
            feed.dialect.name,
            address,
            datetime.fromtimestamp(file.index.made_at, UTC),
            file.index.count,
            {number: words[code] for number, code in left_out},
            problem,
            is_current(feed, file),
            pull,
            pull is not None and pull.at.timestamp() >= file.index.made_at,
        )


def publish_anyway(account_id: int, name: str) -> None:
    """Make the feed although too many cars would vanish: a person has looked. Raises
    accounts.NoSuchAccount, NotMade."""
    feed = _feed(account_id, name)
    if feed is None:
        raise accounts.NoSuchAccount(name)
    current_file(feed, is_forced=True).close()


def _feed(account_id: int, name: str) -> Feed | None:
    opened, dialect = of_account(account_id), DIALECTS.get(name)
    if opened is None or dialect is None or not may_open(opened.account, dialect):
        return None
    return Feed.of(opened, dialect)


def _refresh_feeds(_payload: dict[str, Any]) -> None:
    """Ask for those feeds that are in use and no longer true; forget old pulls, and the files of
    feeds that nobody may open any more."""
    stale = [
        (account_id, name)
        for account_id, name in pulls.fetched_since(IN_USE)
        if (feed := _feed(account_id, name)) is not None and not _is_ready(feed)
    ]
    _sweep()
    db.session.rollback()
    with writing():
        pulls.purge()
        for account_id, name in stale:
            enqueue(
                "refresh_feed",
                {"account_id": account_id, "name": name},
                dedup_key=f"{account_id}/{name}",
                priority=HEAVY,
                max_attempts=TRIES,
            )


def _sweep() -> None:
    allowed = {str(account.id): names_for(account) for account in accounts.everyone()}
    for file in Path(current().instance_dir, FOLDER).glob("*/*"):
        name = file.name.removesuffix(".lock").removesuffix(".fault").removesuffix(".part")
        if name not in allowed.get(file.parent.name, ()):
            file.unlink(missing_ok=True)


def _is_ready(feed: Feed) -> bool:
    file = opened_file(feed)
    if file is None:
        return False
    with file:
        return is_current(feed, file)


def _refresh_feed(payload: dict[str, Any]) -> None:
    feed = _feed(payload["account_id"], payload["name"])
    if feed is None:
        return  # taken away meanwhile
    try:
        current_file(feed).close()
    except NotMade:
        pass  # noted beside the file, and tried again with the next round
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        raise


JOBS = {"refresh_feeds": _refresh_feeds, "refresh_feed": _refresh_feed}
