"""`/admin/nao-contatar/`: looking up, adding, undoing, lifting; what a lead's page shows."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import now
from core.db import db, writing
from dealership.audit import AuditEntry
from leads.objections import StopEntry
from leads.stop_list import Channel, Purpose, Source, may_send, stop
from tests.admin.test_leads import LIST, ask
from tests.factories import make_store

HERE = "/admin/nao-contatar/"
PHONE, EMAIL = "11987654321", "ana@exemplo.com"
NOTHING = {"canal": "all", "assunto": "all", "motivo": "by_phone"}


def entries() -> list[StopEntry]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(StopEntry).order_by(StopEntry.id)))


def make_lead() -> int:
    return ask(phone=PHONE, email=EMAIL, name="Beatriz Moura").id


def test_two_taps_on_a_lead_stop_everything_and_its_page_says_so(sign_in):
    lead_id = make_lead()
    attendant = sign_in("attendant")
    before = attendant.get(f"{LIST}{lead_id}/?combinado=1").text
    assert "https://wa.me/55" in before
    for _double in range(2):
        answer = attendant.post(f"{HERE}parar", data={"lead": lead_id, **NOTHING})
        assert answer.headers["Location"] == f"{LIST}{lead_id}/"
    (entry,) = entries()
    assert (entry.source, entry.reason, entry.actor) == ("staff", "by_phone", attendant.email)
    for page in (f"{LIST}{lead_id}/", f"{LIST}{lead_id}/?combinado=1", LIST):
        text = attendant.get(page).text
        assert "Não quer nenhum contato" in text
        assert not any(word in text for word in ("wa.me/", "tel:", "mailto:")), page
    noted = db.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "stop.add")).all()
    assert noted
    assert not any(PHONE[2:] in str(vars(one)) or EMAIL in str(vars(one)) for one in noted)


def test_one_channel_leaves_the_others(sign_in):
    lead_id = make_lead()
    attendant = sign_in("attendant")
    attendant.post(f"{HERE}parar", data={**NOTHING, "lead": lead_id, "canal": "whatsapp"})
    text = attendant.get(f"{LIST}{lead_id}/?combinado=1").text
    assert "wa.me/" not in text
    assert "tel:+5511987654321" in text


def test_a_contact_is_looked_up_whole_and_stays_out_of_addresses(sign_in):
    lead_id = make_lead()
    attendant = sign_in("attendant")
    for typed in ("(11) 98765-4321", "ANA@exemplo.com"):
        text = attendant.post(f"{HERE}procurar", data={"contato": typed}).text
        assert "Beatriz Moura" in text
        assert "Não está na lista" in text
        assert f'href="{LIST}{lead_id}/"' in text
    answer = attendant.post(f"{HERE}parar", data={**NOTHING, "contato": EMAIL})
    assert answer.headers["Location"] == HERE
    assert not may_send(PHONE, Channel.WHATSAPP, Purpose.ANSWER).allowed, "the person's others too"
    assert "Não quer nenhum contato" in attendant.post(
        f"{HERE}procurar", data={"contato": "1187654321"}
    ).text  # fmt: skip


@pytest.mark.parametrize(
    "typed", ["", "4321", "Beatriz", "@", "\0", "'; drop table stop_entry; --", "<script>" * 99]
)
def test_what_is_no_contact_is_told_so(sign_in, typed):
    attendant = sign_in("attendant")
    text = attendant.post(f"{HERE}procurar", data={"contato": typed}).text
    assert "Isto não é telefone nem e-mail" in text
    attendant.post(f"{HERE}parar", data={**NOTHING, "contato": typed})
    assert entries() == []


def test_a_person_of_another_store_is_not_named(sign_in):
    mine, other = make_store(), make_store()
    foreign = ask(phone=PHONE, name="Beatriz Moura", store_id=other.id).id
    seller = sign_in("seller", stores=[mine])
    assert "Beatriz" not in seller.post(f"{HERE}procurar", data={"contato": PHONE}).text
    assert seller.get(f"{HERE}?lead={foreign}").status_code == 404
    assert seller.post(f"{HERE}parar", data={**NOTHING, "lead": foreign}).status_code == 404
    assert entries() == []


@pytest.mark.parametrize(
    "wrong", [{"canal": "fax"}, {"assunto": ""}, {"motivo": "Ana pediu"}, {"lead": "x"}]
)
def test_a_post_that_makes_no_sense_changes_nothing(sign_in, wrong):
    lead_id = make_lead()
    answer = sign_in("attendant").post(f"{HERE}parar", data={**NOTHING, "lead": lead_id, **wrong})
    assert answer.status_code == 303
    assert entries() == []


def test_a_slip_is_undone_by_who_made_it_for_ten_minutes(sign_in):
    lead_id = make_lead()
    attendant, other = sign_in("attendant"), sign_in("seller")
    attendant.post(f"{HERE}parar", data={"lead": lead_id, **NOTHING})
    (entry,) = entries()
    undo = f"{HERE}{entry.id}/desfazer"
    other.post(undo)
    assert entries()[0].ended_at is None
    attendant.post(undo)
    assert entries()[0].why_ended == "mistake"
    with writing() as session:
        again = stop(PHONE, source=Source.STAFF, actor=attendant.email, reason="by_phone")
        session.get_one(StopEntry, again.id).at = now() - timedelta(minutes=11)
    attendant.post(f"{HERE}{again.id}/desfazer")
    assert entries()[1].ended_at is None


def test_a_supervisor_lifts_with_a_reason(sign_in):
    with writing():
        entry_id = stop(PHONE, source=Source.STAFF, actor="a@b.c", reason="by_phone").id
    path = f"{HERE}{entry_id}/liberar"
    assert sign_in("attendant").post(path, data={"motivo": "mistake"}).status_code == 404
    supervisor = sign_in("supervisor")
    supervisor.post(path)
    assert entries()[0].ended_at is None, "without a reason it stands"
    for _double in range(2):
        supervisor.post(path, data={"motivo": "asked_again"})
    (entry,) = entries()
    assert (entry.ended_by, entry.why_ended) == (supervisor.email, "asked_again")
    assert may_send(PHONE, Channel.WHATSAPP, Purpose.MARKETING).allowed
    assert "A pessoa pediu contato de novo" in supervisor.get(f"{HERE}?quais=liberadas").text
