"""What staff say of single cars on one account: as the rules say, always, never."""

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from core.db import db
from core.errors import DomainError
from integrators.listings.rules import advertiser_of, hold_advertiser
from integrators.listings.wanted import key_prefix
from integrators.models import Listing, PortalAccount
from inventory.models import Vehicle

SWITCHES: Final = ("rules", "always", "never")
_IDS_AT_ONCE: Final = 500


class SwitchRefused(DomainError):
    """No such switch."""


def set_switch(row: PortalAccount, vehicle_ids: Collection[int], to: str) -> int:
    """Say `to` of these cars on the account; how many now say something else than before. Cars
    that are gone are passed over. Raises SwitchRefused. Inside `writing()`."""
    if to not in SWITCHES:
        raise SwitchRefused(to)
    hold_advertiser(row.id)  # before its listings, as passes do
    ids = sorted(set(vehicle_ids))
    changed = 0
    for start in range(0, len(ids), _IDS_AT_ONCE):
        changed += _set(row, ids[start : start + _IDS_AT_ONCE], to)
    if changed:
        advertiser = advertiser_of(row.id)
        advertiser.rules_version += 1  # feeds are made anew by it
        advertiser.stock_version = 0  # planned anew
        db.session.flush()
    return changed


def switches_of(account_id: int) -> dict[int, str]:
    """What was said of cars of the account, by the car's id; those that follow the rules are left
    out."""
    rows = db.session.execute(
        sa.select(Listing.vehicle_id, Listing.switch).where(
            Listing.account_id == account_id, Listing.switch != "rules"
        )
    )
    return {car: to for car, to in rows if car is not None}


def _set(row: PortalAccount, ids: list[int], to: str) -> int:
    known = db.session.scalars(
        sa.select(Listing)
        .where(Listing.account_id == row.id, Listing.vehicle_id.in_(ids))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    changed = [one for one in known if one.switch != to]
    for one in changed:
        one.switch = to
    if to == "rules":  # what nobody spoke of follows the rules already
        db.session.flush()
        return len(changed)
    fresh = _unlisted(row, set(ids) - {one.vehicle_id or 0 for one in known}, to)
    return len(changed) + fresh


def _unlisted(row: PortalAccount, ids: set[int], to: str) -> int:
    if not ids:
        return 0
    prefix = key_prefix(row)
    cars = db.session.execute(
        sa.select(Vehicle.id, Vehicle.public_id, Vehicle.source_id).where(Vehicle.id.in_(ids))
    ).all()
    db.session.add_all(
        Listing(
            account_id=row.id,
            vehicle_id=car.id,
            source_id=car.source_id,
            key=f"{prefix}{car.public_id}",
            switch=to,
        )
        for car in cars
    )
    db.session.flush()
    return len(cars)
