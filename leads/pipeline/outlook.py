"""Where the commissions of a month that runs will end: pure arithmetic over its working days."""

from dataclasses import dataclass
from datetime import date, timedelta

from dealership.hours import Schedule
from leads.pipeline.commission_months import first_day, month_after
from leads.pipeline.commissions import working_days


@dataclass(frozen=True)
class Outlook:
    """What is accrued, and what it comes to if it goes on as in the `days_done` of `days` working
    days that have begun, both in cents."""

    accrued_cents: int
    projected_cents: int
    days_done: int
    days: int


def outlook(month: str, accrued_cents: int, day: date, schedule: Schedule) -> Outlook | None:
    """The outlook of `month` on `day`. None for a month that is over or has not begun to work, and
    where nothing is accrued."""
    first, last = first_day(month), first_day(month_after(month)) - timedelta(days=1)
    days_done = working_days(schedule, first, day) if day <= last else 0
    if days_done <= 0 or accrued_cents <= 0:
        return None
    days = working_days(schedule, first, last)
    return Outlook(accrued_cents, accrued_cents * days // days_done, days_done, days)
