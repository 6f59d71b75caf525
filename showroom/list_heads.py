"""The head of a list and the words above its cards: own ones where the store wrote some."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import request
from flask_babel import gettext as _

from content.page_texts import NONE, OwnWords, words_of
from dealership.identity import Identity
from inventory import filters, search
from inventory.list_paths import STOCK, list_path
from inventory.search import OfferFilter, SearchResult, Summary
from showroom import list_index, list_names, seo
from showroom.addresses import path_of
from showroom.list_names import Listed


@dataclass(frozen=True)
class ListHead:
    """What stands around the cards of a list. `is_plain`: the list of the address itself, without
    any filter of a query string."""

    page: seo.Page
    heading: str
    crumbs: list[tuple[str, str]]
    is_plain: bool
    words: OwnWords = NONE
    sentences: Sequence[str] = ()
    further: Sequence[list_index.ListEntry] = ()  # narrower lists

    @property
    def may_be_empty(self) -> bool:
        """Whether the page helps without any offer: a filter's does, and one somebody wrote for."""
        return not self.is_plain or bool(self.words.text) or request.path == STOCK


def list_head(result: SearchResult, offers: Sequence[Listed], dealer: Identity) -> ListHead:
    """The head for `result`, whose page shows `offers`. One statement for the store's own words,
    on lists that have an address."""
    applied = result.applied
    path = list_path(applied) or STOCK
    is_plain = (
        request.path == path == path_of(filters.on_page(applied, 1)) and not result.filter.text
    )
    if is_plain:
        return _plain(result, offers, dealer, path)
    crumbs = _crumbs(applied)
    heading = _("New and used cars in stock")
    around = path if result.total else STOCK
    text = _(
        "%(heading)s at %(name)s: %(n)s offers with photos, cash price, mileage and FIPE "
        "comparison. Compare and simulate the instalments.",
        heading=heading,
        name=dealer.name,
        n=result.total,
    )
    page = seo.Page(
        title=seo.fit([heading], f" | {dealer.name}"),
        description=seo.shorten(text),
        path=around,
        is_indexable=False,
        # For whoever reads the page all the same: where it stands and whose it is.
        nodes=(seo.breadcrumb_node(crumbs, around), seo.dealer_node(dealer, None)),
        **_image(offers, heading),
    )
    return ListHead(page, heading, crumbs, is_plain)


def _plain(result: SearchResult, offers: Sequence[Listed], dealer: Identity, path: str) -> ListHead:
    applied = replace(result.applied, page=1)
    kind = list_index.kind_of(applied)
    around = list_index.list_around(applied)
    summary = search.summary(applied)
    words = words_of(path)
    is_worthy = list_index.is_indexed(kind, summary.total, search.count(around)) or (
        not summary.total and bool(words.text)
    )
    of_stock = path if path != STOCK else ""
    heading = words.heading or list_names.heading(applied, of_stock, summary)
    own = path_of(filters.on_page(applied, result.page))
    crumbs = _crumbs(applied)
    page = seo.Page(
        title=_title(words, heading, result.page, dealer.name),
        description=_description(words, applied, of_stock, summary, result.page, dealer.name),
        path=own if is_worthy or kind in list_index.NAMES else path_of(around),
        is_indexable=is_worthy and result.filter.page == result.page,
        nodes=(
            seo.page_node(own, heading, "CollectionPage", f"{seo.absolute(own)}#lista"),
            seo.website_node(dealer),
            seo.list_node(offers, own, heading),
            seo.breadcrumb_node(crumbs, own),
            seo.dealer_node(dealer, None),
        ),
        **_image(offers, heading),
    )
    if result.page > 1:
        return ListHead(page, heading, crumbs, True, replace(words, text=""))
    everything = offers if result.pages == 1 else ()
    return ListHead(
        page,
        heading,
        crumbs,
        True,
        words,
        list_names.sentences(summary, everything, dealer.name),
        _further(applied, kind, summary.total),
    )


def made_words(applied: OfferFilter, dealer: Identity) -> OwnWords:
    """What the list of `applied`, which has an address, says where nobody wrote words for it."""
    path = list_path(applied)
    summary = search.summary(applied)
    heading = list_names.heading(applied, path, summary)
    return OwnWords(
        title=_title(NONE, heading, 1, dealer.name),
        description=_description(NONE, applied, path, summary, 1, dealer.name),
        heading=heading,
    )


def _title(words: OwnWords, heading: str, page: int, house: str) -> str:
    if words.title and page == 1:
        return words.title
    return list_names.title(words.title or heading, page, house)


def _description(
    words: OwnWords, applied: OfferFilter, path: str, summary: Summary, page: int, house: str
) -> str:
    if words.description and page == 1:
        return words.description
    what = f"{list_names.subject(applied, path)} {list_names.in_city(applied, summary)}".strip()
    if not summary.total:
        text = _(
            "%(what)s at %(name)s: none in stock now. Say what you look for and we tell you when "
            "it comes in.",
            what=what,
            name=house,
        )
        return seo.shorten(text)
    return list_names.description(what, summary, page, house)


def _image(offers: Sequence[Listed], heading: str) -> dict[str, Any]:
    photo = offers[0].photos[0] if offers and offers[0].photos else None
    return {**seo.share_image(photo), "image_alt": heading}


def _crumbs(applied: OfferFilter) -> list[tuple[str, str]]:
    crumbs = [(_("Home"), "/"), (_("Stock"), STOCK)]
    path = list_path(applied)
    if not path:
        return crumbs
    make = applied.makes[0] if applied.makes else ""
    if make:
        crumbs.append((search.label("make", make), f"{STOCK}/{make}"))
    if applied.models:
        model = applied.models[0]
        crumbs.append((search.label("model", model), f"{STOCK}/{model}"))
    if applied.year_min is not None:
        crumbs.append((str(applied.year_min), path))
    elif applied.cities:
        crumbs.append((search.label("city", applied.cities[0]), path))
    elif not make:
        crumbs.append((list_names.subject(applied, path), path))
    return crumbs


def _further(applied: OfferFilter, kind: str, total: int) -> list[list_index.ListEntry]:
    """Lists within this one that are worth a link."""
    if kind == "model":
        return [one for one in list_index.narrower(applied, total) if one.is_indexed]
    if kind == "make":
        return list_index.models_of(applied.makes[0], total)
    return []
