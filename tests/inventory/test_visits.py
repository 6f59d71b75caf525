"""Visits per car: counted without the database, written together, forgotten after the report."""

import threading
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import today
from core.db import db, writing
from inventory import visits
from inventory.visits import VehicleVisit, VisitCounter, forget_visits, visit_counter, visits_of
from tests.factories import make_vehicle


def counter(app) -> VisitCounter:
    return app.extensions["vitrine_visits"]


def written() -> dict[int, int]:
    db.session.rollback()
    rows = db.session.execute(sa.select(VehicleVisit.vehicle_id, VehicleVisit.views))
    return {row[0]: row[1] for row in rows}


def test_views_of_many_threads_and_processes_add_up_in_one_statement(app, statements):
    cars = [make_vehicle().id for _number in range(3)]
    here, there = VisitCounter(app, None), VisitCounter(app, None)

    def look() -> None:
        for number in range(300):
            (here, there)[number % 2].count(cars[number % 3], today())

    threads = [threading.Thread(target=look) for _number in range(4)]
    statements.clear()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statements == []
    here.write()
    assert len([one for one in statements if one.startswith("INSERT")]) == 1
    there.write()
    there.write()  # nothing is left
    assert written() == dict.fromkeys(cars, 400)


def test_they_are_written_by_themselves_a_moment_later(app):
    car = make_vehicle().id
    busy = VisitCounter(app, 0.02)
    for _part in range(2):
        busy.count(car, today())
        time.sleep(0.01)
    deadline = time.monotonic() + 5
    while written().get(car) != 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert written() == {car: 2}


def test_what_a_busy_database_does_not_take_waits_and_is_written_once(app, monkeypatch):
    monkeypatch.setattr(visits, "WAIT_SECONDS", 0.1)
    car, day = make_vehicle().id, today()
    visit_counter().count(car, day)
    with pytest.raises(ZeroDivisionError), writing() as session:
        session.add(VehicleVisit(vehicle_id=car, day=day, views=100))
        session.flush()
        counter(app).write()
        raise ZeroDivisionError  # what held it is gone without a trace
    assert written() == {}
    visit_counter().count(car, day)
    counter(app).write()
    assert written() == {car: 2}


def test_a_car_that_is_gone_takes_no_other_ones_views_along(app):
    car = make_vehicle().id
    visit_counter().count(car + 1000, today())
    visit_counter().count(car, today())
    counter(app).write()
    assert written() == {car: 1}


def test_reports_look_back_thirty_days_and_older_ones_are_forgotten(app):
    seen, unseen = make_vehicle().id, make_vehicle().id
    ages = {0: 1, 29: 10, 30: 100, 31: 1000}
    for days, views in ages.items():
        for _view in range(views):
            visit_counter().count(seen, today() - timedelta(days=days))
    counter(app).write()
    db.session.rollback()  # it has looked before they were there
    assert visits_of([seen, unseen]) == {seen: 11}
    forget_visits({})
    assert db.session.scalar(sa.select(sa.func.sum(VehicleVisit.views))) == 111
