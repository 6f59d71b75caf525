"""Who is who: one person however the number is spelled and whichever door was used.

The identity key of a Brazilian mobile ignores the ninth digit, which WhatsApp, old address books
and portals leave out: every eight-digit mobile number got a 9 in front between 2012 and 2016
(Anatel, resolução 553/2010). Other numbers keep all their digits.
"""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from rapidfuzz import fuzz
from sqlalchemy.dialects import postgresql, sqlite

from core.clock import now
from core.db import db
from core.text import NotPhone, clean_line, fold, parse_phone
from leads.models import Person, PersonKey

SIMILAR_NAME: Final = 80  # of 100, rapidfuzz token set ratio
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
    """Every key under which `person` can be found, those of the fields too, unless they are
    somebody else's: whoever typed another's phone must not see, nor erase, what is theirs."""
    keys = {(key.kind, key.value) for key in person.keys}
    typed = {("phone", phone_key(person.phone)), ("email", email_key(person.email))} - keys
    for kind, value in typed:
        owner = db.session.get(PersonKey, (kind, value)) if value else None
        if value and (owner is None or owner.person_id == person.id):
            keys.add((kind, value))
    return sorted(keys)


def find_person(
    *, name: str = "", phone: str = "", email: str = "", keys: Keys = ()
) -> Person | None:
    """Who that is, or None. An id or a phone decides alone; an e-mail, which families and firms
    share, only with a similar name or none."""
    wanted = keys_of(phone, email, keys)
    owners = _owners(wanted)
    for key in wanted:
        person = owners.get(key)
        if person and (key[0] != "email" or _is_similar(name, person.name)):
            return person
    return None


def find_or_create_person(
    *, name: str = "", phone: str = "", email: str = "", keys: Keys = ()
) -> Person:
    """The person, new if need be, now known by all these keys. Inside `writing()`.

    What was known is not overwritten: a number typed by somebody else's child changes no name.
    """
    person = find_person(name=name, phone=phone, email=email, keys=keys)
    if person is None:
        person = Person(name=name, phone=phone, email=email)
        db.session.add(person)
        db.session.flush()
    else:
        person.name = person.name or name
        person.phone = person.phone or phone
        person.email = person.email or email
        person.updated_at = now()
    wanted = keys_of(phone, email, keys)
    if wanted:
        _claim_keys(person, wanted)
    return person


def _owners(wanted: Keys) -> dict[tuple[str, str], Person]:
    if not wanted:
        return {}
    rows = db.session.execute(
        sa.select(PersonKey.kind, PersonKey.value, Person)
        .join(Person, Person.id == PersonKey.person_id)
        .where(sa.tuple_(PersonKey.kind, PersonKey.value).in_(list(wanted)))
    )
    return {(kind, value): person for kind, value, person in rows}


def _claim_keys(person: Person, wanted: Keys) -> None:
    insert = postgresql.insert if db.engine.dialect.name == "postgresql" else sqlite.insert
    rows = [{"kind": kind, "value": value, "person_id": person.id} for kind, value in wanted]
    db.session.execute(insert(PersonKey).values(rows).on_conflict_do_nothing())
    # Two workers meeting the same new person: who came second finds the key taken and tries the
    # whole submission again, which then finds the first one's person.
    strongest = wanted[0]
    owner = _owners([strongest])[strongest]
    is_shared = strongest[0] == "email" and not _is_similar(person.name, owner.name)
    if owner.id != person.id and not is_shared:
        raise PersonTaken(f"{strongest[0]} belongs to person {owner.id}")


class PersonTaken(RuntimeError):
    """Another worker created the same person a moment ago: try again."""


def _is_similar(one: str, other: str) -> bool:
    one, other = fold(clean_line(one, 120)), fold(clean_line(other, 120))
    return not one or not other or fuzz.token_set_ratio(one, other) >= SIMILAR_NAME
