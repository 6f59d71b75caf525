"""The report of conversion: what became of the leads that began in a time, by what they share."""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from datetime import date, timedelta
from typing import Final

import sqlalchemy as sa
from babel.dates import get_day_names
from flask_babel import format_date, get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from admin.charts import row_chart
from admin.door import may
from admin.report_sections import HEAT_STEPS, MOST_BARS, Asked, Section, share_words, short_name
from core.clock import today
from core.db import db
from core.text import group_thousands
from dealership.roles import Permission
from dealership.staff import StaffMember
from inventory.models import CarModel, Make
from landing.figures import wilson
from leads.figures import Window
from leads.pipeline import conversion as noun
from leads.pipeline.conversion import By, Steps
from leads.words import source_label

FEWEST: Final = 20  # below this a share says nothing
MOST_ROWS: Final = 50
RIPE: Final = timedelta(weeks=4)  # younger cohorts still grow
HOURS: Final = 3  # of a cell of the heat map: narrower ones hold too few leads


def conversion(asked: Asked) -> list[Section]:
    """The whole, week by week, and by source, campaign, page, model, attendant and hour."""
    found = noun.conversion(asked.window)
    before = noun.conversion(_before(asked.window), [By.SOURCE])
    whole = noun.total(found[By.SOURCE])
    nothing = (
        ""
        if whole.leads
        else _("No lead in this time. Forms, portals and calls are counted here as they come in.")
    )
    sections = [
        _whole(whole, noun.total(before[By.SOURCE]), nothing),
        _weeks(asked, found[By.HOUR], nothing),
        _groups("origem", _("By source"), _("Source"), found[By.SOURCE], source_label, nothing,
                before[By.SOURCE]),
        _groups("campanha", _("By campaign"), _("Campaign"), found[By.CAMPAIGN],
                lambda code: code, nothing),
        _groups("pagina", _("By landing page"), _("Page"), found[By.PAGE],
                lambda code: f"/lp/{code}", nothing),
        _groups("carro", _("By car"), _("Model"), found[By.MODEL], _models(), nothing),
    ]  # fmt: skip
    if may(Permission.SUPERVISE_LEADS):
        sections.append(
            _groups("atendente", _("By attendant"), _("Who"), found[By.ATTENDANT], _people(),
                    nothing)
        )  # fmt: skip
    return [*sections, _heat(asked, found[By.HOUR], nothing)]


def _before(window: Window) -> Window:
    """The time of the same length that ended when `window` began."""
    return Window(window.since - (window.until - window.since), window.since, window.store_ids)


def _step_names() -> list[str]:
    return [_("Conversation"), _("Booked"), _("Came"), _("Proposal"), _("Sale")]


def _whole(now: Steps, before: Steps, nothing: str) -> Section:
    counts, earlier = astuple(now), astuple(before)
    names = [_("Leads"), *_step_names()]
    rows = [
        (name, count, _rate(count, now.leads) if place else "",
         _between(count, now.leads) if place else "", old,
         _rate(old, before.leads) if place else "", _change(place, counts, earlier))
        for place, (name, count, old) in enumerate(zip(names, counts, earlier, strict=True))
    ]  # fmt: skip
    return Section(
        "conversao", _("From lead to sale"), empty=nothing,
        head=[_("Step"), _("Leads"), _("Of all"), _("Surely between"), _("Before"),
              _("Of all, before"), _("Change")],
        rows=rows,
        chart=Markup() if nothing else row_chart(_("From lead to sale"),
                                                  list(zip(names, counts, strict=True))),
        numbers=[
            (group_thousands(now.leads), _("leads in all")),
            (_rate(now.won, now.leads), _("bought until today")),
        ],
        note=_("Leads that began in this time and what became of them until today. Before: the "
               "time of the same length that came before, which had longer to ripen."),
        is_open=True,
    )  # fmt: skip


def _change(place: int, now: Sequence[int], before: Sequence[int]) -> str:
    """In the number of leads, in percent; in a rate, in points. Nothing where too few were."""
    if not place:
        return f"{round(100 * (now[0] - before[0]) / before[0]):+d}%" if before[0] else "–"
    if min(now[0], before[0]) < FEWEST:
        return "–"
    points = 100 * now[place] / now[0] - 100 * before[place] / before[0]
    return _("%(n)s points", n=f"{points:+.1f}".replace(".", ","))


def _weeks(asked: Asked, hours: noun.Groups, nothing: str) -> Section:
    weeks = noun.by_week(hours, asked.zones)
    ripe = today() - RIPE
    return Section(
        "semanas", _("By week of birth"), empty=nothing,
        head=[_("Week"), _("Leads"), *_step_names(), _("Sales surely between")],
        rows=[
            (_week_words(monday, is_young=monday > ripe), *_cells(steps))
            for monday, steps in weeks.items()
        ],
        note=_("Weeks marked with * are younger than four weeks: they still grow."),
        is_open=True,
    )  # fmt: skip


