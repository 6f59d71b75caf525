"""`/admin/modelos/`, the texts on a lead's screen, and mail from the desk."""

import re
import threading
from dataclasses import replace
from urllib.parse import unquote

import pytest
import sqlalchemy as sa

from core.db import db, writing
from dealership.roles import Role
from dealership.staff import create_staff, find_staff
from jobs.worker import JobSetup, Worker
from leads.message_templates import MessageTemplate, ship_texts
from leads.models import LeadEvent, Mail, Person
from leads.stop_list import Source, stop
from tests.admin.conftest import open_session
from tests.factories import make_store, make_vehicle
from tests.leads.pipeline.waiting import fresh, happen, make_lead
from tests.post_office import post_office

HERE, DESK = "/admin/modelos/", "/admin/atendimento/"
TOKEN = "ab" * 16
GOOD = {
    "nome": "Oi", "canal": "whatsapp", "situacao": "no_answer", "finalidade": "answer",
    "departamento": "", "tipo": "", "assunto": "", "texto": "Oi, {nome}!",
}  # fmt: skip
MAIL = {"id": TOKEN, "assunto": "Seu carro", "texto": "Olá, Bia!\nTudo certo."}


@pytest.fixture(autouse=True)
def _texts(app):
    ship_texts()


@pytest.fixture
def server(app, monkeypatch):
    with post_office() as (inbox, host):
        config = replace(app.extensions["vitrine"], smtp_url=f"smtp://{host}")
        monkeypatch.setitem(app.extensions, "vitrine", config)
        yield inbox


@pytest.fixture
def work(app):
    def run():
        db.session.rollback()
        Worker(app, JobSetup(app.extensions["vitrine_jobs"].handlers), threads=1).run(drain=True)
        db.session.rollback()

    return run


@pytest.fixture
def ana(sign_in):
    """An attendant."""
    return sign_in("attendant")


@pytest.fixture
def lead(ana):
    """Bia's, who wrote about a car; Ana has it."""
    store = make_store(email="loja@example.com")
    person = Person(name="Bia Souza", phone="+5511987654321", email="bia@example.com")
    lead = make_lead(person=person, store_id=store.id, vehicle_id=make_vehicle(store=store).id)
    happen(lead, "claimed", ana.email, owner_id=find_staff(ana.email).id)
    return lead


def kinds(lead):
    db.session.rollback()
    query = sa.select(LeadEvent.kind).where(LeadEvent.lead_id == lead.id).order_by(LeadEvent.id)
    return list(db.session.scalars(query))


def mails():
    db.session.rollback()
    return list(db.session.scalars(sa.select(Mail).order_by(Mail.id)))


def text_named(code):
    query = sa.select(MessageTemplate).where(MessageTemplate.code == code)
    return db.session.scalars(query).one()


# --- the screen --------------------------------------------------------------------------------


def test_a_text_is_written_changed_archived_and_brought_back(sign_in):
    boss = sign_in("supervisor")
    assert "Primeira resposta: carro" in boss.get(HERE).text
    assert boss.post(f"{HERE}novo", data=GOOD).status_code == 303
    row = db.session.scalars(sa.select(MessageTemplate).where(MessageTemplate.code.is_(None))).one()
    at = f"{HERE}{row.id}/"
    assert 'value="Oi"' in boss.get(at).text
    assert boss.post(at, data={**GOOD, "texto": "Oi, {nome|você}!"}).status_code == 303
    db.session.rollback()
    assert db.session.get_one(MessageTemplate, row.id).body == "Oi, {nome|você}!"
    for _double in range(2):
        boss.post(f"{at}arquivar")
    assert ">Oi, Carla!<" not in boss.get(HERE).text
    assert ">Oi, Carla!<" in boss.get(f"{HERE}?situacao=arquivados").text
    boss.post(f"{at}restaurar")
    assert ">Oi, Carla!<" in boss.get(HERE).text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"texto": "Oi, {nme}!"}, "{nome}"),
        ({"texto": "Oi, {nome!"}, "{nome}"),
        ({"texto": "{}"}, "{nome}"),
        ({"texto": ""}, "vazio"),
        ({"texto": "x" * 1501}, "1500"),
        ({"nome": " "}, "colegas"),
        ({"canal": "fax"}, "lista"),
        ({"situacao": "'; drop table lead; --"}, "lista"),
        ({"canal": "mail", "assunto": "\r\nBcc: x@y.z\r\n{"}, "{nome}"),
    ],
)
def test_what_cannot_be_sent_is_not_kept_and_says_why(sign_in, wrong, words):
    boss = sign_in("supervisor")
    answer = boss.post(f"{HERE}novo", data={**GOOD, **wrong})
    assert answer.status_code == 422
    assert words in answer.text
    assert not db.session.scalar(
        sa.select(MessageTemplate.id).where(MessageTemplate.code.is_(None))
    )


