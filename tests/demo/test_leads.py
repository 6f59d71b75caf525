"""The demo's people come in through the real path, once."""

import json

import sqlalchemy as sa

from core.db import db
from demo.leads import ENQUIRIES, load_leads
from leads.exporting import export_jsonl
from leads.models import Enquiry, Lead, Person, Submission
from tests.factories import make_vehicle


def exported():
    return [json.loads(line) for line in export_jsonl()]


def test_the_demo_has_people_with_leads_and_loading_again_adds_none(app):
    for _ in range(3):
        make_vehicle()
    assert load_leads() == len(ENQUIRIES)
    assert load_leads() == 0
    people = db.session.scalars(sa.select(Person)).all()
    assert len(people) == len({one.name for one in ENQUIRIES})
    assert all(person.email.endswith((".example", "")) for person in people)
    assert set(db.session.scalars(sa.select(Submission.state))) == {"done"}
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Enquiry)) == len(ENQUIRIES)
    assert all(len(name) == 32 for lead in exported() for name in lead["submissions"])
    ana = next(person for person in people if person.name.startswith("Ana"))
    assert len(ana.leads) == 1
    assert any(lead.is_suspect for lead in db.session.scalars(sa.select(Lead)))
