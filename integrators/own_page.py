"""What a page of our own site says of cars, read as a search engine and a buyer read it. Pure."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree, html

# Of schema.org; a car that is neither is not offered.
_STATES: Final = {"InStock": "available", "Reserved": "reserved", "SoldOut": "sold"}
LISTED: Final = "listed"  # in a list of cars for sale, held ones among them
_NOT_FOUND: Final = {404, 410}
_OFFER: Final = re.compile(r"/oferta/[^/?#]*?([a-z0-9]+)")


@dataclass(frozen=True)
class Said:
    """What one place says of one car. `state` is available, reserved, sold, gone or LISTED; prices
    in cents, None where none stands; `stems` name the pictures that are shown as the car's."""

    place: str  # page, sitemap, landing
    url: str
    public_id: str
    state: str
    prices: frozenset[int] = frozenset()
    stems: frozenset[str] = frozenset()


def of_offer_page(path: str, public_id: str, status: int, text: str) -> Said | None:
    """What the car's own page says: its JSON-LD and the price that is seen. None for an answer
    that says nothing (a redirect, an error)."""
    if status in _NOT_FOUND:
        return Said("page", path, public_id, "gone")
    node = _offer_node(text) if status == 200 else None
    if node is None:
        return None
    offer = node.get("offers") or {}
    state = _STATES.get(str(offer.get("availability", "")).rpartition("/")[2], "gone")
    prices = {round(float(offer["price"]) * 100)} if offer.get("price") else set()
    if state != "sold":
        prices |= _first_price(text)
    images = [str(one) for one in node.get("image") or ()]
    return Said("page", path, public_id, state, frozenset(prices), frozenset(_stems(images)))


def of_cards(place: str, path: str, text: str) -> Iterator[Said]:
    """What the cards of cars on a page say: each is in the stock at a price."""
    for card in _parsed(text).iterfind(".//article[@data-offer]"):
        price = card.find(".//strong[@class='price']")
        cents = cents_of("".join(price.itertext())) if price is not None else None
        known = frozenset() if cents is None else frozenset({cents})
        yield Said(place, path, card.get("data-offer", ""), LISTED, known)


def addresses_in(sitemap: bytes) -> list[str]:
    """The addresses that a sitemap, or its index, names. Raises ValueError for what is none."""
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        root = etree.fromstring(sitemap, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(str(error)) from None
    return [one.text or "" for one in root.iterfind("{*}*/{*}loc")]


def public_id_in(address: str) -> str:
    """The car's id in the address of its page, "" when it is another page's."""
    found = _OFFER.search(address)
    return address.rpartition("-")[2] if found else ""


def cents_of(text: str) -> int | None:
    """ "R$ 69.900,50" in cents; None when no amount stands there."""
    found = re.search(r"(\d[\d.]*)(?:,(\d\d))?", text)
    if found is None:
        return None
    return int(found[1].replace(".", "")) * 100 + int(found[2] or 0)


def _parsed(text: str) -> Any:
    return html.document_fromstring(text or "<html></html>")


def _offer_node(text: str) -> dict[str, Any] | None:
    for script in _parsed(text).iterfind(".//script[@type='application/ld+json']"):
        try:
            told = json.loads(script.text or "")
        except ValueError:
            continue
        nodes = told.get("@graph", [told]) if isinstance(told, dict) else told
        for node in nodes:
            if isinstance(node, dict) and str(node.get("@id", "")).endswith("#oferta"):
                return node
    return None


def _first_price(text: str) -> set[int]:
    price = _parsed(text).find(".//strong[@class='price']")
    cents = cents_of("".join(price.itertext())) if price is not None else None
    return set() if cents is None else {cents}


def _stems(addresses: list[str]) -> Iterator[str]:
    for address in addresses:
        _before, is_media, name = address.partition("/media/")
        if is_media:
            yield name.rpartition("-")[0]
