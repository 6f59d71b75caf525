"""Words of names and of queries, in one form, and the index's vocabulary of them."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Final

from rapidfuzz.distance import DamerauLevenshtein

from core.text import fold

# An engine says "1.0", a price "80.000": the mark between digits is part of the word.
_DECIMAL: Final = re.compile(r"([0-9]+(?:[.,][0-9]+)+)")
_RUNS: Final = re.compile(r"[0-9]+|[^0-9]+")
SHORTEST_CORRECTED: Final = 4
LONGEST_QUERY: Final = 200  # characters; a search box holds no essay

# An attribute of a vehicle, ("trim", "1.0 LT"): the index keeps the set of its vehicles.
Key = tuple[str, str]


def words_of(text: str) -> list[str]:
    """The words of `text`, folded. Numbers keep their mark as a dot: 'Ônix 1,0' -> onix, 1.0."""
    words: list[str] = []
    for position, piece in enumerate(_DECIMAL.split(text)):
        if position % 2:
            words.append(piece.replace(",", "."))
        else:
            words.extend(fold(piece).split())
    return words


def split_runs(word: str) -> list[str]:
    """Letters and digits apart: 'hb20s' -> hb, 20, s. Decimal numbers stay whole."""
    return [word] if "." in word else _RUNS.findall(word)


def joined(words: Iterable[str]) -> str:
    """The words as one, the form in which 'HB 20', 'hb-20' and 'HB20' are equal."""
    return "".join(words)


@lru_cache(maxsize=50_000)
def index_words(text: str) -> tuple[str, ...]:
    """Every word under which something called `text` is found: its words, real neighbours
    joined ('t cross' -> tcross) and runs of letters and digits apart ('hb20' -> hb, 20)."""
    words = words_of(text)
    found = dict.fromkeys(words)
    for left, right in pairwise(words):
        if "." not in left and "." not in right:
            found[left + right] = None
    for word in words:
        for run in split_runs(word):
            found[run] = None
    return tuple(found)


class Vocabulary:
    """Which attributes each word names. Never changes; `extended` makes the next one."""

    def __init__(self, keys_of: Mapping[str, tuple[Key, ...]]) -> None:
        self.keys_of = keys_of

    def extended(self, texts: Mapping[Key, str]) -> "Vocabulary":
        """This vocabulary with the words of `texts` (attribute -> its text) added."""
        keys_of = dict(self.keys_of)
        for key, text in texts.items():
            for word in index_words(text):
                keys_of[word] = (*keys_of.get(word, ()), key)
        return Vocabulary(keys_of)

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.keys_of)

    def __contains__(self, word: str) -> bool:
        return word in self.keys_of

    def starting_with(self, prefix: str, limit: int = 200) -> list[str]:
        """Words that begin with `prefix`, at most `limit`, in order."""
        start = bisect_left(self._sorted, prefix)
        found = []
        for word in self._sorted[start : start + limit]:
            if not word.startswith(prefix):
                break
            found.append(word)
        return found


def nearest_word(word: str, candidates: Mapping[str, int]) -> str | None:
    """The candidate that `word` most likely misspells, or None; `candidates` maps words to how
    common they are. One slip in four or five letters, two from six on; a swap of neighbours is one
    slip (Damerau-Levenshtein). Equal distances: the same first letter, then the commoner word.
    """
    if len(word) < SHORTEST_CORRECTED or any(char.isdigit() for char in word):
        return None
    allowed = 1 if len(word) < 6 else 2
    best: tuple[int, bool, int, str] | None = None
    for candidate, commonness in candidates.items():
        if abs(len(candidate) - len(word)) > allowed or len(candidate) < 3:
            continue
        distance = DamerauLevenshtein.distance(word, candidate, score_cutoff=allowed)
        if distance > allowed or distance * 3 > len(word):
            continue
        if any(char.isdigit() for char in candidate):
            continue
        rank = (distance, candidate[0] != word[0], -commonness, candidate)
        if best is None or rank < best:
            best = rank
    return best[3] if best else None
