"""The simulators refuse what the portals' manuals refuse, and fail when and as they are told."""

import base64
import hashlib
import time
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.simulators import webmotors
from tests.simulators.__main__ import command
from tests.simulators.chavesnamao import ChavesNaMao
from tests.simulators.every import SIMULATORS
from tests.simulators.faults import ANSWER_LOST, NOTHING_DONE, Fault, Faults
from tests.simulators.mercadolivre import MercadoLivre
from tests.simulators.olx import Olx
from tests.simulators.simulator import POISON

ITEM = {
    "title": "Fiat Argo Drive 1.0 2022",
    "category_id": "MLB1744",
    "price": 64900,
    "currency_id": "BRL",
    "available_quantity": 1,
    "buying_mode": "classified",
    "listing_type_id": "silver",
    "channels": ["marketplace"],
    "pictures": [{"source": "https://loja.example/1.jpg"}],
    "location": {"zip_code": "14000000"},
    "seller_contact": {"country_code2": "55", "phone2": "16999990000"},
    "seller_custom_field": "v1",
    "attributes": [
        {"id": "BRAND", "value_id": "67781"},
        {"id": "MODEL", "value_name": "Argo"},
        {"id": "VEHICLE_YEAR", "value_name": "2022"},
        {"id": "TRIM", "value_name": "Drive"},
        {"id": "ITEM_CONDITION", "value_id": "2230581"},
    ],
}
OLX_AD = {
    "id": "v1",
    "operation": "insert",
    "category": 2020,
    "type": "s",
    "subject": "Fiat Argo",
    "body": "Revisado",
    "phone": 16999990000,
    "price": 64900,
    "zipcode": "14000000",
    "images": ["https://loja.example/1.jpg"],
    "params": {"vehicle_brand": "21", "vehicle_model": "55", "vehicle_version": "7",
               "regdate": "2022", "mileage": 38500, "vehicle_tag": "ABC1D23", "fuel": "3"},
}  # fmt: skip
VEHICLE = {
    "reference": "v1", "type": "C", "value": 64900, "deposit": 0, "amountPerInstallment": 0,
    "amountOfInstallments": 0, "trimId": 1111, "color": "BLACK", "gearbox": "MANUAL",
    "fuel": "FLEX", "mileage": 100, "doors": 4, "manufacturedYear": 2021,
    "licensePlate": "ABC1D23", "pictures": [{"source": "https://loja.example/1.jpg"}],
    "accessories": [],
}  # fmt: skip


@pytest.fixture
def at():
    """A way to speak to a simulator, signed in where that takes a token."""
    clients = []

    def reach(sim):
        client = httpx2.Client(base_url=sim.url, timeout=5, trust_env=False)
        clients.append((client, sim))
        if isinstance(sim, MercadoLivre):
            form = {"grant_type": "refresh_token", "refresh_token": "r0"}
            token = client.post("/oauth/token", data=form).json()["access_token"]
        elif isinstance(sim, ChavesNaMao):
            told = client.get("/clients/jwt", headers={"token": "cnm-token"})
            token = told.json()["token"]
        else:
            token = "olx-token"
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    yield reach
    for client, sim in clients:
        client.close()
        sim.stop()


def olx_import(client, *ads):
    body = {"access_token": "olx-token", "ad_list": list(ads)}
    return client.put("/autoupload/import", json=body).json()


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pictures": []}, 173),
        ({"title": "x" * 61}, 101),
        ({"price": 0}, 122),
        ({"channels": []}, 147),
        ({"listing_type_id": "gold"}, 114),
        ({"category_id": "MLB1743"}, 126),
        ({"attributes": ITEM["attributes"][:3]}, 147),
        ({"title": POISON}, 3703),
    ],
)
def test_mercado_livre_refuses(at, changes, code):
    answer = at(MercadoLivre()).post("/items", json={**ITEM, **changes})
    assert answer.status_code == 400
    assert answer.json()["cause"][0]["code"] == code


def test_mercado_livre_drops_what_its_list_does_not_hold(at):
    unknown = {"id": "COLOR", "value_name": "Roxo"}
    body = {**ITEM, "attributes": [*ITEM["attributes"], unknown]}
    made = at(MercadoLivre()).post("/items", json=body)
    assert made.status_code == 201
    assert "COLOR" not in {one["id"] for one in made.json()["attributes"]}


