"""A question from a portal is answered from the lead's screen: once, and told as it fared."""

import re
import threading

import pytest
import sqlalchemy as sa

from core.db import db, writing
from dealership.staff import find_staff
from integrators import accounts, answering
from integrators.models import PortalAccount
from jobs.worker import JobSetup, Worker
from leads import erasure, stop_list
from leads.models import Lead, LeadEvent
from tests.admin.conftest import StaffClient, open_session
from tests.factories import make_store
from tests.integrators import events
from tests.leads.pipeline.waiting import happen
from tests.simulators.mercadolivre import MercadoLivre
from tests.simulators.olx import Olx

DESK, TEXT = "/admin/atendimento/", "Aceitamos, sim. Pode trazer o carro."


def ask_there(number: str, text: str) -> dict:
    return {
        "id": int(number), "text": text, "item_id": "MLB1", "from": {"id": 777},
        "status": "UNANSWERED", "date_created": f"2026-11-20T12:{number}:00.000Z",
    }  # fmt: skip


@pytest.fixture
def service():
    with MercadoLivre() as simulated:
        simulated.questions["55"] = ask_there("55", "Aceita troca?")
        yield simulated


@pytest.fixture
def run(app):
    """Does what is due."""

    def go() -> None:
        db.session.rollback()
        with writing() as session:
            session.execute(sa.text("UPDATE job SET due_at = created_at WHERE state = 'ready'"))
        handlers = app.extensions["vitrine_jobs"].handlers
        Worker(app, JobSetup(handlers), threads=1).run(drain=True)
        db.session.rollback()
        db.session.expire_all()

    return go


def connect(service) -> str:
    """An account at the service: where it posts to."""
    with writing():
        _row, token = accounts.register(
            service.kind, f"Conta {service.kind}", service.settings, base_url=service.url
        )
    accounts.forget_copies()
    return f"/webhooks/{service.kind}/{token}"


@pytest.fixture
def ana(app, sign_in):
    make_store()
    return sign_in("attendant", email="ana@loja.example")


def the_account() -> PortalAccount:
    return db.session.scalars(sa.select(PortalAccount)).one()


def taken(ana) -> int:
    """The only lead, taken."""
    lead = db.session.scalars(sa.select(Lead)).one()
    member = find_staff(ana.email)
    happen(lead, "claimed", ana.email, owner_id=member.id)
    return lead.id


@pytest.fixture
def asked(client, service, run, ana) -> int:
    path = connect(service)
    note = events.mercadolivre_note(resource="/questions/55", topic="questions")
    assert client.post(path, json=note).status_code == 200
    run()
    return taken(ana)


def form_of(page: str) -> dict[str, str]:
    """The hidden fields of the form that answers."""
    form = page.split('/responder">')[1].split("</form>")[0]
    return dict(re.findall(r'name="(id|pergunta)" value="(\w+)"', form))


def kinds_of(lead_id: int) -> list[str]:
    rows = sa.select(LeadEvent.kind).where(LeadEvent.lead_id == lead_id).order_by(LeadEvent.id)
    return [one for one in db.session.scalars(rows) if one.startswith(("answer", "human"))]


def first_contact(lead_id: int):
    db.session.expire_all()
    return db.session.get_one(Lead, lead_id).first_contact_at


def test_an_answer_goes_once_and_counts_when_the_portal_took_it(asked, ana, service, run):
    here = f"{DESK}{asked}/"
    page = ana.get(here).text
    assert "Responder no Mercado Livre" in page
    form = {**form_of(page), "texto": TEXT}
    for _turn in range(2):  # a double click
        sent = ana.post(f"{here}responder", form)
        assert (sent.status_code, sent.location) == (303, f"{here}#m-responder")
    assert kinds_of(asked) == ["answer_written"]
    assert first_contact(asked) is None
    assert "A caminho" in ana.get(here).text
    assert "A caminho" in ana.get(f"{here}resposta").text
    run()
    assert service.questions["55"]["answer"]["text"] == TEXT
    assert service.counts["POST /answers"] == 1
    assert kinds_of(asked) == ["answer_written", "answer_sent", "human_contact"]
    assert first_contact(asked) is not None
    page = ana.get(here).text
    assert "Entregue às" in page
    assert f"Respondeu no portal: {TEXT}" in page
    assert 'name="pergunta"' not in page
    assert ana.post(f"{here}responder", form).status_code == 303  # the page was reloaded later
    assert kinds_of(asked).count("answer_written") == 1
    with writing():
        erasure.erase(db.session.get_one(Lead, asked).person_id, "asked")
    assert TEXT not in str(db.session.scalars(sa.select(LeadEvent.data)).all())


