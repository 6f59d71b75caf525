"""The demo's leads came by its ads and cost something; one asks where only an answer helps."""

import sqlalchemy as sa
import time_machine

from core.db import db
from demo.portal_leads import tie_portal_leads
from demo.portals import NOWHERE, load_portals
from integrators import answering
from integrators.listings import overview
from integrators.listings.lead_ads import ads_of
from integrators.models import PortalAccount
from leads.models import Lead, Submission
from leads.pipeline.stages import Stage
from tests.demo.test_desk import HOURS, load


def posts() -> list[tuple[str, str, dict]]:
    db.session.expire_all()
    rows = sa.select(Submission.id, Submission.idem_key, Submission.payload)
    return sorted(tuple(row) for row in db.session.execute(rows))


@time_machine.travel(HOURS["at work"], tick=False)
def test_leads_are_tied_to_accounts_and_ads_once(app):
    load()
    load_portals()
    tie_portal_leads()
    first = posts()
    tie_portal_leads()
    assert posts() == first
    rows = db.session.scalars(sa.select(PortalAccount).where(PortalAccount.base_url == NOWHERE))
    accounts = {row.kind: row for row in rows}
    for kind in ("olx", "chavesnamao", "mercadolivre"):
        brought = overview.brought(accounts[kind])
        assert brought.this_month + brought.last_month >= 3, kind
        assert brought.by_vehicle, kind
    leads = db.session.scalars(sa.select(Lead).where(Lead.state == Stage.WAITING)).all()
    questions = [one for lead in leads if (one := answering.open_question(lead))]
    (question,) = questions
    assert question.problem  # its account is paused: nothing leaves the machine
    assert any(ads_of(lead) for lead in db.session.scalars(sa.select(Lead)))
