"""Changing what the house says of itself: its name and looks, its stores and their hours.

Verbs flush; the caller opens `writing()`. Two people may edit at once: a form carries the mark of
what it showed (`mark_of`), and saving over something newer is refused once (`check_mark`).

DomainError
├── SettingRefused    values that cannot be; `problems` holds a sentence per field
└── ChangedMeanwhile  somebody else saved in between
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, time
from typing import Any, Final

import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _

from core.clock import now
from core.db import db
from core.errors import DomainError
from core.text import clean_line, clean_text, parse_phone, slugify_name
from dealership.hours import WEEKDAYS, Interval
from dealership.models import Department, OpeningInterval, SpecialDayRow, Store
from dealership.places import STATES, ZONES, parse_coordinates

DEPARTMENTS: Final = ("sales", "service", "parts", "fleet")
MOST_INTERVALS: Final = 4  # a day
MOST_SPECIAL_DAYS: Final = 200
LONGEST_ABOUT: Final = 2000


class SettingRefused(DomainError):
    """Values that cannot be. `problems` holds a sentence per field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(self.problems.values()))


class ChangedMeanwhile(DomainError):
    """Somebody else saved in between; the sentence says so."""


def mark_of(facts: Any) -> str:
    """Names the state of `facts` (a dataclass, mapping or list): two equal states have one
    mark."""
    text = json.dumps(facts, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)


def check_mark(seen: str, facts: Any) -> None:
    """Refuse when `facts` are no longer those a form with the mark `seen` showed. A form without a
    mark (a program's) is taken at its word. Raises ChangedMeanwhile."""
    if seen and seen != mark_of(facts):
        raise ChangedMeanwhile(_("Somebody else changed this meanwhile."))


# --- one field -------------------------------------------------------------------------------


def _try(problems: dict[str, str], field: str, read: Callable[[str], Any], text: str) -> Any:
    """`read(text)`, or None with the problem noted; empty text stays empty."""
    if not text.strip():
        return ""
    try:
        return read(text)
    except DomainError as error:
        problems[field] = str(error)
        return text


def read_email(text: str) -> str:
    """The address in its usual form. Raises SettingRefused."""
    try:
        found = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise SettingRefused({"email": _("This is not an e-mail address.")}) from None
    return found.normalized


def read_postal_code(text: str) -> str:
    """A CEP's eight digits. Raises SettingRefused."""
    digits = text.replace("-", "").replace(".", "").replace(" ", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) == 8):
        raise SettingRefused({"postal_code": _("A CEP has eight digits, like 13010-000.")})
    return digits


# --- stores ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class StoreFacts:
    """What staff say of a store. Phones and e-mail as typed until `cleaned`; `place` is a map link
    or coordinates, "" for none."""

    name: str = ""
    about: str = ""
    street: str = ""
    district: str = ""
    city: str = ""
    state_code: str = ""
    postal_code: str = ""
    place: str = ""
    zone: str = "America/Sao_Paulo"
    email: str = ""
    phone: str = ""
    whatsapp: str = ""
    reserved_stays_listed: bool = True
    requires_photo: bool = False
    requires_provenance: bool = False
    provenance_valid_days: int = 30


_LINES: Final = {"name": 80, "street": 160, "district": 80, "city": 80}


def facts_of(store: Store) -> StoreFacts:
    """What is kept of `store`, in the form that `change_store` takes."""
    names = StoreFacts.__dataclass_fields__.keys() - {"place"}
    return StoreFacts(**{name: getattr(store, name) for name in names}, place=place_of(store))


def place_of(store: Store) -> str:
    """The store's coordinates as text."""
    if store.latitude is None or store.longitude is None:
        return ""
    return f"{store.latitude:.6f}, {store.longitude:.6f}"


