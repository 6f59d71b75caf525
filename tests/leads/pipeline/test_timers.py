"""What time alone does: everything is noticed, once, whenever and by however many."""

import contextlib
import threading
from datetime import UTC, datetime, time, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from core.clock import now
from core.db import db, writing
from dealership.models import OpeningInterval, SpecialDayRow
from dealership.presence import resume
from dealership.roles import Role
from dealership.roster import ShiftFacts, set_shifts
from dealership.staff import StaffMember
from leads.models import Lead, LeadEvent
from leads.pipeline import timers
from leads.pipeline.queue import waiting
from leads.pipeline.stages import Stage, Turn
from leads.pipeline.timers import tend_queue
from tests.factories import make_store
from tests.leads.pipeline.waiting import check, fresh, happen, make_lead, make_staff

MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # nine o'clock in São Paulo


@pytest.fixture
def clock(app):
    """The time, standing at Monday noon in UTC until a test moves it; without stores it is
    working time around the clock."""
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


def history(lead):
    """The kinds of its events, the first enquiry left out."""
    query = sa.select(LeadEvent.kind).where(LeadEvent.lead_id == lead.id).order_by(LeadEvent.id)
    return list(db.session.scalars(query))[1:]


def claimed(lead, who):
    happen(lead, "claimed", who.email, owner_id=who.id)
    return fresh(lead)


# --- the return timer ------------------------------------------------------------------------


def test_who_does_not_act_loses_it_and_the_third_time_a_supervisor_has_it(clock):
    lead, promise = make_lead(), None
    for turn in range(1, 4):
        claimed(lead, make_staff())
        promise = promise or lead.due_at
        assert lead.return_at == now() + timedelta(minutes=10)
        clock.shift(timedelta(minutes=9))
        timers._one(lead.id, timers._take_back, timers._timer_is_out(now()), None)
        assert fresh(lead).state == Stage.ASSIGNED  # not before its time
        clock.shift(timedelta(minutes=1))
        tend_queue()
        assert (fresh(lead).state, lead.owner_id, lead.returns) == (Stage.WAITING, None, turn)
        assert lead.due_at == promise
        check(lead)
    assert lead.turn == Turn.SUPERVISOR
    assert history(lead)[-2:] == ["returned", "escalated"]


@pytest.mark.parametrize(
    ("kind", "facts", "stays"),
    [
        ("human_contact", {"channel": "whatsapp", "evidence": "whatsapp"}, True),
        ("talked", {"channel": "phone", "evidence": "call:1"}, True),
        ("attempted", {"channel": "phone", "outcome": "no_answer"}, True),
        ("lost", {"reason": "price"}, True),
        ("human_contact", {"channel": "whatsapp", "evidence": "x", "grade": "declared"}, False),
        ("attempted", {"channel": "phone", "outcome": "busy", "grade": "declared"}, False),
        ("next_action", {"action": "call", "due_at": "2026-03-05T12:00:00+00:00"}, False),
        ("note", {"words": "vou ligar"}, False),
        ("mail_sent", {"mail_id": 3}, False),
        ("enquiry", {"is_first": False, "urgency": 1}, False),
        ("reply", {}, False),
    ],
)
def test_only_what_the_owner_is_known_to_have_done_stops_it(clock, kind, facts, stays):
    lead, ana = make_lead(), make_staff()
    claimed(lead, ana)
    happen(lead, kind, ana.email, **facts)
    clock.shift(timedelta(hours=1))
    tend_queue()
    assert (fresh(lead).owner_id == ana.id) is stays
    assert ("returned" in history(lead)) is not stays
    check(lead)


