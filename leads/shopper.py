"""The mystery shopper: leads that we send ourselves through our own doors, to see that they arrive.

A lead of ours carries a mark that only this installation can make (an HMAC under its secret key)
and that counts once, at the door and within the time for which it was made. So nobody outside can
have a lead taken for a test, and one that we sent is recognised wherever it comes out.

A machine's round ends in the very transaction in which its lead reaches the queue: nobody sees it
there, rings for it or loses a turn. A human round stays hidden among the others until somebody
answers it, and is then told. Leads of both are `is_test`: they count nowhere.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.config import current
from core.db import Model, UtcDateTime, db
from core.text import clean_line
from leads.models import Lead, LeadEvent, Person, Submission
from leads.pipeline.log import record
from leads.pipeline.queue import is_waiting

ACTOR: Final = "system"
# In a submission's key, after its first part: the post was a test. Real keys go on with a digest.
TEST_KEY: Final = ":test:"
WORD: Final = "cliente-oculto"
_MARK: Final = re.compile(WORD + r":([0-9a-f]{10})([0-9a-f]{22})")
_CALL: Final = re.compile(r"CA([0-9a-f]{10})([0-9a-f]{22})\Z")
LATEST: Final = timedelta(hours=24)  # a mark that comes later is nobody's
KEPT_LEADS: Final = timedelta(days=2)
KEPT_ROUNDS: Final = timedelta(days=90)
SURE_AFTER: Final = 2  # misses in a row; one alone may be a restart
# How a round stands.
PLANNED, SENDING, SENT, GOOD, FAILED = "planned", "sending", "sent", "good", "failed"
HIDDEN, ANSWERED, SILENT = "hidden", "answered", "silent"
OPEN: Final = (PLANNED, SENDING, SENT, HIDDEN)
ON_ITS_WAY: Final = (SENDING, SENT)
COMING: Final = (*ON_ITS_WAY, FAILED)  # one that is late is ours all the same
# What a supervisor judges of an answer, in this order.
CHECKS: Final = ("named", "car", "question", "next_step")


class ShopperDoor(Model):
    """How one door did lately. `misses` are failed rounds since the last good one."""

    __tablename__ = "shopper_door"

    door: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    misses: Mapped[int] = mapped_column(sa.SmallInteger, default=0)
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ShopperRound(Model):
    """One lead that we sent ourselves, with the instant of every step it took."""

    __tablename__ = "shopper_round"
    # One for each door and time, however many workers plan it or people ask.
    __table_args__ = (sa.UniqueConstraint("door", "slot"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    door: Mapped[str] = mapped_column(sa.String(100))  # "form:contato", "account:7", "api" …
    slot: Mapped[str] = mapped_column(sa.String(40))
    is_human: Mapped[bool] = mapped_column(default=False)
    token: Mapped[str] = mapped_column(sa.String(10), unique=True)
    source: Mapped[str] = mapped_column(sa.String(60))  # what the lead says it came from
    state: Mapped[str] = mapped_column(sa.String(10), default=PLANNED, index=True)
    problem: Mapped[str] = mapped_column(sa.String(300), default="")
    lead_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("lead.id", ondelete="SET NULL"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the door said yes
    queued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the desk shows it, or has it
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # proven contact
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # in the queue, or answered
    answers: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)  # of CHECKS: true, false
    checked_by: Mapped[str] = mapped_column(sa.String(254), default="")

    @property
    def seconds_to_queue(self) -> float | None:
        """From sending to the queue; None while it is not there."""
        if self.sent_at is None or self.queued_at is None:
            return None
        return max(0.0, (self.queued_at - self.sent_at).total_seconds())


# --- the mark --------------------------------------------------------------------------------


def new_token() -> str:
    """What a round is known by in its mark."""
    return secrets.token_hex(5)


def mark_of(token: str) -> str:
    """The 32 characters that prove that the round is ours."""
    key = current().secret_key.encode()
    proof = hmac.new(key, b"shopper:" + token.encode(), hashlib.sha256)
    return token + proof.hexdigest()[:22]


def marked(words: str, token: str) -> str:
    """`words` as the message of the round with that token."""
    return f"{words}\n\n{WORD}:{mark_of(token)}"


def without_mark(message: str) -> str:
    """The message as people may read it."""
    return _MARK.sub("", message).strip()


def expected(message: str, external_id: str, source: str) -> ShopperRound | None:
    """The round whose lead this is, held until the end of the caller's `writing()`; None for
    everybody else's: a mark that was forged, used, or belongs to another door or an earlier day."""
    found = _MARK.search(message) or _CALL.match(external_id)
    if found is None or not hmac.compare_digest(mark_of(found[1]), found[1] + found[2]):
        return None
    return db.session.scalars(
        sa.select(ShopperRound)
        .where(
            ShopperRound.token == found[1],
            ShopperRound.source == source,
            ShopperRound.state.in_(COMING),
            ShopperRound.queued_at.is_(None),
            ShopperRound.created_at > now() - LATEST,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


# --- what becomes of a round, inside writing() ------------------------------------------------


def somebody(name: str, phone: str = "", email: str = "") -> Person:
    """Who a round says it is from: nobody we know, found by no number, joined to no one."""
    person = Person(name=name, phone=phone, email=email)
    db.session.add(person)
    db.session.flush()
    return person


def arrive(row: ShopperRound, lead: Lead, submission_id: str) -> None:
    """The round's lead is in the queue. A machine's has done its work with that."""
    submission = db.session.get_one(Submission, submission_id)
    first = submission.idem_key.partition(":")[0]
    submission.idem_key = f"{first}{TEST_KEY}{row.token}"  # its id still tells a repeat
    row.queued_at, row.lead_id = now(), lead.id
    if row.is_human:
        row.state = HIDDEN
        db.session.flush()
        return
    db.session.flush()
    shown = sa.select(Lead.id).where(Lead.id == lead.id, is_waiting(None))
    is_shown = db.session.scalar(shown) is not None
    row.seen_at = row.queued_at if is_shown else None
    record(lead, "marked_invalid", ACTOR, reason="test")
    succeed(row)


def succeed(row: ShopperRound) -> None:
    """The door works."""
    row.state, row.problem, row.ended_at = GOOD, "", now()
    door = _door(row.door)
    door.misses, door.failing_since = 0, None
    db.session.flush()


def fail(row: ShopperRound, problem: str, *, is_sure: bool = False) -> bool:
    """The round did not get through, for the reason `problem`; whether the door is now known to
    fail and was not before. One miss alone may be a restart, unless it `is_sure`."""
    row.state, row.problem, row.ended_at = FAILED, clean_line(problem, 300), now()
    door = _door(row.door)
    door.misses += 1
    is_news = door.failing_since is None and (is_sure or door.misses >= SURE_AFTER)
    if is_news:
        door.failing_since = row.sent_at or now()
    db.session.flush()
    return is_news


def _door(name: str) -> ShopperDoor:
    row = db.session.get(ShopperDoor, name, with_for_update=True, populate_existing=True)
    if row is None:
        row = ShopperDoor(door=name, misses=0)
        db.session.add(row)
        db.session.flush()
    return row


def failing_doors() -> sa.Select[Any]:
    """The doors that are known to let nothing in."""
    return sa.select(ShopperDoor.door).where(ShopperDoor.failing_since.is_not(None))


def reveal(row: ShopperRound) -> None:
    """Tell that a human round was one: its lead is closed, and its answer can be judged."""
    lead = db.session.get(Lead, row.lead_id) if row.lead_id else None
    row.ended_at = now()
    if lead is None:
        row.state = SILENT
    else:
        row.seen_at, row.answered_at = _taken_at(lead), lead.first_contact_at
        row.state = ANSWERED if lead.first_contact_at or lead.closed_at else SILENT
        if lead.closed_at is None:
            record(lead, "marked_invalid", ACTOR, reason="test")
    db.session.flush()


def _taken_at(lead: Lead) -> datetime | None:
    first = sa.func.min(LeadEvent.at, type_=LeadEvent.at.type)
    taken = sa.select(first).where(
        LeadEvent.lead_id == lead.id, LeadEvent.kind.in_(["claimed", "assigned", "taken_over"])
    )
    return db.session.scalar(taken)


def hidden_among(lead_ids: list[int]) -> set[int]:
    """Of these test leads, those that nobody may know as such yet."""
    if not lead_ids:
        return set()
    hidden = sa.select(ShopperRound.lead_id).where(
        ShopperRound.lead_id.in_(lead_ids), ShopperRound.state == HIDDEN
    )
    return {one for one in db.session.scalars(hidden) if one is not None}


def seems_real() -> sa.ColumnElement[bool]:
    """The condition for leads that staff take for real ones: no test, or one that hides still."""
    hides = sa.exists().where(ShopperRound.lead_id == Lead.id, ShopperRound.state == HIDDEN)
    return sa.or_(Lead.is_test.is_(False), hides)


def is_known_test(lead: Lead) -> bool:
    """Whether staff may see that `lead` is a test."""
    return lead.is_test and not hidden_among([lead.id])
