"""What people type into a search engine, how often, and the page that answers it.

A table that staff bring as an export of Google Keyword Planner, SEMrush or KWFinder. Verbs flush.

DomainError
└── NotAKeywordTable    a file that is no such export, or too large
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import now
from core.db import Model, UtcDateTime, db
from core.errors import DomainError
from core.text import clean_line, fold
from inventory.importing.rows import FORMULA

MOST_KEYWORDS: Final = 5000
MOST_BYTES: Final = 5 * 1024 * 1024
MOST_COLUMNS: Final = 8
LONGEST: Final = 120
FIELDS: Final = ("text", "volume", "difficulty")
# Names of columns in the exports, folded; the first that matches wins.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "text": (
        "keyword", "palavra chave", "palavras chave", "termo de pesquisa", "query", "consulta",
    ),
    "volume": (
        "avg monthly searches", "media de pesquisas mensais", "med de pesquisas mensais",
        "search volume", "volume de busca", "volume de pesquisa", "volume", "impressoes",
    ),
    "difficulty": (
        "keyword difficulty", "kd", "kd %", "difficulty", "dificuldade da palavra chave",
        "dificuldade", "competition indexed value", "concorrencia valor indexado", "seo difficulty",
    ),
}  # fmt: skip
# Words that do not make two searches different.
_SMALL: Final = frozenset(
    ("a", "o", "as", "os", "de", "do", "da", "dos", "das", "em", "no", "na", "nos", "nas", "e")
) | {"para", "por", "com", "um", "uma"}
_AMOUNT: Final = re.compile(r"(\d+(?:[.,]\d+)*)\s*(mil|k|m|mi)?\b", re.IGNORECASE)


class NotAKeywordTable(DomainError, ValueError):
    """A file that is no table of keywords, or more than we take."""


class Keyword(Model):
    """One search. `volume` per month and `difficulty` from 0 to 100 where known; `path` is the
    page that answers, empty while none does."""

    __tablename__ = "keyword"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.String(120))
    folded: Mapped[str] = mapped_column(sa.String(120), unique=True)
    volume: Mapped[int | None]
    difficulty: Mapped[int | None]
    path: Mapped[str] = mapped_column(sa.String(200), default="", index=True)
    source: Mapped[str] = mapped_column(sa.String(60), default="")  # the file it came from
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


@dataclass(frozen=True)
class KeywordTable:
    """An export as read: headings and rows of text, and which column seems to hold what (by
    FIELDS; -1 when nothing does)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    guess: Mapping[str, int]


def read_table(data: bytes) -> KeywordTable:
    """The table in `data`: UTF-16 or UTF-8 or Windows-1252, tabs, semicolons or commas, with or
    without lines above its heading. Columns that can hold nothing we keep are left out beyond
    MOST_COLUMNS. Raises NotAKeywordTable."""
    if len(data) > MOST_BYTES:
        raise NotAKeywordTable(_("The file is too large: export at most 5,000 keywords."))
    lines = [line for line in _decoded(data).splitlines() if line.strip()]
    start = next((n for n, line in enumerate(lines[:15]) if _is_heading(line)), 0)
    if not lines:
        raise NotAKeywordTable(_("The file is empty."))
    rows = list(csv.reader(lines[start:], delimiter=_delimiter(lines[start])))
    heading = [clean_line(cell, 80) for cell in rows[0]]
    if len(rows) < 2:
        raise NotAKeywordTable(_("The file has a heading but no keyword below it."))
    if len(rows) > MOST_KEYWORDS + 1:
        raise NotAKeywordTable(_("The file is too large: export at most 5,000 keywords."))
    guess = {field: _guessed(field, heading) for field in FIELDS}
    kept = list(dict.fromkeys([n for n in guess.values() if n >= 0] + list(range(len(heading)))))
    kept = sorted(kept[:MOST_COLUMNS])
    return KeywordTable(
        tuple(heading[n] or _("Column %(n)s", n=n + 1) for n in kept),
        tuple(
            tuple(clean_line(row[n], LONGEST) if n < len(row) else "" for n in kept)
            for row in rows[1:]
        ),
        {field: kept.index(n) if n >= 0 else -1 for field, n in guess.items()},
    )


