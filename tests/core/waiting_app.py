"""The smallest site with live streams, for gunicorn."""

import time
from collections.abc import Iterable

from core.pool import current_pool


def app(environ, start_response) -> Iterable[bytes]:
    if environ["PATH_INFO"] != "/stream":
        start_response("200 OK", [("Content-Length", "4")])
        return [b"page"]
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    return stream()


def stream() -> Iterable[bytes]:
    pool = current_pool()
    pool.leave()
    yield b"retry: 1\n\n"
    while not pool.is_stopping:
        time.sleep(0.02)
