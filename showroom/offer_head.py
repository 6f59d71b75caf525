"""The head of an offer's page: a title no other page has, and what machines read of the car."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from flask_babel import gettext as _

from content.page_texts import NONE, OwnWords
from core.config import current
from core.head import Page, absolute, plain_price, shorten
from core.money import format_brl
from core.text import format_km, inside_a_sentence
from dealership.identity import Identity, StoreProfile
from inventory import search
from inventory.offers import Offer
from inventory.search import OfferFilter
from inventory.vocabulary import label
from showroom import seo
from showroom.share_card import card_path

MOST_TITLE: Final = 60
DESCRIPTION_CHARACTERS: Final = 155
AVAILABILITY: Final = {
    "available": "https://schema.org/InStock",
    "reserved": "https://schema.org/Reserved",
    "reserved_unlisted": "https://schema.org/Reserved",
    "sold": "https://schema.org/SoldOut",
}
IMAGES: Final = 6
SIMILAR: Final = 4
_LITRES: Final = re.compile(r"(\d\.\d)\b")


def offer_head(
    offer: Offer,
    dealer: Identity,
    store: StoreProfile | None,
    crumbs: seo.Crumbs,
    similar: Sequence[Offer] = (),
    words: OwnWords = NONE,
) -> Page:
    """The head of an offer's page, with the store's own `words` where there are some. A sold car's
    page says when it leaves the index, and which cars are like it."""
    card = card_path(offer, dealer) or "/static/card.jpg"
    page = Page(
        title=words.title or offer_title(offer, dealer),
        description=words.description or offer_description(offer),
        path=offer.path,
        image=absolute(card),
        image_alt=offer.title,
        nodes=(
            item_page_node(offer),
            offer_node(offer, store, similar if offer.is_sold else ()),
            seo.breadcrumb_node(crumbs, offer.path),
            seo.dealer_node(dealer, store),
            seo.website_node(dealer),
        ),
        price_cents=None if offer.is_sold else offer.price_cents,
    )
    if not offer.is_sold:
        return page
    leaves = offer.state_changed_at + timedelta(days=current().sold_page_days)
    return replace(page, robots_extra=f"unavailable_after: {leaves:%Y-%m-%dT%H:%M:%S+00:00}")


# ---- words ----


def offer_title(offer: Offer, dealer: Identity) -> str:
    """The title: make, model, trim, year and where; of twins what tells them apart instead."""
    own = _own_marks(offer) if offer.is_sold or has_twin(offer) else ""
    if own:
        tails = [f"{own} | {dealer.name}", own]
    else:
        condition = _("brand new") if offer.condition == "new" else _("used")
        where = _("in %(city)s", city=offer.store.city) if offer.store.city else ""
        tails = [
            f" {condition} {where} | {dealer.name}",
            f" {where} | {dealer.name}",
            f" | {dealer.name}",
            "",
        ]
    for trim in _shorter(offer.trim):
        name = " ".join(part for part in (offer.name, trim, str(offer.model_year)) if part)
        for tail in tails:
            if len(name + tail) <= MOST_TITLE:
                return name + tail
    room = MOST_TITLE - len(own) - 5
    return f"{shorten(offer.name, room)} {offer.model_year}{own}"


def _own_marks(offer: Offer) -> str:
    """What only this car has, as far as a title may say: its colour and mileage, else its code."""
    marks = [_("sold")] if offer.is_sold else []
    if offer.color:
        marks.append(str(label("color", offer.color)).lower())
    if offer.mileage_km:
        marks.append(format_km(offer.mileage_km).replace("\xa0", " "))
    else:
        marks.append(_("code %(id)s", id=offer.public_id))
    return "".join(f" {mark}" for mark in marks)


def has_twin(offer: Offer) -> bool:
    """Whether another offer of the same model and year is in stock."""
    model = f"{offer.make_slug}/{offer.model_slug}"
    year = offer.model_year
    return search.count(OfferFilter(models=(model,), year_min=year, year_max=year)) > 1


def _shorter(trim: str) -> Iterator[str]:
    """`trim`, then without its last words one by one."""
    words = trim.split()
    for count in range(len(words), -1, -1):
        yield " ".join(words[:count])


def offer_description(offer: Offer) -> str:
    """What a search result says of the car. It ends in the car's code, so no two are alike."""
    code = " " + _("Code %(id)s.", id=offer.public_id)
    facts = [offer.title]
    if offer.transmission:
        facts.append(inside_a_sentence(str(label("transmission", offer.transmission))))
    if offer.mileage_km is not None:
        facts.append(format_km(offer.mileage_km))
    if offer.color:
        facts.append(str(label("color", offer.color)).lower())
    line = ", ".join(facts)
    if offer.is_sold:
        text = _("%(car)s: sold. See similar cars in stock with photos and prices.", car=line)
        return shorten(text, DESCRIPTION_CHARACTERS - len(code)) + code
    text = _("%(car)s, for %(price)s.", car=line, price=format_brl(offer.price_cents))
    for more in (*_differences(offer), _("Photos, data sheet and a proposal on WhatsApp.")):
        if len(f"{text} {more}{code}") <= DESCRIPTION_CHARACTERS:
            text = f"{text} {more}"
    return shorten(text, DESCRIPTION_CHARACTERS - len(code)) + code


def _differences(offer: Offer) -> Iterator[str]:
    """The best reason to look at this car rather than another, if there is one."""
    below = -(offer.fipe_difference_percent or 0)
    if below >= seo.FIPE_WORTH_SAYING_PERCENT:
        yield _("%(n)s%% below the FIPE table.", n=below)
    elif offer.history.get("single_owner"):
        yield _("Single owner.")


