"""One public place that says something false of a car."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from inventory.availability import Availability, availability
from inventory.models import Vehicle

# A change that is younger is on its way, not false.
ON_ITS_WAY: Final = timedelta(seconds=60)
MOST_FOUND: Final = 1_000  # of one kind of place: whoever has more needs no longer list

_NOT_FOR_SALE: Final = {
    Availability.RESERVED: "reserved",
    Availability.RESERVED_UNLISTED: "reserved",
    Availability.SOLD: "sold",
    Availability.GONE: "gone",
    Availability.HIDDEN: "gone",
}


@dataclass(frozen=True)
class Untruth:
    """What is said somewhere and is not so.

    `place` is portal, feed, page, sitemap or landing; `what` one of sold, reserved, gone (shown as
    if for sale), hidden (for sale, and said not to be), price, promo (a promotion that is over),
    photo, text (an older description), twice (two ads of one car). Prices in cents, where they are
    known. `fix` is what a button can do: pass (reconcile the account), feed (make it anew), touch
    (the site reads the car again), or "" where only a person can.
    """

    place: str
    name: str  # the account, the feed or the page
    what: str
    since: datetime
    vehicle_id: int | None = None
    label: str = ""  # what the car is called where it is gone
    said_cents: int | None = None
    true_cents: int | None = None
    url: str = ""
    fix: str = ""
    account_id: int | None = None
    listing_id: int | None = None
    trouble: str = ""  # why it was not put right yet, in words
    is_removed: bool = False  # of an account that was taken away here

    @property
    def ref(self) -> str:
        """What tells this one from the others."""
        about = self.listing_id or self.vehicle_id or 0
        return f"{self.place}.{self.account_id or 0}.{about}.{self.what}.{self.name}"


def why_not_for_sale(vehicle: Vehicle | None, at: datetime, *, keeps_reserved: bool = False) -> str:
    """sold, reserved, gone, or "" for a car that may be shown as for sale at `at`; None for a car
    that was deleted. With its store loaded."""
    if vehicle is None or vehicle.store.closed_at is not None:
        return "gone"
    shown = availability(vehicle, at)
    if keeps_reserved and shown in {Availability.RESERVED, Availability.RESERVED_UNLISTED}:
        return ""
    return _NOT_FOR_SALE.get(shown, "")
