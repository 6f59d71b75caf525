"""Two people turn out to be one: everything of both on one timeline, with the recipe to undo it.

Merging moves whatever points to the person who is gone, found by the database's own description:
a table made tomorrow moves along. `leads.unmerging` is the way back.

DomainError
└── NotMergeable        these two cannot be made one
    └── OutOfSight      one of them has leads in a store that the colleague does not serve
"""

from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db
from core.errors import DomainError
from leads.duplicate_pairs import decide, suggest_again
from leads.models import Enquiry, Lead, Person, PersonKey, Subscription
from leads.pipeline.log import record
from leads.pipeline.stages import Stage, Turn
from leads.sides import PersonMerge, take
from leads.waiting_line import keep_one

_LOCK: Final = 7_201_924  # a number of our own among PostgreSQL's advisory locks
# Columns that point to a person or a lead and stay when rows move, and why.
STAYS: Final = {
    "person.merged_into_id": "the tree of merges itself",
    "person_key.person_id": "moved by name, so that no recipe holds a phone",
    "person_key.side_id": "says whose it was",
    "enquiry.side_id": "says of whom it came",
    "person_merge.kept_id": "history",
    "person_merge.gone_id": "history",
    "possible_duplicate.older_id": "suggested anew",
    "possible_duplicate.newer_id": "suggested anew",
    "lead_event.lead_id": "the log of a lead is its own, and only ever added to",
    "quality_sample.lead_id": "says which lead was drawn; one that lives on elsewhere drops out",
    "cadence_run.lead_id": "steps of that log; the lead that ends leaves its cadence",
}
# Unique ones that move all the same: what could clash is put right first.
SETTLED_FIRST: Final = frozenset({"lead.person_id", "subscription.person_id"})
MERGED: Final = "merged"  # why a subscription ended
_ANSWERED_BY_NOBODY: Final = frozenset({Stage.WAITING, Stage.ASSIGNED})
_LEAD_FIELDS: Final = ("vehicle_id", "store_id")
Recipe = dict[str, Any]


class NotMergeable(DomainError):
    """These two cannot be made one."""


class OutOfSight(NotMergeable):
    """One of them has leads in a store that the colleague does not serve."""


def merge(
    keep: Person,
    other: Person,
    by: str,
    reason: str = "staff",
    *,
    store_ids: Collection[int] | None = None,
) -> PersonMerge:
    """Make `other` one with `keep`, who knows afterwards what either knew. Inside `writing()`;
    `by` is a staff e-mail, `reason` a code, `store_ids` the stores that `by` serves (None: all).

    Of two open leads in one department one stays: the one in somebody's hands, else the older.
    Raises NotMergeable, also for who comes second, and OutOfSight.
    """
    lock_people(keep, other)
    _check(keep, other, store_ids)
    found = PersonMerge(kept_id=keep.id, gone_id=other.id, reason=reason, by=by, recipe={})
    db.session.add(found)
    take(keep, other, found)
    recipe: Recipe = {"leads": _settle_leads(keep, other, by), "ended": _settle_live(keep, other)}
    recipe["pairs"] = suggest_again(keep.id, other.id)
    db.session.flush()
    recipe["moved"] = {
        name: ids
        for name, column in columns_to("person").items()
        if (ids := move_rows(column, other.id, keep.id))
    }
    db.session.execute(
        sa.update(PersonKey)
        .where(PersonKey.person_id == other.id)
        .values(person_id=keep.id, side_id=sa.func.coalesce(PersonKey.side_id, other.id))
        .execution_options(synchronize_session=False)
    )
    other.merged_into_id = keep.id
    keep.updated_at = other.updated_at = now()
    recipe["places"] = keep_one(keep.id)
    found.recipe = {**found.recipe, **recipe}
    decide(keep.id, other.id, "same", by)
    db.session.flush()
    db.session.expire_all()
    return found


def lock_people(*people: Person) -> None:
    """Let nobody else merge or write about these people until the end of the transaction. Merges
    are rare: one at a time is enough, and two cannot wait for each other."""
    db.session.flush()
    if db.engine.dialect.name == "postgresql":
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    for person in sorted(people, key=lambda one: one.id):
        db.session.refresh(person, with_for_update=True)


def _check(keep: Person, other: Person, store_ids: Collection[int] | None) -> None:
    if keep.id == other.id:
        raise NotMergeable(_("This is one and the same person already."))
    if keep.merged_into_id or other.merged_into_id:
        raise NotMergeable(_("One of the two was joined with somebody already. Look at it again."))
    if keep.erased_at or other.erased_at:
        raise NotMergeable(_("The data of one of the two was erased."))
    check_sight((keep.id, other.id), store_ids)


def check_sight(person_ids: Collection[int], store_ids: Collection[int] | None) -> None:
    """Raise OutOfSight unless every lead of those people is in one of the stores."""
    if store_ids is None:
        return
    hidden = sa.or_(Lead.store_id.is_(None), Lead.store_id.not_in(store_ids))
    if db.session.scalar(sa.select(sa.exists().where(Lead.person_id.in_(person_ids), hidden))):
        raise OutOfSight(
            _("One of the two also has a lead in another store. Ask your manager to do it.")
        )


