"""How the queue is worked, in numbers for supervisors: why leads are lost, how old the open ones
are, whether turns are fair, what comes back, and what people asked of us about their data.

Each answer is one statement, however many leads; events that were undone do not count.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from core.clock import now
from core.db import db
from leads.figures import Window
from leads.inbox import within
from leads.models import Consent, Lead, LeadEvent, Mail, SubjectRequest
from leads.objections import StopEntry
from leads.pipeline.stages import UNDOING, Stage

AGES_DAYS: Final = (1, 3, 7, 30)  # the last bucket is older
# What is counted of how leads pass from hand to hand.
MOVES: Final = (
    "claimed", "assigned", "returned", "escalated", "taken_over", "reopened", "handoff_offered",
    "handoff_accepted", "handoff_refused", "handoff_expired", "given_back", "booked",
    "booking_cancelled", "visited", "no_show",
)  # fmt: skip


@dataclass(frozen=True)
class Share:
    """How the leads of one class were spread: by person, the gap between the largest and the
    smallest share, and Gini's coefficient (0: all the same, 1: one has all)."""

    urgency: int
    counts: Mapping[int, int]

    @property
    def gap(self) -> float:
        """Largest less smallest share, 0 to 1."""
        numbers, whole = self.counts.values(), sum(self.counts.values())
        return (max(numbers) - min(numbers)) / whole if whole else 0.0

    @property
    def gini(self) -> float:
        """Gini's coefficient of the counts."""
        return gini(list(self.counts.values()))


@dataclass(frozen=True)
class PrivacyRow:
    """What people decided about their data in a time, in the whole house."""

    consents_given: int
    consents_withdrawn: int
    stops: int
    mails_stopped: int
    requests_open: int


def gini(numbers: Sequence[int]) -> float:
    """Gini's coefficient: half the mean difference of all pairs, by the mean."""
    ordered, whole = sorted(numbers), sum(numbers)
    if not whole:
        return 0.0
    weighted = sum(place * number for place, number in enumerate(ordered, 1))
    return (2 * weighted) / (len(ordered) * whole) - (len(ordered) + 1) / len(ordered)


def losses(window: Window) -> list[tuple[str, int]]:
    """Why leads were lost in the time and still are, the most frequent reason first."""
    reason = sa.func.coalesce(LeadEvent.data["reason"].as_string(), "").label("why")
    count = sa.func.count(sa.distinct(LeadEvent.lead_id))
    rows = db.session.execute(
        _events(window, ("lost",), reason, count).where(Lead.state == Stage.LOST).group_by("why")
    )
    return sorted(((code, number) for code, number in rows), key=lambda row: (-row[1], row[0]))


def ageing(store_ids: Collection[int] | None) -> dict[str, list[int]]:
    """Open leads by stage: how many are up to each of `AGES_DAYS` old, and older."""
    moment = now()
    edges = [moment - timedelta(days=days) for days in AGES_DAYS]
    bucket = sa.case(
        *((Lead.created_at >= edge, place) for place, edge in enumerate(edges)),
        else_=len(edges),
    ).label("bucket")
    rows = db.session.execute(
        sa.select(Lead.state, bucket, sa.func.count())
        .where(Lead.closed_at.is_(None), Lead.is_suspect.is_(False), Lead.is_test.is_(False))
        .where(within(Lead.store_id, store_ids))
        .group_by(Lead.state, "bucket")
    )
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(edges) + 1))
    for state, place, count in rows:
        found[state][place] = count
    return dict(found)


def shares(window: Window) -> list[Share]:
    """Who got how many leads of each class, by turn or by taking the next one."""
    urgency = LeadEvent.data["urgency"].as_integer().label("class")
    owner = LeadEvent.data["owner_id"].as_integer().label("who")
    rows = db.session.execute(
        _events(window, ("claimed", "assigned"), urgency, owner, sa.func.count()).group_by(
            "class", "who"
        )
    )
    found: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for code, who, count in rows:
        if code is not None and who is not None:
            found[code][who] = count
    return [Share(code, counts) for code, counts in sorted(found.items())]


def moves(window: Window) -> Counter[tuple[str, str]]:
    """How often leads passed from hand to hand, by (kind of event, reason)."""
    reason = sa.func.coalesce(LeadEvent.data["reason"].as_string(), "").label("why")
    rows = db.session.execute(
        _events(window, MOVES, LeadEvent.kind, reason, sa.func.count()).group_by(
            LeadEvent.kind, "why"
        )
    )
    return Counter({(kind, code): count for kind, code, count in rows})


def of_kind(found: Mapping[tuple[str, str], int], kind: str) -> int:
    """How many of one kind, for whatever reason."""
    return sum(count for (name, _reason), count in found.items() if name == kind)


def rescued(window: Window) -> int:
    """Leads whose person did not come in the time, and who booked again or came later."""
    later = sa.orm.aliased(LeadEvent)
    came_back = sa.exists().where(
        later.lead_id == LeadEvent.lead_id,
        later.id > LeadEvent.id,
        later.kind.in_(["booked", "visited"]),
        later.id.not_in(_undone(window)),
    )
    count = sa.func.count(sa.distinct(LeadEvent.lead_id))
    return db.session.scalar(_events(window, ("no_show",), count).where(came_back)) or 0


def privacy(window: Window) -> PrivacyRow:
    """Consents, objections, what was held back for them, and requests that wait: of the whole
    house, since people belong to no store. One statement."""

    def number_of(at: Any, *where: sa.ColumnElement[bool]) -> Any:
        in_time = sa.and_(at >= window.since, at < window.until)
        return sa.select(sa.func.count()).where(in_time, *where).scalar_subquery()

    waiting = sa.select(sa.func.count()).where(
        SubjectRequest.state == "open", SubjectRequest.confirmed_at.is_not(None)
    )
    row = db.session.execute(
        sa.select(
            number_of(Consent.at, Consent.is_given.is_(True)),
            number_of(Consent.at, Consent.is_given.is_(False)),
            number_of(StopEntry.at),
            number_of(Mail.created_at, Mail.state == "stopped"),
            waiting.scalar_subquery(),
        )
    ).one()
    return PrivacyRow(*row)


def _events(window: Window, kinds: Collection[str], *columns: Any) -> sa.Select[Any]:
    """`columns` of the events of these kinds that happened in `window` to real leads."""
    return (
        sa.select(*columns)
        .select_from(LeadEvent)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(LeadEvent.kind.in_(kinds), window.holds(LeadEvent.at, Lead.store_id))
        .where(
            Lead.is_test.is_(False),
            Lead.is_suspect.is_(False),
            LeadEvent.id.not_in(_undone(window)),
        )
    )


def _undone(window: Window) -> sa.Select[Any]:
    """The ids of events that were taken back since `window` began."""
    undoing = sa.orm.aliased(LeadEvent)
    number = undoing.data["undoes"].as_integer()
    return sa.select(number).where(
        undoing.kind.in_(UNDOING), undoing.at >= window.since, number.is_not(None)
    )
