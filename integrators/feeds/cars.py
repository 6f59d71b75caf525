"""A car as one feed tells of it: its pictures in the feed's size, its page with the feed's name."""

from dataclasses import replace

from integrators.accounts import Account
from integrators.feeds.dialect import Dialect
from integrators.listings.cars import campaign_of, car_of, page_address, secrets_of
from integrators.listings.rules import Rules
from integrators.portals.portal import Car, Secrets
from inventory.models import Vehicle


def feed_car(vehicle: Vehicle, account: Account, dialect: Dialect, rules: Rules) -> Car:
    """`vehicle`, loaded as `integrators.listings.cars.load_cars` does. One account may have several
    feeds, so visits are counted under the feed's name and not under the account's kind."""
    car = car_of(
        vehicle,
        account,
        photos=dialect.photos,
        photo_px=dialect.photo_px,
        extra_text=rules.extra_text,
    )
    campaign = {**campaign_of(account), "utm_source": dialect.utm_source}
    return replace(car, url=page_address(car.offer, campaign))


def feed_secrets(vehicle: Vehicle, dialect: Dialect) -> Secrets:
    """What only formats that demand it get to see."""
    return secrets_of(vehicle) if dialect.needs_chassis else Secrets()
