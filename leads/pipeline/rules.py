"""How the queue works here: targets, limits, who gets the next lead. Each change is a dated row,
so that the past can be judged, and played again, by the rules of its day."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import sqlalchemy as sa
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime, db
from leads.pipeline.stages import Urgency

log = structlog.get_logger("vitrine.queue")
Minutes = Annotated[int, Field(ge=1, le=100_000)]


class Target(BaseModel):
    """Working minutes until something should be done, and until it is late."""

    model_config = ConfigDict(frozen=True)

    minutes: Minutes
    late: Minutes

    @model_validator(mode="after")
    def _late_comes_later(self) -> "Target":
        if self.late < self.minutes:
            raise ValueError("late must not come before the target")
        return self


def _target(minutes: int, late: int) -> Target:
    return Target(minutes=minutes, late=late)


class SpecialRule(BaseModel):
    """Leads of one kind go to some people first. `value` is what the kind asks for: a make's slug,
    a campaign's name, a price in reais; empty for the others."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["fleet", "adapted", "price", "make", "campaign", "captor"]
    value: Annotated[str, Field(max_length=120)] = ""
    people: Annotated[tuple[int, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _says_something(self) -> "SpecialRule":
        if self.kind in {"price", "make", "campaign"} and not self.value:
            raise ValueError("this kind needs a value")
        if self.kind == "price" and not (self.value.isascii() and self.value.isdigit()):
            raise ValueError("a price is whole reais")
        if self.kind != "captor" and not self.people:
            raise ValueError("name somebody")
        return self

    @property
    def cents(self) -> int:
        """The price from which the rule holds."""
        return int(self.value) * 100


class QueueRules(BaseModel):
    """The whole of what can be set. Minutes are the store's working minutes.

    The defaults: five minutes for somebody who calls or waits in a chat and for a fresh form (who
    answers first usually wins), half a day for who comes back; see the figures in the handbook.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    # "pull": whoever is free takes the next one. "push": the next one is handed out in turn.
    mode: Literal["pull", "push"] = "pull"
    urgent: Target = _target(5, 10)
    priority: Target = _target(5, 15)
    today: Target = _target(15, 60)
    rescue: Target = _target(240, 600)
    reply: Target = _target(10, 30)
    handoff: Target = _target(5, 15)
    outcome: Target = _target(30, 120)  # after the hour of a visit
    proposal: Target = _target(600, 1200)
    # The next step of a lead in work: past its date for so long it stands on the red list, then a
    # supervisor has it.
    overdue: Target = _target(60, 600)
    retry_minutes: Minutes = 120  # until the next try, when nobody says otherwise
    follow_minutes: Minutes = 600  # until we look again at who was answered: a working day
    turn_minutes: Minutes = 240  # a turn in the line for a car that was held
    most_returns: Annotated[int, Field(ge=1, le=20)] = 3  # then a supervisor has it
    reopen_days: Annotated[int, Field(ge=1, le=730)] = 90
    fair_days: Annotated[int, Field(ge=1, le=90)] = 7  # the window in which turns are counted
    special: Annotated[tuple[SpecialRule, ...], Field(max_length=20)] = ()  # the first that fits
    waiting_weight: Annotated[float, Field(ge=0, le=1)] = 0.3  # of a lead whose turn is not ours

    def target(self, urgency: int) -> Target:
        """The target for the first answer to a lead of this class."""
        return (self.urgent, self.priority, self.today, self.rescue)[Urgency(urgency)]


DEFAULTS: Final = QueueRules()


class QueueRulesRow(Model):
    """Rules that hold from `since` on, until the next row."""

    __tablename__ = "queue_rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    by: Mapped[str] = mapped_column(sa.String(254), default="")
    rules: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


def rules_at(moment: datetime | None = None) -> QueueRules:
    """The rules that hold at `moment`, or now. One statement. Rules that cannot be read are told
    to the log and count as the defaults: no lead waits for a setting."""
    row = db.session.scalars(
        sa.select(QueueRulesRow)
        .where(QueueRulesRow.since <= (moment or now()))
        .order_by(QueueRulesRow.since.desc(), QueueRulesRow.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return DEFAULTS
    try:
        return QueueRules.model_validate(row.rules)
    except ValidationError:
        log.error("queue_rules_unreadable", row_id=row.id)
        return DEFAULTS


def rules_history() -> list[QueueRulesRow]:
    """Every row there ever was, the newest first. One statement."""
    newest = QueueRulesRow.since.desc(), QueueRulesRow.id.desc()
    return list(db.session.scalars(sa.select(QueueRulesRow).order_by(*newest)))


def rules_of(history: Sequence[QueueRulesRow], moment: datetime) -> QueueRules:
    """`rules_at` from what `rules_history` read."""
    row = next((one for one in history if one.since <= moment), None)
    return QueueRules.model_validate(row.rules) if row else DEFAULTS


def set_rules(changed: Mapping[str, Any], *, by: str) -> QueueRules:
    """Let `changed` hold from now on, the rest as before. Inside `writing()`.

    Raises pydantic.ValidationError when a value makes no sense.
    """
    rules = QueueRules.model_validate({**rules_at().model_dump(), **changed})
    db.session.add(QueueRulesRow(since=now(), by=by, rules=rules.model_dump(mode="json")))
    db.session.flush()
    return rules
