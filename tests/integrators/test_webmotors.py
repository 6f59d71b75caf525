"""Webmotors, as far as it is public: a number is posted, the lead is read with our sign-in."""

from collections.abc import Iterator

import pytest

from core.db import db
from integrators import accounts
from tests.factories import make_vehicle
from tests.simulators.webmotors import Webmotors

HINT = {"IdLead": 55, "CodigoCliente": 1, "Cnpj": "12.ABC.345/01DE-35"}


@pytest.fixture
def service() -> Iterator[Webmotors]:
    with Webmotors() as portal:
        yield portal


@pytest.fixture
def portal(register, service):
    return register(
        "webmotors",
        base_url=service.url,
        client_id="c",
        client_secret="s",
        username="u",
        password="segredo",
        cnpj="12abc34501de35",
    )


def test_the_lead_is_read(client, portal, work, look):
    car = make_vehicle(source_id="lj1-v204")
    assert client.post(portal.path, json=HINT).status_code == 200
    assert client.post(portal.path, json=HINT).status_code == 200
    work()
    asked = look.only
    assert (asked.external_id, asked.vehicle_id) == ("55", car.id)
    assert asked.details["proposal"] == "60000"
    assert asked.person.phone == "+5516999990001"


def test_a_post_for_another_firm_is_refused(client, portal):
    hint = {**HINT, "Cnpj": "00.000.000/0001-91"}
    assert client.post(portal.path, json=hint).status_code == 401


def test_without_credentials_the_number_waits_for_a_person(client, register, work, look):
    portal = register("webmotors")
    client.post(portal.path, json=HINT)
    work()
    assert look.submissions[0].state == "parked"
    assert "55" in look.submissions[0].error


def test_a_wrong_password_asks_for_a_person(app, client, portal, service, work, look):
    service.password = "outra"
    client.post(portal.path, json=HINT)
    work()
    db.session.rollback()
    assert accounts.named(portal.account.name).state == "needs_reauth"
    app.test_cli_runner().invoke(args=["portals", "set", portal.account.name, "password=outra"])
    work()
    assert len(look.enquiries) == 1


@pytest.mark.parametrize("number", [None, "", "../x", {"a": 1}, "a" * 100])
def test_a_post_that_names_no_lead_is_kept_for_a_person(client, portal, work, look, number):
    assert client.post(portal.path, json={**HINT, "IdLead": number}).status_code == 200
    work()
    assert look.submissions[0].state == "parked"
