"""What the stock says about a row before anything is written: its store, its key, its rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _
from rapidfuzz import fuzz

from core.db import db
from core.text import fold, slugify_name
from dealership.models import Store
from inventory.editing import problems_of
from inventory.importing.report import Problem, TooManyMissing
from inventory.importing.rows import RowReader, StockRow
from inventory.models import Vehicle

NEAR_MISS: Final = 90  # of 100
LARGEST_PRICE_STEP: Final = 0.6  # a change by more than this share is pointed out
LIVE_STATES: Final = frozenset({"draft", "published", "reserved"})
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What a vehicle that is in the stock brings into the judgement of its row."""

    id: int
    state: str
    built_year: int | None
    model_year: int
    price_cents: int | None
    store_id: int


class Stores:
    """Finds the store that a name in a file means. `only`: ids of those that the import may touch,
    None for all and for new ones."""

    def __init__(self, only: frozenset[int] | None = None) -> None:
        rows = db.session.execute(
            sa.select(Store.id, Store.slug, Store.name).order_by(Store.position, Store.id)
        ).all()
        self._only = only
        mine = [row.id for row in rows if self.allows(row.id)]
        self.main_id: int | None = mine[0] if mine else None
        self.are_several = len(rows) > 1
        self._names = {fold(row.name): row.name for row in rows}
        self._ids = {fold(row.name): row.id for row in rows}
        self._ids.update({fold(row.slug): row.id for row in rows})

    def allows(self, store_id: int | None) -> bool:
        """Whether the import may touch that store; None is one that would be new."""
        return self._only is None or store_id in self._only

    def find(self, name: str) -> int | None:
        """The id of the store called `name`, by name or address; None for an unknown one."""
        return self._ids.get(fold(name))

    def name_of(self, store: Store) -> str:
        """A name that `find` reads back as this store: its own, or its address where two share."""
        return store.name if self.find(store.name) == store.id else store.slug

    def near_miss(self, name: str) -> str | None:
        """The name of a store that `name` is probably a slip of. "Loja 1" and "Loja 2" are two."""
        folded = fold(name)
        near = (
            written
            for other, written in self._names.items()
            if _letters(other) != _letters(folded) and fuzz.ratio(other, folded) >= NEAR_MISS
        )
        return next(near, None)

    def make(self, name: str) -> int:
        """A store of which only the name is known; the public sees it once it is completed."""
        position = db.session.scalar(sa.select(sa.func.max(Store.position))) or 0
        store = Store(name=name, slug=_free_slug(name), position=position + 1)
        db.session.add(store)
        db.session.flush()
        self._ids[fold(name)] = store.id
        self.main_id = self.main_id or store.id
        return store.id

    def pretend(self, name: str) -> None:
        """Remember a name that a dry run would make a store of."""
        self._ids.setdefault(fold(name), 0)


def _letters(folded: str) -> str:
    return "".join(char for char in folded if not char.isdigit())


def _free_slug(name: str) -> str:
    slug = slugify_name(name, 70) or "loja"
    taken = set(db.session.scalars(sa.select(Store.slug).where(Store.slug.startswith(slug))))
    number = 2
    candidate = slug
    while candidate in taken:
        candidate, number = f"{slug}-{number}", number + 1
    return candidate


class KnownStock:
    """The keys of the sources that a file names, read once per source."""

    def __init__(self) -> None:
        self._by_source: dict[str, dict[str, Known]] = {}

    def of(self, source: str) -> dict[str, Known]:
        """The vehicles of `source` by their id there."""
        if source not in self._by_source:
            rows = db.session.execute(
                sa.select(
                    Vehicle.source_id,
                    Vehicle.id,
                    Vehicle.state,
                    Vehicle.built_year,
                    Vehicle.model_year,
                    Vehicle.price_cents,
                    Vehicle.store_id,
                ).where(Vehicle.source == source)
            )
            self._by_source[source] = {row[0]: Known(*row[1:]) for row in rows}
        return self._by_source[source]

    @property
    def sources(self) -> list[str]:
        return list(self._by_source)


def check_row(row: StockRow, known: Known | None, stores: Stores, reader: RowReader) -> None:
    """Add to the row's problems what the stock's rules say, and point out what is unlikely."""

    def complain(fact: str, reason: str) -> None:
        row.problems.append(Problem(row.number, reader.column_of(fact), reason))

    if known is not None and not stores.allows(known.store_id):
        complain("source_id", _("This vehicle belongs to another store."))
    if row.store and not stores.allows(stores.find(row.store)):
        complain("store", _("You may not import for this store: %(name)s", name=row.store))
    elif row.store and stores.find(row.store) is None:
        meant = stores.near_miss(row.store)
        if meant:
            complain(
                "store", _("There is no store of this name. Did you mean %(name)s?", name=meant)
            )
        elif not fold(row.store):
            complain("store", _("This is not a name: %(text)s", text=row.store))
    facts = facts_in_the_end(row, known)
    already = {problem.column for problem in row.problems}
    for fact, reason in problems_of(facts, known.state if known else "draft").items():
        if reader.column_of(fact) not in already:
            complain(fact, reason)
    _point_out(row, facts, known, reader)


def facts_in_the_end(row: StockRow, known: Known | None) -> dict[str, Any]:
    """The row's facts over what is known, as far as rules join them."""
    if known is None:
        missing: dict[str, Any] = {"make": "", "model_name": "", "price_cents": None}
        if row.facts.get("model_year") is None:
            missing["model_year"] = None
        before: Mapping[str, Any] = missing
    else:
        before = {
            name: getattr(known, name) for name in ("built_year", "model_year", "price_cents")
        }
    state = wanted_state(row.facts.get("state"), known.state if known else None)
    return {**before, **row.facts, "state": state}


def wanted_state(said: str | None, state_now: str | None) -> str:
    """The state that a row asks for. A row without a status publishes what is new or comes back
    and leaves the rest; a car that was put away when sold stays there."""
    if said is None:
        return "published" if state_now in {None, "archived"} else str(state_now)
    if said == "sold" and state_now == "archived":
        return "archived"
    return said


def _point_out(
    row: StockRow, facts: Mapping[str, Any], known: Known | None, reader: RowReader
) -> None:
    def warn(fact: str, reason: str) -> None:
        row.warnings.append(Problem(row.number, reader.column_of(fact), reason))

    before = known.price_cents if known else None
    now = row.facts.get("price_cents")
    if before and now and abs(now - before) > before * LARGEST_PRICE_STEP:
        warn("price_cents", _("The price changed by more than 60%. Is it right?"))
    promo, price = row.facts.get("promo_price_cents"), facts.get("price_cents")
    if promo and price and promo >= price:
        warn("promo_price_cents", _("The promotional price is not lower, so it does not count."))


def brake(missing: int, live: int, share: float) -> None:
    """Stop before a file that is not the whole stock empties the site. Raises TooManyMissing."""
    if missing > 5 and missing > live * share:
        raise TooManyMissing(
            _(
                "%(missing)s of %(live)s vehicles are missing from this file and would leave the "
                "site. Nothing was changed. If the file is only a part of the stock, import it "
                "with --partial; if they are really gone, with --accept-withdrawals.",
                missing=missing,
                live=live,
            ),
            missing,
            live,
        )
