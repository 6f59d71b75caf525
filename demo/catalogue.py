"""The makes, models and trims that the demo group deals in, and what they cost.

What a trim is stands in the catalogue that staff use too (inventory.reference); `market.csv` names
those that we deal in. Prices are our own estimate for `REFERENCE_YEAR`: `new_price` is what a trim
costs new or, when it is no longer made, what its equal would cost new. Everything else about money
derives from it through `table_price_cents`.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from inventory.reference import ReferenceTrim, reference_trims

DATA: Final = Path(__file__).parent / "market.csv"

REFERENCE_YEAR: Final = 2026
LATEST_MODEL_YEAR: Final = REFERENCE_YEAR + 1
OLDEST_MODEL_YEAR: Final = 2013

# What is left of the new price by age in model years: index 0 is this year's model, used.
_VALUE_LEFT: Final = (
    0.920, 0.862, 0.806, 0.752, 0.702, 0.656, 0.613, 0.573, 0.536, 0.501, 0.469, 0.439, 0.411,
    0.385,
)  # fmt: skip
# Electric cars lose value faster: batteries age and newer ones get cheaper.
_ELECTRIC_YEARLY: Final = 0.965
# Real codes begin with 0, 5 or 8; a code of ours can never be taken for one of theirs.
_OWN_CODES_FROM: Final = 900_001


@dataclass(frozen=True, slots=True)
class MarketTrim:
    """One trim with its `facts`. `level` is its equipment from 1 (bare) to 5 (everything);
    `new_price` in thousands of reais."""

    facts: ReferenceTrim
    level: int
    new_price: int


@dataclass(frozen=True, slots=True)
class MarketModel:
    """One model: `share` says how often it stands on a lot, `keep` is how well it holds its value
    (a factor a year, 1 is the market), `wmi` begins its chassis numbers."""

    make: str
    name: str
    share: int
    keep: float
    wmi: str
    trims: tuple[MarketTrim, ...]


@dataclass(frozen=True, slots=True)
class MarketEntry:
    """A trim with its model and its code in our own price table."""

    model: MarketModel
    trim: MarketTrim
    fipe_code: str

    @property
    def facts(self) -> ReferenceTrim:
        return self.trim.facts

    @property
    def body(self) -> str:
        return self.facts.body or ""

    @property
    def is_sold_new(self) -> bool:
        return self.facts.last_year >= LATEST_MODEL_YEAR


def table_price_cents(entry: MarketEntry, model_year: int, *, is_new: bool = False) -> int:
    """The reference price of `entry` in cents, to the real: the same for every car of that trim
    and model year, as with any price table."""
    price = entry.trim.new_price * 1000.0
    if not is_new:
        age = min(max(REFERENCE_YEAR - model_year, 0), len(_VALUE_LEFT) - 1)
        yearly = entry.model.keep
        if entry.facts.fuel in {"electric", "plugin_hybrid"}:
            yearly *= _ELECTRIC_YEARLY
        price *= _VALUE_LEFT[age] * yearly**age
        price *= 1.02 if model_year > REFERENCE_YEAR else 1.0
    # Tables never end in round thousands.
    code = int(entry.fipe_code[:6])
    wobble = ((code * 7919 + model_year * 104_729) % 1997) - 998
    return round(price + wobble) * 100


def _check_digit(number: str) -> int:
    """Modulus 11, as the real codes have it."""
    rest = sum(int(digit) * weight for digit, weight in zip(number, range(7, 1, -1), strict=True))
    return 0 if rest % 11 < 2 else 11 - rest % 11


def _entries() -> Iterator[MarketEntry]:
    known = {(one.make, one.model_name, one.trim, one.first_year): one for one in reference_trims()}
    with DATA.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    number = _OWN_CODES_FROM
    for (make, name), of_model in groupby(rows, key=lambda row: (row["make"], row["model"])):
        lines = list(of_model)
        trims = tuple(
            MarketTrim(
                known[make, name, line["trim"], int(line["first_year"])],
                int(line["level"]),
                int(line["new_price"]),
            )
            for line in lines
        )
        first = lines[0]
        share, keep = int(first["share"]), float(first["keep"])
        model = MarketModel(make, name, share, keep, first["wmi"], trims)
        for trim in trims:
            yield MarketEntry(model, trim, f"{number}-{_check_digit(str(number))}")
            number += 1


ENTRIES: Final = tuple(_entries())
MODELS: Final = tuple(dict.fromkeys(entry.model for entry in ENTRIES))
