"""Raw records into typed rows: what each cell means, or why it means nothing, in plain words."""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from flask_babel import gettext as _
from rapidfuzz import process

from core.errors import DomainError
from core.money import parse_brl
from core.text import clean_line, clean_text, fold, parse_km
from inventory import identifiers, vocabulary
from inventory.importing.mapping import COLUMN_OF, LIST_FACTS, NUMBER_FACTS, Dialect
from inventory.importing.records import LONGEST_FIELD, Record
from inventory.importing.report import Problem

LOW_PRICE_CENTS: Final = 1_000_00
LONGEST_URL: Final = 2048
_LENGTHS: Final = {
    "source_id": 120, "source": 200, "store": 80, "make": 60, "model_name": 80, "trim": 120,
    "engine": 40, "video_url": 500,
}  # fmt: skip
_LONGEST_FEATURE: Final = 120
_CODED: Final = frozenset({"condition", "fuel", "transmission", "body", "color", "state"})
# An odd colour must not keep a car off the site; of the others a wrong or missing one misleads.
_MAY_BE_ODD: Final = frozenset({"color"})
_NOT_SAID: Final = frozenset({"", "nao informado", "nao informada", "n a", "n i", "null", "none"})
# Text where NULL has no place: clearing it makes it empty.
_TEXTS: Final = frozenset({"trim", "engine", "description", "video_url"})
# Facts that a vehicle cannot be without: an empty cell leaves them as they are.
_KEPT_WHEN_EMPTY: Final = frozenset({"condition", "state", "store", "source"})
# What a spreadsheet might run as a formula, also in full-width form; `'` in front disarms it.
FORMULA: Final = re.compile(r"'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_ENGLISH: Final = re.compile(r"\d{1,3}(?:,\d{3})+\.\d{1,2}\b|\d{1,3}(?:,\d{3}){2,}")
_BRAZILIAN: Final = re.compile(r"\.\d{3},\d{1,2}\b|,\d{1,2}\s*\Z")
_ENGLISH_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?:\D|\Z))")
_YEARS: Final = re.compile(r"(\d{4})(?:\.0)?(?:\s*[/-]\s*(\d{4}))?\Z")
_BREAKS: Final = re.compile(r"<\s*(?:br|/p|/li|/div)\b[^>]*>", re.IGNORECASE)
_TAGS: Final = re.compile(r"<[a-zA-Z/!][^<>]{0,500}>")
_YES: Final = frozenset({"1", "s", "sim", "true", "yes", "y"})
_NO: Final = frozenset({"0", "n", "nao", "false", "no"})


class CellRefused(DomainError):
    """A cell that means nothing; the sentence says why."""


@dataclass(slots=True)
class StockRow:
    """One vehicle of the file. `facts` by names of VehicleFacts (only those that the file has),
    `history` the flags it states; `store` as written, '' where not said; `names_source`: the row
    itself says where it came from, as our own export does."""

    number: int
    source_id: str = ""
    source: str = ""
    names_source: bool = False
    store: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    history: dict[str, bool] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


class Notation:
    """Which decimal mark the columns of one file use: told by the column, not by the cell.

    Only '12,345' alone is in doubt. It is thousands where its column writes '12,345.00' elsewhere
    and never '12.345,00'; otherwise it stays in doubt and its row is refused.
    """

    def __init__(self) -> None:
        self._english: set[str] = set()
        self._brazilian: set[str] = set()

    def see(self, path: str, text: str) -> None:
        if "," not in text:
            return
        if _ENGLISH.search(text):
            self._english.add(path)
        elif _BRAZILIAN.search(text):
            self._brazilian.add(path)

    def is_english(self, path: str) -> bool:
        return path in self._english and path not in self._brazilian


