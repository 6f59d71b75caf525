"""Two people and one car: the second save sees what changed since its page was opened, and by whom.

A form carries a mark of the values it was drawn with (`mark_of`, in a hidden field) and hands it
to `inventory.editing.revise_vehicle(..., seen=mark)`. Compared are values, not versions:

* what this form did not touch is not written, so the other person's change stays (a merge);
* what both changed to the same value is no clash;
* what both changed differently raises `ChangedMeanwhile`, unless the person said `overwrite`.

DomainError
└── ChangedMeanwhile    somebody else changed the same fields; `clashes` says which and how
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime, db, writing
from core.errors import DomainError
from dealership.models import Store
from inventory.models import StateChange, Vehicle

_DIGEST_LENGTH: Final = 10  # hex digits: a slip, not an attack, is what it guards against
_MOST_FIELDS: Final = 100
KEEP_DAYS: Final = 60  # nobody keeps a form open for longer
_PURGED_AT_ONCE: Final = 5_000
_LOOKED_BACK: Final = 200  # changes of one car; who made an older one is not told

FIELD_NAMES: Final[Mapping[str, Any]] = {
    "store": _l("Store"),
    "make": _l("Make"),
    "model_name": _l("Model"),
    "trim": _l("Version"),
    "condition": _l("Condition"),
    "built_year": _l("Year built"),
    "model_year": _l("Model year"),
    "price_cents": _l("Price"),
    "promo_price_cents": _l("Promotional price"),
    "promo_until": _l("Last day of the promotion"),
    "cost_cents": _l("Cost"),
    "mileage_km": _l("Mileage"),
    "fuel": _l("Fuel"),
    "transmission": _l("Transmission"),
    "body": _l("Body type"),
    "color": _l("Colour"),
    "doors": _l("Doors"),
    "engine": _l("Engine"),
    "power_hp": _l("Power"),
    "license_plate": _l("Plate"),
    "renavam": _l("RENAVAM"),
    "vin": _l("Chassis"),
    "fipe_code": _l("FIPE code"),
    "fipe_price_cents": _l("FIPE price"),
    "fipe_month": _l("FIPE month"),
    "features": _l("Options"),
    "history": _l("History"),
    "description": _l("Description"),
    "legal_text": _l("Legal text"),
    "video_url": _l("Video"),
    "highlight_rank": _l("Highlight"),
    "state": _l("Standing"),
}


class FactChange(Model):
    """Which fields of a vehicle somebody changed, and when: names only, values are elsewhere."""

    __tablename__ = "fact_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    vehicle_id: Mapped[int] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="CASCADE"), index=True
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    actor: Mapped[str] = mapped_column(sa.String(160))
    fields: Mapped[list[str]] = mapped_column(sa.JSON)


@dataclass(frozen=True)
class Clash:
    """One field that somebody else changed: what stands there now and what was to be written.
    `actor` is empty and `at` None when nobody knows who (a change from before there were notes)."""

    field: str
    theirs: Any
    mine: Any
    actor: str
    at: datetime | None

    @property
    def name(self) -> str:
        """How people call the field."""
        return str(FIELD_NAMES.get(self.field, self.field))


class ChangedMeanwhile(DomainError):
    """Somebody else changed the same fields after this form was opened."""

    def __init__(self, clashes: Sequence[Clash]) -> None:
        self.clashes = tuple(clashes)
        names = ", ".join(clash.name for clash in self.clashes)
        who = ", ".join(dict.fromkeys(clash.actor for clash in self.clashes if clash.actor))
        super().__init__(
            _("%(who)s changed this meanwhile: %(fields)s", who=who, fields=names)
            if who
            else _("This changed meanwhile: %(fields)s", fields=names)
        )


def mark_of(vehicle: Vehicle, fields: Iterable[str]) -> str:
    """What a form's hidden field carries: a short digest of each of `fields` as it is now."""
    return json.dumps(
        {name: _digest(value_of(vehicle, name)) for name in fields}, separators=(",", ":")
    )


def value_of(vehicle: Vehicle, field: str) -> Any:
    """The value of `field` (a name of inventory.editing.VehicleFacts); a store is its id."""
    if field == "make":
        return vehicle.car_model.make.name
    if field == "model_name":
        return vehicle.car_model.name
    if field == "trim":
        return vehicle.trim.name if vehicle.trim else ""
    return getattr(vehicle, "store_id" if field == "store" else field)


