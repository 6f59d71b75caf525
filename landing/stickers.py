"""QR stickers on windscreens and paper: printed, scanned, checked against what is true today.

Paper does not change when a price does. So each print is kept with the price it says, and
`stale_stickers` lists those that say something else than the site (CDC art. 30 and 37: the printed
price binds the store, and a wrong one misleads). A code leads on for ever: to the offer, which says
itself that it is sold, or to the landing page.

Scans are counted per sticker and day. Nothing of who scanned is kept.

DomainError
├── NotForSale       no such car, or one that the public may not buy
├── NoSuchPage       landing.editing's: no landing page at that address
└── NoSuchSticker    no sticker has that code
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa
from flask import Blueprint, abort, redirect, request
from flask_babel import format_date
from flask_babel import gettext as _
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship, selectinload
from werkzeug.wrappers import Response

from core.clock import now, today
from core.config import current
from core.db import Model, UtcDateTime, db
from core.errors import DomainError
from core.money import format_brl
from core.text import clean_line, format_km
from dealership.identity import Identity, identity
from inventory import search
from inventory.availability import Availability
from inventory.models import CarModel, Vehicle
from inventory.offers import Offer, offer_of
from landing import counting, editing
from landing.blocks import read_content
from landing.labels import Label
from landing.models import LandingPage

# No 0 and o, 1, l and i: somebody reads it off paper and types it.
CODE_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"
CODE_LENGTH: Final = 6
_CODE: Final = re.compile(f"[{CODE_LETTERS}]{{{CODE_LENGTH}}}")
_TRIES: Final = 20
SOURCE: Final = {"utm_source": "qr", "utm_medium": "adesivo"}

stickers_door = Blueprint("stickers", __name__)


class NotForSale(DomainError, LookupError):
    """No car has that public id, or the public may not buy it now."""


class NoSuchSticker(DomainError, LookupError):
    """No sticker has that code."""


class Sticker(Model):
    """One print: where its code leads and what stands on it. `price_cents` is the cash price
    printed, None when there is none."""

    __tablename__ = "sticker"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(sa.String(8), unique=True)
    vehicle_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="SET NULL"), index=True
    )
    page_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("landing_page.id", ondelete="SET NULL"), index=True
    )
    name: Mapped[str] = mapped_column(sa.String(200))  # what the paper is about, as printed
    price_cents: Mapped[int | None] = mapped_column(sa.BigInteger)
    size: Mapped[str] = mapped_column(sa.String(4))  # a6, a7
    printed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    vehicle: Mapped[Vehicle | None] = relationship()
    page: Mapped[LandingPage | None] = relationship()

    @property
    def address(self) -> str:
        """What its QR code says."""
        return f"{current().base_url}/q/{self.code}"

    @property
    def short_address(self) -> str:
        """The same, for somebody to type."""
        return f"{urlsplit(current().base_url).netloc}/q/{self.code}"


class StickerScan(Model):
    """How often a sticker was scanned on one day (the dealership's)."""

    __tablename__ = "sticker_scan"

    sticker_id: Mapped[int] = mapped_column(
        sa.ForeignKey("sticker.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    scans: Mapped[int] = mapped_column(default=0)


@dataclass(frozen=True)
class StaleSticker:
    """A sticker whose paper is not true any more, why, and what to do."""

    sticker: Sticker
    reason: str
    remedy: str
    is_reprintable: bool = False  # a new print would be true


# --- printing ------------------------------------------------------------------------------


def add_for_offer(public_id: str, size: str) -> tuple[Sticker, Label]:
    """A new sticker for that car and what to print on it. Raises NotForSale."""
    offer = search.find_offer(public_id)
    if offer is None or not (offer.is_available or offer.is_reserved):
        raise NotForSale(_("No car with the id %(id)s is for sale.", id=clean_line(public_id, 40)))
    sticker = _add(offer.title, size, vehicle_id=offer.id, price_cents=offer.price_cents)
    return sticker, label_of_offer(offer, sticker, identity())


def add_for_page(slug: str, size: str) -> tuple[Sticker, Label]:
    """A new sticker for that landing page. Raises landing.editing.NoSuchPage, also for a page that
    has never been published: its code would lead nowhere."""
    page = editing.find(slug)
    revision = editing.live_revision(page)
    if revision is None:
        raise editing.NoSuchPage(
            _("The landing page /lp/%(slug)s has never been published.", slug=slug)
        )
    content = read_content(revision.content)
    headline = content.hero.headline if content.hero else content.title
    sticker = _add(headline, size, page_id=page.id)
    dealer = identity()
    # The end is the first instant after it: a page that ends at midnight is valid the day before.
    last = page.ends_at - timedelta(seconds=1) if page.ends_at else None
    return sticker, Label(
        dealer=dealer.name,
        name=headline,
        facts=_("Until %(day)s", day=_day(last)) if last else "",
        invitation=_("Point your camera here and see the offers"),
        address=sticker.address,
        short_address=sticker.short_address,
        terms=_("While stock lasts. Printed on %(day)s.", day=_day(sticker.printed_at)),
        color=dealer.brand_color,
    )


def label_of_offer(offer: Offer, sticker: Sticker, dealer: Identity) -> Label:
    """What stands on a car's sticker. The price is the cash price of this day."""
    facts = [offer.years]
    if offer.mileage_km is not None:
        facts.append(format_km(offer.mileage_km))
    terms = _("Cash price on %(day)s, valid while stock lasts.", day=_day(sticker.printed_at))
    if offer.promo_until:
        terms = _(
            "Cash price on %(day)s, valid until %(end)s and while stock lasts.",
            day=_day(sticker.printed_at),
            end=format_date(offer.promo_until, "short"),
        )
    return Label(
        dealer=dealer.name,
        name=offer.name,
        detail=offer.trim,
        facts=" · ".join(facts),
        price=format_brl(offer.price_cents),
        price_note=_("Cash price"),
        invitation=_("Point your camera here: photos, details and your proposal"),
        address=sticker.address,
        short_address=sticker.short_address,
        terms=terms,
        color=dealer.brand_color,
    )


def _add(
    name: str,
    size: str,
    *,
    vehicle_id: int | None = None,
    page_id: int | None = None,
    price_cents: int | None = None,
) -> Sticker:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    for _attempt in range(_TRIES):
        statement = (
            insert(Sticker)
            .values(
                code="".join(secrets.choice(CODE_LETTERS) for _letter in range(CODE_LENGTH)),
                vehicle_id=vehicle_id,
                page_id=page_id,
                name=clean_line(name, 200),
                price_cents=price_cents,
                size=size,
                printed_at=now(),
            )
            .on_conflict_do_nothing()
            .returning(Sticker)
        )
        sticker = db.session.scalars(statement).one_or_none()
        if sticker is not None:
            return sticker
    raise RuntimeError("no free sticker code in twenty tries")


def _day(moment: datetime) -> str:
    """The day where the dealership is."""
    return str(format_date(moment, "short"))


# --- looking after them --------------------------------------------------------------------


def find(code: str) -> Sticker:
    """The sticker with that code, however it was typed. Raises NoSuchSticker."""
    typed = code.strip().lower()
    sticker = None
    if _CODE.fullmatch(typed):
        sticker = db.session.scalars(sa.select(Sticker).where(Sticker.code == typed)).first()
    if sticker is None:
        raise NoSuchSticker(_("No sticker has the code %(code)s.", code=clean_line(code, 40)))
    return sticker


def retire(code: str) -> Sticker:
    """The paper is off the car: no more warnings. The code still leads on. Raises
    NoSuchSticker."""
    sticker = find(code)
    sticker.retired_at = sticker.retired_at or now()
    db.session.flush()
    return sticker


def put_back(code: str) -> Sticker:
    """Undo `retire`: the paper hangs there. Raises NoSuchSticker."""
    sticker = find(code)
    sticker.retired_at = None
    db.session.flush()
    return sticker


def retire_all_of(public_ids: Sequence[str]) -> int:
    """The cars with these public ids get new stickers: the old ones count as taken off. How
    many."""
    ids = search.ids_of(public_ids)
    hanging = db.session.scalars(
        sa.select(Sticker).where(Sticker.vehicle_id.in_(ids), Sticker.retired_at.is_(None))
    ).all()
    for sticker in hanging:
        sticker.retired_at = now()
    db.session.flush()
    return len(hanging)


def in_use() -> Sequence[Sticker]:
    """Stickers that were not retired, oldest first, with all that `stale_reason` looks at."""
    statement = (
        sa.select(Sticker)
        .where(Sticker.retired_at.is_(None))
        .options(
            joinedload(Sticker.page),
            joinedload(Sticker.vehicle).options(
                joinedload(Vehicle.store),
                joinedload(Vehicle.car_model).joinedload(CarModel.make),
                joinedload(Vehicle.trim),
                selectinload(Vehicle.photos),
            ),
        )
        .order_by(Sticker.id)
    )
    return db.session.scalars(statement).unique().all()


def stale_stickers() -> list[StaleSticker]:
    """Every sticker in use that says what is not true now."""
    found = []
    for sticker in in_use():
        reason, is_reprintable = stale_reason(sticker)
        if reason:
            remedy = _remedy(sticker, is_reprintable)
            found.append(StaleSticker(sticker, reason, remedy, is_reprintable))
    return found


def stale_reason(sticker: Sticker) -> tuple[str, bool]:
    """Why its paper is not true now, in words (empty when it is), and whether a new print would
    be."""
    if sticker.page is not None:
        if sticker.page.is_open(now()) or sticker.page.is_early(now()):
            return "", True
        return _("the landing page is over or not published"), False
    if sticker.vehicle is None:
        return _("what it is about was deleted"), False
    offer = offer_of(sticker.vehicle)
    if offer.availability is Availability.SOLD:
        return _("the car is sold"), False
    if not offer.availability.has_page:
        return _("the car is not on the site"), False
    if offer.price_cents != sticker.price_cents:
        return _(
            "printed %(printed)s, on the site %(live)s",
            printed=format_brl(sticker.price_cents or 0),
            live=format_brl(offer.price_cents),
        ), True
    if offer.is_reserved:
        return _("the car is reserved"), False
    return "", True


def _remedy(sticker: Sticker, is_reprintable: bool) -> str:
    if is_reprintable and sticker.vehicle is not None:
        return _(
            "Print it again (stickers print --offer %(id)s), then take the old one off "
            "(stickers retire %(code)s).",
            id=sticker.vehicle.public_id,
            code=sticker.code,
        )
    return _("Take it off, then: stickers retire %(code)s.", code=sticker.code)


def scan_counts_of(sticker_ids: Sequence[int]) -> dict[int, int]:
    """`scan_counts` of these stickers only."""
    rows = db.session.execute(
        sa.select(StickerScan.sticker_id, sa.func.sum(StickerScan.scans))
        .where(StickerScan.sticker_id.in_(sticker_ids))
        .group_by(StickerScan.sticker_id)
    )
    return {sticker_id: int(total) for sticker_id, total in rows}


def scan_counts() -> dict[int, int]:
    """How often each sticker was scanned in all, by its id; never scanned ones are not in it."""
    rows = db.session.execute(
        sa.select(StickerScan.sticker_id, sa.func.sum(StickerScan.scans)).group_by(
            StickerScan.sticker_id
        )
    )
    return {sticker_id: int(total) for sticker_id, total in rows}


# --- the door ------------------------------------------------------------------------------


@stickers_door.get("/q/<code>")
def scanned(code: str) -> Response:
    """`/q/<code>`: on to what the sticker is about, counted. 404 for a code that nobody printed."""
    try:
        sticker = find(code)
    except NoSuchSticker:
        abort(404)
    query = urlencode({**SOURCE, "utm_content": sticker.code})
    answer = redirect(f"{_target(sticker)}?{query}", code=302)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    if counting.is_person(request):
        counting.count(_scan(sticker.id))
    return answer


def _target(sticker: Sticker) -> str:
    """Where it leads. A page that is sold, over or gone says so itself and offers others."""
    if sticker.page is not None:
        return f"/lp/{sticker.page.slug}"
    return offer_of(sticker.vehicle).path if sticker.vehicle is not None else "/estoque"


def _scan(sticker_id: int) -> sa.Executable:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    return (
        insert(StickerScan)
        .values(sticker_id=sticker_id, day=today(), scans=1)
        .on_conflict_do_update(
            index_elements=["sticker_id", "day"], set_={"scans": StickerScan.scans + 1}
        )
    )
