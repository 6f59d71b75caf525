"""A number that changes whenever the house says something else of itself, and only then.

The site's own number moves with each car, too; ready pieces of pages would last for minutes.
"""

import threading
from typing import Any, Final

import sqlalchemy as sa
from flask import current_app

from content.menu import menu
from core.db import db
from core.site_memory import remembered
from dealership.identity import identity
from dealership.models import Store

_EXTENSION: Final = "vitrine_house_mark"
_lock = threading.Lock()
_STORES: Final = sa.select(
    Store.id,
    Store.slug,
    Store.name,
    Store.city,
    Store.state_code,
    Store.zone,
    Store.reserved_stays_listed,
).order_by(Store.id)


def house_mark() -> int:
    """The number for who we are, what our menus show and what offers say of stores.
    Makes, models and trims are never renamed: `inventory.catalogue` only adds some."""
    facts = remembered("house", _read)
    known, mark = current_app.extensions.get(_EXTENSION, (None, 0))
    if known is not facts:
        with _lock:
            known, mark = current_app.extensions.get(_EXTENSION, (None, 0))
            if known != facts:
                mark += 1
            current_app.extensions[_EXTENSION] = (facts, mark)
    return int(mark)


def _read() -> Any:
    stores = [tuple(row) for row in db.session.execute(_STORES)]
    return identity(), menu(), stores
