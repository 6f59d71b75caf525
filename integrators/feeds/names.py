"""Which feeds there are, and which of them an account opens."""

from typing import Final

from integrators.accounts import Account
from integrators.feeds import carrosp, generic, google, meta, usadosbr
from integrators.feeds.dialect import Dialect

CHASSIS: Final = "chassis"  # an option: "1" hands the whole chassis number out
_ALL: Final = (
    generic.XML,
    generic.JSON,
    generic.CSV,
    meta.META,
    google.GOOGLE,
    carrosp.CARROSP,
    usadosbr.USADOSBR,
)
DIALECTS: Final = {dialect.name: dialect for dialect in _ALL}
# By kind of account. A portal without a kind of its own gets an account of the kind "generic".
_NAMES: Final = {"generic": tuple(DIALECTS), "meta": (meta.META.name,)}


def names_for(account: Account) -> tuple[str, ...]:
    """The feeds of `account`, by the last part of their address."""
    return tuple(name for name in _NAMES.get(account.kind, ()) if may_open(account, DIALECTS[name]))


def has_feeds(kind: str) -> bool:
    """Whether accounts of `kind` have feeds at all."""
    return kind in _NAMES


def dialect_for(account: Account, name: str) -> Dialect | None:
    """The format of `name`, if accounts of that kind have it. Ask `may_open` too."""
    return DIALECTS[name] if name in _NAMES.get(account.kind, ()) else None


def lacks_google(account: Account) -> bool:
    """Whether Google's format would be there if the account were told to hand chassis numbers
    out."""
    has_format = google.GOOGLE.name in _NAMES.get(account.kind, ())
    return has_format and not may_open(account, google.GOOGLE)


def may_open(account: Account, dialect: Dialect) -> bool:
    """Whether the account was told to hand out what the format demands."""
    return not dialect.needs_chassis or account.get(CHASSIS) == "1"
