"""Whether a portal's own lists were ever read."""

import sqlalchemy as sa

from core.db import db
from integrators.models import PortalTermList


def has_lists(portal: str) -> bool:
    """Whether any list of `portal` was read: before, what nobody knows may yet be found without a
    person."""
    statement = sa.select(sa.exists().where(PortalTermList.portal == portal))
    return bool(db.session.scalar(statement))
