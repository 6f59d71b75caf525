"""A question is answered where it was asked, once."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from integrators import answering
from jobs.worker import JobSetup, Worker
from leads import stop_list
from leads.models import Lead, LeadEvent
from leads.stop_list import Stopped
from tests.factories import make_store
from tests.integrators import events
from tests.simulators.faults import Fault
from tests.simulators.mercadolivre import MercadoLivre
from tests.simulators.olx import Olx

BY, PHONE = "ana@loja.example", "+5516999990001"
TEXT = "Aceitamos, sim. Pode trazer o carro."


@pytest.fixture
def service():
    with MercadoLivre() as simulated:
        simulated.questions["55"] = {
            "id": 55, "text": "Aceita troca?", "item_id": "MLB1", "from": {"id": 777},
            "status": "UNANSWERED", "date_created": "2026-11-20T12:00:00.000Z",
        }  # fmt: skip
        yield simulated


@pytest.fixture
def run(app):
    """Does the answers that are due, `rounds` times over."""

    def go(rounds: int = 1) -> None:
        for _ in range(rounds):
            db.session.rollback()
            with writing() as session:
                session.execute(sa.text("UPDATE job SET due_at = created_at"))
            setup = app.extensions["vitrine_jobs"]
            handlers = {**setup.handlers, **answering.JOBS}
            Worker(app, JobSetup(handlers), threads=1).run(drain=True)
            db.session.rollback()

    return go


@pytest.fixture
def asked(client, register, service, run, look):
    make_store()
    portal = register("mercadolivre", base_url=service.url, **service.settings)
    note = events.mercadolivre_note(resource="/questions/55", topic="questions")
    assert client.post(portal.path, json=note).status_code == 200
    run()
    (lead,) = look.leads
    return lead


def write(lead: Lead, text: str = TEXT) -> None:
    with writing():
        answering.answer(lead.id, text, BY)


def told(lead: Lead) -> list[str]:
    db.session.rollback()
    db.session.expire_all()
    rows = db.session.query(LeadEvent).filter_by(lead_id=lead.id).order_by(LeadEvent.id)
    return [row.kind for row in rows if row.kind.startswith("answer_")]


def test_an_answer_reaches_the_portal_and_counts_as_ours(asked, service, run):
    assert answering.can_answer(asked).text == "Aceita troca?"
    write(asked)
    assert service.questions["55"]["status"] == "UNANSWERED"  # kept first, sent by a job
    run()
    assert service.questions["55"]["answer"]["text"] == TEXT
    assert told(asked) == ["answer_written", "answer_sent"]
    assert answering.can_answer(asked) is None
    with pytest.raises(answering.NotAnswerable):
        write(asked)


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.BROKEN_AFTER, Fault.CUT])
def test_a_lost_answer_is_looked_at_and_never_said_twice(asked, service, run, fault):
    service.faults.force(fault, "POST", "/answers")
    write(asked)
    run(rounds=2)
    assert service.questions["55"]["answer"]["text"] == TEXT
    assert told(asked) == ["answer_written", "answer_sent"]
    assert service.counts["POST /answers"] == (2 if fault is Fault.BROKEN else 1)


def test_a_question_answered_there_meanwhile_is_told_in_words(asked, service, run):
    write(asked)
    service.questions["55"] |= {"status": "ANSWERED", "answer": {"text": "Outra resposta"}}
    run()
    assert told(asked) == ["answer_written", "answer_failed"]
    assert service.counts["POST /answers"] == 0


def test_who_wants_no_contact_gets_none(asked, service, run):
    write(asked)
    with writing():
        asked.person.phone = PHONE
        stop_list.stop(PHONE, source=stop_list.Source.STAFF, actor=BY, reason="by_phone")
    run()
    assert told(asked) == ["answer_written", "answer_failed"]
    assert service.counts["POST /answers"] == 0
    assert answering.can_answer(asked) is None
    with pytest.raises((Stopped, answering.NotAnswerable)):
        write(asked)


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001])
def test_a_text_that_will_not_do_is_refused(asked, text):
    with pytest.raises(answering.NotAnswerable):
        write(asked, text)


@pytest.mark.parametrize(
    ("fault", "ends"),
    [(None, "answer_sent"), (Fault.BUSY, "answer_sent"), (Fault.BROKEN_AFTER, "answer_failed")],
)
def test_olx_gets_one_message_in_its_chat(client, register, run, look, fault, ends):
    make_store()
    with Olx() as service:
        portal = register("olx", base_url=service.url, **service.settings)
        message = {
            "chatId": "c-1", "messageId": "m-1", "message": "Aceita troca?", "origin": "buyer",
            "senderType": "buyer", "name": "Ana", "email": "", "phone": "", "listId": "1",
            "messageTimestamp": "2026-11-20T12:00:00.000Z",
        }  # fmt: skip
        client.post(portal.path, json=message)
        run()
        (lead,) = look.leads
        if fault:
            service.faults.force(fault, "POST", "/autoservice/v1/chat/send")
        write(lead)
        run(rounds=2)
        assert [one["textMessage"] for one in service.chat_sent] == [TEXT]
        assert told(lead) == ["answer_written", ends]
