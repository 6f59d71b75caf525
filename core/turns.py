"""Turns: however many threads a web server has, only a few requests compute at once.

More would wait for each other and for database connections, and none would be done sooner. A thread
that waits for somebody else holds no turn: for a body that comes slowly, for a reader who takes a
large answer slowly, for news (`core.live`). A body is here, whole, before the application is
called, so one that broke off on the way is never taken for what somebody sent.
"""

import contextlib
import io
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, BinaryIO, Final, cast

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

AT_ONCE: Final = 4  # requests that compute
MOST_READ_AT_ONCE: Final = 48  # bodies on their way in; more is not what buyers do
WAIT_TO_READ_SECONDS: Final = 1.0
MOST_IN_MEMORY_BYTES: Final = 1024 * 1024  # of a body; the rest of it lies on disk
MOST_JOINED_BYTES: Final = 4 * 1024 * 1024  # of an answer that is given away in one piece
PIECE_BYTES: Final = 64 * 1024
KEY: Final = "vitrine.turn"


class Turns:
    """A WSGI application that gives `app` so many requests at once. Bodies of more than
    `most_body_bytes` are not read: `app` refuses them by their length."""

    def __init__(
        self, app: Application, *, at_once: int = AT_ONCE, most_body_bytes: int = 2**40
    ) -> None:
        self._app = app
        self._free = threading.Semaphore(at_once)
        self._reading = threading.Semaphore(MOST_READ_AT_ONCE)
        self._most_body_bytes = most_body_bytes

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if _has_body(environ) and (refused := self._receive(environ)) is not None:
            return _refuse(refused, start_response)
        length: int | None = None

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal length
            length = 0 if environ["REQUEST_METHOD"] == "HEAD" else _length(status, headers)
            return start_response(status, headers, exc_info) if exc_info else start_response(
                status, headers
            )  # fmt: skip

        turn = environ[KEY] = Turn(self._free)
        with turn:
            answer = self._app(environ, start)
            if isinstance(answer, list) or turn.is_given_up:
                return answer
            if length is not None and length <= MOST_JOINED_BYTES:
                try:
                    return [b"".join(answer)]
                finally:
                    _close(answer)
        return _Pieces(answer, turn)

    def _receive(self, environ: Environ) -> HTTPStatus | None:
        """Put the whole body in place of the line it comes by, or say what is wrong with it."""
        try:
            length = int(environ.get("CONTENT_LENGTH") or -1)
        except ValueError:
            return HTTPStatus.BAD_REQUEST
        if length > self._most_body_bytes:
            return None
        if not self._reading.acquire(timeout=WAIT_TO_READ_SECONDS):
            return HTTPStatus.SERVICE_UNAVAILABLE
        try:
            # One byte more than may be, so that a length nobody announced is refused for it, too.
            body, received = _read(environ["wsgi.input"], length, self._most_body_bytes + 1)
        except OSError:  # there is no room on this disk for what is too large for memory
            return HTTPStatus.SERVICE_UNAVAILABLE
        except _BrokenOffError:
            return HTTPStatus.BAD_REQUEST
        finally:
            self._reading.release()
        if received < length:
            return HTTPStatus.BAD_REQUEST
        environ["wsgi.input"], environ["wsgi.input_terminated"] = body, True
        return None


class Turn:
    """One request's right to compute."""

    def __init__(self, free: threading.Semaphore) -> None:
        self._free = free
        self._is_taken = False
        self.is_given_up = False

    def give_up(self) -> None:
        """From here on the request only waits."""
        self.is_given_up = True
        self.__exit__()

    def __enter__(self) -> None:
        self._free.acquire()
        self._is_taken = True

    def __exit__(self, *_error: object) -> None:
        if self._is_taken:
            self._is_taken = False
            self._free.release()


def give_up_turn(environ: Environ) -> None:
    """The request of `environ` only waits from here on."""
    if turn := environ.get(KEY):
        turn.give_up()


class _Pieces:
    """An answer that is made while it is read: it takes a turn for each piece."""

    def __init__(self, answer: Iterable[bytes], turn: Turn) -> None:
        self._answer, self._turn = answer, turn
        self._pieces = iter(answer)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._turn:
            return next(self._pieces)

    def close(self) -> None:
        with self._turn:
            _close(self._answer)


class _BrokenOffError(Exception):
    """A body came in pieces that make no whole."""


def _has_body(environ: Environ) -> bool:
    return environ.get("CONTENT_LENGTH", "") not in {"", "0"} or "HTTP_TRANSFER_ENCODING" in environ


def _read(line: BinaryIO, length: int, most_bytes: int) -> tuple[BinaryIO, int]:
    """What comes by `line`, and its size: `length` bytes, or all where that is negative."""
    if 0 <= length <= MOST_IN_MEMORY_BYTES:
        body: BinaryIO = io.BytesIO()
    else:
        # Closed when nobody has it any more.
        body = cast(BinaryIO, tempfile.SpooledTemporaryFile(MOST_IN_MEMORY_BYTES))  # noqa: SIM115
    wanted = most_bytes if length < 0 else length
    received = 0
    while received < wanted and (piece := _piece(line, min(PIECE_BYTES, wanted - received))):
        body.write(piece)
        received += len(piece)
    body.seek(0)
    return body, received


def _piece(line: BinaryIO, most_bytes: int) -> bytes:
    try:
        return line.read(most_bytes)
    except Exception as error:  # each server has its own
        raise _BrokenOffError from error


def _length(status: str, headers: list[tuple[str, str]]) -> int | None:
    """Of an answer's body, where it is known."""
    for name, value in headers:
        if name.lower() == "content-length":
            return int(value)
    return 0 if status.startswith(("304", "204")) else None


def _close(answer: Iterable[bytes]) -> None:
    with contextlib.suppress(AttributeError):
        answer.close()  # type: ignore[attr-defined]


def _refuse(status: HTTPStatus, start_response: StartResponse) -> list[bytes]:
    text = f"{status.value} {status.phrase}\n".encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(text))),
               ("Connection", "close")]  # fmt: skip
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", "5"))
    start_response(f"{status.value} {status.phrase}", headers)
    return [text]
