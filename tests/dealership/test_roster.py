"""Who can be given a lead at a moment: shifts, lunch, absences, holidays, presence, stand-ins."""

import threading
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import now, today
from core.db import db, writing
from dealership.attendants import attendants, on_shift, read_workers
from dealership.editing import SettingRefused
from dealership.hours import Span
from dealership.models import OpeningInterval, SpecialDayRow, Store
from dealership.presence import PauseReason, Presence, beat, pause, presence_of, resume
from dealership.roles import Role
from dealership.roster import (
    JOBS,
    AbsenceReason,
    RosterRefused,
    Shift,
    ShiftFacts,
    WorkFacts,
    absences_of,
    add_absence,
    remove_absence,
    set_shifts,
    set_work,
    shifts_of,
    work_of,
)
from dealership.spans import joined, shared, without
from dealership.staff import StaffMember, create_staff, deactivate
from tests.factories import make_store

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
MORNING, AFTERNOON = (time(8), time(12)), (time(13), time(18))


def at(text, zone=SAO_PAULO):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def hire(name, role=Role.ATTENDANT, *stores):
    with writing():
        member = create_staff(f"{name.lower()}@loja.example", role, name=name)
        member.stores = [db.session.merge(store) for store in stores]
    return member


def week(*hours, days=range(5), store_id=None):
    return [ShiftFacts(day, starts, ends, store_id) for day in days for starts, ends in hours]


def give_shifts(member, shifts):
    with writing():
        set_shifts(member, shifts)


def names(found):
    return [one.name for one in found]


def one_of(name, moment, **options):
    return next(one for one in attendants(moment, **options) if one.name == name)


# --- on shift --------------------------------------------------------------------------------


def test_without_shifts_people_work_while_a_store_is_open(app):
    make_store()  # from Monday to Friday, 8 to 18
    hire("Ana")
    assert names(on_shift(at("2026-11-23 08:00"))) == ["Ana"]
    assert one_of("Ana", at("2026-11-23 08:00")).shift_ends_at == at("2026-11-23 18:00")
    assert on_shift(at("2026-11-23 18:00")) == []
    assert on_shift(at("2026-11-28 10:00")) == []


def test_a_shop_that_typed_no_hours_is_always_at_work(app):
    store = make_store()
    with writing():
        db.session.get_one(Store, store.id).opening_intervals = []
    hire("Ana")
    assert one_of("Ana", at("2026-11-22 03:00")).is_on_shift
    assert one_of("Ana", at("2026-11-22 03:00")).shift_ends_at is None


def test_lunch_is_off_shift(app):
    make_store()
    give_shifts(hire("Ana"), week(MORNING, AFTERNOON))
    assert one_of("Ana", at("2026-11-23 11:59")).shift_ends_at == at("2026-11-23 12:00")
    assert not one_of("Ana", at("2026-11-23 12:00")).is_on_shift
    assert one_of("Ana", at("2026-11-23 13:00")).is_on_shift


def test_a_night_shift_runs_over_midnight_in_the_stores_clock(app):
    make_store(zone="America/Manaus")
    give_shifts(hire("Ana"), week((time(22), time(2)), days=[6]))
    manaus = ZoneInfo("America/Manaus")
    assert one_of("Ana", at("2026-11-23 01:59", manaus)).is_on_shift
    assert not one_of("Ana", at("2026-11-23 02:00", manaus)).is_on_shift


def test_a_holiday_of_the_store_is_nobodys_shift(app):
    store, other = make_store(), make_store()
    with writing():
        db.session.get_one(Store, store.id).special_days = [
            SpecialDayRow(day=date(2026, 11, 23)),
            SpecialDayRow(day=date(2026, 11, 24), opens=time(10), closes=time(13)),
        ]
    give_shifts(hire("Ana", Role.ATTENDANT, store), week(MORNING, AFTERNOON))
    give_shifts(hire("Bia"), week(MORNING))  # of both stores: the other one is open
    assert names(on_shift(at("2026-11-23 09:00"))) == ["Bia"]
    assert names(on_shift(at("2026-11-24 09:00"))) == ["Bia"]
    assert one_of("Ana", at("2026-11-24 11:00")).shift_ends_at == at("2026-11-24 12:00")
    assert names(on_shift(at("2026-11-25 09:00"), [other.id])) == ["Bia"]


