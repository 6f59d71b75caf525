"""`/admin/busca/`: one field that finds cars, people, pages, colleagues and screens."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from rapidfuzz import fuzz
from sqlalchemy.orm import selectinload

from admin.door import StaffView, at, may, staff
from admin.lists import read_by_id
from admin.search_screens import SCREENS, Screen
from admin.stock_rows import LOADED, car_name
from admin.stock_scope import selected
from content.models import Document
from core.db import db
from core.text import clean_line, fold, format_phone
from dealership.roles import ROLE_NAMES, Permission, Role
from dealership.staff import StaffMember
from inventory.lifecycle import STATES
from inventory.models import CarModel, Make, Vehicle
from inventory.stock_filter import StockFilter
from inventory.vocabulary import label, public_value
from landing.attention import seen_by
from landing.models import LandingPage
from leads.finding import people_named
from leads.inbox import within
from leads.models import Lead, Person
from leads.words import source_label

MOST: Final = 6  # of each kind; the kind's own list shows the rest
MOST_NAMES: Final = 2_000  # pages, articles, models that are compared by name
SHORTEST_PLATE: Final = 3
SHORTEST_LIKE: Final = 4  # letters: shorter words are spelled right or mean something else
LIKE_ENOUGH: Final = 76  # of 100
LONGEST: Final = 120
_P = Permission
DOCUMENTS: Final = {
    "article": "/admin/blog/",
    "story": "/admin/historias/",
    "page": "/admin/paginas-do-site/",
}


@dataclass(frozen=True)
class Hit:
    """One thing found."""

    words: str
    detail: str
    path: str
    icon: str


@dataclass(frozen=True)
class Group:
    """What was found of one kind; `more` leads to all of it."""

    title: str
    hits: Sequence[Hit]
    more: str = ""


class Search(StaffView):
    """The palette's answers; a page of its own without the script."""

    icon = "search"
    in_menu = False

    @at("/", Permission.SEE_HOME)
    def index(self) -> str:
        """Everything that matches `q`, within what the person may see."""
        query = clean_line(request.args.get("q", ""), LONGEST)
        found = find(query)
        part = request.args.get("parte") == "1"
        template = "admin/search_found.html" if part else "admin/search.html"
        return str(self.render(template, title=_("Search"), query=query, found=found))


def find(query: str) -> list[Group]:
    """The groups for `query`; without one, the screens. At most twelve statements."""
    if not query:
        return [Group(_("Screens"), [_screen_hit(one) for one in SCREENS if may(one.permission)])]
    kinds: tuple[tuple[Permission, Callable[[str], Group]], ...] = (
        (_P.SEE_HOME, _screens),
        (_P.SEE_STOCK, _cars),
        (_P.SEE_LEADS, _people),
        (_P.SEE_PAGES, _pages),
        (_P.EDIT_CONTENT, _documents),
        (_P.MANAGE_STAFF, _colleagues),
    )
    groups = [search(query) for permission, search in kinds if may(permission)]
    return [group for group in groups if group.hits]


# --- likeness --------------------------------------------------------------------------------


def likeness(words: Sequence[str], text: str) -> int:
    """How well `text` (folded) holds all of `words`: 3 as whole words, 2 as parts, 1 when some
    are spelled nearly so, 0 not."""
    own = text.split()
    best = 3
    for word in words:
        if word in own:
            continue
        if any(one.startswith(word) for one in own) or (
            len(word) >= SHORTEST_LIKE and word in text
        ):
            best = min(best, 2)
        elif len(word) >= SHORTEST_LIKE and any(
            fuzz.ratio(word, one) >= LIKE_ENOUGH for one in own
        ):
            best = min(best, 1)
        else:
            return 0
    return best


def _best(query: str, named: Iterable[tuple[str, Any]]) -> list[Any]:
    """The things whose name is like `query`, the likest first; near ones only where nothing is
    as typed."""
    words = fold(query).split()
    if not words:
        return []
    scored = [(likeness(words, fold(name)), thing) for name, thing in named]
    highest = max((score for score, _thing in scored), default=0)
    least = 1 if highest == 1 else 2
    kept = [(score, thing) for score, thing in scored if score >= least]
    return [thing for _score, thing in sorted(kept, key=lambda pair: -pair[0])][:MOST]


# --- kinds -----------------------------------------------------------------------------------


def _screens(query: str) -> Group:
    named = [
        (f"{one.name} {str(one.words).replace(',', ' ')}", one)
        for one in SCREENS
        if may(one.permission)
    ]
    return Group(_("Screens"), [_screen_hit(one) for one in _best(query, named)])


def _screen_hit(one: Screen) -> Hit:
    return Hit(str(one.name), "", one.path, one.icon)


def _cars(query: str) -> Group:
    cars = _cars_named(query)
    if not cars:
        mended = _mended(query)
        cars = _cars_named(mended) if mended and mended != fold(query) else []
        query = mended if cars else query
    pairs = [("q", query), *(("situacao", public_value("state", state)) for state in STATES)]
    return Group(
        _("Cars"),
        [
            Hit(
                car_name(car),
                " · ".join(
                    part for part in (str(label("state", car.state)), car.store.name, _plate(car))
                    if part
                ),
                _car_path(car),
                "car",
            )
            for car in cars
        ],
        more=f"/admin/estoque/?{urlencode(pairs)}",
    )  # fmt: skip


