"""The stock in numbers."""

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from core import clock
from core.db import db
from inventory.age import BUCKETS
from inventory.models import Vehicle

IN_HAND: Final = ("draft", "published", "reserved")


def stock_by_age(store_ids: Collection[int] | None) -> dict[str, dict[str, int]]:
    """Cars per age bucket (its code) and state, for what is not sold. One statement."""
    moment = clock.now()
    bucket = sa.case(
        *(
            (Vehicle.created_at > older, one.code)
            for one in BUCKETS
            if (older := one.bounds(moment)[0])
        ),
        else_=BUCKETS[-1].code,
    ).label("bucket")
    counted = (
        sa.select(bucket, Vehicle.state, sa.func.count())
        .where(Vehicle.state.in_(IN_HAND))
        .group_by("bucket", Vehicle.state)
    )
    if store_ids is not None:
        counted = counted.where(Vehicle.store_id.in_(store_ids))
    found = {one.code: dict.fromkeys(IN_HAND, 0) for one in BUCKETS}
    for code, state, count in db.session.execute(counted):
        found[code][state] = count
    return found
