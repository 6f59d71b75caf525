"""Pages that are told when what they show has moved: server-sent events (HTML standard, § 9.2).

A page opens a stream on a channel and is sent the channel's new version whenever it moved; what
moved it fetches itself, as whoever is signed in there. A version is a number that a registered
function reads in one cheap statement, for all streams of a process together: one thread per
process looks when `core.wakeup` hears of a commit, and after half a second at the latest. Streams
hold no database connection, no transaction and no turn of those who ask for pages (`core.turns`).
They do hold a thread each, so there are none until the server says that it has so many
(`allow_streams`).

Nothing here is needed: whoever gets no stream asks for the version every few seconds.
"""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import structlog
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import SQLAlchemyError

from core.turns import give_up_turn
from core.wakeup import Listener, current_wakeup

Version = Callable[[], int]
Check = Callable[[], bool]

MOST_STREAMS: Final = 60  # of one process; each is a thread that sleeps
LOOK_EVERY_SECONDS: Final = 0.25  # at most: a page hears of a burst of commits four times a second
BEAT_SECONDS: Final = 15.0
CHECK_EVERY_SECONDS: Final = 40.0
RETRY_MS: Final = (1000, 3000)  # a server that starts again is not asked by all at once
PROBE_SECONDS: Final = 2.0  # so soon a page that was closed gives its place to another
LONGEST_SECONDS: Final = 600.0  # a telephone that left the network hangs up on nobody
MEDIA_TYPE: Final = "text/event-stream"

_channels: dict[str, Version] = {}
log = structlog.get_logger("vitrine.live")


@dataclass
class _Allowed:
    """What the process that answers has room for."""

    most: int = 0
    is_over: bool = False


_allowed = _Allowed()


def allow_streams(most: int = MOST_STREAMS) -> None:
    """This process has threads for so many streams beside the requests for pages."""
    _allowed.most, _allowed.is_over = most, False


def end_streams() -> None:
    """This process stops: let every stream go, and take no more."""
    _allowed.is_over = True


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
    )
    if stream is None:
        return Response(status=503, headers={"Retry-After": "60"})
    give_up_turn(request.environ)
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

    def __init__(self, hub: "Hub", channel: str, seen: str, still_allowed: Check) -> None:
        self.channel, self.still_allowed = channel, still_allowed
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
        """The answer is over, whatever ended it."""
        self._hub.forget(self)

    def __iter__(self) -> Iterator[bytes]:
        yield b"retry: %d\n\n" % random.randint(*RETRY_MS)
        started = beaten = time.monotonic()
        while not self._is_over and time.monotonic() - started < LONGEST_SECONDS:
            version = self.version
            if version != self._seen:
                self._seen, beaten = version, time.monotonic()
                yield _message("moved", version)
            elif time.monotonic() - beaten >= BEAT_SECONDS:
                # No comment, though that would do for proxies: a page cannot see comments, and
                # silence is how it knows that the line is dead.
                beaten = time.monotonic()
                yield _message("beat", version)
            else:
                yield b""  # nothing is sent, but where nobody listens any more the server ends us
            self._news.wait(min(PROBE_SECONDS, BEAT_SECONDS))
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

    def __init__(self, app: Flask) -> None:
        self.counts = Counts()
        self._app = app
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._thread: threading.Thread | None = None
        self._is_blind = False

    def open(self, channel: str, *, version: int, seen: str, still_allowed: Check) -> Stream | None:
        """Another stream, or None where there is no room for it."""
        stream = Stream(self, channel, seen, still_allowed)
        stream.tell(version)
        with self._lock:
            if _allowed.is_over or len(self._streams) >= _allowed.most:
                return None
            try:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="live", daemon=True)
                    thread.start()  # it waits for the lock
                    self._thread = thread
            except RuntimeError:  # no more threads to be had
                return None
            self._streams.add(stream)
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
            return [] if _allowed.is_over else list(self._streams)

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

    def _complain(self, error: Exception) -> None:
        if not self._is_blind:
            log.warning("live_versions_unknown", error=type(error).__name__)
        self._is_blind = True


def _hub() -> Hub:
    """Made late, as a process that answers may be the child of one that built the application."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    hub: Hub = app.extensions.setdefault("vitrine_live", Hub(app))
    return hub
