"""Goals: what is measured, how much of it, until when, for whom; and how far it is.

Only what brings people into the store is a measure. Tries and notes can be looked at
(`efforts`), never aimed at or paid: who is paid for dialling dials.

DomainError
└── GoalRefused     a goal that says nothing
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import DEFAULT_ZONE, now
from core.db import Model, UtcDateTime, db
from core.errors import DomainError
from core.text import clean_line
from dealership.business_time import add_working
from dealership.hours import Schedule
from dealership.roles import Role
from leads.inbox import within
from leads.models import Lead, LeadEvent
from leads.pipeline.clocks import schedule_for
from leads.pipeline.commissions import CONTACT, working_days
from leads.pipeline.rules import DEFAULTS, QueueRules, QueueRulesRow
from leads.pipeline.stages import UNDOING, Stage
from leads.pipeline.standing import DECLARED

LONGEST_DAYS: Final = 366
MOST: Final = 1_000_000
MOST_RAMP: Final = 12  # months
_NOT_COUNTED: Final = (Stage.DUPLICATE, Stage.INVALID)


class GoalRefused(DomainError):
    """A goal that says nothing; the words say why."""


class Measure(StrEnum):
    """What a goal may aim at. The values stand in `Goal.measure`."""

    ANSWERED = "answered"  # share of leads answered within the target of their class
    CONTACT = "contact"  # share of leads with two-way contact
    VISITS = "visits"  # leads whose person came
    HANDOFFS = "handoffs"  # leads that a seller accepted
    SALES = "sales"  # sales of leads that one attended or sold


SHARES: Final = frozenset({Measure.ANSWERED, Measure.CONTACT})  # in percent; the rest are counts
_KINDS: Final[Mapping[str, Measure]] = {
    "visited": Measure.VISITS,
    "handoff_accepted": Measure.HANDOFFS,
    "won": Measure.SALES,
}


class Scope(StrEnum):
    """Whose goal it is. Each may be narrowed to a store."""

    HOUSE = "house"
    TEAM = "team"  # everybody of a role
    PERSON = "person"
    CAMPAIGN = "campaign"


class Goal(Model):
    """A measure, how much of it (`target`: percent or a count), and from which day to which."""

    __tablename__ = "goal"

    id: Mapped[int] = mapped_column(primary_key=True)
    measure: Mapped[str] = mapped_column(sa.String(12))
    target: Mapped[int]
    first_day: Mapped[date] = mapped_column(sa.Date)
    last_day: Mapped[date] = mapped_column(sa.Date, index=True)
    scope: Mapped[str] = mapped_column(sa.String(12))
    store_id: Mapped[int | None] = mapped_column(sa.ForeignKey("store.id", ondelete="CASCADE"))
    staff_id: Mapped[int | None] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(sa.String(12), default="")
    campaign: Mapped[str] = mapped_column(sa.String(120), default="")  # Lead.source_ref
    # Percent of the target in somebody's first month, the second …; then all of it.
    ramp: Mapped[list[int]] = mapped_column(sa.JSON, default=list, server_default="[]")
    created_by: Mapped[str] = mapped_column(sa.String(254))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


@dataclass(frozen=True)
class Aim:
    """What a goal says, as it is typed."""

    measure: str
    target: int
    first_day: date
    last_day: date
    scope: str = Scope.HOUSE
    store_id: int | None = None
    staff_id: int | None = None
    role: str = ""
    campaign: str = ""
    ramp: tuple[int, ...] = ()  # see Goal.ramp; of a person's goal only


@dataclass(frozen=True)
class Birth:
    """A lead that came in. `is_answered` is None while there is still time."""

    day: date
    store_id: int | None
    campaign: str
    attendant_id: int | None
    is_answered: bool | None
    is_contacted: bool


@dataclass(frozen=True)
class Feat:
    """A visit, an accepted handoff or a sale, and who it is counted for."""

    measure: Measure
    day: date
    store_id: int | None
    campaign: str
    people: frozenset[int]


@dataclass(frozen=True)
class Progress:
    """How far a goal is. `value` is percent or a count, None while there is nothing to take a share
    of; `pace` what it should be by the end of `day`, `projection` where it ends if it goes on so;
    both by working days, of which `days_done` of `days` are begun."""

    value: int | None
    base: int  # leads of a share
    pace: int
    projection: int | None
    target: int
    days_done: int
    days: int

    @property
    def is_reached(self) -> bool:
        """Whether the target is met as of now."""
        return self.value is not None and self.value >= self.target

    @property
    def is_on_pace(self) -> bool:
        """Whether it is where it should be."""
        return self.is_reached or (self.value is not None and self.value >= self.pace)


def set_goal(aim: Aim, *, by: str, goal: Goal | None = None) -> Goal:
    """A new goal, or `goal` changed to `aim`. Inside `writing()`. Raises GoalRefused."""
    _check(aim)
    row = goal or Goal(created_by=by)
    row.measure, row.target = Measure(aim.measure).value, aim.target
    row.first_day, row.last_day = aim.first_day, aim.last_day
    row.scope, row.store_id = Scope(aim.scope).value, aim.store_id
    row.staff_id = aim.staff_id if aim.scope == Scope.PERSON else None
    row.role = aim.role if aim.scope == Scope.TEAM else ""
    row.campaign = clean_line(aim.campaign, 120) if aim.scope == Scope.CAMPAIGN else ""
    row.ramp = list(aim.ramp) if aim.scope == Scope.PERSON else []
    db.session.add(row)
    db.session.flush()
    return row


def _check(aim: Aim) -> None:
    if aim.measure not in set(Measure) or aim.scope not in set(Scope):
        raise GoalRefused(_("Choose what is measured and for whom."))
    most = 100 if aim.measure in SHARES else MOST
    if not 1 <= aim.target <= most:
        raise GoalRefused(_("Type a target from 1 to %(most)s.", most=most))
    if not 0 <= (aim.last_day - aim.first_day).days <= LONGEST_DAYS:
        raise GoalRefused(_("A goal lasts a day at least and a year at most."))
    if aim.scope == Scope.PERSON and aim.staff_id is None:
        raise GoalRefused(_("Choose whose goal it is."))
    if aim.scope == Scope.TEAM and aim.role not in {Role.ATTENDANT, Role.SELLER}:
        raise GoalRefused(_("Choose whose goal it is."))
    if len(aim.ramp) > MOST_RAMP or any(not 1 <= share <= 100 for share in aim.ramp):
        raise GoalRefused(
            _("A newcomer's months are shares from 1 to 100 percent, twelve at most.")
        )
    if aim.scope == Scope.CAMPAIGN and not clean_line(aim.campaign, 120):
        raise GoalRefused(_("Name the campaign."))


# --- how far: pure ---------------------------------------------------------------------------


def progress(
    goal: Goal,
    births: Iterable[Birth],
    feats: Iterable[Feat],
    schedule: Schedule,
    day: date,
    people: Collection[int] | None = None,
    *,
    started_on: date | None = None,
) -> Progress:
    """How far `goal` is by `day`, of leads of `people` (staff ids; None: everybody's); for somebody
    who began to work here on `started_on`, of what is asked of a newcomer."""
    done, base = _counted(goal, births, feats, people)
    target = ramped_target(goal, started_on, schedule)
    days = working_days(schedule, goal.first_day, goal.last_day)
    days_done = working_days(schedule, goal.first_day, min(day, goal.last_day))
    if goal.measure in SHARES:
        share = done * 100 // base if base else None
        return Progress(share, base, target, share, target, days_done, days)
    pace = target * days_done // days if days else target
    projection = done * days // days_done if days_done else None
    return Progress(done, done, pace, projection, target, days_done, days)


def ramped_target(goal: Goal, started_on: date | None, schedule: Schedule) -> int:
    """The target of `goal` for somebody whose first day was `started_on`: each working day asks for
    the share of its month since then. At least 1; the whole for who is no newcomer."""
    if not goal.ramp or started_on is None:
        return goal.target
    span = range((goal.last_day - goal.first_day).days + 1)
    days = [goal.first_day + timedelta(days=n) for n in span]
    open_days = [day for day in days if working_days(schedule, day, day)] or days
    percents = [_ramp_percent(goal.ramp, started_on, day) for day in open_days]
    return max(1, goal.target * sum(percents) // (100 * len(percents)))


def _ramp_percent(ramp: Sequence[int], started_on: date, day: date) -> int:
    """What is asked on `day`: nothing before the first one."""
    months = (day.year - started_on.year) * 12 + day.month - started_on.month
    months -= day.day < started_on.day
    if day < started_on:
        return 0
    return ramp[months] if months < len(ramp) else 100


def by_person(
    goal: Goal, births: Sequence[Birth], feats: Sequence[Feat], people: Iterable[int]
) -> dict[int, int | None]:
    """The goal's measure for each of `people`: percent or a count; None without leads."""
    found: dict[int, int | None] = {}
    for person in people:
        done, base = _counted(goal, births, feats, {person})
        found[person] = done if goal.measure not in SHARES else done * 100 // base if base else None
    return found


def _counted(
    goal: Goal, births: Iterable[Birth], feats: Iterable[Feat], people: Collection[int] | None
) -> tuple[int, int]:
    """(what counts, out of how many)."""
    if goal.measure not in SHARES:
        done = sum(
            one.measure == goal.measure
            and _is_of(goal, one)
            and (people is None or not one.people.isdisjoint(people))
            for one in feats
        )
        return done, done
    own = [
        one
        for one in births
        if _is_of(goal, one) and (people is None or one.attendant_id in people)
    ]
    if goal.measure == Measure.CONTACT:
        return sum(one.is_contacted for one in own), len(own)
    judged = [one.is_answered for one in own if one.is_answered is not None]
    return sum(judged), len(judged)


def _is_of(goal: Goal, one: Birth | Feat) -> bool:
    return (
        goal.first_day <= one.day <= goal.last_day
        and goal.store_id in (None, one.store_id)
        and (goal.scope != Scope.CAMPAIGN or goal.campaign == one.campaign)
    )


# --- what happened: read ---------------------------------------------------------------------


def goals_around(day: date, store_ids: Collection[int] | None) -> list[Goal]:
    """Goals that have begun or will, and those that ended in the month before `day`, of these
    stores (None: all goals); the latest end first. One statement."""
    own = sa.true() if store_ids is None else sa.or_(
        Goal.store_id.in_(store_ids), Goal.store_id.is_(None)
    )  # fmt: skip
    return list(
        db.session.scalars(
            sa.select(Goal)
            .where(Goal.last_day >= day - timedelta(days=31), own)
            .order_by(Goal.last_day.desc(), Goal.id)
        )
    )


def read_births(first: date, last: date) -> list[Birth]:
    """Leads that came in on these days, by the clock of their store. Two statements."""
    since, until = _span(first, last)
    contacted = (
        sa.exists()
        .where(LeadEvent.lead_id == Lead.id, LeadEvent.kind.in_(CONTACT))
        .where(sa.func.coalesce(LeadEvent.data["grade"].as_string(), "") != DECLARED)
    )
    rows = db.session.execute(
        sa.select(
            Lead.created_at, Lead.store_id, Lead.source_ref, Lead.attendant_id, Lead.urgency,
            Lead.first_contact_at, contacted.label("is_contacted"),
        )
        .where(Lead.created_at >= since, Lead.created_at < until, _is_real())
        .order_by(Lead.id)
    )  # fmt: skip
    rules = _RulesThen()
    found = []
    for row in rows:
        schedule = schedule_for(row.store_id)
        minutes = rules.at(row.created_at).target(row.urgency).minutes
        due = add_working(schedule, row.created_at, minutes)
        is_answered = (
            row.first_contact_at <= due
            if row.first_contact_at
            else (False if due < now() else None)
        )
        found.append(
            Birth(row.created_at.astimezone(schedule.zone).date(), row.store_id, row.source_ref,
                  row.attendant_id, is_answered, bool(row.is_contacted))
        )  # fmt: skip
    return found


def read_feats(first: date, last: date) -> list[Feat]:
    """Visits, accepted handoffs and sales of these days that stand, each once a lead. Two
    statements."""
    since, until = _span(first, last)
    undone = {
        data.get("undoes")
        for data in db.session.scalars(
            sa.select(LeadEvent.data).where(LeadEvent.kind.in_(UNDOING), LeadEvent.at >= since)
        )
    }
    rows = db.session.execute(
        sa.select(
            LeadEvent.id, LeadEvent.kind, LeadEvent.at, LeadEvent.lead_id,
            Lead.store_id, Lead.source_ref, Lead.attendant_id, Lead.seller_id, Lead.state,
        )
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(LeadEvent.kind.in_(_KINDS), LeadEvent.at >= since, LeadEvent.at < until, _is_real())
        .order_by(LeadEvent.id)
    )  # fmt: skip
    found: dict[tuple[str, int], Feat] = {}
    for row in rows:
        is_unsold = row.kind == "won" and row.state not in {Stage.WON, Stage.ERASED}
        if row.id in undone or is_unsold:
            continue
        both = {row.attendant_id, row.seller_id} if row.kind == "won" else {row.attendant_id}
        found[row.kind, row.lead_id] = Feat(
            _KINDS[row.kind], row.at.astimezone(schedule_for(row.store_id).zone).date(),
            row.store_id, row.source_ref, frozenset(one for one in both if one is not None),
        )  # fmt: skip
    return list(found.values())


def efforts(first: date, last: date, store_ids: Collection[int] | None) -> Counter[tuple[str, str]]:
    """Tries and notes by (actor, kind) on these days: to look at, not to aim at. One statement."""
    since, until = _span(first, last)
    rows = db.session.execute(
        sa.select(LeadEvent.actor, LeadEvent.kind, sa.func.count())
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(LeadEvent.kind.in_(["attempted", "note"]), LeadEvent.at >= since)
        .where(LeadEvent.at < until, within(Lead.store_id, store_ids), _is_real())
        .group_by(LeadEvent.actor, LeadEvent.kind)
    )
    return Counter({(actor, kind): count for actor, kind, count in rows})


def _is_real() -> sa.ColumnElement[bool]:
    return sa.and_(
        Lead.is_test.is_(False), Lead.is_suspect.is_(False), Lead.state.not_in(_NOT_COUNTED)
    )


def _span(first: date, last: date) -> tuple[datetime, datetime]:
    """From the begin of `first` to the end of `last` in every zone of Brazil."""
    since = datetime.combine(first, time(), tzinfo=DEFAULT_ZONE) - timedelta(hours=2)
    until = datetime.combine(last + timedelta(days=1), time(), tzinfo=DEFAULT_ZONE)
    return since, until + timedelta(hours=3)


class _RulesThen:
    """The rules of the queue at any moment, read once."""

    def __init__(self) -> None:
        rows = db.session.execute(
            sa.select(QueueRulesRow.since, QueueRulesRow.rules).order_by(
                QueueRulesRow.since, QueueRulesRow.id
            )
        ).all()
        self._since = [row.since for row in rows]
        self._rules = [QueueRules.model_validate(row.rules) for row in rows]

    def at(self, moment: datetime) -> QueueRules:
        place = bisect_right(self._since, moment)
        return self._rules[place - 1] if place else DEFAULTS