def test_the_first_response_clock_stops_on_evidence_alone(clock):
    """D1: a status, a note, a robot's mail, a missed call and what is only said stop nothing."""
    lead, ana = make_lead(), make_staff()
    claimed(lead, ana)
    for kind, facts in (
        ("note", {"words": "liguei"}),
        ("mail_sent", {"mail_id": 1}),
        ("call_missed", {"call": "CA1", "seconds": 0}),
        ("call_answered", {"call": "CA2", "seconds": 3}),
        ("attempted", {"channel": "phone", "outcome": "no_answer"}),
        ("human_contact", {"channel": "phone", "evidence": "word", "grade": "declared"}),
        ("talked", {"channel": "phone", "evidence": "word", "grade": "declared"}),
        ("reply", {}),
        ("qualified", {"need": "SUV"}),
        ("next_action", {"action": "call", "due_at": "2026-03-05T12:00:00+00:00"}),
        ("booked", {"appointment_id": 1, "starts_at": "2026-03-05T12:00:00+00:00"}),
        ("booking_cancelled", {}),
    ):
        clock.shift(timedelta(minutes=1))
        happen(lead, kind, ana.email, **facts)
        assert fresh(lead).first_contact_at is None, kind
    happen(lead, "human_contact", ana.email, channel="whatsapp", evidence="wa.me")
    first = now()
    clock.shift(timedelta(minutes=5))
    happen(lead, "talked", ana.email, channel="phone", evidence="call:CA3")
    assert fresh(lead).first_contact_at == first
    check(lead)


# --- handoffs, sleep, promises ---------------------------------------------------------------


def offered(clock, *path):
    lead, ana, seller = make_lead(), make_staff(), make_staff(Role.SELLER)
    claimed(lead, ana)
    for kind, facts in path:
        happen(lead, kind, ana.email, **facts)
    before = fresh(lead).state
    happen(lead, "handoff_offered", ana.email, seller_id=seller.id, summary={"need": "SUV"})
    return lead, ana, before


TALKED = ("talked", {"channel": "phone", "evidence": "call:1"})


@pytest.mark.parametrize("meanwhile", [None, "reply", "enquiry", "note"])
@pytest.mark.parametrize("path", [(TALKED,), (TALKED, ("qualified", {"need": "SUV"})),
                                  (TALKED, ("visited", {}))])  # fmt: skip
def test_an_offer_that_nobody_takes_goes_back_to_where_it_came_from(clock, path, meanwhile):
    lead, ana, before = offered(clock, *path)
    if meanwhile:
        happen(lead, meanwhile)
    clock.shift(timedelta(minutes=14))
    tend_queue()
    assert fresh(lead).state == Stage.OFFERED
    clock.shift(timedelta(minutes=1))
    tend_queue()
    tend_queue()
    assert (fresh(lead).state, lead.owner_id, lead.seller_id) == (before, ana.id, None)
    assert (lead.turn, history(lead).count("handoff_expired")) == (Turn.OURS, 1)
    check(lead)


def test_a_sleeper_wakes_on_its_day_once_and_waits_for_anybody(clock):
    lead = make_lead()
    wakes = now() + timedelta(days=3)
    happen(lead, "slept", due_at=wakes.isoformat())
    clock.shift(timedelta(days=3, seconds=-1))
    tend_queue()
    assert fresh(lead).state == Stage.NURTURE
    clock.shift(timedelta(seconds=1))
    tend_queue()
    tend_queue()
    assert (fresh(lead).state, lead.urgency, lead.turn) == (Stage.WAITING, 3, Turn.OURS)
    assert history(lead) == ["slept", "woke"]
    assert lead.due_at == wakes + timedelta(minutes=240)
    check(lead)


@pytest.mark.parametrize("kind", ["reply", "enquiry", "booked"])
def test_a_sleeper_who_writes_is_awake_at_once(clock, kind):
    lead, ana = make_lead(), make_staff()
    claimed(lead, ana)
    happen(lead, "slept", due_at="2026-12-01T12:00:00+00:00")
    clock.shift(timedelta(days=2))
    happen(lead, kind, "person", appointment_id=1, starts_at="2026-03-09T12:00:00+00:00")
    assert (fresh(lead).state, lead.turn, lead.owner_id) == (Stage.WAITING, Turn.OURS, None)
    assert lead.due_at == now() + timedelta(minutes=5)
    check(lead)


