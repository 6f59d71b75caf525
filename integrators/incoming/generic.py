"""Any other system: JSON or form fields, in Portuguese or English, signed if it can.

The signature is ours: `X-Vitrine-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, t.body)>`.
"""

import hashlib
import hmac
import re
from typing import Any, Final
from urllib.parse import parse_qsl

from flask import Response, jsonify
from flask_babel import gettext as _

from integrators.accounts import Account
from integrators.incoming.fields import (
    details,
    find_vehicle,
    instant,
    json_object,
    json_or_nothing,
    phone,
    store_for,
    text,
    text_of,
)
from integrators.incoming.proofs import bearer, is_same
from integrators.incoming.source import Post, Reading, Source, Unreadable
from leads.attribution import clean
from leads.intake import Asked

TOLERANCE_SECONDS: Final = 300
MOST_FIELDS: Final = 100
_SIGNATURE: Final = re.compile(r"t=([0-9]{1,12}),\s*v1=([0-9a-fA-F]{64})\Z")
_FORM: Final = "application/x-www-form-urlencoded"
# Ours first; the first name that says something counts.
_NAMES: Final = {
    "name": ("name", "nome", "full_name"),
    "phone": ("phone", "telefone", "celular", "whatsapp", "phone_number"),
    "email": ("email", "e-mail"),
    "message": ("message", "mensagem", "comments", "observacao"),
    "vehicle": ("vehicle", "veiculo", "reference", "referencia", "ad", "anuncio"),
    "id": ("id", "external_id", "lead_id"),
    "at": ("created_at", "createdAt", "date", "data"),
    "source": ("source", "origem"),
}


class Generic(Source):
    kind = "generic"
    headers = ("authorization", "x-vitrine-signature")

    def refusal(self, post: Post, account: Account) -> str:
        if secret := account.get("secret"):
            return _signature_refusal(post, secret)
        token = account.get("auth_token")
        return "token does not match" if token and not is_same(token, bearer(post)) else ""

    def event_key(self, post: Post) -> str:
        own = _pick(_fields_or_nothing(post), "id")
        return f"id:{own}" if own else ""

    def answer(self, post: Post, account: Account, receipt_id: str) -> Response:
        return jsonify(id=receipt_id)

    def read(self, post: Post, account: Account) -> Reading:
        fields = _fields(post)
        facts = {name: _pick(fields, name) for name in _NAMES}
        if not any(facts[name] for name in ("name", "phone", "email", "message")):
            raise Unreadable(_("No name, phone, e-mail or message was found."))
        vehicle = find_vehicle(facts["vehicle"], facts["message"])
        store = store_for(account, vehicle)
        known = {alias for aliases in _NAMES.values() for alias in aliases}
        others = {key[:40]: value for key, value in fields.items() if key not in known}
        reading = Reading()
        reading.add(
            Asked(
                source="generic",
                kind="interest" if vehicle else "contact",
                name=facts["name"],
                phone=phone(facts["phone"], store),
                email=facts["email"],
                message=facts["message"],
                vehicle_id=vehicle.id if vehicle else None,
                store_id=store.id if store else None,
                source_ref=account.name,
                external_id=f"{account.id}:{facts['id']}" if facts["id"] else "",
                details=details(
                    reference=facts["vehicle"], **{f"field_{k}": v for k, v in others.items()}
                ),
                touch=clean({"medium": "integration", **fields, "source": facts["source"]
                             or account.name}),
                at=instant(facts["at"]),
                actor=f"portal:{account.name}",
            )
        )  # fmt: skip
        return reading


def _signature_refusal(post: Post, secret: str) -> str:
    match = _SIGNATURE.match(post.headers.get("x-vitrine-signature", "").strip())
    if match is None:
        return "no signature"
    expected = hmac.new(secret.encode(), match[1].encode() + b"." + post.body, hashlib.sha256)
    if not is_same(match[2].lower(), expected.hexdigest()):
        return "signature does not match"
    # Against when it came, not against now: a post that waited for its secret is still fresh.
    age = post.received_at.timestamp() - int(match[1])
    return "" if abs(age) <= TOLERANCE_SECONDS else "signature too old"


def _fields(post: Post) -> dict[str, Any]:
    if post.content_type == _FORM:
        try:
            pairs = parse_qsl(text_of(post.body), max_num_fields=MOST_FIELDS)
        except ValueError:
            raise Unreadable(_("This form has too many fields.")) from None
        return dict(pairs)
    fields = json_object(post.body)
    return dict(list(fields.items())[:MOST_FIELDS])


def _fields_or_nothing(post: Post) -> dict[str, Any]:
    try:
        return _fields(post)
    except Unreadable:
        return json_or_nothing(post.body)


def _pick(fields: dict[str, Any], name: str) -> str:
    return next((text(fields[alias]) for alias in _NAMES[name] if text(fields.get(alias))), "")


SOURCE: Final = Generic()
