"""Our words in the portals' own codes: what is known, what nobody knows yet, what staff decide.

A match says which entry of a portal's list one of our words is. Matches that are sure are taken
by integrators.listings.term_sync; the others wait for a person, whose choice nothing overwrites.

DomainError
├── NoSuchMatch    nobody asked for that word
└── NoSuchTerm     the portal's list has no such entry (any more)
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from flask_babel import gettext as _

from core.clock import now
from core.db import db
from core.errors import DomainError
from core.text import fold
from integrators.listings.steps import THERE
from integrators.listings.term_matching import Candidate, Word, level_of, ranked
from integrators.models import Listing, PortalAccount, PortalTerm, TermMatch
from integrators.portals.portal import Portal, Term
from inventory import vocabulary
from inventory.models import CarModel, Make, Trim, Vehicle
from jobs.queue import enqueue

LEVELS: Final = ("make", "model", "trim")  # each list hangs below the one before it
IN_STOCK: Final = ("draft", "published", "reserved")
_COLUMNS: Final = {
    "fuel": Vehicle.fuel,
    "transmission": Vehicle.transmission,
    "color": Vehicle.color,
    "body": Vehicle.body,
}
_LONGEST: Final = 300  # characters of one of our words
Wanted = tuple[str, str]  # the list, and our word as TermMatch.ours has it


class NoSuchMatch(DomainError):
    """Nobody asked for that word."""


class NoSuchTerm(DomainError):
    """The portal's list has no such entry."""


# --- for one pass ----------------------------------------------------------------------------


class TermBook:
    """All that is known of one portal's codes (integrators.portals.portal.Terms), read in one
    statement. What it was asked for in vain is in `wanted`: give it to `want` afterwards."""

    def __init__(self, portal: str) -> None:
        rows = db.session.execute(
            sa.select(TermMatch.list, TermMatch.ours, TermMatch.code).where(
                TermMatch.portal == portal, TermMatch.code != ""
            )
        )
        self._codes = {(row.list, row.ours): row.code for row in rows}
        self.wanted: set[Wanted] = set()

    def code(self, list_name: str, *ours: str) -> str:
        """See `Terms.code`. A word of which a part is empty has no code and is not wanted."""
        word = (list_name, "/".join(ours))
        code = self._codes.get(word, "")
        if not code and all(ours):
            self.wanted.add(word)
        return code


def want(portal: str, wanted: Collection[Wanted]) -> int:
    """Remember words that nobody knows a code for; how many of them are new. New ones are worth a
    job `sync_terms`. Inside `writing()`."""
    known = {
        (row.list, row.ours)
        for row in db.session.execute(
            sa.select(TermMatch.list, TermMatch.ours).where(TermMatch.portal == portal)
        )
    }
    new = [(name, ours) for name, ours in sorted(set(wanted) - known) if len(ours) <= _LONGEST]
    if new:
        rows = [{"portal": portal, "list": name, "ours": ours, "at": now()} for name, ours in new]
        db.session.execute(sa.insert(TermMatch), rows)
    return len(new)


def terms_version(portal: str) -> str:
    """Another text whenever a code that ads may hold has changed. One statement."""
    count, latest = db.session.execute(
        sa.select(sa.func.count(), sa.func.max(TermMatch.at)).where(
            TermMatch.portal == portal, TermMatch.code != ""
        )
    ).one()
    return f"{count}.{latest.timestamp():.6f}" if latest else "0"


# --- the words of our stock ------------------------------------------------------------------


@dataclass
class _Count:
    names: tuple[str, ...]
    years: set[int] = field(default_factory=set)
    cars: int = 0