class RowReader:
    """Reads the records of one file by its dialect. `names`: columns as written by folded path."""

    def __init__(
        self, dialect: Dialect, names: Mapping[str, str], notation: Notation, *, is_table: bool
    ) -> None:
        self._dialect = dialect
        self._names = names
        self._notation = notation
        self._undoes_formulas = is_table and dialect.is_strict
        self._paths = {
            fact: tuple(path for path in paths if path in names)
            for fact, paths in dialect.facts.items()
            if any(path in names for path in paths)
        }

    def column_of(self, fact: str) -> str:
        """The column of `fact` as the file writes it; the published name where it has none."""
        paths = self._paths.get(fact)
        return self._names[paths[0]] if paths else COLUMN_OF.get(fact, fact)

    def read(self, record: Record) -> StockRow:
        """The typed row; what cannot be read stands in its `problems`."""
        row = StockRow(record.number)
        if record.problem:
            column = self._names.get(record.problem_path, "")
            row.problems.append(Problem(record.number, column, record.problem))
        for fact, paths in self._paths.items():
            texts = self._texts(record, fact, paths)
            if texts is not None:
                path, found = texts
                self._read_fact(row, fact, path, found)
        if not row.source_id and not any(
            p.column == self.column_of("source_id") for p in row.problems
        ):
            self._complain(row, "source_id", _("Every vehicle needs its own id."))
        return row

    def _texts(
        self, record: Record, fact: str, paths: tuple[str, ...]
    ) -> tuple[str, list[str]] | None:
        """Where the fact stands and what is written there, emptiness included; None: not there."""
        first: tuple[str, list[str]] | None = None
        gathered: list[str] = []
        for path in paths:
            values = record.values.get(path)
            if values is None:
                continue
            texts = [text for text in map(self._plain, values) if text]
            if fact in LIST_FACTS:
                gathered += texts
                first = first or (path, gathered)
            elif texts:
                return path, texts[:1]
            else:
                first = first or (path, [])
        return first

    def _plain(self, text: str) -> str:
        if self._undoes_formulas and text.startswith("'") and FORMULA.match(text):
            text = text[1:]
        return text.strip()

    def _read_fact(self, row: StockRow, fact: str, path: str, texts: list[str]) -> None:
        try:
            if fact == "features":
                self._read_features(row, texts)
            elif fact == "photo_addresses":
                self._read_photos(row, path, texts)
            elif fact == "armored":
                self._read_flag(row, fact, texts)
            elif not texts:
                self._clear(row, fact)
            elif fact in _CODED:
                self._read_word(row, fact, path, texts[0])
            else:
                self._set(row, fact, self._read_value(row, fact, path, texts[0]))
        except DomainError as error:
            row.problems.append(Problem(row.number, self._names[path], str(error)))

    def _clear(self, row: StockRow, fact: str) -> None:
        if fact in _KEPT_WHEN_EMPTY or fact == "source_id":
            return
        row.facts[fact] = "" if fact in _TEXTS or fact in {"make", "model_name"} else None

    def _set(self, row: StockRow, fact: str, value: Any) -> None:
        if fact in {"source_id", "source", "store"}:
            setattr(row, fact, value)
        elif value is not _LEFT_ALONE:
            row.facts[fact] = value

    def _read_value(self, row: StockRow, fact: str, path: str, text: str) -> Any:
        if fact in NUMBER_FACTS and self._notation.is_english(path):
            text = _ENGLISH_THOUSANDS.sub("", text)
        if self._dialect.has_html and ("&" in text or "<" in text):
            text = _without_html(text)
        if fact in _LENGTHS:
            return _line(text, _LENGTHS[fact]) if fact != "video_url" else web_address(text)
        value = _READERS[fact](text)
        if fact == "price_cents" and 0 < value < LOW_PRICE_CENTS:
            self._warn(row, fact, _("This price is under R$ 1.000. Is it right?"))
        if fact == "fipe_code" and not identifiers.fipe_digit_fits(value):
            self._warn(row, fact, _("The last digit of this FIPE code is unusual."))
        return value

    def _read_word(self, row: StockRow, fact: str, path: str, text: str) -> None:
        code = self._dialect.words.get(fact, {}).get(fold(text))
        if code is None:
            code = _word(fact, text)
        if code is None:
            reason = unknown_word(fact, text)
            is_needed = fact in {"condition", "state"}
            if is_needed or (self._dialect.is_strict and fact not in _MAY_BE_ODD):
                row.problems.append(Problem(row.number, self._names[path], reason))
                return
            row.warnings.append(
                Problem(row.number, self._names[path], reason + " " + _("It was left empty."))
            )
        if code:
            row.facts[fact] = code
        else:
            self._clear(row, fact)

    def _read_flag(self, row: StockRow, fact: str, texts: list[str]) -> None:
        folded = fold(texts[0]) if texts else ""
        if folded in _YES or folded in _NO:
            row.history[fact] = folded in _YES

    def _read_features(self, row: StockRow, texts: list[str]) -> None:
        features: dict[str, None] = {}
        for text in texts:
            for word in self._words(text):
                kind, code = _feature(word)
                if kind == "history":
                    row.history[code] = True
                else:
                    features[code] = None
        row.facts["features"] = list(features)

    def _words(self, text: str) -> list[str]:
        if self._dialect.is_strict:
            return _feature_words(text)
        text = _without_html(text)
        marks = next((mark for mark in ("|", ";", "\n", ",") if mark in text), "|")
        return _feature_words(text.replace(marks, "|"))

    def _read_photos(self, row: StockRow, path: str, texts: list[str]) -> None:
        addresses = []
        marks = r"\|" if self._dialect.is_strict else r"[|\n]|[,;]\s*(?=https?://)"
        parts = (part.strip() for text in texts for part in re.split(marks, text))
        for address in filter(None, parts):
            try:
                addresses.append(web_address(address))
            except CellRefused as refusal:
                if self._dialect.is_strict:
                    raise
                row.warnings.append(Problem(row.number, self._names[path], str(refusal)))
        row.facts["photo_addresses"] = list(dict.fromkeys(addresses))

    def _complain(self, row: StockRow, fact: str, reason: str) -> None:
        row.problems.append(Problem(row.number, self.column_of(fact), reason))

    def _warn(self, row: StockRow, fact: str, reason: str) -> None:
        row.warnings.append(Problem(row.number, self.column_of(fact), reason))


