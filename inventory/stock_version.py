"""The number that tells every process that the stock changed.

Each verb that changes what the public may see calls `touch` in its own transaction. A web process
compares `current` with what its search index holds and reloads the rows whose `stock_seq` is newer.
"""

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from core.clock import now
from core.db import db
from inventory.models import StockVersion, Vehicle

NUMBER: Final = sa.select(StockVersion.number).where(StockVersion.id == 1)


def current() -> int:
    """The stock's version; 0 for a stock nobody touched yet."""
    return db.session.scalar(NUMBER) or 0


def advance() -> int:
    """Grow the version by one and return it. One row: writers on PostgreSQL queue here."""
    number = db.session.scalar(
        sa.update(StockVersion)
        .where(StockVersion.id == 1)
        .values(number=StockVersion.number + 1)
        .returning(StockVersion.number)
    )
    if number is None:
        db.session.add(StockVersion(id=1, number=1))
        db.session.flush()
        number = 1
    return number


def touch(vehicles: Iterable[Vehicle]) -> int:
    """Mark `vehicles` as changed now and return the stock's new version."""
    number = advance()
    moment = now()
    for vehicle in vehicles:
        vehicle.stock_seq = number
        vehicle.updated_at = moment
    db.session.flush()
    return number
