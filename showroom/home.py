"""The home page: search first, then the highlighted area, then ways to browse."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from content.banners import shown_banners
from core.site_memory import site_number
from dealership.identity import Identity, identity
from dealership.models import Banner
from inventory import filters, search
from inventory.offers import OfferPhoto
from leads.forms import NewsletterForm
from showroom import fragments, seo
from showroom.addresses import path_of

HIGHLIGHTS = 9
ARRIVALS = 8
MAKES = 14
PRICE_BANDS_CENTS = ((0, 60), (60, 90), (90, 130), (130, 200), (200, None))
THOUSAND_REAIS_CENTS = 1000_00


@dataclass(frozen=True)
class Pick:
    """A way into the stock: its words, its address, how many vehicles wait there."""

    label: str
    path: str
    count: int
    code: str = ""


def home_page() -> bytes:
    """`/`: kept ready for one version of the site and of the stock, and for what comes and goes
    with the clock alone."""
    dealer = identity()
    banners = shown_banners()
    ids = search.search(search.OfferFilter(), HIGHLIGHTS, with_facets=False).ids
    looks = [fragments.LEAD, *[fragments.RAIL] * (HIGHLIGHTS - 1)][: len(ids)]
    highlights = fragments.cards_of(ids, looks)
    arrivals = _arrivals(set(ids))
    by_itself = (
        tuple(banner.id for banner in banners),
        tuple((store.is_open, store.closes_at, store.opens_at) for store in dealer.stores),
        fragments.digest_of((*highlights, *arrivals)),
        fragments.quarter(),
    )
    return fragments.kept_page(
        "home-page",
        lambda: _parts(dealer, banners, highlights, arrivals),
        site_number(),
        search.version(),
        by_itself,
    )


def _parts(
    dealer: Identity,
    banners: Sequence[Banner],
    highlights: Sequence[fragments.Card],
    arrivals: Sequence[fragments.Card],
) -> fragments.Parts:
    stock = search.search(search.OfferFilter())
    return fragments.parts_of_page(
        "showroom/home.html",
        page=_page(dealer, stock.total),
        total=stock.total,
        lead=highlights[0] if highlights else None,
        highlights=fragments.side_by_side(highlights[1:]) if highlights[1:] else None,
        arrivals=fragments.side_by_side(arrivals) if arrivals else None,
        banners=[(banner, _banner_photo(banner)) for banner in banners],
        bodies=_facet_picks(stock, "body"),
        makes=_facet_picks(stock, "make", MAKES),
        price_bands=_price_bands(),
        quick_picks=_quick_picks(),
        store_counts=search.count_by("store"),
        news=NewsletterForm.blank(),
    )


def _page(dealer: Identity, total: int) -> seo.Page:
    city = dealer.stores[0].city if dealer.stores else ""
    where = _("in %(city)s", city=city) if city else ""
    return seo.Page(
        title=seo.fit([_("New and used cars"), where], f" | {dealer.name}"),
        description=seo.shorten(
            _(
                "%(n)s vehicles in stock at %(name)s, with photos, cash price and FIPE "
                "comparison. Search, compare and simulate the instalments.",
                n=total,
                name=dealer.name,
            )
        ),
        path="/",
        nodes=(
            seo.page_node("/", dealer.name),
            seo.organization_node(dealer),
            seo.website_node(dealer),
            seo.dealer_node(dealer, None),
        ),
    )


def _arrivals(shown: set[int]) -> list[fragments.Card]:
    newest = search.search(
        search.OfferFilter(sort="newest"), ARRIVALS + len(shown), with_facets=False
    ).ids
    ids = [one for one in newest if one not in shown][:ARRIVALS]
    return fragments.cards_of(ids, [fragments.PLAIN] * len(ids))


def _facet_picks(stock: search.SearchResult, facet: str, most: int | None = None) -> list[Pick]:
    """The values of `facet` that have stock, most first; `most` of them."""
    choices = sorted(stock.facets[facet], key=lambda choice: -choice.count)
    return [
        Pick(
            str(choice.label),
            path_of(filters.with_choice(search.OfferFilter(), facet, choice.value)),
            choice.count,
            choice.value,
        )
        for choice in choices[:most]
        if choice.count
    ]


def _price_bands() -> list[Pick]:
    picks = []
    for low, high in PRICE_BANDS_CENTS:
        wanted = search.OfferFilter(
            price_min_cents=low * THOUSAND_REAIS_CENTS if low else None,
            price_max_cents=high * THOUSAND_REAIS_CENTS if high else None,
        )
        count = search.count(wanted)
        if count:
            picks.append(Pick(_band_label(low, high), path_of(wanted), count))
    return picks


def _band_label(low: int, high: int | None) -> str:
    if not low:
        return _("Up to R$ %(high)s thousand", high=high)
    if high is None:
        return _("Above R$ %(low)s thousand", low=low)
    return _("R$ %(low)s to %(high)s thousand", low=low, high=high)


def _quick_picks() -> list[tuple[str, str]]:
    """Searches that many people start with."""
    return [
        (text, path_of(wanted))
        for text, wanted in (
            (_("SUVs"), search.OfferFilter(bodies=("suv",))),
            (_("Automatic"), search.OfferFilter(transmissions=("automatic", "cvt"))),
            (
                _("Up to R$ %(high)s thousand", high=80),
                search.OfferFilter(price_max_cents=80 * THOUSAND_REAIS_CENTS),
            ),
            (_("Low mileage"), search.OfferFilter(mileage_max_km=30_000)),
            (_("Brand new"), search.OfferFilter(conditions=("new",))),
        )
        if search.count(wanted)
    ]


def _banner_photo(banner: Banner) -> OfferPhoto | None:
    made = banner.photo
    if not made:
        return None
    return OfferPhoto(
        stem=made["stem"],
        widths=tuple(made["widths"]),
        formats=tuple(made["formats"]),
        width_px=made.get("width_px", 1600),
        height_px=made.get("height_px", 600),
        color=made.get("color", ""),
        alt=made.get("alt", ""),
    )
