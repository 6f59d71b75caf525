"""Posts to addresses that somebody else chose, under the rules of `core.fetch`: judged addresses
only, no redirect followed, an end by the clock. Raises its errors."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from socket import socket
from typing import Final, cast

from flask_babel import gettext as _

from core.fetch import (
    USER_AGENT,
    Clocked,
    FetchFailed,
    connect,
    is_public,
    is_public_or_private,
    seconds_left,
    target_of,
)

ANSWER_SECONDS: Final = 15.0  # Standard Webhooks: 15 to 30


@dataclass(frozen=True)
class Answered:
    """The status of an answer and when the other side wants to be asked again, in seconds."""

    status: int
    retry_after_seconds: int | None = None


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allow_private: bool = False,
    seconds: float = ANSWER_SECONDS,
) -> Answered:
    """Send `body` to `url`; any status is an answer, and of the answer only the head is read.
    Neither names nor values of `headers` may come from outside.

    Raises AddressRefused where we do not connect to, and FetchFailed where nobody answers.
    """
    deadline = time.monotonic() + seconds
    target = target_of(url)
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.host_header}",
        f"User-Agent: {USER_AGENT}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
        "\r\n",
    ]
    policy = is_public_or_private if allow_private else is_public
    try:
        with connect(target, policy, deadline) as connection:
            connection.settimeout(seconds_left(deadline))
            connection.sendall("\r\n".join(lines).encode("latin-1") + body)
            response = HTTPResponse(cast(socket, Clocked(connection, deadline)), method="POST")
            response.begin()
            return Answered(response.status, _seconds(response.getheader("Retry-After", "")))
    except TimeoutError:
        raise FetchFailed(_("The address took too long to answer.")) from None
    except (OSError, HTTPException):
        raise FetchFailed(_("The address broke the connection off.")) from None


def check_address(url: str) -> None:
    """Raises AddressRefused for an address of a form that nothing is sent to. Where it leads is
    judged when something is sent."""
    target_of(url)


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
