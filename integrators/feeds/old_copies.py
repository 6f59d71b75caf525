"""What a portal that fetches a feed still shows: the copy it took last, against the stock of now.

Nobody but the portal can put that right, and it does so whenever it fetches again; until then a car
that was sold after its last visit is for sale there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from core.clock import now
from core.db import db
from integrators.feeds.names import DIALECTS
from integrators.feeds.refreshing import IN_USE
from integrators.listings.rules import Rules
from integrators.listings.untrue_ads import promotion_end
from integrators.models import Advertiser, FeedPull, Listing, PortalAccount
from integrators.untruth import MOST_FOUND, ON_ITS_WAY, Untruth, why_not_for_sale
from inventory.models import PriceChange, StateChange, Vehicle
from inventory.offers import price_now_cents


@dataclass(frozen=True)
class _Copy:
    """The newest copy that somebody has of a feed."""

    pull: FeedPull
    account: PortalAccount
    rules: Rules

    def held(self, car: Vehicle, state_then: str) -> bool:
        """Whether the car was in it, as far as the account's rules tell: those for prices and
        photos are about a time that is over, and are passed over."""
        if state_then != "published" and not (state_then == "reserved" and self.keeps_reserved):
            return False
        store_ids = set(self.rules.store_ids) or (
            {self.account.store_id} if self.account.store_id else set()
        )
        return (not store_ids or car.store_id in store_ids) and (
            not self.rules.conditions or car.condition in self.rules.conditions
        )

    @property
    def keeps_reserved(self) -> bool:
        return self.rules.keeps_reserved

    def untruth(
        self, car: Vehicle, what: str, since: datetime, said: int | None, true: int | None
    ) -> Untruth:
        return Untruth(
            place="feed",
            name=self.account.name,
            what=what,
            since=since,
            vehicle_id=car.id,
            said_cents=said,
            true_cents=true,
            fix="feed",
            account_id=self.account.id,
            label=self.pull.name,
        )


@dataclass(frozen=True)
class _Past:
    """What became of the cars since the oldest copy, by vehicle id, oldest first."""

    states: Mapping[int, Sequence[StateChange]]
    prices: Mapping[int, Sequence[PriceChange]]
    kept_off: Collection[tuple[int, int | None]]  # (account id, vehicle id): never there


def old_copies(account_ids: Collection[int] | None = None) -> list[Untruth]:
    """What is false in the last copies of feeds that are in use: of these accounts, or of all. Five
    statements however many cars there are. Cars that were deleted since leave no trace."""
    instant = now()
    copies = _copies(account_ids, instant)
    if not copies:
        return []
    cars = _changed(copies, instant)
    past = _past([car.id for car in cars], [copy.account.id for copy in copies])
    found: dict[tuple[int, int], Untruth] = {}
    for copy in copies:
        for car in cars:
            fault = _fault(copy, car, past, instant)
            if fault is not None and fault.since <= instant - ON_ITS_WAY:
                found.setdefault((copy.account.id, car.id), fault)  # one account, many formats
    return list(found.values())


def _copies(account_ids: Collection[int] | None, instant: datetime) -> list[_Copy]:
    last = sa.select(sa.func.max(FeedPull.id)).group_by(FeedPull.account_id, FeedPull.name)
    statement = (
        sa.select(FeedPull, PortalAccount, Advertiser.rules)
        .join(PortalAccount, PortalAccount.id == FeedPull.account_id)
        .outerjoin(Advertiser, Advertiser.account_id == FeedPull.account_id)
        .where(
            FeedPull.id.in_(last),
            FeedPull.at >= instant - IN_USE,
            FeedPull.name.in_(DIALECTS),
            PortalAccount.state != "archived",
        )
        .order_by(FeedPull.account_id, FeedPull.at)
    )
    if account_ids is not None:
        statement = statement.where(FeedPull.account_id.in_(account_ids))
    rows = db.session.execute(statement)
    return [_Copy(pull, account, Rules.of(rules or {})) for pull, account, rules in rows]


def _changed(copies: Sequence[_Copy], instant: datetime) -> Sequence[Vehicle]:
    """Cars that were saved since the oldest copy, or whose promotion ended since."""
    version = min(copy.pull.stock_version for copy in copies)
    first = (min(copy.pull.at for copy in copies) - timedelta(days=1)).date()
    statement = (
        sa.select(Vehicle)
        .where(
            Vehicle.published_at.is_not(None),
            sa.or_(Vehicle.stock_seq > version, Vehicle.promo_until.between(first, instant.date())),
        )
        .options(joinedload(Vehicle.store))
        .order_by(Vehicle.stock_seq.desc(), Vehicle.id)
        .limit(MOST_FOUND)
        .execution_options(populate_existing=True)
    )
    return db.session.scalars(statement).all()


def _past(vehicle_ids: Sequence[int], account_ids: Collection[int]) -> _Past:
    never = sa.select(Listing.account_id, Listing.vehicle_id).where(
        Listing.account_id.in_(account_ids), Listing.switch == "never"
    )
    return _Past(
        _by_vehicle(StateChange, vehicle_ids),
        _by_vehicle(PriceChange, vehicle_ids),
        {(row[0], row[1]) for row in db.session.execute(never)},
    )


def _by_vehicle(model: Any, vehicle_ids: Sequence[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    statement = sa.select(model).where(model.vehicle_id.in_(vehicle_ids)).order_by(model.id)
    for row in db.session.scalars(statement):
        found.setdefault(row.vehicle_id, []).append(row)
    return found


def _fault(copy: _Copy, car: Vehicle, past: _Past, instant: datetime) -> Untruth | None:
    taken_at = copy.pull.at
    steps = [one for one in past.states.get(car.id, ()) if one.at > taken_at]
    then = steps[0].from_state if steps else car.state
    if (copy.account.id, car.id) in past.kept_off or not copy.held(car, then):
        return None
    said = _price_then(car, past.prices.get(car.id, ()), taken_at)
    what = why_not_for_sale(car, instant, keeps_reserved=copy.keeps_reserved)
    if what:
        return copy.untruth(car, what, car.state_changed_at, said, None)
    true = price_now_cents(car, instant)
    if said is None or said == true:
        return None
    ended = promotion_end(car, instant)
    if ended is not None and ended > taken_at and said == car.promo_price_cents:
        return copy.untruth(car, "promo", ended, said, true)
    later = [one.at for one in past.prices.get(car.id, ()) if one.at > taken_at]
    return copy.untruth(car, "price", later[0] if later else car.updated_at, said, true)


def _price_then(car: Vehicle, changes: Sequence[PriceChange], taken_at: datetime) -> int | None:
    """What the car cost when the copy was taken; None when nobody knows."""
    before = [one for one in changes if one.at <= taken_at]
    if changes and not before:
        return None
    told = before[-1] if before else car
    then = SimpleNamespace(
        price_cents=told.price_cents,
        promo_price_cents=told.promo_price_cents,
        promo_until=told.promo_until,
        store=car.store,
    )
    return price_now_cents(cast(Vehicle, then), taken_at)
