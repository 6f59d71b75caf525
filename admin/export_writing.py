"""Rows into files that spreadsheets open safely, in memory that does not grow with the rows.

Numbers stay numbers, days days; a text that a spreadsheet would run as a formula gets a `'` in
front, which the import takes off again (OWASP, CSV injection).
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Any, Final

import sqlalchemy as sa
from flask import current_app
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from core.clock import DEFAULT_ZONE
from core.db import db, writing
from core.storage import storage
from dealership import audit, export_files
from dealership.export_files import ExportFile
from inventory import exporting as stock
from inventory.importing.rows import FORMULA
from leads import exporting as leads

TELL_EVERY: Final = 1_000
LONGEST_CELL: Final = 32_767  # what a spreadsheet holds
FORMATS: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
BARE: Final = "telefone"  # E.164: a plus and digits, which the CSV of old leaves as they are
Row = list[Any]
Record = Callable[[], object]


@dataclass(frozen=True)
class Wanted:
    """What somebody wants to have written. `since`: leads asked for at that instant or later."""

    kind: str  # stock, leads
    format: str = "csv"  # csv, xlsx
    is_brazilian: bool = True  # commas and 31/12/2026 in the CSV
    is_private: bool = False  # plate, RENAVAM, chassis
    since: datetime | None = None
    store_ids: tuple[int, ...] | None = None

    def rows(self) -> Iterator[Row]:
        """The rows, the headings first."""
        if self.kind == "leads":
            return leads.export_rows(since=self.since, store_ids=self.store_ids)
        return stock.export_rows(is_private=self.is_private, store_ids=self.store_ids)

    def count(self) -> int:
        """How many rows there are, headings aside."""
        if self.kind == "leads":
            return leads.count_rows(since=self.since, store_ids=self.store_ids)
        return stock.count_rows(self.store_ids)

    def as_options(self) -> dict[str, Any]:
        """For the job; `from_options` is the way back."""
        return {
            "format": self.format,
            "is_brazilian": self.is_brazilian,
            "is_private": self.is_private,
            "since": self.since.isoformat() if self.since else None,
            "store_ids": None if self.store_ids is None else list(self.store_ids),
        }

    @classmethod
    def from_options(cls, kind: str, options: dict[str, Any]) -> "Wanted":
        """What `as_options` kept."""
        ids, since = options["store_ids"], options["since"]
        return cls(
            kind=kind,
            format=options["format"],
            is_brazilian=options["is_brazilian"],
            is_private=options["is_private"],
            since=datetime.fromisoformat(since) if since else None,
            store_ids=None if ids is None else tuple(ids),
        )


def write(wanted: Wanted, file: IO[bytes], tell: Callable[[int], object] | None = None) -> int:
    """Write the rows of `wanted` and return how many there were; `tell` hears how far it is."""
    rows = _counted(wanted.rows(), tell or (lambda _done: None))
    if wanted.format == "xlsx":
        return _write_xlsx(rows, file, wanted.kind)
    return _write_csv(rows, file, wanted.is_brazilian)


def _counted(rows: Iterable[Row], tell: Callable[[int], object]) -> Iterator[Row]:
    for number, row in enumerate(rows):
        yield row
        if number and number % TELL_EVERY == 0:
            tell(number)


def _write_csv(rows: Iterable[Row], file: IO[bytes], is_brazilian: bool) -> int:
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")  # the mark tells Excel the encoding
    out = csv.writer(text, delimiter=";", lineterminator="\r\n")
    heading: Row = []
    count = -1  # the heading is no row
    for row in rows:
        count += 1
        heading = heading or row
        out.writerow(
            [_csv_cell(name, value, is_brazilian) for name, value in zip(heading, row, strict=True)]
        )
    text.flush()
    text.detach()
    return max(0, count)


def _csv_cell(name: str, value: Any, is_brazilian: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        plain = f"{value:.2f}"
        return plain.replace(".", ",") if is_brazilian else plain
    if isinstance(value, datetime):
        here = value.astimezone(DEFAULT_ZONE)
        return f"{here:%d/%m/%Y %H:%M}" if is_brazilian else value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}" if is_brazilian else value.isoformat()
    return _safe(name, value) if isinstance(value, str) else str(value)


def _write_xlsx(rows: Iterable[Row], file: IO[bytes], title: str) -> int:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    heading: Row = []
    count = -1  # the heading is no row
    for row in rows:
        count += 1
        heading = heading or row
        sheet.append([_xlsx_cell(name, value) for name, value in zip(heading, row, strict=True)])
    book.save(file)
    return max(0, count)


def workbook(rows: Iterable[Sequence[Any]], title: str) -> bytes:
    """`rows`, the headings first, as an XLSX file; numbers stay numbers, nothing runs."""
    file = io.BytesIO()
    _write_xlsx(map(list, rows), file, title)
    return file.getvalue()


def _xlsx_cell(name: str, value: Any) -> Any:
    if isinstance(value, datetime):  # a sheet knows no zones
        return value.astimezone(DEFAULT_ZONE).replace(tzinfo=None)
    if isinstance(value, str):
        return _safe(name, ILLEGAL_CHARACTERS_RE.sub("", value))[:LONGEST_CELL]
    return value


def _safe(name: str, text: str) -> str:
    return f"'{text}" if name != BARE and FORMULA.match(text) else text


# --- in the background -----------------------------------------------------------------------


def write_export(payload: dict[str, Any]) -> Record | None:
    """Handler: write the file that somebody asked for."""
    file_id = str(payload["file_id"])
    asked = db.session.get(ExportFile, file_id)
    if asked is None or asked.state != "writing":
        return None
    wanted = Wanted.from_options(asked.kind, asked.options)
    db.session.rollback()
    key = f"export/{file_id}.{wanted.format}"
    with TemporaryFile() as file:
        rows = write(wanted, file, partial(_tell, file_id))
        db.session.rollback()
        size = file.tell()
        file.seek(0)
        storage().put_file(key, file, content_type=FORMATS[wanted.format], public=False)
    return partial(_ready, file_id, key, size, rows)


def _tell(file_id: str, done: int) -> None:
    """In a session of its own: this one is in the middle of reading the rows."""
    with current_app.app_context(), writing() as session:
        session.execute(
            sa.update(ExportFile).where(ExportFile.id == file_id).values(rows_done=done),
            execution_options={"synchronize_session": False},
        )


def _ready(file_id: str, key: str, size_bytes: int, rows: int) -> None:
    asked = db.session.get(ExportFile, file_id)
    if asked is None:  # its day was over before it was written
        return
    asked.state, asked.file_key, asked.size_bytes = "ready", key, size_bytes
    asked.rows_done = asked.rows_total = rows
    note = {"rows": rows, **asked.options}
    audit.record(
        asked.created_by, f"{asked.kind}.export", f"export:{file_id}", label=asked.file_name,
        after=note,
    )  # fmt: skip
    db.session.flush()


JOBS = {"write_export": write_export, **export_files.JOBS}
