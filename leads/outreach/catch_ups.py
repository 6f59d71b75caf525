"""The four talks after a delivery: had with a grade, or nobody answered; an unhappy one is the
supervisor's at once.

DomainError
└── CatchUpRefused      it cannot be as things stand; the sentence says why
"""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now, today
from core.db import db
from core.errors import DomainError
from core.text import clean_text
from leads.inbox import within
from leads.models import Lead
from leads.outreach.after_sale import PLAN, due_day
from leads.outreach.models import CatchUp, Delivery
from leads.pipeline.log import record

GRADES: Final = range(1, 6)
GOOD: Final = 4  # from this grade on a talk counts towards the question for names
BAD: Final = 2  # up to this grade somebody has to put it right
AGAIN_DAYS: Final = 2  # when nobody answered
EARLIEST_DAYS: Final = 400  # a delivery longer ago is none to catch up on


class CatchUpRefused(DomainError):
    """It cannot be as things stand."""


def answer(catch_up: CatchUp, grade: int | None, words: str, *, by: str) -> None:
    """The talk was had; `grade` says how happy they are, 1 to 5. Inside `writing()`. The same
    again by the same colleague is a double click. Raises CatchUpRefused."""
    text = clean_text(words, 2000)
    if grade is None or grade not in GRADES:
        raise CatchUpRefused(_("Say how happy they are, from 1 to 5."))
    if grade <= BAD and not text:
        raise CatchUpRefused(_("Write what is wrong, so that somebody can put it right."))
    delivery = _lock(catch_up)
    if catch_up.done_at is not None:
        if (catch_up.done_by, catch_up.grade) == (by, grade):
            return
        raise CatchUpRefused(_("A colleague had this talk already."))
    _check_next(catch_up, delivery)
    catch_up.done_at, catch_up.done_by = now(), by
    catch_up.grade, catch_up.words = grade, text
    catch_up.care_state = "open" if grade <= BAD else ""
    record(delivery.lead, "caught_up", by, number=catch_up.number, happiness=grade, words=text)


def not_reached(catch_up: CatchUp, *, by: str) -> None:
    """Nobody answered: it comes back in two days. Inside `writing()`. Raises CatchUpRefused."""
    delivery = _lock(catch_up)
    if catch_up.done_at is not None:
        raise CatchUpRefused(_("A colleague had this talk already."))
    _check_next(catch_up, delivery)
    again = today() + timedelta(days=AGAIN_DAYS)
    if catch_up.due_on < again:  # a double click moves it once
        catch_up.due_on, catch_up.tries = again, catch_up.tries + 1
        record(delivery.lead, "catch_up_tried", by, number=catch_up.number)


def put_right(catch_up: CatchUp, words: str, *, by: str) -> None:
    """A supervisor put right what made somebody unhappy. Inside `writing()`; twice is as once.
    Raises CatchUpRefused without words."""
    text = clean_text(words, 2000)
    if not text:
        raise CatchUpRefused(_("Write what was done about it."))
    _lock(catch_up)
    if catch_up.care_state == "open":
        catch_up.care_state, catch_up.care_words = "done", text
        catch_up.care_by, catch_up.care_at = by, now()
        db.session.flush()


def set_delivery(delivery: Delivery, day: date | None) -> None:
    """The car was, or will be, handed over on `day`: what is still to come moves along. Inside
    `writing()`. Raises CatchUpRefused."""
    limits = today() - timedelta(days=EARLIEST_DAYS), today() + timedelta(days=EARLIEST_DAYS)
    if day is None or not limits[0] <= day <= limits[1]:
        raise CatchUpRefused(_("This day cannot be right."))
    db.session.refresh(delivery, with_for_update={"of": Delivery})
    if delivery.cancelled_at is not None:
        raise CatchUpRefused(_("The sale was taken back: there is nothing to catch up on."))
    delivery.delivered_on = day
    for one in delivery.catch_ups:
        if one.done_at is None:
            one.due_on = due_day(day, PLAN[one.number - 1], delivery.lead.store_id)
            one.tries = 0
    db.session.flush()


def is_earned(delivery: Delivery) -> bool:
    """Whether all four talks were good: only then we ask for names."""
    grades = [one.grade or 0 for one in delivery.catch_ups]
    return delivery.cancelled_at is None and len(grades) == len(PLAN) and min(grades) >= GOOD


def next_of(delivery: Delivery) -> CatchUp | None:
    """The talk that comes next; None when all were had or the sale was taken back."""
    if delivery.cancelled_at is not None:
        return None
    return next((one for one in delivery.catch_ups if one.done_at is None), None)


# ---- who has to do what ----


def due(
    staff_id: int, store_ids: Collection[int] | None, *, sees_all: bool, until: date | None = None
) -> sa.Select[Any]:
    """Talks that are due on `until` (today) or were before: one's own, or with `sees_all` those of
    all the stores. Of one delivery only the first."""
    earlier = sa.orm.aliased(CatchUp)
    is_first = ~sa.exists().where(
        earlier.delivery_id == CatchUp.delivery_id,
        earlier.number < CatchUp.number,
        earlier.done_at.is_(None),
    )
    found = (
        sa.select(CatchUp)
        .join(Delivery, Delivery.id == CatchUp.delivery_id)
        .join(Lead, Lead.id == Delivery.lead_id)
        .where(
            CatchUp.done_at.is_(None),
            CatchUp.due_on <= (until or today()),
            Delivery.cancelled_at.is_(None),
            is_first,
        )
        .order_by(CatchUp.due_on, CatchUp.id)
    )
    return found.where(_mine(staff_id, store_ids, sees_all))


def unhappy(store_ids: Collection[int] | None) -> sa.Select[Any]:
    """Talks that showed somebody unhappy, and nobody put it right yet."""
    return (
        sa.select(CatchUp)
        .join(Delivery, Delivery.id == CatchUp.delivery_id)
        .join(Lead, Lead.id == Delivery.lead_id)
        .where(CatchUp.care_state == "open", within(Lead.store_id, store_ids))
        .order_by(CatchUp.done_at, CatchUp.id)
    )


def to_ask(staff_id: int, store_ids: Collection[int] | None, *, sees_all: bool) -> sa.Select[Any]:
    """Deliveries with four good talks whose buyer was not asked for names yet."""
    good = (
        sa.select(sa.func.count())
        .select_from(CatchUp)
        .where(CatchUp.delivery_id == Delivery.id, CatchUp.grade >= GOOD)
        .scalar_subquery()
    )
    found = sa.select(Delivery).join(Lead, Lead.id == Delivery.lead_id)
    return found.where(
        Delivery.cancelled_at.is_(None),
        Delivery.asked_at.is_(None),
        good == len(PLAN),
        _mine(staff_id, store_ids, sees_all),
    ).order_by(Delivery.id)


def _mine(
    staff_id: int, store_ids: Collection[int] | None, sees_all: bool
) -> sa.ColumnElement[bool]:
    """One's own, or with `sees_all` those of all the stores; those of nobody with them."""
    in_stores = within(Lead.store_id, store_ids)
    return in_stores if sees_all else sa.and_(in_stores, Delivery.staff_id == staff_id)


def _lock(catch_up: CatchUp) -> Delivery:
    db.session.refresh(catch_up, with_for_update={"of": CatchUp})
    delivery: Delivery = catch_up.delivery
    return delivery


def _check_next(catch_up: CatchUp, delivery: Delivery) -> None:
    following: Any = next_of(delivery)
    if following is None or following.id != catch_up.id:
        raise CatchUpRefused(_("This talk is not the next one. Look at it again."))
