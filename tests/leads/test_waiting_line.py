"""The fair line for a held car: one hold, distinct places, nobody skipped, everybody told once."""

import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from core.clock import now
from core.db import db, writing
from dealership.models import Dealership
from inventory import lifecycle
from inventory.editing import revise_vehicle, revise_vehicles
from inventory.models import Vehicle
from jobs.queue import enqueue
from jobs.worker import JobSetup, Worker
from leads import erasure, waiting_line
from leads.capture import Arrival, accept
from leads.clearing import delete_test
from leads.merging import merge
from leads.models import Consent, Lead, LeadEvent, Mail, Person
from leads.people import find_or_create_person
from leads.pipeline.holds import CarHeld, CarHold, WaitingPlace, live_hold
from leads.pipeline.log import record, undo
from leads.pipeline.stages import Stage
from leads.selling import sell_car, take_sale_back
from leads.sides import PersonMerge
from leads.unmerging import unmerge
from leads.waiting_line import NotHeld, join, leave, standing_of, tend_holds, want
from tests.factories import make_store, make_vehicle
from tests.leads.pipeline.waiting import check, fresh, happen, make_lead, make_staff

MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # nine o'clock in São Paulo
BUYERS = 50


@pytest.fixture
def clock(app):
    with writing() as session:
        session.merge(Dealership(id=1, name="Loja Boa", email="grupo@example.com"))
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def work(app) -> Callable[[], None]:
    def run() -> None:
        db.session.rollback()
        setup: JobSetup = app.extensions["vitrine_jobs"]
        Worker(app, JobSetup(setup.handlers), threads=1).run(drain=True)
        db.session.rollback()

    return run


def sell_to(car: Vehicle, *, minutes: int = 60) -> Lead:
    """A lead that holds `car` for so long."""
    lead, seller = make_lead(vehicle_id=car.id, store_id=car.store_id), make_staff()
    happen(lead, "claimed", seller.email, owner_id=seller.id)
    happen(lead, "visited", seller.email)
    until = now() + timedelta(minutes=minutes)
    happen(lead, "reserved", seller.email, due_at=until.isoformat())
    return fresh(lead)


def queue_up(car: Vehicle, name: str, **contact: str) -> str:
    """Join the line by the form's way; the submission's id."""
    arrival = line_form(car, name, **contact)
    take = {"text_digest": "", **{one: arrival.payload[one] for one in ("name", "phone", "email")}}
    return accept(arrival, also=lambda submission_id: join(car.id, submission_id, **take)).id


def line_form(
    car: Vehicle,
    name: str,
    *,
    suspicion: int = 0,
    meta: dict[str, Any] | None = None,
    **contact: str,
) -> Arrival:
    given = {"phone": "", "email": f"{name.lower()}@example.com", **contact}
    return Arrival(
        source="form:fila",
        idem_key=secrets.token_hex(8),
        payload={
            "kind": "line", "department": "sales", "opens_lead": True, "vehicle": car.public_id,
            "store": "", "fields": {}, "name": name, "message": "", "details": {}, **given,
        },
        meta={"page": "/oferta/x", **(meta or {})},
        suspicion=suspicion,
    )  # fmt: skip


def places(car: Vehicle) -> list[WaitingPlace]:
    db.session.rollback()
    rows = sa.select(WaitingPlace).where(WaitingPlace.vehicle_id == car.id)
    return list(db.session.scalars(rows.order_by(WaitingPlace.number)))


def state_of(car: Vehicle) -> str:
    db.session.rollback()
    return str(db.session.scalar(sa.select(Vehicle.state).where(Vehicle.id == car.id)))


def move(car: Vehicle, to_state: str, by: str = "p@example.com") -> None:
    with writing() as session:
        lifecycle.move(session.get_one(Vehicle, car.id), to_state, by)


def kinds(lead: Lead) -> list[str]:
    rows = sa.select(LeadEvent.kind).where(LeadEvent.lead_id == lead.id).order_by(LeadEvent.id)
    return list(db.session.scalars(rows))


def mails(kind: str) -> list[str]:
    rows = sa.select(Mail.to_address).where(Mail.kind == kind).order_by(Mail.id)
    return list(db.session.scalars(rows))


