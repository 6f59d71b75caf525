"""Who may be somebody we know already: looked for as they write, decided by a colleague.

What is certain needs nobody: `leads.people` joins the same phone at once, and the same e-mail with
a similar name. Here is what is not certain, each with its reason (strong, medium, weak).
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from rapidfuzz import fuzz
from sqlalchemy.orm import aliased, joinedload

from core.db import db
from core.text import clean_line, fold
from leads.duplicate_pairs import DuplicatePair, suggest
from leads.models import Enquiry, Lead, Person, PersonKey
from leads.people import email_key, is_similar, phone_key
from leads.words import PORTALS

NEAR_DAYS: Final = 90  # so long two people after one car may be one
VISIT_DAYS: Final = 2  # so long one visit to the site may take
COMPARED: Final = 200  # leads, the newest
NEARLY_EQUAL: Final = 88  # of 100, rapidfuzz token sort ratio


def look(enquiry: Enquiry, *, is_new: bool, name: str, phone: str, email: str) -> None:
    """Suggest whoever may be the person of `enquiry`, who gave this name, phone (E.164) and
    e-mail; by name and car only for a person that is new. Inside `writing()`. Two statements."""
    reasons: dict[int, set[str]] = {}
    person = enquiry.person
    for reason, other in _by_key(person, name, phone, email):
        reasons.setdefault(other, set()).add(reason)
    if is_new:
        for reason, other in _by_name(enquiry, name):
            reasons.setdefault(other, set()).add(reason)
    for other, why in sorted(reasons.items()):
        suggest(person.id, other, why)


def _by_key(person: Person, name: str, phone: str, email: str) -> list[tuple[str, int]]:
    keys = [("phone", phone_key(phone)), ("email", email_key(email))]
    wanted = [key for key in keys if key[1]]
    if not wanted:
        return []
    rows = db.session.execute(
        sa.select(PersonKey.kind, Person.id, Person.name)
        .join(Person, Person.id == PersonKey.person_id)
        .where(
            sa.tuple_(PersonKey.kind, PersonKey.value).in_(wanted),
            PersonKey.person_id != person.id,
        )
        .order_by(PersonKey.kind)
    )
    found = []
    for kind, other, known in rows:
        is_same_name = bool(name and known and is_similar(name, known))
        if kind == "email":
            found.append(("email_and_name" if is_same_name else "email", other))
        else:
            found.append(("phone_and_name" if is_same_name else "shared_phone", other))
    return found


def _by_name(enquiry: Enquiry, name: str) -> list[tuple[str, int]]:
    if not name:
        return []
    near_visit = Lead.created_at >= enquiry.at - timedelta(days=VISIT_DAYS)
    rows = db.session.execute(
        near_leads(enquiry.vehicle_id, enquiry.at, near_visit).where(
            Lead.person_id != enquiry.person_id,
            Lead.is_suspect.is_(False),
            Lead.is_test.is_(False),
        )
    )
    first = _first_touch(enquiry)
    found = []
    for lead, known in rows:
        if is_one_visit(first, lead.first_touch) and known and is_similar(name, known):
            found.append(("device", lead.person_id))
        elif (
            enquiry.vehicle_id is not None
            and lead.vehicle_id == enquiry.vehicle_id
            and is_nearly(name, known)
        ):
            by_portal = not PORTALS.keys().isdisjoint({enquiry.source, lead.source})
            found.append(("portal" if by_portal else "name_and_car", lead.person_id))
    return found


def near_leads(
    vehicle_id: int | None, at: datetime, *otherwise: sa.ColumnElement[bool]
) -> sa.Select[Lead, str]:
    """Leads about that car, or of which `otherwise` is true, of the time before `at`, each with
    its person's name; the newest."""
    ways = [*otherwise, *([Lead.vehicle_id == vehicle_id] if vehicle_id else [])]
    return (
        sa.select(Lead, Person.name)
        .join(Person, Person.id == Lead.person_id)
        .where(
            sa.or_(sa.false(), *ways),
            Lead.created_at >= at - timedelta(days=NEAR_DAYS),
            Person.erased_at.is_(None),
        )
        .order_by(Lead.id.desc())
        .limit(COMPARED)
    )


def _first_touch(enquiry: Enquiry) -> dict[str, Any]:
    lead = db.session.get(Lead, enquiry.lead_id) if enquiry.lead_id else None
    return lead.first_touch if lead else {}


def is_one_visit(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two first touches are one: kept on one device at the same instant."""
    return bool(one.get("at")) and one == other


def is_nearly(one: str, other: str) -> bool:
    """Whether two names of at least two words each are nearly equal, in whatever order."""
    one, other = fold(clean_line(one, 120)), fold(clean_line(other, 120))
    if min(len(one.split()), len(other.split())) < 2:
        return False
    return fuzz.token_sort_ratio(one, other) >= NEARLY_EQUAL


# ---- what is open ----


def open_pairs(store_ids: Collection[int] | None) -> sa.Select[Any]:
    """The pairs that wait for a decision and whose both people have leads in those stores (None:
    all). For a list."""
    return _visible(store_ids).where(DuplicatePair.state == "open")


def pairs_of(person_id: int, store_ids: Collection[int] | None) -> list[DuplicatePair]:
    """The open pairs that this person is in, the strongest first. One statement."""
    rows = open_pairs(store_ids).where(
        sa.or_(DuplicatePair.older_id == person_id, DuplicatePair.newer_id == person_id)
    )
    newest = rows.order_by(DuplicatePair.strength.desc(), DuplicatePair.id)
    loads = (joinedload(DuplicatePair.older), joinedload(DuplicatePair.newer))
    return list(db.session.scalars(newest.options(*loads)))


def is_visible(pair: DuplicatePair, store_ids: Collection[int] | None) -> bool:
    """Whether both people of `pair` are there and have leads in those stores."""
    mine = _visible(store_ids).where(DuplicatePair.id == pair.id)
    return db.session.scalars(mine).one_or_none() is not None


def _visible(store_ids: Collection[int] | None) -> sa.Select[Any]:
    older, newer = aliased(Person), aliased(Person)
    rows = (
        sa.select(DuplicatePair)
        .join(older, older.id == DuplicatePair.older_id)
        .join(newer, newer.id == DuplicatePair.newer_id)
    )
    for person in (older, newer):
        rows = rows.where(person.merged_into_id.is_(None), person.erased_at.is_(None))
        lead = sa.exists().where(Lead.person_id == person.id)
        if store_ids is not None:
            rows = rows.where(lead.where(Lead.store_id.in_(store_ids)))
    return rows
