"""Connecting an account by the other system's own sign-in (OAuth 2.0, RFC 6749 § 4.1 and 7636).

Staff are sent there with a `state` that only their browser's sealed note knows, and come back with
a code that is good once. What the code brings is on our disk before it is used. Manuals:
developers.mercadolivre.com.br/pt_br/autenticacao-e-autorizacao, and
developers.olx.com.br/anuncio/api/oauth.html. An account with a base address of its own (a
simulator) signs in there.

DomainError
└── ConnectRefused    it did not come about; the sentence says why and what to do
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from flask_babel import LazyString
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.clock import now
from core.db import writing
from core.errors import DomainError
from core.secrets import SealBroken, seal, unseal
from core.text import clean_line
from integrators import accounts
from integrators.accounts import Account
from integrators.calling import Call, CallRefused, TryLater, ask
from integrators.incoming import processing
from integrators.kinds import KINDS
from integrators.mercadolivre_token import access_token, keep_answer
from integrators.models import PortalAccount
from jobs.queue import PermanentFailure

GOOD_SECONDS: Final = 600  # from leaving to coming back; a code lives no longer either
_PURPOSE: Final = "portal_connecting"


class ConnectRefused(DomainError):
    """Connecting did not come about."""


@dataclass(frozen=True)
class _Service:
    """Where one system asks its user, and where it trades the code."""

    ask_host: str
    ask_path: str
    token_host: str
    scope: str = ""
    has_proof_key: bool = False


_SERVICES: Final = {
    "mercadolivre": _Service(
        "https://auth.mercadolivre.com.br",
        "/authorization",
        "https://api.mercadolibre.com",
        has_proof_key=True,
    ),
    "olx": _Service(
        "https://auth.olx.com.br",
        "/oauth",
        "https://auth.olx.com.br",
        scope="basic_user_info autoupload autoservice chat",
    ),
}
_SAID: Final[dict[str, LazyString]] = {
    "access_denied": _l("Access was not granted there. Begin again and say yes."),
    "invalid_client": _l("The application's id or secret is wrong. Check both."),
    "unauthorized_client": _l("The application's id or secret is wrong. Check both."),
    "invalid_grant": _l("The permission was used already or came too late. Begin again."),
    "invalid_operator_user_id": _l("Sign in there with the main account, not with a helper's."),
    "temporarily_unavailable": _l("The service is busy. Try again in a few minutes."),
}


@dataclass(frozen=True)
class _Pending:
    """What waits for its return."""

    account_id: int
    state: str
    verifier: str
    return_url: str
    until: float


@dataclass(frozen=True)
class Checked:
    """What a connection test found, in words."""

    is_good: bool
    words: str


def can_connect(account: Account) -> bool:
    """Whether the account is connected by a sign-in, and knows with which application."""
    return account.kind in _SERVICES and bool(
        account.get("client_id") and account.get("client_secret")
    )


def authorise_address(row: PortalAccount, return_url: str) -> tuple[str, str]:
    """(where to send the browser, the sealed note to keep in it). `return_url` must stand in the
    application's settings there, letter by letter. Raises ConnectRefused."""
    account = accounts.seen(row)
    service = _SERVICES.get(account.kind)
    if service is None:
        raise ConnectRefused(_("Accounts of this kind are not connected by a sign-in."))
    if not can_connect(account):
        raise ConnectRefused(_("Type the application's id and secret first."))
    pending = _Pending(
        account.id,
        secrets.token_urlsafe(24),
        secrets.token_urlsafe(48),
        return_url,
        now().timestamp() + GOOD_SECONDS,
    )
    asked = {
        "response_type": "code",
        "client_id": account.get("client_id"),
        "redirect_uri": return_url,
        "state": pending.state,
    }
    if service.scope:
        asked["scope"] = service.scope
    if service.has_proof_key:
        asked |= {"code_challenge": _challenge(pending.verifier), "code_challenge_method": "S256"}
    host = row.base_url.rstrip("/") or service.ask_host
    return f"{host}{service.ask_path}?{urlencode(asked)}", seal(vars(pending), _PURPOSE).decode()


def finish(sealed_note: str, returned: Mapping[str, str]) -> int:
    """Trade the code that the browser came back with; the account's id. `returned` is the query of
    the return address. Raises ConnectRefused and accounts.AlreadyConnected. Not inside
    `writing()`: it asks the service."""
    pending = _opened(sealed_note)
    if not hmac.compare_digest(pending.state.encode(), returned.get("state", "").encode()):
        raise ConnectRefused(_("This answer belongs to another attempt. Begin again."))
    if said := returned.get("error"):
        raise ConnectRefused(_in_words(said))
    code = returned.get("code", "")
    if not code:
        raise ConnectRefused(_("The service sent no permission. Begin again."))
    account = accounts.loaded(pending.account_id)
    answer = _traded(account, pending, code)
    if account.kind == "mercadolivre":
        _keep_mercadolivre(account, answer)
    else:
        with writing():
            row = accounts.locked(account.id)
            accounts.change_settings(row, {"access_token": str(answer["access_token"])})
    with writing():
        processing.read_parked_again(account.id)
    accounts.forget_copies()
    return account.id


