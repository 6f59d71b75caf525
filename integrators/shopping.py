"""What each system would post to us, made by ourselves to try its door: in its own form, with the
account's own secrets (`integrators.incoming` reads it like the real thing)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from core.clock import now
from core.config import current
from integrators.accounts import Account

_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Sample:
    """Who writes, what, and the proof that it is ours (`leads.shopper.mark_of`). The message holds
    the mark already."""

    name: str
    phone: str  # E.164
    email: str
    message: str
    mark: str
    vehicle: str = ""  # a public id


@dataclass(frozen=True)
class Posting:
    """One post as it goes out."""

    body: bytes
    headers: dict[str, str]


def is_possible(kind: str) -> bool:
    """Whether such a lead can be made here. Some systems only tell that there is one, and we read
    it from them: what they do not have, they cannot give out."""
    return kind in _MADE


def posting_for(account: Account, path: str, sample: Sample) -> Posting:
    """What `account`'s other side would post to `path`. Raises KeyError where that is not
    possible."""
    return _MADE[account.kind](account, path, sample)


def mail_words(sample: Sample) -> str:
    """The text of a portal's mail."""
    return (
        f"Nome: {sample.name}\nTelefone: {sample.phone}\nE-mail: {sample.email}\n\n"
        f"{sample.message}\n"
    )


def _olx(account: Account, _path: str, sample: Sample) -> Posting:
    lead = {
        "source": "OLX",
        "externalId": f"teste-{sample.mark}",
        "adId": sample.vehicle,
        "name": sample.name,
        "email": sample.email,
        "phone": sample.phone,
        "message": sample.message,
        "createdAt": now().isoformat(),
    }
    token = account.get("lead_token")
    return _json(lead, {"Authorization": f"Bearer {token}"} if token else {})


def _chavesnamao(account: Account, _path: str, sample: Sample) -> Posting:
    lead = {
        "id": f"teste-{sample.mark}",
        "name": sample.name,
        "email": sample.email,
        "phone": sample.phone,
        "message": sample.message,
        "ad": {"reference": sample.vehicle},
    }
    password = account.get("lead_token") or account.get("access_token")
    return _json(lead, _basic(account.get("email"), password))


def _generic(account: Account, _path: str, sample: Sample) -> Posting:
    lead = {
        "id": f"teste-{sample.mark}",
        "name": sample.name,
        "email": sample.email,
        "phone": sample.phone,
        "message": sample.message,
        "vehicle": sample.vehicle,
    }
    if secret := account.get("secret"):
        body = json.dumps(lead).encode()
        at = str(int(now().timestamp()))
        proof = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        return Posting(body, {"Content-Type": _JSON, "X-Vitrine-Signature": f"t={at},v1={proof}"})
    token = account.get("auth_token")
    return _json(lead, {"Authorization": f"Bearer {token}"} if token else {})


def _whatsapp(account: Account, _path: str, sample: Sample) -> Posting:
    number = sample.phone.removeprefix("+")
    message = {
        "from": number,
        "id": f"wamid.teste-{sample.mark}",
        "timestamp": str(int(now().timestamp())),
        "type": "text",
        "text": {"body": sample.message},
    }
    value = {
        "contacts": [{"wa_id": number, "profile": {"name": sample.name}}],
        "messages": [message],
    }
    change = {"field": "messages", "value": value}
    event = {"object": "whatsapp_business_account", "entry": [{"changes": [change]}]}
    body = json.dumps(event).encode()
    proof = hmac.new(account.secret("app_secret").encode(), body, hashlib.sha256).hexdigest()
    return Posting(body, {"Content-Type": _JSON, "X-Hub-Signature-256": f"sha256={proof}"})


def _telephony(account: Account, path: str, sample: Sample) -> Posting:
    """A call that comes in: what it is called by is all that it says."""
    fields = {
        "CallSid": f"CA{sample.mark}",
        "CallStatus": "ringing",
        "Direction": "inbound",
        "From": sample.phone,
        "CallerName": sample.name,
    }
    text = f"{current().base_url}{path}" + "".join(map("".join, sorted(fields.items())))
    digest = hmac.new(account.secret("auth_token").encode(), text.encode(), hashlib.sha1).digest()
    return Posting(
        urlencode(fields).encode(),
        {"Content-Type": _FORM, "X-Twilio-Signature": base64.b64encode(digest).decode()},
    )


def _adf(account: Account, _path: str, sample: Sample) -> Posting:
    document = (
        '<?xml version="1.0" encoding="UTF-8"?><adf><prospect>'
        f"<id>teste-{sample.mark}</id><requestdate>{now().isoformat()}</requestdate>"
        f"<vehicle><id>{escape(sample.vehicle)}</id></vehicle><customer><contact>"
        f'<name part="full">{escape(sample.name)}</name><email>{escape(sample.email)}</email>'
        f"<phone>{escape(sample.phone)}</phone></contact>"
        f"<comments>{escape(sample.message)}</comments></customer></prospect></adf>"
    )
    name, password = account.get("username"), account.get("password")
    signed_in = _basic(name, password) if name or password else {}
    return Posting(document.encode(), {"Content-Type": "application/xml", **signed_in})


def _mailbox(_account: Account, _path: str, sample: Sample) -> Posting:
    message = EmailMessage()
    message["From"] = f"{sample.name} <{sample.email}>"
    message["Subject"] = "Novo contato"
    message["Message-ID"] = f"<teste-{sample.mark}@cliente-oculto.invalid>"
    message.set_content(mail_words(sample))
    return Posting(message.as_bytes(), {"Content-Type": "message/rfc822"})


def _json(lead: dict[str, Any], headers: dict[str, str]) -> Posting:
    return Posting(json.dumps(lead).encode(), {"Content-Type": _JSON, **headers})


def _basic(name: str, password: str) -> dict[str, str]:
    both = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {both}"}


_MADE: Final[dict[str, Callable[[Account, str, Sample], Posting]]] = {
    "olx": _olx,
    "chavesnamao": _chavesnamao,
    "generic": _generic,
    "whatsapp": _whatsapp,
    "telephony": _telephony,
    "adf": _adf,
    "mailbox": _mailbox,
}