def _cars_named(query: str) -> Sequence[Vehicle]:
    wanted = selected(StockFilter(text=query, states=STATES))
    newest = Vehicle.created_at.desc()
    page = wanted.statement().order_by(Vehicle.state.in_(("sold", "archived")), newest).limit(MOST)
    return read_by_id(page, LOADED)


def _mended(query: str) -> str:
    """`query` with each word that no make or model has replaced by the nearest that one has."""
    rows = db.session.execute(sa.select(Make.name, CarModel.name).join(CarModel).limit(MOST_NAMES))
    known = {word for row in rows for name in row for word in fold(name).split()}
    return " ".join(_nearest(word, known) for word in fold(query).split())


def _nearest(word: str, known: set[str]) -> str:
    if word in known or len(word) < SHORTEST_LIKE or not known:
        return word
    near = max(known, key=lambda one: fuzz.ratio(word, one))
    return near if fuzz.ratio(word, near) >= LIKE_ENOUGH else word


def _plate(car: Vehicle) -> str:
    return car.license_plate or "" if may(_P.SEE_DOCUMENTS, car.store_id) else ""


def _car_path(car: Vehicle) -> str:
    if may(_P.EDIT_STOCK, car.store_id):
        return f"/admin/veiculo/{car.id}/"
    return f"/admin/estoque/?q={car.public_id}&situacao={public_value('state', car.state)}"


def _people(query: str) -> Group:
    """The newest lead of each person found."""
    ids = staff().store_ids
    number = query.removeprefix("#")
    if query.startswith("#") and number.isascii() and number.isdigit() and len(number) < 10:
        chosen = Lead.id == int(number)
    else:
        newest = (
            sa.select(sa.func.max(Lead.id))
            .where(Lead.person_id.in_(people_named(query, store_ids=ids, limit=MOST)))
            .where(within(Lead.store_id, ids))
            .group_by(Lead.person_id)
        )
        chosen = Lead.id.in_(newest)
    rows = db.session.execute(
        sa.select(Lead.id, Lead.source, Person.name, Person.phone, Person.email)
        .join(Person, Person.id == Lead.person_id)
        .where(chosen, within(Lead.store_id, ids))
        .order_by(Lead.id.desc())
        .limit(MOST)
    )
    hits = [
        Hit(
            name or _("Lead %(n)s", n=lead_id),
            " · ".join(
                part for part in (format_phone(phone) if phone else email, source_label(source))
                if part
            ),
            f"/admin/leads/{lead_id}/",
            "people",
        )
        for lead_id, source, name, phone, email in rows
    ]  # fmt: skip
    words = fold(query).split()
    hits.sort(key=lambda hit: -likeness(words, fold(hit.words)))
    return Group(_("People and leads"), hits, more=f"/admin/leads/?{urlencode({'q': query})}")


def _pages(query: str) -> Group:
    rows = db.session.execute(
        sa.select(LandingPage.id, LandingPage.name, LandingPage.slug)
        .where(seen_by(staff().store_ids))
        .order_by(LandingPage.updated_at.desc())
        .limit(MOST_NAMES)
    )
    named = [(f"{name} {slug}", (page_id, name, slug)) for page_id, name, slug in rows]
    return Group(
        _("Landing pages"),
        [
            Hit(name, f"/lp/{slug}", f"/admin/paginas/{page_id}/", "flag")
            for page_id, name, slug in _best(query, named)
        ],
    )


def _documents(query: str) -> Group:
    rows = db.session.execute(
        sa.select(Document.id, Document.kind, Document.title, Document.slug)
        .where(Document.state != "archived")
        .order_by(Document.updated_at.desc())
        .limit(MOST_NAMES)
    )
    kinds = {"article": _("Article"), "story": _("Story"), "page": _("Page of the site")}
    named = [
        (f"{title} {slug}", (number, kind, title or slug)) for number, kind, title, slug in rows
    ]
    return Group(
        _("Texts"),
        [
            Hit(title, kinds.get(kind, ""), f"{DOCUMENTS[kind]}{number}/", "pen")
            for number, kind, title in _best(query, named)
            if kind in DOCUMENTS
        ],
    )


def _colleagues(query: str) -> Group:
    """Who is tied to stores sees those who work in them."""
    ids = staff().store_ids
    members = [
        one
        for one in db.session.scalars(
            sa.select(StaffMember).options(selectinload(StaffMember.stores)).limit(MOST_NAMES)
        )
        if ids is None or any(store.id in ids for store in one.stores)
    ]
    named = [(f"{one.name} {one.email.replace('@', ' ')}", one) for one in members]
    return Group(
        _("Colleagues"),
        [
            Hit(one.shown_name, f"{ROLE_NAMES[Role(one.role)]} · {one.email}",
                f"/admin/equipe/{one.id}", "people")
            for one in _best(query, named)
        ],
    )  # fmt: skip


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [Search(name=_l("Search"), url="/admin/busca", endpoint="staff_search")]