def test_a_shift_in_one_store_leaves_that_store_only(app):
    store, other = make_store(), make_store()
    ana = hire("Ana")
    give_shifts(ana, [*week(MORNING, store_id=store.id), *week(AFTERNOON, store_id=other.id)])
    assert one_of("Ana", at("2026-11-23 09:00")).store_ids == (store.id,)
    assert one_of("Ana", at("2026-11-23 14:00")).store_ids == (other.id,)
    assert one_of("Ana", at("2026-11-23 20:00")).store_ids is None
    assert on_shift(at("2026-11-23 09:00"), [other.id]) == []


def test_an_absence_takes_somebody_off_and_says_when_the_shift_ends(app):
    make_store()
    ana = hire("Ana")
    give_shifts(ana, week(MORNING, AFTERNOON))
    with writing():
        row = add_absence(
            ana,
            at("2026-11-23 15:00"),
            at("2026-12-01 00:00"),
            AbsenceReason.HOLIDAY,
            by="gerente@loja.example",
        )
    assert one_of("Ana", at("2026-11-23 14:00")).shift_ends_at == at("2026-11-23 15:00")
    found = one_of("Ana", at("2026-11-23 15:00"))
    assert (found.is_absent, found.is_on_shift, found.capacity) == (True, False, 60)
    assert one_of("Ana", at("2026-12-01 08:00")).is_on_shift
    with writing():
        remove_absence(row)
    assert one_of("Ana", at("2026-11-23 15:00")).is_on_shift


def test_only_open_accounts_that_work_leads_are_there(app):
    make_store()
    owner, ana = hire("Olga", Role.OWNER), hire("Ana")
    hire("Edu", Role.EDITOR)
    with writing():
        deactivate(ana, by=owner)
    assert names(attendants(at("2026-11-23 09:00"))) == ["Olga"]


def test_leads_come_to_attendants_or_to_everybody_where_there_are_none(app):
    make_store()
    sam = hire("Sam", Role.SELLER)
    moment = at("2026-11-23 09:00")
    assert one_of("Sam", moment).takes_leads
    ana = hire("Ana")
    assert one_of("Ana", moment).takes_leads
    assert not one_of("Sam", moment).takes_leads
    with writing():
        set_work(sam, WorkFacts(departments=("service",), capacity=5, takes_leads=True))
        set_work(ana, WorkFacts(takes_leads=False))
    assert one_of("Sam", moment).takes_leads
    assert one_of("Sam", moment).serves(None, "service")
    assert not one_of("Sam", moment).serves(None, "sales")
    assert not one_of("Ana", moment).takes_leads


def test_a_stand_in_covers_a_break_and_an_absence_while_at_work(app):
    make_store()
    ana, rui = hire("Ana"), hire("Rui", Role.SUPERVISOR)
    give_shifts(ana, week(MORNING, AFTERNOON))
    with writing():
        set_work(ana, WorkFacts(stand_in_id=rui.id))
    assert one_of("Rui", at("2026-11-23 09:00")).stands_in_for == ()
    assert one_of("Rui", at("2026-11-23 12:30")).stands_in_for == (ana.id,)
    assert one_of("Rui", at("2026-11-23 18:30")).stands_in_for == ()
    with writing():
        add_absence(ana, at("2026-11-24 00:00"), at("2026-11-25 00:00"), AbsenceReason.SICK, by="x")
    assert one_of("Rui", at("2026-11-24 09:00")).stands_in_for == (ana.id,)
    give_shifts(rui, week((time(9), time(12))))
    assert one_of("Rui", at("2026-11-23 12:30")).stands_in_for == ()


