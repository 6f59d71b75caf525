"""How likely an entry of a portal's list is what we call a make, a model, a version or a colour.

Pure: names in, 0 to 100 out. 100 is the same thing written the same way. An entry that claims what
we do not say (a gearbox, a turbo, one more word of the version's name) never gets to the point of
being taken without a person: a car under a dearer version's name is an untrue advertisement.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

from core.text import fold
from integrators.portals.portal import Term
from inventory import vocabulary
from inventory.catalogue import canonical_make

SURE: Final = 80  # taken, if no other entry is as good
LIKELY: Final = 60  # taken, if the next one is far behind
AHEAD: Final = 15  # how far
APART: Final = 3  # two entries closer than this cannot be told apart, however sure

# What a difference leaves of the confidence. Below LIKELY: never without a person.
_CONTRADICTS: Final = 0.20
_CLAIMS_MORE: Final = 0.55
_MISSES: Final = 0.58
_SAYS_LESS: Final = 0.80
_ABBREVIATED: Final = 0.56
_HARDLY: Final = 0.97


@dataclass(frozen=True)
class Word:
    """One of our words: its key ("fiat/argo/drive-1-0"), the names it stands for from the make
    down, the model years and the number of the cars it is said of."""

    key: str
    names: tuple[str, ...]
    years: frozenset[int] = frozenset()
    cars: int = 0


@dataclass(frozen=True)
class Candidate:
    """An entry of the portal's list and how sure it is, 0 to 100."""

    term: Term
    confidence: int


def ranked(list_name: str, ours: Word, terms: Iterable[Term]) -> list[Candidate]:
    """`terms` by how likely they are `ours`, best first."""
    judge = _JUDGES.get(level_of(list_name), _judge_word)
    scored = ((judge(list_name, ours, term.name), term) for term in terms)
    ordered = sorted(scored, key=lambda pair: (-pair[0], pair[1].name, pair[1].code))
    return [Candidate(term, round(score * 100)) for score, term in ordered]


def taken(candidates: Sequence[Candidate]) -> Candidate | None:
    """The one that needs no person: sure and alone, or likely and far ahead. None otherwise."""
    if not candidates:
        return None
    best = candidates[0].confidence
    ahead = best - (candidates[1].confidence if len(candidates) > 1 else 0)
    is_clear = (best >= SURE and ahead >= APART) or (best >= LIKELY and ahead >= AHEAD)
    return candidates[0] if is_clear else None


def level_of(list_name: str) -> str:
    """make, model or trim for the lists that hang together ("moto_model" is a model's), else the
    list's own name."""
    last = list_name.rpartition("_")[2]
    return last if last in {"make", "model", "trim"} else list_name


# --- makes -----------------------------------------------------------------------------------

_KIN: Final = frozenset({frozenset({"caoachery", "chery"}), frozenset({"dodge", "ram"})})


def _judge_make(_list: str, ours: Word, theirs: str) -> float:
    mine, other = _compact(canonical_make(ours.names[-1])), _compact(canonical_make(theirs))
    if mine == other:
        return 1.0
    if frozenset({mine, other}) in _KIN:
        return _MISSES  # one firm, two signs: portals part them in their own ways
    return _likeness(mine, other)


# --- models ----------------------------------------------------------------------------------

_NEWER: Final = frozenset({"novo", "nova", "new"})
_SHAPES: Final = {"seda": "sedan", "hatchback": "hatch", "sw": "wagon", "perua": "wagon"}


def _judge_model(_list: str, ours: Word, theirs: str) -> float:
    make = _model_words(ours.names[0])
    mine, other = _model_words(ours.names[-1]), _model_words(theirs)
    if len(other) > len(make) and other[: len(make)] == make:
        other = other[len(make) :]
    if "".join(mine) == "".join(other):
        return 1.0
    score = 1.0
    for word in set(mine) - set(other):
        is_small = word in _NEWER or word in _SHAPES.values() or word == "hatch"
        score *= 0.85 if is_small else _MISSES
    for _word in set(other) - set(mine):
        score *= _CLAIMS_MORE
    return max(score, _likeness("".join(mine), "".join(other)))


@lru_cache(maxsize=20_000)
def _model_words(name: str) -> tuple[str, ...]:
    words = fold(name.replace("+", " plus ")).split()
    return tuple(_SHAPES.get(word, word) for word in words)


# --- versions --------------------------------------------------------------------------------

