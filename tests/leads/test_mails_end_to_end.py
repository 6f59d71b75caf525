"""From a form on the site to the mailboxes, through real jobs and real SMTP."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from core.db import db, writing
from dealership.identity import identity
from dealership.models import Dealership
from jobs.models import Job
from jobs.worker import JobSetup, Worker
from leads.appointments import slots
from leads.models import Mail
from tests.factories import make_store, make_vehicle
from tests.post_office import Inbox, post_office

WHO = {"nome": "Ana Teste", "telefone": "(11) 98765-4321", "email": "ana@example.com"}
FORMS = {
    "/contato": {**WHO, "mensagem": "Vocês abrem no sábado?"},
    "/ligamos-para-voce": {**WHO, "quando": "morning"},
    "/avaliacao": {**WHO, "marca": "Fiat", "modelo": "Argo", "ano": "2021", "km": "42.000"},
    "/financiamento": {**WHO, "preco": "80.000", "entrada": "20.000", "prazo": "48"},
}


@pytest.fixture
def server(app, monkeypatch) -> Iterator[Inbox]:
    with post_office() as (inbox, host):
        config = replace(app.extensions["vitrine"], smtp_url=f"smtp://{host}")
        monkeypatch.setitem(app.extensions, "vitrine", config)
        yield inbox


@pytest.fixture
def work(app) -> Callable[[], None]:
    def run() -> None:
        db.session.rollback()
        Worker(app, JobSetup(app.extensions["vitrine_jobs"].handlers), threads=1).run(drain=True)
        db.session.rollback()
        failed = sa.select(Job.kind, Job.last_error).where(Job.last_error.is_not(None))
        assert db.session.execute(failed).all() == []

    return run


@pytest.fixture(autouse=True)
def _dealership(app) -> None:
    with writing() as session:
        session.merge(Dealership(id=1, name="Loja Boa", email="grupo@example.com"))


@pytest.mark.parametrize("path", FORMS)
def test_every_form_writes_to_the_person_and_the_store(client, work, server, path):
    make_store(email="loja@example.com")
    assert client.post(path, data=FORMS[path]).status_code == 303
    work()
    assert sorted(server.recipients) == ["ana@example.com", "loja@example.com"]
    for message in server.messages:
        assert message.get_body(("plain",)) is not None
        assert message.get_body(("html",)) is not None


def test_an_offer_is_named_in_both_mails(client, work, server):
    vehicle = make_vehicle(store=make_store(email="loja@example.com"))
    path = f"/oferta/{vehicle.slug}-{vehicle.public_id}"
    assert client.post(path, data=WHO).status_code == 303
    work()
    assert len(server.messages) == 2
    assert all("Chevrolet Onix" in message["Subject"] for message in server.messages)


def test_an_address_left_on_the_thank_you_page_gets_the_confirmation_once(client, work, server):
    make_store(email="loja@example.com")
    who = {"nome": "Ana Teste", "telefone": "(11) 98765-4321"}
    thanks = client.post("/contato", data=who).location
    work()
    assert server.recipients == ["loja@example.com"]
    for prazo in ("week", "month"):
        answer = client.post(thanks, data={"email": "ana@example.com", "prazo": prazo})
        assert answer.status_code == 303
        work()
    assert server.recipients == ["loja@example.com", "ana@example.com"]


def test_a_booked_test_drive_brings_its_calendar_file(client, app, work, server):
    store = make_store(email="loja@example.com")
    vehicle = make_vehicle(store=store)
    with app.test_request_context():
        from_page = _free_slot(store.slug)
    data = {**WHO, "veiculo": vehicle.public_id, "loja": store.slug, "horario": from_page}
    answer = client.post(f"/test-drive?oferta={vehicle.public_id}", data=data)
    assert answer.status_code == 303, answer.text
    work()
    (mine,) = [message for message in server.messages if message["To"] == "ana@example.com"]
    (calendar,) = mine.iter_attachments()
    assert calendar.get_content_type() == "text/calendar"
    assert "BEGIN:VEVENT" in calendar.get_content()
    assert "/agenda/" in mine.get_body(("plain",)).get_content()


def _free_slot(slug: str) -> str:
    store = identity().store(slug)
    days = slots(store, "test_drive")
    return next(slot.value for day in days for slot in day.slots if slot.is_free)


def test_a_price_alert_and_the_newsletter_begin_with_a_mail(client, work, server):
    vehicle = make_vehicle(store=make_store())
    path = f"/oferta/{vehicle.slug}-{vehicle.public_id}?formulario=alerta"
    assert client.post(path, data={"nome": "Ana", "email": "ana@example.com"}).status_code == 303
    assert client.post("/novidades", data={"email": "bia@example.com"}).status_code == 303
    work()
    kinds = sorted(db.session.scalars(sa.select(Mail.kind)))
    assert kinds == ["alert_set", "newsletter_confirm"]
    for message in server.messages:
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = message["List-Unsubscribe"].strip("<>").removeprefix("http://localhost")
        assert client.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
