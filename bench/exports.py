"""Peak memory of an export, in a process of its own: it must not grow with the rows."""

import multiprocessing
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

from flask import Flask

from admin.export_writing import Wanted, write
from app import create_app
from bench.timing import KIB, Measured

KINDS: Final = (("stock", "csv"), ("stock", "xlsx"), ("leads", "csv"), ("leads", "xlsx"))
LIMIT: Final = 1.3
MB: Final = 1024


def exports(size: int, many: Flask, few: Flask) -> Iterator[Measured]:
    """Each kind of file out of both databases. The figures are KiB."""
    for kind, form in KINDS:
        rows, peak_kb = _exported(many, kind, form)
        few_rows, few_kb = _exported(few, kind, form)
        yield Measured(
            f"{kind} as {form}: peak memory", size, peak_kb, few_kb,
            f"the same of {few_rows:,} rows", LIMIT,
            f"{rows:,} rows: {peak_kb / MB:.0f} MB, {(peak_kb - few_kb) / MB:+.0f} MB", KIB,
        )  # fmt: skip


def _exported(app: Flask, kind: str, form: str) -> tuple[int, int]:
    """(rows, peak memory in KB) of one export."""
    config = app.extensions["vitrine"]
    where = {name: getattr(config, name) for name in ("instance_dir", "database_url", "media_dir")}
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(_export, where, kind, form).result()


def _export(where: dict[str, Any], kind: str, form: str) -> tuple[int, int]:
    app = create_app(**where, log_level="error")
    with app.app_context(), TemporaryFile() as file:
        rows = write(Wanted(kind, form), file)
    # Not getrusage: its peak is also that of the process which started this one.
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return rows, int(found[1])
