"""When a person may be rung up.

No federal law sets hours. The trade's own code (Probare, which the courts hold call centres to)
allows offers on weekdays 9h-21h and Saturdays 10h-16h; state laws are narrower: Rio de Janeiro
(7.853/2018) and Ceará (16.836/2019) weekdays 8h-18h, Espírito Santo (10.626/2017) weekdays
8h-19h, none of them on weekends or holidays. Offers keep to the hours that all of these allow.
Who asked us something and waits for the answer is no cold call: the hours are those of good
manners, and a time that the person named themselves is always right.
"""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from core.clock import DEFAULT_ZONE
from dealership.holidays import national_holidays

_SATURDAY: Final = 5
_WEEKDAYS: Final = range(5)
Hours = Mapping[int, tuple[time, time]]  # by weekday, Monday 0; a day without: nobody is called

ANSWERS: Final[Hours] = {
    **dict.fromkeys(_WEEKDAYS, (time(8), time(20))),
    _SATURDAY: (time(9), time(15)),
}
OFFERS: Final[Hours] = dict.fromkeys(_WEEKDAYS, (time(9), time(18)))


def why_not_now(at: datetime, *, is_offer: bool, zone: ZoneInfo = DEFAULT_ZONE) -> str:
    """Why nobody should be called at `at` (aware), as `zone`'s clock shows it; empty when it is a
    fine time. National holidays are free of calls, days that are free only by custom are not."""
    local = at.astimezone(zone)
    holidays = {one.day: one.name for one in national_holidays(local.year) if not one.is_custom}
    if local.date() in holidays:
        return _("Today is a holiday (%(name)s): nobody is called.", name=holidays[local.date()])
    hours = (OFFERS if is_offer else ANSWERS).get(local.weekday())
    if hours and hours[0] <= local.time() < hours[1]:
        return ""
    if is_offer:
        return _("Calls with offers are made on weekdays from 9:00 to 18:00.")
    return _("Calls are made on weekdays from 8:00 to 20:00 and on Saturdays from 9:00 to 15:00.")
