"""Taking back the last step of a car's life cycle.

DomainError
└── UndoRefused    something happened since, or the step was somebody else's
"""

import sqlalchemy as sa
from flask_babel import gettext as _

from core.db import db
from core.errors import DomainError
from inventory.editing import revise_vehicle
from inventory.models import StateChange, Vehicle


class UndoRefused(DomainError):
    """Nothing was undone; the sentence says why."""


def last_step(vehicle: Vehicle) -> StateChange | None:
    """The newest step of its life cycle."""
    return db.session.scalars(
        sa.select(StateChange)
        .where(StateChange.vehicle_id == vehicle.id)
        .order_by(StateChange.id.desc())
        .limit(1)
    ).first()


def undo_step(vehicle: Vehicle, step_id: int, *, by: str) -> None:
    """Bring `vehicle` back to where it stood before the step with that id, which must still be its
    newest and `by`'s own: sent twice, it is undone once. Raises UndoRefused, NotPublishable."""
    db.session.refresh(vehicle, with_for_update={"of": Vehicle})
    step = last_step(vehicle)
    if step is None or step.id != step_id or step.to_state != vehicle.state:
        raise UndoRefused(_("This car changed again since. Nothing was undone."))
    if step.actor != by:
        raise UndoRefused(_("Somebody else took this step."))
    revise_vehicle(vehicle, {"state": step.from_state}, by=by)
