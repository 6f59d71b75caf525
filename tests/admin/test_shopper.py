"""The mystery shopper: our own leads, through our own doors, over real HTTP."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.serving import make_server

from admin import groups, shopper_doors, shopper_running
from admin.shopper_doors import Door, doors
from admin.shopper_running import add_round, tend_shopper
from core.clock import DEFAULT_ZONE, now
from core.db import db, writing
from dealership.hours import Schedule
from integrators import accounts, polling
from integrators.accounts import own_path
from integrators.api.tokens import ApiToken, digest
from integrators.models import PortalAccount
from integrators.outgoing.endpoints import create_endpoint
from integrators.outgoing.forwarding import SEND_JOB as SEND_WEBHOOKS
from integrators.outgoing.forwarding import forward_events
from integrators.outgoing.models import WebhookDelivery
from jobs.models import Job
from jobs.worker import JobSetup, Worker
from leads import shopper
from leads.capture import Arrival, insert
from leads.exporting import count_rows
from leads.intake import Asked, enter
from leads.models import Lead, Mail, Person, PersonKey, Submission
from leads.pipeline.assignment import credits_of
from leads.pipeline.handing_out import given_since
from leads.pipeline.log import record
from leads.pipeline.queue import waiting
from leads.shopper import ShopperDoor, ShopperRound
from leads.shopper_plan import PlanRefused, ShopperPlan, human_at, set_plan, slot_at, try_at
from tests.admin.addresses import addresses_of, every_screen
from tests.admin.conftest import SignIn
from tests.factories import make_store, make_vehicle
from tests.integrators.simulators import Pop3
from tests.landing.pages import make_page
from tests.post_office import post_office

pytestmark = pytest.mark.sqlite_only
PLAN = {"is_on": True, "starts": 8, "ends": 20, "every_minutes": 30, "is_human": False,
        "human_a_week": 2, "phone": "", "email": ""}  # fmt: skip
_OURS = re.compile(
    r'<meta name="csrf-token"[^>]*>|name="csrf_token" value="[^"]*"|nonce="[^"]*"'
    r'|chart-\d+|data-live-version="[^"]*"|[?]v=[0-9a-f]+'
)


@pytest.fixture
def origin(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The site on a port, at the address that it is told to be its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    config = replace(app.extensions["vitrine"], base_url=address)
    monkeypatch.setitem(app.extensions, "vitrine", config)
    yield address
    server.shutdown()
    thread.join()
    server.server_close()
    accounts.forget_copies()


@pytest.fixture
def work(app: Flask) -> Callable[[], None]:
    def run() -> None:
        db.session.rollback()
        with writing() as session:
            session.execute(
                sa.update(Job).where(Job.state == "ready").values(due_at=now()),
                execution_options={"synchronize_session": False},
            )
        handlers = dict(app.extensions["vitrine_jobs"].handlers)
        del handlers[SEND_WEBHOOKS]  # no other system is there
        Worker(app, JobSetup(handlers), threads=1).run(drain=True)
        db.session.rollback()
        db.session.expire_all()

    return run


@pytest.fixture
def house(app: Flask, sign_in: SignIn) -> Any:
    """A dealership with every door there is; who owns it, signed in."""
    store = make_store()
    make_vehicle(store=store)
    make_page(slug="seminovos")
    secrets = {
        "olx": {"lead_token": "t"},
        "chavesnamao": {"access_token": "t", "email": "a@b.example"},
        "generic": {"secret": "s"},
        "whatsapp": {"app_secret": "s", "verify_token": "v"},
        "telephony": {"auth_token": "s"},
        "adf": {"username": "u", "password": "p"},
        "mailbox": {},
        "meta": {"app_secret": "s", "verify_token": "v", "page_token": "p"},
    }
    with writing():
        for kind, settings in secrets.items():
            accounts.register(kind, f"Conta {kind}", settings, store_id=store.id)
    accounts.forget_copies()
    return sign_in("owner")


def rounds() -> list[ShopperRound]:
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.scalars(sa.select(ShopperRound).order_by(ShopperRound.id)))


def door_of(key: str) -> Door:
    return next(one for one in doors() if one.key == key or one.source == key)


def go(key: str, slot: str = "now:1", **values: Any) -> None:
    one = door_of(key)
    with writing():
        add_round(one, slot, **values)


# --- the way through ---------------------------------------------------------------------------


def test_every_door_is_gone_through_and_ends_by_itself(house, origin, work):
    house.post("/admin/cliente-oculto/testar")
    work()
    found = rounds()
    assert {row.door: row.problem for row in found if row.state != "good"} == {}
    tried = [one.key for one in doors() if not one.why_not]
    assert sorted(row.door for row in found) == sorted(tried)
    assert len(tried) == 16
    for row in found:
        assert row.sent_at <= row.accepted_at
        assert row.sent_at <= row.queued_at == row.seen_at
    leads = db.session.scalars(sa.select(Lead)).all()
    assert len(leads) == len(tried)
    assert {(lead.is_test, lead.state) for lead in leads} == {(True, "invalid")}
    assert db.session.scalars(waiting(None)).all() == []
    assert db.session.scalars(sa.select(PersonKey)).all() == [], "nobody can be found by it"
    assert [lead.source for lead in leads if f"{shopper.WORD}:" in lead.message] == []
    assert db.session.scalars(sa.select(Mail)).all() == [], "and nobody hears of it"
    assert db.session.scalars(sa.select(ApiToken)).all() == [], "the key lived for one call"
    page = house.get("/admin/cliente-oculto/").text
    assert page.count("Funciona") == len(tried)
    assert "teste" not in house.get("/admin/leads/").text.lower().replace("testar", "")


def test_a_double_tap_is_one_try(house, origin):
    for _ in range(2):
        house.post("/admin/cliente-oculto/testar", {"porta": "form:contato"})
    assert len(rounds()) <= 2, "two where a minute ended in between"
    assert house.post("/admin/cliente-oculto/testar", {"porta": "form:nada"}).status_code == 303


def test_a_worker_that_ran_twice_sent_once(house, origin, work):
    go("form:contato")
    work()
    (row,) = rounds()
    assert shopper_running.shop_door({"round_id": row.id}) is None
    work()
    assert len(db.session.scalars(sa.select(Lead)).all()) == 1


# --- a door that fails -------------------------------------------------------------------------


def test_a_form_that_breaks_is_told_at_once(app, house, origin, work, monkeypatch):
    endpoint = next(r.endpoint for r in app.url_map.iter_rules() if r.rule == "/contato"
                    and "POST" in r.methods)  # fmt: skip
    monkeypatch.setitem(app.view_functions, endpoint, lambda: ("Ai", 500))
    go("form:contato")
    work()
    work()  # once more, two minutes later
    first, second = rounds()
    assert (first.state, second.state) == ("failed", "failed"), "tried once more before an alarm"
    assert "500" in first.problem
    state = db.session.get_one(ShopperDoor, "form:contato")
    assert state.failing_since is not None
    (mail,) = db.session.scalars(sa.select(Mail)).all()
    assert (mail.kind, mail.to_address) == ("door_alarm", house.email)
    assert "500" in mail.text
    assert "/admin/cliente-oculto/" in house.get("/admin/").text
    go("form:contato", "now:2")
    work()
    assert len(db.session.scalars(sa.select(Mail)).all()) == 1, "once per outage"
    monkeypatch.undo()


def test_a_door_that_works_again_is_quiet(house, origin, work):
    with writing() as session:
        session.add(ShopperDoor(door="form:contato", misses=4, failing_since=now()))
    go("form:contato")
    work()
    assert db.session.get_one(ShopperDoor, "form:contato").failing_since is None


def test_a_parser_that_breaks_is_told_with_its_reason(app, house, origin, work, monkeypatch):
    go("mailbox")
    monkeypatch.setattr("integrators.incoming.mailbox._LABELS", {"name": re.compile("x")})
    monkeypatch.setattr("integrators.incoming.mailbox._body", lambda _message: "")
    monkeypatch.setattr("integrators.incoming.mailbox._header", lambda *_args: "")
    work()
    assert [row.state for row in rounds()] == ["sent"]
    assert db.session.scalars(sa.select(Submission.state)).all() == ["parked"]
    _wait_until_late()
    tend_shopper()
    (row,) = rounds()
    assert row.state == "failed"
    assert "não pôde" in row.problem or "ler" in row.problem or "read" in row.problem
    assert db.session.get_one(ShopperDoor, row.door).failing_since is not None, "no doubt about it"
    assert db.session.scalars(sa.select(Submission)).all() == [], "ours is in nobody's way"


def test_a_webhook_that_refuses_its_own_proof_fails(house, origin, work, monkeypatch):
    monkeypatch.setattr("integrators.incoming.generic._signature_refusal", lambda *_: "no")
    go("generic")
    work()
    assert rounds()[0].state == "failed"


def test_a_lead_that_comes_late_is_ours_all_the_same(house, origin, work, app):
    go("form:contato")
    db.session.rollback()
    only = JobSetup({shopper_running.SEND_JOB: shopper_running.shop_door})
    Worker(app, only, threads=1).run(drain=True)
    _wait_until_late()
    tend_shopper()
    assert [row.state for row in rounds()] == ["failed"]
    work()
    (row,) = rounds()
    assert row.state == "good"
    assert db.session.scalars(sa.select(Lead.is_test)).all() == [True]
    assert db.session.get_one(ShopperDoor, row.door).failing_since is None


def _wait_until_late() -> None:
    db.session.rollback()
    with writing() as session:
        session.execute(
            sa.update(ShopperRound).values(due_at=now() - timedelta(seconds=1)),
            execution_options={"synchronize_session": False},
        )


def test_a_site_that_does_not_answer_fails(house, app, work, monkeypatch):
    config = replace(app.extensions["vitrine"], base_url="http://127.0.0.1:9")
    monkeypatch.setitem(app.extensions, "vitrine", config)
    go("form:contato")
    work()
    assert rounds()[0].state == "failed"


def test_a_mail_makes_the_whole_way(app, house, origin, work, monkeypatch):
    """Out by SMTP, in by POP3, into the queue."""
    with post_office() as (inbox, host), Pop3() as box:
        config = replace(
            app.extensions["vitrine"], smtp_url=f"smtp://{host}", allow_private_urls=True
        )
        monkeypatch.setitem(app.extensions, "vitrine", config)
        with writing() as session:
            row = session.scalars(
                sa.select(PortalAccount).where(PortalAccount.kind == "mailbox")
            ).one()
            where = {"host": "127.0.0.1", "port": str(box.port), "security": "none",
                     "username": "leads@loja-teste.com.br", "password": "segredo"}  # fmt: skip
            accounts.change_settings(row, where)
        go("mailbox")
        work()
        assert inbox.recipients == ["leads@loja-teste.com.br"]
        box.messages.append(("1", inbox.messages[0].as_bytes()))
        polling.poll_account(row.id)
        work()
    (row,) = rounds()
    assert row.state == "good", row.problem


# --- the mark ----------------------------------------------------------------------------------


def write(message: str, source: str = "form:contato", **values: Any) -> Lead:
    arrival = Arrival(source=source, idem_key=message[-80:], payload={}, kind="test")
    asked = {"name": "Ana", "phone": "11987654321", "kind": "contact", **values}
    with writing() as session:
        insert(arrival)
        enquiry = enter(Asked(source=source, message=message, **asked), arrival.id)
        return session.get_one(Lead, enquiry.lead_id)


@pytest.fixture
def sent(app: Flask) -> ShopperRound:
    make_store()
    with writing() as session:
        row = ShopperRound(door="form:contato", slot="x", token=shopper.new_token(),
                           source="form:contato", state="sent", sent_at=now())  # fmt: skip
        session.add(row)
    return row


def test_nobody_outside_can_have_a_lead_taken_for_a_test(sent):
    token = sent.token
    good = shopper.mark_of(token)
    forged = f"{shopper.WORD}:{token}{'0' * 22}"
    other = f"{shopper.WORD}:{shopper.mark_of(shopper.new_token())}"  # of no round there is
    assert not write(f"Olá {forged}").is_test
    assert not write(f"Olá {other}").is_test
    assert not write(f"Olá {shopper.WORD}:{good}", "olx").is_test, "by another door"
    assert write(f"Olá {shopper.WORD}:{good}").is_test
    again = write(f"Olá de novo {shopper.WORD}:{good}")
    assert not again.is_test, "a mark counts once"
    assert again.closed_at is None
    assert again.person.phone == "+5511987654321"


def test_a_mark_of_yesterday_is_nobodys(sent):
    with writing() as session:
        session.get_one(ShopperRound, sent.id).created_at = now() - timedelta(hours=25)
    assert not write(f"Olá {shopper.WORD}:{shopper.mark_of(sent.token)}").is_test


def test_the_own_address_of_an_account_ends_with_its_address(house, client):
    row = db.session.scalars(sa.select(PortalAccount).where(PortalAccount.kind == "adf")).one()
    path = own_path(row)
    assert client.post(path, data=b"x").status_code == 401, "it is there, and asks for proof"
    with writing():
        accounts.rotate(accounts.locked(row.id))
    accounts.forget_copies()
    assert client.post(path, data=b"x").status_code == 404


# --- people ------------------------------------------------------------------------------------


def hidden_round(number: int) -> Lead:
    with writing() as session:
        row = ShopperRound(door="form:oferta", slot=f"h{number}", token=shopper.new_token(),
                           source="form:oferta", state="sent", is_human=True,
                           sent_at=now())  # fmt: skip
        session.add(row)
        token = row.token
    return write(shopper.marked("Aceitam troca?", token), "form:oferta", phone="11912345678")


def test_a_human_round_hides_until_it_is_answered(house, origin, sign_in, work):
    attendant = sign_in("attendant")
    lead_id = hidden_round(1).id
    page = attendant.get(f"/admin/leads/{lead_id}/").text
    assert "lead de teste" not in page
    assert "Aceitam troca?" in page
    assert shopper.WORD not in page
    assert attendant.post(f"/admin/leads/{lead_id}/apagar-teste").status_code == 404
    assert db.session.scalars(waiting(None)).one().id == lead_id
    assert attendant.get("/admin/cliente-oculto/").status_code == 404
    tend_shopper()
    assert [row.state for row in rounds()] == ["hidden"]
    attendant.post(f"/admin/atendimento/{lead_id}/assumir")
    with writing() as session:
        record(session.get_one(Lead, lead_id), "human_contact", attendant.email,
               channel="whatsapp", evidence="tap")  # fmt: skip
    tend_shopper()
    (row,) = rounds()
    assert (row.state, row.answered_at is not None, row.seen_at is not None) == (
        "answered", True, True,
    )  # fmt: skip
    assert "lead de teste" in attendant.get(f"/admin/leads/{lead_id}/").text
    answers = {"named": "sim", "car": "sim", "question": "nao", "next_step": "sim"}
    assert house.post(f"/admin/cliente-oculto/{row.id}/conferir", {"named": "x"}).status_code == 303
    assert rounds()[0].answers == {}
    house.post(f"/admin/cliente-oculto/{row.id}/conferir", answers)
    assert rounds()[0].answers == {name: value == "sim" for name, value in answers.items()}
    assert "3 de 4" in house.get("/admin/cliente-oculto/").text


def test_a_human_round_goes_out_by_the_page_of_a_car(house, origin, work, monkeypatch):
    with writing():
        set_plan(**{**PLAN, "is_human": True, "human_a_week": 5, "phone": "(11) 91234-5678"})
    day = human_at(ShopperPlan(**{**PLAN, "human_a_week": 5}), WEDNESDAY, SCHEDULE)
    assert day is not None
    monkeypatch.setattr(shopper_running, "doors", lambda: [door_of("form:oferta")])
    shopper_running._plan_human(day, day + timedelta(minutes=1))
    shopper_running._plan_human(day, day + timedelta(minutes=2))
    work()
    (row,) = rounds()
    assert row.state == "hidden", row.problem
    lead = db.session.scalars(sa.select(Lead)).one()
    assert (lead.state, lead.person.phone, lead.is_test) == ("waiting", "+5511912345678", True)
    assert lead.vehicle_id
    assert shopper.WORD not in lead.message
    mails = db.session.scalars(sa.select(Mail.kind)).all()
    assert "confirmation" not in mails


def test_two_tries_of_the_api_at_once_leave_each_other_their_keys(house):
    first, second = shopper_doors._new_key(), shopper_doors._new_key()
    with writing() as session:
        shopper_doors._drop_keys(first)
        (left,) = session.scalars(sa.select(ApiToken))
        assert left.digest == digest(second)
        left.created_at = now() - timedelta(hours=1)  # its process was killed
        session.flush()
        shopper_doors._drop_keys()
        assert session.scalars(sa.select(ApiToken)).all() == []


def test_a_door_that_is_there_no_more_is_none_that_fails(house):
    with writing() as session:
        for door in ("form:contato", "landing:acabou"):
            session.add(ShopperDoor(door=door, misses=2, failing_since=now()))
    tend_shopper()
    assert db.session.scalars(shopper.failing_doors()).all() == ["form:contato"]


def test_one_that_nobody_answers_is_told_after_a_day(house):
    hidden_round(1)
    with writing() as session:
        session.execute(sa.update(ShopperRound).values(queued_at=now() - timedelta(hours=25)))
    tend_shopper()
    assert [row.state for row in rounds()] == ["silent"]
    assert db.session.scalars(sa.select(Lead.state)).all() == ["invalid"]


# --- they count nowhere ------------------------------------------------------------------------

# Pages that show leads one by one, or what is typed; everything else with a number is compared.
NO_FIGURES = ("/admin/leads/", "/admin/atendimento", "/admin/cliente-oculto/")
WITHOUT = (groups.SETTINGS, groups.CONTENT)


def figures(app: Flask, owner: Any) -> dict[str, Any]:
    """Every page of the staff that has no row in its address, and what no page shows."""
    db.session.rollback()
    forward_events({})
    paths = {
        one.rule
        for view in every_screen()
        for one in addresses_of(view)
        if one.method == "GET" and not one.names and view.category not in WITHOUT
    }
    pages = {}
    for path in sorted(paths):
        if not path.startswith(NO_FIGURES) and not path.endswith("/novo"):
            answer = owner.get(path)
            if answer.status_code == 200 and answer.mimetype == "text/html":
                pages[path] = _OURS.sub("", answer.text)
    db.session.rollback()
    return {
        **pages,
        "export": count_rows(),
        "turns": credits_of(given_since(now() - timedelta(days=7))),
        "webhooks": db.session.scalar(sa.select(sa.func.count()).select_from(WebhookDelivery)),
    }


def _first_difference(one: Any, other: Any) -> str:
    if one == other:
        return ""
    pairs = zip(str(one).splitlines(), str(other).splitlines(), strict=False)
    return next((f"{a.strip()[:150]} | {b.strip()[:150]}" for a, b in pairs if a != b), "longer")


def test_thirty_of_them_change_no_figure(app, house, origin, sign_in, work, monkeypatch):
    """Machines' rounds, human ones that wait, that were taken by turn, and that were answered."""
    attendant = sign_in("attendant")
    with writing() as session:
        create_endpoint("CRM", "https://crm.example/", ["lead.created", "lead.activity"], by="x")
        staff_id = session.scalar(sa.text("SELECT id FROM staff WHERE role = 'attendant'"))
    for number in range(3):  # some that are real
        write(f"Olá {number}", phone=f"1198765432{number}")
    before = figures(app, house)
    for number in range(2):
        for key in ("form:oferta", "landing", "olx", "api", "telephony", "whatsapp", "mailbox"):
            go(key, f"now:{number}")
    work()
    assert {row.state for row in rounds()} == {"good"}
    for number in range(16):
        lead = hidden_round(number)
        if number % 4:
            with writing() as session:
                lead = session.get_one(Lead, lead.id)
                record(lead, "assigned", "system", owner_id=staff_id, rule="fair",
                       considered=[staff_id], excluded={})  # fmt: skip
                if number % 4 > 1:
                    record(lead, "human_contact", attendant.email, channel="phone", evidence="tap")
                if number % 4 > 2:
                    record(lead, "won", attendant.email)
    assert db.session.scalar(sa.select(sa.func.count()).where(Lead.is_test)) == 30
    after = figures(app, house)
    assert len(before) > 20
    changed = {name: _first_difference(before[name], after[name]) for name in before}
    assert {name: words for name, words in changed.items() if words} == {}


