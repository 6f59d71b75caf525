"""Listed vehicles as columns: the form in which rows enter the index."""

from array import array
from dataclasses import dataclass, field
from typing import Final

from inventory.search.text import Key

# One value a vehicle at most; "model" values are "make/model", "trim" values "make/model/name".
SINGLE_KINDS: Final = (
    "make",
    "model",
    "trim",
    "condition",
    "body",
    "transmission",
    "fuel",
    "color",
    "store",
    "city",
    "year",
    "engine",
)
# Several values a vehicle: features by code, features in a source's own words, known facts.
MULTIPLE_KINDS: Final = ("feature", "remark", "fact")

NO_CODE: Final = -1
UNKNOWN_MILEAGE: Final = 1 << 40  # sorts last, lies outside every mileage range
NO_HIGHLIGHT: Final = (1 << 20) - 1


@dataclass
class CodedColumn:
    """A column of few different values: each row holds a number into `values`, or NO_CODE."""

    values: list[str] = field(default_factory=list)
    codes: "array[int]" = field(default_factory=lambda: array("i"))
    numbers: dict[str, int] = field(default_factory=dict)

    def number_of(self, value: str) -> int:
        """The number of a value that may be new."""
        number = self.numbers[value] = len(self.values)
        self.values.append(value)
        return number


@dataclass(slots=True)  # not frozen: a whole stock of them is made at once
class Facts:
    """What the index keeps of one listed vehicle. `published` in whole seconds since 1970,
    `promo_ends` likewise: the instant from which `price_after_cents` holds."""

    id: int
    price_cents: int
    model_year: int
    mileage_km: int | None
    published: int
    highlight_rank: int | None
    is_reserved: bool
    single: tuple[str | None, ...]  # in the order of SINGLE_KINDS
    multiple: tuple[tuple[str, ...], ...]  # in the order of MULTIPLE_KINDS
    promo_ends: int | None = None
    price_after_cents: int = 0
    stock_seq: int = 0  # the stock's version that touched it last


class Columns:
    """Rows added one by one, kept in a few bytes each."""

    def __init__(self) -> None:
        self.ids = array("q")
        self.price_cents = array("q")
        self.model_year = array("q")
        self.mileage_km = array("q")
        self.published = array("q")
        self.highlight = array("q")
        self.reserved = array("q")
        self.stock_seq = array("q")
        self.single = {kind: CodedColumn() for kind in SINGLE_KINDS}
        self.multiple: dict[str, dict[str, array[int]]] = {kind: {} for kind in MULTIPLE_KINDS}
        self._columns = tuple(self.single.values())
        self._sets = tuple(self.multiple.values())
        # Row -> (instant the promotion ends, price from then on).
        self.promotions: dict[int, tuple[int, int]] = {}
        # The words under which an attribute is found, and how a facet value is shown.
        self.texts: dict[Key, str] = {}
        self.labels: dict[Key, str] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def append(self, facts: Facts) -> None:
        """Add one vehicle."""
        row = len(self.ids)
        self.ids.append(facts.id)
        self.price_cents.append(facts.price_cents)
        self.model_year.append(facts.model_year)
        mileage = facts.mileage_km
        self.mileage_km.append(UNKNOWN_MILEAGE if mileage is None else mileage)
        self.published.append(facts.published)
        rank = facts.highlight_rank
        self.highlight.append(NO_HIGHLIGHT if rank is None else min(max(rank, 0), NO_HIGHLIGHT))
        self.reserved.append(facts.is_reserved)
        self.stock_seq.append(facts.stock_seq)
        for column, value in zip(self._columns, facts.single, strict=True):
            if not value:
                column.codes.append(NO_CODE)
                continue
            number = column.numbers.get(value)
            column.codes.append(column.number_of(value) if number is None else number)
        for rows_of, values in zip(self._sets, facts.multiple, strict=True):
            for value in values:
                rows = rows_of.get(value)
                if rows is None:
                    rows = rows_of[value] = array("I")
                rows.append(row)
        if facts.promo_ends is not None:
            self.promotions[row] = (facts.promo_ends, facts.price_after_cents)
