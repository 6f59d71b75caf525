"""The web server as processes: who waits takes no turn, a stop answers first, a killed one comes
back, and what clients get wrong is theirs."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from core.config import ROOT
from core.web_server import MOST_HEAD_BYTES

STREAMS = 20
PATIENCE_SECONDS = 60  # a failure, not a measure


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "core.web_server", "tests.core.waiting_app:app"]
    process = subprocess.Popen(
        [*command, "--port", str(port)], cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL
    )
    try:
        ask(port, "/")
        yield process, port
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ask(port: int, path: str, **request) -> http.client.HTTPResponse:
    """An answer's head; asked again as long as nobody listens."""
    found: list[http.client.HTTPResponse] = []

    def answers() -> bool:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        try:
            line.request(request.pop("method", "GET"), path, **request)
            found.append(line.getresponse())
        except (ConnectionError, http.client.BadStatusLine):
            return False
        return True

    until(answers)
    return found[0]


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def said(port: int, text: bytes, *, hang_up: bool = False) -> bytes:
    """All that is answered to `text`, on a connection that is closed behind it."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as line:
        line.sendall(text)
        if hang_up:
            line.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := line.recv(65536):
            answer += piece
        return answer


def test_who_waits_takes_no_turn_and_a_stop_ends_streams_and_answers_what_was_asked(server):
    process, port = server
    streams = [ask(port, "/stream") for _ in range(STREAMS)]
    assert {stream.readline() for stream in streams} == {b"retry: 1\n"}
    # Bodies that do not come: their senders wait, nobody else.
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(STREAMS)]
    for line in slow:
        line.sendall(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nnot")
    assert [ask(port, "/").read() for _ in range(3)] == [b"page"] * 3
    slow[0].sendall(b" quite")
    assert slow[0].recv(9999).endswith(b"\r\n\r\n9")
    for line in slow:
        line.close()
    under_way = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    under_way.request("GET", "/slow")
    time.sleep(0.3)  # it is there
    process.terminate()
    assert under_way.getresponse().read() == b"page"
    assert {stream.read() for stream in streams} == {b"\n"}  # a proper end, not a broken line
    assert process.wait(PATIENCE_SECONDS) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_killed_process_comes_back_and_none_outlives_its_parent(server):
    process, port = server
    first = int(ask(port, "/who").read())
    os.kill(first, signal.SIGKILL)
    second = int(ask(port, "/who").read())
    assert second != first
    assert process.poll() is None
    process.kill()
    until(lambda: not is_there(second))


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_clients_get_wrong_is_theirs_and_what_they_may_do_works(server):
    _process, port = server
    head = b"POST /size HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    # Half of it came: whatever it was, it is not what somebody sent.
    assert b" 400 " in said(port, head + b"Content-Length: 30\r\n\r\nhalf", hang_up=True)[:20]
    pieces = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert said(port, head + pieces).endswith(b"\r\n\r\n5")
    both = b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"
    assert b" 400 " in said(port, head + both)[:20]
    long = b"X: " + b"x" * 2 * MOST_HEAD_BYTES + b"\r\n\r\n"
    assert b" 431 " in said(port, head + long)[:20]
    waits = said(port, head + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    assert waits.startswith(b"HTTP/1.1 100 ")
    assert waits.endswith(b"\r\n\r\n3")
    # HEAD says what GET would weigh; one connection takes several questions.
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    for method, body in (("HEAD", b""), ("GET", b"page"), ("GET", b"page")):
        line.request(method, "/")
        answer = line.getresponse()
        assert (answer.getheader("Content-Length"), answer.read()) == ("4", body)


def test_another_server_with_threads_does():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "tests.core.waiting_app:app", "--threads", "2"]
    process = subprocess.Popen(
        [*command, "--bind", f"127.0.0.1:{port}", "--no-control-socket", "--log-level", "error"],
        cwd=ROOT,
    )
    try:
        assert ask(port, "/").read() == b"page"
        head = b"POST /size HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        assert said(port, head + b"Content-Length: 4\r\n\r\nabcd").endswith(b"\r\n\r\n4")
        assert b" 400 " in said(port, head + b"Content-Length: 30\r\n\r\nhalf", hang_up=True)[:20]
        broken = head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"
        assert b" 400 " in said(port, broken)[:20]
    finally:
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
