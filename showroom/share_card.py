"""`/cartao/<car>-<digest>.jpg`: the picture that messengers and social networks show of an offer.

The car whole on the left, what it is and costs on the right, in the store's colour. The address
names everything that is drawn, so a card that somebody kept never says an old price under a new
address; asked for under an old one, the server points to the card of today. Size as Open Graph
readers want it: 1200 x 630, less than 300 KB (WhatsApp shows nothing larger).
"""

import io
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from typing import Final

from flask import Response, abort, redirect, request
from flask_babel import gettext as _
from PIL import Image, ImageDraw, ImageFont, ImageOps
from werkzeug.wrappers import Response as AnyResponse

from core.headers import IMMUTABLE
from core.money import format_brl
from core.storage import NoSuchFile, StorageFailed, storage
from core.text import format_km
from dealership.branding import palette
from dealership.identity import Identity, identity
from inventory import search
from inventory.offers import Offer, OfferPhoto

LAYOUT: Final = 2  # grows when the drawing below changes, and with it every address
WIDTH_PX: Final = 1200
HEIGHT_PX: Final = 630
PHOTO_PX: Final = (840, HEIGHT_PX)  # 4:3, as cameras see: nothing of the car is cut off
MARGIN_PX: Final = 32
MOST_BYTES: Final = 300_000
QUALITIES: Final = (82, 70, 55, 40)
FOLDER: Final = "card"  # swept like other passing files (inventory.photos)
_ROOM_PX: Final = WIDTH_PX - PHOTO_PX[0] - 2 * MARGIN_PX
_one_at_a_time = threading.Lock()  # a drawing costs 0.1 s of processor: never several at once


@dataclass(frozen=True)
class Card:
    """Everything that is drawn. `price` is what it costs, or what became of the car."""

    photo_key: str  # of the public JPEG
    dealer: str
    name: str
    trim: str
    facts: str  # years and mileage
    price: str
    note: str  # above the price: reserved, or nothing
    ground: str  # colours, as #rrggbb
    ink: str

    @property
    def digest(self) -> str:
        return blake2b(f"{LAYOUT}{self!r}".encode(), digest_size=6).hexdigest()


def card_of(offer: Offer, dealer: Identity) -> Card | None:
    """The card of `offer`; None for a car without a photo."""
    if not offer.photos:
        return None
    colors = palette(dealer.brand_color)["light"]
    km = format_km(offer.mileage_km) if offer.mileage_km is not None else ""
    return Card(
        photo_key=_photo_key(offer.photos[0]),
        dealer=dealer.name,
        name=offer.name,
        trim=offer.trim,
        facts=" · ".join(part for part in (offer.years, km) if part),
        price=_("Sold") if offer.is_sold else format_brl(offer.price_cents),
        note=_("Reserved") if offer.is_reserved else "",
        ground=colors["accent"],
        ink=colors["on_accent"],
    )


def card_path(offer: Offer, dealer: Identity) -> str:
    """Where the card of `offer` is; empty for a car without a photo."""
    card = card_of(offer, dealer)
    return f"/cartao/{offer.public_id}-{card.digest}.jpg" if card else ""


def share_card(name: str) -> AnyResponse:
    """`/cartao/<name>`: the card, or the way to the one that is true now. 404 for a car that has no
    page, or no photo; 503 while its photo cannot be read."""
    stem, _dot, kind = name.rpartition(".")
    public_id, _dash, digest = stem.partition("-")
    offer = search.find_offer(public_id) if kind == "jpg" else None
    card = card_of(offer, identity()) if offer and offer.availability.has_page else None
    if card is None:
        abort(404)
    if digest != card.digest:
        answer = redirect(f"/cartao/{public_id}-{card.digest}.jpg", code=302)
        answer.headers["Cache-Control"] = "no-cache"
        return answer
    try:
        content = _kept_or_drawn(f"{FOLDER}/{public_id}-{digest}.jpg", card)
    except (NoSuchFile, StorageFailed):
        abort(503)
    response = Response(content, mimetype="image/jpeg")
    response.headers["Cache-Control"] = IMMUTABLE
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # it is there to be shown
    response.set_etag(digest)
    response.make_conditional(request.environ)
    return response


