"""Merged people, each still a side of who they turned out to be.

A merge leaves the row of the person who is gone as it was; what they had is the survivor's until
the merge is undone. A survivor may be merged too: a tree, whose root is the one person to talk to.
What comes in later carries the side of the key that it came by, so that it can go back with it.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import now
from core.db import Model, UtcDateTime, db
from leads.models import Person

FIELDS: Final = ("name", "phone", "email")


class PersonMerge(Model):
    """That two were found to be one, by whom, and the recipe to undo it: ids alone, no data.

    The recipe: `moved` (ids by "table.column"), `fields` that the survivor took, `ended` (a
    subscription and its twin), `leads` (each that became a duplicate), `pairs` (suggested anew),
    `places` in lines for cars that ended in favour of the person's own.
    """

    __tablename__ = "person_merge"
    __table_args__ = (
        # Nobody is merged twice at once, whoever races.
        sa.Index(
            "uq_person_merge_in_force",
            "gone_id",
            unique=True,
            sqlite_where=sa.text("undone_at IS NULL"),
            postgresql_where=sa.text("undone_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kept_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"), index=True)
    gone_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(sa.String(20))  # a code: staff, demo …
    by: Mapped[str] = mapped_column(sa.String(160))  # a staff e-mail
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    recipe: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undone_by: Mapped[str] = mapped_column(sa.String(160), default="")

    kept: Mapped[Person] = relationship(foreign_keys=kept_id)
    gone: Mapped[Person] = relationship(foreign_keys=gone_id)


def absorbed(person_id: int) -> list[Person]:
    """Everybody who was merged into that person, directly or through others, by id."""
    tree = sa.select(Person.id).where(Person.merged_into_id == person_id).cte(recursive=True)
    tree = tree.union(sa.select(Person.id).join(tree, Person.merged_into_id == tree.c.id))
    rows = sa.select(Person).join(tree, tree.c.id == Person.id).order_by(Person.id)
    return list(db.session.scalars(rows))


def side_ids(person_id: int) -> set[int]:
    """That person and everybody merged into them."""
    return {person_id, *(person.id for person in absorbed(person_id))}


def in_force(*where: sa.ColumnElement[bool]) -> list[PersonMerge]:
    """The merges that were not undone, oldest first."""
    rows = sa.select(PersonMerge).where(PersonMerge.undone_at.is_(None), *where)
    return list(db.session.scalars(rows.order_by(PersonMerge.id)))


def learn(side_id: int, **facts: str) -> None:
    """What somebody said of themselves with a key of that side: whoever on the way up to the root
    did not know it knows it now, and what undoing takes back is noted."""
    person = db.session.get_one(Person, side_id)
    for name, value in facts.items():
        if not getattr(person, name):
            setattr(person, name, value)
    while person.merged_into_id is not None:
        kept = db.session.get_one(Person, person.merged_into_id)
        (merge,) = in_force(PersonMerge.gone_id == person.id)
        take(kept, person, merge)
        person = kept


def take(kept: Person, gone: Person, merge: PersonMerge) -> None:
    """Let `kept` know what only `gone` knew, noted in the recipe of `merge`."""
    taken = list(merge.recipe.get("fields", ()))
    for name in FIELDS:
        if not getattr(kept, name) and getattr(gone, name):
            setattr(kept, name, getattr(gone, name))
            taken.append(name)
    merge.recipe = {**merge.recipe, "fields": taken}


def retake(kept: Person, left: Person, was_taken: Collection[str]) -> None:
    """`left` is no longer part of `kept`: what was known through them alone goes with them, unless
    somebody changed it since or another side knows it too."""
    for name in was_taken:
        if getattr(kept, name) == getattr(left, name):
            setattr(kept, name, "")
    for merge in in_force(PersonMerge.kept_id == kept.id):
        take(kept, db.session.get_one(Person, merge.gone_id), merge)


def erase_sides(person: Person, at: datetime) -> None:
    """Nothing personal is left of who was merged into `person`, and nothing to undo. Inside
    `writing()`."""
    gone = absorbed(person.id)
    for one in gone:
        one.name = one.phone = one.email = ""
        one.erased_at = one.erased_at or at
        one.updated_at = at
    ids = [one.id for one in gone]
    for merge in in_force(PersonMerge.gone_id.in_(ids)) if ids else ():
        merge.recipe = {}