def stock_words(portal: Portal) -> dict[str, dict[str, Word]]:
    """What the vehicles in stock are called, for each of the portal's lists, by our key for it.
    Motorcycles are parted from cars where the portal parts them ("moto_make"). One statement, and
    one for each list without a parent."""
    lists = portal.term_lists
    found: dict[str, dict[str, _Count]] = {name: {} for name in lists}
    hanging = [name for name in lists if level_of(name) in LEVELS]
    for row in db.session.execute(_stock()) if hanging else ():
        category = row.body if row.body in {"motorcycle", "truck"} else "car"
        for name in hanging if category in portal.term_categories else ():
            depth = LEVELS.index(level_of(name)) + 1
            slugs, names = row[:3][:depth], row[3:6][:depth]
            if slugs[-1] and _covers(name, hanging, is_motorcycle=category == "motorcycle"):
                one = found[name].setdefault("/".join(slugs), _Count(tuple(names)))
                one.years.add(row.model_year)
                one.cars += row.cars
    for name in lists:
        if name in _COLUMNS:
            for code, cars in db.session.execute(_counted(_COLUMNS[name])):
                found[name][code] = _Count((code,), set(), cars)
    return {
        name: {
            key: Word(key, one.names, frozenset(one.years), one.cars) for key, one in words.items()
        }
        for name, words in found.items()
    }


def _stock() -> sa.Select[Any]:
    by: tuple[Any, ...] = (
        *(Make.slug, CarModel.slug, Trim.slug),
        *(Make.name, CarModel.name, Trim.name),
    )
    more: tuple[Any, ...] = (Vehicle.body, Vehicle.model_year)
    return (
        sa.select(
            *(column.label(f"c{place}") for place, column in enumerate(by)),
            *more,
            sa.func.count().label("cars"),
        )
        .select_from(Vehicle)
        .join(CarModel, CarModel.id == Vehicle.car_model_id)
        .join(Make, Make.id == CarModel.make_id)
        .outerjoin(Trim, Trim.id == Vehicle.trim_id)
        .where(Vehicle.state.in_(IN_STOCK))
        .group_by(*by, *more)
    )


def _counted(column: Any) -> sa.Select[Any]:
    in_stock = sa.and_(Vehicle.state.in_(IN_STOCK), column.is_not(None))
    return sa.select(column, sa.func.count()).where(in_stock).group_by(column)


def _covers(list_name: str, lists: Sequence[str], *, is_motorcycle: bool) -> bool:
    if list_name.startswith("moto_"):
        return is_motorcycle
    return not (is_motorcycle and any(name.startswith("moto_") for name in lists))


def list_at(list_name: str, level: str) -> str:
    """The list of that level in the same family: of "moto_trim" the make's is "moto_make"."""
    return list_name.removesuffix(level_of(list_name)) + level


# --- what staff see --------------------------------------------------------------------------


@dataclass(frozen=True)
class OpenWord:
    """A word that nobody knows a code for. `cars` None: how many it is said of is not counted."""

    match: TermMatch
    cars: int | None


def open_words(portal: Portal) -> list[OpenWord]:
    """What waits for a person: makes before models before versions, the most cars first. Words
    whose parent waits itself, and words that no car in stock has, are left out."""
    words, lists = stock_words(portal), portal.term_lists
    rows = db.session.scalars(
        sa.select(TermMatch).where(
            TermMatch.portal == portal.kind, TermMatch.code == "", TermMatch.list.in_(lists)
        )
    )
    waiting = []
    for row in rows:
        is_counted = row.list in _COLUMNS or level_of(row.list) in LEVELS
        word = words[row.list].get(row.ours)
        cars = word.cars if word else 0
        has_parent = row.parent or level_of(row.list) not in LEVELS[1:]
        if has_parent and (cars or not is_counted):
            waiting.append(OpenWord(row, cars if is_counted else None))
    return sorted(
        waiting, key=lambda one: (lists.index(one.match.list), -(one.cars or 0), one.match.ours)
    )


def decided(portal: str, *, by_people: bool) -> sa.Select[Any]:
    """Rows (match, the portal's name for it) of what people chose, or of what was taken without
    them; the name is None once it left the portal's list."""
    is_theirs = TermMatch.confirmed_by != "" if by_people else TermMatch.confirmed_by == ""
    columns: tuple[Any, ...] = (TermMatch, PortalTerm.name)
    return (
        sa.select(*columns)
        .outerjoin(
            PortalTerm,
            sa.and_(
                PortalTerm.portal == TermMatch.portal,
                PortalTerm.list == TermMatch.list,
                PortalTerm.parent == TermMatch.parent,
                PortalTerm.code == TermMatch.code,
            ),
        )
        .where(TermMatch.portal == portal, TermMatch.code != "", is_theirs)
    )


