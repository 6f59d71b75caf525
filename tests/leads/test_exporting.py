"""The leads out: nothing missing, nothing that a spreadsheet runs, in few statements."""

import csv
import io
import json
import uuid
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from core.clock import now
from core.db import db, writing
from leads.capture import Arrival, accept, insert, spool, to_spool
from leads.cli import lead_commands
from leads.exporting import BATCH_ROWS, COLUMNS, export_csv, export_jsonl
from leads.intake import Asked, enter, process_submission
from leads.models import Lead, Submission
from tests.factories import make_vehicle
from tests.leads.pipeline.waiting import happen, make_staff


@pytest.fixture(autouse=True)
def english(app):
    with force_locale("en"):
        yield


def post(client, **fields):
    filled = {
        "submission_id": str(uuid.uuid4()),
        "nome": "Ana Teste",
        "telefone": "(11) 98765-4321",
        "mensagem": "Aceita troca?",
        **fields,
    }
    answer = client.post("/contato", data=filled)
    assert answer.status_code == 303, answer.text
    return filled["submission_id"]


def read_all():
    for key in db.session.scalars(sa.select(Submission.id).order_by(Submission.received_at)).all():
        process_submission({"submission_id": key})


def exported(**options):
    return [json.loads(piece) for piece in export_jsonl(**options)]


def run(app, *words):
    db.session.rollback()
    return app.test_cli_runner().invoke(lead_commands, words)


def test_the_owner_comes_out_as_the_address_of_who_has_it(client):
    post(client)
    post(client, telefone="(11) 98765-0000", nome="Bia")
    read_all()
    ana = make_staff()
    first, second = db.session.scalars(sa.select(Lead).order_by(Lead.id)).all()
    happen(first, "claimed", ana.email, owner_id=ana.id)
    assert [lead["owner"] for lead in exported()] == [ana.email, None]
    happen(first, "returned", ana.email, reason="busy")
    happen(second, "claimed", ana.email, owner_id=ana.id)
    rows = list(csv.DictReader(io.StringIO("".join(export_csv()))))
    assert [row["owner"] for row in rows] == ["", ana.email]


def test_a_lead_comes_out_with_the_published_columns(client):
    key = post(client, email="ana@exemplo.com.br", consentimento="y")
    read_all()
    (lead,) = exported()
    assert tuple(lead)[: len(COLUMNS)] == COLUMNS
    assert lead["nome"] == "Ana Teste"
    assert lead["telefone"] == "+5511987654321"
    assert lead["email"] == "ana@exemplo.com.br"
    assert lead["mensagem"] == "Aceita troca?"
    assert (lead["source"], lead["state"], lead["owner"]) == ("form:contato", "waiting", None)
    assert lead["created_at"].endswith("Z")
    assert lead["vehicle"] is None
    assert lead["submissions"] == [key]
    assert next(event["kind"] for event in lead["timeline"]) == "enquiry"
    assert [(row["purpose"], row["given"]) for row in lead["consent"]] == [("marketing", True)]


def test_csv_says_the_same(client):
    post(client)
    read_all()
    (row,) = csv.DictReader(io.StringIO("".join(export_csv()), newline=""))
    (lead,) = exported()
    assert row == {name: "" if lead[name] is None else str(lead[name]) for name in COLUMNS}


def test_other_people_with_the_same_page_are_told_apart(client):
    key = str(uuid.uuid4())
    for number in range(3):
        post(client, submission_id=key, telefone=f"(11) 98765-432{number}")
    read_all()
    names = [lead["submissions"] for lead in exported()]
    rows = db.session.scalars(sa.select(Submission).order_by(Submission.received_at))
    own = [row.id for row in rows]
    assert names == [[key], [own[1]], [own[2]]]


def test_asking_again_is_on_the_same_lead(client):
    first, second = post(client), post(client, mensagem="Ainda tem?")
    read_all()
    (lead,) = exported()
    assert lead["submissions"] == [first, second]
    assert [event["kind"] for event in lead["timeline"]] == ["enquiry", "enquiry"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "'=1", "\uff1d1"])