def test_a_promise_that_is_late_is_told_once(clock):
    lead = make_lead()
    clock.shift(timedelta(minutes=14))  # over its five minutes, not yet late
    tend_queue()
    assert history(lead) == []
    clock.shift(timedelta(minutes=1))
    for _again in range(3):
        tend_queue()
        clock.shift(timedelta(hours=2))
    assert history(lead) == ["escalated"]
    assert (fresh(lead).state, lead.turn, lead.urgency) == (Stage.WAITING, Turn.SUPERVISOR, 1)
    check(lead)


def test_those_with_time_left_do_not_hide_the_late_ones(clock, monkeypatch):
    """More are overdue than one pass takes, none of them late, and all promised sooner."""
    monkeypatch.setattr(timers, "MOST_AT_ONCE", 3)
    quiet = [make_lead(source="alert", at=now() - timedelta(minutes=300)) for _ in range(5)]
    lead = make_lead(at=now() - timedelta(minutes=30))
    tend_queue()
    assert history(lead) == ["escalated"]
    assert all(history(one) == [] for one in quiet)


def test_the_supervisors_are_not_told_of_suspicious_ones(clock):
    lead = make_lead(is_suspect=True)
    clock.shift(timedelta(days=1))
    tend_queue()
    assert history(lead) == []


# --- who leaves ------------------------------------------------------------------------------


def with_shift(who, starts, ends):
    with writing():
        set_shifts(
            db.session.get_one(StaffMember, who.id),
            [ShiftFacts(day, time(starts), time(ends)) for day in range(5)],
        )


def test_the_shift_ends_and_what_was_not_begun_is_the_next_one_again(clock):
    store = make_store()
    ana = make_staff(Role.ATTENDANT, store)
    with_shift(ana, 8, 10)  # until 13:00 in UTC
    clock.shift(timedelta(minutes=55))
    first = make_lead(store_id=store.id)
    begun, again = make_lead(store_id=store.id), make_lead(store_id=store.id)
    promise = first.due_at
    for lead in (first, begun, again):
        claimed(lead, ana)
    happen(begun, "human_contact", ana.email, channel="whatsapp", evidence="wa.me")
    # One that somebody else had talked with, then given back: begun by others is not begun.
    happen(again, "talked", ana.email, channel="phone", evidence="call:1")
    happen(again, "returned", ana.email, reason="busy")
    claimed(again, ana)
    with writing():
        resume(ana.id)
    clock.shift(timedelta(seconds=30))
    tend_queue()
    assert fresh(first).owner_id == ana.id
    clock.shift(timedelta(minutes=5))  # off shift now, and last seen five minutes ago
    tend_queue()
    assert (fresh(first).state, first.due_at, first.returns) == (Stage.WAITING, promise, 0)
    assert fresh(again).state == Stage.WAITING
    assert fresh(begun).owner_id == ana.id
    assert history(first)[:2] == ["claimed", "returned"]
    make_lead(store_id=store.id)
    assert db.session.scalars(waiting(None)).first().id == first.id
    for lead in (first, begun, again):
        check(lead)


def test_a_closed_account_leaves_no_lead_behind(clock):
    """An attendant's leads wait again; a seller's and one on offer go to the supervisors."""
    ana, seller = make_staff(), make_staff(Role.SELLER)
    talking, offer, selling = make_lead(), make_lead(), make_lead()
    for lead in (talking, offer, selling):
        claimed(lead, ana)
        happen(lead, "talked", ana.email, channel="phone", evidence="call:1")
    for lead in (offer, selling):
        happen(lead, "handoff_offered", ana.email, seller_id=seller.id, summary={"need": "SUV"})
    happen(selling, "handoff_accepted", seller.email, seller_id=seller.id)
    with writing() as session:
        for who in (ana, seller):
            session.get_one(StaffMember, who.id).active = False
    tend_queue()
    tend_queue()
    assert fresh(talking).state == Stage.WAITING
    assert (fresh(offer).state, offer.turn) == (Stage.WAITING, Turn.SUPERVISOR)
    assert (fresh(selling).state, selling.turn) == (Stage.WITH_SELLER, Turn.SUPERVISOR)
    for lead in (talking, offer, selling):
        assert len([k for k in history(lead) if k in {"returned", "escalated"}]) == 1
        check(lead)


# --- faults ----------------------------------------------------------------------------------


class Killed(BaseException):
    """As if the process had gone."""


