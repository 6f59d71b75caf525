"""One sample event for each door of other systems, signed as the real sender would sign it.

Services that our side calls back (Mercado Livre, Meta, Webmotors) are played by a small server
that lives as long as the command does: nothing leaves this machine.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import sqlalchemy as sa

from core.clock import now
from core.config import current
from core.db import db, writing
from integrators import accounts
from integrators.kinds import KINDS
from integrators.models import PortalAccount
from leads.models import Submission

PREFIX: Final = "Demonstração "
WAIT_SECONDS: Final = 20.0
CALLS_BACK: Final = ("mercadolivre", "meta", "webmotors")
# In the words of the dealership's own list; the others are called by their brand.
NAMES: Final = {"generic": "outro sistema", "mailbox": "caixa de e-mail", "telephony": "telefone"}
NO_SERVICE: Final = "Só demonstração: não há serviço de verdade atrás desta conta."
SECRET: Final = "segredo-de-demonstracao"  # noqa: S105 - of accounts that connect to nothing
APP, USER = "1001", "2002"
JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
SETTINGS: Final[dict[str, dict[str, str]]] = {
    "mercadolivre": {
        "client_id": APP,
        "client_secret": SECRET,
        "refresh_token": SECRET,
        "user_id": USER,
    },
    "olx": {"lead_token": SECRET},
    "chavesnamao": {"access_token": SECRET, "email": "loja@example.com"},
    "webmotors": {
        "client_id": APP,
        "client_secret": SECRET,
        "username": "demo",
        "password": SECRET,
    },
    "meta": {"app_secret": SECRET, "verify_token": SECRET, "page_token": SECRET},
    "whatsapp": {"app_secret": SECRET, "verify_token": SECRET},
    "telephony": {"auth_token": SECRET, "greeting": "Olá! Vamos retornar sua ligação."},
    "generic": {"secret": SECRET},
}


@dataclass(frozen=True)
class Sample:
    """One post: its bytes and headers."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Knock:
    """What a door answered."""

    kind: str
    status: int
    text: str


def knock_at_every_door(origin: str) -> Iterator[Knock]:
    """Register an account per kind, post a sample to each at `origin` and yield the answers; then
    wait until the worker has read them, where one runs."""
    since = now()
    with _stand_in() as service:
        addresses = {kind: _registered(kind, service) for kind in KINDS}
        with httpx2.Client(timeout=10, trust_env=False) as client:
            for kind, token in addresses.items():
                path = f"/webhooks/{kind}/{token}"
                sample = SAMPLES[kind](f"{current().base_url}{path}")
                answer = client.post(
                    f"{origin}{path}", content=sample.body, headers=dict(sample.headers)
                )
                yield Knock(kind, answer.status_code, answer.text.strip())
        _wait_until_read(since)
    with writing() as session:
        session.execute(
            sa.update(PortalAccount)
            .where(PortalAccount.kind.in_(CALLS_BACK), PortalAccount.name.startswith(PREFIX))
            .values(state="needs_reauth", problem=NO_SERVICE),
            execution_options={"synchronize_session": False},
        )


def _registered(kind: str, service: str) -> str:
    """The token of the demo's account of that kind; a new one each time."""
    name = f"{PREFIX}{NAMES.get(kind, KINDS[kind].label)}"
    settings = SETTINGS.get(kind, {})
    with writing() as session:
        row = session.scalars(sa.select(PortalAccount).where(PortalAccount.name == name)).first()
        base_url = service if kind in CALLS_BACK else ""
        if row is None:
            return accounts.register(kind, name, settings, base_url=base_url)[1]
        row.base_url = base_url
        accounts.change_settings(row, settings)
        return accounts.rotate(row)


def _wait_until_read(since: Any) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    read = (
        sa.select(sa.func.count())
        .select_from(Submission)
        .where(Submission.received_at >= since, Submission.source.in_(CALLS_BACK))
        .where(Submission.state != "new")
    )
    # Counted from what is read: a post may still be on the disk.
    while time.monotonic() < deadline and (db.session.scalar(read) or 0) < len(CALLS_BACK):
        db.session.rollback()
        time.sleep(0.2)
    db.session.rollback()


# --- samples ---------------------------------------------------------------------------------


