"""Webhooks to other systems: nothing lost, nothing told twice under another id, signed as the
specification says, nobody told of who was erased, and no way into our own network."""

import base64
import hashlib
import hmac
import json
import socket
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
import time_machine
from werkzeug import Request, Response

from core.clock import now
from core.db import db, writing
from core.fetch import AddressRefused
from integrators.outgoing import forwarding, sending
from integrators.outgoing.endpoints import (
    EndpointRefused,
    create_endpoint,
    go_on,
    keys_of,
    reseal_all,
    rotate,
)
from integrators.outgoing.models import WebhookDelivery, WebhookEndpoint
from jobs.worker import JobSetup, Worker
from leads import privacy
from leads.clearing import clear_suspicion, delete_test
from leads.models import Lead
from leads.pipeline import queue
from leads.pipeline.log import note
from tests.factories import make_store, make_vehicle
from tests.integrators.api.programs import make_lead, make_staff

ALL = ("lead.created", "lead.activity", "vehicle.changed")


class Listener:
    """The other system: keeps what it was told and answers as it is told to."""

    def __init__(self, server):
        self.url = server.url_for("/hook")
        self.heard: list[Request] = []
        self.answers: list[Response] = []
        server.expect_request("/hook").respond_with_handler(self._hear)

    def _hear(self, request: Request) -> Response:
        request.get_data()
        self.heard.append(request)
        return self.answers.pop(0) if self.answers else Response("ok")

    def told(self) -> list[dict]:
        return [json.loads(request.data) for request in self.heard]


@pytest.fixture
def listener(app, httpserver, monkeypatch):
    config = replace(app.extensions["vitrine"], allow_private_urls=True)
    monkeypatch.setitem(app.extensions, "vitrine", config)
    return Listener(httpserver)


def endpoint(listener, kinds=ALL, **facts) -> tuple[int, str]:
    with writing():
        row, secret = create_endpoint("CRM", listener.url, kinds, by="x@y.example", **facts)
        return row.id, secret


def work(app):
    """One turn of the timetable's job, and all that it asks for."""
    db.session.rollback()
    forwarding.forward_events({})
    db.session.rollback()
    Worker(app, JobSetup(app.extensions["vitrine_jobs"].handlers), threads=1).run(drain=True)
    db.session.rollback()


def deliveries() -> list[WebhookDelivery]:
    return list(db.session.scalars(sa.select(WebhookDelivery).order_by(WebhookDelivery.id)))


def is_signed(request: Request, secret: str) -> bool:
    """As the other side checks it, in the specification's words."""
    content = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = hmac.new(key, content + request.data, hashlib.sha256).digest()
    given = [one.partition(",")[2] for one in request.headers["webhook-signature"].split(" ")]
    return base64.b64encode(wanted).decode() in given


def test_what_happens_is_told_once_and_signed(app, listener):
    make_lead(message="before", phone="11933332222", email="")
    make_vehicle()
    _id, secret = endpoint(listener)
    lead, vehicle, ana = make_lead(), make_vehicle(), make_staff("ana@loja.example")
    with writing() as session:
        queue.claim(lead.id, session.merge(ana))
    for _turn in range(3):
        work(app)
    told = listener.told()
    assert [one["type"] for one in told] == ["lead.created", "lead.activity", "vehicle.changed"]
    assert told[0]["data"]["lead_id"] == lead.id
    assert told[1]["data"]["facts"]["owner_id"] == ana.id
    assert told[1]["data"]["actor"] == "staff"
    assert told[2]["data"]["vehicle_id"] == vehicle.public_id
    assert all(is_signed(request, secret) for request in listener.heard)
    assert len({request.headers["webhook-id"] for request in listener.heard}) == 3
    for personal in ("Rui", "98765", "rui@example.com", "garantia", "ana@"):
        assert not any(personal in request.get_data(as_text=True) for request in listener.heard)


