"""What pages need to talk to a device about passkeys: our origin, the challenge meanwhile."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from flask import request, session
from flask_babel import gettext as _

from core.config import current
from dealership.passkeys import Challenge, PasskeyRefused

SIGN_IN: Final = "passkey_sign_in"
NEW: Final = "passkey_new"
OWN_MACHINE: Final = "localhost"


def origin() -> str:
    """Where this site's passkeys hold: its public origin. Empty when that is a bare number, for
    which no device makes passkeys; a developer's own machine may then be called `localhost`."""
    configured = current().base_url
    try:
        ip_address(urlsplit(configured).hostname or "")
    except ValueError:
        return configured
    here = urlsplit(request.host_url)
    return f"{here.scheme}://{here.netloc}" if here.hostname == OWN_MACHINE else ""


def new_challenge(purpose: str) -> Challenge:
    """A challenge that this browser is to answer next."""
    challenge = Challenge.new()
    session[purpose] = challenge.facts
    return challenge


def take_challenge(purpose: str) -> Challenge:
    """The challenge that this browser was given; it is given away once. Raises PasskeyRefused."""
    challenge = Challenge.of(session.pop(purpose, None))
    if challenge is None or not origin():
        raise PasskeyRefused(_("That took too long. Try again."))
    return challenge
