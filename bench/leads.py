"""Accepting leads over real HTTP: against a bare reference, and while a large import runs."""

import itertools
import json
import multiprocessing
import os
import re
import socket
import statistics
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.bare import prepare
from bench.chaos.processes import flask
from bench.servers import Server, bare, ours, production, served
from bench.timing import PER_SECOND, WALL_US, Measured

CLIENTS = 8
ROUNDS = 5
ROUND_SECONDS = 4.0
IMPORT_ROWS = 5000
WEBHOOKS_PER_SECOND = 20.0
SENDERS = 4


def leads(_size: int) -> Iterator[Measured]:
    """Posts to `/contato` against Flask with one fsynced INSERT, both under the same server."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = production(folder)
        flask("db", "upgrade", env=env)
        flask("demo", "load", "--no-photos", "--vehicles", "50", env=env)
        prepare(folder / "bare.db")
        with (
            served(ours(env), env, folder / "ours.log") as site,
            served(bare(env, "bench.bare:app"), {**env, "BARE_DATABASE": str(folder / "bare.db")},
                   folder / "bare.log") as theirs,
        ):  # fmt: skip
            rounds = []
            for server in (site, theirs):
                _burst(server, 1.0)
            for _ in range(ROUNDS):
                rounds.append((_burst(site, ROUND_SECONDS), _burst(theirs, ROUND_SECONDS)))
    per_second = [statistics.median(pair[side].per_second for pair in rounds) for side in (0, 1)]
    cpu_ms = [statistics.median(pair[side].cpu_ms for pair in rounds) for side in (0, 1)]
    share = statistics.median(a.per_second / b.per_second for a, b in rounds)
    yield Measured(
        "a lead accepted", CLIENTS, per_second[0], per_second[1],
        "Flask + one fsynced INSERT", 0.3,
        f"CPU {cpu_ms[0]:.2f} ms a post against {cpu_ms[1]:.2f} ms; pairs of rounds: {share:.2f}",
        PER_SECOND,
    )  # fmt: skip


def webhook(_size: int) -> Iterator[Measured]:
    """Webhooks answered while another process imports 5,000 rows; target 200 ms at p99."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = production(folder)
        flask("db", "upgrade", env=env)
        flask("demo", "load", "--no-photos", "--vehicles", str(IMPORT_ROWS), env=env)
        stock = folder / "stock.csv"
        stock.write_text(flask("stock", "export", env=env))
        address = flask("portals", "add", "olx", "--name", "bench", env=env)
        found = re.search(r"/webhooks/olx/\S+", address)
        assert found, address
        with served(ours(env), env, folder / "web.log") as server:
            quiet, _ = _while(lambda: time.sleep(6), server, found.group())
            busy, seconds = _while(
                lambda: flask("stock", "import", str(stock), "--source", "bench", env=env),
                server,
                found.group(),
            )
            spooled = (folder / "web.log").read_text().count("submission_spooled")
    p50, p99, worst = (_share(busy, share) * 1000 for share in (0.5, 0.99, 1.0))
    yield Measured(
        "a webhook, p99, import running", IMPORT_ROWS,
        _share(busy, 0.99) * 1e6, _share(quiet, 0.99) * 1e6, "the same without an import",
        None,
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms (target 200), longest {worst:.0f} ms of {len(busy)}, "
        f"{spooled} spooled; "
        f"the import of {IMPORT_ROWS} rows took {seconds:.0f} s", WALL_US,
    )  # fmt: skip


class _Burst:
    def __init__(self, posts: int, seconds: float, cpu_seconds: float) -> None:
        self.per_second, self.cpu_ms = posts / seconds, cpu_seconds / posts * 1000


def _burst(server: Server, seconds: float) -> _Burst:
    """As many posts as CLIENTS connections get answered, from a process of their own."""
    context = multiprocessing.get_context("fork")
    receiving, results = context.Pipe(duplex=False)
    cpu = server.cpu_seconds()
    child = context.Process(target=_post_all, args=(server.port, seconds, results))
    child.start()
    while not receiving.poll(1.0):
        if not child.is_alive() and not receiving.poll():
            raise RuntimeError("a post was refused")
    posts, took = receiving.recv()
    child.join()
    return _Burst(posts, took, server.cpu_seconds() - cpu)


def _post_all(port: int, seconds: float, results: Any) -> None:
    counts: list[int] = []
    started = time.perf_counter()

    def work() -> None:
        try:
            counts.append(post())
        except (OSError, AssertionError):
            traceback.print_exc()
            os._exit(1)  # fewer clients than the row says would be another row

    def post() -> int:
        line, done = _Line(port), 0
        while time.perf_counter() - started < seconds:
            key = str(uuid.uuid4())
            number = int(key[:8], 16)
            fields = {
                "submission_id": key,
                "nome": "Cliente de Teste",
                "telefone": f"(11) 9{90000000 + number % 9999999}",
                "mensagem": "Tenho interesse no carro. Aceita troca?",
            }
            status = line.post("/contato", urlencode(fields), "application/x-www-form-urlencoded")
            assert status == 303, status
            done += 1
        return done

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.send((sum(counts), time.perf_counter() - started))


class _Line:
    """A bare keep-alive connection: what the client costs must not hide what the server does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def post(self, path: str, body: str, kind: str) -> int:
        """The status of the answer."""
        data = body.encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(data)}\r\n\r\n"
        )
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), 30)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(head.encode() + data)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        headers, _, rest = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", headers)
        missing = int(length.group(1)) - len(rest) if length else 0
        while missing > 0:
            missing -= len(self._more())
        if re.search(rb"(?i)connection: close", headers):
            self._socket.close()
            self._socket = None
        return int(answer.split(b" ", 2)[1])

    def _more(self) -> bytes:
        assert self._socket
        piece = self._socket.recv(65536)
        if not piece:
            raise ConnectionError("the server hung up")
        return piece


def _while(work: Callable[[], object], server: Server, path: str) -> tuple[list[float], float]:
    """Seconds that each webhook took, sent at a steady pace by SENDERS while `work` runs; and its
    duration."""
    over = threading.Event()
    times: list[float] = []
    failures: list[BaseException] = []

    def send(number: int) -> None:
        line, run = _Line(server.port), uuid.uuid4().hex
        due = time.perf_counter() + number / WEBHOOKS_PER_SECOND
        try:
            for index in itertools.count():
                if over.wait(max(0.0, due - time.perf_counter())):
                    return
                status = line.post(path, _webhook(run, index), "application/json")
                # From when it was due, not from when we got round to it: waiting in line counts.
                times.append(time.perf_counter() - due)
                if not 200 <= status < 300:
                    raise RuntimeError(f"answered {status}")
                due += SENDERS / WEBHOOKS_PER_SECOND
        except (OSError, RuntimeError) as error:
            failures.append(error)

    for index in range(20):  # every worker process has answered before
        _Line(server.port).post(path, _webhook(uuid.uuid4().hex, index), "application/json")
    threads = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    try:
        work()
    finally:
        seconds = time.perf_counter() - started
        over.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
    return times, seconds


def _webhook(run: str, index: int) -> str:
    """A lead as OLX posts it."""
    return json.dumps(
        {
            "source": "OLX", "adId": "1", "listId": "1", "externalId": f"{run}-{index}",
            "name": "Cliente", "email": f"c{index}@exemplo.com.br", "phone": "11987654321",
            "message": "Ainda tem?",
        }
    )  # fmt: skip


def _share(times: list[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