def test_the_second_of_two_editors_is_told(sign_in):
    boss = sign_in("supervisor")
    boss.get(HERE)
    row = text_named("visit")
    page = boss.get(f"{HERE}{row.id}/").text
    mark = re.search(r'name="marca"[^>]*value="(\w+)"', page)[1]
    boss.post(f"{HERE}{row.id}/", data={**GOOD, "marca": mark})
    answer = boss.post(f"{HERE}{row.id}/", data={**GOOD, "texto": "mine", "marca": mark})
    assert answer.status_code == 409
    assert "mine" in answer.text


def test_the_preview_shows_an_invented_person_and_unknown_slots(sign_in):
    boss = sign_in("supervisor")
    text = boss.post(f"{HERE}previa", data={**GOOD, "texto": "<b>{nome} {xis}"}).text
    assert "&lt;b&gt;Carla {xis}" in text
    assert "Estes campos não existem" in text
    assert "<html" not in text


# --- on a lead's screen ------------------------------------------------------------------------


def whatsapp_text(page):
    link = page.text.partition('href="https://wa.me/5511987654321?text=')[2].partition('"')[0]
    return unquote(link)


def test_whatsapp_opens_with_the_best_text_and_another_one_is_chosen_without_script(ana, lead):
    page = ana.get(f"{DESK}{lead.id}/")
    said = whatsapp_text(page)
    assert said.startswith("Oi, Bia! Aqui é ")
    assert "R$ 69.900" in said
    assert "/oferta/chevrolet-onix" in said
    other = text_named("no_answer_any")
    page = ana.get(f"{DESK}{lead.id}/?modelo={other.id}")
    assert "Tentei falar com você" in whatsapp_text(page)
    for nonsense in ("x", "999999", "-1", "1" * 30):
        assert whatsapp_text(ana.get(f"{DESK}{lead.id}/?modelo={nonsense}")) == said


def test_a_text_that_lacks_a_fact_has_no_link_and_says_which(ana, lead):
    row = text_named("visit")
    page = ana.get(f"{DESK}{lead.id}/?modelo={row.id}").text
    assert "wa.me" not in page
    assert "dia e hora da visita" in page


def test_no_answer_moves_on_the_cadence(ana, lead):
    ana.post(f"{DESK}{lead.id}/tentei", data={"canal": "phone", "resultado": "no_answer"})
    assert "passo 2 de 5" in ana.get(f"{DESK}{lead.id}/").text
    assert (fresh(lead).state, lead.next_action) == ("trying", "call")


# --- mail --------------------------------------------------------------------------------------


