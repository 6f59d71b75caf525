"""Lists of offers: the whole stock, a make, a model, any filter; facets with live counts."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from flask import abort, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core.text import fold
from dealership.identity import identity
from inventory import filters, search
from inventory.list_paths import both, filter_at, list_path
from inventory.offers import Offer
from inventory.search import PAGE_SIZE, OfferFilter, SearchResult
from leads.forms import ContactForm
from showroom import fragments
from showroom.addresses import path_of
from showroom.filter_column import filter_column
from showroom.list_heads import ListHead, list_head

SUGGESTIONS: Final = 3
_WORD: Final = re.compile(r"\w+")
Answer = bytes | Response | tuple[bytes, int]
# How the cards of a page are drawn: the first two are seen at once, the first is the largest.
# A list's cars are looked through card by card.
SWIPED: Final = 3
LOOKS: Final = tuple(
    ("h2", fragments.SIZES, place < 2, place == 0, SWIPED) for place in range(PAGE_SIZE)
)


@dataclass(frozen=True)
class Link:
    """Words and where they lead; `count` offers wait there."""

    text: str
    path: str
    count: int = 0


def stock_page() -> Answer:
    """`/estoque` with any query string."""
    return _list_page(OfferFilter())


def make_page(make: str) -> Answer:
    """`/estoque/<marca>`, or one of the other lists with a name: `/estoque/suv`."""
    return _named_list(make)


def model_page(make: str, model: str) -> Answer:
    """`/estoque/<marca>/<modelo>`"""
    return _named_list(make, model)


def narrow_page(make: str, model: str, narrow: str) -> Answer:
    """`/estoque/<marca>/<modelo>/<ano>` and `/estoque/<marca>/<modelo>/em-<cidade>`"""
    return _named_list(make, model, narrow)


def _named_list(*parts: str) -> Answer:
    """404 for what nobody ever had here; 301 where the same list has a nearer address."""
    if parts != tuple(part.lower() for part in parts):
        return _in_lower_case()
    wanted = filter_at(parts)
    if wanted is None:
        abort(404)
    if list_path(wanted) != request.path:
        asked = filters.read_filter(request.args).filter
        return redirect(path_of(both(asked, wanted)), code=301)
    return _list_page(wanted)


def _in_lower_case() -> Response:
    """One address per list: people type capitals, links do not have them."""
    query = f"?{request.query_string.decode()}" if request.query_string else ""
    return redirect(quote(request.path.lower()) + query, code=301)


def _list_page(of_path: OfferFilter) -> Answer:
    """The list of the address, `of_path`, and of the query string within it."""
    if request.args.get("pagina") == "1":
        return redirect(_without_page(), code=301)
    read = filters.read_filter(request.args)
    wanted = both(read.filter, of_path)
    dealer = identity()
    result = search.search(wanted)
    applied = result.applied
    offers = fragments.cards_of(result.ids, LOOKS[: len(result.ids)])
    head = list_head(result, offers, dealer)
    body = fragments.render_page(
        "showroom/list.html",
        page=head.page,
        crumbs=head.crumbs,
        head=head,
        heading=head.heading,
        typed=wanted.text,
        result=result,
        corrected=_as_read(wanted.text, result.corrected),
        cards=fragments.side_by_side(offers) if offers else None,
        column=filter_column(result),
        chips=[
            Link(chip.label, path_of(filters.without(applied, chip.part, chip.value)))
            for chip in search.describe(applied)
        ],
        notices=[*read.notices, *_ignored(result)],
        sorts=[(filters.SORT_VALUES[sort], words) for sort, words in search.sort_labels().items()],
        sort=filters.SORT_VALUES[applied.sort],
        relaxations=[
            Link(step.label, path_of(step.filter), step.count) for step in result.relaxations
        ],
        suggestions=[] if offers else _suggestions(applied),
        wish=_wish(head) if not offers else None,
        page_path=_page_paths(applied),
        search_fields=_fields(wanted, leave_out={"text", "page"}),
        filter_fields=_fields(applied, only={"text", "sort"}),
        sort_fields=_fields(applied, leave_out={"sort", "page"}),
    )
    is_there = (offers or head.may_be_empty) and wanted.page <= result.pages
    return body if is_there else (body, 404)


def _as_read(typed: str, corrected: Mapping[str, str]) -> str:
    """What was typed with its words put right; empty where they were."""
    if not corrected:
        return ""
    return _WORD.sub(lambda word: corrected.get(fold(word[0]), word[0]), typed)


def _page_paths(applied: OfferFilter) -> Callable[[int], str]:
    """The address of each page of a list; the page's number stands last in it."""
    first = path_of(filters.on_page(applied, 1))
    further = f"{first}{'&' if '?' in first else '?'}{filters.PARAMETERS['page']}="
    return lambda number: first if number <= 1 else f"{further}{number}"


def _without_page() -> str:
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "pagina"]
    return quote(request.path) + (f"?{urlencode(kept)}" if kept else "")


def _wish(head: ListHead) -> ContactForm:
    """The form of an empty list: what is wanted stands in it already."""
    return ContactForm.blank(mensagem=_("Tell me when it comes in: %(what)s.", what=head.heading))


def _suggestions(applied: OfferFilter) -> list[Offer]:
    """Instead of an empty list: others of the make, then what arrived last."""
    makes = tuple(applied.makes)
    found = search.search(OfferFilter(makes=makes), SUGGESTIONS, with_facets=False).ids
    return search.find_offers(found) or search.newest(SUGGESTIONS)


def _fields(
    wanted: OfferFilter, leave_out: set[str] | None = None, only: set[str] | None = None
) -> list[tuple[str, str]]:
    """Hidden fields that carry `wanted` along in a form."""
    return [
        (parameter, value)
        for part, parameter in filters.PARAMETERS.items()
        if part not in (leave_out or ()) and (only is None or part in only)
        for value in filters.public_values(wanted, part)
    ]


def _ignored(result: SearchResult) -> list[str]:
    if not result.ignored:
        return []
    words = ", ".join(result.ignored)
    return [_("These words were left out of the search: %(words)s.", words=words)]
