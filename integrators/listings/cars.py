"""A car of the stock as a portal may know it: its public offer, its store, its pictures, its page.

Addresses are absolute and of this site (VITRINE_BASE_URL). Pictures are JPEGs whose names follow
from their content, so a changed picture has another address, as the portals ask.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from core.config import current
from core.db import db
from dealership.models import Store
from integrators.accounts import Account
from integrators.portals.portal import Car, Secrets, StoreContact
from inventory.models import CarModel, Vehicle
from inventory.offers import Offer, OfferPhoto, offer_of
from inventory.photos import rendition_path

MEDIUM: Final = "classificados"


def car_of(
    vehicle: Vehicle, account: Account, *, photos: int, photo_px: int, extra_text: str = ""
) -> Car:
    """`vehicle`, with store, model and photos loaded, as `account` tells of it: up to `photos`
    pictures, at least `photo_px` wide where there are such."""
    offer = offer_of(vehicle)
    return Car(
        offer=offer,
        store=contact_of(vehicle.store),
        url=page_address(offer, campaign_of(account)),
        photos=tuple(photo_address(photo, photo_px) for photo in offer.photos[:photos]),
        extra_text=extra_text,
        trim_slug=vehicle.trim.slug if vehicle.trim else "",
    )


def secrets_of(vehicle: Vehicle) -> Secrets:
    """What some portals' manuals demand and nobody else may see."""
    return Secrets(plate=vehicle.license_plate or "", vin=vehicle.vin or "")


def contact_of(store: Store) -> StoreContact:
    """How `store` is reached."""
    return StoreContact(
        name=store.name,
        street=store.street,
        district=store.district,
        city=store.city,
        state_code=store.state_code,
        postal_code=store.postal_code,
        latitude=store.latitude,
        longitude=store.longitude,
        phone=store.phone,
        whatsapp=store.whatsapp,
        email=store.email,
    )


def campaign_of(account: Account) -> dict[str, str]:
    """What the pages' visits by this account are counted under (UTM)."""
    return {"utm_source": account.kind, "utm_medium": MEDIUM, "utm_campaign": f"conta-{account.id}"}


def page_address(offer: Offer, campaign: Mapping[str, str]) -> str:
    """The offer's page, absolute."""
    return f"{current().base_url}{offer.path}?{urlencode(campaign)}"


def photo_address(photo: OfferPhoto, at_least_px: int) -> str:
    """The absolute address of the JPEG that is at least so wide, or of the widest there is."""
    width = next((px for px in sorted(photo.widths) if px >= at_least_px), max(photo.widths))
    return f"{current().base_url}{rendition_path(photo.stem, width, 'jpg')}"


def load_cars(ids: Sequence[int]) -> dict[int, Vehicle]:
    """The vehicles with those ids and all that an ad is made of, in two statements."""
    statement = (
        sa.select(Vehicle)
        .where(Vehicle.id.in_(ids))
        .options(
            joinedload(Vehicle.store),
            joinedload(Vehicle.car_model).joinedload(CarModel.make),
            joinedload(Vehicle.trim),
            selectinload(Vehicle.photos),
        )
        .execution_options(populate_existing=True)
    )
    return {vehicle.id: vehicle for vehicle in db.session.scalars(statement).unique()}
