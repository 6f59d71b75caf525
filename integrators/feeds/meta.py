"""The feed of Meta's automotive catalogue.

https://developers.facebook.com/documentation/ads-commerce/marketing-api/auto-ads/reference
`vehicle_id` is the id that pages tell the pixel, so that who looked at a car is shown that car.
"""

from typing import Final

from integrators.feeds.dialect import (
    Dialect,
    FeedFacts,
    LeftOut,
    always,
    brl,
    check_xml,
    description_of,
    element,
    first_photo,
    full_price_cents,
    mileage_of,
    promo_price_cents,
    xml_text,
)
from integrators.portals.portal import Car, Secrets
from inventory import vocabulary

LONGEST_TITLE: Final = 500
LONGEST_DESCRIPTION: Final = 5000
_BODY: Final = {
    "hatch": "HATCHBACK", "sedan": "SEDAN", "suv": "SUV", "pickup": "PICKUP", "pickup_cd": "PICKUP",
    "wagon": "WAGON", "minivan": "MINIVAN", "van": "VAN", "coupe": "COUPE",
    "convertible": "CONVERTIBLE", "crossover": "CROSSOVER", "truck": "TRUCK",
}  # fmt: skip
_FUEL: Final = {
    "flex": "FLEX", "gasoline": "GASOLINE", "diesel": "DIESEL", "electric": "ELECTRIC",
    "hybrid": "HYBRID", "hybrid_flex": "HYBRID", "mild_hybrid": "HYBRID",
    "plugin_hybrid": "PLUGIN_HYBRID",
}  # fmt: skip
_AUTOMATIC: Final = {"automatic", "cvt", "automated", "dct", "semi_automatic", "single_speed"}
_KIND: Final = {"motorcycle": "MOTORCYCLE", "truck": "COMMERCIAL"}


def _piece(car: Car, _secrets: Secrets) -> str:
    offer, store, promo = car.offer, car.store, promo_price_cents(car)
    first_photo(car)
    if not offer.color:
        raise LeftOut("color")
    told = (
        ("vehicle_id", offer.public_id),
        ("title", offer.title[:LONGEST_TITLE]),
        ("description", description_of(car, LONGEST_DESCRIPTION, links=False)),
        ("url", car.url),
        ("make", offer.make),
        ("model", offer.model_name),
        ("year", offer.model_year),
        ("trim", offer.trim),
        ("body_style", _BODY.get(offer.body or "", "OTHER")),
        ("vehicle_type", _KIND.get(offer.body or "", "CAR_TRUCK")),
        ("state_of_vehicle", "NEW" if offer.condition == "new" else "USED"),
        ("fuel_type", _FUEL.get(offer.fuel, "OTHER") if offer.fuel else ""),
        ("transmission", _transmission(offer.transmission)),
        ("exterior_color", vocabulary.label("color", offer.color)),
        ("price", brl(full_price_cents(car))),
        ("sale_price", brl(promo) if promo else ""),
        ("availability", "AVAILABLE" if offer.is_available else "PENDING"),
        ("date_first_on_lot", f"{offer.published_at:%Y-%m-%d}" if offer.published_at else ""),
        ("dealer_id", offer.store.slug),
        ("dealer_name", store.name),
        ("dealer_phone", store.phone),
    )
    mileage = f"<mileage><value>{mileage_of(car)}</value><unit>KM</unit></mileage>"
    images = "".join(f"<image>{element('url', one)}</image>" for one in car.photos)
    facts = "".join(element(name, value) for name, value in told)
    return f"<listing>{facts}{mileage}{images}{_place(car)}</listing>\n"


def _transmission(code: str | None) -> str:
    if not code:
        return ""
    return "AUTOMATIC" if code in _AUTOMATIC else "MANUAL" if code == "manual" else "OTHER"


def _place(car: Car) -> str:
    store = car.store
    if not (store.street and store.city and store.state_code):
        raise LeftOut("address")
    if store.latitude is None or store.longitude is None:
        raise LeftOut("place")
    lines = (
        ("addr1", store.street),
        ("city", store.city),
        ("region", store.state_code),
        ("postal_code", store.postal_code),
        ("country", "BR"),
    )
    parts = "".join(
        f'<component name="{name}">{xml_text(value)}</component>' for name, value in lines if value
    )
    return (
        f'<address format="simple">{parts}</address>'
        f"<latitude>{store.latitude:.6f}</latitude><longitude>{store.longitude:.6f}</longitude>"
    )


def _head(feed: FeedFacts) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<listings><title>{xml_text(feed.title)}</title>\n'
    )


META: Final = Dialect(
    "meta-automotive.xml", "meta", "application/xml", _head, _piece, always("</listings>\n"),
    check_xml, photos=20,
)  # fmt: skip
