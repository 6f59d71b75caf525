"""The servers that are compared: ours as it ships, bare ones under the same server, nginx."""

import contextlib
import getpass
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.chaos.processes import Kept, free_port, wait_for_port
from bench.load import cpu_seconds
from core import config as settings
from core.serving import web_command

HOST: Final = "127.0.0.1"
START_SECONDS: Final = 3.0  # every worker is up
NGINX: Final = """
user {user}; worker_processes {workers}; daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; open_file_cache max=100;
  keepalive_requests 1000000; default_type text/html; etag on;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen {host}:{port}; root {root}; }}
}}
"""


class Server:
    """A server that runs, and what it costs."""

    def __init__(self, kept: Kept, port: int) -> None:
        self.kept, self.port = kept, port

    def cpu_seconds(self) -> float:
        """User and system time of all its processes so far."""
        return cpu_seconds(self.kept.pid)

    def memory_kib(self) -> tuple[float, float]:
        """(PSS, RSS) of the process that answers and holds most."""
        found = [_memory_kib(pid) for pid in self.kept.children() or [self.kept.pid]]
        return max(found)


def _memory_kib(pid: int) -> tuple[float, float]:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0, 0.0  # it ended meanwhile
    pss, rss = (re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE) for name in ("Pss", "Rss"))
    return (float(pss[1]), float(rss[1])) if pss and rss else (0.0, 0.0)


@contextmanager
def served(
    command: Callable[[int], list[str]], env: Mapping[str, str], log: Path
) -> Iterator[Server]:
    """What `command` gives for a free port, running."""
    port = free_port()
    kept = Kept("web", command(port), env, log)
    try:
        wait_for_port(port)
        time.sleep(START_SECONDS)
        yield Server(kept, port)
    finally:
        kept.stop()


def production(folder: Path, **changed: str) -> dict[str, str]:
    """The environment of a dealership that runs on the SQLite file in `folder`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")}
    return {
        **own,
        "VITRINE_INSTANCE_DIR": str(folder),
        "VITRINE_DATABASE_URL": f"sqlite:///{folder}/bench.db",
        "VITRINE_LEAD_RATE_LIMIT": "100000000 per minute",  # one address posts it all
        # As a dealership runs it: log lines in JSON.
        "VITRINE_ENV": "production",
        "VITRINE_SECRET_KEY": secrets.token_urlsafe(32),
        "VITRINE_BASE_URL": "https://www.example.com",
        **changed,
    }


def ours(env: Mapping[str, str]) -> Callable[[int], list[str]]:
    """The command that serves the application."""
    return lambda port: web_command(settings.load(env), HOST, port)


def bare(env: Mapping[str, str], target: str) -> Callable[[int], list[str]]:
    """The same server around another WSGI application."""
    return lambda port: [target if word == "wsgi:app" else word for word in ours(env)(port)]


def has_nginx() -> bool:
    """Whether nginx is there to be compared with."""
    return nginx_program() is not None


def nginx_program() -> str | None:
    """The path of nginx, which Debian keeps out of a user's PATH."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextmanager
def nginx(root: Path, workers: int) -> Iterator[Server | None]:
    """nginx serving the files of `root`; None where it is not installed."""
    program = nginx_program()
    if program is None:
        yield None
        return
    folder = root / ".nginx"
    folder.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:

        def command(port: int) -> list[str]:
            text = NGINX.format(
                user=getpass.getuser(), workers=workers, folder=folder, root=root, host=HOST,
                port=port,
            )  # fmt: skip
            (folder / "nginx.conf").write_text(text)
            return [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]

        yield stack.enter_context(served(command, os.environ, folder / "log"))
