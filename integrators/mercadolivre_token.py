"""Mercado Livre's access token: asked for once at a time, because a refresh token works once.

Each refresh gives a new refresh token and kills the one before, so the new one is on our disk
before it or its access token is used. Who refreshes holds a lease in the account's sealed part;
the others wait. A process that dies meanwhile holds everybody up for the lease, no longer.
Rules: developers.mercadolivre.com.br/pt_br/autenticacao-e-autorizacao.
"""

import time
from typing import Any, Final, NoReturn

from flask_babel import gettext as _

from core.clock import now
from core.db import writing
from integrators import accounts
from integrators.calling import Call, CallRefused, TryLater, ask
from integrators.models import PortalAccount
from jobs.queue import PermanentFailure

LEASE_SECONDS: Final = 30
WAIT_SECONDS: Final = 15.0
LONGEST_REST: Final = 600
LOOK_SECONDS: Final = 0.1
_USED_SHARE: Final = 0.8  # of its life, then a new one is asked for
_SHORTEST_LIFE: Final = 60
_FINAL: Final = {400, 401}  # invalid_grant, invalid_client …


def access_token(account_id: int, *, worn: str = "") -> str:
    """A token that should work; not `worn`, which was just turned away. Raises TryLater, and
    PermanentFailure when a person must connect the account again."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        token = _at_hand_or_lease(account_id, worn)
        if token is None:
            return _refresh(account_id)
        if token:
            return token
        if time.monotonic() > deadline:
            raise TryLater("somebody else is asking for a token")
        time.sleep(LOOK_SECONDS)


def _at_hand_or_lease(account_id: int, worn: str) -> str | None:
    """The token there is; "" while somebody else asks for one; None: it is ours to ask."""
    instant = now().timestamp()
    with writing():
        row = accounts.locked(account_id)
        if row.state != "active":
            raise PermanentFailure(row.problem)
        account = accounts.seen(row)
        token = account.get("issued_token")
        if token and token != worn and _number(account, "issued_until") > instant:
            return token
        if _number(account, "refreshing_until") > instant:
            return ""
        accounts.keep_secrets(row, refreshing_until=instant + LEASE_SECONDS)
    return None


def _refresh(account_id: int) -> str:
    account = accounts.loaded(account_id)
    form = {
        "grant_type": "refresh_token",
        "client_id": account.get("client_id"),
        "client_secret": account.get("client_secret"),
        "refresh_token": account.get("refresh_token"),
    }
    try:
        answer = ask(Call(f"{account.base_url}/oauth/token", "POST", form=form))
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not token:
            raise TryLater("an answer without a token")
    except CallRefused as error:
        if accounts.loaded(account_id).get("refresh_token") != account.get("refresh_token"):
            raise TryLater("somebody else has a newer token") from None
        if error.status not in _FINAL:  # a proxy's word is not the service's
            with writing():
                accounts.keep_secrets(accounts.locked(account_id), refreshing_until=None)
            raise TryLater(f"answered {error.status}") from None
        _give_up(account, error)
    except TryLater as error:
        # The answer may be lost, and the token used up: the same one is tried once more, and if
        # that is refused somebody has to connect anew. Not before they said, whoever asks.
        said = error.retry_after or ""
        rest = now().timestamp() + min(int(said), LONGEST_REST) if said.isdecimal() else None
        with writing():
            accounts.keep_secrets(accounts.locked(account_id), refreshing_until=rest)
        raise
    with writing():
        keep_answer(accounts.locked(account_id), answer)
    return str(token)


def keep_answer(row: PortalAccount, answer: dict[str, Any]) -> None:
    """Keep what a token's request was answered: the new refresh token with it. Inside `writing()`;
    before anything of it is used."""
    try:
        life = max(_SHORTEST_LIFE, int(answer.get("expires_in") or 0) * _USED_SHARE)
    except (TypeError, ValueError):
        life = _SHORTEST_LIFE
    refresh = answer.get("refresh_token")
    accounts.keep_secrets(
        row,
        **({"refresh_token": str(refresh)} if refresh else {}),
        issued_token=str(answer["access_token"]),
        issued_until=now().timestamp() + life,
        refreshing_until=None,
    )


def _give_up(account: accounts.Account, error: CallRefused) -> NoReturn:
    said = str(error.data.get("error") or error.status)[:60]
    words = str(
        _(
            "%(service)s no longer lets us in (%(said)s): connect the account again.",
            service="Mercado Livre",
            said=said,
        )
    )
    accounts.turn_off(account.id, words)


def _number(account: accounts.Account, name: str) -> float:
    try:
        return float(account.get(name) or 0)
    except ValueError:
        return 0.0