def test_reading_takes_as_many_statements_for_many_as_for_one(app, statements):
    make_store()
    hire("Ana")
    statements.clear()
    attendants(now())
    few = len(statements)
    for number in range(8):
        member = hire(f"Pessoa{number}", Role.ATTENDANT, make_store())
        give_shifts(member, week(MORNING, AFTERNOON))
    db.session.remove()
    statements.clear()
    assert len(attendants(now())) == 9
    assert len(statements) == few == 6


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shifts", "weekday"),
    [
        (week((time(8), time(12)), (time(11), time(18)), days=[2]), "2"),
        (week((time(22), time(6)), days=[1]) + week((time(5), time(9)), days=[2]), "2"),
        (week((time(22), time(6)), days=[6]) + week((time(5), time(9)), days=[0]), "0"),
        (week((time(0), time(0)), days=[3]) * 2, "3"),
        (week(*((time(n), time(n, 30)) for n in range(5)), days=[4]), "4"),
        (week(MORNING, days=[1], store_id=999_999), "1"),
        (week(MORNING, days=[9]), ""),
    ],
)
def test_shifts_that_cannot_be(app, shifts, weekday):
    ana = hire("Ana", Role.ATTENDANT, make_store())
    give_shifts(ana, week(MORNING))
    with pytest.raises(SettingRefused) as refusal, writing():
        set_shifts(ana, shifts)
    assert list(refusal.value.problems) == [weekday]
    assert shifts_of(ana) == week(MORNING)


def test_an_absence_is_put_down_once(app):
    ana = hire("Ana")
    start = at("2026-11-23 00:00")
    with writing():
        add_absence(ana, start, start + timedelta(days=1), AbsenceReason.DAY_OFF, by="x")
    for end in (start + timedelta(days=1), start + timedelta(hours=1), start, start - timedelta(1)):
        with pytest.raises(RosterRefused), writing():
            add_absence(ana, start, end, AbsenceReason.DAY_OFF, by="x")
    with pytest.raises(RosterRefused), writing():
        add_absence(
            ana, start + timedelta(9), start + timedelta(999), AbsenceReason.DAY_OFF, by="x"
        )
    assert len(absences_of(ana, start)) == 1
    assert absences_of(ana, start + timedelta(days=1)) == []


def test_the_reason_of_an_old_absence_is_forgotten(app):
    ana = hire("Ana")
    with writing():
        for days in (400, 300):
            start = now() - timedelta(days=days)
            add_absence(ana, start, start + timedelta(days=5), AbsenceReason.SICK, by="x")
    for _ in range(2):
        JOBS["forget_absence_reasons"]({})
    reasons = [one.reason for one in absences_of(ana, now() - timedelta(days=999))]
    assert reasons == ["other", "sick"]


def test_work_that_cannot_be(app):
    ana, gone, olga = hire("Ana"), hire("Gil"), hire("Olga", Role.OWNER)
    with writing():
        deactivate(gone, by=olga)
    for facts in (
        WorkFacts(capacity=0),
        WorkFacts(capacity=100_000),
        WorkFacts(departments=("roof",)),
        WorkFacts(stand_in_id=ana.id),
        WorkFacts(stand_in_id=gone.id),
        WorkFacts(stand_in_id=999_999),
    ):
        with pytest.raises(RosterRefused), writing():
            set_work(ana, facts)
    assert work_of(ana) == WorkFacts()


