"""The demo's cadences: a few leads on steps that were due, and a second load changes nothing."""

from datetime import timedelta

import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from demo.cadences import try_again
from leads.models import Lead
from leads.pipeline.cadences import CadenceRun, CadenceStep
from tests.leads.pipeline.waiting import check, happen, make_lead, make_staff


def test_a_few_are_tried_again_once(app):
    ana = make_staff(name="Ana")
    with writing() as session:
        session.merge(ana).email = "atendente@demo.example"
    for hours in (2, 30, 100):
        at = now() - timedelta(hours=hours)
        lead = make_lead(at=at)
        happen(lead, "claimed", ana.email, at=at, owner_id=ana.id)
        happen(lead, "human_contact", ana.email, at=at, channel="whatsapp", evidence="whatsapp")
    assert [try_again(), try_again()] == [3, 0]
    db.session.rollback()
    assert db.session.scalar(sa.select(sa.func.count()).select_from(CadenceRun)) == 3
    assert db.session.scalar(sa.select(sa.func.count()).select_from(CadenceStep)) >= 5
    for lead in db.session.scalars(sa.select(Lead).order_by(Lead.id)):
        check(lead)
