"""The parts of the reports: each a chart, the table behind it, and words for when it is empty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from babel.dates import get_day_names
from flask_babel import format_date, format_decimal, get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from admin.charts import line_chart, row_chart, stacked_chart
from core.db import db
from core.text import group_thousands
from integrators.kinds import KINDS
from integrators.models import PortalAccount
from inventory.age import BUCKETS
from inventory.figures import IN_HAND, stock_by_age
from inventory.vocabulary import label
from landing.figures import PageResult, page_results
from leads import figures
from leads.figures import (
    ANSWER_EDGES,
    LONGEST_WAIT_MINUTES,
    QUICK_MINUTES,
    AnswerTimes,
    Window,
)
from leads.inbox import within
from leads.words import source_label

MOST_BARS: Final = 12
MOST_PAGES: Final = 200
LONGEST_NAME: Final = 26  # characters beside a bar
HEAT_STEPS: Final = 5


@dataclass(frozen=True)
class Asked:
    """What a report is about: a window of time and stores, and how the address says it."""

    window: Window
    first: date
    last: date
    period: str
    store: str  # a slug, empty for all
    zones: Mapping[int, ZoneInfo]

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


@dataclass(frozen=True)
class Section:
    """One part. `head` and `rows` are the table, the first column its headings; `heat` has a step
    from 0 per cell of a table that is itself the chart; `key_words` names a chart's colours;
    `numbers` are told large."""

    key: str
    title: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    chart: Markup = field(default_factory=Markup)
    empty: str = ""
    note: str = ""
    numbers: Sequence[tuple[str, str]] = ()
    heat: Sequence[Sequence[int]] = ()
    key_words: Sequence[str] = ()
    is_open: bool = False  # the table says more than its chart

    @property
    def is_empty(self) -> bool:
        return bool(self.empty)


# --- leads -----------------------------------------------------------------------------------


def leads(asked: Asked) -> list[Section]:
    """By source, by day, by weekday and hour."""
    by_source = figures.leads_by_source(asked.window)
    rhythm = figures.rhythm(asked.window, asked.zones)
    total = sum(by_source.values())
    nothing = (
        ""
        if total
        else _("No lead in this time. Forms, portals and calls are counted here as they come in.")
    )
    sources = [(source_label(code), count) for code, count in by_source.items()]
    per_day = [(format_date(day, "dd/MM"), rhythm.days.get(day, 0)) for day in asked.days]
    return [
        Section(
            "origem", _("By source"), empty=nothing,
            head=[_("Source"), _("Leads"), _("Share of all leads")],
            rows=[(name, count, percent_words(count, total)) for name, count in sources],
            chart=row_chart(_("Leads by source"), sources[:MOST_BARS]),
            numbers=[(group_thousands(total), _("leads in all"))],
        ),
        Section(
            "dias", _("By day"), empty=nothing,
            head=[_("Day"), _("Leads")],
            rows=[(format_date(day, "dd/MM/yyyy"), rhythm.days.get(day, 0)) for day in asked.days],
            chart=line_chart(_("Leads by day"), per_day) if total else Markup(),
        ),
        _heat(rhythm.hours, nothing),
    ]  # fmt: skip


def _heat(hours: Mapping[tuple[int, int], int], nothing: str) -> Section:
    """Weekdays down, hours across; darker is more."""
    names = get_day_names("abbreviated", locale=get_locale())
    most = max(hours.values(), default=0)
    spans = [range(hour, hour + 2) for hour in range(0, 24, 2)]
    counts = [[sum(hours.get((day, h), 0) for h in span) for span in spans] for day in range(7)]
    most = max((max(row) for row in counts), default=0)
    steps = [[-(-HEAT_STEPS * n // most) if most else 0 for n in row] for row in counts]
    return Section(
        "horas", _("By weekday and hour"), empty=nothing,
        head=[_("Weekday"), *(f"{span[0]}–{span[-1] + 1}h" for span in spans)],
        rows=[(names[day], *counts[day]) for day in range(7)],
        heat=steps,
        note=_("Darker is more, by the clock of each store. Have people there when it is dark."),
    )  # fmt: skip


# --- answers ---------------------------------------------------------------------------------


def answers(asked: Asked) -> list[Section]:
    """Median, nine in ten, shares within five and fifteen minutes."""
    found = figures.answer_times(asked.window)
    if not found.answered:
        return [
            Section(
                "resposta", _("First answer"),
                empty=_("No data yet: no answer by a person was recorded in this time.")
                if found.leads else _("No data yet: no lead in this time."),
            )
        ]  # fmt: skip
    return [_answered(found), _spread(found)]


def _spread(found: AnswerTimes) -> Section:
    """How the waits are spread, as a picture."""
    names = [_("up to %(n)s", n=_minutes(edge)) for edge in ANSWER_EDGES]
    names += [_("longer"), _("nobody answered yet")]
    counts = [
        *(found.spread[edge] for edge in ANSWER_EDGES), found.spread[None],
        found.leads - found.answered,
    ]  # fmt: skip
    return Section(
        "distribuicao", _("How long people wait"),
        head=[_("First answer"), _("Leads"), _("Share of all leads")],
        rows=[(name, count, percent_words(count, found.leads))
              for name, count in zip(names, counts, strict=True)],
        chart=row_chart(_("How long people wait"), list(zip(names, counts, strict=True))),
        note=_("Half are answered within %(half)s, nine in ten within %(most)s. The team board has "
               "the same in working time, and sales by how quick the answer was.",
               half=_minutes(found.median_minutes), most=_minutes(found.slow_minutes)),
    )  # fmt: skip


def _answered(found: AnswerTimes) -> Section:
    shares = [(minutes, found.within[minutes]) for minutes in QUICK_MINUTES]
    bars = [
        *((_("within %(n)s min", n=minutes), round(share * 100)) for minutes, share in shares),
        (_("answered at all"), round(found.answered / found.leads * 100)),
    ]
    return Section(
        "resposta", _("First answer"),
        head=[_("Figure"), _("Value")],
        rows=[
            (_("Leads"), found.leads),
            (_("Answered by a person"), found.answered),
            (_("Half were answered within (minutes)"), found.median_minutes),
            (_("Nine in ten were answered within (minutes)"), found.slow_minutes),
            *((_("Share of all leads answered within %(n)s min", n=minutes), share_words(share))
              for minutes, share in shares),
        ],
        chart=row_chart(_("Share of leads, in percent"), bars, "%"),
        numbers=[
            (_minutes(found.median_minutes), _("half are answered within")),
            (_minutes(found.slow_minutes), _("nine in ten are answered within")),
        ],
        note=_("Leads that nobody answered yet lower the shares."),
    )  # fmt: skip


def _minutes(minutes: int | None) -> str:
    if minutes is None:
        return "–"
    if minutes >= LONGEST_WAIT_MINUTES:
        return _("3 days or more")
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes / 60
    return f"{hours:.0f} h" if hours < 48 else _("%(n)s days", n=round(hours / 24))


# --- funnel ----------------------------------------------------------------------------------


def funnel_of(asked: Asked) -> list[Section]:
    """Visits to landing pages, leads, booked times, sales."""
    pages = _pages(asked)
    found = figures.funnel(asked.window)
    taps = sum(figures.taps_by_channel(asked.window).values())
    steps = [
        (_("Visits to landing pages"), sum(page.views for page in pages)),
        (_("Taps on WhatsApp or phone"), taps),
        (_("Leads"), found.leads),
        (_("Booked times"), found.appointments),
        (_("Sales made"), found.won),
    ]
    is_empty = not any(count for _words, count in steps)
    return [
        Section(
            "funil", _("From a visit to a sale"),
            head=[_("Step"), _("Number"), _("Of the leads")],
            rows=[
                (words, count, percent_words(count, found.leads) if place >= 3 else "")
                for place, (words, count) in enumerate(steps)
            ],
            chart=Markup() if is_empty else row_chart(_("Funnel"), steps),
            empty=_("Nothing in this time. The funnel fills as visitors write.")
            if is_empty else "",
            note=_(
                "Visits are counted on landing pages only, without cookies; leads also come from "
                "offers, portals and calls. Booked times and sales are those of the leads that "
                "began in this time."
            ),
        )
    ]  # fmt: skip


# --- landing pages ---------------------------------------------------------------------------


def _pages(asked: Asked) -> list[PageResult]:
    window = asked.window
    return page_results(
        asked.first, asked.last, window.since, window.until, window.store_ids
    )[:MOST_PAGES]  # fmt: skip


def pages(asked: Asked) -> list[Section]:
    """Views, leads, taps and the rate with its interval."""
    found = _pages(asked)
    return [
        Section(
            "paginas", _("Landing pages"),
            head=[_("Page"), _("Visits"), _("Leads"), _("To WhatsApp or phone"),
                  _("Wrote, of all visits"), _("Surely between")],
            rows=[
                (page.name, page.views, page.leads, page.taps,
                 "–" if page.rate is None else share_words(page.rate), _interval(page))
                for page in found
            ],
            chart=_contacts(found[:MOST_BARS]),
            is_open=True,
            empty="" if found else _(
                "No landing page was opened in this time. Publish one and lead an ad to it."),
            note=_("With few visits the rate says little: the last column tells how far off it may "
                   "be, 95 times in 100."),
        )
    ]  # fmt: skip


def _contacts(found: Sequence[PageResult]) -> Markup:
    if not any(page.contacts for page in found):
        return Markup()
    bars = [(short_name(page.name), page.contacts) for page in found]
    return row_chart(_("Contacts by page"), bars)


def short_name(name: str) -> str:
    """`name` as it fits beside a bar."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1].rstrip()}…"


