"""Ready pieces of pages: made once, used until something they show changes.

A piece is found under everything that it depends on, so nothing ever has to be thrown away because
it is wrong; what nobody asks for falls out by itself. Cards hang on their vehicle's `stock_seq`,
which each change of the vehicle moves; all pieces hang on `house_mark`, which each change of the
house moves (names, stores, menus), and on the reader's language. What changes with the clock alone
(a promotion's last day, a FIPE month, "just arrived") ends with the quarter of an hour at the
latest: in no zone of the world does a day end within one.

A whole page may be kept so (`kept_page`), under all that it shows; it is finished for each reader
with marks of their own in its forms. The cache in front of Flask drops every page each minute and
with each change of the site: what is kept here is what it draws them from.

Pieces are bytes, put into the page's own after the template has run (`render_page`): a card that
is ready costs neither markup nor encoding again. Nothing of a reader's own belongs into a piece.
"""

import hashlib
import secrets
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from flask import Flask, current_app, g, render_template
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError

from core.clock import now
from core.db import db
from core.language import locale_name
from core.site_memory import sees_site_number, site_number
from inventory import search
from inventory.offers import Offer, OfferPhoto
from leads.forms import LeadForm, new_marks
from showroom.house_mark import house_mark

MOST_BYTES: Final = 48 * 1024 * 1024  # of one process; some six thousand cards, or 600 pages
NEW_ARRIVAL_DAYS: Final = 7
QUARTER_SECONDS: Final = 900
_EXTENSION: Final = "vitrine_fragments"
_OVERHEAD_BYTES: Final = 400  # of the key and the containers, roughly
_OFFER_BYTES: Final = 6_000  # of its fields and photos, roughly
# Stands for a piece while the template runs. Nobody who writes a text can guess it.
_MARK: Final = secrets.token_hex(12)
_DIGITS: Final = 5
_ALWAYS_LINKED: Final = frozenset({"/avaliacao", "/contato", "/favoritos"})


Part = bytes | Callable[[], bytes]  # of a page: ready, or made for each reader anew
Parts = tuple[Part, ...]


@dataclass(slots=True)
class _Drawing:
    """A page whose template runs: the pieces placed so far. None are placed within a piece."""

    pieces: list[Part] = field(default_factory=list)
    readers: tuple[Hashable, ...] = ()  # once known: they stay the same all over a page
    is_in_piece: bool = False

    def mark(self, part: Part) -> Markup:
        """Place `part` here."""
        self.pieces.append(part)
        return Markup(f"{_MARK}{len(self.pieces) - 1:0{_DIGITS}}")  # noqa: S704


