"""What the FIPE table says of a model and year, as far as our own stock knows it."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from core.clock import today
from core.db import db
from core.text import fold, slugify_name
from inventory.models import CarModel, Make, Vehicle
from inventory.offers import FIPE_MAX_AGE_MONTHS


@dataclass(frozen=True)
class FipeRange:
    """The lowest and highest FIPE prices, in cents, of the versions of one model and model year
    that have stood in our stock; `month` is the newest reference month among them."""

    model_name: str
    low_cents: int
    high_cents: int
    month: date


def fipe_range(make: str, model: str, model_year: int) -> FipeRange | None:
    """The range for a car as its owner names it ("Chevrolet", "onix 1.0 lt", 2021); None when no
    price of the last two months is known. Never a guess. One statement."""
    rows = db.session.execute(
        sa.select(
            CarModel.name,
            sa.func.min(Vehicle.fipe_price_cents),
            sa.func.max(Vehicle.fipe_price_cents),
            sa.func.max(Vehicle.fipe_month),
        )
        .join(CarModel, CarModel.id == Vehicle.car_model_id)
        .join(Make, Make.id == CarModel.make_id)
        .where(Make.slug == slugify_name(make))
        .where(Vehicle.model_year == model_year)
        .where(Vehicle.fipe_price_cents > 0, Vehicle.fipe_month >= _oldest_month())
        .group_by(CarModel.id, CarModel.name)
    ).all()
    typed = f"{fold(model)} "
    # "HB20S" is not an "HB20": whole words, and the longest name that fits.
    fitting = [row for row in rows if typed.startswith(f"{fold(row[0])} ")]
    if not fitting:
        return None
    name, low, high, month = max(fitting, key=lambda row: len(row[0]))
    return FipeRange(name, low, high, month) if low and high and month else None


def _oldest_month() -> date:
    day = today()
    months = day.year * 12 + day.month - 1 - FIPE_MAX_AGE_MONTHS
    return date(months // 12, months % 12 + 1, 1)
