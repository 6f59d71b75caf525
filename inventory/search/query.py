"""Reads what a buyer typed: "carro automático até 80 mil" becomes filters, the rest stays text.

In this order: amounts, distances and years by their grammar; spelling slips mended; then the
longest phrases that name a make, a model, a place or a word of the trade. A reading never widens
what the buyer chose by hand: where it contradicts a choice, the word stays text.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

from flask_babel import gettext as _
from pyroaring import BitMap

from core.clock import now
from core.money import format_brl
from core.text import format_km
from inventory import vocabulary
from inventory.catalogue import MAKE_ALIASES
from inventory.search import synonyms
from inventory.search.engine import Snapshot
from inventory.search.labels import sort_label, value_label
from inventory.search.offer_filter import DEFAULT_SORT, FIELD_OF_FACET, Chip, OfferFilter
from inventory.search.text import (
    LONGEST_QUERY,
    joined,
    nearest_word,
    split_runs,
    words_of,
)

LONGEST_PHRASE: Final = 6  # words
_OLDEST_YEAR: Final = 1950
_LEAST_PRICE: Final = 1_000  # reais: less is an instalment or an engine
_MOST_PRICE: Final = 100_000_000
_REFUSAL: Final = "sem"
_TAKEN: Final = "|"  # stands where words were read already, so that no phrase reaches across


class Meaning(NamedTuple):
    """What a phrase says: `values` of the facet `part`; or of "fact", "sort"."""

    part: str
    values: tuple[str, ...]


@dataclass
class Reading:
    """A text, understood. `filter` has what was read in its fields and the rest in `text`."""

    filter: OfferFilter
    by_hand: OfferFilter = field(default_factory=OfferFilter)  # before any reading
    chips: list[Chip] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # stayed text
    corrected: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)

    def take(self, changes: Mapping[str, Any], chip: Chip) -> None:
        """Note one constraint that was read."""
        self.filter = replace(self.filter, **changes)
        self.chips.append(chip)


def read(wanted: OfferFilter, stock: Snapshot) -> Reading:
    """`wanted` with its text understood against the words that `stock` knows."""
    reading = Reading(replace(wanted, text=""), by_hand=wanted)
    text = _read_amounts(_prepared(wanted.text[:LONGEST_QUERY]), reading)
    tokens = _mended(text.split(), stock, reading)
    _read_phrases(tokens, stock, reading)
    reading.filter = replace(reading.filter, text=" ".join(reading.words))
    return reading


def _prepared(text: str) -> str:
    """Folded words, single spaces; a sign that means something becomes a word."""
    text = re.sub(r"[rR]\s?\$", " reais ", text)
    text = re.sub(r"(?<=[0-9])\s*\+", " oumais ", text)
    return " ".join(words_of(text))


# --- amounts, distances, years -------------------------------------------------------------

_NUMBER: Final = r"(?P<{0}>[0-9]+(?:\.[0-9]+)*) ?(?P<{0}_unit>mil|k|milhoes|milhao|mi)?\b"
_UP_TO: Final = (
    r"(?:(?:por |com |de |custando )?"
    r"(?:(?:no )?maximo(?: de)?|max|ate(?: no maximo)?(?: o| os)?|abaixo (?:de|dos)|"
    r"menos (?:de|que)|menor(?:es)? (?:de|que)|inferior a|limite(?: de)?))"
)
_FROM: Final = (
    r"(?:(?:por |com |de )?"
    r"(?:a partir d[eo]s?|acima d[eo]s?|mais (?:de|que)|maior(?:es)? que|superior a|desde|"
    r"(?:no )?minimo(?: de)?|min|depois de))"
)
_KM: Final = r"(?:kms?|quilometros?|quilometragem|rodados?|km rodados?)"
_MONEY: Final = r"(?:reais )?"


def _rule(pattern: str) -> re.Pattern[str]:
    filled = pattern.replace("<A>", _NUMBER.format("a")).replace("<B>", _NUMBER.format("b"))
    filled = filled.replace("<UPTO>", _UP_TO).replace("<FROM>", _FROM).replace("<KM>", _KM)
    return re.compile(rf"(?<![^ ]){filled.replace('<R>', _MONEY)}(?![^ ])")


def _read_amounts(text: str, reading: Reading) -> str:
    """Take every amount out of `text`, each replaced by a mark."""
    for pattern, reader in _RULES:
        position = 0
        while match := pattern.search(text, position):
            if reader(match, reading):
                text = f"{text[: match.start()]}{_TAKEN}{text[match.end() :]}"
                position = match.start() + 1
            else:
                position = match.start() + 1
    return text


def _amount(match: re.Match[str], name: str, unit: str | None = None) -> float | None:
    """The number called `name`: '80.000' and '80 mil' are 80000, '80.5 mil' is 80500. None when
    its dots make no sense."""
    unit = match[f"{name}_unit"] or unit
    groups = match[name].split(".")
    whole, decimals = groups, ""
    if len(groups) > 1 and len(groups[-1]) <= 2:
        whole, decimals = groups[:-1], groups[-1]
    if any(len(group) != 3 for group in whole[1:]) or len("".join(whole)) > 12:
        return None
    value = float(f"{''.join(whole)}.{decimals or '0'}")
    factor = {"mil": 1_000, "k": 1_000, "milhao": 1e6, "milhoes": 1e6, "mi": 1e6}.get(unit or "", 1)
    return value if factor == 1_000 and value >= 10_000 else value * factor


def _year(match: re.Match[str], name: str) -> int | None:
    """The number called `name` if it can be a model year."""
    if match[f"{name}_unit"] or not re.fullmatch(r"[0-9]{4}", match[name]):
        return None
    year = int(match[name])
    return year if _OLDEST_YEAR <= year <= now().year + 2 else None


def _price(match: re.Match[str], name: str, unit: str | None = None) -> int | None:
    """Cents; a bare number below a thousand means thousands: nobody sells a car for R$ 80."""
    reais = _amount(match, name, unit)
    if reais is None or (
        reais != int(reais) and not (match[f"{name}_unit"] or unit) and reais < 10
    ):
        return None
    if 5 <= reais < _LEAST_PRICE:
        reais *= 1_000
    return round(reais * 100) if _LEAST_PRICE <= reais <= _MOST_PRICE else None


def _ignore(match: re.Match[str], reading: Reading) -> bool:
    reading.ignored.append(match[0])
    return True


def _at_most_km(match: re.Match[str], reading: Reading) -> bool:
    km = _amount(match, "a")
    if km is None or km > 10_000_000:
        return False
    if km == 0:
        return _apply(Meaning("condition", ("new",)), match[0], reading)
    bound = min(int(km), reading.filter.mileage_max_km or int(km))
    chip = Chip("mileage_max_km", str(bound), _("Up to %(km)s", km=format_km(bound)), match[0])
    reading.take({"mileage_max_km": bound}, chip)
    return True


def _between(match: re.Match[str], reading: Reading) -> bool:
    first, last = _year(match, "a"), _year(match, "b")
    if first and last:
        return _years(min(first, last), max(first, last), match[0], reading)
    unit = match["b_unit"]
    low, high = _price(match, "a", unit), _price(match, "b")
    if low is None or high is None or low > high:
        return False
    return _prices(low, high, match[0], reading)


def _at_most(match: re.Match[str], reading: Reading) -> bool:
    year = _year(match, "a")
    if year and "reais" not in match[0]:
        return _years(None, year, match[0], reading)
    price = _price(match, "a")
    return price is not None and _prices(None, price, match[0], reading)


def _at_least(match: re.Match[str], reading: Reading) -> bool:
    year = _year(match, "a")
    if year and "reais" not in match[0]:
        return _years(year, None, match[0], reading)
    price = _price(match, "a")
    return price is not None and _prices(price, None, match[0], reading)


def _year_and_up(match: re.Match[str], reading: Reading) -> bool:
    year = _year(match, "a")
    return year is not None and _years(year, None, match[0], reading)


def _built_and_model(match: re.Match[str], reading: Reading) -> bool:
    """'2015/2016' is how Brazil writes built and model year."""
    built, model = _year(match, "a"), _year(match, "b")
    if not built or not model or model - built not in {0, 1}:
        return False
    return _years(model, model, match[0], reading)


def _budget(match: re.Match[str], reading: Reading) -> bool:
    price = _price(match, "a")
    return price is not None and _prices(None, price, match[0], reading)


def _prices(low: int | None, high: int | None, words: str, reading: Reading) -> bool:
    before = reading.filter
    low = _tighter(max, low, before.price_min_cents)
    high = _tighter(min, high, before.price_max_cents)
    label = price_label(low, high)
    part = "price_max_cents" if high is not None else "price_min_cents"
    reading.take({"price_min_cents": low, "price_max_cents": high}, Chip(part, "", label, words))
    return True


def _years(low: int | None, high: int | None, words: str, reading: Reading) -> bool:
    before = reading.filter
    low = _tighter(max, low, before.year_min)
    high = _tighter(min, high, before.year_max)
    part = "year_min" if low is not None else "year_max"
    reading.take({"year_min": low, "year_max": high}, Chip(part, "", year_label(low, high), words))
    return True


def _tighter(
    choose: Callable[[int, int], int], read_bound: int | None, chosen: int | None
) -> int | None:
    if read_bound is None or chosen is None:
        return chosen if read_bound is None else read_bound
    return choose(read_bound, chosen)


def price_label(low: int | None, high: int | None) -> str:
    """A price range in words; cents."""
    if low is None:
        return str(_("Up to %(price)s", price=format_brl(high or 0)))
    if high is None:
        return str(_("From %(price)s", price=format_brl(low)))
    return str(_("%(low)s to %(high)s", low=format_brl(low), high=format_brl(high)))


def year_label(low: int | None, high: int | None) -> str:
    """A range of model years in words."""
    if low is None:
        return str(_("Up to %(year)s", year=high))
    if high is None:
        return str(_("From %(year)s on", year=low))
    return str(low) if low == high else str(_("%(low)s to %(high)s", low=low, high=high))


Reader = Callable[[re.Match[str], Reading], bool]
_MONTHLY: Final = r"(?:reais )?(?:por mes|ao mes|mes|mensais|mensal|mensalidade)"
_RULES: Final[tuple[tuple[re.Pattern[str], Reader], ...]] = (
    # What a month may cost depends on the down payment: the simulator answers that, not a filter.
    (_rule(rf"(?:(?:<UPTO>|<FROM>|de|por) )?(?:parcelas? (?:de )?)?<R><A> {_MONTHLY}"), _ignore),
    (_rule(r"(?:parcelas?|prestacao|prestacoes) (?:de |<UPTO> )*<R><A>(?: reais)?"), _ignore),
    (_rule(r"(?:com )?entrada (?:de |<UPTO> )?<R><A>(?: reais)?"), _ignore),
    (_rule(r"(?:com )?<R><A> (?:reais )?de entrada"), _ignore),
    (_rule(r"<FROM> <A> ?<KM>"), _ignore),
    (_rule(r"(?:(?:<UPTO>|com|de) )?<A> ?<KM>"), _at_most_km),
    (_rule(r"<KM> <UPTO> <A>"), _at_most_km),
    (_rule(r"(?:entre |de |faixa de )?<R><A> (?:reais )?(?:a|ate|e|ou) (?:os )?<R><B>(?: reais)?"),
     _between),
    (_rule(r"<UPTO> <R><A>(?: reais)?"), _at_most),
    (_rule(r"<FROM> <R><A>(?: reais)?"), _at_least),
    (_rule(r"(?:ano |de )?<A> (?:em diante|pr?a cima|para cima|pra frente|para frente|oumais|"
           r"ou mais(?: novos?)?|ou superior)"), _year_and_up),
    (_rule(r"(?:ano |de )?<A> <B>"), _built_and_model),
    (_rule(r"(?:por |de )?reais <A>"), _budget),
    (_rule(r"(?:por |de )?<A> reais"), _budget),
    (_rule(r"(?:por |de )?(?P<a>[0-9]+(?:\.[0-9]+)?) ?(?P<a_unit>mil|k)"), _budget),
)  # fmt: skip


# --- spelling ------------------------------------------------------------------------------


def _mended(tokens: list[str], stock: Snapshot, reading: Reading) -> list[str]:
    """`tokens` with letters and digits parted where only that is known, and slips mended."""
    known = _known_words(stock)
    phrases = _phrases(stock)
    mended: list[str] = []
    for place, token in enumerate(tokens):
        neighbours = (
            joined(tokens[max(0, place - 1) : place + 1]), joined(tokens[place : place + 2])
        )  # fmt: skip
        if _is_known(token, known, phrases) or any(
            pair != token and (pair in phrases or pair in known) for pair in neighbours
        ):
            mended.append(token)
            continue
        runs = split_runs(token)
        if len(runs) > 1 and all(_is_known(run, known, phrases) for run in runs):
            mended.extend(runs)
            continue
        if place == len(tokens) - 1 and _completions(token, stock):
            mended.append(token)
            continue
        better = _nearest(token, stock)
        if better:
            reading.corrected[token] = better
        mended.append(better or token)
    return mended


def _is_known(token: str, known: Mapping[str, int], phrases: Mapping[str, Meaning]) -> bool:
    return (
        token == _TAKEN
        or token in known
        or token in phrases
        or token in synonyms.FILLERS
        or (token.endswith("s") and token[:-1] in phrases)
        or _is_year(token)
    )


def _completions(token: str, stock: Snapshot) -> list[str]:
    """Words of cars in stock that begin with `token`."""
    if len(token) < 2:
        return []
    return [word for word in stock.vocabulary.starting_with(token) if stock.with_word(word)]


def _nearest(token: str, stock: Snapshot) -> str | None:
    cache: dict[str, str | None] = stock.memory.setdefault("corrections", {})
    if token not in cache:
        if len(cache) > 5_000:
            cache.clear()
        cache[token] = nearest_word(token, _known_words(stock))
    return cache[token]


def _known_words(stock: Snapshot) -> Mapping[str, int]:
    """Every word that finds or means something, with how common it is."""
    known: dict[str, int] | None = stock.memory.get("known_words")
    if known is None:
        sizes = {
            (kind, value): len(slots)
            for kind, values in stock.attributes.items()
            for value, slots in values.items()
        }
        known = {}
        for word, keys in stock.vocabulary.keys_of.items():
            size = sum(sizes.get(key, 0) for key in keys)
            if size:
                known[word] = size
        for word in _trade_words():
            known.setdefault(word, 0)
        for alias, (_part, values) in _name_phrases(stock).items():
            known.setdefault(alias, sizes.get(("make", values[0]), 0))
        stock.memory["known_words"] = known
    return known


# --- phrases -------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _trade_phrases() -> dict[str, Meaning]:
    """Words of the trade, joined: 'tetosolar' -> feature sunroof."""
    phrases: dict[str, Meaning] = {}
    for phrase, order in synonyms.ORDERS.items():
        phrases[joined(words_of(phrase))] = Meaning("sort", (order,))
    for phrase, (part, values) in synonyms.WIDE.items():
        phrases.setdefault(joined(words_of(phrase)), Meaning(part, values))
    for kind in ("condition", "body", "transmission", "fuel", "color", "feature", "history"):
        part = "fact" if kind == "history" else kind
        for spelling, code in vocabulary.spellings(kind).items():
            words = words_of(spelling)
            for key in (joined(words), joined(_singular(word) for word in words)):
                if key not in synonyms.NEVER:
                    phrases.setdefault(key, Meaning(part, (code,)))
    return phrases


@lru_cache(maxsize=1)
def _trade_words() -> frozenset[str]:
    """The single words of those phrases that a slip may be mended to."""
    words: set[str] = set()
    for kind in ("condition", "body", "transmission", "fuel", "color", "feature", "history"):
        for code in vocabulary.codes(kind):
            words.update(words_of(vocabulary.public_value(kind, code)))
    words.update(word for phrase in synonyms.WIDE for word in words_of(phrase))
    words.update(word for phrase in synonyms.ORDERS for word in words_of(phrase))
    return frozenset(word for word in words if len(word) > 2)


def _name_phrases(stock: Snapshot) -> dict[str, Meaning]:
    """Makes, models, cities and stores in stock, joined: 'hb20' -> model hyundai/hb20."""
    names: dict[str, Meaning] | None = stock.memory.get("name_phrases")
    if names is not None:
        return names
    names = {}
    for part in ("store", "city", "make"):
        for value in stock.attributes[part]:
            for way in (stock.labels.get((part, value), ""), value):
                names[joined(words_of(way))] = Meaning(part, (value,))
    makes = {joined(words_of(stock.labels.get(("make", value), value))): value
             for value in stock.attributes["make"]}  # fmt: skip
    for alias, name in MAKE_ALIASES.items():
        make = makes.get(joined(words_of(name)))
        if make is not None:
            names.setdefault(alias, Meaning("make", (make,)))
    for value in stock.attributes["model"]:
        key = joined(words_of(stock.labels.get(("model", value), "")))
        same = names.get(key)
        others = same.values if same and same.part == "model" else ()
        names[key] = Meaning("model", (*others, value))
    names.pop("", None)
    stock.memory["name_phrases"] = names
    return names


def _phrases(stock: Snapshot) -> Mapping[str, Meaning]:
    phrases: dict[str, Meaning] | None = stock.memory.get("phrases")
    if phrases is None:
        phrases = stock.memory["phrases"] = {**_trade_phrases(), **_name_phrases(stock)}
    return phrases


def _read_phrases(tokens: list[str], stock: Snapshot, reading: Reading) -> None:
    """Take the longest phrases out of `tokens`; what is left becomes text or is dropped."""
    years: list[str] = []
    named: list[tuple[Meaning, str]] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token == _TAKEN:
            place += 1
            continue
        is_refused = token == _REFUSAL and place + 1 < len(tokens)
        meaning, length = _longest(tokens, place + is_refused, stock)
        if meaning is None:
            _note_plain(token, years, reading)
            place += 1
            continue
        place += is_refused
        words = " ".join(tokens[place : place + length])
        place += length
        if is_refused:
            reading.ignored.append(f"{_REFUSAL} {words}")
        elif _is_year(words) and meaning.part == "model":
            years.append(words)
        else:
            named.append((meaning, words))
    _take_named(named, stock, reading)
    _take_years(years, stock, reading)


def _longest(tokens: list[str], place: int, stock: Snapshot) -> tuple[Meaning | None, int]:
    phrases = _phrases(stock)
    for length in range(min(LONGEST_PHRASE, len(tokens) - place), 0, -1):
        window = tokens[place : place + length]
        if _TAKEN in window or (length > 1 and window[-1] in {"e", "ou", "com", "de"}):
            continue
        for key in (joined(window), joined(_singular(word) for word in window)):
            meaning = phrases.get(key)
            if meaning is None or (length == 1 and not _is_meant(key, meaning, stock)):
                continue
            return meaning, length
    return None, 0


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def _is_meant(word: str, meaning: Meaning, stock: Snapshot) -> bool:
    """A single word that is also part of a trim's name is that, unless it is unmistakable."""
    if meaning.part in {"make", "model", "city", "store"}:
        return True
    return word not in synonyms.WEAK or not stock.with_title_word(word)