def test_a_mail_is_sent_once_and_stops_the_clock_when_the_server_took_it(ana, lead, server, work):
    for _double in range(2):
        assert ana.post(f"{DESK}{lead.id}/email", data=MAIL).status_code == 303
    assert fresh(lead).first_contact_at is None
    assert kinds(lead) == ["enquiry", "claimed", "mail_written"]
    work()
    (message,) = server.messages
    assert (message["To"], message["Reply-To"]) == ("bia@example.com", "loja@example.com")
    text = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert "Olá, Bia!\nTudo certo." in text
    (mail,) = mails()
    contact = fresh(lead).events[-1]
    assert (contact.kind, contact.actor) == ("human_contact", ana.email)
    assert (contact.data["evidence"], contact.data["mail_id"]) == ("mail", mail.id)
    assert lead.first_contact_at is not None
    assert lead.state == "trying"
    ana.post(f"{DESK}{lead.id}/email", data=MAIL)
    work()
    assert len(server.messages) == 1
    assert kinds(lead).count("human_contact") == 1


def test_a_mail_that_is_refused_stops_no_clock(ana, lead, server, work):
    server.refuse["bia@example.com"] = "550 no such user"
    ana.post(f"{DESK}{lead.id}/email", data=MAIL)
    work()
    assert kinds(lead)[-1] == "mail_failed"
    assert fresh(lead).first_contact_at is None


def test_who_wants_no_mail_gets_none_whenever_they_say_so(ana, lead, server, work):
    ana.post(f"{DESK}{lead.id}/email", data=MAIL)
    with writing() as session:
        person = session.get_one(Person, lead.person_id)
        stop(person, source=Source.STAFF, actor=ana.email, reason="by_phone")
    work()
    assert (server.messages, kinds(lead)[-1]) == ([], "mail_stopped")
    ana.post(f"{DESK}{lead.id}/email", data={**MAIL, "id": "cd" * 16})
    assert len(mails()) == 1
    assert fresh(lead).first_contact_at is None


def test_a_lead_that_ended_meanwhile_has_a_mail_and_no_contact(ana, lead, server, work):
    ana.post(f"{DESK}{lead.id}/email", data=MAIL)
    happen(lead, "lost", ana.email, reason="price")
    work()
    assert len(server.messages) == 1
    assert kinds(lead)[-1] == "mail_sent"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"texto": "Custa {preco}."}, "{preco}"),
        ({"assunto": "{carro}"}, "{carro}"),
        ({"texto": " "}, "vazio"),
        ({"assunto": "\r\n"}, "assunto"),
        ({"texto": "x" * 8001}, "8000"),
        ({"id": "../x"}, "novo"),
        ({"id": ""}, "novo"),
    ],
)
def test_what_cannot_be_mailed_comes_back_as_typed(ana, lead, wrong, words):
    answer = ana.post(f"{DESK}{lead.id}/email", data={**MAIL, **wrong})
    assert answer.status_code == 422
    assert words in answer.text
    assert mails() == []


def test_a_colleague_does_not_write_for_who_has_the_lead(sign_in, lead):
    other = sign_in("attendant", email="outra@loja.example")
    assert other.post(f"{DESK}{lead.id}/email", data=MAIL).status_code == 403
    assert sign_in("supervisor").post(f"{DESK}{lead.id}/email", data=MAIL).status_code == 303


def test_without_an_address_there_is_no_form(ana, lead):
    with writing() as session:
        session.get_one(Person, lead.person_id).email = ""
    assert "Escrever um e-mail" not in ana.get(f"{DESK}{lead.id}/").text
    assert ana.post(f"{DESK}{lead.id}/email", data=MAIL).status_code == 422


def test_two_posts_at_once_are_one_mail(app, ana, lead):
    with writing():
        create_staff("b@example.com", Role.SUPERVISOR, name="B")
    lead_id, start, seen = lead.id, threading.Barrier(4), []
    db.session.rollback()
    clients = []
    for _one in range(4):
        client = app.test_client()
        open_session(client, find_staff(ana.email))
        clients.append(client)
    db.session.rollback()

    def post(client):
        from tests.admin.conftest import token_of

        token = token_of(client)
        start.wait(60)
        data = {**MAIL, "csrf_token": token}
        seen.append(client.post(f"{DESK}{lead_id}/email", data=data).status_code)

    threads = [threading.Thread(target=post, args=(one,)) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == [303] * 4
    assert len(mails()) == 1
    assert kinds(lead).count("mail_written") == 1
