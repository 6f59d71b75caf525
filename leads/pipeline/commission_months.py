"""Commissions as they are kept: the rules, the months that were closed, doubts about a line.

DomainError
└── PayRefused      a rule that says nothing, a month that cannot be closed, a doubt about no line
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import DEFAULT_ZONE, now, today
from core.db import Model, UtcDateTime, db
from core.errors import DomainError
from core.text import clean_line, clean_text
from dealership.staff import StaffMember
from leads.models import Lead, LeadEvent
from leads.pipeline.clocks import schedule_for
from leads.pipeline.commissions import (
    HUNDRED_PERCENT,
    PAID_EVENTS,
    Case,
    Deed,
    Line,
    Rule,
    Statement,
    read_statement,
    statements,
)
from leads.pipeline.stages import TRANSITIONS, UNDOING

LOOKS_BACK: Final = 3  # closed months whose lines are still corrected
MOST_CENTS: Final = 100_000_000
MOST_TIERS: Final = 10
_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


class PayRefused(DomainError):
    """It cannot be done; the words say why."""


class CommissionRule(Model):
    """A dated rule. Never changed, only ended: see `Rule` for what each says."""

    __tablename__ = "commission_rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    event_kind: Mapped[str] = mapped_column(sa.String(20))
    valid_from: Mapped[date] = mapped_column(sa.Date)
    valid_until: Mapped[date | None] = mapped_column(sa.Date)
    store_id: Mapped[int | None] = mapped_column(sa.ForeignKey("store.id", ondelete="CASCADE"))
    fixed_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    basis_points: Mapped[int | None]
    tiers: Mapped[list[list[int]]] = mapped_column(sa.JSON, default=list)
    attendant_percent: Mapped[int]
    cap_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    clawback_days: Mapped[int]
    needs_own_booking: Mapped[bool]
    needs_contact: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    created_by: Mapped[str] = mapped_column(sa.String(254))

    def facts(self) -> Rule:
        """As the computation takes it."""
        return Rule(
            id=self.id, name=self.name, event=self.event_kind, valid_from=self.valid_from,
            valid_until=self.valid_until, store_id=self.store_id, fixed_cents=self.fixed_cents,
            basis_points=self.basis_points, tiers=tuple((n, cents) for n, cents in self.tiers),
            attendant_percent=self.attendant_percent, cap_cents=self.cap_cents,
            clawback_days=self.clawback_days, needs_own_booking=self.needs_own_booking,
            needs_contact=self.needs_contact,
        )  # fmt: skip


class CommissionMonth(Model):
    """A month that is closed: its statements never change again."""

    __tablename__ = "commission_month"

    month: Mapped[str] = mapped_column(sa.String(7), primary_key=True)
    closed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    closed_by: Mapped[str] = mapped_column(sa.String(254))
    last_event_id: Mapped[int]  # what was known
    digest: Mapped[str] = mapped_column(sa.String(64))  # of all its statements


class CommissionStatement(Model):
    """One person's statement of a closed month, byte for byte."""

    __tablename__ = "commission_statement"
    __table_args__ = (sa.UniqueConstraint("month", "staff_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(sa.ForeignKey("commission_month.month"))
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id"), index=True)
    body: Mapped[str] = mapped_column(sa.Text)
    digest: Mapped[str] = mapped_column(sa.String(64))
    total_cents: Mapped[int] = mapped_column(sa.BigInteger)


class CommissionDoubt(Model):
    """What somebody says against a line of a statement, and the answer."""

    __tablename__ = "commission_doubt"

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(sa.String(7), index=True)
    staff_id: Mapped[int] = mapped_column(sa.ForeignKey("staff.id"))
    line_key: Mapped[str] = mapped_column(sa.String(80))
    # Words may name the customer: they go when that person is erased (leads.erasure).
    lead_id: Mapped[int] = mapped_column(sa.ForeignKey("lead.id", ondelete="CASCADE"), index=True)
    words: Mapped[str] = mapped_column(sa.Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    answer: Mapped[str] = mapped_column(sa.Text, default="")
    answered_by: Mapped[str] = mapped_column(sa.String(254), default="")
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


# --- months ----------------------------------------------------------------------------------


def is_month(text: str) -> bool:
    """Whether `text` is a month such as "2026-10"."""
    return bool(_MONTH.fullmatch(text))


def first_day(month: str) -> date:
    """The first day of "2026-10"."""
    return date(int(month[:4]), int(month[5:]), 1)


def month_after(month: str, months: int = 1) -> str:
    """The month so many months later, or earlier for a negative number."""
    place = int(month[:4]) * 12 + int(month[5:]) - 1 + months
    return f"{place // 12:04d}-{place % 12 + 1:02d}"


def closed_months() -> list[CommissionMonth]:
    """The closed ones, newest first. One statement."""
    return list(
        db.session.scalars(sa.select(CommissionMonth).order_by(CommissionMonth.month.desc()))
    )


# --- rules -----------------------------------------------------------------------------------


def all_rules() -> list[CommissionRule]:
    """Every rule there ever was, those that hold the longest last. One statement."""
    return list(
        db.session.scalars(
            sa.select(CommissionRule).order_by(CommissionRule.valid_from, CommissionRule.id)
        )
    )


def add_rule(rule: Rule, *, by: str) -> CommissionRule:
    """Let `rule` (its id is not read) hold from its day on. Inside `writing()`. Raises PayRefused:
    also when that day lies in a closed month."""
    _check(rule)
    _refuse_closed(rule.valid_from)
    row = CommissionRule(
        name=clean_line(rule.name, 80), event_kind=rule.event, valid_from=rule.valid_from,
        valid_until=rule.valid_until, store_id=rule.store_id, fixed_cents=rule.fixed_cents,
        basis_points=rule.basis_points, tiers=[list(one) for one in rule.tiers],
        attendant_percent=rule.attendant_percent, cap_cents=rule.cap_cents,
        clawback_days=rule.clawback_days, needs_own_booking=rule.needs_own_booking,
        needs_contact=rule.needs_contact, created_by=by,
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    return row


def end_rule(rule: CommissionRule, last: date) -> None:
    """Let `rule` hold until `last` (which counts); the day before it began takes it out. Inside
    `writing()`. Raises PayRefused when that would touch a closed month."""
    _refuse_closed(last + timedelta(days=1))
    rule.valid_until = max(last, rule.valid_from - timedelta(days=1))
    db.session.flush()


def _refuse_closed(day: date) -> None:
    newest = db.session.scalar(sa.select(sa.func.max(CommissionMonth.month)))
    if newest is not None and day < first_day(month_after(newest)):
        raise PayRefused(_("That day lies in a month that is closed. Choose a later one."))


def _check(rule: Rule) -> None:
    values = [rule.fixed_cents is not None, rule.basis_points is not None, bool(rule.tiers)]
    amounts = [rule.fixed_cents or 0, rule.cap_cents or 0, *(cents for _n, cents in rule.tiers)]
    steps = [start for start, _cents in rule.tiers]
    if rule.event not in PAID_EVENTS:
        raise PayRefused(_("Choose what is paid for."))
    if not clean_line(rule.name, 80):
        raise PayRefused(_("Give the rule a name."))
    if values.count(True) != 1:
        raise PayRefused(_("Say one value: fixed, a share of the price, or steps."))
    if rule.basis_points is not None and rule.event != "won":
        raise PayRefused(_("Only a sale has a price to take a share of."))
    if any(not 0 <= cents <= MOST_CENTS for cents in amounts):
        raise PayRefused(_("That value cannot be."))
    if rule.basis_points is not None and not 0 < rule.basis_points <= HUNDRED_PERCENT:
        raise PayRefused(_("A share lies between 0 and 100 percent."))
    if steps and (steps[0] != 1 or steps != sorted(set(steps)) or len(steps) > MOST_TIERS):
        raise PayRefused(_("Steps begin with the first one and go up."))
    if not 0 <= rule.attendant_percent <= 100 or not 0 <= rule.clawback_days <= 90:
        raise PayRefused(_("That value cannot be."))
    if rule.valid_until is not None and rule.valid_until < rule.valid_from:
        raise PayRefused(_("It cannot end before it begins."))


# --- statements ------------------------------------------------------------------------------


def statements_of(month: str) -> list[Statement]:
    """Everybody's statement of `month`: as kept when it is closed, else as it stands now."""
    if db.session.get(CommissionMonth, month) is not None:
        return [read_statement(row.body) for row in _kept([month])]
    return compute(month)


def compute(month: str, last_event_id: int | None = None) -> list[Statement]:
    """The statements of `month` from the log, as far as `last_event_id` (all of it). Corrections
    of closed months stand in the month after the newest one that was closed before it."""
    rules = [one.facts() for one in all_rules()]
    earlier = list(
        db.session.scalars(
            sa.select(CommissionMonth.month)
            .where(CommissionMonth.month < month)
            .order_by(CommissionMonth.month.desc())
            .limit(LOOKS_BACK)
        )
    )
    paid: defaultdict[int, list[Line]] = defaultdict(list)
    if earlier and month_after(earlier[0]) == month:
        for row in _kept(earlier):
            paid[row.staff_id] += read_statement(row.body).lines
    leads = {line.lead_id for lines in paid.values() for line in lines if line.cents > 0}
    cases = read_cases(month, leads, last_event_id)
    return statements(month, rules, cases, {who: tuple(lines) for who, lines in paid.items()})


def is_intact(month: CommissionMonth) -> bool:
    """Whether the log, as far as it was known then, still gives the closed month's statements.
    False also when a lead was marked a test or a robot's since."""
    return _digest(compute(month.month, month.last_event_id)) == month.digest


def close_month(month: str, *, by: str) -> CommissionMonth:
    """Keep everybody's statement of `month` for good. Inside `writing()`; of two who close at once
    the second is refused. Raises PayRefused."""
    if not is_month(month) or first_day(month_after(month)) > today(DEFAULT_ZONE):
        raise PayRefused(_("A month is closed when it is over."))
    newest = db.session.scalar(sa.select(sa.func.max(CommissionMonth.month)))
    if newest is not None and month > month_after(newest):
        raise PayRefused(_("Close the months in their order: an earlier one is still open."))
    last_event_id = db.session.scalar(sa.select(sa.func.max(LeadEvent.id))) or 0
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    is_new = newest is None or month > newest
    if not is_new or not db.session.scalar(
        insert(CommissionMonth)
        .values(month=month, closed_at=now(), closed_by=by, last_event_id=last_event_id, digest="")
        .on_conflict_do_nothing()
        .returning(CommissionMonth.month)
    ):
        raise PayRefused(_("This month is closed already."))
    row = db.session.get_one(CommissionMonth, month)
    found = compute(month, last_event_id)
    db.session.add_all(
        CommissionStatement(
            month=month, staff_id=one.staff_id, body=one.body(), digest=one.digest,
            total_cents=one.total_cents,
        )
        for one in found
    )  # fmt: skip
    row.digest = _digest(found)
    db.session.flush()
    return row


def _digest(found: Sequence[Statement]) -> str:
    return hashlib.sha256("\n".join(one.body() for one in found).encode()).hexdigest()


def _kept(months: Collection[str]) -> list[CommissionStatement]:
    return list(
        db.session.scalars(
            sa.select(CommissionStatement)
            .where(CommissionStatement.month.in_(months))
            .order_by(CommissionStatement.month, CommissionStatement.staff_id)
        )
    )


def read_cases(
    month: str, also: Collection[int] = (), last_event_id: int | None = None
) -> list[Case]:
    """The leads with something that could pay in `month`, and those of `also`, with their logs.
    Three statements."""
    start = datetime.combine(first_day(month), time(), tzinfo=DEFAULT_ZONE) - timedelta(days=1)
    end = datetime.combine(first_day(month_after(month)), time(), tzinfo=DEFAULT_ZONE)
    of_month = sa.select(LeadEvent.lead_id).where(
        LeadEvent.kind.in_(PAID_EVENTS), LeadEvent.at >= start,
        LeadEvent.at < end + timedelta(days=1),
    )  # fmt: skip
    wanted = sa.or_(Lead.id.in_(of_month), Lead.id.in_(also))
    people = {row.email: row.id for row in db.session.execute(
        sa.select(StaffMember.id, StaffMember.email))}  # fmt: skip
    deeds: defaultdict[int, list[Deed]] = defaultdict(list)
    events = (
        sa.select(LeadEvent.lead_id, LeadEvent.id, LeadEvent.kind, LeadEvent.at, LeadEvent.data,
                  LeadEvent.actor)
        .join(Lead, Lead.id == LeadEvent.lead_id)
        .where(wanted, LeadEvent.kind.in_([*TRANSITIONS, *UNDOING]))
        .order_by(LeadEvent.id)
    )  # fmt: skip
    if last_event_id is not None:
        events = events.where(LeadEvent.id <= last_event_id)
    for lead_id, number, kind, at, data, actor in db.session.execute(events):
        deeds[lead_id].append(Deed(number, kind, at, data, people.get(actor)))
    rows = db.session.execute(
        sa.select(Lead.id, Lead.store_id, Lead.created_at, Lead.is_test, Lead.is_suspect)
        .where(wanted)
        .order_by(Lead.id)
    )
    return [
        Case(row.id, row.store_id, row.created_at, row.is_test, row.is_suspect,
             schedule_for(row.store_id), tuple(deeds[row.id]))
        for row in rows
    ]  # fmt: skip


# --- doubts ----------------------------------------------------------------------------------


def doubt(month: str, staff_id: int, line_key: str, words: str) -> CommissionDoubt:
    """Say something against a line of the own statement. The same line twice adds to nothing: the
    open doubt is returned. Inside `writing()`. Raises PayRefused."""
    text = clean_text(words, 500)
    if not text:
        raise PayRefused(_("Say what is wrong with it."))
    mine = next((one for one in statements_of(month) if one.staff_id == staff_id), None)
    line = next((one for one in (mine.lines if mine else ()) if one.key == line_key), None)
    if line is None:
        raise PayRefused(_("This line is no longer there. Look again."))
    known = db.session.scalars(
        sa.select(CommissionDoubt).where(
            CommissionDoubt.month == month, CommissionDoubt.staff_id == staff_id,
            CommissionDoubt.line_key == line_key, CommissionDoubt.answered_at.is_(None),
        )
    ).first()  # fmt: skip
    if known is not None:
        return known
    row = CommissionDoubt(
        month=month, staff_id=staff_id, line_key=line_key, lead_id=line.lead_id, words=text
    )
    db.session.add(row)
    db.session.flush()
    return row


def answer_doubt(row: CommissionDoubt, words: str, *, by: str) -> None:
    """Answer it, once. Inside `writing()`. Raises PayRefused."""
    text = clean_text(words, 500)
    if not text:
        raise PayRefused(_("Write the answer."))
    if row.answered_at is not None:
        raise PayRefused(_("A colleague answered it already."))
    row.answer, row.answered_by, row.answered_at = text, by, now()
    db.session.flush()


def doubts_of(month: str) -> list[CommissionDoubt]:
    """Everything said against lines of a month, oldest first. One statement."""
    return list(
        db.session.scalars(
            sa.select(CommissionDoubt)
            .where(CommissionDoubt.month == month)
            .order_by(CommissionDoubt.id)
        )
    )


def rule_facts(row: CommissionRule) -> dict[str, Any]:
    """What the audit log keeps of a rule."""
    return {
        "name": row.name, "event": row.event_kind, "from": row.valid_from.isoformat(),
        "until": row.valid_until.isoformat() if row.valid_until else "",
        "fixed_cents": row.fixed_cents, "basis_points": row.basis_points,
        "tiers": str(row.tiers) if row.tiers else "", "attendant_percent": row.attendant_percent,
        "cap_cents": row.cap_cents, "clawback_days": row.clawback_days,
    }  # fmt: skip
