"""A booked visit seen, cancelled and put into a calendar by its own person."""

from datetime import UTC, datetime

import icalendar
import pytest
import time_machine

from core.db import db, writing
from dealership.identity import profile_of
from dealership.models import Store
from leads.appointments import book, slots
from leads.capture import Arrival, accept
from leads.models import Appointment
from tests.factories import make_store, make_vehicle

MONDAY = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)


@pytest.fixture
def booked(app) -> Appointment:
    with time_machine.travel(MONDAY, tick=False):
        store, car = make_store(), make_vehicle()
        slot = slots(profile_of(db.session.get(Store, store.id)), "test_drive")[0].slots[0]
        token = accept(Arrival(source="form:test-drive", idem_key="k", payload={})).id
        store_id, car_id = store.id, car.id
        with writing():
            appointment = book("test_drive", store_id, slot.starts_at, car_id, token)
        yield appointment


def test_the_page_says_when_where_and_what(client, booked):
    answer = client.get(f"/agenda/{booked.submission_id}")
    assert answer.status_code == 200
    assert "Segunda-feira, 2 de março, 12:00" in answer.text
    assert "Av. Exemplo, 100" in answer.text
    assert "Chevrolet Onix" in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert 'content="noindex' in answer.text


def test_cancelling_frees_the_time_and_twice_is_once(client, booked):
    path = f"/agenda/{booked.submission_id}"
    for _twice in range(2):
        answer = client.post(path)
        assert answer.status_code == 303
        assert answer.headers["Location"] == path
    assert db.session.get(Appointment, booked.id).state == "cancelled"
    page = client.get(path).text
    assert f'action="{path}"' not in page
    assert "/test-drive?oferta=" in page
    assert "<title>Visita cancelada" in page


def test_looking_cancels_nothing(client, booked):
    client.get(f"/agenda/{booked.submission_id}")
    client.head(f"/agenda/{booked.submission_id}")
    db.session.expire_all()
    assert db.session.get(Appointment, booked.id).state == "booked"


def test_another_sites_form_cancels_nothing(client, booked):
    answer = client.post(
        f"/agenda/{booked.submission_id}", headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    db.session.expire_all()
    assert db.session.get(Appointment, booked.id).state == "booked"


def test_a_visit_that_has_come_is_told_so(client, booked):
    token, starts_at = booked.submission_id, booked.starts_at
    with time_machine.travel(starts_at, tick=False):
        answer = client.post(f"/agenda/{token}")
    assert answer.status_code == 409
    assert 'role="alert"' in answer.text


def test_the_calendar_file_is_a_private_attachment(client, booked):
    answer = client.get(f"/agenda/{booked.submission_id}.ics")
    assert answer.mimetype == "text/calendar"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    event = icalendar.Calendar.from_ical(answer.get_data()).walk("VEVENT")[0]
    assert event.decoded("dtstart") == booked.starts_at


@pytest.mark.parametrize(
    "token", ["x", "0" * 32, "0" * 31 + "g", "ação", "%00", "a" * 3000, "../x"]
)
def test_unknown_tokens_are_not_found(client, token):
    for suffix in ("", ".ics"):
        assert client.get(f"/agenda/{token}{suffix}").status_code == 404
    assert client.post(f"/agenda/{token}").status_code == 404
