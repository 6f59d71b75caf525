"""Keeping a feed true: what changed is written anew, the rest is taken over, the last good stays.

NotMade            the feed could not be made anew; what was there is untouched
├── Held           it would lose too many cars that nobody sold
└── NothingWritten there are cars, and not one could be written
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import structlog
from flask_babel import force_locale

from core.clock import now
from core.config import current
from core.db import db
from core.errors import DomainError
from dealership.identity import identity
from integrators.feeds import faults
from integrators.feeds.cars import feed_car, feed_secrets
from integrators.feeds.dialect import BROKEN, FeedFacts, LeftOut
from integrators.feeds.faults import Fault
from integrators.feeds.feed import Feed, is_current, opened_file
from integrators.feeds.feed_file import Entry, FeedFile, FeedWriter, Index
from integrators.feeds.planning import Block, Plan, plan_of
from integrators.listings.cars import load_cars
from inventory import stock_version
from inventory.models import Vehicle

MOST_LOST_SHARE: Final = 0.3  # of the cars in a feed may go unexplained
MOST_LOST: Final = 10
LANGUAGE: Final = "pt_BR"

log = structlog.get_logger("vitrine.feeds")


class NotMade(DomainError):
    """The feed could not be made anew; what was there is untouched. `lost` of `before` cars would
    have gone."""

    code = "failed"

    def __init__(self, lost: int = 0, before: int = 0) -> None:
        super().__init__(faults.words_of(self.code, lost, before))
        self.lost, self.before = lost, before


class Held(NotMade):
    """The feed would lose too many cars that nobody sold or switched off."""

    code = "held"


class NothingWritten(NotMade):
    """There are cars, and not one could be written."""

    code = "empty"


def current_file(feed: Feed, *, is_forced: bool = False) -> FeedFile:
    """The feed, true as of now: the file as it lies there, or made anew first. Close it.

    `is_forced` publishes what would be held. Raises NotMade, sqlalchemy.exc.SQLAlchemyError.
    """
    found = opened_file(feed)
    if found is not None and is_current(feed, found):
        return found
    if found is not None:
        found.close()
    known = faults.known(feed.path)
    if known is not None and not is_forced and faults.is_fresh(known, feed.basis):
        raise _same_again(known)
    db.session.rollback()  # nothing stays open while others make it
    try:
        with _alone(feed.path):
            return _made(feed, is_forced=is_forced)
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        raise
    except Exception as error:
        db.session.rollback()
        raise _noted(feed, error) from error


def _same_again(fault: Fault) -> NotMade:
    kind = {"held": Held, "empty": NothingWritten}.get(fault.code, NotMade)
    return kind(fault.lost, fault.before)


def _noted(feed: Feed, error: Exception) -> NotMade:
    known = error if isinstance(error, NotMade) else NotMade()
    log.error("feed_not_made", account=feed.account.id, feed=feed.dialect.name,
              error=type(error).__name__, lost=known.lost, before=known.before)  # fmt: skip
    fault = Fault(known.code, now().timestamp(), feed.basis, known.lost, known.before)
    faults.remember(feed.path, fault)
    return known


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One at a time, across threads and processes; the system opens it when one is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


# --- making ----------------------------------------------------------------------------------


def _made(feed: Feed, *, is_forced: bool) -> FeedFile:
    """Somebody may have made it while we waited: look again first."""
    feed = replace(feed, stock_version=stock_version.current())
    old = opened_file(feed)
    if old is not None and is_current(feed, old):
        return old
    try:
        plan, title = plan_of(feed, old), identity().name
        db.session.rollback()
        if old is not None and old.index.state == feed.state and plan.changes_nothing(old):
            old.still_true(feed.stock_version, plan.until)
        else:
            with force_locale(LANGUAGE):
                _write(feed, old, plan, title, is_forced=is_forced)
        faults.forget(feed.path)
        return FeedFile(feed.path)
    finally:
        if old is not None:
            old.close()


def _write(feed: Feed, old: FeedFile | None, plan: Plan, title: str, *, is_forced: bool) -> None:
    made_at, dialect = _later_than(old), feed.dialect
    lost, is_broken = _vanished(old, plan), False
    with FeedWriter(feed.path, dialect.separator.encode(), old) as writer:
        writer.text(dialect.head(FeedFacts(title, current().base_url, made_at)).encode())
        for block in plan.blocks:
            if block.there is not None:
                writer.copy(block.there)
                continue
            lost |= _fill(feed, old, block)
            # What failed for a reason of ours is tried again the next time.
            failed = any(code == BROKEN for _id, code, _basis in block.left_out)
            is_broken |= failed
            writer.block(block.key, "" if failed else block.stamp, block.cars, block.left_out)
            block.cars.clear()  # or the whole feed would lie in memory
        writer.text(dialect.foot(writer.count).encode())
        if not is_forced:
            _check_loss(old, lost - plan.explained, writer.count, is_broken=is_broken)
        index = Index(feed.state, made_at.timestamp(), title)
        writer.finish(index, feed.stock_version, plan.until)


def _check_loss(old: FeedFile | None, lost: set[int], count: int, *, is_broken: bool) -> None:
    """Raises Held and NothingWritten. Cars that were sold, reserved, archived or switched off are
    not `lost`."""
    if is_broken and not count:
        raise NothingWritten
    before = old.index.count if old is not None else 0
    if len(lost) > before * MOST_LOST_SHARE and (len(lost) > MOST_LOST or not count):
        raise Held(len(lost), before)


def _vanished(old: FeedFile | None, plan: Plan) -> set[int]:
    """The cars of blocks that are no more."""
    if old is None:
        return set()
    keys = {block.key for block in plan.blocks}
    gone = [one for key, one in old.blocks.items() if key not in keys]
    return {entry.vehicle_id for one in gone for entry in old.entries(one)}


def _fill(feed: Feed, old: FeedFile | None, block: Block) -> set[int]:
    """Put the block's pieces together: old ones where nothing changed, the others drawn. Returns
    the cars that were in it before and are not now."""
    there = old.blocks.get(block.key) if old is not None else None
    kept = old.pieces(there, feed.dialect.separator.encode()) if old and there else {}
    good = {n: one for n, one in kept.items() if block.wanted.get(n) == one[0].basis}
    drawn = _drawn(feed, block, [n for n in block.wanted if n not in good])
    pieces = {**good, **drawn}
    block.cars = [pieces[n] for n in block.wanted if n in pieces]
    return set(kept) - set(pieces)


def _drawn(feed: Feed, block: Block, ids: Sequence[int]) -> dict[int, tuple[Entry, bytes]]:
    """The pieces of `ids` by vehicle id. Notes with the block what the format does not take."""
    pieces: dict[int, tuple[Entry, bytes]] = {}
    for vehicle in load_cars(ids).values() if ids else ():
        basis = block.wanted[vehicle.id]
        try:
            told, price_cents = _piece(feed, vehicle)
        except LeftOut as error:
            block.left_out.append((vehicle.id, error.code, basis))
        except Exception as error:  # one bad car stops no other
            log.error("feed_piece_broken", feed=feed.dialect.name, car=vehicle.id,
                      error=type(error).__name__)  # fmt: skip
            block.left_out.append((vehicle.id, BROKEN, basis))
        else:
            pieces[vehicle.id] = Entry(vehicle.id, len(told), price_cents, basis), told
    db.session.rollback()
    return pieces


def _piece(feed: Feed, vehicle: Vehicle) -> tuple[bytes, int]:
    dialect = feed.dialect
    car = feed_car(vehicle, feed.account, dialect, feed.rules)
    if not (car.offer.is_available or car.offer.is_reserved):
        raise LeftOut("unlisted")  # sold this very moment: the next state knows
    text = dialect.piece(car, feed_secrets(vehicle, dialect))
    dialect.check(text)
    return text.encode(), car.offer.price_cents


def _later_than(old: FeedFile | None) -> datetime:
    """Now, in whole seconds, and never the instant of the state before: who asks "changed since?"
    knows seconds only."""
    instant = now().replace(microsecond=0)
    if old is None:
        return instant
    return max(instant, datetime.fromtimestamp(old.index.made_at, UTC) + timedelta(seconds=1))
