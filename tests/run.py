"""The whole suite on SQLite, then what touches a database again on PostgreSQL where one answers.

Says what it skipped. With VITRINE_TEST_REQUIRE_ALL=1 (CI) nothing may be missing.
"""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = os.environ.get(
    "VITRINE_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres"
)
REDIS = os.environ.get("VITRINE_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


def answers(url: str, port: int) -> bool:
    """Whether something listens at the address in `url`."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or port), 2).close()
    except OSError:
        return False
    return True


def run(name: str, **environment: str) -> int:
    print(f"\n== The suite on {name}", flush=True)
    options = ["-q", "-n", "auto", "--dist", "worksteal"]
    command = [sys.executable, "-m", "pytest", *options, *sys.argv[1:]]
    # Dozens of processes are started: whatever is imported is compiled once, not in each of them.
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run(command, cwd=ROOT, env={**kept, **environment}).returncode


def main() -> int:
    missing = []
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        missing.append("a Chromium: browser tests are skipped")
    if not answers(REDIS, 6379):
        missing.append(f"Redis at {REDIS}: its tests are skipped")
    has_postgres = answers(POSTGRES, 5432)
    if not has_postgres:
        missing.append(f"PostgreSQL at {POSTGRES}: the second run of the suite is skipped")
    code = run("SQLite")
    if has_postgres:
        code = run("PostgreSQL", VITRINE_TEST_DATABASE_URL=POSTGRES) or code
    for line in missing:
        print(f"Not on this machine: {line}.")
    if missing and os.environ.get("VITRINE_TEST_REQUIRE_ALL"):
        print("Nothing may be missing here: failed.")
        return 1
    return code


if __name__ == "__main__":
    raise SystemExit(main())
