"""Who is who: one person however the number is spelled and whichever door was used.

The identity key of a Brazilian mobile ignores the ninth digit, which WhatsApp, old address books
and portals leave out: every eight-digit mobile number got a 9 in front between 2012 and 2016
(Anatel, resolução 553/2010). Other numbers keep all their digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from rapidfuzz import fuzz
from sqlalchemy.dialects import postgresql, sqlite

from core.clock import now
from core.db import db
from core.text import NotPhone, clean_line, fold, parse_phone
from leads.models import Person, PersonKey
from leads.sides import absorbed, learn

SIMILAR_NAME: Final = 80  # of 100, rapidfuzz token set ratio
SHARED_FROM: Final = 2  # times with another's name, and a phone no longer tells who it is
_BRAZIL_MOBILE_DIGITS: Final = 13  # 55, area code, nine digits
Keys = Sequence[tuple[str, str]]


def phone_key(e164: str) -> str:
    """'+5511987654321' and '+551187654321' are one person: digits without the ninth."""
    digits = e164.removeprefix("+")
    if (
        digits.startswith("55")
        and len(digits) == _BRAZIL_MOBILE_DIGITS
        and digits[4] == "9"
        # Numbers born with nine digits may continue with 1 to 5, where land lines live.
        and digits[5] in "6789"
    ):
        return digits[:4] + digits[5:]
    return digits


def email_key(email: str) -> str:
    """An address for comparing: lower case, without the +tag that Gmail and others ignore."""
    local, _at, host = email.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{host}" if local and host else ""


def keys_of(phone: str = "", email: str = "", keys: Keys = ()) -> list[tuple[str, str]]:
    """Every key of somebody with this phone (E.164), e-mail and ids elsewhere, strongest first."""
    found = [(kind, value[:254]) for kind, value in keys if value]
    if phone:
        found.append(("phone", phone_key(phone)))
    if email_key(email):
        found.append(("email", email_key(email)))
    return found


def contact_key(contact: str) -> tuple[str, str]:
    """("email" or "phone", the key) of what was typed; the key is empty when it is neither."""
    typed = clean_line(contact, 254)
    if "@" in typed:
        return "email", email_key(typed)
    try:
        return "phone", phone_key(parse_phone(typed))
    except NotPhone as error:
        return "phone", phone_key(error.suggestion) if error.suggestion else ""


def keys_of_person(person: Person) -> list[tuple[str, str]]:
    """Every key under which `person` can be found, those of the fields too, also of who was merged
    into them, unless they are somebody else's: whoever typed another's phone must not see, nor
    erase, what is theirs."""
    keys = {(key.kind, key.value) for key in person.keys}
    typed: set[tuple[str, str]] = set()
    for one in (person, *absorbed(person.id)):
        typed |= {("phone", phone_key(one.phone)), ("email", email_key(one.email))}
    for kind, value in typed - keys:
        owner = db.session.get(PersonKey, (kind, value)) if value else None
        if value and (owner is None or owner.person_id == person.id):
            keys.add((kind, value))
    return sorted(keys)


@dataclass(frozen=True)
class Owner:
    """Who has a key: the person, of which side of theirs it is (None: their own), under which
    names they are known by it, how often it came with a name that is none of these."""

    person: Person
    side_id: int | None
    names: tuple[str, ...]
    strangers: int


def find_person(
    *, name: str = "", phone: str = "", email: str = "", keys: Keys = ()
) -> Person | None:
    """Who that is, or None. An id or a phone decides alone, but for a phone that was learned to be
    shared; that, and an e-mail, which families and firms share, only with a similar name or
    none."""
    wanted = keys_of(phone, email, keys)
    found = _match(name, wanted, _owners(wanted))
    if found is not None:
        return found[1].person
    return _of_shared_phone(name, phone, wanted) if phone else None


def find_or_create_person(
    *, name: str = "", phone: str = "", email: str = "", keys: Keys = ()
) -> Person:
    """The person, new if need be, now known by all these keys. Inside `writing()`.

    What was known is not overwritten: a number typed by somebody else's child changes no name.
    """
    return recognise(name=name, phone=phone, email=email, keys=keys).person


@dataclass(frozen=True)
class Recognised:
    """Who somebody is, and of which side of theirs the key is that told so (None: their own)."""

    person: Person
    side_id: int | None = None
    is_new: bool = False


def recognise(*, name: str = "", phone: str = "", email: str = "", keys: Keys = ()) -> Recognised:
    """As `find_or_create_person`, and how they were known. Inside `writing()`."""
    wanted = keys_of(phone, email, keys)
    owners = _owners(wanted)
    found = _match(name, wanted, owners)
    if found is not None:
        (kind, value), owner = found
        known = Recognised(owner.person, owner.side_id)
        if kind == "phone" and not _is_of(name, owner):
            db.session.get_one(PersonKey, (kind, value)).strangers += 1
    elif phone and (namesake := _of_shared_phone(name, phone, wanted)):
        known = Recognised(namesake)
    else:
        person = Person(name=name, phone=phone, email=email)
        db.session.add(person)
        db.session.flush()
        known = Recognised(person, is_new=True)
    if known.side_id is not None:
        learn(known.side_id, name=name, phone=phone, email=email)
    person = known.person
    person.name = person.name or name
    person.phone = person.phone or phone
    person.email = person.email or email
    if not known.is_new:
        person.updated_at = now()
    if wanted:
        _claim_keys(person, wanted, known.side_id)
    return known


def _match(
    name: str, wanted: Keys, owners: dict[tuple[str, str], Owner]
) -> tuple[tuple[str, str], Owner] | None:
    """The strongest key that tells who this is, and whose it is."""
    for key in wanted:
        owner = owners.get(key)
        if owner and (not _is_shared(key, owner) or _is_of(name, owner)):
            return key, owner
    return None


def _is_shared(key: tuple[str, str], owner: Owner) -> bool:
    return key[0] == "email" or (key[0] == "phone" and owner.strangers >= SHARED_FROM)


def _is_of(name: str, owner: Owner) -> bool:
    return any(is_similar(name, known) for known in owner.names)


def _of_shared_phone(name: str, phone: str, wanted: Keys) -> Person | None:
    """Who wrote before with this name from a phone whose key somebody else has: the namesake. A
    phone that nobody has tells nothing here."""
    key = ("phone", phone_key(phone))
    owner = _owners([key]).get(key) if name and key in wanted else None
    if owner is None or not _is_shared(key, owner):
        return None
    rows = db.session.scalars(
        sa.select(Person)
        .where(
            Person.phone.in_(spellings(phone)),
            Person.id != owner.person.id,
            Person.merged_into_id.is_(None),
            Person.erased_at.is_(None),
        )
        .order_by(Person.id)
    )
    return next((person for person in rows if is_similar(name, person.name)), None)


def spellings(phone: str) -> set[str]:
    """A phone (E.164) with and without the ninth digit."""
    key = phone_key(phone)
    is_old = key.startswith("55") and len(key) == _BRAZIL_MOBILE_DIGITS - 1 and key[4] in "6789"
    return {phone, f"+{key}", *([f"+{key[:4]}9{key[4:]}"] if is_old else [])}


def _owners(wanted: Keys) -> dict[tuple[str, str], Owner]:
    if not wanted:
        return {}
    side = sa.orm.aliased(Person)
    rows = db.session.execute(
        sa.select(PersonKey.kind, PersonKey.value, Person, PersonKey.side_id, side.name,
                  PersonKey.strangers)
        .join(Person, Person.id == PersonKey.person_id)
        .outerjoin(side, side.id == PersonKey.side_id)
        .where(sa.tuple_(PersonKey.kind, PersonKey.value).in_(list(wanted)))
    )  # fmt: skip
    return {
        (kind, value): Owner(
            person, side_id, (person.name, *([] if name is None else [name])), strangers
        )
        for kind, value, person, side_id, name, strangers in rows
    }


def _claim_keys(person: Person, wanted: Keys, side_id: int | None = None) -> None:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    rows = [
        {"kind": kind, "value": value, "person_id": person.id, "side_id": side_id}
        for kind, value in wanted
    ]
    db.session.execute(insert(PersonKey).values(rows).on_conflict_do_nothing())
    # Two workers meeting the same new person: who came second finds the key taken and tries the
    # whole submission again, which then finds the first one's person.
    strongest = wanted[0]
    owner = _owners([strongest])[strongest]
    is_shared = _is_shared(strongest, owner) and not _is_of(person.name, owner)
    if owner.person.id != person.id and not is_shared:
        raise PersonTaken(f"{strongest[0]} belongs to person {owner.person.id}")


class PersonTaken(RuntimeError):
    """Another worker created the same person a moment ago: try again."""


def is_similar(one: str, other: str) -> bool:
    """Whether two names may be of one person; who gave none may be anybody."""
    one, other = fold(clean_line(one, 120)), fold(clean_line(other, 120))
    return not one or not other or fuzz.token_set_ratio(one, other) >= SIMILAR_NAME
