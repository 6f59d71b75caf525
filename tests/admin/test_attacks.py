"""What somebody with an account, or without, tries beyond forms: ids of others, fields that no
form has, numbers that no row has."""

import re
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from admin import staff_mail
from content import models as words
from core.db import db, writing
from dealership import invitations
from dealership.models import Store
from dealership.staff import StaffInvitation, find_staff
from leads.models import Mail
from tests.admin.addresses import Address, every_address
from tests.admin.conftest import SignIn, StaffClient
from tests.admin.rows import GOES_OUT, NEEDS_MORE, Asked, keep, make_row
from tests.canary import work
from tests.factories import make_store, make_vehicle

# The walks ask what the door lets through, which does not depend on the database.
one_database = pytest.mark.sqlite_only
PASSWORD = "um cavalo azul no telhado"

# Answered without a word about the other's row: it is gone for whoever asks.
GONE = {
    "staff_photos.delete": "a second of two clicks",
    "staff_photos.restore": "a second of two clicks",
    "staff_stock.undo_move": "a second of two clicks",
}
# Numbers and revisions of a thing, not rows of their own; names of the code's own lists.
NO_ROWS = {"number", "key", "code", "kind", "act", "place", "slug", "move"}


def row_of(person: StaffClient, store: Store, address: Address) -> dict[str, Any]:
    member = find_staff(person.email)
    assert member
    return make_row(store, Asked(address.rule, address.endpoint, address.names, member))


def ask(person: StaffClient, address: Address, values: dict[str, Any], **fields: Any) -> Any:
    path = address.path(values)
    answer = person.get(path) if address.method == "GET" else person.post(path, fields)
    db.session.rollback()
    return answer


@one_database
def test_a_number_that_no_row_has_is_not_there(app: Flask, sign_in: SignIn):
    owner = sign_in("owner")
    wrong = []
    for address in every_address():
        if any(f"<int:{name}>" in address.rule for name in address.names):
            values = dict.fromkeys(address.names, 10**10)
            if (found := ask(owner, address, values).status_code) != 404:
                wrong.append(f"{address}: {found}")
    assert not wrong, "\n".join(wrong)


@one_database
def test_a_row_of_anothers_thing_is_not_reached_through_ones_own(app: Flask, sign_in: SignIn):
    """The first id is of one's own store, a later one of another's: nothing of that is touched."""
    own, other = make_store(), make_store()
    tied = sign_in("supervisor", stores=[db.session.merge(own)])
    wrong = []
    for address in every_address():
        inner = [name for name in address.names[1:] if name not in NO_ROWS]
        if not inner or address.endpoint in NEEDS_MORE:
            continue
        mine, theirs = row_of(tied, own, address), row_of(tied, other, address)
        before = everything_of(other)
        for name in inner:
            answer = ask(tied, address, {**mine, name: theirs[name]})
            if answer.status_code != 404 and address.endpoint not in GONE:
                wrong.append(f"{address}, {name}: {answer.status_code}")
        if everything_of(other) != before:
            wrong.append(f"{address}: changed")
    assert not wrong, "\n".join(wrong)


@one_database
def test_fields_that_no_form_has_change_nothing_elsewhere(app: Flask, sign_in: SignIn):
    """Every post of one's own rows with the other store's ids and with columns as fields."""
    own, other = make_store(), make_store()
    row_of_other = make_vehicle(store=other)
    tied = sign_in("supervisor", stores=[db.session.merge(own)])
    evil = {
        **dict.fromkeys(("store", "store_id", "loja"), other.id),
        **dict.fromkeys(("nova-loja", "loja_slug"), other.slug),
        **dict.fromkeys(("ids", "carros", "vehicle_id", "cars", "carro"), row_of_other.id),
        "role": "owner", "papel": "owner", "scope": "all", "active": "1", "state": "published",
        "published_at": "2026-01-01T00:00", "price_cents": "1", "created_by": "x@y.example",
        "source": "form:x", "id": row_of_other.id, "public_id": row_of_other.public_id,
        "confirmado": "1", "name": "Novo", "nome": "Novo", "email": "novo@loja.example",
    }  # fmt: skip
    before, wrong = everything_of(other), []
    for address in every_address():
        if (
            address.method != "POST"
            or address.endpoint in NEEDS_MORE
            or address.endpoint in GOES_OUT
        ):
            continue
        ask(tied, address, row_of(tied, own, address), **evil)
        if (after := everything_of(other)) != before:
            wrong.append(f"{address}: {sorted(set(after) ^ set(before))[:3]}")
            before = after
    assert not wrong, "\n".join(wrong)
    assert find_staff(tied.email).role == "supervisor"
    assert tied.get("/admin/conta/").status_code == 200


