"""How often somebody may try to get in: a wall per account and per address, whose waits grow and
end by themselves. Nobody is ever locked out for good, or anybody could do that to anybody.
"""

from typing import Final

from flask import request
from flask_babel import ngettext

from core.db import writing
from dealership import tries as noun
from dealership.tries import Rate
from leads import flood

BY_ACCOUNT: Final = (Rate(5, 15 * 60),)
# A whole dealership shares one address, so only what failed counts against it.
BY_ADDRESS: Final = (Rate(20, 15 * 60), Rate(40, 60 * 60), Rate(80, 4 * 60 * 60))


def seconds_to_wait(what: str, account: str) -> int:
    """0 when `account` may try `what` now, else how long to wait. Counts this try against the
    account: call `succeeded` or `failed` afterwards. Outside `writing()`, like all here."""
    if wait := address_to_wait(what):
        return wait
    with writing():
        return noun.count(BY_ACCOUNT, what, "account", account)


def address_to_wait(what: str) -> int:
    """The same where no account is named first: only failures of the address count."""
    return noun.seconds_to_wait(BY_ADDRESS, what, "address", _address())


def failed(what: str) -> None:
    """Count a try that did not succeed against the address it came from."""
    with writing():
        noun.count(BY_ADDRESS, what, "address", _address())


def succeeded(what: str, account: str) -> None:
    """Who got in starts from nothing again."""
    with writing():
        noun.forget(what, "account", account)


def wait_words(seconds: int) -> str:
    """ "Too many tries. Wait 12 minutes and try again." """
    minutes = max(1, -(-seconds // 60))
    return ngettext(
        "Too many tries. Wait %(num)s minute and try again.",
        "Too many tries. Wait %(num)s minutes and try again.",
        minutes,
    )


def _address() -> str:
    return flood.client_of(request.remote_addr or "")
