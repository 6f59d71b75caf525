"""Pages that are told when what they show has moved: server-sent events (HTML standard, § 9.2).

A page opens a stream on a channel and is sent the channel's new version whenever it moved; what
moved it fetches itself, as whoever is signed in there. A version is a number that a registered
function reads in one cheap statement, for all streams of a process together: one thread per
process looks when `core.wakeup` hears of a commit, and after half a second at the latest. Streams
hold no database connection and no transaction, and take no thread from those who ask for pages
(`core.pool`).

Nothing here is needed: whoever gets no stream asks for the version every few seconds.
"""

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Final

import structlog
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import SQLAlchemyError

from core.pool import Pool, current_pool
from core.wakeup import Listener, current_wakeup

Version = Callable[[], int]
Check = Callable[[], bool]

MOST_STREAMS: Final = 60  # of one process; each is a thread that sleeps
LOOK_EVERY_SECONDS: Final = 0.25  # at most: a page hears of a burst of commits four times a second
BEAT_SECONDS: Final = 15.0
CHECK_EVERY_SECONDS: Final = 40.0
RETRY_MS: Final = (1000, 3000)  # a server that starts again is not asked by all at once
LOST_AFTER_MS: Final = 30_000  # what was sent and not received in this time: the page is gone
MEDIA_TYPE: Final = "text/event-stream"

_channels: dict[str, Version] = {}
log = structlog.get_logger("vitrine.live")


def register_channel(name: str, version: Version) -> None:
    """Let pages listen to `name`. `version` reads a number that differs after every change, in one
    statement; it is called inside an application context."""
    _channels[name] = version


def version_of(channel: str) -> int:
    """The channel's version now."""
    return _channels[channel]()


def live_response(channel: str, still_allowed: Check) -> Response:
    """The stream of `channel` for the page that asks: `event: moved` with the version in `id` and
    data, at once if the page is not at this version, by its `Last-Event-ID` or else the `since` in
    its address. 503 where this process has no thread for another stream: the page polls then.

    `still_allowed` is asked once a minute, in an application context outside of any request;
    False ends the stream.
    """
    since = request.headers.get("Last-Event-ID") or request.args.get("since", "")
    stream = _hub().open(
        channel,
        version=version_of(channel),
        seen=since,
        still_allowed=still_allowed,
        connection=request.environ.get("gunicorn.socket"),
    )
    if stream is None:
        return Response(status=503, headers={"Retry-After": "60"})
    answer = Response(iter(stream), mimetype=MEDIA_TYPE)
    # nginx, and who understands it: pass on at once. Compressing would hold lines back as well.
    answer.headers.update({"X-Accel-Buffering": "no", "Cache-Control": "private, no-store"})
    answer.call_on_close(stream.close)
    return answer


def version_response(channel: str) -> Response:
    """`{"version": n}` with an ETag, or 304 when the page that polls has it."""
    version = version_of(channel)
    answer = Response(json.dumps({"version": version}), mimetype="application/json")
    answer.set_etag(str(version))
    answer.make_conditional(request)
    return answer


def wants_stream() -> bool:
    """Whether the request is a browser's EventSource, and no one who would wait for its end."""
    return request.method == "GET" and MEDIA_TYPE in request.headers.get("Accept", "")


class Stream:
    """One page that listens: iterated by its own thread, told by the hub's."""

    def __init__(
        self, hub: "Hub", channel: str, seen: str, still_allowed: Check,
        connection: socket.socket | None,
    ) -> None:  # fmt: skip
        self.channel, self.still_allowed, self.connection = channel, still_allowed, connection
        self.version = ""
        self.check_at = time.monotonic() + CHECK_EVERY_SECONDS
        self._hub = hub
        self._seen = seen
        self._is_over = False
        self._news = threading.Event()

    def tell(self, version: int) -> None:
        """The channel is at `version` now."""
        if self.version != str(version):
            self.version = str(version)
            self._news.set()

    def end(self) -> None:
        """Let the thread go. The page connects again, or learns that it may not."""
        self._is_over = True
        self._news.set()

    def close(self) -> None:
        """The answer is over, whatever ended it. The connection goes too: a server that stops
        would wait for another request on it."""
        self._hub.forget(self)
        if self.connection is not None:
            with suppress(OSError):  # gone already
                self.connection.shutdown(socket.SHUT_RDWR)

    def __iter__(self) -> Iterator[bytes]:
        yield b"retry: %d\n\n" % random.randint(*RETRY_MS)
        is_news = True
        while not self._is_over:
            version = self.version
            if version != self._seen:
                self._seen = version
                yield _message("moved", version)
            elif not is_news:
                # No comment, though that would do for proxies: a page cannot see comments, and
                # silence is how it knows that the line is dead.
                yield _message("beat", version)
            is_news = self._news.wait(BEAT_SECONDS)
            self._news.clear()


