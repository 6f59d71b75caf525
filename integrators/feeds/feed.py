"""One feed of one account: what it is made from, where it lies, whether it is still true."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import structlog

from core.clock import now
from core.config import current
from integrators.accounts import Account
from integrators.feeds.addresses import Opened
from integrators.feeds.dialect import Dialect
from integrators.feeds.feed_file import FeedDamaged, FeedFile
from integrators.listings.rules import Rules

FOLDER: Final = "feeds"  # in the instance's folder

LONGEST_SECONDS: Final = 25 * 3600.0  # a feed is made anew once a day in any case

log = structlog.get_logger("vitrine.feeds")


@dataclass(frozen=True)
class Feed:
    """One feed of one account, and what it is made from."""

    account: Account
    dialect: Dialect
    rules: Rules
    rules_version: int
    stock_version: int

    @classmethod
    def of(cls, opened: Opened, dialect: Dialect) -> "Feed":
        """The feed in the format `dialect` of the account that was opened."""
        return cls(
            opened.account, dialect, opened.rules, opened.rules_version, opened.stock_version
        )

    @property
    def path(self) -> Path:
        """Where its file lies."""
        return Path(current().instance_dir) / FOLDER / str(self.account.id) / self.dialect.name

    @cached_property
    def salt(self) -> str:
        """All that changes every piece at once."""
        told = [self.dialect.name, self.dialect.version, current().base_url, self.rules.extra_text]
        return hashlib.sha256(json.dumps([*told, self.account.store_id]).encode()).hexdigest()[:12]

    @property
    def state(self) -> str:
        """All but the stock that the feed depends on."""
        return f"{self.salt}.{self.rules_version}"

    @property
    def basis(self) -> str:
        """All that the feed depends on but the hour."""
        return f"{self.state}.{self.stock_version}"


def is_current(feed: Feed, found: FeedFile) -> bool:
    """Whether the file is true of the stock, the rules and the hour."""
    return found.stock_version == feed.stock_version and is_in_time(feed, found)


def is_in_time(feed: Feed, found: FeedFile) -> bool:
    """Whether the file differs from what is true by changes of single cars at most."""
    # An end far ahead was written by a clock that was wrong.
    left = found.valid_until - now().timestamp()
    return found.index.state == feed.state and 0 < left <= LONGEST_SECONDS


def opened_file(feed: Feed) -> FeedFile | None:
    """The file as it lies there, however old; None when there is no good one. Close it."""
    try:
        return FeedFile(feed.path)
    except FileNotFoundError:
        return None
    except (FeedDamaged, OSError) as error:
        log.error("feed_damaged", account=feed.account.id, feed=feed.dialect.name,
                  error=type(error).__name__)  # fmt: skip
        return None