def _week_words(monday: date, *, is_young: bool) -> str:
    return format_date(monday, "dd/MM/yyyy") + (" *" if is_young else "")


def _groups(
    key: str,
    title: str,
    what: str,
    groups: noun.Groups,
    told: Callable[[str], str],
    nothing: str,
    before: noun.Groups | None = None,
) -> Section:
    """One row per value, the most leads first; those that have none stand in no row."""
    named = [(code, steps) for code, steps in groups.items() if code]
    named.sort(key=lambda pair: (-pair[1].leads, pair[0]))
    shown = [(told(code), code, steps) for code, steps in named[:MOST_ROWS]]
    enough = [(short_name(words), round(100 * steps.won / steps.leads))
              for words, _code, steps in shown if steps.leads >= FEWEST]  # fmt: skip
    earlier = [] if before is None else [_("Leads before")]
    return Section(
        key, title,
        empty=nothing or ("" if shown else _("None of the leads of this time has one.")),
        head=[what, _("Leads"), *earlier, *_step_names(), _("Sales surely between")],
        rows=[
            (words, steps.leads, *([before.get(code, noun.NOTHING).leads] if before is not None
                                   else []), *_cells(steps)[1:])
            for words, code, steps in shown
        ],
        chart=row_chart(_("Sales in a hundred leads"), enough[:MOST_BARS], "%"),
        note=_("Rates stand from %(n)s leads on; below that the sample is too small.", n=FEWEST),
        is_open=not enough and len(shown) <= MOST_BARS,
    )  # fmt: skip


def _cells(steps: Steps) -> tuple[object, ...]:
    """The leads, the five rates, and where the sales lie; words for a sample that is too small."""
    _leads, *counts = astuple(steps)
    if steps.leads < FEWEST:
        return (steps.leads, *counts, _("small sample"))
    rates = (_rate(count, steps.leads) for count in counts)
    return (steps.leads, *rates, _between(steps.won, steps.leads))


def _rate(part: int, whole: int) -> str:
    return share_words(part / whole) if whole >= FEWEST else _("small sample")


def _between(part: int, whole: int) -> str:
    """Wilson's interval at 95 % (Wilson 1927)."""
    if whole < FEWEST:
        return "–"
    low, high = wilson(part, whole)
    return _("%(low)s and %(high)s", low=share_words(low), high=share_words(high))


def _models() -> Callable[[str], str]:
    rows = db.session.execute(
        sa.select(CarModel.id, Make.name, CarModel.name).join(Make, Make.id == CarModel.make_id)
    )
    names = {str(number): f"{make} {model}" for number, make, model in rows}
    return lambda code: names.get(code, code)


def _people() -> Callable[[str], str]:
    people = db.session.scalars(sa.select(StaffMember)).unique()
    names = {str(one.id): one.shown_name for one in people}
    return lambda code: names.get(code, _("Somebody who left"))


def _heat(asked: Asked, hours: noun.Groups, nothing: str) -> Section:
    """Weekdays down, hours of birth across: the share that bought, where there are enough leads."""
    found = noun.by_weekday_hour(hours, asked.zones)
    names = get_day_names("abbreviated", locale=get_locale())
    spans = [range(hour, hour + HOURS) for hour in range(0, 24, HOURS)]
    cells = [
        [sum((found.get((day, hour), noun.NOTHING) for hour in span), noun.NOTHING)
         for span in spans]
        for day in range(7)
    ]  # fmt: skip
    rates = [[one.won / one.leads if one.leads >= FEWEST else 0.0 for one in row] for row in cells]
    most = max((max(row) for row in rates), default=0.0)
    return Section(
        "horas", _("Sales by weekday and hour of birth"), empty=nothing,
        head=[_("Weekday"), *(f"{span[0]}–{span[-1] + 1}h" for span in spans)],
        rows=[
            (names[day], *(_heat_words(one) for one in row)) for day, row in enumerate(cells)
        ],
        heat=[[-(-int(HEAT_STEPS * 100 * rate / most) // 100) if most else 0 for rate in row]
              for row in rates],
        note=_("Darker is a larger share of sales; in brackets the leads. Under %(n)s leads only "
               "their number stands.", n=FEWEST),
    )  # fmt: skip


def _heat_words(steps: Steps) -> str:
    if not steps.leads:
        return "·"
    if steps.leads < FEWEST:
        return f"({steps.leads})"
    return f"{share_words(steps.won / steps.leads)} ({steps.leads})"
