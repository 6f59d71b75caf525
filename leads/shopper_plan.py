"""When the mystery shopper goes out: hours, days and the unforeseeable minute.

The day's hours are cut into slots; each door is tried once a slot, at an instant of the slot's
first third that follows from the secret key and so is the same for every worker and foreseeable to
nobody. With slots of half an hour two tries are 40 minutes apart at most, so a door that breaks is
told of within the hour.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Mapped, mapped_column

from core.config import current
from core.db import Model, db
from core.errors import DomainError
from core.text import NotPhone, clean_line, parse_phone
from dealership.hours import Schedule, spans_on

EVERY_MINUTES: Final = (30, 60, 120, 240)
MOST_A_WEEK: Final = 5  # one a day
_WORKING_DAYS: Final = range(5)  # where no hours are known
_ONLY: Final = 1  # the one row there is


class PlanRefused(DomainError):
    """A plan that makes no sense; the sentence says why."""


class ShopperPlan(Model):
    """What the mystery shopper may do. One row; without it, the defaults: off."""

    __tablename__ = "shopper_plan"

    id: Mapped[int] = mapped_column(primary_key=True, default=_ONLY)
    is_on: Mapped[bool] = mapped_column(default=False)
    starts: Mapped[int] = mapped_column(sa.SmallInteger, default=8)  # local hour
    ends: Mapped[int] = mapped_column(sa.SmallInteger, default=20)
    every_minutes: Mapped[int] = mapped_column(sa.SmallInteger, default=30)
    is_human: Mapped[bool] = mapped_column(default=False)
    human_a_week: Mapped[int] = mapped_column(sa.SmallInteger, default=2)
    # Where the answers to human rounds go: a telephone or mailbox that the team does not know.
    phone: Mapped[str] = mapped_column(sa.String(20), default="")
    email: Mapped[str] = mapped_column(sa.String(254), default="")


@dataclass(frozen=True)
class Slot:
    """One stretch of a working day in which every door is tried once."""

    key: str
    begins: datetime
    minutes: int


def plan() -> ShopperPlan:
    """The plan that holds. One statement."""
    return db.session.get(ShopperPlan, _ONLY) or ShopperPlan(
        id=_ONLY, is_on=False, starts=8, ends=20, every_minutes=30, is_human=False,
        human_a_week=2, phone="", email="",
    )  # fmt: skip


def facts_of(row: ShopperPlan) -> dict[str, bool | int | str]:
    """The plan as plain values."""
    return {
        "is_on": row.is_on,
        "starts": row.starts,
        "ends": row.ends,
        "every_minutes": row.every_minutes,
        "is_human": row.is_human,
        "human_a_week": row.human_a_week,
        "phone": row.phone,
        "email": row.email,
    }


def set_plan(
    *,
    is_on: bool,
    starts: int,
    ends: int,
    every_minutes: int,
    is_human: bool,
    human_a_week: int,
    phone: str,
    email: str,
) -> ShopperPlan:
    """Let this plan hold from now on. Inside `writing()`. Raises PlanRefused."""
    if not 0 <= starts < ends <= 24:
        raise PlanRefused(_("The last hour must come after the first."))
    if every_minutes not in EVERY_MINUTES:
        raise PlanRefused(_("Choose how often from the list."))
    if not 1 <= human_a_week <= MOST_A_WEEK:
        raise PlanRefused(_("From 1 to %(most)s a week.", most=MOST_A_WEEK))
    try:
        number = parse_phone(phone) if phone.strip() else ""
    except NotPhone as error:
        raise PlanRefused(str(error)) from None
    address = clean_line(email, 254)
    if address and "@" not in address:
        raise PlanRefused(_("This e-mail looks incomplete. It has the form name@example.com."))
    if is_human and not (number or address):
        raise PlanRefused(
            _("Type a phone or an e-mail that the team does not know: somebody gets the answers.")
        )
    row = db.session.get(ShopperPlan, _ONLY, with_for_update=True) or ShopperPlan(id=_ONLY)
    row.is_on, row.starts, row.ends, row.every_minutes = is_on, starts, ends, every_minutes
    row.is_human, row.human_a_week = is_human, human_a_week
    row.phone, row.email = number, address
    db.session.add(row)
    db.session.flush()
    return row


def slot_at(row: ShopperPlan, moment: datetime, schedule: Schedule) -> Slot | None:
    """The slot of `moment`, by the clock of `schedule`; None outside the hours and on days on which
    nobody works."""
    local = moment.astimezone(schedule.zone)
    if not (row.starts <= local.hour < row.ends and _is_working(schedule, local)):
        return None
    since = (local.hour - row.starts) * 60 + local.minute
    number = since // row.every_minutes
    begins = local.replace(minute=0, second=0, microsecond=0, hour=row.starts)
    begins += timedelta(minutes=number * row.every_minutes)
    return Slot(f"{local:%Y-%m-%d}:{row.every_minutes}:{number}", begins, row.every_minutes)


def try_at(slot: Slot, door: str) -> datetime:
    """When `door` is tried in `slot`."""
    return slot.begins + timedelta(seconds=_drawn(f"{door}|{slot.key}", slot.minutes * 20))


def human_at(row: ShopperPlan, moment: datetime, schedule: Schedule) -> datetime | None:
    """When this day's human round is due; None on days without one. Over the weeks it is as many
    as the plan says, on days that nobody can foresee."""
    local = moment.astimezone(schedule.zone)
    if not _is_working(schedule, local):
        return None
    day = f"{local:%Y-%m-%d}"
    if _drawn(f"human day|{day}", 5000) >= row.human_a_week * 1000:
        return None
    minutes = _drawn(f"human minute|{day}", max(1, (row.ends - row.starts) * 60))
    return local.replace(hour=row.starts, minute=0, second=0, microsecond=0) + timedelta(
        minutes=minutes
    )


def _is_working(schedule: Schedule, local: datetime) -> bool:
    if not schedule.intervals:
        return local.weekday() in _WORKING_DAYS
    return bool(spans_on(schedule, local.date()))


def _drawn(what: str, below: int) -> int:
    key = current().secret_key.encode()
    digest = hmac.new(key, f"shopper|{what}".encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:6], "big") % below
