"""CSV and XLSX into raw records."""

import csv
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import IO, Any, Final

import openpyxl
from flask_babel import gettext as _
from lxml import etree
from openpyxl.utils.exceptions import InvalidFileException

from inventory.importing.records import (
    LONGEST_FIELD,
    MOST_ROWS,
    Reading,
    Record,
    add,
    encoding_of,
    folded,
    lines_of,
    number_text,
)
from inventory.importing.report import ImportRefused

LARGEST_UNPACKED_BYTES: Final = 200_000_000
MOST_COLUMNS: Final = 500
_PACKINGS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_DELIMITERS: Final = ",;\t|"
_DOCTYPE: Final = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


# What the reader of sheets raises on damaged ones is not one family.
_BROKEN_SHEET: Final = (
    InvalidFileException,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    etree.XMLSyntaxError,
    SyntaxError,
    LookupError,
    ArithmeticError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
    OSError,
    EOFError,
)


def csv_records(
    file: IO[bytes], reading: Reading, charset: str | None, known_columns: set[str]
) -> Iterator[Record]:
    encoding = encoding_of(file, charset)
    lines = _Lines(lines_of(file, encoding))
    first = next(lines, "")
    if "\x00" in first:
        raise ImportRefused(_("This is not a stock file: it holds no readable text."))
    start = 1
    delimiter = _declared_delimiter(first)
    if delimiter:
        first, start = next(lines, ""), 2
    if not first:
        raise ImportRefused(_("The file is empty."))
    delimiter = delimiter or _delimiter(first, known_columns)
    csv.field_size_limit(LONGEST_FIELD * 4)
    rows = csv.reader(_chained(first, lines), delimiter=delimiter)
    return _table_records(_csv_rows(rows, lines, start), reading)


class _Lines:
    """Lines that remember whether they ran out: a row that is still open then was cut short."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.ran_out = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        try:
            return next(self._lines)
        except StopIteration:
            self.ran_out = True
            raise


def _chained(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _declared_delimiter(line: str) -> str:
    match = re.match(r"sep=(.)\s*\Z", line, re.IGNORECASE)
    return match[1] if match else ""


def _delimiter(heading: str, known_columns: set[str]) -> str:
    """The one that cuts the heading into the most column names that we know."""

    def recognised(delimiter: str) -> int:
        row = next(csv.reader([heading], delimiter=delimiter), [])
        return sum(folded(cell.strip()) in known_columns for cell in row)

    return max(_DELIMITERS, key=recognised)


def _csv_rows(
    rows: Iterator[list[str]], lines: _Lines, start: int
) -> Iterator[tuple[int, list[str]]]:
    number = start
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            raise ImportRefused(_cut_short(number)) from None
        if lines.ran_out:
            raise ImportRefused(_cut_short(number))
        yield number, row
        number += 1


def _cut_short(number: int) -> str:
    return str(
        _(
            "The file ends inside a cell that begins in row %(row)s: it was cut short, or a "
            "quotation mark there is not closed.",
            row=number,
        )
    )


def _table_records(rows: Iterator[tuple[int, list[str]]], reading: Reading) -> Iterator[Record]:
    """The first row that holds anything names the columns."""
    heading = next(((number, row) for number, row in rows if any(map(str.strip, row))), None)
    if heading is None:
        raise ImportRefused(_("The file is empty."))
    written = [cell.strip().strip("\ufeff") for cell in heading[1]]
    if len(written) > MOST_COLUMNS:
        raise ImportRefused(_("The file has too many columns."))
    paths = [folded(name) for name in written]
    for path, name in zip(paths, written, strict=True):
        if path and path in reading.names:
            raise ImportRefused(_("Two columns are called %(name)s.", name=name))
        if path:
            reading.names[path] = name
    for number, row in rows:
        if any(cell and not cell.isspace() for cell in row):
            yield _table_record(number, row, paths, reading)


def _table_record(number: int, row: list[str], paths: list[str], reading: Reading) -> Record:
    record = Record(number, {})
    for path, cell in zip(paths, row, strict=False):
        if path:
            add(record, path, cell, reading)
    if any(cell.strip() for cell in row[len(paths) :]):
        record.problem = _("This row has more cells than the heading has columns.")
        record.problem_path = ""
    return record


def xlsx_records(file: IO[bytes], reading: Reading) -> Iterator[Record]:
    _refuse_hostile_archive(file)
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its size is not to be believed
    except _BROKEN_SHEET:
        raise ImportRefused(_("This Excel file cannot be read: it is damaged.")) from None
    return _table_records(_sheet_rows(sheet), reading)


def _sheet_rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    rows = enumerate(sheet.iter_rows(values_only=True), start=1)
    while True:
        try:
            number, row = next(rows)
        except StopIteration:
            return
        except _BROKEN_SHEET:
            raise ImportRefused(_("This Excel file cannot be read: it is damaged.")) from None
        if number > MOST_ROWS * 2:
            raise ImportRefused(_("The file has too many rows."))
        yield number, [_cell_text(value) for value in row]


def _cell_text(value: object) -> str:
    """A typed cell as its column's text would be. Numbers without float noise or grouping."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _refuse_hostile_archive(file: IO[bytes]) -> None:
    """No more bytes than we unpack, and no document types (entities) in its parts."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > 2_000 or sum(e.file_size for e in entries) > LARGEST_UNPACKED_BYTES:
                raise ImportRefused(_("This Excel file is too large."))
            if any(entry.compress_type not in _PACKINGS for entry in entries):
                raise ImportRefused(_("This Excel file cannot be read: it is damaged."))
            for entry in entries:
                if entry.filename.endswith((".xml", ".rels")):
                    with archive.open(entry) as part:
                        if _DOCTYPE.search(part.read(4096)):
                            raise ImportRefused(_("This Excel file cannot be read: it is damaged."))
    except _BROKEN_SHEET:
        raise ImportRefused(_("This Excel file cannot be read: it is damaged.")) from None
    file.seek(0)
