"""Every door told the same things again and again, in any order: the same leads and histories."""

import random
import uuid

import pytest

from leads.intake import process_submission
from leads.models import LeadEvent
from tests.factories import make_store
from tests.integrators import test_adf as adf_door
from tests.integrators import test_chavesnamao as chavesnamao_door
from tests.integrators import test_meta as meta_door
from tests.integrators import test_olx as olx_door
from tests.integrators import test_telephony as telephony_door
from tests.integrators.events import (
    adf,
    adf_prospect,
    chavesnamao_lead,
    olx_chat,
    olx_lead,
    whatsapp_event,
    whatsapp_message,
)
from tests.leads.pipeline.waiting import check

BIA = {"name": "Bia", "email": "bia@exemplo.com.br", "phone": "16999990002"}


def olx(client, register):
    account = register("olx", access_token="a", lead_token="segredo-olx")
    posts = [olx_lead(), olx_lead(externalId="b", **BIA), olx_chat(), olx_chat(messageId="m-2")]
    return [lambda event=event: olx_door.post(client, account, event) for event in posts]


def chavesnamao(client, register):
    account = register("chavesnamao", access_token="t", email="loja@exemplo.com.br")
    headers = chavesnamao_door.basic("loja@exemplo.com.br", "t")
    posts = [chavesnamao_lead(), chavesnamao_lead(id="2"), chavesnamao_lead(id="3", **BIA)]
    return [lambda p=post: client.post(account.path, json=p, headers=headers) for post in posts]


def whatsapp(client, register):
    account = register("whatsapp", app_secret=meta_door.SECRET, verify_token="palavra")
    one, two = whatsapp_message(), whatsapp_message(id="wamid.2", text={"body": "E a cor?"})
    bia = {"profile": {"name": "Bia"}, "wa_id": "5516999990002"}
    batches = [
        whatsapp_event(one),
        whatsapp_event(one, two),
        whatsapp_event(two),
        whatsapp_event(whatsapp_message(id="wamid.3", **{"from": "5516999990002"}), contact=bia),
    ]
    return [lambda batch=batch: meta_door.post(client, account, batch) for batch in batches]


def telephony(client, register):
    account = register(
        "telephony",
        store=make_store(),
        auth_token=telephony_door.TOKEN,
        forward_to="+5516999990000",
    )
    bia = {"CallSid": "CA" + "3" * 32, "From": "+5516999990002"}
    events = [
        {},
        {"CallStatus": "in-progress", "DialCallStatus": "completed", "DialCallDuration": "31"},
        {"CallStatus": "completed", "SequenceNumber": "3"},
        bia,
        {**bia, "CallStatus": "no-answer"},
    ]
    return [lambda event=event: telephony_door.post(client, account, **event) for event in events]


def adf_mail(client, register):
    account = register("adf")
    bia = adf_prospect("L-3").replace("Ana Teste", "Bia").replace("99990001", "99990002")
    documents = [adf(adf_prospect("L-1"), adf_prospect("L-2")), adf(adf_prospect("L-2")), adf(bia)]
    return [lambda text=text: adf_door.post(client, account, text) for text in documents]


def site(client, _register):
    forms = [
        {"submission_id": str(uuid.uuid4()), "nome": name, "telefone": phone, "mensagem": words}
        for name, phone, words in (
            ("Ana Teste", "(16) 99999-0001", "Aceita troca?"),
            ("Ana Teste", "(16) 99999-0001", "E financia?"),
            ("Bia", "(16) 99999-0002", "Qual a cor?"),
        )
    ]
    return [lambda form=form: client.post("/contato", data=form) for form in forms]


# How many enquiries and leads there are after all of it.
DOORS = {olx: (4, 2), chavesnamao: (3, 2), whatsapp: (3, 2), telephony: (2, 2), adf_mail: (3, 2),
         site: (3, 2)}  # fmt: skip


def seen(look):
    return (
        sorted((one.source, one.external_id, one.message, one.kind) for one in look.enquiries),
        sorted((one.person.name, one.state, one.department) for one in look.leads),
        sorted((one.lead_id, one.kind) for one in look.all_of(LeadEvent) if "mail" not in one.kind),
    )


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_told_five_times_in_any_order(client, register, work, look, door, seed):
    rng = random.Random(seed)
    deeds = door(client, register)
    known = None
    for _time in range(5):
        for deed in rng.sample(deeds, len(deeds)):
            assert deed().status_code in {200, 202, 303}
        work()
        for row in look.submissions:
            process_submission({"submission_id": row.id})
        known = known or seen(look)
        assert seen(look) == known
    assert (len(known[0]), len(known[1])) == DOORS[door]
    for lead in look.leads:
        check(lead)
