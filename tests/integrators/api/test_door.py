"""The API's door: keys and how far they reach, refusals in their own words, limits."""

import json

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from core.clock import now
from core.db import db, writing
from dealership.audit import AuditEntry
from dealership.roles import Role
from integrators.api import door
from integrators.api.tokens import ApiToken, Scope, revoke
from tests.factories import make_store, make_vehicle
from tests.integrators.api.programs import make_lead, make_program, make_staff


@pytest.fixture(autouse=True)
def _fresh_limits():
    door.counts.reset()
    yield
    door.counts.reset()


def problem(answer, status):
    """The problem that `answer` tells, which is well-formed."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    told = answer.get_json()
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    return told


def test_no_key_no_answer(client: FlaskClient, app):
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
        answer = client.get("/api/v1/vehicles", headers=headers)
        problem(answer, 401)
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="vitrine"'


@pytest.mark.parametrize("key", ["vtr_x", "x" * 5000, "vtr_" + "x" * 60, "vtr_\xe9"])
def test_a_wrong_key_is_told_to_be_one(client, app, key):
    answer = client.get("/api/v1/vehicles", headers={"Authorization": f"Bearer {key}"})
    problem(answer, 401)
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_a_key_ends_with_itself_its_time_and_its_person(client, app):
    ana = make_staff("ana@loja.example")
    other = make_staff("outra@loja.example")
    revoked, late, orphan = (make_program(client, who) for who in (ana, ana, other))
    assert all(one.get("/vehicles").status_code == 200 for one in (revoked, late, orphan))
    with writing() as session:
        rows = session.scalars(sa.select(ApiToken).order_by(ApiToken.id)).all()
        revoke(rows[0])
        rows[1].expires_at = now()
        session.merge(other).active = False
    assert [one.get("/vehicles").status_code for one in (revoked, late, orphan)] == [401] * 3


def test_the_database_knows_no_key(client, app):
    program = make_program(client, make_staff("ana@loja.example"))
    program.get("/vehicles")
    row = db.session.scalars(sa.select(ApiToken)).one()
    kept = json.dumps({column.name: str(getattr(row, column.name)) for column in row.__table__.c})
    assert program.key not in kept
    assert row.ending == program.key[-4:]
    assert row.used_at is not None


def test_a_key_reaches_no_further_than_its_scopes(client, app):
    ana = make_staff("ana@loja.example")
    lead = make_lead()
    ways = {
        Scope.READ_VEHICLES: ("GET", "/vehicles", None),
        Scope.READ_LEADS: ("GET", f"/leads/{lead.id}", None),
        Scope.WRITE_LEADS: ("POST", "/leads", {"name": "Rui"}),
    }
    for scope in Scope:
        program = make_program(client, ana, (scope,))
        for needed, (method, path, body) in ways.items():
            answer = program.call(method, path, json=body)
            if needed is scope:
                assert answer.status_code < 300, answer.text
            else:
                problem(answer, 403)
                assert needed.value in answer.headers["WWW-Authenticate"]


def test_a_key_reaches_no_further_than_its_person_does_today(client, app):
    """The role is asked at each call, not when the key was made."""
    ana = make_staff("ana@loja.example")
    program = make_program(client, ana)
    assert program.get("/leads").status_code == 200
    with writing() as session:
        session.merge(ana).role = Role.EDITOR.value
    problem(program.get("/leads"), 403)
    assert program.get("/vehicles").status_code == 200


def test_a_key_sees_the_stores_of_its_person(client, app):
    here, there = make_store(), make_store()
    own, other = make_vehicle(store=here), make_vehicle(store=there)
    mine, theirs = make_lead(here), make_lead(there, phone="11955554444", email="")
    nobodys = make_lead(phone="11955553333", email="")
    program = make_program(client, make_staff("v@loja.example", Role.SELLER, here))
    assert [one["id"] for one in program.get("/vehicles").json["items"]] == [own.public_id]
    assert [one["id"] for one in program.get("/leads").json["items"]] == [mine.id]
    problem(program.get(f"/vehicles/{other.public_id}"), 404)
    for lead in (theirs, nobodys):
        problem(program.get(f"/leads/{lead.id}"), 404)
        problem(program.get(f"/leads/{lead.id}.adf"), 404)
        problem(program.post(f"/leads/{lead.id}/claim"), 404)
        problem(program.post(f"/leads/{lead.id}/notes", {"text": "Oi"}), 404)
    problem(program.post("/leads", {"name": "Rui", "store": there.slug}), 403)
    seen = sa.select(AuditEntry).where(AuditEntry.action == "lead.api_view")
    assert db.session.scalars(seen).all() == []


def test_what_is_not_there_and_what_it_does_not_do(client, app):
    program = make_program(client, make_staff("ana@loja.example"))
    for path in ("/", "/nada", "/leads/x", "/leads/9999999999", "/vehicles/a/b", "/leads/1.xml"):
        problem(program.get(path), 404)
    answer = program.call("DELETE", "/leads")
    problem(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}
    assert program.call("OPTIONS", "/leads").status_code == 204
    problem(program.get("/vehicles", headers={"Accept": "text/html"}), 406)
    assert program.get("/vehicles", headers={"Accept": "*/*"}).status_code == 200


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": b"{", "content_type": "application/json"}, 400),
        ({"data": b"", "content_type": "application/json"}, 400),
        ({"data": b"name=Rui", "content_type": "application/x-www-form-urlencoded"}, 415),
        ({"data": b"{}", "content_type": ""}, 415),
        ({"data": b" " * 65 * 1024, "content_type": "application/json"}, 413),
        ({"json": {}}, 422),
        ({"json": {"name": " \t"}}, 422),
        ({"json": {"origin": "CRM"}}, 422),
        ({"json": {"nome": "Rui"}}, 422),
        ({"json": {"name": 7}}, 422),
        ({"json": {"name": "Rui", "department": "hack"}}, 422),
        ({"json": {"name": "Rui"}, "headers": {"Idempotency-Key": "x" * 201}}, 422),
        ({"data": b'{"name": "\\ud800"}', "content_type": "application/json"}, 400),
        ({"data": b"[" * 60_000, "content_type": "application/json"}, 400),
    ],
)
def test_a_body_that_does_not_fit(client, app, options, status):
    told = problem(make_program(client, make_staff("ana@loja.example")).call(
        "POST", "/leads", **options), status)  # fmt: skip
    assert (status == 422) >= bool(told.get("errors"))


def test_a_query_that_does_not_fit(client, app):
    program = make_program(client, make_staff("ana@loja.example"))
    for query in ("limit=0", "limit=101", "limit=1_0", "limit=5&limit=6", "cursor=x", "x=1",
                  "since=ontem", "since=2026-02-30T00:00:00Z", "since=5"):  # fmt: skip
        told = problem(program.get(f"/leads?{query}"), 422)
        assert told["errors"][0]["field"]
    far = program.get("/leads?since=0001-01-01T00:00:60%2B23:59&state=%00&owner=%00x&store=%ff")
    assert far.status_code == 200


def test_a_program_that_runs_in_circles_is_slowed_down(client, app, monkeypatch):
    monkeypatch.setattr(door, "MOST_CALLS", door.parse("2 per minute"))
    ana = make_staff("ana@loja.example")
    program, other = make_program(client, ana), make_program(client, ana)
    assert [program.get("/vehicles").status_code for _ in range(2)] == [200, 200]
    answer = program.get("/vehicles")
    problem(answer, 429)
    assert answer.headers["Retry-After"]
    assert other.get("/vehicles").status_code == 200


def test_guessing_keys_is_slowed_down(client, app, monkeypatch):
    monkeypatch.setattr(door, "MOST_WRONG_KEYS", door.parse("2 per minute"))
    statuses = [
        client.get("/api/v1/vehicles", headers={"Authorization": f"Bearer vtr_{n}"}).status_code
        for n in range(3)
    ]
    assert statuses == [401, 401, 429]
