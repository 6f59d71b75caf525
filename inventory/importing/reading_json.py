"""JSON and JSON lines into raw records, one vehicle at a time."""

import json
import re
from collections.abc import Generator, Iterator
from typing import IO, Any, Final

from flask_babel import gettext as _

from inventory.importing.records import (
    DEEPEST,
    MOST_VALUES,
    Reading,
    Record,
    add,
    encoding_of,
    folded,
    lines_of,
    number_text,
)
from inventory.importing.report import ImportRefused

LARGEST_JSON_BYTES: Final = 100_000_000


def _not_json(constant: str) -> Any:
    raise ValueError(constant)


def _json_float(text: str) -> str:
    return number_text(float(text))


_DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=_json_float, parse_constant=_not_json)
_SPACE: Final = re.compile(r"[ \t\r\n]*")


def _json_text(file: IO[bytes], charset: str | None) -> str:
    data = file.read(LARGEST_JSON_BYTES + 1)
    if len(data) > LARGEST_JSON_BYTES:
        raise ImportRefused(_("This file is too large."))
    file.seek(0)
    return data.decode(encoding_of(file, charset), "replace").lstrip("\ufeff")


def json_line_records(file: IO[bytes], reading: Reading, charset: str | None) -> Iterator[Record]:
    encoding = encoding_of(file, charset)
    for number, line in enumerate(lines_of(file, encoding), start=1):
        if not line.strip("\ufeff \t\r\n"):
            continue
        try:
            yield _json_record(number, _DECODER.decode(line.strip("\ufeff \t\r\n")), reading)
        except (ValueError, RecursionError):
            yield Record(number, {}, _("This line is not JSON."))


def json_records(
    file: IO[bytes], reading: Reading, charset: str | None, record_names: set[str]
) -> Iterator[Record]:
    """Decodes one vehicle at a time, and the envelope around them, to the closing bracket."""
    text = _json_text(file, charset)
    try:
        start = _skip(text, 0)
        end, has_list = yield from _json_value(text, start, reading, record_names, 0)
        if _skip(text, end) != len(text):
            raise ValueError
    except (ValueError, IndexError, RecursionError):
        raise ImportRefused(
            _("This JSON cannot be read: it is damaged or was cut short.")
        ) from None
    if not has_list:
        raise ImportRefused(_("This JSON holds no list of vehicles."))


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _json_value(
    text: str, position: int, reading: Reading, record_names: set[str], depth: int
) -> Generator[Record, None, tuple[int, bool]]:
    """Yields the vehicles of the list at `position` or inside the object there; returns where it
    ends and whether it was or held such a list."""
    if depth > DEEPEST:
        raise ValueError
    if text[position] == "[":
        end = yield from _json_list(text, position, reading)
        return end, True
    if text[position] != "{":
        _value, end = _DECODER.raw_decode(text, position)
        return end, False
    has_list = False
    position = _skip(text, position + 1)
    if text[position] == "}":
        return position + 1, False
    while True:
        key, position = _DECODER.raw_decode(text, position)
        position = _skip(text, position)
        if not isinstance(key, str) or text[position] != ":":
            raise ValueError
        position = _skip(text, position + 1)
        if folded(key) in record_names and text[position] in "[{" and not has_list:
            position, has_list = yield from _json_value(
                text, position, reading, record_names, depth + 1
            )
        else:
            _value, position = _DECODER.raw_decode(text, position)
        position = _skip(text, position)
        if text[position] == "}":
            return position + 1, has_list
        if text[position] != ",":
            raise ValueError
        position = _skip(text, position + 1)


def _json_list(text: str, position: int, reading: Reading) -> Generator[Record, None, int]:
    position = _skip(text, position + 1)
    if text[position] == "]":
        return position + 1
    number = 0
    while True:
        number += 1
        value, position = _DECODER.raw_decode(text, position)
        yield _json_record(number, value, reading)
        position = _skip(text, position)
        if text[position] == "]":
            return position + 1
        if text[position] != ",":
            raise ValueError
        position = _skip(text, position + 1)


def _json_record(number: int, value: object, reading: Reading) -> Record:
    record = Record(number, {})
    if not isinstance(value, dict):
        record.problem = _("This entry of the list is not a vehicle.")
        return record
    try:
        _flatten(value, "", "", record, reading, 0)
    except ValueError as error:
        record.problem = str(error)
    return record


def _flatten(
    value: Any, path: str, written: str, record: Record, reading: Reading, depth: int
) -> None:
    if depth > DEEPEST or len(record.values) > MOST_VALUES:
        raise ValueError(_("This vehicle has too many parts."))
    if isinstance(value, dict):
        for key, inner in value.items():
            inner_path = f"{path}/{folded(key)}" if path else folded(key)
            inner_written = f"{written}/{key}" if written else key
            reading.names.setdefault(inner_path, inner_written)
            _flatten(inner, inner_path, inner_written, record, reading, depth + 1)
    elif isinstance(value, list):
        if len(value) > MOST_VALUES:
            raise ValueError(_("This vehicle has too many parts."))
        if not value:
            record.values.setdefault(path, [])
        for inner in value:
            _flatten(inner, path, written, record, reading, depth + 1)
    elif isinstance(value, bool):
        add(record, path, "true" if value else "false", reading)
    else:
        add(record, path, "" if value is None else str(value), reading)
