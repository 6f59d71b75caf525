"""How the ads of an account stand, for screens: counted by the database, in a few statements
however many cars there are.

A listing is in one of five states, told by `STATE`: "live" (there, as wanted), "sending" (something
of it is under way or waits its turn), "waiting" (no place in the contract), "problem" (a person
must act), "off" (not there, and rightly so).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from statistics import median
from typing import Any, Final

import sqlalchemy as sa

from core.clock import DEFAULT_ZONE, now, today
from core.db import db
from integrators.listings.steps import THERE, VISIBLE
from integrators.models import Advertiser, FeedPull, Listing, ListingEvent, PortalAccount
from integrators.portals.portal import NOBODY_KNOWS
from inventory.models import Vehicle
from leads.models import Enquiry, Lead, Submission

STATES: Final = ("live", "sending", "waiting", "problem", "off")
MOST_GROUPS: Final = 100  # causes shown; the rest is counted under the last
MOST_EVENTS: Final = 20_000  # looked at for the speed; the newest
PULLS_SHOWN: Final = 50

# A person must mend something before it is sent again.
IS_STUCK: Final = sa.and_(
    Listing.desired != "absent",
    sa.or_(
        sa.and_(Listing.refused_basis != "", Listing.refused_basis == Listing.basis),
        sa.and_(Listing.remote == "rejected", Listing.pushed_basis == Listing.basis),
    ),
)
_HAS_NO_PLACE: Final = sa.or_(
    sa.and_(Listing.desired == "absent", Listing.reason == "slot", Listing.remote.not_in(THERE)),
    sa.and_(Listing.desired == "live", Listing.remote == "no_slots"),
)
_IS_AS_WANTED: Final = sa.and_(
    Listing.desired == "live",
    Listing.remote.in_(VISIBLE),
    Listing.pushed_basis == Listing.basis,
    Listing.is_unclear.is_(False),
)
_IS_AWAY: Final = sa.and_(
    Listing.is_unclear.is_(False),
    sa.or_(
        sa.and_(Listing.desired == "absent", Listing.remote.not_in(THERE)),
        sa.and_(
            Listing.desired == "paused",
            Listing.remote.in_(("paused", "none", "expired", "offline")),
        ),
    ),
)
# Each car's own words tell which name it is; to decide on them is one task.
_CAUSE_WORDS: Final = sa.case((Listing.error_code == NOBODY_KNOWS, ""), else_=Listing.error)
STATE: Final = sa.case(
    (IS_STUCK, "problem"),
    (_HAS_NO_PLACE, "waiting"),
    (_IS_AS_WANTED, "live"),
    (_IS_AWAY, "off"),
    else_="sending",
)


@dataclass(frozen=True)
class Counts:
    """How many listings of an account are in which state."""

    live: int = 0
    sending: int = 0
    waiting: int = 0
    problem: int = 0
    off: int = 0

    @property
    def wanted(self) -> int:
        """All that shall be there, has no place, or is on its way."""
        return self.live + self.sending + self.waiting + self.problem

    def of(self, state: str) -> int:
        return int(getattr(self, state))


@dataclass(frozen=True)
class Cause:
    """One reason that holds listings back: how many, in words, and the field where it is mended.
    Cars whose names on the portal nobody has decided on are one reason, whatever their words."""

    code: str
    words: str
    field: str
    count: int

    @property
    def key(self) -> str:
        """What addresses and forms call it: the same for as long as the portal says the same."""
        digest = sha256(self.words.encode()).hexdigest()[:12]
        return f"{self.code}.{digest}" if self.words else self.code

    @property
    def is_about_names(self) -> bool:
        return self.code == NOBODY_KNOWS

    @property
    def holds(self) -> sa.ColumnElement[bool]:
        """Whether it is what a listing is told of."""
        return sa.and_(Listing.error_code == self.code, sa.literal(self.words) == _CAUSE_WORDS)


@dataclass(frozen=True)
class Speed:
    """How many seconds it took, in the middle and at worst, over `count` changes."""

    count: int = 0
    median: float | None = None
    worst: float | None = None


@dataclass(frozen=True)
class Brought:
    """Leads of an account, this calendar month and the one before; by car, most first."""

    this_month: int = 0
    last_month: int = 0
    by_vehicle: dict[int, int] = field(default_factory=dict)


def counts_of(account_ids: Collection[int]) -> dict[int, Counts]:
    """How the listings of the accounts stand, by account."""
    found: dict[int, dict[str, int]] = {number: {} for number in account_ids}
    rows = db.session.execute(
        sa.select(Listing.account_id, STATE.label("state"), sa.func.count())
        .where(Listing.account_id.in_(account_ids))
        .group_by(Listing.account_id, sa.literal_column("state"))
    )
    for account_id, state, count in rows:
        found[account_id][state] = count
    return {number: Counts(**by_state) for number, by_state in found.items()}


def advertisers(account_ids: Collection[int]) -> dict[int, Advertiser]:
    """How the accounts advertise, those that ever did."""
    rows = db.session.scalars(sa.select(Advertiser).where(Advertiser.account_id.in_(account_ids)))
    return {row.account_id: row for row in rows}


def advertiser_seen(account_id: int) -> Advertiser:
    """How the account advertises; as it would begin when it never did."""
    return db.session.get(Advertiser, account_id) or silent_advertiser(account_id)


def silent_advertiser(account_id: int) -> Advertiser:
    """How an account begins that never advertised; kept by nobody."""
    return Advertiser(
        account_id=account_id,
        is_on=False,
        rules={},
        rules_version=1,
        monthly_cost_cents=0,
        hold_reason="",
        problem="",
        plan_name="",
        is_wary=False,
    )


def in_state(account_id: int, state: str = "") -> sa.Select[Any]:
    """The listings of an account, in one state or in all, with their cars where these are still
    there: an ad may outlive its car."""
    statement = (
        sa.select(Listing)
        .outerjoin(Vehicle, Vehicle.id == Listing.vehicle_id)
        .where(Listing.account_id == account_id)
    )
    if state in STATES:
        return statement.where(sa.literal(state) == STATE)
    return statement


def states_of(listing_ids: Collection[int]) -> dict[int, str]:
    """The state of each listing, by its id."""
    rows = db.session.execute(sa.select(Listing.id, STATE).where(Listing.id.in_(listing_ids)))
    return {row[0]: row[1] for row in rows}


def causes(account_id: int) -> list[Cause]:
    """What holds listings of the account back, most first."""
    count = sa.func.count()
    rows = db.session.execute(
        sa.select(
            Listing.error_code,
            _CAUSE_WORDS.label("cause_words"),
            sa.func.max(Listing.error_field),
            count,
        )
        .where(Listing.account_id == account_id, IS_STUCK)
        .group_by(Listing.error_code, sa.literal_column("cause_words"))
        .order_by(count.desc(), Listing.error_code, sa.literal_column("cause_words"))
        .limit(MOST_GROUPS)
    )
    return [Cause(code, words, where, number) for code, words, where, number in rows]


def cause_of(account_id: int, key: str) -> Cause | None:
    """The cause with that key; None when it holds nothing back (any more)."""
    return next((cause for cause in causes(account_id) if cause.key == key), None)


def waiting_line(account_id: int, order: str) -> sa.Select[Any]:
    """Who waits for a place, who gets the next one first: told to by staff, highlighted, then by
    the rule's order (integrators.listings.wanted ranks in the same way)."""
    since = sa.func.coalesce(Vehicle.published_at, Vehicle.state_changed_at)
    by: dict[str, sa.UnaryExpression[Any]] = {
        "newest": since.desc(),
        "oldest": since.asc(),
        "dearest": _price_now().desc(),
        "cheapest": _price_now().asc(),
    }
    return in_state(account_id, "waiting").order_by(
        Listing.switch != "always",
        sa.nulls_last(Vehicle.highlight_rank.asc()),
        by.get(order, by["newest"]),
        Vehicle.id,
    )