def test_on_mercado_livre_closed_is_final_and_a_relisted_ad_has_another_id(at):
    sim = MercadoLivre()
    client = at(sim)
    number = client.post("/items", json=ITEM).json()["id"]
    assert client.post(f"/items/{number}/relist", json={}).status_code == 400
    assert client.put(f"/items/{number}", json={"status": "closed"}).status_code == 200
    assert client.put(f"/items/{number}", json={"status": "active"}).status_code == 400
    again = client.post(f"/items/{number}/relist", json={"price": 1, "quantity": 1})
    assert again.json()["id"] != number
    assert sim.online() == {"v1": 100}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"images": []}, "NO_IMAGE"),
        ({"zipcode": ""}, "NO_REGION"),
        ({"id": "x" * 20}, "UNDEFINED_AD_ID"),
        ({"price": "64900"}, "ERROR_PRICE_INVALID"),
        ({"body": "<b>x</b>"}, "ERROR_BODY_INVALID"),
        ({"params": {**OLX_AD["params"], "fuel": "4"}}, "ERROR_FUEL_4_DEPRECATED"),
        ({"params": {**OLX_AD["params"], "doors": ""}}, "ERROR_DOORS_INVALID"),
        ({"params": {**OLX_AD["params"], "vehicle_tag": "abc-1"}}, "ERROR_VEHICLE_TAG_INVALID"),
        ({"params": {**OLX_AD["params"], "vehicle_model": "60"}},
         "ERROR_VEHICLE_BRAND_MODEL_VERSION_INVALID"),
    ],
)  # fmt: skip
def test_olx_cancels_a_whole_import_for_one_ad(at, changes, code):
    sim = Olx()
    wrong = {**OLX_AD, "id": "v2", **changes}
    answer = olx_import(at(sim), OLX_AD, wrong)
    assert (answer["statusCode"], answer["token"]) == (-4, None)
    (error,) = answer["errors"]
    assert error["id"] == wrong["id"]
    assert code in {one["category"] for one in error["messages"]}
    assert sim.ads == {}


def test_olx_takes_what_there_is_room_for_and_names_the_rest(at):
    sim = Olx()
    sim.slots = sim.holds() + 1
    client = at(sim)
    answer = olx_import(client, OLX_AD, {**OLX_AD, "id": "v2"})
    assert answer["statusCode"] == -8
    assert "v2" in answer["statusMessage"]
    assert set(sim.online()) == {"v1"}
    assert olx_import(client, {**OLX_AD, "id": "v2"})["statusCode"] == -7


def test_olx_works_imports_off_in_their_order_unless_told_otherwise(at):
    sim = Olx()
    sim.delay = sim.late = 0.1
    client = at(sim)
    token = olx_import(client, OLX_AD)["token"]
    ask = {"access_token": "olx-token"}
    shown = client.post(f"/autoupload/import/{token}", json=ask).json()
    assert (shown["autoupload_status"], shown["ads"]["v1"]["status"]) == ("pending", "pending")
    time.sleep(0.15)
    shown = client.post(f"/autoupload/import/{token}", json=ask).json()
    assert (shown["autoupload_status"], shown["ads"]["v1"]["status"]) == ("done", "accepted")
    sim.faults.force(Fault.REORDERED)
    olx_import(client, {"id": "v1", "operation": "delete"})
    time.sleep(0.15)
    assert sim.ads == {}
    time.sleep(0.1)
    assert set(sim.online()) == {"v1"}  # an older insert landed after the delete


def test_chaves_na_mao_queues_every_write(at):
    sim = ChavesNaMao()
    sim.delay = 0.1
    client = at(sim)
    wrong = client.post("/vehicles", json={**VEHICLE, "color": "WHITE", "doors": 9})
    assert wrong.status_code == 400
    assert len(wrong.json()["message"]) == 2
    assert client.post("/vehicles", json=VEHICLE).status_code == 202
    assert client.get("/vehicles/v1").status_code == 202
    assert client.post("/vehicles", json=VEHICLE).status_code == 422
    assert client.request("DELETE", "/vehicles/v1").status_code == 202
    time.sleep(0.15)
    answer = client.get("/vehicles/v1")
    assert answer.status_code == 404
    assert {"x-ratelimit-limit", "x-ratelimit-remaining"} <= set(answer.headers)


def test_webmotors_does_not_see_an_element_out_of_its_turn():
    with webmotors.Webmotors() as sim:
        told = {"CodigoModalidade": 11, "TipoAnuncio": "U", "CodigoMarca": 3, "CodigoModelo": 31,
                "CodigoVersao": 311, "AnoDoModelo": 2022, "AnoFabricacao": 2021, "Km": 10,
                "Placa": "ABC1D23", "CodigoCambio": 1, "NrPortas": 4, "CodigoCor": 1,
                "CodigoCombustivel": 4, "PrecoReal": "64900", "PrecoVenda": "64900"}  # fmt: skip
        session = _soap(sim, "autenticar", {
            "cnpj": "12345678000195", "email": "loja@exemplo.com.br", "senha": "segredo"
        }, webmotors.LOGIN).partition("<HashAutenticacao>")[2].partition("<")[0]  # fmt: skip
        asked = {"pHashAutenticacao": session}
        good = _soap(sim, "IncluirCarro", {**asked, "pAnuncio": told})
        assert "<CodigoRetorno>500<" in good
        km = told.pop("Km")
        late = {**told, "Km": km}
        assert "<CodigoRetorno>43|14<" in _soap(sim, "IncluirCarro", {**asked, "pAnuncio": late})
        assert set(sim.online()) == {"ABC1D23"}


