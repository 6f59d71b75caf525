"""Draws a demo car's further angles in the background, so that the site opens with covers at once.

`demo load --covers-first` shows every car by its cover and leaves the other views to the worker:
one job for each cover, since cars that share it share all their views.
"""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from core import clock
from core.db import db, writing
from demo.drawing import SHOTS, draw_photo_jpeg
from demo.stock import BLOCK, DemoVehicle, Picture, stock
from inventory.models import Photo, Vehicle
from inventory.photos import DRAWN, PreparedPhoto, prepare_photo, record_photos
from jobs.queue import HEAVY, enqueue

SOURCE: Final = "demo"
_SHOT: Final = {shot.angle: shot for shot in SHOTS}


def photo_of(car: DemoVehicle, picture: Picture) -> Photo:
    """The record of a drawing of `car`, as staff would have told its view."""
    shot, facts = _SHOT[picture.angle], car.facts
    words = f"{facts.make} {facts.model_name} {facts.model_year}: {shot.alt}" if shot.alt else ""
    return Photo(slot=shot.slot, alt=words, created_at=car.story.created_at)


def draw_later(vehicles: int, seed: int, store_ids: Sequence[int], size_px: Sequence[int]) -> None:
    """Ask the worker for the angles beside each cover, inside the caller's `writing()`."""
    cars = stock(min(vehicles, BLOCK), seed, clock.today(), store_ids)
    for cover in dict.fromkeys(car.pictures[0] for car in cars if car.pictures):
        payload = {
            "vehicles": vehicles,
            "seed": seed,
            "store_ids": list(store_ids),
            "size_px": list(size_px),
            "cover": [cover.body, cover.color, cover.angle, cover.look],
        }
        enqueue("draw_demo_angles", payload, dedup_key=str(payload["cover"]), priority=HEAVY)


def draw_demo_angles(payload: dict[str, Any]) -> None:
    """Handler: draw what the cars with this cover show beside it. Harmless twice: a car that has
    more than its cover already is left alone."""
    cover = Picture(*payload["cover"])
    most = min(payload["vehicles"], BLOCK)
    cars = {
        car.source_id: car
        for car in stock(most, payload["seed"], clock.today(), payload["store_ids"])
        if car.pictures and car.pictures[0] == cover
    }
    if not _waiting(list(cars)):
        return
    db.session.rollback()  # hold no transaction while drawing
    wanted = dict.fromkeys(picture for car in cars.values() for picture in car.pictures[1:])
    size_px = (payload["size_px"][0], payload["size_px"][1])
    drawn = {picture: _prepared(picture, size_px) for picture in wanted}
    with writing():
        for vehicle in _waiting(list(cars)):
            _add(vehicle, cars[vehicle.source_id], drawn)


def _waiting(source_ids: Sequence[str]) -> list[Vehicle]:
    """The cars among `source_ids` that show no more than their cover."""
    query = (
        sa.select(Vehicle)
        .where(Vehicle.source == SOURCE, Vehicle.source_id.in_(source_ids))
        .options(selectinload(Vehicle.photos))
    )
    return [vehicle for vehicle in db.session.scalars(query) if len(vehicle.photos) == 1]


def _prepared(picture: Picture, size_px: tuple[int, int]) -> PreparedPhoto:
    drawing = draw_photo_jpeg(
        picture.body, picture.color, picture.angle, seed=picture.look, size=size_px
    )
    return prepare_photo(drawing, recipe=DRAWN, isolate=False)


def _add(vehicle: Vehicle, car: DemoVehicle, drawn: dict[Picture, PreparedPhoto]) -> None:
    changed_at = vehicle.updated_at
    photos = [(photo_of(car, picture), drawn[picture]) for picture in car.pictures[1:]]
    record_photos(vehicle, photos)
    vehicle.updated_at = changed_at  # the story goes on as if they had been there all along


JOBS = {"draw_demo_angles": draw_demo_angles}
