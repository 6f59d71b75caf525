"""The smallest site that computes, waits and takes bodies, for web servers."""

import os
import time
from collections.abc import Iterable

from core import live
from core.turns import Turns, give_up_turn

SLOW_SECONDS = 1.0
STREAM = [("Content-Type", "text/event-stream")]


def site(environ, start_response) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/stream":
        start_response("200 OK", STREAM)
        give_up_turn(environ)
        return stream()
    if path == "/slow":
        time.sleep(SLOW_SECONDS)
    said = str(os.getpid()).encode() if path == "/who" else b"page"
    if path == "/size":
        said = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [said]


def stream() -> Iterable[bytes]:
    yield b"retry: 1\n\n"
    while not live._allowed.is_over:
        time.sleep(0.02)


app = Turns(site, at_once=1, most_body_bytes=1000)
