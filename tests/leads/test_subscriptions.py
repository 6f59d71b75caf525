"""Price alerts and the newsletter: joining, news of a car, leaving."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core.db import db, writing
from dealership.models import Dealership
from inventory import lifecycle
from inventory.models import Vehicle
from inventory.stock_version import touch
from jobs.models import Job
from jobs.worker import JobSetup, Worker
from leads import consent, letters, subscriptions
from leads.models import Enquiry, Lead, LeadEvent, Mail, Person, Submission, Subscription
from leads.people import find_or_create_person
from tests.factories import make_store, make_vehicle


@pytest.fixture
def work(app) -> Callable[[], None]:
    """Looks at the prices, then runs every job that is due."""

    def run() -> None:
        db.session.rollback()
        subscriptions.price_alerts({})
        db.session.rollback()
        setup: JobSetup = app.extensions["vitrine_jobs"]
        Worker(app, JobSetup(setup.handlers), threads=1).run(drain=True)
        db.session.rollback()

    return run


@pytest.fixture(autouse=True)
def _dealership(app) -> None:
    with writing() as session:
        session.merge(Dealership(id=1, name="Loja Boa", email="grupo@example.com"))


def make_person(name: str = "Ana", **values: Any) -> int:
    contact = values or {"email": f"{name.lower()}@example.com"}
    with writing():
        return find_or_create_person(name=name, **contact).id


def subscribe(person_id: int, kind: str, vehicle: Vehicle | None = None) -> str:
    """The token of the new subscription."""
    with writing() as session:
        person = session.get(Person, person_id)
        car = session.get(Vehicle, vehicle.id) if vehicle else None
        found = subscriptions.subscribe(person, kind, vehicle=car)
        return found.token


def reprice(vehicle: Vehicle, price_cents: int, **values: Any) -> None:
    with writing() as session:
        row = session.get(Vehicle, vehicle.id)
        row.price_cents = price_cents
        for name, value in values.items():
            setattr(row, name, value)
        touch([row])


def sell(vehicle: Vehicle, to_state: str = "sold") -> None:
    with writing() as session:
        lifecycle.move(session.get(Vehicle, vehicle.id), to_state, by="test")


def mails(kind: str = "") -> list[Mail]:
    query = sa.select(Mail).order_by(Mail.id)
    return list(db.session.scalars(query.where(Mail.kind == kind) if kind else query))


def the_subscription(token: str) -> Subscription:
    db.session.rollback()
    return subscriptions.find(token)


def test_a_lower_price_is_told_once(work):
    vehicle = make_vehicle(price_cents=70_000_00)
    subscribe(make_person(), "price_alert", vehicle)
    work()
    assert mails("price_drop") == []
    reprice(vehicle, 68_000_00)
    work()
    work()
    (row,) = mails("price_drop")
    assert row.to_address == "ana@example.com"
    for body in (row.text.replace("\xa0", " "), row.html.replace("\xa0", " ")):
        assert "R$ 68.000" in body
        assert "R$ 70.000" in body
    assert row.state == "sent"


def test_every_further_drop_is_told_and_a_rise_is_not(work):
    vehicle = make_vehicle(price_cents=70_000_00)
    subscribe(make_person(), "price_alert", vehicle)
    for price in (68_000_00, 69_000_00, 68_000_00, 67_000_00):
        reprice(vehicle, price)
        work()
    assert len(mails("price_drop")) == 2


def test_a_promotion_is_a_lower_price_and_its_end_is_no_news(work):
    vehicle = make_vehicle(price_cents=70_000_00)
    subscribe(make_person(), "price_alert", vehicle)
    today = datetime.now(UTC).date()
    reprice(vehicle, 70_000_00, promo_price_cents=65_000_00, promo_until=today - timedelta(days=2))
    work()
    assert mails("price_drop") == []
    reprice(vehicle, 70_000_00, promo_until=today + timedelta(days=2))
    work()
    assert len(mails("price_drop")) == 1


def test_the_mail_can_be_left_with_one_click(work):
    vehicle = make_vehicle()
    token = subscribe(make_person(), "price_alert", vehicle)
    reprice(vehicle, 60_000_00)
    work()
    for row in mails():
        assert row.headers == {
            "List-Unsubscribe": f"<http://localhost/descadastrar/{token}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        assert f"http://localhost/descadastrar/{token}" in row.text
        assert f"http://localhost/descadastrar/{token}" in row.html
        assert row.reply_to == "grupo@example.com", "another way out: answering"


def test_a_sold_car_ends_its_alert_with_three_similar_ones(work):
    store = make_store()
    vehicle = make_vehicle(store=store)
    others = [make_vehicle(store=store, trim=f"1.0 Versão {n}") for n in range(5)]
    token = subscribe(make_person(), "price_alert", vehicle)
    sell(vehicle)
    work()
    work()
    (row,) = mails("car_sold")
    shown = [car for car in others if car.public_id in row.text]
    assert len(shown) == 3
    assert all(f"/oferta/{car.slug}-{car.public_id}" in row.html for car in shown)
    found = the_subscription(token)
    assert found.ended_at
    assert found.end_reason == "sold"


def test_a_reserved_car_is_no_news(work):
    vehicle = make_vehicle()
    token = subscribe(make_person(), "price_alert", vehicle)
    sell(vehicle, "reserved")
    work()
    assert mails("car_sold") == []
    assert the_subscription(token).ended_at is None


def test_a_car_taken_back_to_draft_says_nothing_about_its_price(work):
    vehicle = make_vehicle(price_cents=70_000_00)
    subscribe(make_person(), "price_alert", vehicle)
    sell(vehicle, "draft")
    reprice(vehicle, 10_000_00)
    work()
    assert mails("price_drop") == []


def test_a_car_that_was_deleted_ends_its_alert_in_silence(work):
    vehicle = make_vehicle()
    token = subscribe(make_person(), "price_alert", vehicle)
    work()
    before = len(mails())
    with writing() as session:
        session.delete(session.get(Vehicle, vehicle.id))
    work()
    assert len(mails()) == before
    assert the_subscription(token).ended_at


def test_without_a_mail_address_somebody_is_asked_to_call(work):
    vehicle = make_vehicle(price_cents=70_000_00)
    person_id = make_person("Bia", phone="+5511987654321")
    subscribe(person_id, "price_alert", vehicle)
    reprice(vehicle, 68_000_00)
    work()
    work()
    assert mails() == []
    lead = db.session.scalars(sa.select(Lead)).one()
    (event,) = db.session.scalars(sa.select(LeadEvent))
    assert (lead.person_id, lead.vehicle_id, event.kind) == (person_id, vehicle.id, "price_drop")
    assert event.data["price_cents"] == 68_000_00


def test_the_note_joins_the_open_lead(work):
    vehicle = make_vehicle(price_cents=70_000_00)
    person_id = make_person("Bia", phone="+5511987654321")
    with writing() as session:
        session.add(Lead(person_id=person_id, department="sales", source="form:contato"))
    subscribe(person_id, "price_alert", vehicle)
    sell(vehicle)
    work()
    assert len(db.session.scalars(sa.select(Lead)).all()) == 1
    (event,) = db.session.scalars(sa.select(LeadEvent))
    assert event.kind == "alert_sold"


def test_asking_again_is_one_alert_from_the_price_seen_now(work):
    vehicle = make_vehicle(price_cents=70_000_00)
    person_id = make_person()
    first = subscribe(person_id, "price_alert", vehicle)
    reprice(vehicle, 75_000_00)
    assert subscribe(person_id, "price_alert", vehicle) == first
    reprice(vehicle, 72_000_00)
    work()
    assert len(mails("price_drop")) == 1
    assert len(mails("alert_set")) == 1, "the same mail is not written twice a day"


def test_an_alert_without_a_car_watches_nothing(app):
    person_id = make_person()
    with writing() as session:
        person = session.get(Person, person_id)
        assert subscriptions.subscribe(person, "price_alert", vehicle=None) is None


def test_after_a_suspicious_post_nobody_is_written_to(work):
    vehicle = make_vehicle(price_cents=70_000_00)
    person_id = make_person()
    for kind in sorted(subscriptions.KINDS):
        with writing() as session:
            session.add(Submission(id=kind, source="form:x", idem_key=kind, payload={}))
            session.flush()
            session.add(
                Enquiry(
                    submission_id=kind,
                    source="form:x",
                    kind=kind,
                    person_id=person_id,
                    is_suspect=True,
                )
            )
        subscribe(person_id, kind, vehicle)
    reprice(vehicle, 60_000_00)
    work()
    assert mails() == []


def test_two_workers_tell_one_price_once(app):
    vehicle = make_vehicle(price_cents=70_000_00)
    token = subscribe(make_person(), "price_alert", vehicle)
    reprice(vehicle, 68_000_00)
    payload = {"subscription_id": the_subscription(token).id}
    records = [subscriptions.tell_price(payload) for _worker in range(2)]
    for record in records:
        with writing():
            record()
    assert len(mails("price_drop")) == 1
    assert subscriptions.tell_price(payload) is None


def test_who_left_meanwhile_is_not_told(app):
    vehicle = make_vehicle(price_cents=70_000_00)
    token = subscribe(make_person(), "price_alert", vehicle)
    reprice(vehicle, 68_000_00)
    record = subscriptions.tell_price({"subscription_id": the_subscription(token).id})
    with writing():
        subscriptions.end(token)
    with writing():
        record()
    assert mails("price_drop") == []


def test_looking_costs_one_statement_when_there_is_no_news(app, statements):
    store = make_store()
    for number in range(5):
        subscribe(make_person(f"P{number}"), "price_alert", make_vehicle(store=store))
    db.session.rollback()
    statements.clear()
    subscriptions.price_alerts({})
    assert len(statements) == 1


def test_looking_costs_one_statement_a_batch_and_one_per_alert_with_news(
    app, statements, monkeypatch
):
    monkeypatch.setattr(subscriptions, "BATCH", 3)
    vehicle = make_vehicle(price_cents=70_000_00)
    for number in range(7):
        subscribe(make_person(f"P{number}"), "price_alert", vehicle)
    reprice(vehicle, 60_000_00)
    db.session.rollback()
    statements.clear()
    subscriptions.price_alerts({})
    assert len(statements) == 3 + 7
    count = sa.select(sa.func.count()).select_from(Job).where(Job.kind == "tell_price")
    assert db.session.scalar(count) == 7


def test_the_newsletter_waits_for_its_reader(work):
    token = subscribe(make_person(), "newsletter")
    work()
    (row,) = mails()
    assert row.kind == "newsletter_confirm"
    assert f"http://localhost/novidades/{token}" in row.text
    assert the_subscription(token).confirmed_at is None
    with writing():
        subscriptions.confirm(token)
    found = the_subscription(token)
    assert found.confirmed_at
    assert consent.is_allowed(found.person_id, "newsletter")
    with writing():
        subscriptions.confirm(token)
    assert the_subscription(token).confirmed_at == found.confirmed_at


def test_asking_for_the_newsletter_again_and_again_writes_one_mail_a_day(work):
    person_id = make_person()
    for _time in range(3):
        subscribe(person_id, "newsletter")
        work()
    assert len(mails()) == 1


def test_alerts_for_many_cars_do_not_fill_a_mailbox(work):
    store = make_store()
    person_id = make_person()
    for _number in range(8):
        subscribe(person_id, "price_alert", make_vehicle(store=store))
        work()
    assert len(mails()) == letters.MOST_AN_HOUR


def test_leaving_takes_the_consent_back_and_can_be_repeated(app):
    token = subscribe(make_person(), "newsletter")
    with writing():
        subscriptions.confirm(token)
    for _time in range(2):
        with writing():
            subscriptions.end(token)
    found = the_subscription(token)
    assert found.end_reason == "person"
    assert not consent.is_allowed(found.person_id, "newsletter")


def test_a_link_confirmed_after_leaving_starts_nothing(app):
    token = subscribe(make_person(), "newsletter")
    with writing():
        subscriptions.end(token)
    with writing():
        subscriptions.confirm(token)
    assert the_subscription(token).confirmed_at is None


def test_who_left_may_come_back_under_a_new_link(app):
    person_id = make_person()
    first = subscribe(person_id, "newsletter")
    with writing():
        subscriptions.end(first)
    assert subscribe(person_id, "newsletter") != first


def test_stopping_everything_stops_offers_too(app):
    vehicle = make_vehicle()
    person_id = make_person()
    token = subscribe(person_id, "newsletter")
    subscribe(person_id, "price_alert", vehicle)
    with writing() as session:
        person = session.get(Person, person_id)
        text = consent.current_text(consent.MARKETING)
        consent.record(person, "marketing", True, text, channel="site")
    assert len(subscriptions.preferences(token).received) == 2
    assert subscriptions.preferences(token).allows_offers
    with writing():
        subscriptions.end_everything(token)
    found = subscriptions.preferences(token)
    assert found.received == ()
    assert not found.allows_offers


def test_an_unknown_token_is_nobodys(app):
    for token in ("", "x", "x" * 500):
        with pytest.raises(subscriptions.NoSuchSubscription):
            subscriptions.find(token)


@pytest.mark.parametrize(
    ("email", "hint"),
    [("ana.lima@example.com", "a•••@example.com"), ("", ""), ("torto", "")],
)
def test_the_page_of_a_forwarded_link_shows_little_of_the_address(email, hint):
    assert subscriptions.hint_of(email) == hint
