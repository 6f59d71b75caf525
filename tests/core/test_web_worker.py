"""gunicorn on our own pool, as a process: buyers are served beside streams, and a stop is quick."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from core.config import ROOT

THREADS, STREAMS = 2, 20
PATIENCE_SECONDS = 60  # a failure, not a measure
GRACE_SECONDS = 3600  # who would wait for the streams waits longer than the test does


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "tests.core.waiting_app:app"),
            *("--bind", f"127.0.0.1:{port}", "--worker-class", "core.web_worker.Worker"),
            *("--threads", str(THREADS), "--graceful-timeout", str(GRACE_SECONDS)),
            *("--log-level", "error", "--no-control-socket"),
        ],
        cwd=ROOT,
        start_new_session=True,
    )
    yield process, port
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def ask(port: int, path: str) -> http.client.HTTPResponse:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        try:
            line.request("GET", path)
            return line.getresponse()
        except ConnectionRefusedError:  # it is only starting
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_pages_are_served_beside_many_streams_which_end_when_it_stops(server):
    process, port = server
    streams = [ask(port, "/stream") for _ in range(STREAMS)]
    assert {stream.readline() for stream in streams} == {b"retry: 1\n"}
    assert [ask(port, "/").read() for _ in range(THREADS * 2)] == [b"page"] * THREADS * 2
    process.terminate()
    assert {stream.read() for stream in streams} == {b"\n"}  # a proper end, not a broken line
    assert process.wait(PATIENCE_SECONDS) == 0