def merged(
    vehicle: Vehicle, changes: Mapping[str, Any], seen: str, *, overwrite: bool = False
) -> dict[str, Any]:
    """What of `changes` is to be written by a form drawn when `seen` was true.

    Locks the vehicle's row first, so that nothing changes between this and the write. Raises
    ChangedMeanwhile unless `overwrite`. A mark nobody can read stands for nothing: every field
    that differs is then a clash, because what the person saw is not known.
    """
    db.session.refresh(vehicle, with_for_update={"of": Vehicle})
    marks = _read(seen)
    wanted: dict[str, Any] = {}
    clashing = []
    for name, mine in changes.items():
        if name == "photo_addresses":
            wanted[name] = mine
            continue
        mark, theirs = marks.get(name), value_of(vehicle, name)
        if mark == _digest(mine):
            continue  # not touched here: what stands there now stays
        wanted[name] = mine
        if mark != _digest(theirs) and _digest(mine) != _digest(theirs):
            clashing.append((name, theirs, mine))
    if clashing and not overwrite:
        authors = last_authors(vehicle, [name for name, _theirs, _mine in clashing])
        raise ChangedMeanwhile(
            [
                Clash(name, theirs, mine, *authors.get(name, ("", None)))
                for name, theirs, mine in clashing
            ]
        )
    return wanted


def note_changes(changed: Iterable[tuple[Vehicle, Sequence[str]]], by: str) -> None:
    """Keep which fields `by` changed now: one statement for all of them."""
    moment = now()
    rows = [
        {"vehicle_id": vehicle.id, "at": moment, "actor": by, "fields": list(names)}
        for vehicle, names in changed
        if names
    ]
    if rows:
        db.session.execute(sa.insert(FactChange), rows)


def purge_fact_changes(_payload: Mapping[str, Any]) -> None:
    """The daily job: forget who changed what longer ago than any open form can be. The audit log
    and the price history keep theirs."""
    oldest = now() - timedelta(days=KEEP_DAYS)
    old = sa.select(FactChange.id).where(FactChange.at < oldest)
    some = old.order_by(FactChange.id).limit(_PURGED_AT_ONCE)
    while True:
        with writing() as session:
            ids = list(session.scalars(some))
            session.execute(sa.delete(FactChange).where(FactChange.id.in_(ids)))
        if len(ids) < _PURGED_AT_ONCE:
            return


def last_authors(vehicle: Vehicle, fields: Sequence[str]) -> dict[str, tuple[str, datetime | None]]:
    """Who changed each of `fields` last, and when; what nobody knows is left out."""
    found: dict[str, tuple[str, datetime | None]] = {}
    latest = db.session.scalars(
        sa.select(FactChange)
        .where(FactChange.vehicle_id == vehicle.id)
        .order_by(FactChange.id.desc())
        .limit(_LOOKED_BACK)
    )
    for change in latest:
        for name in change.fields:
            found.setdefault(name, (change.actor, change.at))
    step = db.session.scalars(
        sa.select(StateChange)
        .where(StateChange.vehicle_id == vehicle.id)
        .order_by(StateChange.id.desc())
        .limit(1)
    ).first()
    if step is not None:
        found["state"] = (step.actor, step.at)
    return {name: found[name] for name in fields if name in found}


def _read(seen: str) -> dict[str, str]:
    """The marks by field; nothing when the text is none of ours (it comes from outside)."""
    try:
        marks = json.loads(seen)
    except ValueError:
        return {}
    if not isinstance(marks, dict) or len(marks) > _MOST_FIELDS:
        return {}
    return {name: mark for name, mark in marks.items() if isinstance(mark, str)}


def _digest(value: Any) -> str:
    if isinstance(value, Store):
        value = value.id
    if isinstance(value, date | datetime):
        value = value.isoformat()
    if isinstance(value, tuple):
        value = list(value)
    # What a form leaves empty and what was never known are the same to who reads the form.
    text = json.dumps(None if value == "" else value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


JOBS: Final = {"purge_fact_changes": purge_fact_changes}

__all__ = [
    "FIELD_NAMES",
    "JOBS",
    "ChangedMeanwhile",
    "Clash",
    "FactChange",
    "last_authors",
    "mark_of",
    "merged",
    "note_changes",
    "purge_fact_changes",
    "value_of",
]
