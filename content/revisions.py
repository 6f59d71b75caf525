"""What changed between two revisions, for people to read: whole lines, then words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

SIDE_FIELDS: Final = frozenset({"pictures"})  # follow from the text
_WORD: Final = re.compile(r"\s+|[^\s]+")
MOST_WORDS: Final = 4000


@dataclass(frozen=True)
class Piece:
    """A run of text: kind is "same", "added" or "removed"."""

    kind: str
    text: str


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Piece]]:
    """Fields that differ, each with its pieces in reading order."""
    names = [name for name in (*after, *before) if name not in SIDE_FIELDS]
    found = {}
    for name in dict.fromkeys(names):
        old, new = _text(before.get(name)), _text(after.get(name))
        if old != new:
            found[name] = list(_pieces(old, new))
    return found


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("alt", ""))
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value or "")


def _pieces(old: str, new: str) -> Iterator[Piece]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    if len(before) + len(after) > MOST_WORDS:  # word by word would take seconds
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(before[a:b]))
            continue
        if b > a:
            yield Piece("removed", "".join(before[a:b]))
        if d > c:
            yield Piece("added", "".join(after[c:d]))