# --- single values ---------------------------------------------------------------------------

_LEFT_ALONE: Final = object()


def _line(text: str, limit: int) -> str:
    line = clean_line(text, LONGEST_FIELD)
    if len(line) > limit:
        raise CellRefused(_("This text is longer than %(count)s characters.", count=limit))
    return line


def _without_html(text: str) -> str:
    plain = html.unescape(_TAGS.sub(" ", _BREAKS.sub("\n", text)))
    return plain.strip()


@lru_cache(maxsize=10_000)
def _price(text: str) -> int:
    amount = re.sub(r"(?i)\s*(?:BRL|reais)\Z", "", text.strip())
    return parse_brl(amount)


def _promo_price(text: str) -> int | None:
    return _price(text) or None  # many systems write 0 for "no promotion"


@lru_cache(maxsize=10_000)
def _km(text: str) -> int:
    return parse_km(text)


@lru_cache(maxsize=1_000)
def _years(text: str) -> tuple[int, int]:
    match = _YEARS.match(text)
    if not match:
        raise CellRefused(_("This is not a year: %(text)s", text=clean_line(text, 40)))
    return int(match[1]), int(match[2] or match[1])


@lru_cache(maxsize=1_000)
def _date(text: str) -> date:
    for pattern, order in (
        (r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?\Z", (1, 2, 3)),
        (r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?: .*)?\Z", (3, 2, 1)),
    ):
        match = re.match(pattern, text)
        if match:
            try:
                return date(*(int(match[group]) for group in order))
            except ValueError:
                break
    raise CellRefused(_("This is not a date such as 31/12/2026: %(text)s",
                        text=clean_line(text, 40)))  # fmt: skip


@lru_cache(maxsize=1_000)
def _small_number(text: str) -> int:
    match = re.match(r"(\d{1,4})(?:[.,]0)?(?:\s*(?:portas?|p|cv|hp))?\Z", text, re.IGNORECASE)
    if not match:
        raise CellRefused(_("This is not a whole number: %(text)s", text=clean_line(text, 40)))
    return int(match[1])


def _plate(text: str) -> Any:
    # A masked plate tells nothing, and hides nothing that we know already.
    return _LEFT_ALONE if "*" in text else identifiers.normalise_plate(text)


def escaped(address: str) -> str:
    """An address without the characters that part addresses from each other."""
    return address.strip().replace(" ", "%20").replace("|", "%7C")


def web_address(text: str) -> str:
    """`text` as an address on the web, with what lists are parted by written as %7C. Raises
    CellRefused."""
    address = escaped(text)
    try:
        parts = urlsplit(address)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address or len(address) > LONGEST_URL or clean_line(address, LONGEST_URL) != address:
        raise CellRefused(
            _("This is not an address on the web: %(text)s", text=clean_line(text, 60))
        )
    return address


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "price_cents": _price,
    "promo_price_cents": _promo_price,
    "promo_until": _date,
    "mileage_km": _km,
    "built_year": lambda text: _years(text)[0],
    "model_year": lambda text: _years(text)[1],
    "doors": _small_number,
    "power_hp": _small_number,
    "license_plate": _plate,
    "renavam": identifiers.normalise_renavam,
    "vin": identifiers.normalise_vin,
    "fipe_code": identifiers.normalise_fipe_code,
    "description": lambda text: clean_text(text, LONGEST_FIELD),
}


@lru_cache(maxsize=10_000)
def _word(kind: str, text: str) -> str | None:
    """The code of a word, '' for "not said", None for one that nobody knows."""
    return "" if fold(text) in _NOT_SAID else vocabulary.read_code(kind, text)


def unknown_word(kind: str, text: str) -> str:
    """Why the word was not understood, with the nearest ones that would be."""
    ways = vocabulary.spellings(kind)
    near = process.extract(fold(text), list(ways), limit=6, score_cutoff=60)
    codes = list(dict.fromkeys(ways[way] for way, _score, _index in near))[:3]
    word = clean_line(text, 40)
    labels = ", ".join(
        str(vocabulary.label(kind, code)) for code in codes or vocabulary.codes(kind)
    )
    if codes:
        return str(_("Unknown word: %(word)s. Did you mean: %(labels)s?", word=word, labels=labels))
    return str(_("Unknown word: %(word)s. Use one of: %(labels)s.", word=word, labels=labels))


def _feature_words(text: str) -> list[str]:
    return [word for part in text.split("|") if (word := clean_line(part, _LONGEST_FEATURE))]


@lru_cache(maxsize=10_000)
def _feature(word: str) -> tuple[str, str]:
    """('feature' or 'history', code): history for facts such as a single owner."""
    code = vocabulary.read_code("feature", word)
    if code:
        return "feature", code
    code = vocabulary.read_code("history", word)
    return ("history", code) if code else ("feature", word)


def features_as_read(features: list[str]) -> list[str]:
    """Stored features as an export and import would give them back."""
    read = [_feature(word) for feature in features for word in _feature_words(feature)]
    return list(dict.fromkeys(code for kind, code in read if kind == "feature"))
