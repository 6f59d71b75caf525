"""Commissions: what a month comes to by its rules, and that a closed one stays as it is."""

import random
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import DEFAULT_ZONE, now
from core.db import db, writing
from dealership.hours import Interval, Schedule
from leads import privacy
from leads.models import Lead
from leads.pipeline.commission_months import (
    CommissionDoubt,
    CommissionMonth,
    CommissionRule,
    CommissionStatement,
    PayRefused,
    add_rule,
    answer_doubt,
    close_month,
    compute,
    doubt,
    end_rule,
    is_intact,
    month_after,
    statements_of,
)
from leads.pipeline.commissions import (
    PAID_EVENTS,
    Case,
    Deed,
    Rule,
    read_statement,
    split,
    statement,
    statements,
    value_of,
    working_days,
)
from leads.pipeline.log import record, undo
from leads.pipeline.stages import TRANSITIONS
from tests.leads.pipeline.test_standing import facts
from tests.leads.pipeline.waiting import happen, make_lead, make_staff

HOURS = Schedule(DEFAULT_ZONE, tuple(Interval(d, time(8), time(18)) for d in range(6)))
OCTOBER = "2026-10"
START = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
ANA, BIA, RUI = 1, 2, 3
SALE = Rule(1, "Venda", "won", date(2026, 1, 1), basis_points=50, attendant_percent=40)
VISIT = Rule(2, "Visita", "visited", date(2026, 1, 1), fixed_cents=50_00)


def case(*steps, lead_id=1, start=START, **flags):
    """A lead whose events come an hour apart, or after as many days as a step says first."""
    at, deeds = start, []
    for number, step in enumerate([("enquiry", {}), *steps], 1):
        days, kind, data = step if len(step) == 3 else (0, *step)
        at += timedelta(days=days, hours=1)
        by = data.pop("by", ANA)
        deeds.append(Deed(100 * lead_id + number, kind, at, data, by))
    given = {"is_test": False, "is_suspect": False, **flags}
    return Case(lead_id, 1, start, schedule=HOURS, deeds=tuple(deeds), **given)


def claimed(who=ANA):
    return ("claimed", {"owner_id": who})


def handed(seller=BIA):
    return [("talked", {}), ("handoff_offered", {"seller_id": seller}), ("handoff_accepted", {})]


def won(price=100_000_00, days=0):
    return (days, "won", {"price_cents": price})


def lines(person, rules, *cases, month=OCTOBER, paid=()):
    found = statement(person, month, rules, cases, paid).lines
    return [(one.kind, one.cents, one.reason) for one in found]


# --- one month, pure -------------------------------------------------------------------------


def test_a_sale_is_split_and_each_line_names_what_it_stands_on():
    sold = case(claimed(), *handed(), won(100_000_01))
    assert lines(ANA, [SALE], sold) == [("earned", 200_00, "")]  # of 500.00005, half up 500.00
    (line,) = statement(BIA, OCTOBER, [SALE], [sold]).lines
    assert (line.role, line.whole_cents, line.cents) == ("seller", 500_00, 300_00)
    assert line.event_ids == (106,)
    assert lines(RUI, [SALE], sold) == []


def test_nothing_is_paid_twice_and_a_second_tap_is_told():
    seen = case(claimed(), ("visited", {}), ("visited", {}), ("reopened", {"reason": "by_hand"}))
    assert lines(ANA, [VISIT], seen) == [("earned", 50_00, ""), ("refused", 0, "repeated")]


@pytest.mark.parametrize(
    ("steps", "flags", "reason"),
    [
        ([], {"is_test": True}, "test"),
        ([], {"is_suspect": True}, "suspect"),
        ([("merged", {"into": 9})], {}, "duplicate"),
        ([("marked_invalid", {"reason": "spam"})], {}, "invalid"),
    ],
)
def test_tests_robots_duplicates_and_what_is_no_lead_pay_nothing(steps, flags, reason):
    seen = case(claimed(), ("visited", {}), *steps, **flags)
    assert lines(ANA, [VISIT], seen) == [("refused", 0, reason)]


