"""Who computes holds a turn, who waits does not, and a body is here before anybody looks at it."""

import io
import threading

import pytest
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response

from core import turns
from core.turns import Turns, give_up_turn

MOST_BYTES = 3 * turns.MOST_IN_MEMORY_BYTES
WAIT_SECONDS = 20  # a failure, not a measure


class Pieces:
    """An answer of pieces, and whether the server closed it."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces, self.is_closed = iter(pieces), False

    def __iter__(self):
        return self.pieces

    def close(self) -> None:
        self.is_closed = True


def turn_is_free(layer: Turns) -> bool:
    free = layer._free.acquire(blocking=False)
    if free:
        layer._free.release()
    return free


def answering(body, *headers: tuple[str, str], waits: bool = False) -> Turns:
    def site(environ, start_response):
        assert not turn_is_free(layer)
        start_response("200 OK", list(headers))
        if waits:
            give_up_turn(environ)
        return body

    layer = Turns(site, at_once=1)
    return layer


def started(layer: Turns, method: str = "GET"):
    return layer(EnvironBuilder(method=method).get_environ(), lambda *_: None)


def test_a_short_answer_goes_in_one_piece_and_a_long_one_takes_a_turn_for_each():
    short = Pieces(b"a", b"b")
    assert started(answering(short, ("Content-Length", "2"))) == [b"ab"]
    assert short.is_closed
    head = Pieces()
    assert started(answering(head, ("Content-Length", "999999999")), "HEAD") == [b""]
    for headers in ([], [("Content-Length", str(turns.MOST_JOINED_BYTES + 1))]):
        body = Pieces(b"a", b"b")
        layer = answering(body, *headers)
        answer = started(layer)
        for piece in (b"a", b"b"):
            assert next(answer) == piece
            assert turn_is_free(layer)  # its reader may be slow
        answer.close()
        assert body.is_closed
        assert turn_is_free(layer)


def test_who_waits_gives_its_turn_away_once():
    body = Pieces(b"news")
    layer = answering(body, waits=True)
    assert started(layer) is body
    assert turn_is_free(layer)
    assert layer._free._value == 1


def test_an_error_gives_the_turn_back():
    def broken(_environ, _start):
        raise ZeroDivisionError

    layer = Turns(broken, at_once=1)
    with pytest.raises(ZeroDivisionError):
        started(layer)
    assert turn_is_free(layer)


def read_by(layer: Turns, body: bytes | io.RawIOBase, length: int | None):
    environ = EnvironBuilder(method="POST").get_environ()
    environ["wsgi.input"] = io.BytesIO(body) if isinstance(body, bytes) else body
    environ["wsgi.input_terminated"] = True
    if length is None:
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    environ["CONTENT_LENGTH"] = "" if length is None else str(length)
    parts, status, _headers = run_wsgi_app(layer, environ)
    return status[:3], b"".join(parts)


def test_a_body_comes_whole_or_not_at_all():
    def site(environ, start_response):
        assert not turn_is_free(layer)
        start_response("200 OK", [])
        return [str(len(environ["wsgi.input"].read())).encode()]

    layer = Turns(site, at_once=1, most_body_bytes=MOST_BYTES)
    large = b"x" * (MOST_BYTES - 1)
    assert read_by(layer, b"body", 4) == ("200", b"4")
    assert read_by(layer, large, len(large)) == ("200", str(len(large)).encode())
    assert read_by(layer, large, None) == ("200", str(len(large)).encode())
    # One more than may be is enough to know that it is too much.
    assert read_by(layer, large * 2, None) == ("200", str(MOST_BYTES + 1).encode())
    assert read_by(layer, b"half", 8)[0] == "400"

    class Broken(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, _buffer):
            raise OSError

    assert read_by(layer, Broken(), None)[0] == "400"
    assert read_by(layer, Broken(), 10)[0] == "400"
    # Announced as too long, it is not even read: the site says so itself.
    asked = [-1]

    def refusing(environ, start_response):
        asked[0] = environ["wsgi.input"].tell()
        return Response(status=413)(environ, start_response)

    assert read_by(Turns(refusing, most_body_bytes=2), b"xxx", 3)[0] == "413"
    assert asked == [0]


def test_senders_who_are_slow_leave_room_for_who_asks(monkeypatch):
    monkeypatch.setattr(turns, "MOST_READ_AT_ONCE", 1)
    monkeypatch.setattr(turns, "WAIT_TO_READ_SECONDS", 0.01)
    arrives, reading = threading.Event(), threading.Event()

    class Slow(io.RawIOBase):
        def read(self, _size=-1):
            reading.set()
            arrives.wait(WAIT_SECONDS)
            return b""

    layer = Turns(Response(b"page"), at_once=1)
    sender = threading.Thread(target=read_by, args=(layer, Slow(), None))
    sender.start()
    try:
        assert reading.wait(WAIT_SECONDS)
        answer = Client(layer).get("/")
        assert answer.data == b"page"
        refused = Client(layer).post("/", data={"a": "b"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    finally:
        arrives.set()
        sender.join()
    assert Client(layer).post("/", data={"a": "b"}).status_code == 200
