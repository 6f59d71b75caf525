"""Stand-ins for machines that are not ours and are no portals: Meta's leads over HTTP, and a
mailbox over POP3. The portals are in tests/simulators.

By hand: `python -m tests.integrators.simulators meta --port 9001` serves one until Ctrl-C.
"""

import argparse
import json
import re
import socketserver
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.integrators import events


def _json(data: Any, status: int = 200) -> Response:
    return Response(json.dumps(data), status, mimetype="application/json")


class Simulator:
    """An HTTP service. `asked` counts calls by path; the statuses in `trouble` answer the next ones
    instead."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.asked: Counter[str] = Counter()
        self.trouble: list[int] = []
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
            if trouble:
                return _json({"message": "trouble"}, trouble)
            return self.answer(request)

    def answer(self, request: Request) -> Response:
        raise NotImplementedError


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


HTTP = {"meta": Meta}


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
