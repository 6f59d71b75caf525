"""The rows that stayed out, as they were sent and with the reasons, to mend and send again."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

from flask_babel import gettext as _

from core.storage import NoSuchFile, storage
from core.text import clean_line
from inventory.importing import mapping, reading
from inventory.importing.records import Reading
from inventory.importing.report import Report
from inventory.importing.rows import FORMULA

MOST_BAD_ROWS: Final = 20_000
MOST_SHOWN: Final = 100  # rows of which the page shows the cells too
_CELLS: Final = 7
_LONGEST_CELL: Final = 40
Sent = dict[str, list[tuple[str, str]]]


def keep_bad_rows(
    key: str, path: Path, report: Report, known_columns: set[str] | None = None
) -> Sent:
    """Store the rejected rows of the file at `path` under `key`; nothing when there are none.
    `known_columns` tell the delimiter (default: those of a stock).

    Returns of the first rows, by number, the cells that tell a person which car it is and what
    is wrong: pairs of column and text, clipped."""
    reasons = {
        row.row: " / ".join(f"{p.column}: {p.reason}" if p.column else p.reason
                            for p in row.problems)
        for row in report.rejected[:MOST_BAD_ROWS]
    }  # fmt: skip
    if not reasons:
        return {}
    with path.open("rb") as file:
        names, rows = _read(file, report.format, reasons, known_columns)
    text = _as_csv(names, rows, reasons)
    storage().put(key, text.encode("utf-8-sig"), content_type="text/csv", public=False)
    wrong = {row.row: {p.column for p in row.problems} for row in report.rejected[:MOST_SHOWN]}
    return {
        str(number): _telling(names, cells, wrong[number])
        for number, cells in rows
        if number in wrong
    }


def _telling(names: list[str], cells: list[str], wrong: set[str]) -> list[tuple[str, str]]:
    """The wrong cells and the first others, in the order of the file."""
    filled = [(name, text) for name, text in zip(names, cells, strict=True)
              if text or name in wrong]  # fmt: skip
    room = max(0, _CELLS - sum(name in wrong for name, _text in filled))
    told = []
    for name, text in filled:
        if name in wrong or room:
            room -= name not in wrong
            told.append((name, clean_line(text, _LONGEST_CELL)))
    return told


def kept_bad_rows(key: str) -> bytes | None:
    """The rejected rows as CSV, or None when there are none (any more)."""
    try:
        with storage().open(key, public=False) as file:
            return file.read()
    except NoSuchFile:
        return None


def _read(
    file: IO[bytes], kind: str, reasons: Mapping[int, str], known_columns: set[str] | None
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The columns' names, and the rows that have a reason, by number."""
    family = {"csv": "table", "xlsx": "table", "xml": "xml"}.get(kind, "json")
    notes = Reading()
    records = reading.records_of(
        file,
        kind,
        notes,
        charset=None,
        known_columns=known_columns or mapping.known_columns(),
        record_names={name for one in mapping.dialects_of(family) for name in one.records},
    )
    bad = [record for record in records if record.number in reasons]
    rows = [
        (record.number, ["|".join(record.values.get(path, ())) for path in notes.names])
        for record in bad
    ]
    return list(notes.names.values()), rows


def _as_csv(names: list[str], rows: list[tuple[int, list[str]]], reasons: Mapping[int, str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([*map(_safe, names), _("reason")])
    for number, cells in rows:
        writer.writerow([*map(_safe, cells), _safe(reasons[number])])
    return out.getvalue()


def _safe(text: str) -> str:
    """A spreadsheet runs no formula out of it; the import takes the mark off again."""
    return f"'{text}" if FORMULA.match(text) else text
