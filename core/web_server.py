"""The web server: `python -m core.web_server`. Granian's processes around the WSGI application.

A request that only waits holds a thread and no turn (`core.turns`), so there are many threads.
Asked to stop, a process ends its streams, answers what it was asked and goes; killed, another
takes its place; left without its parent, it goes, too.
"""

import os
import shutil
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from werkzeug.utils import import_string

from core.config import load
from core.live import MOST_STREAMS, allow_streams, end_streams
from core.turns import MOST_READ_AT_ONCE, Application

# Streams and bodies may take as many as they like, and those who ask for pages still find one.
THREADS: Final = MOST_STREAMS + MOST_READ_AT_ONCE + 20
IDLE_THREAD_SECONDS: Final = 60
# For the head of a request, and between two of a connection: a proxy that keeps connections must
# give them up sooner, or it asks on one that is just being closed.
HEAD_SECONDS: Final = 30
MOST_HEAD_BYTES: Final = 64 * 1024
MOST_CONNECTIONS: Final = 1024  # of one process
STOP_SECONDS: Final = 20
PARENT_EVERY_SECONDS: Final = 1.0
METRICS_FOLDER: Final = "metrics"  # in the instance folder


@click.command()
@click.argument("target", default="wsgi:app")
@click.option("--host", default="127.0.0.1")
@click.option("--port", default=8000)
@click.option("--workers", default=1)
def main(target: str, host: str, port: int, workers: int) -> None:
    """Serve the application at `target` until asked to stop."""
    _allow_open_files(2 * MOST_CONNECTIONS)
    _count_together(Path(load().instance_dir), port)
    Granian(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        workers=workers,
        blocking_threads=THREADS,
        blocking_threads_idle_timeout=IDLE_THREAD_SECONDS,
        backpressure=MOST_CONNECTIONS,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEAD_SECONDS * 1000, max_buffer_size=MOST_HEAD_BYTES
        ),
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        websockets=False,
    ).serve(target_loader=_load)


def _count_together(instance: Path, port: int) -> None:
    """A folder where the processes of this server add up what they count (`core.metrics`), empty:
    no process of an earlier start is counted for ever, and two servers do not meet. Said before
    anybody imports the library, which then looks at it once."""
    folder = instance / METRICS_FOLDER / str(port)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # each process then counts for itself
        folder.mkdir(parents=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _load(target: str) -> Application:
    """Called in each process that will answer, in its main thread."""
    _end_streams_when_stopped()
    _end_with(os.getppid())
    application: Application = import_string(target)
    allow_streams()
    return application


def _end_streams_when_stopped() -> None:
    """The server's own handler waits for all answers, and a stream's has no end of its own."""
    told, tells = socket.socketpair()
    tells.setblocking(False)
    signal.set_wakeup_fd(tells.detach(), warn_on_full_buffer=False)

    def wait() -> None:
        while number := told.recv(1):
            if number[0] in {signal.SIGTERM, signal.SIGINT}:
                end_streams()

    threading.Thread(target=wait, name="stop", daemon=True).start()


def _end_with(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_EVERY_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _allow_open_files(wanted: int) -> None:
    """Systems often allow 1,024, which is less than the connections and files of one process."""
    try:
        import resource  # not everywhere
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


if __name__ == "__main__":
    main()
