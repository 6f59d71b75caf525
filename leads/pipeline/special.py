"""Which special rule a lead falls under: the first of them that fits, in their order."""

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from core.db import db
from dealership.staff import StaffMember
from inventory.models import CarModel, Make, PriceChange, Vehicle
from leads.models import Lead
from leads.pipeline.rules import QueueRules, SpecialRule

ADAPTED: Final = "pcd"  # inventory.vocabulary's word for an adapted car
_OF_CARS: Final = frozenset({"adapted", "price", "make", "captor"})


@dataclass(frozen=True)
class _Car:
    make: str
    price_cents: int | None
    is_adapted: bool
    captor_id: int | None


def special_for(lead: Lead, rules: QueueRules) -> tuple[str, tuple[int, ...]]:
    """(kind of the rule, ids of its people) for `lead`; empty for one like any other. Whether
    somebody is disabled is never guessed from their words (LGPD art. 11): only the car and the
    campaign say it. Two statements at most, none without rules."""
    if not rules.special:
        return "", ()
    car = _car(lead, rules)
    for rule in rules.special:
        people = rule.people
        if rule.kind == "captor":
            people = (car.captor_id,) if car and car.captor_id else ()
        elif not _fits(rule, lead, car):
            continue
        if people:
            return rule.kind, people
    return "", ()


def _fits(rule: SpecialRule, lead: Lead, car: _Car | None) -> bool:
    if rule.kind == "fleet":
        return lead.department == "fleet"
    if rule.kind == "campaign":
        return lead.source_ref == rule.value
    if car is None:
        return False
    if rule.kind == "adapted":
        return car.is_adapted
    if rule.kind == "make":
        return car.make == rule.value
    return car.price_cents is not None and car.price_cents >= rule.cents


def _car(lead: Lead, rules: QueueRules) -> _Car | None:
    kinds = {one.kind for one in rules.special}
    if lead.vehicle_id is None or kinds.isdisjoint(_OF_CARS):
        return None
    row: Any = db.session.execute(
        sa.select(Make.slug, Vehicle.price_cents, Vehicle.features)
        .join(CarModel, CarModel.id == Vehicle.car_model_id)
        .join(Make, Make.id == CarModel.make_id)
        .where(Vehicle.id == lead.vehicle_id)
    ).one_or_none()
    if row is None:
        return None
    captor_id = _captor(lead.vehicle_id) if "captor" in kinds else None
    return _Car(row.slug, row.price_cents, ADAPTED in (row.features or ()), captor_id)


def _captor(vehicle_id: int) -> int | None:
    """Who put the car into the stock: who gave it its first price. Nobody for imported ones."""
    first = (
        sa.select(PriceChange.actor)
        .where(PriceChange.vehicle_id == vehicle_id)
        .order_by(PriceChange.id)
        .limit(1)
        .scalar_subquery()
    )
    return db.session.scalar(sa.select(StaffMember.id).where(StaffMember.email == first))
