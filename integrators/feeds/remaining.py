"""What of the last good file is still true, for pulls while the feed cannot be made anew."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from core.config import current
from core.db import db
from integrators.feeds.dialect import FeedFacts
from integrators.feeds.feed import Feed
from integrators.feeds.feed_file import Entry, FeedFile
from integrators.feeds.planning import live_cars
from inventory.models import Vehicle
from inventory.offers import price_now_cents

_IDS_AT_ONCE = 500


@dataclass(frozen=True)
class Remainder:
    """The true part of a file: where its pieces lie, as (offset, length) in bytes."""

    head: bytes
    foot: bytes
    separator: bytes
    spans: list[tuple[int, int]]

    @property
    def count(self) -> int:
        """How many cars."""
        return len(self.spans)

    @property
    def size(self) -> int:
        """Bytes in all."""
        between = len(self.separator) * max(0, self.count - 1)
        inner = sum(length for _at, length in self.spans)
        return len(self.head) + inner + between + len(self.foot)

    def content(self, file: FeedFile) -> Iterator[bytes]:
        """The feed without what is no longer true."""
        yield self.head
        for number, (at, length) in enumerate(self.spans):
            if number and self.separator:
                yield self.separator
            yield file.read(at, length)
        yield self.foot


def remainder_of(feed: Feed, file: FeedFile) -> Remainder:
    """The cars of `file` that may be shown now, at the price that they are shown at. Raises
    sqlalchemy.exc.SQLAlchemyError: who cannot ask cannot know."""
    live = live_cars(feed)
    separator = feed.dialect.separator.encode()
    spans: list[tuple[int, int]] = []
    for block in file.blocks.values():
        entries = file.entries(block)
        doubtful = [
            one.vehicle_id
            for one in entries
            if one.vehicle_id in live and live[one.vehicle_id] != one.basis
        ]
        prices = _prices(doubtful)
        at = block.at
        for entry in entries:
            if entry.vehicle_id in live and _same_price(entry, prices):
                spans.append((at, entry.size))
            at += entry.size + len(separator)
    db.session.rollback()
    made_at = datetime.fromtimestamp(file.index.made_at, UTC)
    head = FeedFacts(file.index.title, current().base_url, made_at)
    return Remainder(
        feed.dialect.head(head).encode(), feed.dialect.foot(len(spans)).encode(), separator, spans
    )


def _same_price(entry: Entry, prices: dict[int, int]) -> bool:
    return prices.get(entry.vehicle_id, entry.price_cents) == entry.price_cents


def _prices(ids: list[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        part = ids[start : start + _IDS_AT_ONCE]
        statement = (
            sa.select(Vehicle)
            .where(Vehicle.id.in_(part))
            .options(sa.orm.joinedload(Vehicle.store))
            .execution_options(populate_existing=True)
        )
        for vehicle in db.session.scalars(statement):
            found[vehicle.id] = price_now_cents(vehicle) or 0
    return found