def test_what_was_undone_is_not_there():
    seen = case(claimed(), ("visited", {}), ("undone", {"undoes": 103}))
    assert lines(ANA, [VISIT], seen) == []


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ([("booked", {"by": ANA})], "earned"),
        ([("booked", {"by": BIA})], "refused"),  # a colleague's
        ([("booked", {"by": None})], "refused"),  # the customer's own, on the site
        ([("booked", {"by": ANA}), ("booking_cancelled", {})], "refused"),
    ],
)
def test_an_own_appointment_must_stand_before_the_visit(steps, outcome):
    rule = replace(VISIT, needs_own_booking=True)
    ((kind, _cents, reason),) = lines(ANA, [rule], case(claimed(), *steps, ("visited", {})))
    assert (kind, reason) == (outcome, "" if outcome == "earned" else "no_own_booking")


@pytest.mark.parametrize(
    ("kind", "data", "days", "outcome"),
    [
        ("talked", {}, 8, "earned"),  # eight days with a Sunday: seven working days
        ("talked", {}, 9, "refused"),
        ("reply", {}, 1, "earned"),
        ("talked", {"grade": "declared"}, 1, "refused"),  # only somebody's word
        ("attempted", {}, 1, "refused"),
    ],
)
def test_two_way_contact_must_be_young(kind, data, days, outcome):
    rule = replace(VISIT, needs_contact=True)
    seen = case(claimed(), (kind, data), (days, "visited", {}))
    ((got, _cents, _reason),) = lines(ANA, [rule], seen)
    assert got == outcome


def test_the_price_is_the_sales_or_the_newest_proposals_and_without_one_it_says_so():
    proposal = ("proposal_sent", {"price_cents": 80_000_00})
    talked = ("talked", {})
    assert lines(ANA, [SALE], case(claimed(), talked, proposal, ("won", {}))) == [
        ("earned", 400_00, "")
    ]
    assert lines(ANA, [SALE], case(claimed(), talked, ("won", {}))) == [("refused", 0, "no_price")]


def test_a_sale_undone_in_time_is_taken_back_and_later_is_not():
    back = ("reopened", {"reason": "by_hand"})
    assert lines(ANA, [SALE], case(claimed(), won(), (6, *back))) == [
        ("earned", 500_00, ""),
        ("taken_back", -500_00, "sale_undone"),
    ]
    assert lines(ANA, [SALE], case(claimed(), won(), (8, *back))) == [("earned", 500_00, "")]


def test_a_cap_cuts_per_person_and_what_was_taken_back_leaves_its_room():
    rule = replace(VISIT, event="won", cap_cents=80_00)
    back = case(claimed(), won(), ("reopened", {"reason": "by_hand"}), lead_id=1)
    rest = [case(claimed(), won(days=n), lead_id=n) for n in (2, 3, 4)]
    assert [cents for _kind, cents, _reason in lines(ANA, [rule], back, *rest)] == [
        50_00, -50_00, 50_00, 30_00, 0,
    ]  # fmt: skip


def test_tiers_count_the_month():
    rule = replace(VISIT, fixed_cents=None, tiers=((1, 10_00), (3, 25_00)))
    seen = [case(claimed(), (n, "visited", {}), lead_id=n) for n in range(1, 5)]
    assert [cents for _kind, cents, _reason in lines(ANA, [rule], *seen)] == [
        10_00, 10_00, 25_00, 25_00,
    ]  # fmt: skip


def test_a_rule_holds_on_its_days_in_its_store():
    seen = case(claimed(), (9, "visited", {}))
    day = date(2026, 10, 10)
    for changed, is_paid in (
        ({"valid_until": day}, True),
        ({"valid_until": day - timedelta(days=1)}, False),
        ({"valid_from": day + timedelta(days=1)}, False),
        ({"store_id": 1}, True),
        ({"store_id": 2}, False),
    ):
        assert bool(lines(ANA, [replace(VISIT, **changed)], seen)) == is_paid, changed


