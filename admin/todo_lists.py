"""The things behind the lines of the to-do list that have no screen of their own."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import format_date, format_datetime, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from admin.door import may
from admin.privacy import KINDS
from admin.stock_rows import car_name
from core.clock import now
from core.db import db
from dealership.models import Store
from dealership.roles import Permission
from integrators.models import PortalAccount
from inventory import attention as stock_attention
from inventory.models import Photo, Vehicle
from jobs.queue import dead_jobs
from landing import attention as page_attention
from landing.models import LandingPage
from leads import attention as lead_attention
from leads.capture import spool
from leads.words import source_label

Ids = Collection[int] | None
Rows = Sequence["Row"]


@dataclass(frozen=True)
class Row:
    """One thing: its name, what is the matter, where to mend it. `job` has buttons of its own;
    `draft` can be published at once."""

    name: str
    detail: str = ""
    path: str = ""
    job: int = 0
    draft: int = 0


@dataclass(frozen=True)
class TodoList:
    """One such list. `is_over_all`: only for people of all stores."""

    title: Any
    advice: Any
    permission: Permission
    rows: Callable[[Ids, Sequence[Store], int], Rows]
    is_over_all: bool = False


def _ready(ids: Ids, _stores: Sequence[Store], most: int) -> Rows:
    return [
        Row(car_name(one), one.store.name, f"/admin/veiculo/{one.id}/", draft=one.id)
        for one in stock_attention.ready_drafts(ids)[:most]
    ]


def _ending(ids: Ids, stores: Sequence[Store], most: int) -> Rows:
    return [
        Row(car_name(one), _("until %(day)s", day=format_date(one.promo_until, "dd/MM")), _car(one))
        for one in stock_attention.ending_promotions(ids, stores).rows(most)
    ]


def _held(ids: Ids, _stores: Sequence[Store], most: int) -> Rows:
    return [
        Row(car_name(one), _days(one), _car(one))
        for one in stock_attention.long_reserved(ids).rows(most)
    ]


def _days(vehicle: Vehicle) -> str:
    days = (now() - vehicle.state_changed_at).days
    return str(ngettext("for %(num)s day", "for %(num)s days", days))


def _photos(ids: Ids, _stores: Sequence[Store], most: int) -> Rows:
    cars = stock_attention.with_failed_photos(ids).rows(most)
    failed = sa.select(Photo.vehicle_id, sa.func.max(Photo.error)).where(
        Photo.vehicle_id.in_([car.id for car in cars]), Photo.state == "failed"
    )
    errors = {row[0]: row[1] for row in db.session.execute(failed.group_by(Photo.vehicle_id))}
    return [Row(car_name(one), errors.get(one.id, ""), f"/admin/fotos/{one.id}/") for one in cars]


def _car(vehicle: Vehicle) -> str:
    return f"/admin/veiculo/{vehicle.id}/" if may(Permission.EDIT_STOCK) else ""


def _over(ids: Ids, _stores: Sequence[Store], most: int) -> Rows:
    pages = db.session.scalars(
        sa.select(LandingPage)
        .where(page_attention.over_pages(ids))
        .order_by(LandingPage.ends_at.desc())
        .limit(most)
    )
    return [
        Row(page.name, _("ended on %(day)s", day=_when(page.ends_at)), _page(page))
        for page in pages
    ]


def _bare(ids: Ids, _stores: Sequence[Store], most: int) -> Rows:
    return [
        Row(page.name, f"/lp/{page.slug}", _page(page))
        for page in page_attention.pages_without_cars(ids)[:most]
    ]


def _page(page: LandingPage) -> str:
    return f"/admin/paginas/{page.id}/"


def _mails(ids: Ids, _stores: Sequence[Store], most: int) -> Rows:
    return [
        Row(one.subject, one.error, f"/admin/leads/{one.lead_id}/" if one.lead_id else "")
        for one in db.session.scalars(lead_attention.failed_mails(ids).limit(most))
    ]


def _cases(_ids: Ids, _stores: Sequence[Store], most: int) -> Rows:
    return [
        Row(
            _("Case %(n)s: %(what)s", n=one.id, what=KINDS.get(one.kind, one.kind)),
            _("answer by %(day)s", day=format_date(one.due_at, "dd/MM/yyyy")),
            f"/admin/privacidade/caso/{one.id}/",
        )
        for one in db.session.scalars(lead_attention.open_cases().limit(most))
    ]


def _unread(_ids: Ids, _stores: Sequence[Store], most: int) -> Rows:
    return [
        Row(f"{source_label(one.source)}, {_when(one.received_at)}", one.error)
        for one in db.session.scalars(lead_attention.unread_posts().limit(most))
    ]


def _spooled(_ids: Ids, _stores: Sequence[Store], _most: int) -> Rows:
    waiting, oldest_seconds = spool().depth()
    parked = spool().parked()
    rows = []
    if waiting:
        minutes = max(1, round(oldest_seconds / 60))
        rows.append(
            Row(
                ngettext("%(num)s lead waits for the database",
                         "%(num)s leads wait for the database", waiting),
                ngettext("for %(num)s minute", "for %(num)s minutes", minutes),
            )
        )  # fmt: skip
    if parked:
        rows.append(
            Row(ngettext("%(num)s file was put aside", "%(num)s files were put aside", parked))
        )
    return rows


def _portals(_ids: Ids, _stores: Sequence[Store], most: int) -> Rows:
    tired = sa.select(PortalAccount).where(PortalAccount.state == "needs_reauth")
    return [
        Row(one.name, one.problem, "/admin/portais/" if may(Permission.EDIT_PORTALS) else "")
        for one in db.session.scalars(tired.order_by(PortalAccount.name).limit(most))
    ]


def _jobs(_ids: Ids, _stores: Sequence[Store], most: int) -> Rows:
    return [
        Row(str(JOB_NAMES.get(one.kind, one.kind)), one.last_error or "", job=one.id)
        for one in dead_jobs(most)
    ]


def _when(moment: Any) -> str:
    return str(format_datetime(moment, "dd/MM HH:mm"))


JOB_NAMES: Final[Mapping[str, Any]] = {
    "send_mail": _l("Send a mail"),
    "compose_mail": _l("Write a mail"),
    "fetch_photo": _l("Fetch a photo from the internet"),
    "render_photo": _l("Prepare a photo in all sizes"),
    "check_lead_photos": _l("Check a visitor's photos"),
    "process_submission": _l("Read a form"),
    "process_webhook": _l("Read a portal's message"),
    "poll_lead_sources": _l("Ask the portals for new leads"),
    "price_alerts": _l("Tell people of lower prices"),
    "send_case_code": _l("Send a privacy code"),
}
_P = Permission
LISTS: Final[Mapping[str, TodoList]] = {
    "prontos": TodoList(
        _l("Drafts ready for the site"),
        _l("They have a price and photos, and nothing keeps them back."),
        _P.PUBLISH_STOCK, _ready),
    "promocoes": TodoList(
        _l("Promotions that end within three days"),
        _l("Afterwards the site shows the full price again by itself. Extend those that go on."),
        _P.EDIT_STOCK, _ending),
    "reservados": TodoList(
        _l("Reserved for more than a week"),
        _l("Sold? Say so. Free again? Put the car back on sale."),
        _P.EDIT_STOCK, _held),
    "fotos": TodoList(
        _l("Photos that failed"),
        _l("Send the photo again, or take it out."),
        _P.EDIT_STOCK, _photos),
    "encerradas": TodoList(
        _l("Landing pages that ended"),
        _l("Stop the advertisement, or give the page a new end."),
        _P.EDIT_PAGES, _over),
    "sem-carro": TodoList(
        _l("Live pages without a car of their own"),
        _l("Their cars are sold or their filter finds nothing. Choose other cars."),
        _P.EDIT_PAGES, _bare),
    "emails": TodoList(
        _l("Mails that were not delivered"),
        _l("Call or write on WhatsApp instead; the lead has the number."),
        _P.SEE_LEADS, _mails),
    "privacidade": TodoList(
        _l("Privacy requests"),
        _l("What people ask about their own data. The law gives 15 days (LGPD, art. 19)."),
        _P.ANSWER_PRIVACY, _cases, is_over_all=True),
    "nao-lidos": TodoList(
        _l("Posts that could not be read"),
        _l("A lead may be in them. Tell who looks after the system; nothing is lost."),
        _P.MANAGE_STAFF, _unread, is_over_all=True),
    "disco": TodoList(
        _l("Leads waiting on the disk"),
        _l("The database did not take them. They enter by themselves once it answers; if this "
           "lasts longer than a few minutes, call who looks after the system."),
        _P.MANAGE_STAFF, _spooled, is_over_all=True),
    "portais": TodoList(
        _l("Portal accounts to connect again"),
        _l("The portal refuses our key. Sign in there and give the new one."),
        _P.MANAGE_STAFF, _portals, is_over_all=True),
    "tarefas": TodoList(
        _l("Tasks that gave up"),
        _l("Each was tried many times. Try again once the cause is gone, or let it be."),
        _P.MANAGE_STAFF, _jobs, is_over_all=True),
}  # fmt: skip
