"""Logs: one line per event, nobody's data in them, nothing forged."""

import json
import logging
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
from flask import Flask, g

from core import config as settings
from core.errors import DomainError
from core.logging import REDACTED, init_logging, redact_text, request_id

CANARIES = {
    "cpf": "123.456.789-09",
    "bare_cpf": "12345678909",
    "mobile": "(11) 98765-4321",
    "spaced": "11 98765 4321",
    "international": "+55 11 98765-4321",
    "compact": "+5511987654321",
    "landline": "(11) 3333-4444",
    "email": "maria.souza+loja@example.com.br",
    "encoded": "maria%40example.com",
    "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "bearer": "Bearer 0123456789abcdef",
    "url_password": "redis://user:hunter22@db.example/0",
}


@pytest.fixture(autouse=True)
def restore_logging():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    before = structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**before)


@pytest.fixture
def make_app(tmp_path):
    def make(env="production", **overrides) -> Flask:
        app = Flask("logged")
        config = settings.load(
            {}, env=env, instance_dir=str(tmp_path), secret_key="k" * 40, **overrides
        )
        init_logging(app, config)

        @app.get("/oferta/<slug>")
        def offer(slug):
            g.seen = request_id()
            structlog.get_logger().info("offer_seen", position=1)
            if slug == "broken":
                raise ValueError(f"cannot parse {' '.join(CANARIES.values())}")
            return g.seen

        return app

    return make


@pytest.fixture
def lines(capsys):
    """The JSON lines written since the last look."""
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
def test_personal_data_inside_a_text_is_replaced(canary):
    text = redact_text(f"before {canary} after")
    assert REDACTED in text
    assert canary not in text
    assert "hunter22" not in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T10:20:30.123456Z",
        "/srv/vitrine/jobs/worker.py:120 _perform",
        "R$ 89.900,00",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "12.345 km, 2023/2024, versao 1.0.12",
        "vehicle 4711 in 12.5 ms",
    ],
)
def test_ordinary_text_stays(text):
    assert redact_text(text) == text


@pytest.mark.parametrize("text", ["a" * 200_000, "1" * 200_000, "a@" * 100_000, "(" * 200_000])
def test_a_hostile_text_costs_little(text):
    started = time.perf_counter()
    redact_text(text)
    assert time.perf_counter() - started < 0.5


def test_no_canary_passes_however_it_is_logged(make_app, capsys):
    make_app()
    log = structlog.get_logger("test")
    for canary in CANARIES.values():
        log.info("event " + canary, place=canary, deep={"list": [canary, (canary,)]}, kind={canary})
        log.info("by_key", **dict.fromkeys(("phone", "customer_name"), f"plain words {canary}"))
        logging.getLogger("library").warning("said %s", canary)
        try:
            raise RuntimeError(canary)
        except RuntimeError:
            log.exception("failed")
            logging.getLogger("library").exception("failed")
    written = capsys.readouterr().err
    assert written.count("\n") == 5 * len(CANARIES)
    for canary in [*CANARIES.values(), "plain words", "hunter22"]:
        assert canary not in written


def test_keys_that_name_a_person_hide_whatever_they_hold(make_app, lines):
    make_app()
    structlog.get_logger().info(
        "seen",
        nome="Maria",
        customer_name="Maria",
        Authorization="x",
        licensePlate="ABC1D23",
        headers={"Set-Cookie": "a=b", "X-Api-Token": "t", "Accept": "text/html"},
        hostname="web1",
        filename="a.csv",
        cpf=12345678909,
        amount=12345678909,
        count=3,
    )
    (line,) = lines()
    for key in ("nome", "customer_name", "Authorization", "licensePlate", "cpf", "amount"):
        assert line[key] == REDACTED
    assert line["headers"] == {
        "Set-Cookie": REDACTED,
        "X-Api-Token": REDACTED,
        "Accept": "text/html",
    }
    assert (line["hostname"], line["filename"], line["count"]) == ("web1", "a.csv", 3)