def test_personal_data_only_where_it_is_wanted_and_gone_with_the_person(app, listener):
    endpoint(listener, ("lead.created",), with_personal_data=True)
    lead = make_lead()
    work(app)
    assert listener.told()[0]["data"]["person"]["phone"] == "+5511987654321"
    stored = json.dumps([row.payload for row in deliveries()])
    assert "98765" not in stored
    assert "Rui" not in stored
    with writing():
        privacy.erase(lead.person_id, "asked")
        sending.send_again(deliveries()[0])
    work(app)
    erased = [one for one in listener.told() if one["type"] == "person.erased"]
    assert [one["data"]["person_id"] for one in erased] == [lead.person_id]
    again = [one for one in listener.told() if one["type"] == "lead.created"][1]
    assert "person" not in again["data"]
    assert listener.heard[0].headers["webhook-id"] in [
        request.headers["webhook-id"] for request in listener.heard[1:]
    ]


def test_a_store_hears_of_its_own(app, listener):
    here, there = make_store(), make_store()
    endpoint(listener, store_id=here.id)
    own = make_lead(here)
    make_lead(there, phone="11933332222", email="")
    make_lead(phone="11933332221", email="")
    car = make_vehicle(store=here)
    make_vehicle(store=there)
    work(app)
    told = [one["data"] for one in listener.told()]
    assert [one["lead_id"] for one in told if "lead_id" in one] == [own.id]
    assert [one["vehicle_id"] for one in told if "vehicle_id" in one] == [car.public_id]


def test_machines_and_tests_are_no_news(app, listener):
    endpoint(listener)
    suspect = make_lead(is_suspect=True)
    make_lead(is_test=True, phone="11933332222", email="")
    work(app)
    assert listener.told() == []
    with writing():
        clear_suspicion(db.session.get_one(Lead, suspect.id), by="ana@loja.example")
    work(app)
    assert [one["type"] for one in listener.told()] == ["lead.created"]


def test_the_numbers_of_a_deleted_test_lead_hide_nothing(app, listener):
    """SQLite gives the number of a deleted row to the next one."""
    endpoint(listener)
    lead = make_lead(is_test=True, phone="11933332222", email="")
    work(app)
    with writing():
        delete_test(db.session.get_one(Lead, lead.id))
    new = make_lead()
    with writing():
        note(new.id, "note", "ana@loja.example", text="Ligar")
    work(app)
    assert [one["type"] for one in listener.told()] == ["lead.created", "lead.activity"]