def _interval(page: PageResult) -> str:
    if page.interval is None:
        return "–"
    low, high = page.interval
    return _("%(low)s and %(high)s", low=share_words(low), high=share_words(high))


# --- portals ---------------------------------------------------------------------------------


def portals(asked: Asked) -> list[Section]:
    """Leads by account; accounts that brought none are named too."""
    counts = figures.leads_by_account(asked.window)
    is_mine = sa.or_(
        PortalAccount.store_id.is_(None), within(PortalAccount.store_id, asked.window.store_ids)
    )
    accounts = db.session.execute(
        sa.select(PortalAccount.name, PortalAccount.kind)
        .where(is_mine)
        .order_by(PortalAccount.name)
    ).all()
    kinds = {name: KINDS[kind].label if kind in KINDS else kind for name, kind in accounts}
    names = list(dict.fromkeys([*counts, *kinds]))
    return [
        Section(
            "portais", _("Leads by account"),
            head=[_("Account"), _("Portal"), _("Leads")],
            rows=[(name, kinds.get(name, ""), counts.get(name, 0)) for name in names],
            chart=row_chart(
                _("Leads by account"),
                [(short_name(name), count) for name, count in list(counts.items())[:MOST_BARS]]),
            is_open=True,
            empty="" if names else _(
                "No portal is connected yet. Connect one and its leads are counted here."),
        )
    ]  # fmt: skip


