"""From what happens to leads to who is told of it: the log is walked, the promises are looked at.

Whoever makes things happen is asked for nothing, so a process killed right after its commit costs
nobody a notice. Each turn looks at the newest stretch again: PostgreSQL gives out numbers before
the commit, so a later one may be seen first, and who comes on shift a minute later hears of what
still waits. What was told is told once all the same (`dealership.notices.notify`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import format_time, ngettext
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import DEFAULT_ZONE, now
from core.db import Model, db, writing
from dealership.attendants import Attendant, attendants
from dealership.identity import identity
from dealership.notices import Kind, Notice, notify
from dealership.staff import StaffMember
from leads.models import Appointment, Lead, LeadEvent
from leads.pipeline.queue import supervisors
from leads.pipeline.rules import QueueRules, rules_at
from leads.pipeline.stages import Stage, Turn, Urgency
from leads.shopper import seems_real

DESK: Final = "/admin/atendimento/"
AT_ONCE: Final = 300  # events in one turn; the next one, seconds later, goes on
LOOK_BACK: Final = 200  # events
FRESH: Final = timedelta(minutes=10)  # of what is looked at again
TOLD_LATELY: Final = timedelta(hours=1)
SOON_SHARE: Final = 0.2  # of the promised time is left: it is almost over
SUMMARY_HOUR: Final = 6  # no summary of the day before
_OWNING: Final = ("claimed", "assigned", "taken_over")


class NoticeCursor(Model):
    """Up to which event of the log staff were told: one row."""

    __tablename__ = "notice_cursor"

    id: Mapped[int] = mapped_column(primary_key=True)
    lead_event_seen: Mapped[int]


@dataclass(frozen=True)
class Telling:
    """One thing to be told to several. `key` as for `notify`."""

    kind: Kind
    staff_ids: Collection[int]
    key: str
    lead: Lead
    since: datetime


@dataclass
class _House:
    """Who is there and how the queue works, read once a turn and only if somebody asks."""

    moment: datetime

    @cached_property
    def told(self) -> dict[str, set[str]]:
        """What was told lately, the kinds by the key: who should hear of it is not worked out
        again."""
        lately = Notice.at >= self.moment - TOLD_LATELY
        told: dict[str, set[str]] = {}
        for row in db.session.scalars(sa.select(Notice.key).where(lately)):
            kind, _colon, key = row.partition(":")
            told.setdefault(key, set()).add(kind)
        return told

    @cached_property
    def people(self) -> list[Attendant]:
        return attendants(self.moment)

    @cached_property
    def rules(self) -> QueueRules:
        return rules_at(self.moment)

    def in_turn(self, lead: Lead) -> list[int]:
        """Who could take a lead that waits: those on shift at the desk, or if nobody is there,
        those on shift. Nobody where leads are handed out."""
        if self.rules.mode == "push":
            return []
        able = [
            one
            for one in self.people
            if (one.takes_leads or one.stands_in_for)
            and one.is_on_shift
            and not one.is_paused
            and one.serves(lead.store_id, lead.department)
        ]
        return [one.staff_id for one in able if one.is_present] or [one.staff_id for one in able]


def tell_staff(_payload: Any = None) -> None:
    """Job: one turn. Only reads where nothing happened."""
    moment = now()
    house = _House(moment)
    seen = db.session.scalar(sa.select(NoticeCursor.lead_event_seen))
    newest = db.session.scalar(sa.select(sa.func.max(LeadEvent.id))) or 0
    rows, until = _happened(seen, newest, moment)
    tellings = [*_of_events(rows, house), *_almost_over(house)]
    if not tellings and seen == until:
        return
    with writing():
        _keep(until)
        for one in tellings:
            notify(
                one.kind,
                one.staff_ids,
                key=one.key,
                path=f"{DESK}{one.lead.id}/" if one.kind is not Kind.WAITING else DESK,
                subject=f"lead:{one.lead.id}",
                store_id=one.lead.store_id,
                since=one.since,
            )


Rows = Sequence[sa.Row[LeadEvent, Lead]]


def _happened(seen: int | None, newest: int, moment: datetime) -> tuple[Rows, int]:
    """The events to look at with their leads, oldest first, and up to which one that is. The first
    time ever the past is not told."""
    # SQLite gives the numbers of deleted rows to the next ones.
    start = newest if seen is None else min(seen, newest)
    is_fresh = sa.and_(
        LeadEvent.id > start - LOOK_BACK,
        LeadEvent.at >= moment - FRESH,
        Lead.updated_at >= moment - FRESH,
    )
    rows = db.session.execute(
        sa.select(LeadEvent, Lead)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(
            LeadEvent.kind.in_(_TOLD),
            LeadEvent.id <= newest,
            sa.or_(LeadEvent.id > start, is_fresh),
            Lead.is_suspect.is_(False),
            seems_real(),
            Lead.closed_at.is_(None),
        )
        .order_by(LeadEvent.id)
        .limit(AT_ONCE + LOOK_BACK)
    ).all()
    is_full = len(rows) == AT_ONCE + LOOK_BACK
    return rows, rows[-1][0].id if is_full else newest


def _keep(until: int) -> None:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    db.session.execute(
        insert(NoticeCursor)
        .values(id=1, lead_event_seen=until)
        .on_conflict_do_update(index_elements=["id"], set_={"lead_event_seen": until})
    )


# --- what happened -------------------------------------------------------------------------------

Heard = Iterable[tuple[Kind, Collection[int]]]


def _of_events(rows: Rows, house: _House) -> Iterable[Telling]:
    for event, lead in rows:
        # With the time: on SQLite a number may have been another event's.
        key = f"{event.id}:{int(event.at.timestamp())}"
        known = house.told.get(key, set())
        # Who lost it hears that at once; that it waits, whoever comes a minute later as well.
        if known - {Kind.TAKEN_BACK}:
            continue
        for kind, staff_ids in _TOLD[event.kind](event, lead, house):
            if staff_ids and kind not in known:
                yield Telling(kind, staff_ids, key, lead, event.at)


def _asked(event: LeadEvent, lead: Lead, house: _House) -> Heard:
    """Somebody asks: whose lead it is hears that, or while it waits, who could take it."""
    if lead.state == Stage.WAITING:
        yield Kind.WAITING, house.in_turn(lead)
    elif lead.owner_id and not event.data.get("is_first"):
        yield Kind.REPLIED, [lead.owner_id]


def _arrived(event: LeadEvent, lead: Lead, _house: _House) -> Heard:
    """Their customer stands at the door: who has the lead, and who attends it beside a seller,
    unless they noted it themselves."""
    ids = {lead.owner_id, lead.seller_id} - {None}
    mine = [one for one in ids if one and not _is_by(event, one)]
    if mine:
        yield Kind.ARRIVED, mine


def _is_by(event: LeadEvent, staff_id: int) -> bool:
    person = db.session.get(StaffMember, staff_id)
    return person is not None and person.email == event.actor


def _given(event: LeadEvent, lead: Lead, _house: _House) -> Heard:
    """Who was given a lead hears it, unless they took it themselves."""
    owner = db.session.get(StaffMember, event.data.get("owner_id") or 0)
    if owner is not None and lead.owner_id == owner.id and event.actor != owner.email:
        yield Kind.HANDED, [owner.id]


def _returned(event: LeadEvent, lead: Lead, house: _House) -> Heard:
    """It waits again: for others first of all; who let the time run out hears that it is gone."""
    if lead.state != Stage.WAITING:
        return
    had_it = _owner_before(event)
    yield Kind.WAITING, [one for one in house.in_turn(lead) if one != had_it]
    if had_it and event.data.get("reason") == "timer":
        yield Kind.TAKEN_BACK, [had_it]


def _owner_before(event: LeadEvent) -> int | None:
    return db.session.scalars(
        sa.select(LeadEvent.data["owner_id"].as_integer())
        .where(LeadEvent.lead_id == event.lead_id, LeadEvent.id < event.id)
        .where(LeadEvent.kind.in_(_OWNING))
        .order_by(LeadEvent.id.desc())
        .limit(1)
    ).first()


def _offered(_event: LeadEvent, lead: Lead, _house: _House) -> Heard:
    if lead.state == Stage.OFFERED and lead.seller_id:
        yield Kind.OFFERED, [lead.seller_id]


def _escalated(_event: LeadEvent, lead: Lead, _house: _House) -> Heard:
    if lead.turn == Turn.SUPERVISOR:
        yield Kind.ESCALATED, [one.id for one in supervisors(lead.store_id)]


_TOLD: Final[Mapping[str, Callable[[LeadEvent, Lead, _House], Heard]]] = {
    "enquiry": _asked,
    "cleared": _asked,
    "reopened": _asked,
    "woke": _asked,
    "reply": _asked,
    "line_turn": _asked,
    "visited": _arrived,
    "arrived": _arrived,
    "returned": _returned,
    "assigned": _given,
    "taken_over": _given,
    "handoff_offered": _offered,
    "escalated": _escalated,
}


# --- what is about to happen ---------------------------------------------------------------------


def _almost_over(house: _House) -> Iterable[Telling]:
    """Promises of a first answer of which a fifth of the time is left."""
    longest = max(house.rules.target(urgency).minutes for urgency in Urgency)
    leads = db.session.scalars(
        sa.select(Lead)
        .where(
            Lead.closed_at.is_(None),
            Lead.state.in_([Stage.WAITING, Stage.ASSIGNED]),
            Lead.first_contact_at.is_(None),
            Lead.turn == Turn.OURS,
            Lead.is_suspect.is_(False),
            seems_real(),
            Lead.due_at > house.moment,
            Lead.due_at <= house.moment + timedelta(minutes=longest * SOON_SHARE),
        )
        .order_by(Lead.due_at, Lead.id)
        .limit(AT_ONCE)
    )
    for lead in leads:
        left = timedelta(minutes=house.rules.target(lead.urgency).minutes * SOON_SHARE)
        key = f"due:{lead.id}:{int(lead.due_at.timestamp())}"
        if key in house.told or lead.due_at - house.moment > left:
            continue
        if staff_ids := [lead.owner_id] if lead.owner_id else house.in_turn(lead):
            yield Telling(Kind.DUE, staff_ids, key, lead, lead.updated_at)


def tell_visits(_payload: Any = None) -> None:
    """Job: who is on shift hears once a day of the visits that are theirs."""
    moment = now()
    here = {one.staff_id for one in attendants(moment) if one.is_on_shift}
    zones = {store.id: store.zone for store in identity().stores}
    rows = db.session.execute(
        sa.select(Lead.owner_id, Appointment.store_id, Appointment.starts_at)
        .join(Lead, Lead.id == Appointment.lead_id)
        .where(
            Appointment.state == "booked",
            Appointment.starts_at >= moment,
            Appointment.starts_at < moment + timedelta(days=1),
            Lead.owner_id.in_(here),
            Lead.closed_at.is_(None),
        )
        .order_by(Appointment.starts_at, Appointment.id)
    ).all()
    visits: dict[int, list[datetime]] = {}
    for owner_id, store_id, starts_at in rows:
        zone = zones.get(store_id, DEFAULT_ZONE)
        local = moment.astimezone(zone)
        starts = starts_at.astimezone(zone)
        if starts.date() == local.date() and local.hour >= SUMMARY_HOUR and owner_id:
            visits.setdefault(owner_id, []).append(starts)
    _tell_visits(visits, moment)


def _tell_visits(visits: Mapping[int, list[datetime]], moment: datetime) -> None:
    recent = Notice.at >= moment - timedelta(days=1)
    rows = db.session.execute(
        sa.select(Notice.staff_id, Notice.key).where(Notice.kind == Kind.VISITS, recent)
    )
    told = {(staff_id, key) for staff_id, key in rows}
    for staff_id, starts in visits.items():
        key = f"{starts[0]:%Y-%m-%d}"
        if (staff_id, f"{Kind.VISITS}:{key}") in told:
            continue
        first = format_time(starts[0], "HH:mm", rebase=False)
        words = ngettext(
            "%(num)s visit, at %(first)s",
            "%(num)s visits, the first at %(first)s",
            len(starts),
            first=first,
        )
        with writing():
            notify(Kind.VISITS, [staff_id], key=key, path=DESK, words=words)


JOBS = {"tell_staff": tell_staff, "tell_visits": tell_visits}
