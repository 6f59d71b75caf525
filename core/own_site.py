"""Our own site, asked over the network as a visitor's browser or another system asks it.

Nothing but VITRINE_BASE_URL is ever asked: the path is ours, no redirect is followed, and the
connection goes to an address that was judged (`core.fetch`). That address was set by the operator,
so it may be in a private network or on this machine. Certificates are checked like a visitor's
browser does. Raises the errors of `core.fetch`.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from socket import socket
from typing import Final, cast

from flask_babel import gettext as _

from core.config import current
from core.fetch import (
    AddressRefused,
    Clocked,
    FetchFailed,
    TooLarge,
    connect,
    is_public_or_private,
    seconds_left,
    target_of,
)

ANSWER_SECONDS: Final = 20.0
MOST_BYTES: Final = 4 * 1024 * 1024
# Says that it is none of the people who are counted (leads.audience).
USER_AGENT: Final = "Mozilla/5.0 (compatible; VitrineMonitor/1.0)"


@dataclass(frozen=True)
class Answer:
    """What our site said. `location` is where it sends the visitor on to."""

    status: int
    location: str
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def ask(
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    seconds: float = ANSWER_SECONDS,
    most_bytes: int = MOST_BYTES,
) -> Answer:
    """GET `path` of our own site, or POST `body` there. Any status is an answer. Neither the path
    nor the headers may come from outside."""
    deadline = time.monotonic() + seconds
    if not path.startswith("/") or path.startswith("//"):
        raise AddressRefused(_("This is not an address on the web."))
    target = target_of(f"{current().base_url}{path}")
    method = "GET" if body is None else "POST"
    lines = [
        f"{method} {target.path} HTTP/1.1",
        f"Host: {target.host_header}",
        f"User-Agent: {USER_AGENT}",
        "Connection: close",
        *([f"Content-Length: {len(body)}"] if body is not None else []),
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
        "\r\n",
    ]
    try:
        with connect(target, is_public_or_private, deadline) as connection:
            connection.settimeout(seconds_left(deadline))
            connection.sendall("\r\n".join(lines).encode("latin-1") + (body or b""))
            response = HTTPResponse(cast(socket, Clocked(connection, deadline)), method=method)
            response.begin()
            read = response.read(most_bytes + 1)
    except TimeoutError:
        raise FetchFailed(_("The address took too long to answer.")) from None
    except (OSError, HTTPException):
        raise FetchFailed(_("The address broke the connection off.")) from None
    if len(read) > most_bytes:
        raise TooLarge(_("The answer is too large."))
    return Answer(response.status, response.getheader("Location", ""), read)
