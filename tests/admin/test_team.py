"""`/admin/equipe/`: people, invitations, and who may see whom."""

import re

import sqlalchemy as sa
from flask import Flask

from core.clock import now
from core.db import db, writing
from dealership import second_factor
from dealership.audit import AuditEntry
from dealership.roles import Role
from dealership.staff import StaffInvitation, StaffMember, create_staff, find_staff
from leads.models import Mail
from tests.admin.test_sign_in import post, work_off
from tests.factories import make_store

HOSTILE = '<script>alert("x")</script>'


def hire(role: str, email: str, *, name: str = "", stores=()) -> StaffMember:
    with writing():
        return create_staff(email, Role(role), name=name, stores=stores)


def actions() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(sa.select(AuditEntry.action).order_by(AuditEntry.id)))


def test_everybody_stands_in_the_list_as_text(sign_in):
    hire("seller", "bia@loja.example", name=HOSTILE)
    page = sign_in("owner").get("/admin/equipe/").text
    assert "bia@loja.example" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_a_list_of_many_costs_no_more(sign_in, statements):
    owner = sign_in("owner")

    def cost() -> int:
        statements.clear()
        assert owner.get("/admin/equipe/").status_code == 200
        return len(statements)

    store = make_store()
    hire("seller", "um@loja.example", stores=[store])
    few = cost()
    for number in range(30):
        hire("seller", f"p{number}@loja.example", stores=[store])
    assert cost() == few


def test_access_is_changed_and_told(sign_in):
    store = make_store(name="Loja Norte")
    seller = hire("seller", "bia@loja.example", name="Bia")
    owner = sign_in("owner")
    answer = owner.post(
        f"/admin/equipe/{seller.id}/acesso",
        {"role": "attendant", "scope": "some", "store": str(store.id)},
    )
    assert answer.status_code == 303
    db.session.rollback()
    assert (seller.role, seller.store_ids) == ("attendant", [store.id])
    entry = db.session.scalars(sa.select(AuditEntry)).all()[-1]
    assert entry.before == {"role": "seller", "stores": ""}
    assert entry.after == {"role": "attendant", "stores": "Loja Norte"}


def test_bad_input_is_refused_and_kept(sign_in):
    seller = hire("seller", "bia@loja.example")
    owner = sign_in("owner")
    for fields in ({"role": "rei"}, {}, {"role": "editor", "scope": "some", "store": "999999"}):
        assert owner.post(f"/admin/equipe/{seller.id}/acesso", fields).status_code == 422
    answer = owner.post(
        "/admin/equipe/convidar", {"email": HOSTILE, "name": HOSTILE, "role": "editor"}
    )
    assert answer.status_code == 422
    assert HOSTILE not in answer.text
    assert re.search(r'value="editor" checked', answer.text)


def test_taking_access_away_is_at_once_and_can_be_undone(app: Flask, sign_in):
    owner, seller = sign_in("owner"), sign_in("seller")
    who = find_staff("seller@loja.example").id
    assert owner.post(f"/admin/equipe/{who}/desativar").status_code == 303
    assert seller.get("/admin/conta/").status_code == 302
    page = owner.get("/admin/equipe/").text
    assert f'action="/admin/equipe/{who}/reativar"' in page
    assert owner.post(f"/admin/equipe/{who}/reativar").status_code == 303
    assert seller.get("/admin/conta/").status_code == 302  # and signs in again


def test_oneself_and_owners_are_out_of_reach(sign_in):
    owner = hire("owner", "dona@loja.example")
    boss = sign_in("supervisor")
    me = find_staff(boss.email).id
    for who in (owner.id, me):
        boss.post(f"/admin/equipe/{who}/desativar")
        answer = boss.post(f"/admin/equipe/{who}/acesso", {"role": "seller", "scope": "all"})
        assert answer.status_code == 422
    db.session.rollback()
    assert (owner.active, owner.role) == (True, "owner")
    assert actions() == []


def test_people_of_other_stores_are_not_there(sign_in):
    here, there = make_store(), make_store()
    stranger = hire("seller", "longe@loja.example", stores=[there])
    boss = sign_in("supervisor", stores=[here])
    assert "longe@loja.example" not in boss.get("/admin/equipe/").text
    assert boss.get(f"/admin/equipe/{stranger.id}").status_code == 404
    assert boss.post(f"/admin/equipe/{stranger.id}/desativar").status_code == 404


