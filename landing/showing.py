"""A landing page as a visitor sees it: content, the vehicles it means now, the visitor's headline.

Vehicles are read as they are at this instant. One that was sold is replaced by a similar one or
leaves; a block that has nothing left to show is not drawn.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from content.testimonials import shown_by_id
from core.clock import DEFAULT_ZONE, now
from core.text import clean_line
from dealership.identity import StoreProfile, identity
from inventory import search
from inventory.offers import Offer, OfferPhoto
from inventory.search import OfferFilter
from landing.blocks import (
    Content,
    Countdown,
    FormBlock,
    Grid,
    Hero,
    OfferBlock,
    Picture,
    Quote,
    Testimonial,
    Variant,
    Video,
)
from landing.goals import FORMS, Goal
from landing.matching import Matched
from landing.models import LandingPage
from leads.attribution import PARAMETERS as AD_PARAMETERS

REPLACED_AT_MOST: Final = 3  # sold vehicles whose like is looked for, per page
SIMILAR_SHOWN: Final = 3
LONGEST_KEPT: Final = 200
_AMOUNT: Final = re.compile(r"R\$ \d[\d.,]*(?: mil\b)?|\b\d[\d.,]* (?:mil|km)\b")


@dataclass(frozen=True)
class ShownPicture:
    """A photo with the vehicle it shows, if it is of one."""

    photo: OfferPhoto
    offer: Offer | None = None


@dataclass(frozen=True)
class ShownBlock:
    """A block with what it means now. `is_replaced`: its own vehicle is gone."""

    block: Any
    offers: tuple[Offer, ...] = ()
    total: int = 0
    is_replaced: bool = False
    picture: ShownPicture | None = None
    until: datetime | None = None  # in the zone where it ends

    @property
    def kind(self) -> str:
        return str(self.block.kind)


@dataclass(frozen=True)
class Shown:
    """Everything the template needs."""

    page: LandingPage
    content: Content
    goal: Goal
    hero: Hero
    headline: str
    text: str
    action_text: str
    picture: ShownPicture | None
    form: FormBlock | None
    opens_with_form: bool
    blocks: tuple[ShownBlock, ...]  # after the opening
    store: StoreProfile | None
    car: Offer | None = None  # what the form asks about
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/lp/{self.page.slug}"

    @property
    def has_form(self) -> bool:
        return self.goal in FORMS

    def words(self, own: str) -> str:
        """A button's text: the variant's where it has one."""
        return self.action_text or own

    def choice_path(self, offer: Offer) -> str:
        """This page with `offer` chosen in its form."""
        return f"{self.path}?{urlencode({**self.query, 'carro': offer.public_id})}#formulario"

    @property
    def offers(self) -> list[Offer]:
        """Every vehicle on the page, in order, each once."""
        found = {offer.id: offer for block in self.blocks for offer in block.offers}
        return list(found.values())


def show(
    page: LandingPage,
    content: Content,
    *,
    variant_key: str = "",
    matched: Matched | None = None,
    chosen: str = "",
    arguments: Mapping[str, str] | None = None,
) -> Shown:
    """`content` of `page` as it stands now. `chosen` is the public id of the vehicle that the
    visitor picked; one that the page does not show is ignored."""
    matched = matched or Matched()
    variant = content.variants.get(variant_key, Variant())  # type: ignore[call-overload]
    hero = content.hero
    if hero is None:
        raise ValueError("a page opens with its hero")
    ordered = [content.blocks[number - 1] for number in variant.order] or list(content.blocks)
    stock = _Stock(ordered, [hero.picture, variant.picture], matched)
    rest = [block for block in ordered if not isinstance(block, Hero)]
    opens_with_form = bool(rest) and isinstance(rest[0], FormBlock)
    blocks = _shown_blocks(rest[1:] if opens_with_form else rest, stock, page)
    shown = Shown(
        page=page,
        content=content,
        goal=Goal(page.goal),
        hero=hero,
        headline=unbroken(matched.headline or variant.headline or hero.headline),
        text=matched.text or variant.text or hero.text,
        action_text=variant.action_text,
        picture=stock.picture(variant.picture or hero.picture),
        form=content.form,
        opens_with_form=opens_with_form,
        blocks=tuple(blocks),
        store=_store(page),
        query=kept_parameters(arguments or {}),
    )
    if shown.picture is None:
        shown = replace(shown, picture=_first_picture(shown.offers))
    return replace(shown, car=_car(shown, chosen))


def unbroken(text: str) -> str:
    """`text` with amounts that stay on one line: "R$ 70 mil"."""
    return _AMOUNT.sub(lambda found: found[0].replace(" ", "\xa0"), text)


def kept_parameters(arguments: Mapping[str, str]) -> dict[str, str]:
    """The ad's parameters in `arguments`: a link on the page must not lose where somebody came
    from."""
    return {
        name: clean_line(arguments[name], LONGEST_KEPT)
        for name in AD_PARAMETERS
        if arguments.get(name)
    }


def nearest_offer(content: Content) -> Offer | None:
    """The live offer closest to what `content` offered: its vehicle, one like it, the best of its
    filter."""
    for block in content.blocks:
        if not isinstance(block, OfferBlock | Grid):
            continue
        stock = _Stock([block], [], Matched())
        found = stock.of(block, 1)[0]
        if found:
            return found[0]
    return None


def _shown_blocks(blocks: Iterable[Any], stock: "_Stock", page: LandingPage) -> list[ShownBlock]:
    shown = []
    for block in blocks:
        drawn = ShownBlock(block)
        if isinstance(block, OfferBlock | Grid):
            offers, total, is_replaced = stock.of(block, _limit(block))
            if not offers:
                continue
            drawn = ShownBlock(block, tuple(offers), total, is_replaced)
        elif isinstance(block, Video):
            drawn = ShownBlock(block, picture=stock.picture(block.picture))
        elif isinstance(block, Testimonial):
            said = _allowed(block)
            if not said:
                continue
            drawn = ShownBlock(block.model_copy(update={"items": tuple(said)}))
        elif isinstance(block, Countdown):
            until = _end(block, page, stock)
            if until is None:
                continue
            drawn = ShownBlock(block, until=until)
        shown.append(drawn)
    return shown


def _allowed(block: Testimonial) -> list[Quote]:
    """The block's quotes that may be shown now; those of our testimonials with today's words."""
    numbers = [quote.testimonial for quote in block.items if quote.testimonial]
    ours = shown_by_id(numbers)
    shown = []
    for quote in block.items:
        row = ours.get(quote.testimonial)
        if row is not None:
            words = {"text": row.text, "name": row.name, "city": row.city, "bought": row.car,
                     "month": row.month}  # fmt: skip
            shown.append(quote.model_copy(update=words))
        elif not quote.testimonial:
            shown.append(quote)
    return shown


def _limit(block: OfferBlock | Grid) -> int:
    return block.limit if isinstance(block, Grid) else 1


def _end(block: Countdown, page: LandingPage, stock: "_Stock") -> datetime | None:
    """The instant a countdown counts to, where it ends; None when there is none to come."""
    if block.until == "page":
        store = _store(page)
        end = (
            page.ends_at.astimezone(store.zone if store else DEFAULT_ZONE) if page.ends_at else None
        )
    else:
        end = stock.promotion_end()
    return end if end and end > now() else None


def _store(page: LandingPage) -> StoreProfile | None:
    """The store that answers for the page; the only one when there is just one."""
    stores = identity().stores
    own = next((store for store in stores if store.id == page.store_id), None)
    return own or (stores[0] if len(stores) == 1 else None)


def _first_picture(offers: Sequence[Offer]) -> ShownPicture | None:
    return next((ShownPicture(o.photos[0], o) for o in offers if o.photos), None)


def _car(shown: Shown, chosen: str) -> Offer | None:
    """The vehicle the form is about: the one picked, else the page's one offer."""
    if chosen:
        for offer in shown.offers:
            if offer.public_id == chosen:
                return offer
    single = [b for b in shown.blocks if b.kind == "offer" and not b.is_replaced]
    return single[0].offers[0] if single else None


