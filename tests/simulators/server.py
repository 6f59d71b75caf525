"""A small HTTP/1.1 server on loopback: threads, kept connections, and connections that break.

It passes requests on whole and answers in one piece, or breaks off as the answer's `mishap` says.
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """What somebody asks. Header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def json(self) -> Any:
        """The JSON of the body; None when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def table(self) -> dict[str, Any]:
        """The JSON object of the body, or an empty one."""
        return self.json if isinstance(self.json, dict) else {}

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of a posted form."""
        return {name: found[0] for name, found in parse_qs(self.body.decode()).items()}

    @property
    def bearer(self) -> str:
        """The token of `Authorization: Bearer`, or ""."""
        kind, _space, token = self.headers.get("authorization", "").partition(" ")
        return token if kind.lower() == "bearer" else ""


@dataclass(frozen=True)
class Answer:
    """What is said. `mishap`: "" (none), "silent" (nothing, after `wait` seconds), "reset", "cut"
    (half of the body)."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json; charset=utf-8"
    mishap: str = ""
    wait: float = 0.0


def said(data: Any, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON. `headers` are written with underscores for hyphens."""
    return Answer(
        status,
        json.dumps(data, ensure_ascii=False).encode(),
        {name.replace("_", "-"): value for name, value in headers.items()},
    )


class Server:
    """Serves `answer` on 127.0.0.1 until it is stopped; port 0 takes a free one."""

    def __init__(self, answer: Callable[[Request], Answer], port: int = 0) -> None:
        self._server = _Threads(("127.0.0.1", port), _handler(answer))
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """No new connections, and the kept ones are closed."""
        self._server.shutdown()
        self._server.server_close()
        for one in list(self._server.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._thread.join()


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(*arguments)

    def handle_error(self, *_about: object) -> None:
        """A client that hangs up is no news."""


def _handler(answer: Callable[[Request], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            self.server.open.add(self.connection)

        def finish(self) -> None:
            self.server.open.discard(self.connection)
            with contextlib.suppress(OSError):
                super().finish()

        def serve_one(self) -> None:
            place = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            self.give(
                answer(
                    Request(
                        self.command,
                        unquote(place.path),
                        {
                            name: found[0]
                            for name, found in parse_qs(place.query, keep_blank_values=True).items()
                        },
                        {name.lower(): value for name, value in self.headers.items()},
                        self.rfile.read(length) if length else b"",
                    )
                )
            )

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve_one  # noqa: N815

        def give(self, found: Answer) -> None:
            if found.wait:
                time.sleep(found.wait)
            if found.mishap == "reset":
                linger = struct.pack("ii", 1, 0)  # closed with a reset, not with a goodbye
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            if found.mishap in {"reset", "silent"}:
                self.close_connection = True
                return
            head = [f"HTTP/1.1 {found.status} {_phrase(found.status)}"]
            if found.body:
                head.append(f"Content-Type: {found.kind}")
            head.append(f"Content-Length: {len(found.body)}")
            head.extend(f"{name}: {value}" for name, value in found.headers.items())
            body = found.body
            if found.mishap == "cut":
                body = body[: len(body) // 2]
                self.close_connection = True
            self.wfile.write("\r\n".join([*head, "", ""]).encode() + body)

        def log_message(self, *_about: object) -> None:
            """Nothing on the terminal."""

    return Handler


def _phrase(status: int) -> str:
    with contextlib.suppress(ValueError):
        return HTTPStatus(status).phrase
    return "Unknown"