_PHRASES: Final = (
    ("cabine dupla", "cd"), ("cab dupla", "cd"), ("cab dup", "cd"), ("double cab", "cd"),
    ("cabine simples", "cs"), ("cab simples", "cs"), ("cab sim", "cs"),
    ("cabine estendida", "ce"), ("cab estendida", "ce"),
    ("dupla embreagem", "dct"), ("dual clutch", "dct"), ("s tronic", "dct"),
    ("i motion", "imotion"), ("easy r", "easyr"), ("easy tronic", "easytronic"),
    ("total flex", "flex"), ("flex power", "flex"), ("flex fuel", "flex"), ("plug in", "plugin"),
    ("direct shift", "cvt"), ("econo flex", "flex"),
    ("at 4", "at"), ("at 5", "at"), ("at 6", "at"), ("at 8", "at"), ("at 9", "at"),
)  # fmt: skip
_FACTS: Final[dict[str, tuple[str, str]]] = {
    word: (fact, value)
    for fact, values in {
        "fuel": {
            "flex": "flex iflex econoflex flexpower flexone totalflex hiflex flexfuel",
            "gasoline": "gasolina gas gasol",
            "ethanol": "alcool etanol",
            "diesel": "diesel dies die td tdi tdci cdi crdi multijet",
            "electric": "eletrico eletrica electric ev bev",
            "hybrid": "hybrid hibrido hibrida hev",
            "plugin": "plugin phev",
            "mild": "mhev",
            "cng": "gnv tetrafuel",
        },
        "gearbox": {
            "manual": "manual mec mecanico mecanica mt mt5 mt6 man",
            "automatic": "aut automatico automatica auto at at4 at5 at6 at8 at9 tiptronic "
            "steptronic tip geartronic",
            "cvt": "cvt xtronic multidrive multidrives ivt",
            "dct": "dct dsg pdk edc powershift stronic ddct",
            "automated": "automatizado automatizada dualogic imotion gsr easytronic easyr amt",
        },
        "drive": {
            "4x4": "4x4 awd 4wd quattro 4motion 4matic xdrive",
            "4x2": "4x2 2wd fwd",
        },
        "cab": {"double": "cd", "single": "cs", "extended": "ce"},
        "turbo": {"turbo": "turbo tb tbo turb tsi tfsi thp tgdi ecoboost"},
    }.items()
    for value, written in values.items()
    for word in written.split()
}  # fmt: skip
# Names of engines and bits of speech: whether they stand there or not tells no versions apart.
_ENGINE_TALK: Final = (
    "mpi mpfi mi efi sohc dohc vvt vvti vtec ivtec firefly evo etorq torq sigma tivct dual vhc vhce"
    " spe4 gdi msi sce d 4d ti vct i hi total power motor cil de com e c p portas porta pts dir ar"
    " km novo nova new"
)
_NOISE: Final = frozenset(_ENGINE_TALK.split())
_SHORT_FOR: Final = {
    "adv": "adventure", "advent": "adventure", "adventur": "adventure", "att": "attractive",
    "attra": "attractive", "attract": "attractive", "ess": "essence", "essen": "essence",
    "comf": "comfortline", "comfortl": "comfortline", "highl": "highline",
    "trendl": "trendline", "excl": "exclusive", "exclus": "exclusive",
    "expr": "expression", "auth": "authentique", "authent": "authentique",
    "dyn": "dynamique", "dynam": "dynamique", "priv": "privilege", "privil": "privilege",
    "ltd": "limited", "limit": "limited", "longit": "longitude", "trailh": "trailhawk",
    "titan": "titanium", "ultim": "ultimate", "volc": "volcano",
    "freed": "freedom", "ranc": "ranch",
}  # fmt: skip
_PIECE: Final = re.compile(r"\d+dot\d+|\d+x\d+|[a-z0-9]+")
_VALVES: Final = re.compile(r"(\d{1,2})v")
_DOORS: Final = re.compile(r"([2-5])(?:p|pts|portas)")
_POWER: Final = re.compile(r"(\d{2,3})(?:cv|hp)|(?:td?)?(\d{3})")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_CLOSE_GEARBOXES: Final = frozenset({"automatic", "cvt", "dct"})


@dataclass(frozen=True)
class _Version:
    """A version's name taken apart. `facts`: engine, valves, doors, fuel, gearbox …"""

    facts: dict[str, frozenset[str]]
    words: frozenset[str]
    years: tuple[int, int] | None


def _judge_trim(_list: str, ours: Word, theirs: str) -> float:
    mine, other = _version(ours.names[-1]), _version(theirs)
    # Portals repeat the model in front of the version; some sources do too.
    said = frozenset(word for name in ours.names[:-1] for word in fold(name).split())
    score = _years(other.years, ours.years)
    facts = mine.facts.keys() | other.facts.keys()
    if "diesel" in mine.facts.get("fuel", ()) and "diesel" in other.facts.get("fuel", ()):
        facts -= {"turbo"}  # all of them are
    for fact in facts:
        score *= _fact(fact, mine.facts.get(fact), other.facts.get(fact))
    return score * _names(mine.words - said, other.words - said)


def _names(mine: frozenset[str], other: frozenset[str]) -> float:
    missing, more, score = set(mine - other), set(other - mine), 1.0
    for short, long in sorted((a, b) for a in missing for b in more):
        if short in missing and long in more and _is_short_for(short, long):
            missing.discard(short)
            more.discard(long)
            score *= _ABBREVIATED
    return float(score * _MISSES ** len(missing) * _CLAIMS_MORE ** len(more))