def _note_plain(token: str, years: list[str], reading: Reading) -> None:
    if _is_year(token):
        years.append(token)
    elif token not in synonyms.FILLERS and token != _REFUSAL:
        reading.words.append(token)


def _is_year(token: str) -> bool:
    return bool(re.fullmatch(r"(?:19[5-9]|20[0-9])[0-9]", token)) and int(token) <= now().year + 2


def _take_named(named: list[tuple[Meaning, str]], stock: Snapshot, reading: Reading) -> None:
    """Makes before models, so that a model of a make that was named too means that make's."""
    wanted_makes = set(reading.filter.makes) | {
        value for meaning, _words in named if meaning.part == "make" for value in meaning.values
    }
    # "vw gol" names the make only to say which model: the model alone says it all.
    rank = {"make": 0, "model": 1}
    for meaning, words in sorted(named, key=lambda item: rank.get(item[0].part, 2)):
        if meaning.part == "fact":
            public = vocabulary.public_value("history", meaning.values[0])
            reading.words.extend(words_of(public))
            continue
        if meaning.part == "model" and wanted_makes:
            of_makes = tuple(
                value for value in meaning.values if value.partition("/")[0] in wanted_makes
            )
            wanted = Meaning("model", of_makes or meaning.values)
        else:
            wanted = meaning
        if not _apply(wanted, words, reading, stock):
            reading.words.extend(words.split())