def test_the_month_is_the_stores():
    """Half past ten in the evening of the 31st is November in UTC."""
    late = case(claimed(), ("visited", {}), start=datetime(2026, 10, 31, 23, 30, tzinfo=UTC))
    assert lines(ANA, [VISIT], late) == [("earned", 50_00, "")]
    assert lines(ANA, [VISIT], late, month="2026-11") == []


def test_working_days_without_hours_are_mondays_to_fridays():
    first = date(2026, 10, 5)
    assert working_days(HOURS, first, first + timedelta(days=6)) == 6
    assert working_days(Schedule(DEFAULT_ZONE), first, first + timedelta(days=6)) == 5
    assert working_days(HOURS, first, first - timedelta(days=1)) == 0


@given(st.integers(0, 10**11), st.integers(0, 100), st.integers(1, 10_000), st.integers(0, 10**11))
@settings(max_examples=200, deadline=None)
def test_parts_are_the_whole_and_no_cent_is_broken(whole, percent, points, price):
    parts = split(whole, percent, ANA, BIA)
    assert sum(cents for _who, _role, cents in parts) == whole
    assert all(isinstance(cents, int) and cents >= 0 for _who, _role, cents in parts)
    for one, other in ((ANA, None), (None, BIA), (ANA, ANA)):
        assert sum(cents for _who, _role, cents in split(whole, percent, one, other)) == whole
    value = value_of(replace(SALE, basis_points=points), 1, price)
    assert abs(value * 20_000 - price * points * 2) <= 10_000


RULES = [
    SALE, VISIT, replace(VISIT, id=3, event="handoff_accepted", needs_contact=True),
    replace(VISIT, id=4, fixed_cents=None, tiers=((1, 100), (2, 333)), attendant_percent=33,
            cap_cents=600, needs_own_booking=True),
    replace(SALE, id=5, cap_cents=700_00, clawback_days=30),
]  # fmt: skip


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_any_log_gives_the_same_bytes_whatever_its_order_and_the_parts_fit(seed):
    rng = random.Random(seed)
    cases = []
    for lead_id in range(1, 8):
        at, deeds = START, []
        for number in range(14):
            at += timedelta(hours=rng.choice([1, 5, 30, 90]))
            kind = "enquiry" if not number else rng.choice([*TRANSITIONS, *PAID_EVENTS, "claimed"])
            data = facts(kind, rng, at, [ANA, BIA, RUI])
            if number and rng.random() < 0.1:
                kind, data = "undone", {"undoes": 1000 * lead_id + rng.randrange(number)}
            deeds.append(
                Deed(1000 * lead_id + number, kind, at, data, rng.choice([ANA, BIA, None]))
            )
        flags = {"is_test": rng.random() < 0.1, "is_suspect": rng.random() < 0.1}
        cases.append(Case(lead_id, 1, START, schedule=HOURS, deeds=tuple(deeds), **flags))
    first = statements(OCTOBER, RULES, cases)
    shuffled = rng.sample(cases, len(cases))
    again = statements(OCTOBER, rng.sample(RULES, len(RULES)), shuffled)
    assert [one.body() for one in again] == [one.body() for one in first]
    spoilt = {one.lead_id for one in cases if one.is_test or one.is_suspect}
    whole, parts = {}, {}
    for one in first:
        assert statement(one.staff_id, OCTOBER, RULES, cases) == one
        assert read_statement(one.body()) == one
        for rule in RULES:
            total = sum(line.cents for line in one.lines if line.rule_id == rule.id)
            assert 0 <= total <= (rule.cap_cents if rule.cap_cents is not None else total)
        for line in one.lines:
            assert line.kind == "refused" or line.lead_id not in spoilt
            if line.kind == "refused":
                assert (line.cents, line.whole_cents) == (0, 0)
                assert line.reason
            if line.kind == "earned":
                whole[line.rule_id, line.event_ids[0]] = line.whole_cents
                key = (line.rule_id, line.event_ids[0])
                parts[key] = parts.get(key, 0) + line.share_cents
    assert parts == whole


