"""What people write to be left alone."""

import pytest
import sqlalchemy as sa

from core.db import db, writing
from leads.capture import Arrival, insert
from leads.intake import Asked, enter
from leads.leaving import ASKED, asks_to_stop
from leads.models import Enquiry, Lead, LeadEvent, Mail
from leads.objections import Source, entries_of
from leads.stop_list import Channel, Purpose, may_send, wrote_at

pytestmark = pytest.mark.sqlite_only
QUOTED = "Sair.\n\nEm qui., 26 de nov. de 2026, Loja <a@b.c> escreveu:\n> Veja o Argo"


def write(message: str, key: str, **values) -> Enquiry:
    arrival = Arrival(source="whatsapp", idem_key=key, payload={}, kind="test")
    asked = {"source": "whatsapp", "kind": "contact", "name": "Ana", "phone": "11987654321"}
    with writing():
        insert(arrival)
        return enter(
            Asked(**{**asked, "channel": "whatsapp", "message": message, **values}), arrival.id
        )


@pytest.mark.parametrize(
    "text",
    ["SAIR", " sair! ", "Parar.", "CANCELAR", "stop", "Descadastrar 🙏", "“Sair”", "PÁRAR", QUOTED,
     "Sair\n\nEnviado do meu iPhone", "STOP\r\n-- \r\nAna Souza"],
)  # fmt: skip
def test_a_word_alone_asks_to_stop(text):
    assert asks_to_stop(text)


@pytest.mark.parametrize(
    "text",
    ["", "quero sair de casa às 10", "Posso cancelar a visita?", "sair sair", "não parar",
     "Em dúvida\n> SAIR", "> SAIR", "stop loss", "Carro parado? STOP", "sair" * 3000],
)  # fmt: skip
def test_a_sentence_does_not(text):
    assert not asks_to_stop(text)


def test_it_ends_offers_on_that_channel_alone(app):
    person = write("Sair", "one").person
    assert [entry.source for entry in entries_of(person)] == [Source.REPLY]
    assert not may_send(person, Channel.WHATSAPP, Purpose.MARKETING).allowed
    assert may_send(person, Channel.WHATSAPP, Purpose.ANSWER).allowed
    assert may_send(person, Channel.MAIL, Purpose.MARKETING).allowed


def test_nobody_has_to_act_on_it_where_nothing_is_open(app):
    assert write("STOP", "one").lead_id is None
    assert db.session.scalars(sa.select(Lead)).all() == []


def test_an_open_lead_shows_it_and_is_still_answered(app):
    lead_id = write("Aceita troca?", "one").lead_id
    assert write("cancelar", "two").lead_id == lead_id
    kinds = db.session.scalars(sa.select(LeadEvent.kind).where(LeadEvent.lead_id == lead_id))
    assert ASKED in set(kinds)


def test_a_form_is_no_answer_to_a_message(app):
    enquiry = write("Sair", "one", source="form:contato", channel="")
    assert enquiry.kind == "contact"
    assert entries_of(enquiry.person) == []


def test_a_mail_is_acknowledged_once(app):
    for key in ("one", "two"):
        write("Sair", key, source="mailbox", channel="mail", email="ana@example.com")
    (mail,) = db.session.scalars(sa.select(Mail)).all()
    assert (mail.kind, mail.to_address) == ("stop_confirmed", "ana@example.com")


def test_asking_twice_is_one_objection(app):
    person = write("Sair", "one").person
    write("Sair", "two")
    assert len(entries_of(person)) == 1
    assert wrote_at([person.id]) == {}, "no question that would let an answer through"
