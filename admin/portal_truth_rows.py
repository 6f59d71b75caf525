"""What the panel of untrue ads shows: each place with what it says and what is so, in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from admin.door import may, staff
from admin.portal_ad_rows import stock_rows
from admin.portal_scope import HERE, own_accounts
from admin.stock_rows import StockRow
from core.db import db
from core.money import format_brl
from dealership.roles import Permission
from integrators.listings import untruths
from integrators.untruth import Untruth
from inventory.offers import OfferPhoto
from landing import stickers
from landing.models import LandingPage
from landing.stickers import StaleSticker, Sticker

MOST_LINES: Final = 50  # of one group
# What a place says, what is so.
WORDS: Final = {
    "sold": (_l("For sale"), _l("Sold")),
    "reserved": (_l("For sale"), _l("Reserved")),
    "gone": (_l("For sale"), _l("Not on the site")),
    "hidden": (_l("Not for sale"), _l("For sale")),
    "photo": (_l("Old photos"), _l("The photos were changed")),
    "text": (_l("Old description"), _l("The description was changed")),
    "twice": (_l("Two ads of it"), _l("One car")),
}
PLACE_WORDS: Final = {
    "page": _l("The car's page"),
    "sitemap": _l("The list for search engines"),
    "landing": _l("A page with offers"),
}
SITE: Final = "site"
PAPER: Final = "paper"


@dataclass(frozen=True)
class Line:
    """One thing that is not true: the car, what is said and what is so, since when, where to see
    it, and what can be done: `ref` for the button, or a path with its words."""

    name: str
    facts: str
    said: str
    true: str
    since: datetime
    cover: OfferPhoto | None = None
    car_path: str = ""
    where: str = ""
    url: str = ""
    trouble: str = ""
    ref: str = ""
    mend_path: str = ""
    mend_words: str = ""


@dataclass
class Group:
    """The lines of one place."""

    code: str
    title: str
    advice: str
    count: int = 0
    lines: list[Line] = field(default_factory=list)

    @property
    def can_mend(self) -> bool:
        return any(line.ref for line in self.lines)


def own_untruths() -> list[Untruth]:
    """What is false on accounts and about cars of who is signed in."""
    ids = staff().store_ids
    if ids is None:
        return untruths.found()
    return untruths.found([row.id for row in own_accounts(also_removed=True)], ids)


def own_stale_stickers() -> list[StaleSticker]:
    """Printed stickers of who is signed in that are not true now, for those who see the stock."""
    if not may(Permission.SEE_STOCK):
        return []
    return [one for one in stickers.stale_stickers() if _is_mine(one.sticker)]


def _is_mine(sticker: Sticker) -> bool:
    about = sticker.vehicle or sticker.page
    return staff().store_ids is None or (about is not None and staff().serves(about.store_id))


def groups_of(told: Sequence[Untruth], stale: Sequence[StaleSticker]) -> list[Group]:
    """What is false by place, the largest group first; at most `MOST_LINES` lines of each, of
    which the cars are read in a fixed number of statements."""
    groups: dict[str, Group] = {}
    shown: list[tuple[Group, Untruth]] = []
    for one in told:
        group = groups.setdefault(_code(one), _group(one))
        group.count += 1
        if group.count <= MOST_LINES:
            shown.append((group, one))
    ids = [one.vehicle_id for _group_, one in shown if one.vehicle_id]
    ids += [one.sticker.vehicle_id for one in stale[:MOST_LINES] if one.sticker.vehicle_id]
    cars = {row.id: row for row in stock_rows(ids)}
    pages = _landing_pages(one.url for _group_, one in shown if one.place == "landing")
    for group, one in shown:
        group.lines.append(_line(one, cars.get(one.vehicle_id or 0), pages))
    found = sorted(groups.values(), key=lambda group: (-group.count, group.title))
    return [*found, *_paper(stale, cars)]


def _code(one: Untruth) -> str:
    if one.place in {"portal", "feed"}:
        return f"{one.place}-{one.account_id}"
    return SITE


def _group(one: Untruth) -> Group:
    if one.place == "portal":
        return Group(_code(one), one.name, _("Ads that we send."))
    if one.place == "feed":
        advice = _("The copy it fetched last. Ask it to fetch the feed now: only it can do that.")
        return Group(_code(one), one.name, advice)
    return Group(SITE, _("Our own site"), _("Read from outside, as buyers and Google see it."))


def _line(one: Untruth, car: StockRow | None, pages: Mapping[str, int]) -> Line:
    said, true = _words(one)
    path, words = _by_hand(one, pages)
    return Line(
        name=car.name if car else _("A car that is gone"),
        facts=car.facts if car else one.label,
        said=said,
        true=true,
        since=one.since,
        cover=_cover(car),
        car_path=f"/admin/veiculo/{car.id}/" if car and may(Permission.EDIT_STOCK) else "",
        where=str(PLACE_WORDS.get(one.place, "")),
        url=one.url if one.url.startswith(("https://", "http://", "/")) else "",
        trouble=_trouble(one),
        ref=one.ref if one.fix else "",
        mend_path=path,
        mend_words=words,
    )


def _trouble(one: Untruth) -> str:
    if one.is_removed:
        return _("The account was removed here, and its ad stayed on the portal.")
    return one.trouble if one.fix else _("Nobody looks after this account now.")


def _cover(car: StockRow | None) -> OfferPhoto | None:
    return car.cover if car else None


def _words(one: Untruth) -> tuple[str, str]:
    true = format_brl(one.true_cents) if one.true_cents is not None else ""
    said = format_brl(one.said_cents) if one.said_cents is not None else ""
    if one.what == "price":
        return said, true
    if one.what == "promo":
        return _("%(price)s, a promotion that is over", price=said), true
    says, is_so = (str(words) for words in WORDS[one.what])
    if one.what == "gone" and one.vehicle_id is None:
        is_so = _("No longer in the stock")
    if said and one.what in {"sold", "reserved", "gone"}:
        says = _("For sale for %(price)s", price=said)
    return says, is_so


def _by_hand(one: Untruth, pages: Mapping[str, int]) -> tuple[str, str]:
    """Where a person puts it right, with the link's words."""
    if one.is_removed:
        return f"{HERE}#removidas", _("Bring the account back")
    if one.place == "portal" and not one.fix:
        return f"/admin/portais/{one.account_id}/anuncios", _("See why")
    if one.place == "feed":
        return f"/admin/portais/{one.account_id}/anuncios", _("See the feed")
    page = pages.get(one.url)
    if page and may(Permission.EDIT_PAGES):
        return f"/admin/paginas/{page}/", _("Open the page")
    return "", ""


