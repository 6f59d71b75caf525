"""The team and its queue, now and over a time: what supervisors look at.

Answers are measured in the store's working time, from when somebody could have answered, and end
with proven contact only; who wrote at night is waited for twice, by their own clock and by ours,
and both are told.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db
from dealership.attendants import Attendant, attendants
from dealership.business_time import add_working, working_seconds
from leads.figures import Window
from leads.inbox import within
from leads.models import Lead, LeadEvent
from leads.pipeline.clocks import schedule_for
from leads.pipeline.rules import rules_at
from leads.pipeline.stages import Stage, Turn

MOST: Final = 3_000  # of a time's leads, the newest: more changes no median
BUCKETS: Final = (5, 15, 60, 24 * 60)  # working minutes until the first answer
TAKEN: Final = ("claimed", "assigned")
REACHED: Final = ("human_contact", "talked")


@dataclass(frozen=True)
class PersonNow:
    """One colleague at this moment. `oldest_due_at` is of what waits for them."""

    person: Attendant
    open: int
    ours: int  # where it is their turn
    late: int
    oldest_due_at: datetime | None
    taken_today: int
    reached_today: int


@dataclass(frozen=True)
class Wait:
    """One lead's way to its first answer: working minutes, None while there is none."""

    lead_id: int
    attendant_id: int | None
    working_minutes: float | None
    real_minutes: float | None
    is_won: bool


@dataclass(frozen=True)
class Bucket:
    """Leads whose first answer took up to `minutes` (None: longer, or never), and sales of them."""

    minutes: int | None
    leads: int
    won: int


@dataclass(frozen=True)
class Answers:
    """The first answers of some leads, in working minutes."""

    leads: int
    answered: int
    median: float | None
    slow: float | None  # nine in ten were quicker
    quick_share: float  # within five minutes, of all


def people_now(store_ids: Collection[int] | None, since: datetime) -> list[PersonNow]:
    """Everybody who works leads in these stores, busiest first. `since` begins their today."""
    people = attendants(now(), store_ids)
    ids = [one.staff_id for one in people]
    moment = now()
    is_late = sa.and_(Lead.due_at <= moment, Lead.turn == Turn.OURS)
    rows = {
        row.owner_id: row
        for row in db.session.execute(
            sa.select(
                Lead.owner_id,
                sa.func.count().label("open"),
                sa.func.sum(sa.case((Lead.turn == Turn.OURS, 1), else_=0)).label("ours"),
                sa.func.sum(sa.case((is_late, 1), else_=0)).label("late"),
                sa.func.min(Lead.due_at, type_=Lead.due_at.type).label("oldest"),
            )
            .where(Lead.owner_id.in_(ids), Lead.closed_at.is_(None), Lead.is_test.is_(False))
            .group_by(Lead.owner_id)
        )
    }
    done = _done_since(since, {one.email for one in people})
    found = [
        PersonNow(
            person=one,
            open=rows[one.staff_id].open if one.staff_id in rows else 0,
            ours=rows[one.staff_id].ours if one.staff_id in rows else 0,
            late=rows[one.staff_id].late if one.staff_id in rows else 0,
            oldest_due_at=rows[one.staff_id].oldest if one.staff_id in rows else None,
            taken_today=sum(done[one.email, kind] for kind in TAKEN),
            reached_today=sum(done[one.email, kind] for kind in REACHED),
        )
        for one in people
    ]
    return sorted(found, key=lambda one: (-one.ours, -one.open, one.person.name))


def _done_since(since: datetime, actors: Collection[str]) -> Counter[tuple[str, str]]:
    rows = db.session.execute(
        sa.select(LeadEvent.actor, LeadEvent.kind, sa.func.count())
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(LeadEvent.kind.in_([*TAKEN, *REACHED]), LeadEvent.at >= since)
        .where(Lead.is_test.is_(False))
        .where(LeadEvent.actor.in_(actors))
        .group_by(LeadEvent.actor, LeadEvent.kind)
    )
    return Counter({(actor, kind): count for actor, kind, count in rows})


def waiting_by_class(store_ids: Collection[int] | None) -> dict[int, tuple[int, int]]:
    """Per class how many wait, and how many of them past their promise."""
    is_late = sa.case((Lead.due_at <= now(), 1), else_=0)
    rows = db.session.execute(
        sa.select(Lead.urgency, sa.func.count(), sa.func.sum(is_late))
        .where(Lead.closed_at.is_(None), Lead.state == Stage.WAITING)
        .where(
            Lead.is_suspect.is_(False), Lead.is_test.is_(False), within(Lead.store_id, store_ids)
        )
        .group_by(Lead.urgency)
    )
    return {urgency: (count, late or 0) for urgency, count, late in rows}


