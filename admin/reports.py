"""`/admin/relatorios/`: few charts, the table behind each, the same as CSV. No personal data."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Response, abort, request
from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from admin import groups, report_conversion, report_team
from admin import report_sections as sections
from admin.door import StaffView, at, may, staff
from admin.export_writing import workbook
from admin.report_sections import Asked, Section
from admin.stock_scope import own_stores
from core.clock import DEFAULT_ZONE, today
from dealership.models import Store
from dealership.roles import Permission
from inventory.importing.rows import FORMULA
from leads.figures import Window

HOME: Final = "/admin/relatorios/"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SEE: Final = Permission.SEE_REPORTS
DAYS: Final = (7, 30, 90)
MONTHS: Final = 12  # that the picker offers
_MONTH: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_NUMBER: Final = re.compile(r"-?[0-9]+(,[0-9]+)?")


@dataclass(frozen=True)
class Report:
    """One tab: `sections` read what it shows."""

    code: str
    title: Any
    lead: Any
    sections: Callable[[Asked], Sequence[Section]]
    has_period: bool = True
    permission: Permission = Permission.SEE_REPORTS


REPORTS: Final[Mapping[str, Report]] = {
    one.code: one
    for one in (
        Report("leads", _l("Leads"), _l("Where they come from and when."), sections.leads),
        Report("resposta", _l("Response time"),
               _l("How long people wait for a first answer of one of us. Automatic mails do not "
                  "count, nights and Sundays do: that is how long they waited."),
               sections.answers),
        Report("funil", _l("Funnel"), _l("From a visit to a sale."), sections.funnel_of),
        Report("conversao", _l("Conversion"),
               _l("What became of the leads that began in this time, and of which of them most."),
               report_conversion.conversion),
        Report("equipe", _l("Team and queue"),
               _l("Losses, age of open leads, fairness of turns, handoffs, returns, privacy."),
               report_team.team, permission=Permission.SUPERVISE_LEADS),
        Report("paginas", _l("Landing pages"),
               _l("How often each was opened and how many wrote or went on to WhatsApp."),
               sections.pages),
        Report("portais", _l("Portals"), _l("Leads by portal and account."), sections.portals),
        Report("estoque", _l("Stock"), _l("What is in hand now, by age and state."),
               sections.stock, has_period=False),
    )
}  # fmt: skip


class Reports(StaffView):
    """Leads, answers, funnel, pages, portals, stock."""

    icon = "chart"

    @at("/", SEE)
    def index(self) -> str:
        """The first report."""
        return self.show("leads")

    @at("/<code>", SEE)
    def show(self, code: str) -> str:
        """One report in the span of days and the store that the address asks for."""
        report = _report(code)
        stores = own_stores()
        asked = _asked(stores)
        return str(
            self.render(
                "admin/reports.html",
                title=report.title,
                report=report,
                tabs=[
                    (one.title, _path(one.code), one is report)
                    for one in REPORTS.values()
                    if may(one.permission)
                ],
                sections=report.sections(asked),
                asked=asked,
                stores=stores,
                periods=_periods(asked.last),
                query=_query(),
            )
        )

    @at("/<code>/<key>.csv", SEE)
    def csv(self, code: str, key: str) -> Response:
        """The table of one section, as text for a spreadsheet."""
        section, name = _asked_for(code, key)
        table = [section.head, *section.rows]
        return attached(spreadsheet(table).encode(), f"{name}.csv", "text/csv")

    @at("/<code>/<key>.xlsx", SEE)
    def xlsx(self, code: str, key: str) -> Response:
        """The same as a workbook."""
        section, name = _asked_for(code, key)
        return attached(workbook([section.head, *section.rows], key), f"{name}.xlsx", XLSX)


def _asked_for(code: str, key: str) -> tuple[Section, str]:
    """The section, and what its file is called."""
    report = _report(code)
    asked = _asked(own_stores())
    section = next((one for one in report.sections(asked) if one.key == key), None)
    if section is None:
        abort(404)
    return section, f"{code}-{key}-{asked.first.isoformat()}-a-{asked.last.isoformat()}"


def attached(data: bytes, name: str, mimetype: str) -> Response:
    """A file to keep; `name` holds no character that a header could not."""
    response = Response(data, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _report(code: str) -> Report:
    report = REPORTS.get(code)
    if report is None or not may(report.permission):
        abort(404)
    return report


def _asked(stores: Sequence[Store]) -> Asked:
    """The days and stores of the address, by the clock of the store. Never fails: what nobody
    offers falls back to 30 days and every store."""
    chosen = next((one for one in stores if one.slug == request.args.get("loja", "")), None)
    main = chosen or (stores[0] if stores else None)
    zone = ZoneInfo(main.zone) if main else DEFAULT_ZONE
    period = request.args.get("periodo", "")
    first, last, period = _span(period, today(zone))
    return Asked(
        window=Window(
            since=datetime.combine(first, time(), tzinfo=zone),
            until=datetime.combine(last + timedelta(days=1), time(), tzinfo=zone),
            store_ids=[chosen.id] if chosen else staff().store_ids,
        ),
        first=first,
        last=last,
        period=period,
        store=chosen.slug if chosen else "",
        zones={one.id: ZoneInfo(one.zone) for one in stores},
    )


def _span(period: str, day: date) -> tuple[date, date, str]:
    """(first day, last day, the period as the picker calls it)."""
    month = _MONTH.fullmatch(period)
    if month:
        first = date(int(month[1]), int(month[2]), 1)
        after = (first + timedelta(days=32)).replace(day=1)
        if first <= day:
            return first, min(after - timedelta(days=1), day), period
    days = int(period) if period in {str(one) for one in DAYS} else 30
    return day - timedelta(days=days - 1), day, str(days)


def _periods(day: date) -> list[tuple[str, str]]:
    found = [(str(days), _("Last %(n)s days", n=days)) for days in DAYS]
    first = today(DEFAULT_ZONE).replace(day=1)
    for _month in range(MONTHS):
        found.append((first.strftime("%Y-%m"), format_date(first, "MMMM 'de' yyyy")))
        first = (first - timedelta(days=1)).replace(day=1)
    asked = day.strftime("%Y-%m")
    if asked not in {code for code, _words in found}:
        found.append((asked, format_date(day, "MMMM 'de' yyyy")))
    return found


def _query() -> str:
    return request.query_string.decode("ascii", "ignore")


def _path(code: str) -> str:
    query = _query()
    return f"{HOME}{code}?{query}" if query else f"{HOME}{code}"


def spreadsheet(rows: Sequence[Sequence[Any]]) -> str:
    """`rows` as CSV: semicolons and a mark at the start, as Brazilian spreadsheets expect; a cell
    that would run as a formula gets a ' in front, a number below zero does not."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";")
    for row in rows:
        cells = [str(cell) for cell in row]
        writer.writerow([f"'{cell}" if _runs(cell) else cell for cell in cells])
    return "\ufeff" + file.getvalue()


def _runs(cell: str) -> bool:
    return bool(FORMULA.match(cell)) and not _NUMBER.fullmatch(cell)


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        Reports(
            name=_l("Reports"),
            category=groups.REPORTS,
            url="/admin/relatorios",
            endpoint="staff_reports",
        )
    ]
