"""Open or closed is right at every edge: lunch, midnight, holidays, zones, clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealership.hours import (
    BadHours,
    Interval,
    Schedule,
    SpecialDay,
    hours_on,
    is_open,
    next_closing,
    next_opening,
    week_summary,
)

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
MANAUS = ZoneInfo("America/Manaus")
NEW_YORK = ZoneInfo("America/New_York")
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)

# 23 November 2026 is a Monday.
MONDAY = date(2026, 11, 23)


def clock(text):
    return time.fromisoformat(text)


def on(weekdays, *hours):
    return tuple(
        Interval(weekday, clock(opens), clock(closes))
        for weekday in weekdays
        for opens, closes in hours
    )


def at(text, zone=SAO_PAULO):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


SHOP = Schedule(
    SAO_PAULO,
    on(range(MON, SAT), ("08:00", "12:00"), ("13:30", "18:00")) + on([SAT], ("09:00", "13:00")),
)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23 07:59:59", False),
        ("2026-11-23 08:00", True),
        ("2026-11-23 11:59:59", True),
        ("2026-11-23 12:00", False),
        ("2026-11-23 12:45", False),
        ("2026-11-23 13:30", True),
        ("2026-11-23 18:00", False),
        ("2026-11-28 09:00", True),
        ("2026-11-28 13:00", False),
        ("2026-11-29 10:00", False),
    ],
)
def test_each_interval_counts_from_its_first_to_before_its_last_minute(moment, expected):
    assert is_open(SHOP, at(moment)) is expected


@pytest.mark.parametrize(
    ("moment", "opening", "closing"),
    [
        ("2026-11-23 07:00", "2026-11-23 08:00", "2026-11-23 12:00"),
        ("2026-11-23 08:00", "2026-11-23 13:30", "2026-11-23 12:00"),
        ("2026-11-23 12:00", "2026-11-23 13:30", "2026-11-23 18:00"),
        ("2026-11-23 14:00", "2026-11-24 08:00", "2026-11-23 18:00"),
        ("2026-11-27 18:00", "2026-11-28 09:00", "2026-11-28 13:00"),
        ("2026-11-28 13:00", "2026-11-30 08:00", "2026-11-30 12:00"),
    ],
)
def test_the_next_change_is_told_across_lunch_night_and_weekend(moment, opening, closing):
    assert next_opening(SHOP, at(moment)) == at(opening)
    assert next_closing(SHOP, at(moment)) == at(closing)


def test_answers_are_in_the_zone_of_the_store():
    opening = next_opening(SHOP, datetime(2026, 11, 23, 3, tzinfo=UTC))
    assert opening.tzinfo == SAO_PAULO
    assert opening.hour == 8


# --- zones ---


def test_the_store_keeps_its_own_clock():
    manaus = Schedule(MANAUS, SHOP.intervals)
    instant = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)  # 08:30 in São Paulo, 07:30 in Manaus
    assert is_open(SHOP, instant)
    assert not is_open(manaus, instant)
    assert next_opening(manaus, instant) == at("2026-11-23 08:00", MANAUS)


def test_the_day_is_the_stores_day_not_that_of_utc():
    late = Schedule(SAO_PAULO, on([SUN], ("20:00", "23:00")))
    assert is_open(late, datetime(2026, 11, 30, 1, 30, tzinfo=UTC))  # Monday in UTC


def test_an_instant_without_zone_is_refused():
    for ask in (is_open, next_opening, next_closing):
        with pytest.raises(ValueError, match="zone"):
            ask(SHOP, datetime(2026, 11, 23, 10))


# --- midnight ---

BAR = Schedule(SAO_PAULO, on([FRI, SAT], ("18:00", "02:00")))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-27 17:59", False),
        ("2026-11-27 23:59", True),
        ("2026-11-28 00:00", True),
        ("2026-11-28 01:59", True),
        ("2026-11-28 02:00", False),
        ("2026-11-29 01:00", True),
        ("2026-11-30 01:00", False),
    ],
)
def test_an_evening_runs_past_midnight(moment, expected):
    assert is_open(BAR, at(moment)) is expected


def test_closing_after_midnight_is_told_on_both_sides_of_it():
    assert next_closing(BAR, at("2026-11-27 23:00")) == at("2026-11-28 02:00")
    assert next_closing(BAR, at("2026-11-28 01:00")) == at("2026-11-28 02:00")
    assert next_opening(BAR, at("2026-11-28 01:00")) == at("2026-11-28 18:00")


def test_closing_at_midnight_is_the_end_of_the_day():
    late = Schedule(SAO_PAULO, on([MON], ("10:00", "00:00")))
    assert is_open(late, at("2026-11-23 23:59:59"))
    assert not is_open(late, at("2026-11-24 00:00"))
    assert next_closing(late, at("2026-11-23 12:00")) == at("2026-11-24 00:00")


def test_stretches_that_touch_are_one():
    weekend = Schedule(SAO_PAULO, on([SAT], ("08:00", "00:00")) + on([SUN], ("00:00", "20:00")))
    assert next_closing(weekend, at("2026-11-28 09:00")) == at("2026-11-29 20:00")
    assert next_opening(weekend, at("2026-11-28 09:00")) == at("2026-12-05 08:00")


def test_overlapping_intervals_are_one_stretch():
    typed_twice = Schedule(SAO_PAULO, on([MON], ("08:00", "14:00"), ("10:00", "12:00")))
    assert next_closing(typed_twice, at("2026-11-23 09:00")) == at("2026-11-23 14:00")


def test_a_shop_that_never_closes_has_no_next_change():
    always = Schedule(SAO_PAULO, on(range(7), ("00:00", "00:00")))
    for moment in ("2026-11-23 00:00", "2026-11-25 23:59", "2026-12-31 12:00"):
        assert is_open(always, at(moment))
        assert next_opening(always, at(moment)) is None
        assert next_closing(always, at(moment)) is None


def test_a_shop_without_hours_is_closed_and_says_no_more():
    never = Schedule(SAO_PAULO)
    assert not is_open(never, at("2026-11-23 10:00"))
    assert next_opening(never, at("2026-11-23 10:00")) is None
    assert next_closing(never, at("2026-11-23 10:00")) is None


# --- special days ---


def with_days(schedule, *days):
    return Schedule(schedule.zone, schedule.intervals, days)


def test_a_holiday_closes_the_whole_day():
    holiday = with_days(SHOP, SpecialDay(MONDAY))
    assert not is_open(holiday, at("2026-11-23 10:00"))
    assert next_opening(holiday, at("2026-11-23 10:00")) == at("2026-11-24 08:00")
    assert is_open(holiday, at("2026-11-30 10:00"))


def test_a_special_day_has_its_own_hours():
    eve = with_days(SHOP, SpecialDay(MONDAY, on([MON], ("09:00", "11:00"))))
    assert not is_open(eve, at("2026-11-23 08:30"))
    assert is_open(eve, at("2026-11-23 09:00"))
    assert not is_open(eve, at("2026-11-23 14:00"))


def test_a_closed_day_can_open_once():
    sunday = date(2026, 11, 29)
    fair = with_days(SHOP, SpecialDay(sunday, on([SUN], ("10:00", "16:00"))))
    assert next_opening(fair, at("2026-11-28 13:00")) == at("2026-11-29 10:00")
    assert not is_open(fair, at("2026-12-06 11:00"))


def test_a_holiday_leaves_the_evening_before_alone_and_takes_its_own():
    carnival = with_days(BAR, SpecialDay(date(2026, 11, 28)))
    assert is_open(carnival, at("2026-11-28 01:00"))  # Friday's evening
    assert not is_open(carnival, at("2026-11-28 20:00"))
    assert not is_open(carnival, at("2026-11-29 01:00"))  # would be Saturday's


def test_a_holiday_splits_a_shop_that_is_always_open():
    always = Schedule(SAO_PAULO, on(range(7), ("00:00", "00:00")), (SpecialDay(MONDAY),))
    assert next_closing(always, at("2026-11-22 10:00")) == at("2026-11-23 00:00")
    assert next_opening(always, at("2026-11-22 10:00")) == at("2026-11-24 00:00")


def test_collective_holidays_are_looked_past():
    closed = tuple(SpecialDay(MONDAY + timedelta(days=number)) for number in range(30))
    assert next_opening(with_days(SHOP, *closed), at("2026-11-23 10:00")) == at("2026-12-23 08:00")


def test_a_shop_shut_for_longer_than_the_horizon_promises_nothing():
    closed = tuple(SpecialDay(MONDAY + timedelta(days=number)) for number in range(90))
    assert next_opening(with_days(SHOP, *closed), at("2026-11-23 10:00")) is None


def test_hours_on_a_day_are_in_order():
    shuffled = Schedule(SAO_PAULO, tuple(reversed(SHOP.intervals)))
    assert [each.opens.hour for each in hours_on(shuffled, MONDAY)] == [8, 13]


def test_hours_of_another_weekday_are_refused():
    with pytest.raises(BadHours):
        SpecialDay(MONDAY, on([TUE], ("09:00", "11:00")))
    with pytest.raises(BadHours):
        Interval(7, clock("08:00"), clock("18:00"))


# --- clock changes ---


def test_the_summer_time_that_brazil_had_moves_no_opening():
    before, after = at("2018-11-03 12:00"), at("2018-11-05 12:00")
    assert before.utcoffset() != after.utcoffset()
    assert next_opening(SHOP, at("2018-11-03 14:00")) == at("2018-11-05 08:00")
    assert next_opening(SHOP, at("2018-11-03 14:00")).hour == 8


def test_a_midnight_that_does_not_exist_still_ends_the_day():
    # 4 November 2018 began at 01:00 in São Paulo.
    late = Schedule(SAO_PAULO, on([SAT], ("10:00", "00:00")))
    closing = next_closing(late, at("2018-11-03 12:00")).astimezone(UTC)
    assert closing == datetime(2018, 11, 4, 3, tzinfo=UTC)
    assert not is_open(late, closing)
    assert is_open(late, closing - timedelta(seconds=1))


def test_an_hour_that_comes_twice_is_served_twice_when_midnight_closes():
    # 17 February 2018 had 25 hours in São Paulo: 23:00 came twice.
    late = Schedule(SAO_PAULO, on([SAT], ("10:00", "00:00")))
    closing = next_closing(late, at("2018-02-17 12:00"))
    assert closing.astimezone(UTC) - at("2018-02-17 10:00").astimezone(UTC) == timedelta(hours=15)


def test_a_closing_inside_the_doubled_hour_is_the_first_one():
    late = Schedule(SAO_PAULO, on([SAT], ("10:00", "23:30")))
    assert is_open(late, datetime(2018, 2, 18, 1, 15, tzinfo=UTC))  # the first 23:15
    assert not is_open(late, datetime(2018, 2, 18, 2, 15, tzinfo=UTC))  # the second


def test_an_opening_inside_the_skipped_hour_comes_after_it():
    # 14 March 2027: New York has no time between 02:00 and 03:00.
    early = Schedule(NEW_YORK, on([SUN], ("02:30", "06:00")))
    opening = next_opening(early, at("2027-03-14 01:00", NEW_YORK))
    assert opening.astimezone(UTC) == datetime(2027, 3, 14, 7, 30, tzinfo=UTC)


def test_an_interval_swallowed_by_the_skipped_hour_is_left_out():
    early = Schedule(NEW_YORK, on([SUN], ("02:30", "03:10")))
    opening = next_opening(early, at("2027-03-14 01:00", NEW_YORK))
    assert opening == at("2027-03-21 02:30", NEW_YORK)


# --- summary ---


def test_days_with_equal_hours_share_a_row():
    rows = week_summary(SHOP)
    assert [row.days for row in rows] == [(MON, TUE, WED, THU, FRI), (SAT,), (SUN,)]
    assert rows[0].intervals == (
        (clock("08:00"), clock("12:00")),
        (clock("13:30"), clock("18:00")),
    )
    assert rows[2].intervals == ()


def test_only_neighbours_share_a_row():
    split = Schedule(
        SAO_PAULO, on([MON, TUE, THU], ("08:00", "18:00")) + on([WED], ("08:00", "12:00"))
    )
    days = [row.days for row in week_summary(split)]
    assert days == [(MON, TUE), (WED,), (THU,), (FRI, SAT, SUN)]


def test_a_summary_covers_the_whole_week_even_without_hours():
    assert week_summary(Schedule(SAO_PAULO)) == [(tuple(range(7)), ())]


# --- for any hours ---

minutes = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))
schedules = st.builds(
    Schedule,
    st.sampled_from([SAO_PAULO, MANAUS, NEW_YORK]),
    st.lists(st.builds(Interval, st.integers(0, 6), minutes, minutes), max_size=6).map(tuple),
    st.lists(st.dates(date(2027, 3, 1), date(2027, 3, 31)).map(SpecialDay), max_size=3).map(tuple),
)
instants = st.datetimes(datetime(2027, 3, 1), datetime(2027, 3, 31), timezones=st.just(UTC))


@given(schedules, instants)
def test_the_state_changes_exactly_at_the_told_instants(schedule, instant):
    second = timedelta(seconds=1)
    opening, closing = next_opening(schedule, instant), next_closing(schedule, instant)
    # Arithmetic on wall clocks would skip or repeat an hour where clocks change.
    if opening is not None:
        opening = opening.astimezone(UTC)
        assert opening > instant
        assert is_open(schedule, opening)
        assert not is_open(schedule, opening - second)
    if closing is not None:
        closing = closing.astimezone(UTC)
        assert closing > instant
        assert not is_open(schedule, closing)
        assert is_open(schedule, closing - second)
        if is_open(schedule, instant):
            middle = instant + (closing - instant) / 2
            assert is_open(schedule, middle)


@given(schedules)
def test_every_weekday_stands_in_one_row(schedule):
    assert [day for row in week_summary(schedule) for day in row.days] == list(range(7))
