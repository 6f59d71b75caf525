"""`/admin/auditoria/`: who changed what, when, from where."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import sqlalchemy as sa
from flask import Response, request, stream_with_context
from flask_babel import format_datetime
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict

from admin import groups
from admin.audit_words import action_words, field_words, value_words
from admin.door import StaffView, at, within_stores
from admin.lists import Listing
from core.clock import DEFAULT_ZONE
from core.db import db
from core.text import clean_line
from dealership.audit import AuditEntry
from dealership.roles import Permission
from dealership.staff import StaffMember
from inventory.importing.rows import FORMULA

ROWS_AT_A_TIME: Final = 500
_KEY: Final = re.compile(r"[a-z_]+:[\w-]+")  # "vehicle:12"
SUBJECT_PAGES: Final = {
    "vehicle": "/admin/veiculo/{}/",
    "staff": "/admin/equipe/{}",
    "page": "/admin/paginas/{}/",
    "banner": "/admin/banners/{}/",
    "media": "/admin/midia/{}/",
    "testimonial": "/admin/depoimentos/{}/",
    "story": "/admin/historias/{}/",
    "lead": "/admin/leads/{}/",
    "store": "/admin/lojas/{}/",
    "portal": "/admin/portais/{}/",
    "portal_term": "/admin/portais/termos/{}/",
    "import": "/admin/importar/{}/",
    "bulk": "/admin/estoque/lotes/{}/",
    "case": "/admin/privacidade/caso/{}/",
}


class AuditLog(StaffView):
    """The list, filtered by person, action, what it was about, and day."""

    icon = "history"

    @at("/", Permission.SEE_AUDIT)
    def index(self) -> str:
        """The entries, the newest first."""
        listing = Listing(
            _filtered(request.args), {"quando": AuditEntry.id}, default="-quando", tie=AuditEntry.id
        )
        return str(
            self.render(
                "admin/audit.html",
                listing=listing,
                people=_people(),
                actions=sorted(
                    ((code, action_words(code)) for code in _distinct(AuditEntry.action)),
                    key=lambda pair: pair[1],
                ),
                changes=changes_of,
                subject_page=subject_page,
                action_words=action_words,
                asked=request.args,
                is_filtered=any(request.args.get(name) for name in _FILTERS),
                query=request.query_string.decode("ascii", "replace"),
            )
        )

    @at("/exportar", Permission.SEE_AUDIT)
    def export(self) -> Response:
        """The same entries as CSV, streamed."""
        rows = stream_with_context(_csv_rows(_filtered(request.args), _people()))
        response = Response(rows, mimetype="text/csv")
        response.headers["Content-Disposition"] = "attachment; filename=auditoria.csv"
        return response


_FILTERS: Final = ("pessoa", "acao", "sobre", "dia")


def _filtered(asked: MultiDict[str, str]) -> sa.Select[Any]:
    statement = within_stores(sa.select(AuditEntry), AuditEntry.store_id)
    if person := asked.get("pessoa", "")[:254]:
        statement = statement.where(AuditEntry.actor == person)
    if action := asked.get("acao", "")[:60]:
        statement = statement.where(AuditEntry.action == action)
    if subject := clean_line(asked.get("sobre", ""), 120):
        about = AuditEntry.subject == subject
        if not _KEY.fullmatch(subject):  # a key is found by its index; else the labels are read
            about = sa.or_(about, AuditEntry.label.icontains(subject, autoescape=True))
        statement = statement.where(about)
    if day := _day(asked.get("dia", "")):
        starts = datetime.combine(day, time(), DEFAULT_ZONE).astimezone(UTC)
        ends = datetime.combine(day + timedelta(days=1), time(), DEFAULT_ZONE).astimezone(UTC)
        statement = statement.where(AuditEntry.at >= starts, AuditEntry.at < ends)
    return statement


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year < 2200 else None


def _distinct(column: Any) -> list[str]:
    return list(
        db.session.scalars(within_stores(sa.select(column), AuditEntry.store_id).distinct())
    )


def _people() -> dict[str, str]:
    """Names by actor, of those who did anything that this person may see."""
    actors = _distinct(AuditEntry.actor)
    names = {
        member.email: member.shown_name
        for member in db.session.scalars(
            sa.select(StaffMember).where(StaffMember.email.in_(actors))
        )
    }
    names = {actor: names.get(actor, actor) for actor in actors}
    if "command" in names:
        names["command"] = _("Command line")
    return dict(sorted(names.items(), key=lambda pair: pair[1].casefold()))


def changes_of(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """Field, before, after: as people read them."""
    names = list(dict.fromkeys([*entry.before, *entry.after]))
    return [
        (
            field_words(name),
            value_words(name, entry.before[name]) if name in entry.before else "",
            value_words(name, entry.after[name]) if name in entry.after else "",
        )
        for name in names
    ]


def subject_page(subject: str) -> str:
    """Where what an entry is about can be opened; empty when nowhere."""
    kind, _colon, number = subject.partition(":")
    return SUBJECT_PAGES[kind].format(number) if kind in SUBJECT_PAGES and number.isdigit() else ""


def _csv_rows(statement: sa.Select[Any], people: dict[str, str]) -> Iterator[str]:
    heads = [_("When"), _("Person"), _("Action"), _("About"), _("Changes"), _("Network")]
    yield "\ufeff" + _line(heads)
    last_id = None
    while True:
        page = statement.order_by(AuditEntry.id.desc()).limit(ROWS_AT_A_TIME)
        entries = db.session.scalars(
            page if last_id is None else page.where(AuditEntry.id < last_id)
        ).all()
        for entry in entries:
            changes = [f"{name}: {old} → {new}" for name, old, new in changes_of(entry)]
            yield _line(
                [
                    format_datetime(entry.at, "dd/MM/yyyy HH:mm:ss"),
                    people.get(entry.actor, entry.actor),
                    action_words(entry.action),
                    entry.label or entry.subject,
                    "; ".join(changes),
                    entry.network,
                ]
            )
        if len(entries) < ROWS_AT_A_TIME:
            return
        last_id = entries[-1].id
        db.session.expunge_all()  # a long log is read in the memory of one page


def _line(cells: list[str]) -> str:
    """One row for a Brazilian spreadsheet; text that would be a formula is quoted."""
    out = io.StringIO()
    safe = [f"'{cell}" if FORMULA.match(cell) else cell for cell in cells]
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerow(safe)
    return out.getvalue()


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        AuditLog(
            name=_l("Audit"), category=groups.TEAM, url="/admin/auditoria", endpoint="audit_log"
        )
    ]
