"""What all readers share: a raw record, and bytes into text."""

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import IO, Final

from flask_babel import gettext as _

from core.text import fold
from inventory.importing.report import ImportRefused

LONGEST_FIELD: Final = 64 * 1024  # characters
LONGEST_LINE: Final = 4_000_000  # characters
MOST_ROWS: Final = 500_000
MOST_VALUES: Final = 5_000  # in one record
DEEPEST: Final = 50
_FALLBACK_ENCODING: Final = "cp1252"  # what Excel in Brazil writes
_MOJIBAKE: Final = re.compile("Ã[\u0080-\u00bf]|\ufffd")


@dataclass(slots=True)
class Record:
    """One vehicle as the file has it: folded path -> texts. `problem`: why the row cannot be used,
    with the path at fault where it is one."""

    number: int
    values: dict[str, list[str]]
    problem: str = ""
    problem_path: str = ""


@dataclass
class Reading:
    """What reading found out on the way: names as written by folded path, and broken accents."""

    names: dict[str, str] = field(default_factory=dict)
    has_broken_accents: bool = False

    def note(self, text: str) -> None:
        if not self.has_broken_accents and not text.isascii() and _MOJIBAKE.search(text):
            self.has_broken_accents = True


def add(record: Record, path: str, text: str, reading: Reading) -> None:
    """Add what stands at `path`. A text that is too long spoils the record, but the rest is read
    on: without its id the row's vehicle would count as missing from the file."""
    if len(text) > LONGEST_FIELD:
        record.problem = record.problem or _(
            "This text is longer than %(count)s characters.", count=LONGEST_FIELD
        )
        record.problem_path = record.problem_path or path
        return
    reading.note(text)
    record.values.setdefault(path, []).append(text)


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    return f"@{fold(name[1:])}" if name.startswith("@") else fold(name)


def number_text(number: float) -> str:
    """Two decimals at most: '1234.567' typed as a number must not read as a million."""
    if number != number or abs(number) >= 1e15:
        return str(number)
    return str(int(number)) if number == int(number) else f"{Decimal(str(number)):.2f}"


# --- bytes into text -------------------------------------------------------------------------


def bom_encoding(head: bytes) -> str | None:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:2000]
    if sample[1::2].count(0) > len(sample) // 4:
        return "utf-16-le"
    if sample[0::2].count(0) > len(sample) // 4:
        return "utf-16-be"
    return None


def encoding_of(file: IO[bytes], declared: str | None) -> str:
    """BOM, then what was declared (if the bytes agree), then UTF-8, then Windows-1252."""
    head = file.read(4096)
    file.seek(0)
    found = bom_encoding(head)
    candidates = [found] if found else [name for name in (declared, "utf-8") if name]
    for name in candidates:
        if decodes(file, name):
            return name
    return _FALLBACK_ENCODING


def decodes(file: IO[bytes], encoding: str) -> bool:
    try:
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        while chunk := file.read(1 << 20):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except (UnicodeError, LookupError):
        return False
    finally:
        file.seek(0)
    return True


def lines_of(file: IO[bytes], encoding: str) -> Iterator[str]:
    """The lines of `file` with their ends, as a table's reader wants them; bounded in length."""
    text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
    try:
        while line := text.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise ImportRefused(_("This file has no lines that can be read."))
            yield line
    finally:
        if not text.closed:  # the wrapper must not close what is not its own
            text.detach()
