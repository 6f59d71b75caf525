"""What the adapters say alike: an ad's text, its title, its phone, and what holds a car back.

Problems name the field of the car's form where to mend them, "store" or "terms".
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.text import clean_line
from integrators.portals.plain_text import without_contacts
from integrators.portals.portal import NOBODY_KNOWS, Car, Problem
from inventory import vocabulary

_NATIONAL: Final = re.compile(r"\+55([1-9][0-9][0-9]{8,9})\Z")
_YOUTUBE: Final = ("youtube.com", "youtu.be")

# What is missing: the sentence, and the field where to add it.
_MISSING: Final[dict[str, tuple[LazyString, str]]] = {
    "no_price": (_l("Set the price."), "price"),
    "no_photo": (_l("Add at least one photo."), "photos"),
    "no_mileage": (_l("Type the mileage."), "mileage"),
    "no_plate": (_l("The portal asks for the plate of used cars. Type it."), "license_plate"),
    "bad_plate": (_l("The portal takes plates like ABC1D23 only. Check it."), "license_plate"),
    "no_fuel": (_l("Say which fuel it runs on."), "fuel"),
    "fuel_not_taken": (_l("The portal has no such fuel for this kind of vehicle."), "fuel"),
    "no_color": (_l("Say which colour it has."), "color"),
    "no_gearbox": (_l("Say which gearbox it has."), "transmission"),
    "no_doors": (_l("Say how many doors it has."), "doors"),
    "no_trim": (_l("Choose the car's version: the portal asks for it."), "trim"),
    "no_engine": (_l("Type the engine size in cc, such as 300 cc."), "engine"),
    "no_phone": (_l("The store has no phone of Brazil."), "store"),
    "no_postal_code": (_l("The store has no postal code (CEP)."), "store"),
    "category_not_taken": (_l("The portal takes no vehicles of this kind."), "body"),
}


@cache
def table(kind: str) -> dict[str, Any]:
    """The portal's own codes for our words, as its manual lists them: tables/<kind>.json."""
    path = Path(__file__).with_name("tables") / f"{kind}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def missing(code: str) -> Problem:
    """What a car lacks for the portal, with the field where to add it. KeyError: no such code."""
    words, field = _MISSING[code]
    return Problem(code, str(words), field)


def unknown(what: str) -> Problem:
    """Nobody has said yet what `what` ("Fiat Argo") is called on the portal."""
    words = _("Nobody has said yet what “%(name)s” is called on the portal.", name=what)
    return Problem(NOBODY_KNOWS, str(words), "terms")


def text_of(car: Car, most: int) -> str:
    """The text of an ad in at most `most` characters: what staff wrote, the equipment, the legal
    text, what the account adds. The last two are never what is cut. No contacts, no markup."""
    offer = car.offer
    names = ", ".join(str(vocabulary.label("feature", code)) for code in offer.features)
    equipment = _("Equipment: %(names)s.", names=names) if names else ""
    end = _plain(car, (offer.legal_text, car.extra_text), most)
    start = _plain(car, (offer.description, equipment), max(0, most - len(end) - 2))
    return "\n\n".join(filter(None, (start or offer.title, end)))[:most]


def _plain(car: Car, texts: Iterable[str], most: int) -> str:
    whole = "\n\n".join(text.strip() for text in texts if text.strip())
    return without_contacts(whole, street=car.store.street, most=most) if whole and most else ""


def title_of(car: Car, most: int) -> str:
    """Make, model, version and year in at most `most` characters, of whole words."""
    title = clean_line(car.offer.title, 400)
    if len(title) <= most:
        return title
    return title[: most + 1].rpartition(" ")[0] or title[:most]


def national_phone(car: Car) -> str:
    """The store's number as Brazil dials it, area code first, ten or eleven digits; "": none."""
    for number in (car.store.phone, car.store.whatsapp):
        if found := _NATIONAL.match(number):
            return found[1]
    return ""


def is_youtube(address: str) -> bool:
    """Whether `address` leads to YouTube."""
    try:
        host = (urlsplit(address).hostname or "").removeprefix("www.").removeprefix("m.")
    except ValueError:
        return False
    return host in _YOUTUBE
