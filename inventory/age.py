"""How long a car has been here, and what that asks of the people who sell it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flask_babel import gettext as _

from core.clock import now
from inventory.models import Vehicle


@dataclass(frozen=True)
class AgeBucket:
    """From `first` to `last` whole days, both included; the oldest has no `last`."""

    first: int
    last: int | None

    @property
    def code(self) -> str:
        """How addresses call it: "31-60", "91"."""
        return f"{self.first}-{self.last}" if self.last is not None else str(self.first)

    @property
    def words(self) -> str:
        """ "31–60", "90+"."""
        return f"{self.first}–{self.last}" if self.last is not None else f"{self.first - 1}+"

    def holds(self, days: int) -> bool:
        return self.first <= days and (self.last is None or days <= self.last)

    def bounds(self, at: datetime) -> tuple[datetime | None, datetime]:
        """Who arrived after the first and not after the second instant is in it at `at`."""
        oldest = None if self.last is None else at - timedelta(days=self.last + 1)
        return oldest, at - timedelta(days=self.first)


BUCKETS: Final = (
    AgeBucket(0, 15),
    AgeBucket(16, 30),
    AgeBucket(31, 60),
    AgeBucket(61, 90),
    AgeBucket(91, None),
)


def days_here(vehicle: Vehicle, at: datetime | None = None) -> int:
    """Whole days since it arrived; of a car that left, until it did."""
    left = vehicle.state in {"sold", "archived"}
    until = vehicle.state_changed_at if left else (at or now())
    return max(0, (until - vehicle.created_at).days)


def bucket_of(days: int) -> AgeBucket:
    """The bucket that holds `days`."""
    return next(bucket for bucket in BUCKETS if bucket.holds(days))


# When a number asks somebody to act. Of the house, not of a law: change them to taste.
SILENT_DAYS: Final = 30
LONG_DAYS: Final = 60
OLD_DAYS: Final = 90
DRAFT_DAYS: Final = 7
FAR_ABOVE_FIPE_PERCENT: Final = 10
MANY_LEADS: Final = 5


@dataclass(frozen=True)
class AgeFacts:
    """What is known of one car that stands in stock. `silent_days` are whole days since its last
    lead, or since it arrived when it had none."""

    state: str
    days: int
    photos: int
    has_price: bool
    price_changes: int
    leads: int
    silent_days: int
    fipe_percent: int | None  # price against the FIPE table; None: not known


def advice(facts: AgeFacts) -> str:
    """The one thing to do next, in words; empty when all is well."""
    if facts.state == "reserved":
        return ""
    if facts.state == "draft":
        if facts.days <= DRAFT_DAYS:
            return ""
        return str(_("draft for %(n)s days: publish or archive it", n=facts.days))
    if not facts.photos:
        return str(_("no photos: take them before you touch the price"))
    if (facts.fipe_percent or 0) > FAR_ABOVE_FIPE_PERCENT and facts.days > SILENT_DAYS:
        return str(_("%(n)s%% above FIPE: lower the price or say why", n=facts.fipe_percent))
    if facts.silent_days >= SILENT_DAYS:
        words = _("no lead for %(n)s days: review the price or the photos", n=facts.silent_days)
        return str(words)
    if facts.leads >= MANY_LEADS and facts.days > LONG_DAYS:
        return str(_("many leads and no sale: review the answers and the price"))
    if facts.days > OLD_DAYS:
        return str(_("over %(n)s days: think of a promotion or of selling it on", n=OLD_DAYS))
    return ""
