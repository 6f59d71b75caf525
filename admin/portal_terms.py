"""`/admin/portais/termos/`: what our cars are called on each portal.

What nobody knows yet stands first, with the cars that wait for it; one tap on a name chooses it.
What was taken without a person can be looked at and taken back. A name holds for the cars of
every store: people of some stores see the page, those of the whole group decide.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import request
from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from admin import groups
from admin.door import StaffView, answer, at, changing, done, found, local_path, may, staff
from admin.lists import Listing
from admin.portal_words import KIND_LABELS
from core.db import db
from core.errors import DomainError
from core.text import clean_line
from dealership.roles import Permission
from integrators.kinds import KINDS
from integrators.listings import terms
from integrators.listings.term_matching import Candidate, level_of
from integrators.listings.terms import OpenWord
from integrators.models import PortalAccount, TermMatch
from integrators.portals.every import PORTALS

HERE: Final = "/admin/portais/termos/"
SEE: Final = Permission.SEE_PORTALS
EDIT: Final = Permission.EDIT_PORTALS
PAGE: Final = 15  # words to decide on a page
OFFERED: Final = 3  # names that one tap chooses
LEAST: Final = 10  # names that are less alike help nobody
TAKEN, CHOSEN = "automaticos", "escolhidos"
LIST_NAMES: Final[dict[str, LazyString]] = {
    "make": _l("Make"),
    "model": _l("Model"),
    "trim": _l("Version"),
    "fuel": _l("Fuel"),
    "transmission": _l("Gearbox"),
    "color": _l("Colour"),
    "body": _l("Body type"),
    "feature": _l("Optional item"),
    "moto_cubiccms": _l("Cylinder capacity"),
}


@dataclass(frozen=True)
class Card:
    """A word to decide: what it is called, the cars that wait (None: not counted), what it may be
    on the portal."""

    match: TermMatch
    name: str
    list_name: str
    cars: int | None
    cars_path: str
    candidates: Sequence[Candidate]


class _Waiting(Listing):
    """A page of words that are in memory already."""

    def __init__(self, words: Sequence[OpenWord]) -> None:
        super().__init__(
            sa.select(TermMatch), {"ordem": "id"}, default="ordem", tie=None, page_size=PAGE
        )
        self._words = words

    @cached_property
    def total(self) -> int:
        return len(self._words)

    @cached_property
    def rows(self) -> Sequence[OpenWord]:
        start = (self.page - 1) * PAGE
        return self._words[start : start + PAGE]


class PortalTerms(StaffView):
    """Names on portals: to decide, taken without a person, chosen by people."""

    icon = "link"

    @at("/", SEE)
    def index(self) -> str:
        """What nobody knows yet, what was taken, what was chosen."""
        portals = _portals()
        asked = request.args.get("portal", "")
        portal = asked if asked in portals else _first(portals)
        which = request.args.get("quais", "")
        shown = self._decided(portal, which) if which in {TAKEN, CHOSEN} else _to_decide(portal)
        return str(
            self.render(
                "admin/portal_terms.html",
                portals=portals,
                portal=portal,
                which=which,
                path=_path,
                here=request.full_path.rstrip("?"),
                may_edit=_may_edit(),
                **shown,
            )
        )

    @at("/ler", EDIT, methods=("POST",))
    def read(self) -> Response:
        """Ask the portal for its lists."""
        _of_the_group()
        portals, portal = _portals(), request.form.get("portal", "")
        if portal not in portals:
            return answer(DomainError(_("Choose a portal from the list.")), HERE)
        with changing("portal_term.read", label=portals[portal]) as change:
            change.after = {"accounts": terms.read_soon(portal)}
        done(_("The lists are being read. Each is asked for once a week at most."))
        return redirect(_path(portal), code=303)

    @at("/<int:match_id>/", SEE)
    def one(self, match_id: int) -> str:
        """One word, with a search in the portal's list."""
        row: TermMatch = found(db.session.get(TermMatch, match_id))
        text = clean_line(request.args.get("q", ""), 80)
        every = terms.terms_of(row.portal, row.list, row.parent)
        entries = terms.search_terms(every, text)
        return str(
            self.render(
                "admin/portal_terms_one.html",
                card=_cards([OpenWord(row, None)], offered=8)[0],
                portal_name=_portals().get(row.portal, row.portal),
                entries=entries,
                chosen=next((one for one in every if one.code == row.code), None),
                text=text,
                back=_path(row.portal, "" if not row.code else _which(row)),
                may_edit=_may_edit(),
                ads=terms.ads_named(PORTALS[row.portal], row) if row.portal in PORTALS else None,
            )
        )

    @at("/<int:match_id>/escolher", EDIT, methods=("POST",))
    def choose(self, match_id: int) -> Response:
        """Say which entry of the portal's list it is."""
        _of_the_group()
        row: TermMatch = found(db.session.get(TermMatch, match_id))
        back = local_path(request.form.get("volta"), _path(row.portal))
        code = request.form.get("codigo", "")[:64]
        name = _names([row])[row.id]
        try:
            with changing("portal_term.choose", f"portal_term:{match_id}", label=name) as change:
                change.before = {"code": row.code}
                terms.confirm(match_id, code, staff().email)
                change.after = {"code": code}
        except DomainError as error:
            return answer(error, back)
        done(
            _("%(name)s is chosen. Its cars go out with the next pass.", name=name),
            undo=f"{HERE}{match_id}/desfazer",
        )
        return redirect(back, code=303)

    @at("/<int:match_id>/desfazer", EDIT, methods=("POST",))
    def undo(self, match_id: int) -> Response:
        """It is not what it was taken for: a person has to choose."""
        _of_the_group()
        row: TermMatch = found(db.session.get(TermMatch, match_id))
        back = local_path(request.form.get("volta"), _path(row.portal))
        name = _names([row])[row.id]
        try:
            with changing("portal_term.undo", f"portal_term:{match_id}", label=name) as change:
                change.before = {"code": row.code}
                terms.unconfirm(match_id, staff().email)
                change.after = {"code": ""}
        except DomainError as error:
            return answer(error, back)
        done(_("%(name)s waits to be chosen again.", name=name))
        return redirect(back, code=303)

    def _decided(self, portal: str, which: str) -> dict[str, Any]:
        listing = Listing(
            terms.decided(portal, by_people=which == CHOSEN),
            {"certeza": TermMatch.confidence, "nome": TermMatch.ours, "quando": TermMatch.at},
            default="-quando" if which == CHOSEN else "certeza",
            tie=TermMatch.id,
            as_rows=True,
        )
        names = _names([row[0] for row in listing.rows])
        return {"listing": listing, "names": names, "list_name": _list_name, "cards": []}


