"""The door for other systems: prove, keep, answer in time. Reading comes later, in a job.

Nothing authentic is refused: what cannot be read is kept for a person. The address is a secret of
its own, so a wrong one is a 404 like any other page that does not exist.
"""

from typing import Final

import structlog
from flask import Blueprint, Response, current_app, request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import RequestEntityTooLarge

from core.clock import now
from core.config import current
from integrators.accounts import Account, AccountsAway, by_token
from integrators.incoming.keeping import arrival_of
from integrators.incoming.refused import keep_refused
from integrators.incoming.source import PLAIN, Post, Source
from integrators.incoming.sources import SOURCES
from leads.capture import WEBHOOK_WAIT_SECONDS, accept
from leads.spool import SpoolFailed

MOST_BODY_BYTES: Final = 256 * 1024
LONGEST_HEADER: Final = 4000
LONGEST_QUERY: Final = 4000
LONGEST_TOKEN: Final = 128
AGAIN_SECONDS: Final = 5
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Per account, never per address: one portal posts for all its advertisers. The first is a wall
# against floods through an address that leaked; the second bounds what strangers make us keep.
MOST_POSTS: Final[RateLimitItem] = parse("30000 per minute")
MOST_REFUSALS: Final[RateLimitItem] = parse("60 per minute")

webhooks = Blueprint("webhooks", __name__)
log = structlog.get_logger("vitrine.integrators")
counts = MemoryStorage()
_limiter = FixedWindowRateLimiter(counts)


@webhooks.route("/webhooks/<kind>/<token>", methods=METHODS, provide_automatic_options=False)
def receive(kind: str, token: str) -> Response:
    """One post or handshake of another system."""
    source = SOURCES.get(kind)
    try:
        account = by_token(kind, token) if source and len(token) <= LONGEST_TOKEN else None
    except AccountsAway:
        return _later()
    if source is None or account is None:
        return _plain(404, "no such address")
    if request.method == "GET":
        greeting = source.greeting(_post(source, b""), account)
        return greeting or _not_allowed(source)
    if request.method != "POST":
        return _not_allowed(source)
    return _receive_post(source, account)


def _receive_post(source: Source, account: Account) -> Response:
    # One byte more than we take: a chunked body is cut at the limit without a word.
    request.max_content_length = MOST_BODY_BYTES + 1
    try:
        body = request.get_data(cache=False, parse_form_data=False)
    except RequestEntityTooLarge:
        return _plain(413, "too large")
    if len(body) > MOST_BODY_BYTES:
        return _plain(413, "too large")
    if not _limiter.hit(MOST_POSTS, "posts", str(account.id)):
        return _later()
    post = _post(source, body)
    reason = "secrets cannot be opened" if account.is_sealed else source.refusal(post, account)
    if reason:
        return _refuse(account, post, reason)
    try:
        receipt = accept(arrival_of(source, post, account), wait_seconds=WEBHOOK_WAIT_SECONDS)
    except SpoolFailed:
        log.error("webhook_not_kept", account=account.id, source=source.kind)
        return _later()
    return source.answer(post, account, receipt.id)


def _post(source: Source, body: bytes) -> Post:
    names = ("content-type", *source.headers)
    found = {name: request.headers.get(name, "")[:LONGEST_HEADER] for name in names}
    return Post(
        body=body,
        headers={name: value for name, value in found.items() if value},
        query=request.query_string.decode("utf-8", "replace")[:LONGEST_QUERY],
        received_at=now(),
        address=f"{current().base_url}{request.path}",
    )


def _refuse(account: Account, post: Post, reason: str) -> Response:
    log.warning("webhook_refused", account=account.id, source=account.kind, reason=reason)
    if not _limiter.hit(MOST_REFUSALS, "refusals", str(account.id)):
        return _plain(429, "too many", {"Retry-After": "60"})
    keep_refused(account, post, reason)
    return _plain(401, "not proven")


def _not_allowed(source: Source) -> Response:
    allowed = "GET, POST" if type(source).greeting is not Source.greeting else "POST"
    return _plain(405, "post here", {"Allow": allowed})


def _later() -> Response:
    return _plain(503, "try again", {"Retry-After": str(AGAIN_SECONDS)})


def _plain(status: int, words: str, headers: dict[str, str] | None = None) -> Response:
    return current_app.response_class(f"{words}\n", status, headers, mimetype=PLAIN)