def _decoded(data: bytes) -> str:
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16", "replace")
    if data[1:20:2].count(0) > 5:  # UTF-16 without its mark
        return data.decode("utf-16-le", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _is_heading(line: str) -> bool:
    cells = next(csv.reader([line], delimiter=_delimiter(line)), [])
    return (_guessed("text", cells) >= 0 and len(cells) > 1) or _guessed("text", cells) == 0


def _delimiter(line: str) -> str:
    return max("\t;,", key=line.count)


def _guessed(field: str, heading: Sequence[str]) -> int:
    folded = [fold(cell) for cell in heading]
    for name in NAMES[field]:
        if fold(name) in folded:
            return folded.index(fold(name))
    return -1


def parse_volume(text: str) -> int | None:
    """Searches a month: "1.300", "1,300", "10K", "1 mil – 10 mil" (a span counts as its lower
    end). None when there is no number."""
    spans = [part.strip() for part in re.split(r"[–—-]", text) if part.strip()]
    found = _AMOUNT.search(spans[0]) if spans else None
    if not found:
        return None
    unit = (found[2] or "").lower()
    if not unit:
        return min(int(re.sub(r"[.,]", "", _whole(found[1]))), 10**9)
    factor = 1_000_000 if unit in {"m", "mi"} else 1000
    return min(int(float(found[1].replace(",", ".")) * factor), 10**9)


def _whole(number: str) -> str:
    """Without decimals: "45.0" is 45, "1.300" is 1300."""
    return re.sub(r"[.,]\d{1,2}\Z", "", number)


def parse_difficulty(text: str) -> int | None:
    """From 0 to 100: "45", "45,2", "45 %". None when there is no number."""
    found = re.search(r"\d{1,3}(?:[.,]\d+)?", text)
    return min(100, round(float(found[0].replace(",", ".")))) if found else None


# ---- verbs ----


def take_in(
    rows: Iterable[Sequence[str]], columns: Mapping[str, int], source: str
) -> tuple[int, int, int]:
    """Add or update the keywords in `rows`; `columns` says which column holds what. The page a
    keyword has stays. Returns how many are new, how many were there, how many rows held none.
    Raises NotAKeywordTable without a column of keywords, or when there would be too many."""
    if columns.get("text", -1) < 0:
        raise NotAKeywordTable(_("Say which column holds the keywords."))
    known = {keyword.folded: keyword for keyword in all_keywords()}
    new = seen = empty = 0
    touched: set[str] = set()
    for row in rows:
        text = clean_line(_cell(row, columns["text"]), LONGEST)
        folded = fold(text)[:LONGEST]
        if not folded:
            empty += 1
            continue
        keyword = known.get(folded)
        if keyword is None:
            keyword = known[folded] = Keyword(text=text, folded=folded, path="")
            db.session.add(keyword)
            new += 1
        elif folded not in touched:
            seen += 1
        touched.add(folded)
        _update(keyword, row, columns, source)
    if len(known) > MOST_KEYWORDS:
        raise NotAKeywordTable(_("That makes more than 5,000 keywords: delete some first."))
    db.session.flush()
    return new, seen, empty


def _update(keyword: Keyword, row: Sequence[str], columns: Mapping[str, int], source: str) -> None:
    volume = parse_volume(_cell(row, columns.get("volume", -1)))
    difficulty = parse_difficulty(_cell(row, columns.get("difficulty", -1)))
    keyword.volume = keyword.volume if volume is None else volume
    keyword.difficulty = keyword.difficulty if difficulty is None else difficulty
    keyword.source, keyword.updated_at = clean_line(source, 60), now()


def _cell(row: Sequence[str], place: int) -> str:
    return row[place] if 0 <= place < len(row) else ""


def give_page(keyword: Keyword, path: str) -> None:
    """`path` answers the keyword; empty: nothing does yet. Raises NotAKeywordTable for what is no
    address of this site."""
    wanted = clean_line(path, 200)
    if wanted and (not wanted.startswith("/") or wanted.startswith("//") or " " in wanted):
        raise NotAKeywordTable(_("Type an address of this site, such as /estoque."))
    keyword.path, keyword.updated_at = wanted, now()
    db.session.flush()


def remove(ids: Sequence[int]) -> list[dict[str, Any]]:
    """Delete these keywords; what they were."""
    rows = db.session.scalars(sa.select(Keyword).where(Keyword.id.in_(ids))).all()
    for row in rows:
        db.session.delete(row)
    db.session.flush()
    return [{"text": row.text, "path": row.path} for row in rows]


# ---- reading ----


def all_keywords() -> Sequence[Keyword]:
    """Every keyword, most searched first."""
    statement = sa.select(Keyword).order_by(
        sa.nulls_last(Keyword.volume.desc()), Keyword.folded, Keyword.id
    )
    return db.session.scalars(statement).all()


def family(text: str) -> frozenset[str]:
    """The words that make a search: without small words, plurals or order. Two searches of one
    family want one page."""
    words = [word for word in fold(text).split() if word not in _SMALL]
    return frozenset(_singular(word) for word in words)


def _singular(word: str) -> str:
    if len(word) < 4 or word.isdigit():
        return word
    if word.endswith("oes"):
        return word[:-3] + "ao"
    return word[:-2] if word.endswith(("res", "zes")) else word.removesuffix("s")


def as_csv(rows: Iterable[Sequence[str]]) -> str:
    """Rows as a CSV that Excel opens in Brazil; a cell never becomes a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";")
    for row in rows:
        writer.writerow([f"'{cell}" if FORMULA.match(cell) else cell for cell in row])
    return "\ufeff" + buffer.getvalue()
