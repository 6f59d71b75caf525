"""The desk's stream and its fallback, through the staff door."""

import json
import time
from collections.abc import Iterator

import pytest
from flask import Flask

from core import live
from core.clock import now
from core.db import db, writing
from core.live import allow_streams, end_streams
from core.wakeup import Wakeup
from dealership import sessions
from dealership.sessions import end_sessions
from dealership.staff import StaffSession, find_staff
from leads.models import Lead, LeadEvent
from tests.admin.conftest import SignIn
from tests.admin.rows import Asked, make_row
from tests.factories import make_store

STREAM = "/admin/atendimento/ao-vivo"
VERSION = "/admin/atendimento/versao"
MOST_MESSAGES = 2000  # a failure, not a measure


@pytest.fixture(autouse=True)
def hub(app: Flask, monkeypatch) -> Iterator[live.Hub]:
    monkeypatch.setattr(live, "LOOK_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.05)
    allow_streams()
    one = app.extensions["vitrine_live"] = live.Hub(app)
    yield one
    end_streams()
    while one._thread is not None:
        time.sleep(0.01)
    app.extensions.pop("vitrine_live")
    allow_streams(0)


def listen(person, path: str = STREAM, **headers: str):
    return person.get(path, headers={"Accept": "text/event-stream", **headers}, buffered=False)


def messages(answer) -> Iterator[str]:
    for number, part in enumerate(answer.response):
        assert number < MOST_MESSAGES
        if part:  # nothing is sent to see whether somebody still listens
            yield part.decode()


def moves(answer) -> Iterator[int]:
    for message in messages(answer):
        if "event: moved" in message:
            yield json.loads(message.partition("data: ")[2])["version"]


def happen(lead_id: int) -> None:
    with writing() as session:
        session.add(LeadEvent(lead_id=lead_id, kind="note", actor="x@loja.example", data={}))


@pytest.fixture
def lead(sign_in: SignIn) -> Lead:
    store, owner = make_store(), sign_in("owner", email="dona@loja.example")
    member = find_staff(owner.email)
    values = make_row(store, Asked("", "staff_leads.show", ("lead_id",), member))
    return db.session.get_one(Lead, values["lead_id"])


def test_an_event_reaches_an_open_desk(sign_in: SignIn, lead: Lead):
    lead_id, seller = lead.id, sign_in("seller")
    before = seller.get(VERSION).json["version"]
    answer = listen(seller, f"{STREAM}?since={before}")
    assert answer.status_code == 200
    assert answer.mimetype == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Content-Encoding" not in answer.headers
    heard = moves(answer)
    happen(lead_id)
    after = next(heard)
    assert after != before
    assert seller.get(VERSION).json["version"] == after
    answer.close()


def test_who_comes_back_is_told_what_happened_meanwhile(sign_in: SignIn, lead: Lead):
    lead_id, seller = lead.id, sign_in("seller")
    seen = seller.get(VERSION).json["version"]
    happen(lead_id)
    # The address is as old as the page; what the browser heard last is newer.
    answer = listen(seller, f"{STREAM}?since=1", **{"Last-Event-ID": str(seen)})
    assert next(moves(answer)) == seller.get(VERSION).json["version"]
    answer.close()
    current = str(seller.get(VERSION).json["version"])
    answer = listen(seller, f"{STREAM}?since=1", **{"Last-Event-ID": current})
    heard = messages(answer)
    assert next(heard).startswith("retry: ")
    assert next(heard).startswith("event: beat\n")
    answer.close()


@pytest.mark.parametrize("how", ["signed out", "another role", "idle"])
def test_a_stream_ends_with_the_session_or_the_permission(
    app: Flask, sign_in: SignIn, monkeypatch, how: str
):
    monkeypatch.setattr(live, "CHECK_EVERY_SECONDS", 0.02)
    seller = sign_in("seller")
    answer = listen(seller)
    heard = messages(answer)
    next(heard)
    member = find_staff(seller.email)
    with writing():
        if how == "signed out":
            end_sessions(member)
        elif how == "another role":
            member.role = "editor"
        else:
            (row,) = db.session.query(StaffSession).filter_by(staff_id=member.id)
            row.seen_at = now() - sessions.IDLE
    for _message in heard:
        pass  # to its end
    answer.close()
    again = listen(seller)
    assert again.status_code in {302, 404}


def test_a_listening_page_keeps_nobody_signed_in(sign_in: SignIn):
    seller = sign_in("seller")
    member = find_staff(seller.email)
    before = now() - sessions.SEEN_EVERY * 10
    with writing():
        (row,) = db.session.query(StaffSession).filter_by(staff_id=member.id)
        row.seen_at = before
    listen(seller).close()
    asked = seller.get(VERSION, headers={"X-Live": "1"})
    assert "Set-Cookie" not in asked.headers  # it would cross with what somebody does
    db.session.expire_all()
    assert row.seen_at == before
    seller.get("/admin/conta/")
    db.session.expire_all()
    assert row.seen_at > before


def test_beyond_the_places_the_page_is_told_to_poll(sign_in: SignIn, hub):
    allow_streams(1)
    seller = sign_in("seller")
    first = listen(seller)
    refused = listen(seller)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "60"
    first.close()
    assert hub.open_streams == 0
    assert listen(seller).status_code == 200


def test_polling_costs_an_empty_answer_while_nothing_happens(
    sign_in: SignIn, lead: Lead, statements
):
    lead_id, seller = lead.id, sign_in("seller")
    first = seller.get(VERSION)
    tag = first.headers["ETag"]
    assert tag == f'"{first.json["version"]}"'
    statements.clear()
    same = seller.get(VERSION, headers={"If-None-Match": tag, "X-Live": "1"})
    assert (same.status_code, same.get_data()) == (304, b"")
    assert len([one for one in statements if "lead_event" in one]) == 1
    happen(lead_id)
    assert seller.get(VERSION, headers={"If-None-Match": tag}).status_code == 200


def test_a_later_id_that_commits_first_hides_no_event(sign_in: SignIn, lead: Lead):
    """As PostgreSQL may: 1000002 is there before 1000001."""
    lead_id, seller = lead.id, sign_in("seller")
    versions = []
    for number in (1_000_002, 1_000_001):
        with writing() as session:
            session.add(LeadEvent(id=number, lead_id=lead_id, kind="note", actor="x@loja.example"))
        versions.append(seller.get(VERSION).json["version"])
    assert versions[0] != versions[1]


def test_an_event_is_announced_to_whoever_waits(app: Flask, lead: Lead):
    announced = []

    class Heard(Wakeup):
        def announce(self) -> None:
            announced.append(True)

    before = app.extensions["vitrine_wakeup"]
    app.extensions["vitrine_wakeup"] = Heard()
    happen(lead.id)
    app.extensions["vitrine_wakeup"] = before
    assert announced == [True]
