"""What search engines and share cards read: titles, descriptions, JSON-LD, for all pages."""

from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import gettext as _

from core.head import TITLE_CHARACTERS, Page, absolute, fit, shorten
from core.money import format_brl
from core.text import format_km, inside_a_sentence
from dealership.identity import Identity, StoreProfile
from inventory.offers import Offer, OfferPhoto
from inventory.vocabulary import label

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
AVAILABILITY = {
    "available": "https://schema.org/InStock",
    "reserved": "https://schema.org/Reserved",
    "reserved_unlisted": "https://schema.org/Reserved",
    "sold": "https://schema.org/SoldOut",
}
Crumbs = Sequence[tuple[str, str]]

__all__ = [
    "Page",
    "absolute",
    "breadcrumb_node",
    "dealer_id",
    "dealer_node",
    "fit",
    "house_page",
    "list_node",
    "offer_node",
    "offer_page",
    "organization_node",
    "photo_address",
    "shorten",
    "website_node",
]


def photo_address(photo: OfferPhoto, at_least_px: int = 1200) -> str:
    """A JPEG of `photo`, absolute: the smallest that is wide enough for a share card."""
    width = next((w for w in photo.widths if w >= at_least_px), photo.widths[-1])
    return absolute(f"/media/{photo.stem}-{width}.jpg")


# ---- pages ----


def house_page(
    dealer: Identity,
    words: Sequence[str],
    description: str,
    path: str,
    crumbs: Crumbs,
    *nodes: dict[str, Any],
    is_indexable: bool = True,
) -> Page:
    """The head of a page that is about no single car: `words` with the house's name, its card,
    and where the page stands before `nodes`."""
    return Page(
        title=fit(words, f" | {dealer.name}"),
        description=shorten(description),
        path=path,
        is_indexable=is_indexable,
        image=absolute("/static/card.jpg"),
        image_alt=dealer.name,
        nodes=(breadcrumb_node(crumbs, path), *nodes),
    )


def offer_page(offer: Offer, dealer: Identity, store: StoreProfile | None, crumbs: Crumbs) -> Page:
    """The head of an offer's page. A sold car's page asks to leave the index by itself."""
    condition = _("brand new") if offer.condition == "new" else _("used")
    where = _("in %(city)s", city=offer.store.city) if offer.store.city else ""
    title = fit(
        [offer.name, offer.trim, str(offer.model_year), f"{condition} {where}".strip()],
        f" | {dealer.name}",
    )
    if len(title) > TITLE_CHARACTERS:
        title = fit([offer.name, str(offer.model_year)], "")
    if str(offer.model_year) not in title:
        title = fit([offer.name, str(offer.model_year), where], f" | {dealer.name}")
    photo = offer.photos[0] if offer.photos else None
    return Page(
        title=title,
        description=shorten(_offer_description(offer)),
        path=offer.path,
        image=photo_address(photo) if photo else absolute("/static/card.jpg"),
        image_alt=offer.title,
        nodes=(
            offer_node(offer, store),
            breadcrumb_node(crumbs, offer.path),
            dealer_node(dealer, store),
        ),
    )


def _offer_description(offer: Offer) -> str:
    facts = [offer.title]
    if offer.transmission:
        facts.append(inside_a_sentence(str(label("transmission", offer.transmission))))
    if offer.mileage_km is not None:
        facts.append(format_km(offer.mileage_km))
    if offer.color:
        facts.append(str(label("color", offer.color)).lower())
    line = ", ".join(facts)
    if offer.is_sold:
        return _("%(car)s: sold. See similar cars in stock with photos and prices.", car=line)
    return _(
        "%(car)s, for %(price)s. Photos, equipment, FIPE comparison and a proposal on WhatsApp.",
        car=line,
        price=format_brl(offer.price_cents),
    )


# ---- JSON-LD ----


