"""A car's photos as a set: which views buyers look for, which are missing, which look poor.

The order is that in which people look: studies of classifieds agree on the three-quarter front as
cover and the dashboard next. What staff said of a photo stands in `Photo.slot`.

DomainError
└── GalleryRefused    a change of the set that cannot be made, with the reason
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.clock import now
from core.db import db
from core.errors import DomainError
from core.text import clean_line
from inventory.models import Photo, RemovedPhoto, Vehicle
from inventory.photos import ask_for_renditions, remove_photo, reorder, set_order
from inventory.stock_version import touch

MOST_PHOTOS: Final = 60  # of one car; the portals take 15 to 40
LONGEST_ALT: Final = 160
POOR_WIDTH_PX: Final = 800
DARK: Final = 45  # mean grey of 255
BLURRED: Final = 10  # see renditions.measure


class GalleryRefused(DomainError):
    """A change of a car's photos that cannot be made; the sentence says why."""


@dataclass(frozen=True)
class Slot:
    """One view that buyers look for. `name` is a lazy text, `hint` says how to take it."""

    code: str
    name: str
    hint: str


SLOTS: Final = (
    Slot("front", _l("Three-quarter front"), _l("From the corner, whole car, wheels visible.")),
    Slot("dashboard", _l("Dashboard"), _l("From the back seat, wheel straight, nobody inside.")),
    Slot("side", _l("Side"), _l("Level with the door handles, whole car.")),
    Slot("rear", _l("Three-quarter rear"), _l("From the other corner, boot closed.")),
    Slot("seats", _l("Seats"), _l("Doors open, front and back.")),
    Slot("wheel", _l("Wheel and tyre"), _l("Close, with the tread visible.")),
    Slot("engine", _l("Engine"), _l("Bonnet open, from the front.")),
    Slot("boot", _l("Boot"), _l("Open and empty.")),
    Slot("odometer", _l("Mileage"), _l("The display with the kilometres, ignition on.")),
)
SLOT_OF: Final = {slot.code: slot for slot in SLOTS}


def photo_of_slot(vehicle: Vehicle, code: str) -> Photo | None:
    """The first photo of `vehicle` that shows this view."""
    return next((photo for photo in vehicle.photos if photo.slot == code), None)


def missing_slots(vehicle: Vehicle) -> list[Slot]:
    """The views that no photo of `vehicle` shows, the most wanted first."""
    there = {photo.slot for photo in vehicle.photos}
    return [slot for slot in SLOTS if slot.code not in there]


def warnings_of(photo: Photo) -> list[str]:
    """What a buyer would find poor in the photo, in words; nothing of it forbids the photo."""
    found = []
    if photo.width_px and photo.width_px < POOR_WIDTH_PX:
        found.append(_("Small: %(px)s px wide. Take it with the camera itself.", px=photo.width_px))
    light, detail = photo.quality.get("light"), photo.quality.get("detail")
    if light is not None and light < DARK:
        found.append(_("Dark: take it again with more light."))
    elif detail is not None and detail < BLURRED:
        found.append(_("It looks blurred: take it again, holding still."))
    return found


def room_left(vehicle: Vehicle) -> int:
    """How many more photos `vehicle` can have."""
    return max(0, MOST_PHOTOS - len(vehicle.photos))


def refuse_when_full(vehicle: Vehicle) -> None:
    """Raises GalleryRefused when `vehicle` has as many photos as a car can have."""
    if not room_left(vehicle):
        raise GalleryRefused(_("A car can have %(n)s photos. Delete some first.", n=MOST_PHOTOS))


def make_cover(photo: Photo) -> bool:
    """Show `photo` first; True if it was not. Inside `writing()`."""
    others = [other.id for other in photo.vehicle.photos if other is not photo]
    return reorder(photo.vehicle, [photo.id, *others])


def step(photo: Photo, by: int) -> bool:
    """Move `photo` by so many places, -1 being one towards the cover; True if it moved."""
    ids = [other.id for other in photo.vehicle.photos]
    place = ids.index(photo.id)
    ids.insert(max(0, min(len(ids) - 1, place + by)), ids.pop(place))
    return reorder(photo.vehicle, ids)


def best_order(vehicle: Vehicle) -> bool:
    """Put the photos whose view is known in the order of SLOTS, the others behind as they are."""
    rank = {slot.code: number for number, slot in enumerate(SLOTS)}
    photos: Sequence[Photo] = sorted(
        vehicle.photos, key=lambda photo: rank.get(photo.slot, len(rank))
    )  # stable
    return reorder(vehicle, [photo.id for photo in photos])


_COLUMNS: Final = (
    "position", "state", "error", "source_url", "original_key", "digest", "width_px", "height_px",
    "color", "alt", "renditions", "slot", "quality",
)  # fmt: skip


def put_away(photo: Photo, *, by: str) -> RemovedPhoto:
    """Take `photo` off its car; `bring_back` undoes it within 30 days. Inside `writing()`."""
    removed = RemovedPhoto(
        vehicle_id=photo.vehicle_id,
        digest=photo.digest,
        facts={name: getattr(photo, name) for name in _COLUMNS},
        removed_by=by,
        removed_at=now(),
    )
    db.session.add(removed)
    remove_photo(photo)
    return removed


def bring_back(vehicle: Vehicle, removed: RemovedPhoto) -> Photo:
    """Undo `put_away`, at the place the photo had. Inside `writing()`. Raises GalleryRefused."""
    refuse_when_full(vehicle)
    photo = Photo(**{name: removed.facts[name] for name in _COLUMNS})
    order = list(vehicle.photos)
    place = min(photo.position, len(order))
    db.session.delete(removed)
    set_order(vehicle, [*order[:place], photo, *order[place:]])
    if photo.state == "stored":  # its last renditions may have been made while it was away
        ask_for_renditions(photo.digest)
    return photo


def describe_photo(photo: Photo, *, alt: str, slot: str) -> None:
    """Say what `photo` shows. Inside `writing()`. Raises GalleryRefused."""
    if slot and slot not in SLOT_OF:
        raise GalleryRefused(_("Choose one of the views."))
    words = clean_line(alt, 1000)
    if len(words) > LONGEST_ALT:
        raise GalleryRefused(
            _("The description is too long: at most %(n)s characters.", n=LONGEST_ALT)
        )
    if (photo.alt, photo.slot) != (words, slot):
        photo.alt, photo.slot = words, slot
        touch([photo.vehicle])
    db.session.flush()