def test_a_closed_months_line_that_no_longer_stands_is_taken_back_once():
    sold = case(claimed(), *handed(), won(days=25))
    paid = statement(ANA, OCTOBER, [SALE], [sold]).lines
    back = Deed(999, "reopened", sold.deeds[-1].at + timedelta(days=5), {"reason": "by_hand"}, ANA)
    undone = replace(sold, deeds=(*sold.deeds, back))
    found = statement(ANA, "2026-11", [], [undone], paid).lines
    assert [(one.kind, one.cents, one.reason) for one in found] == [
        ("correction", -200_00, "sale_undone")
    ]
    assert found[0].event_ids == (paid[0].event_ids[0], 999)
    assert lines(ANA, [], undone, month="2026-11", paid=[*paid, *found]) == []
    assert lines(ANA, [], sold, month="2026-11", paid=paid) == []


# --- kept months -----------------------------------------------------------------------------


@pytest.fixture
def november():
    with time_machine.travel(datetime(2026, 11, 3, 15, 0, tzinfo=UTC), tick=False):
        yield


def rule(**changed):
    with writing():
        return add_rule(replace(VISIT, **changed), by="chefe@example.com").id


def sold_by(member, at=START + timedelta(days=28), **values):
    lead = make_lead(at=at - timedelta(hours=3), **values)
    with writing() as session:
        row = session.get_one(Lead, lead.id)
        record(row, "claimed", member.email, at=at - timedelta(hours=2), owner_id=member.id)
        record(row, "won", member.email, at=at, price_cents=100_000_00)
    return lead


def close(month=OCTOBER):
    with writing():
        return close_month(month, by="chefe@example.com").digest


def test_a_closed_month_stays_and_what_is_undone_later_comes_off_the_next(app, november):
    ana = make_staff(name="Ana")
    rule(event="won", fixed_cents=100_00)
    lead, other = sold_by(ana), sold_by(ana)
    (before,) = statements_of(OCTOBER)
    assert before.total_cents == 200_00
    digest = close()
    body = db.session.scalars(sa.select(CommissionStatement.body)).one()
    assert body == before.body()
    with pytest.raises(PayRefused):
        close()
    with pytest.raises(PayRefused):
        rule(event="won", fixed_cents=900_00)  # would hold in October
    with writing():
        row = db.session.scalars(sa.select(CommissionRule)).one()
        end_rule(row, date(2026, 10, 31))
        add_rule(
            replace(VISIT, event="won", fixed_cents=900_00, valid_from=date(2026, 11, 1)), by="x"
        )
    happen(lead, "reopened", ana.email, reason="by_hand")
    assert statements_of(OCTOBER)[0].body() == body
    assert is_intact(db.session.get_one(CommissionMonth, OCTOBER))
    (now_,) = statements_of("2026-11")
    assert [(one.kind, one.cents, one.lead_id) for one in now_.lines] == [
        ("correction", -100_00, lead.id)
    ]
    assert statements_of("2026-12") == []
    with time_machine.travel(datetime(2026, 12, 2, 15, 0, tzinfo=UTC), tick=False):
        close("2026-11")
        assert compute("2026-12") == []
    assert db.session.get_one(CommissionMonth, OCTOBER).digest == digest
    # A robot's after all: the log still says the same, the lead's mark does not.
    with writing() as session:
        session.get_one(Lead, other.id).is_suspect = True
    assert not is_intact(db.session.get_one(CommissionMonth, OCTOBER))
    assert statements_of(OCTOBER)[0].body() == body