def test_two_who_save_at_once_leave_one_week(app):
    ana = hire("Ana")
    weeks = [week(MORNING), week(AFTERNOON, days=range(1, 6))]
    staff_id = ana.id

    def save(shifts):
        with app.app_context():
            for _ in range(5):
                with writing():
                    set_shifts(db.session.get_one(StaffMember, staff_id), shifts)

    threads = [threading.Thread(target=save, args=(one,)) for one in weeks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    assert shifts_of(db.session.get_one(StaffMember, staff_id)) in weeks


# --- presence --------------------------------------------------------------------------------


def seen(staff_id, moment):
    with writing():
        db.session.execute(
            sa.update(Presence).where(Presence.staff_id == staff_id).values(seen_at=moment)
        )


def test_a_beat_is_written_once_in_twenty_seconds(app, statements):
    staff_id = hire("Ana").id
    assert beat(staff_id)
    statements.clear()
    assert not beat(staff_id)
    assert len(statements) == 1
    seen(staff_id, now() - timedelta(seconds=21))
    assert beat(staff_id)
    seen(staff_id, now() + timedelta(hours=1))  # the clock was set back since
    assert beat(staff_id)


def test_present_is_who_was_seen_within_a_minute_or_said_so(app):
    staff_id = hire("Ana").id
    assert not one_of("Ana", now()).is_present
    beat(staff_id)
    assert one_of("Ana", now()).is_present
    seen(staff_id, now() - timedelta(seconds=61))
    assert not one_of("Ana", now()).is_present
    with writing():
        resume(staff_id, held_until=now() + timedelta(hours=1))
    seen(staff_id, now() - timedelta(minutes=50))
    assert one_of("Ana", now()).is_present
    assert one_of("Ana", now()).is_ready


def test_a_pause_lasts_until_it_is_ended(app):
    staff_id = hire("Ana").id
    with writing():
        pause(staff_id, PauseReason.LUNCH)
    first = presence_of(staff_id)
    with writing():
        pause(staff_id, PauseReason.MEETING)  # a second tap, another reason
    seen(staff_id, now() - timedelta(minutes=5))
    assert beat(staff_id)
    found = one_of("Ana", now())
    assert (found.is_paused, found.pause_reason, found.is_ready) == (True, "meeting", False)
    assert presence_of(staff_id).since == first.since
    with writing():
        resume(staff_id)
    assert one_of("Ana", now()).is_ready
    assert presence_of(staff_id).since > first.since


# --- spans -----------------------------------------------------------------------------------

START = datetime(2026, 11, 23, tzinfo=UTC)
SPANS = st.lists(
    st.builds(
        lambda first, length: Span(
            START + timedelta(hours=first), START + timedelta(hours=first + length)
        ),
        st.integers(0, 30),
        st.integers(0, 6),
    ),
    max_size=6,
)


def hours_of(spans):
    return {
        n
        for n in range(40)
        if any(span.start <= START + timedelta(hours=n) < span.end for span in spans)
    }


@settings(max_examples=100, deadline=None)
@given(SPANS, SPANS)
def test_spans_are_sets_of_hours(ones, others):
    for found, expected in (
        (joined(ones + others), hours_of(ones) | hours_of(others)),
        (shared(ones, others), hours_of(ones) & hours_of(others)),
        (without(ones, others), hours_of(ones) - hours_of(others)),
    ):
        assert hours_of(found) == expected
        assert found == joined(found)


def test_shifts_go_with_the_account(app):
    ana = hire("Ana")
    give_shifts(ana, week(MORNING))
    with writing():
        db.session.execute(sa.delete(StaffMember).where(StaffMember.id == ana.id))
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Shift)) == 0


def test_opening_hours_of_every_store_count(app):
    early, late = make_store(), make_store()
    with writing():
        db.session.get_one(Store, late.id).opening_intervals = [
            OpeningInterval(weekday=0, opens=time(18), closes=time(22))
        ]
    hire("Ana")
    hire("Bia", Role.ATTENDANT, early)
    assert one_of("Ana", at("2026-11-23 12:00")).shift_ends_at == at("2026-11-23 22:00")
    assert names(on_shift(at("2026-11-23 20:00"))) == ["Ana"]


def test_a_week_that_was_changed_stays_on_its_days(app):
    """A past month is played again with the shifts of that month."""
    make_store()
    ana = hire("Ana")
    give_shifts(ana, week(MORNING))
    day = today()
    with writing():
        set_shifts(ana, week(AFTERNOON), since=day - timedelta(days=30))
        set_shifts(ana, week(MORNING, AFTERNOON), since=day + timedelta(days=7))
    assert shifts_of(ana, day - timedelta(days=31)) == week(MORNING)
    assert shifts_of(ana, day - timedelta(days=30)) == shifts_of(ana) == week(AFTERNOON)
    assert shifts_of(ana, day + timedelta(days=7)) == week(MORNING, AFTERNOON)

    (worker,) = read_workers(now(), now())
    before = next(d for n in range(31, 40) if (d := day - timedelta(days=n)).weekday() == 1)
    after = before + timedelta(days=14)
    hours = [{one.start.astimezone(worker.zone).hour for one in worker.working([d])}
             for d in (before, after)]  # fmt: skip
    assert hours == [{MORNING[0].hour}, {AFTERNOON[0].hour}]

    with writing():  # what was planned is planned anew, what was stays
        set_shifts(ana, [])
    assert shifts_of(ana) == shifts_of(ana, day + timedelta(days=9)) == []
    assert shifts_of(ana, day - timedelta(days=1)) == week(AFTERNOON)