def _take_years(years: list[str], stock: Snapshot, reading: Reading) -> None:
    """'2008' is a year, unless it can only be the Peugeot; alone it may be either."""
    for word in years:
        models = [
            value
            for value in stock.models_called(word)
            if value.partition("/")[0] in reading.filter.makes
        ]
        if models and not reading.filter.models:
            _apply(Meaning("model", tuple(models)), word, reading, stock)
        elif not models and stock.models_called(word) and not (
            reading.filter.makes or reading.filter.models
        ):  # fmt: skip
            reading.words.append(word)
        else:
            year = int(word)
            bounds = (reading.filter.year_min, reading.filter.year_max)
            if bounds == (None, None):
                _years(year, year, word, reading)
            elif bounds != (year, year):  # "2015 2018": any of them
                low = min(year, bounds[0] or year)
                high = max(year, bounds[1] or year)
                reading.filter = replace(reading.filter, year_min=low, year_max=high)
                reading.chips[:] = [chip for chip in reading.chips if chip.part != "year_min"]
                reading.chips.append(Chip("year_min", "", year_label(low, high), word))


def _apply(meaning: Meaning, words: str, reading: Reading, stock: Snapshot | None = None) -> bool:
    """Put `meaning` into the filter. False when it contradicts what was chosen by hand."""
    part, values = meaning
    if part == "sort":
        if reading.filter.sort == DEFAULT_SORT:
            reading.take({"sort": values[0]}, Chip("sort", values[0], sort_label(values[0]), words))
        return True
    name = FIELD_OF_FACET[part]
    chosen, by_hand = reading.filter.chosen(part), reading.by_hand.chosen(part)
    if part == "model" and not _take_makes_of(values, reading):
        return False
    if by_hand and part != "feature":
        if not set(values) & set(by_hand) and not _is_same_model(values, by_hand):
            return False
        narrowed: dict[str, Any] = {name: tuple(v for v in by_hand if v in values) or by_hand}
        reading.filter = replace(reading.filter, **narrowed)
        return True
    merged = tuple(dict.fromkeys((*chosen, *values)))
    label = wide_label(part, values, words, stock)
    value = values[0] if len(values) == 1 else ""
    reading.take({name: merged}, Chip(part, value, label, words))
    return True


