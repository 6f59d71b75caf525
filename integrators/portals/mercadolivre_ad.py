"""A car as Mercado Livre is told of it: the body of `POST /items`, part by part.

Facts: developers.mercadolivre.com.br, "publicação de automóveis" and "categorias e atributos de
veículos". Value ids stand in tables/mercadolivre.json; a value without one goes by its name. What
the portal only wants for its score (plate, end of the chassis) is not told.
"""

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from integrators.portals.plain_text import without_contacts
from integrators.portals.portal import Car, Draft, Problem, StoreContact, Terms
from integrators.portals.wording import is_youtube, missing, national_phone, table, text_of

TITLE: Final = 60
DESCRIPTION: Final = 50_000
PHOTOS: Final = 15
_TABLES: Final = table("mercadolivre")
CATEGORIES: Final[dict[str, str]] = _TABLES["categories"]
_FEATURES: Final[dict[str, str]] = _TABLES["features"]
_FACTS: Final = {
    "FUEL_TYPE": "fuel",
    "TRANSMISSION": "transmission",
    "VEHICLE_BODY_TYPE": "body",
    "COLOR": "color",
}
# Those that a car may lose again: an update takes them away by name.
OPTIONAL: Final = (
    "KILOMETERS", "DOORS", "ENGINE", "STEERING", *_FACTS,
    *_TABLES["history"].values(), *dict.fromkeys(_TABLES["features"].values()),
)  # fmt: skip
OPTIONAL_ELSEWHERE: Final = ("KILOMETERS", "COLOR", "FUEL_TYPE")  # on motorcycles and trucks
_POWER_STEERING: Final = {"id": "STEERING", "value_id": "370873"}  # "Assistida"


def draft_of(car: Car, terms: Terms) -> Draft:
    """What is told of `car`, or what keeps it back."""
    offer = car.offer
    parts: dict[str, Any] = {
        "title": _title(car),
        "category_id": CATEGORIES[car.category],
        "price": _reais(offer.price_cents),
        "pictures": [{"source": address} for address in car.photos[:PHOTOS]],
        "video_id": _video(offer.video_url),
        "location": _location(car.store),
        "seller_contact": _contact(car.store),
        "attributes": list(_attributes(car, terms)),
        "description": without_contacts(
            text_of(car, DESCRIPTION), street=car.store.street, most=DESCRIPTION
        ),
    }
    return Draft(parts, offer.price_cents, tuple(_problems(car)))


def _problems(car: Car) -> list[Problem]:
    lacks = {
        "no_photo": not car.photos,
        "no_price": car.offer.price_cents <= 0,
        "no_postal_code": not car.store.postal_code,
        "no_phone": not national_phone(car),
    }
    return [missing(code) for code, is_lacking in lacks.items() if is_lacking]


def _reais(cents: int) -> int | float:
    return cents // 100 if cents % 100 == 0 else cents / 100


def _title(car: Car) -> str:
    """Make, model, as much of the trim as fits in whole words, and the model year."""
    offer = car.offer
    words, last = offer.name.split(), str(offer.model_year)
    kept: list[str] = []
    for word in [*words, *without_contacts(offer.trim, most=TITLE * 2).split()]:
        if len(" ".join([*kept, word, last])) > TITLE:
            break
        kept.append(word)
    return " ".join([*kept, last])[:TITLE]


def _video(address: str) -> str:
    """The id of a YouTube film; "" for any other."""
    if not is_youtube(address):
        return ""
    parts = urlsplit(address)
    kind, _slash, own = parts.path.strip("/").partition("/")
    if kind in {"shorts", "embed", "live"}:
        return own
    return parse_qs(parts.query).get("v", [kind if "youtu.be" in parts.netloc else ""])[0]


def _location(store: StoreContact) -> dict[str, Any]:
    place: dict[str, Any] = {
        "address_line": store.street,
        "zip_code": store.postal_code,
        "neighborhood": {"name": store.district} if store.district else None,
        "city": {"name": store.city},
        "state": {"id": f"BR-{store.state_code}"},
        "country": {"id": "BR"},
        "latitude": store.latitude,
        "longitude": store.longitude,
    }
    return {name: value for name, value in place.items() if value not in (None, "")}


def _contact(store: StoreContact) -> dict[str, str]:
    """The second phone is the WhatsApp, which dealers' accounts must name since October 2026: area
    and number in one. A store without one names its phone there."""
    own, whatsapp = _area_and_number(store.phone), _area_and_number(store.whatsapp)
    area, number = own if own[0] else whatsapp
    contact = {
        "contact": store.name,
        "country_code": "55",
        "area_code": area,
        "phone": number,
        "country_code2": "55",
        "phone2": "".join(whatsapp if whatsapp[0] else own),
        "email": store.email,
    }
    return {name: value for name, value in contact.items() if value}


def _area_and_number(phone: str) -> tuple[str, str]:
    """+5516999990000 -> ("16", "999990000"); of another country's nothing."""
    digits = phone.removeprefix("+55") if phone.startswith("+55") else ""
    return digits[:2], digits[2:]


# --- attributes ------------------------------------------------------------------------------


def _attributes(car: Car, terms: Terms) -> list[dict[str, str]]:
    offer = car.offer
    is_car = car.category == "car"
    told = [
        *_names(car, terms),
        {"id": "VEHICLE_YEAR", "value_name": str(offer.model_year)},
        {"id": "ITEM_CONDITION", "value_id": _TABLES["condition"][offer.condition]},
    ]
    if offer.mileage_km is not None or offer.condition == "new":
        told.append({"id": "KILOMETERS", "value_name": f"{offer.mileage_km or 0} km"})
    for attribute, fact in _FACTS.items():
        known = _TABLES["values"][attribute].get(getattr(offer, fact) or "")
        if known and (is_car or attribute in OPTIONAL_ELSEWHERE):
            told.append(_value(attribute, known[0] if is_car else "", known[1]))
    return [*told, *_equipment(car)] if is_car else told


def _names(car: Car, terms: Terms) -> list[dict[str, str]]:
    """Make, model and version: by the portal's own code where it is known, else as they are called.
    The version is free text there, and must not be empty."""
    offer = car.offer
    make = terms.code("make", offer.make_slug) or _TABLES["makes"].get(offer.make_slug, "")
    model = terms.code("model", offer.make_slug, offer.model_slug)
    is_car = car.category == "car"
    trim = without_contacts(offer.trim, most=TITLE) or offer.engine or offer.model_name
    return [
        _value("BRAND", make if is_car else "", offer.make),
        _value("MODEL", model if is_car else "", offer.model_name),
        {"id": "TRIM", "value_name": trim},
    ]


def _equipment(car: Car) -> list[dict[str, str]]:
    offer = car.offer
    told: list[dict[str, str]] = []
    if offer.doors:
        told.append({"id": "DOORS", "value_name": str(offer.doors)})
    if offer.engine:
        told.append({"id": "ENGINE", "value_name": offer.engine})
    if "power_steering" in offer.features:
        told.append(_POWER_STEERING)
    for code, attribute in _TABLES["history"].items():
        if code in offer.history:
            answer = _TABLES["yes"] if offer.history[code] else _TABLES["no"]
            told.append({"id": attribute, "value_id": answer})
    there = {_FEATURES[code] for code in offer.features if code in _FEATURES}
    return [*told, *({"id": name, "value_id": _TABLES["yes"]} for name in sorted(there))]


def _value(attribute: str, code: str, name: str) -> dict[str, str]:
    return {"id": attribute, "value_id": code} if code else {"id": attribute, "value_name": name}
