"""The screens of webhooks and of keys: secrets shown once, sent again by hand, whose they are."""

import re

import pytest
import sqlalchemy as sa

from core.db import db
from dealership.audit import AuditEntry
from integrators.api.tokens import ApiToken
from integrators.outgoing.models import WebhookDelivery, WebhookEndpoint
from tests.factories import make_store

FIELDS = {"nome": "CRM", "endereco": "https://crm.example/h", "eventos": "lead.created"}


@pytest.fixture
def owner(sign_in):
    return sign_in("owner")


def test_a_secret_is_shown_once_and_rotated(owner):
    page = owner.post("/admin/webhooks/novo", data=FIELDS).text
    secret = re.search(r"whsec_[\w+/=]+", page)[0]
    row = db.session.scalars(sa.select(WebhookEndpoint)).one()
    here = f"/admin/webhooks/{row.id}/"
    assert secret not in owner.get(here).text
    asked = owner.post(f"{here}novo-segredo")
    assert "whsec_" not in asked.text  # first the question
    mark = re.search(r'name="segredo" value="([^"]+)"', asked.text)[1]
    sure = {"confirmado": "1", "segredo": mark}
    rotated = owner.post(f"{here}novo-segredo", data=sure).text
    assert "whsec_" not in owner.post(f"{here}novo-segredo", data=sure).text  # clicked twice
    assert re.search(r"whsec_[\w+/=]+", rotated)[0] != secret
    told = [str((one.before, one.after)) for one in db.session.scalars(sa.select(AuditEntry))]
    assert not any("whsec_" in one for one in told)


def test_what_is_wrong_is_said_and_nothing_kept(owner):
    for change in ({"nome": " "}, {"endereco": "http://crm.example/"}, {"eventos": "person.erased"},
                   {"endereco": "https://a:b@crm.example/"}, {"loja": "999"}):  # fmt: skip
        answer = owner.post("/admin/webhooks/novo", data={**FIELDS, **change})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    assert db.session.scalars(sa.select(WebhookEndpoint)).all() == []


def test_a_test_pressed_twice_and_a_delivery_of_another(owner):
    for name in ("CRM", "ERP"):
        owner.post("/admin/webhooks/novo", data={**FIELDS, "nome": name})
    assert owner.post("/admin/webhooks/novo", data=FIELDS).status_code == 422  # clicked twice
    one, other = db.session.scalars(sa.select(WebhookEndpoint).order_by(WebhookEndpoint.id))
    one_id, other_id = one.id, other.id
    assert owner.post(f"/admin/webhooks/{one_id}/testar").status_code == 303
    sent = db.session.scalars(sa.select(WebhookDelivery)).one()
    assert (sent.endpoint_id, sent.kind, sent.state) == (one_id, "test", "waiting")
    path = f"/entregas/{sent.id}/reenviar"
    assert owner.post(f"/admin/webhooks/{other_id}{path}").status_code == 404
    assert owner.post(f"/admin/webhooks/{one_id}{path}").status_code == 303


def test_people_of_one_store_connect_for_their_store(sign_in):
    here, there = make_store(), make_store()
    supervisor = sign_in("supervisor", stores=[here])
    for store in ("", str(there.id)):
        answer = supervisor.post("/admin/webhooks/novo", data={**FIELDS, "loja": store})
        assert answer.status_code == 422
    supervisor.post("/admin/webhooks/novo", data={**FIELDS, "loja": str(here.id)})
    assert db.session.scalars(sa.select(WebhookEndpoint.store_id)).all() == [here.id]


def test_a_key_is_shown_once_and_ended(owner, client):
    page = owner.post("/admin/chaves-api/", data={"nome": "CRM", "escopos": "leads:read"}).text
    key = re.search(r"vtr_[\w-]+", page)[0]
    headers = {"Authorization": f"Bearer {key}"}
    assert client.get("/api/v1/leads", headers=headers).status_code == 200
    assert client.get("/api/v1/vehicles", headers=headers).status_code == 403
    assert key not in owner.get("/admin/chaves-api/").text
    number = db.session.scalars(sa.select(ApiToken.id)).one()
    assert owner.post(f"/admin/chaves-api/{number}/encerrar").status_code == 200  # asks first
    owner.post(f"/admin/chaves-api/{number}/encerrar", data={"confirmado": "1"})
    assert client.get("/api/v1/leads", headers=headers).status_code == 401
    assert owner.post("/admin/chaves-api/", data={"nome": "CRM"}).status_code == 422