class Shelf:
    """Things by key, at most so many bytes of them; what was not used for longest goes first.

    Two halves instead of a list of uses: what is found in the old half moves to the young one,
    and when that is full it becomes the old one. Reading takes no lock.
    """

    def __init__(self, most_bytes: int) -> None:
        self._half_bytes = most_bytes // 2
        self._young: dict[Hashable, tuple[Any, int]] = {}
        self._old: dict[Hashable, tuple[Any, int]] = {}
        self._young_bytes = self._old_bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any:
        """What stands under `key`, or None."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is None:
                return None
            self.put(key, *found)
        return found[0]

    def put(self, key: Hashable, thing: Any, size_bytes: int) -> None:
        """Keep `thing`, unless it alone is too large."""
        if size_bytes > self._half_bytes:
            return
        with self._lock:
            if self._young_bytes + size_bytes > self._half_bytes:
                self._old, self._old_bytes = self._young, self._young_bytes
                self._young, self._young_bytes = {}, 0
            if key not in self._young:
                self._young_bytes += size_bytes
            self._young[key] = (thing, size_bytes)

    @property
    def size_bytes(self) -> int:
        return self._young_bytes + self._old_bytes


def init_fragments(app: Flask) -> None:
    """Keep pieces for `app`, and let templates ask for them. In development nothing is kept:
    templates change there."""
    app.extensions[_EXTENSION] = None if app.debug else Shelf(MOST_BYTES)
    app.jinja_env.globals.update(
        kept=kept, kept_of_form=kept_of_form, form_marks=form_marks, current_link=current_link
    )


def shelf() -> Shelf | None:
    """Where the running application keeps its pieces; None where it keeps none."""
    found: Shelf | None = current_app.extensions[_EXTENSION]
    return found


# ---- pieces in a page ----


def render_page(template: str, **context: Any) -> bytes:
    """The page of `template`, with the kept pieces that it asked for."""
    return finished(parts_of_page(template, **context))


def parts_of_page(template: str, **context: Any) -> Parts:
    """The same in its parts, for `finished`: they may be kept, and given to many readers."""
    drawing = g.drawing = _Drawing()
    try:
        first, *rest = render_template(template, **context).split(_MARK)
    finally:
        del g.drawing
    parts: list[Part] = [first.encode()]
    for part in rest:
        parts.append(drawing.pieces[int(part[:_DIGITS])])
        parts.append(part[_DIGITS:].encode())
    return tuple(parts)


def _joined(parts: Parts) -> Parts:
    """The same with as few pieces as can be, to be kept."""
    joined: list[Part] = []
    run: list[bytes] = []
    for part in parts:
        if isinstance(part, bytes):
            run.append(part)
        else:
            joined += [b"".join(run), part]
            run = []
    return (*joined, b"".join(run))


def kept_page(name: str, draw: Callable[[], Parts], *on: Hashable) -> bytes:
    """The page `name`, which depends on the house and on `on`: of what `draw` answers, when there
    is none ready."""
    return finished(kept_parts(name, draw, *on))


def kept_parts(name: str, draw: Callable[[], Parts], *on: Hashable) -> Parts:
    """The same, not finished yet."""
    known = shelf()
    if known is None:
        return draw()
    key = (name, *_readers(), *on)
    parts: Parts | None = known.get(key)
    if parts is None:
        parts = _joined(draw())
        if sees_site_number():
            known.put(key, parts, _size_of(parts))
    return parts


def kept_until(
    name: str, draw: Callable[[], Parts], ends: Callable[[], float], *on: Hashable
) -> bytes:
    """The page `name` as it is with the site and the stock that this request goes by: nothing of
    what it shows is looked up again. `ends()` is when it may say what is no longer so by the clock
    alone (seconds since 1970); what comes and goes in other ways belongs into `on`."""
    known = shelf()
    if known is None:
        return finished(draw())
    key = (name, *_readers(), site_number(), search.version(), *on)
    found: tuple[Parts, float] | None = known.get(key)
    if found is None or found[1] <= now().timestamp():
        found = _joined(draw()), ends()
        if sees_site_number():
            known.put(key, found, _size_of(found[0]))
    return finished(found[0])


def _size_of(parts: Parts) -> int:
    return sum(len(part) for part in parts if isinstance(part, bytes)) + _OVERHEAD_BYTES


def finished(parts: Parts) -> bytes:
    """The page of `parts` for one reader."""
    return b"".join(part if isinstance(part, bytes) else part() for part in parts)


def placed(piece: bytes) -> Markup:
    """`piece` for a template: a mark of its place on a page of `render_page`, itself elsewhere."""
    drawing: _Drawing | None = g.get("drawing")
    if drawing is None or drawing.is_in_piece:
        return Markup(piece.decode())  # noqa: S704  # made by our own templates
    return drawing.mark(piece)


def form_marks(form: LeadForm) -> Markup:
    """The fields in which no two forms are alike. For templates. Raises RuntimeError inside of a
    piece: everybody would get the same."""
    drawing: _Drawing | None = g.get("drawing")
    if drawing is not None and drawing.is_in_piece:
        raise RuntimeError("a form within a kept piece")
    if drawing is not None and form.is_untouched:
        return drawing.mark(_new_form_marks)
    return form.submission_id(id=False) + form.carimbo(id=False)


def _new_form_marks() -> bytes:
    number, stamp = new_marks()
    return (
        f'<input name="submission_id" type="hidden" value="{number}">'
        f'<input name="carimbo" type="hidden" value="{stamp}">'
    ).encode()


def kept(name: str, make: Callable[..., Markup], *on: Hashable) -> Markup:
    """The piece `name`, which depends on the house and on `on`: `make(*on)` when there is none
    ready. For templates: `make` is one of their macros."""
    known = shelf()
    if known is None:
        return make(*on)
    drawing: _Drawing | None = g.get("drawing")
    try:
        readers = (drawing.readers if drawing is not None else ()) or _readers()
    except SQLAlchemyError:  # a page that says so
        db.session.rollback()
        return make(*on)
    if drawing is not None:
        drawing.readers = readers
    key = (name, *readers, *on)
    piece = known.get(key)
    if piece is None:
        piece = _in_piece(lambda: make(*on)).encode()
        if sees_site_number():
            known.put(key, piece, len(piece) + _OVERHEAD_BYTES)
    return placed(piece)


def _in_piece(make: Callable[[], Markup]) -> Markup:
    """What `make` makes, all that it is made of put in at once."""
    outer: _Drawing | None = g.get("drawing")
    g.drawing = _Drawing(is_in_piece=True)
    try:
        return make()
    finally:
        if outer is None:
            del g.drawing
        else:
            g.drawing = outer


def kept_of_form(form: LeadForm, name: str, make: Callable[..., Markup], *on: Hashable) -> Markup:
    """A part of `form`, `make(form, *on)`, kept while nobody typed anything into it."""
    if not form.is_untouched:
        return make(form, *on)
    return kept(f"form-{name}", lambda _kind, *on: make(form, *on), type(form), *on)


def current_link(path: str, links: Iterable[tuple[str, str]]) -> str:
    """`path`, if the head of every page has a link to it that says "you are here"; else empty.
    `links` are those that the house chose."""
    if path in _ALWAYS_LINKED or any(path == link for link, _text in links):
        return path
    return ""


def _readers() -> tuple[Hashable, ...]:
    """What every piece depends on: the house, and the reader's language."""
    return house_mark(), locale_name()


