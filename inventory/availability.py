"""The one answer to "may the public see this car, and as what?".

Pages, search, counts, sitemap and feeds all ask here; there is no second copy of the rule in SQL.
"""

from datetime import datetime, timedelta
from enum import Enum

from flask import has_app_context

from core.clock import now
from core.config import Config, current
from inventory.models import Vehicle


class Availability(Enum):
    """What the public may know of a vehicle."""

    AVAILABLE = "available"  # in lists and on its page
    RESERVED = "reserved"  # in lists and on its page, and says so
    RESERVED_UNLISTED = "reserved_unlisted"  # only its page, which says so
    SOLD = "sold"  # only its page, which says so and offers similar ones
    GONE = "gone"  # was here once: 410
    HIDDEN = "hidden"  # never published, or a draft: 404

    @property
    def is_listed(self) -> bool:
        """In lists, counts, sitemap and feeds."""
        return self in {Availability.AVAILABLE, Availability.RESERVED}

    @property
    def has_page(self) -> bool:
        return self not in {Availability.GONE, Availability.HIDDEN}


def availability(vehicle: Vehicle, at: datetime | None = None) -> Availability:
    """What the public may see of `vehicle` at the instant `at` (default: now)."""
    if vehicle.state == "published":
        if not vehicle.price_cents:
            return Availability.HIDDEN
        return Availability.AVAILABLE
    if vehicle.state == "reserved":
        stays = vehicle.store.reserved_stays_listed
        return Availability.RESERVED if stays else Availability.RESERVED_UNLISTED
    if vehicle.published_at is None:
        return Availability.HIDDEN
    if vehicle.state == "sold":
        age = (at or now()) - vehicle.state_changed_at
        return Availability.SOLD if age < _sold_page_stays() else Availability.GONE
    return Availability.GONE if vehicle.state == "archived" else Availability.HIDDEN


def _sold_page_stays() -> timedelta:
    """How long the page of a sold car stays. Without an application to have settings: as if it
    had none of its own."""
    config = current() if has_app_context() else Config()
    return timedelta(days=config.sold_page_days)
