"""What Chaves na Mão is told of a car. Pure.

Manual: github.com/chavesnamao/vehicle-api-documentation. An edit replaces the whole ad, so parts
are only told apart to see what changed. `value` is the part "price".
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from integrators.portals.portal import Car, Draft, Problem, Secrets, Terms
from integrators.portals.wording import is_youtube, missing, table, text_of, title_of, unknown

MOST_TITLE: Final = 100
MOST_TEXT: Final = 4000
MOST_PHOTOS: Final = 16
_PLATE: Final = re.compile(r"[A-Z]{3}[0-9][0-9A-Z][0-9]{2}\Z")
_TYPES: Final = {"car": "C", "motorcycle": "M"}
_MOST_DOORS: Final = 5


def draft(car: Car, terms: Terms, secrets: Secrets) -> Draft:
    """`car` part by part, or what keeps it back."""
    offer = car.offer
    codes = table("chavesnamao")
    parts: dict[str, Any] = {
        "type": _TYPES.get(car.category, ""),
        "price": _reais(offer.price_cents),
        "trimId": _trim(car, terms),
        "color": codes["color"].get(offer.color or "", ""),
        "gearbox": codes["gearbox"].get(offer.transmission or "", ""),
        "fuel": codes["fuel"].get(offer.fuel or "", ""),
        "mileage": offer.mileage_km or 0,
        "years": {"manufacturedYear": offer.built_year or offer.model_year,
                  "modelYear": offer.model_year},
        "text": {"title": title_of(car, MOST_TITLE), "description": text_of(car, MOST_TEXT)},
        "pictures": [{"source": address} for address in car.photos[:MOST_PHOTOS]],
        "acceptExchange": offer.history.get("accepts_trade", False),
    }  # fmt: skip
    if car.category == "car" and offer.doors:
        parts["doors"] = offer.doors
    if parts["mileage"]:
        parts["licensePlate"] = secrets.plate.upper().replace("-", "").strip()
    if _is_film(offer.video_url):
        parts["videoUrl"] = offer.video_url
    return Draft(parts, offer.price_cents, tuple(_problems(car, parts)))


def body(key: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The whole ad as `POST /vehicles` and `PUT /vehicles/{reference}` take it."""
    plain = {name: parts[name] for name in parts if name not in {"price", "years", "text"}}
    return {
        "reference": key,
        "value": parts["price"],
        # What an instalment plan would be: 0 is how they want to be told that there is none.
        "deposit": 0,
        "amountPerInstallment": 0,
        "amountOfInstallments": 0,
        "accessories": [],  # their own numbers; ours stand in the text
        **plain,
        **parts["years"],
        **parts["text"],
    }


def _reais(cents: int) -> int | float:
    return cents / 100 if cents % 100 else cents // 100


def _trim(car: Car, terms: Terms) -> int | None:
    offer = car.offer
    prefix = "moto_" if car.category == "motorcycle" else ""
    ours = (offer.make_slug, offer.model_slug, car.trim_slug)
    code = terms.code(f"{prefix}trim", *ours) if car.trim_slug else ""
    return int(code) if code.isdigit() else None


def _is_film(address: str) -> bool:
    """A page to watch on YouTube or Vimeo; what is embedded and Shorts are turned away."""
    if is_youtube(address):
        return "/embed" not in address and "/shorts" not in address
    return bool(re.match(r"https://(?:www\.)?vimeo\.com/[0-9]+\Z", address))


def _problems(car: Car, parts: Mapping[str, Any]) -> Iterator[Problem]:
    offer = car.offer
    if not parts["type"]:
        yield missing("category_not_taken")
        return
    if parts["trimId"] is None:
        yield unknown(f"{offer.name} {offer.trim}") if car.trim_slug else missing("no_trim")
    if parts["price"] <= 0:
        yield missing("no_price")
    if not parts["pictures"]:
        yield missing("no_photo")
    if offer.mileage_km is None and offer.condition == "used":
        yield missing("no_mileage")
    for name, code in (("color", "no_color"), ("gearbox", "no_gearbox"), ("fuel", "no_fuel")):
        if not parts[name]:
            yield missing(code)
    if car.category == "car" and not 2 <= (offer.doors or 0) <= _MOST_DOORS:
        yield missing("no_doors")
    if "licensePlate" in parts and not _PLATE.match(parts["licensePlate"]):
        yield missing("bad_plate" if parts["licensePlate"] else "no_plate")