def offer_node(offer: Offer, store: StoreProfile | None) -> dict[str, Any]:
    """`["Product", "Car"]` with its Offer, at the page's own price; no plate, no chassis."""
    condition = "NewCondition" if offer.condition == "new" else "UsedCondition"
    kind = "Motorcycle" if offer.body == "motorcycle" else "Car"
    node: dict[str, Any] = {
        "@type": ["Product", kind],
        "@id": f"{absolute(offer.path)}#oferta",
        "name": offer.title,
        "url": absolute(offer.path),
        "sku": offer.public_id,
        "description": shorten(offer.description or _offer_description(offer), 500),
        "image": [photo_address(photo) for photo in offer.photos[:6]]
        or [absolute("/static/card.jpg")],
        "brand": {"@type": "Brand", "name": offer.make},
        "model": offer.model_name,
        "vehicleModelDate": str(offer.model_year),
        "productionDate": str(offer.built_year or offer.model_year),
        "itemCondition": f"https://schema.org/{condition}",
        "mileageFromOdometer": {
            "@type": "QuantitativeValue",
            "value": offer.mileage_km,
            "unitCode": "KMT",
        }
        if offer.mileage_km is not None
        else None,
        "vehicleConfiguration": offer.trim or None,
        "fuelType": _text("fuel", offer.fuel),
        "vehicleTransmission": _text("transmission", offer.transmission),
        "bodyType": _text("body", offer.body),
        "color": _text("color", offer.color),
        "numberOfDoors": offer.doors,
        "offers": {
            "@type": "Offer",
            "price": f"{offer.price_cents / 100:.2f}",
            "priceCurrency": "BRL",
            "availability": AVAILABILITY[offer.availability.value],
            "itemCondition": f"https://schema.org/{condition}",
            "url": absolute(offer.path),
            "priceValidUntil": offer.promo_until.isoformat() if offer.promo_until else None,
            "seller": {"@id": dealer_id(store)},
        },
    }
    return _known(node)


def _text(kind: str, code: str | None) -> str | None:
    return str(label(kind, code)) if code else None


def _known(node: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not known: an empty property is a false one."""
    return {
        key: _known(value) if isinstance(value, dict) else value
        for key, value in node.items()
        if value is not None
    }


def dealer_id(store: StoreProfile | None) -> str:
    return absolute(f"{store.path if store else '/'}#loja")


def dealer_node(dealer: Identity, store: StoreProfile | None) -> dict[str, Any]:
    """An AutoDealer for `store`, or for the group's first store on pages of no store."""
    place = store or (dealer.stores[0] if dealer.stores else None)
    if place is None:
        return {"@type": "Organization", "@id": dealer_id(None), "name": dealer.name}
    return _known(
        {
            "@type": "AutoDealer",
            "@id": dealer_id(store),
            "name": place.name if store else dealer.name,
            "url": absolute(place.path if store else "/"),
            "image": absolute("/static/card.jpg"),
            "telephone": place.phone or dealer.phone or None,
            "email": place.email or dealer.email or None,
            "priceRange": "R$",
            "address": {
                "@type": "PostalAddress",
                "streetAddress": place.street,
                "addressLocality": place.city,
                "addressRegion": place.state_code,
                "postalCode": place.postal_code or None,
                "addressCountry": "BR",
            },
            "geo": {
                "@type": "GeoCoordinates",
                "latitude": place.latitude,
                "longitude": place.longitude,
            }
            if place.latitude is not None
            else None,
            "openingHoursSpecification": [
                {
                    "@type": "OpeningHoursSpecification",
                    "dayOfWeek": f"https://schema.org/{DAYS[interval.weekday]}",
                    "opens": interval.opens.strftime("%H:%M"),
                    "closes": interval.closes.strftime("%H:%M"),
                }
                for interval in place.schedule.intervals
            ]
            or None,
        }
    )


def organization_node(dealer: Identity) -> dict[str, Any]:
    return _known(
        {
            "@type": "Organization",
            "@id": absolute("/#grupo"),
            "name": dealer.name,
            "legalName": dealer.legal_name or None,
            "taxID": dealer.cnpj or None,
            "url": absolute("/"),
            "logo": absolute("/static/icon.svg"),
        }
    )


def website_node(dealer: Identity) -> dict[str, Any]:
    """What search engines show as the site's name."""
    return {
        "@type": "WebSite",
        "@id": absolute("/#website"),
        "name": dealer.name,
        "url": absolute("/"),
    }


def breadcrumb_node(crumbs: Crumbs, path: str) -> dict[str, Any]:
    return {
        "@type": "BreadcrumbList",
        "@id": f"{absolute(path)}#trilha",
        "itemListElement": [
            {"@type": "ListItem", "position": number, "name": text, "item": absolute(address)}
            for number, (text, address) in enumerate(crumbs, 1)
        ],
    }


def list_node(offers: Iterable[Offer], path: str, name: str) -> dict[str, Any]:
    return {
        "@type": "ItemList",
        "@id": f"{absolute(path)}#lista",
        "name": name,
        "itemListElement": [
            {"@type": "ListItem", "position": number, "url": absolute(offer.path)}
            for number, offer in enumerate(offers, 1)
        ],
    }
