"""Answers anonymous pages from memory before Flask sees the request.

Right by construction, not by invalidation:

* **What a page is made for.** A page that may be kept is always drawn for a request that holds
  nothing but its path and query: no cookie, no header, not even a Host. So nothing a visitor sends
  can get into what another one is given.
* **Which pages.** Only what a view declared (`shared`), 200, without a cookie, and only under the
  one address that our own links use. Everything else goes to Flask as if this were not here.
* **How long.** All pages together belong to one moment of the site: the site's version, the
  stock's version and the minute, since everything that begins or ends by itself does so on a
  minute. The versions are read from the database every `LOOK_SECONDS`; when one moved, all pages
  are dropped. Without an answer from the database nothing is given away.
"""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from core.clock import now
from core.kept_page import Environ, Headers, KeptPage, encoding_for, is_known
from core.shared_pages import NOTES, Notes, is_shared
from core.versions import VersionReader, Versions

StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Key = str | tuple[str, str]

LOOK_SECONDS: Final = 0.2
# While one thread asks the database, the others go on this long with what was true.
TRUST_SECONDS: Final = 0.5
REST_SECONDS: Final = 1.0  # between two questions to a database that does not answer
WAIT_SECONDS: Final = 2.0  # for another thread that draws the same page
LARGEST_PAGE_BYTES: Final = 1024 * 1024

_EXTENSION: Final = "vitrine_page_cache"
_REQUEST_ID: Final = "X-Request-ID"
_OK: Final = "200 OK"


@dataclass(frozen=True)
class Stats:
    """Since the start of this process. `hits` are answered from memory, 304 included; `misses`
    are pages that were drawn although they could have been kept; the rest is now."""

    hits: int
    misses: int
    pages: int
    bytes: int


class _Moment:
    """The pages of one moment of the site, within `most_bytes`.

    The oldest page goes first unless somebody read it since it was last passed over (CLOCK): a
    flood of addresses that are asked for once does not push out what people read.
    """

    def __init__(self, versions: Versions | None, minute: int, most_bytes: int) -> None:
        self.versions = versions
        self.minute = minute
        self.pages: dict[Key, KeptPage] = {}
        self.bytes = 0
        self._weights: dict[Key, int] = {}
        self._most_bytes = most_bytes
        self._lock = threading.Lock()

    def keep(self, key: Key, page: KeptPage) -> None:
        """Keep `page`, or weigh it again after it grew."""
        with self._lock:
            weight = page.bytes
            if weight > LARGEST_PAGE_BYTES or weight > self._most_bytes:
                self._drop(key)
                return
            self.bytes += weight - self._weights.get(key, 0)
            self._weights[key] = weight
            self.pages[key] = page
            while self.bytes > self._most_bytes:
                oldest = next(iter(self.pages))
                if self.pages[oldest].was_read:
                    page = self.pages.pop(oldest)
                    page.was_read = False
                    self.pages[oldest] = page
                else:
                    self._drop(oldest)

    def _drop(self, key: Key) -> None:
        self.pages.pop(key, None)
        self.bytes -= self._weights.pop(key, 0)


