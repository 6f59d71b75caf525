"""A few conversations of each week, looked at by a supervisor: which ones, on what card, with what
to learn from it.

The sample is drawn, not chosen: leads are put in the order of a keyed hash of week and lead, and
the first ones are taken. So nobody can pick or foresee them, and anybody who asks gets the same
list again. What was merged, erased or was only a test is not shown. Whose work it was reads the
judgement and may answer it.

DomainError
└── QualityRefused      a card that says nothing, or a judgement that cannot be
"""

import hashlib
import hmac
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from core.clock import DEFAULT_ZONE, now, today
from core.config import current
from core.db import Model, UtcDateTime, db, writing
from core.errors import DomainError
from core.text import clean_line, clean_text
from dealership.staff import StaffMember
from leads.inbox import within
from leads.models import Lead, LeadEvent
from leads.pipeline.commissions import CONTACT
from leads.pipeline.log import record
from leads.pipeline.stages import Stage
from leads.pipeline.standing import DECLARED

LOST: Final = "lost"
TALK: Final = "talk"
MOST_POINTS: Final = 2  # 0 no, 1 partly, 2 yes; a question that does not apply has none
MOST_CRITERIA: Final = 10
LONGEST: Final = 1000  # characters of a comment or an answer
WEAK_PERCENT: Final = 60  # below it somebody is helped
FEWEST: Final = 3  # judged conversations before one speaks of a weakness
EXAMPLES: Final = 3
WEEKS_BACK: Final = 12  # that the coaching list looks at
MOST_READ: Final = 2_000
_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
_GONE: Final = (Stage.DUPLICATE, Stage.ERASED, Stage.INVALID)
_CODE: Final = re.compile(r"[a-z0-9_]{1,20}")

Percent = Annotated[int, Field(ge=0, le=100)]
# Our own questions in words; one that a supervisor adds brings its own.
QUESTIONS: Final[Mapping[str, Any]] = {
    "named": _l("Called the person by name"),
    "car": _l("Spoke of the right car"),
    "answered": _l("Answered what was asked"),
    "next_step": _l("Agreed on a next step"),
    "tone": _l("Friendly and clear"),
}


class QualityRefused(DomainError):
    """A card that says nothing, or a judgement that cannot be; the sentence says why."""


class Criterion(BaseModel):
    """One question of the card. `words` are empty for ours (`QUESTIONS`)."""

    model_config = ConfigDict(frozen=True)

    code: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,20}$")]
    words: Annotated[str, Field(max_length=80)] = ""
    weight: Annotated[int, Field(ge=1, le=10)] = 1

    @property
    def question(self) -> str:
        """What is asked, in words."""
        return self.words or str(QUESTIONS.get(self.code, self.code))


