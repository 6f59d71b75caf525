"""One card for each account that shows the stock elsewhere: how it is doing at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from flask_babel import format_datetime, ngettext
from flask_babel import gettext as _

from admin.portal_ad_words import HOLD_WORDS, STATE_WORDS
from admin.portal_scope import is_pushed
from core.clock import now
from integrators.listings import overview
from integrators.listings.overview import Counts
from integrators.listings.rules import Rules
from integrators.models import Advertiser, PortalAccount

BAR_STATES: Final = ("live", "sending", "waiting", "problem")


@dataclass(frozen=True)
class Slice:
    """A piece of the bar: from where, how wide (per cent), and what it says."""

    state: str
    words: str
    count: int
    start: float
    width: float


@dataclass(frozen=True)
class PortalCard:
    """One account: a word and its tag's kind, what to do, the bar, the money."""

    row: PortalAccount
    counts: Counts
    advertiser: Advertiser
    leads: int

    @property
    def is_wary(self) -> bool:
        return self.advertiser.is_wary

    @property
    def state(self) -> tuple[str, str]:
        """(a word, the kind of its tag)."""
        if self.row.state == "paused":
            return _("Paused"), "hold"
        if self.row.state != "active" or (self.advertiser.is_on and self.advertiser.problem):
            return _("With a problem"), "bad"
        if not self.advertiser.is_on:
            return _("Off"), ""
        if self.is_wary:
            return _("Check it"), "bad"
        if self.is_held:
            return _("Waiting"), "hold"
        if self.has_left:
            return (_("Coming down"), "hold") if self.counts.wanted else (_("Left the portal"), "")
        return (_("Sending"), "hold") if self.counts.sending else (_("On air"), "good")

    @property
    def is_held(self) -> bool:
        return self.advertiser.hold_until is not None and self.advertiser.hold_until > now()

    @property
    def has_left(self) -> bool:
        """Whether everything shall come down."""
        return Rules.of(self.advertiser.rules).takes_all_down

    @property
    def problem(self) -> str:
        """What is wrong and what to do, in words."""
        if self.row.state != "active":
            return self.row.problem
        if self.advertiser.is_on and self.is_wary:
            return _("A backup was restored: check the difference before new cars go up.")
        return self.advertiser.problem or self._held

    @property
    def _held(self) -> str:
        good_at = self.advertiser.good_at
        if not self.is_held:
            return ""
        if self.advertiser.hold_reason == "down" and good_at:
            return _("The portal does not answer since %(when)s.", when=_day_time(good_at))
        return str(HOLD_WORDS.get(self.advertiser.hold_reason, ""))

    @property
    def standing(self) -> str:
        """Whether all is as wanted: "All in order" only when nothing is on its way or held back,
        and the last look at the portal came whole."""
        counts, good_at = self.counts, self.advertiser.good_at
        if good_at is None:
            return _("The first look at the portal is under way.")
        missing = []
        if counts.sending:
            missing.append(ngettext("%(num)s on its way", "%(num)s on their way", counts.sending))
        if counts.problem:
            missing.append(ngettext("%(num)s held back", "%(num)s held back", counts.problem))
        if self.advertiser.looks_failed:
            missing.append(_("the last look at the portal did not come whole"))
        if not missing:
            return _("All in order at %(when)s.", when=_day_time(good_at))
        return _("Now: %(what)s.", what=", ".join(missing))

    @property
    def bar(self) -> list[Slice]:
        """The listings by state, as shares of all that shall be there."""
        found, start = [], 0.0
        for state in BAR_STATES:
            count = self.counts.of(state)
            width = 100 * count / (self.counts.wanted or 1)
            found.append(
                Slice(state, str(STATE_WORDS[state]), count, round(start, 2), round(width, 2))
            )
            start += width
        return found

    @property
    def cents_per_lead(self) -> int | None:
        """What a lead cost this month so far; None where nothing is known."""
        cost = self.advertiser.monthly_cost_cents
        return round(cost / self.leads) if cost and self.leads else None


def _day_time(instant: datetime) -> str:
    return format_datetime(instant, "dd/MM/yyyy HH:mm")


def card_of(row: PortalAccount) -> PortalCard:
    """The card of one account."""
    return cards_of([row])[0]


def cards_of(rows: Sequence[PortalAccount]) -> list[PortalCard]:
    """The cards of those accounts that ads are sent to, in three statements."""
    pushed = [row for row in rows if is_pushed(row.kind)]
    if not pushed:
        return []
    ids = [row.id for row in pushed]
    counts = overview.counts_of(ids)
    known = overview.advertisers(ids)
    leads = overview.leads_this_month(pushed)
    return [
        PortalCard(
            row,
            counts[row.id],
            known.get(row.id) or overview.silent_advertiser(row.id),
            leads[row.id],
        )
        for row in pushed
    ]