def _is_short_for(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= 4 and long.startswith(short)


def _fact(name: str, mine: frozenset[str] | None, other: frozenset[str] | None) -> float:
    if mine == other:
        return 1.0
    if mine and other:
        if name == "gearbox" and mine | other <= _CLOSE_GEARBOXES:
            return 0.92  # "Aut." is said of all of them
        if name == "fuel" and (mine < other or other < mine):
            return _SAYS_LESS if other < mine else _CLAIMS_MORE
        return _CONTRADICTS
    return _ONE_SIDED[name](mine or frozenset(), other or frozenset())


def _plain(value: str, kept: float = _HARDLY) -> Callable[[frozenset[str], frozenset[str]], float]:
    """A fact one of whose values is what everybody means who says nothing."""
    return lambda mine, other: kept if mine | other == {value} else (
        _MISSES if mine else _CLAIMS_MORE
    )  # fmt: skip


_ONE_SIDED: Final[dict[str, Callable[[frozenset[str], frozenset[str]], float]]] = {
    "engine": lambda mine, _other: _SAYS_LESS if mine else _CLAIMS_MORE,
    "gearbox": _plain("manual", 0.94),
    "fuel": _plain("flex"),
    "drive": _plain("4x2"),
    "cab": lambda mine, _other: 0.9 if mine else _CLAIMS_MORE,
    "turbo": lambda mine, _other: _MISSES if mine else _CLAIMS_MORE,
    "valves": lambda _mine, _other: _HARDLY,
    "doors": lambda _mine, _other: 0.98,
    "power": lambda _mine, _other: 0.95,
}


def _years(theirs: tuple[int, int] | None, ours: frozenset[int]) -> float:
    if theirs is None or not ours:
        return 1.0
    inside = sum(theirs[0] <= year <= theirs[1] for year in ours)
    return 1.0 if inside == len(ours) else _CLAIMS_MORE if inside else _CONTRADICTS


@lru_cache(maxsize=20_000)
def _version(name: str) -> _Version:
    # A decimal point is all of the punctuation that means something.
    text = fold(re.sub(r"(\d)[.,](\d)", r"\1dot\2", name))
    for phrase, short in _PHRASES:
        text = re.sub(rf"\b{phrase}\b", short, text)
    text = re.sub(r"\b([2-5]) ?(?:portas|pts)\b", r"\1p", text)
    facts: dict[str, set[str]] = {}
    words: set[str] = set()
    years: list[int] = []
    for piece in _PIECE.findall(text):
        if _YEAR.fullmatch(piece):
            years.append(int(piece))
        else:
            _sort(piece, facts, words)
    if {"hybrid", "mild", "plugin"} & facts.get("fuel", set()):
        facts["fuel"].discard("gasoline")  # a hybrid drinks it anyway
    return _Version(
        {fact: frozenset(values) for fact, values in facts.items()},
        frozenset(words),
        (min(years), max(years)) if years else None,
    )


def _sort(piece: str, facts: dict[str, set[str]], words: set[str]) -> None:
    """Put one piece of a version's name where it belongs."""
    if piece in _FACTS:
        fact, value = _FACTS[piece]
        facts.setdefault(fact, set()).add(value)
    elif "dot" in piece:
        facts.setdefault("engine", set()).add(piece.replace("dot", "."))
    elif found := _VALVES.fullmatch(piece):
        facts.setdefault("valves", set()).add(found[1])
    elif found := _DOORS.fullmatch(piece):
        facts.setdefault("doors", set()).add("2" if found[1] in "23" else "4")
    elif found := _POWER.fullmatch(piece):
        facts.setdefault("power", set()).add(found[1] or found[2])
        if piece.startswith("t"):
            facts.setdefault("turbo", set()).add("turbo")
    elif piece not in _NOISE:
        words.add(_SHORT_FOR.get(piece, piece))


# --- words of the vocabulary -----------------------------------------------------------------


def _judge_word(list_name: str, ours: Word, theirs: str) -> float:
    """`ours` is a code of inventory.vocabulary where the list is named like a kind of it; else a
    word that an adapter made up, such as a motorcycle's "160" of cylinder capacity."""
    code = ours.names[-1]
    if list_name not in vocabulary.KINDS:
        return _judge_plain(_compact(code), _compact(theirs))
    if fold(theirs) == fold(vocabulary.public_value(list_name, code)):
        return 1.0
    if vocabulary.read_code(list_name, theirs) == code:
        return 0.85
    return _likeness(_compact(vocabulary.public_value(list_name, code)), _compact(theirs))


def _judge_plain(mine: str, other: str) -> float:
    if mine == other:
        return 1.0
    if mine.isdecimal() and other.isdecimal() and len(mine + other) < 20:
        low, high = sorted((int(mine), int(other)))
        return _MISSES * low / high if high else 0.0  # the nearest number, for a person to judge
    return _likeness(mine, other)


def _compact(name: str) -> str:
    return fold(name).replace(" ", "")


def _likeness(one: str, other: str) -> float:
    """A guess for people to look at, always below what is taken."""
    return SequenceMatcher(None, one, other).ratio() / 2


_JUDGES: Final = {"make": _judge_make, "model": _judge_model, "trim": _judge_trim}
