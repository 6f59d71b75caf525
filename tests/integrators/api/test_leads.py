"""Leads through the API: read and noted, claimed once, registered and never lost or doubled."""

import threading
import time

import pytest
import sqlalchemy as sa
from lxml import etree

from core.db import db, writing
from dealership.audit import AuditEntry
from dealership.roles import Role
from jobs.worker import JobSetup, Worker
from leads import capture, privacy
from leads.models import Enquiry, Lead, LeadEvent, Submission
from tests.factories import make_store, make_vehicle
from tests.integrators.api import programs
from tests.integrators.api.programs import make_lead, make_program, make_staff


@pytest.fixture
def program(client, app):
    return make_program(client, make_staff("ana@loja.example"))


def work(app):
    """Do what is due."""
    db.session.rollback()
    Worker(app, JobSetup(app.extensions["vitrine_jobs"].handlers), threads=1).run(drain=True)
    db.session.rollback()


def test_a_list_tells_nothing_of_people(program):
    store, vehicle = make_store(), make_vehicle()
    lead = make_lead(store, vehicle_id=vehicle.id)
    make_lead(phone="11933332222", email="", is_suspect=True)
    answer = program.get("/leads")
    (item,) = answer.json["items"]
    assert (item["id"], item["store"], item["vehicle"]) == (lead.id, store.slug, vehicle.public_id)
    assert (item["state"], item["owner"]) == ("waiting", None)
    for personal in ("Rui", "rui@", "98765", "garantia"):
        assert personal not in answer.text


def test_filters_and_pages(program):
    leads = [make_lead(phone=f"1193333000{n}", email="", message=str(n)) for n in range(5)]
    numbers, cursor = [], ""
    while cursor is not None:
        page = program.get(f"/leads?limit=2&owner=none{cursor and '&cursor='}{cursor}").json
        numbers += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert numbers == [lead.id for lead in leads]
    for query in ("state=won", "owner=x@y.example", "store=nada", "since=2999-01-01T00:00:00Z",
                  "submission=nada"):  # fmt: skip
        assert program.get(f"/leads?{query}").json["items"] == []


def test_reading_one_is_noted_once_and_not_as_a_persons_look(program):
    lead = make_lead()
    found = program.get(f"/leads/{lead.id}").json
    program.get(f"/leads/{lead.id}.adf")
    assert found["person"]["phone"] == "+5511987654321"
    assert found["enquiries"][0]["message"] == "Tem garantia?"
    assert [event["kind"] for event in found["events"]] == ["enquiry"]
    noted = db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.id)).all()
    entries = [(one.actor, one.action) for one in noted if one.subject == f"lead:{lead.id}"]
    assert entries == [("ana@loja.example", "lead.api_view")]


def test_of_two_who_claim_one_gets_it(client, app, program):
    lead = make_lead()
    other = make_program(client, make_staff("rita@loja.example"))
    won = program.post(f"/leads/{lead.id}/claim")
    assert (won.status_code, won.json["owner"]) == (200, "ana@loja.example")
    again = program.post(f"/leads/{lead.id}/claim")
    assert (again.status_code, again.json["owner"]) == (200, "ana@loja.example")
    lost = other.post(f"/leads/{lead.id}/claim")
    assert (lost.status_code, lost.mimetype) == (409, "application/problem+json")
    kinds = db.session.scalars(sa.select(LeadEvent.kind).where(LeadEvent.lead_id == lead.id))
    assert sorted(kinds) == ["claimed", "enquiry"]


