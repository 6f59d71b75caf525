"""Finding people by what staff remember of them: a name half right, a number as it was said.

Names are compared without accents and capitals, and one that is spelled a little otherwise is
found too. No copy of the names is kept for it: the database narrows them down by the letters that
have no accents, and what it finds is compared here.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

import sqlalchemy as sa
from rapidfuzz import fuzz

from core.db import db
from core.text import NotPhone, fold, parse_phone
from leads.models import Lead, Person, PersonKey
from leads.people import email_key, phone_key

MOST: Final = 200  # more than anybody reads
SHORTEST_NUMBER: Final = 4  # digits
SHORTEST_EMAIL: Final = 3  # characters of it
RECENT: Final = 3_000  # people whose names are compared with a misspelled one
LIKE_ENOUGH: Final = 75  # of 100
_CHUNK: Final = 500
# Who was merged is found by their own name too, and is who they turned out to be.
_WHO: Final = sa.func.coalesce(Person.merged_into_id, Person.id)
# Letters that Portuguese names write with marks: any one letter may stand there.
_MARKED: Final = re.compile("[aeioucn]")
_NUMBER: Final = re.compile(r"[-+0-9().\s/]+\Z")


def people_named(
    text: str, *, store_ids: Collection[int] | None = None, limit: int = MOST
) -> list[int]:
    """Ids of people whom `text` names: part of a number in any spelling, of an e-mail, of a name;
    newest first. With `store_ids` only who has a lead in those stores. At most three statements."""
    typed = text.strip()
    mine = _scope(store_ids)
    if _NUMBER.match(typed):
        return _by_number(typed, mine, limit)
    if "@" in typed:
        return _by_email(typed, mine, limit)
    words = fold(typed).split()
    if not words:
        return []
    return _by_name(words, mine, limit) or _by_likeness(words, mine, limit)


def _scope(store_ids: Collection[int] | None) -> sa.ColumnElement[bool]:
    known = Person.erased_at.is_(None)
    if store_ids is None:
        return known
    lead = sa.exists().where(Lead.person_id == _WHO, Lead.store_id.in_(store_ids))
    return sa.and_(known, lead)


def _by_number(typed: str, mine: sa.ColumnElement[bool], limit: int) -> list[int]:
    digits = re.sub(r"\D", "", typed)
    if len(digits) < SHORTEST_NUMBER:
        return []
    parts = {digits.removeprefix("0")}
    try:
        parts.add(phone_key(parse_phone(typed)))
    except NotPhone as error:
        if error.suggestion:
            parts.add(phone_key(error.suggestion))
    # Half a mobile number with its 9 in front, which the key leaves out.
    if len(digits) in {9, 11} and digits[-9] == "9":
        parts.add(digits[:-9] + digits[-8:])
    ways = [PersonKey.value.contains(part) for part in parts if part]
    return _ids(
        sa.select(Person.id)
        .join(PersonKey, PersonKey.person_id == Person.id)
        .where(PersonKey.kind == "phone", sa.or_(*ways), mine)
        .group_by(Person.id),
        limit,
    )


def _by_email(typed: str, mine: sa.ColumnElement[bool], limit: int) -> list[int]:
    part = email_key(typed) or typed.lower()
    if len(part) < SHORTEST_EMAIL:
        return []
    return _ids(
        sa.select(Person.id)
        .join(PersonKey, PersonKey.person_id == Person.id)
        .where(PersonKey.kind == "email", PersonKey.value.contains(part, autoescape=True), mine)
        .group_by(Person.id),
        limit,
    )


def _by_name(words: list[str], mine: sa.ColumnElement[bool], limit: int) -> list[int]:
    """People whose name or e-mail holds every word."""
    found: dict[int, None] = {}
    letters = [
        sa.or_(
            _holds(Person.name, _MARKED.sub("_", word)),
            _holds(Person.email, word),
        )
        for word in words
    ]
    rows = sa.select(_WHO, Person.name, Person.email).where(*letters, mine)
    for person_id, name, email in _newest(rows):
        known = f"{fold(name)} {email.lower()}"
        if all(word in known for word in words):
            found[person_id] = None
            if len(found) == limit:
                break
    return list(found)


def _holds(column: Any, part: str) -> sa.ColumnElement[bool]:
    """Whether a text holds `part`, in capitals or not. SQLite's LIKE does not tell them apart, and
    ILIKE would fold every name of the table first: three times the price."""
    is_sqlite = db.engine.dialect.name == "sqlite"
    found: sa.ColumnElement[bool] = (column.like if is_sqlite else column.ilike)(f"%{part}%")
    return found


def _by_likeness(words: list[str], mine: sa.ColumnElement[bool], limit: int) -> list[int]:
    """People of late whose name is spelled nearly so, nearest first."""
    rows = sa.select(_WHO, Person.name).where(Person.name != "", mine)
    near: dict[int, float] = {}
    for person_id, name in _newest(rows.limit(RECENT)):
        likeness = _likeness(words, fold(name).split())
        if likeness >= LIKE_ENOUGH:
            near[person_id] = max(likeness, near.get(person_id, 0))
    return sorted(near, key=lambda person_id: (-near[person_id], -person_id))[:limit]


def _likeness(words: list[str], names: list[str]) -> float:
    """How near the least of `words` comes to one of `names`, of 100."""
    if not names:
        return 0
    return min(max(fuzz.ratio(word, name) for name in names) for word in words)


def _newest(rows: Any) -> Iterator[Any]:
    yield from db.session.execute(
        rows.order_by(Person.id.desc()).execution_options(yield_per=_CHUNK)
    )


def _ids(rows: sa.Select[Any], limit: int) -> list[int]:
    return list(db.session.scalars(rows.order_by(Person.id.desc()).limit(limit)))
