"""One car as a portal would be told of it, for people to read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from admin.portal_scope import is_pushed
from core.db import db
from integrators.listings.cars import load_cars
from integrators.listings.preview import ad_of, feed_pieces_of, fields_of
from integrators.listings.rules import Rules
from integrators.listings.terms import TermBook
from integrators.models import Listing, PortalAccount
from integrators.portals.portal import Car, Problem
from inventory.models import Vehicle


@dataclass(frozen=True)
class Part:
    """One part of what is sent: its fields to read, and the raw text."""

    name: str
    raw: str = ""
    fields: Sequence[tuple[str, str]] = ()
    is_changed: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Shown:
    """What would be sent of one car, or what keeps it back. Nothing: the account has no format
    that it may hand out."""

    car: Car | None
    photos: Sequence[str]  # their addresses on this site
    parts: Sequence[Part]
    problems: Sequence[Problem]
    is_first: bool  # the portal has nothing of it yet
    raw: str = ""


def preview_of(row: PortalAccount, vehicle: Vehicle, rules: Rules) -> Shown:
    """What the account would say of `vehicle` now."""
    whole = load_cars([vehicle.id])[vehicle.id]
    return _pushed(row, whole, rules) if is_pushed(row.kind) else _fed(row, whole, rules)


def _pushed(row: PortalAccount, vehicle: Vehicle, rules: Rules) -> Shown:
    statement = sa.select(Listing.parts).where(
        Listing.account_id == row.id, Listing.vehicle_id == vehicle.id
    )
    pushed = db.session.scalar(statement) or {}
    ad = ad_of(row, vehicle, rules, TermBook(row.kind), pushed)
    parts = [
        Part(
            name,
            fields=fields_of(part, "" if isinstance(part, Mapping) else name),
            is_changed=bool(pushed) and name in ad.changed,
        )
        for name, part in ad.draft.parts.items()
    ]
    return Shown(
        ad.car,
        _paths(ad.car),
        parts,
        ad.draft.problems,
        is_first=not pushed,
        raw=_json(dict(ad.draft.parts)) if parts else "",
    )


def _fed(row: PortalAccount, vehicle: Vehicle, rules: Rules) -> Shown:
    pieces = feed_pieces_of(row, vehicle, rules)
    parts = [Part(one.name, one.text, problem=one.problem) for one in pieces]
    car = pieces[0].car if pieces else None
    return Shown(car, _paths(car) if car else (), parts, (), is_first=False)


def _paths(car: Car) -> list[str]:
    return [urlsplit(address).path for address in car.photos]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
