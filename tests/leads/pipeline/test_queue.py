"""The queue: who is served first, whose a lead becomes, however many ask at once."""

import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from bench.chaos.processes import postgres_programs
from core.config import ROOT
from core.db import db, writing
from dealership.roles import Role
from dealership.staff import StaffMember
from leads.models import Lead, LeadEvent
from leads.pipeline.log import NotAllowed
from leads.pipeline.queue import (
    AlreadyClaimed,
    claim,
    give_back,
    mine,
    supervisors,
    take_over,
    waiting,
)
from leads.pipeline.stages import Stage
from tests.factories import make_store
from tests.leads.pipeline.waiting import check, fresh, happen, make_lead, make_staff

MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def claimed(lead, who):
    with writing():
        return claim(lead.id, db.session.get_one(StaffMember, who.id)).owner_id


def in_line(store_ids=None):
    return list(db.session.scalars(waiting(store_ids).with_only_columns(Lead.id)))


def kinds(lead):
    query = sa.select(LeadEvent.kind).where(LeadEvent.lead_id == lead.id).order_by(LeadEvent.id)
    return list(db.session.scalars(query))


def test_one_gets_it_a_second_click_changes_nothing_and_all_others_hear_who_has_it(app):
    lead, ana, bia = make_lead(), make_staff(name="Ana"), make_staff(name="Bia")
    assert claimed(lead, ana) == ana.id
    before = fresh(lead).return_at
    assert claimed(lead, ana) == ana.id
    with pytest.raises(AlreadyClaimed) as refused:
        claimed(lead, bia)
    assert refused.value.owner_name == "Ana"
    assert kinds(lead) == ["enquiry", "claimed"]
    assert fresh(lead).return_at == before
    check(lead)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("lost", {"reason": "price"}),
        ("marked_invalid", {"reason": "spam"}),
        ("blocked", {}),
        ("merged", {"into": 1}),
        ("erased", {}),
        ("slept", {"due_at": "2027-01-01T12:00:00+00:00"}),
    ],
)
def test_what_has_ended_or_sleeps_is_nobodys_to_claim(app, kind, facts):
    lead, ana = make_lead(), make_staff()
    happen(lead, kind, **facts)
    with pytest.raises(AlreadyClaimed):
        claimed(lead, ana)
    assert fresh(lead).owner_id is None
    assert in_line() == []


def test_a_won_lead_is_not_claimed_again_by_who_sold_it(app):
    lead, ana = make_lead(), make_staff()
    claimed(lead, ana)
    happen(lead, "won")
    with pytest.raises(AlreadyClaimed):
        claimed(lead, ana)


def test_a_lead_that_is_not_there(app):
    ana = make_staff()
    with pytest.raises(sa.exc.NoResultFound), writing():
        claim(404, ana)


def test_the_order_is_class_then_promise_then_id(app):
    old, call, young, alert = (
        make_lead(at=MONDAY - timedelta(hours=1)),
        make_lead(at=MONDAY, kind="call_back"),
        make_lead(at=MONDAY),
        make_lead(at=MONDAY - timedelta(days=9), source="alert"),
    )
    twin = make_lead(at=MONDAY)
    make_lead(at=MONDAY - timedelta(hours=2), is_suspect=True)
    taken = make_lead(at=MONDAY - timedelta(hours=3))
    claimed(taken, make_staff())
    assert in_line() == [call.id, old.id, young.id, twin.id, alert.id]


def test_of_ones_own_stores_only(app):
    here, there = make_store(), make_store()
    ours, _others = make_lead(store_id=here.id), make_lead(store_id=there.id)
    make_lead()  # of no store: for who answers for all of them
    assert in_line([here.id]) == [ours.id]
    assert len(in_line()) == 3


def test_given_back_it_keeps_its_promise_and_so_its_place(app):
    with time_machine.travel(MONDAY, tick=False) as clock:
        first, second = make_lead(), make_lead(at=MONDAY + timedelta(minutes=1))
        promise = first.due_at
        ana = make_staff()
        claimed(first, ana)
        clock.shift(timedelta(minutes=3))
        with writing():
            give_back(db.session.get_one(Lead, first.id), by=ana.email, reason="busy")
        assert fresh(first).due_at == promise
        assert (first.state, first.owner_id, first.returns) == (Stage.WAITING, None, 0)
        assert in_line() == [first.id, second.id]
        with pytest.raises(NotAllowed), writing():
            give_back(db.session.get_one(Lead, first.id), by=ana.email, reason="busy")
        check(first)