def everything_of(store: Store) -> list[str]:
    """All rows that are the store's, its vehicles' or its leads', and who is an owner."""
    db.session.rollback()
    found = []
    inside = {"store_id": [store.id]}
    for name in ("vehicle", "lead"):
        table = db.metadata.tables[name]
        query = sa.select(table.c.id).where(table.c.store_id == store.id)
        inside[f"{name}_id"] = list(db.session.scalars(query))
    for table in db.metadata.sorted_tables:
        for name, ids in inside.items():
            if name in table.c and table.name != "audit_entry":
                query = sa.select(table).where(table.c[name].in_(ids))
                found += [f"{table.name} {tuple(row)}" for row in db.session.execute(query)]
    staff = db.metadata.tables["staff"]
    owners = sa.select(staff.c.email).where(staff.c.role == "owner")
    return sorted([*found, *db.session.scalars(owners)])


def test_a_permission_given_to_another_store_is_not_taken_over(app: Flask, sign_in: SignIn):
    own, other = make_store(), make_store()
    tied = sign_in("editor", stores=[db.session.merge(own)])
    consent = words.ImageConsent(
        person="Zélia", wording="Autorizo.", version="1", channel="paper", covers_image=True
    )
    said = {"text": "Gostei.", "name": "Zélia", "month": "2026-09", "created_by": "x@y.example"}
    keep(words.Testimonial(store_id=other.id, consent=consent, **said))
    story = keep(words.Document(kind="story", slug="rui", title="Rui", newest=1, created_by="x"))
    content = {"title": "Rui", "body": "", "person": "Rui"}
    keep(words.Revision(document_id=story.id, number=1, content=content, by="x"))
    page = f"/admin/historias/{story.id}/"
    assert "Zélia" not in tied.get(page).text
    theirs = db.session.scalars(sa.select(words.Testimonial.id)).one()
    assert tied.post(f"{page}autorizacao", {"depoimento": theirs}).status_code == 404
    owner = sign_in("owner")
    assert "Zélia" in owner.get(page).text
    assert owner.post(f"{page}autorizacao", {"depoimento": theirs}).status_code == 303


def invited(by: StaffClient) -> str:
    """The address of an invitation that `by` sent."""
    fields = {"email": "nova@loja.example", "name": "Nova", "role": "seller", "scope": "all"}
    assert by.post("/admin/equipe/convidar", fields).status_code == 303
    row = db.session.scalars(sa.select(StaffInvitation)).one()
    return f"/admin/convite/{invitations.token_of(row)}"


def test_of_two_who_take_one_invitation_at_once_one_gets_in(app: Flask, sign_in: SignIn):
    path, together, statuses = invited(sign_in("owner")), threading.Barrier(2), []

    def take() -> None:
        client = app.test_client()
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).text)
        assert token
        fields = {"name": "Nova", "password": PASSWORD, "again": PASSWORD, "csrf_token": token[1]}
        together.wait(20)
        statuses.append(client.post(path, data=fields).status_code)

    threads = [threading.Thread(target=take) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) in ([303, 410], [303, 422])
    db.session.rollback()
    assert find_staff("nova@loja.example")


def test_a_closed_account_leaves_no_invitation_behind(app: Flask, sign_in: SignIn):
    owner, boss = sign_in("owner"), sign_in("supervisor")
    path, anybody = invited(boss), app.test_client()
    assert anybody.get(path).status_code == 200
    boss_id = find_staff(boss.email).id
    owner.post(f"/admin/equipe/{boss_id}/acesso", {"role": "seller", "scope": "all"})
    assert anybody.get(path).status_code == 410
    row = db.session.scalars(sa.select(StaffInvitation)).one()
    assert owner.post(f"/admin/equipe/convites/{row.id}/reenviar").status_code == 303
    again = f"/admin/convite/{invitations.token_of(row)}"
    assert anybody.get(again).status_code == 200
    assert owner.post(f"/admin/equipe/{boss_id}/desativar").status_code == 303
    assert anybody.get(again).status_code == 200


def test_links_in_mails_lead_to_this_site_whatever_host_was_asked_for(app: Flask, sign_in: SignIn):
    sign_in("owner")
    client, evil = app.test_client(), {"Host": "mal.example", "X-Forwarded-Host": "mal.example"}
    page = client.get("/admin/senha").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    fields = {"email": "owner@loja.example", "csrf_token": token[1]}
    assert client.post("/admin/senha", data=fields, headers=evil).status_code in {200, 400}
    with writing():
        staff_mail.ask_reset("owner@loja.example")
    work(app)
    for mail in db.session.scalars(sa.select(Mail)):
        assert "http://localhost/admin/senha/nova/" in mail.text
        assert "mal.example" not in mail.text + mail.html