def _price_now() -> sa.ColumnElement[int]:
    runs = sa.and_(
        Vehicle.promo_price_cents < Vehicle.price_cents,
        sa.or_(Vehicle.promo_until.is_(None), Vehicle.promo_until >= today()),
    )
    return sa.func.coalesce(
        sa.case((runs, Vehicle.promo_price_cents), else_=Vehicle.price_cents), 0
    )


def speeds(account_id: int) -> dict[tuple[str, int], Speed]:
    """From saving to "visible" and to "gone", in the last 7 and 30 days: by (what, days)."""
    instant = now()
    rows = db.session.execute(
        sa.select(ListingEvent.what, ListingEvent.at, ListingEvent.seconds)
        .where(
            ListingEvent.account_id == account_id,
            ListingEvent.at > instant - timedelta(days=30),
            ListingEvent.what.in_(("visible", "gone")),
            ListingEvent.seconds.is_not(None),
        )
        .order_by(ListingEvent.at.desc())
        .limit(MOST_EVENTS)
    ).all()
    found = {}
    for what in ("visible", "gone"):
        for days in (7, 30):
            since = instant - timedelta(days=days)
            took = [row.seconds for row in rows if row.what == what and row.at > since]
            found[what, days] = Speed(len(took), median(took), max(took)) if took else Speed()
    return found