def test_old_ones_are_cleared_and_the_newest_number_stays(house, origin, work):
    go("form:contato", "now:1")
    work()
    write("Olá", phone="11987654321")
    go("form:contato", "now:2")
    work()
    with writing() as session:
        session.execute(sa.update(ShopperRound).values(ended_at=now() - timedelta(days=3)))
    tend_shopper()
    kept = db.session.scalars(sa.select(Lead).order_by(Lead.id)).all()
    assert [lead.is_test for lead in kept] == [False, True], "SQLite would give its number again"
    assert len(db.session.scalars(sa.select(Person)).all()) == 2


# --- when it goes out ----------------------------------------------------------------------------

WEDNESDAY = datetime(2026, 11, 25, 0, 0, tzinfo=DEFAULT_ZONE)
SCHEDULE = Schedule(DEFAULT_ZONE)


def test_two_tries_are_forty_minutes_apart_at_most(app):
    plan = ShopperPlan(**PLAN)
    tries = []
    for minutes in range(0, 24 * 60, 5):
        slot = slot_at(plan, WEDNESDAY + timedelta(minutes=minutes), SCHEDULE)
        if slot:
            tries.append(try_at(slot, "form:contato"))
    tries = sorted(set(tries))
    assert len(tries) == 24
    assert max(b - a for a, b in pairwise(tries)) <= timedelta(minutes=40)
    assert len({one.minute for one in tries}) > 5, "at no minute that one could foresee"
    assert all(8 <= one.astimezone(DEFAULT_ZONE).hour < 20 for one in tries)


