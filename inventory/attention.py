"""Cars that somebody should look at today: conditions for counting and listing them alike."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from core import clock
from core.db import db
from dealership.models import Store
from inventory.gates import problems_to_publish
from inventory.models import CarModel, Photo, Vehicle
from inventory.provenance import ProvenanceFact

PROMOTION_ENDS_DAYS: Final = 3
RESERVED_DAYS: Final = 7
MOST_DRAFTS: Final = 60  # the newest that are looked at; each text is read by the advert check
FOR_SALE: Final = ("published", "reserved")


@dataclass(frozen=True)
class Attention:
    """One reason to look at cars: `condition` holds for those that need it."""

    code: str
    condition: sa.ColumnElement[bool]

    def rows(self, limit: int) -> Sequence[Vehicle]:
        """The first of them, the longest waiting first, with what names a car loaded."""
        return db.session.scalars(
            sa.select(Vehicle)
            .where(self.condition)
            .options(*NAMED)
            .order_by(Vehicle.state_changed_at, Vehicle.id)
            .limit(limit)
        ).all()

    def counted(self) -> Any:
        """How many there are, as part of a larger statement."""
        counted = sa.select(sa.func.count()).select_from(Vehicle).where(self.condition)
        return counted.scalar_subquery()


NAMED: Final = (
    joinedload(Vehicle.store),
    joinedload(Vehicle.car_model).joinedload(CarModel.make),
    joinedload(Vehicle.trim),
)


def ending_promotions(store_ids: Collection[int] | None, stores: Sequence[Store]) -> Attention:
    """Offered at a lower price until a day within the next three, by the store's calendar."""
    ways = []
    for zone in sorted({store.zone for store in stores}):
        day = clock.today(ZoneInfo(zone))
        here = [store.id for store in stores if store.zone == zone]
        last = day + timedelta(days=PROMOTION_ENDS_DAYS)
        # By the index of the day: few promotions end now, and most cars are for sale.
        ending = sa.select(Vehicle.id).where(Vehicle.promo_until.between(day, last))
        ways.append(sa.and_(Vehicle.store_id.in_(here), Vehicle.id.in_(ending.correlate(None))))
    return Attention(
        "promocoes",
        sa.and_(
            _mine(store_ids),
            Vehicle.state.in_(FOR_SALE),
            Vehicle.promo_price_cents.is_not(None),
            sa.or_(sa.false(), *ways),
        ),
    )


def long_reserved(store_ids: Collection[int] | None) -> Attention:
    """Held for somebody for more than a week: sold by now, or free again."""
    since = clock.now() - timedelta(days=RESERVED_DAYS)
    return Attention(
        "reservados",
        sa.and_(_mine(store_ids), Vehicle.state == "reserved", Vehicle.state_changed_at < since),
    )


def with_failed_photos(store_ids: Collection[int] | None) -> Attention:
    """A picture of theirs could not be fetched or drawn."""
    failed = sa.select(Photo.vehicle_id).where(Photo.state == "failed")
    return Attention(
        "fotos",
        sa.and_(_mine(store_ids), Vehicle.state.in_(("draft", *FOR_SALE)), Vehicle.id.in_(failed)),
    )


def ready_drafts(store_ids: Collection[int] | None) -> list[Vehicle]:
    """Drafts with a price and photos that nothing keeps from the site: of the newest MOST_DRAFTS
    that come near it. At most three statements."""
    has_photo = sa.exists().where(Photo.vehicle_id == Vehicle.id)
    near = db.session.scalars(
        sa.select(Vehicle)
        .where(_mine(store_ids), Vehicle.state == "draft", Vehicle.price_cents > 0, has_photo)
        .options(*NAMED, selectinload(Vehicle.photos))
        .order_by(Vehicle.created_at.desc(), Vehicle.id.desc())
        .limit(MOST_DRAFTS)
    ).all()
    known: dict[int, dict[str, ProvenanceFact]] = defaultdict(dict)
    strict = [vehicle.id for vehicle in near if vehicle.store.requires_provenance]
    if strict:
        facts = sa.select(ProvenanceFact).where(ProvenanceFact.vehicle_id.in_(strict))
        for fact in db.session.scalars(facts):
            known[fact.vehicle_id][fact.item] = fact
    return [one for one in near if not problems_to_publish(one, known=known[one.id])]


def _mine(store_ids: Collection[int] | None) -> sa.ColumnElement[bool]:
    return sa.true() if store_ids is None else Vehicle.store_id.in_(store_ids)
