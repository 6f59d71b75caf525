"""Our own site read back over HTTP and compared with the stock: pages of cars, cards, sitemap.

Every hour, and when somebody asks: the cars that changed in the last days, those that were false
before, and a sample that wanders through the whole stock. A process that missed a change, a page
that was cached somewhere and a row that somebody wrote past the verbs are found that way.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import sqlalchemy as sa
import structlog
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload, selectinload

from core import own_site
from core.clock import now
from core.config import current
from core.db import db, writing
from core.fetch import FetchRefused
from integrators import own_page
from integrators.models import PublicCheck, PublicRound
from integrators.own_page import Said
from integrators.untruth import ON_ITS_WAY
from inventory.availability import Availability, availability
from inventory.models import Vehicle
from inventory.offers import price_now_cents, promotion_runs
from jobs.queue import SOON, enqueue

JOB: Final = "read_own_places"
OWN_PLACES: Final = ("page", "sitemap", "landing")
NEWS: Final = timedelta(days=3)
MOST_NEWS: Final = 40  # pages of cars that changed
MOST_AGAIN: Final = 40  # pages of cars that were false before
SAMPLE: Final = 20  # pages of others
MOST_LANDING: Final = 30
ROUND_SECONDS: Final = 120.0
ANSWER_SECONDS: Final = 10.0
SITEMAP_BYTES: Final = 24 * 1024 * 1024
KEPT: Final = timedelta(days=30)
LONGEST_URL: Final = 500
LISTS: Final = ("/", "/estoque")  # pages with cards of cars
STATES: Final = {
    Availability.AVAILABLE: "available",
    Availability.RESERVED: "reserved",
    Availability.RESERVED_UNLISTED: "reserved",
    Availability.SOLD: "sold",
    Availability.GONE: "gone",
    Availability.HIDDEN: "gone",
}
_OVER: Final = {"sold", "gone"}

log = structlog.get_logger("vitrine.portals")


@dataclass
class _Reading:
    """A round while it lasts: what was said, how many pages were asked for."""

    ends: float
    said: list[Said] = field(default_factory=list)
    pages: int = 0
    is_late: bool = False

    def ask(self, path: str, most_bytes: int = own_site.MOST_BYTES) -> own_site.Answer | None:
        """The answer, or None when the round has lasted long enough."""
        self.is_late = self.is_late or time.monotonic() > self.ends
        if self.is_late:
            return None
        self.pages += 1
        return own_site.ask(path, seconds=ANSWER_SECONDS, most_bytes=most_bytes)


@dataclass(frozen=True)
class _Fault:
    said: Said
    vehicle_id: int
    what: str
    said_cents: int | None = None
    true_cents: int | None = None


def ask_to_read() -> None:
    """Have our own site read back soon. Inside `writing()`."""
    enqueue(JOB, {}, dedup_key=JOB, priority=SOON, max_attempts=1)


def read_own_places() -> int:
    """One round; the id of its PublicRound. After one that is not whole, what was known before
    stays. Opens its own transactions and holds none while it asks."""
    instant = now()
    paths = _offer_paths(instant)
    db.session.rollback()
    reading = _Reading(time.monotonic() + ROUND_SECONDS)
    problem = ""
    try:
        _read_all(reading, paths)
    except (FetchRefused, ValueError) as error:
        problem = str(error)[:300]
        log.warning("own_site_not_read", error=type(error).__name__)
    faults = _judged(reading.said, instant)
    db.session.rollback()
    problem = problem or (str(_("The site answers too slowly.")) if reading.is_late else "")
    with writing() as session:
        _replace(faults, instant, is_whole=not problem)
        session.execute(
            sa.delete(PublicRound).where(PublicRound.at < instant - KEPT),
            execution_options={"synchronize_session": False},
        )
        made = PublicRound(at=instant, pages=reading.pages, problem=problem)
        session.add(made)
        session.flush()
        return made.id


# --- reading ---------------------------------------------------------------------------------


def _offer_paths(instant: datetime) -> list[tuple[str, str]]:
    """(path, public id) of the pages of cars to ask for."""
    was_public = Vehicle.published_at.is_not(None)
    news = (
        sa.select(Vehicle.id)
        .where(was_public, Vehicle.updated_at > instant - NEWS)
        .order_by(Vehicle.updated_at.desc(), Vehicle.id)
        .limit(MOST_NEWS)
    )
    again = (
        sa.select(PublicCheck.vehicle_id)
        .where(PublicCheck.place.in_(OWN_PLACES), PublicCheck.vehicle_id.is_not(None))
        .order_by(PublicCheck.seen_at)
        .limit(MOST_AGAIN)
    )
    total = db.session.scalar(sa.select(sa.func.count(Vehicle.id)).where(was_public)) or 0
    hours = int(instant.timestamp() // 3600)
    wandering = (
        sa.select(Vehicle.id)
        .where(was_public)
        .order_by(Vehicle.id)
        .offset(hours * SAMPLE % max(total, 1))
        .limit(SAMPLE)
    )
    ids = {number for some in (news, again, wandering) for number in db.session.scalars(some)}
    rows = (
        sa.select(Vehicle.slug, Vehicle.public_id).where(Vehicle.id.in_(ids)).order_by(Vehicle.id)
    )
    return [
        (f"/oferta/{slug}-{public_id}", public_id) for slug, public_id in db.session.execute(rows)
    ]


def _read_all(reading: _Reading, paths: Sequence[tuple[str, str]]) -> None:
    for path, public_id in paths:
        answer = reading.ask(path)
        said = answer and own_page.of_offer_page(path, public_id, answer.status, answer.text)
        if said:
            reading.said.append(said)
    landing = [*LISTS, *_read_sitemap(reading)]
    for path in landing:
        answer = reading.ask(path)
        if answer is not None and answer.status == 200:
            reading.said += own_page.of_cards("landing", path, answer.text)


def _read_sitemap(reading: _Reading) -> list[str]:
    """Read every file of the sitemap; the paths of landing pages in it."""
    landing: list[str] = []
    for file in _sitemap(reading, "/sitemap.xml"):
        for path in _sitemap(reading, file):
            public_id = own_page.public_id_in(path)
            if public_id:
                reading.said.append(Said("sitemap", path, public_id, own_page.LISTED))
            elif path.startswith("/lp/"):
                landing.append(path)
    return landing[:MOST_LANDING]


def _sitemap(reading: _Reading, path: str) -> Iterator[str]:
    """The paths that one file names; addresses that are not ours are nobody's business."""
    answer = reading.ask(path, SITEMAP_BYTES)
    if answer is None or answer.status != 200:
        return
    for address in own_page.addresses_in(answer.body):
        if address.startswith(f"{current().base_url}/"):
            yield urlsplit(address).path


