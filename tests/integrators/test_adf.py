"""ADF/XML: read leniently, and never trusted with a document type."""

import pytest

from tests.factories import make_vehicle
from tests.integrators.events import adf, adf_prospect
from tests.integrators.test_chavesnamao import basic

TRADE_IN = """<vehicle interest="trade-in" status="used"><year>2015</year><make>VW</make>
<model>Gol</model></vehicle>"""


@pytest.fixture
def portal(register):
    return register("adf")


def post(client, account, document: str | bytes, content_type: str = "application/x-adf+xml"):
    body = document.encode() if isinstance(document, str) else document
    return client.post(account.path, data=body, content_type=content_type)


def test_a_prospect_is_a_lead(client, portal, work, look):
    car = make_vehicle(source_id="lj1-v204")
    assert post(client, portal, adf(adf_prospect(extra=TRADE_IN))).status_code == 200
    work()
    asked = look.only
    assert asked.vehicle_id == car.id
    assert (asked.person.name, asked.person.phone) == ("Ana Teste", "+5516999990001")
    assert asked.message == "Aceita troca & financiamento?"
    assert asked.details["trade_in"] == "2015 VW Gol"
    assert asked.details["car"] == "2022 Fiat Argo Drive 1.0"
    assert asked.at.isoformat() == "2026-11-20T12:00:00+00:00"


def test_a_resent_prospect_is_the_same(client, portal, work, look):
    post(client, portal, adf())
    post(client, portal, adf().replace('status="new"', 'status="resend"'))
    work()
    assert len(look.enquiries) == 1


def test_several_prospects_are_several_leads(client, portal, work, look):
    post(client, portal, adf(adf_prospect("1"), adf_prospect("2")))
    work()
    assert len(look.enquiries) == 2


def test_prospects_without_an_id_are_told_apart_by_what_they_say(client, portal, work, look):
    first = adf(adf_prospect("")).replace("troca", "carro")
    for document in (adf(adf_prospect("")), adf(adf_prospect("")) + " ", first):
        post(client, portal, document)
    work()
    assert len(look.enquiries) == 2


@pytest.mark.parametrize(
    "document",
    [
        adf().replace("&", "&amp;").replace("<![CDATA[", "").replace("]]>", ""),
        adf().replace("<![CDATA[", "").replace("]]>", ""),  # a stray ampersand
        adf().replace("<adf>", '<adf xmlns="urn:x">'),
        adf().replace("prospect", "PROSPECT").replace("<adf>", "<ADF>").replace("/adf", "/ADF"),
        "Prezados,\n\n" + adf() + "\n\nAtenciosamente",
        adf().replace("<provider><name", "<name").replace("</name></provider>", "</name>"),
        "\ufeff" + adf(),
    ],
)
def test_documents_that_bend_the_rules_are_read(client, portal, work, look, document):
    post(client, portal, document)
    work()
    assert look.submissions[0].error == ""
    assert look.only.person.phone == "+5516999990001"


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "utf-8-sig"])
def test_letters_survive_whatever_the_document_claims(client, portal, work, look, encoding):
    post(client, portal, adf().replace("Ana Teste", "José Conceição").encode(encoding))
    work()
    assert look.only.person.name == "José Conceição"


BILLION = """<?xml version="1.0"?><!DOCTYPE adf [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<adf><prospect><customer><comments>&c;</comments></customer></prospect></adf>"""
EXTERNAL = """<?xml version="1.0"?><!DOCTYPE adf [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<adf><prospect><customer><comments>&x;</comments></customer></prospect></adf>"""


@pytest.mark.parametrize(
    "document",
    [
        BILLION,
        EXTERNAL,
        BILLION.replace("<!DOCTYPE", "<!doctype"),
        "",
        "x",
        "<adf>",
        "<adf></adf>",
        "<adf><prospect>",
        "<a>" * 80_000,
        "<a>" * 30_000 + "</a>" * 30_000,
        "<!--" + "x" * 1000,
        "<adf>&nada;</adf>",
        "\x00\x00",
    ],
    ids=range(13),
)
def test_bombs_and_scraps_are_kept_for_a_person(client, portal, work, look, document):
    assert post(client, portal, document).status_code == 200
    work()
    (submission,) = look.submissions
    assert (submission.state, look.enquiries) == ("parked", [])
    assert submission.error
    assert {job.state for job in look.webhook_jobs} == {"done"}


def test_an_empty_prospect_is_still_somebody(client, portal, work, look):
    post(client, portal, "<adf><prospect/></adf>")
    work()
    assert look.only.person.name == ""


def test_with_a_password_set_it_is_asked_for(client, register):
    portal = register("adf", username="u", password="p")
    document = adf().encode()
    for headers, status in (({}, 401), (basic("u", "x"), 401), (basic("u", "p"), 200)):
        assert client.post(portal.path, data=document, headers=headers).status_code == status
