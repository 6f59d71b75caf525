"""IndexNow: tells search engines which offers are new, changed or sold, so that they come and look.

One address is told for all engines that take part (Bing, Yandex and others; not Google). What is
left to tell is known from the stock's version that touched each car last, so a car that changed
five times meanwhile is told once, and nothing is told twice or forgotten when a process dies: the
place is moved on after the answer. Protocol: indexnow.org/documentation.
"""

import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, abort

from core.clock import now
from core.config import current
from core.db import db, writing
from core.fetch import AddressRefused, FetchFailed
from core.posting import post
from integrators.models import SearchNotice
from inventory.models import Vehicle

MOST_ADDRESSES: Final = 10_000  # in one message (indexnow.org/documentation)
REST_AFTER_FAULT: Final = timedelta(hours=1)
LONGEST_REST: Final = timedelta(days=1)
_TAKEN: Final = {200, 202}  # 202: taken, the key is yet to be looked at
_PURPOSE: Final = b"vitrine indexnow key 1"

index_now_door = Blueprint("index_now", __name__)
log = structlog.get_logger("vitrine.index_now")


@dataclass(frozen=True)
class _Told:
    """A message: its addresses, and the place in the stock's history it leads to."""

    addresses: list[str]
    stock_seq: int
    vehicle_id: int


def is_on() -> bool:
    """Whether anybody is told: there is an address to tell, and the site can be visited."""
    config = current()
    return bool(config.indexnow_url) and (
        config.base_url.startswith("https:") or config.allow_private_urls
    )


def key() -> str:
    """What proves that a message comes from the site: 32 hexadecimal digits, the same in every
    process, of which nothing about the secret key can be learned."""
    return hmac.new(current().secret_key.encode(), _PURPOSE, "sha256").hexdigest()[:32]


@index_now_door.get("/<name>.txt")
def key_file(name: str) -> Response:
    """The key at its own address, where engines look it up."""
    if not (is_on() and hmac.compare_digest(name.encode(), key().encode())):
        abort(404)
    return Response(key(), mimetype="text/plain")


def notice() -> SearchNotice:
    """What was told last and how that went; a fresh row, not yet stored, before the first time."""
    kept = db.session.get(SearchNotice, 1)
    return kept or SearchNotice(id=1, stock_seq=0, vehicle_id=0, addresses=0, problem="")


def tell_search_engines(_payload: dict[str, Any]) -> None:
    """Tell what changed since the last time, a message after the other. Nobody answers or a message
    is refused: the same is told again after a rest."""
    if not is_on():
        return
    while told := _next_message():
        answer = _send(told.addresses)
        if not _note(told, answer):
            return


def _next_message() -> _Told | None:
    """The offers after the last told place, in the order of their change; None: nothing to tell, or
    it is not time. Nothing stays open in the database."""
    last = notice()
    rests = last.rests_until is not None and last.rests_until > now()
    rows = [] if rests else db.session.execute(_changed_since(last)).all()
    db.session.rollback()
    if not rows:
        return None
    base = current().base_url
    addresses = [f"{base}/oferta/{row.slug}-{row.public_id}" for row in rows]
    return _Told(addresses, rows[-1].stock_seq, rows[-1].id)


def _changed_since(last: SearchNotice) -> sa.Select[int, str, str, int]:
    """Cars that have a page, and those that lost theirs lately. Who was sold long ago is no news,
    whatever touches the row."""
    page_ends = now() - timedelta(days=current().sold_page_days)
    place = sa.tuple_(Vehicle.stock_seq, Vehicle.id)
    return (
        sa.select(Vehicle.id, Vehicle.slug, Vehicle.public_id, Vehicle.stock_seq)
        .where(
            place > sa.tuple_(sa.literal(last.stock_seq), sa.literal(last.vehicle_id)),
            Vehicle.published_at.is_not(None),
            sa.or_(
                Vehicle.state.in_(("published", "reserved")), Vehicle.state_changed_at >= page_ends
            ),
        )
        .order_by(Vehicle.stock_seq, Vehicle.id)
        .limit(MOST_ADDRESSES)
    )


@dataclass(frozen=True)
class _Answer:
    """`problem` is a word for staff ("" when the message was taken), `rest` the time before the
    next one."""

    problem: str = ""
    rest: timedelta = timedelta()


def _send(addresses: list[str]) -> _Answer:
    """One message, outside of any transaction."""
    config = current()
    body = json.dumps(
        {
            "host": urlsplit(config.base_url).netloc,
            "key": key(),
            "keyLocation": f"{config.base_url}/{key()}.txt",
            "urlList": addresses,
        }
    )
    headers = {"Content-Type": "application/json; charset=utf-8"}
    try:
        answered = post(
            config.indexnow_url, body.encode(), headers, allow_private=config.allow_private_urls
        )
    except (AddressRefused, FetchFailed) as error:
        log.warning("index_now_unreachable", reason=str(error))
        return _Answer("unreachable", REST_AFTER_FAULT)
    if answered.status in _TAKEN:
        return _Answer()
    log.warning("index_now_refused", status=answered.status)
    asked = timedelta(seconds=answered.retry_after_seconds or 0)
    return _Answer(str(answered.status), min(max(asked, REST_AFTER_FAULT), LONGEST_REST))


def _note(told: _Told, answer: _Answer) -> bool:
    """Write down how it went; whether the message was taken."""
    with writing():
        row = db.session.merge(notice())
        row.problem = answer.problem
        row.rests_until = now() + answer.rest if answer.problem else None
        if not answer.problem:
            row.stock_seq, row.vehicle_id = told.stock_seq, told.vehicle_id
            row.told_at, row.addresses = now(), len(told.addresses)
    return not answer.problem


JOBS: Final = {"tell_search_engines": tell_search_engines}
