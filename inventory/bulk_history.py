"""What was changed in bulk: each change with its cars before and after, kept for three months.

A change of many is made by a rule (inventory.bulk) or by an import (inventory.importing). Both note
here what each car was and became, so both are shown, undone and forgotten in the same way.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime, db, writing
from inventory.bulk_rules import standing
from inventory.models import Vehicle

UNDO_DAYS: Final = 7
KEEP_DAYS: Final = 90  # then who did what stands in the audit log alone
IMPORT: Final = "import"  # the kind of a change that no rule made
# What is kept of a car that an import put in: staff who changed any of it have worked on the car.
_MADE: Final = ("state", "price_cents", "mileage_km", "store")
_NAMES: Final = frozenset({"make", "model_name", "trim"})
_PURGED_AT_ONCE: Final = 5_000


class BulkChange(Model):
    """One change of several vehicles by one person, from its preview on."""

    __tablename__ = "bulk_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    actor: Mapped[str] = mapped_column(sa.String(160))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    kind: Mapped[str] = mapped_column(sa.String(12))
    # inventory.bulk_rules.BulkRule as plain values; of an import how many cars it created,
    # updated and withdrew
    rule: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    state: Mapped[str] = mapped_column(sa.String(10))  # draft running done undoing undone
    total: Mapped[int]
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_by: Mapped[str] = mapped_column(sa.String(160), default="")
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def undo_until(self) -> datetime:
        """From then on it stays as it is: too much else has happened to the cars."""
        return (self.finished_at or self.at) + timedelta(days=UNDO_DAYS)

    @property
    def can_be_undone(self) -> bool:
        return self.state in {"running", "done"} and now() < self.undo_until

    @property
    def is_working(self) -> bool:
        return self.state in {"running", "undoing"}


class BulkItem(Model):
    """One vehicle of a bulk change: what it was before and what it became."""

    __tablename__ = "bulk_item"
    __table_args__ = (sa.Index("ix_bulk_item_state", "bulk_id", "state"),)

    bulk_id: Mapped[int] = mapped_column(
        sa.ForeignKey("bulk_change.id", ondelete="CASCADE"), primary_key=True
    )
    vehicle_id: Mapped[int] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    # waiting, done, same (nothing to change), refused, undone, kept (not undone: changed since),
    # skipped (the change was stopped before its turn)
    state: Mapped[str] = mapped_column(sa.String(10), default="waiting")
    # Plain values by names of VehicleFacts; once done, empty `before`: it was not there
    before: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    problem: Mapped[str] = mapped_column(sa.String(300), default="")

    vehicle: Mapped[Vehicle] = relationship(viewonly=True)


# --- noting --------------------------------------------------------------------------------------


def note_import(bulk_id: int, what: str, cars: Sequence[tuple[Vehicle, Mapping[str, Any]]]) -> None:
    """Keep what an import did to `cars`, each with what it was before (`standing`; empty for a new
    one), in the transaction that did it. `what`: created, updated or withdrawn.

    An import that is run again after an interruption finds its own items: what a car was before the
    first run stays."""
    bulk = db.session.get_one(BulkChange, bulk_id, with_for_update=True)
    ids = [vehicle.id for vehicle, _before in cars]
    noted = {
        item.vehicle_id: item
        for item in db.session.scalars(
            sa.select(BulkItem).where(BulkItem.bulk_id == bulk_id, BulkItem.vehicle_id.in_(ids))
        )
    }
    rows = []
    for vehicle, before in cars:
        fields = tuple(before) or _MADE
        if not _NAMES.isdisjoint(fields):  # their ids were set, not the rows they lead to
            db.session.expire(vehicle, ["car_model", "trim"])
        after = standing(vehicle, fields)
        item = noted.get(vehicle.id)
        if item is None:
            rows.append({"bulk_id": bulk_id, "vehicle_id": vehicle.id, "state": "done",
                         "before": dict(before), "after": after})  # fmt: skip
        else:
            item.before = {**before, **item.before} if item.before else {}
            item.after = {**item.after, **after}
    if rows:
        db.session.execute(sa.insert(BulkItem), rows)
        bulk.rule = {**bulk.rule, what: bulk.rule.get(what, 0) + len(rows)}
        bulk.total += len(rows)
    db.session.flush()


# --- reading -------------------------------------------------------------------------------------


def outcome(bulk: BulkChange) -> dict[str, int]:
    """How many vehicles are in which state of it."""
    counted = (
        sa.select(BulkItem.state, sa.func.count())
        .where(BulkItem.bulk_id == bulk.id)
        .group_by(BulkItem.state)
    )
    return {row[0]: row[1] for row in db.session.execute(counted)}


def within(statement: sa.Select[Any], store_ids: Sequence[int] | None) -> sa.Select[Any]:
    """`statement` over BulkChange without those that touch a car of a store beyond `store_ids`."""
    if store_ids is None:
        return statement
    foreign = (
        sa.exists()
        .where(BulkItem.bulk_id == BulkChange.id, Vehicle.id == BulkItem.vehicle_id)
        .where(Vehicle.store_id.not_in(store_ids))
    )
    return statement.where(~foreign)


# --- forgetting ----------------------------------------------------------------------------------


def purge_bulk_changes(_payload: Mapping[str, Any]) -> None:
    """Handler: forget changes older than KEEP_DAYS, a few thousand cars per transaction."""
    old = sa.select(BulkChange.id).where(BulkChange.at < now() - timedelta(days=KEEP_DAYS))
    for bulk_id in db.session.scalars(old.order_by(BulkChange.id)).all():
        while _purge_some(bulk_id):
            pass
        with writing() as session:
            session.execute(sa.delete(BulkChange).where(BulkChange.id == bulk_id))


def _purge_some(bulk_id: int) -> bool:
    some = sa.select(BulkItem.vehicle_id).where(BulkItem.bulk_id == bulk_id).limit(_PURGED_AT_ONCE)
    with writing() as session:
        ids = session.scalars(some).all()
        session.execute(
            sa.delete(BulkItem).where(BulkItem.bulk_id == bulk_id, BulkItem.vehicle_id.in_(ids))
        )
    return len(ids) == _PURGED_AT_ONCE


JOBS: Final = {"purge_bulk_changes": purge_bulk_changes}