def _kept_or_drawn(key: str, card: Card) -> bytes:
    """The card from the disk; drawn and put there when it is not. Where it cannot be kept (a full
    disk), it is answered all the same."""
    with suppress(NoSuchFile):
        return _read(key, public=False)
    with _one_at_a_time:
        with suppress(NoSuchFile):  # somebody drew it while we waited
            return _read(key, public=False)
        content = draw(card, _read(card.photo_key, public=True))
        with suppress(StorageFailed):
            storage().put(key, content, content_type="image/jpeg", public=False)
        return content


def _read(key: str, *, public: bool) -> bytes:
    with storage().open(key, public=public) as file:
        return file.read()


def _photo_key(photo: OfferPhoto) -> str:
    width = next((w for w in photo.widths if w >= PHOTO_PX[0]), photo.widths[-1])
    return f"{photo.stem}-{width}.jpg"


# ---- drawing ----


def draw(card: Card, photo: bytes) -> bytes:
    """`card` as a JPEG. `photo` is one of our own renditions."""
    picture = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), card.ground)
    with Image.open(io.BytesIO(photo)) as seen:
        picture.paste(ImageOps.fit(seen.convert("RGB"), PHOTO_PX, Image.Resampling.LANCZOS))
    pen = ImageDraw.Draw(picture)
    x_px, y_px = PHOTO_PX[0] + MARGIN_PX, MARGIN_PX
    y_px = _write(pen, (x_px, y_px), [card.dealer], 24, "SemiBold", card.ink, most=2) + 36
    # Its longest word whole: "Mercedes-Benz" is wider than the panel at full size.
    size_px = min((_largest(word, 46, least_px=34) for word in card.name.split()), default=46)
    y_px = _write(pen, (x_px, y_px), [card.name], size_px, "ExtraBold", card.ink, most=3) + 10
    y_px = _write(pen, (x_px, y_px), [card.trim], 28, "SemiBold", card.ink, most=2) + 14
    _write(pen, (x_px, y_px), card.facts.split(" · "), 26, "Medium", card.ink, most=2)
    size_px = _largest(card.price, 60)
    y_px = HEIGHT_PX - MARGIN_PX - round(size_px * 1.2)
    _write(pen, (x_px, y_px), [card.price], size_px, "ExtraBold", card.ink, most=1)
    if card.note:
        _write(pen, (x_px, y_px - 36), [card.note], 26, "Bold", card.ink, most=1)
    return _packed(picture)


def _packed(picture: Image.Image) -> bytes:
    """A JPEG of less than 300 KB: rich pictures give up some quality."""
    for quality in QUALITIES:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        if file.tell() <= MOST_BYTES:
            break
    return file.getvalue()


def _write(
    pen: ImageDraw.ImageDraw,
    at_px: tuple[int, int],
    paragraphs: Sequence[str],
    size_px: int,
    weight: str,
    ink: str,
    *,
    most: int,
) -> int:
    """Each of `paragraphs` from a new line on, `most` lines in all; where the next may begin."""
    x_px, y_px = at_px
    font = font_of(weight, size_px)
    lines = [line for text in paragraphs for line in _lines(text, font, most)]
    for line in lines[:most]:
        pen.text((x_px, y_px), line, fill=ink, font=font)
        y_px += round(size_px * 1.24)
    return y_px


def _lines(text: str, font: ImageFont.FreeTypeFont, most: int) -> list[str]:
    """`text` in lines as wide as there is room; what does not fit into `most` ends in "…"."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= _ROOM_PX:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]}…"]
    return [_cut(line, font) for line in lines]


def _cut(line: str, font: ImageFont.FreeTypeFont) -> str:
    while len(line) > 1 and font.getlength(line) > _ROOM_PX:
        line = f"{line.rstrip('…')[:-1].rstrip()}…"
    return line


def _largest(text: str, size_px: int, least_px: int = 20) -> int:
    """The largest size from `least_px` to `size_px` at which `text` fits on one line."""
    while size_px > least_px and font_of("ExtraBold", size_px).getlength(text) > _ROOM_PX:
        size_px -= 2
    return size_px


@lru_cache(maxsize=64)
def font_of(weight: str, size_px: int) -> ImageFont.FreeTypeFont:
    """The card's typeface: Manrope (SIL Open Font License 1.1), which has all our letters."""
    path = files("font_manrope") / "files" / f"Manrope-{weight}.ttf"
    return ImageFont.truetype(io.BytesIO(path.read_bytes()), size_px)
