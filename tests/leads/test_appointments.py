"""Times to visit a store: true to its hours, given to one person each, whoever races."""

import threading
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import icalendar
import pytest
import sqlalchemy as sa
import time_machine

from core.db import db, writing
from dealership.identity import StoreProfile, profile_of
from dealership.models import OpeningInterval, SpecialDayRow, Store
from leads import appointments
from leads.appointments import AppointmentOver, SlotTaken, book, slots
from leads.capture import Arrival, accept
from leads.models import Appointment, Lead, LeadEvent, Person, Submission
from tests.factories import make_store, make_vehicle

MONDAY = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)  # 10:00 in São Paulo


@pytest.fixture(autouse=True)
def monday_morning():
    with time_machine.travel(MONDAY, tick=False):
        yield


def open_store(*hours: tuple[int, time, time], **values: object) -> Store:
    store = make_store(**values)
    with writing() as session:
        row = session.get(Store, store.id)
        row.opening_intervals = [
            OpeningInterval(weekday=day, opens=opens, closes=closes) for day, opens, closes in hours
        ]
    return store


def profile(store: Store) -> StoreProfile:
    db.session.expire_all()
    return profile_of(db.session.get(Store, store.id))


def clocks(store: Store, kind: str = "test_drive", **options: object) -> list[str]:
    return [
        f"{slot.starts_at:%d %H:%M}"
        for day in slots(profile(store), kind, **options)
        for slot in day.slots
        if slot.is_free
    ]


def submit(number: int = 1) -> str:
    """A stored submission's id."""
    arrival = Arrival(source="form:test-drive", idem_key=f"key-{number}", payload={"nome": "Ana"})
    return accept(arrival).id


def reserve(store: Store, starts_at: datetime, vehicle_id: int | None = None, number: int = 1):
    submission_id = submit(number)
    with writing():
        return book("test_drive", store.id, starts_at, vehicle_id, submission_id)


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZoneInfo("America/Sao_Paulo"))


def test_times_follow_the_opening_hours_and_end_by_closing(app):
    store = open_store((0, time(8), time(12, 45)), (0, time(14), time(15, 15)))
    assert clocks(store, days=1) == ["02 12:00", "02 14:00", "02 14:30"]
    assert clocks(store, "service", days=1) == ["02 14:00"]


def test_the_first_time_leaves_the_store_its_notice(app):
    store = open_store((0, time(8), time(18)))
    assert clocks(store, days=1)[0] == "02 12:00"
    with time_machine.travel(MONDAY + timedelta(minutes=1), tick=False):
        assert clocks(store, days=1)[0] == "02 12:30"


def test_closed_days_and_holidays_have_no_times(app):
    store = open_store((0, time(8), time(9)), (2, time(8), time(9)))
    with writing() as session:
        session.add(SpecialDayRow(store_id=store.id, day=date(2026, 3, 9), name="Feriado"))
        session.add(
            SpecialDayRow(
                store_id=store.id, day=date(2026, 3, 14), opens=time(10), closes=time(10, 30)
            )
        )
    days = slots(profile(store), "test_drive")
    assert [day.date for day in days] == [date(2026, 3, 4), date(2026, 3, 11), date(2026, 3, 14)]
    assert clocks(store)[-1] == "14 10:00"


def test_a_store_that_is_never_open_has_no_times(app):
    store = open_store()
    assert slots(profile(store), "test_drive") == []
    with pytest.raises(SlotTaken) as refused:
        reserve(store, at(15))
    assert refused.value.nearest == ()


def test_a_night_belongs_to_the_days_on_which_its_hours_fall(app):
    store = open_store((0, time(23), time(1)))
    assert clocks(store, days=2) == ["02 23:00", "02 23:30", "03 00:00", "03 00:30"]


def test_overlapping_hours_offer_each_time_once(app):
    store = open_store((0, time(13), time(15)), (0, time(14), time(16)))
    assert clocks(store, days=1) == [
        "02 13:00", "02 13:30", "02 14:00", "02 14:30", "02 15:00", "02 15:30",
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ["America/Manaus", "America/Noronha", "America/Rio_Branco"])
def test_times_are_the_stores_own(app, zone):
    store = open_store((1, time(8), time(9)), zone=zone)
    day = slots(profile(store), "test_drive")[0]
    assert [slot.starts_at.strftime("%H:%M") for slot in day.slots] == ["08:00", "08:30"]
    assert day.slots[0].starts_at.utcoffset() == ZoneInfo(zone).utcoffset(datetime(2026, 3, 3))


