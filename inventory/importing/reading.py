"""Files into raw records: what stands in each row or node, not yet what it means.

Everything here expects a hostile or broken file. Structural faults (cut short, entities, bombs,
no text at all) refuse the file whole: half a stock read as a whole one would withdraw the rest.
"""

import json
from collections.abc import Iterator
from typing import IO, Final

from flask_babel import gettext as _

from inventory.importing.reading_json import json_line_records, json_records
from inventory.importing.reading_tables import csv_records, xlsx_records
from inventory.importing.reading_xml import xml_records
from inventory.importing.records import Reading, Record, bom_encoding
from inventory.importing.report import ImportRefused

KINDS: Final = ("csv", "xlsx", "xml", "json", "jsonl")


def kind_of(file: IO[bytes]) -> str:
    """One of KINDS, from the content: names and headers lie."""
    file.seek(0)
    head = file.read(64 * 1024)
    file.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return "xlsx"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise ImportRefused(_("This is an old Excel file (.xls). Save it as .xlsx or CSV."))
    start = _start_of_text(head)
    if start.startswith("<"):
        return "xml"
    if start.startswith("["):
        return "json"
    if start.startswith("{"):
        return "jsonl" if _is_json_line(start) else "json"
    return "csv"


def _start_of_text(head: bytes) -> str:
    return head.decode(bom_encoding(head) or "latin-1", "replace").lstrip("\ufeffï»¿ \t\r\n")


def _is_json_line(start: str) -> bool:
    """Whether the first line is a whole vehicle rather than (part of) an envelope of them."""
    first, _newline, rest = start.partition("\n")
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return False
    if rest.strip():
        return rest.lstrip().startswith("{")
    return not any(isinstance(inner, dict | list) for inner in value.values())


def records_of(
    file: IO[bytes],
    kind: str,
    reading: Reading,
    *,
    charset: str | None,
    known_columns: set[str],
    record_names: set[str],
) -> Iterator[Record]:
    """The records of `file`. `known_columns` tell the delimiter of a table, `record_names` the
    vehicles among XML nodes and JSON lists; both folded. Raises ImportRefused."""
    file.seek(0)
    if kind == "csv":
        return csv_records(file, reading, charset, known_columns)
    if kind == "xlsx":
        return xlsx_records(file, reading)
    if kind == "xml":
        return xml_records(file, reading, record_names)
    if kind == "jsonl":
        return json_line_records(file, reading, charset)
    return json_records(file, reading, charset, record_names)