# --- comparing -------------------------------------------------------------------------------


def _judged(said: Sequence[Said], started: datetime) -> list[_Fault]:
    """What of it is false. Cars that were saved since a minute before the round began are on their
    way."""
    cars = _cars_of(said)
    found = {}
    for one in said:
        car = cars.get(one.public_id)
        if car is None or max(car.updated_at, car.state_changed_at) > started - ON_ITS_WAY:
            continue
        fault = _fault(one, car, started)
        if fault is not None:
            found[one.place, one.url, car.id] = fault
    return list(found.values())


def _cars_of(said: Sequence[Said]) -> dict[str, Vehicle]:
    """The cars that something was said of. Those that only the sitemap names are read when it may
    not name them."""
    named = {one.public_id for one in said if one.place != "sitemap"}
    listed = {one.public_id for one in said if one.place == "sitemap"}
    hidden = sa.select(Vehicle.public_id).where(
        sa.or_(Vehicle.state != "published", sa.func.coalesce(Vehicle.price_cents, 0) == 0)
    )
    named |= listed.intersection(db.session.scalars(hidden)) if listed else set()
    statement = (
        sa.select(Vehicle)
        .where(Vehicle.public_id.in_(named))
        .options(joinedload(Vehicle.store), selectinload(Vehicle.photos))
        .execution_options(populate_existing=True)
    )
    return {car.public_id: car for car in db.session.scalars(statement).unique()}


def _fault(said: Said, car: Vehicle, instant: datetime) -> _Fault | None:
    truth = STATES[availability(car, instant)]
    if said.state == own_page.LISTED:
        if truth in _OVER:
            return _Fault(said, car.id, truth)
    elif said.state != truth:
        is_hidden = said.state in _OVER and truth not in _OVER
        return _Fault(said, car.id, "hidden" if is_hidden else truth)
    return None if truth in _OVER else _facts_fault(said, car, instant)


def _facts_fault(said: Said, car: Vehicle, instant: datetime) -> _Fault | None:
    true = price_now_cents(car, instant) or 0
    wrong = min((one for one in said.prices if one != true), default=None)
    if wrong is not None:
        is_promo = wrong == car.promo_price_cents and not promotion_runs(car, instant)
        return _Fault(said, car.id, "promo" if is_promo else "price", wrong, true)
    stems = {photo.renditions["stem"] for photo in car.photos if photo.renditions}
    return _Fault(said, car.id, "photo") if said.stems - stems else None


def _replace(faults: Sequence[_Fault], instant: datetime, *, is_whole: bool) -> None:
    """Keep what was found; with a whole round, nothing else. Inside `writing()`."""
    known = {
        (row.place, row.url, row.vehicle_id, row.what): row
        for row in db.session.scalars(
            sa.select(PublicCheck).where(PublicCheck.place.in_(OWN_PLACES))
        )
    }
    for fault in faults:
        url = fault.said.url[:LONGEST_URL]
        row = known.pop((fault.said.place, url, fault.vehicle_id, fault.what), None)
        if row is None:
            row = PublicCheck(
                place=fault.said.place,
                vehicle_id=fault.vehicle_id,
                what=fault.what,
                url=url,
                since=instant,
            )
            db.session.add(row)
        row.said_cents, row.true_cents = fault.said_cents, fault.true_cents
        row.seen_at = instant
    if is_whole:
        for row in known.values():
            db.session.delete(row)
