"""What of the stock an account advertises: its rules, and the order when places are short."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from core.db import db
from core.errors import DomainError
from integrators.models import Advertiser, PortalAccount

# The order in which cars get a place when the contract has fewer than there are cars. Who has a
# place keeps it: moving ads about costs money on most portals.
ORDERS: Final = ("newest", "oldest", "dearest", "cheapest")
LONGEST_TEXT: Final = 600


class RuleRefused(DomainError):
    """A rule that cannot be: `problems` say which field and why."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True)
class Rules:
    """Which cars go to the portal. Empty means "no limit"; money in integer cents; `slots` is a
    limit of the dealer's own below the contract's; `extra_text` stands below every description."""

    store_ids: tuple[int, ...] = ()
    conditions: tuple[str, ...] = ()  # new, used
    price_min_cents: int | None = None
    price_max_cents: int | None = None
    photos_min: int = 0
    slots: int | None = None
    order: str = "newest"
    keeps_reserved: bool = False  # a reserved car stays up
    takes_all_down: bool = False  # the dealer leaves the portal: nothing shall stay there
    extra_text: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)  # what one portal alone knows

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Rules":
        """The rules kept in `Advertiser.rules`."""
        known = {one.name for one in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        for name in ("store_ids", "conditions"):
            values[name] = tuple(values.get(name) or ())
        return cls(**values)

    def stored(self) -> dict[str, Any]:
        """As kept in the database."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


def places(row: Advertiser, rules: Rules) -> int | None:
    """How many ads of ours may stand on the portal: the contract's places without those that the
    dealer's own ads take, and the dealer's own limit. None: any number."""
    limits = [] if rules.slots is None else [rules.slots]
    if row.slots_total is not None:
        limits.append(max(0, row.slots_total - row.slots_foreign))
    return min(limits) if limits else None


def advertiser_of(account_id: int) -> Advertiser:
    """How the account advertises; made, switched off, when nobody asked before. Inside
    `writing()`."""
    row = db.session.get(Advertiser, account_id)
    if row is None:
        row = Advertiser(account_id=account_id)
        db.session.add(row)
        db.session.flush()
    return row


def hold_advertiser(account_id: int) -> Advertiser:
    """The account's row, held until the end of the caller's `writing()`: whoever changes listings
    takes it first, so that nobody waits for each other in a ring."""
    advertiser_of(account_id)
    return db.session.get_one(Advertiser, account_id, with_for_update=True, populate_existing=True)


def change_rules(account: PortalAccount, rules: Rules) -> Advertiser:
    """Advertise by `rules` from now on. Raises RuleRefused. Inside `writing()`."""
    row = advertiser_of(account.id)
    if row.rules != rules.stored():
        row.rules = rules.stored()
        row.rules_version += 1
        row.stock_version = 0  # everything is planned anew
    db.session.flush()
    return row


def switch_on(account_id: int, *, on: bool) -> Advertiser:
    """Begin or stop advertising. Stopping takes nothing down: what is up stays, and is no longer
    looked after; whoever wants it down says so first. Inside `writing()`."""
    row = advertiser_of(account_id)
    row.is_on = on
    row.hold_until, row.hold_reason, row.failures, row.problem = None, "", 0, ""
    row.stock_version = 0
    row.observe_at = None
    db.session.flush()
    return row
