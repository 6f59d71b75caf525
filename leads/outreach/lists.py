"""Lists with a cap, and rounds over them.

DomainError
└── ListRefused         it cannot be; the sentence says why
    ├── ListFull        the cap of its kind is reached
    └── AlreadyListed   it is on this list already (`entry_id`)
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now, today
from core.db import db
from core.errors import DomainError
from core.text import clean_line
from leads.inbox import within
from leads.models import Person
from leads.outreach.entries import record
from leads.outreach.models import (
    Company,
    OutreachEntry,
    OutreachList,
    OutreachRound,
    OutreachTouch,
)
from leads.outreach.stages import Stage, weighted_cents

LONGEST_ROUND: Final = timedelta(days=366)
FORGOTTEN_DAYS: Final = 30  # "still in mind": touched once a month


class Kind(StrEnum):
    """What a list is for."""

    ACCOUNTS = "accounts"  # the firms that one seller really works
    DREAMS = "dreams"  # whom we would love to have, some day
    CUSTOMERS = "customers"  # who bought before


# As many as one person can know by heart, or keep in mind; customers are as many as there are.
CAPS: Final[Mapping[Kind, int | None]] = {
    Kind.ACCOUNTS: 40,
    Kind.DREAMS: 100,
    Kind.CUSTOMERS: None,
}


class ListRefused(DomainError):
    """It cannot be; the sentence says why."""


class ListFull(ListRefused):
    """The cap of its kind is reached."""


class AlreadyListed(ListRefused):
    """It is on this list already."""

    def __init__(self, words: str, entry_id: int) -> None:
        super().__init__(words)
        self.entry_id = entry_id


@dataclass(frozen=True)
class Summary:
    """A list in numbers: live entries by stage, money in cents, the round that runs."""

    by_stage: Mapping[str, int]
    value_cents: int
    weighted_cents: int
    due: int  # next steps of today and before
    forgotten: int  # without contact for FORGOTTEN_DAYS
    round: OutreachRound | None
    touched: int  # of the round

    @property
    def total(self) -> int:
        return sum(self.by_stage.values())


LIVE: Final = OutreachEntry.ended_at.is_(None)


def make_list(
    name: str, kind: str, *, store_id: int, owner_id: int | None, by: str
) -> OutreachList:
    """A new list. Inside `writing()`. Raises ListRefused."""
    row = OutreachList(kind=_kind(kind).value, store_id=store_id, created_by=by)
    rename(row, name, owner_id)
    db.session.add(row)
    db.session.flush()
    return row


def rename(row: OutreachList, name: str, owner_id: int | None) -> None:
    """Another name, another owner. Inside `writing()`. Raises ListRefused."""
    line = clean_line(name, 80)
    if not line:
        raise ListRefused(_("Give the list a name."))
    row.name, row.owner_id = line, owner_id


def _kind(kind: str) -> Kind:
    try:
        return Kind(kind)
    except ValueError:
        raise ListRefused(_("Choose what the list is for.")) from None


def add_entry(
    row: OutreachList,
    next_facts: Mapping[str, Any],
    *,
    by: str,
    company: Company | None = None,
    person: Person | None = None,
    stage: Stage = Stage.COLD,
    at: datetime | None = None,
) -> OutreachEntry:
    """Put a company, with a person to talk to if known, or a person on the list. Inside
    `writing()`: the list is locked, so of two who add the last one at once the second is refused.

    `next_facts` are those of `entries.next_facts`. Raises ListRefused, ListFull, AlreadyListed.
    """
    lock(row)
    if row.archived_at is not None:
        raise ListRefused(_("This list is archived."))
    if company is None and (row.kind == Kind.ACCOUNTS or person is None):
        raise ListRefused(_("This list is of companies: say which one."))
    there = find_entry(row, company, person)
    if there is not None:
        raise AlreadyListed(_("It is on this list already."), there.id)
    check_room(row)
    entry = OutreachEntry(
        list_id=row.id, company=company, person=person, next_on=today(), next_step=""
    )
    entry.created_at = at or now()
    db.session.add(entry)
    db.session.flush()
    record(entry, "added", by, at=at or now(), stage=stage.value, **next_facts)
    return entry


def put_back(entry: OutreachEntry, next_facts: Mapping[str, Any], *, by: str) -> None:
    """An entry that left its list comes back, if there is room. Inside `writing()`."""
    lock(entry.list)
    there = find_entry(entry.list, entry.company, entry.person)
    if there is not None and there.id != entry.id:
        raise AlreadyListed(_("It is on this list already."), there.id)
    check_room(entry.list)
    record(entry, "returned", by, **next_facts)


def lock(row: OutreachList) -> None:
    """Let nobody else add to the list until the transaction ends."""
    db.session.flush()
    db.session.refresh(row, with_for_update={"of": OutreachList})


def check_room(row: OutreachList) -> None:
    """Raise ListFull when its cap is reached. The list is locked."""
    cap = CAPS[Kind(row.kind)]
    if cap is not None and count_live(row.id) >= cap:
        raise ListFull(
            _("The list is full: %(cap)s of %(cap)s. Take one off before you add another.", cap=cap)
        )


def count_live(list_id: int) -> int:
    """How many are on the list now."""
    live = sa.select(sa.func.count()).select_from(OutreachEntry)
    return db.session.scalar(live.where(OutreachEntry.list_id == list_id, LIVE)) or 0


def find_entry(
    row: OutreachList, company: Company | None, person: Person | None
) -> OutreachEntry | None:
    """The live entry of that company, or of that person without one."""
    if company is not None:
        mine = OutreachEntry.company_id == company.id
    else:
        who = person.id if person else None
        mine = sa.and_(OutreachEntry.company_id.is_(None), OutreachEntry.person_id == who)
    found = sa.select(OutreachEntry).where(OutreachEntry.list_id == row.id, LIVE, mine)
    return db.session.scalars(found.order_by(OutreachEntry.id).limit(1)).first()


# ---- rounds ----


def start_round(row: OutreachList, due_on: date | None) -> OutreachRound:
    """The next pass over the list, until `due_on`; the one before ends. Inside `writing()`.
    Raises ListRefused for a day that is over."""
    if due_on is None or not today() <= due_on <= today() + LONGEST_ROUND:
        raise ListRefused(_("Say until which day, from today on."))
    lock(row)
    running = live_round(row.id)
    if running is not None and running.started_at > now() - timedelta(seconds=10):
        return running  # a double click
    if running is not None:
        running.ended_at = now()
        db.session.flush()
    last = db.session.scalar(
        sa.select(sa.func.max(OutreachRound.number)).where(OutreachRound.list_id == row.id)
    )
    found = OutreachRound(list_id=row.id, number=(last or 0) + 1, due_on=due_on)
    db.session.add(found)
    db.session.flush()
    return found


def end_round(row: OutreachList) -> None:
    """The round is over. Inside `writing()`; twice is as once."""
    lock(row)
    running = live_round(row.id)
    if running is not None:
        running.ended_at = now()
        db.session.flush()


def live_round(list_id: int) -> OutreachRound | None:
    """The round that runs."""
    return db.session.scalars(
        sa.select(OutreachRound).where(
            OutreachRound.list_id == list_id, OutreachRound.ended_at.is_(None)
        )
    ).one_or_none()


def had_turn(round_id: int) -> sa.ColumnElement[bool]:
    """Whether an entry had its turn in that round."""
    return sa.exists().where(
        OutreachTouch.round_id == round_id, OutreachTouch.entry_id == OutreachEntry.id
    )


# ---- looking ----


def lists_for(
    staff_id: int, store_ids: Collection[int] | None, *, sees_all: bool
) -> list[OutreachList]:
    """The lists that somebody works: their own, or with `sees_all` every one of their stores."""
    found = (
        sa.select(OutreachList)
        .where(OutreachList.archived_at.is_(None), within(OutreachList.store_id, store_ids))
        .options(sa.orm.joinedload(OutreachList.store), sa.orm.joinedload(OutreachList.owner))
        .order_by(OutreachList.name, OutreachList.id)
    )
    if not sees_all:
        found = found.where(OutreachList.owner_id == staff_id)
    return list(db.session.scalars(found).unique())


def steps_due(
    staff_id: int, store_ids: Collection[int] | None, *, sees_all: bool
) -> sa.Select[Any]:
    """Entries whose next step is of today or before: of one's own lists, and of those that nobody
    has with `sees_all`. A supervisor's list of things to do is not everybody's."""
    mine = OutreachList.owner_id == staff_id
    return (
        sa.select(OutreachEntry.id)
        .join(OutreachList, OutreachList.id == OutreachEntry.list_id)
        .where(
            OutreachList.archived_at.is_(None),
            within(OutreachList.store_id, store_ids),
            sa.or_(mine, OutreachList.owner_id.is_(None)) if sees_all else mine,
            LIVE,
            OutreachEntry.next_on <= today(),
        )
    )


def summaries(list_ids: Collection[int]) -> dict[int, Summary]:
    """Each list in numbers, in three statements however many there are."""
    month_ago = now() - timedelta(days=FORGOTTEN_DAYS)
    is_due = sa.case((OutreachEntry.next_on <= today(), 1), else_=0)
    last = sa.func.coalesce(OutreachEntry.touched_at, OutreachEntry.created_at)
    is_forgotten = sa.case((last < month_ago, 1), else_=0)
    counted = db.session.execute(
        sa.select(
            OutreachEntry.list_id,
            OutreachEntry.stage,
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(OutreachEntry.value_cents), 0),
            sa.func.sum(is_due),
            sa.func.sum(is_forgotten),
        )
        .where(OutreachEntry.list_id.in_(list_ids), LIVE)
        .group_by(OutreachEntry.list_id, OutreachEntry.stage)
    ).all()
    rounds = {
        one.list_id: one
        for one in db.session.scalars(
            sa.select(OutreachRound).where(
                OutreachRound.list_id.in_(list_ids), OutreachRound.ended_at.is_(None)
            )
        )
    }
    turns = {
        row[0]: row[1]
        for row in db.session.execute(
            sa.select(OutreachTouch.round_id, sa.func.count())
            .join(OutreachEntry, OutreachEntry.id == OutreachTouch.entry_id)
            .where(OutreachTouch.round_id.in_([one.id for one in rounds.values()]), LIVE)
            .group_by(OutreachTouch.round_id)
        )
    }
    found = {}
    for list_id in list_ids:
        mine = [row for row in counted if row[0] == list_id]
        running = rounds.get(list_id)
        found[list_id] = Summary(
            by_stage={row[1]: row[2] for row in mine},
            value_cents=sum(int(row[3]) for row in mine),
            weighted_cents=sum(weighted_cents(int(row[3]), row[1]) for row in mine),
            due=sum(int(row[4] or 0) for row in mine),
            forgotten=sum(int(row[5] or 0) for row in mine),
            round=running,
            touched=turns.get(running.id, 0) if running else 0,
        )
    return found
