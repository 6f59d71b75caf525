"""What a change of a store means for the cars that stand in it.

DomainError
└── StoreHasCars    a store cannot close while cars stand in it; the sentence says how many
"""

import sqlalchemy as sa
from flask_babel import ngettext

from core.db import db
from core.errors import DomainError
from dealership import editing
from dealership.models import Store
from inventory import stock_version
from inventory.figures import IN_HAND
from inventory.models import Vehicle


class StoreHasCars(DomainError):
    """A store cannot close while cars stand in it."""


def cars_in(store_id: int) -> int:
    """How many cars of the store are neither sold nor archived."""
    statement = sa.select(sa.func.count(Vehicle.id)).where(
        Vehicle.store_id == store_id, Vehicle.state.in_(IN_HAND)
    )
    return db.session.scalar(statement) or 0


def cars_by_store() -> dict[int, int]:
    """The same for every store that has any, in one statement."""
    statement = (
        sa.select(Vehicle.store_id, sa.func.count(Vehicle.id))
        .where(Vehicle.state.in_(IN_HAND))
        .group_by(Vehicle.store_id)
    )
    return {row[0]: row[1] for row in db.session.execute(statement)}


def close_store(store: Store) -> None:
    """Take the store off the site. Raises StoreHasCars. Inside `writing()`."""
    count = cars_in(store.id)
    if count:
        raise StoreHasCars(
            ngettext(
                "%(num)s car still stands in this store. Move it to another store first.",
                "%(num)s cars still stand in this store. Move them to another store first.",
                count,
            )
        )
    editing.close_store(store)
    store_changed(store.id)


def store_changed(store_id: int) -> None:
    """Have every process read the store's cars anew: lists show its name, city and gates. One
    statement, however many cars. Inside `writing()`."""
    number = stock_version.advance()
    db.session.execute(
        sa.update(Vehicle).where(Vehicle.store_id == store_id).values(stock_seq=number),
        execution_options={"synchronize_session": False},
    )
