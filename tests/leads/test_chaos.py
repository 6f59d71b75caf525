"""A small fire: real processes killed, a locked file, a full disk, a restarted server."""

import re
import subprocess
import sys

import pytest

from bench.chaos.processes import postgres_programs
from core.config import ROOT

pytestmark = pytest.mark.timeout(600)  # starts whole sites, also where a dozen tests share a core


def under_fire(database, *options):
    command = [
        sys.executable, "-m", "bench.chaos", "--database", database, "--only", "posts",
        "--posts", "300",
        "--clients", "4", "--seconds", "8", "--pause", "2", "--lock-seconds", "3",
        "--lease-seconds", "3", *options,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    report = done.stdout + done.stderr
    assert done.returncode == 0, report
    assert "lost 0   doubled 0" in report, report
    return {name: int(number) for name, number in re.findall(r"([\w ]+): (\d+)", report)}


@pytest.mark.sqlite_only
def test_no_accepted_lead_is_lost_or_doubled_on_sqlite():
    deeds = under_fire("sqlite")
    assert sum(number for name, number in deeds.items() if "killed" in name) > 0


@pytest.mark.postgres_only
@pytest.mark.skipif(postgres_programs() is None, reason="no initdb that this user can run")
def test_no_accepted_lead_is_lost_or_doubled_on_postgres():
    deeds = under_fire("postgres")
    assert sum(number for name, number in deeds.items() if "killed" in name) > 0