def open_by_stage(store_ids: Collection[int] | None) -> dict[str, int]:
    """How many open leads stand in each stage."""
    rows = db.session.execute(
        sa.select(Lead.state, sa.func.count())
        .where(Lead.closed_at.is_(None), Lead.is_suspect.is_(False), Lead.is_test.is_(False))
        .where(within(Lead.store_id, store_ids))
        .group_by(Lead.state)
    )
    return {row.state: row[1] for row in rows}


def red_list(store_ids: Collection[int] | None, *, limit: int) -> sa.Select[Any]:
    """Leads whose next action is past by the rules' working minutes, oldest first: promised to
    somebody, and not kept. Two statements to find them, and the one returned."""
    moment, minutes = now(), rules_at().overdue.minutes
    late = (
        sa.select(Lead.id, Lead.store_id, Lead.due_at)
        .where(Lead.closed_at.is_(None), Lead.owner_id.is_not(None))
        .where(Lead.due_at <= moment - timedelta(minutes=minutes), Lead.is_suspect.is_(False))
        .where(within(Lead.store_id, store_ids))
        .order_by(Lead.due_at, Lead.id)
        .limit(MOST)
    )
    ids = [
        lead_id
        for lead_id, store_id, due_at in db.session.execute(late)
        if add_working(schedule_for(store_id), due_at, minutes) <= moment
    ]
    return (
        sa.select(Lead)
        .where(Lead.id.in_(ids[:limit]))
        .where(Lead.is_test.is_(False), within(Lead.store_id, store_ids))
        .order_by(Lead.due_at, Lead.id)
        .limit(limit)
    )


def without_owner_or_date() -> int:
    """How many open leads nobody would ever act on: always 0, or something is wrong."""
    lost = sa.and_(
        Lead.closed_at.is_(None),
        Lead.owner_id.is_(None),
        Lead.state.not_in([Stage.WAITING, Stage.NURTURE]),
    )
    return db.session.scalar(sa.select(sa.func.count()).select_from(Lead).where(lost)) or 0


def waits(window: Window) -> list[Wait]:
    """How long the people of the window waited for a first answer, the newest leads of it."""
    rows = db.session.execute(
        sa.select(
            Lead.id,
            Lead.attendant_id,
            Lead.store_id,
            Lead.created_at,
            Lead.first_contact_at,
            Lead.state,
        )
        .where(window.leads())
        .order_by(Lead.created_at.desc(), Lead.id.desc())
        .limit(MOST)
    )
    found = []
    for row in rows:
        worked = real = None
        if row.first_contact_at is not None:
            schedule = schedule_for(row.store_id)
            worked = working_seconds(schedule, row.created_at, row.first_contact_at) / 60
            real = max(0.0, (row.first_contact_at - row.created_at).total_seconds() / 60)
        found.append(Wait(row.id, row.attendant_id, worked, real, row.state == Stage.WON))
    return found


def answers(found: Sequence[Wait]) -> Answers:
    """The distribution of `found` in four figures."""
    minutes = sorted(one.working_minutes for one in found if one.working_minutes is not None)
    quick = sum(1 for one in minutes if one <= BUCKETS[0])
    return Answers(
        leads=len(found),
        answered=len(minutes),
        median=_percentile(minutes, 0.5),
        slow=_percentile(minutes, 0.9),
        quick_share=quick / len(found) if found else 0.0,
    )


def by_bucket(found: Sequence[Wait]) -> list[Bucket]:
    """Sales by how quick the first answer was: the store's own curve, with its sample sizes."""
    leads: Counter[int | None] = Counter()
    won: Counter[int | None] = Counter()
    for one in found:
        bucket = _bucket(one.working_minutes)
        leads[bucket] += 1
        won[bucket] += one.is_won
    return [Bucket(limit, leads[limit], won[limit]) for limit in (*BUCKETS, None)]


def by_attendant(found: Sequence[Wait]) -> Mapping[int, Answers]:
    """The first answers of everybody who attended any."""
    per: defaultdict[int, list[Wait]] = defaultdict(list)
    for one in found:
        if one.attendant_id is not None:
            per[one.attendant_id].append(one)
    return {staff_id: answers(waits) for staff_id, waits in per.items()}


def _bucket(minutes: float | None) -> int | None:
    if minutes is None:
        return None
    return next((limit for limit in BUCKETS if minutes <= limit), None)


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile."""
    if not ordered:
        return None
    return ordered[max(0, ceil(len(ordered) * share) - 1)]
