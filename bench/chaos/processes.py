"""What is attacked: the real site, its worker and a PostgreSQL of its own, each started again
whenever it ends, as a supervisor would."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from core.config import ROOT

RESTART_SECONDS = 0.3
START_SECONDS = 60.0


class Kept:
    """A command that runs until `stop`, however often it is killed."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command, self._env, self._log = command, dict(env), log
        self._lock = threading.Lock()
        self._stopped = False
        self.starts = 0
        self._start()
        threading.Thread(target=self._keep, daemon=True).start()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._env, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.starts += 1

    def _keep(self) -> None:
        while not self._stopped:
            time.sleep(RESTART_SECONDS)
            with self._lock:
                if not self._stopped and self.process.poll() is not None:
                    self.kill_group()  # orphans that hold the port go first, as with systemd
                    self._start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def children(self) -> list[int]:
        """The processes that it started itself."""
        try:
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except OSError:
            return []
        return [int(pid) for pid in text.split()]

    def kill_group(self) -> None:
        """SIGKILL it and everything it started."""
        _signal(os.killpg, self.pid, signal.SIGKILL)

    def kill_alone(self) -> None:
        """SIGKILL it; what it started finds itself orphaned."""
        _signal(os.kill, self.pid, signal.SIGKILL)

    def ask(self, number: int) -> None:
        _signal(os.kill, self.pid, number)

    def stop(self) -> None:
        """For good."""
        with self._lock:
            self._stopped = True
            _signal(os.killpg, self.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            _signal(os.killpg, self.pid, signal.SIGKILL)
            self.process.wait()


def _signal(send: Callable[[int, int], None], pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        send(pid, number)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int) -> None:
    """Return once something listens there."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def flask(*words: str, env: Mapping[str, str]) -> str:
    """One `flask --app wsgi` command; its standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *words],
        check=False, cwd=ROOT, env=dict(env), capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"flask {' '.join(words)}: {done.stderr[-2000:]}")
    return done.stdout


def postgres_programs() -> Path | None:
    """The folder with initdb and postgres; None where a cluster of our own cannot run."""
    if os.geteuid() == 0 and not (_has_user("postgres") and shutil.which("setpriv")):
        return None  # PostgreSQL refuses to run as root
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    folders += [Path(found).parent for found in [shutil.which("initdb")] if found]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def start_postgres(folder: Path, port: int, log: Path) -> Kept:
    """A cluster in `folder` (which is there and empty), kept running on loopback."""
    programs = postgres_programs()
    if programs is None:
        raise RuntimeError("no initdb on this machine")
    as_who: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_who = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data = folder / "data"
    env = {**os.environ, "LC_ALL": "C.UTF-8"}
    subprocess.run(
        [*as_who, str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres",
         "-E", "UTF8", "--no-sync"],
        env=env, check=True, cwd="/", stdout=subprocess.DEVNULL,
    )  # fmt: skip
    settings = {
        "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder,
        "max_wal_size": "64MB", "min_wal_size": "32MB", "shared_buffers": "32MB",
    }  # fmt: skip
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    kept = Kept("postgres", [*as_who, str(programs / "postgres"), "-D", str(data), *options], env,
                log)  # fmt: skip
    wait_for_port(port)
    return kept