def test_taken_over_from_a_colleague(app):
    lead, ana, bia = make_lead(), make_staff(), make_staff()
    claimed(lead, ana)
    happen(lead, "talked", ana.email, channel="phone", evidence="phone")
    for _twice in range(2):
        with writing():
            take_over(db.session.get_one(Lead, lead.id), bia, by="gerente@example.com")
    assert (fresh(lead).owner_id, lead.attendant_id, lead.state) == (bia.id, bia.id, "talking")
    assert kinds(lead).count("taken_over") == 1
    assert list(db.session.scalars(mine(bia.id).with_only_columns(Lead.id))) == [lead.id]
    assert list(db.session.scalars(mine(ana.id))) == []
    check(lead)


def test_an_old_promise_does_not_starve_within_its_class(app):
    """New ones come all the time, as fast as they are taken: the old one is still the next."""
    with time_machine.travel(MONDAY, tick=False) as clock:
        ana, old = make_staff(), make_lead()
        happen(old, "claimed", owner_id=ana.id)
        happen(old, "returned", reason="busy")
        for _more in range(5):
            clock.shift(timedelta(minutes=2))
            make_lead()
        assert in_line()[0] == old.id


def test_who_asks_again_is_not_pushed_back(app):
    """By a quieter door, later: neither the class nor the promise gets worse."""
    with time_machine.travel(MONDAY, tick=False) as clock:
        lead = make_lead(kind="call_back")
        before = (lead.urgency, lead.due_at)
        clock.shift(timedelta(minutes=4))
        happen(lead, "enquiry", "site", is_first=False, urgency=3)
        assert (fresh(lead).urgency, lead.due_at) == before


def test_supervisors_of_a_store(app):
    here, there = make_store(), make_store()
    owner = make_staff(Role.OWNER)
    assert supervisors(here.id) == [owner]
    boss = make_staff(Role.SUPERVISOR, here)
    assert supervisors(here.id) == [boss]
    assert supervisors(there.id) == [owner]


def test_eight_ask_at_once_and_one_gets_it(app):
    """Threads with connections of their own, at the same moment, for one lead and then the next."""
    people = [make_staff() for _ in range(8)]
    leads = [make_lead() for _ in range(6)]
    ids, lead_ids = [one.id for one in people], [one.id for one in leads]
    db.session.rollback()
    start, won, late, odd = threading.Barrier(8), [], [], []

    def attend(staff_id):
        with app.app_context():
            for lead_id in lead_ids:
                start.wait(60)
                try:
                    with writing():
                        claim(lead_id, db.session.get_one(StaffMember, staff_id))
                    won.append((lead_id, staff_id))
                except AlreadyClaimed:
                    late.append((lead_id, staff_id))
                except Exception as error:  # a deadlock, a timeout: told below
                    odd.append(error)
            db.session.remove()

    threads = [threading.Thread(target=attend, args=(one,)) for one in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert odd == []
    assert len(late) == 7 * len(leads)
    assert sorted(won) == sorted((lead.id, fresh(lead).owner_id) for lead in leads)
    for lead in leads:
        check(lead)


def under_storm(database):
    command = [
        sys.executable, "-m", "bench.chaos", "--only", "claims", "--database", database,
        "--attendants", "15", "--leads", "200",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    report = done.stdout + done.stderr
    assert done.returncode == 0, report
    assert "wrong 0" in report, report
    assert int(re.search(r"claimed (\d+)", report)[1]) == 200, report


@pytest.mark.sqlite_only
@pytest.mark.timeout(300)
def test_a_storm_of_claims_with_killed_processes_on_sqlite():
    under_storm("sqlite")


@pytest.mark.postgres_only
@pytest.mark.timeout(300)
@pytest.mark.skipif(postgres_programs() is None, reason="no initdb that this user can run")
def test_a_storm_of_claims_with_killed_processes_on_postgres():
    under_storm("postgres")