def test_months_are_closed_over_and_in_order(app, november):
    for month in ("2026-11", "2027-01", "2026-13", "tudo", ""):
        with pytest.raises(PayRefused):
            close(month)
    close("2026-09")
    with pytest.raises(PayRefused):
        close("2026-08")
    close(OCTOBER)
    assert month_after("2026-12") == "2027-01"
    assert month_after("2027-01", -2) == "2026-11"


def test_two_close_at_once_and_one_does(app, november):
    ana = make_staff()
    rule(event="won", fixed_cents=100_00)
    sold_by(ana)
    db.session.rollback()
    start, closed, refused, odd = threading.Barrier(4), [], [], []

    def go():
        with app.app_context():
            start.wait(60)
            try:
                closed.append(close())
            except PayRefused as refusal:
                refused.append(str(refusal))
            except Exception as error:  # a deadlock, a timeout: told below
                odd.append(error)
            db.session.remove()

    threads = [threading.Thread(target=go) for _n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert odd == []
    assert (len(closed), len(refused)) == (1, 3)
    assert db.session.scalar(sa.select(sa.func.count(CommissionStatement.id))) == 1


def test_an_undone_tap_and_a_test_leave_no_trace(app, november):
    ana = make_staff()
    rule(event="won", fixed_cents=100_00)
    lead = make_lead(at=now())
    happen(lead, "claimed", ana.email, owner_id=ana.id)
    event_id = happen(lead, "won", ana.email)
    assert statements_of("2026-11")[0].total_cents == 100_00
    with writing() as session:
        undo(session.get_one(Lead, lead.id), event_id, ana.email)
    assert statements_of("2026-11") == []
    sold_by(ana, at=now(), is_test=True)
    (line,) = statements_of("2026-11")[0].lines
    assert (line.kind, line.reason, line.cents) == ("refused", "test", 0)


@pytest.mark.parametrize(
    "changed",
    [
        {"event": "note"},
        {"name": " "},
        {"fixed_cents": None},
        {"basis_points": 100},
        {"fixed_cents": -1},
        {"fixed_cents": 10**12},
        {"fixed_cents": None, "basis_points": 100},  # a visit has no price
        {"fixed_cents": None, "tiers": ((2, 100),)},
        {"fixed_cents": None, "tiers": ((1, 100), (1, 200))},
        {"attendant_percent": 101},
        {"valid_until": date(2025, 1, 1)},
    ],
)
def test_a_rule_that_says_nothing_is_refused(app, changed):
    with pytest.raises(PayRefused):
        rule(**changed)


def test_a_doubt_is_said_once_answered_once_and_its_words_go_with_the_person(app, november):
    ana = make_staff()
    rule(event="won", fixed_cents=100_00)
    lead = sold_by(ana)
    close()
    (line,) = statements_of(OCTOBER)[0].lines
    for words in ("A venda da Marta foi minha", "de novo"):
        with writing():
            doubt(OCTOBER, ana.id, line.key, words)
    row = db.session.scalars(sa.select(CommissionDoubt)).one()
    with writing():
        answer_doubt(row, "Conferido com a Marta", by="chefe@example.com")
    for call in (
        lambda: answer_doubt(row, "Outra", by="x"),
        lambda: doubt(OCTOBER, ana.id, "earned-9-9-seller", "?"),
        lambda: doubt(OCTOBER, ana.id, line.key, " "),
    ):
        with pytest.raises(PayRefused), writing():
            call()
    with writing():
        privacy.erase(db.session.get_one(Lead, lead.id).person_id, "asked by the person")
    db.session.expire_all()
    row = db.session.scalars(sa.select(CommissionDoubt)).one()
    assert "Marta" not in row.words + row.answer
    assert statements_of(OCTOBER)[0].total_cents == 100_00
    assert is_intact(db.session.get_one(CommissionMonth, OCTOBER))