# ---- offers ----


def find_offer(public_id: str) -> Offer | None:
    """`search.find_offer`, ready while nothing on the site changes: no statement; while nothing
    touches the vehicle: one small one."""
    known = shelf()
    if known is None:
        return search.find_offer(public_id)
    # A promotion ends, and a FIPE price gets old, with a day.
    on = (*_readers(), quarter())
    key = ("offer now", public_id, site_number(), *on)
    offer: Offer | None = known.get(key)
    if offer is None:
        offer = _find_touched(known, public_id, on)
        if offer is not None and not offer.is_sold and sees_site_number():
            known.put(key, offer, _OVERHEAD_BYTES + _OFFER_BYTES)
    return offer


def _find_touched(known: Shelf, public_id: str, on: tuple[Hashable, ...]) -> Offer | None:
    seq = search.seq_of(public_id)
    if not seq:
        return search.find_offer(public_id)
    offer: Offer | None = known.get(("offer", public_id, seq, *on))
    if offer is None:
        offer = search.find_offer(public_id)
        # A sold one's page goes with an hour of its own.
        if offer is not None and not offer.is_sold and sees_site_number():
            size = _OFFER_BYTES + len(offer.description) + len(offer.legal_text)
            known.put(("offer", public_id, offer.stock_seq, *on), offer, size)
    return offer


# ---- cards ----


@dataclass(frozen=True, slots=True)
class Card:
    """A listed offer ready to show, and what the head of a list says of it."""

    html: bytes
    path: str
    photos: tuple[OfferPhoto, ...]  # the first one, if there is any
    fipe_difference_percent: int | None
    ends: float  # seconds since 1970: from then on it may say what is no longer so

    def __html__(self) -> str:
        return placed(self.html)


@dataclass(frozen=True, slots=True)
class Ready:
    """Markup that is ready, for a template to place."""

    html: bytes

    def __html__(self) -> str:
        return placed(self.html)


