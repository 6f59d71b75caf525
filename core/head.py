"""What the head of every page says: title, description, canonical address, share card, JSON-LD."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.config import current

TITLE_CHARACTERS = 60  # search results cut at about this many
DESCRIPTION_CHARACTERS = 155
HOUSE_CARD = "/static/card.jpg"


@dataclass(frozen=True)
class Page:
    """What the head of a page says. `path` is canonical when `is_indexable`."""

    title: str
    description: str
    path: str
    is_indexable: bool = True
    image: str = ""  # of its share card; without one, and words for it, the house's own
    image_alt: str = ""
    nodes: tuple[dict[str, Any], ...] = field(default=())
    robots_extra: str = ""
    # Of what share cards show: the picture's size, and the price of what the page sells.
    image_width_px: int = 1200
    image_height_px: int = 630
    price_cents: int | None = None

    @property
    def price(self) -> str:
        """What the page sells for, as machines read prices; empty where it sells nothing."""
        return "" if self.price_cents is None else plain_price(self.price_cents)

    @property
    def address(self) -> str:
        return absolute(self.path)

    @property
    def canonical(self) -> str:
        return self.address

    @property
    def card(self) -> str:
        return self.image or absolute(HOUSE_CARD)

    @property
    def robots(self) -> str:
        if not self.is_indexable:
            return "noindex, follow"
        return self.robots_extra

    @property
    def graph(self) -> dict[str, Any] | None:
        if not self.nodes:
            return None
        return {"@context": "https://schema.org", "@graph": list(self.nodes)}


def plain_price(cents: int) -> str:
    """69_900_00 -> "69900.00"."""
    return f"{cents // 100}.{cents % 100:02d}"


def absolute(path: str) -> str:
    """`path` on the public origin, from settings: never from the Host header."""
    return path if path.startswith("http") else current().base_url + path


def fit(parts: Sequence[str], tail: str, limit: int = TITLE_CHARACTERS) -> str:
    """`parts` joined, dropping from the right until it fits `limit` characters with `tail`. The
    first stays whole: where it is too long for the tail, the tail goes."""
    for count in range(len(parts), 0, -1):
        text = " ".join(part for part in parts[:count] if part) + tail
        if len(text) <= limit:
            return text
    return parts[0]


def shorten(text: str, limit: int = DESCRIPTION_CHARACTERS) -> str:
    """`text` in one line of at most `limit` characters, cut at a word."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    return text[: limit - 1].rsplit(" ", 1)[0].rstrip(",.;:") + "…"