def _may_edit() -> bool:
    return may(EDIT) and staff().store_ids is None


def _of_the_group() -> None:
    """404 for people of some stores only."""
    found(True if staff().store_ids is None else None)


def _first(portals: Collection[str]) -> str:
    """The first portal with something to decide, or simply the first."""
    waiting = (kind for kind in portals if terms.open_words(PORTALS[kind]))
    return next(waiting, next(iter(portals), ""))


def _to_decide(portal: str) -> dict[str, Any]:
    listing = _Waiting(terms.open_words(PORTALS[portal]) if portal in PORTALS else [])
    return {"listing": listing, "cards": _cards(listing.rows, offered=OFFERED)}


def _cards(words: Sequence[OpenWord], *, offered: int) -> list[Card]:
    rows = [word.match for word in words]
    names = terms.names_of(rows)
    likely = terms.candidates_of(rows, names, offered)
    return [
        Card(
            word.match,
            " ".join(names[word.match.id]),
            _list_name(word.match.list),
            word.cars,
            f"/admin/estoque/?{urlencode({'q': ' '.join(names[word.match.id])})}",
            [one for one in likely[word.match.id] if one.confidence >= LEAST],
        )
        for word in words
    ]


def _names(rows: Sequence[TermMatch]) -> dict[int, str]:
    return {key: " ".join(names) for key, names in terms.names_of(rows).items()}


def _list_name(list_name: str) -> str:
    return str(LIST_NAMES.get(level_of(list_name), list_name))


def _portals() -> dict[str, str]:
    """Portals with lists of their own that somebody is connected to, or that ads were made for."""
    kinds = set(
        db.session.scalars(
            sa.select(PortalAccount.kind).where(PortalAccount.state != "archived").distinct()
        )
    )
    kinds |= set(db.session.scalars(sa.select(TermMatch.portal).distinct()))
    return {
        kind: str(KIND_LABELS.get(kind, known.label))
        for kind, known in KINDS.items()
        if kind in kinds and kind in PORTALS and PORTALS[kind].term_lists
    }


def _which(row: TermMatch) -> str:
    return CHOSEN if row.confirmed_by else TAKEN


def _path(portal: str, which: str = "") -> str:
    query = urlencode(
        {name: value for name, value in (("portal", portal), ("quais", which)) if value}
    )
    return f"{HERE}?{query}" if query else HERE


def views() -> list[StaffView]:
    """The screens of this module, for the menu."""
    return [
        PortalTerms(
            name=_l("Names on portals"),
            category=groups.PORTALS,
            url="/admin/portais/termos",
            endpoint="staff_portal_terms",
        )
    ]
