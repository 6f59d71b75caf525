"""How complete a car's page is, and what is missing: computed from the data alone, the same for
everybody who looks. It never keeps a car back; that is what `inventory.gates` does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.db import db
from inventory.gallery import missing_slots
from inventory.models import Vehicle

GOOD_PHOTOS: Final = 8
SOME_PHOTOS: Final = 4
GOOD_FEATURES: Final = 6
GOOD_HISTORY: Final = 3
SHORTEST_DESCRIPTION: Final = 200  # characters; below, search engines find it thin
_NO_DOORS: Final = frozenset({"motorcycle"})


@dataclass(frozen=True)
class Point:
    """One thing that makes a page complete: `weight` of all the weights, `field` where it is
    filled in."""

    field: str
    words: LazyString
    weight: int
    is_met: Callable[[Vehicle], bool]
    applies: Callable[[Vehicle], bool] = lambda _vehicle: True


@dataclass(frozen=True)
class MissingPoint:
    """What is missing, in words, and how many percent it would add."""

    field: str
    words: str
    percent: int


@dataclass(frozen=True)
class Completeness:
    """`percent` from 0 to 100; `missing` with the heaviest first."""

    percent: int
    missing: Sequence[MissingPoint]


def _has(name: str) -> Callable[[Vehicle], bool]:
    return lambda vehicle: getattr(vehicle, name) not in {None, ""}


def _is_used(vehicle: Vehicle) -> bool:
    return vehicle.condition == "used"


POINTS: Final = (
    Point("photos", _l("Add the first photo"), 15, lambda v: bool(v.photos)),
    Point("price", _l("Say the price"), 15, lambda v: bool(v.price_cents)),
    Point(
        "photos", _l("Have at least four photos"), 6, lambda v: len(v.photos) >= SOME_PHOTOS
    ),
    Point("photos", _l("Have at least eight photos"), 6, lambda v: len(v.photos) >= GOOD_PHOTOS),
    Point("mileage", _l("Say the mileage"), 8, _has("mileage_km"), _is_used),
    Point(
        "description",
        _l("Describe the car in at least 200 characters"),
        6,
        lambda v: len(v.description.strip()) >= SHORTEST_DESCRIPTION,
    ),
    Point("trim", _l("Say the version"), 6, _has("trim_id")),
    Point(
        "features", _l("Mark at least six options"), 6, lambda v: len(v.features) >= GOOD_FEATURES
    ),
    Point("color", _l("Say the colour"), 5, _has("color")),
    Point("license_plate", _l("Enter the plate (buyers look for its end)"), 4,
          _has("license_plate"), _is_used),
    Point("transmission", _l("Say the gearbox"), 4, _has("transmission")),
    Point("fuel", _l("Say the fuel"), 4, _has("fuel")),
    Point("body", _l("Say the body type"), 3, _has("body")),
    Point("engine", _l("Say the engine"), 3, _has("engine")),
    Point("power_hp", _l("Say the power"), 2, _has("power_hp")),
    Point("built_year", _l("Say the year built"), 3, _has("built_year")),
    Point("doors", _l("Say the number of doors"), 2, _has("doors"),
          lambda v: v.body not in _NO_DOORS),
    Point("history", _l("Answer at least three questions about its history"), 5,
          lambda v: len(v.history) >= GOOD_HISTORY, _is_used),
    Point("fipe_code", _l("Enter the FIPE code"), 3, _has("fipe_code")),
    Point("video_url", _l("Add a video"), 3, _has("video_url")),
)  # fmt: skip
_UNIQUE_WEIGHT: Final = 4
_LAWFUL_WEIGHT: Final = 5
_VIEWS_WEIGHT: Final = 4


def completeness(
    vehicle: Vehicle, *, unlawful_field: str = "", has_unique_text: bool = True
) -> Completeness:
    """The score of `vehicle`, whose photos are loaded. `unlawful_field` names the text in which
    the advertisement check found something unlawful; `has_unique_text` see `is_text_unique`."""
    points = [(p.field, str(p.words), p.weight, p.is_met(vehicle)) for p in _points(vehicle)]
    points.append(
        (unlawful_field or "legal_text", _("Mend what the advertisement check found"),
         _LAWFUL_WEIGHT, not unlawful_field)
    )  # fmt: skip
    points.append(
        ("description", _("Write a text of its own: another car has the same one"),
         _UNIQUE_WEIGHT, has_unique_text)
    )  # fmt: skip
    views = ", ".join(str(slot.name) for slot in missing_slots(vehicle))
    points.append(
        ("photos", _("Photos of these views are missing: %(views)s", views=views),
         _VIEWS_WEIGHT, not views)
    )  # fmt: skip
    total = sum(weight for _field, _words, weight, _met in points)
    got = sum(weight for _field, _words, weight, is_met in points if is_met)
    missing = [
        MissingPoint(field, words, max(1, round(weight * 100 / total)))
        for field, words, weight, is_met in sorted(points, key=lambda point: -point[2])
        if not is_met
    ]
    # Hundred percent is said only when nothing is missing.
    return Completeness(min(got * 100 // total, 100 if not missing else 99), missing)


def _points(vehicle: Vehicle) -> list[Point]:
    return [point for point in POINTS if point.applies(vehicle)]


def is_text_unique(vehicle: Vehicle) -> bool:
    """Whether no other car of its model on the site has the same description. One statement."""
    text = vehicle.description.strip()
    if not text:
        return True
    same = (
        sa.select(Vehicle.id)
        .where(Vehicle.car_model_id == vehicle.car_model_id, Vehicle.id != vehicle.id)
        .where(Vehicle.description == vehicle.description)
        .where(Vehicle.state.in_(("published", "reserved")))
        .limit(1)
    )
    return db.session.scalar(same) is None
