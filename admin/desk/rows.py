"""The desk's lists in words: who waits, what is mine, who is expected; a fixed number of
statements each.

Whoever waits in the queue is shown without name and contact until somebody takes the lead: nobody
picks by name, and data that nobody needs yet is nobody's to see (LGPD art. 6 III).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from flask_babel import format_timedelta
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload

from admin.stock_rows import LOADED, car_name
from core.clock import now
from core.db import db
from dealership.models import Store
from dealership.staff import StaffMember
from inventory.models import Vehicle
from leads.models import Enquiry, Lead
from leads.notifications import kind_label
from leads.pipeline.queue import is_late, is_waiting, mine, waiting
from leads.pipeline.stages import Stage
from leads.words import NEXT_ACTIONS, URGENCIES, department_label, source_label, state_label

SHOWN: Final = 30  # of the queue; the rest is a number
MINE: Final = 100
COUNTED: Final = 500  # beyond, a count says "more than"
SOON: Final = 0.8  # of the time is gone: the ring turns
NEAR: Final = timedelta(hours=1)  # what is further ahead does not hurry


@dataclass(frozen=True)
class Ring:
    """Time left of a promise: `share` of it is gone (0 to 1), `words` say it."""

    share: float
    due_at: datetime
    began_at: datetime
    words: str

    @property
    def mood(self) -> str:
        if self.share >= 1:
            return "late"
        is_near = self.due_at - now() < NEAR
        return "soon" if self.share >= SOON and is_near else ""

    @property
    def dash(self) -> int:
        """The part of the ring that is drawn, of 100."""
        return max(0, round(100 * (1 - min(self.share, 1))))


@dataclass(frozen=True)
class Waiting:
    """One lead of the queue, masked."""

    lead: Lead
    kind: str
    store: str
    ring: Ring
    knows: str  # who attended the person before

    @property
    def is_free(self) -> bool:
        """Whether anybody may take it; else somebody has it who does not act."""
        return self.lead.state == Stage.WAITING

    @property
    def source(self) -> str:
        return source_label(self.lead.source)

    @property
    def urgency(self) -> str:
        return str(URGENCIES[self.lead.urgency])

    @property
    def department(self) -> str:
        return department_label(self.lead.department)


@dataclass(frozen=True)
class Mine:
    """One lead that is mine."""

    lead: Lead
    name: str
    car: str
    ring: Ring

    @property
    def stage(self) -> str:
        return state_label(self.lead.state)

    @property
    def next_action(self) -> str:
        return str(NEXT_ACTIONS.get(self.lead.next_action, self.lead.next_action))


def ring_of(due_at: datetime, began_at: datetime, moment: datetime) -> Ring:
    """How much of the time from `began_at` to `due_at` is gone at `moment`."""
    whole = max((due_at - began_at).total_seconds(), 60.0)
    gone = (moment - began_at).total_seconds()
    words = format_timedelta(due_at - moment, add_direction=True, threshold=0.99)
    return Ring(max(0.0, gone / whole), due_at, began_at, words)


def waiting_rows(
    store_ids: Collection[int] | None, stores: Mapping[int, Store], *, limit: int = SHOWN
) -> list[Waiting]:
    """The queue of these stores, the next lead first. Three statements."""
    leads = db.session.scalars(waiting(store_ids).limit(limit)).all()
    kinds = first_kinds([one.id for one in leads])
    people = _names({one.attendant_id for one in leads if one.attendant_id})
    moment = now()
    return [
        Waiting(
            lead=one,
            kind=kind_label(kinds.get(one.id, "")),
            store=_store_name(stores, one),
            ring=ring_of(one.due_at, one.created_at, moment),
            knows=people.get(one.attendant_id or 0, ""),
        )
        for one in leads
    ]


def my_rows(staff_id: int) -> list[Mine]:
    """What is mine, the next action first. Two statements."""
    leads = (
        db.session.scalars(mine(staff_id).options(joinedload(Lead.person)).limit(MINE))
        .unique()
        .all()
    )
    cars = car_names({one.vehicle_id for one in leads if one.vehicle_id})
    moment = now()
    return [
        Mine(
            lead=one,
            name=one.person.name or _("Lead %(n)s", n=one.id),
            car=cars.get(one.vehicle_id or 0, ""),
            ring=ring_of(one.due_at, one.updated_at, moment),
        )
        for one in leads
    ]


def _store_name(stores: Mapping[int, Store], lead: Lead) -> str:
    store = stores.get(lead.store_id or 0)
    return store.name if store else ""


def count_waiting(store_ids: Collection[int] | None) -> int:
    """How many wait, `COUNTED` at most."""
    return _count(is_waiting(store_ids))


def late_rows(
    store_ids: Collection[int] | None, stores: Mapping[int, Store]
) -> tuple[list[Waiting], int]:
    """Those that nobody took in time, and how many they are."""
    chosen = sa.select(Lead).where(is_late(store_ids)).order_by(Lead.due_at, Lead.id).limit(SHOWN)
    leads = db.session.scalars(chosen).all()
    kinds = first_kinds([one.id for one in leads])
    moment = now()
    rows = [
        Waiting(
            lead=one,
            kind=kind_label(kinds.get(one.id, "")),
            store=_store_name(stores, one),
            ring=ring_of(one.due_at, one.created_at, moment),
            knows="",
        )
        for one in leads
    ]
    return rows, _count(is_late(store_ids))


def _count(condition: sa.ColumnElement[bool]) -> int:
    few = sa.select(Lead.id).where(condition).limit(COUNTED).subquery()
    return db.session.scalar(sa.select(sa.func.count()).select_from(few)) or 0


def car_names(ids: Collection[int]) -> dict[int, str]:
    """The names of these cars; no statement without any."""
    if not ids:
        return {}
    rows = db.session.scalars(sa.select(Vehicle).where(Vehicle.id.in_(ids)).options(*LOADED))
    return {vehicle.id: car_name(vehicle) for vehicle in rows}


def first_kinds(lead_ids: Sequence[int]) -> dict[int, str]:
    """What the first enquiry of each of these leads wanted."""
    first = (
        sa.select(sa.func.min(Enquiry.id))
        .where(Enquiry.lead_id.in_(lead_ids))
        .group_by(Enquiry.lead_id)
    )
    rows = db.session.execute(sa.select(Enquiry.lead_id, Enquiry.kind).where(Enquiry.id.in_(first)))
    return {row[0]: row[1] for row in rows if row[0]}


def _names(ids: Collection[int]) -> dict[int, str]:
    if not ids:
        return {}
    rows = db.session.scalars(sa.select(StaffMember).where(StaffMember.id.in_(ids)))
    return {one.id: one.shown_name for one in rows.unique()}
