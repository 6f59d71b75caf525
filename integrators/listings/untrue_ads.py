"""Ads on portals that say something else than the stock, told from what is known of each.

Judged by the car as it is now, not by the last plan: what nobody has reconciled yet is false all
the same, and so is what a removed account left on its portal. A sieve in SQL lets pass what may be
false, so that a settled stock is not read.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from core.clock import now
from core.db import db
from dealership.models import Store
from integrators import accounts
from integrators.listings.cars import car_of, load_cars, secrets_of
from integrators.listings.rules import Rules
from integrators.listings.shown import IS_SHOWN
from integrators.listings.terms import TermBook
from integrators.models import Advertiser, Listing, PortalAccount, PublicCheck
from integrators.portals.every import PORTALS
from integrators.portals.portal import Portal, part_digest
from integrators.untruth import MOST_FOUND, ON_ITS_WAY, Untruth, why_not_for_sale
from inventory.models import PriceChange, Vehicle
from inventory.offers import price_now_cents, promotion_runs

MOST_DRAFTED: Final = 200  # ads whose words and photos are compared part by part
PHOTO_PARTS: Final = frozenset({"photos", "pictures", "images"})
PRICE_PART: Final = "price"


class Shown(NamedTuple):
    """An ad that buyers see, with all that decides whether it is true."""

    ad: Listing
    account: PortalAccount
    advertiser: Advertiser | None
    car: Vehicle | None

    @property
    def portal(self) -> Portal | None:
        return PORTALS.get(self.account.kind)

    @property
    def rules(self) -> Rules:
        return Rules.of(self.advertiser.rules if self.advertiser else {})

    @property
    def is_tended(self) -> bool:
        """Whether the reconciliation looks after the account."""
        is_on = self.advertiser is not None and self.advertiser.is_on
        return is_on and self.account.state == "active" and self.portal is not None

    @property
    def price_cents(self) -> int | None:
        """What the ad says: as seen where the portal tells, else as it was accepted."""
        shows = self.portal is not None and self.portal.limits.shows_price
        seen = self.ad.seen_price_cents if shows else None
        return seen if seen is not None else self.ad.price_cents

    def untruth(self, what: str, since: datetime, true_cents: int | None = None) -> Untruth:
        trouble = self.ad.error or (self.advertiser.problem if self.advertiser else "")
        return Untruth(
            place="portal",
            name=self.account.name,
            what=what,
            since=since,
            vehicle_id=self.ad.vehicle_id,
            label=self.ad.source_id or self.ad.key,
            said_cents=self.price_cents,
            true_cents=true_cents,
            url=self.ad.url,
            fix="pass" if self.is_tended else "",
            account_id=self.account.id,
            listing_id=self.ad.id,
            trouble=trouble,
            is_removed=self.account.state == "archived",
        )


def untrue_ads(
    account_ids: Collection[int] | None = None, ad_ids: Collection[int] | None = None
) -> list[Untruth]:
    """What is false on portals: of these accounts, of these ads, or of all. In a fixed number of
    statements for each kind of portal, however many cars there are."""
    instant = now()
    rows = _doubtful(account_ids, ad_ids, instant)
    changed = _priced_at([row.car.id for row in rows if row.car is not None])
    found, older = [], []
    for row in rows:
        fault = _availability_fault(row, instant) or _price_fault(row, instant, changed)
        if fault is not None:
            found.append(fault)
        elif row.car is not None and not _is_pushed(row):
            older.append(row)
    found += _content_faults([row for row in older if _since(row) <= instant - ON_ITS_WAY])
    found += _doubles(account_ids) if ad_ids is None else ()
    return [one for one in found if one.since <= instant - ON_ITS_WAY]


def _doubtful(
    account_ids: Collection[int] | None, ad_ids: Collection[int] | None, instant: datetime
) -> list[Shown]:
    near = (instant - timedelta(days=1)).date(), (instant + timedelta(days=1)).date()
    says = sa.func.coalesce(Listing.seen_price_cents, Listing.price_cents)
    sequence = sa.cast(Vehicle.stock_seq, sa.String)
    runs = sa.and_(
        Vehicle.promo_price_cents < Vehicle.price_cents,
        sa.or_(Vehicle.promo_until.is_(None), Vehicle.promo_until >= instant.date()),
    )
    costs = sa.case((runs, Vehicle.promo_price_cents), else_=Vehicle.price_cents)
    is_doubtful = sa.or_(
        Vehicle.id.is_(None),
        Vehicle.state != "published",
        sa.func.coalesce(Vehicle.price_cents, 0) == 0,
        Store.closed_at.is_not(None),
        says != costs,
        Listing.price_cents != costs,
        Vehicle.promo_until.between(*near),
        sa.and_(
            Listing.pushed_basis.not_like(sequence + ".%"),
            Listing.pushed_basis.not_like(sequence + "p.%"),
        ),
    )
    statement = (
        sa.select(Listing, PortalAccount, Advertiser, Vehicle)
        .join(PortalAccount, PortalAccount.id == Listing.account_id)
        .outerjoin(Advertiser, Advertiser.account_id == Listing.account_id)
        .outerjoin(Vehicle, Vehicle.id == Listing.vehicle_id)
        .outerjoin(Store, Store.id == Vehicle.store_id)
        .where(IS_SHOWN, is_doubtful)
        .options(joinedload(Vehicle.store))
        .order_by(sa.func.coalesce(Vehicle.state, "") == "published", Listing.id)
        .limit(MOST_FOUND)
        .execution_options(populate_existing=True)
    )
    if account_ids is not None:
        statement = statement.where(Listing.account_id.in_(account_ids))
    if ad_ids is not None:
        statement = statement.where(Listing.id.in_(ad_ids))
    return [Shown(*row) for row in db.session.execute(statement)]


def _priced_at(vehicle_ids: Sequence[int]) -> Mapping[int, datetime]:
    """When the price of each car was changed last."""
    statement = (
        sa.select(PriceChange.vehicle_id, sa.func.max(PriceChange.at))
        .where(PriceChange.vehicle_id.in_(vehicle_ids))
        .group_by(PriceChange.vehicle_id)
    )
    return {row[0]: row[1] for row in db.session.execute(statement)}


def _availability_fault(row: Shown, instant: datetime) -> Untruth | None:
    what = why_not_for_sale(row.car, instant, keeps_reserved=row.rules.keeps_reserved)
    if not what:
        return None
    since = row.car.state_changed_at if row.car is not None else row.ad.desired_at
    if row.car is not None and row.car.store.closed_at is not None:
        since = max(since, row.car.store.closed_at)
    return row.untruth(what, since)


def _price_fault(row: Shown, instant: datetime, changed: Mapping[int, datetime]) -> Untruth | None:
    car, said = row.car, row.price_cents
    if car is None or said is None:
        return None
    true = price_now_cents(car, instant) or 0
    if said == true or said == true - true % 100:  # some portals know whole reais only
        return None
    ended = promotion_end(car, instant)
    if ended is not None and said == car.promo_price_cents:
        return row.untruth("promo", ended, true)
    since = changed.get(car.id, car.updated_at)
    if row.ad.price_cents == true and row.ad.checked_at is not None:
        since = row.ad.checked_at  # somebody changed it there
    return row.untruth("price", since, true)


def promotion_end(car: Vehicle, instant: datetime) -> datetime | None:
    """When the promotion of `car` ended, if it had one and it is over."""
    is_one = bool(car.promo_price_cents and car.price_cents and car.promo_until)
    if not is_one or car.promo_until is None or promotion_runs(car, instant):
        return None
    midnight = datetime.combine(
        car.promo_until + timedelta(days=1), time(), ZoneInfo(car.store.zone)
    )
    return midnight if midnight <= instant else None


def _is_pushed(row: Shown) -> bool:
    """Whether the portal accepted the car as it was saved last."""
    return row.car is not None and row.ad.pushed_basis.split(".")[0].rstrip("p") == str(
        row.car.stock_seq
    )


def _since(row: Shown) -> datetime:
    """An ad that was put up or told anew a moment ago has been untrue for a moment at most."""
    told = row.ad.pushed_at or row.ad.created_at
    return max(told, row.car.updated_at) if row.car is not None else row.ad.desired_at


# --- what the ad says beside the price --------------------------------------------------------


def _content_faults(rows: Sequence[Shown]) -> Iterator[Untruth]:
    """Ads with other photos or an older text than the car has now: the first `MOST_DRAFTED` of
    them are told once more, without sending anything, and compared part by part."""
    rows = [row for row in rows if row.portal is not None][:MOST_DRAFTED]
    cars = load_cars([row.car.id for row in rows if row.car is not None]) if rows else {}
    books = {kind: TermBook(kind) for kind in {row.account.kind for row in rows}}
    for row in rows:
        what = _content_fault(row, cars, books[row.account.kind])
        if what:
            yield row.untruth(what, _since(row))


def _content_fault(row: Shown, cars: Mapping[int, Vehicle], book: TermBook) -> str:
    vehicle, portal = cars.get(row.ad.vehicle_id or 0), row.portal
    if vehicle is None or portal is None:
        return ""
    if not row.ad.parts:  # the portal has something, and refused what we told it last
        return "text" if row.ad.refused_basis and row.ad.refused_basis == row.ad.basis else ""
    account = accounts.seen(row.account)
    limits = portal.limits
    car = car_of(
        vehicle,
        account,
        photos=limits.photos,
        photo_px=limits.photo_px,
        extra_text=row.rules.extra_text,
    )
    draft = portal.draft(car, account, book, secrets_of(vehicle))
    differing = {
        name
        for name, value in draft.parts.items()
        if name in row.ad.parts and row.ad.parts[name] != part_digest(value)
    } - {PRICE_PART}
    if differing & PHOTO_PARTS:
        return "photo"
    return "text" if differing else ""


# --- two ads of one car -----------------------------------------------------------------------


def _doubles(account_ids: Collection[int] | None) -> Iterator[Untruth]:
    """What the last complete look found twice and could not take down."""
    statement = (
        sa.select(PublicCheck, PortalAccount)
        .join(PortalAccount, PortalAccount.id == PublicCheck.account_id)
        .where(PublicCheck.place == "portal")
        .order_by(PublicCheck.id)
        .limit(MOST_FOUND)
    )
    if account_ids is not None:
        statement = statement.where(PublicCheck.account_id.in_(account_ids))
    for check, account in db.session.execute(statement):
        yield Untruth(
            place="portal",
            name=account.name,
            what=check.what,
            since=check.since,
            vehicle_id=check.vehicle_id,
            said_cents=check.said_cents,
            url=check.url,
            fix="pass" if account.state == "active" else "",
            account_id=account.id,
            is_removed=account.state == "archived",
        )
