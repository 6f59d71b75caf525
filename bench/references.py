"""The bare applications that stand beside ours under the same server.

A server imports one of them by its name: `ready_bytes` (WSGI, no framework), `hello` (Flask) or
`raw` (Flask, sqlite3 and Jinja). What they show is in the folder that `BARE_FOLDER` names.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from flask import Flask

from bench.raw_pages import raw_app

FOLDER: Final = "BARE_FOLDER"
PAGE: Final = "page.html"


def hello_app() -> Flask:
    """The smallest page that Flask serves."""
    app = Flask("hello")
    app.add_url_rule("/", view_func=lambda: "hello")
    return app


def _ready_bytes(folder: Path) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    body = (folder / PAGE).read_bytes()
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]

    def answer(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", headers)
        return [body]

    return answer


def __getattr__(name: str) -> Any:
    """What a server asks for is made then: the folder of the others may hold nothing for it."""
    folder = Path(os.environ.get(FOLDER, "."))
    if name == "hello":
        return hello_app()
    if name == "raw":
        return raw_app(folder)
    if name == "ready_bytes":
        return _ready_bytes(folder)
    raise AttributeError(name)
