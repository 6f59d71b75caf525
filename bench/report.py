"""What a run came to: a line per row on the screen, JSON that can be compared, a dated table."""

import json
import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from bench.timing import Measured
from core.config import ROOT

FORMAT: Final = 1
HEADING: Final = (
    f"{'ratio':>8}  {'':5} {'limit':>6}  {'what':40} {'vehicles':>8}  "
    f"{'ours':>12}  {'theirs':>12}  unit     against"
)
PACKAGES: Final = ("flask", "granian", "jinja2", "pillow", "pyroaring", "sqlalchemy")


@dataclass(frozen=True)
class Run:
    """Rows, and what one must know to read them. `machine` is plain facts, name by name."""

    rows: Sequence[Measured]
    machine: dict[str, str]
    commit: str
    date: str
    seconds: float


def line(row: Measured) -> str:
    """One row of the table, with its note beneath."""
    limit = "" if row.limit is None else f"{row.limit:g}"
    note = f"\n{'':25}{row.note}" if row.note else ""
    return (
        f"{row.ratio:8.2f}  {row.verdict:5} {limit:>6}  {row.name:40} {row.size:>8,}  "
        f"{figure(row.ours):>12}  {figure(row.theirs):>12}  {row.unit:8} {row.reference}{note}"
    )


def figure(value: float) -> str:
    """Three figures or more, none of them noise."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def finished(rows: Sequence[Measured], seconds: float) -> Run:
    """The run that just ended."""
    return Run(
        rows, _machine(), _commit(), datetime.now(UTC).isoformat(timespec="seconds"), seconds
    )


def as_json(run: Run) -> str:
    """The run as JSON; `read` gives it back."""
    rows = [
        {**asdict(row), "ratio": round(row.ratio, 4), "verdict": row.verdict} for row in run.rows
    ]
    head = {name: getattr(run, name) for name in ("commit", "date", "seconds", "machine")}
    return json.dumps({"format": FORMAT, **head, "rows": rows}, indent=1)


def read(text: str) -> Run:
    """A run out of JSON. Raises ValueError, in a sentence, for anything else."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is no JSON: {error}") from None
    try:
        if isinstance(found, list):  # as it was written before runs had a head
            found = {"format": FORMAT, "rows": [_renamed(row) for row in found]}
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ValueError(f"this is no result of a benchmark of format {FORMAT}")
        rows = [
            Measured(**{name: row[name] for name in Measured.__dataclass_fields__ if name in row})
            for row in found["rows"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a row cannot be read: {error}") from None
    return Run(rows, found.get("machine", {}), found.get("commit", ""), found.get("date", ""),
               found.get("seconds", 0))  # fmt: skip


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "ours": row.get("ours_us"), "theirs": row.get("reference_us")}


def as_markdown(run: Run) -> str:
    """The table of a page of the documentation: machine, then rows."""
    facts = [f"- {name}: {value}" for name, value in run.machine.items()]
    lines = [
        f"Measured on {run.date[:10]} at commit `{run.commit}` in {run.seconds / 60:.0f} minutes.",
        "", *facts, "",
        "| what | vehicles | ratio | limit | | ours | theirs | unit | against |",
        "|---|---:|---:|---:|---|---:|---:|---|---|",
    ]  # fmt: skip
    for row in run.rows:
        limit = "" if row.limit is None else f"{row.limit:g}"
        note = f"<br><small>{row.note}</small>" if row.note else ""
        lines.append(
            f"| {row.name}{note} | {row.size:,} | {row.ratio:.2f} | {limit} | {row.verdict} "
            f"| {figure(row.ours)} | {figure(row.theirs)} | {row.unit} | {row.reference} |"
        )
    return "\n".join([*lines, ""])


MARK: Final = "<!-- written by make bench: what stands below is replaced -->"


def put_into(page: Path, run: Run) -> None:
    """Replace what stands below the mark of `page`. Raises ValueError for a page without it."""
    head, mark, _old = page.read_text().partition(MARK)
    if not mark:
        raise ValueError(f"{page} has no line {MARK}")
    page.write_text(f"{head}{MARK}\n\n{as_markdown(run)}")


def _machine() -> dict[str, str]:
    return {
        "processors": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "load generator": "wrk" if shutil.which("wrk") else "own processes: rates say little",
        "load of the machine at the end": f"{os.getloadavg()[0]:.1f}",
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    names = [row.partition(":")[2].strip() for row in text.splitlines() if "model name" in row]
    return names[0] if names else platform.machine()


def _commit() -> str:
    """The commit that was measured, with a `+` when files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"],
        check=False, cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    return described.stdout.strip() or "unknown"