def ads_named(portal: Portal, match: TermMatch) -> int | None:
    """How many ads up there are called by the word: none of them is updated while nobody knows
    its code. None: of that list it is not known which cars have the word."""
    is_moto = Vehicle.body == "motorcycle"
    kinds = [kind for kind in (True, False)
             if _covers(match.list, portal.term_lists, is_motorcycle=kind)]  # fmt: skip
    if match.list in _COLUMNS:
        is_called = _COLUMNS[match.list] == match.ours
    elif level_of(match.list) in LEVELS:
        slugs = zip((Make.slug, CarModel.slug, Trim.slug), match.ours.split("/"), strict=False)
        whose = [sa.func.coalesce(is_moto, sa.false()).is_(kind) for kind in kinds]
        is_called = sa.and_(sa.or_(*whose), *(column == slug for column, slug in slugs))
    else:
        return None
    return db.session.scalar(
        sa.select(sa.func.count())
        .select_from(Listing)
        .join(PortalAccount, PortalAccount.id == Listing.account_id)
        .join(Vehicle, Vehicle.id == Listing.vehicle_id)
        .join(CarModel, CarModel.id == Vehicle.car_model_id)
        .join(Make, Make.id == CarModel.make_id)
        .outerjoin(Trim, Trim.id == Vehicle.trim_id)
        .where(PortalAccount.kind == match.portal, Listing.desired == "live")
        .where(Listing.remote.in_(THERE), is_called)
    )


def names_of(matches: Iterable[TermMatch]) -> dict[int, tuple[str, ...]]:
    """What each word is called, from the make down, by the match's id. Three statements."""
    rows = list(matches)
    parts = {row.id: row.ours.split("/") for row in rows if level_of(row.list) in LEVELS}
    at = [{keys[depth] for keys in parts.values() if len(keys) > depth} for depth in range(3)]
    names: dict[str, str] = {}
    for one in db.session.execute(sa.select(Make.slug, Make.name).where(Make.slug.in_(at[0]))):
        names[one[0]] = one[1]
    models = sa.select(Make.slug + "/" + CarModel.slug, CarModel.name).join(CarModel.make)
    for one in db.session.execute(models.where(Make.slug.in_(at[0]), CarModel.slug.in_(at[1]))):
        names[one[0]] = one[1]
    trims = (
        sa.select(Make.slug + "/" + CarModel.slug + "/" + Trim.slug, Trim.name)
        .join(CarModel, CarModel.id == Trim.car_model_id)
        .join(Make, Make.id == CarModel.make_id)
        .where(CarModel.slug.in_(at[1]), Trim.slug.in_(at[2]))
    )
    for one in db.session.execute(trims):
        names[one[0]] = one[1]
    return {row.id: _named(row, parts.get(row.id), names) for row in rows}


def _named(row: TermMatch, parts: list[str] | None, names: dict[str, str]) -> tuple[str, ...]:
    if parts is not None:
        keys = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
        return tuple(names.get(key, key.rpartition("/")[2]) for key in keys)
    if row.list in vocabulary.KINDS:
        return (str(vocabulary.label(row.list, row.ours)),)
    return (row.ours,)


def terms_of(portal: str, list_name: str, parent: str) -> list[Term]:
    """The entries that one list of the portal has now."""
    statement = sa.select(PortalTerm.code, PortalTerm.name).where(
        PortalTerm.portal == portal,
        PortalTerm.list == list_name,
        PortalTerm.parent == parent,
        PortalTerm.gone_at.is_(None),
    )
    return [Term(code, name) for code, name in db.session.execute(statement)]


def candidates(match: TermMatch, limit: int = 8) -> list[Candidate]:
    """What `match` may be in the portal's list, best first."""
    return candidates_of([match], names_of([match]), limit)[match.id]