def _landing_pages(urls: Iterable[str]) -> dict[str, int]:
    slugs = {url.removeprefix("/lp/"): url for url in urls if url.startswith("/lp/")}
    rows = sa.select(LandingPage.slug, LandingPage.id).where(LandingPage.slug.in_(slugs))
    return {slugs[slug]: number for slug, number in db.session.execute(rows)}


def _paper(stale: Sequence[StaleSticker], cars: Mapping[int, StockRow]) -> list[Group]:
    if not stale:
        return []
    advice = _("The printed price binds the store: take these off first.")
    lines = [
        Line(
            name=one.sticker.name,
            facts=one.sticker.code,
            said=_("Printed sticker"),
            true=one.reason,
            since=_paper_since(one.sticker),
            cover=_cover(cars.get(one.sticker.vehicle_id or 0)),
            mend_path="/admin/etiquetas/vencidas",
            mend_words=_("Print again or take off"),
        )
        for one in stale[:MOST_LINES]
    ]
    return [Group(PAPER, _("Printed stickers"), advice, len(stale), lines)]


def _paper_since(sticker: Sticker) -> datetime:
    if sticker.vehicle is not None:
        return max(sticker.printed_at, sticker.vehicle.updated_at)
    ended = sticker.page.ends_at if sticker.page is not None else None
    return max(sticker.printed_at, ended) if ended else sticker.printed_at
