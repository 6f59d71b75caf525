"""Cars as portals take them: a plate, pictures, a version that their lists know."""

from itertools import count

from core.db import writing
from inventory.models import Photo, Vehicle
from inventory.stock_version import touch
from tests.factories import make_store, make_vehicle

POISONED = "VENENO"  # the simulated portals refuse what holds this word
_numbers = count(1)
CARS = (
    ("Chevrolet", "Onix", "1.0 LT"),
    ("Fiat", "Argo", "Drive 1.0"),
)


def plate() -> str:
    """A plate no other car has."""
    number = next(_numbers)
    letter = chr(65 + number // 100 % 26)
    return f"A{chr(65 + number // 26000 % 26)}C{number // 2600 % 10}{letter}{number % 100:02d}"


def with_photos(vehicle: Vehicle, number: int = 2) -> Vehicle:
    """`vehicle` with pictures that pages can show."""
    with writing() as session:
        row = session.get(Vehicle, vehicle.id)
        for position in range(number):
            row.photos.append(
                Photo(
                    position=position,
                    state="ready",
                    digest=f"{vehicle.id:060x}{position:04x}",
                    width_px=1920,
                    height_px=1440,
                    renditions={
                        "stem": f"{vehicle.id % 256:02x}/{vehicle.id:032x}{position}",
                        "widths": [320, 640, 1280, 1920],
                        "formats": ["avif", "webp", "jpg"],
                    },
                )
            )
        touch([row])
    return vehicle


def make_stock(number: int, *, poison_every: int = 0) -> list[Vehicle]:
    """So many published cars; each `poison_every`th is one that no portal takes."""
    store = make_store()
    made = []
    for place in range(number):
        make, model, trim = CARS[place % len(CARS)]
        is_poison = bool(poison_every) and place % poison_every == poison_every - 1
        made.append(
            with_photos(
                make_vehicle(
                    store=store,
                    make=make,
                    model=model,
                    trim=trim,
                    license_plate=plate(),
                    description=POISONED if is_poison else "Revisado, com manual.",
                )
            )
        )
    return made