def candidates_of(
    matches: Sequence[TermMatch], names: Mapping[int, tuple[str, ...]], limit: int = 8
) -> dict[int, list[Candidate]]:
    """For each of `matches`, all of one portal and called `names`, what it may be in the portal's
    list, best first. One statement."""
    by_list: dict[tuple[str, str], list[Term]] = defaultdict(list)
    rows = db.session.execute(
        sa.select(PortalTerm.list, PortalTerm.parent, PortalTerm.code, PortalTerm.name).where(
            PortalTerm.portal.in_({row.portal for row in matches}),
            PortalTerm.list.in_({row.list for row in matches}),
            PortalTerm.parent.in_({row.parent for row in matches}),
            PortalTerm.gone_at.is_(None),
        )
    )
    for list_name, parent, code, name in rows:
        by_list[list_name, parent].append(Term(code, name))
    return {
        row.id: ranked(row.list, _word(row, names[row.id]), by_list[row.list, row.parent])[:limit]
        for row in matches
    }


def search_terms(entries: Iterable[Term], text: str, limit: int = 30) -> list[Term]:
    """Those of a list's `entries` whose names hold every word of `text`, by name."""
    words = fold(text).split()
    by_name = sorted(entries, key=lambda term: fold(term.name))
    return [term for term in by_name if all(word in fold(term.name) for word in words)][:limit]


def _word(match: TermMatch, names: tuple[str, ...]) -> Word:
    is_hanging = level_of(match.list) in LEVELS
    return Word(match.ours, names if is_hanging else (match.ours,))


# --- what staff decide, inside writing() -----------------------------------------------------


def confirm(match_id: int, code: str, by: str) -> TermMatch:
    """`by` says that the word is the entry `code`. Raises NoSuchMatch and NoSuchTerm."""
    row = _held(match_id)
    terms = {term.code: term for term in terms_of(row.portal, row.list, row.parent)}
    if code not in terms:
        raise NoSuchTerm(_("The portal does not have this entry any more. Choose another one."))
    if row.code != code:
        [chosen] = ranked(row.list, _word(row, names_of([row])[row.id]), [terms[code]])
        row.code, row.confidence = code, chosen.confidence
        forget_below(row)
        if level_of(row.list) in LEVELS[:2]:
            read_soon(row.portal)  # the lists below the word have not been read yet, as a rule
    row.confirmed_by, row.at = by, now()
    db.session.flush()
    return row


def unconfirm(match_id: int, by: str) -> TermMatch:
    """`by` says that the word is not what it was taken for: it waits for a person from now on.
    Raises NoSuchMatch."""
    row = _held(match_id)
    if row.code:
        forget_below(row)
        row.code, row.confirmed_by, row.at = "", by, now()
    db.session.flush()
    return row


def forget_below(row: TermMatch) -> None:
    """What hangs below a word has no parent once the word means something else."""
    level = level_of(row.list)
    below = LEVELS[LEVELS.index(level) + 1 :] if level in LEVELS else ()
    if below:
        db.session.execute(
            sa.update(TermMatch)
            .where(
                TermMatch.portal == row.portal,
                TermMatch.list.in_([list_at(row.list, one) for one in below]),
                TermMatch.ours.startswith(f"{row.ours}/", autoescape=True),
            )
            .values(code="", parent="", confidence=0, confirmed_by="", at=now()),
            execution_options={"synchronize_session": "fetch"},
        )


def _held(match_id: int) -> TermMatch:
    row = db.session.get(TermMatch, match_id, populate_existing=True, with_for_update=True)
    if row is None:
        raise NoSuchMatch(_("This word is not asked for any more."))
    return row


def read_soon(portal: str) -> int:
    """Let the lists of `portal` that are due be read; how many accounts there are to do it."""
    can_read = (PortalAccount.kind == portal, PortalAccount.state == "active")
    ids = db.session.scalars(sa.select(PortalAccount.id).where(*can_read)).all()
    for account_id in ids:
        enqueue("sync_terms", {"account_id": account_id}, dedup_key=str(account_id))
    return len(ids)
