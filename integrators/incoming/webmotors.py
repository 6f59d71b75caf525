"""Webmotors, experimental: a post names a lead, which is read from their service.

What is public is thin (portal-webmotors.sensedia.com, and code seen elsewhere), and nothing was
tried against the real service. A post without our credentials set is kept for a person.
"""

from typing import Any, Final

from flask_babel import gettext as _

from integrators.accounts import Account, turn_off
from integrators.calling import Call, CallRefused, ask
from integrators.incoming.fields import (
    details,
    find_vehicle,
    instant,
    json_object,
    json_or_nothing,
    phone,
    portal_touch,
    rows,
    store_for,
    table,
    text,
)
from integrators.incoming.source import Post, Reading, Source, Unreadable
from leads.intake import Asked

_KINDS: Final = {"1": "call"}
_CHANNELS: Final = {
    "1": "phone_tracking",
    "2": "proposal",
    "3": "proposal_new",
    "4": "proposal_motorcycle",
    "11": "whatsapp",
    "12": "whatsapp",
}


class Webmotors(Source):
    kind = "webmotors"

    def refusal(self, post: Post, account: Account) -> str:
        ours = _digits(account.get("cnpj"))
        theirs = _digits(text(json_or_nothing(post.body).get("Cnpj")))
        return "not for this account" if ours and theirs and ours != theirs else ""

    def event_key(self, post: Post) -> str:
        return text(json_or_nothing(post.body).get("IdLead"))

    def read(self, post: Post, account: Account) -> Reading:
        hint = json_object(post.body)
        number = text(hint.get("IdLead"))
        if not number.isalnum() or len(number) > 64:
            raise Unreadable(_("This post names no lead."))
        if not (account.get("client_id") and account.get("username")):
            raise Unreadable(
                _("Lead %(number)s waits at %(service)s: this account has no credentials to read "
                  "it with.", number=number, service="Webmotors")
            )  # fmt: skip
        reading = Reading()
        reading.add(_asked(account, number, _lead(account, number)))
        return reading


def _lead(account: Account, number: str) -> dict[str, Any]:
    sign_in = Call(
        f"{account.base_url}/oauth/v1/access-token",
        "POST",
        form={
            "grant_type": "password",
            "username": account.get("username"),
            "password": account.secret("password"),
        },
        basic=(account.get("client_id"), account.secret("client_secret")),
    )
    try:
        token = text(table(ask(sign_in)).get("access_token"))
        headers = {"client_id": account.get("client_id"), "access_token": token}
        url = f"{account.base_url}/lead/v1/leads"
        answer = ask(Call(url, params={"id": number}, headers=headers))
    except CallRefused as error:
        if error.status in {401, 403}:
            turn_off(
                account.id,
                _("%(service)s no longer lets us in (%(said)s): connect the account again.",
                  service="Webmotors", said=error.status),
            )  # fmt: skip
        raise Unreadable(
            _("%(service)s does not give this lead out: %(reason)s",
              service="Webmotors", reason=str(error))
        ) from None  # fmt: skip
    found = rows(answer) or rows(table(answer).get("leads")) or [table(answer)]
    return found[0]


def _asked(account: Account, number: str, lead: dict[str, Any]) -> Asked:
    facts = {key.lower(): value for key, value in lead.items()}
    ad = {key.lower(): value for key, value in table(facts.get("anuncio")).items()}
    kind = text(facts.get("tipo") or facts.get("tipolead"))
    reference = text(ad.get("codigo") or ad.get("codigoanuncio") or ad.get("id"))
    vehicle = find_vehicle(reference, text(ad.get("placa")), text(facts.get("mensagem")))
    store = store_for(account, vehicle)
    title = " ".join(text(ad.get(name)) for name in ("marca", "modelo", "versao", "ano_modelo"))
    return Asked(
        source="webmotors",
        kind=_KINDS.get(kind, "interest"),
        name=text(facts.get("nome")),
        phone=phone(facts.get("telefone"), store),
        email=text(facts.get("email")),
        message=text(facts.get("mensagem")),
        vehicle_id=vehicle.id if vehicle else None,
        store_id=store.id if store else None,
        source_ref=reference,
        external_id=number,
        details=details(
            channel=_CHANNELS.get(kind, kind),
            ad=reference,
            ad_title=title,
            proposal=facts.get("valorproposta"),
        ),
        touch=portal_touch("webmotors"),
        at=instant(facts.get("data") or facts.get("datacriacao")),
        actor="portal:webmotors",
    )


def _digits(written: str) -> str:
    return "".join(char for char in written if char.isalnum()).upper()


SOURCE: Final = Webmotors()