class QualityRules(BaseModel):
    """How many are looked at, and by which card."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    lost_percent: Percent = 10  # of the week's lost leads, rounded up
    talks_each: Annotated[int, Field(ge=0, le=20)] = 2  # conversations of each attendant
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1, max_length=MOST_CRITERIA)] = (
        Criterion(code="named", weight=1),
        Criterion(code="car", weight=2),
        Criterion(code="answered", weight=3),
        Criterion(code="next_step", weight=3),
        Criterion(code="tone", weight=1),
    )


class QualityRulesRow(Model):
    """A card and its numbers, from `since` on, until the next row."""

    __tablename__ = "quality_rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    by: Mapped[str] = mapped_column(sa.String(254), default="")
    rules: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class QualitySample(Model):
    """One lead that was drawn: place `place` of the `of` that could have been. `scores` keeps the
    card as it was: a list of code, words, weight and points (None: does not apply)."""

    __tablename__ = "quality_sample"
    __table_args__ = (sa.UniqueConstraint("lead_id", "week"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    week: Mapped[date] = mapped_column(sa.Date, index=True)  # its Monday
    kind: Mapped[str] = mapped_column(sa.String(8))  # lost, talk
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("lead.id", ondelete="CASCADE"))
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id", ondelete="CASCADE"), index=True)
    place: Mapped[int]
    of: Mapped[int]
    drawn_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    scores: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON, default=list)
    total: Mapped[int | None] = mapped_column(sa.SmallInteger)  # percent
    # Words may name the customer: the row goes when that person is erased (leads.erasure).
    comment: Mapped[str] = mapped_column(sa.Text, default="")
    is_example: Mapped[bool] = mapped_column(default=False)
    scored_by: Mapped[str] = mapped_column(sa.String(254), default="")
    scored_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reply: Mapped[str] = mapped_column(sa.Text, default="")
    replied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    lead: Mapped[Lead] = relationship()
    person: Mapped[StaffMember] = relationship()


@dataclass(frozen=True)
class Weakness:
    """What somebody is helped with: a question, how well they do in it (percent, of `judged`
    conversations), and the weakest examples."""

    staff_id: int
    code: str
    question: str
    percent: int
    judged: int
    examples: Sequence[QualitySample]


# --- the card --------------------------------------------------------------------------------


def quality_rules() -> QualityRules:
    """What holds now. One statement; the defaults where nobody changed anything."""
    row = db.session.scalars(
        sa.select(QualityRulesRow)
        .order_by(QualityRulesRow.since.desc(), QualityRulesRow.id.desc())
        .limit(1)
    ).first()
    return QualityRules.model_validate(row.rules) if row else QualityRules()


def set_quality_rules(
    lost_percent: int, talks_each: int, criteria: Sequence[Criterion], *, by: str
) -> QualityRules:
    """Let these hold from now on; what was judged keeps its card. Inside `writing()`. Raises
    QualityRefused."""
    if not criteria:
        raise QualityRefused(_("A card needs one question at least."))
    if len({one.code for one in criteria}) < len(criteria):
        raise QualityRefused(_("The same question stands there twice."))
    try:
        rules = QualityRules(
            lost_percent=lost_percent, talks_each=talks_each, criteria=tuple(criteria)
        )
    except ValidationError as error:
        raise QualityRefused(_("These numbers cannot be. Look at them again.")) from error
    db.session.add(QualityRulesRow(since=now(), by=by, rules=rules.model_dump()))
    db.session.flush()
    return rules


def new_code(words: str, taken: Collection[str]) -> str:
    """A code for a question that somebody adds: that of the same words is always the same."""
    found = "q_" + hashlib.sha256(clean_line(words, 80).casefold().encode()).hexdigest()[:10]
    if not _CODE.fullmatch(found) or found in taken:
        raise QualityRefused(_("The same question stands there twice."))
    return found


# --- drawing ---------------------------------------------------------------------------------


def week_of(day: date) -> date:
    """The Monday of the week of `day`."""
    return day - day.weekday() * _DAY


def draw(week: date) -> int:
    """Draw the sample of the week that begins on the Monday `week`, once; how many were drawn.
    Inside `writing()`. Two who draw at once draw the same."""
    drawn = sa.select(sa.func.count()).where(QualitySample.week == week)
    if db.session.scalar(drawn):
        return 0
    rules = quality_rules()
    start = datetime.combine(week, time(), tzinfo=DEFAULT_ZONE)
    people = {row.email: row.id for row in db.session.execute(
        sa.select(StaffMember.id, StaffMember.email).where(StaffMember.active))}  # fmt: skip
    lost = _lost(start, people)
    rows = _first_of(LOST, week, lost, -(-len(lost) * rules.lost_percent // 100))
    taken = {row["lead_id"] for row in rows}
    for staff_id, leads in sorted(_talks(start, people).items()):
        left = dict.fromkeys(leads - taken, staff_id)
        more = _first_of(TALK, week, left, rules.talks_each)
        taken |= {row["lead_id"] for row in more}
        rows += more
    if rows:
        insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
        db.session.execute(insert(QualitySample).on_conflict_do_nothing(), rows)
    return len(rows)


def _first_of(kind: str, week: date, leads: Mapping[int, int], count: int) -> list[dict[str, Any]]:
    """The first `count` of `leads` (id: whose work) in the drawn order."""
    order = sorted(leads, key=lambda lead_id: _rank(week, lead_id))
    return [
        {"week": week, "kind": kind, "lead_id": lead_id, "staff_id": leads[lead_id],
         "place": place, "of": len(order), "drawn_at": now(), "scores": [], "comment": "",
         "is_example": False, "scored_by": "", "reply": ""}
        for place, lead_id in enumerate(order[:count], 1)
    ]  # fmt: skip


def _rank(week: date, lead_id: int) -> bytes:
    key = str(current().secret_key).encode()
    return hmac.digest(key, f"quality:{week.isoformat()}:{lead_id}".encode(), "sha256")


def _lost(start: datetime, people: Mapping[str, int]) -> dict[int, int]:
    """Leads that were lost in the week and still are, each with who gave it up."""
    rows = db.session.execute(
        sa.select(LeadEvent.lead_id, LeadEvent.actor, Lead.attendant_id)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(LeadEvent.kind == "lost", LeadEvent.at >= start, LeadEvent.at < start + _WEEK)
        .where(Lead.state == Stage.LOST, _is_real())
        .order_by(LeadEvent.id)
    )
    active = set(people.values())
    found = {row.lead_id: people.get(row.actor, row.attendant_id) for row in rows}
    return {lead_id: who for lead_id, who in found.items() if who in active}


def _talks(start: datetime, people: Mapping[str, int]) -> dict[int, set[int]]:
    """By person the leads that they had proven contact with in the week."""
    grade = sa.func.coalesce(LeadEvent.data["grade"].as_string(), "")
    rows = db.session.execute(
        sa.select(LeadEvent.actor, LeadEvent.lead_id)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(LeadEvent.kind.in_([*CONTACT, "human_contact"]))
        .where(LeadEvent.at >= start, LeadEvent.at < start + _WEEK, grade != DECLARED)
        .where(Lead.state.not_in(_GONE), _is_real())
        .distinct()
    )
    found: defaultdict[int, set[int]] = defaultdict(set)
    for actor, lead_id in rows:
        if actor in people:
            found[people[actor]].add(lead_id)
    return found


def _is_real() -> sa.ColumnElement[bool]:
    return sa.and_(Lead.is_test.is_(False), Lead.is_suspect.is_(False))


def draw_samples(_payload: dict[str, Any]) -> None:
    """Job: draw the week that is over, if that was not done."""
    with writing():
        draw(week_of(today()) - _WEEK)


# --- judging ---------------------------------------------------------------------------------


def samples(store_ids: Collection[int] | None) -> sa.Select[QualitySample]:
    """What was drawn of leads in these stores (None: all) and can still be looked at, the newest
    week first."""
    return (
        sa.select(QualitySample)
        .join(QualitySample.lead)
        .options(contains_eager(QualitySample.lead))
        .where(_is_shown(store_ids))
        .order_by(QualitySample.week.desc(), QualitySample.kind, QualitySample.id)
    )


def _is_shown(store_ids: Collection[int] | None) -> sa.ColumnElement[bool]:
    return sa.and_(within(Lead.store_id, store_ids), Lead.state.not_in(_GONE), _is_real())


def unjudged(by: StaffMember) -> int:
    """How many wait for `by` to judge them. One statement."""
    waiting = (
        sa.select(sa.func.count(QualitySample.id))
        .join(QualitySample.lead)
        .where(_is_shown(by.store_ids), QualitySample.total.is_(None))
        .where(QualitySample.staff_id != by.id)
    )
    return db.session.scalar(waiting) or 0


def judge(
    sample: QualitySample,
    points: Mapping[str, int | None],
    comment: str,
    *,
    by: StaffMember,
    is_example: bool = False,
) -> None:
    """Judge `sample` by the card of today: points (0 to 2) by question, None where it does not
    apply. Judging again replaces it. Inside `writing()`. Raises QualityRefused."""
    if sample.staff_id == by.id:
        raise QualityRefused(_("This is your own work: a colleague judges it."))
    card = quality_rules().criteria
    given = [(one, points.get(one.code)) for one in card]
    counted = [(one.weight, worth) for one, worth in given if worth is not None]
    if not counted:
        raise QualityRefused(_("Answer one question at least."))
    if any(not 0 <= worth <= MOST_POINTS for _weight, worth in counted):
        raise QualityRefused(_("Choose from the list."))
    full = MOST_POINTS * sum(weight for weight, _worth in counted)
    sample.total = round(100 * sum(weight * worth for weight, worth in counted) / full)
    sample.scores = [
        {"code": one.code, "words": one.words, "weight": one.weight, "points": worth}
        for one, worth in given
    ]
    sample.comment = clean_text(comment, LONGEST)
    sample.is_example = is_example
    sample.scored_by, sample.scored_at = by.email, now()
    db.session.flush()


def answer_back(sample: QualitySample, words: str, *, by: StaffMember) -> None:
    """What whose work it was says to the judgement; a later answer replaces it. Inside `writing()`.
    Raises QualityRefused."""
    text = clean_text(words, LONGEST)
    if sample.staff_id != by.id or sample.scored_at is None:
        raise QualityRefused(_("Only who was judged answers, once it is judged."))
    if not text:
        raise QualityRefused(_("Write the answer."))
    sample.reply, sample.replied_at = text, now()
    db.session.flush()


def reopen(sample: QualitySample, *, by: str) -> LeadEvent:
    """The lead was given up too soon: back into the queue. Inside `writing()`. Raises
    QualityRefused when it is not lost: a sale stays one, and so does a wish for no contact."""
    db.session.refresh(sample.lead, with_for_update={"of": Lead})
    if sample.lead.state != Stage.LOST:
        raise QualityRefused(_("This lead is not lost any more. Look at it again."))
    return record(sample.lead, "reopened", by, reason="sampled")


# --- what to learn from it -------------------------------------------------------------------


def judged_since(first: date, store_ids: Collection[int] | None) -> list[QualitySample]:
    """What was judged of the weeks from `first` on, the newest `MOST_READ`. One statement."""
    statement = samples(store_ids).where(
        QualitySample.week >= first, QualitySample.total.is_not(None)
    )
    return list(db.session.scalars(statement.limit(MOST_READ)))


def averages(judged: Sequence[QualitySample]) -> dict[int, tuple[int, int]]:
    """(mean percent, how many) by person."""
    totals: defaultdict[int, list[int]] = defaultdict(list)
    for one in judged:
        totals[one.staff_id].append(one.total or 0)
    return {who: (round(sum(own) / len(own)), len(own)) for who, own in totals.items()}


def weaknesses(judged: Sequence[QualitySample]) -> list[Weakness]:
    """Whom to help with what, the weakest first; nothing that rests on fewer than `FEWEST`."""
    points: defaultdict[tuple[int, str], list[tuple[int, QualitySample]]] = defaultdict(list)
    words: dict[str, str] = {}
    for sample in judged:
        for one in sample.scores:
            if one.get("points") is not None:
                points[sample.staff_id, one["code"]].append((one["points"], sample))
                criterion = Criterion(code=one["code"], words=one.get("words", ""))
                words.setdefault(one["code"], criterion.question)
    found = []
    for (staff_id, code), rows in points.items():
        percent = round(100 * sum(worth for worth, _one in rows) / (MOST_POINTS * len(rows)))
        if len(rows) >= FEWEST and percent < WEAK_PERCENT:
            worst = sorted(rows, key=lambda row: (row[0], -row[1].id))[:EXAMPLES]
            examples = [sample for _worth, sample in worst]
            found.append(Weakness(staff_id, code, words[code], percent, len(rows), examples))
    return sorted(found, key=lambda one: (one.percent, -one.judged, one.staff_id, one.code))


JOBS = {"draw_samples": draw_samples}
