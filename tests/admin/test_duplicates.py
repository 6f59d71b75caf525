"""Possible duplicates on screen: decide, undo, months later too."""

import re

import sqlalchemy as sa

from core.db import db, writing
from dealership.roles import Role
from dealership.staff import create_staff
from leads.duplicate_pairs import DuplicatePair
from leads.models import Lead, Person
from leads.sides import PersonMerge
from leads.skating import Entered, check_skating
from tests.factories import make_store
from tests.leads.test_duplicates import attended
from tests.leads.test_merging import ask

HERE = "/admin/duplicados/"


def make_pair(**facts) -> DuplicatePair:
    for name, phone in (("Ana Souza", "11987650001"), ("Rui <b>Lima</b>", "11987650002")):
        ask(name=name, phone=phone, email="casa@example.com", **facts)
    return db.session.scalars(sa.select(DuplicatePair)).one()


def test_joined_from_the_list_and_undone_from_the_toast(app, sign_in):
    pair_id = make_pair().id
    client = sign_in("attendant")
    page = client.get(HERE).text
    assert "Mesmo e-mail, outro telefone" in page
    assert "Rui &lt;b&gt;Lima&lt;/b&gt;" in page
    answer = client.post(f"{HERE}{pair_id}/mesma", follow_redirects=True)
    assert "Nada a decidir" in answer.text
    undo = re.search(r'action="(/admin/duplicados/\d+/desfazer[^"]*)"', answer.text)
    assert undo
    assert client.post(f"{HERE}{pair_id}/mesma").status_code == 404  # a second click
    assert len(db.session.scalars(sa.select(PersonMerge)).all()) == 1
    client.post(undo[1])
    assert not db.session.scalars(sa.select(Person).where(Person.merged_into_id.is_not(None))).all()


def test_months_later_it_asks_first(app, sign_in):
    pair_id = make_pair().id
    client = sign_in("attendant")
    client.post(f"{HERE}{pair_id}/mesma")
    made = db.session.scalars(sa.select(PersonMerge)).one()
    assert f"{HERE}{made.id}/desfazer" in client.get(f"{HERE}?quais=unidas").text
    assert "confirmado" in client.get(f"{HERE}{made.id}/desfazer").text
    client.post(f"{HERE}{made.id}/desfazer")  # no answer yet
    db.session.expire_all()
    assert made.undone_at is None
    client.post(f"{HERE}{made.id}/desfazer", data={"confirmado": "1"})
    db.session.expire_all()
    assert made.undone_at is not None
    again = client.post(
        f"{HERE}{made.id}/desfazer", data={"confirmado": "1"}, follow_redirects=True
    )
    assert "já foram separadas" in again.text


def test_two_people_are_not_asked_about_again(app, sign_in):
    pair_id = make_pair().id
    client = sign_in("attendant")
    client.post(f"{HERE}{pair_id}/diferentes")
    assert f"{HERE}{pair_id}/mesma" not in client.get(HERE).text
    client.post(f"{HERE}{pair_id}/perguntar")
    assert f"{HERE}{pair_id}/mesma" in client.get(HERE).text


def test_the_lead_says_so(app, sign_in):
    pair = make_pair()
    lead = db.session.scalars(sa.select(Lead).where(Lead.person_id == pair.older_id)).one()
    client = sign_in("attendant")
    assert f"{HERE}?lead={lead.id}" in client.get(f"/admin/leads/{lead.id}/").text
    assert f"{HERE}{pair.id}/mesma" in client.get(f"{HERE}?lead={lead.id}").text
    third = ask(name="Zé", phone="11900000000").lead_id
    assert f"{HERE}?lead=" not in client.get(f"/admin/leads/{third}/").text
    assert f"{HERE}{pair.id}/mesma" not in client.get(f"{HERE}?lead={third}").text


def test_leads_of_another_store_take_a_supervisor(app, sign_in):
    mine, other = make_store(), make_store()
    pair_id = make_pair(store_id=mine.id).id
    ask(name="Ana Souza", phone="11987650001", store_id=other.id, department="service")
    answer = sign_in("attendant", stores=[mine]).post(
        f"{HERE}{pair_id}/mesma", follow_redirects=True
    )
    assert "Peça ao gerente" in answer.text
    assert not db.session.scalars(sa.select(PersonMerge)).all()
    sign_in("supervisor", stores=[mine]).post(f"{HERE}{pair_id}/mesma")
    assert len(db.session.scalars(sa.select(PersonMerge)).all()) == 1


def test_skate_alerts_are_for_supervisors(app, sign_in):

    with writing():
        bruna = create_staff("bruna@loja.example", Role.ATTENDANT)
        caio = create_staff("caio@loja.example", Role.ATTENDANT)
    attended(bruna)
    with writing():
        assert check_skating(Entered(phone="1187650001"), caio)
    assert "caio@loja.example" in sign_in("supervisor").get(HERE).text
    assert "caio@loja.example" not in sign_in("attendant").get(HERE).text


def test_many_pairs_cost_no_more_statements_than_one(app, sign_in, statements):
    client = sign_in("owner")

    def cost(path: str) -> int:
        db.session.remove()
        statements.clear()
        client.get(path).get_data()
        return len([one for one in statements if "stock_version" not in one])

    def more(count: int, number: int) -> None:
        for each in range(count):
            for side in (1, 2):
                ask(
                    name=("Ana", "Rui")[side - 1],
                    phone=f"11987{number + each:02d}000{side}",
                    email=f"casa{number + each}@example.com",
                )

    more(2, 0)
    first, second = db.session.scalars(sa.select(DuplicatePair.id).order_by(DuplicatePair.id)).all()
    client.post(f"{HERE}{first}/mesma")
    lead_id = db.session.scalars(sa.select(Lead.id).order_by(Lead.id.desc())).first()
    paths = (HERE, f"{HERE}?quais=unidas", f"{HERE}?lead={lead_id}")
    few = [cost(path) for path in paths]
    more(8, 10)
    for pair_id in db.session.scalars(
        sa.select(DuplicatePair.id).where(DuplicatePair.id > second + 4)
    ).all():
        client.post(f"{HERE}{pair_id}/mesma")
    assert [cost(path) for path in paths] == few