def test_an_invited_person_chooses_a_password_and_is_in(app: Flask, sign_in):
    store = make_store()
    owner = sign_in("owner")
    fields = {"email": "nova@loja.example", "name": "Nova", "role": "seller"}
    fields |= {"scope": "some", "store": str(store.id)}
    assert owner.post("/admin/equipe/convidar", fields).status_code == 303
    assert owner.post("/admin/equipe/convidar", fields).status_code == 422  # the double post
    work_off()
    mail = db.session.scalars(sa.select(Mail).where(Mail.kind == "staff_invitation")).one()
    path = re.search(r"http://localhost(/admin/convite/\S+)", mail.text)[1]
    client = app.test_client()
    password = "um cavalo azul no telhado"
    answer = post(client, path, name="Nova Silva", password=password, again=password)
    assert (answer.status_code, answer.location) == (303, "/admin/")
    assert "Nova Silva" in client.get("/admin/conta/").text
    assert client.get(path).status_code == 410
    assert actions() == ["staff.invite", "staff.join", "account.sign_in"]


def test_an_invitation_is_sent_again_and_withdrawn(sign_in):
    owner = sign_in("owner")
    fields = {"email": "n@loja.example", "role": "editor", "scope": "all"}
    owner.post("/admin/equipe/convidar", fields)
    row = db.session.scalars(sa.select(StaffInvitation)).one()
    assert owner.post(f"/admin/equipe/convites/{row.id}/reenviar").status_code == 303
    assert owner.post(f"/admin/equipe/convites/{row.id}/retirar").status_code == 303
    assert owner.post(f"/admin/equipe/convites/{row.id}/retirar").status_code == 404
    assert actions()[-1] == "staff.withdraw_invitation"


def test_a_supervisor_sees_no_invitation_beyond_their_reach(sign_in):
    sign_in("owner").post(
        "/admin/equipe/convidar", {"email": "n@loja.example", "role": "owner", "scope": "all"}
    )
    row = db.session.scalars(sa.select(StaffInvitation)).one()
    boss = sign_in("supervisor")
    assert "n@loja.example" not in boss.get("/admin/equipe/").text
    assert boss.post(f"/admin/equipe/convites/{row.id}/retirar").status_code == 404


def test_a_lost_second_factor_is_removed_by_a_colleague(sign_in):
    seller = hire("seller", "bia@loja.example")
    with writing():
        second_factor.switch_on(seller, second_factor.new_secret(), 0)
    owner = sign_in("owner")
    answer = owner.post(f"/admin/equipe/{seller.id}/segundo-fator/remover")
    assert answer.status_code == 303
    db.session.rollback()
    assert not seller.has_second_factor
    assert actions() == ["staff.second_factor_off"]


def test_sent_links_do_not_stay_in_the_table_in_production(app: Flask, sign_in, monkeypatch):
    sign_in("owner").post(
        "/admin/equipe/convidar", {"email": "n@loja.example", "role": "editor", "scope": "all"}
    )
    monkeypatch.setattr(type(app.extensions["vitrine"]), "is_production", property(lambda _: True))
    work_off()
    mail = db.session.scalars(sa.select(Mail).where(Mail.kind == "staff_invitation")).one()
    assert (mail.state, mail.text, mail.html) == ("sent", "", "")


def test_a_closed_store_is_offered_nowhere_and_kept_where_it_was_chosen(sign_in):
    owner, shut, other = sign_in("owner"), make_store(name="Velha"), make_store(name="Nova")
    make_store(name="Outra")
    with writing():
        seller = create_staff("v@loja.example", Role.SELLER, name="Vera", stores=[shut, other])
        shut = db.session.merge(shut)
        shut.closed_at = now()
        fresh = create_staff("n@loja.example", Role.SELLER, name="Nina", stores=[other])
    forms = (
        "equipe/convidar",
        "banners/novo",
        "depoimentos/novo",
        "depoimentos/convites",
        "leads/",
    )
    for path in forms:
        page = owner.get(f"/admin/{path}").text
        assert ("Nova" in page, "Velha" in page) == (True, False), path
    assert "Velha (fechada)" in owner.get(f"/admin/leads/?loja={shut.slug}").text
    assert "Velha (fechada)" in owner.get(f"/admin/equipe/{seller.id}").text
    access = {"role": "seller", "scope": "some", "store": [shut.id]}
    assert owner.post(f"/admin/equipe/{fresh.id}/acesso", access).status_code == 422
    assert owner.post(f"/admin/equipe/{seller.id}/acesso", access).status_code == 303
    words = {"texto": "Bom", "nome": "Rui", "cidade": "Itu", "carro": "Comprou", "mes": "2026-09"}
    posted = owner.post("/admin/depoimentos/novo", words | {"loja": str(shut.id)})
    assert posted.status_code == 404
