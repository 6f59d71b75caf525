"""Taking an import back: the bulk change that noted what it did puts each car back."""

from collections.abc import Sequence

import sqlalchemy as sa
from flask_babel import gettext as _

from core.db import db
from inventory.bulk import start_undoing
from inventory.bulk_history import UNDO_DAYS, BulkChange, within
from inventory.bulk_rules import BulkRefused
from inventory.importing.history import NotNow, StockImport, step


def can_be_undone(one: StockImport) -> bool:
    """Whether it changed something that can still be put back: seven days long, and not while its
    work is under way."""
    bulk = one.bulk
    if bulk is None or not bulk.total or not bulk.can_be_undone:
        return False
    return one.state in {"done", "failed"} or (one.state == "running" and one.halt is not None)


def undo(one: StockImport, *, by: str, store_ids: Sequence[int] | None) -> None:
    """Begin to put back what it changed, but for what somebody changed since; new cars are put
    away. Inside `writing()`. `store_ids`: the stores `by` works with, None for all. Raises NotNow
    for the second of two clicks, BulkRefused when it is too late or not theirs."""
    if one.state == "undone":
        raise NotNow(_("This import was undone already."))
    if one.bulk is None or not can_be_undone(one):
        raise BulkRefused(_("An import can be undone for %(n)s days.", n=UNDO_DAYS))
    mine = within(sa.select(BulkChange.id).where(BulkChange.id == one.bulk_id), store_ids)
    if db.session.scalar(mine) is None:
        raise BulkRefused(_("Cars of this import belong to stores that are not yours."))
    step(one, {"done", "failed", "running"}, "undone")
    start_undoing(one.bulk, by=by)