def test_a_worker_killed_before_anything_was_queued_loses_nothing(app, listener, monkeypatch):
    endpoint(listener)
    for number in range(3):
        make_lead(phone=f"1193333222{number}", email="")
    with monkeypatch.context() as patch:
        patch.setattr(forwarding, "_have_sent", lambda: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            forwarding.forward_events({})
    work(app)
    assert len(listener.told()) == 3


def test_a_worker_killed_after_the_answer_sends_again_under_the_same_id(app, listener, monkeypatch):
    endpoint(listener)
    make_lead()
    forwarding.forward_events({})
    row = deliveries()[0]
    with monkeypatch.context() as patch:
        patch.setattr(sending, "_note", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            sending.send_webhooks({"endpoint_id": row.endpoint_id})
    work(app)
    first, second = (request.headers["webhook-id"] for request in listener.heard)
    assert first == second
    assert deliveries()[0].state == "sent"


def test_what_is_not_taken_is_tried_again_for_three_days_then_by_hand(app, listener):
    number, _secret = endpoint(listener)
    make_lead()
    listener.answers = [Response(status=500)] * 10
    moments = []
    with time_machine.travel(now(), tick=False) as clock:
        started = now()
        for _try in range(20):
            work(app)
            row = deliveries()[0]
            if row.state == "failed":
                break
            moments.append(row.next_try_at - started)
            clock.move_to(max(row.next_try_at, row.endpoint.rest_until))
        assert (row.state, row.attempts, row.status) == ("failed", 10, 500)
        assert timedelta(days=3) < moments[-1] < timedelta(days=3.5)
        assert row.endpoint.failing_since == started
        with writing():
            row = db.session.get_one(WebhookEndpoint, number)
            count = sending.send_failed_again(row, started - timedelta(hours=1))
        work(app)
    assert count == 1
    row = deliveries()[0]
    assert (row.state, row.endpoint.failing_since) == ("sent", None)
    assert len({request.headers["webhook-id"] for request in listener.heard}) == 1
    assert len({request.headers["webhook-signature"] for request in listener.heard}) > 1


def test_one_who_wants_to_be_asked_later_is(app, listener):
    endpoint(listener)
    make_lead()
    listener.answers = [Response(status=429, headers={"Retry-After": "7200"})]
    with time_machine.travel(now(), tick=False):
        work(app)
        assert deliveries()[0].next_try_at == now() + timedelta(hours=2)


def test_gone_is_gone_until_somebody_says_otherwise(app, listener):
    number, _secret = endpoint(listener)
    make_lead()
    listener.answers = [Response(status=410)]
    work(app)
    make_lead(phone="11933332222", email="")
    work(app)
    assert len(listener.heard) == 1
    with writing():
        go_on(db.session.get_one(WebhookEndpoint, number))
    work(app)
    assert [row.state for row in deliveries()] == ["sent", "sent"]


def test_a_redirect_is_not_followed(app, listener, httpserver):
    endpoint(listener)
    make_lead()
    listener.answers = [Response(status=307, headers={"Location": httpserver.url_for("/else")})]
    work(app)
    assert [request.path for request in listener.heard] == ["/hook"]
    assert deliveries()[0].status == 307


def test_while_secrets_change_both_sign(app, listener):
    number, old = endpoint(listener)
    with writing():
        row = db.session.get_one(WebhookEndpoint, number)
        new = rotate(row)
        assert keys_of(row, now()) == [new, old]
        assert keys_of(row, now() + timedelta(days=8)) == [new]
    make_lead()
    work(app)
    assert is_signed(listener.heard[0], new)
    assert is_signed(listener.heard[0], old)
    assert new not in str(db.session.execute(sa.text("SELECT * FROM webhook_endpoint")).all())


def test_after_the_sites_key_changed_secrets_are_sealed_anew(app, listener, monkeypatch):
    number, secret = endpoint(listener)
    old = app.extensions["vitrine"]
    monkeypatch.setitem(app.extensions, "vitrine", replace(old, secret_key="another" * 8))
    make_lead()
    work(app)
    assert (listener.heard, deliveries()[0].state) == ([], "waiting")
    with writing():
        assert reseal_all(old.secret_key) == 1
    assert keys_of(db.session.get_one(WebhookEndpoint, number), now()) == [secret]


def test_our_own_network_is_not_posted_to(app):
    """Also where a name leads there; the listener would hear of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        with writing():
            row, _secret = create_endpoint(
                "CRM", f"https://localhost:{server.getsockname()[1]}/", ALL, by="x@y.example"
            )
        make_lead()
        work(app)
        with pytest.raises(TimeoutError):
            server.accept()
    row = deliveries()[0]
    assert (row.state, row.status) == ("waiting", None)
    assert row.problem


@pytest.mark.parametrize(
    ("url", "kinds", "name"),
    [
        ("http://crm.example/", ALL, "CRM"),
        ("ftp://crm.example/", ALL, "CRM"),
        ("https://ana:senha@crm.example/", ALL, "CRM"),
        ("https://crm.example/\r\nX: y", ALL, "CRM"),
        ("https://" + "x" * 600, ALL, "CRM"),
        ("https://crm.example/", (), "CRM"),
        ("https://crm.example/", ("person.erased",), "CRM"),
        ("https://crm.example/", ALL, " "),
    ],
)
def test_endpoints_that_cannot_be(app, url, kinds, name):
    with pytest.raises((EndpointRefused, AddressRefused)) as refusal, writing():
        create_endpoint(name, url, kinds, by="x@y.example")
    assert str(refusal.value)
    assert db.session.scalars(sa.select(WebhookEndpoint)).all() == []
