"""The stores: where they are, when they open, what stands there."""

from flask import abort, render_template
from flask_babel import gettext as _

from content.media import shown
from dealership.identity import StoreProfile, identity
from inventory import search
from showroom import seo

SHOWN = 12


def stores_page() -> str:
    """`/lojas`: every store with its hours now."""
    dealer = identity()
    crumbs = [(_("Home"), "/"), (_("Stores"), "/lojas")]
    cities = ", ".join(dict.fromkeys(store.city for store in dealer.stores))
    return render_template(
        "showroom/stores.html",
        page=seo.Page(
            title=seo.fit([_("Stores, addresses and hours")], f" | {dealer.name}"),
            description=seo.shorten(
                _(
                    "Addresses, opening hours, phones and WhatsApp of the %(name)s stores in "
                    "%(cities)s, and how many vehicles stand in each.",
                    name=dealer.name,
                    cities=cities or "Brasil",
                )
            ),
            path="/lojas",
            nodes=(
                seo.page_node("/lojas", _("Stores, addresses and hours"), "CollectionPage"),
                seo.website_node(dealer),
                *(seo.dealer_node(dealer, store) for store in dealer.stores),
                seo.breadcrumb_node(crumbs, "/lojas"),
            ),
        ),
        crumbs=crumbs,
        store_counts=search.count_by("store"),
    )


def store_page(slug: str) -> str:
    """`/lojas/<slug>`: one store, its hours and its stock."""
    dealer = identity()
    store = dealer.store(slug)
    if store is None:
        abort(404)
    crumbs = [(_("Home"), "/"), (_("Stores"), "/lojas"), (store.name, store.path)]
    result = search.search(search.OfferFilter(stores=(slug,)))
    return render_template(
        "showroom/store.html",
        page=seo.Page(
            title=seo.fit([store.name, *_where(store)], f" | {dealer.name}"),
            description=seo.shorten(
                _(
                    "%(store)s, %(address)s. Opening hours, phone, WhatsApp, map and the "
                    "%(n)s vehicles that stand there today.",
                    store=store.name,
                    address=store.address_line,
                    n=result.total,
                )
            ),
            path=store.path,
            image=seo.absolute("/static/card.jpg"),
            image_alt=store.name,
            nodes=(
                seo.page_node(store.path, store.name, "AboutPage", seo.dealer_id(store)),
                seo.website_node(dealer),
                seo.dealer_node(dealer, store),
                seo.breadcrumb_node(crumbs, store.path),
            ),
        ),
        crumbs=crumbs,
        store=store,
        photo=shown(store.photo) if store.photo else None,
        total=result.total,
        offers=search.find_offers(result.ids[:SHOWN]),
    )


def _where(store: StoreProfile) -> list[str]:
    """The store's city, unless its name says it already."""
    return [] if store.city in store.name else [_("in %(city)s", city=store.city)]
