"""`/admin/paginas/`: landing pages: the list, new ones, copies, versions, dates, tests.

The builder itself is admin.page_builder.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask import redirect, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from admin import groups
from admin.door import (
    StaffView,
    answer,
    at,
    changing,
    done,
    found,
    is_sure,
    staff,
)
from admin.lists import Listing
from admin.page_builder import (
    EDIT,
    LIST,
    PUBLISH,
    SEE,
    page_or_404,
)
from admin.page_history import History, page_changing
from admin.page_state import find_cars
from core.clock import now
from core.errors import DomainError
from core.text import clean_line, fold, slugify_name
from inventory import search
from inventory.offers import Offer
from landing import editing, experiments, visits
from landing.goals import Goal, goal_label
from landing.models import LandingPage
from landing.starts import STARTS, Start, content_of, find_start
from landing.verdict import Verdict, judge

STATES: Final = {
    "no-ar": _l("Live"),
    "rascunho": _l("Draft"),
    "planejada": _l("Planned"),
    "encerrada": _l("Over"),
}


@dataclass(frozen=True)
class Row:
    """One page of the list."""

    page: LandingPage
    figures: visits.PageFigures
    has_unpublished: bool
    verdict: str  # in one or two words, empty without a test


class Pages(History):
    """Landing pages."""

    icon = "flag"

    @at("/", SEE)
    def index(self) -> str:
        """Every page with its state, window, goal and figures."""
        text = clean_line(request.args.get("q", ""), 80)
        state = request.args.get("estado", "")
        listing = Listing(
            _listed(text, state),
            {
                "nome": LandingPage.name,
                "estado": LandingPage.state,
                "fim": LandingPage.ends_at,
                "mudou": LandingPage.updated_at,
            },
            default="-mudou",
            tie=LandingPage.id,
        )
        return str(
            self.render(
                "admin/pages.html",
                listing=listing,
                rows=_rows(listing.rows),
                text=text,
                state=state,
                states=STATES,
                current_time=now(),
                goal_label=lambda goal: goal_label(Goal(goal)),
                days=visits.DAYS,
            )
        )

    @at("/nova", EDIT)
    def new(self) -> str:
        """What a new page begins with."""
        return str(self.render("admin/pages_new.html", starts=STARTS))

    @at("/nova/<key>", EDIT)
    def new_from(self, key: str) -> str:
        """Name, address and what the start needs."""
        start = found(find_start(key))
        return self._start(start, request.args)

    @at("/nova/<key>", EDIT, methods=("POST",))
    def create(self, key: str) -> Response | tuple[str, int]:
        """The page as a draft, ready to be built."""
        start: Start = found(find_start(key))
        form = request.form
        name = clean_line(form.get("nome", ""), 120)
        slug = form.get("endereco", "").strip() or slugify_name(name)
        try:
            content = _beginning(start, form)
            with changing("page.create", label=name, store_id=_own_store()) as change:
                page = editing.create(slug, name, start.goal, store_id=_own_store())
                editing.describe(page, name, store_id=page.store_id)
                editing.save_draft(page, content, staff().email, str(start.name))
                change.subject = f"page:{page.id}"
                page_id = page.id
        except DomainError as error:
            return self._start(start, form, problem=str(error)), 422
        done(_("The page is there as a draft. Make it yours, then publish it."))
        return redirect(f"{LIST}{page_id}/", code=303)

    @at("/<int:page_id>/copiar", EDIT)
    def copy_form(self, page_id: int) -> str:
        """Name and address of a copy."""
        page = page_or_404(page_id)
        typed = {
            "nome": _("%(name)s (copy)", name=page.name)[:120],
            "endereco": editing.free_slug_like(page.slug),
        }
        return str(self.render("admin/pages_copy.html", page=page, typed=typed, problem=""))

    @at("/<int:page_id>/copiar", EDIT, methods=("POST",))
    def duplicate(self, page_id: int) -> Response | tuple[str, int]:
        """A draft with the same content under another address."""
        page, form = page_or_404(page_id), request.form
        name = clean_line(form.get("nome", ""), 120)
        slug = form.get("endereco", "").strip() or slugify_name(name)
        try:
            with changing("page.duplicate", label=name, store_id=page.store_id) as change:
                copy = editing.duplicate(page, slug, name, staff().email)
                editing.describe(copy, name, store_id=copy.store_id)
                change.subject, change.after = f"page:{copy.id}", {"of": page.slug}
                copy_id = copy.id
        except DomainError as error:
            page = page_or_404(page_id)
            typed = {"nome": name, "endereco": slug}
            body = self.render("admin/pages_copy.html", page=page, typed=typed, problem=str(error))
            return str(body), 422
        done(_("The copy is there as a draft."))
        return redirect(f"{LIST}{copy_id}/", code=303)

    @at("/<int:page_id>/tirar", PUBLISH, methods=("POST",))
    def take_down(self, page_id: int) -> Response | str:
        """Off the site at once; asked for once more without a script."""
        page = page_or_404(page_id)
        if not is_sure():
            return self.ask_first(
                _("Take “%(name)s” off the site?", name=page.name),
                _("Who has the address sees that it does not exist. You can put it back."),
                yes=_("Take down"),
                back=LIST,
                back_words=_("Landing pages"),
            )
        with page_changing("page.take_down", page) as change:
            change.before, before = {"state": page.state}, page.state
            editing.unpublish(page)
            change.after = {"state": page.state}
        undo = f"{LIST}{page_id}/voltar" if before == "published" else ""
        done(_("The page is off the site."), undo=undo)
        return redirect(LIST, code=303)

    @at("/<int:page_id>/voltar", PUBLISH, methods=("POST",))
    def put_back(self, page_id: int) -> Response:
        """On the site again, as it was."""
        page = page_or_404(page_id)
        try:
            with page_changing("page.put_back", page):
                editing.put_back(page)
        except DomainError as error:
            return answer(error, f"{LIST}{page_id}/")
        done(_("The page is back on the site."))
        return redirect(LIST, code=303)

    def _start(self, start: Start, typed: Mapping[str, str], problem: str = "") -> str:
        text = clean_line(typed.get("q", ""), 80)
        cars: list[Offer] = []
        if start.needs == "car":
            chosen = search.find_offer(typed.get("carro", "")) if typed.get("carro") else None
            cars = [chosen] if chosen else []
            cars += [one for one in find_cars(text) if chosen is None or one.id != chosen.id]
        return str(
            self.render(
                "admin/pages_start.html",
                start=start,
                typed=typed,
                text=text,
                problem=problem,
                cars=cars,
                bodies=[(body, search.label("body", body), count)
                        for body, count in search.count_by("body").items()]
                if start.needs == "body"
                else [],
            )
        )  # fmt: skip


def _listed(text: str, state: str) -> sa.Select[Any]:
    statement = sa.select(LandingPage)
    ids = staff().store_ids
    if ids is not None:
        statement = statement.where(
            sa.or_(LandingPage.store_id.is_(None), LandingPage.store_id.in_(ids))
        )
    for word in fold(text).split():
        statement = statement.where(
            sa.or_(
                LandingPage.slug.contains(word, autoescape=True),
                sa.func.lower(LandingPage.name).contains(word, autoescape=True),
            )
        )
    moment, is_up = now(), LandingPage.state == "published"
    early, over = LandingPage.starts_at > moment, LandingPage.ends_at <= moment
    conditions = {
        "rascunho": LandingPage.state == "draft",
        "planejada": sa.and_(is_up, early),
        "encerrada": sa.and_(is_up, over),
        "no-ar": sa.and_(is_up, early.isnot(sa.true()), over.isnot(sa.true())),
    }
    return statement.where(conditions[state]) if state in conditions else statement


def _rows(pages: Any) -> list[Row]:
    """The list's rows in a fixed number of statements."""
    ids = [page.id for page in pages]
    live = editing.live_revisions(ids)
    newest = editing.newest_numbers(ids)
    figures = visits.figures(pages)
    weights = {
        page.slug: {key: int(v.get("weight", 1)) for key, v in sorted(variants.items())}
        for page in pages
        if page.id in live and len(variants := live[page.id].content.get("variants") or {}) > 1
    }
    results = experiments.results_of(weights) if weights else {}
    return [
        Row(
            page,
            figures[page.id],
            page.id not in live or newest.get(page.id, 0) > live[page.id].number,
            _short(judge(results[page.slug].arms)) if page.slug in results else "",
        )
        for page in pages
    ]


def _short(verdict: Verdict) -> str:
    if verdict.kind == "winner" and verdict.best:
        return _("%(key)s is better", key=verdict.best.variant)
    return _("do not trust it") if verdict.kind == "mismatch" else _("not conclusive yet")


def _beginning(start: Start, form: Mapping[str, str]) -> dict[str, Any]:
    """The content of a new page. Raises BadAddress when what it needs was not chosen."""
    if start.needs == "car":
        offer = search.find_offer(form.get("carro", ""))
        if offer is None or not offer.availability.has_page:
            raise editing.BadAddress(_("Choose the car that the page is about."))
        return content_of(start, offer=offer)
    if start.needs == "body":
        if form.get("carroceria", "") not in search.count_by("body"):
            raise editing.BadAddress(_("Choose the body type that the page is about."))
        return content_of(start, body=form["carroceria"])
    return content_of(start)


def _own_store() -> int | None:
    """The store of a new page: that of somebody who has just one."""
    ids = staff().store_ids
    return ids[0] if ids and len(ids) == 1 else None


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    pages = Pages(
        name=_l("Landing pages"),
        category=groups.PAGES,
        url="/admin/paginas",
        endpoint="staff_pages",
    )
    return [pages]
