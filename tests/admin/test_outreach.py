"""Lists, imports of contacts and talks after a sale, through their screens."""

import io
from datetime import timedelta

import pytest
import sqlalchemy as sa

from core.clock import today
from core.db import db, writing
from dealership.audit import AuditEntry
from dealership.staff import find_staff
from leads import stop_list
from leads.models import Lead
from leads.outreach import contact_import
from leads.outreach.lists import add_entry
from leads.outreach.models import (
    ContactImport,
    Delivery,
    OutreachEntry,
    OutreachEvent,
    OutreachList,
    Referral,
)
from leads.stop_list import Source
from tests.factories import make_store
from tests.leads.outreach.people import BY, a_company, a_list, a_person, a_sale, an_entry, tomorrow

HERE = "/admin/carteiras/"
NEXT = {"proximo": "Ligar de novo", "quando": (today() + timedelta(days=3)).isoformat()}
pytestmark = pytest.mark.sqlite_only  # the nouns' own tests run on both


@pytest.fixture
def seller(app, sign_in):
    """A seller of a store, and a list of theirs there."""
    store = make_store()
    person = sign_in("seller", stores=[db.session.merge(store)])
    person.store = store
    person.list_id = a_list("dreams", store).id
    with writing():
        row = db.session.get_one(OutreachList, person.list_id)
        row.owner_id = find_staff(person.email).id
    return person


def entry_of(seller, **who) -> int:
    return an_entry(db.session.get_one(OutreachList, seller.list_id), **who).id


def test_a_colleagues_list_is_not_there_and_a_supervisor_has_it(seller, sign_in):
    store = db.session.merge(seller.store)
    other = sign_in("attendant", stores=[store])
    boss = sign_in("supervisor", stores=[db.session.merge(seller.store)])
    stranger = sign_in("owner", stores=[db.session.merge(make_store())])
    path = f"{HERE}{seller.list_id}/"
    assert [one.get(path).status_code for one in (seller, other, boss, stranger)] == [
        200, 404, 200, 404,
    ]  # fmt: skip
    assert path not in other.get(HERE).text
    assert path in boss.get(HERE).text


def test_a_list_is_put_away_by_a_double_click_and_comes_back(seller):
    path = f"{HERE}{seller.list_id}/arquivar"
    for data, is_away in (({}, True), ({"voltar": "1"}, False)):
        for _twice in range(2):
            seller.post(path, data)
        db.session.rollback()
        archived_at = db.session.get_one(OutreachList, seller.list_id).archived_at
        assert (archived_at is not None) is is_away


def test_nothing_is_noted_without_a_next_step_and_what_was_typed_stays(seller):
    entry_id = entry_of(seller)
    typed = {"o_que": "talked", "nota": "Quer dez picapes", "proximo": "", "quando": NEXT["quando"]}
    answer = seller.post(f"{HERE}entrada/{entry_id}/registrar", typed)
    assert answer.status_code == 422
    assert "Quer dez picapes" in answer.text
    assert db.session.get_one(OutreachEntry, entry_id).stage == "cold"
    answer = seller.post(f"{HERE}entrada/{entry_id}/registrar", {**typed, **NEXT})
    assert answer.status_code == 303
    assert db.session.get_one(OutreachEntry, entry_id).stage == "conversation"


def test_a_slip_is_taken_back_by_its_undo(seller):
    entry_id = entry_of(seller)
    seller.post(f"{HERE}entrada/{entry_id}/registrar", {"o_que": "bought", **NEXT})
    page = seller.get(f"{HERE}entrada/{entry_id}/").text
    event = db.session.scalars(sa.select(OutreachEvent).order_by(OutreachEvent.id.desc())).first()
    address = f"{HERE}entrada/{entry_id}/desfazer/{event.id}"
    assert address in page
    seller.post(address, {})
    assert db.session.get_one(OutreachEntry, entry_id).stage == "cold"


