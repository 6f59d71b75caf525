"""What was asked reaches a person and a lead, once, whatever door and order."""

import sqlalchemy as sa
from flask.testing import FlaskClient

from core.db import db, writing
from leads.capture import Arrival, insert
from leads.intake import Asked, enter, process_submission
from leads.models import Enquiry, Lead, LeadEvent, Person, Submission
from tests.factories import make_vehicle


def arrive(key: str, source: str = "olx") -> str:
    arrival = Arrival(source=source, idem_key=key, payload={"raw": key}, kind="test")
    with writing():
        insert(arrival)
    return arrival.id


def ask(key: str, **values) -> Enquiry:
    submission = arrive(key, values.get("source", "olx"))
    with writing():
        return enter(Asked(**{"source": "olx", "kind": "interest", **values}), submission)


def count(model) -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(model))


def test_asking_again_is_a_touch_on_the_open_lead(app):
    onix, argo = make_vehicle(), make_vehicle(make="Fiat", model="Argo")
    first = ask("1", phone="11987654321", name="Ana", vehicle_id=onix.id)
    second = ask("2", source="site", phone="1187654321", vehicle_id=argo.id, message="E este?")
    lead = db.session.scalars(sa.select(Lead)).one()
    assert first.lead_id == second.lead_id == lead.id
    assert lead.vehicle_id == onix.id
    assert lead.source == "olx"
    kinds = [event.kind for event in lead.events]
    assert kinds == ["enquiry", "enquiry"]
    assert [event.data["is_first"] for event in lead.events] == [True, False]


def test_another_department_is_another_lead(app):
    ask("1", phone="11987654321")
    ask("2", phone="11987654321", department="service")
    assert (count(Person), count(Lead)) == (1, 2)


def test_a_closed_lead_is_not_reopened_by_accident(app):
    first = ask("1", phone="11987654321")
    with writing() as session:
        lead = session.get(Lead, first.lead_id)
        lead.closed_at = lead.created_at
    second = ask("2", phone="11987654321")
    assert second.lead_id != first.lead_id


def test_the_sources_own_id_counts_once(app):
    """The webhook and the poll bring the same lead in two submissions."""
    first = ask("webhook", external_id="900", phone="11987654321")
    second = ask("poll", external_id="900", phone="11987654321")
    assert first.id == second.id
    assert (count(Enquiry), count(Submission)) == (1, 2)
    other_source = ask("other", source="meta", external_id="900", phone="11987654321")
    assert other_source.id != first.id


def test_nothing_but_a_message_is_still_a_lead(app):
    enquiry = ask("1", message="Ainda tem?")
    assert enquiry.lead_id is not None
    assert enquiry.person.phone == ""


def test_an_id_in_no_encoding_costs_no_lead(app):
    enquiry = ask("a", name="Ana", keys=[("olx_chat", "c\ud800\x00-7"), ("whatsapp", "\ud800")])
    assert count(Lead) == 1
    assert [(key.kind, key.value) for key in enquiry.person.keys] == [("olx_chat", "c-7")]


def test_an_unreadable_phone_is_kept_as_typed(app):
    enquiry = ask("1", phone="ramal 22", email="sem arroba")
    assert enquiry.details == {"phone_typed": "ramal 22", "email_typed": "sem arroba"}


def test_a_batch_enters_each_part_once(app):
    submission = arrive("batch")
    for _ in range(2):
        with writing():
            for part in range(3):
                asked = Asked("meta", "interest", phone=f"1198765432{part}", part=part)
                enter(asked, submission)
    assert (count(Enquiry), count(Lead)) == (3, 3)


def test_what_is_added_later_joins_the_first_enquiry(app, client: FlaskClient):
    client.post("/contato", data={"nome": "Ana", "telefone": "11987654321"})
    first = db.session.scalars(sa.select(Submission)).one()
    arrival = Arrival(
        source="form:detalhes",
        idem_key="x",
        payload={
            "kind": "details", "name": "", "phone": "", "email": "ana@exemplo.com",
            "message": "Prefiro à tarde", "details": {"payment": "cash"},
        },
        meta={"about": first.id},
    )  # fmt: skip
    with writing():
        insert(arrival)
    # The later one is read first: it brings the first one with it.
    process_submission({"submission_id": arrival.id})
    enquiry = db.session.scalars(sa.select(Enquiry)).one()
    assert enquiry.details == {"payment": "cash", "message": "Prefiro à tarde"}
    assert enquiry.person.email == "ana@exemplo.com"
    process_submission({"submission_id": first.id})
    assert db.session.scalars(sa.select(LeadEvent.kind).order_by(LeadEvent.id)).all() == [
        "enquiry",
        "details",
    ]


def test_nobodys_lead_is_dropped_for_an_id_that_another_used_before(app):
    """A mailbox takes mail from anybody: the portal's next number can be guessed."""
    first = ask("forged", external_id="901", phone="11900000001")
    submission = arrive("real")
    asked = Asked(source="olx", kind="interest", external_id="901", phone="11987654321")
    for _run in range(2):
        with writing():
            second = enter(asked, submission)
    assert second.lead_id != first.lead_id
    assert (count(Person), count(Enquiry)) == (2, 2)
    assert ask("again", external_id="901", name="Ana").id == first.id
