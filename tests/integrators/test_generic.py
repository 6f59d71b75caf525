"""Any other system: JSON or form fields, signed in our own way if it can."""

import hashlib
import hmac
import json
import time

import pytest

from core.clock import now
from tests.factories import make_vehicle

LEAD = {
    "id": "9",
    "nome": "Ana Teste",
    "telefone": "16 99999-0001",
    "email": "ana@exemplo.com.br",
    "mensagem": "Aceita troca?",
    "veiculo": "lj1-v204",
    "campaign": "feirão",
    "cor": "azul",
}


def signed(body: bytes, at: int, secret: str = "s") -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Vitrine-Signature": f"t={at},v1={digest}"}


def test_a_lead_in_either_language_is_read(client, register, work, look):
    car = make_vehicle(source_id="lj1-v204")
    account = register("generic", name="Meu sistema")
    english = {"name": "Bia", "phone": "16 99999-0002", "message": "Oi", "vehicle": "lj1-v204"}
    for lead in (LEAD, english):
        client.post(account.path, json=lead)
        work()
    first, second = look.enquiries
    assert (first.person.name, first.vehicle_id) == ("Ana Teste", car.id)
    assert (second.person.name, second.vehicle_id) == ("Bia", car.id)
    assert first.touch["campaign"] == "feirão"
    assert first.details["field_cor"] == "azul"
    assert look.leads[0].source_ref == "Meu sistema"


@pytest.mark.parametrize(("age", "status"), [(0, 200), (290, 200), (400, 401), (-400, 401)])
def test_a_signature_is_good_for_five_minutes(client, register, age, status):
    account = register("generic", secret="s")
    body = json.dumps(LEAD).encode()
    headers = signed(body, int(now().timestamp()) - age)
    assert client.post(account.path, data=body, headers=headers).status_code == status


def test_another_secret_or_body_is_refused_and_kept_until_mended(app, client, register, work, look):
    account = register("generic", secret="velho")
    body = json.dumps(LEAD).encode()
    headers = signed(body, int(time.time()), "novo")
    assert client.post(account.path, data=body, headers=headers).status_code == 401
    assert client.post(account.path, data=body + b" ", headers=headers).status_code == 401
    run = app.test_cli_runner().invoke
    run(args=["portals", "set", account.account.name, "secret=novo"])
    assert "1" in run(args=["portals", "refused", "--retry"]).output
    work()
    assert len(look.enquiries) == 1


def test_a_bearer_token_will_do(client, register):
    account = register("generic", auth_token="t")
    for sent, status in (("", 401), ("Bearer x", 401), ("Bearer t", 200), ("bearer t", 200)):
        answer = client.post(account.path, json=LEAD, headers={"Authorization": sent})
        assert answer.status_code == status


def test_extra_fields_change_nothing_of_ours(client, register, work, look):
    account = register("generic")
    client.post(account.path, json={**LEAD, "state": "won", "store_id": 1, "is_suspect": True,
                                    "role": "owner", "price_cents": 1})  # fmt: skip
    work()
    assert look.leads[0].state == "waiting"
    assert look.leads[0].store_id is None
    assert look.only.details["field_role"] == "owner"


def test_nothing_about_nobody_is_kept_for_a_person(client, register, work, look):
    account = register("generic")
    client.post(account.path, json={"id": "1", "x": "y"})
    work()
    assert look.submissions[0].state == "parked"
