"""Calling Webmotors' stock service: signed in, one operation at a time.

A session holds for 1000 minutes and is shared by all threads and processes. Webmotors lets only
those fixed addresses in that it was told of. Nothing is known of HTTP statuses of its own: what an
operation came to stands in CodigoRetorno.
"""

import threading
from dataclasses import dataclass
from typing import Final

from flask_babel import gettext as _

from core.clock import now
from integrators.accounts import Account
from integrators.kinds import KINDS
from integrators.portals import webmotors_refusals as refusals
from integrators.portals.portal import Calls, Locked, NotSent, Unclear
from integrators.portals.webmotors_soap import (
    GOOD,
    LOGIN,
    STOCK,
    Answer,
    Fields,
    NotSoap,
    envelope,
    read,
)

SERVICE: Final = "https://integracao.webmotors.com.br"  # the leads' service is another one
SESSION_SECONDS: Final = 800 * 60.0  # of 1000 minutes
_PATHS: Final = {
    LOGIN: "/wsLoginSistemaRevendedor.asmx",
    STOCK: "/wsEstoqueRevendedorWebMotors.asmx",
}
_WRITES: Final = frozenset(
    {"IncluirCarro", "AlterarCarro", "ExcluirCarro", "IncluirFotoUrl", "ExcluirFoto"}
)

# A session may end in the hands of another thread between two of our requests.
SESSIONS_TRIED: Final = 5
_asking: dict[int, threading.Lock] = {}  # who signs in, by account


def ask(calls: Calls, operation: str, fields: Fields) -> Answer:
    """One operation of the stock, in a session that holds; a worn one is renewed. Raises
    Locked, and Unclear when the service itself does not know what happened."""
    session = ""
    for _try in range(SESSIONS_TRIED):
        session = _session(calls, worn=session)
        answer = _call(calls, STOCK, operation, [("pHashAutenticacao", session), *fields])
        if answer.code not in refusals.BAD_SESSION:
            break
    if answer.code in refusals.BAD_SESSION | {refusals.NO_PERMISSION}:
        raise Locked(
            str(_("Webmotors gives this user no permission: is the contract for it running?"))
        )
    if answer.code in refusals.BLOCKED:
        raise Locked(str(_("Webmotors has blocked this dealer. Talk to them.")))
    if answer.code == refusals.UNEXPECTED:
        raise _lost(operation, "it answered 400")
    return answer


def _call(calls: Calls, namespace: str, operation: str, fields: Fields) -> Answer:
    reply = calls.ask(
        "POST",
        _PATHS[namespace],
        body=envelope(namespace, operation, fields),
        headers={
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{namespace}/{operation}"',
        },
        is_write=operation in _WRITES,
        base_url=service_of(calls.account),
        accept="text/xml",
    )
    if reply.status in {401, 403}:
        raise Locked(
            str(_("Webmotors does not let this server in: its address must be on their list."))
        )
    if not reply.is_good:
        raise NotSent(f"answered {reply.status}")
    try:
        return read(reply.data, operation)
    except NotSoap as error:
        raise _lost(operation, str(error)) from None


def service_of(account: Account) -> str:
    """Where the stock's services are: elsewhere than the leads', unless an address was typed."""
    is_default = account.base_url == KINDS[account.kind].base_url
    return SERVICE if is_default else account.base_url


def _lost(operation: str, words: str) -> NotSent | Unclear:
    return Unclear(words) if operation in _WRITES else NotSent(words)


def _session(calls: Calls, worn: str = "") -> str:
    """A session other than `worn`. One thread signs in, the others wait."""
    with _asking.setdefault(calls.account.id, threading.Lock()):
        account = calls.account
        session, until = account.get("issued_token"), float(account.get("issued_until") or 0)
        if session and session != worn and until > now().timestamp():
            return session
        fields = [
            ("cnpj", account.get("cnpj")),
            ("email", account.get("email") or account.get("username")),
            ("senha", account.get("stock_password") or account.get("password")),
        ]
        answer = _call(calls, LOGIN, "autenticar", fields)
        session = answer.text("HashAutenticacao")
        if answer.code != GOOD or not session:
            words = _("Webmotors does not let us in: check CNPJ, e-mail and password of the stock.")
            raise Locked(str(words))
        calls.keep(issued_token=session, issued_until=now().timestamp() + SESSION_SECONDS)
        return session


@dataclass(frozen=True)
class Modality:
    """A kind of ad that the contract has, and how many of it."""

    code: str
    name: str
    total: int
    used: int
    takes_photos: bool


def modality_of(calls: Calls) -> str:
    """The kind of ad that ours go into. The choice is kept: moving ads about costs places."""
    known = calls.account.get("modality") or calls.account.get("chosen_modality")
    if known:
        return known
    found = sorted(modalities(calls), key=lambda one: (not one.takes_photos, -one.total))
    if not found:
        words = _("The contract with Webmotors has no kind of ad to put cars into.")
        raise Locked(str(words), needs_person=False)
    calls.keep(chosen_modality=found[0].code)
    return found[0].code


def modalities(calls: Calls) -> list[Modality]:
    """The kinds of ad that the contract has (ObterModalidade)."""
    answer = ask(calls, "ObterModalidade", [])
    return [
        Modality(
            number_of(row["CodigoModalidade"]),
            row.get("Descricao", ""),
            int(number_of(row.get("QuantidadeAnunciosTotal", "")) or 0),
            int(number_of(row.get("QuantidadeAnuncios", "")) or 0),
            row.get("PermiteFoto", "S").upper() != "N",
        )
        for row in answer.rows("CodigoModalidade")
        if number_of(row["CodigoModalidade"])
    ]


def number_of(text: str) -> str:
    """Their numbers are decimals: "30000001.0" is "30000001". "" for none, and for 0."""
    whole = text.partition(".")[0]
    return whole if whole.isdigit() and whole.strip("0") else ""
