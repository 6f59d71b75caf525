"""`/feeds/<token>/<name>`: what portals fetch. True at every pull, or not there at all.

A feed that cannot be made anew is answered with what is still true of the last one; where even that
cannot be known, with 503: whoever fetches keeps what they have and comes again.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
import structlog
from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _

from core.db import db
from integrators.feeds import pulls
from integrators.feeds.addresses import find
from integrators.feeds.building import NotMade, current_file
from integrators.feeds.feed import Feed, opened_file
from integrators.feeds.feed_file import FeedDamaged, FeedFile
from integrators.feeds.names import dialect_for, may_open
from integrators.feeds.remaining import remainder_of
from integrators.models import FeedPull

AGAIN_SECONDS: Final = 60
PLAIN: Final = "text/plain"
# Nobody in between keeps it, and whoever has it asks before using it again.
_CACHING: Final = "private, no-cache"

feeds_door = Blueprint("feeds", __name__)
log = structlog.get_logger("vitrine.feeds")


class _Sent:
    """The bytes of an answer from an open file, which is closed with it."""

    def __init__(self, file: FeedFile, content: Iterator[bytes]) -> None:
        self._file, self._content = file, content

    def __iter__(self) -> Iterator[bytes]:
        return self._content

    def close(self) -> None:
        self._file.close()


@feeds_door.get("/feeds/<token>/<name>")
def feed(token: str, name: str) -> Response:
    """One feed, for whoever knows its address."""
    try:
        opened = find(token)
        dialect = dialect_for(opened.account, name) if opened else None
        if opened is None or dialect is None:
            return _plain(404, "no such address")
        if not may_open(opened.account, dialect):
            return _plain(
                404,
                _(
                    "This feed hands out whole chassis numbers. Whoever looks after the account "
                    "has to allow it first."
                ),
            )
        return _answer(Feed.of(opened, dialect))
    except sa.exc.SQLAlchemyError as error:
        db.session.rollback()
        log.warning("feed_unknown", error=type(error).__name__)
        return _later()


def _answer(wanted: Feed) -> Response:
    try:
        file = current_file(wanted)
    except NotMade:
        return _what_is_left(wanted)
    db.session.rollback()  # nothing is read any more, however long the other side takes
    return _whole(wanted, file)


def _whole(wanted: Feed, file: FeedFile) -> Response:
    index = file.index
    is_packed = request.accept_encodings["gzip"] > 0
    response = _response(wanted, file, file.gzip() if is_packed else file.plain())
    response.content_length = index.packed_size if is_packed else index.size
    if is_packed:
        response.content_encoding = "gzip"
    response.set_etag(f"{index.digest}{'-gz' if is_packed else ''}")
    response.last_modified = datetime.fromtimestamp(index.made_at, UTC)
    response.make_conditional(request)
    _note(wanted, response, index.count, file.stock_version)
    return response


def _what_is_left(wanted: Feed) -> Response:
    file = opened_file(wanted)
    if file is None:
        return _later()
    try:
        rest = remainder_of(wanted, file)
    except FeedDamaged:
        file.close()
        return _later()
    except BaseException:
        file.close()
        raise
    response = _response(wanted, file, rest.content(file))
    response.content_length = rest.size
    _note(wanted, response, rest.count, file.stock_version)
    return response


def _response(wanted: Feed, file: FeedFile, content: Iterator[bytes]) -> Response:
    response: Response = current_app.response_class(
        _Sent(file, content), mimetype=wanted.dialect.mimetype
    )
    response.headers["Cache-Control"] = _CACHING
    response.headers["X-Robots-Tag"] = "noindex"
    response.vary.add("Accept-Encoding")
    return response


def _note(wanted: Feed, response: Response, count: int, stock_version: int) -> None:
    if request.method != "GET":
        return
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    is_sent = response.status_code == 200
    pull = FeedPull(
        account_id=wanted.account.id,
        name=wanted.dialect.name,
        status=response.status_code,
        bytes_sent=(response.content_length or 0) if is_sent else 0,
        vehicles=count,
        stock_version=stock_version,
        agent=request.user_agent.string,
    )
    response.call_on_close(_within(app.app_context, pull))


def _within(context: Callable[[], object], pull: FeedPull) -> Callable[[], None]:
    def keep() -> None:
        with context():  # type: ignore[attr-defined]
            pulls.note(pull)

    return keep


def _later() -> Response:
    return _plain(503, "try again", {"Retry-After": str(AGAIN_SECONDS)})


def _plain(status: int, words: str, headers: dict[str, str] | None = None) -> Response:
    own = {"X-Robots-Tag": "noindex", "Cache-Control": "no-store", **(headers or {})}
    return current_app.response_class(f"{words}\n", status, own, mimetype=PLAIN)