def history(account_id: int, what: str = "") -> sa.Select[Any]:
    """What happened to the account's listings: everything, or of one kind only."""
    statement = sa.select(ListingEvent).where(ListingEvent.account_id == account_id)
    return statement.where(ListingEvent.what == what) if what else statement


def pulls(account_id: int) -> Sequence[FeedPull]:
    """Who fetched the account's feeds, newest first."""
    statement = sa.select(FeedPull).where(FeedPull.account_id == account_id)
    return db.session.scalars(statement.order_by(FeedPull.at.desc()).limit(PULLS_SHOWN)).all()


def fetched_accounts() -> set[int]:
    """The accounts whose feeds somebody ever fetched."""
    return set(db.session.scalars(sa.select(FeedPull.account_id).distinct()))


# --- leads ---------------------------------------------------------------------------------


def months() -> tuple[datetime, datetime]:
    """When this month and the one before began, where the country's main zone is."""
    first = today().replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    return _midnight(first), _midnight(before)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, DEFAULT_ZONE)


def leads_this_month(rows: Sequence[PortalAccount]) -> dict[int, int]:
    """Leads that each account brought this month, by account, in one statement."""
    if not rows:
        return {}
    people = [sa.func.count(sa.distinct(sa.case((_is_from(row), Lead.id)))) for row in rows]
    told = db.session.execute(
        _brought(*people)
        .where(Submission.received_at >= months()[0])
        .where(Submission.source.in_({row.kind for row in rows}))
    ).one()
    return {row.id: told[number] for number, row in enumerate(rows)}


def brought(row: PortalAccount) -> Brought:
    """Leads that the account brought."""
    first, before = months()
    is_now = Submission.received_at >= first
    told = db.session.execute(
        _brought(
            Lead.vehicle_id,
            sa.func.count(sa.distinct(sa.case((is_now, Lead.id)))),
            sa.func.count(sa.distinct(sa.case((~is_now, Lead.id)))),
        )
        .where(_is_from(row), Submission.received_at >= before)
        .group_by(Lead.vehicle_id)
    ).all()
    by_vehicle = {car: here + earlier for car, here, earlier in told if car is not None}
    return Brought(
        sum(one[1] for one in told),
        sum(one[2] for one in told),
        dict(sorted(by_vehicle.items(), key=lambda pair: (-pair[1], pair[0]))),
    )


def _brought(*columns: Any) -> sa.Select[Any]:
    return (
        sa.select(*columns)
        .select_from(Enquiry)
        .join(Submission, Submission.id == Enquiry.submission_id)
        .join(Lead, Lead.id == Enquiry.lead_id)
        .where(Lead.is_test.is_(False))
    )


def _is_from(row: PortalAccount) -> sa.ColumnElement[bool]:
    """Whether a submission came by the account: its key begins with the account's number."""
    return sa.and_(Submission.source == row.kind, Submission.idem_key.startswith(f"{row.id}:"))


# --- one car, and what needs somebody -----------------------------------------------------------


def of_vehicle(vehicle_id: int, account_ids: Collection[int]) -> dict[int, tuple[Listing, str]]:
    """The car's listing and its state, by account."""
    rows = db.session.execute(
        sa.select(Listing, STATE).where(
            Listing.vehicle_id == vehicle_id, Listing.account_id.in_(account_ids)
        )
    )
    return {row[0].account_id: (row[0], row[1]) for row in rows}


def blocked_ads(store_ids: Collection[int] | None) -> sa.Select[Any]:
    """Listings that a person must act on, of accounts that advertise; `store_ids` None: of all."""
    statement = (
        sa.select(Listing.id)
        .join(PortalAccount, PortalAccount.id == Listing.account_id)
        .join(Advertiser, Advertiser.account_id == PortalAccount.id)
        .where(IS_STUCK, Advertiser.is_on.is_(True), PortalAccount.state != "archived")
    )
    return statement if store_ids is None else statement.where(_is_of(store_ids))


def troubled_accounts(store_ids: Collection[int] | None) -> sa.Select[Any]:
    """Accounts that advertise and cannot go on without a person."""
    statement = (
        sa.select(PortalAccount.id)
        .join(Advertiser, Advertiser.account_id == PortalAccount.id)
        .where(
            Advertiser.is_on.is_(True),
            PortalAccount.state == "active",
            sa.or_(Advertiser.problem != "", Advertiser.is_wary.is_(True)),
        )
    )
    return statement if store_ids is None else statement.where(_is_of(store_ids))


def _is_of(store_ids: Collection[int]) -> sa.ColumnElement[bool]:
    return PortalAccount.store_id.in_(store_ids)
