"""The grown set-up, put together as docs/operations.md says: nginx with the site of `deploy/`
before two web services on one database. They are started anew one after the other, as for a new
version, while people read and write: no page fails, and each form is kept once.

On PostgreSQL this is the real thing, with Redis; on SQLite the same with what is embedded.
"""

import http.client
import os
import re
import shlex
import signal
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from core.config import ROOT
from core.db import db
from leads.models import Submission
from tests import run
from tests.conftest import PG_SERVER
from tests.factories import make_vehicle
from tests.showroom.test_freshness import free_port
from tests.test_deploy import DEPLOY, tool, unit

HOST = "www.loja.com.br"
UNITS = ("vitrine-web.service", "vitrine-web-2.service")
STARTING_SECONDS = 120.0
DRAINING_SECONDS = 60.0
READERS = 3
UNVERIFIED = ssl._create_unverified_context()


@dataclass
class Service:
    """One web service, as its unit starts it, on a port of this machine."""

    unit_name: str
    port: int
    settings: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = shlex.split(unit(DEPLOY / self.unit_name)["Service"]["ExecStart"])[1:]
        words[words.index("--port") + 1] = str(self.port)
        words[words.index("--workers") + 1] = "1"
        self.process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, env=self.settings, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + STARTING_SECONDS
        while not self.is_ready():
            assert self.process.poll() is None, f"{self.unit_name} ended"
            assert time.monotonic() < deadline, f"{self.unit_name} does not answer"
            time.sleep(0.1)

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """As `systemctl stop` does; a service that does not drain in time fails the test."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DRAINING_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise


@dataclass
class Public:
    """People at the door: some read, one sends forms. What did not go well is in `wrong`."""

    port: int
    paths: list[str]
    pages_read: int = 0
    sent: list[str] = field(default_factory=list)  # ids of forms that were thanked for
    pressed_again: int = 0
    wrong: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_the_door(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._read, daemon=True) for _ in range(READERS)]
        threads.append(threading.Thread(target=self._write, daemon=True))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(60)

    def _read(self) -> None:
        while not self._stop.is_set():
            for path in self.paths:
                status = self.ask("GET", path)
                self.pages_read += 1
                if status != 200:
                    self.wrong.append(f"GET {path}: {status}")

    def _write(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            key = str(uuid.uuid4())
            typed = {
                "submission_id": key,
                "nome": f"Cliente {number}",
                "telefone": f"(11) 97{number:07d}",
                "mensagem": "Tenho interesse.",
            }
            # nginx sends no form twice. One that meets a connection in the moment of its closing
            # comes back to its sender, who presses again.
            tries = [self.ask("POST", "/contato", urlencode(typed))]
            if tries[0] != 303:
                tries.append(self.ask("POST", "/contato", urlencode(typed)))
                self.pressed_again += 1
            if tries[-1] == 303:
                self.sent.append(key)
            else:
                self.wrong.append(f"POST: {tries}")
            time.sleep(0.02)

    def ask(self, method: str, path: str, body: str = "") -> int | str:
        """The status, or what went wrong on the way."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=30, context=UNVERIFIED
        )
        headers = {"Host": HOST}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        finally:
            connection.close()


@contextmanager
def nginx(folder: Path, port: int, services: list[Service]) -> Iterator[None]:
    """nginx with the site of `deploy/`; only its ports and paths are the test's."""
    subprocess.run(
        [tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         f"/CN={HOST}", "-keyout", str(folder / "privkey.pem"),
         "-out", str(folder / "fullchain.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    site = site.replace("/etc/ssl/vitrine", str(folder))
    for number, service in enumerate(services, 1):
        site = site.replace(f"127.0.0.1:800{number} ", f"127.0.0.1:{service.port} ")
    site = re.sub(r"^    listen \[::\].*\n", "", site, flags=re.MULTILINE)
    site = site.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
    site = site.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    conf = folder / "nginx.conf"
    conf.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;"
        "events {}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;"
        f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
        f"{site}\n}}"
    )
    process = subprocess.Popen([tool("nginx"), "-e", str(folder / "errors"), "-c", str(conf)])
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def services(app, tmp_path) -> Iterator[list[Service]]:
    config = app.extensions["vitrine"]
    kept = {name: text for name, text in os.environ.items() if not name.startswith("VITRINE_")}
    settings = kept | {
        "VITRINE_DATABASE_URL": config.database_url,
        "VITRINE_INSTANCE_DIR": config.instance_dir,
        "VITRINE_MEDIA_DIR": config.media_dir,
        "VITRINE_BASE_URL": f"https://{HOST}",
        "VITRINE_TRUSTED_PROXIES": "1",
        "VITRINE_LEAD_RATE_LIMIT": "100000 per minute",
        "VITRINE_LOG_LEVEL": "error",
    }
    if PG_SERVER and run.answers(run.REDIS, 6379):
        settings["VITRINE_REDIS_URL"] = run.REDIS
    found = [Service(name, free_port(), settings) for name in UNITS]
    with ExitStack() as stack:
        for service in found:
            stack.callback(service.stop)
            service.start()
        yield found


def test_a_new_version_is_put_in_place_and_nobody_notices(app, services, tmp_path):
    vehicle = make_vehicle()
    port = free_port()
    paths = ["/", "/estoque", f"/oferta/{vehicle.slug}-{vehicle.public_id}", "/contato"]
    db.session.rollback()
    public = Public(port, paths)
    with nginx(tmp_path, port, services):
        deadline = time.monotonic() + 30
        while public.ask("GET", "/healthz") != 200:
            assert time.monotonic() < deadline, (tmp_path / "errors").read_text()
            time.sleep(0.1)
        with public.at_the_door():
            time.sleep(1)
            for service in services:
                before = (public.pages_read, len(public.sent))
                service.stop()
                assert service.process
                assert service.process.returncode == 0
                service.start()
                time.sleep(1)
                # The other one served meanwhile.
                assert public.pages_read > before[0]
                assert len(public.sent) > before[1]
        for service in services:
            service.stop()
        assert public.ask("GET", "/estoque") == 503  # come again; 404 would be "gone"
    assert public.wrong == []
    assert public.pressed_again <= len(services)
    db.session.rollback()
    app.extensions["vitrine_jobs"].handlers["drain_spool"]({})  # what a busy database let wait
    kept = db.session.scalars(sa.select(Submission.page_key)).all()
    assert sorted(kept) == sorted(public.sent)
