"""Open desks: what they cost while nothing happens, and how soon they know when something does."""

import http.client
import json
import os
import re
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import sqlalchemy as sa

from bench.chaos.processes import Kept, flask, free_port, wait_for_port
from bench.timing import Measured
from core import config as settings
from core.serving import web_command, worker_command
from demo.staff import PASSWORD

PAGES = 50
IDLE_SECONDS = 20.0
POSTS = 20
TARGET_SECONDS = 2.0
TARGET_SHARE = 0.05
TICKS = os.sysconf("SC_CLK_TCK")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def live(_size: int) -> Iterator[Measured]:
    """50 idle streams of one web process in shares of a core; then a form's post until an open desk
    hears of it, the worker being another process. On SQLite, and on PostgreSQL where
    VITRINE_TEST_DATABASE_URL names a server."""
    yield from _rows("SQLite", "")
    if server := os.environ.get("VITRINE_TEST_DATABASE_URL"):
        with _fresh_database(server) as url:
            yield from _rows("PostgreSQL", url)


def _rows(database: str, url: str) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        env = _environment(folder, url)
        flask("db", "upgrade", env=env)
        flask("demo", "load", "--no-photos", "--vehicles", "20", env=env)
        port = free_port()
        web = Kept("web", web_command(settings.load(env), "127.0.0.1", port), env, folder / "log")
        stack.callback(web.stop)
        worker = Kept("worker", worker_command(), env, folder / "log")
        stack.callback(worker.stop)
        wait_for_port(port)
        cookie = _signed_in(port)
        pages = [_Page(port, cookie) for _ in range(PAGES)]
        time.sleep(10)  # what the demo left to do is done
        (pid,) = web.children()
        before = _cpu_seconds(pid)
        time.sleep(IDLE_SECONDS)
        share = (_cpu_seconds(pid) - before) / IDLE_SECONDS
        seconds = [_until_heard(port, cookie, pages, number) for number in range(POSTS)]
    yield Measured(
        f"idle desks, {database}", PAGES, share * 1e6, 1e6, "a second of one core", TARGET_SHARE,
        f"{share:.2%} of a core for {PAGES} streams over {IDLE_SECONDS:.0f} s",
    )  # fmt: skip
    yield Measured(
        f"form post to desk, {database}", PAGES, max(seconds) * 1e6, TARGET_SECONDS * 1e6,
        "target (wall, the slowest)", 1.0,
        f"median {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s of {POSTS}, "
        "until the last of the desks heard",
    )  # fmt: skip


def _environment(folder: Path, url: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")}
    return {
        **own,
        "VITRINE_INSTANCE_DIR": str(folder),
        "VITRINE_DATABASE_URL": url or f"sqlite:///{folder}/bench.db",
        "VITRINE_WEB_WORKERS": "1",
        "VITRINE_LOG_LEVEL": "warning",
    }


@contextmanager
def _fresh_database(server: str) -> Iterator[str]:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"vitrine_bench_{os.getpid()}"
    with engine.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    try:
        yield engine.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        engine.dispose()


def _signed_in(port: int) -> str:
    """An attendant's cookie."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    line.request("GET", "/admin/login")
    answer = line.getresponse()
    token = re.search(r'name="csrf-token" content="([^"]+)"', answer.read().decode())
    assert token
    body = {"csrf_token": token[1], "email": "atendente@demo.example", "password": PASSWORD}
    line.request(
        "POST", "/admin/login", urlencode(body), {**FORM, "Cookie": _cookie(answer.headers)}
    )
    entered = line.getresponse()
    entered.read()
    assert entered.status == 303, entered.status
    return _cookie(entered.headers)


def _cookie(headers: Mapping[str, str]) -> str:
    return headers["Set-Cookie"].partition(";")[0]


class _Page:
    """An open desk."""

    def __init__(self, port: int, cookie: str) -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Accept": "text/event-stream", "Cookie": cookie}
        line.request("GET", "/admin/atendimento/ao-vivo", headers=headers)
        self._answer = line.getresponse()
        assert self._answer.status == 200, self._answer.status
        self.version = self._next_version()

    def until(self, is_it: Callable[[str], bool]) -> None:
        """Wait until it is told of such a version, or was."""
        while not is_it(self.version):
            self.version = self._next_version()

    def _next_version(self) -> str:
        while text := self._answer.readline().decode():
            if text.startswith("id: "):
                return text[4:].strip()
        raise ConnectionError("the stream ended")


def _until_heard(port: int, cookie: str, pages: list[_Page], number: int) -> float:
    """Seconds from a post to the last page that was told."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    line.request("GET", "/admin/atendimento/versao", headers={"Cookie": cookie})
    before = str(json.loads(line.getresponse().read())["version"])
    for page in pages:  # what the post before left to tell of
        page.until(lambda version: version == before)
    fields = {
        "submission_id": str(uuid.uuid4()),
        "nome": "Cliente de Teste",
        "telefone": f"(11) 9{91000000 + number}",
        "mensagem": "Ainda tem?",
    }
    started = time.perf_counter()
    line.request("POST", "/contato", urlencode(fields), FORM)
    answer = line.getresponse()
    answer.read()
    assert answer.status == 303, answer.status
    for page in pages:
        page.until(lambda version: version != before)
    seconds = time.perf_counter() - started
    time.sleep(1.5)
    return seconds


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