def test_who_wants_no_contact_has_no_way_open(seller):
    with writing():
        person = a_person()
    entry_id = entry_of(seller, person=person)
    path = f"{HERE}entrada/{entry_id}/"
    assert "wa.me/" in seller.get(path).text
    with writing():
        stop_list.stop(person, source=Source.STAFF, actor=BY, reason="by_phone")
    page = seller.get(path).text
    assert "wa.me/" not in page
    assert "tel:" not in page


def test_a_full_list_says_so_and_keeps_what_was_typed(seller):
    row = a_list("accounts", seller.store)
    with writing():
        row = db.session.get_one(OutreachList, row.id)
        row.owner_id = find_staff(seller.email).id
        for number in range(40):
            add_entry(row, tomorrow(), by=BY, company=a_company(f"Empresa {number}"))
    path = f"{HERE}{row.id}/adicionar"
    answer = seller.post(path, {"empresa": "A quadragésima primeira", **NEXT})
    assert answer.status_code == 422
    assert "A quadragésima primeira" in answer.text


def test_a_person_goes_on_a_list_only_with_a_legal_basis(seller):
    path = f"{HERE}{seller.list_id}/adicionar"
    typed = {"nome": "Ana", "telefone": "11 98765-4321", **NEXT}
    assert seller.post(path, typed).status_code == 422
    basis = {"base": "contract", "origem": "Oficina", "prova": "Revisão de maio"}
    assert seller.post(path, {**typed, **basis}).status_code == 303


def test_a_company_is_corrected_and_gets_somebody_to_talk_to(seller):
    path = f"{HERE}entrada/{entry_of(seller)}/"
    other = {"empresa": "Outra", "cnpj": "11.222.333/0001-81"}
    with writing():
        a_company(other["empresa"], other["cnpj"])
    answer = seller.post(f"{path}empresa", {"empresa": "Frota Nova", "cnpj": other["cnpj"]})
    assert answer.status_code == 422
    seller.post(f"{path}empresa", {"empresa": "Frota Nova", "cidade": "Campinas"})
    basis = {"base": "legitimate", "origem": "Visita", "prova": "Deu o cartão"}
    person = {"nome": "Rui", "telefone": "11 98765-0001"}
    assert seller.post(f"{path}pessoa", person).status_code == 422  # on which basis?
    assert seller.post(f"{path}pessoa", {**person, **basis}).status_code == 303
    page = seller.get(path).text
    assert "Frota Nova" in page
    assert "tel:+5511987650001" in page or "98765" in page


def test_an_export_runs_nothing_and_is_told(seller, sign_in):
    with writing():
        company = a_company("=HYPERLINK(1)")
    entry_of(seller, company=company)
    boss = sign_in("supervisor", stores=[db.session.merge(seller.store)])
    answer = boss.post(f"{HERE}{seller.list_id}/lista.csv", {})
    assert "'=HYPERLINK(1)" in answer.get_data(as_text=True)
    assert db.session.scalar(sa.select(AuditEntry.id).where(AuditEntry.action == "list.export"))
    assert seller.post(f"{HERE}{seller.list_id}/lista.csv", {}).status_code == 404


def test_a_round_leads_from_one_to_the_next_until_all_had_their_turn(seller):
    ids = {entry_of(seller) for _ in range(2)}
    seller.post(f"{HERE}{seller.list_id}/rodada", {"ate": NEXT["quando"]})
    here = f"{HERE}{seller.list_id}/proxima"
    met = set()
    for _turn in range(2):
        place = seller.get(here).location
        met.add(int(place.rstrip("/").rpartition("/")[2]))
        answer = seller.post(f"{place}registrar", {"o_que": "talked", "depois": "proxima", **NEXT})
        assert answer.location == here
    assert met == ids
    assert seller.get(here).location == f"{HERE}{seller.list_id}/"


