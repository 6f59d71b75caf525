"""The rows of the stock list: what each car shows, read in a fixed number of statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import joinedload

from core.db import db
from core.money import format_brl
from core.text import group_thousands
from inventory.age import days_here
from inventory.conflicts import mark_of
from inventory.models import CarModel, Photo, Vehicle
from inventory.offers import OfferPhoto, promotion_runs
from leads.models import ContactClick, Lead

INLINE_FIELDS: Final = ("price_cents", "mileage_km")
LOADED: Final = (
    joinedload(Vehicle.store),
    joinedload(Vehicle.car_model).joinedload(CarModel.make),
    joinedload(Vehicle.trim),
)


@dataclass(frozen=True)
class StateAct:
    """One step that a car can take now: where to, what the button says, which address it posts
    to."""

    to_state: str
    words: Any
    address: str
    icon: str


_PUBLISH: Final = StateAct("published", _l("Publish"), "situacao", "eye")
_ARCHIVE: Final = StateAct("archived", _l("Archive"), "arquivar", "trash")
_SELL: Final = StateAct("sold", _l("Mark as sold"), "situacao", "check")
STATE_ACTS: Final[Mapping[str, tuple[StateAct, ...]]] = {
    "draft": (_PUBLISH, _ARCHIVE),
    "published": (
        StateAct("reserved", _l("Reserve"), "situacao", "flag"),
        _SELL,
        StateAct("draft", _l("Take off the site"), "situacao", "undo"),
        _ARCHIVE,
    ),
    "reserved": (
        _SELL,
        StateAct("published", _l("Back on sale"), "situacao", "undo"),
        _ARCHIVE,
    ),
    "sold": (_ARCHIVE, StateAct("published", _l("Sale fell through"), "situacao", "undo")),
    "archived": (StateAct("draft", _l("Restore"), "restaurar", "undo"),),
}


@dataclass(frozen=True)
class StockRow:
    """One car of the list, ready to be shown."""

    vehicle: Vehicle
    cover: OfferPhoto | None
    photos: int
    leads: int
    clicks: int
    days: int
    runs_promotion: bool
    mark: str

    @property
    def id(self) -> int:
        return self.vehicle.id

    @property
    def name(self) -> str:
        return f"{self.vehicle.car_model.make.name} {self.vehicle.car_model.name}"

    @property
    def facts(self) -> str:
        """ "1.0 LT · 2021/2022"."""
        vehicle = self.vehicle
        years = f"{vehicle.built_year or vehicle.model_year}/{vehicle.model_year}"
        return " · ".join(
            part for part in (vehicle.trim.name if vehicle.trim else "", years) if part
        )

    @property
    def price_text(self) -> str:
        return typed_price(self.vehicle.price_cents)

    @property
    def km_text(self) -> str:
        return typed_km(self.vehicle.mileage_km)

    @property
    def acts(self) -> tuple[StateAct, ...]:
        return STATE_ACTS[self.vehicle.state]


def typed_price(cents: int | None) -> str:
    """A price as it stands in a field: '69.900', '69.900,50'; empty when there is none."""
    return "" if cents is None else format_brl(cents).removeprefix("R$").strip()


def typed_km(km: int | None) -> str:
    """A mileage as it stands in a field."""
    return "" if km is None else group_thousands(km)


def rows_of(vehicles: Sequence[Vehicle]) -> list[StockRow]:
    """The rows for `vehicles`, loaded with LOADED: three statements more."""
    ids = [vehicle.id for vehicle in vehicles]
    covers, photos = _covers(ids)
    leads = count_per_vehicle(Lead.vehicle_id, ids, Lead.is_test.is_(False))
    clicks = count_per_vehicle(ContactClick.vehicle_id, ids)
    return [
        StockRow(
            vehicle=vehicle,
            cover=covers.get(vehicle.id),
            photos=photos.get(vehicle.id, 0),
            leads=leads.get(vehicle.id, 0),
            clicks=clicks.get(vehicle.id, 0),
            days=days_here(vehicle),
            runs_promotion=promotion_runs(vehicle),
            mark=mark_of(vehicle, INLINE_FIELDS),
        )
        for vehicle in vehicles
    ]


def car_name(vehicle: Vehicle) -> str:
    """How people call it: "Fiat Argo Drive 2022"."""
    parts = (
        vehicle.car_model.make.name,
        vehicle.car_model.name,
        vehicle.trim.name if vehicle.trim else "",
        str(vehicle.model_year),
    )
    return " ".join(part for part in parts if part)


def count_per_vehicle(
    column: Any, ids: Iterable[int], *conditions: sa.ColumnElement[bool]
) -> dict[int, int]:
    """How many rows name each of `ids` in `column`; those that meet `conditions`."""
    wanted = list(ids)
    if not wanted:
        return {}
    counted = (
        sa.select(column, sa.func.count()).where(column.in_(wanted), *conditions).group_by(column)
    )
    return {row[0]: row[1] for row in db.session.execute(counted)}


def _covers(ids: Sequence[int]) -> tuple[dict[int, OfferPhoto], dict[int, int]]:
    """The first picture that can be shown of each, and how many pictures each has."""
    covers: dict[int, OfferPhoto] = {}
    counts: dict[int, int] = {}
    rows = db.session.execute(
        sa.select(
            Photo.vehicle_id,
            Photo.renditions,
            Photo.width_px,
            Photo.height_px,
            Photo.color,
            Photo.alt,
        )
        .where(Photo.vehicle_id.in_(ids))
        .order_by(Photo.vehicle_id, Photo.position, Photo.id)
    )
    for vehicle_id, made, width, height, color, alt in rows:
        counts[vehicle_id] = counts.get(vehicle_id, 0) + 1
        if made and vehicle_id not in covers:
            covers[vehicle_id] = OfferPhoto(
                stem=made["stem"],
                widths=tuple(made["widths"]),
                formats=tuple(made["formats"]),
                width_px=width or 0,
                height_px=height or 0,
                color=color,
                alt=alt,
            )
    return covers, counts
