"""Lists of offers: the whole stock, a make, a model, any filter; facets with live counts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from flask import abort, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from core.money import format_brl
from core.text import format_km
from dealership.identity import Identity, identity
from inventory import filters, search
from inventory.catalogue import name_of_make, name_of_model
from inventory.offers import Offer
from inventory.search import OfferFilter, SearchResult
from showroom import seo
from showroom.addresses import landing_path, path_of

OPTIONS_SHOWN: Final = 8
SUGGESTIONS: Final = 3
# Facets whose group stands open before anything is chosen.
OPEN_FACETS: Final = frozenset({"make", "price", "body", "transmission"})


@dataclass(frozen=True)
class Option:
    """One choice of a facet as a form field says it."""

    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True)
class FacetGroup:
    """A facet with its choices, those without offers left out unless chosen."""

    name: str
    label: str
    options: tuple[Option, ...]
    is_open: bool
    kind: str = "facet"

    @property
    def shown(self) -> int:
        """How many choices stand before "show all": never hides just one or two."""
        return OPTIONS_SHOWN if len(self.options) > OPTIONS_SHOWN + 2 else len(self.options)


@dataclass(frozen=True)
class RangeField:
    name: str
    label: str
    value: str
    placeholder: str


@dataclass(frozen=True)
class RangeGroup:
    """A range with one or two number fields."""

    name: str
    label: str
    fields: tuple[RangeField, ...]
    is_open: bool
    kind: str = "range"


@dataclass(frozen=True)
class Link:
    """Words and where they lead; `count` offers wait there."""

    text: str
    path: str
    count: int = 0


def stock_page() -> str:
    """`/estoque` with any query string."""
    read = filters.read_filter(request.args)
    return _list_page(read.filter, read.notices, heading=_("New and used cars in stock"))


def make_page(make: str) -> str | Response:
    """`/estoque/<marca>`: the list of a make; 404 for a make nobody ever had here."""
    if make != make.lower():
        return _in_lower_case()
    name = name_of_make(make)
    if name is None:
        abort(404)
    read = filters.read_filter(request.args)
    wanted = filters.canonical(replace(read.filter, makes=(make,), models=()))
    return _list_page(wanted, read.notices, heading=_("%(make)s in stock", make=name))


def model_page(make: str, model: str) -> str | Response:
    """`/estoque/<marca>/<modelo>`"""
    if (make, model) != (make.lower(), model.lower()):
        return _in_lower_case()
    names = name_of_model(make, model)
    if names is None:
        abort(404)
    read = filters.read_filter(request.args)
    wanted = filters.canonical(replace(read.filter, makes=(make,), models=(f"{make}/{model}",)))
    return _list_page(wanted, read.notices, heading=_("%(car)s in stock", car=" ".join(names)))


def _in_lower_case() -> Response:
    """One address per list: people type capitals, links do not have them."""
    query = f"?{request.query_string.decode()}" if request.query_string else ""
    return redirect(quote(request.path.lower()) + query, code=301)


def _list_page(wanted: OfferFilter, notices: Sequence[str], heading: str) -> str:
    dealer = identity()
    result = search.search(wanted)
    applied = result.applied
    offers = search.find_offers(result.ids)
    crumbs = _crumbs(applied)
    return render_template(
        "showroom/list.html",
        page=_page(dealer, result, heading, offers, crumbs),
        crumbs=crumbs,
        heading=heading,
        intro=_intro(result, dealer),
        typed=wanted.text,
        result=result,
        corrected=" ".join(result.corrected.values()),
        offers=offers,
        groups=_groups(result),
        chips=[
            Link(chip.label, path_of(filters.without(applied, chip.part, chip.value)))
            for chip in search.describe(applied)
        ],
        notices=[*notices, *_ignored(result)],
        sorts=[(filters.SORT_VALUES[sort], search.sort_label(sort)) for sort in search.SORTS],
        sort=filters.SORT_VALUES[applied.sort],
        relaxations=[
            Link(step.label, path_of(step.filter), step.count) for step in result.relaxations
        ],
        suggestions=[] if offers else search.newest(SUGGESTIONS),
        page_path=lambda number: path_of(filters.on_page(applied, number)),
        search_fields=_fields(wanted, leave_out={"text", "page"}),
        filter_fields=_fields(applied, only={"text", "sort"}),
        sort_fields=_fields(applied, leave_out={"sort", "page"}),
    )


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


# ---- head of the page ----


def _crumbs(applied: OfferFilter) -> list[tuple[str, str]]:
    crumbs = [(_("Home"), "/"), (_("Stock"), "/estoque")]
    path = landing_path(applied)
    if path:
        make = applied.makes[0] if applied.makes else applied.models[0].partition("/")[0]
        crumbs.append((search.label("make", make), f"/estoque/{make}"))
        if applied.models:
            crumbs.append((search.label("model", applied.models[0]), path))
    return crumbs


def _page(
    dealer: Identity,
    result: SearchResult,
    heading: str,
    offers: Sequence[Offer],
    crumbs: Sequence[tuple[str, str]],
) -> seo.Page:
    """Plain lists are indexed, each page of them under its own address; filters are not."""
    applied = result.applied
    path = landing_path(applied) or "/estoque"
    is_plain = path_of(replace(applied, page=1)) == path and not result.filter.text
    page = result.page
    own = path_of(replace(applied, page=page)) if is_plain else path
    suffix = _("page %(n)s", n=page) if page > 1 else ""
    photo = offers[0].photos[0] if offers and offers[0].photos else None
    return seo.Page(
        title=seo.fit([heading, suffix], f" | {dealer.name}"),
        description=seo.shorten(_description(result, heading, dealer, suffix)),
        path=own,
        is_indexable=is_plain and bool(offers) and result.filter.page == page,
        image=seo.photo_address(photo) if photo else seo.absolute("/static/card.jpg"),
        image_alt=heading,
        nodes=(
            seo.list_node(offers, own, heading),
            seo.breadcrumb_node(crumbs, own),
            seo.dealer_node(dealer, None),
        ),
    )


def _description(result: SearchResult, heading: str, dealer: Identity, suffix: str) -> str:
    text = _(
        "%(heading)s at %(name)s: %(n)s offers with photos, cash price, mileage and FIPE "
        "comparison. Compare and simulate the instalments.",
        heading=heading,
        name=dealer.name,
        n=result.total,
    )
    return f"{text} {suffix}".strip()


def _intro(result: SearchResult, dealer: Identity) -> str:
    """One true sentence about a make's or model's offers: how many, from which price."""
    if not result.total or not landing_path(result.applied) or result.page > 1:
        return ""
    cheapest = search.find_offers(
        search.search(filters.sorted_by(result.applied, "price_asc"), 1, with_facets=False).ids
    )
    if not cheapest:
        return ""
    return _(
        "%(n)s in stock at %(name)s, from %(price)s, with photos and the cash price.",
        n=result.total,
        name=dealer.name,
        price=format_brl(cheapest[0].price_cents),
    )


# ---- filter column ----


def _groups(result: SearchResult) -> list[FacetGroup | RangeGroup]:
    applied = result.applied
    labels = _facet_labels()
    groups: list[FacetGroup | RangeGroup] = []
    for name in ("make", "model", "price", "year", "mileage", *_LATER):
        if name in _RANGES:
            groups.append(_range_group(name, applied))
            continue
        options = _options(name, result)
        if options:
            chosen = any(option.is_chosen for option in options)
            is_open = chosen or name in OPEN_FACETS
            groups.append(FacetGroup(filters.PARAMETERS[name], labels[name], options, is_open))
    return groups


_RANGES: Final = ("price", "year", "mileage")
_LATER: Final = (
    "body", "transmission", "fuel", "condition", "color", "feature", "city", "store"
)  # fmt: skip


def _options(facet: str, result: SearchResult) -> tuple[Option, ...]:
    return tuple(
        Option(
            filters.public_value(facet, choice.value, result.applied),
            str(choice.label),
            choice.count,
            choice.is_chosen,
        )
        for choice in result.facets.get(facet, ())
        if choice.count or choice.is_chosen
    )


def _facet_labels() -> dict[str, str]:
    return {
        "make": _("Make"),
        "model": _("Model"),
        "condition": _("Condition"),
        "body": _("Body type"),
        "transmission": _("Gearbox"),
        "fuel": _("Fuel"),
        "color": _("Colour"),
        "feature": _("Equipment"),
        "store": _("Store"),
        "city": _("City"),
    }


def _range_group(name: str, applied: OfferFilter) -> RangeGroup:
    fields: tuple[RangeField, ...]
    if name == "price":
        fields = (
            RangeField("preco_min", _("From"), _plain_money(applied.price_min_cents), "30.000"),
            RangeField("preco_max", _("Up to"), _plain_money(applied.price_max_cents), "120.000"),
        )
        label = _("Price (R$)")
    elif name == "year":
        fields = (
            RangeField("ano_min", _("From"), str(applied.year_min or ""), "2018"),
            RangeField("ano_max", _("Up to"), str(applied.year_max or ""), "2026"),
        )
        label = _("Model year")
    else:
        km = applied.mileage_max_km
        typed = format_km(km).partition("\xa0")[0] if km is not None else ""
        fields = (RangeField("km_max", _("Up to"), typed, "60.000"),)
        label = _("Mileage (km)")
    is_open = name in OPEN_FACETS or any(field.value for field in fields)
    return RangeGroup(name, label, fields, is_open)


def _plain_money(cents: int | None) -> str:
    return "" if cents is None else format_brl(cents).removeprefix("R$\xa0")