def cleaned(facts: StoreFacts) -> StoreFacts:
    """`facts` as they are stored. Raises SettingRefused with a sentence per field."""
    problems: dict[str, str] = {}
    values: dict[str, Any] = {
        name: clean_line(getattr(facts, name), limit) for name, limit in _LINES.items()
    }
    values["about"] = clean_text(facts.about, LONGEST_ABOUT)
    if not values["name"]:
        problems["name"] = _("Give the store a name.")
    for name in ("phone", "whatsapp"):
        values[name] = _try(problems, name, parse_phone, getattr(facts, name))
    values["email"] = _try(problems, "email", read_email, facts.email)
    values["postal_code"] = _try(problems, "postal_code", read_postal_code, facts.postal_code)
    if facts.state_code and facts.state_code not in STATES:
        problems["state_code"] = _("Choose the state from the list.")
    if facts.zone not in ZONES:
        problems["zone"] = _("Choose the time zone from the list.")
    _try(problems, "place", parse_coordinates, facts.place)
    if not 1 <= facts.provenance_valid_days <= 365:
        problems["provenance_valid_days"] = _("Between 1 and 365 days.")
    _check_address(values | {"state_code": facts.state_code}, problems)
    if problems:
        raise SettingRefused(problems)
    return replace(facts, **values)


def _check_address(values: Mapping[str, Any], problems: dict[str, str]) -> None:
    """All of an address or none: half of one would not be shown, and nobody would know why."""
    needed = {
        "street": _("Type street and number."),
        "city": _("Type the city."),
        "state_code": _("Choose the state."),
    }
    if any(values[name] for name in needed):
        problems |= {name: words for name, words in needed.items() if not values[name]}


def open_store(facts: StoreFacts) -> Store:
    """A new store at the end of the list. Raises SettingRefused."""
    known = cleaned(facts)
    last = db.session.scalar(sa.select(sa.func.max(Store.position)))
    store = Store(slug=_free_slug(known.name), name=known.name, position=(last or 0) + 1)
    db.session.add(store)
    _write(store, known)
    return store


def change_store(store: Store, facts: StoreFacts) -> None:
    """Say something else of `store`; its address on the site stays. Raises SettingRefused."""
    _write(store, cleaned(facts))


def draft_store(facts: StoreFacts, of: Store | None = None) -> Store:
    """A store as it would be, in no session: what a preview shows. Raises SettingRefused."""
    store = Store(id=of.id if of else 0, slug=of.slug if of else "nova")
    _fill(store, cleaned(facts))
    for interval in of.opening_intervals if of else ():
        store.opening_intervals.append(
            OpeningInterval(weekday=interval.weekday, opens=interval.opens, closes=interval.closes)
        )
    return store


def _write(store: Store, facts: StoreFacts) -> None:
    _fill(store, facts)
    db.session.flush()


def _fill(store: Store, facts: StoreFacts) -> None:
    for name in StoreFacts.__dataclass_fields__.keys() - {"place"}:
        setattr(store, name, getattr(facts, name))
    point = parse_coordinates(facts.place) if facts.place.strip() else (None, None)
    store.latitude, store.longitude = point


def _free_slug(name: str) -> str:
    base = slugify_name(name, 70) or "loja"
    taken = set(db.session.scalars(sa.select(Store.slug).where(Store.slug.startswith(base))))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(slug for slug in numbered if slug not in taken)


def order_stores(first: Store, second: Store) -> None:
    """Let two stores change places in the list. The first of all is the main store."""
    rows = list(db.session.scalars(sa.select(Store).order_by(Store.position, Store.id)))
    one, other = rows.index(first), rows.index(second)
    rows[one], rows[other] = rows[other], rows[one]
    for position, store in enumerate(rows):
        store.position = position
    db.session.flush()


def close_store(store: Store) -> None:
    """Take the store off the site; what happened there is kept. `inventory.stores` asks first
    whether cars still stand in it."""
    store.closed_at = store.closed_at or now()
    db.session.flush()


def reopen_store(store: Store) -> None:
    """Bring a closed store back."""
    store.closed_at = None
    db.session.flush()


# --- hours -----------------------------------------------------------------------------------


Week = Mapping[int, Sequence[tuple[time, time]]]


def week_of(store: Store) -> dict[int, list[tuple[time, time]]]:
    """The store's ordinary hours by weekday, Monday being 0."""
    week: dict[int, list[tuple[time, time]]] = {day: [] for day in WEEKDAYS}
    for row in store.opening_intervals:
        week[row.weekday].append((row.opens, row.closes))
    return week


def check_week(week: Week) -> None:
    """Raises SettingRefused with a sentence per weekday ("0" to "6") whose hours overlap."""
    problems = {str(day): words for day, hours in week.items() if (words := _problem_with(hours))}
    if problems:
        raise SettingRefused(problems)


