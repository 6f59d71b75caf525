"""Which cars and stores of the stock who is signed in works with."""

import sqlalchemy as sa
from flask_babel import gettext as _

from admin.door import found, may, staff, within_stores
from core.db import db
from dealership.models import Store
from dealership.roles import Permission
from inventory.models import Vehicle
from inventory.stock_filter import Selection, StockFilter, select_stock


def own_vehicle(vehicle_id: int) -> Vehicle:
    """The car with that id, or 404 when there is none in a store of who is signed in."""
    vehicle: Vehicle | None = db.session.get(Vehicle, vehicle_id)
    checked: Vehicle = found(vehicle, vehicle.store_id if vehicle else None)
    return checked


def own_stores(*also: int | str | None, closed_too: bool = False) -> list[Store]:
    """The open stores of who is signed in, in their order: the one list from which a store is
    chosen. Closed ones only where `also` names them, by id or slug, as chosen before, or all of
    them with `closed_too`, for names."""
    statement = within_stores(sa.select(Store), Store.id).order_by(Store.position, Store.name)
    return [
        store
        for store in db.session.scalars(statement)
        if closed_too or store.closed_at is None or store.id in also or store.slug in also
    ]


def store_name(store: Store) -> str:
    """How lists call a store: a closed one says so."""
    return store.name if store.closed_at is None else _("%(store)s (closed)", store=store.name)


def selected(wanted: StockFilter) -> Selection:
    """What `wanted` asks for, within what who is signed in may see."""
    return select_stock(
        wanted, store_ids=staff().store_ids, sees_plates=may(Permission.SEE_DOCUMENTS)
    )
