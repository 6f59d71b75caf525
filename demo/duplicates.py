"""Two of the demo's people who turned out to be one: joined by the supervisor, and to be undone."""

from typing import Final

import sqlalchemy as sa

from core.db import db, writing
from demo.leads import TWIN
from leads.duplicate_pairs import DuplicatePair
from leads.merging import merge
from leads.models import Person

BY: Final = "gerente@demo.example"


def join_twins() -> None:
    """Join the pair that is meant for it, unless somebody decided about it already. A door of its
    own: call it outside `writing()`."""
    with writing():
        pair = db.session.scalars(
            sa.select(DuplicatePair)
            .join(Person, Person.id.in_((DuplicatePair.older_id, DuplicatePair.newer_id)))
            .where(Person.name == TWIN, DuplicatePair.state == "open")
        ).first()
        if pair is not None:
            merge(pair.older, pair.newer, BY, "demo")
