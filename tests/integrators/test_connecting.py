"""An account connected by the other system's own sign-in."""

from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from core.clock import now
from core.db import db, writing
from core.secrets import seal, unseal
from integrators import accounts, connecting
from integrators.connecting import ConnectRefused
from integrators.mercadolivre_token import access_token
from tests.simulators.mercadolivre import MercadoLivre
from tests.simulators.olx import Olx

BACK = "https://loja.example/admin/portais/retorno"


@pytest.fixture(params=[MercadoLivre, Olx], ids=["mercadolivre", "olx"])
def service(request):
    with request.param() as simulated:
        yield simulated


@pytest.fixture
def mercadolivre():
    with MercadoLivre() as simulated:
        yield simulated


def connectable(service) -> accounts.PortalAccount:
    """Registered by staff: the application's id and secret, and nothing else."""
    with writing():
        row, _token = accounts.register(
            service.kind,
            "Conta",
            {"client_id": "77", "client_secret": "s"},
            base_url=service.url,
            by_operator=False,
        )
    return row


def state_of(row) -> accounts.PortalAccount:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get(accounts.PortalAccount, row.id)


def signed_in(address: str) -> dict[str, str]:
    """What the browser brings back."""
    answer = httpx2.get(address, follow_redirects=False, trust_env=False)
    place = answer.headers["location"]
    assert place.startswith(f"{BACK}?")
    return dict(parse_qsl(urlsplit(place).query))


def test_an_account_is_connected_and_says_who_it_is(app, service):
    row = connectable(service)
    assert connecting.can_connect(accounts.seen(row))
    address, note = connecting.authorise_address(row, BACK)
    assert "s" not in dict(parse_qsl(urlsplit(address).query)).values()
    assert connecting.finish(note, signed_in(address)) == row.id
    row = state_of(row)
    assert (row.state, row.problem) == ("active", "")
    checked = connecting.check(accounts.seen(row))
    assert checked.is_good
    assert any(name in checked.words for name in ("LOJA_EXEMPLO", "Loja Exemplo"))


def test_the_sellers_number_and_the_tokens_are_kept(app, mercadolivre):
    row = connectable(mercadolivre)
    assert row.state == "needs_reauth"
    assert "Mercado Livre" in row.problem
    address, note = connecting.authorise_address(row, BACK)
    asked = dict(parse_qsl(urlsplit(address).query))
    assert asked["code_challenge_method"] == "S256"
    connecting.finish(note, signed_in(address))
    account = accounts.seen(state_of(row))
    assert (account.get("user_id"), account.get("refresh_token")) == ("468424240", "r1")
    assert access_token(account.id) == "a1"
    assert mercadolivre.used == []  # the first token serves; nothing was refreshed


def test_another_seller_is_another_account(app, mercadolivre):
    row = connectable(mercadolivre)
    with writing():
        accounts.change_settings(accounts.locked(row.id), {"user_id": "1", "refresh_token": "r"})
    address, note = connecting.authorise_address(state_of(row), BACK)
    with pytest.raises(ConnectRefused):
        connecting.finish(note, signed_in(address))
    assert accounts.seen(state_of(row)).get("refresh_token") == "r"


def test_a_code_is_good_once(app, service):
    row = connectable(service)
    address, note = connecting.authorise_address(row, BACK)
    returned = signed_in(address)
    connecting.finish(note, returned)
    with pytest.raises(ConnectRefused):
        connecting.finish(note, returned)
    assert state_of(row).state == "active"


def test_who_says_no_there_is_told_so(app, service):
    service.codes.agrees = False
    address, note = connecting.authorise_address(connectable(service), BACK)
    with pytest.raises(ConnectRefused):
        connecting.finish(note, signed_in(address))


@pytest.mark.parametrize("state", ["", "forged", "ção"])
def test_a_forged_state_is_refused(app, mercadolivre, state):
    address, note = connecting.authorise_address(connectable(mercadolivre), BACK)
    returned = signed_in(address) | {"state": state}
    with pytest.raises(ConnectRefused):
        connecting.finish(note, returned)
    assert len(mercadolivre.codes.given) == 1  # the code was not even shown


@pytest.mark.parametrize("note", ["", "x", "ção", "old", "elsewhere"])
def test_a_note_that_is_none_or_old_is_refused(app, mercadolivre, note):
    address, good = connecting.authorise_address(connectable(mercadolivre), BACK)
    facts = unseal(good.encode(), "portal_connecting")
    notes = {
        "old": seal(facts | {"until": now().timestamp() - 1}, "portal_connecting").decode(),
        "elsewhere": seal(facts, "portal_account:1:olx").decode(),
    }
    with pytest.raises(ConnectRefused):
        connecting.finish(notes.get(note, note), signed_in(address))


def test_without_an_application_nobody_can_connect(app, register):
    for kind in ("olx", "generic"):
        with pytest.raises(ConnectRefused):
            connecting.authorise_address(register_row(register, kind), BACK)


def register_row(register, kind):
    return db.session.get(accounts.PortalAccount, register(kind).account.id)


def test_the_real_services_are_asked_where_no_base_address_is_set(app):
    with writing():
        row, _token = accounts.register(
            "olx", "OLX", {"client_id": "77", "client_secret": "s"}, by_operator=False
        )
    address, _note = connecting.authorise_address(row, BACK)
    assert address.startswith("https://auth.olx.com.br/oauth?")
    assert dict(parse_qsl(urlsplit(address).query))["scope"] == (
        "basic_user_info autoupload autoservice chat"
    )


def test_a_test_says_what_is_wrong(app, register, mercadolivre):
    account = register(
        "mercadolivre", base_url=mercadolivre.url, **{**mercadolivre.settings, "refresh_token": "x"}
    ).account
    assert not connecting.check(account).is_good
    away = register("olx", name="Fora", base_url="http://127.0.0.1:1", access_token="t").account
    assert not connecting.check(away).is_good


def test_who_is_connected_already_is_refused_by_name(app, mercadolivre):
    row = connectable(mercadolivre)
    address, note = connecting.authorise_address(row, BACK)
    connecting.finish(note, signed_in(address))
    with writing():
        accounts.archive(accounts.locked(row.id))
        twin, _token = accounts.register(
            "mercadolivre",
            "De novo",
            {"client_id": "77", "client_secret": "s"},
            base_url=mercadolivre.url,
            by_operator=False,
        )
    address, note = connecting.authorise_address(twin, BACK)
    with pytest.raises(accounts.AlreadyConnected) as refusal:
        connecting.finish(note, signed_in(address))
    assert "Conta" in str(refusal.value)
    assert "removida" in str(refusal.value)
    assert accounts.seen(state_of(twin)).get("user_id") == ""


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("olx", {"access_token": "t"}, {"access_token": " t "}),
        ("chavesnamao", {"access_token": "t"}, {"access_token": "t", "email": "a@b.example"}),
        ("webmotors", {"cnpj": "11.222.333/0001-81"}, {"cnpj": "11222333000181"}),
    ],
)
def test_one_dealer_is_one_account(app, register, kind, first, second):
    register(kind, name="A", **first)
    with pytest.raises(accounts.AlreadyConnected, match="A"):
        register(kind, name="B", **second)
    db.session.rollback()
    there = register(kind, name="C", base_url="http://127.0.0.1:9", **second).account
    with writing():  # as before: no twin of itself, nor of one elsewhere
        accounts.change_settings(accounts.locked(there.id), second)
