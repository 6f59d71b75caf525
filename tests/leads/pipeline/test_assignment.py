"""Who gets a lead and why: the ladder, the reasons, fair turns, and the handing out itself."""

import itertools
import random
import threading
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from core.clock import now
from core.db import db, writing
from dealership.personal_link import code_of, staff_id_of
from dealership.presence import PauseReason, beat, pause
from dealership.roles import Role
from dealership.roster import (
    AbsenceReason,
    ShiftFacts,
    WorkFacts,
    add_absence,
    set_shifts,
    set_work,
)
from dealership.staff import StaffMember
from inventory.models import PriceChange
from leads.figures import Window
from leads.models import Lead, LeadEvent
from leads.pipeline import handing_out
from leads.pipeline.assignment import (
    Candidate,
    Excluded,
    Given,
    Rule,
    Wanted,
    credits_of,
    decide,
    why_not,
)
from leads.pipeline.handing_out import hand_out
from leads.pipeline.queue import claim
from leads.pipeline.replay import differences
from leads.pipeline.stages import Stage
from leads.pipeline.timers import tend_queue
from tests.factories import make_store, make_vehicle
from tests.leads.pipeline.waiting import check, fresh, happen, make_lead, make_staff, use_rules

MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ANA, BIA, CAU = Candidate(1), Candidate(2), Candidate(3)
SALES = Wanted("sales", 7, 1)


# --- the pure decision -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        ({}, None),
        ({"store_ids": frozenset({7})}, None),
        ({"store_ids": frozenset({8})}, Excluded.STORE),
        ({"store_ids": frozenset()}, Excluded.STORE),
        ({"departments": frozenset({"sales", "parts"})}, None),
        ({"departments": frozenset({"service"})}, Excluded.DEPARTMENT),
        ({"is_on_shift": False}, Excluded.OFF_SHIFT),
        ({"is_paused": True}, Excluded.PAUSED),
        ({"is_present": False}, Excluded.ABSENT),
        ({"is_overdue": True}, Excluded.OVERDUE),
        ({"load": 59.9}, None),
        ({"load": 60.0}, Excluded.FULL),
        ({"load": 3.0, "capacity": 3.0}, Excluded.FULL),
        ({"staff_id": 5}, Excluded.LEFT_IT),
    ],
)
def test_why_somebody_cannot_have_it(person, reason):
    wanted = replace(SALES, left_by=frozenset({5}))
    assert why_not(wanted, Candidate(**{"staff_id": 1, **person})) is reason


def test_every_reason_is_in_the_table():
    table = test_why_somebody_cannot_have_it.pytestmark[0].args[1]
    assert {reason for _person, reason in table} == {None, *Excluded}


@pytest.mark.parametrize(
    ("wishes", "people", "who", "rule"),
    [
        ({"known_id": 2, "named_id": 3, "special_ids": [1]}, [ANA, BIA, CAU], 2, Rule.KNOWN),
        ({"known_id": 9, "named_id": 3, "special_ids": [1]}, [ANA, BIA, CAU], 3, Rule.NAMED),
        ({"named_id": 9, "special_ids": [2, 1]}, [ANA, BIA, CAU], 1, Rule.SPECIAL),
        ({"special_ids": [9]}, [CAU, BIA, ANA], 1, Rule.FAIR),
        ({"known_id": 1}, [replace(ANA, is_present=False), BIA], 2, Rule.FAIR),
        ({"known_id": 1}, [replace(ANA, is_on_shift=False)], None, Rule.QUEUE),
        ({}, [], None, Rule.QUEUE),
    ],
)
def test_the_ladder(wishes, people, who, rule):
    decision = decide(replace(SALES, **wishes), people)
    assert (decision.staff_id, decision.rule) == (who, rule)


def test_every_rule_is_in_the_table():
    assert {row[3] for row in test_the_ladder.pytestmark[0].args[1]} == set(Rule)


def test_the_turn_is_by_credit_then_longest_idle_then_id():
    early, late = MONDAY, MONDAY + timedelta(hours=1)
    owed = replace(CAU, credit={1: 0.5}, last_received_at=late)
    idle = replace(BIA, last_received_at=early)
    busy = replace(ANA, last_received_at=late)
    assert decide(SALES, [busy, idle, owed]).staff_id == 3
    assert decide(SALES, [busy, idle]).staff_id == 2
    assert decide(SALES, [replace(busy, staff_id=4), busy]).staff_id == 1
    assert decide(replace(SALES, urgency=0), [busy, idle, owed]).staff_id == 2  # another class


