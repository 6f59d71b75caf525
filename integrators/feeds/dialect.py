"""What one format of feed is, and the small words that all of them write with.

A format is pure: a car in, its piece of text out. A file is the head, the pieces with `separator`
between them, and the foot. A car that the format's rules do not take raises `LeftOut` with a code,
which `words_of` tells to people together with what to do.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape

from flask_babel import gettext as _

from core.errors import DomainError
from integrators.portals.portal import Car, Secrets

BROKEN: Final = "broken"  # the code of cars whose piece could not be written at all
# What XML 1.0 holds (https://www.w3.org/TR/xml/#charsets).
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINK: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)


class LeftOut(DomainError):
    """The format has no place for this car; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class FeedFacts:
    """What stands before the cars: who advertises, where, and when the file was made."""

    title: str
    site: str  # the site's address
    made_at: datetime


@dataclass(frozen=True)
class Dialect:
    """One format. `photos` at most, each at least `photo_px` wide; `version` grows when `piece`
    says something else of the same car. Only where `needs_chassis` does `piece` get to see it."""

    name: str  # the last part of its address
    utm_source: str  # what visits by its links are counted under
    mimetype: str
    head: Callable[[FeedFacts], str]
    piece: Callable[[Car, Secrets], str]
    foot: Callable[[int], str]  # of the number of cars
    check: Callable[[str], None]  # raises ValueError for a piece that nobody could read
    separator: str = ""
    photos: int = 20
    photo_px: int = 1280
    version: int = 1
    needs_chassis: bool = False


def words_of(code: str) -> str:
    """Why a car is not in a feed, and what to do, for people."""
    said = {
        "photo": _("It has no photo yet: this feed takes no car without one."),
        "color": _("Its colour is missing."),
        "mileage": _("Its mileage is missing."),
        "place": _("The store has no map position: fill in latitude and longitude."),
        "address": _("The store's address is not complete."),
        "vin": _("Its chassis number is missing or not of 17 characters."),
        "body": _("This feed takes cars and pickups only."),
        "reserved": _("It is reserved: this feed takes only cars that can be bought."),
        "unlisted": _("It is no longer for sale."),
        BROKEN: _("Its entry could not be written. Save the car once; if that does not help, tell "
                  "support."),
    }  # fmt: skip
    return str(said.get(code, code))


# --- text ------------------------------------------------------------------------------------


def xml_text(value: object) -> str:
    """`value` as text inside an element; what XML cannot hold is dropped."""
    return escape(_NOT_XML.sub("", str(value)))


def element(name: str, value: object) -> str:
    """`<name>value</name>`, or nothing where there is no value."""
    return "" if value is None or value == "" else f"<{name}>{xml_text(value)}</{name}>"


def always(text: str) -> Callable[[int], str]:
    """A foot that does not tell how many cars there are."""
    return lambda _count: text


def check_xml(piece: str) -> None:
    """Raises ValueError for a piece that is not well-formed."""
    parser = expat.ParserCreate()
    try:
        parser.Parse(f'<piece xmlns:g="g">{piece}</piece>', True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from None


def description_of(car: Car, limit: int, *, links: bool = True) -> str:
    """The car's description with the account's own words below, at most `limit` characters; its
    title where there is none. Some portals refuse texts with links."""
    parts = (car.offer.description.strip(), car.extra_text.strip())
    text = "\n\n".join(part for part in parts if part)
    if not links:
        text = _LINK.sub("", text).strip()
    return (text or car.offer.title)[:limit]


def reais(cents: int) -> str:
    """6990000 -> "69900.00"."""
    return f"{cents // 100}.{cents % 100:02d}"


def brl(cents: int) -> str:
    """6990000 -> "69900 BRL", as Meta and Google write prices; cents only where there are some."""
    return f"{cents // 100 if cents % 100 == 0 else reais(cents)} BRL"


def full_price_cents(car: Car) -> int:
    """The price without the promotion, in cents."""
    return car.offer.previous_price_cents or car.offer.price_cents


def promo_price_cents(car: Car) -> int | None:
    """The promotional price in cents while a promotion runs."""
    return car.offer.price_cents if car.offer.previous_price_cents else None


def mileage_of(car: Car) -> int:
    """Kilometres; a new car of which nobody said them has none. Raises LeftOut."""
    if car.offer.mileage_km is not None:
        return car.offer.mileage_km
    if car.offer.condition == "new":
        return 0
    raise LeftOut("mileage")


def first_photo(car: Car) -> str:
    """The cover's address. Raises LeftOut."""
    if not car.photos:
        raise LeftOut("photo")
    return car.photos[0]
