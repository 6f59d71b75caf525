"""`/admin/privacidade/`: cases answered, a person's data handed out and erased, each on record."""

import csv
import io
import json

import pytest
import sqlalchemy as sa

from admin.privacy import _UNCOUNTED, SECTIONS
from core.db import db, writing
from dealership.audit import AuditEntry
from leads import cases, privacy
from leads.models import Lead, Person, SubjectRequest
from tests.admin.test_leads import ask
from tests.factories import make_store

HERE = "/admin/privacidade/"
PHONE, EMAIL, NAME = "11987654321", "ana@exemplo.com", "Beatriz Moura"


@pytest.fixture
def lead(app) -> Lead:
    return ask(phone=PHONE, email=EMAIL, name=NAME)


def make_case(kind: str = "erasure", contact: str = PHONE) -> int:
    with writing():
        return cases.open_case(kind, contact).id


def person_page(lead: Lead) -> str:
    return f"{HERE}pessoa/{lead.person_id}/"


def noted(action: str) -> list[AuditEntry]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == action)))


def test_a_person_is_found_and_everything_held_is_handed_out_with_a_reason(sign_in, lead):
    boss = sign_in("supervisor")
    found = boss.post(f"{HERE}procurar", {"quem": "(11) 98765-4321"}).text
    assert NAME in found
    assert person_page(lead) in found
    page = boss.get(person_page(lead)).text
    assert EMAIL in page
    missing = boss.post(f"{person_page(lead)}dados", {"formato": "csv"})
    assert missing.status_code == 422
    assert "Escolha o motivo" in missing.text
    assert noted("privacy.export") == []
    reason = {"motivo": "at_counter"}
    sheet = boss.post(f"{person_page(lead)}dados", {**reason, "formato": "csv"})
    assert "no-store" in sheet.headers["Cache-Control"]
    rows = list(csv.reader(io.StringIO(sheet.text.removeprefix("\ufeff"))))
    assert any(NAME in " ".join(row) for row in rows), rows[:4]
    document = json.loads(
        boss.post(f"{person_page(lead)}dados", {**reason, "formato": "json"}).data
    )
    assert document["identity"]["email"] == EMAIL
    assert len(document["enquiries"]) == 1
    entries = noted("privacy.export")
    assert [one.subject for one in entries] == [f"person:{lead.person_id}"] * 2
    assert "at_counter" in str(vars(entries[0]))


def test_erasing_asks_twice_needs_a_reason_and_leaves_nobody(sign_in, lead):
    boss, person_id = sign_in("owner"), lead.person_id
    case_id = make_case(contact=EMAIL)
    boss.post(f"{HERE}caso/{case_id}/confirmar")
    assert boss.post(f"{person_page(lead)}apagar", {"confirmado": "1"}).status_code == 422
    asked = boss.post(f"{person_page(lead)}apagar", {"motivo": "by_phone"})
    assert "Apagar esta pessoa de vez?" in asked.text
    assert db.session.get_one(Person, person_id).erased_at is None
    yes = {"motivo": "by_phone", "confirmado": "1"}
    assert boss.post(f"{HERE}pessoa/{person_id}/apagar", yes).headers["Location"] == HERE
    db.session.rollback()
    person = db.session.get_one(Person, person_id)
    assert person.erased_at is not None
    assert (person.name, person.phone, person.email) == ("", "", "")
    assert db.session.get_one(SubjectRequest, case_id).state == "done"
    assert len(noted("privacy.erase")) == 1
    # A second click, or a colleague at the same time.
    assert boss.post(f"{HERE}pessoa/{person_id}/apagar", yes).status_code == 404
    assert "Ninguém encontrado" in boss.post(f"{HERE}procurar", {"quem": NAME}).text


def test_a_case_is_confirmed_by_phone_and_its_room_opens(sign_in, client, lead):
    boss, case_id = sign_in("owner"), make_case("access")
    assert f"{HERE}caso/{case_id}/" in boss.get(HERE).text
    page = boss.get(f"{HERE}caso/{case_id}/").text
    assert "(11)\xa098765\u20114321" in page
    assert 'id="room"' not in page  # no room before somebody was called
    boss.post(f"{HERE}caso/{case_id}/confirmar")
    db.session.rollback()
    room = cases.path_of(db.session.get_one(SubjectRequest, case_id))
    assert room in boss.get(f"{HERE}caso/{case_id}/").text
    assert NAME in client.get(room).text


def test_a_case_of_nobody_is_refused_in_words_and_closed(sign_in):
    boss, case_id = sign_in("owner"), make_case(contact="11900001111")
    answer = boss.post(f"{HERE}caso/{case_id}/confirmar", follow_redirects=True)
    assert f"caso {case_id}" in answer.text.lower()
    boss.post(f"{HERE}caso/{case_id}/recusar")
    db.session.rollback()
    assert db.session.get_one(SubjectRequest, case_id).state == "refused"


def test_one_stores_people_answer_for_their_own_customers_only(sign_in, app):
    mine, other = make_store(name="Minha"), make_store(name="Outra")
    ours = ask(phone=PHONE, name=NAME, store_id=mine.id)
    theirs = ask("2", phone="11912345678", name="Caio Prado", store_id=other.id)
    boss, case_id = sign_in("supervisor", stores=[mine]), make_case()
    assert boss.get(person_page(ours)).status_code == 200
    assert boss.get(person_page(theirs)).status_code == 404
    assert boss.get(f"{HERE}caso/{case_id}/").status_code == 404
    assert f"caso/{case_id}" not in boss.get(HERE).text
    assert "Caio" not in boss.post(f"{HERE}procurar", {"quem": "11912345678"}).text
    ask("3", phone=PHONE, name=NAME, store_id=other.id, department="service")
    assert boss.post(f"{person_page(ours)}apagar", {"motivo": "by_mail"}).status_code == 404


def test_every_part_of_a_dossier_has_its_name(lead):
    parts = {name for name, rows in privacy.dossier(lead.person_id).items() if type(rows) is list}
    assert parts - _UNCOUNTED == set(SECTIONS)
