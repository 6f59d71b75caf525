"""Chaves na Mão proves itself with the account's e-mail and token."""

import base64
from datetime import UTC, datetime

import pytest

from tests.factories import make_vehicle
from tests.integrators.events import chavesnamao_lead


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture
def portal(register):
    return register("chavesnamao", access_token="tok:en", email="Loja@Exemplo.com.br")


def test_a_lead_with_nulls_is_read(client, portal, work, look):
    car = make_vehicle(source_id="lj1-v204")
    answer = client.post(
        portal.path, json=chavesnamao_lead(), headers=basic("loja@exemplo.com.br", "tok:en")
    )
    assert answer.status_code == 200
    work()
    asked = look.only
    assert (asked.external_id, asked.vehicle_id, asked.message) == ("900001", car.id, "")
    assert asked.at == datetime(2026, 11, 20, 12, tzinfo=UTC)  # written in Brasília's time
    assert asked.details["proposal"] == "Proposta"


def test_a_repeat_is_answered_200_and_adds_nothing(client, portal, work, look):
    for sent_at in ("2026-11-20 09:00:03", "2026-11-20 09:00:20"):
        answer = client.post(
            portal.path,
            json=chavesnamao_lead(sendAt=sent_at),
            headers=basic("loja@exemplo.com.br", "tok:en"),
        )
        assert answer.status_code == 200
    work()
    assert len(look.enquiries) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("loja@exemplo.com.br", "errado"),
        basic("outra@exemplo.com.br", "tok:en"),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic"},
        {"Authorization": "Basic /////w=="},
        {"Authorization": "Bearer tok:en"},
    ],
)
def test_wrong_proof_is_refused(client, portal, look, headers):
    assert client.post(portal.path, json=chavesnamao_lead(), headers=headers).status_code == 401
    assert look.submissions == []


def test_without_an_email_the_token_alone_proves(client, register):
    portal = register("chavesnamao", access_token="t")
    answer = client.post(portal.path, json=chavesnamao_lead(), headers=basic("x", "t"))
    assert answer.status_code == 200