class PageCache:
    """The WSGI application `wrapped` of `app` with its shared pages in memory.

    `bring_up_to` is called inside the application's context before a page is drawn, with the
    versions that it must not fall behind; what it returns says whether that holds.
    """

    def __init__(
        self,
        app: Flask,
        wrapped: Application,
        reader: VersionReader,
        *,
        most_bytes: int,
        origin: str,
        bring_up_to: Callable[[Versions], bool],
    ) -> None:
        self._app = app
        self._wrapped = wrapped
        self._reader = reader
        self._most_bytes = most_bytes
        self._origin = urlsplit(origin)
        self._bring_up_to = bring_up_to
        self._staff_cookie = f"{app.config['SESSION_COOKIE_NAME']}="
        self._routes = app.url_map.bind("localhost")
        self._looking = threading.Lock()
        self._drawing: dict[Key, threading.Event] = {}
        self._drawing_lock = threading.Lock()
        self._moment = _Moment(None, 0, most_bytes)
        self._fresh_until = self._trusted_until = self._rest_until = 0.0
        self._hits = self._misses = 0

    def stats(self) -> Stats:
        """How it goes. Counts may lose a few where threads count at the same instant."""
        moment = self._moment
        return Stats(self._hits, self._misses, len(moment.pages), moment.bytes)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method != "GET" and method != "HEAD":
            return self._wrapped(environ, start_response)
        if environ.get("SCRIPT_NAME") or self._staff_cookie in environ.get("HTTP_COOKIE", ""):
            return self._wrapped(environ, start_response)
        if time.monotonic() >= self._fresh_until and not self._look():
            return self._wrapped(environ, start_response)
        moment = self._moment
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING")
        # Two kinds of keys: a "?" inside a path can never look like the start of a query.
        key = (path, query) if query else path
        page = moment.pages.get(key)
        if page is None:
            if not self._is_shared(path):
                return self._wrapped(environ, start_response)
            return self._answer_anew(moment, key, environ, start_response)
        self._hits += 1
        page.was_read = True
        return self._give(moment, key, page, environ, start_response)

    def _give(
        self,
        moment: _Moment,
        key: Key,
        page: KeptPage,
        environ: Environ,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        encoding = encoding_for(environ.get("HTTP_ACCEPT_ENCODING"))
        variant = page.variants.get(encoding)
        if variant is None:
            variant = page.variant(encoding)
            if moment.pages.get(key) is page:
                moment.keep(key, page)
        if page.on_read is not None:
            page.on_read(environ)
        asked = environ.get("HTTP_IF_NONE_MATCH")
        if asked is not None and page.status == _OK and is_known(variant, asked):
            start_response("304 Not Modified", variant.unchanged.copy())
            return []
        start_response(page.status, variant.headers.copy())
        return variant.body if environ["REQUEST_METHOD"] == "GET" else []

    # ---- the moment ----

    def _look(self) -> bool:
        """Ask the database which moment it is; whether its pages may be given away."""
        if not self._looking.acquire(blocking=False):
            return time.monotonic() < self._trusted_until
        try:
            asked_at = time.monotonic()
            if asked_at < self._fresh_until:
                return True
            if asked_at < self._rest_until:
                return False
            moment = now()
            versions = self._reader.read()
            if versions is None:
                self._rest_until = asked_at + REST_SECONDS
                self._fresh_until = self._trusted_until = 0.0
                self._moment = _Moment(None, 0, self._most_bytes)
                return False
            minute = int(moment.timestamp() // 60)
            if versions != self._moment.versions or minute != self._moment.minute:
                self._moment = _Moment(versions, minute, self._most_bytes)
            if not self._app.testing:  # a test asks at each request, and so need not wait
                ends = asked_at + 60 - moment.timestamp() % 60
                self._fresh_until = min(asked_at + LOOK_SECONDS, ends)
                self._trusted_until = min(asked_at + TRUST_SECONDS, ends)
            return True
        finally:
            self._looking.release()

    # ---- a page that is not there ----

    def _is_shared(self, path: str) -> bool:
        try:
            endpoint, _arguments = self._routes.match(path, "GET")
        except (HTTPException, RequestRedirect):
            return False
        return is_shared(self._app.view_functions.get(str(endpoint)))

    def _answer_anew(
        self, moment: _Moment, key: Key, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Draw the page, or wait for who draws it already."""
        with self._drawing_lock:
            done = self._drawing.get(key)
            is_ours = done is None
            if done is None:
                done = self._drawing[key] = threading.Event()
        if not is_ours:
            done.wait(WAIT_SECONDS)
            moment = self._moment
            page = moment.pages.get(key)
            if page is not None:
                self._hits += 1
                return self._give(moment, key, page, environ, start_response)
            return self._draw(moment, key, environ, start_response)
        try:
            return self._draw(moment, key, environ, start_response)
        finally:
            with self._drawing_lock:
                self._drawing.pop(key, None)
            done.set()

    def _draw(
        self, moment: _Moment, key: Key, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        self._misses += 1
        if moment.versions is None or not self._is_up_to(moment.versions):
            return self._wrapped(environ, start_response)
        notes = Notes()
        answer = _Answer(self._wrapped, self._bare(environ, notes))
        if answer.sets_cookie:  # nothing that is for everybody does; whom it is for asks Flask
            return self._wrapped(environ, start_response)
        page = KeptPage(answer.status, answer.headers, answer.body, notes.on_read)
        if notes.is_own_address and not notes.is_for_one and answer.may_be_kept:
            moment.keep(key, page)
        return self._give(moment, key, page, environ, answer.named(start_response))

    def _is_up_to(self, versions: Versions) -> bool:
        with suppress(SQLAlchemyError), self._app.app_context():
            return self._bring_up_to(versions)
        return False

    def _bare(self, environ: Environ, notes: Notes) -> Environ:
        """The request that everybody could have sent. Its id is for the log."""
        bare = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": environ["PATH_INFO"],
            "QUERY_STRING": environ.get("QUERY_STRING") or "",
            "SERVER_NAME": self._origin.hostname or "localhost",
            "SERVER_PORT": str(self._origin.port or (443 if self._is_https else 80)),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": self._origin.netloc,
            "wsgi.url_scheme": self._origin.scheme,
            "wsgi.input": BytesIO(),
            NOTES: notes,
        }
        for name in ("wsgi.version", "wsgi.errors", "wsgi.multithread", "wsgi.multiprocess",
                     "wsgi.run_once", "HTTP_X_REQUEST_ID"):  # fmt: skip
            if name in environ:
                bare[name] = environ[name]
        return bare

    @property
    def _is_https(self) -> bool:
        return self._origin.scheme == "https"


class _Answer:
    """What the application says to a request, read to its end."""

    def __init__(self, application: Application, environ: Environ) -> None:
        self.status = ""
        self.headers: Headers = []
        pieces: list[bytes] = []

        def start(status: str, headers: Headers, _exc_info: Any = None) -> Callable[[bytes], None]:
            self.status, self.headers = status, list(headers)
            return pieces.append

        answer = application(environ, start)
        try:
            pieces.extend(answer)
        finally:
            if (close := getattr(answer, "close", None)) is not None:
                close()
        self.body = b"".join(pieces)
        self._said = {name.lower(): value.lower() for name, value in self.headers}

    @property
    def sets_cookie(self) -> bool:
        return "set-cookie" in self._said

    @property
    def may_be_kept(self) -> bool:
        """Whole, and nothing in its head says that it is not for everybody."""
        control = self._said.get("cache-control", "")
        return (
            self.status == _OK
            and not {"content-encoding", "content-range"} & self._said.keys()
            and "cookie" not in self._said.get("vary", "")
            and "no-store" not in control
            and "private" not in control
        )

    def named(self, start_response: StartResponse) -> StartResponse:
        """`start_response`, with this answer's own id for whoever reads the log."""
        number = next((value for name, value in self.headers if name == _REQUEST_ID), "")

        def start(status: str, headers: Headers) -> Any:
            return start_response(status, [*headers, (_REQUEST_ID, number)] if number else headers)

        return start


def init_page_cache(
    app: Flask,
    reader: VersionReader,
    *,
    most_bytes: int,
    origin: str,
    bring_up_to: Callable[[Versions], bool],
) -> None:
    """Put the cache in front of `app` as it is now: before everything else that was wrapped
    around it. `most_bytes` of memory per process; 0: no cache."""
    if most_bytes <= 0:
        return
    cache = PageCache(
        app,
        app.wsgi_app,
        reader,
        most_bytes=most_bytes,
        origin=origin,
        bring_up_to=bring_up_to,
    )
    app.extensions[_EXTENSION] = cache
    app.wsgi_app = cache  # type: ignore[method-assign]


def stats(app: Flask) -> Stats:
    """How the cache of `app` goes; all zero without one."""
    cache: PageCache | None = app.extensions.get(_EXTENSION)
    return cache.stats() if cache else Stats(0, 0, 0, 0)
