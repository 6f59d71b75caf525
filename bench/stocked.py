"""A throw-away application with a demo stock, and people who asked about it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from flask import Flask
from flask_migrate import upgrade

from app import create_app
from bench.people import fill_leads
from core.db import db, writing
from demo.loading import load_demo
from inventory.models import Photo, Vehicle

PHOTOS: Final = 4  # of each car, but for one in fifty
BATCH: Final = 5_000


@contextmanager
def stocked(vehicles: int, leads: int = 0) -> Iterator[Flask]:
    """An application on a SQLite file of its own with `vehicles` demo cars and `leads` more leads
    than the demo's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = create_app(
            instance_dir=name,
            database_url=f"sqlite:///{folder / 'bench.db'}",
            media_dir=str(folder / "media"),
            log_level="error",
        )
        with app.app_context():
            upgrade()
            load_demo(vehicles, with_photos=False)
            if leads:
                _hang_up_photos()
                fill_leads(leads)
        yield app


def _hang_up_photos() -> None:
    """Rows of photos without their files: no page of staff opens one."""
    ids = db.session.scalars(sa.select(Vehicle.id).order_by(Vehicle.id)).all()
    photos = [_photo(number, place) for number in ids if number % 50 for place in range(PHOTOS)]
    for start in range(0, len(photos), BATCH):
        with writing() as session:
            session.execute(sa.insert(Photo), photos[start : start + BATCH])


def _photo(vehicle_id: int, position: int) -> dict[str, object]:
    stem = f"{vehicle_id:060x}{position:04x}"
    made = {"stem": stem, "widths": [320, 640, 1280], "formats": ["avif", "webp", "jpg"]}
    return {
        "vehicle_id": vehicle_id, "position": position, "state": "ready", "digest": stem,
        "width_px": 1280, "height_px": 960, "renditions": made,
    }  # fmt: skip
