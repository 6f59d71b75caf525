"""Visits of the demo's pages over the last month: busier at weekends, falling slowly."""

import random
from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa

from core.clock import DEFAULT_ZONE, today
from core.db import db
from inventory.models import Vehicle
from inventory.visits import DAYS as CAR_DAYS
from inventory.visits import VehicleVisit
from landing.models import LandingPage, LandingVisit
from landing.visits import DAYS
from leads.models import Lead

BUSY = 34  # views of the first page on a Saturday
CARS = 240  # who loads a large stock for its numbers looks at the first ones


def found_page_visits() -> int:
    """Add views where no page has any; how many rows. Call it inside `writing()`."""
    if db.session.scalar(sa.select(sa.func.count()).select_from(LandingVisit)):
        return 0
    pages = db.session.scalars(
        sa.select(LandingPage).where(LandingPage.state == "published").order_by(LandingPage.id)
    ).all()
    rows = []
    for place, page in enumerate(pages):
        for back in range(DAYS):
            day = today() - timedelta(days=back)
            share = (1.0 if day.weekday() >= 5 else 0.6) * (1 - back / 90) / (1 + place / 3)
            views = round(BUSY * share) + (back * 7 + place * 3) % 5
            is_open = page.starts_at is None or page.starts_at.date() <= day
            if is_open and (page.ends_at is None or page.ends_at.date() >= day):
                rows.append(LandingVisit(page_id=page.id, day=day, views=views))
    db.session.add_all(rows)
    db.session.flush()
    return len(rows)


def found_car_visits() -> int:
    """Add views of the first CARS cars where no car has any; how many rows. Whoever asked about a
    car had opened its page, and for each that asks many only look. Call it inside `writing()`."""
    if db.session.scalar(sa.select(VehicleVisit.day).limit(1)):
        return 0
    counted = sa.select(Lead.vehicle_id, sa.func.count()).group_by(Lead.vehicle_id)
    asked = {row[0]: row[1] for row in db.session.execute(counted)}
    cars = db.session.scalars(
        sa.select(Vehicle).where(Vehicle.published_at.is_not(None)).order_by(Vehicle.id).limit(CARS)
    )
    rows = [row for car in cars for row in _views_of(car, asked.get(car.id, 0))]
    db.session.add_all(rows)
    db.session.flush()
    return len(rows)


def _views_of(car: Vehicle, leads: int) -> Iterator[VehicleVisit]:
    assert car.published_at is not None
    chance = random.Random(car.public_id)
    usual = chance.uniform(0.6, 4.5) + 1.2 * leads + (4.0 if car.highlight_rank else 0.0)
    first = car.published_at.astimezone(DEFAULT_ZONE).date()
    for back in range(CAR_DAYS):
        day = today() - timedelta(days=back)
        if day < first:
            return
        fresh = 1 + 2 / (1 + (day - first).days / 5)  # a new arrival is looked at most
        weekend = 1.5 if day.weekday() >= 5 else 1.0
        views = round(usual * fresh * weekend * chance.uniform(0.4, 1.2) / 1.8)
        if views:
            yield VehicleVisit(vehicle_id=car.id, day=day, views=views)