def turns(car: Vehicle) -> list[int]:
    """The numbers of whose turn it is now."""
    rows = (
        sa.select(WaitingPlace.number)
        .join(CarHold, CarHold.place_id == WaitingPlace.id)
        .where(CarHold.vehicle_id == car.id, CarHold.ended_at.is_(None))
    )
    db.session.rollback()
    return list(db.session.scalars(rows))


# --- one hold, distinct places ---------------------------------------------------------------


def test_of_fifty_buyers_at_once_one_holds_the_car_and_the_others_stand_in_line(app):
    car, seller = make_vehicle(), make_staff()
    car_id, leads = car.id, []
    for number in range(BUYERS):
        lead = make_lead(person=Person(name=f"Comprador {number}"), vehicle_id=car.id)
        happen(lead, "claimed", seller.email, owner_id=seller.id)
        happen(lead, "visited", seller.email)
        leads.append(lead.id)
    db.session.rollback()
    start, held, odd = threading.Barrier(10), [], []
    until = (now() + timedelta(hours=5)).isoformat()

    def buy(mine: list[int]) -> None:
        with app.app_context():
            start.wait(60)
            for lead_id in mine:
                try:
                    with writing() as session:
                        lead = session.get_one(Lead, lead_id)
                        record(lead, "reserved", "p@example.com", due_at=until)
                    held.append(lead_id)
                except CarHeld:
                    queue_up(db.session.get_one(Vehicle, car_id), f"Comprador{lead_id}")
                except Exception as error:
                    odd.append(error)
            db.session.remove()

    threads = [threading.Thread(target=buy, args=(leads[n::10],)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert odd == []
    assert len(held) == 1
    assert state_of(car) == "reserved"
    assert [one.number for one in places(car)] == list(range(1, BUYERS))
    assert [standing_of(one).ahead for one in places(car)] == list(range(BUYERS - 1))


def test_one_person_has_one_place_however_the_number_is_spelled(clock, work):
    car = make_vehicle()
    sell_to(car)
    queue_up(car, "Ana", phone="+5511987654321", email="")
    queue_up(car, "Ana", phone="+551187654321", email="")
    queue_up(car, "Beto")
    work()
    # Known by both contacts only now: the later place ends, the earlier one stays.
    queue_up(car, "Ana Lima", phone="+5511987654321", email="ana@example.com")
    queue_up(car, "Ana", email="ana@example.com")
    work()
    live = [one for one in places(car) if one.ended_at is None]
    assert [one.number for one in live] == [1, 2]
    assert all(one.person_id for one in live)
    given = sa.select(sa.func.count()).where(Consent.purpose == "line", Consent.is_given)
    assert db.session.scalar(given) == 3
    assert mails("line_joined") == ["beto@example.com"]


def test_a_machines_post_takes_no_place_later_either(clock, work):
    car = make_vehicle()
    sell_to(car)
    reasons = ["honeypot"]
    accept(line_form(car, "Robô", meta={"reasons": reasons}, suspicion=3))
    work()
    assert places(car) == []
    accept(line_form(car, "Ana"))  # waited on disk
    work()
    assert [one.number for one in places(car)] == [1]


def test_a_free_car_has_no_line(app):
    car = make_vehicle()
    with pytest.raises(NotHeld):
        queue_up(car, "Ana")
    assert places(car) == []


# --- the hold ends ---------------------------------------------------------------------------


def test_a_hold_that_runs_out_gives_exactly_the_first_a_turn_and_then_the_next(clock, work):
    car = make_vehicle()  # its store is open from eight to six
    lead = sell_to(car, minutes=60)
    for name in ("Ana", "Beto", "Caio"):
        queue_up(car, name)
    work()
    clock.shift(timedelta(minutes=59))
    tend_holds()
    assert turns(car) == []
    clock.shift(timedelta(minutes=1))
    tend_holds()
    tend_holds()
    work()
    assert turns(car) == [1]
    assert state_of(car) == "reserved"
    assert fresh(lead).state == Stage.PROPOSAL
    assert kinds(lead)[-1] == "reservation_ended"
    assert mails("line_turn") == ["ana@example.com"]
    first = db.session.get_one(Lead, places(car)[0].lead_id)
    assert (first.state, first.urgency) == (Stage.WAITING, 0)
    assert "line_turn" in kinds(first)
    check(first)
    clock.shift(timedelta(hours=3, minutes=59))
    tend_holds()
    assert turns(car) == [1]
    clock.shift(timedelta(minutes=1))
    tend_holds()
    work()
    assert turns(car) == [2]
    assert places(car)[0].end_reason == "missed"
    assert mails("line_turn") == ["ana@example.com", "beto@example.com"]


def test_a_turn_counts_working_hours_of_the_store(clock):
    car = make_vehicle()
    sell_to(car, minutes=60 * 8)  # until five in the afternoon: one hour is left of the day
    queue_up(car, "Ana")
    clock.shift(timedelta(hours=8))
    tend_holds()
    held = live_hold(car.id)
    assert held is not None
    assert held.until == MONDAY.replace(day=3, hour=14)  # eleven o'clock on Tuesday


def test_nobody_in_line_and_the_car_is_for_sale_again(clock, work):
    car = make_vehicle()
    lead = sell_to(car)
    clock.shift(timedelta(hours=1))
    tend_holds()
    work()
    assert state_of(car) == "published"
    assert fresh(lead).state == Stage.PROPOSAL


def test_killed_in_the_middle_it_never_happened_and_the_next_worker_moves_exactly_one(
    clock, monkeypatch
):
    car = make_vehicle()
    sell_to(car)
    for name in ("Ana", "Beto"):
        queue_up(car, name)
    clock.shift(timedelta(hours=2))

    def killed(*_arguments, **_facts):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(waiting_line, "enqueue", killed)
        with pytest.raises(KeyboardInterrupt):
            tend_holds()
    assert turns(car) == []
    assert live_hold(car.id) is not None
    tend_holds()
    tend_holds()
    assert turns(car) == [1]


def test_several_workers_at_once_move_exactly_one(app):
    car = make_vehicle()
    sell_to(car, minutes=-1)
    for name in ("Ana", "Beto", "Caio"):
        queue_up(car, name)
    db.session.rollback()
    start, odd = threading.Barrier(4), []

    def tend() -> None:
        with app.app_context():
            start.wait(30)
            try:
                tend_holds()
            except Exception as error:
                odd.append(error)
            db.session.remove()

    threads = [threading.Thread(target=tend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert odd == []
    assert turns(car) == [1]
    assert [one.ended_at for one in places(car)] == [None] * 3


def test_back_on_sale_by_hand_lifts_the_hold_and_the_next_one_has_it(clock, work):
    car = make_vehicle()
    lead = sell_to(car)
    queue_up(car, "Ana")
    work()
    move(car, "published")
    work()
    assert turns(car) == [1]
    assert state_of(car) == "reserved"
    assert fresh(lead).state == Stage.PROPOSAL
    # A turn is a promise: neither the stock's screen nor a feed that is late takes it away.
    move(car, "published")
    assert (turns(car), state_of(car)) == ([1], "reserved")


def test_a_feed_lifts_no_hold(clock):
    car = make_vehicle()
    lead = sell_to(car)
    with writing() as session:
        vehicles = [(session.get_one(Vehicle, car.id), {"state": "published"})]
        revise_vehicles(vehicles, by="p@example.com", from_source=True)  # a file that staff sent
    held = live_hold(car.id)
    assert held is not None
    assert held.lead_id == lead.id
    assert state_of(car) == "reserved"


@pytest.mark.parametrize(
    ("kind", "facts"), [("lost", {"reason": "price"}), ("reservation_ended", {"reason": "lifted"})]
)
def test_the_end_of_the_reservation_lets_the_car_go(clock, kind, facts):
    car = make_vehicle()
    lead = sell_to(car)
    queue_up(car, "Ana")
    happen(lead, kind, **facts)
    assert turns(car) == [1]
    place = places(car)[0]
    with writing():
        leave(db.session.get_one(WaitingPlace, place.id))
    assert state_of(car) == "published"


def test_a_slip_undone_lets_the_car_go_and_a_won_one_keeps_it(clock):
    car = make_vehicle()
    lead, seller = make_lead(vehicle_id=car.id), make_staff()
    happen(lead, "claimed", seller.email, owner_id=seller.id)
    happen(lead, "visited", seller.email)
    number = happen(lead, "reserved", seller.email, due_at=(now() + timedelta(1)).isoformat())
    assert state_of(car) == "reserved"
    with writing():
        undo(db.session.get_one(Lead, lead.id), number, seller.email)
    assert (fresh(lead).state, state_of(car)) == (Stage.VISITED, "published")
    happen(lead, "reserved", seller.email, due_at=(now() + timedelta(1)).isoformat())
    number = happen(lead, "won", seller.email)
    assert state_of(car) == "reserved"
    with writing():
        undo(db.session.get_one(Lead, lead.id), number, seller.email)
    held = live_hold(car.id)
    assert held is not None
    assert held.lead_id == lead.id


# --- in one's turn ---------------------------------------------------------------------------


def test_who_wants_it_in_their_turn_gets_the_time_anew_once_and_the_car(clock, work):
    car = make_vehicle()
    lead = sell_to(car)
    queue_up(car, "Ana")
    queue_up(car, "Beto")
    work()
    happen(lead, "lost", reason="price")
    work()
    place = places(car)[0]
    clock.shift(timedelta(hours=3))
    with writing():
        assert want(db.session.get_one(WaitingPlace, place.id))
    with writing():
        assert not want(db.session.get_one(WaitingPlace, place.id))
    work()
    first = db.session.get_one(Lead, place.lead_id)
    assert kinds(first)[-2:] == ["line_answered", "reply"]
    clock.shift(timedelta(hours=3))
    tend_holds()
    assert turns(car) == [1]
    seller = make_staff()
    happen(first, "claimed", seller.email, owner_id=seller.id)
    happen(first, "visited", seller.email)
    other = make_lead(person=Person(name="Zé"), vehicle_id=car.id)
    happen(other, "claimed", seller.email, owner_id=seller.id)
    happen(other, "visited", seller.email)
    due_at = (now() + timedelta(days=1)).isoformat()
    with pytest.raises(CarHeld):
        happen(other, "reserved", seller.email, due_at=due_at)
    with writing() as session:
        session.get_one(Lead, first.id).vehicle_id = car.id
    happen(first, "reserved", seller.email, due_at=due_at)
    held = live_hold(car.id)
    assert held is not None
    assert held.lead_id == first.id
    assert places(car)[0].end_reason == "used"
    assert turns(car) == []


def test_who_buys_in_their_turn_needs_no_reservation_before(clock, work):
    car = make_vehicle()
    held = sell_to(car)
    queue_up(car, "Ana")
    work()
    happen(held, "lost", reason="price")
    other = make_lead(person=Person(name="Zé"), vehicle_id=car.id)
    with writing() as session, pytest.raises(CarHeld):
        sell_car(session.get_one(Lead, other.id), by="p@example.com")
    with writing() as session:
        assert sell_car(session.get_one(Lead, places(car)[0].lead_id), by="p@example.com")
    assert state_of(car) == "sold"
    assert places(car)[0].end_reason == "used"
    assert live_hold(car.id) is None


def test_a_sale_that_was_a_slip_leaves_the_car_to_whom_it_was_reserved(clock):
    car, by = make_vehicle(), "p@example.com"
    lead_id = sell_to(car).id
    with writing() as session:
        event_id = record(session.get_one(Lead, lead_id), "won", by, car_sold=True).id
        assert sell_car(session.get_one(Lead, lead_id), by=by)
    with writing() as session:
        lead = session.get_one(Lead, lead_id)
        take_sale_back(lead, session.get_one(LeadEvent, event_id), by=by)
        undo(lead, event_id, by)
    assert state_of(car) == "reserved"
    held = live_hold(car.id)
    assert held is not None
    assert held.lead_id == lead_id


def test_two_reserved_leads_that_become_one_let_both_cars_go(clock):
    cars = [make_vehicle(), make_vehicle()]
    leads = [sell_to(car) for car in cars]
    with writing() as session:
        keep, other = (session.get_one(Person, one.person_id) for one in leads)
        merge(keep, other, "p@example.com")
    (stays,) = [one for one in map(fresh, leads) if one.closed_at is None]
    happen(stays, "lost", reason="price")
    assert [state_of(car) for car in cars] == ["published", "published"]


def test_who_leaves_in_their_turn_lets_the_next_one_go_ahead_at_once(clock):
    car = make_vehicle()
    sell_to(car)
    for name in ("Ana", "Beto", "Caio"):
        queue_up(car, name)
    with writing():
        leave(places(car)[1])
    clock.shift(timedelta(hours=1))
    tend_holds()
    with writing():
        leave(places(car)[0])
    assert turns(car) == [3]


# --- sold ------------------------------------------------------------------------------------


def test_sold_everybody_is_told_once_with_cars_like_it(clock, work):
    store = make_store()
    car = make_vehicle(store=store)
    other = make_vehicle(store=store, model="Onix Plus")
    lead = sell_to(car)
    queue_up(car, "Ana")
    queue_up(car, "Beto", phone="+5511987654321", email="")
    queue_up(car, "Caio")
    work()
    happen(lead, "won")
    move(car, "sold")
    work()
    with writing():  # asked for twice, told once
        for place in places(car):
            enqueue("line_over", {"place_id": place.id})
    work()
    assert mails("line_over") == ["ana@example.com", "caio@example.com"]
    text = db.session.scalar(sa.select(Mail.text).where(Mail.kind == "line_over").limit(1))
    assert other.public_id in str(text)
    assert [one.end_reason for one in places(car)] == ["sold"] * 3
    silent = db.session.get_one(Lead, places(car)[1].lead_id)
    assert "line_over" in kinds(silent)


def test_sold_in_the_stock_the_reserved_lead_hears_of_it_and_whoever_has_it_says_to_whom(
    clock, work
):
    car = make_vehicle()
    lead = sell_to(car)
    move(car, "sold")
    work()
    assert (fresh(lead).state, kinds(lead)[-1]) == (Stage.RESERVED, "car_sold")
    assert live_hold(car.id) is None


def test_off_the_site_ends_the_reservation_and_the_line(clock, work):
    car = make_vehicle()
    lead = sell_to(car)
    queue_up(car, "Ana")
    work()
    with writing() as session:  # by a way of two steps: nobody gets a turn in between
        revise_vehicle(session.get_one(Vehicle, car.id), {"state": "draft"}, by="p@example.com")
    work()
    assert fresh(lead).state == Stage.PROPOSAL
    assert [one.end_reason for one in places(car)] == ["gone"]
    assert mails("line_turn") == []
    assert mails("line_over") == ["ana@example.com"]
    assert "line_over" in kinds(db.session.get_one(Lead, places(car)[0].lead_id))


# --- people ----------------------------------------------------------------------------------


def test_who_is_erased_leaves_the_line_and_the_link_is_dead(clock, work):
    car = make_vehicle()
    sell_to(car)
    queue_up(car, "Ana")
    work()
    (place,) = places(car)
    token, person_id = place.token, place.person_id
    with writing():
        erasure.erase(person_id, "asked")
    assert waiting_line.place_of_token(token) is None
    (place,) = places(car)
    assert place.ended_at is not None
    assert place.who_digest == f"erased:{place.id}"


def test_who_is_erased_before_their_request_was_read_waits_no_more(clock, work):
    car = make_vehicle()
    sell_to(car)
    with writing():
        person_id = find_or_create_person(name="Ana", email="ana@example.com").id
    queue_up(car, "Ana")
    clock.shift(timedelta(minutes=1))
    with writing():
        erasure.erase(person_id, "asked")
    work()
    (place,) = places(car)
    assert place.ended_at is not None
    assert place.who_digest == f"erased:{place.id}"


def test_a_test_lead_goes_with_its_hold_and_its_place(clock, work):
    car, other = make_vehicle(), make_vehicle()
    tried, held = sell_to(car), sell_to(other)
    queue_up(other, "Ana")
    work()
    waits = places(other)[0].lead_id
    with writing() as session:
        for lead_id in (tried.id, waits):
            lead = session.get_one(Lead, lead_id)
            lead.is_test = True
            delete_test(lead)
    assert state_of(car) == "published"
    assert places(other) == []
    assert fresh(held).state == Stage.RESERVED


def test_two_who_are_one_have_one_place_and_each_their_own_when_parted(clock, work):
    car = make_vehicle()
    sell_to(car)
    queue_up(car, "Ana")
    queue_up(car, "Ana Lima", email="ana.lima@example.com")
    work()
    first, second = places(car)
    with writing() as session:
        keep, other = (session.get_one(Person, one.person_id) for one in (first, second))
        made = merge(keep, other, "p@example.com").id
    assert [one.ended_at is None for one in places(car)] == [True, False]
    with writing() as session:
        unmerge(session.get_one(PersonMerge, made), "p@example.com")
    assert [one.ended_at is None for one in places(car)] == [True, True]
