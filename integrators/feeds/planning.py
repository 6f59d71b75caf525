"""Which cars belong into a feed now, block by block, and what of the last file can stay.

A block holds the cars of so many ids in a row, so that a car which comes or goes moves no other.
Where only single cars changed since the last file, only these are judged again; once a day, and
whenever a promotion ends or a rule changes, all are.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core.clock import now
from core.db import db
from dealership.models import Store
from integrators.feeds.feed import Feed, is_in_time
from integrators.feeds.feed_file import Entry, FeedFile, Segment
from integrators.listings.switches import switches_of
from integrators.listings.wanted import Wish, wishes
from inventory.models import Vehicle

BLOCK: Final = 250  # ids of vehicles in a block
MOST_SINGLE: Final = 2_000  # changed cars that are judged one by one
LONGEST: Final = timedelta(days=1)  # what nobody told us of is found within
_MIDNIGHT: Final = time()


@dataclass
class Block:
    """One block: `there` is its segment in the last file when nothing in it changed. Otherwise
    `wanted` says what each car that belongs into it is made from, by vehicle id, in their order."""

    key: int
    there: Segment | None = None
    wanted: dict[int, str] = field(default_factory=dict)
    cars: list[tuple[Entry, bytes]] = field(default_factory=list)
    left_out: list[tuple[int, str, str]] = field(default_factory=list)  # id, code, basis

    @property
    def stamp(self) -> str:
        """The same while the block would be the same."""
        text = "\n".join(f"{number}:{basis}" for number, basis in self.wanted.items())
        return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass
class Plan:
    """The blocks of the next file in their order. `explained` are cars that are rightly not in it;
    `until` when it ends to be true by itself, in seconds since 1970."""

    blocks: list[Block]
    explained: set[int]
    until: float

    def changes_nothing(self, old: FeedFile | None) -> bool:
        """Whether the last file would come out again."""
        return (
            old is not None
            and len(self.blocks) == len(old.blocks)
            and all(block.there is not None for block in self.blocks)
        )


def plan_of(feed: Feed, old: FeedFile | None) -> Plan:
    """What the next file holds. Three statements and those of `wishes`."""
    until = _true_until()
    changed = _changed_since(old.stock_version) if old is not None and _is_near(feed, old) else None
    if old is None or changed is None:
        told = _judged(feed)
        live = _live(told)
        groups = groupby(sorted(live), lambda number: number // BLOCK)
        blocks = [Block(key, wanted={n: live[n] for n in numbers}) for key, numbers in groups]
        for block in blocks:
            block.there = _unchanged(old, block)
    else:
        told = _judged(feed, only=changed)
        blocks = _with_changes(old, {wish.vehicle_id for wish in told}, _live(told))
    return Plan(blocks, {wish.vehicle_id for wish in told if wish.desired != "live"}, until)


def live_cars(feed: Feed) -> dict[int, str]:
    """What each car that belongs into the feed now is made from, by vehicle id."""
    return _live(_judged(feed))


def _judged(feed: Feed, *, only: list[int] | None = None) -> list[Wish]:
    return wishes(
        feed.account,
        feed.rules,
        slots=feed.rules.slots,
        salt=feed.salt,
        switches=switches_of(feed.account.id),
        only=only,
    )


def _live(told: Iterable[Wish]) -> dict[int, str]:
    return {wish.vehicle_id: wish.basis for wish in told if wish.desired == "live"}


def _is_near(feed: Feed, old: FeedFile) -> bool:
    """Whether cars can be judged one by one: where places are short, one decides of another's."""
    is_later = old.stock_version <= feed.stock_version
    return is_later and is_in_time(feed, old) and feed.rules.slots is None


def _changed_since(version: int) -> list[int] | None:
    """Ids of the cars touched later, in order; None when they are many."""
    statement = sa.select(Vehicle.id).where(Vehicle.stock_seq > version).limit(MOST_SINGLE + 1)
    found = sorted(db.session.scalars(statement))
    return found if len(found) <= MOST_SINGLE else None


def _with_changes(old: FeedFile, judged: set[int], live: Mapping[int, str]) -> list[Block]:
    by_block: dict[int, dict[int, str]] = {key: {} for key in old.blocks}
    touched = {number // BLOCK for number in judged}
    # What could not be written for a reason of ours is tried again.
    touched |= {key for key, segment in old.blocks.items() if not segment.stamp}
    for key in touched & old.blocks.keys():
        known = _known(old, old.blocks[key])
        by_block[key] = {n: basis for n, basis in known.items() if n not in judged}
    for number, basis in live.items():
        by_block.setdefault(number // BLOCK, {})[number] = basis
    blocks = []
    for key, wanted in sorted(by_block.items()):
        if key not in touched:
            blocks.append(Block(key, old.blocks[key]))
        elif wanted:
            block = Block(key, wanted=dict(sorted(wanted.items())))
            block.there = _unchanged(old, block)
            blocks.append(block)
    return blocks


def _known(old: FeedFile, segment: Segment) -> dict[int, str]:
    """What the cars that belonged into the block were made from, by vehicle id."""
    known = {one.vehicle_id: one.basis for one in old.entries(segment)}
    known.update({number: basis for number, _code, basis in segment.left_out})
    return known


def _unchanged(old: FeedFile | None, block: Block) -> Segment | None:
    there = old.blocks.get(block.key) if old is not None else None
    return there if there is not None and there.stamp == block.stamp else None


def _true_until() -> float:
    """When the next promotion ends, at most a day ahead, in seconds since 1970."""
    instant = now()
    ends = db.session.execute(
        sa.select(Vehicle.promo_until, Store.zone)
        .join(Store, Store.id == Vehicle.store_id)
        .where(
            Vehicle.promo_until >= (instant - LONGEST).date(),
            Vehicle.promo_until <= (instant + LONGEST).date(),
        )
        .distinct()
    )
    moments = (
        datetime.combine(day + timedelta(days=1), _MIDNIGHT, ZoneInfo(zone)).timestamp()
        for day, zone in ends
        if day is not None
    )
    last = (instant + LONGEST).timestamp()
    return min((one for one in moments if instant.timestamp() < one < last), default=last)