def test_a_day_on_which_clocks_change_keeps_every_visit_whole(app):
    store = open_store((6, time(0), time(4)), zone="America/New_York")
    found = slots(profile(store), "test_drive", days=7)
    instants = [slot.starts_at.astimezone(UTC) for day in found for slot in day.slots]
    assert len(instants) == 6  # 8 March 2026 has no hour from two to three
    assert {b - a for a, b in pairwise(instants)} == {timedelta(minutes=30)}


def test_a_store_takes_two_test_drives_at_once_and_a_car_one(app):
    store = open_store((0, time(13), time(14)))
    car, other, third = (make_vehicle(store=store).id for _ in range(3))
    reserve(store, at(13), car, 1)
    assert clocks(store, days=1, vehicle_id=car) == ["02 13:30"]
    assert clocks(store, days=1, vehicle_id=other) == ["02 13:00", "02 13:30"]
    with pytest.raises(SlotTaken):
        reserve(store, at(13), car, 2)
    reserve(store, at(13), other, 3)
    assert clocks(store, days=1, vehicle_id=third) == ["02 13:30"]
    with pytest.raises(SlotTaken) as refused:
        reserve(store, at(13), third, 4)
    assert refused.value.nearest[0].value == "2026-03-02T16:30Z"
    assert "13:30" in str(refused.value)
    # A workshop visit is another matter.
    submission_id = submit(5)
    with writing():
        book("service", store.id, at(13), None, submission_id)


def test_hours_that_moved_do_not_let_two_visits_overlap(app):
    store = open_store((0, time(13), time(14)))
    reserve(store, at(13), None, 1)
    reserve(store, at(13), None, 2)
    with writing() as session:
        row = session.get(Store, store.id)
        row.opening_intervals = [OpeningInterval(weekday=0, opens=time(13, 15), closes=time(14))]
    assert clocks(store, days=1) == []


@pytest.mark.parametrize(
    "moment",
    [
        MONDAY - timedelta(minutes=1),
        MONDAY + timedelta(minutes=30),  # open, but sooner than the notice
        at(13, 10),
        at(17, 45),
        at(3),
        at(13, day=3),
        at(13) + timedelta(days=364),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
    ],
)
def test_a_time_that_is_not_offered_is_refused_with_others(app, moment):
    store = open_store((0, time(8), time(18)))
    with pytest.raises(SlotTaken) as refused:
        reserve(store, moment)
    assert len(refused.value.nearest) == 3
    assert db.session.scalar(sa.select(sa.func.count(Appointment.id))) == 0


def test_a_store_that_does_not_exist_is_refused(app):
    submission_id, store_id = submit(), open_store().id + 999
    with pytest.raises(SlotTaken), writing():
        book("test_drive", store_id, at(13), None, submission_id)


@pytest.mark.parametrize(
    "typed",
    ["", "amanhã", "2026-03-02", "2026-03-02T16:30", "2026-13-02T16:30Z", "2026-3-2T16:30Z",
     "2026-03-02T16:30Z; DROP", "٢٠٢٦-03-02T16:30Z", "9999-99-99T99:99Z", "0000-00-00T00:00Z",
     "\x00", "2026-03-02T16:30Z" * 1000],
)  # fmt: skip
def test_what_is_no_time_is_none(typed):
    assert appointments.read_slot(typed) is None


def test_a_value_reads_back_as_its_instant(app):
    store = open_store((0, time(13), time(14)))
    slot = slots(profile(store), "test_drive")[0].slots[0]
    assert appointments.read_slot(slot.value) == slot.starts_at
    assert appointments.read_slot(f" {slot.value} ") == slot.starts_at


def test_a_refused_time_keeps_nothing_of_the_post(app):
    store = open_store((0, time(13), time(14)))
    arrival = Arrival(source="form:test-drive", idem_key="k", payload={"nome": "Ana"})
    with pytest.raises(SlotTaken):
        accept(arrival, also=lambda sid: book("test_drive", store.id, at(9), None, sid) and None)
    assert db.session.scalar(sa.select(sa.func.count(Submission.id))) == 0