def _message(event: str, version: str) -> bytes:
    return f'event: {event}\nid: {version}\ndata: {{"version": {version}}}\n\n'.encode()


@dataclass
class Counts:
    """What a hub did, for measures and tests."""

    looks: int = 0  # times that a channel's version was read
    checks: int = 0  # times that a stream was asked whether it may go on


class Hub:
    """The streams of one process, and the one thread that looks for them."""

    def __init__(self, app: Flask, pool: Pool | None) -> None:
        self.counts = Counts()
        self._app = app
        self._pool = pool
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._thread: threading.Thread | None = None
        self._is_blind = False

    def open(
        self, channel: str, *, version: int, seen: str, still_allowed: Check,
        connection: socket.socket | None = None,
    ) -> Stream | None:  # fmt: skip
        """Another stream, or None where there is no room for it."""
        stream = Stream(self, channel, seen, still_allowed, connection)
        stream.tell(version)
        with self._lock:
            if self._pool is None or self._pool.is_stopping or len(self._streams) >= MOST_STREAMS:
                return None
            try:
                self._pool.leave()
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="live", daemon=True)
                    thread.start()  # it waits for the lock
                    self._thread = thread
            except RuntimeError:  # no more threads to be had
                return None
            self._streams.add(stream)
        _notice_loss(connection)
        return stream

    def forget(self, stream: Stream) -> None:
        """Its answer is over: another may have the place."""
        with self._lock:
            self._streams.discard(stream)

    @property
    def open_streams(self) -> int:
        """How many pages listen."""
        return len(self._streams)

    def _run(self) -> None:
        try:
            with closing(self._listener()) as listener:
                while streams := self._awaited():
                    self._end_gone(streams)
                    self._look(streams)
                    self._check(streams)
                    time.sleep(LOOK_EVERY_SECONDS)
                    listener.wait()
        finally:
            self._let_go()

    def _listener(self) -> Listener:
        """Made before the first look: nothing is missed in between."""
        with self._app.app_context():
            return current_wakeup().listener()

    def _let_go(self) -> None:
        """Nobody looks any more, for a reason or through an error: whoever still listens shall
        connect again, which starts another thread."""
        with self._lock:
            if self._thread is not threading.current_thread():
                return
            self._thread = None
            streams = list(self._streams)
        for stream in streams:
            stream.end()

    def _awaited(self) -> list[Stream]:
        """Who is to be told. Nobody, and the thread ends: no page listens, or the process stops."""
        with self._lock:
            if not self._streams:
                self._thread = None
            stopping = self._pool is None or self._pool.is_stopping
            return [] if stopping else list(self._streams)

    def _look(self, streams: list[Stream]) -> None:
        for channel in sorted({stream.channel for stream in streams}):
            try:
                with self._app.app_context():
                    self.counts.looks += 1
                    version = version_of(channel)
            except SQLAlchemyError as error:
                self._complain(error)
                continue
            self._is_blind = False
            for stream in streams:
                if stream.channel == channel:
                    stream.tell(version)

    def _check(self, streams: list[Stream]) -> None:
        now = time.monotonic()
        for stream in streams:
            if stream.check_at > now:
                continue
            stream.check_at = now + CHECK_EVERY_SECONDS
            try:
                with self._app.app_context():
                    self.counts.checks += 1
                    if not stream.still_allowed():
                        stream.end()
            except SQLAlchemyError as error:  # without a database nobody is shown anything either
                self._complain(error)

    def _end_gone(self, streams: list[Stream]) -> None:
        """Free the places of pages that were closed: whoever walks through pages opens and closes
        one every few seconds, and writing would find out at the second beat only."""
        for stream in streams:
            if stream.connection is not None and _is_closed(stream.connection):
                stream.end()

    def _complain(self, error: Exception) -> None:
        if not self._is_blind:
            log.warning("live_versions_unknown", error=type(error).__name__)
        self._is_blind = True


def init_live(app: Flask, pool: Pool | None) -> Hub:
    """Give `app` its hub; streams leave `pool`, and without one there are none."""
    hub: Hub = app.extensions.setdefault("vitrine_live", Hub(app, pool))
    return hub


def _hub() -> Hub:
    """Made late, as a process that answers may be the child of one that built the application."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    hub: Hub | None = app.extensions.get("vitrine_live")
    return init_live(app, current_pool()) if hub is None else hub


def _is_closed(connection: socket.socket) -> bool:
    """Whether the other side hung up. A page sends nothing on a stream, so there is either
    nothing to read or the end."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except (BlockingIOError, ValueError):  # nothing to read; TLS, where peeking is impossible
        return False
    except OSError:
        return True


def _notice_loss(connection: socket.socket | None) -> None:
    """A telephone that left the network hangs up on nobody: the system gives up on what it does
    not receive, instead of after a quarter of an hour."""
    if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        with suppress(OSError):  # no TCP
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LOST_AFTER_MS)