def test_of_eight_who_claim_at_once_one_gets_it(app, client):
    lead_id = make_lead().id
    keys = [make_program(client, make_staff(f"a{n}@loja.example")).key for n in range(8)]
    db.session.remove()
    answers = []
    start = threading.Barrier(len(keys))

    def claim(key):
        own = programs.Program(app.test_client(), key)
        start.wait()
        answers.append(own.post(f"/leads/{lead_id}/claim").status_code)

    threads = [threading.Thread(target=claim, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [409] * 7


def test_a_note_stands_in_the_history(program):
    lead = make_lead()
    made = program.post(f"/leads/{lead.id}/notes", {"text": "Ligar\r\ndepois \u202e<b>"})
    assert (made.status_code, made.json["data"]["text"]) == (201, "Ligar\ndepois <b>")
    assert program.get(f"/leads/{lead.id}").json["events"][-1] == made.json
    assert program.post(f"/leads/{lead.id}/notes", {"text": "\u200b!\u200b"[:1]}).status_code == 422


def test_a_registered_lead_is_kept_then_read_and_a_repeat_adds_nothing(app, program):
    vehicle = make_vehicle()
    body = {"name": "Rui Prado", "phone": "(11) 98765-4321", "vehicle": vehicle.public_id,
            "origin": "CRM antigo", "external_id": "c-1"}  # fmt: skip
    first = program.post("/leads", body, headers={"Idempotency-Key": "k1"})
    again = program.post("/leads", body, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, first.json["is_repeat"], again.json["is_repeat"]) == (202, 0, 1)
    assert first.json["submission_id"] == again.json["submission_id"]
    # Another key, the same event of theirs: kept, and the same enquiry.
    other = program.post("/leads", body, headers={"Idempotency-Key": "k2"})
    assert not other.json["is_repeat"]
    work(app)
    (item,) = program.get(f"/leads?submission={first.json['submission_id']}").json["items"]
    assert (item["source"], item["source_ref"], item["store"]) == (
        "api", "CRM antigo", vehicle.store.slug)  # fmt: skip
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Enquiry)) == 1
    assert db.session.scalars(sa.select(Submission.state)).all() == ["done", "done"]


def test_other_content_under_the_same_key_is_another_lead(app, program):
    """A program with a bug in its keys loses nobody."""
    for phone in ("11987654321", "11912345678"):
        body = {"name": "Rui", "phone": phone}
        assert program.post("/leads", body, headers={"Idempotency-Key": "k"}).json["is_repeat"] is (
            False
        )
    work(app)
    assert len(program.get("/leads").json["items"]) == 2


def test_people_of_one_store_register_for_their_store(app, client):
    here = make_store()
    program = make_program(client, make_staff("v@loja.example", Role.SELLER, here))
    for body in ({"name": "Rui", "phone": "11987654321"}, {"name": "Eva", "store": here.slug}):
        assert program.post("/leads", body).status_code == 202
    work(app)
    assert [one["store"] for one in program.get("/leads").json["items"]] == [here.slug] * 2


def test_while_the_database_is_locked_a_lead_goes_to_the_disk(app, program, monkeypatch):
    def locked(*_arguments, **_options):
        raise sa.exc.OperationalError("BEGIN", {}, Exception("locked"))

    with monkeypatch.context() as patch:
        patch.setattr("leads.capture._store", locked)
        answer = program.post("/leads", {"name": "Rui", "phone": "11987654321"})
    assert answer.status_code == 202
    for _look in range(100):  # a thread of the accept path drains the spool too
        capture.drain()
        work(app)
        if program.get("/leads").json["items"]:
            break
        time.sleep(0.1)
    assert len(program.get("/leads").json["items"]) == 1


def test_an_erased_person_does_not_come_back_by_a_resent_lead(app, program):
    body = {"name": "Rui", "phone": "11987654321", "external_id": "c-1"}
    program.post("/leads", body)
    work(app)
    lead = db.session.scalars(sa.select(Lead)).one()
    with writing():
        privacy.erase(lead.person_id, "asked")
    found = program.get(f"/leads/{lead.id}")
    assert "Rui" not in found.text
    assert found.json["person"]["phone"] == ""
    program.post("/leads", body, headers={"Idempotency-Key": "resent"})
    work(app)
    kept = db.session.execute(sa.text("SELECT name, phone FROM person")).all()
    assert set(kept) == {("", "")}


def test_a_lead_as_adf_is_well_formed_whatever_was_typed(program):
    hostile = "]]><x>&amp; \x0b\ufffe 'Ana' \U0001f697"
    store = make_store(name=hostile[:40])
    lead = make_lead(store, name=hostile, message=hostile, vehicle_id=make_vehicle().id)
    answer = program.get(f"/leads/{lead.id}.adf")
    assert answer.mimetype == "application/x-adf+xml"
    assert b'<?adf version="1.0"?>' in answer.data
    tree = etree.fromstring(answer.data)
    assert tree.findtext("prospect/id") == str(lead.id)
    assert tree.findtext("prospect/vehicle/make") == "Chevrolet"
    assert tree.findtext("prospect/customer/contact/phone") == "+5511987654321"
    assert "<x>&amp;" in tree.findtext("prospect/customer/comments")
    nobody = make_lead(phone="11900001111", email="", message="x")
    plain = etree.fromstring(program.get(f"/leads/{nobody.id}.adf").data)
    assert plain.find("prospect/vehicle") is not None