def _json_body(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode()


def _number() -> str:
    return secrets.token_hex(6)


def _basic() -> str:
    return "Basic " + base64.b64encode(f"loja@example.com:{SECRET}".encode()).decode()


def _signed(body: bytes) -> Sample:
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return Sample(body, {"X-Hub-Signature-256": f"sha256={digest}", "Content-Type": JSON})


def _mercadolivre(_address: str) -> Sample:
    note = {
        "_id": _number(),
        "resource": f"/vis/leads/{_number()}",
        "user_id": int(USER),
        "topic": "vis_leads",
        "actions": ["whatsapp"],
        "application_id": int(APP),
        "sent": now().isoformat(),
    }
    return Sample(_json_body(note), {"Content-Type": JSON})


def _olx(_address: str) -> Sample:
    lead = {
        "source": "whatsapp",
        "adId": "demo-1",
        "listId": "1400000001",
        "name": "Otávio Exemplo",
        "email": "otavio@example.com",
        "phone": "11900000011",
        "message": "Aceita troca?",
        "createdAt": now().isoformat(),
        "externalId": _number(),
    }
    return Sample(_json_body(lead), {"Authorization": SECRET, "Content-Type": JSON})


def _chavesnamao(_address: str) -> Sample:
    lead = {
        "id": _number(),
        "name": "Célia Exemplo",
        "email": "celia@example.com",
        "phone": "11900000012",
        "message": None,
        "proposeTypeName": "Proposta",
        "segment": "VEHICLE",
        "ad": {"reference": "demo-2", "title": "Fiat Argo Drive 1.0"},
    }
    return Sample(_json_body(lead), {"Authorization": _basic(), "Content-Type": JSON})


def _webmotors(_address: str) -> Sample:
    hint = {"IdLead": _number(), "CodigoCliente": 1, "Cnpj": ""}
    return Sample(_json_body(hint), {"Content-Type": JSON})


def _meta(_address: str) -> Sample:
    number = str(secrets.randbelow(10**12))
    value = {"leadgen_id": number, "page_id": "1", "form_id": "2", "created_time": 0}
    event = {
        "object": "page",
        "entry": [{"id": "1", "changes": [{"field": "leadgen", "value": value}]}],
    }
    return _signed(_json_body(event))


def _whatsapp(_address: str) -> Sample:
    message = {
        "from": "5511900000015",
        "id": f"wamid.{_number()}",
        "type": "text",
        "timestamp": str(int(now().timestamp())),
        "text": {"body": "Olá! Ainda tem o Argo?"},
    }
    value = {
        "messaging_product": "whatsapp",
        "messages": [message],
        "contacts": [{"profile": {"name": "Wagner Exemplo"}, "wa_id": "5511900000015"}],
    }
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    return _signed(_json_body({"object": "whatsapp_business_account", "entry": [entry]}))


def _telephony(address: str) -> Sample:
    fields = {
        "CallSid": f"CA{secrets.token_hex(16)}",
        "From": "+5511900000016",
        "To": "+551140000000",
        "CallStatus": "no-answer",
        "Direction": "inbound",
    }
    text = address + "".join(name + fields[name] for name in sorted(fields))
    digest = hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()
    headers = {"X-Twilio-Signature": base64.b64encode(digest).decode(), "Content-Type": _FORM}
    return Sample(urlencode(fields).encode(), headers)


def _adf_text() -> str:
    return (
        '<?xml version="1.0"?><?adf version="1.0"?><adf><prospect>'
        f'<id source="Montadora">{_number()}</id>'
        '<vehicle interest="buy"><year>2022</year><make>Fiat</make><model>Argo</model></vehicle>'
        '<customer><contact><name part="full">Adélia Exemplo</name>'
        "<email>adelia@example.com</email><phone>11 90000-0017</phone></contact>"
        "<comments>Posso visitar no sábado?</comments></customer>"
        "<provider><name>Montadora</name></provider></prospect></adf>"
    )


def _adf(_address: str) -> Sample:
    return Sample(_adf_text().encode(), {"Content-Type": "application/x-adf+xml"})


def _mailbox(_address: str) -> Sample:
    mail = (
        f"Message-ID: <{_number()}@portal.example>\r\nFrom: Portal <noreply@portal.example>\r\n"
        "Reply-To: Mara Exemplo <mara@example.com>\r\nSubject: Novo contato\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\n"
        "Nome: Mara Exemplo\r\nTelefone: (11) 90000-0018\r\n\r\nQual o menor valor?\r\n"
    )
    return Sample(mail.encode(), {"Content-Type": "message/rfc822"})


def _generic(_address: str) -> Sample:
    lead = {
        "id": _number(),
        "nome": "Gina Exemplo",
        "telefone": "(11) 90000-0019",
        "mensagem": "Vim pelo parceiro.",
    }
    body, at = _json_body(lead), int(now().timestamp())
    digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Vitrine-Signature": f"t={at},v1={digest}", "Content-Type": JSON}
    return Sample(body, headers)


SAMPLES: Final[dict[str, Callable[[str], Sample]]] = {
    "mercadolivre": _mercadolivre,
    "olx": _olx,
    "chavesnamao": _chavesnamao,
    "webmotors": _webmotors,
    "meta": _meta,
    "whatsapp": _whatsapp,
    "telephony": _telephony,
    "adf": _adf,
    "mailbox": _mailbox,
    "generic": _generic,
}


# --- the services that are called back -------------------------------------------------------


class _Service(BaseHTTPRequestHandler):
    """Gives a token to everybody and an invented lead under every number."""

    def do_POST(self) -> None:  # the library's name
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._say({"access_token": "demo", "expires_in": 3600, "refresh_token": SECRET})

    def do_GET(self) -> None:  # the library's name
        number = self.path.partition("?")[0].rpartition("/")[2]
        if self.path.startswith("/lead/v1"):
            self._say(
                [
                    {
                        "nome": "Walter Exemplo",
                        "telefone": "11900000014",
                        "mensagem": "Tenho interesse.",
                    }
                ]
            )
        elif self.path.startswith("/vis/leads/"):
            self._say(
                {
                    "id": number,
                    "contact_type": "whatsapp",
                    "name": "Mércia Exemplo",
                    "phone": "11900000010",
                    "created_at": now().isoformat(),
                }
            )
        else:
            fields = {"full_name": "Lia Exemplo", "phone_number": "+5511900000013"}
            answers = [{"name": name, "values": [value]} for name, value in fields.items()]
            self._say(
                {
                    "id": number,
                    "field_data": answers,
                    "platform": "ig",
                    "campaign_name": "Seminovos",
                }
            )

    def _say(self, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", JSON)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_facts: object) -> None:
        """The command prints what matters."""


@contextmanager
def _stand_in() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