def test_no_cell_runs_in_a_spreadsheet(app, text):
    receipt = accept(Arrival("test", text, {"kind": "contact"}))
    with writing():
        enter(Asked("test", "contact", name=text, phone="11987654321", message=text), receipt.id)
    (row,) = csv.DictReader(io.StringIO("".join(export_csv()), newline=""))
    for cell in (row["nome"], row["mensagem"]):
        assert cell[0] not in "=+-@\t\uff1d"
    assert row["telefone"] == "+5511987654321"


def test_the_vehicle_is_named_by_its_public_id(app):
    vehicle = make_vehicle()
    public_id = vehicle.public_id
    receipt = accept(Arrival("test", "1", {"kind": "contact"}))
    with writing():
        enter(Asked("test", "interest", phone="11987654321", vehicle_id=vehicle.id), receipt.id)
    assert exported()[0]["vehicle"] == public_id


def test_a_machines_post_is_marked(client):
    post(client, confirme_assunto="seo")
    read_all()
    assert exported()[0]["suspect"] is True


def test_since_counts_the_newest_question(client):
    post(client, telefone="(11) 98765-4321")
    post(client, telefone="(11) 98765-4322")
    read_all()
    with writing() as session:
        session.execute(sa.update(Lead).values(created_at=now() - timedelta(days=3)))
    assert len(exported(since=now() - timedelta(minutes=5))) == 2
    assert exported(since=now() + timedelta(minutes=5)) == []


def test_posts_nobody_has_read_yet_are_read_first(app, client):
    key = post(client)
    outcome = run(app, "export", "--format", "jsonl")
    assert outcome.exit_code == 0, outcome.output
    assert json.loads(outcome.stdout)["submissions"] == [key]
    assert outcome.stderr == ""


def test_what_waits_on_disk_is_stored_first(app, client):
    arrival = Arrival("form:contato", "1", _contact(), page_key="p1")
    to_spool(arrival)
    outcome = run(app, "export", "--format", "jsonl")
    assert json.loads(outcome.stdout)["submissions"] == ["p1"]
    assert spool().is_empty()


def test_a_post_that_cannot_be_read_is_told(app):
    accept(Arrival("form:contato", "1", {"kind": "contact"}))  # most fields are missing
    outcome = run(app, "export")
    assert outcome.exit_code == 0
    assert outcome.stdout.splitlines() == [",".join(COLUMNS)]
    assert "Warning: 1 post could not be read yet" in outcome.stderr


@pytest.mark.parametrize("text", ["ontem", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_an_instant_that_is_none_is_refused(app, text):
    assert run(app, "export", "--since", text).exit_code == 2


def test_statements_do_not_grow_with_the_leads(app, statements):
    with writing():
        for number in range(7):
            receipt = Arrival("test", str(number), {"kind": "contact"})
            _insert_and_enter(receipt, number)
    del statements[:]
    assert len(exported()) == 7
    assert len(statements) == 5  # leads, submissions, events, consent; and nothing more to read
    assert BATCH_ROWS > 7


def test_the_spool_is_shown_and_emptied(app):
    assert "Waiting: 0" in run(app, "spool").output
    spool().put({"not": "ours"})
    assert "Waiting: 1" in run(app, "spool").output
    drained = run(app, "spool", "--drain").output
    assert "Stored: 0" in drained
    assert "Put aside" in drained
    for path in (spool().path / "parked").iterdir():
        path.unlink()


def _contact():
    return {
        "kind": "contact", "department": "sales", "opens_lead": True, "name": "Ana",
        "phone": "+5511987654321", "email": "", "message": "Oi", "fields": {}, "details": {},
    }  # fmt: skip


def _insert_and_enter(arrival, number):
    insert(arrival)
    enter(Asked("test", "contact", phone=f"1198765432{number}"), arrival.id)
