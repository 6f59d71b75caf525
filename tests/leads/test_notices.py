"""Who hears of what while no page is open: the right people, once, while it is true, in words that
name nobody; and what becomes of it when push services are slow, busy, gone or hostile."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from werkzeug import Response

from core.clock import now
from core.db import db, writing
from dealership import devices, notices
from dealership.notices import Kind, Notice, Way, notify
from dealership.presence import beat
from dealership.roles import Role
from dealership.roster import ShiftFacts, set_shifts
from dealership.sessions import end_sessions, session_of, start_session
from dealership.staff import StaffMember
from jobs.models import Job
from jobs.worker import JobSetup, Worker
from leads import notice_sending
from leads.models import Appointment, Mail, Person, Submission
from leads.pipeline.queue import claim
from leads.pipeline.timers import tend_queue
from leads.shopper import ShopperRound
from leads.telling import tell_staff, tell_visits
from tests.factories import make_store, make_vehicle
from tests.leads.pipeline.waiting import happen, make_lead, make_staff, use_rules
from tests.push_service import Browser, PushService

MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # noon in São Paulo: the stores are open


@pytest.fixture
def clock(app):
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def service(app, clock, httpserver, monkeypatch) -> PushService:
    config = replace(app.extensions["vitrine"], allow_private_urls=True)
    monkeypatch.setitem(app.extensions, "vitrine", config)
    tell_staff()  # from here on
    return PushService(httpserver)


@pytest.fixture
def work(app):
    """What the timetable asks for, then every job that is due."""

    def run() -> None:
        db.session.rollback()
        tell_staff()
        db.session.rollback()
        Worker(app, JobSetup(app.extensions["vitrine_jobs"].handlers), threads=1).run(drain=True)
        db.session.rollback()

    return run


def switch_on(who: StaffMember, service: PushService) -> Browser:
    browser = service.browser()
    with writing():
        token = start_session(db.session.get_one(StaffMember, who.id))
        session = session_of(token)[1]
        here = devices.Browser(session.id, devices.new_cookie(), "Chrome, Android")
        devices.add_device(who.id, browser.subscription, devices.public_key(), here)
    return browser


def outcomes(kind: Kind | None = None) -> list[tuple[int, str, str]]:
    query = sa.select(Notice.staff_id, Notice.push, Notice.mail).order_by(Notice.id)
    return [
        tuple(row)
        for row in db.session.execute(query if kind is None else query.where(Notice.kind == kind))
    ]


def test_a_lead_that_waits_is_told_to_who_is_there_once_and_names_nobody(service, work):
    store, elsewhere = make_store(name="Centro"), make_store()
    here, absent, other = make_staff(), make_staff(), make_staff(Role.ATTENDANT, elsewhere)
    beat(here.id)
    beat(other.id)
    browser = switch_on(here, service)
    switch_on(absent, service)
    car = make_vehicle(store=store)
    with writing():
        person = Person(name="Zuleica Prado", phone="+5511987654321", email="zu@example.com")
    lead = make_lead(
        person=person, message="Meu segredo", store_id=store.id, vehicle_id=car.id,
        at=now() - timedelta(minutes=2),
    )  # fmt: skip
    for _turn in range(3):
        work()
    assert len(service.taken) == 1
    told = browser.opened(service.taken[0].data)
    assert told["title"] == "Há um lead na fila"
    assert told["body"] == "Chevrolet Onix 2022 · Vendas · Centro · há 2 minutos"
    assert told["path"] == "/admin/atendimento/"
    assert told["tag"] == f"lead:{lead.id}"
    for word in ("Zuleica", "98765", "zu@", "segredo"):
        assert word not in json.dumps(told)
    assert service.taken[0].headers["Urgency"] == "high"
    assert int(service.taken[0].headers["TTL"]) == 300
    assert outcomes() == [(here.id, "sent", "unwanted")]


def test_two_workers_at_once_tell_once(app, service):
    make_store()
    here = make_staff()
    make_lead()
    db.session.rollback()
    start, odd = threading.Barrier(2), []

    def turn() -> None:
        with app.app_context():
            try:
                start.wait(20)
                tell_staff()
            except Exception as error:
                odd.append(error)
            finally:
                db.session.remove()

    both = [threading.Thread(target=turn) for _worker in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert odd == []
    assert [row[0] for row in outcomes()] == [here.id]
    assert db.session.scalar(sa.select(sa.func.count(Job.id)).where(Job.kind == "send_notice")) == 1


def test_where_nobody_is_at_the_desk_everybody_on_shift_hears(service, work):
    make_store()
    absent, night = make_staff(), make_staff()
    with writing():
        shifts = [ShiftFacts(day, time(14), time(18)) for day in range(5)]
        set_shifts(db.session.get_one(StaffMember, night.id), shifts)
    switch_on(absent, service)
    switch_on(night, service)
    make_lead()
    work()
    assert outcomes() == [(absent.id, "sent", "unwanted")]


def test_a_shopper_among_the_others_rings_like_them_and_other_tests_do_not(service, work):
    make_store()
    here = make_staff()
    lead, tried = make_lead(is_test=True), make_lead(is_test=True)
    with writing() as session:
        session.add(
            ShopperRound(door="form:oferta", slot="h", token="0123456789", source="form:oferta",
                         state="hidden", is_human=True, lead_id=lead.id)
        )  # fmt: skip
    work()
    told = db.session.execute(sa.select(Notice.staff_id, Notice.subject)).all()
    assert told == [(here.id, f"lead:{lead.id}")]
    assert tried.id != lead.id


def test_who_comes_a_minute_after_a_lead_was_taken_back_hears_that_it_waits(service, work, clock):
    make_store()
    alone, later = make_staff(), make_staff()
    with writing():
        shifts = [ShiftFacts(day, time(14), time(18)) for day in range(5)]
        set_shifts(db.session.get_one(StaffMember, later.id), shifts)
    clock.move_to(MONDAY + timedelta(minutes=90))
    lead = make_lead()
    happen(lead, "claimed", alone.email, owner_id=alone.id)
    work()
    clock.move_to(MONDAY + timedelta(minutes=119))
    happen(lead, "returned", "system", reason="timer")
    work()
    assert [row[0] for row in outcomes(Kind.TAKEN_BACK)] == [alone.id]
    clock.shift(timedelta(minutes=2))
    for _turn in range(2):
        work()
    assert [row[0] for row in outcomes(Kind.TAKEN_BACK)] == [alone.id]
    assert [row[0] for row in outcomes(Kind.WAITING)] == [later.id]


def test_what_was_settled_meanwhile_is_not_told(service, work):
    make_store()
    here = make_staff()
    switch_on(here, service)
    lead = make_lead()
    db.session.rollback()
    tell_staff()  # the notice is written, and before a worker gets to it …
    with writing():
        claim(lead.id, db.session.get_one(StaffMember, here.id))
    work()
    assert service.taken == []
    assert outcomes() == [(here.id, "over", "over")]


def test_each_event_is_told_to_whom_it_concerns(service, work, clock):
    store = make_store()
    ana, rui, boss = make_staff(), make_staff(Role.SELLER), make_staff(Role.SUPERVISOR)
    lead = make_lead(store_id=store.id)
    happen(lead, "taken_over", boss.email, owner_id=ana.id, reason="moved")
    work()
    assert [row[0] for row in outcomes(Kind.HANDED)] == [ana.id]
    happen(lead, "talked", ana.email, channel="phone", evidence="call")
    happen(lead, "reply", "person")
    work()
    assert [row[0] for row in outcomes(Kind.REPLIED)] == [ana.id]
    happen(lead, "handoff_offered", ana.email, seller_id=rui.id, summary={"need": "SUV"})
    work()
    assert [row[0] for row in outcomes(Kind.OFFERED)] == [rui.id]
    own = make_lead(store_id=store.id)
    happen(own, "claimed", rui.email, owner_id=rui.id)
    work()
    assert [row[0] for row in outcomes(Kind.HANDED)] == [ana.id]  # who takes one knows it
    clock.shift(timedelta(minutes=4.5))
    work()
    assert [row[0] for row in outcomes(Kind.DUE)] == [rui.id]
    for _turn in range(40):
        clock.shift(timedelta(minutes=1))
        tend_queue()
    work()
    assert [row[0] for row in outcomes(Kind.TAKEN_BACK)] == [rui.id]
    assert outcomes(Kind.ESCALATED) == [(boss.id, "no_device", "sent")]
    mail = db.session.scalars(sa.select(Mail).where(Mail.kind == "staff_notice")).one()
    assert mail.to_address == boss.email
    assert "Rui Prado" not in mail.subject + mail.text + mail.html


def test_wishes_shift_and_pause(service, work, clock):
    make_store()
    who = make_staff()
    switch_on(who, service)

    def told(**wishes) -> tuple[str, str]:
        with writing():
            for verb, value in wishes.items():
                getattr(notices, verb)(who.id, **value)
        key = str(db.session.scalar(sa.select(sa.func.count(Notice.id))))
        with writing():
            notify(Kind.HANDED, [who.id], key=key, path="/admin/")
        work()
        return outcomes()[-1][1:]

    assert told() == ("sent", "unwanted")
    both = {"choices": {Kind.HANDED: [Way.MAIL]}, "only_on_shift": True}
    assert told(wish=both) == ("unwanted", "sent")
    push = {"choices": {Kind.HANDED: [Way.PUSH]}, "only_on_shift": True}
    later = now() + timedelta(hours=1)
    assert told(wish=push, pause_until={"until": later}) == ("paused", "unwanted")
    clock.shift(timedelta(hours=1))
    assert told() == ("sent", "unwanted")
    clock.shift(timedelta(hours=8))  # after closing time
    assert told() == ("off_shift", "unwanted")
    assert told(wish={**push, "only_on_shift": False}) == ("sent", "unwanted")
    assert len(service.taken) == 3


def test_who_may_not_see_it_any_more_or_left_hears_nothing(service, work):
    store, other = make_store(), make_store()
    who, gone = make_staff(Role.ATTENDANT, store), make_staff()
    for one in (who, gone):
        switch_on(one, service)
    lead = make_lead(store_id=store.id)
    happen(lead, "taken_over", "x@y.example", owner_id=who.id, reason="moved")
    tell_staff()
    with writing():
        notify(Kind.HANDED, [gone.id], key="1", path="/admin/")
        notify(Kind.HANDED, [who.id], key="2", path="/admin/", store_id=other.id)
        db.session.merge(lead).store_id = other.id
        db.session.get_one(StaffMember, gone.id).active = False
    work()
    assert service.taken == []
    assert {row[1] for row in outcomes()} == {"over"}


def test_a_browser_that_is_gone_is_forgotten_and_the_others_hear(service, work):
    make_store()
    who = make_staff()
    switch_on(who, service)
    switch_on(who, service)
    service.answers = [Response(status=410)]
    with writing():
        notify(Kind.HANDED, [who.id], key="1", path="/admin/")
    work()
    assert len(service.taken) == 2
    assert len(devices.devices_of(who.id)) == 1
    assert outcomes() == [(who.id, "sent", "unwanted")]


@pytest.mark.sqlite_only
def test_a_busy_service_is_asked_again_when_it_says_and_not_for_longer_than_it_is_worth(
    service, work, clock
):
    make_store()
    who = make_staff()
    switch_on(who, service)
    service.answers = [Response(status=429, headers={"Retry-After": "90"}), Response(status=503)]
    with writing():
        notify(Kind.HANDED, [who.id], key="1", path="/admin/")
    work()
    clock.shift(timedelta(seconds=89))
    work()
    assert len(service.taken) == 1
    assert devices.devices_of(who.id)[0].problem
    clock.shift(timedelta(seconds=2))
    work()
    assert len(service.taken) == 2
    clock.shift(timedelta(seconds=20))
    work()
    assert [int(request.headers["TTL"]) for request in service.taken] == [300, 209, 189]
    assert devices.devices_of(who.id)[0].problem == ""
    assert outcomes()[0][1] == "sent"
    service.answers = [Response(status=429, headers={"Retry-After": "3600"})]
    with writing():
        notify(Kind.HANDED, [who.id], key="2", path="/admin/")
    work()
    clock.shift(timedelta(hours=2))
    work()
    assert len(service.taken) == 4
    assert outcomes()[1][1] == "failed"
    assert db.session.scalar(sa.select(sa.func.count(Job.id)).where(Job.state == "dead")) == 0


def test_a_worker_killed_after_the_push_pushes_again_under_the_same_topic(service, work):
    make_store()
    who = make_staff()
    browser = switch_on(who, service)
    with writing():
        notify(Kind.HANDED, [who.id], key="1", path="/admin/", subject="lead:0")
    notice_id = db.session.scalar(sa.select(Notice.id))
    payload = {"notice_id": notice_id, "device_id": devices.devices_of(who.id)[0].id}
    with writing():
        db.session.get_one(Notice, notice_id).subject = "other:1"
    assert notice_sending.push_to_device(payload) is not None  # and nobody calls what it returned
    db.session.rollback()
    work()
    first, second = service.taken
    assert first.headers["Topic"] == second.headers["Topic"]
    assert browser.opened(first.data)["tag"] == browser.opened(second.data)["tag"]
    work()
    assert len(service.taken) == 2


def test_an_address_that_leads_into_our_network_is_forgotten(service, work, app, monkeypatch):
    make_store()
    who = make_staff()
    switch_on(who, service)
    config = replace(app.extensions["vitrine"], allow_private_urls=False)
    monkeypatch.setitem(app.extensions, "vitrine", config)
    with writing():
        notify(Kind.HANDED, [who.id], key="1", path="/admin/")
    work()
    assert service.taken == []
    assert devices.devices_of(who.id) == []
    assert outcomes()[0][1] == "gone"


def test_signing_out_ends_the_browsers_notices_and_signing_in_again_does_not(service):
    who, other = make_staff(), make_staff()
    switch_on(who, service)
    device = devices.devices_of(who.id)[0]
    with writing():
        device.cookie_digest = devices.digest("biscoito")
        token = start_session(db.session.get_one(StaffMember, who.id))
        devices.follow("biscoito", who.id, session_of(token)[1].id)
    assert devices.devices_of(who.id)[0].session_id == session_of(token)[1].id
    with writing():
        end_sessions(db.session.get_one(StaffMember, who.id))
    assert devices.devices_of(who.id) == []
    switch_on(who, service)
    with writing():
        devices.devices_of(who.id)[0].cookie_digest = devices.digest("biscoito")
        devices.follow(
            "biscoito",
            other.id,
            session_of(start_session(db.session.get_one(StaffMember, other.id)))[1].id,
        )
    assert devices.devices_of(who.id) == []  # the browser is somebody else's now


def test_a_new_key_serves_new_browsers_and_the_old_one_those_of_before(service, work):
    make_store()
    who = make_staff()
    switch_on(who, service)
    with writing():
        old = devices.public_key()
        assert devices.rotate() == 1
        assert devices.public_key() != old
    with writing():
        notify(Kind.HANDED, [who.id], key="1", path="/admin/")
    work()
    assert outcomes()[0][1] == "sent"
    with writing():
        assert devices.rotate(forget_devices=True) == 0
    assert devices.devices_of(who.id) == []


def test_the_key_moves_with_the_sites_own_secret_and_a_lost_one_is_said(
    service, work, app, monkeypatch
):
    make_store()
    who = make_staff()
    switch_on(who, service)
    before = app.extensions["vitrine"].secret_key

    def tell(key: str) -> str:
        with writing():
            notify(Kind.HANDED, [who.id], key=key, path="/admin/")
        work()
        return outcomes()[-1][1]

    config = replace(app.extensions["vitrine"], secret_key="another secret of thirty-two letters")
    monkeypatch.setitem(app.extensions, "vitrine", config)
    assert tell("1") == "failed"
    assert "chave do site se perdeu" in devices.devices_of(who.id)[0].problem
    with writing():
        assert devices.reseal_all(before) == 1
    assert tell("2") == "sent"


def test_the_morning_summary_comes_once_to_whose_visits_they_are(service, work):
    store = make_store()
    who, _other = make_staff(), make_staff()
    browser = switch_on(who, service)
    lead = make_lead(store_id=store.id)
    happen(lead, "claimed", who.email, owner_id=who.id)
    for hours in (2, 5, 30):
        mark = f"{hours:032}"
        with writing() as session:
            session.add(Submission(id=mark, source="form:x", idem_key=mark, payload={}))
            session.add(
                Appointment(
                    kind="test_drive", store_id=store.id, submission_id=mark, lead_id=lead.id,
                    starts_at=now() + timedelta(hours=hours), minutes=30,
                )
            )  # fmt: skip
    for _turn in range(2):
        db.session.rollback()
        tell_visits()
    work()
    assert len(outcomes(Kind.VISITS)) == 1
    told = [browser.opened(request.data) for request in service.taken]
    assert "2 visitas, a primeira às 14:00" in [one["body"] for one in told]


def test_in_push_mode_the_queue_rings_nobody_and_who_is_given_a_lead_hears(service, work):
    use_rules(mode="push")
    make_store()
    who = make_staff()
    beat(who.id)
    lead = make_lead()
    work()
    assert outcomes() == []
    tend_queue()
    work()
    assert [row[0] for row in outcomes(Kind.HANDED)] == [who.id]
    assert lead.id