def _problem_with(hours: Sequence[tuple[time, time]]) -> str:
    if len(hours) > MOST_INTERVALS:
        return _("At most %(n)s stretches a day.", n=MOST_INTERVALS)
    ordered = sorted(hours)
    for (_opens, closes), (opens, _closes) in itertools.pairwise(ordered):
        if closes > opens or closes <= _opens:
            return _("These hours overlap: the store must close before it opens again.")
    return ""


def set_week(store: Store, week: Week) -> None:
    """The store's ordinary hours from now on. Raises SettingRefused."""
    check_week(week)
    store.opening_intervals[:] = [
        OpeningInterval(weekday=day, opens=opens, closes=closes)
        for day, hours in sorted(week.items())
        for opens, closes in sorted(hours)
    ]
    db.session.flush()


@dataclass(frozen=True, order=True)
class SpecialDayFacts:
    """One date with hours of its own; without hours the store is closed."""

    day: date
    name: str = ""
    hours: tuple[tuple[time, time], ...] = ()


def special_days_of(store: Store, since: date) -> list[SpecialDayFacts]:
    """The store's special days from `since` on."""
    found: dict[date, SpecialDayFacts] = {}
    for row in store.special_days:
        if row.day < since:
            continue
        known = found.get(row.day, SpecialDayFacts(row.day, row.name))
        hours = ((row.opens, row.closes),) if row.opens and row.closes else ()
        found[row.day] = replace(known, hours=known.hours + hours)
    return sorted(found.values())


def set_special_days(store: Store, days: Iterable[SpecialDayFacts], *, since: date) -> None:
    """The store's special days from `since` on are these; earlier ones stay. Raises
    SettingRefused with a sentence per date (ISO)."""
    wanted = sorted(days)
    problems: dict[str, str] = {}
    for one, other in itertools.pairwise(wanted):
        if one.day == other.day:
            problems[one.day.isoformat()] = _("This date is there twice.")
    for one in wanted:
        if words := _problem_with(one.hours):
            problems[one.day.isoformat()] = words
    if len(wanted) > MOST_SPECIAL_DAYS:
        problems[""] = _("At most %(n)s special days.", n=MOST_SPECIAL_DAYS)
    if problems:
        raise SettingRefused(problems)
    kept = [row for row in store.special_days if row.day < since]
    store.special_days[:] = kept + [row for one in wanted for row in _rows_of(one)]
    db.session.flush()


def _rows_of(one: SpecialDayFacts) -> list[SpecialDayRow]:
    name = clean_line(one.name, 80)
    hours = one.hours or ((None, None),)
    return [
        SpecialDayRow(day=one.day, name=name, opens=opens, closes=closes) for opens, closes in hours
    ]


def as_intervals(week: Week) -> tuple[Interval, ...]:
    """`week` as the rules of `dealership.hours` read it."""
    return tuple(Interval(day, *hours) for day, all_hours in week.items() for hours in all_hours)


# --- departments -----------------------------------------------------------------------------


@dataclass(frozen=True)
class DepartmentFacts:
    """A department's own numbers, as typed or as stored; `kind` is one of DEPARTMENTS."""

    kind: str
    phone: str = ""
    whatsapp: str = ""
    email: str = ""


def departments_of(store: Store) -> list[DepartmentFacts]:
    """The store's departments, in order."""
    return [
        DepartmentFacts(row.kind, row.phone, row.whatsapp, row.email) for row in store.departments
    ]


def set_departments(store: Store, wanted: Iterable[DepartmentFacts]) -> None:
    """The store has these departments from now on. Raises SettingRefused; its fields are
    "sales-phone" and the like."""
    problems: dict[str, str] = {}
    rows: list[Department] = []
    for position, one in enumerate(wanted):
        if one.kind not in DEPARTMENTS:
            raise SettingRefused({"": _("There is no such department.")})
        readers = {"phone": parse_phone, "whatsapp": parse_phone, "email": read_email}
        values = {
            name: _try(problems, f"{one.kind}-{name}", read, getattr(one, name))
            for name, read in readers.items()
        }
        rows.append(Department(kind=one.kind, position=position, **values))
    if problems:
        raise SettingRefused(problems)
    store.departments[:] = rows
    db.session.flush()
