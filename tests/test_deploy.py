"""The files of a grown set-up: what a machine without Docker can check of them.

Not checked here: that the image builds, and that compose starts it.
"""

import configparser
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from flask_migrate.cli import upgrade

from core import web_server
from core.config import ROOT, Config
from jobs.cli import worker

DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
INSTALLED = "/opt/vitrine/"


def tool(*names: str) -> str:
    """Where a program is. Skipping says which one; where nothing may be missing (CI) it fails."""
    for name in names:
        if found := shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
            return found
    pytest.skip(f"{names[0]} is not on this machine")


def unit(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True)
    parser.optionxform = str
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def commands() -> list[list[str]]:
    """Every command line of ours in the files, as words."""
    found = [shlex.split(unit(path)["Service"]["ExecStart"]) for path in UNITS]
    for line in (DEPLOY / "Procfile").read_text(encoding="utf-8").splitlines():
        found.append(shlex.split(line.partition(":")[2]))
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    found += [one["command"] for one in services.values() if "command" in one]
    (last,) = re.findall(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    found.append(yaml.safe_load(last))
    return [words for words in found if words[0] != "redis-server"]


COMMANDS = {"core.web_server": web_server.main, "worker": worker, "db upgrade": upgrade}


def test_every_command_is_one_of_ours_with_options_that_it_has():
    seen = set()
    for words in commands():
        program, rest = Path(words[0]).name, words[1:]
        assert words[0] == program or words[0].startswith(f"{INSTALLED}.venv/bin/"), words
        named, start = rest[1], 2
        if program == "flask":
            assert rest[:2] == ["--app", "wsgi"], words
            start = 4 if rest[2] == "db" else 3
            named = " ".join(rest[2:start])
        known = {option for parameter in COMMANDS[named].params for option in parameter.opts}
        assert {word for word in rest[start:] if word.startswith("--")} <= known, words
        seen.add(named)
    assert seen == set(COMMANDS)


def test_units_are_sound_and_shut_in(tmp_path):
    for path in UNITS:
        service = unit(path)["Service"]
        assert service["User"] == "vitrine"
        for rule in ("NoNewPrivileges", "PrivateTmp", "ProtectHome"):
            assert service[rule] == "yes", (path, rule)
        assert service["ProtectSystem"] == "strict"
    verify = tool("systemd-analyze")
    for path in UNITS:
        # The programs are not installed here; everything else has to hold.
        text = re.sub(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", path.read_text(),
                      flags=re.MULTILINE)  # fmt: skip
        (tmp_path / path.name).write_text(text)
    told = subprocess.run(
        [verify, "verify", *(str(tmp_path / path.name) for path in UNITS)],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    ours = [line for line in told.stderr.splitlines() if "vitrine" in line]
    assert not ours, told.stderr


def test_compose_and_dockerfile_name_what_there_is():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    known = {f"VITRINE_{name.upper()}" for name in Config.__dataclass_fields__}
    for name, service in compose["services"].items():
        for needed in service.get("depends_on", {}):
            assert needed in compose["services"], name
        if "build" in service:
            assert set(service["environment"]) <= known
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    for source in re.findall(r"^COPY (?!--)(\S+)", text, re.MULTILINE):
        assert (ROOT / source).exists(), source
    assert re.search(r"^USER vitrine$", text, re.MULTILINE)
    assert set(re.findall(r"VITRINE_[A-Z_]+", text)) <= known
    assert not re.search(r"(SECRET|PASSWORD|TOKEN)\w*\s*=\s*\S", text)


def test_nginx_takes_the_site(tmp_path):
    nginx = tool("nginx")
    openssl = tool("openssl")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=a",
         "-keyout", str(tmp_path / "privkey.pem"), "-out", str(tmp_path / "fullchain.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    site = site.replace("/etc/ssl/vitrine", str(tmp_path))
    main = tmp_path / "nginx.conf"
    main.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p;"
        f"fastcgi_temp_path {tmp_path}/f; uwsgi_temp_path {tmp_path}/u;"
        f"scgi_temp_path {tmp_path}/s;\n{site}\n}}"
    )
    told = subprocess.run(
        [nginx, "-t", "-e", "stderr", "-c", str(main)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "[warn]" not in told.stderr, told.stderr
