"""How often somebody tried to get in: counted in the database, so that a limit holds over all
processes and machines, and over a restart.

A counter is one row with the moments that count. Whose it is, a keyed digest says: what people
type for an account (a password, by mistake) is not kept. Verbs flush.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime, db
from dealership.passwords import keyed_digest

KEPT: Final = timedelta(hours=24)


class Tries(Model):
    """The counted tries of one account or address, oldest first, in Unix seconds."""

    __tablename__ = "staff_tries"

    whose: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    moments: Mapped[list[float]] = mapped_column(sa.JSON)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)  # the last one


@dataclass(frozen=True)
class Rate:
    """At most `most` within any `seconds`."""

    most: int
    seconds: int

    def seconds_to_wait(self, moments: Sequence[float], at: float) -> int:
        """After how many seconds there is room for one more at `at`; 0 when there is now."""
        within = [moment for moment in moments if moment > at - self.seconds]
        if len(within) < self.most:
            return 0
        return max(1, ceil(within[-self.most] + self.seconds - at))


def seconds_to_wait(rates: Sequence[Rate], *key: str) -> int:
    """After how many seconds `key` has room within all `rates` again; 0 when it has. Counts
    nothing."""
    kept = db.session.scalar(sa.select(Tries.moments).where(Tries.whose == _whose(key)))
    return _longest(rates, kept or [])


def count(rates: Sequence[Rate], *key: str) -> int:
    """Count one for `key` if there is room and return 0, else the seconds to wait: who is made to
    wait does not wait longer by trying. Inside `writing()`."""
    whose, at = _whose(key), now()
    db.session.execute(sa.delete(Tries).where(Tries.at < at - KEPT))
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    row = insert(Tries).values(whose=whose, moments=[], at=at)
    held = row.on_conflict_do_update(index_elements=["whose"], set_={"at": at})  # and locked
    moments = db.session.scalars(held.returning(Tries.moments)).one()
    wait = _longest(rates, moments)
    if not wait:
        moments = [*moments, at.timestamp()][-max(rate.most for rate in rates) :]
        db.session.execute(sa.update(Tries).where(Tries.whose == whose).values(moments=moments))
    return wait


def forget(*key: str) -> None:
    """Count from nothing again for `key`. Inside `writing()`."""
    db.session.execute(sa.delete(Tries).where(Tries.whose == _whose(key)))


def _longest(rates: Sequence[Rate], moments: Sequence[float]) -> int:
    at = now().timestamp()
    return max(rate.seconds_to_wait(moments, at) for rate in rates)


def _whose(key: Sequence[str]) -> str:
    return keyed_digest("staff tries", "\n".join(key))
