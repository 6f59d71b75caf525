"""A throw-away application with a demo stock, and people who asked about it."""

import hashlib
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from flask import Flask
from flask_migrate import upgrade

from app import create_app
from bench.multiplied import BASE, multiply
from bench.people import fill_leads
from core.clock import today
from core.config import ROOT
from core.db import db, writing
from demo.loading import load_demo
from inventory.models import Photo, Vehicle

PHOTOS: Final = 4  # of each car, but for one in fifty
BATCH: Final = 5_000
DATABASE: Final = "bench.db"
SPARE_SECONDS: Final = 3600  # another checkout's filled database is left alone so long


@contextmanager
def stocked(vehicles: int, leads: int = 0, *, photos: bool = False) -> Iterator[Flask]:
    """An application on a SQLite file of its own with `vehicles` demo cars and `leads` more leads
    than the demo's. With `photos` the cars have rows of photos, whose files are nowhere; with
    leads they always have."""
    with stocked_folder(vehicles, leads, photos=photos) as folder:
        yield app_of(folder)


@contextmanager
def stocked_folder(vehicles: int, leads: int = 0, *, photos: bool = False) -> Iterator[Path]:
    """A folder of its own with that stock, for processes that open it themselves."""
    kept = _kept(vehicles, leads, photos or bool(leads))
    with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as name:
        folder = Path(name)
        shutil.copy(kept, folder / DATABASE)
        yield folder


def app_of(folder: Path) -> Flask:
    """The application on the database in `folder`."""
    return create_app(
        instance_dir=str(folder),
        database_url=f"sqlite:///{folder / DATABASE}",
        media_dir=str(folder / "media"),
        log_level="error",
        page_cache_mb=0,  # what is measured here is made afresh
    )


def _kept(vehicles: int, leads: int, photos: bool) -> Path:
    """The filled database, from an earlier run of this day where there is one.

    The demo's days count from today, and its rows are those of the newest migration: a database of
    another day or another schema is thrown away.
    """
    cache = Path(tempfile.gettempdir()) / f"vitrine-bench-kept-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    if cache.stat().st_uid != os.getuid() or cache.is_symlink():
        raise RuntimeError(f"{cache} is not ours")
    era = f"{today():%Y%m%d}-{_fingerprint()}"
    for other in cache.iterdir():
        if not other.name.startswith(era) and time.time() - other.stat().st_mtime > SPARE_SECONDS:
            other.unlink(missing_ok=True)
    path = cache / f"{era}-{vehicles}-{leads}-{int(photos)}.db"
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix="vitrine-bench-") as name:
            _fill(Path(name), vehicles, leads, photos)
            # A name of this process's own first: another run may look for the same file.
            shutil.copy(Path(name) / DATABASE, path.with_suffix(f".{os.getpid()}"))
            path.with_suffix(f".{os.getpid()}").rename(path)
    return path


def _fingerprint() -> str:
    """Of what decides the rows: the migrations, the demo and how they are filled here."""
    digest = hashlib.blake2b(digest_size=6)
    for folder in ("migrations/versions", "demo", "bench"):
        for file in sorted((ROOT / folder).glob("*.py")):
            if folder != "bench" or file.name in {"stocked.py", "multiplied.py", "people.py"}:
                digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def _fill(folder: Path, vehicles: int, leads: int, photos: bool) -> None:
    app = app_of(folder)
    with app.app_context():
        upgrade()
        load_demo(min(vehicles, BASE), with_photos=False)
        if photos:
            hang_up_photos()
        db.engine.dispose()
    multiply(folder / DATABASE, vehicles)
    if leads:
        with app.app_context():
            fill_leads(leads)
            db.engine.dispose()
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def hang_up_photos() -> None:
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
