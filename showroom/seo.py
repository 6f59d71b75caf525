"""What search engines and share cards read: titles, descriptions, JSON-LD, for all pages."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Protocol

from flask_babel import gettext as _

from core.clock import today
from core.head import Page, absolute, fit, shorten
from dealership.identity import DepartmentProfile, Identity, StoreProfile
from inventory.offers import OfferPhoto

SPECIAL_DAYS_AHEAD = 45  # as the store's page lists them
DEPARTMENT_TYPES = {"service": "AutoRepair", "parts": "AutoPartsStore", "sales": "AutoDealer"}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Below this share a cheaper price is noise; above it, it is worth a word.
FIPE_WORTH_SAYING_PERCENT = 3
Crumbs = Sequence[tuple[str, str]]


class HasPath(Protocol):
    """Whatever has a page of its own on this site."""

    @property
    def path(self) -> str: ...


__all__ = [
    "Page",
    "absolute",
    "breadcrumb_node",
    "dealer_id",
    "dealer_node",
    "department_name",
    "fit",
    "house_page",
    "known",
    "list_node",
    "organization_node",
    "page_node",
    "photo_address",
    "share_image",
    "shorten",
    "website_node",
]


def photo_address(photo: OfferPhoto, at_least_px: int = 1200) -> str:
    """A JPEG of `photo`, absolute: the smallest that is wide enough for a share card."""
    width = next((w for w in photo.widths if w >= at_least_px), photo.widths[-1])
    return absolute(f"/media/{photo.stem}-{width}.jpg")


def share_image(photo: OfferPhoto | None) -> dict[str, Any]:
    """What a Page says of the picture of its share card: `photo`, or nothing: the house's card."""
    if photo is None:
        return {}
    address = photo_address(photo)
    width_px = int(address.rpartition("-")[2].partition(".")[0])
    height_px = round(width_px * photo.height_px / photo.width_px) if photo.width_px else 0
    return {"image": address, "image_width_px": width_px, "image_height_px": height_px or 630}


# ---- pages ----


def house_page(
    dealer: Identity,
    words: Sequence[str],
    description: str,
    path: str,
    crumbs: Crumbs,
    *nodes: dict[str, Any],
    is_indexable: bool = True,
    kind: str = "WebPage",
) -> Page:
    """The head of a page that is about no single car: `words` with the house's name, its card,
    and where the page, a `kind` of WebPage, stands before `nodes`."""
    return Page(
        title=fit(words, f" | {dealer.name}"),
        description=shorten(description),
        path=path,
        is_indexable=is_indexable,
        nodes=(
            page_node(path, " ".join(word for word in words if word), kind),
            website_node(dealer),
            breadcrumb_node(crumbs, path),
            *nodes,
        ),
    )


# ---- JSON-LD ----


