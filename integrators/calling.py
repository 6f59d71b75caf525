"""Calls to other systems' services: short, bounded, and with two ways to fail.

TryLater       no answer, a broken one, too many calls, or trouble on their side
DomainError
└── CallRefused    they answered no, and would again

The address is either the real service or what the operator typed with `--base-url`; a path taken
from somebody's post is checked before it gets here. Redirects are not followed: a token would
travel with them.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from flask_babel import gettext as _

from core.db import db
from core.errors import DomainError
from core.fetch import USER_AGENT

ANSWER_SECONDS: Final = 10.0
MOST_BYTES: Final = 4 * 1024 * 1024
_TOO_MANY: Final = 429
_AWAY: Final = 503


class TryLater(RuntimeError):
    """It may work in a while: the job is tried again. `retry_after` is the header of that name,
    where the other side asked for patience (429, 503)."""

    retry_after: str | None = None


class CallRefused(DomainError):
    """The other side said no. `status` is its HTTP status, `data` what it said."""

    def __init__(self, message: str, status: int, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.data = data or {}


@dataclass(frozen=True)
class Call:
    """What to ask. `form` makes it a form post, `json` a post of JSON."""

    url: str
    method: str = "GET"
    params: dict[str, str] | None = None
    form: dict[str, str] | None = None
    json: dict[str, Any] | None = None
    headers: dict[str, str] | None = None
    basic: tuple[str, str] | None = None


def ask(call: Call, seconds: float = ANSWER_SECONDS) -> Any:
    """The JSON that `call` is answered with. Raises TryLater and CallRefused. Not inside
    `writing()`: the answer may take `seconds`."""
    db.session.rollback()  # no transaction stays open while we wait
    try:
        with (
            httpx2.Client(timeout=seconds, follow_redirects=False, trust_env=False) as client,
            client.stream(
                call.method,
                call.url,
                params=call.params,
                data=call.form,
                json=call.json,
                headers={"User-Agent": USER_AGENT, "Accept": "application/json",
                         **(call.headers or {})},
                auth=call.basic,
            ) as response,
        ):  # fmt: skip
            body = _read(response)
            retry_after = response.headers.get("retry-after", "")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise TryLater(f"no answer: {type(error).__name__}") from None
    return _judge(response.status_code, body, retry_after)


def _read(response: httpx2.Response) -> bytes:
    pieces, size = [], 0
    for piece in response.iter_bytes():
        size += len(piece)
        if size > MOST_BYTES:
            raise CallRefused(_("The answer was larger than is read."), response.status_code)
        pieces.append(piece)
    return b"".join(pieces)


def _judge(status: int, body: bytes, retry_after: str) -> Any:
    if status == _TOO_MANY or status >= 500:
        later = TryLater(f"answered {status}")
        if status in {_TOO_MANY, _AWAY}:
            later.retry_after = retry_after
        raise later
    try:
        data = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        data = None
    if not 200 <= status < 300:
        raise CallRefused(
            _("The service answered with error %(status)s.", status=status),
            status,
            data if isinstance(data, dict) else {},
        )
    if data is None:
        raise TryLater("the answer was cut short")
    return data
