"""`flask portals …`, as an operator and the published contract use it."""

import json
import re

import pytest

from core.config import ROOT
from integrators.cli import portal_commands
from integrators.kinds import KINDS
from tests.factories import make_store
from tests.integrators.events import olx_lead

NEEDED = {
    kind.code: [f"--set={key.name}=v-{key.name}" for key in kind.keys if key.is_needed_by_operators]
    for kind in KINDS.values()
}


@pytest.fixture
def run(app):
    def invoke(*args: str):
        return app.test_cli_runner().invoke(args=["portals", *args])

    return invoke


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_added_with_what_it_needs(run, kind):
    result = run("add", kind, "--name", "Minha conta", *NEEDED[kind])
    assert result.exit_code == 0, result.output
    address = result.output.rstrip("\n").splitlines()[-1]
    assert re.fullmatch(rf"http://localhost/webhooks/{kind}/[\w-]{{32}}", address)
    assert "Minha conta" in run("list").output


@pytest.mark.parametrize("kind", [kind for kind in KINDS if NEEDED[kind]])
def test_what_is_missing_is_named(run, kind):
    result = run("add", kind, "--name", "X")
    assert result.exit_code == 2
    assert "--set" in result.output
    assert "X" not in run("list").output


def test_the_address_shown_works(run, client):
    address = run("add", "olx", "--name", "O").output.splitlines()[-1]
    assert client.post(address, json=olx_lead()).status_code == 200
    rotated = run("rotate", "O").output.splitlines()[-1]
    assert rotated != address
    assert client.post(rotated, json=olx_lead()).status_code == 200


def test_the_status_counts_what_an_account_brought_in(run, client):
    run("add", "olx", "--name", "B")
    address = run("add", "olx", "--name", "A").output.splitlines()[-1]
    assert client.post(address, json=olx_lead()).status_code == 200
    first, second = json.loads(run("status", "--json").output)
    assert (first["name"], first["received"], first["waiting"]) == ("A", 1, 1)
    assert (second["name"], second["received"]) == ("B", 0)
    assert (first["wanted"], first["live"], first["listings"]) == (0, 0, [])
    assert "A\tolx\tactive" in run("status").output


def test_the_list_shows_no_secret(run):
    run("add", "olx", "--name", "O", "--set", "access_token=um-segredo-longo-1234")
    listed = run("list").output
    assert "access_token=…1234" in listed
    assert "um-segredo" not in listed


def test_a_simulators_address_is_taken_and_a_wrong_one_is_not(run):
    good = run("add", "olx", "--name", "A", "--base-url", "http://127.0.0.1:9/api/")
    assert good.exit_code == 0
    for number, bad in enumerate(("ftp://x", "x", "http://", "http://x?a=b", "http://x:99999")):
        result = run("add", "olx", "--name", f"B{number}", "--base-url", bad)
        assert result.exit_code == 2, bad


def test_a_name_is_taken_once(run):
    assert run("add", "olx", "--name", "A").exit_code == 0
    assert run("add", "generic", "--name", "A").exit_code == 2


def test_one_dealer_is_added_once(run):
    assert run("add", "olx", "--name", "A", "--set", "access_token=t").exit_code == 0
    again = run("add", "olx", "--name", "B", "--set", "access_token=t")
    assert again.exit_code == 2
    assert "mesma conta que A" in again.output
    assert "B" not in run("list").output


def test_keys_that_do_not_exist_are_refused_with_the_known_ones(run):
    result = run("add", "olx", "--name", "A", "--set", "senha=1")
    assert result.exit_code == 2
    assert "access_token" in result.output
    assert run("add", "olx", "--name", "A", "--set", "senha").exit_code == 2
    assert "lead_token" in run("keys", "olx").output


def test_a_store_is_named_by_its_slug(run):
    make_store(slug="centro")
    assert run("add", "olx", "--name", "A", "--store", "centro").exit_code == 0
    assert run("add", "olx", "--name", "B", "--store", "nada").exit_code == 2


def test_an_account_that_does_not_exist_is_said_so(run):
    assert run("set", "nada", "a=b").exit_code == 2
    assert run("rotate", "nada").exit_code == 2


def test_the_operators_page_names_every_kind_key_and_command():
    page = (ROOT / "docs" / "webhooks.md").read_text()
    for kind in KINDS.values():
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{kind.code}` |")]
        for key in kind.keys:
            assert f"`{key.name}`" in line, f"{kind.code} {key.name}"
    for command in portal_commands.commands:
        assert f"portals {command}" in page