# --- stock -----------------------------------------------------------------------------------


def stock(asked: Asked) -> list[Section]:
    """Cars in hand by days and state."""
    found = stock_by_age(asked.window.store_ids)
    states = [str(label("state", state)) for state in IN_HAND]
    total = sum(sum(counts.values()) for counts in found.values())
    rows = [
        (bucket.words, *(found[bucket.code][state] for state in IN_HAND),
         sum(found[bucket.code].values()))
        for bucket in BUCKETS
    ]  # fmt: skip
    return [
        Section(
            "estoque", _("Cars by days in stock"),
            head=[_("Days"), *states, _("All")],
            rows=rows,
            chart=stacked_chart(
                _("Cars by days in stock and state"),
                [bucket.words for bucket in BUCKETS],
                [(name, [found[bucket.code][state] for bucket in BUCKETS])
                 for name, state in zip(states, IN_HAND, strict=True)],
            ),
            key_words=states,
            numbers=[(group_thousands(total), _("cars in hand"))],
            empty="" if total else _("No car in hand. Cars that you add or import appear here."),
        )
    ]  # fmt: skip


def percent_words(part: int, whole: int) -> str:
    """`part` of `whole` as a person reads it."""
    return share_words(part / whole) if whole else "–"


def share_words(share: float) -> str:
    """0.075 as "7,5%", 0.251 as "25%"."""
    percent = share * 100
    return f"{format_decimal(round(percent) if percent >= 10 else round(percent, 1))}%"
