"""What should be on each portal: every car of the stock judged by the rules of the account.

Runs over the whole stock in a few statements and in time that grows with it, and writes only rows
whose answer changed. A car that nobody has drafted yet is only marked; drafting comes when its turn
to be sent comes, so that what is sent is true then.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, cast

import sqlalchemy as sa

from core.clock import now
from core.config import current
from core.db import db
from dealership.models import Store
from integrators.accounts import KEY_PREFIX, Account
from integrators.listings.rules import Rules
from integrators.models import Advertiser, Listing, PortalAccount
from inventory.availability import Availability, availability
from inventory.models import Photo, Vehicle
from inventory.offers import price_now_cents, promotion_runs

SHOWN: Final = ("stored", "ready")  # states of photos that have something to show
_ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Wish:
    """What is wanted of one car on one portal: live, paused or absent, why not live, and the basis:
    the same while the ad would be the same."""

    vehicle_id: int
    desired: str
    reason: str
    basis: str
    since: datetime  # when somebody last saved the car


@dataclass(slots=True)
class _Car:
    """As much of a vehicle as the rules ask for, in the shape `inventory.availability` reads."""

    id: int
    public_id: str
    source_id: str
    state: str
    state_changed_at: datetime
    published_at: datetime | None
    price_cents: int | None
    promo_price_cents: int | None
    promo_until: date | None
    highlight_rank: int | None
    condition: str
    store_id: int
    stock_seq: int
    updated_at: datetime
    store: Store
    photos: int = 0


_COLUMNS: Final = (
    Vehicle.id,
    Vehicle.public_id,
    Vehicle.source_id,
    Vehicle.state,
    Vehicle.state_changed_at,
    Vehicle.published_at,
    Vehicle.price_cents,
    Vehicle.promo_price_cents,
    Vehicle.promo_until,
    Vehicle.highlight_rank,
    Vehicle.condition,
    Vehicle.store_id,
    Vehicle.stock_seq,
    Vehicle.updated_at,
)


def wishes(
    account: Account,
    rules: Rules,
    *,
    can_pause: bool = False,
    slots: int | None = None,
    salt: str = "",
    switches: dict[int, str] | None = None,
    placed: frozenset[int] = frozenset(),
    blocked: dict[int, str] | None = None,
    only: Sequence[int] | None = None,
) -> list[Wish]:
    """One wish for every car of the stock, in order of id; with `only` for these cars alone, which
    then have all the places to themselves.

    `slots` is how many may be up; `salt` all that changes every ad at once (the mapping, the rules,
    the portal's lists); `switches` what staff said of single cars; `placed` who has a place now;
    `blocked` cars that are held with the basis they were held at: those take nobody's place.
    """
    switches, blocked = switches or {}, blocked or {}
    store_ids = set(rules.store_ids) or ({account.store_id} if account.store_id else set())
    marks: dict[int, str] = {}
    found: dict[int, Wish] = {}
    live: list[_Car] = []
    for car in _cars(with_photos=rules.photos_min > 0, only=only):
        if car.store_id not in marks:
            marks[car.store_id] = _digest(salt, _store_facts(car.store))
        runs = promotion_runs(cast(Vehicle, car))
        basis = f"{car.stock_seq}{'p' if runs else ''}.{marks[car.store_id]}"
        reason = _reason(car, rules, store_ids, switches.get(car.id, "rules"))
        desired = "live"
        if reason:
            is_short = reason == "reserved" and can_pause
            desired = "paused" if is_short else "absent"
        elif slots is not None and blocked.get(car.id) != basis:
            live.append(car)
        found[car.id] = Wish(car.id, desired, reason, basis, car.updated_at)
    if slots is not None and len(live) > slots:
        for car in _by_rank(live, rules, switches, placed)[slots:]:
            found[car.id] = replace(found[car.id], desired="absent", reason="slot")
    return list(found.values())


def wanted_ids(account: Account, rules: Rules, switches: dict[int, str] | None = None) -> list[int]:
    """Ids of the cars that `account` shows now, in a stable order: what its feeds hold."""
    told = wishes(account, rules, slots=rules.slots, switches=switches)
    return sorted(wish.vehicle_id for wish in told if wish.desired == "live")


def _reason(car: _Car, rules: Rules, store_ids: set[int], switch: str) -> str:
    """Why `car` is not live; "" when it is."""
    shown = availability(cast(Vehicle, car))
    if car.state == "sold":
        return "sold"
    if car.state == "reserved" and shown.has_page:
        if not rules.keeps_reserved:
            return "reserved"
    elif shown is not Availability.AVAILABLE or car.store.closed_at is not None:
        return "off_site"
    if rules.takes_all_down:
        return "left"
    if switch == "never":
        return "switch"
    price = price_now_cents(cast(Vehicle, car)) or 0
    if store_ids and car.store_id not in store_ids:
        return "store"
    if switch == "always":
        return ""
    if rules.conditions and car.condition not in rules.conditions:
        return "condition"
    too_low = rules.price_min_cents is not None and price < rules.price_min_cents
    too_high = rules.price_max_cents is not None and price > rules.price_max_cents
    if too_low or too_high:
        return "price"
    return "photos" if car.photos < rules.photos_min else ""


def _by_rank(
    cars: Iterable[_Car], rules: Rules, switches: dict[int, str], placed: frozenset[int]
) -> list[_Car]:
    """Who gets a place first: told to by staff, highlighted, there already, then by the rule's
    order, and the same every time."""
    last = 1_000_000

    def rank(car: _Car) -> tuple[Any, ...]:
        price = price_now_cents(cast(Vehicle, car)) or 0
        since = (car.published_at or car.state_changed_at).timestamp()
        order = {"newest": -since, "oldest": since, "dearest": -price, "cheapest": price}
        return (
            switches.get(car.id) != "always",
            car.highlight_rank if car.highlight_rank is not None else last,
            car.id not in placed,
            order[rules.order],
            car.id,
        )

    return sorted(cars, key=rank)


def _cars(*, with_photos: bool, only: Sequence[int] | None) -> Iterator[_Car]:
    stores = {store.id: store for store in db.session.scalars(sa.select(Store))}
    counted = (
        sa.select(Photo.vehicle_id, sa.func.count())
        .where(Photo.state.in_(SHOWN))
        .group_by(Photo.vehicle_id)
    )
    listed = sa.select(*_COLUMNS).order_by(Vehicle.id).execution_options(yield_per=_ROWS_AT_ONCE)
    for ids in [None] if only is None else _slices(only):
        photos: dict[int, int] = {}
        if with_photos:
            known = counted if ids is None else counted.where(Photo.vehicle_id.in_(ids))
            photos = {row[0]: row[1] for row in db.session.execute(known)}
        rows = listed if ids is None else listed.where(Vehicle.id.in_(ids))
        for row in db.session.execute(rows):
            facts = row._mapping
            yield _Car(**facts, store=stores[row.store_id], photos=photos.get(row.id, 0))


def _slices(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        yield ids[start : start + _ROWS_AT_ONCE]


def _store_facts(store: Store) -> list[Any]:
    """What of the store stands in an ad."""
    return [
        store.name, store.street, store.district, store.city, store.state_code, store.postal_code,
        store.latitude, store.longitude, store.phone, store.whatsapp, store.email,
    ]  # fmt: skip


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


# --- the rows --------------------------------------------------------------------------------


def salt_of(advertiser: Advertiser, mapping_version: int, terms_version: str) -> str:
    """All that changes every ad of the account at once."""
    rules = Rules.of(advertiser.rules)
    return _digest(rules.extra_text, rules.more, mapping_version, terms_version, current().base_url)


def key_prefix(row: PortalAccount) -> str:
    """How the keys of this account's own ads begin: what does not begin so is the dealer's own and
    is never touched. Inside `writing()`."""
    found = row.options.get(KEY_PREFIX)
    if not found:
        found = f"v{secrets.token_hex(2)}-"
        row.options = {**row.options, KEY_PREFIX: found}
        db.session.flush()
    return str(found)


def record(account_id: int, told: Sequence[Wish], prefix: str) -> int:
    """Write down what is wanted, in as few rows as changed; how many. Inside `writing()`."""
    rows = {row.vehicle_id: row for row in db.session.execute(_known(account_id))}
    instant = now()
    changed: list[dict[str, Any]] = []
    fresh: list[Wish] = []
    for wish in told:
        row = rows.get(wish.vehicle_id)
        if row is None:
            if wish.desired == "live":
                fresh.append(wish)
        elif (row.desired, row.reason, row.basis) != (wish.desired, wish.reason, wish.basis):
            is_same = row.desired == wish.desired and row.basis == wish.basis
            is_saved = row.basis.split(".")[0] != wish.basis.split(".")[0]
            changed.append(
                {
                    "id": row.id,
                    "desired": wish.desired,
                    "reason": wish.reason,
                    "basis": wish.basis,
                    "desired_at": row.desired_at
                    if is_same
                    else wish.since
                    if is_saved
                    else instant,
                    # What was wrong with the ad before is looked at anew.
                    "due_at": row.due_at if row.is_unclear or is_same else None,
                }
            )
    here = {wish.vehicle_id for wish in told}
    lost = [
        row.id
        for row in rows.values()
        if row.vehicle_id not in here and (row.desired != "absent" or row.reason != "deleted")
    ]
    if changed:
        db.session.execute(sa.update(Listing), changed)
    for start in range(0, len(lost), _ROWS_AT_ONCE):
        db.session.execute(
            sa.update(Listing)
            .where(Listing.id.in_(lost[start : start + _ROWS_AT_ONCE]))
            .values(desired="absent", reason="deleted", desired_at=instant),
            execution_options={"synchronize_session": False},
        )
    _add(account_id, fresh, prefix)
    return len(changed) + len(lost) + len(fresh)


def _known(account_id: int) -> Any:
    return sa.select(
        Listing.id,
        Listing.vehicle_id,
        Listing.desired,
        Listing.reason,
        Listing.basis,
        Listing.desired_at,
        Listing.is_unclear,
        Listing.due_at,
    ).where(Listing.account_id == account_id)


def _add(account_id: int, told: Sequence[Wish], prefix: str) -> None:
    """Listings of cars that have none. A car that comes back under its old id takes up the listing
    that its key left behind."""
    instant = now()
    for start in range(0, len(told), _ROWS_AT_ONCE):
        part = told[start : start + _ROWS_AT_ONCE]
        names = {
            row.id: row
            for row in db.session.execute(
                sa.select(Vehicle.id, Vehicle.public_id, Vehicle.source_id).where(
                    Vehicle.id.in_([wish.vehicle_id for wish in part])
                )
            )
        }
        rows = [
            {
                "account_id": account_id,
                "vehicle_id": wish.vehicle_id,
                "source_id": names[wish.vehicle_id].source_id,
                "key": f"{prefix}{names[wish.vehicle_id].public_id}",
                "desired": wish.desired,
                "reason": wish.reason,
                "basis": wish.basis,
                "desired_at": instant,
                "created_at": instant,
            }
            for wish in part
        ]
        left = {
            row.key: row.id
            for row in db.session.execute(
                sa.select(Listing.key, Listing.id).where(
                    Listing.account_id == account_id, Listing.key.in_([row["key"] for row in rows])
                )
            )
        }
        if back := [{**row, "id": left[row["key"]]} for row in rows if row["key"] in left]:
            db.session.execute(sa.update(Listing), back)
        if fresh := [row for row in rows if row["key"] not in left]:
            db.session.execute(sa.insert(Listing), fresh)