def _take_makes_of(models: tuple[str, ...], reading: Reading) -> bool:
    """Choose the makes of `models` too. False when other makes were chosen by hand."""
    makes = dict.fromkeys(value.partition("/")[0] for value in models)
    by_hand = reading.by_hand.makes
    if by_hand:
        return set(makes) <= set(by_hand)
    merged = tuple(dict.fromkeys((*reading.filter.makes, *makes)))
    reading.filter = replace(reading.filter, makes=merged)
    return True


def _is_same_model(values: Iterable[str], chosen: Iterable[str]) -> bool:
    slugs = {value.partition("/")[2] or value for value in chosen}
    return any(value.partition("/")[2] in slugs for value in values)


def wide_label(part: str, values: tuple[str, ...], words: str, stock: Snapshot | None) -> str:
    """The label of the first value; it stands for the others of a wide word."""
    return value_label(part, values[0], stock.labels if stock else {}) if values else words


# --- text ----------------------------------------------------------------------------------


class TextMask(NamedTuple):
    """Vehicles found under all words, and among them those whose name says it."""

    found: BitMap
    titled: BitMap


def mask_of(words: list[str], stock: Snapshot, reading: Reading) -> TextMask | None:
    """What the words that stayed text find. Words that find nothing are put aside as ignored, as
    long as something else was found or read. None: no words to go by."""
    found: list[tuple[BitMap, BitMap]] = []
    missing: list[str] = []
    place = 0
    while place < len(words):
        pair = joined(words[place : place + 2])
        if place + 1 < len(words) and stock.with_word(pair):
            both = stock.with_word(words[place]) & stock.with_word(words[place + 1])
            titled = stock.with_title_word(pair) | (
                stock.with_title_word(words[place]) & stock.with_title_word(words[place + 1])
            )
            found.append((stock.with_word(pair) | both, titled))
            place += 2
            continue
        word = words[place]
        hits, titled = stock.with_word(word), stock.with_title_word(word)
        if not hits and place == len(words) - 1:
            completions = _completions(word, stock)
            hits = _any(stock.with_word(one) for one in completions)
            titled = _any(stock.with_title_word(one) for one in completions)
        if hits:
            found.append((hits, titled))
        else:
            missing.append(word)
        place += 1
    if missing and not found and not reading.chips:
        return TextMask(BitMap(), BitMap())
    reading.ignored.extend(missing)
    if not found:
        return None
    return TextMask(
        every_of(hits for hits, _title in found), every_of(title for _hits, title in found)
    )


def _any(sets: Iterable[BitMap]) -> BitMap:
    listed = list(sets)
    return BitMap.union(*listed) if listed else BitMap()


def every_of(sets: Iterable[BitMap]) -> BitMap:
    """What is in all of `sets`, of which there is at least one."""
    listed = sorted(sets, key=len)
    found = listed[0]
    for one in listed[1:]:
        found = found & one
    return found