def known(node: dict[str, Any]) -> dict[str, Any]:
    """`node` without what is not known: an empty property is a false one."""
    return {
        key: known(value) if isinstance(value, dict) else value
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
    return known(
        {
            "@type": "AutoDealer",
            "@id": dealer_id(store),
            "name": place.name if store else dealer.name,
            "legalName": dealer.legal_name or None,
            "taxID": dealer.cnpj or None,
            "url": absolute(place.path if store else "/"),
            "image": absolute("/static/card.jpg"),
            "logo": logo_address(dealer),
            "telephone": place.phone or dealer.phone or None,
            "email": place.email or dealer.email or None,
            "priceRange": "R$",
            "currenciesAccepted": "BRL",
            "address": _address(place),
            "geo": {
                "@type": "GeoCoordinates",
                "latitude": place.latitude,
                "longitude": place.longitude,
            }
            if place.latitude is not None
            else None,
            "hasMap": place.map_url or None,
            "areaServed": place.city or None,
            "openingHoursSpecification": [*_week(place), *_special_days(place)] or None,
            "department": [_department(place, one) for one in place.departments] or None
            if store
            else None,
        }
    )


def _address(place: StoreProfile) -> dict[str, Any]:
    return {
        "@type": "PostalAddress",
        "streetAddress": place.street,
        "addressLocality": place.city,
        "addressRegion": place.state_code,
        "postalCode": place.postal_code or None,
        "addressCountry": "BR",
    }


def _week(place: StoreProfile) -> Iterator[dict[str, Any]]:
    for interval in place.schedule.intervals:
        yield {
            "@type": "OpeningHoursSpecification",
            "dayOfWeek": f"https://schema.org/{DAYS[interval.weekday]}",
            "opens": interval.opens.strftime("%H:%M"),
            "closes": interval.closes.strftime("%H:%M"),
        }


def _special_days(place: StoreProfile) -> Iterator[dict[str, Any]]:
    """Holidays and the like that are still to come; closed is from midnight to midnight."""
    day_now = today(place.zone)
    for special in place.schedule.special_days:
        if not day_now <= special.date <= day_now + timedelta(days=SPECIAL_DAYS_AHEAD):
            continue
        hours = [
            (one.opens.strftime("%H:%M"), one.closes.strftime("%H:%M")) for one in special.intervals
        ]
        for opens, closes in hours or [("00:00", "00:00")]:
            yield {
                "@type": "OpeningHoursSpecification",
                "validFrom": special.date.isoformat(),
                "validThrough": special.date.isoformat(),
                "opens": opens,
                "closes": closes,
            }


def _department(place: StoreProfile, part: DepartmentProfile) -> dict[str, Any]:
    """A department by the numbers that the store's page shows."""
    return known(
        {
            "@type": DEPARTMENT_TYPES.get(part.kind, "AutomotiveBusiness"),
            "name": f"{place.name}: {department_name(part.kind)}",
            "image": absolute("/static/card.jpg"),
            "telephone": part.phone or part.whatsapp or place.phone or None,
            "email": part.email or None,
            "address": _address(place),
        }
    )


def department_name(kind: str) -> str:
    """The name of a store's department."""
    names = {
        "sales": _("Sales"),
        "service": _("Workshop"),
        "parts": _("Parts"),
        "fleet": _("Fleet sales"),
    }
    return names.get(kind, kind)


def logo_address(dealer: Identity) -> str:
    """The house's mark as a picture, absolute."""
    return absolute(dealer.logo_url or "/static/icon-192.png")


def organization_node(dealer: Identity) -> dict[str, Any]:
    return known(
        {
            "@type": "Organization",
            "@id": absolute("/#grupo"),
            "name": dealer.name,
            "legalName": dealer.legal_name or None,
            "taxID": dealer.cnpj or None,
            "url": absolute("/"),
            "logo": logo_address(dealer),
            "telephone": dealer.phone or None,
            "email": dealer.email or None,
            "address": _address(dealer.stores[0]) if dealer.stores else None,
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


def list_node(offers: Iterable[HasPath], path: str, name: str) -> dict[str, Any]:
    return {
        "@type": "ItemList",
        "@id": f"{absolute(path)}#lista",
        "name": name,
        "itemListElement": [
            {"@type": "ListItem", "position": number, "url": absolute(offer.path)}
            for number, offer in enumerate(offers, 1)
        ],
    }


def page_node(
    path: str, name: str, kind: str = "WebPage", about: str | None = None
) -> dict[str, Any]:
    """The page at `path`, a `kind` of WebPage; `about` is the `@id` of what it is mainly about.
    Its graph holds the site and its breadcrumbs, too, which the home page has none of."""
    return known(
        {
            "@type": kind,
            "@id": f"{absolute(path)}#pagina",
            "url": absolute(path),
            "name": name,
            "isPartOf": {"@id": absolute("/#website")},
            "mainEntity": {"@id": about} if about else None,
            "breadcrumb": {"@id": f"{absolute(path)}#trilha"} if path != "/" else None,
            "inLanguage": "pt-BR",
        }
    )
