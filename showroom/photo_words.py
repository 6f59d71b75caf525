"""What a car's picture shows, in words for those who do not see it."""

from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from inventory.offers import Offer, OfferPhoto
from inventory.vocabulary import label

# The views of inventory.gallery.SLOTS as the end of a sentence about the car.
VIEWS: Final = {
    "front": _l("front view"),
    "dashboard": _l("the dashboard"),
    "side": _l("side view"),
    "rear": _l("rear view"),
    "seats": _l("the seats"),
    "wheel": _l("wheel and tyre"),
    "engine": _l("the engine"),
    "boot": _l("the boot"),
    "odometer": _l("the mileage display"),
}


def photo_alt(offer: Offer, photo: OfferPhoto) -> str:
    """What `photo` shows: as somebody described it, else the car and the view, else the car and its
    colour. Pictures of the car that would say the same are numbered from the second on."""
    said = photo.alt or photo.slot
    alike = [other for other in offer.photos if (other.alt or other.slot) == said]
    # By identity: the same file may stand twice on one car. A picture from elsewhere has no number.
    place = next((number for number, other in enumerate(alike, 1) if other is photo), 1)
    words = photo.alt or _car_in(offer, photo.slot)
    return words if place == 1 else _("%(words)s, photo %(n)s", words=words, n=place)


def _car_in(offer: Offer, slot: str) -> str:
    if slot in VIEWS:
        return _("%(car)s, %(view)s", car=offer.title, view=VIEWS[slot])
    if not offer.color:
        return offer.title
    color = str(label("color", offer.color)).lower()
    return _("%(car)s, %(color)s", car=offer.title, color=color)
