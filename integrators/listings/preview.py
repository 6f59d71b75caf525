"""What would be sent, before it is: of one car, and of the whole stock by other rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from core.db import db
from integrators import accounts
from integrators.accounts import Account
from integrators.feeds import names as feeds
from integrators.feeds.cars import feed_car, feed_secrets
from integrators.feeds.dialect import Dialect, LeftOut, words_of
from integrators.feeds.names import DIALECTS
from integrators.listings.cars import car_of, secrets_of
from integrators.listings.rules import Rules, places
from integrators.listings.steps import THERE
from integrators.listings.terms import terms_version
from integrators.listings.wanted import Wish, salt_of, wishes
from integrators.models import Advertiser, Listing, PortalAccount
from integrators.portals.every import PORTALS
from integrators.portals.portal import Car, Draft, Portal, Terms, part_digest
from inventory.models import Vehicle


@dataclass(frozen=True)
class Plan:
    """What the next pass would do: ids of cars that go up, change, come down (what must not be
    seen first), stay as they are, wait for a place, and how many a person must mend before."""

    up: tuple[int, ...] = ()
    change: tuple[int, ...] = ()
    down: tuple[int, ...] = ()
    stay: int = 0
    waiting: int = 0
    held: int = 0

    @property
    def does_nothing(self) -> bool:
        return not (self.up or self.change or self.down)


@dataclass(frozen=True)
class AdPreview:
    """One car as a portal would be told of it; `changed` names the parts that it does not have
    yet."""

    car: Car
    draft: Draft
    changed: frozenset[str]


@dataclass(frozen=True)
class FeedPiece:
    """One car as it stands in the feed `name`, or why it does not."""

    name: str
    car: Car
    text: str = ""
    problem: str = ""


class _Known(NamedTuple):
    """What is known of one car's ad: how it stands, and the bases that were refused and sent."""

    remote: str = "none"
    switch: str = "rules"
    refused: str = ""
    pushed: str = ""


_UNKNOWN: Final = _Known()


def plan(row: PortalAccount, advertiser: Advertiser, rules: Rules) -> Plan:
    """What `rules` would do to the account's ads, judged as a pass judges it, in a few statements
    however many cars there are."""
    known = _known(row.id)
    there = frozenset(number for number, one in known.items() if one.remote in THERE)
    portal = PORTALS.get(row.kind)
    told = wishes(
        accounts.seen(row),
        rules,
        can_pause=portal is not None and portal.limits.can_pause,
        slots=places(advertiser, rules),
        salt=_salt(row, rules, portal) if portal else "",
        switches={number: one.switch for number, one in known.items()},
        placed=there,
        blocked={number: one.refused for number, one in known.items() if one.refused},
    )
    fates: dict[str, list[Wish]] = {}
    for wish in told:
        fate = _fate(wish, known.get(wish.vehicle_id, _UNKNOWN))
        fates.setdefault(fate, []).append(wish)
    # What must not be seen any more goes first.
    down = sorted(fates.get("down", ()), key=lambda wish: (wish.reason != "sold", wish.vehicle_id))
    return Plan(
        up=tuple(wish.vehicle_id for wish in fates.get("up", ())),
        change=tuple(wish.vehicle_id for wish in fates.get("change", ())),
        down=tuple(wish.vehicle_id for wish in down),
        stay=len(fates.get("stay", ())),
        waiting=len(fates.get("waiting", ())),
        held=len(fates.get("held", ())),
    )


def _salt(row: PortalAccount, rules: Rules, portal: Portal) -> str:
    draft = Advertiser(account_id=row.id, rules=rules.stored())  # kept by nobody
    return salt_of(draft, portal.mapping_version, terms_version(row.kind))


def _fate(wish: Wish, known: _Known) -> str:
    """Which of the plan's lists the car belongs to; "" when it is none of the portal's business."""
    is_there = known.remote in THERE
    if wish.desired == "live":
        if known.refused == wish.basis:
            return "held"
        if not is_there:
            return "up"
        return "stay" if known.pushed == wish.basis else "change"
    if is_there and not (wish.desired == "paused" and known.remote == "paused"):
        return "down"
    return "waiting" if wish.reason == "slot" else ""


def ad_of(
    row: PortalAccount, vehicle: Vehicle, rules: Rules, terms: Terms, pushed: Mapping[str, str]
) -> AdPreview:
    """What the portal would be told of `vehicle`, loaded as `cars.load_cars` does; `pushed` are the
    digests of what it has."""
    account, portal = accounts.seen(row), PORTALS[row.kind]
    car = car_of(
        vehicle,
        account,
        photos=portal.limits.photos,
        photo_px=portal.limits.photo_px,
        extra_text=rules.extra_text,
    )
    draft = portal.draft(car, account, terms, secrets_of(vehicle))
    changed = {name for name, part in draft.parts.items() if pushed.get(name) != part_digest(part)}
    return AdPreview(car, draft, frozenset(changed))


def feed_pieces_of(row: PortalAccount, vehicle: Vehicle, rules: Rules) -> list[FeedPiece]:
    """How `vehicle`, loaded as `cars.load_cars` does, stands in each of the account's feeds."""
    account = accounts.seen(row)
    return [
        _feed_piece(DIALECTS[name], vehicle, account, rules) for name in feeds.names_for(account)
    ]


def _feed_piece(dialect: Dialect, vehicle: Vehicle, account: Account, rules: Rules) -> FeedPiece:
    car = feed_car(vehicle, account, dialect, rules)
    try:
        return FeedPiece(dialect.name, car, dialect.piece(car, feed_secrets(vehicle, dialect)))
    except LeftOut as left:
        return FeedPiece(dialect.name, car, problem=words_of(left.code))


def fields_of(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Every value of a part as (where it stands, what it says), for people who read it."""
    if isinstance(value, Mapping):
        pairs: Sequence[tuple[str, Any]] = [(str(name), one) for name, one in value.items()]
    elif isinstance(value, list | tuple):
        if all(not isinstance(one, Mapping | list | tuple) for one in value):
            return [(path, ", ".join(str(one) for one in value))] if value else []
        pairs = [(str(number), one) for number, one in enumerate(value, 1)]
    else:
        words = str(value).lower() if isinstance(value, bool) else str(value)
        return [] if value is None or value == "" else [(path, words)]
    return [
        field for name, one in pairs for field in fields_of(one, f"{path}.{name}" if path else name)
    ]


def _known(account_id: int) -> dict[int, _Known]:
    rows = db.session.execute(
        sa.select(
            Listing.vehicle_id,
            Listing.remote,
            Listing.switch,
            Listing.refused_basis,
            Listing.pushed_basis,
        ).where(Listing.account_id == account_id, Listing.vehicle_id.is_not(None))
    )
    return {car: _Known(*facts) for car, *facts in rows if car is not None}
