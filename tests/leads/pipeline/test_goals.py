"""Goals: what counts, for whom, and how far one is by working days."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine

from core.clock import DEFAULT_ZONE
from core.db import db, writing
from dealership.hours import Interval, Schedule
from dealership.roles import Role
from leads.models import Lead
from leads.pipeline.goals import (
    Aim,
    Birth,
    Feat,
    Goal,
    GoalRefused,
    Measure,
    by_person,
    efforts,
    goals_around,
    progress,
    ramped_target,
    read_births,
    read_feats,
    set_goal,
)
from leads.pipeline.log import record, undo
from leads.pipeline.outlook import Outlook, outlook
from tests.factories import make_store
from tests.leads.pipeline.waiting import make_lead, make_staff

HOURS = Schedule(DEFAULT_ZONE, tuple(Interval(d, time(8), time(18)) for d in range(5)))
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 30)  # 22 working days
AIM = Aim("visits", 44, FIRST, LAST)


def goal(**changed):
    facts = {**vars(AIM), **changed}
    return Goal(**facts, created_by="x")


def feat(day=5, people=(1,), measure=Measure.VISITS, store_id=1, campaign=""):
    return Feat(measure, date(2026, 10, day), store_id, campaign, frozenset(people))


def birth(attendant_id=1, *, is_answered=True, is_contacted=True, day=5):
    return Birth(date(2026, 10, day), 1, "", attendant_id, is_answered, is_contacted)


def test_the_pace_runs_on_working_days_and_the_projection_goes_on_so():
    friday, sunday = date(2026, 10, 9), date(2026, 10, 11)
    found = progress(goal(), [], [feat()] * 20, HOURS, friday)
    assert (found.days_done, found.days) == (7, 22)
    assert (found.value, found.pace, found.projection) == (20, 14, 62)
    assert found.is_on_pace
    assert not found.is_reached
    assert progress(goal(), [], [feat()] * 20, HOURS, sunday) == found
    before = progress(goal(), [], [], HOURS, date(2026, 9, 30))
    assert (before.pace, before.projection, before.is_on_pace) == (0, None, True)
    late = progress(goal(), [], [feat()] * 10, HOURS, date(2026, 12, 1))
    assert (late.pace, late.projection, late.is_on_pace) == (44, 10, False)


def test_a_share_is_of_those_that_can_be_judged():
    answered = goal(measure="answered", target=90)
    births = [birth(), birth(is_answered=False), birth(is_answered=None), birth(day=31)]
    found = progress(answered, births, [], HOURS, LAST)
    assert (found.value, found.base, found.projection) == (50, 2, 50)
    contact = goal(measure="contact", target=66)
    found = progress(contact, [birth(), birth(), birth(is_contacted=False)], [], HOURS, LAST)
    assert (found.value, found.is_reached) == (66, True)
    nothing = progress(contact, [], [], HOURS, LAST)
    assert (nothing.value, nothing.is_on_pace) == (None, False)


def test_a_newcomer_is_asked_for_the_share_of_each_month():
    asked = goal(scope="person", staff_id=1, ramp=[50, 75])
    target = {
        day: ramped_target(asked, day, HOURS)
        for day in (
            date(2026, 10, 1), date(2026, 9, 1), date(2026, 8, 1), date(2026, 10, 16),
            date(2026, 11, 9),
        )
    }  # fmt: skip
    assert list(target.values()) == [
        22, 33, 44,
        11,  # half of the eleven of 22 working days since the sixteenth
        1,  # never nothing: a goal of nothing is reached at once
    ]  # fmt: skip
    assert ramped_target(asked, None, HOURS) == 44
    found = progress(asked, [], [feat()] * 12, HOURS, date(2026, 10, 15), {1},
                     started_on=date(2026, 10, 1))  # fmt: skip
    assert (found.target, found.pace, found.is_on_pace) == (22, 11, True)


def test_a_running_month_ends_where_its_working_days_lead():
    month, day = "2026-10", date(2026, 10, 9)
    assert outlook(month, 700_00, day, HOURS) == Outlook(700_00, 2_200_00, 7, 22)
    assert outlook(month, 0, day, HOURS) is None
    assert outlook(month, 1, date(2026, 11, 1), HOURS) is None
    assert outlook("2026-11", 1, date(2026, 11, 1), HOURS) is None  # a Sunday


def test_who_counts():
    feats = [feat(people=(1, 2)), feat(people=(2,)), feat(store_id=2), feat(campaign="feirao"),
             feat(measure=Measure.SALES), feat(day=31)]  # fmt: skip

    def done(one, people=None):
        return progress(one, [], feats, HOURS, LAST, people).value

    assert done(goal()) == 4
    assert done(goal(store_id=1)) == 3
    assert done(goal(scope="campaign", campaign="feirao")) == 1
    assert done(goal(), {2}) == 2
    assert by_person(goal(), [], feats, [1, 2, 3]) == {1: 3, 2: 2, 3: 0}
    shares = by_person(goal(measure="contact", target=9), [birth(2)], [], [1, 2])
    assert shares == {1: None, 2: 100}


@pytest.mark.parametrize(
    "changed",
    [
        {"measure": "attempted"},  # dials are no aim
        {"target": 0},
        {"measure": "contact", "target": 101},
        {"last_day": FIRST - timedelta(days=1)},
        {"last_day": FIRST + timedelta(days=400)},
        {"scope": "person"},
        {"scope": "team", "role": "editor"},
        {"scope": "campaign", "campaign": " "},
        {"scope": "galaxy"},
    ],
)
def test_a_goal_that_says_nothing_is_refused(app, changed):
    with pytest.raises(GoalRefused), writing():
        set_goal(Aim(**{**vars(AIM), **changed}), by="x")


@time_machine.travel(datetime(2026, 10, 6, 20, 0, tzinfo=UTC), tick=False)
def test_only_real_leads_that_stand_are_counted(app):
    store = make_store()
    ana, rui = make_staff(name="Ana"), make_staff(Role.SELLER, name="Rui")
    at = datetime(2026, 10, 6, 14, 0, tzinfo=UTC)

    def lead(*kinds, minutes=3, **values):
        made = make_lead(at=at, store_id=store.id, **values)
        with writing() as session:
            row = session.get_one(Lead, made.id)
            record(row, "claimed", ana.email, at=at, owner_id=ana.id)
            for kind, data in kinds:
                record(row, kind, ana.email, at=at + timedelta(minutes=minutes), **data)
        return made

    talk = ("talked", {"channel": "phone", "evidence": "phone"})
    word = ("talked", {"channel": "phone", "evidence": "phone", "grade": "declared"})
    offer = ("handoff_offered", {"seller_id": rui.id, "summary": {"need": "SUV"}})
    accept = ("handoff_accepted", {"seller_id": rui.id})
    seen = ("visited", {})
    attempt = ("attempted", {"channel": "phone", "outcome": "no_answer"})
    lead(talk, seen, seen, offer, accept, ("won", {}))
    lead(talk, seen, ("won", {}), ("reopened", {"reason": "by_hand"}))
    slip = lead(word, attempt, minutes=40)
    with writing() as session:
        row = session.get_one(Lead, slip.id)
        undo(row, record(row, "visited", ana.email).id, ana.email)
    lead(talk, seen, is_test=True)
    lead(talk, seen, is_suspect=True)
    lead(talk, seen, ("marked_invalid", {"reason": "spam"}))
    lead(talk, seen, ("merged", {"into": 1}))

    feats = read_feats(FIRST, LAST)
    counted = [(one.measure.value, sorted(one.people)) for one in feats]
    assert sorted(counted) == [
        ("handoffs", [ana.id]),
        ("sales", [ana.id, rui.id]),
        ("visits", [ana.id]),
        ("visits", [ana.id]),
    ]
    births = read_births(FIRST, LAST)
    assert [(one.is_answered, one.is_contacted) for one in births] == [
        (True, True), (True, True), (False, False),
    ]  # fmt: skip
    assert efforts(FIRST, LAST, [store.id]) == {(ana.email, "attempted"): 1}
    with writing():
        mine = set_goal(Aim("visits", 9, FIRST, LAST, store_id=store.id), by="x").id
    assert [one.id for one in goals_around(date(2026, 10, 6), [store.id])] == [mine]
    assert goals_around(date(2026, 10, 6), [store.id + 1]) == []
    assert goals_around(date(2026, 12, 6), None) == []
    db.session.rollback()