def side_by_side(cards: Iterable[Card]) -> Ready:
    """All of them, one after the other."""
    return Ready(b"".join(card.html for card in cards))


def digest_of(cards: Iterable[Card]) -> bytes:
    """Stands for all that they say, in the key of a page that shows them."""
    return hashlib.blake2b(b"".join(card.html for card in cards), digest_size=16).digest()


Keep = Callable[[str, Callable[[], Markup]], Markup]
Look = tuple[str, str, bool, bool, int]  # heading, sizes, eager, high, most photos of a card
SIZES: Final = "(min-width: 62rem) 19rem, (min-width: 40rem) 45vw, 92vw"
PLAIN: Final[Look] = ("h3", SIZES, False, False, 1)
RAIL: Final[Look] = ("h3", "(min-width: 40rem) 18rem, 78vw", False, False, 1)
LEAD: Final[Look] = ("lead", "", True, True, 1)  # the first one of the home page, large


def cards_of(ids: Sequence[int], looks: Sequence[Look]) -> list[Card]:
    """A card for each of the vehicles `ids` that is still listed, drawn as `looks` say at the same
    place. No SQL for those that are ready; for the others what `find_offers` costs."""
    known = shelf()
    instant = now().timestamp()
    readers = _readers() if known is not None else ()
    found: dict[int, Card] = {}
    if known is not None:
        for number, seq, look in zip(ids, search.seqs_of(ids), looks, strict=True):
            card = known.get((number, seq, look, *readers))
            if card is not None and card.ends > instant:
                found[number] = card
    missing = [number for number in ids if number not in found]
    if missing:
        is_keepable = known is not None and sees_site_number()
        look_of = dict(zip(ids, looks, strict=True))
        for offer in search.find_offers(missing):
            look = look_of[offer.id]
            card = found[offer.id] = _drawn(offer, look, instant)
            # The row's own number: what was read may be newer than the list that asked for it.
            if known is not None and is_keepable and offer.stock_seq:
                size = len(card.html) + _OVERHEAD_BYTES
                known.put((offer.id, offer.stock_seq, look, *readers), card, size)
    return [found[number] for number in ids if number in found]


def _drawn(offer: Offer, look: Look, instant: float) -> Card:
    heading, sizes, eager, high, most_photos = look
    parts = current_app.jinja_env.get_template("macros/parts.html").module
    if look == LEAD:
        html = parts.lead_offer(offer)  # type: ignore[attr-defined]
    else:
        html = parts.offer_card(  # type: ignore[attr-defined]
            offer, eager=eager, high=high, heading=heading, sizes=sizes, most_photos=most_photos
        )
    ends = ends_of(offer, instant)
    return Card(html.encode(), offer.path, offer.photos[:1], offer.fipe_difference_percent, ends)


def parts_of(offer: Offer, instant: float) -> Keep:
    """Keeps parts of the page of `offer`, which must say nothing but what its own row, its photos
    and the house say (`instant`: see `ends_of`). For templates: a name and one of their macros."""
    on = (offer.id, offer.stock_seq, offer.availability, ends_of(offer, instant))
    if not offer.stock_seq:
        return unkept
    return lambda name, make: kept(name, lambda *_on: make(), *on)


def unkept(_name: str, make: Callable[[], Markup]) -> Markup:
    """For an offer that is not as its row says: a draft."""
    return make()


def quarter() -> int:
    """The quarter of an hour: whoever keeps something under it keeps it for one day of any zone."""
    return int(now().timestamp() // QUARTER_SECONDS)


def ends_of(offer: Offer, instant: float) -> float:
    """Until when, at the longest, what is said of `offer` stays true, all else being equal.
    `instant` (seconds since 1970) must lie before the row was read: what was decided on one side of
    midnight and kept on the other would tell yesterday's price for a quarter of an hour."""
    ends = instant - instant % QUARTER_SECONDS + QUARTER_SECONDS
    if offer.published_at is not None:
        old = (offer.published_at + timedelta(days=NEW_ARRIVAL_DAYS)).timestamp()
        if instant < old < ends:
            return old
    return ends
