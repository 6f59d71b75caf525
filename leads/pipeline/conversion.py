"""What became of the leads that began in a time: who was reached, booked, came, got a proposal
and bought, by whatever they have in common.

A cohort is counted by when its leads began, not by when they bought: a young one still grows. Each
step is counted for itself (a sale without a booked visit is a sale), from events that stand and
contact that is proven. All groups come from one pass over the leads, in one statement.
"""

from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from core.clock import DEFAULT_ZONE
from core.db import db
from inventory.models import Vehicle
from leads.figures import HOUR, Window, hour_of
from leads.models import Lead, LeadEvent
from leads.pipeline.commissions import CONTACT
from leads.pipeline.stages import UNDOING, Stage
from leads.pipeline.standing import DECLARED

_LANDING: Final = "landing"
_NO_LEADS: Final = (Stage.DUPLICATE, Stage.INVALID)
# Step of the way: the kinds of events that say so.
_KINDS: Final[Mapping[str, Collection[str]]] = {
    "booked": ("booked",),
    "shown": ("visited",),
    "proposal": ("proposal_sent", "reserved"),
}


class By(StrEnum):
    """What leads are grouped by."""

    SOURCE = "source"
    CAMPAIGN = "campaign"
    PAGE = "page"  # the landing page, for those that came by one
    MODEL = "model"  # the id of the car's model
    ATTENDANT = "attendant"  # the id of who attended
    HOUR = "hour"  # of their birth, in UTC, and their store


@dataclass(frozen=True)
class Steps:
    """How many leads there were, and how many got so far."""

    leads: int = 0
    contacted: int = 0
    booked: int = 0
    shown: int = 0
    proposal: int = 0
    won: int = 0

    def __add__(self, other: "Steps") -> "Steps":
        return Steps(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))


NOTHING: Final = Steps()
Groups = Mapping[str, Steps]


def conversion(window: Window, by: Collection[By] = tuple(By)) -> Mapping[By, Groups]:
    """The steps of the leads that began in `window`, by each of `by` and its values (empty: has
    none). One statement."""
    cohort = _cohort(window)
    counts = [sa.func.count(), *(sa.func.sum(cohort.c[name]) for name in _FLAGS)]
    parts = [
        sa.select(sa.literal(one.value), cohort.c[one.value], *counts).group_by(cohort.c[one.value])
        for one in by
    ]
    found: dict[By, dict[str, Steps]] = {one: {} for one in by}
    for which, value, *numbers in db.session.execute(sa.union_all(*parts)):
        found[By(which)][value or ""] = Steps(*(int(number or 0) for number in numbers))
    return found


def total(groups: Groups) -> Steps:
    """All groups of one kind together."""
    return sum(groups.values(), NOTHING)


def by_week(hours: Groups, zones: Mapping[int, ZoneInfo]) -> dict[date, Steps]:
    """The cohorts of each week (its Monday) by the clock of their store, of the groups by hour."""
    found: dict[date, Steps] = {}
    for text, steps in hours.items():
        local = _local(text, zones)
        monday = local.date() - timedelta(days=local.weekday())
        found[monday] = found.get(monday, NOTHING) + steps
    return dict(sorted(found.items()))


def by_weekday_hour(hours: Groups, zones: Mapping[int, ZoneInfo]) -> dict[tuple[int, int], Steps]:
    """By weekday (Monday is 0) and hour of birth by the clock of their store."""
    found: dict[tuple[int, int], Steps] = {}
    for text, steps in hours.items():
        local = _local(text, zones)
        place = local.weekday(), local.hour
        found[place] = found.get(place, NOTHING) + steps
    return found


def _local(text: str, zones: Mapping[int, ZoneInfo]) -> datetime:
    hour, _bar, store_id = text.partition("|")
    zone = zones.get(int(store_id or 0), DEFAULT_ZONE)
    return datetime.strptime(hour, HOUR).replace(tzinfo=UTC).astimezone(zone)


_FLAGS: Final = ("contacted", *_KINDS, "won")


def _cohort(window: Window) -> sa.CTE:
    """One row per lead: what it is grouped by, and which steps it took."""
    is_lead = sa.and_(window.leads(), Lead.state.not_in(_NO_LEADS))
    steps = _steps(window, is_lead)
    text = sa.String()
    store = sa.func.coalesce(sa.cast(Lead.store_id, text), "")
    flags = [sa.func.coalesce(steps.c[name], 0).label(name) for name in ("contacted", *_KINDS)]
    return (
        sa.select(
            Lead.source.label(By.SOURCE),
            Lead.source_ref.label(By.CAMPAIGN),
            sa.case((Lead.source == _LANDING, Lead.source_ref), else_="").label(By.PAGE),
            sa.cast(Vehicle.car_model_id, text).label(By.MODEL),
            sa.cast(Lead.attendant_id, text).label(By.ATTENDANT),
            (hour_of(Lead.created_at) + "|" + store).label(By.HOUR),
            *flags,
            sa.case((Lead.state == Stage.WON, 1), else_=0).label("won"),
        )
        .select_from(Lead)
        .outerjoin(steps, steps.c.lead_id == Lead.id)
        .outerjoin(Vehicle, Vehicle.id == Lead.vehicle_id)
        .where(is_lead)
        .cte("cohort")
    )


def _steps(window: Window, is_lead: sa.ColumnElement[bool]) -> sa.Subquery:
    """Per lead which kinds of events it has: those before its birth cannot be, so that the events
    of the time are enough."""
    undone = sa.select(LeadEvent.data["undoes"].as_integer()).where(
        LeadEvent.kind.in_(UNDOING),
        LeadEvent.at >= window.since,
        LeadEvent.data["undoes"].as_integer().is_not(None),
    )
    grade = sa.func.coalesce(LeadEvent.data["grade"].as_string(), "")
    is_contact = sa.and_(LeadEvent.kind.in_(CONTACT), grade != DECLARED)
    flags: list[sa.Label[Any]] = [sa.func.max(sa.case((is_contact, 1), else_=0)).label("contacted")]
    flags += [
        sa.func.max(sa.case((LeadEvent.kind.in_(kinds), 1), else_=0)).label(name)
        for name, kinds in _KINDS.items()
    ]
    wanted = [*CONTACT, *(kind for kinds in _KINDS.values() for kind in kinds)]
    return (
        sa.select(LeadEvent.lead_id, *flags)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(LeadEvent.kind.in_(wanted), LeadEvent.at >= window.since, is_lead)
        .where(LeadEvent.id.not_in(undone))
        .group_by(LeadEvent.lead_id)
        .subquery()
    )
