"""Fills the site of the browser's tests: `python -m tests.browser.demo_site [--without-photos]`.

The demo as `make run` loads it, with small pictures. All cars have their cover, and the first of
the list all their views: a drawing costs half a second of a processor however small it is.
"""

import sys
from typing import Final

import sqlalchemy as sa
from flask_migrate import upgrade

from app import create_app
from core import clock
from core.db import db, writing
from demo.angles import draw_demo_angles
from demo.loading import load_demo
from demo.stock import stock
from inventory.models import Vehicle
from jobs.models import Job

VEHICLES: Final = 40
WHOLE: Final = 4  # cars with all their views
SIZE_PX: Final = (400, 300)


def fill() -> None:
    upgrade()
    if "--without-photos" in sys.argv:
        load_demo(VEHICLES, with_photos=False)
        return
    load_demo(VEHICLES, photo_size_px=SIZE_PX, covers_first=True)
    later = sa.select(Job.payload).where(Job.kind == "draw_demo_angles")
    payloads = {tuple(one["cover"]): one for one in db.session.scalars(later)}
    store_ids = next(iter(payloads.values()))["store_ids"]
    cars = {car.source_id: car for car in stock(VEHICLES, 1, clock.today(), store_ids)}
    first = db.session.scalars(
        sa.select(Vehicle.source_id)
        .where(Vehicle.state == "published")
        .order_by(Vehicle.highlight_rank.nulls_last(), Vehicle.published_at.desc(), Vehicle.id)
        .limit(WHOLE)
    ).all()
    for source_id in first:
        cover = cars[source_id].pictures[0]
        draw_demo_angles(payloads[cover.body, cover.color, cover.angle, cover.look])
    with writing() as session:  # the workers of tests would draw for minutes before they are asked
        session.execute(sa.delete(Job).where(Job.kind.in_(("draw_demo_angles", "render_photo"))))


if __name__ == "__main__":
    with create_app(log_level="error").app_context():
        fill()
