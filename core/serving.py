"""`flask serve`: the web server and the worker together, stopped together."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click
from flask.cli import with_appcontext

from core.config import ORIGIN_FILE, Config, current
from core.db import is_migrated

STOP_SECONDS = 30


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@with_appcontext
def serve(host: str, port: int) -> None:
    """Start the web server and the background worker; Ctrl-C stops both."""
    if not is_migrated():
        raise click.ClickException(
            "The database is not of this release. Run: flask --app wsgi db upgrade"
        )
    refuse_taken_port(host, port)
    _remember_origin(current(), host, port)
    raise SystemExit(supervise([web_command(current(), host, port), worker_command()], host, port))


def _remember_origin(config: Config, host: str, port: int) -> None:
    """Links in pages and mails, and commands in another shell, name the port that was chosen."""
    if config.is_production:
        return
    origin = os.environ.get("VITRINE_BASE_URL") or f"http://{_shown(host)}:{port}"
    os.environ["VITRINE_BASE_URL"] = origin
    with suppress(OSError):
        (Path(config.instance_dir) / ORIGIN_FILE).write_text(origin)


def _shown(host: str) -> str:
    """`host` as a browser on this machine may be given it."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def refuse_taken_port(host: str, port: int) -> None:
    """Raise click.ClickException, one sentence, where the web server could not listen."""
    try:
        family, kind, _proto, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"Port {port} is in use by another program. Choose another one with --port."
        else:
            message = f"Cannot listen on {host} port {port}: {error.strerror}."
        raise click.ClickException(message) from None


def web_command(config: Config, host: str, port: int) -> list[str]:
    """The web server's command line."""
    return [
        sys.executable, "-m", "core.web_server", "wsgi:app", "--host", host, "--port", str(port),
        "--workers", str(config.web_workers or 1),
    ]  # fmt: skip


def worker_command() -> list[str]:
    return [sys.executable, "-m", "flask", "--app", "wsgi", "worker"]


def supervise(commands: Sequence[Sequence[str]], host: str, port: int) -> int:
    """Run `commands` until one ends or we are asked to stop; then stop all. Returns an exit code.

    A child that ends by itself ends the rest: half a system that looks whole loses work quietly.
    """
    stopping = False

    def ask_to_stop(_signal: int, _frame: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    # Own process groups: Ctrl-C reaches us, and we stop the children in order.
    children = [
        subprocess.Popen(command, start_new_session=True, env=os.environ) for command in commands
    ]
    origin = f"http://{_shown(host)}:{port}"
    click.echo(f"\n  Vitrine: {origin}/\n  Staff:   {origin}/admin/\n  Ctrl-C stops it.\n")
    while not stopping and all(child.poll() is None for child in children):
        time.sleep(0.2)
    ended = [" ".join(command) for command, child in zip(commands, children, strict=True)
             if child.poll() is not None]  # fmt: skip
    _stop(children)
    if ended and not stopping:
        click.echo(f"Stopped: {ended[0]} ended by itself.", err=True)
        return 1
    return 0


def _stop(children: Sequence["subprocess.Popen[bytes]"]) -> None:
    for child in children:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
