"""The demo's desk: lively whatever the hour, true to its log, loaded once, sane a day later."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from core.clock import now
from core.db import db, writing
from dealership.models import Store
from demo.attendance import attend_leads
from demo.dealership import found_dealership
from demo.desk import fill_desk
from demo.leads import load_leads
from demo.quality import LEFT, fill_quality
from demo.roster import fill_roster
from demo.staff import hire_staff
from leads.models import Appointment, Lead, LeadEvent
from leads.pipeline.log import rebuilt, standing_of
from leads.pipeline.quality import QualitySample
from leads.pipeline.queue import is_late
from leads.pipeline.stages import CLOSED, Stage
from leads.pipeline.timers import tend_queue
from tests.factories import make_vehicle

CARS = 40
# A Tuesday afternoon, and a Sunday close to midnight, in São Paulo.
HOURS = {
    "at work": datetime(2026, 11, 24, 18, 20, tzinfo=UTC),
    "at night": datetime(2026, 11, 23, 2, 50, tzinfo=UTC),
}
NOT_SHOWN = {Stage.DUPLICATE, Stage.BLOCKED, Stage.ERASED}


def load() -> int:
    with writing():
        store = db.session.get_one(Store, found_dealership()[0])
    for state in ("published", "published", "sold", "sold"):
        make_vehicle(store=store, state=state)
    load_leads()
    hire_staff()
    fill_roster()
    attend_leads()
    return fill_desk(CARS)


def late() -> int:
    db.session.expire_all()
    return db.session.scalar(sa.select(sa.func.count()).select_from(Lead).where(is_late(None)))


def all_leads() -> list[Lead]:
    return list(db.session.scalars(sa.select(Lead).order_by(Lead.id)))


@pytest.mark.parametrize("hour", HOURS)
def test_the_desk_is_lively_at_any_hour_and_sane_a_day_later(app, hour):
    with time_machine.travel(HOURS[hour], tick=False) as clock:
        assert load() > 120
        assert fill_desk(CARS) == 0
        for _turn in range(2):  # once
            fill_quality()
        drawn = list(db.session.scalars(sa.select(QualitySample)))
        assert sum(one.total is None for one in drawn) == LEFT < len(drawn)
        assert [one for one in drawn if one.reply]
        leads = all_leads()
        before = Counter(lead.state for lead in leads)
        assert {Stage(state) for state in before} == set(Stage) - NOT_SHOWN
        waiting = [lead for lead in leads if lead.state == Stage.WAITING and not lead.is_suspect]
        assert {lead.urgency for lead in waiting} == {0, 1, 2, 3}
        assert 2 <= len([lead for lead in waiting if lead.due_at < now()]) <= len(waiting) // 3
        assert len({lead.owner_id for lead in leads} - {None}) == 4
        assert all(_is_true_to_its_log(lead) for lead in leads)
        booked = db.session.scalars(sa.select(Appointment.starts_at)).all()
        assert len([one for one in booked if one > now()]) >= 5

        tend_queue()
        assert late() == 2
        clock.shift(timedelta(minutes=10))
        tend_queue()
        assert 2 <= late() <= 4
        soon = Counter(lead.state for lead in all_leads())
        assert soon == before
        clock.shift(timedelta(days=1))
        tend_queue()
        assert late() <= len(waiting) + 2
        after = Counter(lead.state for lead in all_leads())
        assert [after[one] for one in CLOSED] == [before[one] for one in CLOSED]
        # Who was just taken, and the offers, come back; hardly anything else.
        assert after[Stage.WAITING] <= before[Stage.WAITING] + 3


def _is_true_to_its_log(lead: Lead) -> bool:
    """Whether it stands where its events say, and they happened one after the other, until now."""
    rows = sa.select(LeadEvent.at).where(LeadEvent.lead_id == lead.id).order_by(LeadEvent.id)
    times = list(db.session.scalars(rows.where(LeadEvent.kind != "enquiry")))
    assert rebuilt(lead) == standing_of(lead), lead.id
    assert times == sorted(times), lead.id
    assert all(lead.created_at <= at <= now() for at in times), lead.id
    return True
