"""Working time adds up: over lunch, holidays, midnight, leap days and days clocks were changed."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.db import db, writing
from dealership.business_time import add_working, effective_start, schedules, working_seconds
from dealership.hours import Interval, Schedule, SpecialDay, is_open
from dealership.models import OpeningInterval, SpecialDayRow, Store
from tests.factories import make_store

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
ZONES = (SAO_PAULO, ZoneInfo("America/Rio_Branco"), ZoneInfo("America/New_York"))


def on(weekdays, *hours):
    return tuple(
        Interval(weekday, time.fromisoformat(opens), time.fromisoformat(closes))
        for weekday in weekdays
        for opens, closes in hours
    )


def at(text, zone=SAO_PAULO):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


SHOP = Schedule(
    SAO_PAULO,
    on(range(5), ("08:00", "12:00"), ("13:30", "18:00")) + on([5], ("09:00", "13:00")),
    (SpecialDay(date(2026, 11, 2)), SpecialDay(date(2026, 12, 24), on([3], ("08:00", "12:00")))),
)
NIGHTS = Schedule(SAO_PAULO, on(range(7), ("18:00", "02:00")))
ALWAYS = Schedule(SAO_PAULO, on(range(7), ("00:00", "00:00")))


@pytest.mark.parametrize(
    ("schedule", "start", "minutes", "end"),
    [
        (SHOP, "2026-11-23 11:50", 15, "2026-11-23 13:35"),  # over lunch
        (SHOP, "2026-11-23 11:50", 10, "2026-11-23 12:00"),  # until lunch, not until after it
        (SHOP, "2026-11-23 12:10", 15, "2026-11-23 13:45"),  # born at lunch
        # Friday night before a Monday holiday: the clock starts on Saturday, or on Tuesday.
        (SHOP, "2026-10-30 22:47", 15, "2026-10-31 09:15"),
        (SHOP, "2026-10-31 13:00", 15, "2026-11-03 08:15"),
        (SHOP, "2026-12-24 11:55", 15, "2026-12-25 08:10"),  # a shorter day
        (NIGHTS, "2026-11-23 23:30", 60, "2026-11-24 00:30"),  # over midnight
        (NIGHTS, "2026-11-23 01:30", 60, "2026-11-23 18:30"),
        (SHOP, "2028-02-28 17:55", 10, "2028-02-29 08:05"),  # the leap day is a Tuesday
        (ALWAYS, "2026-11-23 23:59", 24 * 60, "2026-11-24 23:59"),
        (Schedule(SAO_PAULO), "2026-11-23 23:59", 15, "2026-11-24 00:14"),  # nobody typed hours
        # Summer time began on 4 November 2018 at midnight, which became 01:00.
        (NIGHTS, "2018-11-03 23:30", 60, "2018-11-04 01:30"),
        (ALWAYS, "2018-11-03 23:30", 24 * 60, "2018-11-05 00:30"),
        # It ended on 18 February 2018 at midnight, which became 23:00 of the 17th again.
        (NIGHTS, "2018-02-17 22:30", 120, "2018-02-17 23:30:00-03:00"),
        (NIGHTS, "2018-02-18 01:30", 31, "2018-02-18 18:01"),
    ],
)
def test_a_deadline(schedule, start, minutes, end):
    expected = datetime.fromisoformat(end)
    expected = expected if expected.tzinfo else expected.replace(tzinfo=SAO_PAULO)
    found = add_working(schedule, at(start), minutes)
    assert found == expected
    assert found.tzinfo is UTC
    assert working_seconds(schedule, at(start), found) == minutes * 60


def test_working_time_never_runs_back():
    with pytest.raises(ValueError, match="only added"):
        add_working(SHOP, at("2026-11-23 10:00"), -1)
    assert working_seconds(SHOP, at("2026-11-23 10:00"), at("2026-11-23 09:00")) == 0


def test_a_clock_starts_while_the_store_is_open():
    assert effective_start(SHOP, at("2026-11-23 10:00")) == at("2026-11-23 10:00")
    assert effective_start(SHOP, at("2026-11-23 12:00")) == at("2026-11-23 13:30")
    assert effective_start(SHOP, at("2026-10-31 20:00")) == at("2026-11-03 08:00")
    assert effective_start(Schedule(SAO_PAULO), at("2026-11-23 03:00")) == at("2026-11-23 03:00")


def test_after_the_last_opening_the_clock_is_a_plain_one():
    once = Schedule(SAO_PAULO, (), (SpecialDay(date(2026, 11, 23), on([0], ("09:00", "10:00"))),))
    assert add_working(once, at("2026-11-23 08:00"), 90) == at("2026-11-23 10:30")
    assert working_seconds(once, at("2026-11-23 08:00"), at("2026-11-23 10:30")) == 90 * 60


QUARTERS = st.integers(0, 95).map(lambda n: time(n // 4, n % 4 * 15))
INTERVALS = st.builds(Interval, st.integers(0, 6), QUARTERS, QUARTERS)
# Around the days of the tests above, so that all of them are hit.
MOMENTS = st.one_of(
    *(
        st.integers(0, 5 * 24 * 3600).map(
            lambda seconds, day=day: datetime(*day, tzinfo=UTC) + timedelta(seconds=seconds)
        )
        for day in ((2018, 2, 15), (2018, 11, 1), (2024, 2, 27), (2026, 12, 22))
    )
)
SPECIAL = st.dates(date(2018, 11, 2), date(2018, 11, 7)).flatmap(
    lambda day: st.builds(
        SpecialDay,
        st.just(day),
        st.lists(st.builds(Interval, st.just(day.weekday()), QUARTERS, QUARTERS), max_size=2).map(
            tuple
        ),
    )
)
# Overlapping hours too: what people type is not always tidy.
SCHEDULES = st.builds(
    Schedule,
    st.sampled_from(ZONES),
    st.lists(INTERVALS, max_size=12).map(tuple),
    st.lists(SPECIAL, max_size=2, unique_by=lambda one: one.date).map(tuple),
)
MINUTES = st.integers(0, 3 * 24 * 60)


@settings(max_examples=80, deadline=None)
@given(SCHEDULES, MOMENTS, MINUTES, MINUTES)
def test_adding_is_associative_and_comes_round(schedule, start, first, second):
    between = add_working(schedule, start, first)
    end = add_working(schedule, start, first + second)
    assert add_working(schedule, between, second) == end
    assert working_seconds(schedule, start, end) == (first + second) * 60
    assert working_seconds(schedule, between, end) == second * 60
    begins = effective_start(schedule, start)
    assert working_seconds(schedule, start, begins) == 0
    assert add_working(schedule, begins, first + 1) == add_working(schedule, start, first + 1)


@settings(max_examples=40, deadline=None)
@given(SCHEDULES.filter(lambda one: one.intervals), MOMENTS, st.integers(1, 36 * 60))
def test_working_time_is_the_open_minutes(schedule, start, minutes):
    """Counted minute by minute with the rule that the public page asks."""
    start = start.replace(second=0)
    steps = [start + timedelta(minutes=n) for n in range(minutes)]
    counted = sum(is_open(schedule, step) for step in steps)
    assert working_seconds(schedule, start, start + timedelta(minutes=minutes)) == counted * 60


def test_calendars_are_read_in_two_statements(app, statements):
    ids = [make_store().id for _ in range(3)]
    with writing():
        for store_id in ids:
            row = db.session.get_one(Store, store_id)
            row.opening_intervals = [
                OpeningInterval(weekday=0, opens=time(8), closes=time(12)),
                OpeningInterval(weekday=0, opens=time(13), closes=time(18)),
            ]
            row.special_days = [SpecialDayRow(day=date(2026, 11, 2))]
    db.session.remove()
    statements.clear()
    found = schedules()
    assert len(statements) == 2
    assert set(found) == set(ids)
    assert [len(one.intervals) for one in found.values()] == [2, 2, 2]
    assert found[ids[0]].special_days == (SpecialDay(date(2026, 11, 2)),)
    assert set(schedules([ids[1], 999_999])) == {ids[1]}