def test_an_exception_is_told_by_type_and_place(make_app, lines):
    make_app()
    try:
        try:
            int("Maria Souza")
        except ValueError as error:
            raise DomainError("The price is not a number.") from error
    except DomainError:
        structlog.get_logger().exception("failed")
    (line,) = lines()
    assert line["error"] == "DomainError < ValueError"
    assert line["reason"] == "The price is not a number."
    assert "test_logging.py" in line["frames"][0]
    assert "Maria" not in json.dumps(line)


@pytest.mark.parametrize("env", ["production", "development"])
def test_control_characters_forge_no_line(make_app, capsys, env):
    make_app(env)
    hostile = 'x\n{"event": "forged"}\r\x1b[2J\x7f\x9b\u2028\u202e'
    structlog.get_logger().info("seen", agent=hostile, **{"k\ney": "v"})
    logging.getLogger("library").warning(hostile)
    written = capsys.readouterr().err
    assert written.count("\n") == 2
    assert not set("\r\x7f\x9b\u2028\u202e") & set(written)
    assert "[2J" not in written.replace("\\x1b[2J", "").replace("\\\\x1b[2J", "")


def test_one_line_per_request_without_path_or_query(make_app, lines):
    client = make_app().test_client()
    answer = client.get("/oferta/onix-de-maria?q=maria.souza@example.com&telefone=11987654321")
    seen, access = lines()
    assert answer.headers["X-Request-ID"] == answer.text == seen["request_id"]
    assert (access["event"], access["method"], access["status"]) == ("request", "GET", 200)
    assert access["route"] == "/oferta/<slug>"
    assert access["ms"] >= 0
    assert access["request_id"] == answer.text
    assert "maria" not in json.dumps([seen, access])
    client.get("/nothing/maria@example.com")
    (missing,) = lines()
    assert (missing["status"], missing["route"]) == (404, "(none)")
    assert missing["request_id"] != answer.text


def test_what_a_visitor_sends_along_is_cleaned(make_app, lines):
    client = make_app().test_client()
    client.open("/oferta/x", method="GET\u202e", headers={"X-Request-ID": "11987654321"})
    client.open("/nothing", headers={"X-Request-ID": "123.456.789-09"})
    written = [line for line in lines() if line["event"] == "request"]
    assert {line["request_id"] for line in written} == {REDACTED}
    assert "\u202e" not in str(written)


def test_a_request_s_line_has_the_keys_of_any_line(make_app, lines):
    make_app().test_client().get("/oferta/x")
    seen, access = lines()
    facts = {"method", "route", "status", "ms"}
    assert access.keys() - facts == seen.keys() - {"position"}
    assert access["at"].endswith("Z")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_log_that_cannot_be_written_costs_no_answer(make_app, monkeypatch):
    client = make_app().test_client()
    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert client.get("/nothing").status_code == 404
        assert client.get("/nothing").status_code == 404
        monkeypatch.undo()
        with suppress(OSError):
            full.close()


def test_a_failed_request_has_its_line_too(make_app, lines):
    answer = make_app().test_client().get("/oferta/broken")
    assert answer.status_code == 500
    written = lines()
    assert [line["event"] for line in written][-1] == "request"
    assert written[-1]["status"] == 500
    failure = next(line for line in written if line.get("error") == "ValueError")
    assert failure["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        ("abc-123_X.9", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("has space", False),
        ("<script>", False),
        ("", False),
    ],
)
def test_only_a_plain_request_id_is_taken_over(make_app, offered, taken):
    answer = make_app().test_client().get("/oferta/x", headers={"X-Request-ID": offered})
    assert (answer.headers["X-Request-ID"] == offered) is taken
    assert answer.headers["X-Request-ID"]


def test_no_request_id_outside_a_request(make_app):
    make_app().test_client().get("/oferta/x")
    assert request_id() == ""


def test_the_level_is_a_setting_and_starting_twice_doubles_nothing(make_app, lines):
    make_app(log_level="warning")
    make_app(log_level="warning")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines()] == ["loud"]


def test_addresses_that_are_secrets_are_not_written():
    assert "Zx9_" not in redact_text("GET http://loja.example/feeds/Zx9_-abcdefghijk/estoque.xml")
    text = redact_text("POST http://loja.example/webhooks/olx/Zx9_-abcdefghijklmnop?a=b")
    assert "Zx9_" not in text