def test_two_posts_of_one_form_at_once_are_one_answer(app, asked, ana):
    here = f"{DESK}{asked}/"
    form = {**form_of(ana.get(here).text), "texto": TEXT}
    other = app.test_client()
    open_session(other, find_staff(ana.email))
    start, found = threading.Barrier(2), []

    def post(person: StaffClient) -> None:
        with app.app_context():
            start.wait()
            found.append(person.post(f"{here}responder", form).status_code)

    threads = [
        threading.Thread(target=post, args=[one]) for one in (ana, StaffClient(other, ana.email))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.rollback()
    assert found == [303, 303]
    assert kinds_of(asked) == ["answer_written"]


def test_a_second_click_never_answers_the_older_question(asked, client, ana, service, run):
    service.questions["56"] = ask_there("56", "Tem laudo?")
    path = accounts.own_path(the_account())
    note = events.mercadolivre_note(resource="/questions/56", topic="questions", _id="n-56")
    assert client.post(path, json=note).status_code == 200
    run()
    here = f"{DESK}{asked}/"
    form = {**form_of(ana.get(here).text), "texto": "Tem, sim."}
    for _turn in range(2):
        ana.post(f"{here}responder", form)
    run()
    assert service.questions["56"]["answer"]["text"] == "Tem, sim."
    assert service.questions["55"]["status"] == "UNANSWERED"
    assert "Aceita troca?" in ana.get(here).text.split('id="m-responder"')[1]


def test_a_question_that_was_closed_there_takes_no_answer_any_more(asked, ana, service, run):
    here = f"{DESK}{asked}/"
    ana.post(f"{here}responder", {**form_of(ana.get(here).text), "texto": TEXT})
    service.questions["55"] |= {"status": "CLOSED_UNANSWERED"}
    run()
    assert kinds_of(asked) == ["answer_written", "answer_failed"]
    assert first_contact(asked) is None
    page = ana.get(here).text
    assert "Não foi entregue" in page
    assert "respondida ou encerrada" in page
    assert 'name="pergunta"' not in page


def test_an_answer_that_did_not_arrive_says_why_and_is_there_to_send_again(
    asked, ana, service, run
):
    here = f"{DESK}{asked}/"
    ana.post(f"{here}responder", {**form_of(ana.get(here).text), "texto": TEXT})
    with writing():
        accounts.pause(the_account())
    run()
    page = ana.get(here).text
    assert page.count("não está conectada") == 3  # history, question, answer
    assert "Escrever de novo" in page
    assert 'name="pergunta"' not in page
    with writing():
        accounts.go_on(the_account())
    page = ana.get(here).text
    assert TEXT in page.split('id="r-text"')[1].split("</textarea>")[0]
    ana.post(f"{here}responder", {**form_of(page), "texto": TEXT})
    run()
    assert service.questions["55"]["answer"]["text"] == TEXT
    assert first_contact(asked) is not None


@pytest.mark.parametrize("text", ["", "x" * 2001])
def test_a_text_that_will_not_do_keeps_what_was_typed(asked, ana, text):
    here = f"{DESK}{asked}/"
    form = form_of(ana.get(here).text)
    refused = ana.post(f"{here}responder", {**form, "texto": text})
    assert refused.status_code == 422
    assert text in refused.text
    assert form_of(refused.text)["pergunta"] == form["pergunta"]
    assert kinds_of(asked) == []


def test_nobody_answers_for_who_wants_no_contact_or_is_erased(asked, ana, service, run):
    here, phone = f"{DESK}{asked}/", "+5519999990001"
    form = {**form_of(ana.get(here).text), "texto": TEXT}
    with writing():
        db.session.get_one(Lead, asked).person.phone = phone
        stop_list.stop(phone, source=stop_list.Source.STAFF, actor=ana.email, reason="by_phone")
    assert 'name="pergunta"' not in ana.get(here).text
    assert ana.post(f"{here}responder", form).status_code == 303
    assert kinds_of(asked) == []
    with writing():
        erasure.erase(db.session.get_one(Lead, asked).person_id, "asked")
    assert ana.post(f"{here}responder", form).status_code in {403, 422}
    run()
    assert service.counts["POST /answers"] == 0


def test_a_paused_account_says_so_instead_of_a_form(asked, ana):
    with writing():
        accounts.pause(the_account())
    page = ana.get(f"{DESK}{asked}/").text
    assert "não está conectada" in page
    assert 'name="pergunta"' not in page


def test_only_who_has_the_lead_answers(asked, ana, sign_in):
    bia = sign_in("attendant", email="bia@loja.example")
    form = {**form_of(ana.get(f"{DESK}{asked}/").text), "texto": TEXT}
    assert bia.post(f"{DESK}{asked}/responder", form).status_code == 403
    assert 'name="pergunta"' not in bia.get(f"{DESK}{asked}/").text
    assert kinds_of(asked) == []


def test_an_answer_in_a_chat_is_one_to_all_that_stood_there(client, ana, run):
    with Olx() as service:
        path = connect(service)
        for number, text in enumerate(("Aceita troca?", "E o laudo?")):
            message = {
                "chatId": "c-1", "messageId": f"m-{number}", "message": text, "origin": "buyer",
                "senderType": "buyer", "name": "Ana", "email": "", "phone": "", "listId": "1",
                "messageTimestamp": f"2026-11-20T12:0{number}:00.000Z",
            }  # fmt: skip
            client.post(path, json=message)
        run()
        here = f"{DESK}{taken(ana)}/"
        page = ana.get(here).text
        assert "Responder no chat da OLX" in page
        ana.post(f"{here}responder", {**form_of(page), "texto": TEXT})
        assert 'name="pergunta"' not in ana.get(here).text
        run()
        assert [one["textMessage"] for one in service.chat_sent] == [TEXT]
        assert "Entregue às" in ana.get(f"{here}resposta").text


def test_a_portal_that_is_away_for_half_a_day_gets_no_answer(asked, ana, service, run):
    here = f"{DESK}{asked}/"
    ana.post(f"{here}responder", {**form_of(ana.get(here).text), "texto": TEXT})
    with writing() as session:
        (written,) = session.scalars(sa.select(LeadEvent).filter_by(kind="answer_written"))
        written.at -= answering.LONGEST_WAIT * 2
    run()
    page = ana.get(here).text
    assert "entregar por horas" in page
    assert TEXT in page.split('id="r-text"')[1].split("</textarea>")[0]