def _soap(sim, action, fields, space=webmotors.STOCK):
    def written(table):
        return "".join(
            f"<{name}>{written(value) if isinstance(value, dict) else value}</{name}>"
            for name, value in table.items()
        )

    body = (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<{action} xmlns="{space}">{written(fields)}</{action}></soap:Body></soap:Envelope>'
    )
    answer = httpx2.post(
        f"{sim.url}/{space.rpartition('/')[2]}.asmx",
        content=body,
        headers={"SOAPAction": f'"{space}/{action}"', "Content-Type": "text/xml"},
        trust_env=False,
    )
    return answer.text


# --- signing in ------------------------------------------------------------------------------


def test_a_refresh_token_works_once_and_a_code_too(at):
    sim = MercadoLivre()
    client = at(sim)  # uses up r0
    form = {"grant_type": "refresh_token", "refresh_token": "r0"}
    assert client.post("/oauth/token", data=form).json()["error"] == "invalid_grant"
    digest = hashlib.sha256(b"verifier").digest()
    asked = {
        "response_type": "code",
        "client_id": "1",
        "redirect_uri": "https://loja.example/r",
        "state": "s",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    for verifier, status in (("another", 400), ("verifier", 200)):
        sent = client.get("/authorization", params=asked)
        back = parse_qs(urlsplit(sent.headers["location"]).query)
        assert back["state"] == ["s"]
        form = {"grant_type": "authorization_code", "code": back["code"][0], "client_id": "1",
                "client_secret": "s", "redirect_uri": asked["redirect_uri"],
                "code_verifier": verifier}  # fmt: skip
        assert client.post("/oauth/token", data=form).status_code == status
        assert client.post("/oauth/token", data=form).status_code == 400


# --- what goes wrong -------------------------------------------------------------------------


@pytest.mark.parametrize("fault", sorted(NOTHING_DONE | ANSWER_LOST | {Fault.SLOW, Fault.TWICE}))
def test_a_fault_does_what_it_says(at, fault):
    sim = MercadoLivre(Faults(hold=0.0, slow=0.0, retry_after=7))
    client = at(sim)
    sim.faults.force(fault, "POST", "/items")
    try:
        answer = client.post("/items", json=ITEM)
    except httpx2.HTTPError:
        answer = None
    made = len(sim.standing("v1"))
    assert made == (0 if fault in NOTHING_DONE else 2 if fault is Fault.TWICE else 1)
    silent = {Fault.RESET, Fault.RESET_AFTER, Fault.SILENT, Fault.CUT}
    statuses = {Fault.BUSY: 429, Fault.BUSY_SILENT: 429, Fault.AWAY: 503, Fault.BROKEN: 500,
                Fault.BROKEN_AFTER: 500, Fault.EXPIRED: 401, Fault.HTML: 200}  # fmt: skip
    if fault in silent:
        assert answer is None
    else:
        assert answer.status_code == statuses.get(fault, 201)
        says_when = fault in {Fault.BUSY, Fault.AWAY}
        assert answer.headers.get("retry-after") == ("7" if says_when else None)
    client.headers["Authorization"] = f"Bearer {sim.issued.access or 'dead'}"
    assert client.get("/users/me").status_code == (401 if fault is Fault.EXPIRED else 200)


def test_chance_is_the_same_with_the_same_seed_and_can_be_hushed():
    drawn = []
    for _time in range(2):
        faults = Faults(seed=7, share=0.2)
        drawn.append([faults.draw("GET", "/items", set(Fault)) for _ in range(400)])
    assert drawn[0] == drawn[1]
    assert 50 < sum(fault is not None for fault in drawn[0]) < 110
    faults.quiet()
    assert {faults.draw("GET", "/items", set(Fault)) for _ in range(50)} == {None}


def test_more_than_a_rate_is_turned_away_and_who_does_not_wait_is_counted(at, monkeypatch):
    monkeypatch.setattr("tests.simulators.simulator.GRACE_SECONDS", 0.0)
    sim = MercadoLivre(Faults(rate=5))
    client = at(sim)
    statuses = [client.get("/users/me").status_code for _ in range(8)]
    assert statuses.count(200) == 4  # five at once, one of which was the token
    assert statuses.count(429) == 4
    assert sim.impatient == 3


@pytest.mark.parametrize("kind", sorted(SIMULATORS))
def test_what_is_needed_to_play_with_one_is_shown(kind):
    with SIMULATORS[kind]() as sim:
        assert f"portals add {kind} --name sim-{kind} --base-url {sim.url}" in command(sim)
        sent = httpx2.post(f"{sim.url}/_sim", json={"faults": 0.3, "slots": 5}, trust_env=False)
        shown = sent.json()
        assert (shown["weather"]["faults"], shown["weather"]["slots"]) == (0.3, 5)
        assert len(shown["by_hand"]) == 2
        assert sim.requests == 0
        sim.fill(3)
        assert len(sim.hand_made) == 5
