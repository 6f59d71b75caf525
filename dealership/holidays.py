"""Brazil's national holidays of a year, by rule.

Fixed days: Lei 662/1949 as Lei 10.607/2002 put it, Lei 6.802/1980 (12 October) and Lei
14.759/2023 (20 November). Good Friday, and the days that many take off by custom, count from
Easter (Meeus/Jones/Butcher). States and cities add their own: those are typed in.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from flask_babel import gettext as _


@dataclass(frozen=True)
class Holiday:
    """One day; `is_custom` where shops may open without paying the day double."""

    day: date
    name: str
    is_custom: bool = False


_CARNIVAL_DAYS: Final = (-48, -47)
_CORPUS_CHRISTI_DAYS: Final = 60


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar."""
    golden, century, rest = year % 19, year // 100, year % 100
    leap, skipped = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap - correction + 15) % 30
    quarter, odd = divmod(rest, 4)
    sunday = (32 + 2 * skipped + 2 * quarter - epact - odd) % 7
    late = (golden + 11 * epact + 22 * sunday) // 451
    month, day = divmod(epact + sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def national_holidays(year: int) -> list[Holiday]:
    """Every national holiday and customary day off of `year`, in order."""
    sunday = easter(year)
    fixed = (
        (1, 1, _("New Year")),
        (4, 21, _("Tiradentes")),
        (5, 1, _("Labour Day")),
        (9, 7, _("Independence Day")),
        (10, 12, _("Our Lady of Aparecida")),
        (11, 2, _("All Souls' Day")),
        (11, 15, _("Republic Day")),
        (11, 20, _("Black Awareness Day")),
        (12, 25, _("Christmas")),
    )
    days = [Holiday(date(year, month, day), name) for month, day, name in fixed]
    days.append(Holiday(sunday - timedelta(days=2), _("Good Friday")))
    days += [Holiday(sunday + timedelta(days=n), _("Carnival"), True) for n in _CARNIVAL_DAYS]
    corpus = sunday + timedelta(days=_CORPUS_CHRISTI_DAYS)
    days.append(Holiday(corpus, _("Corpus Christi"), True))
    return sorted(days, key=lambda holiday: holiday.day)
