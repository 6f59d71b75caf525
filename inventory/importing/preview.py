"""A look into a file before anything is decided: its columns, what they probably hold, samples."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import IO, Final

from flask_babel import gettext as _

from core.text import clean_line
from inventory.importing import mapping, reading
from inventory.importing.mapping import COLUMN_OF, COMMON_NAMES, LIST_FACTS, Dialect
from inventory.importing.records import Reading
from inventory.importing.report import ImportRefused

LOOKED_AT: Final = 50
SAMPLES: Final = 3
LONGEST_SAMPLE: Final = 60


@dataclass(frozen=True)
class Column:
    """One column or node: folded path, name as written, guessed fact ('' for none), samples."""

    path: str
    name: str
    fact: str
    samples: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """What a file looks like. `digest` is that of its heading: the same layout, the same digest."""

    kind: str
    columns: tuple[Column, ...]
    digest: str

    @property
    def guess(self) -> dict[str, str]:
        """Path -> fact, where one was recognised."""
        return {column.path: column.fact for column in self.columns if column.fact}


def look_into(file: IO[bytes], names: Mapping[str, str] | None = None) -> Preview:
    """The columns of `file` and a few of their values. Raises ImportRefused.

    `names`: for a table of something else than cars, what people call its facts (folded name ->
    fact); several columns may hold one fact. Without it the file holds a stock."""
    kind = reading.kind_of(file)
    if names is not None and kind not in {"csv", "xlsx"}:
        raise ImportRefused(_("Send a table: CSV or XLSX."))
    family = {"csv": "table", "xlsx": "table", "xml": "xml"}.get(kind, "json")
    notes = Reading()
    records = reading.records_of(
        file,
        kind,
        notes,
        charset=None,
        known_columns=mapping.known_columns() if names is None else set(names),
        record_names={name for one in mapping.dialects_of(family) for name in one.records},
    )
    samples: dict[str, list[str]] = {}
    seen: set[str] = set()
    for record in islice(records, LOOKED_AT):
        for path, values in record.values.items():
            seen.add(path)
            _sample(samples.setdefault(path, []), values)
    if not seen:
        raise ImportRefused(
            _("The file holds no vehicle.") if names is None else _("The file holds no rows.")
        )
    if names is None:
        facts = _guessed(mapping.choose(family, seen), notes.names)
    else:
        facts = {path: names[path] for path in notes.names if path in names}
    columns = tuple(
        Column(path, clean_line(name, 80), facts.get(path, ""), tuple(samples.get(path, ())))
        for path, name in notes.names.items()
    )
    # A heading of people is remembered apart from the same one of cars.
    heading = "\n".join([family, *sorted(notes.names), *([] if names is None else ["contacts"])])
    return Preview(kind, columns, hashlib.sha256(heading.encode()).hexdigest())


def _sample(kept: list[str], values: list[str]) -> None:
    for value in values:
        text = clean_line(value, LONGEST_SAMPLE)
        if text and text not in kept and len(kept) < SAMPLES:
            kept.append(text)


def _guessed(layout: Dialect | None, names: Mapping[str, str]) -> dict[str, str]:
    """Path -> fact: by the layout that the file resembles, then by what people call things."""
    found: dict[str, str] = {}
    if layout:
        for fact, paths in layout.facts.items():
            there = [path for path in paths if path in names and path not in found]
            for path in there if fact in LIST_FACTS else there[:1]:
                found[path] = fact
    taken = set(found.values())
    for path in names:
        fact = COMMON_NAMES.get(path, "")
        if path not in found and fact and fact not in taken:
            found[path] = fact
            taken.add(fact)
    return found


def checked_columns(wanted: Mapping[str, str]) -> dict[str, str]:
    """A mapping typed by somebody, without the columns left out. Raises ImportRefused when a fact
    is named twice or what every vehicle needs is missing."""
    chosen = {path: fact for path, fact in wanted.items() if fact}
    unknown = set(chosen.values()) - set(COLUMN_OF)
    if unknown:
        raise ImportRefused(_("Choose what each column holds from the list."))
    counted: dict[str, int] = {}
    for fact in chosen.values():
        counted[fact] = counted.get(fact, 0) + 1
    for fact, count in counted.items():
        if count > 1 and fact not in LIST_FACTS:
            raise ImportRefused(_("Two columns are said to hold %(fact)s.", fact=COLUMN_OF[fact]))
    for fact in ("source_id", "make", "model_name", "model_year"):
        if fact not in counted:
            raise ImportRefused(
                _("Say which column holds %(fact)s: no car comes in without it.",
                  fact=COLUMN_OF[fact])
            )  # fmt: skip
    return chosen