def six_that_are_due(clock):
    leads = [make_lead() for _ in range(6)]
    for lead in leads[:3]:
        claimed(lead, make_staff())
    clock.shift(timedelta(minutes=20))
    return leads


def outcome(leads):
    return [(fresh(one).state, one.turn, one.returns, history(one)) for one in leads]


DONE = [("waiting", "supervisor", 1, ["claimed", "returned", "escalated"])] * 3 + [
    ("waiting", "supervisor", 0, ["escalated"])
] * 3


def test_a_worker_that_dies_in_the_middle_is_as_a_late_one(clock, monkeypatch):
    leads = six_that_are_due(clock)
    real, left = timers.record, [4]

    def record(*args, **kwargs):
        event = real(*args, **kwargs)
        left[0] -= 1
        if not left[0]:
            raise Killed
        return event

    monkeypatch.setattr(timers, "record", record)
    with contextlib.suppress(Killed):
        tend_queue()
    monkeypatch.setattr(timers, "record", real)
    db.session.rollback()
    assert 0 < sum(len(history(one)) > (one in leads[:3]) for one in leads) < 6
    tend_queue()
    tend_queue()
    assert outcome(leads) == DONE
    for lead in leads:
        check(lead)


def test_two_workers_at_once_do_what_one_does(app, clock):
    leads = six_that_are_due(clock)
    db.session.rollback()
    start, odd = threading.Barrier(2), []

    def work():
        with app.app_context():
            try:
                start.wait(60)
                tend_queue()
            except Exception as error:
                odd.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert odd == []
    assert outcome(leads) == DONE


def test_a_clock_that_jumps_loses_and_doubles_nothing(clock):
    ana = make_staff()
    held, asleep, waits = make_lead(), make_lead(), make_lead()
    claimed(held, ana)
    happen(asleep, "slept", due_at=(now() + timedelta(days=2)).isoformat())
    for jump in (timedelta(days=-400), timedelta(days=30), timedelta(days=-30)):
        clock.move_to(MONDAY + jump)
        tend_queue()
        for lead in (held, asleep, waits):
            check(fresh(lead))
    clock.move_to(MONDAY)
    tend_queue()
    assert history(held).count("returned") == 1
    assert history(asleep).count("woke") == 1
    assert history(waits).count("escalated") == 1
    db.session.rollback()
    open_ones = db.session.scalars(sa.select(Lead).where(Lead.closed_at.is_(None))).all()
    assert all(one.due_at for one in open_ones)


# --- the store's hours -----------------------------------------------------------------------


def test_friday_night_before_a_monday_holiday(clock):
    """Features E11.10: the promise is Tuesday's opening and five minutes, the first in its class,
    and nobody is told over the weekend that it is late."""
    store = make_store()
    with writing() as session:
        store = session.merge(store)
        store.opening_intervals = [
            OpeningInterval(weekday=day, opens=time(8), closes=time(18)) for day in range(6)
        ]
        for day in (7, 9):  # Saturday too, to make it long
            session.add(
                SpecialDayRow(store_id=store.id, day=datetime(2026, 3, day).date(), name="Feriado")
            )
    clock.move_to(datetime(2026, 3, 7, 1, 47, tzinfo=UTC))  # 22:47 of Friday the 6th
    night = make_lead(store_id=store.id)
    opening = datetime(2026, 3, 10, 11, 0, tzinfo=UTC)
    assert fresh(night).due_at == opening + timedelta(minutes=5)
    event = db.session.scalars(sa.select(LeadEvent).where(LeadEvent.lead_id == night.id)).one()
    assert datetime.fromisoformat(event.data["effective_at"]) == opening
    for hours in (12, 36, 60):
        clock.move_to(datetime(2026, 3, 7, 1, 47, tzinfo=UTC) + timedelta(hours=hours))
        tend_queue()
    assert history(night) == []
    clock.move_to(opening + timedelta(minutes=1))
    make_lead(store_id=store.id)
    assert db.session.scalars(waiting(None)).first().id == night.id
    clock.move_to(opening + timedelta(minutes=15))
    tend_queue()
    assert history(night) == ["escalated"]