def test_the_same_question_gets_the_same_answer_in_any_order():
    people = [
        ANA,
        replace(BIA, is_paused=True),
        replace(CAU, credit={1: 1 / 3}),
        Candidate(4, credit={1: 1 / 3 + 1e-9}),  # a rounding is no difference
    ]
    answers = [decide(SALES, order) for order in itertools.permutations(people)]
    assert {one.staff_id for one in answers} == {3}
    assert all(one == answers[0] for one in answers)
    assert answers[0].excluded == {2: Excluded.PAUSED}
    assert answers[0].considered == [1, 3, 4]


@pytest.mark.parametrize("seed", range(8))
def test_turns_are_fair_among_people_who_were_there_equally(seed):
    """Features E11.3: eight people, 500 leads of two classes, pauses at random. Whoever could
    have had the same leads got as many of each class, or one more or less."""
    rng = random.Random(seed)
    # Pairs share their absences, so that there is somebody to compare everybody with.
    twins = {n: (n - 1) // 2 for n in range(1, 9)}
    there = dict.fromkeys(range(4), True)
    given: list[Given] = []
    could: defaultdict[int, list[int]] = defaultdict(list)
    got: defaultdict[tuple[int, int], int] = defaultdict(int)
    for number in range(500):
        if rng.random() < 0.1:
            pair = rng.randrange(4)
            there[pair] = not there[pair]
        owed, at = credits_of(given), MONDAY + timedelta(minutes=number)
        latest = {one.staff_id: one.at for one in given}
        people = [
            Candidate(
                who,
                is_present=there[pair],
                credit=owed.get(who, {}),
                last_received_at=latest.get(who),
            )
            for who, pair in twins.items()
        ]
        urgency = rng.choice([0, 1])
        decision = decide(replace(SALES, urgency=urgency), people)
        if decision.staff_id is None:
            assert not any(there.values())
            continue
        given.append(Given(urgency, decision.staff_id, decision.considered, at))
        got[decision.staff_id, urgency] += 1
        for who in decision.considered:
            could[who].append(number)
        for one, two in itertools.combinations(twins, 2):
            if could[one] == could[two]:
                assert abs(got[one, urgency] - got[two, urgency]) <= 1
    assert sum(got.values()) == len(given) > 300


def test_nobody_comes_back_from_a_holiday_to_a_flood():
    """Ten days away earn nothing: from the first lead on it is turn by turn again."""
    at = MONDAY
    given = [Given(1, number % 2 + 1, [1, 2], at) for number in range(200)]
    received = []
    for _number in range(9):
        owed = credits_of(given)
        people = [Candidate(n, credit=owed.get(n, {})) for n in (1, 2, 3)]
        decision = decide(SALES, people)
        received.append(decision.staff_id)
        given.append(Given(1, decision.staff_id, decision.considered, at))
    assert sorted(received) == [1, 1, 1, 2, 2, 2, 3, 3, 3]


# --- handed out ------------------------------------------------------------------------------


@pytest.fixture
def clock(app):
    with time_machine.travel(MONDAY, tick=False) as traveller:
        use_rules(mode="push")
        yield traveller


def present(**work):
    who = make_staff()
    if work:
        with writing():
            set_work(db.session.get_one(StaffMember, who.id), WorkFacts(**work))
    beat(who.id)
    return who


def member(who):
    return db.session.get_one(StaffMember, who.id)


def told(lead):
    event = db.session.scalars(
        sa.select(LeadEvent).where(LeadEvent.lead_id == lead.id, LeadEvent.kind == "assigned")
    ).one()
    return event.data


def test_roster_and_presence_decide_and_the_log_tells_why(clock):
    make_store()  # open on weekdays from eight to six
    ready, paused, absent, away, service, night = (
        present(), present(), make_staff(), present(), present(departments=("service",)), present()
    )  # fmt: skip
    with writing():
        pause(paused.id, PauseReason.LUNCH)
        add_absence(
            member(away), now() - timedelta(days=1), now() + timedelta(days=1),
            AbsenceReason.HOLIDAY, by="test",
        )  # fmt: skip
        set_shifts(member(night), [ShiftFacts(day, time(14), time(18)) for day in range(5)])
    lead = make_lead()
    assert hand_out() == 1
    assert hand_out() == 0
    assert (fresh(lead).owner_id, lead.state) == (ready.id, Stage.ASSIGNED)
    assert told(lead)["rule"] == "fair"
    assert told(lead)["considered"] == [ready.id]
    assert told(lead)["excluded"] == {
        str(paused.id): "paused",
        str(absent.id): "absent",
        str(away.id): "off_shift",
        str(service.id): "department",
        str(night.id): "off_shift",
    }
    check(lead)


def test_in_pull_mode_nothing_is_handed_out(clock):
    use_rules(mode="pull")
    present()
    lead = make_lead()
    assert hand_out() == 0
    assert fresh(lead).owner_id is None


def test_turn_by_turn_and_no_more_than_one_carries(clock):
    one, two = present(capacity=2), present(capacity=3)
    leads = [make_lead(at=now() + timedelta(seconds=n)) for n in range(7)]
    assert hand_out() == 5
    owners = [fresh(lead).owner_id for lead in leads]
    assert owners == [one.id, two.id, one.id, two.id, two.id, None, None]
    for lead in leads:
        check(lead)


def test_the_suspicious_and_the_closed_are_not_handed_out(clock):
    present()
    make_lead(is_suspect=True)
    happen(make_lead(), "lost", reason="price")
    assert hand_out() == 0


def test_what_nobody_can_take_does_not_hold_up_the_rest(clock, monkeypatch):
    monkeypatch.setattr(handing_out, "MOST_AT_ONCE", 3)
    present(departments=("sales",))
    stuck = [make_lead(department="parts", at=now() - timedelta(hours=1)) for _ in range(5)]
    lead = make_lead()
    assert hand_out() == 1
    assert fresh(lead).owner_id is not None
    assert all(fresh(one).owner_id is None for one in stuck)


def test_who_let_it_run_out_does_not_get_it_again_and_in_the_end_the_supervisor_has_it(clock):
    people = [present() for _ in range(4)]
    lead, owners = make_lead(), []
    for _round in range(3):
        for who in people:
            beat(who.id)
        hand_out()
        owners.append(fresh(lead).owner_id)
        clock.shift(timedelta(minutes=11))
        tend_queue()  # takes it back; nobody was seen for eleven minutes
    assert len(set(owners)) == 3
    for who in people:
        beat(who.id)
    tend_queue()
    assert (fresh(lead).state, lead.turn, lead.returns) == (Stage.WAITING, "supervisor", 3)
    check(lead)


def test_who_knows_the_person_gets_them_back(clock):
    ana, _bia = present(), present()
    make_lead()
    lead = make_lead(at=now() + timedelta(seconds=1))
    happen(lead, "claimed", ana.email, owner_id=ana.id)
    happen(lead, "lost", reason="price")
    happen(lead, "reopened", reason="came_back")
    hand_out()
    assert told(fresh(lead))["rule"] == "known"
    assert lead.owner_id == ana.id


def test_two_workers_at_once_give_each_lead_once(app, clock):
    people = [present() for _ in range(3)]
    leads = [make_lead(at=now() + timedelta(seconds=n)) for n in range(12)]
    staff_id, lead_ids = people[0].id, [one.id for one in leads]
    db.session.rollback()
    start, given, odd = threading.Barrier(3), [], []

    def at_once(work):
        with app.app_context():
            try:
                start.wait(60)
                given.append(work())
            except Exception as error:
                odd.append(error)
            finally:
                db.session.remove()

    def take_one():
        """And meanwhile somebody takes one by hand."""
        with writing():
            claim(lead_ids[6], db.session.get_one(StaffMember, staff_id))
        return 0

    works = (hand_out, hand_out, take_one)
    threads = [threading.Thread(target=at_once, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    hand_out()
    odd = [error for error in odd if type(error).__name__ != "AlreadyClaimed"]
    assert odd == []
    assert sum(given) in {11, 12}  # twelve when the hand came too late
    counts = defaultdict(int)
    for lead in leads:
        kinds = db.session.scalars(
            sa.select(LeadEvent.kind).where(LeadEvent.lead_id == lead.id)
        ).all()
        assert len(kinds) == 2, kinds
        counts[fresh(lead).owner_id] += 1
        check(lead)
    assert max(counts.values()) - min(counts.values()) <= 2
    assert db.session.scalar(sa.select(sa.func.count(Lead.id)).where(Lead.owner_id.is_(None))) == 0


# --- named, special, owing ---------------------------------------------------------------------


def as_logged():
    """The replay of what was handed out says nothing else than the log."""
    return differences(Window(MONDAY - timedelta(days=1), MONDAY + timedelta(days=9)))


def test_who_comes_by_somebodys_link_is_theirs_turn_or_not(clock):
    make_store()
    present(), present()
    seller = make_staff(Role.SELLER)
    beat(seller.id)
    touch = {"seller": code_of(seller.id), "landing": "/"}
    lead = make_lead(last_touch=touch, first_touch={"seller": "1-00000000"})
    forged = make_lead(at=now() + timedelta(seconds=1), last_touch={"seller": f"{seller.id}-0"})
    assert hand_out() == 2
    assert (told(lead)["rule"], told(lead)["owner_id"]) == ("named", seller.id)
    assert (told(lead)["named_id"], told(forged)["rule"]) == (seller.id, "fair")
    assert seller.id not in told(forged)["considered"]
    assert as_logged() == []

    use_rules(mode="pull")  # by hand, but for those who were asked for
    mine, other = make_lead(last_touch=touch), make_lead()
    assert hand_out() == 1
    assert (fresh(mine).owner_id, fresh(other).owner_id) == (seller.id, None)
    assert as_logged() == []


def test_whom_a_link_or_a_rule_names_gets_theirs_though_nobody_has_a_turn(clock):
    make_store()
    make_staff()  # the attendant is away
    seller, truck = make_staff(Role.SELLER), make_staff(Role.SELLER)
    use_rules(special=[{"kind": "campaign", "value": "feirao", "people": [truck.id]}])
    stuck = make_lead()  # nobody takes this one; it must not hold up the others
    clock.shift(timedelta(seconds=1))
    named = make_lead(last_touch={"seller": code_of(seller.id)})
    special = make_lead(source_ref="feirao")
    beat(seller.id), beat(truck.id)
    assert hand_out() == 2
    owners = [fresh(one).owner_id for one in (stuck, named, special)]
    assert owners == [None, seller.id, truck.id]


def test_a_link_is_only_its_own(app):
    assert staff_id_of(code_of(7).upper()) == 7
    for code in ("", "7", "7-", "8-" + code_of(7)[2:], code_of(7) + "0", "07" + code_of(7)[1:]):
        assert staff_id_of(code) is None


def test_the_first_special_rule_that_fits_decides_and_the_log_says_which(clock):
    store = make_store()
    ana, bia = present(), present()
    dear = make_vehicle(store=store, price_cents=200_000_00, features=["pcd"])
    plain = make_vehicle(store=store, price_cents=40_000_00)
    with writing() as session:
        session.add(PriceChange(vehicle_id=plain.id, price_cents=1, actor=ana.email))
    make_slug = dear.car_model.make.slug
    rules = {
        "fleet": {"kind": "fleet", "people": [bia.id]},
        "adapted": {"kind": "adapted", "people": [bia.id]},
        "price": {"kind": "price", "value": "150000", "people": [bia.id]},
        "make": {"kind": "make", "value": make_slug, "people": [bia.id]},
        "campaign": {"kind": "campaign", "value": "feirao", "people": [bia.id]},
        "captor": {"kind": "captor"},
    }
    facts = {
        "fleet": {"department": "fleet"},
        "campaign": {"source_ref": "feirao"},
        "captor": {"vehicle_id": plain.id},
    }
    for number, (kind, rule) in enumerate(rules.items()):
        use_rules(special=[rule])
        clock.shift(timedelta(minutes=1))
        beat(ana.id), beat(bia.id)
        lead = make_lead(**facts.get(kind, {"vehicle_id": dear.id}))
        assert hand_out() == 1, kind
        event = told(lead)
        assert (event["rule"], event["special"]) == ("special", kind)
        assert event["owner_id"] == (ana.id if kind == "captor" else bia.id), number
    use_rules(special=[rules["make"], rules["campaign"]])
    lead = make_lead()
    assert hand_out() == 1
    assert told(lead)["rule"] == "fair"
    assert "special" not in told(lead)
    assert as_logged() == []


def test_who_owes_the_outcome_of_a_visit_gets_no_more_until_they_say_it(clock):
    make_store()
    ana = present()
    owed = make_lead()
    happen(owed, "claimed", ana.email, owner_id=ana.id)
    over = (now() - timedelta(days=3)).isoformat()  # Friday
    happen(owed, "booked", ana.email, appointment_id=1, starts_at=over)
    lead = make_lead()
    assert hand_out() == 0
    bia = present()
    assert hand_out() == 1
    assert told(lead)["owner_id"] == bia.id
    assert told(lead)["excluded"] == {str(ana.id): "overdue"}
    happen(owed, "no_show", ana.email, appointment_id=1)
    make_lead()
    assert hand_out() == 1
    assert as_logged() == []
