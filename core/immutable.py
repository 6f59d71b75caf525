"""Files whose address names their content: packed once, and then given away from memory.

What an answer is, the application says, the first time; that it never changes, it says by its
`Cache-Control`. The address is the key, so only an address that was made for its content may carry
that header: nobody fills the memory with names of his own.
"""

import gzip
import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

import brotli  # type: ignore[import-untyped]
from flask import Flask, Response, current_app, request
from werkzeug.datastructures import Headers
from werkzeug.test import run_wsgi_app

from core.config import ROOT
from core.headers import IMMUTABLE
from core.kept_page import PLAIN, Variant, encoding_for, is_known
from core.turns import Application, Environ, StartResponse

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST_FILES: Final = 200
MOST_BYTES: Final = 512 * 1024
PACKED: Final = ("text/", "application/javascript", "application/json", "image/svg")
# Of the smallest size and no hurry: once per process and file.
PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "br": lambda body: bytes(brotli.compress(body, mode=brotli.MODE_TEXT, quality=11)),
    "zstd": lambda body: zstd.compress(body, level=19),
    "gzip": lambda body: gzip.compress(body, compresslevel=9, mtime=0),
}
_OF_ONE_READER: Final = ("HTTP_ACCEPT_ENCODING", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE",
                         "HTTP_IF_RANGE", "HTTP_COOKIE")  # fmt: skip
_OF_ONE_ANSWER: Final = frozenset({"etag", "date", "content-length", "x-request-id", "set-cookie"})


def asset_digest(name: str) -> str:
    """What the address of the static file `name` says of its content. Files change under a running
    process in development only."""
    modified = (ROOT / "static" / name).stat().st_mtime if current_app.debug else 0.0
    return _digest(name, modified)


@lru_cache(maxsize=64)
def _digest(name: str, _modified: float) -> str:
    return hashlib.sha256((ROOT / "static" / name).read_bytes()).hexdigest()[:12]


def init_immutable(app: Flask, prefixes: tuple[str, ...]) -> None:
    """Let what `app` answers below `prefixes` be kept, and the static files at their right
    addresses."""

    def allow_keeping(response: Response) -> Response:
        if request.endpoint == "static" and response.status_code < 400:
            name = (request.view_args or {}).get("filename", "")
            if request.query_string == f"v={asset_digest(name)}".encode():
                response.headers["Cache-Control"] = IMMUTABLE
        return response

    app.after_request(allow_keeping)
    app.wsgi_app = ImmutableFiles(app.wsgi_app, prefixes)  # type: ignore[method-assign]


class ImmutableFiles:
    """A WSGI layer that answers for `app` below `prefixes`, as soon as it has been told once."""

    def __init__(self, app: Application, prefixes: tuple[str, ...]) -> None:
        self._app, self._prefixes = app, prefixes
        self._files: dict[tuple[str, str], dict[str, Variant]] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(self._prefixes) and (
            environ["REQUEST_METHOD"] in {"GET", "HEAD"} and "HTTP_RANGE" not in environ
        ):
            key = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
            file = self._files.get(key) or self._told(key, environ)
            if file is not None:
                return _give(file, environ, start_response)
        return self._app(environ, start_response)

    def _told(self, key: tuple[str, str], environ: Environ) -> dict[str, Variant] | None:
        asked = {name: value for name, value in environ.items() if name not in _OF_ONE_READER}
        pieces, status, headers = run_wsgi_app(self._app, {**asked, "REQUEST_METHOD": "GET"}, True)
        body = b"".join(pieces)
        if not status.startswith("200") or headers.get("Cache-Control") != IMMUTABLE:
            return None
        if len(body) > MOST_BYTES:
            return None
        file = {PLAIN: _variant(headers, body, PLAIN)}
        if headers.get("Content-Type", "").startswith(PACKED):
            file |= {name: _variant(headers, pack(body), name) for name, pack in PACKERS.items()}
        while len(self._files) >= MOST_FILES:  # the looks of long ago
            self._files.pop(next(iter(self._files)), None)
        self._files[key] = file
        return file


def _variant(headers: Headers, body: bytes, encoding: str) -> Variant:
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    kept = [pair for pair in headers if pair[0].lower() not in _OF_ONE_ANSWER]
    kept += [("ETag", tag), ("Content-Length", str(len(body)))]
    return Variant(body, tag, kept + [("Content-Encoding", encoding)] * bool(encoding))


def _give(
    file: Mapping[str, Variant], environ: Environ, start_response: StartResponse
) -> list[bytes]:
    encoding = encoding_for(environ.get("HTTP_ACCEPT_ENCODING"))
    variant = file.get(encoding) or file[PLAIN]
    asked = environ.get("HTTP_IF_NONE_MATCH")
    if asked and is_known(variant, asked):
        start_response("304 NOT MODIFIED", variant.unchanged)
        return []
    start_response("200 OK", variant.headers)
    return variant.body if environ["REQUEST_METHOD"] == "GET" else []
