"""What waits for the person who is signed in: one number, one sentence, one link each.

The numbers are counted by the very conditions that the linked lists use, so they agree. All of it
takes a fixed number of statements however much there is.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import ngettext

from admin.door import may, staff
from admin.outreach.after_sale import HERE as AFTER_SALE
from admin.outreach.after_sale import due_counts
from admin.portal_truth_rows import own_stale_stickers, own_untruths
from content.models import Testimonial
from core.db import db
from dealership.models import Store
from dealership.roles import Permission
from integrators.listings import overview as ads
from integrators.models import PortalAccount
from inventory import attention as stock_attention
from inventory.importing.history import StockImport
from inventory.models import Vehicle
from inventory.stock_filter import StockFilter, select_stock
from inventory.stock_filter import to_query as stock_query
from jobs.models import Job
from landing import attention as page_attention
from landing.models import LandingPage
from landing.stickers import StaleSticker
from leads import attention as lead_attention
from leads.capture import spool
from leads.inbox import LeadFilter, select_leads, within
from leads.inbox import to_query as leads_query
from leads.models import Lead
from leads.pipeline.quality import unjudged
from leads.shopper import failing_doors

STOCK: Final = "/admin/estoque/"
LEADS: Final = "/admin/leads/"
PORTALS: Final = "/admin/portais/"
DOORS: Final = "/admin/cliente-oculto/"
MORE: Final = "/admin/pendencias/"  # lists of things that have no screen of their own
NEWS_DAYS: Final = "7"  # suspicious posts of before were looked at or do not matter
_P = Permission


@dataclass(frozen=True)
class Todo:
    """One line: `count` things, said in `words`, done at `path`."""

    count: int
    words: str
    path: str
    icon: str
    is_urgent: bool = False


Wanted = dict[str, Any]  # name -> a number as part of one statement


def todo_list(stores: Sequence[Store]) -> list[Todo]:
    """Everything that waits, people first, within `stores`, those of who is signed in."""
    ids = staff().store_ids
    found: list[Todo] = []
    if may(_P.SEE_LEADS):
        found += _people(ids, stores)
    if may(_P.WORK_LEADS):
        found += _customers(ids)
    if may(_P.SUPERVISE_LEADS):
        found += _samples()
    if may(_P.EDIT_STOCK):
        found += _cars(ids, stores)
    if may(_P.EDIT_PAGES):
        found += _pages(ids)
    stale = own_stale_stickers()
    if may(_P.EDIT_STOCK) or may(_P.PRICE_STOCK):
        found += _paper(stale)
    if may(_P.SEE_PORTALS):
        found += _untrue(stale)
    found += _office(ids)
    # Through a door that is shut nobody else on this list would have come.
    found.sort(key=lambda one: one.path != DOORS)
    return [one for one in found if one.count]


def _counted(wanted: Wanted) -> dict[str, int]:
    """All numbers of `wanted` in one statement."""
    if not wanted:
        return {}
    row = db.session.execute(sa.select(*(one.label(name) for name, one in wanted.items()))).one()
    return {name: int(row[place] or 0) for place, name in enumerate(wanted)}


def _number_of(statement: sa.Select[Any]) -> Any:
    return (
        sa.select(sa.func.count())
        .select_from(statement.order_by(None).subquery())
        .scalar_subquery()
    )


def _samples() -> list[Todo]:
    """Conversations that were drawn for a supervisor."""
    count = unjudged(staff())
    words = ngettext("One conversation to judge", "%(num)s conversations to judge", count)
    return [Todo(count, words, "/admin/qualidade/", "quote")]


# --- people ----------------------------------------------------------------------------------


def _people(ids: Collection[int] | None, stores: Sequence[Store]) -> list[Todo]:
    filters = {
        "unseen": LeadFilter(unseen=True),
        "calls": LeadFilter(call_back=True),
        "visits": LeadFilter(visiting=True),
        "suspects": LeadFilter(suspect=True, days=NEWS_DAYS),
    }
    counts = _counted(
        {
            name: _leads(select_leads(wanted, store_ids=ids, stores=stores))
            for name, wanted in filters.items()
        }
    )
    words = {
        "unseen": ngettext(
            "new lead that nobody has opened", "new leads that nobody has opened", counts["unseen"]
        ),
        "calls": ngettext(
            "person waits for your call", "people wait for your call", counts["calls"]
        ),
        "visits": ngettext(
            "person comes today for a visit or test drive",
            "people come today for a visit or test drive",
            counts["visits"],
        ),
        "suspects": ngettext(
            "post looks like a robot's: is it?",
            "posts look like a robot's: are they?",
            counts["suspects"],
        ),
    }
    icons = {"unseen": "people", "calls": "clock", "visits": "key", "suspects": "shield"}
    return [
        Todo(
            counts[name],
            words[name],
            f"{LEADS}?{leads_query(filters[name])}",
            icons[name],
            is_urgent=name in {"unseen", "calls"},
        )
        for name in filters
    ]


def _customers(ids: Collection[int] | None) -> list[Todo]:
    """Who bought, and whom we turn to by ourselves."""
    n = {"unhappy": 0, **_counted(due_counts(ids))}
    return [
        Todo(n["unhappy"],
             ngettext("customer is unhappy after the delivery",
                      "customers are unhappy after the delivery", n["unhappy"]),
             AFTER_SALE, "flag", is_urgent=True),
        Todo(n["talks"],
             ngettext("talk after a delivery is due", "talks after deliveries are due",
                      n["talks"]), AFTER_SALE, "quote"),
        Todo(n["asks"],
             ngettext("happy customer could name friends", "happy customers could name friends",
                      n["asks"]), AFTER_SALE, "star"),
        Todo(n["steps"],
             ngettext("step with somebody on a list is due",
                      "steps with people on lists are due", n["steps"]),
             "/admin/carteiras/", "flag"),
    ]  # fmt: skip


def _leads(condition: sa.ColumnElement[bool]) -> Any:
    return sa.select(sa.func.count()).select_from(Lead).where(condition).scalar_subquery()


# --- cars ------------------------------------------------------------------------------------


def _cars(ids: Collection[int] | None, stores: Sequence[Store]) -> list[Todo]:
    bare = StockFilter(states=("published",), photo="without")
    free = StockFilter(states=("draft", "published", "reserved"), without_price=True)
    wanted = {
        "bare": _vehicles(select_stock(bare, store_ids=_listed(ids)).condition),
        "free": _vehicles(select_stock(free, store_ids=_listed(ids)).condition),
        "ending": stock_attention.ending_promotions(ids, stores).counted(),
        "held": stock_attention.long_reserved(ids).counted(),
        "photos": stock_attention.with_failed_photos(ids).counted(),
    }
    n = _counted(wanted)
    ready = len(stock_attention.ready_drafts(ids)) if may(_P.PUBLISH_STOCK) else 0
    return [
        Todo(n["bare"],
             ngettext("car is on the site without a photo", "cars are on the site without a photo",
                      n["bare"]), f"{STOCK}?{stock_query(bare)}", "camera", is_urgent=True),
        Todo(n["free"], ngettext("car has no price", "cars have no price", n["free"]),
             f"{STOCK}?{stock_query(free)}", "tag"),
        Todo(ready,
             ngettext("draft is ready for the site", "drafts are ready for the site", ready),
             f"{MORE}prontos", "eye"),
        Todo(n["ending"],
             ngettext("promotion ends within three days", "promotions end within three days",
                      n["ending"]), f"{MORE}promocoes", "clock"),
        Todo(n["held"],
             ngettext("car is reserved for more than a week",
                      "cars are reserved for more than a week", n["held"]),
             f"{MORE}reservados", "flag"),
        Todo(n["photos"],
             ngettext("car has a photo that failed", "cars have photos that failed", n["photos"]),
             f"{MORE}fotos", "picture"),
    ]  # fmt: skip


def _listed(ids: Collection[int] | None) -> list[int] | None:
    return None if ids is None else list(ids)


def _vehicles(condition: sa.ColumnElement[bool]) -> Any:
    return sa.select(sa.func.count()).select_from(Vehicle).where(condition).scalar_subquery()


# --- pages and paper -------------------------------------------------------------------------


def _pages(ids: Collection[int] | None) -> list[Todo]:
    over = _counted({"over": _number_of(
        sa.select(LandingPage.id).where(page_attention.over_pages(ids)))})["over"]  # fmt: skip
    bare = len(page_attention.pages_without_cars(ids))
    return [
        Todo(over,
             ngettext("landing page ended: is its ad still running?",
                      "landing pages ended: are their ads still running?", over),
             f"{MORE}encerradas", "flag"),
        Todo(bare,
             ngettext("live landing page shows no car of its own",
                      "live landing pages show no car of their own", bare),
             f"{MORE}sem-carro", "car", is_urgent=True),
    ]  # fmt: skip


def _paper(stale: Sequence[StaleSticker]) -> list[Todo]:
    return [
        Todo(len(stale),
             ngettext("sticker says an old price or a car that is gone",
                      "stickers say an old price or a car that is gone", len(stale)),
             "/admin/etiquetas/vencidas", "qr")
    ]  # fmt: skip


def _untrue(stale: Sequence[StaleSticker]) -> list[Todo]:
    """Every public place that says something false, paper included."""
    count = len(own_untruths()) + len(stale)
    return [
        Todo(count,
             ngettext("public place says something that is not true",
                      "public places say something that is not true", count),
             f"{PORTALS}verdade/", "eye", is_urgent=True)
    ]  # fmt: skip


# --- the office ------------------------------------------------------------------------------


def _office(ids: Collection[int] | None) -> list[Todo]:
    """What a machine could not finish, and what the law or a colleague waits for. What belongs to
    no store is for those who have all of them."""
    wanted: Wanted = {}
    is_over_all = ids is None
    if may(_P.SEE_LEADS):
        wanted["mails"] = _number_of(lead_attention.failed_mails(ids))
    if may(_P.IMPORT_STOCK) and is_over_all:
        waiting = sa.select(StockImport.id).where(StockImport.state.in_(("new", "tried")))
        wanted["imports"] = _number_of(waiting)
    if may(_P.EDIT_CONTENT):
        told = sa.select(Testimonial.id).where(
            Testimonial.state == "waiting", within(Testimonial.store_id, ids)
        )
        wanted["told"] = _number_of(told)
    if may(_P.MANAGE_STAFF) and is_over_all:
        wanted["cases"] = _number_of(lead_attention.open_cases())
        wanted["due"] = _number_of(lead_attention.cases_due_soon())
        wanted["unread"] = _number_of(lead_attention.unread_posts())
        wanted["jobs"] = _number_of(sa.select(Job.id).where(Job.state == "dead"))
        tired = sa.select(PortalAccount.id).where(PortalAccount.state == "needs_reauth")
        wanted["portals"] = _number_of(tired)
        wanted["doors"] = _number_of(failing_doors())
    if may(_P.EDIT_PORTALS):
        wanted["ads"] = _number_of(ads.blocked_ads(ids))
        wanted["halted"] = _number_of(ads.troubled_accounts(ids))
    n = {"ads": 0, "halted": 0, "mails": 0, "imports": 0, "told": 0, "cases": 0, "due": 0,
         "unread": 0, "jobs": 0, "portals": 0, "doors": 0, **_counted(wanted)}  # fmt: skip
    spooled = _spooled() if may(_P.MANAGE_STAFF) and is_over_all else 0
    return _office_lines(n, spooled)


def _office_lines(n: dict[str, int], spooled: int) -> list[Todo]:
    return [
        Todo(n["doors"],
             ngettext("door lets no leads in: a test of ours did not arrive",
                      "doors let no leads in: tests of ours did not arrive", n["doors"]),
             DOORS, "plug", is_urgent=True),
        Todo(n["cases"],
             ngettext("privacy request waits for an answer", "privacy requests wait for an answer",
                      n["cases"]), f"{MORE}privacidade", "scales", is_urgent=n["due"] > 0),
        Todo(spooled,
             ngettext("lead is safe on the disk and not in the database yet",
                      "leads are safe on the disk and not in the database yet", spooled),
             f"{MORE}disco", "import", is_urgent=True),
        Todo(n["unread"],
             ngettext("post of a portal or form could not be read",
                      "posts of portals or forms could not be read", n["unread"]),
             f"{MORE}nao-lidos", "plug", is_urgent=True),
        Todo(n["portals"],
             ngettext("portal account needs you to connect it again",
                      "portal accounts need you to connect them again", n["portals"]),
             f"{MORE}portais", "plug"),
        Todo(n["halted"],
             ngettext("portal stands still until somebody looks",
                      "portals stand still until somebody looks", n["halted"]),
             PORTALS, "plug", is_urgent=True),
        Todo(n["ads"],
             ngettext("ad is held back: something of the car is missing",
                      "ads are held back: something of the cars is missing", n["ads"]),
             PORTALS, "plug"),
        Todo(n["mails"],
             ngettext("mail was not delivered", "mails were not delivered", n["mails"]),
             f"{MORE}emails", "mail"),
        Todo(n["imports"],
             ngettext("stock file waits for your decision", "stock files wait for your decision",
                      n["imports"]), "/admin/importar/", "import"),
        Todo(n["told"],
             ngettext("testimonial waits for you to read it",
                      "testimonials wait for you to read them", n["told"]),
             "/admin/depoimentos/", "quote"),
        Todo(n["jobs"],
             ngettext("task in the background gave up", "tasks in the background gave up",
                      n["jobs"]), f"{MORE}tarefas", "history"),
    ]  # fmt: skip


def _spooled() -> int:
    try:
        return spool().depth()[0] + spool().parked()
    except OSError:
        return 0  # the probes alarm for a disk that does not answer


def waiting_words(count: int) -> str:
    """The head of the list."""
    if not count:
        return str(_("All in order."))
    return str(ngettext("One thing waits for you.", "%(num)s things wait for you.", count))