class _Stock:
    """The vehicles that blocks mean, read together in a bounded number of statements."""

    def __init__(
        self, blocks: Sequence[Any], pictures: Sequence[Picture | None], matched: Matched
    ) -> None:
        self._blocks = [block for block in blocks if isinstance(block, OfferBlock | Grid)]
        pictures = [*pictures, *(b.picture for b in blocks if isinstance(b, Video))]
        picked = [one for block in self._blocks for one in block.vehicles]
        picked += [p.vehicle for p in pictures if p is not None and p.vehicle]
        self._filtered = {id(block): _filtered(block, matched) for block in self._blocks}
        ids = search.ids_of(dict.fromkeys(picked)) if picked else []
        for found, _total in self._filtered.values():
            ids += found
        self._offers = {o.id: o for o in search.find_offers(list(dict.fromkeys(ids)))}
        self._by_public_id = {o.public_id: o for o in self._offers.values()}
        self._replace(picked)

    def _replace(self, picked: Sequence[str]) -> None:
        """Look for vehicles like those that are gone."""
        gone = [one for one in dict.fromkeys(picked) if one not in self._by_public_id]
        self._similar: list[Offer] = []
        if not gone:
            return
        ids: dict[int, None] = {}
        for vehicle_id in search.ids_of(gone)[:REPLACED_AT_MOST]:
            ids |= dict.fromkeys(search.similar(vehicle_id, SIMILAR_SHOWN * 2))
        self._similar = search.find_offers(list(ids))

    def of(self, block: OfferBlock | Grid, limit: int) -> tuple[list[Offer], int, bool]:
        """(offers, how many the filter finds in all, whether its own vehicle is gone)."""
        if id(block) in self._filtered and block.filter:
            found, total = self._filtered[id(block)]
            offers = [self._offers[one] for one in found if one in self._offers]
            return offers[:limit], total, False
        offers = [self._by_public_id[one] for one in block.vehicles if one in self._by_public_id]
        if len(offers) == len(block.vehicles):
            return offers[:limit], len(offers), False
        if isinstance(block, OfferBlock):
            return self._similar[:SIMILAR_SHOWN], 0, True
        here = {offer.id for offer in offers}
        fresh = [offer for offer in self._similar if offer.id not in here]
        offers += fresh[: len(block.vehicles) - len(offers)]
        return offers[:limit], len(offers), False

    def picture(self, picture: Picture | None) -> ShownPicture | None:
        """`picture` as it can be shown now; None when its vehicle is gone or has no photo."""
        if picture is None:
            return None
        stored = picture.photo()
        if stored:
            return ShownPicture(stored)
        offer = self._by_public_id.get(picture.vehicle or "")
        return ShownPicture(offer.photos[0], offer) if offer and offer.photos else None

    def promotion_end(self) -> datetime | None:
        """When the promotion of the vehicle on offer ends: the end of its last day in its
        store."""
        for block in self._blocks:
            if not isinstance(block, OfferBlock):
                continue
            offers, _total, is_replaced = self.of(block, 1)
            if offers and not is_replaced and offers[0].promo_until:
                store = identity().store(offers[0].store.slug)
                zone: ZoneInfo = store.zone if store else DEFAULT_ZONE
                after = offers[0].promo_until + timedelta(days=1)
                return datetime.combine(after, time(), tzinfo=zone)
        return None


def _filtered(block: OfferBlock | Grid, matched: Matched) -> tuple[list[int], int]:
    """Ids that the block's filter finds, those the ad names first, and how many there are."""
    wanted = block.wanted()
    if wanted is None:
        return [], 0
    limit = _limit(block)
    result = search.search(wanted, limit, with_facets=False)
    first = _named_first(wanted, matched, limit)
    return list(dict.fromkeys([*first, *result.ids]))[:limit], result.total


def _named_first(wanted: OfferFilter, matched: Matched, limit: int) -> list[int]:
    if matched.facet == "model" and not wanted.models:
        narrowed = replace(wanted, models=(matched.value,))
    elif matched.facet == "make" and not wanted.makes:
        narrowed = replace(wanted, makes=(matched.value,))
    else:
        return []
    if wanted.makes and matched.value.partition("/")[0] not in wanted.makes:
        return []
    return list(search.search(narrowed, limit, with_facets=False).ids)
