"""Stand-ins for machines that are not ours: they speak real HTTP and POP3 on loopback.

By hand: `python -m tests.integrators.simulators mercadolivre --port 9001` serves one until
Ctrl-C; register it with `flask --app wsgi portals add mercadolivre --base-url http://127.0.0.1:9001
--set client_id=1 --set client_secret=s --set refresh_token=r0 --set user_id=468424240 --name ML`.
"""

import argparse
import json
import re
import socketserver
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.integrators import events


def _json(data: Any, status: int = 200) -> Response:
    return Response(json.dumps(data), status, mimetype="application/json")


class Simulator:
    """An HTTP service. `asked` counts calls by path; `trouble` answers the next calls instead:
    a status, or "lost": the work is done but the answer never arrives."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.asked: Counter[str] = Counter()
        self.trouble: list[int | str] = []
        self._lock = threading.Lock()
        for method in ("GET", "POST"):
            server.expect_request(re.compile(".*"), method=method).respond_with_handler(self._serve)

    @property
    def url(self) -> str:
        return self.server.url_for("/").rstrip("/")

    def _serve(self, request: Request) -> Response:
        with self._lock:
            self.asked[request.path] += 1
            trouble = self.trouble.pop(0) if self.trouble else None
            if isinstance(trouble, int):
                return _json({"message": "trouble", "error": "local_rate_limited"}, trouble)
            answer = self.answer(request)
        if trouble == "lost":
            return Response('{"cut": ', 200, mimetype="application/json")
        return answer

    def answer(self, request: Request) -> Response:
        raise NotImplementedError


@dataclass
class _Issued:
    refresh: str
    access: str = ""
    number: int = 0


class MercadoLivre(Simulator):
    """Tokens of which each refresh token works once, leads, questions, missed notifications."""

    def __init__(self, server: HTTPServer) -> None:
        super().__init__(server)
        self.issued = _Issued("r0")
        self.used: list[str] = []
        self.leads: dict[str, dict[str, Any]] = {"0b1c2d3e": events.mercadolivre_lead()}
        self.questions: dict[str, dict[str, Any]] = {}
        self.items: dict[str, dict[str, Any]] = {}
        self.buyers: list[dict[str, Any]] = []
        self.missed: list[dict[str, Any]] = []
        self.life_seconds = 21_600
        self.slow_seconds = 0.0

    def answer(self, request: Request) -> Response:
        if request.path == "/oauth/token":
            return self._token(parse_qs(request.get_data(as_text=True)))
        if request.headers.get("Authorization") != f"Bearer {self.issued.access}":
            return _json({"message": "invalid access token", "status": 401}, 401)
        parts = request.path.strip("/").split("/")
        if request.path.endswith("/leads/buyers"):
            start = int(request.args.get("offset", 0))
            size = int(request.args.get("limit", 10))
            return _json({"results": self.buyers[start : start + size], "paging": {}})
        if parts[0] == "missed_feeds":
            return _json({"messages": self.missed})
        places = {"questions": self.questions, "items": self.items, "leads": self.leads,
                  "vis": self.leads}  # fmt: skip
        key = parts[2] if parts[0] == "vis" else parts[1]
        found = places.get(parts[0], {}).get(key)
        return _json(found) if found else _json({"error": "not_found"}, 404)

    def _token(self, form: dict[str, list[str]]) -> Response:
        time.sleep(self.slow_seconds)
        sent = form.get("refresh_token", [""])[0]
        self.used.append(sent)
        if sent != self.issued.refresh:
            return _json({"error": "invalid_grant", "status": 400}, 400)
        number = self.issued.number + 1
        self.issued = _Issued(f"r{number}", f"a{number}", number)
        return _json(
            {
                "access_token": self.issued.access,
                "token_type": "bearer",
                "expires_in": self.life_seconds,
                "scope": "offline_access read write",
                "user_id": 468424240,
                "refresh_token": self.issued.refresh,
            }
        )


class Meta(Simulator):
    """The Graph API: leads by number, and the leads of a form in pages."""

    def __init__(self, server: HTTPServer) -> None:
        super().__init__(server)
        self.token = "pagina"
        self.leads = {"1": events.meta_lead("1")}
        self.form: list[dict[str, Any]] = []
        self.page_size = 2

    def answer(self, request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _json({"error": {"code": 190, "type": "OAuthException"}}, 400)
        if request.path.endswith("/leads"):
            start = int(request.args.get("after", 0))
            end = start + self.page_size
            paging = {"cursors": {"after": str(end)}}
            if end < len(self.form):
                paging["next"] = "https://elsewhere.example/next"
            return _json({"data": self.form[start:end], "paging": paging})
        found = self.leads.get(request.path.strip("/"))
        if isinstance(found, int):
            return _json({"error": {"code": found}}, 400)
        return _json(found) if found else _json({"error": {"code": 100}}, 400)


class Webmotors(Simulator):
    """What is public of the lead service: a token by password, then a lead by number."""

    def __init__(self, server: HTTPServer) -> None:
        super().__init__(server)
        self.password = "segredo"
        self.leads: dict[str, dict[str, Any]] = {
            "55": {
                "nome": "Ana Teste",
                "email": "ana@exemplo.com.br",
                "telefone": "16999990001",
                "mensagem": "Aceita troca?",
                "valorProposta": 60000,
                "tipo": 2,
                "anuncio": {"codigo": "lj1-v204", "marca": "Fiat", "modelo": "Argo"},
            }
        }

    def answer(self, request: Request) -> Response:
        if request.path == "/oauth/v1/access-token":
            form = parse_qs(request.get_data(as_text=True))
            is_known = form.get("password") == [self.password] and request.authorization
            return _json({"access_token": "t"}) if is_known else _json({}, 401)
        # Their headers have underscores in their names, which this server does not pass on.
        found = self.leads.get(request.args.get("id", ""))
        return _json([found]) if found else _json({}, 404)


# --- POP3 ------------------------------------------------------------------------------------


@dataclass
class Pop3:
    """A mailbox. `messages` are (unique id, bytes); deleted ones go when the client says QUIT."""

    messages: list[tuple[str, bytes]] = field(default_factory=list)
    password: str = "segredo"
    retrieved: list[str] = field(default_factory=list)
    breaks_after: int | None = None  # retrievals until the connection is cut
    port: int = 0

    def __enter__(self) -> "Pop3":
        box = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                _Session(box, self).run()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Session:
    def __init__(self, box: Pop3, handler: socketserver.StreamRequestHandler) -> None:
        self.box, self.handler = box, handler
        self.deleted: set[int] = set()

    def run(self) -> None:
        self.say("+OK ready")
        while line := self.handler.rfile.readline():
            verb, _space, rest = line.decode("latin-1").strip().partition(" ")
            if verb.upper() == "QUIT":
                kept = [m for n, m in enumerate(self.box.messages, 1) if n not in self.deleted]
                self.box.messages[:] = kept
                self.say("+OK bye")
                return
            if not self.obey(verb.upper(), rest.split()):
                return

    def obey(self, verb: str, words: list[str]) -> bool:
        messages = self.box.messages
        if verb == "USER":
            self.say("+OK")
        elif verb == "PASS":
            self.say("+OK" if words == [self.box.password] else "-ERR [AUTH] no")
        elif verb == "UIDL":
            self.say("+OK")
            self.lines([f"{n} {uid}".encode() for n, (uid, _body) in enumerate(messages, 1)])
        elif verb == "LIST":
            self.say(f"+OK {words[0]} {len(messages[int(words[0]) - 1][1])}")
        elif verb in {"RETR", "TOP"}:
            if self.box.breaks_after == len(self.box.retrieved):
                self.box.breaks_after = None
                return False
            uid, body = messages[int(words[0]) - 1]
            self.box.retrieved.append(f"{verb} {uid}")
            found = body.replace(b"\r\n", b"\n").split(b"\n")
            self.say("+OK")
            self.lines(found if verb == "RETR" else found[: int(words[1])])
        elif verb == "DELE":
            self.deleted.add(int(words[0]))
            self.say("+OK")
        else:
            self.say("-ERR")
        return True

    def say(self, line: str) -> None:
        self.handler.wfile.write(line.encode() + b"\r\n")

    def lines(self, lines: list[bytes]) -> None:
        stuffed = [b"." + line if line.startswith(b".") else line for line in lines]
        self.handler.wfile.write(b"\r\n".join([*stuffed, b".", b""]))


HTTP = {"mercadolivre": MercadoLivre, "meta": Meta, "webmotors": Webmotors}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=[*HTTP, "pop3"])
    parser.add_argument("--port", type=int, default=9001)
    chosen = parser.parse_args()
    if chosen.which == "pop3":
        with Pop3(port=chosen.port) as box:
            print(f"POP3 on 127.0.0.1:{box.port}, password {box.password}")
            threading.Event().wait()
    with HTTPServer(port=chosen.port) as server:
        print(HTTP[chosen.which](server).url)
        threading.Event().wait()


if __name__ == "__main__":
    main()
