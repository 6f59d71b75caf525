"""How often the page of each car was opened, by day where the car stands.

A number per car and day is all that is kept: no cookie, no address, nothing of who opened it. Who
opens a page does not wait for it either. Views are added up in this process's memory, and a thread
of its own writes what came together some seconds later, in one statement; what the database does
not take waits for the next time. A process that ends in good order writes what it has; one that is
killed loses the views of its last seconds.
"""

import atexit
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa
import structlog
from flask import Flask, current_app
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import today
from core.db import Model, db, writing
from inventory.models import Vehicle

DAYS: Final = 30  # what reports look back; older days are forgotten
WRITE_AFTER_SECONDS: Final = 10.0
WAIT_SECONDS: Final = 2.0  # for other writers
ROWS_AT_ONCE: Final = 500

Views = Counter[tuple[int, date]]  # by vehicle id and day
log = structlog.get_logger("vitrine.visits")


class VehicleVisit(Model):
    """How often people opened a car's page on one day (its store's)."""

    __tablename__ = "vehicle_visit"

    vehicle_id: Mapped[int] = mapped_column(
        sa.ForeignKey("vehicle.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(sa.Date, primary_key=True, index=True)
    views: Mapped[int] = mapped_column(default=0)


class VisitCounter:
    """The views that one process has seen and not written yet, for all its threads.

    They are written `after_seconds` after the first of them; None: only by `write`.
    """

    def __init__(self, app: Flask, after_seconds: float | None) -> None:
        self._app = app
        self._after_seconds = after_seconds
        self._lock = threading.Lock()
        self._views: Views = Counter()
        self._timer: threading.Timer | None = None
        self._ends_in_order = False

    def count(self, vehicle_id: int, day: date) -> None:
        """Count one view. Touches no database."""
        with self._lock:
            self._views[vehicle_id, day] += 1
            self._write_later()

    def write(self) -> None:
        """Write what waits. Never raises for the database: it waits for the next time then. Call
        it in a thread of its own or outside any transaction."""
        with self._lock:
            views, self._views = self._views, Counter()
        if not views:
            return
        try:
            with self._app.app_context():
                _add(views)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            log.warning("visits_wait", error=type(error).__name__, views=views.total())
            with self._lock:
                self._views.update(views)
                self._write_later()

    def _write_later(self) -> None:
        if self._timer or self._after_seconds is None:
            return
        if not self._ends_in_order:
            self._ends_in_order = True
            atexit.register(self.write)
        timer = threading.Timer(self._after_seconds, self._on_time)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:  # no more threads to be had: the next view asks again
            return
        self._timer = timer

    def _on_time(self) -> None:
        with self._lock:
            self._timer = None
        self.write()


def init_visits(app: Flask, after_seconds: float | None = WRITE_AFTER_SECONDS) -> VisitCounter:
    """Give `app` its counter; see VisitCounter."""
    counter = app.extensions["vitrine_visits"] = VisitCounter(app, after_seconds)
    return counter


def visit_counter() -> VisitCounter:
    """The running application's counter: of people who open the page of a car."""
    counter: VisitCounter = current_app.extensions["vitrine_visits"]
    return counter


def visits_of(vehicle_ids: Sequence[int]) -> dict[int, int]:
    """Views of the last DAYS days by vehicle id; cars that nobody opened are not in it."""
    total = sa.func.sum(VehicleVisit.views)
    rows = db.session.execute(
        sa.select(VehicleVisit.vehicle_id, total)
        .where(VehicleVisit.vehicle_id.in_(vehicle_ids), VehicleVisit.day > _last_forgotten())
        .group_by(VehicleVisit.vehicle_id)
    )
    return {vehicle_id: int(views) for vehicle_id, views in rows}


def forget_visits(_payload: dict[str, Any]) -> None:
    """Job: delete the days that no report looks at. A day more is kept for the zones behind."""
    with writing() as session:
        session.execute(
            sa.delete(VehicleVisit).where(VehicleVisit.day < _last_forgotten()),
            execution_options={"synchronize_session": False},
        )


def _last_forgotten() -> date:
    return today() - timedelta(days=DAYS)


def _add(views: Views) -> None:
    # In one order in every process: two that write the same cars must not wait for each other.
    counted = sorted(views.items())
    with writing(wait_seconds=WAIT_SECONDS) as session:
        for start in range(0, len(counted), ROWS_AT_ONCE):
            batch = counted[start : start + ROWS_AT_ONCE]
            ids = {vehicle_id for (vehicle_id, _day), _views in batch}
            there = set(session.scalars(sa.select(Vehicle.id).where(Vehicle.id.in_(ids))))
            rows = [
                {"vehicle_id": vehicle_id, "day": day, "views": number}
                for (vehicle_id, day), number in batch
                if vehicle_id in there
            ]
            if rows:
                session.execute(_more(rows))


def _more(rows: list[dict[str, Any]]) -> sa.Executable:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    statement = insert(VehicleVisit).values(rows)
    return statement.on_conflict_do_update(
        index_elements=["vehicle_id", "day"],
        set_={"views": VehicleVisit.views + statement.excluded.views},
    )


JOBS = {"forget_visits": forget_visits}