def check(account: Account) -> Checked:
    """Who we are there, or what is wrong, in words. Asks the service: not inside `writing()`."""
    try:
        name = _own_name(account)
    except CallRefused as error:
        is_out = error.status in {401, 403}
        words = _("The service does not let us in: connect the account again.")
        return Checked(False, words if is_out else str(error))
    except (PermanentFailure, SealBroken) as error:
        return Checked(False, str(error))
    except TryLater:
        return Checked(False, _("The service does not answer at the moment."))
    return Checked(True, _("Connected as %(name)s.", name=name))


# --- parts -----------------------------------------------------------------------------------


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _opened(sealed_note: str) -> _Pending:
    try:
        facts = unseal(sealed_note.encode("ascii", "replace"), _PURPOSE)
        pending = _Pending(**facts)
    except (SealBroken, TypeError):
        raise ConnectRefused(_("Nobody began to connect in this browser. Begin again.")) from None
    if pending.until < now().timestamp():
        raise ConnectRefused(_("That took more than ten minutes. Begin again."))
    return pending


def _traded(account: Account, pending: _Pending, code: str) -> dict[str, Any]:
    """What the code brings."""
    service = _SERVICES[account.kind]
    is_elsewhere = account.base_url != KINDS[account.kind].base_url
    form = {
        "grant_type": "authorization_code",
        "client_id": account.get("client_id"),
        "client_secret": account.get("client_secret"),
        "code": code,
        "redirect_uri": pending.return_url,
    }
    if service.has_proof_key:
        form["code_verifier"] = pending.verifier
    host = account.base_url if is_elsewhere else service.token_host
    try:
        answer = ask(Call(f"{host}/oauth/token", "POST", form=form))
    except CallRefused as error:
        raise ConnectRefused(_in_words(str(error.data.get("error") or error.status))) from None
    except TryLater:
        raise ConnectRefused(_("The service does not answer at the moment. Begin again.")) from None
    if not isinstance(answer, dict) or not answer.get("access_token"):
        raise ConnectRefused(_("The service sent no permission. Begin again."))
    return answer


def _in_words(said: str) -> str:
    known = _SAID.get(said)
    return str(known) if known else _("The service says no: %(said)s", said=clean_line(said, 60))


def _keep_mercadolivre(account: Account, answer: dict[str, Any]) -> None:
    """Keep the tokens, and whose they are. Another seller's would be another account: what we put
    up for the first one would be looked for in vain. Raises ConnectRefused."""
    token, refresh = str(answer["access_token"]), str(answer.get("refresh_token") or "")
    if not refresh:
        raise ConnectRefused(_("The application may not work without you there: in its settings "
                               "at Mercado Livre, allow offline access."))  # fmt: skip
    before, user = account.get("user_id"), str(answer.get("user_id") or "")
    if before and user and before != user:
        raise ConnectRefused(_("You signed in there as another seller than before. Connect that "
                               "one as an account of its own."))  # fmt: skip
    with writing():
        row = accounts.locked(account.id)
        told = {"refresh_token": refresh, **({"user_id": user} if user else {})}
        accounts.change_settings(row, told)
        keep_answer(row, answer)
    if not (before or user):
        asked = Call(f"{account.base_url}/users/me", headers={"Authorization": f"Bearer {token}"})
        try:
            user = str(ask(asked).get("id") or "")
        except (CallRefused, TryLater, AttributeError):
            raise ConnectRefused(_("Connected, but the seller's number is not known yet. Begin "
                                   "again.")) from None  # fmt: skip
        with writing():
            row = accounts.locked(account.id)
            accounts.change_settings(row, {"user_id": user})


def _own_name(account: Account) -> str:
    if account.kind == "mercadolivre":
        headers = {"Authorization": f"Bearer {access_token(account.id)}"}
        found = ask(Call(f"{account.base_url}/users/me", headers=headers))
        name = found.get("nickname") if isinstance(found, dict) else ""
    elif account.kind == "olx":
        body = {"access_token": account.secret("access_token")}
        found = ask(Call(f"{account.base_url}/oauth_api/basic_user_info", "POST", json=body))
        name = found.get("user_name") if isinstance(found, dict) else ""
    else:
        raise PermanentFailure(_("There is no test for accounts of this kind."))
    return clean_line(str(name or account.name), 80)