def test_nobody_shops_on_a_day_off(app):
    plan = ShopperPlan(**PLAN)
    assert slot_at(plan, WEDNESDAY + timedelta(days=4, hours=12), SCHEDULE) is None
    days = [human_at(plan, WEDNESDAY + timedelta(days=n), SCHEDULE) for n in range(350)]
    assert 70 < len([one for one in days if one]) < 130, "twice a week"


def test_the_plan_is_kept_and_sends(house, origin, work, monkeypatch):
    typed = {"ligado": "1", "das": "0", "ate": "24", "cada": "30", "por-semana": "2"}
    assert house.post("/admin/cliente-oculto/", {**typed, "das": "x"}).status_code == 422
    answer = house.post("/admin/cliente-oculto/", {**typed, "pessoas": "1"})
    assert answer.status_code == 422
    assert 'name="pessoas" value="1" checked' in answer.text, "what was chosen stays"
    assert house.post("/admin/cliente-oculto/", typed).status_code == 303
    noon = WEDNESDAY + timedelta(hours=12, minutes=29)
    monkeypatch.setattr(shopper_running, "now", lambda: noon)
    for _ in range(2):
        tend_shopper()
    assert len(rounds()) == len([one for one in doors() if not one.why_not])


def test_who_has_one_store_does_not_find_it(app, sign_in):
    person = sign_in("supervisor", stores=[make_store()])
    assert person.get("/admin/cliente-oculto/").status_code == 404
    assert person.post("/admin/cliente-oculto/testar").status_code == 404


def test_a_plan_that_makes_no_sense_is_refused(app):
    for wrong in ({"starts": 20, "ends": 8}, {"every_minutes": 1}, {"human_a_week": 9},
                  {"phone": "123"}, {"email": "x"}, {"is_human": True}):  # fmt: skip
        with writing(), pytest.raises(PlanRefused):
            set_plan(**{**PLAN, **wrong})
