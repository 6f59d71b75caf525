"""What stops a command before it starts is one sentence, without a traceback."""

import os
import socket
import subprocess
import sys

import click
import pytest

from core.config import ROOT, load
from core.serving import _remember_origin, refuse_taken_port


def flask(folder, *words, **settings):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")}
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *words],
        env={**kept, "VITRINE_INSTANCE_DIR": str(folder), **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "settings", "said"),
    [
        (["stock", "export"], {"VITRINE_STOCKS": "1"}, "VITRINE_STOCKS is not a setting"),
        (
            ["db", "upgrade"],
            {"VITRINE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"},
            "The database cannot be reached",
        ),
        (["serve", "--port", "0"], {}, "db upgrade"),
    ],
)
def test_what_stops_a_command_is_one_sentence(tmp_path, words, settings, said):
    ended = flask(tmp_path, *words, **settings)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(click.ClickException, match=f"Port {port} is in use"):
            refuse_taken_port("127.0.0.1", port)
    refuse_taken_port("127.0.0.1", port)


def test_a_site_started_at_another_port_is_what_other_commands_name(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_BASE_URL", "")
    config = load({"VITRINE_INSTANCE_DIR": str(tmp_path)})
    _remember_origin(config, "0.0.0.0", 8103)
    assert os.environ["VITRINE_BASE_URL"] == "http://127.0.0.1:8103"  # for web and worker
    assert load({"VITRINE_INSTANCE_DIR": str(tmp_path)}).base_url == "http://127.0.0.1:8103"


def test_an_address_of_another_machine_is_named():
    with pytest.raises(click.ClickException, match="Cannot listen on 192"):
        refuse_taken_port("192.0.2.1", 8000)


def test_make_starts_the_site_without_a_shell_in_between():
    """A shell between make and `serve` takes the signal meant for it, and the site lives on."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    (recipe,) = [line for line in lines if " serve --host" in line]
    command = recipe.strip().removeprefix("@").replace("$(", "").replace(")", "")
    assert not set("$;&|<>=\"'`{}*") & set(command), command