def test_two_people_at_once_get_one_last_seat(app):
    """Both have seen the time as free; both send; one wins and the other hears of other times."""
    store = open_store((0, time(13), time(14)))
    car, store_id = make_vehicle(store=store).id, store.id
    reserve(store, at(13), None, 1)
    barrier, outcomes = threading.Barrier(6), []

    def send(number: int) -> None:
        with app.app_context():
            arrival = Arrival(
                source="form:test-drive", idem_key=f"race-{number}", payload={"nome": "Ana"}
            )
            vehicle = car if number % 2 else None
            barrier.wait()
            try:
                accept(
                    arrival,
                    also=lambda sid: book("test_drive", store_id, at(13), vehicle, sid) and None,
                    wait_seconds=30,
                )
                outcomes.append("booked")
            except SlotTaken as refused:
                outcomes.append("taken" if refused.nearest else "taken, with no other time")
            finally:
                db.session.remove()

    db.session.rollback()
    threads = [threading.Thread(target=send, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["booked", "taken", "taken", "taken", "taken", "taken"]
    rows = db.session.scalars(sa.select(Appointment)).all()
    assert sorted(row.seat for row in rows) == [0, 1]
    # Who was refused sends again with another time: nothing of the first try is in the way.
    assert db.session.scalar(sa.select(sa.func.count(Submission.id))) == 2


def test_two_stores_cannot_give_the_same_car_at_once(app):
    here, there = (open_store((0, time(13), time(14))) for _ in range(2))
    car = make_vehicle(store=here).id
    barrier, outcomes = threading.Barrier(2), []

    def send(store_id: int) -> None:
        with app.app_context():
            submission_id = submit(store_id)
            barrier.wait()
            try:
                with writing():
                    book("test_drive", store_id, at(13), car, submission_id)
                outcomes.append("booked")
            except SlotTaken:
                outcomes.append("taken")
            finally:
                db.session.remove()

    db.session.rollback()
    threads = [threading.Thread(target=send, args=(one,)) for one in (here.id, there.id)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["booked", "taken"]


def test_a_cancelled_time_is_free_again_and_the_lead_knows(app):
    store = open_store((0, time(13), time(14)))
    car = make_vehicle(store=store).id
    booked = reserve(store, at(13), car)
    with writing() as session:
        person = Person(name="Ana")
        session.add(person)
        session.flush()
        lead = Lead(person_id=person.id, department="sales", source="form:test-drive")
        session.add(lead)
        session.flush()
        session.get(Appointment, booked.id).lead_id = lead.id
    for _twice in range(2):
        with writing() as session:
            appointments.cancel(session.get(Appointment, booked.id))
    assert clocks(store, days=1, vehicle_id=car) == ["02 13:00", "02 13:30"]
    kinds = db.session.scalars(sa.select(LeadEvent.kind)).all()
    assert kinds == ["booking_cancelled"]
    reserve(store, at(13), car, 2)


def test_a_time_that_has_come_is_not_cancelled(app):
    store = open_store((0, time(13), time(14)))
    booked = reserve(store, at(13))
    with time_machine.travel(at(13), tick=False), pytest.raises(AppointmentOver), writing() as s:
        appointments.cancel(s.get(Appointment, booked.id))


def test_the_calendar_file_says_when_and_where(app):
    store = open_store((0, time(13), time(14)), name="Loja Centro; Campinas, SP")
    booked = reserve(store, at(13))
    text = appointments.calendar_file(booked, profile(store), car="Fiat Argo; 1.0\nDrive")
    assert "\r\n" in text
    assert "\n" not in text.replace("\r\n", "")
    event = icalendar.Calendar.from_ical(text).walk("VEVENT")[0]
    assert event.decoded("dtstart") == at(13)
    assert event.decoded("dtend") == at(13, 30)
    assert event["location"] == "Av. Exemplo, 100, Centro, Campinas - SP"
    assert "Argo" in event["summary"]
    assert booked.submission_id in event["description"]
    again = appointments.calendar_file(booked, profile(store))
    assert icalendar.Calendar.from_ical(again).walk("VEVENT")[0]["uid"] == event["uid"]
    with writing() as session:
        row = session.get(Appointment, booked.id)
        appointments.cancel(row)
        assert "STATUS:CANCELLED" in appointments.calendar_file(row, profile(store))


def test_times_cost_one_statement_and_a_booking_few(app, statements):
    store = open_store(*((day, time(8), time(18)) for day in range(7)))
    cars = [make_vehicle(store=store).id for _ in range(4)]
    seen = profile(store)
    statements.clear()
    slots(seen, "test_drive", vehicle_id=cars[0])
    assert len(statements) == 1
    for number, car in enumerate(cars):
        reserve(store, at(13 + number), car, number)
    statements.clear()
    slots(seen, "test_drive", vehicle_id=cars[0])
    assert len(statements) == 1
    submission_id, store_id = submit(9), store.id
    statements.clear()
    with writing():
        book("test_drive", store_id, at(17), cars[0], submission_id)
    # The last of them grows the site's version: free times stand on public pages.
    assert len(statements) <= 6, "\n".join(statements)
