"""The feed of Google's vehicle ads: RSS 2.0 with the `g:` names.

https://support.google.com/merchants/answer/11192663 : one offer for each chassis number, which the
format demands whole. The feed is therefore made only for accounts that were told so (`chassis=1`).
https://support.google.com/merchants/answer/11544533 : passenger cars and pickups only.
`store_code` is the store's address on this site; the Business Profile has to carry the same code.
Words for body and fuel are left out: the format does not ask for them, and which ones it takes in
Brazil is not published.
"""

import re
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
    mileage_of,
    xml_text,
)
from integrators.portals.portal import Car, Secrets
from inventory import vocabulary

CATEGORY: Final = "916"  # Vehicles & Parts > Vehicles > Motor Vehicles > Cars, Trucks & Vans
LONGEST_DESCRIPTION: Final = 5000
VIN: Final = re.compile(r"[A-HJ-NPR-Z0-9]{17}")  # ISO 3779: no I, O, Q
_NOT_TAKEN: Final = {"motorcycle", "truck", "buggy"}


def _piece(car: Car, secrets: Secrets) -> str:
    offer = car.offer
    if offer.body in _NOT_TAKEN:
        raise LeftOut("body")
    if not offer.is_available:
        raise LeftOut("reserved")  # its page must offer the car
    if not VIN.fullmatch(secrets.vin):
        raise LeftOut("vin")
    if not offer.color:
        raise LeftOut("color")
    told = (
        ("id", offer.public_id),
        ("vin", secrets.vin),
        ("title", offer.title),
        ("brand", offer.make),
        ("model", offer.model_name),
        ("trim", offer.trim),
        ("year", offer.model_year),
        ("condition", "new" if offer.condition == "new" else "used"),
        ("mileage", f"{mileage_of(car)} km"),
        ("color", vocabulary.label("color", offer.color)),
        ("price", brl(offer.price_cents)),
        ("link", car.url),
        ("image_link", first_photo(car)),
        ("google_product_category", CATEGORY),
        ("description", description_of(car, LONGEST_DESCRIPTION)),
        ("engine", offer.engine),
    )
    facts = "".join(element(f"g:{name}", value) for name, value in told)
    more = "".join(element("g:additional_image_link", one) for one in car.photos[1:])
    where = (
        "<g:vehicle_fulfillment><g:option>in_store</g:option>"
        f"{element('g:store_code', offer.store.slug)}</g:vehicle_fulfillment>"
    )
    return f"<item>{facts}{more}{where}</item>\n"


def _head(feed: FeedFacts) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>'
        f"<title>{xml_text(feed.title)}</title><link>{xml_text(feed.site)}</link>"
        f"<description>{xml_text(feed.title)}</description>\n"
    )


GOOGLE: Final = Dialect(
    "google-vehicles.xml", "google", "application/xml", _head, _piece,
    always("</channel></rss>\n"), check_xml, photos=11, photo_px=960, needs_chassis=True,
)  # fmt: skip