def test_a_file_goes_from_upload_to_the_list_and_back(app, sign_in):
    boss, store = sign_in("supervisor"), make_store()
    list_id = a_list("customers", store).id
    file = io.BytesIO("Nome;Celular\nAna;11987654321\n".encode("cp1252"))
    answer = boss.post(f"{HERE}importar/enviar", {"arquivo": (file, "clientes.csv"),
                                                  "lista": str(list_id)})  # fmt: skip
    place = answer.location.partition("?")[0]
    typed = {"coluna-0": "name", "coluna-1": "phone", "lista": str(list_id), **NEXT}
    answer = boss.post(f"{place}testar", typed)
    assert answer.status_code == 422  # on which basis?
    typed |= {"base": "contract", "origem": "Oficina", "prova": "Clientes da revisão"}
    assert boss.post(f"{place}testar", typed).status_code == 303
    for _click in range(2):
        assert boss.post(f"{place}aplicar", {}).status_code == 303
    import_id = int(place.rstrip("/").rpartition("/")[2])
    db.session.rollback()
    done = contact_import.apply_contacts({"import_id": import_id})
    with writing():
        done()
    assert db.session.get_one(ContactImport, import_id).state == "done"
    assert "Ana" in boss.get(f"{HERE}{list_id}/").text
    boss.post(f"{place}desfazer", {})
    assert db.session.scalar(sa.select(sa.func.count(OutreachEntry.id))) == 0


def test_a_sellers_bad_talk_is_among_the_supervisors_things(seller, sign_in):
    store = db.session.merge(seller.store)
    a_sale(store, find_staff(seller.email))
    delivery = db.session.scalars(sa.select(Delivery)).one()
    path, talk = f"/admin/pos-venda/{delivery.id}/", delivery.catch_ups[0].id
    answer = seller.post(f"{path}conversa/{talk}", {"nota": "1", "texto": "Barulho na porta"})
    assert answer.status_code == 303
    boss = sign_in("supervisor", stores=[db.session.merge(seller.store)])
    assert "Barulho na porta" in boss.get("/admin/pos-venda/").text
    assert "/admin/pos-venda/" in boss.get("/admin/").text.partition("</nav>")[2]
    assert seller.post(f"{path}cuidado/{talk}", {"texto": "x"}).status_code == 404
    boss.post(f"{path}cuidado/{talk}", {"texto": "Porta ajustada"})
    assert "Barulho na porta" not in boss.get("/admin/pos-venda/").text


def test_a_happy_year_ends_in_a_name_that_waits_in_the_queue(seller):
    a_sale(db.session.merge(seller.store), find_staff(seller.email))
    delivery = db.session.scalars(sa.select(Delivery)).one()
    path = f"/admin/pos-venda/{delivery.id}/"
    for one in [talk.id for talk in delivery.catch_ups]:
        seller.post(f"{path}conversa/{one}", {"nota": "5"})
    seller.post(f"{path}pedir", {})
    friend = {"nome": "Bia", "telefone": "123", "combinado": "Ana avisou"}
    answer = seller.post(f"{path}indicar", friend)
    assert answer.status_code == 422
    assert "Ana avisou" in answer.text
    for _click in range(2):
        seller.post(f"{path}indicar", {**friend, "telefone": "11 98111-2233"})
    named = db.session.scalars(sa.select(Referral)).one()
    assert db.session.get_one(Lead, named.lead_id).state == "waiting"


def test_the_day_of_the_delivery_is_typed_with_the_sale(seller):
    lead = a_sale(db.session.merge(seller.store), find_staff(seller.email))
    first = db.session.scalars(sa.select(Delivery)).one()
    seller.post(f"/admin/atendimento/{lead.id}/desfazer/{first.won_event_id}", {})
    path, day = f"/admin/atendimento/{lead.id}/ganhou", today() + timedelta(days=12)
    assert seller.post(path, {"entrega": "1999-01-01"}).status_code == 422
    assert seller.post(path, {"entrega": day.isoformat()}).status_code == 303
    live = sa.select(Delivery).where(Delivery.cancelled_at.is_(None))
    assert db.session.scalars(live).one().delivered_on == day