# ---- whatever points to a person or to a lead ----


def columns_to(table: str) -> dict[str, sa.Column[Any]]:
    """The columns that point to `table` ("person" or "lead") and move, by "table.column". What is
    unique stays where it is, unless somebody here said how it is put right first."""
    found = {}
    for one in db.metadata.sorted_tables:
        for column in one.columns:
            name = f"{one.name}.{column.name}"
            is_ours = any(key.target_fullname == f"{table}.id" for key in column.foreign_keys)
            if is_ours and name not in STAYS and (name in SETTLED_FIRST or not is_unique(column)):
                found[name] = column
    return found


def is_unique(column: sa.Column[Any]) -> bool:
    """Whether two rows of its table may clash in it, alone or together with others."""
    table = column.table
    assert isinstance(table, sa.Table)
    sets = [one.columns for one in table.constraints if isinstance(one, sa.UniqueConstraint)]
    sets += [index.columns for index in table.indexes if index.unique]
    return bool(column.unique or column.primary_key or any(column.name in one for one in sets))


def move_rows(
    column: sa.Column[Any], old: int, new: int, ids: Collection[Any] | None = None
) -> list[Any]:
    """Let the rows that point to `old` by `column` point to `new`, all of them or those of `ids`;
    the ids of those that did, in order."""
    table = column.table
    assert isinstance(table, sa.Table)
    (key,) = table.primary_key.columns
    pointing = sa.select(key).where(column == old).order_by(key)
    if ids is not None:
        pointing = pointing.where(key.in_(ids))
    found = list(db.session.scalars(pointing))
    if found:
        db.session.execute(sa.update(table).where(key.in_(found)).values({column.name: new}))
    return found


# ---- what must not be there twice ----


def _settle_leads(keep: Person, other: Person, by: str) -> list[Recipe]:
    """One open lead per department. Which of two leads stays: a real one before a suspicious one,
    one in somebody's hands before one in the queue, then the older."""
    open_leads = sa.select(Lead).where(
        Lead.person_id.in_((keep.id, other.id)), Lead.closed_at.is_(None)
    )
    by_department: dict[str, list[Lead]] = {}
    for lead in db.session.scalars(open_leads.order_by(Lead.id)):
        by_department.setdefault(lead.department, []).append(lead)
    settled = []
    for _name, leads in sorted(by_department.items()):
        if len(leads) > 1:
            stays, ends = sorted(leads, key=_claim)
            settled.append(fold_lead(ends, stays, by))
    return settled


def _claim(lead: Lead) -> tuple[Any, ...]:
    return lead.is_test, lead.is_suspect, lead.owner_id is None, lead.created_at, lead.id


def fold_lead(ends: Lead, stays: Lead, by: str) -> Recipe:
    """Let `ends` live on in `stays`, which somebody then answers if nobody had yet; the recipe."""
    is_open = ends.turn == Turn.OURS and ends.state in _ANSWERED_BY_NOBODY
    asked = db.session.scalars(
        sa.select(Enquiry).where(Enquiry.lead_id == ends.id).order_by(Enquiry.id.desc()).limit(1)
    ).first()
    due_at, urgency = ends.due_at, ends.urgency
    event = record(ends, "merged", by, into=stays.id)
    if is_open and asked is not None:
        if stays.state == Stage.WAITING:
            due_at = min(due_at, stays.due_at)
        echo = record(
            stays, "enquiry", by, enquiry_id=asked.id, is_first=False, urgency=urgency,
            due_at=due_at.isoformat(), lead_id=ends.id,
        )  # fmt: skip
    else:
        echo = record(stays, "absorbed", by, lead_id=ends.id)
    taken = [
        name
        for name in _LEAD_FIELDS
        if getattr(stays, name) is None and getattr(ends, name) is not None
    ]
    for name in taken:
        setattr(stays, name, getattr(ends, name))
    db.session.flush()
    moved = {
        name: ids
        for name, column in columns_to("lead").items()
        if (ids := move_rows(column, ends.id, stays.id))
    }
    return {"lead": ends.id, "into": stays.id, "event": event.id, "echo": echo.id,
            "fields": taken, "moved": moved}  # fmt: skip


def _settle_live(keep: Person, other: Person) -> dict[str, int]:
    """Of two live subscriptions to the same thing one ends: not the confirmed one."""
    live = db.session.scalars(
        sa.select(Subscription)
        .where(Subscription.person_id.in_((keep.id, other.id)), Subscription.ended_at.is_(None))
        .order_by(Subscription.id)
    )
    by_thing: dict[tuple[str, str], list[Subscription]] = {}
    for one in live:
        by_thing.setdefault((one.kind, one.about), []).append(one)
    ended = {}
    for twins in by_thing.values():
        if len(twins) > 1:
            stays, ends = sorted(
                twins, key=lambda one: (one.confirmed_at is None, one.person_id != keep.id)
            )
            ends.ended_at, ends.end_reason = now(), MERGED
            ended[str(ends.id)] = stays.id
    return ended
