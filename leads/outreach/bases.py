"""On which ground of the LGPD we hold the contact of somebody who did not write to us.

Art. 7 names the grounds; art. 8 § 1 and 2 lay the proof of consent on us; art. 10 allows legitimate
interest only for what people can expect, such as a call to a customer. Lists that were bought have
none of these and are not imported.

DomainError
└── NoBasis     a ground without what proves it; the sentence says what is missing
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import sqlalchemy as sa
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from core.clock import now, today
from core.db import db
from core.errors import DomainError
from core.text import clean_line, clean_text
from leads.models import Person
from leads.outreach.models import ContactBasis

CONSENT: Final = "consent"
BASES: Final[Mapping[str, LazyString]] = {
    "contract": _l("Contract: they bought or had a car serviced here (art. 7, V)"),
    "legitimate": _l("Legitimate interest: customers or firms that can expect it (art. 7, IX)"),
    CONSENT: _l("Consent: they agreed to be contacted (art. 7, I)"),
}
OLDEST: Final = date(1990, 1, 1)


class NoBasis(DomainError):
    """A ground without what proves it."""


@dataclass(frozen=True)
class Basis:
    """A ground, where the contacts came from, what proves it, and since when."""

    basis: str
    source: str
    proof: str
    obtained_on: date | None = None


def checked(basis: Basis) -> Basis:
    """`basis` fit to store. Raises NoBasis."""
    if basis.basis not in BASES:
        raise NoBasis(_("Say on which legal basis you hold these contacts."))
    source, proof = clean_line(basis.source, 120), clean_text(basis.proof, 2000)
    if not source:
        raise NoBasis(_("Say where the contacts come from."))
    if not proof:
        raise NoBasis(_("Write what proves it, or why they can expect to hear from us."))
    if basis.basis == CONSENT and basis.obtained_on is None:
        raise NoBasis(_("Consent needs the day on which they gave it."))
    if basis.obtained_on and not OLDEST <= basis.obtained_on <= today():
        raise NoBasis(_("This day cannot be right."))
    return Basis(basis.basis, source, proof, basis.obtained_on)


def note_basis(
    person: Person,
    basis: Basis,
    *,
    by: str,
    import_id: int | None = None,
    is_new: bool = False,
) -> ContactBasis | None:
    """Keep that we hold `person` on `basis`, checked; None when we knew. `is_new`: the person was
    unknown until now. Inside `writing()`."""
    same = sa.select(ContactBasis.id).where(
        ContactBasis.person_id == person.id,
        ContactBasis.basis == basis.basis,
        ContactBasis.source == basis.source,
        ContactBasis.ended_at.is_(None),
    )
    if not is_new and db.session.scalar(same.limit(1)) is not None:
        return None
    row = ContactBasis(
        person_id=person.id, basis=basis.basis, source=basis.source, proof=basis.proof,
        obtained_on=basis.obtained_on, import_id=import_id, by=by, at=now(),
    )  # fmt: skip
    db.session.add(row)
    db.session.flush()
    return row


def bases_of(person: Person) -> list[ContactBasis]:
    """On which grounds we hold `person` now, oldest first."""
    live = sa.select(ContactBasis).where(
        ContactBasis.person_id == person.id, ContactBasis.ended_at.is_(None)
    )
    return list(db.session.scalars(live.order_by(ContactBasis.id)))
