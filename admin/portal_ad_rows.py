"""The cars behind the ads that the screens of portals show, in a fixed number of statements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from admin.portal_ad_words import ad_path, ad_words, mend_path, shown_state
from admin.stock_rows import LOADED, StockRow, rows_of
from admin.stock_scope import selected
from core.db import db
from integrators.listings import overview
from integrators.listings.lists_read import has_lists
from integrators.models import Listing as Ad
from integrators.models import ListingEvent, PortalAccount
from inventory.lifecycle import STATES
from inventory.models import Vehicle
from inventory.stock_filter import StockFilter

MOST_CHOSEN: Final = 200  # boxes ticked by hand
MOST_DIGITS: Final = 10


@dataclass(frozen=True)
class AdRow:
    """One ad as a table shows it."""

    ad: Ad
    state: str
    car: StockRow | None
    kind: str  # of the portal

    @property
    def words(self) -> str:
        return ad_words(self.ad, self.state)

    @property
    def url(self) -> str:
        return ad_path(self.ad, self.state)

    @property
    def mend(self) -> str:
        return mend_path(self.kind, self.ad.vehicle_id, self.ad.error_field)


def ad_rows(ads: Sequence[Ad], kind: str) -> list[AdRow]:
    """The ads, on a portal of that kind, with their cars."""
    cars = {car.id: car for car in stock_rows([ad.vehicle_id for ad in ads if ad.vehicle_id])}
    states, is_read = overview.states_of([ad.id for ad in ads]), has_lists(kind)
    return [
        AdRow(
            ad,
            shown_state(ad, states[ad.id], is_read=is_read),
            cars.get(ad.vehicle_id or 0),
            kind,
        )
        for ad in ads
    ]


def stock_rows(ids: Sequence[int]) -> list[StockRow]:
    """The cars of `ids` that are there, in their order."""
    found = db.session.scalars(sa.select(Vehicle).where(Vehicle.id.in_(ids)).options(*LOADED))
    rows = {row.id: row for row in rows_of(found.all())}
    return [rows[number] for number in ids if number in rows]


def cars_of_events(events: Iterable[ListingEvent]) -> dict[int, StockRow]:
    """The car of each event's listing, by the listing's id."""
    ids = {event.listing_id for event in events if event.listing_id}
    pairs = db.session.execute(sa.select(Ad.id, Ad.vehicle_id).where(Ad.id.in_(ids))).all()
    cars = {car.id: car for car in stock_rows([car for _ad, car in pairs if car])}
    return {ad: cars[car] for ad, car in pairs if car in cars}


def own_ids(texts: Iterable[str]) -> list[int]:
    """Which of the ids that were sent are cars of who is signed in."""
    ids = [int(one) for one in texts if is_number(one)][:MOST_CHOSEN]
    statement = sa.select(Vehicle.id).where(Vehicle.id.in_(ids), _every_own_car())
    return list(db.session.scalars(statement))


def is_number(text: str) -> bool:
    """Whether `text` can be the id of a row."""
    return text.isascii() and text.isdigit() and len(text) < MOST_DIGITS


def is_called(text: str) -> sa.ColumnElement[bool]:
    """Whether a car of who is signed in is found by `text`, as in the list of the stock."""
    wanted = selected(StockFilter(text=text, states=STATES))
    return Vehicle.id.in_(sa.select(Vehicle.id).where(wanted.condition))


def previewed(row: PortalAccount, asked: str, text: str) -> Vehicle | None:
    """The car to preview: the one with the id `asked`, the first that `text` finds, or the newest
    that the account shows or could show."""
    statement = sa.select(Vehicle).where(_every_own_car()).options(*LOADED).limit(1)
    if is_number(asked):
        return db.session.scalars(statement.where(Vehicle.id == int(asked))).first()
    if text:
        return db.session.scalars(statement.where(is_called(text)).order_by(_newest())).first()
    listed = sa.select(Ad.vehicle_id).where(Ad.account_id == row.id, Ad.desired == "live")
    return db.session.scalars(
        statement.where(Vehicle.state == "published").order_by(Vehicle.id.not_in(listed), _newest())
    ).first()


def _newest() -> sa.UnaryExpression[Any]:
    return Vehicle.id.desc()


def _every_own_car() -> sa.ColumnElement[bool]:
    return selected(StockFilter(states=STATES)).condition