# ---- JSON-LD ----


def item_page_node(offer: Offer) -> dict[str, Any]:
    """The page itself: about the car, changed when the car's facts were."""
    address = absolute(offer.path)
    return seo.known(
        {
            "@type": "ItemPage",
            "@id": f"{address}#pagina",
            "url": address,
            "name": offer.title,
            "isPartOf": {"@id": absolute("/#website")},
            "mainEntity": {"@id": f"{address}#oferta"},
            "breadcrumb": {"@id": f"{address}#trilha"},
            "datePublished": _moment(offer.published_at),
            "dateModified": _moment(offer.updated_at),
            "inLanguage": "pt-BR",
        }
    )


def _moment(when: Any) -> str | None:
    return when.isoformat(timespec="seconds") if when else None


def offer_node(
    offer: Offer, store: StoreProfile | None, similar: Sequence[Offer] = ()
) -> dict[str, Any]:
    """`["Product", "Car"]` with its Offer, at the page's own price; no plate, no chassis."""
    node = {
        **_car(offer),
        "@id": f"{absolute(offer.path)}#oferta",
        "sku": offer.public_id,
        "productID": offer.public_id,
        "description": shorten(offer.description or offer_description(offer), 500),
        "vehicleConfiguration": offer.trim or None,
        "productionDate": str(offer.built_year) if offer.built_year else None,
        "mileageFromOdometer": _quantity(offer.mileage_km, "KMT"),
        "fuelType": _text("fuel", offer.fuel),
        "vehicleTransmission": _text("transmission", offer.transmission),
        "bodyType": _text("body", offer.body),
        "color": _text("color", offer.color),
        "numberOfDoors": offer.doors,
        "numberOfPreviousOwners": 1 if offer.history.get("single_owner") else None,
        "vehicleEngine": _engine(offer),
        "additionalProperty": _properties(offer) or None,
        "offers": _offer(offer, seo.dealer_id(store)),
        "isSimilarTo": [
            {**_car(other), "offers": _offer(other, None)} for other in similar[:SIMILAR]
        ]
        or None,
    }
    return seo.known(node)


def _car(offer: Offer) -> dict[str, Any]:
    """What identifies a car, without any `@id`."""
    return {
        "@type": ["Product", "Motorcycle" if offer.body == "motorcycle" else "Car"],
        "name": offer.title,
        "url": absolute(offer.path),
        "image": [seo.photo_address(photo) for photo in offer.photos[:IMAGES]]
        or [absolute("/static/card.jpg")],
        "brand": {"@type": "Brand", "name": offer.make},
        "model": offer.model_name,
        "vehicleModelDate": str(offer.model_year),
        "itemCondition": _condition(offer),
    }


def _condition(offer: Offer) -> str:
    return f"https://schema.org/{'New' if offer.condition == 'new' else 'Used'}Condition"


def _offer(offer: Offer, seller: str | None) -> dict[str, Any]:
    return seo.known(
        {
            "@type": "Offer",
            "price": plain_price(offer.price_cents),
            "priceCurrency": "BRL",
            "availability": AVAILABILITY[offer.availability.value],
            "itemCondition": _condition(offer),
            "url": absolute(offer.path),
            "priceValidUntil": offer.promo_until.isoformat() if offer.promo_until else None,
            "priceSpecification": _crossed_out(offer),
            "seller": {"@id": seller} if seller else None,
            "availableAtOrFrom": {"@id": seller} if seller and not offer.is_sold else None,
        }
    )


def _crossed_out(offer: Offer) -> dict[str, Any] | None:
    """The earlier price that the page crosses out; only one that was asked for before (Conar,
    Anexo Q; CDC 36)."""
    if not offer.previous_price_cents or not offer.is_former_price_proven:
        return None
    return {
        "@type": "UnitPriceSpecification",
        "priceType": "https://schema.org/StrikethroughPrice",
        "price": plain_price(offer.previous_price_cents),
        "priceCurrency": "BRL",
    }


def _engine(offer: Offer) -> dict[str, Any] | None:
    litres = _LITRES.search(offer.engine)
    if not offer.engine and not offer.power_hp:
        return None
    return seo.known(
        {
            "@type": "EngineSpecification",
            "name": offer.engine or None,
            "fuelType": _text("fuel", offer.fuel),
            "engineDisplacement": _quantity(float(litres[1]), "LTR") if litres else None,
            "enginePower": _quantity(offer.power_hp, "N12"),
        }
    )


def _properties(offer: Offer) -> list[dict[str, Any]]:
    """Equipment and known facts by name, as the page lists them."""
    yes, no = _("yes"), _("no")
    names = [str(label("feature", code)) for code in offer.features]
    rows = [{"@type": "PropertyValue", "name": name, "value": yes} for name in names]
    for code, holds in offer.history.items():
        value = yes if holds else no
        name = str(label("history", code))
        rows.append({"@type": "PropertyValue", "name": name, "value": value})
    if offer.plate_final_digit:
        rows.append(
            {
                "@type": "PropertyValue",
                "name": _("Plate ends in"),
                "value": offer.plate_final_digit,
            }
        )
    return rows


def _quantity(value: float | None, unit: str) -> dict[str, Any] | None:
    if value is None:
        return None
    return {"@type": "QuantitativeValue", "value": value, "unitCode": unit}


def _text(kind: str, code: str | None) -> str | None:
    return str(label(kind, code)) if code else None
